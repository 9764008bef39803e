//! Samples of a window, joined: into bins under a budget, or into batches of like length.
//!
//! Both are pure functions of the window's lengths and a key, so every rank finds the same.

use super::keys::RoundKeys;
use super::openings::Openings;
use super::permutation::Permutation;
use crate::error::{Error, Result};
use std::num::NonZeroU64;

/// The most positions of a window.
pub const WINDOW_MAX: u64 = 1 << 20;
/// The largest budget of tokens.
pub const TOKENS_MAX: u32 = (1 << 24) - 1;
/// The largest budget of pictures.
pub const PICTURES_MAX: u32 = (1 << 20) - 1;

/// How long a sample is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Length {
    /// Its tokens, those of its pictures too.
    pub tokens: u32,
    /// Its pictures.
    pub pictures: u32,
}

/// What a bin may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// So many tokens.
    pub tokens: u32,
    /// So many pictures, where they are limited.
    pub pictures: Option<u32>,
    /// What becomes of a sample that is over the budget by itself.
    pub overlong: Overlong,
}

/// What becomes of a sample that no bin can hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overlong {
    /// It is an error.
    #[default]
    Error,
    /// It counts as the budget: whoever makes tensors of it cuts it off there.
    Truncate,
    /// It has a bin to itself, which is over the budget.
    Alone,
}

/// How the samples of a window are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// Into bins, the longest first, each where it leaves the least room. The global batch counts bins.
    Bins(Budget),
    /// Into global batches of samples of like length.
    ByLength,
}

impl Budget {
    /// # Errors
    /// `Invalid` when it is none, or too large.
    pub fn check(&self) -> Result<()> {
        let wrong = |what: String| Err(Error::invalid(what));
        match (self.tokens, self.pictures) {
            (0, _) => wrong("a budget of 0 tokens holds nothing".into()),
            (tokens, _) if tokens > TOKENS_MAX => wrong(format!("a budget is at most {TOKENS_MAX} tokens")),
            (_, Some(0)) => wrong("a budget of 0 pictures holds none: leave samples with pictures out instead".into()),
            (_, Some(pictures)) if pictures > PICTURES_MAX => {
                wrong(format!("a budget is at most {PICTURES_MAX} pictures"))
            }
            _ => Ok(()),
        }
    }

    /// Whether a bin can hold a sample of this length.
    pub fn fits(&self, length: Length) -> bool {
        length.tokens <= self.tokens && self.pictures.is_none_or(|most| length.pictures <= most)
    }

    /// The error about a sample that no bin can hold.
    pub(super) fn overlong(&self, length: Length) -> Error {
        let Length { tokens, pictures } = length;
        let most = self.pictures.map_or(String::new(), |most| format!(" and {most} pictures"));
        Error::invalid(format!(
            "a sample of {tokens} tokens and {pictures} pictures is over the budget of {} tokens{most}: \
             raise the budget, leave it out, or let such samples be truncated or alone in a bin",
            self.tokens
        ))
    }
}

/// The bins of a window, in the order in which they are dealt out. A bin holds positions, ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bins {
    /// The position that the window begins at.
    first: u64,
    /// What lies in the bins, one behind the other: positions, counted in the window.
    places: Vec<u32>,
    /// Where each bin begins in `places`, and where the last ends.
    starts: Vec<u32>,
}

impl Bins {
    /// The bins of the window that begins at the position `first`, whose samples have these lengths. `batch` is the global
    /// batch, which matters for batches by length alone.
    ///
    /// # Errors
    /// `Invalid` when a sample is over the budget and that is to be an error; when there are too many samples.
    pub fn pack(first: u64, lengths: &[Length], packing: &Packing, batch: NonZeroU64, keys: RoundKeys) -> Result<Self> {
        if lengths.len() as u64 > WINDOW_MAX {
            return Err(Error::invalid(format!("a window has at most {WINDOW_MAX} positions")));
        }
        let (bin_of, bins) = match packing {
            Packing::Bins(budget) => best_fit(lengths, budget)?,
            Packing::ByLength => return Ok(by_length(first, lengths, batch, keys)),
        };
        // Where each bin comes in the window: the permutation says which bin comes at a place.
        let mut comes = vec![0; bins];
        if let Some(n) = NonZeroU64::new(bins as u64) {
            let order = Permutation::new(keys, n);
            (0..bins).for_each(|place| comes[order.at(place as u64) as usize] = place);
        }
        let mut starts = vec![0u32; bins + 1];
        bin_of.iter().for_each(|bin| starts[comes[*bin as usize] + 1] += 1);
        (0..bins).for_each(|bin| starts[bin + 1] += starts[bin]);
        let (mut next, mut places) = (starts.clone(), vec![0; lengths.len()]);
        for (place, bin) in bin_of.iter().enumerate() {
            let next = &mut next[comes[*bin as usize]];
            places[*next as usize] = place as u32;
            *next += 1;
        }
        Ok(Self { first, places, starts })
    }

    /// A checksum over which sample lies in which bin, never 0: two windows with the same one were packed alike.
    pub fn crc32(&self) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        for number in self.places.iter().chain(&self.starts) {
            hasher.update(&number.to_le_bytes());
        }
        hasher.finalize().max(1)
    }

    /// How many bins there are.
    pub fn len(&self) -> u64 {
        (self.starts.len() as u64).saturating_sub(1)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The positions that a bin holds, in the epoch.
    pub fn positions(&self, bin: u64) -> impl ExactSizeIterator<Item = u64> + '_ {
        let bin = usize::try_from(bin).unwrap_or(usize::MAX);
        let border = |at: Option<usize>| at.and_then(|at| self.starts.get(at)).map_or(0, |start| *start as usize);
        let range = border(Some(bin))..border(bin.checked_add(1));
        self.places.get(range).unwrap_or_default().iter().map(|place| self.first + u64::from(*place))
    }
}

/// Which bin each sample lies in, by the order in which bins were opened, and how many there are.
fn best_fit(lengths: &[Length], budget: &Budget) -> Result<(Vec<u32>, usize)> {
    budget.check()?;
    let most = Length { tokens: budget.tokens, pictures: budget.pictures.unwrap_or(0) };
    let counted = |length: Length| Length {
        tokens: length.tokens.min(most.tokens),
        pictures: length.pictures.min(most.pictures),
    };
    // The longest first, ties by position: sorted as one number.
    let mut order: Vec<u64> = lengths
        .iter()
        .enumerate()
        .map(|(place, length)| u64::from(u32::MAX - counted(*length).tokens) << 32 | place as u64)
        .collect();
    order.sort_unstable();
    let mut openings = Openings::new(most, lengths.len() as u64);
    let mut bin_of = vec![0; lengths.len()];
    let mut bins = 0;
    for place in order.into_iter().map(|key| key as u32 as usize) {
        let length = lengths[place];
        if !budget.fits(length) && budget.overlong != Overlong::Truncate {
            if budget.overlong == Overlong::Error {
                return Err(budget.overlong(length));
            }
            bin_of[place] = bins;
            bins += 1;
            continue;
        }
        let length = counted(length);
        let (bin, room) = openings.take(length).unwrap_or_else(|| {
            bins += 1;
            (bins - 1, most)
        });
        bin_of[place] = bin;
        let left = Length { tokens: room.tokens - length.tokens, pictures: room.pictures - length.pictures };
        openings.put(bin, left);
    }
    Ok((bin_of, bins as usize))
}

/// Batches of like length: sorted and cut, the cuts in the order that the key chooses, each in the order of positions. What
/// fills no batch is the window's end, and comes last.
fn by_length(first: u64, lengths: &[Length], batch: NonZeroU64, keys: RoundKeys) -> Bins {
    let whole = lengths.len() as u64 / batch;
    let batch = batch.get() as usize;
    let sorted_len = whole as usize * batch;
    let mut sorted: Vec<u64> = lengths[..sorted_len]
        .iter()
        .enumerate()
        .map(|(place, length)| u64::from(length.tokens) << 32 | place as u64)
        .collect();
    sorted.sort_unstable();
    let mut places = Vec::with_capacity(lengths.len());
    if let Some(n) = NonZeroU64::new(whole) {
        let order = Permutation::new(keys, n);
        for place in 0..whole {
            let cut = order.at(place) as usize * batch;
            let from = places.len();
            places.extend(sorted[cut..cut + batch].iter().map(|key| *key as u32));
            places[from..].sort_unstable();
        }
    }
    places.extend(sorted_len as u32..lengths.len() as u32);
    Bins { first, places, starts: (0..=lengths.len() as u32).collect() }
}
