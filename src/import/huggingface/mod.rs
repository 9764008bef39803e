//! Hugging Face datasets: tables in Parquet and Arrow whose rows are conversations, or pictures with what is said of them.
//!
//! Each row becomes the JSON record that its columns make, which the importer of records then takes, in whatever of its
//! forms it is; a row of `question` (or `problem`) and `answer` is one too. Pictures and videos in columns of media and
//! in turns are handed over beside the text, by a mark that no text can have. Their `path` is kept, and tells pictures
//! with the same bytes apart. Columns of other names that `datasets` says are pictures or videos, or that have a file's
//! bytes and path where it says nothing, are media that are shown, unless their name says that they are masks or answers. Nulls are left out, since a table has no other way to say that a field is not there;
//! numbers of a `ClassLabel` become its names; lists of turns that stand as one list a field are put together again; turns
//! that stand as JSON text are read. Other bytes are kept in `extra` as base64.
//!
//! A row of one picture and of what is said of it (classes, objects with boxes, captions, masks), which asks nothing, becomes
//! statements about the picture; see [`labels`].
//!
//! The split is the row's own, else what `datasets` says of it: `dataset_dict.json`, `state.json`, or the name of the file
//! or its folder.

mod arrow_check;
mod arrow_file;
mod cell;
mod features;
mod file;
mod labels;
mod objects;
mod parquet_file;
mod row;

pub(super) use row::{Held, MARK, Text};

use crate::error::{Error, Result};
use crate::import::draft::MediaKind;
use crate::import::format::Format;
use crate::import::forms;
use crate::import::inputs::{DigestingReader, Input};
use crate::import::raw::RawRecord;
use crate::import::report::At;
use crate::import::run::Run;
use crate::schema::tables::Table;
use arrow_schema::Schema;
use file::TableFile;
use labels::Labelled;
use row::RowText;
use std::path::Path;

/// How many columns a message names.
const NAMED: usize = 20;

/// Whether a file of this name (in lower case) is such a table.
pub(super) fn is_table(name: &str) -> bool {
    name.ends_with(".parquet") || name.ends_with(".arrow")
}

/// Whether a file beside tables only describes them, or was kept by `datasets` for itself.
pub(super) fn describes_tables(name: &str) -> bool {
    let own = ["dataset_info.json", "dataset_infos.json", "state.json", "dataset_dict.json"];
    own.contains(&name) || (name.starts_with("cache-") && name.ends_with(".arrow"))
}

/// Why the tables that an export to Parquet wrote are not read.
const EXPORTED: &str = "`surgdb export --format parquet` wrote it for readers of Parquet, and it is not imported again: `surgdb copy` \
    brings a dataset's rows into another one, and exports in the forms llava, messages, webdataset and hf come in again";

/// Refuses a folder that an export to Parquet wrote.
///
/// # Errors
/// `Input` where it is one.
pub(super) fn refuse_exported(folder: &Path) -> Result<()> {
    let is_one = |table: Table| {
        let file = TableFile::open(&folder.join(format!("{table}.parquet")));
        file.is_ok_and(|file| is_exported(&file.schema()))
    };
    match Table::ALL.into_iter().all(is_one) {
        true => Err(Error::input(EXPORTED).in_file(folder)),
        false => Ok(()),
    }
}

/// Whether a table has the columns of one of ours, behind its rows' addresses.
fn is_exported(schema: &Schema) -> bool {
    let is_of = |table: &Table| table.columns().iter().all(|column| schema.column_with_name(&column.name).is_some());
    schema.fields().first().is_some_and(|first| first.name() == "address") && Table::ALL.iter().any(is_of)
}

/// Looks at a table's columns.
///
/// # Errors
/// `Input` where its rows are no conversations, or the file cannot be read.
pub(super) fn look_at(path: &Path) -> Result<()> {
    let mut file = TableFile::open(path)?;
    let schema = file.schema();
    if is_exported(&schema) {
        return Err(Error::input(EXPORTED));
    }
    if schema.fields().iter().any(|field| forms::ROW_KEYS.contains(&field.name().as_str())) {
        return Ok(());
    }
    if Labelled::of(&file.features(), &schema).is_some() {
        return Ok(());
    }
    // What has none of them may still be of a form that is told by its values.
    match file.next_batch()? {
        Some(batch) if batch.num_rows() > 0 => {
            let text = RowText::new(file.features())?.row(&batch, 0)?;
            let json = forms::unfolded(&text.json);
            let record: RawRecord<'_> = serde_json::from_str(&json).map_err(|e| Error::input(e.to_string()))?;
            forms::row_form(&record).map(drop).map_err(|error| not_understood(&error, &file))
        }
        _ => Ok(()),
    }
}

/// The error for a table of no form that is known: what its columns are, and what would be understood.
fn not_understood(error: &Error, file: &TableFile) -> Error {
    let (features, schema) = (file.features(), file.schema());
    let column = |field: &arrow_schema::FieldRef| {
        let kind = match features.media(field.name(), cell::has_files(field.data_type())) {
            Some(MediaKind::Picture) => " (pictures)",
            Some(MediaKind::Video) => " (videos)",
            None if features.classes(field.name()).is_some() => " (classes)",
            None => "",
        };
        format!("`{}`{kind}", field.name())
    };
    let columns: Vec<String> = schema.fields().iter().take(NAMED).map(column).collect();
    let more = if schema.fields().len() > NAMED { ", …" } else { "" };
    let nearly = error.message().split("; ").find(|part| part.contains(forms::NEARLY));
    let nearly = nearly.map(|nearly| format!("; {nearly}")).unwrap_or_default();
    Error::input(format!(
        "its rows are none that are known: the columns are {}{more}{nearly}. Understood are turns (`conversations`, `messages`, \
         `prompt`, `instruction`), `question` and `answer`, and {}",
        columns.join(", "),
        labels::UNDERSTOOD
    ))
}

/// Shows a table's rows to somebody, with their numbers and about how many bytes are behind, as far as they can be read: what is wrong with the others is told
/// when they are taken.
///
/// # Errors
/// Only those of who looks.
pub(super) fn each_row(path: &Path, look: &mut dyn FnMut(u64, u64, Text) -> Result<()>) -> Result<()> {
    let Ok(mut file) = TableFile::open(path) else { return Ok(()) };
    let Ok(rows) = RowText::new(file.features()) else { return Ok(()) };
    let mut number = 0;
    while let Ok(Some(batch)) = file.next_batch() {
        for row in 0..batch.num_rows() {
            number += 1;
            let Ok(text) = rows.row(&batch, row) else { continue };
            look(number, file.position(), text)?;
        }
    }
    Ok(())
}

/// Reads a table; its digest and its length.
pub(super) fn read(run: &mut Run<'_>, input: &Input) -> Result<(String, u64)> {
    let before = run.progress.bytes;
    let split = features::split_of(&input.path);
    let mut file = TableFile::open(&input.path)?;
    let features = file.features();
    let is_ours = matches!(run.options.format, None | Some(Format::HuggingFace));
    let labelled = Labelled::of(&features, &file.schema()).filter(|_| is_ours);
    let rows = RowText::new(features)?;
    let mut at = At { file: input.name.clone(), ..At::default() };
    let mut number = 0;
    while let Some(batch) = file.next_batch()? {
        for row in 0..batch.num_rows() {
            number += 1;
            at.record = Some(number);
            let text = rows.row(&batch, row);
            match (&labelled, text) {
                (Some(labelled), Ok(text)) if labelled.is(&text) => {
                    labelled.take(run, text, split.as_deref(), input, &mut at)?;
                }
                (_, text) => run.table_row(text, split.as_deref(), input, &mut at)?,
            }
            run.advance(before + file.position().min(input.bytes))?;
        }
    }
    DigestingReader::open(&input.path)?.finish().map_err(|error| Error::io("cannot read on", error))
}
