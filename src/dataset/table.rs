//! One table of a dataset in one version: its files, fragments, side columns and deleted rows.

use crate::dataset::columns::may_be_replaced;
use crate::dataset::fragments::{Fragment, fragments, position};
use crate::dataset::lazy::{LazyFile, Opening};
use crate::dataset::live::Live;
use crate::error::{Error, ErrorKind, Result};
use crate::format::Address;
use crate::format::manifest::{DeletionFile, FileEntry, Manifest};
use crate::format::notation::{Column, ColumnType};
use crate::read::{Batch, DataFile};
use crate::schema::tables::{Table, blobs};
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, new_null_array};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use once_cell::race::OnceBox;
use roaring::RoaringBitmap;
use std::ops::Range;
use std::sync::Arc;

pub use crate::format::constants::{KIND_COLUMN as COLUMN_FILE_KIND, KIND_DELETIONS as DELETIONS_FILE_KIND};

/// About how many bytes a column of nulls takes in a piece at the most. A value takes at most `VALUE_BYTES_MAX`.
const NULL_BYTES: usize = 4 << 20;

/// How many rows of this type are made at a time, where no file holds them: how large they get must not follow from the
/// manifest's word.
pub fn made_rows(ty: &ColumnType) -> usize {
    let bytes = usize::try_from(ty.least_bits().div_ceil(8)).unwrap_or(usize::MAX);
    (NULL_BYTES / bytes.saturating_add(1)).max(1)
}

/// The schema of a deletions file: `address: int64`, ascending.
pub fn deletions_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("address", DataType::Int64, false)]))
}

/// The schema of a side column's file: the column alone.
pub fn column_schema(column: &Column) -> SchemaRef {
    Arc::new(Schema::new(vec![column.to_field()]))
}

/// A table's state in a version.
pub struct TableState {
    /// Which table.
    pub table: Table,
    /// Its fragments by ascending number.
    pub fragments: Vec<Fragment>,
    /// Base columns, then those that were added.
    pub columns: Vec<ColumnState>,
    files: Vec<(FileEntry, LazyFile)>,
    /// Where side columns stand over a fragment: by fragment, then column.
    overlays: Vec<Overlay>,
    deletions: Option<(DeletionFile, LazyFile)>,
    live: OnceBox<Live>,
}

/// A column of a table and the side files that it has.
pub struct ColumnState {
    /// Name and type; an added column may be null.
    pub column: Column,
    schema: SchemaRef,
    files: Vec<(FileEntry, LazyFile)>,
    /// One null of an added column's type, for fragments that no file covers.
    absent: Option<ArrayRef>,
}

/// A side file that stands over a column of a fragment.
#[derive(Clone, Copy, Debug)]
pub struct Overlay {
    fragment: u32,
    column: u32,
    file: u32,
    start: u64,
}

impl TableState {
    /// The table as the manifest has it.
    ///
    /// # Errors
    /// `Corrupt` when the manifest contradicts itself.
    pub fn new(table: Table, manifest: &Manifest) -> Result<Self> {
        let files: Vec<_> = manifest
            .files_of(table.name())
            .iter()
            .map(|entry| (entry.clone(), LazyFile::of_fragments(entry, table.name())))
            .collect();
        let fragments = fragments(manifest.files_of(table.name()))?;
        let mut columns: Vec<_> = table.columns().iter().map(|column| ColumnState::base(column.clone())).collect();
        for side in manifest.columns.iter().filter(|side| side.table == table.name()) {
            let ty = ColumnType::parse(&side.ty).map_err(|error| Error::corrupt(error.message()))?;
            let base = table.column_index(&side.name);
            let at = match (base, side.replaces) {
                (Some(at), true) if columns[at].column.ty == ty && may_be_replaced(table, at) => at,
                (None, false) => {
                    columns.push(ColumnState::added(Column::new(&side.name, ty, true)));
                    columns.len() - 1
                }
                (Some(_), false) => {
                    let what = "is added under the name of one of the table's own columns";
                    return Err(Error::corrupt(format!("the side column `{}` of {table} {what}", side.name)));
                }
                _ => return Err(Error::corrupt(format!("the side column `{}` does not fit {table}", side.name))),
            };
            let file = |entry: &FileEntry| (entry.clone(), LazyFile::of_fragments(entry, COLUMN_FILE_KIND));
            columns[at].files = side.files.iter().map(file).collect();
        }
        let overlays = overlays(&fragments, &columns)?;
        let deletions = manifest.deletions_of(table.name()).map(|entry| {
            let lazy = LazyFile::new(&entry.path, entry.length, entry.crc32, DELETIONS_FILE_KIND, entry.rows);
            (entry.clone(), lazy)
        });
        Ok(Self { table, fragments, columns, files, overlays, deletions, live: OnceBox::new() })
    }

    /// Rows, deleted ones counted.
    pub fn rows(&self) -> u64 {
        self.fragments.iter().map(|fragment| u64::from(fragment.rows)).sum()
    }

    /// The most rows of a piece of these columns: nulls are made for those that no file covers.
    pub fn piece_rows(&self, columns: &[usize]) -> usize {
        let added = columns.iter().filter(|column| !self.is_base(**column));
        added.map(|column| made_rows(&self.columns[*column].column.ty)).min().unwrap_or(usize::MAX)
    }

    /// How many rows are deleted, as the manifest says.
    pub fn deleted(&self) -> u64 {
        self.deletions.as_ref().map_or(0, |(entry, _)| entry.rows)
    }

    /// Which rows are live; the deletions are read when this is first asked.
    ///
    /// # Errors
    /// `Corrupt` when the deletions cannot be read.
    pub fn live(&self, opening: &Opening) -> Result<&Live> {
        if let Some(live) = self.live.get() {
            return Ok(live);
        }
        self.live.get_or_try_init(|| {
            let deleted = self.deleted_addresses(opening)?;
            let live = Live::new(&self.fragments, deleted);
            live.map(Box::new).map_err(|error| match &self.deletions {
                Some((entry, _)) => error.in_file(opening.root.join(&entry.path)),
                None => error,
            })
        })
    }

    /// The addresses of the deleted rows, ascending.
    ///
    /// # Errors
    /// `Corrupt` when the deletions cannot be read.
    pub fn deleted_addresses(&self, opening: &Opening) -> Result<Vec<Address>> {
        let Some((_, lazy)) = &self.deletions else { return Ok(Vec::new()) };
        let file = lazy.get(opening, &deletions_schema(), None)?;
        let mut addresses = Vec::new();
        for index in 0..file.batches() {
            let values = file.column(file.pinned(index)?, 0)?.as_primitive::<Int64Type>().values();
            for value in values {
                addresses.push(Address::new(*value).map_err(|error| Error::corrupt(error.message()))?);
            }
        }
        Ok(addresses)
    }

    /// Where the fragment and row of this address stand, whether live or not.
    ///
    /// # Errors
    /// `NotInVersion` when this version has no such row of this table.
    pub fn locate(&self, address: Address) -> Result<usize> {
        let at = position(&self.fragments, address.fragment());
        at.filter(|at| address.row() < self.fragments[*at].rows).ok_or_else(|| {
            Error::new(
                ErrorKind::NotInVersion,
                format!("there is no {} at {address} in this version", self.table.row_name()),
            )
        })
    }

    /// The file that holds this fragment.
    ///
    /// # Errors
    /// `Purged` or `Corrupt` when it cannot be opened.
    pub fn file(&self, opening: &Opening, fragment: &Fragment) -> Result<&DataFile> {
        self.file_at(opening, fragment.file as usize)
    }

    /// The table's `index`-th file.
    ///
    /// # Errors
    /// `Purged` or `Corrupt` when it cannot be opened.
    pub fn file_at(&self, opening: &Opening, index: usize) -> Result<&DataFile> {
        let (entry, lazy) = &self.files[index];
        lazy.get(opening, self.table.schema(), Some(entry))
    }

    /// Opens all files of the table. A footer bounds its rows by the file's bytes, and is held against the manifest: what is
    /// gathered by row afterwards is bounded too, whatever a manifest says.
    ///
    /// # Errors
    /// `Purged` or `Corrupt` when one cannot be opened, or has other rows than the manifest says.
    pub fn check_rows(&self, opening: &Opening) -> Result<()> {
        (0..self.files.len()).try_for_each(|at| self.file_at(opening, at).map(drop))
    }

    /// What the manifest says of the table's files.
    pub fn files(&self) -> impl ExactSizeIterator<Item = &FileEntry> {
        self.files.iter().map(|(entry, _)| entry)
    }

    /// Batches that were touched in base files, and columns of them: see [`DataFile::touched`].
    pub fn touched(&self) -> (usize, usize) {
        let touched = self.files.iter().filter_map(|(_, lazy)| lazy.touched()).map(DataFile::touched);
        touched.fold((0, 0), |sum, file| (sum.0 + file.0, sum.1 + file.1))
    }

    /// The column with this name.
    ///
    /// # Errors
    /// `NotFound` when there is none; the message lists those that there are.
    pub fn column_named(&self, name: &str) -> Result<usize> {
        self.columns.iter().position(|state| state.column.name == name).ok_or_else(|| {
            let names: Vec<_> = self.columns.iter().map(|state| state.column.name.as_str()).collect();
            Error::not_found(format!("{} has no column {name:?}; it has {}", self.table, names.join(", ")))
        })
    }

    /// Whether this column is one of the table's own.
    pub fn is_base(&self, column: usize) -> bool {
        column < self.table.columns().len()
    }

    /// The side file that stands over a column of the fragment at this place, and its row that is the fragment's
    /// first.
    ///
    /// # Errors
    /// `Purged` or `Corrupt` when it cannot be opened.
    pub fn overlay(&self, opening: &Opening, at: usize, column: usize) -> Result<Option<(&DataFile, u64)>> {
        if self.overlays.is_empty() {
            return Ok(None);
        }
        let key = (at as u32, column as u32);
        let found = self.overlays.binary_search_by_key(&key, |overlay| (overlay.fragment, overlay.column));
        let Ok(found) = found else { return Ok(None) };
        let overlay = self.overlays[found];
        let file = self.columns[column].file_at(opening, overlay.file as usize)?;
        Ok(Some((file, overlay.start)))
    }

    /// The array that holds a column of the fragment at this place from a row on, and the row's place in it; `None` for an
    /// added column that no file covers there. Blobs' bytes are checked against their checksums.
    ///
    /// # Errors
    /// `Purged`, `Corrupt` when a file cannot be opened or read.
    pub fn values(&self, opening: &Opening, at: usize, column: usize, row: u32) -> Result<Option<(ArrayRef, usize)>> {
        if let Some((side, start)) = self.overlay(opening, at, column)? {
            let (batch, row) = side_row(side, start + u64::from(row))?;
            return Ok(Some((side.column(batch, 0)?.clone(), row)));
        }
        if !self.is_base(column) {
            return Ok(None);
        }
        let fragment = &self.fragments[at];
        let file = self.file(opening, fragment)?;
        let (batch, at_row) = file.locate(fragment.start + u64::from(row))?;
        if self.table == Table::Blobs && column == blobs::BYTES {
            // What was deleted is shown to nobody, and must not stand in the way of its being emptied.
            let last = (batch.rows() - at_row).min(fragment.rows.saturating_sub(row) as usize);
            let gone = self.deleted_among(opening, at, row..row + last as u32)?;
            let is_live = |after: &usize| gone.is_none_or(|gone| !gone.contains(row + *after as u32));
            file.check_values(&batch, (0..last).filter(is_live).map(|after| at_row + after))?;
        }
        Ok(Some((file.column(&batch, column)?.clone(), at_row)))
    }

    /// How many rows of the fragment at this place, from one on, the same batch of a column has, by the files' footers alone;
    /// `None` for an added column that no file covers there.
    ///
    /// # Errors
    /// `Purged`, `Corrupt` when a file cannot be opened, or has no such row.
    pub fn rows_left(&self, opening: &Opening, at: usize, column: usize, row: u32) -> Result<Option<u64>> {
        let fragment = &self.fragments[at];
        let (file, row) = match self.overlay(opening, at, column)? {
            Some((side, start)) => (side, start + u64::from(row)),
            None if self.is_base(column) => (self.file(opening, fragment)?, fragment.start + u64::from(row)),
            None => return Ok(None),
        };
        let found = file.footer().locate(row);
        let (batch, row) = found.ok_or_else(|| Error::corrupt(format!("it has no row {row}")).in_file(file.path()))?;
        Ok(Some(file.footer().batch_rows(batch) - row as u64))
    }

    /// What was deleted of the fragment at this place, where that is any of these rows.
    ///
    /// # Errors
    /// `Corrupt` when the deletions cannot be read.
    pub fn deleted_among(&self, opening: &Opening, at: usize, rows: Range<u32>) -> Result<Option<&RoaringBitmap>> {
        if self.deleted() == 0 {
            return Ok(None);
        }
        let deleted = self.live(opening)?.deleted(at);
        Ok(deleted.filter(|deleted| deleted.range_cardinality(rows) > 0))
    }

    /// The path of the newest side file over a column of the fragment at this place.
    pub fn overlay_path(&self, at: usize, column: usize) -> Option<&str> {
        let key = (at as u32, column as u32);
        let found = self.overlays.binary_search_by_key(&key, |overlay| (overlay.fragment, overlay.column)).ok()?;
        Some(self.columns[column].files[self.overlays[found].file as usize].1.path())
    }

    /// The path of the file that holds the cells of a column (one that is not there yet: none) in the fragment at this
    /// place: what a change of these cells rests on. Where there is no side file it is the base file, also for an added
    /// column: a compaction puts another in its place, with cells folded in and deleted rows emptied.
    pub fn cells_path(&self, at: usize, column: Option<usize>) -> &str {
        let side = column.and_then(|column| self.overlay_path(at, column));
        side.unwrap_or_else(|| self.files[self.fragments[at].file as usize].1.path())
    }
}

impl ColumnState {
    fn base(column: Column) -> Self {
        Self { schema: column_schema(&column), column, files: Vec::new(), absent: None }
    }

    fn added(column: Column) -> Self {
        let absent = new_null_array(&column.ty.to_arrow(), 1);
        Self { absent: Some(absent), ..Self::base(column) }
    }

    /// One null, for an added column's fragments that no file covers.
    pub fn absent(&self) -> Option<&ArrayRef> {
        self.absent.as_ref()
    }

    /// What the manifest says of its side files, the newest last.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = &FileEntry> {
        self.files.iter().map(|(entry, _)| entry)
    }

    /// The paths of its side files, the newest last.
    pub fn paths(&self) -> impl ExactSizeIterator<Item = &str> {
        self.files.iter().map(|(entry, _)| entry.path.as_str())
    }

    /// The paths of its side files that have fewer bytes than this.
    pub fn small_files(&self, bytes: u64) -> impl Iterator<Item = &str> {
        self.files.iter().filter(move |(entry, _)| entry.length < bytes).map(|(entry, _)| entry.path.as_str())
    }

    /// Its `index`-th side file.
    ///
    /// # Errors
    /// `Purged` or `Corrupt` when it cannot be opened.
    pub fn file_at(&self, opening: &Opening, index: usize) -> Result<&DataFile> {
        let (entry, lazy) = &self.files[index];
        lazy.get(opening, &self.schema, Some(entry))
    }
}

/// The batch that holds this row of a side file, and the row in it.
///
/// # Errors
/// `Corrupt` when the file has no such row.
pub fn side_row(file: &DataFile, row: u64) -> Result<(&Batch, usize)> {
    let found = file.footer().locate(row);
    let (batch, row) = found.ok_or_else(|| Error::corrupt(format!("it has no row {row}")).in_file(file.path()))?;
    Ok((file.pinned(batch)?, row))
}

/// Which side file stands over which fragment: the newest, for each column.
fn overlays(fragments: &[Fragment], columns: &[ColumnState]) -> Result<Vec<Overlay>> {
    let mut overlays = Vec::new();
    for (column, state) in columns.iter().enumerate() {
        for (file, (entry, _)) in state.files.iter().enumerate() {
            let mut start = 0;
            for part in &entry.fragments {
                if let Some(at) = position(fragments, part.fragment) {
                    if fragments[at].rows != part.rows {
                        return Err(Error::corrupt(format!(
                            "the side column `{}` has {} rows for fragment {}, which has {}",
                            state.column.name, part.rows, part.fragment, fragments[at].rows
                        )));
                    }
                    overlays.push(Overlay { fragment: at as u32, column: column as u32, file: file as u32, start });
                }
                start += u64::from(part.rows);
            }
        }
    }
    // A stable sort keeps the files' order, so the last of equal keys is the newest.
    overlays.sort_by_key(|overlay| (overlay.fragment, overlay.column));
    overlays.reverse();
    overlays.dedup_by_key(|overlay| (overlay.fragment, overlay.column));
    overlays.reverse();
    Ok(overlays)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::manifest::SideColumn;

    #[test]
    fn what_rows_are_found_by_or_checked_with_is_never_replaced() {
        let replaced = |table: Table, name: &str| {
            let mut manifest = Manifest::empty("d".repeat(32), "c".repeat(32), "2026-01-01T00:00:00Z");
            let ty = table.columns()[table.column_index(name).unwrap()].ty.to_string();
            let (table_name, name) = (table.name().to_owned(), name.to_owned());
            manifest.columns = vec![SideColumn { table: table_name, name, ty, replaces: true, files: Vec::new() }];
            TableState::new(table, &manifest).map(drop).map_err(|error| error.to_string())
        };
        replaced(Table::Blobs, "media_type").unwrap();
        replaced(Table::Frames, "case").unwrap();
        for (table, name) in [
            (Table::Blobs, "bytes"),
            (Table::Blobs, "crc32"),
            (Table::Frames, "id"),
            (Table::Frames, "video"),
            (Table::Annotations, "target"),
            (Table::Conversations, "record"),
        ] {
            assert!(replaced(table, name).unwrap_err().contains("does not fit"), "{table}.{name}");
        }
    }
}
