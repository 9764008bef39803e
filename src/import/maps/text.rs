//! A map as its TOML writes it: which keys there are, and what they belong to.

use super::clock::Clock;
use super::masks::MasksText;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A map.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct MapText {
    pub(super) name: String,
    pub(super) about: Option<String>,
    #[serde(default)]
    pub(super) table: Vec<TableText>,
    #[serde(default)]
    pub(super) masks: Vec<MasksText>,
}

/// How the rows of some files stand.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct TableText {
    pub(super) files: Option<Vec<String>>,
    pub(super) form: Form,
    pub(super) delimiter: Option<String>,
    pub(super) decimal: Option<String>,
    pub(super) quotes: Option<bool>,
    pub(super) header: Option<bool>,
    pub(super) columns: Option<Vec<String>>,
    #[serde(default)]
    pub(super) clock: Clock,
    #[serde(default)]
    pub(super) surely: SurelyText,
    pub(super) rows: Vec<RowsText>,
}

/// What a file has besides what is needed, where it is certainly one of the table's.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct SurelyText {
    #[serde(default)]
    pub(super) files: Vec<String>,
    #[serde(default)]
    pub(super) fields: Vec<String>,
}

/// The form of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Form {
    Csv,
    Tsv,
    /// Values with blanks between them.
    Text,
    Json,
    /// JSON, an object a line.
    Jsonl,
}

impl Form {
    /// Which files have this form, where a map does not say it.
    pub(super) fn pattern(self) -> &'static str {
        match self {
            Self::Csv => "*.csv",
            Self::Tsv => "*.tsv",
            Self::Text => "*.txt",
            Self::Json => "*.json",
            Self::Jsonl => "*.jsonl",
        }
    }

    pub(super) fn is_json(self) -> bool {
        matches!(self, Self::Json | Self::Jsonl)
    }
}

/// What a row becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    Videos,
    Frames,
    /// Statements about a picture or a moment.
    Labels,
    /// Statements about a stretch of video.
    Intervals,
    /// Statements about a place in a picture.
    Boxes,
    Conversations,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Videos => "videos",
            Self::Frames => "frames",
            Self::Labels => "labels",
            Self::Intervals => "intervals",
            Self::Boxes => "boxes",
            Self::Conversations => "conversations",
        }
    }
}

/// What a moment is taken for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum About {
    /// A frame of its own.
    #[default]
    Frame,
    /// The stretch of the video that one frame lasts.
    Video,
}

/// A label that rows have.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct LabelText {
    pub(super) axis: String,
    pub(super) raw: Option<String>,
    pub(super) columns: Option<Vec<String>>,
    pub(super) value: Option<String>,
    #[serde(default)]
    pub(super) axes: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) known: Vec<String>,
    #[serde(default)]
    pub(super) none: Vec<String>,
}

/// Where a box's four numbers stand, and what they are.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct BoxText {
    pub(super) fields: Vec<String>,
    pub(super) form: Corners,
    pub(super) measure: Measure,
}

/// What the four numbers of a box are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Corners {
    /// Two corners.
    Xyxy,
    /// A corner and sides.
    Xywh,
    /// The centre and sides.
    Cxcywh,
}

/// How the numbers of a box are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(super) enum Measure {
    #[serde(rename = "pixels")]
    Pixels,
    #[serde(rename = "0-1")]
    Unit,
    #[serde(rename = "0-1000")]
    Thousand,
}

/// A column that is added.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ColumnText {
    pub(super) from: String,
    #[serde(rename = "type")]
    pub(super) ty: CellType,
}

/// What an added column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum CellType {
    Text,
    /// Text of few values.
    Dict,
    Int64,
    Float64,
    Bool,
}

macro_rules! rows {
    ($($key:literal $field:ident: $ty:ty, for $($kind:ident)+;)*) => {
        /// What rows become, and what of them is what.
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct RowsText {
            #[serde(rename = "become")]
            pub(super) kind: Kind,
            pub(super) at: Option<String>,
            $(#[serde(rename = $key)] pub(super) $field: Option<$ty>,)*
        }

        impl RowsText {
            /// A key that is there and means nothing for what the rows become.
            pub(super) fn misplaced(&self) -> Option<&'static str> {
                $(if self.$field.is_some() && ![$(Kind::$kind),+].contains(&self.kind) {
                    return Some($key);
                })*
                None
            }

            /// The keys that may be there.
            pub(super) fn keys(kind: Kind) -> Vec<&'static str> {
                let mut keys = vec!["become", "at"];
                $(if [$(Kind::$kind),+].contains(&kind) {
                    keys.push($key);
                })*
                keys
            }
        }
    };
}

rows! {
    "id" id: String, for Frames Labels Intervals Boxes Conversations;
    "video" video: String, for Videos Frames Labels Intervals Boxes Conversations;
    "patient" patient: String, for Videos Frames Labels Intervals Boxes Conversations;
    "institution" institution: String, for Videos Frames Labels Intervals Boxes Conversations;
    "specialty" specialty: String, for Videos Frames Labels Intervals Boxes Conversations;
    "procedure" procedure: String, for Videos Frames Labels Intervals Boxes Conversations;
    "fps" fps: String, for Videos Frames Labels Intervals Boxes Conversations;
    "path" path: String, for Frames Labels Boxes;
    "index" index: String, for Frames Labels Intervals Boxes Conversations;
    "time" time: String, for Frames Labels Intervals Boxes;
    "kind" frame_kind: String, for Frames;
    "duration" duration: String, for Videos;
    "frame-count" frame_count: String, for Videos;
    "width" width: String, for Videos Boxes;
    "height" height: String, for Videos Boxes;
    "columns" columns: BTreeMap<String, ColumnText>, for Videos Frames;
    "about" about: About, for Labels;
    "labels" labels: Vec<LabelText>, for Labels Intervals Boxes;
    "text" text: String, for Labels Intervals Boxes;
    "start" start: String, for Intervals Conversations;
    "end" end: String, for Intervals Conversations;
    "length" length: String, for Intervals;
    "runs" runs: bool, for Intervals;
    "step" step: f64, for Intervals;
    "apart" apart: bool, for Intervals;
    "box" bbox: BoxText, for Boxes;
    "role" role: String, for Boxes;
    "score" score: String, for Boxes;
    "track" track: String, for Boxes;
    "scope" scope: String, for Boxes;
    "annotator" annotator: String, for Labels Intervals Boxes;
    "status" status: String, for Labels Intervals Boxes;
    "origin" origin: String, for Frames Labels Intervals Boxes Conversations;
    "generator" generator: String, for Frames Labels Intervals Boxes Conversations;
    "system" system: String, for Conversations;
    "question" question: String, for Conversations;
    "answer" answer: String, for Conversations;
    "image" image: String, for Conversations;
    "images" images: String, for Conversations;
    "one-folder" one_folder: bool, for Conversations;
    "clip" clip: String, for Conversations;
    "task" task: String, for Conversations;
    "language" language: String, for Conversations;
    "split" split: String, for Labels Intervals Boxes Conversations;
}
