//! Reads a file by a map's table: its rows go one by one to what they become.

use super::model::{OF_ANY_FILE, Table, slashed};
use super::row::{FileFacts, Row};
use super::taker::Taker;
use super::{delimited, json};
use crate::error::{Error, Result};
use crate::import::inputs::{DigestingReader, Input};
use crate::import::raw::ObjectText;
use crate::import::records::Record;
use crate::import::report::{At, Kind};
use crate::import::run::Run;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// How much of a file is looked at to tell whether a map reads it.
const HEAD: u64 = 1 << 20;
/// How many rows of it.
const LOOKED_AT: u32 = 20;

/// How many things that no key takes are named.
const NAMED: usize = 20;
/// How many bytes of what no key takes are kept.
const KEPT: usize = 16 << 20;

/// Where a row stands.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    pub(super) number: u64,
    pub(super) line: u64,
    /// How many bytes are behind it.
    pub(super) position: u64,
}

impl Place {
    pub(super) fn of(record: &Record<'_>) -> Self {
        Self { number: record.number, line: record.line, position: record.offset + record.text.len() as u64 }
    }
}

/// What a reader comes upon.
pub(super) enum Event<'a, 'r> {
    /// A row of the set with this number.
    Row(usize, &'r Row<'a>),
    /// Something that is no row.
    Bad(Error),
}

/// Who takes what a reader comes upon, and says whether to go on.
pub(super) type Take<'t> = &'t mut dyn FnMut(&Place, Event<'_, '_>) -> Result<bool>;

/// Imports a file by the table that was chosen for it; its digest and length.
pub(super) fn read(run: &mut Run<'_>, input: &Input, table: &Table) -> Result<(String, u64)> {
    run.search_around(input, &["images", "frames", "videos"]);
    let facts = facts(table, &input.path, &input.name)?;
    let mut digesting = DigestingReader::open(&input.path)?;
    let before = run.progress.bytes;
    let mut at = At { file: input.name.clone(), ..At::default() };
    let mut taker = Taker::new(table, input);
    let (mut others, mut more) = (Vec::new(), 0u64);
    let (mut says, mut kept) = (ObjectText::default(), 0usize);
    rows(
        table,
        &facts,
        &mut digesting,
        &mut |place, event| {
            (at.record, at.line, at.id) = (Some(place.number), Some(place.line), None);
            match event {
                Event::Row(set, row) => taker.row(run, set, row, &mut at)?,
                Event::Bad(error) => run.take(&mut at, |_, _| Err(error))?,
            }
            run.advance(before + place.position)?;
            Ok(true)
        },
        &mut |key, text| {
            kept += text.len();
            if kept <= KEPT {
                says.raw(key, text);
            }
            match others.len() < NAMED {
                true => others.push(format!("`{key}` ({})", shortened(text))),
                false => more += 1,
            }
        },
    )?;
    let mut at = At { file: input.name.clone(), ..At::default() };
    taker.finish(run, &mut at)?;
    if !others.is_empty() {
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let message = format!(
            "{}{more}: no key of the map takes it; {} in this import's report, under `says`",
            others.join(", "),
            if kept <= KEPT { "kept whole" } else { "16 MiB of it are kept" }
        );
        run.report.find(Kind::AboutFile, &at, message);
        run.says = says;
    }
    digesting.finish().map_err(|error| Error::io("cannot read on", error))
}

/// Whether this table reads a file with this path, by its name and its first rows.
pub(super) fn fits(table: &Table, path: &Path) -> bool {
    let whole = slashed(path);
    if table.captures(&whole).is_none() || !table.surely.is_called(&whole) {
        return false;
    }
    let Ok(file) = File::open(path) else { return false };
    let mut met = 0;
    // Of each set, whether rows of it were met, and whether one has what it needs.
    let mut sets = vec![(false, false); table.sets.len()];
    let facts = FileFacts::default();
    // Where the head ends in the middle of something, what came before it must do.
    let _ = rows(
        table,
        &facts,
        &mut file.take(HEAD),
        &mut |_, event| {
            met += 1;
            if let Event::Row(number, row) = event
                && let (Some(set), Some((is_met, fits))) = (table.sets.get(number), sets.get_mut(number))
            {
                *is_met = true;
                *fits |= row.has(&set.needed) && row.has(&table.surely.fields);
            }
            Ok(met < LOOKED_AT)
        },
        &mut |_, _| {},
    );
    sets.iter().any(|(_, fits)| *fits) && sets.iter().all(|(is_met, fits)| !is_met || *fits)
}

fn rows(
    table: &Table,
    facts: &FileFacts,
    input: &mut dyn Read,
    take: Take<'_>,
    other: &mut dyn FnMut(&str, &str),
) -> Result<()> {
    match table.form.is_json() {
        true => json::read(table, facts, input, take, other),
        false => delimited::read(table, facts, input, take),
    }
}

/// What is known of a file before its rows are read.
fn facts(table: &Table, path: &Path, name: &str) -> Result<FileFacts> {
    let whole = slashed(path);
    let names = facts_of_name(table.captures(&whole), name);
    let top = match table.top.is_empty() {
        true => Vec::new(),
        false => {
            let mut file = File::open(path).map_err(|error| Error::io("cannot read it", error))?;
            json::top(table, &mut file)?
        }
    };
    Ok(FileFacts { names, top, has_commas: table.has_commas })
}

/// What a file's name says: what its pattern found, and what any name says.
pub(super) fn facts_of_name(captures: Option<Vec<(&str, &str)>>, name: &str) -> Vec<(String, String)> {
    let (folder, file) = name.rsplit_once('/').unwrap_or(("", name));
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let of_any = OF_ANY_FILE.into_iter().zip([file, stem, folder]);
    let names = captures.into_iter().flatten().chain(of_any);
    names.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The start of a text, for a message.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(200) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}
