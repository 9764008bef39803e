//! The dictionaries of one file: values get their keys as they come, and are written once, at the end.

use crate::error::{Error, Result};
use arrow_array::{Array, ArrayRef, DictionaryArray, StringArray, types::Int32Type};
use arrow_buffer::{NullBuffer, ScalarBuffer};
use std::collections::HashMap;
use std::sync::Arc;

/// The values of one field path, in the order in which they were first seen.
#[derive(Default)]
pub struct Interner {
    keys: HashMap<String, i32>,
    values: Vec<String>,
    bytes: usize,
}

impl Interner {
    /// The file's keys for a batch's own dictionary array; values that no row uses are left behind. Where the column
    /// may not be null, what is `gone` (below a null list or struct) becomes the empty text, so that each key has a value.
    pub fn remap(
        &mut self,
        array: &DictionaryArray<Int32Type>,
        gone: Option<&NullBuffer>,
        nullable: bool,
    ) -> Result<ScalarBuffer<i32>> {
        let values = array.values().as_any().downcast_ref::<StringArray>();
        let values = values.ok_or_else(|| Error::invalid("the values of a dictionary column must be utf8"))?;
        let mut map = vec![-1; values.len()];
        let mut keys = vec![0; array.len()];
        // Many columns say nothing at all.
        let says_nothing = nullable && gone.is_some_and(|gone| gone.null_count() == keys.len());
        let rows = if says_nothing { 0 } else { keys.len() };
        for (row, (key, old)) in keys.iter_mut().zip(array.keys().values()).enumerate().take(rows) {
            if gone.is_some_and(|gone| gone.is_null(row)) {
                *key = if nullable { 0 } else { self.key("")? };
                continue;
            }
            let old = *old as usize;
            if map[old] < 0 {
                if values.is_null(old) {
                    return Err(Error::invalid("a dictionary column has a null among its values, not among its keys"));
                }
                map[old] = self.key(values.value(old))?;
            }
            *key = map[old];
        }
        Ok(keys.into())
    }

    fn key(&mut self, value: &str) -> Result<i32> {
        if let Some(key) = self.keys.get(value) {
            return Ok(*key);
        }
        self.bytes += value.len();
        if self.bytes > i32::MAX as usize || self.values.len() == i32::MAX as usize {
            return Err(Error::invalid(
                "a dictionary column has more than 2 GiB of distinct values: it should be a text column",
            ));
        }
        let key = self.values.len() as i32;
        self.keys.insert(value.to_owned(), key);
        self.values.push(value.to_owned());
        Ok(key)
    }

    /// All values, by key.
    pub fn values(&self) -> ArrayRef {
        Arc::new(StringArray::from_iter_values(&self.values))
    }
}
