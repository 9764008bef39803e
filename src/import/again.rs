//! Rows that come in again after they were deleted: counted, or refused.
//!
//! A deleted row's id stays in the index until a compaction empties the row, or a purge takes it out; so long it is known
//! here; so is a patient whose cases were, whichever source speaks of them. What came after that, nothing can tell.

use super::sink::Sink;
use crate::dataset::{BlobInfo, BlobSource, CellUpdate, Dataset, NewId, Sought};
use crate::error::{Error, ErrorKind, Result};
use crate::format::address::Address;
use crate::format::manifest::Source;
use crate::import::options::OnDeleted;
use crate::schema::record::Identity;
use crate::schema::rows::{AnnotationRow, CaseRow, ConversationRow, FrameRow, VideoRow};
use crate::schema::tables::Table;
use crate::schema::validate::Finding;
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

/// Rows of a table that came in again: how many, and the id of the first.
pub(super) type CameAgain = BTreeMap<Table, (u64, String)>;

/// A sink that looks at what comes in for rows that were deleted.
pub(super) struct Watched<'s> {
    sink: &'s mut dyn Sink,
    on_deleted: OnDeleted,
    came: CameAgain,
    /// The patients whose cases were deleted, once they were asked for.
    patients: OnceCell<BTreeSet<String>>,
}

impl<'s> Watched<'s> {
    pub(super) fn new(sink: &'s mut dyn Sink, on_deleted: OnDeleted) -> Self {
        Self { sink, on_deleted, came: CameAgain::new(), patients: OnceCell::new() }
    }

    /// Whether a row that is new may come in: an error where it was deleted and is to stay away.
    fn admit(&self, table: Table, source: &str, id: &str) -> Result<bool> {
        let is_again = self.dataset().was_deleted(table, source, id)?;
        self.judge(is_again, table, id)
    }

    /// The same of a row of which it is known whether it was deleted.
    fn judge(&self, is_again: bool, table: Table, id: &str) -> Result<bool> {
        if is_again && self.on_deleted != OnDeleted::Take {
            return Err(refusal(table, id));
        }
        Ok(is_again)
    }

    fn count(&mut self, is_again: bool, table: Table, id: &str) {
        if is_again {
            self.came.entry(table).or_insert_with(|| (0, id.to_owned())).0 += 1;
        }
    }
}

/// Why a row stays away.
pub(super) fn refusal(table: Table, id: &str) -> Error {
    let what = table.row_name();
    let advice = "--on-deleted take takes it again, skip leaves out what is of it";
    Error::new(ErrorKind::Deleted, format!("the {what} {id:?} was deleted, and would come in again: {advice}"))
}

/// Appends a row, and counts it once it is in.
macro_rules! admitted {
    ($self:ident, $table:expr, $row:ident, $append:expr) => {{
        let is_again = $self.admit($table, &$row.source, &$row.id)?;
        let appended = $append?;
        $self.count(is_again, $table, &$row.id);
        Ok(appended)
    }};
}

impl Sink for Watched<'_> {
    fn dataset(&self) -> &Dataset {
        self.sink.dataset()
    }

    fn lookup(&self, table: Table, source: &str, id: &str) -> Result<Option<Address>> {
        self.sink.lookup(table, source, id)
    }

    fn case(&mut self, row: &CaseRow) -> Result<Address> {
        let of_patient = row.patient.as_deref().map_or(Ok(false), |patient| self.is_patient_deleted(patient))?;
        let is_again = self.admit(Table::Cases, &row.source, &row.id)?;
        let is_again = is_again || self.judge(of_patient, Table::Cases, &row.id)?;
        let appended = self.sink.case(row)?;
        self.count(is_again, Table::Cases, &row.id);
        Ok(appended)
    }

    fn video(&mut self, row: &VideoRow) -> Result<Address> {
        admitted!(self, Table::Videos, row, self.sink.video(row))
    }

    fn frame(&mut self, row: &FrameRow) -> Result<Address> {
        admitted!(self, Table::Frames, row, self.sink.frame(row))
    }

    fn seek(&self, table: Table, identity: Identity, source: &str, id: &str) -> Result<Sought> {
        self.sink.seek(table, identity, source, id)
    }

    fn has_new(&self, identity: Identity) -> bool {
        self.sink.has_new(identity)
    }

    fn new_ids(&self) -> Vec<Identity> {
        self.sink.new_ids()
    }

    fn new_annotation(&mut self, row: &AnnotationRow, id: NewId) -> Result<(Address, Vec<Finding>)> {
        admitted!(self, Table::Annotations, row, self.sink.new_annotation(row, id))
    }

    fn conversation(&mut self, row: &ConversationRow) -> Result<Address> {
        self.sink.conversation(row)
    }

    fn new_conversation(&mut self, row: &ConversationRow, id: NewId) -> Result<Address> {
        admitted!(self, Table::Conversations, row, self.sink.new_conversation(row, id))
    }

    fn blob(&mut self, source: BlobSource<'_>) -> Result<BlobInfo> {
        self.sink.blob(source)
    }

    fn delete(&mut self, address: Address) -> Result<()> {
        self.sink.delete(address)
    }

    fn update(&mut self, update: CellUpdate) -> Result<()> {
        self.sink.update(update)
    }

    fn source(&mut self, source: Source) {
        self.sink.source(source);
    }

    fn report(&mut self, name: &str, bytes: &[u8]) -> Result<String> {
        self.sink.report(name, bytes)
    }

    fn is_patient_deleted(&self, patient: &str) -> Result<bool> {
        let patients = match self.patients.get() {
            Some(patients) => patients,
            None => {
                let found = self.dataset().deleted_patients()?;
                self.patients.get_or_init(|| found)
            }
        };
        Ok(patients.contains(patient))
    }

    fn came_again(&self) -> Option<&CameAgain> {
        Some(&self.came)
    }
}
