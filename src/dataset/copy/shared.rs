//! Files of blobs that are taken whole: the target has them without a copy, where the file system can.
//!
//! A blob refers to no other row, so its file is the same in any dataset in which its fragments have their numbers. All
//! other tables hold addresses, and are written anew.

use super::{Copier, ROOTS};
use crate::dataset::Record;
use crate::error::Result;
use crate::format::Address;
use crate::format::manifest::FileEntry;
use crate::format::notation::Column;
use crate::schema::references::targets;
use crate::schema::tables::Table;
use std::collections::HashSet;

impl Copier<'_> {
    /// Shares the files of which every row is copied: of those that any row shows, or where rows are selected, that they
    /// lead to.
    pub(super) fn share_blobs(&mut self, shown: Option<HashSet<Address>>) -> Result<()> {
        let manifest = self.from.manifest();
        let is_changed = manifest.columns.iter().any(|side| side.replaces && side.table == Table::Blobs.name());
        let next = self.to.dataset().manifest().next;
        let files = manifest.files.get(Table::Blobs.name()).into_iter().flatten();
        let mut files: Vec<FileEntry> =
            files.filter(|file| file.number().is_some_and(|number| number >= next)).cloned().collect();
        if is_changed || files.is_empty() {
            return Ok(());
        }
        files.sort_by_key(FileEntry::number);
        self.from.state(Table::Blobs).check_rows(self.from.opening())?;
        let wanted = shown.map_or_else(|| self.reached_blobs(), Ok)?;
        for file in files {
            let rows: Vec<Address> =
                file.fragments.iter().flat_map(|part| (0..part.rows).map(|row| part.fragment.address(row))).collect();
            let mut is_whole = true;
            for address in &rows {
                let is_wanted = wanted.contains(address);
                if !is_wanted || !self.from.is_live(*address)? {
                    is_whole = false;
                    break;
                }
            }
            if is_whole && self.to.shared_blobs(self.from, &file)? {
                rows.into_iter().try_for_each(|address| self.share(address))?;
            }
        }
        Ok(())
    }

    /// Counts a row of a shared file.
    fn share(&mut self, address: Address) -> Result<()> {
        let blob = self.from.blob(address)?;
        if blob.uri()?.is_none() {
            let size = u64::try_from(blob.size()?).unwrap_or(0);
            self.report.bytes += size;
            self.report.shared += size;
        }
        self.added(Table::Blobs, address, address);
        Ok(())
    }

    /// The blobs that any row shows.
    pub(super) fn shown_blobs(&mut self) -> Result<HashSet<Address>> {
        let mut blobs = HashSet::new();
        for table in ROOTS {
            let state = self.from.state(table);
            let shows =
                |column: &Column| targets(table, &column.name).contains(&Table::Blobs) && column.ty.holds_refs();
            if !state.columns.iter().any(|state| shows(&state.column)) {
                continue;
            }
            for row in 0..self.from.count(table)? {
                let found = self.references(self.from.address(table, row)?)?;
                for address in found.into_iter().chain(self.later.drain(..)) {
                    if self.from.table_of(address)? == Table::Blobs {
                        blobs.insert(address);
                    }
                }
            }
        }
        Ok(blobs)
    }

    /// The blobs that the selected rows lead to.
    fn reached_blobs(&mut self) -> Result<HashSet<Address>> {
        let (mut seen, mut blobs) = (HashSet::new(), HashSet::new());
        let selection = self.options.selection.iter().flat_map(|selection| selection.iter());
        let mut waiting: Vec<Address> = Vec::new();
        for address in selection {
            waiting.push(address);
            while let Some(address) = waiting.pop() {
                if !seen.insert(address) {
                    continue;
                }
                if matches!(self.from.get(address)?, Record::Blob(_)) {
                    blobs.insert(address);
                    continue;
                }
                waiting.extend(self.references(address)?);
                waiting.append(&mut self.later);
            }
        }
        Ok(blobs)
    }
}
