//! Shuffled epochs, warm and cold, each way of reading beside the floors.

use super::batches;
use super::cache;
use super::floors::{self, Mapped};
use super::meter::{Cost, cost, median};
use super::prepared::Prepared;
use super::samples::PAGE;
use super::single::sample;
use crate::interrupt;
use crate::ui::Progress;
use serde::{Deserialize, Serialize};
use surgdb::load::PipelineOptions;
use surgdb::{Dataset, Error, ErrorKind, Result};

/// A way of reading samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// The loader's batches, made ahead by its workers.
    Loader,
    /// The loader's batches, each made when it is asked for, in one thread.
    LoaderAlone,
    /// Sample by sample through the dataset.
    Dataset,
    /// The raw file mapped, offsets known.
    Raw,
    /// The dataset's files mapped, offsets known.
    Mapped,
    /// Positioned reads of the dataset's files, offsets known.
    Pread1,
    /// The same with 8 threads.
    Pread8,
    /// The same files mapped, offsets known, and each page announced once by a thread of its own.
    Announced,
    /// Reads past the cache with 32 threads: each page where it is asked for first, and every sample touched in memory.
    DirectOnce,
    /// Reads past the cache with 32 threads: each sample's pages each time that it is asked for.
    DirectAlways,
}

impl Way {
    /// What it is, for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Loader => "surgdb, loader, batches of 64",
            Self::LoaderAlone => "surgdb, loader without workers",
            Self::Dataset => "surgdb, sample by sample",
            Self::Raw => "raw mapped offsets",
            Self::Mapped => "plain mapped reads of its files",
            Self::Announced => "the same, each page announced once",
            Self::Pread1 => "pread, 1 thread",
            Self::Pread8 => "pread, 8 threads",
            Self::DirectOnce => "O_DIRECT, 32 threads, each page once",
            Self::DirectAlways => "O_DIRECT, 32 threads, each time anew",
        }
    }
}

/// Epochs measured one way.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Measured {
    /// Which way.
    pub way: Way,
    /// Samples a second, by the median round.
    pub samples_per_second: f64,
    /// Processor time a sample, by the median round.
    pub cpu_us_per_sample: f64,
    /// Bytes fetched from the device, by the bytes of the distinct pages that hold what is asked for.
    pub read_per_page: Option<f64>,
    /// Samples a second, as a share of the floor's.
    pub of_floor: Option<f64>,
    /// Each round, as it came.
    pub rounds: Vec<Cost>,
    /// Why it was not measured, where it was not.
    pub skipped: Option<String>,
}

/// Epochs measured in all ways.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Epochs {
    /// Samples in a pass.
    pub samples: u64,
    /// Distinct pages of the dataset's files that hold their texts and pictures.
    pub pages: u64,
    /// What the shares are shares of.
    pub floor: Way,
    /// The ways, in the order in which they took turns.
    pub ways: Vec<Measured>,
    /// What else must be known to read the figures.
    pub note: Option<String>,
}

/// Passes over samples whose bytes are in memory.
///
/// # Errors
/// Those of reading; `Interrupted` after Ctrl-C.
pub fn warm(prepared: &Prepared, rounds: usize) -> Result<Epochs> {
    let dataset = Dataset::open(&prepared.dataset)?;
    let loader = batches::loader(&dataset, PipelineOptions::default())?;
    let alone = batches::loader(&dataset, batches::alone())?;
    let count = prepared.order.len() as u64;
    let (raw, mapped) = (Mapped::open(&prepared.raw)?, Mapped::open(&prepared.samples)?);
    let ways = [Way::Raw, Way::Loader, Way::LoaderAlone, Way::Dataset, Way::Mapped, Way::Pread1, Way::Pread8];
    let pass = |way| match way {
        Way::Raw => raw.pass(),
        Way::Mapped => mapped.pass(),
        Way::Pread1 => floors::pread(&prepared.samples, 1),
        Way::Pread8 => floors::pread(&prepared.samples, 8),
        Way::Loader => batches::pass(&loader, 0, count),
        Way::LoaderAlone => batches::pass(&alone, 0, count),
        _ => by_sample(&dataset, prepared),
    };
    // A first pass of each brings the bytes to memory, checks what is checked once, and shows that all read the same.
    let sums = ways.iter().map(|way| pass(*way)).collect::<Result<Vec<_>>>()?;
    sums.iter().try_for_each(|sum| same(sums[0], *sum))?;
    let costs = in_turns("warm epochs", &ways, rounds, |way| cost(|| pass(way)).map(|(_, cost)| cost))?;
    Ok(Epochs {
        samples: prepared.samples.len() as u64,
        pages: prepared.samples.pages(),
        floor: Way::Raw,
        ways: figures(prepared, costs, Way::Raw),
        note: None,
    })
}

/// Passes that begin with nothing in the system's cache, checksums checked on the way.
///
/// # Errors
/// Those of reading; `Interrupted` after Ctrl-C.
pub fn cold(prepared: &Prepared, rounds: usize) -> Result<Epochs> {
    let (once, mut sum) = (prepared.samples.pages_once(), None);
    let ways = [
        Way::DirectOnce,
        Way::Loader,
        Way::LoaderAlone,
        Way::Dataset,
        Way::Raw,
        Way::Mapped,
        Way::Announced,
        Way::Pread1,
        Way::Pread8,
        Way::DirectAlways,
    ];
    let costs = in_turns("cold epochs", &ways, rounds, |way| {
        cache::forget(prepared.files.iter().chain(&prepared.raw.files))?;
        let (found, cost) = match way {
            Way::DirectOnce => {
                let warm = Mapped::open(&prepared.raw)?;
                warm.pass()?;
                cost(|| floors::direct_once(&once, &warm, 32))?
            }
            Way::Announced => cost(|| floors::announced_once(&once, &Mapped::open(&prepared.samples)?))?,
            _ => cost(|| cold_pass(prepared, way))?,
        };
        same(*sum.get_or_insert(found), found)?;
        Ok(cost)
    })?;
    let ways = figures(prepared, costs, Way::DirectOnce);
    Ok(Epochs {
        samples: prepared.samples.len() as u64,
        pages: prepared.samples.pages(),
        floor: Way::DirectOnce,
        note: coldness(&ways),
        ways,
    })
}

/// Passes over data that does not fit the memory: the floor reads each page each time that it is asked for.
///
/// # Errors
/// Those of reading; `Interrupted` after Ctrl-C.
pub fn beyond(prepared: &Prepared, rounds: usize) -> Result<Epochs> {
    let ways = [Way::DirectAlways, Way::Loader, Way::LoaderAlone, Way::Pread8];
    let costs = in_turns("epochs beyond the memory", &ways, rounds, |way| {
        cache::forget(&prepared.files)?;
        cost(|| cold_pass(prepared, way)).map(|(_, cost)| cost)
    })?;
    Ok(Epochs {
        samples: prepared.samples.len() as u64,
        pages: prepared.samples.pages(),
        floor: Way::DirectAlways,
        note: None,
        ways: figures(prepared, costs, Way::DirectAlways),
    })
}

/// Opens what a way needs and reads all samples: maps of an earlier pass would keep pages in the cache.
fn cold_pass(prepared: &Prepared, way: Way) -> Result<u64> {
    match way {
        Way::Raw => Mapped::open(&prepared.raw)?.pass(),
        Way::Mapped => Mapped::open(&prepared.samples)?.pass(),
        Way::Pread1 => floors::pread(&prepared.samples, 1),
        Way::Pread8 => floors::pread(&prepared.samples, 8),
        Way::DirectAlways => floors::direct(&prepared.samples, 32),
        Way::Loader => by_batch(prepared, PipelineOptions::default()),
        Way::LoaderAlone => by_batch(prepared, batches::alone()),
        Way::Dataset => by_sample(&Dataset::open(&prepared.dataset)?, prepared),
        Way::DirectOnce | Way::Announced => Err(Error::invalid("it takes where each page is asked for first")),
    }
}

fn by_batch(prepared: &Prepared, options: PipelineOptions) -> Result<u64> {
    let loader = batches::loader(&Dataset::open(&prepared.dataset)?, options)?;
    batches::pass(&loader, 0, prepared.order.len() as u64)
}

fn by_sample(dataset: &Dataset, prepared: &Prepared) -> Result<u64> {
    let mut sum = 0;
    for (at, address) in prepared.order.iter().enumerate() {
        if at % 1024 == 0 {
            interrupt::check()?;
        }
        sum += sample(dataset, *address)?;
    }
    Ok(sum)
}

fn same(one: u64, other: u64) -> Result<()> {
    match one == other {
        true => Ok(()),
        false => Err(Error::invalid("the ways of reading did not give the same bytes")),
    }
}

/// Whether the cache was empty at the start of the passes: all that they asked for must have come from the device.
fn coldness(ways: &[Measured]) -> Option<String> {
    let through_cache = ways.iter().filter(|measured| !matches!(measured.way, Way::DirectOnce | Way::DirectAlways));
    let read: Option<Vec<f64>> = through_cache.map(|measured| measured.read_per_page).collect();
    match read?.into_iter().min_by(f64::total_cmp) {
        Some(least) if least < 0.98 => Some(format!(
            "the cache could not be dropped whole: a pass fetched {:.0} % of its pages from the device, so that it is \
             not as cold as it should be",
            least * 100.0
        )),
        _ => None,
    }
}

/// What each way cost in each round, or why it cannot be measured here.
type Costs = Vec<(Way, std::result::Result<Vec<Cost>, String>)>;

/// Measures the ways in turns (A B C A B C …), so that what changes on the machine meanwhile meets all of them.
fn in_turns(what: &str, ways: &[Way], rounds: usize, mut pass: impl FnMut(Way) -> Result<Cost>) -> Result<Costs> {
    let mut costs: Costs = ways.iter().map(|way| (*way, Ok(Vec::new()))).collect();
    let progress = Progress::things(what, Some((ways.len() * rounds) as u64));
    let mut done = 0;
    for _ in 0..rounds {
        for (way, found) in &mut costs {
            progress.at(done, || way.words().into())?;
            done += 1;
            let Ok(rounds) = found else { continue };
            match pass(*way) {
                Ok(cost) => rounds.push(cost),
                Err(error) if error.kind() == ErrorKind::Unsupported => *found = Err(error.message().to_owned()),
                Err(error) => return Err(error),
            }
        }
    }
    Ok(costs)
}

fn figures(prepared: &Prepared, costs: Costs, floor: Way) -> Vec<Measured> {
    let samples = prepared.samples.len() as f64;
    let mut ways: Vec<Measured> = costs
        .into_iter()
        .map(|(way, found)| {
            let (rounds, skipped) = match found {
                Ok(rounds) => (rounds, None),
                Err(why) => (Vec::new(), Some(why)),
            };
            let pages = if way == Way::Raw { prepared.raw.pages() } else { prepared.samples.pages() };
            measured(way, rounds, samples, (pages * PAGE) as f64, skipped)
        })
        .collect();
    let speed = ways.iter().find(|measured| measured.way == floor).map(|measured| measured.samples_per_second);
    for measured in &mut ways {
        measured.of_floor = speed.filter(|speed| *speed > 0.0).map(|speed| measured.samples_per_second / speed);
    }
    ways
}

fn measured(way: Way, rounds: Vec<Cost>, samples: f64, page_bytes: f64, skipped: Option<String>) -> Measured {
    let seconds = median(rounds.iter().map(|cost| cost.seconds));
    let cpu = median(rounds.iter().map(|cost| cost.cpu_seconds));
    let read: Option<Vec<f64>> = rounds.iter().map(|cost| cost.device_bytes.map(|bytes| bytes as f64)).collect();
    Measured {
        way,
        samples_per_second: if seconds > 0.0 { samples / seconds } else { 0.0 },
        cpu_us_per_sample: cpu * 1e6 / samples,
        read_per_page: read.filter(|_| skipped.is_none()).map(|read| median(read) / page_bytes.max(1.0)),
        of_floor: None,
        rounds,
        skipped,
    }
}
