//! Reads plain values from cells.

use super::Cell;
use super::lists::{Addresses, Names};
use crate::error::{Error, Result};
use crate::format::address::Address;
use crate::schema::tables::Table;
use arrow_array::types::ArrowPrimitiveType;
use arrow_array::types::{Float64Type, Int32Type, Int64Type, UInt32Type};
use arrow_array::{
    Array, BooleanArray, DictionaryArray, FixedSizeBinaryArray, LargeBinaryArray, LargeStringArray, PrimitiveArray,
};

/// The cell's array as what it must be, with the cell's row in it.
pub(crate) fn typed<'a, A: Array + 'static>(cell: Cell<'a>) -> Result<&'a A> {
    let array = cell.array.as_any().downcast_ref::<A>().ok_or_else(|| other_type(cell.array))?;
    if cell.row >= array.len() {
        return Err(Error::corrupt(format!("there is no row {} among {}", cell.row, array.len())));
    }
    Ok(array)
}

/// What to say of an array that has another type than its column.
#[cold]
pub(crate) fn other_type(array: &dyn Array) -> Error {
    Error::corrupt(format!("the array has the type {}, which is not its column's", array.data_type()))
}

/// The error, with the column and the row that it is about.
#[cold]
pub(crate) fn named(error: Error, table: Table, column: usize, address: Option<Address>) -> Error {
    let name = table.columns().get(column).map_or("?", |column| column.name.as_str());
    let named = Error::new(error.kind(), format!("{table}.{name}: {}", error.message()));
    match address {
        Some(address) => named.in_row(format!("{} {address}", table.row_name())),
        None => named,
    }
}

fn wanted<T>(value: Option<T>) -> Result<T> {
    value.ok_or_else(|| Error::corrupt("there is a null where none may be"))
}

pub(crate) fn text_opt(cell: Cell<'_>) -> Result<Option<&str>> {
    let array = typed::<LargeStringArray>(cell)?;
    Ok(array.is_valid(cell.row).then(|| array.value(cell.row)))
}

pub(crate) fn text(cell: Cell<'_>) -> Result<&str> {
    wanted(text_opt(cell)?)
}

pub(crate) fn dict_opt(cell: Cell<'_>) -> Result<Option<&str>> {
    let array = typed::<DictionaryArray<Int32Type>>(cell)?;
    Ok(Names::new(array)?.get(cell.row))
}

pub(crate) fn dict(cell: Cell<'_>) -> Result<&str> {
    wanted(dict_opt(cell)?)
}

fn number<T: ArrowPrimitiveType>(cell: Cell<'_>) -> Result<Option<T::Native>> {
    let array = typed::<PrimitiveArray<T>>(cell)?;
    Ok(array.is_valid(cell.row).then(|| array.value(cell.row)))
}

pub(crate) fn f64_opt(cell: Cell<'_>) -> Result<Option<f64>> {
    number::<Float64Type>(cell)
}

pub(crate) fn i64_opt(cell: Cell<'_>) -> Result<Option<i64>> {
    number::<Int64Type>(cell)
}

pub(crate) fn i32_opt(cell: Cell<'_>) -> Result<Option<i32>> {
    number::<Int32Type>(cell)
}

pub(crate) fn i64(cell: Cell<'_>) -> Result<i64> {
    wanted(number::<Int64Type>(cell)?)
}

pub(crate) fn u32(cell: Cell<'_>) -> Result<u32> {
    wanted(number::<UInt32Type>(cell)?)
}

pub(crate) fn bool_opt(cell: Cell<'_>) -> Result<Option<bool>> {
    let array = typed::<BooleanArray>(cell)?;
    Ok(array.is_valid(cell.row).then(|| array.value(cell.row)))
}

pub(crate) fn address_opt(cell: Cell<'_>) -> Result<Option<Address>> {
    number::<Int64Type>(cell)?.map(address_of).transpose()
}

pub(crate) fn address(cell: Cell<'_>) -> Result<Address> {
    wanted(address_opt(cell)?)
}

/// The address that stands in a file as this number.
pub(crate) fn address_of(value: i64) -> Result<Address> {
    Address::new(value).map_err(|error| Error::corrupt(error.message()))
}

pub(crate) fn addresses(cell: Cell<'_>) -> Result<Addresses<'_>> {
    Addresses::of_cell(cell)
}

fn fixed<const N: usize>(cell: Cell<'_>) -> Result<Option<[u8; N]>> {
    let array = typed::<FixedSizeBinaryArray>(cell)?;
    if array.is_null(cell.row) {
        return Ok(None);
    }
    let bytes = array.value(cell.row).try_into().map_err(|_| other_type(array))?;
    Ok(Some(bytes))
}

pub(crate) fn record(cell: Cell<'_>) -> Result<Option<[u8; 8]>> {
    fixed::<8>(cell)
}

pub(crate) fn digest(cell: Cell<'_>) -> Result<[u8; 32]> {
    wanted(fixed::<32>(cell)?)
}

pub(crate) fn bytes_opt(cell: Cell<'_>) -> Result<Option<&[u8]>> {
    let array = typed::<LargeBinaryArray>(cell)?;
    Ok(array.is_valid(cell.row).then(|| array.value(cell.row)))
}
