//! Views: a row of Arrow columns, read as what it means, without copying or allocating.
//!
//! A view reads its columns through [`Cells`], so the same view works on a row of any record batch ([`BatchRow`]) and
//! on a dataset's columns, which load when they are first touched. An accessor for a column returns a `Result`: there
//! the column's arrays are resolved and what a row says of itself (trees, addresses) is checked. What it hands out
//! below that are plain values. Only an error allocates.
//!
//! A view never panics, whatever valid Arrow arrays hold: where their meaning is wrong, it returns an error of kind
//! `Corrupt` or nothing.

mod alternatives;
mod annotation;
mod blob;
mod case;
mod conversation;
mod frame;
mod grounding;
mod lists;
mod media;
mod parts;
pub(crate) mod read;
mod reasoning;
mod regions;
mod turns;
mod video;

pub use alternatives::{Alternative, Alternatives};
pub use annotation::Annotation;
pub use blob::Blob;
pub use case::Case;
pub use conversation::Conversation;
pub use frame::Frame;
pub use grounding::{Grounded, Grounding};
pub use lists::Addresses;
pub use media::{Media, Medium};
pub use parts::{Part, Parts, TurnParts};
pub use reasoning::{Children, Evidence, EvidenceList, Node, Path, Reasoning};
pub use regions::{Label, Labels, Polygons, Region, Regions, Track, Tracks};
pub use turns::{Turn, Turns};
pub use video::{Keyframes, Video};

use crate::error::{Error, Result};
use crate::format::address::Address;
use arrow_array::{Array, RecordBatch};

/// A row of a column.
#[derive(Clone, Copy, Debug)]
pub struct Cell<'a> {
    /// The column, or a batch of it.
    pub array: &'a dyn Array,
    /// The row in that array.
    pub row: usize,
}

/// Where a view reads its columns.
pub trait Cells {
    /// The row's place in the base column with this number (see [`crate::schema::tables`]).
    fn cell(&self, column: usize) -> Result<Cell<'_>>;

    /// The row's address, where it is a row of a dataset.
    fn address(&self) -> Option<Address>;
}

impl<C: Cells + ?Sized> Cells for &C {
    fn cell(&self, column: usize) -> Result<Cell<'_>> {
        (**self).cell(column)
    }

    fn address(&self) -> Option<Address> {
        (**self).address()
    }
}

/// A row of a record batch that has a table's base columns in the schema's order.
#[derive(Clone, Copy, Debug)]
pub struct BatchRow<'a> {
    batch: &'a RecordBatch,
    row: usize,
}

impl<'a> BatchRow<'a> {
    /// The row with this number, counted from 0.
    ///
    /// # Errors
    /// `NotFound` when the batch has no such row.
    pub fn new(batch: &'a RecordBatch, row: usize) -> Result<Self> {
        if row >= batch.num_rows() {
            return Err(Error::not_found(format!("there is no row {row} in a batch of {}", batch.num_rows())));
        }
        Ok(Self { batch, row })
    }
}

impl Cells for BatchRow<'_> {
    fn cell(&self, column: usize) -> Result<Cell<'_>> {
        match self.batch.columns().get(column) {
            Some(array) => Ok(Cell { array: array.as_ref(), row: self.row }),
            None => Err(Error::not_found(format!("the batch has no column number {column}"))),
        }
    }

    fn address(&self) -> Option<Address> {
        None
    }
}

/// Makes a view of a table's row: the type, and an accessor for each plain column.
macro_rules! view {
    (
        $(#[$doc:meta])* $view:ident of $table:ident, $columns:ident;
        $($(#[$accessor_doc:meta])* $accessor:ident: $column:ident as $read:ident -> $ty:ty;)*
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $view<C>(C);

        impl<C: crate::schema::views::Cells> $view<C> {
            /// The view of this row.
            pub fn new(cells: C) -> Self {
                Self(cells)
            }

            /// The row that it reads.
            pub fn cells(&self) -> &C {
                &self.0
            }

            /// The row's address, where it is a row of a dataset.
            pub fn address(&self) -> Option<crate::format::address::Address> {
                self.0.address()
            }

            $(
                $(#[$accessor_doc])*
                pub fn $accessor(&self) -> crate::error::Result<$ty> {
                    self.read($columns::$column, crate::schema::views::read::$read)
                }
            )*

            /// Reads a column; an error names it and the row.
            fn read<'a, T>(
                &'a self,
                column: usize,
                read: impl FnOnce(crate::schema::views::Cell<'a>) -> crate::error::Result<T>,
            ) -> crate::error::Result<T> {
                let table = crate::schema::tables::Table::$table;
                match read(self.0.cell(column)?) {
                    Ok(value) => Ok(value),
                    Err(error) => Err(crate::schema::views::read::named(error, table, column, self.0.address())),
                }
            }
        }
    };
}
use view;
