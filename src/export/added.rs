//! Columns that were added to tables: the JSON forms have no place for them, save for the split that a record belongs to,
//! so that they are told as lost.

use super::ExportReport;
use super::reached::Reached;
use crate::dataset::Dataset;
use crate::error::Result;
use crate::format::Address;
use crate::format::manifest::SideColumn;
use crate::schema::tables::Table;
use arrow_array::Array;

/// Counts the values of added columns that the exported rows have, a loss for each column. `kept` are those of conversations
/// that the records say, or that are told otherwise.
///
/// # Errors
/// `Corrupt`; `Deleted` or `NotInVersion` when what is selected is not there.
pub(super) fn lose_all(
    dataset: &Dataset,
    selection: Option<&[Address]>,
    kept: &[&str],
    report: &mut ExportReport,
) -> Result<()> {
    let reached = || selection.map(|selection| Reached::from(dataset, selection)).transpose();
    lose(dataset, reached, kept, report)
}

/// The same of these rows and what can be reached from them.
///
/// # Errors
/// As [`lose_all`].
pub(super) fn lose_of(dataset: &Dataset, rows: &[Address], report: &mut ExportReport) -> Result<()> {
    lose(dataset, || Reached::from_rows(dataset, rows).map(Some), &[], report)
}

fn lose(
    dataset: &Dataset,
    reached: impl FnOnce() -> Result<Option<Reached>>,
    kept: &[&str],
    report: &mut ExportReport,
) -> Result<()> {
    let is_written = |side: &SideColumn| {
        side.table == Table::Conversations.name()
            && kept.contains(&side.name.as_str())
            && matches!(side.ty.as_str(), "dict" | "text")
    };
    let added = dataset.manifest().columns.iter().filter(|side| !side.replaces && !is_written(side));
    let added: Vec<_> = added.collect();
    if added.is_empty() {
        return Ok(());
    }
    let reached = reached()?;
    for side in added {
        let table = Table::named(&side.table)?;
        let mut values = 0;
        for piece in dataset.scan(table).columns([side.name.as_str()])?.batches() {
            let piece = piece?;
            let column = piece.batch.column(0);
            let is_lost = |(row, address): (usize, &i64)| {
                column.is_valid(row) && reached.as_ref().is_none_or(|reached| reached.has(table, *address))
            };
            values += piece.addresses.values().iter().enumerate().filter(|at| is_lost(*at)).count() as u64;
        }
        report.lose(format!("the added column `{}` of {table}", side.name), values);
    }
    Ok(())
}
