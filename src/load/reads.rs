//! A pool of threads that read ranges of files into the page cache: for files that a network or another process serves.

use crate::error::{Error, Result};
use crate::load::watch::{Watch, Window, lock};
use crate::storage::FileBytes;
use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

const THREADS: usize = 8;
/// How much a thread reads at a time.
const PIECE: usize = 1 << 20;
/// How many ranges may wait to be read, and how many files are kept open for that.
const QUEUE_MAX: usize = 4096;
const FILES_MAX: usize = 64;

/// Threads that read what they are told, and throw it away: the page cache keeps it. Dropped, they end.
pub(super) struct ReadPool {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
    /// Files opened for reading, which a map alone does not keep; `None` for one that cannot be opened.
    files: Mutex<HashMap<PathBuf, Option<Arc<File>>>>,
    window: Arc<Window>,
}

#[derive(Default)]
struct Queue {
    ranges: VecDeque<Wanted>,
    ended: bool,
}

/// A range that a batch will read.
struct Wanted {
    watch: Arc<Watch>,
    file: FileBytes,
    range: Range<u64>,
}

impl ReadPool {
    /// Starts the threads.
    ///
    /// # Errors
    /// `Io` when there can be no more threads.
    pub(super) fn start(window: Arc<Window>) -> Result<Self> {
        let shared =
            Arc::new(Shared { queue: Mutex::default(), changed: Condvar::new(), files: Mutex::default(), window });
        let mut pool = Self { shared, threads: Vec::new() };
        for number in 0..THREADS {
            let shared = pool.shared.clone();
            let builder = std::thread::Builder::new().name(format!("surgdb-read-{number}"));
            let thread = builder.spawn(move || shared.run());
            pool.threads.push(thread.map_err(|error| Error::io("cannot start a thread that reads ahead", error))?);
        }
        Ok(pool)
    }

    /// Has a range read soon, unless the batch is made before. Where too many wait, the oldest is given up: a worker is about
    /// to read it itself.
    pub(super) fn read(&self, watch: &Arc<Watch>, file: &FileBytes, range: Range<u64>) {
        let mut queue = lock(&self.shared.queue);
        if queue.ranges.len() == QUEUE_MAX {
            queue.ranges.pop_front();
        }
        queue.ranges.push_back(Wanted { watch: watch.clone(), file: file.clone(), range });
        drop(queue);
        self.shared.changed.notify_one();
    }
}

impl Drop for ReadPool {
    fn drop(&mut self) {
        lock(&self.shared.queue).ended = true;
        self.shared.changed.notify_all();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn run(&self) {
        let mut scratch = vec![0; PIECE];
        while let Some(Wanted { watch, file, range }) = self.next() {
            let Some(file) = self.file(file.path()) else { continue };
            let mut at = range.start;
            while at < range.end && !watch.is_finished() && !self.window.is_closed() {
                let len = usize::try_from(range.end - at).unwrap_or(PIECE).min(PIECE);
                match file.read_at(&mut scratch[..len], at) {
                    Ok(read) if read > 0 => at += read as u64,
                    // Whoever reads these bytes for good will say what is wrong.
                    _ => break,
                }
            }
        }
    }

    fn next(&self) -> Option<Wanted> {
        let mut queue = lock(&self.queue);
        loop {
            if queue.ended {
                return None;
            }
            if let Some(range) = queue.ranges.pop_front() {
                return Some(range);
            }
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn file(&self, path: &Path) -> Option<Arc<File>> {
        let mut files = lock(&self.files);
        if let Some(file) = files.get(path) {
            return file.clone();
        }
        // Those that are being read stay open until they were.
        if files.len() == FILES_MAX {
            files.clear();
        }
        let file = File::open(path).ok().map(Arc::new);
        files.insert(path.to_path_buf(), file.clone());
        file
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::Access;

    fn waiting(pool: &ReadPool) -> usize {
        lock(&pool.shared.queue).ranges.len()
    }

    #[test]
    fn a_pool_reads_what_it_is_told_and_ends_also_where_files_are_gone() {
        let dir = tempfile::tempdir().unwrap();
        let (path, gone) = (dir.path().join("file"), dir.path().join("gone"));
        std::fs::write(&path, vec![1; 3 << 20]).unwrap();
        std::fs::write(&gone, [1; 10]).unwrap();
        let files = [&path, &gone].map(|path| FileBytes::open(path, Access::Mapped).unwrap());
        std::fs::remove_file(&gone).unwrap();
        let pool = ReadPool::start(Arc::default()).unwrap();
        let watch = Arc::default();
        for start in 0..100 {
            pool.read(&watch, &files[0], start * 1000..4 << 20);
            pool.read(&watch, &files[1], 0..10);
        }
        while waiting(&pool) > 0 {
            std::thread::yield_now();
        }
        drop(pool);
    }

    #[test]
    fn what_waits_is_bounded_and_not_read_for_a_batch_that_is_made() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, vec![1; 8 << 20]).unwrap();
        let file = FileBytes::open(&path, Access::Plain).unwrap();
        let pool = ReadPool::start(Arc::default()).unwrap();
        let watch = Arc::new(Watch::default());
        for _ in 0..3 * QUEUE_MAX {
            pool.read(&watch, &file, 0..8 << 20);
            assert!(waiting(&pool) <= QUEUE_MAX);
        }
        // Reading all of it would take 32 GB.
        watch.finish();
        while waiting(&pool) > 0 {
            std::thread::yield_now();
        }
        for number in 0..3 * FILES_MAX {
            let path = dir.path().join(number.to_string());
            std::fs::write(&path, [1]).unwrap();
            pool.shared.file(&path).unwrap();
            assert!(lock(&pool.shared.files).len() <= FILES_MAX);
        }
    }
}
