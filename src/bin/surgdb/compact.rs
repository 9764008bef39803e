//! `surgdb compact`: many small files become few, and deleted rows are emptied.

use crate::args::Place;
use crate::cli::Outcome;
use crate::output::Output;
use crate::ui;
use serde_json::json;
use std::collections::BTreeSet;
use surgdb::{Dataset, Result};

const EXAMPLES: &str = "\
Examples:
  surgdb compact my.surgdb
  surgdb delete my.surgdb VID01 --table cases --cascade --yes && surgdb compact my.surgdb

The new version's files hold nothing of what was deleted, and addresses stay what they are. Older
versions keep their files, and with them what was deleted, and reports of imports may name its ids.
To be rid of that, copy what is left into a new dataset (surgdb copy), and remove this one.";

/// Join small files, fold in replaced values and empty deleted rows, in a new version
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    place: Place,
}

/// Runs it.
pub fn run(args: Args) -> Result<Outcome> {
    let before = Dataset::open(&args.place.dataset)?;
    let after = before.compact()?;
    let is_new = after.version() != before.version();
    // Other writers may have added files since it was opened.
    let before = match is_new {
        true => Dataset::options().version(after.version() - 1).open(&args.place.dataset).unwrap_or(before),
        false => before,
    };
    let (old, new) = (data_files(&before), data_files(&after));
    let (replaced, made) = (old.difference(&new).count() as u64, new.difference(&old).count() as u64);
    let emptied = after.manifest().operation.summary.get("emptied").and_then(|count| count.as_u64());
    let emptied = emptied.filter(|_| is_new).unwrap_or(0);
    let mut out = Output::new();
    if args.place.json {
        let version = is_new.then(|| after.version());
        out.json(&json!({ "version": version, "files": { "before": replaced, "after": made }, "emptied": emptied }))?;
    } else if is_new {
        out.line(format_args!(
            "version {}: {} in place of {}; emptied {}",
            after.version(),
            ui::counted(made, "file"),
            ui::count(replaced),
            ui::counted(emptied, "deleted row")
        ))?;
    } else {
        out.line("nothing to do: there are no small files to join, no replaced values and no deleted rows to empty")?;
    }
    out.finish()?;
    Ok(Outcome::Fine)
}

/// The files that hold rows.
fn data_files(dataset: &Dataset) -> BTreeSet<&str> {
    let manifest = dataset.manifest();
    let base = manifest.files.values().flatten();
    base.chain(manifest.columns.iter().flat_map(|column| &column.files)).map(|file| file.path.as_str()).collect()
}
