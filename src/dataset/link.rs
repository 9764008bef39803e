//! Files that stay outside of the dataset: their URIs, and how they are opened.

use crate::error::{Error, ErrorKind, Result};
use crate::storage::open_plain;
use rustix::io::Errno;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Take};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

const SCHEME: &str = "file://";

/// The URI of a file, whose path is absolute: each byte that is neither unreserved in a URI nor `/` becomes `%XX`.
pub fn uri_of(path: &Path) -> String {
    let mut uri = SCHEME.to_owned();
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(char::from(*byte)),
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

/// The path of a file by its URI; `None` where that is no URI of a file on this machine.
pub fn path_of(uri: &str) -> Option<PathBuf> {
    let encoded = uri.strip_prefix(SCHEME).filter(|path| path.starts_with('/'))?;
    let mut path = Vec::with_capacity(encoded.len());
    let mut bytes = encoded.bytes();
    let digit = |bytes: &mut std::str::Bytes<'_>| char::from(bytes.next()?).to_digit(16);
    while let Some(byte) = bytes.next() {
        path.push(match byte {
            b'%' => u8::try_from(digit(&mut bytes)? * 16 + digit(&mut bytes)?).ok()?,
            // They would start what is no longer the path.
            b'?' | b'#' => return None,
            byte => byte,
        });
    }
    Some(OsString::from_vec(path).into())
}

/// Opens a linked file, which must have the size that it was linked with; never more than a byte beyond that is read.
///
/// # Errors
/// `LinkBroken` when there is no such file any more, or another one; `Io` when the machine cannot open it.
pub fn open(uri: &str, size: i64) -> Result<Take<File>> {
    let path = path_of(uri).ok_or_else(|| broken(uri, "is not on this machine"))?;
    let (file, len) = open_plain(&path).map_err(|error| unreadable(uri, error))?;
    if i64::try_from(len).ok() != Some(size) {
        return Err(broken(uri, &format!("has {len} bytes and had {size} when it was linked")));
    }
    Ok(file.take(len.saturating_add(1)))
}

/// The error for a linked file that cannot be read: it is gone, or the machine is hindered (by rights, by too many open files,
/// by a device that fails), and another try may read it.
pub fn unreadable(uri: &str, error: io::Error) -> Error {
    let is_gone = match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(errno) => [Errno::NOENT, Errno::NOTDIR, Errno::LOOP, Errno::NAMETOOLONG].contains(&errno),
        // Not the system says so, but we: it is no plain file, or its name is none.
        None => error.kind() == io::ErrorKind::InvalidInput,
    };
    match is_gone {
        true => broken(uri, &format!("cannot be read ({error})")),
        false => Error::io("cannot read the linked file", error).in_file(path_of(uri).unwrap_or_else(|| uri.into())),
    }
}

/// By how much the clocks of the file's machine and of this one may differ.
const CLOCKS: Duration = Duration::from_secs(60);

/// Whether a linked file's bytes, name or rights may have been changed after this time.
pub fn was_touched(uri: &str, time: Option<SystemTime>) -> bool {
    path_of(uri).is_none_or(|path| file_was_touched(&path, time))
}

/// The same of a file by its path.
pub fn file_was_touched(path: &Path, time: Option<SystemTime>) -> bool {
    let Some(since) = time.and_then(|time| time.checked_sub(CLOCKS)) else { return true };
    let Ok(meta) = std::fs::metadata(path) else { return true };
    let (Ok(seconds), Ok(nanos)) = (u64::try_from(meta.ctime()), u64::try_from(meta.ctime_nsec())) else { return true };
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_nanos(nanos) > since
}

/// The error for a linked file that is not what it was.
pub fn broken(uri: &str, why: &str) -> Error {
    let path = path_of(uri).unwrap_or_else(|| uri.into());
    Error::new(ErrorKind::LinkBroken, format!("the linked file {why}: put it back as it was")).in_file(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_lead_back_to_their_paths() {
        for (path, uri) in [
            ("/a/b-c_d.e~1.mp4", "file:///a/b-c_d.e~1.mp4"),
            ("/a b/c#d?e", "file:///a%20b/c%23d%3Fe"),
            ("/100%20/x", "file:///100%2520/x"),
            ("/Bögen/ß", "file:///B%C3%B6gen/%C3%9F"),
            ("/[x]\n\\&+", "file:///%5Bx%5D%0A%5C%26%2B"),
        ] {
            assert_eq!(uri_of(Path::new(path)), uri);
            assert_eq!(path_of(uri).as_deref(), Some(Path::new(path)));
        }
        let bytes = PathBuf::from(OsString::from_vec((b'/'..=255).collect()));
        assert_eq!(path_of(&uri_of(&bytes)), Some(bytes));
        assert_eq!(path_of("file:///%c3%9f").as_deref(), Some(Path::new("/ß")));
    }

    #[test]
    fn what_is_no_uri_of_a_file_here_leads_nowhere() {
        for uri in
            ["", "/a", "file://a/b", "file:a", "https://a/b", "file:///%", "file:///%4", "file:///%zz", "file:///%+1"]
        {
            assert_eq!(path_of(uri), None, "{uri}");
        }
        assert!(path_of("file:///a?b").is_none() && path_of("file:///a#b").is_none());
    }

    #[test]
    fn only_plain_files_of_the_right_size_are_opened() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe");
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, mode).unwrap();
        for path in [&pipe, Path::new("/dev/zero"), dir.path(), &dir.path().join("none")] {
            assert_eq!(open(&uri_of(path), 0).unwrap_err().kind(), ErrorKind::LinkBroken, "{path:?}");
        }
        let beyond = uri_of(&dir.path().join("file/beyond"));
        std::fs::write(dir.path().join("file"), b"").unwrap();
        std::os::unix::fs::symlink("loop", dir.path().join("loop")).unwrap();
        for uri in [&beyond, &uri_of(&dir.path().join("loop")), "file:///a%00b"] {
            assert_eq!(open(uri, 0).unwrap_err().kind(), ErrorKind::LinkBroken, "{uri}");
        }
        let file = dir.path().join("a b%20#?ö.bin");
        std::fs::write(&file, b"abc").unwrap();
        assert_eq!(open(&uri_of(&file), 4).unwrap_err().kind(), ErrorKind::LinkBroken);
        let mut bytes = Vec::new();
        open(&uri_of(&file), 3).unwrap().read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, b"abc");
    }

    #[test]
    fn what_hinders_the_machine_breaks_no_link() {
        let kind = |errno: Errno| unreadable("file:///a", io::Error::from(errno)).kind();
        for gone in [Errno::NOENT, Errno::NOTDIR, Errno::LOOP, Errno::NAMETOOLONG] {
            assert_eq!(kind(gone), ErrorKind::LinkBroken, "{gone}");
        }
        let others = [Errno::MFILE, Errno::NFILE, Errno::IO, Errno::ACCESS, Errno::PERM, Errno::TIMEDOUT, Errno::STALE];
        for other in others.into_iter().chain([Errno::NOMEM, Errno::INTR, Errno::INVAL, Errno::HOSTDOWN]) {
            assert_eq!(kind(other), ErrorKind::Io, "{other}");
        }
    }
}
