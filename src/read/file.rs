//! One data file, opened: its footer is read and checked, its batches wait until they are touched.

use crate::error::{Error, Result};
use crate::format::FragmentId;
use crate::format::constants::TAIL_LEN;
use crate::format::footer::{self, Footer, count_dictionaries};
use crate::format::message::{self, BatchLayout};
use crate::read::batch::{Batch, BatchRef};
use crate::read::cache::BatchCache;
use crate::read::decode::Decoder;
use crate::schema::tables::{Table, blobs};
use crate::storage::{Access, FileBytes};
use arrow_array::{Array, ArrayRef};
use arrow_buffer::Buffer;
use arrow_schema::{Field, Schema, SchemaRef};
use once_cell::race::OnceBox;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many bytes at the end of a file are asked for at once: most footers are smaller.
const FOOTER_BYTES: u64 = 64 << 10;
/// How many bytes are brought to memory at a time when a checksum is taken.
const CHECK_BYTES: usize = 8 << 20;
/// About how many bytes a row of `blobs` takes in front of the values, and a batch for padding.
const BLOB_ROW_BYTES: u64 = 66;
const BLOB_BATCH_BYTES: u64 = 2048;

/// How much of what is read is checked against its checksum. What Arrow would trust (offsets, UTF-8, keys) is
/// validated at every level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum VerifyLevel {
    /// Checksums are left out: for files that were just verified.
    Trusted,
    /// Each segment and each blob is checked once, when it is first touched.
    #[default]
    Lazy,
    /// As `Lazy`, and blobs are checked each time they are read.
    Strict,
}

/// What the manifest says of a file: it is held against the file before anything in it is believed.
#[derive(Clone, Debug)]
pub struct Expected {
    /// Bytes.
    pub length: u64,
    /// The CRC-32 of everything from the footer to the end.
    pub crc32: u32,
    /// What the file holds.
    pub kind: &'static str,
    /// Its schema.
    pub schema: SchemaRef,
    /// Its rows.
    pub rows: u64,
    /// Its fragments; empty for an index or deletions.
    pub fragments: Vec<(FragmentId, u32)>,
}

/// A data file that is open for reading.
pub struct DataFile {
    bytes: FileBytes,
    footer: Footer,
    level: VerifyLevel,
    batches: Box<[OnceBox<Batch>]>,
    dictionaries: Box<[OnceBox<ArrayRef>]>,
    /// The first dictionary of each column.
    column_dictionaries: Box<[usize]>,
    cache: Arc<BatchCache>,
    pin: bool,
    number: u64,
    by_row: bool,
}

impl DataFile {
    /// Opens a file, reads its footer and holds it against what the manifest says.
    ///
    /// With `pin`, batches stay once they are touched, whatever memory they need: for the small files of an index,
    /// of side columns and of deletions.
    ///
    /// # Errors
    /// `NotFound` when it is not there; `Corrupt` or `Unsupported` when it is not the file that the manifest names.
    pub fn open(
        path: &Path,
        expected: &Expected,
        access: Access,
        level: VerifyLevel,
        cache: Arc<BatchCache>,
        pin: bool,
    ) -> Result<Self> {
        let bytes = FileBytes::open(path, access)?;
        let footer = read_footer(&bytes, expected).map_err(|error| error.in_file(path))?;
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Ok(Self {
            batches: slots(footer.batches.len()),
            dictionaries: slots(footer.dictionaries.len()),
            column_dictionaries: column_dictionaries(&footer.schema),
            by_row: footer.kind == Table::Blobs.name(),
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            bytes,
            footer,
            level,
            cache,
            pin,
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.bytes.path()
    }

    /// What its footer says.
    pub fn footer(&self) -> &Footer {
        &self.footer
    }

    /// Whether its batches are compressed: the first one says it for all.
    ///
    /// # Errors
    /// `Corrupt` when that one cannot be read.
    pub fn is_compressed(&self) -> Result<bool> {
        Ok(self.batches() > 0 && self.layout(0)?.compressed)
    }

    /// How many batches it has.
    pub fn batches(&self) -> usize {
        self.footer.batches.len()
    }

    /// How many batches were touched, and how many of their columns. A counter for tests and tools: batches that
    /// left the cache are not counted.
    pub fn touched(&self) -> (usize, usize) {
        let touched = self.batches.iter().filter_map(OnceBox::get);
        touched.fold((0, 0), |(batches, columns), batch| (batches + 1, columns + batch.touched()))
    }

    /// Its bytes.
    pub(crate) fn bytes(&self) -> &FileBytes {
        &self.bytes
    }

    /// The batch that holds this row of the file, and the row in it.
    ///
    /// # Errors
    /// `Corrupt` when the file has no such row, or the batch's metadata does not hold.
    pub fn locate(&self, row: u64) -> Result<(BatchRef<'_>, usize)> {
        let found = self.footer.locate(row);
        let (batch, row) = found.ok_or_else(|| Error::corrupt(format!("it has no row {row}")).in_file(self.path()))?;
        Ok((self.batch(batch)?, row))
    }

    /// A batch; its metadata is checked when it is first touched.
    ///
    /// # Errors
    /// `Corrupt` when its metadata does not hold.
    pub fn batch(&self, index: usize) -> Result<BatchRef<'_>> {
        let slot = self.batches.get(index);
        let slot = slot.ok_or_else(|| Error::corrupt(format!("it has no batch {index}")).in_file(self.path()))?;
        if let Some(batch) = slot.get() {
            return Ok(BatchRef::Pinned(batch));
        }
        let key = (self.number, index);
        if let Some(batch) = self.cache.get(key) {
            return Ok(BatchRef::Cached(batch));
        }
        let layout = self.layout(index).map_err(|error| error.in_file(self.path()))?;
        if self.pin || self.bytes.mapped().is_some() && !layout.compressed {
            let batch = Batch::new(index, layout, None, self.by_row);
            return Ok(BatchRef::Pinned(slot.get_or_init(|| Box::new(batch))));
        }
        let batch = Arc::new(Batch::new(index, layout, Some(self.cache.counter()), self.by_row));
        self.cache.insert(key, batch.clone());
        Ok(BatchRef::Cached(batch))
    }

    /// A batch of a file that was opened with `pin`: it stays as long as the file is open.
    ///
    /// # Errors
    /// `Corrupt` when its metadata does not hold; `Invalid` when the file does not pin its batches.
    pub fn pinned(&self, index: usize) -> Result<&Batch> {
        match self.batch(index)? {
            BatchRef::Pinned(batch) => Ok(batch),
            BatchRef::Cached(_) => Err(Error::invalid("the file does not keep its batches").in_file(self.path())),
        }
    }

    fn layout(&self, index: usize) -> Result<BatchLayout> {
        let block = self.footer.batches[index];
        self.announce_head(index);
        let metadata = self.segment(self.footer.batch_segment(index), block.metadata(), "a batch's metadata")?;
        message::read_batch(&metadata, block, &self.footer.schema, self.footer.batch_rows(index))
    }

    /// Asks for the metadata of a batch, of `blobs` with the columns in front of the values. Without, the fault on its first
    /// page would read as much around it as the device reads ahead, which is mostly values that nobody asked for.
    fn announce_head(&self, index: usize) {
        let (metadata, rows) = (self.footer.batches[index].metadata(), self.footer.batch_rows(index));
        let columns =
            if self.by_row { rows.saturating_mul(BLOB_ROW_BYTES).saturating_add(BLOB_BATCH_BYTES) } else { 0 };
        // Whoever reads it will say what is wrong.
        let _ = self.bytes.announce(metadata.start..metadata.end.saturating_add(columns));
    }

    /// A column of a batch of this file, decoded when it is first touched.
    ///
    /// Of `blobs`, the values of `bytes` come unchecked here: [`DataFile::value`] checks them row by row.
    ///
    /// # Errors
    /// `Corrupt` when its checksum does not match or its values cannot be; `NotFound` when there is no such column.
    pub fn column<'b>(&self, batch: &'b Batch, column: usize) -> Result<&'b ArrayRef> {
        let slot = batch.columns.get(column);
        let slot = slot.ok_or_else(|| Error::not_found(format!("it has no column {column}")).in_file(self.path()))?;
        if let Some(array) = slot.get() {
            return Ok(array);
        }
        let (array, size) = self.decode(batch, column).map_err(|error| error.in_file(self.path()))?;
        let mut made = false;
        let array = slot.get_or_init(|| {
            made = true;
            Box::new(array)
        });
        if made && size > 0 {
            batch.own(size);
            self.cache.trim();
        }
        Ok(array)
    }

    /// The column, and how many bytes it owns: its buffers may be slices of the map, or of what was read in one piece.
    fn decode(&self, batch: &Batch, column: usize) -> Result<(ArrayRef, usize)> {
        if self.is_values(column) {
            self.value_offsets(batch)?;
        }
        let segment = match self.is_values(column) {
            true => self.bytes.range(batch.layout.columns[column].bytes.clone())?,
            false => self.column_segment(batch, column)?,
        };
        let array = self.decode_segment(batch, column, &segment)?;
        let owned = match (batch.layout.compressed, self.bytes.mapped()) {
            (true, _) => array.to_data().get_slice_memory_size()?,
            (false, None) => segment.len(),
            (false, Some(_)) => 0,
        };
        Ok((array, owned))
    }

    /// Decodes a column from its bytes.
    pub(super) fn decode_segment(&self, batch: &Batch, column: usize, segment: &Buffer) -> Result<ArrayRef> {
        let (field, layout) = (&self.footer.schema.fields()[column], &batch.layout.columns[column]);
        let first = self.column_dictionaries[column];
        let count = count_dictionaries(&Schema::new(vec![field.clone()]));
        let dictionaries = (first..first + count).map(|id| self.dictionary(id).cloned()).collect::<Result<Vec<_>>>()?;
        let decoder =
            Decoder { segment, start: layout.bytes.start, layout: &batch.layout, dictionaries: &dictionaries };
        decoder.column(field, layout).map_err(|error| error.at_byte(layout.bytes.start))
    }

    /// The first dictionary of a column, in the file's order.
    pub(super) fn first_dictionary(&self, column: usize) -> usize {
        self.column_dictionaries[column]
    }

    /// The bytes of a column, checked as one segment.
    pub(super) fn column_segment(&self, batch: &Batch, column: usize) -> Result<Buffer> {
        let (bytes, what) = self.column_bytes(batch, column);
        if self.bytes.mapped().is_some() {
            // All of it is touched next: asked for in one piece rather than fault by fault.
            let _ = self.bytes.announce(bytes.clone());
        }
        self.segment(self.footer.batch_segment(batch.index) + 1 + column, bytes, what)
    }

    /// Where the bytes of a column lie, if none of it was touched yet.
    pub(crate) fn untouched(&self, batch: &Batch, column: usize) -> Option<Range<u64>> {
        let untouched = batch.columns.get(column)?.get().is_none();
        untouched.then(|| self.column_bytes(batch, column).0)
    }

    /// A column of a batch, if it was decoded already.
    pub(crate) fn decoded<'b>(&self, batch: &'b Batch, column: usize) -> Option<&'b ArrayRef> {
        batch.columns.get(column)?.get()
    }

    /// Where the segment of a column lies, and the column's name.
    pub(super) fn column_bytes(&self, batch: &Batch, column: usize) -> (Range<u64>, &str) {
        let mut bytes = batch.layout.columns[column].bytes.clone();
        if self.is_values(column) {
            bytes.end = self.values_start(batch);
        }
        (bytes, self.footer.schema.fields()[column].name())
    }

    pub(super) fn is_values(&self, column: usize) -> bool {
        self.by_row && column == blobs::BYTES
    }

    /// Where the values of the last column start: behind its validity and its offsets.
    fn values_start(&self, batch: &Batch) -> u64 {
        batch.layout.buffers.last().map_or(0, |values| values.start)
    }

    /// A dictionary, decoded when it is first touched.
    pub(super) fn dictionary(&self, id: usize) -> Result<&ArrayRef> {
        self.dictionaries[id].get_or_try_init(|| {
            let block = self.footer.dictionaries[id];
            let segment = self.footer.dictionary_segment(id);
            let metadata = self.segment(segment, block.metadata(), "a dictionary's metadata")?;
            let layout = message::read_dictionary(&metadata, block, id)?;
            let body = self.segment(segment + 1, block.body(), "a dictionary")?;
            let field = Field::new("dictionary", arrow_schema::DataType::Utf8, false);
            let decoder = Decoder { segment: &body, start: block.body().start, layout: &layout, dictionaries: &[] };
            decoder.column(&field, &layout.columns[0]).map(Box::new)
        })
    }

    /// The bytes of a segment, checked against its checksum unless the level is `Trusted`.
    fn segment(&self, segment: usize, bytes: Range<u64>, what: &str) -> Result<Buffer> {
        match self.level {
            VerifyLevel::Trusted => self.bytes.range(bytes),
            _ => self.checked(segment, bytes, what),
        }
    }

    /// The bytes of a segment, checked against its checksum.
    pub(super) fn checked(&self, segment: usize, bytes: Range<u64>, what: &str) -> Result<Buffer> {
        let at = bytes.start;
        let buffer = self.bytes.range(bytes)?;
        let crc32 = self.crc32(at, &buffer)?;
        if self.footer.segments.get(segment) != Some(&crc32) {
            return Err(damaged(what).at_byte(at));
        }
        Ok(buffer)
    }

    /// How much is checked of what is read.
    pub(super) fn level(&self) -> VerifyLevel {
        self.level
    }

    /// The checksum of the file's bytes from `start` on, which are these: piece by piece, each brought to memory before, so
    /// that one which cannot be read is an error.
    pub(super) fn crc32(&self, start: u64, bytes: &[u8]) -> Result<u32> {
        let mut hasher = crc32fast::Hasher::new();
        let mut at = start;
        for piece in bytes.chunks(CHECK_BYTES) {
            let end = at + piece.len() as u64;
            self.bytes.fault_in(at..end)?;
            hasher.update(piece);
            at = end;
        }
        Ok(hasher.finalize())
    }
}

pub(super) fn damaged(what: &str) -> Error {
    Error::corrupt(format!(
        "the checksum of {what} does not match its bytes: the file is damaged; restore it from a copy, and run \
         `surgdb verify` to see what else is"
    ))
}

fn slots<T>(count: usize) -> Box<[OnceBox<T>]> {
    std::iter::repeat_with(OnceBox::new).take(count).collect()
}

fn column_dictionaries(schema: &Schema) -> Box<[usize]> {
    let mut next = 0;
    let first = |field: &Arc<Field>| {
        let first = next;
        next += count_dictionaries(&Schema::new(vec![field.clone()]));
        first
    };
    schema.fields().iter().map(first).collect()
}

fn read_footer(bytes: &FileBytes, expected: &Expected) -> Result<Footer> {
    let len = bytes.len();
    if len != expected.length {
        return Err(Error::corrupt(format!(
            "the file has {len} bytes, and the version at hand names one of {}: it was cut short or replaced; \
             restore it from a copy",
            expected.length
        )));
    }
    // As with batches: a fault would read much of what stands in front. Who reads it will say what is wrong.
    let _ = bytes.announce(len.saturating_sub(FOOTER_BYTES)..len);
    bytes.fault_in(len.saturating_sub(TAIL_LEN)..len)?;
    let tail = bytes.range(len.saturating_sub(TAIL_LEN)..len)?;
    let footer_len = footer::footer_len(&tail, len)?;
    bytes.fault_in(len - footer_len..len)?;
    let footer = bytes.range(len - footer_len..len)?;
    if crc32fast::hash(&footer) != expected.crc32 {
        return Err(damaged("the footer").at_byte(len - footer_len));
    }
    let footer = Footer::decode(&footer, len)?;
    let same = footer.kind == expected.kind
        && footer.schema.fields() == expected.schema.fields()
        && footer.rows() == expected.rows
        && footer.fragments == expected.fragments;
    if !same {
        return Err(Error::corrupt("the file does not hold what the version at hand says: it was replaced by another"));
    }
    Ok(footer)
}
