//! The builder of `cases`.

use super::leaf::{Dict, Digest, Text};
use super::load::Load;
use crate::error::Result;
use crate::schema::rows::CaseRow;
use crate::schema::tables::Table;
use arrow_array::ArrayRef;

/// Builds batches of the table `cases`.
#[derive(Debug, Default)]
pub struct CasesBuilder {
    load: Load,
    id: Text,
    source: Dict,
    patient: Text,
    institution: Dict,
    specialty: Dict,
    procedure: Dict,
    device: Dict,
    consent: Dict,
    extra: Text,
    record: Digest<8>,
}

super::shared_methods!(CasesBuilder, Table::Cases);

impl CasesBuilder {
    /// Appends a row.
    ///
    /// # Errors
    /// `Invalid`, and nothing is appended, when a dictionary of the batch could pass its 32-bit offsets.
    pub fn push(&mut self, row: &CaseRow) -> Result<()> {
        self.load.add(measure(row))?;
        self.id.push(&row.id);
        self.source.push(&row.source);
        self.patient.push_opt(&row.patient);
        self.institution.push_opt(&row.institution);
        self.specialty.push_opt(&row.specialty);
        self.procedure.push_opt(&row.procedure);
        self.device.push_opt(&row.device);
        self.consent.push_opt(&row.consent);
        self.extra.push_opt(&row.extra);
        self.record.push_opt(&row.record);
        Ok(())
    }

    /// Appends an empty row: what a deleted row becomes when its bytes go.
    pub fn push_empty(&mut self) -> Result<()> {
        self.push(&CaseRow::default())
    }

    fn columns(&mut self) -> Result<Vec<ArrayRef>> {
        Ok(vec![
            self.id.finish(),
            self.source.finish()?,
            self.patient.finish(),
            self.institution.finish()?,
            self.specialty.finish()?,
            self.procedure.finish()?,
            self.device.finish()?,
            self.consent.finish()?,
            self.extra.finish(),
            self.record.finish()?,
        ])
    }
}

fn measure(row: &CaseRow) -> Load {
    let mut load = Load::row();
    load.text(&row.id);
    load.name(&row.source);
    load.text_opt(&row.patient);
    for name in [&row.institution, &row.specialty, &row.procedure, &row.device, &row.consent] {
        load.name_opt(name);
    }
    load.text_opt(&row.extra);
    load
}
