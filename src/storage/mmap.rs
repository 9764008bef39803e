//! Memory maps: the only unsafe code of the crate.

use arrow_buffer::Buffer;
use std::fs::File;
use std::io;

/// The whole file as a buffer that borrows from a read-only map, which lives as long as the buffer's last slice.
///
/// An empty file, which the system cannot map, gives an empty buffer.
#[allow(unsafe_code)]
pub(super) fn map(file: &File, len: u64) -> io::Result<Buffer> {
    if len == 0 {
        return Ok(Buffer::from(Vec::<u8>::new()));
    }
    // SAFETY: `Mmap::map` asks that the file is not changed while it is mapped, because the map is handed out as
    // `&[u8]`. The dataset guarantees it: a file is written under a temporary name, gets its final name by a hard
    // link when it is complete, and from then on is only ever unlinked (an unlinked file stays whole for those who
    // have it mapped) or has its name given to a new file by a rename, which leaves the mapped one alone.
    // Whoever writes into a published file with other programs breaks this: readers may then see values change
    // between two reads, which the checks made before cannot exclude, and a file that was cut short raises
    // SIGBUS on access. Where that must be reckoned with, `Access::Plain` reads copies that nobody can change.
    let map = unsafe { memmap2::MmapOptions::new().len(usize_of(len)?).map(file)? };
    Ok(Buffer::from(bytes::Bytes::from_owner(map)))
}

fn usize_of(len: u64) -> io::Result<usize> {
    usize::try_from(len).map_err(|_| io::Error::new(io::ErrorKind::FileTooLarge, "larger than the address space"))
}
