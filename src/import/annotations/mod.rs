//! Importers of annotations: what is said about pictures and videos, one file a form.
//!
//! Each reads its input entry by entry and gives [`Run`] what it finds: pictures and recordings, which become rows of
//! `frames` and `videos` whether their files are there or not, and statements about them, which become rows of
//! `annotations`. A statement is known by its id, so that importing again adds nothing. What has no column is kept in
//! `extra`. The pictures that a file names are looked for under `--media-root`, beside the file, in the folder above it,
//! and last, where a path has no folder, by their names below the folder that was named.

mod cholect50;
mod coco;
pub(super) mod endovis;
mod folders;
mod labelme;
mod media;
pub(super) mod rle;
mod shapes;

use crate::error::{Error, Result};
use crate::import::format::Format;
use crate::import::inputs::Input;
use crate::import::media::wanted::folded;
use crate::import::raw::{Field, ObjectText, RawPart};
use crate::import::records::members::MemberReader;
use crate::import::run::Run;
use crate::schema::rows::BoxCoords;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fs::File;

/// Reads an input of this form; its digest and its length.
pub(super) fn read(run: &mut Run<'_>, input: &Input, format: Format) -> Result<(String, u64)> {
    match format {
        Format::CholecT50 => cholect50::read(run, input),
        Format::Coco => coco::read(run, input),
        Format::LabelMe => labelme::read(run, input),
        Format::EndoVisVqa => endovis::read(run, input),
        Format::Media => media::read(run, input),
        _ => Err(Error::invalid(format!("{} is no form of annotations", format.name()))),
    }
}

/// What is wrong with a file that was passed over in part, as a reader tells it that looks at each entry of these members.
fn fault_of(input: &Input, opened: &[&str]) -> Option<Error> {
    let mut reader = MemberReader::new(File::open(&input.path).ok()?, opened);
    loop {
        if let Err(error) = reader.next_member()? {
            return Some(error);
        }
    }
}

/// A path beside the file of annotations, as an id: with the folder in which that file lies.
pub(super) fn beside(input: &Input, path: &str) -> String {
    folded(input.name.rsplit_once('/').map_or("", |(folder, _)| folder), path)
}

/// A file's name without the folders and endings, and the folder before it: what its entries' ids start with.
pub(super) fn stem(input: &Input) -> &str {
    let name = &input.name;
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// The text that an id or a key is written as: text, or a number.
fn key_of(value: &RawValue) -> Option<Cow<'_, str>> {
    crate::import::raw::id_text(value)
}

/// Fields of an object, save these, as the text of an object.
fn others(fields: &[Field<'_>], known: &[&str]) -> Option<String> {
    let mut text = ObjectText::default();
    text.fields(fields.iter().filter(|(key, _)| !known.contains(&&**key)));
    text.finish()
}

/// The fields of a JSON object in their order.
struct Fields<'a>(Vec<Field<'a>>);

impl<'a> Fields<'a> {
    /// Reads an object's fields.
    fn of(text: &'a str) -> Result<Self> {
        match serde_json::from_str::<RawPart<'a>>(text) {
            Ok(RawPart::Object(fields)) => Ok(Self(fields)),
            Ok(_) => Err(Error::input("expected an object, found text")),
            Err(_) if !text.trim_start().starts_with('{') => {
                let found: String = text.chars().take(40).collect();
                Err(Error::input(format!("expected an object, found {found}")))
            }
            Err(error) => Err(Error::input(error.to_string())),
        }
    }

    fn get(&self, key: &str) -> Option<&'a RawValue> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| *value).filter(|value| value.get() != "null")
    }

    /// A field, read as this type; nothing where it is not there or null.
    fn parse<T: serde::Deserialize<'a>>(&self, key: &str) -> Result<Option<T>> {
        parsed(key, self.get(key).map(RawValue::get))
    }

    /// A field that must be there.
    fn need<T: serde::Deserialize<'a>>(&self, key: &str) -> Result<T> {
        self.parse(key)?.ok_or_else(|| Error::input(format!("it has no field `{key}`")))
    }
}

/// A box of x, y, width and height in pixels, as COCO has it, of a picture of this size.
pub(super) fn box_of_pixels([x, y, w, h]: [f64; 4], (width, height): (f64, f64)) -> BoxCoords {
    [x / width, y / height, (x + w) / width, (y + h) / height].map(|value| value as f32)
}

/// The JSON of a field's value, read as this type; nothing where it is not there or null.
fn parsed<'a, T: serde::Deserialize<'a>>(key: &str, json: Option<&'a str>) -> Result<Option<T>> {
    let read = |json: &'a str| {
        serde_json::from_str(json)
            .map_err(|error| Error::input(format!("the field `{key}`: {}", without_place(&error))))
    };
    json.filter(|json| *json != "null").map(read).transpose()
}

/// The size of a picture that is said to have these sides; nothing where a side is not said, or is none.
///
/// # Errors
/// `Input` where no picture can be so large.
pub(super) fn size_of(sides: (Option<f64>, Option<f64>)) -> Result<Option<(f64, f64)>> {
    let Some((width, height)) = sides.0.zip(sides.1) else { return Ok(None) };
    if width.max(height) > f64::from(i32::MAX) {
        return Err(Error::input(format!(
            "a picture of {width} × {height} pixels is none: a side is at most {}",
            i32::MAX
        )));
    }
    Ok((width >= 1.0 && height >= 1.0).then_some((width, height)))
}

/// What a parser says, without the place, which is not one in the file.
pub(super) fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.clone(), |(message, _)| message.to_owned())
}
