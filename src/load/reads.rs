//! A pool of threads that read ranges of files into the page cache: for files that a network or another process serves.

use crate::error::{Error, Result};
use crate::load::watch::{Watch, Window, lock};
use crate::storage::FileBytes;
use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

const THREADS: usize = 8;
/// How much a thread reads at a time.
const PIECE: usize = 1 << 20;
/// How many ranges may wait to be read, and how many files are kept open for that: of those that the process may open, a
/// quarter.
const QUEUE_MAX: usize = 4096;
const FILES_MAX: Range<usize> = 64..1024;

/// Threads that read what they are told, and throw it away: the page cache keeps it. Dropped, they end.
pub(super) struct ReadPool {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
    files: Mutex<Files>,
    window: Arc<Window>,
    /// How many bytes were read.
    read: AtomicU64,
}

/// Files opened for reading, which a map alone does not keep. Where there are too many, the one that was not wanted for
/// longest is closed: a network's file system may drop what it has of a file each time that it is opened.
struct Files {
    most: usize,
    /// `None` for one that cannot be opened, and when each was last asked for.
    open: HashMap<PathBuf, (Option<Arc<File>>, u64)>,
    asked: u64,
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
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            changed: Condvar::new(),
            files: Mutex::new(Files::new(files_max())),
            window,
            read: AtomicU64::new(0),
        });
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

    /// How many bytes it has read once it is through with what it was told.
    #[cfg(test)]
    pub(super) fn finish(self) -> u64 {
        while !lock(&self.shared.queue).ranges.is_empty() {
            std::thread::yield_now();
        }
        let shared = self.shared.clone();
        drop(self);
        shared.read.load(Ordering::Relaxed)
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
            let Some(file) = lock(&self.files).get(file.path()) else { continue };
            let mut at = range.start;
            while at < range.end && !watch.is_finished() && !self.window.is_closed() {
                let len = usize::try_from(range.end - at).unwrap_or(PIECE).min(PIECE);
                match file.read_at(&mut scratch[..len], at) {
                    Ok(read) if read > 0 => {
                        at += read as u64;
                        self.read.fetch_add(read as u64, Ordering::Relaxed);
                    }
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
}

impl Files {
    fn new(most: usize) -> Self {
        Self { most, open: HashMap::new(), asked: 0 }
    }

    fn get(&mut self, path: &Path) -> Option<Arc<File>> {
        self.asked += 1;
        if let Some((file, asked)) = self.open.get_mut(path) {
            *asked = self.asked;
            return file.clone();
        }
        if self.open.len() >= self.most {
            let oldest = self.open.iter().min_by_key(|(_, (_, asked))| *asked);
            if let Some(oldest) = oldest.map(|(path, _)| path.clone()) {
                // Who reads it now keeps it open until it was read.
                self.open.remove(&oldest);
            }
        }
        let file = File::open(path).ok().map(Arc::new);
        self.open.insert(path.to_path_buf(), (file.clone(), self.asked));
        file
    }
}

/// How many files may be kept open.
fn files_max() -> usize {
    let may_open = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let may_open = may_open.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
    (may_open / 4).clamp(FILES_MAX.start, FILES_MAX.end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::Access;

    fn waiting(pool: &ReadPool) -> usize {
        lock(&pool.shared.queue).ranges.len()
    }

    #[test]
    fn a_pool_reads_what_it_is_told_and_goes_on_where_files_are_gone() {
        let dir = tempfile::tempdir().unwrap();
        let (path, gone) = (dir.path().join("file"), dir.path().join("gone"));
        let len = 3 << 20;
        std::fs::write(&path, vec![1; len]).unwrap();
        std::fs::write(&gone, [1; 10]).unwrap();
        let files = [&path, &gone].map(|path| FileBytes::open(path, Access::Mapped).unwrap());
        std::fs::remove_file(&gone).unwrap();
        let pool = ReadPool::start(Arc::default()).unwrap();
        let watch = Arc::default();
        // Each to the file's end, which is before the range's.
        for start in 0..100 {
            pool.read(&watch, &files[0], start * 1000..4 << 20);
            pool.read(&watch, &files[1], 0..10);
        }
        pool.read(&watch, &files[0], 5..9);
        assert_eq!(pool.finish(), (0..100).map(|start| len as u64 - start * 1000).sum::<u64>() + 4);
    }

    #[test]
    fn what_waits_is_bounded_and_not_read_for_a_batch_that_is_made() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, vec![1; 8 << 20]).unwrap();
        let file = FileBytes::open(&path, Access::Plain).unwrap();
        let pool = ReadPool::start(Arc::default()).unwrap();
        let watch = Arc::new(Watch::default());
        watch.finish();
        for _ in 0..3 * QUEUE_MAX {
            pool.read(&watch, &file, 0..8 << 20);
            assert!(waiting(&pool) <= QUEUE_MAX);
        }
        assert_eq!(pool.finish(), 0);
    }

    #[test]
    fn of_the_files_that_are_kept_open_the_one_not_wanted_for_longest_is_closed() {
        let dir = tempfile::tempdir().unwrap();
        let paths: Vec<_> = (0..9).map(|number| dir.path().join(number.to_string())).collect();
        paths.iter().for_each(|path| std::fs::write(path, [1]).unwrap());
        let mut files = Files::new(8);
        let kept: Vec<_> = paths[..8].iter().map(|path| files.get(path).unwrap()).collect();
        files.get(&paths[0]).unwrap();
        files.get(&paths[8]).unwrap();
        assert_eq!(files.open.len(), 8);
        assert!(files.open.contains_key(&paths[0]) && !files.open.contains_key(&paths[1]));
        // Those that stay were not opened anew.
        assert!(Arc::ptr_eq(&files.get(&paths[0]).unwrap(), &kept[0]));
        assert!((2..8).all(|at| Arc::ptr_eq(&files.get(&paths[at]).unwrap(), &kept[at])));
        let gone = dir.path().join("gone");
        assert!(files.get(&gone).is_none() && files.open.len() == 8);
        assert!(FILES_MAX.contains(&files_max()) || files_max() == FILES_MAX.end);
    }
}
