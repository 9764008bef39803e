//! Finding rows by what an index says: their ids, and what they refer to.

use crate::dataset::Dataset;
use crate::dataset::index::IndexKind;
use crate::dataset::row::Row;
use crate::error::{Error, ErrorKind, Result};
use crate::format::Address;
use crate::schema::record::id_key;
use crate::schema::tables::{Table, annotations, frames};
use crate::schema::views::{Cells, read};

impl Dataset {
    /// The live row of a table with this id, in whichever source.
    ///
    /// # Errors
    /// `Ambiguous` when several sources have one, naming them; `Corrupt`, `Purged`.
    pub fn find(&self, table: Table, id: &str) -> Result<Option<Address>> {
        let mut hit: Option<(&str, Address)> = None;
        for source in &self.manifest().sources {
            let Some(address) = self.find_in(table, &source.id, id)? else { continue };
            if let Some((first, _)) = hit {
                let second = &source.id;
                return Err(Error::new(
                    ErrorKind::Ambiguous,
                    format!("the id {id:?} is in the sources {first:?} and {second:?}: say which one is meant"),
                ));
            }
            hit = Some((&source.id, address));
        }
        Ok(hit.map(|hit| hit.1))
    }

    /// The live row of a table with this source and id.
    ///
    /// # Errors
    /// `Corrupt`, `Purged`.
    pub fn find_in(&self, table: Table, source: &str, id: &str) -> Result<Option<Address>> {
        if !table.has_ids() {
            return Err(Error::invalid(format!("the rows of {table} have no ids")));
        }
        self.find_by_key(table, id_key(source, id), source, id)
    }

    /// As [`Dataset::find_in`], with the key of source and id, which takes longest to make.
    pub(super) fn find_by_key(&self, table: Table, key: u64, source: &str, id: &str) -> Result<Option<Address>> {
        let mut hit = None;
        self.hits(IndexKind::Id(table), key, |row| {
            let same = is_named(&row, source, id)?;
            if same {
                hit = Some(row.address());
            }
            Ok(same)
        })?;
        Ok(hit)
    }

    /// Whether rows of a table were deleted in this version.
    pub(crate) fn has_deleted(&self, table: Table) -> bool {
        self.state(table).deleted() > 0
    }

    /// Whether no live row has this source and id, and one had it that was deleted and not yet emptied: compaction and purge
    /// take such a row's id out of the files, and out of the index.
    ///
    /// # Errors
    /// `Corrupt`, `Purged`.
    pub fn was_deleted(&self, table: Table, source: &str, id: &str) -> Result<bool> {
        if !table.has_ids() || !self.has_deleted(table) {
            return Ok(false);
        }
        let (mut is_deleted, mut is_live) = (false, false);
        self.rows_under(IndexKind::Id(table), id_key(source, id), true, |row, is_gone| {
            if is_named(&row, source, id)? {
                *if is_gone { &mut is_deleted } else { &mut is_live } = true;
            }
            Ok(is_live)
        })?;
        Ok(is_deleted && !is_live)
    }

    /// Calls `found` for each live row that an index has under a key, until it says to stop.
    pub(super) fn hits(&self, kind: IndexKind, key: u64, mut found: impl FnMut(Row<'_>) -> Result<bool>) -> Result<()> {
        self.rows_under(kind, key, false, |row, _| found(row))
    }

    /// The same, and of deleted ones too where these are asked for; `found` is told which are.
    fn rows_under(
        &self,
        kind: IndexKind,
        key: u64,
        with_deleted: bool,
        mut found: impl FnMut(Row<'_>, bool) -> Result<bool>,
    ) -> Result<()> {
        let (state, mut done) = (self.state(kind.table()), false);
        for run in self.runs().iter().filter(|run| run.kind == kind.name()) {
            run.find(self.opening(), key, |address| {
                let Ok(at) = state.locate(address) else { return Ok(false) };
                let is_gone = state.deleted() > 0 && state.live(self.opening())?.is_deleted(at, address.row());
                if is_gone && !with_deleted {
                    return Ok(false);
                }
                done = found(Row::at(self, state, at, address)?, is_gone)?;
                Ok(done)
            })?;
            if done {
                break;
            }
        }
        Ok(())
    }

    /// The annotations whose target is this frame or video, by ascending address.
    ///
    /// # Errors
    /// `Corrupt`, `Purged`.
    pub fn annotations_of(&self, target: Address) -> Result<Vec<Address>> {
        self.referring(IndexKind::Target, target, annotations::TARGET)
    }

    /// The frames of a video, by ascending address.
    ///
    /// # Errors
    /// `Corrupt`, `Purged`.
    pub fn frames_of(&self, video: Address) -> Result<Vec<Address>> {
        self.referring(IndexKind::Video, video, frames::VIDEO)
    }

    fn referring(&self, kind: IndexKind, to: Address, column: usize) -> Result<Vec<Address>> {
        let mut found = Vec::new();
        self.hits(kind, to.get() as u64, |row| {
            if read::address_opt(row.cell(column)?)? == Some(to) {
                found.push(row.address());
            }
            Ok(false)
        })?;
        found.sort_unstable();
        Ok(found)
    }
}

/// Whether a row has this source and id.
fn is_named(row: &Row<'_>, source: &str, id: &str) -> Result<bool> {
    // These are the first two columns of every table that has them.
    Ok(read::text(row.cell(0)?)? == id && read::dict(row.cell(1)?)? == source)
}
