//! Windows of an epoch, and the stream of bins that they make: packed samples, dealt out to ranks.

use super::lengths::Lengths;
use super::order::{Cursor, Order, Place, SUBSTITUTES_MAX};
use super::packing::{Bins, Length, Packing, WINDOW_MAX};
use super::shard::{Remainder, Shard};
use super::state::Mark;
use crate::error::{Error, Result};
use std::num::NonZeroU64;
use std::ops::Range;
use std::sync::Arc;

/// Packs the windows of a run. It is shared between threads; each reads with a [`BinReader`] of its own.
#[derive(Clone, Debug)]
pub struct Packer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    order: Order,
    lengths: Lengths,
    packing: Packing,
    window: NonZeroU64,
    batch: NonZeroU64,
}

/// A place in an epoch's stream of bins: the bins of window 0, then those of window 1, and so on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BinPlace {
    /// The window.
    pub window: u64,
    /// Which of its bins.
    pub item: u64,
}

/// A rank's share of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepBins {
    /// Its bins, in order.
    pub bins: Vec<Bin>,
    /// Where the next step begins.
    pub next: BinPlace,
}

/// Samples that are joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bin {
    /// Their positions in the epoch, ascending.
    pub positions: Vec<u64>,
    /// False where the bin only fills the batch up.
    pub valid: bool,
}

impl Packer {
    /// Packs windows of `window` positions of an order, whose samples have these lengths, for global batches of `batch`
    /// bins.
    ///
    /// # Errors
    /// `Invalid` when the window is no multiple of the batch or too large, when the budget is none, or when lengths are
    /// missing.
    pub fn new(order: Order, lengths: Lengths, packing: Packing, window: u64, batch: u64) -> Result<Self> {
        let Some(batch) = NonZeroU64::new(batch) else {
            return Err(Error::invalid("the global batch must be at least 1"));
        };
        if batch.get() > WINDOW_MAX {
            return Err(Error::invalid(format!(
                "a window is at most {WINDOW_MAX} positions and a whole number of global batches, so one of {batch} is too \
                 large: make it smaller"
            )));
        }
        let fits = NonZeroU64::new(window).filter(|window| window.get() % batch == 0 && window.get() <= WINDOW_MAX);
        let Some(window) = fits else {
            let most = WINDOW_MAX - WINDOW_MAX % batch;
            return Err(Error::invalid(format!(
                "a window of {window} positions must be a multiple of the global batch of {batch}, and at most \
                 {WINDOW_MAX}: take {}",
                (window - window % batch).clamp(batch.get(), most)
            )));
        };
        if let Packing::Bins(budget) = &packing {
            budget.check()?;
        }
        order.check_groups(&lengths.group_lens())?;
        Ok(Self(Arc::new(Inner { order, lengths, packing, window, batch })))
    }

    /// The order that is packed.
    pub fn order(&self) -> &Order {
        &self.0.order
    }

    /// The lengths of the samples.
    pub fn lengths(&self) -> &Lengths {
        &self.0.lengths
    }

    /// How samples are joined.
    pub fn packing(&self) -> &Packing {
        &self.0.packing
    }

    /// How many positions a window has.
    pub fn window(&self) -> u64 {
        self.0.window.get()
    }

    /// How many windows an epoch has; the last one may be short.
    pub fn windows(&self) -> u64 {
        self.0.order.len().div_ceil(self.0.window.get())
    }

    /// The positions of a window.
    pub fn range(&self, window: u64) -> Range<u64> {
        let border = |window: u64| window.saturating_mul(self.0.window.get()).min(self.0.order.len());
        border(window)..border(window.saturating_add(1))
    }

    /// The bins of a window.
    ///
    /// # Errors
    /// `Invalid` when the epoch has no such window, or a sample that is over the budget, where that is to be an error.
    pub fn bins(&self, epoch: u64, window: u64) -> Result<Bins> {
        self.pack(&mut self.0.order.cursor(), &mut Vec::new(), epoch, window)
    }

    fn pack(&self, cursor: &mut Cursor, lengths: &mut Vec<Length>, epoch: u64, window: u64) -> Result<Bins> {
        let Inner { order, lengths: known, packing, batch, .. } = &*self.0;
        if window >= self.windows() {
            return Err(Error::invalid(format!("an epoch has {} windows, and no window {window}", self.windows())));
        }
        let range = self.range(window);
        lengths.clear();
        for position in range.clone() {
            lengths.push(known.get(cursor.at(epoch, position)?));
        }
        let bins = Bins::pack(range.start, lengths, packing, *batch, order.keys().window(epoch, window));
        bins.map_err(|error| error.in_row(format!("epoch {epoch}, positions {} to {}", range.start, range.end - 1)))
    }

    /// How many bins an epoch has: one pass over the lengths, by so many threads, or as many as can be had.
    ///
    /// # Errors
    /// What [`Packer::bins`] returns.
    pub fn count(&self, epoch: u64, threads: usize) -> Result<u64> {
        let windows = self.windows();
        let part = windows.div_ceil(threads.max(1) as u64).max(1);
        let count = |first: u64| -> Result<u64> {
            let (mut cursor, mut lengths) = (self.0.order.cursor(), Vec::new());
            let mut all = first..windows.min(first.saturating_add(part));
            all.try_fold(0, |bins, window| Ok(bins + self.pack(&mut cursor, &mut lengths, epoch, window)?.len()))
        };
        let mut firsts = (0..windows).step_by(usize::try_from(part).unwrap_or(usize::MAX));
        let here = firsts.next().unwrap_or(0);
        std::thread::scope(|scope| {
            let spawn =
                |first| std::thread::Builder::new().spawn_scoped(scope, move || count(first)).map_err(|_| first);
            let others: Vec<_> = firsts.map(spawn).collect();
            let mut bins = count(here)?;
            for other in others {
                bins += match other {
                    Ok(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?,
                    // The system gives no more threads: this one does that part, too.
                    Err(first) => count(first)?,
                };
            }
            Ok(bins)
        })
    }

    /// Whether an epoch has so many bins: windows are packed until there are as many.
    ///
    /// # Errors
    /// What [`Packer::bins`] returns.
    pub fn has_bins(&self, epoch: u64, wanted: u64) -> Result<bool> {
        let (mut cursor, mut lengths, mut bins) = (self.0.order.cursor(), Vec::new(), 0);
        for window in 0..self.windows() {
            bins += self.pack(&mut cursor, &mut lengths, epoch, window)?.len();
            if bins >= wanted {
                return Ok(true);
            }
        }
        Ok(bins >= wanted)
    }

    /// Where a run goes on whose state stood at a mark: there, or at the next window, where the one under way is no longer
    /// packed as it was.
    ///
    /// # Errors
    /// `Invalid` when the epoch has no such window.
    pub fn resumed(&self, mark: Mark) -> Result<Mark> {
        if mark.item == 0 {
            return Ok(mark);
        }
        let bins = self.bins(mark.epoch, mark.window)?;
        if bins.crc32() == mark.packed {
            return match mark.item < bins.len() {
                true => Ok(mark),
                false => Err(Error::invalid(format!("a window has {} bins, and no bin {}", bins.len(), mark.item))),
            };
        }
        Ok(Mark { window: mark.window + 1, item: 0, packed: 0, ..mark })
    }

    /// What may stand at a position whose sample cannot be had, in the order in which it is tried, and whether it counts as
    /// a sample. Where bins have a budget, those come first that are no longer than the one whose place they take; then, so
    /// that the run goes on, others, which only fill the slot.
    ///
    /// # Errors
    /// `Invalid` when the epoch has no such position.
    pub fn substitutes(&self, epoch: u64, position: u64) -> Result<Vec<(Place, bool)>> {
        let Inner { order, lengths, packing, .. } = &*self.0;
        let tried = (0..SUBSTITUTES_MAX).map(|attempt| order.substitute(epoch, position, attempt));
        let Packing::Bins(budget) = packing else { return tried.map(|place| Ok((place?, true))).collect() };
        // Of pictures that have no budget a bin takes any number.
        let counted = |place| {
            let Length { tokens, pictures } = lengths.get(place);
            (tokens, budget.pictures.map_or(0, |_| pictures))
        };
        let room = counted(order.at(epoch, position)?);
        let (mut fitting, mut others) = (Vec::new(), Vec::new());
        for place in tried {
            let place = place?;
            let (tokens, pictures) = counted(place);
            let fits = tokens <= room.0 && pictures <= room.1;
            if fits { fitting.push((place, true)) } else { others.push((place, false)) }
        }
        fitting.append(&mut others);
        Ok(fitting)
    }

    /// A reader of the stream of bins.
    pub fn reader(&self) -> BinReader {
        BinReader { packer: self.clone(), cursor: self.0.order.cursor(), lengths: Vec::new(), kept: None }
    }
}

/// Reads the stream of bins step by step, from any place. It keeps the window that it read last.
#[derive(Debug)]
pub struct BinReader {
    packer: Packer,
    cursor: Cursor,
    lengths: Vec<Length>,
    kept: Option<Kept>,
}

/// The bins of a window that was read.
#[derive(Debug)]
struct Kept {
    epoch: u64,
    window: u64,
    bins: Bins,
    crc32: u32,
}

impl BinReader {
    /// The step that begins at a place: what a rank takes of it, and where the next one begins; `None` where the epoch has
    /// no step left. Nothing but the windows of the step is looked at.
    ///
    /// # Errors
    /// `Invalid` when the epoch has no such place; what [`Packer::bins`] returns.
    pub fn step(&mut self, epoch: u64, from: BinPlace, shard: Shard, remainder: Remainder) -> Result<Option<StepBins>> {
        let (batch, windows) = (self.packer.0.batch.get(), self.packer.windows());
        let share = shard.share(batch);
        let end = BinPlace { window: windows, item: 0 };
        let (mut at, mut next, mut valid, mut bins, mut done) = (from, from, true, Vec::new(), 0);
        while done < batch {
            if at == end {
                if from == end || remainder == Remainder::Drop {
                    return Ok(None);
                }
                // From the epoch's start, as often as it takes.
                (at, valid) = (BinPlace::default(), false);
            }
            let window = self.window(epoch, at.window)?;
            let Some(left) = window.len().checked_sub(at.item).filter(|left| *left > 0) else {
                return Err(Error::invalid(format!(
                    "window {} has {} bins, and no bin {}",
                    at.window,
                    window.len(),
                    at.item
                )));
            };
            let taken = left.min(batch - done);
            for place in done.max(share.start)..(done + taken).min(share.end) {
                let positions = window.positions(at.item + place - done).collect();
                bins.push(Bin { positions, valid });
            }
            done += taken;
            at = match taken == left {
                true => BinPlace { window: at.window + 1, item: 0 },
                false => BinPlace { window: at.window, item: at.item + taken },
            };
            next = if valid { at } else { end };
        }
        Ok(Some(StepBins { bins, next }))
    }

    /// A checksum over how a window is packed: see [`Bins::crc32`].
    ///
    /// # Errors
    /// What [`Packer::bins`] returns.
    pub fn crc32(&mut self, epoch: u64, window: u64) -> Result<u32> {
        Ok(self.kept(epoch, window)?.crc32)
    }

    fn window(&mut self, epoch: u64, window: u64) -> Result<&Bins> {
        Ok(&self.kept(epoch, window)?.bins)
    }

    fn kept(&mut self, epoch: u64, window: u64) -> Result<&Kept> {
        if self.kept.as_ref().is_none_or(|kept| (kept.epoch, kept.window) != (epoch, window)) {
            let bins = self.packer.pack(&mut self.cursor, &mut self.lengths, epoch, window)?;
            self.kept = Some(Kept { epoch, window, crc32: bins.crc32(), bins });
        }
        Ok(self.kept.as_ref().expect("it was set just now"))
    }
}
