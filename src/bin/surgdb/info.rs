//! `surgdb info`: what a dataset is, at a glance, without reading its data.

use crate::args::Target;
use crate::cli::Outcome;
use crate::output::{Output, operation};
use crate::terminal::{Ink, paint};
use crate::ui::{self, Align, Table as Lines};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use surgdb::format::manifest::{Manifest, Source, SourceKind};
use surgdb::{Dataset, Error, Result, Table};

const EXAMPLES: &str = "\
Examples:
  surgdb info my.surgdb
  surgdb info my.surgdb --json | jq .tables.conversations
  surgdb info my.surgdb --version 3        as it was

`surgdb stats` reads the data and says more.";

/// Say what a dataset holds: tables, sources, size, the last change
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    target: Target,
}

/// Runs it.
pub fn run(args: Args) -> Result<Outcome> {
    let dataset = args.target.open()?;
    let disk = folder_size(dataset.path())?;
    let mut out = Output::new();
    match args.target.json() {
        true => out.json(&facts(&dataset, disk)?)?,
        false => print(&dataset, disk, &mut out)?,
    }
    out.finish()?;
    Ok(Outcome::Fine)
}

/// Everything that `info` says, as JSON.
fn facts(dataset: &Dataset, disk: u64) -> Result<Value> {
    let manifest = dataset.manifest();
    let mut tables = serde_json::Map::new();
    for table in Table::ALL {
        tables.insert(table.name().into(), json!(dataset.count(table)?));
    }
    let columns: Vec<Value> = manifest
        .columns
        .iter()
        .map(|column| json!({ "table": column.table, "name": column.name, "type": column.ty, "replaces": column.replaces }))
        .collect();
    Ok(json!({
        "path": dataset.path().display().to_string(),
        "dataset": manifest.dataset,
        "format": manifest.format,
        "features": manifest.features,
        "version": manifest.version,
        "time": manifest.time,
        "commit": manifest.commit,
        "operation": manifest.operation,
        "tables": tables,
        "bytes": { "disk": disk, "version": version_size(manifest) },
        "sources": manifest.sources,
        "columns": columns,
        "tags": manifest.tags,
    }))
}

fn print(dataset: &Dataset, disk: u64, out: &mut Output) -> Result<()> {
    let manifest = dataset.manifest();
    let mut head = Lines::new(&[Align::Left, Align::Left]);
    let mut row = |name: &str, value: String| head.row([name.into(), value]);
    row("path", dataset.path().display().to_string());
    row("version", format!("{} of {}", manifest.version, manifest.time));
    row("format", manifest.format.clone());
    row("dataset", manifest.dataset.clone());
    row("size", format!("{} on disk, {} in this version", ui::bytes(disk), ui::bytes(version_size(manifest))));
    row("last change", operation(&manifest.operation));
    for (tag, version) in &manifest.tags {
        row("tag", format!("{tag} is version {version}"));
    }
    out.table(&head, 0)?;

    let mut tables = Lines::new(&[Align::Left, Align::Right]);
    for table in Table::ALL.into_iter().rev() {
        tables.row([table.name().into(), ui::count(dataset.count(table)?)]);
    }
    out.section(paint(Ink::Bold, "tables"))?;
    out.table(&tables, 2)?;

    if !manifest.sources.is_empty() {
        out.section(paint(Ink::Bold, "sources"))?;
        out.table(&sources(&manifest.sources), 2)?;
    }
    let mut added = Lines::new(&[Align::Left, Align::Left, Align::Left]);
    for column in &manifest.columns {
        let kind = if column.replaces { "replaces the base column" } else { "added" };
        added.row([format!("{}.{}", column.table, column.name), column.ty.clone(), kind.into()]);
    }
    if !manifest.columns.is_empty() {
        out.section(paint(Ink::Bold, "added columns"))?;
        out.table(&added, 2)?;
    }
    Ok(())
}

fn sources(sources: &[Source]) -> Lines {
    let mut lines = Lines::new(&[Align::Left; 5]);
    for source in sources {
        let kind = match &source.kind {
            Some(SourceKind::Open) => "open",
            Some(SourceKind::Clinical) => "clinical",
            Some(SourceKind::Web) => "web",
            Some(SourceKind::Other(other)) => other,
            _ => "",
        };
        lines.row([
            source.id.clone(),
            source.licence.clone().unwrap_or_else(|| "no licence named".into()),
            kind.into(),
            ui::counted(source.imports.len() as u64, "import"),
            source.title.clone().unwrap_or_default(),
        ]);
    }
    lines
}

/// Bytes of the files that this version needs.
pub fn version_size(manifest: &Manifest) -> u64 {
    table_sizes(manifest).values().copied().fold(0, u64::saturating_add)
}

/// The same by table; then `columns` that were added, `index`, `deletions` and `reports`, where there are some.
pub fn table_sizes(manifest: &Manifest) -> BTreeMap<String, u64> {
    let files =
        manifest.files.iter().flat_map(|(table, files)| files.iter().map(move |file| (table.as_str(), file.length)));
    let columns = manifest.columns.iter().flat_map(|column| &column.files).map(|file| ("columns", file.length));
    let index = manifest.index.iter().map(|run| ("index", run.length));
    let deletions = manifest.deletions.iter().map(|file| ("deletions", file.length));
    let reports = manifest.reports.iter().map(|report| ("reports", report.bytes));
    let mut sizes = BTreeMap::new();
    for (what, bytes) in files.chain(columns).chain(index).chain(deletions).chain(reports) {
        let size: &mut u64 = sizes.entry(what.to_owned()).or_default();
        *size = size.saturating_add(bytes);
    }
    sizes
}

/// Bytes of everything in a folder, older versions' files included.
fn folder_size(folder: &Path) -> Result<u64> {
    let failed = |error| Error::io("cannot look at the dataset's folder", error).in_file(folder);
    let mut size = 0u64;
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        // A file may be gone between the two looks, when a writer is at work.
        let Ok(found) = entry.metadata() else { continue };
        let bytes = if found.is_dir() { folder_size(&entry.path())? } else { found.len() };
        size = size.saturating_add(bytes);
    }
    Ok(size)
}
