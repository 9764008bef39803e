//! A weighted mixture of groups: which group the next sample is from, by arithmetic.
//!
//! Positions are dealt out in blocks. A block has so many slots for each group that proportions, counted from the start
//! of the run, are never off by a whole sample at a block's end; a permutation of its own says in which order the slots come.
//! Nothing is counted along the way, so any position costs the same.

use super::keys::Keys;
use super::permutation::Permutation;
use crate::error::{Error, Result};
use std::collections::HashSet;
use std::num::NonZeroU64;
use std::ops::Range;

/// The fewest positions of a block.
const BLOCK_MIN: u64 = 1024;

/// The most positions of a block: weights that are further apart would need a larger one.
const BLOCK_MAX: u64 = 1 << 26;

/// Positions are counted from the run's start below this.
const POSITIONS_MAX: u64 = 1 << 63;

/// A group of a mixture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its name, which its order follows from: no two groups have the same.
    pub name: String,
    /// How often it is drawn from, relative to the other groups; at least 1.
    pub weight: u64,
    /// How many samples it has.
    pub len: u64,
}

/// How long an epoch of a mixture is. All epochs of a run are as long as each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EpochLength {
    /// So many samples, rounded up to whole global batches.
    Samples(u64),
    /// Until one of the groups is through, counted from the run's start.
    UntilAny,
    /// Until all of the groups are through, counted from the run's start.
    UntilAll,
}

/// Which sample of its group comes at a position: the `count`-th that was drawn from it since the run's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Draw {
    pub group: usize,
    pub count: u64,
}

/// A group's slots in a block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slots {
    first: u64,
    /// How many samples it has given in the blocks before.
    given: u64,
}

impl Slots {
    /// What the slot of the block with this table draws.
    pub fn draw(table: &[Self], slot: u64) -> Draw {
        let group = table.partition_point(|slots| slots.first <= slot).saturating_sub(1);
        let Slots { first, given } = table[group];
        Draw { group, count: given + (slot - first) }
    }
}

/// The plan of a mixture.
#[derive(Clone, Debug)]
pub(super) struct Mixture {
    groups: Vec<Group>,
    /// One more than there are groups: where each begins among the slots.
    borders: Vec<Border>,
    /// The sum of the weights.
    total: u64,
    block: NonZeroU64,
    epoch: u64,
}

/// Where a group begins: the block's length times the weights before it over all weights, as a whole number and a
/// fraction of `total`. So A(bB), the border after b blocks, takes one division, of b times the fraction.
#[derive(Clone, Copy, Debug)]
struct Border {
    whole: u64,
    fraction: u64,
}

impl Mixture {
    pub fn new(keys: &Keys, groups: Vec<Group>, batch: u64, epoch: EpochLength) -> Result<Self> {
        let total = check(&groups, batch)?;
        let block = block_len(&groups, batch, total)?;
        let mut before = 0;
        let mut borders = vec![Border { whole: 0, fraction: 0 }];
        for group in &groups {
            before += group.weight;
            let share = u128::from(block.get()) * u128::from(before);
            let (whole, fraction) = (share / u128::from(total), share % u128::from(total));
            borders.push(Border { whole: whole as u64, fraction: fraction as u64 });
        }
        let mut mixture = Self { groups, borders, total, block, epoch: 0 };
        mixture.epoch = match epoch {
            EpochLength::Samples(samples) => rounded_up(samples, batch)?,
            EpochLength::UntilAny => mixture.until(keys, batch, 1)?,
            EpochLength::UntilAll => mixture.until(keys, batch, mixture.groups.len())?,
        };
        Ok(mixture)
    }

    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// The positions of an epoch.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The positions of a block.
    pub fn block(&self) -> NonZeroU64 {
        self.block
    }

    /// A position counted from the run's start, as a block and a place in it.
    pub fn locate(&self, epoch: u64, position: u64) -> Result<(u64, u64)> {
        let at = epoch.checked_mul(self.epoch).and_then(|start| start.checked_add(position));
        let at = at.filter(|at| *at < POSITIONS_MAX).ok_or_else(|| {
            let length = self.epoch;
            Error::invalid(format!(
                "there is no epoch {epoch}: epochs of {length} samples end where a run has {POSITIONS_MAX} of them"
            ))
        })?;
        Ok((at / self.block, at % self.block))
    }

    /// What the slot of a block draws.
    pub fn draw(&self, block: u64, slot: u64) -> Draw {
        let inner = self.borders.get(1..self.groups.len()).unwrap_or_default();
        let group = inner.partition_point(|border| self.after(*border, block).1 <= slot);
        let (start, first) = self.after(self.borders[group], block);
        let (end, _) = self.after(self.borders[group + 1], block);
        Draw { group, count: end - start + (slot - first) }
    }

    /// What [`Mixture::draw`] works out for a block, for all groups: for many positions of the same block.
    pub fn table(&self, block: u64) -> Vec<Slots> {
        let slots = |group: usize| {
            let (start, first) = self.after(self.borders[group], block);
            Slots { first, given: self.after(self.borders[group + 1], block).0 - start }
        };
        (0..self.groups.len()).map(slots).collect()
    }

    /// For a border: A(bB), the slots before it in the first b blocks, and D = A((b+1)B) − A(bB), those in block b.
    fn after(&self, border: Border, block: u64) -> (u64, u64) {
        let fractions = u128::from(block) * u128::from(border.fraction);
        // A division of 64 bits where that is enough, as it nearly always is.
        let (wholes, left) = match u64::try_from(fractions) {
            Ok(fractions) => (fractions / self.total, fractions % self.total),
            Err(_) => {
                let total = u128::from(self.total);
                ((fractions / total) as u64, (fractions % total) as u64)
            }
        };
        let carry = left >= self.total - border.fraction;
        (block * border.whole + wholes, border.whole + u64::from(carry))
    }

    /// How many samples a group has given in the first blocks.
    fn given(&self, group: usize, blocks: u64) -> u64 {
        self.after(self.borders[group + 1], blocks).0 - self.after(self.borders[group], blocks).0
    }

    /// The smallest number of whole batches, in positions, in which so many groups are through.
    fn until(&self, keys: &Keys, batch: u64, wanted: usize) -> Result<u64> {
        let through = |blocks| (0..self.groups.len()).filter(|g| self.given(*g, blocks) >= self.groups[*g].len).count();
        let (mut before, mut after) = (0, POSITIONS_MAX / self.block - 1);
        if through(after) < wanted {
            return Err(Error::invalid("a group is too large, or its weight too small, for an epoch that it ends"));
        }
        // Through after `after` blocks, not through after `before`.
        while after - before > 1 {
            let middle = before + (after - before) / 2;
            match through(middle) >= wanted {
                true => after = middle,
                false => before = middle,
            }
        }
        let order = Permutation::new(keys.slots(before), self.block);
        let table = self.table(before);
        let mut ends: Vec<_> = (0..self.groups.len())
            .filter_map(|group| {
                let first = table[group].first;
                let slots = first..table.get(group + 1).map_or(self.block.get(), |next| next.first);
                let left = self.groups[group].len.saturating_sub(self.given(group, before));
                (left <= slots.end - slots.start).then(|| places_until(&order, slots, left))
            })
            .collect();
        ends.sort_unstable();
        let places = ends.get(wanted - 1).copied().unwrap_or(self.block.get());
        rounded_up(before * self.block.get() + places, batch)
    }
}

/// How many places of a block it takes until so many of these slots came. Of the slots and the others, the fewer are looked
/// up: a group that comes once in 67 million samples costs no more than one that comes twice.
fn places_until(order: &Permutation, slots: Range<u64>, wanted: u64) -> u64 {
    if wanted == 0 {
        return 0;
    }
    let block = order.len().get();
    let few = slots.end - slots.start <= block / 2;
    let mut marked = vec![0u64; block.div_ceil(64) as usize];
    let mut mark = |slots: Range<u64>| {
        for place in slots.map(|slot| order.position(slot)) {
            marked[(place / 64) as usize] |= 1 << (place % 64);
        }
    };
    if few {
        mark(slots);
    } else {
        mark(0..slots.start);
        mark(slots.end..block);
    }
    let mut left = wanted;
    for (at, word) in marked.into_iter().enumerate() {
        let mut word = if few { word } else { !word };
        if u64::from(word.count_ones()) < left {
            left -= u64::from(word.count_ones());
            continue;
        }
        for _ in 1..left {
            word &= word - 1;
        }
        return at as u64 * 64 + u64::from(word.trailing_zeros()) + 1;
    }
    block
}

/// The sum of the weights.
fn check(groups: &[Group], batch: u64) -> Result<u64> {
    if groups.is_empty() {
        return Err(Error::invalid("a mixture needs at least one group"));
    }
    if batch == 0 {
        return Err(Error::invalid("the global batch must be at least 1"));
    }
    let mut names = HashSet::new();
    let mut total = 0u64;
    for Group { name, weight, len } in groups {
        if !names.insert(name) {
            return Err(Error::invalid(format!("two groups are called {name:?}: give each a name of its own")));
        }
        if *weight == 0 {
            return Err(Error::invalid(format!(
                "the group {name:?} has the weight 0: leave it out, or give it 1 or more"
            )));
        }
        if *len == 0 {
            return Err(Error::invalid(format!(
                "the group {name:?} is empty: leave it out, or change what it selects"
            )));
        }
        total = total
            .checked_add(*weight)
            .ok_or_else(|| Error::invalid("the weights are too large: only what they are to each other counts"))?;
    }
    Ok(total)
}

/// The smallest multiple of the batch that is long enough, and in which even the lightest group has a slot.
fn block_len(groups: &[Group], batch: u64, total: u64) -> Result<NonZeroU64> {
    let lightest = groups.iter().map(|group| group.weight).min().unwrap_or(1);
    let least = total.div_ceil(lightest).max(BLOCK_MIN);
    let block = least.div_ceil(batch).checked_mul(batch).filter(|block| *block <= BLOCK_MAX).and_then(NonZeroU64::new);
    block.ok_or_else(|| {
        Error::invalid(format!(
            "a mixture deals out positions in blocks of at most {BLOCK_MAX}, and this one would need more: \
             make the global batch of {batch} smaller, or bring the weights closer (together {total}, the least {lightest})"
        ))
    })
}

fn rounded_up(samples: u64, batch: u64) -> Result<u64> {
    if samples == 0 {
        return Err(Error::invalid("an epoch must have at least one sample"));
    }
    let rounded = samples.div_ceil(batch).checked_mul(batch).filter(|length| *length < POSITIONS_MAX);
    rounded.ok_or_else(|| Error::invalid(format!("an epoch of {samples} samples is too long")))
}
