//! Turns as written become turns of the schema.

use super::media::Inputs;
use super::parts::{self, Place};
use crate::error::{Error, Result};
use crate::import::draft::{Draft, MediaKind};
use crate::import::raw::{Content, Field, ObjectText, RawTurn};
use crate::import::report::Kind;
use crate::schema::roles::role_of;
use crate::schema::rows::TurnRow;
use crate::schema::text_digest::TextDigest;

/// A turn of text alone.
pub(super) fn plain(role: &str, text: &str) -> TurnRow {
    TurnRow { role: role.to_owned(), text: text.to_owned(), ..TurnRow::default() }
}

/// Adds these turns to the draft, with the media that stand in their content parts.
pub(super) fn add(draft: &mut Draft, list: Vec<RawTurn<'_>>, inputs: &mut Inputs<'_>) -> Result<()> {
    for turn in list {
        let number = draft.turns.len();
        let row = convert(turn, draft, (number, inputs))?;
        draft.turns.push(row);
    }
    Ok(())
}

/// How many content parts of these turns are of this kind, and leave their file to the record.
pub(super) fn without_file(list: &[RawTurn<'_>], kind: MediaKind) -> usize {
    let of_turn = |turn: &RawTurn<'_>| match &turn.content {
        Content::Parts(list) => parts::without_file(list, kind),
        _ => 0,
    };
    list.iter().map(of_turn).sum()
}

/// Turns of the ending with this number, whose media go to the draft's.
pub(super) fn ending(
    number: usize,
    list: Vec<RawTurn<'_>>,
    draft: &mut Draft,
    inputs: &mut Inputs<'_>,
) -> Result<Vec<TurnRow>> {
    let mut rows = Vec::with_capacity(list.len());
    for turn in list {
        let first = draft.media.len();
        rows.push(convert(turn, draft, (rows.len(), inputs))?);
        draft.media.iter_mut().skip(first).for_each(|medium| medium.ending = Some(number));
    }
    Ok(rows)
}

/// The fields of turns that call a tool, or answer a call: these may have no text.
const CALLS: [&str; 4] = ["tool_calls", "function_call", "tool_call", "tool_call_id"];

/// The text that stands under `text`, as some write it, where it is one.
fn take_text(others: &mut Vec<Field<'_>>) -> Option<String> {
    let at = others.iter().position(|(name, _)| name == "text")?;
    let text = others.get(at).and_then(|(_, value)| serde_json::from_str(value.get()).ok())?;
    others.remove(at);
    Some(text)
}

/// Whether a field of a turn names a picture or a video, which here only records and content parts do.
fn is_medium(name: &str, value: &str) -> bool {
    let is_named = parts::PICTURE_KEYS.contains(&name) || ["images", "video", "videos"].contains(&name);
    is_named && !["null", "[]", "\"\"", "false"].contains(&value)
}

/// The turn with this number; the record's own media are for parts that name none.
fn convert(mut raw: RawTurn<'_>, draft: &mut Draft, (turn, inputs): (usize, &mut Inputs<'_>)) -> Result<TurnRow> {
    let Some(written) = raw.role else {
        return Err(Error::input("a turn has neither `from` nor `role`"));
    };
    let mut extra = ObjectText::default();
    let role = match role_of(&written) {
        Some((role, usual)) => {
            if !usual {
                extra.text("~role", &written);
            }
            role
        }
        None => {
            extra.text("~role", &written);
            draft.find(Kind::UnknownRole, format!("{written:?}"));
            "user"
        }
    };
    let is_call = raw.others.iter().any(|(name, _)| CALLS.contains(&&**name));
    let text = match raw.content {
        Content::Text(text) => {
            draft.say(|said| said.text(&text));
            text.into_owned()
        }
        Content::Null => {
            extra.raw("~content", "null");
            if !is_call {
                draft.find(Kind::Doubtful, format!("the text of a turn of {written:?} is null"));
            }
            String::new()
        }
        Content::Missing => match take_text(&mut raw.others) {
            Some(text) => {
                draft.say(|said| said.text(&text));
                text
            }
            None => {
                extra.raw("~content", "false");
                if !is_call {
                    draft.find(Kind::Doubtful, format!("a turn of {written:?} has neither `value` nor `content`"));
                }
                String::new()
            }
        },
        Content::Parts(list) => {
            if list.is_empty() && !is_call {
                draft.find(Kind::Doubtful, format!("the content of a turn of {written:?} is an empty list"));
            }
            let by_assistant = role == "assistant";
            let (text, borders) = parts::read(list, draft, Place { turn, by_assistant, inputs })?;
            extra.raw("~parts", &borders);
            text
        }
    };
    draft.say(TextDigest::end_turn);
    if let Some((name, _)) = raw.others.iter().find(|(name, value)| is_medium(name, value.get())) {
        let what = format!("a turn's own `{name}` is kept in the turn, and nothing is shown by it");
        draft.find(Kind::OtherMedia, what);
    }
    extra.fields(&raw.others);
    Ok(TurnRow { role: role.to_owned(), text, name: raw.name.map(|name| name.into_owned()), extra: extra.finish() })
}
