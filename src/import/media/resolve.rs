//! Finds the file that a record's path means, and none outside the media roots.

use super::by_name::{ByName, is_elsewhere};
use super::wanted::{Wanted, folded, is_inside, percent_decoded};
use std::collections::HashMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use unicode_normalization::UnicodeNormalization;

/// How many folders' listings are held for finding other spellings.
const LISTINGS: usize = 16;

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

    /// The only file of the media roots that the end of an absolute path leads to, the longest that leads to any: such a path
    /// may be another machine's. A name alone says too little, save in a folder that is called as the path's.
    fn by_end(&mut self, wanted: &Wanted) -> Resolved {
        let outside = "it is an absolute path outside the media roots";
        if fs::symlink_metadata(&wanted.id).is_ok() {
            return Resolved::Outside(format!("{outside}: --media-root FOLDER lets it in, where FOLDER holds it"));
        }
        let parts: Vec<&str> = wanted.id.split('/').filter(|part| !part.is_empty() && !part.ends_with(':')).collect();
        for from in 0..parts.len() {
            let end = parts.get(from..).unwrap_or_default().join("/");
            let folder = from.checked_sub(1).and_then(|at| parts.get(at));
            let mut found: Vec<(PathBuf, u64)> = Vec::new();
            for root in self.roots.clone().iter() {
                let may_be = end.contains('/') || folder.is_some_and(|folder| root.real.ends_with(folder));
                if may_be
                    && is_inside(&end)
                    && let Some(Resolved::File { path, size, .. }) = self.check(root, &root.real.join(&end), None)
                    && !found.iter().any(|(known, _)| *known == path)
                {
                    found.push((path, size));
                }
            }
            match found.pop() {
                None => {}
                Some((path, size)) if found.is_empty() => {
                    return Resolved::File { path, size, respelled: Some(end), by_name: true };
                }
                Some(_) => {
                    let count = found.len() + 1;
                    return Resolved::Missing(format!("{outside}, and {count} files in them have the end {end:?}"));
                }
            }
        }
        let end = parts.get(parts.len().saturating_sub(2)..).unwrap_or_default().join("/");
        Resolved::Outside(format!(
            "{outside}, and none of these has the end of it: --media-root FOLDER finds it, where FOLDER holds {end:?} or a \
             longer end, or attach --names"
        ))
    }

    /// The file in a media root that has folders as those in which the records lie: it says more than the path alone. Where
    /// a root has such a folder, a name alone is looked for there only.
    fn mirrored(&mut self, wanted: &Wanted) -> Option<Resolved> {
        let (roots, own) = (self.roots.clone(), self.file.real.clone());
        let mut others = roots.iter().filter(|root| root.real != own);
        if let Some(row) = wanted.row.as_deref() {
            let has_folders = row.strip_suffix(&*wanted.id).is_some_and(|folders| folders.ends_with('/'));
            if !has_folders || !is_inside(row) {
                return None;
            }
            let found = others.find_map(|root| self.check(root, &root.real.join(row), None));
            if let Some(found @ Resolved::File { .. }) = found {
                return Some(found);
            }
        }
        // A row further out than the records lie says nothing of their folders.
        let inside = self.file.inside.clone().filter(|inside| !inside.is_empty() && !wanted.is_absolute)?;
        let is_name = !wanted.id.contains('/');
        let folders: Vec<&str> = inside.split('/').collect();
        let pools: Vec<Root> = roots.iter().filter(|root| self.pools.contains(&root.real)).cloned().collect();
        let mut mirror = None;
        for from in 0..folders.len() {
            let folder = folders.get(from..).unwrap_or_default().join("/");
            for root in &pools {
                let place = root.real.join(&folder);
                // The records' own folder is looked into anyhow.
                if place == own || !place.is_dir() {
                    continue;
                }
                if let Some(found @ Resolved::File { .. }) = self.check(root, &place.join(&wanted.id), None) {
                    return Some(found);
                }
                mirror.get_or_insert_with(|| root.path.join(&folder));
            }
        }
        let is_beside = || fs::symlink_metadata(own.join(&wanted.id)).is_ok();
        let mirror = mirror.filter(|_| is_name && !is_beside())?;
        Some(Resolved::Missing(format!(
            "not found in {}, which is called as the folder of its records",
            mirror.display()
        )))
    }

    /// The file where a path leads whose `..` leave the folder of the file at hand, within what was named or a media root;
    /// where no file is at hand, it is looked for in each root without them.
    fn climbed(&mut self, wanted: &Wanted) -> Option<Resolved> {
        let place = self.place_beside(wanted);
        let below = wanted.id.trim_start_matches("../");
        let has_file = !self.file.real.as_os_str().is_empty();
        let roots: Vec<Root> = self.limit.iter().chain(self.roots.iter()).cloned().collect();
        roots.iter().find_map(|root| {
            let relative = if has_file { place.strip_prefix(&root.real).ok()? } else { Path::new(below) };
            is_inside(relative.to_str()?).then(|| self.find_in(root, relative)).flatten()
        })
    }

    /// The file where a row's id leads, whose path starts beside a record and leaves that folder, in a media root.
    fn of_row(&mut self, wanted: &Wanted) -> Option<Resolved> {
        let row = wanted.row.as_ref().filter(|row| is_inside(row))?;
        let named = self
            .by_name
            .iter()
            .filter_map(|known| Some(Root { path: known.folder.clone(), real: known.folder.canonicalize().ok()? }));
        // Its own folder is where the path does not lead.
        let roots: Vec<Root> =
            self.roots.iter().cloned().chain(named).filter(|root| root.real != self.file.real).collect();
        roots.iter().find_map(|root| self.find_in(root, Path::new(row)))
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

    /// The only file of this name, or whose path ends so, below the folders that are searched so: the one whose path ends
    /// with the row's id, else the only one that does not lie in the folders of another recording than the id says.
    fn by_name(&mut self, wanted: &Wanted) -> Option<Resolved> {
        let mut found: Vec<(PathBuf, String)> = Vec::new();
        for known in &mut self.by_name {
            let folder = known.folder.clone();
            let inside = |file: &PathBuf| file.strip_prefix(&folder).unwrap_or(file).to_string_lossy().into_owned();
            found.extend(known.ending(&wanted.id).into_iter().map(|file| (file.clone(), inside(file))));
        }
        let (all, id) = (found.len(), wanted.row.as_deref().unwrap_or_default());
        let of_id = found.iter().filter(|(_, inside)| ends_with(inside, id)).count();
        if !id.is_empty() && of_id > 0 {
            found.retain(|(_, inside)| ends_with(inside, id));
        } else {
            found.retain(|(_, inside)| !is_elsewhere(id, inside));
        }
        match found.as_slice() {
            [] if all == 0 => None,
            [] => {
                let (are, others) = if all == 1 { ("a file", "is another's") } else { ("files", "are others'") };
                let message = format!("{are} of this name {others} as the folders say: {id:?} is in another one");
                Some(Resolved::Missing(message))
            }
            [(only, inside)] => {
                let (size, respelled) = (fs::metadata(only).ok()?.len(), Some(inside.clone()));
                Some(Resolved::File { path: only.clone(), size, respelled, by_name: true })
            }
            several => Some(Resolved::Missing(format!("{} files have this name", several.len()))),
        }
    }

    fn names(&self) -> String {
        let names: Vec<String> = self.roots.iter().map(|root| root.path.display().to_string()).collect();
        if names.is_empty() { "any folder: no media root exists".into() } else { names.join(", ") }
    }

    /// The file in this root: as it is written, with its percent signs read, or in other letter case.
    fn find_in(&mut self, root: &Root, relative: &Path) -> Option<Resolved> {
        if let Some(found) = self.check(root, &root.real.join(relative), None) {
            return Some(found);
        }
        let text = relative.to_str()?;
        let decoded = percent_decoded(text).filter(|decoded| is_inside(decoded));
        if let Some(decoded) = &decoded
            && let Some(found) = self.check(root, &root.real.join(decoded), Some(decoded.clone()))
        {
            return Some(found);
        }
        let spelled = self.respelled(&root.real, text).or_else(|| self.respelled(&root.real, &decoded?))?;
        self.check(root, &root.real.join(&spelled), Some(spelled))
    }

    /// Whether this file is there and inside the root.
    fn check(&mut self, root: &Root, path: &Path, respelled: Option<String>) -> Option<Resolved> {
        let link = fs::symlink_metadata(path).ok()?;
        let outside = || Some(Resolved::Outside("a symbolic link leads out of the media root".into()));
        let (meta, real) = if link.is_symlink() {
            let Ok(real) = path.canonicalize() else {
                return Some(Resolved::Missing("the symbolic link leads nowhere".into()));
            };
            (fs::metadata(&real).ok()?, real)
        } else {
            let parent = self.real_parent(path.parent()?)?;
            (link, parent.join(path.file_name()?))
        };
        if !real.starts_with(&root.real) {
            return outside();
        }
        if !meta.is_file() {
            return Some(Resolved::Missing("it is a folder or a device, not a file".into()));
        }
        Some(Resolved::File { path: real, size: meta.len(), respelled, by_name: false })
    }

    /// Where a folder really is; folders come again and again.
    fn real_parent(&mut self, folder: &Path) -> Option<PathBuf> {
        if let Some(real) = self.real.get(folder) {
            return real.clone();
        }
        if self.real.len() >= 4096 {
            self.real.clear();
        }
        let real = folder.canonicalize().ok();
        self.real.insert(folder.to_path_buf(), real.clone());
        real
    }

    /// The path as the disk spells it, where it differs alone in letter case, or in how accents are written, and only one file
    /// does.
    fn respelled(&mut self, root: &Path, relative: &str) -> Option<String> {
        let mut folder = root.to_path_buf();
        let mut spelled = Vec::new();
        for part in relative.split('/') {
            let name = if fs::symlink_metadata(folder.join(part)).is_ok() {
                part.to_owned()
            } else {
                match self.listing(&folder)?.get(&spelling(part))?.as_slice() {
                    [only] => only.clone(),
                    _ => return None,
                }
            };
            folder.push(&name);
            spelled.push(name);
        }
        Some(spelled.join("/"))
    }

    fn listing(&mut self, folder: &Path) -> Option<&HashMap<String, Vec<String>>> {
        if !self.listings.contains_key(folder) {
            if self.listings.len() >= LISTINGS {
                self.listings.clear();
            }
            let mut names: HashMap<String, Vec<String>> = HashMap::new();
            for entry in fs::read_dir(folder).ok()?.flatten() {
                if let Ok(name) = entry.file_name().into_string()
                    && !name.starts_with("._")
                {
                    names.entry(spelling(&name)).or_default().push(name);
                }
            }
            self.listings.insert(folder.to_path_buf(), names);
        }
        self.listings.get(folder)
    }
}

/// A name whatever its letter case, and whether its accents are letters' own or stand behind them, as macOS writes them.
fn spelling(name: &str) -> String {
    name.to_lowercase().nfc().collect()
}

/// Whether a path ends with these whole folder and file names.
pub(crate) fn ends_with(path: &str, ending: &str) -> bool {
    path.strip_suffix(ending).is_some_and(|before| before.is_empty() || before.ends_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Disk(tempfile::TempDir);

    impl Disk {
        fn new(files: &[&str]) -> Self {
            let disk = Self(tempfile::tempdir().unwrap());
            for file in files {
                let path = disk.0.path().join("root").join(file);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, b"x").unwrap();
            }
            disk
        }

        fn find(&self, written: &str) -> std::result::Result<String, String> {
            let root = self.0.path().join("root");
            match Roots::new([root.as_path()]).resolve(&Wanted::new(written)) {
                Resolved::File { path, respelled, .. } => {
                    let real = root.canonicalize().unwrap();
                    let inside = path.strip_prefix(real).unwrap().to_str().unwrap().to_owned();
                    Ok(if respelled.is_some() { format!("respelled {inside}") } else { inside })
                }
                Resolved::Missing(reason) => Err(format!("missing: {reason}")),
                Resolved::Outside(reason) => Err(format!("outside: {reason}")),
                Resolved::Remote(reason) => Err(format!("remote: {reason}")),
            }
        }
    }

    #[test]
    fn a_path_is_found_however_it_is_written() {
        let disk = Disk::new(&["a b/x [1].png", "50%/é.png", "c%20d.png"]);
        for written in [
            "a b/x [1].png",
            "./a b//x [1].png",
            "a b\\x [1].png",
            "a b/../a b/x [1].png",
            "file://a%20b/x%20%5B1%5D.png",
        ] {
            assert_eq!(disk.find(written).unwrap(), "a b/x [1].png", "{written}");
        }
        assert_eq!(disk.find("a%20b/x%20%5b1%5d.png").unwrap(), "respelled a b/x [1].png");
        assert_eq!(disk.find("A B/X [1].PNG").unwrap(), "respelled a b/x [1].png");
        assert_eq!(disk.find("50%/é.png").unwrap(), "50%/é.png");
        assert_eq!(disk.find("50%/e\u{301}.PNG").unwrap(), "respelled 50%/é.png");
        assert_eq!(disk.find("c%20d.png").unwrap(), "c%20d.png");
        let absolute = disk.0.path().join("root/c%20d.png");
        assert_eq!(disk.find(absolute.to_str().unwrap()).unwrap(), "c%20d.png");
        assert_eq!(Wanted::new("a\\.\\b.png").id, "a/b.png");
    }

    #[test]
    fn nothing_outside_the_root_is_taken() {
        let disk = Disk::new(&["in/x.png"]);
        fs::write(disk.0.path().join("secret.png"), b"s").unwrap();
        let root = disk.0.path().join("root");
        std::os::unix::fs::symlink(disk.0.path().join("secret.png"), root.join("link.png")).unwrap();
        std::os::unix::fs::symlink(disk.0.path(), root.join("up")).unwrap();
        std::os::unix::fs::symlink(root.join("in/x.png"), root.join("fine.png")).unwrap();
        std::os::unix::fs::symlink("nowhere", root.join("dead.png")).unwrap();
        let secret = disk.0.path().join("secret.png");
        for written in [
            "../secret.png",
            "in/../../secret.png",
            "..\\secret.png",
            secret.to_str().unwrap(),
            "link.png",
            "up/secret.png",
            "file:///etc/passwd",
            "C:\\x.png",
        ] {
            assert!(disk.find(written).unwrap_err().starts_with("outside"), "{written}: {:?}", disk.find(written));
        }
        assert!(disk.find("%2e%2e/secret.png").unwrap_err().starts_with("missing"));
        assert_eq!(disk.find("fine.png").unwrap(), "in/x.png");
        assert!(disk.find("dead.png").unwrap_err().contains("leads nowhere"));
        assert!(disk.find("https://x.org/a.png").unwrap_err().starts_with("remote"));
    }

    #[test]
    fn a_path_of_another_machine_is_found_by_its_end_alone() {
        let disk = Disk::new(&["c80/V1/1.png", "V2/1.png", "1.png"]);
        let find = |written: &str| disk.find(written);
        assert_eq!(find("/mnt/data/c80/V1/1.png").unwrap(), "respelled c80/V1/1.png");
        assert_eq!(find("D:\\data\\V2\\1.png").unwrap(), "respelled V2/1.png");
        assert_eq!(find("/mnt/root/1.png").unwrap(), "respelled 1.png", "the root is called as its folder");
        let error = find("/mnt/V1/1.png").unwrap_err();
        assert!(error.starts_with("outside") && error.contains("holds \"V1/1.png\""), "{error}");
        std::os::unix::fs::symlink(disk.0.path(), disk.0.path().join("root/up")).unwrap();
        fs::write(disk.0.path().join("secret.png"), b"s").unwrap();
        assert!(find("/mnt/up/secret.png").unwrap_err().starts_with("outside"));
        assert!(find("/mnt/../c80/../../secret.png").unwrap_err().starts_with("outside"));
        let real = disk.0.path().canonicalize().unwrap();
        fs::create_dir(real.join("V2")).unwrap();
        fs::write(real.join("V2/1.png"), b"s").unwrap();
        let there = real.join("V2/1.png");
        let error = find(there.to_str().unwrap()).unwrap_err();
        assert!(error.contains("lets it in"), "what is there is another file: {error}");
    }

    #[test]
    fn two_ends_of_a_path_are_none() {
        let disk = Disk::new(&["a/V1/1.png", "b/V1/1.png"]);
        let (a, b) = (disk.0.path().join("root/a"), disk.0.path().join("root/b"));
        let found = Roots::new([a.as_path(), b.as_path()]).resolve(&Wanted::new("/mnt/V1/1.png"));
        assert!(matches!(&found, Resolved::Missing(reason) if reason.contains("2 files")), "{found:?}");
    }

    #[test]
    fn what_is_not_there_says_where_it_was_looked_for() {
        let disk = Disk::new(&["a/X.png", "a/x.PNG", "a/._y.png"]);
        assert!(disk.find("none.png").unwrap_err().contains("root"));
        assert!(disk.find("a").unwrap_err().contains("not a file"));
        assert!(disk.find("a/x.png").unwrap_err().starts_with("missing"), "two files differ in case alone");
        assert!(disk.find("a/._Y.png").unwrap_err().starts_with("missing"));
        assert!(disk.find("a\0b").unwrap_err().starts_with("missing"));
    }
}
