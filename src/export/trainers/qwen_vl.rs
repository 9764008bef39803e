//! Qwen-VL's own fine-tuning code: `conversations` between `human` and `gpt`, lists of paths in `image` and
//! `video`.
//!
//! It knows questions and answers alone: system prompts are left out of records, and records with tools, pairs or marks
//! are left out whole.

use super::said::Role;
use super::sample::{NO_ANSWER, Purpose, Reason, Sample};
use super::{Names, PLACEHOLDERS, Paths, Rules, Trainer, push_start};
use crate::export::json::{Object, push_text};

static NAMES: Names = Names { role: "from", text: "value", roles: ["system", "human", "gpt", "gpt", "human"] };

pub(super) struct QwenVl;

impl Trainer for QwenVl {
    fn rules(&self) -> Rules {
        Rules {
            shows_answers: false,
            boxes_apart: false,
            takes_frames: false,
            takes_system: false,
            calls_hold_objects: false,
            takes_loss: false,
            placeholders: PLACEHOLDERS,
            thinks_in_answers: &[],
        }
    }

    fn names(&self) -> &'static Names {
        &NAMES
    }

    fn refuses(&self, sample: &Sample) -> Option<Reason> {
        let is_known = |role: Role| matches!(role, Role::System | Role::User | Role::Assistant);
        match sample.purpose() {
            _ if !sample.turns.iter().all(|said| is_known(said.role)) => Some("they call tools"),
            Purpose::Sft => None,
            Purpose::Dpo => Some("they are pairs of answers"),
            Purpose::Kto => Some("they are marks of answers"),
            Purpose::Grpo => Some(NO_ANSWER),
        }
    }

    fn write(&self, out: &mut Vec<u8>, sample: &Sample, paths: &Paths) -> Vec<&'static str> {
        let mut object = Object::new(out);
        push_start(&mut object, sample);
        // A list also where it is of one: a field has one type throughout a file.
        if !paths.pictures.is_empty() {
            object.list("image", &paths.pictures, |out, path| push_text(out, path));
        }
        if !paths.videos.is_empty() {
            paths.push_videos(object.key("video"));
        }
        let said = sample.turns.iter().filter(|said| said.role != Role::System);
        object.list("conversations", said, |out, said| NAMES.push(out, said));
        object.end();
        Vec::new()
    }
}
