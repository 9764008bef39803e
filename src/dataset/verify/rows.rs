//! The live rows of a table: what each must be by itself, and where its addresses lead.

use crate::dataset::Dataset;
use crate::dataset::circles::{Circles, parent};
use crate::dataset::scan::ScanBatch;
use crate::dataset::verify::found::Found;
use crate::dataset::verify::walk::Walk;
use crate::error::{Error, Result};
use crate::format::Address;
use crate::schema::references::{each_reference, targets};
use crate::schema::tables::{Table, blobs};
use crate::schema::validate::*;
use crate::schema::views::{self, BatchRow, Cell, Cells, read};
use arrow_array::{Array, ArrayRef};
use std::collections::HashSet;

/// Checks all live rows of a table.
pub fn check(dataset: &Dataset, table: Table, found: &mut Found<'_>) {
    let all = 0..dataset.state(table).columns.len();
    let columns: Vec<_> = all.filter(|column| table != Table::Blobs || *column != blobs::BYTES).collect();
    let sources = dataset.manifest().sources.iter().map(|source| source.id.as_str()).collect();
    let rows = Rows { dataset, table, columns: &columns, sources };
    let mut circles = Circles::default();
    let walk = Walk { dataset, table, columns: columns.clone(), deleted: false };
    walk.run(found, &mut |piece, found| {
        found.report.rows += piece.batch.num_rows() as u64;
        rows.check_piece(piece, found);
        rows.check_parents(piece, &mut circles, found);
    });
}

struct Rows<'a> {
    dataset: &'a Dataset,
    table: Table,
    columns: &'a [usize],
    sources: HashSet<&'a str>,
}

impl Rows<'_> {
    fn check_piece(&self, piece: &ScanBatch, found: &mut Found<'_>) {
        for row in 0..piece.batch.num_rows() {
            let checked = BatchRow::new(&piece.batch, row).and_then(|cells| self.check_row(cells));
            if let Err(error) = checked {
                found.fault(self.placed(piece, row, error));
            }
        }
        for (column, array) in self.columns.iter().zip(piece.batch.columns()) {
            let column = &self.dataset.state(self.table).columns[*column].column;
            if column.ty.holds_refs() {
                self.check_references(piece, column, array, found);
            }
        }
    }

    /// What is checked when a row is written, and that its source is known.
    fn check_row(&self, cells: BatchRow<'_>) -> Result<()> {
        check_cells(self.table, cells)?;
        if self.table == Table::Conversations {
            self.check_clips(&views::Conversation::new(cells))?;
        }
        if !self.table.has_ids() {
            return Ok(());
        }
        let source = read::dict(cells.cell(1)?)?;
        match self.sources.contains(source) {
            true => Ok(()),
            false => {
                Err(Error::corrupt(format!("its source {source:?} is not in the manifest: rows are not found by id")))
            }
        }
    }

    /// Whether media of several files are of frames alone.
    fn check_clips(&self, row: &views::Conversation<BatchRow<'_>>) -> Result<()> {
        for medium in row.all_media()?.filter(|medium| medium.refs().len() > 1) {
            // One that is in no table is told elsewhere.
            let is_other =
                |address: &Address| self.dataset.table_of(*address).is_ok_and(|table| table != Table::Frames);
            if let Some(address) = medium.refs().iter().find(is_other) {
                return Err(Error::corrupt(format!(
                    "a medium of several files is the frames of a clip, and one of them, {address}, is no frame: give each \
                     video a medium of its own"
                )));
            }
        }
        Ok(())
    }

    fn check_references(&self, piece: &ScanBatch, column: &crate::Column, array: &ArrayRef, found: &mut Found<'_>) {
        let allowed = targets(self.table, &column.name);
        let check = |row: usize, address: Address, found: &mut Found<'_>| {
            found.report.references += 1;
            if let Err(error) = self.follow(&column.name, address, allowed) {
                found.fault(self.placed(piece, row, error));
            }
        };
        let whole = each_reference(&column.ty, array.as_ref(), &mut |row, address| {
            check(row, address, found);
            Ok(())
        });
        if whole.is_ok() {
            return;
        }
        // One of the values is no address: row by row, so that all are found.
        for row in 0..array.len() {
            let one = array.slice(row, 1);
            let mut found_in_row = |_: usize, address: Address| {
                check(row, address, found);
                Ok(())
            };
            if let Err(error) = each_reference(&column.ty, one.as_ref(), &mut found_in_row) {
                found.fault(self.placed(piece, row, named(&column.name, &error)));
            }
        }
    }

    /// Whether a row leads back to itself.
    fn check_parents(&self, piece: &ScanBatch, circles: &mut Circles, found: &mut Found<'_>) {
        let Some(parents) = self.table.column_index("parent").and_then(|at| piece.batch.columns().get(at)) else {
            return;
        };
        for (row, address) in piece.addresses.values().iter().enumerate().filter(|(row, _)| parents.is_valid(*row)) {
            let Ok(address) = Address::new(*address) else { continue };
            // A row that is not there, or cannot be read, is told elsewhere.
            let parent = |address| Ok(parent(self.dataset, self.table, address).unwrap_or_default());
            if circles.lead_from(address, parent).is_ok_and(|leads| leads) {
                let error =
                    Error::corrupt("its `parent`, and theirs, lead back to a row that was passed already: set it anew");
                found.fault(self.placed(piece, row, error));
            }
        }
    }

    /// Whether an address leads to a live row of one of these tables.
    fn follow(&self, column: &str, address: Address, allowed: &[Table]) -> Result<()> {
        let wrong = |what: String| Err(Error::corrupt(format!("`{column}` refers to {address}, {what}")));
        let Ok(table) = self.dataset.table_of(address) else {
            return wrong("which is in no table of this version: delete the row, or restore an older version".into());
        };
        if !allowed.contains(&table) {
            return wrong(format!("which is a {}: delete the row and import it again", table.row_name()));
        }
        match self.dataset.is_live(address) {
            Ok(false) => wrong("which is no live row: delete the row, or restore an older version".into()),
            // That deletions cannot be read is a fault of their file.
            _ => Ok(()),
        }
    }

    fn placed(&self, piece: &ScanBatch, row: usize, error: Error) -> Error {
        let address = piece.addresses.values().get(row).copied().and_then(|value| Address::new(value).ok());
        at_row(self.dataset, self.table, address, error)
    }
}

/// Checks of a row with all columns, save bytes, what is checked when it is written.
pub fn check_cells(table: Table, cells: BatchRow<'_>) -> Result<()> {
    let found = match table {
        Table::Conversations => check_conversation(&views::Conversation::new(cells).to_row()?),
        Table::Frames => check_frame(&views::Frame::new(cells).to_row()?),
        Table::Videos => check_video(&views::Video::new(cells).to_row()?),
        Table::Cases => check_case(&views::Case::new(cells).to_row()?),
        Table::Annotations => check_annotation(&views::Annotation::new(cells).to_row()?),
        Table::Blobs => return check_blob_row(cells),
    };
    found.map(drop)
}

fn named(column: &str, error: &Error) -> Error {
    Error::corrupt(format!("`{column}`: {}", error.message()))
}

/// The error, as one about a committed row: in its file, with its address.
pub fn at_row(dataset: &Dataset, table: Table, address: Option<Address>, error: Error) -> Error {
    let kind = match error.kind() {
        crate::ErrorKind::Invalid => crate::ErrorKind::Corrupt,
        kind => kind,
    };
    let error = Error::new(kind, error.message()).caused_by(error);
    let Some(address) = address else { return error };
    let error = error.in_row(format!("{} {address}", table.row_name()));
    let state = dataset.state(table);
    let file = state.locate(address).ok().and_then(|at| state.files().nth(state.fragments[at].file as usize));
    match file {
        Some(entry) => error.in_file(dataset.file_path(&entry.path)),
        None => error,
    }
}

fn check_blob_row(cells: BatchRow<'_>) -> Result<()> {
    let size = read::i64(cells.cell(blobs::SIZE)?)?;
    if size < 0 {
        return Err(Error::corrupt(format!("its size is {size}")));
    }
    let media_type: Cell<'_> = cells.cell(blobs::MEDIA_TYPE)?;
    check_media_type(read::dict(media_type)?)
}
