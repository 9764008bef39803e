//! Which blobs were read not long ago, and so are in memory still.

use crate::format::Address;
use crate::load::memory::memory_left;
use roaring::RoaringTreemap;

/// Blobs that were announced, or whose page faults were taken, not long ago: doing so again would cost time, and take the
/// room of others that a device could be asked for meanwhile.
///
/// Two generations, so that what is in neither was met at least half the bound ago.
#[derive(Clone, Default)]
pub(super) struct Recent {
    generations: [RoaringTreemap; 2],
    /// The bytes of the younger one.
    bytes: u64,
    /// How many bytes a generation has at most.
    most: u64,
}

impl Recent {
    /// Of what fills half of the memory that is left; what was met longer ago may have left it.
    pub(super) fn new() -> Self {
        let most = memory_left().unwrap_or(0) / 4;
        Self { most, ..Self::default() }
    }

    pub(super) fn contains(&self, blob: Address) -> bool {
        self.generations.iter().any(|blobs| blobs.contains(blob.get() as u64))
    }

    /// A blob of so many bytes was met; one that is there already changes nothing.
    pub(super) fn insert(&mut self, blob: Address, len: u64) {
        if self.contains(blob) {
            return;
        }
        if self.bytes.saturating_add(len) > self.most {
            self.generations.swap(0, 1);
            self.generations[0].clear();
            self.bytes = 0;
        }
        self.generations[0].insert(blob.get() as u64);
        self.bytes += len;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_is_forgotten_once_others_have_filled_the_memory() {
        let mut recent = Recent { most: 100, ..Recent::default() };
        let blob = |row: i64| Address::new(1 << 32 | row).unwrap();
        for row in 0..4 {
            assert!(!recent.contains(blob(row)));
            recent.insert(blob(row), 40);
            recent.insert(blob(row), 40);
        }
        // Two fill a generation, so the first two are the older one, and leave with the next but one.
        assert!((0..4).all(|row| recent.contains(blob(row))));
        recent.insert(blob(4), 40);
        assert_eq!([0, 1, 2, 3, 4].map(|row| recent.contains(blob(row))), [false, false, true, true, true]);
    }
}
