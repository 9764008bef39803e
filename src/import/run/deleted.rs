//! Records that would bring in again what was deleted: told, or refused before anything of them is written.

use super::Run;
use crate::error::{Error, ErrorKind, Result};
use crate::import::again::refusal;
use crate::import::draft::Draft;
use crate::import::media::names::Named;
use crate::import::media::store::Located;
use crate::import::options::OnDeleted;
use crate::import::report::{At, Kind};
use crate::schema::tables::Table;

impl Run<'_> {
    /// Refuses a record that shows what was deleted, or is of a patient whose case was, where such is to stay away: before
    /// the bytes of its pictures are taken.
    pub(super) fn check_deleted(
        &self,
        names: &[Named<'_>],
        located: &[Located],
        draft: &Draft,
        patient: Option<&str>,
    ) -> Result<()> {
        if self.options.on_deleted == OnDeleted::Take {
            return Ok(());
        }
        let check_case = |patient: &str| match self.sink.is_patient_deleted(patient)? {
            true => Err(refusal(Table::Cases, draft.case_id(patient))),
            false => self.check_row_deleted(Table::Cases, draft.case_id(patient)),
        };
        patient.map_or(Ok(()), check_case)?;
        for (named, _) in names.iter().zip(located).filter(|(_, located)| located.is_new()) {
            self.check_row_deleted(named.table, &named.id)?;
            if let Some(patient) = self.store.patient_of(named, draft.patient.as_deref()) {
                check_case(&patient)?;
            }
            if let Some(video) = self.store.video_meant_by(named) {
                self.check_row_deleted(Table::Videos, video)?;
            }
        }
        Ok(())
    }

    /// Whether what was refused so is skipped and counted.
    pub(in crate::import) fn is_skipped_as_deleted(&self, error: &Error) -> bool {
        error.kind() == ErrorKind::Deleted && self.options.on_deleted == OnDeleted::Skip
    }

    /// Refuses a row that was deleted, where such is to stay away.
    pub(super) fn check_row_deleted(&self, table: Table, id: &str) -> Result<()> {
        let is_refused = self.options.on_deleted != OnDeleted::Take
            && self.sink.dataset().was_deleted(table, &self.options.source.id, id)?;
        if is_refused { Err(refusal(table, id)) } else { Ok(()) }
    }

    /// Tells which rows came in again that had been deleted.
    pub(super) fn tell_again(&mut self) {
        for (table, (count, first)) in self.sink.came_again().into_iter().flatten() {
            let at = At { file: table.name().to_owned(), id: Some(first.clone()), ..At::default() };
            self.report.again.insert(table.name(), *count);
            let rows = if *count == 1 { "row comes" } else { "rows come" };
            let what = format!("{count} {rows} into {table} again that had been deleted");
            self.report.find(Kind::DeletedBefore, &at, what);
        }
    }
}
