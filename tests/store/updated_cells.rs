//! Cells that replace others make no row that could not have been written.

use crate::common::small::{Profile, build, png};
use arrow_array::builder::StringDictionaryBuilder;
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, Int32Array, Int64Array, LargeStringArray};
use std::sync::Arc;
use surgdb::dataset::{BlobSource, CellUpdate};
use surgdb::rows::{ConversationRow, FrameRow, TurnRow};
use surgdb::schema::build::ConversationsBuilder;
use surgdb::schema::tables::conversations;
use surgdb::{Address, Column, Dataset, ErrorKind, Operation, Result, Table};

fn small() -> (tempfile::TempDir, Dataset) {
    let dir = tempfile::tempdir().unwrap();
    let dataset = build(&dir.path().join("d.surgdb"), Profile::Train).unwrap();
    (dir, dataset)
}

fn words(values: &[&str]) -> ArrayRef {
    let mut builder = StringDictionaryBuilder::<Int32Type>::new();
    values.iter().for_each(|value| builder.append_value(*value));
    Arc::new(builder.finish())
}

fn update(table: Table, column: &str, address: Address, values: ArrayRef) -> CellUpdate {
    CellUpdate::new(table, Column::parse(column).unwrap(), vec![address], values)
}

/// What this row says in a column, for the conversation at an address.
fn cells(row: &ConversationRow, column: usize, address: Address) -> CellUpdate {
    let mut builder = ConversationsBuilder::new();
    builder.push(row).unwrap();
    let values = builder.finish().unwrap().column(column).clone();
    CellUpdate::new(Table::Conversations, Table::Conversations.columns()[column].clone(), vec![address], values)
}

fn refused(outcome: Result<Dataset>, says: &str) {
    let Err(error) = outcome else { panic!("{says:?} was not refused") };
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    assert!(error.to_string().contains(says), "{error}");
}

#[test]
fn a_cell_that_no_row_could_have_is_refused_with_row_and_field() {
    let (_dir, dataset) = small();
    let frame = dataset.address(Table::Frames, 0).unwrap();
    let sample = dataset.address(Table::Conversations, 0).unwrap();
    let version = dataset.version();
    refused(dataset.update_cells(update(Table::Frames, "kind: dict", frame, words(&[""]))), "kind: it is empty");
    refused(dataset.update_cells(update(Table::Frames, "kind: dict", frame, words(&[""]))), &frame.to_string());
    let text = |text: &str| Arc::new(LargeStringArray::from(vec![text])) as ArrayRef;
    refused(dataset.update_cells(update(Table::Frames, "extra?: text", frame, text("[1]"))), "extra: it is no JSON");
    let origin = update(Table::Conversations, "origin?: dict", sample, words(&["somebody"]));
    refused(dataset.update_cells(origin), "origin: \"somebody\"");
    let blob = dataset.address(Table::Blobs, 0).unwrap();
    refused(dataset.update_cells(update(Table::Blobs, "media_type: dict", blob, words(&[""]))), "media_type");
    let case = dataset.address(Table::Cases, 0).unwrap();
    refused(dataset.update_cells(update(Table::Cases, "extra?: text", case, text("{"))), "extra: it is not JSON");
    assert_eq!(Dataset::open(dataset.path()).unwrap().version(), version);
    dataset.update_cells(update(Table::Frames, "extra?: text", frame, text("{\"a\":1}"))).unwrap();
}

#[test]
fn columns_that_belong_together_are_checked_together() {
    let (_dir, dataset) = small();
    let sample = dataset.address(Table::Conversations, 0).unwrap();
    let row = dataset.conversation(0).unwrap().to_row().unwrap();
    assert!(!row.media.is_empty() && !row.grounding.is_empty() && row.turns[0].text.starts_with("<image>"));
    let mut other = row.clone();
    let turn = |role: &str, text: &str| TurnRow { role: role.into(), text: text.into(), ..TurnRow::default() };
    let text = "At [0.1, 0.2, 0.3, 0.4].";
    other.turns = vec![turn("user", "<image> Where?"), turn("assistant", "?"), turn("assistant", text)];
    other.grounding.truncate(1);
    (other.grounding[0].turn, other.grounding[0].byte_start, other.grounding[0].byte_end) = (2, 3, 23);
    let turns = cells(&other, conversations::TURNS, sample);
    let grounding = cells(&other, conversations::GROUNDING, sample);
    refused(dataset.update_cells(turns.clone()), "grounding[0]");
    refused(dataset.update_cells(grounding.clone()), "grounding[0]");

    let mut appender = dataset.append().unwrap();
    appender.update(turns).unwrap();
    appender.update(grounding).unwrap();
    let dataset = appender.commit(Operation::new("column")).unwrap();
    assert_eq!(dataset.conversation(0).unwrap().to_row().unwrap(), other);
    assert!(dataset.verify(&mut |_, _| {}).unwrap().is_sound());
}

#[test]
fn two_writers_that_change_what_belongs_together_do_not_both_land() {
    let (_dir, dataset) = small();
    let sample = dataset.address(Table::Conversations, 0).unwrap();
    let mut row = dataset.conversation(0).unwrap().to_row().unwrap();
    row.grounding.clear();
    row.media.truncate(1);
    dataset.update_cells(cells(&row, conversations::GROUNDING, sample)).unwrap();
    let error = dataset.update_cells(cells(&row, conversations::MEDIA, sample)).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
}

#[test]
fn a_frame_says_the_size_of_its_picture_or_is_refused() {
    let (_dir, dataset) = small();
    let mut appender = dataset.append().unwrap();
    let bytes = png(30, 20, 99);
    let blob = appender.blob(BlobSource::Bytes { media_type: "image/png", bytes: &bytes }).unwrap();
    let frame = |id: &str, width, height| FrameRow {
        id: id.into(),
        source: "one".into(),
        kind: "rgb".into(),
        blob: Some(blob.address),
        width,
        height,
        ..FrameRow::default()
    };
    for (width, height) in [(Some(30), Some(21)), (None, Some(30)), (Some(20), None)] {
        let error = appender.frame(&frame("x", width, height)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().contains("its picture is 30×20"), "{error}");
    }
    let address = appender.frame(&frame("x", Some(30), Some(20))).unwrap();
    appender.frame(&frame("y", None, None)).unwrap();
    let strange = appender.blob(BlobSource::Bytes { media_type: "image/x-raw", bytes: b"no header" }).unwrap();
    let unknown = FrameRow { blob: Some(strange.address), ..frame("z", Some(1), Some(2)) };
    appender.frame(&unknown).unwrap();
    let dataset = appender.commit(Operation::new("append")).unwrap();

    // A picture that is stored already, and a size that is replaced.
    let error = dataset.append().unwrap().frame(&frame("w", Some(1), Some(20))).unwrap_err();
    assert!(error.to_string().contains("30×20"), "{error}");
    let height = |height: i32| {
        let values = Arc::new(Int32Array::from(vec![height]));
        dataset.update_cells(update(Table::Frames, "height?: int32", address, values))
    };
    refused(height(21), "30×20");
    assert_eq!(height(20).unwrap().version(), dataset.version() + 1);
}

#[test]
fn a_picture_that_comes_with_the_commit_is_held_against_the_sizes_too() {
    let (dir, dataset) = small();
    let large = dir.path().join("large.png");
    // Large enough to be copied as it is read.
    std::fs::write(&large, [png(30, 20, 99), vec![0; 33 << 20]].concat()).unwrap();
    let frame = |id: &str, blob| FrameRow {
        id: id.into(),
        source: "one".into(),
        kind: "rgb".into(),
        blob: Some(blob),
        width: Some(30),
        height: Some(21),
        ..FrameRow::default()
    };
    for (id, source) in [
        ("streamed", BlobSource::File { media_type: "image/png", path: &large }),
        ("linked", BlobSource::Linked { media_type: "image/png", path: &large }),
    ] {
        let mut appender = dataset.append().unwrap();
        let blob = appender.blob(source).unwrap().address;
        let error = appender.frame(&frame(id, blob)).unwrap_err();
        assert!(error.to_string().contains("its picture is 30×20"), "{error}");
        let right = FrameRow { height: Some(20), ..frame(id, blob) };
        let address = appender.frame(&right).unwrap();
        let dataset = appender.commit(Operation::new("append")).unwrap();

        // Other bytes for a row that is there, of another size.
        let other = |says: i32| {
            let mut appender = dataset.append().unwrap();
            let bytes = png(40, 20, 98);
            let blob = appender.blob(BlobSource::Bytes { media_type: "image/png", bytes: &bytes }).unwrap().address;
            let blobs = Arc::new(Int64Array::from(vec![blob.get()]));
            appender.update(update(Table::Frames, "blob?: ref", address, blobs)).unwrap();
            let width = Arc::new(Int32Array::from(vec![says]));
            appender.update(update(Table::Frames, "width?: int32", address, width)).unwrap();
            appender.commit(Operation::new("attach"))
        };
        refused(other(30), "its picture is 40×20");
        other(40).unwrap();
    }
}

#[test]
fn rows_do_not_lead_back_to_themselves_by_their_parents() {
    let dir = tempfile::tempdir().unwrap();
    let mut appender = Dataset::create(dir.path().join("d.surgdb")).unwrap().append().unwrap();
    let frames = ["a", "b"].map(|id| {
        let row = FrameRow { id: id.into(), source: "mine".into(), kind: "rgb".into(), ..FrameRow::default() };
        appender.frame(&row).unwrap()
    });
    let dataset = appender.commit(Operation::new("append")).unwrap();
    let of = |row: usize| frames[row];
    let parents = |rows: &[(usize, usize)]| {
        let addresses = rows.iter().map(|(row, _)| of(*row)).collect();
        let values = rows.iter().map(|(_, parent)| of(*parent).get()).collect::<Vec<_>>();
        let column = Column::parse("parent?: ref").unwrap();
        CellUpdate::new(Table::Frames, column, addresses, Arc::new(Int64Array::from(values)))
    };
    refused(dataset.update_cells(parents(&[(0, 0)])), "parent: it leads back to itself");
    refused(dataset.update_cells(parents(&[(0, 1), (1, 0)])), "parent: it leads back to itself");
    let one = dataset.update_cells(parents(&[(0, 1)])).unwrap();
    refused(one.update_cells(parents(&[(1, 0)])), "parent: it leads back to itself");
    assert!(one.verify(&mut |_, _| {}).unwrap().is_sound());
}
