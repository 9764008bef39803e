//! JSON text, written field by field, and the fields of JSON text as they were written.

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::collections::HashSet;
use std::fmt;

/// An object on its way into a buffer.
pub(super) struct Object<'a> {
    out: &'a mut Vec<u8>,
    is_empty: bool,
}

impl<'a> Object<'a> {
    /// Starts an object.
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, is_empty: true }
    }

    /// Writes a key: its value is to follow in the buffer that this returns.
    pub(super) fn key(&mut self, key: &str) -> &mut Vec<u8> {
        separate(self.out, &mut self.is_empty);
        push_text(self.out, key);
        self.out.push(b':');
        self.out
    }

    /// A field that is text.
    pub(super) fn text(&mut self, key: &str, value: &str) {
        push_text(self.key(key), value);
    }

    /// A field that is text, where there is one.
    pub(super) fn text_opt(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(key, value);
        }
    }

    /// A field whose value is JSON already, or a number or flag that displays as JSON.
    pub(super) fn raw(&mut self, key: &str, value: impl fmt::Display) {
        push_raw(self.key(key), value);
    }

    /// The same, where there is one.
    pub(super) fn raw_opt(&mut self, key: &str, value: Option<impl fmt::Display>) {
        if let Some(value) = value {
            self.raw(key, value);
        }
    }

    /// A list; `each` writes one entry.
    pub(super) fn list<T>(
        &mut self,
        key: &str,
        entries: impl IntoIterator<Item = T>,
        each: impl FnMut(&mut Vec<u8>, T),
    ) {
        push_list(self.key(key), entries, each);
    }

    /// Ends the object.
    pub(super) fn end(self) {
        self.out.push(b'}');
    }
}

/// The fields of an object that may turn out to have none.
#[derive(Default)]
pub(super) struct Fields(Vec<u8>);

impl Fields {
    /// Writes a key: its value is to follow in the buffer that this returns.
    pub(super) fn key(&mut self, key: &str) -> &mut Vec<u8> {
        self.0.push(if self.0.is_empty() { b'{' } else { b',' });
        push_text(&mut self.0, key);
        self.0.push(b':');
        &mut self.0
    }

    /// The object, where it has fields.
    pub(super) fn finish(mut self) -> Option<Vec<u8>> {
        if self.0.is_empty() {
            return None;
        }
        self.0.push(b'}');
        Some(self.0)
    }
}

fn separate(out: &mut Vec<u8>, is_empty: &mut bool) {
    if !std::mem::take(is_empty) {
        out.push(b',');
    }
}

/// Appends a list; `each` writes one entry.
pub(super) fn push_list<T>(
    out: &mut Vec<u8>,
    entries: impl IntoIterator<Item = T>,
    mut each: impl FnMut(&mut Vec<u8>, T),
) {
    let mut is_empty = true;
    out.push(b'[');
    for entry in entries {
        separate(out, &mut is_empty);
        each(out, entry);
    }
    out.push(b']');
}

/// Appends what displays as JSON: JSON text, an integer, a flag.
pub(super) fn push_raw(out: &mut Vec<u8>, value: impl fmt::Display) {
    use std::io::Write;
    // A write into memory does not fail.
    let _ = write!(out, "{value}");
}

/// A finite number as the shortest text that reads back as the same number.
pub(super) fn number(value: f64) -> String {
    serde_json::to_string(&value).unwrap_or_default()
}

/// The same for a number of 32 bits.
pub(super) fn number_32(value: f32) -> String {
    serde_json::to_string(&value).unwrap_or_default()
}

/// Appends text as a JSON string.
pub(super) fn push_text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut done = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape: &[u8] = match byte {
            b'"' => b"\\\"",
            b'\\' => b"\\\\",
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            b'\t' => b"\\t",
            0..b' ' => b"",
            _ => continue,
        };
        out.extend_from_slice(text.as_bytes().get(done..at).unwrap_or_default());
        done = at + 1;
        match escape {
            b"" => push_raw(out, format_args!("\\u{byte:04x}")),
            escape => out.extend_from_slice(escape),
        }
    }
    out.extend_from_slice(text.as_bytes().get(done..).unwrap_or_default());
    out.push(b'"');
}

/// Appends JSON text: as it is where it stands in one line, else as a string that holds it.
pub(super) fn push_json(out: &mut Vec<u8>, text: &str) {
    match text.starts_with('{') && !text.contains(['\n', '\r']) {
        true => out.extend_from_slice(text.as_bytes()),
        false => push_text(out, text),
    }
}

/// The fields of an object, in their order, values as they were written.
pub(super) struct WrittenFields<'a>(pub(super) Vec<(String, &'a RawValue)>);

impl<'a> WrittenFields<'a> {
    /// The fields of this text, if they can stand in one line and among others.
    pub(super) fn of(text: &'a str) -> Option<Self> {
        if text.contains(['\n', '\r']) {
            return None;
        }
        let fields: Self = serde_json::from_str(text).ok()?;
        let mut met = HashSet::with_capacity(fields.0.len());
        let are_single = fields.0.iter().all(|(key, _)| met.insert(key.as_str()));
        are_single.then_some(fields)
    }

    /// Whether writing them one by one gives this text.
    pub(super) fn are(&self, text: &str) -> bool {
        let mut again = Fields::default();
        self.0.iter().for_each(|(key, value)| push_raw(again.key(key), value.get()));
        again.finish().is_some_and(|again| again == text.as_bytes())
    }
}

impl<'de> Deserialize<'de> for WrittenFields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;
        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = WrittenFields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(WrittenFields(fields))
            }
        }
        deserializer.deserialize_map(FieldsVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn text_reads_back(text in any::<String>()) {
            let mut out = Vec::new();
            push_text(&mut out, &text);
            prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }
    }

    #[test]
    fn fields_come_apart_only_where_they_go_together_again() {
        let text = r#"{"a":1.50,"b":{"x" : [ ]}}"#;
        let fields = WrittenFields::of(text).unwrap();
        assert_eq!(fields.0[1].1.get(), r#"{"x" : [ ]}"#);
        assert!(fields.are(text));
        for text in ["{}", r#"{"a": 1}"#, r#"{"\u0061":1}"#] {
            assert!(!WrittenFields::of(text).unwrap().are(text), "{text}");
        }
        for text in [r#"{"a":1,"a":2}"#, "{\"a\":[\n]}", "[]"] {
            assert!(WrittenFields::of(text).is_none(), "{text}");
        }
    }
}
