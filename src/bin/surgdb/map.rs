//! `surgdb map`: the maps by which tables and masks are imported.

use crate::cli::Outcome;
use crate::output::Output;
use crate::ui::{Align, Table as Lines};
use std::path::PathBuf;
use surgdb::Result;
use surgdb::import::TableMap;

const EXAMPLES: &str = "\
Examples:
  surgdb map list                         the maps that there are
  surgdb map show cholec80                what one says: a start for your own
  surgdb map init labels.csv > mine.toml  a proposal for a table of yours
  surgdb map init masks/ > mine.toml      one for masks, by the colours of the first
  surgdb import my.surgdb labels.csv --map mine.toml --dry-run

docs/maps.md says what a map may say.";

/// List and show the maps by which tables and masks are imported, or propose one
#[derive(clap::Args)]
#[command(after_help = EXAMPLES, arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List the maps that come with surgdb
    List {
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
    /// Print a map
    Show {
        /// Its name, or a file
        #[arg(value_name = "NAME|FILE")]
        name: String,
    },
    /// Propose a map for a table, by its first rows, or for masks, by their colours
    Init {
        /// A file of CSV, TSV, JSON, JSONL, or text with blanks between its values; a mask, or a folder of masks, in PNG
        #[arg(value_name = "SRC")]
        source: PathBuf,
    },
}

/// Runs it.
pub fn run(args: Args) -> Result<Outcome> {
    let mut out = Output::new();
    match args.command {
        Command::List { json: true } => {
            let maps = TableMap::shipped().iter().map(|map| {
                let files: Vec<&str> = map.files().collect();
                serde_json::json!({"name": map.name(), "about": map.about(), "files": files})
            });
            out.json(&maps.collect::<Vec<_>>())?;
        }
        Command::List { json: false } => {
            let mut lines = Lines::new(&[Align::Left, Align::Left]);
            for map in TableMap::shipped() {
                lines.row([map.name().to_owned(), map.about().unwrap_or_default().to_owned()]);
            }
            out.table(&lines, 0)?;
        }
        Command::Show { name } => lines(TableMap::find(&name)?.text(), &mut out)?,
        Command::Init { source } => lines(&TableMap::propose(&source)?, &mut out)?,
    }
    out.finish()?;
    Ok(Outcome::Fine)
}

/// Prints a text.
fn lines(text: &str, out: &mut Output) -> Result<()> {
    text.lines().try_for_each(|line| out.line(line))
}
