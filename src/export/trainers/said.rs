//! What one turn says, as trainers take it: its text, with the call of a tool that it is, and with what was thought
//! before it.

use super::Rules;
use crate::export::json::{Object, WrittenFields, push_list};
use crate::schema::rows::TurnRow;
use serde_json::value::RawValue;

/// Fields of turns that no form has.
const FIELDS: &str = "further fields of turns";
/// Answers that are not to be learned, where a form cannot say so.
pub(super) const LOSS: &str = "`loss: false` of answers: they are trained on";
/// What was thought before an answer, where a form cannot say so.
const THOUGHTS: &str = "reasoning that stands in a field of its own beside an answer";
/// How what was thought was written.
const THOUGHTS_INSIDE: &str = "reasoning as a field of its own: it stands in the answer, as <think>…</think>";

/// What one says.
pub(super) struct Said {
    pub(super) role: Role,
    pub(super) text: String,
    /// Whether it is to be learned, where the turn says so and the form can.
    pub(super) loss: Option<bool>,
}

impl Said {
    /// Whether it is an answer that says nothing, as where its text was a placeholder that nothing stands at.
    pub(super) fn is_empty_answer(&self) -> bool {
        self.role == Role::Assistant && self.text.trim().is_empty()
    }
}

/// Who says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::export) enum Role {
    System,
    User,
    Assistant,
    /// An answer that calls a tool; its text is the call, as JSON.
    Call,
    /// What a tool answers.
    Tool,
}

/// What a turn says beyond its columns.
#[derive(Default)]
pub(super) struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'a> Fields<'a> {
    pub(super) fn of(turn: &'a TurnRow) -> Self {
        let fields = turn.extra.as_deref().and_then(|extra| serde_json::from_str::<WrittenFields<'_>>(extra).ok());
        Self(fields.map(|fields| fields.0).unwrap_or_default())
    }

    fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| *value)
    }

    fn take(&mut self, name: &str) -> Option<&'a RawValue> {
        let at = self.0.iter().position(|(key, _)| key == name)?;
        Some(self.0.remove(at).1)
    }

    /// Whether content parts of the turn are neither text nor picture nor video.
    pub(super) fn has_other_parts(&self) -> bool {
        // A part of text alone is a number.
        #[derive(serde::Deserialize)]
        struct Part {
            text: Option<u64>,
            medium: Option<u64>,
        }
        let borders = self.get("~parts").and_then(|all| serde_json::from_str::<Vec<&RawValue>>(all.get()).ok());
        let parts = borders.iter().flatten().filter_map(|border| serde_json::from_str::<Part>(border.get()).ok());
        parts.into_iter().any(|part| part.text.or(part.medium).is_none())
    }

    /// Whether the turn is to be learned, where it says so.
    fn take_loss(&mut self) -> Option<bool> {
        let loss = match self.get("loss")?.get() {
            "true" | "1" | "1.0" => true,
            "false" | "0" | "0.0" => false,
            _ => return None,
        };
        self.take("loss");
        Some(loss)
    }

    /// What was thought before the answer.
    fn take_thoughts(&mut self) -> Option<String> {
        ["reasoning_content", "reasoning"].into_iter().find_map(|name| {
            let thoughts: String = serde_json::from_str(self.get(name)?.get()).ok()?;
            self.take(name);
            Some(thoughts).filter(|thoughts| !thoughts.trim().is_empty())
        })
    }
}

/// A turn with this text; a call of a tool becomes its text.
pub(super) fn said(turn: &TurnRow, mut text: String, rules: &Rules, lost: &mut Vec<(&'static str, u64)>) -> Said {
    let mut fields = Fields::of(turn);
    let role = match &*turn.role {
        "system" => Role::System,
        "assistant" => match fields.get("~role").map(RawValue::get) {
            Some("\"function_call\"" | "\"tool_call\"") => Role::Call,
            _ => Role::Assistant,
        },
        "tool" => Role::Tool,
        _ => Role::User,
    };
    let is_answer = matches!(role, Role::Assistant | Role::Call);
    let calls = fields
        .get("tool_calls")
        .filter(|_| role == Role::Assistant)
        .and_then(|written| calls(written, rules.calls_hold_objects));
    let role = if calls.is_some() { Role::Call } else { role };
    if let Some(calls) = calls {
        fields.take("tool_calls");
        lost.push(("what is said beside a call of a tool", u64::from(!text.is_empty())));
        text = calls;
    }
    let mut loss = if is_answer { fields.take_loss() } else { None };
    if !rules.takes_loss {
        lost.push((LOSS, u64::from(loss == Some(false))));
        loss = None;
    }
    if let Some(thoughts) = is_answer.then(|| fields.take_thoughts()).flatten() {
        let is_inside = rules.thinks_in_answers.contains(&role) && !text.contains("<think>");
        lost.push((if is_inside { THOUGHTS_INSIDE } else { THOUGHTS }, 1));
        if is_inside {
            text = format!("<think>\n{}\n</think>\n\n{text}", thoughts.trim());
        }
    }
    // That a question is not to be learned goes without saying.
    let is_said = |(key, value): &&(String, &RawValue)| {
        let is_default = key == "loss" && matches!(value.get(), "false" | "0");
        !is_default && !key.starts_with('~') && value.get() != "null"
    };
    let further = fields.0.iter().filter(is_said).count() + usize::from(turn.name.is_some());
    lost.push((FIELDS, further as u64));
    Said { role, text, loss }
}

/// Calls of tools as OpenAI writes them, as a text: one as an object, several as a list. OpenAI has the arguments as a text
/// that is JSON; `hold_objects` where they are to be the object that it is.
fn calls(value: &RawValue, hold_objects: bool) -> Option<String> {
    let calls: Vec<WrittenFields<'_>> = serde_json::from_str(value.get()).ok()?;
    let write = |out: &mut Vec<u8>, call: &WrittenFields<'_>| match field(call, "function") {
        Some(function) => match serde_json::from_str::<WrittenFields<'_>>(function.get()) {
            Ok(function) if hold_objects => push_call(out, &function.0, true),
            _ => out.extend_from_slice(function.get().as_bytes()),
        },
        None => {
            let named = ["name", "arguments"];
            let said: Vec<_> = call.0.iter().filter(|(key, _)| named.contains(&&**key)).cloned().collect();
            push_call(out, &said, hold_objects);
        }
    };
    let mut out = Vec::new();
    match &calls[..] {
        [] => return None,
        [one] => write(&mut out, one),
        several => push_list(&mut out, several, write),
    }
    String::from_utf8(out).ok()
}

fn field<'a>(fields: &WrittenFields<'a>, name: &str) -> Option<&'a RawValue> {
    fields.0.iter().find(|(key, value)| key == name && value.get() != "null").map(|(_, value)| *value)
}

/// Writes a call with these fields.
fn push_call(out: &mut Vec<u8>, fields: &[(String, &RawValue)], hold_objects: bool) {
    let mut object = Object::new(out);
    for (key, value) in fields {
        let text = serde_json::from_str::<String>(value.get()).ok().filter(|_| hold_objects && key == "arguments");
        let inside = text.as_deref().and_then(|text| serde_json::from_str::<&RawValue>(text).ok());
        let inside = inside.filter(|inside| inside.get().starts_with('{'));
        object.raw(key, inside.unwrap_or(value).get());
    }
    object.end();
}
