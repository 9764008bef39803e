//! What is said of cases: what their rows do not say yet is put into them, as it is with pictures and recordings.

use super::Store;
use super::changes::Differing;
use super::heard::{Said, mark};
use super::said::{count_row, of_dataset, say};
use crate::error::Result;
use crate::format::address::Address;
use crate::import::draft::Draft;
use crate::import::media::bytes::Out;
use crate::import::media::names::name_of;
use crate::schema::rows::CaseRow;
use crate::schema::tables::{Table, cases};

impl Store<'_> {
    /// A mark of whose row it is.
    pub(super) fn mark_of_case(&self, patient: &str, draft: &Draft) -> u16 {
        mark(&name_of(&self.options.source.id, draft.case_id(patient))[..])
    }

    /// Takes in what is said of a case, where its row is there.
    pub(super) fn hear_case_if_there(&mut self, patient: &str, draft: &Draft, out: &mut Out<'_>) -> Result<()> {
        let said = self.said_of_case(patient, draft);
        if of_case(&said).is_empty() && said.extra.is_none() {
            return Ok(());
        }
        let id = draft.case_id(patient);
        let there = match self.known(Table::Cases, id) {
            Some(address) => Some(address),
            None => out.sink.lookup(Table::Cases, &self.options.source.id, id)?,
        };
        there.map_or(Ok(()), |address| self.hear_case(patient, address, draft, out))
    }

    /// Takes in what is said of a case whose row is there.
    pub(super) fn hear_case(
        &mut self,
        patient: &str,
        address: Address,
        draft: &Draft,
        out: &mut Out<'_>,
    ) -> Result<()> {
        let said = self.said_of_case(patient, draft);
        let sayings = of_case(&said);
        let news = self.heard.hear(address, &sayings);
        let id = draft.case_id(patient);
        self.tell_other(Table::Cases, id, &news, out);
        if news.more.is_empty() && said.extra.is_none() {
            return Ok(());
        }
        let there = of_dataset(out.sink.dataset().case(address))?.map(|there| there.to_row()).transpose()?;
        let extra_there = there.as_ref().map(|there| there.extra.as_deref());
        let is_more = self.hear_extra((Table::Cases, address, id), said.extra.as_deref(), extra_there, out)?;
        if news.more.is_empty() {
            count_row(is_more, out);
            return Ok(());
        }
        let Some(mut row) = there else { return self.late_changes.case(address, &news.more, &said) };
        let mut differing = Differing::default();
        for (column, there, said) in [
            (cases::INSTITUTION, &mut row.institution, &said.institution),
            (cases::SPECIALTY, &mut row.specialty, &said.specialty),
            (cases::PROCEDURE, &mut row.procedure, &said.procedure),
            (cases::DEVICE, &mut row.device, &said.device),
            (cases::CONSENT, &mut row.consent, &said.consent),
        ] {
            differing.take(column, there, said);
        }
        let columns = self.columns_to_write((Table::Cases, id), differing, (&news, is_more), out);
        self.changes.case(address, &columns, &row)
    }

    /// Notes what was said of a case whose row was just written.
    pub(super) fn heard_case(&mut self, patient: &str, draft: &Draft, address: Address) -> Result<()> {
        let said = self.said_of_case(patient, draft);
        self.heard.hear(address, &of_case(&said));
        self.heard_extra(address, said.extra.as_deref())
    }

    /// What the record and the list of cases say of a case: what goes for a whole source counts for new ones alone.
    pub(super) fn said_of_case(&self, patient: &str, draft: &Draft) -> CaseRow {
        let mut row = CaseRow {
            institution: draft.institution.clone(),
            specialty: draft.specialty.clone(),
            procedure: draft.procedure.clone(),
            ..CaseRow::default()
        };
        if let Some(listed) = self.options.cases.as_ref().and_then(|cases| cases.of_patient(patient)) {
            listed.fill(&mut row);
        }
        if let Some(said) = draft.case_of(patient) {
            row.specialty.clone_from(&said.specialty);
            row.procedure.clone_from(&said.procedure);
            row.device.clone_from(&said.device);
            row.consent.clone_from(&said.consent);
            row.extra.clone_from(&said.extra);
        }
        row
    }

    /// Whether a row belongs to the case of another patient than is said now, or to none.
    pub(super) fn has_other_case(
        &self,
        there: Option<Address>,
        patient: Option<&str>,
        draft: &Draft,
        out: &Out<'_>,
    ) -> Result<bool> {
        let Some(patient) = patient else { return Ok(false) };
        let Some(there) = there else { return Ok(true) };
        Ok(out.sink.dataset().case(there)?.id()? != draft.case_id(patient))
    }
}

fn of_case(row: &CaseRow) -> Vec<Said> {
    let mut sayings = Vec::new();
    for (column, said) in [
        (cases::INSTITUTION, &row.institution),
        (cases::SPECIALTY, &row.specialty),
        (cases::PROCEDURE, &row.procedure),
        (cases::DEVICE, &row.device),
        (cases::CONSENT, &row.consent),
    ] {
        say(&mut sayings, column, said, mark);
    }
    sayings
}
