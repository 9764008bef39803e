//! `surgdb select`: which rows a condition means, saved as a file or held against a dataset again.

use crate::args::Target;
use crate::cli::Outcome;
use crate::output::Output;
use crate::subset::Subset;
use crate::ui::{self, Align, Table as Lines};
use arrow_array::StringArray;
use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use surgdb::dataset::Selection;
use surgdb::{Address, Dataset, Error, Result, Table};

/// Rows that are looked at at once.
const TAKEN: usize = 1 << 16;
/// How many lost rows are named.
const NAMED: usize = 10;

const EXAMPLES: &str = "\
Examples:
  surgdb select my.surgdb --where 'source = cholec80 and has reasoning'
  surgdb select my.surgdb --split train --licence commercial-ok --save train.arrow
  surgdb select my.surgdb --where 'width < 480' --table frames --json
  surgdb select my.surgdb --load train.arrow      are its rows still there?

Conditions, joined by and, or, not and ( ):
  task = \"phase recognition\"    source in (a, b)    id like \"VID68%\"
  turns.text contains bleeding  turns > 2           has media
  split is null                 patient = p7        label(instrument) = grasper
  licence allows commercial
`surgdb column list` lists the columns; a dot leads on to what they refer to.

A saved selection holds addresses alone. Other commands take it with --selection FILE.
Exit code 1 says that rows of a loaded selection are gone.";

/// Count the rows that a condition holds for, and save them as a selection
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    subset: Subset,
    /// The table that the rows are in
    #[arg(long, default_value = "conversations", help_heading = "Which rows")]
    table: String,
    /// Write the selection to this file, which must not be there
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Say which rows of this saved selection the dataset still has
    #[arg(long, value_name = "FILE", conflicts_with_all = ["condition", "split", "licence", "selection", "table", "save"])]
    load: Option<PathBuf>,
}

/// Runs it.
pub fn run(args: Args) -> Result<Outcome> {
    let dataset = args.target.open()?;
    match &args.load {
        Some(file) => check(&args, &dataset, file),
        None => select(&args, &dataset),
    }
}

fn select(args: &Args, dataset: &Dataset) -> Result<Outcome> {
    let table = Table::named(&args.table)?;
    let selection = args.subset.select(dataset, table)?;
    let all = dataset.count(table)?;
    let counts = counts(dataset, &selection)?;
    if let Some(file) = &args.save {
        selection.save(file)?;
    }
    let mut out = Output::new();
    if args.target.json() {
        let mut facts = about(&selection);
        facts.insert("of".into(), json!(all));
        facts.extend(counts.iter().map(|(column, counts)| ((*column).to_owned(), json!(counts))));
        facts.insert("saved".into(), json!(args.save.as_ref().map(|file| file.display().to_string())));
        out.json(&Value::Object(facts))?;
    } else {
        let share = if all > 0 { selection.len() as f64 * 100.0 / all as f64 } else { 0.0 };
        let (rows, all) = (ui::count(selection.len()), ui::count(all));
        out.line(format_args!("{rows} of {all} {table} ({share:.1} %) where {}", selection.condition()))?;
        for (column, counts) in &counts {
            out.section(column)?;
            out.table(&ui::shares(counts, usize::MAX), 2)?;
        }
        if let Some(file) = &args.save {
            out.section(format_args!("saved to {}: take it with --selection", file.display()))?;
        }
    }
    out.finish()?;
    Ok(Outcome::Fine)
}

/// Holds a saved selection against the dataset.
fn check(args: &Args, dataset: &Dataset, file: &Path) -> Result<Outcome> {
    let selection = Selection::load(file)?;
    let found = selection.check(dataset).map_err(|error| error.in_file(file))?;
    let mut out = Output::new();
    if args.target.json() {
        let mut facts = about(&selection);
        facts.insert("live".into(), json!(found.live.len()));
        facts.insert("gone".into(), found.gone.iter().map(|address| json!(address.to_string())).collect());
        facts.insert("checked".into(), json!(dataset.version()));
        out.json(&Value::Object(facts))?;
    } else {
        let mut lines = Lines::new(&[Align::Left, Align::Left]);
        let mut row = |name: &str, value: String| lines.row([name.into(), value]);
        row("selection", format!("{} {}", ui::count(selection.len()), selection.table()));
        row("made from", format!("version {}, where {}", selection.version(), selection.condition()));
        row("live", format!("{} in version {}", ui::count(found.live.len()), dataset.version()));
        row("gone", gone(&found.gone));
        out.table(&lines, 0)?;
    }
    out.finish()?;
    Ok(if found.gone.is_empty() { Outcome::Fine } else { Outcome::FoundWrong })
}

fn gone(gone: &[Address]) -> String {
    if gone.is_empty() {
        return "none".into();
    }
    let named: Vec<String> = gone.iter().take(NAMED).map(Address::to_string).collect();
    let more = if gone.len() > NAMED { ", …" } else { "" };
    format!("{}: {}{more}", ui::count(gone.len() as u64), named.join(", "))
}

fn about(selection: &Selection) -> Map<String, Value> {
    let facts = json!({
        "table": selection.table().name(),
        "dataset": selection.dataset_id(),
        "version": selection.version(),
        "where": selection.condition(),
        "rows": selection.len(),
    });
    if let Value::Object(facts) = facts { facts } else { Map::new() }
}

/// How many of the rows there are of each task and source, for the columns that the table has.
fn counts(dataset: &Dataset, selection: &Selection) -> Result<BTreeMap<&'static str, ui::Counts>> {
    let table = selection.table();
    let columns: Vec<&'static str> =
        ["task", "source"].into_iter().filter(|column| table.column_index(column).is_some()).collect();
    let mut all: BTreeMap<&str, ui::Counts> = BTreeMap::new();
    let mut addresses = selection.iter();
    while !columns.is_empty() {
        let part: Vec<Address> = addresses.by_ref().take(TAKEN).collect();
        if part.is_empty() {
            break;
        }
        let batch = dataset.take(table, &part, &columns)?;
        for (name, column) in columns.iter().zip(batch.columns()) {
            let counts = all.entry(name).or_default();
            let values =
                column.as_dictionary_opt::<Int32Type>().and_then(|column| column.downcast_dict::<StringArray>());
            let values =
                values.ok_or_else(|| Error::corrupt(format!("`{name}` of {table} is no dictionary of text")))?;
            values.into_iter().flatten().for_each(|value| ui::add(counts, value));
        }
    }
    Ok(all)
}
