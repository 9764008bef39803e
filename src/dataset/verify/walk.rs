//! Going through a table's rows, past what cannot be read.

use crate::dataset::Dataset;
use crate::dataset::scan::{Pieces, ScanBatch};
use crate::dataset::verify::found::Found;
use crate::error::Result;
use crate::format::Address;
use crate::schema::tables::Table;
use std::ops::Range;

/// The rows of a table, some columns of them.
pub struct Walk<'a> {
    pub dataset: &'a Dataset,
    pub table: Table,
    pub columns: Vec<usize>,
    /// Whether deleted rows are visited too.
    pub deleted: bool,
}

/// Rows that could not be read, as values of addresses, ascending.
#[derive(Default)]
pub struct Unread(Vec<Range<i64>>);

impl Unread {
    pub fn holds(&self, address: Address) -> bool {
        let at = self.0.partition_point(|range| range.end <= address.get());
        self.0.get(at).is_some_and(|range| range.contains(&address.get()))
    }
}

impl Walk<'_> {
    /// Calls `each` with every piece, by ascending address. What cannot be read is a fault, and left out; the walk goes
    /// on behind its batch.
    pub fn run<'f>(&self, found: &mut Found<'f>, each: &mut dyn FnMut(&ScanBatch, &mut Found<'f>)) -> Unread {
        let mut unread = Unread::default();
        let state = self.dataset.state(self.table);
        let mut pieces = Pieces::new(self.dataset, self.table, self.columns.clone());
        for (at, fragment) in state.fragments.iter().enumerate() {
            let ends = match state.file(self.dataset.opening(), fragment) {
                Ok(file) => batch_ends(&file.footer().row_starts, fragment.start, fragment.rows),
                Err(error) => {
                    found.fault(error);
                    unread.0.push(addresses(fragment.id, 0, fragment.rows));
                    continue;
                }
            };
            let mut row = 0;
            for end in ends {
                while row < end {
                    match self.piece(&mut pieces, at, row, end) {
                        Ok((piece, len)) => {
                            piece.iter().for_each(|piece| each(piece, found));
                            row += len;
                        }
                        Err(error) => {
                            found.fault(error);
                            unread.0.push(addresses(fragment.id, row, end));
                            row = end;
                        }
                    }
                }
            }
        }
        unread
    }

    fn piece(&self, pieces: &mut Pieces<'_>, at: usize, row: u32, end: u32) -> Result<(Option<ScanBatch>, u32)> {
        let (piece, len) = pieces.whole(at, row, end - row)?;
        Ok((if self.deleted { Some(piece) } else { pieces.live(piece, row)? }, len))
    }
}

fn addresses(fragment: crate::format::FragmentId, first: u32, end: u32) -> Range<i64> {
    let start = fragment.address(0).get();
    start + i64::from(first)..start + i64::from(end)
}

/// Where batches end within a fragment, in its own rows; its end last.
fn batch_ends(row_starts: &[u64], start: u64, rows: u32) -> Vec<u32> {
    let inside = row_starts.iter().filter(|at| **at > start && **at < start + u64::from(rows));
    inside.map(|at| (at - start) as u32).chain([rows]).collect()
}
