//! Prompts, and the endings that go with them: preference pairs, marks, solutions.

use super::media::Inputs;
use super::turns;
use crate::error::{Error, Result};
use crate::import::draft::Draft;
use crate::import::format::Format;
use crate::import::raw::{Content, ObjectText, RawRecord, RawTurn, as_text};
use crate::schema::rows::AlternativeRow;
use serde_json::value::RawValue;

/// The turns of a record with a `prompt`, or of one whose endings share their start.
pub(super) fn prompt(record: &mut RawRecord<'_>, draft: &mut Draft, inputs: &mut Inputs<'_>) -> Result<()> {
    if let Some(value) = record.take("prompt") {
        let list = spoken(value, "prompt", "user")?;
        turns::add(draft, list, inputs)?;
    }
    if let Some(value) = record.take("completion") {
        let list = spoken(value, "completion", "assistant")?;
        turns::add(draft, list, inputs)?;
    }
    Ok(())
}

/// The turns of a record with `instruction`, `input` and `output`, or `query` and `response`.
pub(super) fn alpaca(record: &mut RawRecord<'_>, draft: &mut Draft) -> Result<()> {
    if let Some(value) = record.take("history") {
        let history: Vec<(String, String)> = serde_json::from_str(value.get())
            .map_err(|error| Error::input(format!("the field `history` is no list of pairs: {error}")))?;
        for (question, answer) in history {
            draft.turns.push(turns::plain("user", &question));
            draft.turns.push(turns::plain("assistant", &answer));
        }
    }
    let question = record.take_text("instruction").or_else(|| record.take_text("query")).unwrap_or_default();
    let mut turn = turns::plain("user", &question);
    if let Some(input) = record.take_text("input") {
        if !turn.text.is_empty() {
            turn.text.push('\n');
        }
        let mut extra = ObjectText::default();
        extra.raw("~input", &turn.text.len().to_string());
        turn.extra = extra.finish();
        turn.text.push_str(&input);
    } else if record.get("input").is_some_and(|value| value.get() == "\"\"") {
        record.take("input");
    }
    draft.turns.push(turn);
    if let Some(answer) = record.take_text("output").or_else(|| record.take_text("response")) {
        draft.turns.push(turns::plain("assistant", &answer));
    }
    Ok(())
}

/// Takes what tells answers apart: other endings, marks, solutions; and the tools. Endings that repeat the
/// conversation, or start alike, lose that unless they are `exact`.
pub(super) fn take(record: &mut RawRecord<'_>, draft: &mut Draft, format: Format, exact: bool) -> Result<()> {
    let mut endings = Vec::new();
    for (kind, names) in
        [("chosen", &["chosen"][..]), ("rejected", &["rejected", "rejected_response", "rejected_messages"])]
    {
        for name in names {
            let Some(value) = record.get(name).filter(|value| value.get() != "null") else { continue };
            record.take(name);
            let list = spoken(value, name, "assistant")?;
            let turns = turns::ending(list, draft)?;
            let score = score(record, kind);
            endings.push(AlternativeRow { kind: kind.into(), turns, score, ..AlternativeRow::default() });
        }
    }
    if !exact {
        share_start(draft, &mut endings);
    }
    draft.alternatives = endings;
    for name in ["kto_tag", "label"] {
        if let Some(mark) = record.get(name).and_then(|value| value.get().parse::<bool>().ok()) {
            draft.preferred = Some(mark);
            record.take(name);
            break;
        }
    }
    let solutions: &[&str] =
        if format == Format::Preference { &["solution", "answer", "ground_truth"] } else { &["solution"] };
    if let Some(name) = solutions.iter().find(|name| record.get(name).is_some_and(|value| value.get() != "null")) {
        let value = record.get(name);
        draft.solution = value.map(text_or_json);
        // One that is no text stays in `extra` too, so that it comes back as what it was.
        if value.is_some_and(|value| value.get().starts_with('"')) {
            record.take(name);
        }
    }
    if let Some(value) = record.get("tools").filter(|value| !matches!(value.get(), "null" | "\"\"")) {
        draft.tools = Some(text_or_json(value));
        record.take("tools");
    }
    Ok(())
}

/// Where the conversation has no turns, those that all endings start with become its turns; where endings repeat the
/// conversation, they lose the repetition.
fn share_start(draft: &mut Draft, endings: &mut [AlternativeRow]) {
    let has_turns = draft.turns.iter().any(|turn| turn.role != "system");
    if !has_turns && let [first, rest @ ..] = &*endings {
        let most = first.turns.len().saturating_sub(1);
        let shared = first.turns.iter().take(most).enumerate();
        let shared =
            shared.take_while(|(at, turn)| rest.iter().all(|other| other.turns.get(*at) == Some(*turn))).count();
        draft.turns.extend(first.turns.iter().take(shared).cloned());
        for ending in &mut *endings {
            ending.turns.drain(..shared.min(ending.turns.len()));
        }
        return;
    }
    for ending in endings.iter_mut().filter(|ending| ending.turns.len() > 1) {
        let shared = ending.turns.iter().zip(&draft.turns).take_while(|(a, b)| a == b).count();
        if shared < ending.turns.len() {
            ending.turns.drain(..shared);
        }
    }
}

/// What a field says: text of this role, one turn, or a list of turns.
fn spoken<'a>(value: &'a RawValue, name: &str, role: &'static str) -> Result<Vec<RawTurn<'a>>> {
    let wrong = |error: serde_json::Error| Error::input(format!("the field `{name}`: {error}"));
    match value.get().as_bytes().first() {
        Some(b'[') => serde_json::from_str(value.get()).map_err(wrong),
        Some(b'{') => Ok(vec![serde_json::from_str(value.get()).map_err(wrong)?]),
        _ => {
            let content: Content<'a> = serde_json::from_str(value.get()).map_err(wrong)?;
            Ok(vec![RawTurn { role: Some(role.into()), content, ..RawTurn::default() }])
        }
    }
}

/// The score of an ending, where the record states one.
fn score(record: &mut RawRecord<'_>, kind: &str) -> Option<f64> {
    let names = [format!("score_{kind}"), format!("{kind}_score")];
    let (name, score) = names.iter().find_map(|name| {
        let score = record.get(name)?.get().parse::<f64>().ok()?;
        Some((name, score))
    })?;
    record.take(name);
    Some(score)
}

/// Text as it is, anything else as its JSON.
fn text_or_json(value: &RawValue) -> String {
    as_text(value).map_or_else(|| value.get().to_owned(), |text| text.into_owned())
}
