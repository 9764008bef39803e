//! Builders of list columns: where each list ends, and how the parts are put together.

use crate::error::{Error, Result};
use arrow_array::{ArrayRef, ListArray, StructArray};
use arrow_buffer::{NullBufferBuilder, OffsetBuffer, ScalarBuffer};
use arrow_schema::{DataType, FieldRef};
use std::sync::Arc;

/// The offsets of a list column.
#[derive(Debug)]
pub(super) struct Lists {
    ends: Vec<i32>,
    valid: NullBufferBuilder,
}

impl Default for Lists {
    fn default() -> Self {
        Self { ends: vec![0], valid: NullBufferBuilder::new(0) }
    }
}

impl Lists {
    /// Ends a list after so many more items. [`super::load::Load`] keeps their sum below 2³¹.
    pub(super) fn end(&mut self, items: usize) {
        self.ends.push(self.total() + items as i32);
        self.valid.append_non_null();
    }

    /// A null in place of a list.
    pub(super) fn null(&mut self) {
        self.ends.push(self.total());
        self.valid.append_null();
    }

    fn total(&self) -> i32 {
        self.ends.last().copied().unwrap_or(0)
    }

    /// The lists, of the type `ty`, whose items are `values`.
    pub(super) fn finish(&mut self, ty: &DataType, values: ArrayRef) -> Result<ArrayRef> {
        // The next batch is about as long: room for it is made once.
        let mut ends = Vec::with_capacity(self.ends.len());
        ends.push(0);
        let next = Self { ends, ..Self::default() };
        let mut done = std::mem::replace(self, next);
        let offsets = OffsetBuffer::new(ScalarBuffer::from(done.ends));
        Ok(Arc::new(ListArray::try_new(item_of(ty)?.clone(), offsets, values, done.valid.finish())?))
    }

    /// The lists, of the type `ty`, whose items are structs of these `parts`.
    pub(super) fn finish_structs(&mut self, ty: &DataType, parts: Vec<ArrayRef>) -> Result<ArrayRef> {
        let DataType::Struct(fields) = item_of(ty)?.data_type() else { return Err(other_type("structs", ty)) };
        let values = StructArray::try_new(fields.clone(), parts, None)?;
        self.finish(ty, Arc::new(values))
    }
}

/// The type of the part with this name of a list of structs.
pub(super) fn part_of<'a>(ty: &'a DataType, name: &str) -> Result<&'a DataType> {
    match item_of(ty)?.data_type() {
        DataType::Struct(fields) => match fields.find(name) {
            Some((_, field)) => Ok(field.data_type()),
            None => Err(other_type(name, ty)),
        },
        _ => Err(other_type("structs", ty)),
    }
}

/// The items of a list's type.
pub(super) fn item_of(ty: &DataType) -> Result<&FieldRef> {
    match ty {
        DataType::List(item) => Ok(item),
        _ => Err(other_type("a list", ty)),
    }
}

fn other_type(wanted: &str, ty: &DataType) -> Error {
    Error::invalid(format!("{wanted} was expected in the type {ty}"))
}
