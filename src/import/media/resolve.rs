//! Finds the file that a record's path means, and none outside the media roots.

mod disk;
mod elsewhere;

use super::by_name::ByName;
use super::wanted::{Wanted, folded, is_inside};
use std::collections::HashMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// What became of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Resolved {
    /// The file is there; `respelled` is the path as the disk spells it, where the record spells it otherwise. One that was
    /// found `by_name` alone lies where its path does not lead.
    File { path: PathBuf, size: u64, respelled: Option<String>, by_name: bool },
    /// There is no such file; why, and where it was looked for.
    Missing(String),
    /// It leaves the media roots.
    Outside(String),
    /// It is an address of another machine.
    Remote(String),
}

/// Where the file lies whose records name pictures and videos.
#[derive(Clone, Debug, Default)]
struct Beside {
    /// Its folder, really.
    real: PathBuf,
    /// The same as its name has it, where it lies further in than its home.
    inside: Option<String>,
}

/// The folders that media may lie in.
#[derive(Debug, Default)]
pub(crate) struct Roots {
    roots: Rc<[Root]>,
    /// The folder that ids start in.
    start: PathBuf,
    /// The folder in which paths may leave the one that they start in.
    limit: Option<Root>,
    /// The file whose records are read.
    file: Beside,
    /// Those of the roots that were named as media roots.
    pools: Vec<PathBuf>,
    listings: HashMap<PathBuf, HashMap<String, Vec<String>>>,
    real: HashMap<PathBuf, Option<PathBuf>>,
    by_name: Vec<ByName>,
    /// What was listed below a folder that is not searched by name now, and may be again.
    listed: Option<ByName>,
}

#[derive(Clone, Debug)]
struct Root {
    path: PathBuf,
    real: PathBuf,
}

impl Roots {
    /// These folders, in the order in which they are searched; those that do not exist are left out.
    pub(crate) fn new<'a>(folders: impl IntoIterator<Item = &'a Path>) -> Self {
        let mut roots = Self::default();
        roots.enter(folders);
        roots
    }

    /// Takes these of its folders as media roots, which may have folders as those of the records.
    pub(crate) fn name_pools(&mut self, folders: &[PathBuf]) {
        self.pools = folders.iter().filter_map(|folder| folder.canonicalize().ok()).collect();
    }

    /// Searches these folders, and no others, from now on; what is known of the disk stays known.
    pub(crate) fn enter<'a>(&mut self, folders: impl IntoIterator<Item = &'a Path>) {
        let mut roots: Vec<Root> = Vec::new();
        for folder in folders {
            let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            let Ok(real) = folder.canonicalize() else { continue };
            if !roots.iter().any(|root| root.real == real) {
                roots.push(Root { path: folder.to_path_buf(), real });
            }
        }
        self.roots = roots.into();
        let mut by_name = std::mem::take(&mut self.by_name);
        self.listed = by_name.pop().filter(|_| by_name.is_empty()).or(self.listed.take());
    }

    /// Reads the records of this file from now on: `name` is its name for ids, which starts in `start`. Within `limit` paths
    /// may lead out of the folder that they start in.
    pub(crate) fn beside(&mut self, file: &Path, name: &str, start: &Path, limit: &Path) {
        let real = |folder: &Path| match folder.as_os_str().is_empty() {
            true => Path::new(".").canonicalize().ok(),
            false => folder.canonicalize().ok(),
        };
        self.start = start.to_path_buf();
        self.limit = real(limit).map(|real| Root { path: limit.to_path_buf(), real });
        let inside = name.rsplit_once('/').map(|(folder, _)| folder.to_owned());
        self.file = Beside { real: file.parent().and_then(real).unwrap_or_default(), inside };
    }

    /// A path that starts beside the file at hand, as one that starts where ids do; none where the file lies in no folder of
    /// that one, or the path leads out of it. One that leads out of the home is no other home's.
    pub(crate) fn path_from_home(&self, wanted: &Wanted) -> Option<String> {
        let inside = self.file.inside.as_deref().filter(|_| !wanted.is_absolute() && !wanted.id.is_empty())?;
        let path = Some(folded(inside, &wanted.id)).filter(|path| !path.is_empty() && is_inside(path));
        let limit = self.limit.as_ref().and_then(|limit| limit.real.strip_prefix(&self.start).ok())?;
        match limit.as_os_str().is_empty() || path.as_ref().is_some_and(|path| Path::new(path).starts_with(limit)) {
            true => path,
            false => Some(format!("{inside}/{}", wanted.id)),
        }
    }

    /// Whether paths may start in the folder of the file at hand, and not in these folders for all: that lies in one of
    /// them, or one has folders of the same names, or is called so.
    pub(crate) fn may_start_beside(&self, folders: &[PathBuf]) -> bool {
        let real = folders.iter().filter_map(|folder| folder.canonicalize().ok());
        let has_its_folders = |root: &Path| {
            let inside = self.file.inside.as_ref();
            inside.is_some_and(|inside| root.join(inside).is_dir() || root.ends_with(inside))
        };
        folders.is_empty() || real.into_iter().any(|root| self.file.real.starts_with(&root) || has_its_folders(&root))
    }

    /// The name of the folder that ids start in, and the folder above it.
    pub(crate) fn folder_of_home(&self) -> Option<(&str, &Path)> {
        Some((self.start.file_name()?.to_str()?, self.start.parent()?))
    }

    /// A file's name for ids, where it lies where these start.
    pub(crate) fn file_from_home(&self, path: &Path) -> Option<String> {
        path.canonicalize().ok()?.strip_prefix(&self.start).ok()?.to_str().map(str::to_owned)
    }

    /// Whether a file lies in the folder of the file at hand, or below.
    pub(crate) fn is_beside(&self, path: &Path) -> bool {
        path.starts_with(&self.file.real)
    }

    /// Where a path leads from the folder of the file at hand, whether there is something or not.
    pub(crate) fn place_beside(&self, wanted: &Wanted) -> PathBuf {
        Path::new("/").join(folded(&self.file.real.to_string_lossy(), &wanted.id))
    }

    /// A path with the names of the folders before it: of this many of those that the file at hand lies in.
    pub(crate) fn with_folders(&self, wanted: &Wanted, count: usize) -> Option<String> {
        let folders: Vec<_> = self.file.real.iter().skip(1).map(|folder| folder.to_string_lossy()).collect();
        let from = folders.len().checked_sub(count)?;
        Some(folded(&folders.get(from..)?.join("/"), &wanted.id)).filter(|path| is_inside(path))
    }

    /// Finds the file, which must be readable.
    pub(crate) fn readable(&mut self, wanted: &Wanted) -> Resolved {
        let found = self.resolve(wanted);
        let Resolved::File { path, .. } = &found else { return found };
        let readable = fs::File::open(path).and_then(|mut file| file.read(&mut [0]));
        match readable {
            Ok(_) => found,
            Err(error) => Resolved::Missing(format!("it is there, and cannot be read: {error}")),
        }
    }

    /// Finds the file where the path leads, and nowhere else; it must be readable.
    pub(crate) fn led_to(&mut self, wanted: &Wanted) -> Resolved {
        let by_name = std::mem::take(&mut self.by_name);
        let found = self.readable(wanted);
        self.by_name = by_name;
        found
    }

    /// Finds the file.
    pub(crate) fn resolve(&mut self, wanted: &Wanted) -> Resolved {
        if wanted.is_remote {
            return Resolved::Remote("it is an address on the network, and nothing is downloaded".into());
        }
        if let Some(exact) = &wanted.exact {
            for root in self.roots.clone().iter() {
                if let Some(found @ Resolved::File { .. }) = self.check(root, &root.real.join(exact), None) {
                    return found;
                }
            }
        }
        if wanted.climbs {
            let outside = || {
                let message = "its `..` leave the media root: --media-root DIR lets it in, where DIR holds it";
                Resolved::Outside(message.into())
            };
            return self.climbed(wanted).or_else(|| self.of_row(wanted)).unwrap_or_else(outside);
        }
        if wanted.id.is_empty() || wanted.id.contains('\0') {
            return Resolved::Missing("it is no path".into());
        }
        if let Some(found) = self.mirrored(wanted) {
            return found;
        }
        let mut outside = None;
        for root in self.roots.clone().iter() {
            let relative = match wanted.is_absolute {
                false => PathBuf::from(&wanted.id),
                true => {
                    let path = Path::new(&wanted.id);
                    match path.strip_prefix(&root.real).or_else(|_| path.strip_prefix(&root.path)) {
                        Ok(relative) => relative.to_path_buf(),
                        Err(_) => continue,
                    }
                }
            };
            match self.find_in(root, &relative) {
                Some(Resolved::Outside(reason)) => outside = Some(reason),
                Some(found) => return found,
                None => {}
            }
        }
        match outside {
            Some(reason) => Resolved::Outside(reason),
            None if wanted.is_absolute => self.by_end(wanted),
            None => {
                self.by_name(wanted).unwrap_or_else(|| Resolved::Missing(format!("not found under {}", self.names())))
            }
        }
    }

    /// Looks below this folder for files whose names stand in records without their folders.
    pub(crate) fn search_by_name(&mut self, folder: &Path) {
        if matches!(self.by_name.as_slice(), [known] if known.folder == folder) {
            return;
        }
        let listed = self.listed.take().filter(|known| known.folder == folder);
        self.by_name = vec![listed.unwrap_or_else(|| ByName::new(folder.to_path_buf()))];
    }

    /// The same in all roots.
    pub(crate) fn search_roots_by_name(&mut self) {
        let folders = self.roots.iter().map(|root| root.real.clone());
        self.by_name = folders.map(ByName::new).collect();
    }

    fn names(&self) -> String {
        let names: Vec<String> = self.roots.iter().map(|root| root.path.display().to_string()).collect();
        if names.is_empty() { "any folder: no media root exists".into() } else { names.join(", ") }
    }
}

/// Whether a path ends with these whole folder and file names.
pub(crate) fn ends_with(path: &str, ending: &str) -> bool {
    path.strip_suffix(ending).is_some_and(|before| before.is_empty() || before.ends_with('/'))
}

#[cfg(test)]
mod tests;
