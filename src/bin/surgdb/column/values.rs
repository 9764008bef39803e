//! A table of new values: whose they are, and what they are.

use arrow_array::cast::AsArray;
use arrow_array::types::{Int8Type, Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, DictionaryArray, LargeStringArray, StringArray};
use arrow_schema::DataType;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;
use surgdb::format::notation::ColumnType;
use surgdb::{Error, Result};

/// New values for rows of a table.
pub struct Values {
    /// The rows' ids or addresses.
    pub keys: Vec<String>,
    /// The rows' sources, where the file says them.
    pub sources: Option<Vec<String>>,
    /// Names and values of the columns, one value a key.
    pub columns: Vec<(String, ArrayRef)>,
}

/// Reads an Arrow IPC file whose column `key` holds ids or addresses; all batches are joined.
pub fn read_arrow(path: &Path, key: &str) -> Result<Values> {
    let file = File::open(path).map_err(|error| Error::io("cannot open it", error).in_file(path))?;
    let wrong = |error: arrow_schema::ArrowError| {
        Error::input(format!("it is no Arrow file that can be read: {error}")).in_file(path)
    };
    let reader = arrow_ipc::reader::FileReader::try_new(BufReader::new(file), None).map_err(wrong)?;
    let schema = reader.schema();
    let batches = reader.collect::<std::result::Result<Vec<_>, _>>().map_err(wrong)?;
    let mut values = Values { keys: Vec::new(), sources: None, columns: Vec::new() };
    for (at, field) in schema.fields().iter().enumerate() {
        let parts: Vec<&dyn Array> = batches.iter().map(|batch| batch.column(at).as_ref()).collect();
        let joined = match parts.as_slice() {
            [] => arrow_array::new_empty_array(field.data_type()),
            parts => arrow_select::concat::concat(parts).map_err(wrong)?,
        };
        match field.name().as_str() {
            name if name == key => values.keys = texts(&joined, name).map_err(|error| error.in_file(path))?,
            "source" => values.sources = Some(texts(&joined, "source").map_err(|error| error.in_file(path))?),
            name => values.columns.push((name.to_owned(), stored(joined))),
        }
    }
    if !schema.fields().iter().any(|field| field.name() == key) {
        let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        let message = format!("it has no column {key:?} that says whose the values are; it has {}", names.join(", "));
        return Err(Error::input(message).in_file(path));
    }
    Ok(values)
}

/// The texts of a column of text or integers without nulls.
fn texts(array: &ArrayRef, name: &str) -> Result<Vec<String>> {
    let wrong = || {
        let message = format!("the column {name:?} must be text (or addresses as int64) without nulls");
        Err(Error::input(format!("{message}, not {}", array.data_type())))
    };
    if array.null_count() > 0 {
        return wrong();
    }
    let owned = |text: Option<&str>| text.unwrap_or_default().to_owned();
    Ok(match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().iter().map(owned).collect(),
        DataType::LargeUtf8 => array.as_string::<i64>().iter().map(owned).collect(),
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

/// The same values in a type that a dataset has: text always with 64-bit offsets.
fn stored(array: ArrayRef) -> ArrayRef {
    match array.data_type() {
        DataType::Utf8 => Arc::new(array.as_string::<i32>().iter().collect::<LargeStringArray>()),
        DataType::Dictionary(..) if ColumnType::from_arrow(array.data_type()).is_err() => {
            unpacked(&array).unwrap_or(array)
        }
        _ => array,
    }
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
