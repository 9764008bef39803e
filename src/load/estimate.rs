//! How many tokens a conversation takes, estimated: its texts' bytes, and the patches of what it shows.

use crate::dataset::{Appender, CellUpdate, Dataset, ScanBatch, ScanPart};
use crate::error::{Error, Result};
use crate::format::notation::{Column, ColumnType};
use crate::format::{Address, FragmentId};
use crate::schema::tables::Table;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type};
use arrow_array::{Array, Int32Array, RecordBatch, StructArray};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// The columns of conversations that an estimate reads.
pub(super) const COLUMNS: [&str; 2] = ["turns", "media"];

/// How tokens are estimated. The default is what Qwen2-VL does.
///
/// A text takes its bytes / 4, all turns together, rounded up. A picture takes ⌈width / side⌉ × ⌈height / side⌉, where
/// `side` is `patch` × `merge` pixels. A video, or the part of one that is shown, takes that for each two frames of
/// those that are sampled, at least two. Nothing is scaled down: a model that does so takes fewer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Bytes of text to a token.
    pub bytes: u32,
    /// A patch's side, in pixels.
    pub patch: u32,
    /// So many patches a side become one token.
    pub merge: u32,
    /// Width and height where they are not known.
    pub size: (u32, u32),
    /// Frames a second that are sampled from a video, where the conversation does not say.
    pub fps: f64,
    /// Seconds that a video takes where they are not known.
    pub seconds: f64,
}

impl Default for Estimate {
    fn default() -> Self {
        Self { bytes: 4, patch: 14, merge: 2, size: (854, 480), fps: 2.0, seconds: 10.0 }
    }
}

impl Estimate {
    /// # Errors
    /// `Invalid` when a number is none that can be worked with.
    pub fn check(&self) -> Result<()> {
        let positive = |number: f64| number.is_finite() && number > 0.0;
        let whole = [self.bytes, self.patch, self.merge, self.size.0, self.size.1].iter().all(|number| *number > 0);
        match whole && positive(self.fps) && positive(self.seconds) {
            true => Ok(()),
            false => Err(Error::invalid("what tokens are estimated from must be numbers above 0")),
        }
    }

    /// The tokens of a picture of this size.
    pub fn picture(&self, width: Option<i32>, height: Option<i32>) -> u32 {
        let side = u64::from(self.patch).saturating_mul(self.merge.into()).max(1);
        let known =
            |pixels: Option<i32>| pixels.and_then(|pixels| u64::try_from(pixels).ok()).filter(|pixels| *pixels > 0);
        let (width, height) = match (known(width), known(height)) {
            (Some(width), Some(height)) => (width, height),
            _ => (self.size.0.into(), self.size.1.into()),
        };
        u32::try_from(width.div_ceil(side).saturating_mul(height.div_ceil(side))).unwrap_or(u32::MAX)
    }

    /// The tokens of so many seconds of a video.
    fn video(&self, picture: u32, seconds: f64, fps: f64) -> u64 {
        // What a float cannot be turned into saturates.
        let frames = (seconds * fps).ceil().max(2.0) as u64;
        frames.div_ceil(2).saturating_mul(picture.into())
    }
}

/// An estimate with the sizes of all frames and videos of a dataset at hand.
pub(super) struct Estimator {
    estimate: Estimate,
    /// Tokens of the frames of each fragment, by row; 0 where there is no such live row.
    frames: HashMap<FragmentId, Vec<u32>>,
    videos: HashMap<i64, Video>,
    /// Rows whose sizes are damaged, from the first to the last, and what was damaged first.
    lost: Vec<(Address, Address)>,
    damage: String,
}

#[derive(Clone, Copy)]
struct Video {
    picture: u32,
    seconds: f64,
}

impl Estimator {
    /// Reads the sizes. Damage is an error, unless `beside_damage` says that it only leaves out what it is in.
    pub fn new(dataset: &Dataset, estimate: Estimate, beside_damage: bool) -> Result<Self> {
        estimate.check()?;
        let (frames, videos) = (HashMap::new(), HashMap::new());
        let mut all = Self { estimate, frames, videos, lost: Vec::new(), damage: String::new() };
        let parts = dataset.scan(Table::Frames).columns(["width", "height"])?.parts();
        for part in parts {
            let Some(piece) = all.readable(part?, beside_damage)? else { continue };
            let (width, height) = (numbers(&piece.batch, 0)?, numbers(&piece.batch, 1)?);
            for row in 0..piece.batch.num_rows() {
                let address = piece.address(row)?;
                let tokens = all.frames.entry(address.fragment()).or_default();
                let at = address.row() as usize;
                if tokens.len() <= at {
                    tokens.resize(at + 1, 0);
                }
                tokens[at] = estimate.picture(value(width, row), value(height, row));
            }
        }
        let videos = dataset.scan(Table::Videos).columns(["width", "height", "duration"])?;
        for part in videos.parts() {
            let Some(piece) = all.readable(part?, beside_damage)? else { continue };
            let (width, height) = (numbers(&piece.batch, 0)?, numbers(&piece.batch, 1)?);
            let duration = piece.batch.column(2).as_primitive_opt::<Float64Type>().ok_or_else(unfit)?;
            for row in 0..piece.batch.num_rows() {
                let picture = estimate.picture(value(width, row), value(height, row));
                let seconds = duration.is_valid(row).then(|| duration.value(row)).filter(|seconds| *seconds >= 0.0);
                let video = Video { picture, seconds: seconds.unwrap_or(estimate.seconds) };
                all.videos.insert(piece.address(row)?.get(), video);
            }
        }
        Ok(all)
    }

    /// A part that could be read; of one that is damaged it remembers which rows those are.
    fn readable(&mut self, part: ScanPart, beside_damage: bool) -> Result<Option<ScanBatch>> {
        match part {
            ScanPart::Read(piece) => Ok(Some(piece)),
            ScanPart::Damaged(_, _, error) if !beside_damage => Err(error),
            ScanPart::Damaged(first, last, error) => {
                self.lost.push((first, last));
                if self.damage.is_empty() {
                    self.damage = error.to_string();
                }
                Ok(None)
            }
        }
    }

    /// What was found damaged first; empty where nothing was.
    pub fn damage(&self) -> &str {
        &self.damage
    }

    /// The tokens of each conversation of a batch with the columns `turns` and `media`, in this order from `first` on;
    /// `None` where it shows what has a damaged size.
    pub fn tokens(&self, batch: &RecordBatch, first: usize) -> Result<Vec<Option<u32>>> {
        let turns = batch.column(first).as_list_opt::<i32>().ok_or_else(unfit)?;
        let texts = part(turns.values().as_ref(), "text")?.as_string_opt::<i64>().ok_or_else(unfit)?.value_offsets();
        let media = Media::of(batch, first + 1)?;
        let mut all = Vec::with_capacity(batch.num_rows());
        for row in 0..batch.num_rows() {
            let range = span(turns.value_offsets(), row);
            let bytes = match (texts.get(range.start), texts.get(range.end)) {
                (Some(start), Some(end)) => u64::try_from(end - start).unwrap_or(0),
                _ => return Err(unfit()),
            };
            let mut shown = span(media.offsets, row).map(|medium| self.medium(&media, medium));
            let text = bytes.div_ceil(self.estimate.bytes.into());
            let tokens = shown.try_fold(text, |tokens, shown| Some(tokens.saturating_add(shown?)));
            all.push(tokens.map(|tokens| u32::try_from(tokens).unwrap_or(u32::MAX)));
        }
        Ok(all)
    }

    fn medium(&self, media: &Media<'_>, medium: usize) -> Option<u64> {
        let number = |values: &dyn Array| {
            let values = values.as_primitive_opt::<Float64Type>()?;
            (medium < values.len() && values.is_valid(medium)).then(|| values.value(medium))
        };
        let mut tokens = 0u64;
        for reference in media.refs(medium) {
            if self.is_lost(reference) {
                return None;
            }
            tokens = tokens.saturating_add(match self.videos.get(&reference) {
                None => u64::from(self.frame(reference)),
                Some(video) => {
                    let start = number(media.start).unwrap_or(0.0);
                    let end = number(media.end).unwrap_or(video.seconds.max(start));
                    let fps = number(media.fps).filter(|fps| *fps > 0.0).unwrap_or(self.estimate.fps);
                    self.estimate.video(video.picture, (end - start).max(0.0), fps)
                }
            });
        }
        Some(tokens)
    }

    /// Whether the size of a frame or video is damaged.
    fn is_lost(&self, reference: i64) -> bool {
        let within = |(first, last): &(Address, Address)| (first.get()..=last.get()).contains(&reference);
        self.lost.iter().any(within)
    }

    fn frame(&self, reference: i64) -> u32 {
        let known = Address::new(reference).ok().and_then(|address| {
            self.frames.get(&address.fragment()).and_then(|rows| rows.get(address.row() as usize)).copied()
        });
        known.filter(|tokens| *tokens > 0).unwrap_or_else(|| self.estimate.picture(None, None))
    }
}

/// The media of the conversations of a batch.
pub(super) struct Media<'a> {
    pub offsets: &'a [i32],
    ref_offsets: &'a [i32],
    addresses: &'a [i64],
    start: &'a dyn Array,
    end: &'a dyn Array,
    fps: &'a dyn Array,
}

impl<'a> Media<'a> {
    pub fn of(batch: &'a RecordBatch, column: usize) -> Result<Self> {
        let media = batch.column(column).as_list_opt::<i32>().ok_or_else(unfit)?;
        let items = media.values().as_ref();
        let refs = part(items, "refs")?.as_list_opt::<i32>().ok_or_else(unfit)?;
        Ok(Self {
            offsets: media.value_offsets(),
            ref_offsets: refs.value_offsets(),
            addresses: refs.values().as_primitive_opt::<Int64Type>().ok_or_else(unfit)?.values(),
            start: part(items, "start")?,
            end: part(items, "end")?,
            fps: part(items, "fps")?,
        })
    }

    /// What a medium shows.
    fn refs(&self, medium: usize) -> impl Iterator<Item = i64> + 'a {
        self.addresses.get(span(self.ref_offsets, medium)).unwrap_or_default().iter().copied()
    }

    /// How many pictures and videos each conversation shows.
    pub fn pictures(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.offsets.len().saturating_sub(1)).map(|row| {
            let media = span(self.offsets, row);
            let border = |medium: usize| self.ref_offsets.get(medium).map_or(0, |offset| *offset);
            u32::try_from(border(media.end) - border(media.start)).unwrap_or(0)
        })
    }
}

/// The items of a list.
fn span(offsets: &[i32], row: usize) -> Range<usize> {
    let border = |row: usize| offsets.get(row).and_then(|offset| usize::try_from(*offset).ok()).unwrap_or(0);
    border(row)..border(row + 1)
}

fn part<'a>(items: &'a dyn Array, name: &str) -> Result<&'a dyn Array> {
    let items: &StructArray = items.as_struct_opt().ok_or_else(unfit)?;
    items.column_by_name(name).map(|part| part.as_ref()).ok_or_else(unfit)
}

fn numbers(batch: &RecordBatch, column: usize) -> Result<&Int32Array> {
    batch.column(column).as_primitive_opt::<Int32Type>().ok_or_else(unfit)
}

fn value(array: &Int32Array, row: usize) -> Option<i32> {
    array.is_valid(row).then(|| array.value(row))
}

pub(super) fn unfit() -> Error {
    Error::corrupt("a column does not have the type that the schema gives it")
}

/// Estimates the tokens of all conversations and says them in a column, in a new version. Returns it, with how many
/// conversations there are and how many tokens they take together. `each` is called with how many were read.
///
/// # Errors
/// `Exists` when there is such a column and `replace` is false; `Invalid` when the column has another type than `int32`;
/// what `each` returns; `Conflict`, `Storage`, `Corrupt`, `Io`.
pub fn write_token_estimate(
    dataset: &Dataset,
    column: &str,
    estimate: Estimate,
    replace: bool,
    mut each: impl FnMut(u64) -> Result<()>,
) -> Result<(Dataset, u64, u64)> {
    let table = Table::Conversations;
    if !replace && dataset.schema(table).field_with_name(column).is_ok() {
        return Err(Error::exists(format!(
            "{table} has a column `{column}`: replace its values, or give another name"
        )));
    }
    let estimator = Estimator::new(dataset, estimate, false)?;
    let (mut addresses, mut values, mut sum) = (Vec::new(), Vec::new(), 0);
    for piece in dataset.scan(table).columns(COLUMNS)?.batches() {
        let piece = piece?;
        for (row, tokens) in estimator.tokens(&piece.batch, 0)?.into_iter().enumerate() {
            let tokens = i32::try_from(tokens.ok_or_else(unfit)?).unwrap_or(i32::MAX);
            sum += u64::from(tokens.unsigned_abs());
            values.push(tokens);
            addresses.push(piece.address(row)?);
        }
        each(addresses.len() as u64)?;
    }
    let rows = addresses.len() as u64;
    let ty = Column::new(column, ColumnType::Int(32), true);
    let update = CellUpdate::new(table, ty, addresses, Arc::new(Int32Array::from(values)));
    let mut appender: Appender = dataset.append()?;
    appender.update(update)?;
    let operation = crate::format::manifest::Operation::new("column")
        .with("table", table.name())
        .with("columns", column)
        .with("rows", rows)
        .with("estimate", format!("bytes / {}, {} px × {}", estimate.bytes, estimate.patch, estimate.merge));
    Ok((appender.commit(operation)?, rows, sum))
}
