//! What it costs to go on where a run stood.

use super::batches;
use super::meter::median;
use crate::interrupt;
use serde::Serialize;
use std::time::Instant;
use surgdb::load::{Batches, Loader, Mark, PipelineOptions, State};
use surgdb::{Dataset, Error, Result};

/// How often a run is begun and resumed in a round.
const TIMES: u64 = 40;

/// Beginning a run, and going on with it.
#[derive(Clone, Debug, Serialize)]
pub struct Resume {
    /// Making a loader: what is selected, its order, its fingerprint.
    pub build_ns: f64,
    /// Going on at the middle of an epoch, up to the iterator over its batches.
    pub resume_ns: f64,
    /// From there to the first batch, its bytes touched.
    pub first_batch_ns: f64,
    /// The same at the beginning of an epoch.
    pub fresh_batch_ns: f64,
    /// The first batch after going on, as a multiple of that of a beginning.
    pub of_fresh: f64,
}

/// Begins epochs and goes on in their middle, in turns, warm.
///
/// # Errors
/// Those of reading; `Interrupted` after Ctrl-C.
pub fn measure(dataset: &Dataset, rounds: usize) -> Result<Resume> {
    let start = Instant::now();
    let loader = batches::loader(dataset, PipelineOptions::default())?;
    let build_ns = start.elapsed().as_nanos() as f64;
    let middle = loader.steps(0)? / 2;
    let state = loader.start().state();
    let at = |epoch, step| State { mark: Mark { epoch, step, window: step, ..Mark::default() }, ..state };
    let (mut resumed, mut first, mut fresh) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds as u64 + 1 {
        for epoch in round * TIMES..(round + 1) * TIMES {
            interrupt::check()?;
            let begun = timed(&loader, || Ok(loader.epoch(epoch)))?;
            let went_on = timed(&loader, || loader.resume(&at(epoch, middle)))?;
            // The first round brings what is touched to memory.
            if round > 0 {
                resumed.push(went_on.0);
                first.push(went_on.1);
                fresh.push(begun.1);
            }
        }
    }
    let [resume_ns, first_batch_ns, fresh_batch_ns] = [resumed, first, fresh].map(median);
    let of_fresh = first_batch_ns / fresh_batch_ns.max(1.0);
    Ok(Resume { build_ns, resume_ns, first_batch_ns, fresh_batch_ns, of_fresh })
}

/// How long it takes to have the iterator, and then its first batch.
fn timed(loader: &Loader, begin: impl FnOnce() -> Result<Batches>) -> Result<(f64, f64)> {
    let start = Instant::now();
    let mut batches = begin()?;
    let begun = start.elapsed().as_nanos() as f64;
    let batch = batches.next().ok_or_else(|| Error::invalid(format!("{loader:?} has no batch")))?;
    std::hint::black_box(batches::touched(&batch?, u64::MAX)?);
    Ok((begun, start.elapsed().as_nanos() as f64 - begun))
}
