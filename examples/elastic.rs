//! A run that goes on with another number of processes: the global batches stay what they were.
//!
//!     cargo run --example elastic -- mine.surgdb

use std::env;
use surgdb::load::{Batches, LoaderBuilder, State};
use surgdb::{Dataset, Error, Result};

fn main() -> Result<()> {
    let path = env::args().nth(1).ok_or_else(|| Error::invalid("usage: elastic DATASET"))?;
    let run = Dataset::open(path)?.loader().shuffle(7).batch(12);

    // The whole epoch on one process, to compare with.
    let loader = run.clone().build()?;
    let mut alone = loader.epoch(0);

    let (mut world, mut state) = (4, None);
    let steps = loader.steps(0)?;
    println!("an epoch has {steps} steps of 12 samples");
    for step in 0..steps {
        // Halfway through, a machine is lost.
        if step == steps / 2 {
            println!("step {step}: going on with 3 processes instead of {world}");
            world = 3;
        }
        let mut seen = Vec::new();
        for rank in 0..world {
            let mut batches = on_rank(&run, rank, world, state)?;
            let batch = batches.next().expect("the epoch has this step on every rank")?;
            seen.extend(batch.plan.slots.iter().map(|slot| slot.address));
            if rank + 1 == world {
                state = Some(batches.state());
            }
        }
        let whole = alone.next().expect("the epoch has this step")?;
        let expected: Vec<_> = whole.plan.slots.iter().map(|slot| slot.address).collect();
        assert_eq!(seen, expected, "step {step}");
        println!("step {step}: {world} processes saw the same 12 samples as one");
    }
    Ok(())
}

/// What one process of a real run does when it starts.
fn on_rank(run: &LoaderBuilder, rank: u64, world: u64, state: Option<State>) -> Result<Batches> {
    let mut builder = run.clone().shard(rank, world);
    if let Some(state) = state {
        builder = builder.resume(state);
    }
    Ok(builder.build()?.start())
}
