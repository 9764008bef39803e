//! The ids of the images, annotations and categories of the file: those that COCO files gave them, where the dataset
//! has kept them and no other entry has the same, and new numbers between those.

use crate::format::numbers::whole_number;
use roaring::RoaringTreemap;
use serde_json::value::RawValue;
use std::collections::HashSet;
use std::fmt;

/// An id, as it stands in JSON: a whole number, or text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Id(Box<str>);

impl Id {
    /// What stands under `id`, where it is one.
    pub(super) fn of(value: &RawValue) -> Option<Self> {
        let text = value.get();
        let is_whole = whole_number::<i64>(text).is_some();
        let is_id = is_whole || serde_json::from_str::<String>(text).is_ok_and(|text| !text.is_empty());
        is_id.then(|| Self(text.into()))
    }

    /// The number that the id of a row ends with, behind the name of the file that it was read from.
    pub(super) fn behind_name(id: &str) -> Option<Self> {
        let (_, number) = id.rsplit_once('/')?;
        let is_number = whole_number::<u64>(number).is_some_and(|read| read < 1 << 63);
        is_number.then(|| Self(number.into()))
    }

    /// The id without quotes, as a row's id has it.
    pub(super) fn text(&self) -> String {
        serde_json::from_str::<String>(&self.0).unwrap_or_else(|_| self.0.to_string())
    }

    fn key(&self) -> Key {
        // Readers may take 1 and "1" for one id.
        let text = self.text();
        match whole_number(&text) {
            Some(number) => Key::Number(number),
            None => Key::Text(text.into()),
        }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

enum Key {
    Number(u64),
    Text(Box<str>),
}

/// Ids, each once.
#[derive(Default)]
struct Set {
    numbers: RoaringTreemap,
    texts: HashSet<Box<str>>,
}

impl Set {
    /// Adds an id; whether it was not there yet.
    fn add(&mut self, id: &Id) -> bool {
        match id.key() {
            Key::Number(number) => self.numbers.insert(number),
            Key::Text(text) => self.texts.insert(text),
        }
    }
}

/// The ids of one list.
#[derive(Default)]
pub(super) struct Ids {
    /// What no new id may be.
    kept: Set,
    given: Set,
    last: u64,
    /// How many entries got a new number.
    pub(super) new: u64,
}

impl Ids {
    /// Notes an id that some entry has kept: before any is given.
    pub(super) fn keep(&mut self, id: Option<&Id>) {
        id.map(|id| self.kept.add(id));
    }

    /// The id of an entry: the one that it has kept, where that is no other's, or a new number.
    pub(super) fn give(&mut self, kept: Option<Id>) -> Id {
        if let Some(id) = kept
            && self.given.add(&id)
        {
            return id;
        }
        self.new += 1;
        self.last += 1;
        while self.kept.numbers.contains(self.last) {
            self.last += 1;
        }
        Id(self.last.to_string().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> Option<Id> {
        Id::of(&RawValue::from_string(text.to_owned()).unwrap())
    }

    #[test]
    fn ids_are_whole_numbers_or_text() {
        for text in ["7", "0", "-7", "\"a/7\"", "\"007\""] {
            assert_eq!(id(text).unwrap().to_string(), text);
        }
        for text in ["1.0", "1e3", "-0", "null", "\"\"", "[1]", "18446744073709551615"] {
            assert_eq!(id(text), None, "{text}");
        }
        let behind = |id| Id::behind_name(id).map(|id| id.to_string());
        assert_eq!(behind("a/b/12").as_deref(), Some("12"));
        assert_eq!(["12", "a/#3", "a/12~2", "a/012", "a/x12"].map(behind), [const { None }; 5]);
    }

    #[test]
    fn kept_ids_come_back_once_and_new_ones_go_between_them() {
        let kept = ["2", "\"s\"", "2", "\"2\"", "null", "1.5", "4"].map(id);
        let mut ids = Ids::default();
        kept.iter().for_each(|id| ids.keep(id.as_ref()));
        let given = kept.map(|id| ids.give(id).to_string());
        assert_eq!(given, ["2", "\"s\"", "1", "3", "5", "6", "4"]);
        assert_eq!(ids.new, 4);
    }
}
