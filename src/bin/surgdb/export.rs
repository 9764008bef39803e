//! `surgdb export`: a dataset in the forms that others read.

use crate::args::Target;
use crate::cli::Outcome;
use crate::output::Output;
use crate::subset::Subset;
use crate::terminal::{Ink, paint};
use crate::ui::{self, Align, Progress, Table as Lines};
use std::path::{Path, PathBuf};
use surgdb::dataset::Filter;
use surgdb::export::{ExportFormat, ExportOptions, ExportReport, MessageStyle, Missing, OnMissing};
use surgdb::schema::boxes::Scale;
use surgdb::{Address, Dataset, Error, Result, Table};

const EXAMPLES: &str = "\
Examples:
  surgdb export my.surgdb out --format jsonl-llava           conversations.jsonl with pictures beside it
  surgdb export my.surgdb out --format jsonl-messages --style qwen
  surgdb export my.surgdb out --format parquet               a file a table, the bytes inside
  surgdb export my.surgdb out --where 'task = \"phase recognition\"' --split train
  surgdb export my.surgdb out --licence commercial-ok        only what may be used commercially

What is exported in a JSON form can be imported again; what a form cannot hold is counted and told.";

/// How many pictures and videos without bytes are named.
const NAMED: usize = 5;

/// Write a dataset as JSONL with a picture folder, or as Parquet
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    target: Target,
    /// The folder to write into; it must be new or empty
    out: PathBuf,
    /// jsonl-llava, jsonl-messages or parquet
    #[arg(long, default_value = "jsonl-llava", value_name = "F", value_parser = format)]
    format: ExportFormat,
    /// How messages say where a picture stands: placeholders, qwen or openai
    #[arg(long, default_value = "placeholders", value_name = "S")]
    style: MessageStyle,
    /// Only samples of this task; may be given several times
    #[arg(long, value_name = "NAME")]
    task: Vec<String>,
    /// Only samples of this source; may be given several times
    #[arg(long, value_name = "ID")]
    source: Vec<String>,
    /// Write boxes in texts anew, in pixels, 0-1 or 0-1000; keep leaves each text as it is, byte for byte
    #[arg(long, default_value = "keep", value_name = "HOW", value_parser = scale)]
    boxes: Boxes,
    /// With a picture or video whose bytes cannot be had, missing or a linked file gone: keep (export the rest, and name
    /// it) or stop
    #[arg(long, default_value = "keep", value_name = "WHAT")]
    missing: OnMissing,
    /// Leave out the field `surgdb` of records, which holds what the form has no field for
    #[arg(long)]
    plain: bool,
    /// Write into a folder that has something in it; what has another content is replaced
    #[arg(long)]
    overwrite: bool,
    #[command(flatten)]
    subset: Subset,
}

fn format(name: &str) -> std::result::Result<ExportFormat, String> {
    name.strip_prefix("jsonl-").unwrap_or(name).parse().map_err(|error: Error| error.to_string())
}

/// How boxes are written.
#[derive(Clone, Copy, Debug)]
struct Boxes(Option<Scale>);

fn scale(name: &str) -> std::result::Result<Boxes, String> {
    match name {
        "keep" => Ok(Boxes(None)),
        name => name.parse().map(|scale| Boxes(Some(scale))).map_err(|error: Error| format!("{error}, or keep")),
    }
}

/// Runs it.
pub fn run(args: Args) -> Result<Outcome> {
    let dataset = args.target.open()?;
    let selection = selection(&args, &dataset)?;
    let options = ExportOptions {
        format: args.format,
        style: args.style,
        selection: selection.as_deref(),
        overwrite: args.overwrite,
        boxes: args.boxes.0,
        missing: args.missing,
        plain: args.plain,
    };
    let mut bar: Option<Progress> = None;
    let report = surgdb::export::export(&dataset, &args.out, &options, &mut |progress| {
        let bar = bar.get_or_insert_with(|| Progress::things("exporting", Some(progress.total)));
        bar.at(progress.rows, || format!("{} of media", ui::bytes(progress.bytes)))
    })?;
    drop(bar);
    let mut out = Output::new();
    match args.target.json() {
        true => out.json(&serde_json::to_value(&report).map_err(|error| Error::invalid(error.to_string()))?)?,
        false => print(&report, &args, &mut out)?,
    }
    out.finish()?;
    Ok(if report.broken > 0 { Outcome::FoundWrong } else { Outcome::Fine })
}

/// The conversations that are meant; none where all are.
fn selection(args: &Args, dataset: &Dataset) -> Result<Option<Vec<Address>>> {
    let any = |column, values: &Vec<String>| (!values.is_empty()).then(|| Filter::any_of(column, values));
    let more: Vec<Filter> = [any("task", &args.task), any("source", &args.source)].into_iter().flatten().collect();
    if args.subset.is_all() && more.is_empty() {
        return Ok(None);
    }
    let table = Table::Conversations;
    let selection = args.subset.select_with(dataset, table, more.iter().cloned().reduce(Filter::and))?;
    match selection.is_empty() {
        true => Err(Error::not_found(format!(
            "no sample is left to export: {}",
            args.subset.why_none(dataset, table, more)?
        ))),
        false => Ok(Some(selection.iter().collect())),
    }
}

fn print(report: &ExportReport, args: &Args, out: &mut Output) -> Result<()> {
    let name = report.format.name();
    out.line(format_args!("exported version {} to {} as {name}", report.version, args.out.display()))?;
    let mut lines = Lines::new(&[Align::Left, Align::Right, Align::Right]);
    for (table, rows) in &report.rows {
        lines.row([(*table).into(), ui::count(*rows), String::new()]);
    }
    lines.row(["pictures and videos".into(), ui::count(report.media), ui::bytes(report.media_bytes)]);
    lines.row(["other files".into(), String::new(), ui::bytes(report.bytes)]);
    out.table(&lines, 2)?;
    if report.boxes > 0 {
        let count = ui::count(report.boxes);
        out.line(format_args!("  boxes and points in texts, in the scale that was asked for: {count}"))?;
    }
    for (what, count) in &report.lost {
        out.line(format_args!("  the form cannot hold {what}: left out {}", ui::counted(*count, "time")))?;
    }
    for source in &report.sources {
        let licence = source.licence.as_deref().unwrap_or("no licence named");
        out.line(format_args!("  source {}: {licence} ({})", source.id, source.file))?;
    }
    missing(report, out)?;
    match report.format {
        ExportFormat::Parquet => Ok(()),
        _ => out.line(format_args!("import it again with: {}", import_line(report, &args.out))),
    }
}

/// Names pictures and videos that went out without their bytes: some, and how many there are.
fn missing(report: &ExportReport, out: &mut Output) -> Result<()> {
    if report.missing == 0 {
        return Ok(());
    }
    for Missing { path, address, reason } in report.without_bytes.iter().take(NAMED) {
        out.line(format_args!("  {path} ({address}): {reason}"))?;
    }
    if report.missing > NAMED as u64 {
        out.line(format_args!("  and {} more, which --json names", ui::count(report.missing - NAMED as u64)))?;
    }
    let files = if report.missing == 1 { "PICTURE OR VIDEO WENT" } else { "PICTURES AND VIDEOS WENT" };
    let broken = match report.broken {
        0 => String::new(),
        1 => "; one is in a linked file that is gone or changed".to_owned(),
        broken => format!("; {} are in linked files that are gone or changed", ui::count(broken)),
    };
    let line = format!("{} {files} OUT BY NAME ALONE, without bytes{broken}", ui::count(report.missing));
    out.line(paint(Ink::Alarm, &line))
}

/// The command that takes the export in again.
fn import_line(report: &ExportReport, folder: &Path) -> String {
    let said = match report.sources.as_slice() {
        [source] => format!(" --source-file {}", ui::quoted(&folder.join(&source.file))),
        _ => String::new(),
    };
    format!("surgdb import NEW.surgdb {}{said}", ui::quoted(folder))
}
