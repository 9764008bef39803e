//! Further fields of rows that are there: what several files say of one row stands in its `extra` together, field by field.

use super::Store;
use super::changes::Changes;
use super::said::{of_dataset, tell_left};
use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::format::address::Address;
use crate::import::media::bytes::Out;
use crate::import::options::OnChange;
use crate::import::raw::{self, Field, ObjectText};
use crate::import::sink::Sink;
use crate::schema::rows::{CaseRow, FrameRow, VideoRow};
use crate::schema::tables::{Table, cases, frames, videos};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

/// The bits of a field's mark that are of its value; the others are of its name.
const VALUE: u64 = (1 << 24) - 1;

fn mark(value: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

fn mark_of((name, value): &Field<'_>) -> u64 {
    let text = value.get();
    // Objects and lists are written with blanks and without, texts with escapes.
    let value = match text.starts_with(['{', '[']) || text.contains('\\') {
        true => serde_json::from_str::<serde_json::Value>(text)
            .map_or_else(|_| mark(text), |value| mark(&value.to_string())),
        false => mark(text),
    };
    mark(name) & !VALUE | value & VALUE
}

/// The fields of an `extra`.
fn fields_of(text: &str) -> Result<Vec<Field<'_>>> {
    raw::fields_of(text).ok_or_else(|| Error::input("`extra` is no JSON object"))
}

/// Whether two values are the same, however they are written.
fn is_same(one: &RawValue, other: &RawValue) -> bool {
    let value = |text: &RawValue| serde_json::from_str::<serde_json::Value>(text.get()).ok();
    one.get() == other.get() || value(one).is_some_and(|one| Some(one) == value(other))
}

/// Whether what is said of a row stands in it.
pub(crate) fn covers(there: Option<&str>, said: Option<&str>) -> bool {
    let Some(said) = said.filter(|said| there != Some(said)) else { return true };
    let Some((there, said)) = there.and_then(|there| fields_of(there).ok()).zip(fields_of(said).ok()) else {
        return false;
    };
    let stands = |(name, value): &Field<'_>| there.iter().any(|(key, there)| key == name && is_same(there, value));
    said.iter().all(stands)
}

/// An object with these fields beside those that are there, or in place of those of their names.
fn join(there: Option<&str>, said: &str) -> Result<String> {
    let Some(there) = there else { return Ok(said.to_owned()) };
    let (mut fields, said) = (fields_of(there)?, fields_of(said)?);
    for (name, value) in said {
        match fields.iter_mut().find(|(key, _)| *key == name) {
            Some((_, there)) => *there = value,
            None => fields.push((name, value)),
        }
    }
    let mut text = ObjectText::default();
    text.fields(&fields);
    Ok(text.finish().unwrap_or_else(|| "{}".to_owned()))
}

/// What this import said in `extra` of a row.
struct OfRow {
    /// A mark of the text that was heard last.
    last: u64,
    /// Marks of the fields, and of what else was said of them and told: 8 bytes each.
    fields: Vec<u64>,
    told: Vec<u64>,
}

/// What a text says that was not said of its row before.
#[derive(Debug, Default)]
struct News<'t> {
    /// Fields that were not said.
    more: Vec<Field<'t>>,
    /// The names of fields of which something else was said, which was not said yet.
    other: Vec<String>,
}

/// What this import has said in `extra` of rows, by their addresses.
#[derive(Default)]
pub(super) struct HeardFields(HashMap<Address, OfRow>);

impl HeardFields {
    /// Takes in what is said of a row; gives what is new in it.
    fn hear<'t>(&mut self, address: Address, text: &'t str) -> Result<News<'t>> {
        let last = mark(text);
        if self.0.get(&address).is_some_and(|row| row.last == last) {
            return Ok(News::default());
        }
        let row = self.0.entry(address).or_insert(OfRow { last, fields: Vec::new(), told: Vec::new() });
        row.last = last;
        let mut news = News::default();
        for field in fields_of(text)? {
            let new = mark_of(&field);
            match row.fields.iter().find(|known| **known & !VALUE == new & !VALUE) {
                Some(known) if *known == new => {}
                Some(_) if row.told.contains(&new) => {}
                Some(_) => {
                    row.told.push(new);
                    news.other.push(field.0.into_owned());
                }
                None => {
                    row.fields.push(new);
                    news.more.push(field);
                }
            }
        }
        Ok(news)
    }

    /// Whether nothing else was said of these fields.
    fn agrees(&self, address: Address, text: &str) -> bool {
        let Some(row) = self.0.get(&address) else { return true };
        let agrees = |new: u64| row.fields.iter().all(|known| *known == new || *known & !VALUE != new & !VALUE);
        fields_of(text).is_ok_and(|fields| fields.iter().all(|field| agrees(mark_of(field))))
    }
}

/// Of these fields those that a row lacks, and the names of those that stand there otherwise; these count as lacking where
/// they are to be replaced.
fn lacking<'t>(there: Option<&str>, said: Vec<Field<'t>>, replaces: bool) -> Result<(Vec<Field<'t>>, Vec<String>)> {
    let there = there.map(fields_of).transpose()?.unwrap_or_default();
    let (mut lacking, mut other) = (Vec::new(), Vec::new());
    for (name, value) in said {
        match there.iter().find(|(key, _)| *key == name) {
            Some((_, there)) if is_same(there, value) => {}
            Some(_) if !replaces => other.push(name.into_owned()),
            _ => lacking.push((name, value)),
        }
    }
    Ok((lacking, other))
}

/// Fields on their way into rows.
#[derive(Default)]
pub(super) struct Extras(BTreeMap<Address, (Table, String)>);

impl Extras {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Notes fields that are to be put into a row.
    fn put(&mut self, table: Table, address: Address, fields: &[Field<'_>]) -> Result<()> {
        let mut said = ObjectText::default();
        said.fields(fields);
        let Some(said) = said.finish() else { return Ok(()) };
        let before = self.0.get(&address).map(|(_, text)| &**text);
        self.0.insert(address, (table, join(before, &said)?));
        Ok(())
    }

    /// Makes cells of them, with what stands in the rows.
    pub(super) fn write_into(self, changes: &mut Changes, dataset: &Dataset) -> Result<()> {
        for (address, (table, said)) in self.0 {
            match table {
                Table::Cases => {
                    let extra = Some(join(dataset.case(address)?.extra()?, &said)?);
                    changes.case(address, &[cases::EXTRA], &CaseRow { extra, ..CaseRow::default() })?;
                }
                Table::Videos => {
                    let extra = Some(join(dataset.video(address)?.extra()?, &said)?);
                    changes.video(address, &[videos::EXTRA], &VideoRow { extra, ..VideoRow::default() })?;
                }
                _ => {
                    let extra = Some(join(dataset.frame(address)?.extra()?, &said)?);
                    let kind = "rgb".to_owned();
                    changes.frame(address, &[frames::EXTRA], &FrameRow { extra, kind, ..FrameRow::default() })?;
                }
            }
        }
        Ok(())
    }
}

impl Store<'_> {
    /// Notes the further fields of a row that was just written.
    pub(super) fn heard_extra(&mut self, address: Address, said: Option<&str>) -> Result<()> {
        said.map_or(Ok(()), |said| self.heard_fields.hear(address, said).map(drop))
    }

    /// Takes in what is said of a row in further fields; `there` is what a row of before has, none where it came with this
    /// import. Whether something is put into a row of before.
    pub(super) fn hear_extra(
        &mut self,
        (table, address, id): (Table, Address, &str),
        said: Option<&str>,
        there: Option<Option<&str>>,
        out: &mut Out<'_>,
    ) -> Result<bool> {
        let Some(said) = said else { return Ok(false) };
        let News { more, other } = self.heard_fields.hear(address, said)?;
        self.tell_said_before(&in_extra(&other), id, out);
        let Some(there) = there else { return self.late_extras.put(table, address, &more).map(|()| false) };
        if self.options.on_change == OnChange::Keep {
            return Ok(false);
        }
        let (more, other) = lacking(there, more, self.options.on_change == OnChange::Replace)?;
        tell_left(table, &in_extra(&other), id, out);
        self.extras.put(table, address, &more)?;
        Ok(!more.is_empty())
    }

    /// Whether all that is said of a picture in further fields stands in its row, or will.
    pub(crate) fn keeps_extra(&self, address: Address, said: Option<&str>, sink: &dyn Sink) -> Result<bool> {
        match of_dataset(sink.dataset().frame(address))? {
            Some(row) => Ok(covers(row.extra()?, said)),
            None => Ok(said.is_none_or(|said| self.heard_fields.agrees(address, said))),
        }
    }
}

/// Further fields by their names, to be told.
fn in_extra(names: &[String]) -> Vec<String> {
    names.iter().map(|name| format!("`extra.{name}`")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Address {
        Address::new((3 << 32) + 7).unwrap()
    }

    fn names(fields: &[Field<'_>]) -> Vec<String> {
        fields.iter().map(|(name, _)| name.to_string()).collect()
    }

    #[test]
    fn fields_that_are_more_are_new_and_what_else_is_said_of_them_is_told_once() {
        let mut heard = HeardFields::default();
        assert_eq!(names(&heard.hear(row(), r#"{"a":1,"b":"x"}"#).unwrap().more), ["a", "b"]);
        let news = heard.hear(row(), r#"{"c":[],"a":1}"#).unwrap();
        assert_eq!((names(&news.more), news.other.len()), (vec!["c".to_owned()], 0));
        assert!(heard.agrees(row(), r#"{"b":"x","d":1}"#) && !heard.agrees(row(), r#"{"b":"y"}"#));
        let news = heard.hear(row(), r#"{"b":"y","c":{},"d":1}"#).unwrap();
        assert_eq!((names(&news.more), news.other), (vec!["d".to_owned()], vec!["b".to_owned(), "c".into()]));
        let news = heard.hear(row(), r#"{"b":"z","c":{}}"#).unwrap();
        assert_eq!((news.more.len(), news.other), (0, vec!["b".to_owned()]));
        let news = heard.hear(row(), r#"{"b":"y"}"#).unwrap();
        assert_eq!((news.more.len(), news.other.len()), (0, 0), "it was told");
        let news = heard.hear(row(), r#"{"b":"\u0078","c":[ ]}"#).unwrap();
        assert_eq!((news.more.len(), news.other.len()), (0, 0), "it is the same in other letters");
        assert!(heard.hear(row(), "[1]").is_err());
    }

    #[test]
    fn a_row_lacks_what_it_does_not_say_and_keeps_what_it_says_otherwise() {
        let there = Some(r#"{"a": 1.0, "b": "x"}"#);
        let said = || fields_of(r#"{"a":1.0,"b":"y","c":null}"#).unwrap();
        let (more, other) = lacking(there, said(), false).unwrap();
        assert_eq!((names(&more), other), (vec!["c".to_owned()], vec!["b".to_owned()]));
        let (more, other) = lacking(there, said(), true).unwrap();
        assert_eq!((names(&more), other.len()), (vec!["b".to_owned(), "c".into()], 0));
        assert_eq!(join(there, r#"{"b":"y","c":null}"#).unwrap(), r#"{"a":1.0,"b":"y","c":null}"#);
        assert_eq!(join(None, r#"{"b":"y"}"#).unwrap(), r#"{"b":"y"}"#);
    }

    #[test]
    fn what_stands_in_a_row_is_covered_however_it_is_written() {
        let there = Some(r#"{"a": {"x": 1, "y": 2}, "b": "A"}"#);
        assert!(covers(there, None) && covers(there, there) && covers(None, None));
        assert!(covers(there, Some(r#"{"b":"A","a":{"y":2,"x":1}}"#)));
        assert!(!covers(there, Some(r#"{"b":"B"}"#)) && !covers(there, Some(r#"{"c":1}"#)));
        assert!(!covers(None, Some(r#"{"c":1}"#)));
    }
}
