//! A conversation on its way in: media by their paths, not yet by addresses.

use crate::error::{Error, Result};
use crate::import::huggingface::Held;
use crate::import::media::picture::UNKNOWN;
use crate::import::media::wanted::Wanted;
use crate::import::report::Kind;
use crate::schema::boxes::Scale;
use crate::schema::rows::{AlternativeRow, BoxCoords, GroundingRow, KeyframeRow, TurnRow, VideoRow};
use crate::schema::text_digest::TextDigest;
use std::collections::HashMap;

/// A conversation whose media have no addresses yet.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Draft {
    pub(super) id: Option<String>,
    pub(super) task: Option<String>,
    pub(super) specialty: Option<String>,
    pub(super) procedure: Option<String>,
    pub(super) language: Option<String>,
    pub(super) institution: Option<String>,
    pub(super) patient: Option<String>,
    pub(super) origin: Option<String>,
    pub(super) generator: Option<String>,
    pub(super) split: Option<String>,
    /// Fields that are there and are no text: no default takes their place.
    pub(super) unread: Vec<&'static str>,
    pub(super) turns: Vec<TurnRow>,
    /// What it shows: its own media, then those of its other endings, which the rows of `alternatives` have not yet.
    pub(super) media: Vec<DraftMedium>,
    pub(super) grounding: Vec<GroundingRow>,
    /// Where the record itself lists its boxes: the scale of their numbers, which stand in `grounding` as they are.
    pub(super) listed_boxes: Option<Scale>,
    pub(super) reasoning: Vec<DraftNode>,
    pub(super) alternatives: Vec<AlternativeRow>,
    pub(super) preferred: Option<bool>,
    pub(super) solution: Option<String>,
    pub(super) tools: Option<String>,
    pub(super) extra: Option<String>,
    /// What the record says of its case beyond the patient's name.
    pub(super) case: Option<CaseFields>,
    /// What the record says of its pictures and videos, by their paths.
    pub(super) files: HashMap<String, FileFields>,
    /// What it says of videos that its pictures were taken from, by their ids.
    pub(super) videos: HashMap<String, VideoFields>,
    /// Which of the source's own sources it comes from.
    pub(super) source_dataset: Option<String>,
    /// Whether it asks nothing, and is about the one medium that it names: what it says stands in that file's fields.
    pub(super) is_about_file: bool,
    /// Whether this crate's exporter wrote it, and so says which boxes its texts have.
    pub(super) is_ours: bool,
    /// What its turns and pair say as they are written, where that is asked for.
    pub(super) said: Option<TextDigest>,
    /// What is worth telling about this record.
    pub(super) findings: Vec<(Kind, String)>,
}

impl Draft {
    /// Notes what a turn says, where that is asked for.
    pub(super) fn say(&mut self, say: impl FnOnce(&mut TextDigest)) {
        if let Some(said) = &mut self.said {
            say(said);
        }
    }

    /// The id of a patient's case.
    pub(super) fn case_id<'a>(&'a self, patient: &'a str) -> &'a str {
        self.case_of(patient).map_or(patient, |case| &case.id)
    }

    /// What the record says of the case, if the patient is the record's own.
    pub(super) fn case_of(&self, patient: &str) -> Option<&CaseFields> {
        self.case.as_ref().filter(|_| self.patient.as_deref() == Some(patient))
    }

    /// Gives media that the record names no file of the ids that go with this id of the record.
    pub(super) fn name_absent(&mut self, id: &str) {
        for item in self.media.iter_mut().flat_map(|medium| &mut medium.items) {
            let MediaItem::Absent(name) = item else { continue };
            let named = format!("{id}/{name}");
            if let Some(said) = self.files.remove(name.as_str()) {
                self.files.insert(named.clone(), said);
            }
            *name = named;
        }
    }

    /// The item that the record writes so where it refers to it.
    pub(super) fn item_called(&self, name: &str) -> MediaItem {
        let mut items = self.media.iter().flat_map(|medium| &medium.items);
        match items.any(|item| matches!(item, MediaItem::Nameless(other) if other == name)) {
            true => MediaItem::Nameless(name.to_owned()),
            false => MediaItem::Path(name.to_owned()),
        }
    }

    /// Names pictures and videos whose bytes stand beside the record by their paths, which tell them apart.
    pub(super) fn name_held(&mut self) {
        for item in self.media.iter().flat_map(|medium| &medium.items) {
            let MediaItem::Held { path: Some(path), .. } = item else { continue };
            let id = Wanted::new(path).id;
            if id.is_empty() {
                continue;
            }
            let nothing = || FileFields { by_pattern: true, ..FileFields::default() };
            self.files.entry(path.clone()).or_insert_with(nothing).id.get_or_insert(id);
        }
    }

    /// Takes in the bytes that stand beside the record.
    ///
    /// # Errors
    /// `Input` where there are none for a mark: it was somebody's text.
    pub(super) fn settle_held(&mut self, held: &mut Held) -> Result<()> {
        let has_endings = self.media.iter().any(|medium| medium.ending.is_some());
        // One that several endings show stands there several times.
        let mut taken: HashMap<String, Vec<u8>> = HashMap::new();
        for item in self.media.iter_mut().flat_map(|medium| &mut medium.items) {
            let MediaItem::Held { mark, path } = item else { continue };
            let bytes = match held.take(mark) {
                Some(bytes) => bytes,
                None => {
                    taken.get(mark).cloned().ok_or_else(|| Error::input("bad base64: it starts with a zero byte"))?
                }
            };
            if has_endings {
                taken.insert(std::mem::take(mark), bytes.clone());
            }
            let media_type = UNKNOWN.to_owned();
            *item = MediaItem::Bytes { media_type, bytes, path: path.take() };
        }
        let endings = self.alternatives.iter_mut().flat_map(|ending| &mut ending.turns);
        let extras = self.turns.iter_mut().chain(endings).map(|turn| &mut turn.extra);
        extras.chain([&mut self.extra]).flatten().for_each(|extra| held.settle(extra));
        Ok(())
    }

    /// Notes something about this record for the report.
    pub(super) fn find(&mut self, kind: Kind, detail: impl Into<String>) {
        self.findings.push((kind, detail.into()));
    }
}

/// What a record says of its case.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct CaseFields {
    pub(super) id: String,
    pub(super) specialty: Option<String>,
    pub(super) procedure: Option<String>,
    pub(super) device: Option<String>,
    pub(super) consent: Option<String>,
    pub(super) extra: Option<String>,
}

/// What a record says of a picture or a video.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct FileFields {
    pub(super) id: Option<String>,
    pub(super) path: Option<String>,
    pub(super) no_path: bool,
    pub(super) no_case: bool,
    pub(super) kind: Option<String>,
    pub(super) origin: Option<String>,
    pub(super) generator: Option<String>,
    /// The id of the video that it was taken from, and the path of that video's file.
    pub(super) video: Option<String>,
    pub(super) video_file: Option<String>,
    /// The path of the picture that it belongs to.
    pub(super) parent: Option<String>,
    pub(super) index: Option<i64>,
    pub(super) time: Option<f64>,
    /// Width and height that are declared: what a picture without bytes has.
    pub(super) size: Option<(i32, i32)>,
    pub(super) extra: Option<String>,
    /// Frames a second of a video of which the id alone is known.
    pub(super) fps: Option<f64>,
    /// What is said of a video itself, where its file may not say it.
    pub(super) recording: VideoFields,
    /// Whether the source's pattern says of its path which video and number it has.
    pub(super) by_pattern: bool,
}

/// What a record says of a video.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct VideoFields {
    pub(super) path: Option<String>,
    pub(super) no_case: bool,
    pub(super) fps: Option<f64>,
    pub(super) duration: Option<f64>,
    pub(super) frame_count: Option<i64>,
    pub(super) width: Option<i32>,
    pub(super) height: Option<i32>,
    pub(super) keyframes: Option<Vec<KeyframeRow>>,
    pub(super) extra: Option<String>,
}

impl VideoFields {
    /// Puts into a row what is said of its file.
    pub(super) fn fill(&self, row: &mut VideoRow) {
        row.fps = self.fps.or(row.fps);
        row.duration = self.duration.or(row.duration);
        row.frame_count = self.frame_count.or(row.frame_count);
        row.width = self.width.or(row.width);
        row.height = self.height.or(row.height);
        row.keyframes = self.keyframes.clone().or(row.keyframes.take());
    }
}

impl FileFields {
    /// The same with a declared size, where it is one in whole pixels.
    pub(super) fn sized(mut self, size: Option<(f64, f64)>) -> Self {
        let side =
            |side: f64| (side.fract() == 0.0 && (1.0..=f64::from(i32::MAX)).contains(&side)).then_some(side as i32);
        self.size = size.and_then(|(width, height)| side(width).zip(side(height)));
        self
    }
}

/// What a medium is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum MediaKind {
    /// A picture: a row of `frames`.
    Picture,
    /// A video file: a row of `videos`.
    Video,
}

/// A medium: one picture, one video, or pictures that stand for a clip.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct DraftMedium {
    /// Which of the other endings it belongs to; none for the conversation's own.
    pub(super) ending: Option<usize>,
    pub(super) turn: usize,
    pub(super) at: Option<usize>,
    pub(super) output: bool,
    pub(super) kind: MediaKind,
    /// Whether the items are pictures: always so for a picture, and for a clip that is given as its frames.
    pub(super) of_frames: bool,
    pub(super) items: Vec<MediaItem>,
    pub(super) start: Option<f64>,
    pub(super) end: Option<f64>,
    pub(super) fps: Option<f64>,
}

impl DraftMedium {
    /// A medium that is placed nowhere yet.
    pub(super) fn new(kind: MediaKind, items: Vec<MediaItem>) -> Self {
        let of_frames = kind == MediaKind::Picture;
        let (ending, turn, at, output) = (None, 0, None, false);
        Self { ending, turn, at, output, kind, of_frames, items, start: None, end: None, fps: None }
    }
}

/// Where a medium's bytes are.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum MediaItem {
    /// A path as the record wrote it.
    Path(String),
    /// Nothing: only that there is a picture, which has this id.
    Unnamed(String),
    /// Nothing: the record says that there is one, and names no file. Its id is the record's and this, which
    /// [`Draft::name_absent`] puts together.
    Absent(String),
    /// Nothing: this crate's exporter says that there is one of which no file was ever named, and calls it this.
    Nameless(String),
    /// Bytes that stood in the record, and what they were called there.
    Bytes { media_type: String, bytes: Vec<u8>, path: Option<String> },
    /// Bytes that stand beside the record, by the mark in their place; [`Draft::settle_held`] takes them in.
    Held { mark: String, path: Option<String> },
}

/// A node of a reasoning forest; nodes are in pre-order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct DraftNode {
    pub(super) turn: usize,
    pub(super) depth: usize,
    pub(super) level: Option<i8>,
    pub(super) kind: Option<String>,
    pub(super) origin: Option<String>,
    pub(super) text: String,
    pub(super) evidence: Vec<DraftEvidence>,
}

/// What a node points at.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct DraftEvidence {
    pub(super) path: String,
    pub(super) start: Option<f64>,
    pub(super) end: Option<f64>,
    pub(super) bbox: Option<BoxCoords>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_beside_a_record_are_named_by_their_paths_whatever_is_said_of_them() {
        let held = |path: &str| MediaItem::Held { mark: String::new(), path: Some(path.to_owned()) };
        let items = ["./a/1.jpg", "a/2.jpg", "a/3.jpg"].map(held).to_vec();
        let mut draft = Draft { media: vec![DraftMedium::new(MediaKind::Picture, items)], ..Draft::default() };
        draft.files.insert("a/2.jpg".into(), FileFields { index: Some(7), ..FileFields::default() });
        draft.files.insert("a/3.jpg".into(), FileFields { id: Some("own".into()), ..FileFields::default() });
        draft.name_held();
        let id = |path: &str| draft.files.get(path).and_then(|said| said.id.as_deref());
        assert_eq!((id("./a/1.jpg"), id("a/2.jpg"), id("a/3.jpg")), (Some("a/1.jpg"), Some("a/2.jpg"), Some("own")));
        assert_eq!(draft.files.get("a/2.jpg").and_then(|said| said.index), Some(7));
    }
}
