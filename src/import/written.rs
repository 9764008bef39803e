//! JSON that is kept as it was written.

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// The text of a JSON value, byte for byte.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written(String);

impl Written {
    pub(super) fn new(json: String) -> Self {
        Self(json)
    }

    /// The text.
    pub fn get(&self) -> &str {
        &self.0
    }
}

impl Serialize for Written {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match serde_json::from_str::<&RawValue>(&self.0) {
            Ok(value) => value.serialize(serializer),
            // Its source was not looked at so closely: as text it is kept all the same.
            Err(_) => serializer.serialize_str(&self.0),
        }
    }
}
