//! Which sample comes at which position: a pure function of the seed, the epoch and the position.

use super::keys::Keys;
use super::mixture::{EpochLength, Group, Mixture, Slots};
use super::permutation::Permutation;
use crate::error::{Error, Result};
use std::num::NonZeroU64;
use std::sync::Arc;

/// How many samples are tried in place of one that cannot be had.
pub const SUBSTITUTES_MAX: u64 = 64;

/// A sample, by its group and its place in the group's selection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// Which of the groups, from 0.
    pub group: u32,
    /// Which of the group's samples, from 0, by ascending address.
    pub index: u64,
}

/// The order of a run: one after the other, shuffled, or a mixture by weights.
///
/// Nothing of it is stored but a few keys, so it is cheap to clone and to share, and any position of any epoch costs the
/// same. `spec/ORDER.md` says what it is exactly; it never changes.
///
/// ```
/// use surgdb::load::Order;
/// let order = Order::shuffled(42, &[600, 400])?;
/// assert_eq!(order.len(), 1000);
/// let (first, again) = (order.at(0, 17)?, order.clone().at(0, 17)?);
/// assert_eq!(first, again);
/// # Ok::<(), surgdb::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Order(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    keys: Keys,
    kind: Kind,
    /// How many samples the groups before each have together, and at the end how many all have.
    starts: Vec<u64>,
}

#[derive(Debug)]
enum Kind {
    Sequential,
    Shuffled,
    Mixture(Mixture),
}

impl Order {
    /// The samples of one group after the other, each by ascending address: the same in every epoch. The seed is for
    /// what else is random: substitutes and the samples' own seeds.
    ///
    /// # Errors
    /// `Invalid` when there is no sample, or too many.
    pub fn sequential(seed: u64, lens: &[u64]) -> Result<Self> {
        Self::new(seed, Kind::Sequential, lens)
    }

    /// All samples of all groups, each once an epoch, in an order that the seed and the epoch choose.
    ///
    /// # Errors
    /// `Invalid` when there is no sample, or too many.
    pub fn shuffled(seed: u64, lens: &[u64]) -> Result<Self> {
        Self::new(seed, Kind::Shuffled, lens)
    }

    /// Samples of each group in proportion to its weight, for global batches of `batch` samples. Each group is gone
    /// through in an order of its own, and again in another one when it is through.
    ///
    /// # Errors
    /// `Invalid` when a group is empty or has no weight, when two have the same name, or when the weights are too large
    /// or too far apart.
    pub fn mixture(seed: u64, groups: Vec<Group>, batch: u64, epoch: EpochLength) -> Result<Self> {
        let lens: Vec<_> = groups.iter().map(|group| group.len).collect();
        let mixture = Mixture::new(&Keys::new(seed), groups, batch, epoch)?;
        Self::new(seed, Kind::Mixture(mixture), &lens)
    }

    fn new(seed: u64, kind: Kind, lens: &[u64]) -> Result<Self> {
        if u32::try_from(lens.len()).is_err() {
            return Err(Error::invalid("there are too many groups"));
        }
        let mut starts = vec![0u64];
        for (group, len) in lens.iter().enumerate() {
            let end = starts[group].checked_add(*len).ok_or_else(|| Error::invalid("there are too many samples"))?;
            starts.push(end);
        }
        match starts.last() {
            None | Some(0) => Err(Error::invalid("no sample is selected: there is nothing to train on")),
            Some(_) => Ok(Self(Arc::new(Inner { keys: Keys::new(seed), kind, starts }))),
        }
    }

    /// How many positions an epoch has.
    pub fn len(&self) -> u64 {
        match &self.0.kind {
            Kind::Mixture(mixture) => mixture.epoch(),
            _ => self.0.samples(),
        }
    }

    /// Never: an order of nothing cannot be made.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// The groups of a mixture; none where samples have no weights.
    pub fn groups(&self) -> &[Group] {
        match &self.0.kind {
            Kind::Mixture(mixture) => mixture.groups(),
            _ => &[],
        }
    }

    /// Whether the groups have these lengths.
    pub(super) fn check_groups(&self, lens: &[u64]) -> Result<()> {
        let starts = &self.0.starts;
        let same =
            starts.len() == lens.len() + 1 && starts.windows(2).zip(lens).all(|(pair, len)| pair[1] - pair[0] == *len);
        match same {
            true => Ok(()),
            false => Err(Error::invalid("the lengths are not those of the order's groups: each sample must have one")),
        }
    }

    /// The run's keys.
    pub(super) fn keys(&self) -> &Keys {
        &self.0.keys
    }

    /// The sample at a position of an epoch. For many positions a [`cursor`](Order::cursor) is faster.
    ///
    /// # Errors
    /// `Invalid` when the epoch has no such position.
    pub fn at(&self, epoch: u64, position: u64) -> Result<Place> {
        self.cursor().at(epoch, position)
    }

    /// A reader of the order that keeps the keys of the epoch, or block and passes, that it was last asked for.
    pub fn cursor(&self) -> Cursor {
        let groups = self.groups().len();
        Cursor { order: self.clone(), shuffle: None, slots: None, passes: vec![None; groups] }
    }

    /// The sample that stands at a position in place of the one that cannot be had: of the same group. `attempt` counts
    /// from 0.
    ///
    /// # Errors
    /// `Invalid` when the epoch has no such position, or when [`SUBSTITUTES_MAX`] were tried.
    pub fn substitute(&self, epoch: u64, position: u64, attempt: u64) -> Result<Place> {
        if attempt >= SUBSTITUTES_MAX {
            return Err(Error::invalid(format!(
                "{SUBSTITUTES_MAX} samples were tried in place of the one at position {position} of epoch {epoch}, \
                 and none could be had"
            )));
        }
        let group = self.at(epoch, position)?.group;
        let starts = &self.0.starts;
        let len = starts[group as usize + 1] - starts[group as usize];
        Ok(Place { group, index: self.0.keys.substitute(epoch, position, attempt) % len })
    }

    /// The seed for what is random about the sample at a position.
    pub fn sample_seed(&self, epoch: u64, position: u64) -> u64 {
        self.0.keys.sample_seed(epoch, position)
    }
}

impl Inner {
    fn samples(&self) -> u64 {
        self.starts.last().copied().unwrap_or(0)
    }

    /// The sample that comes at this place of all groups, one after the other.
    fn place(&self, index: u64) -> Place {
        let group = match self.starts.len() {
            2 => 0,
            _ => self.starts.partition_point(|start| *start <= index) - 1,
        };
        Place { group: group as u32, index: index - self.starts[group] }
    }
}

/// Reads an order at one position after the other. Each thread has its own.
#[derive(Clone, Debug)]
pub struct Cursor {
    order: Order,
    /// The permutation of an epoch, or of a mixture's block, by its number.
    shuffle: Option<(u64, Permutation)>,
    /// The slots of a mixture's block, by its number: from the second position on that is asked for in a row.
    slots: Option<(u64, Vec<Slots>)>,
    /// The permutation of each group's pass, by its number.
    passes: Vec<Option<(u64, Permutation)>>,
}

impl Cursor {
    /// The sample at a position of an epoch.
    ///
    /// # Errors
    /// `Invalid` when the epoch has no such position.
    pub fn at(&mut self, epoch: u64, position: u64) -> Result<Place> {
        if position >= self.order.len() {
            return Err(no_position(&self.order, position));
        }
        let inner = &*self.order.0;
        let mixture = match &inner.kind {
            Kind::Sequential => return Ok(inner.place(position)),
            Kind::Shuffled => {
                let order = kept(&mut self.shuffle, epoch, || (inner.keys.epoch(epoch), inner.samples()));
                return Ok(inner.place(order.at(position)));
            }
            Kind::Mixture(mixture) => mixture,
        };
        let (block, place) = mixture.locate(epoch, position)?;
        let again = self.shuffle.as_ref().is_some_and(|(of, _)| *of == block);
        let slot = kept(&mut self.shuffle, block, || (inner.keys.slots(block), mixture.block().get())).at(place);
        if again && self.slots.as_ref().is_none_or(|(of, _)| *of != block) {
            self.slots = Some((block, mixture.table(block)));
        }
        let draw = match &self.slots {
            Some((of, table)) if *of == block => Slots::draw(table, slot),
            _ => mixture.draw(block, slot),
        };
        let group = &mixture.groups()[draw.group];
        let (pass, index) = (draw.count / group.len, draw.count % group.len);
        let order = kept(&mut self.passes[draw.group], pass, || (inner.keys.pass(&group.name, pass), group.len));
        Ok(Place { group: draw.group as u32, index: order.at(index) })
    }
}

fn no_position(order: &Order, position: u64) -> Error {
    Error::invalid(format!("an epoch has {} positions, and no position {position}", order.len()))
}

/// The permutation with this number: the one that is kept, or a new one, which is kept from then on.
fn kept(
    kept: &mut Option<(u64, Permutation)>,
    number: u64,
    make: impl FnOnce() -> (super::keys::RoundKeys, u64),
) -> &Permutation {
    if kept.as_ref().is_none_or(|(of, _)| *of != number) {
        let (keys, n) = make();
        *kept = Some((number, Permutation::new(keys, NonZeroU64::new(n).unwrap_or(NonZeroU64::MIN))));
    }
    &kept.as_ref().expect("it was set just now").1
}
