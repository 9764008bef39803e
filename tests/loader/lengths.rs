//! The lengths of samples: read from columns, or estimated from texts and pictures.

use arrow_array::{ArrayRef, Int16Array, Int64Array, LargeStringArray, UInt32Array};
use std::path::Path;
use std::sync::Arc;
use surgdb::dataset::{DeleteOptions, Filter, Selection};
use surgdb::load::{
    Budget, Estimate, Length, Lengths, Overlong, PictureSource, Place, TokenSource, write_token_estimate,
};
use surgdb::rows::{ConversationRow, FrameRow, MediumRow, TurnRow, VideoRow};
use surgdb::{Address, Column, Dataset, ErrorKind, Operation, Table};

/// Conversations of 1, 2, 3, … bytes: some with pictures, the last one with a clip.
fn dataset(path: &Path) -> Dataset {
    let mut appender = Dataset::create(path).unwrap().append().unwrap();
    let frame = |id: &str, size: Option<(i32, i32)>| FrameRow {
        id: id.into(),
        source: "test".into(),
        kind: "rgb".into(),
        width: size.map(|size| size.0),
        height: size.map(|size| size.1),
        ..Default::default()
    };
    let known = appender.frame(&frame("known", Some((854, 480)))).unwrap();
    let unknown = appender.frame(&frame("unknown", None)).unwrap();
    let video = VideoRow {
        id: "video".into(),
        source: "test".into(),
        width: Some(56),
        height: Some(28),
        duration: Some(7.0),
        ..Default::default()
    };
    let video = appender.video(&video).unwrap();
    let medium = |refs: &[Address]| MediumRow { turn: 0, refs: refs.to_vec(), ..Default::default() };
    let media = [
        vec![],
        vec![medium(&[known])],
        vec![medium(&[known]), medium(&[unknown, known])],
        vec![medium(&[video])],
        vec![MediumRow { start: Some(1.0), end: Some(3.0), fps: Some(4.0), ..medium(&[video]) }],
    ];
    for (number, media) in media.into_iter().enumerate() {
        let turn = |role: &str, text: String| TurnRow { role: role.into(), text, ..Default::default() };
        let row = ConversationRow {
            id: number.to_string(),
            source: "test".into(),
            task: "image captioning".into(),
            turns: vec![turn("user", "x".repeat(number)), turn("assistant", "y".into())],
            media,
            ..Default::default()
        };
        appender.conversation(&row).unwrap();
    }
    appender.commit(Operation::new("append")).unwrap()
}

fn all(dataset: &Dataset) -> Selection {
    dataset.select(Table::Conversations, &Filter::eq("source", "test")).unwrap()
}

fn of(lengths: &Lengths, group: u32) -> Vec<(u32, u32)> {
    let count = lengths.group_lens()[group as usize];
    (0..count).map(|index| lengths.get(Place { group, index })).map(|length| (length.tokens, length.pictures)).collect()
}

fn added(dataset: &Dataset, column: &str, values: ArrayRef) -> Dataset {
    dataset.add_column(Table::Conversations, Column::parse(column).unwrap(), values).unwrap()
}

/// ⌈854 / 28⌉ × ⌈480 / 28⌉.
const PICTURE: u32 = 31 * 18;

#[test]
fn an_estimate_counts_bytes_and_patches() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = dataset(&dir.path().join("a.surgdb"));
    let selection = all(&dataset);
    let read = |estimate: Estimate, pictures: PictureSource| {
        let lengths = Lengths::read(&dataset, &[&selection], &TokenSource::Estimate(estimate), &pictures).unwrap();
        of(&lengths, 0)
    };
    // A video of 7 seconds is 14 frames, two of them to a time step of 2 × 1 tokens; the clip of 2 seconds is 8 frames.
    let expected = [(1, 0), (1 + PICTURE, 1), (1 + 3 * PICTURE, 3), (1 + 14, 1), (2 + 8, 1)];
    assert_eq!(read(Estimate::default(), PictureSource::Media), expected);
    let other = Estimate { bytes: 1, patch: 16, merge: 1, size: (16, 32), fps: 1.0, ..Estimate::default() };
    let picture = 54 * 30;
    let expected = [1, 2 + picture, 3 + 2 * picture + 2, 4 + 4 * 4 * 2, 5 + 4 * 4 * 2].map(|tokens| (tokens, 0));
    assert_eq!(read(other, PictureSource::None), expected);
    let wrong = TokenSource::Estimate(Estimate { patch: 0, ..Estimate::default() });
    assert!(Lengths::read(&dataset, &[&selection], &wrong, &PictureSource::None).is_err());
}

#[test]
fn an_estimate_is_written_as_a_column_and_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = dataset(&dir.path().join("a.surgdb"));
    let estimate = Estimate::default();
    let (after, rows, tokens) = write_token_estimate(&dataset, "tokens", estimate, false, |_| Ok(())).unwrap();
    assert_eq!((rows, u64::from(4 * PICTURE + 6 + 14 + 8)), (5, tokens));
    let source = TokenSource::Column("tokens".into());
    let from_column = Lengths::read(&after, &[&all(&after)], &source, &PictureSource::Media).unwrap();
    let estimated =
        Lengths::read(&after, &[&all(&after)], &TokenSource::Estimate(estimate), &PictureSource::Media).unwrap();
    assert_eq!(from_column, estimated);
    let again = write_token_estimate(&after, "tokens", estimate, false, |_| Ok(())).unwrap_err();
    assert_eq!(again.kind(), ErrorKind::Exists);
    assert!(write_token_estimate(&after, "tokens", estimate, true, |_| Ok(())).is_ok());
}

#[test]
fn columns_of_any_whole_numbers_give_lengths_for_overlapping_groups() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = dataset(&dir.path().join("a.surgdb"));
    let dataset = added(&dataset, "tokens?: int64", Arc::new(Int64Array::from(vec![10, 20, 30, 40, 50])));
    let dataset = added(&dataset, "shown?: int16", Arc::new(Int16Array::from(vec![0, 1, 2, 3, 4])));
    let all = all(&dataset);
    let some = Selection::of(&dataset, Table::Conversations, [1, 3].map(|at| all.get(at).unwrap())).unwrap();
    let source = TokenSource::Column("tokens".into());
    let lengths = Lengths::read(&dataset, &[&some, &all], &source, &PictureSource::Column("shown".into())).unwrap();
    assert_eq!(of(&lengths, 0), [(20, 1), (40, 3)]);
    assert_eq!(of(&lengths, 1), [(10, 0), (20, 1), (30, 2), (40, 3), (50, 4)]);
    assert_eq!(lengths.get(Place { group: 2, index: 0 }), Length::default());
    let same = Lengths::read(&dataset, &[&some], &source, &PictureSource::Column("tokens".into())).unwrap();
    assert_eq!(of(&same, 0), [(20, 20), (40, 40)]);
}

#[test]
fn a_sample_without_a_length_is_named_and_one_that_is_gone_counts_as_the_mean() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = dataset(&dir.path().join("a.surgdb"));
    let selection = all(&dataset);
    let values = UInt32Array::from(vec![Some(10), Some(20), None, Some(40), Some(51)]);
    let dataset = added(&dataset, "tokens?: uint32", Arc::new(values));
    let dataset = added(&dataset, "words?: text", Arc::new(LargeStringArray::from(vec!["a"; 5])));
    let dataset = added(&dataset, "below?: int64", Arc::new(Int64Array::from(vec![1, 2, -3, 4, 5])));
    let read = |dataset: &Dataset, column: &str| {
        Lengths::read(dataset, &[&selection], &TokenSource::Column(column.into()), &PictureSource::None)
    };
    let error = read(&dataset, "tokens").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().starts_with(&format!("conversation {}", selection.get(2).unwrap())), "{error}");
    assert!(read(&dataset, "words").unwrap_err().message().contains("whole numbers"));
    assert!(read(&dataset, "below").unwrap_err().message().contains("no length"));
    assert_eq!(read(&dataset, "none").unwrap_err().kind(), ErrorKind::NotFound);
    let gone = [selection.get(2).unwrap(), selection.get(4).unwrap()];
    let after = dataset.delete(gone, DeleteOptions::default()).unwrap();
    let lengths = read(&after, "tokens").unwrap();
    assert_eq!(of(&lengths, 0), [(10, 0), (20, 0), (24, 0), (40, 0), (24, 0)]);
}

#[test]
fn samples_over_the_budget_are_found_before_a_run_starts() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = dataset(&dir.path().join("a.surgdb"));
    let selection = all(&dataset);
    let source = TokenSource::Estimate(Estimate::default());
    let lengths = Lengths::read(&dataset, &[&selection], &source, &PictureSource::Media).unwrap();
    let check = |tokens, pictures, overlong| lengths.check(&[&selection], &Budget { tokens, pictures, overlong });
    assert!(check(4096, Some(3), Overlong::Error).is_ok());
    assert!(check(500, None, Overlong::Alone).is_ok());
    for (tokens, pictures, at, over) in [(500, None, 1, 2), (600, None, 2, 1), (4096, Some(2), 2, 1)] {
        let error = check(tokens, pictures, Overlong::Error).unwrap_err().to_string();
        assert!(error.starts_with(&format!("conversation {}", selection.get(at).unwrap())), "{error}");
        assert!(error.contains(&format!("({over} such samples")), "{error}");
    }
}
