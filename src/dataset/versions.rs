//! The versions of a dataset, as the folder `versions/` has them.

use crate::error::{Error, Result};
use crate::format::FragmentId;
use crate::format::constants::{MANIFEST_BYTES_MAX, TABLES, VERSIONS_DIR};
use crate::format::manifest::{Manifest, VersionFile, version_of_name, version_path};
use crate::storage::{Access, FileBytes};
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::{Duration, SystemTime};
use std::{io, iter};

/// The numbers of all versions, ascending, those counted of which only a tombstone is left.
///
/// # Errors
/// `NotFound` when the folder is no dataset.
pub fn list(root: &Path) -> Result<Vec<u64>> {
    let dir = root.join(VERSIONS_DIR);
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => no_dataset(root),
        _ => Error::io("cannot list the versions", error).in_file(&dir),
    };
    let mut versions = Vec::new();
    for entry in std::fs::read_dir(&dir).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        versions.extend(name.to_str().and_then(version_of_name));
    }
    versions.sort_unstable();
    Ok(versions)
}

/// The numbers, run by run, of which there is nothing although newer ones are there; `versions` are those of [`list`].
pub fn gaps(versions: &[u64]) -> impl Iterator<Item = RangeInclusive<u64>> {
    let before = iter::once(0).chain(versions.iter().copied());
    before
        .zip(versions)
        .filter(|(before, version)| before + 1 < **version)
        .map(|(before, version)| before + 1..=version - 1)
}

/// The number of the newest version.
///
/// # Errors
/// `NotFound` when the folder is no dataset, or one whose creation did not finish.
pub fn newest_number(root: &Path) -> Result<u64> {
    list(root)?.last().copied().ok_or_else(|| {
        let has_files = |table: &str| root.join(table).read_dir().is_ok_and(|mut files| files.next().is_some());
        let what = match TABLES.into_iter().any(has_files) {
            true => "all manifests of the dataset are gone, though it has files: restore versions/ from a copy",
            false => "the folder has no version yet: the creation of a dataset did not finish; create it again",
        };
        Error::not_found(what).in_file(root)
    })
}

/// The newest version.
///
/// # Errors
/// `NotFound` when the folder is no dataset; `Corrupt` when the manifest is damaged (no older version is taken in
/// its place); `Unsupported` when this build cannot read it.
pub fn newest(root: &Path) -> Result<Manifest> {
    read(root, newest_number(root)?)
}

/// The version with this number.
///
/// # Errors
/// `NotFound` when there is no dataset or no such version, or it is no longer kept; `Corrupt` when the manifest is
/// damaged; `Unsupported` when this build cannot read it.
pub fn read(root: &Path, version: u64) -> Result<Manifest> {
    match read_file(root, version)? {
        VersionFile::Manifest(manifest) => Ok(*manifest),
        VersionFile::Tombstone(tombstone) => Err(tombstone.to_error().in_file(root)),
    }
}

/// The version that has this tag in the newest manifest.
///
/// # Errors
/// `NotFound` when there is no such tag; the message lists those that are there. Else as for [`read`].
pub fn by_tag(root: &Path, tag: &str) -> Result<Manifest> {
    let newest = newest(root)?;
    match newest.tags.get(tag) {
        Some(version) if *version == newest.version => Ok(newest),
        Some(version) => read(root, *version),
        None => {
            let tags: Vec<_> = newest.tags.keys().map(String::as_str).collect();
            let tags = if tags.is_empty() { "there are none".into() } else { format!("they are {}", tags.join(", ")) };
            Err(Error::not_found(format!("no version has the tag {tag:?}; {tags}")).in_file(root))
        }
    }
}

/// What the file of this version holds: its manifest, or the tombstone that is left of it.
///
/// # Errors
/// As for [`read`], save for tombstones.
pub fn read_file(root: &Path, version: u64) -> Result<VersionFile> {
    read_there(root, version).map_err(|error| with_remedy(error, root, version))
}

/// The same, without what to do about a fault.
fn read_there(root: &Path, version: u64) -> Result<VersionFile> {
    let path = root.join(version_path(version));
    let read = |file: FileBytes| match file.len() {
        len if len > MANIFEST_BYTES_MAX => {
            let what = format!("the manifest has {len} bytes, and none has more than {MANIFEST_BYTES_MAX}");
            Err(Error::corrupt(what).in_file(&path))
        }
        len => file.range(0..len),
    };
    let bytes = match FileBytes::open(&path, Access::Plain).and_then(read) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == crate::ErrorKind::NotFound => return Err(missing(root, version)?),
        Err(error) => return Err(error),
    };
    let found = VersionFile::decode(&bytes).map_err(|error| error.in_file(&path))?;
    if found.version() != version {
        let message = format!("the file holds version {}", found.version());
        return Err(Error::corrupt(message).in_file(&path));
    }
    Ok(found)
}

/// When the version was made that is the first that may have this fragment's rows: where they are, they were there by
/// then or came later in the same commit. Nothing where the versions that would tell are no longer kept.
///
/// # Errors
/// As for [`read`], save for versions that are no longer kept.
pub fn time_of(root: &Path, fragment: FragmentId) -> Result<Option<SystemTime>> {
    let versions = list(root)?;
    // `next` never falls.
    let (mut low, mut high, mut found) = (0, versions.len(), None);
    let mut below_is_kept = true;
    while low < high {
        let middle = low + (high - low) / 2;
        match versions.get(middle).map(|version| read_file(root, *version)).transpose()? {
            Some(VersionFile::Manifest(manifest)) if manifest.next > fragment.get() => {
                found = Some(manifest.time.clone());
                high = middle;
            }
            Some(VersionFile::Manifest(_)) => {
                below_is_kept = true;
                low = middle + 1;
            }
            _ => {
                below_is_kept = false;
                low = middle + 1;
            }
        }
    }
    let time = found.filter(|_| below_is_kept).and_then(|time| time.parse::<jiff::Timestamp>().ok());
    let seconds = time.and_then(|time| u64::try_from(time.as_second()).ok());
    Ok(seconds.map(|seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)))
}

/// Why there is no file of this version.
fn missing(root: &Path, version: u64) -> Result<Error> {
    let newest = newest_number(root)?;
    let message = if version == 0 || version > newest {
        format!("there is no version {version}: the newest is {newest}")
    } else if version == newest {
        format!("the manifest of version {version}, the newest, is gone: restore it from a copy")
    } else {
        format!("the manifest of version {version} is gone, though newer ones are there; restore it from a copy")
    };
    Ok(Error::not_found(message).in_file(root))
}

fn no_dataset(root: &Path) -> Error {
    let message = match root.metadata() {
        Err(_) => "there is no such folder",
        Ok(metadata) if metadata.is_dir() => "this folder is no dataset: it has no versions/",
        Ok(_) => "this is no dataset: a dataset is a folder",
    };
    Error::not_found(message).in_file(root)
}

/// Says what to do about a damaged manifest, and which version can be had instead.
fn with_remedy(error: Error, root: &Path, version: u64) -> Error {
    if error.kind() != crate::ErrorKind::Corrupt {
        return error;
    }
    let is_whole = |number: &u64| matches!(read_there(root, *number), Ok(VersionFile::Manifest(_)));
    let numbers = list(root).unwrap_or_default();
    let other = match numbers.last() {
        Some(newest) if *newest != version => format!("; the newest version is {newest}"),
        _ => match numbers.iter().rev().skip(1).find(|number| is_whole(number)) {
            Some(older) => format!(", or open an older version ({older}), by its number"),
            None => String::new(),
        },
    };
    let path = root.join(version_path(version));
    Error::corrupt(format!("{}; restore the file from a copy{other}", error.message())).in_file(path).caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::dataset::claims::Claims;
    use crate::dataset::commit::{commit, create};
    use crate::format::manifest::Tombstone;

    fn dataset(versions: u64) -> (tempfile::TempDir, std::path::PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("d.surgdb");
        create(&root).unwrap();
        for _ in 1..versions {
            commit(&root, &mut Claims::new(&root).unwrap(), |base, _| Ok(base.clone())).unwrap();
        }
        (dir, root)
    }

    #[test]
    fn versions_are_listed_in_order_whatever_else_lies_in_the_folder() {
        let (_dir, root) = dataset(3);
        for name in [".0000000009.json.aa.tmp", "12.json", "0000000004.JSON", "0000000000.json", "notes.txt"] {
            std::fs::write(root.join("versions").join(name), "").unwrap();
        }
        assert_eq!(list(&root).unwrap(), [1, 2, 3]);
        assert_eq!(newest(&root).unwrap().version, 3);
        assert_eq!(read(&root, 2).unwrap().version, 2);
    }

    #[test]
    fn what_is_no_dataset_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, "").unwrap();
        for (path, says) in [
            (dir.path().join("none"), "no such folder"),
            (dir.path().to_path_buf(), "no dataset"),
            (file, "a dataset is a folder"),
        ] {
            let error = newest(&path).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound);
            assert!(error.to_string().contains(says), "{error}");
            assert_eq!(error.file(), Some(path.as_path()));
        }
    }

    #[test]
    fn a_missing_version_names_the_newest() {
        let (_dir, root) = dataset(2);
        for version in [0, 3, u64::MAX] {
            let error = read(&root, version).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound);
            assert!(error.message().contains("the newest is 2"), "{error}");
        }
        std::fs::remove_file(root.join(version_path(1))).unwrap();
        assert!(read(&root, 1).unwrap_err().message().contains("restore"));
    }

    #[test]
    fn a_dropped_version_is_not_found_and_its_number_stays_taken() {
        let (_dir, root) = dataset(2);
        std::fs::write(root.join(version_path(1)), Tombstone { version: 1 }.encode()).unwrap();
        let error = read(&root, 1).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.message().contains("vacuum"), "{error}");
        assert_eq!(list(&root).unwrap(), [1, 2]);
    }

    #[test]
    fn a_damaged_newest_manifest_is_an_error_with_a_remedy_not_an_older_version() {
        let (_dir, root) = dataset(2);
        let path = root.join(version_path(2));
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[40] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        let error = newest(&root).unwrap_err();
        assert_eq!((error.kind(), error.file()), (ErrorKind::Corrupt, Some(path.as_path())));
        assert!(error.message().contains("older version (1)"), "{error}");
        std::fs::copy(root.join(version_path(1)), &path).unwrap();
        assert!(newest(&root).unwrap_err().message().contains("holds version 1"));
        std::fs::write(root.join(version_path(1)), "").unwrap();
        let older = read(&root, 1).unwrap_err();
        assert!(older.message().ends_with("the newest version is 2"), "{older}");
        assert!(!newest(&root).unwrap_err().message().contains("older version"), "version 1 is damaged too");
        std::fs::write(root.join("frames/000001.arrow"), "").unwrap();
        [1, 2].iter().for_each(|version| std::fs::remove_file(root.join(version_path(*version))).unwrap());
        assert!(newest(&root).unwrap_err().message().contains("manifests of the dataset are gone"));
    }

    #[test]
    fn a_manifest_larger_than_any_is_refused_before_it_is_read() {
        let (_dir, root) = dataset(2);
        let path = root.join(version_path(2));
        std::fs::File::options().write(true).open(&path).unwrap().set_len(8 << 40).unwrap();
        let error = newest(&root).unwrap_err();
        assert_eq!((error.kind(), error.file()), (ErrorKind::Corrupt, Some(path.as_path())), "{error}");
        assert!(error.message().contains("8796093022208 bytes") && error.message().contains("restore"), "{error}");
        assert_eq!(read(&root, 1).unwrap().version, 1);
    }

    #[test]
    fn a_tag_leads_to_its_version_and_a_wrong_one_to_the_list() {
        let (_dir, root) = dataset(2);
        commit(&root, &mut Claims::new(&root).unwrap(), |base, _| {
            let mut next = base.clone();
            next.tags.insert("paper".into(), 2);
            Ok(next)
        })
        .unwrap();
        assert_eq!(by_tag(&root, "paper").unwrap().version, 2);
        let error = by_tag(&root, "papers").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.message().contains("they are paper"), "{error}");
    }
}
