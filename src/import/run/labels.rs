//! A picture, whose bytes may have stood in its record, and what it is labelled with.

use super::{Run, Target, statement};
use crate::error::Result;
use crate::import::draft::Draft;
use crate::import::media::bytes::Out;
use crate::import::media::names::{Named, name_of};
use crate::import::report::At;
use crate::schema::rows::LabelRow;
use crate::schema::tables::Table;

/// What is said of a picture as a whole.
#[derive(Debug, Default)]
pub(in crate::import) struct Said {
    pub(in crate::import) labels: Vec<LabelRow>,
    pub(in crate::import) text: Option<String>,
}

impl Said {
    pub(in crate::import) fn is_nothing(&self) -> bool {
        self.labels.is_empty() && self.text.is_none()
    }
}

impl Run<'_> {
    /// Takes the one picture of a draft and what is said of it as a statement about it, with the draft's `extra`; without
    /// either it is a picture by itself. Nothing comes back where it is missing and is to be left out.
    pub(in crate::import) fn labelled(&mut self, draft: &Draft, said: Said, at: &At) -> Result<Option<Target>> {
        let before = self.new_rows(Table::Frames);
        let Some(target) = self.picture_of_draft(draft, at)? else { return Ok(None) };
        if said.is_nothing() && draft.extra.is_none() {
            self.count_frame(before);
        } else {
            self.say(said, draft.extra.clone(), &target, at)?;
        }
        Ok(Some(target))
    }

    /// Takes a statement about a picture as a whole.
    pub(in crate::import) fn say(&mut self, said: Said, extra: Option<String>, target: &Target, at: &At) -> Result<()> {
        let mut row = statement(at.id.clone().unwrap_or_default(), &self.options.source.id, target);
        (row.labels, row.text, row.extra) = (said.labels, said.text, extra);
        self.annotate(row, &[target], at)
    }

    /// Counts a record that is a frame alone, before which so many were new.
    pub(super) fn count_frame(&mut self, before: u64) {
        let is_known = self.new_rows(Table::Frames) == before;
        let records = &mut self.report.records;
        *if is_known { &mut records.unchanged } else { &mut records.added } += 1;
    }

    /// The row of a draft's picture, written if it is new; nothing where it is missing and is to be left out.
    fn picture_of_draft(&mut self, draft: &Draft, at: &At) -> Result<Option<Target>> {
        let Some(item) = draft.media.first().and_then(|medium| medium.items.first()) else { return Ok(None) };
        self.report.media.named += 1;
        let mut named = Named::of(Table::Frames, item, draft);
        let shown = self.shown_by_statement(at)?;
        self.store.identify(&mut named, &shown, &*self.sink)?;
        let located = [self.store.locate(&named, &*self.sink)?];
        self.check_deleted(std::slice::from_ref(&named), &located, draft, None)?;
        if self.is_left_out(std::slice::from_ref(&named), &located, at)? {
            return Ok(None);
        }
        let mut out = Out { sink: &mut *self.sink, report: &mut self.report, at };
        let [located] = located;
        let address = self.store.ensure(&named, located, draft, &mut out)?;
        Ok(Some(Target { address, name: name_of(&self.options.source.id, &named.id).into() }))
    }
}
