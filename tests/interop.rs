//! Other people's libraries read every file of a dataset and agree with us value by value.
//!
//! The tests make a Python environment of their own, once, with pinned versions. Where there is no Python, or no
//! registry to install from, they say so on standard error and are skipped.

mod common;

use common::{dump, fixture};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use surgdb::{Dataset, Table};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The environment's Python, made where it is not there yet; or why it cannot be made.
fn python() -> Result<PathBuf, String> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it is in target/");
    let (env, requirements) = (target.join("python-env"), Path::new(ROOT).join("tests/python/requirements.txt"));
    let (python, made) = (env.join("bin/python"), env.join("requirements.txt"));
    let wanted = fs::read(&requirements).unwrap();
    // Tests run side by side, in several processes too: one makes the environment, the others wait.
    let lock = File::create(target.join("python-env.lock")).unwrap();
    lock.lock().unwrap();
    if fs::read(&made).is_ok_and(|made| made == wanted) && run(Command::new(&python).arg("--version")).is_ok() {
        return Ok(python);
    }
    let _ = fs::remove_dir_all(&env);
    run(Command::new("python3").args(["-m", "venv"]).arg(&env))?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--requirement"];
    run(Command::new(&python).args(pip).arg(&requirements))?;
    fs::write(&made, wanted).unwrap();
    Ok(python)
}

fn run(command: &mut Command) -> Result<Output, String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    match output.status.success() {
        true => Ok(output),
        false => Err(format!(
            "{command:?}: {}\n{}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )),
    }
}

/// Says so past the test harness, which keeps back what passing tests print.
fn skipped(why: &str) {
    let mut stderr = std::io::stderr();
    writeln!(stderr, "\nskipped: no Python to read with, so nothing was compared\n{why}\n").unwrap();
}

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
