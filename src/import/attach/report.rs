//! What attaching did.

use crate::import::report::{Findings, Kind};
use serde::Serialize;
use std::collections::BTreeMap;

/// How many rows that are still without bytes, and how many names, a report lists.
const LISTED: usize = 1_000_000;

/// The report of one [`attach`](super::attach).
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct AttachReport {
    /// Whether nothing was written because that was asked for.
    pub dry_run: bool,
    /// The version that was committed; none where nothing was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// What became of pictures.
    pub frames: AttachCounts,
    /// What became of videos.
    pub videos: AttachCounts,
    /// Files whose bytes went into the dataset.
    pub embedded: u64,
    /// Files that were linked.
    pub linked: u64,
    /// Bytes of both.
    pub bytes: u64,
    /// Rows that are still without bytes: all of them, up to a million.
    pub missing: Vec<StillMissing>,
    /// How many more there are.
    #[serde(skip_serializing_if = "is_zero")]
    pub missing_more: u64,
    /// Names that were given and that no row without bytes has: up to a million.
    pub unused_names: Vec<String>,
    /// What is worth looking at, by kind.
    pub findings: BTreeMap<Kind, Findings>,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// What became of the rows of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AttachCounts {
    /// Rows that had no bytes, or whose linked file is gone.
    pub without: u64,
    /// Those whose linked file is gone.
    #[serde(skip_serializing_if = "is_zero")]
    pub lost: u64,
    /// Those of them that lead to a file of the same bytes again, or hold these.
    #[serde(skip_serializing_if = "is_zero")]
    pub found_again: u64,
    /// Those that have them now.
    pub attached: u64,
    /// Those whose file was not found.
    pub not_found: u64,
    /// Those of which no file is named: neither their row nor the list says which it would be.
    pub unnamed: u64,
}

/// A picture or video that is still without bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StillMissing {
    /// Its table: `frames` or `videos`.
    pub table: &'static str,
    /// Its source.
    pub source: String,
    /// Its id.
    pub id: String,
    /// The path that was looked for; none where no file is named.
    pub path: Option<String>,
    /// Why it was not attached.
    pub reason: String,
}

impl AttachReport {
    /// How many rows are still without bytes although a file is named.
    pub fn not_found(&self) -> u64 {
        self.frames.not_found + self.videos.not_found
    }

    pub(super) fn miss(&mut self, missing: StillMissing) {
        match self.missing.len() < LISTED {
            true => self.missing.push(missing),
            false => self.missing_more += 1,
        }
    }

    pub(super) fn unused(&mut self, name: &str) {
        if self.unused_names.len() < LISTED {
            self.unused_names.push(name.to_owned());
        }
    }
}
