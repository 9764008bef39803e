//! What a command prints to stdout: text for people, or one JSON value for programs.

use crate::ui;
use serde_json::Value;
use std::io::{self, BufWriter, StdoutLock, Write};
use surgdb::{Error, Operation, Result};

/// Standard output, buffered.
pub struct Output(BufWriter<StdoutLock<'static>>);

impl Output {
    /// Standard output.
    pub fn new() -> Self {
        Self(BufWriter::new(io::stdout().lock()))
    }

    /// Writes a text as it is.
    ///
    /// # Errors
    /// `Io` when stdout cannot take it; see [`is_broken_pipe`].
    pub fn text(&mut self, text: impl std::fmt::Display) -> Result<()> {
        write!(self.0, "{text}").map_err(failed)
    }

    /// Writes a line.
    ///
    /// # Errors
    /// As [`Output::text`].
    pub fn line(&mut self, line: impl std::fmt::Display) -> Result<()> {
        writeln!(self.0, "{line}").map_err(failed)
    }

    /// Writes a JSON value, indented, with a line's end.
    ///
    /// # Errors
    /// As [`Output::text`].
    pub fn json(&mut self, value: &Value) -> Result<()> {
        self.line(format_args!("{value:#}"))
    }

    /// Writes out what is buffered, for a reader that waits for it.
    ///
    /// # Errors
    /// As [`Output::text`].
    pub fn flush(&mut self) -> Result<()> {
        self.0.flush().map_err(failed)
    }

    /// Writes out what is buffered, and ends.
    ///
    /// # Errors
    /// As [`Output::text`].
    pub fn finish(mut self) -> Result<()> {
        self.0.flush().map_err(failed)
    }
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
