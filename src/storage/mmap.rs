//! Memory maps, and fetching what they hold to the processor: the only unsafe code of the crate.

use arrow_buffer::Buffer;
use memmap2::{Advice, Mmap};
use once_cell::race::OnceNonZeroUsize;
use std::fs::File;
use std::io;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many maps there are.
static MAPS: AtomicUsize = AtomicUsize::new(0);

/// How many maps Linux lets a process have where it does not say otherwise.
const SYSTEM_MAX: usize = 65_530;

/// A file's read-only map: as a buffer, and as what the system can be told about.
pub(super) struct Map {
    buffer: Buffer,
    map: Option<Arc<Counted>>,
}

/// A map that is counted as long as it is there.
struct Counted(Mmap);

impl Drop for Counted {
    fn drop(&mut self) {
        MAPS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What keeps a map alive for the buffers that borrow from it.
struct Owner(Arc<Counted>);

impl AsRef<[u8]> for Owner {
    fn as_ref(&self) -> &[u8] {
        &self.0.0
    }
}

impl Map {
    /// The whole file as a buffer that borrows from the map, which lives as long as the buffer's last slice.
    pub(super) fn buffer(&self) -> &Buffer {
        &self.buffer
    }

    /// Tells the system what will happen to these bytes; the whole pages that they lie in are meant. What is outside of
    /// the map is left out.
    pub(super) fn advise(&self, advice: Advice, bytes: Range<u64>) -> io::Result<()> {
        let Some(Counted(map)) = self.map.as_deref() else { return Ok(()) };
        let start = usize_of(bytes.start)?.min(map.len());
        let end = usize_of(bytes.end)?.min(map.len());
        match end > start {
            true => map.advise_range(advice, start, end - start),
            false => Ok(()),
        }
    }
}

/// How many maps there may be: half of what the system lets a process have. Where these run out even the allocator gets no
/// memory, and the process is aborted; so the other half is left to it, to threads, and to other libraries.
pub(super) fn maps_max() -> usize {
    static MAX: OnceNonZeroUsize = OnceNonZeroUsize::new();
    let read = || {
        let said = std::fs::read_to_string("/proc/sys/vm/max_map_count").ok()?.trim().parse::<usize>().ok()?;
        NonZeroUsize::new(said / 2)
    };
    MAX.get_or_init(|| read().unwrap_or(NonZeroUsize::new(SYSTEM_MAX / 2).unwrap_or(NonZeroUsize::MIN))).get()
}

/// Maps a whole file; `None` where there would be more than `max` maps then, or the system has no room for one. An empty
/// file, which the system cannot map, gives an empty buffer.
#[allow(unsafe_code)]
pub(super) fn map(file: &File, len: u64, max: usize) -> io::Result<Option<Map>> {
    if len == 0 {
        return Ok(Some(Map { buffer: Buffer::from(Vec::<u8>::new()), map: None }));
    }
    let len = usize_of(len)?;
    if MAPS.fetch_add(1, Ordering::Relaxed) >= max {
        MAPS.fetch_sub(1, Ordering::Relaxed);
        return Ok(None);
    }
    // SAFETY: `Mmap::map` asks that the file is not changed while it is mapped, because the map is handed out as
    // `&[u8]`. The dataset guarantees it: a file is written under a temporary name, gets its final name by a hard
    // link when it is complete, and from then on is only ever unlinked (an unlinked file stays whole for those who
    // have it mapped) or has its name given to a new file by a rename, which leaves the mapped one alone.
    // Whoever writes into a published file with other programs breaks this: readers may then see values change
    // between two reads, which the checks made before cannot exclude, and a file that was cut short raises
    // SIGBUS on access. Where that must be reckoned with, `Access::Plain` reads copies that nobody can change.
    let map = match unsafe { memmap2::MmapOptions::new().len(len).map(file) } {
        Ok(map) => Arc::new(Counted(map)),
        Err(error) => {
            MAPS.fetch_sub(1, Ordering::Relaxed);
            return if error.kind() == io::ErrorKind::OutOfMemory { Ok(None) } else { Err(error) };
        }
    };
    Ok(Some(Map { buffer: Buffer::from(bytes::Bytes::from_owner(Owner(map.clone()))), map: Some(map) }))
}

/// Has the processor fetch the memory at the start of this, without waiting for it: who asks for many at a time waits for
/// them together. Nothing follows from it but time.
#[allow(unsafe_code)]
pub fn fetch<T: ?Sized>(item: &T) {
    let place = std::ptr::from_ref(item).cast::<i8>();
    #[cfg(target_arch = "x86_64")]
    // SAFETY: prefetching changes nothing that the program could see, and faults on no address; this one is that of a live
    // item. The instruction is part of SSE, which each x86-64 processor has.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(place);
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}

fn usize_of(len: u64) -> io::Result<usize> {
    usize::try_from(len).map_err(|_| io::Error::new(io::ErrorKind::FileTooLarge, "larger than the address space"))
}
