//! `surgdb create`: an empty dataset.

use crate::args::Place;
use crate::cli::Outcome;
use crate::output::Output;
use serde_json::json;
use surgdb::{Dataset, Result};

const EXAMPLES: &str = "\
Examples:
  surgdb create my.surgdb

`surgdb import` makes a dataset that is not there yet: this is for programs that fill it themselves.";

/// Make an empty dataset
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    place: Place,
}

/// Runs it.
pub fn run(args: Args) -> Result<Outcome> {
    let path = args.place.dataset.display();
    let dataset = Dataset::create(&args.place.dataset)?;
    let mut out = Output::new();
    if args.place.json {
        let id = &dataset.manifest().dataset;
        out.json(&json!({ "path": path.to_string(), "dataset": id, "version": dataset.version() }))?;
    } else {
        out.line(format_args!("made {}: empty, version {}", path, dataset.version()))?;
    }
    out.finish()?;
    Ok(Outcome::Fine)
}
