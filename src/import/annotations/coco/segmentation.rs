//! What an annotation says of the pixels that it covers: outlines, or runs of pixels.

use super::shortened;
use crate::error::{Error, Result};
use crate::import::annotations::rle::{Mask, runs_of};
use crate::import::plain;
use crate::import::raw::as_text;
use serde_json::value::RawValue;

/// Runs of pixels, as they are written.
#[derive(serde::Deserialize)]
pub(super) struct Runs<'a> {
    #[serde(borrow)]
    counts: &'a RawValue,
    /// Height before width.
    size: (u64, u64),
}

/// The runs of an object; nothing where it is empty.
pub(super) fn runs_in(value: &str) -> Result<Option<Runs<'_>>> {
    let inside = value.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    if inside.is_some_and(|inside| inside.trim_ascii().is_empty()) {
        return Ok(None);
    }
    serde_json::from_str(value).map(Some).map_err(|_| {
        let found = shortened(value);
        Error::input(format!("a mask has `counts`, and its height and width as `size`: its `segmentation` is {found}"))
    })
}

/// The outlines of a list: of lists of numbers, or of the numbers of one outline. An empty text is as null, and none.
pub(super) fn polygons_of(value: &str) -> Result<Vec<Vec<f64>>> {
    let polygons = match plain::lists_of_numbers(value) {
        Some(polygons) => polygons,
        None if matches!(value, "null" | "\"\"") => Vec::new(),
        None => outlines_of(value)?,
    };
    match polygons.iter().find(|outline| outline.len() % 2 == 1) {
        Some(odd) => Err(Error::input(format!("an outline has {} numbers, which are no pairs", odd.len()))),
        None => Ok(polygons),
    }
}

/// The same of a list that is not of the plainest.
fn outlines_of(value: &str) -> Result<Vec<Vec<f64>>> {
    if let Ok(outlines) = serde_json::from_str(value) {
        return Ok(outlines);
    }
    if let Ok(outline) = serde_json::from_str(value) {
        return Ok(vec![outline]);
    }
    let entries: Vec<&RawValue> = serde_json::from_str(value).map_err(|_| {
        let found = shortened(value);
        Error::input(format!("its `segmentation` is {found}, and neither a list of outlines nor runs of pixels"))
    })?;
    let is_outline = |entry: &RawValue| serde_json::from_str::<Vec<f64>>(entry.get()).is_ok();
    let is_number = |entry: &RawValue| serde_json::from_str::<f64>(entry.get()).is_ok();
    let other = entries.iter().find(|entry| !is_outline(entry) && !is_number(entry));
    let other = other.or_else(|| entries.iter().find(|entry| !is_outline(entry)));
    let found = shortened(other.map_or(value, |other| other.get()));
    Err(Error::input(format!("its `segmentation` has {found} where an outline, a list of numbers, should be")))
}

impl Runs<'_> {
    /// The mask that they draw, which is as large as its picture.
    pub(super) fn draw(&self, of_picture: Option<(f64, f64)>) -> Result<Mask> {
        let (height, width) = self.size;
        if let Some((wide, high)) = of_picture
            && (wide, high) != (width as f64, height as f64)
        {
            let message = format!("its mask has {width} × {height} pixels, and its picture {wide} × {high}");
            return Err(Error::input(message));
        }
        let runs: Vec<u64> = match self.counts.get().starts_with('"') {
            true => runs_of(&as_text(self.counts).unwrap_or_default())?,
            false => serde_json::from_str(self.counts.get())
                .map_err(|_| Error::input("the runs of its mask are neither a list of numbers nor text"))?,
        };
        Mask::of_runs(width, height, &runs)
    }
}
