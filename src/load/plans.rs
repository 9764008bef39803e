//! The plans of an epoch's steps on one rank, without a look at the data.

use super::loader::Loader;
use super::order::Cursor;
use super::plan::{Plan, Slot};
use super::shard::Steps;
use super::state::Mark;
use super::window::{Bin, BinPlace, BinReader, StepBins};
use crate::error::Result;

/// The plans of an epoch's steps on this rank, one after the other: no data is read for them.
#[derive(Debug)]
pub struct Plans {
    loader: Loader,
    cursor: Cursor,
    mark: Mark,
    deal: Deal,
}

/// How samples are dealt out.
#[derive(Debug)]
enum Deal {
    /// Each by itself.
    Samples(Steps),
    /// Packed.
    Bins {
        reader: Box<BinReader>,
        /// The step that comes next: whether there is one is known by reading it alone.
        ahead: Option<StepBins>,
    },
    /// What comes next cannot be packed, or there is nothing more.
    Ended,
}

impl Plans {
    pub(super) fn new(loader: &Loader, mark: Mark) -> Self {
        let parts = loader.parts();
        let deal = match &parts.packer {
            None => Deal::Samples(parts.steps),
            Some(packer) => Deal::Bins { reader: Box::new(packer.reader()), ahead: None },
        };
        Self { loader: loader.clone(), cursor: parts.order.cursor(), mark, deal }
    }

    /// The mark of the next plan's step.
    pub fn mark(&self) -> Mark {
        self.mark
    }

    /// The first plan of an epoch that no run comes to is an error.
    fn check_epoch(&self) -> Result<()> {
        match self.mark.step {
            0 => self.loader.check_epoch(self.mark.epoch),
            _ => Ok(()),
        }
    }

    fn samples(&mut self, steps: Steps) -> Result<Option<Plan>> {
        let Mark { epoch, step, .. } = self.mark;
        if step >= steps.len() {
            return Ok(None);
        }
        let share = steps.share(step, self.loader.parts().shard)?;
        let mut slots = Vec::with_capacity(share.len());
        for item in share {
            slots.push(self.slot(item.item, item.valid)?);
        }
        let next = match step.saturating_add(1) == steps.len() {
            true => Mark::epoch(epoch.saturating_add(1)),
            false => self.mark.after(1),
        };
        Ok(Some(self.plan(slots, None, next)))
    }

    fn packed(&mut self, reader: &mut BinReader, ahead: &mut Option<StepBins>) -> Result<Option<Plan>> {
        let Mark { epoch, step, window, item, .. } = self.mark;
        let (shard, remainder) = (self.loader.parts().shard, self.loader.parts().remainder);
        let bins = match ahead.take() {
            Some(bins) => bins,
            None => match reader.step(epoch, BinPlace { window, item }, shard, remainder)? {
                Some(bins) => bins,
                None => return Ok(None),
            },
        };
        let (mut slots, mut borders) = (Vec::new(), vec![0]);
        for Bin { positions, valid } in bins.bins {
            for position in positions {
                slots.push(self.slot(position, valid)?);
            }
            borders.push(slots.len() as u32);
        }
        let BinPlace { window, item } = bins.next;
        // Asked for before the next step is read, while the window is at hand.
        let packed = if item > 0 { reader.crc32(epoch, window)? } else { 0 };
        *ahead = reader.step(epoch, bins.next, shard, remainder)?;
        let next = match ahead {
            Some(_) => Mark { epoch, step: step.saturating_add(1), window, item, packed },
            None => Mark::epoch(epoch.saturating_add(1)),
        };
        Ok(Some(self.plan(slots, Some(borders), next)))
    }

    /// The plan of the step that is next.
    fn plan(&self, slots: Vec<Slot>, bins: Option<Vec<u32>>, next: Mark) -> Plan {
        let (version, fingerprint) = (self.loader.dataset().version(), self.loader.fingerprint());
        let Mark { epoch, step, .. } = self.mark;
        Plan { version, fingerprint, epoch, step, slots, bins, next }
    }

    fn slot(&mut self, position: u64, valid: bool) -> Result<Slot> {
        let place = self.cursor.at(self.mark.epoch, position)?;
        let address = self.loader.address(place)?;
        Ok(Slot { position, group: place.group, address, valid, substituted: false })
    }
}

impl Iterator for Plans {
    type Item = Result<Plan>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut deal = std::mem::replace(&mut self.deal, Deal::Ended);
        let plan = match &mut deal {
            Deal::Samples(steps) => self.check_epoch().and_then(|()| self.samples(*steps)),
            Deal::Bins { reader, ahead } => self.check_epoch().and_then(|()| self.packed(reader, ahead)),
            Deal::Ended => Ok(None),
        };
        if let Ok(Some(plan)) = &plan {
            // At the end of an epoch there is nothing more, also of the last one that can be counted.
            if plan.next.step > plan.step {
                self.deal = deal;
            }
            self.mark = plan.next;
        }
        plan.transpose()
    }
}
