//! A table of new values: whose they are, and what they are.

use arrow_array::cast::AsArray;
use arrow_array::types::{Int8Type, Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, DictionaryArray, LargeBinaryArray, LargeStringArray, StringArray};
use arrow_schema::DataType;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;
use surgdb::{Column, ColumnType, Error, Result};

/// New values for rows of a table.
pub struct Values {
    /// The rows' ids or addresses.
    pub keys: Vec<String>,
    /// The rows' sources, where the file says them.
    pub sources: Option<Vec<String>>,
    /// The columns and their values, one a key.
    pub columns: Vec<(Column, ArrayRef)>,
    /// Where in the file each key stands.
    pub places: Vec<u64>,
    /// What the places count.
    pub unit: Unit,
}

/// What places in a file count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Lines, from 1.
    Line,
    /// Rows, from 1.
    Row,
}

impl Values {
    /// Where a key stands, in words.
    pub fn place(&self, number: usize) -> String {
        let unit = if self.unit == Unit::Line { "line" } else { "row" };
        format!("{unit} {}", self.places.get(number).copied().unwrap_or_default())
    }
}

/// Refuses a file that has a column twice, or no column that says whose the values are.
///
/// # Errors
/// `Input`.
pub fn check_names<'a>(names: impl Iterator<Item = &'a str>, key: &str) -> Result<()> {
    let names: Vec<&str> = names.collect();
    for (at, name) in names.iter().enumerate() {
        if let Some(first) = names.iter().take(at).position(|other| other == name) {
            let (first, second) = (first + 1, at + 1);
            return Err(Error::input(format!("its columns {first} and {second} are both called {name:?}: rename one")));
        }
    }
    match names.contains(&key) {
        true => Ok(()),
        false => {
            let names = names.join(", ");
            Err(Error::input(format!(
                "it has no column {key:?} that says whose the values are; it has {names}: name one with --key"
            )))
        }
    }
}

/// Reads an Arrow IPC file whose column `key` holds ids or addresses, and its columns, or the `wanted` ones where some
/// are named; all batches are joined.
pub fn read_arrow(path: &Path, key: &str, wanted: &[String]) -> Result<Values> {
    let file = File::open(path).map_err(|error| Error::io("cannot open it", error).in_file(path))?;
    let wrong = |error: arrow_schema::ArrowError| Error::input(unreadable(&error.to_string())).in_file(path);
    let reader = arrow_ipc::reader::FileReader::try_new(BufReader::new(file), None).map_err(wrong)?;
    let schema = reader.schema();
    let batches = reader.collect::<std::result::Result<Vec<_>, _>>().map_err(wrong)?;
    let names = schema.fields().iter().map(|field| field.name().as_str());
    check_names(names, key).map_err(|error| error.in_file(path))?;
    let rows = batches.iter().map(|batch| batch.num_rows() as u64).sum::<u64>();
    let places = (1..=rows).collect();
    let mut values = Values { keys: Vec::new(), sources: None, columns: Vec::new(), places, unit: Unit::Row };
    for (at, field) in schema.fields().iter().enumerate() {
        let parts: Vec<&dyn Array> = batches.iter().map(|batch| batch.column(at).as_ref()).collect();
        let joined = match parts.as_slice() {
            [] => arrow_array::new_empty_array(field.data_type()),
            parts => arrow_select::concat::concat(parts).map_err(wrong)?,
        };
        match field.name().as_str() {
            name if name == key => values.keys = texts(&joined, name).map_err(|error| error.in_file(path))?,
            "source" => values.sources = Some(texts(&joined, "source").map_err(|error| error.in_file(path))?),
            name if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) => {
                values.columns.push(stored(name, joined).map_err(|error| error.in_file(path))?);
            }
            _ => {}
        }
    }
    Ok(values)
}

/// Why an Arrow file cannot be read, and what to do where that is known.
fn unreadable(message: &str) -> String {
    match ["lz4", "zstd"].into_iter().find(|codec| message.contains(&format!("{codec} IPC decompression"))) {
        Some(codec) => {
            format!(
                "it is compressed ({codec}), and here only plain Arrow files are read: write it with compression='uncompressed'"
            )
        }
        None => format!("it is no Arrow file that can be read: {message}"),
    }
}

/// The texts of a column of text or integers without nulls.
fn texts(array: &ArrayRef, name: &str) -> Result<Vec<String>> {
    let wrong = || {
        let message = format!("the column {name:?} must be text (or addresses as int64)");
        Err(Error::input(format!("{message}, not {}", array.data_type())))
    };
    if let Some(row) = (0..array.len()).find(|row| array.is_null(*row)) {
        let others = match array.null_count() {
            1 => String::new(),
            several => format!(", as in {} more", several - 1),
        };
        let message = format!("the column {name:?} says whose the values are, and is null in row {}{others}", row + 1);
        return Err(Error::input(format!("{message}: leave such rows out")));
    }
    let owned = |text: Option<&str>| text.unwrap_or_default().to_owned();
    Ok(match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().iter().map(owned).collect(),
        DataType::LargeUtf8 => array.as_string::<i64>().iter().map(owned).collect(),
        DataType::Utf8View => array.as_string_view().iter().map(owned).collect(),
        DataType::Int64 => array.as_primitive::<Int64Type>().values().iter().map(i64::to_string).collect(),
        DataType::Dictionary(..) => match unpacked(array) {
            Some(array) => return texts(&array, name),
            None => return wrong(),
        },
        _ => return wrong(),
    })
}

/// The values of a dictionary of text, one by one.
fn unpacked(array: &ArrayRef) -> Option<ArrayRef> {
    let keys: Vec<Option<usize>> = if let Some(dictionary) = array.as_dictionary_opt::<Int32Type>() {
        dictionary.keys().iter().map(|key| key.map(|key| key as usize)).collect()
    } else {
        let dictionary = array.as_dictionary_opt::<Int8Type>()?;
        dictionary.keys().iter().map(|key| key.map(|key| key as usize)).collect()
    };
    let values = array.as_any_dictionary_opt()?.values().clone();
    let text = |at: usize| -> Option<String> {
        match values.data_type() {
            DataType::Utf8 => Some(values.as_string::<i32>().value(at).to_owned()),
            DataType::LargeUtf8 => Some(values.as_string::<i64>().value(at).to_owned()),
            _ => None,
        }
    };
    Some(Arc::new(keys.into_iter().map(|key| key.and_then(text)).collect::<LargeStringArray>()))
}

/// The same values in a type that a dataset has: text and bytes always with 64-bit offsets.
fn stored(name: &str, array: ArrayRef) -> Result<(Column, ArrayRef)> {
    let array: ArrayRef = match array.data_type() {
        DataType::Utf8 => Arc::new(array.as_string::<i32>().iter().collect::<LargeStringArray>()),
        DataType::Utf8View => Arc::new(array.as_string_view().iter().collect::<LargeStringArray>()),
        DataType::Binary => Arc::new(array.as_binary::<i32>().iter().collect::<LargeBinaryArray>()),
        DataType::BinaryView => Arc::new(array.as_binary_view().iter().collect::<LargeBinaryArray>()),
        DataType::Dictionary(..) if ColumnType::from_arrow(array.data_type()).is_err() => {
            unpacked(&array).unwrap_or(array)
        }
        _ => array,
    };
    let ty = ColumnType::from_arrow(array.data_type()).map_err(|error| {
        let what = format!(
            "its column {name:?} cannot be stored ({}): cast it, or choose others with --columns",
            error.message()
        );
        Error::unsupported(what)
    })?;
    Ok((Column::new(name, ty, true), array))
}

/// Few-valued text as a dictionary.
pub fn dictionary(array: &ArrayRef) -> Option<ArrayRef> {
    let texts = array.as_string_opt::<i64>()?;
    let mut known: std::collections::BTreeMap<&str, i32> = std::collections::BTreeMap::new();
    let mut values: Vec<&str> = Vec::new();
    let keys = texts.iter().map(|text| {
        text.map(|text| {
            *known.entry(text).or_insert_with(|| {
                values.push(text);
                values.len() as i32 - 1
            })
        })
    });
    let keys: arrow_array::Int32Array = keys.collect();
    let values: StringArray = values.into_iter().map(Some).collect();
    let dictionary: DictionaryArray<Int32Type> = DictionaryArray::try_new(keys, Arc::new(values)).ok()?;
    Some(Arc::new(dictionary))
}

#[cfg(test)]
mod tests {
    use super::unreadable;

    #[test]
    fn a_compressed_file_is_refused_with_what_to_do() {
        for codec in ["lz4", "zstd"] {
            let said =
                unreadable(&format!("Invalid argument error: {codec} IPC decompression requires the {codec} feature"));
            assert!(said.contains(codec) && said.contains("compression='uncompressed'"), "{said}");
        }
        assert!(unreadable("no magic").contains("no magic"));
    }
}
