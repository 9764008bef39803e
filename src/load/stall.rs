//! Batches that take long: where they are, for whoever waits.

use crate::dataset::Dataset;
use crate::format::Address;
use crate::load::watch::{Watch, lock};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Hears of batches that take long.
pub(super) type OnStall = Arc<dyn Fn(&Stall) + Send + Sync>;

/// How far a batch has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// Which samples it has is being worked out: no data is read for it.
    Planning,
    /// What it will read is being found, and announced to the system.
    Announcing,
    /// It waits for a worker.
    Queued,
    /// It is being read.
    Reading,
}

/// A batch that takes long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stall {
    /// The batch's number, counted from the first that was asked for.
    pub batch: u64,
    /// What it waits for.
    pub stage: Stage,
    /// The conversation that it is at; `None` where no data is being read.
    pub address: Option<Address>,
    /// The row that is being read for it: its own, or that of a frame, a video, a blob or an annotation.
    pub row: Option<Address>,
    /// The file that holds this row, or the linked one that is being read.
    pub file: Option<PathBuf>,
    /// For how long the batch has been awaited.
    pub waited: Duration,
}

impl fmt::Display for Stall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { batch, stage, address, row, file, waited } = self;
        write!(f, "batch {batch} has been awaited for {:.1} s: ", waited.as_secs_f64())?;
        let doing = match stage {
            Stage::Planning => return f.write_str("which samples it has is still being worked out"),
            Stage::Queued => return f.write_str("it is still to be read, and all workers are at others"),
            Stage::Announcing => "the system is being asked for what it will read",
            Stage::Reading => "it is being read",
        };
        f.write_str(doing)?;
        if let Some(address) = address {
            write!(f, ", and is at conversation {address}")?;
        }
        if let Some(row) = row.filter(|row| Some(*row) != *address) {
            write!(f, ", at its row {row}")?;
        }
        match file {
            Some(file) => write!(f, ", in {}: see whether that file can be read", file.display()),
            None => Ok(()),
        }
    }
}

/// Looks after batches that are made in the thread of whoever asks for them: it tells of a stall that this thread, which
/// is in the middle of it, cannot tell of. Dropped, its thread ends.
pub(super) struct Watchdog {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    dataset: Dataset,
    after: Duration,
    on_stall: Option<OnStall>,
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Default)]
struct State {
    /// The batch under way, since when, and how many times it was told of.
    under_way: Option<(u64, Instant, Arc<Watch>, u32)>,
    stalls: u64,
    last: Option<Stall>,
    ended: bool,
}

impl Watchdog {
    /// One that tells of batches that take longer than `after`. Where there can be no thread for it nobody is told.
    pub(super) fn start(dataset: Dataset, after: Duration, on_stall: Option<OnStall>) -> Self {
        let after = after.max(Duration::from_millis(1));
        let shared = Arc::new(Shared { dataset, after, on_stall, state: Mutex::default(), ended: Condvar::new() });
        let inner = shared.clone();
        let thread = std::thread::Builder::new().name("surgdb-watch".to_owned()).spawn(move || inner.run());
        Self { shared, thread: thread.ok() }
    }

    /// The batch with this number is being made from now on.
    pub(super) fn begin(&self, batch: u64, watch: &Arc<Watch>) {
        lock(&self.shared.state).under_way = Some((batch, Instant::now(), watch.clone(), 0));
    }

    /// It is made.
    pub(super) fn end(&self) {
        lock(&self.shared.state).under_way = None;
    }

    /// How many times a stall was told of, and the last of them.
    pub(super) fn stalls(&self) -> (u64, Option<Stall>) {
        let state = lock(&self.shared.state);
        (state.stalls, state.last.clone())
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        lock(&self.shared.state).ended = true;
        self.shared.ended.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn run(&self) {
        let mut state = lock(&self.state);
        while !state.ended {
            // A batch that begins while this sleeps is not due before it wakes, so nobody has to wake it.
            let mut sleep = self.after;
            if let Some((batch, since, watch, told)) = &mut state.under_way {
                let waited = since.elapsed();
                match self.after.saturating_mul(*told + 1).checked_sub(waited) {
                    Some(left) if !left.is_zero() => sleep = left,
                    _ => {
                        *told += 1;
                        let (batch, watch) = (*batch, watch.clone());
                        drop(state);
                        let stall = watch.stall(&self.dataset, batch, waited);
                        let mut now = lock(&self.state);
                        (now.stalls, now.last) = (now.stalls + 1, Some(stall.clone()));
                        drop(now);
                        if let Some(on_stall) = &self.on_stall {
                            // What it says of a panic has been printed; the stalls to come are to be told all the same.
                            let _ = catch_unwind(AssertUnwindSafe(|| on_stall(&stall)));
                        }
                        state = lock(&self.state);
                        continue;
                    }
                }
            }
            state = self.ended.wait_timeout(state, sleep).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stall_says_what_it_waits_for_and_where() {
        let address = Address::new(1 << 32).ok();
        let stall = |stage, address: Option<Address>, row, file: Option<&str>| {
            let (file, waited) = (file.map(PathBuf::from), Duration::from_millis(30_040));
            Stall { batch: 7, stage, address, row, file, waited }.to_string()
        };
        let begins = "batch 7 has been awaited for 30.0 s: ";
        assert_eq!(
            stall(Stage::Planning, None, None, None),
            format!("{begins}which samples it has is still being worked out")
        );
        assert_eq!(
            stall(Stage::Reading, address, address, Some("/d/conversations/000001.arrow")),
            format!(
                "{begins}it is being read, and is at conversation 1:0, in /d/conversations/000001.arrow: see \
                 whether that file can be read"
            )
        );
        let blob = Address::new(2 << 32).ok();
        let said = stall(Stage::Announcing, address, blob, Some("/d/blobs/000002.arrow"));
        assert!(said.contains("at conversation 1:0, at its row 2:0, in /d/blobs/000002.arrow"), "{said}");
        assert!(stall(Stage::Queued, None, None, None).contains("workers are at others"));
    }
}
