//! Where the fragments of a table lie, in this version: from an address to a row of a file by arithmetic.

use crate::error::{Error, Result};
use crate::format::FragmentId;
use crate::format::manifest::FileEntry;

/// Where the rows of one fragment lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// Its number.
    pub id: FragmentId,
    /// Its rows, deleted ones counted.
    pub rows: u32,
    /// Which of the table's files holds it.
    pub file: u32,
    /// The file's row that is its first.
    pub start: u64,
}

/// The fragments of these files, by ascending number.
///
/// # Errors
/// `Corrupt` when two files hold the same fragment.
pub fn fragments(files: &[FileEntry]) -> Result<Vec<Fragment>> {
    let mut all = Vec::with_capacity(files.iter().map(|file| file.fragments.len()).sum());
    for (file, entry) in files.iter().enumerate() {
        let mut start = 0;
        for part in &entry.fragments {
            all.push(Fragment { id: part.fragment, rows: part.rows, file: file as u32, start });
            start += u64::from(part.rows);
        }
    }
    if !all.is_sorted_by(|a, b| a.id < b.id) {
        all.sort_unstable_by_key(|fragment| fragment.id);
    }
    match all.windows(2).find(|pair| pair[0].id == pair[1].id) {
        Some(pair) => Err(Error::corrupt(format!("two files hold fragment {}", pair[0].id))),
        None => Ok(all),
    }
}

/// Where in `fragments` this one stands.
pub fn position(fragments: &[Fragment], id: FragmentId) -> Option<usize> {
    fragments.binary_search_by_key(&id, |fragment| fragment.id).ok()
}
