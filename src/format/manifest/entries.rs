//! The parts of a manifest.

use super::check::data_number;
use crate::format::address::FragmentId;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

/// A JSON object of free form.
pub type JsonObject = serde_json::Map<String, Value>;

/// What made a version: a word and a few facts.
///
/// ```
/// use surgdb::format::manifest::Operation;
/// let operation = Operation::new("import").with("conversations", 500).with("format", "sharegpt");
/// assert_eq!(operation.summary["conversations"], 500);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    /// What was done: `create`, `append`, `import`, `delete`, …
    pub kind: String,
    /// Counts and options. Never an id, a patient or a record.
    #[serde(default)]
    pub summary: JsonObject,
}

impl Operation {
    /// An operation of this kind, without a summary.
    pub fn new(kind: impl Into<String>) -> Self {
        Self { kind: kind.into(), summary: JsonObject::new() }
    }

    /// The same, with one more fact.
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.summary.insert(name.into(), value.into());
        self
    }
}

/// A data file: base columns of a table, or a side column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Its path, relative to the dataset's folder.
    pub path: String,
    /// How many bytes it has.
    pub length: u64,
    /// The CRC-32 of everything from the footer to the end.
    pub crc32: u32,
    /// The fragments that it holds rows of, in physical order, deleted rows counted.
    pub fragments: Vec<FragmentRows>,
}

impl FileEntry {
    /// How many rows it holds.
    pub fn rows(&self) -> u64 {
        self.fragments.iter().map(|part| u64::from(part.rows)).sum()
    }

    /// The file's number.
    pub fn number(&self) -> Option<u32> {
        data_number(&self.path)
    }
}

/// A fragment and how many rows it has: `[fragment, rows]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "(u32, u32)", into = "(u32, u32)")]
pub struct FragmentRows {
    /// The fragment.
    pub fragment: FragmentId,
    /// Its rows, deleted ones counted.
    pub rows: u32,
}

impl TryFrom<(u32, u32)> for FragmentRows {
    type Error = crate::error::Error;

    fn try_from((fragment, rows): (u32, u32)) -> Result<Self, Self::Error> {
        Ok(Self { fragment: FragmentId::new(fragment)?, rows })
    }
}

impl From<FragmentRows> for (u32, u32) {
    fn from(part: FragmentRows) -> Self {
        (part.fragment.get(), part.rows)
    }
}

/// A column that is stored apart from the base files: one that a table has on top of its own, or one that
/// replaces a base column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SideColumn {
    /// The table's name.
    pub table: String,
    /// The column's name.
    pub name: String,
    /// The column's type, in the notation of [`format::notation`](crate::format::notation).
    #[serde(rename = "type")]
    pub ty: String,
    /// Whether it replaces the base column of this name.
    #[serde(default)]
    pub replaces: bool,
    /// Its files, the newest last: the newest that covers a fragment counts for the whole fragment.
    pub files: Vec<FileEntry>,
}

/// A sorted run of an index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexRun {
    /// Which index it belongs to.
    pub kind: String,
    /// Its path, relative to the dataset's folder.
    pub path: String,
    /// How many bytes it has.
    pub length: u64,
    /// The CRC-32 of everything from the footer to the end.
    pub crc32: u32,
    /// How many entries it has.
    pub rows: u64,
}

/// The deleted rows of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletionFile {
    /// The table's name.
    pub table: String,
    /// Its path, relative to the dataset's folder.
    pub path: String,
    /// How many bytes it has.
    pub length: u64,
    /// The CRC-32 of everything from the footer to the end.
    pub crc32: u32,
    /// How many rows are deleted.
    pub rows: u64,
}

/// A file under `reports/`, named by its digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportEntry {
    /// What it is, for people.
    pub name: String,
    /// Its path, relative to the dataset's folder.
    pub path: String,
    /// How many bytes it has.
    pub bytes: u64,
}

/// Where data comes from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// Its short name: what stands in the `source` columns.
    pub id: String,
    /// Its full name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What kind of source it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<SourceKind>,
    /// Its licence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// How to cite it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub citation: Option<String>,
    /// Where it can be had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// What was imported from it, and how, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub imports: Vec<Import>,
}

/// What kind of source data comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum SourceKind {
    /// A published dataset.
    Open,
    /// A hospital's own recordings.
    Clinical,
    /// Material from the web.
    Web,
    /// What another writer calls it.
    #[serde(untagged)]
    Other(String),
}

/// One import from a source.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Import {
    /// The importer's name.
    pub importer: String,
    /// The options that it ran with.
    #[serde(default)]
    pub options: JsonObject,
    /// The files that it read.
    #[serde(default)]
    pub inputs: Vec<ImportInput>,
    /// The folders that it was the first to read files of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub homes: Vec<Home>,
    /// What it found, by name.
    #[serde(default, deserialize_with = "unique_map")]
    pub counts_in: BTreeMap<String, u64>,
    /// What became of it, by name.
    #[serde(default, deserialize_with = "unique_map")]
    pub counts_out: BTreeMap<String, u64>,
    /// The path of its report, relative to the dataset's folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<String>,
    /// When it ran: RFC 3339, UTC.
    pub time: String,
}

/// A folder that files of a source were read from. Digests are the first 32 hex digits of BLAKE3.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Home {
    /// The digest of its absolute path.
    pub folder: String,
    /// How many folders above it ids start.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub above: u64,
    /// The digest of its path from there.
    pub names: String,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A file that an import read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportInput {
    /// Where it was, where that may be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The BLAKE3 of its bytes: 64 hex digits.
    pub digest: String,
    /// How many bytes it had.
    pub bytes: u64,
}

/// A JSON object in which no name may stand twice.
pub(super) fn unique_map<'de, D, V>(deserializer: D) -> Result<BTreeMap<String, V>, D::Error>
where
    D: Deserializer<'de>,
    V: Deserialize<'de>,
{
    struct Unique<V>(PhantomData<V>);

    impl<'de, V: Deserialize<'de>> Visitor<'de> for Unique<V> {
        type Value = BTreeMap<String, V>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
            let mut map = BTreeMap::new();
            while let Some((name, value)) = access.next_entry::<String, V>()? {
                if map.contains_key(&name) {
                    return Err(A::Error::custom(format!("{name:?} stands twice in one object")));
                }
                map.insert(name, value);
            }
            Ok(map)
        }
    }

    deserializer.deserialize_map(Unique(PhantomData))
}
