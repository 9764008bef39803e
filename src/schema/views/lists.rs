//! Lists in cells: resolved once, then plain indexing.

use super::Cell;
use super::read::{address_of, other_type, typed};
use crate::error::{Error, Result};
use crate::format::address::Address;
use crate::schema::rows::BoxCoords;
use arrow_array::types::{ArrowPrimitiveType, Float32Type, Int32Type, Int64Type};
use arrow_array::{
    Array, BooleanArray, DictionaryArray, FixedSizeListArray, LargeStringArray, ListArray, PrimitiveArray, StringArray,
    StructArray,
};
use std::ops::Range;

/// The items of a list: so many from `start` on in the array of all items.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) len: usize,
}

impl Span {
    /// Where the item with this number stands.
    pub(super) fn at(self, item: usize) -> Option<usize> {
        (item < self.len).then(|| self.start + item)
    }

    pub(super) fn range(self) -> Range<usize> {
        self.start..self.start + self.len
    }

    pub(super) fn of(array: &ListArray, row: usize) -> Self {
        let offset = |at: usize| array.value_offsets().get(at).map_or(0, |offset| (*offset).max(0) as usize);
        let start = offset(row).min(array.values().len());
        let end = offset(row + 1).clamp(start, array.values().len());
        let len = if array.is_null(row) { 0 } else { end - start };
        Self { start, len }
    }
}

/// A list column's cell: its items, and which of them; none for a null.
pub(super) fn list_opt(cell: Cell<'_>) -> Result<Option<(&dyn Array, Span)>> {
    let array = typed::<ListArray>(cell)?;
    Ok(array.is_valid(cell.row).then(|| (array.values().as_ref(), Span::of(array, cell.row))))
}

/// A list column's cell: its items, and which of them.
pub(super) fn list(cell: Cell<'_>) -> Result<(&dyn Array, Span)> {
    list_opt(cell)?.ok_or_else(|| Error::corrupt("there is a null where none may be"))
}

/// A list of structs.
#[derive(Clone, Copy)]
pub(super) struct Structs<'a>(&'a StructArray);

impl<'a> Structs<'a> {
    pub(super) fn new(items: &'a dyn Array) -> Result<Self> {
        items.as_any().downcast_ref().map(Self).ok_or_else(|| other_type(items))
    }

    fn part(self, number: usize) -> Result<&'a dyn Array> {
        match self.0.columns().get(number) {
            Some(part) if part.len() == self.0.len() => Ok(part.as_ref()),
            _ => Err(other_type(self.0)),
        }
    }

    fn typed<A: Array + 'static>(self, number: usize) -> Result<&'a A> {
        let part = self.part(number)?;
        part.as_any().downcast_ref().ok_or_else(|| other_type(part))
    }

    pub(super) fn text(self, number: usize) -> Result<Texts<'a>> {
        self.typed(number).map(Texts)
    }

    pub(super) fn dict(self, number: usize) -> Result<Names<'a>> {
        Names::new(self.typed(number)?)
    }

    pub(super) fn number<T: ArrowPrimitiveType>(self, number: usize) -> Result<Numbers<'a, T>> {
        self.typed(number).map(Numbers)
    }

    pub(super) fn flag(self, number: usize) -> Result<&'a BooleanArray> {
        self.typed(number)
    }

    pub(super) fn boxes(self, number: usize) -> Result<Boxes<'a>> {
        Boxes::new(self.typed(number)?)
    }

    pub(super) fn list(self, number: usize) -> Result<&'a ListArray> {
        self.typed(number)
    }
}

/// Texts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Texts<'a>(&'a LargeStringArray);

impl<'a> Texts<'a> {
    pub(super) fn get(self, row: usize) -> Option<&'a str> {
        (row < self.0.len() && self.0.is_valid(row)).then(|| self.0.value(row))
    }
}

/// Texts of a dictionary.
#[derive(Clone, Copy, Debug)]
pub(super) struct Names<'a> {
    keys: &'a PrimitiveArray<Int32Type>,
    values: &'a StringArray,
}

impl<'a> Names<'a> {
    pub(super) fn new(array: &'a DictionaryArray<Int32Type>) -> Result<Self> {
        let values = array.values().as_any().downcast_ref().ok_or_else(|| other_type(array))?;
        Ok(Self { keys: array.keys(), values })
    }

    pub(super) fn get(self, row: usize) -> Option<&'a str> {
        if row >= self.keys.len() || self.keys.is_null(row) {
            return None;
        }
        let key = usize::try_from(self.keys.value(row)).ok()?;
        (key < self.values.len() && self.values.is_valid(key)).then(|| self.values.value(key))
    }
}

/// Numbers.
#[derive(Debug)]
pub(super) struct Numbers<'a, T: ArrowPrimitiveType>(&'a PrimitiveArray<T>);

impl<T: ArrowPrimitiveType> Clone for Numbers<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ArrowPrimitiveType> Copy for Numbers<'_, T> {}

impl<'a, T: ArrowPrimitiveType> Numbers<'a, T> {
    /// The numbers of these items.
    pub(super) fn of_items(items: &'a dyn Array) -> Result<Self> {
        items.as_any().downcast_ref().map(Self).ok_or_else(|| other_type(items))
    }

    pub(super) fn get(self, row: usize) -> Option<T::Native> {
        (row < self.0.len() && self.0.is_valid(row)).then(|| self.0.value(row))
    }

    /// The number, or 0 where there is none.
    pub(super) fn plain(self, row: usize) -> T::Native {
        self.get(row).unwrap_or_default()
    }

    pub(super) fn slice(self, span: Span) -> &'a [T::Native] {
        self.0.values().get(span.range()).unwrap_or_default()
    }
}

/// Boxes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Boxes<'a> {
    boxes: &'a FixedSizeListArray,
    values: &'a [f32],
}

impl<'a> Boxes<'a> {
    fn new(boxes: &'a FixedSizeListArray) -> Result<Self> {
        if boxes.value_length() != 4 {
            return Err(other_type(boxes));
        }
        let values = Numbers::<Float32Type>::of_items(boxes.values().as_ref())?;
        Ok(Self { boxes, values: values.0.values() })
    }

    pub(super) fn get(self, row: usize) -> Option<BoxCoords> {
        if row >= self.boxes.len() || self.boxes.is_null(row) {
            return None;
        }
        self.values.get(row * 4..row * 4 + 4)?.try_into().ok()
    }
}

/// The addresses of a list, every one checked to be an address.
#[derive(Clone, Copy, Debug)]
pub struct Addresses<'a>(&'a [i64]);

impl<'a> Addresses<'a> {
    pub(super) fn of_cell(cell: Cell<'a>) -> Result<Self> {
        let (items, span) = list(cell)?;
        let values = Numbers::<Int64Type>::of_items(items)?.slice(span);
        check_addresses(values)?;
        Ok(Self(values))
    }

    /// Those of one list of many, whose values were checked.
    pub(super) fn checked(values: &'a [i64]) -> Self {
        Self(values)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The one with this number, counted from 0.
    pub fn get(&self, number: usize) -> Option<Address> {
        self.0.get(number).and_then(|value| Address::new(*value).ok())
    }

    /// All of them in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Address> + Clone + use<'a> {
        self.0.iter().filter_map(|value| Address::new(*value).ok())
    }

    /// As they stand in the file.
    pub fn values(&self) -> &'a [i64] {
        self.0
    }
}

/// # Errors
/// `Corrupt` when one of the values is no address.
pub(super) fn check_addresses(values: &[i64]) -> Result<()> {
    values.iter().try_for_each(|value| address_of(*value).map(drop))
}

/// Gives a list view (a `Copy` struct with a `span`) and its items (a struct of the list and the item's row) the
/// methods that all have.
macro_rules! list_methods {
    ($list:ident of $item:ident) => {
        impl<'a> $list<'a> {
            /// How many there are.
            pub fn len(&self) -> usize {
                self.span.len
            }

            /// Whether there is none.
            pub fn is_empty(&self) -> bool {
                self.span.len == 0
            }

            /// The one with this number, counted from 0.
            pub fn get(&self, number: usize) -> Option<$item<'a>> {
                self.span.at(number).map(|row| $item { list: *self, row })
            }

            /// All of them in order.
            pub fn iter(&self) -> impl DoubleEndedIterator<Item = $item<'a>> + ExactSizeIterator + Clone + use<'a> {
                let list = *self;
                self.span.range().map(move |row| $item { list, row })
            }
        }
    };
}
pub(super) use list_methods;
