//! A record as it was written: turns parsed, everything else kept as raw JSON, text borrowed where it has no escapes.

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

/// The keys that may hold the list of turns.
const TURN_KEYS: [&str; 4] = ["conversations", "conversation", "messages", "message"];

/// A field's name and its JSON, byte for byte.
pub(super) type Field<'a> = (Cow<'a, str>, &'a RawValue);

/// A record.
#[derive(Debug, Default)]
pub(super) struct RawRecord<'a> {
    /// The turns and the key that they stood under.
    pub(super) turns: Option<(Cow<'a, str>, Vec<RawTurn<'a>>)>,
    /// All other fields in their order.
    pub(super) fields: Vec<Field<'a>>,
}

impl<'a> RawRecord<'a> {
    /// Takes the field with this name out.
    pub(super) fn take(&mut self, name: &str) -> Option<&'a RawValue> {
        let at = self.fields.iter().position(|(key, _)| key == name)?;
        Some(self.fields.remove(at).1)
    }

    /// The field with this name.
    pub(super) fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.fields.iter().find(|(key, _)| key == name).map(|(_, value)| *value)
    }

    /// The record's id: text or a number.
    pub(super) fn id(&self) -> Option<String> {
        self.get("id").and_then(id_text).map(Cow::into_owned)
    }

    /// Takes the field out if it is text that is not empty.
    pub(super) fn take_text(&mut self, name: &str) -> Option<String> {
        let text = as_text(self.get(name)?)?;
        self.take(name);
        Some(text.into_owned())
    }
}

/// A turn.
#[derive(Debug, Default)]
pub(super) struct RawTurn<'a> {
    pub(super) role: Option<Cow<'a, str>>,
    pub(super) content: Content<'a>,
    pub(super) name: Option<Cow<'a, str>>,
    pub(super) others: Vec<Field<'a>>,
}

/// What a turn says.
#[derive(Debug, Default)]
pub(super) enum Content<'a> {
    /// There is no such field.
    #[default]
    Missing,
    /// The field is null.
    Null,
    /// One text.
    Text(Cow<'a, str>),
    /// A list of parts.
    Parts(Vec<RawPart<'a>>),
}

/// A content part: its fields in their order.
#[derive(Debug)]
pub(super) enum RawPart<'a> {
    /// A bare string in the list.
    Text(Cow<'a, str>),
    /// An object: all its fields.
    Object(Vec<Field<'a>>),
}

/// The fields of a JSON object, in their order; nothing where the text is none.
pub(super) fn fields_of(text: &str) -> Option<Vec<Field<'_>>> {
    match serde_json::from_str(text) {
        Ok(RawPart::Object(fields)) => Some(fields),
        _ => None,
    }
}

/// The text that a JSON value is; nothing for other values and for empty text.
pub(super) fn as_text(value: &RawValue) -> Option<Cow<'_, str>> {
    text_of_json(value.get())
}

fn text_of_json(json: &str) -> Option<Cow<'_, str>> {
    if !json.starts_with('"') {
        return None;
    }
    let text = serde_json::from_str::<Text<'_>>(json).ok()?.0;
    (!text.is_empty()).then_some(text)
}

/// A finite number, or text that is one and nothing else.
pub(super) fn number_of(value: &RawValue) -> Option<f64> {
    let text = as_text(value);
    let number = text.as_deref().unwrap_or(value.get()).trim();
    let is_number = serde_json::from_str::<&RawValue>(number)
        .is_ok_and(|number| number.get().starts_with(|first: char| first == '-' || first.is_ascii_digit()));
    number.parse::<f64>().ok().filter(|number| is_number && number.is_finite())
}

/// The text that an id is written as: text that is not empty, or a number.
pub(super) fn id_text(value: &RawValue) -> Option<Cow<'_, str>> {
    id_of_json(value.get())
}

/// The same of a value's JSON.
pub(super) fn id_of_json(json: &str) -> Option<Cow<'_, str>> {
    let is_number = json.starts_with(|first: char| first == '-' || first.is_ascii_digit());
    if is_number { Some(Cow::Borrowed(json)) } else { text_of_json(json) }
}

/// The id of a record that cannot be read whole: what stands as its `id` before its fault.
pub(super) fn id_of(text: &str) -> Option<String> {
    struct IdVisitor<'v>(&'v mut Option<String>);

    impl<'de> Visitor<'de> for IdVisitor<'_> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a record: a JSON object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
            while let Some(Text(key)) = map.next_key()? {
                let value: &'de RawValue = map.next_value()?;
                if key == "id" {
                    *self.0 = id_text(value).map(Cow::into_owned);
                }
            }
            Ok(())
        }
    }

    let mut id = None;
    // The fault was told already.
    let _ = serde_json::Deserializer::from_str(text).deserialize_map(IdVisitor(&mut id));
    id
}

/// A string that borrows where it can.
pub(super) struct Text<'a>(pub(super) Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(TextVisitor)
    }
}

impl<'de> Deserialize<'de> for RawRecord<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RecordVisitor;
        impl<'de> Visitor<'de> for RecordVisitor {
            type Value = RawRecord<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a record: a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let (mut record, mut names) = (RawRecord::default(), Names::new());
                while let Some(Text(key)) = map.next_key()? {
                    if record.turns.is_none() && TURN_KEYS.contains(&&*key) {
                        let turns = map.next_value::<Vec<RawTurn<'de>>>()?;
                        record.turns = Some((key, turns));
                        continue;
                    }
                    let twice = record.turns.as_ref().is_some_and(|(name, _)| *name == key);
                    push_field::<A>(&mut record.fields, &mut names, twice, key, &mut map)?;
                }
                Ok(record)
            }
        }
        deserializer.deserialize_map(RecordVisitor)
    }
}

impl<'de> Deserialize<'de> for RawTurn<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TurnVisitor;
        impl<'de> Visitor<'de> for TurnVisitor {
            type Value = RawTurn<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a turn: an object with `from` and `value`, or `role` and `content`")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let (mut turn, mut names) = (RawTurn::default(), Names::new());
                while let Some(Text(key)) = map.next_key()? {
                    match &*key {
                        "from" | "role" if turn.role.is_none() => turn.role = Some(map.next_value::<Text<'de>>()?.0),
                        "value" | "content" if matches!(turn.content, Content::Missing) => {
                            turn.content = map.next_value()?;
                        }
                        "name" if turn.name.is_none() => {
                            let value: &'de RawValue = map.next_value()?;
                            match serde_json::from_str::<Text<'de>>(value.get()) {
                                Ok(Text(name)) => turn.name = Some(name),
                                Err(_) => turn.others.push((key, value)),
                            }
                        }
                        known @ ("from" | "role" | "value" | "content" | "name") => {
                            return Err(de::Error::custom(format!("the turn says twice what its `{known}` is")));
                        }
                        _ => push_field::<A>(&mut turn.others, &mut names, false, key, &mut map)?,
                    }
                }
                Ok(turn)
            }
        }
        deserializer.deserialize_map(TurnVisitor)
    }
}

impl<'de> Deserialize<'de> for Content<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ContentVisitor;
        impl<'de> Visitor<'de> for ContentVisitor {
            type Value = Content<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text, a list of content parts or null")
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Content::Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Content::Text(Cow::Owned(text.to_owned())))
            }

            fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
                Ok(Content::Null)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut parts = Vec::new();
                while let Some(part) = seq.next_element()? {
                    parts.push(part);
                }
                Ok(Content::Parts(parts))
            }
        }
        deserializer.deserialize_any(ContentVisitor)
    }
}

impl<'de> Deserialize<'de> for RawPart<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PartVisitor;
        impl<'de> Visitor<'de> for PartVisitor {
            type Value = RawPart<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a content part: an object or text")
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(RawPart::Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(RawPart::Text(Cow::Owned(text.to_owned())))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let (mut fields, mut names) = (Vec::with_capacity(8), Names::new());
                while let Some(Text(key)) = map.next_key()? {
                    push_field::<A>(&mut fields, &mut names, false, key, &mut map)?;
                }
                Ok(RawPart::Object(fields))
            }
        }
        deserializer.deserialize_any(PartVisitor)
    }
}

/// The names of an object's fields, as soon as there are more than are looked through one by one.
type Names<'a> = HashSet<Cow<'a, str>>;

/// How many fields are looked through one by one.
const LOOKED_THROUGH: usize = 32;

/// Adds a field's raw value, unless its name stood here before: which of the two counts, nobody can say.
fn push_field<'de, A: MapAccess<'de>>(
    fields: &mut Vec<Field<'de>>,
    names: &mut Names<'de>,
    twice: bool,
    key: Cow<'de, str>,
    map: &mut A,
) -> Result<(), A::Error> {
    let is_there = if fields.len() < LOOKED_THROUGH {
        fields.iter().any(|(name, _)| *name == key)
    } else {
        if names.is_empty() {
            names.extend(fields.iter().map(|(name, _)| name.clone()));
        }
        !names.insert(key.clone())
    };
    if twice || is_there {
        return Err(de::Error::custom(format!("the key {key:?} stands twice in one object")));
    }
    let value = map.next_value()?;
    fields.push((key, value));
    Ok(())
}

/// Builds the text of a JSON object out of raw values.
#[derive(Debug, Default)]
pub(super) struct ObjectText(String);

impl ObjectText {
    /// How many bytes a short object has.
    const ROOM: usize = 96;

    /// Adds a field whose value is JSON already.
    pub(super) fn raw(&mut self, key: &str, json: &str) {
        self.start_field(key.len() + json.len());
        push_json_text(&mut self.0, key);
        self.0.push(':');
        self.0.push_str(json);
    }

    /// The same of a field in whose name there is nothing to escape.
    pub(super) fn unescaped(&mut self, key: &str, json: &str) {
        self.start_field(key.len() + json.len());
        ["\"", key, "\":", json].into_iter().for_each(|part| self.0.push_str(part));
    }

    /// Makes room for a field of this length, and begins it.
    fn start_field(&mut self, length: usize) {
        // Most objects are short: room for one is made once.
        let least = if self.0.capacity() == 0 { Self::ROOM } else { 0 };
        self.0.reserve(least.max(length + 5));
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
    }

    /// Adds a field whose value is text.
    pub(super) fn text(&mut self, key: &str, value: &str) {
        self.raw(key, "");
        push_json_text(&mut self.0, value);
    }

    /// Adds fields as they were written.
    pub(super) fn fields<'a>(&mut self, fields: impl IntoIterator<Item = &'a Field<'a>>) {
        for (key, value) in fields {
            self.raw(key, value.get());
        }
    }

    /// The object; nothing when it has no field.
    pub(super) fn finish(mut self) -> Option<String> {
        if self.0.is_empty() {
            return None;
        }
        self.0.push('}');
        Some(self.0)
    }
}

/// Appends text as a JSON string.
pub(super) fn push_json_text(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = first_escaped(rest.as_bytes()) {
        let (plain, from) = rest.split_at(at);
        out.push_str(plain);
        let (escaped, behind) = from.split_at(1);
        match escaped {
            "\"" => out.push_str("\\\""),
            "\\" => out.push_str("\\\\"),
            "\n" => out.push_str("\\n"),
            "\r" => out.push_str("\\r"),
            "\t" => out.push_str("\\t"),
            control => control.bytes().for_each(|byte| out.push_str(&format!("\\u{byte:04x}"))),
        }
        rest = behind;
    }
    out.push_str(rest);
    out.push('"');
}

/// The first byte that JSON text has to escape: most texts have none for long, so many are looked at together.
fn first_escaped(bytes: &[u8]) -> Option<usize> {
    let is_escaped = |byte: &u8| *byte < b' ' || matches!(byte, b'"' | b'\\');
    let plain =
        bytes.chunks_exact(32).take_while(|chunk| !chunk.iter().fold(false, |any, byte| any | is_escaped(byte)));
    let from = plain.count() * 32;
    let rest = bytes.get(from..).unwrap_or_default();
    rest.iter().position(is_escaped).map(|at| from + at)
}

/// The texts of two JSON objects as one.
pub(super) fn joined_objects(first: Option<String>, second: Option<String>) -> Option<String> {
    match (first, second) {
        (Some(first), Some(second)) => {
            let first = first.strip_suffix('}').unwrap_or(&first);
            Some(format!("{first},{}", second.strip_prefix('{').unwrap_or(&second)))
        }
        (first, second) => first.or(second),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_fields_come_back_byte_for_byte() {
        let text = r#"{"big":1e400,"id":007.5}"#;
        assert!(serde_json::from_str::<RawRecord<'_>>(text).is_err());
        let text = r#"{"big":12345678901234567890.10,"conversations":[{"from":"human","value":"a\n","loss":0.50}],"x":{"y" : [ ]}}"#;
        let record: RawRecord<'_> = serde_json::from_str(text).unwrap();
        let mut out = ObjectText::default();
        out.fields(&record.fields);
        assert_eq!(out.finish().unwrap(), r#"{"big":12345678901234567890.10,"x":{"y" : [ ]}}"#);
        let turn = &record.turns.unwrap().1[0];
        assert_eq!(turn.others[0].1.get(), "0.50");
        assert!(matches!(&turn.content, Content::Text(text) if text == "a\n"));
    }

    #[test]
    fn text_is_escaped_as_json_reads_it() {
        for (text, json) in [
            ("", r#""""#),
            ("plain é 框", r#""plain é 框""#),
            ("\"a\\\n\r\t", r#""\"a\\\n\r\t""#),
            (&"é\"".repeat(40), &format!("\"{}\"", r#"é\""#.repeat(40))),
            (&format!("{}\n", "x".repeat(63)), &format!("\"{}\\n\"", "x".repeat(63))),
            ("\u{1}é\u{1f} ", r#""\u0001é\u001f ""#),
        ] {
            let mut out = String::new();
            push_json_text(&mut out, text);
            assert_eq!(out, json);
            assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
        }
    }

    #[test]
    fn of_many_keys_none_stands_twice() {
        let keys: Vec<String> = (0..100).map(|key| format!("\"k{key}\":{key}")).collect();
        let parse = |more: &str| {
            let text = format!("{{{},{more}}}", keys.join(","));
            serde_json::from_str::<RawRecord<'_>>(&text).map(|record| record.fields.len()).map_err(|e| e.to_string())
        };
        assert_eq!(parse("\"new\":0").unwrap(), 101);
        for key in ["k0", "k31", "k32", "k99"] {
            let error = parse(&format!("\"new\":0,\"{key}\":0")).unwrap_err();
            assert!(error.contains(&format!("{key:?} stands twice")), "{error}");
        }
    }

    #[test]
    fn a_key_that_stands_twice_is_refused() {
        for text in [
            r#"{"a":1,"a":2}"#,
            r#"{"messages":[],"messages":[]}"#,
            r#"{"messages":[{"role":"user","role":"user","content":""}]}"#,
        ] {
            let error = serde_json::from_str::<RawRecord<'_>>(text).unwrap_err();
            assert!(error.to_string().contains("twice"), "{error}");
        }
    }
}
