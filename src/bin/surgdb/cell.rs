//! Values of columns that were added, whatever their type.

use crate::json::Json;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, StringArray};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use surgdb::dataset::Row;
use surgdb::format::manifest::SideColumn;
use surgdb::{Address, ColumnType, Dataset, Error, Result};

/// The columns that were added to the row's table, with what they say of this row.
pub fn added(dataset: &Dataset, row: &Row<'_>) -> Result<Vec<(String, Json)>> {
    let of_table = |side: &&SideColumn| !side.replaces && side.table == row.table().name();
    let value = |side: &SideColumn| {
        let cell = row.named(&side.name)?;
        Ok((side.name.clone(), json(&ColumnType::parse(&side.ty)?, cell.array, cell.row)?))
    };
    dataset.manifest().columns.iter().filter(of_table).map(value).collect()
}

/// A value as JSON: numbers exactly, addresses as text (`7:16`), bytes in base64.
///
/// # Errors
/// `Corrupt` when the array is not of this type.
pub fn json(ty: &ColumnType, array: &dyn Array, row: usize) -> Result<Json> {
    if row >= array.len() || array.is_null(row) {
        return Ok(Value::Null.into());
    }
    let unfit = || Error::corrupt(format!("a column of type {ty} holds values of type {}", array.data_type()));
    let found: Option<Json> = match ty {
        ColumnType::Bool => array.as_boolean_opt().map(|array| array.value(row).into()),
        ColumnType::Text => array.as_string_opt::<i64>().map(|array| array.value(row).into()),
        ColumnType::Dict => array.as_dictionary_opt::<Int32Type>().and_then(|array| {
            let values = array.downcast_dict::<StringArray>()?;
            Some(arrow_array::ArrayAccessor::value(&values, row).into())
        }),
        ColumnType::Ref => match array.as_primitive_opt::<Int64Type>() {
            Some(array) => Some(Address::new(array.value(row))?.to_string().into()),
            None => None,
        },
        ColumnType::Int(_) | ColumnType::UInt(_) | ColumnType::Float(_) => number(array, row),
        ColumnType::Binary => array.as_binary_opt::<i64>().map(|array| BASE64_STANDARD.encode(array.value(row)).into()),
        ColumnType::FixedBinary(_) => {
            array.as_fixed_size_binary_opt().map(|array| BASE64_STANDARD.encode(array.value(row)).into())
        }
        ColumnType::List(item) => match array.as_list_opt::<i32>() {
            Some(array) => Some(list(item, array.value(row).as_ref())?),
            None => None,
        },
        ColumnType::FixedList(item, _) => match array.as_fixed_size_list_opt() {
            Some(array) => Some(list(item, array.value(row).as_ref())?),
            None => None,
        },
        ColumnType::Struct(parts) => match array.as_struct_opt() {
            Some(array) => {
                let fields = parts.iter().zip(array.columns());
                let fields = fields.map(|(part, array)| Ok((part.name.clone(), json(&part.ty, array.as_ref(), row)?)));
                Some(Json::Object(fields.collect::<Result<_>>()?))
            }
            None => None,
        },
        _ => None,
    };
    found.ok_or_else(unfit)
}

fn list(item: &ColumnType, items: &dyn Array) -> Result<Json> {
    (0..items.len()).map(|at| json(item, items, at)).collect::<Result<Vec<_>>>().map(Json::List)
}

/// A number, in so many digits as tell it from all others of its type.
fn number(array: &dyn Array, row: usize) -> Option<Json> {
    macro_rules! of {
        ($($ty:ty),*) => {
            $(if let Some(array) = array.as_primitive_opt::<$ty>() {
                // `NaN` and infinities are no JSON, and stand as text.
                return Some(Json::written(&array.value(row).to_string()));
            })*
        };
    }
    of!(Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type);
    of!(Float32Type, Float64Type);
    None
}

/// A value in a line of text: texts as they are, the rest as JSON, null as nothing.
pub fn text(value: &Json) -> Option<String> {
    match value {
        Json::Value(Value::Null) => None,
        Json::Value(Value::String(text)) => Some(text.clone()),
        other => serde_json::to_string(other).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{Float32Array, Float64Array, UInt64Array};

    #[test]
    fn numbers_are_exact() {
        let shown =
            |ty: &str, array: &dyn Array| text(&json(&ColumnType::parse(ty).unwrap(), array, 0).unwrap()).unwrap();
        assert_eq!(shown("uint64", &UInt64Array::from(vec![u64::MAX])), "18446744073709551615");
        assert_eq!(shown("float32", &Float32Array::from(vec![0.1])), "0.1");
        assert_eq!(shown("float64", &Float64Array::from(vec![1.0 / 3.0])), "0.3333333333333333");
        assert_eq!(shown("float64", &Float64Array::from(vec![f64::NAN])), "NaN");
    }
}
