//! Public data, where it is at hand: what no file was ever named for included, all comes back equal from every form.

use super::rows::{Rows, Symbols};
use crate::common::samples::{Samples, symbol};
use crate::common::skip::skipped;
use crate::common::stored::stored;
use std::collections::HashMap;
use std::path::Path;
use surgdb::export::{ExportFormat, ExportOptions, ExportReport, MessageStyle, OnMissing, export};
use surgdb::import::{ImportOptions, SourceDescription, import};
use surgdb::rows::*;
use surgdb::{Dataset, Table};

/// Folders whose conversations are compared, and whether there are media of theirs for which no file was ever named.
const FOLDERS: [(&str, bool); 4] = [
    ("surgvlm_examples", false),
    ("endovis18_vqa_corpus", true),
    ("surgsigma_examples", true),
    ("kvasir_vqa_staged", false),
];

fn imported(path: &Path, from: &Path) -> Dataset {
    let dataset = Dataset::create(path).unwrap();
    let options = ImportOptions::new(SourceDescription::named("source"));
    import(&dataset, &[from.to_owned()], &options, &mut |_| {}).unwrap();
    Dataset::open(path).unwrap()
}

/// The forms that are imported again.
fn forms() -> Vec<ExportOptions<'static>> {
    let of = |format| ExportOptions { format, ..ExportOptions::default() };
    let styles = [MessageStyle::Qwen, MessageStyle::OpenAi];
    let styles = styles.map(|style| ExportOptions { style, ..of(ExportFormat::Messages) });
    let formats = [ExportFormat::Llava, ExportFormat::Messages, ExportFormat::Hf, ExportFormat::WebDataset];
    formats.map(of).into_iter().chain(styles).collect()
}

/// Exports, and imports again.
fn again(dataset: &Dataset, dir: &Path, options: &ExportOptions<'_>) -> (ExportReport, Dataset) {
    let out = dir.join("out");
    let report = export(dataset, &out, options, &mut |_| Ok(())).unwrap();
    let mut from = out.clone();
    if options.format == ExportFormat::WebDataset {
        from = dir.join("unpacked");
        for entry in std::fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.extension().is_some_and(|ending| ending == "tar") {
                tar::Archive::new(std::fs::File::open(entry).unwrap()).unpack(&from).unwrap();
            }
        }
    }
    (report, imported(&dir.join("again.surgdb"), &from))
}

/// Holds the rows of one table against those of another dataset.
fn compare<T: std::fmt::Debug + PartialEq>(before: &HashMap<String, T>, after: &HashMap<String, T>, what: &str) {
    assert_eq!(before.len(), after.len(), "{what}");
    for (id, row) in before {
        assert_eq!(after.get(id), Some(row), "{what}");
    }
}

#[test]
fn every_record_of_public_data_comes_back_equal_from_every_form() {
    let data = Path::new("../shared/data");
    if !data.is_dir() {
        skipped("there is no ../shared/data, whose records are compared");
        return;
    }
    for (folder, has_nameless) in FOLDERS {
        let dir = tempfile::tempdir().unwrap();
        let dataset = imported(&dir.path().join("first.surgdb"), &data.join(folder));
        let mut symbols = Symbols::default();
        let before = Rows::of(&dataset, &mut symbols);
        let frames = before.frames.values().filter(|row| row.blob.is_none() && row.path.is_none()).count();
        let videos = before.videos.values().filter(|row| row.blob.is_none() && row.path.is_none()).count();
        let nameless = (frames + videos) as u64;
        assert_eq!(nameless > 0, has_nameless, "{folder}");
        for options in forms() {
            let what = format!("{folder}: {} {:?}", options.format.name(), options.style);
            let dir = tempfile::tempdir().unwrap();
            let (report, again) = again(&dataset, dir.path(), &options);
            assert_eq!(report.nameless, nameless, "{what}");
            let after = Rows::of(&again, &mut symbols);
            compare(&before.conversations, &after.conversations, &what);
            compare(&before.frames, &after.frames, &what);
            compare(&before.videos, &after.videos, &what);
        }
    }
}

/// A conversation whose picture has no name, one whose clip has a frame and whose answer a video without one, and one that
/// shows nothing.
fn nameless(dir: &Path) -> Dataset {
    let frame = |id: &str, path: Option<&str>| FrameRow {
        id: id.into(),
        source: "source".into(),
        kind: "mask".into(),
        index: Some(7),
        path: path.map(str::to_owned),
        ..FrameRow::default()
    };
    let video = VideoRow { id: "clip".into(), source: "source".into(), ..VideoRow::default() };
    let said = |role: &str, text: &str| TurnRow { role: role.into(), text: text.into(), ..TurnRow::default() };
    let shown = |turn: i32, text: &str, refs: &[(Table, usize)]| MediumRow {
        turn,
        at: (!text.is_empty()).then_some(0),
        output: turn == 1,
        refs: refs.iter().map(|(table, place)| symbol(*table, *place)).collect(),
        ..MediumRow::default()
    };
    let conversation = |id: &str, asked: &str, media: Vec<MediumRow>| ConversationRow {
        id: id.into(),
        source: "source".into(),
        task: "t".into(),
        turns: vec![said("user", asked), said("assistant", "this")],
        media,
        ..ConversationRow::default()
    };
    let clip = [(Table::Frames, 1), (Table::Frames, 0)];
    let samples = Samples {
        blobs: Vec::new(),
        cases: Vec::new(),
        videos: vec![video],
        frames: vec![frame("seq 1/a%.png", None), frame("b.png", Some("b.png"))],
        annotations: Vec::new(),
        conversations: vec![
            conversation("one", "<image> what?", vec![shown(0, "<image>", &clip[1..])]),
            conversation(
                "clips",
                "<video> how?",
                vec![shown(0, "<video>", &clip), shown(1, "", &[(Table::Videos, 0)]), shown(1, "", &clip[1..])],
            ),
            conversation("none", "why?", Vec::new()),
        ],
    };
    stored(&dir.join("nameless.surgdb"), samples)
}

#[test]
fn nulls_stand_for_what_has_no_name_and_are_it_again() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = nameless(dir.path());
    let mut symbols = Symbols::default();
    let before = Rows::of(&dataset, &mut symbols);
    for options in forms() {
        let dir = tempfile::tempdir().unwrap();
        let what = format!("{} {:?}", options.format.name(), options.style);
        let (report, again) = again(&dataset, dir.path(), &options);
        assert_eq!((report.rows["conversations"], report.missing, report.nameless), (3, 3, 2), "{what}");
        let after = Rows::of(&again, &mut symbols);
        compare(&before.conversations, &after.conversations, &what);
        compare(&before.frames, &after.frames, &what);
        compare(&before.videos, &after.videos, &what);
        if options.format == ExportFormat::Llava {
            let text = std::fs::read_to_string(dir.path().join("out/conversations.jsonl")).unwrap();
            assert!(text.contains(r#""image":null"#) && text.contains(r#""videos":[["b.png",null]]"#), "{text}");
        }
    }
}

#[test]
fn what_has_no_name_is_left_out_where_that_is_asked_for_or_a_reader_needs_one() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = nameless(dir.path());
    for options in forms() {
        let out = dir.path().join(format!("{} {:?}", options.format.name(), options.style));
        let options = ExportOptions { missing: OnMissing::Skip, ..options };
        let report = export(&dataset, &out, &options, &mut |_| Ok(())).unwrap();
        assert_eq!((report.rows["conversations"], report.left_out_records.len()), (1, 2), "{out:?}");
        let options = ExportOptions { missing: OnMissing::Stop, ..options };
        let error = export(&dataset, dir.path().join("stopped"), &options, &mut |_| Ok(())).unwrap_err();
        assert!(error.to_string().contains("no file of it was ever named"), "{error}");
    }
    for format in [ExportFormat::LlamaFactory, ExportFormat::MsSwift, ExportFormat::QwenVl] {
        let options = ExportOptions { format, ..ExportOptions::default() };
        let report = export(&dataset, dir.path().join(format.name()), &options, &mut |_| Ok(())).unwrap();
        let mut left_out: Vec<_> = report.left_out_records.iter().map(|record| &*record.id).collect();
        left_out.sort_unstable();
        assert_eq!(left_out, ["clips", "one"], "{}", format.name());
    }
}

/// Frames of a video that a later record shows, of one that none shows, and of one whose file is missing; that one is shown.
fn recorded(dir: &Path) -> Dataset {
    let video = |id: &str, blob: bool| VideoRow {
        id: id.into(),
        source: "source".into(),
        path: Some(format!("videos/{id}.mp4")),
        blob: blob.then(|| symbol(Table::Blobs, 0)),
        fps: Some(12.5),
        duration: Some(60.25),
        frame_count: Some(753),
        width: Some(854),
        height: Some(480),
        keyframes: (!blob).then(|| vec![KeyframeRow { time: 0.5, offset: 48 }, KeyframeRow { time: 2.5, offset: 900 }]),
        extra: Some(r#"{"room":3}"#.into()),
        ..VideoRow::default()
    };
    let frame = |number: i64| FrameRow {
        id: format!("{number}.png"),
        source: "source".into(),
        kind: "rgb".into(),
        video: Some(symbol(Table::Videos, number as usize)),
        index: Some(number),
        path: Some(format!("{number}.png")),
        width: Some(854),
        height: Some(480),
        ..FrameRow::default()
    };
    let conversation = |id: &str, shown: (Table, usize)| ConversationRow {
        id: id.into(),
        source: "source".into(),
        task: "t".into(),
        turns: vec![TurnRow { role: "user".into(), text: "what?".into(), ..TurnRow::default() }],
        media: vec![MediumRow { refs: vec![symbol(shown.0, shown.1)], ..MediumRow::default() }],
        ..ConversationRow::default()
    };
    let samples = Samples {
        blobs: vec![("video/mp4", b"no video that plays".to_vec())],
        cases: Vec::new(),
        videos: vec![video("shown", true), video("gone", false), video("hidden", false)],
        frames: (0..3).map(frame).collect(),
        annotations: Vec::new(),
        conversations: vec![
            conversation("frame 0", (Table::Frames, 0)),
            conversation("frame 1", (Table::Frames, 1)),
            conversation("frame 2", (Table::Frames, 2)),
            conversation("video 0", (Table::Videos, 0)),
            conversation("video 1", (Table::Videos, 1)),
        ],
    };
    stored(&dir.join("recorded.surgdb"), samples)
}

#[test]
fn what_is_said_of_videos_comes_back_whether_their_files_say_it_or_not() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = recorded(dir.path());
    let mut symbols = Symbols::default();
    let before = Rows::of(&dataset, &mut symbols);
    for options in forms() {
        let dir = tempfile::tempdir().unwrap();
        let what = format!("{} {:?}", options.format.name(), options.style);
        let (report, again) = again(&dataset, dir.path(), &options);
        assert!(report.lost.is_empty(), "{what}: {:?}", report.lost);
        let after = Rows::of(&again, &mut symbols);
        compare(&before.videos, &after.videos, &what);
        compare(&before.frames, &after.frames, &what);
        compare(&before.conversations, &after.conversations, &what);
    }
}
