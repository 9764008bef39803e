//! The list of the files that an export wrote, which it leaves in its folder: the export that overwrites it takes away what
//! it does not write anew, and nothing that somebody else put there.
//!
//! A line is a name as a JSON text. An export that is at work holds a lock on its list, which its end takes away, however it
//! comes: so that what a killed one left behind is told from one at work.

use crate::error::{Error, Result};
use crate::schema::record::{Identity, Keyed};
use std::cell::RefCell;
use std::collections::HashSet;
use std::fs::{self, File, TryLockError};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Component, Path, PathBuf};

/// What the list is called. Hidden, and of no ending that an importer or a trainer reads.
pub(super) const NAME: &str = ".surgdb-export";
/// What it is called while it is written.
const UNFINISHED: &str = ".surgdb-export.tmp";
/// How deep a folder is searched for what an export did not write.
const DEPTH_LIMIT: usize = 64;

/// A list on its way.
pub(super) struct List {
    root: PathBuf,
    state: RefCell<State>,
}

struct State {
    file: BufWriter<File>,
    /// What was written, where a folder is overwritten.
    written: Option<HashSet<Identity, Keyed>>,
    /// What exports before wrote there, as their lists say.
    own: HashSet<Identity, Keyed>,
}

/// What became of files that were there and were not written anew.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Cleared {
    /// How many files of an export before were removed.
    pub(super) removed: u64,
    /// How many stay, of which no list says that an export wrote them.
    pub(super) others: u64,
    /// The first of these.
    pub(super) first: Option<String>,
}

impl List {
    /// Starts the list of a folder; `overwrites` says whether there is something in it.
    ///
    /// # Errors
    /// `Exists` where another export writes into the folder; `Io`.
    pub(super) fn start(root: &Path, overwrites: bool) -> Result<Self> {
        let path = root.join(UNFINISHED);
        let failed = |error| Error::io("cannot write the list of its files", error).in_file(&path);
        // What one that was killed wrote stays known.
        let file = File::options().create(true).append(true).open(&path).map_err(failed)?;
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            return Err(Error::exists("another export writes into this folder").in_file(root));
        }
        if !overwrites {
            // From here on it is seen to be an export's, and one at work.
            fs::rename(&path, root.join(NAME)).map_err(failed)?;
        }
        let written = overwrites.then(HashSet::default);
        let lists = [NAME, UNFINISHED].into_iter().filter(|_| overwrites);
        let own = lists.flat_map(|list| names(&root.join(list))).map(|name| identity(&name)).collect();
        let state = RefCell::new(State { file: BufWriter::new(file), written, own });
        Ok(Self { root: root.to_path_buf(), state })
    }

    /// Notes a file that is to be written. One that is there already, and that no export wrote, stays somebody else's though
    /// it gets new bytes: it is not listed, so that no export ever removes it.
    pub(super) fn note(&self, name: &str) -> Result<()> {
        let mut state = self.state.borrow_mut();
        let State { written, own, .. } = &mut *state;
        if let Some(written) = written {
            let known = identity(name);
            let is_listed = !written.insert(known);
            let is_others = !own.contains(&known) && self.root.join(name).symlink_metadata().is_ok();
            if is_listed || is_others {
                return Ok(());
            }
        }
        write_line(&mut state.file, name).map_err(|error| self.failed(error))
    }

    fn failed(&self, error: io::Error) -> Error {
        Error::io("cannot write the list of its files", error).in_file(&self.root)
    }

    /// Ends the list; where a folder was overwritten, files of exports before that were not written anew go.
    ///
    /// # Errors
    /// `Io`.
    pub(super) fn finish(&self) -> Result<Cleared> {
        let mut state = self.state.borrow_mut();
        state.file.flush().map_err(|error| self.failed(error))?;
        let Some(written) = state.written.take() else { return Ok(Cleared::default()) };
        let mut cleared = Cleared::default();
        for list in [NAME, UNFINISHED] {
            for name in names(&self.root.join(list)) {
                let is_old = !written.contains(&identity(&name));
                cleared.removed += u64::from(is_old && remove(&self.root, &name));
            }
        }
        find_others(&self.root, &written, &mut cleared);
        self.settle(&written).map_err(|error| self.failed(error))?;
        Ok(cleared)
    }

    /// Gives the list its name, with what was written now alone.
    fn settle(&self, written: &HashSet<Identity, Keyed>) -> io::Result<()> {
        let path = self.root.join(UNFINISHED);
        let new = self.root.join(format!("{NAME}.new.tmp"));
        let mut out = BufWriter::new(File::create(&new)?);
        let mut listed: HashSet<Identity, Keyed> = HashSet::default();
        for name in names(&path).filter(|name| written.contains(&identity(name))) {
            if listed.insert(identity(&name)) {
                write_line(&mut out, &name)?;
            }
        }
        out.into_inner().map_err(io::IntoInnerError::into_error)?;
        fs::rename(&new, self.root.join(NAME))?;
        fs::remove_file(&path)
    }
}

impl Drop for List {
    fn drop(&mut self) {
        // One that was not finished leaves the folder as it was known; what it wrote is listed still.
        let _ = self.state.borrow_mut().file.flush();
    }
}

fn identity(name: &str) -> Identity {
    Identity::of_digest(blake3::hash(name.as_bytes()).as_bytes())
}

fn write_line(out: &mut impl Write, name: &str) -> io::Result<()> {
    serde_json::to_writer(&mut *out, name)?;
    out.write_all(b"\n")
}

/// The names in a list; none where it is not there, and none of lines that cannot be read.
fn names(path: &Path) -> impl Iterator<Item = String> + use<> {
    let lines = File::open(path).ok().into_iter().flat_map(|file| BufReader::new(file).lines());
    lines.map_while(io::Result::ok).filter_map(|line| serde_json::from_str(&line).ok())
}

/// Removes a file of a folder and the folders that are empty then; whether it was there. Nothing outside is reached.
fn remove(root: &Path, name: &str) -> bool {
    let relative = Path::new(name);
    if name.is_empty() || !relative.components().all(|part| matches!(part, Component::Normal(_))) {
        return false;
    }
    let path = root.join(relative);
    let inside = |folder: &Path| {
        let real = folder.canonicalize().ok().zip(root.canonicalize().ok());
        real.is_some_and(|(folder, root)| folder == root.join(relative.parent().unwrap_or(Path::new(""))))
    };
    if !path.parent().is_some_and(inside) || fs::remove_file(&path).is_err() {
        return false;
    }
    let mut folder = relative.parent();
    while let Some(inside) = folder.filter(|inside| !inside.as_os_str().is_empty()) {
        if fs::remove_dir(root.join(inside)).is_err() {
            break;
        }
        folder = inside.parent();
    }
    true
}

/// Whether a file is one that [`super::folder`] writes under a temporary name.
fn is_temporary(name: &str) -> bool {
    let number = name.strip_prefix('.').and_then(|name| name.strip_suffix(".tmp"));
    number.is_some_and(|number| number.len() == 8 && number.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Counts files that no export is known to have written; what a killed one had not finished goes.
fn find_others(root: &Path, written: &HashSet<Identity, Keyed>, cleared: &mut Cleared) {
    let mut folders = vec![(root.to_path_buf(), String::new(), 0)];
    while let Some((folder, inside, depth)) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let (Ok(kind), Ok(own)) = (entry.file_type(), entry.file_name().into_string()) else { continue };
            let name = if inside.is_empty() { own.clone() } else { format!("{inside}/{own}") };
            if kind.is_dir() {
                if depth < DEPTH_LIMIT {
                    folders.push((entry.path(), name, depth + 1));
                }
            } else if is_temporary(&own) {
                let _ = fs::remove_file(entry.path());
            } else if ![NAME, UNFINISHED].contains(&name.as_str()) && !written.contains(&identity(&name)) {
                cleared.others += 1;
                if cleared.first.as_ref().is_none_or(|first| name < *first) {
                    cleared.first = Some(name);
                }
            }
        }
    }
}

/// A folder that an export beside this one was writing to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Beside {
    /// It was left behind by one that was killed.
    Dead,
    /// One is at work.
    AtWork,
    /// It has no list, so that nobody can tell.
    Unknown,
}

impl Beside {
    pub(super) fn of(folder: &Path) -> Self {
        match File::open(folder.join(NAME)).map(|list| list.try_lock()) {
            Ok(Ok(())) => Self::Dead,
            Ok(Err(TryLockError::WouldBlock)) => Self::AtWork,
            Ok(Err(TryLockError::Error(_))) | Err(_) => Self::Unknown,
        }
    }
}
