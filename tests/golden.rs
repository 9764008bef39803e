//! Datasets that were written before are read as ever, and the same input gives the same bytes.

mod common;

use common::{dump, fixture};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use surgdb::dataset::commit::pin_unique;
use surgdb::{Dataset, Table};

/// A golden dataset.
struct Golden {
    name: &'static str,
    write: fn(&Path),
    /// The versions whose values stand in `expected.json`.
    versions: &'static [u64],
}

/// The train profile with everything laid over it, and the packed profile as far as it differs.
const GOLDEN: [Golden; 2] = [
    Golden { name: "train.surgdb", write: |path| drop(fixture::write(path, None)), versions: &[2, 7, 8] },
    Golden { name: "packed.surgdb", write: |path| drop(fixture::append(path, Some(3))), versions: &[2] },
];

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("spec/vectors")
}

/// All files below a folder, by path relative to it. Folders without files are left out, as git does.
fn files(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.insert(path.strip_prefix(root).unwrap().to_path_buf(), std::fs::read(&path).unwrap());
            }
        }
    }
    files
}

fn write(golden: &Golden, path: &Path) {
    pin_unique();
    (golden.write)(path);
}

/// The values of a version by table.
fn values(path: &Path, version: u64) -> Value {
    let dataset = Dataset::options().version(version).open(path).unwrap();
    let tables = Table::ALL.map(|table| (table.name().to_owned(), dump::rows(&dataset, table).into()));
    Value::Object(tables.into_iter().collect())
}

#[test]
fn golden_datasets_are_read_value_by_value() {
    let expected = std::fs::read(vectors().join("expected.json")).unwrap();
    let expected: Value = serde_json::from_slice(&expected).unwrap();
    for golden in &GOLDEN {
        for version in golden.versions {
            let found = values(&vectors().join(golden.name), *version);
            for table in Table::ALL.map(Table::name) {
                let expected = &expected[version.min(&7).to_string()][table];
                assert_eq!(&found[table], expected, "{}, version {version}, {table}", golden.name);
            }
            let dataset = Dataset::options().version(*version).open(vectors().join(golden.name)).unwrap();
            let report = dataset.verify(&mut |_, _| {}).unwrap();
            assert!(report.is_sound(), "{}, version {version}: {report:?}", golden.name);
        }
    }
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    for golden in &GOLDEN {
        let dir = tempfile::tempdir().unwrap();
        write(golden, &dir.path().join("a.surgdb"));
        let (written, kept) = (files(&dir.path().join("a.surgdb")), files(&vectors().join(golden.name)));
        assert_eq!(written.keys().collect::<Vec<_>>(), kept.keys().collect::<Vec<_>>(), "{}", golden.name);
        for (path, bytes) in &written {
            assert!(bytes == &kept[path], "{}: {} has other bytes", golden.name, path.display());
        }
    }
}

#[test]
fn golden_datasets_hold_one_sample_of_every_task() {
    let dataset = Dataset::open(vectors().join("train.surgdb")).unwrap();
    let tasks: Vec<_> = dump::rows(&dataset, Table::Conversations).into_iter().map(|row| row["task"].clone()).collect();
    for task in surgdb::vocab::tasks() {
        assert!(tasks.contains(&json!(task.name)), "{}", task.name);
    }
}

/// Writes the golden datasets anew. Before 1.0 a change for the better may do so; VERSIONS.md says why.
#[test]
#[ignore = "rewrites spec/vectors: cargo test --test golden -- --ignored regenerate"]
fn regenerate() {
    for golden in &GOLDEN {
        let path = vectors().join(golden.name);
        if path.exists() {
            std::fs::remove_dir_all(&path).unwrap();
        }
        write(golden, &path);
    }
    // Joining and compacting, after version 7, leaves all values as they are.
    let of = |version: u64| (version.to_string(), values(&vectors().join(GOLDEN[0].name), version));
    let values: serde_json::Map<_, _> = [2, 7].map(of).into_iter().collect();
    // One row a line, for people who look at what has changed.
    let text = Value::Object(values).to_string();
    let text = text.replace("},{\"address\"", "},\n{\"address\"").replace(":[{\"address\"", ":[\n{\"address\"");
    std::fs::write(vectors().join("expected.json"), text + "\n").unwrap();
}
