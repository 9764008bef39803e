//! Files outside of the dataset: linked media, and reports, which are named by their digest.

use crate::dataset::append::Digested;
use crate::dataset::link;
use crate::error::{Error, Result};
use crate::schema::views::{Blob, Cells};
use std::path::Path;

/// Holds a linked file against its row, without reading it into memory whole.
///
/// # Errors
/// `LinkBroken` when it is gone or has changed; `Io` when the machine cannot read it.
pub fn check_link<C: Cells>(blob: &Blob<C>) -> Result<()> {
    let uri = blob.uri()?.unwrap_or_default();
    let size = blob.size()?;
    let is = Digested::read(&mut link::open(uri, size)?);
    let is = is.map_err(|error| link::unreadable(uri, error))?;
    if is.digest != blob.digest()? || is.crc32 != blob.crc32()? || i64::try_from(is.size).ok() != Some(size) {
        return Err(link::broken(uri, "has changed since it was linked"));
    }
    Ok(())
}

/// Holds a file against the digest in its name, and gives its length.
///
/// # Errors
/// `NotFound`, `Io` when it cannot be read; `Corrupt` when it is not what its name says.
pub fn check_named_by_digest(path: &Path) -> Result<u64> {
    let is = Digested::of_file(path)?;
    let digest = blake3::Hash::from_bytes(is.digest).to_hex();
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    match name.split_once('.').is_some_and(|(name, _)| name == digest.as_str()) {
        true => Ok(is.size),
        false => Err(Error::corrupt("its bytes are not those that its name is the digest of: restore it from a copy")
            .in_file(path)),
    }
}
