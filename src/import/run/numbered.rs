//! Records without ids of their own: they are called by their file and their number, so that one more or one less in front
//! gives all behind it other names.

use super::Run;
use crate::dataset::{SOURCE_DATASET, SPLIT};
use crate::error::{Error, Result};
use crate::format::Address;
use crate::format::numbers::whole_number;
use crate::import::inputs::Input;
use crate::import::media::names::Named;
use crate::import::media::store::ShownRows;
use crate::import::options::OnChange;
use crate::import::report::{At, Kind, RecordCounts};
use crate::schema::record::{Identity, Keyed};
use crate::schema::rows::{AnnotationRow, ConversationRow, TurnRow};
use crate::schema::tables::Table;
use roaring::RoaringTreemap;
use std::collections::{BTreeMap, HashMap};

/// How many records are held against each other: some 100 MB at most.
pub(super) const HELD: usize = 1 << 20;
/// How many records that a file has no more are looked for.
const COUNTED: u64 = 1 << 20;
/// What more records say than so many tells nothing of where one of them has gone.
const ALIKE: usize = 16;
/// How many distances are looked at.
const DISTANCES: usize = 32;
/// Numbers of one list of records are below it: those of the next start there.
const LIST: u64 = 1 << 40;

/// The numbered records of a file, as far as the dataset has some of it.
#[derive(Default)]
pub(super) struct Numbered {
    /// Whether the source has records of before at all.
    is_on: bool,
    /// Whether some of them are of a file of this name.
    is_known: bool,
    /// What the dataset says and goes on saying under numbers whose records say something else now.
    left: HashMap<u64, u64>,
    /// Under which numbers it says so, a few of them.
    places: HashMap<u64, Vec<u64>, Keyed>,
    /// What records say that were added, and under which numbers, where these are theirs.
    added: Vec<(Option<u64>, u64)>,
    /// The lists of records, by the beginnings of their ids: the table, which list it is, and its last number.
    lists: BTreeMap<String, (Table, u64, u64)>,
    /// Those that were met.
    met: RoaringTreemap,
    /// The last number of a record that could not be taken.
    skipped: u64,
    /// How many conversations were replaced under their numbers.
    replaced: u64,
}

/// A file's path without its ending.
pub(super) fn stem_of(file: &str) -> &str {
    file.rsplit_once('.').map_or(file, |(stem, _)| stem)
}

/// The beginning of the id of a numbered record, and its number.
pub(super) fn numbered<'i>(id: &'i str, at: &At) -> Option<(&'i str, u64)> {
    let (beginning, number) = id.rsplit_once('#')?;
    let is_of_file = beginning.starts_with(stem_of(&at.file));
    let number = whole_number(number)?;
    is_of_file.then_some((beginning, number))
}

impl Numbered {
    /// None yet; `is_on` where the source has records of before, and `is_known` where it has some of a file of this name.
    pub(super) fn new(is_on: bool, is_known: bool) -> Self {
        Self { is_on, is_known, ..Self::default() }
    }

    /// Notes that the file has a record; its number, where it is a numbered one.
    pub(super) fn note(&mut self, table: Table, id: &str, at: &At) -> Option<u64> {
        if !self.is_on {
            return None;
        }
        let (beginning, number) = numbered(id, at).filter(|(_, number)| *number < LIST)?;
        let count = self.lists.len();
        let list = match self.lists.get_mut(beginning) {
            Some((_, list, last)) => {
                *last = number.max(*last);
                *list
            }
            None if count == HELD => return None,
            None => {
                self.lists.insert(beginning.to_owned(), (table, count as u64, number));
                count as u64
            }
        };
        self.met.insert(list * LIST + number);
        Some(list * LIST + number)
    }

    /// Whether the file has a record of this number.
    pub(super) fn has_met(&self, beginning: &str, number: u64) -> bool {
        self.lists.get(beginning).is_some_and(|(_, list, _)| self.met.contains(list * LIST + number))
    }

    /// Notes that a record of the file could not be taken.
    pub(super) fn skip(&mut self, at: &At) {
        self.skipped = self.skipped.max(at.record.unwrap_or_default());
    }

    /// Notes a conversation that takes the place of the one with its number.
    pub(super) fn replace(&mut self, id: &str, at: &At) {
        self.replaced += u64::from(self.note(Table::Conversations, id, at).is_some());
    }

    /// Notes what the dataset says under a number, and goes on saying, while the file says something else.
    fn leave(&mut self, number: u64, said: u64) {
        if self.left.len() < HELD {
            self.left.insert(number, said);
            let places = self.places.entry(said).or_default();
            if places.len() <= ALIKE {
                places.push(number);
            }
        }
    }

    /// Notes what is added, under a number or an id of its own.
    fn add(&mut self, number: Option<u64>, said: impl FnOnce() -> u64) {
        let may_be_there = self.is_known || (number.is_some() && !self.left.is_empty());
        if may_be_there && self.added.len() < HELD {
            self.added.push((number, said()));
        }
    }

    /// Whether what was added may be what the file has no more under numbers.
    pub(super) fn may_be_gone(&self) -> bool {
        self.is_known && !self.added.is_empty()
    }

    /// How many of those that were added say what the dataset says, and goes on saying, under numbers: `gone` is how often it
    /// says what under those that the file has no more. What more of those added say than there are of such is said by many
    /// anyway, and tells nothing.
    fn count_there(&self, gone: &HashMap<u64, usize, Keyed>) -> usize {
        let mut added: HashMap<u64, usize, Keyed> = HashMap::default();
        self.added.iter().for_each(|(_, said)| *added.entry(*said).or_default() += 1);
        let is_there = |(said, count): &(u64, usize)| {
            let left = self.places.get(said).map_or(0, Vec::len);
            left <= ALIKE && *count <= left + gone.get(said).copied().unwrap_or(0)
        };
        added.into_iter().filter(is_there).map(|(_, count)| count).sum()
    }

    /// Whether records that are added are those of before under further numbers. Where some were put in front, the last of
    /// before is further by as many; and where it is gone, many that were before it are, all by the same number. That tells
    /// them from others that happen to say what one said that was corrected.
    fn are_moved(&self) -> bool {
        let added: Vec<(u64, u64)> = self.added.iter().filter_map(|(number, said)| Some(((*number)?, *said))).collect();
        let count = added.len() as u64;
        let mut firsts: HashMap<u64, u64> = HashMap::new();
        for (number, _) in &added {
            let first = firsts.entry(number / LIST).or_insert(*number);
            *first = *number.min(first);
        }
        let mut distances: HashMap<u64, u64> = HashMap::new();
        for (number, said) in &added {
            let places = self.places.get(said).filter(|places| places.len() <= ALIKE);
            for before in places.into_iter().flatten() {
                let Some(further) = number.checked_sub(*before).filter(|further| *further <= count) else { continue };
                if firsts.get(&(number / LIST)) == Some(&(before + 1)) {
                    return true;
                }
                *distances.entry(further).or_default() += 1;
            }
        }
        let mut distances: Vec<(u64, u64)> = distances.into_iter().map(|(further, count)| (count, further)).collect();
        distances.sort_unstable_by_key(|(count, further)| (std::cmp::Reverse(*count), *further));
        distances.into_iter().take(DISTANCES).any(|(_, further)| {
            let is_moved = |(number, said): &&(u64, u64)| {
                number.checked_sub(further).and_then(|before| self.left.get(&before)) == Some(said)
            };
            added.iter().filter(is_moved).count() as u64 * 2 >= further
        })
    }
}

impl Run<'_> {
    /// Notes a conversation; `there` is the dataset's under its id where that is another and stays, and what it shows.
    pub(super) fn note_conversation(
        &mut self,
        row: &ConversationRow,
        names: &[Named<'_>],
        there: Option<(Address, &ShownRows)>,
        at: &At,
    ) -> Result<()> {
        let number = self.of_input.numbered.note(Table::Conversations, &row.id, at);
        match there {
            None => self.of_input.numbered.add(number, || {
                let refs = row.all_media().flat_map(|medium| &medium.refs);
                said_by(row, refs.filter_map(|of| names.get(of.row() as usize).map(|named| named.id.as_str())))
            }),
            Some((address, shown)) => {
                let Some(number) = number else { return Ok(()) };
                let there = self.sink.dataset().conversation_at(address)?.to_row()?;
                self.of_input.numbered.leave(number, said_by(&there, shown.iter().map(|(_, id)| id.as_str())));
            }
        }
        Ok(())
    }

    /// Notes a statement; `there` is the dataset's under its id where that is another and stays.
    pub(super) fn note_statement(&mut self, row: &AnnotationRow, there: Option<&AnnotationRow>, at: &At) {
        let numbered = &mut self.of_input.numbered;
        match (there, numbered.note(Table::Annotations, &row.id, at)) {
            (None, number) => numbered.add(number, || stated_by(row)),
            (Some(there), Some(number)) => numbered.leave(number, stated_by(there)),
            (Some(_), None) => {}
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
        let (added, kept) = (now.added - before.added, now.changed_kept - before.changed_kept);
        let at = At { file: input.name.clone(), ..At::default() };
        if added > 0 {
            let gone = self.said_by_gone(&at)?;
            let there = self.of_input.numbered.count_there(&gone);
            if self.of_input.numbered.are_moved() || there * 2 > self.of_input.numbered.added.len() {
                return Err(self.moved(kept, added, !gone.is_empty(), &at));
            }
            if there > 0 {
                let what = format!(
                    "{there} of the {added} records that were added say what the dataset says under other numbers of this \
                     file, where it says something else now or nothing: these stay, and are there twice (surgdb delete takes \
                     them out)"
                );
                self.report.find(Kind::Doubtful, &at, what);
            }
        }
        self.tell_carried(&at);
        self.tell_gone(&at)
    }

    /// What is wrong where records that would be added are there under other names.
    fn moved(&self, kept: u64, added: u64, is_gone: bool, at: &At) -> Error {
        let is_of_statements = self.of_input.numbered.lists.values().any(|(table, ..)| *table == Table::Annotations);
        let way = if is_gone || is_of_statements || self.options.on_change == OnChange::Replace {
            format!(
                "What is about something else now is not replaced, and what is called otherwise stays: delete those of before that \
                 are of {:?} alone (surgdb delete, by their ids; annotations with --table annotations) and import the file anew, \
                 best with ids of their own (a map's `id`)",
                at.file
            )
        } else {
            "--on-change replace takes what the file says in place of what is there, number by number".to_owned()
        };
        Error::invalid(format!(
            "records were put between those of before, taken out or given other ids: {kept} say something else than the \
             dataset's of the same names, and of the {added} that would be added some are there under other names. These have \
             no ids of their own, so that they are called by the file's name and their numbers. {way}"
        ))
    }

    /// Tells that what was added to conversations stays with their numbers, whatever they say now.
    fn tell_carried(&mut self, at: &At) {
        let conversations = Table::Conversations.name();
        let said = [SPLIT, SOURCE_DATASET];
        let columns = self.sink.dataset().manifest().columns.iter().filter(|column| {
            column.table == conversations && !column.replaces && !said.contains(&column.name.as_str())
        });
        let names: Vec<&str> = columns.map(|column| column.name.as_str()).collect();
        if self.of_input.numbered.replaced > 0 && !names.is_empty() {
            let what = format!(
                "{} conversations without ids of their own were replaced, number by number: what was added to those of before \
                 (`{}`) is said of these now; where they have moved, add it anew",
                self.of_input.numbered.replaced,
                names.join("`, `")
            );
            self.report.find(Kind::Doubtful, at, what);
        }
    }

    /// Tells which numbered records of before a file has no more: they had the numbers behind its last.
    fn tell_gone(&mut self, at: &At) -> Result<()> {
        let source = self.options.source.id.clone();
        for (beginning, (table, _, last)) in std::mem::take(&mut self.of_input.numbered.lists) {
            let last = last.max(self.of_input.numbered.skipped);
            let (mut gone, mut first, mut end) = (0, 0, last);
            for number in (last + 1..).take(COUNTED as usize) {
                let id = format!("{beginning}#{number}");
                let dataset = self.sink.dataset();
                if self.is_met(&id) {
                    break;
                }
                if dataset.find_in(table, &source, &id)?.is_some() {
                    (gone, end) = (gone + 1, number);
                    first = if first == 0 { number } else { first };
                } else if !dataset.was_deleted(table, &source, &id)? {
                    break;
                }
            }
            if gone == 0 {
                continue;
            }
            let (first, rest) = (format!("{beginning}#{first}"), gone - 1);
            let rest = match rest {
                0 => String::new(),
                rest => format!(", and {rest} more up to {beginning}#{end}"),
            };
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
pub(super) fn said_by<'i>(row: &ConversationRow, shown: impl Iterator<Item = &'i str>) -> u64 {
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
pub(super) fn stated_by(row: &AnnotationRow) -> u64 {
    // What it had as an id may stand in `extra`.
    let row = AnnotationRow { id: String::new(), record: None, extra: None, ..row.clone() };
    Identity::of_digest(blake3::hash(format!("{row:?}").as_bytes()).as_bytes()).key()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a file that says this now, of which the dataset has that, is one whose records have moved.
    fn are_moved(before: &[u64], now: &[u64]) -> bool {
        let mut numbered = Numbered { is_on: true, ..Numbered::default() };
        let at = At { file: "a.jsonl".into(), ..At::default() };
        for (said, number) in now.iter().zip(1..) {
            let number = numbered.note(Table::Conversations, &format!("a.jsonl#{number}"), &at).unwrap();
            match before.get(number as usize - 1) {
                None => numbered.add(Some(number), || *said),
                Some(there) if there != said => numbered.leave(number, *there),
                Some(_) => {}
            }
        }
        numbered.are_moved()
    }

    #[test]
    fn what_was_put_in_front_is_told_from_what_was_corrected() {
        let before: Vec<u64> = (1..=100).collect();
        for at in [0, 50, 99] {
            for count in [1, 3, 40] {
                let put = [&before[..at], &vec![7000; count], &before[at..]].concat();
                assert!(are_moved(&before, &put), "{count} at {at}");
                let corrected = put.iter().map(|said| if *said % 4 == 0 && *said < 40 { said + 500 } else { *said });
                assert!(are_moved(&before, &corrected.collect::<Vec<_>>()), "{count} at {at}, and some corrected");
                let appended = [&put[..], &[8000, 8001, 8002]].concat();
                assert!(are_moved(&before, &appended), "{count} at {at}, and some behind");
            }
        }
        let corrected: Vec<u64> = before.iter().map(|said| if said % 3 == 0 { said + 500 } else { *said }).collect();
        assert!(!are_moved(&before, &[&corrected[..], &[900, 901]].concat()));
        assert!(!are_moved(&before, &before[40..]), "nothing is added");
        // Two answers are given over and over, and some are corrected.
        let answers: Vec<u64> = (0..1000).map(|number| number * 7 % 13 % 2).collect();
        let mut corrected = answers.clone();
        (0..1000).step_by(17).for_each(|at| corrected[at] = 1 - corrected[at]);
        assert!(!are_moved(&answers, &[&corrected[..], &answers[..500]].concat()));
    }
}
