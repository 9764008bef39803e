//! Rows whose question and answers are the JSON of one field, as RLHF-V's are.

use crate::import::raw::{ObjectText, RawRecord, as_text};
use memchr::memmem;
use std::borrow::Cow;

/// The field that holds them.
const KEY: &str = "text";
/// What it holds at least.
const HELD: [&str; 3] = ["question", "chosen", "rejected"];

/// A record with the fields of its `text` in that one's place, where these are a question with a preferred and a rejected
/// answer; any other as it is.
pub(in crate::import) fn unfolded(record: &str) -> Cow<'_, str> {
    let has = |what: &str| memmem::find(record.as_bytes(), what.as_bytes()).is_some();
    let may_be_one = has("\"text\"") && HELD.iter().all(|name| has(name));
    match may_be_one.then(|| spliced(record)).flatten() {
        Some(text) => Cow::Owned(text),
        None => Cow::Borrowed(record),
    }
}

fn spliced(record: &str) -> Option<String> {
    let outer: RawRecord<'_> =
        serde_json::from_str(record).ok().filter(|outer: &RawRecord<'_>| outer.turns.is_none())?;
    let value = outer.get(KEY)?;
    let text = as_text(value).unwrap_or(Cow::Borrowed(value.get()));
    let inner: RawRecord<'_> = serde_json::from_str(&text).ok()?;
    let is_free = inner.turns.is_none() && inner.fields.iter().all(|(key, _)| outer.get(key).is_none());
    if !is_free || HELD.iter().any(|name| inner.get(name).is_none()) {
        return None;
    }
    let mut whole = ObjectText::default();
    for (key, value) in &outer.fields {
        match &**key {
            KEY => whole.fields(&inner.fields),
            _ => whole.raw(key, value.get()),
        }
    }
    whole.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_within_a_text_stands_in_its_place() {
        let pair = r#"{"question":"q \"x\"","chosen":"good","rejected":"bad"}"#;
        let wanted = r#"{"idx":1,"question":"q \"x\"","chosen":"good","rejected":"bad","image":"a.png"}"#;
        let text = serde_json::to_string(pair).unwrap();
        for text in [text.as_str(), pair] {
            assert_eq!(unfolded(&format!(r#"{{"idx":1,"text":{text},"image":"a.png"}}"#)), wanted);
        }
        for other in [
            r#"{"text":"question chosen rejected"}"#.to_owned(),
            r#"{"text":{"question":"q","chosen":"good"},"rejected":"x"}"#.to_owned(),
            format!(r#"{{"text":{pair},"question":"another"}}"#),
            format!(r#"{{"text":{pair},"messages":[]}}"#),
            format!(r#"{{"text":{pair}"#),
            format!("[{pair}]"),
        ] {
            assert!(matches!(unfolded(&other), Cow::Borrowed(_)), "{other}");
        }
    }
}
