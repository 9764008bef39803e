//! Samples in a shuffled order with all their bytes touched, as a training loader asks for them.

use crate::interrupt;
use crate::random::Random;
use crate::ui;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use surgdb::dataset::Record;
use surgdb::{Dataset, Error, Result, Table};

/// How long each way is measured.
const AT_LEAST: Duration = Duration::from_millis(400);

/// How fast samples came.
pub struct Speed {
    samples: u64,
    bytes: u64,
    time: Duration,
}

impl Speed {
    /// Samples and bytes a second, for people.
    pub fn words(&self) -> [String; 2] {
        let seconds = self.time.as_secs_f64().max(1e-9);
        let samples = ui::count((self.samples as f64 / seconds) as u64);
        [format!("{samples} samples/s"), format!("{}/s", ui::bytes((self.bytes as f64 / seconds) as u64))]
    }
}

/// What was measured.
pub struct Access {
    /// The first time through: each checksum is checked once.
    pub first: Speed,
    /// All times after that.
    pub after: Speed,
    /// The same pictures and clips read from the source's folder as files, in the same order.
    pub floor: Speed,
}

/// Goes through all samples in a shuffled order, over and over.
pub fn measure(dataset: &Dataset, source: &Path) -> Result<Access> {
    let count = dataset.count(Table::Conversations)?;
    let mut order: Vec<u64> = (0..count).collect();
    let mut random = Random::new(1, 0);
    for at in (1..order.len()).rev() {
        order.swap(at, random.below(at + 1));
    }
    let files = order.iter().map(|number| files(dataset, source, *number)).collect::<Result<Vec<_>>>()?;
    let dataset = Dataset::open(dataset.path())?;
    let get = |at: usize| sample(&dataset, order[at]);
    let first = timed(order.len(), Duration::ZERO, get)?;
    let after = timed(order.len(), AT_LEAST, get)?;
    let floor = timed(order.len(), AT_LEAST, |at| {
        files[at].iter().try_fold(0, |bytes, path| {
            let read = std::fs::read(path).map_err(|error| Error::io("cannot read it", error).in_file(path))?;
            Ok(bytes + touched(&read))
        })
    })?;
    Ok(Access { first, after, floor })
}

/// Calls `get` for each position, once or as often as the time wants.
fn timed(count: usize, at_least: Duration, get: impl Fn(usize) -> Result<u64>) -> Result<Speed> {
    let start = Instant::now();
    let mut speed = Speed { samples: 0, bytes: 0, time: Duration::ZERO };
    if count == 0 {
        return Ok(speed);
    }
    loop {
        interrupt::check()?;
        for at in 0..count {
            speed.bytes += get(at)?;
        }
        speed.samples += count as u64;
        speed.time = start.elapsed();
        if speed.time >= at_least {
            break;
        }
    }
    Ok(speed)
}

/// Reads a sample: its texts, and the bytes of all that it shows; how many bytes of media that was.
fn sample(dataset: &Dataset, number: u64) -> Result<u64> {
    let sample = dataset.conversation(number)?;
    for turn in sample.turns()?.iter() {
        black_box(touched(turn.text().as_bytes()));
    }
    let mut bytes = 0;
    for medium in sample.media()?.iter() {
        for address in medium.refs().iter() {
            let encoded = match dataset.get(address)? {
                Record::Frame(frame) => frame.bytes()?,
                Record::Video(video) => video.bytes()?,
                _ => None,
            };
            bytes += encoded.map_or(0, |encoded| touched(&encoded));
        }
    }
    Ok(bytes)
}

/// The files that a sample was made from.
fn files(dataset: &Dataset, source: &Path, number: u64) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for medium in dataset.conversation(number)?.media()?.iter() {
        for address in medium.refs().iter() {
            let path = match dataset.get(address)? {
                Record::Frame(frame) => frame.path()?.map(|path| source.join(path)),
                Record::Video(video) => video.path()?.map(|path| source.join(path)),
                _ => None,
            };
            paths.extend(path);
        }
    }
    Ok(paths)
}

/// Touches each cache line of the bytes; how many bytes there are.
fn touched(bytes: &[u8]) -> u64 {
    black_box(bytes.iter().step_by(64).fold(0u8, |sum, byte| sum.wrapping_add(*byte)));
    bytes.len() as u64
}
