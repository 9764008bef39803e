//! A Parquet file of records with their pictures inside, as LLaMA-Factory loads it: a picture is a struct of `bytes` and
//! `path`. Videos, and frames that stand for them, are files beside it, by their paths.

use super::said::Said;
use super::sample::{Purpose, Sample};
use super::{Names, Paths, Placed};
use crate::dataset::Dataset;
use crate::error::Result;
use crate::export::ExportReport;
use crate::export::folder::{OutputFile, OutputFolder};
use crate::export::media::{bytes_of, sanitised};
use crate::export::parquet::{BATCH_BYTES, MediaList, ROW_GROUP_BYTES, unwritten};
use arrow_array::builder::{BooleanBuilder, StringBuilder};
use arrow_array::{ArrayRef, ListArray, RecordBatch, StructArray};
use arrow_buffer::OffsetBuffer;
use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use std::sync::Arc;

/// How many rows wait for a batch at most.
const BATCH_ROWS: usize = 512;

/// The file.
pub(super) struct Inside {
    names: &'static Names,
    purpose: Purpose,
    in_frames: bool,
    schema: SchemaRef,
    file: ArrowWriter<OutputFile>,
    rows: Rows,
}

#[derive(Default)]
struct Rows {
    count: usize,
    size: usize,
    ids: StringBuilder,
    tasks: StringBuilder,
    turns: SaidList,
    lengths: Vec<usize>,
    pair: [SaidList; 2],
    marks: BooleanBuilder,
    tools: StringBuilder,
    images: MediaList,
    videos: StringBuilder,
    /// Frames of each clip, and videos of each row.
    frames: Vec<usize>,
    shown: Vec<usize>,
}

impl Inside {
    pub(super) fn new(
        folder: &OutputFolder,
        name: &str,
        names: &'static Names,
        (purpose, in_frames): (Purpose, bool),
    ) -> Result<Self> {
        let schema = schema(names, purpose, in_frames);
        let bytes = ColumnPath::from(["images", "list", "element", "bytes"].map(str::to_owned).to_vec());
        // What is compressed already gains nothing, and costs time.
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_column_compression(bytes.clone(), Compression::UNCOMPRESSED)
            .set_column_dictionary_enabled(bytes.clone(), false)
            .set_column_statistics_enabled(bytes, EnabledStatistics::None);
        let file = folder.file(name)?;
        let file = ArrowWriter::try_new(file, schema.clone(), Some(properties.build())).map_err(unwritten)?;
        Ok(Self { names, purpose, in_frames, schema, file, rows: Rows::default() })
    }

    /// Adds a sample.
    ///
    /// # Errors
    /// `Corrupt`, `LinkBroken`, `Io`.
    pub(super) fn push(
        &mut self,
        dataset: &Dataset,
        sample: &Sample,
        paths: &Paths,
        report: &mut ExportReport,
    ) -> Result<()> {
        let rows = &mut self.rows;
        rows.ids.append_value(&sample.id);
        rows.tasks.append_value(&sample.task);
        for said in &sample.turns {
            rows.size += rows.turns.push(self.names, said);
        }
        rows.lengths.push(sample.turns.len());
        for (list, said) in rows.pair.iter_mut().zip(sample.pair.iter().flatten()) {
            rows.size += list.push(self.names, said);
        }
        if self.purpose == Purpose::Kto {
            rows.marks.append_option(sample.mark);
        }
        rows.tools.append_option(sample.tools.as_deref());
        for picture in &sample.pictures {
            let frame = dataset.frame(*picture)?;
            let path = sanitised(frame.path()?.unwrap_or(frame.id()?));
            let bytes = bytes_of(dataset, *picture)?;
            rows.images.push(bytes.as_deref(), &path);
            let length = bytes.map_or(0, |bytes| bytes.len());
            rows.size += length;
            report.media += 1;
            report.media_bytes += length as u64;
        }
        rows.images.end_row();
        for video in &paths.videos {
            match video {
                Placed::File(path) => rows.videos.append_value(path),
                Placed::Frames(paths) => {
                    paths.iter().for_each(|path| rows.videos.append_value(path));
                    rows.frames.push(paths.len());
                }
            }
        }
        rows.shown.push(paths.videos.len());
        rows.count += 1;
        if rows.count >= BATCH_ROWS || rows.size >= BATCH_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        let rows = std::mem::take(&mut self.rows);
        if rows.count == 0 {
            return Ok(());
        }
        let columns = rows.finish(self.names, self.purpose, self.in_frames)?;
        let batch = RecordBatch::try_new(self.schema.clone(), columns)?;
        self.file.write(&batch).map_err(unwritten)?;
        if self.file.in_progress_size() >= ROW_GROUP_BYTES {
            self.file.flush().map_err(unwritten)?;
        }
        Ok(())
    }

    /// Ends the file; how many bytes it has.
    ///
    /// # Errors
    /// `Io`.
    pub(super) fn finish(mut self) -> Result<u64> {
        self.flush()?;
        self.file.into_inner().map_err(unwritten)?.finish()
    }
}

fn schema(names: &Names, purpose: Purpose, in_frames: bool) -> SchemaRef {
    let text = |name: &str, nullable| Field::new(name, DataType::Utf8, nullable);
    let said = DataType::Struct(said_fields(names));
    let mut fields = vec![text("id", false), text("task", false)];
    fields.push(Field::new("conversations", DataType::List(item(said.clone())), false));
    match purpose {
        Purpose::Dpo => fields.extend(["chosen", "rejected"].map(|name| Field::new(name, said.clone(), false))),
        Purpose::Kto => fields.push(Field::new("kto_tag", DataType::Boolean, true)),
        Purpose::Sft | Purpose::Grpo => {}
    }
    fields.push(text("tools", true));
    fields.push(MediaList::field("images"));
    fields.push(Field::new("videos", DataType::List(video_item(in_frames)), false));
    Arc::new(Schema::new(fields))
}

fn item(ty: DataType) -> Arc<Field> {
    Arc::new(Field::new("element", ty, false))
}

fn video_item(in_frames: bool) -> Arc<Field> {
    match in_frames {
        true => item(DataType::List(item(DataType::Utf8))),
        false => item(DataType::Utf8),
    }
}

fn said_fields(names: &Names) -> Fields {
    Fields::from(vec![Field::new(names.role, DataType::Utf8, false), Field::new(names.text, DataType::Utf8, false)])
}

impl Rows {
    fn finish(mut self, names: &Names, purpose: Purpose, in_frames: bool) -> Result<Vec<ArrayRef>> {
        let said = item(DataType::Struct(said_fields(names)));
        let turns = Arc::new(self.turns.finish(names)?);
        let turns = ListArray::try_new(said, OffsetBuffer::from_lengths(self.lengths), turns, None)?;
        let mut columns: Vec<ArrayRef> =
            vec![Arc::new(self.ids.finish()), Arc::new(self.tasks.finish()), Arc::new(turns)];
        match purpose {
            Purpose::Dpo => {
                for list in self.pair {
                    columns.push(Arc::new(list.finish(names)?));
                }
            }
            Purpose::Kto => columns.push(Arc::new(self.marks.finish())),
            Purpose::Sft | Purpose::Grpo => {}
        }
        columns.push(Arc::new(self.tools.finish()));
        columns.push(self.images.finish()?);
        let mut videos: ArrayRef = Arc::new(self.videos.finish());
        if in_frames {
            let offsets = OffsetBuffer::from_lengths(self.frames);
            videos = Arc::new(ListArray::try_new(item(DataType::Utf8), offsets, videos, None)?);
        }
        let offsets = OffsetBuffer::from_lengths(self.shown);
        columns.push(Arc::new(ListArray::try_new(video_item(in_frames), offsets, videos, None)?));
        Ok(columns)
    }
}

/// What was said, by whom.
#[derive(Default)]
struct SaidList {
    roles: StringBuilder,
    texts: StringBuilder,
}

impl SaidList {
    /// Adds what is said; how many bytes it has.
    fn push(&mut self, names: &Names, said: &Said) -> usize {
        self.roles.append_value(names.of(said.role));
        self.texts.append_value(&said.text);
        said.text.len()
    }

    fn finish(mut self, names: &Names) -> Result<StructArray> {
        let parts: Vec<ArrayRef> = vec![Arc::new(self.roles.finish()), Arc::new(self.texts.finish())];
        Ok(StructArray::try_new(said_fields(names), parts, None)?)
    }
}

/// The most bytes of text that a record may have to stand in a column.
pub(super) const TEXT_MAX: usize = 1 << 30;
