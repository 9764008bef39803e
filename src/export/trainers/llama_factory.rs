//! LLaMA-Factory: its `sharegpt` form, with a `dataset_info.json` that says which file has which columns.
//!
//! Questions and answers take turns, behind one system prompt at most; what a tool answers counts as a question, and a
//! call of a tool as an answer.

use super::said::{Role, Said};
use super::sample::{NO_ANSWER, Purpose, Reason, Sample};
use super::{Files, Names, PLACEHOLDERS_WITH_SOUND, Paths, Rules, Trainer, push_optional, push_start};
use crate::error::{Error, Result};
use crate::export::folder::OutputFolder;
use crate::export::json::{Object, push_text};
use serde_json::{Map, Value, json};

/// The file that describes the others.
pub(super) const FILE: &str = "dataset_info.json";

static NAMES: Names =
    Names { role: "from", text: "value", roles: ["system", "human", "gpt", "function_call", "observation"] };

pub(super) struct LlamaFactory;

impl Trainer for LlamaFactory {
    fn rules(&self) -> Rules {
        // It counts the placeholders of the question with the better answer, and with the worse one, and holds each count
        // against one list of pictures: no two answers can show others. So answers that show any are left out.
        Rules {
            shows_answers: false,
            boxes_apart: false,
            takes_frames: true,
            takes_system: true,
            calls_hold_objects: true,
            takes_loss: false,
            placeholders: PLACEHOLDERS_WITH_SOUND,
            thinks_in_answers: &[Role::Assistant, Role::Call],
        }
    }

    fn names(&self) -> &'static Names {
        &NAMES
    }

    fn refuses(&self, sample: &Sample) -> Option<Reason> {
        let turns = match &sample.turns[..] {
            [first, rest @ ..] if first.role == Role::System => rest,
            turns => turns,
        };
        let is_in_turn = |(at, said): (usize, &Said)| match at % 2 {
            0 => matches!(said.role, Role::User | Role::Tool),
            _ => matches!(said.role, Role::Assistant | Role::Call),
        };
        if !turns.iter().enumerate().all(is_in_turn) {
            return Some("questions and answers do not take turns");
        }
        match sample.purpose() {
            _ if turns.is_empty() => Some("they say nothing"),
            Purpose::Grpo => Some(NO_ANSWER),
            Purpose::Dpo if turns.len() % 2 == 0 => Some("their pair answers no question"),
            _ => None,
        }
    }

    fn write(&self, out: &mut Vec<u8>, sample: &Sample, paths: &Paths) -> Vec<&'static str> {
        let mut fields = Vec::new();
        let mut object = Object::new(out);
        push_start(&mut object, sample);
        object.list("conversations", &sample.turns, |out, said| NAMES.push(out, said));
        if let Some([chosen, rejected]) = &sample.pair {
            NAMES.push(object.key("chosen"), chosen);
            NAMES.push(object.key("rejected"), rejected);
        }
        if sample.purpose() == Purpose::Kto {
            object.raw_opt("kto_tag", sample.mark);
        }
        let tools = sample.tools.as_deref().map(|tools| move |out: &mut Vec<u8>| push_text(out, tools));
        push_optional(&mut object, &mut fields, "tools", tools);
        let pictures = (!paths.pictures.is_empty()).then_some(|out: &mut Vec<u8>| paths.push_pictures(out));
        push_optional(&mut object, &mut fields, "images", pictures);
        let videos = (!paths.videos.is_empty()).then_some(|out: &mut Vec<u8>| paths.push_videos(out));
        push_optional(&mut object, &mut fields, "videos", videos);
        object.end();
        fields
    }

    fn describe(&self, folder: &OutputFolder, files: &Files<'_>) -> Result<u64> {
        let mut all = Map::new();
        for ((purpose, _), file) in files {
            let mut columns = json!({"messages": "conversations"});
            let of_purpose: &[&str] = match purpose {
                Purpose::Dpo => &["chosen", "rejected"],
                Purpose::Kto => &["kto_tag"],
                _ => &[],
            };
            let optional = ["tools", "images", "videos"].into_iter().filter(|name| file.fields.contains(name));
            for name in of_purpose.iter().copied().chain(optional) {
                columns[name] = name.into();
            }
            let mut entry = json!({"file_name": file.name, "formatting": "sharegpt", "columns": columns});
            if *purpose == Purpose::Dpo {
                entry["ranking"] = Value::Bool(true);
            }
            let stem = file.name.rsplit_once('.').map_or(&*file.name, |(stem, _)| stem);
            all.insert(stem.to_owned(), entry);
        }
        let text = serde_json::to_string_pretty(&all)
            .map_err(|error| Error::invalid(format!("the files cannot be described: {error}")))?;
        folder.write(FILE, text.as_bytes())?;
        Ok(text.len() as u64)
    }
}
