//! Arguments that several commands share: each stands here once.

use std::path::{Path, PathBuf};
use surgdb::{Dataset, Result};

/// A dataset by its folder, and whether the answer is for a program.
#[derive(clap::Args)]
pub struct Place {
    /// The dataset's folder, such as my.surgdb
    pub dataset: PathBuf,
    /// Print JSON
    #[arg(long, global = true)]
    pub json: bool,
}

/// A dataset, and the version of it that is meant.
#[derive(clap::Args)]
pub struct Target {
    #[command(flatten)]
    place: Place,
    /// Look at this version instead of the newest
    #[arg(long, value_name = "N")]
    version: Option<u64>,
    /// Look at the version with this tag instead of the newest
    #[arg(long, value_name = "NAME", conflicts_with = "version")]
    tag: Option<String>,
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
        options.open(&self.place.dataset)
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        &self.place.dataset
    }

    /// Whether it is the newest version that is meant, whichever that is.
    pub fn is_newest(&self) -> bool {
        self.version.is_none() && self.tag.is_none()
    }

    /// Whether the answer is for a program.
    pub fn json(&self) -> bool {
        self.place.json
    }
}
