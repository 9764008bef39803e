//! How much memory a process may use, and may still take.

use std::fs;
use std::path::{Path, PathBuf};

/// Where control groups are found.
const GROUPS: &str = "/sys/fs/cgroup";

/// The smallest memory limit of the control groups that this process is in; `None` where there is none.
pub fn memory_limit() -> Option<u64> {
    limited(&own_groups()?, Path::new(GROUPS)).map(|group| group.limit).min()
}

/// How many bytes of memory the machine and the process's control groups leave.
pub(super) fn memory_left() -> Option<u64> {
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
        line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
    });
    let groups = own_groups().and_then(|groups| left(&groups, Path::new(GROUPS)));
    machine.into_iter().chain(groups).min()
}

/// What the limits of these groups leave: that of the fullest of them.
fn left(groups: &str, root: &Path) -> Option<u64> {
    limited(groups, root).filter_map(|group| Some(group.limit.saturating_sub(group.used()?))).min()
}

/// The groups that the system says this process is in.
fn own_groups() -> Option<String> {
    fs::read_to_string("/proc/self/cgroup").ok()
}

/// A control group, version 2 or 1, that has a limit.
struct Limited {
    limit: u64,
    path: PathBuf,
    /// What its statistics call memory that is no file's: pages of files count as free.
    anonymous: &'static str,
}

impl Limited {
    /// What its processes, and those of the groups in it, hold of their own.
    fn used(&self) -> Option<u64> {
        let stat = fs::read_to_string(self.path.join("memory.stat")).ok()?;
        stat.lines().find_map(|line| line.strip_prefix(self.anonymous)?.strip_prefix(' ')?.trim().parse().ok())
    }
}

/// Of the groups in `/proc/self/cgroup` (lines such as `0::/a/b`, or of version 1 `4:memory:/a/b`) and all that these lie in
/// those with a limit: a parent's holds for its children.
fn limited(groups: &str, root: &Path) -> impl Iterator<Item = Limited> {
    groups
        .lines()
        .filter_map(|line| {
            let mut fields = line.splitn(3, ':').skip(1);
            let (controllers, group) = (fields.next()?, fields.next()?);
            let (root, file, anonymous) = match controllers {
                "" => (root.to_path_buf(), "memory.max", "anon"),
                _ if controllers.split(',').any(|name| name == "memory") => {
                    (root.join("memory"), "memory.limit_in_bytes", "total_rss")
                }
                _ => return None,
            };
            // In a container the path may be the host's, which is not there: then its own group is the root.
            let group = root.join(group.trim_start_matches('/'));
            let parents: Vec<_> =
                group.ancestors().take_while(|path| path.starts_with(&root)).map(PathBuf::from).collect();
            Some(parents.into_iter().filter_map(move |path| {
                let limit = fs::read_to_string(path.join(file)).ok()?.trim().parse().ok()?;
                // Version 1 says "no limit" as a number near the largest.
                (limit < 1 << 60).then_some(Limited { limit, path, anonymous })
            }))
        })
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn what_the_system_says_of_memory_is_understood() {
        assert!(memory_left().is_some_and(|left| left > 1 << 20));
    }

    #[test]
    fn the_smallest_limit_of_all_parents_holds() {
        let root = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| {
            let file = root.path().join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        };
        let of =
            |groups: &str| (limited(groups, root.path()).map(|group| group.limit).min(), left(groups, root.path()));
        assert_eq!(of("0::/a/b"), (None, None));
        write("a/b/memory.max", "max\n");
        write("a/b/memory.stat", "anon 1000\nanon_thp 0\n");
        assert_eq!(of("0::/a/b"), (None, None));
        write("a/memory.max", "4096\n");
        write("a/memory.stat", "file 9\nanon_thp 7\nanon 3000\n");
        assert_eq!(of("0::/a/b"), (Some(4096), Some(1096)));
        // The smallest limit need not be the one that leaves least.
        write("a/b/memory.max", "2000\n");
        write("a/b/memory.stat", "anon 500\n");
        assert_eq!(of("0::/a/b"), (Some(2000), Some(1096)));
        write("a/memory.stat", "anon 5000\n");
        assert_eq!(of("1:cpuset:/\n0::/a/b\n"), (Some(2000), Some(0)));
        write("memory/x/memory.limit_in_bytes", "9223372036854771712\n");
        assert_eq!(of("4:memory:/x"), (None, None));
        write("memory/x/memory.limit_in_bytes", "8192\n");
        write("memory/x/memory.stat", "rss 1\ntotal_rss 192\n");
        assert_eq!(of("4:memory:/x"), (Some(8192), Some(8000)));
        assert_eq!(of("3:cpuset:/x"), (None, None));
    }
}
