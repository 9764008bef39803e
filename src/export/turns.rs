//! Turns and their content parts.

use super::MessageStyle;
use super::json::{Object, WrittenFields, number, push_list, push_raw, push_text};
use super::placement::{Kind, Shown};
use super::record::Form;
use crate::schema::placeholder;
use crate::schema::roles::role_of;
use crate::schema::text_digest::TextDigest;
use crate::schema::views::Turn;
use serde_json::value::RawValue;
use std::rc::Rc;

/// What a turn says beyond its columns, as its own fields have it.
#[derive(Default)]
pub(super) struct TurnExtra<'a> {
    /// The role as it was written.
    role: Option<String>,
    /// Null or absent, where the text was.
    content: Content,
    /// Further fields.
    fields: Vec<(String, &'a RawValue)>,
    /// Whether it cannot stand among the turn's fields.
    pub(super) is_apart: bool,
    /// Whether those fields give it again byte for byte.
    pub(super) is_exact: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Content {
    #[default]
    Text,
    Null,
    Absent,
}

impl<'a> TurnExtra<'a> {
    /// What is said apart from the turn.
    pub(super) fn apart() -> Self {
        Self { is_apart: true, ..Self::default() }
    }

    /// What this turn's `extra` says; `has_parts` where its text is written as content parts.
    pub(super) fn of(turn: &Turn<'a>, has_parts: bool) -> Self {
        let Some(text) = turn.extra() else { return Self { is_exact: true, ..Self::default() } };
        let apart = Self::apart();
        let Some(fields) = WrittenFields::of(text) else { return apart };
        let mut extra = Self { is_exact: fields.are(text), ..Self::default() };
        let mut fields = fields.0;
        let role = fields.first().filter(|(key, _)| key == "~role");
        if let Some(role) = role.and_then(|(_, value)| serde_json::from_str::<String>(value.get()).ok())
            && is_written_role(&role, turn.role())
        {
            extra.role = Some(role);
            fields.remove(0);
        }
        let content = fields.first().filter(|(key, _)| key == "~content" && turn.text().is_empty() && !has_parts);
        extra.content = match content.map(|(_, value)| value.get()) {
            Some("null") => Content::Null,
            Some("false") => Content::Absent,
            _ => Content::Text,
        };
        if extra.content != Content::Text {
            fields.remove(0);
        }
        let own = ["from", "role", "value", "content", "name"];
        let parts = ["~parts", "~content"];
        let is_apart = |key: &str| own.contains(&key) || (has_parts && parts.contains(&key));
        if fields.iter().any(|(key, _)| is_apart(key)) {
            return apart;
        }
        extra.fields = fields;
        extra
    }
}

/// Whether an importer reads this as the role and keeps it as it was written.
fn is_written_role(written: &str, role: &str) -> bool {
    match role_of(written) {
        Some((known, is_usual)) => !is_usual && known == role,
        None => role == "user",
    }
}

/// Writes a turn; `text` writes what it says.
pub(super) fn write(
    out: &mut Vec<u8>,
    form: &Form,
    turn: &Turn<'_>,
    extra: &TurnExtra<'_>,
    text: impl FnOnce(&mut Vec<u8>),
) {
    let mut object = Object::new(out);
    let role = match turn.role() {
        "user" => form.roles.user,
        "assistant" => form.roles.assistant,
        other => other,
    };
    object.text(form.role, extra.role.as_deref().unwrap_or(role));
    object.text_opt("name", turn.name());
    match extra.content {
        Content::Text => text(object.key(form.text)),
        Content::Null => object.raw(form.text, "null"),
        Content::Absent => {}
    }
    for (key, value) in &extra.fields {
        object.raw(key, value.get());
    }
    object.end();
}

/// A text with a placeholder for each medium shown that stands in it without one, and behind the medium before it, or in front, on
/// a line of its own, for what has no place in it. Nothing where there is none.
pub(super) fn marked(text: &str, media: &[(usize, &Shown)]) -> Option<String> {
    let (mut marked, mut done, mut last) = (String::new(), 0, None);
    for (_, medium) in media.iter().filter(|(_, medium)| !medium.place.output) {
        let own = medium.place.at;
        let length = own.and_then(|at| placeholder::at(text, at as i64)).map_or(0, str::len);
        if let Some(at) = own.or(last).filter(|_| length == 0) {
            marked.push_str(text.get(done..at)?);
            done = at;
        }
        if length == 0 {
            marked.push_str(medium.kind.placeholder());
            marked.push_str(if own.or(last).is_some() || text.is_empty() { "" } else { "\n" });
        }
        last = own.map(|at| at + length).or(last);
    }
    if marked.is_empty() {
        return None;
    }
    marked.push_str(text.get(done..)?);
    Some(marked)
}

/// A text's content parts: media without a place first, then the others where they stand.
fn pieces<'t>(text: &'t str, media: &'t [(usize, &'t Shown)]) -> Vec<Piece<'t>> {
    let mut done = 0;
    let mut pieces = Vec::new();
    for (_, medium) in media {
        if let Some(at) = medium.place.at {
            pieces.push(Piece::Text(text.get(done..at).unwrap_or_default()));
            done = at + placeholder::at(text, at as i64).map_or(0, str::len);
        }
        pieces.push(Piece::Medium(medium));
    }
    pieces.push(Piece::Text(text.get(done..).unwrap_or_default()));
    pieces.retain(|piece| !matches!(piece, Piece::Text("")));
    pieces
}

/// Notes what a turn says whose text is written with these media between, or with none.
pub(super) fn say(said: &mut TextDigest, text: &str, media: &[(usize, &Shown)]) {
    for piece in pieces(text, media) {
        match piece {
            Piece::Text(text) => said.text(text),
            Piece::Medium(_) => said.medium(),
        }
    }
    said.end_turn();
}

/// Writes a text as content parts.
pub(super) fn parts(out: &mut Vec<u8>, style: MessageStyle, text: &str, media: &[(usize, &Shown)]) {
    let pieces = pieces(text, media);
    push_list(out, pieces, |out, piece| {
        let mut part = Object::new(out);
        match piece {
            Piece::Text(text) => {
                part.text("type", "text");
                part.text("text", text);
            }
            Piece::Medium(medium) => medium_part(&mut part, style, medium),
        }
        part.end();
    });
}

enum Piece<'a> {
    Text(&'a str),
    Medium(&'a Shown),
}

fn medium_part(part: &mut Object<'_>, style: MessageStyle, medium: &Shown) {
    let word = if medium.kind == Kind::Picture { "image" } else { "video" };
    let path = medium.paths.first().map(|path| &**path).unwrap_or_default();
    if medium.has_nulls() {
        // The record's own list has it.
        part.text("type", word);
        push_part(part, medium);
        return;
    }
    if style == MessageStyle::OpenAi && medium.kind != Kind::Clip {
        let key = format!("{word}_url");
        part.text("type", &key);
        let mut address = Object::new(part.key(&key));
        address.text("url", path);
        address.end();
        return;
    }
    part.text("type", word);
    push_paths(part.key(word), medium);
    push_part(part, medium);
}

/// Which part of a video it is.
fn push_part(part: &mut Object<'_>, medium: &Shown) {
    for (name, value) in [("video_start", medium.start), ("video_end", medium.end), ("fps", medium.fps)] {
        part.raw_opt(name, value.map(number));
    }
}

/// The path of a medium, or the list of a clip's frames; null for what no file was ever named for.
pub(super) fn push_paths(out: &mut Vec<u8>, medium: &Shown) {
    let push = |out: &mut Vec<u8>, path: Option<&Rc<str>>| match path {
        Some(path) => push_text(out, path),
        None => push_raw(out, "null"),
    };
    match (medium.kind, medium.named().next()) {
        (Kind::Picture | Kind::Video, Some(path)) => push(out, path),
        _ => push_list(out, medium.named(), push),
    }
}
