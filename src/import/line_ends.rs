//! Lines of CSV files whose lines end with two characters: a reader that takes a record at the first of them has not counted
//! the line that the second ends.

use std::collections::VecDeque;
use std::io::{self, Read};

/// What is read, and where in it line feeds stand behind carriage returns, as far as that is ahead.
pub(super) struct LineEnds<R> {
    pub(super) input: R,
    read: u64,
    was_return: bool,
    ends: VecDeque<u64>,
}

impl<R> LineEnds<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, read: 0, was_return: false, ends: VecDeque::new() }
    }

    /// The line that a record is in which was read from this position on; later positions only come after it.
    pub(super) fn line_at(&mut self, position: &csv::Position) -> u64 {
        while self.ends.front().is_some_and(|end| *end < position.byte()) {
            self.ends.pop_front();
        }
        position.line() + u64::from(self.ends.front() == Some(&position.byte()))
    }
}

impl<R: Read> Read for LineEnds<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(out)?;
        let bytes = out.get(..read).unwrap_or_default();
        for at in memchr::memchr_iter(b'\n', bytes) {
            let is_second = match at.checked_sub(1) {
                Some(before) => bytes.get(before) == Some(&b'\r'),
                None => self.was_return,
            };
            if is_second {
                self.ends.push_back(self.read + at as u64);
            }
        }
        self.was_return = bytes.last().map_or(self.was_return, |last| *last == b'\r');
        self.read += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_however_they_end() {
        let text = "a,b\n1,\"x\ny\"\n2,2\n3,3";
        for (text, capacity) in
            [(text.to_owned(), 1), (text.replace('\n', "\r\n"), 1), (text.replace('\n', "\r\n"), 99)]
        {
            let mut builder = csv::ReaderBuilder::new();
            let mut reader = builder.buffer_capacity(capacity).from_reader(LineEnds::new(text.as_bytes()));
            let (mut record, mut lines) = (csv::StringRecord::new(), Vec::new());
            while reader.read_record(&mut record).unwrap() {
                lines.push(reader.get_mut().line_at(record.position().unwrap()));
            }
            assert_eq!(lines, [2, 4, 5], "{text:?}");
        }
    }
}
