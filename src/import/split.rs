//! What records say of themselves that has an added column: the split that they belong to, since a record stays the
//! same whatever set it is put in, and the source of its own from which a collection has them, so that it can be
//! selected by.

use crate::dataset::{CellUpdate, SOURCE_DATASET, SPLIT};
use crate::error::{Error, Result};
use crate::format::Address;
use crate::format::notation::{Column, ColumnType};
use crate::import::sink::Sink;
use crate::schema::tables::Table;
use arrow_array::builder::StringDictionaryBuilder;
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, LargeStringArray, StringArray};
use arrow_schema::DataType;
use std::sync::Arc;

/// Names on their way into a column of few values; 12 bytes a record.
pub(super) struct Labels {
    table: Table,
    column: &'static str,
    /// What the records say, for an error.
    what: &'static str,
    addresses: Vec<Address>,
    names: StringDictionaryBuilder<Int32Type>,
}

impl Labels {
    /// Splits of a table's rows.
    pub(super) fn splits(table: Table) -> Self {
        Self::new(table, SPLIT, "which split they belong to")
    }

    /// Sources of the source.
    pub(super) fn source_datasets() -> Self {
        Self::new(Table::Conversations, SOURCE_DATASET, "which dataset they come from")
    }

    fn new(table: Table, column: &'static str, what: &'static str) -> Self {
        Self { table, column, what, addresses: Vec::new(), names: StringDictionaryBuilder::new() }
    }

    /// Notes what a record says.
    ///
    /// # Errors
    /// `Invalid` where there are more names than a column can tell apart.
    pub(super) fn note(&mut self, address: Address, name: &str) -> Result<()> {
        self.names.append(name)?;
        self.addresses.push(address);
        Ok(())
    }

    /// Writes what was noted.
    ///
    /// # Errors
    /// `Invalid` where the dataset has a column of this name for something else.
    pub(super) fn write(&mut self, sink: &mut dyn Sink) -> Result<()> {
        if self.addresses.is_empty() {
            return Ok(());
        }
        let addresses = std::mem::take(&mut self.addresses);
        let names = self.names.finish();
        let schema = sink.dataset().schema(self.table);
        let is_text = schema.field_with_name(self.column).is_ok_and(|field| *field.data_type() == DataType::LargeUtf8);
        let (ty, names): (_, ArrayRef) = match names.downcast_dict::<StringArray>().filter(|_| is_text) {
            Some(names) => (ColumnType::Text, Arc::new(LargeStringArray::from_iter(names))),
            None => (ColumnType::Dict, Arc::new(names)),
        };
        let update = CellUpdate::new(self.table, Column::new(self.column, ty, true), addresses, names);
        sink.update(update).map_err(|error| {
            Error::invalid(format!("the records say {}, which cannot be kept: {}", self.what, error.message()))
        })
    }
}
