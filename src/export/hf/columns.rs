//! The columns of a row, and what `datasets` is told that they are.

use super::MEDIUM_MAX;
use crate::dataset::Conversation;
use crate::error::{Error, Result};
use crate::export::ExportReport;
use crate::export::media::MediaFolder;
use crate::export::parquet::MediaList;
use crate::export::placement::{self, Kind, Shown};
use crate::format::Address;
use arrow_array::builder::{BooleanBuilder, Float64Builder, StringBuilder};
use arrow_array::{ArrayRef, ListArray, RecordBatch, StructArray};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Columns of text, in their order; the last one holds what the others do not.
const TEXTS: [&str; 14] = [
    "id",
    "source",
    "task",
    "specialty",
    "procedure",
    "language",
    "origin",
    "generator",
    "split",
    "patient",
    "institution",
    "solution",
    "tools",
    "surgdb",
];
/// Columns of messages.
const MESSAGES: [&str; 3] = ["messages", "chosen", "rejected"];
const SCORES: [&str; 2] = ["score_chosen", "score_rejected"];
const LABEL: &str = "label";
/// Columns of pictures and of videos, as [`placement::listed`] has them.
const MEDIA: [&str; 4] = ["images", "output_images", "videos", "output_videos"];
/// Columns of clips that frames stand for.
const CLIPS: [&str; 2] = ["clips", "output_clips"];

/// The types of the columns. All may be null, for `datasets` takes what it is told of a column only where its type is the
/// very one that it would have written.
pub(super) fn schema() -> SchemaRef {
    let mut fields: Vec<Field> = TEXTS.iter().map(|name| Field::new(*name, DataType::Utf8, true)).collect();
    fields.extend(MESSAGES.map(|name| Field::new(name, DataType::List(message_item()), true)));
    fields.extend(SCORES.map(|name| Field::new(name, DataType::Float64, true)));
    fields.push(Field::new(LABEL, DataType::Boolean, true));
    fields.extend(MEDIA.map(MediaList::field));
    fields.extend(CLIPS.map(|name| Field::new(name, DataType::List(clip_item()), true)));
    Arc::new(Schema::new(fields))
}

/// What `datasets` reads about the columns.
pub(super) fn features() -> String {
    let value = |dtype: &str| json!({"dtype": dtype, "_type": "Value"});
    let message = json!([{"role": value("string"), "content": value("string"), "name": value("string")}]);
    let picture = json!([{"_type": "Image"}]);
    // As `Video` they could be read only where a decoder is installed.
    let video = json!([{"bytes": value("binary"), "path": value("string")}]);
    let mut features = serde_json::Map::new();
    features.extend(TEXTS.iter().map(|name| ((*name).to_owned(), value("string"))));
    features.extend(MESSAGES.map(|name| (name.to_owned(), message.clone())));
    features.extend(SCORES.map(|name| (name.to_owned(), value("float64"))));
    features.insert(LABEL.into(), value("bool"));
    let of_media = [picture.clone(), picture.clone(), video.clone(), video];
    features.extend(MEDIA.iter().zip(of_media).map(|(name, feature)| ((*name).to_owned(), feature)));
    features.extend(CLIPS.map(|name| (name.to_owned(), json!([picture.clone()]))));
    json!({"info": {"features": Value::Object(features)}}).to_string()
}

/// The columns that hold encoded bytes, as paths of the file's columns.
pub(super) fn byte_columns() -> Vec<Vec<String>> {
    let owned = |parts: &[&str]| parts.iter().map(|part| (*part).to_owned()).collect();
    let media = MEDIA.iter().map(|name| owned(&[name, "list", "element", "bytes"]));
    let clips = CLIPS.iter().map(|name| owned(&[name, "list", "element", "list", "element", "bytes"]));
    media.chain(clips).collect()
}

fn message_fields() -> Fields {
    Fields::from(["role", "content", "name"].map(|name| Field::new(name, DataType::Utf8, true)).to_vec())
}

fn message_item() -> Arc<Field> {
    Arc::new(Field::new("element", DataType::Struct(message_fields()), true))
}

fn clip_item() -> Arc<Field> {
    Arc::new(Field::new("element", DataType::List(MediaList::item()), true))
}

/// A record as it was written as JSON.
#[derive(Deserialize)]
struct Record<'a> {
    messages: Vec<Message>,
    chosen: Option<Vec<Message>>,
    rejected: Option<Vec<Message>>,
    patient: Option<String>,
    institution: Option<String>,
    #[serde(borrow)]
    surgdb: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Message {
    role: String,
    content: Option<String>,
    name: Option<String>,
}

/// Rows on their way into a batch.
#[derive(Default)]
pub(super) struct Rows {
    texts: [StringBuilder; TEXTS.len()],
    messages: [MessageList; MESSAGES.len()],
    scores: [Float64Builder; SCORES.len()],
    label: BooleanBuilder,
    media: [MediaList; MEDIA.len()],
    clips: [ClipList; CLIPS.len()],
    rows: usize,
    /// About how many bytes wait.
    pub(super) size: usize,
}

impl Rows {
    pub(super) fn len(&self) -> usize {
        self.rows
    }

    /// Adds a conversation, with its record as JSON and the media that it shows; `plain` leaves out what the columns do not
    /// hold.
    ///
    /// # Errors
    /// `Corrupt`, `LinkBroken`.
    pub(super) fn push(
        &mut self,
        media: &mut MediaFolder<'_>,
        row: &Conversation<'_>,
        record: &[u8],
        shown: &[Shown],
        plain: bool,
        report: &mut ExportReport,
    ) -> Result<()> {
        let unread = |error| Error::corrupt("a record that was just written cannot be read").caused_by(error);
        let record: Record<'_> = serde_json::from_slice(record).map_err(unread)?;
        let absent = self.show(media, shown, report)?;
        let notes = (!plain).then(|| notes_of_row(record.surgdb.map(RawValue::get), &absent));
        report.lose(
            "paths of pictures without bytes",
            if plain { absent.values().map(Vec::len).sum::<usize>() } else { 0 } as u64,
        );
        let texts: [Option<&str>; TEXTS.len()] = [
            Some(row.id()?),
            Some(row.source()?),
            Some(row.task()?),
            row.specialty()?,
            row.procedure()?,
            row.language()?,
            row.origin()?,
            row.generator()?,
            row.split()?,
            record.patient.as_deref(),
            record.institution.as_deref(),
            row.solution()?,
            row.tools()?,
            notes.as_deref(),
        ];
        for (builder, text) in self.texts.iter_mut().zip(texts) {
            // Columns of empty text are named by the notes, as in every form.
            let text = text.filter(|text| !text.is_empty());
            builder.append_option(text);
            self.size += text.map_or(0, str::len);
        }
        for (list, said) in self.messages.iter_mut().zip([Some(record.messages), record.chosen, record.rejected]) {
            self.size += list.push(said);
        }
        let alternatives = row.alternatives()?;
        for (builder, kind) in self.scores.iter_mut().zip(["chosen", "rejected"]) {
            let ending = alternatives.iter().find(|ending| ending.kind() == kind);
            builder.append_option(ending.and_then(|ending| ending.score()));
        }
        self.label.append_option(row.preferred()?);
        self.rows += 1;
        Ok(())
    }

    /// Adds the media; what stands there as null, by the columns.
    fn show(
        &mut self,
        media: &mut MediaFolder<'_>,
        shown: &[Shown],
        report: &mut ExportReport,
    ) -> Result<BTreeMap<&'static str, Vec<Value>>> {
        let mut absent: BTreeMap<&'static str, Vec<Value>> = BTreeMap::new();
        let lists = placement::listed(shown, true);
        for (at, ((list, numbers), name)) in self.media.iter_mut().zip(&lists).zip(MEDIA).enumerate() {
            for medium in numbers.iter().filter_map(|number| shown.get(*number)) {
                let clips = self.clips.get_mut(at % 2).filter(|_| medium.kind == Kind::Clip);
                let (list, name) = match clips {
                    Some(clips) => {
                        clips.count += 1;
                        (&mut clips.frames, CLIPS.get(at % 2).copied().unwrap_or(name))
                    }
                    None => (&mut *list, name),
                };
                let files = medium.refs.iter().zip(&medium.paths).zip(&medium.nameless);
                for ((address, path), is_nameless) in files {
                    match bytes_of(media, *address, report)? {
                        // `datasets` would open a picture by its path, and fail.
                        None if *is_nameless || medium.kind != Kind::Video => {
                            list.push_null();
                            let said = if *is_nameless { json!({"unnamed": &**path}) } else { json!(&**path) };
                            absent.entry(name).or_default().push(said);
                        }
                        bytes => {
                            list.push(bytes.as_deref(), path);
                            self.size += bytes.map_or(0, |bytes| bytes.len());
                        }
                    }
                }
                if medium.kind == Kind::Clip {
                    list.end_row();
                }
            }
            list.end_row();
        }
        for clips in &mut self.clips {
            clips.lengths.push(std::mem::take(&mut clips.count));
        }
        Ok(absent)
    }

    pub(super) fn finish(self) -> Result<RecordBatch> {
        let mut columns: Vec<ArrayRef> = Vec::new();
        columns.extend(self.texts.map(|mut builder| Arc::new(builder.finish()) as ArrayRef));
        for list in self.messages {
            columns.push(list.finish()?);
        }
        columns.extend(self.scores.map(|mut builder| Arc::new(builder.finish()) as ArrayRef));
        let mut label = self.label;
        columns.push(Arc::new(label.finish()));
        for list in self.media {
            columns.push(list.finish()?);
        }
        for clips in self.clips {
            let offsets = OffsetBuffer::from_lengths(clips.lengths);
            columns.push(Arc::new(ListArray::try_new(clip_item(), offsets, clips.frames.finish()?, None)?));
        }
        Ok(RecordBatch::try_new(schema(), columns)?)
    }
}

/// What the notes of a record say; that it is a row, whose columns are ours; and the paths of the pictures that its columns
/// have none of.
fn notes_of_row(notes: Option<&str>, absent: &BTreeMap<&'static str, Vec<Value>>) -> String {
    let mut row = serde_json::Map::new();
    row.insert("row".into(), true.into());
    if !absent.is_empty() {
        row.insert("absent".into(), json!(absent));
    }
    let row = Value::Object(row).to_string();
    match notes.and_then(|notes| notes.strip_suffix('}')) {
        Some(before) => format!("{before},{}", row.strip_prefix('{').unwrap_or_default()),
        None => row,
    }
}

/// The bytes of a picture or video that stand in a row.
fn bytes_of<'a>(
    media: &mut MediaFolder<'a>,
    address: Address,
    report: &mut ExportReport,
) -> Result<Option<Cow<'a, [u8]>>> {
    let is_large = media.size(address)? > MEDIUM_MAX;
    report.lose("bytes of pictures and videos of more than 64 MiB: they are there by their paths", u64::from(is_large));
    let bytes = if is_large { None } else { media.bytes(address, report)? };
    report.media += u64::from(bytes.is_some());
    report.media_bytes += bytes.as_ref().map_or(0, |bytes| bytes.len()) as u64;
    Ok(bytes)
}

/// A list of messages a row.
#[derive(Default)]
struct MessageList {
    roles: StringBuilder,
    contents: StringBuilder,
    names: StringBuilder,
    lengths: Vec<usize>,
    is_there: Vec<bool>,
}

impl MessageList {
    /// Adds a row; how many bytes it has.
    fn push(&mut self, messages: Option<Vec<Message>>) -> usize {
        let mut size = 0;
        self.is_there.push(messages.is_some());
        let messages = messages.unwrap_or_default();
        self.lengths.push(messages.len());
        for message in messages {
            self.roles.append_value(&message.role);
            self.contents.append_option(message.content.as_deref());
            self.names.append_option(message.name.as_deref());
            size += message.content.map_or(0, |content| content.len());
        }
        size
    }

    fn finish(mut self) -> Result<ArrayRef> {
        let parts: Vec<ArrayRef> =
            vec![Arc::new(self.roles.finish()), Arc::new(self.contents.finish()), Arc::new(self.names.finish())];
        let items = StructArray::try_new(message_fields(), parts, None)?;
        let nulls = Some(NullBuffer::from(self.is_there)).filter(|nulls| nulls.null_count() > 0);
        let offsets = OffsetBuffer::from_lengths(self.lengths);
        Ok(Arc::new(ListArray::try_new(message_item(), offsets, Arc::new(items), nulls)?))
    }
}

/// Clips, each a list of frames.
#[derive(Default)]
struct ClipList {
    frames: MediaList,
    /// Clips of the row that is being added.
    count: usize,
    lengths: Vec<usize>,
}
