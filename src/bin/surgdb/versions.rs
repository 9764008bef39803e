//! `surgdb versions`: the history of a dataset, names for its versions, and what changed between two.

use crate::args::Place;
use crate::cli::Outcome;
use crate::output::{Output, operation};
use crate::terminal::{Ink, paint};
use crate::ui::{self, Align, Table as Lines};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use surgdb::dataset::{NamesDiff, RowsDiff, VersionDiff, versions};
use surgdb::format::manifest::{Manifest, VersionFile};
use surgdb::{Dataset, Error, ErrorKind, Result, Table};

const EXAMPLES: &str = "\
Examples:
  surgdb versions my.surgdb
  surgdb versions my.surgdb tag paper              the newest one is called so from now on
  surgdb versions my.surgdb tag paper --version 7  that one is
  surgdb versions my.surgdb untag paper
  surgdb versions my.surgdb diff 3 paper           what changed from one to the other
  surgdb info my.surgdb --tag paper                look at one of them

A tag is for a version that something rests on: a run, a paper. Reading commands take it with --tag.
Exit code 1 says that a version that is listed cannot be read.";

/// Versions by tag.
type Tags = BTreeMap<String, u64>;

/// List the versions of a dataset, give them names, and compare them
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Give a version a name
    Tag {
        /// Letters, digits, `_`, `-`, `.` and `/`
        name: String,
        /// This version instead of the newest
        #[arg(long, value_name = "N")]
        version: Option<u64>,
        /// Take the name away from the version that has it
        #[arg(long = "move")]
        moves: bool,
    },
    /// Take a name away from the version that has it
    Untag {
        /// The tag
        name: String,
    },
    /// Say what changed from one version to another: rows, columns, sources
    Diff {
        /// The version before: its number or a tag
        before: String,
        /// The version after: its number or a tag; the newest where none is named
        after: Option<String>,
    },
}

/// Runs it.
pub fn run(args: Args) -> Result<Outcome> {
    let Place { dataset: root, json } = &args.place;
    let mut out = Output::new();
    let mut outcome = Outcome::Fine;
    match &args.command {
        None => outcome = list(root, *json, &mut out)?,
        Some(Command::Tag { name, version, moves }) => {
            let dataset = match version {
                Some(version) => Dataset::options().version(*version).open(root)?,
                None => Dataset::open(root)?,
            };
            let after = if *moves { dataset.move_tag(name)? } else { dataset.tag(name).map_err(with_option)? };
            let tagged = dataset.version();
            match json {
                true => out.json(&json!({ "tag": name, "tagged": tagged, "version": after.version() }))?,
                false => {
                    out.line(format_args!("version {tagged} has the tag {name}"))?;
                    out.line(format_args!(
                        "commands read it with --tag {name}, programs with Dataset::options().tag({name:?})"
                    ))?;
                }
            }
        }
        Some(Command::Untag { name }) => {
            let after = Dataset::open(root)?.untag(name)?;
            match json {
                true => out.json(&json!({ "tag": name, "tagged": null, "version": after.version() }))?,
                false => out.line(format_args!("no version has the tag {name} any more"))?,
            }
        }
        Some(Command::Diff { before, after }) => {
            let before = open(root, before)?;
            let after = after.as_ref().map_or_else(|| Dataset::open(root), |after| open(root, after))?;
            let diff = before.diff(&after)?;
            match json {
                true => out.json(&difference(&diff))?,
                false => print(&diff, &mut out)?,
            }
        }
    }
    out.finish()?;
    Ok(outcome)
}

/// Names the option that a taken tag asks for.
fn with_option(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Exists => Error::exists(format!("{} (`--move` moves it)", error.message())),
        _ => error,
    }
}

/// The version with this number or tag.
fn open(root: &Path, name: &str) -> Result<Dataset> {
    match name.parse() {
        Ok(version) => Dataset::options().version(version).open(root),
        Err(_) => Dataset::options().tag(name).open(root),
    }
}

/// Lists what can be read, and then what cannot: one damaged manifest takes no other version away.
fn list(root: &Path, json: bool, out: &mut Output) -> Result<Outcome> {
    let newest = versions::newest_number(root)?;
    let (mut kept, mut damaged) = (Vec::new(), Vec::new());
    for number in versions::list(root)? {
        match versions::read_file(root, number) {
            Ok(VersionFile::Manifest(manifest)) => kept.push(*manifest),
            // It was dropped, and only its number is left.
            Ok(VersionFile::Tombstone(_)) => {}
            Err(error) => damaged.push((number, error)),
        }
    }
    // Tags are what the newest version says, and no older one.
    let tagged = kept.last().filter(|last| last.version == newest).map(|last| last.tags.clone()).unwrap_or_default();
    match json {
        true => out.json(&facts(newest, &tagged, &kept, &damaged))?,
        false => {
            out.table(&lines(&tagged, &kept), 0)?;
            for (_, error) in &damaged {
                out.line(format_args!("{} {error}", paint(Ink::Alarm, "fault:")))?;
            }
        }
    }
    Ok(if damaged.is_empty() { Outcome::Fine } else { Outcome::FoundWrong })
}

fn difference(diff: &VersionDiff) -> Value {
    let rows = |(table, rows): (&Table, &RowsDiff)| {
        (table.name().to_owned(), json!({ "added": rows.added, "gone": rows.gone }))
    };
    let names = |names: &NamesDiff| json!({ "added": names.added, "gone": names.gone, "changed": names.changed });
    json!({
        "versions": [diff.versions.0, diff.versions.1],
        "rows": diff.rows.iter().map(rows).collect::<serde_json::Map<_, _>>(),
        "columns": names(&diff.columns),
        "replaced": names(&diff.replaced),
        "sources": names(&diff.sources),
    })
}

fn print(diff: &VersionDiff, out: &mut Output) -> Result<()> {
    let (before, after) = diff.versions;
    if diff.is_empty() {
        return out.line(format_args!("versions {before} and {after} have the same rows, columns and sources"));
    }
    out.line(format_args!("from version {before} to version {after}"))?;
    let mut lines = Lines::new(&[Align::Left, Align::Right, Align::Right]);
    for (table, rows) in &diff.rows {
        lines.row([table.name().into(), format!("+{}", ui::count(rows.added)), format!("-{}", ui::count(rows.gone))]);
    }
    out.table(&lines, 2)?;
    for (what, names) in [("added column", &diff.columns), ("source", &diff.sources)] {
        let kinds = [("added", &names.added), ("gone", &names.gone), ("changed", &names.changed)];
        for (how, names) in kinds {
            names.iter().try_for_each(|name| out.line(format_args!("  {what} {name}: {how}")))?;
        }
    }
    for name in diff.replaced.added.iter().chain(&diff.replaced.changed) {
        out.line(format_args!("  column {name}: some rows may have other values, which are not compared here"))?;
    }
    for name in &diff.replaced.gone {
        out.line(format_args!(
            "  column {name}: values that were replaced stand in the files of their rows (a compaction put them there), or \
             those from before hold again"
        ))?;
    }
    Ok(())
}

fn tags(tagged: &Tags, version: u64) -> Vec<&str> {
    tagged.iter().filter(|(_, tagged)| **tagged == version).map(|(tag, _)| tag.as_str()).collect()
}

fn rows(manifest: &Manifest) -> serde_json::Map<String, Value> {
    manifest.files.keys().map(|table| (table.clone(), json!(manifest.rows_of(table)))).collect()
}

fn facts(newest: u64, tagged: &Tags, kept: &[Manifest], damaged: &[(u64, Error)]) -> Value {
    let versions: Vec<Value> = kept
        .iter()
        .map(|manifest| {
            json!({
                "version": manifest.version,
                "time": manifest.time,
                "commit": manifest.commit,
                "operation": manifest.operation,
                "rows": rows(manifest),
                "tags": tags(tagged, manifest.version),
            })
        })
        .collect();
    let damaged: Vec<Value> = damaged
        .iter()
        .map(|(version, error)| json!({ "version": version, "file": error.file(), "message": error.message() }))
        .collect();
    json!({ "newest": newest, "versions": versions, "damaged": damaged })
}

fn lines(tagged: &Tags, kept: &[Manifest]) -> Lines {
    let mut lines = Lines::new(&[Align::Right, Align::Left, Align::Left, Align::Left, Align::Left]);
    for manifest in kept {
        lines.row([
            manifest.version.to_string(),
            manifest.time.clone(),
            manifest.commit.chars().take(8).collect(),
            tags(tagged, manifest.version).join(", "),
            operation(&manifest.operation),
        ]);
    }
    lines
}
