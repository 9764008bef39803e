//! How to import.

use crate::error::{Error, Result};
use crate::import::cases::CaseList;
use crate::import::format::Format;
use crate::import::maps::TableMap;
use crate::import::source::SourceDescription;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// How to import a source.
#[derive(Clone, Debug, Default)]
pub struct ImportOptions {
    /// What the source is.
    pub source: SourceDescription,
    /// The form that every record must have; else each record's own form is found by its keys.
    pub format: Option<Format>,
    /// How tables are read; else a shipped map is taken where a file is certainly one of its.
    pub map: Option<Arc<TableMap>>,
    /// Whether pictures and videos go into the dataset or stay where they are.
    pub media: MediaMode,
    /// Where pictures and videos are looked for, before the folder of the file that names them.
    pub media_roots: Vec<PathBuf>,
    /// Which patients the source's names mean.
    pub cases: Option<CaseList>,
    /// What happens at a record that cannot be read.
    pub on_error: OnError,
    /// What happens to a record whose picture or video is missing; one that is new and cannot be read is kept with its bytes,
    /// or as a missing one is.
    pub missing: OnMissing,
    /// What happens to a record, and to the row of a picture, a recording or a file, that the dataset has with other
    /// content.
    pub on_change: OnChange,
    /// The folder that ids start in, where they start in no folder of before: one that holds all that is imported. Else it
    /// is the folder that is named, or that a named file lies in.
    pub home: Option<PathBuf>,
    /// Whether paths and ids of what is imported mean what they meant in other folders that were imported into the source
    /// before; else it is an error where they do not seem to.
    pub same_names: bool,
    /// Whether the source is called after what is imported, and nobody said its name.
    pub is_source_guessed: bool,
    /// Whether the source's licence may become another than the dataset has; else that is an error.
    pub relicense: bool,
    /// What happens to a file whose bytes were imported before, and whose records would be added again under other ids.
    pub on_known: OnKnown,
    /// What happens to a record that would bring rows in again which were deleted.
    pub on_deleted: OnDeleted,
    /// Read and check everything, and write nothing.
    pub dry_run: bool,
    /// Set from outside to stop: the dataset is then as it was.
    pub interrupt: Option<Arc<AtomicBool>>,
}

impl ImportOptions {
    /// Options for a source, the defaults apart from that.
    pub fn new(source: SourceDescription) -> Self {
        Self { source, ..Self::default() }
    }

    /// The canonical key of the patient whom the source calls so.
    pub(super) fn patient_key(&self, name: &str) -> String {
        let listed = self.cases.as_ref().and_then(|cases| cases.of_name(name));
        listed.map_or_else(|| self.source.patient_key(name), |case| case.patient.clone())
    }

    pub(super) fn is_interrupted(&self) -> bool {
        self.interrupt.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed))
    }
}

macro_rules! choices {
    ($($(#[$doc:meta])* $name:ident, $what:literal { $($(#[$choice_doc:meta])* $choice:ident = $word:literal),* $(,)? })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
            pub enum $name {
                $($(#[$choice_doc])* $choice),*
            }

            impl $name {
                /// All choices.
                pub const ALL: &'static [Self] = &[$(Self::$choice),*];

                /// The word for it on the command line.
                pub fn name(self) -> &'static str {
                    match self {
                        $(Self::$choice => $word),*
                    }
                }
            }

            impl FromStr for $name {
                type Err = Error;

                fn from_str(word: &str) -> Result<Self> {
                    let all = [$($word),*];
                    Self::ALL.iter().copied().find(|choice| choice.name() == word).ok_or_else(|| {
                        Error::invalid(format!("{word:?} is no choice for {}: it is one of {}", $what, all.join(", ")))
                    })
                }
            }
        )*
    };
}

choices! {
    /// Where the bytes of pictures and videos are kept.
    MediaMode, "media" {
        /// In the dataset.
        #[default]
        Embed = "embed",
        /// Where they are; the dataset checks them when it reads them.
        Link = "link",
    }
    /// What happens at a record that cannot be read.
    OnError, "on-error" {
        /// The import ends with the record's place, and nothing is committed.
        #[default]
        Stop = "stop",
        /// The record is skipped and counted.
        Skip = "skip",
    }
    /// What happens to a record whose picture or video is missing.
    OnMissing, "missing" {
        /// It is kept, with a frame or video without bytes.
        #[default]
        Keep = "keep",
        /// It is skipped and counted.
        Skip = "skip",
        /// The import ends, and nothing is committed.
        Stop = "stop",
    }
    /// What happens to a file whose bytes were imported before.
    OnKnown, "on-known" {
        /// The import ends where all of its records would be added again under other ids, and nothing is committed.
        #[default]
        Stop = "stop",
        /// It is passed over.
        Skip = "skip",
        /// It is taken.
        Take = "take",
    }
    /// What happens to a record that would bring rows in again which were deleted.
    OnDeleted, "on-deleted" {
        /// They come in again, and the report says so.
        #[default]
        Take = "take",
        /// It is skipped and counted.
        Skip = "skip",
        /// The import ends, and nothing is committed.
        Stop = "stop",
    }
    /// What happens to a record that the dataset has with other content, and to the row of a picture or a recording of
    /// which something else is said now, or whose file has changed.
    OnChange, "on-change" {
        /// The dataset's stays, and the report names the record.
        #[default]
        Report = "report",
        /// The dataset's stays.
        Keep = "keep",
        /// A conversation takes its place at a new address; of other rows the cells that differ are replaced.
        Replace = "replace",
        /// A record is another one, and is added with its file's name before its id; of other rows the dataset's stays, as by
        /// `Report`.
        Add = "add",
    }
}

/// How far an import is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The file that is read.
    pub file: String,
    /// Bytes of the inputs that are behind.
    pub bytes: u64,
    /// Bytes of all inputs.
    pub total_bytes: u64,
    /// While all boxes in texts are looked at, to find out how they are measured: bytes of the inputs that are behind in
    /// that. Then `bytes` stands still.
    pub looked_at: Option<u64>,
    /// Records that are behind.
    pub records: u64,
    /// Bytes of pictures and videos that are behind.
    pub media_bytes: u64,
}
