//! The forms of trainers and of other libraries: what they must be for those who read them, read by those libraries where
//! there is a Python, and imported again.

#[path = "../common/mod.rs"]
mod common;

mod coco;
mod hugging_face;
mod hurt;
mod trainers;
mod turns;
mod webdataset;

use common::pictures::grey_png;
use common::python::{ROOT, python, run, skipped};
use common::samples::{Samples, samples, symbol};
use common::stored::{about, stored};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use surgdb::dataset::BlobSource;
use surgdb::export::{ClipForm, ExportFormat, ExportOptions, ExportReport, OnMissing, Pictures, Shards, export};
use surgdb::import::{BoxConvention, ImportOptions, SourceDescription, import};
use surgdb::rows::*;
use surgdb::schema::boxes::Scale;
use surgdb::{Address, Dataset, Table};

fn sampled(dir: &Path) -> Dataset {
    stored(&dir.join("samples.surgdb"), samples())
}

fn exported(dataset: &Dataset, out: &Path, options: &ExportOptions<'_>) -> ExportReport {
    export(dataset, out, options, &mut |_| Ok(())).unwrap()
}

fn of(format: ExportFormat) -> ExportOptions<'static> {
    ExportOptions { format, ..ExportOptions::default() }
}

fn records(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn with_id<'r>(records: &'r [Value], id: &str) -> &'r Value {
    records.iter().find(|record| record["id"] == id).unwrap_or_else(|| panic!("no record has the id {id}"))
}

/// What a library reads of an export; nothing where there is no Python.
fn read_by(library: &str, out: &Path) -> Option<Value> {
    let python = match python() {
        Ok(python) => python,
        Err(why) => {
            skipped(&why);
            return None;
        }
    };
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(python);
    command.arg(Path::new(ROOT).join("tests/python/exports.py")).arg(library).arg(out);
    command.env("HF_HOME", home.path()).env("HF_HUB_OFFLINE", "1").env("PYTHONDONTWRITEBYTECODE", "1");
    let output = run(&mut command).unwrap_or_else(|why| panic!("{library}: {why}"));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn linked_files_get_second_names_where_that_is_asked_for() {
    use std::os::unix::fs::MetadataExt;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("outside.png");
    std::fs::write(&file, grey_png(4, 3, 8, 1)).unwrap();
    let mut appender = Dataset::create(dir.path().join("d.surgdb")).unwrap().append().unwrap();
    let source = surgdb::dataset::BlobSource::Linked { media_type: "image/png", path: &file };
    let blob = appender.blob(source).unwrap();
    let frame = FrameRow {
        id: "f".into(),
        source: "s".into(),
        kind: "rgb".into(),
        path: Some("p/../../x.png".into()),
        blob: Some(blob.address),
        ..FrameRow::default()
    };
    let frame = appender.frame(&frame).unwrap();
    let said = |role: &str, text: &str| TurnRow { role: role.into(), text: text.into(), ..TurnRow::default() };
    let row = ConversationRow {
        id: "c".into(),
        source: "s".into(),
        task: "t".into(),
        turns: vec![said("user", "q"), said("assistant", "a")],
        media: vec![MediumRow { refs: vec![frame], ..MediumRow::default() }],
        ..ConversationRow::default()
    };
    appender.conversation(&row).unwrap();
    let dataset = appender.commit(surgdb::Operation::new("append")).unwrap();
    for (pictures, linked) in [(Pictures::Link, 1), (Pictures::Folder, 0)] {
        for format in [ExportFormat::LlamaFactory, ExportFormat::Llava] {
            let out = dir.path().join(format!("{pictures:?}{format:?}"));
            let report = exported(&dataset, &out, &ExportOptions { pictures, ..of(format) });
            let (is, was) = (out.join("p/x.png").metadata().unwrap(), file.metadata().unwrap());
            assert_eq!((report.linked, is.ino() == was.ino()), (linked, linked == 1));
        }
    }
    let records = records(&dir.path().join("LinkLlamaFactory/sft.jsonl"));
    assert_eq!(records[0]["conversations"][0]["value"], "<image>\nq", "a picture without a place stands in front");
    // A file that has changed since is not what the dataset means.
    std::fs::write(&file, grey_png(4, 3, 8, 2)).unwrap();
    for (format, left_out) in [
        (ExportFormat::Llava, 0),
        (ExportFormat::LlamaFactory, 1),
        (ExportFormat::Hf, 0),
        (ExportFormat::WebDataset, 0),
    ] {
        let out = dir.path().join(format!("changed {}", format.name()));
        let report = exported(&dataset, &out, &ExportOptions { pictures: Pictures::Link, ..of(format) });
        let facts = (report.broken, report.media, report.linked, report.left_out.values().sum::<u64>());
        assert_eq!(facts, (1, 0, 0, left_out), "{}", format.name());
        let options = ExportOptions { missing: OnMissing::Stop, ..of(format) };
        let error = export(&dataset, dir.path().join("no"), &options, &mut |_| Ok(())).unwrap_err();
        assert_eq!(error.kind(), surgdb::ErrorKind::NotFound, "{}", format.name());
    }
    std::fs::remove_file(&file).unwrap();
    for format in [ExportFormat::LlamaFactory, ExportFormat::MsSwift, ExportFormat::QwenVl] {
        let report = exported(&dataset, &dir.path().join(format!("gone {}", format.name())), &of(format));
        let reason = "linked files of their pictures or videos are gone or changed";
        assert_eq!((report.broken, report.left_out.get(reason)), (1, Some(&1)), "{}", format.name());
        let options = ExportOptions { missing: OnMissing::Stop, ..of(format) };
        let error = export(&dataset, dir.path().join("no"), &options, &mut |_| Ok(())).unwrap_err();
        assert_eq!(error.kind(), surgdb::ErrorKind::NotFound, "{}", format.name());
    }
}

#[test]
fn nothing_is_exported_of_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let empty = Samples {
        blobs: Vec::new(),
        cases: Vec::new(),
        videos: Vec::new(),
        frames: Vec::new(),
        annotations: Vec::new(),
        conversations: Vec::new(),
    };
    let dataset = stored(&dir.path().join("empty.surgdb"), empty);
    for format in ExportFormat::ALL {
        let report = exported(&dataset, &dir.path().join(format.name()), &of(format));
        assert!(report.rows.values().all(|rows| *rows == 0), "{}", format.name());
    }
}
