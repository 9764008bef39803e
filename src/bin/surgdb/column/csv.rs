//! Values from a CSV file: a header, a key, and columns whose types are told or found out.

use super::values::{Unit, Values};
use arrow_array::{
    ArrayRef, BooleanArray, Float32Array, Float64Array, Int8Array, Int16Array, Int32Array, Int64Array,
    LargeStringArray, UInt8Array, UInt16Array, UInt32Array, UInt64Array,
};
use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use surgdb::format::numbers::whole_number;
use surgdb::storage::open_plain;
use surgdb::{Address, Column, ColumnType, Error, Result};

/// Digits that every `float64` keeps.
const FLOAT_DIGITS: usize = 15;

/// What stands in a cell: none where nothing does, not even quotes.
type Cell = Option<String>;

/// Reads a CSV file whose column `key` holds ids or addresses. An empty cell is null; with quotes it is an empty text
/// where the column is text. A column's type is the one that `types` names; else the one that [`guessed`] finds.
pub fn read(path: &Path, key: &str, types: &BTreeMap<String, ColumnType>) -> Result<Values> {
    let bytes = open_plain(path).and_then(|_| std::fs::read(path));
    let bytes = bytes.map_err(|error| Error::io("cannot read it", error).in_file(path))?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    if bytes.trim_ascii().is_empty() {
        return Err(Error::input("it is empty: it needs a line with the columns' names").in_file(path));
    }
    let delimiter = delimiter(bytes, key);
    let quoted = quoted_empties(bytes, delimiter).map_err(|error| error.in_file(path))?;
    let wrong = |error: ::csv::Error| {
        let read = Error::input(format!("it cannot be read as CSV: {error}")).in_file(path);
        error.position().map(|position| position.line()).into_iter().fold(read, Error::at_line)
    };
    let mut reader = ::csv::ReaderBuilder::new().delimiter(delimiter).from_reader(bytes);
    let header: Vec<String> = reader.headers().map_err(wrong)?.iter().map(str::to_owned).collect();
    super::values::check_names(header.iter().map(String::as_str), key).map_err(|error| error.in_file(path))?;
    let mut cells: Vec<Vec<Cell>> = vec![Vec::new(); header.len()];
    let mut lines = Vec::new();
    for record in reader.records() {
        let record = record.map_err(wrong)?;
        lines.push(record.position().map_or(0, ::csv::Position::line));
        for (number, (column, cell)) in cells.iter_mut().zip(record.iter()).enumerate() {
            let is_there = !cell.is_empty() || quoted.contains(&(lines.len(), number));
            column.push(is_there.then(|| cell.to_owned()));
        }
    }
    let mut values = Values { keys: Vec::new(), sources: None, columns: Vec::new(), places: lines, unit: Unit::Line };
    for (name, cells) in header.into_iter().zip(cells) {
        match name.as_str() {
            name if name == key => values.keys = texts(cells),
            "source" => values.sources = Some(texts(cells)),
            _ => {
                let ty = types.get(&name).cloned().unwrap_or_else(|| guessed(&cells));
                let array = typed(&cells, &ty).map_err(|unfit| {
                    let error = Error::input(unfit.message).in_row(format!("column {name}")).in_file(path);
                    unfit.row.and_then(|row| values.places.get(row)).into_iter().fold(error, |e, line| e.at_line(*line))
                })?;
                values.columns.push((Column::new(name, ty, true), array));
            }
        }
    }
    Ok(values)
}

fn texts(cells: Vec<Cell>) -> Vec<String> {
    cells.into_iter().map(Option::unwrap_or_default).collect()
}

/// What sets the cells apart: the first of comma, semicolon, tab and bar by which the header has the key; a comma where
/// none does.
fn delimiter(bytes: &[u8], key: &str) -> u8 {
    let has_key = |delimiter: &u8| {
        let mut reader = ::csv::ReaderBuilder::new().delimiter(*delimiter).from_reader(bytes);
        reader.headers().is_ok_and(|header| header.iter().any(|name| name == key))
    };
    b",;\t|".iter().copied().find(has_key).unwrap_or(b',')
}

/// The cells that hold two quotes and nothing in them: their records, counted from 0 with the header, and their columns.
/// Refuses a quote that is never closed, and text behind one that is: readers of CSV guess there, each in its way.
fn quoted_empties(bytes: &[u8], delimiter: u8) -> Result<HashSet<(usize, usize)>> {
    enum At {
        Start,
        Plain,
        Quoted,
        Closed,
    }
    let (mut at, mut line, mut opened) = (At::Start, 1u64, 1u64);
    let (mut record, mut column, mut cell) = (0, 0, 0);
    let mut found = HashSet::new();
    for (place, byte) in bytes.iter().chain(b"\n").enumerate() {
        let is_end = place == bytes.len();
        if is_end && matches!(at, At::Quoted) {
            return Err(Error::input("a quote is opened here and never closed").at_line(opened));
        }
        at = match (at, byte) {
            (At::Start, b'"') => {
                opened = line;
                At::Quoted
            }
            (At::Quoted, b'"') => At::Closed,
            (At::Quoted, _) | (At::Closed, b'"') => At::Quoted,
            (before, byte) if *byte == delimiter || matches!(byte, b'\n' | b'\r') => {
                if matches!(before, At::Closed) && place - cell == 2 {
                    found.insert((record, column));
                }
                // A line without anything is no record.
                let is_blank = column == 0 && place == cell;
                (record, column) = match byte {
                    byte if *byte == delimiter => (record, column + 1),
                    _ if is_blank => (record, 0),
                    _ => (record + 1, 0),
                };
                cell = place + 1;
                At::Start
            }
            (At::Closed, _) => {
                let message = "text stands behind a closing quote: double the quotes inside a quoted cell";
                return Err(Error::input(message).at_line(line));
            }
            _ => At::Plain,
        };
        line += u64::from(*byte == b'\n');
    }
    Ok(found)
}

fn filled(cells: &[Cell]) -> impl Iterator<Item = Option<&str>> {
    cells.iter().map(|cell| cell.as_deref().filter(|cell| !cell.is_empty()))
}

/// The narrowest of `int64`, `float64` and `bool` that gives every cell back; else text. `007`, `+1`, ` 1`, `1.10`, `TRUE`
/// and whole numbers that are too large stay the text that they are.
fn guessed(cells: &[Cell]) -> ColumnType {
    let mut found = filled(cells).flatten().peekable();
    if found.peek().is_none() {
        return ColumnType::Text;
    }
    let all = |fits: &dyn Fn(&str) -> bool| filled(cells).flatten().all(fits);
    if all(&is_whole) {
        return ColumnType::Int(64);
    }
    if all(&|cell| is_whole_digits(cell) || is_float(cell, plain)) || all(&|cell| is_float(cell, scripted)) {
        return ColumnType::Float(64);
    }
    if all(&|cell| matches!(cell, "true" | "false")) { ColumnType::Bool } else { ColumnType::Text }
}

/// Whether an `int64` gives the cell back.
fn is_whole(cell: &str) -> bool {
    whole_number::<i64>(cell).is_some()
}

/// Whether it is a whole number that a `float64` gives back.
fn is_whole_digits(cell: &str) -> bool {
    is_whole(cell) && cell.trim_start_matches('-').len() <= FLOAT_DIGITS
}

/// Whether it is a number with a point or an exponent that a `float64`, written in this way, gives back.
fn is_float(cell: &str, written: fn(f64) -> String) -> bool {
    cell.contains(['.', 'e']) && cell.parse().is_ok_and(|number: f64| number.is_finite() && written(number) == cell)
}

/// A number without an exponent: `1`, `0.5`, `0.00001`.
fn plain(number: f64) -> String {
    number.to_string()
}

/// A number as Python writes it, and so most tables of scores: `1.0`, `0.5`, `1e-05`.
fn scripted(number: f64) -> String {
    let size = number.abs();
    if size == 0.0 || (1e-4..1e16).contains(&size) {
        return format!("{number:?}");
    }
    let written = format!("{number:e}");
    let Some((digits, exponent)) = written.split_once('e') else { return written };
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
    format!("{digits}e{sign}{exponent:0>2}")
}

fn flag(cell: &str) -> Option<bool> {
    match cell {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

/// Why cells are not of a type, and which of them.
struct Unfit {
    row: Option<usize>,
    message: String,
}

/// The cells in this type.
fn typed(cells: &[Cell], ty: &ColumnType) -> std::result::Result<ArrayRef, Unfit> {
    macro_rules! numbers {
        ($array:ty) => {
            Arc::new(parsed(cells, ty, |cell| cell.parse().ok())?.into_iter().collect::<$array>())
        };
    }
    Ok(match ty {
        ColumnType::Bool => Arc::new(parsed(cells, ty, flag)?.into_iter().collect::<BooleanArray>()),
        ColumnType::Int(8) => numbers!(Int8Array),
        ColumnType::Int(16) => numbers!(Int16Array),
        ColumnType::Int(32) => numbers!(Int32Array),
        ColumnType::Int(64) => numbers!(Int64Array),
        ColumnType::UInt(8) => numbers!(UInt8Array),
        ColumnType::UInt(16) => numbers!(UInt16Array),
        ColumnType::UInt(32) => numbers!(UInt32Array),
        ColumnType::UInt(64) => numbers!(UInt64Array),
        ColumnType::Float(32) => {
            let number = |cell: &str| cell.parse().ok().filter(|number: &f32| number.is_finite() || is_no_number(cell));
            Arc::new(parsed(cells, ty, number)?.into_iter().collect::<Float32Array>())
        }
        ColumnType::Float(64) => {
            let number = |cell: &str| cell.parse().ok().filter(|number: &f64| number.is_finite() || is_no_number(cell));
            Arc::new(parsed(cells, ty, number)?.into_iter().collect::<Float64Array>())
        }
        ColumnType::Ref => {
            let address = |cell: &str| Address::from_str(cell).ok().map(Address::get);
            Arc::new(parsed(cells, ty, address)?.into_iter().collect::<Int64Array>())
        }
        ColumnType::Text => Arc::new(cells.iter().map(Option::as_deref).collect::<LargeStringArray>()),
        ColumnType::Dict => {
            let text: ArrayRef = Arc::new(cells.iter().map(Option::as_deref).collect::<LargeStringArray>());
            super::types::dictionary(&text).unwrap_or(text)
        }
        other => {
            let message = format!(
                "a CSV file cannot hold {other}: use bool, int8 to int64, uint8 to uint64, float32, float64, text, dict \
                 or ref, or an Arrow file"
            );
            return Err(Unfit { row: None, message });
        }
    })
}

/// Whether a cell says `inf` or `nan` itself: a number that the type is too small for does not.
fn is_no_number(cell: &str) -> bool {
    !cell.contains(|c: char| c.is_ascii_digit())
}

fn parsed<T>(
    cells: &[Cell],
    ty: &ColumnType,
    parse: impl Fn(&str) -> Option<T>,
) -> std::result::Result<Vec<Option<T>>, Unfit> {
    let parsed = filled(cells).enumerate().map(|(row, cell)| {
        let Some(cell) = cell else { return Ok(None) };
        let unfit = || Unfit { row: Some(row), message: format!("{cell:?} is no {ty}") };
        parse(cell.trim()).map(Some).ok_or_else(unfit)
    });
    parsed.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_columns_type_is_the_narrowest_that_gives_all_cells_back() {
        let kind = |cells: &[&str]| {
            let cells: Vec<Cell> = cells.iter().map(|cell| Some((*cell).to_owned())).collect();
            guessed(&cells).to_string()
        };
        assert_eq!(kind(&["1", "", "-3"]), "int64");
        assert_eq!(kind(&["9223372036854775807"]), "int64");
        assert_eq!(kind(&["1", "2.5", "-0.1", "0.00001"]), "float64");
        assert_eq!(kind(&["1.0", "2.5", "-0.1", "1e-05", "1.5e+16"]), "float64");
        assert_eq!(kind(&["0.3333333333333333"]), "float64");
        assert_eq!(kind(&["true", "false"]), "bool");
        for text in [
            &["true", "1"][..],
            &["007"],
            &["TRUE", "false"],
            &["1.10"],
            &["1e5"],
            &["1", "2.0"],
            &["1", "+2"],
            &["1", " 2"],
            &["00.5"],
            &["nan", "1.5"],
            &["inf"],
            &["9223372036854775808"],
            &["9007199254740993", "0.5"],
            &["0.12345678901234567890"],
            &["1e999"],
            &["1e-999"],
            &["-0", "1"],
            &["1_000"],
            &[".", "1.5"],
            &["", ""],
            &["2024-01-01"],
        ] {
            assert_eq!(kind(text), "text", "{text:?}");
        }
    }

    #[test]
    fn cells_are_set_apart_by_what_gives_the_key_its_name() {
        for (text, expected) in [
            ("id,a;b\n", b','),
            ("id;a,b\n", b';'),
            ("a\tid\n", b'\t'),
            ("\"id\"|a\n", b'|'),
            ("id\n", b','),
            ("name;a\n", b','),
        ] {
            assert_eq!(delimiter(text.as_bytes(), "id"), expected, "{text}");
        }
    }

    #[test]
    fn an_empty_cell_in_quotes_is_told_from_one_without() {
        let found = |text: &str| {
            let mut found: Vec<_> = quoted_empties(text.as_bytes(), b',').unwrap().into_iter().collect();
            found.sort_unstable();
            found
        };
        assert_eq!(found("a,b\r\n\r\n\"\",x\n,\"\""), [(1, 0), (2, 1)]);
        assert_eq!(found("a,b\n\"\"\"\",\"\n\"\n,\n"), []);
    }

    #[test]
    fn quotes_are_closed_before_a_cell_ends() {
        for fine in ["a,b\n\"x, \"\"y\"\"\nz\",1\n", "a\nit\"s\n", "\"\"\r\n\"\",\"a\"", ""] {
            assert!(quoted_empties(fine.as_bytes(), b',').is_ok(), "{fine:?}");
        }
        let wrong = |text: &str| quoted_empties(text.as_bytes(), b',').unwrap_err().to_string();
        assert!(wrong("a\n1\n\"x\n2\n").contains("line 3"), "{}", wrong("a\n1\n\"x\n2\n"));
        assert!(wrong("a\n\"x\"y\n").contains("line 2"));
    }
}
