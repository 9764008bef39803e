//! Which blobs were read not long ago, and so are in memory still.

use crate::format::Address;
use roaring::RoaringTreemap;

/// Blobs that were announced, or whose page faults were taken, not long ago: doing so again would cost time, and take the
/// room of others that a device could be asked for meanwhile.
///
/// Two generations, so that what is in neither was met at least half the bound ago.
pub(super) struct Recent {
    generations: [RoaringTreemap; 2],
    /// The bytes of the younger one.
    bytes: u64,
    /// How many bytes a generation has at most.
    most: u64,
}

impl Default for Recent {
    /// Of what fills half of the memory that is left; what was met longer ago may have left it.
    fn default() -> Self {
        let most = memory_left().unwrap_or(0) / 4;
        Self { generations: Default::default(), bytes: 0, most }
    }
}

impl Recent {
    pub(super) fn contains(&self, blob: Address) -> bool {
        self.generations.iter().any(|blobs| blobs.contains(blob.get() as u64))
    }

    /// A blob of so many bytes was met; one that is there already changes nothing.
    pub(super) fn insert(&mut self, blob: Address, len: u64) {
        if self.contains(blob) {
            return;
        }
        if self.bytes.saturating_add(len) > self.most {
            self.generations.swap(0, 1);
            self.generations[0].clear();
            self.bytes = 0;
        }
        self.generations[0].insert(blob.get() as u64);
        self.bytes += len;
    }
}

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
    use super::*;

    #[test]
    fn a_blob_is_forgotten_once_others_have_filled_the_memory() {
        let mut recent = Recent { most: 100, ..Recent::default() };
        let blob = |row: i64| Address::new(1 << 32 | row).unwrap();
        for row in 0..4 {
            assert!(!recent.contains(blob(row)));
            recent.insert(blob(row), 40);
            recent.insert(blob(row), 40);
        }
        // Two fill a generation, so the first two are the older one, and leave with the next but one.
        assert!((0..4).all(|row| recent.contains(blob(row))));
        recent.insert(blob(4), 40);
        assert_eq!([0, 1, 2, 3, 4].map(|row| recent.contains(blob(row))), [false, false, true, true, true]);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_the_system_says_of_memory_is_understood() {
        assert!(memory_left().is_some_and(|left| left > 1 << 20));
    }
}
