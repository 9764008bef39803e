//! Who takes what: the global batch is the unit, and each rank takes its part of every one.

use crate::error::{Error, Result};
use std::ops::Range;

/// The most samples of a global batch.
pub const BATCH_MAX: u64 = 1 << 20;

/// One of the processes that train together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    rank: u64,
    world: u64,
}

impl Default for Shard {
    /// A process alone.
    fn default() -> Self {
        Self { rank: 0, world: 1 }
    }
}

impl Shard {
    /// Process `rank` of `world`, counted from 0.
    ///
    /// # Errors
    /// `Invalid` when there is no such rank.
    pub fn new(rank: u64, world: u64) -> Result<Self> {
        match rank < world {
            true => Ok(Self { rank, world }),
            false if world == 0 => Err(Error::invalid("a world of 0 processes has no rank: it has at least 1")),
            false => Err(Error::invalid(format!("there is no rank {rank} in a world of {world}: they count from 0"))),
        }
    }

    /// Its number among the processes, from 0.
    pub fn rank(&self) -> u64 {
        self.rank
    }

    /// How many processes there are.
    pub fn world(&self) -> u64 {
        self.world
    }

    /// Whether a global batch can be dealt out to this world; `uneven` allows shares that differ by one.
    ///
    /// # Errors
    /// `Invalid` when it cannot, with what to change.
    pub fn check(&self, batch: u64, uneven: bool) -> Result<()> {
        if batch > BATCH_MAX {
            return Err(Error::invalid(format!("a global batch has at most {BATCH_MAX} samples, not {batch}")));
        }
        if self.world > batch {
            return Err(Error::invalid(format!(
                "a global batch of {batch} leaves some of {} processes without a sample: it must be at least {}",
                self.world, self.world
            )));
        }
        if !uneven && batch % self.world != 0 {
            let (below, above) = (batch - batch % self.world, batch.next_multiple_of(self.world));
            return Err(Error::invalid(format!(
                "a global batch of {batch} cannot be dealt out evenly to {} processes: \
                 take {below} or {above}, or allow uneven shares",
                self.world
            )));
        }
        Ok(())
    }

    /// Which places of a global batch of `batch` are this rank's.
    pub fn share(&self, batch: u64) -> Range<u64> {
        let border = |rank: u64| (u128::from(rank) * u128::from(batch) / u128::from(self.world)) as u64;
        border(self.rank)..border(self.rank + 1)
    }
}

/// What becomes of the end of an epoch that does not fill a global batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Remainder {
    /// It is left out.
    #[default]
    Drop,
    /// It is filled up from the epoch's start, with items that are marked as not valid.
    Pad,
}

impl Remainder {
    /// How many steps so many items make, in global batches of `batch`, which is at least 1.
    pub(super) fn steps(self, items: u64, batch: u64) -> u64 {
        match self {
            Self::Drop => items / batch,
            Self::Pad => items.div_ceil(batch),
        }
    }
}

/// The steps of an epoch: how many there are, and which items each has. Items are positions of the order, or bins where
/// samples are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps {
    items: u64,
    batch: u64,
    steps: u64,
}

/// One place of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// Which item stands there.
    pub item: u64,
    /// False where it only fills the batch up.
    pub valid: bool,
}

impl Steps {
    /// The steps of an epoch of so many items in global batches of `batch`.
    ///
    /// # Errors
    /// `Invalid` when there is none, with what to change.
    pub fn new(items: u64, batch: u64, remainder: Remainder) -> Result<Self> {
        if batch == 0 {
            return Err(Error::invalid("the global batch must be at least 1"));
        }
        match remainder.steps(items, batch) {
            0 if items == 0 => Err(Error::invalid("an epoch has no sample: select some")),
            0 => Err(Error::invalid(format!(
                "an epoch of {items} has no whole batch of {batch}: \
                 make the global batch smaller, or let the last batch be padded"
            ))),
            steps if steps.checked_mul(batch).is_none() => {
                Err(Error::invalid(format!("the global batch is too large: {batch}")))
            }
            steps => Ok(Self { items, batch, steps }),
        }
    }

    /// How many steps an epoch has, on every rank.
    pub fn len(&self) -> u64 {
        self.steps
    }

    /// Never: an epoch without a step cannot be made.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// The items of an epoch, without those that fill it up.
    pub fn items(&self) -> u64 {
        self.items
    }

    /// The global batch.
    pub fn batch(&self) -> u64 {
        self.batch
    }

    /// What a rank takes in a step, in order.
    ///
    /// # Errors
    /// `Invalid` when the epoch has no such step.
    pub fn share(&self, step: u64, shard: Shard) -> Result<impl ExactSizeIterator<Item = Item> + use<>> {
        if step >= self.steps {
            return Err(Error::invalid(format!("the epoch has {} steps, and no step {step}", self.steps)));
        }
        let (Range { start, end }, first, items) = (shard.share(self.batch), step * self.batch, self.items);
        // A `Range<u64>` does not know its length; a share is what a process holds in memory.
        let len = usize::try_from(end - start)
            .map_err(|_| Error::invalid(format!("the global batch is too large: {}", self.batch)))?;
        Ok((0..len).map(move |place| {
            let at = first + start + place as u64;
            Item { item: at % items, valid: at < items }
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    const WORLDS: [u64; 7] = [1, 2, 3, 4, 6, 8, 12];

    #[test]
    fn the_ranks_together_have_the_global_batch_in_order() {
        for world in WORLDS {
            for batch in world..40 {
                for items in [batch, 2 * batch, 3 * batch + 1, 4 * batch - 1] {
                    for remainder in [Remainder::Drop, Remainder::Pad] {
                        let steps = Steps::new(items, batch, remainder).unwrap();
                        let mut all = Vec::new();
                        for step in 0..steps.len() {
                            let before = all.len();
                            for rank in 0..world {
                                let share = steps.share(step, Shard::new(rank, world).unwrap()).unwrap();
                                assert!(share.len() as u64 == batch / world || share.len() as u64 == batch / world + 1);
                                all.extend(share);
                            }
                            assert_eq!((all.len() - before) as u64, batch);
                        }
                        let expected = (0..steps.len() * batch).map(|p| Item { item: p % items, valid: p < items });
                        assert!(expected.eq(all.iter().copied()), "{world} {batch} {items} {remainder:?}");
                        let left_out = items.saturating_sub(all.len() as u64);
                        assert!(left_out < batch && (remainder == Remainder::Drop || left_out == 0));
                    }
                }
            }
        }
    }

    #[test]
    fn shares_are_equal_where_the_world_divides_the_batch_and_must_be_allowed_to_differ() {
        for world in WORLDS {
            let shard = Shard::new(world - 1, world).unwrap();
            assert!(shard.check(24, false).is_ok());
            assert_eq!(shard.share(24), 24 - 24 / world..24);
            assert_eq!(shard.check(25, false).is_err(), world > 1);
            assert!(shard.check(25, true).is_ok());
        }
        let error = Shard::new(0, 6).unwrap().check(64, false).unwrap_err();
        assert!(error.message().contains("take 60 or 66, or allow uneven"), "{error}");
    }

    #[test]
    fn what_cannot_be_dealt_out_is_refused_with_what_to_change() {
        assert_eq!(Shard::new(3, 3).unwrap_err().kind(), ErrorKind::Invalid);
        assert_eq!(Shard::new(0, 0).unwrap_err().kind(), ErrorKind::Invalid);
        for uneven in [false, true] {
            let error = Shard::new(0, 9).unwrap().check(8, uneven).unwrap_err();
            assert!(error.message().contains("at least 9"), "{error}");
        }
        let error = Steps::new(63, 64, Remainder::Drop).unwrap_err();
        assert!(error.message().contains("smaller, or let the last batch be padded"), "{error}");
        assert_eq!(Steps::new(63, 64, Remainder::Pad).unwrap().len(), 1);
        assert!(Steps::new(0, 64, Remainder::Pad).is_err());
        assert!(Steps::new(1, 0, Remainder::Pad).is_err());
        assert!(Steps::new(u64::MAX, u64::MAX - 1, Remainder::Pad).is_err());
        let steps = Steps::new(u64::MAX, 1, Remainder::Drop).unwrap();
        assert!(steps.share(u64::MAX, Shard::default()).is_err());
        assert_eq!(steps.share(u64::MAX - 1, Shard::default()).unwrap().next().unwrap().item, u64::MAX - 1);
    }

    #[test]
    fn a_batch_smaller_than_half_of_its_padding_goes_round_more_than_once() {
        let steps = Steps::new(3, 8, Remainder::Pad).unwrap();
        let items: Vec<_> = steps.share(0, Shard::default()).unwrap().map(|item| item.item).collect();
        assert_eq!(items, [0, 1, 2, 0, 1, 2, 0, 1]);
    }
}
