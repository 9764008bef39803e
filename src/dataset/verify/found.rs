//! What a verification has found so far.

use crate::dataset::Dataset;
use crate::error::Error;
use std::collections::HashSet;
use std::fmt::Display;
use std::hash::{BuildHasher, RandomState};

/// How many faults are listed in full. Those beyond are counted.
const FAULTS_MAX: usize = 100_000;
/// How many notes are listed in full.
const NOTES_MAX: usize = 10_000;

/// What a verification found.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct VerifyReport {
    /// What is wrong: each with the file, the place, and what to do. At most 100,000 are listed.
    pub faults: Vec<Error>,
    /// How many faults there are, those counted that are not listed.
    pub fault_count: u64,
    /// What is worth knowing and not wrong: files that no version names, contents that are stored twice.
    pub notes: Vec<String>,
    /// Files that were checked, manifests and reports counted.
    pub files: u64,
    /// Bytes of these files.
    pub bytes: u64,
    /// Live rows that were checked.
    pub rows: u64,
    /// Addresses in them that were followed.
    pub references: u64,
}

impl VerifyReport {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.fault_count == 0
    }
}

/// Gathers faults, each once, and tells how far the work is.
pub struct Found<'a> {
    pub report: VerifyReport,
    progress: &'a mut dyn FnMut(u64, u64),
    seen: HashSet<u64>,
    hasher: RandomState,
    done: u64,
    total: u64,
}

impl<'a> Found<'a> {
    pub fn new(dataset: &Dataset, progress: &'a mut dyn FnMut(u64, u64)) -> Self {
        let manifest = dataset.manifest();
        let files = manifest.files.values().flatten().chain(manifest.columns.iter().flat_map(|column| &column.files));
        let index = manifest.index.iter().map(|run| run.length);
        let deletions = manifest.deletions.iter().map(|file| file.length);
        let total = files.map(|file| file.length).chain(index).chain(deletions).fold(0u64, u64::saturating_add);
        Self {
            report: VerifyReport::default(),
            progress,
            seen: HashSet::new(),
            hasher: RandomState::new(),
            done: 0,
            total,
        }
    }

    /// Something is wrong. What was said already is not said again: a damaged column is met on several ways.
    pub fn fault(&mut self, error: Error) {
        if !self.seen.insert(self.hasher.hash_one(error.to_string())) {
            return;
        }
        self.report.fault_count += 1;
        if self.report.faults.len() < FAULTS_MAX {
            self.report.faults.push(error);
        }
    }

    pub fn note(&mut self, note: impl Display) {
        if self.report.notes.len() < NOTES_MAX {
            self.report.notes.push(note.to_string());
        }
    }

    /// So many bytes more are to be checked.
    pub fn expect(&mut self, bytes: u64) {
        self.total = self.total.saturating_add(bytes);
    }

    /// So many more bytes of the files are checked.
    pub fn advance(&mut self, bytes: u64) {
        self.done = self.done.saturating_add(bytes).min(self.total);
        (self.progress)(self.done, self.total);
    }

    pub fn finish(mut self) -> VerifyReport {
        let left = self.total - self.done;
        self.advance(left);
        self.report
    }
}
