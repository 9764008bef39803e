//! Rows lead to others of their table by `parent`, and never back to themselves.

use crate::dataset::Dataset;
use crate::error::Result;
use crate::format::Address;
use crate::schema::tables::Table;
use crate::schema::views::{Cells, read};
use std::collections::HashSet;

/// The row of its own table that a row is part of; none in tables without such.
///
/// # Errors
/// What reading it gives.
pub fn parent(dataset: &Dataset, table: Table, address: Address) -> Result<Option<Address>> {
    match table.column_index("parent") {
        Some(column) => read::address_opt(dataset.row_of(table, address)?.cell(column)?),
        None => Ok(None),
    }
}

/// Finds circles among rows; what was seen is remembered, so that each row is looked at once: 16 to 32 bytes a row.
#[derive(Default)]
pub struct Circles {
    seen: HashSet<Address>,
}

impl Circles {
    /// Whether this row leads to a circle that was not found before.
    ///
    /// # Errors
    /// What `parent` gives.
    pub fn lead_from(
        &mut self,
        start: Address,
        mut parent: impl FnMut(Address) -> Result<Option<Address>>,
    ) -> Result<bool> {
        let mut path: HashSet<Address> = HashSet::new();
        let mut next = Some(start);
        while let Some(address) = next {
            if !path.insert(address) {
                return Ok(true);
            }
            if !self.seen.insert(address) {
                return Ok(false);
            }
            next = parent(address)?;
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_circle_is_found_once_and_a_tree_is_none() {
        let address = |number: i64| Address::new((1 << 32) + number).unwrap();
        let leads = |parents: &[Option<i64>]| {
            let mut circles = Circles::default();
            let parent = |row: Address| Ok(parents[row.row() as usize].map(address));
            let found = (0..parents.len() as i64).filter(|row| circles.lead_from(address(*row), parent).unwrap());
            found.collect::<Vec<_>>()
        };
        assert_eq!(leads(&[None, Some(0), Some(1), Some(1)]), [0; 0]);
        assert_eq!(leads(&[Some(0), None]), [0]);
        assert_eq!(leads(&[Some(1), Some(2), Some(0), Some(2), Some(4)]), [0, 4]);
    }
}
