//! What is said now of a picture or a video that the dataset has: told where its row says otherwise, or put into the row.

use super::held::Held;
use super::rows::describe;
use super::{CACHED, Located, Store};
use crate::error::{ErrorKind, Result};
use crate::format::address::Address;
use crate::import::draft::{Draft, MediaItem};
use crate::import::media::bytes::Out;
use crate::import::media::found::replace;
use crate::import::media::names::Named;
use crate::import::media::resolve::Resolved;
use crate::import::options::OnChange;
use crate::import::report::Kind;
use crate::import::sink::Sink;
use crate::schema::build::{FramesBuilder, VideosBuilder};
use crate::schema::record::id_identity;
use crate::schema::rows::{FrameRow, VideoRow};
use crate::schema::tables::{Table, frames, videos};
use std::collections::BTreeMap;

/// Cells that replace those of rows that are there, by their columns.
#[derive(Default)]
pub(super) struct Changes {
    frames: BTreeMap<usize, (Vec<Address>, FramesBuilder)>,
    videos: BTreeMap<usize, (Vec<Address>, VideosBuilder)>,
}

impl Changes {
    fn frame(&mut self, address: Address, columns: &[usize], row: &FrameRow) -> Result<()> {
        for column in columns {
            let (addresses, cells) = self.frames.entry(*column).or_default();
            addresses.push(address);
            cells.push(row)?;
        }
        Ok(())
    }

    fn video(&mut self, address: Address, columns: &[usize], row: &VideoRow) -> Result<()> {
        for column in columns {
            let (addresses, cells) = self.videos.entry(*column).or_default();
            addresses.push(address);
            cells.push(row)?;
        }
        Ok(())
    }

    pub(super) fn write(self, sink: &mut dyn Sink) -> Result<()> {
        for (column, (addresses, mut cells)) in self.frames {
            replace(Table::Frames, &[column], &addresses, &cells.finish()?, sink)?;
        }
        for (column, (addresses, mut cells)) in self.videos {
            replace(Table::Videos, &[column], &addresses, &cells.finish()?, sink)?;
        }
        Ok(())
    }
}

/// The row, unless it came with this import.
fn of_dataset<T>(row: Result<T>) -> Result<Option<T>> {
    match row {
        Ok(row) => Ok(Some(row)),
        Err(error) if error.kind() == ErrorKind::NotInVersion => Ok(None),
        Err(error) => Err(error),
    }
}

/// Takes over what is said and is something else; whether it is.
fn take<T: Clone + PartialEq>(there: &mut Option<T>, said: &Option<T>) -> bool {
    let differs = differs(there, said);
    if differs {
        there.clone_from(said);
    }
    differs
}

/// Whether something is said, and is something else.
fn differs<T: PartialEq>(there: &Option<T>, said: &Option<T>) -> bool {
    said.is_some() && said != there
}

impl Store<'_> {
    /// Whether a picture of the dataset has these bytes; what was appended here is taken to have them.
    pub(crate) fn has_bytes(&mut self, address: Address, bytes: &[u8], sink: &dyn Sink) -> Result<bool> {
        Ok(match self.held(sink, Table::Frames, address)? {
            Held::Whole(Some(blob)) => blob.digest == *blake3::hash(bytes).as_bytes(),
            Held::Whole(None) => true,
            Held::Nothing => false,
            Held::Broken(digest, _) => digest == *blake3::hash(bytes).as_bytes(),
        })
    }

    /// Gives a mask of the dataset, which has this id, the bytes that it has now.
    pub(crate) fn redraw(&mut self, address: Address, id: &str, png: &[u8], out: &mut Out<'_>) -> Result<()> {
        let item = MediaItem::Unnamed(id.to_owned());
        let stored = out.store_held(&Named::said(Table::Frames, &item, None), "image/png", png)?;
        self.found.note(Table::Frames, address, stored, None, out)
    }

    /// Holds bytes that stand in the source itself against the file that is taken, or what the dataset has where there is
    /// no file.
    pub(crate) fn hold_bytes(
        &mut self,
        named: &Named<'_>,
        bytes: &[u8],
        located: &Located,
        out: &mut Out<'_>,
    ) -> Result<()> {
        if let Some(Resolved::File { path, size, .. }) = &named.found {
            let is_same = *size == bytes.len() as u64 && self.digest_of(path)? == *blake3::hash(bytes).as_bytes();
            if !is_same {
                let what = format!(
                    "{:?}: the picture that stands in the record itself has other bytes ({}) than the file {} ({size}), \
                     which was taken: they may be two pictures",
                    named.id,
                    bytes.len(),
                    path.display()
                );
                out.report.find(Kind::Doubtful, out.at, what);
            }
            return Ok(());
        }
        let Located::There(address) = *located else { return Ok(()) };
        if self.has_bytes(address, bytes, &*out.sink)? {
            return Ok(());
        }
        match self.options.on_change {
            OnChange::Keep => {}
            OnChange::Report => {
                let what = format!("{:?}: the picture in its record has changed; the dataset's was kept", named.id);
                out.report.find(Kind::ChangedMedia, out.at, what);
            }
            OnChange::Replace => {
                let stored = out.store_held(named, "", bytes)?;
                out.report.media.replaced += 1;
                self.found.note(named.table, address, stored, None, out)?;
            }
        }
        Ok(())
    }

    /// Holds the row of an item, where the dataset has it, against what its record and its path say of it now.
    pub(super) fn hold(&mut self, named: &Named<'_>, address: Address, draft: &Draft, out: &mut Out<'_>) -> Result<()> {
        if self.options.on_change == OnChange::Keep {
            return Ok(());
        }
        let has_case = named.said.is_none_or(|said| !said.no_case);
        let patient = self.patient_of(named, draft.patient.as_deref()).filter(|_| has_case);
        match named.table {
            Table::Videos => {
                let extra = named.said.and_then(|said| said.extra.clone());
                let said = VideoRow { id: named.id.clone(), extra, ..VideoRow::default() };
                self.hold_video(&said, address, patient.as_deref(), draft, out)
            }
            _ => self.hold_frame(named, address, patient.as_deref(), draft, out),
        }
    }

    /// Whether this import said something else of a recording before, as far as that is remembered.
    pub(crate) fn says_otherwise(&mut self, said: &VideoRow) -> bool {
        let id = id_identity(Table::Videos.name(), &said.id);
        if let Some(before) = self.recordings.get(&id) {
            return differs(&before.fps, &said.fps)
                || differs(&before.duration, &said.duration)
                || differs(&before.frame_count, &said.frame_count)
                || differs(&before.width, &said.width)
                || differs(&before.height, &said.height)
                || differs(&before.extra, &said.extra);
        }
        if self.recordings.len() >= CACHED {
            self.recordings.clear();
        }
        let row = VideoRow { id: String::new(), source: String::new(), case: None, path: None, ..said.clone() };
        self.recordings.insert(id, row);
        false
    }

    /// The same of a recording of which this is said, and whose patient this is.
    pub(crate) fn hold_video(
        &mut self,
        said: &VideoRow,
        address: Address,
        patient: Option<&str>,
        draft: &Draft,
        out: &mut Out<'_>,
    ) -> Result<()> {
        if self.options.on_change == OnChange::Keep {
            return Ok(());
        }
        let there = of_dataset(out.sink.dataset().video(address).and_then(|video| video.to_row()))?;
        let Some(mut row) = there else { return Ok(()) };
        let mut differing = Vec::new();
        // What a video's own file says goes before what is said of it.
        if row.blob.is_none() {
            let size = said.width.zip(said.height);
            let fields = [
                (take(&mut row.fps, &said.fps), videos::FPS),
                (take(&mut row.duration, &said.duration), videos::DURATION),
                (take(&mut row.frame_count, &said.frame_count), videos::FRAME_COUNT),
                (size.is_some() && take(&mut row.width, &said.width), videos::WIDTH),
                (size.is_some() && take(&mut row.height, &said.height), videos::HEIGHT),
            ];
            differing.extend(fields.into_iter().filter(|(differs, _)| *differs).map(|(_, column)| column));
        }
        if take(&mut row.extra, &said.extra) {
            differing.push(videos::EXTRA);
        }
        if self.has_other_case(row.case, patient, draft, out)? {
            differing.push(videos::CASE);
        }
        if !self.is_rewritten(Table::Videos, &said.id, &differing, out) {
            return Ok(());
        }
        if let Some(patient) = patient.filter(|_| differing.contains(&videos::CASE)) {
            row.case = Some(self.case(patient, draft, out)?);
        }
        self.changes.video(address, &differing, &row)
    }

    fn hold_frame(
        &mut self,
        named: &Named<'_>,
        address: Address,
        patient: Option<&str>,
        draft: &Draft,
        out: &mut Out<'_>,
    ) -> Result<()> {
        let there = of_dataset(out.sink.dataset().frame(address).and_then(|frame| frame.to_row()))?;
        let Some(mut row) = there else { return Ok(()) };
        let said = self.said_of_frame(named);
        let fields = [
            (take(&mut row.index, &said.index), frames::INDEX),
            (take(&mut row.time, &said.time), frames::TIME),
            (take(&mut row.origin, &said.origin), frames::ORIGIN),
            (take(&mut row.generator, &said.generator), frames::GENERATOR),
            (take(&mut row.extra, &said.extra), frames::EXTRA),
            // The bytes say how large a picture is, where they are there.
            (row.blob.is_none() && take(&mut row.width, &said.width), frames::WIDTH),
            (row.blob.is_none() && take(&mut row.height, &said.height), frames::HEIGHT),
        ];
        let mut differing: Vec<usize> =
            fields.into_iter().filter(|(differs, _)| *differs).map(|(_, column)| column).collect();
        if let Some(kind) = named.said.and_then(|said| said.kind.as_ref())
            && *kind != row.kind
        {
            row.kind.clone_from(kind);
            differing.push(frames::KIND);
        }
        if self.has_other_case(row.case, patient, draft, out)? {
            differing.push(frames::CASE);
        }
        if !self.is_rewritten(Table::Frames, &named.id, &differing, out) {
            return Ok(());
        }
        if let Some(patient) = patient.filter(|_| differing.contains(&frames::CASE)) {
            row.case = Some(self.case(patient, draft, out)?);
        }
        self.changes.frame(address, &differing, &row)
    }

    /// What the record and the path say of a frame: of the path's, number and time alone.
    fn said_of_frame(&self, named: &Named<'_>) -> FrameRow {
        let mut row = FrameRow::default();
        if let Some(said) = named.said {
            describe(&mut row, said);
            (row.width, row.height) = said.size.unzip();
        }
        let pattern =
            self.options.source.frame_pattern.as_ref().filter(|_| named.said.is_none_or(|said| said.by_pattern));
        if let Some(names) = pattern.and_then(|pattern| named.read_by(pattern)) {
            row.index = names.index;
            row.time = self.time_of(names.index);
        }
        row
    }

    /// Whether a row belongs to the case of another patient than is said now.
    fn has_other_case(
        &self,
        there: Option<Address>,
        patient: Option<&str>,
        draft: &Draft,
        out: &Out<'_>,
    ) -> Result<bool> {
        let Some(patient) = patient else { return Ok(false) };
        let Some(there) = there else { return Ok(true) };
        Ok(out.sink.dataset().case(there)?.id()? != draft.case_id(patient))
    }

    /// Whether what differs is to be put into the row; told where it is not.
    fn is_rewritten(&self, table: Table, id: &str, differing: &[usize], out: &mut Out<'_>) -> bool {
        if differing.is_empty() {
            return false;
        }
        if self.options.on_change == OnChange::Replace {
            out.report.media.rewritten += 1;
            return true;
        }
        let columns: Vec<&str> = differing.iter().filter_map(|at| Some(&*table.columns().get(*at)?.name)).collect();
        let what = format!(
            "{id:?}: the dataset's {} has another `{}`; it was left as it was",
            table.row_name(),
            columns.join("`, `")
        );
        out.report.find(Kind::ChangedRow, out.at, what);
        false
    }
}
