//! What the rows of pictures and videos say beyond the paths that they are written to.

use super::ExportReport;
use super::json::Fields;
use super::notes::{self, Called, Referred};
use super::own_ids::TOLD_APART;
use super::placement::{Kind, Shown};
use super::record::{Notes, Writer, path_of};
use crate::dataset::{Conversation, Dataset, Frame};
use crate::error::Result;
use crate::format::Address;
use crate::schema::references::each_reference;
use crate::schema::tables::{Table, conversations};
use crate::schema::views::Cells;
use std::collections::{BTreeSet, HashSet};
use std::rc::Rc;

/// What is lost where a record's picture has a case of its own.
const OTHERS_CASE: &str = "cases of pictures and videos that are not the conversation's";

/// The columns that say what a conversation shows.
pub(super) const SHOWING: [usize; 2] = [conversations::MEDIA, conversations::ALTERNATIVES];

/// The videos that the conversations show.
pub(super) fn shown_videos(dataset: &Dataset, selection: Option<&[Address]>) -> Result<HashSet<Address>> {
    let mut videos = HashSet::new();
    if dataset.count(Table::Videos)? == 0 {
        return Ok(videos);
    }
    for column in SHOWING {
        each_referred(dataset, selection, column, &mut |_, address| {
            if dataset.table_of(address)? == Table::Videos {
                videos.insert(address);
            }
            Ok(())
        })?;
    }
    Ok(videos)
}

/// Calls `note` with each address in a column of the conversations.
pub(super) fn each_referred(
    dataset: &Dataset,
    selection: Option<&[Address]>,
    column: usize,
    note: &mut dyn FnMut(usize, Address) -> Result<()>,
) -> Result<()> {
    let Some(described) = Table::Conversations.columns().get(column) else { return Ok(()) };
    match selection {
        Some(selection) => {
            for address in selection {
                let row = dataset.conversation_at(*address)?;
                let cell = row.row().cell(column)?;
                each_reference(&described.ty, &cell.array.slice(cell.row, 1), note)?;
            }
        }
        None => {
            for found in dataset.scan(Table::Conversations).columns([described.name.as_str()])?.batches() {
                each_reference(&described.ty, found?.batch.column(0), note)?;
            }
        }
    }
    Ok(())
}

impl Writer<'_> {
    /// What the rows of pictures and videos say beyond their paths.
    pub(super) fn files(
        &mut self,
        row: &Conversation<'_>,
        shown: &[Shown],
        notes: &mut Notes,
        report: &mut ExportReport,
    ) -> Result<()> {
        let (mut files, mut videos) = (Fields::default(), Fields::default());
        let mut done = BTreeSet::new();
        let mut told = BTreeSet::new();
        let case = row.case()?;
        for medium in shown {
            for (address, path) in medium.refs.iter().zip(&medium.paths) {
                if !done.insert(*address) {
                    continue;
                }
                if medium.kind == Kind::Video {
                    self.video(*address, path, case, &mut files, report)?;
                    continue;
                }
                let frame = self.dataset.frame(*address)?;
                let referred = Referred { has_case: case.is_some(), ..self.referred(&frame, shown, report)? };
                if let (Some(path), Some(video)) = (&referred.video, frame.video()?)
                    && done.insert(video)
                {
                    self.video(video, path, case, &mut files, report)?;
                }
                if let (Some(id), Some(address)) = (&referred.video_id, frame.video()?)
                    && told.insert(address)
                {
                    let video = self.dataset.video(address)?;
                    if let Some(said) = notes::bare_video(&video, frame.case()?.is_some())? {
                        videos.key(id).extend_from_slice(&said);
                    }
                }
                let called = self.called(Table::Frames, *address, frame.id(), frame.path(), path, report)?;
                let said = notes::frame(&frame, &called, medium.place.output, &referred)?;
                if let Some(said) = said {
                    files.key(path).extend_from_slice(&said);
                }
                self.note_source(frame.source()?);
                report.lose(OTHERS_CASE, u64::from(is_others(frame.case()?, case)));
            }
        }
        if let Some(files) = files.finish() {
            notes.put("files", |out| out.extend_from_slice(&files));
        }
        if let Some(videos) = videos.finish() {
            notes.put("videos", |out| out.extend_from_slice(&videos));
        }
        Ok(())
    }

    fn video(
        &mut self,
        address: Address,
        path: &str,
        case: Option<Address>,
        files: &mut Fields,
        report: &mut ExportReport,
    ) -> Result<()> {
        let video = self.dataset.video(address)?;
        let called = self.called(Table::Videos, address, video.id(), video.path(), path, report)?;
        if let Some(said) = notes::video(&video, &called, case.is_some())? {
            files.key(path).extend_from_slice(&said);
        }
        self.note_source(video.source()?);
        report.lose(OTHERS_CASE, u64::from(is_others(video.case()?, case)));
        Ok(())
    }

    /// What a row is called that is written under this path.
    fn called<'c>(
        &mut self,
        table: Table,
        address: Address,
        id: Result<&str>,
        path: Result<Option<&'c str>>,
        written: &'c str,
        report: &mut ExportReport,
    ) -> Result<Called<'c>> {
        let own = id?;
        let id = self.own_id(table, address, own, report)?;
        // Nobody who follows the path may come to the other's file.
        let is_astray = *id != *own && self.media.is_gone(address);
        let path = path?.map(|path| if is_astray { written } else { path });
        Ok(Called { id, path, written })
    }

    /// The id that a picture or video has in the export; that it is another than its own is told once.
    fn own_id(&mut self, table: Table, address: Address, own: &str, report: &mut ExportReport) -> Result<Rc<str>> {
        let (id, is_given) = self.ids.get(table, address, own);
        report.lose(TOLD_APART, u64::from(is_given));
        Ok(id)
    }

    /// Paths of the video that a frame was taken from and of the picture that it belongs to, if they are in the export.
    fn referred(&mut self, frame: &Frame<'_>, shown: &[Shown], report: &mut ExportReport) -> Result<Referred> {
        let mut referred = Referred::default();
        if let Some(video) = frame.video()? {
            if self.shown_videos.contains(&video) {
                referred.video = Some(self.media.path(video, report)?);
            } else {
                let row = self.dataset.video(video)?;
                referred.video_id = Some(self.own_id(Table::Videos, video, row.id()?, report)?);
            }
            if referred.video.is_none() && !self.videos_elsewhere.contains(&video) && self.bare_videos.insert(video) {
                let has_bytes = self.dataset.video(video)?.blob()?.is_some();
                report.lose("bytes of videos that no conversation shows", u64::from(has_bytes));
            }
        }
        if let Some(parent) = frame.parent()? {
            referred.parent = path_of(shown, parent);
            report.lose(
                "what a picture belongs to, where that is not shown with it",
                u64::from(referred.parent.is_none()),
            );
        }
        Ok(referred)
    }
}

/// Whether the case of a picture or video cannot be told from the conversation's.
fn is_others(case: Option<Address>, of_conversation: Option<Address>) -> bool {
    case.is_some() && case != of_conversation
}
