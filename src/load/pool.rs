//! The threads of a pipeline, and what they share.

use crate::error::{Error, Result};
use crate::load::batch::Batch;
use crate::load::plan::Plan;
use crate::load::prefetch::{Ahead, Announcer};
use crate::load::stall::{Stage, Stall};
use crate::load::watch::{Watch, lock};
use crate::load::workers::{Delivered, PipelineOptions, PipelineStats, PlansFrom, Work, caught};
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How many batches are drawn ahead, to be announced, while announcing is worth it. Of batches whose media were mostly read
/// before, it takes many to give a device enough to do; how many bytes are announced has a bound of its own.
const DRAWN_AHEAD: u64 = 32;

/// The threads. Dropped, all of them end.
pub(super) struct Pool {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    work: Arc<Work>,
    batches: u64,
    bytes: u64,
    ahead: Arc<Ahead>,
    stop: Arc<AtomicBool>,
    state: Mutex<State>,
    /// There is a job, or room for a batch.
    for_workers: Condvar,
    /// There is room for a plan.
    for_planner: Condvar,
    /// There is a batch.
    for_reader: Condvar,
}

struct State {
    /// The number of the batch that is delivered next.
    next: u64,
    /// How many plans were drawn.
    drawn: u64,
    /// The number behind the last batch, once that is known.
    end: Option<u64>,
    jobs: VecDeque<Job>,
    /// Batches in the making.
    watches: BTreeMap<u64, Arc<Watch>>,
    done: BTreeMap<u64, (Result<Batch>, u64)>,
}

struct Job {
    number: u64,
    plan: Plan,
    watch: Arc<Watch>,
}

impl Pool {
    /// Starts a thread that draws the plans behind what was delivered, and `workers` that make batches of them.
    ///
    /// # Errors
    /// `Io` when there can be no more threads.
    pub(super) fn start(
        work: Arc<Work>,
        plans: PlansFrom,
        delivered: Delivered,
        workers: usize,
        options: &PipelineOptions,
    ) -> Result<Self> {
        let ahead = Arc::new(Ahead::new(options.prefetch, options.bytes));
        let first = delivered.batches;
        let announcer = options.prefetch.then(|| Announcer::new(work.assembler.clone(), ahead.clone())).transpose()?;
        let state = State {
            next: first,
            drawn: first,
            end: None,
            jobs: VecDeque::new(),
            watches: BTreeMap::new(),
            done: BTreeMap::new(),
        };
        let shared = Arc::new(Shared {
            work,
            batches: options.batches.unwrap_or(workers.saturating_add(2)).max(1) as u64,
            bytes: options.bytes,
            ahead,
            stop: Arc::default(),
            state: Mutex::new(state),
            for_workers: Condvar::new(),
            for_planner: Condvar::new(),
            for_reader: Condvar::new(),
        });
        // Dropped on the way out, it ends the threads that were started.
        let mut pool = Self { shared, threads: Vec::new() };
        let shared = pool.shared.clone();
        pool.spawn("surgdb-plans".to_owned(), move || shared.plan(&plans, delivered, announcer))?;
        for number in 0..workers {
            let shared = pool.shared.clone();
            pool.spawn(format!("surgdb-batch-{number}"), move || shared.work())?;
        }
        Ok(pool)
    }

    fn spawn(&mut self, name: String, run: impl FnOnce() + Send + 'static) -> Result<()> {
        let thread = std::thread::Builder::new().name(name).spawn(run);
        self.threads.push(thread.map_err(|error| Error::io("cannot start a thread for batches", error))?);
        Ok(())
    }

    /// Waits for the batch with this number; `None` behind the last.
    pub(super) fn take(
        &self,
        number: u64,
        options: &PipelineOptions,
        stats: &mut PipelineStats,
    ) -> Option<Result<Batch>> {
        let shared = &self.shared;
        let start = Instant::now();
        let (mut reported, mut has_waited) = (options.stall, false);
        let mut state = lock(&shared.state);
        loop {
            if let Some((batch, bytes)) = state.done.remove(&number) {
                state.next = number + 1;
                // Under the lock, so that nobody who looked before waits for what has happened.
                shared.ahead.window.release(bytes);
                drop(state);
                shared.for_planner.notify_one();
                shared.for_workers.notify_all();
                return Some(batch);
            }
            if state.end.is_some_and(|end| number >= end) {
                return None;
            }
            if !has_waited {
                has_waited = true;
                // It may ask the system for the memory that is left, and workers need the lock meanwhile.
                drop(state);
                shared.ahead.starved();
                state = lock(&shared.state);
                continue;
            }
            let left = reported.saturating_sub(start.elapsed());
            let waited = shared.for_reader.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner);
            state = waited.0;
            if start.elapsed() >= reported && !state.done.contains_key(&number) {
                let watch = state.watches.get(&number).cloned();
                drop(state);
                let stall = shared.stall(number, watch.as_deref(), start.elapsed());
                (stats.stalls, stats.last_stall) = (stats.stalls + 1, Some(stall.clone()));
                if let Some(on_stall) = &options.on_stall {
                    on_stall(&stall);
                }
                reported = start.elapsed().saturating_add(options.stall.max(Duration::from_millis(1)));
                state = lock(&shared.state);
            }
        }
    }

    pub(super) fn describe(&self, stats: &mut PipelineStats) {
        let ahead = &self.shared.ahead;
        stats.announcing = ahead.active.load(Ordering::Relaxed);
        stats.announced = ahead.announced.load(Ordering::Relaxed);
        stats.ahead = ahead.window.held() + ahead.window.announced();
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.shared.ahead.window.close();
        // Whoever looked at `stop` before it was set waits by the time that the lock is free.
        drop(lock(&self.shared.state));
        self.shared.for_planner.notify_all();
        self.shared.for_workers.notify_all();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// Where a batch is that was awaited for so long; without a watch its plan is not there yet.
    fn stall(&self, batch: u64, watch: Option<&Watch>, waited: Duration) -> Stall {
        let dataset = self.work.assembler.dataset();
        watch.map(|watch| watch.stall(dataset, batch, waited)).unwrap_or(Stall {
            batch,
            stage: Stage::Planning,
            address: None,
            row: None,
            file: None,
            waited,
        })
    }

    /// Waits until `ready` holds; `None` when all ends.
    fn wait<'s>(&'s self, on: &Condvar, ready: impl Fn(&State) -> bool) -> Option<MutexGuard<'s, State>> {
        let mut state = lock(&self.state);
        while !self.is_stopped() {
            if ready(&state) {
                return Some(state);
            }
            state = on.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        None
    }

    /// Draws plans while there is room, and announces them.
    fn plan(&self, plans: &PlansFrom, delivered: Delivered, mut announcer: Option<Announcer>) {
        let mut drawn = None;
        loop {
            let announcing = announcer.is_some() && self.ahead.active.load(Ordering::Relaxed);
            let batches = if announcing { self.batches.max(DRAWN_AHEAD) } else { self.batches };
            let room = |state: &State| {
                let ahead = self.ahead.window.held() + self.ahead.window.announced();
                state.drawn == state.next || state.drawn - state.next < batches && ahead < self.bytes
            };
            let Some(state) = self.wait(&self.for_planner, room) else { return };
            let number = state.drawn;
            drop(state);
            let plan = caught(|| drawn.get_or_insert_with(|| plans(delivered)).next().transpose());
            let plan = match plan {
                Ok(Some(plan)) => plan,
                ended => return self.end(number, ended.err()),
            };
            let faulted_in = self.ahead.active.load(Ordering::Relaxed).then(|| self.ahead.faulted_in.clone());
            let watch = Arc::new(Watch::new(faulted_in, self.stop.clone(), self.ahead.window.clone()));
            let copy = announcer.is_some().then(|| plan.clone());
            let mut state = lock(&self.state);
            state.drawn += 1;
            state.watches.insert(number, watch.clone());
            drop(state);
            let job = Job { number, plan, watch: watch.clone() };
            match (&mut announcer, copy) {
                (Some(announcer), Some(plan)) => self.announce(announcer, &plan, &watch, job),
                _ => self.publish(job),
            }
        }
    }

    /// Announces what a job will read, and publishes it meanwhile.
    fn announce(&self, announcer: &mut Announcer, plan: &Plan, watch: &Arc<Watch>, job: Job) {
        let mut job = Some(job);
        // What panics here panics in a worker too, which reports it.
        let _ = caught(|| {
            announcer.announce(plan, watch, || job.take().into_iter().for_each(|job| self.publish(job)));
            Ok(())
        });
        if let Some(job) = job {
            self.publish(job);
        }
    }

    fn publish(&self, job: Job) {
        job.watch.publish();
        lock(&self.state).jobs.push_back(job);
        self.for_workers.notify_one();
    }

    /// There are no more plans.
    fn end(&self, number: u64, error: Option<Error>) {
        let mut state = lock(&self.state);
        state.end = Some(number + u64::from(error.is_some()));
        if let Some(error) = error {
            state.done.insert(number, (Err(error), 0));
        }
        drop(state);
        self.for_reader.notify_all();
        self.for_workers.notify_all();
    }

    /// Makes batches of plans, the first first.
    fn work(&self) {
        let ready = |state: &State| match state.jobs.front() {
            // The batch that is waited for is made whatever there is already.
            Some(job) => {
                job.number == state.next
                    || job.number - state.next < self.batches && self.ahead.window.held() < self.bytes
            }
            None => state.end.is_some(),
        };
        while let Some(mut state) = self.wait(&self.for_workers, ready) {
            let Some(Job { number, plan, watch }) = state.jobs.pop_front() else { return };
            drop(state);
            let batch = self.work.make(plan, &watch);
            // A panic here would leave whoever waits for the batch waiting for ever.
            let bytes = batch.as_ref().map_or(0, |batch| caught(|| Ok(batch.bytes())).unwrap_or(0));
            watch.finish();
            self.ahead.window.hold(bytes);
            let mut state = lock(&self.state);
            state.watches.remove(&number);
            state.done.insert(number, (batch, bytes));
            drop(state);
            self.for_reader.notify_one();
            // What was announced for the batch counts no more.
            self.for_planner.notify_one();
        }
    }
}
