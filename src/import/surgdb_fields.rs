//! The `surgdb` object of a record: what this crate's exporter says where a form has no field for it.
//!
//! What stands there takes the place of what the record's other fields say. Its fields are described where they are
//! written, in [`export`](../export/index.html).

use crate::error::{Error, Result};
use crate::import::draft::{CaseFields, Draft, DraftEvidence, DraftNode, FileFields, VideoFields};
use crate::import::forms::Absent;
use crate::import::raw::{ObjectText, RawRecord, Text, as_text, fields_of};
use crate::import::report::Kind;
use crate::schema::rows::{AlternativeRow, GroundingRow, KeyframeRow, TurnRow};
use serde::de::{Deserialize, Deserializer, Error as _};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::str::FromStr;

/// The key of the object.
const KEY: &str = "surgdb";

/// What the object says.
#[derive(Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SurgdbFields {
    case: Option<Case>,
    media: Option<Vec<Place>>,
    texts: BTreeMap<usize, String>,
    turn_extras: BTreeMap<usize, Json>,
    extra: Option<Json>,
    empty: Vec<String>,
    alternatives: Option<Vec<Ending>>,
    grounding: Vec<Grounded>,
    reasoning: Option<Vec<Node>>,
    files: BTreeMap<String, File>,
    videos: BTreeMap<String, Recording>,
    absent: Absent,
    text_digest: Option<u32>,
    row: bool,
}

/// JSON: as it stands there, or the text of a string that holds it.
struct Json(String);

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = <&RawValue>::deserialize(deserializer)?.get();
        let text = serde_json::from_str::<Text<'_>>(written).map(|text| text.0.into_owned());
        Ok(Self(text.unwrap_or_else(|_| written.to_owned())))
    }
}

/// A number, read so exactly as it was written.
#[derive(Clone, Copy)]
struct Number<T>(T);

impl<'de, T: FromStr> Deserialize<'de> for Number<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <&RawValue>::deserialize(deserializer)?.get();
        text.parse().map(Self).map_err(|_| D::Error::custom(format!("{text} is no number")))
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    id: String,
    specialty: Option<String>,
    procedure: Option<String>,
    device: Option<String>,
    consent: Option<String>,
    extra: Option<Json>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    from: Option<usize>,
    ending: Option<usize>,
    turn: usize,
    at: Option<usize>,
    #[serde(default)]
    output: bool,
    start: Option<Number<f64>>,
    end: Option<Number<f64>>,
    fps: Option<Number<f64>>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Ending {
    kind: String,
    turns: Vec<Turn>,
    #[serde(default)]
    grounding: Vec<Grounded>,
    score: Option<Number<f64>>,
    generator: Option<String>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Turn {
    role: String,
    text: String,
    name: Option<String>,
    extra: Option<Json>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Grounded {
    turn: i32,
    start: i64,
    end: i64,
    kind: String,
    media: i32,
    values: Vec<Number<f32>>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Node {
    turn: usize,
    parent: Option<usize>,
    level: Option<i8>,
    kind: Option<String>,
    origin: Option<String>,
    at: Option<(usize, usize)>,
    text: Option<String>,
    #[serde(default)]
    evidence: Vec<Evidence>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Evidence {
    path: String,
    start: Option<Number<f64>>,
    end: Option<Number<f64>>,
    #[serde(rename = "box")]
    bbox: Option<[Number<f32>; 4]>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    id: Option<String>,
    path: Option<String>,
    #[serde(default)]
    no_path: bool,
    #[serde(default)]
    no_case: bool,
    kind: Option<String>,
    origin: Option<String>,
    generator: Option<String>,
    video: Option<String>,
    video_file: Option<String>,
    parent: Option<String>,
    index: Option<i64>,
    time: Option<Number<f64>>,
    fps: Option<Number<f64>>,
    duration: Option<Number<f64>>,
    frame_count: Option<i64>,
    width: Option<i32>,
    height: Option<i32>,
    keyframes: Option<Vec<(Number<f64>, i64)>>,
    extra: Option<Json>,
}

/// A video that pictures were taken from, and that the record does not show.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Recording {
    path: Option<String>,
    #[serde(default)]
    no_case: bool,
    fps: Option<Number<f64>>,
    duration: Option<Number<f64>>,
    frame_count: Option<i64>,
    width: Option<i32>,
    height: Option<i32>,
    keyframes: Option<Vec<(Number<f64>, i64)>>,
    extra: Option<Json>,
}

impl SurgdbFields {
    /// Takes the object out of a record.
    ///
    /// # Errors
    /// `Input` when it is not what this crate's exporter writes.
    pub(super) fn take(record: &mut RawRecord<'_>) -> Result<Option<Self>> {
        // Where it is a column of a table, it is the text of the object.
        let is_said = |value: &&RawValue| value.get().starts_with('{') || value.get().starts_with("\"{");
        let Some(value) = record.get(KEY).filter(is_said) else { return Ok(None) };
        record.take(KEY);
        let text = as_text(value).unwrap_or(Cow::Borrowed(value.get()));
        serde_json::from_str(&text).map(Some).map_err(wrong)
    }

    /// Whether the record is a row whose columns are those of this crate's exporter.
    pub(super) fn is_of_row(&self) -> bool {
        self.row
    }

    /// What the pictures and videos are that stand as nulls in the record's lists.
    pub(super) fn take_absent(&mut self) -> Absent {
        std::mem::take(&mut self.absent)
    }

    /// Whether it says where all media stand.
    pub(super) fn has_places(&self) -> bool {
        self.media.is_some()
    }

    /// Whether something that it says stands for texts, or is of places in them.
    fn goes_by_texts(&self) -> bool {
        let has_lists = !self.texts.is_empty() || !self.turn_extras.is_empty() || !self.grounding.is_empty();
        has_lists || self.media.is_some() || self.alternatives.is_some() || self.reasoning.is_some()
    }

    /// Whether it says what the other endings are.
    pub(super) fn has_endings(&self) -> bool {
        self.alternatives.is_some()
    }

    /// Puts what it says into the draft.
    ///
    /// # Errors
    /// `Input` when it does not fit the rest of the record.
    pub(super) fn apply(self, draft: &mut Draft) -> Result<()> {
        match (self.text_digest, draft.said) {
            (Some(digest), Some(said)) if digest != said.get() => {
                return Err(wrong(
                    "the record's texts, or where it shows what, were changed since they were exported, and what the field says \
                     goes by those of before",
                ));
            }
            (None, _) if self.goes_by_texts() => {
                return Err(wrong("it goes by texts, and has no `text_digest` to say by which"));
            }
            _ => {}
        }
        for name in &self.empty {
            set_empty(draft, name)?;
        }
        for (number, text) in self.texts {
            let turn = turn_of(draft, number)?;
            turn.text = text;
            turn.extra = turn.extra.as_deref().and_then(without_parts);
        }
        for (number, extra) in self.turn_extras {
            turn_of(draft, number)?.extra = Some(extra.0);
        }
        if let Some(extra) = self.extra {
            draft.extra = Some(extra.0);
        }
        if let Some(alternatives) = self.alternatives {
            draft.alternatives = alternatives.into_iter().map(Ending::into_row).collect();
        }
        if let Some(places) = self.media {
            place(draft, places)?;
        }
        if let Some(nodes) = self.reasoning {
            draft.findings.retain(|(kind, _)| *kind != Kind::ReasoningUnparsed);
            draft.reasoning = forest(nodes, draft)?;
        }
        draft.grounding = self.grounding.into_iter().map(Grounded::into_row).collect();
        draft.files = self.files.into_iter().map(|(path, file)| (path, file.into_fields())).collect();
        draft.videos = self.videos.into_iter().map(|(id, video)| (id, video.into_fields())).collect();
        draft.case = self.case.map(Case::into_fields);
        Ok(())
    }
}

fn wrong(what: impl std::fmt::Display) -> Error {
    Error::input(format!(
        "the field `{KEY}`, in which an export keeps what its form has no field for: {what}. Take it out of the record, or give \
         it another name where it is the record's own, and the record is read as it stands"
    ))
}

fn set_empty(draft: &mut Draft, name: &str) -> Result<()> {
    let field = match name {
        "specialty" => &mut draft.specialty,
        "procedure" => &mut draft.procedure,
        "language" => &mut draft.language,
        "generator" => &mut draft.generator,
        "institution" => &mut draft.institution,
        "solution" => &mut draft.solution,
        _ => return Err(wrong(format!("{name:?} cannot be empty"))),
    };
    *field = Some(String::new());
    Ok(())
}

fn turn_of(draft: &mut Draft, number: usize) -> Result<&mut TurnRow> {
    let count = draft.turns.len();
    draft.turns.get_mut(number).ok_or_else(|| wrong(format!("there is no turn {number} among {count}")))
}

/// A turn's further fields without the borders of its content parts.
fn without_parts(extra: &str) -> Option<String> {
    let mut fields = fields_of(extra)?;
    fields.retain(|(key, _)| key != "~parts");
    let mut text = ObjectText::default();
    text.fields(&fields);
    text.finish()
}

fn place(draft: &mut Draft, places: Vec<Place>) -> Result<()> {
    let count = draft.media.len();
    if places.len() != count {
        return Err(wrong(format!("it places {} media, and there are {count}", places.len())));
    }
    let mut found: Vec<_> = std::mem::take(&mut draft.media).into_iter().map(Some).collect();
    for (number, place) in places.into_iter().enumerate() {
        let from = place.from.unwrap_or(number);
        let medium = found.get_mut(from).and_then(Option::take);
        let mut medium = medium.ok_or_else(|| wrong(format!("medium {from} is not there, or is placed twice")))?;
        medium.ending = place.ending;
        medium.turn = place.turn;
        medium.at = place.at;
        medium.output = place.output;
        medium.start = place.start.map(|number| number.0);
        medium.end = place.end.map(|number| number.0);
        medium.fps = place.fps.map(|number| number.0);
        draft.media.push(medium);
    }
    let settled = [Kind::MediaWithoutPlaceholder, Kind::PlaceholderWithoutMedia];
    draft.findings.retain(|(kind, _)| !settled.contains(kind));
    Ok(())
}

/// The nodes with their depths: each must come behind its parent's other subtrees.
fn forest(nodes: Vec<Node>, draft: &Draft) -> Result<Vec<DraftNode>> {
    let mut open: Vec<usize> = Vec::new();
    let mut forest = Vec::with_capacity(nodes.len());
    for (number, node) in nodes.into_iter().enumerate() {
        while open.last().is_some_and(|last| Some(*last) != node.parent) {
            open.pop();
        }
        if node.parent.is_some() && open.is_empty() {
            return Err(wrong(format!("node {number} of the reasoning does not stand below its parent")));
        }
        let depth = open.len();
        open.push(number);
        forest.push(node.into_draft(depth, draft)?);
    }
    Ok(forest)
}

impl Node {
    fn into_draft(self, depth: usize, draft: &Draft) -> Result<DraftNode> {
        let text = match (self.at, self.text) {
            (Some((start, end)), None) => {
                let whole = draft.turns.get(self.turn).map_or("", |turn| &turn.text);
                let text = whole.get(start..end);
                text.ok_or_else(|| wrong(format!("bytes {start}..{end} are no part of turn {}", self.turn)))?.to_owned()
            }
            (None, text) => text.unwrap_or_default(),
            (Some(_), Some(_)) => return Err(wrong("a node has both `at` and `text`")),
        };
        let evidence = self.evidence.into_iter().map(|piece| DraftEvidence {
            path: piece.path,
            start: piece.start.map(|number| number.0),
            end: piece.end.map(|number| number.0),
            bbox: piece.bbox.map(|bbox| bbox.map(|number| number.0)),
        });
        Ok(DraftNode {
            turn: self.turn,
            depth,
            level: self.level,
            kind: self.kind,
            origin: self.origin,
            text,
            evidence: evidence.collect(),
        })
    }
}

impl Ending {
    fn into_row(self) -> AlternativeRow {
        let turns = self.turns.into_iter().map(|turn| TurnRow {
            role: turn.role,
            text: turn.text,
            name: turn.name,
            extra: turn.extra.map(|extra| extra.0),
        });
        AlternativeRow {
            kind: self.kind,
            turns: turns.collect(),
            score: self.score.map(|score| score.0),
            media: Vec::new(),
            grounding: self.grounding.into_iter().map(Grounded::into_row).collect(),
            generator: self.generator,
        }
    }
}

impl Grounded {
    fn into_row(self) -> GroundingRow {
        GroundingRow {
            turn: self.turn,
            byte_start: self.start,
            byte_end: self.end,
            kind: self.kind,
            media: self.media,
            values: self.values.into_iter().map(|value| value.0).collect(),
        }
    }
}

impl Case {
    fn into_fields(self) -> CaseFields {
        CaseFields {
            id: self.id,
            specialty: self.specialty,
            procedure: self.procedure,
            device: self.device,
            consent: self.consent,
            extra: self.extra.map(|extra| extra.0),
        }
    }
}

impl File {
    fn into_fields(self) -> FileFields {
        let recording = VideoFields {
            fps: self.fps.map(|number| number.0),
            duration: self.duration.map(|number| number.0),
            frame_count: self.frame_count,
            width: self.width,
            height: self.height,
            keyframes: self.keyframes.map(keyframes),
            ..VideoFields::default()
        };
        FileFields {
            id: self.id,
            path: self.path,
            no_path: self.no_path,
            no_case: self.no_case,
            kind: self.kind,
            origin: self.origin,
            generator: self.generator,
            video: self.video,
            video_file: self.video_file,
            parent: self.parent,
            index: self.index,
            time: self.time.map(|time| time.0),
            size: self.width.zip(self.height),
            fps: None,
            recording,
            by_pattern: false,
            extra: self.extra.map(|extra| extra.0),
        }
    }
}

fn keyframes(said: Vec<(Number<f64>, i64)>) -> Vec<KeyframeRow> {
    said.into_iter().map(|(time, offset)| KeyframeRow { time: time.0, offset }).collect()
}

impl Recording {
    fn into_fields(self) -> VideoFields {
        VideoFields {
            path: self.path,
            no_case: self.no_case,
            fps: self.fps.map(|number| number.0),
            duration: self.duration.map(|number| number.0),
            frame_count: self.frame_count,
            width: self.width,
            height: self.height,
            keyframes: self.keyframes.map(keyframes),
            extra: self.extra.map(|extra| extra.0),
        }
    }
}
