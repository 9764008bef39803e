//! `surgdb copy`: rows of one dataset into another, with all that they refer to.

use crate::args::Target;
use crate::cli::Outcome;
use crate::output::Output;
use crate::subset::Subset;
use crate::ui::{self, Align, Progress, Table as Lines};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use surgdb::dataset::{CopyOptions, CopyReport};
use surgdb::{Dataset, Error, ErrorKind, Result, Table};

const EXAMPLES: &str = "\
Examples:
  surgdb copy all.surgdb test.surgdb --split test                  a part as a dataset of its own
  surgdb copy all.surgdb shared.surgdb --licence commercial-ok
  surgdb copy mine.surgdb all.surgdb                               one dataset into another
  surgdb copy mine.surgdb all.surgdb --as videos=videos-mine       under another name for a source

What the rows refer to goes with them: pictures, videos, cases, and so on; bytes are stored once, and files of pictures
and videos that a new dataset gets whole are not copied where the file system can share them. Rows are told apart by
source and id: one that is there already, as it was imported, is not added again, but gets what it lacks there (the bytes
of a picture or video, values of added columns); one that was imported with other content stops the copy. Pictures that
nothing shows, as those of deleted rows, stay behind. Sources go with their licences. Reports of imports go with them
where all rows are copied and none was deleted: they name records. Addresses are new: saved selections of the one dataset
are none of the other.";

/// Copy rows into another dataset, with all that they refer to
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    target: Target,
    /// The dataset to copy into; it is made where it is not there
    #[arg(value_name = "INTO")]
    into: PathBuf,
    #[command(flatten)]
    subset: Subset,
    /// The table that the conditions are about; without conditions all tables are copied
    #[arg(long, default_value = "conversations", help_heading = "Which rows")]
    table: String,
    /// Also what annotations say of the copied pictures and videos, whatever their sources and licences
    #[arg(long)]
    annotations: bool,
    /// A new name for a source; may be given several times
    #[arg(long = "as", value_name = "SOURCE=NAME", value_parser = renamed)]
    sources: Vec<(String, String)>,
    /// Where the target has another row with the same source and id, keep that one
    #[arg(long)]
    keep: bool,
    /// Ids mean the same in sources of one name that were imported from other folders
    #[arg(long)]
    same_names: bool,
    /// With a row that was deleted from the target, as far as that still has its id: take it again and say so, or stop
    #[arg(long, default_value = "take", value_name = "WHAT", value_parser = ["take", "stop"])]
    on_deleted: String,
    /// Refuse to make a dataset that is not there
    #[arg(long)]
    existing: bool,
}

fn renamed(text: &str) -> std::result::Result<(String, String), String> {
    match text.split_once('=') {
        Some((from, to)) if !from.is_empty() && !to.is_empty() => Ok((from.to_owned(), to.to_owned())),
        _ => Err("write SOURCE=NAME, as in videos=videos-mine".into()),
    }
}

/// Runs it.
pub fn run(args: Args) -> Result<Outcome> {
    let from = args.target.open()?;
    let options = options(&args, &from)?;
    let was_there = args.into.exists();
    let (into, is_made) = target(&args)?;
    let mut out = Output::new();
    if is_made && !args.target.json() {
        out.line(format_args!("made {}, which was not there", args.into.display()))?;
        out.flush()?;
    }
    let mut bar: Option<Progress> = None;
    let copied = from.copy_to(&into, &options, &mut |progress| {
        let bar = bar.get_or_insert_with(|| Progress::things("copying", Some(progress.total)));
        bar.at(progress.rows, || format!("{} of media", ui::bytes(progress.bytes)))
    });
    drop(bar);
    if copied.is_err() && is_made {
        match into.take_back(!was_there) {
            Ok(true) => ui::note(format_args!("{} was removed again", args.into.display())),
            _ => ui::note(format_args!("{} stays, without what was to be copied", args.into.display())),
        }
    }
    let (_, report) = copied?;
    match args.target.json() {
        true => out.json(&facts(&report))?,
        false => print(&report, &args.into, &mut out)?,
    }
    out.finish()?;
    Ok(Outcome::Fine)
}

fn options(args: &Args, from: &Dataset) -> Result<CopyOptions> {
    let table = Table::named(&args.table)?;
    let selection = args.subset.chosen(from, table)?;
    if let Some(selection) = selection.as_ref().filter(|selection| selection.is_empty()) {
        return Err(Error::not_found(format!("no row of {table} matches {}", selection.condition())));
    }
    for (source, _) in &args.sources {
        if from.manifest().source(source).is_none() {
            let known: Vec<&str> = from.manifest().sources.iter().map(|source| source.id.as_str()).collect();
            return Err(Error::not_found(format!("there is no source {source:?}; there are {}", known.join(", "))));
        }
    }
    let mut options = CopyOptions { selection, annotations: args.annotations, ..CopyOptions::default() };
    options.keep_clashing = args.keep;
    options.same_names = args.same_names;
    options.refuse_deleted = args.on_deleted == "stop";
    options.sources = args.sources.iter().cloned().collect();
    Ok(options)
}

/// The dataset to copy into, and whether it was made for this.
fn target(args: &Args) -> Result<(Dataset, bool)> {
    match Dataset::open(&args.into) {
        Ok(dataset) => Ok((dataset, false)),
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        Err(_) if args.existing => {
            let message = "there is no dataset here: correct the name, or leave --existing out to make one";
            Err(Error::not_found(message).in_file(&args.into))
        }
        Err(_) => Ok((Dataset::create(&args.into)?, true)),
    }
}

fn facts(report: &CopyReport) -> Value {
    let rows: Map<String, Value> = report
        .rows
        .iter()
        .map(|(table, rows)| {
            (
                table.name().to_owned(),
                json!({
                    "added": rows.added,
                    "again": rows.again,
                    "there": rows.there,
                    "filled": rows.filled,
                    "kept": rows.kept,
                }),
            )
        })
        .collect();
    json!({
        "version": report.version,
        "rows": rows,
        "bytes": report.bytes,
        "shared": report.shared,
        "columns": report.columns,
        "columns_kept": report.columns_kept,
        "unshown": report.unshown,
        "reports_left": report.reports_left,
        "sources": report.sources,
    })
}

fn print(report: &CopyReport, into: &Path, out: &mut Output) -> Result<()> {
    match report.version {
        Some(version) => out.line(format_args!("copied into {}, version {version}", into.display()))?,
        None => out.line(format_args!("nothing new: {} stays as it was", into.display()))?,
    }
    let mut lines = Lines::new(&[Align::Left, Align::Right, Align::Right, Align::Right]);
    lines.row(["".into(), "added".into(), "there already".into(), "kept, though other".into()]);
    for (table, rows) in report.rows.iter().rev() {
        lines.row([table.name().into(), ui::count(rows.added), ui::count(rows.there), ui::count(rows.kept)]);
    }
    out.table(&lines, 2)?;
    again(report, out)?;
    let shared = match report.shared {
        0 => String::new(),
        shared => format!(", {} of them in files that both datasets share", ui::bytes(shared)),
    };
    out.line(format_args!("  {} of media{shared}", ui::bytes(report.bytes)))?;
    let filled = |table: Table| report.rows.get(&table).map_or(0, |rows| rows.filled);
    for (table, name) in [(Table::Frames, "picture"), (Table::Videos, "video")] {
        if filled(table) > 0 {
            let rows = ui::counted(filled(table), name);
            out.line(format_args!("  {rows} that had no bytes in the target got them"))?;
        }
    }
    if report.unshown > 0 {
        let blobs = ui::counted(report.unshown, "picture or video file");
        out.line(format_args!("  {blobs} that no row shows any more: left out"))?;
    }
    if report.reports_left > 0 {
        let reports = ui::counted(report.reports_left, "report");
        let why = "they name records that were not copied, or are gone";
        out.line(format_args!("  {reports} of imports left out: {why}"))?;
    }
    for (column, values) in &report.columns {
        out.line(format_args!("  added column {column}: {}", ui::counted(*values, "value")))?;
    }
    for (column, values) in &report.columns_kept {
        let values = ui::counted(*values, "value");
        out.line(format_args!("  added column {column}: {values} stay as the target has them, which is otherwise"))?;
    }
    for (source, licence) in &report.sources {
        out.line(format_args!("  source {source}: {}", licence.as_deref().unwrap_or("no licence named")))?;
    }
    Ok(())
}

/// Tells which rows came in again that were deleted from the target.
fn again(report: &CopyReport, out: &mut Output) -> Result<()> {
    let rows: Vec<(&str, u64)> =
        report.rows.iter().map(|(table, rows)| (table.name(), rows.again)).filter(|(_, again)| *again > 0).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let advice = "where they are to stay away, delete them again; with --on-deleted stop a copy ends before them";
    out.line(ui::came_again(rows.into_iter(), advice))
}
