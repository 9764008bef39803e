//! JSONL in LLaVA and ShareGPT form: `conversations` with `from` and `value`, `<image>` in the text, paths in `image`
//! or `images`, `video` or `videos`, relative to the export's folder.
//!
//! What the model is to produce stands in `output_images` and `output_videos`; a preference pair in `chosen` and
//! `rejected`, a KTO mark in `kto_tag`, as LLaMA-Factory has them.

use super::record::{Form, Roles};
use crate::export::MessageStyle;

/// The form.
pub(super) const FORM: Form = Form {
    turns: "conversations",
    role: "from",
    text: "value",
    mark: "kto_tag",
    has_singles: true,
    endings_are_lists: false,
    roles: Roles { user: "human", assistant: "gpt" },
    style: MessageStyle::Placeholders,
    is_closed: false,
};
