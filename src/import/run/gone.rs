//! Numbered records of a file that it has no more: where one says what a record that is added says, that one is there twice.

use super::Run;
use super::numbered::{HELD, numbered, said_by, stated_by, stem_of};
use crate::dataset::Dataset;
use crate::error::{ErrorKind, Result};
use crate::format::Address;
use crate::format::numbers::whole_number;
use crate::import::report::At;
use crate::schema::record::Keyed;
use crate::schema::tables::Table;
use std::collections::{BTreeMap, HashMap};

/// Where the dataset has numbered records of a source, by the beginnings of their ids: ranges of rows, from the first to the
/// last, which others may lie between.
#[derive(Default)]
pub(super) struct NumberedRows(BTreeMap<String, Vec<(Table, Address, Address)>>);

impl NumberedRows {
    /// Those of a source, found in one pass.
    fn of(dataset: &Dataset, source: &str) -> Result<Self> {
        let mut rows = Self::default();
        for address in dataset.live_addresses(Table::Conversations)? {
            let there = dataset.conversation_at(address)?;
            if there.source()? == source {
                rows.note(Table::Conversations, there.id()?, address);
            }
        }
        for address in dataset.live_addresses(Table::Annotations)? {
            let there = dataset.annotation(address)?;
            if there.source()? == source {
                rows.note(Table::Annotations, there.id()?, address);
            }
        }
        Ok(rows)
    }

    fn note(&mut self, table: Table, id: &str, address: Address) {
        let Some((beginning, _)) = id.rsplit_once('#').filter(|(_, number)| whole_number::<u64>(number).is_some())
        else {
            return;
        };
        let ranges = match self.0.get_mut(beginning) {
            Some(ranges) => ranges,
            None => self.0.entry(beginning.to_owned()).or_default(),
        };
        let is_last =
            |(of, first, _): &&mut (Table, Address, Address)| *of == table && first.fragment() == address.fragment();
        match ranges.last_mut().filter(is_last) {
            Some((_, _, last)) => *last = address,
            None => ranges.push((table, address, address)),
        }
    }

    /// The rows that may be of a file.
    fn of_file<'r>(&'r self, file: &'r str) -> impl Iterator<Item = (Table, Address)> + 'r {
        let stem = stem_of(file);
        let those = self.0.range(stem.to_owned()..).take_while(move |(beginning, _)| beginning.starts_with(stem));
        those.flat_map(|(_, ranges)| ranges).flat_map(|(table, first, last)| {
            (first.get()..=last.get()).filter_map(|address| Some((*table, Address::new(address).ok()?)))
        })
    }
}

impl Run<'_> {
    /// What the dataset says under numbers of a file that was read and has them no more, and how often, where that matters.
    ///
    /// # Errors
    /// `Corrupt` where the dataset's own cannot be read.
    pub(super) fn said_by_gone(&mut self, at: &At) -> Result<HashMap<u64, usize, Keyed>> {
        let mut said = HashMap::default();
        if !self.of_input.numbered.may_be_gone() {
            return Ok(said);
        }
        let dataset = self.sink.dataset().clone();
        let rows = match self.numbered_rows.take() {
            Some(rows) => rows,
            None => NumberedRows::of(&dataset, &self.options.source.id)?,
        };
        for (table, address) in rows.of_file(&at.file) {
            if said.len() == HELD {
                break;
            }
            match self.said_if_gone(&dataset, table, address, at) {
                Ok(Some(gone)) => *said.entry(gone).or_default() += 1,
                Ok(None) => {}
                // A row between those of the file that was deleted.
                Err(error) if matches!(error.kind(), ErrorKind::Deleted | ErrorKind::NotInVersion) => {}
                Err(error) => return Err(error),
            }
        }
        self.numbered_rows = Some(rows);
        Ok(said)
    }

    /// What a row says, where it is of the file and was not met.
    fn said_if_gone(&self, dataset: &Dataset, table: Table, address: Address, at: &At) -> Result<Option<u64>> {
        let source = self.options.source.id.as_str();
        let is_gone = |of: &str, id: &str| {
            let is_numbered_and_gone =
                |(beginning, number): (&str, u64)| !self.of_input.numbered.has_met(beginning, number);
            of == source && numbered(id, at).is_some_and(is_numbered_and_gone) && !self.is_met(id)
        };
        Ok(match table {
            Table::Conversations => {
                let there = dataset.conversation_at(address)?;
                if !is_gone(there.source()?, there.id()?) {
                    return Ok(None);
                }
                let shown = self.shown_by(address)?;
                Some(said_by(&there.to_row()?, shown.iter().map(|(_, id)| id.as_str())))
            }
            _ => {
                let there = dataset.annotation(address)?;
                is_gone(there.source()?, there.id()?).then(|| there.to_row()).transpose()?.map(|row| stated_by(&row))
            }
        })
    }
}
