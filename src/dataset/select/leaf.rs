//! Tests on the values of a column's array.

use super::expr::{Check, Op, Value, wrong};
use super::like::Like;
use crate::error::{Error, Result};
use crate::format::Address;
use crate::format::notation::ColumnType;
use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType};
use arrow_buffer::{ArrowNativeType, BooleanBuffer};
use arrow_schema::DataType;
use memchr::memmem::Finder;
use std::cmp::Ordering;
use std::collections::HashSet;
use std::sync::Arc;

/// A test on a text.
pub enum TextTest {
    Compare(Op, String),
    In(HashSet<String>),
    Like(Like),
    Contains(Box<Finder<'static>>),
}

/// A test on a number.
pub enum NumberTest {
    Compare(Op, Number),
    In(Vec<Number>),
}

/// A number as it was written: whole, or not.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    Whole(i128),
    Real(f64),
}

impl TextTest {
    /// The test that a condition makes of texts.
    ///
    /// # Errors
    /// `Invalid` when there is none.
    pub fn new(check: &Check) -> Result<Self> {
        Ok(match check {
            Check::Compare(op, value) => Self::Compare(*op, value.text.clone()),
            Check::In(values) => Self::In(values.iter().map(|value| value.text.clone()).collect()),
            Check::Like(value) => Self::Like(Like::new(&value.text)),
            Check::Contains(value) => Self::Contains(Box::new(Finder::new(value.text.as_bytes()).into_owned())),
            Check::Exists | Check::Allows(_) => return Err(Error::invalid("the filter: a text has no licence")),
        })
    }

    pub fn holds(&self, text: &str) -> bool {
        match self {
            Self::Compare(op, other) => op.holds(Some(text.cmp(other))),
            Self::In(values) => values.contains(text),
            Self::Like(like) => like.holds(text),
            Self::Contains(finder) => finder.find(text.as_bytes()).is_some(),
        }
    }
}

impl Number {
    /// Reads a number.
    ///
    /// # Errors
    /// `Invalid` when it is none.
    pub fn of(value: &Value) -> Result<Self> {
        if let Ok(whole) = value.text.parse() {
            return Ok(Self::Whole(whole));
        }
        let real = value.text.parse::<f64>().ok().filter(|real| real.is_finite());
        real.map(Self::Real).ok_or_else(|| wrong(value.at.as_ref(), "a number was expected"))
    }

    /// Reads an address, or the number that it is.
    ///
    /// # Errors
    /// `Invalid` when it is none.
    fn of_address(value: &Value) -> Result<Self> {
        match value.text.parse::<Address>() {
            Ok(address) => Ok(Self::Whole(address.get().into())),
            Err(_) if value.text.contains(':') => {
                Err(wrong(value.at.as_ref(), "an address was expected, such as 7:16"))
            }
            Err(_) => Self::of(value),
        }
    }

    fn compare_whole(self, value: i128) -> Option<Ordering> {
        match self {
            Self::Whole(other) => Some(value.cmp(&other)),
            Self::Real(other) => (value as f64).partial_cmp(&other),
        }
    }

    fn compare_real(self, value: f64) -> Option<Ordering> {
        value.partial_cmp(&self.real())
    }

    /// As the column holds it: 0.1 is another number with 32 bits than with 64.
    fn compare_single(self, value: f32) -> Option<Ordering> {
        value.partial_cmp(&(self.real() as f32))
    }

    fn real(self) -> f64 {
        match self {
            Self::Whole(whole) => whole as f64,
            Self::Real(real) => real,
        }
    }
}

impl NumberTest {
    /// The test that a condition makes of numbers.
    ///
    /// # Errors
    /// `Invalid` when there is none.
    pub fn new(check: &Check) -> Result<Self> {
        Self::of(check, Number::of)
    }

    /// The test that a condition makes of addresses, written as they are shown (`7:16`).
    ///
    /// # Errors
    /// `Invalid` when there is none.
    pub fn of_addresses(check: &Check) -> Result<Self> {
        Self::of(check, Number::of_address)
    }

    fn of(check: &Check, number: impl Fn(&Value) -> Result<Number>) -> Result<Self> {
        Ok(match check {
            Check::Compare(op, value) => Self::Compare(*op, number(value)?),
            Check::In(values) => Self::In(values.iter().map(number).collect::<Result<_>>()?),
            Check::Like(value) | Check::Contains(value) => {
                return Err(wrong(value.at.as_ref(), "the column holds numbers: they have no parts"));
            }
            Check::Exists | Check::Allows(_) => return Err(Error::invalid("the filter: a number has no licence")),
        })
    }

    fn holds_with(&self, compare: impl Fn(Number) -> Option<Ordering>) -> bool {
        match self {
            Self::Compare(op, number) => op.holds(compare(*number)),
            Self::In(numbers) => numbers.iter().any(|number| Op::Eq.holds(compare(*number))),
        }
    }

    pub fn holds_whole(&self, value: i128) -> bool {
        self.holds_with(|number| number.compare_whole(value))
    }

    /// The rows of an array of numbers that it holds for.
    pub fn mask(&self, array: &ArrayRef) -> Result<BooleanBuffer> {
        macro_rules! whole {
            ($ty:ty) => {
                primitive::<$ty>(array, |value| self.holds_whole(value.into()))
            };
        }
        match array.data_type() {
            DataType::Int8 => whole!(Int8Type),
            DataType::Int16 => whole!(Int16Type),
            DataType::Int32 => whole!(Int32Type),
            DataType::Int64 => whole!(Int64Type),
            DataType::UInt8 => whole!(UInt8Type),
            DataType::UInt16 => whole!(UInt16Type),
            DataType::UInt32 => whole!(UInt32Type),
            DataType::UInt64 => whole!(UInt64Type),
            DataType::Float32 => {
                primitive::<Float32Type>(array, |value| self.holds_with(|number| number.compare_single(value)))
            }
            DataType::Float64 => {
                primitive::<Float64Type>(array, |value| self.holds_with(|number| number.compare_real(value)))
            }
            _ => Err(unfit()),
        }
    }
}

/// What a truth value must be.
///
/// # Errors
/// `Invalid` when the condition is none on truth values.
pub fn truth(check: &Check) -> Result<bool> {
    match check {
        Check::Compare(Op::Eq, value) => match value.text.to_ascii_lowercase().as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(wrong(value.at.as_ref(), "the column holds `true` and `false`")),
        },
        _ => Err(Error::invalid("the filter: a column of `true` and `false` can be compared with `=` alone")),
    }
}

/// The rows of an array of truth values that are as wanted.
pub fn truth_mask(array: &ArrayRef, wanted: bool) -> Result<BooleanBuffer> {
    let values = array.as_boolean_opt().ok_or_else(unfit)?.values();
    Ok(valid(array, if wanted { values.clone() } else { !values }))
}

/// Whether the values of a column are texts.
pub fn is_text(ty: &ColumnType) -> bool {
    matches!(ty, ColumnType::Text | ColumnType::Dict)
}

/// The rows of an array of texts that a test holds for; a dictionary's values are tested once for all batches that
/// share it.
#[derive(Default)]
pub struct TextMask {
    known: Option<(ArrayRef, Vec<bool>)>,
}

impl TextMask {
    pub fn mask(&mut self, test: &TextTest, array: &ArrayRef) -> Result<BooleanBuffer> {
        if let Some(texts) = array.as_string_opt::<i64>() {
            return Ok(valid(array, BooleanBuffer::collect_bool(texts.len(), |row| test.holds(texts.value(row)))));
        }
        let keyed = array.as_dictionary_opt::<Int32Type>().ok_or_else(unfit)?;
        let values = keyed.values();
        if self.known.as_ref().is_none_or(|(known, _)| !Arc::ptr_eq(known, values)) {
            let texts = values.as_string_opt::<i32>().ok_or_else(unfit)?;
            let holds = (0..texts.len()).map(|at| test.holds(texts.value(at))).collect();
            self.known = Some((values.clone(), holds));
        }
        let holds = self.known.as_ref().map_or(&[][..], |(_, holds)| holds);
        let keys = keyed.keys().values();
        let mask = BooleanBuffer::collect_bool(keys.len(), |row| {
            usize::try_from(keys[row]).is_ok_and(|key| holds.get(key).is_some_and(|holds| *holds))
        });
        Ok(valid(array, mask))
    }
}

/// The rows of an array of addresses that refer to one of these rows.
pub fn members(array: &ArrayRef, contains: impl Fn(Address) -> bool) -> Result<BooleanBuffer> {
    primitive::<Int64Type>(array, |value| Address::new(value).is_ok_and(&contains))
}

/// The rows that have a value.
pub fn exists(array: &ArrayRef) -> BooleanBuffer {
    valid(array, BooleanBuffer::new_set(array.len()))
}

/// What holds, without rows that are null.
pub fn valid(array: &dyn Array, mask: BooleanBuffer) -> BooleanBuffer {
    match array.nulls() {
        Some(nulls) => &mask & nulls.inner(),
        None => mask,
    }
}

fn primitive<T: ArrowPrimitiveType>(array: &ArrayRef, holds: impl Fn(T::Native) -> bool) -> Result<BooleanBuffer> {
    let values = array.as_primitive_opt::<T>().ok_or_else(unfit)?.values();
    Ok(valid(array, BooleanBuffer::collect_bool(values.len(), |row| holds(values[row]))))
}

/// For each list, whether `mask` (over the lists' items from the first list's on) holds for any item.
pub fn any_in_lists<O: ArrowNativeType>(offsets: &[O], mask: &BooleanBuffer) -> BooleanBuffer {
    let first = offsets.first().map_or(0, |first| first.as_usize());
    BooleanBuffer::collect_bool(offsets.len().saturating_sub(1), |row| {
        let items = offsets[row].as_usize() - first..offsets[row + 1].as_usize() - first;
        items.into_iter().any(|item| mask.value(item))
    })
}

pub fn unfit() -> Error {
    Error::corrupt("a column does not have the type that the schema gives it")
}
