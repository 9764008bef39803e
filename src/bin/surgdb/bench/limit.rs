//! How much memory this process may use.

use std::fs;
use std::path::Path;

/// The smallest limit of the control groups that this process is in; none where there is no limit.
pub fn own() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    groups.lines().filter_map(|line| limit_of(line, Path::new("/sys/fs/cgroup"))).min()
}

/// The limit of a line of `/proc/self/cgroup`: `0::/a/b`, or of version 1 `4:memory:/a/b`.
fn limit_of(line: &str, root: &Path) -> Option<u64> {
    let mut fields = line.splitn(3, ':').skip(1);
    let (controllers, group) = (fields.next()?, fields.next()?);
    let (root, file) = match controllers {
        "" => (root.to_path_buf(), "memory.max"),
        _ if controllers.split(',').any(|name| name == "memory") => (root.join("memory"), "memory.limit_in_bytes"),
        _ => return None,
    };
    // A parent's limit holds for its children; a container may see its own group as the root.
    let group = root.join(group.trim_start_matches('/'));
    let parents = group.ancestors().take_while(|path| path.starts_with(&root));
    let limits = parents.filter_map(|path| fs::read_to_string(path.join(file)).ok()?.trim().parse::<u64>().ok());
    // Version 1 says "no limit" as a number near the largest.
    limits.filter(|limit| *limit < 1 << 60).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_limit_of_all_parents_holds() {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("a/b");
        fs::create_dir_all(&inner).unwrap();
        assert_eq!(limit_of("0::/a/b", root.path()), None);
        fs::write(inner.join("memory.max"), "max\n").unwrap();
        assert_eq!(limit_of("0::/a/b", root.path()), None);
        fs::write(root.path().join("a/memory.max"), "4096\n").unwrap();
        assert_eq!(limit_of("0::/a/b", root.path()), Some(4096));
        fs::create_dir_all(root.path().join("memory/x")).unwrap();
        fs::write(root.path().join("memory/x/memory.limit_in_bytes"), "9223372036854771712\n").unwrap();
        assert_eq!(limit_of("4:memory:/x", root.path()), None);
        fs::write(root.path().join("memory/x/memory.limit_in_bytes"), "8192\n").unwrap();
        assert_eq!(limit_of("4:memory:/x", root.path()), Some(8192));
        assert_eq!(limit_of("3:cpuset:/x", root.path()), None);
    }
}
