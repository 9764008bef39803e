//! The other endings of a conversation.

use super::Cell;
use super::lists::{Names, Numbers, Span, Structs, list, list_methods};
use super::turns::Turns;
use crate::error::Result;
use crate::schema::rows::AlternativeRow;
use arrow_array::ListArray;
use arrow_array::types::Float64Type;

/// Other endings of a conversation.
#[derive(Clone, Copy, Debug)]
pub struct Alternatives<'a> {
    span: Span,
    kind: Names<'a>,
    lists: &'a ListArray,
    turns: Turns<'a>,
    score: Numbers<'a, Float64Type>,
    generator: Names<'a>,
}

list_methods!(Alternatives of Alternative);

impl<'a> Alternatives<'a> {
    pub(super) fn of_cell(cell: Cell<'a>) -> Result<Self> {
        let (items, span) = list(cell)?;
        let parts = Structs::new(items)?;
        let lists = parts.list(1)?;
        Ok(Self {
            span,
            kind: parts.dict(0)?,
            lists,
            turns: Turns::of_items(lists.values().as_ref(), Span { start: 0, len: 0 })?,
            score: parts.number(2)?,
            generator: parts.dict(3)?,
        })
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
    /// `chosen`, `rejected` or `sample`.
    pub fn kind(&self) -> &'a str {
        self.list.kind.get(self.row).unwrap_or_default()
    }

    /// The turns of this ending.
    pub fn turns(&self) -> Turns<'a> {
        self.list.turns.with_span(Span::of(self.list.lists, self.row))
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
            score: self.score(),
            generator: self.generator().map(str::to_owned),
        }
    }
}
