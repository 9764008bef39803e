//! Vacuum: what writers left behind that were killed goes, and nothing that anybody needs.

use crate::common::contents::read_all;
use crate::common::small::{Profile, build};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use surgdb::dataset::{Appender, DeleteOptions, VacuumOptions, WriterOptions};
use surgdb::format::manifest::Manifest;
use surgdb::rows::FrameRow;
use surgdb::{Dataset, ErrorKind, Operation, Table};

const NOW: VacuumOptions = VacuumOptions { older_than: Duration::ZERO, dry_run: false };

fn small() -> (tempfile::TempDir, Dataset) {
    let dir = tempfile::tempdir().unwrap();
    let dataset = build(&dir.path().join("d.surgdb"), Profile::Compacted).unwrap();
    (dir, dataset)
}

/// All files of a dataset.
fn files(root: &Path) -> BTreeSet<PathBuf> {
    let folders = std::fs::read_dir(root).unwrap().map(|folder| folder.unwrap().path());
    folders.flat_map(|folder| std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path())).collect()
}

/// An appender that has published files, and has others open.
fn at_work(dataset: &Dataset) -> Appender {
    let options = WriterOptions { batch_rows: 1, fragment_bytes: 1, ..Default::default() };
    let mut appender = dataset.append_with(options).unwrap();
    for id in ["x", "y", "z"] {
        let row = FrameRow { id: id.into(), source: "one".into(), kind: "rgb".into(), ..Default::default() };
        appender.frame(&row).unwrap();
    }
    appender
}

fn set_old(path: &Path) {
    let file = std::fs::File::options().append(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(7200)).unwrap();
}

#[test]
fn what_a_killed_writer_left_goes_and_all_versions_stay_whole() {
    let (_dir, dataset) = small();
    let (root, before, contents) = (dataset.path(), files(dataset.path()), read_all(&dataset).unwrap());
    std::mem::forget(at_work(&dataset));
    let left: BTreeSet<_> = files(root).difference(&before).cloned().collect();
    assert!(left.len() > 3, "files and claims: {left:?}");

    let kept = dataset.vacuum(VacuumOptions::default()).unwrap();
    assert!(kept.files.is_empty() && kept.claims.is_empty() && kept.at_work.len() > 1, "{kept:?}");
    let told = dataset.vacuum(VacuumOptions { dry_run: true, ..NOW }).unwrap();
    assert_eq!(files(root), before.union(&left).cloned().collect());
    let gone = dataset.vacuum(NOW).unwrap();
    assert_eq!((&gone, gone.files.len() + gone.claims.len()), (&told, left.len()));
    assert_eq!(files(root), before);
    assert!(read_all(&dataset).unwrap() == contents);
    assert!(dataset.verify(&mut |_, _| {}).unwrap().is_sound());
    // The numbers are free again.
    let again = at_work(&dataset).commit(Operation::new("append")).unwrap();
    assert!(again.verify(&mut |_, _| {}).unwrap().is_sound());
}

#[test]
fn a_writer_whose_claims_were_taken_away_commits_nothing() {
    let (_dir, dataset) = small();
    let appender = at_work(&dataset);
    assert!(!dataset.vacuum(NOW).unwrap().claims.is_empty());
    assert_eq!(appender.commit(Operation::new("append")).unwrap_err().kind(), ErrorKind::Conflict);
    let newest = Dataset::open(dataset.path()).unwrap();
    assert_eq!(newest.version(), dataset.version());
    assert!(newest.verify(&mut |_, _| {}).unwrap().is_sound());
}

#[test]
fn temporary_files_and_reports_go_when_nobody_can_want_them() {
    let (_dir, dataset) = small();
    let root = dataset.path();
    let token = "0123456789abcdef0123456789abcdef";
    let make = |path: String, old: bool| {
        std::fs::write(root.join(&path), b"left").unwrap();
        if old {
            set_old(&root.join(&path));
        }
        path
    };
    let report = make(format!("reports/{}.json", "ab".repeat(32)), false);
    let manifest = make(format!("versions/.0000000099.json.{token}.tmp"), true);
    let data = make(format!("frames/.000099.arrow.{token}.tmp"), false);
    let young = make(format!("versions/.0000000098.json.{token}.tmp"), false);
    let foreign = [make("frames/notes.txt".into(), true), make("reports/mine.json".into(), true)];
    // A report that a manifest names, and whose name was just taken away.
    let named = dataset.manifest().reports[0].path.clone();
    let hidden = format!("reports/.{}.{token}.tmp", named.strip_prefix("reports/").unwrap());
    std::fs::rename(root.join(&named), root.join(&hidden)).unwrap();
    set_old(&root.join(&hidden));

    let gone = dataset.vacuum(VacuumOptions::default()).unwrap();
    assert_eq!(gone.files.keys().cloned().collect::<BTreeSet<_>>(), BTreeSet::from([report, manifest, data]));
    for path in foreign.iter().chain([&young, &named]) {
        assert!(root.join(path).exists(), "{path}");
    }
    assert!(!root.join(hidden).exists());
    assert!(dataset.verify(&mut |_, _| {}).unwrap().is_sound());

    // While a writer is at work it may have found a report that nobody names yet.
    let report = make(format!("reports/{}.json", "cd".repeat(32)), true);
    let appender = at_work(&dataset);
    assert!(dataset.vacuum(VacuumOptions::default()).unwrap().files.is_empty());
    drop(appender);
    assert_eq!(dataset.vacuum(VacuumOptions::default()).unwrap().files.keys().collect::<Vec<_>>(), [&report]);
}

#[test]
fn nothing_is_removed_where_a_version_cannot_be_read() {
    let (_dir, dataset) = small();
    let gone = dataset.find(Table::Conversations, "c-0").unwrap().unwrap();
    dataset.delete([gone], DeleteOptions::default()).unwrap();
    std::mem::forget(at_work(&dataset));
    let path = dataset.path().join("versions/0000000002.json");
    let bytes = std::fs::read(&path).unwrap();
    Manifest::decode(&bytes).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    let before = files(dataset.path());
    assert_eq!(dataset.vacuum(NOW).unwrap_err().kind(), ErrorKind::Corrupt);
    assert_eq!(files(dataset.path()), before);
    // One that is gone may come back.
    std::fs::remove_file(&path).unwrap();
    let (before, error) = (files(dataset.path()), dataset.vacuum(NOW).unwrap_err());
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("the manifest of version 2 is gone"), "{error}");
    assert_eq!(files(dataset.path()), before);
}

#[cfg(unix)]
#[test]
fn nothing_is_written_or_removed_through_links() {
    let (dir, dataset) = small();
    let (root, victim) = (dataset.path(), dir.path().join("victim"));
    std::fs::write(&victim, "mine").unwrap();
    std::os::unix::fs::symlink(&victim, root.join("claims/000099")).unwrap();
    std::fs::create_dir(root.join("claims/000098")).unwrap();
    let other = dir.path().join("other");
    std::fs::create_dir(&other).unwrap();
    std::fs::write(other.join("000097.arrow"), "another's").unwrap();
    let columns = root.join("columns");
    let moved = dir.path().join("columns");
    std::fs::rename(&columns, &moved).unwrap();
    std::os::unix::fs::symlink(&other, &columns).unwrap();
    let gone = dataset.vacuum(NOW).unwrap();
    assert!(gone.files.is_empty() && gone.claims.is_empty(), "{gone:?}");
    assert_eq!(std::fs::read_to_string(&victim).unwrap(), "mine");
    assert!(other.join("000097.arrow").exists());
}
