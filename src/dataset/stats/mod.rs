//! What is in a dataset, in numbers: one pass over each table, reading only the columns that are counted.

mod annotations;
mod groups;
mod media;
mod samples;
mod spread;

pub use annotations::{AnnotationStats, Labels};
pub use groups::{Counts, Group, NOT_SAID, OTHERS};
pub use media::{Held, MediaStats};
pub use samples::SampleStats;
pub use spread::Spread;

use crate::dataset::{Dataset, Selection};
use crate::error::{Error, Result};
use crate::format::Address;
use crate::schema::tables::Table;
use samples::Samples;

/// Rows between two reports of progress.
const PROGRESS_EVERY: u64 = 1024;

/// What is in a dataset, or in a part of it.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Stats {
    /// Its conversations.
    pub samples: SampleStats,
    /// Its pictures; of a part, those that its conversations name.
    pub frames: MediaStats,
    /// Its videos; of a part, those that its conversations name.
    pub videos: MediaStats,
    /// Its annotations; of a part, those that its conversations were made from, and all of what they show.
    pub annotations: AnnotationStats,
}

/// How far [`Dataset::stats`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatsProgress {
    /// The table whose rows are counted.
    pub table: Table,
    /// Rows looked at.
    pub rows: u64,
    /// How many there are to look at.
    pub total: u64,
}

impl Dataset {
    /// Counts what is in this version, or in selected conversations and what they show.
    ///
    /// Memory is bounded: 10,000 values of a column are told apart (see [`OTHERS`]), and which contents a group shows
    /// takes a few bits each. An empty dataset has stats too.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let dataset = surgdb::Dataset::create(dir.path().join("a.surgdb"))?;
    /// let stats = dataset.stats(None, &mut |_| Ok(()))?;
    /// for (task, group) in &stats.samples.by[0].1 {
    ///     println!("{task}: {} samples, {} bytes of text", group.samples, group.text_bytes);
    /// }
    /// # Ok::<(), surgdb::Error>(())
    /// ```
    ///
    /// # Errors
    /// `Invalid` when the selection is of another table; `Deleted` or `NotInVersion` when it names rows that are not
    /// there; `Corrupt`, `Purged`; what `progress` returns.
    pub fn stats(
        &self,
        selection: Option<&Selection>,
        progress: &mut dyn FnMut(StatsProgress) -> Result<()>,
    ) -> Result<Stats> {
        let part = selection.is_some();
        let mut samples = Samples::new(self);
        match selection {
            Some(selection) if selection.table() != Table::Conversations => {
                let message = format!("it is a selection of {}, not of conversations", selection.table());
                return Err(Error::invalid(message));
            }
            Some(selection) => {
                let rows = selection.iter().map(Ok);
                each(Table::Conversations, rows, selection.len(), progress, |at| {
                    samples.add(&self.conversation_at(at)?)
                })?;
            }
            None => {
                let (rows, total) = self.rows_of(Table::Conversations)?;
                each(Table::Conversations, rows, total, progress, |at| samples.add(&self.conversation_at(at)?))?;
            }
        }
        let Samples { named, stats: samples, .. } = samples;
        let meant = |address: Address| !part || named.contains(address.get() as u64);
        let mut stats = Stats { samples, ..Stats::default() };
        let (rows, total) = self.rows_of(Table::Frames)?;
        each(Table::Frames, rows, total, progress, |at| match meant(at) {
            true => stats.frames.add_frame(&self.frame(at)?),
            false => Ok(()),
        })?;
        let (rows, total) = self.rows_of(Table::Videos)?;
        each(Table::Videos, rows, total, progress, |at| match meant(at) {
            true => stats.videos.add_video(&self.video(at)?),
            false => Ok(()),
        })?;
        let (rows, total) = self.rows_of(Table::Annotations)?;
        each(Table::Annotations, rows, total, progress, |at| {
            let annotation = self.annotation(at)?;
            match meant(at) || meant(annotation.target()?) {
                true => stats.annotations.add(&annotation),
                false => Ok(()),
            }
        })?;
        stats.weigh(self)?;
        Ok(stats)
    }

    fn rows_of(&self, table: Table) -> Result<(impl Iterator<Item = Result<Address>> + '_, u64)> {
        let count = self.count(table)?;
        Ok(((0..count).map(move |number| self.address(table, number)), count))
    }
}

impl Stats {
    /// Finds how many bytes the contents of each group have.
    fn weigh(&mut self, dataset: &Dataset) -> Result<()> {
        let groups = self.samples.by.iter_mut().flat_map(|(_, groups)| groups.values_mut());
        for group in groups.chain([&mut self.samples.all]) {
            group.media_bytes = media::size_of(dataset, &group.blobs)?;
        }
        self.frames.weigh(dataset)?;
        self.videos.weigh(dataset)
    }
}

/// Calls `visit` with each row, and tells how far it is.
fn each(
    table: Table,
    rows: impl Iterator<Item = Result<Address>>,
    total: u64,
    progress: &mut dyn FnMut(StatsProgress) -> Result<()>,
    mut visit: impl FnMut(Address) -> Result<()>,
) -> Result<()> {
    for (row, address) in (0..).zip(rows) {
        if row % PROGRESS_EVERY == 0 {
            progress(StatsProgress { table, rows: row, total })?;
        }
        visit(address?)?;
    }
    Ok(())
}
