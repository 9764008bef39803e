//! Reports on their way into a version (FORMAT.md, 13.5): written when nothing else speaks against the change that names
//! them, and taken back where another writer was first after all.

use crate::dataset::claims::Claims;
use crate::error::{Error, ErrorKind, Result};
use crate::format::constants::REPORTS_DIR;
use crate::format::manifest::ReportEntry;
use crate::storage::open_plain;
use crate::storage::publish::{NewFile, publish_bytes, unlink};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

/// Bytes of a report that are copied at once.
const CHUNK: usize = 1 << 16;

/// Reports that a change is to write.
#[derive(Default)]
pub struct Reports {
    waiting: Vec<Waiting>,
    /// The names of those that were written, and that no other writer can have.
    written: Vec<String>,
}

struct Waiting {
    name: String,
    content: Content,
    /// Whether no other report has these bytes.
    is_unique: bool,
}

enum Content {
    Bytes(Vec<u8>),
    /// Another dataset's report, and how long that says it is.
    File(PathBuf, u64),
}

impl Reports {
    /// Keeps a report until the change is committed; `path` is relative to the dataset's folder.
    pub fn add(&mut self, path: &str, bytes: &[u8], is_unique: bool) {
        self.waiting.push(Waiting { name: name_in(path), content: Content::Bytes(bytes.to_vec()), is_unique });
    }

    /// The same of a report of another dataset, by its entry there and where it is.
    pub fn add_file(&mut self, entry: &ReportEntry, from: &Path) {
        let content = Content::File(from.to_path_buf(), entry.bytes);
        self.waiting.push(Waiting { name: name_in(&entry.path), content, is_unique: false });
    }

    /// Writes them. A report has its digest for a name, so one that is there already is the same. While a writer has a
    /// claim no report is removed for good: so one is taken where nothing else has needed a number.
    ///
    /// # Errors
    /// `Corrupt` when a report of another dataset is not what its name and entry say; `Storage`, `Io`.
    pub fn publish(&mut self, root: &Path, claims: &mut Claims) -> Result<()> {
        if !self.waiting.is_empty() && claims.numbers().is_empty() {
            claims.take()?;
        }
        let dir = root.join(REPORTS_DIR);
        for Waiting { name, content, is_unique } in &self.waiting {
            let published = match content {
                Content::Bytes(bytes) => publish_bytes(&dir, name, bytes),
                Content::File(from, len) => publish_copy(&dir, name, from, *len),
            };
            match published {
                Err(error) if error.kind() != ErrorKind::Exists => return Err(error),
                Ok(()) if *is_unique => self.written.push(name.clone()),
                _ => {}
            }
        }
        Ok(())
    }

    /// Takes back what was written for a change that lost to another writer. Whose the others are nobody can tell: they
    /// stay, for vacuum, as does what cannot be removed.
    pub fn withdraw(self, root: &Path) {
        for name in &self.written {
            let _ = unlink(&root.join(REPORTS_DIR).join(name));
        }
    }
}

fn name_in(path: &str) -> String {
    path.rsplit('/').next().unwrap_or(path).to_owned()
}

/// Publishes a copy of another dataset's report. What its name is not the digest of is no report, whatever the path leads
/// to, and is not copied.
fn publish_copy(dir: &Path, name: &str, from: &Path, len: u64) -> Result<()> {
    let cannot_read = |error| Error::io("cannot read the report", error).in_file(from);
    let (file, has) = open_plain(from).map_err(cannot_read)?;
    let wrong = |what: String| {
        let remedy = "restore it from a copy of the dataset that is copied from";
        Err(Error::corrupt(format!("the report {what}: {remedy}")).in_file(from))
    };
    if has != len {
        return wrong(format!("has {has} bytes, and the manifest says {len}"));
    }
    let mut copy = NewFile::create(dir, name)?;
    let (mut digest, mut from) = (blake3::Hasher::new(), BufReader::with_capacity(CHUNK, file.take(len)));
    loop {
        let chunk = from.fill_buf().map_err(cannot_read)?;
        if chunk.is_empty() {
            break;
        }
        digest.update(chunk);
        copy.write_all(chunk).map_err(|error| Error::io("cannot write the file", error).in_file(copy.path()))?;
        let taken = chunk.len();
        from.consume(taken);
    }
    match name.split_once('.').is_some_and(|(stem, _)| stem == digest.finalize().to_hex().as_str()) {
        true => copy.publish(),
        false => wrong("is not what its name is the digest of".into()),
    }
}
