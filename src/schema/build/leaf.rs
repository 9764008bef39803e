//! Builders of columns without parts.

use crate::error::Result;
use crate::format::address::Address;
use crate::schema::rows::BoxCoords;
use arrow_array::builder::{ArrayBuilder, BooleanBuilder, LargeStringBuilder, PrimitiveBuilder};
use arrow_array::types::{ArrowPrimitiveType, Float32Type, Int32Type, Int64Type};
use arrow_array::{
    ArrayRef, DictionaryArray, FixedSizeBinaryArray, FixedSizeListArray, Float32Array, PrimitiveArray, StringArray,
};
use arrow_buffer::{Buffer, NullBufferBuilder, OffsetBuffer, ScalarBuffer};
use arrow_schema::{DataType, Field};
use std::collections::HashMap;
use std::sync::Arc;

/// For how many bytes of text room is made before there are any.
const ROOM: usize = 8 << 20;

/// A `text` column.
#[derive(Debug, Default)]
pub(super) struct Text {
    values: LargeStringBuilder,
    /// Nulls behind the values. They are appended together: most columns that may be null say nothing for long.
    nulls: usize,
}

impl Text {
    pub(super) fn push(&mut self, text: &str) {
        self.settled().append_value(text);
    }

    pub(super) fn push_opt(&mut self, text: &Option<String>) {
        match text {
            Some(text) => self.push(text),
            None => self.nulls += 1,
        }
    }

    fn settled(&mut self) -> &mut LargeStringBuilder {
        if self.nulls > 0 {
            self.values.append_nulls(std::mem::take(&mut self.nulls));
        }
        &mut self.values
    }

    pub(super) fn finish(&mut self) -> ArrayRef {
        let values = self.settled();
        // The next batch is about as long: room for it is made once.
        let next = LargeStringBuilder::with_capacity(values.len(), values.values_slice().len().min(ROOM));
        Arc::new(std::mem::replace(values, next).finish())
    }
}

/// A column of numbers.
#[derive(Debug)]
pub(super) struct Number<T: ArrowPrimitiveType> {
    values: PrimitiveBuilder<T>,
    /// Nulls behind the values.
    nulls: usize,
}

impl<T: ArrowPrimitiveType> Default for Number<T> {
    fn default() -> Self {
        Self { values: PrimitiveBuilder::new(), nulls: 0 }
    }
}

impl<T: ArrowPrimitiveType> Number<T> {
    pub(super) fn push(&mut self, value: T::Native) {
        self.settled().append_value(value);
    }

    pub(super) fn push_opt(&mut self, value: Option<T::Native>) {
        match value {
            Some(value) => self.push(value),
            None => self.nulls += 1,
        }
    }

    pub(super) fn extend(&mut self, values: &[T::Native]) {
        self.settled().append_slice(values);
    }

    fn settled(&mut self) -> &mut PrimitiveBuilder<T> {
        if self.nulls > 0 {
            self.values.append_nulls(std::mem::take(&mut self.nulls));
        }
        &mut self.values
    }

    /// The numbers by themselves.
    fn finish_numbers(&mut self) -> PrimitiveArray<T> {
        let values = self.settled();
        let next = PrimitiveBuilder::with_capacity(values.len().min(ROOM / size_of::<T::Native>()));
        std::mem::replace(values, next).finish()
    }

    pub(super) fn finish(&mut self) -> ArrayRef {
        Arc::new(self.finish_numbers())
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
    /// Nulls behind the keys.
    nulls: usize,
    /// The values' bytes, one after another, and where each ends. [`super::load::Load`] keeps them below 2³¹.
    bytes: Vec<u8>,
    ends: Vec<i32>,
    known: HashMap<Box<str>, i32>,
    /// The keys of the values that came last, by their last bytes: most columns have few values.
    recent: [i32; Dict::RECENT],
}

impl Default for Dict {
    fn default() -> Self {
        Self {
            keys: Vec::new(),
            valid: NullBufferBuilder::new(0),
            nulls: 0,
            bytes: Vec::new(),
            ends: vec![0],
            known: HashMap::new(),
            recent: [0; Dict::RECENT],
        }
    }
}

impl Dict {
    const RECENT: usize = 16;

    pub(super) fn push(&mut self, value: &str) {
        let key = self.key(value);
        self.settle();
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
        self.nulls += 1;
    }

    fn settle(&mut self) {
        if self.nulls > 0 {
            self.keys.resize(self.keys.len() + self.nulls, 0);
            self.valid.append_n_nulls(std::mem::take(&mut self.nulls));
        }
    }

    fn key(&mut self, value: &str) -> i32 {
        let last = value.as_bytes().last().map_or(0, |byte| usize::from(*byte) % Self::RECENT);
        let recent = self.recent[last];
        if self.value(recent) == Some(value.as_bytes()) {
            return recent;
        }
        let key = match self.known.get(value) {
            Some(key) => *key,
            None => {
                let key = (self.ends.len() - 1) as i32;
                self.bytes.extend_from_slice(value.as_bytes());
                self.ends.push(self.bytes.len() as i32);
                self.known.insert(value.into(), key);
                key
            }
        };
        self.recent[last] = key;
        key
    }

    /// The value of a key, where there is one.
    fn value(&self, key: i32) -> Option<&[u8]> {
        let [start, end] = *self.ends.get(key as usize..)?.first_chunk::<2>()?;
        self.bytes.get(start as usize..end as usize)
    }

    pub(super) fn finish(&mut self) -> Result<ArrayRef> {
        self.settle();
        let next = Self { keys: Vec::with_capacity(self.keys.len()), ..Self::default() };
        let mut done = std::mem::replace(self, next);
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
        let next = Self { bytes: Vec::with_capacity(self.bytes.len().min(ROOM)), ..Self::default() };
        let mut done = std::mem::replace(self, next);
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
        let values: Arc<Float32Array> = Arc::new(self.values.finish_numbers());
        let item = Arc::new(Field::new("item", DataType::Float32, false));
        Ok(Arc::new(FixedSizeListArray::try_new(item, 4, values, self.valid.finish())?))
    }
}
