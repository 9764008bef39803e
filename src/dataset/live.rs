//! Which rows of a table are live: rank and select over what was deleted.

use crate::dataset::fragments::{Fragment, position};
use crate::error::{Error, Result};
use crate::format::Address;
use roaring::RoaringBitmap;

/// The deleted rows of a table, and the number of live rows before each fragment.
#[derive(Debug, Default)]
pub struct Live {
    /// By fragment; `None` where nothing was deleted.
    deleted: Vec<Option<RoaringBitmap>>,
    /// Live rows before each fragment, and of all.
    starts: Vec<u64>,
}

impl Live {
    /// All rows of these fragments but the deleted ones, given in ascending order.
    ///
    /// # Errors
    /// `Corrupt` when what was deleted is no row, or the order is another.
    pub fn new(fragments: &[Fragment], deleted: impl IntoIterator<Item = Address>) -> Result<Self> {
        let mut bitmaps: Vec<Option<RoaringBitmap>> = Vec::new();
        let mut last = None;
        for address in deleted {
            if last >= Some(address) {
                return Err(Error::corrupt("the deleted rows are not in ascending order"));
            }
            last = Some(address);
            let at = position(fragments, address.fragment()).filter(|at| address.row() < fragments[*at].rows);
            let at = at.ok_or_else(|| Error::corrupt(format!("{address} is deleted and no row of this version")))?;
            if bitmaps.is_empty() {
                bitmaps.resize_with(fragments.len(), || None);
            }
            bitmaps[at].get_or_insert_default().insert(address.row());
        }
        let mut starts = Vec::with_capacity(fragments.len() + 1);
        starts.push(0);
        for (at, fragment) in fragments.iter().enumerate() {
            let gone = bitmaps.get(at).and_then(Option::as_ref).map_or(0, RoaringBitmap::len);
            starts.push(starts[at] + u64::from(fragment.rows) - gone);
        }
        Ok(Self { deleted: bitmaps, starts })
    }

    /// The deleted rows of the fragment at this place.
    pub fn deleted(&self, at: usize) -> Option<&RoaringBitmap> {
        self.deleted.get(at).and_then(Option::as_ref)
    }

    /// Whether a row of the fragment at this place was deleted.
    pub fn is_deleted(&self, at: usize, row: u32) -> bool {
        self.deleted(at).is_some_and(|deleted| deleted.contains(row))
    }

    /// The `index`-th live row: the fragment's place, and the row in it.
    pub fn select(&self, index: u64) -> Option<(usize, u32)> {
        let at = self.starts.partition_point(|start| *start <= index).checked_sub(1)?;
        if at + 1 >= self.starts.len() {
            return None;
        }
        let wanted = index - self.starts[at];
        let Some(deleted) = self.deleted(at) else { return Some((at, wanted as u32)) };
        // The row that has `wanted` live rows before it and is live itself.
        let (mut low, mut high) = (wanted, wanted + deleted.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let live = middle + 1 - deleted.rank(middle as u32);
            if live > wanted { high = middle } else { low = middle + 1 }
        }
        Some((at, low as u32))
    }

    /// How many live rows come before this one.
    pub fn rank(&self, at: usize, row: u32) -> u64 {
        let gone = match (self.deleted(at), row.checked_sub(1)) {
            (Some(deleted), Some(before)) => deleted.rank(before),
            _ => 0,
        };
        self.starts[at] + u64::from(row) - gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FragmentId;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn select_and_rank_agree_with_a_list_of_live_rows(
            rows in prop::collection::vec(0u32..200, 1..6),
            gone in prop::collection::btree_set((0usize..6, 0u32..200), 0..300),
        ) {
            let fragments: Vec<_> = rows.iter().enumerate().map(|(at, rows)| Fragment {
                id: FragmentId::new(at as u32 + 1).unwrap(), rows: *rows, file: 0, start: 0,
            }).collect();
            let gone: Vec<_> = gone.into_iter().filter(|(at, row)| rows.get(*at).is_some_and(|n| row < n)).collect();
            let live = Live::new(&fragments, gone.iter().map(|(at, row)| fragments[*at].id.address(*row))).unwrap();
            let model: Vec<_> = (0..rows.len())
                .flat_map(|at| (0..rows[at]).map(move |row| (at, row)))
                .filter(|place| !gone.contains(place))
                .collect();
            prop_assert_eq!(live.starts[rows.len()], model.len() as u64);
            for (index, (at, row)) in model.iter().enumerate() {
                prop_assert_eq!(live.select(index as u64), Some((*at, *row)));
                prop_assert_eq!(live.rank(*at, *row), index as u64);
            }
            prop_assert_eq!(live.select(model.len() as u64), None);
        }
    }
}
