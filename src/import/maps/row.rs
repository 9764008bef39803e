//! A row of a table, or of a JSON file, and what a map takes from it.

use super::clock::number;
use super::value::{FieldPath, Origin, Piece, Reference, Step, Value};
use crate::error::{Error, Result};
use crate::import::raw::{Field, ObjectText, RawPart};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// A row, and where it stands.
pub(super) struct Row<'a> {
    pub(super) fields: Fields<'a>,
    /// The names and positions on the way to it.
    pub(super) keys: &'a [String],
    /// The fields of the object that it stands in.
    pub(super) parent: Option<&'a [Field<'a>]>,
    pub(super) file: &'a FileFacts,
    /// Its number, from 1.
    pub(super) number: u64,
}

/// What a row consists of.
pub(super) enum Fields<'a> {
    /// Cells below the names of a header.
    Cells(&'a [String], &'a [&'a str]),
    /// The fields of an object.
    Object(Vec<Field<'a>>),
    /// A value that is no object.
    Whole(&'a RawValue),
}

/// What is known of a file before its rows are read.
#[derive(Debug, Default)]
pub(super) struct FileFacts {
    /// What the pattern of its name found, and `name`, `stem`, `folder`.
    pub(super) names: Vec<(String, String)>,
    /// Members of the file's object that rows refer to, as JSON.
    pub(super) top: Vec<(String, Box<RawValue>)>,
    /// Whether a comma stands before the fraction of a number.
    pub(super) has_commas: bool,
}

/// What stands in a place.
#[derive(Debug)]
pub(super) enum Found<'a> {
    /// There is no such field.
    Absent,
    /// It is there, and says nothing.
    Empty,
    Text(Cow<'a, str>),
    Json(&'a RawValue),
}

impl<'a> Row<'a> {
    /// The text that a value stands for; nothing where a field of it says nothing.
    ///
    /// # Errors
    /// `Input` where a field is not there that must be, or is no text.
    pub(super) fn text(&self, value: &'a Value) -> Result<Option<Cow<'a, str>>> {
        if let [Piece::From(from)] = &value.pieces[..] {
            return self.part(from);
        }
        let mut text = String::new();
        for piece in &value.pieces {
            match piece {
                Piece::Text(literal) => text.push_str(literal),
                Piece::From(from) => match self.part(from)? {
                    Some(part) => text.push_str(&part),
                    None => return Ok(None),
                },
            }
        }
        Ok(Some(Cow::Owned(text)))
    }

    /// Whether it has a field of this name.
    pub(super) fn has_field(&self, name: &str) -> bool {
        match &self.fields {
            Fields::Cells(names, _) => names.iter().any(|known| known == name),
            Fields::Object(fields) => fields.iter().any(|(known, _)| known == name),
            Fields::Whole(_) => false,
        }
    }

    fn part(&self, from: &'a Reference) -> Result<Option<Cow<'a, str>>> {
        let text = match self.find(from)? {
            Found::Absent | Found::Empty => return Ok(None),
            Found::Text(text) => text,
            Found::Json(raw) => match scalar(raw) {
                Some(text) => text,
                None => {
                    let message = format!("{} is a list or an object, not text", shown(&from.origin));
                    return Err(Error::input(message));
                }
            },
        };
        let is_number = from.digits > 0 && text.bytes().all(|byte| byte.is_ascii_digit());
        Ok(Some(if is_number { Cow::Owned(format!("{text:0>width$}", width = from.digits)) } else { text }))
    }

    /// What a reference leads to.
    ///
    /// # Errors
    /// `Input` where a field is not there that must be.
    pub(super) fn find(&self, from: &'a Reference) -> Result<Found<'a>> {
        let found = match &from.origin {
            Origin::Field(path) => match &self.fields {
                Fields::Cells(names, cells) => cell(names, cells, &path.text),
                Fields::Object(fields) => of_object(fields, path)?,
                Fields::Whole(_) => Found::Absent,
            },
            Origin::Parent(path) => self.parent.map_or(Ok(Found::Absent), |parent| of_object(parent, path))?,
            Origin::Top(path) => {
                let member = self.file.top.iter().find(|(name, _)| *name == path.first);
                member.map_or(Ok(Found::Absent), |(_, raw)| inside(raw, &path.rest))?
            }
            Origin::File(name) => {
                let found = self.file.names.iter().find(|(known, _)| known == name);
                found.map_or(Found::Absent, |(_, value)| Found::Text(Cow::Borrowed(value)))
            }
            Origin::Key(number) => {
                let at = number.unwrap_or(self.keys.len()).checked_sub(1);
                let key = at.and_then(|at| self.keys.get(at));
                key.map_or(Found::Absent, |key| Found::Text(Cow::Borrowed(key.as_str())))
            }
            Origin::Row => Found::Text(Cow::Owned(self.number.to_string())),
            Origin::Whole => match &self.fields {
                Fields::Whole(raw) => Found::Json(raw),
                _ => Found::Absent,
            },
        };
        match found {
            Found::Absent if !from.optional => Err(Error::input(format!("it has no {}", shown(&from.origin)))),
            Found::Json(raw) if raw.get() == "null" => Ok(Found::Empty),
            found => Ok(found),
        }
    }

    /// A number that a value stands for.
    ///
    /// # Errors
    /// `Input` where it is none.
    pub(super) fn number(&self, value: &'a Value) -> Result<Option<f64>> {
        let Some(text) = self.text(value)? else { return Ok(None) };
        let number = number(&text, self.file.has_commas);
        number.map(Some).ok_or_else(|| Error::input(format!("{text:?} is no number (`{}`)", value.text)))
    }

    /// A whole number that a value stands for.
    ///
    /// # Errors
    /// `Input` where it is none.
    pub(super) fn whole(&self, value: &'a Value) -> Result<Option<i64>> {
        let Some(number) = self.number(value)? else { return Ok(None) };
        if number.fract() != 0.0 || number.abs() >= 9.0e15 {
            return Err(Error::input(format!("{number} is no whole number (`{}`)", value.text)));
        }
        Ok(Some(number as i64))
    }

    /// Whether it has all these fields; one that is no object needs none.
    pub(super) fn has(&self, needed: &[FieldPath]) -> bool {
        let has = |path: &FieldPath| match &self.fields {
            Fields::Cells(names, _) => names.contains(&path.text),
            Fields::Object(fields) => !matches!(of_object(fields, path), Ok(Found::Absent) | Err(_)),
            Fields::Whole(_) => false,
        };
        needed.iter().all(has)
    }

    /// Whether all its cells are empty.
    pub(super) fn is_empty(&self) -> bool {
        matches!(&self.fields, Fields::Cells(_, cells) if cells.iter().all(|cell| cell.trim().is_empty()))
    }

    /// The same where every field that is a single value is a label: lists, objects and nulls.
    pub(super) fn extra_of_many(&self, used: &[FieldPath], inner: &[String]) -> Option<String> {
        let mut text = ObjectText::default();
        if let Fields::Object(fields) = &self.fields {
            let is_single = |value: &RawValue| !value.get().starts_with(['{', '[']) && value.get() != "null";
            for (name, value) in fields.iter().filter(|(_, value)| !is_single(value)) {
                if !inner.iter().any(|inner| inner == name) && !is_taken(name, value, used) {
                    text.raw(name, value.get());
                }
            }
        }
        text.finish()
    }

    /// The fields that nothing of the map takes whole, as the text of an object. `inner` are fields that other rows are
    /// made of.
    pub(super) fn extra(&self, used: &[FieldPath], inner: &[String]) -> Option<String> {
        let mut text = ObjectText::default();
        match &self.fields {
            Fields::Cells(names, cells) => {
                for (name, cell) in names.iter().zip(*cells) {
                    if !cell.is_empty() && !used.iter().any(|path| path.text == *name) {
                        text.text(name, cell);
                    }
                }
            }
            Fields::Object(fields) => {
                for (name, value) in fields {
                    if !inner.iter().any(|inner| inner == name) && !is_taken(name, value, used) {
                        text.raw(name, value.get());
                    }
                }
            }
            Fields::Whole(_) => {}
        }
        text.finish()
    }
}

/// Whether the map takes a field whole: itself, or each item of a list.
fn is_taken(name: &str, value: &RawValue, used: &[FieldPath]) -> bool {
    let paths = used.iter().filter(|path| path.first == name || path.text == name);
    let (mut indices, mut is_whole) = (Vec::new(), false);
    for path in paths {
        match &path.rest[..] {
            [Step::Index(at)] => indices.push(*at),
            rest => is_whole |= rest.is_empty() || path.text == name,
        }
    }
    is_whole
        || (!indices.is_empty() && items(value).is_some_and(|items| (0..items.len()).all(|at| indices.contains(&at))))
}

fn cell<'a>(names: &[String], cells: &[&'a str], name: &str) -> Found<'a> {
    match names.iter().position(|known| known == name).and_then(|at| cells.get(at)) {
        None => Found::Absent,
        Some(&"") => Found::Empty,
        Some(cell) => Found::Text(Cow::Borrowed(cell)),
    }
}

fn of_object<'a>(fields: &[Field<'a>], path: &FieldPath) -> Result<Found<'a>> {
    let named = |name: &str| fields.iter().find(|(known, _)| known == name).map(|(_, value)| *value);
    // A name may itself have a dot in it.
    if let Some(value) = named(&path.text) {
        return Ok(Found::Json(value));
    }
    named(&path.first).map_or(Ok(Found::Absent), |value| inside(value, &path.rest))
}

/// What stands within a value.
fn inside<'a>(value: &'a RawValue, steps: &[Step]) -> Result<Found<'a>> {
    let mut value = value;
    for step in steps {
        let next = match step {
            Step::Name(name) => match fields_of(value.get()) {
                Some(fields) => fields?.into_iter().find(|(known, _)| known == name).map(|(_, value)| value),
                None => None,
            },
            Step::Index(at) => items(value).and_then(|items| items.get(*at).copied()),
        };
        match next {
            Some(next) => value = next,
            None => return Ok(Found::Absent),
        }
    }
    Ok(Found::Json(value))
}

/// The fields of an object; nothing where the text is no object.
pub(super) fn fields_of(text: &str) -> Option<Result<Vec<Field<'_>>>> {
    if !text.starts_with('{') {
        return None;
    }
    Some(match serde_json::from_str::<RawPart<'_>>(text) {
        Ok(RawPart::Object(fields)) => Ok(fields),
        Ok(RawPart::Text(_)) => Ok(Vec::new()),
        Err(error) => Err(Error::input(crate::import::annotations::without_place(&error))),
    })
}

/// The items of a list; nothing where the value is none.
pub(super) fn items(value: &RawValue) -> Option<Vec<&RawValue>> {
    if !value.get().starts_with('[') {
        return None;
    }
    serde_json::from_str(value.get()).ok()
}

/// The text that a value is; nothing for lists and objects.
pub(super) fn scalar(raw: &RawValue) -> Option<Cow<'_, str>> {
    match raw.get().as_bytes().first() {
        Some(b'"') => serde_json::from_str::<crate::import::raw::Text<'_>>(raw.get()).ok().map(|text| text.0),
        Some(b'{' | b'[') => None,
        _ => Some(Cow::Borrowed(raw.get())),
    }
}

/// What a reference is called in messages.
fn shown(origin: &Origin) -> String {
    match origin {
        Origin::Field(path) => format!("field `{}`", path.text),
        Origin::Parent(path) => format!("field `{}` in the object around it", path.text),
        Origin::Top(path) => format!("member `{}` in the file", path.text),
        Origin::File(name) => format!("`{name}` in the file's name"),
        Origin::Key(Some(number)) => format!("key {number} on the way to it"),
        Origin::Key(None) => "key".to_owned(),
        Origin::Row => "number".to_owned(),
        Origin::Whole => "value of its own: it is an object".to_owned(),
    }
}
