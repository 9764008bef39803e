//! The first rows of a file whose form nobody has said.

use crate::error::{Error, Result};
use crate::import::maps::row::{fields_of, items, scalar};
use crate::import::records::RecordReader;
use serde_json::value::RawValue;
use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// How much of a file is looked at.
const HEAD: u64 = 16 << 20;
/// How many rows.
const ROWS: usize = 200;
/// How many fields of rows are told apart.
const FIELD_LIMIT: usize = 1024;
/// How deep fields are looked for in objects within a row.
const NESTED_LIMIT: usize = 2;
/// So few words may be labels though none comes again.
const FEW: usize = 4;
/// How deep lists of rows are looked for.
const DEPTH_LIMIT: usize = 4;

/// What a file looks like.
pub(super) struct Sample {
    pub(super) form: &'static str,
    pub(super) delimiter: Option<char>,
    pub(super) has_no_header: bool,
    /// Whether commas stand before fractions; the values here have points.
    pub(super) has_commas: bool,
    pub(super) rows: Vec<SampledRows>,
}

/// The first rows of one kind.
#[derive(Default)]
pub(super) struct SampledRows {
    /// The way to them, where it has to be said.
    pub(super) at: Option<String>,
    /// Whether each stands, or is part of what stands, under a name of its own.
    pub(super) is_keyed: bool,
    /// How many there are.
    pub(super) count: usize,
    pub(super) fields: Vec<FieldSample>,
    /// The fields of the objects that their lists stand in.
    pub(super) parent: Vec<FieldSample>,
}

/// A field, and its first values as text.
pub(super) struct FieldSample {
    pub(super) name: String,
    pub(super) values: Vec<String>,
}

impl FieldSample {
    /// The largest number in it; 0 where there is none.
    pub(super) fn largest(&self) -> f64 {
        let numbers = self.values.iter().flat_map(|value| value.split(|c: char| "[], ".contains(c)));
        numbers.filter_map(|part| part.parse::<f64>().ok()).filter(|number| number.is_finite()).fold(0.0, f64::max)
    }

    /// Whether it holds nothing but 0 and 1.
    pub(super) fn is_mark(&self) -> bool {
        !self.values.is_empty() && self.values.iter().all(|value| value == "0" || value == "1")
    }

    /// Its numbers, where it holds nothing else.
    pub(super) fn numbers(&self) -> Option<Vec<f64>> {
        let number = |value: &String| value.parse::<f64>().ok().filter(|number| number.is_finite());
        self.values.iter().map(number).collect::<Option<Vec<f64>>>().filter(|numbers| !numbers.is_empty())
    }

    /// Whether it looks like labels: words, of which some come again, or of which there are few.
    pub(super) fn is_of_words(&self) -> bool {
        let met: HashSet<&str> = self.values.iter().map(String::as_str).collect();
        let is_word = |value: &&String| value.parse::<f64>().is_err() && !value.contains([':', '/', '{']);
        let words = self.values.iter().filter(is_word).count();
        words * 2 > self.values.len() && met.len() > 1 && (met.len() < self.values.len() || met.len() <= FEW)
    }

    /// Whether it holds names of files with one of these endings.
    pub(super) fn is_of_files(&self, endings: &[&str]) -> bool {
        let is_one = |value: &String| {
            let lower = value.to_lowercase();
            endings.iter().any(|ending| lower.ends_with(ending))
        };
        !self.values.is_empty() && self.values.iter().all(is_one)
    }

    /// Whether it holds lists of two numbers.
    pub(super) fn is_pair(&self) -> bool {
        let pair = |value: &String| serde_json::from_str::<[f64; 2]>(value).is_ok();
        !self.values.is_empty() && self.values.iter().all(pair)
    }
}

impl Sample {
    pub(super) fn of(path: &Path) -> Result<Self> {
        let unreadable = |error| Error::io("cannot read it", error);
        let mut bytes = Vec::new();
        File::open(path).map_err(unreadable)?.take(HEAD).read_to_end(&mut bytes).map_err(unreadable)?;
        let text = String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes)).into_owned();
        let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        let sample = match text.trim_start().chars().next() {
            Some('{' | '[') => Self::of_json(&text, &ending)?,
            Some(_) => Self::of_lines(&text, &ending)?,
            None => return Err(Error::input("it is empty")),
        };
        match sample.rows.iter().any(|rows| !rows.fields.is_empty()) {
            true => Ok(sample),
            false => Err(Error::input("no rows were found in it: a list of objects, or a table")),
        }
    }

    fn of_lines(text: &str, ending: &str) -> Result<Self> {
        let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        let delimiter = [',', ';', '\t'].into_iter().max_by_key(|delimiter| first.matches(*delimiter).count());
        let delimiter = delimiter.filter(|delimiter| first.contains(*delimiter));
        let (form, delimiter) = match (ending, delimiter) {
            ("txt" | "text", Some('\t') | None) | (_, None) => ("text", None),
            (_, Some('\t')) => ("tsv", Some('\t')),
            (_, delimiter) => ("csv", delimiter),
        };
        let rows: Vec<Vec<String>> = match delimiter {
            None => {
                let lines = text.lines().filter(|line| !line.trim().is_empty()).take(ROWS);
                lines.map(|line| line.split_whitespace().map(str::to_owned).collect()).collect()
            }
            Some(delimiter) => {
                let mut reader = csv::ReaderBuilder::new()
                    .has_headers(false)
                    .flexible(true)
                    .delimiter(delimiter as u8)
                    .from_reader(text.as_bytes());
                let records = reader.records().take(ROWS).filter_map(|record| record.ok());
                records.map(|record| record.iter().map(|cell| cell.trim().to_owned()).collect()).collect()
            }
        };
        let has_commas = delimiter != Some(',') && rows.iter().flatten().any(|cell| is_fraction(cell));
        let with_point = |cell: String| if has_commas && is_fraction(&cell) { cell.replace(',', ".") } else { cell };
        let rows: Vec<Vec<String>> = rows.into_iter().map(|row| row.into_iter().map(with_point).collect()).collect();
        let Some((header, rest)) = rows.split_first() else { return Err(Error::input("it is empty")) };
        let has_no_header = header.iter().any(|cell| cell.parse::<f64>().is_ok());
        let (names, rest) = match has_no_header {
            true => (names_of_columns(&rows), &rows[..]),
            false => (header.clone(), rest),
        };
        let field = |(at, name): (usize, String)| {
            let values = rest.iter().filter_map(|row| row.get(at)).filter(|cell| !cell.is_empty()).cloned().collect();
            FieldSample { name, values }
        };
        let fields = names.into_iter().enumerate().map(field).collect();
        let rows = SampledRows { fields, count: rest.len(), ..SampledRows::default() };
        let delimiter = delimiter.filter(|delimiter| form == "csv" && *delimiter != ',');
        Ok(Self { form, delimiter, has_no_header, has_commas, rows: vec![rows] })
    }

    fn of_json(text: &str, ending: &str) -> Result<Self> {
        let lines =
            ["jsonl", "ndjson"].contains(&ending) || text.lines().nth(1).is_some_and(|line| line.starts_with('{'));
        let mut rows = Vec::new();
        if lines || text.trim_start().starts_with('[') {
            let mut reader = RecordReader::new(text.as_bytes());
            let mut records = Vec::new();
            for _ in 0..ROWS {
                let Some(Ok(record)) = reader.next_record() else { break };
                records.extend(RawValue::from_string(record.text.trim().to_owned()));
            }
            let records: Vec<&RawValue> = records.iter().map(AsRef::as_ref).collect();
            rows_of_list(&records, "[]", false, &mut rows);
            // Without a way to them rows are the items of the list.
            if let [only] = &mut rows[..] {
                only.at = None;
            }
        } else {
            let whole: &RawValue = serde_json::from_str(text).map_err(|error| {
                Error::input(format!("it is no JSON object, or longer than {} MB: {error}", HEAD >> 20))
            })?;
            lists(whole, "", false, 0, &mut rows);
        }
        let form = if lines { "jsonl" } else { "json" };
        Ok(Self { form, delimiter: None, has_no_header: false, has_commas: false, rows })
    }
}

impl SampledRows {
    fn object(&mut self, text: &str) {
        self.count += 1;
        self.members("", text, 0);
    }

    /// Takes the fields of an object; those of objects in it by the way to them.
    fn members(&mut self, above: &str, text: &str, depth: usize) {
        let Some(Ok(fields)) = fields_of(text) else { return };
        for (name, value) in fields {
            let name = if above.is_empty() { name.into_owned() } else { format!("{above}.{name}") };
            if depth < NESTED_LIMIT && value.get().starts_with('{') && !name.contains(['[', ']', '{', '}', '?', '"']) {
                self.members(&name, value.get(), depth + 1);
                continue;
            }
            let value = scalar(value).map_or_else(|| value.get().to_owned(), |text| text.into_owned());
            match self.fields.iter().position(|field| field.name == name) {
                Some(at) => self.fields[at].values.push(value),
                None if self.fields.len() < FIELD_LIMIT => self.fields.push(FieldSample { name, values: vec![value] }),
                None => {}
            }
        }
    }
}

/// Whether a text is a number with a comma before its fraction.
fn is_fraction(cell: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    cell.split_once(',').is_some_and(|(whole, part)| digits(whole.strip_prefix('-').unwrap_or(whole)) && digits(part))
}

/// What the columns of a table without a header are called: by their places, save two of numbers that are the start and the
/// end of stretches, and names with numbers before those, which are recordings.
fn names_of_columns(rows: &[Vec<String>]) -> Vec<String> {
    let count = rows.first().map_or(0, Vec::len);
    let column = |at: usize| rows.iter().filter_map(move |row| row.get(at));
    let numbers = |at: usize| column(at).map(|cell| cell.parse::<f64>().ok()).collect::<Option<Vec<f64>>>();
    let numeric: Vec<(usize, Vec<f64>)> = (0..count).filter_map(|at| Some((at, numbers(at)?))).collect();
    let mut names: Vec<String> = (1..=count).map(|number| number.to_string()).collect();
    let [(first, starts), (second, ends)] = &numeric[..] else { return names };
    let is_stretch = second - first == 1 && starts.len() > 1 && starts.iter().zip(ends).all(|(start, end)| start < end);
    if !is_stretch {
        return names;
    }
    names[*first] = "start".to_owned();
    names[*second] = "end".to_owned();
    let has_digits = |cell: &String| cell.contains(|c: char| c.is_ascii_digit());
    if *first > 0 && column(0).all(has_digits) {
        names[0] = "video".to_owned();
    }
    names
}

/// The objects of a list as rows, and those of lists in them, of which they are the parents.
fn rows_of_list(items: &[&RawValue], at: &str, is_keyed: bool, out: &mut Vec<SampledRows>) {
    let mut rows = SampledRows { at: Some(at.to_owned()), is_keyed, ..SampledRows::default() };
    items.iter().for_each(|item| rows.object(item.get()));
    let mut inner: Vec<(String, SampledRows)> = Vec::new();
    for (name, value) in items.iter().filter_map(|item| fields_of(item.get())?.ok()).flatten() {
        let Some(list) = self::items(value).filter(|list| !list.is_empty()) else { continue };
        if name.contains(['[', ']', '{', '}', '?', '"', '.']) || !list.iter().all(|raw| raw.get().starts_with('{')) {
            continue;
        }
        let known = inner.iter().position(|(known, _)| *known == name);
        let place = known.unwrap_or_else(|| {
            let at = Some(format!("{at}.{name}[]"));
            inner.push((name.to_string(), SampledRows { at, is_keyed, ..SampledRows::default() }));
            inner.len() - 1
        });
        list.iter().take(ROWS).for_each(|item| inner[place].1.object(item.get()));
    }
    rows.fields.retain(|field| !inner.iter().any(|(name, _)| *name == field.name));
    let parent =
        || rows.fields.iter().map(|field| FieldSample { name: field.name.clone(), values: field.values.clone() });
    inner.iter_mut().for_each(|(_, rows)| rows.parent = parent().collect());
    out.push(rows);
    out.extend(inner.into_iter().map(|(_, rows)| rows));
}

/// Finds lists of objects, and objects that are alike and stand under names of their own.
fn lists(raw: &RawValue, at: &str, is_keyed: bool, depth: usize, out: &mut Vec<SampledRows>) {
    if depth > DEPTH_LIMIT {
        return;
    }
    let is_object = |raw: &&RawValue| raw.get().starts_with('{');
    if let Some(items) = items(raw) {
        if !items.is_empty() && items.iter().all(is_object) {
            let items: Vec<&RawValue> = items.into_iter().take(ROWS).collect();
            rows_of_list(&items, &format!("{at}[]"), is_keyed, out);
        }
        return;
    }
    let Some(Ok(fields)) = fields_of(raw.get()) else { return };
    let below = |name: &str| if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") };
    let names = |raw: &RawValue| -> Option<Vec<String>> {
        let fields = fields_of(raw.get())?.ok()?;
        let mut names: Vec<String> = fields.into_iter().map(|(name, _)| name.into_owned()).collect();
        names.sort();
        Some(names)
    };
    let mut members = fields.iter().map(|(_, value)| names(value));
    let first = members.next().flatten();
    // Lists of several recordings, and not of several things.
    let is_of_rows = |value: &&RawValue| items(value).is_some_and(|items| items.iter().all(is_object));
    let has_number = |name: &str| name.contains(|c: char| c.is_ascii_digit());
    if !is_keyed && fields.len() > 1 && fields.iter().all(|(name, value)| has_number(name) && is_of_rows(value)) {
        let all: Vec<&RawValue> = fields.iter().filter_map(|(_, value)| items(value)).flatten().take(ROWS).collect();
        rows_of_list(&all, &format!("{}[]", below("*")), true, out);
        return;
    }
    let are_alike = fields.len() > 1
        && first.as_ref().is_some_and(|first| !first.is_empty())
        && members.all(|names| names == first);
    if are_alike && !is_keyed {
        let mut rows = SampledRows { at: Some(below("*")), is_keyed: true, ..SampledRows::default() };
        fields.iter().take(ROWS).for_each(|(_, value)| rows.object(value.get()));
        rows.fields.retain(|field| !field.values.iter().any(|value| value.starts_with("[{")));
        out.push(rows);
        if let Some((_, value)) = fields.first()
            && let Some(Ok(inner)) = fields_of(value.get())
        {
            let deeper = |name: &str| format!("{}.{name}", below("*"));
            inner.iter().for_each(|(name, value)| lists(value, &deeper(name), true, depth + 1, out));
        }
        return;
    }
    fields.iter().for_each(|(name, value)| lists(value, &below(name), is_keyed, depth + 1, out));
}
