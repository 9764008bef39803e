//! `surgdb stats`: what the samples of a dataset are like.

mod json;
mod text;

use crate::args::Target;
use crate::cli::Outcome;
use crate::output::Output;
use crate::subset::Subset;
use crate::ui::{self, Progress};
use surgdb::dataset::{Selection, Stats};
use surgdb::{Dataset, Result, Table};

const EXAMPLES: &str = "\
Examples:
  surgdb stats my.surgdb
  surgdb stats my.surgdb --json | jq .conversations.task
  surgdb stats my.surgdb --split test        only those samples, and what they show

`surgdb report` draws the same as a page with samples to look at.";

/// Count what is in a dataset: by task, source, split, case and more; texts, reasoning, pictures, labels
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    subset: Subset,
}

/// Runs it.
pub fn run(args: Args) -> Result<Outcome> {
    let dataset = args.target.open()?;
    let selection = args.subset.chosen(&dataset, Table::Conversations)?;
    let stats = counted(&dataset, selection.as_ref())?;
    let mut out = Output::new();
    match args.target.json() {
        true => out.json(&json::stats(&dataset, &stats))?,
        false => text::print(&dataset, &stats, &mut out)?,
    }
    out.finish()?;
    Ok(Outcome::Fine)
}

/// The numbers of a dataset, or of selected samples and what they show; says how far it is.
pub fn counted(dataset: &Dataset, selection: Option<&Selection>) -> Result<Stats> {
    let mut bar: Option<(Table, Progress)> = None;
    dataset.stats(selection, &mut |at| {
        if bar.as_ref().is_none_or(|(table, _)| *table != at.table) {
            bar = Some((at.table, Progress::things(format!("counting {}", at.table), Some(at.total))));
        }
        let Some((table, bar)) = &bar else { return Ok(()) };
        bar.at(at.rows, || ui::counted(at.rows, table.row_name()))
    })
}
