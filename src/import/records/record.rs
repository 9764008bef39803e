//! A record and its place.

use crate::error::Error;

/// One record of an input: its text and where it stands.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// The record's number, from 1.
    pub number: u64,
    /// The line that it starts in, from 1.
    pub line: u64,
    /// The byte of the file that it starts at.
    pub offset: u64,
    /// The JSON text.
    pub text: &'a str,
}

impl Record<'_> {
    /// What a parser found wrong in this record, with its place in the file.
    pub fn error(&self, error: &serde_json::Error) -> Error {
        let bytes = self.text.as_bytes();
        let skipped = error.line().saturating_sub(1);
        let line_start = match skipped {
            0 => 0,
            _ => memchr::memchr_iter(b'\n', bytes).nth(skipped - 1).map_or(0, |at| at + 1),
        };
        let text = error.to_string();
        let message = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message);
        let at = line_start + error.column().saturating_sub(1);
        let message = match word_at(bytes, at) {
            Some(word) => format!("{word} stands here, which JSON does not have: write null or leave the field out"),
            None => message.to_owned(),
        };
        Error::input(message)
            .in_record(self.number)
            .at_line(self.line + skipped as u64)
            .at_byte(self.offset + at as u64)
    }
}

/// The word for a number that is none, as Python writes them, in which this byte stands.
fn word_at(bytes: &[u8], at: usize) -> Option<&'static str> {
    ["-Infinity", "Infinity", "NaN"].into_iter().find(|word| {
        let starts = (at + 1).saturating_sub(word.len())..=at;
        starts.into_iter().any(|start| bytes.get(start..).is_some_and(|rest| rest.starts_with(word.as_bytes())))
    })
}
