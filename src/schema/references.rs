//! Which columns hold addresses, of which tables, and where they stand in an array.

use crate::error::{Error, Result};
use crate::format::Address;
use crate::format::notation::ColumnType;
use crate::schema::tables::Table;
use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;

/// The tables that the addresses in a column may belong to: none for a column without addresses, all for a user's own.
pub fn targets(table: Table, column: &str) -> &'static [Table] {
    match (table, column) {
        (Table::Conversations | Table::Frames | Table::Videos, "case") => &[Table::Cases],
        (Table::Conversations, "media" | "alternatives") | (Table::Annotations, "target") => {
            &[Table::Frames, Table::Videos]
        }
        (Table::Conversations, "reasoning") => &[Table::Frames, Table::Videos, Table::Annotations],
        (Table::Conversations, "annotations") | (Table::Annotations, "parent") => &[Table::Annotations],
        (Table::Frames, "video") => &[Table::Videos],
        (Table::Frames, "parent") | (Table::Annotations, "regions") => &[Table::Frames],
        (Table::Frames | Table::Videos, "blob") => &[Table::Blobs],
        _ if table.column_index(column).is_some() => &[],
        _ => &Table::ALL,
    }
}

/// Calls `found` with the row and the address of each reference in an array of this type.
///
/// # Errors
/// `Corrupt` when a value is no address; what `found` returns.
pub fn each_reference(
    ty: &ColumnType,
    array: &dyn Array,
    found: &mut dyn FnMut(usize, Address) -> Result<()>,
) -> Result<()> {
    if !ty.holds_refs() {
        return Ok(());
    }
    match ty {
        ColumnType::Ref => {
            let Some(values) = array.as_primitive_opt::<Int64Type>() else { return Err(unfit()) };
            (0..values.len()).filter(|row| values.is_valid(*row)).try_for_each(|row| {
                let address = Address::new(values.value(row)).map_err(|error| Error::corrupt(error.message()))?;
                found(row, address)
            })
        }
        ColumnType::List(item) => {
            let list = array.as_list_opt::<i32>().ok_or_else(unfit)?;
            // A slice of a list array has all values, and offsets that need not start at 0 or end where these end.
            let offsets = list.value_offsets();
            let (first, last) = match offsets {
                [first, .., last] => (*first as usize, *last as usize),
                _ => return Ok(()),
            };
            each_reference(item, &list.values().slice(first, last - first), &mut |at, address| {
                let row = offsets.partition_point(|offset| *offset as usize <= first + at).saturating_sub(1);
                if list.is_null(row) { Ok(()) } else { found(row, address) }
            })
        }
        ColumnType::FixedList(item, len) => {
            let list = array.as_fixed_size_list_opt().ok_or_else(unfit)?;
            let len = *len as usize;
            each_reference(item, list.values(), &mut |at, address| match list.is_null(at / len) {
                true => Ok(()),
                false => found(at / len, address),
            })
        }
        ColumnType::Struct(parts) => {
            let whole = array.as_struct_opt().ok_or_else(unfit)?;
            parts.iter().zip(whole.columns()).try_for_each(|(part, values)| {
                each_reference(&part.ty, values, &mut |row, address| match whole.is_null(row) {
                    true => Ok(()),
                    false => found(row, address),
                })
            })
        }
        _ => Ok(()),
    }
}

fn unfit() -> Error {
    Error::corrupt("a column does not have the type that the schema gives it")
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::types::Int64Type;
    use arrow_array::{Int64Array, ListArray};
    use arrow_buffer::{NullBuffer, OffsetBuffer};
    use arrow_schema::{DataType, Field};
    use std::sync::Arc;

    fn found(array: &dyn Array) -> Vec<(usize, i64)> {
        let mut found = Vec::new();
        let ty = ColumnType::parse("list<ref>").unwrap();
        each_reference(&ty, array, &mut |row, address| {
            found.push((row, address.get()));
            Ok(())
        })
        .unwrap();
        found
    }

    #[test]
    fn a_slice_of_lists_has_the_references_of_its_own_rows() {
        let address = |row: i64| (1 << 32) + row;
        let values = Int64Array::from_iter_values((0..8).map(address));
        let lists = ListArray::new(
            Arc::new(Field::new("item", DataType::Int64, false)),
            OffsetBuffer::from_lengths([2, 0, 1, 3, 0, 2]),
            Arc::new(values),
            Some(NullBuffer::from(vec![true, true, true, false, true, true])),
        );
        let all = [(0, 0), (0, 1), (2, 2), (5, 6), (5, 7)].map(|(row, at)| (row, address(at)));
        assert_eq!(found(&lists), all);
        for first in 0..6 {
            for len in 0..=6 - first {
                let own = all.iter().filter(|(row, _)| (first..first + len).contains(row));
                let own: Vec<_> = own.map(|(row, address)| (row - first, *address)).collect();
                assert_eq!(found(&lists.slice(first, len)), own, "{len} from {first}");
            }
        }
        assert_eq!(lists.values().as_primitive::<Int64Type>().len(), 8);
    }
}
