//! Arrow IPC, as a stream (what `datasets` writes) or as a file, read message by message as it stands in the file.
//!
//! What a message claims to hold is held against what the file has before room is made for it.

use super::arrow_check;
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
        arrow_check::check_schema(&schema).map_err(Error::input)?;
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
                    let data = batch.data().ok_or_else(|| read.wrong(&"it is empty"))?;
                    check_rows(data.length(), body.len()).map_err(|what| read.wrong(&what))?;
                    let values = arrow_check::values_of(&self.schema, batch.id());
                    let values = values.ok_or_else(|| read.wrong(&"no column has this dictionary"))?;
                    arrow_check::check_batch(&data, [&values], &body).map_err(|what| read.wrong(&what))?;
                    read_dictionary(&body, batch, &self.schema, &mut self.dictionaries, &version)
                        .map_err(|error| read.wrong(&error))?;
                }
                MessageHeader::RecordBatch => {
                    let batch = message.header_as_record_batch().ok_or_else(|| read.wrong(&"it is empty"))?;
                    check_rows(batch.length(), body.len()).map_err(|what| read.wrong(&what))?;
                    let schema = Arc::clone(&self.schema);
                    let columns = schema.fields().iter().map(AsRef::as_ref);
                    arrow_check::check_batch(&batch, columns, &body).map_err(|what| read.wrong(&what))?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::builder::{Int32Builder, ListBuilder, StringDictionaryBuilder};
    use arrow_array::types::Int32Type;
    use arrow_array::*;
    use arrow_ipc::writer::StreamWriter;
    use arrow_schema::{DataType, Field};
    use std::io::Write;

    /// A stream with two batches of many types.
    fn stream() -> Vec<u8> {
        let mut lists = ListBuilder::new(Int32Builder::new());
        lists.append_value([Some(1), None]);
        lists.append_null();
        lists.append_value([Some(3)]);
        let mut labels = StringDictionaryBuilder::<Int32Type>::new();
        ["hook", "clip", "hook"].iter().for_each(|label| drop(labels.append(label)));
        let parts: Vec<(Arc<Field>, ArrayRef)> = vec![
            (
                Arc::new(Field::new("bytes", DataType::Binary, true)),
                Arc::new(BinaryArray::from(vec![Some(&b"ab"[..]), None, None])),
            ),
            (
                Arc::new(Field::new("path", DataType::LargeUtf8, true)),
                Arc::new(LargeStringArray::from(vec![Some("a"), None, Some("é")])),
            ),
        ];
        let columns: [(&str, ArrayRef); 8] = [
            ("text", Arc::new(StringArray::from(vec![Some("a"), None, Some("a long one")]))),
            (
                "view",
                Arc::new(StringViewArray::from(vec![Some("a"), None, Some("one that is longer than twelve bytes")])),
            ),
            ("flag", Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)]))),
            ("real", Arc::new(Float64Array::from(vec![1.0, 2.0, 3.0]))),
            ("list", Arc::new(lists.finish())),
            ("label", Arc::new(labels.finish())),
            ("file", Arc::new(StructArray::from(parts))),
            ("none", Arc::new(NullArray::new(3))),
        ];
        let batch =
            RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true))).unwrap();
        let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
        writer.write(&batch).unwrap();
        writer.write(&batch.slice(1, 2)).unwrap();
        writer.into_inner().unwrap()
    }

    /// Reads all of it without a guard: a panic would end the test.
    fn rows(bytes: &[u8]) -> Result<usize> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        std::io::Seek::rewind(&mut file).unwrap();
        let mut opened = ArrowFile::open(file, bytes.len() as u64)?;
        let mut rows = 0;
        while let Some(batch) = opened.next_batch()? {
            rows += batch.num_rows();
        }
        Ok(rows)
    }

    #[test]
    fn no_damaged_byte_makes_the_reader_panic() {
        let bytes = stream();
        assert_eq!(rows(&bytes).unwrap(), 5);
        let mut refused = 0;
        for at in 0..bytes.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff, bytes[at] ^ 4] {
                let mut damaged = bytes.clone();
                damaged[at] = value;
                refused += u32::from(rows(&damaged).is_err());
            }
        }
        assert!(refused > 1000, "{refused}");
    }

    #[test]
    fn claims_that_lie_are_named() {
        let bytes = stream();
        // The lengths of nodes and buffers stand as 64 bits; none of the columns has so many.
        let mut says = std::collections::BTreeSet::new();
        for at in (0..bytes.len() - 8).step_by(8) {
            let mut damaged = bytes.clone();
            damaged[at..at + 8].copy_from_slice(&(1_i64 << 40).to_le_bytes());
            if let Err(error) = rows(&damaged) {
                says.insert(error.message().to_owned());
            }
        }
        for what in ["`real` has 24 bytes for 1099511627776 values of 8", "`real` has a buffer outside of the message"]
        {
            assert!(says.iter().any(|message| message.contains(what)), "{what}: {says:#?}");
        }
    }
}
