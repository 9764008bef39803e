//! The loader: what a run draws from, how many steps it has, and what stands in for a sample that cannot be had.

use super::batch::{Assembler, BadSample, Batch};
use super::batches::Batches;
use super::builder::OnDamage;
use super::fingerprint::Fingerprint;
use super::groups::{self, GroupSelection};
use super::lengths::Lengths;
use super::notice::{Notice, OnNotice};
use super::order::{Order, Place, SUBSTITUTES_MAX};
use super::packing::Packing;
use super::plan::{Plan, Slot};
use super::plans::Plans;
use super::shard::{Remainder, Shard, Steps};
use super::state::{Mark, State};
use super::window::Packer;
use super::workers::{Delivered, Pipeline, PipelineOptions, PlanIter};
use crate::dataset::{Dataset, versions};
use crate::error::{Error, ErrorKind, Result};
use crate::format::Address;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// The last epoch that a state may stand in: beyond, it is damaged.
const EPOCH_MAX: u64 = 1 << 40;

/// A training loader: see [`Dataset::loader`]. Cheap to clone, and to share between threads and processes.
#[derive(Clone)]
pub struct Loader(Arc<Inner>);

struct Inner {
    parts: Parts,
    substituted: AtomicU64,
    /// How many steps an epoch of packed samples has, of those that were counted.
    packed_steps: Mutex<BTreeMap<u64, u64>>,
}

/// What a loader is made of.
pub(super) struct Parts {
    pub assembler: Assembler,
    pub groups: Vec<GroupSelection>,
    pub order: Order,
    pub shard: Shard,
    pub remainder: Remainder,
    /// The steps where samples are not packed.
    pub steps: Steps,
    pub packer: Option<Packer>,
    pub on_damage: OnDamage,
    pub pipeline: PipelineOptions,
    pub on_notice: OnNotice,
    pub fingerprint: Fingerprint,
    pub start: Mark,
}

impl Parts {
    /// A mark that batches can begin with: the one that is given, or the next window's, where the one under way is no longer
    /// packed as it was.
    ///
    /// # Errors
    /// `Invalid` when it is none of this run's.
    pub fn checked(&self, mark: Mark) -> Result<Mark> {
        let Mark { epoch, step, window, item, packed } = mark;
        let wrong =
            |what: &str| Err(Error::invalid(format!("the state is damaged: {what}; resume from an earlier one")));
        if epoch > EPOCH_MAX || self.order.at(epoch, 0).is_err() {
            return wrong("there is no such epoch");
        }
        let Some(packer) = &self.packer else {
            return match (step <= self.steps.len(), (window, item, packed) == (step, 0, 0)) {
                (false, _) => wrong(&format!("an epoch has {} steps, and it stands at step {step}", self.steps.len())),
                (true, false) => wrong("its window is not its step, although samples are not packed"),
                (true, true) => Ok(mark),
            };
        };
        if step > self.order.len() || window > packer.windows() || item > packer.window() || (item > 0) != (packed > 0)
        {
            return wrong("it stands at no window of the epoch");
        }
        packer.resumed(mark)
    }

    /// What packs samples into bins, of which an epoch has no fixed number.
    fn bins(&self) -> Option<&Packer> {
        // By length each sample is a bin of its own.
        self.packer.as_ref().filter(|packer| matches!(packer.packing(), Packing::Bins(_)))
    }

    /// The same, and tells where the rest of a window is left out by it.
    ///
    /// # Errors
    /// As [`Parts::checked`].
    pub fn resumed(&self, mark: Mark) -> Result<Mark> {
        let checked = self.checked(mark)?;
        if let Some(packer) = self.packer.as_ref().filter(|_| checked.window != mark.window) {
            let positions = packer.range(mark.window);
            (self.on_notice)(&Notice::WindowLeft { epoch: mark.epoch, window: mark.window, positions });
        }
        Ok(checked)
    }
}

impl Loader {
    pub(super) fn new(parts: Parts) -> Self {
        Self(Arc::new(Inner { parts, substituted: AtomicU64::new(0), packed_steps: Mutex::default() }))
    }

    pub(super) fn parts(&self) -> &Parts {
        &self.0.parts
    }

    /// The dataset, at the version that batches are read from: the one that the loader was built on, or, where that one
    /// differs in tags alone from one before it that has a tag, that one.
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

    /// How many batches an epoch has: the same on every rank. All epochs have as many, and it takes no time, unless samples
    /// are packed into bins (not those batched by length): then all windows of the epoch are packed for it, once for each epoch that is asked for, by as
    /// many threads as there are workers (some 3 s of a processor for 6 million samples). Training needs it only where something
    /// else does, such as a learning rate's schedule.
    ///
    /// # Errors
    /// `Invalid` when there is no such epoch.
    pub fn steps(&self, epoch: u64) -> Result<u64> {
        self.check_epoch(epoch)?;
        let parts = self.parts();
        let Some(packer) = parts.bins() else { return Ok(parts.steps.len()) };
        // Never waited for: in a forked process nobody may ever let go of it. Who does not get it counts anew.
        let known = self.0.packed_steps.try_lock().ok().and_then(|known| known.get(&epoch).copied());
        if let Some(steps) = known {
            return Ok(steps);
        }
        let bins = packer.count(epoch, parts.pipeline.worker_count())?;
        let steps = parts.remainder.steps(bins, parts.steps.batch());
        if let Ok(mut known) = self.0.packed_steps.try_lock() {
            known.insert(epoch, steps);
        }
        Ok(steps)
    }

    /// Whether an epoch has any step: no more windows are packed than it takes to say.
    pub(super) fn has_step(&self, epoch: u64) -> Result<bool> {
        let parts = self.parts();
        match (parts.bins(), parts.remainder) {
            (Some(packer), Remainder::Drop) => packer.has_bins(epoch, parts.steps.batch()),
            // Steps without any cannot be made.
            _ => Ok(true),
        }
    }

    /// How long the samples are, where they are packed or batched by length: what the places of the [`order`](Loader::order)
    /// ask for.
    pub fn lengths(&self) -> Option<&Lengths> {
        self.parts().packer.as_ref().map(Packer::lengths)
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

    /// The tags of the version that batches are read from.
    ///
    /// # Errors
    /// As [`Dataset::open`].
    pub fn tags(&self) -> Result<Vec<String>> {
        let tags = versions::newest(self.dataset().path())?.tags.into_iter();
        Ok(tags.filter(|(_, version)| *version == self.dataset().version()).map(|(tag, _)| tag).collect())
    }

    /// Tells what should be known before a long run.
    pub(super) fn tell(&self) {
        let Parts { assembler, shard, packer, on_notice, .. } = self.parts();
        // Where the newest version cannot be read, whoever needs it will say so.
        if shard.rank() == 0 && self.tags().is_ok_and(|tags| tags.is_empty()) {
            let dataset = assembler.dataset();
            on_notice(&Notice::Untagged { dataset: dataset.path().to_path_buf(), version: dataset.version() });
        }
        if let Some((addresses, error)) = packer.as_ref().and_then(|packer| packer.lengths().unmeasured()) {
            on_notice(&Notice::Unmeasured { samples: addresses.len() as u64, error: error.to_owned() });
        }
    }

    /// Writes what is drawn from to a new folder (on one rank alone): with it, [`LoaderBuilder::saved_groups`] goes on with the very same
    /// samples, also when rows were erased since.
    ///
    /// [`LoaderBuilder::saved_groups`]: super::LoaderBuilder::saved_groups
    ///
    /// # Errors
    /// `Exists` when there is anything in the folder; `Io`. Then nothing was written or changed.
    pub fn save_groups(&self, dir: impl AsRef<Path>) -> Result<()> {
        groups::save(self.groups(), !self.order().groups().is_empty(), dir.as_ref())
    }

    /// The batches from the beginning, or from the state that the loader was built to resume, to the end of that epoch.
    pub fn start(&self) -> Batches {
        self.from(self.parts().start)
    }

    /// The batches of an epoch; of one that no run comes to, an error (`Invalid`) is the only one.
    pub fn epoch(&self, epoch: u64) -> Batches {
        self.from(Mark::epoch(epoch))
    }

    /// The batches from a state on, to the end of its epoch. It costs the same wherever the state stands.
    ///
    /// # Errors
    /// `Invalid` when the state is another run's, with what differs, or names another version of the dataset than the one
    /// that is open.
    pub fn resume(&self, state: &State) -> Result<Batches> {
        self.parts().fingerprint.check("state", &state.fingerprint)?;
        if state.version != self.dataset().version() {
            return Err(Error::invalid(format!(
                "the state was taken on version {} of the dataset, and version {} is open: build the loader with \
                 `resume`, or open that version",
                state.version,
                self.dataset().version()
            )));
        }
        Ok(self.from(self.parts().resumed(state.mark)?))
    }

    /// Refuses an epoch that no state could stand in.
    pub(super) fn check_epoch(&self, epoch: u64) -> Result<()> {
        if epoch > EPOCH_MAX {
            return Err(Error::invalid(format!("there is no epoch {epoch}: a run has at most {EPOCH_MAX} epochs")));
        }
        self.order().at(epoch, 0).map(drop)
    }

    fn from(&self, mark: Mark) -> Batches {
        Batches::new(self, mark)
    }

    /// The plans of an epoch: what a process that reads no data hands out to those that do.
    pub fn plans(&self, epoch: u64) -> Plans {
        Plans::new(self, Mark::epoch(epoch))
    }

    /// The plans from a state on, to the end of its epoch.
    ///
    /// # Errors
    /// As [`Loader::resume`].
    pub fn plans_from(&self, state: &State) -> Result<Plans> {
        Ok(Plans::new(self, self.resume(state)?.state().mark))
    }

    /// Reads what a plan of this run names: in any process that has built the loader alike, on whatever rank.
    ///
    /// # Errors
    /// `Invalid` when the plan is another run's, with what differs, or another version's; `Deleted`, `NotInVersion`,
    /// `Corrupt`, `Purged`, `LinkBroken`, with the sample's position and address.
    pub fn assemble(&self, plan: Plan) -> Result<Batch> {
        self.parts().fingerprint.check("plan", &plan.fingerprint)?;
        if plan.version != self.dataset().version() {
            return Err(Error::invalid(format!(
                "the plan was made on version {} of the dataset, and version {} is open: open that version",
                plan.version,
                self.dataset().version()
            )));
        }
        let epoch = plan.epoch;
        let batch = self.parts().assembler.assemble_with(plan, |bad| self.instead(epoch, bad))?;
        self.count_substitutes(&batch.plan);
        Ok(batch)
    }

    /// The threads that read the batches from a mark on.
    pub(super) fn pipeline(&self, from: Mark) -> Pipeline {
        let (plans, bad) = (self.clone(), self.clone());
        let plans = move |delivered: Delivered| {
            let (before, mark) = delivered.reached.unwrap_or((0, from));
            let failed = delivered.batches - before;
            match plans.parts().packer {
                _ if mark.epoch != from.epoch => Box::new(std::iter::empty()) as PlanIter,
                None => Box::new(Plans::new(&plans, mark.after(failed))),
                Some(_) => Box::new(Plans::new(&plans, mark).skip(usize::try_from(failed).unwrap_or(usize::MAX))),
            }
        };
        let on_bad = move |sample: BadSample<'_>| bad.instead(from.epoch, sample);
        Pipeline::new(self.parts().assembler.clone(), plans, on_bad, self.pipeline_options())
    }

    /// The options, with somebody who hears of stalls.
    fn pipeline_options(&self) -> PipelineOptions {
        let (options, on_notice) = (self.parts().pipeline.clone(), self.parts().on_notice.clone());
        if options.on_stall.is_some() {
            return options;
        }
        let told = AtomicBool::new(false);
        options.on_stall(move |stall| {
            if !told.swap(true, Ordering::Relaxed) {
                on_notice(&Notice::Stalled(stall.clone()));
            }
        })
    }

    pub(super) fn count_substitutes(&self, plan: &Plan) {
        let substituted = plan.slots.iter().filter(|slot| slot.substituted).count() as u64;
        self.0.substituted.fetch_add(substituted, Ordering::Relaxed);
    }

    /// The slot that takes the place of one that cannot be had.
    fn instead(&self, epoch: u64, bad: BadSample<'_>) -> Result<Slot> {
        // What concerns the machine and not the sample is no reason for another one: the next try may read it, and which
        // samples come would depend on the weather.
        let is_the_samples = matches!(
            bad.error.kind(),
            ErrorKind::Deleted | ErrorKind::NotInVersion | ErrorKind::Corrupt | ErrorKind::LinkBroken
        );
        if self.parts().on_damage == OnDamage::Error || !is_the_samples {
            return Err(bad.into_error());
        }
        match self.candidate(epoch, bad.slot.position, bad.attempt.into())? {
            Some((place, fits)) => {
                let valid = bad.slot.valid && fits;
                Ok(Slot { address: self.address(place)?, valid, substituted: true, ..*bad.slot })
            }
            None => Err(bad.into_last_error()),
        }
    }

    /// The `attempt`-th sample that may stand at a position, and whether it counts.
    fn candidate(&self, epoch: u64, position: u64, attempt: u64) -> Result<Option<(Place, bool)>> {
        let Parts { packer, order, .. } = self.parts();
        match packer {
            Some(packer) => {
                let mut candidates = packer.substitutes(epoch, position)?.into_iter();
                Ok(candidates.nth(usize::try_from(attempt).unwrap_or(usize::MAX)))
            }
            None if attempt < SUBSTITUTES_MAX => Ok(Some((order.substitute(epoch, position, attempt)?, true))),
            None => Ok(None),
        }
    }

    pub(super) fn address(&self, place: Place) -> Result<Address> {
        let group = self.parts().groups.get(place.group as usize);
        let address = group.and_then(|group| group.selection.get(place.index));
        address.ok_or_else(|| Error::invalid(format!("a group has no sample {}", place.index)))
    }
}

impl std::fmt::Debug for Loader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Parts { order, shard, steps, .. } = self.parts();
        write!(f, "Loader({} samples in batches of {}, {shard:?})", order.len(), steps.batch())
    }
}
