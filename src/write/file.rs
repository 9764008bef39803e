//! The writer of one data file.

use crate::error::{Error, Result};
use crate::format::FragmentId;
use crate::format::constants::*;
use crate::format::footer::{Block, Footer, count_dictionaries};
use crate::format::message::{self, BodyPlan, inflate_limit, padded};
use crate::schema::tables::{Table, blobs};
use crate::storage::publish::NewFile;
use crate::write::dictionary::Interner;
use crate::write::encode::{EncodedColumn, Encoder};
use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_schema::SchemaRef;
use std::io::{Read, Write};
use std::ops::Range;
use std::path::Path;

/// How a file is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WriteOptions {
    /// The zstd level of the packed profile; `None` writes buffers as they are (the train profile). Blobs are never
    /// compressed: pictures and videos are already.
    pub compression: Option<i32>,
}

/// What a finished file is: its entry in a manifest is made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSummary {
    /// Bytes.
    pub length: u64,
    /// The CRC-32 of everything from the footer to the end.
    pub crc32: u32,
    /// Rows.
    pub rows: u64,
}

/// Writes record batches to a file that appears under its name only when it is complete.
///
/// Dictionaries are written once, behind the batches. Dropping the writer, or the file that [`FileWriter::finish`]
/// gives, without publishing it leaves nothing.
pub struct FileWriter {
    out: NewFile,
    at: u64,
    options: WriteOptions,
    /// Whether the last column's values are covered by the rows' own `crc32` instead of a segment's.
    values_by_row: bool,
    interners: Vec<Interner>,
    footer: Footer,
}

/// The values of a blob too large to be held: they are copied to the file as they are read.
pub struct StreamedValues<'a> {
    /// Where they come from.
    pub reader: &'a mut dyn Read,
    /// How many bytes it gives.
    pub len: u64,
    /// The CRC-32 that they must have.
    pub crc32: u32,
}

impl FileWriter {
    /// Starts `dir/name`; `kind` is what the footer says the file holds (a table's name, `column`, …).
    ///
    /// # Errors
    /// `Io` when the file cannot be made.
    pub fn create(dir: &Path, name: &str, kind: &str, schema: SchemaRef, options: WriteOptions) -> Result<Self> {
        let values_by_row = kind == Table::Blobs.name();
        let footer = Footer {
            kind: kind.to_owned(),
            batches: Vec::new(),
            dictionaries: Vec::new(),
            row_starts: vec![0],
            fragments: Vec::new(),
            segments: Vec::new(),
            emptied: Vec::new(),
            end: 0,
            schema,
        };
        let interners = std::iter::repeat_with(Interner::default).take(count_dictionaries(&footer.schema)).collect();
        let options = if values_by_row { WriteOptions::default() } else { options };
        let out = NewFile::create(dir, name)?;
        let mut writer = Self { out, at: 0, options, values_by_row, interners, footer };
        let mut head = [0; HEAD_LEN as usize];
        head[..ARROW_MAGIC.len()].copy_from_slice(ARROW_MAGIC);
        writer.segment(&[&head])?;
        let schema = message::write_schema(&writer.footer.schema);
        writer.segment(&[&schema])?;
        Ok(writer)
    }

    /// Bytes written so far.
    pub fn written(&self) -> u64 {
        self.at
    }

    /// Rows written so far.
    pub fn rows(&self) -> u64 {
        self.footer.rows()
    }

    /// Writes a record batch of the file's schema; an empty one is left out.
    ///
    /// # Errors
    /// `Invalid` when the batch is of another schema; `Io` when it cannot be written.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let (columns, rows) = (self.encode(batch)?, batch.num_rows());
        self.write_columns(rows, columns, None)
    }

    /// Writes a batch of one blob whose values come from a reader: the batch's own `bytes` must be empty.
    ///
    /// # Errors
    /// `Input` when the reader does not give the bytes that were announced.
    pub fn write_streamed(&mut self, batch: &RecordBatch, values: StreamedValues<'_>) -> Result<()> {
        let mut columns = self.encode(batch)?;
        if !self.values_by_row || batch.num_rows() != 1 || values.len > i64::MAX as u64 / 2 {
            return Err(Error::invalid("only one blob at a time can be streamed"));
        }
        let last = &mut columns[blobs::BYTES].buffers;
        last.truncate(1);
        last.push(Buffer::from_vec(vec![0i64, values.len as i64]));
        self.write_columns(1, columns, Some(values))
    }

    fn encode(&mut self, batch: &RecordBatch) -> Result<Vec<EncodedColumn>> {
        if batch.schema_ref().fields() != self.footer.schema.fields() {
            return Err(Error::invalid("a batch does not have the schema of the file that it is written to"));
        }
        let mut encoder = Encoder::new(&mut self.interners);
        let fields = self.footer.schema.fields().iter().zip(batch.columns());
        let columns = fields.map(|(field, column)| encoder.column(column, field.is_nullable()));
        let mut columns = columns.collect::<Result<Vec<_>>>()?;
        if let Some(level) = self.options.compression {
            compress(&mut columns, level)?;
        }
        Ok(columns)
    }

    fn write_columns(
        &mut self,
        rows: usize,
        columns: Vec<EncodedColumn>,
        streamed: Option<StreamedValues<'_>>,
    ) -> Result<()> {
        let compressed = self.options.compression.is_some();
        let mut plan = body_plan(rows, &columns, compressed);
        plan.buffers.extend(streamed.as_ref().map(|values| values.len));
        let metadata = message::write_batch(&plan, self.at);
        let block = self.message(&metadata, &plan)?;
        let last = columns.len() - 1;
        for (index, column) in columns.iter().enumerate() {
            if index < last || !self.values_by_row {
                self.segment(&column.buffers.iter().map(Buffer::as_slice).collect::<Vec<_>>())?;
                continue;
            }
            let (covered, values) = column.buffers.split_at(2);
            self.segment(&covered.iter().map(Buffer::as_slice).collect::<Vec<_>>())?;
            for values in values {
                self.put(values)?;
                self.pad(None)?;
            }
        }
        if let Some(values) = streamed {
            self.stream(values)?;
        }
        self.footer.batches.push(block);
        self.footer.row_starts.push(self.footer.rows() + rows as u64);
        Ok(())
    }

    fn stream(&mut self, values: StreamedValues<'_>) -> Result<()> {
        let (mut hasher, mut left) = (crc32fast::Hasher::new(), values.len);
        let mut chunk = vec![0; 1 << 20];
        while left > 0 {
            let want = chunk.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let got = match values.reader.read(&mut chunk[..want]) {
                Ok(got) => got,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Error::io("cannot read it to the end", error)),
            };
            if got == 0 {
                return Err(Error::input("the file became shorter while it was read"));
            }
            hasher.update(&chunk[..got]);
            self.put(&chunk[..got])?;
            left -= got as u64;
        }
        if hasher.finalize() != values.crc32 {
            return Err(Error::input("the file changed while it was read"));
        }
        self.pad(None)
    }

    /// Writes a message's metadata as a segment, and says where message and body lie.
    fn message(&mut self, metadata: &[u8], plan: &BodyPlan) -> Result<Block> {
        let metadata_len = u32::try_from(metadata.len())
            .map_err(|_| Error::invalid("the batch has too many columns for one message"))?;
        let block = Block { offset: self.at, metadata_len, body_len: message::body_len(plan) };
        self.segment(&[metadata])?;
        Ok(block)
    }

    /// Writes buffers, each with its padding, as one segment.
    fn segment(&mut self, buffers: &[&[u8]]) -> Result<()> {
        let mut hasher = crc32fast::Hasher::new();
        for buffer in buffers {
            hasher.update(buffer);
            self.put(buffer)?;
            if self.at > HEAD_LEN {
                self.pad(Some(&mut hasher))?;
            }
        }
        self.footer.segments.push(hasher.finalize());
        Ok(())
    }

    fn pad(&mut self, hasher: Option<&mut crc32fast::Hasher>) -> Result<()> {
        let zeros = [0; ALIGNMENT];
        let padding = &zeros[..(padded(self.at) - self.at) as usize];
        if let Some(hasher) = hasher {
            hasher.update(padding);
        }
        self.put(padding)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.out.write_all(bytes).map_err(|error| Error::io("cannot write", error).in_file(self.out.path()))?;
        self.at += bytes.len() as u64;
        Ok(())
    }

    /// Writes dictionaries and footer, and gives the whole file, to be published: `fragments` are those whose rows were
    /// written, in order (none for an index or deletions), `emptied` the runs of the file's rows that were emptied, ascending.
    ///
    /// # Errors
    /// `Invalid` when the fragments' rows are not those written; `Io`.
    pub fn finish(mut self, fragments: &[(FragmentId, u32)], emptied: &[Range<u64>]) -> Result<(FileSummary, NewFile)> {
        let rows: u64 = fragments.iter().map(|(_, rows)| u64::from(*rows)).sum();
        if !fragments.is_empty() && rows != self.rows() {
            return Err(Error::invalid(format!("the fragments have {rows} rows, and {} were written", self.rows())));
        }
        for id in 0..self.interners.len() {
            let mut columns = vec![Encoder::new(&mut []).column(&self.interners[id].values(), false)?];
            if let Some(level) = self.options.compression {
                compress(&mut columns, level)?;
            }
            let plan = body_plan(columns[0].nodes[0].len, &columns, self.options.compression.is_some());
            let metadata = message::write_dictionary(&plan, id, self.at);
            let block = self.message(&metadata, &plan)?;
            self.segment(&columns[0].buffers.iter().map(Buffer::as_slice).collect::<Vec<_>>())?;
            self.footer.dictionaries.push(block);
        }
        self.footer.end = self.at;
        self.segment_end()?;
        self.footer.fragments = fragments.to_vec();
        self.footer.emptied = emptied.to_vec();
        let footer = self.footer.encode();
        self.put(&footer)?;
        let summary = FileSummary { length: self.at, crc32: crc32fast::hash(&footer), rows: self.rows() };
        Ok((summary, self.out))
    }

    fn segment_end(&mut self) -> Result<()> {
        self.put(&END_MARK)?;
        self.footer.segments.push(crc32fast::hash(&END_MARK));
        Ok(())
    }
}

fn body_plan(rows: usize, columns: &[EncodedColumn], compressed: bool) -> BodyPlan {
    BodyPlan {
        rows,
        nodes: columns.iter().flat_map(|column| column.nodes.iter().copied()).collect(),
        buffers: columns.iter().flat_map(|column| column.buffers.iter().map(|buffer| buffer.len() as u64)).collect(),
        compressed,
    }
}

/// Compresses each buffer by itself, as Arrow does: its length in front, −1 where it is stored as it is.
fn compress(columns: &mut [EncodedColumn], level: i32) -> Result<()> {
    for buffer in columns.iter_mut().flat_map(|column| column.buffers.iter_mut()).filter(|buffer| !buffer.is_empty()) {
        let frame = zstd::bulk::compress(buffer, level).map_err(|error| Error::io("cannot compress", error))?;
        let fits = frame.len() < buffer.len() && buffer.len() as u64 <= inflate_limit(frame.len() as u64 + 8);
        let (len, bytes) = if fits { (buffer.len() as i64, &frame[..]) } else { (-1, buffer.as_slice()) };
        let mut stored = Vec::with_capacity(8 + bytes.len());
        stored.extend_from_slice(&len.to_le_bytes());
        stored.extend_from_slice(bytes);
        *buffer = Buffer::from_vec(stored);
    }
    Ok(())
}
