//! Parquet, read row group by row group, in batches that are as short as its rows are long.

use crate::error::{Error, Result};
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::Compression;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

/// About how many bytes of a batch are held at once.
const BATCH_BYTES: u64 = 16 << 20;
/// The most rows of a batch.
const BATCH_ROWS: u64 = 1024;
/// The longest footer, and the most columns and groups of them that it may name.
const FOOTER_LIMIT: u64 = 256 << 20;
const ELEMENT_LIMIT: u64 = 4096;

/// A Parquet file.
pub(super) struct ParquetFile {
    file: File,
    metadata: ArrowReaderMetadata,
    reader: Option<ParquetRecordBatchReader>,
    group: usize,
    rows: u64,
}

impl ParquetFile {
    pub(super) fn open(mut file: File, length: u64) -> Result<Self> {
        check_footer(&mut file, length)?;
        // The types are those that Parquet states: what else is claimed of them is not looked at.
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let metadata = ArrowReaderMetadata::load(&file, options).map_err(wrong)?;
        let chunks = metadata.metadata().row_groups().iter().flat_map(|group| group.columns());
        let unknown = chunks.map(|chunk| chunk.compression()).find(|codec| matches!(codec, Compression::LZO));
        if let Some(codec) = unknown {
            return Err(Error::input(format!(
                "the Parquet file is compressed with {codec}, which is not read here: write it with snappy or zstd"
            )));
        }
        Ok(Self { file, metadata, reader: None, group: 0, rows: 0 })
    }

    pub(super) fn schema(&self) -> SchemaRef {
        self.metadata.schema().clone()
    }

    /// What stands in its metadata under this key.
    pub(super) fn description(&self, key: &str) -> Option<&str> {
        let pairs = self.metadata.metadata().file_metadata().key_value_metadata()?;
        pairs.iter().find(|pair| pair.key == key)?.value.as_deref()
    }

    pub(super) fn position(&self, length: u64) -> u64 {
        let total = self.metadata.metadata().file_metadata().num_rows();
        match u64::try_from(total) {
            Ok(total) if total > 0 => {
                (u128::from(length) * u128::from(self.rows.min(total)) / u128::from(total)) as u64
            }
            _ => length,
        }
    }

    pub(super) fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(reader) = &mut self.reader {
                if let Some(batch) = reader.next() {
                    let batch = batch.map_err(|error| wrong_group(&error, self.group))?;
                    self.rows += batch.num_rows() as u64;
                    return Ok(Some(batch));
                }
                self.reader = None;
            }
            let Some(group) = self.metadata.metadata().row_groups().get(self.group) else { return Ok(None) };
            let bytes = u64::try_from(group.total_byte_size()).unwrap_or(0);
            let rows = u64::try_from(group.num_rows()).unwrap_or(0).max(1);
            let size = (BATCH_BYTES / (bytes / rows).max(1)).clamp(1, BATCH_ROWS);
            let file = self.file.try_clone().map_err(|error| Error::io("cannot read on", error))?;
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone());
            let builder = builder.with_row_groups(vec![self.group]).with_batch_size(size as usize);
            self.group += 1;
            self.reader = Some(builder.build().map_err(|error| wrong_group(&error, self.group))?);
        }
    }
}

fn wrong(error: parquet::errors::ParquetError) -> Error {
    Error::input(format!("the Parquet file cannot be read: {error}"))
}

fn wrong_group(error: &dyn std::fmt::Display, group: usize) -> Error {
    Error::input(format!("row group {group} of the Parquet file cannot be read: {error}"))
}

/// Checks that the footer is within the file, and how many columns it names: its reader nests as deep as they do.
fn check_footer(file: &mut File, length: u64) -> Result<()> {
    let unreadable = |error| Error::io("cannot read it", error);
    let cut = || Error::input("the Parquet file is cut off: it does not end as one does");
    let end = length.checked_sub(8).ok_or_else(cut)?;
    let mut tail = [0; 8];
    file.seek(SeekFrom::Start(end)).map_err(unreadable)?;
    file.read_exact(&mut tail).map_err(unreadable)?;
    let (size, mark) = tail.split_at(4);
    if mark != b"PAR1" {
        return Err(cut());
    }
    let size = u64::from(u32::from_le_bytes(size.try_into().unwrap_or_default()));
    let start = end.checked_sub(size).filter(|_| size <= FOOTER_LIMIT).ok_or_else(cut)?;
    let mut head = [0; 16];
    let held = head.len().min(size as usize);
    file.seek(SeekFrom::Start(start)).map_err(unreadable)?;
    file.read_exact(head.get_mut(..held).unwrap_or_default()).map_err(unreadable)?;
    file.rewind().map_err(unreadable)?;
    match schema_elements(&head) {
        Some(count) if count <= ELEMENT_LIMIT => Ok(()),
        Some(count) => Err(Error::input(format!("the Parquet file names {count} columns, which cannot be"))),
        None => Err(Error::input("the Parquet file's footer does not start as one does")),
    }
}

/// How many columns and groups of columns a footer names: its first field is the format's version, its second the list
/// of these, in Thrift's compact protocol.
fn schema_elements(footer: &[u8]) -> Option<u64> {
    let [0x15, rest @ ..] = footer else { return None };
    let (_, rest) = varint(rest)?;
    let [0x19, list, rest @ ..] = rest else { return None };
    if list & 0x0f != 0x0c {
        return None;
    }
    match list >> 4 {
        15 => varint(rest).map(|(count, _)| count),
        count => Some(u64::from(count)),
    }
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (at, byte) in bytes.iter().enumerate().take(9) {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((value, bytes.get(at + 1..)?));
        }
    }
    None
}
