//! What of an input lies ahead and is held: as much as is looked at in one piece, and no more.

use super::{CHUNK, RECORD_LIMIT};
use crate::error::{Error, Result};
use std::io::Read;
use std::ops::Range;

/// An input, and what of it is held.
pub(super) struct Ahead<R> {
    pub(super) input: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    at_end: bool,
    offset: u64,
    /// The line, from 1, that a place of the buffer is in: lines are counted when they are asked for.
    line: (usize, u64),
    /// How much may be held.
    pub(super) limit: usize,
}

impl<R: Read> Ahead<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input,
            buffer: vec![0; CHUNK],
            start: 0,
            end: 0,
            at_end: false,
            offset: 0,
            line: (0, 1),
            limit: RECORD_LIMIT,
        }
    }

    /// How many bytes of the input are behind.
    pub(super) fn position(&self) -> u64 {
        self.offset + self.start as u64
    }

    /// The line that comes next, from 1.
    pub(super) fn line(&self) -> u64 {
        let (from, line) = self.line;
        line + memchr::memchr_iter(b'\n', self.at(from..self.start)).count() as u64
    }

    /// The same; what is behind is not counted again.
    pub(super) fn count_lines(&mut self) -> u64 {
        self.line = (self.start, self.line());
        self.line.1
    }

    /// Whether the input has ended, and what is held is all there is.
    pub(super) fn is_last(&self) -> bool {
        self.at_end
    }

    /// Where what is held starts, for [`Ahead::at`].
    pub(super) fn start(&self) -> usize {
        self.start
    }

    /// These bytes, which may be behind already; they stay until more is read.
    pub(super) fn at(&self, place: Range<usize>) -> &[u8] {
        self.buffer.get(place).unwrap_or_default()
    }

    /// How much the buffer can hold.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.buffer.len()
    }

    /// Steps over a line of this length, and its end where it has one.
    pub(super) fn pass_line(&mut self, length: usize) {
        let line = self.count_lines() + u64::from(length < self.len());
        self.start += (length + 1).min(self.len());
        self.line = (self.start, line);
    }

    /// Where the line ends that starts so many bytes from here, counted from here.
    pub(super) fn line_length(&mut self, start: usize) -> Result<usize> {
        let mut searched = start;
        loop {
            let held = self.bytes();
            if let Some(at) = memchr::memchr(b'\n', held.get(searched..).unwrap_or_default()) {
                return Ok(searched + at);
            }
            searched = held.len();
            if !self.fill()? {
                return Ok(searched);
            }
        }
    }

    /// The next byte that is no blank, if there is one.
    pub(super) fn skip_blanks(&mut self) -> Result<Option<u8>> {
        loop {
            let next = self.bytes().iter().enumerate().find(|(_, byte)| !byte.is_ascii_whitespace());
            if let Some((blanks, byte)) = next.map(|(at, byte)| (at, *byte)) {
                self.advance(blanks);
                return Ok(Some(byte));
            }
            self.advance(self.len());
            if !self.fill()? {
                return Ok(None);
            }
        }
    }

    pub(super) fn advance(&mut self, bytes: usize) {
        self.start += bytes;
    }

    pub(super) fn len(&self) -> usize {
        self.end - self.start
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    pub(super) fn file_end(&self) -> u64 {
        self.offset + self.end as u64
    }

    /// Reads more; false at the end of the input.
    pub(super) fn fill(&mut self) -> Result<bool> {
        if self.at_end {
            return Ok(false);
        }
        if self.end == self.buffer.len() {
            self.make_room()?;
        }
        loop {
            let room = self.buffer.get_mut(self.end..).unwrap_or_default();
            match self.input.read(room) {
                Ok(0) => {
                    self.at_end = true;
                    return Ok(false);
                }
                Ok(read) => {
                    self.end += read.min(room.len());
                    return Ok(true);
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::io("cannot read on", error).at_byte(self.file_end())),
            }
        }
    }

    fn make_room(&mut self) -> Result<()> {
        if self.start > self.buffer.len() / 2 || (self.start > 0 && self.buffer.len() >= self.limit) {
            let line = self.count_lines();
            self.line = (0, line);
            self.buffer.copy_within(self.start..self.end, 0);
            self.offset += self.start as u64;
            self.end -= self.start;
            self.start = 0;
            return Ok(());
        }
        if self.len() >= self.limit {
            return Err(Error::input(format!(
                "a record is longer than {} bytes: is a bracket or a quote missing?",
                self.limit
            )));
        }
        let longer = self.buffer.len().saturating_mul(2).min(self.limit.max(CHUNK).saturating_add(CHUNK));
        self.buffer.resize(longer.max(self.buffer.len() + CHUNK), 0);
        Ok(())
    }
}
