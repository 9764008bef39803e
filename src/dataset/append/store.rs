//! Blobs on their way in: held, streamed, linked, or copied from another dataset; each content once.

use super::Appender;
use super::blob::{BlobInfo, Digested, STREAM_FROM};
use crate::dataset::index::IndexKind;
use crate::dataset::{Blob, Dataset, link, pictures};
use crate::error::{Error, ErrorKind, Result};
use crate::format::Address;
use crate::format::manifest::FileEntry;
use crate::schema::build::BlobsBuilder;
use crate::schema::rows::BlobRow;
use crate::schema::tables::Table;
use crate::schema::views;
use crate::storage::open_plain;
use crate::write::StreamedValues;
use std::io::Read;
use std::path::Path;

impl Appender {
    pub(super) fn held_blob(&mut self, media_type: &str, bytes: &[u8]) -> Result<BlobInfo> {
        let digested = Digested::of(bytes);
        if let Some(address) = self.known_blob(&digested, false)? {
            return Ok(info(&digested, address, false));
        }
        self.hold(&digested, media_type, bytes)
    }

    fn hold(&mut self, digested: &Digested, media_type: &str, bytes: &[u8]) -> Result<BlobInfo> {
        let row = blob_row(digested, media_type, None, Some(bytes));
        let root = self.dataset.path();
        let address = self.blobs.append(root, &mut self.claims, &self.options, |builder| builder.push(&row))?;
        self.digests.insert(digested.identity(), address);
        self.note_size(address, media_type, || pictures::size_of(bytes));
        Ok(info(digested, address, true))
    }

    /// Keeps the size of a new picture, for the frames that will show it.
    fn note_size(&mut self, address: Address, media_type: &str, size: impl FnOnce() -> Option<(usize, usize)>) {
        if media_type.starts_with("image/") {
            self.sizes.insert(address, size());
        }
    }

    pub(super) fn streamed_blob(&mut self, media_type: &str, path: &Path) -> Result<BlobInfo> {
        let digested = Digested::of_file(path)?;
        if let Some(address) = self.known_blob(&digested, false)? {
            return Ok(info(&digested, address, false));
        }
        let (mut reader, _) = open_plain(path).map_err(|error| Error::io("cannot read it", error).in_file(path))?;
        let info = self.stream(&digested, media_type, &mut reader).map_err(|error| error.in_file(path))?;
        self.note_size(info.address, media_type, || pictures::size_of_file(path));
        Ok(info)
    }

    fn stream(&mut self, digested: &Digested, media_type: &str, reader: &mut dyn Read) -> Result<BlobInfo> {
        let values = StreamedValues { reader, len: digested.size, crc32: digested.crc32 };
        let row = blob_row(digested, media_type, None, Some(&[]));
        let (root, options) = (self.dataset.path(), &self.options);
        let push = |builder: &mut BlobsBuilder| builder.push(&row);
        let address = self.blobs.append_streamed(root, &mut self.claims, options, push, values)?;
        self.digests.insert(digested.identity(), address);
        Ok(info(digested, address, true))
    }

    /// Appends a blob of another dataset, unless this one has its content already. Its digest is taken as it is; the bytes
    /// are held against their checksum. A linked one stays linked.
    ///
    /// # Errors
    /// `Corrupt` when the bytes are not what the row says; `Io`.
    pub(in crate::dataset) fn copied_blob(&mut self, blob: &Blob<'_>) -> Result<BlobInfo> {
        let size = u64::try_from(blob.size()?).map_err(|_| Error::corrupt("the size of the blob is negative"))?;
        let digested = Digested { digest: blob.digest()?, crc32: blob.crc32()?, size };
        let (media_type, uri) = (blob.media_type()?, blob.uri()?);
        if let Some(address) = self.known_blob(&digested, uri.is_some())? {
            return Ok(info(&digested, address, false));
        }
        if let Some(uri) = uri {
            return self.link(&digested, media_type, uri.to_owned());
        }
        let bytes = blob.bytes()?;
        if bytes.len() as u64 != size {
            return Err(Error::corrupt(format!("the blob has {} bytes, and its row says {size}", bytes.len())));
        }
        match size < STREAM_FROM {
            true => self.hold(&digested, media_type, &bytes),
            false => {
                let info = self.stream(&digested, media_type, &mut &bytes[..])?;
                self.note_size(info.address, media_type, || pictures::size_of(&bytes));
                Ok(info)
            }
        }
    }

    /// Takes a whole file of another dataset's blobs, without copying it, where its number and those of its fragments
    /// are free and the file system can. Its rows have the addresses that they have there. Their bytes are held against
    /// their checksums.
    ///
    /// # Errors
    /// `Corrupt`, `Conflict`, `Io`.
    pub(in crate::dataset) fn shared_blobs(&mut self, from: &Dataset, file: &FileEntry) -> Result<bool> {
        let next = self.dataset.manifest().next;
        let Some(number) = file.number() else { return Ok(false) };
        let is_new = |number: u32| number >= next;
        if !is_new(number) || !file.fragments.iter().all(|part| is_new(part.fragment.get())) {
            return Ok(false);
        }
        let mut digests = Vec::new();
        for address in file.fragments.iter().flat_map(|part| (0..part.rows).map(|row| part.fragment.address(row))) {
            let blob = from.blob(address)?;
            let size = u64::try_from(blob.size()?).map_err(|_| Error::corrupt("the size of a blob is negative"))?;
            let is_linked = blob.uri()?.is_some();
            if !is_linked && blob.bytes()?.len() as u64 != size {
                return Err(Error::corrupt(format!("the blob {address} has other bytes than its row says")));
            }
            digests.push((Digested { digest: blob.digest()?, crc32: blob.crc32()?, size }, address, is_linked));
        }
        // Numbers that are taken later are above this one, so that no fragment is met again.
        if file.fragments.iter().any(|part| part.fragment.get() > number) || !self.claims.take_exactly(number)? {
            return Ok(false);
        }
        if !self.claims.share(&from.file_path(&file.path), Table::Blobs.name(), number)? {
            return Ok(false);
        }
        for (digested, address, is_linked) in digests {
            let known = if is_linked { &mut self.links } else { &mut self.digests };
            known.insert(digested.identity(), address);
        }
        self.blobs.adopt(file.clone());
        Ok(true)
    }

    pub(super) fn linked_blob(&mut self, media_type: &str, path: &Path) -> Result<BlobInfo> {
        let digested = Digested::of_file(path)?;
        if let Some(address) = self.known_blob(&digested, true)? {
            return Ok(info(&digested, address, false));
        }
        let whole = path.canonicalize().map_err(|error| Error::io("cannot find it", error).in_file(path))?;
        let info = self.link(&digested, media_type, link::uri_of(&whole))?;
        self.note_size(info.address, media_type, || pictures::size_of_file(&whole));
        Ok(info)
    }

    fn link(&mut self, digested: &Digested, media_type: &str, uri: String) -> Result<BlobInfo> {
        let row = blob_row(digested, media_type, Some(uri), None);
        let root = self.dataset.path();
        let address = self.blobs.append(root, &mut self.claims, &self.options, |builder| builder.push(&row))?;
        self.links.insert(digested.identity(), address);
        Ok(info(digested, address, true))
    }

    /// A blob with this content that is there already; with its bytes, unless a link will do that leads to them still.
    fn known_blob(&mut self, digested: &Digested, link_will_do: bool) -> Result<Option<Address>> {
        let linked = || self.links.get(digested.identity()).filter(|_| link_will_do);
        if let Some(address) = self.digests.get(digested.identity()).or_else(linked) {
            return Ok(Some(address));
        }
        let mut known = None;
        self.dataset.hits(IndexKind::Digest, digested.key(), |row| {
            let blob = views::Blob::new(&row);
            let same = blob.digest()? == digested.digest;
            if same && (blob.uri()?.is_none() || link_will_do && leads_there(&self.dataset, row.address())?) {
                known = Some(row.address());
            }
            Ok(known.is_some())
        })?;
        Ok(known)
    }
}

/// Whether a linked file is there, and what it was.
fn leads_there(dataset: &Dataset, address: Address) -> Result<bool> {
    match dataset.blob(address)?.check_link_since(dataset.written_by(address.fragment())?) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::LinkBroken => Ok(false),
        Err(error) => Err(error),
    }
}

fn info(digested: &Digested, address: Address, is_new: bool) -> BlobInfo {
    BlobInfo { address, digest: digested.digest, size: digested.size, is_new }
}

fn blob_row<'a>(digested: &Digested, media_type: &str, uri: Option<String>, bytes: Option<&'a [u8]>) -> BlobRow<'a> {
    BlobRow {
        digest: digested.digest,
        crc32: digested.crc32,
        media_type: media_type.to_owned(),
        size: digested.size as i64,
        uri,
        bytes,
    }
}
