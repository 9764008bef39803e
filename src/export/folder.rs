//! The folder that an export is written to: nothing in it is ever half-written.
//!
//! A new export is written into a hidden folder beside its place and renamed when it is complete. Into a folder that
//! is there already, each file goes under a temporary name and is renamed when it is complete.

use crate::dataset::dataset_around;
use crate::error::{Error, Result};
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

/// An export's folder under construction. Dropped before it is finished, a new one is removed.
pub(super) struct OutputFolder {
    /// Where files are written now.
    root: PathBuf,
    /// Where they are to be, when that is another place.
    target: Option<PathBuf>,
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
        if !is_free {
            return Ok(Self { root: path.to_path_buf(), target: None });
        }
        let name = path.file_name().and_then(|name| name.to_str());
        let Some(name) = name else { return Err(Error::invalid("the export's folder needs a name").in_file(path)) };
        let root = path.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
        if root.exists() {
            return Err(Error::exists("another export is at work here, or was left behind: remove it").in_file(root));
        }
        fs::create_dir_all(&root).map_err(|error| Error::io("cannot create the folder", error).in_file(&root))?;
        Ok(Self { root, target: Some(path.to_path_buf()) })
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
        if self.target.is_none() && holds(&self.root.join(name), bytes) {
            return Ok(());
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
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|error| Error::io("cannot create the folder", error).in_file(parent))?;
        }
        // A link of a link would be one to a name, not to the file.
        let Ok(file) = file.canonicalize() else { return Ok(false) };
        let _ = fs::remove_file(&path);
        Ok(fs::hard_link(file, &path).is_ok())
    }

    /// Gives a new folder its name.
    ///
    /// # Errors
    /// `Io`.
    pub(super) fn finish(mut self) -> Result<()> {
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
        folder.finish().unwrap();
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
        assert_eq!((names(&path), fs::read(path.join("x")).unwrap()), (vec!["x".to_owned()], b"old".to_vec()));
        folder.write("x", b"new").unwrap();
        assert_eq!(fs::read(path.join("x")).unwrap(), b"new");
    }
}
