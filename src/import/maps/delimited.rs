//! Rows of CSV and TSV files, and of text with blanks between its values.

use super::model::Table;
use super::read::{Event, Place, Take};
use super::row::{Fields, FileFacts, Row};
use super::text::Form;
use crate::error::{Error, Result};
use crate::import::line_ends::LineEnds;
use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read};

/// How many bytes a row may have: what has more has lost a quote, or is no table.
const ROW_LIMIT: u64 = 16 << 20;
/// How many of the last bytes are remembered.
const TAIL: usize = 64;

/// Gives the rows of a file to `take`, which says whether to go on.
pub(super) fn read(table: &Table, facts: &FileFacts, input: &mut dyn Read, take: Take<'_>) -> Result<()> {
    let mut rows = Rows { table, facts, names: Vec::new(), number: 0, take };
    match table.form {
        Form::Text => lines(&mut rows, input),
        _ => records(&mut rows, input),
    }
}

/// What becomes of lines.
struct Rows<'t> {
    table: &'t Table,
    facts: &'t FileFacts,
    names: Vec<String>,
    number: u64,
    take: Take<'t>,
}

impl Rows<'_> {
    /// Takes a line's cells; whether to go on.
    fn line(&mut self, cells: Result<Vec<&str>>, line: u64, position: u64) -> Result<bool> {
        if self.names.is_empty() {
            let cells = cells.map_err(|error| error.at_line(line))?;
            self.names = self.header(&cells).map_err(|error| error.at_line(line))?;
            if self.table.header {
                return Ok(true);
            }
            return self.row(Ok(cells), line, position);
        }
        self.row(cells, line, position)
    }

    fn row(&mut self, cells: Result<Vec<&str>>, line: u64, position: u64) -> Result<bool> {
        self.number += 1;
        let place = Place { number: self.number, line, position };
        let cells = cells.and_then(|cells| match cells.len() == self.names.len() {
            true => Ok(cells),
            false => {
                let (has, names) = (cells.len(), self.names.len());
                let message =
                    format!("the row has {has} values, and there are {names} columns: is a quote not closed?");
                Err(Error::input(message))
            }
        });
        let cells = match cells {
            Ok(cells) => cells,
            Err(error) => return (self.take)(&place, Event::Bad(error)),
        };
        for set in 0..self.table.sets.len() {
            let fields = Fields::Cells(&self.names, &cells);
            let row = Row { fields, keys: &[], parent: None, file: self.facts, number: self.number };
            if !(self.take)(&place, Event::Row(set, &row))? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The names of the columns.
    fn header(&self, cells: &[&str]) -> Result<Vec<String>> {
        let named: Vec<String> = match (self.table.header, &self.table.columns[..]) {
            (true, _) => cells.iter().map(|cell| cell.trim_start_matches('\u{feff}').trim().to_owned()).collect(),
            (false, []) => (1..=cells.len()).map(|number| number.to_string()).collect(),
            (false, columns) => columns.to_vec(),
        };
        for (at, name) in named.iter().enumerate() {
            if named.iter().take(at).any(|before| before == name) {
                return Err(Error::input(format!("two columns are called {name:?}: which one is meant is not clear")));
            }
        }
        for set in &self.table.sets {
            if let Some(needed) = set.needed.iter().find(|path| !named.contains(&path.text)) {
                let message = format!(
                    "the map needs a column `{}`, and the file has `{}`; `{}?` in the map says that it may be absent",
                    needed.text,
                    named.join("`, `"),
                    needed.text
                );
                return Err(Error::input(message));
            }
        }
        Ok(named)
    }
}

/// Counts what was read since the last row, so that one row cannot fill the memory; and remembers how it ended.
struct Guard<'r> {
    input: &'r mut dyn Read,
    since: Cell<u64>,
    /// The last bytes that were read.
    tail: Vec<u8>,
    at_end: bool,
}

impl Guard<'_> {
    /// Whether the input ends with a quote that closes a value, rather than one that stands for itself.
    fn ends_closed(&self) -> bool {
        let tail = self.tail.strip_suffix(b"\n").unwrap_or(&self.tail);
        let tail = tail.strip_suffix(b"\r").unwrap_or(tail);
        tail.iter().rev().take_while(|byte| **byte == b'"').count() % 2 == 1
    }
}

impl Read for Guard<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.since.get() > ROW_LIMIT {
            let message = format!("a row is longer than {} MB: is a quote not closed?", ROW_LIMIT >> 20);
            return Err(io::Error::other(message));
        }
        let read = self.input.read(out)?;
        self.since.set(self.since.get() + read as u64);
        self.at_end = read == 0;
        let new = out.get(..read).unwrap_or_default();
        self.tail.extend_from_slice(new.get(new.len().saturating_sub(TAIL)..).unwrap_or_default());
        self.tail.drain(..self.tail.len().saturating_sub(TAIL));
        Ok(read)
    }
}

fn records(rows: &mut Rows<'_>, input: &mut dyn Read) -> Result<()> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(rows.table.delimiter)
        .quoting(rows.table.quotes)
        .buffer_capacity(256 << 10)
        .from_reader(LineEnds::new(Guard { input, since: Cell::new(0), tail: Vec::new(), at_end: false }));
    let mut record = csv::ByteRecord::new();
    loop {
        let line = reader.position().line();
        match reader.read_byte_record(&mut record) {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(error) => return Err(broken(error).at_line(line)),
        }
        reader.get_ref().input.since.set(0);
        let line = record.position().map_or(line, |position| reader.get_mut().line_at(position));
        let cells = record.iter().map(std::str::from_utf8).collect::<Result<Vec<&str>, _>>();
        let mut cells = cells.map_err(|_| Error::input("the row is not UTF-8: convert the file"));
        // Such a value has swallowed all lines that follow it.
        let is_open = |cells: &Vec<&str>| cells.last().is_some_and(|cell| cell.contains('\n'));
        if reader.get_ref().input.at_end && cells.as_ref().is_ok_and(is_open) && !reader.get_ref().input.ends_closed() {
            cells = Err(Error::input("a quote is opened in this row, and not closed up to the end of the file"));
        }
        if !rows.line(cells, line, reader.position().byte())? {
            return Ok(());
        }
    }
}

fn broken(error: csv::Error) -> Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) if error.kind() == io::ErrorKind::Other => Error::input(error.to_string()),
        csv::ErrorKind::Io(error) => Error::io("cannot read on", error),
        other => Error::input(format!("{other:?}")),
    }
}

fn lines(rows: &mut Rows<'_>, input: &mut dyn Read) -> Result<()> {
    let mut reader = BufReader::with_capacity(256 << 10, input);
    let (mut bytes, mut line, mut position) = (Vec::new(), 0, 0);
    loop {
        bytes.clear();
        let unreadable = |error| Error::io("cannot read on", error);
        let read = (&mut reader).take(ROW_LIMIT).read_until(b'\n', &mut bytes).map_err(unreadable)? as u64;
        line += 1;
        position += read;
        if read == 0 {
            return Ok(());
        }
        if read == ROW_LIMIT {
            return Err(Error::input(format!("a line is longer than {} MB", ROW_LIMIT >> 20)).at_line(line));
        }
        let text = bytes.strip_prefix(b"\xef\xbb\xbf").filter(|_| line == 1).unwrap_or(&bytes);
        let cells = match std::str::from_utf8(text) {
            Ok(text) => Ok(text.split_whitespace().collect::<Vec<&str>>()),
            Err(_) => Err(Error::input("the line is not UTF-8: convert the file")),
        };
        // An empty line is none.
        if matches!(&cells, Ok(cells) if cells.is_empty()) {
            continue;
        }
        if !rows.line(cells, line, position)? {
            return Ok(());
        }
    }
}
