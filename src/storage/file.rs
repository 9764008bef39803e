//! The bytes of a published file.

use crate::error::{Error, ErrorKind, Result};
use arrow_buffer::{Buffer, MutableBuffer};
use rustix::fs::OFlags;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How the bytes of files are reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Access {
    /// Through a memory map: nothing is copied. A process may have only so many maps (`vm.max_map_count`, 65,530 by
    /// default, of which half is left to others): files that are opened beyond that are read, each time anew.
    #[default]
    Mapped,
    /// Through positioned reads into memory of our own: for file systems where maps are slow or unsafe.
    Plain,
}

/// The bytes of a published file, cheap to clone and to share.
#[derive(Clone)]
pub struct FileBytes(Arc<Inner>);

struct Inner {
    path: PathBuf,
    len: u64,
    source: Source,
}

enum Source {
    Mapped(super::mmap::Map),
    Plain(File),
    /// Opened for each read: beyond the maps that there may be, open files would soon be too many as well.
    Reopened,
}

impl FileBytes {
    /// Opens a file for reading.
    ///
    /// # Errors
    /// `NotFound` with the path when there is none; `Io` when it is no plain file or cannot be opened or mapped.
    pub fn open(path: &Path, access: Access) -> Result<Self> {
        Self::open_within(path, access, super::mmap::maps_max())
    }

    /// The same, with so many maps at the most.
    fn open_within(path: &Path, access: Access, maps_max: usize) -> Result<Self> {
        let opened = open_plain(path).and_then(|(file, len)| {
            let source = match access {
                Access::Mapped => super::mmap::map(&file, len, maps_max)?.map_or(Source::Reopened, Source::Mapped),
                Access::Plain => Source::Plain(file),
            };
            Ok((source, len))
        });
        let (source, len) = opened.map_err(|error| Error::io("cannot open it for reading", error).in_file(path))?;
        Ok(Self(Arc::new(Inner { path: path.to_path_buf(), len, source })))
    }

    /// How many bytes the file had when it was opened.
    pub fn len(&self) -> u64 {
        self.0.len
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.0.len == 0
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// The whole map, where there is one.
    pub fn mapped(&self) -> Option<&[u8]> {
        match &self.0.source {
            Source::Mapped(map) => Some(map.buffer().as_slice()),
            Source::Plain(_) | Source::Reopened => None,
        }
    }

    /// These bytes: a slice of the map, or a copy that starts at a multiple of the alignment of Arrow's buffers.
    ///
    /// # Errors
    /// `Corrupt` when the range ends behind the end of the file (nothing is allocated then), or the file has
    /// become shorter since it was opened; `Io` when reading fails.
    pub fn range(&self, range: Range<u64>) -> Result<Buffer> {
        if range.start > range.end || range.end > self.0.len {
            return Err(self.outside(&range));
        }
        let (Ok(start), Ok(len)) = (usize::try_from(range.start), usize::try_from(range.end - range.start)) else {
            return Err(self.outside(&range));
        };
        match &self.0.source {
            Source::Mapped(map) => Ok(map.buffer().slice_with_length(start, len)),
            Source::Plain(file) => self.read(file, range.start, len),
            Source::Reopened => self.read(&self.reopen()?, range.start, len),
        }
    }

    /// Asks the system to read these bytes soon, without waiting for them. A request that is longer than what the device
    /// reads ahead is cut short silently: make it in pieces.
    ///
    /// # Errors
    /// Those of the system; whoever reads the bytes anyway may ignore them.
    pub fn announce(&self, range: Range<u64>) -> std::io::Result<()> {
        match &self.0.source {
            Source::Mapped(map) => map.advise(memmap2::Advice::WillNeed, range),
            Source::Plain(file) => announce_reads(file, range.start..range.end.min(self.0.len)),
            Source::Reopened => announce_reads(&open_plain(&self.0.path)?.0, range.start..range.end.min(self.0.len)),
        }
    }

    /// Takes the page faults of these bytes now, in one go: waits until they are in memory. With plain reads there are
    /// none, and nothing happens.
    ///
    /// # Errors
    /// `Unsupported` where the system cannot (Linux before 5.14); others where the bytes cannot be read: touching them
    /// would end the process.
    pub fn populate(&self, range: Range<u64>) -> std::io::Result<()> {
        let Source::Mapped(map) = &self.0.source else { return Ok(()) };
        populate(map, range)
    }

    /// Has these bytes in memory before they are touched for the first time: a page of a map that cannot be read would end the
    /// process there (SIGBUS), and is an error here. With plain reads, and where the system cannot (Linux before 5.14),
    /// nothing happens. A page that the system gave up since, and has to read again, is beyond this.
    ///
    /// # Errors
    /// `Corrupt` when the file has become shorter since it was opened; `Io` when the device does not give them.
    pub fn fault_in(&self, range: Range<u64>) -> Result<()> {
        let start = range.start;
        match self.populate(range) {
            Err(error) if error.kind() != std::io::ErrorKind::Unsupported => {
                Err(self.unreadable(error).at_byte(start).in_file(&self.0.path))
            }
            _ => Ok(()),
        }
    }

    /// Of a page that cannot be read the system says no more than that.
    fn unreadable(&self, error: std::io::Error) -> Error {
        match std::fs::metadata(&self.0.path) {
            Ok(now) if now.len() < self.0.len => self.shorter(),
            _ => Error::io("the device or file system does not give these bytes", error),
        }
    }

    fn shorter(&self) -> Error {
        Error::corrupt(format!(
            "the file has become shorter than the {} bytes that it had when it was opened; restore it from a copy",
            self.0.len
        ))
    }

    fn reopen(&self) -> Result<File> {
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => Error::new(
                ErrorKind::Purged,
                "the file is not there any more: it was vacuumed since it was opened (open the newest version), or it was \
                 lost (restore it from a copy)",
            ),
            _ => Error::io("cannot open it again for reading", error),
        };
        open_plain(&self.0.path).map(|(file, _)| file).map_err(|error| failed(error).in_file(&self.0.path))
    }

    fn read(&self, file: &File, start: u64, len: usize) -> Result<Buffer> {
        let mut buffer = MutableBuffer::from_len_zeroed(len);
        file.read_exact_at(buffer.as_slice_mut(), start).map_err(|error| {
            let error = match error.kind() {
                std::io::ErrorKind::UnexpectedEof => self.shorter(),
                _ => Error::io(format!("cannot read {len} bytes"), error),
            };
            error.in_file(&self.0.path).at_byte(start)
        })?;
        Ok(buffer.into())
    }

    fn outside(&self, range: &Range<u64>) -> Error {
        let Range { start, end } = range;
        Error::new(
            ErrorKind::Corrupt,
            format!("bytes {start} to {end} were asked for, but the file has {}", self.0.len),
        )
        .in_file(&self.0.path)
    }
}

#[cfg(target_os = "linux")]
fn announce_reads(file: &File, range: Range<u64>) -> std::io::Result<()> {
    // A length of 0 would mean all of the rest.
    let Some(len) = std::num::NonZeroU64::new(range.end.saturating_sub(range.start)) else { return Ok(()) };
    Ok(rustix::fs::fadvise(file, range.start, Some(len), rustix::fs::Advice::WillNeed)?)
}

#[cfg(not(target_os = "linux"))]
fn announce_reads(_: &File, _: Range<u64>) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

#[cfg(target_os = "linux")]
fn populate(map: &super::mmap::Map, range: Range<u64>) -> std::io::Result<()> {
    let invalid = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::InvalidInput => std::io::ErrorKind::Unsupported.into(),
        _ => error,
    };
    map.advise(memmap2::Advice::PopulateRead, range).map_err(invalid)
}

#[cfg(not(target_os = "linux"))]
fn populate(_: &super::mmap::Map, _: Range<u64>) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

impl std::fmt::Debug for FileBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FileBytes({}, {} bytes)", self.0.path.display(), self.0.len)
    }
}

/// Opens a plain file, and says how long it is; symbolic links are followed. What is none is refused before it is opened:
/// a pipe would be waited for, and a device may have no end.
///
/// # Errors
/// Those of the system; `InvalidInput` where it is no plain file.
pub fn open_plain(path: &Path) -> io::Result<(File, u64)> {
    let plain = |found: &std::fs::Metadata| match found.is_file() {
        true => Ok(found.len()),
        false => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no plain file")),
    };
    plain(&std::fs::metadata(path)?)?;
    // Another one may have taken its place meanwhile.
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or(0);
    let file = File::options().read(true).custom_flags(flags).open(path)?;
    let len = plain(&file.metadata()?)?;
    Ok((file, len))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: [Access; 2] = [Access::Mapped, Access::Plain];

    fn file_of(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, bytes).unwrap();
        (dir, path)
    }

    #[test]
    fn both_ways_give_the_same_bytes() {
        let bytes: Vec<u8> = (0..10_000u32).map(|i| (i % 251) as u8).collect();
        let (_dir, path) = file_of(&bytes);
        for access in BOTH {
            let file = FileBytes::open(&path, access).unwrap();
            assert_eq!(file.len(), 10_000);
            for range in [0..0, 0..1, 7..130, 9_999..10_000, 0..10_000, 10_000..10_000] {
                let found = file.range(range.clone()).unwrap();
                assert_eq!(found.as_slice(), &bytes[range.start as usize..range.end as usize]);
            }
        }
    }

    #[test]
    fn what_cannot_be_mapped_any_more_is_read() {
        let bytes: Vec<u8> = (0..10_000u32).map(|i| (i % 251) as u8).collect();
        let (_dir, path) = file_of(&bytes);
        let file = FileBytes::open_within(&path, Access::Mapped, 0).unwrap();
        assert!(file.mapped().is_none());
        for range in [0..0, 0..1, 7..130, 9_999..10_000, 0..10_000] {
            file.announce(range.clone()).unwrap();
            file.fault_in(range.clone()).unwrap();
            assert_eq!(file.range(range.clone()).unwrap().as_slice(), &bytes[range.start as usize..range.end as usize]);
        }
        assert_eq!(file.range(0..10_001).unwrap_err().kind(), ErrorKind::Corrupt);
        std::fs::write(&path, [1; 10]).unwrap();
        assert_eq!(file.range(0..100).unwrap_err().kind(), ErrorKind::Corrupt);
        std::fs::remove_file(&path).unwrap();
        let error = file.range(0..1).unwrap_err();
        assert_eq!((error.kind(), error.file()), (ErrorKind::Purged, Some(path.as_path())));
    }

    #[test]
    fn a_mapped_range_is_a_slice_of_the_map_and_outlives_the_file() {
        let (_dir, path) = file_of(&[5; 5000]);
        let file = FileBytes::open(&path, Access::Mapped).unwrap();
        let map = file.mapped().unwrap().as_ptr_range();
        let range = file.range(4096..5000).unwrap();
        assert!(map.contains(&range.as_ptr()));
        drop(file);
        std::fs::remove_file(&path).unwrap();
        assert!(range.iter().all(|byte| *byte == 5));
    }

    #[test]
    fn a_plain_range_is_aligned() {
        let (_dir, path) = file_of(&[5; 5000]);
        let file = FileBytes::open(&path, Access::Plain).unwrap();
        assert!(file.mapped().is_none());
        assert_eq!(file.range(3..4000).unwrap().as_ptr() as usize % crate::format::constants::ALIGNMENT, 0);
    }

    #[test]
    fn bytes_can_be_announced_and_populated_wherever_they_lie() {
        let bytes = vec![7; 100_000];
        let (_dir, path) = file_of(&bytes);
        for access in BOTH {
            let file = FileBytes::open(&path, access).unwrap();
            for range in [0..0, 0..1, 4095..4097, 5000..100_000, 99_999..200_000, 200_000..u64::MAX, 7..7] {
                file.announce(range.clone()).unwrap();
                if let Err(error) = file.populate(range) {
                    assert_eq!(error.kind(), std::io::ErrorKind::Unsupported);
                }
            }
            assert_eq!(file.range(0..100_000).unwrap().as_slice(), bytes);
        }
    }

    #[test]
    fn an_empty_file_works() {
        let (_dir, path) = file_of(&[]);
        for access in BOTH {
            let file = FileBytes::open(&path, access).unwrap();
            assert!(file.is_empty());
            assert_eq!(file.range(0..0).unwrap().len(), 0);
            assert_eq!(file.range(0..1).unwrap_err().kind(), ErrorKind::Corrupt);
        }
    }

    #[test]
    #[allow(clippy::reversed_empty_ranges)]
    fn what_is_outside_of_the_file_is_refused() {
        let (_dir, path) = file_of(&[1; 100]);
        for access in BOTH {
            let file = FileBytes::open(&path, access).unwrap();
            for range in [0..101, 101..101, 50..40, 0..u64::MAX, u64::MAX..u64::MAX] {
                let error = file.range(range).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Corrupt);
                assert_eq!(error.file(), Some(path.as_path()));
            }
        }
    }

    #[test]
    fn a_file_that_is_gone_or_is_no_file_says_so() {
        let (dir, path) = file_of(&[]);
        std::fs::remove_file(&path).unwrap();
        for access in BOTH {
            let error = FileBytes::open(&path, access).unwrap_err();
            assert_eq!((error.kind(), error.file()), (ErrorKind::NotFound, Some(path.as_path())));
            assert_eq!(FileBytes::open(dir.path(), access).unwrap_err().kind(), ErrorKind::Io);
        }
    }

    #[test]
    fn a_file_cut_short_under_a_map_is_an_error_before_it_is_touched() {
        let (_dir, path) = file_of(&[1; 100_000]);
        let file = FileBytes::open(&path, Access::Mapped).unwrap();
        if file.populate(0..1).is_err() {
            eprintln!("skipped: the system cannot say beforehand which pages can be read");
            return;
        }
        std::fs::File::options().write(true).open(&path).unwrap().set_len(10_000).unwrap();
        file.fault_in(0..10_000).unwrap();
        let error = file.fault_in(50_000..60_000).unwrap_err();
        assert_eq!((error.kind(), error.byte()), (ErrorKind::Corrupt, Some(50_000)));
        assert!(error.message().contains("shorter than the 100000 bytes"), "{error}");
    }

    #[test]
    fn a_file_cut_short_under_a_plain_reader_is_an_error() {
        let (_dir, path) = file_of(&[1; 100]);
        let file = FileBytes::open(&path, Access::Plain).unwrap();
        std::fs::write(&path, [1; 10]).unwrap();
        assert_eq!(file.range(0..100).unwrap_err().kind(), ErrorKind::Corrupt);
        assert_eq!(file.range(0..10).unwrap().as_slice(), [1; 10]);
    }
}
