//! Arrow IPC, as a stream (what `datasets` writes) or as a file, read message by message as it stands in the file.
//!
//! What a message claims to hold is held against what the file has before room is made for it.

use crate::error::{Error, Result};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_buffer::MutableBuffer;
use arrow_ipc::reader::{read_dictionary, read_record_batch};
use arrow_ipc::{MessageHeader, root_as_message};
use arrow_schema::{Schema, SchemaRef};
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::sync::Arc;

/// The longest description of a message.
const METADATA_LIMIT: usize = 64 << 20;
/// How many words of eight bytes may stand between a file's mark and its first message.
const PADDING_LIMIT: usize = 64;
/// What a file, unlike a stream, starts with, padded to 8 bytes.
const FILE_MARK: &[u8; 6] = b"ARROW1";

/// A file or a stream of record batches.
pub(super) struct ArrowFile {
    input: BufReader<File>,
    length: u64,
    at: u64,
    schema: SchemaRef,
    dictionaries: HashMap<i64, ArrayRef>,
}

/// A message: its description, and its body.
struct Message {
    metadata: Vec<u8>,
    start: u64,
}

impl ArrowFile {
    pub(super) fn open(file: File, length: u64) -> Result<Self> {
        let mut opened = Self {
            input: BufReader::new(file),
            length,
            at: 0,
            schema: Arc::new(Schema::empty()),
            dictionaries: HashMap::new(),
        };
        let mut head = [0; 8];
        opened.fill(&mut head).map_err(|_| Error::input("it is neither Parquet nor Arrow: it is too short"))?;
        // After its mark a file may be padded, as far as its writer aligns it.
        let is_file = head.starts_with(FILE_MARK);
        let mut words = if is_file { PADDING_LIMIT } else { 0 };
        while words > 0 && (head.starts_with(FILE_MARK) || head == [0; 8]) {
            opened.fill(&mut head).map_err(|_| Error::input("the Arrow file ends after its mark"))?;
            words -= 1;
        }
        let first = opened.message(Some(head))?;
        let first = first.ok_or_else(|| Error::input("it is an Arrow stream without a schema"))?;
        let message = root_as_message(&first.metadata).map_err(|_| no_arrow())?;
        let schema = message.header_as_schema().ok_or_else(no_arrow)?;
        let schema = arrow_ipc::convert::try_fb_to_schema(schema).map_err(|error| first.wrong(&error))?;
        opened.schema = Arc::new(schema);
        Ok(opened)
    }

    pub(super) fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    pub(super) fn position(&self) -> u64 {
        self.at
    }

    pub(super) fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            let Some(read) = self.message(None)? else { return Ok(None) };
            let message = root_as_message(&read.metadata).map_err(|error| read.wrong(&error))?;
            let body = self.body(&read, message.bodyLength())?;
            let version = message.version();
            match message.header_type() {
                MessageHeader::DictionaryBatch => {
                    let batch = message.header_as_dictionary_batch().ok_or_else(|| read.wrong(&"it is empty"))?;
                    let rows = batch.data().map_or(0, |data| data.length());
                    check_rows(rows, body.len()).map_err(|what| read.wrong(&what))?;
                    read_dictionary(&body, batch, &self.schema, &mut self.dictionaries, &version)
                        .map_err(|error| read.wrong(&error))?;
                }
                MessageHeader::RecordBatch => {
                    let batch = message.header_as_record_batch().ok_or_else(|| read.wrong(&"it is empty"))?;
                    check_rows(batch.length(), body.len()).map_err(|what| read.wrong(&what))?;
                    let schema = Arc::clone(&self.schema);
                    let batch = read_record_batch(&body, batch, schema, &self.dictionaries, None, &version);
                    return batch.map(Some).map_err(|error| read.wrong(&error));
                }
                other => return Err(read.wrong(&format!("{other:?} is nothing that belongs here"))),
            }
        }
    }

    /// The next message, whose first bytes may have been read; nothing at the end of the stream.
    fn message(&mut self, read: Option<[u8; 8]>) -> Result<Option<Message>> {
        let start = self.at - read.map_or(0, |read| read.len() as u64);
        let prefix = match read {
            Some(read) => read,
            // A stream may end with its file, or with a mark.
            None if self.length - self.at < 8 => return Ok(None),
            None => {
                let mut prefix = [0; 8];
                self.fill(&mut prefix)?;
                prefix
            }
        };
        let (mark, length) = prefix.split_at(4);
        if mark != [0xff; 4] {
            return Err(no_arrow());
        }
        let length = u32::from_le_bytes(length.try_into().unwrap_or_default()) as usize;
        if length == 0 {
            return Ok(None);
        }
        if length > METADATA_LIMIT || length as u64 > self.length - self.at {
            return Err(Error::input("the file is cut off or damaged: a message goes beyond its end").at_byte(start));
        }
        let mut metadata = vec![0; length];
        self.fill(&mut metadata)?;
        Ok(Some(Message { metadata, start }))
    }

    fn body(&mut self, message: &Message, length: i64) -> Result<arrow_buffer::Buffer> {
        let length = u64::try_from(length).ok().filter(|length| *length <= self.length - self.at);
        let length = length.and_then(|length| usize::try_from(length).ok());
        let length = length.ok_or_else(|| {
            Error::input("the file is cut off or damaged: a record batch goes beyond its end").at_byte(message.start)
        })?;
        let mut body = MutableBuffer::from_len_zeroed(length);
        self.fill(body.as_slice_mut())?;
        Ok(body.into())
    }

    fn fill(&mut self, out: &mut [u8]) -> Result<()> {
        self.input.read_exact(out).map_err(|error| Error::io("cannot read on", error).at_byte(self.at))?;
        self.at += out.len() as u64;
        Ok(())
    }
}

impl Message {
    fn wrong(&self, what: &dyn std::fmt::Display) -> Error {
        Error::input(format!("a message of the file cannot be read: {what}")).at_byte(self.start)
    }
}

/// Rows need bytes, save where all are null: there a claim costs its writer nothing.
fn check_rows(rows: i64, bytes: usize) -> Result<(), String> {
    let most = (bytes as u64).saturating_mul(8).max(1 << 20);
    match u64::try_from(rows) {
        Ok(rows) if rows <= most => Ok(()),
        _ => Err(format!("it claims {rows} rows in {bytes} bytes")),
    }
}

fn no_arrow() -> Error {
    Error::input("it is neither Parquet nor an Arrow stream or file")
}
