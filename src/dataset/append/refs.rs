//! What a new row refers to: it must be there, and of the right table.

use crate::dataset::append::Appender;
use crate::error::{Error, Result};
use crate::format::Address;
use crate::schema::rows::*;
use crate::schema::tables::Table;

/// Is given a field, the address in it, and the tables that the address may belong to.
type Check<'a> = &'a mut dyn FnMut(&'static str, Address, &[Table]) -> Result<()>;

/// Calls `check` with each address of a row: the field, the address, and the tables that it may belong to.
pub trait References {
    fn each(&self, check: Check<'_>) -> Result<()>;
}

impl Appender {
    /// Checks that all that a row refers to is live, or was appended here, in a table that the field allows.
    pub(super) fn check_refs_of(&mut self, row: &impl References) -> Result<()> {
        self.noted.clear();
        row.each(&mut |field, address, tables| self.check_ref(field, address, tables))
    }

    pub(super) fn check_ref(&mut self, field: &str, address: Address, tables: &[Table]) -> Result<()> {
        let wrong = |what: String| Err(Error::invalid(format!("`{field}` refers to {address}, {what}")));
        if let Some(table) = self.appended_in(address) {
            return match tables.contains(&table) {
                true => Ok(()),
                false => wrong(format!("which is in {table}, not in {}", names(tables))),
            };
        }
        let is_noted = self.change.refers.contains(&address);
        if !is_noted && !self.dataset.is_live(address)? {
            return wrong("which is no live row".into());
        }
        let table = self.dataset.table_of(address)?;
        if !tables.contains(&table) {
            return wrong(format!("which is in {table}, not in {}", names(tables)));
        }
        if !is_noted {
            self.noted.push(address);
        }
        Ok(())
    }

    pub(super) fn appended_in(&self, address: Address) -> Option<Table> {
        if self.frames.holds(address) {
            return Some(Table::Frames);
        }
        if self.blobs.holds(address) {
            return Some(Table::Blobs);
        }
        if self.videos.holds(address) {
            return Some(Table::Videos);
        }
        if self.cases.holds(address) {
            return Some(Table::Cases);
        }
        if self.annotations.holds(address) {
            return Some(Table::Annotations);
        }
        self.conversations.holds(address).then_some(Table::Conversations)
    }
}

fn names(tables: &[Table]) -> String {
    tables.iter().map(|table| table.name()).collect::<Vec<_>>().join(" or ")
}

const CASES: &[Table] = &[Table::Cases];
const VIDEOS: &[Table] = &[Table::Videos];
const FRAMES: &[Table] = &[Table::Frames];
const BLOBS: &[Table] = &[Table::Blobs];
const ANNOTATIONS: &[Table] = &[Table::Annotations];
const MEDIA: &[Table] = &[Table::Frames, Table::Videos];
const EVIDENCE: &[Table] = &[Table::Frames, Table::Videos, Table::Annotations];

impl References for CaseRow {
    fn each(&self, _: Check<'_>) -> Result<()> {
        Ok(())
    }
}

impl References for VideoRow {
    fn each(&self, check: Check<'_>) -> Result<()> {
        self.case.iter().try_for_each(|address| check("case", *address, CASES))?;
        self.blob.iter().try_for_each(|address| check("blob", *address, BLOBS))
    }
}

impl References for FrameRow {
    fn each(&self, check: Check<'_>) -> Result<()> {
        self.case.iter().try_for_each(|address| check("case", *address, CASES))?;
        self.video.iter().try_for_each(|address| check("video", *address, VIDEOS))?;
        self.parent.iter().try_for_each(|address| check("parent", *address, FRAMES))?;
        self.blob.iter().try_for_each(|address| check("blob", *address, BLOBS))
    }
}

impl References for AnnotationRow {
    fn each(&self, check: Check<'_>) -> Result<()> {
        check("target", self.target, MEDIA)?;
        self.parent.iter().try_for_each(|address| check("parent", *address, ANNOTATIONS))?;
        let masks = self.regions.iter().filter_map(|region| region.mask);
        masks.into_iter().try_for_each(|address| check("regions.mask", address, FRAMES))
    }
}

impl References for ConversationRow {
    fn each(&self, check: Check<'_>) -> Result<()> {
        self.case.iter().try_for_each(|address| check("case", *address, CASES))?;
        let mut shown = |field: &'static str, media: &[MediumRow]| {
            media.iter().try_for_each(|medium| {
                // Several stand for a clip, and are its frames.
                let tables = if medium.refs.len() > 1 { FRAMES } else { MEDIA };
                medium.refs.iter().try_for_each(|address| check(field, *address, tables))
            })
        };
        shown("media.refs", &self.media)?;
        self.alternatives.iter().try_for_each(|ending| shown("alternatives.media.refs", &ending.media))?;
        let evidence = self.reasoning.iter().flat_map(|node| &node.evidence);
        evidence.into_iter().try_for_each(|item| check("reasoning.evidence", item.address, EVIDENCE))?;
        self.annotations.iter().try_for_each(|address| check("annotations", *address, ANNOTATIONS))
    }
}
