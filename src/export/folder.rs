//! The folder that an export is written to: nothing in it is ever half-written.
//!
//! A new export is written into a hidden folder beside its place and renamed when it is complete. Into a folder that
//! is there already, each file goes under a temporary name and is renamed when it is complete; files of an export before
//! that are not written anew go at the end.

use super::ExportReport;
use super::list::{Beside, List};
use crate::dataset::dataset_around;
use crate::error::{Error, Result};
use std::cell::RefCell;
use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

/// An export's folder under construction. Dropped before it is finished, a new one is removed.
pub(super) struct OutputFolder {
    /// Where files are written now.
    root: PathBuf,
    /// Where they are to be, when that is another place.
    target: Option<PathBuf>,
    /// What is written.
    list: List,
    /// What killed exports to the same place left behind, and was removed; and what may be such.
    left_behind: [Vec<PathBuf>; 2],
    /// Folders inside that are known to lie in it, where it was there before.
    inner: RefCell<HashSet<PathBuf>>,
}

impl OutputFolder {
    /// Starts the folder.
    ///
    /// # Errors
    /// `Exists` when there is something and it is not to be written into; `Io`.
    pub(super) fn new(path: &Path, overwrite: bool) -> Result<Self> {
        let is_free = match fs::read_dir(path) {
            Ok(mut entries) => entries.next().is_none(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => true,
            Err(error) => return Err(Error::io("cannot be the export's folder", error).in_file(path)),
        };
        if let Some(dataset) = dataset_around(path) {
            let what = format!("it lies in the dataset {}, whose files are its own", dataset.display());
            let what = if path == dataset { "this is a dataset".to_owned() } else { what };
            return Err(Error::exists(format!("{what}: export to another folder")).in_file(path));
        }
        if !is_free && !overwrite {
            let message = "there is something in the folder: name another one, or write into it with --overwrite";
            return Err(Error::exists(message).in_file(path));
        }
        let name = path.file_name().and_then(|name| name.to_str());
        let left_behind = name.map(|name| clear_beside(path, name)).unwrap_or_default();
        if !is_free {
            let list = List::start(path, true)?;
            let (root, inner) = (path.to_path_buf(), RefCell::default());
            return Ok(Self { root, target: None, list, left_behind, inner });
        }
        let Some(name) = name else { return Err(Error::invalid("the export's folder needs a name").in_file(path)) };
        let root = path.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
        if root.exists() {
            return Err(Error::exists("another export is at work here, or was left behind: remove it").in_file(root));
        }
        fs::create_dir_all(&root).map_err(|error| Error::io("cannot create the folder", error).in_file(&root))?;
        let list = List::start(&root, false).inspect_err(|_| drop(fs::remove_dir_all(&root)))?;
        Ok(Self { root, target: Some(path.to_path_buf()), list, left_behind, inner: RefCell::default() })
    }

    /// Where a file of the folder is now; its name is a path with slashes.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Starts a file of the folder; its name is a path with slashes.
    ///
    /// # Errors
    /// `Io`.
    pub(super) fn file(&self, name: &str) -> Result<OutputFile> {
        let path = self.root.join(name);
        self.stay_inside(&path)?;
        self.list.note(name)?;
        let (Some(parent), Some(last)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
            return Err(Error::invalid(format!("{name:?} cannot be a file's name")));
        };
        fs::create_dir_all(parent).map_err(|error| Error::io("cannot create the folder", error).in_file(parent))?;
        // A name may be as long as the file system allows, so the temporary one is not made longer than it.
        let temporary = parent.join(format!(".{:08x}.tmp", crc32fast::hash(last.as_bytes())));
        let file = File::create(&temporary).map_err(|error| Error::io("cannot create it", error).in_file(&path))?;
        Ok(OutputFile { path, temporary, file: Some(BufWriter::with_capacity(1 << 18, file)), written: 0 })
    }

    /// Writes a file, unless it is there with these bytes.
    ///
    /// # Errors
    /// `Io`.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.root.join(name);
        self.stay_inside(&path)?;
        if self.target.is_none() && holds(&path, bytes) {
            return self.list.note(name);
        }
        let mut file = self.file(name)?;
        file.write_all(bytes).map_err(|error| Error::io("cannot write it", error).in_file(&file.path))?;
        file.finish().map(drop)
    }

    /// Gives a file outside of the folder a second name in it; says whether the file system could.
    ///
    /// # Errors
    /// `Io`.
    pub(super) fn link(&self, name: &str, file: &Path) -> Result<bool> {
        let path = self.root.join(name);
        self.stay_inside(&path)?;
        self.list.note(name)?;
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|error| Error::io("cannot create the folder", error).in_file(parent))?;
        }
        // A link of a link would be one to a name, not to the file.
        let Ok(file) = file.canonicalize() else { return Ok(false) };
        let _ = fs::remove_file(&path);
        Ok(fs::hard_link(file, &path).is_ok())
    }

    /// Refuses a file whose folder is reached through a link that leads out of this one: what stood there would be
    /// somebody's, and what is written there nobody would find again.
    fn stay_inside(&self, path: &Path) -> Result<()> {
        let Some(parent) = path.parent() else { return Ok(()) };
        // A folder that was made just now has no links in it.
        if self.target.is_some() || parent == self.root || self.inner.borrow().contains(parent) {
            return Ok(());
        }
        let there = parent.ancestors().find_map(|folder| Some((folder, folder.canonicalize().ok()?)));
        if let (Some((folder, real)), Ok(root)) = (there, self.root.canonicalize())
            && !real.starts_with(root)
        {
            let message = format!(
                "it leads out of the export's folder, to {}, and nothing is written there: remove the link, or export to \
                 another folder",
                real.display()
            );
            return Err(Error::exists(message).in_file(folder));
        }
        self.inner.borrow_mut().insert(parent.to_path_buf());
        Ok(())
    }

    /// Gives a new folder its name; takes files of an export before that were not written anew out of one that was there,
    /// and says so.
    ///
    /// # Errors
    /// `Io`.
    pub(super) fn finish(mut self, report: &mut ExportReport) -> Result<()> {
        let cleared = self.list.finish()?;
        (report.removed, report.others, report.first_other) = (cleared.removed, cleared.others, cleared.first);
        let shown = |paths: &[PathBuf]| paths.iter().map(|path| path.display().to_string()).collect();
        let [dead, unknown] = &self.left_behind;
        (report.left_behind, report.perhaps_left_behind) = (shown(dead), shown(unknown));
        let Some(target) = self.target.take() else { return Ok(()) };
        fs::rename(&self.root, &target).map_err(|error| {
            let _ = fs::remove_dir_all(&self.root);
            Error::io("cannot give the export its name", error).in_file(&target)
        })
    }
}

impl Drop for OutputFolder {
    fn drop(&mut self) {
        if self.target.is_some() {
            let _ = fs::remove_dir_all(&self.root);
        }
    }
}

/// Removes the folders that killed exports to this place left beside it; these, and those of which nobody can tell.
fn clear_beside(path: &Path, name: &str) -> [Vec<PathBuf>; 2] {
    let mut found: [Vec<PathBuf>; 2] = Default::default();
    let (before, after) = (format!(".{name}."), ".tmp");
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let own = entry.file_name().into_string().unwrap_or_default();
        let number = own.strip_prefix(&before).and_then(|own| own.strip_suffix(after));
        let is_ours =
            number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()));
        if !is_ours || !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        match Beside::of(&entry.path()) {
            Beside::AtWork => {}
            Beside::Dead if fs::remove_dir_all(entry.path()).is_ok() => found[0].push(entry.path()),
            Beside::Dead | Beside::Unknown => found[1].push(entry.path()),
        }
    }
    found
}

/// Whether a file has exactly these bytes.
fn holds(path: &Path, bytes: &[u8]) -> bool {
    let Ok(mut file) = File::open(path) else { return false };
    if file.metadata().map_or(true, |meta| !meta.is_file() || meta.len() != bytes.len() as u64) {
        return false;
    }
    let mut chunk = vec![0; 1 << 16];
    bytes.chunks(1 << 16).all(|part| {
        let found = chunk.get_mut(..part.len());
        found.is_some_and(|found| file.read_exact(found).is_ok() && found == part)
    })
}

/// A file under construction. Dropped before it is finished, it is removed.
pub(super) struct OutputFile {
    path: PathBuf,
    temporary: PathBuf,
    file: Option<BufWriter<File>>,
    written: u64,
}

impl OutputFile {
    /// Gives the file its name; how many bytes it has.
    ///
    /// # Errors
    /// `Io`.
    pub(super) fn finish(mut self) -> Result<u64> {
        let end = |file: Option<BufWriter<File>>| -> io::Result<()> {
            if let Some(file) = file {
                file.into_inner().map_err(io::IntoInnerError::into_error)?;
            }
            fs::rename(&self.temporary, &self.path)
        };
        let file = self.file.take();
        match end(file) {
            Ok(()) => Ok(self.written),
            Err(error) => {
                let _ = fs::remove_file(&self.temporary);
                Err(Error::io("cannot write it", error).in_file(&self.path))
            }
        }
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(file) = &mut self.file else { return Err(io::ErrorKind::BrokenPipe.into()) };
        let accepted = file.write(bytes)?;
        self.written += accepted as u64;
        Ok(accepted)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Drop for OutputFile {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::constants::VERSIONS_DIR;

    fn names(path: &Path) -> Vec<String> {
        let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        entries.collect()
    }

    #[test]
    fn a_new_folder_appears_when_it_is_complete() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out");
        let folder = OutputFolder::new(&path, false).unwrap();
        folder.write("a/b.png", b"x").unwrap();
        assert!(!path.exists());
        folder.finish(&mut ExportReport::default()).unwrap();
        assert_eq!(fs::read(path.join("a/b.png")).unwrap(), b"x");
        assert_eq!(names(dir.path()), ["out"]);
        let error = OutputFolder::new(&path, false).err().unwrap();
        assert_eq!(error.kind(), crate::ErrorKind::Exists);
    }

    #[test]
    fn a_dataset_is_no_place_for_an_export() {
        let dir = tempfile::tempdir().unwrap();
        let dataset = dir.path().join("x.surgdb");
        fs::create_dir_all(dataset.join(VERSIONS_DIR)).unwrap();
        for (path, message) in [(dataset.clone(), "this is a dataset"), (dataset.join("a/b"), "it lies in the dataset")]
        {
            let error = OutputFolder::new(&path, true).err().unwrap();
            assert_eq!(error.kind(), crate::ErrorKind::Exists);
            assert!(error.message().contains(message), "{error}");
        }
        assert_eq!(names(&dataset).len(), 1);
        assert!(OutputFolder::new(&dir.path().join("out"), false).is_ok());
    }

    #[test]
    fn what_is_dropped_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out");
        let folder = OutputFolder::new(&path, false).unwrap();
        folder.file("x.jsonl").unwrap().write_all(b"half").unwrap();
        drop(folder);
        assert!(names(dir.path()).is_empty());
        fs::create_dir(&path).unwrap();
        fs::write(path.join("x"), b"old").unwrap();
        let folder = OutputFolder::new(&path, true).unwrap();
        folder.file("x").unwrap().write_all(b"half").unwrap();
        let there = || names(&path).into_iter().filter(|name| !name.starts_with(".surgdb-export")).collect::<Vec<_>>();
        assert_eq!((there(), fs::read(path.join("x")).unwrap()), (vec!["x".to_owned()], b"old".to_vec()));
        folder.write("x", b"new").unwrap();
        assert_eq!(fs::read(path.join("x")).unwrap(), b"new");
    }
    #[test]
    fn what_is_overwritten_has_only_what_was_written_and_what_others_put_there() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out");
        let export = |overwrite: bool, files: &[&str]| {
            let folder = OutputFolder::new(&path, overwrite).unwrap();
            files.iter().for_each(|name| folder.write(name, name.as_bytes()).unwrap());
            let mut report = ExportReport::default();
            folder.finish(&mut report).unwrap();
            report
        };
        export(false, &["images/P1/1.png", "images/P2/2.png", "a.jsonl"]);
        fs::write(path.join("notes.txt"), "mine").unwrap();
        fs::write(path.join("images/.0123abcd.tmp"), "half").unwrap();
        // One that was killed had written something more.
        let killed = OutputFolder::new(&path, true).unwrap();
        killed.write("images/P3/3.png", b"x").unwrap();
        drop(killed);
        let report = export(true, &["images/P2/2.png", "b.jsonl"]);
        assert_eq!((report.removed, report.others, report.first_other.as_deref()), (3, 1, Some("notes.txt")));
        let there = |inside: &str| {
            let mut names = names(&path.join(inside));
            names.sort();
            names
        };
        assert_eq!(
            (there(""), there("images")),
            ([".surgdb-export", "b.jsonl", "images", "notes.txt"].map(str::to_owned).to_vec(), vec!["P2".to_owned()])
        );
        // Again, from the list that was left; a list that was tampered with reaches nothing outside.
        fs::write(dir.path().join("secret"), "x").unwrap();
        fs::create_dir(dir.path().join("other")).unwrap();
        fs::write(dir.path().join("other/f"), "x").unwrap();
        std::os::unix::fs::symlink(dir.path().join("other"), path.join("link")).unwrap();
        let list = fs::read_to_string(path.join(".surgdb-export")).unwrap();
        fs::write(path.join(".surgdb-export"), format!("{list}\"../secret\"\n\"link/f\"\n\"/etc/x\"\nno JSON\n"))
            .unwrap();
        let report = export(true, &["b.jsonl"]);
        assert_eq!((report.removed, report.others), (1, 2));
        assert!(
            dir.path().join("secret").is_file()
                && dir.path().join("other/f").is_file()
                && !path.join("images").exists()
        );
        // Two at once would take each other's files away.
        let first = OutputFolder::new(&path, true).unwrap();
        assert!(
            OutputFolder::new(&path, true).err().unwrap().message().contains("another export writes into this folder")
        );
        drop(first);
    }

    #[test]
    fn what_stood_there_before_stays_though_it_was_written_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out");
        fs::create_dir(&path).unwrap();
        for name in ["same.png", "other.png"] {
            fs::write(path.join(name), name).unwrap();
        }
        let export = |files: &[(&str, &str)]| {
            let folder = OutputFolder::new(&path, true).unwrap();
            files.iter().for_each(|(name, bytes)| folder.write(name, bytes.as_bytes()).unwrap());
            let mut report = ExportReport::default();
            folder.finish(&mut report).unwrap();
            (report.removed, report.others)
        };
        // Neither what has the same bytes nor what gets others becomes an export's own; again, and after one that was killed.
        let all = [("same.png", "same.png"), ("other.png", "new"), ("own.png", "own")];
        assert_eq!(export(&all), (0, 0));
        assert_eq!(export(&all), (0, 0));
        let killed = OutputFolder::new(&path, true).unwrap();
        killed.write("other.png", b"newer").unwrap();
        drop(killed);
        assert_eq!(export(&[("a.jsonl", "x")]), (1, 2));
        assert!(path.join("same.png").is_file() && path.join("other.png").is_file() && !path.join("own.png").exists());
    }

    #[test]
    fn nothing_is_written_through_a_link_that_leads_out() {
        let dir = tempfile::tempdir().unwrap();
        let (path, other) = (dir.path().join("out"), dir.path().join("other"));
        for folder in [&path, &other, &path.join("real")] {
            fs::create_dir(folder).unwrap();
        }
        std::os::unix::fs::symlink(&other, path.join("P2")).unwrap();
        std::os::unix::fs::symlink("real", path.join("within")).unwrap();
        let folder = OutputFolder::new(&path, true).unwrap();
        for name in ["P2/0.png", "P2/deep/0.png"] {
            let error = folder.write(name, b"x").unwrap_err();
            assert!(error.to_string().contains("leads out of the export's folder"), "{error}");
            assert!(folder.file(name).is_err() && folder.link(name, &path).is_err());
        }
        folder.write("within/1.png", b"x").unwrap();
        assert!(names(&other).is_empty() && path.join("real/1.png").is_file());
    }

    #[test]
    fn what_a_killed_export_left_beside_its_place_goes_with_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let (path, dead, unknown) =
            (dir.path().join("out"), dir.path().join(".out.4.tmp"), dir.path().join(".out.5.tmp"));
        fs::create_dir_all(dead.join("images")).unwrap();
        fs::write(dead.join(".surgdb-export"), "\"images/1.png\"\n").unwrap();
        // Of another export, of a folder of somebody's, and of one that is at work.
        for other in [".out.5.tmp", ".out.x.tmp", ".other.4.tmp", ".out.6.tmp"] {
            fs::create_dir(dir.path().join(other)).unwrap();
        }
        let list = File::create(dir.path().join(".out.6.tmp/.surgdb-export")).unwrap();
        list.try_lock().unwrap();
        let folder = OutputFolder::new(&path, false).unwrap();
        let mut report = ExportReport::default();
        folder.finish(&mut report).unwrap();
        let shown = |path: &Path| vec![path.display().to_string()];
        assert_eq!((report.left_behind, report.perhaps_left_behind), (shown(&dead), shown(&unknown)));
        let mut there = names(dir.path());
        there.sort();
        assert_eq!(there, [".other.4.tmp", ".out.5.tmp", ".out.6.tmp", ".out.x.tmp", "out"]);
    }
}
