//! Rows of many arrays in one: as Arrow's `interleave`, but for dictionaries.
//!
//! Arrow's joins the dictionaries of all arrays anew each time, wherever they come from. Here arrays that share theirs, as
//! all batches of a file do, keep it; otherwise the values that are used are joined, each once.

use crate::error::{Error, Result};
use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, DictionaryArray, Int32Array, ListArray, StringArray, StructArray, new_null_array};
use arrow_buffer::{BooleanBuffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::DataType;
use std::collections::HashMap;
use std::sync::Arc;

/// The rows at these places, each an array's number and a row in it; all arrays are of one type, and there is at least one.
///
/// # Errors
/// `Corrupt` when the rows together are more than an array can hold.
pub(super) fn interleave(sources: &[&dyn Array], places: &[(usize, usize)]) -> Result<ArrayRef> {
    let Some(first) = sources.first() else { return Err(Error::invalid("there are no arrays to gather from")) };
    // What no row says need not be looked up: where the arrays are maps of many files, each look is a page.
    if !first.data_type().is_nested() && sources.iter().all(|array| array.null_count() == array.len()) {
        return Ok(new_null_array(first.data_type(), places.len()));
    }
    match first.data_type() {
        DataType::Dictionary(..) => dictionary(sources, places),
        DataType::List(item) if is_looked_into(item.data_type()) => list(sources, places),
        DataType::Struct(_) => structs(sources, places),
        _ => Ok(arrow_select::interleave::interleave(sources, places)?),
    }
}

/// Whether lists of this are taken apart here: structs, whose parts may be all null, and what holds dictionaries.
fn is_looked_into(ty: &DataType) -> bool {
    match ty {
        DataType::Dictionary(..) | DataType::Struct(_) => true,
        DataType::List(item) => is_looked_into(item.data_type()),
        _ => false,
    }
}

fn nulls<A: Array>(arrays: &[&A], places: &[(usize, usize)]) -> Option<NullBuffer> {
    if arrays.iter().all(|array| array.null_count() == 0) {
        return None;
    }
    let valid = BooleanBuffer::collect_bool(places.len(), |at| arrays[places[at].0].is_valid(places[at].1));
    Some(NullBuffer::new(valid)).filter(|nulls| nulls.null_count() > 0)
}

fn all<'a, A: 'static>(sources: &[&'a dyn Array]) -> Result<Vec<&'a A>> {
    let typed = sources.iter().map(|source| source.as_any().downcast_ref::<A>());
    typed.collect::<Option<_>>().ok_or_else(|| Error::corrupt("the arrays of a column have different types"))
}

fn list(sources: &[&dyn Array], places: &[(usize, usize)]) -> Result<ArrayRef> {
    let lists = all::<ListArray>(sources)?;
    let (mut ends, mut items) = (Vec::with_capacity(places.len() + 1), Vec::with_capacity(places.len() * 2));
    ends.push(0);
    for (source, row) in places {
        let offsets = &lists[*source].value_offsets()[*row..*row + 2];
        items.extend((offsets[0]..offsets[1]).map(|item| (*source, item as usize)));
        let end = i32::try_from(items.len());
        ends.push(end.map_err(|_| Error::corrupt("the lists of a column have more than 2³¹−1 items together"))?);
    }
    let values: Vec<_> = lists.iter().map(|list| list.values().as_ref()).collect();
    let DataType::List(field) = lists[0].data_type() else { return Err(Error::corrupt("a list is no list")) };
    let offsets = OffsetBuffer::new(ScalarBuffer::from(ends));
    Ok(Arc::new(ListArray::try_new(field.clone(), offsets, interleave(&values, &items)?, nulls(&lists, places))?))
}

fn structs(sources: &[&dyn Array], places: &[(usize, usize)]) -> Result<ArrayRef> {
    let structs = all::<StructArray>(sources)?;
    let part = |number: usize| {
        let parts: Vec<_> = structs.iter().map(|array| array.column(number).as_ref()).collect();
        interleave(&parts, places)
    };
    let parts = (0..structs[0].num_columns()).map(part).collect::<Result<Vec<_>>>()?;
    let fields = structs[0].fields().clone();
    Ok(Arc::new(StructArray::try_new_with_length(fields, parts, nulls(&structs, places), places.len())?))
}

fn dictionary(sources: &[&dyn Array], places: &[(usize, usize)]) -> Result<ArrayRef> {
    let arrays = all::<DictionaryArray<Int32Type>>(sources)?;
    let names = arrays.iter().map(|array| array.values().as_string_opt::<i32>()).collect::<Option<Vec<_>>>();
    let names = names.ok_or_else(|| Error::corrupt("a dictionary holds no text"))?;
    let keys: Vec<_> = arrays.iter().map(|array| array.keys()).collect();
    let nulls = nulls(&keys, places);
    if names.iter().all(|other| is_same(names[0], other)) {
        let keys = places.iter().map(|(source, row)| keys[*source].value(*row)).collect::<ScalarBuffer<i32>>();
        let keys = Int32Array::new(keys, nulls);
        return Ok(Arc::new(DictionaryArray::try_new(keys, arrays[0].values().clone())?));
    }
    let mut joined = Joined::default();
    let mut mapped: Vec<Vec<i32>> = vec![Vec::new(); arrays.len()];
    // All keys are fetched before any is looked at: so the processor waits for many of them at a time.
    let fetched: Vec<i32> = places.iter().map(|(source, row)| keys[*source].value(*row)).collect();
    let key = |(at, (source, row)): (usize, &(usize, usize))| {
        let key = keys[*source].is_valid(*row).then_some(fetched[at] as usize);
        let Some(key) = key.filter(|key| *key < names[*source].len()) else { return 0 };
        let known = &mut mapped[*source];
        if known.is_empty() {
            known.resize(names[*source].len(), -1);
        }
        if known[key] < 0 {
            known[key] = joined.key(names[*source].value(key));
        }
        known[key]
    };
    let keys = Int32Array::new(places.iter().enumerate().map(key).collect(), nulls);
    let values = StringArray::from_iter_values(joined.names);
    Ok(Arc::new(DictionaryArray::try_new(keys, Arc::new(values))?))
}

/// Whether two dictionaries are one, because their buffers are.
fn is_same(one: &StringArray, other: &StringArray) -> bool {
    std::ptr::eq(one.offsets().as_ptr(), other.offsets().as_ptr())
        && std::ptr::eq(one.value_data().as_ptr(), other.value_data().as_ptr())
        && one.len() == other.len()
}

/// The values of several dictionaries, each once.
#[derive(Default)]
struct Joined<'a> {
    names: Vec<&'a str>,
    keys: HashMap<&'a str, i32>,
}

impl<'a> Joined<'a> {
    fn key(&mut self, name: &'a str) -> i32 {
        *self.keys.entry(name).or_insert_with(|| {
            self.names.push(name);
            (self.names.len() - 1) as i32
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::builder::{ListBuilder, StringDictionaryBuilder};

    type Row = Option<Vec<Option<&'static str>>>;

    fn lists(rows: &[Row]) -> ListArray {
        let mut builder = ListBuilder::new(StringDictionaryBuilder::<Int32Type>::new());
        for row in rows {
            row.iter().flatten().for_each(|name| builder.values().append_option(*name));
            builder.append(row.is_some());
        }
        builder.finish()
    }

    #[test]
    fn rows_are_what_arrow_gives_and_each_name_comes_once() {
        let one = lists(&[Some(vec![Some("a"), None]), None, Some(vec![]), Some(vec![Some("b")])]);
        let two = lists(&[Some(vec![Some("b"), Some("c"), Some("b")]), Some(vec![Some("a")])]);
        let sliced = two.slice(1, 1);
        let sources: [&dyn Array; 4] = [&one, &two, &sliced, &one];
        let places = [(1, 0), (0, 1), (3, 0), (2, 0), (0, 3), (0, 2), (1, 0)];
        let found = interleave(&sources, &places).unwrap();
        let expected = arrow_select::interleave::interleave(&sources, &places).unwrap();
        assert_eq!(&found, &expected);
        found.to_data().validate_full().unwrap();
        let names = found.as_list::<i32>().values().as_dictionary::<Int32Type>().values().clone();
        let names: Vec<_> = names.as_string::<i32>().iter().flatten().collect();
        assert_eq!(names, ["b", "c", "a"]);
    }

    #[test]
    fn a_dictionary_that_all_share_stays_as_it_is() {
        let one: DictionaryArray<Int32Type> = ["x", "y", "z"].into_iter().collect();
        let two = one.slice(1, 2);
        let found = interleave(&[&one, &two], &[(1, 1), (0, 1)]).unwrap();
        let found = found.as_dictionary::<Int32Type>();
        assert!(is_same(found.values().as_string(), one.values().as_string()));
        assert_eq!(found.keys().values(), &[2, 1]);
    }
}
