//! What an array shows: values that stand under nulls are left behind, so that no file holds what nobody can read.
//!
//! Arrow lets anything stand under a null, and kernels that set nulls leave the values there. Where there is nothing,
//! as our own builders have it, arrays stay as they are and nothing is copied.

use crate::error::Result;
use arrow_array::types::ByteArrayType;
use arrow_array::{Array, BooleanArray, GenericByteArray, ListArray, OffsetSizeTrait};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_select::filter::filter;
use std::borrow::Cow;
use std::ops::Range;

/// The rows that are null.
fn gone_rows(gone: &NullBuffer) -> impl Iterator<Item = usize> {
    let gone = !gone.inner();
    (0..gone.len()).filter(move |row| gone.value(*row))
}

/// Where the values of a row lie.
fn range<O: OffsetSizeTrait>(offsets: &OffsetBuffer<O>, row: usize) -> Range<usize> {
    offsets[row].as_usize()..offsets[row + 1].as_usize()
}

fn hides<O: OffsetSizeTrait>(offsets: &OffsetBuffer<O>, gone: &NullBuffer) -> bool {
    match gone.null_count() == gone.len() {
        true => offsets[0] != offsets[gone.len()],
        false => gone_rows(gone).any(|row| !range(offsets, row).is_empty()),
    }
}

/// Offsets of the same values without those under nulls.
fn closed<O: OffsetSizeTrait>(offsets: &OffsetBuffer<O>, gone: &NullBuffer) -> OffsetBuffer<O> {
    let mut end = O::usize_as(0);
    let ends = (0..gone.len()).map(|row| {
        if gone.is_valid(row) {
            end = end + offsets[row + 1] - offsets[row];
        }
        end
    });
    OffsetBuffer::new(std::iter::once(O::usize_as(0)).chain(ends).collect::<ScalarBuffer<O>>())
}

/// Bits that are 0 under nulls.
pub fn bools(bits: &BooleanBuffer, gone: Option<&NullBuffer>) -> BooleanBuffer {
    gone.map_or_else(|| bits.clone(), |gone| bits & gone.inner())
}

/// Text or bytes that are empty under nulls.
///
/// # Errors
/// `Corrupt` when what is left is no such array.
pub fn bytes<'a, T: ByteArrayType>(
    array: &'a GenericByteArray<T>,
    gone: Option<&NullBuffer>,
) -> Result<Cow<'a, GenericByteArray<T>>> {
    let Some(gone) = gone.filter(|gone| hides(array.offsets(), gone)) else { return Ok(Cow::Borrowed(array)) };
    let mut values = Vec::with_capacity(array.value_data().len());
    for row in gone.valid_indices() {
        values.extend_from_slice(&array.value_data()[range(array.offsets(), row)]);
    }
    let offsets = closed(array.offsets(), gone);
    Ok(Cow::Owned(GenericByteArray::try_new(offsets, Buffer::from_vec(values), array.nulls().cloned())?))
}

/// Lists that are empty under nulls.
///
/// # Errors
/// `Corrupt` when Arrow cannot gather the items.
pub fn list<'a>(array: &'a ListArray, gone: Option<&NullBuffer>) -> Result<Cow<'a, ListArray>> {
    let Some(gone) = gone.filter(|gone| hides(array.offsets(), gone)) else { return Ok(Cow::Borrowed(array)) };
    let mut shown = vec![false; array.values().len()];
    for row in gone.valid_indices() {
        shown[range(array.offsets(), row)].fill(true);
    }
    let items = filter(array.values(), &BooleanArray::from(shown))?;
    let arrow_schema::DataType::List(field) = array.data_type() else { return Ok(Cow::Borrowed(array)) };
    let offsets = closed(array.offsets(), gone);
    Ok(Cow::Owned(ListArray::try_new(field.clone(), offsets, items, array.nulls().cloned())?))
}

/// Values of a fixed width that are zero under nulls; `rows` is how many there are.
pub fn fixed(values: Buffer, rows: usize, gone: Option<&NullBuffer>) -> Buffer {
    let Some(gone) = gone else { return values };
    let width = values.len() / rows.max(1);
    let of = |row: usize| row * width..(row + 1) * width;
    let is_clear = match gone.null_count() == gone.len() {
        true => is_zero(&values),
        false => gone_rows(gone).all(|row| is_zero(&values[of(row)])),
    };
    if is_clear {
        return values;
    }
    let mut cleared = values.to_vec();
    gone_rows(gone).for_each(|row| cleared[of(row)].fill(0));
    Buffer::from_vec(cleared)
}

/// Whether all bytes are 0; many are looked at together.
fn is_zero(bytes: &[u8]) -> bool {
    bytes.chunks(64).all(|chunk| chunk.iter().fold(0, |any, byte| any | byte) == 0)
}
