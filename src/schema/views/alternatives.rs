//! The other endings of a conversation.

use super::Cell;
use super::grounding::Grounding;
use super::lists::{Names, Numbers, Span, Structs, list, list_methods};
use super::media::Media;
use super::parts::Parts;
use super::turns::Turns;
use crate::error::{Error, Result};
use crate::schema::rows::AlternativeRow;
use arrow_array::ListArray;
use arrow_array::types::Float64Type;

/// Other endings of a conversation.
#[derive(Clone, Copy, Debug)]
pub struct Alternatives<'a> {
    span: Span,
    kind: Names<'a>,
    turn_lists: &'a ListArray,
    turns: Turns<'a>,
    medium_lists: &'a ListArray,
    media: Media<'a>,
    grounding_lists: &'a ListArray,
    grounding: Grounding<'a>,
    score: Numbers<'a, Float64Type>,
    generator: Names<'a>,
}

list_methods!(Alternatives of Alternative);

impl<'a> Alternatives<'a> {
    pub(super) fn of_cell(cell: Cell<'a>) -> Result<Self> {
        let (items, span) = list(cell)?;
        let parts = Structs::new(items)?;
        let (turn_lists, medium_lists, grounding_lists) = (parts.list(1)?, parts.list(2)?, parts.list(3)?);
        let none = Span { start: 0, len: 0 };
        let alternatives = Self {
            span,
            kind: parts.dict(0)?,
            turn_lists,
            turns: Turns::of_items(turn_lists.values().as_ref(), none)?,
            medium_lists,
            media: Media::of_items(medium_lists.values().as_ref(), none)?,
            grounding_lists,
            grounding: Grounding::of_items(grounding_lists.values().as_ref(), none)?,
            score: parts.number(4)?,
            generator: parts.dict(5)?,
        };
        alternatives.iter().try_for_each(|alternative| alternative.media().check())?;
        Ok(alternatives)
    }

    /// Owned copies.
    pub fn to_rows(&self) -> Vec<AlternativeRow> {
        self.iter().map(|alternative| alternative.to_row()).collect()
    }
}

/// One other ending.
#[derive(Clone, Copy, Debug)]
pub struct Alternative<'a> {
    list: Alternatives<'a>,
    row: usize,
}

impl<'a> Alternative<'a> {
    /// Which of the conversation's other endings it is, counted from 0.
    pub fn number(&self) -> usize {
        self.row - self.list.span.start
    }

    /// `chosen`, `rejected` or `sample`.
    pub fn kind(&self) -> &'a str {
        self.list.kind.get(self.row).unwrap_or_default()
    }

    /// The turns of this ending.
    pub fn turns(&self) -> Turns<'a> {
        self.list.turns.with_span(Span::of(self.list.turn_lists, self.row))
    }

    /// What the turns of this ending show, in order; `turn` counts the turns of this ending.
    pub fn media(&self) -> Media<'a> {
        self.list.media.with_span(Span::of(self.list.medium_lists, self.row))
    }

    /// Text and media of each turn of this ending, interleaved.
    ///
    /// # Errors
    /// `Corrupt` when a medium belongs to no turn or stands at no place of its text.
    pub fn parts(&self) -> Result<Parts<'a>> {
        let of = |error: Error| Error::corrupt(format!("alternative {}: {}", self.number(), error.message()));
        Parts::new(self.turns(), self.media()).map_err(of)
    }

    /// Boxes, points and times that stand in the texts of this ending. `turn` counts the turns of this ending, and `media`
    /// its media, then the conversation's.
    pub fn grounding(&self) -> Grounding<'a> {
        self.list.grounding.with_span(Span::of(self.list.grounding_lists, self.row))
    }

    /// Its score or reward.
    pub fn score(&self) -> Option<f64> {
        self.list.score.get(self.row)
    }

    /// The model's or method's name.
    pub fn generator(&self) -> Option<&'a str> {
        self.list.generator.get(self.row)
    }

    /// An owned copy.
    pub fn to_row(&self) -> AlternativeRow {
        AlternativeRow {
            kind: self.kind().to_owned(),
            turns: self.turns().to_rows(),
            media: self.media().to_rows(),
            grounding: self.grounding().to_rows(),
            score: self.score(),
            generator: self.generator().map(str::to_owned),
        }
    }
}
