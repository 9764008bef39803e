//! A frame.

use super::{Cells, view};
use crate::error::Result;
use crate::format::address::Address;
use crate::schema::rows::FrameRow;
use crate::schema::tables::frames;

view! {
    /// One picture at one place.
    Frame of Frames, frames;
    /// Unique within its source.
    id: ID as text -> &str;
    /// Where it comes from.
    source: SOURCE as dict -> &str;
    /// Whose operation it shows.
    case: CASE as address_opt -> Option<Address>;
    /// The video that it was taken from.
    video: VIDEO as address_opt -> Option<Address>;
    /// The frame's number as its source counts.
    index: INDEX as i64_opt -> Option<i64>;
    /// Seconds from the start of the video.
    time: TIME as f64_opt -> Option<f64>;
    /// `rgb`, `mask`, `depth`, `desmoked` or another.
    kind: KIND as dict -> &str;
    /// What a mask or a depth map belongs to.
    parent: PARENT as address_opt -> Option<Address>;
    /// The path as the source wrote it.
    path: PATH as text_opt -> Option<&str>;
    /// Its bytes; none where the file is missing.
    blob: BLOB as address_opt -> Option<Address>;
    /// Pixels.
    width: WIDTH as i32_opt -> Option<i32>;
    /// Pixels.
    height: HEIGHT as i32_opt -> Option<i32>;
    /// `human`, `model`, `synthetic` or `derived`.
    origin: ORIGIN as dict_opt -> Option<&str>;
    /// The model's or method's name.
    generator: GENERATOR as dict_opt -> Option<&str>;
    /// What the source said beyond the columns: a JSON object.
    extra: EXTRA as text_opt -> Option<&str>;
    /// The digest of the record as it was imported.
    record: RECORD as record -> Option<[u8; 8]>;
}

impl<C: Cells> Frame<C> {
    /// An owned copy of the whole row.
    pub fn to_row(&self) -> Result<FrameRow> {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Ok(FrameRow {
            id: self.id()?.to_owned(),
            source: self.source()?.to_owned(),
            case: self.case()?,
            video: self.video()?,
            index: self.index()?,
            time: self.time()?,
            kind: self.kind()?.to_owned(),
            parent: self.parent()?,
            path: owned(self.path()?),
            blob: self.blob()?,
            width: self.width()?,
            height: self.height()?,
            origin: owned(self.origin()?),
            generator: owned(self.generator()?),
            extra: owned(self.extra()?),
            record: self.record()?,
        })
    }
}
