//! A change on its way to a version: what it adds, what it takes away, and what it rests on.
//!
//! Appending, deleting and adding columns all end here. Each attempt to commit holds what the change rests on against
//! the version that it builds on: rows referred to are live, new ids are new, and the side columns that were read are
//! still the newest.

use crate::dataset::Dataset;
use crate::dataset::claims::Claims;
use crate::dataset::commit;
use crate::dataset::compact::Compaction;
use crate::dataset::delete::{refers_to, write_deletions};
use crate::dataset::fragments::Fragment;
use crate::dataset::index::{IndexKind, Run};
use crate::dataset::merge::{merged, without};
use crate::dataset::reports::Reports;
use crate::error::{Error, ErrorKind, Result};
use crate::format::manifest::{FileEntry, Manifest, Operation, ReportEntry, SideColumn, Source};
use crate::format::{Address, FragmentId};
use crate::schema::tables::Table;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// What a commit is to change.
#[derive(Default)]
pub struct Change {
    /// New base files.
    pub files: BTreeMap<Table, Vec<FileEntry>>,
    /// New side files: the column that each adds to or replaces (its `files` are the new ones alone).
    pub columns: Vec<SideColumn>,
    /// Added columns that are taken away, as they were.
    pub drops: Vec<SideColumn>,
    /// The file that held the cells of a column that were read, by table, column and fragment: it must still be the newest.
    pub overlays: Vec<(Table, String, FragmentId, String)>,
    /// New entries of each index, sorted when the commit is made.
    pub entries: BTreeMap<IndexKind, Vec<(u64, i64)>>,
    /// Rows that are deleted.
    pub deletes: BTreeSet<Address>,
    /// Committed rows that new rows refer to.
    pub refers: HashSet<Address>,
    /// Sources to be added, or to take the place of those with their id.
    pub sources: Vec<Source>,
    /// What a compaction replaces.
    pub compaction: Compaction,
    /// Reports, as the manifest names them.
    pub reports: Vec<ReportEntry>,
    /// The same, with their bytes.
    pub written: Reports,
}

impl Change {
    /// A fragment that this change adds to a table.
    pub fn new_fragment(&self, table: Table, id: FragmentId) -> Option<Fragment> {
        let mut parts = self.files.get(&table)?.iter().flat_map(|entry| &entry.fragments);
        parts.find(|part| part.fragment == id).map(|part| Fragment { id, rows: part.rows, file: 0, start: 0 })
    }

    /// Whether there is nothing to commit to a version: also where its sources and reports are what it has already.
    pub fn is_empty(&self, manifest: &Manifest) -> bool {
        let says_nothing_new = |source: &Source| {
            let known = manifest.source(&source.id);
            known.is_some_and(|known| joined_source(known, source) == *known)
        };
        self.files.is_empty()
            && self.columns.is_empty()
            && self.drops.is_empty()
            && self.deletes.is_empty()
            && self.compaction.is_empty()
            && self.sources.iter().all(says_nothing_new)
            && self.reports.iter().all(|report| manifest.reports.contains(report))
    }

    /// Whether rows come, become empty or have other values afterwards: what an index may be built on.
    fn changes_rows(&self) -> bool {
        !self.files.is_empty() || !self.columns.is_empty() || !self.drops.is_empty() || !self.compaction.is_empty()
    }

    /// Commits the change, made against `dataset`, and opens the new version. Nothing to change is no version.
    ///
    /// # Errors
    /// `Conflict` when another writer committed something that the change rests on; `Referenced` when a row that is
    /// deleted is referred to; `Storage`, `Io`.
    pub fn commit(mut self, dataset: &Dataset, mut claims: Claims, operation: Operation) -> Result<Dataset> {
        if self.is_empty(dataset.manifest()) {
            return Ok(dataset.clone());
        }
        self.entries.values_mut().for_each(|entries| entries.sort_unstable());
        let checking = dataset.checking()?;
        let mut reports = std::mem::take(&mut self.written);
        let committed = commit::commit(dataset.path(), &mut claims, |base, claims| {
            let newer = match base.version == dataset.version() {
                true => checking.clone(),
                false => checking.reopened(base.clone())?,
            };
            self.check(dataset, &newer)?;
            let next = self.apply(&newer, claims, &operation)?;
            reports.publish(dataset.path(), claims)?;
            Ok(next)
        });
        drop(claims);
        match committed {
            Ok(manifest) => dataset.reopened(manifest),
            Err(error) => {
                if error.kind() == ErrorKind::Conflict {
                    reports.withdraw(dataset.path());
                }
                Err(error)
            }
        }
    }

    fn check(&self, dataset: &Dataset, base: &Dataset) -> Result<()> {
        if let Some(address) = self.refers.iter().find(|address| self.deletes.contains(address)) {
            return Err(Error::conflict(format!("a new row refers to {address}, which this change deletes")));
        }
        for address in self.deletes.iter().chain(&self.refers) {
            if !base.is_live(*address)? {
                return Err(Error::conflict(format!(
                    "{address} was deleted by another writer: read the newest version"
                )));
            }
        }
        self.check_overlays(base)?;
        for dropped in &self.drops {
            if base.manifest().column(&dropped.table, &dropped.name) != Some(dropped) {
                let SideColumn { table, name, .. } = dropped;
                let what = format!("another writer changed the column `{name}` of {table} meanwhile: look at it again");
                return Err(Error::conflict(what));
            }
        }
        self.compaction.check(base)?;
        if base.version() != dataset.version() {
            self.check_ids(dataset, base)?;
        }
        refers_to(base, &self.deletes)
    }

    fn check_overlays(&self, base: &Dataset) -> Result<()> {
        for (table, column, fragment, path) in &self.overlays {
            let state = base.state(*table);
            let at = crate::dataset::fragments::position(&state.fragments, *fragment);
            let at = at.ok_or_else(|| Error::conflict(format!("fragment {fragment} is gone")))?;
            if state.cells_path(at, state.column_named(column).ok()) != path {
                return Err(Error::conflict(format!(
                    "another writer changed the column `{column}` of {table} meanwhile: make the change again on the \
                     newest version"
                )));
            }
        }
        Ok(())
    }

    /// Holds the new ids against those that other writers have added since.
    fn check_ids(&self, dataset: &Dataset, base: &Dataset) -> Result<()> {
        let known: HashSet<&str> = dataset.manifest().index.iter().map(|run| run.path.as_str()).collect();
        for run in base.manifest().index.iter().filter(|run| !known.contains(run.path.as_str())) {
            let Some(kind @ IndexKind::Id(table)) = IndexKind::named(&run.kind) else { continue };
            let Some(new) = self.entries.get(&kind) else { continue };
            for entry in Run::new(run).entries(base.opening())? {
                let (key, address) = entry?;
                let at = new.partition_point(|entry| entry.0 < key);
                if new.get(at).is_none_or(|entry| entry.0 != key) {
                    continue;
                }
                let address = Address::new(address).map_err(|error| Error::corrupt(error.message()))?;
                let since = dataset.state(table).locate(address).is_err();
                if since && base.is_live(address)? {
                    return Err(Error::conflict(format!(
                        "another writer has added a {} with the same id ({address}): make the change again on the \
                         newest version",
                        table.row_name()
                    )));
                }
            }
        }
        Ok(())
    }

    /// The manifest after the change.
    fn apply(&self, base: &Dataset, claims: &mut Claims, operation: &Operation) -> Result<Manifest> {
        let mut next = base.manifest().clone();
        next.operation = operation.clone();
        self.compaction.apply(&mut next);
        for (table, files) in &self.files {
            next.files.entry(table.name().to_owned()).or_default().extend(files.iter().cloned());
        }
        next.columns.retain(|column| !self.drops.contains(column));
        for column in &self.columns {
            let same = |known: &&mut SideColumn| known.table == column.table && known.name == column.name;
            match next.columns.iter_mut().find(same) {
                Some(known) if known.ty == column.ty => known.files.extend(column.files.iter().cloned()),
                Some(known) => {
                    return Err(Error::conflict(format!(
                        "the column `{}` of {} is of type {}, and this change has {}",
                        known.name, known.table, known.ty, column.ty
                    )));
                }
                None => next.columns.push(column.clone()),
            }
        }
        drop_covered(&mut next.columns);
        if self.changes_rows() {
            // An index of a kind that is not known here would no longer be complete. Who knows it builds it anew.
            next.index.retain(|run| IndexKind::named(&run.kind).is_some());
        }
        for (kind, entries) in &self.entries {
            let runs = merged(base.opening(), claims, *kind, &base.manifest().index, entries)?;
            next.index.retain(|run| run.kind != kind.name());
            next.index.extend(runs);
        }
        for kind in IndexKind::ALL.into_iter().filter(|kind| self.compaction.tables().contains(&kind.table())) {
            let runs = without(base.opening(), claims, kind, &next.index, self.compaction.emptied())?;
            next.index.retain(|run| run.kind != kind.name());
            next.index.extend(runs);
        }
        write_deletions(base, claims, &self.deletes, &mut next)?;
        for source in &self.sources {
            match next.sources.iter_mut().find(|known| known.id == source.id) {
                Some(known) => *known = joined_source(known, source),
                None => next.sources.push(source.clone()),
            }
        }
        for report in &self.reports {
            if !next.reports.contains(report) {
                next.reports.push(report.clone());
            }
        }
        Ok(next)
    }
}

/// What a source says newly takes the place of what it said; imports are added to those that other writers added.
pub fn joined_source(known: &Source, new: &Source) -> Source {
    let more = new.imports.iter().filter(|import| !known.imports.contains(import));
    Source {
        id: new.id.clone(),
        title: new.title.clone().or_else(|| known.title.clone()),
        kind: new.kind.clone().or_else(|| known.kind.clone()),
        licence: new.licence.clone().or_else(|| known.licence.clone()),
        citation: new.citation.clone().or_else(|| known.citation.clone()),
        url: new.url.clone().or_else(|| known.url.clone()),
        imports: known.imports.iter().chain(more).cloned().collect(),
    }
}

/// Leaves out side files of which newer ones cover every fragment.
fn drop_covered(columns: &mut [SideColumn]) {
    for column in columns {
        let mut covered = HashSet::new();
        let mut kept: Vec<_> = Vec::with_capacity(column.files.len());
        for file in column.files.drain(..).rev() {
            let news = file.fragments.iter().filter(|part| covered.insert(part.fragment)).count();
            if news > 0 {
                kept.push(file);
            }
        }
        kept.reverse();
        column.files = kept;
    }
}
