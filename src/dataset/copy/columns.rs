//! Columns that were added: their values go with the new rows.

use super::{Copier, refs};
use crate::dataset::CellUpdate;
use crate::error::Result;
use crate::format::Address;
use crate::format::manifest::SideColumn;
use crate::format::notation::{Column, ColumnType};
use crate::schema::tables::Table;
use arrow_array::{Array, UInt64Array};
use arrow_select::concat::concat;
use arrow_select::take::take;

/// Rows whose values are gathered at once.
const TAKEN: usize = 1 << 15;

impl Copier<'_> {
    /// Gives the new rows what added columns say of their originals. A column without a value among them is left out.
    pub(super) fn carry_columns(&mut self) -> Result<()> {
        let from = self.from;
        for side in from.manifest().columns.iter().filter(|side| !side.replaces) {
            let update = self.values_of(side)?;
            let Some(update) = update else { continue };
            *self.report.columns.entry(format!("{}.{}", side.table, side.name)).or_default() +=
                update.addresses().len() as u64;
            self.to.update(update)?;
        }
        Ok(())
    }

    fn values_of(&self, side: &SideColumn) -> Result<Option<CellUpdate>> {
        let table = Table::named(&side.table)?;
        let ty = ColumnType::parse(&side.ty)?;
        let new_of = |address: Address| self.new_of(address);
        let (mut addresses, mut parts) = (Vec::new(), Vec::new());
        for originals in self.new[table as usize].chunks(TAKEN) {
            let batch = self.from.take(table, originals, &[&side.name])?;
            let values = batch.column(0);
            let filled: Vec<u64> =
                (0..values.len()).filter(|row| values.is_valid(*row)).map(|row| row as u64).collect();
            for row in &filled {
                addresses.push(self.new_of(originals[*row as usize])?);
            }
            let values = take(values, &UInt64Array::from(filled), None)?;
            parts.push(refs::column(&ty, &values, &new_of)?);
        }
        if addresses.is_empty() {
            return Ok(None);
        }
        let parts: Vec<&dyn Array> = parts.iter().map(|part| part.as_ref()).collect();
        Ok(Some(CellUpdate::new(table, Column::new(&side.name, ty, true), addresses, concat(&parts)?)))
    }
}
