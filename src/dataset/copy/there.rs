//! Rows that the target has already: what they lack there and have here goes to them, and nothing else of them changes.

use super::Copier;
use super::rows::CopyRow;
use crate::dataset::{CellUpdate, Dataset, Record};
use crate::error::Result;
use crate::format::Address;
use crate::schema::build::{FramesBuilder, VideosBuilder};
use crate::schema::rows::{AnnotationRow, CaseRow, ConversationRow, FrameRow, VideoRow};
use crate::schema::tables::Table;
use arrow_array::RecordBatch;

/// Pictures and videos that get their bytes in the target.
#[derive(Default)]
pub(super) struct Filled {
    frames: Vec<(Address, FrameRow)>,
    videos: Vec<(Address, VideoRow)>,
}

impl Copier<'_> {
    /// Whether the target has a row as it was imported and lacks nothing of it, or another that is to be kept; then it and
    /// what it leads to stay as they are there.
    pub(super) fn is_there(&mut self, address: Address) -> Result<bool> {
        if !self.has_rows[self.from.table_of(address)? as usize] {
            return Ok(false);
        }
        match self.from.get(address)? {
            Record::Blob(_) => Ok(false),
            Record::Case(_) => self.is_row_there::<CaseRow>(address),
            Record::Video(_) => self.is_row_there::<VideoRow>(address),
            Record::Frame(_) => self.is_row_there::<FrameRow>(address),
            Record::Annotation(_) => self.is_row_there::<AnnotationRow>(address),
            Record::Conversation(_) => self.is_row_there::<ConversationRow>(address),
        }
    }

    fn is_row_there<R: CopyRow>(&mut self, address: Address) -> Result<bool> {
        let mut row = R::fetch(self.from, address)?;
        let source = row.parts().1.clone();
        let name = self.name_of(&source).to_owned();
        let id = row.parts().0.to_owned();
        let Some(there) = self.to.lookup(R::TABLE, &name, &id)? else { return Ok(false) };
        if !self.to.dataset().is_live(there)? {
            return Ok(false);
        }
        if name != source && row.parts().2.is_some() {
            self.renew_digest(&mut row, &name)?;
        }
        let mut other = R::fetch(self.to.dataset(), there)?;
        let (ours, theirs) = (*row.parts().2, *other.parts().2);
        let has_other_bytes = self.has_other_bytes(row.bytes(), other.bytes())?;
        if self.options.keep_clashing && (has_other_bytes || ours.is_some() && theirs.is_some() && ours != theirs) {
            // What the row leads to would be shown by nothing there.
            self.source(&source)?;
            self.keep(R::TABLE, address, there);
            return Ok(true);
        }
        let is_other = ours.is_none() || ours != theirs || has_other_bytes;
        if is_other || row.has_more_than(&other) {
            return Ok(false);
        }
        self.source(&source)?;
        self.there(R::TABLE, address, there);
        Ok(true)
    }

    /// Whether a row's bytes, at this address, are others than the target's row has.
    pub(super) fn has_other_bytes(&self, ours: Option<Address>, theirs: Option<Address>) -> Result<bool> {
        let Some((ours, theirs)) = ours.zip(theirs) else { return Ok(false) };
        Ok(self.from.blob(ours)?.digest()? != self.to.dataset().blob(theirs)?.digest()?)
    }

    /// Notes a row of the target that is the same as it was imported, and what it lacks (`other`, at
    /// `there`); `row` has the target's addresses.
    pub(super) fn fill<R: CopyRow>(&mut self, row: R, other: &R, there: Address) {
        if row.has_more_than(other) {
            self.report.rows.entry(R::TABLE).or_default().filled += 1;
            row.note(there, &mut self.filled);
        }
    }

    /// Gives pictures and videos of the target the bytes that they lacked.
    pub(super) fn carry_filled(&mut self) -> Result<()> {
        let Filled { frames, videos } = std::mem::take(&mut self.filled);
        if !frames.is_empty() {
            let mut cells = FramesBuilder::new();
            frames.iter().try_for_each(|(_, row)| cells.push(row))?;
            let addresses: Vec<Address> = frames.iter().map(|(there, _)| *there).collect();
            self.replace(Table::Frames, &addresses, &cells.finish()?)?;
        }
        if !videos.is_empty() {
            let mut cells = VideosBuilder::new();
            videos.iter().try_for_each(|(_, row)| cells.push(row))?;
            let addresses: Vec<Address> = videos.iter().map(|(there, _)| *there).collect();
            self.replace(Table::Videos, &addresses, &cells.finish()?)?;
        }
        Ok(())
    }

    fn replace(&mut self, table: Table, addresses: &[Address], cells: &RecordBatch) -> Result<()> {
        let mut updates = CellUpdate::of_batch(table, table.cells_of_file(), addresses, cells);
        updates.try_for_each(|update| self.to.update(update))
    }
}

/// Notes what a row of the target is to get.
pub(super) trait Fill {
    /// Its bytes, where it may have some.
    fn bytes(&self) -> Option<Address> {
        None
    }

    /// Whether this one has bytes, and the other none.
    fn has_more_than(&self, other: &Self) -> bool {
        self.bytes().is_some() && other.bytes().is_none()
    }

    fn note(self, _there: Address, _filled: &mut Filled)
    where
        Self: Sized,
    {
    }
}

impl Fill for CaseRow {}
impl Fill for AnnotationRow {}
impl Fill for ConversationRow {}

impl Fill for FrameRow {
    fn bytes(&self) -> Option<Address> {
        self.blob
    }

    fn note(self, there: Address, filled: &mut Filled) {
        filled.frames.push((there, self));
    }
}

impl Fill for VideoRow {
    fn bytes(&self) -> Option<Address> {
        self.blob
    }

    fn note(self, there: Address, filled: &mut Filled) {
        filled.videos.push((there, self));
    }
}

/// Which tables of a dataset have rows.
pub(super) fn with_rows(dataset: &Dataset) -> Result<[bool; 6]> {
    let mut has_rows = [false; 6];
    for table in Table::ALL {
        has_rows[table as usize] = dataset.count(table)? > 0;
    }
    Ok(has_rows)
}
