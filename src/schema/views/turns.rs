//! The turns of a conversation.

use super::Cell;
use super::lists::{Names, Span, Structs, Texts, list, list_methods};
use crate::error::Result;
use crate::schema::rows::TurnRow;
use arrow_array::Array;

/// What is said, in order.
#[derive(Clone, Copy, Debug)]
pub struct Turns<'a> {
    pub(super) span: Span,
    role: Names<'a>,
    text: Texts<'a>,
    name: Texts<'a>,
    extra: Texts<'a>,
}

list_methods!(Turns of Turn);

impl<'a> Turns<'a> {
    pub(super) fn of_cell(cell: Cell<'a>) -> Result<Self> {
        let (items, span) = list(cell)?;
        Self::of_items(items, span)
    }

    pub(super) fn of_items(items: &'a dyn Array, span: Span) -> Result<Self> {
        let parts = Structs::new(items)?;
        Ok(Self { span, role: parts.dict(0)?, text: parts.text(1)?, name: parts.text(2)?, extra: parts.text(3)? })
    }

    /// The same columns, other turns of them.
    pub(super) fn with_span(self, span: Span) -> Self {
        Self { span, ..self }
    }

    /// Owned copies.
    pub fn to_rows(&self) -> Vec<TurnRow> {
        self.iter().map(|turn| turn.to_row()).collect()
    }
}

/// One turn.
#[derive(Clone, Copy, Debug)]
pub struct Turn<'a> {
    list: Turns<'a>,
    row: usize,
}

impl<'a> Turn<'a> {
    /// `system`, `user`, `assistant` or `tool`.
    pub fn role(&self) -> &'a str {
        self.list.role.get(self.row).unwrap_or_default()
    }

    /// The whole text, byte for byte.
    pub fn text(&self) -> &'a str {
        self.list.text.get(self.row).unwrap_or_default()
    }

    /// Who speaks, where the source names them.
    pub fn name(&self) -> Option<&'a str> {
        self.list.name.get(self.row)
    }

    /// Tool calls, loss flags, borders of content parts: a JSON object.
    pub fn extra(&self) -> Option<&'a str> {
        self.list.extra.get(self.row)
    }

    /// An owned copy.
    pub fn to_row(&self) -> TurnRow {
        TurnRow {
            role: self.role().to_owned(),
            text: self.text().to_owned(),
            name: self.name().map(str::to_owned),
            extra: self.extra().map(str::to_owned),
        }
    }
}
