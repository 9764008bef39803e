//! What this import has said of rows: so that what is said later is taken too where nothing was said, and told where
//! something else was.

use crate::format::address::Address;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// As many columns as a table of media has at most.
const COLUMNS: usize = 16;

/// A column of which something is said, and a mark of what.
pub(super) type Said = (usize, u16);

/// A mark of a value: two values that differ have the same once in 65 thousand times.
pub(super) fn mark(value: &(impl Hash + ?Sized)) -> u16 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish() as u16
}

/// What was said of a row: 36 bytes.
#[derive(Clone, Copy, Default)]
struct OfRow {
    columns: u16,
    /// Of which of them it was told that something else was said.
    told: u16,
    marks: [u16; COLUMNS],
}

/// What a statement says that was not said of the row before.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct News {
    /// Columns of which nothing was said.
    pub(super) more: Vec<usize>,
    /// Columns of which something else was said, where that is new too.
    pub(super) other: Vec<usize>,
}

/// What this import has said of rows, by their addresses.
#[derive(Default)]
pub(super) struct Heard(HashMap<Address, OfRow>);

impl Heard {
    /// Takes in what is said of a row; gives what is new in it.
    pub(super) fn hear(&mut self, address: Address, said: &[Said]) -> News {
        let mut news = News::default();
        if said.is_empty() {
            return news;
        }
        let row = self.0.entry(address).or_default();
        for (column, mark) in said {
            let (Some(known), bit) = (row.marks.get_mut(*column), 1u16 << (*column).min(COLUMNS - 1)) else { continue };
            if row.columns & bit == 0 {
                row.columns |= bit;
                *known = *mark;
                news.more.push(*column);
            } else if *known != *mark && row.told & bit == 0 {
                row.told |= bit;
                news.other.push(*column);
            }
        }
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::tables::Table;

    #[test]
    fn what_is_said_first_is_kept_what_is_more_is_new_and_what_is_other_is_told_once() {
        let (mut heard, row) = (Heard::default(), Address::new((3 << 32) + 7).unwrap());
        let [one, two] = [mark(&1), mark(&2)];
        assert_eq!(heard.hear(row, &[]), News::default());
        assert_eq!(heard.hear(row, &[(4, one)]), News { more: vec![4], other: vec![] });
        assert_eq!(heard.hear(row, &[(4, one), (15, two)]), News { more: vec![15], other: vec![] });
        assert_eq!(heard.hear(row, &[(4, two), (15, two)]), News { more: vec![], other: vec![4] });
        assert_eq!(heard.hear(row, &[(4, two), (15, two)]), News::default());
    }

    #[test]
    fn the_tables_of_media_have_no_more_columns_than_are_marked() {
        assert!([Table::Frames, Table::Videos].iter().all(|table| table.columns().len() <= COLUMNS));
    }
}
