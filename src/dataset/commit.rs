//! Making a new version: all of it or nothing, and never over somebody else's.

use super::around::refuse_inside;
use super::claims::Claims;
use super::versions;
use crate::error::{Error, ErrorKind, Result};
use crate::format::constants::{
    CLAIMS_DIR, COLUMNS_DIR, DELETIONS_DIR, FORMAT_VERSION, INDEX_DIR, MANIFEST_BYTES_MAX, REPORTS_DIR, TABLES,
    VERSIONS_DIR,
};
use crate::format::manifest::{Manifest, may_build_on, version_name, version_path};
use crate::storage::publish::{create_dir_synced, publish_bytes, publish_bytes_if, random_token, sync_dir, unlink};
use std::fs;
use std::path::Path;
use std::time::Duration;

/// How often a commit is tried again after somebody else was first.
const ATTEMPTS_MAX: u32 = 4096;

/// Makes an empty dataset in the folder `root`, which is made too where it is not there: version 1.
///
/// A creation that was cut short can be done again.
///
/// # Errors
/// `Exists` when there is a dataset already, the folder holds anything else, or lies in a dataset; `Io`, `Storage`.
pub fn create(root: &Path) -> Result<Manifest> {
    refuse_inside(root)?;
    make_folder(root)?;
    refuse_foreign(root)?;
    for name in folders() {
        create_dir_synced(&root.join(name))?;
    }
    let manifest = Manifest::empty(unique()?, unique()?, now());
    let published = publish_bytes(&root.join(VERSIONS_DIR), &version_name(1), &manifest.encode());
    match published {
        Ok(()) => Ok(manifest),
        Err(_) if is_ours(root, 1, &manifest.commit).unwrap_or(false) => made_durable(root, 1).map(|()| manifest),
        Err(error) if error.kind() == ErrorKind::Exists => Err(exists(root)),
        Err(error) => Err(error),
    }
}

/// Removes a dataset again that [`create`] has made with this commit id, and the folder itself with `and_folder`. Says
/// whether it did: a dataset with another version, or with a writer at work, stays.
///
/// # Errors
/// `Io`.
pub fn take_back(root: &Path, commit: &str, and_folder: bool) -> Result<bool> {
    let failed = |error| Error::io("cannot remove the empty dataset", error).in_file(root);
    let is_unused = || Ok::<_, Error>(versions::list(root)? == [1] && is_ours(root, 1, commit)?);
    // Without this folder nobody can start to write.
    if !is_unused()? || fs::remove_dir(root.join(CLAIMS_DIR)).is_err() {
        return Ok(false);
    }
    if !is_unused()? {
        create_dir_synced(&root.join(CLAIMS_DIR))?;
        return Ok(false);
    }
    unlink(&root.join(version_path(1)))?;
    // What a commit that failed has left there: nobody else had a claim, and without one none is written.
    for entry in fs::read_dir(root.join(REPORTS_DIR)).map_err(failed)? {
        unlink(&entry.map_err(failed)?.path())?;
    }
    for name in folders().filter(|name| *name != CLAIMS_DIR) {
        fs::remove_dir(root.join(name)).map_err(failed)?;
    }
    if and_folder {
        fs::remove_dir(root).map_err(failed)?;
    }
    Ok(true)
}

/// Makes the version after the newest from what `build` makes of the newest, and releases the claims.
///
/// `build` gets the version to build on, checks what the change rests on, and gives the new one; its format
/// version, dataset id, number, commit id, time and `next` are filled in here. It is called again when another
/// writer was first.
///
/// # Errors
/// What `build` gives; `Conflict` when a claim is gone, or other writers were first thousands of times; `Corrupt`
/// when what `build` made is no valid manifest; `Unsupported` when the newest version is of a newer format; `Storage`,
/// `Io`. Whatever the error, the dataset has either its
/// newest version as before, or the new one, whole; an error that leaves the new one says so.
pub fn commit(
    root: &Path,
    claims: &mut Claims,
    mut build: impl FnMut(&Manifest, &mut Claims) -> Result<Manifest>,
) -> Result<Manifest> {
    let id = unique()?;
    for attempt in 0..ATTEMPTS_MAX {
        let base = versions::newest(root)?;
        if !may_build_on(&base.format, FORMAT_VERSION) {
            return Err(newer_format(&base.format).in_file(root));
        }
        claims.refresh()?;
        claims.check()?;
        let before = claims.published();
        let next = fill_in(build(&base, claims)?, &base, &id, claims);
        next.check()?;
        match publish_version(root, &next, claims)? {
            Published::Ours => {
                claims.release();
                return Ok(next);
            }
            Published::Other => {
                claims.take_back(before);
                back_off(attempt);
            }
        }
    }
    Err(Error::conflict(format!(
        "other writers committed first {ATTEMPTS_MAX} times in a row; nothing was changed: try again later, or commit \
         larger changes less often"
    ))
    .in_file(root))
}

/// A newer minor version may have fields that this build would drop (VERSIONS.md).
fn newer_format(format: &str) -> Error {
    Error::unsupported(format!(
        "the newest version has format version {format}, and this build writes {FORMAT_VERSION}: what it does not know \
         would be lost; use a newer build"
    ))
}

enum Published {
    Ours,
    Other,
}

/// Publishes the version's file, and on any error looks whose file is there.
fn publish_version(root: &Path, next: &Manifest, claims: &mut Claims) -> Result<Published> {
    let bytes = next.encode();
    if bytes.len() as u64 > MANIFEST_BYTES_MAX {
        let remedy = "copy the dataset into a new one, which starts with few files";
        let what = format!("its manifest would have {} bytes, more than {MANIFEST_BYTES_MAX}: {remedy}", bytes.len());
        return Err(Error::unsupported(what).in_file(root));
    }
    // A vacuum may have taken a writer for gone that was silent for long, and its files with it.
    let (dir, name) = (root.join(VERSIONS_DIR), version_name(next.version));
    let published = publish_bytes_if(&dir, &name, &bytes, || claims.check());
    let Err(error) = published else { return Ok(Published::Ours) };
    match is_ours(root, next.version, &next.commit) {
        Ok(true) => match made_durable(root, next.version) {
            Ok(()) => Ok(Published::Ours),
            Err(error) => {
                claims.abandon();
                Err(error)
            }
        },
        Ok(false) if error.kind() == ErrorKind::Exists => Ok(Published::Other),
        Ok(false) => Err(error),
        Err(unknown) => {
            claims.abandon();
            Err(Error::new(
                error.kind(),
                format!(
                    "{}; whether version {} was made could not be found out ({unknown}): look at the newest version \
                     before trying again",
                    error.message(),
                    next.version
                ),
            )
            .in_file(root)
            .caused_by(error))
        }
    }
}

/// Brings the name of a version to the disk that is there already, although a step of its publishing failed.
fn made_durable(root: &Path, version: u64) -> Result<()> {
    sync_dir(&root.join(VERSIONS_DIR)).map_err(|error| {
        Error::new(
            error.kind(),
            format!(
                "version {version} was made, but may not survive a loss of power ({}): look at the newest version \
                 before trying again",
                error.message()
            ),
        )
        .in_file(root)
        .caused_by(error)
    })
}

/// Whether the file of this version is there and from our commit.
fn is_ours(root: &Path, version: u64, commit: &str) -> Result<bool> {
    match versions::read(root, version) {
        Ok(manifest) => Ok(manifest.commit == commit),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn fill_in(mut next: Manifest, base: &Manifest, id: &str, claims: &Claims) -> Manifest {
    let above = claims.numbers().iter().max().map_or(0, |number| number + 1);
    FORMAT_VERSION.clone_into(&mut next.format);
    next.dataset.clone_from(&base.dataset);
    next.version = base.version + 1;
    id.clone_into(&mut next.commit);
    next.time = now();
    next.next = base.next.max(above);
    next
}

/// Waits a little, longer each time, so that writers that keep meeting come apart.
fn back_off(attempt: u32) {
    let longest = 200u64 << attempt.min(7);
    let mut bytes = [0u8; 8];
    // Without randomness all wait the longest time, which is slower but not wrong.
    let wait = getrandom::fill(&mut bytes).map_or(longest, |()| u64::from_le_bytes(bytes) % longest);
    std::thread::sleep(Duration::from_micros(wait));
}

fn now() -> String {
    match PINNED.get() {
        Some(_) => jiff::Timestamp::UNIX_EPOCH.to_string(),
        None => jiff::Timestamp::now().to_string(),
    }
}

/// The id of a dataset or of a commit.
fn unique() -> Result<String> {
    match PINNED.get() {
        Some(given) => {
            PINNED.set(Some(given + 1));
            Ok(format!("{:032x}", given + 1))
        }
        None => random_token(),
    }
}

thread_local! {
    static PINNED: std::cell::Cell<Option<u64>> = const { std::cell::Cell::new(None) };
}

/// Pins what is by nature unique, for tests that hold files byte for byte: from now on this thread gives the ids 1, 2, …
/// to datasets and commits, and the time 1970-01-01T00:00:00Z. Tokens of claims and of temporary files stay random: no
/// file of a version holds them.
#[doc(hidden)]
pub fn pin_unique() {
    PINNED.set(Some(0));
}

/// The folders of a dataset.
pub(super) fn folders() -> impl Iterator<Item = &'static str> {
    TABLES.into_iter().chain([COLUMNS_DIR, INDEX_DIR, DELETIONS_DIR, REPORTS_DIR, CLAIMS_DIR, VERSIONS_DIR])
}

/// Makes the folders of a dataset again that are gone: copies by tools that know no empty folders have lost those.
///
/// # Errors
/// `Io`.
pub fn restore_folders(root: &Path) -> Result<()> {
    let gone: Vec<&str> = folders().filter(|name| !root.join(name).exists()).collect();
    // A dataset of one version may be on its way out, and nobody is to begin to write to it then.
    if gone.is_empty() || versions::list(root)? == [1] {
        return Ok(());
    }
    gone.into_iter().try_for_each(|name| create_dir_synced(&root.join(name)))
}

fn make_folder(root: &Path) -> Result<()> {
    match root.parent() {
        Some(parent) if !parent.as_os_str().is_empty() && !parent.exists() => make_folder(parent)?,
        _ => {}
    }
    if root.exists() { Ok(()) } else { create_dir_synced(root) }
}

/// Refuses a folder that holds a dataset, or anything but the traces of a creation that was cut short.
fn refuse_foreign(root: &Path) -> Result<()> {
    let listed = |dir: &Path| {
        std::fs::read_dir(dir)
            .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>())
            .map_err(|error| Error::io("cannot make a dataset here", error).in_file(dir))
    };
    if versions::list(root).is_ok_and(|versions| !versions.is_empty()) {
        return Err(exists(root));
    }
    for path in listed(root)? {
        let ours = folders().any(|name| path.ends_with(name)) && path.is_dir();
        if !ours || !listed(&path)?.iter().all(|inner| is_temporary(inner)) {
            return Err(Error::exists("the folder is not empty; give the dataset a folder of its own").in_file(root));
        }
    }
    Ok(())
}

fn is_temporary(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with('.') && name.ends_with(".tmp"))
}

fn exists(root: &Path) -> Error {
    Error::exists("there is a dataset here already; open it, or choose another folder").in_file(root)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::manifest::Operation;

    fn dataset() -> (tempfile::TempDir, std::path::PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("d.surgdb");
        create(&root).unwrap();
        (dir, root)
    }

    fn claims(root: &Path) -> Claims {
        Claims::new(root).unwrap()
    }

    #[test]
    fn a_new_dataset_is_version_1_in_folders_that_are_made_too() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("a/b/d.surgdb");
        let manifest = create(&root).unwrap();
        assert_eq!((manifest.version, manifest.next), (1, 1));
        assert_eq!(versions::newest(&root).unwrap(), manifest);
        for name in folders() {
            assert!(root.join(name).is_dir());
        }
    }

    #[test]
    fn the_tables_folders_have_the_tables_names() {
        assert_eq!(TABLES, crate::Table::ALL.map(crate::Table::name));
    }

    #[test]
    fn a_folder_with_a_dataset_or_anything_else_is_refused() {
        let (dir, root) = dataset();
        assert!(create(&root).unwrap_err().message().contains("a dataset here already"));
        let error = create(dir.path()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Exists);
        assert!(error.message().contains("not empty"));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_creation_that_was_cut_short_can_be_done_again() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("versions")).unwrap();
        std::fs::create_dir_all(dir.path().join("frames")).unwrap();
        std::fs::write(dir.path().join("versions/.0000000001.json.ab.tmp"), "{").unwrap();
        assert_eq!(versions::newest(dir.path()).unwrap_err().kind(), ErrorKind::NotFound);
        create(dir.path()).unwrap();
        assert_eq!(versions::newest(dir.path()).unwrap().version, 1);
    }

    #[test]
    fn what_a_vacuum_took_away_while_the_version_was_made_is_not_committed() {
        let (_dir, root) = dataset();
        let mut claims = claims(&root);
        let number = claims.take().unwrap();
        let error = commit(&root, &mut claims, |base, _| {
            std::fs::write(root.join(crate::format::manifest::claim_path(number)), "another's").unwrap();
            Ok(base.clone())
        });
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Conflict);
        assert_eq!(versions::list(&root).unwrap(), [1]);
        assert_eq!(std::fs::read_dir(root.join(VERSIONS_DIR)).unwrap().count(), 1, "no temporary file stays");
    }

    #[test]
    fn a_commit_fills_in_what_is_not_the_builders() {
        let (_dir, root) = dataset();
        let first = versions::newest(&root).unwrap();
        let second = commit(&root, &mut claims(&root), |base, _| {
            let mut next = Manifest::empty("", "", "");
            next.operation = Operation::new("test").with("base", base.version);
            Ok(next)
        })
        .unwrap();
        assert_eq!((second.version, second.next, &second.dataset), (2, 1, &first.dataset));
        assert_ne!(second.commit, first.commit);
        assert_eq!(versions::newest(&root).unwrap(), second);
        assert_eq!(versions::read(&root, 1).unwrap(), first);
    }

    #[test]
    fn next_never_falls() {
        let (_dir, root) = dataset();
        let mut taken = claims(&root);
        taken.take().unwrap();
        commit(&root, &mut taken, |base, _| Ok(base.clone())).unwrap();
        let first = versions::read(&root, 1).unwrap();
        assert_eq!(commit(&root, &mut claims(&root), |_, _| Ok(first.clone())).unwrap().next, 2);
    }

    #[test]
    fn who_loses_the_race_builds_again_on_the_winners_version() {
        let (_dir, root) = dataset();
        let mut seen = Vec::new();
        let last = commit(&root, &mut claims(&root), |base, _| {
            seen.push(base.version);
            if base.version < 4 {
                commit(&root, &mut claims(&root), |base, _| Ok(base.clone())).unwrap();
            }
            Ok(base.clone())
        })
        .unwrap();
        assert_eq!((seen, last.version), (vec![1, 2, 3, 4], 5));
    }

    #[test]
    fn a_refusal_of_the_builder_leaves_no_version() {
        let (_dir, root) = dataset();
        let error = commit(&root, &mut claims(&root), |_, _| Err(Error::conflict("no"))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        let error = commit(&root, &mut claims(&root), |base, _| {
            let mut next = base.clone();
            next.files.insert("pictures".into(), Vec::new());
            Ok(next)
        })
        .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert_eq!(versions::list(&root).unwrap(), [1]);
    }

    #[test]
    fn eight_writers_at_once_all_land_and_no_number_is_used_twice() {
        let (_dir, root) = dataset();
        let writer = |writer: u64| {
            for round in 0..10 {
                let mut claims = claims(&root);
                let number = claims.take().unwrap();
                commit(&root, &mut claims, |base, _| {
                    let mut next = base.clone();
                    next.operation = Operation::new("test").with("number", number).with("writer", writer * 100 + round);
                    Ok(next)
                })
                .unwrap();
            }
        };
        std::thread::scope(|scope| {
            for i in 0..8 {
                scope.spawn(move || writer(i));
            }
        });
        let versions = versions::list(&root).unwrap();
        assert_eq!(versions, (1..=81).collect::<Vec<_>>());
        let fact = |version: &u64, name: &str| {
            versions::read(&root, *version).unwrap().operation.summary[name].as_u64().unwrap()
        };
        for name in ["number", "writer"] {
            let mut facts: Vec<_> = versions[1..].iter().map(|version| fact(version, name)).collect();
            facts.sort_unstable();
            facts.dedup();
            assert_eq!(facts.len(), 80, "{name}s");
        }
        assert_eq!(std::fs::read_dir(root.join(CLAIMS_DIR)).unwrap().count(), 0);
    }
}
