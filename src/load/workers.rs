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
use crate::load::stall::{OnStall, Stall, Watchdog};
use crate::load::state::Mark;
use crate::load::watch::Watch;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

/// The most threads that make batches: more than any machine has a use for.
const WORKERS_MAX: usize = 1024;

/// Plans, drawn one by one when there is room for their batches.
pub type PlanIter = Box<dyn Iterator<Item = Result<Plan>> + Send>;
/// Gives the plans behind what was delivered: all of them at first, those that are left after a fork.
pub(super) type PlansFrom = Arc<dyn Fn(Delivered) -> PlanIter + Send + Sync>;
/// Gives another sample in the place of a bad one, or the error that ends the batch.
pub(super) type OnBad = Arc<dyn Fn(BadSample<'_>) -> Result<Slot> + Send + Sync>;

/// What a pipeline has delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Batches, errors counted.
    pub batches: u64,
    /// Of the last one that was no error: how many there were with it, and where it left the run.
    pub reached: Option<(u64, Mark)>,
}

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
    /// nothing is announced; a thread that sleeps is there beside it, to tell of stalls. Unless told, as many as the process
    /// may use processors at a time, at most 8: its affinity and the quota of its control group count. At most 1024.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = Some(workers);
        self
    }

    /// How many batches may be made before they are asked for, the one that comes next among them; at least 1, and unless
    /// told two more than there are workers. The plans of up to 32 are drawn, so that what they will read can be announced, while that is worth it.
    pub fn batches_ahead(mut self, batches: usize) -> Self {
        self.batches = Some(batches);
        self
    }

    /// How many bytes may be ahead; 256 MiB unless told. What counts: batches that are made and not taken yet, whether
    /// their bytes are their own or mapped; and what is announced and not read yet, which is in the page cache. Beyond that
    /// nothing is announced, and a worker starts no batch apart from the one that is waited for. A batch in the making
    /// counts when it is made, so each worker may add one to it.
    pub fn bytes_ahead(mut self, bytes: u64) -> Self {
        self.bytes = bytes;
        self
    }

    /// Whether what batches will read is announced to the system; it is unless told.
    pub fn prefetch(mut self, prefetch: bool) -> Self {
        self.prefetch = prefetch;
        self
    }

    /// After which time a batch that is waited for counts as stalled; 30 s unless told. It is told and counted, and nothing
    /// else follows from it.
    pub fn stall_after(mut self, time: Duration) -> Self {
        self.stall = time;
        self
    }

    /// Hears of each stall, and again each time that the same time has passed: in the thread that waits, or, without
    /// workers, in one that watches it. Without it the first stall of an epoch is a [`Notice`](super::Notice). Where it panics
    /// in the thread that watches, nothing follows from that either: the next stall is told again.
    pub fn on_stall(mut self, on_stall: impl Fn(&Stall) + Send + Sync + 'static) -> Self {
        self.on_stall = Some(Arc::new(on_stall));
        self
    }

    /// Refuses what no machine can do.
    pub(super) fn check(&self) -> Result<()> {
        match self.workers {
            Some(workers) if workers > WORKERS_MAX => Err(Error::invalid(format!(
                "{workers} workers are more than any machine can use: take at most {WORKERS_MAX}, or leave the number out"
            ))),
            _ => Ok(()),
        }
    }

    /// How many workers there will be.
    pub fn worker_count(&self) -> usize {
        self.workers.unwrap_or_else(|| {
            // It knows the affinity and the quotas of control groups, version 1 and 2.
            std::thread::available_parallelism().map_or(1, usize::from).min(8)
        })
    }
}

/// What the threads that make batches have done so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PipelineStats {
    /// Batches that were taken, errors counted.
    pub delivered: u64,
    /// For how long they were waited for.
    pub waited: Duration,
    /// How many times a stall was told.
    pub stalls: u64,
    /// The last one.
    pub last_stall: Option<Stall>,
    /// Whether what is read next is announced now: not while all of it is in memory.
    pub announcing: bool,
    /// How many bytes were announced.
    pub announced: u64,
    /// How many bytes are ahead now: what [`PipelineOptions::bytes_ahead`] bounds.
    pub ahead: u64,
}

/// The batches of a sequence of plans, in order.
///
/// An error takes the place of its batch: of a bad sample where the policy gives one, or of a panic in a worker. The next
/// batch follows; only an error of the plans themselves is the last item.
///
/// # Memory
/// What it holds is bounded by [`PipelineOptions::bytes_ahead`] and one batch a worker. Anonymous memory is what batches
/// own: columns, and copies of media with plain reads. The dataset's cache of decoded record batches, which packed files and
/// plain reads need, has a bound of its own. Mapped bytes are the kernel's: they are in the page cache, which it shrinks where
/// memory is short, and count as shared memory of the process while they are mapped, with 8 bytes of page tables for each
/// page of 4 KiB that was touched.
///
/// # Forks
/// In a forked process it goes on with threads of its own; what its parent's threads had made ahead is made again.
pub struct Pipeline {
    work: Arc<Work>,
    options: PipelineOptions,
    plans: PlansFrom,
    running: Running,
    ended: bool,
    delivered: Delivered,
    stats: PipelineStats,
}

/// What makes a batch of a plan.
pub(super) struct Work {
    pub(super) assembler: Assembler,
    pub(super) on_bad: OnBad,
}

/// What makes batches, and the process that it belongs to: in a forked one its threads are not there.
enum Running {
    Not,
    Here { process: u32, plans: PlanIter, watchdog: Option<Watchdog> },
    Threads { process: u32, pool: Pool },
}

impl Running {
    fn is_of_another_process(&self) -> bool {
        match self {
            Self::Not => false,
            Self::Here { process, .. } | Self::Threads { process, .. } => *process != std::process::id(),
        }
    }

    /// Forgets what belongs to another process: of its threads there is nothing here but memory, and locks that may be held
    /// for ever. Plans that were drawn in the thread that forked are as it left them.
    fn forget(&mut self) -> Option<PlanIter> {
        match std::mem::replace(self, Self::Not) {
            Self::Here { plans, watchdog, .. } => {
                std::mem::forget(watchdog);
                Some(plans)
            }
            other => {
                std::mem::forget(other);
                None
            }
        }
    }
}

impl Pipeline {
    /// Batches of the plans that `plans` gives.
    pub fn new(
        assembler: Assembler,
        plans: impl Fn(Delivered) -> PlanIter + Send + Sync + 'static,
        on_bad: impl Fn(BadSample<'_>) -> Result<Slot> + Send + Sync + 'static,
        options: PipelineOptions,
    ) -> Self {
        Self {
            work: Arc::new(Work { assembler, on_bad: Arc::new(on_bad) }),
            options,
            plans: Arc::new(plans),
            running: Running::Not,
            ended: false,
            delivered: Delivered::default(),
            stats: PipelineStats::default(),
        }
    }

    /// What it has done so far.
    pub fn stats(&self) -> PipelineStats {
        let mut stats = PipelineStats { delivered: self.delivered.batches, ..self.stats.clone() };
        match &self.running {
            running if running.is_of_another_process() => {}
            Running::Threads { pool, .. } => pool.describe(&mut stats),
            Running::Here { watchdog: Some(watchdog), .. } => (stats.stalls, stats.last_stall) = watchdog.stalls(),
            Running::Here { .. } | Running::Not => {}
        }
        stats
    }

    fn start(&mut self) -> Result<()> {
        let mut drawn = None;
        if self.running.is_of_another_process() {
            drawn = self.running.forget();
        }
        if !matches!(self.running, Running::Not) {
            return Ok(());
        }
        self.options.check()?;
        let (process, plans, delivered) = (std::process::id(), self.plans.clone(), self.delivered);
        self.running = match self.options.worker_count() {
            0 => {
                let plans = drawn.map_or_else(|| caught(|| Ok(plans(delivered))), Ok)?;
                Running::Here { process, plans, watchdog: self.watchdog() }
            }
            workers => {
                let pool = Pool::start(self.work.clone(), plans, delivered, workers, &self.options)?;
                Running::Threads { process, pool }
            }
        };
        Ok(())
    }

    /// Where no time is too long nobody has to watch.
    fn watchdog(&self) -> Option<Watchdog> {
        let (dataset, PipelineOptions { stall, on_stall, .. }) = (self.work.assembler.dataset(), &self.options);
        (*stall < Duration::MAX).then(|| Watchdog::start(dataset.clone(), *stall, on_stall.clone()))
    }

    fn take(&mut self) -> Option<Result<Batch>> {
        if let Err(error) = self.start() {
            self.ended = true;
            return Some(Err(error));
        }
        let number = self.delivered.batches;
        match &mut self.running {
            Running::Threads { pool, .. } => pool.take(number, &self.options, &mut self.stats),
            Running::Here { plans, watchdog, .. } => {
                let watch = Arc::new(Watch::default());
                watchdog.iter().for_each(|watchdog| watchdog.begin(number, &watch));
                let batch = match caught(|| plans.next().transpose()).transpose() {
                    Some(Ok(plan)) => Some(self.work.make(plan, &watch)),
                    Some(Err(error)) => {
                        self.ended = true;
                        Some(Err(error))
                    }
                    None => None,
                };
                watchdog.iter().for_each(Watchdog::end);
                batch
            }
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
            Some(made) => {
                self.delivered.batches += 1;
                if let Ok(batch) = made {
                    self.delivered.reached = Some((self.delivered.batches, batch.plan.next));
                }
            }
            None => self.ended = true,
        }
        batch
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        if self.running.is_of_another_process() {
            self.running.forget();
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
