//! The rows of a table piece by piece: each as long as the batches of all columns allow, read when it is asked for.

use super::node::Node;
use super::selection::{About, Builder, Selection};
use crate::dataset::Dataset;
use crate::dataset::table::TableState;
use crate::error::{Error, Result};
use crate::format::Address;
use crate::schema::tables::Table;
use arrow_array::{Array, ArrayRef, new_null_array};
use arrow_buffer::BooleanBuffer;
use std::cell::OnceCell;

/// The most rows of a piece.
const PIECE_ROWS: u32 = 1 << 16;

/// For so many rows a manifest's word is taken where no column is read: whoever lists them all needs 512 MiB.
const ROWS_UNCHECKED: u64 = 1 << 26;

/// A condition and the columns that it looks at.
pub struct Plan {
    pub table: Table,
    pub columns: Vec<usize>,
    pub root: Node,
}

impl Plan {
    /// The live rows that the condition holds for.
    ///
    /// # Errors
    /// `Corrupt`, `Purged` when a column cannot be read.
    pub fn run(mut self, dataset: &Dataset, condition: String) -> Result<Selection> {
        let mut builder = Builder::new(About::of(dataset, self.table, condition));
        let root = &mut self.root;
        each_piece(dataset, self.table, &self.columns, |piece| {
            let mask = piece.live(root.mask(piece)?)?;
            let fragment = piece.address(0).fragment();
            for (start, end) in mask.set_slices() {
                builder.push(fragment, piece.first + start as u32, (end - start) as u32);
            }
            Ok(())
        })?;
        Ok(builder.finish())
    }
}

/// Rows of a fragment that follow each other, deleted ones among them.
pub struct Piece<'a> {
    dataset: &'a Dataset,
    state: &'a TableState,
    /// The fragment's place in the table.
    at: usize,
    /// The first row, in the fragment.
    first: u32,
    len: u32,
    columns: &'a [usize],
    arrays: Vec<OnceCell<ArrayRef>>,
}

/// Calls `each` with all rows of a table by ascending address, in pieces.
///
/// # Errors
/// `Corrupt`, `Purged` when a file cannot be opened; what `each` returns.
pub fn each_piece(
    dataset: &Dataset,
    table: Table,
    columns: &[usize],
    mut each: impl FnMut(&Piece<'_>) -> Result<()>,
) -> Result<()> {
    let state = dataset.state(table);
    if state.rows() > ROWS_UNCHECKED {
        state.check_rows(dataset.opening())?;
    }
    let most = u32::try_from(state.piece_rows(columns)).unwrap_or(u32::MAX).min(PIECE_ROWS);
    for (at, fragment) in state.fragments.iter().enumerate() {
        let mut first = 0;
        while first < fragment.rows {
            let arrays = columns.iter().map(|_| OnceCell::new()).collect();
            let len = most.min(fragment.rows - first);
            let mut piece = Piece { dataset, state, at, first, len, columns, arrays };
            piece.cut()?;
            each(&piece)?;
            first += piece.len;
        }
    }
    Ok(())
}

impl Piece<'_> {
    pub fn len(&self) -> usize {
        self.len as usize
    }

    pub fn address(&self, row: usize) -> Address {
        self.state.fragments[self.at].id.address(self.first + row as u32)
    }

    /// The values of one of the columns, decoded when they are first asked for.
    pub fn column(&self, slot: usize) -> Result<ArrayRef> {
        let missing = || Error::not_found("a column that was not planned for");
        let (column, cell) = self.columns.get(slot).zip(self.arrays.get(slot)).ok_or_else(missing)?;
        if let Some(array) = cell.get() {
            return Ok(array.clone());
        }
        let array = self.read(*column)?;
        Ok(cell.get_or_init(|| array).clone())
    }

    fn read(&self, column: usize) -> Result<ArrayRef> {
        Ok(match self.state.values(self.dataset.opening(), self.at, column, self.first)? {
            Some((array, row)) => array.slice(row, self.len()),
            None => new_null_array(&self.state.columns[column].column.ty.to_arrow(), self.len()),
        })
    }

    /// Ends the piece where a batch of any column ends; footers say where.
    fn cut(&mut self) -> Result<()> {
        let (opening, fragment) = (self.dataset.opening(), &self.state.fragments[self.at]);
        for column in self.columns {
            let (file, row) = match self.state.overlay(opening, self.at, *column)? {
                Some((side, start)) => (side, start + u64::from(self.first)),
                None if !self.state.is_base(*column) => continue,
                None => (self.state.file(opening, fragment)?, fragment.start + u64::from(self.first)),
            };
            let found = file.footer().locate(row);
            let (batch, row) =
                found.ok_or_else(|| Error::corrupt(format!("it has no row {row}")).in_file(file.path()))?;
            let left = file.footer().batch_rows(batch) - row as u64;
            self.len = self.len.min(u32::try_from(left).unwrap_or(u32::MAX));
        }
        Ok(())
    }

    /// What holds, without rows that were deleted.
    pub fn live(&self, mask: BooleanBuffer) -> Result<BooleanBuffer> {
        let rows = self.first..self.first + self.len;
        let deleted = self.state.deleted_among(self.dataset.opening(), self.at, rows)?;
        let Some(deleted) = deleted else { return Ok(mask) };
        Ok(BooleanBuffer::collect_bool(self.len(), |row| mask.value(row) && !deleted.contains(self.first + row as u32)))
    }
}
