//! A table of new values: whose they are, and what they are.

use super::types;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, UInt64Type};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, DataType, SchemaRef};
use std::io::BufReader;
use std::path::Path;
use surgdb::import::guard::guarded;
use surgdb::storage::open_plain;
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
    let wrong = |error: ArrowError| Error::input(unreadable(&error.to_string())).in_file(path);
    let (schema, batches) = read_batches(path)?.map_err(wrong)?;
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
                values.columns.push(column(name, &joined).map_err(|error| error.in_file(path))?);
            }
            _ => {}
        }
    }
    Ok(values)
}

/// The schema and the batches of an Arrow file. Its reader panics at some bytes that are damaged.
fn read_batches(path: &Path) -> Result<std::result::Result<(SchemaRef, Vec<RecordBatch>), ArrowError>> {
    let (file, _) = open_plain(path).map_err(|error| Error::io("cannot open it", error).in_file(path))?;
    let read = || {
        let reader = arrow_ipc::reader::FileReader::try_new(BufReader::new(file), None)?;
        Ok((reader.schema(), reader.collect::<std::result::Result<_, _>>()?))
    };
    guarded(|| Ok(read())).map_err(|error| error.in_file(path))
}

/// Why an Arrow file cannot be read, and what to do where that is known.
fn unreadable(message: &str) -> String {
    match ["lz4", "zstd"].into_iter().find(|codec| message.contains(&format!("{codec} IPC decompression"))) {
        Some(codec) => {
            format!(
                "it is compressed ({codec}), and here only plain Arrow files are read: write it with compression='uncompressed'"
            )
        }
        None => format!("it is no Arrow file that can be read (an Arrow stream is none): {message}"),
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
        DataType::UInt64 => array.as_primitive::<UInt64Type>().values().iter().map(u64::to_string).collect(),
        DataType::Dictionary(..) => return texts(&types::unpacked(array)?, name),
        _ => return wrong(),
    })
}

/// A column of the file, as a dataset stores it.
fn column(name: &str, array: &ArrayRef) -> Result<(Column, ArrayRef)> {
    let typed = || {
        let array = types::stored(array)?;
        Ok((Column::new(name, ColumnType::from_arrow(array.data_type())?, true), array))
    };
    typed().map_err(|error: Error| {
        let what = error.message();
        Error::unsupported(format!("its column {name:?} cannot be stored: {what}; --columns chooses others"))
    })
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
