//! Compaction: many small files become few, replaced cells move into the base files, and deleted rows are emptied.
//!
//! It joins files and never drops a row: that is what keeps addresses. An added column stays apart from the base
//! files, its own small files joined, and deleted rows emptied in it too.

mod output;

use crate::dataset::Dataset;
use crate::dataset::append::WriterOptions;
use crate::dataset::change::Change;
use crate::dataset::claims::Claims;
use crate::dataset::files::new_file;
use crate::dataset::fragments::position;
use crate::dataset::scan::Pieces;
use crate::dataset::table::{COLUMN_FILE_KIND, TableState, column_schema};
use crate::error::{Error, Result};
use crate::format::Address;
use crate::format::constants::COLUMNS_DIR;
use crate::format::manifest::{FileEntry, Manifest, Operation, SideColumn};
use crate::read::DataFile;
use crate::schema::build::*;
use crate::schema::tables::Table;
use crate::write::WriteOptions;
use arrow_array::{ArrayRef, RecordBatch, new_null_array};
use arrow_schema::SchemaRef;
use output::{Cut, Output};
use std::collections::{BTreeSet, HashSet};

/// What a compaction replaces, and what it rests on.
#[derive(Default)]
pub struct Compaction {
    /// Base files that were rewritten.
    inputs: Vec<(Table, String)>,
    /// Side files that were folded into base files, or joined.
    folded: BTreeSet<String>,
    /// Rows that were written empty.
    emptied: BTreeSet<Address>,
}

impl Compaction {
    /// Whether nothing was rewritten.
    pub fn is_empty(&self) -> bool {
        self.inputs.is_empty() && self.folded.is_empty()
    }

    /// The tables whose base files were rewritten.
    pub fn tables(&self) -> BTreeSet<Table> {
        self.inputs.iter().map(|(table, _)| *table).collect()
    }

    /// Rows that were written empty.
    pub fn emptied(&self) -> &BTreeSet<Address> {
        &self.emptied
    }

    /// Holds the compaction against the version that it is to follow: what it rewrote is still there, and what it
    /// emptied is still deleted. That the side columns are the same is checked with those of all changes.
    ///
    /// # Errors
    /// `Conflict` when it is not so.
    pub fn check(&self, base: &Dataset) -> Result<()> {
        let conflict = |what: String| Err(Error::conflict(format!("{what} meanwhile: compact the newest version")));
        for (table, path) in &self.inputs {
            if !base.manifest().files_of(table.name()).iter().any(|file| file.path == *path) {
                return conflict(format!("another writer has rewritten {path}"));
            }
        }
        for address in &self.emptied {
            if base.is_live(*address)? {
                return conflict(format!("{address} was deleted, and another writer has brought it back"));
            }
        }
        Ok(())
    }

    /// Takes out of the manifest what was rewritten.
    pub fn apply(&self, next: &mut Manifest) {
        for (table, files) in &mut next.files {
            files.retain(|file| !self.inputs.iter().any(|(of, path)| of.name() == table && *path == file.path));
        }
        for column in &mut next.columns {
            column.files.retain(|file| !self.folded.contains(&file.path));
        }
        next.columns.retain(|column| !column.replaces || !column.files.is_empty());
    }
}

impl Dataset {
    /// Joins the files of each table, folds replaced cells into them, and empties deleted rows, in a new version.
    /// Addresses stay what they are. Where nothing is to be done, there is no new version. Files of a table, or of an added
    /// column, are compressed as the newest one was.
    ///
    /// # Errors
    /// `Conflict` when another writer has changed what is rewritten; `Corrupt` when it cannot be read; `Io`.
    pub fn compact(&self) -> Result<Dataset> {
        self.compacted(WriterOptions::default(), true)
    }

    /// As [`Dataset::compact`], with options: how batches are cut and compressed, and from how many bytes on a file is
    /// ended after the fragment at hand.
    ///
    /// # Errors
    /// As [`Dataset::compact`].
    pub fn compact_with(&self, options: WriterOptions) -> Result<Dataset> {
        self.compacted(options, false)
    }

    fn compacted(&self, options: WriterOptions, keeps_packing: bool) -> Result<Dataset> {
        let checking = self.checking()?;
        let (claims, change) = (Claims::new(self.path())?, Change::default());
        let mut work = Work { dataset: &checking, options, keeps_packing, claims, change, emptied: 0 };
        for table in Table::ALL {
            work.table(table)?;
            for column in table.columns().len()..checking.state(table).columns.len() {
                work.column(table, column)?;
            }
        }
        let Work { claims, change, emptied, .. } = work;
        let operation =
            Operation::new("compact").with("files", change.compaction.inputs.len() as u64).with("emptied", emptied);
        change.commit(self, claims, operation)
    }
}

/// What is written, and where.
struct Target {
    folder: &'static str,
    kind: &'static str,
    schema: SchemaRef,
    /// From how many bytes on a file is ended.
    limit: u64,
    /// The zstd level, where it is compressed.
    compression: Option<i32>,
}

/// The level at which packed files stay packed: they do not say theirs.
const PACKED_LEVEL: i32 = 3;

struct Work<'a> {
    dataset: &'a Dataset,
    options: WriterOptions,
    /// Whether files are compressed as they were, whatever the options say.
    keeps_packing: bool,
    claims: Claims,
    change: Change,
    /// How many deleted rows were empty in no file before.
    emptied: u64,
}

impl Work<'_> {
    fn table(&mut self, table: Table) -> Result<()> {
        let dataset = self.dataset;
        let state = dataset.state(table);
        let due = due(dataset, state, self.limit(table))?;
        if !due.contains(&true) {
            return Ok(());
        }
        for (at, entry) in state.files().enumerate().filter(|(at, _)| due[*at]) {
            self.emptied += left_to_empty(dataset, state, entry, || state.file_at(dataset.opening(), at))?;
        }
        for column in 0..table.columns().len() {
            self.fold(state, column, |_| true);
        }
        let columns: Vec<_> = (0..table.columns().len()).collect();
        let is_due = |at: &usize| due[state.fragments[*at].file as usize];
        let fragments: Vec<_> = (0..state.fragments.len()).filter(is_due).collect();
        let empty = empty_row(table)?;
        let (schema, limit) = (table.schema().clone(), self.limit(table));
        let compression = self.compression(state.files(), |at| state.file_at(dataset.opening(), at))?;
        let target = Target { folder: table.name(), kind: table.name(), schema, limit, compression };
        let files = self.rewrite(table, columns, &fragments, empty.columns(), &target)?;
        let inputs = state.files().zip(&due).filter(|(_, due)| **due).map(|(file, _)| (table, file.path.clone()));
        self.change.compaction.inputs.extend(inputs);
        self.change.files.insert(table, files);
        Ok(())
    }

    /// Writes those side files of an added column anew that are due. Where another one is the newest that covers a
    /// fragment, it stays.
    fn column(&mut self, table: Table, column: usize) -> Result<()> {
        let state = self.dataset.state(table);
        let limit = self.options.fragment_bytes;
        let due = due_of_column(self.dataset, state, column, limit)?;
        if due.is_empty() {
            return Ok(());
        }
        let is_due = |at: &usize| state.overlay_path(*at, column).is_some_and(|path| due.contains(path));
        let fragments: Vec<_> = (0..state.fragments.len()).filter(is_due).collect();
        self.fold(state, column, |path| due.contains(path));
        let known = &state.columns[column].column;
        let empty = [new_null_array(&known.ty.to_arrow(), 1)];
        let schema = column_schema(known);
        let of_column = &state.columns[column];
        let compression = self.compression(of_column.entries(), |at| of_column.file_at(self.dataset.opening(), at))?;
        let target = Target { folder: COLUMNS_DIR, kind: COLUMN_FILE_KIND, schema, limit, compression };
        let files = self.rewrite(table, vec![column], &fragments, &empty, &target)?;
        self.change.columns.push(SideColumn {
            table: table.name().to_owned(),
            name: known.name.clone(),
            ty: known.ty.to_string(),
            replaces: false,
            files,
        });
        Ok(())
    }

    /// Remembers those side files of a column that are about to be read: they go when the change is committed, if they
    /// are still the newest.
    fn fold(&mut self, state: &TableState, column: usize, is_read: impl Fn(&str) -> bool) {
        for (at, fragment) in state.fragments.iter().enumerate() {
            if let Some(path) = state.overlay_path(at, column).filter(|path| is_read(path)) {
                let name = state.columns[column].column.name.clone();
                self.change.overlays.push((state.table, name, fragment.id, path.to_owned()));
            }
        }
        let read = state.columns[column].paths().filter(|path| is_read(path));
        self.change.compaction.folded.extend(read.map(str::to_owned));
    }

    /// Writes these fragments, in this order, to as many files as the options ask for; `empty` has one row, which stands
    /// for every deleted one.
    fn rewrite(
        &mut self,
        table: Table,
        columns: Vec<usize>,
        fragments: &[usize],
        empty: &[ArrayRef],
        target: &Target,
    ) -> Result<Vec<FileEntry>> {
        let state = self.dataset.state(table);
        let mut pieces = Pieces::new(self.dataset, table, columns);
        let (mut files, mut output) = (Vec::new(), None::<Output>);
        for at in fragments {
            let fragment = state.fragments[*at];
            let out = match &mut output {
                Some(output) => output,
                None => output.insert(self.output(table, target)?),
            };
            let mut row = 0;
            while row < fragment.rows {
                let (piece, len) = pieces.whole(*at, row, fragment.rows - row)?;
                let gone = self.gone(state, *at, row, len)?;
                out.push(&piece.batch, empty, &gone)?;
                self.change.compaction.emptied.extend(gone.iter().map(|at| fragment.id.address(row + *at)));
                row += len;
                self.claims.refresh()?;
            }
            out.end_fragment(fragment.id, fragment.rows);
            if out.written() >= target.limit {
                files.extend(output.take().map(|output| output.end(&mut self.claims)).transpose()?);
            }
        }
        files.extend(output.map(|output| output.end(&mut self.claims)).transpose()?);
        Ok(files)
    }

    /// How files that take the place of these are compressed.
    fn compression<'f>(
        &self,
        files: impl Iterator<Item = &'f FileEntry>,
        open: impl FnOnce(usize) -> Result<&'f DataFile>,
    ) -> Result<Option<i32>> {
        let newest = files.enumerate().max_by_key(|(_, file)| file.number());
        match newest.filter(|_| self.keeps_packing) {
            Some((at, _)) => Ok(open(at)?.is_compressed()?.then_some(PACKED_LEVEL)),
            None => Ok(self.options.compression),
        }
    }

    /// From how many bytes on a file is ended, and needs no company.
    fn limit(&self, table: Table) -> u64 {
        if table == Table::Blobs { self.options.blob_fragment_bytes } else { self.options.fragment_bytes }
    }

    fn output(&mut self, table: Table, target: &Target) -> Result<Output> {
        let options = WriteOptions { compression: target.compression };
        let root = self.dataset.path();
        let file = new_file(root, &mut self.claims, target.folder, target.kind, target.schema.clone(), options)?;
        let blobs = table == Table::Blobs;
        let bytes = if blobs { self.options.blob_batch_bytes } else { self.options.batch_bytes };
        Ok(Output::new(file, target.schema.clone(), Cut { rows: self.options.batch_rows, bytes }))
    }

    /// Which of these rows of a fragment are deleted, counted from the first of them.
    fn gone(&self, state: &TableState, at: usize, first: u32, len: u32) -> Result<Vec<u32>> {
        let live = state.live(self.dataset.opening())?;
        let deleted = live.deleted(at).map(|deleted| deleted.range(first..first + len).map(|row| row - first));
        Ok(deleted.map(Iterator::collect).unwrap_or_default())
    }
}

/// Which files of a table are to be rewritten: those that are small, where there are several, those with replaced cells,
/// and those with deleted rows that still hold something. The others stay as they are, however often a table is compacted.
fn due(dataset: &Dataset, state: &TableState, limit: u64) -> Result<Vec<bool>> {
    let small: Vec<_> = state.files().map(|file| file.length < limit).collect();
    let join = small.iter().filter(|small| **small).count() > 1;
    let mut due: Vec<_> = small.iter().map(|small| *small && join).collect();
    for (at, fragment) in state.fragments.iter().enumerate() {
        let replaced = (0..state.table.columns().len()).any(|column| state.overlay_path(at, column).is_some());
        due[fragment.file as usize] |= replaced;
    }
    for (at, entry) in state.files().enumerate() {
        due[at] = due[at] || left_to_empty(dataset, state, entry, || state.file_at(dataset.opening(), at))? > 0;
    }
    Ok(due)
}

/// The same of the side files of an added column: those that are small, where there are several, and those with deleted
/// rows that still hold something, be it under what a newer file says.
fn due_of_column<'a>(dataset: &Dataset, state: &'a TableState, column: usize, limit: u64) -> Result<HashSet<&'a str>> {
    let files = &state.columns[column];
    let small: HashSet<&str> = files.small_files(limit).collect();
    let mut due = if small.len() > 1 { small } else { HashSet::new() };
    for (at, entry) in files.entries().enumerate() {
        if left_to_empty(dataset, state, entry, || files.file_at(dataset.opening(), at))? > 0 {
            due.insert(&entry.path);
        }
    }
    Ok(due)
}

/// How many deleted rows a file has that it does not say were emptied. It is opened only where it has any.
fn left_to_empty<'a>(
    dataset: &Dataset,
    state: &TableState,
    entry: &FileEntry,
    open: impl FnOnce() -> Result<&'a DataFile>,
) -> Result<u64> {
    let live = state.live(dataset.opening())?;
    let places = entry.fragments.iter().filter_map(|part| position(&state.fragments, part.fragment));
    let deleted: u64 = places.filter_map(|at| live.deleted(at)).map(|rows| rows.len()).sum();
    if deleted == 0 {
        return Ok(0);
    }
    let emptied: u64 = open()?.footer().emptied.iter().map(|run| run.end - run.start).sum();
    Ok(deleted.saturating_sub(emptied))
}

/// What a deleted row becomes.
fn empty_row(table: Table) -> Result<RecordBatch> {
    macro_rules! empty {
        ($builder:ident) => {{
            let mut builder = $builder::new();
            builder.push_empty()?;
            builder.finish()
        }};
    }
    match table {
        Table::Blobs => empty!(BlobsBuilder),
        Table::Cases => empty!(CasesBuilder),
        Table::Videos => empty!(VideosBuilder),
        Table::Frames => empty!(FramesBuilder),
        Table::Annotations => empty!(AnnotationsBuilder),
        Table::Conversations => empty!(ConversationsBuilder),
    }
}
