//! Fetching cells to the processor before they are read.
//!
//! A row's cells lie in many places: each list, text and flag in a buffer of its own, each buffer on a page of its own.
//! Of millions of rows hardly any of these is in the processor's caches, and reading one after the other waits for each.
//! Here all rows of a batch are gone through together, in waves: what the first buffers say leads to the second, and while
//! one wave is on its way to the processor the next item of it is asked for.

use crate::dataset::{Dataset, Row};
use crate::format::Address;
use crate::schema::tables::Table;
use crate::storage::fetch;
use arrow_array::cast::AsArray;
use arrow_array::types::{ArrowPrimitiveType, Float32Type, Float64Type, Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, LargeStringArray, ListArray, PrimitiveArray};
use arrow_schema::DataType;
use std::ops::Range;

/// What is fetched next.
enum Next<'a> {
    /// Of an array, which itself is on its way, these rows.
    Rows(&'a dyn Array, Range<usize>),
    /// The items that the offsets of these rows lead to.
    Items(&'a ListArray, Range<usize>),
    /// The bytes that the offsets of these rows lead to.
    Bytes(&'a LargeStringArray, Range<usize>),
}

impl Dataset {
    /// Fetches the cells of these columns, where they were decoded already. What cannot be read is left to whoever reads
    /// it, who says what is wrong.
    pub(crate) fn fetch(
        &self,
        table: Table,
        addresses: impl Iterator<Item = Address>,
        columns: impl Iterator<Item = usize>,
    ) {
        let rows: Vec<Row<'_>> = addresses.filter_map(|address| self.row_of(table, address).ok()).collect();
        let mut wave = Vec::with_capacity(rows.len() * 4);
        for column in columns {
            for row in &rows {
                let (file, batch, at) = row.base();
                if let Some(array) = file.decoded(batch, column) {
                    await_array(&mut wave, array, at..at + 1);
                }
            }
        }
        let mut next = Vec::with_capacity(wave.len() * 2);
        // Each wave goes deeper into the columns' types, which end.
        while !wave.is_empty() {
            wave.drain(..).for_each(|step| follow(&mut next, step));
            std::mem::swap(&mut wave, &mut next);
        }
    }
}

/// Asks for an array's own fields; its rows come in the next wave.
fn await_array<'a>(wave: &mut Vec<Next<'a>>, array: &'a ArrayRef, rows: Range<usize>) {
    fetch(array.as_ref());
    wave.push(Next::Rows(array.as_ref(), rows));
}

/// Asks for what can be asked for now, and leaves what that leads to for the next wave.
fn follow<'a>(wave: &mut Vec<Next<'a>>, step: Next<'a>) {
    match step {
        Next::Rows(array, rows) => first(wave, array, rows),
        Next::Items(list, rows) => {
            let offsets = list.value_offsets();
            if let Some((start, end)) = offsets.get(rows.start).zip(offsets.get(rows.end))
                && start < end
            {
                await_array(wave, list.values(), *start as usize..*end as usize);
            }
        }
        Next::Bytes(text, rows) => {
            let offsets = text.value_offsets();
            if let Some((start, end)) = offsets.get(rows.start).zip(offsets.get(rows.end))
                && start < end
            {
                // What lies between comes by itself, as far as the end of a page.
                [*start, *end - 1].iter().filter_map(|at| text.value_data().get(*at as usize)).for_each(fetch);
            }
        }
    }
}

/// Asks for what stands first of these rows; the rows behind come by themselves.
fn first<'a>(wave: &mut Vec<Next<'a>>, array: &'a dyn Array, rows: Range<usize>) {
    if let Some(nulls) = array.nulls() {
        // What no row says is not looked up.
        if nulls.null_count() == array.len() {
            return;
        }
        nulls.validity().get((nulls.offset() + rows.start) / 8).into_iter().for_each(fetch);
    }
    match array.data_type() {
        DataType::Struct(_) => {
            array.as_struct().columns().iter().for_each(|part| await_array(wave, part, rows.clone()));
        }
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            list.value_offsets().get(rows.start).into_iter().for_each(fetch);
            wave.push(Next::Items(list, rows));
        }
        DataType::LargeUtf8 => {
            let text = array.as_string::<i64>();
            text.value_offsets().get(rows.start).into_iter().for_each(fetch);
            wave.push(Next::Bytes(text, rows));
        }
        DataType::Dictionary(..) => {
            if let Some(array) = array.as_dictionary_opt::<Int32Type>() {
                primitive(array.keys(), rows);
            }
        }
        DataType::Int32 => primitive(array.as_primitive::<Int32Type>(), rows),
        DataType::Int64 => primitive(array.as_primitive::<Int64Type>(), rows),
        DataType::Float32 => primitive(array.as_primitive::<Float32Type>(), rows),
        DataType::Float64 => primitive(array.as_primitive::<Float64Type>(), rows),
        DataType::Boolean => array.as_boolean().values().values().get(rows.start / 8).into_iter().for_each(fetch),
        _ => {}
    }
}

fn primitive<T: ArrowPrimitiveType>(array: &PrimitiveArray<T>, rows: Range<usize>) {
    array.values().get(rows.start).into_iter().for_each(fetch);
}
