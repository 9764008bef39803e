//! Lists that users write as CSV, whatever their spreadsheet puts between the columns.

use crate::error::{Error, Result};
use crate::import::line_ends::LineEnds;
use std::io::{BufRead, BufReader, Chain, Cursor, Read};

/// How much of the first line is looked at for what stands between its columns.
const HEADER_LIMIT: u64 = 1 << 16;

/// A list, from its first line on.
type List<R> = csv::Reader<LineEnds<Chain<Cursor<Vec<u8>>, BufReader<R>>>>;

/// Reads CSV text with `,`, `;` or tabs between the columns; the names of its columns come without blanks at their ends.
///
/// # Errors
/// `Io` when it cannot be read; as [`wrong`].
pub(super) fn open<R: Read>(reader: R, trim: csv::Trim) -> Result<(List<R>, Vec<String>)> {
    let mut head = Vec::new();
    let mut reader = BufReader::new(reader);
    let unreadable = |error| Error::io("cannot read the list", error);
    reader.by_ref().take(HEADER_LIMIT).read_until(b'\n', &mut head).map_err(unreadable)?;
    let count = |delimiter: u8| head.iter().filter(|byte| **byte == delimiter).count();
    let delimiter = b"\t;,".iter().copied().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b',');
    let mut builder = csv::ReaderBuilder::new();
    let mut list = builder.trim(trim).delimiter(delimiter).from_reader(LineEnds::new(Cursor::new(head).chain(reader)));
    let header = list.headers().map_err(wrong)?;
    let names = header.iter().map(|name| name.trim_start_matches('\u{feff}').trim().to_owned()).collect();
    Ok((list, names))
}

/// Reads the next row of a list into this; its line, where there is one.
///
/// # Errors
/// As [`wrong`].
pub(super) fn next<R: Read>(list: &mut List<R>, row: &mut csv::StringRecord) -> Result<Option<u64>> {
    let is_there = list.read_record(row).map_err(wrong)?;
    let position = row.position().filter(|_| is_there);
    Ok(position.map(|position| list.get_mut().line_at(position)))
}

/// What is wrong with a list, with its line.
pub(super) fn wrong(error: csv::Error) -> Error {
    let line = error.position().map(csv::Position::line);
    line.into_iter().fold(Error::invalid(error.to_string()), Error::at_line)
}
