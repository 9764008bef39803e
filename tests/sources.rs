//! The README says what came of folders of public data: they are imported here where they are at hand, and compared.

#[path = "common/skip.rs"]
mod skip;

use skip::skipped;
use std::path::{Path, PathBuf};
use surgdb::import::{ImportOptions, SourceDescription, import};
use surgdb::{Dataset, Table};

const README: &str = include_str!("../README.md");
/// The columns of the README's table that are tables of the dataset, in order.
const TABLES: [Table; 6] =
    [Table::Conversations, Table::Annotations, Table::Frames, Table::Videos, Table::Cases, Table::Blobs];

/// Folders of the README's table with their counts: records, rows of each table, records skipped.
fn said() -> Vec<(&'static str, Vec<u64>)> {
    let rows = README.lines().skip_while(|line| !line.starts_with("| folder | records |")).skip(2);
    let rows = rows.take_while(|line| line.starts_with('|')).map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let counts = cells[1..9].iter().map(|cell| cell.replace(',', "").parse().unwrap()).collect();
        (cells[0].trim_matches('`'), counts)
    });
    rows.collect()
}

fn rows(dataset: &Dataset) -> [u64; 6] {
    TABLES.map(|table| dataset.count(table).unwrap())
}

#[test]
fn nine_folders_go_into_one_dataset_as_the_readme_says() {
    let said = said();
    assert_eq!(said.len(), 9);
    let data = Path::new("../shared/data");
    if !data.is_dir() {
        skipped("there is no ../shared/data, whose folders the README counts");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("all.surgdb");
    Dataset::create(&path).unwrap();
    for (folder, counts) in said {
        let dataset = Dataset::open(&path).unwrap();
        let before = rows(&dataset);
        let folders: Vec<PathBuf> = vec![data.join(folder)];
        let options = ImportOptions::new(SourceDescription { id: folder.into(), ..Default::default() });
        let report = import(&dataset, &folders, &options, &mut |_| {}).unwrap();
        let after = rows(&Dataset::open(&path).unwrap());
        let mut found = vec![report.records.read];
        found.extend(after.iter().zip(before).map(|(after, before)| after - before));
        found.push(report.records.skipped_total());
        assert_eq!(found, counts, "{folder}");
    }
    let checked = Dataset::open(&path).unwrap().verify(&mut |_, _| {}).unwrap();
    assert!(checked.faults.is_empty(), "{:?}", checked.faults);
}
