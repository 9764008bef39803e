//! A row becomes the JSON record that its columns make, with the bytes of its pictures beside it.

use super::cell::{bytes_of, has_files, is_file, is_list, is_nan, is_null, key_at, list_at, primitive, text_of};
use super::features::Features;
use crate::error::{Error, ErrorKind, Result};
use crate::import::draft::MediaKind;
use crate::import::forms::{ROW_KEYS, is_media_key};
use crate::import::raw::push_json_text;
use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{Array, ArrayRef, RecordBatch, StructArray};
use arrow_schema::{DataType, TimeUnit};
use base64::Engine;
use serde_json::value::RawValue;
use std::fmt::{Display, Write as _};

/// What a mark of bytes starts with: no base64 does.
pub(in crate::import) const MARK: &str = "\0held:";
/// The same in JSON.
const JSON_MARK: &str = "\\u0000held:";
/// How deep a value may be nested.
const DEPTH_LIMIT: usize = 64;

/// Bytes that stand beside a record's text, which has marks in their place.
#[derive(Debug, Default)]
pub(in crate::import) struct Held {
    key: String,
    bytes: Vec<Option<Vec<u8>>>,
}

impl Held {
    /// Takes the bytes that a mark stands for.
    pub(in crate::import) fn take(&mut self, mark: &str) -> Option<Vec<u8>> {
        let number = mark.strip_prefix(MARK)?.strip_prefix(self.key.as_str())?.strip_prefix(':')?;
        self.bytes.get_mut(number.parse::<usize>().ok()?)?.take()
    }

    /// Takes the marks out of JSON text: null stands where bytes were taken, base64 where they were not.
    pub(in crate::import) fn settle(&self, json: &mut String) {
        if !json.contains(JSON_MARK) {
            return;
        }
        for (number, left) in self.bytes.iter().enumerate() {
            let value = left.as_ref().map_or("null".to_owned(), |bytes| format!("\"{}\"", base64(bytes)));
            *json = json.replace(&self.json_mark(number), &value);
        }
    }

    fn json_mark(&self, number: usize) -> String {
        let mut json = String::new();
        push_json_text(&mut json, &format!("{MARK}{}:{number}", self.key));
        json
    }

    fn push(&mut self, bytes: &[u8]) -> String {
        self.bytes.push(Some(bytes.to_vec()));
        self.json_mark(self.bytes.len() - 1)
    }
}

/// A row as a record.
pub(in crate::import) struct Text {
    pub(in crate::import) json: String,
    pub(in crate::import) held: Held,
    /// Columns that hold what is shown, whatever they are called.
    pub(in crate::import) media: Vec<(String, MediaKind)>,
    /// Columns of files that are no media of a conversation, by their names.
    pub(in crate::import) left: Vec<String>,
}

/// Writes rows as records.
pub(super) struct RowText {
    features: Features,
    /// What marks have that no text of the table can have been made to have.
    key: String,
}

impl RowText {
    /// A writer for a table with these features.
    ///
    /// # Errors
    /// `Io` where the system has no random bytes.
    pub(super) fn new(features: Features) -> Result<Self> {
        let mut random = [0; 16];
        getrandom::fill(&mut random)
            .map_err(|error| Error::new(ErrorKind::Io, format!("there are no random bytes: {error}")))?;
        let key = random.iter().fold(String::new(), |mut key, byte| {
            let _ = write!(key, "{byte:02x}");
            key
        });
        Ok(Self { features, key })
    }

    /// A row of a batch.
    ///
    /// # Errors
    /// `Input` where a column has a type that JSON has nothing for.
    pub(super) fn row(&self, batch: &RecordBatch, row: usize) -> Result<Text> {
        let mut writer = Writer {
            out: String::from("{"),
            held: Held { key: self.key.clone(), bytes: Vec::new() },
            holds: false,
            classes: None,
            depth: 0,
        };
        let (mut media, mut left) = (Vec::new(), Vec::new());
        for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
            // A column of media is there in rows that show nothing, too.
            let is_empty = is_media_key(field.name()) && list_at(column, row).is_some_and(|list| list.is_empty());
            // pandas writes what is missing among numbers as NaN.
            let is_unsaid = ASKED.contains(&field.name().as_str()) && is_nan(column, row);
            if is_empty || is_unsaid || is_null(column, row) {
                continue;
            }
            if writer.out.len() > 1 {
                writer.out.push(',');
            }
            push_json_text(&mut writer.out, field.name());
            writer.out.push(':');
            let says_turns = ROW_KEYS.contains(&field.name().as_str());
            let is_other = !says_turns && !is_media_key(field.name());
            let is_free = is_other && !is_answer(field.name());
            let kind = self.features.media(field.name(), has_files(column.data_type())).filter(|_| is_free);
            let is_left = is_other && !is_free && has_files(column.data_type());
            left.extend(is_left.then(|| field.name().clone()));
            media.extend(kind.map(|kind| (field.name().clone(), kind)));
            writer.holds = says_turns || kind.is_some() || is_media_key(field.name());
            writer.classes = self.features.classes(field.name());
            let place = |error: Error| Error::input(format!("the column `{}`: {}", field.name(), error.message()));
            match says_turns {
                true => writer.turns(column, row).map_err(place)?,
                false => writer.value(column, row).map_err(place)?,
            }
        }
        writer.out.push('}');
        Ok(Text { json: writer.out, held: writer.held, media, left })
    }
}

/// Whether a column of this name holds what was drawn or answered, rather than what is shown.
pub(super) fn is_answer(name: &str) -> bool {
    const WORDS: [&str; 18] = [
        "mask",
        "masks",
        "seg",
        "segmentation",
        "label",
        "labels",
        "annotation",
        "annotations",
        "answer",
        "output",
        "target",
        "gt",
        "groundtruth",
        "truth",
        "depth",
        "overlay",
        "heatmap",
        "audio",
    ];
    let name = name.to_lowercase();
    name.split(|c: char| !c.is_alphanumeric()).any(|word| WORDS.contains(&word))
}

/// The columns of a question and its answer.
const ASKED: [&str; 3] = ["question", "problem", "answer"];

struct Writer<'f> {
    out: String,
    held: Held,
    /// Whether bytes are handed over beside the text.
    holds: bool,
    classes: Option<&'f [String]>,
    depth: usize,
}

impl Writer<'_> {
    /// A cell of turns: a list of them, lists of their fields, or the JSON text of either.
    fn turns(&mut self, array: &ArrayRef, row: usize) -> Result<()> {
        if let Some(text) = text_of(array, row)
            && let Ok(json) = serde_json::from_str::<&RawValue>(text.trim())
            && is_turns(json.get())
        {
            self.out.push_str(json.get());
            return Ok(());
        }
        match array.as_any().downcast_ref::<StructArray>() {
            Some(parts) if parts.columns().iter().all(is_list) => self.transposed(parts, row),
            _ => self.value(array, row),
        }
    }

    /// A list of objects whose fields stand as a list each.
    fn transposed(&mut self, parts: &StructArray, row: usize) -> Result<()> {
        let lists: Vec<(&str, ArrayRef)> = parts
            .column_names()
            .into_iter()
            .zip(parts.columns())
            .filter_map(|(name, column)| Some((name, list_at(column, row)?)))
            .collect();
        let length = lists.first().map_or(0, |(_, list)| list.len());
        if let Some((name, list)) = lists.iter().find(|(_, list)| list.len() != length) {
            return Err(Error::input(format!(
                "its list `{name}` has {} entries where others have {length}",
                list.len()
            )));
        }
        self.out.push('[');
        for entry in 0..length {
            self.comma(entry);
            self.object(lists.iter().map(|(name, list)| (*name, list)), entry)?;
        }
        self.out.push(']');
        Ok(())
    }

    fn value(&mut self, array: &ArrayRef, row: usize) -> Result<()> {
        if array.is_null(row) {
            self.out.push_str("null");
            return Ok(());
        }
        if self.depth >= DEPTH_LIMIT {
            return Err(Error::input(format!("it is nested deeper than {DEPTH_LIMIT}")));
        }
        self.depth += 1;
        let written = self.written(array, row);
        self.depth -= 1;
        written
    }

    fn written(&mut self, array: &ArrayRef, row: usize) -> Result<()> {
        if let Some(text) = text_of(array, row) {
            push_json_text(&mut self.out, text);
            return Ok(());
        }
        if let Some(bytes) = bytes_of(array, row) {
            return self.bare_bytes(bytes);
        }
        if let Some(list) = list_at(array, row) {
            self.out.push('[');
            for entry in 0..list.len() {
                self.comma(entry);
                self.value(&list, entry)?;
            }
            self.out.push(']');
            return Ok(());
        }
        if let Some(parts) = array.as_any().downcast_ref::<StructArray>() {
            if is_file(parts) {
                return self.file(parts, row);
            }
            return self.object(parts.column_names().into_iter().zip(parts.columns()), row);
        }
        if let Some(dictionary) = array.as_any_dictionary_opt() {
            return match key_at(array, row).filter(|key| *key < dictionary.values().len()) {
                Some(key) => self.value(dictionary.values(), key),
                None => Err(Error::input("a dictionary has no value for a key")),
            };
        }
        self.scalar(array, row)
    }

    /// An object of fields that are there. `content` and `value` tell null and absent apart.
    fn object<'a>(&mut self, fields: impl Iterator<Item = (&'a str, &'a ArrayRef)>, row: usize) -> Result<()> {
        self.out.push('{');
        let mut count = 0;
        for (name, column) in fields {
            if is_null(column, row) && !["content", "value"].contains(&name) {
                continue;
            }
            self.comma(count);
            count += 1;
            push_json_text(&mut self.out, name);
            self.out.push(':');
            self.value(column, row)?;
        }
        self.out.push('}');
        Ok(())
    }

    /// A picture, or a video: what it is called, and its bytes.
    fn file(&mut self, parts: &StructArray, row: usize) -> Result<()> {
        let bytes = parts.column_by_name("bytes").filter(|bytes| bytes.is_valid(row));
        let path = parts.column_by_name("path").filter(|path| path.is_valid(row));
        self.out.push('{');
        if let Some(column) = bytes {
            self.out.push_str("\"bytes\":");
            match bytes_of(column, row) {
                Some(bytes) => self.bytes(bytes),
                None => self.value(column, row)?,
            }
        }
        if let Some(path) = path {
            self.comma(usize::from(bytes.is_some()));
            self.out.push_str("\"path\":");
            self.value(path, row)?;
        }
        self.out.push('}');
        Ok(())
    }

    /// Bytes that stand for themselves.
    fn bare_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        match self.holds {
            true => {
                self.out.push_str("{\"bytes\":");
                self.bytes(bytes);
                self.out.push('}');
            }
            false => self.bytes(bytes),
        }
        Ok(())
    }

    fn bytes(&mut self, bytes: &[u8]) {
        match self.holds {
            true => {
                let mark = self.held.push(bytes);
                self.out.push_str(&mark);
            }
            false => {
                push_json_text(&mut self.out, &base64(bytes));
            }
        }
    }

    fn scalar(&mut self, array: &ArrayRef, row: usize) -> Result<()> {
        macro_rules! whole {
            ($ty:ty) => {{
                let value = primitive::<$ty>(array, row)?;
                match self.classes.and_then(|classes| classes.get(usize::try_from(value).ok()?)) {
                    Some(class) => push_json_text(&mut self.out, class),
                    None => self.push(value),
                }
            }};
        }
        match array.data_type() {
            DataType::Null => self.out.push_str("null"),
            DataType::Boolean => {
                let value = array.as_boolean().value(row);
                self.push(value);
            }
            DataType::Int8 => whole!(Int8Type),
            DataType::Int16 => whole!(Int16Type),
            DataType::Int32 => whole!(Int32Type),
            DataType::Int64 => whole!(Int64Type),
            DataType::UInt8 => whole!(UInt8Type),
            DataType::UInt16 => whole!(UInt16Type),
            DataType::UInt32 => whole!(UInt32Type),
            DataType::UInt64 => whole!(UInt64Type),
            DataType::Float16 => {
                let value = primitive::<Float16Type>(array, row)?.to_f32();
                self.real(value.is_finite(), value);
            }
            DataType::Float32 => {
                let value = primitive::<Float32Type>(array, row)?;
                self.real(value.is_finite(), value);
            }
            DataType::Float64 => {
                let value = primitive::<Float64Type>(array, row)?;
                self.real(value.is_finite(), value);
            }
            DataType::Decimal32(..) => self.decimal::<Decimal32Type>(array, row)?,
            DataType::Decimal64(..) => self.decimal::<Decimal64Type>(array, row)?,
            DataType::Decimal128(..) => self.decimal::<Decimal128Type>(array, row)?,
            DataType::Decimal256(..) => self.decimal::<Decimal256Type>(array, row)?,
            DataType::Timestamp(unit, _) => self.time(array, *unit, row)?,
            DataType::Date32 => {
                let days = primitive::<Date32Type>(array, row)?;
                let span = jiff::Span::new().try_days(days);
                let date = span.and_then(|span| jiff::civil::date(1970, 1, 1).checked_add(span));
                let date = date.map_err(|_| Error::input(format!("{days} days after 1970 are no date")))?;
                push_json_text(&mut self.out, &date.to_string());
            }
            DataType::Date64 => {
                let time = timestamp(primitive::<Date64Type>(array, row)?, 1_000_000)?;
                push_json_text(&mut self.out, &time.to_string());
            }
            DataType::Time32(TimeUnit::Second) => {
                self.clock(primitive::<Time32SecondType>(array, row)?, 1_000_000_000)?
            }
            DataType::Time32(_) => self.clock(primitive::<Time32MillisecondType>(array, row)?, 1_000_000)?,
            DataType::Time64(TimeUnit::Microsecond) => {
                self.clock(primitive::<Time64MicrosecondType>(array, row)?, 1_000)?;
            }
            DataType::Time64(_) => self.clock(primitive::<Time64NanosecondType>(array, row)?, 1)?,
            other => return Err(Error::input(format!("values of the type {other} are not taken"))),
        }
        Ok(())
    }

    /// A time of the day, as so many of so many nanoseconds after midnight.
    fn clock(&mut self, count: impl Into<i64>, nanoseconds: i64) -> Result<()> {
        let count: i64 = count.into();
        let after = count.checked_mul(nanoseconds).map(jiff::SignedDuration::from_nanos);
        let time = after.and_then(|after| jiff::civil::Time::midnight().checked_add(after).ok());
        let time = time.ok_or_else(|| Error::input(format!("{count} is no time of a day")))?;
        push_json_text(&mut self.out, &time.to_string());
        Ok(())
    }

    fn time(&mut self, array: &ArrayRef, unit: TimeUnit, row: usize) -> Result<()> {
        let (count, nanoseconds) = match unit {
            TimeUnit::Second => (primitive::<TimestampSecondType>(array, row)?, 1_000_000_000),
            TimeUnit::Millisecond => (primitive::<TimestampMillisecondType>(array, row)?, 1_000_000),
            TimeUnit::Microsecond => (primitive::<TimestampMicrosecondType>(array, row)?, 1_000),
            TimeUnit::Nanosecond => (primitive::<TimestampNanosecondType>(array, row)?, 1),
        };
        push_json_text(&mut self.out, &timestamp(count, nanoseconds)?.to_string());
        Ok(())
    }

    /// A decimal number with all its digits.
    fn decimal<T: DecimalType>(&mut self, array: &ArrayRef, row: usize) -> Result<()> {
        let unknown = || Error::input(format!("values of the type {} are not taken", array.data_type()));
        let text = array.as_primitive_opt::<T>().ok_or_else(unknown)?.value_as_string(row);
        match serde_json::from_str::<&RawValue>(&text) {
            Ok(_) => self.out.push_str(&text),
            Err(_) => push_json_text(&mut self.out, &text),
        }
        Ok(())
    }

    /// A number; what JSON has none for is text.
    fn real(&mut self, is_finite: bool, value: impl Display + std::fmt::Debug) {
        match is_finite {
            true => drop(write!(self.out, "{value:?}")),
            false => drop(write!(self.out, "\"{value}\"")),
        }
    }

    fn push(&mut self, value: impl Display) {
        let _ = write!(self.out, "{value}");
    }

    fn comma(&mut self, before: usize) {
        if before > 0 {
            self.out.push(',');
        }
    }
}

/// A time, as so many of so many nanoseconds after 1970.
fn timestamp(count: i64, nanoseconds: i128) -> Result<jiff::Timestamp> {
    let time = jiff::Timestamp::from_nanosecond(i128::from(count) * nanoseconds);
    time.map_err(|_| Error::input(format!("{count} is no time")))
}

fn base64(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// Whether JSON text is a turn, or a list of turns: what else stands in brackets is text that starts so.
fn is_turns(json: &str) -> bool {
    match serde_json::from_str::<Vec<std::collections::BTreeMap<String, &RawValue>>>(json) {
        Ok(list) => list.iter().all(|turn| ["role", "from"].iter().any(|key| turn.contains_key(*key))),
        Err(_) => false,
    }
}
