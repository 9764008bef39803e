//! Arrays to the buffers of a message: sliced arrays are straightened, dictionary keys become the file's, and what stands
//! under a null is left behind.

use crate::error::{Error, Result};
use crate::format::message::Node;
use crate::write::dictionary::Interner;
use crate::write::shown;
use arrow_array::cast::AsArray;
use arrow_array::types::{ByteArrayType, Int32Type};
use arrow_array::{Array, ArrayRef, GenericByteArray, OffsetSizeTrait};
use arrow_buffer::{Buffer, NullBuffer, OffsetBuffer};
use arrow_schema::DataType;

/// The nodes and buffers of one top-level column, depth first.
#[derive(Default)]
pub struct EncodedColumn {
    pub nodes: Vec<Node>,
    pub buffers: Vec<Buffer>,
}

/// Encodes columns; `interners` has one entry per dictionary of the schema, in depth-first order.
pub struct Encoder<'a> {
    interners: &'a mut [Interner],
    next: usize,
}

impl<'a> Encoder<'a> {
    pub fn new(interners: &'a mut [Interner]) -> Self {
        Self { interners, next: 0 }
    }

    /// Encodes the next column of the schema.
    pub fn column(&mut self, array: &ArrayRef, nullable: bool) -> Result<EncodedColumn> {
        let mut column = EncodedColumn::default();
        self.array(array.as_ref(), nullable, None, &mut column)?;
        Ok(column)
    }

    /// What may not be null gets no validity bits: below a null list or struct, arrays often have some all the same.
    /// `above` are the nulls of what the array is a part of.
    fn array(
        &mut self,
        array: &dyn Array,
        nullable: bool,
        above: Option<&NullBuffer>,
        out: &mut EncodedColumn,
    ) -> Result<()> {
        let gone = NullBuffer::union(above, array.nulls()).filter(|gone| gone.null_count() > 0);
        let gone = gone.as_ref();
        let nulls = gone.filter(|_| nullable);
        out.nodes.push(Node { len: array.len(), nulls: nulls.map_or(0, NullBuffer::null_count) });
        out.buffers.push(nulls.map_or_else(empty, |nulls| bits(nulls.inner())));
        match array.data_type() {
            DataType::Boolean => out.buffers.push(bits(&shown::bools(array.as_boolean().values(), gone))),
            DataType::LargeUtf8 => self.bytes(shown::bytes(array.as_string::<i64>(), gone)?.as_ref(), out),
            DataType::LargeBinary => self.bytes(shown::bytes(array.as_binary::<i64>(), gone)?.as_ref(), out),
            DataType::Utf8 => self.bytes(shown::bytes(array.as_string::<i32>(), gone)?.as_ref(), out),
            DataType::List(item) => {
                let list = shown::list(array.as_list::<i32>(), gone)?;
                let (first, last) = span(list.offsets());
                out.buffers.push(rebased(list.offsets()));
                self.array(&list.values().slice(first, last - first), item.is_nullable(), None, out)?;
            }
            DataType::FixedSizeList(item, size) => {
                let of_items = gone.map(|gone| gone.expand(usize::try_from(*size).unwrap_or(0)));
                let items = array.as_fixed_size_list().values();
                self.array(items, item.is_nullable(), of_items.as_ref(), out)?;
            }
            DataType::Struct(fields) => {
                for (part, field) in array.as_struct().columns().iter().zip(fields) {
                    self.array(part, field.is_nullable(), gone, out)?;
                }
            }
            DataType::Dictionary(..) => {
                let dictionary = array.as_dictionary::<Int32Type>();
                out.buffers.push(self.interner()?.remap(dictionary, gone, nullable)?.into_inner());
            }
            _ => out.buffers.push(shown::fixed(values(array)?, array.len(), gone)),
        }
        Ok(())
    }

    fn interner(&mut self) -> Result<&mut Interner> {
        let interner = self.interners.get_mut(self.next);
        self.next += 1;
        interner.ok_or_else(|| Error::invalid("the batch has more dictionaries than its schema"))
    }

    fn bytes<T: ByteArrayType>(&self, array: &GenericByteArray<T>, out: &mut EncodedColumn) {
        let (first, last) = span(array.offsets());
        out.buffers.push(rebased(array.offsets()));
        out.buffers.push(array.values().slice_with_length(first, last - first));
    }
}

fn empty() -> Buffer {
    Buffer::from(&[0u8; 0])
}

/// The first and the last offset.
fn span<O: OffsetSizeTrait>(offsets: &OffsetBuffer<O>) -> (usize, usize) {
    (offsets[0].as_usize(), offsets[offsets.len() - 1].as_usize())
}

/// Offsets that start at 0: as they are where they do.
fn rebased<O: OffsetSizeTrait>(offsets: &OffsetBuffer<O>) -> Buffer {
    let first = offsets[0];
    if first == O::usize_as(0) {
        return offsets.inner().inner().slice_with_length(0, size_of_val::<[O]>(offsets));
    }
    Buffer::from_iter(offsets.iter().map(|offset| *offset - first))
}

/// Bits from the first byte on, with zeros behind the last: the same rows always give the same bytes.
fn bits(bits: &arrow_buffer::BooleanBuffer) -> Buffer {
    let mut bytes = vec![0u8; bits.len().div_ceil(8)];
    for index in bits.set_indices() {
        bytes[index / 8] |= 1 << (index % 8);
    }
    Buffer::from_vec(bytes)
}

/// The values of an array of a fixed width.
fn values(array: &dyn Array) -> Result<Buffer> {
    let width = match array.data_type() {
        DataType::FixedSizeBinary(len) => *len as usize,
        ty => {
            ty.primitive_width().ok_or_else(|| Error::unsupported(format!("columns of type {ty} cannot be written")))?
        }
    };
    let data = array.to_data();
    let start = data.offset() * width;
    Ok(data.buffers()[0].slice_with_length(start, array.len() * width))
}
