//! A table's file, read batch by batch, whatever stands in it.

use super::arrow_file::ArrowFile;
use super::features::{Features, METADATA_KEY};
use super::parquet_file::ParquetFile;
use crate::error::{Error, Result};
use crate::import::guard::guarded;
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;

/// A table's file.
pub(super) struct TableFile {
    kind: Kind,
    length: u64,
}

enum Kind {
    Parquet(Box<ParquetFile>),
    Arrow(Box<ArrowFile>),
}

impl TableFile {
    /// Opens a file by what it starts with.
    ///
    /// # Errors
    /// `Io`; `Input` where it is neither, or damaged.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let unreadable = |error| Error::io("cannot read it", error);
        let mut file = File::open(path).map_err(unreadable)?;
        let length = file.metadata().map_err(unreadable)?.len();
        let mut head = [0; 4];
        let mut held = 0;
        while held < head.len() {
            match file.read(head.get_mut(held..).unwrap_or_default()).map_err(unreadable)? {
                0 => break,
                read => held += read,
            }
        }
        file.rewind().map_err(unreadable)?;
        let kind = match &head {
            b"PAR1" => Kind::Parquet(Box::new(guarded(|| ParquetFile::open(file, length))?)),
            _ => Kind::Arrow(Box::new(guarded(|| ArrowFile::open(file, length))?)),
        };
        Ok(Self { kind, length })
    }

    /// Its columns.
    pub(super) fn schema(&self) -> SchemaRef {
        match &self.kind {
            Kind::Parquet(file) => file.schema(),
            Kind::Arrow(file) => file.schema(),
        }
    }

    /// What `datasets` says of it.
    pub(super) fn features(&self) -> Features {
        match &self.kind {
            Kind::Parquet(file) => Features::of(file.description(METADATA_KEY)),
            Kind::Arrow(file) => Features::of(file.schema().metadata().get(METADATA_KEY).map(String::as_str)),
        }
    }

    /// The next batch; nothing at the end.
    ///
    /// # Errors
    /// `Input` where the file is damaged.
    pub(super) fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        match &mut self.kind {
            Kind::Parquet(file) => guarded(|| file.next_batch()),
            Kind::Arrow(file) => guarded(|| file.next_batch()),
        }
    }

    /// About how many bytes are behind.
    pub(super) fn position(&self) -> u64 {
        match &self.kind {
            Kind::Parquet(file) => file.position(self.length),
            Kind::Arrow(file) => file.position(),
        }
    }
}
