//! Exporters: a dataset, or a selection of it, written in the forms that others read; one file a form.
//!
//! They use the modules below `dataset` and it; the command line uses them. What is written for `jsonl_llava`,
//! `jsonl_messages` and `webdataset` is read by this crate's importer into an equal dataset; what a form cannot hold is
//! counted in [`ExportReport::lost`], and what those who read it could not take in [`ExportReport::left_out`].
//!
//! Where a form has no field for something, its record has an object `surgdb` that says it; others ignore it, and
//! [`ExportOptions::plain`] leaves it out. Its fields, each there only where it is needed:
//!
//! | field | what it says |
//! | --- | --- |
//! | `media` | a list, an entry a medium in the conversation's order: `from`, its place in the order in which an importer meets the media (left out where it is the entry's own), `ending`, the number of the other ending that it belongs to (left out for the conversation's own), `turn`, `at`, `output`, `start`, `end`, `fps` |
//! | `absent` | by the field: what the entries are that stand there as null, in their order: a path, or, of what no file was ever named for, `unnamed`, the name under which `files` has it |
//! | `texts` | by the turn's number: the text of a turn that is written as content parts, or with placeholders that it does not have |
//! | `turn_extras` | by the turn's number: what the turn says beyond its columns, where its own fields do not give that again byte for byte |
//! | `extra` | the same for the record |
//! | `empty` | columns whose text is empty, not absent |
//! | `alternatives` | other endings that are no plain pair: `kind`, `turns` (`role`, `text`, `name`, `extra`), `grounding`, `score`, `generator` |
//! | `grounding` | a list: `turn`, `start`, `end` (bytes), `kind`, `media`, `values` |
//! | `reasoning` | the forest in pre-order: `turn`, `parent`, `level`, `kind`, `origin`, `at` (the bytes of the turn's text that the node repeats) or `text`, `evidence` (`path`, `start`, `end`, `box`) |
//! | `text_digest` | where one of `media`, `texts`, `turn_extras`, `alternatives`, `grounding`, `reasoning` is there, which go by the texts: the digest of these ([`TextDigest`](crate::schema::text_digest::TextDigest)) as they are written, of the turns first and then of the pair, so that an importer tells where they were changed since |
//! | `case` | the case where it says more than `patient` and `institution`: `id`, `specialty`, `procedure`, `device`, `consent`, `extra` |
//! | `files` | by the path that is written: what the picture's or video's row says beyond it: `id`, `path` (or `no_path`), `no_case`, `kind`, `origin`, `generator`, `video` (an id) or `video_file` (a path, where the file is part of the export), `parent` (a path), `index`, `time`, `extra`; of a picture without bytes `width` and `height`; of a video `fps`, `duration`, `frame_count`, `width`, `height`, and without bytes `keyframes` (time and offset each) |
//! | `videos` | by the id: what the rows of videos say that the record shows frames of, and not the video: `path`, `no_case`, `fps`, `duration`, `frame_count`, `width`, `height`, `keyframes` where there are no bytes, `extra` |
//!
//! What is JSON in a column (`extra`) stands as an object, or, where it does not stand in one line, as the text of one.

mod added;
mod boxes;
mod coco;
mod cut;
mod files;
mod folder;
mod hf;
mod json;
mod jsonl_llava;
mod jsonl_messages;
mod left_out;
mod list;
mod media;
mod missing;
mod notes;
mod originals;
mod own_ids;
mod parquet;
mod placement;
mod reached;
mod record;
mod sources;
mod splits;
mod trainers;
mod turns;
mod unshown;
mod webdataset;

pub use left_out::LeftOut;
pub use missing::{Missing, OnMissing};

use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::format::Address;
use crate::schema::boxes::Scale;
use crate::schema::tables::Table;
use folder::OutputFolder;
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr;

/// A form to export to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ExportFormat {
    /// LLaVA and ShareGPT: a JSON record a line, with pictures and videos beside it.
    #[default]
    Llava,
    /// `messages` with `role` and `content`: a JSON record a line, with pictures and videos beside it.
    Messages,
    /// Parquet, a file a table, with the bytes inside.
    Parquet,
    /// Parquet as Hugging Face's `datasets` loads it: a row a conversation, its pictures inside.
    Hf,
    /// LLaMA-Factory: JSONL or Parquet files for each purpose, with `dataset_info.json`.
    LlamaFactory,
    /// ms-swift: JSONL files for each purpose, with boxes in `objects`.
    MsSwift,
    /// Qwen-VL's fine-tuning code: JSONL with `conversations`.
    QwenVl,
    /// COCO: what annotations say of places in pictures, in one JSON file with the pictures beside it.
    Coco,
    /// WebDataset: tar archives of samples.
    #[serde(rename = "webdataset")]
    WebDataset,
}

impl ExportFormat {
    /// All forms.
    pub const ALL: [Self; 9] = [
        Self::Llava,
        Self::Messages,
        Self::Parquet,
        Self::Hf,
        Self::LlamaFactory,
        Self::MsSwift,
        Self::QwenVl,
        Self::Coco,
        Self::WebDataset,
    ];

    /// Its name, as `--format` takes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Llava => "llava",
            Self::Messages => "messages",
            Self::Parquet => "parquet",
            Self::Hf => "hf",
            Self::LlamaFactory => "llama-factory",
            Self::MsSwift => "ms-swift",
            Self::QwenVl => "qwen-vl",
            Self::Coco => "coco",
            Self::WebDataset => "webdataset",
        }
    }
}

impl FromStr for ExportFormat {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            Error::invalid(format!("there is no format {name:?} to export to; the formats are {names}"))
        })
    }
}

/// How `messages` say where a picture stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MessageStyle {
    /// `<image>` in the text, the paths in lists of the record, as ms-swift and LLaMA-Factory read them.
    #[default]
    Placeholders,
    /// Content parts with `image` and `video`, as Qwen-VL reads them.
    Qwen,
    /// Content parts with `image_url` and `video_url`, as OpenAI has them.
    OpenAi,
}

impl MessageStyle {
    /// Whether it says of a video where the part that is meant starts and ends.
    fn holds_times(self) -> bool {
        self == Self::Qwen
    }
}

impl FromStr for MessageStyle {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "placeholders" => Ok(Self::Placeholders),
            "qwen" => Ok(Self::Qwen),
            "openai" => Ok(Self::OpenAi),
            _ => Err(Error::invalid(format!(
                "there is no style {name:?} of messages; the styles are placeholders, qwen, openai"
            ))),
        }
    }
}

/// How a form without a field for it shows where in a video a clip starts and ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ClipForm {
    /// Cut out of the video where that can be done, else by frames of the dataset; where there are none, the record is
    /// left out.
    #[default]
    Auto,
    /// Cut out of the video, from the key frame at or before its start, without decoding; else the record is left out.
    Cut,
    /// By frames of the dataset that lie in it.
    Frames,
    /// By the whole video, which is told as lost.
    Whole,
}

impl FromStr for ClipForm {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "auto" => Ok(Self::Auto),
            "cut" => Ok(Self::Cut),
            "frames" => Ok(Self::Frames),
            "whole" => Ok(Self::Whole),
            _ => Err(Error::invalid(format!("clips are not shown as {name:?}; it is auto, cut, frames or whole"))),
        }
    }
}

/// What is exported, and how.
#[derive(Clone, Debug, Default)]
pub struct ExportOptions<'a> {
    /// The form.
    pub format: ExportFormat,
    /// How messages say where a picture stands.
    pub style: MessageStyle,
    /// Only these conversations, in this order; all of them where none are named. Of other tables only what they refer
    /// to goes out with them. For COCO these are annotations, and the pictures that they are about.
    pub selection: Option<&'a [Address]>,
    /// Write into a folder that has something in it: what has another content is replaced, what an export before wrote and
    /// this one does not is removed, and what is somebody else's is left.
    pub overwrite: bool,
    /// Write the boxes and points that stand in texts anew, in this scale; else each text is as it was, byte for byte.
    pub boxes: Option<Scale>,
    /// What happens at a picture or video whose bytes cannot be had.
    pub missing: OnMissing,
    /// Leave the `surgdb` object out of records; what it would have said is counted as lost.
    pub plain: bool,
    /// How the forms of trainers show clips.
    pub clips: ClipForm,
    /// Whether pictures and videos become files of their own, or second names of the files that they are linked to.
    pub pictures: Pictures,
    /// The axis of labels whose names are the categories of COCO; else the role of each region.
    pub axis: Option<&'a str>,
    /// When an archive of WebDataset ends.
    pub shards: Shards,
}

/// How pictures and videos come into an export's folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Pictures {
    /// Their bytes are written.
    #[default]
    Folder,
    /// Where the dataset has a link to a file, the export gets that very file under another name (a hard link), if the
    /// file system can; else their bytes are written.
    Link,
    /// Pictures stand in the records, in Parquet files: for LLaMA-Factory alone.
    Inside,
}

impl FromStr for Pictures {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "folder" => Ok(Self::Folder),
            "link" => Ok(Self::Link),
            "inside" => Ok(Self::Inside),
            _ => Err(Error::invalid(format!("pictures are not exported as {name:?}; it is folder, link or inside"))),
        }
    }
}

/// When an archive ends, and the next one begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shards {
    /// The most samples in it.
    pub samples: u64,
    /// The most bytes in it; a sample that is larger has one of its own.
    pub bytes: u64,
}

impl Default for Shards {
    fn default() -> Self {
        Self { samples: 10_000, bytes: 1 << 30 }
    }
}

/// How far an export is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExportProgress {
    /// Rows that were written.
    pub rows: u64,
    /// How many there are.
    pub total: u64,
    /// Bytes of pictures and videos that were written.
    pub bytes: u64,
}

/// What an export wrote.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ExportReport {
    /// The form.
    pub format: ExportFormat,
    /// The version of the dataset that was exported.
    pub version: u64,
    /// Rows by table; of JSON forms the records.
    pub rows: BTreeMap<&'static str, u64>,
    /// Records by file, where there may be several.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, u64>,
    /// Pictures and videos, each counted once; where they stand in records or archives, as often as they do.
    pub media: u64,
    /// Their bytes.
    pub media_bytes: u64,
    /// How many of them are second names of the files that they are linked to.
    #[serde(skip_serializing_if = "is_zero")]
    pub linked: u64,
    /// Bytes of all other files.
    pub bytes: u64,
    /// Pictures and videos that went out without their bytes.
    pub missing: u64,
    /// Those of them for which no file was ever named: null stands in their place.
    #[serde(skip_serializing_if = "is_zero")]
    pub nameless: u64,
    /// Those of them whose bytes are in a linked file that is gone or changed, and the records that were left out for such.
    #[serde(skip_serializing_if = "is_zero")]
    pub broken: u64,
    /// All of them, up to a hundred thousand.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub without_bytes: Vec<Missing>,
    /// Pictures and videos that went out though nobody can read them: their bytes are no picture or video, or damaged.
    #[serde(skip_serializing_if = "is_zero")]
    pub unreadable: u64,
    /// All of them, up to a hundred thousand.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unreadable_media: Vec<Missing>,
    /// Boxes and points that are written in the scale that was asked for.
    #[serde(skip_serializing_if = "is_zero")]
    pub boxes: u64,
    /// Records that were left out because those who read the form could not take them, by the reason.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub left_out: BTreeMap<Cow<'static, str>, u64>,
    /// All of them, up to a hundred thousand.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out_records: Vec<LeftOut>,
    /// How many pictures, annotations and categories got ids that no COCO file gave them, where the form has ids of its
    /// own.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub new_ids: BTreeMap<&'static str, u64>,
    /// Fields that were written because those who read the form ask for them, of how many entries.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub added: BTreeMap<&'static str, u64>,
    /// Fields that those ask for and that were not written, since what the entries came from had none.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub lacking: BTreeMap<&'static str, u64>,
    /// Parts of videos in records that start earlier than was asked for, at a key frame.
    #[serde(skip_serializing_if = "is_zero")]
    pub early: u64,
    /// All of them, up to a hundred thousand.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub early_clips: Vec<EarlyClip>,
    /// Records with answers that are pictures or videos, in the forms that have such in a list of their own.
    #[serde(skip_serializing_if = "is_zero")]
    pub shown_answers: u64,
    /// Records whose texts have more or fewer placeholders than they show pictures and videos, as where a word of the text reads
    /// like one: readers fail at them, or show another picture than is meant.
    #[serde(skip_serializing_if = "is_zero")]
    pub unmatched: u64,
    /// Their ids, up to a hundred thousand.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unmatched_ids: Vec<String>,
    /// Parts of videos that go out as the whole file in a form whose own fields hold no times: where they start and end is
    /// in `surgdb`, which other readers pass over.
    #[serde(skip_serializing_if = "is_zero")]
    pub whole_clips: u64,
    /// What the form could not hold, and how often.
    pub lost: BTreeMap<Cow<'static, str>, u64>,
    /// Files of an export before that were removed from the folder, since this one did not write them.
    #[serde(skip_serializing_if = "is_zero")]
    pub removed: u64,
    /// Files that stay in the folder, and of which it is not known that an export wrote them.
    #[serde(skip_serializing_if = "is_zero")]
    pub others: u64,
    /// The first of them by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_other: Option<String>,
    /// Folders beside this one that killed exports to it had left behind, and that were removed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_behind: Vec<String>,
    /// Folders beside this one that may be such, and stay.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub perhaps_left_behind: Vec<String>,
    /// The sources of what was exported; each is described in a file of its own.
    pub sources: Vec<ExportedSource>,
}

/// A part of a video that was cut out of it from further before than was asked for: pictures can be read from a key frame on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EarlyClip {
    /// The id of the record that shows it.
    pub id: String,
    /// The record's source.
    pub source: String,
    /// The record's address.
    pub address: String,
    /// The file.
    pub path: String,
    /// How long the part was to be, in seconds, where its end is known.
    pub wanted: Option<f64>,
    /// What is shown before it, in seconds.
    pub added: f64,
}

/// A source of what was exported.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ExportedSource {
    /// Its id.
    pub id: String,
    /// Its licence, where it names one.
    pub licence: Option<String>,
    /// The file that describes it, in the export's folder: what an import takes as the source's description.
    pub file: String,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl ExportReport {
    fn lose(&mut self, what: impl Into<Cow<'static, str>>, count: u64) {
        if count > 0 {
            *self.lost.entry(what.into()).or_default() += count;
        }
    }
}

/// Told how far an export is, every so often; an error of it ends the export, and nothing is left behind.
pub type OnProgress<'a> = dyn FnMut(ExportProgress) -> Result<()> + 'a;

/// Writes a dataset, or a selection of it, into a folder.
///
/// Memory is bounded by the largest picture or video, what waits for a Parquet row group (about 64 MiB), the linked files of a
/// record (32 MiB), and about 200 bytes a picture.
///
/// ```
/// # let dir = tempfile::tempdir().unwrap();
/// use surgdb::export::{ExportOptions, export};
/// let dataset = surgdb::Dataset::create(dir.path().join("demo.surgdb"))?;
/// let report = export(&dataset, dir.path().join("out"), &ExportOptions::default(), &mut |_| Ok(()))?;
/// assert_eq!(report.rows["conversations"], 0);
/// # Ok::<(), surgdb::Error>(())
/// ```
///
/// # Errors
/// `Invalid` when the form cannot do what the options ask for; `Exists` when there is something in the folder and it is
/// not to be overwritten, or it holds a file that the dataset links to, or a folder in it is a link that leads out of it;
/// `NotFound` when bytes are missing or a linked file is gone or changed, `Corrupt` when nobody can read them, where that is to
/// stop the export;
/// `Deleted` or `NotInVersion` when what is selected is not there; `Corrupt`, `Io`; what `progress` returns.
pub fn export(
    dataset: &Dataset,
    out: impl AsRef<Path>,
    options: &ExportOptions<'_>,
    progress: &mut OnProgress<'_>,
) -> Result<ExportReport> {
    if options.boxes.is_some() && matches!(options.format, ExportFormat::Parquet | ExportFormat::Coco) {
        let message = "boxes are written anew in texts alone, and this form has its own: leave out --boxes";
        return Err(Error::invalid(message));
    }
    if options.pictures == Pictures::Inside && options.format != ExportFormat::LlamaFactory {
        let message =
            "llama-factory alone has pictures inside where that is asked for; hf, parquet and webdataset always have";
        return Err(Error::invalid(message));
    }
    if options.missing == OnMissing::Skip && options.format == ExportFormat::Parquet {
        let message =
            "parquet has all rows of the tables, whether their pictures are there or not: leave out --missing skip";
        return Err(Error::invalid(message));
    }
    if options.overwrite {
        originals::refuse(dataset, out.as_ref())?;
    }
    let folder = OutputFolder::new(out.as_ref(), options.overwrite)?;
    let mut report = ExportReport { format: options.format, version: dataset.version(), ..Default::default() };
    match options.format {
        ExportFormat::Llava => record::write_all(dataset, &folder, jsonl_llava::FORM, options, &mut report, progress)?,
        ExportFormat::Messages => {
            let form = jsonl_messages::form(options.style);
            record::write_all(dataset, &folder, form, options, &mut report, progress)?;
        }
        ExportFormat::Parquet => parquet::write_all(dataset, &folder, options, &mut report, progress)?,
        ExportFormat::Hf => hf::write_all(dataset, &folder, options, &mut report, progress)?,
        ExportFormat::LlamaFactory | ExportFormat::MsSwift | ExportFormat::QwenVl => {
            trainers::write_all(dataset, &folder, options, &mut report, progress)?;
        }
        ExportFormat::Coco => coco::write_all(dataset, &folder, options, &mut report, progress)?,
        ExportFormat::WebDataset => webdataset::write_all(dataset, &folder, options, &mut report, progress)?,
    }
    folder.finish(&mut report)?;
    Ok(report)
}

/// Addresses of conversations, one after the other.
type Addresses<'a> = Box<dyn Iterator<Item = Result<Address>> + 'a>;

/// The addresses of what is exported: those selected, or all live conversations.
fn addresses_of<'a>(dataset: &'a Dataset, selection: Option<&'a [Address]>) -> Result<(u64, Addresses<'a>)> {
    Ok(match selection {
        Some(selection) => (selection.len() as u64, Box::new(selection.iter().map(|address| Ok(*address)))),
        None => {
            let count = dataset.count(Table::Conversations)?;
            (count, Box::new((0..count).map(|index| dataset.address(Table::Conversations, index))))
        }
    })
}
