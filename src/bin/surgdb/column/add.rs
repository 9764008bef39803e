//! `surgdb column add`: columns from an Arrow or CSV file, keyed by id.

use super::values::{Values, read_arrow};
use crate::cli::Outcome;
use crate::output::Output;
use crate::ui::{self, Progress};
use arrow_array::{ArrayRef, UInt64Array};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::PathBuf;
use surgdb::dataset::CellUpdate;
use surgdb::format::notation::ColumnType;
use surgdb::{Address, Column, Dataset, Error, Operation, Result, Table};

const EXAMPLES: &str = "\
Examples:
  surgdb column add my.surgdb conversations scores.csv             id,score,…
  surgdb column add my.surgdb frames blur.csv --type blur=float32  in a type of your choice
  surgdb column add my.surgdb cases splits.arrow --replace         new values for columns that are there

The file has a column `id` (or `address`, or what --key names), a column `source` where several sources have the
same ids, and the columns to add. A row that the file does not name gets null, or keeps what it has with --replace.";

/// Add columns to a table from an Arrow or CSV file keyed by id, or give columns new values
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The dataset's folder
    dataset: PathBuf,
    /// The table that the rows are in, such as conversations or frames
    table: String,
    /// A CSV file with a header, or an Arrow IPC file (.arrow, .feather)
    file: PathBuf,
    /// The file's column that says whose the values are: ids, or addresses such as 7:16
    #[arg(long, default_value = "id")]
    key: String,
    /// The source that all ids belong to
    #[arg(long, value_name = "ID")]
    source: Option<String>,
    /// Only these columns of the file, separated by commas
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    columns: Vec<String>,
    /// The type of a CSV column: bool, int32, int64, float32, float64, text or dict
    #[arg(long = "type", value_name = "NAME=TYPE", value_parser = typed)]
    types: Vec<(String, ColumnType)>,
    /// Give columns that are there already new values
    #[arg(long)]
    replace: bool,
    /// Pass over rows of the file that the dataset does not have
    #[arg(long)]
    skip_unknown: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn typed(text: &str) -> std::result::Result<(String, ColumnType), String> {
    let (name, ty) = text.split_once('=').ok_or("write NAME=TYPE, as in score=float32")?;
    ColumnType::parse(ty).map(|ty| (name.to_owned(), ty)).map_err(|error| error.to_string())
}

/// Runs it.
pub fn run(args: Args) -> Result<Outcome> {
    let dataset = Dataset::open(&args.dataset)?;
    let table = Table::named(&args.table)?;
    let mut values = read(&args)?;
    if !args.columns.is_empty() {
        keep(&mut values, &args.columns)?;
    }
    let (addresses, rows, unknown) = resolve(&args, &dataset, table, &values)?;
    let mut appender = dataset.append()?;
    let mut names = Vec::new();
    for (name, array) in &values.columns {
        let array = arrow_select::take::take(array, &rows, None)?;
        let (column, array) = column(&dataset, table, name, array, args.replace)?;
        appender.update(CellUpdate::new(table, column, addresses.clone(), array))?;
        names.push(name.clone());
    }
    let operation = Operation::new("column")
        .with("table", table.name())
        .with("columns", names.join(","))
        .with("rows", addresses.len() as u64);
    let after = appender.commit(operation)?;
    let mut out = Output::new();
    if args.json {
        let version = after.version();
        let rows = addresses.len();
        out.json(
            &json!({ "version": version, "table": table.name(), "columns": names, "rows": rows, "unknown": unknown }),
        )?;
    } else {
        let rows = ui::counted(addresses.len() as u64, "row");
        out.line(format_args!("version {}: {} of {rows} of {table}", after.version(), names.join(", ")))?;
        if unknown > 0 {
            out.line(format_args!("passed over {}", ui::counted(unknown, "row of the file that the dataset lacks")))?;
        }
    }
    out.finish()?;
    Ok(Outcome::Fine)
}

fn read(args: &Args) -> Result<Values> {
    let ending = args.file.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
    let types: BTreeMap<String, ColumnType> = args.types.iter().cloned().collect();
    match ending.as_str() {
        "csv" => super::csv::read(&args.file, &args.key, &types),
        "arrow" | "feather" | "ipc" => read_arrow(&args.file, &args.key),
        _ => Err(Error::unsupported("give a file that ends in .csv, .arrow or .feather").in_file(&args.file)),
    }
}

fn keep(values: &mut Values, names: &[String]) -> Result<()> {
    let there: Vec<&str> = values.columns.iter().map(|(name, _)| name.as_str()).collect();
    if let Some(name) = names.iter().find(|name| !there.contains(&name.as_str())) {
        return Err(Error::not_found(format!("the file has no column {name:?}; it has {}", there.join(", "))));
    }
    values.columns.retain(|(name, _)| names.contains(name));
    Ok(())
}

/// The addresses of the rows that the file names, which rows of the file they are, and how many are unknown.
fn resolve(args: &Args, dataset: &Dataset, table: Table, values: &Values) -> Result<(Vec<Address>, UInt64Array, u64)> {
    let progress = Progress::things("finding rows", Some(values.keys.len() as u64));
    let (mut addresses, mut rows, mut unknown) = (Vec::new(), Vec::new(), 0);
    for (number, key) in values.keys.iter().enumerate() {
        if number % 1024 == 0 {
            progress.at(number as u64, String::new)?;
        }
        let source = args.source.as_deref().or_else(|| values.sources.as_ref()?.get(number).map(String::as_str));
        match address(dataset, table, source, key, args.key == "address")? {
            Some(address) => {
                addresses.push(address);
                rows.push(number as u64);
            }
            None if args.skip_unknown => unknown += 1,
            None => {
                let message = format!("{table} has no row {key:?}: correct the file, or give --skip-unknown");
                return Err(Error::input(message).in_file(&args.file).in_record(number as u64 + 1));
            }
        }
    }
    Ok((addresses, rows.into(), unknown))
}

fn address(dataset: &Dataset, table: Table, source: Option<&str>, key: &str, plain: bool) -> Result<Option<Address>> {
    if plain {
        let address: Address = key.parse()?;
        return Ok(dataset.is_live(address)?.then_some(address));
    }
    match source {
        Some(source) => dataset.find_in(table, source, key),
        None => dataset.find(table, key),
    }
}

/// The column that a name of the file stands for, and the values in its type.
fn column(dataset: &Dataset, table: Table, name: &str, array: ArrayRef, replace: bool) -> Result<(Column, ArrayRef)> {
    let schema = dataset.schema(table);
    let known = schema.fields().iter().find(|field| field.name() == name);
    let Some(field) = known else {
        return Ok((Column::new(name, ColumnType::from_arrow(array.data_type())?, true), array));
    };
    if !replace {
        return Err(Error::exists(format!(
            "{table} has a column `{name}`: give --replace for new values, or another name"
        )));
    }
    let ty = match table.columns().iter().find(|column| column.name == name) {
        Some(base) => base.ty.clone(),
        None => ColumnType::from_arrow(field.data_type())?,
    };
    let array = if ty == ColumnType::Dict { super::values::dictionary(&array).unwrap_or(array) } else { array };
    Ok((Column::new(name, ty, field.is_nullable()), array))
}
