//! The manifests, what they name beside data files, and what lies in the folders without being named.

use crate::dataset::verify::files::{self, Named};
use crate::dataset::verify::found::Found;
use crate::dataset::verify::history::History;
use crate::dataset::verify::links::check_named_by_digest;
use crate::dataset::{Dataset, versions};
use crate::error::Error;
use crate::format::constants::{COLUMNS_DIR, DELETIONS_DIR, INDEX_DIR, REPORTS_DIR, TABLES, VERSIONS_DIR};
use crate::format::manifest::{Manifest, VersionFile, version_of_name, version_path};
use std::collections::HashSet;

/// Checks the manifests of all versions, the tags of this one, and its reports, or all versions'. Gives, with `of_all`,
/// the files that only other versions name.
pub fn check(dataset: &Dataset, of_all: bool, found: &mut Found<'_>) -> Vec<Named> {
    let root = dataset.path();
    let numbers = match versions::list(root) {
        Ok(numbers) => numbers,
        Err(error) => {
            found.fault(error);
            return Vec::new();
        }
    };
    check_reports(dataset, dataset.manifest(), |_| true, found);
    let mut named: HashSet<String> = paths(dataset.manifest()).map(str::to_owned).collect();
    let mut others = Vec::new();
    let mut kept = HashSet::new();
    let mut all_read = true;
    for gone in versions::gaps(&numbers) {
        all_read = false;
        let (first, last) = gone.into_inner();
        let message = match first == last {
            true => "the manifest is gone, though newer ones are there: restore it".to_owned(),
            false => {
                format!(
                    "the manifests of versions {first} to {last} are gone, though newer ones are there: restore them"
                )
            }
        };
        found.fault(Error::corrupt(message).in_file(root.join(version_path(last))));
    }
    let mut history = History::default();
    for number in &numbers {
        match versions::read_file(root, *number) {
            Ok(VersionFile::Manifest(manifest)) => {
                kept.insert(*number);
                if let Err(error) = history.check(&manifest) {
                    found.fault(error.in_file(root.join(version_path(*number))));
                }
                if of_all {
                    let is_new = |path: &str| !named.contains(path);
                    check_reports(dataset, &manifest, is_new, found);
                    match files::named(&manifest, is_new) {
                        Ok(files) => others.extend(files),
                        Err(error) => found.fault(error.in_file(root.join(version_path(*number)))),
                    }
                }
                let new = paths(&manifest).filter(|path| !named.contains(*path)).map(str::to_owned).collect::<Vec<_>>();
                named.extend(new);
                if *number == dataset.version() && *manifest != *dataset.manifest() {
                    let error = Error::corrupt("the manifest is another one than when this version was opened");
                    found.fault(error.in_file(root.join(version_path(*number))));
                }
            }
            Ok(VersionFile::Tombstone(_)) => {}
            Err(error) => {
                all_read = false;
                found.fault(error);
            }
        }
        found.report.files += 1;
    }
    check_tags(dataset, &kept, found);
    // Of a manifest that cannot be read nobody knows what it names.
    if all_read {
        note_leftovers(dataset, &named, found);
    }
    found.expect(others.iter().map(Named::length).fold(0, u64::saturating_add));
    others
}

/// All files that a version names, those of its sources' imports too.
fn paths(manifest: &Manifest) -> impl Iterator<Item = &str> {
    let imports = manifest.sources.iter().flat_map(|source| &source.imports);
    let reports = imports.filter_map(|import| import.report.as_deref());
    manifest.paths().chain(reports)
}

fn check_tags(dataset: &Dataset, kept: &HashSet<u64>, found: &mut Found<'_>) {
    let path = dataset.file_path(&version_path(dataset.version()));
    for (tag, version) in dataset.manifest().tags.iter().filter(|(_, version)| !kept.contains(version)) {
        let what = format!("the tag {tag:?} is on version {version}, which is not there: remove the tag");
        found.fault(Error::corrupt(what).in_file(&path));
    }
}

fn check_reports(dataset: &Dataset, manifest: &Manifest, wanted: impl Fn(&str) -> bool, found: &mut Found<'_>) {
    let imports = manifest.sources.iter().flat_map(|source| &source.imports);
    let named = manifest.reports.iter().map(|report| (report.path.as_str(), Some(report.bytes)));
    let named = named.chain(imports.filter_map(|import| Some((import.report.as_deref()?, None))));
    let mut seen = HashSet::new();
    for (path, bytes) in named.filter(|(path, _)| wanted(path)) {
        let first = seen.insert(path);
        if !first && bytes.is_none() {
            continue;
        }
        match check_named_by_digest(&dataset.file_path(path)) {
            Ok(length) if bytes.is_some_and(|bytes| bytes != length) => {
                let what = format!("it has {length} bytes, and the manifest says {}", bytes.unwrap_or(0));
                found.fault(Error::corrupt(what).in_file(dataset.file_path(path)));
            }
            Ok(length) if first => {
                found.report.files += 1;
                found.report.bytes += length;
            }
            Ok(_) => {}
            Err(error) => found.fault(error),
        }
    }
}

/// Notes the files that no version names: a writer that was stopped has left them, or one is at work.
fn note_leftovers(dataset: &Dataset, named: &HashSet<String>, found: &mut Found<'_>) {
    let folders = TABLES.into_iter().chain([COLUMNS_DIR, INDEX_DIR, DELETIONS_DIR, REPORTS_DIR, VERSIONS_DIR]);
    for folder in folders {
        let Ok(entries) = std::fs::read_dir(dataset.file_path(folder)) else { continue };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let path = format!("{folder}/{name}");
            let is_version = folder == VERSIONS_DIR && version_of_name(&name).is_some();
            if !is_version && !named.contains(&path) {
                found.note(format!(
                    "{path}: no version names it: a writer is at work, or was stopped and left it; when nobody writes to \
                     the dataset, it can be removed"
                ));
            }
        }
    }
}
