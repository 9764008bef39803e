//! Arrow values as others write them, in the types that a dataset has.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float16Type, Float32Type, Int32Type};
use arrow_array::{
    Array, ArrayRef, DictionaryArray, FixedSizeListArray, Int32Array, LargeBinaryArray, LargeStringArray, ListArray,
    OffsetSizeTrait, PrimitiveArray, StringArray, StructArray, UInt64Array, make_array,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{DataType, Field, FieldRef};
use arrow_select::take::take;
use std::collections::BTreeMap;
use std::sync::Arc;
use surgdb::{ColumnType, Error, Result};

/// The same values in a type that a dataset has, if there is one: text and bytes with 64-bit offsets, text in
/// dictionaries of its own, lists with 32-bit offsets whose items are not null.
///
/// # Errors
/// `Unsupported` where a list has a null among its items, or more items than it may.
pub fn stored(array: &ArrayRef) -> Result<ArrayRef> {
    Ok(match array.data_type() {
        DataType::Utf8 => Arc::new(array.as_string::<i32>().iter().collect::<LargeStringArray>()),
        DataType::Utf8View => Arc::new(array.as_string_view().iter().collect::<LargeStringArray>()),
        DataType::Binary => Arc::new(array.as_binary::<i32>().iter().collect::<LargeBinaryArray>()),
        DataType::BinaryView => Arc::new(array.as_binary_view().iter().collect::<LargeBinaryArray>()),
        DataType::Float16 => {
            let wide: PrimitiveArray<Float32Type> = array.as_primitive::<Float16Type>().unary(|value| value.to_f32());
            Arc::new(wide)
        }
        DataType::Dictionary(key, value) if (&**key, &**value) == (&DataType::Int32, &DataType::Utf8) => array.clone(),
        DataType::Dictionary(..) => {
            let plain = stored(&unpacked(array)?)?;
            dictionary(&plain).unwrap_or(plain)
        }
        DataType::List(_) => list(array.as_list::<i32>().offsets(), array.as_list::<i32>().values(), array)?,
        DataType::LargeList(_) => list(array.as_list::<i64>().offsets(), array.as_list::<i64>().values(), array)?,
        DataType::FixedSizeList(_, len) => fixed_list(array.as_fixed_size_list(), *len)?,
        DataType::Struct(fields) if !fields.is_empty() => {
            let named = |(field, part): (&FieldRef, &ArrayRef)| {
                let part = masked(part, array.nulls())?;
                stored(&part)
                    .map_err(|error| Error::unsupported(format!("of its part {:?}, {}", field.name(), error.message())))
            };
            let parts = fields.iter().zip(array.as_struct().columns()).map(named).collect::<Result<Vec<_>>>()?;
            let part = |(field, part): (&FieldRef, &ArrayRef)| {
                Field::new(field.name(), part.data_type().clone(), field.is_nullable())
            };
            let fields = fields.iter().zip(&parts).map(part).collect();
            Arc::new(StructArray::try_new(fields, parts, array.nulls().cloned())?)
        }
        ty if ColumnType::from_arrow(ty).is_ok() => array.clone(),
        ty => {
            let remedy = match ty {
                ty if ty.is_temporal() => ": cast them to text or int64",
                ty if ty.is_numeric() => ": cast them to float64 or text",
                DataType::Map(..) => ": make lists of structs of them",
                DataType::Null => ": cast them to the type that they are to have",
                _ => "",
            };
            return Err(Error::unsupported(format!("values of type {ty} are none that a dataset has{remedy}")));
        }
    })
}

/// The part of a struct, null where the struct is.
fn masked(part: &ArrayRef, nulls: Option<&NullBuffer>) -> Result<ArrayRef> {
    if nulls.is_none() || matches!(part.data_type(), DataType::Null | DataType::Union(..)) {
        return Ok(part.clone());
    }
    let nulls = NullBuffer::union(part.nulls(), nulls);
    Ok(make_array(part.to_data().into_builder().nulls(nulls).build()?))
}

/// The values of a dictionary, one by one.
///
/// # Errors
/// `Unsupported` when it is none.
pub fn unpacked(array: &ArrayRef) -> Result<ArrayRef> {
    let dictionary = array.as_any_dictionary_opt().ok_or_else(|| Error::unsupported("it is no dictionary"))?;
    Ok(take(dictionary.values(), dictionary.keys(), None)?)
}

/// Few-valued text as a dictionary.
pub fn dictionary(array: &ArrayRef) -> Option<ArrayRef> {
    let texts = array.as_string_opt::<i64>()?;
    let mut known: BTreeMap<&str, i32> = BTreeMap::new();
    let mut values: Vec<&str> = Vec::new();
    let keys = texts.iter().map(|text| {
        text.map(|text| {
            *known.entry(text).or_insert_with(|| {
                values.push(text);
                values.len() as i32 - 1
            })
        })
    });
    let keys: Int32Array = keys.collect();
    let values: StringArray = values.into_iter().map(Some).collect();
    let dictionary: DictionaryArray<Int32Type> = DictionaryArray::try_new(keys, Arc::new(values)).ok()?;
    Some(Arc::new(dictionary))
}

/// A list with these offsets into its items: what stands under null rows, or outside of all, is left behind.
fn list<O: OffsetSizeTrait>(offsets: &[O], items: &ArrayRef, rows: &dyn Array) -> Result<ArrayRef> {
    let (mut at, mut lengths) = (Vec::new(), Vec::with_capacity(rows.len()));
    for (row, ends) in offsets.windows(2).enumerate() {
        let (start, end) = if rows.is_null(row) { (0, 0) } else { (ends[0].as_usize(), ends[1].as_usize()) };
        at.extend(start as u64..end as u64);
        lengths.push(end - start);
    }
    if at.len() > i32::MAX as usize {
        return Err(Error::unsupported(format!("its lists have {} items in all, and 2^31 are too many", at.len())));
    }
    let items = stored(&take(items, &UInt64Array::from(at), None)?)?;
    let offsets = OffsetBuffer::from_lengths(lengths);
    if let Some(null) = (0..items.len()).find(|at| items.is_null(*at)) {
        return Err(null_item(offsets.partition_point(|start| *start as usize <= null) - 1));
    }
    Ok(Arc::new(ListArray::try_new(item(&items), offsets, items, rows.nulls().cloned())?))
}

fn fixed_list(rows: &FixedSizeListArray, len: i32) -> Result<ArrayRef> {
    let items = stored(rows.values())?;
    let row_of = |at: usize| at / len.max(1) as usize;
    if let Some(null) = (0..items.len()).find(|at| items.is_null(*at) && !rows.is_null(row_of(*at))) {
        return Err(null_item(row_of(null)));
    }
    // Under a null row stands whatever may be.
    let items = make_array(items.to_data().into_builder().nulls(None).build()?);
    Ok(Arc::new(FixedSizeListArray::try_new(item(&items), len, items, rows.nulls().cloned())?))
}

/// What a dataset's lists call their items.
fn item(items: &ArrayRef) -> FieldRef {
    Arc::new(Field::new("item", items.data_type().clone(), false))
}

fn null_item(row: usize) -> Error {
    let what =
        format!("a null is among the items of row {}, and a dataset's lists hold none: fill it, or drop it", row + 1);
    Error::unsupported(what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::builder::{FixedSizeListBuilder, Float32Builder, LargeListBuilder, ListBuilder, StringBuilder};
    use arrow_array::types::{UInt8Type, UInt32Type};

    fn type_of(array: &ArrayRef) -> String {
        ColumnType::from_arrow(array.data_type()).unwrap().to_string()
    }

    #[test]
    fn lists_as_others_write_them_become_those_of_a_dataset() {
        let mut tags = LargeListBuilder::new(StringBuilder::new());
        tags.append_value([Some("a"), Some("b")]);
        tags.append_null();
        tags.append_value(["c"].map(Some));
        tags.append_value([None::<&str>; 0]);
        let tags: ArrayRef = Arc::new(tags.finish());
        let list = stored(&tags.slice(1, 3)).unwrap();
        assert_eq!(type_of(&list), "list<text>");
        let list = list.as_list::<i32>();
        assert!(list.is_null(0) && list.value(2).is_empty());
        assert_eq!(list.value(1).as_string::<i64>().value(0), "c");
        assert_eq!(list.values().len(), 1);
    }

    #[test]
    fn a_null_among_the_items_is_refused_with_its_row() {
        let mut tags = ListBuilder::new(StringBuilder::new());
        tags.append_value([Some("a"), Some("b")]);
        tags.append_value([None::<&str>; 0]);
        tags.append_value([Some("c"), None]);
        let error = stored(&(Arc::new(tags.finish()) as ArrayRef)).unwrap_err();
        assert!(error.message().contains("items of row 3"), "{error}");
        let mut points = FixedSizeListBuilder::new(Float32Builder::new(), 2);
        points.values().append_nulls(2);
        points.append(false);
        points.values().append_option(Some(1.0));
        points.values().append_null();
        points.append(true);
        let error = stored(&(Arc::new(points.finish()) as ArrayRef)).unwrap_err();
        assert!(error.message().contains("items of row 2"), "{error}");
    }

    #[test]
    fn vectors_may_be_null_as_a_whole_and_within_a_slice() {
        let mut points = FixedSizeListBuilder::new(Float32Builder::new(), 2);
        for row in 0..4 {
            match row % 2 {
                0 => points.values().append_nulls(2),
                _ => points.values().append_slice(&[row as f32, 0.5]),
            }
            points.append(row % 2 == 1);
        }
        let points: ArrayRef = Arc::new(points.finish());
        let vectors = stored(&points.slice(1, 3)).unwrap();
        assert_eq!(type_of(&vectors), "fixed_size_list<float32, 2>");
        let vectors = vectors.as_fixed_size_list();
        assert!(!vectors.is_null(0) && vectors.is_null(1));
        assert_eq!(vectors.value(2).as_primitive::<Float32Type>().values(), &[3.0, 0.5]);
    }

    #[test]
    fn what_lies_under_a_null_struct_is_not_looked_at_and_parts_are_named() {
        let mut items = ListBuilder::new(StringBuilder::new());
        items.append_value([Some("a"), None]);
        items.append_value([Some("b"), Some("c")]);
        let items: ArrayRef = Arc::new(items.finish());
        let fields = vec![Field::new("tags", items.data_type().clone(), true)];
        let of = |nulls| Arc::new(StructArray::new(fields.clone().into(), vec![items.clone()], nulls)) as ArrayRef;
        let null = stored(&of(Some(vec![false, true].into()))).unwrap();
        assert_eq!(type_of(&null), "struct<tags?: list<text>>");
        assert!(null.is_null(0) && null.as_struct().column(0).as_list::<i32>().value(1).len() == 2);
        let error = stored(&of(None)).unwrap_err();
        assert!(error.message().contains("of its part \"tags\", a null is among the items of row 1"), "{error}");
        let days: ArrayRef = Arc::new(arrow_array::Date32Array::from(vec![1]));
        assert!(stored(&days).unwrap_err().message().ends_with("cast them to text or int64"));
    }

    #[test]
    fn text_in_dictionaries_of_any_keys_stays_in_one() {
        let small: DictionaryArray<UInt8Type> = [Some("a"), None, Some("a")].into_iter().collect();
        let keys = arrow_array::UInt32Array::from(vec![Some(1), None, Some(1)]);
        let values: ArrayRef = Arc::new(LargeStringArray::from(vec!["x", "a"]));
        let large = DictionaryArray::<UInt32Type>::try_new(keys, values).unwrap();
        for array in [Arc::new(small) as ArrayRef, Arc::new(large)] {
            let dict = stored(&array).unwrap();
            assert_eq!(type_of(&dict), "dict");
            assert!(dict.is_null(1));
            assert_eq!(unpacked(&dict).unwrap().as_string::<i32>().value(2), "a");
        }
    }
}
