//! A case.

use super::{Cells, view};
use crate::error::Result;
use crate::schema::rows::CaseRow;
use crate::schema::tables::cases;

view! {
    /// An operation or examination of a patient.
    Case of Cases, cases;
    /// Unique within its source.
    id: ID as text -> &str;
    /// Where it comes from.
    source: SOURCE as dict -> &str;
    /// The canonical key of the patient.
    patient: PATIENT as text_opt -> Option<&str>;
    /// Where it was recorded.
    institution: INSTITUTION as dict_opt -> Option<&str>;
    /// The surgical specialty.
    specialty: SPECIALTY as dict_opt -> Option<&str>;
    /// The kind of operation or examination.
    procedure: PROCEDURE as dict_opt -> Option<&str>;
    /// The recording device.
    device: DEVICE as dict_opt -> Option<&str>;
    /// What the patient agreed to.
    consent: CONSENT as dict_opt -> Option<&str>;
    /// What the source said beyond the columns: a JSON object.
    extra: EXTRA as text_opt -> Option<&str>;
    /// The digest of the record as it was imported.
    record: RECORD as record -> Option<[u8; 8]>;
}

impl<C: Cells> Case<C> {
    /// An owned copy of the whole row.
    pub fn to_row(&self) -> Result<CaseRow> {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Ok(CaseRow {
            id: self.id()?.to_owned(),
            source: self.source()?.to_owned(),
            patient: owned(self.patient()?),
            institution: owned(self.institution()?),
            specialty: owned(self.specialty()?),
            procedure: owned(self.procedure()?),
            device: owned(self.device()?),
            consent: owned(self.consent()?),
            extra: owned(self.extra()?),
            record: self.record()?,
        })
    }
}
