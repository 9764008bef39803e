//! `surgdb vacuum`: what writers left behind that were killed goes.

use crate::args::Place;
use crate::cli::Outcome;
use crate::output::Output;
use crate::ui;
use serde_json::json;
use std::time::Duration;
use surgdb::dataset::VacuumOptions;
use surgdb::{Dataset, Result};

const EXAMPLES: &str = "\
Examples:
  surgdb vacuum my.surgdb --dry-run
  surgdb vacuum my.surgdb --older-than 10m     no writer that is at work is silent for so long

Only files go that no version names: those of writers that were killed, temporary files and
reports. Versions stay, and all that they need.";

/// Seconds of silence after which a writer may count as gone, at the least.
const LEAST: u64 = 60;

/// Remove what writers left behind that were killed
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    place: Place,
    /// Take a writer for gone that has not shown itself for so long: 90s, 10m, 2h or 1d
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = duration)]
    older_than: Duration,
    /// Say what would go, and remove nothing
    #[arg(long)]
    dry_run: bool,
}

fn duration(text: &str) -> std::result::Result<Duration, String> {
    let wrong = || format!("{text:?} is no time: write a number and s, m, h or d, as in 10m");
    let unit = text.chars().last().ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    let number: u32 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    match u64::from(number) * seconds {
        short if short < LEAST => Err(format!("a writer at work may be silent for half a minute: at least {LEAST}s")),
        seconds => Ok(Duration::from_secs(seconds)),
    }
}

/// Runs it.
pub fn run(args: Args) -> Result<Outcome> {
    let dataset = Dataset::open(&args.place.dataset)?;
    let report = dataset.vacuum(VacuumOptions { older_than: args.older_than, dry_run: args.dry_run })?;
    let mut out = Output::new();
    if args.place.json {
        out.json(&json!({
            "files": report.files,
            "bytes": report.bytes(),
            "claims": report.claims,
            "at_work": report.at_work,
            "dry_run": args.dry_run,
        }))?;
    } else {
        for (path, bytes) in &report.files {
            out.line(format_args!("  {path}  {}", ui::bytes(*bytes)))?;
        }
        let what = if args.dry_run { "would remove" } else { "removed" };
        let files = ui::counted(report.files.len() as u64, "file");
        let claims = ui::counted(report.claims.len() as u64, "claim");
        match report.files.is_empty() && report.claims.is_empty() {
            true if report.at_work.is_empty() => out.line("nothing was left behind")?,
            true => out.line(if args.dry_run { "nothing would be removed" } else { "nothing was removed" })?,
            false => out.line(format_args!("{what} {files} ({}) and {claims}", ui::bytes(report.bytes())))?,
        }
        if !report.at_work.is_empty() {
            out.line(format_args!(
                "a writer may be at work ({}): what is its own stays, and so do reports; --older-than says from when on it \
                 counts as gone",
                ui::counted(report.at_work.len() as u64, "claim")
            ))?;
        }
    }
    out.finish()?;
    Ok(Outcome::Fine)
}
