//! A weighted mixture of tasks: safety assessment counts three times, reasoning twice, everything else once.
//!
//!     cargo run --example mixture -- mine.surgdb

use std::env;
use surgdb::dataset::Filter;
use surgdb::load::EpochLength;
use surgdb::{Dataset, Error, Result};

fn main() -> Result<()> {
    let path = env::args().nth(1).ok_or_else(|| Error::invalid("usage: mixture DATASET"))?;
    let loader = Dataset::open(path)?
        .loader()
        .group("safety", Filter::parse("task = 'safety assessment'")?, 3)
        .group("reasoning", Filter::has("reasoning"), 2)
        .group("everything", Filter::all(), 1)
        .shuffle(7)
        .batch(8)
        .epoch_length(EpochLength::Samples(6000))
        .build()?;

    let mut drawn = vec![0u64; loader.groups().len()];
    for plan in loader.plans(0) {
        for slot in plan?.slots {
            drawn[slot.group as usize] += 1;
        }
    }
    println!("{} steps of 8 samples an epoch", loader.steps(0)?);
    let total: u64 = loader.groups().iter().map(|group| group.weight).sum();
    for (group, drawn) in loader.groups().iter().zip(&drawn) {
        let passes = *drawn as f64 / group.selection.len() as f64;
        println!(
            "{:>10}: weight {} of {total}, {drawn} samples drawn from {}: {passes:.1} passes",
            group.name,
            group.weight,
            group.selection.len(),
        );
    }
    Ok(())
}
