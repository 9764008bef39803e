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

    /// The kind with this name in manifests; `None` for one that a later version of the format, or somebody else, knows.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

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
        let mut row = first_row(keys(file, batch)?, key);
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
    if file.batches() == 0 {
        return Ok(None);
    }
    let guess = (u128::from(key) * file.batches() as u128) >> 64;
    let below = |batch| Ok(keys(file, batch)?.first().is_some_and(|first| *first < key));
    let after = partition_point_from(file.batches(), guess as usize, below)?;
    Ok(Some(after.saturating_sub(1)))
}

/// The first row of a batch's keys that is not below the key.
fn first_row(keys: &[u64], key: u64) -> usize {
    let (Some(first), Some(last)) = (keys.first(), keys.last()) else { return 0 };
    let (span, part) = (u128::from(last.saturating_sub(*first)), u128::from(key.saturating_sub(*first)));
    let guess = (part * keys.len() as u128).checked_div(span).unwrap_or(0) as usize;
    partition_point_from(keys.len(), guess, |row| Ok(keys[row] < key)).unwrap_or(keys.len())
}

/// The first place of `0..len` that is not `below`, where all that are come first: looked for from `guess` on, in
/// steps that double. Keys that are digests lie evenly, so that the guess is nearly right and few places are touched.
fn partition_point_from(len: usize, guess: usize, mut below: impl FnMut(usize) -> Result<bool>) -> Result<usize> {
    let guess = guess.min(len.saturating_sub(1));
    let (mut low, mut high) = (0, len);
    let mut step = 1;
    if len > 0 && below(guess)? {
        low = guess + 1;
        while low < len {
            let probe = (guess + step).min(len - 1);
            if !below(probe)? {
                high = probe;
                break;
            }
            low = probe + 1;
            step *= 2;
        }
    } else if len > 0 {
        high = guess;
        while high > 0 {
            let probe = guess.saturating_sub(step);
            if below(probe)? {
                low = probe + 1;
                break;
            }
            high = probe;
            step *= 2;
        }
    }
    while low < high {
        let middle = low + (high - low) / 2;
        if below(middle)? { low = middle + 1 } else { high = middle }
    }
    Ok(low)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_guess_leads_to_the_partition_point() {
        for len in 0..40 {
            for point in 0..=len {
                for guess in 0..len + 3 {
                    let found = partition_point_from(len, guess, |at| {
                        assert!(at < len);
                        Ok(at < point)
                    });
                    assert_eq!(found.unwrap(), point, "of {len}, from {guess}");
                }
            }
        }
    }

    #[test]
    fn rows_are_found_whatever_the_keys() {
        for keys in [vec![], vec![5], vec![0, u64::MAX], vec![7; 9], (0..500).map(|at| at * at * at).collect()] {
            for key in keys.iter().flat_map(|key: &u64| [key.saturating_sub(1), *key, key.saturating_add(1)]) {
                assert_eq!(first_row(&keys, key), keys.partition_point(|at| *at < key));
            }
        }
    }
}
