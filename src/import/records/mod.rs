//! Cuts a JSON input into records, one at a time, in memory that grows to the largest record and no further.
//!
//! It takes a JSON array of objects, JSON Lines, objects one after the other, and an object that wraps the array
//! under `data`, `records`, `samples` or `items`. It knows where each record stands (number, line, byte), checks
//! UTF-8 and nesting, and leaves the grammar to whoever parses the record.

mod ahead;
pub mod members;
mod record;
mod scan;
mod text;

pub use record::Record;

use crate::error::{Error, Result};
use ahead::Ahead;
use scan::{Scan, Step};
use std::io::Read;
use std::ops::Range;
use text::{line_fault, shown, too_deep, wrapper_length};

/// A record may be this long unless [`RecordReader::with_limit`] says otherwise.
pub const RECORD_LIMIT: usize = 256 << 20;
/// How deep a record may be nested.
pub const DEPTH_LIMIT: u32 = 128;
/// How a message starts that something else stands where a record should.
pub(super) const NO_RECORD: &str = "expected a record (`{`)";
/// How much is read at a time.
const CHUNK: usize = 256 << 10;

/// How the records stand in the input.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Layout {
    /// Not looked at yet.
    Unknown,
    /// An array, perhaps in a wrapper.
    Array { wrapped: bool, first: bool },
    /// A record a line.
    Lines,
    /// Objects one after the other.
    Concatenated,
    /// Nothing more can be read.
    Ended,
}

/// Reads records from a stream.
pub struct RecordReader<R> {
    ahead: Ahead<R>,
    number: u64,
    layout: Layout,
    rest_is_lost: bool,
}

/// What comes next in an array.
enum Element {
    Record,
    /// Text, a list, a `null`, a number or the like, which is behind the reader now: what is wrong with it.
    NoRecord(Error),
    End,
}

/// Where a record lies in the buffer.
struct Found {
    place: Range<usize>,
    line: u64,
    offset: u64,
}

impl<R: Read> RecordReader<R> {
    /// A reader of the records in `input`.
    pub fn new(input: R) -> Self {
        Self { ahead: Ahead::new(input), number: 0, layout: Layout::Unknown, rest_is_lost: false }
    }

    /// The same reader with another limit to a record's length.
    pub fn with_limit(mut self, limit: usize) -> Self {
        self.ahead.limit = limit;
        self
    }

    /// How many bytes of the input are behind the reader.
    pub fn position(&self) -> u64 {
        self.ahead.position()
    }

    /// Where the reader stopped although more follows: no record can be told from the next there, so what follows is not
    /// read, whatever is done about bad records.
    ///
    /// # Errors
    /// `Input` with line and byte when that is so.
    pub fn check_rest(&self) -> Result<()> {
        if !self.rest_is_lost {
            return Ok(());
        }
        let message = "from here on no record can be told from the next, so the rest of the file cannot be read, also \
                       where bad records are skipped: mend the file";
        Err(Error::input(message).at_line(self.ahead.line()).at_byte(self.position()))
    }

    /// Notes that nothing is read any more, and whether something is left.
    fn give_up(&mut self) {
        self.layout = Layout::Ended;
        self.rest_is_lost = self.ahead.len() > 0 || !self.ahead.is_last();
    }

    /// What the records are read from: to ask it for the input's digest, say.
    pub fn input(&self) -> &R {
        &self.ahead.input
    }

    /// The next record, an error about it, or nothing at the end.
    ///
    /// After an error, calling it again goes on with the next record where the input's layout lets one find it
    /// (always in JSON Lines), and gives nothing where it does not.
    ///
    /// # Errors
    /// `Input` with record, line and byte when the input is no list of JSON objects there.
    pub fn next_record(&mut self) -> Option<Result<Record<'_>>> {
        let found = match self.find() {
            Ok(Some(found)) => found,
            Ok(None) => {
                self.layout = Layout::Ended;
                return None;
            }
            Err(error) => return Some(Err(error)),
        };
        let bytes = self.ahead.at(found.place.clone());
        Some(match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Record { number: self.number, line: found.line, offset: found.offset, text }),
            Err(error) => {
                let valid = error.valid_up_to();
                let before = bytes.get(..valid).unwrap_or_default();
                let line = found.line + memchr::memchr_iter(b'\n', before).count() as u64;
                Err(Error::input("the bytes here are not UTF-8: convert the file")
                    .in_record(self.number)
                    .at_line(line)
                    .at_byte(found.offset + valid as u64))
            }
        })
    }

    fn find(&mut self) -> Result<Option<Found>> {
        if self.layout == Layout::Unknown
            && let Err(error) = self.look_at_layout()
        {
            self.give_up();
            return Err(error);
        }
        match self.layout {
            Layout::Unknown | Layout::Ended => Ok(None),
            Layout::Lines => self.find_line(),
            Layout::Concatenated => {
                let Some(byte) = self.ahead.skip_blanks()? else { return Ok(None) };
                if byte == b'{' {
                    return self.find_value();
                }
                let wrong = self.not_a_record(byte);
                if self.pass_over_value(byte)? {
                    self.number += 1;
                } else {
                    self.give_up();
                }
                Err(wrong)
            }
            Layout::Array { wrapped, first } => self.find_element(wrapped, first),
        }
    }

    /// Passes over a byte order mark, and refuses what is no UTF-8 at all.
    fn look_at_start(&mut self) -> Result<()> {
        while self.ahead.len() < 4 && self.ahead.fill()? {}
        let head = self.ahead.bytes();
        if head.starts_with(b"\xef\xbb\xbf") {
            self.ahead.advance(3);
        } else if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
            return Err(Error::input("the file is UTF-16: convert it to UTF-8").at_line(1));
        } else if head.starts_with(b"\x1f\x8b") || head.starts_with(b"\x28\xb5\x2f\xfd") {
            return Err(Error::input("the file is compressed: unpack it first").at_line(1));
        }
        Ok(())
    }

    /// Decides from the first bytes how the records stand.
    fn look_at_layout(&mut self) -> Result<()> {
        self.look_at_start()?;
        self.layout = match self.ahead.skip_blanks()? {
            None => Layout::Ended,
            Some(b'[') => {
                self.ahead.advance(1);
                Layout::Array { wrapped: false, first: true }
            }
            Some(b'{') if self.enter_wrapper()? => Layout::Array { wrapped: true, first: true },
            // A line that is one whole object says that each line is a record; the first one may be bad.
            Some(b'{') if self.is_line_whole(0)? => Layout::Lines,
            Some(_) if self.is_line_whole(1)? => Layout::Lines,
            Some(b'{') => Layout::Concatenated,
            Some(other) => return Err(self.wrong(&format!("expected `[` or `{{`, found {}", shown(other)))),
        };
        Ok(())
    }

    /// Steps into `{"data": [` if that is what stands here.
    fn enter_wrapper(&mut self) -> Result<bool> {
        while self.ahead.len() < 64 && self.ahead.fill()? {}
        let head = self.ahead.bytes();
        let Some(after) = wrapper_length(head) else { return Ok(false) };
        self.ahead.advance(after);
        Ok(true)
    }

    /// Whether the line that comes so many lines later is one whole object.
    fn is_line_whole(&mut self, later: usize) -> Result<bool> {
        let (mut start, mut end) = (0, self.ahead.line_length(0)?);
        for _ in 0..later {
            start = end + 1;
            end = self.ahead.line_length(start)?;
        }
        let line = self.ahead.bytes().get(start..end).unwrap_or_default().trim_ascii();
        Ok(line.starts_with(b"{") && matches!(Scan::default().run(line), Step::Whole(end) if end == line.len()))
    }

    fn find_line(&mut self) -> Result<Option<Found>> {
        loop {
            let length = match self.ahead.line_length(0) {
                Ok(length) => length,
                Err(error) => {
                    self.give_up();
                    return Err(error);
                }
            };
            if length == 0 && self.ahead.len() == 0 {
                return Ok(None);
            }
            let line = self.ahead.bytes().get(..length).unwrap_or_default();
            let blanks = line.len() - line.trim_ascii_start().len();
            let text = line.trim_ascii();
            let start = self.ahead.start() + blanks;
            let found = Found {
                place: start..start + text.len(),
                line: self.ahead.line(),
                offset: self.position() + blanks as u64,
            };
            let is_last = self.ahead.is_last() && length == self.ahead.len();
            let wrong = if text.is_empty() { None } else { line_fault(text, is_last) };
            let is_blank = text.is_empty();
            self.ahead.pass_line(length);
            if is_blank {
                continue;
            }
            self.number += 1;
            return match wrong {
                None => Ok(Some(found)),
                Some(message) => {
                    Err(Error::input(message).in_record(self.number).at_line(found.line).at_byte(found.offset))
                }
            };
        }
    }

    fn find_element(&mut self, wrapped: bool, first: bool) -> Result<Option<Found>> {
        match self.next_element(first) {
            Ok(Element::Record) => {
                self.layout = Layout::Array { wrapped, first: false };
                return self.find_value();
            }
            Ok(Element::NoRecord(wrong)) => {
                self.layout = Layout::Array { wrapped, first: false };
                self.number += 1;
                return Err(wrong);
            }
            Ok(Element::End) => self.leave_array(wrapped)?,
            Err(error) => {
                self.give_up();
                return Err(error);
            }
        }
        self.layout = Layout::Ended;
        Ok(None)
    }

    /// Steps to the next element of the array.
    fn next_element(&mut self, first: bool) -> Result<Element> {
        let Some(mut byte) = self.ahead.skip_blanks()? else { return Err(self.cut_off("the list is not closed")) };
        if byte == b']' {
            self.ahead.advance(1);
            return Ok(Element::End);
        }
        if !first {
            if byte != b',' {
                return Err(self.wrong(&format!("expected `,` or `]` after a record, found {}", shown(byte))));
            }
            self.ahead.advance(1);
            byte = match self.ahead.skip_blanks()? {
                Some(byte) => byte,
                None => return Err(self.cut_off("the list is not closed")),
            };
            if byte == b']' {
                return Err(self.wrong("there is a comma before the `]` that ends the list"));
            }
        }
        if byte != b'{' {
            let wrong = self.not_a_record(byte);
            return if self.pass_over_value(byte)? { Ok(Element::NoRecord(wrong)) } else { Err(wrong) };
        }
        Ok(Element::Record)
    }

    /// Steps over a value that is no object; false where none stands here, or it does not end.
    fn pass_over_value(&mut self, first: u8) -> Result<bool> {
        if !matches!(first, b'"' | b'[') {
            return self.pass_over_word();
        }
        let mut scan = Scan::default();
        loop {
            if let Step::Whole(length) = scan.run(self.ahead.bytes()) {
                self.ahead.advance(length);
                return Ok(true);
            }
            if !self.ahead.fill()? {
                return Ok(false);
            }
        }
    }

    /// Steps over a `null`, a number or the like; false where none stands here.
    fn pass_over_word(&mut self) -> Result<bool> {
        let mut passed = false;
        loop {
            let word = |byte: &&u8| byte.is_ascii_alphanumeric() || b"+-._".contains(byte);
            let length = self.ahead.bytes().iter().take_while(word).count();
            passed |= length > 0;
            self.ahead.advance(length);
            if self.ahead.len() > 0 || !self.ahead.fill()? {
                return Ok(passed);
            }
        }
    }

    /// Checks that nothing follows the array but the end of its wrapper.
    fn leave_array(&mut self, wrapped: bool) -> Result<()> {
        let left = self.step_out(wrapped);
        if left.is_err() {
            self.give_up();
        }
        left
    }

    fn step_out(&mut self, wrapped: bool) -> Result<()> {
        let mut next = self.ahead.skip_blanks()?;
        if wrapped {
            match next {
                Some(b'}') => self.ahead.advance(1),
                Some(_) => {
                    return Err(self.wrong("the object around the list holds more than the list: take the list out"));
                }
                None => return Err(self.cut_off("the object around the list is not closed")),
            }
            next = self.ahead.skip_blanks()?;
        }
        match next {
            None => Ok(()),
            Some(byte) => Err(self.wrong(&format!("the list has ended, but {} follows", shown(byte)))),
        }
    }

    /// Finds the end of the value that starts here.
    fn find_value(&mut self) -> Result<Option<Found>> {
        self.number += 1;
        let (line, offset) = (self.ahead.count_lines(), self.position());
        let place = |error: Error, number| error.in_record(number).at_line(line).at_byte(offset);
        let mut scan = Scan::default();
        let length = loop {
            match scan.run(self.ahead.bytes()) {
                Step::Whole(length) => break length,
                Step::More if scan.deepest > DEPTH_LIMIT && self.ahead.is_last() => break self.ahead.len(),
                Step::More => match self.ahead.fill() {
                    Ok(true) => {}
                    Ok(false) if scan.deepest > DEPTH_LIMIT => break self.ahead.len(),
                    Ok(false) => {
                        self.layout = Layout::Ended;
                        let message =
                            format!("the file ends at byte {} in the middle of this record", self.ahead.file_end());
                        return Err(place(Error::input(message), self.number));
                    }
                    Err(error) => {
                        self.give_up();
                        return Err(place(error, self.number));
                    }
                },
            }
        };
        let start = self.ahead.start();
        self.ahead.advance(length);
        if scan.deepest > DEPTH_LIMIT {
            return Err(place(Error::input(too_deep()), self.number));
        }
        Ok(Some(Found { place: start..start + length, line, offset }))
    }

    fn wrong(&self, message: &str) -> Error {
        Error::input(message).in_record(self.number + 1).at_line(self.ahead.line()).at_byte(self.position())
    }

    fn not_a_record(&self, found: u8) -> Error {
        self.wrong(&format!("{NO_RECORD}, found {}", shown(found)))
    }

    fn cut_off(&self, what: &str) -> Error {
        self.wrong(&format!("the file ends too early: {what}"))
    }
}

#[cfg(test)]
mod tests;
