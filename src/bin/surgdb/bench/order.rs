//! The order in which samples come, and what it costs to know it.

use super::meter::median;
use crate::interrupt;
use crate::random::Random;
use serde::Serialize;
use std::hint::black_box;
use std::time::Instant;
use surgdb::dataset::Selection;
use surgdb::load::Order as Positions;
use surgdb::{Address, Dataset, Error, Result, Table};

/// The seed of all orders here.
pub const SEED: u64 = 1;
/// How many positions are asked for in a round, at most.
const POSITIONS: u64 = 1_000_000;

/// What a position costs: which sample it is, and that sample's address.
#[derive(Clone, Debug, Serialize)]
pub struct Order {
    /// How many positions were asked for in a round.
    pub positions: u64,
    /// The permutation alone.
    pub order_ns: f64,
    /// With the address, where every conversation is selected.
    pub all_ns: f64,
    /// With the address, where one conversation in six is left out at random: a list of rows.
    pub some_ns: f64,
}

/// Asks for positions of a shuffled order, and for the addresses that stand there.
///
/// # Errors
/// Those of reading; `Interrupted` after Ctrl-C.
pub fn measure(dataset: &Dataset, rounds: usize) -> Result<Order> {
    let all = all(dataset)?;
    let mut random = Random::new(SEED, 3);
    let some = all.iter().filter(|_| random.below(6) > 0);
    let some = Selection::of(dataset, Table::Conversations, some)?;
    let positions = all.len().min(POSITIONS);
    let mut found = [Vec::new(), Vec::new(), Vec::new()];
    for epoch in 0..rounds as u64 {
        interrupt::check()?;
        found[0].push(timed(&all, epoch, positions, |_, index| Some(index))?);
        found[1].push(timed(&all, epoch, positions, address)?);
        // An order of nothing cannot be made: of very few conversations all may have been left out.
        let some = if some.is_empty() { &all } else { &some };
        found[2].push(timed(some, epoch, positions.min(some.len()), address)?);
    }
    let [order_ns, all_ns, some_ns] = found.map(median);
    Ok(Order { positions, order_ns, all_ns, some_ns })
}

fn address(selection: &Selection, index: u64) -> Option<u64> {
    selection.get(index).map(|address| address.get() as u64)
}

fn timed(
    selection: &Selection,
    epoch: u64,
    positions: u64,
    get: impl Fn(&Selection, u64) -> Option<u64>,
) -> Result<f64> {
    let mut cursor = Positions::shuffled(SEED, &[selection.len()])?.cursor();
    let start = Instant::now();
    for position in 0..positions {
        black_box(get(selection, cursor.at(epoch, position)?.index));
    }
    Ok(start.elapsed().as_nanos() as f64 / positions as f64)
}

fn all(dataset: &Dataset) -> Result<Selection> {
    Selection::of(dataset, Table::Conversations, dataset.live_addresses(Table::Conversations)?)
}

/// The conversations of a dataset in the order of an epoch: at most so many.
///
/// # Errors
/// `Invalid` where there are none; those of reading.
pub fn shuffled(dataset: &Dataset, limit: u64) -> Result<Vec<Address>> {
    let selection = all(dataset)?;
    let mut cursor = Positions::shuffled(SEED, &[selection.len()])?.cursor();
    let found = (0..selection.len().min(limit)).map(|position| {
        let address = selection.get(cursor.at(0, position)?.index);
        address.ok_or_else(|| Error::invalid("the order names a sample that was not selected"))
    });
    found.collect()
}
