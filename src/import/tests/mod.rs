//! Whole imports of small sources that are made on the spot.

mod annotations;
mod attach;
mod beside;
mod boxes;
mod by_name;
mod changes;
mod coco;
mod coco_measured;
mod deleted;
mod homes;
mod huggingface;
mod identity;
mod known;
mod late_boxes;
mod meeting;
mod numbers;
pub(super) mod place;
mod recordings;
mod redrawn;
mod repeats;
mod said;
mod surgsigma;
mod times;
mod told;

use super::*;
use crate::dataset::CellUpdate;
use crate::format::notation::{Column, ColumnType};
use crate::schema::tables::Table;
use arrow_array::cast::AsArray;
use place::Place;
use std::fs;
use std::path::{Path, PathBuf};

fn png(width: u32) -> Vec<u8> {
    sized(width, 48)
}

fn sized(width: u32, height: u32) -> Vec<u8> {
    let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
    header.extend([8, 6, 0, 0, 0]);
    // Chunks are looked at, and not what is in them.
    let chunk = |kind: &[u8], data: &[u8]| {
        let said = [kind, data].concat();
        [&(data.len() as u32).to_be_bytes()[..], &said, &crc32fast::hash(&said).to_be_bytes()].concat()
    };
    [b"\x89PNG\r\n\x1a\n".to_vec(), chunk(b"IHDR", &header), chunk(b"IDAT", b""), chunk(b"IEND", b"")].concat()
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
    // What was added to it since goes along, as long as the record says nothing else.
    let column = Column::new("score", ColumnType::parse("int64").unwrap(), true);
    let mut appender = place.dataset().append().unwrap();
    let scores = std::sync::Arc::new(arrow_array::Int64Array::from(vec![7]));
    appender.update(CellUpdate::new(Table::Conversations, column, vec![before], scores)).unwrap();
    appender.commit(crate::Operation::new("column")).unwrap();
    place.options.on_change = OnChange::Replace;
    let report = place.import(&[&file]).unwrap();
    assert_eq!((report.records.replaced, report.records.unchanged), (1, 1));
    let after = place.found(Table::Conversations, "b");
    assert_ne!(before, after);
    let dataset = place.dataset();
    assert_eq!(dataset.count(Table::Conversations).unwrap(), 2);
    assert_eq!(dataset.conversation_at(after).unwrap().to_row().unwrap().turns[1].text, "other");
    let score = dataset.take(Table::Conversations, &[after], &["score"]).unwrap();
    assert_eq!(score.column(0).as_primitive::<arrow_array::types::Int64Type>().iter().next(), Some(Some(7)));
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
    let examples = &report.findings[&Kind::BadRecord].examples;
    assert_eq!((examples[0].record, examples[0].line, examples[0].id.as_deref()), (Some(2), Some(2), Some("w")));
    assert_eq!(examples[0].detail, "a turn has neither `from` nor `role`", "the place stands once");
    assert_eq!((examples[1].line, examples[1].id.as_deref(), &*examples[1].detail), (Some(3), None, "expected ident"));
    let cut = place.write("y.json", format!("[{good},{{\"id"));
    assert_eq!(place.import(&[&cut]).unwrap().records.skipped["bad record"], 1);
}

#[test]
fn what_is_no_record_is_skipped_by_its_place_and_the_rest_is_taken() {
    let mut place = Place::new();
    let good = |id: u32| format!(r#"{{"id":{id},"messages":[{{"role":"user","content":"x"}}]}}"#);
    let wrong = r#"{"id": "odd",
 "messages": 5}"#;
    let text = format!("[{},\n\"text\",\n[1, 2],\n{wrong},\n{}]", good(1), good(2));
    let file = place.write("x.json", text);
    let error = place.import(&[&file]).unwrap_err().to_string();
    assert!(error.contains("record 2, line 2") && error.contains("expected a record (`{`), found `\"`"), "{error}");
    place.options.on_error = OnError::Skip;
    let report = place.import(&[&file]).unwrap();
    assert_eq!((report.records.read, report.records.added, report.records.skipped["bad record"]), (5, 2, 3));
    let places: Vec<_> = report.findings[&Kind::BadRecord].examples.iter().map(|at| (at.record, at.line)).collect();
    assert_eq!(places, [(Some(2), Some(2)), (Some(3), Some(3)), (Some(4), Some(5))]);
    assert_eq!(report.findings[&Kind::BadRecord].examples[2].id.as_deref(), Some("odd"));
}

#[test]
fn media_fields_that_name_nothing_are_no_media_and_stay_as_they_were_written() {
    let place = Place::new();
    place.write("b.png", png(2));
    let empties = [r#""""#, "null", "[]", r#"[""]"#, r#"[null]"#, r#"{"bytes":null,"path":null}"#, r#"" ""#];
    let lines =
        empties.map(|empty| format!(r#"{{"image":{empty},"conversations":[{{"from":"human","value":"<image>q"}}]}}"#));
    let file = place.write("x.jsonl", lines.join("\n"));
    let report = place.import(&[&file]).unwrap();
    assert_eq!((report.records.added, report.media.named, count(&report, Kind::EmptyPath)), (7, 0, 5));
    for (number, empty) in empties.iter().enumerate() {
        let row = place.dataset().conversation(number as u64).unwrap().to_row().unwrap();
        assert_eq!((row.extra, row.media.len()), (Some(format!("{{\"image\":{empty}}}")), 0));
    }
    let list = r#"{"id":"l","images":["","b.png"],"videos":[["b.png",""],[]],"messages":[{"role":"user","content":"<image> and <image>"}]}"#;
    let part = r#"{"id":"p","messages":[{"role":"user","content":[{"type":"image","image":""},{"type":"image","image":"b.png"}]}]}"#;
    let file = place.write("y.jsonl", format!("{list}\n{part}\n"));
    let report = place.import(&[&file]).unwrap();
    assert_eq!((report.records.added, report.media.named, count(&report, Kind::EmptyPath)), (2, 3, 3));
    let row = |id| place.dataset().conversation_at(place.found(Table::Conversations, id)).unwrap().to_row().unwrap();
    let listed = row("l");
    assert_eq!((listed.media.len(), listed.media[0].at), (2, Some(12)), "the second placeholder is the second entry's");
    let written = r#"{"~images":["","b.png"],"~videos":[["b.png",""],[]]}"#;
    assert_eq!(listed.extra.as_deref(), Some(written));
    assert_eq!(row("p").media.len(), 1);
}

fn split_of(place: &Place, id: &str) -> Option<String> {
    let dataset = place.dataset();
    dataset.conversation_at(place.found(Table::Conversations, id)).unwrap().split().unwrap().map(str::to_owned)
}

#[test]
fn splits_become_an_added_column_and_again_nothing() {
    let mut place = Place::new();
    let line = |id: u32, split: &str| format!(r#"{{"id":{id},{split}"messages":[{{"role":"user","content":"x"}}]}}"#);
    let lines = [line(1, r#""split":"test","#), line(2, ""), line(3, r#""split":5,"#)];
    let file = place.write("x.jsonl", lines.join("\n"));
    let report = place.import(&[&file]).unwrap();
    assert_eq!(report.splits, [("test".to_owned(), 1)].into());
    assert_eq!([1, 2, 3].map(|id| split_of(&place, &id.to_string())), [Some("test".into()), None, None]);
    let dataset = place.dataset();
    let extra = |id| dataset.conversation_at(place.found(Table::Conversations, id)).unwrap().to_row().unwrap().extra;
    assert_eq!((extra("1"), extra("3")), (None, Some(r#"{"split":5}"#.into())));
    assert_eq!(place.import(&[&file]).unwrap().version, None);

    place.options.source.defaults.split = Some("train".into());
    let report = place.import(&[&file]).unwrap();
    assert_eq!((report.splits, report.records.unchanged), ([("train".to_owned(), 1)].into(), 3));
    let splits = [1, 2, 3].map(|id| split_of(&place, &id.to_string()));
    assert_eq!(splits, [Some("test".into()), Some("train".into()), None]);
    assert_eq!(place.import(&[&file]).unwrap().version, None);

    place.write("x.jsonl", lines.join("\n").replace("\"test\"", "\"val\""));
    let report = place.import(&[&file]).unwrap();
    assert_eq!((report.records.changed_kept, count(&report, Kind::ChangedRecord), report.version), (1, 1, None));
    place.options.on_change = OnChange::Replace;
    let before = place.found(Table::Conversations, "1");
    let report = place.import(&[&file]).unwrap();
    assert_eq!((report.records.replaced, report.records.unchanged), (1, 2));
    assert_eq!((split_of(&place, "1").as_deref(), place.found(Table::Conversations, "1")), (Some("val"), before));
}

#[test]
fn a_column_of_another_kind_is_no_place_for_splits() {
    let place = Place::new();
    let line = r#"{"id":ID,"split":"a","messages":[{"role":"user","content":"x"}]}"#;
    let first = place.write("x.jsonl", line.replace("ID", "1").replace("\"a\"", "null"));
    place.import(&[&first]).unwrap();
    let column = |ty| crate::format::notation::Column::new("split", ty, true);
    let dataset = place.dataset();
    let numbers = std::sync::Arc::new(arrow_array::Int64Array::from(vec![7]));
    dataset.add_column(Table::Conversations, column(crate::format::notation::ColumnType::Int(64)), numbers).unwrap();
    let second = place.write("y.jsonl", line.replace("ID", "2"));
    let error = place.import(&[&second]).unwrap_err().to_string();
    assert!(error.contains("which split they belong to") && error.contains("type int64"), "{error}");

    let place = Place::new();
    place.import(&[&first]).unwrap();
    let texts = std::sync::Arc::new(arrow_array::LargeStringArray::from(vec!["old"]));
    place.dataset().add_column(Table::Conversations, column(crate::format::notation::ColumnType::Text), texts).unwrap();
    place.import(&[&second]).unwrap();
    assert_eq!((split_of(&place, "1").as_deref(), split_of(&place, "2").as_deref()), (Some("old"), Some("a")));
}

#[test]
fn imports_at_once_that_bring_the_same_pictures_all_land() {
    let place = Place::new();
    let pictures: Vec<String> = (0..9).map(|number| format!("p/{number}.png")).collect();
    pictures.iter().zip(1..).for_each(|(name, width)| drop(place.write(name, png(width))));
    let files: Vec<PathBuf> = (0..4)
        .map(|file| {
            let lines = pictures.iter().map(|name| {
                format!(
                    r#"{{"id":"{file}/{name}","image":"{name}","messages":[{{"role":"user","content":"<image>"}}]}}"#
                )
            });
            place.write(&format!("{file}.jsonl"), lines.collect::<Vec<_>>().join("\n"))
        })
        .collect();
    let base = place.dataset();
    let started = std::sync::Barrier::new(files.len());
    let reports: Vec<ImportReport> = std::thread::scope(|scope| {
        let running: Vec<_> = files
            .iter()
            .map(|file| {
                scope.spawn(|| {
                    started.wait();
                    import(&base, std::slice::from_ref(file), &place.options, &mut |_| {}).unwrap()
                })
            })
            .collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(reports.iter().all(|report| report.records.added == 9 && report.records.add_up()));
    assert_eq!(reports.iter().map(|report| report.rows.get("frames").copied().unwrap_or(0)).sum::<u64>(), 9);
    assert!(reports.iter().any(|report| report.reruns > 0));
    let dataset = place.dataset();
    assert_eq!((dataset.count(Table::Conversations).unwrap(), dataset.count(Table::Frames).unwrap()), (36, 9));
    assert_eq!(dataset.count(Table::Blobs).unwrap(), 9);
    // What began again has left no report of its first attempt.
    let named: Vec<_> = reports.iter().filter_map(|report| report.report.as_deref()).collect();
    let mut found: Vec<_> =
        fs::read_dir(dataset.path().join("reports")).unwrap().map(|file| file.unwrap().path()).collect();
    found.sort();
    let mut expected: Vec<_> = named.iter().map(|path| dataset.path().join(path)).collect();
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn a_kept_changed_record_gets_its_pictures_too_and_no_others() {
    let place = Place::new();
    let file = place.write("x.json", TWO);
    place.import(&[&file]).unwrap();
    place.write("p/2.png", png(9));
    place.write("p/3.png", png(9));
    let changed = TWO.replace("\"r\"", "\"other\"").replace("\"p/2.png\"", "[\"p/2.png\", \"p/3.png\"]");
    place.write("x.json", changed);
    let report = place.import(&[&file]).unwrap();
    assert_eq!((report.records.changed_kept, report.media.found_now, report.version), (1, 1, Some(3)));
    assert_eq!(place.dataset().count(Table::Frames).unwrap(), 2);
    assert!(place.dataset().frame(place.found(Table::Frames, "p/2.png")).unwrap().blob().unwrap().is_some());
}

#[test]
fn a_file_that_cannot_be_read_is_a_missing_picture() {
    // Its length is 0, and reading it from the start fails, for the superuser too.
    if !Path::new("/proc/self/mem").is_file() {
        println!("skipped: there is no /proc here");
        return;
    }
    let mut place = Place::new();
    place.options.media_roots = vec!["/proc/self".into()];
    let file = place.write("x.jsonl", r#"{"image":"mem","messages":[{"role":"user","content":"<image>"}]}"#);
    let report = place.import(&[&file]).unwrap();
    assert_eq!((report.records.added, report.media.missing), (1, 1));
    assert!(report.missing[0].reason.contains("it is there, and cannot be read: "), "{:?}", report.missing);
    place.options.missing = OnMissing::Stop;
    let other = place.write("y.jsonl", r#"{"image":"mem","messages":[{"role":"user","content":"<image>"}]}"#);
    assert!(place.import(&[&other]).unwrap_err().to_string().contains("cannot be read"));
}

#[test]
fn a_linked_file_that_is_gone_or_changed_is_told_with_a_remedy_and_healed() {
    let mut place = Place::new();
    let file = place.write("x.json", TWO);
    let picture = place.write("p/1 [x].png", png(7));
    place.options.media = MediaMode::Link;
    place.import(&[&file]).unwrap();
    let bytes = |place: &Place| {
        let dataset = place.dataset();
        dataset
            .frame(place.found(Table::Frames, "p/1 [x].png"))
            .unwrap()
            .bytes()
            .map(|bytes| bytes.unwrap().into_owned())
    };
    fs::remove_file(&picture).unwrap();
    let report = place.import(&[&file]).unwrap();
    assert_eq!((count(&report, Kind::BrokenLink), report.version), (1, None));
    let reason = &report.findings[&Kind::BrokenLink].examples[0].detail;
    assert!(reason.contains("put it back as it was, or bring it to where the record says"), "{reason}");
    // It was moved to where the media are looked for first: its bytes are taken, if they may be.
    let moved = place.write("other/p/1 [x].png", png(7));
    place.options.media_roots = vec![place.dir.path().join("in/other")];
    place.options.media = MediaMode::Embed;
    fs::write(&moved, [png(7), png(7)].concat()).unwrap();
    let report = place.import(&[&file]).unwrap();
    assert_eq!((count(&report, Kind::BrokenLink), report.version), (1, None));
    assert!(report.findings[&Kind::BrokenLink].examples[0].detail.contains("with --on-change replace"));
    fs::write(&moved, png(7)).unwrap();
    let report = place.import(&[&file]).unwrap();
    assert_eq!((report.media.found_now, count(&report, Kind::BrokenLink)), (1, 0));
    assert_eq!(bytes(&place).unwrap(), png(7));
    assert_eq!(place.import(&[&file]).unwrap().version, None);
}

#[test]
fn a_linked_file_that_changed_at_the_same_size_is_noticed_and_linked_anew_where_that_is_asked_for() {
    let mut place = Place::new();
    let file = place.write("x.json", TWO);
    let picture = place.write("p/1 [x].png", png(7));
    place.options.media = MediaMode::Link;
    place.import(&[&file]).unwrap();
    assert_eq!(count(&place.import(&[&file]).unwrap(), Kind::BrokenLink), 0);
    let old = place.dataset().frame(place.found(Table::Frames, "p/1 [x].png")).unwrap().blob().unwrap().unwrap();
    fs::write(&picture, png(9)).unwrap();
    let report = place.import(&[&file]).unwrap();
    assert_eq!((count(&report, Kind::BrokenLink), report.version), (1, None));
    let reason = &report.findings[&Kind::BrokenLink].examples[0].detail;
    assert!(reason.contains("has changed since it was linked") && reason.contains("--on-change replace"), "{reason}");

    place.options.on_change = OnChange::Replace;
    let report = place.import(&[&file]).unwrap();
    assert_eq!((report.media.found_now, report.media.linked, report.media.missing), (1, 1, 1));
    let dataset = place.dataset();
    let frame = dataset.frame(place.found(Table::Frames, "p/1 [x].png")).unwrap();
    assert_eq!((frame.bytes().unwrap().unwrap().into_owned(), frame.width().unwrap()), (png(9), Some(9)));
    assert_eq!(place.import(&[&file]).unwrap().version, None);
    // The old link is broken, and nobody's.
    let found = dataset.verify(&mut |_, _| {}).unwrap();
    assert!(found.is_sound(), "{:?}", found.faults);
    let wanted =
        format!("no picture and no video shows it any more, so nothing is lost: `surgdb delete DATASET {old}`");
    assert!(found.notes.iter().any(|note| note.contains(&wanted)), "{:?}", found.notes);
    dataset.delete([old], crate::dataset::DeleteOptions::default()).unwrap();
    let found = place.dataset().verify(&mut |_, _| {}).unwrap();
    assert!(found.is_sound() && found.notes.is_empty(), "{:?}", found.notes);
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
    place.write("other.json", r#"{"images":[]}"#);
    place.write("folds.json", "[[1, 2], [3, 4]]");
    place.write("numbers.json", "[1, 2]");
    place.write("text.json", "\"x\"");
    place.write("vqa.jsonl", r#"{"image_id":"x","question":"q","answer":"a"}"#);
    let folder = place.dir.path().join("in");
    std::os::unix::fs::symlink(place.dir.path(), folder.join("linked")).unwrap();
    let report = place.import(&[&folder]).unwrap();
    assert_eq!((report.inputs.len(), report.ignored.len()), (1, 7));
    let why = |name: &str| report.ignored.iter().find(|file| file.path == name).map(|file| file.reason.as_str());
    assert!(why("folds.json").unwrap().contains("found `[`"));
    assert!(why("linked").unwrap().contains("a link to a folder"));
    let error = place.import(&[&folder.join("vqa.jsonl")]).unwrap_err().to_string();
    assert!(error.contains("vqa.jsonl") && error.contains("image_id, question, answer"), "{error}");
    assert_eq!(place.dataset().version(), 2);
}

#[test]
fn boxes_of_no_picture_are_a_file_without_a_record() {
    let place = Place::new();
    let file = place.write("coco.json", r#"{"images":[],"annotations":[],"categories":[]}"#);
    let report = place.import(&[&file]).unwrap();
    assert_eq!((report.inputs[0].format, report.records.read), (Some("coco"), 0));
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
