//! A picture, whose bytes may have stood in its record, and what it is labelled with.

use super::{Run, Target, statement};
use crate::error::Result;
use crate::import::draft::Draft;
use crate::import::media::bytes::Out;
use crate::import::media::names::{Named, name_of};
use crate::import::report::At;
use crate::schema::rows::LabelRow;
use crate::schema::tables::Table;

impl Run<'_> {
    /// Takes the one picture of a draft and its labels as a statement about it, with the draft's `extra`; without
    /// either it is a picture by itself.
    pub(in crate::import) fn labelled(&mut self, draft: &Draft, labels: Vec<LabelRow>, at: &At) -> Result<()> {
        let before = self.new_rows(Table::Frames);
        let Some(target) = self.picture_of_draft(draft, at)? else { return Ok(()) };
        if labels.is_empty() && draft.extra.is_none() {
            let is_known = self.new_rows(Table::Frames) == before;
            let records = &mut self.report.records;
            *if is_known { &mut records.unchanged } else { &mut records.added } += 1;
            return Ok(());
        }
        let id = at.id.clone().unwrap_or_default();
        let mut row = statement(id, &self.options.source.id, &target);
        row.labels = labels;
        row.extra.clone_from(&draft.extra);
        self.annotate(row, &[&target], at)
    }

    /// The row of a draft's picture, written if it is new; nothing where it is missing and is to be left out.
    fn picture_of_draft(&mut self, draft: &Draft, at: &At) -> Result<Option<Target>> {
        let Some(item) = draft.media.first().and_then(|medium| medium.items.first()) else { return Ok(None) };
        self.report.media.named += 1;
        let mut named = Named::of(Table::Frames, item, draft);
        let shown = self.shown_by_statement(at)?;
        self.store.identify(&mut named, &shown, &*self.sink)?;
        let located = [self.store.locate(&named, &*self.sink)?];
        if self.is_left_out(std::slice::from_ref(&named), &located, at)? {
            return Ok(None);
        }
        let mut out = Out { sink: &mut *self.sink, report: &mut self.report, at };
        let [located] = located;
        let address = self.store.ensure(&named, located, draft, &mut out)?;
        Ok(Some(Target { address, name: name_of(&self.options.source.id, &named.id) }))
    }
}
        self.check_deleted(std::slice::from_ref(&named), &located, draft, None)?;
