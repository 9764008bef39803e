//! `surgdb delete`: rows are gone in the next version, and still there in the ones before.

use crate::args::Place;
use crate::cli::Outcome;
use crate::output::Output;
use crate::subset::Subset;
use crate::ui;
use serde_json::json;
use std::collections::BTreeSet;
use std::io::IsTerminal;
use surgdb::dataset::{DeleteOptions, StillShown};
use surgdb::{Address, Dataset, Error, Result, Table};

const EXAMPLES: &str = "\
Examples:
  surgdb delete my.surgdb demo-000017                     a conversation, by its id
  surgdb delete my.surgdb 7:16 7:17 --yes                 rows, by their addresses
  surgdb delete my.surgdb --id 7:16                       the one whose id is 7:16
  surgdb delete my.surgdb VID01 --table cases --cascade   a case and all that refers to it
  surgdb delete my.surgdb --where 'source = old'          all that a condition holds for

The bytes of a picture or video go with the last frame or video that shows them; deleting
conversations alone leaves their frames. What other rows show as well, of another source perhaps,
stays, and is told; so does a case of the same patient that another source has, with all that is its.

Older versions keep what is deleted here, and its bytes stay on the disk; reports of imports go on
naming its ids. To be rid of all that, copy what is left into a new dataset (surgdb copy), which
takes no report along, and remove this one.

Importing the same files again brings deleted rows in again, which is told; surgdb import
--on-deleted skip leaves them out, as long as this dataset was not compacted since, and with them what
other sources have of a patient who has no case left here. A copy into this dataset tells it, too.";

/// Delete rows by id, address or condition, in a new version
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    place: Place,
    /// Ids of rows of the table, or addresses such as 7:16 of rows of any table
    #[arg(required_unless_present_any = ["id", "condition", "split", "licence", "selection"], value_name = "ROW")]
    rows: Vec<String>,
    /// The row of the table with this id, though it may read as an address; may be given several times
    #[arg(long, value_name = "ID")]
    id: Vec<String>,
    /// The table that ids and conditions are about
    #[arg(long, default_value = "conversations")]
    table: String,
    /// The source that the ids belong to, where several have the same
    #[arg(long, value_name = "ID")]
    source: Option<String>,
    /// Delete also what refers to the rows, and what refers to that
    #[arg(long)]
    cascade: bool,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    subset: Subset,
}

/// Runs it.
pub fn run(args: Args) -> Result<Outcome> {
    let place = args.place.dataset.display();
    let dataset = Dataset::open(&args.place.dataset)?;
    let addresses = chosen(&args, &dataset)?;
    let with = if args.cascade { " and all that refers to them" } else { "" };
    let question = format!("Delete {}{with} from {}?", ui::counted(addresses.len() as u64, "row"), place);
    if !args.yes && !ui::confirm(&question) {
        let what = match std::io::stdin().is_terminal() {
            true => "nothing was deleted: the answer was not y",
            false => "nothing was deleted: there is no terminal to ask at; give --yes",
        };
        return Err(Error::invalid(what));
    }
    let after = dataset.delete(addresses, DeleteOptions { cascade: args.cascade, unshown_blobs: true })?;
    let mut deleted = serde_json::Map::new();
    // What this commit did: between the version that was open and the new one others may have added and deleted too.
    let summary = &after.manifest().operation.summary;
    for table in Table::ALL {
        if let Some(count) = summary.get(table.name()) {
            deleted.insert(table.name().into(), count.clone());
        }
    }
    let still = dataset.still_shown(&after)?;
    let first = still.first.map(|row| name_of(&after, row)).transpose()?;
    let same = dataset.same_patients(&after)?;
    let first_case = same.first.map(|row| name_of(&after, row)).transpose()?;
    let mut out = Output::new();
    if args.place.json {
        let (pictures, videos, rows) = (still.pictures, still.videos, still.rows);
        let still = json!({ "pictures": pictures, "videos": videos, "rows": rows, "first": first });
        let same = json!({ "cases": same.cases, "first": first_case });
        let version = after.version();
        out.json(&json!({ "version": version, "deleted": deleted, "still_shown": still, "same_patient": same }))?;
    } else {
        let counts: Vec<String> = deleted.iter().map(|(table, count)| format!("{table} {count}")).collect();
        out.line(format_args!("version {}: deleted {}", after.version(), counts.join(", ")))?;
        if let Some(first) = first {
            out.line(stays(&still, &first))?;
        }
        if let Some(first) = first_case {
            out.line(same_patient(same.cases, &first))?;
        }
    }
    out.finish()?;
    Ok(Outcome::Fine)
}

/// A row by its id and source, as people know it.
fn name_of(dataset: &Dataset, row: Address) -> Result<String> {
    let (id, source) = match dataset.table_of(row)? {
        Table::Frames => {
            let frame = dataset.frame(row)?;
            (frame.id()?.to_owned(), frame.source()?.to_owned())
        }
        Table::Videos => {
            let video = dataset.video(row)?;
            (video.id()?.to_owned(), video.source()?.to_owned())
        }
        Table::Cases => {
            let case = dataset.case(row)?;
            (case.id()?.to_owned(), case.source()?.to_owned())
        }
        table => return Ok(format!("the {} at {row}", table.row_name())),
    };
    Ok(format!("{id} (source {source})"))
}

/// What is left of what was deleted.
fn stays(still: &StillShown, first: &str) -> String {
    let counts = [(still.pictures, "picture"), (still.videos, "video")];
    let counts = counts.iter().filter(|(count, _)| *count > 0).map(|(count, noun)| ui::counted(*count, noun));
    let is_one = still.pictures + still.videos == 1;
    let (stay, them) = if is_one { ("stays", "it") } else { ("stay", "them") };
    let (counts, rows) = (counts.collect::<Vec<_>>().join(" and "), still.rows);
    let who = if rows == 1 {
        format!("another row shows {them}: {first}")
    } else {
        format!("{} other rows show {them}, the first of which is {first}", ui::count(rows))
    };
    format!("{counts} {stay}, since {who}")
}

/// What other cases there are of patients whose cases were deleted.
fn same_patient(cases: u64, first: &str) -> String {
    match cases {
        1 => format!("1 case of the same patient stays: {first}"),
        _ => format!("{} cases of the same patients stay, the first of which is {first}", ui::count(cases)),
    }
}

/// The rows that are named, of those that the conditions hold for.
fn chosen(args: &Args, dataset: &Dataset) -> Result<BTreeSet<Address>> {
    let table = Table::named(&args.table)?;
    let source = args.source.as_deref();
    let by_id = |id: &String| {
        let found = with_id(dataset, table, source, id)?;
        found.ok_or_else(|| Error::not_found(format!("no {} has the id {id:?}", table.row_name())))
    };
    let rows = args.rows.iter().map(|row| find(dataset, table, source, row));
    let named = rows.chain(args.id.iter().map(by_id)).collect::<Result<BTreeSet<_>>>()?;
    if args.subset.is_all() {
        return Ok(named);
    }
    let selection = args.subset.select(dataset, table)?;
    let chosen: BTreeSet<Address> = match named.is_empty() {
        true => selection.iter().collect(),
        false => named.into_iter().filter(|address| selection.contains(*address)).collect(),
    };
    match chosen.is_empty() {
        true => Err(Error::not_found(format!("no row of {table} is meant: nothing was deleted"))),
        false => Ok(chosen),
    }
}

/// The address of a row that is named by id or address; refused where it is one row's id and another's address.
fn find(dataset: &Dataset, table: Table, source: Option<&str>, row: &str) -> Result<Address> {
    let found = with_id(dataset, table, source, row)?;
    let address = if row.contains(':') { row.parse::<Address>().ok() } else { None };
    match (found, address) {
        (None, None) => Err(Error::not_found(format!("no {} has the id {row:?}", table.row_name()))),
        // What is wrong with an address that no row has, the deletion says.
        (None, Some(address)) => Ok(address),
        (Some(found), Some(address)) if found != address && dataset.is_live(address)? => {
            let (named, other) = (table.row_name(), dataset.table_of(address)?.row_name());
            Err(Error::invalid(format!(
                "{row:?} is the id of the {named} at {found}, and the address of another {other}: \
                 give --id {row} for the first, or name the other by its id"
            )))
        }
        (Some(found), _) => Ok(found),
    }
}

fn with_id(dataset: &Dataset, table: Table, source: Option<&str>, id: &str) -> Result<Option<Address>> {
    match source {
        Some(source) => dataset.find_in(table, source, id),
        None => dataset.find(table, id),
    }
}
