//! Cells of added columns that an import gives rows: a fold, a last frame, a split.

use super::Run;
use crate::dataset::CellUpdate;
use crate::error::{Error, ErrorKind, Result};
use crate::format::Address;
use crate::format::notation::{Column, ColumnType};
use crate::import::options::OnChange;
use crate::import::report::{At, Kind};
use crate::import::sink::Sink;
use crate::schema::tables::Table;
use crate::schema::views::read;
use arrow_array::builder::StringDictionaryBuilder;
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, LargeStringArray};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

/// What a cell of an added column holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum CellValue {
    Text(String),
    Dict(String),
    Int(i64),
    Float(f64),
    Bool(bool),
}

impl CellValue {
    fn column_type(&self) -> ColumnType {
        match self {
            Self::Text(_) => ColumnType::Text,
            Self::Dict(_) => ColumnType::Dict,
            Self::Int(_) => ColumnType::Int(64),
            Self::Float(_) => ColumnType::Float(64),
            Self::Bool(_) => ColumnType::Bool,
        }
    }
}

impl fmt::Display for CellValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) | Self::Dict(text) => write!(f, "{text:?}"),
            Self::Int(number) => write!(f, "{number}"),
            Self::Float(number) => write!(f, "{number}"),
            Self::Bool(is) => write!(f, "{is}"),
        }
    }
}

/// How the cells that a row is given differ from what is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum CellChange {
    #[default]
    Same,
    Kept,
    Added,
    Replaced,
}

/// Cells on their way into added columns; some 50 bytes each.
#[derive(Default)]
pub(super) struct AddedCells(BTreeMap<(Table, String), AddedColumn>);

struct AddedColumn {
    ty: ColumnType,
    addresses: Vec<Address>,
    values: Vec<CellValue>,
    met: HashMap<Address, usize>,
}

impl AddedCells {
    /// Writes what was noted.
    ///
    /// # Errors
    /// `Invalid` where the dataset has a column of this name for something else.
    pub(super) fn write(&mut self, sink: &mut dyn Sink) -> Result<()> {
        for ((table, name), column) in std::mem::take(&mut self.0) {
            let values = array(&column.ty, &column.values)?;
            let update = CellUpdate::new(table, Column::new(&name, column.ty, true), column.addresses, values);
            sink.update(update).map_err(|error| {
                let what = format!("the column `{name}` of {table} cannot be filled: {}", error.message());
                Error::invalid(what)
            })?;
        }
        Ok(())
    }
}

impl Run<'_> {
    /// Gives a row a cell of an added column, unless it has another that is to be kept.
    pub(crate) fn give_cell(
        &mut self,
        table: Table,
        address: Address,
        name: &str,
        value: CellValue,
        at: &At,
    ) -> Result<CellChange> {
        let key = (table, name.to_owned());
        let ty = value.column_type();
        let there = match self.cells.0.get(&key).and_then(|column| Some(&column.values[*column.met.get(&address)?])) {
            Some(met) => Some(met.clone()),
            None => self.cell_there(table, address, name, &ty)?,
        };
        let change = match there {
            Some(there) if there == value => return Ok(CellChange::Same),
            Some(there) if self.options.on_change != OnChange::Replace => {
                if self.options.on_change != OnChange::Keep {
                    let what = format!("its `{name}` is {value} here and {there} in the dataset, which was kept");
                    self.report.find(Kind::ChangedRecord, at, what);
                }
                return Ok(CellChange::Kept);
            }
            Some(_) => CellChange::Replaced,
            None => CellChange::Added,
        };
        let new = || AddedColumn { ty, addresses: Vec::new(), values: Vec::new(), met: HashMap::new() };
        let column = self.cells.0.entry(key).or_insert_with(new);
        column.met.insert(address, column.values.len());
        column.addresses.push(address);
        column.values.push(value);
        Ok(change)
    }

    /// The cell that the dataset has there.
    fn cell_there(&self, table: Table, address: Address, name: &str, ty: &ColumnType) -> Result<Option<CellValue>> {
        let dataset = self.sink.dataset();
        if dataset.schema(table).field_with_name(name).is_err() {
            return Ok(None);
        }
        let row = match dataset.row_of(table, address) {
            Ok(row) => row,
            // It is new.
            Err(error) if error.kind() == ErrorKind::NotInVersion => return Ok(None),
            Err(error) => return Err(error),
        };
        let cell = row.named(name)?;
        let other = |_| Error::invalid(format!("the column `{name}` of {table} is there, and not of type {ty}"));
        Ok(match ty {
            ColumnType::Dict => read::dict_opt(cell).map_err(other)?.map(|text| CellValue::Dict(text.to_owned())),
            ColumnType::Text => read::text_opt(cell).map_err(other)?.map(|text| CellValue::Text(text.to_owned())),
            ColumnType::Float(_) => read::f64_opt(cell).map_err(other)?.map(CellValue::Float),
            ColumnType::Bool => read::bool_opt(cell).map_err(other)?.map(CellValue::Bool),
            _ => read::i64_opt(cell).map_err(other)?.map(CellValue::Int),
        })
    }
}

/// The values as an array of this type; one of another type is none.
fn array(ty: &ColumnType, values: &[CellValue]) -> Result<ArrayRef> {
    let text = |value: &CellValue| match value {
        CellValue::Text(text) | CellValue::Dict(text) => Some(text.clone()),
        _ => None,
    };
    Ok(match ty {
        ColumnType::Dict => {
            let mut names = StringDictionaryBuilder::<Int32Type>::new();
            for value in values {
                match text(value) {
                    Some(name) => drop(names.append(name)?),
                    None => names.append_null(),
                }
            }
            Arc::new(names.finish())
        }
        ColumnType::Text => Arc::new(values.iter().map(text).collect::<LargeStringArray>()),
        ColumnType::Float(_) => {
            let of = |value: &CellValue| if let CellValue::Float(number) = value { Some(*number) } else { None };
            Arc::new(values.iter().map(of).collect::<Float64Array>())
        }
        ColumnType::Bool => {
            let of = |value: &CellValue| if let CellValue::Bool(is) = value { Some(*is) } else { None };
            Arc::new(values.iter().map(of).collect::<BooleanArray>())
        }
        _ => {
            let of = |value: &CellValue| if let CellValue::Int(number) = value { Some(*number) } else { None };
            Arc::new(values.iter().map(of).collect::<Int64Array>())
        }
    })
}
