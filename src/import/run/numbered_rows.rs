//! Where the dataset has records that are called by numbers, and what they say.

use super::Run;
use super::align::Saying;
use crate::dataset::{Dataset, Record};
use crate::error::Result;
use crate::format::Address;
use crate::format::numbers::whole_number;
use crate::schema::rows::{AnnotationRow, ConversationRow, RegionRow};
use crate::schema::tables::Table;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

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
/// first to the last, which others may lie between; and those that were deleted, one by one.
#[derive(Debug, Default)]
pub(super) struct NumberedRows {
    live: BTreeMap<String, Vec<(Address, Address)>>,
    deleted: BTreeMap<String, Vec<Address>>,
}

impl NumberedRows {
    /// Those of a source, found in one pass.
    pub(super) fn of(dataset: &Dataset, source: &str) -> Result<Self> {
        let mut rows = Self::default();
        for table in [Table::Conversations, Table::Annotations] {
            for address in dataset.live_addresses(table)? {
                with_start(dataset, source, address, |start| rows.note(start, address))?;
            }
            for address in dataset.deleted_rows(table)? {
                let note = |start: &str| rows.deleted.entry(start.to_owned()).or_default().push(address);
                with_start(dataset, source, address, note)?;
            }
        }
        Ok(rows)
    }

    fn note(&mut self, start: &str, address: Address) {
        let ranges = match self.live.get_mut(start) {
            Some(ranges) => ranges,
            None => self.live.entry(start.to_owned()).or_default(),
        };
        match ranges.last_mut().filter(|(first, _)| first.fragment() == address.fragment()) {
            Some((_, last)) => *last = address,
            None => ranges.push((address, address)),
        }
    }

    /// The rows that may be of files of this name without its ending, and whether they were deleted: live ones first.
    fn of_file<'r>(&'r self, stem: &'r str) -> impl Iterator<Item = (Address, bool)> + 'r {
        let start = stem.split('#').next().unwrap_or_default();
        let live = self.live.range(start.to_owned()..).take_while(move |(of, _)| of.starts_with(start));
        let live = live.flat_map(|(_, ranges)| ranges).flat_map(|(first, last)| {
            (first.get()..=last.get()).filter_map(|address| Some((Address::new(address).ok()?, false)))
        });
        let deleted = self.deleted.range(start.to_owned()..).take_while(move |(of, _)| of.starts_with(start));
        live.chain(deleted.flat_map(|(_, rows)| rows).map(|address| (*address, true)))
    }
}

/// Calls `found` with what the id of a row says before its first `#`, where it is of this source and has one.
fn with_start(dataset: &Dataset, source: &str, address: Address, found: impl FnOnce(&str)) -> Result<()> {
    let row = dataset.even_deleted(address)?;
    let (of, id) = source_and_id(&row)?;
    if of == source
        && let Some((start, _)) = id.split_once('#')
    {
        found(start);
    }
    Ok(())
}

fn source_and_id<'r>(row: &'r Record<'_>) -> Result<(&'r str, &'r str)> {
    Ok(match row {
        Record::Conversation(row) => (row.source()?, row.id()?),
        Record::Annotation(row) => (row.source()?, row.id()?),
        Record::Frame(row) => (row.source()?, row.id()?),
        Record::Video(row) => (row.source()?, row.id()?),
        Record::Case(_) | Record::Blob(_) => ("", ""),
    })
}

/// A numbered record of the dataset.
pub(super) struct NumberedRow<'r> {
    pub(super) row: Record<'r>,
    /// Which of the lists it is of.
    pub(super) list: usize,
    pub(super) number: u64,
    /// Whether it is the record itself, and no part of it.
    pub(super) is_whole: bool,
    pub(super) is_deleted: bool,
}

impl NumberedRow<'_> {
    /// # Errors
    /// `Corrupt`.
    pub(super) fn id(&self) -> Result<&str> {
        source_and_id(&self.row).map(|(_, id)| id)
    }
}

impl Run<'_> {
    /// Calls `met` with each record that the dataset has under a number of these lists, by what their ids start with: live
    /// ones, then those that were deleted and not yet emptied.
    ///
    /// # Errors
    /// `Corrupt` where the dataset's own cannot be read; else what `met` returns.
    pub(super) fn each_numbered(
        &mut self,
        stem: &str,
        lists: &[(Table, String)],
        met: &mut dyn FnMut(&Self, NumberedRow<'_>) -> Result<()>,
    ) -> Result<()> {
        let dataset = self.sink.dataset().clone();
        let rows = match self.numbered_rows.take() {
            Some(rows) => rows,
            None => NumberedRows::of(&dataset, &self.options.source.id)?,
        };
        for (address, is_deleted) in rows.of_file(stem) {
            if !is_deleted && !dataset.is_live(address)? {
                continue;
            }
            let row = dataset.even_deleted(address)?;
            let found = {
                let table = dataset.table_of(address)?;
                let (of, id) = source_and_id(&row)?;
                let lists = lists.iter().enumerate().filter(|(_, (of, _))| *of == table);
                let mut found = lists.filter_map(|(list, (_, beginning))| Some((list, number_in(id, beginning)?)));
                let found = found.next().filter(|_| of == self.options.source.id);
                found.map(|(list, (number, part))| (list, number, part.is_empty()))
            };
            if let Some((list, number, is_whole)) = found {
                met(self, NumberedRow { row, list, number, is_whole, is_deleted })?;
            }
        }
        self.numbered_rows = Some(rows);
        Ok(())
    }

    /// What a row of the dataset says; `is_strict` as for [`said_of`].
    pub(super) fn said_there(&self, row: &Record<'_>, is_strict: bool) -> Result<Saying> {
        Ok(match row {
            Record::Conversation(row) => {
                let row = row.to_row()?;
                let mut shown = Vec::new();
                for address in row.all_media().flat_map(|medium| &medium.refs) {
                    let of = self.sink.dataset().even_deleted(*address)?;
                    shown.push(source_and_id(&of)?.1.to_owned());
                }
                said_by(&row, shown.iter().map(String::as_str))
            }
            Record::Annotation(row) => said_of(&row.to_row()?, is_strict),
            _ => Saying::default(),
        })
    }
}

/// A digest of something, for as long as a file is read; not 0. Nobody is harmed by two that are alike: the records are compared.
fn digest(what: impl Hash) -> u64 {
    let mut digest = DefaultHasher::new();
    what.hash(&mut digest);
    digest.finish().max(1)
}

/// The same, or 0 where there is nothing.
fn short(what: &[impl Hash]) -> u32 {
    if what.is_empty() { 0 } else { (digest(what) as u32).max(1) }
}

/// What a conversation says about what it shows, whatever it is called.
pub(super) fn said_by<'i>(row: &ConversationRow, shown: impl Iterator<Item = &'i str>) -> Saying {
    // What has no name is called by its record.
    let bare = |id: &'i str| id.strip_prefix(&row.id).filter(|rest| rest.starts_with('/')).unwrap_or(id);
    let shown: Vec<&str> = shown.map(bare).collect();
    let turns = row.turns.iter().chain(row.alternatives.iter().flat_map(|ending| &ending.turns));
    let turns: Vec<(bool, u64)> =
        turns.map(|turn| (turn.role == "assistant", digest((&turn.role, &turn.text)))).collect();
    let of = |is_answer: bool| turns.iter().filter(|(of, _)| *of == is_answer).collect::<Vec<_>>();
    Saying { all: digest((&shown, &turns)), shown: short(&shown), asked: short(&of(false)), answered: short(&of(true)) }
}

/// What a statement says, whatever it is called; where that is not strict, without what it says besides, in which its id may
/// stand.
pub(super) fn said_of(row: &AnnotationRow, is_strict: bool) -> Saying {
    let mut bare = AnnotationRow { id: String::new(), record: None, ..row.clone() };
    if !is_strict {
        bare.extra = None;
    }
    // A mask is a picture that is called by its statement; what a region would be of says nothing without it.
    bare.regions.iter_mut().for_each(|region| region.mask = None);
    bare.regions.retain(|region| *region != RegionRow { role: region.role.clone(), ..RegionRow::default() });
    Saying {
        all: digest(format!("{bare:?}")),
        shown: short(&[row.target.get()]),
        asked: 0,
        answered: short(&row.labels.iter().map(|label| &label.raw).chain(&row.text).collect::<Vec<_>>()),
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
