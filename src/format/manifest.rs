//! The manifest: what a version of a dataset consists of.
//!
//! A version file is one line of JSON, `{"crc32":N,"manifest":{…}}` or `{"crc32":N,"tombstone":{…}}`, framed
//! exactly so, without blanks: the checksum is that of the inner object's bytes as they stand, and no byte of the
//! file is left that could change unseen. Members that a reader does not know are passed over; what it must
//! know to read the data is announced in `features`.

mod check;
mod entries;
mod frame;

pub use check::{data_number, data_path, report_path};
pub use entries::{
    DeletionFile, FileEntry, FragmentRows, Home, Import, ImportInput, IndexRun, JsonObject, Operation, ReportEntry,
    SideColumn, Source, SourceKind,
};
pub use frame::{Tombstone, VersionFile};

use crate::error::{Error, ErrorKind, Result};
use crate::format::address::FragmentId;
use crate::format::constants::{
    CLAIMS_DIR, FILE_DIGITS, FORMAT_VERSION, KNOWN_FEATURES, VERSION_DIGITS, VERSION_MAX, VERSIONS_DIR,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything that a version of a dataset consists of.
///
/// It never holds an id, a patient or a record: those would outlive their erasure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of the format, `major.minor`.
    pub format: String,
    /// What a reader must know to read this version; one that does not know all of them refuses.
    pub features: Vec<String>,
    /// The dataset's own id: 32 hex digits, the same in all versions.
    pub dataset: String,
    /// The number of this version, from 1.
    pub version: u64,
    /// The random id of the commit that made it.
    pub commit: String,
    /// When it was made: RFC 3339, UTC.
    pub time: String,
    /// What made it.
    pub operation: Operation,
    /// The next file number that nobody has used. It never falls from one version to the next.
    pub next: u32,
    /// The base files of each table, by the table's name.
    #[serde(default, deserialize_with = "entries::unique_map")]
    pub files: BTreeMap<String, Vec<FileEntry>>,
    /// The side columns.
    #[serde(default)]
    pub columns: Vec<SideColumn>,
    /// The index runs.
    #[serde(default)]
    pub index: Vec<IndexRun>,
    /// The deleted rows, one file a table.
    #[serde(default)]
    pub deletions: Vec<DeletionFile>,
    /// Where the data comes from.
    #[serde(default)]
    pub sources: Vec<Source>,
    /// The digest of the vocabulary that labels were harmonised with: 64 hex digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vocabulary: Option<String>,
    /// Files under `reports/`.
    #[serde(default)]
    pub reports: Vec<ReportEntry>,
    /// Names that users gave to versions.
    #[serde(default, deserialize_with = "entries::unique_map")]
    pub tags: BTreeMap<String, u64>,
    /// What purges recorded of themselves.
    #[serde(default)]
    pub erasures: Vec<JsonObject>,
}

impl Manifest {
    /// The manifest of a dataset without any data: version 1.
    pub fn empty(dataset: impl Into<String>, commit: impl Into<String>, time: impl Into<String>) -> Self {
        Self {
            format: FORMAT_VERSION.to_owned(),
            features: Vec::new(),
            dataset: dataset.into(),
            version: 1,
            commit: commit.into(),
            time: time.into(),
            operation: Operation::new("create"),
            next: 1,
            files: BTreeMap::new(),
            columns: Vec::new(),
            index: Vec::new(),
            deletions: Vec::new(),
            sources: Vec::new(),
            vocabulary: None,
            reports: Vec::new(),
            tags: BTreeMap::new(),
            erasures: Vec::new(),
        }
    }

    /// Reads and checks a version file that must hold a manifest.
    ///
    /// # Errors
    /// `Corrupt` when the bytes are damaged or state what cannot be; `Unsupported` for another format version or
    /// an unknown feature, by name; `NotFound` for a tombstone.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        match VersionFile::decode(bytes)? {
            VersionFile::Manifest(manifest) => Ok(*manifest),
            VersionFile::Tombstone(tombstone) => Err(tombstone.to_error()),
        }
    }

    /// The bytes of the version file.
    pub fn encode(&self) -> Vec<u8> {
        frame::encode("manifest", self)
    }

    /// Checks everything that [`decode`](Self::decode) checks of the values.
    ///
    /// # Errors
    /// `Unsupported` or `Corrupt`, as for `decode`.
    pub fn check(&self) -> Result<()> {
        self.check_readable()?;
        check::check(self)
    }

    /// Refuses a format version or a feature that this build does not know.
    fn check_readable(&self) -> Result<()> {
        check_readable(&self.format, &self.features)
    }

    /// The base files of the table with this name, in the order of the manifest.
    pub fn files_of(&self, table: &str) -> &[FileEntry] {
        self.files.get(table).map_or(&[], Vec::as_slice)
    }

    /// How many rows the base files of this table hold, deleted ones counted.
    pub fn rows_of(&self, table: &str) -> u64 {
        self.files_of(table).iter().map(FileEntry::rows).sum()
    }

    /// The side column of this table with this name.
    pub fn column(&self, table: &str, name: &str) -> Option<&SideColumn> {
        self.columns.iter().find(|column| column.table == table && column.name == name)
    }

    /// The deletions of this table.
    pub fn deletions_of(&self, table: &str) -> Option<&DeletionFile> {
        self.deletions.iter().find(|deletions| deletions.table == table)
    }

    /// The source with this id.
    pub fn source(&self, id: &str) -> Option<&Source> {
        self.sources.iter().find(|source| source.id == id)
    }

    /// The paths of all files that this version needs, relative to the dataset's folder.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        let base = self.files.values().flatten().map(|file| file.path.as_str());
        let side = self.columns.iter().flat_map(|column| &column.files).map(|file| file.path.as_str());
        let index = self.index.iter().map(|run| run.path.as_str());
        let deletions = self.deletions.iter().map(|file| file.path.as_str());
        let reports = self.reports.iter().map(|report| report.path.as_str());
        base.chain(side).chain(index).chain(deletions).chain(reports)
    }

    /// The fragments of this table with their rows, in the files' order.
    pub fn fragments_of(&self, table: &str) -> impl Iterator<Item = (FragmentId, u32)> {
        self.files_of(table).iter().flat_map(|file| &file.fragments).map(|part| (part.fragment, part.rows))
    }
}

/// Refuses a format version or a feature that this build does not know.
fn check_readable(format: &str, features: &[String]) -> Result<()> {
    if !is_same_format(format) {
        return Err(Error::unsupported(format!(
            "the dataset has format version {format:?}, and this build of surgdb reads {FORMAT_VERSION}; use a \
             build that reads it"
        )));
    }
    match features.iter().find(|feature| !KNOWN_FEATURES.contains(&feature.as_str())) {
        Some(feature) => Err(Error::unsupported(format!(
            "the dataset uses the feature {feature:?}, which this build of surgdb does not know; use a newer build"
        ))),
        None => Ok(()),
    }
}

/// Whether this build reads that format: the same major version, and before 1.0 the same minor one too.
pub(super) fn is_same_format(format: &str) -> bool {
    match (major_minor(format), major_minor(FORMAT_VERSION)) {
        (Some((major, minor)), Some((ours, our_minor))) => major == ours && (major > 0 || minor == our_minor),
        _ => false,
    }
}

/// Whether a writer of the format version `ours` may build on a version that has `format`: it is no newer one.
///
/// ```
/// use surgdb::format::manifest::may_build_on;
/// assert!(may_build_on("1.2", "1.3") && may_build_on("1.3", "1.3"));
/// assert!(!may_build_on("1.10", "1.9") && !may_build_on("2.0", "1.9") && !may_build_on("new", "1.9"));
/// assert!(!may_build_on("+1.+2", "1.9") && !may_build_on("1.02", "1.9"));
/// ```
pub fn may_build_on(format: &str, ours: &str) -> bool {
    major_minor(format).zip(major_minor(ours)).is_some_and(|(theirs, ours)| theirs.0 == ours.0 && theirs.1 <= ours.1)
}

/// The numbers of a format version, which is written in one way alone: digits, a dot, digits, without leading zeros.
fn major_minor(format: &str) -> Option<(u32, u32)> {
    let (major, minor) = format.split_once('.')?;
    let numbers = (major.parse().ok()?, minor.parse().ok()?);
    (format!("{}.{}", numbers.0, numbers.1) == format).then_some(numbers)
}

/// The path of a version file, relative to the dataset's folder: `versions/0000000007.json`.
pub fn version_path(version: u64) -> String {
    format!("{VERSIONS_DIR}/{}", version_name(version))
}

/// The name of a version file: `0000000007.json`.
pub fn version_name(version: u64) -> String {
    format!("{version:0width$}.json", width = VERSION_DIGITS)
}

/// The version whose file has this name, if it is one's.
pub fn version_of_name(name: &str) -> Option<u64> {
    let version = name.strip_suffix(".json")?.parse().ok().filter(|version| (1..=VERSION_MAX).contains(version))?;
    (version_name(version) == name).then_some(version)
}

/// The path of a claim, relative to the dataset's folder: `claims/000044`.
pub fn claim_path(number: u32) -> String {
    format!("{CLAIMS_DIR}/{number:0width$}", width = FILE_DIGITS)
}

/// An error about a version's manifest: its kind is `Corrupt`.
fn corrupt(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Corrupt, message)
}

#[cfg(test)]
mod tests;
