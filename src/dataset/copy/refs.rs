//! The addresses in rows and columns, each replaced by another.

use crate::error::{Error, Result};
use crate::format::Address;
use crate::format::notation::ColumnType;
use crate::schema::rows::{AnnotationRow, ConversationRow, FrameRow, VideoRow};
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef, FixedSizeListArray, Int64Array, ListArray, StructArray};
use arrow_schema::DataType;
use std::sync::Arc;

/// Says which address takes another one's place.
pub type NewOf<'a> = &'a dyn Fn(Address) -> Result<Address>;

/// Rows that hold addresses.
pub trait Refer {
    /// Replaces each address.
    fn refer(&mut self, new: NewOf<'_>) -> Result<()>;
}

fn each<'a>(addresses: impl IntoIterator<Item = &'a mut Address>, new: NewOf<'_>) -> Result<()> {
    addresses.into_iter().try_for_each(|address| {
        *address = new(*address)?;
        Ok(())
    })
}

impl Refer for VideoRow {
    fn refer(&mut self, new: NewOf<'_>) -> Result<()> {
        each(self.case.iter_mut().chain(&mut self.blob), new)
    }
}

impl Refer for FrameRow {
    fn refer(&mut self, new: NewOf<'_>) -> Result<()> {
        let Self { case, video, parent, blob, .. } = self;
        each(case.iter_mut().chain(video).chain(parent).chain(blob), new)
    }
}

impl Refer for AnnotationRow {
    fn refer(&mut self, new: NewOf<'_>) -> Result<()> {
        each(self.parent.iter_mut().chain([&mut self.target]), new)?;
        each(self.regions.iter_mut().filter_map(|region| region.mask.as_mut()), new)
    }
}

impl Refer for ConversationRow {
    fn refer(&mut self, new: NewOf<'_>) -> Result<()> {
        each(self.case.iter_mut().chain(&mut self.annotations), new)?;
        let endings = self.alternatives.iter_mut().flat_map(|ending| &mut ending.media);
        each(self.media.iter_mut().chain(endings).flat_map(|medium| &mut medium.refs), new)?;
        let evidence = self.reasoning.iter_mut().flat_map(|node| &mut node.evidence);
        each(evidence.map(|evidence| &mut evidence.address), new)
    }
}

/// The same values of a column, each address replaced.
///
/// # Errors
/// `Corrupt` when the array is not of the type; what `new` returns.
pub fn column(ty: &ColumnType, array: &ArrayRef, new: NewOf<'_>) -> Result<ArrayRef> {
    if !ty.holds_refs() {
        return Ok(array.clone());
    }
    let unfit = || Error::corrupt(format!("a column of type {ty} holds values of type {}", array.data_type()));
    match ty {
        ColumnType::Ref => {
            let values = array.as_primitive_opt::<Int64Type>().ok_or_else(unfit)?;
            let mapped = values.iter().map(|value| match value {
                Some(value) => Ok(Some(new(Address::new(value)?)?.get())),
                None => Ok(None),
            });
            Ok(Arc::new(mapped.collect::<Result<Int64Array>>()?))
        }
        ColumnType::List(item) => {
            let list = array.as_list_opt::<i32>().ok_or_else(unfit)?;
            let DataType::List(field) = array.data_type() else { return Err(unfit()) };
            let values = column(item, list.values(), new)?;
            Ok(Arc::new(ListArray::try_new(field.clone(), list.offsets().clone(), values, list.nulls().cloned())?))
        }
        ColumnType::FixedList(item, len) => {
            let list = array.as_fixed_size_list_opt().ok_or_else(unfit)?;
            let DataType::FixedSizeList(field, _) = array.data_type() else { return Err(unfit()) };
            let values = column(item, list.values(), new)?;
            Ok(Arc::new(FixedSizeListArray::try_new(field.clone(), *len, values, list.nulls().cloned())?))
        }
        ColumnType::Struct(parts) => {
            let whole = array.as_struct_opt().ok_or_else(unfit)?;
            let mapped = parts.iter().zip(whole.columns()).map(|(part, values)| column(&part.ty, values, new));
            let mapped = mapped.collect::<Result<Vec<_>>>()?;
            Ok(Arc::new(StructArray::try_new(whole.fields().clone(), mapped, whole.nulls().cloned())?))
        }
        _ => Ok(array.clone()),
    }
}
