//! What single accesses cost: getting a sample, opening, finding by id.

use super::floors::Mapped;
use super::meter::median;
use super::prepared::Prepared;
use super::samples::{Part, for_each_part};
use super::touch::touch;
use crate::interrupt;
use serde::Serialize;
use std::borrow::Cow;
use std::hint::black_box;
use std::time::Instant;
use surgdb::{Address, Dataset, Error, Result, Table};

/// How many samples are got in a round.
const GETS: usize = 20_000;
/// How often the dataset is opened in a round.
const OPENS: usize = 200;
/// How many ids are looked for in a round.
const FINDS: usize = 50_000;

/// What one access of many costs.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Times {
    /// Half of them took at most so long.
    pub p50_ns: f64,
    /// All of them together, by their number, without the clock that the others were timed with.
    pub mean_ns: f64,
}

impl Times {
    fn median_of(rounds: &[Times]) -> Self {
        Self {
            p50_ns: median(rounds.iter().map(|times| times.p50_ns)),
            mean_ns: median(rounds.iter().map(|times| times.mean_ns)),
        }
    }
}

/// Getting samples at random: a conversation with its pictures' bytes touched.
#[derive(Clone, Debug, Serialize)]
pub struct Get {
    /// How many were got in a round.
    pub samples: usize,
    /// Through the dataset.
    pub surgdb: Times,
    /// From the raw file, at offsets that are known.
    pub raw: Times,
    /// The mean, as a multiple of the floor's.
    pub of_floor: f64,
}

/// Opening a dataset.
#[derive(Clone, Debug, Serialize)]
pub struct Open {
    /// Opening.
    pub surgdb: Times,
    /// Reading the bytes of its manifest.
    pub read_manifest: Times,
}

/// Finding conversations by id.
#[derive(Clone, Debug, Serialize)]
pub struct Find {
    /// How many were looked for in a round; each is looked for once.
    pub ids: usize,
    /// Finding them.
    pub surgdb: Times,
}

/// Gets samples at random, warm.
///
/// # Errors
/// Those of reading; `Interrupted` after Ctrl-C.
pub fn get(prepared: &Prepared, rounds: usize) -> Result<Get> {
    let dataset = Dataset::open(&prepared.dataset)?;
    let raw = Mapped::open(&prepared.raw)?;
    let count = prepared.order.len().min(GETS);
    let surgdb = |at: usize| sample(&dataset, prepared.order[at]);
    let floor = |at: usize| raw.sample(at);
    // The first time checks checksums and maps pages.
    let sums = (total(count, surgdb)?, total(count, floor)?);
    if sums.0 != sums.1 {
        return Err(Error::invalid("the raw file and the dataset do not hold the same bytes"));
    }
    let (mut ours, mut floors) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        floors.push(timed(count, floor)?);
        ours.push(timed(count, surgdb)?);
    }
    let (surgdb, raw) = (Times::median_of(&ours), Times::median_of(&floors));
    Ok(Get { samples: count, surgdb, raw, of_floor: surgdb.mean_ns / raw.mean_ns })
}

/// Opens the dataset over and over.
///
/// # Errors
/// Those of opening it.
pub fn open(prepared: &Prepared, rounds: usize) -> Result<Open> {
    let dataset = Dataset::open(&prepared.dataset)?;
    let manifest = dataset.path().join(surgdb::format::manifest::version_path(dataset.version()));
    let surgdb = |_| Dataset::open(&prepared.dataset).map(|dataset| dataset.version());
    let floor = |_| {
        let bytes = std::fs::read(&manifest);
        bytes.map(|bytes| bytes.len() as u64).map_err(|error| Error::io("cannot read it", error).in_file(&manifest))
    };
    let (mut ours, mut floors) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        floors.push(timed(OPENS, floor)?);
        ours.push(timed(OPENS, surgdb)?);
    }
    Ok(Open { surgdb: Times::median_of(&ours), read_manifest: Times::median_of(&floors) })
}

/// Finds conversations by their ids.
///
/// # Errors
/// Those of reading; `Invalid` where an id is not found.
pub fn find(prepared: &Prepared, rounds: usize) -> Result<Find> {
    let dataset = Dataset::open(&prepared.dataset)?;
    let ids = ids(&dataset, &prepared.order)?;
    let look = |id: &String| match dataset.find(Table::Conversations, id)? {
        Some(address) => Ok(address.get() as u64),
        None => Err(Error::not_found("an id that the dataset has was not found").with_id(id)),
    };
    // A part of the ids goes before, so that checksums are checked and pages mapped; each round has ids of its own.
    let part = ids.len() / (rounds + 1);
    if part == 0 {
        return Err(Error::invalid("there are not enough conversations to find any"));
    }
    let mut parts = ids.chunks(part);
    let before = parts.next().unwrap_or_default();
    total(before.len(), |at| look(&before[at]))?;
    let rounds: Vec<_> = parts.take(rounds).map(|ids| timed(ids.len(), |at| look(&ids[at]))).collect::<Result<_>>()?;
    Ok(Find { ids: part, surgdb: Times::median_of(&rounds) })
}

fn ids(dataset: &Dataset, order: &[Address]) -> Result<Vec<String>> {
    let chosen = order.iter().take(4 * FINDS);
    chosen.map(|address| Ok(dataset.conversation_at(*address)?.id()?.to_owned())).collect()
}

/// Gets a sample through the dataset and touches its bytes.
///
/// # Errors
/// Those of reading it.
pub fn sample(dataset: &Dataset, address: Address) -> Result<u64> {
    let mut sum = 0;
    for_each_part(dataset, &dataset.conversation_at(address)?, |part| {
        sum += match part {
            Part::Text(bytes) => touch(bytes),
            Part::Frame(address) => match dataset.frame(address)?.bytes()? {
                Some(Cow::Borrowed(bytes)) => touch(bytes),
                // A linked picture lies outside of the dataset, where no floor reads it either.
                _ => 0,
            },
        };
        Ok(())
    })?;
    Ok(sum)
}

fn total(count: usize, get: impl Fn(usize) -> Result<u64>) -> Result<u64> {
    interrupt::check()?;
    (0..count).try_fold(0u64, |sum, at| Ok(sum.wrapping_add(get(at)?)))
}

/// Does it so many times twice: once with a clock for each, once with one clock for all.
fn timed(count: usize, get: impl Fn(usize) -> Result<u64>) -> Result<Times> {
    let mut times = Vec::with_capacity(count);
    for at in 0..count {
        let start = Instant::now();
        black_box(get(at)?);
        times.push(start.elapsed().as_nanos() as f64);
    }
    interrupt::check()?;
    let start = Instant::now();
    black_box(total(count, &get)?);
    let mean_ns = start.elapsed().as_nanos() as f64 / count.max(1) as f64;
    Ok(Times { p50_ns: median(times), mean_ns })
}
