//! Masks as pictures: a table of colours says what each colour is.
//!
//! `colour` is a colour as files and maps have it, `pixels` decodes a PNG, `read` makes statements of it, `detect` chooses
//! shipped maps for the masks of a folder, `painted` tells of pictures that look like masks and that no map reads, `propose`
//! writes a first table for some.

mod colour;
mod detect;
mod painted;
mod pair;
mod pixels;
mod propose;
mod read;

pub(super) use detect::fitting;
pub(in crate::import) use painted::PaintedFolders;
pub(super) use propose::{is_mask, propose};
pub(super) use read::read;

use super::model::OF_ANY_FILE;
use super::row::{Fields, FileFacts, Row};
use super::value::{Origin, Value};
use crate::error::{Error, Result};
use crate::import::pattern::Pattern;
use colour::{Colour, ColourText};
use serde::Deserialize;
use std::collections::HashMap;

/// Masks of one kind, as a map's TOML writes them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct MasksText {
    files: Vec<String>,
    picture: String,
    axis: Option<String>,
    background: Option<Vec<ColourText>>,
    #[serde(default)]
    colours: Vec<EntryText>,
}

/// What a colour is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct EntryText {
    colour: ColourText,
    label: String,
    instance: Option<toml::Value>,
    axis: Option<String>,
}

/// Masks of one kind.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Masks {
    pub(super) files: Vec<Pattern>,
    /// The path of the picture that a mask belongs to.
    picture: Value,
    axis: Option<String>,
    background: Vec<Colour>,
    entries: Vec<Entry>,
    /// The number of each colour's entry.
    by_colour: HashMap<Colour, usize>,
}

/// What a colour is.
#[derive(Clone, Debug, PartialEq)]
struct Entry {
    colour: Colour,
    label: Value,
    instance: Option<String>,
    axis: Option<String>,
}

impl Masks {
    pub(super) fn of(text: MasksText) -> Result<Self> {
        if text.files.is_empty() {
            return Err(Error::invalid("`files` names no mask"));
        }
        let files = text.files.iter().map(|pattern| Pattern::parse_any(pattern)).collect::<Result<Vec<_>>>()?;
        let entries = text.colours.into_iter().map(Entry::of).collect::<Result<Vec<_>>>()?;
        let is_value = entries.first().is_some_and(|entry| entry.colour.is_value());
        let background = match text.background {
            Some(colours) => colours.iter().map(Colour::of).collect::<Result<Vec<_>>>()?,
            None => vec![Colour::nothing(is_value)],
        };
        let mut masks = Self {
            files,
            picture: Value::of_text(&text.picture)?,
            axis: text.axis,
            background,
            entries,
            by_colour: HashMap::new(),
        };
        masks.check(is_value)?;
        Ok(masks)
    }

    fn check(&mut self, is_value: bool) -> Result<()> {
        for (number, entry) in self.entries.iter().enumerate() {
            let colour = entry.colour;
            if self.background.contains(&colour) {
                let message =
                    format!("the colour {colour} is background, and something too: say what is in `background`");
                return Err(Error::invalid(message));
            }
            if self.by_colour.insert(colour, number).is_some() {
                return Err(Error::invalid(format!("the colour {colour} is there twice")));
            }
        }
        let mut colours = self.background.iter().chain(self.by_colour.keys());
        if !self.entries.is_empty() && colours.any(|colour| colour.is_value() != is_value) {
            let message = "colours are either all numbers, of grey values or of a palette's entries, or none is";
            return Err(Error::invalid(message));
        }
        let values = std::iter::once(&self.picture).chain(self.entries.iter().map(|entry| &entry.label));
        values.flat_map(|value| value.references().map(move |from| (value, from))).try_for_each(|(value, from)| {
            let Origin::File(name) = &from.origin else {
                let message =
                    format!("the value {:?}: a mask has no fields, its file has: `{{file.NAME}}`", value.text);
                return Err(Error::invalid(message));
            };
            let has_name = |pattern: &&Pattern| !pattern.fields().any(|field| field == name);
            match self.files.iter().find(has_name).filter(|_| !OF_ANY_FILE.contains(&name.as_str())) {
                None => Ok(()),
                Some(pattern) => {
                    let message = format!("the value {:?}: {:?} has no field {{{name}}}", value.text, pattern.as_str());
                    Err(Error::invalid(message))
                }
            }
        })
    }

    /// Whether a file with this path, with slashes, is one of them, by its name; what the pattern found in it.
    pub(super) fn captures<'t>(&'t self, path: &'t str) -> Option<Vec<(&'t str, &'t str)>> {
        self.files.iter().find_map(|pattern| pattern.captures(path))
    }

    /// Whether it says what colours are; else pictures are kept and not read.
    pub(super) fn has_colours(&self) -> bool {
        !self.entries.is_empty()
    }

    /// Whether its colours are grey values or numbers of palette entries.
    fn is_by_value(&self) -> bool {
        self.entries.first().is_some_and(|entry| entry.colour.is_value())
    }
}

impl Entry {
    fn of(text: EntryText) -> Result<Self> {
        let instance = match text.instance {
            None => None,
            Some(toml::Value::Integer(number)) => Some(number.to_string()),
            Some(toml::Value::String(name)) if !name.is_empty() => Some(name),
            Some(other) => {
                return Err(Error::invalid(format!("an `instance` is a number or a name, and not {other}")));
            }
        };
        Ok(Self { colour: Colour::of(&text.colour)?, label: Value::of_text(&text.label)?, instance, axis: text.axis })
    }
}

/// What a value says of a mask, of which the file's name alone is known.
///
/// # Errors
/// `Input` where it says nothing.
fn said(value: &Value, facts: &FileFacts) -> Result<String> {
    let row = Row { fields: Fields::Cells(&[], &[]), keys: &[], parent: None, file: facts, number: 1 };
    let text = row.text(value)?.map(|text| text.into_owned()).filter(|text| !text.trim().is_empty());
    text.ok_or_else(|| Error::input(format!("the value {:?} is empty here", value.text)))
}
