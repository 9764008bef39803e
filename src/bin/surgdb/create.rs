//! `surgdb create`: an empty dataset.

use crate::cli::Outcome;
use crate::output::Output;
use serde_json::json;
use std::path::PathBuf;
use surgdb::{Dataset, Result};

const EXAMPLES: &str = "\
Examples:
  surgdb create my.surgdb

`surgdb import` makes a dataset that is not there yet: this is for programs that fill it themselves.";

/// Make an empty dataset
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The folder to make, such as my.surgdb
    dataset: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs it.
pub fn run(args: Args) -> Result<Outcome> {
    let dataset = Dataset::create(&args.dataset)?;
    let mut out = Output::new();
    if args.json {
        let id = &dataset.manifest().dataset;
        out.json(&json!({ "path": args.dataset.display().to_string(), "dataset": id, "version": dataset.version() }))?;
    } else {
        out.line(format_args!("made {}: empty, version {}", args.dataset.display(), dataset.version()))?;
    }
    out.finish()?;
    Ok(Outcome::Fine)
}
