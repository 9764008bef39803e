//! Rows that a table lists: recordings and pictures, with cells of added columns.

use super::statements::Shown;
use super::{CellChange, CellValue, Picture, Run, Target};
use crate::error::{ErrorKind, Result};
use crate::import::draft::{Draft, FileFields, MediaKind};
use crate::import::media::bytes::Out;
use crate::import::media::names::name_of;
use crate::import::media::resolve::Resolved;
use crate::import::report::{At, Kind};
use crate::schema::rows::VideoRow;
use crate::schema::tables::Table;

impl Run<'_> {
    /// The row of a recording of which no file is named, written if it is new. `draft` says whose it is, and what is
    /// known of the case.
    pub(crate) fn recording_of(&mut self, mut row: VideoRow, draft: &Draft, at: &At) -> Result<Target> {
        let source = self.options.source.id.clone();
        let known = self.store.known_video(&row.id, &*self.sink)?;
        let mut out = Out { sink: &mut *self.sink, report: &mut self.report, at };
        let name = name_of(&source, &row.id).into();
        let address = match known {
            Some(address) => {
                self.store.hear_video(&row, address, draft.patient.as_deref(), draft, &mut out)?;
                address
            }
            None => {
                let mut case_name = None;
                if let Some(patient) = &draft.patient {
                    row.case = Some(self.store.case(patient, draft, &mut out)?);
                    case_name = Some(name_of(&source, draft.case_id(patient)));
                } else {
                    self.store.tell_nameless(&row.id, &row.id, at, out.report);
                }
                self.store.new_video(row, case_name.as_deref(), &mut out)?
            }
        };
        Ok(Target { address, name })
    }

    /// Whether a statement of the dataset is about a recording of this id now that has no row, and was about something else: it
    /// is left as it is.
    pub(crate) fn is_moved_to(&mut self, id: &str, at: &At) -> Result<bool> {
        let rows = self.shown_by_statement(at)?;
        let Some((_, before)) = rows.first().filter(|(_, before)| before != id) else { return Ok(false) };
        if self.recording_shown(id, at)?.is_some() {
            return Ok(false);
        }
        let is_new = self.store.known_video(id, &*self.sink)?.is_none();
        if is_new {
            self.leave_moved(before, id, at);
        }
        Ok(is_new)
    }

    /// Takes the file of a recording that is called as it is, where files are looked for: `video01.mp4` beside its labels,
    /// or in `videos` beside their folder. Its row is that of the recording; where another folder's file has that, it has one
    /// of its own, which is given. `fps` is the rate at which its labels count frames. A file that was taken before and is
    /// gone is told.
    pub(crate) fn find_recording(
        &mut self,
        id: &str,
        fps: Option<f64>,
        draft: &Draft,
        at: &At,
    ) -> Result<Option<Target>> {
        if id.contains(['/', '\\']) {
            return Ok(None);
        }
        let path = if id.to_ascii_lowercase().ends_with(".mp4") { id.to_owned() } else { format!("{id}.mp4") };
        let is_there = matches!(self.store.resolve(&path), Resolved::File { by_name: false, .. });
        if is_there || !self.store.is_met(Table::Videos, id) && self.lost_its_file(id)? {
            let fields = FileFields { id: Some(id.to_owned()), fps, ..FileFields::default() };
            let picture = Picture { path, fields, patient: draft.patient.clone(), ..Picture::default() };
            let found = self.picture_of(MediaKind::Video, &picture, draft, at)?;
            return Ok(found.filter(|found| *found.name != name_of(&self.options.source.id, id)[..]));
        }
        // A statement that is about such a row stays so though the file is not there now.
        let Some(own) = self.recording_shown(id, at)? else { return Ok(None) };
        let address = self.sink.lookup(Table::Videos, &self.options.source.id, &own)?;
        Ok(address.map(|address| Target { address, name: name_of(&self.options.source.id, &own).into() }))
    }

    /// The row of another id that the dataset's statement is about, where its file is that of the recording of this id.
    fn recording_shown(&self, id: &str, at: &At) -> Result<Option<String>> {
        let shown =
            self.shown_by_statement(at)?.into_iter().find(|(table, shown)| *table == Table::Videos && shown != id);
        let Some((_, shown)) = shown else { return Ok(None) };
        let address = self.sink.lookup(Table::Videos, &self.options.source.id, &shown)?;
        let path =
            address.map(|address| self.sink.dataset().video(address)?.path().map(|path| path.map(str::to_owned)));
        let path = path.transpose()?.flatten().unwrap_or_default();
        let name = path.rsplit(['/', '\\']).next().unwrap_or_default();
        let is_it = name == id || name.rsplit_once('.').is_some_and(|(stem, _)| stem == id);
        Ok(Some(shown).filter(|_| is_it))
    }

    /// Whether the dataset has a link to a recording's file that leads nowhere now.
    fn lost_its_file(&self, id: &str) -> Result<bool> {
        let Some(address) = self.sink.lookup(Table::Videos, &self.options.source.id, id)? else { return Ok(false) };
        let dataset = self.sink.dataset();
        let blob = match dataset.video(address).and_then(|video| video.blob()) {
            Err(error) if error.kind() == ErrorKind::NotInVersion => return Ok(false),
            blob => blob?,
        };
        let link = blob.map(|blob| dataset.blob(blob)?.check_link()).transpose();
        match link {
            Err(error) if error.kind() == ErrorKind::LinkBroken => Ok(true),
            link => link.map(|_| false),
        }
    }

    /// A recording that a table lists: a record of its own. Cells of added columns that are new make it new.
    pub(crate) fn listed_video(
        &mut self,
        row: VideoRow,
        draft: &Draft,
        cells: Vec<(String, CellValue)>,
        at: &At,
    ) -> Result<()> {
        crate::schema::validate::check_video(&row)?.into_iter().for_each(|finding| {
            self.report.find(Kind::Doubtful, at, finding.to_string());
        });
        let before = self.standing(Table::Videos);
        let target = self.recording_of(row, draft, at)?;
        self.listed(Table::Videos, before, &target, cells, at)
    }

    /// A picture that a table lists: a record of its own.
    pub(crate) fn listed_frame(
        &mut self,
        picture: &Picture,
        draft: &Draft,
        cells: Vec<(String, CellValue)>,
        at: &At,
    ) -> Result<()> {
        let before = self.standing(Table::Frames);
        let target = self.picture_shown(MediaKind::Picture, picture, draft, Shown::Itself, at)?;
        let Some(target) = target else { return Ok(()) };
        self.listed(Table::Frames, before, &target, cells, at)
    }

    /// How many rows of a table are new, and how often something else was said of rows than they say.
    pub(super) fn standing(&self, table: Table) -> [u64; 2] {
        [self.new_rows(table), self.report.found(Kind::ChangedRow)]
    }

    /// What became of a row, where it stood so before.
    pub(super) fn change_since(&self, table: Table, before: [u64; 2]) -> CellChange {
        let [new, other] = self.standing(table);
        match before {
            [rows, _] if rows != new => CellChange::Added,
            [_, told] if told != other => CellChange::Kept,
            _ => CellChange::Same,
        }
    }

    /// Gives a listed row its cells, and counts it; `before` is how things stood before it came.
    fn listed(
        &mut self,
        table: Table,
        before: [u64; 2],
        target: &Target,
        cells: Vec<(String, CellValue)>,
        at: &At,
    ) -> Result<()> {
        let mut change = self.change_since(table, before);
        for (name, value) in cells {
            change = change.max(self.give_cell(table, target.address, &name, value, at)?);
        }
        self.count_change(change);
        Ok(())
    }

    /// Counts a record by what became of its row.
    pub(super) fn count_change(&mut self, change: CellChange) {
        let records = &mut self.report.records;
        match change {
            CellChange::Same => records.unchanged += 1,
            CellChange::Kept => records.changed_kept += 1,
            CellChange::Added => records.added += 1,
            CellChange::Replaced => records.replaced += 1,
        }
    }
}
