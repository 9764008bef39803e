//! What is in a dataset, in numbers: every row counted once, in the groups that it belongs to.

use crate::common::pictures::grey_png;
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, DictionaryArray};
use std::sync::Arc;
use surgdb::dataset::{BlobSource, CellUpdate, Filter, Group, NOT_SAID, Stats};
use surgdb::rows::{
    AnnotationRow, CaseRow, ConversationRow, FrameRow, LabelRow, MediumRow, ReasoningRow, RegionRow, TurnRow, VideoRow,
};
use surgdb::{Address, Appender, Column, Dataset, Operation, Table};
use tempfile::TempDir;

struct Made {
    _dir: TempDir,
    dataset: Dataset,
}

fn frame(appender: &mut Appender, id: &str, video: Address, blob: Option<Address>) -> Address {
    let row = FrameRow {
        id: id.into(),
        source: "mine".into(),
        kind: "rgb".into(),
        video: Some(video),
        path: Some(id.into()),
        blob,
        width: Some(4),
        height: Some(3),
        origin: Some("human".into()),
        ..FrameRow::default()
    };
    appender.frame(&row).unwrap()
}

fn conversation(id: &str, task: &str, frames: &[Address], nodes: usize) -> ConversationRow {
    let turn = |role: &str, text: &str| TurnRow { role: role.into(), text: text.into(), ..TurnRow::default() };
    ConversationRow {
        id: id.into(),
        source: "mine".into(),
        task: task.into(),
        turns: vec![turn("user", "12345"), turn("assistant", "1234567")],
        media: frames.iter().map(|at| MediumRow { turn: 0, refs: vec![*at], ..MediumRow::default() }).collect(),
        // A chain: each node below the one before.
        reasoning: (0..nodes)
            .map(|node| ReasoningRow {
                turn: 1,
                parent: node.checked_sub(1).map(|parent| parent as i32),
                subtree_end: nodes as i32,
                level: Some(1),
                text: "123".into(),
                ..ReasoningRow::default()
            })
            .collect(),
        ..ConversationRow::default()
    }
}

fn annotation(id: &str, target: Address, labels: &[(&str, Option<&str>, &str)], boxes: usize) -> AnnotationRow {
    let label = |(axis, label, raw): &(&str, Option<&str>, &str)| LabelRow {
        axis: (*axis).into(),
        label: label.map(str::to_owned),
        raw: (*raw).into(),
        value: None,
    };
    AnnotationRow {
        id: id.into(),
        source: "mine".into(),
        annotator: None,
        status: Some("single".into()),
        origin: None,
        generator: None,
        target,
        start: None,
        end: None,
        parent: None,
        text: None,
        labels: labels.iter().map(label).collect(),
        regions: vec![RegionRow { bbox: Some([0.1, 0.1, 0.2, 0.2]), ..RegionRow::default() }; boxes],
        extra: None,
        record: None,
    }
}

/// Two cases with a video each; three frames, of which two have one content and one is missing; four conversations.
fn made() -> Made {
    let dir = tempfile::tempdir().unwrap();
    let mut appender = Dataset::create(dir.path().join("a.surgdb")).unwrap().append().unwrap();
    let mut video = |id: &str| {
        let case = CaseRow { id: format!("case-{id}"), source: "mine".into(), ..CaseRow::default() };
        let case = appender.case(&case).unwrap();
        let row = VideoRow {
            id: id.into(),
            source: "mine".into(),
            case: Some(case),
            duration: Some(30.0),
            ..VideoRow::default()
        };
        appender.video(&row).unwrap()
    };
    let (one, two) = (video("v1"), video("v2"));
    let bytes = grey_png(4, 3, 8, 7);
    let blob = appender.blob(BlobSource::Bytes { media_type: "image/png", bytes: &bytes }).unwrap().address;
    let first = frame(&mut appender, "f1", one, Some(blob));
    let again = frame(&mut appender, "f2", two, Some(blob));
    let gone = frame(&mut appender, "f3", two, None);
    for row in [
        conversation("q1", "phase recognition", &[first], 0),
        conversation("q2", "phase recognition", &[again], 3),
        conversation("q3", "captioning", &[first, again, gone], 1),
        conversation("q4", "captioning", &[], 0),
    ] {
        appender.conversation(&row).unwrap();
    }
    let grasper = ("instrument", Some("grasper"), "Grasper");
    for row in [
        annotation("a1", first, &[grasper, ("phase", None, "prep")], 2),
        annotation("a2", again, &[grasper], 0),
        AnnotationRow { start: Some(1.0), end: Some(2.0), ..annotation("a3", two, &[("phase", None, "prep")], 0) },
    ] {
        appender.annotation(&row).unwrap();
    }
    appender.commit(Operation::new("append")).unwrap();
    let dataset = Dataset::open(dir.path().join("a.surgdb")).unwrap();
    Made { _dir: dir, dataset }
}

fn group<'s>(stats: &'s Stats, column: &str, value: &str) -> &'s Group {
    let (_, groups) = stats.samples.by.iter().find(|(name, _)| name == column).unwrap();
    groups.get(value).unwrap_or_else(|| panic!("{column} {value} is not among {:?}", groups.keys()))
}

#[test]
fn conversations_are_counted_in_each_of_their_groups() {
    let made = made();
    let stats = made.dataset.stats(None, &mut |_| Ok(())).unwrap();
    let size = grey_png(4, 3, 8, 7).len() as u64;
    let all = &stats.samples.all;
    assert_eq!((all.samples, all.turns, all.text_bytes, all.media, all.missing), (4, 8, 48, 5, 1));
    assert_eq!((all.reasoned, all.reasoning_nodes, all.reasoning_bytes, all.reasoning_depth), (2, 4, 12, 3));
    assert_eq!(all.media_bytes, size, "one content, though two frames show it");

    let phases = group(&stats, "task", "phase recognition");
    assert_eq!((phases.samples, phases.reasoning_depth, phases.media, phases.missing), (2, 3, 2, 0));
    assert_eq!(group(&stats, "task", "captioning").missing, 1);
    // Conversations have no case of their own here: that of the video whose frame they show first.
    let cases = ["mine/case-v1", "mine/case-v2", NOT_SAID].map(|case| group(&stats, "case", case).samples);
    assert_eq!(cases, [2, 1, 1]);
    for (column, groups) in &stats.samples.by {
        assert_eq!(groups.values().map(|group| group.samples).sum::<u64>(), 4, "{column}");
        assert_eq!(groups.values().map(|group| group.text_bytes).sum::<u64>(), 48, "{column}");
    }
    let depth = &stats.samples.reasoning_depth;
    assert_eq!((depth.count, depth.most, depth.quantile(0.5)), (2, 3, Some(1)));
    assert_eq!(stats.samples.reasoning_levels["1"], 4);
}

#[test]
fn pictures_videos_and_annotations_are_counted() {
    let made = made();
    let stats = made.dataset.stats(None, &mut |_| Ok(())).unwrap();
    let size = grey_png(4, 3, 8, 7).len() as u64;
    let frames = &stats.frames;
    assert_eq!((frames.all.count, frames.all.missing, frames.all.bytes), (3, 1, size));
    assert_eq!((frames.all.unnamed, stats.videos.all.missing, stats.videos.all.unnamed), (0, 0, 2));
    assert_eq!((frames.sizes[&(4, 3)], frames.sources["mine"].bytes, frames.origins["human"]), (3, size, 3));
    assert_eq!((stats.videos.all.count, stats.videos.kinds["no_file"].count, stats.videos.seconds), (2, 2, 60.0));
    let annotations = &stats.annotations;
    assert_eq!((annotations.count, annotations.boxes, annotations.stretches), (3, 2, 1));
    let [instruments, phases] = ["instrument", "phase"].map(|axis| &annotations.labels[axis]);
    assert_eq!((instruments.counts["grasper"], instruments.raw), (2, 0));
    assert_eq!((phases.counts["prep"], phases.raw), (2, 2));
}

#[test]
fn annotations_that_are_in_no_part_of_a_split_are_counted_beside_those_that_are() {
    let made = made();
    let first = made.dataset.find(Table::Annotations, "a1").unwrap().unwrap();
    let column = Column::parse("split?: dict").unwrap();
    let train = Arc::new(DictionaryArray::<Int32Type>::from_iter(["train"])) as ArrayRef;
    let dataset = made.dataset.update_cells(CellUpdate::new(Table::Annotations, column, vec![first], train)).unwrap();
    let stats = dataset.stats(None, &mut |_| Ok(())).unwrap();
    assert_eq!(stats.annotations.splits, [(NOT_SAID.to_owned(), 2), ("train".to_owned(), 1)].into());
}

#[test]
fn a_part_counts_what_it_shows_alone() {
    let made = made();
    let filter = Filter::parse("id = 'q1'").unwrap();
    let selection = made.dataset.select(Table::Conversations, &filter).unwrap();
    let stats = made.dataset.stats(Some(&selection), &mut |_| Ok(())).unwrap();
    assert_eq!((stats.samples.all.samples, stats.frames.all.count, stats.videos.all.count), (1, 1, 0));
    assert_eq!((stats.annotations.count, stats.annotations.labels["phase"].counts["prep"]), (1, 1));
    let frames = made.dataset.select(Table::Frames, &Filter::all()).unwrap();
    assert!(made.dataset.stats(Some(&frames), &mut |_| Ok(())).is_err());
}

#[test]
fn whoever_watches_can_stop_it() {
    let made = made();
    let mut tables = Vec::new();
    made.dataset
        .stats(None, &mut |at| {
            tables.push((at.table, at.total));
            Ok(())
        })
        .unwrap();
    assert_eq!(tables, [(Table::Conversations, 4), (Table::Frames, 3), (Table::Videos, 2), (Table::Annotations, 3)]);
    let stopped = made.dataset.stats(None, &mut |_| Err(surgdb::Error::invalid("stop")));
    assert!(stopped.unwrap_err().to_string().contains("stop"));
}
