//! Rows of JSON files: items of the file's own list or lines, or what stands in members of its object.
//!
//! The list is read item by item, and a member entry by entry where the way to its rows leads through all of them; what
//! stands deeper is held for one entry at a time.

use super::around;
use super::model::{RowSet, Table};
use super::read::{Event, Place, Take};
use super::route::Stop;
use super::row::{Fields, FileFacts, Row, fields_of, items};
use crate::error::{Error, Result};
use crate::import::raw::Field;
use crate::import::records::members::{Entry, MemberReader};
use crate::import::records::{Record, RecordReader};
use serde_json::value::RawValue;
use std::io::Read;

/// How long all members that rows refer to may be together.
const TOP_LIMIT: usize = 1 << 20;

/// Gives the rows of a file to `take`, which says whether to go on. What the file says besides them comes to `other`.
pub(super) fn read(
    table: &Table,
    facts: &FileFacts,
    input: &mut dyn Read,
    take: Take<'_>,
    other: &mut dyn FnMut(&str, &str),
) -> Result<()> {
    let counts = vec![0; table.sets.len()];
    let mut walk = Walk { table, facts, counts, take, place: Place::default(), left: Vec::new() };
    match table.sets.first().is_some_and(|set| set.route.is_of_list()) {
        true => list(&mut walk, input, other),
        false => members(&mut walk, input, other),
    }
}

/// The members that rows refer to, wherever they stand in the file.
pub(super) fn top(table: &Table, input: &mut dyn Read) -> Result<Vec<(String, Box<RawValue>)>> {
    let opened = opened(table);
    let mut reader = MemberReader::new(input, &opened);
    let (mut found, mut length) = (Vec::new(), 0);
    while let Some(member) = reader.next_member() {
        let member = member?;
        if member.entry != Entry::Whole || !table.top.iter().any(|name| name == member.key) {
            continue;
        }
        length += member.value.text.len();
        if length > TOP_LIMIT {
            let message = format!("the member `{}` is too long to be told of each row", member.key);
            return Err(Error::input(message).at_line(member.value.line));
        }
        let raw = RawValue::from_string(member.value.text.to_owned()).map_err(|error| member.value.error(&error))?;
        found.push((member.key.to_owned(), raw));
    }
    Ok(found)
}

/// The members that are read entry by entry.
fn opened(table: &Table) -> Vec<&str> {
    fn name(stops: &[Stop]) -> Option<&str> {
        match stops {
            [Stop::Name(name), Stop::Items | Stop::Members, ..] => Some(name.as_str()),
            _ => None,
        }
    }
    table.sets.iter().filter_map(|set| name(&set.route.0)).collect()
}

/// A walk to rows.
struct Walk<'t> {
    table: &'t Table,
    facts: &'t FileFacts,
    /// How many rows of each set there were.
    counts: Vec<u64>,
    take: Take<'t>,
    place: Place,
    /// What no key takes of the entry at hand, by its place there.
    left: Vec<(String, String)>,
}

fn list(walk: &mut Walk<'_>, input: &mut dyn Read, other: &mut dyn FnMut(&str, &str)) -> Result<()> {
    let of_items = |stops: &[Stop]| matches!(stops.first(), Some(Stop::Items)).then_some(1);
    let mut reader = RecordReader::new(input);
    while let Some(record) = reader.next_record() {
        let goes_on = match record {
            Ok(record) => {
                walk.place = Place::of(&record);
                let key = record.number.saturating_sub(1).to_string();
                let goes_on = walk.entry(&record, &key, of_items)?;
                walk.tell_left(&key, other);
                goes_on
            }
            Err(error) => {
                walk.pass(of_items);
                let (number, line) = (error.record().unwrap_or_default(), error.line().unwrap_or_default());
                walk.place = Place { number, line, position: walk.place.position };
                (walk.take)(&walk.place, Event::Bad(error))?
            }
        };
        reader.check_rest()?;
        if !goes_on {
            return Ok(());
        }
    }
    Ok(())
}

fn members(walk: &mut Walk<'_>, input: &mut dyn Read, other: &mut dyn FnMut(&str, &str)) -> Result<()> {
    let opened = opened(walk.table);
    let mut reader = MemberReader::new(input, &opened);
    let mut number = 0;
    while let Some(member) = reader.next_member() {
        let member = member?;
        number += 1;
        walk.place = Place { number, ..Place::of(&member.value) };
        let position = member.value.number.saturating_sub(1).to_string();
        let (stop, key) = match member.entry {
            Entry::Whole => (None, member.key),
            Entry::Element => (Some(Stop::Items), position.as_str()),
            Entry::Named(name) => (Some(Stop::Members), name),
        };
        let led = |stops: &[Stop]| match (stops, &stop) {
            ([Stop::Name(name), next, ..], Some(stop)) => (name == member.key && next == stop).then_some(2),
            ([Stop::Name(name), ..], None) => (name == member.key).then_some(1),
            ([Stop::Members, ..], None) => Some(1),
            _ => None,
        };
        if !walk.table.sets.iter().any(|set| led(&set.route.0).is_some()) {
            if opened.contains(&member.key) {
                let message =
                    format!("`{}` is not what the map's `at` says: a list for `[]`, an object for `*`", member.key);
                return Err(Error::input(message).at_line(member.value.line).at_byte(member.value.offset));
            }
            if !walk.table.top.iter().any(|name| name == member.key) {
                other(member.key, member.value.text);
            }
            continue;
        }
        let goes_on = walk.entry(&member.value, key, led)?;
        match member.entry {
            Entry::Whole => walk.tell_left(member.key, other),
            _ => walk.tell_left(&format!("{}/{key}", member.key), other),
        }
        if !goes_on {
            return Ok(());
        }
    }
    Ok(())
}

impl Walk<'_> {
    /// Takes the rows of an entry; whether to go on. `led` says how many stops of a way lead to it, if it does.
    fn entry(&mut self, record: &Record<'_>, key: &str, led: impl Fn(&[Stop]) -> Option<usize>) -> Result<bool> {
        // The whole entry is checked before anything of it is taken.
        let raw: &RawValue = match serde_json::from_str(record.text) {
            Ok(raw) => raw,
            Err(error) => {
                self.pass(led);
                return (self.take)(&self.place, Event::Bad(record.error(&error)));
            }
        };
        let table = self.table;
        let ways: Vec<(&RowSet, &[Stop])> = table
            .sets
            .iter()
            .filter_map(|rows| {
                let (_, ahead) = led(&rows.route.0).and_then(|led| rows.route.0.split_at_checked(led))?;
                Some((rows, ahead))
            })
            .collect();
        let left = &mut self.left;
        around::left(table, raw, &ways, &mut |place, text| left.push((place.to_owned(), text.to_owned())));
        for (set, rows) in table.sets.iter().enumerate() {
            let Some((behind, ahead)) = led(&rows.route.0).and_then(|led| rows.route.0.split_at_checked(led)) else {
                continue;
            };
            let mut keys = match behind.last() {
                Some(Stop::Items | Stop::Members) => vec![key.to_owned()],
                _ => Vec::new(),
            };
            if !self.step(set, raw, ahead, &mut keys, None)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Counts an entry that cannot be read as a row where it is one, so that others keep their numbers when it is mended.
    fn pass(&mut self, led: impl Fn(&[Stop]) -> Option<usize>) {
        for (count, set) in self.counts.iter_mut().zip(&self.table.sets) {
            *count += u64::from(led(&set.route.0) == Some(set.route.0.len()));
        }
    }

    /// Goes on to the rows of a set below a value.
    fn step(
        &mut self,
        set: usize,
        raw: &RawValue,
        stops: &[Stop],
        keys: &mut Vec<String>,
        parent: Option<&[Field<'_>]>,
    ) -> Result<bool> {
        let Some((stop, rest)) = stops.split_first() else { return self.row(set, raw, keys, parent) };
        if raw.get() == "null" {
            return Ok(true);
        }
        let fields = match fields_of(raw.get()) {
            None => None,
            Some(Ok(fields)) => Some(fields),
            Some(Err(error)) => return (self.take)(&self.place, Event::Bad(error)),
        };
        match (stop, fields) {
            (Stop::Name(name), Some(fields)) => match fields.iter().find(|(known, _)| known == name) {
                Some((_, value)) => self.step(set, value, rest, keys, Some(fields.as_slice())),
                None => Ok(true),
            },
            (Stop::Members, Some(fields)) => {
                for (name, value) in &fields {
                    keys.push(name.clone().into_owned());
                    let goes_on = self.step(set, value, rest, keys, Some(fields.as_slice()))?;
                    keys.pop();
                    if !goes_on {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            (Stop::Items, None) => {
                let Some(items) = items(raw) else { return self.no_rows(stop) };
                for (at, item) in items.into_iter().enumerate() {
                    keys.push(at.to_string());
                    let goes_on = self.step(set, item, rest, keys, parent)?;
                    keys.pop();
                    if !goes_on {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            _ => self.no_rows(stop),
        }
    }

    /// Tells what no key takes of the entry with this name or number.
    fn tell_left(&mut self, key: &str, other: &mut dyn FnMut(&str, &str)) {
        for (place, text) in self.left.drain(..) {
            let place = if place.is_empty() { key.to_owned() } else { format!("{key}/{place}") };
            other(&place, &text);
        }
    }

    fn no_rows(&mut self, stop: &Stop) -> Result<bool> {
        let what = match stop {
            Stop::Items => "a list",
            Stop::Name(_) | Stop::Members => "an object",
        };
        (self.take)(&self.place, Event::Bad(Error::input(format!("there should be {what} here, by the map's `at`"))))
    }

    fn row(&mut self, set: usize, raw: &RawValue, keys: &[String], parent: Option<&[Field<'_>]>) -> Result<bool> {
        let number = match self.counts.get_mut(set) {
            Some(count) => {
                *count += 1;
                *count
            }
            None => 0,
        };
        let fields = match fields_of(raw.get()) {
            None => Fields::Whole(raw),
            Some(Ok(fields)) => Fields::Object(fields),
            Some(Err(error)) => return (self.take)(&self.place, Event::Bad(error)),
        };
        let row = Row { fields, keys, parent, file: self.facts, number };
        (self.take)(&self.place, Event::Row(set, &row))
    }
}
