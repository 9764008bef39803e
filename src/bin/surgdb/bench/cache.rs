//! The system's cache of files: dropped, so that a pass begins cold.

use std::fs::File;
use std::path::Path;
use surgdb::{Error, Result};

/// Asks the system to forget the bytes of these files.
///
/// It needs no rights, and what other processes have mapped stays: whether it was done shows only in what is read from
/// the device afterwards.
///
/// # Errors
/// `Unsupported` where the system has no such call; `Io`.
pub fn forget<P: AsRef<Path>>(files: impl IntoIterator<Item = P>) -> Result<()> {
    for path in files {
        let path = path.as_ref();
        let failed = |error| Error::io("cannot drop it from the cache", error).in_file(path);
        let file = File::open(path).map_err(failed)?;
        // What was not written out yet cannot be forgotten.
        file.sync_all().map_err(failed)?;
        dont_need(&file).map_err(failed)?;
    }
    Ok(())
}

#[cfg(target_os = "linux")]
fn dont_need(file: &File) -> std::io::Result<()> {
    Ok(rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed)?)
}

#[cfg(not(target_os = "linux"))]
fn dont_need(_: &File) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}
