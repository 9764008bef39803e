//! What a row must be to be written: the one place where it is checked.
//!
//! A row is checked by itself: that its addresses exist and point into the right table, and that its id is new, is
//! for the writer to check. What makes a row unusable is an error of kind `Invalid` that names the field. What is
//! only doubtful, such as a box that leaves its picture, is kept as it is, never clamped, and reported as a
//! [`Finding`].

mod annotation;
mod conversation;
mod plain;

#[cfg(test)]
mod tests;

pub use annotation::check_annotation;
pub(crate) use annotation::check_annotation_columns;
pub use conversation::check_conversation;
pub use plain::{check_blob, check_case, check_frame, check_media_type, check_pixels, check_video};

use crate::error::{Error, Result};
use serde::de::IgnoredAny;
use std::fmt::{self, Display};

/// What an `origin` may be.
pub const ORIGINS: [&str; 4] = ["human", "model", "synthetic", "derived"];
/// What a turn's `role` may be.
pub const ROLES: [&str; 4] = ["system", "user", "assistant", "tool"];
/// What an annotation's `status` may be.
pub const STATUSES: [&str; 3] = ["single", "consensus", "adjudicated"];

/// Something doubtful in a row that is kept as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The field, as in `regions[2].box`.
    pub field: String,
    /// What is doubtful about it.
    pub what: String,
}

impl Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.what)
    }
}

#[cold]
fn invalid(field: impl Display, what: impl Display) -> Error {
    Error::invalid(format!("{field}: {what}"))
}

fn not_empty(field: impl Display, text: &str) -> Result<()> {
    if text.is_empty() { Err(invalid(field, "it is empty, and must be given")) } else { Ok(()) }
}

fn id_and_source(id: &str, source: &str) -> Result<()> {
    not_empty("id", id)?;
    not_empty("source", source)
}

fn one_of(field: impl Display, value: &str, allowed: &[&str]) -> Result<()> {
    if allowed.contains(&value) {
        return Ok(());
    }
    Err(invalid(field, format_args!("{value:?} is none of {}", allowed.join(", "))))
}

fn one_of_opt(field: impl Display, value: &Option<String>, allowed: &[&str]) -> Result<()> {
    value.as_ref().map_or(Ok(()), |value| one_of(field, value, allowed))
}

fn json(field: impl Display, text: &Option<String>) -> Result<()> {
    match text.as_ref().map(|text| serde_json::from_str::<IgnoredAny>(text)) {
        Some(Err(error)) => Err(invalid(field, format_args!("it is not JSON ({error})")).caused_by(error)),
        _ => Ok(()),
    }
}

fn json_object(field: impl Display, text: &Option<String>) -> Result<()> {
    match text {
        Some(text) if !text.trim_start().starts_with('{') => Err(invalid(field, "it is no JSON object")),
        _ => json(field, text),
    }
}

fn finite(field: impl Display, value: Option<f64>) -> Result<()> {
    match value {
        Some(value) if !value.is_finite() => Err(invalid(field, format_args!("{value} is no finite number"))),
        _ => Ok(()),
    }
}

fn all_finite(field: impl Display, values: &[f32]) -> Result<()> {
    match values.iter().find(|value| !value.is_finite()) {
        Some(value) => Err(invalid(field, format_args!("{value} is no finite number"))),
        None => Ok(()),
    }
}

fn not_negative<T: PartialOrd + Default + Display + Copy>(field: impl Display, value: Option<T>) -> Result<()> {
    match value {
        Some(value) if value < T::default() => Err(invalid(field, format_args!("{value} is negative"))),
        _ => Ok(()),
    }
}

/// Times of a stretch of video; `field` is what the two belong to, with a dot, or nothing.
fn stretch(field: impl Display, start: Option<f64>, end: Option<f64>) -> Result<()> {
    finite(format_args!("{field}start"), start)?;
    finite(format_args!("{field}end"), end)?;
    match (start, end) {
        (Some(start), Some(end)) if start > end => {
            Err(invalid(format_args!("{field}start"), format_args!("{start} is after the end, {end}")))
        }
        _ => Ok(()),
    }
}

/// The place that an index leads to, in a list of `len`.
fn index(field: impl Display, value: i32, len: usize, of: &str) -> Result<usize> {
    match usize::try_from(value) {
        Ok(value) if value < len => Ok(value),
        _ => Err(invalid(field, format_args!("there is no {of} {value}: there are {len}, counted from 0"))),
    }
}

/// Gathers what is doubtful.
#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    #[cold]
    fn add(&mut self, field: impl Display, what: impl Display) {
        self.0.push(Finding { field: field.to_string(), what: what.to_string() });
    }

    /// A box: finite by now.
    fn box_coords(&mut self, field: impl Display, values: &[f32]) {
        let [x0, y0, x1, y1] = *values else { return };
        if x0 > x1 || y0 > y1 {
            self.add(&field, format_args!("the box {values:?} is not ordered x0, y0, x1, y1"));
        }
        self.inside(field, values);
    }

    /// Coordinates: finite by now.
    fn inside(&mut self, field: impl Display, values: &[f32]) {
        if let Some(value) = values.iter().find(|value| !(0.0..=1.0).contains(*value)) {
            self.add(field, format_args!("{value} is outside the picture, which goes from 0 to 1"));
        }
    }

    /// The coordinates of an outline, x, y, x, y, …: finite by now.
    fn outline(&mut self, field: impl Display, values: &[f32]) {
        if values.len() < 6 {
            self.add(&field, format_args!("an outline of {} points encloses nothing", values.len() / 2));
        }
        self.inside(field, values);
    }
}

fn even(field: impl Display, values: &[f32]) -> Result<()> {
    if values.len().is_multiple_of(2) {
        return Ok(());
    }
    Err(invalid(field, format_args!("{} numbers are no pairs of x and y", values.len())))
}
