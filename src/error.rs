//! The one error type of the crate.
//!
//! An [`Error`] is one word wide, says what went wrong in a sentence that its reader can act on, and
//! gathers where it happened (file, byte, row, record) on its way up.

use std::fmt;
use std::path::{Path, PathBuf};

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of thing went wrong: what a program may want to branch on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// There is no such dataset, version, tag, table, column, id or address.
    NotFound,
    /// It is there already: a dataset to be created, an id, a column.
    Exists,
    /// More than one row answers to this id; the message names them.
    Ambiguous,
    /// The row was deleted in this version.
    Deleted,
    /// The address belongs to another version than the one that is open.
    NotInVersion,
    /// The file was removed by a purge after this version was opened.
    Purged,
    /// A linked file is gone, or no longer has the bytes that were linked.
    LinkBroken,
    /// Bytes of the dataset are damaged: a checksum, a length or an invariant does not hold.
    Corrupt,
    /// The dataset needs a feature or a format version that this build does not know.
    Unsupported,
    /// A row, option or argument that the caller gave cannot be accepted.
    Invalid,
    /// A file that is being imported cannot be read as what it claims to be.
    Input,
    /// The row is still referred to by others; the message names some of them.
    Referenced,
    /// Another writer committed something that this change rests on.
    Conflict,
    /// The file system cannot do what safe writing needs (no hard links, say).
    Storage,
    /// The operating system reported an error.
    Io,
    /// The work was interrupted by the user.
    Interrupted,
    /// A thread that worked for the caller panicked: a bug, of this crate or of a function that it was given.
    Panic,
}

/// What went wrong, where, and what to do about it.
///
/// ```
/// use surgdb::{Error, ErrorKind};
/// let error = Error::corrupt("the checksum of column `turns` does not match its bytes")
///     .in_file("conversations/000003.arrow")
///     .at_byte(4096);
/// assert_eq!(error.kind(), ErrorKind::Corrupt);
/// assert_eq!(
///     error.to_string(),
///     "conversations/000003.arrow, byte 4096: the checksum of column `turns` does not match its bytes"
/// );
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    place: Place,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

#[derive(Default)]
struct Place {
    file: Option<PathBuf>,
    byte: Option<u64>,
    line: Option<u64>,
    record: Option<u64>,
    id: Option<String>,
    row: Option<String>,
}

macro_rules! constructors {
    ($($(#[$doc:meta])* $name:ident => $kind:ident),* $(,)?) => {
        impl Error {
            $($(#[$doc])* pub fn $name(message: impl Into<String>) -> Self {
                Self::new(ErrorKind::$kind, message)
            })*
        }
    };
}

constructors! {
    /// An error of kind [`ErrorKind::NotFound`].
    not_found => NotFound,
    /// An error of kind [`ErrorKind::Exists`].
    exists => Exists,
    /// An error of kind [`ErrorKind::Corrupt`].
    corrupt => Corrupt,
    /// An error of kind [`ErrorKind::Unsupported`].
    unsupported => Unsupported,
    /// An error of kind [`ErrorKind::Invalid`].
    invalid => Invalid,
    /// An error of kind [`ErrorKind::Input`].
    input => Input,
    /// An error of kind [`ErrorKind::Conflict`].
    conflict => Conflict,
}

impl Error {
    /// An error of this kind that says `message`: what is wrong and what to do, without the place.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner { kind, message: message.into(), place: Place::default(), source: None }))
    }

    /// An operating system's error while doing `what` ("cannot open it for reading").
    pub fn io(what: impl Into<String>, error: std::io::Error) -> Self {
        let kind = match error.kind() {
            std::io::ErrorKind::NotFound => ErrorKind::NotFound,
            _ => ErrorKind::Io,
        };
        Self::new(kind, format!("{}: {error}", what.into())).caused_by(error)
    }

    /// What kind of error this is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The message without its place.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The file that the error is about, where one is known.
    pub fn file(&self) -> Option<&Path> {
        self.0.place.file.as_deref()
    }

    /// The byte offset in that file, where one is known.
    pub fn byte(&self) -> Option<u64> {
        self.0.place.byte
    }

    /// The line of that file (counted from 1), where one is known.
    pub fn line(&self) -> Option<u64> {
        self.0.place.line
    }

    /// The record of the imported file (counted from 1), where one is known.
    pub fn record(&self) -> Option<u64> {
        self.0.place.record
    }

    /// The same error, in this file, unless it has one already.
    pub fn in_file(mut self, file: impl AsRef<Path>) -> Self {
        self.0.place.file.get_or_insert_with(|| file.as_ref().to_path_buf());
        self
    }

    /// The same error, at this byte of the file, unless it has one already.
    pub fn at_byte(mut self, byte: u64) -> Self {
        self.0.place.byte.get_or_insert(byte);
        self
    }

    /// The same error, at this line of the file (counted from 1), unless it has one already.
    pub fn at_line(mut self, line: u64) -> Self {
        self.0.place.line.get_or_insert(line);
        self
    }

    /// The same error, in this record of an imported file (counted from 1), unless it has one already.
    pub fn in_record(mut self, record: u64) -> Self {
        self.0.place.record.get_or_insert(record);
        self
    }

    /// The same error, about the record or row with this id, unless it has one already.
    pub fn with_id(mut self, id: impl Into<String>) -> Self {
        self.0.place.id.get_or_insert_with(|| id.into());
        self
    }

    /// The same error, in this row ("fragment 3, row 17"), unless it has one already.
    pub fn in_row(mut self, row: impl Into<String>) -> Self {
        self.0.place.row.get_or_insert_with(|| row.into());
        self
    }

    /// The same error, with what caused it.
    pub fn caused_by(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }
}

/// A path as a shell takes it, for messages that name a command.
pub fn in_shell(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-".contains(c);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = &self.0.place;
        let mut parts = Vec::new();
        if let Some(file) = &place.file {
            parts.push(file.display().to_string());
        }
        if let Some(record) = place.record {
            parts.push(format!("record {record}"));
        }
        if let Some(id) = &place.id {
            parts.push(format!("id {id:?}"));
        }
        if let Some(line) = place.line {
            parts.push(format!("line {line}"));
        }
        if let Some(row) = &place.row {
            parts.push(row.clone());
        }
        if let Some(byte) = place.byte {
            parts.push(format!("byte {byte}"));
        }
        if !parts.is_empty() {
            write!(f, "{}: ", parts.join(", "))?;
        }
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.0.kind)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

impl From<arrow_schema::ArrowError> for Error {
    fn from(error: arrow_schema::ArrowError) -> Self {
        Self::corrupt(error.to_string()).caused_by(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_word_wide() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }

    #[test]
    fn the_first_place_that_is_named_stays() {
        let error = Error::input("no").in_file("a").in_file("b").in_record(2).at_line(7);
        assert_eq!(error.to_string(), "a, record 2, line 7: no");
    }
}
