//! What some conversations refer to, and what that refers to, and so on.

use crate::dataset::Dataset;
use crate::error::Result;
use crate::format::Address;
use crate::schema::references::each_reference;
use crate::schema::tables::Table;
use crate::schema::views::{Cells, read};
use roaring::RoaringTreemap;
use std::collections::BTreeSet;

/// Rows, by table.
pub(super) struct Reached {
    /// In the order of `Table`'s variants.
    rows: [RoaringTreemap; 6],
    conversations: u64,
    /// The sources of the rows.
    pub(super) sources: BTreeSet<String>,
}

impl Reached {
    /// These conversations and what can be reached from them.
    ///
    /// # Errors
    /// `Deleted`, `NotInVersion`, `Corrupt`.
    pub(super) fn from(dataset: &Dataset, conversations: &[Address]) -> Result<Self> {
        for address in conversations {
            // Checks that it is one.
            dataset.conversation_at(*address)?;
        }
        Self::from_rows(dataset, conversations)
    }

    /// These rows and what can be reached from them.
    ///
    /// # Errors
    /// `Deleted`, `NotInVersion`, `Corrupt`.
    pub(super) fn from_rows(dataset: &Dataset, rows: &[Address]) -> Result<Self> {
        let mut reached = Self { rows: Default::default(), conversations: rows.len() as u64, sources: BTreeSet::new() };
        let mut waiting = Vec::new();
        for address in rows {
            waiting.push(*address);
            while let Some(address) = waiting.pop() {
                reached.visit(dataset, address, &mut waiting)?;
            }
        }
        Ok(reached)
    }

    fn visit(&mut self, dataset: &Dataset, address: Address, waiting: &mut Vec<Address>) -> Result<()> {
        let row = dataset.row(address)?;
        let table = row.table();
        let Some(rows) = self.rows.get_mut(table as usize) else { return Ok(()) };
        if !rows.insert(address.get() as u64) {
            return Ok(());
        }
        if table.has_ids() {
            // `source` is the second column of every table that has one.
            let source = read::dict(row.cell(1)?)?;
            if !self.sources.contains(source) {
                self.sources.insert(source.to_owned());
            }
        }
        for (number, column) in table.columns().iter().enumerate().filter(|(_, column)| column.ty.holds_refs()) {
            let cell = row.cell(number)?;
            let one = cell.array.slice(cell.row, 1);
            each_reference(&column.ty, &one, &mut |_, address| {
                waiting.push(address);
                Ok(())
            })?;
        }
        Ok(())
    }

    /// How many rows of a table there are; a conversation that is named twice counts twice.
    pub(super) fn count(&self, table: Table) -> u64 {
        match table {
            Table::Conversations => self.conversations,
            table => self.rows.get(table as usize).map_or(0, RoaringTreemap::len),
        }
    }

    /// Whether it is one of the rows.
    pub(super) fn has(&self, table: Table, address: i64) -> bool {
        self.rows.get(table as usize).is_some_and(|rows| rows.contains(address as u64))
    }
}
