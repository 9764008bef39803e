//! How much memory a process may still take.

/// How many bytes of memory the machine and the process's group leave.
pub(super) fn memory_left() -> Option<u64> {
    let machine = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
        line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
    });
    [machine, group_left()].into_iter().flatten().min()
}

/// What the memory limit of the process's control group leaves, version 2 or 1. Pages of files count as free.
fn group_left() -> Option<u64> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    groups.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next()?, parts.next()?);
        let (root, limit, used) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max", "anon"),
            "memory" => ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "total_rss"),
            _ => return None,
        };
        // In a container the path may be the host's: then the group is the root of what is seen.
        let folders = [format!("{root}{path}"), root.to_owned()];
        let read =
            |name: &str| folders.iter().find_map(|folder| std::fs::read_to_string(format!("{folder}/{name}")).ok());
        let limit: u64 = read(limit)?.trim().parse().ok()?;
        let stat = read("memory.stat")?;
        let used = stat.lines().find_map(|line| line.strip_prefix(used)?.trim().parse::<u64>().ok())?;
        Some(limit.saturating_sub(used))
    })
}

#[cfg(test)]
mod tests {
    #[test]
    #[cfg(target_os = "linux")]
    fn what_the_system_says_of_memory_is_understood() {
        assert!(super::memory_left().is_some_and(|left| left > 1 << 20));
    }
}
