//! Files that a command writes beside a dataset, under a name of the user's: whole, or not at all.

use std::path::Path;
use surgdb::storage::publish::{publish_bytes, temporary_name};
use surgdb::{Error, ErrorKind, Result};

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

/// Writes a file in place of the one that may be there, which stays whole until it is.
///
/// # Errors
/// `Invalid` where its name is no text; `Io`.
pub fn overwrite(path: &Path, bytes: &[u8]) -> Result<()> {
    let (folder, name) = place_of(path)?;
    let new = temporary_name(name)?;
    publish_bytes(folder, &new, bytes)?;
    std::fs::rename(folder.join(&new), path).map_err(|error| {
        let _ = std::fs::remove_file(folder.join(&new));
        Error::io("cannot put it in the place of the file there", error).in_file(path)
    })
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
        let mut names: Vec<_> =
            std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["a.png", "b.png", "c"]);
    }
}
