//! Records without ids of their own: they are called by their file and the number under which they first came.
//!
//! A file of which there are such records is read twice: on a trial first, to find out which of its records are those of before.

use super::Run;
use super::align::{Aligned, Corrections, List, Saying};
use super::numbered_rows::{number_in, said_by, said_of, stem_of};
use crate::error::{Error, Result};
use crate::import::inputs::Input;
use crate::import::media::names::Named;
use crate::import::options::OnChange;
use crate::import::report::{At, Kind, RecordCounts};
use crate::import::sink::TrialRun;
use crate::schema::record::Keyed;
use crate::schema::rows::{AnnotationRow, ConversationRow};
use crate::schema::tables::Table;
use std::collections::{HashMap, HashSet};

/// How many records with ids of their own are held against numbered ones: some 10 MB.
const HELD: usize = 1 << 20;

/// The numbered records of the file that is read, as far as the dataset has some of it.
#[derive(Default)]
pub(in crate::import) struct Numbers {
    /// Whether the source has records of before of a file of this name.
    is_known: bool,
    /// Which input it is.
    input: usize,
    /// What the file's records are called in the dataset, by what their ids start with, once one was asked for.
    lists: Option<HashMap<String, (Table, Aligned)>>,
    /// What records say that were added under ids of their own.
    own: Vec<u64>,
    /// How many were added that the dataset says elsewhere, and the first of these there.
    elsewhere: u64,
    first_elsewhere: Option<String>,
    /// Whether records of before have parts that are rows of their own.
    has_parts: bool,
    /// Ids that the file has no more of which that was told.
    told: HashSet<String>,
}

/// A file that is read on a trial: what its numbered records say.
#[derive(Default)]
pub(super) struct Trial {
    lists: Vec<(Table, String)>,
    of: Vec<List>,
    /// Numbers of records that could not be taken.
    skipped: Vec<u64>,
}

impl Trial {
    fn meet(&mut self, table: Table, beginning: &str, number: u64) {
        let known = self.lists.iter().position(|(of, known)| *of == table && known == beginning);
        let list = known.unwrap_or(self.lists.len());
        if known.is_none() {
            self.lists.push((table, beginning.to_owned()));
            self.of.push(List::default());
        }
        if let Some(list) = self.of.get_mut(list) {
            list.meet(number);
        }
    }

    fn says(&mut self, table: Table, id: &str, said: impl FnOnce() -> Result<(Saying, u64)>) -> Result<()> {
        let of = self.lists.iter().zip(&mut self.of).filter(|((of, _), _)| *of == table);
        let mut found = of.filter_map(|((_, beginning), list)| Some((list, number_in(id, beginning)?)));
        if let Some((list, (number, _))) = found.next() {
            let (said, unplaced) = said()?;
            list.says(number, said, unplaced);
        }
        Ok(())
    }
}

impl Numbers {
    /// None yet; `is_known` where the source has records of before of a file of this name.
    pub(super) fn new(is_known: bool, input: usize) -> Self {
        Self { is_known, input, ..Self::default() }
    }

    /// Whether the source has records of before of a file of this name.
    pub(super) fn are_known(&self) -> bool {
        self.is_known
    }

    /// Notes that it was told that the file has a record no more.
    pub(in crate::import) fn note_told(&mut self, id: &str) {
        self.told.insert(id.to_owned());
    }

    /// Notes that a record was added which the dataset says under another id.
    pub(super) fn note_elsewhere(&mut self, id: &str) {
        self.elsewhere += 1;
        self.first_elsewhere.get_or_insert_with(|| id.to_owned());
    }
}

impl<'r> Run<'r> {
    /// The id of a record that its file gives none: what the ids of its list start with, and its number, or the one under which
    /// the dataset has it.
    ///
    /// # Errors
    /// Those of reading the file, where it is read on a trial; `Corrupt` where the dataset's own cannot be read.
    pub(in crate::import) fn number_id(&mut self, table: Table, beginning: &str, number: u64) -> Result<String> {
        self.of_input.are_ids_numbers = true;
        if let Some(trial) = &mut self.trial {
            trial.meet(table, beginning, number);
            return Ok(format!("{beginning}#{number}"));
        }
        if self.of_input.numbers.is_known && self.of_input.numbers.lists.is_none() {
            self.of_input.numbers.lists = Some(self.aligned()?);
        }
        let lists = self.of_input.numbers.lists.as_ref();
        let others = lists.and_then(|lists| lists.get(beginning)).map(|(_, list)| &list.others);
        let number = others.and_then(|others| others.get(&number)).copied().unwrap_or(number);
        Ok(format!("{beginning}#{number}"))
    }

    /// Reads the file on a trial, and finds out which of its records are which of before.
    fn aligned(&mut self) -> Result<HashMap<String, (Table, Aligned)>> {
        let inputs = self.inputs.clone();
        let Some(input) = inputs.get(self.of_input.numbers.input) else { return Ok(HashMap::new()) };
        let Trial { lists, mut of, skipped } = self.tried(input)?;
        if let [list] = &mut of[..] {
            skipped.into_iter().for_each(|number| list.meet(number));
        }
        // A record may have several rows, one after the other: what they say is said by it.
        let mut last: Option<(usize, u64, bool, Saying)> = None;
        let mut put = |last: Option<(usize, u64, bool, Saying)>| match last.map(|last| (of.get_mut(last.0), last)) {
            Some((Some(list), (_, number, false, said))) => list.was(number, said),
            Some((Some(list), (_, number, true, said))) => list.was_deleted(number, said),
            _ => {}
        };
        let mut has_parts = false;
        self.each_numbered(stem_of(&input.name), &lists, &mut |run, row| {
            has_parts |= !row.is_whole;
            let said = run.said_there(&row.row, true)?;
            match &mut last {
                Some((list, number, is_deleted, before))
                    if (*list, *number, *is_deleted) == (row.list, row.number, row.is_deleted) =>
                {
                    *before = before.with(said)
                }
                _ => put(last.replace((row.list, row.number, row.is_deleted, said))),
            }
            Ok(())
        })?;
        put(last);
        self.of_input.numbers.has_parts = has_parts;
        let (dataset, source) = (self.sink.dataset(), &self.options.source.id);
        let corrections = match self.options.on_change {
            OnChange::Add => Corrections::Beside,
            OnChange::Replace => Corrections::Taken,
            OnChange::Report | OnChange::Keep => Corrections::Kept,
        };
        let aligned = lists.into_iter().zip(of).map(|((table, beginning), list)| {
            let was_deleted = &mut |number| dataset.was_deleted(table, source, &format!("{beginning}#{number}"));
            let aligned = list.align(corrections, was_deleted)?;
            Ok((beginning, (table, aligned)))
        });
        aligned.collect()
    }

    /// What numbered records of a file say, which is read on a trial.
    fn tried(&mut self, input: &Input) -> Result<Trial> {
        let mut sink = TrialRun::new(self.sink.dataset().clone());
        let tell = &mut |_: &_| {};
        let mut run = Run::new(&mut sink, self.options, tell);
        run.trial = Some(Trial::default());
        run.inputs = self.inputs.clone();
        run.homes = self.homes.clone();
        run.store.know_homes(&run.homes);
        std::mem::swap(&mut run.pictures, &mut self.pictures);
        run.known.lend(&mut self.known);
        let result = run.read(self.of_input.numbers.input, input);
        std::mem::swap(&mut run.pictures, &mut self.pictures);
        run.known.lend(&mut self.known);
        let trial = run.trial.take();
        result.map(|_| trial.unwrap_or_default())
    }

    /// Whether the file is read on a trial: then what a conversation says is noted, and that is all.
    pub(super) fn is_tried(&mut self, row: &ConversationRow, names: &[Named<'_>]) -> Result<bool> {
        let Some(trial) = &mut self.trial else { return Ok(false) };
        let said = || {
            let said = said_by(row, shown(row, names));
            Ok((said, said.all))
        };
        trial.says(Table::Conversations, &row.id, said).map(|()| true)
    }

    /// The same of a statement; `unplaced` makes of it what it would be, were its picture's size not known.
    pub(super) fn is_statement_tried(
        &mut self,
        row: &AnnotationRow,
        unplaced: &dyn Fn() -> Result<Option<AnnotationRow>>,
    ) -> Result<bool> {
        let Some(trial) = &mut self.trial else { return Ok(false) };
        let said = || {
            let said = said_of(row, true);
            Ok((said, unplaced()?.map_or(said.all, |row| said_of(&row, true).all)))
        };
        trial.says(Table::Annotations, &row.id, said).map(|()| true)
    }

    /// Notes that a record of the file could not be taken.
    pub(super) fn note_skipped(&mut self, at: &At) {
        if let Some(trial) = &mut self.trial {
            trial.skipped.extend(at.record);
        }
    }

    /// Notes a record that is added, where it may be one that had a number.
    pub(super) fn note_own(&mut self, id: &str, said: impl FnOnce() -> Saying, at: &At) {
        let numbers = &mut self.of_input.numbers;
        // An id that its file's name and what it draws make is none of its own.
        let is_made = |name: &str| id.strip_prefix(name).is_some_and(|rest| rest.starts_with('#'));
        let mut lists = numbers.lists.iter().flatten();
        let is_made =
            is_made(&at.file) || is_made(stem_of(&at.file)) || lists.any(|(start, _)| number_in(id, start).is_some());
        if numbers.is_known && !is_made && numbers.own.len() < HELD {
            numbers.own.push(said().all);
        }
    }

    /// Holds the records of a file that was read, and has been imported before, against those of before that had numbers, and
    /// tells what became of these; `before` are the counts without it.
    ///
    /// # Errors
    /// `Invalid` where records were given ids that had none, so that they would be there twice.
    pub(super) fn check_numbers(&mut self, input: &Input, before: &RecordCounts) -> Result<()> {
        let at = At { file: input.name.clone(), ..At::default() };
        if !self.of_input.numbers.own.is_empty() {
            self.check_own(input)?;
        }
        let added = self.report.records.added - before.added;
        let Numbers { elsewhere, first_elsewhere, lists, .. } = &mut self.of_input.numbers;
        if let Some(first) = first_elsewhere.as_ref().filter(|_| *elsewhere * 2 > added) {
            let what = format!(
                "{elsewhere} of the {added} records that were added, which have no ids of their own, say what the dataset says \
                 already under other ids (the first as {first:?}): where they are those of before, they are there twice (surgdb \
                 delete takes them out)"
            );
            self.report.find(Kind::RepeatedConversation, &at, what);
        }
        let mut lists: Vec<_> = lists.take().into_iter().flatten().collect();
        if self.of_input.numbers.has_parts {
            self.tell_parts_gone(&lists, &at)?;
        }
        lists.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        for (beginning, (_, list)) in lists {
            if added > 0 || !list.gone.is_empty() {
                self.tell_moved(&beginning, &list, &at);
            }
            self.tell_gone(&beginning, &list, &at);
        }
        Ok(())
    }

    fn tell_moved(&mut self, beginning: &str, list: &Aligned, at: &At) {
        let Some((number, there)) = list.first else { return };
        let records = if list.moved == 1 {
            "1 record has another number"
        } else {
            &format!("{} records have other numbers", list.moved)
        };
        let what = format!(
            "{records} in it now than before: what is known by what it says keeps its id (record {number} is {beginning}#{there})"
        );
        self.report.find(Kind::AboutFile, at, what);
    }

    /// Tells which numbered records of before a file has no more.
    fn tell_gone(&mut self, beginning: &str, list: &Aligned, at: &At) {
        let told = &self.of_input.numbers.told;
        let gone = list.gone.iter().filter(|number| !told.contains(&format!("{beginning}#{number}")));
        let gone: Vec<&u64> = gone.collect();
        let Some((first, rest)) = gone.split_first() else { return };
        let first = format!("{beginning}#{first}");
        let rest = match rest.last() {
            None => String::new(),
            Some(last) => format!(", and {} more up to {beginning}#{last}", rest.len()),
        };
        let what = format!(
            "{first:?}{rest}: the dataset has it of this file, which says it no more: it stays (surgdb delete takes it out)"
        );
        self.report.find(Kind::Doubtful, &At { id: Some(first), ..at.clone() }, what);
    }

    /// Tells which parts of records that the file has it says no more.
    fn tell_parts_gone(&mut self, lists: &[(String, (Table, Aligned))], at: &At) -> Result<()> {
        let names: Vec<(Table, String)> = lists.iter().map(|(name, (table, _))| (*table, name.clone())).collect();
        let (mut first, mut count) = (None, 0u64);
        self.each_numbered(stem_of(&at.file), &names, &mut |run, row| {
            let is_gone =
                lists.get(row.list).is_some_and(|(_, (_, list))| list.gone.binary_search(&row.number).is_ok());
            let id = row.id()?;
            if !row.is_whole && !row.is_deleted && !is_gone && !run.is_met(id) {
                count += 1;
                first.get_or_insert_with(|| id.to_owned());
            }
            Ok(())
        })?;
        let Some(first) = first else { return Ok(()) };
        let rest = if count > 1 { format!(", and {} more", count - 1) } else { String::new() };
        let what = format!(
            "{first:?}{rest}: the dataset has it of a record that says it no more: it stays (surgdb delete takes it out)"
        );
        self.report.find(Kind::Doubtful, &At { id: Some(first), ..at.clone() }, what);
        Ok(())
    }

    /// Holds records that were added under ids of their own against those of before of this file that had none, and are in it
    /// no more.
    fn check_own(&mut self, input: &Input) -> Result<()> {
        let mut own: HashMap<u64, u64, Keyed> = HashMap::default();
        self.of_input.numbers.own.iter().for_each(|said| *own.entry(*said).or_default() += 1);
        let (stem, added) = (stem_of(&input.name), self.of_input.numbers.own.len());
        let met = self.of_input.numbers.lists.take();
        let mut lists = self.lists_of(input);
        lists.extend(met.iter().flatten().map(|(beginning, (table, _))| (*table, beginning.clone())));
        let (mut first, mut twice) = (None, 0);
        self.each_numbered(stem, &lists, &mut |run, row| {
            let of = lists.get(row.list).map(|(_, beginning)| beginning);
            let list = of.and_then(|beginning| met.as_ref()?.get(beginning)).map(|(_, list)| list);
            let is_gone = list.is_none_or(|list| list.gone.binary_search(&row.number).is_ok());
            let id = row.id()?.to_owned();
            // What has its file's name before an id of its own is met under that.
            if !row.is_whole || row.is_deleted || !is_gone || run.is_met(&id) {
                return Ok(());
            }
            let said = run.said_there(&row.row, false)?.all;
            if let Some(count) = own.get_mut(&said).filter(|count| **count > 0) {
                *count -= 1;
                twice += 1;
                first.get_or_insert(id);
            }
            Ok(())
        })?;
        self.of_input.numbers.lists = met;
        let Some(first) = first else { return Ok(()) };
        Err(Error::invalid(format!(
            "of the {added} records that would be added under ids of their own, the dataset has {twice} already: they had no ids when \
             this file was imported before, and are called by its name and their numbers ({first} is the first). Delete those of \
             before that are of {:?} (surgdb delete, by their ids; annotations with --table annotations) and import the file anew, \
             or leave out the ids",
            input.name
        )))
    }

    /// What ids of numbered records of a file start with, as far as its name says.
    fn lists_of(&self, input: &Input) -> Vec<(Table, String)> {
        let stem = stem_of(&input.name);
        let sets = input.map.iter().flat_map(|chosen| chosen.set_names());
        let sets = sets.flat_map(|set| {
            [(Table::Conversations, format!("{}/{set}", input.name)), (Table::Annotations, format!("{stem}/{set}"))]
        });
        [
            (Table::Conversations, input.name.clone()),
            (Table::Annotations, input.name.clone()),
            (Table::Annotations, stem.to_owned()),
            (Table::Annotations, format!("{stem}/")),
        ]
        .into_iter()
        .chain(sets)
        .collect()
    }
}

/// The ids of what a planned conversation shows.
pub(super) fn shown<'n>(row: &'n ConversationRow, names: &'n [Named<'_>]) -> impl Iterator<Item = &'n str> {
    let refs = row.all_media().flat_map(|medium| &medium.refs);
    refs.filter_map(|of| names.get(of.row() as usize).map(|named| named.id.as_str()))
}
