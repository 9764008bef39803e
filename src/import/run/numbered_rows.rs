//! Where the dataset has records that are called by numbers, and what they say.

use super::Run;
use super::align::Saying;
use crate::dataset::Dataset;
use crate::error::{ErrorKind, Result};
use crate::format::Address;
use crate::format::numbers::whole_number;
use crate::schema::record::Identity;
use crate::schema::rows::{AnnotationRow, ConversationRow, TurnRow};
use crate::schema::tables::Table;
use std::collections::BTreeMap;

/// A file's path without its ending.
pub(super) fn stem_of(file: &str) -> &str {
    file.rsplit_once('.').map_or(file, |(stem, _)| stem)
}

/// The number of a record of which an id is, or that of a part of it (`x.parquet#3/#1`), after what its list's ids start with;
/// and what is of the part.
pub(super) fn number_in<'i>(id: &'i str, beginning: &str) -> Option<(u64, &'i str)> {
    let rest = id.strip_prefix(beginning)?.strip_prefix('#')?;
    let end = rest.find('/').unwrap_or(rest.len());
    let (number, part) = rest.split_at_checked(end)?;
    Some((whole_number(number)?, part))
}

/// Where the dataset has numbered records of a source, by what their ids say before the first `#`: ranges of rows, from the
/// first to the last, which others may lie between.
#[derive(Debug, Default)]
pub(super) struct NumberedRows(BTreeMap<String, Vec<(Table, Address, Address)>>);

impl NumberedRows {
    /// Those of a source, found in one pass.
    pub(super) fn of(dataset: &Dataset, source: &str) -> Result<Self> {
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
        let Some((start, _)) = id.split_once('#') else { return };
        let ranges = match self.0.get_mut(start) {
            Some(ranges) => ranges,
            None => self.0.entry(start.to_owned()).or_default(),
        };
        let is_last =
            |(of, first, _): &&mut (Table, Address, Address)| *of == table && first.fragment() == address.fragment();
        match ranges.last_mut().filter(is_last) {
            Some((_, _, last)) => *last = address,
            None => ranges.push((table, address, address)),
        }
    }

    /// The rows that may be of lists whose ids start so, or go on behind it, of files of this name without its ending.
    pub(super) fn of_file<'r>(&'r self, stem: &'r str) -> impl Iterator<Item = (Table, Address)> + 'r {
        let start = stem.split('#').next().unwrap_or_default();
        let those = self.0.range(start.to_owned()..).take_while(move |(of, _)| of.starts_with(start));
        those.flat_map(|(_, ranges)| ranges).flat_map(|(table, first, last)| {
            (first.get()..=last.get()).filter_map(|address| Some((*table, Address::new(address).ok()?)))
        })
    }
}

/// A numbered record of the dataset.
pub(super) struct NumberedRow {
    pub(super) table: Table,
    pub(super) address: Address,
    /// Which of the lists it is of.
    pub(super) list: usize,
    pub(super) number: u64,
    /// Whether it is the record itself, and no part of it.
    pub(super) is_whole: bool,
}

impl Run<'_> {
    /// Calls `met` with each record that the dataset has under a number of these lists, by what their ids start with.
    ///
    /// # Errors
    /// `Corrupt` where the dataset's own cannot be read; else what `met` returns.
    pub(super) fn each_numbered(
        &mut self,
        stem: &str,
        lists: &[(Table, String)],
        met: &mut dyn FnMut(&Self, NumberedRow) -> Result<()>,
    ) -> Result<()> {
        let dataset = self.sink.dataset().clone();
        let rows = match self.numbered_rows.take() {
            Some(rows) => rows,
            None => NumberedRows::of(&dataset, &self.options.source.id)?,
        };
        for (table, address) in rows.of_file(stem) {
            match self.numbered_row(&dataset, table, address, lists) {
                Ok(Some(row)) => met(self, row)?,
                Ok(None) => {}
                // A row between those of the file that was deleted.
                Err(error) if matches!(error.kind(), ErrorKind::Deleted | ErrorKind::NotInVersion) => {}
                Err(error) => return Err(error),
            }
        }
        self.numbered_rows = Some(rows);
        Ok(())
    }

    fn numbered_row(
        &self,
        dataset: &Dataset,
        table: Table,
        address: Address,
        lists: &[(Table, String)],
    ) -> Result<Option<NumberedRow>> {
        let (conversation, annotation);
        let (of, id) = match table {
            Table::Conversations => {
                conversation = dataset.conversation_at(address)?;
                (conversation.source()?, conversation.id()?)
            }
            _ => {
                annotation = dataset.annotation(address)?;
                (annotation.source()?, annotation.id()?)
            }
        };
        if of != self.options.source.id {
            return Ok(None);
        }
        let found = lists.iter().enumerate().filter(|(_, (of, _))| *of == table);
        let mut found = found.filter_map(|(list, (_, beginning))| Some((list, number_in(id, beginning)?)));
        let row = |(list, (number, part)): (usize, (u64, &str))| NumberedRow {
            table,
            address,
            list,
            number,
            is_whole: part.is_empty(),
        };
        Ok(found.next().map(row))
    }

    /// What a row of the dataset says; `is_strict` as for [`said_of`].
    pub(super) fn said_there(&self, table: Table, address: Address, is_strict: bool) -> Result<Saying> {
        Ok(match table {
            Table::Conversations => {
                let shown = self.shown_by(address)?;
                let row = self.sink.dataset().conversation_at(address)?.to_row()?;
                said_by(&row, shown.iter().map(|(_, id)| id.as_str()))
            }
            _ => said_of(&self.sink.dataset().annotation(address)?.to_row()?, is_strict),
        })
    }
}

/// A digest of these texts; not 0.
fn digest<'t>(texts: impl IntoIterator<Item = &'t str>) -> u64 {
    let mut digest = blake3::Hasher::new();
    for text in texts {
        digest.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
    }
    Identity::of_digest(digest.finalize().as_bytes()).key().max(1)
}

/// The same, or 0 where there are no texts; not 0 where there are.
fn short<'t>(texts: impl IntoIterator<Item = &'t str>) -> u32 {
    let mut texts = texts.into_iter().peekable();
    match texts.peek() {
        Some(_) => (digest(texts) as u32).max(1),
        None => 0,
    }
}

/// What a conversation says about what it shows, whatever it is called.
pub(super) fn said_by<'i>(row: &ConversationRow, shown: impl Iterator<Item = &'i str>) -> Saying {
    // What has no name is called by its record.
    let shown: Vec<&str> =
        shown.map(|id| id.strip_prefix(&row.id).filter(|rest| rest.starts_with('/')).unwrap_or(id)).collect();
    let turns = || row.turns.iter().chain(row.alternatives.iter().flat_map(|ending| &ending.turns));
    let of = |is_answer: bool| turns().filter(move |turn| (turn.role == "assistant") == is_answer);
    let all = turns().flat_map(|TurnRow { role, text, .. }| [role.as_str(), text]);
    Saying {
        all: digest(shown.iter().copied().chain(all)),
        shown: short(shown.iter().copied()),
        asked: short(of(false).map(|turn| turn.text.as_str())),
        answered: short(of(true).map(|turn| turn.text.as_str())),
    }
}

/// What a statement says, whatever it is called; where that is not strict, without what it says besides, in which its id may
/// stand.
pub(super) fn said_of(row: &AnnotationRow, is_strict: bool) -> Saying {
    let mut bare = AnnotationRow { id: String::new(), record: None, ..row.clone() };
    if !is_strict {
        bare.extra = None;
    }
    // A mask is a picture that is called by its statement.
    bare.regions.iter_mut().for_each(|region| region.mask = None);
    let all = format!("{bare:?}");
    Saying {
        all: digest([all.as_str()]),
        shown: short([row.target.get().to_string().as_str()]),
        asked: 0,
        answered: short(row.labels.iter().map(|label| label.raw.as_str()).chain(row.text.as_deref())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_a_record_is_read_off_its_id_and_its_parts() {
        for (id, beginning, number) in [
            ("a.jsonl#3", "a.jsonl", Some((3, ""))),
            ("a.parquet#12/#1", "a.parquet", Some((12, "/#1"))),
            ("a/#7", "a/", Some((7, ""))),
            ("a.jsonl#3", "a", None),
            ("a.jsonl#03", "a.jsonl", None),
            ("a.jsonl#3~2", "a.jsonl", None),
            ("a.jsonl#x", "a.jsonl", None),
            ("a.jsonl", "a.jsonl", None),
        ] {
            assert_eq!(number_in(id, beginning), number, "{id}");
        }
    }
}
