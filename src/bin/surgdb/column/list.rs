//! `surgdb column list`.

use crate::args::Target;
use crate::cli::Outcome;
use crate::output::Output;
use crate::terminal::{Ink, paint};
use crate::ui::{Align, Table as Lines};
use serde_json::{Value, json};
use surgdb::format::manifest::SideColumn;
use surgdb::{Column, Dataset, Result, Table};

const EXAMPLES: &str = "\
Examples:
  surgdb column list my.surgdb
  surgdb column list my.surgdb frames --json";

/// List the columns of a dataset's tables
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    target: Target,
    /// Only those of this table
    table: Option<String>,
}

/// Runs it.
pub fn run(args: Args) -> Result<Outcome> {
    let dataset = args.target.open()?;
    let tables = match &args.table {
        Some(name) => vec![Table::named(name)?],
        None => Table::ALL.into_iter().rev().collect(),
    };
    let mut out = Output::new();
    let mut facts = Vec::new();
    for (number, table) in tables.into_iter().enumerate() {
        let columns = columns(&dataset, table)?;
        if args.target.json() {
            facts.extend(columns.iter().map(|(column, place)| fact(table, column, place)));
            continue;
        }
        if number > 0 {
            out.line("")?;
        }
        out.line(paint(Ink::Bold, table.name()))?;
        let mut lines = Lines::new(&[Align::Left; 3]);
        for (column, place) in &columns {
            let ty = format!("{}{}", column.ty, if column.nullable { ", may be null" } else { "" });
            // The type comes last: some are hundreds of letters long.
            lines.row([column.name.clone(), place.words().to_owned(), ty]);
        }
        out.table(&lines, 2)?;
    }
    if args.target.json() {
        out.json(&Value::Array(facts))?;
    }
    out.finish()?;
    Ok(Outcome::Fine)
}

/// Where a column's values are.
enum Place {
    Base,
    Replaced,
    Added,
}

impl Place {
    fn words(&self) -> &'static str {
        match self {
            Self::Base => "",
            Self::Replaced => "values replaced",
            Self::Added => "added",
        }
    }
}

fn columns(dataset: &Dataset, table: Table) -> Result<Vec<(Column, Place)>> {
    let of_table = |side: &&SideColumn| side.table == table.name();
    let sides: Vec<&SideColumn> = dataset.manifest().columns.iter().filter(of_table).collect();
    let base = table.columns().iter().map(|column| {
        let replaced = sides.iter().any(|side| side.replaces && side.name == column.name);
        Ok((column.clone(), if replaced { Place::Replaced } else { Place::Base }))
    });
    let added = sides.iter().filter(|side| !side.replaces);
    let added = added.map(|side| Ok((Column::parse(&format!("{}?: {}", side.name, side.ty))?, Place::Added)));
    base.chain(added).collect()
}

fn fact(table: Table, column: &Column, place: &Place) -> Value {
    json!({
        "table": table.name(),
        "name": column.name,
        "type": column.ty.to_string(),
        "nullable": column.nullable,
        "added": matches!(place, Place::Added),
        "replaced": matches!(place, Place::Replaced),
    })
}
