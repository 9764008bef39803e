//! JSONL in `messages` form: `role` and `content`, which is text with `<image>` in it or a list of content parts.
//!
//! A preference pair stands in `chosen` and `rejected` (lists of messages, as TRL has them), a KTO mark in `label`.

use super::record::{Form, Roles};
use crate::export::MessageStyle;

/// The form, with places of pictures in this style.
pub(super) fn form(style: MessageStyle) -> Form {
    Form {
        turns: "messages",
        role: "role",
        text: "content",
        mark: "label",
        has_singles: false,
        endings_are_lists: true,
        roles: Roles { user: "user", assistant: "assistant" },
        style,
        is_closed: false,
    }
}
