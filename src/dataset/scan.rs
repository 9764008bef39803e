//! Reading many rows: `scan` in the order of addresses, `take` in the order asked for.

use crate::dataset::Dataset;
use crate::dataset::gather::Gather;
use crate::dataset::table::TableState;
use crate::error::{Error, ErrorKind, Result};
use crate::format::Address;
use crate::schema::tables::Table;
use arrow_array::{ArrayRef, BooleanArray, Int64Array, RecordBatch, new_null_array};
use arrow_schema::{Schema, SchemaRef};
use arrow_select::filter::filter_record_batch;
use std::sync::Arc;

/// The most rows of a piece.
const PIECE_ROWS: usize = 1 << 20;

/// A scan of a table: which columns are read, over the live rows by ascending address.
pub struct Scan<'a> {
    dataset: &'a Dataset,
    table: Table,
    columns: Vec<usize>,
}

/// Some rows of a scan.
#[derive(Clone, Debug)]
pub struct ScanBatch {
    /// The columns asked for. Their buffers lie in the memory map where there is one and no row was left out.
    pub batch: RecordBatch,
    /// The address of each row.
    pub addresses: Int64Array,
}

/// A part of a scan that goes on behind what is damaged.
pub(crate) enum ScanPart {
    /// Live rows.
    Read(ScanBatch),
    /// Rows of which a column cannot be read, from the first to the last, deleted ones among them, and why.
    Damaged(Address, Address, Error),
}

impl ScanBatch {
    /// The address of a row.
    ///
    /// # Errors
    /// `Invalid` when there is no such row.
    pub fn address(&self, row: usize) -> Result<Address> {
        match row < self.addresses.len() {
            true => Address::new(self.addresses.value(row)),
            false => Err(Error::invalid(format!("the batch has no row {row}"))),
        }
    }

    /// Only the rows where `mask` is true.
    ///
    /// # Errors
    /// `Invalid` when the mask is of another length.
    pub fn filter(&self, mask: &BooleanArray) -> Result<Self> {
        let wrong = |error: arrow_schema::ArrowError| Error::invalid(error.to_string());
        let addresses = arrow_select::filter::filter(&self.addresses, mask).map_err(wrong)?;
        let batch = filter_record_batch(&self.batch, mask).map_err(wrong)?;
        Ok(Self { batch, addresses: addresses.to_data().into() })
    }
}

impl Dataset {
    /// Starts a scan of all columns of a table.
    pub fn scan(&self, table: Table) -> Scan<'_> {
        Scan { dataset: self, table, columns: (0..self.state(table).columns.len()).collect() }
    }

    /// These rows of one table, in this order; an address may come more than once. Blobs come as `binary_view`, borrowed
    /// from the memory map.
    ///
    /// # Errors
    /// `Invalid` when addresses belong to another table; `NotFound` when there is no such column; `Deleted`,
    /// `NotInVersion`, `Corrupt`, `Purged`.
    pub fn take(&self, table: Table, addresses: &[Address], columns: &[&str]) -> Result<RecordBatch> {
        let (at, fields) = self.gathered(table, columns)?;
        let rows = addresses.iter().map(|address| self.row_of(table, *address)).collect::<Result<Vec<_>>>()?;
        let gather = Gather::new(&rows);
        let arrays = at.iter().zip(&fields).map(|(column, field)| gather.column(*column, field));
        let arrays = arrays.collect::<Result<Vec<_>>>()?;
        let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(rows.len()));
        Ok(RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)?)
    }
}

impl<'a> Scan<'a> {
    /// Only these columns, base or added, in this order.
    ///
    /// # Errors
    /// `NotFound` when there is no such column.
    pub fn columns<'n>(mut self, names: impl IntoIterator<Item = &'n str>) -> Result<Self> {
        let state = self.dataset.state(self.table);
        self.columns = names.into_iter().map(|name| state.column_named(name)).collect::<Result<_>>()?;
        Ok(self)
    }

    /// The schema of the batches.
    pub fn schema(&self) -> SchemaRef {
        let state = self.dataset.state(self.table);
        let fields: Vec<_> = self.columns.iter().map(|column| state.columns[*column].column.to_field()).collect();
        Arc::new(Schema::new(fields))
    }

    /// The batches, by ascending address; each is as long as the files' own batches allow without copying.
    pub fn batches(self) -> impl Iterator<Item = Result<ScanBatch>> + 'a {
        let mut parts = Some(self.parts());
        std::iter::from_fn(move || {
            let batch = match parts.as_mut()?.next()? {
                Ok(ScanPart::Read(batch)) => Ok(batch),
                Ok(ScanPart::Damaged(_, _, error)) | Err(error) => Err(error),
            };
            if batch.is_err() {
                parts = None;
            }
            Some(batch)
        })
    }

    /// The same, but damage ends it not: the rows that it takes away are a part of their own.
    pub(crate) fn parts(self) -> impl Iterator<Item = Result<ScanPart>> + 'a {
        let schema = self.schema();
        let state = self.dataset.state(self.table);
        let mut pieces = Pieces { dataset: self.dataset, state, columns: self.columns, schema, at: 0, row: 0 };
        std::iter::from_fn(move || {
            let next = pieces.next();
            if next.is_err() {
                pieces.at = usize::MAX;
            }
            next.transpose()
        })
    }
}

/// The rows of a table, piece by piece.
pub(super) struct Pieces<'a> {
    dataset: &'a Dataset,
    state: &'a TableState,
    columns: Vec<usize>,
    schema: SchemaRef,
    at: usize,
    row: u32,
}

impl<'a> Pieces<'a> {
    /// Those of these columns, for a caller that goes from fragment to fragment itself.
    pub(super) fn new(dataset: &'a Dataset, table: Table, columns: Vec<usize>) -> Self {
        let scan = Scan { dataset, table, columns };
        let (schema, state) = (scan.schema(), dataset.state(table));
        Self { dataset, state, columns: scan.columns, schema, at: 0, row: 0 }
    }

    /// The rows of the fragment at this place from `first` on, at most `left`, deleted ones too; how many they are.
    pub(super) fn whole(&mut self, at: usize, first: u32, left: u32) -> Result<(ScanBatch, u32)> {
        self.at = at;
        let (columns, len) = self.piece(first, left)?;
        let base = self.state.fragments[at].id.address(first).get();
        let addresses = Int64Array::from_iter_values(base..base + i64::from(len));
        let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(len as usize));
        let batch = RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)?;
        Ok((ScanBatch { batch, addresses }, len))
    }

    /// Only the live rows of what [`Pieces::whole`] gave; `None` where there is none.
    pub(super) fn live(&self, piece: ScanBatch, first: u32) -> Result<Option<ScanBatch>> {
        match self.mask(first, piece.addresses.len() as u32)? {
            None => Ok(Some(piece)),
            Some(mask) if mask.true_count() == 0 => Ok(None),
            Some(mask) => piece.filter(&mask).map(Some),
        }
    }

    fn next(&mut self) -> Result<Option<ScanPart>> {
        loop {
            let Some(fragment) = self.state.fragments.get(self.at) else { return Ok(None) };
            if self.row >= fragment.rows {
                self.at += 1;
                self.row = 0;
                continue;
            }
            let (first, left) = (self.row, fragment.rows - self.row);
            match self.whole(self.at, first, left) {
                Ok((piece, len)) => {
                    self.row += len;
                    if let Some(piece) = self.live(piece, first)? {
                        return Ok(Some(ScanPart::Read(piece)));
                    }
                }
                Err(error) if error.kind() == ErrorKind::Corrupt => {
                    self.row += self.damaged(first, left).max(1);
                    let (first, last) = (fragment.id.address(first), fragment.id.address(self.row - 1));
                    return Ok(Some(ScanPart::Damaged(first, last, error)));
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// How many rows from one on are lost where a column cannot be read there: as many as would have made a piece, or all that
    /// are left where a file cannot even be opened.
    fn damaged(&self, first: u32, left: u32) -> u32 {
        let rows = |column: &usize| self.state.rows_left(self.dataset.opening(), self.at, *column, first);
        let Ok(rows) = self.columns.iter().map(rows).collect::<Result<Vec<_>>>() else { return left };
        let least = rows.into_iter().flatten().min();
        least.and_then(|rows| u32::try_from(rows).ok()).map_or(left, |rows| rows.min(left))
    }

    /// The columns from this row of the fragment on, as far as no batch of any of them ends.
    fn piece(&self, first: u32, left: u32) -> Result<(Vec<ArrayRef>, u32)> {
        let opening = self.dataset.opening();
        let fragment = &self.state.fragments[self.at];
        // Columns that no file covers are made here: how large they get must not follow from the manifest's word.
        let mut len = (left as usize).min(PIECE_ROWS).min(self.state.piece_rows(&self.columns));
        let mut parts = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            let part = self.state.values(opening, self.at, *column, first)?;
            if let Some((array, row)) = &part {
                len = len.min(array.len() - row);
            }
            parts.push(part);
        }
        if parts.iter().all(Option::is_none) {
            // Only the manifest speaks of these rows so far: the footer must say the same before they are made up.
            self.state.file(opening, fragment)?;
        }
        let arrays = parts.into_iter().zip(self.schema.fields()).map(|(part, field)| match part {
            Some((array, row)) => array.slice(row, len),
            None => new_null_array(field.data_type(), len),
        });
        Ok((arrays.collect(), len as u32))
    }

    /// Which of these rows are live; `None` where all are.
    fn mask(&self, first: u32, len: u32) -> Result<Option<BooleanArray>> {
        let rows = first..first + len;
        let deleted = self.state.deleted_among(self.dataset.opening(), self.at, rows.clone())?;
        Ok(deleted.map(|deleted| rows.map(|row| Some(!deleted.contains(row))).collect()))
    }
}
