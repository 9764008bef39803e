//! What Hugging Face's `datasets` writes is read as what it was.
//!
//! Skipped where there is no Python.

mod common;

use common::python::{ROOT, python, run, skipped};
use std::path::{Path, PathBuf};
use std::process::Command;
use surgdb::import::{ImportOptions, ImportReport, SourceDescription, import};
use surgdb::rows::ConversationRow;
use surgdb::{Dataset, Table};

/// The folder that `datasets` wrote, or nothing where there is no Python.
fn written(folder: &Path) -> Option<()> {
    let python = python().map_err(|why| skipped(&why)).ok()?;
    let mut command = Command::new(python);
    command.arg(Path::new(ROOT).join("tests/python/write_huggingface.py")).arg(folder);
    command.env("HF_HOME", folder.join("hf")).env("HF_HUB_OFFLINE", "1").env("PYTHONDONTWRITEBYTECODE", "1");
    run(&mut command).unwrap_or_else(|why| panic!("{why}"));
    Some(())
}

fn imported(folder: &Path, name: &str) -> (Dataset, ImportReport) {
    let dataset = Dataset::create(folder.join(format!("{name}.surgdb"))).unwrap();
    let input: Vec<PathBuf> = vec![folder.join(name)];
    let options =
        ImportOptions { media_roots: vec![folder.into()], ..ImportOptions::new(SourceDescription::named("hf")) };
    let report = import(&dataset, &input, &options, &mut |_| {}).unwrap();
    assert!(report.records.add_up() && report.ignored.is_empty(), "{report:?}");
    let dataset = Dataset::open(dataset.path()).unwrap();
    assert!(dataset.verify(&mut |_, _| {}).unwrap().is_sound());
    (dataset, report)
}

fn conversation(dataset: &Dataset, number: usize) -> ConversationRow {
    let address = dataset.find_in(Table::Conversations, "hf", &format!("r{number}")).unwrap().unwrap();
    dataset.conversation_at(address).unwrap().to_row().unwrap()
}

fn check(dataset: &Dataset, folder: &Path, number: usize, has_more: bool) {
    let row = conversation(dataset, number);
    let count = number % 2 + 1;
    let question = format!("{}Which phase?", "<image>".repeat(count));
    assert_eq!((row.turns[0].role.as_str(), &row.turns[0].text), ("user", &question));
    assert_eq!((&row.turns[1].text, row.turns[1].name.as_deref()), (&format!("Phase {number}."), Some("model")));
    assert_eq!(row.media.iter().map(|medium| medium.at).collect::<Vec<_>>().len(), count);
    let picture = std::fs::read(folder.join(format!("pictures/{number}.png"))).unwrap();
    for medium in &row.media {
        let frame = dataset.frame(medium.refs[0]).unwrap();
        assert_eq!(frame.bytes().unwrap().unwrap(), picture);
        assert_eq!((frame.width().unwrap(), frame.height().unwrap()), (Some(number as i32 + 1), Some(2)));
        assert!(frame.path().unwrap().unwrap().ends_with(&format!("{number}.png")));
    }
    let extra: serde_json::Value = serde_json::from_str(row.extra.as_deref().unwrap_or("{}")).unwrap();
    if has_more {
        let phase = ["preparation", "dissection"][number % 2];
        assert_eq!((extra["phase"].as_str(), extra["score"].as_f64()), (Some(phase), Some(number as f64 / 4.0)));
        assert!(extra["mask"]["path"].as_str().is_some_and(|path| path.ends_with(&format!("{number}.png"))));
    }
}

#[test]
fn what_datasets_writes_is_read_as_what_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path();
    let Some(()) = written(folder) else { return };
    for name in ["hub", "saved"] {
        let (dataset, report) = imported(folder, name);
        assert_eq!((report.records.added, report.media.missing), (6, 0), "{name}");
        assert_eq!(report.splits, [("test".to_owned(), 2), ("train".to_owned(), 4)].into(), "{name}");
        (0..6).for_each(|number| check(&dataset, folder, number, true));
    }
    let (dataset, report) = imported(folder, "one");
    assert_eq!((report.records.added, report.splits.len()), (4, 0));
    (0..4).for_each(|number| check(&dataset, folder, number, false));
}
