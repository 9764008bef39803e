//! Values from a CSV file: a header, a key, and columns whose types are told or found out.

use super::values::Values;
use arrow_array::{ArrayRef, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, LargeStringArray};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use surgdb::format::notation::ColumnType;
use surgdb::{Error, Result};

/// Reads a CSV file whose column `key` holds ids or addresses. An empty cell is null. A column's type is the one that
/// `types` names; else whole numbers, numbers, true/false or text, whichever all of its cells are.
pub fn read(path: &Path, key: &str, types: &BTreeMap<String, ColumnType>) -> Result<Values> {
    let wrong = |error: ::csv::Error| {
        let read = Error::input(format!("it cannot be read as CSV: {error}")).in_file(path);
        error.position().map(|position| position.line()).into_iter().fold(read, Error::at_line)
    };
    let mut reader = ::csv::Reader::from_path(path).map_err(wrong)?;
    let header: Vec<String> =
        reader.headers().map_err(wrong)?.iter().map(|name| name.trim_start_matches('\u{feff}').to_owned()).collect();
    let mut cells: Vec<Vec<String>> = vec![Vec::new(); header.len()];
    for record in reader.records() {
        let record = record.map_err(wrong)?;
        cells.iter_mut().zip(record.iter()).for_each(|(column, cell)| column.push(cell.to_owned()));
    }
    let Some(at) = header.iter().position(|name| name == key) else {
        let message = format!("it has no column {key:?} that says whose the values are; it has {}", header.join(", "));
        return Err(Error::input(message).in_file(path));
    };
    let mut values = Values { keys: std::mem::take(&mut cells[at]), sources: None, columns: Vec::new() };
    for (name, cells) in header.into_iter().zip(cells) {
        if name == key {
            continue;
        }
        if name == "source" {
            values.sources = Some(cells);
            continue;
        }
        let array = match types.get(&name) {
            Some(ty) => typed(&cells, ty).map_err(|error| error.in_file(path).in_row(format!("column {name}")))?,
            None => guessed(&cells),
        };
        values.columns.push((name, array));
    }
    Ok(values)
}

fn filled(cells: &[String]) -> impl Iterator<Item = Option<&str>> {
    cells.iter().map(|cell| (!cell.is_empty()).then_some(cell.as_str()))
}

/// The cells in the narrowest type that all of them have.
fn guessed(cells: &[String]) -> ArrayRef {
    for name in ["int64", "float64", "bool"] {
        if let Ok(array) = ColumnType::parse(name).and_then(|ty| typed(cells, &ty)) {
            return array;
        }
    }
    Arc::new(filled(cells).collect::<LargeStringArray>())
}

/// The cells in this type.
fn typed(cells: &[String], ty: &ColumnType) -> Result<ArrayRef> {
    Ok(match ty {
        ColumnType::Bool => Arc::new(all::<bool>(cells, ty)?.into_iter().collect::<BooleanArray>()),
        ColumnType::Int(32) => Arc::new(all::<i32>(cells, ty)?.into_iter().collect::<Int32Array>()),
        ColumnType::Int(64) => Arc::new(all::<i64>(cells, ty)?.into_iter().collect::<Int64Array>()),
        ColumnType::Float(32) => Arc::new(all::<f32>(cells, ty)?.into_iter().collect::<Float32Array>()),
        ColumnType::Float(64) => Arc::new(all::<f64>(cells, ty)?.into_iter().collect::<Float64Array>()),
        ColumnType::Text => Arc::new(filled(cells).collect::<LargeStringArray>()),
        ColumnType::Dict => {
            let text: ArrayRef = Arc::new(filled(cells).collect::<LargeStringArray>());
            super::values::dictionary(&text).unwrap_or(text)
        }
        other => {
            let message =
                format!("a CSV file cannot hold {other}: use bool, int32, int64, float32, float64, text or dict");
            return Err(Error::unsupported(message));
        }
    })
}

fn all<T: std::str::FromStr>(cells: &[String], ty: &ColumnType) -> Result<Vec<Option<T>>> {
    let parsed = filled(cells).map(|cell| {
        let wrong = |_| Error::input(format!("{:?} is no {ty}", cell.unwrap_or_default()));
        cell.map(|cell| cell.trim().parse::<T>().map_err(wrong)).transpose()
    });
    parsed.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_schema::DataType;

    #[test]
    fn a_columns_type_is_the_narrowest_that_all_cells_have() {
        let kind = |cells: &[&str]| {
            let cells: Vec<String> = cells.iter().map(|cell| (*cell).to_owned()).collect();
            guessed(&cells).data_type().clone()
        };
        assert_eq!(kind(&["1", "", "-3"]), DataType::Int64);
        assert_eq!(kind(&["1", "2.5"]), DataType::Float64);
        assert_eq!(kind(&["true", "false"]), DataType::Boolean);
        assert_eq!(kind(&["true", "1"]), DataType::LargeUtf8);
    }
}
