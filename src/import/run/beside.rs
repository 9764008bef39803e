//! Records that are called as others of the dataset are, and are others: they are known again under the ids that they got
//! when they came in first (`7~2`), as a repeat within one import does, and get such where that is asked for.

use super::Run;
use super::boxes::Difference;
use super::conversations::Plan;
use crate::error::Result;
use crate::format::Address;
use crate::import::draft::Draft;
use crate::import::options::OnChange;
use crate::import::report::{At, Kind};
use crate::import::row;
use crate::schema::tables::Table;

impl Run<'_> {
    /// The id of a conversation: its own, or where the dataset has another of this id, the one of `~2`, `~3`, … under which it
    /// has this one. Where it may not take the place of another either, the first of those that is free.
    pub(in crate::import) fn id_beside(&mut self, id: String, draft: &Draft, at: &At) -> Result<String> {
        self.is_unclear = false;
        let source = self.options.source.id.as_str();
        let Some(there) = self.sink.lookup(Table::Conversations, source, &id)? else { return Ok(id) };
        let is_added = self.options.on_change == OnChange::Add;
        let second = format!("{id}~2");
        let is_alone = !is_added && self.sink.lookup(Table::Conversations, source, &second)?.is_none();
        if is_alone || self.is_record_of(there, &id, draft, at)? {
            return Ok(id);
        }
        let mut is_it = |run: &mut Self, there: Address, id: &str| run.is_record_of(there, id, draft, at);
        match self.free_beside(Table::Conversations, &id, &mut is_it)? {
            Some((beside, is_new)) => {
                if is_new {
                    self.tell_beside(&id, &beside, at);
                }
                Ok(beside)
            }
            None => Ok(id),
        }
    }

    /// The id beside this one, which another row has, under which the dataset has what `is_it` knows; where records that differ
    /// are to be added, else one that is free, and then whether it is new. What had this id in this import has that one now.
    pub(super) fn free_beside(
        &mut self,
        table: Table,
        id: &str,
        is_it: &mut dyn FnMut(&mut Self, Address, &str) -> Result<bool>,
    ) -> Result<Option<(String, bool)>> {
        let source = self.options.source.id.as_str();
        let numbered = id.rsplit_once('~').and_then(|(base, count)| Some((base, count.parse::<u32>().ok()?)));
        let (base, first) = numbered.unwrap_or((id, 1));
        self.is_unclear = false;
        for count in first.saturating_add(1)..u32::MAX {
            let beside = format!("{base}~{count}");
            if self.ids.is_met(source, &beside, &*self.sink) {
                continue;
            }
            let there = self.sink.lookup(table, source, &beside)?;
            let is_found = match there {
                Some(there) => is_it(self, there, &beside)?,
                None if self.options.on_change == OnChange::Add => true,
                None => return Ok(None),
            };
            if is_found {
                self.ids.release(self.ids.identity(source, id));
                self.ids.insert(source, &beside, &*self.sink);
                self.is_unclear = false;
                return Ok(Some((beside, there.is_none())));
            }
            self.is_unclear = true;
        }
        Ok(None)
    }

    /// Whether a record that differs takes the place of the dataset's of its id.
    pub(super) fn takes_place(&self) -> bool {
        self.options.on_change == OnChange::Replace && !self.is_unclear
    }

    /// Why a record that differs does not take a place.
    pub(super) fn why_kept(&self) -> &'static str {
        match self.is_unclear {
            true => {
                "the dataset's was kept: it has several of this id (as in 7 and 7~2), and which of them this is is not clear"
            }
            false => "the dataset's was kept",
        }
    }

    /// Tells that a record got another id than it has.
    pub(super) fn tell_beside(&mut self, id: &str, beside: &str, at: &At) {
        let what = format!("{id:?} is another record in the dataset: this one is {beside:?}");
        self.report.find(Kind::RepeatedId, at, what);
    }

    /// Whether a conversation of the dataset is what a draft makes under its id. Nothing is told of the draft.
    fn is_record_of(&mut self, there: Address, id: &str, draft: &Draft, at: &At) -> Result<bool> {
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
