//! The files that an import reads: those that were named, and those in named folders that hold conversations.

use crate::error::{Error, Result};
use crate::import::forms::Format;
use crate::import::raw::RawRecord;
use crate::import::records::RecordReader;
use crate::import::report::Ignored;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// How deep folders are searched.
const DEPTH_LIMIT: usize = 64;

/// A file to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Input {
    pub(super) path: PathBuf,
    /// Its name for ids and reports: relative to what was named.
    pub(super) name: String,
    pub(super) bytes: u64,
    /// The form of its first record that has one.
    pub(super) format: Option<Format>,
}

/// Lists what there is to read; files in folders that hold no conversations are passed over, with the reason.
pub(super) fn list(paths: &[PathBuf], ignored: &mut Vec<Ignored>) -> Result<Vec<Input>> {
    let mut inputs = Vec::new();
    for path in paths {
        let meta = fs::metadata(path).map_err(|error| Error::io("cannot read it", error).in_file(path))?;
        if !meta.is_dir() && !meta.is_file() {
            let message =
                "it is no regular file, and an import reads its files more than once: write it to a file first";
            return Err(Error::input(message).in_file(path));
        }
        if !meta.is_dir() {
            let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
            let format = first_format(path).map_err(|error| error.in_file(path))?;
            inputs.push(Input { path: path.clone(), name, bytes: meta.len(), format });
            continue;
        }
        let before = inputs.len();
        walk(path, "", 0, &mut inputs, ignored)?;
        if inputs.len() == before {
            let reasons: Vec<String> =
                ignored.iter().take(5).map(|file| format!("{}: {}", file.path, file.reason)).collect();
            let message = match reasons.is_empty() {
                true => "the folder has no .json or .jsonl file".to_owned(),
                false => format!("no file of the folder holds conversations: {}", reasons.join("; ")),
            };
            return Err(Error::input(message).in_file(path));
        }
    }
    Ok(inputs)
}

fn walk(folder: &Path, inside: &str, depth: usize, inputs: &mut Vec<Input>, ignored: &mut Vec<Ignored>) -> Result<()> {
    let unreadable = |error| Error::io("cannot list the folder", error).in_file(folder);
    let mut entries = fs::read_dir(folder).map_err(unreadable)?.collect::<io::Result<Vec<_>>>().map_err(unreadable)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let file_name = entry.file_name().to_string_lossy().into_owned();
        let name = if inside.is_empty() { file_name.clone() } else { format!("{inside}/{file_name}") };
        let kind = entry.file_type().map_err(unreadable)?;
        let lower = file_name.to_ascii_lowercase();
        if kind.is_dir() {
            if depth < DEPTH_LIMIT && !file_name.starts_with('.') && !lower.ends_with(".surgdb") {
                walk(&entry.path(), &name, depth + 1, inputs, ignored)?;
            }
            continue;
        }
        if ![".json", ".jsonl", ".ndjson"].iter().any(|ending| lower.ends_with(ending)) {
            continue;
        }
        let path = entry.path();
        match look_at(&path, &file_name) {
            Err(reason) => ignored.push(Ignored { path: name, reason }),
            Ok(format) => {
                let bytes = fs::metadata(&path).map_err(unreadable)?.len();
                inputs.push(Input { path, name, bytes, format });
            }
        }
    }
    Ok(())
}

/// The form of a file in a folder, or why it is not read. One that is no JSON is read, so that its fault is told.
fn look_at(path: &Path, name: &str) -> Result<Option<Format>, String> {
    if name.starts_with("._") {
        return Err("a `._` twin that macOS writes".into());
    }
    if name.starts_with('.') {
        return Err("a hidden file".into());
    }
    if !path.is_file() {
        return Err("not a file".into());
    }
    first_format(path).map_err(|error| error.message().to_owned())
}

/// How many records are looked at for one that is a conversation.
const LOOKED_AT: usize = 100;

/// The form of the first of a file's records that has one; none where no record can be read or there is none.
///
/// # Errors
/// `Input` when records are read and none is a conversation.
fn first_format(path: &Path) -> Result<Option<Format>> {
    let Ok(file) = File::open(path) else { return Ok(None) };
    let mut reader = RecordReader::new(file);
    let mut other = None;
    for _ in 0..LOOKED_AT {
        let Some(record) = reader.next_record() else { break };
        let Ok(record) = record else { continue };
        let Ok(raw) = serde_json::from_str::<RawRecord<'_>>(record.text) else { continue };
        match Format::of(&raw) {
            Some(format) => return Ok(Some(format)),
            None => other = other.or_else(|| Some(super::forms::no_conversation(&raw))),
        }
    }
    other.map_or(Ok(None), Err)
}

/// Reads a file and digests what passes through.
pub(super) struct DigestingReader {
    file: File,
    hasher: blake3::Hasher,
}

impl DigestingReader {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|error| Error::io("cannot read it", error).in_file(path))?;
        Ok(Self { file, hasher: blake3::Hasher::new() })
    }

    /// The digest of the whole file, which is read to its end, and its length.
    pub(super) fn finish(&self) -> io::Result<(String, u64)> {
        let mut hasher = self.hasher.clone();
        hasher.update_reader(&self.file)?;
        Ok((hasher.finalize().to_hex().to_string(), hasher.count()))
    }
}

impl Read for DigestingReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(out)?;
        self.hasher.update(out.get(..read).unwrap_or_default());
        Ok(read)
    }
}
