//! What others may know of a batch in the making: where it is, and how much of what was announced for it is used up.

use crate::format::Address;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Locks what cannot be left half-changed: nothing that may panic runs under these locks.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many bytes were announced and not used up yet, and who waits for that to become less.
#[derive(Default)]
pub(super) struct Window {
    ahead: AtomicU64,
    waiting: AtomicBool,
    closed: AtomicBool,
    mutex: Mutex<()>,
    changed: Condvar,
}

impl Window {
    /// The bytes that are announced and not used up.
    pub(super) fn ahead(&self) -> u64 {
        self.ahead.load(Ordering::Relaxed)
    }

    /// Whether it was closed.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Waits until less than `limit` bytes are ahead, or the window is closed.
    pub(super) fn wait_below(&self, limit: u64) {
        if self.ahead() < limit || self.is_closed() {
            return;
        }
        let mut guard = lock(&self.mutex);
        self.waiting.store(true, Ordering::SeqCst);
        while self.ahead.load(Ordering::SeqCst) >= limit && !self.is_closed() {
            guard = self.changed.wait(guard).unwrap_or_else(PoisonError::into_inner);
        }
        self.waiting.store(false, Ordering::SeqCst);
    }

    /// Nobody waits any more.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.wake();
    }

    fn add(&self, bytes: u64) {
        self.ahead.fetch_add(bytes, Ordering::SeqCst);
    }

    fn remove(&self, bytes: u64) {
        self.ahead.fetch_sub(bytes, Ordering::SeqCst);
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
    /// The address of the conversation that is read now; 0 for none.
    address: AtomicI64,
    /// Whether page faults are taken here rather than by who reads the batch.
    populate: bool,
    stop: Option<Arc<AtomicBool>>,
    window: Option<Arc<Window>>,
    credit: Mutex<Credit>,
}

/// Of the bytes in the window, those that were announced for one batch.
#[derive(Default)]
struct Credit {
    announced: u64,
    used: u64,
    finished: bool,
}

impl Watch {
    pub(super) fn new(populate: bool, stop: Arc<AtomicBool>, window: Arc<Window>) -> Self {
        Self { populate, stop: Some(stop), window: Some(window), ..Self::default() }
    }

    pub(super) fn populate(&self) -> bool {
        self.populate
    }

    /// Whether nobody wants the batch any more.
    pub(super) fn is_stopped(&self) -> bool {
        self.stop.as_ref().is_some_and(|stop| stop.load(Ordering::Relaxed))
    }

    /// The conversation that is read now.
    pub(super) fn address(&self) -> Option<Address> {
        Address::new(self.address.load(Ordering::Relaxed)).ok()
    }

    pub(super) fn at(&self, address: Address) {
        self.address.store(address.get(), Ordering::Relaxed);
    }

    /// Counts bytes that are announced now; false where the batch is made already.
    pub(super) fn announce(&self, bytes: u64) -> bool {
        let Some(window) = &self.window else { return false };
        let mut credit = lock(&self.credit);
        if credit.finished {
            return false;
        }
        credit.announced += bytes;
        window.add(bytes);
        true
    }

    /// Counts bytes that were read; those that nobody had announced change nothing.
    pub(super) fn used(&self, bytes: u64) {
        let Some(window) = &self.window else { return };
        let mut credit = lock(&self.credit);
        let counted = bytes.min(credit.announced - credit.used);
        credit.used += counted;
        window.remove(counted);
    }

    /// The batch is made, or failed: what was announced for it counts no more.
    pub(super) fn finish(&self) {
        let Some(window) = &self.window else { return };
        let mut credit = lock(&self.credit);
        credit.finished = true;
        let left = credit.announced - credit.used;
        credit.used = credit.announced;
        window.remove(left);
    }
}

/// A batch that takes long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stall {
    /// The batch's number, counted from the first that was asked for.
    pub batch: u64,
    /// The conversation that is being read, with all that it refers to; `None` while the plan itself is awaited.
    pub address: Option<Address>,
    /// For how long the batch has been awaited.
    pub waited: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_batch_leaves_unused_counts_no_more_once_it_is_made() {
        let window = Arc::new(Window::default());
        let watch = Watch::new(false, Arc::default(), window.clone());
        watch.used(50);
        assert!(watch.announce(100) && watch.announce(30));
        assert_eq!(window.ahead(), 130);
        watch.used(70);
        assert_eq!(window.ahead(), 60);
        watch.used(100);
        assert_eq!(window.ahead(), 0);
        assert!(watch.announce(20));
        watch.finish();
        assert_eq!((window.ahead(), watch.announce(5)), (0, false));
        assert_eq!(window.ahead(), 0);
    }

    #[test]
    fn who_waits_for_the_window_is_woken_by_use_and_by_closing() {
        let window = Arc::new(Window::default());
        let watch = Watch::new(false, Arc::default(), window.clone());
        watch.announce(100);
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| window.wait_below(10));
            watch.used(95);
            waiter.join().unwrap();
            let waiter = scope.spawn(|| window.wait_below(1));
            std::thread::sleep(Duration::from_millis(5));
            window.close();
            waiter.join().unwrap();
        });
    }
}
