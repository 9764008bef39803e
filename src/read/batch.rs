//! One record batch: where its parts lie, and the columns that were decoded so far.

use crate::format::message::BatchLayout;
use arrow_array::ArrayRef;
use once_cell::race::OnceBox;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A record batch whose columns are decoded when they are first touched.
pub struct Batch {
    pub(super) index: usize,
    pub(super) layout: BatchLayout,
    pub(super) columns: Box<[OnceBox<ArrayRef>]>,
    pub(super) values: OnceBox<super::values::ValueOffsets>,
    /// A bit per row: whether the checksum of its value (a blob's bytes) was checked.
    checked: Box<[AtomicU64]>,
    /// Bytes that it owns, and where they are counted.
    owned: AtomicU64,
    held: Option<Arc<AtomicU64>>,
}

impl Batch {
    pub(super) fn new(index: usize, layout: BatchLayout, held: Option<Arc<AtomicU64>>, by_row: bool) -> Self {
        let columns = std::iter::repeat_with(OnceBox::new).take(layout.columns.len()).collect();
        let words = if by_row { layout.rows.div_ceil(64) } else { 0 };
        let checked = std::iter::repeat_with(AtomicU64::default).take(words).collect();
        Self { index, layout, columns, values: OnceBox::new(), checked, owned: AtomicU64::new(0), held }
    }

    /// Rows.
    pub fn rows(&self) -> usize {
        self.layout.rows
    }

    /// How many columns were decoded so far.
    pub fn touched(&self) -> usize {
        self.columns.iter().filter(|column| column.get().is_some()).count()
    }

    pub(super) fn own(&self, bytes: usize) {
        if let Some(held) = &self.held {
            self.owned.fetch_add(bytes as u64, Ordering::Relaxed);
            held.fetch_add(bytes as u64, Ordering::Relaxed);
        }
    }

    pub(super) fn is_checked(&self, row: usize) -> bool {
        self.checked.get(row / 64).is_some_and(|word| word.load(Ordering::Relaxed) >> (row % 64) & 1 == 1)
    }

    pub(super) fn set_checked(&self, row: usize) {
        if let Some(word) = self.checked.get(row / 64) {
            word.fetch_or(1 << (row % 64), Ordering::Relaxed);
        }
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        if let Some(held) = &self.held {
            held.fetch_sub(*self.owned.get_mut(), Ordering::Relaxed);
        }
    }
}

/// A batch that stays where it is, or one that its holder keeps alive.
#[derive(Clone)]
pub enum BatchRef<'a> {
    /// It stays as long as its file is open.
    Pinned(&'a Batch),
    /// It may leave the cache, and stays as long as this is held.
    Cached(Arc<Batch>),
}

impl Deref for BatchRef<'_> {
    type Target = Batch;

    fn deref(&self) -> &Batch {
        match self {
            Self::Pinned(batch) => batch,
            Self::Cached(batch) => batch,
        }
    }
}
