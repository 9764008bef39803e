//! What the licences allow of rows that others refer to: what goes along with a row counts with it.

use super::leaf::unfit;
use super::licence::Ranks;
use super::rows::{Piece, each_piece};
use crate::dataset::Dataset;
use crate::error::Result;
use crate::format::Address;
use crate::schema::references::each_reference;
use crate::schema::tables::{Table, annotations, conversations, frames};
use std::collections::HashMap;

/// The columns by which a row takes others along that may have another licence: those of the format, and added ones that
/// hold addresses.
pub fn referring(dataset: &Dataset, table: Table) -> Vec<usize> {
    [referring_base(table), &referring_added(dataset, table)].concat()
}

/// Those of them that were added.
fn referring_added(dataset: &Dataset, table: Table) -> Vec<usize> {
    let columns = dataset.state(table).columns.iter().enumerate().skip(table.columns().len());
    columns.filter(|(_, state)| state.column.ty.holds_refs()).map(|(number, _)| number).collect()
}

/// Whether any table has one that was added. An address in it may be of any table.
pub fn has_added(dataset: &Dataset) -> bool {
    Table::ALL.into_iter().any(|table| !referring_added(dataset, table).is_empty())
}

/// Those of the format.
pub fn referring_base(table: Table) -> &'static [usize] {
    match table {
        Table::Conversations => {
            use conversations as c;
            &[c::MEDIA, c::ALTERNATIVES, c::ANNOTATIONS, c::REASONING]
        }
        Table::Frames => &[frames::VIDEO, frames::PARENT],
        Table::Annotations => &[annotations::TARGET, annotations::REGIONS, annotations::PARENT],
        _ => &[],
    }
}

/// What the licences of a row and of all that goes along with it say together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standing {
    /// The rank of the strictest.
    pub strictest: u16,
    /// Whether what is asked for holds for each.
    pub holds: bool,
}

impl Standing {
    pub fn and(self, other: Self) -> Self {
        Self { strictest: self.strictest.max(other.strictest), holds: self.holds && other.holds }
    }
}

/// The standing of every row that another may refer to, by fragment.
pub struct Standings {
    of_fragment: HashMap<u32, Vec<Standing>>,
    /// Of what is not there: nothing can be said of its licence.
    unknown: Standing,
}

impl Standings {
    /// `holding` says for each rank whether what is asked for holds.
    pub fn read(dataset: &Dataset, ranks: &Ranks, holding: &[bool]) -> Result<Self> {
        let of = |rank: u16| Standing { strictest: rank, holds: holding.get(rank as usize) == Some(&true) };
        let mut standings = Self { of_fragment: HashMap::new(), unknown: of(ranks.strictest()) };
        let tables: &[Table] = match has_added(dataset) {
            true => &[Table::Cases, Table::Videos, Table::Frames, Table::Annotations, Table::Conversations],
            false => &[Table::Videos, Table::Frames, Table::Annotations],
        };
        for table in tables.iter().copied() {
            let source = table.column_index("source").ok_or_else(unfit)?;
            each_piece(dataset, table, &[source], |piece| {
                let own = ranks.of_array(&piece.column(0)?)?.into_iter().map(of);
                let fragment = piece.address(0).fragment().get();
                standings.of_fragment.entry(fragment).or_default().extend(own);
                Ok(())
            })?;
        }
        standings.spread(dataset, tables)?;
        Ok(standings)
    }

    pub fn get(&self, address: Address) -> Standing {
        let rows = self.of_fragment.get(&address.fragment().get());
        rows.and_then(|rows| rows.get(address.row() as usize)).copied().unwrap_or(self.unknown)
    }

    /// Lets what rows refer to count with them, until nothing changes: rows refer to earlier ones, save where their parents
    /// were replaced, so that one round does and a second one finds nothing.
    fn spread(&mut self, dataset: &Dataset, tables: &[Table]) -> Result<()> {
        loop {
            let mut is_changed = false;
            for table in tables.iter().copied() {
                let columns = referring(dataset, table);
                if columns.is_empty() {
                    continue;
                }
                each_piece(dataset, table, &columns, |piece| {
                    for (slot, column) in columns.iter().enumerate() {
                        is_changed |= self.take_along(dataset, table, *column, slot, piece)?;
                    }
                    Ok(())
                })?;
            }
            if !is_changed {
                return Ok(());
            }
        }
    }

    fn take_along(
        &mut self,
        dataset: &Dataset,
        table: Table,
        column: usize,
        slot: usize,
        piece: &Piece<'_>,
    ) -> Result<bool> {
        let is_added = column >= table.columns().len();
        let ty = &dataset.state(table).columns.get(column).ok_or_else(unfit)?.column.ty;
        let mut is_changed = false;
        each_reference(ty, piece.column(slot)?.as_ref(), &mut |row, address| {
            // Bytes have no source of their own.
            if is_added && dataset.table_of(address)? == Table::Blobs {
                return Ok(());
            }
            let referred = self.get(address);
            let from = piece.address(row);
            let rows = self.of_fragment.get_mut(&from.fragment().get());
            if let Some(own) = rows.and_then(|rows| rows.get_mut(from.row() as usize)) {
                let joined = own.and(referred);
                is_changed |= joined != *own;
                *own = joined;
            }
            Ok(())
        })?;
        Ok(is_changed)
    }
}
