//! One table of an appender: rows gather to batches, batches to a fragment, and a full fragment rolls over.

use crate::dataset::claims::Claims;
use crate::dataset::files::{NewDataFile, new_file};
use crate::error::{Error, ErrorKind, Result};
use crate::format::manifest::FileEntry;
use crate::format::{Address, FragmentId};
use crate::schema::build::*;
use crate::schema::tables::Table;
use crate::write::{StreamedValues, WriteOptions};
use arrow_array::RecordBatch;
use std::path::Path;

/// When batches are cut and fragments roll over, and how files are written.
#[derive(Clone, Copy, Debug)]
pub struct WriterOptions {
    /// The most rows of a record batch.
    pub batch_rows: usize,
    /// A batch of text and numbers is cut when its rows take about this many bytes.
    pub batch_bytes: usize,
    /// A batch of blobs is cut when its rows take about this many bytes.
    pub blob_batch_bytes: usize,
    /// A fragment of text and numbers rolls over when its file has this many bytes.
    pub fragment_bytes: u64,
    /// A fragment of blobs rolls over when its file has this many bytes.
    pub blob_fragment_bytes: u64,
    /// The zstd level of the packed profile; `None` for the train profile. Blobs are never compressed.
    pub compression: Option<i32>,
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self {
            batch_rows: 1024,
            batch_bytes: 8 << 20,
            blob_batch_bytes: 16 << 20,
            fragment_bytes: 1 << 30,
            blob_fragment_bytes: 4 << 30,
            compression: None,
        }
    }
}

/// What the six row builders have in common.
pub trait RowBuilder: Default {
    const TABLE: Table;
    fn rows(&self) -> usize;
    fn buffered(&self) -> usize;
    fn end(&mut self) -> Result<RecordBatch>;
}

macro_rules! row_builders {
    ($($builder:ident => $table:ident),*) => {
        $(impl RowBuilder for $builder {
            const TABLE: Table = Table::$table;

            fn rows(&self) -> usize {
                self.len()
            }

            fn buffered(&self) -> usize {
                self.bytes()
            }

            fn end(&mut self) -> Result<RecordBatch> {
                self.finish()
            }
        })*
    };
}

row_builders!(
    CasesBuilder => Cases,
    VideosBuilder => Videos,
    FramesBuilder => Frames,
    BlobsBuilder => Blobs,
    AnnotationsBuilder => Annotations,
    ConversationsBuilder => Conversations
);

/// The fragments that an appender writes into one table.
pub struct TableWriter<B> {
    builder: B,
    open: Option<Open>,
    /// Fragments that are full, and their rows.
    full: Vec<(FragmentId, u32)>,
    done: Vec<FileEntry>,
    /// Whether rows that were appended may be lost: then nothing may be committed any more.
    broken: bool,
}

struct Open {
    file: NewDataFile,
    fragment: FragmentId,
    rows: u32,
}

impl<B: RowBuilder> TableWriter<B> {
    pub fn new() -> Self {
        Self { builder: B::default(), open: None, full: Vec::new(), done: Vec::new(), broken: false }
    }

    /// Appends a row by `push`, and gives its address.
    pub fn append(
        &mut self,
        root: &Path,
        claims: &mut Claims,
        options: &WriterOptions,
        push: impl FnOnce(&mut B) -> Result<()>,
    ) -> Result<Address> {
        self.start(root, claims, options)?;
        push(&mut self.builder)?;
        let open = self.open.as_mut().expect("a fragment was started");
        let address = open.fragment.address(open.rows);
        open.rows += 1;
        let blobs = B::TABLE == Table::Blobs;
        let bytes = if blobs { options.blob_batch_bytes } else { options.batch_bytes };
        if self.builder.rows() >= options.batch_rows || self.builder.buffered() >= bytes {
            self.whole(|this| {
                this.cut()?;
                this.roll_over(claims, options)
            })?;
        }
        Ok(address)
    }

    /// Does what must not fail halfway: after an error, nobody knows which rows are in the file.
    fn whole<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.refuse_broken()?;
        let done = work(self);
        self.broken = done.is_err();
        done
    }

    fn refuse_broken(&self) -> Result<()> {
        if !self.broken {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Io,
            format!(
                "rows of {} could not be written before, so nothing of this appender can be committed: append them \
                 anew with another one",
                B::TABLE
            ),
        ))
    }

    fn start(&mut self, root: &Path, claims: &mut Claims, options: &WriterOptions) -> Result<()> {
        self.refuse_broken()?;
        if self.open.is_some() {
            return Ok(());
        }
        let write = WriteOptions { compression: options.compression };
        let name = B::TABLE.name();
        let file = new_file(root, claims, name, name, B::TABLE.schema().clone(), write)?;
        let fragment = file.fragment()?;
        self.open = Some(Open { file, fragment, rows: 0 });
        Ok(())
    }

    /// Writes the rows that wait as a batch.
    fn cut(&mut self) -> Result<()> {
        match &mut self.open {
            Some(open) if self.builder.rows() > 0 => open.file.writer.write(&self.builder.end()?),
            _ => Ok(()),
        }
    }

    fn roll_over(&mut self, claims: &mut Claims, options: &WriterOptions) -> Result<()> {
        claims.refresh()?;
        let blobs = B::TABLE == Table::Blobs;
        let limit = if blobs { options.blob_fragment_bytes } else { options.fragment_bytes };
        let batch = u32::try_from(options.batch_rows).unwrap_or(u32::MAX);
        let full = |open: &Open| open.file.writer.written() >= limit || open.rows >= u32::MAX - batch;
        if self.open.as_ref().is_some_and(full) { self.end_fragment(claims) } else { Ok(()) }
    }

    fn end_fragment(&mut self, claims: &mut Claims) -> Result<()> {
        self.cut()?;
        let Some(open) = self.open.take() else { return Ok(()) };
        let fragment = (open.fragment, open.rows);
        self.done.push(open.file.publish_entry(claims, &[fragment])?);
        self.full.push(fragment);
        Ok(())
    }

    /// Takes a whole file of rows, which was published already.
    pub fn adopt(&mut self, file: FileEntry) {
        self.full.extend(file.fragments.iter().map(|part| (part.fragment, part.rows)));
        self.done.push(file);
    }

    /// Whether an address is one of the rows that were appended here.
    pub fn holds(&self, address: Address) -> bool {
        let open = self.open.iter().map(|open| (open.fragment, open.rows));
        let mut all = open.chain(self.full.iter().copied());
        all.any(|(fragment, rows)| fragment == address.fragment() && address.row() < rows)
    }

    /// Ends the last fragment; the files that were published.
    pub fn finish(mut self, claims: &mut Claims) -> Result<Vec<FileEntry>> {
        self.refuse_broken()?;
        self.end_fragment(claims)?;
        Ok(self.done)
    }
}

impl TableWriter<BlobsBuilder> {
    /// Appends a blob whose bytes are too many to be held, in a batch of its own; `push` appends the row without them.
    pub fn append_streamed(
        &mut self,
        root: &Path,
        claims: &mut Claims,
        options: &WriterOptions,
        push: impl FnOnce(&mut BlobsBuilder) -> Result<()>,
        values: StreamedValues<'_>,
    ) -> Result<Address> {
        self.start(root, claims, options)?;
        self.whole(|this| {
            this.cut()?;
            push(&mut this.builder)?;
            let batch = this.builder.end()?;
            let open = this.open.as_mut().expect("a fragment was started");
            open.file.writer.write_streamed(&batch, values)?;
            let address = open.fragment.address(open.rows);
            open.rows += 1;
            this.roll_over(claims, options)?;
            Ok(address)
        })
    }
}
