//! A training loop that may be killed at any moment, and goes on where it stood.
//!
//!     cargo run --example train -- mine.surgdb run.state [die after so many steps]
//!
//! Run it again after it was killed: it delivers what was left, and nothing twice.

use arrow_array::Array;
use arrow_array::cast::AsArray;
use std::{env, fs, process};
use surgdb::load::{Batch, State};
use surgdb::{Dataset, Error, Result};

const EPOCHS: u64 = 2;

fn main() -> Result<()> {
    let args: Vec<_> = env::args().skip(1).collect();
    let [dataset, state_file, rest @ ..] = &args[..] else {
        return Err(Error::invalid("usage: train DATASET STATE [STEPS]"));
    };
    let die_after = rest.first().and_then(|steps| steps.parse::<u64>().ok());

    let mut builder = Dataset::open(dataset)?.loader().shuffle(7).batch(4);
    if let Ok(bytes) = fs::read(state_file) {
        let state = State::from_bytes(&bytes)?;
        eprintln!("going on with step {} of epoch {}, on version {}", state.mark.step, state.mark.epoch, state.version);
        builder = builder.resume(state);
    }
    let loader = builder.build()?;
    let mut batches = loader.start();
    let mut steps = 0;
    while batches.state().mark.epoch < EPOCHS {
        let Some(batch) = batches.next() else {
            batches.next_epoch();
            continue;
        };
        train(&batch?);
        // The state belongs to the weights: both are saved together, under another name first, so that none is half-written.
        save(state_file, &batches.state())?;
        steps += 1;
        if die_after == Some(steps) {
            process::abort();
        }
    }
    Ok(())
}

/// Stands for the model: prints which samples it saw, and how many bytes of pictures came with them.
fn train(batch: &Batch) {
    let pictures = batch.media.column_by_name("bytes").map(|bytes| bytes.as_binary_view().clone());
    let bytes: usize = pictures.iter().flat_map(|bytes| bytes.iter()).flatten().map(<[u8]>::len).sum();
    let ids = batch.conversations.column_by_name("id").map(|ids| ids.as_string::<i64>().clone());
    let ids: Vec<_> = ids.iter().flat_map(|ids| (0..ids.len()).map(|row| ids.value(row).to_owned())).collect();
    println!("epoch {} step {}: {} ({bytes} bytes of media)", batch.plan.epoch, batch.plan.step, ids.join(" "));
}

fn save(path: &str, state: &State) -> Result<()> {
    let new = format!("{path}.new");
    let written = fs::write(&new, state.to_bytes()).and_then(|()| fs::rename(&new, path));
    written.map_err(|error| Error::io("cannot save the state", error).in_file(path))
}
