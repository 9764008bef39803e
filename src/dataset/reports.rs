//! Reports on their way into a version (FORMAT.md, 13.5): written when nothing else speaks against the change that names
//! them, and taken back where another writer was first after all.

use crate::dataset::claims::Claims;
use crate::error::{ErrorKind, Result};
use crate::format::constants::REPORTS_DIR;
use crate::storage::publish::{publish_bytes, unlink};
use std::path::Path;

/// Reports that a change is to write.
#[derive(Default)]
pub struct Reports {
    waiting: Vec<Waiting>,
    /// The names of those that were written, and that no other writer can have.
    written: Vec<String>,
}

struct Waiting {
    name: String,
    bytes: Vec<u8>,
    /// Whether no other report has these bytes.
    is_unique: bool,
}

impl Reports {
    /// Keeps a report until the change is committed; `path` is relative to the dataset's folder.
    pub fn add(&mut self, path: &str, bytes: &[u8], is_unique: bool) {
        let name = path.rsplit('/').next().unwrap_or(path).to_owned();
        self.waiting.push(Waiting { name, bytes: bytes.to_vec(), is_unique });
    }

    /// Writes them. A report has its digest for a name, so one that is there already is the same. While a writer has a
    /// claim no report is removed for good: so one is taken where nothing else has needed a number.
    ///
    /// # Errors
    /// `Storage`, `Io`.
    pub fn publish(&mut self, root: &Path, claims: &mut Claims) -> Result<()> {
        if !self.waiting.is_empty() && claims.numbers().is_empty() {
            claims.take()?;
        }
        for Waiting { name, bytes, is_unique } in &self.waiting {
            match publish_bytes(&root.join(REPORTS_DIR), name, bytes) {
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
