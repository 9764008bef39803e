//! Decoded batches that own their memory: those of packed files and of plain reads. A few are kept.

use crate::read::batch::Batch;
use arc_swap::ArcSwapOption;
use once_cell::race::OnceBox;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

const WAYS: usize = 4;
const SETS: usize = 128;

/// A bounded set of decoded batches, shared by the files of a dataset; no lock is taken.
///
/// The bound is on the bytes that the batches own. Batches that a reader still holds count too, and may push it
/// over.
pub struct BatchCache {
    /// Made when the first batch is kept: mapped files that are not packed keep none.
    slots: OnceBox<Box<[ArcSwapOption<Entry>]>>,
    limit: u64,
    held: Arc<AtomicU64>,
    hand: AtomicUsize,
}

struct Entry {
    key: (u64, usize),
    batch: Arc<Batch>,
}

impl BatchCache {
    /// A cache that keeps about `limit` bytes.
    pub fn new(limit: u64) -> Self {
        Self { slots: OnceBox::new(), limit, held: Arc::default(), hand: AtomicUsize::new(0) }
    }

    /// The bytes that batches own now.
    pub fn held(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }

    pub(super) fn counter(&self) -> Arc<AtomicU64> {
        self.held.clone()
    }

    pub(super) fn get(&self, key: (u64, usize)) -> Option<Arc<Batch>> {
        set(self.slots.get()?, key).iter().find_map(|slot| {
            let entry = slot.load();
            entry.as_ref().filter(|entry| entry.key == key).map(|entry| entry.batch.clone())
        })
    }

    pub(super) fn insert(&self, key: (u64, usize), batch: Arc<Batch>) {
        let empty = || Box::new(std::iter::repeat_with(ArcSwapOption::empty).take(WAYS * SETS).collect());
        let set = set(self.slots.get_or_init(empty), key);
        let way = set.iter().position(|slot| slot.load().is_none());
        let way = way.unwrap_or_else(|| self.hand.fetch_add(1, Ordering::Relaxed) % WAYS);
        set[way].store(Some(Arc::new(Entry { key, batch })));
    }

    /// Lets go of batches until what is held is within the limit, or nothing is kept any more.
    pub(super) fn trim(&self) {
        let Some(slots) = self.slots.get() else { return };
        for _ in 0..slots.len() {
            if self.held() <= self.limit {
                return;
            }
            let at = self.hand.fetch_add(1, Ordering::Relaxed) % slots.len();
            slots[at].store(None);
        }
    }
}

/// The slots that a batch may be kept in.
fn set(slots: &[ArcSwapOption<Entry>], (file, batch): (u64, usize)) -> &[ArcSwapOption<Entry>] {
    let mixed = (file ^ (batch as u64).rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let start = (mixed >> 32) as usize % SETS * WAYS;
    &slots[start..start + WAYS]
}
