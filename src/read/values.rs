//! The values of blobs: each is found by its row, and held against the row's own checksum.

use crate::error::{Error, Result};
use crate::format::footer::Footer;
use crate::read::batch::{Batch, BatchRef};
use crate::read::file::{DataFile, VerifyLevel};
use crate::schema::tables::blobs;
use arrow_array::cast::AsArray;
use arrow_array::types::UInt32Type;
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer, ScalarBuffer};
use std::borrow::Cow;
use std::ops::Range;

/// Where the values of the `bytes` column lie, without the values.
pub(super) struct ValueOffsets {
    nulls: Option<NullBuffer>,
    offsets: ScalarBuffer<i64>,
    start: u64,
}

impl DataFile {
    /// The bytes of a blob, or `None` where the row has none: borrowed from the map where there is one. Their
    /// checksum is checked at the first read (`Lazy`), at each (`Strict`), or not (`Trusted`).
    ///
    /// # Errors
    /// `Corrupt` when the checksum does not match.
    pub fn value(&self, batch: &BatchRef<'_>, row: usize) -> Result<Option<Cow<'_, [u8]>>> {
        let range = self.value_range(batch, row).map_err(|error| error.in_file(self.path()))?;
        let Some(range) = range else { return Ok(None) };
        let bytes = match self.bytes().mapped() {
            Some(map) => map.get(range.start as usize..range.end as usize).map(Cow::Borrowed),
            None => Some(Cow::Owned(self.bytes().range(range.clone())?.to_vec())),
        };
        let damaged = || damaged_blob(self.footer(), batch, row).at_byte(range.start).in_file(self.path());
        let bytes = bytes.ok_or_else(damaged)?;
        if self.is_check_due(batch, row) {
            let crc32 = self.crc32(range.start, &bytes)?;
            let known = self.column(batch, blobs::CRC32)?.as_primitive::<UInt32Type>();
            if row >= known.len() || known.value(row) != crc32 {
                return Err(damaged());
            }
            batch.set_checked(row);
        }
        Ok(Some(bytes))
    }

    /// Whether the checksum of a blob is checked when it is read next.
    pub(crate) fn is_check_due(&self, batch: &Batch, row: usize) -> bool {
        match self.level() {
            VerifyLevel::Trusted => false,
            VerifyLevel::Lazy => !batch.is_checked(row),
            VerifyLevel::Strict => true,
        }
    }

    /// The bytes of a blob as an Arrow buffer, unchecked: [`DataFile::value`] checks them.
    ///
    /// # Errors
    /// `Corrupt` when the row has none.
    pub fn value_buffer(&self, batch: &Batch, row: usize) -> Result<Buffer> {
        let range = self.value_range(batch, row)?;
        self.bytes().range(range.ok_or_else(|| Error::corrupt("the blob has no bytes").in_file(self.path()))?)
    }

    /// Checks the checksums of these blobs of a batch that were not checked yet.
    ///
    /// # Errors
    /// `Corrupt` at the first that does not match.
    pub fn check_values(&self, batch: &BatchRef<'_>, mut rows: impl Iterator<Item = usize>) -> Result<()> {
        rows.try_for_each(|row| self.value(batch, row).map(|_| ()))
    }

    /// Where the bytes of a blob lie in the file: for announcing them ahead of reading.
    ///
    /// # Errors
    /// `Corrupt` when the offsets of its batch do not hold.
    pub fn value_range(&self, batch: &Batch, row: usize) -> Result<Option<Range<u64>>> {
        let values = self.value_offsets(batch)?;
        if row >= batch.rows() {
            return Err(Error::corrupt(format!("the batch has no row {row}")));
        }
        if values.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            return Ok(None);
        }
        let (start, end) = (values.offsets[row] as u64, values.offsets[row + 1] as u64);
        Ok(Some(values.start + start..values.start + end))
    }

    /// The offsets of the `bytes` column, checked: they ascend from 0 and end where the values end.
    pub(super) fn value_offsets<'b>(&self, batch: &'b Batch) -> Result<&'b ValueOffsets> {
        batch.values.get_or_try_init(|| {
            let layout = &batch.layout.columns[blobs::BYTES];
            let segment = self.column_segment(batch, blobs::BYTES)?;
            let wrong = || Error::corrupt("the offsets of `bytes` cannot be").at_byte(layout.bytes.start);
            if batch.layout.compressed {
                return Err(wrong());
            }
            let [validity, offsets, values] = batch.layout.buffers.get(layout.buffers.clone()).unwrap_or(&[]) else {
                return Err(wrong());
            };
            let node = *batch.layout.nodes.get(layout.nodes.start).ok_or_else(wrong)?;
            let part = |range: &Range<u64>| {
                let (start, len) = ((range.start - layout.bytes.start) as usize, (range.end - range.start) as usize);
                (start + len <= segment.len()).then(|| segment.slice_with_length(start, len)).ok_or_else(wrong)
            };
            let rows = batch.rows();
            let validity = part(validity)?;
            let nulls = (!validity.is_empty()).then(|| NullBuffer::new(BooleanBuffer::new(validity, 0, rows)));
            let offsets = ScalarBuffer::<i64>::new(part(offsets)?, 0, rows + 1);
            let ends =
                offsets.first() == Some(&0) && offsets.last().copied() == Some((values.end - values.start) as i64);
            if !ends || !offsets.is_sorted() || nulls.as_ref().map_or(0, |nulls| nulls.null_count()) != node.nulls {
                return Err(wrong());
            }
            let hidden =
                |nulls: &NullBuffer| (0..rows).find(|row| nulls.is_null(*row) && offsets[*row] != offsets[*row + 1]);
            if let Some(row) = nulls.as_ref().filter(|nulls| nulls.null_count() > 0).and_then(hidden) {
                // Values are covered by their rows' checksums, and a null has none.
                let what =
                    format!("row {row} of the batch has bytes under a null in `bytes`, which no checksum covers");
                return Err(Error::corrupt(what).at_byte(values.start));
            }
            let owned = offsets.inner().len();
            if self.bytes().mapped().is_none() {
                batch.own(owned);
            }
            Ok(Box::new(ValueOffsets { nulls, offsets, start: values.start }))
        })
    }
}

/// That the bytes of a blob are not what they were, with what can be done about it.
pub(super) fn damaged_blob(footer: &Footer, batch: &Batch, row: usize) -> Error {
    let address = footer.address(footer.row_starts[batch.index] + row as u64);
    let (which, by) = match address {
        Some(address) => (format!("the blob {address}"), address.to_string()),
        None => ("a blob".to_owned(), "BLOB".to_owned()),
    };
    Error::corrupt(format!(
        "the checksum of {which} does not match its bytes: the file is damaged. Restore it from a copy; or delete the blob \
         with all that shows it (`surgdb delete DATASET {by} --cascade`), import again what it came from, and `surgdb copy` \
         makes a sound dataset of that version: the older ones go on naming this file"
    ))
}
