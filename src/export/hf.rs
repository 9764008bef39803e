//! Parquet as Hugging Face's `datasets` loads it: `load_dataset("FOLDER")` gives a row a conversation, with `messages`
//! and with its pictures decoded.
//!
//! A file holds rows of one part of the split, and rolls over at about half a GiB; what belongs to no part is `train`
//! where nothing is split, else `unassigned`. The folder's `README.md` is a dataset card that names the files of each
//! part, the sources and their licences. The columns are those of [`jsonl_messages`](super::jsonl_messages), with the
//! bytes in place of the paths; `surgdb` holds the object of that name as text, with `row`, which says that the columns are these. Frames that stand for a clip are in
//! `clips`. A picture without bytes, or above [`MEDIUM_MAX`], is null there, since `datasets` would look for its file and
//! fail; `surgdb` has its path, in `absent`. A video then stands there by its path alone.

mod columns;

use super::folder::{OutputFile, OutputFolder};
use super::media::{MediaFolder, MediaTo};
use super::parquet::{BATCH_BYTES, ROW_GROUP_BYTES, unwritten};
use super::record::Writer;
use super::splits::Splits;
use super::{
    ExportOptions, ExportProgress, ExportReport, MessageStyle, OnProgress, added, addresses_of, boxes, files,
    jsonl_messages, unshown,
};
use crate::dataset::{Dataset, SPLIT};
use crate::error::Result;
use crate::schema::tables::Table;
use columns::Rows;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use std::collections::BTreeMap;
use std::fmt::Write;

/// The folder of the files.
const FOLDER: &str = "data";
/// The largest picture or video, in bytes, that stands in a row.
pub(super) const MEDIUM_MAX: u64 = 64 << 20;
/// A file ends at about so many bytes.
const FILE_BYTES: u64 = 512 << 20;
/// How many rows wait for a batch at most.
const BATCH_ROWS: usize = 512;
/// A record above this has no place in a column of text.
const RECORD_MAX: usize = 1 << 30;

/// Writes the files, the card and what is known of the sources.
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
    let splits = Splits::of(dataset, options.selection, "train")?;
    let form = super::record::Form { is_closed: true, ..jsonl_messages::form(MessageStyle::Placeholders) };
    let media = MediaFolder::new(dataset, MediaTo::Records, &[""; 0]).on_missing(options.missing);
    let shown_videos = files::shown_videos(dataset, options.selection)?;
    let mut writer = Writer::new(dataset, form, options, media, shown_videos);
    let mut parts: BTreeMap<&str, Part<'_>> = BTreeMap::new();
    for name in splits.names() {
        parts.insert(name, Part::new(folder, name)?);
    }
    let group_bytes = ROW_GROUP_BYTES / parts.len().max(1);
    let (total, addresses) = addresses_of(dataset, options.selection)?;
    let (mut line, mut done) = (Vec::new(), 0u64);
    for address in addresses {
        let row = dataset.sound_conversation(address?)?;
        done += 1;
        if options.missing.leaves_out(&mut writer.media, &row, report)?
            || boxes::leaves_out(dataset, &row, options.boxes, report)?
        {
            continue;
        }
        line.clear();
        let shown = writer.record(&row, &mut line, report)?;
        if line.len() > RECORD_MAX {
            report.leave_out("records of more than 1 GiB of text", row.id()?, row.source()?, row.address());
            continue;
        }
        let part = row.split()?.filter(|split| !split.is_empty());
        if let Some(part) = parts.get_mut(splits.name_of(part)) {
            part.rows.push(&mut writer.media, &row, &line, &shown, options.plain, report)?;
            if part.rows.len() >= BATCH_ROWS || part.rows.size >= BATCH_BYTES {
                part.flush(group_bytes, report)?;
                progress(ExportProgress { rows: done, total, bytes: report.media_bytes })?;
            }
        }
    }
    for part in parts.into_values() {
        part.finish(group_bytes, report)?;
    }
    // What is not of the media themselves.
    report.bytes = report.bytes.saturating_sub(report.media_bytes);
    let rows = done - report.left_out.values().sum::<u64>();
    progress(ExportProgress { rows: done, total, bytes: report.media_bytes })?;
    report.rows.insert(Table::Conversations.name(), rows);
    added::lose_all(dataset, options.selection, &[SPLIT], report)?;
    unshown::lose_all(dataset, options.selection, report)?;
    writer.describe_sources(folder, report)?;
    let card = card(&splits, report);
    folder.write("README.md", card.as_bytes())?;
    report.bytes += card.len() as u64;
    Ok(())
}

/// The files of one part of the split.
struct Part<'a> {
    folder: &'a OutputFolder,
    name: &'a str,
    number: u32,
    file: ArrowWriter<OutputFile>,
    rows: Rows,
}

impl<'a> Part<'a> {
    fn new(folder: &'a OutputFolder, name: &'a str) -> Result<Self> {
        Ok(Self { folder, name, number: 0, file: file(folder, name, 0)?, rows: Rows::default() })
    }

    /// Writes the rows that wait.
    fn flush(&mut self, group_bytes: usize, report: &mut ExportReport) -> Result<()> {
        if self.rows.len() == 0 {
            return Ok(());
        }
        let batch = std::mem::take(&mut self.rows).finish()?;
        self.file.write(&batch).map_err(unwritten)?;
        if self.file.in_progress_size() >= group_bytes {
            self.file.flush().map_err(unwritten)?;
        }
        if self.file.bytes_written() as u64 >= FILE_BYTES {
            self.number += 1;
            let next = file(self.folder, self.name, self.number)?;
            let full = std::mem::replace(&mut self.file, next);
            report.bytes += full.into_inner().map_err(unwritten)?.finish()?;
        }
        Ok(())
    }

    fn finish(mut self, group_bytes: usize, report: &mut ExportReport) -> Result<()> {
        self.flush(group_bytes, report)?;
        report.bytes += self.file.into_inner().map_err(unwritten)?.finish()?;
        Ok(())
    }
}

fn file(folder: &OutputFolder, part: &str, number: u32) -> Result<ArrowWriter<OutputFile>> {
    let features = KeyValue::new("huggingface".to_owned(), columns::features());
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_key_value_metadata(Some(vec![features]));
    // What is compressed already gains nothing, and costs time.
    for path in columns::byte_columns() {
        let path = ColumnPath::from(path);
        properties = properties
            .set_column_compression(path.clone(), Compression::UNCOMPRESSED)
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_statistics_enabled(path, EnabledStatistics::None);
    }
    // Without Arrow's own schema in the file, readers take the types that `huggingface` names.
    let options = ArrowWriterOptions::new().with_properties(properties.build()).with_skip_arrow_metadata(true);
    let file = folder.file(&format!("{FOLDER}/{part}-{number:05}.parquet"))?;
    ArrowWriter::try_new_with_options(file, columns::schema(), options).map_err(unwritten)
}

/// The dataset card.
fn card(splits: &Splits, report: &ExportReport) -> String {
    let mut card = String::from("---\nconfigs:\n- config_name: default\n  data_files:\n");
    for name in splits.names() {
        // A write into memory does not fail.
        let _ = writeln!(card, "  - split: {name}\n    path: {FOLDER}/{name}-*.parquet");
    }
    card.push_str("---\n\n# Sources and licences\n\n");
    let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    for source in &report.sources {
        let licence = source.licence.as_deref().unwrap_or("no licence named");
        let _ = writeln!(card, "- {}: {} (`{}`)", one_line(&source.id), one_line(licence), source.file);
    }
    card
}
