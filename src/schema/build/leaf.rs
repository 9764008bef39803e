//! Builders of columns without parts.

use crate::error::Result;
use crate::format::address::Address;
use crate::schema::rows::BoxCoords;
use arrow_array::builder::{ArrayBuilder, BooleanBuilder, LargeStringBuilder, PrimitiveBuilder};
use arrow_array::types::{ArrowPrimitiveType, Float32Type, Int32Type, Int64Type};
use arrow_array::{ArrayRef, DictionaryArray, FixedSizeBinaryArray, FixedSizeListArray, Float32Array, StringArray};
use arrow_buffer::{Buffer, NullBufferBuilder, OffsetBuffer, ScalarBuffer};
use arrow_schema::{DataType, Field};
use std::collections::HashMap;
use std::sync::Arc;

/// For how many bytes of text room is made before there are any.
const ROOM: usize = 8 << 20;

/// A `text` column.
#[derive(Debug, Default)]
pub(super) struct Text(LargeStringBuilder);

impl Text {
    pub(super) fn push(&mut self, text: &str) {
        self.0.append_value(text);
    }

    pub(super) fn push_opt(&mut self, text: &Option<String>) {
        self.0.append_option(text.as_deref());
    }

    pub(super) fn finish(&mut self) -> ArrayRef {
        // The next batch is about as long: room for it is made once.
        let (items, bytes) = (self.0.len(), self.0.values_slice().len().min(ROOM));
        let done = std::mem::replace(&mut self.0, LargeStringBuilder::with_capacity(items, bytes)).finish();
        Arc::new(done)
    }
}

/// A column of numbers.
#[derive(Debug)]
pub(super) struct Number<T: ArrowPrimitiveType>(PrimitiveBuilder<T>);

impl<T: ArrowPrimitiveType> Default for Number<T> {
    fn default() -> Self {
        Self(PrimitiveBuilder::new())
    }
}

impl<T: ArrowPrimitiveType> Number<T> {
    pub(super) fn push(&mut self, value: T::Native) {
        self.0.append_value(value);
    }

    pub(super) fn push_opt(&mut self, value: Option<T::Native>) {
        self.0.append_option(value);
    }

    pub(super) fn extend(&mut self, values: &[T::Native]) {
        self.0.append_slice(values);
    }

    pub(super) fn finish(&mut self) -> ArrayRef {
        Arc::new(self.0.finish())
    }
}

/// A `ref` column.
pub(super) type Ref = Number<Int64Type>;

impl Ref {
    pub(super) fn push_address(&mut self, address: Address) {
        self.push(address.get());
    }

    pub(super) fn push_address_opt(&mut self, address: Option<Address>) {
        self.push_opt(address.map(Address::get));
    }

    pub(super) fn extend_addresses(&mut self, addresses: &[Address]) {
        for address in addresses {
            self.push(address.get());
        }
    }
}

/// A `bool` column.
#[derive(Debug, Default)]
pub(super) struct Flag(BooleanBuilder);

impl Flag {
    pub(super) fn push(&mut self, value: bool) {
        self.0.append_value(value);
    }

    pub(super) fn push_opt(&mut self, value: Option<bool>) {
        self.0.append_option(value);
    }

    pub(super) fn finish(&mut self) -> ArrayRef {
        Arc::new(self.0.finish())
    }
}

/// A `dict` column: keys, and its own dictionary in order of first appearance.
#[derive(Debug)]
pub(super) struct Dict {
    keys: Vec<i32>,
    valid: NullBufferBuilder,
    /// The values' bytes, one after another, and where each ends. [`super::load::Load`] keeps them below 2³¹.
    bytes: Vec<u8>,
    ends: Vec<i32>,
    known: HashMap<Box<str>, i32>,
}

impl Default for Dict {
    fn default() -> Self {
        Self {
            keys: Vec::new(),
            valid: NullBufferBuilder::new(0),
            bytes: Vec::new(),
            ends: vec![0],
            known: HashMap::new(),
        }
    }
}

impl Dict {
    /// Most columns have few values: so many are compared before the hash is asked.
    const COMPARED: usize = 4;

    pub(super) fn push(&mut self, value: &str) {
        let key = self.key(value);
        self.keys.push(key);
        self.valid.append_non_null();
    }

    pub(super) fn push_opt(&mut self, value: &Option<String>) {
        match value {
            Some(value) => self.push(value),
            None => self.push_null(),
        }
    }

    pub(super) fn push_null(&mut self) {
        self.keys.push(0);
        self.valid.append_null();
    }

    fn key(&mut self, value: &str) -> i32 {
        let firsts = self.ends.windows(2).take(Self::COMPARED);
        for (key, ends) in (0i32..).zip(firsts) {
            if &self.bytes[ends[0] as usize..ends[1] as usize] == value.as_bytes() {
                return key;
            }
        }
        if let Some(key) = self.known.get(value) {
            return *key;
        }
        let key = (self.ends.len() - 1) as i32;
        self.bytes.extend_from_slice(value.as_bytes());
        self.ends.push(self.bytes.len() as i32);
        self.known.insert(value.into(), key);
        key
    }

    pub(super) fn finish(&mut self) -> Result<ArrayRef> {
        let mut done = std::mem::take(self);
        let offsets = OffsetBuffer::new(ScalarBuffer::from(done.ends));
        let values = StringArray::try_new(offsets, Buffer::from_vec(done.bytes), None)?;
        let keys = arrow_array::PrimitiveArray::<Int32Type>::try_new(done.keys.into(), done.valid.finish())?;
        Ok(Arc::new(DictionaryArray::try_new(keys, Arc::new(values))?))
    }
}

/// A `fixed_size_binary(N)` column.
#[derive(Debug)]
pub(super) struct Digest<const N: usize> {
    bytes: Vec<u8>,
    valid: NullBufferBuilder,
}

impl<const N: usize> Default for Digest<N> {
    fn default() -> Self {
        Self { bytes: Vec::new(), valid: NullBufferBuilder::new(0) }
    }
}

impl<const N: usize> Digest<N> {
    pub(super) fn push(&mut self, value: &[u8; N]) {
        self.bytes.extend_from_slice(value);
        self.valid.append_non_null();
    }

    pub(super) fn push_opt(&mut self, value: &Option<[u8; N]>) {
        match value {
            Some(value) => self.push(value),
            None => {
                self.bytes.extend_from_slice(&[0; N]);
                self.valid.append_null();
            }
        }
    }

    pub(super) fn finish(&mut self) -> Result<ArrayRef> {
        let mut done = std::mem::take(self);
        let nulls = done.valid.finish();
        Ok(Arc::new(FixedSizeBinaryArray::try_new(N as i32, Buffer::from_vec(done.bytes), nulls)?))
    }
}

/// A column of boxes, `fixed_size_list<float32, 4>`.
#[derive(Debug)]
pub(super) struct Boxes {
    values: Number<Float32Type>,
    valid: NullBufferBuilder,
}

impl Default for Boxes {
    fn default() -> Self {
        Self { values: Number::default(), valid: NullBufferBuilder::new(0) }
    }
}

impl Boxes {
    pub(super) fn push_opt(&mut self, value: &Option<BoxCoords>) {
        self.values.extend(&value.unwrap_or_default());
        self.valid.append(value.is_some());
    }

    pub(super) fn finish(&mut self) -> Result<ArrayRef> {
        let values: Arc<Float32Array> = Arc::new(self.values.0.finish());
        let item = Arc::new(Field::new("item", DataType::Float32, false));
        Ok(Arc::new(FixedSizeListArray::try_new(item, 4, values, self.valid.finish())?))
    }
}
