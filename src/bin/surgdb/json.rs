//! JSON that keeps what is JSON already as it was written: numbers of any size, the order of keys, keys given twice.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// A JSON value.
#[derive(Debug)]
pub enum Json {
    /// A value that is made here.
    Value(Value),
    /// JSON text, as it was written.
    Written(Box<RawValue>),
    /// A list.
    List(Vec<Json>),
    /// An object; its fields in this order.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// JSON that is kept as text; text that is no JSON becomes a string.
    pub fn written(text: &str) -> Self {
        match RawValue::from_string(text.to_owned()) {
            Ok(written) => Self::Written(written),
            Err(_) => Self::Value(text.into()),
        }
    }

    /// The same where there is a text, else null.
    pub fn written_opt(text: Option<&str>) -> Self {
        text.map_or(Self::Value(Value::Null), Self::written)
    }

    /// An object with these fields.
    pub fn object<const N: usize>(fields: [(&str, Json); N]) -> Self {
        Self::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }
}

impl<T: Into<Value>> From<T> for Json {
    fn from(value: T) -> Self {
        Self::Value(value.into())
    }
}

impl FromIterator<Json> for Json {
    fn from_iter<I: IntoIterator<Item = Json>>(items: I) -> Self {
        Self::List(items.into_iter().collect())
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Value(value) => value.serialize(serializer),
            Self::Written(written) => written.serialize(serializer),
            Self::List(items) => serializer.collect_seq(items),
            Self::Object(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                fields.iter().try_for_each(|(name, value)| map.serialize_entry(name, value))?;
                map.end()
            }
        }
    }
}
