//! The folders that ids start in.
//!
//! Where an id is made of a file's path, the path must start in the same folder whatever is named, and paths of two folders
//! must not be alike. So the dataset remembers the folders that a source was imported from, its homes: a file lies in the
//! deepest home above it. Ids of the first home start in it; those of a later one that lies in no other start above it, as
//! far as its own name tells it apart: `v2/1.png`. What is remembered are digests: a manifest tells nobody where a hospital
//! keeps its patients. A folder that was moved is therefore a new one, until the user says that it is not.

use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::format::manifest::{Home, Source};
use crate::import::inputs::folder_of;
use crate::import::options::ImportOptions;
use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// How much of a digest tells homes apart, in hex digits.
const KEY_DIGITS: usize = 32;

/// Whether ids of the source start so, with a slash.
pub(super) type IsUsed<'i> = &'i dyn Fn(&str) -> Result<bool>;

/// The homes of a source.
#[derive(Clone, Debug, Default)]
pub(crate) struct Homes {
    /// Those of before, by their folders.
    known: BTreeMap<String, Home>,
    /// Those that are named now.
    new: BTreeMap<String, Home>,
    /// The folder that ids of what is new are to start in.
    given: Option<PathBuf>,
    /// Whether what is named lay elsewhere before.
    are_names_same: bool,
}

impl Homes {
    /// Those of a source, and how those that are new are to be called.
    ///
    /// # Errors
    /// `NotFound`, `Io` where the folder that is given cannot be read.
    pub(super) fn of(source: Option<&Source>, options: &ImportOptions) -> Result<Self> {
        let real = |home: &PathBuf| {
            home.canonicalize().map_err(|error| Error::io("cannot read the home", error).in_file(home))
        };
        let given = options.home.as_ref().map(real).transpose()?;
        Ok(Self { known: known(source), given, are_names_same: options.same_names, ..Self::default() })
    }

    /// The home of this folder itself.
    fn at(&self, real: &Path) -> Option<&Home> {
        if self.known.is_empty() && self.new.is_empty() {
            return None;
        }
        let key = key_of(real.as_os_str().as_bytes());
        self.known.get(&key).or_else(|| self.new.get(&key))
    }

    /// Where a folder that is named lies: in a home of before, or one that is new. `all` are the folders that are named,
    /// and `is_used` says whether ids of the source start in a folder of this name.
    ///
    /// # Errors
    /// `Invalid` where no home can be told for it.
    pub(super) fn spot(&mut self, real: &Path, all: &[PathBuf], is_used: IsUsed<'_>) -> Result<Spot> {
        let found = real.ancestors().find_map(|folder| Some((folder, self.at(folder)?.clone())));
        let (folder, home) = match found {
            Some((folder, home)) => (folder.to_path_buf(), home),
            None => {
                let home = self.new_home(real, all, is_used)?;
                self.new.insert(home.folder.clone(), home.clone());
                (real.to_path_buf(), home)
            }
        };
        let spot = Spot::at(&folder, &home)?;
        let names = real.strip_prefix(&folder).unwrap_or(Path::new(""));
        let limit = if self.given.is_some() { spot.start.clone() } else { spot.limit.clone() };
        Ok(Spot { real: real.to_path_buf(), inside: joined(&spot.inside, &text_of(names)?), limit, ..spot })
    }

    /// The home of a folder that lies in none.
    fn new_home(&self, real: &Path, all: &[PathBuf], is_used: IsUsed<'_>) -> Result<Home> {
        let folder = key_of(real.as_os_str().as_bytes());
        let home = |above: usize, names: &str| Home {
            folder: folder.clone(),
            above: above as u64,
            names: key_of(names.as_bytes()),
        };
        if let Some(given) = &self.given {
            let Ok(names) = real.strip_prefix(given) else {
                let message =
                    "it does not lie in the home that is given, in which ids start: that is SRC's folder, or one above";
                return Err(Error::invalid(message));
            };
            let new = home(names.iter().count(), &text_of(names)?);
            return match self.is_taken(&new) {
                true => {
                    Err(Error::invalid("ids of another folder of the source start so: --home is to be one further up"))
                }
                false => Ok(new),
            };
        }
        let above = |count: usize| last_names(real, count).map(|names| home(count, &names));
        if self.are_names_same {
            let same = |count: usize| above(count).filter(|home| self.is_taken(home));
            return (0..real.iter().count()).rev().find_map(same).ok_or_else(|| {
                Error::invalid(
                    "nothing was imported into this source from a folder of this name: leave out --same-names",
                )
            });
        }
        let is_first = self.known.is_empty() && all.iter().all(|other| other == real);
        for count in usize::from(!is_first)..real.iter().count() {
            let Some(names) = last_names(real, count) else { break };
            let new = home(count, &names);
            if !self.is_taken(&new) && (self.known.is_empty() || !is_used(&names)?) {
                return Ok(new);
            }
        }
        let message =
            "its names do not tell it apart from other folders of the source: --source gives it one of its own";
        Err(Error::invalid(message))
    }

    /// Where a folder lies, if that is a home, or in one.
    pub(super) fn spot_of(&self, real: &Path) -> Option<Spot> {
        let (folder, home) = real.ancestors().find_map(|folder| Some((folder, self.at(folder)?)))?;
        let spot = Spot::at(folder, home).ok()?;
        let inside = joined(&spot.inside, &text_of(real.strip_prefix(folder).ok()?).ok()?);
        Some(Spot { real: real.to_path_buf(), inside, ..spot })
    }

    /// Whether ids of a home of another folder start so.
    fn is_taken(&self, home: &Home) -> bool {
        self.known.values().chain(self.new.values()).any(|other| other.names == home.names)
    }

    /// Whether ids of a home start in a folder of this name.
    fn has_names(&self, names: &str) -> bool {
        let (key, mut all) = (key_of(names.as_bytes()), self.known.values().chain(self.new.values()));
        all.any(|home| home.names == key)
    }

    /// Whether a home is new, where the source has others.
    pub(super) fn is_beside(&self, home: &str) -> bool {
        !self.known.is_empty() && !self.known.contains_key(home)
    }

    /// Whether what such a home calls alike may be something else.
    pub(super) fn is_foreign(&self, home: &str) -> bool {
        !self.are_names_same && self.is_beside(home)
    }

    /// Whether the only thing that is new may be where it lies.
    pub(super) fn has_moved(&self) -> bool {
        self.are_names_same && !self.new.is_empty()
    }

    /// The homes that are new.
    pub(super) fn take_new(&mut self) -> Vec<Home> {
        std::mem::take(&mut self.new).into_values().collect()
    }
}

/// The homes of a source, by their folders.
fn known(source: Option<&Source>) -> BTreeMap<String, Home> {
    let imports = source.into_iter().flat_map(|source| &source.imports);
    imports.flat_map(|import| &import.homes).map(|home| (home.folder.clone(), home.clone())).collect()
}

/// The source that was imported from the folder that this lies in, where there is only one.
pub fn source_at(dataset: &Dataset, path: &Path) -> Option<String> {
    let folder = folder_of(path).ok()?;
    // A file beside one that was imported alone need not be of its source.
    let folder = if path.is_dir() { &folder } else { folder.parent()? };
    let lies_in = |source: &&Source| {
        let homes = Homes { known: known(Some(source)), ..Homes::default() };
        folder.ancestors().any(|folder| homes.at(folder).is_some())
    };
    let mut found = dataset.manifest().sources.iter().filter(lies_in);
    found.next().filter(|_| found.next().is_none()).map(|source| source.id.clone())
}

/// A folder, and where names of its files start.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Spot {
    /// The folder, without symbolic links.
    real: PathBuf,
    /// The home that it lies in: the digest of its path.
    pub(super) home: String,
    /// The folder that names start in.
    pub(super) start: PathBuf,
    /// Whether that is above the home.
    pub(super) is_above: bool,
    /// The folder that paths may not leave: the home, or the one that is given.
    pub(super) limit: PathBuf,
    /// The folder's path from there; nothing where it is that.
    pub(super) inside: String,
}

impl Spot {
    /// That of a home itself.
    fn at(folder: &Path, home: &Home) -> Result<Self> {
        let above = home.above as usize;
        let start = folder.ancestors().nth(above).unwrap_or(folder);
        let inside = text_of(folder.strip_prefix(start).unwrap_or(Path::new("")))?;
        let (home, is_above) = (home.folder.clone(), above > 0);
        let (real, limit) = (folder.to_path_buf(), folder.to_path_buf());
        Ok(Self { real, home, start: start.to_path_buf(), is_above, limit, inside })
    }

    /// A folder in it.
    pub(super) fn folder(&self, name: &str, homes: &Homes) -> Result<Self> {
        let real = self.real.join(name);
        if let Some(home) = homes.at(&real) {
            return Self::at(&real, home);
        }
        let inside = self.name(name);
        if homes.has_names(&inside) {
            let message = format!(
                "what it has would be called {inside}/…, as what another folder of the source has that was imported by \
                 itself: import this one as another --source"
            );
            return Err(Error::invalid(message).in_file(&real));
        }
        Ok(Self { real, inside, ..self.clone() })
    }

    /// What a file in it is called.
    pub(super) fn name(&self, file: &str) -> String {
        joined(&self.inside, file)
    }
}

/// What tells a path or a name apart.
fn key_of(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().as_str().get(..KEY_DIGITS).unwrap_or_default().to_owned()
}

/// So many names at the end of a path; nothing where it has not so many, or they are no text.
fn last_names(path: &Path, count: usize) -> Option<String> {
    let start = path.ancestors().nth(count)?;
    text_of(path.strip_prefix(start).ok()?).ok()
}

/// Names as an id has them.
fn text_of(names: &Path) -> Result<String> {
    names.to_str().map(str::to_owned).ok_or_else(|| {
        Error::invalid(format!("the folder's name {names:?} is not UTF-8, so that no id can have it: rename it"))
    })
}

fn joined(folder: &str, name: &str) -> String {
    match (folder, name) {
        ("", name) => name.to_owned(),
        (folder, "") => folder.to_owned(),
        (folder, name) => format!("{folder}/{name}"),
    }
}
