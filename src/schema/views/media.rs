//! The media of a conversation, or of another ending of it.

use super::Cell;
use super::lists::{Addresses, Numbers, Span, Structs, check_addresses, list, list_methods};
use crate::error::Result;
use crate::schema::rows::MediumRow;
use arrow_array::types::{Float64Type, Int32Type, Int64Type};
use arrow_array::{Array, BooleanArray, ListArray};

/// What is shown, in order.
#[derive(Clone, Copy, Debug)]
pub struct Media<'a> {
    pub(super) span: Span,
    turn: Numbers<'a, Int32Type>,
    at: Numbers<'a, Int64Type>,
    output: &'a BooleanArray,
    refs: &'a ListArray,
    addresses: Numbers<'a, Int64Type>,
    start: Numbers<'a, Float64Type>,
    end: Numbers<'a, Float64Type>,
    fps: Numbers<'a, Float64Type>,
}

list_methods!(Media of Medium);

impl<'a> Media<'a> {
    pub(super) fn of_cell(cell: Cell<'a>) -> Result<Self> {
        let (items, span) = list(cell)?;
        let media = Self::of_items(items, span)?;
        media.check()?;
        Ok(media)
    }

    /// Those of a list of many, whose addresses nobody has checked.
    pub(super) fn of_items(items: &'a dyn Array, span: Span) -> Result<Self> {
        let parts = Structs::new(items)?;
        let refs = parts.list(3)?;
        Ok(Self {
            span,
            turn: parts.number(0)?,
            at: parts.number(1)?,
            output: parts.flag(2)?,
            refs,
            addresses: Numbers::of_items(refs.values().as_ref())?,
            start: parts.number(4)?,
            end: parts.number(5)?,
            fps: parts.number(6)?,
        })
    }

    /// The same columns, other media of them.
    pub(super) fn with_span(self, span: Span) -> Self {
        Self { span, ..self }
    }

    /// # Errors
    /// `Corrupt` when a medium refers to what is no address.
    pub(super) fn check(&self) -> Result<()> {
        self.iter().try_for_each(|medium| check_addresses(medium.refs().values()))
    }

    /// Owned copies.
    pub fn to_rows(&self) -> Vec<MediumRow> {
        self.iter().map(|medium| medium.to_row()).collect()
    }
}

/// One medium: a frame, a video or a part of one, or frames that stand for a clip.
#[derive(Clone, Copy, Debug)]
pub struct Medium<'a> {
    list: Media<'a>,
    row: usize,
}

impl<'a> Medium<'a> {
    /// Which of the media of its list it is, counted from 0.
    pub fn number(&self) -> usize {
        self.row - self.list.span.start
    }

    /// The turn that it belongs to, counted from 0.
    pub fn turn(&self) -> i32 {
        self.list.turn.plain(self.row)
    }

    /// Where it stands in the turn's text, a byte offset: that of its placeholder, where one stands there; none where it
    /// has no place in the text, and stands before it.
    pub fn at(&self) -> Option<i64> {
        self.list.at.get(self.row)
    }

    /// Whether the model is to produce it.
    pub fn output(&self) -> bool {
        self.row < self.list.output.len() && self.list.output.value(self.row)
    }

    /// One frame, one video, or the frames that stand for a clip.
    pub fn refs(&self) -> Addresses<'a> {
        Addresses::checked(self.list.addresses.slice(Span::of(self.list.refs, self.row)))
    }

    /// Seconds from the start of the video.
    pub fn start(&self) -> Option<f64> {
        self.list.start.get(self.row)
    }

    /// Seconds from the start of the video.
    pub fn end(&self) -> Option<f64> {
        self.list.end.get(self.row)
    }

    /// Frames a second at which a clip was sampled.
    pub fn fps(&self) -> Option<f64> {
        self.list.fps.get(self.row)
    }

    /// An owned copy.
    pub fn to_row(&self) -> MediumRow {
        MediumRow {
            turn: self.turn(),
            at: self.at(),
            output: self.output(),
            refs: self.refs().iter().collect(),
            start: self.start(),
            end: self.end(),
            fps: self.fps(),
        }
    }
}
