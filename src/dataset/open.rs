//! Opening a dataset, and reaching any of its rows.

use crate::dataset::index::Run;
use crate::dataset::lazy::Opening;
use crate::dataset::link;
use crate::dataset::record::{Annotation, Blob, Case, Conversation, Frame, Record, Video};
use crate::dataset::row::Row;
use crate::dataset::table::TableState;
use crate::dataset::versions;
use crate::error::{Error, ErrorKind, Result};
use crate::format::manifest::Manifest;
use crate::format::{Address, FragmentId};
use crate::read::{BatchCache, VerifyLevel};
use crate::schema::tables::Table;
use crate::storage::Access;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

/// A dataset, open at one version: cheap to clone, to share between threads, and to use after a `fork`.
///
/// Readers never see a version change under them: open the dataset again to see what was committed since.
///
/// ```
/// # let dir = tempfile::tempdir().unwrap();
/// # let path = dir.path().join("demo.surgdb");
/// use surgdb::{Dataset, Table};
/// let dataset = Dataset::create(&path)?;
/// assert_eq!(dataset.version(), 1);
/// assert_eq!(dataset.count(Table::Conversations)?, 0);
/// # Ok::<(), surgdb::Error>(())
/// ```
#[derive(Clone)]
pub struct Dataset(Arc<Inner>);

struct Inner {
    opening: Opening,
    options: OpenOptions,
    manifest: Manifest,
    /// In the order of `Table`'s variants.
    tables: [TableState; 6],
    /// The table of each fragment, by ascending number.
    owners: Vec<(FragmentId, Table)>,
    runs: Vec<Run>,
}

/// How a dataset is opened.
///
/// ```no_run
/// use surgdb::{Dataset, VerifyLevel};
/// let dataset = Dataset::options().version(7).verify(VerifyLevel::Strict).open("my.surgdb")?;
/// # Ok::<(), surgdb::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct OpenOptions {
    version: Option<u64>,
    tag: Option<String>,
    level: VerifyLevel,
    access: Access,
    cache: u64,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self { version: None, tag: None, level: VerifyLevel::Lazy, access: Access::Mapped, cache: 256 << 20 }
    }
}

impl OpenOptions {
    /// Opens this version instead of the newest.
    pub fn version(mut self, version: u64) -> Self {
        self.version = Some(version);
        self
    }

    /// Opens the version that has this tag.
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tag = Some(tag.into());
        self
    }

    /// How much is checked against checksums; [`VerifyLevel::Lazy`] unless told.
    pub fn verify(mut self, level: VerifyLevel) -> Self {
        self.level = level;
        self
    }

    /// Memory maps or plain reads; maps unless told.
    pub fn access(mut self, access: Access) -> Self {
        self.access = access;
        self
    }

    /// About how many bytes of decoded batches are kept, of packed files and with plain reads; 256 MiB unless told.
    pub fn cache(mut self, bytes: u64) -> Self {
        self.cache = bytes;
        self
    }

    /// Opens the dataset. It reads the manifest, and nothing else.
    ///
    /// # Errors
    /// `Invalid` where both a version and a tag are named; `NotFound` when there is no dataset or no such version;
    /// `Corrupt` or `Unsupported` when the manifest cannot be used.
    pub fn open(self, path: impl AsRef<Path>) -> Result<Dataset> {
        let root = path.as_ref();
        let manifest = match (&self.tag, self.version) {
            (Some(tag), Some(version)) => {
                let what = format!("version {version} and the tag {tag:?} are both asked for: name one of them");
                return Err(Error::invalid(what).in_file(root));
            }
            (Some(tag), None) => versions::by_tag(root, tag)?,
            (None, Some(version)) => versions::read(root, version)?,
            (None, None) => versions::newest(root)?,
        };
        Dataset::at(root, manifest, self)
    }
}

impl Dataset {
    /// Makes an empty dataset in a folder that does not exist yet, or is empty.
    ///
    /// # Errors
    /// `Exists` when there is something; `Storage` when the file system cannot hold a dataset safely.
    pub fn create(path: impl AsRef<Path>) -> Result<Self> {
        let manifest = crate::dataset::commit::create(path.as_ref())?;
        Self::at(path.as_ref(), manifest, OpenOptions::default())
    }

    /// Removes a dataset that [`Dataset::create`] has just made, where what was to fill it failed; with `and_folder` also its
    /// folder. Says whether it did: one with further versions, or with a writer at work, stays as it is.
    ///
    /// # Errors
    /// `Io` when it cannot be removed.
    pub fn take_back(self, and_folder: bool) -> Result<bool> {
        crate::dataset::commit::take_back(self.path(), &self.manifest().commit, and_folder)
    }

    /// Opens the newest version.
    ///
    /// # Errors
    /// See [`OpenOptions::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::options().open(path)
    }

    /// Opens with options.
    pub fn options() -> OpenOptions {
        OpenOptions::default()
    }

    pub(super) fn at(root: &Path, manifest: Manifest, options: OpenOptions) -> Result<Self> {
        let build = || {
            let tables = [
                TableState::new(Table::Cases, &manifest)?,
                TableState::new(Table::Videos, &manifest)?,
                TableState::new(Table::Frames, &manifest)?,
                TableState::new(Table::Blobs, &manifest)?,
                TableState::new(Table::Annotations, &manifest)?,
                TableState::new(Table::Conversations, &manifest)?,
            ];
            let owners = tables.iter().flat_map(|state| state.fragments.iter().map(|part| (part.id, state.table)));
            let mut owners: Vec<_> = owners.collect();
            owners.sort_unstable();
            if owners.windows(2).any(|pair| pair[0].0 == pair[1].0) {
                return Err(Error::corrupt("two tables hold the same fragment"));
            }
            Ok((tables, owners))
        };
        let path = root.join(crate::format::manifest::version_path(manifest.version));
        let (tables, owners) = build().map_err(|error: Error| error.in_file(path))?;
        let opening = Opening {
            root: root.to_path_buf(),
            access: options.access,
            level: options.level,
            cache: Arc::new(BatchCache::new(options.cache)),
        };
        let runs = manifest.index.iter().map(Run::new).collect();
        Ok(Self(Arc::new(Inner { opening, options, manifest, tables, owners, runs })))
    }

    /// The dataset at another of its versions, opened alike.
    ///
    /// # Errors
    /// `NotFound` when there is no such version; `Corrupt` or `Unsupported` when its manifest cannot be used.
    pub fn at_version(&self, version: u64) -> Result<Self> {
        match version == self.version() {
            true => Ok(self.clone()),
            false => self.reopened(versions::read(self.path(), version)?),
        }
    }

    /// When the rows of a fragment were committed at the earliest; nothing where the versions that would tell are no
    /// longer kept.
    ///
    /// # Errors
    /// `Corrupt` or `Unsupported` when a manifest cannot be read.
    pub fn written_by(&self, fragment: FragmentId) -> Result<Option<SystemTime>> {
        versions::time_of(self.path(), fragment)
    }

    /// The same dataset at another manifest, opened alike.
    pub(super) fn reopened(&self, manifest: Manifest) -> Result<Self> {
        let options = OpenOptions { version: None, tag: None, ..self.0.options.clone() };
        Self::at(&self.0.opening.root, manifest, options)
    }

    /// The same version, opened anew with at least this level of checks, and nothing of it touched.
    pub(super) fn reopened_at(&self, level: VerifyLevel) -> Result<Self> {
        let options =
            OpenOptions { version: None, tag: None, level: self.0.options.level.max(level), ..self.0.options };
        Self::at(&self.0.opening.root, self.0.manifest.clone(), options)
    }

    /// The dataset for who copies values from it to new files: opened so that checksums count, or damage would get
    /// fresh ones.
    pub(super) fn checking(&self) -> Result<Self> {
        match self.0.options.level {
            VerifyLevel::Trusted => self.reopened_at(VerifyLevel::Lazy),
            _ => Ok(self.clone()),
        }
    }

    /// The dataset's folder.
    pub fn path(&self) -> &Path {
        &self.0.opening.root
    }

    /// The number of the version that is open.
    pub fn version(&self) -> u64 {
        self.0.manifest.version
    }

    /// The manifest of the version that is open.
    pub fn manifest(&self) -> &Manifest {
        &self.0.manifest
    }

    pub(super) fn opening(&self) -> &Opening {
        &self.0.opening
    }

    pub(super) fn state(&self, table: Table) -> &TableState {
        &self.0.tables[table as usize]
    }

    pub(super) fn runs(&self) -> &[Run] {
        &self.0.runs
    }

    /// How many rows of a table are live.
    ///
    /// # Errors
    /// `Corrupt` when the manifest counts more deleted rows than there are.
    pub fn count(&self, table: Table) -> Result<u64> {
        let state = self.state(table);
        state.rows().checked_sub(state.deleted()).ok_or_else(|| {
            Error::corrupt(format!("{table} has {} rows and {} deleted ones", state.rows(), state.deleted()))
        })
    }

    /// The columns of a table, its own and those that were added, as Arrow fields.
    pub fn schema(&self, table: Table) -> arrow_schema::SchemaRef {
        let fields: Vec<_> = self.state(table).columns.iter().map(|state| state.column.to_field()).collect();
        Arc::new(arrow_schema::Schema::new(fields))
    }

    /// How many batches of a table were touched so far, and how many columns of them: what reading has cost.
    pub fn touched(&self, table: Table) -> (usize, usize) {
        self.state(table).touched()
    }

    /// The table that an address belongs to.
    ///
    /// # Errors
    /// `NotInVersion` when no table of this version has its fragment.
    pub fn table_of(&self, address: Address) -> Result<Table> {
        let found = self.0.owners.binary_search_by_key(&address.fragment(), |owner| owner.0);
        let found = found.map(|at| self.0.owners[at].1);
        found.map_err(|_| Error::new(ErrorKind::NotInVersion, format!("there is no row at {address} in this version")))
    }

    /// The file that holds a column of the row at this address, or the row itself: by the manifest alone, whether the file can
    /// be read or not.
    pub(crate) fn file_of(&self, address: Address, column: Option<usize>) -> Option<PathBuf> {
        let state = self.state(self.table_of(address).ok()?);
        let at = state.locate(address).ok()?;
        Some(self.path().join(state.cells_path(at, column)))
    }

    /// The path of a linked file.
    pub(crate) fn linked_path(&self, uri: &str) -> Option<PathBuf> {
        link::path_of(uri)
    }

    /// The address of the `index`-th live row of a table, by ascending address. It holds within a version.
    ///
    /// # Errors
    /// `NotFound` when there are not so many rows.
    pub fn address(&self, table: Table, index: u64) -> Result<Address> {
        let state = self.state(table);
        let found = state.live(self.opening())?.select(index);
        let (at, row) = found.ok_or_else(|| {
            let count = state.rows() - state.deleted();
            Error::not_found(format!("there is no {} {index}: {table} has {count} rows", table.row_name()))
        })?;
        Ok(state.fragments[at].id.address(row))
    }

    /// Which live row of its table an address is, by ascending address: what [`Dataset::address`] is given.
    ///
    /// # Errors
    /// `Deleted` when it was deleted, `NotInVersion` when this version has no such row, `Corrupt`, `Purged`.
    pub fn index_of(&self, address: Address) -> Result<u64> {
        let row = self.row(address)?;
        let state = self.state(row.table());
        Ok(state.live(self.opening())?.rank(state.locate(address)?, address.row()))
    }

    /// Whether an address is a live row of a table of this version.
    ///
    /// # Errors
    /// `Corrupt` when the deletions cannot be read.
    pub fn is_live(&self, address: Address) -> Result<bool> {
        let Ok(table) = self.table_of(address) else { return Ok(false) };
        let state = self.state(table);
        let Ok(at) = state.locate(address) else { return Ok(false) };
        Ok(state.deleted() == 0 || !state.live(self.opening())?.is_deleted(at, address.row()))
    }

    /// The live row at an address, of whichever table.
    ///
    /// # Errors
    /// `Deleted` when it was deleted, `NotInVersion` when this version has no such row, `Corrupt`, `Purged`.
    pub fn row(&self, address: Address) -> Result<Row<'_>> {
        self.row_of(self.table_of(address)?, address)
    }

    pub(crate) fn row_of(&self, table: Table, address: Address) -> Result<Row<'_>> {
        Row::live(self, self.state(table), address)
    }

    /// The record at an address, of whichever table.
    ///
    /// # Errors
    /// As [`Dataset::row`].
    pub fn get(&self, address: Address) -> Result<Record<'_>> {
        Ok(Record::new(self.row(address)?))
    }

    /// The `index`-th live conversation, by ascending address.
    ///
    /// # Errors
    /// `NotFound` when there are not so many; `Corrupt`, `Purged`.
    pub fn conversation(&self, index: u64) -> Result<Conversation<'_>> {
        let state = self.state(Table::Conversations);
        let Some((at, row)) = state.live(self.opening())?.select(index) else {
            return Err(self.address(Table::Conversations, index).err().unwrap_or_else(|| Error::not_found("no row")));
        };
        let address = state.fragments[at].id.address(row);
        Ok(Conversation::new(Row::at(self, state, at, address)?))
    }

    /// The conversation at an address.
    ///
    /// # Errors
    /// `Deleted`, `NotInVersion`, `Corrupt`, `Purged`.
    pub fn conversation_at(&self, address: Address) -> Result<Conversation<'_>> {
        Ok(Conversation::new(self.row_of(Table::Conversations, address)?))
    }

    /// The frame at an address.
    ///
    /// # Errors
    /// `Deleted`, `NotInVersion`, `Corrupt`, `Purged`.
    pub fn frame(&self, address: Address) -> Result<Frame<'_>> {
        Ok(Frame::new(self.row_of(Table::Frames, address)?))
    }

    /// The video at an address.
    ///
    /// # Errors
    /// `Deleted`, `NotInVersion`, `Corrupt`, `Purged`.
    pub fn video(&self, address: Address) -> Result<Video<'_>> {
        Ok(Video::new(self.row_of(Table::Videos, address)?))
    }

    /// The case at an address.
    ///
    /// # Errors
    /// `Deleted`, `NotInVersion`, `Corrupt`, `Purged`.
    pub fn case(&self, address: Address) -> Result<Case<'_>> {
        Ok(Case::new(self.row_of(Table::Cases, address)?))
    }

    /// The annotation at an address.
    ///
    /// # Errors
    /// `Deleted`, `NotInVersion`, `Corrupt`, `Purged`.
    pub fn annotation(&self, address: Address) -> Result<Annotation<'_>> {
        Ok(Annotation::new(self.row_of(Table::Annotations, address)?))
    }

    /// The blob at an address.
    ///
    /// # Errors
    /// `Deleted`, `NotInVersion`, `Corrupt`, `Purged`.
    pub fn blob(&self, address: Address) -> Result<Blob<'_>> {
        Ok(Blob::new(self.row_of(Table::Blobs, address)?))
    }

    /// The path of a file of the dataset.
    pub(super) fn file_path(&self, relative: &str) -> PathBuf {
        self.0.opening.root.join(relative)
    }
}

impl std::fmt::Debug for Dataset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Dataset({}, version {})", self.path().display(), self.version())
    }
}
