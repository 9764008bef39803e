//! Where an import's rows go: into an appender, or, on a trial run, nowhere.

use crate::dataset::{Appender, BlobInfo, BlobSource, CellUpdate, Dataset, NewId, NewRows, Sought};
use crate::error::Result;
use crate::format::address::{Address, FragmentId};
use crate::format::manifest::Source;
use crate::import::again::CameAgain;
use crate::schema::record::{Identity, id_identity};
use crate::schema::rows::{AnnotationRow, CaseRow, ConversationRow, FrameRow, VideoRow};
use crate::schema::tables::Table;
use crate::schema::validate::Finding;
use std::collections::HashMap;

/// The tables whose rows are records.
const RECORDS: [Table; 2] = [Table::Annotations, Table::Conversations];

/// What an import needs of an appender.
pub(super) trait Sink {
    /// The version that the import builds on.
    fn dataset(&self) -> &Dataset;
    fn lookup(&self, table: Table, source: &str, id: &str) -> Result<Option<Address>>;
    fn case(&mut self, row: &CaseRow) -> Result<Address>;
    fn video(&mut self, row: &VideoRow) -> Result<Address>;
    fn frame(&mut self, row: &FrameRow) -> Result<Address>;
    /// Looks for the id that has this identity.
    fn seek(&self, table: Table, identity: Identity, source: &str, id: &str) -> Result<Sought>;
    /// Whether a new statement or conversation has the id of this identity.
    fn has_new(&self, identity: Identity) -> bool;
    /// What tells the ids of new statements and conversations apart.
    fn new_ids(&self) -> Vec<Identity>;
    /// Takes a statement whose id was looked for, and whose `extra` is a JSON object.
    fn new_annotation(&mut self, row: &AnnotationRow, id: NewId) -> Result<(Address, Vec<Finding>)>;
    /// Takes a conversation in place of one that is deleted.
    fn conversation(&mut self, row: &ConversationRow) -> Result<Address>;
    /// Takes a conversation that was checked, and whose id was looked for.
    fn new_conversation(&mut self, row: &ConversationRow, id: NewId) -> Result<Address>;
    fn blob(&mut self, source: BlobSource<'_>) -> Result<BlobInfo>;
    fn delete(&mut self, address: Address) -> Result<()>;
    fn update(&mut self, update: CellUpdate) -> Result<()>;
    fn source(&mut self, source: Source);
    /// Keeps a report with an id of its own.
    fn report(&mut self, name: &str, bytes: &[u8]) -> Result<String>;

    /// Whether all cases of a patient were deleted, of whichever source, where that is watched.
    fn is_patient_deleted(&self, _patient: &str) -> Result<bool> {
        Ok(false)
    }

    /// What came in again after it was deleted, where that is watched.
    fn came_again(&self) -> Option<&CameAgain> {
        None
    }
}

impl Sink for Appender {
    fn dataset(&self) -> &Dataset {
        Appender::dataset(self)
    }

    fn lookup(&self, table: Table, source: &str, id: &str) -> Result<Option<Address>> {
        Appender::lookup(self, table, source, id)
    }

    fn case(&mut self, row: &CaseRow) -> Result<Address> {
        Appender::case(self, row)
    }

    fn video(&mut self, row: &VideoRow) -> Result<Address> {
        Appender::video(self, row)
    }

    fn frame(&mut self, row: &FrameRow) -> Result<Address> {
        Appender::frame(self, row)
    }

    fn seek(&self, table: Table, identity: Identity, source: &str, id: &str) -> Result<Sought> {
        Appender::seek(self, table, identity, source, id)
    }

    fn has_new(&self, identity: Identity) -> bool {
        RECORDS.iter().any(|table| Appender::has_new(self, *table, identity))
    }

    fn new_ids(&self) -> Vec<Identity> {
        RECORDS.iter().flat_map(|table| Appender::new_ids(self, *table)).collect()
    }

    fn new_annotation(&mut self, row: &AnnotationRow, id: NewId) -> Result<(Address, Vec<Finding>)> {
        Appender::new_annotation(self, row, id)
    }

    fn new_conversation(&mut self, row: &ConversationRow, id: NewId) -> Result<Address> {
        Appender::checked_conversation(self, row, id)
    }

    fn conversation(&mut self, row: &ConversationRow) -> Result<Address> {
        Appender::conversation(self, row).map(|(address, _)| address)
    }

    fn blob(&mut self, source: BlobSource<'_>) -> Result<BlobInfo> {
        Appender::blob(self, source)
    }

    fn delete(&mut self, address: Address) -> Result<()> {
        Appender::delete(self, address)
    }

    fn update(&mut self, update: CellUpdate) -> Result<()> {
        Appender::update(self, update)
    }

    fn source(&mut self, source: Source) {
        Appender::source(self, source);
    }

    fn report(&mut self, name: &str, bytes: &[u8]) -> Result<String> {
        Ok(self.unique_report(name, bytes))
    }
}

/// A sink that gives out addresses and keeps nothing but ids.
pub(super) struct TrialRun {
    dataset: Dataset,
    ids: [NewRows; 6],
    blobs: HashMap<[u8; 32], Address>,
    next: u64,
}

impl TrialRun {
    /// A trial run on top of this version.
    pub(super) fn new(dataset: Dataset) -> Self {
        Self { dataset, ids: Default::default(), blobs: HashMap::new(), next: 0 }
    }

    /// An address of the last fragment there can be, so that it meets no row that is there.
    fn address(&mut self) -> Result<Address> {
        let fragment = FragmentId::new(crate::format::constants::FRAGMENT_MAX)?;
        self.next += 1;
        Ok(fragment.address(self.next as u32))
    }

    fn row(&mut self, table: Table, source: &str, id: &str) -> Result<Address> {
        self.known_row(table, id_identity(source, id))
    }

    fn known_row(&mut self, table: Table, identity: Identity) -> Result<Address> {
        let address = self.address()?;
        self.ids[table as usize].insert(identity, address);
        Ok(address)
    }
}

impl Sink for TrialRun {
    fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    fn lookup(&self, table: Table, source: &str, id: &str) -> Result<Option<Address>> {
        match self.ids[table as usize].get(id_identity(source, id)) {
            Some(address) => Ok(Some(address)),
            None => self.dataset.find_in(table, source, id),
        }
    }

    fn seek(&self, table: Table, identity: Identity, source: &str, id: &str) -> Result<Sought> {
        let there = match self.ids[table as usize].get(identity) {
            Some(address) => Some(address),
            None => self.dataset.find_in(table, source, id)?,
        };
        Ok(there.map_or(Sought::New(NewId(identity)), Sought::There))
    }

    fn has_new(&self, identity: Identity) -> bool {
        RECORDS.iter().any(|table| self.ids[*table as usize].get(identity).is_some())
    }

    fn new_ids(&self) -> Vec<Identity> {
        RECORDS.iter().flat_map(|table| self.ids[*table as usize].identities()).collect()
    }

    fn case(&mut self, row: &CaseRow) -> Result<Address> {
        self.row(Table::Cases, &row.source, &row.id)
    }

    fn video(&mut self, row: &VideoRow) -> Result<Address> {
        self.row(Table::Videos, &row.source, &row.id)
    }

    fn frame(&mut self, row: &FrameRow) -> Result<Address> {
        self.row(Table::Frames, &row.source, &row.id)
    }

    fn new_annotation(&mut self, row: &AnnotationRow, NewId(identity): NewId) -> Result<(Address, Vec<Finding>)> {
        let findings = crate::schema::validate::check_annotation_columns(row)?;
        Ok((self.known_row(Table::Annotations, identity)?, findings))
    }

    fn conversation(&mut self, row: &ConversationRow) -> Result<Address> {
        crate::schema::validate::check_conversation(row)?;
        self.row(Table::Conversations, &row.source, &row.id)
    }

    fn new_conversation(&mut self, _: &ConversationRow, NewId(identity): NewId) -> Result<Address> {
        self.known_row(Table::Conversations, identity)
    }

    fn blob(&mut self, source: BlobSource<'_>) -> Result<BlobInfo> {
        let io = |error| crate::error::Error::io("cannot read it", error);
        let mut hasher = blake3::Hasher::new();
        let size = match source {
            BlobSource::Bytes { bytes, .. } => hasher.update(bytes).count(),
            BlobSource::File { path, .. } | BlobSource::Linked { path, .. } => {
                let file = std::fs::File::open(path).map_err(|error| io(error).in_file(path))?;
                hasher.update_reader(file).map_err(|error| io(error).in_file(path))?.count()
            }
        };
        let digest = *hasher.finalize().as_bytes();
        let known = self.blobs.get(&digest).copied();
        let address = known.map_or_else(|| self.address(), Ok)?;
        self.blobs.insert(digest, address);
        Ok(BlobInfo { address, digest, size, is_new: known.is_none() })
    }

    fn delete(&mut self, _: Address) -> Result<()> {
        Ok(())
    }

    fn update(&mut self, _: CellUpdate) -> Result<()> {
        Ok(())
    }

    fn source(&mut self, _: Source) {}

    fn report(&mut self, _: &str, _: &[u8]) -> Result<String> {
        Ok(String::new())
    }
}
