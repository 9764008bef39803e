//! The batches of an epoch on one rank, and where the run stands after each.

use super::batch::Batch;
use super::loader::Loader;
use super::state::{Mark, State};
use super::workers::{Pipeline, PipelineStats};
use crate::error::Result;

/// The batches of an epoch on this rank, in order.
///
/// After an error it ends; its [`state`](Batches::state) then stands at the step that failed. Where it is dropped before
/// the epoch's end its threads end with it.
pub struct Batches {
    loader: Loader,
    pipeline: Pipeline,
    epoch: u64,
    mark: Mark,
    ended: bool,
}

impl Batches {
    pub(super) fn new(loader: &Loader, mark: Mark) -> Self {
        Self { loader: loader.clone(), pipeline: loader.pipeline(mark), epoch: mark.epoch, mark, ended: false }
    }

    /// Where the run stands: at the step after the last batch that was delivered, or at the next epoch's first.
    pub fn state(&self) -> State {
        let version = self.loader.dataset().version();
        State { version, fingerprint: self.loader.fingerprint(), mark: self.mark }
    }

    /// Goes on with the batches of the epoch that comes next; what is left of this one is not delivered.
    pub fn next_epoch(&mut self) {
        let epoch = match self.mark.epoch {
            epoch if epoch > self.epoch => epoch,
            epoch => epoch.saturating_add(1),
        };
        *self = Self::new(&self.loader, Mark::epoch(epoch));
    }

    /// What the threads have done so far.
    pub fn stats(&self) -> PipelineStats {
        self.pipeline.stats()
    }
}

impl Iterator for Batches {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let batch = self.pipeline.next();
        match &batch {
            Some(Ok(batch)) => {
                self.ended = batch.plan.next.epoch != self.epoch;
                self.mark = batch.plan.next;
                self.loader.count_substitutes(&batch.plan);
            }
            Some(Err(_)) => self.ended = true,
            // A state that stood behind an epoch's last step.
            None => {
                self.ended = true;
                self.mark = Mark::epoch(self.mark.epoch.saturating_add(1));
            }
        }
        batch
    }
}

impl std::fmt::Debug for Batches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Batches({:?} of {:?})", self.mark, self.loader)
    }
}
