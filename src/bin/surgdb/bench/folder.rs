//! The folder that a benchmark works in: named at the start, and removed at the end.

use crate::ui;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use surgdb::{Error, Result};

/// A folder of the benchmark's own. Dropping it removes it, unless it is to be kept.
pub struct Folder {
    path: PathBuf,
    keep: bool,
}

impl Folder {
    /// Makes it in `dir`, under a name that nothing has.
    ///
    /// # Errors
    /// `NotFound` or `Io` when `dir` is not there or cannot be written to.
    pub fn create(dir: &Path, keep: bool) -> Result<Self> {
        let process = std::process::id();
        for attempt in 0u32.. {
            let name = match attempt {
                0 => format!("surgdb-bench-{process}"),
                _ => format!("surgdb-bench-{process}-{attempt}"),
            };
            let path = dir.join(name);
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Self { path, keep }),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => {
                    let what = "cannot make a folder for the data here; name another place with `--dir`";
                    return Err(Error::io(what, error).in_file(dir));
                }
            }
        }
        Err(Error::exists("all names for a folder are taken").in_file(dir))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it stays.
    pub fn is_kept(&self) -> bool {
        self.keep
    }

    /// Refuses where the disk has less room than is needed.
    ///
    /// # Errors
    /// `Io` when there is not enough room, with both figures.
    pub fn require(&self, needed: u64) -> Result<()> {
        let free = rustix::fs::statvfs(&self.path).map(|found| found.f_bavail.saturating_mul(found.f_frsize));
        let free = free.map_err(|error| Error::io("cannot ask how much room there is", error.into()))?;
        if free >= needed {
            return Ok(());
        }
        let (needed, free) = (ui::bytes(needed), ui::bytes(free));
        let message = format!(
            "the benchmark needs {needed} here and the disk has {free} free; choose a smaller `--scale`, or another \
             disk with `--dir`"
        );
        Err(Error::new(surgdb::ErrorKind::Io, message).in_file(self.path.parent().unwrap_or(&self.path)))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.keep {
            return;
        }
        if let Err(error) = fs::remove_dir_all(&self.path) {
            ui::note(format_args!("cannot remove {}: {error}", self.path.display()));
        }
    }
}
