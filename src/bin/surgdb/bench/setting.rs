//! Where it was measured: without this, figures say nothing.

use serde::Serialize;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The machine, the system and the disk, as far as the system says.
#[derive(Clone, Debug, Serialize)]
pub struct Setting {
    /// This program's version.
    pub version: &'static str,
    /// Whether it was compiled without optimisation, so that the figures mean nothing.
    pub debug_build: bool,
    /// The processor's name.
    pub processor: Option<String>,
    /// Processors that this process may use.
    pub processors: usize,
    /// Bytes of memory.
    pub memory: Option<u64>,
    /// Bytes of memory that the control group of this process may use.
    pub memory_limit: Option<u64>,
    /// The system's name and release.
    pub kernel: Option<String>,
    /// The type of the file system that the data lies on.
    pub file_system: Option<String>,
    /// What it is mounted from.
    pub device: Option<String>,
    /// How far the system reads ahead on it, in bytes.
    pub read_ahead: Option<u64>,
    /// How many others wanted a processor when it began, on a mean over a minute.
    pub load_before: Option<f64>,
    /// The same at the end: this program's own work counts too.
    pub load_after: Option<f64>,
}

impl Setting {
    /// The setting of data in this folder.
    pub fn of(folder: &Path) -> Self {
        let mount = mount(folder);
        Self {
            version: env!("CARGO_PKG_VERSION"),
            debug_build: cfg!(debug_assertions),
            processor: field("/proc/cpuinfo", "model name").or_else(|| field("/proc/cpuinfo", "Model")),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            memory: field("/proc/meminfo", "MemTotal").and_then(|text| kilobytes(&text)),
            memory_limit: surgdb::load::internals::memory_limit(),
            kernel: kernel(),
            file_system: mount.as_ref().map(|mount| mount.kind.clone()),
            device: mount.map(|mount| mount.source),
            read_ahead: read_ahead(folder),
            load_before: load(),
            load_after: None,
        }
    }

    /// Says how busy the machine is at the end.
    pub fn end(&mut self) {
        self.load_after = load();
    }
}

/// The value behind `name :` in a file of `/proc`.
fn field(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let found = text.lines().filter_map(|line| line.split_once(':')).find(|(key, _)| key.trim() == name);
    found.map(|(_, value)| value.trim().to_owned())
}

fn kilobytes(text: &str) -> Option<u64> {
    text.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

fn kernel() -> Option<String> {
    let read = |name: &str| fs::read_to_string(format!("/proc/sys/kernel/{name}")).ok();
    Some(format!("{} {}", read("ostype")?.trim(), read("osrelease")?.trim()))
}

fn load() -> Option<f64> {
    fs::read_to_string("/proc/loadavg").ok()?.split(' ').next()?.parse().ok()
}

struct Mount {
    kind: String,
    source: String,
}

/// The mount that holds a folder: the longest mount point that is a parent of it, the last of equal ones.
fn mount(folder: &Path) -> Option<Mount> {
    let folder = folder.canonicalize().ok()?;
    let text = fs::read_to_string("/proc/self/mounts").ok()?;
    let mut found: Option<(usize, Mount)> = None;
    for line in text.lines() {
        let mut fields = line.split(' ');
        let (Some(source), Some(point), Some(kind)) = (fields.next(), fields.next(), fields.next()) else { continue };
        let point = point.replace("\\040", " ");
        let longer = found.as_ref().is_none_or(|(len, _)| point.len() >= *len);
        if folder.starts_with(&point) && longer {
            found = Some((point.len(), Mount { kind: kind.into(), source: source.into() }));
        }
    }
    found.map(|(_, mount)| mount)
}

fn read_ahead(folder: &Path) -> Option<u64> {
    let device = fs::metadata(folder).ok()?.dev();
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    let text = fs::read_to_string(format!("/sys/class/bdi/{major}:{minor}/read_ahead_kb")).ok()?;
    text.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_lies_on_a_file_system() {
        let setting = Setting::of(Path::new(env!("CARGO_MANIFEST_DIR")));
        assert!(setting.processors >= 1);
        if cfg!(target_os = "linux") {
            assert!(setting.file_system.is_some() && setting.kernel.is_some() && setting.memory.is_some());
        }
    }
}
