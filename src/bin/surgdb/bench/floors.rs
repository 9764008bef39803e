//! The floors: the same bytes in the same order, read by those who know beforehand where they lie.

use super::direct;
use super::raw::slice;
use super::samples::Samples;
use super::touch::touch;
use crate::interrupt;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use surgdb::storage::FileBytes;
use surgdb::{Access, Error, Result};

/// How often the work looks whether it was asked to stop.
const CHECK_EVERY: usize = 1024;

/// Files that are mapped, and the samples in them.
pub struct Mapped<'a> {
    samples: &'a Samples,
    files: Vec<FileBytes>,
}

impl<'a> Mapped<'a> {
    /// Maps the samples' files.
    ///
    /// # Errors
    /// `Io`.
    pub fn open(samples: &'a Samples) -> Result<Self> {
        let files = samples.files.iter().map(|path| FileBytes::open(path, Access::Mapped)).collect::<Result<_>>()?;
        Ok(Self { samples, files })
    }

    /// Touches a sample.
    ///
    /// # Errors
    /// `Corrupt` when a file became shorter.
    pub fn sample(&self, at: usize) -> Result<u64> {
        self.samples.get(at).iter().try_fold(0, |sum, extent| Ok(sum + touch(slice(&self.files, *extent)?)))
    }

    /// Touches all samples in order; the sum of what was touched.
    ///
    /// # Errors
    /// As [`Mapped::sample`]; `Interrupted` after Ctrl-C.
    pub fn pass(&self) -> Result<u64> {
        let mut sum = 0;
        for at in 0..self.samples.len() {
            if at % CHECK_EVERY == 0 {
                interrupt::check()?;
            }
            sum += self.sample(at)?;
        }
        Ok(sum)
    }
}

/// Reads all samples in order with so many threads, each into a buffer of its own; the sum of what was touched.
///
/// # Errors
/// `Io`; `Interrupted` after Ctrl-C.
pub fn pread(samples: &Samples, threads: usize) -> Result<u64> {
    let open = |path| File::open(path).map_err(|error| Error::io("cannot open it", error).in_file(path));
    let files = samples.files.iter().map(open).collect::<Result<Vec<_>>>()?;
    let read = |buffer: &mut Vec<u8>, at: usize| {
        samples.get(at).iter().try_fold(0, |sum, extent| {
            let len = extent.len as usize;
            if buffer.len() < len {
                buffer.resize(len, 0);
            }
            let file = &files[extent.file as usize];
            file.read_exact_at(&mut buffer[..len], extent.start)
                .map_err(|error| Error::io("cannot read it", error).in_file(&samples.files[extent.file as usize]))?;
            Ok(sum + touch(&buffer[..len]))
        })
    };
    in_threads(threads, samples.len(), Vec::new, read)
}

/// Reads all extents in order past the system's cache, with so many threads; the sum of what was touched.
///
/// # Errors
/// `Unsupported` where the file system refuses; `Io`; `Interrupted` after Ctrl-C.
pub fn direct(samples: &Samples, threads: usize) -> Result<u64> {
    let files = samples.files.iter().map(|path| direct::File::open(path)).collect::<Result<Vec<_>>>()?;
    let read = |buffer: &mut direct::Buffer, at: usize| {
        samples.get(at).iter().try_fold(0, |sum, extent| {
            Ok(sum + touch(files[extent.file as usize].read(buffer, extent.start, extent.len as usize)?))
        })
    };
    in_threads(threads, samples.len(), direct::Buffer::default, read)
}

/// Reads each page past the system's cache where it is asked for first, with so many threads, and touches the bytes of every
/// sample in `warm`: what a reader can reach at best who fetches nothing twice. The sum of what was touched.
///
/// # Errors
/// As [`direct`].
pub fn direct_once(pages: &Samples, warm: &Mapped<'_>, threads: usize) -> Result<u64> {
    let files = pages.files.iter().map(|path| direct::File::open(path)).collect::<Result<Vec<_>>>()?;
    let read = |buffer: &mut direct::Buffer, at: usize| {
        for extent in pages.get(at) {
            files[extent.file as usize].read(buffer, extent.start, extent.len as usize)?;
        }
        warm.sample(at)
    };
    in_threads(threads, pages.len(), direct::Buffer::default, read)
}

/// How many samples are announced ahead of those that are touched: of 72 kB each, and four on a frame, about 18 MB.
const ANNOUNCED_AHEAD: usize = 1024;

/// Touches the bytes of every sample where files are mapped, while a thread that knows all offsets beforehand announces
/// each page where it is asked for first: what comes of announcing through the system's cache without a dataset around it. No
/// bound: more threads, or others to read with, may do better. The sum of what was touched.
///
/// # Errors
/// As [`Mapped::sample`]; `Io`; `Interrupted` after Ctrl-C.
pub fn announced_once(pages: &Samples, mapped: &Mapped<'_>) -> Result<u64> {
    let (announced, next) = sync_channel(ANNOUNCED_AHEAD);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for at in 0..pages.len() {
                for extent in pages.get(at) {
                    // Who touches the bytes will meet what is wrong with them.
                    let _ = mapped.files[extent.file as usize].announce(extent.start..extent.end());
                }
                // Nobody listens any more where the touching ended with an error.
                if announced.send(at).is_err() {
                    return;
                }
            }
        });
        let mut sum = 0;
        for at in next {
            if at % CHECK_EVERY == 0 {
                interrupt::check()?;
            }
            for extent in pages.get(at) {
                let range = extent.start..extent.end();
                // As above.
                let _ = mapped.files[extent.file as usize].populate(range);
            }
            sum += mapped.sample(at)?;
        }
        Ok(sum)
    })
}

/// Does `work` for each number below `count`: each thread takes the next one when it is done with its last.
fn in_threads<B>(
    threads: usize,
    count: usize,
    buffer: impl Fn() -> B + Sync,
    work: impl Fn(&mut B, usize) -> Result<u64> + Sync,
) -> Result<u64> {
    let next = AtomicUsize::new(0);
    let run = || {
        let (mut buffer, mut sum) = (buffer(), 0);
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= count {
                return Ok(sum);
            }
            if at % CHECK_EVERY == 0
                && let Err(error) = interrupt::check()
            {
                next.store(count, Ordering::Relaxed);
                return Err(error);
            }
            sum += work(&mut buffer, at).inspect_err(|_| next.store(count, Ordering::Relaxed))?;
        }
    };
    if threads == 1 {
        return run();
    }
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        threads.into_iter().try_fold(0, |sum, thread| {
            let done = thread.join().unwrap_or_else(|_| Err(Error::invalid("a thread of the benchmark panicked")));
            Ok(sum + done?)
        })
    })
}
