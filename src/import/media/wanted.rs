//! A path as a record means it, whatever its slashes.

use std::borrow::Cow;
use std::path::{Component, Path};

/// A path as a record means it, whatever its slashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// With slashes, without `.` and, as far as they can be folded, `..`: what tells paths apart.
    pub(crate) id: String,
    /// The path as it was written, where it may be a file's name as it is: with back slashes, or blanks at its ends.
    pub(super) exact: Option<String>,
    pub(super) is_absolute: bool,
    pub(super) is_remote: bool,
    pub(super) climbs: bool,
    /// The id of the row that it is looked for, where that is another: its folders say whose file it is.
    pub(super) row: Option<String>,
}

impl Wanted {
    /// Whether it starts at the top of a disk, or is no path of this machine.
    pub(crate) fn is_absolute(&self) -> bool {
        self.is_absolute || self.is_remote
    }

    /// Whether its `..` leave the folder that it starts in.
    pub(crate) fn climbs(&self) -> bool {
        self.climbs
    }

    /// The same, for the row of this id.
    pub(crate) fn of_row(self, id: &str) -> Self {
        let row = (self.id != id).then(|| id.to_owned());
        Self { row, ..self }
    }

    /// Reads a path as a record wrote it.
    pub(crate) fn new(as_written: &str) -> Self {
        let written = as_written.trim();
        if let Some(rest) = written.strip_prefix("file://") {
            let path = rest.strip_prefix("localhost/").map_or(rest.to_owned(), |rest| format!("/{rest}"));
            return Self::of_path(&percent_decoded(&path).unwrap_or(path));
        }
        let has_scheme = written.split_once("://").is_some_and(|(scheme, _)| {
            !scheme.is_empty() && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
        });
        if has_scheme {
            return Self {
                id: written.to_owned(),
                exact: None,
                is_absolute: false,
                is_remote: true,
                climbs: false,
                row: None,
            };
        }
        let may_be_exact = (as_written != written || written.contains('\\')) && is_inside(as_written);
        Self { exact: may_be_exact.then(|| as_written.to_owned()), ..Self::of_path(written) }
    }

    fn of_path(path: &str) -> Self {
        let path = if path.contains('\\') { Cow::Owned(path.replace('\\', "/")) } else { Cow::Borrowed(path) };
        let drive = path.as_bytes().get(1) == Some(&b':') && path.starts_with(|c: char| c.is_ascii_alphabetic());
        let is_absolute = path.starts_with('/') || drive;
        if !path.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Self {
                id: path.into_owned(),
                exact: None,
                is_absolute,
                is_remote: false,
                climbs: false,
                row: None,
            };
        }
        let mut parts: Vec<&str> = Vec::new();
        for part in path.split('/') {
            match part {
                "" | "." => {}
                ".." if parts.last().is_some_and(|last| *last != "..") => {
                    parts.pop();
                }
                part => parts.push(part),
            }
        }
        let climbs = parts.first() == Some(&"..");
        let start = if path.starts_with('/') { "/" } else { "" };
        Self {
            id: format!("{start}{}", parts.join("/")),
            exact: None,
            is_absolute,
            is_remote: false,
            climbs,
            row: None,
        }
    }
}

/// A path that starts in a folder, as one that starts where the folder's does, as far as its `..` can be folded.
pub(crate) fn folded(folder: &str, path: &str) -> String {
    let path = path.replace('\\', "/");
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Whether a decoded path stays below its root.
pub(super) fn is_inside(path: &str) -> bool {
    !path.contains('\0') && Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
}

/// The path with `%20` and the like read; nothing where there are none, or they give no text.
pub(super) fn percent_decoded(text: &str) -> Option<String> {
    if !text.contains('%') {
        return None;
    }
    let hex = |byte: Option<&u8>| char::from(*byte?).to_digit(16).map(|digit| digit as u8);
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match (byte, hex(bytes.get(at + 1)), hex(bytes.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                out.push(high * 16 + low);
                at += 3;
            }
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8(out).ok().filter(|decoded| decoded != text)
}
