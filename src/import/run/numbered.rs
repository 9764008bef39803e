//! Records without ids of their own: they are called by their file and their number, so that one more or one less in front
//! gives all behind it other names.

use super::Run;
use crate::error::{Error, Result};
use crate::format::Address;
use crate::import::inputs::Input;
use crate::import::media::names::Named;
use crate::import::media::store::ShownRows;
use crate::import::options::OnChange;
use crate::import::report::{At, Kind, RecordCounts};
use crate::schema::record::{Identity, Keyed};
use crate::schema::rows::{AnnotationRow, ConversationRow, TurnRow};
use crate::schema::tables::Table;
use std::collections::{BTreeMap, HashSet};

/// How many records are held against each other: 32 MB at most.
const HELD: usize = 1 << 20;
/// How many records that a file has no more are counted.
const COUNTED: u64 = 1 << 20;

/// The numbered records of a file, as far as the dataset has some of it.
#[derive(Default)]
pub(super) struct Numbered {
    /// Whether the source has records of before at all.
    pub(super) is_on: bool,
    /// What the dataset says under numbers whose records say something else now.
    there: HashSet<u64, Keyed>,
    /// What these records say, and those that were added behind them.
    here: HashSet<u64, Keyed>,
    /// The last number behind each beginning of an id.
    last: BTreeMap<String, (Table, u64)>,
}

/// The beginning of the id of a numbered record, and its number.
fn numbered<'i>(id: &'i str, at: &At) -> Option<(&'i str, u64)> {
    let (beginning, number) = id.rsplit_once('#')?;
    let stem = at.file.rsplit_once('.').map_or(at.file.as_str(), |(stem, _)| stem);
    let is_of_file = beginning.starts_with(stem);
    let number = number.parse().ok().filter(|read: &u64| read.to_string() == number)?;
    is_of_file.then_some((beginning, number))
}

impl Numbered {
    /// Begins with a file.
    pub(super) fn enter(&mut self, is_on: bool) {
        *self = Self { is_on, ..Self::default() };
    }

    /// Notes that the file has a record; whether it is a numbered one.
    pub(super) fn note(&mut self, table: Table, id: &str, at: &At) -> bool {
        let Some((beginning, number)) = numbered(id, at).filter(|_| self.is_on) else { return false };
        if let Some((_, last)) = self.last.get_mut(beginning) {
            *last = number.max(*last);
        } else if self.last.len() < HELD {
            self.last.insert(beginning.to_owned(), (table, number));
        }
        true
    }

    fn differs(&mut self, there: u64, here: u64) {
        if self.there.len() < HELD && self.here.len() < HELD {
            self.there.insert(there);
            self.here.insert(here);
        }
    }

    fn adds(&mut self, here: impl FnOnce() -> u64) {
        if !self.there.is_empty() && self.here.len() < HELD {
            self.here.insert(here());
        }
    }

    /// Whether what the dataset has under changed numbers is said under others now: half of it, since a file may say the same
    /// twice.
    fn are_moved(&self) -> bool {
        let moved = self.there.iter().filter(|said| self.here.contains(said)).count();
        moved > 0 && moved * 2 >= self.there.len()
    }
}

impl Run<'_> {
    /// Notes a conversation; `there` is the dataset's under its id where that is another, and what it shows.
    pub(super) fn note_conversation(
        &mut self,
        row: &ConversationRow,
        names: &[Named<'_>],
        there: Option<(Address, &ShownRows)>,
        at: &At,
    ) -> Result<()> {
        if !self.numbered.note(Table::Conversations, &row.id, at) {
            return Ok(());
        }
        let here = || {
            let refs = row.all_media().flat_map(|medium| &medium.refs);
            said_by(row, refs.filter_map(|of| names.get(of.row() as usize).map(|named| named.id.as_str())))
        };
        match there {
            None => self.numbered.adds(here),
            Some((address, shown)) => {
                let there = self.sink.dataset().conversation_at(address)?.to_row()?;
                let there = said_by(&there, shown.iter().map(|(_, id)| id.as_str()));
                self.numbered.differs(there, here());
            }
        }
        Ok(())
    }

    /// Notes a statement; `there` is the dataset's under its id where that is another.
    pub(super) fn note_statement(&mut self, row: &AnnotationRow, there: Option<&AnnotationRow>, at: &At) {
        if self.numbered.note(Table::Annotations, &row.id, at) {
            match there {
                None => self.numbered.adds(|| stated_by(row)),
                Some(there) => self.numbered.differs(stated_by(there), stated_by(row)),
            }
        }
    }

    /// Holds the numbered records of a file that was read against those of before; `before` are the counts
    /// without it.
    ///
    /// # Errors
    /// `Invalid` where records of before have other numbers now, so that those that were added are there twice, and what was put
    /// between them is not.
    pub(super) fn check_numbers(&mut self, input: &Input, before: &RecordCounts) -> Result<()> {
        let now = &self.report.records;
        let (added, changed) = (now.added - before.added, now.changed_kept - before.changed_kept);
        if added > 0 && self.options.on_change != OnChange::Replace && self.numbered.are_moved() {
            return Err(Error::invalid(format!(
                "{changed} of its records say something else than the dataset's of the same names, and {added} would be added \
                 which it has under other names: records were put between those of before. They have no ids of their own, so \
                 that they are called by the file's name and their numbers. --on-change replace takes what the file says in \
                 place of what is there, number by number"
            )));
        }
        self.tell_gone(&At { file: input.name.clone(), ..At::default() })
    }

    /// Tells which numbered records of before a file has no more: they had the numbers behind its last.
    fn tell_gone(&mut self, at: &At) -> Result<()> {
        let source = self.options.source.id.clone();
        for (beginning, (table, last)) in std::mem::take(&mut self.numbered.last) {
            let mut gone = 0;
            while gone < COUNTED {
                let id = format!("{beginning}#{}", last + gone + 1);
                if self.is_met(&id) || self.sink.dataset().find_in(table, &source, &id)?.is_none() {
                    break;
                }
                gone += 1;
            }
            if gone == 0 {
                continue;
            }
            let (first, rest) = (format!("{beginning}#{}", last + 1), gone - 1);
            let rest =
                if rest == 0 { String::new() } else { format!(", and {rest} more up to {beginning}#{}", last + gone) };
            let what = format!(
                "{first:?}{rest}: the dataset has it of this file, which has no more than {last}: it stays, and may say what \
                 another number says now (surgdb delete takes it out)"
            );
            self.report.find(Kind::Doubtful, &At { id: Some(first), ..at.clone() }, what);
        }
        Ok(())
    }
}

/// What a conversation says about what it shows, whatever it is called.
fn said_by<'i>(row: &ConversationRow, shown: impl Iterator<Item = &'i str>) -> u64 {
    let mut digest = blake3::Hasher::new();
    let mut say = |text: &str| {
        digest.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
    };
    shown.for_each(&mut say);
    let turns = row.turns.iter().chain(row.alternatives.iter().flat_map(|ending| &ending.turns));
    turns.for_each(|TurnRow { role, text, .. }| [role, text].into_iter().for_each(|text| say(text)));
    Identity::of_digest(digest.finalize().as_bytes()).key()
}

/// What a statement says, whatever it is called.
fn stated_by(row: &AnnotationRow) -> u64 {
    let row = AnnotationRow { id: String::new(), record: None, ..row.clone() };
    Identity::of_digest(blake3::hash(format!("{row:?}").as_bytes()).as_bytes()).key()
}
