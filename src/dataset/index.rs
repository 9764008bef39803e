//! The index: sorted runs from a key to addresses, and how they are searched.

use crate::dataset::lazy::{LazyFile, Opening};
use crate::error::{Error, Result};
use crate::format::Address;
use crate::format::manifest::IndexRun;
use crate::read::DataFile;
use crate::schema::tables::Table;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, UInt64Type};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use once_cell::race::OnceBox;
use std::sync::Arc;

/// What an index finds, and by what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IndexKind {
    /// A row of a table by the key of its source and id.
    Id(Table),
    /// A blob by the start of its digest.
    Digest,
    /// Annotations by their target's address.
    Target,
    /// Frames by their video's address.
    Video,
}

impl IndexKind {
    /// All kinds.
    pub const ALL: [IndexKind; 8] = [
        Self::Id(Table::Cases),
        Self::Id(Table::Videos),
        Self::Id(Table::Frames),
        Self::Id(Table::Annotations),
        Self::Id(Table::Conversations),
        Self::Digest,
        Self::Target,
        Self::Video,
    ];

    /// Its name in manifests.
    pub fn name(self) -> &'static str {
        match self {
            Self::Id(Table::Cases) => "cases.id",
            Self::Id(Table::Videos) => "videos.id",
            Self::Id(Table::Frames) => "frames.id",
            Self::Id(Table::Annotations) => "annotations.id",
            Self::Id(_) => "conversations.id",
            Self::Digest => "blobs.digest",
            Self::Target => "annotations.target",
            Self::Video => "frames.video",
        }
    }

    /// The table whose rows it finds.
    pub fn table(self) -> Table {
        match self {
            Self::Id(table) => table,
            Self::Digest => Table::Blobs,
            Self::Target => Table::Annotations,
            Self::Video => Table::Frames,
        }
    }
}

pub use crate::format::constants::KIND_INDEX as INDEX_FILE_KIND;

/// Rows a batch of a run: what one checksum covers of a column.
pub const RUN_BATCH_ROWS: usize = 1 << 15;

/// The schema of a run: `key: uint64, address: int64`.
pub fn run_schema() -> SchemaRef {
    static SCHEMA: OnceBox<SchemaRef> = OnceBox::new();
    let make = || {
        Box::new(Arc::new(Schema::new(vec![
            Field::new("key", DataType::UInt64, false),
            Field::new("address", DataType::Int64, false),
        ])))
    };
    SCHEMA.get_or_init(make).clone()
}

/// A sorted run.
pub struct Run {
    /// Which index it belongs to.
    pub kind: String,
    file: LazyFile,
}

impl Run {
    /// The run that the manifest names.
    pub fn new(run: &IndexRun) -> Self {
        let file = LazyFile::new(&run.path, run.length, run.crc32, INDEX_FILE_KIND, run.rows);
        Self { kind: run.kind.clone(), file }
    }

    /// Calls `found` for each address under this key until it says to stop (`true`).
    ///
    /// # Errors
    /// `Corrupt` when the run cannot be read; what `found` returns.
    pub fn find(&self, opening: &Opening, key: u64, mut found: impl FnMut(Address) -> Result<bool>) -> Result<()> {
        let file = self.open(opening)?;
        let Some(mut batch) = first_batch(file, key)? else { return Ok(()) };
        let mut row = keys(file, batch)?.partition_point(|at| *at < key);
        loop {
            let keys = keys(file, batch)?;
            if row >= keys.len() {
                batch += 1;
                row = 0;
                if batch >= file.batches() {
                    return Ok(());
                }
                continue;
            }
            if keys[row] != key || found(address(file, batch, row)?)? {
                return Ok(());
            }
            row += 1;
        }
    }

    /// All entries in order; `Corrupt` where they are in another.
    ///
    /// # Errors
    /// `Purged` or `Corrupt` when the run cannot be opened.
    pub fn entries(&self, opening: &Opening) -> Result<Entries<'_>> {
        Ok(Entries { file: self.open(opening)?, batch: 0, row: 0, last: (0, 0) })
    }

    /// The run's file.
    ///
    /// # Errors
    /// `Purged` or `Corrupt` when it cannot be opened.
    pub fn open(&self, opening: &Opening) -> Result<&DataFile> {
        self.file.get(opening, &run_schema(), None)
    }

    /// The run's file, opened anew for who reads it through once.
    ///
    /// # Errors
    /// `Purged` or `Corrupt` when it cannot be opened.
    pub fn open_apart(&self, opening: &Opening) -> Result<DataFile> {
        self.file.open_apart(opening, &run_schema(), None)
    }
}

/// The entries of a run, read batch by batch.
pub struct Entries<'a> {
    file: &'a DataFile,
    batch: usize,
    row: usize,
    last: (u64, i64),
}

impl Entries<'_> {
    fn entry(&mut self) -> Result<Option<(u64, i64)>> {
        while self.batch < self.file.batches() {
            let (keys, addresses) = (keys(self.file, self.batch)?, addresses(self.file, self.batch)?);
            if let (Some(key), Some(address)) = (keys.get(self.row), addresses.get(self.row)) {
                let entry = (*key, *address);
                if entry < self.last {
                    let wrong = Error::corrupt("the entries of the index run are not in order");
                    return Err(wrong.in_file(self.file.path()));
                }
                self.last = entry;
                self.row += 1;
                return Ok(Some(entry));
            }
            (self.batch, self.row) = (self.batch + 1, 0);
        }
        Ok(None)
    }
}

impl Iterator for Entries<'_> {
    type Item = Result<(u64, i64)>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.entry();
        if entry.is_err() {
            self.batch = usize::MAX;
        }
        entry.transpose()
    }
}

/// The first batch that can hold the key: the last one that starts below it, or the first.
fn first_batch(file: &DataFile, key: u64) -> Result<Option<usize>> {
    let (mut low, mut high) = (0, file.batches());
    if high == 0 {
        return Ok(None);
    }
    while low + 1 < high {
        let middle = low + (high - low) / 2;
        if keys(file, middle)?.first().is_some_and(|first| *first < key) { low = middle } else { high = middle }
    }
    Ok(Some(low))
}

fn keys(file: &DataFile, index: usize) -> Result<&[u64]> {
    let batch = file.pinned(index)?;
    Ok(file.column(batch, 0)?.as_primitive::<UInt64Type>().values())
}

fn addresses(file: &DataFile, index: usize) -> Result<&[i64]> {
    let batch = file.pinned(index)?;
    Ok(file.column(batch, 1)?.as_primitive::<Int64Type>().values())
}

fn address(file: &DataFile, batch: usize, row: usize) -> Result<Address> {
    let value = addresses(file, batch)?.get(row).copied().unwrap_or(0);
    Address::new(value).map_err(|error| Error::corrupt(error.message()).in_file(file.path()))
}
