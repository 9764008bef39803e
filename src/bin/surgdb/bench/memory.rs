//! How much memory epochs take: whether it grows from one to the next.

use super::batches::{loader, pass};
use super::meter::anonymous_bytes;
use serde::{Deserialize, Serialize};
use std::path::Path;
use surgdb::load::PipelineOptions;
use surgdb::{Dataset, Error, Result, Table};

/// The memory of a process that does nothing else: what is its own, not what it has mapped.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Memory {
    /// Samples in an epoch.
    pub samples: u64,
    /// Once the dataset is open and the loader is built.
    pub start_bytes: u64,
    /// After the first epoch.
    pub first_epoch_bytes: u64,
    /// After the second.
    pub second_epoch_bytes: u64,
    /// The second by the first.
    pub growth: f64,
    /// How many record batches of the dataset the epochs touched.
    pub batches: u64,
    /// What the first epoch added, for each of them.
    pub bytes_per_batch: f64,
}

/// Reads two epochs in this process, which should have done nothing before.
///
/// # Errors
/// Those of reading; `Unsupported` where the system does not say how much memory a process has.
pub fn measure(path: &Path, limit: u64) -> Result<Memory> {
    let now = || anonymous_bytes().ok_or_else(|| Error::unsupported("the system does not say how much memory it is"));
    let dataset = Dataset::open(path)?;
    let loader = loader(&dataset, PipelineOptions::default())?;
    let start = now()?;
    pass(&loader, 0, limit)?;
    let first = now()?;
    pass(&loader, 1, limit)?;
    let second = now()?;
    let batches = Table::ALL.iter().map(|table| dataset.touched(*table).0 as u64).sum();
    Ok(Memory {
        samples: dataset.count(Table::Conversations)?.min(limit),
        start_bytes: start,
        first_epoch_bytes: first,
        second_epoch_bytes: second,
        growth: second as f64 / first.max(1) as f64,
        batches,
        bytes_per_batch: first.saturating_sub(start) as f64 / (batches.max(1)) as f64,
    })
}
