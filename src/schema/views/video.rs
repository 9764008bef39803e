//! A video.

use super::lists::{Numbers, Span, Structs, list_opt};
use super::{Cell, Cells, view};
use crate::error::Result;
use crate::format::address::Address;
use crate::schema::rows::{KeyframeRow, VideoRow};
use crate::schema::tables::videos;
use arrow_array::types::{Float64Type, Int64Type};

view! {
    /// A recording.
    Video of Videos, videos;
    /// Unique within its source.
    id: ID as text -> &str;
    /// Where it comes from.
    source: SOURCE as dict -> &str;
    /// Whose operation it shows.
    case: CASE as address_opt -> Option<Address>;
    /// The path as the source wrote it.
    path: PATH as text_opt -> Option<&str>;
    /// Its bytes; none where the file is missing.
    blob: BLOB as address_opt -> Option<Address>;
    /// Frames a second.
    fps: FPS as f64_opt -> Option<f64>;
    /// Seconds.
    duration: DURATION as f64_opt -> Option<f64>;
    /// How many frames it has.
    frame_count: FRAME_COUNT as i64_opt -> Option<i64>;
    /// Pixels.
    width: WIDTH as i32_opt -> Option<i32>;
    /// Pixels.
    height: HEIGHT as i32_opt -> Option<i32>;
    /// What the source said beyond the columns: a JSON object.
    extra: EXTRA as text_opt -> Option<&str>;
    /// The digest of the record as it was imported.
    record: RECORD as record -> Option<[u8; 8]>;
}

impl<C: Cells> Video<C> {
    /// Where decoding can start, where that is known.
    pub fn keyframes(&self) -> Result<Option<Keyframes<'_>>> {
        self.read(videos::KEYFRAMES, Keyframes::of_cell)
    }

    /// An owned copy of the whole row.
    pub fn to_row(&self) -> Result<VideoRow> {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Ok(VideoRow {
            id: self.id()?.to_owned(),
            source: self.source()?.to_owned(),
            case: self.case()?,
            path: owned(self.path()?),
            blob: self.blob()?,
            fps: self.fps()?,
            duration: self.duration()?,
            frame_count: self.frame_count()?,
            width: self.width()?,
            height: self.height()?,
            keyframes: self.keyframes()?.map(|keyframes| keyframes.iter().collect()),
            extra: owned(self.extra()?),
            record: self.record()?,
        })
    }
}

/// The places in a video's bytes where decoding can start.
#[derive(Clone, Copy, Debug)]
pub struct Keyframes<'a> {
    span: Span,
    time: Numbers<'a, Float64Type>,
    offset: Numbers<'a, Int64Type>,
}

impl<'a> Keyframes<'a> {
    fn of_cell(cell: Cell<'a>) -> Result<Option<Self>> {
        let Some((items, span)) = list_opt(cell)? else {
            return Ok(None);
        };
        let parts = Structs::new(items)?;
        Ok(Some(Self { span, time: parts.number(0)?, offset: parts.number(1)? }))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.span.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.span.len == 0
    }

    /// The one with this number, counted from 0.
    pub fn get(&self, number: usize) -> Option<KeyframeRow> {
        self.span.at(number).map(|row| self.at(row))
    }

    /// All of them in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = KeyframeRow> + ExactSizeIterator + Clone + use<'a> {
        let keyframes = *self;
        self.span.range().map(move |row| keyframes.at(row))
    }

    fn at(&self, row: usize) -> KeyframeRow {
        KeyframeRow { time: self.time.plain(row), offset: self.offset.plain(row) }
    }
}
