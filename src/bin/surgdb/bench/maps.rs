//! Where borrowed bytes lie on the disk: which file is mapped at their place in memory, and at which offset.

use std::ops::Range;
use std::path::{Path, PathBuf};
use surgdb::{Error, Result};

/// The files that this process has mapped.
#[derive(Default)]
pub struct Maps {
    /// By ascending address.
    regions: Vec<Region>,
}

struct Region {
    memory: Range<usize>,
    offset: u64,
    path: PathBuf,
}

impl Maps {
    /// The file that these bytes are mapped from, and where in it they begin; none where they lie in other memory.
    ///
    /// # Errors
    /// `Io` when the system does not say what is mapped.
    pub fn locate(&mut self, bytes: &[u8]) -> Result<Option<(&Path, u64)>> {
        if self.find(bytes).is_none() {
            // Files are mapped when they are first touched, so this one may be new.
            self.regions = read()?;
        }
        let found = self.find(bytes).and_then(|at| self.regions.get(at));
        Ok(found.map(|region| {
            let within = bytes.as_ptr() as usize - region.memory.start;
            (region.path.as_path(), region.offset + within as u64)
        }))
    }

    fn find(&self, bytes: &[u8]) -> Option<usize> {
        let start = bytes.as_ptr() as usize;
        let at = self.regions.partition_point(|region| region.memory.start <= start).checked_sub(1)?;
        let region = self.regions.get(at)?;
        (start + bytes.len() <= region.memory.end).then_some(at)
    }
}

fn read() -> Result<Vec<Region>> {
    let path = "/proc/self/maps";
    let text = std::fs::read_to_string(path)
        .map_err(|error| Error::io("cannot see which files are mapped", error).in_file(path))?;
    let mut regions: Vec<_> = text.lines().filter_map(region).collect();
    regions.sort_unstable_by_key(|region| region.memory.start);
    Ok(regions)
}

/// `7f1c2000-7f1c5000 r--s 00001000 fe:00 1234   /data/a.arrow`; none for memory without a file.
fn region(line: &str) -> Option<Region> {
    let mut fields = line.splitn(6, ' ');
    let (start, end) = fields.next()?.split_once('-')?;
    let hex = |text: &str| u64::from_str_radix(text, 16).ok();
    let memory = usize::try_from(hex(start)?).ok()?..usize::try_from(hex(end)?).ok()?;
    let offset = hex(fields.nth(1)?)?;
    let path = fields.nth(2)?.trim_start();
    path.starts_with('/').then(|| Region { memory, offset, path: path.into() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use surgdb::storage::FileBytes;

    #[test]
    fn bytes_of_a_mapped_file_are_located() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().canonicalize().unwrap().join("a file");
        std::fs::write(&path, vec![7; 20_000]).unwrap();
        let file = FileBytes::open(&path, surgdb::Access::Mapped).unwrap();
        let mut maps = Maps::default();
        let bytes = &file.mapped().unwrap()[4_321..9_000];
        assert_eq!(maps.locate(bytes).unwrap(), Some((path.as_path(), 4_321)));
        assert_eq!(maps.locate(&vec![1; 100_000]).unwrap(), None);
    }

    #[test]
    fn a_line_without_a_file_is_none() {
        assert!(region("7ffd1000-7ffd2000 rw-p 00000000 00:00 0                          [stack]").is_none());
        assert!(region("7ffd1000-7ffd2000 rw-p 00000000 00:00 0 ").is_none());
        assert!(region("").is_none());
    }
}
