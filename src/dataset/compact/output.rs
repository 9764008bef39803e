//! A file that a compaction writes: rows gather to batches, whatever batches they come from.

use crate::dataset::claims::Claims;
use crate::dataset::files::NewDataFile;
use crate::error::Result;
use crate::format::FragmentId;
use crate::format::manifest::FileEntry;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::SchemaRef;
use arrow_select::concat::concat_batches;
use arrow_select::interleave::interleave;
use std::ops::Range;

/// When a batch is cut.
#[derive(Clone, Copy)]
pub struct Cut {
    pub rows: usize,
    pub bytes: usize,
}

/// A file that is being written.
pub struct Output {
    file: NewDataFile,
    schema: SchemaRef,
    cut: Cut,
    waiting: Vec<RecordBatch>,
    waiting_rows: usize,
    waiting_bytes: usize,
    /// Rows that it has got.
    rows: u64,
    fragments: Vec<(FragmentId, u32)>,
    emptied: Vec<Range<u64>>,
}

impl Output {
    pub fn new(file: NewDataFile, schema: SchemaRef, cut: Cut) -> Self {
        let (waiting, fragments, emptied) = Default::default();
        Self { file, schema, cut, waiting, waiting_rows: 0, waiting_bytes: 0, rows: 0, fragments, emptied }
    }

    /// Appends rows, of which those in `gone` take the value in `empty` (of one row).
    pub fn push(&mut self, batch: &RecordBatch, empty: &[ArrayRef], gone: &[u32]) -> Result<()> {
        let columns = batch.columns().iter().zip(empty);
        let columns = columns.map(|(array, empty)| match gone.is_empty() {
            true => Ok(array.clone()),
            false => emptied(array, empty, gone),
        });
        let batch = RecordBatch::try_new(self.schema.clone(), columns.collect::<Result<_>>()?)?;
        let bytes = batch.columns().iter().map(|array| array.to_data().get_slice_memory_size());
        let bytes = bytes.sum::<Result<usize, _>>()?;
        // What is large, such as a video, gets a batch of its own.
        if self.waiting_bytes + bytes > self.cut.bytes {
            self.cut()?;
        }
        for row in gone.iter().map(|row| self.rows + u64::from(*row)) {
            match self.emptied.last_mut() {
                Some(run) if run.end == row => run.end += 1,
                _ => self.emptied.push(row..row + 1),
            }
        }
        self.rows += batch.num_rows() as u64;
        self.waiting_rows += batch.num_rows();
        self.waiting_bytes += bytes;
        self.waiting.push(batch);
        match self.waiting_rows >= self.cut.rows || self.waiting_bytes >= self.cut.bytes {
            true => self.cut(),
            false => Ok(()),
        }
    }

    fn cut(&mut self) -> Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        (self.waiting_rows, self.waiting_bytes) = (0, 0);
        match &waiting[..] {
            [] => Ok(()),
            [one] => self.file.writer.write(one),
            more => self.file.writer.write(&concat_batches(&self.schema, more)?),
        }
    }

    /// All rows of a fragment were appended.
    pub fn end_fragment(&mut self, fragment: FragmentId, rows: u32) {
        self.fragments.push((fragment, rows));
    }

    /// Bytes written so far.
    pub fn written(&self) -> u64 {
        self.file.writer.written()
    }

    /// Ends and publishes the file.
    pub fn end(mut self, claims: &mut Claims) -> Result<FileEntry> {
        self.cut()?;
        self.file.emptied = self.emptied;
        self.file.publish_entry(claims, &self.fragments)
    }
}

fn emptied(array: &ArrayRef, empty: &ArrayRef, gone: &[u32]) -> Result<ArrayRef> {
    let mut gone = gone.iter().peekable();
    let place = |row: usize| match gone.next_if(|at| **at as usize == row) {
        Some(_) => (1, 0),
        None => (0, row),
    };
    let places: Vec<_> = (0..array.len()).map(place).collect();
    let sources: [&dyn Array; 2] = [array.as_ref(), empty.as_ref()];
    Ok(interleave(&sources, &places)?)
}
