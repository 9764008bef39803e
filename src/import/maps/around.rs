//! What stands around the rows of a JSON file, and no key takes: fields of the objects on the way to them, and whole
//! objects in which there are no rows.

use super::model::{RowSet, Table};
use super::route::Stop;
use super::row::{fields_of, items};
use crate::import::raw::ObjectText;
use serde_json::value::RawValue;

/// Where a set's way goes on from here.
type Way<'t> = (&'t RowSet, &'t [Stop]);

/// Gives `take` what is left of an entry, with its place below the entry. `ways` are those of the sets whose rows it is
/// on the way to.
pub(super) fn left(table: &Table, raw: &RawValue, ways: &[Way<'_>], take: &mut dyn FnMut(&str, &str)) {
    // Where the entries are the rows, all their fields are theirs.
    if ways.iter().any(|(_, ahead)| ahead.iter().any(|stop| !matches!(stop, Stop::Items))) {
        let mut left = Left { table, take };
        left.value(raw, ways, &mut String::new());
    }
}

struct Left<'l> {
    table: &'l Table,
    take: &'l mut dyn FnMut(&str, &str),
}

impl Left<'_> {
    /// Whether there are rows at or below a value.
    fn value(&mut self, raw: &RawValue, ways: &[Way<'_>], place: &mut String) -> bool {
        let is_row = ways.iter().any(|(_, ahead)| ahead.is_empty());
        let Some(Ok(fields)) = fields_of(raw.get()) else {
            let inside = ahead(ways, |stop| *stop == Stop::Items);
            let mut has_rows = is_row;
            for (at, item) in items(raw).into_iter().flatten().enumerate().filter(|_| !inside.is_empty()) {
                has_rows |= self.below(item, &inside, &at.to_string(), place);
            }
            return has_rows;
        };
        let (mut has_rows, mut left, mut all) = (is_row, ObjectText::default(), ObjectText::default());
        for (name, value) in &fields {
            let inside =
                ahead(ways, |stop| matches!(stop, Stop::Name(known) if known == name) || *stop == Stop::Members);
            if inside.is_empty() {
                all.raw(name, value.get());
                if !is_row && !ways.iter().any(|(set, ahead)| takes(set, ahead, name)) && !self.is_of_file(name) {
                    left.raw(name, value.get());
                }
            } else {
                has_rows |= self.below(value, &inside, name, place);
            }
        }
        if let Some(text) = if has_rows { left } else { all }.finish() {
            (self.take)(place, &text);
        }
        // An object without rows was kept whole: nothing is left of what stands around it for that.
        has_rows
    }

    fn below(&mut self, raw: &RawValue, ways: &[Way<'_>], name: &str, place: &mut String) -> bool {
        let length = place.len();
        if length > 0 {
            place.push('/');
        }
        place.push_str(name);
        let has_rows = self.value(raw, ways, place);
        place.truncate(length);
        has_rows
    }

    fn is_of_file(&self, name: &str) -> bool {
        self.table.top.iter().any(|top| top == name)
    }
}

/// The ways that go on with such a stop, behind it.
fn ahead<'t>(ways: &[Way<'t>], fits: impl Fn(&Stop) -> bool) -> Vec<Way<'t>> {
    let split = ways.iter().filter_map(|(set, ahead)| Some((*set, ahead.split_first()?)));
    split.filter(|(_, (stop, _))| fits(stop)).map(|(set, (_, rest))| (set, rest)).collect()
}

/// Whether rows of a set take a field of the object that they stand in, which is this one where only one name more leads
/// to them.
fn takes(set: &RowSet, ahead: &[Stop], name: &str) -> bool {
    let is_parent = ahead.iter().skip(1).all(|stop| *stop == Stop::Items);
    is_parent && set.parents.iter().any(|parent| parent == name)
}
