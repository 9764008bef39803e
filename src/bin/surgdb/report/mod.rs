//! `surgdb report`: a dataset as one page to look at, in any browser and without a network.

mod choose;
mod html;
mod marks;
mod page;
mod picture;
mod plots;
mod sample;
mod shown;
mod tree;

use crate::args::Target;
use crate::cli::Outcome;
use crate::output::Output;
use crate::stats;
use crate::subset::Subset;
use crate::ui;
use crate::whole_file;
use picture::Pictures;
use serde_json::json;
use std::path::PathBuf;
use surgdb::{Error, Result, Table};

const EXAMPLES: &str = "\
Examples:
  surgdb report my.surgdb my.html
  surgdb report my.surgdb test.html --split test      only those samples, and what they show
  surgdb report my.surgdb numbers.html --no-pictures  nothing of a patient but what texts and ids say

The page is one file that loads nothing: it can be mailed. It shows pictures and texts of the dataset, so that whoever
may not see those may not see it either. The same version gives the same page.";

const TAKEN: &str = "name another one, or give --overwrite";

/// Draw a dataset as one HTML page: numbers, plots, samples with their pictures, boxes, masks and reasoning
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    target: Target,
    /// The HTML file to write
    out: PathBuf,
    /// The page's heading; the name of the dataset's folder unless told
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// Samples of each task that are shown, and annotated pictures and videos of each source
    #[arg(long, value_name = "K", default_value_t = 2, value_parser = clap::value_parser!(u16).range(0..=50))]
    samples: u16,
    /// Megabytes that pictures may take together; what does not fit is left out, and the page says so
    #[arg(long, value_name = "MB", default_value_t = 12, value_parser = clap::value_parser!(u16).range(1..=500))]
    room: u16,
    /// Leave out pictures and videos
    #[arg(long)]
    no_pictures: bool,
    /// Replace the file where it is there
    #[arg(long)]
    overwrite: bool,
    #[command(flatten)]
    subset: Subset,
}

/// Runs it.
pub fn run(args: Args) -> Result<Outcome> {
    let dataset = args.target.open()?;
    if args.out.exists() && !args.overwrite {
        return Err(whole_file::exists(&args.out, TAKEN));
    }
    let selection = args.subset.chosen(&dataset, Table::Conversations)?;
    if selection.as_ref().is_some_and(|selection| selection.is_empty()) {
        let why = args.subset.why_none(&dataset, Table::Conversations, Vec::new())?;
        return Err(Error::not_found(format!("no sample is left to report on: {why}")));
    }
    let stats = stats::counted(&dataset, selection.as_ref())?;
    let chosen = choose::choose(&dataset, selection.as_ref(), &stats, usize::from(args.samples))?;
    let room = if args.no_pictures { 0 } else { usize::from(args.room) * 1_000_000 };
    let mut pictures = Pictures::new(&dataset, room);
    let name = dataset.path().file_name().map(|name| name.to_string_lossy().into_owned());
    let title = args.title.clone().or(name).unwrap_or_else(|| "dataset".into());
    let condition = selection.as_ref().map(|selection| selection.condition());
    let about = page::About { title: &title, condition, stats: &stats, chosen: &chosen };
    let page = page::write(&about, &mut pictures)?;
    match args.overwrite {
        true => whole_file::overwrite(&args.out, page.as_bytes())?,
        false => whole_file::write_new(&args.out, page.as_bytes(), TAKEN)?,
    }

    let shown: usize = chosen.samples.iter().map(|(_, addresses)| addresses.len()).sum();
    let mut out = Output::new();
    if args.target.json() {
        out.json(&json!({
            "path": args.out.display().to_string(),
            "version": dataset.version(),
            "bytes": page.len(),
            "tasks": chosen.samples.len(),
            "samples": shown,
            "pictures": pictures.taken,
            "left_out": pictures.left_out,
            "failed": pictures.failed,
        }))?;
    } else {
        let (samples, tasks) = (ui::counted(shown as u64, "sample"), ui::counted(chosen.samples.len() as u64, "task"));
        let (drawn, size) = (ui::counted(pictures.taken, "picture"), ui::bytes(page.len() as u64));
        out.line(format_args!("wrote {} ({size}): {samples} of {tasks}, {drawn}", args.out.display()))?;
        if pictures.left_out > 0 {
            let count = ui::counted(pictures.left_out, "picture");
            out.line(format_args!("  {count} did not fit into {} MB: give --room more, or --samples less", args.room))?;
        }
        if pictures.failed > 0 {
            let count = ui::counted(pictures.failed, "picture");
            out.line(format_args!("  {count} could not be drawn: the page says why in the place of each"))?;
        }
    }
    out.finish()?;
    Ok(Outcome::Fine)
}
