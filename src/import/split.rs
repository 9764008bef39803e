//! The splits that records say they belong to: a side column of the conversations, since a record stays the same
//! whatever set it is put in.

use crate::dataset::{CellUpdate, SPLIT};
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

/// Splits on their way into the column; 12 bytes a record.
#[derive(Default)]
pub(super) struct Splits {
    addresses: Vec<Address>,
    names: StringDictionaryBuilder<Int32Type>,
}

impl Splits {
    /// Notes the split of a conversation.
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
        let schema = sink.dataset().schema(Table::Conversations);
        let is_text = schema.field_with_name(SPLIT).is_ok_and(|field| *field.data_type() == DataType::LargeUtf8);
        let (ty, names): (_, ArrayRef) = match names.downcast_dict::<StringArray>().filter(|_| is_text) {
            Some(names) => (ColumnType::Text, Arc::new(LargeStringArray::from_iter(names))),
            None => (ColumnType::Dict, Arc::new(names)),
        };
        let update = CellUpdate::new(Table::Conversations, Column::new(SPLIT, ty, true), addresses, names);
        sink.update(update).map_err(|error| {
            Error::invalid(format!(
                "the records say which split they belong to, which cannot be kept: {}",
                error.message()
            ))
        })
    }
}
