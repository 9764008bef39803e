//! Where the rows are that were appended, by what tells them apart.

use crate::format::Address;
use crate::schema::record::{Identity, Keyed};
use std::collections::HashMap;

/// How many maps there are.
const SHARDS: usize = 64;

/// How many maps are turned into entries at a time.
const SHARDS_AT_ONCE: usize = 8;

/// Addresses of new rows, by what tells them apart.
///
/// One map would double whole, and hold the old half and the new while it does: up to 86 bytes a row. These are many, of
/// which each holds a little more than the one before, so that they double one after the other, over a whole doubling: 40
/// to 43 bytes a row however many there are.
pub struct NewRows {
    shards: Box<[HashMap<Identity, Address, Keyed>]>,
}

impl Default for NewRows {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| HashMap::default()).collect() }
    }
}

impl NewRows {
    /// The row with this identity.
    pub fn get(&self, identity: Identity) -> Option<Address> {
        self.shards.get(shard(identity))?.get(&identity).copied()
    }

    /// Adds a row.
    pub fn insert(&mut self, identity: Identity, address: Address) {
        if let Some(shard) = self.shards.get_mut(shard(identity)) {
            shard.insert(identity, address);
        }
    }

    /// What tells the rows apart, in no order.
    pub fn identities(&self) -> impl Iterator<Item = Identity> {
        self.shards.iter().flat_map(|shard| shard.keys().copied())
    }

    /// Appends the entries of the index to what is there, in no order; the maps go as they are turned into entries.
    pub fn into_entries(mut self, entries: &mut Vec<(u64, i64)>) {
        for shards in self.shards.chunks_mut(SHARDS_AT_ONCE) {
            entries.reserve_exact(shards.iter().map(HashMap::len).sum());
            for shard in shards {
                let rows = std::mem::take(shard).into_iter();
                entries.extend(rows.map(|(identity, address)| (identity.key(), address.get())));
            }
        }
    }
}

/// Which map an identity belongs to: the last gets twice as many as the first, each between them a little more than the
/// one before. `x + 0.344 x (1 - x)` is the logarithm of `1 + x` to base 2 as nearly as is needed, in a few cycles.
fn shard(identity: Identity) -> usize {
    let part = identity.spread() as f64 / (u64::MAX as f64);
    (((part + 0.344 * part * (1.0 - part)) * SHARDS as f64) as usize).min(SHARDS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::FragmentId;
    use crate::schema::record::id_identity;

    #[test]
    fn rows_are_found_and_become_entries_and_the_maps_fill_as_they_should() {
        let mut rows = NewRows::default();
        let identity = |number: u32| id_identity("mine", &number.to_string());
        let fragment = FragmentId::new(7).unwrap();
        let address = |number: u32| fragment.address(number);
        for number in 0..20_000 {
            rows.insert(identity(number), address(number));
        }
        assert_eq!(rows.get(identity(7)), Some(address(7)));
        assert_eq!(rows.get(identity(20_000)), None);
        assert_eq!(rows.identities().count(), 20_000);
        let (first, last) = (rows.shards[0].len(), rows.shards[SHARDS - 1].len());
        assert!((150..300).contains(&first) && (330..540).contains(&last), "{first} and {last} of 20000");
        let mut entries = vec![(0, 0)];
        rows.into_entries(&mut entries);
        assert_eq!(entries.remove(0), (0, 0));
        entries.sort_unstable_by_key(|entry| entry.1);
        assert!(entries.into_iter().eq((0..20_000).map(|number| (identity(number).key(), address(number).get()))));
    }
}
