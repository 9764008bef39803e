//! What lies under a path: how far its device reads ahead, and whether it is on another machine.

use std::path::Path;

/// How far Linux reads ahead unless told otherwise.
const READ_AHEAD: u64 = 128 << 10;

/// Magic numbers of file systems that other machines or processes serve, from `statfs(2)` and the systems' own sources.
const REMOTE: [u64; 16] = [
    0x6969,      // NFS
    0x517b,      // SMB
    0xff53_4d42, // CIFS
    0xfe53_4d42, // SMB 2
    0x6573_5546, // FUSE, virtiofs
    0x0bd0_0bd0, // Lustre
    0x4750_4653, // GPFS
    0x00c3_6400, // Ceph
    0x5346_414f, // AFS
    0x0102_1997, // 9P
    0x1983_0326, // BeeGFS
    0x0116_1970, // GFS2
    0x7461_636f, // OCFS2
    0xaad7_aaea, // PanFS
    0x2003_0528, // OrangeFS
    0x7375_7245, // Coda
];

/// A device as a loader sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Device {
    /// The longest read that the system does ahead of being asked, in bytes: longer announcements are cut short.
    pub read_ahead: u64,
    /// Whether a network or another process stands between: then a read waits for an answer, whatever was announced.
    pub remote: bool,
}

impl Device {
    /// The device that a file or folder is on; where the system does not say, a local one with usual read-ahead.
    pub fn of(path: &Path) -> Self {
        Self { read_ahead: read_ahead(path).unwrap_or(READ_AHEAD), remote: is_remote(path) }
    }
}

#[cfg(target_os = "linux")]
fn is_remote(path: &Path) -> bool {
    rustix::fs::statfs(path).is_ok_and(|found| {
        // Sign-extended where the field is a signed 32-bit number.
        REMOTE.contains(&(found.f_type as u64 & 0xffff_ffff))
    })
}

#[cfg(not(target_os = "linux"))]
fn is_remote(_: &Path) -> bool {
    false
}

#[cfg(target_os = "linux")]
fn read_ahead(path: &Path) -> Option<u64> {
    use std::os::unix::fs::MetadataExt;
    let device = std::fs::metadata(path).ok()?.dev();
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    // A disk's own queue, the queue of the disk that a partition is on, or that of what is no disk.
    let places = [
        format!("/sys/dev/block/{major}:{minor}/queue/read_ahead_kb"),
        format!("/sys/dev/block/{major}:{minor}/../queue/read_ahead_kb"),
        format!("/sys/class/bdi/{major}:{minor}/read_ahead_kb"),
    ];
    let text = places.iter().find_map(|place| std::fs::read_to_string(place).ok())?;
    // 0 turns reading ahead off; an announcement then still reads what it names, page by page.
    text.trim().parse::<u64>().ok().filter(|kilobytes| *kilobytes > 0)?.checked_mul(1024)
}

#[cfg(not(target_os = "linux"))]
fn read_ahead(_: &Path) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_reads_some_pages_ahead_and_a_folder_in_memory_is_local() {
        let dir = tempfile::tempdir().unwrap();
        let device = Device::of(dir.path());
        assert!(device.read_ahead >= 4096, "{device:?}");
        assert!(!Device::of(Path::new("/dev/shm")).remote);
        assert_eq!(Device::of(Path::new("/none")), Device { read_ahead: READ_AHEAD, remote: false });
    }
}
