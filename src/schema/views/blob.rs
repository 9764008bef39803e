//! A blob.

use super::{Cells, view};
use crate::error::Result;
use crate::schema::rows::BlobRow;
use crate::schema::tables::blobs;

view! {
    /// Encoded bytes.
    Blob of Blobs, blobs;
    /// BLAKE3 of the bytes.
    digest: DIGEST as digest -> [u8; 32];
    /// CRC-32 of the bytes.
    crc32: CRC32 as u32 -> u32;
    /// `image/jpeg`, `image/png`, `video/mp4`, …
    media_type: MEDIA_TYPE as dict -> &str;
    /// How many bytes there are.
    size: SIZE as i64 -> i64;
    /// Where they are, when they stay outside.
    uri: URI as text_opt -> Option<&str>;
    /// The bytes, when they are stored.
    bytes: BYTES as bytes_opt -> Option<&[u8]>;
}

impl<C: Cells> Blob<C> {
    /// A copy of the whole row; its bytes stay where they are.
    pub fn to_row(&self) -> Result<BlobRow<'_>> {
        Ok(BlobRow {
            digest: self.digest()?,
            crc32: self.crc32()?,
            media_type: self.media_type()?.to_owned(),
            size: self.size()?,
            uri: self.uri()?.map(str::to_owned),
            bytes: self.bytes()?,
        })
    }
}
