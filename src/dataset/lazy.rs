//! A file of the dataset that is opened when it is first touched.

use crate::dataset::versions;
use crate::error::{Error, ErrorKind, Result};
use crate::format::manifest::FileEntry;
use crate::read::{BatchCache, DataFile, Expected, VerifyLevel};
use crate::storage::Access;
use arrow_schema::SchemaRef;
use once_cell::race::OnceBox;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How the files of a dataset are opened.
#[derive(Clone)]
pub struct Opening {
    pub root: PathBuf,
    pub access: Access,
    pub level: VerifyLevel,
    pub cache: Arc<BatchCache>,
}

/// One file: what the manifest says of it, and the file once it was touched.
pub struct LazyFile {
    path: String,
    length: u64,
    crc32: u32,
    kind: &'static str,
    rows: u64,
    pin: bool,
    file: OnceBox<DataFile>,
}

impl LazyFile {
    /// A file that holds fragments; `kind` is a table's name or `column`.
    pub fn of_fragments(entry: &FileEntry, kind: &'static str) -> Self {
        Self::new(&entry.path, entry.length, entry.crc32, kind, entry.rows())
    }

    /// A file of an index or of deletions.
    pub fn new(path: &str, length: u64, crc32: u32, kind: &'static str, rows: u64) -> Self {
        let pin = crate::Table::named(kind).is_err();
        Self { path: path.to_owned(), length, crc32, kind, rows, pin, file: OnceBox::new() }
    }

    /// Its path, relative to the dataset's folder.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Its length, as the manifest says.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The file, if it was touched.
    pub fn touched(&self) -> Option<&DataFile> {
        self.file.get()
    }

    /// The file; `entry` is what the manifest says of its fragments, if it holds any.
    ///
    /// # Errors
    /// `Purged` when it is gone; `Corrupt` when it is not what the manifest says.
    pub fn get(&self, opening: &Opening, schema: &SchemaRef, entry: Option<&FileEntry>) -> Result<&DataFile> {
        if let Some(file) = self.file.get() {
            return Ok(file);
        }
        self.file.get_or_try_init(|| self.open(opening, schema, entry).map(Box::new))
    }

    /// The file, opened anew for who reads it through once: nothing of it stays.
    ///
    /// # Errors
    /// As [`LazyFile::get`].
    pub fn open_apart(&self, opening: &Opening, schema: &SchemaRef, entry: Option<&FileEntry>) -> Result<DataFile> {
        self.open_with(opening, schema, entry, false)
    }

    fn open(&self, opening: &Opening, schema: &SchemaRef, entry: Option<&FileEntry>) -> Result<DataFile> {
        self.open_with(opening, schema, entry, self.pin)
    }

    fn open_with(
        &self,
        opening: &Opening,
        schema: &SchemaRef,
        entry: Option<&FileEntry>,
        pin: bool,
    ) -> Result<DataFile> {
        let expected = self.expected(schema, entry);
        let path = opening.root.join(&self.path);
        let opened = DataFile::open(&path, &expected, opening.access, opening.level, opening.cache.clone(), pin);
        opened.map_err(|error| match error.kind() {
            ErrorKind::NotFound if !path.exists() => self.missing(&opening.root, error),
            _ => error,
        })
    }

    fn expected(&self, schema: &SchemaRef, entry: Option<&FileEntry>) -> Expected {
        Expected {
            length: self.length,
            crc32: self.crc32,
            kind: self.kind,
            schema: schema.clone(),
            rows: self.rows,
            fragments: entry.iter().flat_map(|entry| &entry.fragments).map(|part| (part.fragment, part.rows)).collect(),
        }
    }

    /// A file that the version names and that is not there was vacuumed after the version was opened, or lost.
    fn missing(&self, root: &Path, error: Error) -> Error {
        let is_lost = versions::newest(root).is_ok_and(|newest| newest.paths().any(|path| path == self.path));
        let what = match is_lost {
            true => "the file is not there any more, though the newest version needs it: restore it from a copy",
            false => {
                "the file is not there any more: it was vacuumed since this version was opened (open the newest version), \
                 or it was lost (restore it from a copy)"
            }
        };
        Error::new(ErrorKind::Purged, what).in_file(root.join(&self.path)).caused_by(error)
    }
}
