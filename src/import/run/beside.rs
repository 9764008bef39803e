//! Records that are called as others of the dataset are, and are others: as where each file of a source counts from 0. Where
//! that is asked for they get ids with their file's name (`val.json#7`), under which they are known from then on.

use super::Run;
use super::boxes::Difference;
use super::conversations::Plan;
use crate::error::Result;
use crate::format::Address;
use crate::format::manifest::Source;
use crate::import::draft::Draft;
use crate::import::options::OnChange;
use crate::import::report::{At, Kind};
use crate::import::row;
use crate::schema::tables::Table;

/// How many records of one id are held against one.
const LOOKED_AT: u32 = 128;

/// Whether a record is what the dataset has at an address, under an id that it may have there.
type IsIt<'i, 'r> = &'i mut dyn FnMut(&mut Run<'r>, Address, &str) -> Result<bool>;

/// The id of a record that has this one in its file, where another has it in the dataset.
fn id_of_file(id: &str, at: &At) -> String {
    format!("{}#{id}", at.file)
}

/// An id without the `~2`, `~3`, … that it may have, and this number: 1 where it has none.
fn numbered(id: &str) -> (&str, u32) {
    let parts = id.rsplit_once('~').and_then(|(base, count)| Some((base, count.parse::<u32>().ok()?)));
    parts.unwrap_or((id, 1))
}

/// Whether a source may have ids of files.
pub(super) fn may_have_ids_of_files(source: Option<&Source>, on_change: OnChange) -> bool {
    let mut imports = source.into_iter().flat_map(|source| &source.imports);
    on_change == OnChange::Add
        || imports.any(|import| import.options.get("on-change") == Some(&OnChange::Add.name().into()))
}

impl<'r> Run<'r> {
    /// The id of a record that says this one: with its file's name where the dataset has it so, and with `~2`, `~3`, … where it
    /// was met before.
    pub(in crate::import) fn record_id(&mut self, table: Table, id: String, at: &At) -> Result<String> {
        match self.has_ids_of_files {
            true => self.record_id_of(table, &id.clone(), id, at),
            false => Ok(self.unique(id, at)),
        }
    }

    /// The same of what belongs to a record: its file says it so, and it is `id` after the record's own.
    pub(in crate::import) fn record_id_of(&mut self, table: Table, said: &str, id: String, at: &At) -> Result<String> {
        if !self.has_ids_of_files {
            return Ok(self.unique(id, at));
        }
        let source = self.options.source.id.as_str();
        let is_free = said != id && !self.ids.is_met(source, said, &*self.sink);
        let known = match self.known_of_file(table, said, at)? {
            None if is_free && self.sink.lookup(table, source, said)?.is_some() => Some(said.to_owned()),
            known => known,
        };
        let id = self.unique(known.unwrap_or(id), at);
        self.said_id = Some(said.to_owned());
        Ok(id)
    }

    /// The id with the file's name, or the next of it that was not met, where the dataset has or had that; or where another
    /// file's record of the bare one was deleted.
    fn known_of_file(&mut self, table: Table, id: &str, at: &At) -> Result<Option<String>> {
        let (source, base) = (self.options.source.id.as_str(), id_of_file(id, at));
        let dataset = self.sink.dataset();
        // What is new in this import is no record of before.
        let was_there = |id: &str| -> Result<bool> {
            Ok(dataset.find_in(table, source, id)?.is_some() || dataset.was_deleted(table, source, id)?)
        };
        let mut count = self.ids.repeats.get(&base).copied().unwrap_or(1);
        let mut of_file = if count == 1 { base.clone() } else { format!("{base}~{count}") };
        while was_there(&of_file)? {
            if !self.ids.is_met(source, &of_file, &*self.sink) {
                self.ids.repeats.insert(base, count);
                return Ok(Some(of_file));
            }
            count = count.saturating_add(1);
            of_file = format!("{base}~{count}");
        }
        let is_added = self.options.on_change == OnChange::Add && self.of_input.is_name_new;
        let is_another = count == 1 && is_added && dataset.was_deleted(table, source, id)?;
        Ok(is_another.then_some(base))
    }

    /// The id of a conversation: its own, unless the dataset has another of this id, and this one under another, or it is to be
    /// added.
    pub(in crate::import) fn id_beside(&mut self, id: String, draft: &Draft, at: &At) -> Result<String> {
        self.is_unclear = false;
        if !self.has_conversations {
            return Ok(id);
        }
        let source = self.options.source.id.as_str();
        let there = self.sink.lookup(Table::Conversations, source, &id)?;
        // Where the one of this id was deleted, another may be left.
        if there.is_none() && !self.sink.dataset().has_deleted(Table::Conversations) {
            return Ok(id);
        }
        let is_added = self.options.on_change == OnChange::Add && there.is_some();
        let (base, count) = numbered(&id);
        let next = format!("{base}~{}", count.saturating_add(1));
        let is_alone = !is_added && self.sink.lookup(Table::Conversations, source, &next)?.is_none();
        if is_alone {
            return Ok(id);
        }
        if let Some(there) = there
            && self.is_record_of(there, &id, draft, at)?
        {
            return Ok(id);
        }
        let mut is_it = |run: &mut Self, there: Address, id: &str| run.is_record_of(there, id, draft, at);
        let beside = self.free_beside(Table::Conversations, &id, at, &mut is_it)?;
        Ok(beside.unwrap_or(id))
    }

    /// The id beside this one, which another row has, under which the dataset has what `is_it` knows, or where records that
    /// differ are to be added, the one with the file's name. What had this id in this import has that one now.
    pub(super) fn free_beside(
        &mut self,
        table: Table,
        id: &str,
        at: &At,
        is_it: IsIt<'_, 'r>,
    ) -> Result<Option<String>> {
        let source = self.options.source.id.as_str();
        let (base, first) = numbered(id);
        let mut found = None;
        self.is_unclear = false;
        for count in (1..=LOOKED_AT).map(|more| first.saturating_add(more)) {
            let beside = format!("{base}~{count}");
            let Some(there) = self.sink.lookup(table, source, &beside)? else { break };
            if !self.ids.is_met(source, &beside, &*self.sink) {
                if is_it(self, there, &beside)? {
                    found = Some(beside);
                    break;
                }
                self.is_unclear = true;
            }
        }
        // One that has its file's name before it is no other file's.
        let is_of_file = id.strip_prefix(&at.file).is_some_and(|rest| rest.starts_with('#'));
        let may_add = found.is_none() && self.options.on_change == OnChange::Add && !is_of_file;
        if may_add && self.sink.lookup(table, source, id)?.is_some() {
            // Its number among repeats may be another when it comes in again.
            found = Some(id_of_file(self.said_id.as_deref().unwrap_or(id), at));
            self.report.find(
                Kind::RepeatedId,
                at,
                format!("{id:?} is another record in the dataset: this one has its file's name before it"),
            );
        }
        let Some(beside) = found else {
            self.is_unclear = self.is_unclear && self.is_one_of_several(at);
            return Ok(None);
        };
        self.is_unclear = false;
        self.leave_id(id);
        Ok(Some(self.unique(beside, at)))
    }

    /// Whether a record that differs takes the place of the dataset's of its id.
    pub(super) fn takes_place(&self) -> bool {
        self.options.on_change == OnChange::Replace && !self.is_unclear
    }

    /// Gives an id back that a record has and does not take: another of this id may be what the dataset has.
    pub(super) fn leave_id(&mut self, id: &str) {
        let identity = self.ids.identity(&self.options.source.id, id);
        self.ids.release(identity);
        let (base, count) = numbered(id);
        self.ids.look_from(base, count.saturating_sub(1));
    }

    /// Why a record that differs does not take a place.
    pub(super) fn why_kept(&self) -> &'static str {
        match self.is_unclear {
            true => {
                "the dataset's was kept: it has several of this id (as in 7 and 7~2), of several files: name all of these at \
                 once, and their order says which it is"
            }
            false => "the dataset's was kept",
        }
    }

    /// Whether a conversation of the dataset is what a draft makes under its id. Nothing is told of the draft.
    fn is_record_of(&mut self, there: Address, id: &str, draft: &Draft, at: &At) -> Result<bool> {
        // Most are told apart by what is said, before anything is made of the draft.
        let says_the_same = {
            let row = self.sink.dataset().conversation_at(there)?;
            let turns = row.turns()?;
            turns.len() == draft.turns.len()
                && turns.iter().zip(&draft.turns).all(|(there, here)| there.text() == here.text)
        };
        if !says_the_same {
            return Ok(false);
        }
        let mut draft = draft.clone();
        draft.name_absent(id);
        let (report, boxes) = (std::mem::take(&mut self.report), self.boxes.report.clone());
        let is_it = self.compare(there, id, &mut draft, at);
        (self.report, self.boxes.report) = (report, boxes);
        is_it
    }

    fn compare(&mut self, there: Address, id: &str, draft: &mut Draft, at: &At) -> Result<bool> {
        let Plan { draft, names, patient, planned, .. } = self.plan(id.to_owned(), Some(there), draft, at)?;
        let there = self.sink.dataset().conversation_at(there)?;
        let record_of = |row: &_| row::record_of(row, draft, &names, patient.as_deref());
        Ok(Difference::of(&there, &planned.row, record_of)?.is_some())
    }
}
