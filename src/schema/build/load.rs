//! How much a builder holds: what bounds its batch.

use crate::error::{Error, Result};

/// Bytes that an item of a list is reckoned at, its text apart.
const ITEM_BYTES: usize = 24;
/// Bytes that a value of a column is reckoned at, its text apart.
const CELL_BYTES: usize = 9;

/// The size of one row, or of all rows of a builder.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Load {
    rows: usize,
    /// Items of all lists, of lists in lists too: no list's offsets can be above it.
    items: usize,
    /// Bytes of the values of dictionaries, repeats counted: no dictionary can be longer.
    names: usize,
    /// Bytes of the other texts.
    text: usize,
}

impl Load {
    /// The size of a row with nothing in it.
    pub(super) fn row() -> Self {
        Self { rows: 1, ..Self::default() }
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn bytes(&self, columns: usize) -> usize {
        let fixed = self.rows.saturating_mul(columns * CELL_BYTES);
        fixed + self.items.saturating_mul(ITEM_BYTES) + self.names + self.text
    }

    /// Counts a list of so many items.
    pub(super) fn items(&mut self, items: usize) {
        self.items = self.items.saturating_add(items);
    }

    /// Counts a dictionary's value.
    pub(super) fn name(&mut self, name: &str) {
        self.names = self.names.saturating_add(name.len());
    }

    /// Counts a dictionary's value, where there is one.
    pub(super) fn name_opt(&mut self, name: &Option<String>) {
        self.names = self.names.saturating_add(name.as_ref().map_or(0, String::len));
    }

    /// Counts a text.
    pub(super) fn text(&mut self, text: &str) {
        self.text = self.text.saturating_add(text.len());
    }

    /// Counts a text, where there is one.
    pub(super) fn text_opt(&mut self, text: &Option<String>) {
        self.text = self.text.saturating_add(text.as_ref().map_or(0, String::len));
    }

    /// Counts bytes that are no text.
    pub(super) fn raw(&mut self, bytes: usize) {
        self.text = self.text.saturating_add(bytes);
    }

    /// Adds a row.
    ///
    /// # Errors
    /// `Invalid`, and nothing is added, when lists or dictionaries could pass what 32 bits count.
    pub(super) fn add(&mut self, row: Load) -> Result<()> {
        let items = self.items.saturating_add(row.items);
        let names = self.names.saturating_add(row.names);
        const LIMIT: usize = i32::MAX as usize;
        if items > LIMIT || names > LIMIT {
            return Err(Error::invalid(format!(
                "the row does not fit into this batch: with it the batch would have {items} list items and {names} \
                 bytes of dictionary values, and at most {LIMIT} of each can be counted; finish the batch first"
            )));
        }
        self.rows += row.rows;
        self.items = items;
        self.names = names;
        self.text = self.text.saturating_add(row.text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_row_past_32_bits_is_refused_and_nothing_is_added() {
        let mut load = Load::default();
        let mut row = Load::row();
        row.items(i32::MAX as usize);
        load.add(row).unwrap();
        let mut more = Load::row();
        more.items(1);
        assert_eq!(load.add(more).unwrap_err().kind(), ErrorKind::Invalid);
        assert_eq!(load.rows(), 1);
        load.add(Load::row()).unwrap();

        let mut huge = Load::row();
        huge.items(usize::MAX);
        huge.items(usize::MAX);
        assert_eq!(Load::default().add(huge).unwrap_err().kind(), ErrorKind::Invalid);
    }
}
