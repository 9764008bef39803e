//! Buffers to arrays, after the message has been checked: everything that Arrow would trust is validated.

use crate::error::{Error, Result};
use crate::format::message::{BatchLayout, ColumnLayout, Node, inflate_limit};
use arrow_array::{ArrayRef, make_array};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer};
use arrow_data::{ArrayData, ArrayDataBuilder};
use arrow_schema::{DataType, Field};
use std::ops::Range;

/// Decodes the columns of one batch, or one dictionary.
pub struct Decoder<'a> {
    /// The column's bytes, and where in the file they start.
    pub segment: &'a Buffer,
    pub start: u64,
    pub layout: &'a BatchLayout,
    /// The file's dictionaries, from the first of this column on.
    pub dictionaries: &'a [ArrayRef],
}

impl Decoder<'_> {
    /// Decodes a top-level column: `field` is its field, `column` its place in the layout.
    ///
    /// # Errors
    /// `Corrupt` when offsets do not ascend, text is not UTF-8, a dictionary's key has no value, or nulls stand
    /// where they must not.
    pub fn column(&self, field: &Field, column: &ColumnLayout) -> Result<ArrayRef> {
        let mut walk = Walk {
            decoder: self,
            nodes: self.layout.nodes.get(column.nodes.clone()).unwrap_or(&[]).iter(),
            buffers: self.layout.buffers.get(column.buffers.clone()).unwrap_or(&[]).iter(),
            dictionaries: self.dictionaries.iter(),
        };
        Ok(make_array(walk.field(field)?))
    }

    fn stored(&self, range: &Range<u64>) -> Option<Buffer> {
        let start = usize::try_from(range.start.checked_sub(self.start)?).ok()?;
        let len = usize::try_from(range.end.checked_sub(range.start)?).ok()?;
        let fits = start.checked_add(len)? <= self.segment.len();
        fits.then(|| self.segment.slice_with_length(start, len))
    }
}

fn wrong(field: &Field, what: &str) -> Error {
    Error::corrupt(format!("column `{}` holds values that cannot be: {what}", field.name()))
}

struct Walk<'a> {
    decoder: &'a Decoder<'a>,
    nodes: std::slice::Iter<'a, Node>,
    buffers: std::slice::Iter<'a, Range<u64>>,
    dictionaries: std::slice::Iter<'a, ArrayRef>,
}

impl Walk<'_> {
    fn field(&mut self, field: &Field) -> Result<ArrayData> {
        let node = *self.nodes.next().ok_or_else(|| wrong(field, "a node is missing"))?;
        let nulls = self.nulls(field, node)?;
        let mut builder = ArrayDataBuilder::new(field.data_type().clone()).len(node.len).nulls(nulls);
        builder = match field.data_type() {
            DataType::LargeUtf8 | DataType::LargeBinary => self.text(field, builder, node, 8)?,
            DataType::Utf8 => self.text(field, builder, node, 4)?,
            DataType::List(item) => {
                let offsets = self.offsets(field, node, 4)?;
                let child = self.field(item)?;
                last_offset_is(field, &offsets, 4, child.len())?;
                builder.add_buffer(offsets).add_child_data(child)
            }
            DataType::FixedSizeList(item, _) => builder.add_child_data(self.field(item)?),
            DataType::Struct(parts) => {
                for part in parts {
                    builder = builder.add_child_data(self.field(part)?);
                }
                builder
            }
            DataType::Dictionary(..) => {
                let keys = self.fixed(field, node.len.saturating_mul(4))?;
                let values = self.dictionaries.next().ok_or_else(|| wrong(field, "its dictionary is missing"))?;
                builder.add_buffer(keys).add_child_data(values.to_data())
            }
            DataType::Boolean => builder.add_buffer(self.fixed(field, node.len.div_ceil(8))?),
            DataType::FixedSizeBinary(size) => {
                let size = usize::try_from(*size).unwrap_or(0);
                builder.add_buffer(self.fixed(field, node.len.saturating_mul(size))?)
            }
            ty => {
                let width = ty.primitive_width().ok_or_else(|| wrong(field, "its type is not part of the format"))?;
                builder.add_buffer(self.fixed(field, node.len.saturating_mul(width))?)
            }
        };
        // `build` validates this level: lengths, every offset, UTF-8, keys, nulls. Children were built before it.
        builder.build().map_err(|error| wrong(field, &error.to_string()))
    }

    fn nulls(&mut self, field: &Field, node: Node) -> Result<Option<NullBuffer>> {
        let bits = self.buffer(field, None)?;
        if bits.is_empty() {
            return Ok(None);
        }
        if bits.len() < node.len.div_ceil(8) {
            return Err(wrong(field, "its validity bits are cut short"));
        }
        let nulls = NullBuffer::new(BooleanBuffer::new(bits, 0, node.len));
        if nulls.null_count() != node.nulls {
            return Err(wrong(field, "it does not have as many nulls as it says"));
        }
        Ok((node.nulls > 0).then_some(nulls))
    }

    fn text(&mut self, field: &Field, builder: ArrayDataBuilder, node: Node, width: usize) -> Result<ArrayDataBuilder> {
        let offsets = self.offsets(field, node, width)?;
        let values = self.buffer(field, None)?;
        last_offset_is(field, &offsets, width, values.len())?;
        Ok(builder.add_buffer(offsets).add_buffer(values))
    }

    fn offsets(&mut self, field: &Field, node: Node, width: usize) -> Result<Buffer> {
        let offsets = self.fixed(field, (node.len + 1).saturating_mul(width))?;
        match read_offset(&offsets, 0, width) {
            Some(0) => Ok(offsets),
            _ => Err(wrong(field, "its offsets do not start at 0")),
        }
    }

    fn fixed(&mut self, field: &Field, len: usize) -> Result<Buffer> {
        let buffer = self.buffer(field, Some(len as u64))?;
        if buffer.len() != len {
            return Err(wrong(field, "a buffer is of another length than its type needs"));
        }
        Ok(buffer)
    }

    fn buffer(&mut self, field: &Field, needed: Option<u64>) -> Result<Buffer> {
        let range = self.buffers.next().ok_or_else(|| wrong(field, "a buffer is missing"))?;
        let stored = self.decoder.stored(range).ok_or_else(|| wrong(field, "a buffer is cut short"))?;
        if !self.decoder.layout.compressed {
            return Ok(stored);
        }
        if stored.is_empty() {
            // Not a slice, which would keep the compressed bytes alive.
            return Ok(Buffer::from(&[0u8; 0]));
        }
        inflate(&stored, needed).ok_or_else(|| wrong(field, "a compressed buffer cannot be unpacked"))
    }
}

/// Unpacks a buffer: its length in front says how long it becomes, −1 that it is stored as it is.
fn inflate(stored: &Buffer, needed: Option<u64>) -> Option<Buffer> {
    let (len, frame) = stored.split_first_chunk::<8>()?;
    let len = i64::from_le_bytes(*len);
    if len == -1 {
        return Some(stored.slice(8))
            .filter(|raw| needed.is_none_or(|needed| raw.len() as u64 == needed))
            .map(realigned);
    }
    let len = u64::try_from(len).ok()?;
    if needed.is_some_and(|needed| needed != len) || len > inflate_limit(stored.len() as u64) {
        return None;
    }
    let bytes = zstd::bulk::decompress(frame, usize::try_from(len).ok()?).ok()?;
    (bytes.len() as u64 == len).then(|| realigned(Buffer::from_vec(bytes)))
}

/// A buffer that starts where any type may start.
fn realigned(buffer: Buffer) -> Buffer {
    if buffer.as_ptr().align_offset(16) == 0 {
        return buffer;
    }
    Buffer::from(buffer.as_slice())
}

fn read_offset(offsets: &Buffer, index: usize, width: usize) -> Option<usize> {
    let bytes = offsets.get(index * width..(index + 1) * width)?;
    match width {
        4 => usize::try_from(i32::from_le_bytes(bytes.try_into().ok()?)).ok(),
        _ => usize::try_from(i64::from_le_bytes(bytes.try_into().ok()?)).ok(),
    }
}

fn last_offset_is(field: &Field, offsets: &Buffer, width: usize, end: usize) -> Result<()> {
    if read_offset(offsets, offsets.len() / width - 1, width) == Some(end) {
        return Ok(());
    }
    Err(wrong(field, "its offsets do not end where its values end"))
}
