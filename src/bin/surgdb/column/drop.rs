//! `surgdb column drop`: added columns are gone in the next version, and still there in the ones before.

use crate::args::Place;
use crate::cli::Outcome;
use crate::output::Output;
use crate::ui;
use serde_json::json;
use surgdb::{Dataset, Result, Table};

const EXAMPLES: &str = "\
Examples:
  surgdb column drop my.surgdb frames blur
  surgdb column drop my.surgdb conversations split tokens --json

Older versions keep the columns, and their bytes stay on the disk: reading commands look at one with --version.";

/// Take columns away that were added to a table, in a new version
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    place: Place,
    /// The table that they were added to, such as conversations or frames
    table: String,
    /// The columns: `surgdb column list` says which were added
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
}

/// Runs it.
pub fn run(args: Args) -> Result<Outcome> {
    let dataset = Dataset::open(&args.place.dataset)?;
    let table = Table::named(&args.table)?;
    let names: Vec<&str> = args.names.iter().map(String::as_str).collect();
    let after = dataset.drop_columns(table, &names)?;
    let mut out = Output::new();
    match args.place.json {
        true => out.json(&json!({ "version": after.version(), "table": table.name(), "dropped": names }))?,
        false => {
            let what = ui::counted(names.len() as u64, "column");
            let (version, before) = (after.version(), dataset.version());
            out.line(format_args!(
                "version {version}: dropped {what} of {table}: {}; version {before} still has {}",
                names.join(", "),
                if names.len() == 1 { "it" } else { "them" }
            ))?;
        }
    }
    out.finish()?;
    Ok(Outcome::Fine)
}
