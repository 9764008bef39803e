//! Reading past the system's cache (`O_DIRECT`): what the device gives.

use super::samples::PAGE;
use std::fs;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use surgdb::{Error, Result};

/// Whole pages in memory that begin at a multiple of a page's size, as the device wants them.
#[derive(Default)]
pub struct Buffer {
    bytes: Vec<u8>,
}

impl Buffer {
    fn aligned(&mut self, len: usize) -> &mut [u8] {
        let page = PAGE as usize;
        if self.bytes.len() < len + page {
            self.bytes = vec![0; (len + page).next_power_of_two()];
        }
        let skip = self.bytes.as_ptr().align_offset(page);
        &mut self.bytes[skip..skip + len]
    }
}

/// A file that is read past the cache.
pub struct File {
    file: fs::File,
    path: PathBuf,
}

impl File {
    /// Opens a file.
    ///
    /// # Errors
    /// `Unsupported` where the file system or the system refuses; `Io`.
    pub fn open(path: &Path) -> Result<Self> {
        let opened = flag().and_then(|flag| fs::File::options().read(true).custom_flags(flag).open(path));
        let file = opened.map_err(|error| failed(error, path))?;
        Ok(Self { file, path: path.to_path_buf() })
    }

    /// Reads the pages that these bytes lie on; the bytes themselves.
    ///
    /// # Errors
    /// `Unsupported` where the file system refuses; `Io`.
    pub fn read<'b>(&self, buffer: &'b mut Buffer, start: u64, len: usize) -> Result<&'b [u8]> {
        let skip = (start % PAGE) as usize;
        let whole = (skip + len).next_multiple_of(PAGE as usize);
        let pages = buffer.aligned(whole);
        let mut got = 0;
        // The last page of a file comes short, which is its end.
        while got < skip + len {
            let place = start - skip as u64 + got as u64;
            match self.file.read_at(&mut pages[got..], place) {
                Ok(0) => break,
                Ok(read) => got += read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failed(error, &self.path)),
            }
        }
        Ok(&pages[skip..got.clamp(skip, skip + len)])
    }
}

fn failed(error: std::io::Error, path: &Path) -> Error {
    let refused = matches!(error.kind(), std::io::ErrorKind::InvalidInput | std::io::ErrorKind::Unsupported);
    match refused {
        true => Error::unsupported("the file system refuses O_DIRECT").caused_by(error),
        false => Error::io("cannot read past the cache", error).in_file(path),
    }
}

#[cfg(target_os = "linux")]
fn flag() -> std::io::Result<i32> {
    Ok(rustix::fs::OFlags::DIRECT.bits() as i32)
}

#[cfg(not(target_os = "linux"))]
fn flag() -> std::io::Result<i32> {
    Err(std::io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_are_those_of_the_file() {
        let dir = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        let path = dir.path().join("file");
        let bytes: Vec<u8> = (0..50_000u32).map(|at| (at % 251) as u8).collect();
        fs::write(&path, &bytes).unwrap();
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == surgdb::ErrorKind::Unsupported => return,
            Err(error) => panic!("{error}"),
        };
        let mut buffer = Buffer::default();
        for (start, len) in [(0, 1), (0, 4096), (5, 9_000), (4095, 2), (49_000, 1_000), (49_999, 1), (40_000, 10_000)] {
            let found = match file.read(&mut buffer, start, len) {
                Ok(found) => found,
                Err(error) if error.kind() == surgdb::ErrorKind::Unsupported => return,
                Err(error) => panic!("{error}"),
            };
            assert_eq!(found, &bytes[start as usize..start as usize + len], "{start} {len}");
        }
    }
}
