//! A file of JSON records, a line each, whose first lines have all the fields that any line has.
//!
//! Readers that make columns of the fields take their types from the first lines, and fail where a field has its first
//! value further down.

use crate::error::{Error, Result};
use crate::export::folder::{OutputFile, OutputFolder};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};

/// How far down a field may have its first value, in bytes: readers take types from blocks of 320 KiB and more.
const FIRST_BYTES: u64 = 128 << 10;

/// The file, and where its fields have their first values.
pub(super) struct Lines<'a> {
    folder: &'a OutputFolder,
    name: String,
    file: OutputFile,
    bytes: u64,
    /// By the field: start and length of the first line that has it.
    firsts: Vec<(&'static str, u64, u64)>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(folder: &'a OutputFolder, name: String) -> Result<Self> {
        Ok(Self { folder, file: folder.file(&name)?, name, bytes: 0, firsts: Vec::new() })
    }

    /// Writes a line that has these of the fields that not all have.
    ///
    /// # Errors
    /// `Io`.
    pub(super) fn push(&mut self, line: &[u8], fields: &[&'static str]) -> Result<()> {
        let unwritten = |error| Error::io("cannot write the records", error);
        self.file.write_all(line).map_err(unwritten)?;
        let length = line.len() as u64;
        for field in fields {
            if !self.has(field) {
                self.firsts.push((field, self.bytes, length));
            }
        }
        self.bytes += length;
        Ok(())
    }

    /// Whether a line has this field.
    fn has(&self, field: &str) -> bool {
        self.firsts.iter().any(|(known, ..)| *known == field)
    }

    /// Gives the file its name, with the first lines where they are to be; how many bytes it has.
    ///
    /// # Errors
    /// `Io`.
    pub(super) fn finish(self) -> Result<u64> {
        let Self { folder, name, file, firsts, .. } = self;
        let bytes = file.finish()?;
        let mut moved: Vec<(u64, u64)> = firsts.iter().map(|(_, start, length)| (*start, *length)).collect();
        moved.sort_unstable();
        moved.dedup();
        if moved.iter().all(|(start, length)| start + length <= FIRST_BYTES) {
            return Ok(bytes);
        }
        let path = folder.path(&name);
        let failed = |error: io::Error| Error::io("cannot move its first lines", error).in_file(&path);
        let mut from = File::open(&path).map_err(failed)?;
        let mut to = folder.file(&name)?;
        for (start, length) in &moved {
            copy(&mut from, *start, *length, &mut to).map_err(failed)?;
        }
        let mut done = 0;
        for (start, length) in moved {
            copy(&mut from, done, start - done, &mut to).map_err(failed)?;
            done = start + length;
        }
        copy(&mut from, done, bytes - done, &mut to).map_err(failed)?;
        to.finish()
    }
}

fn copy(from: &mut File, start: u64, length: u64, to: &mut impl Write) -> io::Result<()> {
    from.seek(SeekFrom::Start(start))?;
    let copied = io::copy(&mut BufReader::new(from.take(length)), to)?;
    if copied == length { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_lines_have_every_field() {
        let dir = tempfile::tempdir().unwrap();
        let folder = OutputFolder::new(&dir.path().join("out"), false).unwrap();
        let mut lines = Lines::new(&folder, "x.jsonl".into()).unwrap();
        let line = |number: usize| format!("{number:07}\n");
        for number in 0..40_000 {
            let fields: &[&'static str] = match number {
                3 => &["early"],
                30_000 | 30_001 => &["late"],
                35_000 => &["late", "latest"],
                _ => &[],
            };
            lines.push(line(number).as_bytes(), fields).unwrap();
        }
        assert!(lines.has("late") && !lines.has("never"));
        assert_eq!(lines.finish().unwrap(), 8 * 40_000);
        let text = std::fs::read_to_string(folder.path("x.jsonl")).unwrap();
        let numbers: Vec<usize> = text.lines().map(|line| line.parse().unwrap()).collect();
        assert_eq!(numbers[..4], [3, 30_000, 35_000, 0]);
        let rest: Vec<usize> = numbers[3..].to_vec();
        let expected: Vec<usize> = (0..40_000).filter(|number| ![3, 30_000, 35_000].contains(number)).collect();
        assert_eq!(rest, expected);
    }
}
