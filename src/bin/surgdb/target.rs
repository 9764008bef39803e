//! The dataset that a command is about, as its arguments name it.

use std::path::PathBuf;
use surgdb::{Dataset, Result};

/// A dataset, and the version of it that is meant.
#[derive(clap::Args)]
pub struct Target {
    /// The dataset's folder, such as my.surgdb
    pub dataset: PathBuf,
    /// Look at this version instead of the newest
    #[arg(long, value_name = "N")]
    pub version: Option<u64>,
    /// Look at the version with this tag instead of the newest
    #[arg(long, value_name = "NAME", conflicts_with = "version")]
    pub tag: Option<String>,
}

impl Target {
    /// Opens it.
    ///
    /// # Errors
    /// As [`surgdb::dataset::OpenOptions::open`].
    pub fn open(&self) -> Result<Dataset> {
        let mut options = Dataset::options();
        if let Some(version) = self.version {
            options = options.version(version);
        }
        if let Some(tag) = &self.tag {
            options = options.tag(tag);
        }
        options.open(&self.dataset)
    }
}
