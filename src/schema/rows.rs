//! Rows as plain owned values: what a writer is given, and what a view turns into when it must be kept.

use crate::format::address::Address;

/// A box: x0, y0, x1, y1, normalised 0–1 from the top left.
pub type BoxCoords = [f32; 4];

/// An operation or examination of a patient.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CaseRow {
    /// Unique within its source.
    pub id: String,
    /// Where it comes from.
    pub source: String,
    /// The canonical key of the patient: the same for `VID68` and `video68`.
    pub patient: Option<String>,
    /// Where it was recorded.
    pub institution: Option<String>,
    /// The surgical specialty.
    pub specialty: Option<String>,
    /// The kind of operation or examination.
    pub procedure: Option<String>,
    /// The recording device.
    pub device: Option<String>,
    /// What the patient agreed to.
    pub consent: Option<String>,
    /// What the source said beyond these columns: a JSON object.
    pub extra: Option<String>,
    /// See [`crate::schema::record`].
    pub record: Option<[u8; 8]>,
}

/// A recording.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VideoRow {
    /// Unique within its source.
    pub id: String,
    /// Where it comes from.
    pub source: String,
    /// Whose operation it shows.
    pub case: Option<Address>,
    /// The path as the source wrote it.
    pub path: Option<String>,
    /// Its bytes; null where the file is missing.
    pub blob: Option<Address>,
    /// Frames a second.
    pub fps: Option<f64>,
    /// Seconds.
    pub duration: Option<f64>,
    /// How many frames it has.
    pub frame_count: Option<i64>,
    /// Pixels.
    pub width: Option<i32>,
    /// Pixels.
    pub height: Option<i32>,
    /// Where decoding can start, so that a clip's bytes are a range.
    pub keyframes: Option<Vec<KeyframeRow>>,
    /// What the source said beyond these columns: a JSON object.
    pub extra: Option<String>,
    /// See [`crate::schema::record`].
    pub record: Option<[u8; 8]>,
}

/// A place in a video's bytes where decoding can start.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct KeyframeRow {
    /// Seconds from the start of the video.
    pub time: f64,
    /// Bytes from the start of the file.
    pub offset: i64,
}

/// One picture at one place.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FrameRow {
    /// Unique within its source.
    pub id: String,
    /// Where it comes from.
    pub source: String,
    /// Whose operation it shows.
    pub case: Option<Address>,
    /// The video that it was taken from.
    pub video: Option<Address>,
    /// The frame's number as its source counts.
    pub index: Option<i64>,
    /// Seconds from the start of the video.
    pub time: Option<f64>,
    /// `rgb`, `mask`, `depth`, `desmoked` or another.
    pub kind: String,
    /// What a mask or a depth map belongs to.
    pub parent: Option<Address>,
    /// The path as the source wrote it.
    pub path: Option<String>,
    /// Its bytes; null where the file is missing.
    pub blob: Option<Address>,
    /// Pixels.
    pub width: Option<i32>,
    /// Pixels.
    pub height: Option<i32>,
    /// `human`, `model`, `synthetic` or `derived`.
    pub origin: Option<String>,
    /// The model's or method's name.
    pub generator: Option<String>,
    /// What the source said beyond these columns: a JSON object.
    pub extra: Option<String>,
    /// See [`crate::schema::record`].
    pub record: Option<[u8; 8]>,
}

/// Encoded bytes: a content that is stored once, whoever shows it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BlobRow<'a> {
    /// BLAKE3 of the bytes.
    pub digest: [u8; 32],
    /// CRC-32 of the bytes.
    pub crc32: u32,
    /// `image/jpeg`, `image/png`, `video/mp4`, …
    pub media_type: String,
    /// How many bytes there are.
    pub size: i64,
    /// Where they are, when they stay outside.
    pub uri: Option<String>,
    /// The bytes, when they are stored.
    pub bytes: Option<&'a [u8]>,
}

/// One annotator's statement.
#[derive(Clone, Debug, PartialEq)]
pub struct AnnotationRow {
    /// Unique within its source.
    pub id: String,
    /// Where it comes from.
    pub source: String,
    /// Who made the statement.
    pub annotator: Option<String>,
    /// `single`, `consensus` or `adjudicated`.
    pub status: Option<String>,
    /// `human`, `model`, `synthetic` or `derived`.
    pub origin: Option<String>,
    /// The model's or method's name.
    pub generator: Option<String>,
    /// The frame or video that it is about.
    pub target: Address,
    /// Seconds from the start of the video.
    pub start: Option<f64>,
    /// Seconds from the start of the video.
    pub end: Option<f64>,
    /// The annotation that it is part of: a step's phase, a segment's step.
    pub parent: Option<Address>,
    /// A caption, a finding.
    pub text: Option<String>,
    /// What it says, axis by axis.
    pub labels: Vec<LabelRow>,
    /// Where it is.
    pub regions: Vec<RegionRow>,
    /// What the source said beyond these columns: a JSON object.
    pub extra: Option<String>,
    /// See [`crate::schema::record`].
    pub record: Option<[u8; 8]>,
}

/// A label on one axis.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LabelRow {
    /// `phase`, `step`, `instrument`, `verb`, `target`, `triplet`, `safety/<protocol>/<criterion>`, …
    pub axis: String,
    /// The canonical name, where one is known.
    pub label: Option<String>,
    /// What the source wrote.
    pub raw: String,
    /// A number that goes with it: a score, a grade.
    pub value: Option<f64>,
}

/// A place in a picture.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RegionRow {
    /// `instrument`, `target`, …
    pub role: Option<String>,
    /// A box.
    pub bbox: Option<BoxCoords>,
    /// The frame that is its mask.
    pub mask: Option<Address>,
    /// Outlines: x, y, x, y, …, normalised 0–1.
    pub polygons: Option<Vec<Vec<f32>>>,
    /// How sure the annotator was, 0–1.
    pub score: Option<f32>,
    /// Which tracks it is part of.
    pub tracks: Vec<TrackRow>,
}

/// Membership in a track.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TrackRow {
    /// Within what the number identifies: `video`, `intracorporeal`, `visibility`, …
    pub scope: String,
    /// The track's number.
    pub id: i64,
}

/// A training sample.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConversationRow {
    /// Unique within its source.
    pub id: String,
    /// Where it comes from.
    pub source: String,
    /// One of the 18 tasks, or another.
    pub task: String,
    /// The surgical specialty.
    pub specialty: Option<String>,
    /// The kind of operation.
    pub procedure: Option<String>,
    /// A BCP 47 tag: `en`, `fr`, `zh-Hans`.
    pub language: Option<String>,
    /// `human`, `model`, `synthetic` or `derived`.
    pub origin: Option<String>,
    /// The model's or method's name.
    pub generator: Option<String>,
    /// Whose data this is.
    pub case: Option<Address>,
    /// What is said, in order.
    pub turns: Vec<TurnRow>,
    /// What is shown, in order.
    pub media: Vec<MediumRow>,
    /// Boxes, points and times that stand in the text.
    pub grounding: Vec<GroundingRow>,
    /// A forest in pre-order.
    pub reasoning: Vec<ReasoningRow>,
    /// Other endings of the conversation.
    pub alternatives: Vec<AlternativeRow>,
    /// The answer's own mark where there is no pair (KTO).
    pub preferred: Option<bool>,
    /// What a verifiable reward checks against (GRPO).
    pub solution: Option<String>,
    /// The annotation rows that this was made from.
    pub annotations: Vec<Address>,
    /// The tools that may be called: JSON.
    pub tools: Option<String>,
    /// What the source said beyond these columns: a JSON object.
    pub extra: Option<String>,
    /// See [`crate::schema::record`].
    pub record: Option<[u8; 8]>,
}

impl ConversationRow {
    /// All that it shows: its own media, then those of its other endings.
    pub fn all_media(&self) -> impl Iterator<Item = &MediumRow> {
        self.media.iter().chain(self.alternatives.iter().flat_map(|ending| &ending.media))
    }
}

/// One turn of a conversation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TurnRow {
    /// `system`, `user`, `assistant` or `tool`.
    pub role: String,
    /// The whole text, byte for byte.
    pub text: String,
    /// Who speaks, where the source names them.
    pub name: Option<String>,
    /// Tool calls, loss flags, borders of content parts: a JSON object.
    pub extra: Option<String>,
}

/// A medium of a conversation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MediumRow {
    /// The turn that it belongs to, counted from 0.
    pub turn: i32,
    /// Where it stands in the turn's text, a byte offset: that of its placeholder (`<image>`, `<video>`), where one stands
    /// there; none where it has no place in the text, and stands before it.
    pub at: Option<i64>,
    /// Whether the model is to produce it.
    pub output: bool,
    /// One frame, one video, or the frames that stand for a clip.
    pub refs: Vec<Address>,
    /// Seconds from the start of the video.
    pub start: Option<f64>,
    /// Seconds from the start of the video.
    pub end: Option<f64>,
    /// Frames a second at which a clip was sampled.
    pub fps: Option<f64>,
}

/// A box, a point or a time that stands in a turn's text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GroundingRow {
    /// The turn whose text it stands in.
    pub turn: i32,
    /// Where it starts in the text, in bytes.
    pub byte_start: i64,
    /// One past where it ends.
    pub byte_end: i64,
    /// `box`, `point`, `polygon`, `time`, `interval`.
    pub kind: String,
    /// The medium (an index into `media`) that it is about.
    pub media: i32,
    /// Normalised values: x0, y0, x1, y1 for a box; x, y for a point; seconds for times.
    pub values: Vec<f32>,
}

/// A node of the reasoning forest.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReasoningRow {
    /// The turn whose reasoning it is part of.
    pub turn: i32,
    /// The parent's index in the list; none for a root.
    pub parent: Option<i32>,
    /// One past the last node of its subtree.
    pub subtree_end: i32,
    /// 1 perceptual grounding, 2 relational understanding, 3 contextual reasoning.
    pub level: Option<i8>,
    /// What kind of step it is.
    pub kind: Option<String>,
    /// `human`, `model`, `synthetic` or `derived`.
    pub origin: Option<String>,
    /// The node's part of the turn.
    pub text: String,
    /// What it points at.
    pub evidence: Vec<EvidenceRow>,
}

/// What a reasoning node points at.
#[derive(Clone, Debug, PartialEq)]
pub struct EvidenceRow {
    /// A frame, a video or an annotation.
    pub address: Address,
    /// Seconds from the start of the video.
    pub start: Option<f64>,
    /// Seconds from the start of the video.
    pub end: Option<f64>,
    /// A box in the frame.
    pub bbox: Option<BoxCoords>,
}

/// Another ending of a conversation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlternativeRow {
    /// `chosen`, `rejected` or `sample`.
    pub kind: String,
    /// The turns of this ending.
    pub turns: Vec<TurnRow>,
    /// What they show, in order; `turn` counts the turns of this ending.
    pub media: Vec<MediumRow>,
    /// Boxes, points and times that stand in their texts; `turn` counts the turns of this ending, and `media` its
    /// media, then the conversation's.
    pub grounding: Vec<GroundingRow>,
    /// Its score or reward.
    pub score: Option<f64>,
    /// The model's or method's name.
    pub generator: Option<String>,
}
