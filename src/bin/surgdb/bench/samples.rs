//! The samples of a pass in their order, and where each one's bytes lie.

use super::maps::Maps;
use crate::interrupt;
use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use surgdb::dataset::Conversation;
use surgdb::{Address, Dataset, Error, Result, Table};

/// Bytes of a page.
pub const PAGE: u64 = 4096;

/// Some bytes of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Extent {
    /// Which of the samples' files.
    pub file: u32,
    /// Bytes.
    pub len: u32,
    /// Bytes from the file's start.
    pub start: u64,
}

impl Extent {
    /// One past its last byte.
    pub fn end(&self) -> u64 {
        self.start + u64::from(self.len)
    }

    /// The pages that it lies on.
    pub fn pages(&self) -> std::ops::Range<u64> {
        self.start / PAGE..self.end().div_ceil(PAGE)
    }
}

/// Samples in the order in which a pass asks for them: what whoever knows all offsets beforehand would read.
#[derive(Default)]
pub struct Samples {
    pub files: Vec<PathBuf>,
    extents: Vec<Extent>,
    /// Where each sample's extents begin, and the end of the last one's.
    starts: Vec<usize>,
}

impl Samples {
    /// No samples yet, of these files.
    pub fn of_files(files: Vec<PathBuf>) -> Self {
        Self { files, extents: Vec::new(), starts: vec![0] }
    }

    /// The texts and pictures of these conversations of a dataset.
    ///
    /// # Errors
    /// `Unsupported` where the dataset's bytes are in no map (the packed profile).
    pub fn of(dataset: &Dataset, order: &[Address]) -> Result<Self> {
        let mut locator = Locator { dataset, maps: Maps::default(), files: HashMap::new(), frames: HashMap::new() };
        let mut samples = Self::of_files(Vec::new());
        for (at, address) in order.iter().enumerate() {
            if at % 256 == 0 {
                interrupt::check()?;
            }
            samples.push(locator.sample(&dataset.conversation_at(*address)?)?);
        }
        samples.files = vec![PathBuf::new(); locator.files.len()];
        for (path, file) in locator.files {
            samples.files[file as usize] = path;
        }
        Ok(samples)
    }

    /// One more sample.
    pub fn push(&mut self, extents: impl IntoIterator<Item = Extent>) {
        self.extents.extend(extents);
        self.starts.push(self.extents.len());
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// The extents of a sample: its texts, then its pictures.
    pub fn get(&self, at: usize) -> &[Extent] {
        &self.extents[self.starts[at]..self.starts[at + 1]]
    }

    /// All of them in order.
    pub fn iter(&self) -> impl Iterator<Item = &[Extent]> {
        (0..self.len()).map(|at| self.get(at))
    }

    /// The extents of all samples, each once, as they lie in the files.
    pub fn distinct(&self) -> Vec<Extent> {
        let mut extents = self.extents.clone();
        extents.sort_unstable_by_key(|extent| (extent.file, extent.start, extent.len));
        extents.dedup();
        extents
    }

    /// How many pages hold bytes of the samples, each counted once.
    pub fn pages(&self) -> u64 {
        let mut pages = 0;
        let mut end = (0, 0);
        for extent in self.distinct() {
            let here = extent.pages();
            let start = if end.0 == extent.file { here.start.max(end.1) } else { here.start };
            pages += here.end.saturating_sub(start);
            end = (extent.file, here.end.max(start));
        }
        pages
    }

    /// The same samples with whole pages in place of bytes, and each page only where it is asked for first.
    pub fn pages_once(&self) -> Self {
        let mut seen = vec![Vec::<u64>::new(); self.files.len()];
        let mut samples = Self::of_files(self.files.clone());
        for sample in self.iter() {
            samples.push(sample.iter().flat_map(|extent| unseen(&mut seen[extent.file as usize], *extent)));
        }
        samples
    }
}

/// The runs of an extent's pages that were not seen before, which they are from now on.
fn unseen(seen: &mut Vec<u64>, extent: Extent) -> Vec<Extent> {
    let mut runs: Vec<Extent> = Vec::new();
    for page in extent.pages() {
        let (word, bit) = ((page / 64) as usize, 1u64 << (page % 64));
        if seen.len() <= word {
            seen.resize(word + 1, 0);
        }
        if seen[word] & bit != 0 {
            continue;
        }
        seen[word] |= bit;
        match runs.last_mut() {
            Some(run) if run.end() == page * PAGE => run.len += PAGE as u32,
            _ => runs.push(Extent { file: extent.file, start: page * PAGE, len: PAGE as u32 }),
        }
    }
    runs
}

/// Calls `each` with the texts of a conversation's turns, then with the bytes of its pictures.
///
/// # Errors
/// Those of reading them.
pub fn for_each_part(
    dataset: &Dataset,
    conversation: &Conversation<'_>,
    mut each: impl FnMut(Part<'_>) -> Result<()>,
) -> Result<()> {
    for turn in conversation.turns()?.iter() {
        each(Part::Text(turn.text().as_bytes()))?;
    }
    for medium in conversation.media()?.iter() {
        for address in medium.refs().iter() {
            if dataset.table_of(address)? == Table::Frames {
                each(Part::Frame(address))?;
            }
        }
    }
    Ok(())
}

/// A part of a sample.
pub enum Part<'a> {
    /// A turn's text.
    Text(&'a [u8]),
    /// A picture.
    Frame(Address),
}

struct Locator<'a> {
    dataset: &'a Dataset,
    maps: Maps,
    files: HashMap<PathBuf, u32>,
    /// Frames that were found before; none where a frame has no bytes here.
    frames: HashMap<Address, Option<Extent>>,
}

impl Locator<'_> {
    fn sample(&mut self, conversation: &Conversation<'_>) -> Result<Vec<Extent>> {
        let mut extents: Vec<Extent> = Vec::new();
        for_each_part(self.dataset, conversation, |part| {
            let extent = match part {
                Part::Text(bytes) => Some(self.extent(bytes)?),
                Part::Frame(address) => self.frame(address)?,
            };
            extents.extend(extent.filter(|extent| extent.len > 0));
            Ok(())
        })?;
        Ok(extents)
    }

    fn frame(&mut self, address: Address) -> Result<Option<Extent>> {
        if let Some(known) = self.frames.get(&address) {
            return Ok(*known);
        }
        let extent = match self.dataset.frame(address)?.bytes()? {
            Some(Cow::Borrowed(bytes)) => Some(self.extent(bytes)?),
            // A linked picture lies outside of the dataset.
            _ => None,
        };
        self.frames.insert(address, extent);
        Ok(extent)
    }

    fn extent(&mut self, bytes: &[u8]) -> Result<Extent> {
        let len = u32::try_from(bytes.len()).map_err(|_| Error::unsupported("a picture of more than 4 GiB"))?;
        if len == 0 {
            return Ok(Extent { file: 0, start: 0, len });
        }
        let Some((path, start)) = self.maps.locate(bytes)? else {
            return Err(Error::unsupported(
                "its texts are compressed, so that they lie in no file at an offset that could be read without it; \
                 measure a dataset of the train profile",
            ));
        };
        let file = file_number(&mut self.files, path);
        Ok(Extent { file, start, len })
    }
}

fn file_number(files: &mut HashMap<PathBuf, u32>, path: &Path) -> u32 {
    if let Some(file) = files.get(path) {
        return *file;
    }
    let file = files.len() as u32;
    files.insert(path.to_path_buf(), file);
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extent(start: u64, len: u32) -> Extent {
        Extent { file: 0, start, len }
    }

    fn samples(of: &[&[Extent]]) -> Samples {
        let mut samples = Samples::of_files(vec!["a".into()]);
        of.iter().for_each(|sample| samples.push(sample.iter().copied()));
        samples
    }

    #[test]
    fn pages_are_counted_once() {
        let of = samples(&[&[extent(10, 20), extent(4095, 2)], &[extent(8192, 4096)], &[extent(0, 100_000)]]);
        assert_eq!(of.pages(), 25);
        assert_eq!(samples(&[&[extent(100, 10)], &[extent(200, 10)], &[extent(40_960, 1)]]).pages(), 2);
        assert_eq!(samples(&[]).pages(), 0);
    }

    #[test]
    fn a_page_is_read_where_it_is_asked_for_first() {
        let of = samples(&[&[extent(4096, 4096)], &[extent(0, 12_288)], &[extent(5000, 10)]]).pages_once();
        assert_eq!(of.get(0), [extent(4096, 4096)]);
        assert_eq!(of.get(1), [extent(0, 4096), extent(8192, 4096)]);
        assert!(of.get(2).is_empty());
        assert_eq!(of.pages(), 3);
    }
}
