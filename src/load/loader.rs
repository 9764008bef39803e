//! The loader: the plans of steps, the batches of epochs, and where a run stands.

use super::batch::{Assembler, BadSample, Batch};
use super::builder::OnDamage;
use super::fingerprint::Fingerprint;
use super::groups::{self, GroupSelection};
use super::order::{Cursor, Order};
use super::plan::{Plan, Slot};
use super::shard::{Shard, Steps};
use super::state::{Mark, State};
use crate::dataset::{Dataset, versions};
use crate::error::{Error, Result};
use crate::format::Address;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A training loader: see [`Dataset::loader`]. Cheap to clone, and to share between threads and processes.
#[derive(Clone)]
pub struct Loader(Arc<Inner>);

struct Inner {
    parts: Parts,
    substituted: AtomicU64,
}

/// What a loader is made of.
pub(super) struct Parts {
    pub assembler: Assembler,
    pub groups: Vec<GroupSelection>,
    pub order: Order,
    pub shard: Shard,
    pub steps: Steps,
    pub on_damage: OnDamage,
    pub fingerprint: Fingerprint,
    pub start: Mark,
}

impl Loader {
    pub(super) fn new(parts: Parts) -> Self {
        Self(Arc::new(Inner { parts, substituted: AtomicU64::new(0) }))
    }

    fn parts(&self) -> &Parts {
        &self.0.parts
    }

    /// The dataset, at the version that batches are read from.
    pub fn dataset(&self) -> &Dataset {
        self.parts().assembler.dataset()
    }

    /// What is drawn from: one group under the name `all`, or those of a mixture.
    pub fn groups(&self) -> &[GroupSelection] {
        &self.parts().groups
    }

    /// Which sample comes at which position.
    pub fn order(&self) -> &Order {
        &self.parts().order
    }

    /// How many batches an epoch has: the same on every rank.
    pub fn steps(&self, _epoch: u64) -> u64 {
        self.parts().steps.len()
    }

    /// The seed for what is random about the sample at a position, such as its augmentation: with it that resumes, too.
    pub fn sample_seed(&self, epoch: u64, position: u64) -> u64 {
        self.parts().order.sample_seed(epoch, position)
    }

    /// What the run is: see [`Fingerprint`].
    pub fn fingerprint(&self) -> Fingerprint {
        self.parts().fingerprint
    }

    /// How many samples of the batches that were delivered stand for others that could not be had.
    pub fn substituted(&self) -> u64 {
        self.0.substituted.load(Ordering::Relaxed)
    }

    /// The tags of the version that batches are read from. A version without one is not kept for ever: tag it when a long run
    /// begins.
    ///
    /// # Errors
    /// As [`Dataset::open`].
    pub fn tags(&self) -> Result<Vec<String>> {
        let tags = versions::newest(self.dataset().path())?.tags.into_iter();
        Ok(tags.filter(|(_, version)| *version == self.dataset().version()).map(|(tag, _)| tag).collect())
    }

    /// Writes what is drawn from to a new folder: with it, [`LoaderBuilder::saved_groups`] goes on with the very same
    /// samples, also when rows were erased since.
    ///
    /// [`LoaderBuilder::saved_groups`]: super::LoaderBuilder::saved_groups
    ///
    /// # Errors
    /// `Exists` when there is such a folder; `Io`.
    pub fn save_groups(&self, dir: impl AsRef<Path>) -> Result<()> {
        groups::save(self.groups(), dir.as_ref())
    }

    /// The batches from the beginning, or from the state that the loader was built to resume, to the end of that epoch.
    pub fn start(&self) -> Batches {
        self.from(self.parts().start)
    }

    /// The batches of an epoch.
    pub fn epoch(&self, epoch: u64) -> Batches {
        self.from(Mark::epoch(epoch))
    }

    /// The batches from a state on, to the end of its epoch. It costs the same wherever the state stands.
    ///
    /// # Errors
    /// `Invalid` when the state is another run's, with what differs, or names another version of the dataset than the one
    /// that is open.
    pub fn resume(&self, state: &State) -> Result<Batches> {
        self.parts().fingerprint.check(&state.fingerprint)?;
        if state.version != self.dataset().version() {
            return Err(Error::invalid(format!(
                "the state was taken on version {} of the dataset, and version {} is open: build the loader with \
                 `resume`, or open that version",
                state.version,
                self.dataset().version()
            )));
        }
        Ok(self.from(state.mark))
    }

    fn from(&self, mark: Mark) -> Batches {
        Batches { loader: self.clone(), plans: self.plans(mark), mark, failed: false }
    }

    /// The plans from a mark on, to the end of its epoch: what a process that reads no data hands out to those that do.
    pub fn plans(&self, from: Mark) -> Plans {
        Plans { cursor: self.parts().order.cursor(), loader: self.clone(), mark: from }
    }

    /// Reads what a plan names.
    ///
    /// # Errors
    /// `Deleted`, `NotInVersion`, `Corrupt`, `Purged`, `LinkBroken`, with the sample's position and address.
    pub fn assemble(&self, plan: Plan) -> Result<Batch> {
        let epoch = plan.epoch;
        self.parts().assembler.assemble_with(plan, |bad| self.instead(epoch, bad))
    }

    /// The slot that takes the place of one that cannot be had.
    fn instead(&self, epoch: u64, bad: BadSample<'_>) -> Result<Slot> {
        if self.parts().on_damage == OnDamage::Error {
            return Err(bad.into_error());
        }
        match self.parts().order.substitute(epoch, bad.slot.position, bad.attempt.into()) {
            Ok(place) => {
                let address = self.address(place.group, place.index)?;
                Ok(Slot { address, substituted: true, ..*bad.slot })
            }
            Err(exhausted) => Err(Error::new(bad.error.kind(), exhausted.message()).caused_by(bad.into_error())),
        }
    }

    fn address(&self, group: u32, index: u64) -> Result<Address> {
        let group = self.parts().groups.get(group as usize);
        let address = group.and_then(|group| group.selection.get(index));
        address.ok_or_else(|| Error::invalid(format!("a group has no sample {index}")))
    }
}

impl std::fmt::Debug for Loader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Parts { shard, steps, .. } = self.parts();
        write!(f, "Loader({} steps of {}, {shard:?})", steps.len(), steps.batch())
    }
}

/// The plans of an epoch's steps on this rank, one after the other: no data is read for them.
#[derive(Clone, Debug)]
pub struct Plans {
    loader: Loader,
    cursor: Cursor,
    mark: Mark,
}

impl Plans {
    fn plan(&mut self) -> Result<Plan> {
        let parts = &self.loader.0.parts;
        let Mark { epoch, step, .. } = self.mark;
        let share = parts.steps.share(step, parts.shard)?;
        let mut slots = Vec::with_capacity(share.len());
        for item in share {
            let place = self.cursor.at(epoch, item.item)?;
            let address = self.loader.address(place.group, place.index)?;
            let (position, group) = (item.item, place.group);
            slots.push(Slot { position, group, address, valid: item.valid, substituted: false });
        }
        Ok(Plan { epoch, step, slots, bins: None })
    }
}

impl Iterator for Plans {
    type Item = Result<Plan>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.mark.step >= self.loader.steps(self.mark.epoch) {
            return None;
        }
        let plan = self.plan();
        self.mark = self.mark.after();
        Some(plan)
    }
}

/// The batches of an epoch on this rank, in order.
///
/// After an error it ends; its [`state`](Batches::state) then stands at the step that failed.
pub struct Batches {
    loader: Loader,
    plans: Plans,
    mark: Mark,
    failed: bool,
}

impl Batches {
    /// Where the run stands: the step after the last batch that was delivered, or the next epoch's first.
    pub fn state(&self) -> State {
        let parts = self.loader.parts();
        let mark = match self.mark.step >= self.loader.steps(self.mark.epoch) {
            true => Mark::epoch(self.mark.epoch + 1),
            false => self.mark,
        };
        State { version: self.loader.dataset().version(), fingerprint: parts.fingerprint, mark }
    }

    /// The epoch.
    pub fn epoch(&self) -> u64 {
        self.mark.epoch
    }
}

impl Iterator for Batches {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let batch = self.plans.next()?.and_then(|plan| self.loader.assemble(plan));
        match &batch {
            Ok(batch) => {
                self.mark = self.mark.after();
                let substituted = batch.plan.slots.iter().filter(|slot| slot.substituted).count() as u64;
                self.loader.0.substituted.fetch_add(substituted, Ordering::Relaxed);
            }
            Err(_) => self.failed = true,
        }
        Some(batch)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.loader.steps(self.mark.epoch).saturating_sub(self.mark.step);
        let left = if self.failed { 0 } else { usize::try_from(left).unwrap_or(usize::MAX) };
        (left, Some(left))
    }
}
