//! Claims: the file numbers that a writer at work has taken.

use super::commit::restore_folders;
use super::versions;
use crate::error::{Error, Result};
use crate::format::constants::{COLUMNS_DIR, DELETIONS_DIR, FRAGMENT_MAX, INDEX_DIR, TABLES};
use crate::format::manifest::{claim_path, data_path, version_path};
use crate::storage::fault;
use crate::storage::publish::{NewFile, random_token, share, unlink};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

/// How often a claim's time is set anew, at most.
const REFRESH_EVERY: Duration = Duration::from_secs(30);

/// The file numbers that one writer has taken, and the files that it has published under them.
///
/// A number is taken by creating `claims/N`, which only one writer can; so writers need not talk until they
/// commit. Dropping a set that was not committed removes its files first and then its claims, so that a number
/// is free again only when nothing bears it.
#[derive(Debug)]
pub struct Claims {
    root: PathBuf,
    token: String,
    numbers: Vec<u32>,
    files: Vec<PathBuf>,
    /// A version that was the newest when it was last looked at, and its `next`.
    base: Option<(u64, u32)>,
    refreshed: Instant,
    settled: bool,
    /// Whose they are: a process that was forked has a copy of them, and must leave them alone.
    process: u32,
}

impl Claims {
    /// A set without numbers, for a writer to the dataset in the folder `root`.
    ///
    /// # Errors
    /// `Io` when the system has no randomness.
    pub fn new(root: &Path) -> Result<Self> {
        Ok(Self {
            root: root.to_path_buf(),
            token: random_token()?,
            numbers: Vec::new(),
            files: Vec::new(),
            base: None,
            refreshed: Instant::now(),
            settled: false,
            process: std::process::id(),
        })
    }

    /// The numbers taken so far, ascending.
    pub fn numbers(&self) -> &[u32] {
        &self.numbers
    }

    /// Takes the next free number.
    ///
    /// # Errors
    /// `NotFound` when there is no dataset; `Unsupported` when all numbers have been used; `Io`.
    pub fn take(&mut self) -> Result<u32> {
        if self.numbers.is_empty() {
            restore_folders(&self.root)?;
        }
        let from = self.next_of_newest()?.max(self.numbers.last().map_or(0, |last| last + 1));
        self.take_from(from)
    }

    fn take_from(&mut self, mut number: u32) -> Result<u32> {
        loop {
            if number > FRAGMENT_MAX {
                let message = format!("the dataset has used all its {FRAGMENT_MAX} file numbers; copy it to a new one");
                return Err(Error::unsupported(message).in_file(&self.root));
            }
            if self.claim(number)? {
                // Only what is looked at after the claim can tell that nobody committed the number before it.
                let next = self.next_of_newest()?;
                if number >= next && !self.is_borne(number) {
                    return Ok(number);
                }
                self.give_back(number)?;
                number = next.max(number + 1);
            } else {
                number += 1;
            }
        }
    }

    /// Takes this number, if it is free and above those that were taken here.
    ///
    /// # Errors
    /// `NotFound` when there is no dataset; `Io`.
    pub(super) fn take_exactly(&mut self, number: u32) -> Result<bool> {
        let is_next = self.numbers.last().is_none_or(|last| *last < number) && number <= FRAGMENT_MAX;
        if !is_next || !self.claim(number)? {
            return Ok(false);
        }
        if number < self.next_of_newest()? || self.is_borne(number) {
            self.give_back(number)?;
            return Ok(false);
        }
        Ok(true)
    }

    /// Publishes another dataset's file under a number that was taken, without copying it; says whether the file system
    /// could.
    ///
    /// # Errors
    /// As [`Claims::publish`].
    pub(super) fn share(&mut self, from: &Path, folder: &str, number: u32) -> Result<bool> {
        self.check_one(number)?;
        let path = self.root.join(data_path(folder, number));
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_shared = share(from, &self.root.join(folder), &name)?;
        if is_shared {
            self.files.push(path);
        }
        Ok(is_shared)
    }

    /// Whether a file has this number already: one that a writer left behind whose claim is lost.
    fn is_borne(&self, number: u32) -> bool {
        let folders = TABLES.into_iter().chain([COLUMNS_DIR, INDEX_DIR, DELETIONS_DIR]);
        folders.into_iter().any(|folder| self.root.join(data_path(folder, number)).symlink_metadata().is_ok())
    }

    /// Creates the claim, if nobody has it.
    fn claim(&mut self, number: u32) -> Result<bool> {
        let path = self.path_of(number);
        let created =
            fault::step("create claim").and_then(|()| File::options().write(true).create_new(true).open(&path));
        let mut file = match created {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
            Err(error) => return Err(Error::io("cannot claim a file number", error).in_file(&path)),
        };
        self.numbers.push(number);
        let written = fault::step("write claim").and_then(|()| file.write_all(self.token.as_bytes()));
        written.map(|()| true).map_err(|error| {
            // A claim that cannot be removed either stays as an abandoned one, for vacuum.
            let _ = self.give_back(number);
            Error::io("cannot claim a file number", error).in_file(&path)
        })
    }

    /// Removes the claim that was just made.
    fn give_back(&mut self, number: u32) -> Result<()> {
        self.numbers.retain(|taken| *taken != number);
        unlink(&self.path_of(number))
    }

    /// `next` of the newest version, which is read only when it is another one than last time.
    fn next_of_newest(&mut self) -> Result<u32> {
        if let Some((version, next)) = self.base {
            let newer = self.root.join(version_path(version + 1));
            if newer.symlink_metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
                return Ok(next);
            }
        }
        let newest = versions::newest(&self.root)?;
        self.base = Some((newest.version, newest.next));
        Ok(newest.next)
    }

    /// Publishes a file under one of the numbers, after a look at its claim: at the others the commit looks. It goes
    /// when the set is dropped without a commit.
    ///
    /// # Errors
    /// `Conflict` when the claim is gone; else those of [`NewFile::publish`].
    pub fn publish(&mut self, number: u32, file: NewFile) -> Result<()> {
        self.check_one(number)?;
        let path = file.path().to_path_buf();
        match file.publish() {
            Err(error) if error.kind() == crate::ErrorKind::Exists => Err(error),
            outcome => {
                self.files.push(path);
                outcome
            }
        }
    }

    /// How many files were published so far.
    pub(super) fn published(&self) -> usize {
        self.files.len()
    }

    /// Removes the files that were published after the first `count`: those of an attempt to commit that came to
    /// nothing. Their numbers stay taken.
    pub(super) fn take_back(&mut self, count: usize) {
        let unneeded = self.files.split_off(count.min(self.files.len()));
        // One that cannot be removed now is tried again when the set is dropped, or left to vacuum.
        self.files.extend(unneeded.into_iter().filter(|file| unlink(file).is_err()));
    }

    /// Checks that every claim is still there, with this writer's token.
    ///
    /// # Errors
    /// `Conflict` when one is not: a purge or vacuum has taken it away, and what was written is not to be committed.
    pub fn check(&self) -> Result<()> {
        self.numbers.iter().try_for_each(|number| self.check_one(*number))
    }

    fn check_one(&self, number: u32) -> Result<()> {
        let path = self.path_of(number);
        match std::fs::read(&path) {
            Ok(token) if token == self.token.as_bytes() => Ok(()),
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::io("cannot read the claim", error).in_file(&path))
            }
            _ => Err(Error::conflict(
                "the claim is no longer this writer's: a vacuum took it away; write the change again",
            )
            .in_file(&path)),
        }
    }

    /// Shows that the writer is alive, by setting the claims' times anew. Cheap to call often.
    ///
    /// # Errors
    /// `Conflict` when a claim is gone; `Io`.
    pub fn refresh(&mut self) -> Result<()> {
        if self.refreshed.elapsed() < REFRESH_EVERY {
            return Ok(());
        }
        self.check()?;
        for number in &self.numbers {
            let path = self.path_of(*number);
            let touched = File::options().write(true).open(&path).and_then(|file| file.set_modified(SystemTime::now()));
            touched.map_err(|error| Error::io("cannot refresh the claim", error).in_file(&path))?;
        }
        self.refreshed = Instant::now();
        Ok(())
    }

    /// Removes the claims and keeps the files: a version names them, and its `next` is above the numbers.
    pub(super) fn release(&mut self) {
        self.settled = true;
        for number in self.numbers.iter().filter(|number| self.check_one(**number).is_ok()) {
            // One that cannot be removed now is abandoned: vacuum removes it.
            let _ = unlink(&self.path_of(*number));
        }
    }

    /// Leaves claims and files as they are: nobody knows whether a version names them.
    pub(super) fn abandon(&mut self) {
        self.settled = true;
    }

    fn path_of(&self, number: u32) -> PathBuf {
        self.root.join(claim_path(number))
    }
}

impl Drop for Claims {
    fn drop(&mut self) {
        if self.settled || self.process != std::process::id() {
            return;
        }
        // While a file is left its number must stay taken, or the next to take it could not publish.
        let left = self.files.iter().filter(|file| unlink(file).is_err()).count();
        if left == 0 {
            self.release();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::dataset::commit::{commit, create};

    fn dataset() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("d.surgdb");
        create(&root).unwrap();
        (dir, root)
    }

    fn claimed(root: &Path) -> Vec<String> {
        let names = std::fs::read_dir(root.join("claims")).unwrap();
        let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn two_writers_never_take_the_same_number() {
        let (_dir, root) = dataset();
        let (mut one, mut two) = (Claims::new(&root).unwrap(), Claims::new(&root).unwrap());
        assert_eq!([one.take().unwrap(), two.take().unwrap(), two.take().unwrap(), one.take().unwrap()], [1, 2, 3, 4]);
        assert_eq!((one.numbers(), two.numbers()), (&[1, 4][..], &[2, 3][..]));
        assert_eq!(claimed(&root), ["000001", "000002", "000003", "000004"]);
    }

    #[test]
    fn a_commit_puts_next_above_the_numbers_and_releases_the_claims() {
        let (_dir, root) = dataset();
        let (mut one, mut two) = (Claims::new(&root).unwrap(), Claims::new(&root).unwrap());
        assert_eq!((one.take().unwrap(), two.take().unwrap()), (1, 2));
        assert_eq!(commit(&root, &mut two, |base, _| Ok(base.clone())).unwrap().next, 3);
        assert_eq!(claimed(&root), ["000001"]);
        assert_eq!(one.take().unwrap(), 3);
        assert_eq!(commit(&root, &mut one, |base, _| Ok(base.clone())).unwrap().next, 4);
        assert!(claimed(&root).is_empty());
    }

    #[test]
    fn a_number_below_next_is_given_back() {
        let (_dir, root) = dataset();
        let mut two = Claims::new(&root).unwrap();
        for _ in 0..5 {
            two.take().unwrap();
        }
        commit(&root, &mut two, |base, _| Ok(base.clone())).unwrap();
        // As if it had read the version before that commit and claims only now.
        let mut one = Claims::new(&root).unwrap();
        assert_eq!(one.take_from(1).unwrap(), 6);
        assert_eq!(claimed(&root), ["000006"]);
    }

    #[test]
    fn a_dropped_set_leaves_neither_files_nor_claims() {
        let (_dir, root) = dataset();
        let mut claims = Claims::new(&root).unwrap();
        let path = root.join(data_path("frames", claims.take().unwrap()));
        claims.publish(1, NewFile::create(&root.join("frames"), "000001.arrow").unwrap()).unwrap();
        assert!(path.exists());
        drop(claims);
        assert!(!path.exists() && claimed(&root).is_empty());
        assert_eq!(Claims::new(&root).unwrap().take().unwrap(), 1);
    }

    #[test]
    fn a_number_that_a_stray_file_bears_is_passed_over() {
        let (_dir, root) = dataset();
        std::fs::write(root.join("index/000001.arrow"), "stray").unwrap();
        let mut claims = Claims::new(&root).unwrap();
        assert_eq!(claims.take().unwrap(), 2);
        assert_eq!(claimed(&root), ["000002"]);
    }

    #[test]
    fn a_revoked_claim_stops_publishing_and_committing() {
        let (_dir, root) = dataset();
        let mut claims = Claims::new(&root).unwrap();
        claims.take().unwrap();
        std::fs::write(root.join("claims/000001"), "another's").unwrap();
        let file = NewFile::create(&root.join("frames"), "000001.arrow").unwrap();
        assert_eq!(claims.publish(1, file).unwrap_err().kind(), ErrorKind::Conflict);
        // Another file's claim is not looked at for each file, which many files could not bear, but by the commit.
        let number = claims.take().unwrap();
        claims.publish(number, NewFile::create(&root.join("frames"), "000002.arrow").unwrap()).unwrap();
        let error = commit(&root, &mut claims, |base, _| Ok(base.clone())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        drop(claims);
        assert_eq!(claimed(&root), ["000001"], "another writer's claim is not ours to remove");
        assert_eq!(std::fs::read_dir(root.join("frames")).unwrap().count(), 0);
    }

    #[test]
    fn refreshing_sets_the_time_anew() {
        let (_dir, root) = dataset();
        let mut claims = Claims::new(&root).unwrap();
        claims.take().unwrap();
        let path = root.join("claims/000001");
        let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
        File::options().write(true).open(&path).unwrap().set_modified(old).unwrap();
        claims.refresh().unwrap();
        assert_eq!(path.metadata().unwrap().modified().unwrap(), old, "not that often");
        claims.refreshed = Instant::now().checked_sub(REFRESH_EVERY).unwrap();
        claims.refresh().unwrap();
        assert!(path.metadata().unwrap().modified().unwrap() > old);
    }

    #[test]
    fn numbers_run_out_with_an_error() {
        let (_dir, root) = dataset();
        let mut claims = Claims::new(&root).unwrap();
        claims.base = Some((1, FRAGMENT_MAX + 1));
        assert_eq!(claims.take().unwrap_err().kind(), ErrorKind::Unsupported);
    }
}
