//! ms-swift: `messages`, with the boxes and points of the texts in `objects`, each with `<bbox>` in its place, so that
//! ms-swift writes them as the model that is trained has them.

use super::said::Role;
use super::sample::{Purpose, Reason, Sample};
use super::{Names, PLACEHOLDERS_WITH_SOUND, Paths, Rules, Trainer, push_optional, push_start, scale_of_boxes};
use crate::error::Result;
use crate::export::json::{Object, push_list, push_raw, push_text};
use crate::schema::boxes::Scale;

static NAMES: Names =
    Names { role: "role", text: "content", roles: ["system", "user", "assistant", "tool_call", "tool_response"] };

pub(super) struct MsSwift {
    scale: Scale,
}

impl MsSwift {
    /// # Errors
    /// `Invalid` for a scale that it does not take.
    pub(super) fn new(scale: Option<Scale>) -> Result<Self> {
        Ok(Self { scale: scale_of_boxes(scale)? })
    }
}

impl Trainer for MsSwift {
    fn rules(&self) -> Rules {
        Rules {
            shows_answers: true,
            boxes_apart: true,
            takes_frames: true,
            takes_system: true,
            calls_hold_objects: false,
            takes_loss: true,
            placeholders: PLACEHOLDERS_WITH_SOUND,
            thinks_in_answers: &[Role::Assistant],
        }
    }

    fn names(&self) -> &'static Names {
        &NAMES
    }

    fn refuses(&self, sample: &Sample) -> Option<Reason> {
        let is_pair = |said: &&super::Said| said.role == Role::Assistant;
        match &sample.pair {
            _ if sample.turns.is_empty() => Some("they say nothing"),
            // What is to be answered for a reward has no answer so far, or says what is right.
            None if sample.purpose() == Purpose::Grpo && sample.solution.is_none() && sample.has_answers() => {
                Some("they end without an answer")
            }
            Some(pair) if !pair.iter().all(|said| is_pair(&said)) => Some("their pair calls tools"),
            _ => None,
        }
    }

    fn write(&self, out: &mut Vec<u8>, sample: &Sample, paths: &Paths) -> Vec<&'static str> {
        let mut fields = Vec::new();
        let mut object = Object::new(out);
        push_start(&mut object, sample);
        let turns = || sample.turns.iter().chain(sample.pair.iter().map(|[chosen, _]| chosen));
        object.list("messages", turns(), |out, said| NAMES.push(out, said));
        // In messages, but a column of these: the first lines have to say it.
        fields.extend(turns().any(|said| said.loss.is_some()).then_some("loss"));
        let shows_in_pair = sample.rejected_pictures.is_some();
        match &sample.pair {
            // Each of the two has a list of what it shows, the question's pictures first, where they differ in that.
            Some([_, rejected]) if shows_in_pair => {
                let turns = sample.turns.iter().chain([rejected]);
                let rejected = |out: &mut Vec<u8>| push_list(out, turns, |out, said| NAMES.push(out, said));
                push_optional(&mut object, &mut fields, "rejected_messages", Some(rejected));
            }
            Some([_, rejected]) => {
                let rejected = |out: &mut Vec<u8>| push_text(out, &rejected.text);
                push_optional(&mut object, &mut fields, "rejected_response", Some(rejected));
            }
            None => {}
        }
        if sample.purpose() == Purpose::Kto {
            object.raw_opt("label", sample.mark);
        }
        for (name, text) in [("solution", &sample.solution), ("tools", &sample.tools)] {
            let text = text.as_deref().map(|text| move |out: &mut Vec<u8>| push_text(out, text));
            push_optional(&mut object, &mut fields, name, text);
        }
        let pictures = (!paths.pictures.is_empty()).then_some(|out: &mut Vec<u8>| paths.push_pictures(out));
        push_optional(&mut object, &mut fields, "images", pictures);
        let videos = (!paths.videos.is_empty()).then_some(|out: &mut Vec<u8>| paths.push_videos(out));
        push_optional(&mut object, &mut fields, "videos", videos);
        let rejected = shows_in_pair.then_some(|out: &mut Vec<u8>| paths.push_rejected(out));
        push_optional(&mut object, &mut fields, "rejected_images", rejected);
        let rejected =
            (shows_in_pair && !paths.videos.is_empty()).then_some(|out: &mut Vec<u8>| paths.push_videos(out));
        push_optional(&mut object, &mut fields, "rejected_videos", rejected);
        let objects = (!sample.boxes.is_empty()).then_some(|out: &mut Vec<u8>| self.push_objects(out, sample));
        push_optional(&mut object, &mut fields, "objects", objects);
        object.end();
        fields
    }
}

impl MsSwift {
    /// Boxes in pixels where that was asked for and all pictures say their sizes; else as parts of their sides.
    fn push_objects(&self, out: &mut Vec<u8>, sample: &Sample) {
        let in_pixels = self.scale == Scale::Pixels && sample.boxes.iter().all(|boxed| boxed.size.is_some());
        let mut object = Object::new(out);
        object.list("ref", [] as [&str; 0], push_text);
        object.list("bbox", &sample.boxes, |out, boxed| {
            // Always with a fraction: whole numbers would be of another type.
            push_list(out, boxed.values.iter().enumerate(), |out, (at, value)| {
                match boxed.size.filter(|_| in_pixels) {
                    Some((width, height)) => {
                        let side = if at % 2 == 0 { width } else { height };
                        push_raw(out, format_args!("{:?}", (f64::from(*value) * side * 1e4).round() / 1e4));
                    }
                    None => push_raw(out, format_args!("{value:?}")),
                }
            });
        });
        object.list("image_id", &sample.boxes, |out, boxed| push_raw(out, boxed.picture));
        object.text("bbox_type", if in_pixels { "real" } else { "norm1" });
        object.end();
    }
}
