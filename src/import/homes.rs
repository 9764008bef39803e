//! The folders that ids start in.
//!
//! Where an id is made of a file's path, that path must start in the same folder whatever is named. This is the file's
//! home: the deepest folder above it in which ids of its source started before, or that was given for it; else the folder
//! that is named, or the one above several that lie side by side. The dataset knows homes of before by digests of their
//! paths alone: what lies elsewhere is another folder, or one that was moved, and only the user can tell.

use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::format::manifest::Source;
use crate::import::inputs::folder_of;
use crate::import::options::ImportOptions;
use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// How much of a digest tells homes apart, in hex digits.
const KEY_DIGITS: usize = 32;

/// Where ids of a source start.
#[derive(Clone, Debug, Default)]
pub(crate) struct Homes {
    /// What the dataset is called: digests of one say nothing about another's.
    dataset: String,
    /// The homes of before.
    known: BTreeSet<String>,
    /// The home that was given.
    given: Option<PathBuf>,
    /// Whether names mean what they meant in other homes.
    are_names_same: bool,
}

impl Homes {
    /// Those of a source, in the dataset of this identity, and the one that is given.
    ///
    /// # Errors
    /// `NotFound`, `Io` where the given one cannot be read.
    pub(super) fn of(dataset: &str, source: Option<&Source>, options: &ImportOptions) -> Result<Self> {
        let real = |home: &PathBuf| {
            home.canonicalize().map_err(|error| Error::io("cannot read the home", error).in_file(home))
        };
        let given = options.home.as_ref().map(real).transpose()?;
        Ok(Self { dataset: dataset.to_owned(), given, are_names_same: options.same_names, ..Self::default() }
            .with(source))
    }

    /// The same with the homes of this source.
    fn with(mut self, source: Option<&Source>) -> Self {
        let imports = source.into_iter().flat_map(|source| &source.imports);
        self.known = imports.flat_map(|import| import.homes.iter().cloned()).collect();
        self
    }

    /// What tells a folder apart.
    pub(crate) fn key(&self, real: &Path) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.dataset.as_bytes()).update(&[0]).update(real.as_os_str().as_bytes());
        hasher.finalize().to_hex().as_str().get(..KEY_DIGITS).unwrap_or_default().to_owned()
    }

    fn is_known(&self, real: &Path) -> bool {
        !self.known.is_empty() && self.known.contains(&self.key(real))
    }

    /// Whether ids start in this folder.
    pub(super) fn starts_in(&self, real: &Path) -> bool {
        self.given.as_deref() == Some(real) || self.is_known(real)
    }

    /// The deepest home above a folder, itself included.
    fn above(&self, real: &Path) -> Option<PathBuf> {
        real.ancestors().find(|folder| self.starts_in(folder)).map(Path::to_path_buf)
    }

    /// Where a folder that is named lies; `beside` are all that are named, itself included.
    ///
    /// # Errors
    /// `Invalid` where the home that was given does not hold it.
    pub(super) fn spot(&self, real: &Path, beside: &[PathBuf]) -> Result<Spot> {
        if let Some(given) = self.given.as_deref().filter(|given| !real.starts_with(given)) {
            let message = format!(
                "it does not lie in the home that is given, {}: ids are paths from there, so that it is SRC's folder or \
                 one above it",
                given.display()
            );
            return Err(Error::invalid(message));
        }
        let home = self.above(real).or_else(|| common(beside)).unwrap_or_else(|| real.to_path_buf());
        let inside = inside(&home, real);
        Ok(Spot { real: real.to_path_buf(), home, inside })
    }

    /// Whether ids of this home start in another folder than any of before, and may mean something else.
    pub(super) fn is_foreign(&self, home: &Path) -> bool {
        !self.are_names_same && !self.known.is_empty() && !self.is_known(home)
    }

    /// What is to be remembered of these homes: those that are new.
    pub(super) fn to_remember<'a>(&self, homes: impl Iterator<Item = &'a String>) -> Vec<String> {
        let new: BTreeSet<&String> = homes.filter(|home| !self.known.contains(*home)).collect();
        new.into_iter().cloned().collect()
    }
}

/// The source that was imported from the folder that this lies in, where there is only one.
pub fn source_at(dataset: &Dataset, path: &Path) -> Option<String> {
    let (folder, manifest) = (folder_of(path).ok()?, dataset.manifest());
    let mut found = manifest.sources.iter().filter(|source| {
        let homes = Homes { dataset: manifest.dataset.clone(), ..Homes::default() }.with(Some(source));
        homes.above(&folder).is_some()
    });
    found.next().filter(|_| found.next().is_none()).map(|source| source.id.clone())
}

/// A folder, and where names of its files start.
#[derive(Clone, Debug)]
pub(super) struct Spot {
    /// The folder, without symbolic links.
    real: PathBuf,
    pub(super) home: PathBuf,
    /// Its path from there; nothing where it is the home.
    pub(super) inside: String,
}

impl Spot {
    /// A folder in it.
    pub(super) fn folder(&self, name: &str, homes: &Homes) -> Self {
        let real = self.real.join(name);
        match homes.starts_in(&real) {
            true => Self { home: real.clone(), real, inside: String::new() },
            false => Self { home: self.home.clone(), real, inside: self.name(name) },
        }
    }

    /// What a file in it is called.
    pub(super) fn name(&self, file: &str) -> String {
        if self.inside.is_empty() { file.to_owned() } else { format!("{}/{file}", self.inside) }
    }
}

/// The folder in which several lie side by side.
fn common(folders: &[PathBuf]) -> Option<PathBuf> {
    let (first, others) = folders.split_first()?;
    let above = first.parent()?;
    let are_beside = others.iter().all(|other| other.parent() == Some(above));
    (are_beside && others.iter().any(|other| other != first)).then(|| above.to_path_buf())
}

/// A folder's path from a folder above it.
fn inside(home: &Path, folder: &Path) -> String {
    let parts = folder.strip_prefix(home).unwrap_or(folder).iter();
    parts.map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
}
