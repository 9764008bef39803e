//! All of a file, held against its checksums and against what its values must be.

use crate::error::{Error, Result};
use crate::format::constants::{ALIGNMENT, ARROW_MAGIC, END_MARK, HEAD_LEN};
use crate::format::message::{self, BatchLayout, padded};
use crate::read::batch::{Batch, BatchRef};
use crate::read::file::DataFile;
use crate::read::hidden::Used;
use crate::read::values::damaged_blob;
use crate::schema::tables::blobs;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, UInt32Type};
use arrow_array::{Array, ArrayRef};
use arrow_buffer::Buffer;
use std::ops::Range;
use std::sync::Arc;

/// What becomes of a file that holds what it does not show.
const WRITE_ANEW: &str = "copy the dataset into a new one (`surgdb copy`), which leaves it behind, and delete this one";

/// How many bytes of a blob are read at a time.
const CHUNK: u64 = 4 << 20;

impl DataFile {
    /// Checks the whole file, whatever the level that it was opened with: every segment's checksum, that padding is
    /// zero, that all values decode, each blob against its row's checksum, digest and size, that emptied rows are
    /// empty, and that nothing lies under a null or in a dictionary that no row shows. Calls `fault` with everything that
    /// is wrong.
    ///
    /// It holds one column of one batch at a time, and of a blob a few MiB.
    pub fn verify(&self, fault: &mut dyn FnMut(Error)) {
        let fault = &mut |error: Error| fault(error.in_file(self.path()));
        keep(self.verify_head(), fault);
        for id in 0..self.footer().dictionaries.len() {
            keep(self.verify_dictionary(id), fault);
        }
        let mut seen = Some(Used::new(self.footer().dictionaries.len()));
        for index in 0..self.batches() {
            let layout = self.verify_layout(index);
            let checked =
                layout.map(|layout| self.verify_batch(&Batch::new(index, layout, None, true), &mut seen, fault));
            if let Err(error) = checked {
                // What the rows of this batch have is not known.
                seen = None;
                fault(error);
            }
        }
        for (id, seen) in (0..self.footer().dictionaries.len()).zip(std::iter::repeat(seen.as_ref())) {
            keep(seen.map_or(Ok(()), |seen| self.verify_used(id, seen)), fault);
        }
        keep(self.verify_end(), fault);
    }

    fn verify_head(&self) -> Result<()> {
        let head = self.checked(0, 0..HEAD_LEN, "the head")?;
        if !head.starts_with(ARROW_MAGIC) || head[ARROW_MAGIC.len()..].iter().any(|byte| *byte != 0) {
            return Err(Error::corrupt("the file does not start as an Arrow file does").at_byte(0));
        }
        let schema = self.checked(1, self.footer().schema_message(), "the schema")?;
        if message::read_schema(&schema)?.fields() != self.footer().schema.fields() {
            return Err(Error::corrupt("the schema in front of the file is another one than that in its footer"));
        }
        Ok(())
    }

    fn verify_end(&self) -> Result<()> {
        let (footer, start) = (self.footer(), self.footer().end);
        let mark = self.checked(footer.segments.len() - 1, start..start + END_MARK.len() as u64, "the end mark")?;
        match mark.as_slice() == END_MARK {
            true => Ok(()),
            false => Err(Error::corrupt("there is no end mark before the footer").at_byte(start)),
        }
    }

    fn verify_dictionary(&self, id: usize) -> Result<()> {
        let (block, segment) = (self.footer().dictionaries[id], self.footer().dictionary_segment(id));
        let metadata = self.checked(segment, block.metadata(), "a dictionary's metadata")?;
        let layout = message::read_dictionary(&metadata, block, id)?;
        let body = self.checked(segment + 1, block.body(), "a dictionary")?;
        zero_padding(&body, block.body().start, &layout.buffers)?;
        self.dictionary(id).map(|_| ())
    }

    fn verify_layout(&self, index: usize) -> Result<BatchLayout> {
        let footer = self.footer();
        let block = footer.batches[index];
        let metadata = self.checked(footer.batch_segment(index), block.metadata(), "a batch's metadata")?;
        message::read_batch(&metadata, block, &footer.schema, footer.batch_rows(index))
    }

    /// A value that no row has would outlive all rows that had it.
    fn verify_used(&self, id: usize, seen: &Used) -> Result<()> {
        let Ok(values) = self.dictionary(id) else { return Ok(()) };
        match seen.unused(id, values.len()) {
            None => Ok(()),
            Some(value) => Err(Error::corrupt(format!(
                "value {value} of dictionary {id} is that of no row, so it may be what was to be erased: {WRITE_ANEW}"
            ))
            .at_byte(self.footer().dictionaries[id].offset)),
        }
    }

    fn verify_batch(&self, batch: &Batch, seen: &mut Option<Used>, fault: &mut dyn FnMut(Error)) {
        let emptied = self.emptied_of(batch);
        for column in 0..batch.layout.columns.len() {
            if let Err(error) = self.verify_column(batch, column, &emptied, seen.as_mut()) {
                *seen = None;
                fault(error);
            }
        }
        if self.is_values(blobs::BYTES) {
            keep(self.verify_values(batch, &emptied, fault), fault);
        }
    }

    /// The rows of a batch that were emptied.
    fn emptied_of(&self, batch: &Batch) -> Vec<usize> {
        let footer = self.footer();
        let rows = footer.row_starts[batch.index]..footer.row_starts[batch.index + 1];
        let first = footer.emptied.partition_point(|run| run.end <= rows.start);
        let runs = footer.emptied[first..].iter().take_while(|run| run.start < rows.end);
        let emptied = runs.flat_map(|run| run.start.max(rows.start)..run.end.min(rows.end));
        emptied.map(|row| (row - rows.start) as usize).collect()
    }

    fn verify_column(&self, batch: &Batch, column: usize, emptied: &[usize], seen: Option<&mut Used>) -> Result<()> {
        let (bytes, what) = self.column_bytes(batch, column);
        let start = bytes.start;
        let segment = self.checked(self.footer().batch_segment(batch.index) + 1 + column, bytes, what)?;
        let mut buffers = &batch.layout.buffers[batch.layout.columns[column].buffers.clone()];
        if self.is_values(column) {
            // The values are held against the rows' own checksums instead.
            buffers = &buffers[..buffers.len().saturating_sub(1)];
        }
        zero_padding(&segment, start, buffers)?;
        if self.is_values(column) {
            return Ok(());
        }
        let array = self.decode_segment(batch, column, &segment)?;
        let field = &self.footer().schema.fields()[column];
        if let Some(row) = emptied.iter().find(|row| !is_empty(&array, **row, field.is_nullable())) {
            return Err(self.not_empty(batch, *row, field.name()).at_byte(start));
        }
        match seen.is_none_or(|seen| seen.look(&array, self.first_dictionary(column))) {
            true => Ok(()),
            false => Err(Error::corrupt(format!(
                "`{}` has values under nulls, where nobody sees them, so they may be what was to be erased: {WRITE_ANEW}",
                field.name()
            ))
            .at_byte(start)),
        }
    }

    fn not_empty(&self, batch: &Batch, row: usize, column: &str) -> Error {
        let row = self.footer().row_starts[batch.index] + row as u64;
        Error::corrupt(format!(
            "`{column}` of an emptied row still holds a value: what was to be erased is not; purge it again"
        ))
        .in_row(format!("row {row}"))
    }

    /// Holds each blob's bytes against its row.
    fn verify_values(&self, batch: &Batch, emptied: &[usize], fault: &mut dyn FnMut(Error)) -> Result<()> {
        let column = |column: usize| {
            let (bytes, what) = self.column_bytes(batch, column);
            let segment = self.checked(self.footer().batch_segment(batch.index) + 1 + column, bytes, what)?;
            self.decode_segment(batch, column, &segment)
        };
        let (digests, crcs, sizes) = (column(blobs::DIGEST)?, column(blobs::CRC32)?, column(blobs::SIZE)?);
        let (digests, crcs) = (digests.as_fixed_size_binary(), crcs.as_primitive::<UInt32Type>());
        let sizes = sizes.as_primitive::<Int64Type>();
        for row in 0..batch.rows() {
            let Some(range) = self.value_range(batch, row)? else { continue };
            let place = |error: Error| {
                let row = self.footer().row_starts[batch.index] + row as u64;
                error.at_byte(range.start).in_row(format!("row {row}"))
            };
            if emptied.binary_search(&row).is_ok() {
                fault(place(self.not_empty(batch, row, "bytes")));
                continue;
            }
            if u64::try_from(sizes.value(row)).ok() != Some(range.end - range.start) {
                let (is, says) = (range.end - range.start, sizes.value(row));
                fault(place(Error::corrupt(format!("a blob has {is} bytes, and its `size` is {says}"))));
            }
            let (crc, digest) = self.hash(range.clone())?;
            if crc != crcs.value(row) {
                fault(place(damaged_blob(self.footer(), batch, row)));
            } else if digest.as_bytes() != digests.value(row) {
                fault(place(Error::corrupt("the digest of a blob is not that of its bytes")));
            }
        }
        let values = batch.layout.buffers.last().map_or(0, |values| values.end);
        let padding = self.bytes().range(values..padded(values))?;
        zero_padding(&padding, values, std::slice::from_ref(&(values..values)))
    }

    fn hash(&self, range: Range<u64>) -> Result<(u32, blake3::Hash)> {
        let (mut crc, mut digest) = (crc32fast::Hasher::new(), blake3::Hasher::new());
        for start in range.clone().step_by(CHUNK as usize) {
            let bytes = self.bytes().range(start..range.end.min(start + CHUNK))?;
            crc.update(&bytes);
            digest.update(&bytes);
        }
        Ok((crc.finalize(), digest.finalize()))
    }

    /// Whether a row has a value in the `bytes` column of `blobs`.
    ///
    /// # Errors
    /// `Corrupt` when the offsets of its batch do not hold.
    pub fn has_value(&self, batch: &BatchRef<'_>, row: usize) -> Result<bool> {
        Ok(self.value_range(batch, row).map_err(|error| error.in_file(self.path()))?.is_some())
    }
}

fn keep(result: Result<()>, fault: &mut dyn FnMut(Error)) {
    if let Err(error) = result {
        fault(error);
    }
}

/// Checks that between these buffers, and behind the last, `segment` is zero up to the alignment.
fn zero_padding(segment: &Buffer, start: u64, buffers: &[Range<u64>]) -> Result<()> {
    for buffer in buffers {
        let padding = (buffer.end - start) as usize..(padded(buffer.end) - start) as usize;
        let bytes = segment.get(padding).unwrap_or(&[]);
        debug_assert!(bytes.len() < ALIGNMENT);
        if bytes.iter().any(|byte| *byte != 0) {
            return Err(Error::corrupt(
                "the padding behind a buffer is not zero: the file is damaged, or holds what \
                it does not show",
            )
            .at_byte(buffer.end));
        }
    }
    Ok(())
}

/// Whether a value is what an emptied row has: null where it may be; else an empty text or list, zeros, or `''`.
fn is_empty(array: &ArrayRef, row: usize, nullable: bool) -> bool {
    if nullable {
        return array.is_null(row);
    }
    let one = array.slice(row, 1);
    if let Some(list) = one.as_list_opt::<i32>() {
        return list.value_length(0) == 0;
    }
    if let Some(text) = one.as_string_opt::<i64>() {
        return text.value(0).is_empty();
    }
    if let Some(names) = one.as_any_dictionary_opt() {
        let key = names.normalized_keys().first().copied();
        let values = names.values().as_string_opt::<i32>();
        return key.zip(values).is_some_and(|(key, values)| values.value(key).is_empty());
    }
    let zero = Arc::clone(&one).to_data();
    let width = match one.data_type() {
        arrow_schema::DataType::FixedSizeBinary(size) => usize::try_from(*size).unwrap_or(0),
        ty => ty.primitive_width().unwrap_or(0),
    };
    let at = zero.offset() * width;
    let bytes = zero.buffers().first().and_then(|buffer| buffer.get(at..at + width));
    width > 0 && bytes.is_some_and(|bytes| bytes.iter().all(|byte| *byte == 0))
}
