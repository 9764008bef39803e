//! Which dataset a path lies in: its files are its own, and nothing else is written among them.

use crate::error::{Error, Result};
use crate::format::constants::VERSIONS_DIR;
use std::path::{Path, PathBuf};

/// The dataset that a path, which need not be there yet, is or lies in.
pub fn dataset_around(path: &Path) -> Option<PathBuf> {
    if is_dataset(path) {
        return Some(path.to_path_buf());
    }
    let whole = std::path::absolute(path).ok()?;
    let there = whole.ancestors().find_map(|folder| folder.canonicalize().ok())?;
    there.ancestors().find(|folder| is_dataset(folder)).map(Path::to_path_buf)
}

fn is_dataset(folder: &Path) -> bool {
    folder.join(VERSIONS_DIR).is_dir()
}

/// Refuses what is to be written at a path among a dataset's files; the path may be a dataset itself.
///
/// # Errors
/// `Exists`, with the dataset.
pub fn refuse_inside(path: &Path) -> Result<()> {
    match dataset_around(path).filter(|_| !is_dataset(path)) {
        Some(dataset) => {
            let dataset = dataset.display();
            let what = format!("it lies in the dataset {dataset}, whose files are its own: choose another place");
            Err(Error::exists(what).in_file(path))
        }
        None => Ok(()),
    }
}
