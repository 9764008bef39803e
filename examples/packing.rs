//! Samples packed into sequences of 4,096 tokens and at most 8 pictures, so that hardly a token is padding.
//!
//!     cargo run --example packing -- mine.surgdb
//!
//! Lengths are estimated here; with a column of your tokeniser's counts, say `TokenSource::Column("tokens".into())`.

use std::env;
use surgdb::load::{Budget, Estimate, Overlong, Packing, TokenSource};
use surgdb::{Dataset, Error, Result};

fn main() -> Result<()> {
    let path = env::args().nth(1).ok_or_else(|| Error::invalid("usage: packing DATASET"))?;
    let dataset = Dataset::open(path)?;
    let tokens = TokenSource::Estimate(Estimate::default());
    let budget = Budget { tokens: 4096, pictures: Some(8), overlong: Overlong::Truncate };

    // The global batch counts bins: each is one sequence for the model.
    let packed = dataset.loader().shuffle(7).batch(4).pack(Packing::Bins(budget), tokens.clone()).build()?;
    let plain = dataset.loader().shuffle(7).batch(4).build()?;
    println!("an epoch has {} steps of 4 bins, and {} of 4 samples", packed.steps(0)?, plain.steps(0)?);

    let lengths = packed.lengths().expect("samples that are packed have lengths");
    let (mut used, mut bins, mut samples) = (0, 0, 0);
    for plan in packed.plans(0) {
        let plan = plan?;
        for border in plan.bins.iter().flat_map(|borders| borders.windows(2)) {
            let bin = &plan.slots[border[0] as usize..border[1] as usize];
            let mut tokens = 0;
            for slot in bin {
                let place = packed.order().at(plan.epoch, slot.position)?;
                tokens += lengths.get(place).tokens.min(budget.tokens);
            }
            assert!(tokens <= budget.tokens);
            (used, bins, samples) = (used + u64::from(tokens), bins + 1, samples + bin.len());
        }
    }
    let room = bins * u64::from(budget.tokens);
    println!("{samples} samples in {bins} bins: {:.1} % of their tokens are used", used as f64 / room as f64 * 100.0);
    Ok(())
}
