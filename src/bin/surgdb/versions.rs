//! `surgdb versions`: the history of a dataset.

use crate::args::Place;
use crate::cli::Outcome;
use crate::output::{Output, operation};
use crate::ui::{Align, Table as Lines};
use serde_json::{Value, json};
use surgdb::Result;
use surgdb::dataset::versions;
use surgdb::format::manifest::{Manifest, VersionFile};

const EXAMPLES: &str = "\
Examples:
  surgdb versions my.surgdb
  surgdb info my.surgdb --version 3        look at one of them";

/// List the versions of a dataset: when each was made, and by what
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    place: Place,
}

/// Runs it.
pub fn run(args: Args) -> Result<Outcome> {
    let newest = versions::newest(&args.place.dataset)?;
    let mut kept = Vec::new();
    for number in versions::list(&args.place.dataset)? {
        // Of a version that vacuum dropped only its number is left.
        if let VersionFile::Manifest(manifest) = versions::read_file(&args.place.dataset, number)? {
            kept.push(*manifest);
        }
    }
    let mut out = Output::new();
    match args.place.json {
        true => out.json(&facts(&newest, &kept))?,
        false => out.table(&lines(&newest, &kept), 0)?,
    }
    out.finish()?;
    Ok(Outcome::Fine)
}

fn tags(newest: &Manifest, version: u64) -> Vec<&str> {
    newest.tags.iter().filter(|(_, tagged)| **tagged == version).map(|(tag, _)| tag.as_str()).collect()
}

fn rows(manifest: &Manifest) -> serde_json::Map<String, Value> {
    manifest.files.keys().map(|table| (table.clone(), json!(manifest.rows_of(table)))).collect()
}

fn facts(newest: &Manifest, kept: &[Manifest]) -> Value {
    let versions: Vec<Value> = kept
        .iter()
        .map(|manifest| {
            json!({
                "version": manifest.version,
                "time": manifest.time,
                "commit": manifest.commit,
                "operation": manifest.operation,
                "rows": rows(manifest),
                "tags": tags(newest, manifest.version),
            })
        })
        .collect();
    json!({ "newest": newest.version, "versions": versions })
}

fn lines(newest: &Manifest, kept: &[Manifest]) -> Lines {
    let mut lines = Lines::new(&[Align::Right, Align::Left, Align::Left, Align::Left, Align::Left]);
    for manifest in kept {
        lines.row([
            manifest.version.to_string(),
            manifest.time.clone(),
            manifest.commit.chars().take(8).collect(),
            tags(newest, manifest.version).join(", "),
            operation(&manifest.operation),
        ]);
    }
    lines
}
