//! What a file holds and does not show: values under nulls, and values of dictionaries that no row has.
//!
//! Readers never look there, so what was to be erased could lie there for ever. Writers leave nothing there.

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, DictionaryArray, OffsetSizeTrait};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::DataType;

/// The dictionaries of a file: which of their values some row has.
pub struct Used {
    of: Vec<Vec<bool>>,
    /// The dictionary that the walk over a column meets next.
    next: usize,
}

impl Used {
    /// Of a file with so many dictionaries, of which nothing was seen yet.
    pub fn new(dictionaries: usize) -> Self {
        Self { of: vec![Vec::new(); dictionaries], next: 0 }
    }

    /// Looks at a column of a batch, of which `first` is the first dictionary; says whether all that it holds can be seen.
    pub fn look(&mut self, column: &ArrayRef, first: usize) -> bool {
        self.next = first;
        self.shows_all(column.as_ref(), None)
    }

    /// The first value of a dictionary of `len` values that no row has.
    pub fn unused(&self, dictionary: usize, len: usize) -> Option<usize> {
        let used = self.of.get(dictionary)?;
        (0..len).find(|value| !used.get(*value).is_some_and(|used| *used))
    }

    /// `above` are the nulls of what the array is a part of.
    fn shows_all(&mut self, array: &dyn Array, above: Option<&NullBuffer>) -> bool {
        let gone = NullBuffer::union(above, array.nulls()).filter(|gone| gone.null_count() > 0);
        let gone = gone.as_ref();
        match array.data_type() {
            DataType::LargeUtf8 => is_closed(array.as_string::<i64>().offsets(), gone),
            DataType::LargeBinary => is_closed(array.as_binary::<i64>().offsets(), gone),
            DataType::List(_) => {
                let list = array.as_list::<i32>();
                is_closed(list.offsets(), gone) & self.shows_all(list.values().as_ref(), None)
            }
            DataType::FixedSizeList(_, size) => {
                let of_items = gone.map(|gone| gone.expand(usize::try_from(*size).unwrap_or(0)));
                self.shows_all(array.as_fixed_size_list().values().as_ref(), of_items.as_ref())
            }
            DataType::Struct(_) => {
                let parts = array.as_struct().columns().iter();
                parts.fold(true, |all, part| self.shows_all(part.as_ref(), gone) & all)
            }
            DataType::Dictionary(..) => self.dictionary(array.as_dictionary::<Int32Type>(), gone),
            DataType::Boolean => {
                let values = array.as_boolean().values();
                rows(gone).all(|row| !values.value(row))
            }
            ty => {
                let width = match ty {
                    DataType::FixedSizeBinary(size) => usize::try_from(*size).unwrap_or(0),
                    ty => ty.primitive_width().unwrap_or(0),
                };
                let data = array.to_data();
                let bytes = data.buffers().first().map_or(&[][..], |buffer| buffer.as_slice());
                let of = |row: usize| (row + data.offset()) * width..(row + data.offset() + 1) * width;
                rows(gone).all(|row| bytes.get(of(row)).is_none_or(|value| value.iter().all(|byte| *byte == 0)))
            }
        }
    }

    fn dictionary(&mut self, array: &DictionaryArray<Int32Type>, gone: Option<&NullBuffer>) -> bool {
        let (keys, values) = (array.keys(), array.values());
        if let Some(used) = self.of.get_mut(self.next) {
            used.resize(values.len(), false);
            let seen = (0..keys.len()).filter(|row| keys.is_valid(*row));
            seen.for_each(|row| used[keys.value(row) as usize] = true);
        }
        self.next += 1;
        let Some(names) = values.as_string_opt::<i32>() else { return false };
        // A key that must be there all the same is that of the empty text.
        rows(gone).all(|row| match keys.is_valid(row) {
            true => names.value(keys.value(row) as usize).is_empty(),
            false => keys.value(row) == 0,
        })
    }
}

/// The rows that are null.
fn rows(gone: Option<&NullBuffer>) -> impl Iterator<Item = usize> {
    let gone = gone.map(|gone| !gone.inner());
    gone.into_iter().flat_map(|gone| (0..gone.len()).filter(move |row| gone.value(*row)))
}

/// Whether no row that is null has any bytes or items.
fn is_closed<O: OffsetSizeTrait>(offsets: &OffsetBuffer<O>, gone: Option<&NullBuffer>) -> bool {
    rows(gone).all(|row| offsets[row] == offsets[row + 1])
}
