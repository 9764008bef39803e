//! What changed from one version to another.

use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::format::Address;
use crate::format::manifest::SideColumn;
use crate::schema::tables::Table;
use std::collections::{BTreeMap, BTreeSet};

/// What one version has that another one has not, and the other way round.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct VersionDiff {
    /// The versions that were compared.
    pub versions: (u64, u64),
    /// Live rows by table, of the tables that differ.
    pub rows: BTreeMap<Table, RowsDiff>,
    /// Added columns, as `table.name`.
    pub columns: NamesDiff,
    /// Columns of the format whose values stand in files of their own, in place of those that their rows were written with,
    /// as `table.name`. One of them is gone where a compaction wrote the new values into the rows' files, or where the old
    /// ones hold again.
    pub replaced: NamesDiff,
    /// Sources, by their ids; what they say and their imports count.
    pub sources: NamesDiff,
}

/// Rows that one version of a table has and another one has not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RowsDiff {
    /// Live in the second version alone.
    pub added: u64,
    /// Live in the first version alone.
    pub gone: u64,
}

/// Names that differ between two versions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamesDiff {
    /// In the second version alone.
    pub added: BTreeSet<String>,
    /// In the first version alone.
    pub gone: BTreeSet<String>,
    /// In both, and not the same.
    pub changed: BTreeSet<String>,
}

impl VersionDiff {
    /// Whether rows, columns and sources are the same.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.columns.is_empty() && self.replaced.is_empty() && self.sources.is_empty()
    }
}

impl NamesDiff {
    /// Whether the names are the same, and what they stand for.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.gone.is_empty() && self.changed.is_empty()
    }

    fn of<V: PartialEq>(before: &BTreeMap<String, V>, after: &BTreeMap<String, V>) -> Self {
        let missing = |from: &BTreeMap<String, V>, to: &BTreeMap<String, V>| {
            to.keys().filter(|name| !from.contains_key(*name)).cloned().collect()
        };
        let changed =
            |(name, value): (&String, &V)| before.get(name).is_some_and(|old| old != value).then(|| name.clone());
        Self {
            added: missing(before, after),
            gone: missing(after, before),
            changed: after.iter().filter_map(changed).collect(),
        }
    }
}

impl Dataset {
    /// What changed from this version to another one of the same dataset. Only manifests and deletions are read.
    ///
    /// # Errors
    /// `Invalid` when they are two datasets; `Corrupt`, `Purged` when deletions cannot be read.
    pub fn diff(&self, other: &Dataset) -> Result<VersionDiff> {
        let (before, after) = (self.manifest(), other.manifest());
        if before.dataset != after.dataset {
            return Err(Error::invalid(format!("{} and {} are two datasets", before.dataset, after.dataset)));
        }
        let mut diff = VersionDiff { versions: (self.version(), other.version()), ..VersionDiff::default() };
        for table in Table::ALL {
            let rows = RowsDiff { added: only_in(other, self, table)?, gone: only_in(self, other, table)? };
            if rows != RowsDiff::default() {
                diff.rows.insert(table, rows);
            }
        }
        diff.columns = NamesDiff::of(&columns(self, false), &columns(other, false));
        diff.replaced = NamesDiff::of(&columns(self, true), &columns(other, true));
        let sources = |dataset: &Dataset| {
            dataset.manifest().sources.iter().map(|source| (source.id.clone(), source.clone())).collect()
        };
        diff.sources = NamesDiff::of(&sources(self), &sources(other));
        Ok(diff)
    }
}

/// The side columns that replace values, or those that add a column.
fn columns(dataset: &Dataset, replaces: bool) -> BTreeMap<String, SideColumn> {
    let named = |side: &SideColumn| (format!("{}.{}", side.table, side.name), side.clone());
    dataset.manifest().columns.iter().filter(|side| side.replaces == replaces).map(named).collect()
}

/// How many rows of a table are live in the first and not in the second.
fn only_in(first: &Dataset, second: &Dataset, table: Table) -> Result<u64> {
    let (here, there) = (first.state(table), second.state(table));
    let is_there = |address: &Address| there.locate(*address).is_ok();
    let deleted_here: BTreeSet<Address> = here.deleted_addresses(first.opening())?.into_iter().collect();
    let deleted_there = there.deleted_addresses(second.opening())?;
    let new_rows = here.fragments.iter().filter(|part| !is_there(&part.id.address(0))).map(|part| u64::from(part.rows));
    let deleted_new = deleted_here.iter().filter(|address| !is_there(address)).count() as u64;
    let hidden_there = deleted_there
        .iter()
        .filter(|address| here.locate(**address).is_ok() && !deleted_here.contains(*address))
        .count() as u64;
    Ok((new_rows.sum::<u64>() + hidden_there).saturating_sub(deleted_new))
}
