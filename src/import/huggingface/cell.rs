//! What one cell of a column holds, whichever of Arrow's types the column has.

use crate::error::{Error, Result};
use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, StructArray};
use arrow_schema::DataType;

/// Whether a cell says nothing: it is null, or a picture without bytes and path.
pub(super) fn is_null(array: &ArrayRef, row: usize) -> bool {
    if array.is_null(row) || *array.data_type() == DataType::Null {
        return true;
    }
    match array.as_any().downcast_ref::<StructArray>() {
        Some(parts) if is_file(parts) => parts.columns().iter().all(|part| is_null(part, row)),
        _ => false,
    }
}

/// Whether values of this type are files, or lists of them.
pub(super) fn has_files(ty: &DataType) -> bool {
    match ty {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            !matches!(item.data_type(), DataType::List(_) | DataType::LargeList(_)) && has_files(item.data_type())
        }
        DataType::Struct(fields) => {
            let names: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
            names.contains(&"bytes") && names.iter().all(|name| ["bytes", "path"].contains(name))
        }
        _ => false,
    }
}

/// Whether a number is none.
pub(super) fn is_nan(array: &ArrayRef, row: usize) -> bool {
    match array.data_type() {
        DataType::Float32 => primitive::<Float32Type>(array, row).is_ok_and(f32::is_nan),
        DataType::Float64 => primitive::<Float64Type>(array, row).is_ok_and(f64::is_nan),
        _ => false,
    }
}

/// Whether a struct is a file as `datasets` has them: its bytes, its path, or both.
pub(super) fn is_file(parts: &StructArray) -> bool {
    let names = parts.column_names();
    names.contains(&"bytes") && names.iter().all(|name| ["bytes", "path"].contains(name))
}

/// The number of a cell.
///
/// # Errors
/// `Input` where the column is of another type.
pub(super) fn primitive<T: ArrowPrimitiveType>(array: &ArrayRef, row: usize) -> Result<T::Native> {
    array
        .as_primitive_opt::<T>()
        .map(|values| values.value(row))
        .ok_or_else(|| Error::input(format!("values of the type {} are not taken", array.data_type())))
}

/// The text of a cell, where its column is of text.
pub(super) fn text_of(array: &ArrayRef, row: usize) -> Option<&str> {
    match array.data_type() {
        DataType::Utf8 => Some(array.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => Some(array.as_string::<i64>().value(row)),
        DataType::Utf8View => Some(array.as_string_view().value(row)),
        _ => None,
    }
}

/// The bytes of a cell, where its column is of bytes.
pub(super) fn bytes_of(array: &ArrayRef, row: usize) -> Option<&[u8]> {
    match array.data_type() {
        DataType::Binary => Some(array.as_binary::<i32>().value(row)),
        DataType::LargeBinary => Some(array.as_binary::<i64>().value(row)),
        DataType::BinaryView => Some(array.as_binary_view().value(row)),
        DataType::FixedSizeBinary(_) => Some(array.as_fixed_size_binary().value(row)),
        _ => None,
    }
}

/// Which value of its dictionary a cell is.
pub(super) fn key_at(array: &ArrayRef, row: usize) -> Option<usize> {
    macro_rules! key {
        ($ty:ty) => {
            array.as_dictionary_opt::<$ty>().and_then(|keys| keys.key(row))
        };
    }
    let DataType::Dictionary(key, _) = array.data_type() else { return None };
    match key.as_ref() {
        DataType::Int8 => key!(Int8Type),
        DataType::Int16 => key!(Int16Type),
        DataType::Int32 => key!(Int32Type),
        DataType::Int64 => key!(Int64Type),
        DataType::UInt8 => key!(UInt8Type),
        DataType::UInt16 => key!(UInt16Type),
        DataType::UInt32 => key!(UInt32Type),
        DataType::UInt64 => key!(UInt64Type),
        _ => None,
    }
}

/// Whether a column is of lists.
pub(super) fn is_list(array: &ArrayRef) -> bool {
    matches!(array.data_type(), DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..))
}

/// The entries of a list; nothing of what is none.
pub(super) fn list_at(array: &ArrayRef, row: usize) -> Option<ArrayRef> {
    match array.data_type() {
        _ if array.is_null(row) => None,
        DataType::List(_) => Some(array.as_list::<i32>().value(row)),
        DataType::LargeList(_) => Some(array.as_list::<i64>().value(row)),
        DataType::FixedSizeList(..) => Some(array.as_fixed_size_list().value(row)),
        // A map is a list of its entries, each with its key and its value.
        DataType::Map(..) => Some(std::sync::Arc::new(array.as_map().value(row))),
        _ => None,
    }
}
