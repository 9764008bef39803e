//! Importers: sources on disk become rows of a dataset.
//!
//! [`import`] takes conversations in JSON, annotations in the forms of `annotations`, and tables as a [`TableMap`] reads
//! them. Of conversations, [`records`] cuts the input, `raw` parses a record, `forms` turns each form
//! into a draft (and documents what it keeps where), `placeholders` and `reasoning` read its texts, `media` finds
//! pictures and videos, and `run` brings it all into a dataset, with a report. It may use all modules of the crate up to
//! `dataset`; the command line uses it.
//!
//! A record is known by its source and id; one without an id has the id `PATH#NUMBER`. Its `image`, `images`, `video`,
//! `videos` name what is shown, its `output_image`, `output_images`, `output_video`, `output_videos` what the model is
//! to produce; a list within `videos` is a clip given as its frames. The fields `task`, `specialty`, `procedure`,
//! `language`, `origin`, `generator` and `patient` have columns of their own, `split` has an added one; what has none
//! is kept in `extra`, byte for byte. A field `surgdb` holds what this crate's exporter had no other place for.

mod again;
mod annotations;
mod attach;
mod boxes;
mod cases;
mod copies;
mod draft;
mod eights;
mod format;
mod forms;
#[doc(hidden)]
pub mod guard;
mod homes;
mod huggingface;
mod inputs;
mod line_ends;
mod list;
mod maps;
mod media;
mod options;
mod passed;
mod pattern;
mod placeholders;
mod plain;
mod raw;
mod reasoning;
pub mod records;
mod report;
mod row;
mod run;
mod sink;
mod source;
mod split;
mod surgdb_fields;
mod written;

pub use attach::{AttachCounts, AttachOptions, AttachReport, FileNames, StillMissing, attach};
pub use cases::{CaseList, ListedCase};
pub use format::Format;
pub use homes::source_at;
pub use maps::TableMap;
pub use media::mp4::KeyFrame;
pub use options::{ImportOptions, MediaMode, OnChange, OnDeleted, OnError, OnKnown, OnMissing, Progress};
pub use pattern::{Names, Pattern};
pub use report::{
    AboutChange, BoxReport, Example, Findings, Ignored, ImportReport, InputReport, Kind, MediaCounts, MissingFile,
    RecordCounts, SkippedRecord,
};
pub use run::{check_inputs, import};
pub use source::{BoxConvention, Defaults, PatientFrom, SourceDescription};
pub use written::Written;

#[cfg(test)]
mod tests;
