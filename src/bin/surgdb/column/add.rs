//! `surgdb column add`: columns from an Arrow or CSV file, keyed by id.

use super::values::{Values, read_arrow};
use crate::args::Place;
use crate::cli::Outcome;
use crate::output::Output;
use crate::ui::{self, Align, Progress, Table as Lines};
use arrow_array::{ArrayRef, UInt64Array};
use arrow_schema::{DataType, Field};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use surgdb::dataset::CellUpdate;
use surgdb::format::manifest::SideColumn;
use surgdb::{Address, Column, ColumnType, Dataset, Error, ErrorKind, Operation, Result, Table};

const EXAMPLES: &str = "\
Examples:
  surgdb column add my.surgdb conversations scores.csv             id,score,…
  surgdb column add my.surgdb frames blur.csv --type blur=float32  in a type of your choice
  surgdb column add my.surgdb cases splits.arrow --replace         new values for columns that are there

The file has a column `id` (or what --key names, such as `address`), a column `source` where several sources have the
same ids, and the columns to add. A row that the file does not name gets null, or keeps what it has with --replace.

Of a CSV column whose type nobody names, int64, float64 or bool is taken where it gives every cell back, else text:
007, 1.10, 1e5, TRUE and numbers of too many digits stay text. An empty cell is null; \"\" is an empty text where the
column is text. A column keeps its type for good: --dry-run shows it beforehand.

Of an Arrow file text, numbers, bytes, dictionaries of text, lists, vectors (fixed_size_list) and structs are taken, as
pyarrow, pandas and polars write them; not dates, times and decimals, and no nulls among the items of a list.";

/// Add columns to a table from an Arrow or CSV file keyed by id, or give columns new values
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    place: Place,
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
    /// The type of a CSV column: bool, int8 to int64, uint8 to uint64, float32, float64, text, dict or ref
    #[arg(long = "type", value_name = "NAME=TYPE", value_parser = typed)]
    types: Vec<(String, ColumnType)>,
    /// Give columns that are there already new values; all columns of the file, or of --columns, must be there
    #[arg(long)]
    replace: bool,
    /// Pass over rows of the file that the dataset does not have
    #[arg(long)]
    skip_unknown: bool,
    /// Say the columns, types and rows, and write nothing
    #[arg(long)]
    dry_run: bool,
}

fn typed(text: &str) -> std::result::Result<(String, ColumnType), String> {
    let (name, ty) = text.split_once('=').ok_or("write NAME=TYPE, as in score=float32")?;
    ColumnType::parse(ty).map(|ty| (name.to_owned(), ty)).map_err(|error| error.to_string())
}

/// Runs it.
pub fn run(args: Args) -> Result<Outcome> {
    let dataset = Dataset::open(&args.place.dataset)?;
    let table = Table::named(&args.table)?;
    let mut values = read(&args, &dataset, table)?;
    if !args.columns.is_empty() {
        keep(&mut values, &args.columns).map_err(|error| error.in_file(&args.file))?;
    }
    let (addresses, rows, unknown) = resolve(&args, &dataset, table, &values)?;
    if values.columns.is_empty() {
        return Err(Error::input("it has no columns of values beside the key").in_file(&args.file));
    }
    let mut updates = Vec::with_capacity(values.columns.len());
    for (new, array) in &values.columns {
        let array = arrow_select::take::take(array, &rows, None)?;
        updates.push(column(&dataset, table, new, array, args.replace)?);
    }
    let rows = addresses.len() as u64;
    let mut report = Report { table, columns: Vec::new(), replaced: args.replace, rows, unknown, version: None };
    report.columns.extend(updates.iter().map(|(column, _)| (column.name.clone(), column.ty.to_string())));
    if !args.dry_run {
        let mut appender = dataset.append()?;
        for (column, array) in updates {
            appender.update(CellUpdate::new(table, column, addresses.clone(), array))?;
        }
        report.version = Some(appender.commit(report.operation())?.version());
    }
    let mut out = Output::new();
    match args.place.json {
        true => out.json(&report.facts())?,
        false => report.print(&mut out)?,
    }
    out.finish()?;
    Ok(Outcome::Fine)
}

/// What was written, or would be.
struct Report {
    table: Table,
    /// Names and types.
    columns: Vec<(String, String)>,
    /// Whether they were there before.
    replaced: bool,
    rows: u64,
    unknown: u64,
    /// None where nothing was written.
    version: Option<u64>,
}

impl Report {
    fn names(&self) -> Vec<&str> {
        self.columns.iter().map(|(name, _)| name.as_str()).collect()
    }

    fn operation(&self) -> Operation {
        let operation = Operation::new("column").with("table", self.table.name());
        operation.with("columns", self.names().join(",")).with("rows", self.rows)
    }

    fn facts(&self) -> Value {
        let types: BTreeMap<&String, &String> = self.columns.iter().map(|(name, ty)| (name, ty)).collect();
        json!({
            "version": self.version,
            "table": self.table.name(),
            "columns": self.names(),
            "types": types,
            "replaced": self.replaced,
            "rows": self.rows,
            "unknown": self.unknown,
        })
    }

    fn print(&self, out: &mut Output) -> Result<()> {
        let rows = format!("{} of {}", ui::counted(self.rows, "row"), self.table);
        match self.version {
            Some(version) => out.line(format_args!("version {version}: new values for {rows}"))?,
            None => out.line(format_args!("this would be written for {rows}; nothing was"))?,
        }
        let how = if self.replaced { "replaced" } else { "added" };
        let mut lines = Lines::new(&[Align::Left; 3]);
        self.columns.iter().for_each(|(name, ty)| lines.row([name.clone(), how.into(), ty.clone()]));
        out.table(&lines, 2)?;
        match self.unknown {
            0 => Ok(()),
            unknown => {
                let rows = ui::counted(unknown, "row");
                out.line(format_args!("passed over {rows} of the file that the dataset lacks"))
            }
        }
    }
}

/// Reads the file. Of CSV, columns that the table has already are of their type.
fn read(args: &Args, dataset: &Dataset, table: Table) -> Result<Values> {
    let ending = args.file.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
    match ending.as_str() {
        "csv" => {
            let mut types = BTreeMap::new();
            for field in dataset.schema(table).fields() {
                types.insert(field.name().clone(), type_of(dataset, table, field)?);
            }
            let mut named = BTreeMap::new();
            for (name, ty) in &args.types {
                if named.insert(name.clone(), ty.clone()).is_some() {
                    return Err(Error::invalid(format!("--type names the column {name:?} twice")));
                }
            }
            types.extend(named.clone());
            let values = super::csv::read(&args.file, &args.key, &types)?;
            match named.keys().find(|name| !values.columns.iter().any(|(column, _)| column.name == **name)) {
                None => Ok(values),
                Some(name) => {
                    Err(Error::not_found(format!("--type names {name:?}, which is no column of values of the file"))
                        .in_file(&args.file))
                }
            }
        }
        "arrow" | "feather" | "ipc" if args.types.is_empty() => read_arrow(&args.file, &args.key, &args.columns),
        "arrow" | "feather" | "ipc" => {
            Err(Error::invalid("an Arrow file says its types itself: leave --type out, or cast there")
                .in_file(&args.file))
        }
        _ => Err(Error::unsupported("give a file that ends in .csv, .arrow or .feather").in_file(&args.file)),
    }
}

fn keep(values: &mut Values, names: &[String]) -> Result<()> {
    let there: Vec<&str> = values.columns.iter().map(|(column, _)| column.name.as_str()).collect();
    if let Some(name) = names.iter().find(|name| !there.contains(&name.as_str())) {
        return Err(Error::not_found(format!("the file has no column {name:?}; it has {}", there.join(", "))));
    }
    values.columns.retain(|(column, _)| names.contains(&column.name));
    Ok(())
}

/// The addresses of the rows that the file names, which rows of the file they are, and how many are unknown.
fn resolve(args: &Args, dataset: &Dataset, table: Table, values: &Values) -> Result<(Vec<Address>, UInt64Array, u64)> {
    let progress = Progress::things("finding rows", Some(values.keys.len() as u64));
    let (mut addresses, mut rows, mut unknown) = (Vec::new(), Vec::new(), 0);
    let mut seen: HashMap<Address, usize> = HashMap::with_capacity(values.keys.len());
    let wrong = |message: String| Error::input(message).in_file(&args.file);
    for (number, key) in values.keys.iter().enumerate() {
        if number % 1024 == 0 {
            progress.at(number as u64, String::new)?;
        }
        let source = args.source.as_deref().or_else(|| values.sources.as_ref()?.get(number).map(String::as_str));
        let found = address(dataset, table, source, key, args.key == "address");
        // A key that fits no row is the file's fault; a dataset that cannot be read is not.
        let blamed = |error: Error| match error.kind() {
            ErrorKind::Invalid | ErrorKind::Ambiguous => {
                wrong(format!("{}: {}", values.place(number), error.message()))
            }
            _ => error,
        };
        match found.map_err(blamed)? {
            Some(address) => {
                if let Some(first) = seen.insert(address, number) {
                    let (first, second) = (values.place(first), values.place(number));
                    return Err(wrong(format!("{key:?} is there twice, in {first} and {second}: keep one of them")));
                }
                addresses.push(address);
                rows.push(number as u64);
            }
            None if args.skip_unknown => unknown += 1,
            None => {
                let place = values.place(number);
                let message = format!("{place}: {table} has no row {key:?}: correct the file, or give --skip-unknown");
                return Err(wrong(message));
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
fn column(dataset: &Dataset, table: Table, new: &Column, array: ArrayRef, replace: bool) -> Result<(Column, ArrayRef)> {
    let name = &new.name;
    let schema = dataset.schema(table);
    let known = schema.fields().iter().find(|field| field.name() == name);
    let Some(field) = known else {
        return match replace {
            false => Ok((new.clone(), array)),
            true => Err(unknown(table, name, schema.fields().iter().map(|field| field.name().as_str()))),
        };
    };
    if !replace {
        return Err(Error::exists(format!(
            "{table} has a column `{name}`: give --replace for new values, or another name"
        )));
    }
    let ty = type_of(dataset, table, field)?;
    let array = match (&ty, array.data_type()) {
        (ColumnType::Dict, _) => super::types::dictionary(&array).unwrap_or(array),
        (ColumnType::Text, DataType::Dictionary(..)) => super::types::stored(&super::types::unpacked(&array)?)?,
        _ => array,
    };
    Ok((Column::new(name, ty, field.is_nullable()), array))
}

/// Says that a column that is to be replaced is not there, and which one may be meant.
fn unknown<'a>(table: Table, name: &str, names: impl Iterator<Item = &'a str>) -> Error {
    let near = names.map(|known| (ui::distance(name, known), known)).min().filter(|(distance, _)| *distance <= 2);
    let meant = near.map_or_else(String::new, |(_, known)| format!(" (is `{known}` meant?)"));
    Error::not_found(format!(
        "{table} has no column `{name}` to replace{meant}: add it without --replace; --columns takes some of the file's"
    ))
}

/// The type of a column that the table has.
fn type_of(dataset: &Dataset, table: Table, field: &Field) -> Result<ColumnType> {
    // Arrow does not tell addresses from other integers.
    let is_named = |side: &&SideColumn| side.table == table.name() && side.name == *field.name();
    if let Some(base) = table.columns().iter().find(|column| column.name == *field.name()) {
        return Ok(base.ty.clone());
    }
    match dataset.manifest().columns.iter().find(is_named) {
        Some(side) => ColumnType::parse(&side.ty),
        None => ColumnType::from_arrow(field.data_type()),
    }
}
