//! What rows that are there hold: bytes, nothing, or a link that is broken; and how large a picture is.

use super::{CACHED, Located, Store, digest_of};
use crate::error::{Error, ErrorKind, Result};
use crate::format::address::Address;
use crate::import::draft::MediaItem;
use crate::import::media::names::Named;
use crate::import::media::picture;
use crate::import::media::resolve::Resolved;
use crate::import::options::OnChange;
use crate::import::sink::Sink;
use crate::schema::tables::Table;
use std::fs::File;
use std::io::{BufReader, Cursor};
use std::path::Path;
use std::time::SystemTime;

/// What a row has of its bytes.
pub(super) enum Held {
    /// All: in the dataset, or in a file that is there with its length. Nothing is known of what was appended here.
    Whole(Option<Whole>),
    /// None.
    Nothing,
    /// A link to a file that is not what it was: the digest that it had, and what is wrong.
    Broken([u8; 32], Error),
}

/// What is known of bytes that are there.
pub(super) struct Whole {
    pub(super) digest: [u8; 32],
    pub(super) size: u64,
    pub(super) uri: Option<String>,
    /// When they were stored or linked already, as far as that is known.
    pub(super) written: Option<SystemTime>,
}

impl Store<'_> {
    /// What a row has of its bytes; one that was appended here counts as complete. A linked file that was touched since
    /// it was linked is read.
    pub(super) fn held(&mut self, sink: &dyn Sink, table: Table, address: Address) -> Result<Held> {
        let dataset = sink.dataset();
        let blob = match table {
            Table::Videos => dataset.video(address).and_then(|row| row.blob()),
            _ => dataset.frame(address).and_then(|row| row.blob()),
        };
        let blob = match blob {
            Ok(None) => return Ok(Held::Nothing),
            Ok(Some(blob)) => dataset.blob(blob)?,
            Err(error) if error.kind() == ErrorKind::NotInVersion => return Ok(Held::Whole(None)),
            Err(error) => return Err(error),
        };
        let fragment = blob.address().fragment();
        let written = match self.written.get(&fragment) {
            Some(written) => *written,
            None => *self.written.entry(fragment).or_insert(dataset.written_by(fragment)?),
        };
        let whole = || -> Result<Held> {
            let size = u64::try_from(blob.size()?).unwrap_or_default();
            let (digest, uri) = (blob.digest()?, blob.uri()?.map(str::to_owned));
            Ok(Held::Whole(Some(Whole { digest, size, uri, written })))
        };
        match blob.check_link_since(written) {
            Ok(()) => whole(),
            Err(error) if error.kind() == ErrorKind::LinkBroken => Ok(Held::Broken(blob.digest()?, error)),
            Err(error) => Err(error),
        }
    }

    /// What becomes of a row whose linked file is gone or changed: the file that the record names now is taken if its bytes
    /// are what they were, or may be replaced.
    pub(super) fn broken(
        &mut self,
        named: &Named<'_>,
        address: Address,
        blob: &[u8; 32],
        error: &Error,
    ) -> Result<Located> {
        let what = error.message();
        let file = error.file().unwrap_or(Path::new("")).display();
        let found = self.file_of(named);
        let Some(Resolved::File { path, size, .. }) = found else {
            let remedy = "or bring it to where the record says, and import again, or let `surgdb attach` find it";
            return Ok(Located::Broken(address, format!("{file}: {what}, {remedy}")));
        };
        if digest_of(&path)? == *blob || self.options.on_change == OnChange::Replace {
            return Ok(Located::FoundNow(address, path, size));
        }
        let remedy = "or take the file that the record names now, which is another one, with --on-change replace";
        Ok(Located::Broken(address, format!("{file}: {what}, {remedy}")))
    }

    /// The sides of a picture, where they can be told before its row is written.
    pub(crate) fn picture_size(&mut self, named: &Named<'_>, sink: &dyn Sink) -> Result<Option<(i32, i32)>> {
        if let Some(size) = self.sizes.get(&named.id) {
            return Ok(*size);
        }
        let size = self.find_size(named, sink)?;
        if self.sizes.len() >= CACHED {
            self.sizes.clear();
        }
        self.sizes.insert(named.id.clone(), size);
        Ok(size)
    }

    fn find_size(&mut self, named: &Named<'_>, sink: &dyn Sink) -> Result<Option<(i32, i32)>> {
        let is_replaced = named.is_changed && self.options.on_change == OnChange::Replace;
        if !is_replaced && let Some(address) = sink.lookup(Table::Frames, &self.options.source.id, &named.id)? {
            match sink.dataset().frame(address) {
                Ok(frame) => {
                    if let Some(size) = frame.width()?.zip(frame.height()?) {
                        return Ok(Some(size));
                    }
                }
                // It was appended here.
                Err(error) if error.kind() == ErrorKind::NotInVersion => {}
                Err(error) => return Err(error),
            }
        }
        if let MediaItem::Bytes { bytes, .. } = named.item {
            return Ok(picture::read(Cursor::new(bytes), "").size.ok());
        }
        let Some(Resolved::File { path, .. }) = self.file_of(named) else { return Ok(None) };
        Ok(File::open(path).ok().and_then(|file| picture::read(BufReader::new(file), "").size.ok()))
    }
}
