//! Batches in order, made by threads ahead of whoever uses them.
//!
//! One thread draws plans and [announces](crate::load::prefetch) what they will read; `n` others make the batches; the
//! caller takes them in the order of the plans. What is made or announced ahead is bounded, in bytes and in batches. The
//! threads start at the first batch that is asked for, and end when the pipeline is dropped.
//!
//! A process that is forked has none of its parent's threads. A pipeline that is used there starts its own, from the batch
//! after those that were delivered before the fork.

use crate::error::{Error, ErrorKind, Result};
use crate::load::batch::{Assembler, BadSample, Batch};
use crate::load::plan::{Plan, Slot};
use crate::load::pool::Pool;
use crate::load::watch::{Stall, Watch};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

/// PlanIter, drawn one by one when there is room for their batches.
pub type PlanIter = Box<dyn Iterator<Item = Result<Plan>> + Send>;
/// Gives the plans from a number on: 0 for all, more after a fork.
pub(super) type PlansFrom = Arc<dyn Fn(u64) -> PlanIter + Send + Sync>;
/// Gives another sample in the place of a bad one, or the error that ends the batch.
pub(super) type OnBad = Arc<dyn Fn(BadSample<'_>) -> Result<Slot> + Send + Sync>;
/// Hears of batches that take long.
pub(super) type OnStall = Arc<dyn Fn(Stall) + Send + Sync>;

/// How batches are made ahead.
#[derive(Clone)]
pub struct PipelineOptions {
    pub(super) workers: Option<usize>,
    pub(super) batches: Option<usize>,
    pub(super) bytes: u64,
    pub(super) prefetch: bool,
    pub(super) stall: Duration,
    pub(super) on_stall: Option<OnStall>,
}

impl std::fmt::Debug for PipelineOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { workers, batches, bytes, prefetch, stall, on_stall: _ } = self;
        write!(f, "PipelineOptions({workers:?}, {batches:?}, {bytes} bytes, prefetch {prefetch}, {stall:?})")
    }
}

impl Default for PipelineOptions {
    fn default() -> Self {
        let stall = Duration::from_secs(30);
        Self { workers: None, batches: None, bytes: 256 << 20, prefetch: true, stall, on_stall: None }
    }
}

impl PipelineOptions {
    /// How many threads make batches; 0 for none, then each batch is made when it is asked for, in the caller's thread, and
    /// nothing is announced. Unless told, as many as the process may use processors at a time, at most 8: its affinity and
    /// the quota of its control group count.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = Some(workers);
        self
    }

    /// How many batches may be ahead of the one that is waited for; unless told, two more than there are workers.
    pub fn batches_ahead(mut self, batches: usize) -> Self {
        self.batches = Some(batches);
        self
    }

    /// How many bytes may be ahead, announced or in batches, mapped ones counted; 256 MiB unless told. A worker starts no
    /// batch beyond that, apart from the one that is waited for, so each may add one batch to it.
    pub fn bytes_ahead(mut self, bytes: u64) -> Self {
        self.bytes = bytes;
        self
    }

    /// Whether what batches will read is announced to the system; it is unless told.
    pub fn prefetch(mut self, prefetch: bool) -> Self {
        self.prefetch = prefetch;
        self
    }

    /// After which time a batch that is waited for counts as stalled; 30 s unless told. Nothing else follows from it.
    pub fn stall_after(mut self, time: Duration) -> Self {
        self.stall = time;
        self
    }

    /// Hears of each stall, in the thread that waits, and again each time that the same time has passed.
    pub fn on_stall(mut self, on_stall: impl Fn(Stall) + Send + Sync + 'static) -> Self {
        self.on_stall = Some(Arc::new(on_stall));
        self
    }

    /// How many workers there will be.
    pub fn worker_count(&self) -> usize {
        self.workers.unwrap_or_else(|| {
            // It knows the affinity and the quotas of control groups, version 1 and 2.
            std::thread::available_parallelism().map_or(1, usize::from).min(8)
        })
    }
}

/// What a pipeline has done so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PipelineStats {
    /// Batches that were taken, errors counted.
    pub delivered: u64,
    /// For how long they were waited for.
    pub waited: Duration,
    /// How many times a stall was reported.
    pub stalls: u64,
    /// The last of them.
    pub last_stall: Option<Stall>,
    /// Whether what is read next is announced now: not while all of it is in memory.
    pub announcing: bool,
    /// How many bytes were announced.
    pub announced: u64,
    /// How many bytes are ahead now, announced or in batches.
    pub ahead: u64,
}

/// The batches of a sequence of plans, in order.
///
/// An error takes the place of its batch: of a bad sample where the policy gives one, or of a panic in a worker. The next
/// batch follows; only an error of the plans themselves is the last item.
///
/// # Memory
/// What it holds is bounded by [`PipelineOptions::bytes_ahead`] and one batch a worker. Anonymous memory is what batches
/// own: columns, and copies of media with plain reads; and with `VerifyLevel` or packed files the cache of decoded batches,
/// which has its own bound. Mapped bytes are the kernel's: they are in the page cache, which it shrinks where memory is
/// short, and count as shared memory of the process while they are mapped, with 8 bytes of page tables for each page of
/// 4 KiB that was touched.
///
/// # Forks
/// In a forked process it goes on with threads of its own; what its parent's threads had made ahead is made again.
pub struct Pipeline {
    work: Arc<Work>,
    options: PipelineOptions,
    plans: PlansFrom,
    running: Running,
    ended: bool,
    stats: PipelineStats,
}

/// What makes a batch of a plan.
pub(super) struct Work {
    pub(super) assembler: Assembler,
    pub(super) on_bad: OnBad,
}

enum Running {
    Not,
    Here(PlanIter),
    Threads { process: u32, pool: Pool },
}

impl Pipeline {
    /// Batches of the plans that `plans` gives from the first on.
    pub fn new(
        assembler: Assembler,
        plans: impl Fn(u64) -> PlanIter + Send + Sync + 'static,
        on_bad: impl Fn(BadSample<'_>) -> Result<Slot> + Send + Sync + 'static,
        options: PipelineOptions,
    ) -> Self {
        Self {
            work: Arc::new(Work { assembler, on_bad: Arc::new(on_bad) }),
            options,
            plans: Arc::new(plans),
            running: Running::Not,
            ended: false,
            stats: PipelineStats::default(),
        }
    }

    /// What it has done so far.
    pub fn stats(&self) -> PipelineStats {
        let mut stats = self.stats.clone();
        if let Running::Threads { pool, process } = &self.running
            && *process == std::process::id()
        {
            pool.describe(&mut stats);
        }
        stats
    }

    fn start(&mut self) -> Result<()> {
        if let Running::Threads { process, .. } = &self.running
            && *process != std::process::id()
        {
            // Of the parent's threads there is nothing here but memory; its locks may be held for ever.
            std::mem::forget(std::mem::replace(&mut self.running, Running::Not));
        }
        if matches!(self.running, Running::Not) {
            let (first, plans) = (self.stats.delivered, self.plans.clone());
            self.running = match self.options.worker_count() {
                0 => Running::Here(caught(|| Ok(plans(first)))?),
                workers => {
                    let pool = Pool::start(self.work.clone(), plans, first, workers, &self.options)?;
                    Running::Threads { process: std::process::id(), pool }
                }
            };
        }
        Ok(())
    }

    fn take(&mut self) -> Option<Result<Batch>> {
        if let Err(error) = self.start() {
            self.ended = true;
            return Some(Err(error));
        }
        match &mut self.running {
            Running::Threads { pool, .. } => pool.take(self.stats.delivered, &self.options, &mut self.stats),
            Running::Here(plans) => match caught(|| plans.next().transpose()).transpose()? {
                Ok(plan) => Some(self.work.make(plan, &Watch::default())),
                Err(error) => {
                    self.ended = true;
                    Some(Err(error))
                }
            },
            Running::Not => None,
        }
    }
}

impl Iterator for Pipeline {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let start = std::time::Instant::now();
        let batch = self.take();
        self.stats.waited += start.elapsed();
        match &batch {
            Some(_) => self.stats.delivered += 1,
            None => self.ended = true,
        }
        batch
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        if let Running::Threads { process, .. } = &self.running
            && *process != std::process::id()
        {
            std::mem::forget(std::mem::replace(&mut self.running, Running::Not));
        }
    }
}

impl Work {
    /// Makes a batch; a panic becomes an error.
    pub(super) fn make(&self, plan: Plan, watch: &Watch) -> Result<Batch> {
        caught(|| self.assembler.assemble_watched(plan, watch, |bad| (self.on_bad)(bad)))
    }
}

/// Runs what may panic; a panic becomes an error that says what it said.
pub(super) fn caught<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<&str>().copied();
        let said = said.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("it did not say why");
        Err(Error::new(ErrorKind::Panic, format!("a thread that makes batches panicked: {said}")))
    })
}
