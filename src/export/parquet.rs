//! Parquet, a file a table: any reader of Parquet sees plain text, numbers, lists and structs, and the bytes of
//! pictures and videos beside what is said of them.
//!
//! Each table has its columns, those that were added too, behind a column `address`: what the columns that refer to
//! rows (`media.refs`, `blob`, …) mean. `conversations` has two more, `images` and `videos`, each a list of structs of
//! `bytes` and `path`, as Hugging Face's `datasets` writes pictures. What a conversation shows is in it, in the order
//! of its media: what is shown in several is there as many times. A video above [`VIDEO_MAX`] stands there by its path
//! alone; `blobs` has its bytes.

use super::folder::OutputFolder;
use super::media::{MediaFolder, MediaTo, bytes_of};
use super::missing::{shown_by, stop_at};
use super::reached::Reached;
use super::{ExportOptions, ExportProgress, ExportReport, OnMissing, OnProgress, sources};
use crate::dataset::{Dataset, ScanBatch};
use crate::error::{Error, Result};
use crate::export::folder::OutputFile;
use crate::format::Address;
use crate::schema::tables::Table;
use crate::schema::views::{BatchRow, Conversation};
use arrow_array::builder::{LargeBinaryBuilder, LargeStringBuilder};
use arrow_array::{ArrayRef, BooleanArray, Int64Array, ListArray, RecordBatch, StructArray};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The largest video, in bytes, that stands in each conversation that shows it.
pub const VIDEO_MAX: i64 = 64 << 20;
/// A row group ends at about so many bytes.
pub(super) const ROW_GROUP_BYTES: usize = 64 << 20;
/// A batch ends at about so many bytes of pictures and videos.
pub(super) const BATCH_BYTES: usize = 32 << 20;
/// How many selected conversations are read at once.
const TAKEN: usize = 512;

/// Writes all tables.
///
/// # Errors
/// See [`super::export`].
pub(super) fn write_all(
    dataset: &Dataset,
    folder: &OutputFolder,
    options: &ExportOptions<'_>,
    report: &mut ExportReport,
    progress: &mut OnProgress<'_>,
) -> Result<()> {
    let reached = options.selection.map(|selection| Reached::from(dataset, selection)).transpose()?;
    let mut total = 0;
    for table in Table::ALL {
        total += reached.as_ref().map_or_else(|| dataset.count(table), |reached| Ok(reached.count(table)))?;
    }
    let (reached_rows, on_missing) = (reached.as_ref(), options.missing);
    let media = MediaFolder::new(dataset, MediaTo::Records, &[""; 0]);
    let mut export = Export { dataset, reached: reached_rows, on_missing, media, report, progress, rows: 0, total };
    for table in Table::ALL {
        let mut file = TableFile::new(folder, table, dataset.schema(table))?;
        match table {
            Table::Conversations => export.conversations(&mut file, options.selection)?,
            _ => export.table(&mut file, table)?,
        }
        export.report.bytes += file.finish()?;
    }
    let named = reached.map(|reached| reached.sources);
    for source in &dataset.manifest().sources {
        if named.as_ref().is_none_or(|named| named.contains(&source.id)) {
            sources::lose_says(dataset, source, report);
            sources::write(folder, source, report)?;
        }
    }
    Ok(())
}

struct Export<'a, 'p> {
    dataset: &'a Dataset,
    reached: Option<&'a Reached>,
    on_missing: OnMissing,
    /// What is looked at where the export is to stop.
    media: MediaFolder<'a>,
    report: &'a mut ExportReport,
    progress: &'a mut OnProgress<'p>,
    rows: u64,
    total: u64,
}

impl Export<'_, '_> {
    fn table(&mut self, file: &mut TableFile, table: Table) -> Result<()> {
        for found in self.dataset.scan(table).batches() {
            let mut found = found?;
            if let Some(reached) = self.reached {
                let mask: BooleanArray =
                    found.addresses.values().iter().map(|at| Some(reached.has(table, *at))).collect();
                found = found.filter(&mask)?;
            }
            self.dataset.check_leaving(table, &found)?;
            self.write(file, table, &found, Vec::new())?;
        }
        self.report.rows.entry(table.name()).or_default();
        Ok(())
    }

    fn conversations(&mut self, file: &mut TableFile, selection: Option<&[Address]>) -> Result<()> {
        let dataset = self.dataset;
        let table = Table::Conversations;
        let schema = dataset.schema(table);
        let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        let mut shown = BTreeSet::new();
        match selection {
            None => {
                for found in dataset.scan(table).batches() {
                    self.with_media(file, &found?, &mut shown)?;
                }
            }
            Some(selection) => {
                for part in selection.chunks(TAKEN) {
                    let batch = dataset.take(table, part, &names)?;
                    let addresses = Int64Array::from_iter_values(part.iter().map(|address| address.get()));
                    self.with_media(file, &ScanBatch { batch, addresses }, &mut shown)?;
                }
            }
        }
        self.report.rows.entry(table.name()).or_default();
        Ok(())
    }

    /// Writes conversations with the bytes of what they show, so many at a time as memory is meant for.
    fn with_media(&mut self, file: &mut TableFile, found: &ScanBatch, shown: &mut BTreeSet<Address>) -> Result<()> {
        self.dataset.check_leaving(Table::Conversations, found)?;
        let mut start = 0;
        let mut lists = [MediaList::default(), MediaList::default()];
        for row in 0..found.batch.num_rows() {
            self.collect(&found.batch, row, &mut lists, shown)?;
            let is_last = row + 1 == found.batch.num_rows();
            if is_last || lists.iter().map(|list| list.size).sum::<usize>() >= BATCH_BYTES {
                let len = row + 1 - start;
                let part =
                    ScanBatch { batch: found.batch.slice(start, len), addresses: found.addresses.slice(start, len) };
                let media = std::mem::take(&mut lists).into_iter().map(MediaList::finish).collect::<Result<_>>()?;
                self.write(file, Table::Conversations, &part, media)?;
                start = row + 1;
            }
        }
        Ok(())
    }

    /// Adds what a conversation shows, in its other endings too.
    fn collect(
        &mut self,
        batch: &RecordBatch,
        row: usize,
        [images, videos]: &mut [MediaList; 2],
        shown: &mut BTreeSet<Address>,
    ) -> Result<()> {
        let conversation = Conversation::new(BatchRow::new(batch, row)?);
        let stops = self.on_missing == OnMissing::Stop;
        for medium in conversation.all_media()? {
            for address in medium.refs().iter() {
                let is_new = shown.insert(address);
                if stops && is_new {
                    stop_at(&mut self.media, address, &shown_by(conversation.id()?))?;
                }
                let mut large = false;
                let (list, path, id) = if self.dataset.table_of(address)? == Table::Videos {
                    let video = self.dataset.video(address)?;
                    let size = video.blob()?.map(|blob| self.dataset.blob(blob)?.size()).transpose()?;
                    large = size.is_some_and(|size| size > VIDEO_MAX);
                    self.report.lose("bytes of large videos in conversations (`blobs` has them)", u64::from(large));
                    let id = video.id()?.to_owned();
                    (&mut *videos, video.path()?.map(str::to_owned), id)
                } else {
                    let frame = self.dataset.frame(address)?;
                    (&mut *images, frame.path()?.map(str::to_owned), frame.id()?.to_owned())
                };
                let bytes = match (large, stops) {
                    (true, _) => Ok(None),
                    (false, true) => self.media.read(address),
                    (false, false) => bytes_of(self.dataset, address),
                };
                let said = path.as_deref().unwrap_or(&id);
                // What is missing is told once.
                let mut again = ExportReport::default();
                let report = if is_new { &mut *self.report } else { &mut again };
                let bytes =
                    if large { None } else { self.on_missing.judge(bytes, said, path.is_some(), address, report)? };
                report.media += u64::from(large || bytes.is_some());
                report.media_bytes += bytes.as_ref().map_or(0, |bytes| bytes.len() as u64);
                match (&path, bytes) {
                    // Neither bytes nor a file to look for.
                    (None, None) if !large => list.push_null(),
                    (_, bytes) => list.push(bytes.as_deref(), said),
                }
            }
        }
        images.end_row();
        videos.end_row();
        Ok(())
    }

    fn write(&mut self, file: &mut TableFile, table: Table, found: &ScanBatch, media: Vec<ArrayRef>) -> Result<()> {
        if found.batch.num_rows() == 0 {
            return Ok(());
        }
        let mut columns: Vec<ArrayRef> = vec![Arc::new(found.addresses.clone())];
        columns.extend(found.batch.columns().iter().cloned());
        columns.extend(media);
        file.write(&RecordBatch::try_new(file.schema.clone(), columns)?)?;
        self.rows += found.batch.num_rows() as u64;
        *self.report.rows.entry(table.name()).or_default() += found.batch.num_rows() as u64;
        (self.progress)(ExportProgress { rows: self.rows, total: self.total, bytes: self.report.media_bytes })
    }
}

/// A list of structs of `bytes` and `path` under construction.
#[derive(Default)]
pub(super) struct MediaList {
    bytes: LargeBinaryBuilder,
    paths: LargeStringBuilder,
    is_there: Vec<bool>,
    ends: Vec<usize>,
    count: usize,
    /// The bytes in it.
    pub(super) size: usize,
}

impl MediaList {
    fn fields() -> Fields {
        Fields::from(vec![
            Field::new("bytes", DataType::LargeBinary, true),
            Field::new("path", DataType::LargeUtf8, true),
        ])
    }

    pub(super) fn field(name: &str) -> Field {
        Field::new(name, DataType::List(Self::item()), true)
    }

    pub(super) fn item() -> Arc<Field> {
        Arc::new(Field::new("element", DataType::Struct(Self::fields()), true))
    }

    pub(super) fn push(&mut self, bytes: Option<&[u8]>, path: &str) {
        self.bytes.append_option(bytes);
        self.paths.append_value(path);
        self.is_there.push(true);
        self.count += 1;
        self.size += bytes.map_or(0, <[u8]>::len);
    }

    /// Adds an entry that is null.
    pub(super) fn push_null(&mut self) {
        self.bytes.append_null();
        self.paths.append_null();
        self.is_there.push(false);
        self.count += 1;
    }

    pub(super) fn end_row(&mut self) {
        self.ends.push(self.count);
    }

    pub(super) fn finish(mut self) -> Result<ArrayRef> {
        let parts: Vec<ArrayRef> = vec![Arc::new(self.bytes.finish()), Arc::new(self.paths.finish())];
        let nulls = Some(NullBuffer::from(self.is_there)).filter(|nulls| nulls.null_count() > 0);
        let items = StructArray::try_new(Self::fields(), parts, nulls)?;
        let starts = std::iter::once(&0).chain(&self.ends);
        let offsets = OffsetBuffer::from_lengths(starts.zip(&self.ends).map(|(start, end)| end - start));
        Ok(Arc::new(ListArray::try_new(Self::item(), offsets, Arc::new(items), None)?))
    }
}

/// The Parquet file of a table.
struct TableFile {
    schema: SchemaRef,
    writer: ArrowWriter<OutputFile>,
}

impl TableFile {
    fn new(folder: &OutputFolder, table: Table, schema: SchemaRef) -> Result<Self> {
        let mut fields = vec![Arc::new(Field::new("address", DataType::Int64, false))];
        fields.extend(schema.fields().iter().cloned());
        if table == Table::Conversations {
            fields.extend(["images", "videos"].map(|name| Arc::new(MediaList::field(name))));
        }
        let schema = Arc::new(Schema::new(fields));
        let mut properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default()));
        // What is compressed already gains nothing, and costs time.
        for path in [&["bytes"][..], &["images", "list", "element", "bytes"], &["videos", "list", "element", "bytes"]] {
            let path = ColumnPath::from(path.iter().map(|part| (*part).to_owned()).collect::<Vec<_>>());
            properties = properties
                .set_column_compression(path.clone(), Compression::UNCOMPRESSED)
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_statistics_enabled(path, parquet::file::properties::EnabledStatistics::None);
        }
        // Without Arrow's own schema in the file, readers see dictionaries as the text that they stand for.
        let options = ArrowWriterOptions::new().with_properties(properties.build()).with_skip_arrow_metadata(true);
        let file = folder.file(&format!("{}.parquet", table.name()))?;
        let writer = ArrowWriter::try_new_with_options(file, schema.clone(), options).map_err(unwritten)?;
        Ok(Self { schema, writer })
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.writer.write(batch).map_err(unwritten)?;
        if self.writer.in_progress_size() >= ROW_GROUP_BYTES {
            self.writer.flush().map_err(unwritten)?;
        }
        Ok(())
    }

    fn finish(self) -> Result<u64> {
        self.writer.into_inner().map_err(unwritten)?.finish()
    }
}

pub(super) fn unwritten(error: ParquetError) -> Error {
    match error {
        ParquetError::External(cause) => match cause.downcast::<std::io::Error>() {
            Ok(error) => Error::io("cannot write the Parquet file", *error),
            Err(cause) => Error::invalid(format!("cannot write the Parquet file: {cause}")),
        },
        error => Error::invalid(format!("cannot write the Parquet file: {error}")).caused_by(error),
    }
}
