//! Files that a command writes beside a dataset, under a name of the user's: whole, or not at all.

use rustix::fs::{Access, access};
use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use surgdb::storage::publish::{publish_bytes, sync_dir, temporary_name};
use surgdb::{Error, ErrorKind, Result};

/// How many links are followed: more than a system does.
const LINKS_MAX: usize = 64;

/// Writes a file that is not there yet; `taken` says what to do where there is one.
///
/// # Errors
/// `Exists`; `Invalid` where its name is no text; `Io`.
pub fn write_new(path: &Path, bytes: &[u8], taken: &str) -> Result<()> {
    let (folder, name) = place_of(path)?;
    publish_bytes(folder, name, bytes).map_err(|error| match error.kind() {
        ErrorKind::Exists => exists(path, taken),
        _ => error,
    })
}

/// Writes a file in place of the one that may be there, which stays whole until it is, and whose mode it gets. Where a link
/// stands there, it is what the link leads to that is replaced.
///
/// # Errors
/// `Invalid` where its name is no text, where what is there is no file, and where that is read-only; `Io`.
pub fn overwrite(path: &Path, bytes: &[u8]) -> Result<()> {
    let mode = mode_of(path)?;
    let place = followed(path);
    let (folder, name) = place_of(&place)?;
    let new = folder.join(temporary_name(name)?);
    let written = write_with_mode(&new, bytes, mode)
        .map_err(|error| Error::io("cannot write the file", error).in_file(path))
        .and_then(|()| {
            let renamed = std::fs::rename(&new, &place);
            renamed.map_err(|error| Error::io("cannot put it in the place of the file there", error).in_file(path))
        });
    if written.is_err() {
        let _ = std::fs::remove_file(&new);
    }
    written.and_then(|()| sync_dir(folder))
}

/// The mode of the file that is to be replaced, where there is one.
fn mode_of(path: &Path) -> Result<Option<u32>> {
    let found = match path.metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        found => found.map_err(|error| Error::io("cannot look at what is there", error).in_file(path))?,
    };
    if !found.is_file() {
        return Err(Error::invalid("what is there is no file that could be replaced: name another one").in_file(path));
    }
    // The mode is asked too, since the administrator may write what it says nobody may.
    if found.permissions().readonly() || access(path, Access::WRITE_OK).is_err() {
        let message = "the file there is read-only: name another one, or let it be written (chmod u+w)";
        return Err(Error::invalid(message).in_file(path));
    }
    Ok(Some(found.mode() & 0o777))
}

/// Where a path leads to through links, the last of which may lead to what is not there yet.
fn followed(path: &Path) -> PathBuf {
    let mut path = path.to_path_buf();
    for _ in 0..LINKS_MAX {
        let Ok(target) = path.read_link() else { break };
        path = path.parent().unwrap_or(Path::new("")).join(target);
    }
    path
}

/// Writes a new file, which nobody but its owner reads before it has the mode.
fn write_with_mode(path: &Path, bytes: &[u8], mode: Option<u32>) -> io::Result<()> {
    let first = if mode.is_some() { 0o600 } else { 0o666 };
    let mut file = File::options().write(true).create_new(true).mode(first).open(path)?;
    file.write_all(bytes)?;
    if let Some(mode) = mode {
        file.set_permissions(Permissions::from_mode(mode))?;
    }
    file.sync_all()
}

/// What is said of a name that another file has.
pub fn exists(path: &Path, taken: &str) -> Error {
    Error::exists(format!("there is such a file already: {taken}")).in_file(path)
}

/// The folder of a file, and its name there.
fn place_of(path: &Path) -> Result<(&Path, &str)> {
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| Error::invalid("a file needs a name, in UTF-8").in_file(path))?;
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    Ok((folder, name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{FileTypeExt, symlink};

    #[test]
    fn a_file_is_new_or_in_the_place_of_another_and_nothing_else_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.png");
        write_new(&path, b"one", "name another one").unwrap();
        let error = write_new(&path, b"two", "name another one").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Exists);
        assert!(error.to_string().contains("there is such a file already: name another one"), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
        overwrite(&path, b"three").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"three");
        overwrite(&dir.path().join("b.png"), b"four").unwrap();

        // A folder is in no file's way.
        std::fs::create_dir(dir.path().join("c")).unwrap();
        assert!(overwrite(&dir.path().join("c"), b"five").is_err());
        assert_eq!(write_new(Path::new("/"), b"six", "").unwrap_err().kind(), ErrorKind::Invalid);
        assert_eq!(names(dir.path()), ["a.png", "b.png", "c"]);
    }

    fn names(dir: &Path) -> Vec<String> {
        let names = std::fs::read_dir(dir).unwrap();
        let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn what_is_no_file_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let (fifo, link) = (dir.path().join("fifo"), dir.path().join("link"));
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, mode).unwrap();
        symlink("fifo", &link).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("socket")).unwrap();
        let before = names(dir.path());
        for path in [&fifo, &link, &dir.path().join("socket"), dir.path(), Path::new("/dev/null")] {
            let error = overwrite(path, b"page").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
            assert!(error.to_string().contains("what is there is no file"), "{error}");
        }
        assert!(fifo.symlink_metadata().unwrap().file_type().is_fifo());
        assert!(link.symlink_metadata().unwrap().is_symlink());
        assert_eq!(names(dir.path()), before);
    }

    #[test]
    fn through_a_link_its_target_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let (inner, link) = (dir.path().join("inner"), dir.path().join("link"));
        std::fs::create_dir(&inner).unwrap();
        std::fs::write(inner.join("page"), b"old").unwrap();
        symlink("page", inner.join("again")).unwrap();
        symlink("inner/again", &link).unwrap();
        overwrite(&link, b"new").unwrap();
        assert_eq!(link.read_link().unwrap(), Path::new("inner/again"));
        assert_eq!(std::fs::read(inner.join("page")).unwrap(), b"new");
        assert_eq!((names(dir.path()).len(), names(&inner)), (2, vec!["again".to_owned(), "page".to_owned()]));
        // One that leads to nothing yet, and one that leads nowhere.
        let (early, round) = (dir.path().join("early"), dir.path().join("round"));
        symlink("inner/later", &early).unwrap();
        overwrite(&early, b"later").unwrap();
        assert!(early.symlink_metadata().unwrap().is_symlink());
        assert_eq!(std::fs::read(inner.join("later")).unwrap(), b"later");
        symlink("round", &round).unwrap();
        assert_eq!(overwrite(&round, b"x").unwrap_err().kind(), ErrorKind::Io);
    }

    #[test]
    fn the_mode_stays_and_what_is_read_only_too() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("page");
        for mode in [0o600, 0o640, 0o666] {
            std::fs::write(&path, b"old").unwrap();
            std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            overwrite(&path, b"new").unwrap();
            assert_eq!(
                (path.metadata().unwrap().mode() & 0o7777, std::fs::read(&path).unwrap()),
                (mode, b"new".into())
            );
        }
        std::fs::set_permissions(&path, Permissions::from_mode(0o444)).unwrap();
        let error = overwrite(&path, b"newer").unwrap_err();
        assert!(error.kind() == ErrorKind::Invalid && error.to_string().contains("read-only"), "{error}");
        assert_eq!((std::fs::read(&path).unwrap(), names(dir.path()).len()), (b"new".to_vec(), 1));
    }

    #[test]
    fn a_name_may_be_as_long_as_the_file_system_allows() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x".repeat(255));
        write_new(&path, b"one", "name another one").unwrap();
        overwrite(&path, b"two").unwrap();
        assert_eq!((std::fs::read(&path).unwrap(), names(dir.path()).len()), (b"two".to_vec(), 1));
    }
}
