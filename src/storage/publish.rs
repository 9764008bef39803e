//! Making files appear: complete and on the disk, or not at all.

use super::fault;
use super::file::open_plain;
use super::writeback::Writeback;
use crate::error::{Error, ErrorKind, Result};
use rustix::io::Errno;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// How many bytes are gathered before they are written. Larger writes are not gathered.
const BUFFER_LEN: usize = 1 << 20;

/// How long a file's name may be in bytes: what most file systems allow.
const NAME_MAX: usize = 255;

/// After so many bytes more a file is brought to the disk while it is still written.
const WRITEBACK_EVERY: u64 = 16 << 20;

/// A new file that has no name yet: written through [`Write`], and then [published](NewFile::publish).
///
/// Until then it is a hidden temporary file in the same folder; dropping removes it.
///
/// ```
/// use std::io::Write;
/// use surgdb::storage::publish::NewFile;
/// # let dir = tempfile::tempdir().unwrap();
/// let mut file = NewFile::create(dir.path(), "000001.arrow")?;
/// file.write_all(b"ARROW1").unwrap();
/// file.publish()?;
/// assert_eq!(std::fs::read(dir.path().join("000001.arrow")).unwrap(), b"ARROW1");
/// # Ok::<(), surgdb::Error>(())
/// ```
#[derive(Debug)]
pub struct NewFile {
    dir: PathBuf,
    path: PathBuf,
    temporary: PathBuf,
    file: File,
    buffer: Vec<u8>,
    written: u64,
    /// How many bytes were written when the last writeback was asked for.
    asked_at: u64,
    writeback: Option<Writeback>,
    failed: bool,
    unlinked: bool,
    /// Whose it is: a process that was forked has a copy of this, and must leave the file alone.
    process: u32,
}

impl NewFile {
    /// Starts the file that is to be `name` in the folder `dir`.
    ///
    /// # Errors
    /// `NotFound` or `Io` when the folder is not there or cannot be written to.
    pub fn create(dir: &Path, name: &str) -> Result<Self> {
        let path = dir.join(name);
        let temporary = dir.join(temporary_name(name)?);
        let file = fault::step("create temporary")
            .and_then(|()| File::options().write(true).create_new(true).open(&temporary))
            .map_err(|error| Error::io("cannot create the file", error).in_file(&path))?;
        let buffer = Vec::with_capacity(BUFFER_LEN.min(64 << 10));
        let (dir, process) = (dir.to_path_buf(), std::process::id());
        Ok(Self {
            dir,
            path,
            temporary,
            file,
            buffer,
            written: 0,
            asked_at: 0,
            writeback: None,
            failed: false,
            unlinked: false,
            process,
        })
    }

    /// Where the file will be.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many bytes have been accepted so far: where in the file the next one goes.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Gives the file its final name, after its bytes are on the disk, and brings the name to the disk too.
    ///
    /// # Errors
    /// `Exists` when the name is taken (what has it stays as it is); `Storage` where the file system has no hard
    /// links; `Io` when a step fails. After an error other than `Exists` the file may be there under its final
    /// name all the same, complete: whoever must know looks.
    pub fn publish(self) -> Result<()> {
        self.publish_if(|| Ok(()))
    }

    /// The same, if `check` passes when its bytes are on the disk: what may change while they are brought there.
    ///
    /// # Errors
    /// As [`NewFile::publish`], and those of `check`.
    pub fn publish_if(mut self, check: impl FnOnce() -> Result<()>) -> Result<()> {
        self.bring_to_disk().map_err(|error| error.in_file(&self.path))?;
        check()?;
        self.name().map_err(|error| error.in_file(&self.path))
    }

    fn bring_to_disk(&mut self) -> Result<()> {
        self.flush_buffer().map_err(|error| Error::io("cannot write the file", error))?;
        // A process that was forked has no such thread to wait for.
        let writeback = self.writeback.take().filter(|_| self.process == std::process::id());
        let early = writeback.map_or(Ok(()), Writeback::finish);
        early.map_err(|error| Error::io("cannot bring the file to the disk", error))?;
        fault::sync("fsync file", &self.file).map_err(|error| Error::io("cannot bring the file to the disk", error))
    }

    fn name(&mut self) -> Result<()> {
        self.link()?;
        self.unlink_temporary().map_err(|error| Error::io("cannot remove its temporary name", error))?;
        sync_dir(&self.dir)
    }

    fn link(&self) -> Result<()> {
        let linked = fault::step("hard link").and_then(|()| fs::hard_link(&self.temporary, &self.path));
        match linked {
            Ok(()) => Ok(()),
            // A network file system that sends a request twice reports the second answer.
            Err(_) if self.is_linked() => Ok(()),
            Err(error) => Err(self.link_error(error)),
        }
    }

    fn is_linked(&self) -> bool {
        is_same_file(&self.file, &self.path).unwrap_or(false)
    }

    fn link_error(&self, error: io::Error) -> Error {
        if error.kind() == io::ErrorKind::AlreadyExists {
            return Error::exists("there is a file with this name already").caused_by(error);
        }
        let refusals = [Errno::PERM, Errno::OPNOTSUPP, Errno::NOTSUP, Errno::NOSYS, Errno::MLINK];
        if refusals.iter().any(|refusal| error.raw_os_error() == Some(refusal.raw_os_error())) {
            let message = format!(
                "the file system has no hard links ({error}), and without them two writers could overwrite each \
                 other; put the dataset on one that has them (ext4, xfs, btrfs, zfs, tmpfs, NFS, Lustre)"
            );
            return Error::new(ErrorKind::Storage, message).caused_by(error);
        }
        Error::io("cannot give the file its name", error)
    }

    fn unlink_temporary(&mut self) -> io::Result<()> {
        match fault::step("unlink temporary").and_then(|()| fs::remove_file(&self.temporary)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => {
                self.unlinked = true;
                Ok(())
            }
        }
    }

    fn flush_buffer(&mut self) -> io::Result<()> {
        self.refuse_after_failure()?;
        let result = write_all(&mut self.file, &self.buffer);
        self.failed = result.is_err();
        self.buffer.clear();
        result
    }

    /// Has what is written so far brought to the disk, where that is much.
    fn write_back(&mut self) {
        if self.written - self.asked_at < WRITEBACK_EVERY {
            return;
        }
        self.asked_at = self.written;
        if self.writeback.is_none() {
            self.writeback = Writeback::start(&self.file);
        }
        if let Some(writeback) = &self.writeback {
            writeback.ask();
        }
    }

    /// After a failed write nobody knows how much of it is in the file, so nothing may follow.
    fn refuse_after_failure(&self) -> io::Result<()> {
        if self.failed { Err(io::Error::other("an earlier write to it failed")) } else { Ok(()) }
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.refuse_after_failure()?;
        if self.buffer.len() + bytes.len() > BUFFER_LEN {
            self.flush_buffer()?;
        }
        if bytes.len() < BUFFER_LEN {
            self.buffer.extend_from_slice(bytes);
        } else {
            let result = write_all(&mut self.file, bytes);
            self.failed = result.is_err();
            result?;
        }
        self.written += bytes.len() as u64;
        self.write_back();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.flush_buffer()
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.unlinked && self.process == std::process::id() {
            // What cannot be removed now is removed by vacuum, which knows temporary files by their names.
            let _ = self.unlink_temporary();
        }
    }
}

fn write_all(file: &mut File, bytes: &[u8]) -> io::Result<()> {
    if bytes.is_empty() {
        return Ok(());
    }
    fault::step("write")?;
    file.write_all(bytes)
}

/// Publishes a file that holds these bytes.
///
/// # Errors
/// Those of [`NewFile::create`] and [`NewFile::publish`].
pub fn publish_bytes(dir: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    publish_bytes_if(dir, name, bytes, || Ok(()))
}

/// The same, if `check` passes when they are on the disk.
///
/// # Errors
/// Those of [`NewFile::create`] and [`NewFile::publish_if`].
pub fn publish_bytes_if(dir: &Path, name: &str, bytes: &[u8], check: impl FnOnce() -> Result<()>) -> Result<()> {
    let mut file = NewFile::create(dir, name)?;
    file.write_all(bytes).map_err(|error| Error::io("cannot write the file", error).in_file(&file.path))?;
    file.publish_if(check)
}

/// A name that nobody else takes, for what is to be `name` or was: vacuum knows such names, and whose they are. Of a name so
/// long that the file system would not take a longer one it has the beginning; those in a dataset are all short.
///
/// # Errors
/// `Io` when the system has no randomness.
pub fn temporary_name(name: &str) -> Result<String> {
    let token = random_token()?;
    let around = "..".len() + token.len() + ".tmp".len();
    let most = name.len().min(NAME_MAX - around);
    let name = (0..=most).rev().find_map(|end| name.get(..end)).unwrap_or_default();
    Ok(format!(".{name}.{token}.tmp"))
}

/// Makes `name` in the folder `dir` a file with the bytes of another, without copying them: one that shares its blocks
/// until either is changed (a reflink), or a second name of it (a hard link). Says whether the file system could. Only for
/// files that nobody changes in place: where `from` is a symbolic link, what it leads to may be somebody else's, and gets
/// no second name.
///
/// # Errors
/// `Exists` when the name is taken; those of [`NewFile::create`] and [`NewFile::publish`].
pub fn share(from: &Path, dir: &Path, name: &str) -> Result<bool> {
    let clone = NewFile::create(dir, name)?;
    let cannot_read = |error| Error::io("cannot read it", error).in_file(from);
    let (source, _) = open_plain(from).map_err(cannot_read)?;
    if reflink(&clone.file, &source) {
        return clone.publish().map(|()| true);
    }
    drop(clone);
    if !is_same_file(&source, from).map_err(cannot_read)? {
        return Ok(false);
    }
    let path = dir.join(name);
    match fault::step("hard link").and_then(|()| fs::hard_link(from, &path)) {
        Ok(()) => sync_dir(dir).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(Error::exists("there is a file with this name already").in_file(path).caused_by(error))
        }
        Err(_) => Ok(false),
    }
}

/// Whether a path itself, and not a symbolic link there, names this file.
fn is_same_file(file: &File, path: &Path) -> io::Result<bool> {
    let (ours, there) = (file.metadata()?, fs::symlink_metadata(path)?);
    Ok((ours.dev(), ours.ino()) == (there.dev(), there.ino()))
}

/// Lets a file share all blocks of another; says whether the file system could.
#[cfg(target_os = "linux")]
fn reflink(file: &File, source: &File) -> bool {
    rustix::fs::ioctl_ficlone(file, source).is_ok()
}

#[cfg(not(target_os = "linux"))]
fn reflink(_: &File, _: &File) -> bool {
    false
}

/// Removes a file, or finds that it is gone already.
///
/// # Errors
/// `Io` when it cannot be removed.
pub fn unlink(path: &Path) -> Result<()> {
    match fault::step("unlink").and_then(|()| fs::remove_file(path)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::io("cannot remove the file", error).in_file(path))
        }
        _ => Ok(()),
    }
}

/// Brings the names in a folder to the disk.
///
/// # Errors
/// `Io` when the system reports that it could not.
pub fn sync_dir(dir: &Path) -> Result<()> {
    let synced = File::open(dir).and_then(|dir| fault::sync("fsync folder", &dir));
    match synced {
        // Some network file systems know no fsync of folders: there a name is durable when the call returns.
        Err(error) if error.raw_os_error() == Some(Errno::INVAL.raw_os_error()) => Ok(()),
        other => other.map_err(|error| Error::io("cannot bring the folder to the disk", error).in_file(dir)),
    }
}

/// Makes a folder in one that is there, and brings its name to the disk. One that is there already is fine.
///
/// # Errors
/// `Io` or `NotFound` when it cannot be made.
pub fn create_dir_synced(dir: &Path) -> Result<()> {
    match fault::step("create folder").and_then(|()| fs::create_dir(dir)) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists || !dir.is_dir() => {
            return Err(Error::io("cannot make the folder", error).in_file(dir));
        }
        _ => {}
    }
    match dir.parent() {
        Some(parent) if parent.as_os_str().is_empty() => sync_dir(Path::new(".")),
        Some(parent) => sync_dir(parent),
        None => Ok(()),
    }
}

/// 128 random bits as 32 hex digits: names for what must not collide with anybody's.
///
/// # Errors
/// `Io` when the system has no randomness.
pub fn random_token() -> Result<String> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::new(ErrorKind::Io, format!("the system gives no random bytes: {error}")))?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let names = fs::read_dir(dir).unwrap();
        let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_has_no_name_until_it_is_published() {
        let dir = tempfile::tempdir().unwrap();
        let mut file = NewFile::create(dir.path(), "a").unwrap();
        file.write_all(b"bytes").unwrap();
        file.flush().unwrap();
        let hidden = names(dir.path());
        assert!(hidden.len() == 1 && hidden[0].starts_with(".a.") && hidden[0].ends_with(".tmp"), "{hidden:?}");
        file.publish().unwrap();
        assert_eq!(names(dir.path()), ["a"]);
    }

    #[test]
    fn a_name_may_be_as_long_as_the_file_system_allows() {
        let dir = tempfile::tempdir().unwrap();
        // Of two bytes a letter, so that it ends within one where it is shortened.
        for name in ["x".repeat(NAME_MAX), format!("{}x", "ö".repeat(127)), "x".repeat(NAME_MAX - 38)] {
            let temporary = temporary_name(&name).unwrap();
            assert!(temporary.len() <= NAME_MAX && temporary.len() > NAME_MAX - 2, "{temporary}");
            assert!(temporary.starts_with(".") && temporary.ends_with(".tmp"));
            publish_bytes(dir.path(), &name, b"bytes").unwrap();
            assert_eq!(fs::read(dir.path().join(&name)).unwrap(), b"bytes");
        }
        assert_eq!(names(dir.path()).len(), 3);
        assert!(temporary_name("a.png").unwrap().starts_with(".a.png."));
        let error = publish_bytes(dir.path(), &"x".repeat(NAME_MAX + 1), b"").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io);
        assert_eq!(names(dir.path()).len(), 3);
    }

    #[test]
    fn a_file_that_is_dropped_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        NewFile::create(dir.path(), "a").unwrap().write_all(&[0; 3 << 20]).unwrap();
        assert!(names(dir.path()).is_empty());
    }

    #[test]
    fn a_name_that_is_taken_is_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        publish_bytes(dir.path(), "a", b"first").unwrap();
        let error = publish_bytes(dir.path(), "a", b"second").unwrap_err();
        assert_eq!((error.kind(), error.file()), (ErrorKind::Exists, Some(dir.path().join("a").as_path())));
        assert_eq!(fs::read(dir.path().join("a")).unwrap(), b"first");
        assert_eq!(names(dir.path()), ["a"]);
    }

    #[test]
    fn what_is_written_in_pieces_of_any_size_is_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let mut file = NewFile::create(dir.path(), "a").unwrap();
        let mut expected = Vec::new();
        for (i, len) in [0, 1, BUFFER_LEN - 1, 1, 5, BUFFER_LEN, 7, 3 * BUFFER_LEN + 1, 0, 2].into_iter().enumerate() {
            let piece = vec![i as u8; len];
            file.write_all(&piece).unwrap();
            expected.extend(piece);
            assert_eq!(file.written(), expected.len() as u64);
        }
        file.publish().unwrap();
        assert!(fs::read(dir.path().join("a")).unwrap() == expected);
    }

    #[test]
    fn after_a_failed_write_nothing_more_is_written_or_published() {
        for len in [10, 2 * BUFFER_LEN] {
            let dir = tempfile::tempdir().unwrap();
            let mut file = NewFile::create(dir.path(), "a").unwrap();
            let writable = std::mem::replace(&mut file.file, File::open(&file.temporary).unwrap());
            assert!(file.write_all(&vec![1; len]).and_then(|()| file.flush()).is_err());
            file.file = writable;
            assert!(file.write(b"x").is_err() && file.flush().is_err());
            assert_eq!(file.publish().unwrap_err().kind(), ErrorKind::Io);
            assert!(names(dir.path()).is_empty());
        }
    }

    #[test]
    fn a_long_file_is_brought_to_the_disk_on_the_way_and_a_fault_of_that_is_one_of_publishing() {
        let dir = tempfile::tempdir().unwrap();
        let piece = vec![5; BUFFER_LEN / 2];
        let mut file = NewFile::create(dir.path(), "a").unwrap();
        while file.written() < WRITEBACK_EVERY {
            assert!(file.writeback.is_none());
            file.write_all(&piece).unwrap();
        }
        assert!(file.writeback.is_some());
        file.write_all(&piece).unwrap();
        file.publish().unwrap();
        let bytes = fs::read(dir.path().join("a")).unwrap();
        assert!(bytes.len() as u64 == WRITEBACK_EVERY + piece.len() as u64 && bytes.iter().all(|byte| *byte == 5));

        let mut file = NewFile::create(dir.path(), "b").unwrap();
        file.write_all(&piece).unwrap();
        // A device that cannot be synced.
        file.writeback = Writeback::start(&File::open("/dev/null").unwrap());
        file.writeback.as_ref().unwrap().ask();
        assert_eq!(file.publish().unwrap_err().kind(), ErrorKind::Io);
        assert_eq!(names(dir.path()), ["a"]);
    }

    #[test]
    fn a_temporary_file_that_somebody_removed_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let file = NewFile::create(dir.path(), "a").unwrap();
        fs::remove_file(&file.temporary).unwrap();
        assert_eq!(file.publish().unwrap_err().kind(), ErrorKind::NotFound);
        assert!(names(dir.path()).is_empty());
    }

    #[test]
    fn a_folder_that_is_there_is_fine_and_a_file_in_its_place_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("folder");
        create_dir_synced(&folder).unwrap();
        create_dir_synced(&folder).unwrap();
        publish_bytes(&folder, "a", b"").unwrap();
        assert!(create_dir_synced(&folder.join("a")).is_err());
        unlink(&folder.join("a")).unwrap();
        unlink(&folder.join("a")).unwrap();
    }

    #[test]
    fn tokens_differ() {
        let (one, two) = (random_token().unwrap(), random_token().unwrap());
        assert!(one != two && one.len() == 32);
    }
}
