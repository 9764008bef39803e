//! New files of a dataset: each takes a number of its own, and is published with a look at the claims.

use crate::dataset::claims::Claims;
use crate::error::{Error, Result};
use crate::format::FragmentId;
use crate::format::constants::FRAGMENT_MAX;
use crate::format::manifest::{FileEntry, FragmentRows, data_path};
use crate::write::{FileSummary, FileWriter, WriteOptions};
use arrow_schema::SchemaRef;
use std::ops::Range;
use std::path::Path;

/// A file that is being written, and its number.
pub struct NewDataFile {
    pub number: u32,
    pub writer: FileWriter,
    /// Runs of rows that were written empty, ascending.
    pub emptied: Vec<Range<u64>>,
    path: String,
}

/// Takes a number and starts a file of that number in one of the dataset's folders.
///
/// # Errors
/// `Unsupported` when all numbers have been used; `Io`.
pub fn new_file(
    root: &Path,
    claims: &mut Claims,
    folder: &'static str,
    kind: &str,
    schema: SchemaRef,
    options: WriteOptions,
) -> Result<NewDataFile> {
    let number = claims.take()?;
    let path = data_path(folder, number);
    let name = path.rsplit('/').next().unwrap_or(&path);
    let writer = FileWriter::create(&root.join(folder), name, kind, schema, options)?;
    Ok(NewDataFile { number, writer, emptied: Vec::new(), path })
}

impl NewDataFile {
    /// Ends and publishes the file; its path, relative to the dataset's folder, and what it is.
    ///
    /// # Errors
    /// `Conflict` when a claim is gone; `Io`.
    pub fn publish(self, claims: &mut Claims, fragments: &[(FragmentId, u32)]) -> Result<(String, FileSummary)> {
        let (summary, file) = self.writer.finish(fragments, &self.emptied)?;
        claims.publish(self.number, file)?;
        Ok((self.path, summary))
    }

    /// Ends and publishes the file, as an entry for the manifest.
    ///
    /// # Errors
    /// `Conflict` when a claim is gone; `Io`.
    pub fn publish_entry(self, claims: &mut Claims, fragments: &[(FragmentId, u32)]) -> Result<FileEntry> {
        let (path, summary) = self.publish(claims, fragments)?;
        let parts = fragments.iter().map(|(fragment, rows)| FragmentRows { fragment: *fragment, rows: *rows });
        Ok(FileEntry { path, length: summary.length, crc32: summary.crc32, fragments: parts.collect() })
    }

    /// The fragment that has the number of this file.
    ///
    /// # Errors
    /// `Unsupported` when all numbers have been used.
    pub fn fragment(&self) -> Result<FragmentId> {
        FragmentId::new(self.number).map_err(|_| {
            Error::unsupported(format!(
                "the dataset has used all its {FRAGMENT_MAX} file numbers; copy it to a new one"
            ))
        })
    }
}
