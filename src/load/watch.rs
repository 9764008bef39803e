//! What others may know of a batch in the making: where it is, and how much of what was announced for it is used up.

use crate::dataset::Dataset;
use crate::format::Address;
use crate::load::recent::Recent;
use crate::load::stall::{Stage, Stall};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Locks what cannot be left half-changed: nothing that may panic runs under these locks.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many bytes are ahead of who uses the batches, and who waits for that to become less.
#[derive(Default)]
pub(super) struct Window {
    /// Announced, and not used up yet: the bytes of media.
    media: AtomicU64,
    /// Announced for batches that are not made yet: whole columns, of which a batch needs some rows.
    columns: AtomicU64,
    /// In batches that are made and not taken yet.
    held: AtomicU64,
    waiting: AtomicBool,
    closed: AtomicBool,
    mutex: Mutex<()>,
    changed: Condvar,
}

/// How far ahead announcements may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Bytes of media: what a device can be asked for with use.
    pub(super) media: u64,
    /// Bytes of all kinds, those of batches that are made counted.
    pub(super) all: u64,
}

/// What was announced of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Announced {
    Media,
    Columns,
}

impl Window {
    /// The bytes that are announced and not used up.
    pub(super) fn announced(&self) -> u64 {
        self.media.load(Ordering::Relaxed) + self.columns.load(Ordering::Relaxed)
    }

    /// Whether it was closed.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Whether another announcement would be too much.
    pub(super) fn is_full(&self, limits: Limits) -> bool {
        let media = self.media.load(Ordering::SeqCst);
        let all = media + self.columns.load(Ordering::SeqCst) + self.held();
        // Where nothing is ahead there is room for something, however little is allowed.
        media >= limits.media.max(1) || all >= limits.all.max(1)
    }

    /// Waits until it is not full, or is closed.
    pub(super) fn wait(&self, limits: Limits) {
        if !self.is_full(limits) || self.is_closed() {
            return;
        }
        let mut guard = lock(&self.mutex);
        self.waiting.store(true, Ordering::SeqCst);
        while self.is_full(limits) && !self.is_closed() {
            guard = self.changed.wait(guard).unwrap_or_else(PoisonError::into_inner);
        }
        self.waiting.store(false, Ordering::SeqCst);
    }

    /// Nobody waits any more.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.wake();
    }

    /// The bytes of batches that are made and not taken yet.
    pub(super) fn held(&self) -> u64 {
        self.held.load(Ordering::SeqCst)
    }

    /// A batch of so many bytes was made.
    pub(super) fn hold(&self, bytes: u64) {
        self.held.fetch_add(bytes, Ordering::SeqCst);
    }

    /// A batch of so many bytes was taken.
    pub(super) fn release(&self, bytes: u64) {
        self.remove(&self.held, bytes);
    }

    fn counter(&self, of: Announced) -> &AtomicU64 {
        match of {
            Announced::Media => &self.media,
            Announced::Columns => &self.columns,
        }
    }

    fn remove(&self, counter: &AtomicU64, bytes: u64) {
        counter.fetch_sub(bytes, Ordering::SeqCst);
        if self.waiting.load(Ordering::SeqCst) {
            self.wake();
        }
    }

    fn wake(&self) {
        drop(lock(&self.mutex));
        self.changed.notify_all();
    }
}

/// A batch in the making.
#[derive(Default)]
pub(super) struct Watch {
    /// What is announced now, and what a worker reads now.
    announced: Spot,
    read: Spot,
    /// The linked file that is read now.
    linked: Mutex<Option<String>>,
    /// Whether a worker may begin.
    published: AtomicBool,
    /// The blobs whose page faults were taken; `None` where they are left to who reads the batch.
    faulted_in: Option<Arc<Mutex<Recent>>>,
    stop: Option<Arc<AtomicBool>>,
    window: Option<Arc<Window>>,
    finished: AtomicBool,
    credit: Mutex<Credit>,
}

/// A place in the data; 0 stands for none.
#[derive(Default)]
struct Spot {
    conversation: AtomicI64,
    row: AtomicI64,
    /// The row's column, and one more.
    column: AtomicUsize,
}

impl Spot {
    fn begin(&self, conversation: Address) {
        self.conversation.store(conversation.get(), Ordering::Relaxed);
        self.row(conversation);
    }

    fn row(&self, row: Address) {
        self.column.store(0, Ordering::Relaxed);
        self.row.store(row.get(), Ordering::Relaxed);
    }

    fn place(&self) -> Option<(Address, Address, Option<usize>)> {
        let address = |of: &AtomicI64| Address::new(of.load(Ordering::Relaxed)).ok();
        let column = self.column.load(Ordering::Relaxed).checked_sub(1);
        Some((address(&self.conversation)?, address(&self.row)?, column))
    }
}

/// Of the bytes in the window, those that were announced for one batch.
#[derive(Default)]
struct Credit {
    media: u64,
    used: u64,
    columns: u64,
    finished: bool,
}

impl Watch {
    pub(super) fn new(faulted_in: Option<Arc<Mutex<Recent>>>, stop: Arc<AtomicBool>, window: Arc<Window>) -> Self {
        Self { faulted_in, stop: Some(stop), window: Some(window), ..Self::default() }
    }

    /// Whether the page faults of a blob are to be taken now: where they may come from a device, and were not taken yet.
    pub(super) fn must_fault_in(&self, blob: Address) -> bool {
        self.faulted_in.as_ref().is_some_and(|blobs| !lock(blobs).contains(blob))
    }

    /// The page faults of a blob of so many bytes were taken.
    pub(super) fn faulted_in(&self, blob: Address, len: u64) {
        if let Some(blobs) = &self.faulted_in {
            lock(blobs).insert(blob, len);
        }
    }

    /// Whether nobody wants the batch any more.
    pub(super) fn is_stopped(&self) -> bool {
        self.stop.as_ref().is_some_and(|stop| stop.load(Ordering::Relaxed))
    }

    /// Whether the batch is made.
    pub(super) fn is_finished(&self) -> bool {
        self.finished.load(Ordering::Relaxed)
    }

    /// A worker may begin.
    pub(super) fn publish(&self) {
        self.published.store(true, Ordering::Relaxed);
    }

    /// This conversation is read now.
    pub(super) fn reads(&self, conversation: Address) {
        self.read.begin(conversation);
    }

    /// This row of the conversation that is under way is read now: a medium, a blob, an annotation.
    pub(super) fn reads_row(&self, row: Address) {
        self.read.row(row);
    }

    /// This column of the row is read now.
    pub(super) fn reads_column(&self, column: usize) {
        self.read.column.store(column + 1, Ordering::Relaxed);
    }

    /// This linked file is read now, by `read`.
    pub(super) fn reads_linked<T>(&self, uri: Option<&str>, read: impl FnOnce() -> T) -> T {
        *lock(&self.linked) = uri.map(str::to_owned);
        let read = read();
        *lock(&self.linked) = None;
        read
    }

    /// What this conversation needs is announced now.
    pub(super) fn announces(&self, conversation: Address) {
        self.announced.begin(conversation);
    }

    /// This row of the conversation that is under way is announced now.
    pub(super) fn announces_row(&self, row: Address) {
        self.announced.row(row);
    }

    /// Where the batch is, for who has waited for it so long.
    pub(super) fn stall(&self, dataset: &Dataset, batch: u64, waited: Duration) -> Stall {
        let (stage, place) = match (self.read.place(), self.published.load(Ordering::Relaxed)) {
            (Some(place), _) => (Stage::Reading, Some(place)),
            (None, true) => (Stage::Queued, None),
            (None, false) => match self.announced.place() {
                Some(place) => (Stage::Announcing, Some(place)),
                None => (Stage::Planning, None),
            },
        };
        let linked = lock(&self.linked).as_deref().and_then(|uri| dataset.linked_path(uri));
        let file = linked.or_else(|| place.and_then(|(_, row, column)| dataset.file_of(row, column)));
        let (address, row) = (place.map(|place| place.0), place.map(|place| place.1));
        Stall { batch, stage, address, row, file, waited }
    }

    /// Counts bytes that are announced now; false where the batch is made already.
    pub(super) fn announce(&self, of: Announced, bytes: u64) -> bool {
        let Some(window) = &self.window else { return false };
        let mut credit = lock(&self.credit);
        if credit.finished {
            return false;
        }
        match of {
            Announced::Media => credit.media += bytes,
            Announced::Columns => credit.columns += bytes,
        }
        window.counter(of).fetch_add(bytes, Ordering::SeqCst);
        true
    }

    /// Counts bytes of media that were read; those that nobody had announced change nothing.
    pub(super) fn used(&self, bytes: u64) {
        let Some(window) = &self.window else { return };
        let mut credit = lock(&self.credit);
        let counted = bytes.min(credit.media - credit.used);
        credit.used += counted;
        window.remove(&window.media, counted);
    }

    /// The batch is made, or failed: what was announced for it counts no more.
    pub(super) fn finish(&self) {
        self.finished.store(true, Ordering::Relaxed);
        let Some(window) = &self.window else { return };
        let mut credit = lock(&self.credit);
        credit.finished = true;
        let (media, columns) = (credit.media - credit.used, std::mem::take(&mut credit.columns));
        credit.used = credit.media;
        window.remove(&window.columns, columns);
        window.remove(&window.media, media);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANY: Limits = Limits { media: u64::MAX, all: u64::MAX };

    #[test]
    fn the_page_faults_of_a_blob_are_taken_once_whichever_batch_shows_it() {
        let faulted_in = Arc::new(Mutex::new(Recent::new()));
        let watch = || Watch::new(Some(faulted_in.clone()), Arc::default(), Arc::default());
        let (one, other) = (watch(), watch());
        let [first, second] = [1, 2].map(|row| Address::new(1 << 32 | row).unwrap());
        assert!(one.must_fault_in(first) && other.must_fault_in(first));
        one.faulted_in(first, 40);
        assert!(!one.must_fault_in(first) && !other.must_fault_in(first) && other.must_fault_in(second));
        // Where all is in memory nobody takes any, nor remembers it.
        let left = Watch::new(None, Arc::default(), Arc::default());
        assert!(!left.must_fault_in(second));
        left.faulted_in(second, 40);
        assert!(other.must_fault_in(second));
    }

    #[test]
    fn what_a_batch_leaves_unused_counts_no_more_once_it_is_made() {
        let window = Arc::new(Window::default());
        let watch = Watch::new(None, Arc::default(), window.clone());
        watch.used(50);
        assert!(watch.announce(Announced::Media, 100) && watch.announce(Announced::Media, 30));
        assert_eq!(window.announced(), 130);
        watch.used(70);
        assert_eq!(window.announced(), 60);
        watch.used(100);
        assert_eq!(window.announced(), 0);
        assert!(watch.announce(Announced::Media, 20) && watch.announce(Announced::Columns, 7));
        watch.used(30);
        assert_eq!(window.announced(), 7);
        assert!(!watch.is_finished());
        watch.finish();
        assert!(watch.is_finished());
        assert_eq!((window.announced(), watch.announce(Announced::Media, 5)), (0, false));
        assert_eq!(window.announced(), 0);
    }

    #[test]
    fn all_that_is_ahead_counts_and_something_may_always_be() {
        let window = Arc::new(Window::default());
        let watch = Watch::new(None, Arc::default(), window.clone());
        let none = Limits { media: 0, all: 0 };
        assert!(!window.is_full(none));
        watch.announce(Announced::Columns, 100);
        assert!(window.is_full(none) && window.is_full(Limits { all: 100, ..ANY }));
        assert!(!window.is_full(Limits { media: 1, ..ANY }) && !window.is_full(Limits { all: 101, ..ANY }));
        window.hold(50);
        assert!(window.is_full(Limits { all: 150, ..ANY }));
        watch.announce(Announced::Media, 10);
        assert!(window.is_full(Limits { media: 10, ..ANY }) && window.is_full(Limits { all: 160, ..ANY }));
        window.release(50);
        watch.finish();
        assert!(!window.is_full(none));
    }

    #[test]
    fn who_waits_for_the_window_is_woken_by_use_by_taking_and_by_closing() {
        let window = Arc::new(Window::default());
        let watch = Watch::new(None, Arc::default(), window.clone());
        watch.announce(Announced::Media, 100);
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| window.wait(Limits { media: 10, ..ANY }));
            watch.used(95);
            waiter.join().unwrap();
            window.hold(100);
            let waiter = scope.spawn(|| window.wait(Limits { all: 100, ..ANY }));
            std::thread::sleep(Duration::from_millis(5));
            window.release(100);
            waiter.join().unwrap();
            let waiter = scope.spawn(|| window.wait(Limits { media: 1, ..ANY }));
            std::thread::sleep(Duration::from_millis(5));
            window.close();
            waiter.join().unwrap();
        });
    }
}
