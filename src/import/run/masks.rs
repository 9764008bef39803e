//! Masks that were drawn on pictures, as frames of their own.

use super::{Run, Target};
use crate::dataset::BlobSource;
use crate::error::{Error, Result};
use crate::format::Address;
use crate::import::media::names::name_of;
use crate::import::media::picture;
use crate::import::options::OnChange;
use crate::import::report::{At, Kind};
use crate::schema::record;
use crate::schema::rows::FrameRow;
use crate::schema::tables::Table;
use std::io::Cursor;

/// A mask that the dataset has, and that looks otherwise now.
pub(super) struct Redrawn {
    pub(super) address: Address,
    pub(super) id: String,
    pub(super) png: Vec<u8>,
}

impl Run<'_> {
    /// A mask that was drawn on a picture, as a row of its own. One that is there and looks otherwise now is a change of the
    /// statement that it belongs to, which is taken next.
    pub(crate) fn mask(&mut self, id: &str, png: &[u8], size: (i32, i32), parent: &Target) -> Result<Target> {
        self.mask_of(id, ("image/png", png), size, parent)
    }

    /// The same of one of another type.
    fn mask_of(
        &mut self,
        id: &str,
        (media_type, bytes): (&str, &[u8]),
        size: (i32, i32),
        parent: &Target,
    ) -> Result<Target> {
        let source = self.options.source.id.clone();
        let name = name_of(&source, id).into();
        self.redrawn = None;
        if let Some(address) = self.sink.lookup(Table::Frames, &source, id)? {
            if !self.store.has_bytes(address, bytes, &*self.sink)? {
                self.redrawn = Some(Redrawn { address, id: id.to_owned(), png: bytes.to_vec() });
            }
            return Ok(Target { address, name });
        }
        self.check_row_deleted(Table::Frames, id)?;
        let blob = self.sink.blob(BlobSource::Bytes { media_type, bytes })?;
        self.report.media.embedded += 1;
        self.report.media.bytes += blob.size;
        if blob.is_new {
            self.report.row(Table::Blobs.name());
        }
        let mut row = FrameRow {
            id: id.to_owned(),
            source,
            kind: "mask".into(),
            parent: Some(parent.address),
            blob: Some(blob.address),
            width: Some(size.0),
            height: Some(size.1),
            ..FrameRow::default()
        };
        row.record = Some(record::of_frame(&row, &mut |_, out| {
            out.extend_from_slice(&parent.name);
            Ok(())
        })?);
        let address = self.sink.frame(&row)?;
        self.report.row(Table::Frames.name());
        Ok(Target { address, name })
    }

    /// Takes the bytes of a mask that belongs to a picture as a frame, whose id is that at hand. One that is there stays as
    /// it is.
    pub(in crate::import) fn drawn(&mut self, bytes: &[u8], target: &Target, at: &At) -> Result<()> {
        let header = picture::read(Cursor::new(bytes), "");
        let size =
            header.size.map_err(|reason| Error::input(format!("its mask is no picture that can be read: {reason}")))?;
        let before = self.new_rows(Table::Frames);
        self.mask_of(&at.id.clone().unwrap_or_default(), (header.media_type, bytes), size, target)?;
        if self.redrawn.take().is_none() {
            self.count_frame(before);
            return Ok(());
        }
        self.report.records.changed_kept += 1;
        if self.options.on_change != OnChange::Keep {
            self.report.find(Kind::ChangedRecord, at, "its mask differs; the dataset's was kept");
        }
        Ok(())
    }
}
