//! Files that the dataset links to: an export never writes where they lie, since names in it are those of its source, and it
//! would write over them.

use crate::dataset::{Dataset, link};
use crate::error::{Error, Result};
use crate::schema::tables::Table;
use arrow_array::Array;
use std::path::{Path, PathBuf};

/// Refuses a folder in which a linked file lies, under its own name or as what its name leads to.
///
/// # Errors
/// `Exists` where one does; `Corrupt`, `Io`.
pub(super) fn refuse(dataset: &Dataset, out: &Path) -> Result<()> {
    // Nothing lies in a folder that is not there.
    let Ok(folder) = out.canonicalize() else { return Ok(()) };
    for piece in dataset.scan(Table::Blobs).columns(["uri"])?.batches() {
        let piece = piece?;
        let uris = piece.batch.column(0);
        for row in (0..piece.batch.num_rows()).filter(|row| uris.is_valid(*row)) {
            let blob = dataset.blob(piece.address(row)?)?;
            let Some(path) = blob.uri()?.and_then(link::path_of) else { continue };
            if lies_in(&path, &folder) {
                let message = format!(
                    "it holds files that the dataset links to ({}), and an export could write over them: export to \
                     another folder",
                    path.display()
                );
                return Err(Error::exists(message).in_file(out));
            }
        }
    }
    Ok(())
}

/// Whether a file that is there lies in a folder, whose path is real.
fn lies_in(path: &Path, folder: &Path) -> bool {
    let named = || -> Option<PathBuf> { Some(path.parent()?.canonicalize().ok()?.join(path.file_name()?)) };
    path.canonicalize().is_ok_and(|real| real.starts_with(folder))
        || named().is_some_and(|named| named.starts_with(folder) && named.symlink_metadata().is_ok())
}
