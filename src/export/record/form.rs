//! How the JSONL forms differ: what they call things.

use crate::export::MessageStyle;
use crate::export::turns::TurnExtra;
use crate::schema::views::Turn;

/// How a form names things.
#[derive(Clone, Copy, Debug)]
pub(in crate::export) struct Form {
    /// The list of turns.
    pub(in crate::export) turns: &'static str,
    /// A turn's role.
    pub(in crate::export) role: &'static str,
    /// A turn's text.
    pub(in crate::export) text: &'static str,
    /// The answer's own mark.
    pub(in crate::export) mark: &'static str,
    /// Whether one picture or one video alone stands in `image` or `video`, as LLaVA's readers look for them.
    pub(in crate::export) has_singles: bool,
    /// Whether an ending is a list of turns, even where it is one turn.
    pub(in crate::export) endings_are_lists: bool,
    /// What the roles are called.
    pub(in crate::export) roles: Roles,
    /// How a text says where a picture stands.
    pub(in crate::export) style: MessageStyle,
    /// Whether records have the form's own fields alone, as where each becomes a column: all else goes into the notes.
    pub(in crate::export) is_closed: bool,
}

impl Form {
    /// What a turn says beyond its columns, as its own fields can have it.
    pub(super) fn extra_of<'a>(&self, turn: &Turn<'a>, has_parts: bool) -> TurnExtra<'a> {
        match self.is_closed && turn.extra().is_some() {
            true => TurnExtra::apart(),
            false => TurnExtra::of(turn, has_parts),
        }
    }
}

/// What a form calls the roles; `system` and `tool` are the same in all.
#[derive(Clone, Copy, Debug)]
pub(in crate::export) struct Roles {
    pub(in crate::export) user: &'static str,
    pub(in crate::export) assistant: &'static str,
}
