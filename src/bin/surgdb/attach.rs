//! `surgdb attach`: pictures and videos that were missing get their bytes.

use crate::args::Place;
use crate::cli::Outcome;
use crate::import::findings;
use crate::interrupt;
use crate::output::Output;
use crate::terminal::{Ink, paint};
use crate::ui::{self, Align, Progress, Table as Lines};
use std::path::PathBuf;
use surgdb::import::{AttachCounts, AttachOptions, AttachReport, FileNames, MediaMode, StillMissing};
use surgdb::{Dataset, Error, Result};

/// How many rows without bytes, and how many names, are named where --json names all.
const NAMED: usize = 5;

const EXAMPLES: &str = "\
Examples:
  surgdb attach my.surgdb --media-root /data/cholec80             by the paths that the records had
  surgdb attach my.surgdb --media-root /data --dry-run            only say what would be found
  surgdb attach my.surgdb --media-root /data --names names.csv    with a list of which file is which
  surgdb attach my.surgdb --media-root /data --media link         leave the bytes where they are

A list has the columns path and file, and perhaps source: path is what the dataset has (a path, or an id where it has
none), file is where it lies below the media root. Rows keep their addresses, and those that have bytes are left alone, so
that running it again adds nothing.

Exit code 1 says that files were not found.";

/// Attach pictures and videos that were missing when they were imported
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    at: Place,
    /// Where the files are; may be given several times, and the first that has a file counts
    #[arg(long, required = true, value_name = "DIR")]
    media_root: Vec<PathBuf>,
    /// A CSV with the columns path and file: which file a path, or an id, means
    #[arg(long, value_name = "CSV")]
    names: Option<PathBuf>,
    /// What records of a source write alike is one picture or video, whatever folders the records lie in
    #[arg(long)]
    one_folder: bool,
    /// Put the bytes into the dataset (embed), or leave them where they are (link)
    #[arg(long, default_value = "embed", value_name = "MODE")]
    media: MediaMode,
    /// Look for all and write nothing
    #[arg(long)]
    dry_run: bool,
}

/// Runs it.
pub fn run(args: Args) -> Result<Outcome> {
    let dataset = Dataset::open(&args.at.dataset)?;
    let options = AttachOptions {
        media_roots: args.media_root.clone(),
        names: args.names.as_deref().map(FileNames::open).transpose()?,
        media: args.media,
        one_folder: args.one_folder,
        dry_run: args.dry_run,
        interrupt: Some(interrupt::flag()),
    };
    let mut bar: Option<Progress> = None;
    let report = surgdb::import::attach(&dataset, &options, &mut |done, total| {
        let bar = bar.get_or_insert_with(|| Progress::things("attaching", Some(total)));
        // What stops it looks at the flag itself.
        let _ = bar.at(done, || format!("{done} of {total} looked for"));
    })?;
    drop(bar);
    let mut out = Output::new();
    match args.at.json {
        true => out.json(&serde_json::to_value(&report).map_err(|error| Error::invalid(error.to_string()))?)?,
        false => print(&report, &args, &mut out)?,
    }
    out.finish()?;
    Ok(if report.not_found() > 0 { Outcome::FoundWrong } else { Outcome::Fine })
}

fn print(report: &AttachReport, args: &Args, out: &mut Output) -> Result<()> {
    let place = args.at.dataset.display();
    let attached = report.frames.attached + report.videos.attached;
    out.line(match (report.dry_run, report.version) {
        (true, _) => format!("this would be attached to {place}; nothing was written"),
        (false, Some(version)) => format!("attached {} to {place}, version {version}", ui::counted(attached, "file")),
        (false, None) => format!("nothing was attached: {place} stays as it was"),
    })?;
    let mut lines = Lines::new(&[Align::Left, Align::Left]);
    lines.row(["pictures".into(), counts(&report.frames)]);
    lines.row(["videos".into(), counts(&report.videos)]);
    let lost = report.frames.lost + report.videos.lost;
    if lost > 0 {
        let again = report.frames.found_again + report.videos.found_again;
        let still = match lost - again {
            0 => String::new(),
            still => format!(" + {} not found", ui::count(still)),
        };
        let what =
            format!("of these {} to a file that is gone = {} found again{still}", ui::count(lost), ui::count(again));
        lines.row(["links".into(), what]);
    }
    for (count, what) in [(report.embedded, "stored"), (report.linked, "linked")] {
        if count > 0 {
            lines.row(["media".into(), format!("{} {what} ({})", ui::count(count), ui::bytes(report.bytes))]);
        }
    }
    out.table(&lines, 2)?;
    findings(&report.findings, out)?;
    unused(report, args, out)?;
    missing(report, out)
}

fn counts(counts: &AttachCounts) -> String {
    let mut parts = vec![format!("{} attached", ui::count(counts.attached))];
    for (count, what) in [(counts.not_found, "not found"), (counts.unnamed, "of which no file is named")] {
        if count > 0 {
            parts.push(format!("{} {what}", ui::count(count)));
        }
    }
    format!("{} without bytes = {}", ui::count(counts.without), parts.join(" + "))
}

fn unused(report: &AttachReport, args: &Args, out: &mut Output) -> Result<()> {
    let (Some(list), false) = (&args.names, report.unused_names.is_empty()) else { return Ok(()) };
    let shown: Vec<_> = report.unused_names.iter().take(NAMED).map(|name| format!("{name:?}")).collect();
    let more = report.unused_names.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {} more", ui::count(more as u64)) } else { String::new() };
    out.line(format_args!("{}: nothing that is without bytes is called {}{more}", list.display(), shown.join(", ")))
}

fn missing(report: &AttachReport, out: &mut Output) -> Result<()> {
    // Those that could be put in place come first.
    let (named, unnamed): (Vec<_>, Vec<_>) = report.missing.iter().partition(|missing| missing.path.is_some());
    for StillMissing { table, source, id, path, reason } in named.iter().chain(&unnamed).take(NAMED) {
        let what = if *table == "videos" { "video" } else { "picture" };
        let shown = path.as_ref().unwrap_or(id);
        let id = if path.as_ref().is_some_and(|path| path != id) { format!(", id {id}") } else { String::new() };
        out.line(format_args!("  {shown} ({what} of {source}{id}): {reason}"))?;
    }
    let all = report.missing.len() as u64 + report.missing_more;
    if all > NAMED as u64 {
        out.line(format_args!("  and {} more, which --json names", ui::count(all - NAMED as u64)))?;
    }
    match report.not_found() {
        0 => Ok(()),
        1 => out.line(paint(Ink::Alarm, "1 PICTURE OR VIDEO IS STILL MISSING")),
        count => out.line(paint(Ink::Alarm, &format!("{} PICTURES AND VIDEOS ARE STILL MISSING", ui::count(count)))),
    }
}
