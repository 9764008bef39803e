//! What a command prints to stdout: text for people, or one JSON value for programs.

use crate::terminal::{shown, steers};
use crate::ui::{self, Table};
use serde::Serialize;
use serde_json::Value;
use std::fmt::{Display, Write as _};
use std::io::{self, BufWriter, StdoutLock, Write};
use surgdb::{Error, Operation, Result};

/// Standard output, buffered. Whatever goes through it is safe for a terminal.
pub struct Output(BufWriter<StdoutLock<'static>>);

impl Output {
    /// Standard output.
    pub fn new() -> Self {
        Self(BufWriter::new(io::stdout().lock()))
    }

    /// Writes a line. What would steer a terminal is written out, line ends inside included.
    ///
    /// # Errors
    /// `Io` when stdout cannot take it; see [`is_broken_pipe`].
    pub fn line(&mut self, line: impl Display) -> Result<()> {
        writeln!(self.0, "{}", shown(&line.to_string())).map_err(failed)
    }

    /// Writes a line after a blank one.
    ///
    /// # Errors
    /// As [`Output::line`].
    pub fn section(&mut self, line: impl Display) -> Result<()> {
        self.line("")?;
        self.line(line)
    }

    /// Writes the lines of a table, each indented by so many blanks.
    ///
    /// # Errors
    /// As [`Output::line`].
    pub fn table(&mut self, table: &Table, indent: usize) -> Result<()> {
        table.lines(indent).lines().try_for_each(|line| self.line(line))
    }

    /// Writes a JSON value, indented, with a line's end.
    ///
    /// # Errors
    /// As [`Output::line`].
    pub fn json(&mut self, value: &impl Serialize) -> Result<()> {
        let text = serde_json::to_string_pretty(value).map_err(|error| Error::invalid(error.to_string()))?;
        writeln!(self.0, "{}", escaped(&text)).map_err(failed)
    }

    /// Writes out what is buffered, for a reader that waits for it.
    ///
    /// # Errors
    /// As [`Output::line`].
    pub fn flush(&mut self) -> Result<()> {
        self.0.flush().map_err(failed)
    }

    /// Writes out what is buffered, and ends.
    ///
    /// # Errors
    /// As [`Output::line`].
    pub fn finish(mut self) -> Result<()> {
        self.0.flush().map_err(failed)
    }
}

/// The same JSON, with what steers a terminal written as escapes. In JSON text that can stand in strings alone, but for
/// line ends between values.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\r' => escaped.push(' '),
            '\n' => escaped.push(c),
            c if steers(c) => drop(write!(escaped, "\\u{:04x}", u32::from(c))),
            c => escaped.push(c),
        }
    }
    escaped
}

fn failed(error: io::Error) -> Error {
    Error::io("cannot write to standard output", error)
}

/// Whether the error only says that the reader of our output went away (`surgdb show … | head`).
pub fn is_broken_pipe(error: &Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// An operation in a line: its name and its facts.
pub fn operation(operation: &Operation) -> String {
    let facts: Vec<String> = operation
        .summary
        .iter()
        .map(|(name, value)| match value {
            Value::String(text) => format!("{name} {text}"),
            Value::Number(number) => match number.as_u64() {
                Some(number) => format!("{name} {}", ui::count(number)),
                None => format!("{name} {number}"),
            },
            other => format!("{name} {other}"),
        })
        .collect();
    if facts.is_empty() { operation.kind.clone() } else { format!("{}: {}", operation.kind, facts.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_stays_the_same_value_and_steers_nothing() {
        let value = serde_json::json!({ "id": "a\u{9b}2J\x1b\u{202e}\x7f\n" });
        let text = escaped(&serde_json::to_string_pretty(&value).unwrap());
        assert!(!text.chars().any(|c| steers(c) && c != '\n'), "{text:?}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }
}
