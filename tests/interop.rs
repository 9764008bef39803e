//! Other people's libraries read every file of a dataset and agree with us value by value.
//!
//! They are skipped where there is no Python.

mod common;

use common::python::{ROOT, python, run, skipped};
use common::{dump, fixture};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;
use surgdb::{Dataset, Table};

/// Lets a library read what `lines` names, of a dataset of both profiles, and compare.
fn compare(library: &str, lines: impl Fn(&Dataset) -> Vec<Value>) {
    let python = match python() {
        Ok(python) => python,
        Err(why) => return skipped(&why),
    };
    for compression in [None, Some(3)] {
        let dir = tempfile::tempdir().unwrap();
        let dataset = fixture::write(&dir.path().join("a.surgdb"), compression);
        let expected = dir.path().join("expected.jsonl");
        let text: Vec<_> = lines(&dataset).iter().map(|line| line.to_string() + "\n").collect();
        fs::write(&expected, text.concat()).unwrap();
        let mut command = Command::new(&python);
        command.arg(Path::new(ROOT).join("tests/python/compare.py")).arg(library).arg(dataset.path()).arg(&expected);
        // Nothing of a user's own settings, and nothing written to a home or looked up.
        command.env("HF_HOME", dir.path().join("hf")).env("HF_HUB_OFFLINE", "1").env("PYTHONDONTWRITEBYTECODE", "1");
        if let Err(why) = run(&mut command) {
            panic!("{library}, compression {compression:?}: {why}");
        }
    }
}

/// Each file that any version names, so that those from before files were joined are read too.
fn every_file(dataset: &Dataset) -> Vec<Value> {
    let mut files = Vec::new();
    for version in 1..=dataset.version() {
        files.extend(dump::files(&Dataset::options().version(version).open(dataset.path()).unwrap()));
    }
    files.sort_by(|a, b| a.0.cmp(&b.0));
    files.dedup_by(|a, b| a.0 == b.0);
    let folders: Vec<_> = files.iter().filter_map(|(path, _)| path.split_once('/')).map(|parts| parts.0).collect();
    for folder in Table::ALL.map(Table::name).into_iter().chain(["columns", "index", "deletions"]) {
        assert!(folders.contains(&folder), "there is no file in {folder}/");
    }
    files.into_iter().map(|(path, rows)| json!([path, rows])).collect()
}

/// The live rows of each table: before files were joined, with fragments out of order, and compacted.
fn every_table(dataset: &Dataset) -> Vec<Value> {
    let of = |version: u64| {
        let dataset = Dataset::options().version(version).open(dataset.path()).unwrap();
        Table::ALL.map(|table| json!([format!("{version}/{table}"), dump::rows(&dataset, table)]))
    };
    [3, 6, 7, 8].map(of).concat()
}

#[test]
fn pyarrow_reads_every_file() {
    compare("pyarrow", every_file);
}

#[test]
fn polars_reads_every_file() {
    compare("polars", every_file);
}

#[test]
fn duckdb_reads_every_file() {
    compare("duckdb", every_file);
}

#[test]
fn pandas_reads_every_file() {
    compare("pandas", every_file);
}

#[test]
fn hugging_face_datasets_reads_every_file() {
    compare("datasets", every_file);
}

#[test]
fn a_reader_of_a_hundred_lines_sees_the_same_rows() {
    compare("example", every_table);
    let lines = fs::read_to_string(Path::new(ROOT).join("examples/read_with_pyarrow.py")).unwrap().lines().count();
    assert!(lines < 100, "it has {lines} lines");
}
