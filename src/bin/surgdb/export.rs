//! `surgdb export`: a dataset in the forms that others read.

use crate::cli::Outcome;
use crate::output::Output;
use crate::target::Target;
use crate::ui::{self, Align, Progress, Table as Lines};
use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use std::path::PathBuf;
use surgdb::export::{ExportFormat, ExportOptions, ExportReport, MessageStyle};
use surgdb::{Address, Dataset, Error, Result, Table};

const EXAMPLES: &str = "\
Examples:
  surgdb export my.surgdb out --format jsonl-llava           conversations.jsonl with pictures beside it
  surgdb export my.surgdb out --format jsonl-messages --style qwen
  surgdb export my.surgdb out --format parquet               a file a table, the bytes inside
  surgdb export my.surgdb out --format jsonl-llava --task 'phase recognition'

What is exported in a JSON form can be imported again; what a form cannot hold is counted and told.";

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
    /// Leave out the field `surgdb` of records, which holds what the form has no field for
    #[arg(long)]
    plain: bool,
    /// Write into a folder that has something in it; what has another content is replaced
    #[arg(long)]
    overwrite: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn format(name: &str) -> std::result::Result<ExportFormat, String> {
    name.strip_prefix("jsonl-").unwrap_or(name).parse().map_err(|error: Error| error.to_string())
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
        plain: args.plain,
    };
    let mut bar: Option<Progress> = None;
    let report = surgdb::export::export(&dataset, &args.out, &options, &mut |progress| {
        let bar = bar.get_or_insert_with(|| Progress::things("exporting", Some(progress.total)));
        bar.at(progress.rows, || format!("{} of media", ui::bytes(progress.bytes)))
    })?;
    drop(bar);
    let mut out = Output::new();
    match args.json {
        true => out.json(&serde_json::to_value(&report).map_err(|error| Error::invalid(error.to_string()))?)?,
        false => print(&report, &args, &mut out)?,
    }
    out.finish()?;
    Ok(Outcome::Fine)
}

/// The conversations that the filters leave; none where there is no filter.
fn selection(args: &Args, dataset: &Dataset) -> Result<Option<Vec<Address>>> {
    if args.task.is_empty() && args.source.is_empty() {
        return Ok(None);
    }
    let mut chosen = Vec::new();
    for piece in dataset.scan(Table::Conversations).columns(["task", "source"])?.batches() {
        let piece = piece?;
        let tasks = wanted(piece.batch.column(0), &args.task);
        let sources = wanted(piece.batch.column(1), &args.source);
        for (row, (task, source)) in tasks.into_iter().zip(sources).enumerate() {
            if task && source {
                chosen.push(piece.address(row)?);
            }
        }
    }
    if chosen.is_empty() {
        return Err(Error::not_found(
            "no sample is of such a task and source: `surgdb stats` lists those that are there",
        ));
    }
    Ok(Some(chosen))
}

/// Which rows have one of these values; all where none are named.
fn wanted(column: &dyn Array, names: &[String]) -> Vec<bool> {
    let all = || vec![names.is_empty(); column.len()];
    let Some(dictionary) = column.as_dictionary_opt::<Int32Type>() else { return all() };
    let Some(values) = dictionary.values().as_string_opt::<i32>() else { return all() };
    if names.is_empty() {
        return all();
    }
    let hits: Vec<bool> = values.iter().map(|value| names.iter().any(|name| Some(name.as_str()) == value)).collect();
    let hit = |key: Option<i32>| key.and_then(|key| hits.get(key as usize)).copied().unwrap_or(false);
    dictionary.keys().iter().map(hit).collect()
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
    out.text(lines.lines(2))?;
    for (what, count) in &report.lost {
        out.line(format_args!("  the form cannot hold {what}: left out {}", ui::counted(*count, "time")))?;
    }
    if report.missing > 0 {
        let count = ui::count(report.missing);
        out.line(format_args!("  {count} pictures and videos are named, but the dataset does not have their bytes"))?;
    }
    Ok(())
}
