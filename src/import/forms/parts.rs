//! Content parts: their texts joined, their borders kept, their media taken out, each with its place between the texts.

use super::media::{self, Inputs, Seen};
use crate::error::Result;
use crate::import::draft::{Draft, DraftMedium, MediaItem, MediaKind};
use crate::import::raw::{Field, ObjectText, RawPart, Text, as_text, number_of};
use crate::import::report::Kind;
use crate::schema::placeholder;
use crate::schema::text_digest::TextDigest;
use serde_json::value::RawValue;

/// The keys under which a part may name its picture or video.
pub(super) const PICTURE_KEYS: [&str; 3] = ["image", "image_url", "image_path"];
const VIDEO_KEYS: [&str; 3] = ["video", "video_url", "video_path"];

/// Where the media of a turn's parts go.
pub(super) struct Place<'p, 'i> {
    /// The turn's number.
    pub(super) turn: usize,
    /// Whether the assistant speaks: then its media are output.
    pub(super) by_assistant: bool,
    /// The record's own media, for parts that name none.
    pub(super) inputs: &'p mut Inputs<'i>,
}

/// The joined text of the parts, and their borders as a JSON list.
pub(super) fn read(list: Vec<RawPart<'_>>, draft: &mut Draft, mut place: Place<'_, '_>) -> Result<(String, String)> {
    let mut text = String::new();
    let mut borders = String::from("[");
    let first = draft.media.len();
    for part in list {
        let entry = match part {
            RawPart::Text(part) => {
                draft.say(|said| said.text(&part));
                text.push_str(&part);
                format!("{{\"text\":{},\"part\":null}}", part.len())
            }
            RawPart::Object(fields) => match text_of(&fields) {
                Some(part) => {
                    draft.say(|said| said.text(&part));
                    text.push_str(&part);
                    text_border(&fields, part.len())
                }
                None => {
                    draft.say(TextDigest::medium);
                    medium_border(&fields, draft, &mut place, (first, text.len()))?
                }
            },
        };
        if borders.len() > 1 {
            borders.push(',');
        }
        borders.push_str(&entry);
    }
    borders.push(']');
    // What a text starts with there would be taken for the medium's placeholder: it goes before the text.
    for medium in draft.media.iter_mut().skip(first) {
        medium.at = medium.at.filter(|at| placeholder::at(&text, *at as i64).is_none());
    }
    Ok((text, borders))
}

/// How many of the parts are of this kind, and leave their file to the record.
pub(super) fn without_file(list: &[RawPart<'_>], kind: MediaKind) -> usize {
    let is_one = |part: &&RawPart<'_>| match part {
        RawPart::Text(_) => false,
        RawPart::Object(fields) => text_of(fields).is_none() && named(fields) == Some((kind, None)),
    };
    list.iter().filter(is_one).count()
}

/// The text of a text part.
fn text_of<'a>(fields: &[Field<'a>]) -> Option<std::borrow::Cow<'a, str>> {
    let kind = type_of(fields);
    if !matches!(kind.as_deref(), None | Some("text" | "input_text" | "output_text")) {
        return None;
    }
    serde_json::from_str::<Text<'a>>(get(fields, "text")?.get()).ok().map(|text| text.0)
}

fn text_border(fields: &[Field<'_>], length: usize) -> String {
    let is_plain = fields.len() == 2 && type_of(fields).as_deref() == Some("text");
    if is_plain {
        return length.to_string();
    }
    let mut part = ObjectText::default();
    for (key, value) in fields.iter().filter(|(key, _)| key != "text") {
        part.raw(key, value.get());
    }
    format!("{{\"text\":{length},\"part\":{}}}", part.finish().unwrap_or_else(|| "{}".into()))
}

/// Takes a part's picture or video out, which stands behind `at` bytes of text, and is counted from the `first` medium of
/// the turn; any other part stays whole.
fn medium_border(
    fields: &[Field<'_>],
    draft: &mut Draft,
    place: &mut Place<'_, '_>,
    (first, at): (usize, usize),
) -> Result<String> {
    let Some((kind, key)) = named(fields) else {
        if type_of(fields).is_some_and(|kind| kind.contains("audio")) {
            draft.find(Kind::OtherMedia, "audio is kept in the part");
        }
        if type_of(fields).is_some_and(|kind| kind.ends_with("text")) {
            draft.find(Kind::Doubtful, "a content part of text has no `text`");
        }
        return Ok(whole(fields));
    };
    let mut medium = match key.and_then(|key| get(fields, key)) {
        Some(value) => media::medium(value, kind, &mut Seen::default())?,
        None => match place.inputs.next(kind) {
            Some(medium) => medium,
            None => {
                draft.find(Kind::PlaceholderWithoutMedia, "a content part without a file");
                return Ok(whole(fields));
            }
        },
    };
    if medium.items.is_empty() {
        draft.find(Kind::EmptyPath, "a content part names an empty file");
        return Ok(whole(fields));
    }
    medium.turn = place.turn;
    medium.at = (at > 0).then_some(at);
    medium.output = place.by_assistant;
    let mut number = |names: &[&str]| {
        let (name, value) = names.iter().find_map(|name| Some((name, get(fields, name)?)))?;
        let found = number_of(value);
        if found.is_none() && value.get() != "null" {
            let written = media::shortened(value.get());
            draft.find(
                Kind::Doubtful,
                format!("the `{name}` of a content part is no number: {written}; none was taken"),
            );
        }
        found
    };
    medium.start = number(&["video_start", "start"]);
    medium.end = number(&["video_end", "end"]);
    medium.fps = number(&["fps"]);
    let part = without_bytes(fields, key, &medium);
    draft.media.push(medium);
    Ok(format!("{{\"medium\":{},\"part\":{part}}}", draft.media.len() - 1 - first))
}

/// The kind of medium that a part is and the key of its file; no key where the part leaves it to the record.
fn named(fields: &[Field<'_>]) -> Option<(MediaKind, Option<&'static str>)> {
    let key = |keys: [&'static str; 3]| {
        keys.into_iter().find(|key| get(fields, key).is_some_and(|value| value.get() != "null"))
    };
    match type_of(fields).as_deref() {
        Some("image" | "image_url" | "input_image" | "output_image") => {
            Some((MediaKind::Picture, key(PICTURE_KEYS).or_else(|| key(["path", "url", "file"]))))
        }
        Some("video" | "video_url" | "input_video" | "output_video") => {
            Some((MediaKind::Video, key(VIDEO_KEYS).or_else(|| key(["path", "url", "file"]))))
        }
        Some(_) => None,
        None => key(PICTURE_KEYS)
            .map(|key| (MediaKind::Picture, Some(key)))
            .or_else(|| key(VIDEO_KEYS).map(|key| (MediaKind::Video, Some(key)))),
    }
}

/// The part as written, with null where bytes stood.
fn without_bytes(fields: &[Field<'_>], key: Option<&str>, medium: &DraftMedium) -> String {
    let holds_bytes = medium.items.iter().any(|item| matches!(item, MediaItem::Bytes { .. } | MediaItem::Held { .. }));
    let mut part = ObjectText::default();
    for (name, value) in fields {
        if !holds_bytes || Some(&**name) != key {
            part.raw(name, value.get());
            continue;
        }
        let inner: Vec<(String, &RawValue)> =
            serde_json::from_str::<std::collections::BTreeMap<String, &RawValue>>(value.get())
                .map(|fields| fields.into_iter().collect())
                .unwrap_or_default();
        let mut kept = ObjectText::default();
        for (name, value) in &inner {
            let is_bytes = matches!(name.as_str(), "url" | "bytes" | "path");
            kept.raw(name, if is_bytes { "null" } else { value.get() });
        }
        part.raw(name, kept.finish().as_deref().unwrap_or("null"));
    }
    part.finish().unwrap_or_else(|| "{}".into())
}

fn whole(fields: &[Field<'_>]) -> String {
    let mut part = ObjectText::default();
    part.fields(fields);
    format!("{{\"part\":{}}}", part.finish().unwrap_or_else(|| "{}".into()))
}

fn get<'a>(fields: &[Field<'a>], name: &str) -> Option<&'a RawValue> {
    fields.iter().find(|(key, _)| key == name).map(|(_, value)| *value)
}

fn type_of<'a>(fields: &[Field<'a>]) -> Option<std::borrow::Cow<'a, str>> {
    as_text(get(fields, "type")?)
}
