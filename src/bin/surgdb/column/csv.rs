//! Values from a CSV file: a header, a key, and columns whose types are told or found out.

use super::values::{Unit, Values};
use arrow_array::{
    ArrayRef, BooleanArray, Float32Array, Float64Array, Int8Array, Int16Array, Int32Array, Int64Array,
    LargeStringArray, UInt8Array, UInt16Array, UInt32Array, UInt64Array,
};
use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use surgdb::{Address, Column, ColumnType, Error, Result};

/// Digits that every `float64` keeps.
const FLOAT_DIGITS: usize = 15;

/// Reads a CSV file whose column `key` holds ids or addresses. An empty cell is null. A column's type is the one that
/// `types` names; else the one that [`guessed`] finds.
pub fn read(path: &Path, key: &str, types: &BTreeMap<String, ColumnType>) -> Result<Values> {
    let bytes = std::fs::read(path).map_err(|error| Error::io("cannot read it", error).in_file(path))?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    check_quotes(bytes).map_err(|error| error.in_file(path))?;
    let wrong = |error: ::csv::Error| {
        let read = Error::input(format!("it cannot be read as CSV: {error}")).in_file(path);
        error.position().map(|position| position.line()).into_iter().fold(read, Error::at_line)
    };
    let mut reader = ::csv::Reader::from_reader(bytes);
    let header: Vec<String> = reader.headers().map_err(wrong)?.iter().map(str::to_owned).collect();
    let mut cells: Vec<Vec<String>> = vec![Vec::new(); header.len()];
    let mut lines = Vec::new();
    for record in reader.records() {
        let record = record.map_err(wrong)?;
        lines.push(record.position().map_or(0, ::csv::Position::line));
        cells.iter_mut().zip(record.iter()).for_each(|(column, cell)| column.push(cell.to_owned()));
    }
    super::values::check_names(header.iter().map(String::as_str), key).map_err(|error| error.in_file(path))?;
    let mut values = Values { keys: Vec::new(), sources: None, columns: Vec::new(), places: lines, unit: Unit::Line };
    for (name, cells) in header.into_iter().zip(cells) {
        match name.as_str() {
            name if name == key => values.keys = cells,
            "source" => values.sources = Some(cells),
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

/// Refuses a quote that is never closed, and text behind one that is: readers of CSV guess there, each in its way.
fn check_quotes(bytes: &[u8]) -> Result<()> {
    enum At {
        Start,
        Plain,
        Quoted,
        Closed,
    }
    let (mut at, mut line, mut opened) = (At::Start, 1u64, 1u64);
    for byte in bytes {
        at = match (at, byte) {
            (At::Start, b'"') => {
                opened = line;
                At::Quoted
            }
            (At::Quoted, b'"') => At::Closed,
            (At::Quoted, _) | (At::Closed, b'"') => At::Quoted,
            (_, b',' | b'\n' | b'\r') => At::Start,
            (At::Closed, _) => {
                let message = "text stands behind a closing quote: double the quotes inside a quoted cell";
                return Err(Error::input(message).at_line(line));
            }
            _ => At::Plain,
        };
        line += u64::from(*byte == b'\n');
    }
    match at {
        At::Quoted => Err(Error::input("a quote is opened here and never closed").at_line(opened)),
        _ => Ok(()),
    }
}

fn filled(cells: &[String]) -> impl Iterator<Item = Option<&str>> {
    cells.iter().map(|cell| (!cell.is_empty()).then_some(cell.as_str()))
}

/// The narrowest of `int64`, `float64` and `bool` that gives every cell back; else text. `007`, `+1`, ` 1` and whole
/// numbers that are too large stay the text that they are.
fn guessed(cells: &[String]) -> ColumnType {
    let mut found = filled(cells).flatten().peekable();
    if found.peek().is_none() {
        return ColumnType::Text;
    }
    let all = |fits: fn(&str) -> bool| filled(cells).flatten().all(fits);
    if all(is_whole) {
        return ColumnType::Int(64);
    }
    if all(|cell| is_whole_digits(cell) || is_float(cell)) {
        return ColumnType::Float(64);
    }
    if all(|cell| flag(cell).is_some()) { ColumnType::Bool } else { ColumnType::Text }
}

/// Whether an `int64` gives the cell back.
fn is_whole(cell: &str) -> bool {
    cell.parse::<i64>().is_ok_and(|number| number.to_string() == cell)
}

/// Whether it is a whole number that a `float64` gives back.
fn is_whole_digits(cell: &str) -> bool {
    is_whole(cell) && cell.trim_start_matches('-').len() <= FLOAT_DIGITS
}

/// Whether it is a number with a point or an exponent whose digits a `float64` gives back; zeros at its end aside.
fn is_float(cell: &str) -> bool {
    let number = cell.strip_prefix('-').unwrap_or(cell);
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let has_form = number.contains(['.', 'e', 'E'])
        && is_digits(whole)
        && is_digits(part)
        && is_digits(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))
        && (whole == "0" || !whole.starts_with('0'));
    let value = cell.parse::<f64>().ok().filter(|value| has_form && value.is_finite());
    value.is_some_and(|value| digits(&format!("{value:e}")) == digits(cell))
}

/// The digits of a number's mantissa, without zeros at either end.
fn digits(number: &str) -> String {
    let mantissa = number.split(['e', 'E']).next().unwrap_or_default();
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    digits.trim_matches('0').to_owned()
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
fn typed(cells: &[String], ty: &ColumnType) -> std::result::Result<ArrayRef, Unfit> {
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
        ColumnType::Float(32) => numbers!(Float32Array),
        ColumnType::Float(64) => numbers!(Float64Array),
        ColumnType::Ref => {
            let address = |cell: &str| Address::from_str(cell).ok().map(Address::get);
            Arc::new(parsed(cells, ty, address)?.into_iter().collect::<Int64Array>())
        }
        ColumnType::Text => Arc::new(filled(cells).collect::<LargeStringArray>()),
        ColumnType::Dict => {
            let text: ArrayRef = Arc::new(filled(cells).collect::<LargeStringArray>());
            super::values::dictionary(&text).unwrap_or(text)
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

fn parsed<T>(
    cells: &[String],
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
            let cells: Vec<String> = cells.iter().map(|cell| (*cell).to_owned()).collect();
            guessed(&cells).to_string()
        };
        assert_eq!(kind(&["1", "", "-3"]), "int64");
        assert_eq!(kind(&["9223372036854775807"]), "int64");
        assert_eq!(kind(&["1", "2.5", "-0.10", "1e-05"]), "float64");
        assert_eq!(kind(&["0.3333333333333333"]), "float64");
        assert_eq!(kind(&["True", "false"]), "bool");
        for text in [
            &["true", "1"][..],
            &["007"],
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
    fn quotes_are_closed_before_a_cell_ends() {
        for fine in ["a,b\n\"x, \"\"y\"\"\nz\",1\n", "a\nit\"s\n", "\"\"\r\n\"\",\"a\"", ""] {
            assert!(check_quotes(fine.as_bytes()).is_ok(), "{fine:?}");
        }
        let wrong = |text: &str| check_quotes(text.as_bytes()).unwrap_err().to_string();
        assert!(wrong("a\n1\n\"x\n2\n").contains("line 3"), "{}", wrong("a\n1\n\"x\n2\n"));
        assert!(wrong("a\n\"x\"y\n").contains("line 2"));
    }
}
