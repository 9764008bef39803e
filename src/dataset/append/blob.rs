//! Where the bytes of a blob come from.

use crate::error::{Error, Result};
use crate::format::Address;
use crate::schema::record::Identity;
use crate::storage::open_plain;
use std::io::{self, Read};
use std::path::Path;

/// Where the bytes of a blob come from. `media_type` is a MIME type: `image/jpeg`, `image/png`, `video/mp4`.
#[derive(Clone, Copy, Debug)]
pub enum BlobSource<'a> {
    /// Bytes in memory.
    Bytes {
        /// What they are.
        media_type: &'a str,
        /// The bytes.
        bytes: &'a [u8],
    },
    /// A file whose bytes are copied into the dataset; a large one is never held whole.
    File {
        /// What it is.
        media_type: &'a str,
        /// Where it is.
        path: &'a Path,
    },
    /// A file that stays where it is: its digest is kept, and checked when it is read.
    Linked {
        /// What it is.
        media_type: &'a str,
        /// Where it is.
        path: &'a Path,
    },
}

/// A blob of a dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobInfo {
    /// Its address.
    pub address: Address,
    /// BLAKE3 of its bytes.
    pub digest: [u8; 32],
    /// How many bytes it has.
    pub size: u64,
    /// Whether its bytes were not in the dataset before.
    pub is_new: bool,
}

/// A file larger than this is copied as it is read, in a batch of its own.
pub const STREAM_FROM: u64 = 32 << 20;

/// What is known of bytes without holding them.
#[derive(Clone, Copy, Debug)]
pub struct Digested {
    pub digest: [u8; 32],
    pub crc32: u32,
    pub size: u64,
}

impl Digested {
    pub fn of(bytes: &[u8]) -> Self {
        Self { digest: *blake3::hash(bytes).as_bytes(), crc32: crc32fast::hash(bytes), size: bytes.len() as u64 }
    }

    /// Reads a file to the end that it has when it is opened.
    pub fn of_file(path: &Path) -> Result<Self> {
        let wrong = |error| Error::io("cannot read it", error).in_file(path);
        let (file, len) = open_plain(path).map_err(wrong)?;
        Self::read(&mut file.take(len)).map_err(wrong)
    }

    /// Reads to the end.
    pub fn read(source: &mut impl Read) -> io::Result<Self> {
        let (mut blake, mut crc, mut size) = (blake3::Hasher::new(), crc32fast::Hasher::new(), 0);
        let mut chunk = vec![0; 1 << 20];
        loop {
            match source.read(&mut chunk) {
                Ok(0) => break,
                Ok(got) => {
                    blake.update(&chunk[..got]);
                    crc.update(&chunk[..got]);
                    size += got as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Self { digest: *blake.finalize().as_bytes(), crc32: crc.finalize(), size })
    }

    /// What the index finds it by.
    pub fn key(&self) -> u64 {
        digest_key(&self.digest)
    }

    /// Enough of the digest to tell contents apart.
    pub fn identity(&self) -> Identity {
        Identity::of_digest(&self.digest)
    }
}

/// The key of a digest in the index: its first 8 bytes, little-endian.
pub fn digest_key(digest: &[u8; 32]) -> u64 {
    u64::from_le_bytes(std::array::from_fn(|at| digest[at]))
}
