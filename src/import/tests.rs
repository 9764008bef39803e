//! Whole imports of small sources that are made on the spot.

use super::*;
use crate::dataset::Dataset;
use crate::error::Result;
use crate::schema::tables::Table;
use std::fs;
use std::path::{Path, PathBuf};

struct Place {
    dir: tempfile::TempDir,
    options: ImportOptions,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("in")).unwrap();
        Dataset::create(dir.path().join("d.surgdb")).unwrap();
        Self { dir, options: ImportOptions::new(SourceDescription::named("src")) }
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.dir.path().join("in").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    fn dataset(&self) -> Dataset {
        Dataset::open(self.dir.path().join("d.surgdb")).unwrap()
    }

    fn import(&self, inputs: &[&Path]) -> Result<ImportReport> {
        let inputs: Vec<PathBuf> = inputs.iter().map(|path| path.to_path_buf()).collect();
        let report = import(&self.dataset(), &inputs, &self.options, &mut |_| {})?;
        assert!(report.records.add_up(), "{:?}", report.records);
        Ok(report)
    }

    fn found(&self, table: Table, id: &str) -> crate::format::address::Address {
        self.dataset().find_in(table, "src", id).unwrap().unwrap_or_else(|| panic!("no {table} {id}"))
    }
}

fn png(width: u32) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    bytes.extend(width.to_be_bytes());
    bytes.extend(48u32.to_be_bytes());
    bytes.extend([8, 6, 0, 0, 0]);
    bytes
}

fn count(report: &ImportReport, kind: Kind) -> u64 {
    report.findings.get(&kind).map_or(0, |findings| findings.count)
}

const TWO: &str = r#"[
 {"id": "a", "image": "p/1 [x].png", "task": "t", "conversations": [{"from": "human", "value": "<image>\nq"}, {"from": "gpt", "value": "<think>Level 1: see. Level 2: relate.</think><answer>x</answer>"}]},
 {"id": "b", "image": "p/2.png", "conversations": [{"from": "human", "value": "q <image>"}, {"from": "gpt", "value": "r"}]}
]"#;

#[test]
fn a_source_becomes_rows_and_again_nothing() {
    let place = Place::new();
    let file = place.write("x.json", TWO);
    place.write("p/1 [x].png", png(7));
    let report = place.import(&[&file]).unwrap();
    assert_eq!((report.records.read, report.records.added, report.version), (2, 2, Some(2)));
    assert_eq!((report.media.named, report.media.embedded, report.media.missing), (2, 1, 1));
    assert_eq!(report.missing[0].path, "p/2.png");
    assert_eq!(report.rows, [("blobs", 1), ("conversations", 2), ("frames", 2)].into());
    let dataset = place.dataset();
    let row = dataset.conversation_at(place.found(Table::Conversations, "a")).unwrap().to_row().unwrap();
    assert_eq!((row.media[0].turn, row.media[0].at), (0, Some(0)));
    assert_eq!(row.reasoning.iter().map(|node| node.level).collect::<Vec<_>>(), [Some(1), Some(2)]);
    let frame = dataset.frame(row.media[0].refs[0]).unwrap();
    assert_eq!((frame.path().unwrap(), frame.width().unwrap()), (Some("p/1 [x].png"), Some(7)));
    assert_eq!(frame.bytes().unwrap().unwrap(), png(7));
    let source = dataset.manifest().source("src").unwrap();
    assert_eq!(source.imports.len(), 1);
    assert_eq!(source.imports[0].inputs[0].digest, blake3::hash(TWO.as_bytes()).to_hex().to_string());

    let again = place.import(&[&file]).unwrap();
    assert_eq!((again.records.unchanged, again.version, place.dataset().version()), (2, None, 2));
    assert_eq!((again.media.missing, again.rows.len()), (1, 0));
}

#[test]
fn a_picture_that_is_found_later_is_attached() {
    let place = Place::new();
    let file = place.write("x.json", TWO);
    assert_eq!(place.import(&[&file]).unwrap().media.missing, 2);
    let address = place.found(Table::Frames, "p/2.png");
    place.write("p/2.png", png(9));
    let report = place.import(&[&file]).unwrap();
    assert_eq!((report.media.found_now, report.media.missing, report.version), (1, 1, Some(3)));
    let dataset = place.dataset();
    let frame = dataset.frame(address).unwrap();
    assert_eq!((frame.width().unwrap(), frame.height().unwrap()), (Some(9), Some(48)));
    assert_eq!(frame.bytes().unwrap().unwrap(), png(9));
    assert_eq!(place.import(&[&file]).unwrap().version, None);
}

#[test]
fn a_changed_record_is_reported_kept_or_replaced() {
    let mut place = Place::new();
    let file = place.write("x.json", TWO);
    place.import(&[&file]).unwrap();
    let before = place.found(Table::Conversations, "b");
    place.write("x.json", TWO.replace("\"r\"", "\"other\""));
    let report = place.import(&[&file]).unwrap();
    assert_eq!((report.records.changed_kept, count(&report, Kind::ChangedRecord), report.version), (1, 1, None));
    place.options.on_change = OnChange::Keep;
    assert_eq!(count(&place.import(&[&file]).unwrap(), Kind::ChangedRecord), 0);
    place.options.on_change = OnChange::Replace;
    let report = place.import(&[&file]).unwrap();
    assert_eq!((report.records.replaced, report.records.unchanged), (1, 1));
    let after = place.found(Table::Conversations, "b");
    assert_ne!(before, after);
    let dataset = place.dataset();
    assert_eq!(dataset.count(Table::Conversations).unwrap(), 2);
    assert_eq!(dataset.conversation_at(after).unwrap().to_row().unwrap().turns[1].text, "other");
}

#[test]
fn ids_repeat_and_are_absent() {
    let place = Place::new();
    let line = |id: &str, text: &str| format!("{{{id}\"messages\":[{{\"role\":\"user\",\"content\":\"{text}\"}}]}}\n");
    let text = [line("\"id\":1,", "a"), line("\"id\":\"1\",", "b"), line("", "c"), line("\"id\":\"1\",", "b")].concat();
    place.write("deep/x.jsonl", &text);
    let folder = place.dir.path().join("in");
    let report = place.import(&[&folder]).unwrap();
    assert_eq!((report.records.added, count(&report, Kind::RepeatedId)), (4, 2));
    for id in ["1", "1~2", "1~3", "deep/x.jsonl#3"] {
        place.found(Table::Conversations, id);
    }
    assert_eq!(place.import(&[&folder]).unwrap().records.unchanged, 4);
}

#[test]
fn a_bad_record_stops_with_its_place_or_is_skipped() {
    let mut place = Place::new();
    let good = r#"{"id":"g","messages":[{"role":"user","content":"x"}]}"#;
    let bad = r#"{"id":"w","messages":[{"content":"x"}]}"#;
    let file = place.write("x.jsonl", format!("{good}\n{bad}\n{{\"id\": tru}}\n"));
    let error = place.import(&[&file]).unwrap_err().to_string();
    assert!(error.contains("x.jsonl, record 2, id \"w\", line 2: a turn has neither"), "{error}");
    assert_eq!(place.dataset().version(), 1);
    place.options.on_error = OnError::Skip;
    let report = place.import(&[&file]).unwrap();
    assert_eq!((report.records.added, report.records.skipped["bad record"]), (1, 2));
    assert!(report.findings[&Kind::BadRecord].examples[1].detail.contains("line 3"));
    let cut = place.write("y.json", format!("[{good},{{\"id"));
    assert_eq!(place.import(&[&cut]).unwrap().records.skipped["bad record"], 1);
}

#[test]
fn missing_media_can_skip_or_stop() {
    let mut place = Place::new();
    let file = place.write("x.json", TWO);
    place.write("p/1 [x].png", png(7));
    place.options.missing = OnMissing::Stop;
    assert!(place.import(&[&file]).unwrap_err().to_string().contains("\"p/2.png\" is missing"));
    place.options.missing = OnMissing::Skip;
    let report = place.import(&[&file]).unwrap();
    assert_eq!((report.records.added, report.records.skipped["missing media"]), (1, 1));
    assert_eq!(report.rows["frames"], 1);
}

#[test]
fn a_dry_run_says_the_same_and_writes_nothing() {
    let mut place = Place::new();
    let file = place.write("x.json", TWO);
    place.write("p/1 [x].png", png(7));
    place.options.dry_run = true;
    let trial = place.import(&[&file]).unwrap();
    assert_eq!(place.dataset().version(), 1);
    place.options.dry_run = false;
    let real = place.import(&[&file]).unwrap();
    assert_eq!((trial.records, trial.rows, trial.media), (real.records, real.rows, real.media));
}

#[test]
fn patients_videos_and_times_come_from_paths() {
    let mut place = Place::new();
    place.options.source = SourceDescription::from_toml(
        "id = \"src\"\nframe-pattern = \"VID{video}/{index}.png\"\npatient-from = \"video\"\npatient-prefix = \"c-\"\nfps = 2.0\nindex-base = 1\n[defaults]\ntask = \"phase\"\nprocedure = \"chole\"",
    )
    .unwrap();
    let file = place.write(
        "x.jsonl",
        "{\"images\":[\"VID03/0005.png\",\"VID03\\\\0006.png\"],\"conversations\":[{\"from\":\"human\",\"value\":\"<image><image>\"}]}\n{\"image\":\"odd.png\",\"conversations\":[{\"from\":\"human\",\"value\":\"<image>\"}]}\n",
    );
    let report = place.import(&[&file]).unwrap();
    assert_eq!(report.rows, [("cases", 1), ("conversations", 2), ("frames", 3), ("videos", 1)].into());
    assert_eq!(count(&report, Kind::PatternMismatch), 1);
    let dataset = place.dataset();
    let frame = dataset.frame(place.found(Table::Frames, "VID03/0005.png")).unwrap().to_row().unwrap();
    assert_eq!((frame.index, frame.time), (Some(5), Some(2.0)));
    assert_eq!(frame.case, Some(place.found(Table::Cases, "c-3")));
    assert_eq!(frame.video, Some(place.found(Table::Videos, "03")));
    let row = dataset.conversation_at(place.found(Table::Conversations, "x.jsonl#1")).unwrap().to_row().unwrap();
    assert_eq!((row.case, row.task.as_str(), row.procedure.as_deref()), (frame.case, "phase", Some("chole")));
    assert_eq!(place.import(&[&file]).unwrap().version, None);
}

#[test]
fn odd_media_are_kept_and_told() {
    let place = Place::new();
    place.write("bad.png", "no picture");
    place.write("huge.png", png(u32::MAX));
    place.write("ok.mp4", media::mp4::tests::mp4(5));
    place.write("empty.mp4", b"\0\0\0\x08ftyp\0\0\0\x08moov");
    place.write("Case.PNG", png(3));
    fs::write(place.dir.path().join("secret.png"), png(1)).unwrap();
    let record = r#"{"images":["bad.png","huge.png","case.png","../secret.png","https://x/y.png","data:image/png;base64,iVBORw=="],"videos":["ok.mp4","empty.mp4",["case.png","bad.png"]],"output_images":["out.png"],"task":"depth estimation","messages":[{"role":"user","content":"<video>"},{"role":"assistant","content":""}]}"#;
    let file = place.write("x.jsonl", record);
    let report = place.import(&[&file]).unwrap();
    for (kind, times) in [
        (Kind::BadPicture, 3),
        (Kind::BadVideo, 1),
        (Kind::PathSpelling, 1),
        (Kind::OutsideRoot, 1),
        (Kind::RemoteMedia, 1),
        (Kind::MissingMedia, 1),
    ] {
        assert_eq!(count(&report, kind), times, "{kind:?}: {:?}", report.findings.get(&kind));
    }
    assert!(report.findings[&Kind::BadVideo].examples[0].detail.contains("no track"));
    assert_eq!((report.media.missing, report.media.embedded), (3, 6));
    let dataset = place.dataset();
    let video = dataset.video(place.found(Table::Videos, "ok.mp4")).unwrap().to_row().unwrap();
    assert_eq!((video.fps, video.frame_count, video.keyframes.unwrap().len()), (Some(25.0), Some(5), 2));
    assert_eq!(dataset.frame(place.found(Table::Frames, "out.png")).unwrap().kind().unwrap(), "depth");
    let row = dataset.conversation(0).unwrap().to_row().unwrap();
    assert!(row.media.last().unwrap().output || row.media.iter().any(|medium| medium.output));
    assert!(row.media.iter().any(|medium| medium.refs.len() == 2));
}

#[test]
fn linked_media_stay_where_they_are() {
    let mut place = Place::new();
    let file = place.write("x.json", TWO);
    place.write("p/1 [x].png", png(7));
    place.options.media = MediaMode::Link;
    let report = place.import(&[&file]).unwrap();
    assert_eq!((report.media.linked, report.media.embedded), (1, 0));
    let dataset = place.dataset();
    let frame = dataset.frame(place.found(Table::Frames, "p/1 [x].png")).unwrap();
    assert_eq!(frame.bytes().unwrap().unwrap(), png(7));
}

#[test]
fn folders_pass_over_what_is_no_conversation() {
    let place = Place::new();
    place.write("a.json", TWO);
    place.write("._a.json", "\0\x05");
    place.write("coco.json", r#"{"images":[],"annotations":[]}"#);
    place.write("vqa.jsonl", r#"{"image_id":"x","question":"q","answer":"a"}"#);
    let folder = place.dir.path().join("in");
    let report = place.import(&[&folder]).unwrap();
    assert_eq!((report.inputs.len(), report.ignored.len()), (1, 3));
    let error = place.import(&[&folder.join("vqa.jsonl")]).unwrap_err().to_string();
    assert!(error.contains("vqa.jsonl") && error.contains("image_id, question, answer"), "{error}");
    assert_eq!(place.dataset().version(), 2);
}

#[test]
fn real_conversations_are_taken_where_they_are_at_hand() {
    let folder = Path::new("../shared/data/surgvlm_examples");
    let folder = [folder, Path::new("../../shared/data/surgvlm_examples")].into_iter().find(|folder| folder.is_dir());
    let Some(folder) = folder else {
        println!("skipped: ../shared/data/surgvlm_examples is not here");
        return;
    };
    let place = Place::new();
    let report = place.import(&[folder]).unwrap();
    assert_eq!((report.records.read, report.records.added), (10, 10));
    assert_eq!((report.media.embedded, report.media.missing), (7, 3));
    assert_eq!(place.dataset().count(Table::Frames).unwrap(), 10);
    assert_eq!(report.findings.keys().collect::<Vec<_>>(), [&Kind::MissingMedia]);
    assert_eq!(place.import(&[folder]).unwrap().version, None);
}
