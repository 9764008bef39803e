//! The appender: rows go in one by one, and become visible all at once.

mod blob;
mod fragment;
mod new_rows;
mod refs;
mod store;

pub use blob::{BlobInfo, BlobSource};
pub(super) use blob::{Digested, digest_key};
pub use fragment::WriterOptions;
pub(crate) use new_rows::NewRows;

use crate::dataset::change::{Change, joined_source};
use crate::dataset::claims::Claims;
use crate::dataset::columns::CellUpdate;
use crate::dataset::index::IndexKind;
use crate::dataset::pictures::{NewSizes, size_of_blob};
use crate::dataset::{Dataset, cells, columns};
use crate::error::{Error, ErrorKind, Result};
use crate::format::Address;
use crate::format::manifest::{Operation, ReportEntry, Source, report_path};
use crate::schema::build::*;
use crate::schema::record::{Identity, id_identity};
use crate::schema::references::targets;
use crate::schema::rows::*;
use crate::schema::tables::Table;
use crate::schema::validate::{self, Finding};
use crate::storage::open_plain;
use blob::STREAM_FROM;
use fragment::TableWriter;
use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;

/// Appends rows to a dataset. What it has written becomes visible, all at once, with [`Appender::commit`]; dropped
/// without it, or killed, it leaves the dataset as it was.
///
/// Memory is bounded. What waits for a batch takes at most three times `batch_bytes` a table and three times
/// `blob_batch_bytes` of blobs (buffers double as they grow), or three times a row that is larger by itself; a file of
/// more than 32 MiB is never held. What tells repeats, and becomes the index, takes at most 45 bytes a new id, 70 a new
/// blob, 50 a new annotation's target or frame's video, and 32 each committed row that new ones refer to. Each file that
/// is written has a buffer of 1 MiB. Dictionaries and the side files of updates come on top.
///
/// Several appenders may work on a dataset at once, in one process or in several: all of them land, unless two add the
/// same id of the same source.
///
/// ```
/// # let dir = tempfile::tempdir().unwrap();
/// # let path = dir.path().join("demo.surgdb");
/// use surgdb::dataset::BlobSource;
/// use surgdb::rows::{ConversationRow, FrameRow, MediumRow, TurnRow};
/// use surgdb::{Dataset, Table};
///
/// let mut appender = Dataset::create(&path)?.append()?;
/// let blob = appender.blob(BlobSource::Bytes { media_type: "image/png", bytes: b"the bytes of a PNG" })?;
/// let frame = appender.frame(&FrameRow {
///     id: "VID01/000123.png".into(),
///     source: "mine".into(),
///     kind: "rgb".into(),
///     blob: Some(blob.address),
///     ..Default::default()
/// })?;
/// appender.conversation(&ConversationRow {
///     id: "1".into(),
///     source: "mine".into(),
///     task: "instrument recognition".into(),
///     turns: vec![
///         TurnRow { role: "user".into(), text: "<image>\nWhich instruments?".into(), ..Default::default() },
///         TurnRow { role: "assistant".into(), text: "A grasper.".into(), ..Default::default() },
///     ],
///     media: vec![MediumRow { turn: 0, at: Some(0), refs: vec![frame], ..Default::default() }],
///     ..Default::default()
/// })?;
/// let dataset = appender.commit(surgdb::Operation::new("append"))?;
/// assert_eq!(dataset.count(Table::Conversations)?, 1);
/// # Ok::<(), surgdb::Error>(())
/// ```
pub struct Appender {
    dataset: Dataset,
    claims: Claims,
    options: WriterOptions,
    cases: TableWriter<CasesBuilder>,
    videos: TableWriter<VideosBuilder>,
    frames: TableWriter<FramesBuilder>,
    blobs: TableWriter<BlobsBuilder>,
    annotations: TableWriter<AnnotationsBuilder>,
    conversations: TableWriter<ConversationsBuilder>,
    /// Addresses of new rows, by table and what source and id are told apart by.
    ids: [NewRows; 6],
    /// Addresses of new blobs, by the start of their digest: those whose bytes are here, and those that are linked.
    digests: NewRows,
    links: NewRows,
    sizes: NewSizes,
    /// Targets of new annotations, with their addresses.
    targets: Vec<(u64, i64)>,
    /// What the row at hand refers to: it counts once the row is appended.
    noted: Vec<Address>,
    names: BTreeSet<String>,
    change: Change,
    updates: Vec<CellUpdate>,
}

impl Dataset {
    /// Starts to append to this dataset.
    ///
    /// # Errors
    /// `Io` when the system has no randomness.
    pub fn append(&self) -> Result<Appender> {
        self.append_with(WriterOptions::default())
    }

    /// Starts to append, with options.
    ///
    /// # Errors
    /// `Io` when the system has no randomness.
    pub fn append_with(&self, options: WriterOptions) -> Result<Appender> {
        Ok(Appender {
            dataset: self.clone(),
            claims: Claims::new(self.path())?,
            options,
            cases: TableWriter::new(),
            videos: TableWriter::new(),
            frames: TableWriter::new(),
            blobs: TableWriter::new(),
            annotations: TableWriter::new(),
            conversations: TableWriter::new(),
            ids: Default::default(),
            digests: NewRows::default(),
            links: NewRows::default(),
            sizes: NewSizes::default(),
            targets: Vec::new(),
            noted: Vec::new(),
            names: BTreeSet::new(),
            change: Change::default(),
            updates: Vec::new(),
        })
    }
}

/// Appends a row with an id to its table, once it was checked and is known to be new.
macro_rules! append_new {
    ($self:ident, $table:expr, $writer:ident, $row:ident, $identity:expr) => {{
        let identity = $identity;
        $self.check_refs_of($row)?;
        let root = $self.dataset.path();
        let address = $self.$writer.append(root, &mut $self.claims, &$self.options, |builder| builder.push($row))?;
        $self.register($table, identity, address, &$row.source);
        if !$self.noted.is_empty() {
            $self.change.refers.extend($self.noted.drain(..));
        }
        address
    }};
}

/// Checks a row and its id, and appends it to its table.
macro_rules! append_row {
    ($self:ident, $table:expr, $writer:ident, $row:ident, $check:ident) => {{
        let findings = validate::$check($row)?;
        let identity = $self.check_id($table, &$row.source, &$row.id)?;
        (append_new!($self, $table, $writer, $row, identity), findings)
    }};
}

/// An id that was looked for in a table, and that no live row has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewId(pub(crate) Identity);

/// What became of looking for an id.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sought {
    /// A row has it.
    There(Address),
    /// None has it.
    New(NewId),
}

impl Appender {
    /// The version that it builds on.
    pub fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    /// Appends a case.
    ///
    /// # Errors
    /// `Invalid` when the row does not hold together, `Exists` when its source has this id already; `Io`.
    pub fn case(&mut self, row: &CaseRow) -> Result<Address> {
        Ok(append_row!(self, Table::Cases, cases, row, check_case).0)
    }

    /// Appends a video.
    ///
    /// # Errors
    /// `Invalid` when the row does not hold together or refers to what is not there, `Exists` when its source has this
    /// id already; `Io`.
    pub fn video(&mut self, row: &VideoRow) -> Result<Address> {
        Ok(append_row!(self, Table::Videos, videos, row, check_video).0)
    }

    /// Appends a frame.
    ///
    /// # Errors
    /// As [`Appender::video`]; `Invalid` also when it says another size than its picture's header.
    pub fn frame(&mut self, row: &FrameRow) -> Result<Address> {
        self.check_size(row).map_err(|error| error.with_id(&row.id))?;
        let (address, _) = append_row!(self, Table::Frames, frames, row, check_frame);
        if let Some(video) = row.video {
            self.change.entries.entry(IndexKind::Video).or_default().push((video.get() as u64, address.get()));
        }
        Ok(address)
    }

    /// Appends an annotation. What is odd but kept (a box that leaves its picture) comes back as findings.
    ///
    /// # Errors
    /// As [`Appender::video`].
    pub fn annotation(&mut self, row: &AnnotationRow) -> Result<(Address, Vec<Finding>)> {
        let (address, findings) = append_row!(self, Table::Annotations, annotations, row, check_annotation);
        self.note_target(row.target, address);
        Ok((address, findings))
    }

    /// The same of one whose id was looked for before, and whose `extra` is known to be a JSON object.
    pub(crate) fn new_annotation(&mut self, row: &AnnotationRow, id: NewId) -> Result<(Address, Vec<Finding>)> {
        let findings = validate::check_annotation_columns(row)?;
        let identity = self.still_new(Table::Annotations, id, &row.source, &row.id)?;
        let address = append_new!(self, Table::Annotations, annotations, row, identity);
        self.note_target(row.target, address);
        Ok((address, findings))
    }

    fn note_target(&mut self, target: Address, address: Address) {
        self.targets.push((target.get() as u64, address.get()));
    }

    /// Appends a conversation. What is odd but kept (a box that leaves its picture) comes back as findings.
    ///
    /// # Errors
    /// As [`Appender::video`].
    pub fn conversation(&mut self, row: &ConversationRow) -> Result<(Address, Vec<Finding>)> {
        Ok(append_row!(self, Table::Conversations, conversations, row, check_conversation))
    }

    /// The same of one that was checked already, and whose id was looked for before.
    pub(crate) fn checked_conversation(&mut self, row: &ConversationRow, id: NewId) -> Result<Address> {
        let identity = self.still_new(Table::Conversations, id, &row.source, &row.id)?;
        Ok(append_new!(self, Table::Conversations, conversations, row, identity))
    }

    /// Appends a blob, unless the dataset has its content already.
    ///
    /// # Errors
    /// `Io`, `NotFound` when its file cannot be read; `Input` when the file changes meanwhile.
    pub fn blob(&mut self, source: BlobSource<'_>) -> Result<BlobInfo> {
        match source {
            BlobSource::Bytes { media_type, bytes } => self.held_blob(media_type, bytes),
            BlobSource::File { media_type, path } => {
                let wrong = |error| Error::io("cannot read it", error).in_file(path);
                let (file, len) = open_plain(path).map_err(wrong)?;
                if len >= STREAM_FROM {
                    return self.streamed_blob(media_type, path);
                }
                let mut bytes = Vec::with_capacity(len as usize);
                file.take(len).read_to_end(&mut bytes).map_err(wrong)?;
                self.held_blob(media_type, &bytes)
            }
            BlobSource::Linked { media_type, path } => self.linked_blob(media_type, path),
        }
    }

    /// Whether a frame says the size of its picture, where that is known.
    fn check_size(&self, row: &FrameRow) -> Result<()> {
        let says = (row.width, row.height);
        let Some(blob) = row.blob.filter(|_| says != (None, None)) else { return Ok(()) };
        let is = self.sizes.get(blob).or_else(|| size_of_blob(&self.dataset, blob));
        is.map_or(Ok(()), |is| validate::check_pixels(says, is))
    }

    /// The address of a row with this source and id, committed or appended here; not one that is to be deleted.
    ///
    /// # Errors
    /// `Corrupt` when the index cannot be read.
    pub fn lookup(&self, table: Table, source: &str, id: &str) -> Result<Option<Address>> {
        self.lookup_of(table, id_identity(source, id), source, id)
    }

    fn lookup_of(&self, table: Table, identity: Identity, source: &str, id: &str) -> Result<Option<Address>> {
        if let Some(address) = self.ids[table as usize].get(identity) {
            return Ok(Some(address));
        }
        let found = self.dataset.find_by_key(table, identity.key(), source, id)?;
        Ok(found.filter(|address| !self.change.deletes.contains(address)))
    }

    /// Looks for the id of this source that has this identity.
    pub(crate) fn seek(&self, table: Table, identity: Identity, source: &str, id: &str) -> Result<Sought> {
        Ok(self.lookup_of(table, identity, source, id)?.map_or(Sought::New(NewId(identity)), Sought::There))
    }

    /// Whether a row was appended here whose id has this identity.
    pub(crate) fn has_new(&self, table: Table, identity: Identity) -> bool {
        self.ids[table as usize].get(identity).is_some()
    }

    /// The identities of the ids of rows that were appended here.
    pub(crate) fn new_ids(&self, table: Table) -> impl Iterator<Item = Identity> {
        self.ids[table as usize].identities()
    }

    /// The identity of an id, unless a row was appended here meanwhile that has it.
    fn still_new(&self, table: Table, NewId(identity): NewId, source: &str, id: &str) -> Result<Identity> {
        match self.ids[table as usize].get(identity) {
            Some(address) => Err(exists(table, source, id, address)),
            None => Ok(identity),
        }
    }

    fn check_id(&self, table: Table, source: &str, id: &str) -> Result<Identity> {
        let identity = id_identity(source, id);
        if let Some(address) = self.lookup_of(table, identity, source, id)? {
            return Err(exists(table, source, id, address));
        }
        Ok(identity)
    }

    fn register(&mut self, table: Table, identity: Identity, address: Address, source: &str) {
        self.ids[table as usize].insert(identity, address);
        if !self.names.contains(source) {
            self.names.insert(source.to_owned());
        }
    }

    /// Deletes a committed row with the same commit: to put a new one in its place.
    ///
    /// # Errors
    /// `NotInVersion`, `Deleted` when it is not live.
    pub fn delete(&mut self, address: Address) -> Result<()> {
        self.dataset.row(address)?;
        self.change.deletes.insert(address);
        Ok(())
    }

    /// Changes cells of committed rows with the same commit, as a side column; the rest of the column stays. Rows that
    /// were appended here may have cells in columns on top of their table's own: a split, a score.
    ///
    /// # Errors
    /// `Invalid` when the column cannot be replaced or the values do not fit it.
    pub fn update(&mut self, update: CellUpdate) -> Result<()> {
        update.check(&self.dataset, |address| self.appended_in(address))?;
        let (table, column) = update.place();
        let allowed = targets(table, column);
        self.noted.clear();
        update.each_reference(&mut |address| self.check_ref(column, address, allowed))?;
        self.change.refers.extend(self.noted.drain(..));
        // A side file holds a fragment's cells whole, so all that is said of a column must end in the same file.
        match self.updates.iter_mut().find(|known| known.place() == update.place()) {
            Some(known) => known.join(update),
            None => {
                self.updates.push(update);
                Ok(())
            }
        }
    }

    /// Says what a source is: it is added to the manifest, or takes the place of what was said of it.
    pub fn source(&mut self, source: Source) {
        self.change.sources.retain(|known| known.id != source.id);
        self.change.sources.push(source);
    }

    /// Says what a source is, beside what was said of it here before.
    pub(super) fn join_source(&mut self, source: Source) {
        match self.change.sources.iter_mut().find(|known| known.id == source.id) {
            Some(known) => *known = joined_source(known, &source),
            None => self.change.sources.push(source),
        }
    }

    /// Keeps a report, to be written with the commit and named by the manifest; its path, relative to the dataset's
    /// folder.
    ///
    /// # Errors
    /// None so far: writing it is the commit's.
    pub fn report(&mut self, name: &str, bytes: &[u8]) -> Result<String> {
        Ok(self.keep_report(name, bytes, false))
    }

    /// The same of a report that no other writer can write, such as one with a random id: where the commit comes to
    /// nothing because another writer was first, it is removed.
    pub(crate) fn unique_report(&mut self, name: &str, bytes: &[u8]) -> String {
        self.keep_report(name, bytes, true)
    }

    /// Takes a report of another dataset over; the commit copies its file, and holds it against its digest and length.
    pub(in crate::dataset) fn copied_report(&mut self, entry: &ReportEntry, from: &Path) {
        self.change.reports.push(entry.clone());
        self.change.written.add_file(entry, from);
    }

    fn keep_report(&mut self, name: &str, bytes: &[u8], is_unique: bool) -> String {
        let path = report_path(blake3::hash(bytes).to_hex().as_str(), "json");
        self.change.reports.push(ReportEntry { name: name.to_owned(), path: path.clone(), bytes: bytes.len() as u64 });
        self.change.written.add(&path, bytes, is_unique);
        path
    }

    /// Makes everything visible as a new version, and opens it. Where nothing was appended or changed, there is no new
    /// version.
    ///
    /// # Errors
    /// `Invalid` when a row with its new cells does not hold together; `Conflict` when another writer has committed
    /// something that this rests on; `Storage`, `Io`. Whatever the
    /// error, the dataset has either its newest version as before, or the new one, whole.
    pub fn commit(mut self, operation: Operation) -> Result<Dataset> {
        for name in &self.names {
            let known = self.dataset.manifest().source(name).is_some();
            if !known && !self.change.sources.iter().any(|source| source.id == *name) {
                self.change.sources.push(Source { id: name.clone(), ..Default::default() });
            }
        }
        self.index_new();
        let claims = &mut self.claims;
        let files = [
            (Table::Blobs, self.blobs.finish(claims)?),
            (Table::Cases, self.cases.finish(claims)?),
            (Table::Videos, self.videos.finish(claims)?),
            (Table::Frames, self.frames.finish(claims)?),
            (Table::Annotations, self.annotations.finish(claims)?),
            (Table::Conversations, self.conversations.finish(claims)?),
        ];
        self.change.files.extend(files.into_iter().filter(|(_, files)| !files.is_empty()));
        let checking = self.dataset.checking()?;
        cells::check_updates(&checking, &self.updates, &self.sizes)?;
        for update in &self.updates {
            columns::write_update(&checking, claims, update, &mut self.change)?;
        }
        self.change.commit(&self.dataset, self.claims, operation)
    }
}

fn exists(table: Table, source: &str, id: &str, address: Address) -> Error {
    let message = format!("the source {source:?} has a {} with this id already, at {address}", table.row_name());
    Error::new(ErrorKind::Exists, message).with_id(id)
}

impl Appender {
    /// Turns what told repeats into entries of the index.
    fn index_new(&mut self) {
        for table in Table::ALL {
            let ids = std::mem::take(&mut self.ids[table as usize]);
            self.index_rows(IndexKind::Id(table), [ids]);
        }
        if !self.targets.is_empty() {
            self.change.entries.insert(IndexKind::Target, std::mem::take(&mut self.targets));
        }
        let blobs = [std::mem::take(&mut self.digests), std::mem::take(&mut self.links)];
        self.index_rows(IndexKind::Digest, blobs);
    }

    fn index_rows(&mut self, kind: IndexKind, rows: impl IntoIterator<Item = NewRows>) {
        let mut entries = Vec::new();
        rows.into_iter().for_each(|rows| rows.into_entries(&mut entries));
        if !entries.is_empty() {
            self.change.entries.insert(kind, entries);
        }
    }
}
