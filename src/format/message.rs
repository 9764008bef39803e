//! Messages: the metadata in front of a record batch or a dictionary, made and checked.
//!
//! What a message claims is held against its type, its node counts and the bytes it has *before* an array is made
//! of it: Arrow's own readers trust it, and panic or over-read where it lies.

use crate::error::{Error, Result};
use crate::format::constants::*;
use crate::format::footer::{Block, check_layout};
use arrow_ipc::{
    BodyCompressionBuilder, BodyCompressionMethod, CompressionType, DictionaryBatchBuilder, FieldNode, MessageBuilder,
    MessageHeader, MetadataVersion, RecordBatchBuilder, root_as_message,
};
use arrow_schema::{DataType, Field, Schema};
use flatbuffers::{FlatBufferBuilder, UnionWIPOffset, WIPOffset};
use std::ops::Range;

/// One array of a batch: its length and how many of its values are null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// Values.
    pub len: usize,
    /// Values that are null.
    pub nulls: usize,
}

/// Where a top-level column's parts stand in a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnLayout {
    /// Its nodes, depth first.
    pub nodes: Range<usize>,
    /// Its buffers, depth first.
    pub buffers: Range<usize>,
    /// Its bytes in the file, padding included: one segment.
    pub bytes: Range<u64>,
}

/// Where everything of a batch lies, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchLayout {
    /// Rows.
    pub rows: usize,
    /// All arrays, depth first.
    pub nodes: Vec<Node>,
    /// All buffers: their bytes in the file, without padding.
    pub buffers: Vec<Range<u64>>,
    /// The top-level columns.
    pub columns: Vec<ColumnLayout>,
    /// Whether buffers are zstd frames with their length in front.
    pub compressed: bool,
}

/// The length of a buffer rounded up to the alignment.
pub fn padded(len: u64) -> u64 {
    len.next_multiple_of(ALIGNMENT as u64)
}

/// Checks the metadata of a record batch of `rows` rows of `schema`, and says where its parts lie.
///
/// # Errors
/// `Corrupt`, with the byte in the file, when anything that it claims does not hold.
pub fn read_batch(bytes: &[u8], block: Block, schema: &Schema, rows: u64) -> Result<BatchLayout> {
    let message = read_message(bytes, block)?;
    let batch = message.header_as_record_batch().ok_or_else(|| wrong(block, "it is not a record batch"))?;
    read_header(&batch, block, schema.fields().iter().map(AsRef::as_ref), rows)
}

/// Checks the metadata of the `id`-th dictionary, of UTF-8 text, and says where its parts lie.
///
/// # Errors
/// `Corrupt`, with the byte in the file, when anything that it claims does not hold.
pub fn read_dictionary(bytes: &[u8], block: Block, id: usize) -> Result<BatchLayout> {
    let message = read_message(bytes, block)?;
    let dictionary = message.header_as_dictionary_batch().ok_or_else(|| wrong(block, "it is not a dictionary"))?;
    if dictionary.id() != id as i64 || dictionary.isDelta() {
        return Err(wrong(block, "it is not the dictionary that belongs here"));
    }
    let batch = dictionary.data().ok_or_else(|| wrong(block, "the dictionary has no values"))?;
    let rows = u64::try_from(batch.length()).map_err(|_| wrong(block, "its length is negative"))?;
    let values = Field::new("", DataType::Utf8, false);
    read_header(&batch, block, std::iter::once(&values), rows)
}

/// Checks the schema message (`bytes` of the file, from the head to the first message) and gives its schema.
///
/// # Errors
/// `Corrupt` when it is not a well-formed schema message.
pub fn read_schema(bytes: &[u8]) -> Result<Schema> {
    let metadata_len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let block = Block { offset: HEAD_LEN, metadata_len, body_len: 0 };
    let message = read_message(bytes, block)?;
    let schema = message.header_as_schema().ok_or_else(|| wrong(block, "it is not a schema"))?;
    check_layout(schema).map_err(|error| wrong(block, error.message()))?;
    arrow_ipc::convert::try_fb_to_schema(schema).map_err(|error| wrong(block, &error.to_string()))
}

fn wrong(block: Block, what: &str) -> Error {
    Error::corrupt(format!("a message of the file cannot be read: {what}")).at_byte(block.offset)
}

fn read_message(bytes: &[u8], block: Block) -> Result<arrow_ipc::Message<'_>> {
    let prefixed = bytes.split_first_chunk::<8>().filter(|_| bytes.len() == block.metadata_len as usize);
    let (prefix, flatbuffer) = prefixed.ok_or_else(|| wrong(block, "it is cut short"))?;
    let (mark, len) = (&prefix[..4], [prefix[4], prefix[5], prefix[6], prefix[7]]);
    if mark != [0xff; 4] || i64::from(i32::from_le_bytes(len)) != flatbuffer.len() as i64 {
        return Err(wrong(block, "its prefix does not say its length"));
    }
    let message = root_as_message(flatbuffer).map_err(|error| wrong(block, &error.to_string()))?;
    if message.version() != MetadataVersion::V5 {
        return Err(wrong(block, "it is not of metadata version 5"));
    }
    if u64::try_from(message.bodyLength()).ok() != Some(block.body_len) {
        return Err(wrong(block, "its body is not as long as the footer says"));
    }
    Ok(message)
}

fn read_header<'a>(
    batch: &arrow_ipc::RecordBatch<'_>,
    block: Block,
    fields: impl Iterator<Item = &'a Field>,
    rows: u64,
) -> Result<BatchLayout> {
    if u64::try_from(batch.length()).ok() != Some(rows) {
        return Err(wrong(block, "it does not have as many rows as the footer says"));
    }
    if batch.variadicBufferCounts().is_some_and(|counts| !counts.is_empty()) {
        return Err(wrong(block, "it has view buffers"));
    }
    let compressed = match batch.compression() {
        None => false,
        Some(compression) if compression.codec() == CompressionType::ZSTD => true,
        Some(_) => return Err(wrong(block, "it is compressed with a codec that this format does not use")),
    };
    let rows = usize::try_from(rows).map_err(|_| wrong(block, "it has too many rows"))?;
    let mut walk = Walk { block, compressed, nodes: Vec::new(), buffers: Vec::new(), batch, at: block.body().start };
    let mut columns = Vec::new();
    for field in fields {
        let (nodes, buffers, start) = (walk.nodes.len(), walk.buffers.len(), walk.at);
        walk.field(field, Some(rows))?;
        columns.push(ColumnLayout {
            nodes: nodes..walk.nodes.len(),
            buffers: buffers..walk.buffers.len(),
            bytes: start..walk.at,
        });
    }
    walk.end()?;
    Ok(BatchLayout { rows, nodes: walk.nodes, buffers: walk.buffers, columns, compressed })
}

/// Goes through nodes and buffers in the order of the schema and holds each against what its type needs.
struct Walk<'a, 'b> {
    block: Block,
    compressed: bool,
    batch: &'a arrow_ipc::RecordBatch<'b>,
    nodes: Vec<Node>,
    buffers: Vec<Range<u64>>,
    at: u64,
}

impl Walk<'_, '_> {
    fn wrong(&self, field: &Field, what: &str) -> Error {
        wrong(self.block, &format!("`{}` {what}", field.name()))
    }

    fn field(&mut self, field: &Field, len: Option<usize>) -> Result<()> {
        let node = self.node(field, len)?;
        let bits = node.len.div_ceil(8);
        self.validity(field, node)?;
        match field.data_type() {
            DataType::Boolean => self.buffer(field, Some(bits)),
            DataType::LargeUtf8 | DataType::LargeBinary => self.text(field, node.len, 8),
            DataType::Utf8 => self.text(field, node.len, 4),
            DataType::List(item) => {
                self.sized(field, offsets_len(node.len, 4))?;
                self.field(item, None)
            }
            DataType::FixedSizeList(item, size) => {
                let len = usize::try_from(*size).ok().and_then(|size| size.checked_mul(node.len));
                let len = len.ok_or_else(|| self.wrong(field, "has too many values"))?;
                self.field(item, Some(len))
            }
            DataType::Struct(parts) => parts.iter().try_for_each(|part| self.field(part, Some(node.len))),
            DataType::Dictionary(..) => self.sized(field, node.len.checked_mul(4)),
            DataType::FixedSizeBinary(size) => {
                self.sized(field, usize::try_from(*size).ok().and_then(|size| size.checked_mul(node.len)))
            }
            ty => match ty.primitive_width() {
                Some(width) => self.sized(field, node.len.checked_mul(width)),
                None => Err(self.wrong(field, "is of a type that this format does not use")),
            },
        }
    }

    fn text(&mut self, field: &Field, len: usize, width: usize) -> Result<()> {
        self.sized(field, offsets_len(len, width))?;
        self.buffer(field, None)
    }

    /// Takes the next buffer, of a length that follows from the node's; `None` where that is too large to be.
    fn sized(&mut self, field: &Field, needed: Option<usize>) -> Result<()> {
        match needed {
            Some(needed) => self.buffer(field, Some(needed)),
            None => Err(self.wrong(field, "has more values than there can be")),
        }
    }

    fn node(&mut self, field: &Field, len: Option<usize>) -> Result<Node> {
        let nodes = self.batch.nodes().filter(|nodes| self.nodes.len() < nodes.len());
        let node = *nodes.ok_or_else(|| self.wrong(field, "has no node"))?.get(self.nodes.len());
        let read = |value: i64| usize::try_from(value).ok();
        let (Some(node_len), Some(nulls)) = (read(node.length()), read(node.null_count())) else {
            return Err(self.wrong(field, "has a negative length"));
        };
        if len.is_some_and(|len| len != node_len) || node_len > i32::MAX as usize && len.is_none() {
            return Err(self.wrong(field, "does not have as many values as it should"));
        }
        if nulls > node_len || nulls > 0 && !field.is_nullable() {
            return Err(self.wrong(field, "has more nulls than it may have"));
        }
        let node = Node { len: node_len, nulls };
        self.nodes.push(node);
        Ok(node)
    }

    /// The validity bits: they may be left out where nothing is null.
    fn validity(&mut self, field: &Field, node: Node) -> Result<()> {
        let bits = node.len.div_ceil(8);
        let needed = if node.nulls == 0 && self.peek(field)? == 0 { 0 } else { bits };
        self.buffer(field, Some(needed))
    }

    fn peek(&self, field: &Field) -> Result<u64> {
        Ok(self.raw_buffer(field)?.1)
    }

    fn raw_buffer(&self, field: &Field) -> Result<(u64, u64)> {
        let buffers = self.batch.buffers().filter(|buffers| self.buffers.len() < buffers.len());
        let buffer = *buffers.ok_or_else(|| self.wrong(field, "has too few buffers"))?.get(self.buffers.len());
        match (u64::try_from(buffer.offset()), u64::try_from(buffer.length())) {
            (Ok(offset), Ok(len)) => Ok((offset, len)),
            _ => Err(self.wrong(field, "has a buffer at a negative place")),
        }
    }

    /// Takes the next buffer, which must start where the last one ended; `needed` bytes of it where that is known.
    fn buffer(&mut self, field: &Field, needed: Option<usize>) -> Result<()> {
        let (offset, len) = self.raw_buffer(field)?;
        let body = self.block.body();
        let start = body.start.checked_add(offset).filter(|start| *start == self.at);
        let end = start.and_then(|start| start.checked_add(len)).filter(|end| *end <= body.end);
        let (Some(start), Some(end)) = (start, end) else {
            return Err(self.wrong(field, "has a buffer that does not follow the one before it"));
        };
        let fits = match needed {
            Some(needed) if self.compressed => self.may_inflate_to(len, needed as u64),
            Some(needed) => len == needed as u64,
            None => true,
        };
        if !fits {
            return Err(self.wrong(field, "has a buffer of another length than its type needs"));
        }
        self.buffers.push(start..end);
        self.at = padded(end);
        if self.at > body.end { Err(self.wrong(field, "has a buffer that is cut short")) } else { Ok(()) }
    }

    fn may_inflate_to(&self, stored: u64, needed: u64) -> bool {
        if needed == 0 { stored == 0 } else { stored > 8 && needed <= inflate_limit(stored) }
    }

    fn end(&self) -> Result<()> {
        let all = |read: Option<usize>, taken: usize| read.unwrap_or(0) == taken;
        if !all(self.batch.nodes().map(|nodes| nodes.len()), self.nodes.len())
            || !all(self.batch.buffers().map(|buffers| buffers.len()), self.buffers.len())
            || self.at != self.block.body().end
        {
            return Err(wrong(self.block, "it holds more than its schema has"));
        }
        Ok(())
    }
}

fn offsets_len(len: usize, width: usize) -> Option<usize> {
    len.checked_add(1)?.checked_mul(width)
}

/// The most bytes that a compressed buffer of so many stored bytes may become.
pub fn inflate_limit(stored: u64) -> u64 {
    stored.saturating_mul(INFLATE_MAX).saturating_add(INFLATE_SLACK)
}

/// What a message's metadata says of its body.
pub struct BodyPlan {
    /// Rows (for a dictionary: values).
    pub rows: usize,
    /// All arrays, depth first.
    pub nodes: Vec<Node>,
    /// The stored length of all buffers, without padding.
    pub buffers: Vec<u64>,
    /// Whether buffers are zstd frames.
    pub compressed: bool,
}

/// The metadata of a record batch, to stand at `offset` of the file: prefix, flatbuffer and padding.
pub fn write_batch(plan: &BodyPlan, offset: u64) -> Vec<u8> {
    let mut fbb = FlatBufferBuilder::new();
    let batch = write_header(&mut fbb, plan);
    write_message(fbb, MessageHeader::RecordBatch, batch.as_union_value(), body_len(plan), offset)
}

/// The metadata of the `id`-th dictionary, to stand at `offset` of the file.
pub fn write_dictionary(plan: &BodyPlan, id: usize, offset: u64) -> Vec<u8> {
    let mut fbb = FlatBufferBuilder::new();
    let batch = write_header(&mut fbb, plan);
    let mut builder = DictionaryBatchBuilder::new(&mut fbb);
    builder.add_id(id as i64);
    builder.add_data(batch);
    let dictionary = builder.finish();
    write_message(fbb, MessageHeader::DictionaryBatch, dictionary.as_union_value(), body_len(plan), offset)
}

/// The schema message, to stand after the head of the file.
pub fn write_schema(schema: &Schema) -> Vec<u8> {
    let mut fbb = FlatBufferBuilder::new();
    let mut tracker = arrow_ipc::writer::DictionaryTracker::new(true);
    let schema = arrow_ipc::convert::IpcSchemaEncoder::new()
        .with_dictionary_tracker(&mut tracker)
        .schema_to_fb_offset(&mut fbb, schema);
    write_message(fbb, MessageHeader::Schema, schema.as_union_value(), 0, HEAD_LEN)
}

/// The length of a body: its buffers with their padding.
pub fn body_len(plan: &BodyPlan) -> u64 {
    plan.buffers.iter().map(|len| padded(*len)).sum()
}

fn write_header<'a>(fbb: &mut FlatBufferBuilder<'a>, plan: &BodyPlan) -> WIPOffset<arrow_ipc::RecordBatch<'a>> {
    let nodes: Vec<_> = plan.nodes.iter().map(|node| FieldNode::new(node.len as i64, node.nulls as i64)).collect();
    let nodes = fbb.create_vector(&nodes);
    let mut at = 0;
    let place = |len: &u64| {
        let buffer = arrow_ipc::Buffer::new(at as i64, *len as i64);
        at += padded(*len);
        buffer
    };
    let buffers: Vec<_> = plan.buffers.iter().map(place).collect();
    let buffers = fbb.create_vector(&buffers);
    let compression = plan.compressed.then(|| {
        let mut builder = BodyCompressionBuilder::new(fbb);
        builder.add_method(BodyCompressionMethod::BUFFER);
        builder.add_codec(CompressionType::ZSTD);
        builder.finish()
    });
    let mut builder = RecordBatchBuilder::new(fbb);
    builder.add_length(plan.rows as i64);
    builder.add_nodes(nodes);
    builder.add_buffers(buffers);
    if let Some(compression) = compression {
        builder.add_compression(compression);
    }
    builder.finish()
}

/// Frames a message so that what follows it in the file starts at a multiple of the alignment.
fn write_message(
    mut fbb: FlatBufferBuilder<'_>,
    header_type: MessageHeader,
    header: WIPOffset<UnionWIPOffset>,
    body_len: u64,
    offset: u64,
) -> Vec<u8> {
    let mut builder = MessageBuilder::new(&mut fbb);
    builder.add_version(MetadataVersion::V5);
    builder.add_header_type(header_type);
    builder.add_header(header);
    builder.add_bodyLength(body_len as i64);
    let root = builder.finish();
    arrow_ipc::finish_message_buffer(&mut fbb, root);
    let flatbuffer = fbb.finished_data();
    let end = padded(offset + 8 + flatbuffer.len() as u64);
    let mut bytes = Vec::with_capacity((end - offset) as usize);
    bytes.extend_from_slice(&[0xff; 4]);
    bytes.extend_from_slice(&((end - offset - 8) as i32).to_le_bytes());
    bytes.extend_from_slice(flatbuffer);
    bytes.resize((end - offset) as usize, 0);
    bytes
}
