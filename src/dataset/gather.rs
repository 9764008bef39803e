//! Gathering: columns of rows that lie anywhere in a table, in the order asked for.

use crate::dataset::Dataset;
use crate::dataset::interleave::interleave;
use crate::dataset::row::Row;
use crate::error::{Error, Result};
use crate::read::Batch;
use crate::schema::tables::{Table, blobs};
use crate::schema::views::Cells;
use crate::storage::FileBytes;
use arrow_array::builder::BinaryViewBuilder;
use arrow_array::{Array, ArrayRef, new_empty_array};
use arrow_buffer::Buffer;
use arrow_schema::{DataType, Field};
use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

/// The most bytes that a view can tell: its length is a signed 32-bit number.
pub(crate) const VIEW_BYTES_MAX: usize = i32::MAX as usize;

impl Dataset {
    /// The columns of a table with these names: where they stand, and their fields as [`Gather::column`] gives them.
    ///
    /// # Errors
    /// `NotFound` when there is no such column; the message lists those that there are.
    pub(crate) fn gathered<S: AsRef<str>>(&self, table: Table, names: &[S]) -> Result<(Vec<usize>, Vec<Field>)> {
        let state = self.state(table);
        let field = |name: &S| {
            let at = state.column_named(name.as_ref())?;
            let field = state.columns[at].column.to_field();
            Ok((at, if is_values(table, at) { field.with_data_type(DataType::BinaryView) } else { field }))
        };
        Ok(names.iter().map(field).collect::<Result<Vec<_>>>()?.into_iter().unzip())
    }
}

fn is_values(table: Table, column: usize) -> bool {
    table == Table::Blobs && column == blobs::BYTES
}

/// Rows of one table and this dataset, whose columns are gathered.
pub(crate) struct Gather<'r, 'a> {
    rows: &'r [Row<'a>],
    /// Of each record batch that rows lie in, the first of them.
    firsts: Vec<usize>,
    /// Of each row, which of these batches it lies in.
    batches: Vec<usize>,
}

impl<'r, 'a> Gather<'r, 'a> {
    /// Of these rows, in this order; a row may come more than once.
    pub(crate) fn new(rows: &'r [Row<'a>]) -> Self {
        let (mut firsts, mut known) = (Vec::new(), HashMap::with_capacity(rows.len()));
        let number = |(at, row): (usize, &Row<'_>)| {
            let (_, batch, _) = row.base();
            *known.entry(std::ptr::from_ref::<Batch>(batch)).or_insert_with(|| {
                firsts.push(at);
                firsts.len() - 1
            })
        };
        let batches = rows.iter().enumerate().map(number).collect();
        Self { rows, firsts, batches }
    }

    /// A column of the rows; `field` is what [`Dataset::gathered`] gave for it.
    ///
    /// # Errors
    /// `Corrupt`, `Purged` when a file cannot be read; `Unsupported` when a blob does not fit a view.
    pub(crate) fn column(&self, column: usize, field: &Field) -> Result<ArrayRef> {
        let Some(first) = self.rows.first() else { return Ok(new_empty_array(field.data_type())) };
        if is_values(first.table(), column) {
            return values(self.rows);
        }
        if self.rows.iter().any(|row| !row.is_base(column)) {
            return self.overlaid(column);
        }
        let array = |at: &usize| self.rows[*at].cell(column).map(|cell| cell.array);
        let sources = self.firsts.iter().map(array).collect::<Result<Vec<_>>>()?;
        let places: Vec<_> = self.batches.iter().zip(self.rows).map(|(batch, row)| (*batch, row.base().2)).collect();
        interleave(&sources, &places)
    }

    /// A column of which side columns hold some rows or all, whose batches have borders of their own.
    fn overlaid(&self, column: usize) -> Result<ArrayRef> {
        // One entry for each array that rows lie in, so that dictionaries are joined once.
        let mut sources: Vec<&dyn Array> = Vec::new();
        let mut known = HashMap::new();
        let mut places = Vec::with_capacity(self.rows.len());
        for row in self.rows {
            let cell = row.cell(column)?;
            let source = *known.entry(std::ptr::from_ref(cell.array).cast::<()>()).or_insert_with(|| {
                sources.push(cell.array);
                sources.len() - 1
            });
            places.push((source, cell.row));
        }
        interleave(&sources, &places)
    }
}

fn values(rows: &[Row<'_>]) -> Result<ArrayRef> {
    let mut views = BinaryViewBuilder::with_capacity(rows.len());
    for row in rows {
        let bytes = row.stored_bytes()?;
        if bytes.as_ref().is_some_and(|bytes| bytes.len() > VIEW_BYTES_MAX) {
            return Err(Error::unsupported("a blob of 2 GiB or more does not fit a binary view"));
        }
        push_view(&mut views, bytes)?;
    }
    Ok(std::sync::Arc::new(views.finish()))
}

/// Appends a value that stays where it is: each has a data buffer of its own, so that they may lie in files of any size.
///
/// # Errors
/// `Unsupported` when it is longer than [`VIEW_BYTES_MAX`], or there are too many.
pub(crate) fn push_view(views: &mut BinaryViewBuilder, bytes: Option<Buffer>) -> Result<()> {
    let Some(bytes) = bytes else {
        views.append_null();
        return Ok(());
    };
    let len = u32::try_from(bytes.len()).ok().filter(|_| bytes.len() <= VIEW_BYTES_MAX);
    let len = len.ok_or_else(|| Error::unsupported("a blob of 2 GiB or more does not fit a binary view"))?;
    let block = views.append_block(bytes);
    views.try_append_view(block, 0, len).map_err(|error| Error::unsupported(error.to_string()))
}

impl<'a> Row<'a> {
    /// The bytes of a blob that are stored in the dataset, checked as the level says: a slice of the map, or a copy with
    /// plain reads.
    ///
    /// # Errors
    /// `Corrupt` when the checksum does not match.
    pub(crate) fn stored_bytes(&self) -> Result<Option<Buffer>> {
        let (file, batch, at) = self.base();
        match file.value(batch, at)? {
            None => Ok(None),
            Some(Cow::Owned(bytes)) => Ok(Some(Buffer::from_vec(bytes))),
            Some(Cow::Borrowed(_)) => file.value_buffer(batch, at).map(Some),
        }
    }

    /// Whether the checksum of a blob's bytes is checked when they are read next.
    pub(crate) fn is_check_due(&self) -> bool {
        let (file, batch, at) = self.base();
        file.is_check_due(batch, at)
    }

    /// Where the bytes of a blob lie that are stored in the dataset, without touching them.
    ///
    /// # Errors
    /// `Corrupt` when the offsets of its batch do not hold.
    pub(crate) fn stored_place(&self) -> Result<Option<(&'a FileBytes, Range<u64>)>> {
        let (file, batch, at) = self.base();
        let range = file.value_range(batch, at).map_err(|error| error.in_file(file.path()))?;
        Ok(range.map(|range| (file.bytes(), range)))
    }

    /// Where the bytes of a base column lie that were not touched yet in this row's batch: for announcing them.
    pub(crate) fn untouched(&self, column: usize) -> Option<(&FileBytes, Range<u64>)> {
        let (file, batch, _) = self.base();
        file.untouched(batch, column).map(|range| (file.bytes(), range))
    }
}
