//! Boxes, points and times that stand in a conversation's text.

use super::Cell;
use super::lists::{Names, Numbers, Span, Structs, list, list_methods};
use crate::error::Result;
use crate::schema::rows::GroundingRow;
use arrow_array::types::{Float32Type, Int32Type, Int64Type};
use arrow_array::{Array, ListArray};

/// The places of the text that say where something is, as normalised values.
#[derive(Clone, Copy, Debug)]
pub struct Grounding<'a> {
    span: Span,
    turn: Numbers<'a, Int32Type>,
    byte_start: Numbers<'a, Int64Type>,
    byte_end: Numbers<'a, Int64Type>,
    kind: Names<'a>,
    media: Numbers<'a, Int32Type>,
    values: &'a ListArray,
    numbers: Numbers<'a, Float32Type>,
}

list_methods!(Grounding of Grounded);

impl<'a> Grounding<'a> {
    pub(super) fn of_cell(cell: Cell<'a>) -> Result<Self> {
        let (items, span) = list(cell)?;
        Self::of_items(items, span)
    }

    pub(super) fn of_items(items: &'a dyn Array, span: Span) -> Result<Self> {
        let parts = Structs::new(items)?;
        let values = parts.list(5)?;
        Ok(Self {
            span,
            turn: parts.number(0)?,
            byte_start: parts.number(1)?,
            byte_end: parts.number(2)?,
            kind: parts.dict(3)?,
            media: parts.number(4)?,
            values,
            numbers: Numbers::of_items(values.values().as_ref())?,
        })
    }

    /// The same columns, other places of them.
    pub(super) fn with_span(self, span: Span) -> Self {
        Self { span, ..self }
    }

    /// Owned copies.
    pub fn to_rows(&self) -> Vec<GroundingRow> {
        self.iter().map(|place| place.to_row()).collect()
    }
}

/// One box, point or time.
#[derive(Clone, Copy, Debug)]
pub struct Grounded<'a> {
    list: Grounding<'a>,
    row: usize,
}

impl<'a> Grounded<'a> {
    /// The turn whose text it stands in.
    pub fn turn(&self) -> i32 {
        self.list.turn.plain(self.row)
    }

    /// Where it starts in the text, in bytes.
    pub fn byte_start(&self) -> i64 {
        self.list.byte_start.plain(self.row)
    }

    /// One past where it ends.
    pub fn byte_end(&self) -> i64 {
        self.list.byte_end.plain(self.row)
    }

    /// What stands there in this text; none where the range is not within it.
    pub fn text_in<'t>(&self, text: &'t str) -> Option<&'t str> {
        text.get(usize::try_from(self.byte_start()).ok()?..usize::try_from(self.byte_end()).ok()?)
    }

    /// `box`, `point`, `polygon`, `time`, `interval`.
    pub fn kind(&self) -> &'a str {
        self.list.kind.get(self.row).unwrap_or_default()
    }

    /// The medium that it is about, counted from 0.
    pub fn media(&self) -> i32 {
        self.list.media.plain(self.row)
    }

    /// x0, y0, x1, y1 for a box; x, y for a point, normalised 0–1; seconds for times.
    pub fn values(&self) -> &'a [f32] {
        self.list.numbers.slice(Span::of(self.list.values, self.row))
    }

    /// An owned copy.
    pub fn to_row(&self) -> GroundingRow {
        GroundingRow {
            turn: self.turn(),
            byte_start: self.byte_start(),
            byte_end: self.byte_end(),
            kind: self.kind().to_owned(),
            media: self.media(),
            values: self.values().to_vec(),
        }
    }
}
