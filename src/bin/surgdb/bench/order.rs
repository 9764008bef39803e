//! The order in which samples come.

use crate::random::Random;
use surgdb::{Address, Dataset, Error, Result, Table};

/// The conversations of a dataset in a shuffled order: at most so many.
///
/// # Errors
/// `Invalid` where there are none; those of reading.
pub fn shuffled(dataset: &Dataset, limit: u64) -> Result<Vec<Address>> {
    let mut order = dataset.live_addresses(Table::Conversations)?;
    if order.is_empty() {
        return Err(Error::invalid("the dataset has no conversations to measure").in_file(dataset.path()));
    }
    let mut random = Random::new(1, 0);
    let count = order.len().min(usize::try_from(limit).unwrap_or(usize::MAX));
    for at in 0..count {
        let other = at + random.below(order.len() - at);
        order.swap(at, other);
    }
    order.truncate(count);
    Ok(order)
}
