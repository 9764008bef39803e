//! What is made ready before anything is measured: the order, and where the bytes of its samples lie.

use super::order::shuffled;
use super::raw;
use super::samples::Samples;
use std::path::{Path, PathBuf};
use surgdb::{Address, Dataset, Result};

/// A dataset and an order to read it in.
pub struct Prepared {
    /// The dataset's folder.
    pub dataset: PathBuf,
    /// All of its files.
    pub files: Vec<PathBuf>,
    /// The conversations in a shuffled order, as many as a pass reads.
    pub order: Vec<Address>,
    /// The same samples as extents of the dataset's files.
    pub samples: Samples,
    /// The same samples as extents of the raw file; none before it is written.
    pub raw: Samples,
}

impl Prepared {
    /// Makes ready at most so many samples of a dataset.
    ///
    /// # Errors
    /// Those of reading; `Invalid` where the dataset has no conversations.
    pub fn new(dataset: &Dataset, limit: u64) -> Result<Self> {
        let order = shuffled(dataset, limit)?;
        let samples = Samples::of(dataset, &order)?;
        let root = dataset.path().to_path_buf();
        let files = dataset.manifest().paths().map(|path| root.join(path)).filter(|path| path.exists()).collect();
        Ok(Self { dataset: root, files, order, samples, raw: Samples::of_files(Vec::new()) })
    }

    /// Writes the raw file.
    ///
    /// # Errors
    /// `Io`; `Interrupted` after Ctrl-C.
    pub fn write_raw(&mut self, path: &Path) -> Result<()> {
        self.raw = raw::write(&self.samples, path)?;
        Ok(())
    }
}
