//! One row of a dataset: where views find its columns, base or side, each decoded when it is first touched.

use crate::dataset::Dataset;
use crate::dataset::table::{TableState, side_row};
use crate::error::{Error, ErrorKind, Result};
use crate::format::Address;
use crate::read::{BatchRef, DataFile};
use crate::schema::tables::Table;
use crate::schema::views::{Cell, Cells};

/// A row of a table. Cheap to make; borrowed from the dataset.
#[derive(Clone)]
pub struct Row<'a> {
    pub(super) dataset: &'a Dataset,
    state: &'a TableState,
    /// The fragment's place in the table.
    at: usize,
    file: &'a DataFile,
    batch: BatchRef<'a>,
    row: usize,
    address: Address,
}

impl<'a> Row<'a> {
    /// The live row at this address.
    pub(super) fn live(dataset: &'a Dataset, state: &'a TableState, address: Address) -> Result<Self> {
        let at = state.locate(address)?;
        if state.deleted() > 0 && state.live(dataset.opening())?.is_deleted(at, address.row()) {
            return Err(Error::new(
                ErrorKind::Deleted,
                format!("the {} at {address} was deleted", state.table.row_name()),
            ));
        }
        Self::at(dataset, state, at, address)
    }

    /// The row at this address, in the fragment at this place.
    pub(super) fn at(dataset: &'a Dataset, state: &'a TableState, at: usize, address: Address) -> Result<Self> {
        let fragment = &state.fragments[at];
        let file = state.file(dataset.opening(), fragment)?;
        let (batch, row) = file.locate(fragment.start + u64::from(address.row()))?;
        Ok(Self { dataset, state, at, file, batch, row, address })
    }

    /// Its table.
    pub fn table(&self) -> Table {
        self.state.table
    }

    /// Its address.
    pub fn address(&self) -> Address {
        self.address
    }

    /// The cell of the column with this name, base or added.
    ///
    /// # Errors
    /// `NotFound` when there is no such column; `Corrupt` when it cannot be read.
    pub fn named(&self, column: &str) -> Result<Cell<'_>> {
        self.cell(self.state.column_named(column)?)
    }

    /// The same, or nothing where there is no such column.
    pub(super) fn named_opt(&self, column: &str) -> Result<Option<Cell<'_>>> {
        self.state.column_named(column).ok().map(|column| self.cell(column)).transpose()
    }

    /// Whether the cell of this column is in the base file, as far as can be told without reading anything.
    pub(super) fn is_base(&self, column: usize) -> bool {
        let overlaid = self.state.overlay(self.dataset.opening(), self.at, column);
        let absent = self.state.columns.get(column).and_then(|state| state.absent());
        matches!(overlaid, Ok(None)) && absent.is_none()
    }

    /// The file and batch that hold its base columns, and its row there.
    pub(super) fn base(&self) -> (&'a DataFile, &BatchRef<'a>, usize) {
        (self.file, &self.batch, self.row)
    }
}

impl Cells for Row<'_> {
    fn cell(&self, column: usize) -> Result<Cell<'_>> {
        let opening = self.dataset.opening();
        if let Some((side, start)) = self.state.overlay(opening, self.at, column)? {
            let (batch, row) = side_row(side, start + u64::from(self.address.row()))?;
            return Ok(Cell { array: side.column(batch, 0)?.as_ref(), row });
        }
        match self.state.columns.get(column).and_then(|state| state.absent()) {
            Some(absent) => Ok(Cell { array: absent.as_ref(), row: 0 }),
            None => Ok(Cell { array: self.file.column(&self.batch, column)?.as_ref(), row: self.row }),
        }
    }

    fn address(&self) -> Option<Address> {
        Some(self.address)
    }
}
