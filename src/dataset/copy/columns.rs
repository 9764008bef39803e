//! Columns that were added: their values go with the new rows.

use super::{Copier, refs};
use crate::dataset::CellUpdate;
use crate::error::Result;
use crate::format::Address;
use crate::format::manifest::SideColumn;
use crate::format::notation::{Column, ColumnType};
use crate::schema::tables::Table;
use arrow_array::{Array, ArrayRef, UInt64Array};
use arrow_select::concat::concat;
use arrow_select::take::take;

/// Rows whose values are gathered at once.
const TAKEN: usize = 1 << 15;

impl Copier<'_> {
    /// Gives the new rows, and those that were there without, what added columns say of their originals. A column without a
    /// value among them is left out.
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

    fn values_of(&mut self, side: &SideColumn) -> Result<Option<CellUpdate>> {
        let table = Table::named(&side.table)?;
        let ty = ColumnType::parse(&side.ty)?;
        let (mut addresses, mut parts, mut kept) = (Vec::new(), Vec::new(), 0);
        for originals in self.new[table as usize].chunks(TAKEN) {
            let values = self.filled_values(table, originals, side, &ty)?;
            addresses.extend(values.0);
            parts.push(values.1);
        }
        for originals in self.there[table as usize].chunks(TAKEN) {
            let (there, values) = self.filled_values(table, originals, side, &ty)?;
            let has = self.values_there(table, &there, side)?;
            let mut lacking = Vec::new();
            for (row, address) in there.iter().enumerate() {
                match &has {
                    Some(has) if has.is_valid(row) => {
                        kept += u64::from(has.slice(row, 1).to_data() != values.slice(row, 1).to_data());
                    }
                    _ => {
                        addresses.push(*address);
                        lacking.push(row as u64);
                    }
                }
            }
            parts.push(take(&values, &UInt64Array::from(lacking), None)?);
        }
        if kept > 0 {
            self.report.columns_kept.insert(format!("{}.{}", side.table, side.name), kept);
        }
        if addresses.is_empty() {
            return Ok(None);
        }
        let parts: Vec<&dyn Array> = parts.iter().map(|part| part.as_ref()).collect();
        Ok(Some(CellUpdate::new(table, Column::new(&side.name, ty, true), addresses, concat(&parts)?)))
    }

    /// The addresses in the target of those of these rows that have a value, and the values as they are there.
    fn filled_values(
        &self,
        table: Table,
        originals: &[Address],
        side: &SideColumn,
        ty: &ColumnType,
    ) -> Result<(Vec<Address>, ArrayRef)> {
        let (filled, values) = self.from.filled_cells(table, originals, &side.name)?;
        let addresses = filled.iter().map(|row| self.new_of(originals[*row])).collect::<Result<_>>()?;
        Ok((addresses, refs::column(ty, &values, &|address| self.new_of(address))?))
    }

    /// What rows of the target have in a column of this name; nothing where it has no such column.
    fn values_there(&self, table: Table, there: &[Address], side: &SideColumn) -> Result<Option<ArrayRef>> {
        let to = self.to.dataset();
        let is_known = to.manifest().columns.iter().any(|known| known.table == side.table && known.name == side.name);
        match is_known && !there.is_empty() {
            true => Ok(Some(to.take(table, there, &[&side.name])?.column(0).clone())),
            false => Ok(None),
        }
    }
}
