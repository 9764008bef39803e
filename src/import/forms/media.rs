//! The fields of a record that name pictures and videos.

use super::base64_text;
use crate::error::{Error, Result};
use crate::import::draft::{Draft, DraftMedium, MediaItem, MediaKind};
use crate::import::huggingface::MARK;
use crate::import::media::picture::UNKNOWN;
use crate::import::raw::{RawRecord, Text, as_text};
use crate::import::report::Kind;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};

/// A field that names media, and of which kind.
pub(super) type Field<'n> = (&'n str, MediaKind);

/// The fields that name what is shown.
pub(super) const INPUTS: [(&str, MediaKind); 4] = [
    ("image", MediaKind::Picture),
    ("images", MediaKind::Picture),
    ("video", MediaKind::Video),
    ("videos", MediaKind::Video),
];
/// The fields that name what the model is to produce.
pub(super) const OUTPUTS: [(&str, MediaKind); 4] = [
    ("output_image", MediaKind::Picture),
    ("output_images", MediaKind::Picture),
    ("output_video", MediaKind::Video),
    ("output_videos", MediaKind::Video),
];

/// Clips that are lists of frames, in rows as this crate's exporter writes them.
pub(super) const CLIPS: Field<'_> = ("clips", MediaKind::Video);
/// The same of clips that the model is to produce.
pub(super) const OUTPUT_CLIPS: Field<'_> = ("output_clips", MediaKind::Video);

/// The media that a record's fields name, in order.
#[derive(Debug, Default)]
pub(super) struct Inputs<'a> {
    media: VecDeque<DraftMedium>,
    raw: Vec<(String, &'a RawValue)>,
    findings: Vec<(Kind, String)>,
}

impl<'a> Inputs<'a> {
    /// Takes these fields out of the record. `absent` says what entries are that are null.
    pub(super) fn take(record: &mut RawRecord<'a>, fields: &[(&str, MediaKind)], absent: &mut Absent) -> Result<Self> {
        let mut inputs = Self::default();
        for &(name, kind) in fields {
            let Some(value) = record.get(name) else { continue };
            let mut seen = Seen { absent: absent.remove(name).unwrap_or_default(), ..Seen::default() };
            if value.get() == "null" && seen.absent.is_empty() {
                continue;
            }
            let media = media_of(value, kind, &mut seen)
                .map_err(|error| Error::input(format!("the field `{name}`: {}", error.message())))?;
            if seen.empty > 0 {
                let entries = if seen.empty == 1 { "entry that is" } else { "entries that are" };
                inputs.findings.push((Kind::EmptyPath, format!("`{name}` has {} {entries} empty", seen.empty)));
            }
            // Where it names nothing at all, it is no field of media: it stays in `extra`, as it was written.
            if media.iter().all(|medium| medium.items.is_empty()) {
                continue;
            }
            record.take(name);
            inputs.media.extend(media);
            if seen.has_more || seen.empty > 0 {
                inputs.raw.push((format!("~{name}"), value));
            }
        }
        Ok(inputs)
    }

    /// Takes the next medium of this kind: what a content part without a path stands for.
    pub(super) fn next(&mut self, kind: MediaKind) -> Option<DraftMedium> {
        let at = self.media.iter().position(|medium| medium.kind == kind)?;
        self.media.remove(at)
    }

    /// Puts fields that say more than paths back into the record, for `extra`, and what is worth telling into the draft.
    pub(super) fn keep_raw(&mut self, record: &mut RawRecord<'a>, draft: &mut Draft) {
        record.fields.extend(self.raw.drain(..).map(|(name, value)| (name.into(), value)));
        draft.findings.append(&mut self.findings);
    }

    /// The same media; what else the fields say stays with the first.
    pub(super) fn again(&self) -> Self {
        Self { media: self.media.clone(), ..Self::default() }
    }

    /// The media of this kind.
    pub(super) fn of_kind(&self, kind: MediaKind) -> Vec<&DraftMedium> {
        self.media.iter().filter(|medium| medium.kind == kind).collect()
    }

    /// How many media of this kind there are.
    pub(super) fn count(&self, kind: MediaKind) -> usize {
        self.media.iter().filter(|medium| medium.kind == kind).count()
    }

    /// The paths of its pictures.
    pub(super) fn paths(&self) -> Vec<String> {
        let pictures = self.media.iter().filter(|medium| medium.kind == MediaKind::Picture);
        let path = |item: &MediaItem| match item {
            MediaItem::Path(path) => Some(path.clone()),
            _ => None,
        };
        pictures.flat_map(|medium| &medium.items).filter_map(path).collect()
    }

    /// Whether an entry names nothing.
    pub(super) fn has_empty(&self) -> bool {
        self.media.iter().any(|medium| medium.items.is_empty())
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.media.is_empty()
    }

    /// Adds a medium that no field names.
    pub(super) fn add(&mut self, medium: DraftMedium) {
        self.media.push_back(medium);
    }

    /// What is left.
    pub(super) fn into_media(self) -> Vec<DraftMedium> {
        self.media.into()
    }
}

/// What entries are that stand as nulls, in their order by the field.
pub(in crate::import) type Absent = BTreeMap<String, VecDeque<Lacking>>;

/// What this crate's exporter says of an entry that is null.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(untagged)]
pub(in crate::import) enum Lacking {
    /// Its path: its bytes alone are not there.
    Path(String),
    /// No file of it was ever named.
    Unnamed {
        /// What the record calls it.
        unnamed: String,
    },
}

/// What entries of a field have beside paths.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// What those are that are null.
    absent: VecDeque<Lacking>,
    /// Whether one has further keys.
    has_more: bool,
    /// How many name nothing.
    empty: usize,
}

/// The media that a field names; nothing where it says more of one than its path, or names none.
pub(super) fn named_alone(value: &RawValue, kind: MediaKind) -> Option<Vec<DraftMedium>> {
    let mut seen = Seen::default();
    let media = media_of(value, kind, &mut seen).ok()?;
    (!seen.has_more && seen.empty == 0 && !media.is_empty()).then_some(media)
}

fn media_of(value: &RawValue, kind: MediaKind, seen: &mut Seen) -> Result<Vec<DraftMedium>> {
    if !value.get().starts_with('[') {
        return Ok(vec![medium(value, kind, seen)?]);
    }
    let list: Vec<&RawValue> = parse(value)?;
    list.into_iter().map(|entry| medium(entry, kind, seen)).collect()
}

/// One medium: a path, an object with a path or bytes, or (for a clip) the list of its frames. It has no items where
/// nothing is named.
pub(super) fn medium(value: &RawValue, kind: MediaKind, seen: &mut Seen) -> Result<DraftMedium> {
    if value.get().starts_with('[') {
        if kind == MediaKind::Picture {
            return Err(Error::input("a list stands where a picture should be"));
        }
        let list: Vec<&RawValue> = parse(value)?;
        seen.empty += usize::from(list.is_empty());
        let mut items = Vec::with_capacity(list.len());
        for entry in list {
            items.extend(item(entry, seen)?);
        }
        return Ok(DraftMedium { of_frames: true, ..DraftMedium::new(kind, items) });
    }
    let item = item(value, seen)?;
    Ok(DraftMedium::new(kind, item.into_iter().collect()))
}

/// The file that an entry names; nothing where it is empty, which is kept as it was written.
fn item(value: &RawValue, seen: &mut Seen) -> Result<Option<MediaItem>> {
    if value.get() == "null" {
        let known = seen.absent.pop_front();
        seen.empty += usize::from(known.is_none());
        return Ok(known.map(|known| match known {
            Lacking::Path(path) => MediaItem::Path(path),
            Lacking::Unnamed { unnamed } => MediaItem::Nameless(unnamed),
        }));
    }
    if value.get().starts_with('{') {
        let fields: BTreeMap<String, &RawValue> = parse(value)?;
        let bytes = fields.get("bytes").and_then(|bytes| as_text(bytes));
        let path = ["path", "url", "image", "video", "file"]
            .into_iter()
            .find_map(|name| fields.get(name).and_then(|value| as_text(value)));
        seen.has_more |=
            fields.len() > 1 && !(fields.len() == 2 && fields.contains_key("bytes") && fields.contains_key("path"));
        return match (bytes, path) {
            (Some(mark), path) if mark.starts_with(MARK) => {
                Ok(Some(MediaItem::Held { mark: mark.into_owned(), path: path.map(Cow::into_owned) }))
            }
            (Some(bytes), path) => base64_text::bytes_of(UNKNOWN, &bytes, path.map(Cow::into_owned)).map(Some),
            (None, Some(path)) => from_text(&path, seen),
            (None, None) if fields.contains_key("path") || fields.contains_key("bytes") => {
                seen.empty += 1;
                Ok(None)
            }
            (None, None) => Err(Error::input("an entry has neither a path nor bytes")),
        };
    }
    match serde_json::from_str::<Text<'_>>(value.get()) {
        Ok(Text(text)) => from_text(&text, seen),
        Err(_) => Err(Error::input(format!("expected a path, found {}", shortened(value.get())))),
    }
}

/// A path, or the bytes that a `data:` address holds, or that stand there as base64; nothing where the text is blank.
fn from_text(text: &str, seen: &mut Seen) -> Result<Option<MediaItem>> {
    let Some(data) = text.strip_prefix("data:") else {
        if let Some(bytes) = base64_text::picture_of(text)? {
            return Ok(Some(bytes));
        }
        let is_blank = text.trim().is_empty();
        seen.empty += usize::from(is_blank);
        return Ok((!is_blank).then(|| MediaItem::Path(text.to_owned())));
    };
    match data.split_once(',') {
        Some((head, bytes)) if head.ends_with(";base64") => {
            base64_text::bytes_of(head.split(';').next().unwrap_or_default(), bytes, None).map(Some)
        }
        _ => Err(Error::input("a data: address without base64 bytes")),
    }
}

fn parse<'a, T: serde::Deserialize<'a>>(value: &'a RawValue) -> Result<T> {
    serde_json::from_str(value.get()).map_err(|error| Error::input(error.to_string()))
}

/// The start of a text, for a message.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}
