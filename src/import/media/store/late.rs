//! What came after its row in one import: it is put into the row once that is committed.

use super::changes::Changes;
use super::extras::Extras;
use crate::error::Result;
use crate::import::media::found::Found;
use crate::import::sink::Sink;

/// Bytes of pictures and videos, and what was said of rows, that came after these.
#[derive(Default)]
pub(crate) struct Late {
    pub(super) found: Found,
    pub(super) changes: Changes,
    pub(super) extras: Extras,
}

impl Late {
    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty() && self.cells() == 0
    }

    /// How many bytes of frames and of videos there are.
    pub(crate) fn counts(&self) -> [u64; 2] {
        self.found.counts()
    }

    /// How many cells were said later.
    pub(crate) fn cells(&self) -> u64 {
        self.changes.cells() + self.extras.len() as u64
    }

    /// Writes it, as side columns.
    pub(crate) fn write(self, sink: &mut dyn Sink) -> Result<()> {
        let Self { found, mut changes, extras } = self;
        extras.write_into(&mut changes, sink.dataset())?;
        changes.write(sink)?;
        found.write(sink)
    }
}
