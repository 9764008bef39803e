//! What is said of pictures and recordings whose rows are there: what they do not say yet is put into them, and
//! where they say something else it is told, or put into them where that is asked for.
//!
//! Rows of before are held against what is said of them. Rows of this import are in no table yet: what was said of them
//! is remembered, and what comes later is put into them once they are committed.

use super::Store;
use super::changes::Differing;
use super::heard::{News, Said, mark};
use super::rows::describe;
use crate::error::{ErrorKind, Result};
use crate::format::address::Address;
use crate::import::draft::Draft;
use crate::import::media::bytes::Out;
use crate::import::media::names::Named;
use crate::import::options::OnChange;
use crate::import::report::Kind;
use crate::schema::rows::{FrameRow, VideoRow};
use crate::schema::tables::{Table, frames, videos};

/// The row, unless it came with this import.
pub(super) fn of_dataset<T>(row: Result<T>) -> Result<Option<T>> {
    match row {
        Ok(row) => Ok(Some(row)),
        Err(error) if error.kind() == ErrorKind::NotInVersion => Ok(None),
        Err(error) => Err(error),
    }
}

/// Notes a column of which something is said.
pub(super) fn say<T>(said: &mut Vec<Said>, column: usize, value: &Option<T>, mark: impl Fn(&T) -> u16) {
    said.extend(value.as_ref().map(|value| (column, mark(value))));
}

impl Store<'_> {
    /// Takes in what is said of an item whose row is there.
    pub(crate) fn hear(&mut self, named: &Named<'_>, address: Address, draft: &Draft, out: &mut Out<'_>) -> Result<()> {
        let has_case = named.said.is_none_or(|said| !said.no_case);
        let patient = self.patient_of(named, draft.patient.as_deref()).filter(|_| has_case);
        if let Some(patient) = &patient {
            self.hear_case_if_there(patient, draft, out)?;
        }
        match named.table {
            Table::Videos => {
                let extra = named.said.and_then(|said| said.extra.clone());
                let said = VideoRow { id: named.id.clone(), extra, ..VideoRow::default() };
                self.hear_video(&said, address, patient.as_deref(), draft, out)
            }
            _ => self.hear_frame(named, address, patient.as_deref(), draft, out),
        }
    }

    /// The same of a recording of which this is said, and whose patient this is.
    pub(crate) fn hear_video(
        &mut self,
        said: &VideoRow,
        address: Address,
        patient: Option<&str>,
        draft: &Draft,
        out: &mut Out<'_>,
    ) -> Result<()> {
        let dataset = out.sink.dataset().clone();
        let there = of_dataset(dataset.video(address))?;
        // What a video's own file says goes before what is said of it.
        let is_bare = match &there {
            Some(there) => there.blob()?.is_none(),
            None => self.is_bare(Table::Videos, &said.id),
        };
        let mut sayings = Vec::new();
        if is_bare {
            sayings = of_video(said);
        }
        say(&mut sayings, videos::CASE, &patient, |patient| self.mark_of_case(patient, draft));
        let news = self.heard.hear(address, &sayings);
        self.tell_other(Table::Videos, &said.id, &news, out);
        let extra = there.as_ref().map(|there| there.extra()).transpose()?;
        let is_more = self.hear_extra((Table::Videos, address, &said.id), said.extra.as_deref(), extra, out)?;
        if news.more.is_empty() {
            count_row(is_more, out);
            return Ok(());
        }
        match there {
            Some(there) => self.hold_video(there.to_row()?, (said, &news, is_more), address, (patient, draft), out),
            None => {
                let case = patient.map(|patient| self.case(patient, draft, out)).transpose()?;
                let row = VideoRow { case, ..said.clone() };
                self.late_changes.video(address, &news.more, &row)
            }
        }
    }

    /// Notes what was said of a recording whose row was just written.
    pub(super) fn heard_video(&mut self, row: &VideoRow, case_name: Option<&[u8]>, address: Address) -> Result<()> {
        let mut sayings = of_video(row);
        say(&mut sayings, videos::CASE, &case_name, mark);
        self.heard.hear(address, &sayings);
        self.heard_extra(address, row.extra.as_deref())
    }

    /// Holds a recording of before against what is said of it.
    fn hold_video(
        &mut self,
        mut row: VideoRow,
        (said, news, is_more): (&VideoRow, &News, bool),
        address: Address,
        (patient, draft): (Option<&str>, &Draft),
        out: &mut Out<'_>,
    ) -> Result<()> {
        let mut differing = Differing::default();
        if row.blob.is_none() {
            differing.take(videos::FPS, &mut row.fps, &said.fps);
            differing.take(videos::DURATION, &mut row.duration, &said.duration);
            differing.take(videos::FRAME_COUNT, &mut row.frame_count, &said.frame_count);
            if said.width.is_some() && said.height.is_some() {
                differing.take(videos::WIDTH, &mut row.width, &said.width);
                differing.take(videos::HEIGHT, &mut row.height, &said.height);
            }
        }
        if self.has_other_case(row.case, patient, draft, out)? {
            differing.note(videos::CASE, row.case.is_none());
        }
        let columns = self.columns_to_write((Table::Videos, &said.id), differing, (news, is_more), out);
        if let Some(patient) = patient.filter(|_| columns.contains(&videos::CASE)) {
            row.case = Some(self.case(patient, draft, out)?);
        }
        self.changes.video(address, &columns, &row)
    }

    /// The same of a picture.
    fn hear_frame(
        &mut self,
        named: &Named<'_>,
        address: Address,
        patient: Option<&str>,
        draft: &Draft,
        out: &mut Out<'_>,
    ) -> Result<()> {
        let mut sayings = self.of_frame(named);
        say(&mut sayings, frames::CASE, &patient, |patient| self.mark_of_case(patient, draft));
        let extra = named.said.and_then(|said| said.extra.as_deref());
        if sayings.is_empty() && extra.is_none() {
            return Ok(());
        }
        let dataset = out.sink.dataset().clone();
        let there = of_dataset(dataset.frame(address))?;
        let is_bare = match &there {
            Some(there) => there.blob()?.is_none(),
            None => self.is_bare(Table::Frames, &named.id),
        };
        // The bytes say how large a picture is, where they are there.
        sayings.retain(|(column, _)| is_bare || ![frames::WIDTH, frames::HEIGHT].contains(column));
        let mut news = self.heard.hear(address, &sayings);
        if news.more.contains(&frames::VIDEO) {
            news.more.retain(|column| *column != frames::VIDEO);
            let video = there.as_ref().map(|there| there.video()).transpose()?.flatten();
            if video.is_none() {
                self.tell_video(named, out);
            }
        }
        if there.is_none() && news.more.contains(&frames::KIND) {
            // Of which nothing is said is what a conversation shows.
            news.more.retain(|column| *column != frames::KIND);
            let is_other = named.said.and_then(|said| said.kind.as_deref()).is_some_and(|kind| kind != "rgb");
            news.other.extend(is_other.then_some(frames::KIND));
        }
        self.tell_other(Table::Frames, &named.id, &news, out);
        let extra_there = there.as_ref().map(|there| there.extra()).transpose()?;
        let is_more = self.hear_extra((Table::Frames, address, &named.id), extra, extra_there, out)?;
        if news.more.is_empty() {
            count_row(is_more, out);
            return Ok(());
        }
        match there {
            Some(there) => self.hold_frame(there.to_row()?, (named, &news, is_more), address, (patient, draft), out),
            None => {
                let row = self.said_of_new_frame(named, &news, patient, draft, out)?;
                self.late_changes.frame(address, &news.more, &row)
            }
        }
    }

    /// Tells that a picture's row has no video, and that one is said now: rows are found by it, so that it stays.
    fn tell_video(&self, named: &Named<'_>, out: &mut Out<'_>) {
        if self.options.on_change != OnChange::Keep {
            let what = format!(
                "{:?}: its row has no `video`, and cannot get one: frames are found by it; where it is needed, import what \
                 says it first, into a new dataset",
                named.id
            );
            out.report.find(Kind::ChangedRow, out.at, what);
        }
    }

    /// Notes what was said of a picture whose row was just written.
    pub(super) fn heard_frame(
        &mut self,
        named: &Named<'_>,
        row: &FrameRow,
        case_name: Option<&[u8]>,
        address: Address,
    ) -> Result<()> {
        let mut sayings = self.of_frame(named);
        say(&mut sayings, frames::CASE, &case_name, mark);
        sayings.retain(|(column, _)| *column != frames::KIND);
        if row.kind != "rgb" {
            sayings.push((frames::KIND, mark(&row.kind)));
        }
        self.heard.hear(address, &sayings);
        self.heard_extra(address, row.extra.as_deref())
    }

    /// What is said of a picture, but whose it is, and further fields.
    fn of_frame(&self, named: &Named<'_>) -> Vec<Said> {
        let row = self.said_of_frame(named);
        let mut sayings = Vec::new();
        say(&mut sayings, frames::INDEX, &row.index, mark);
        say(&mut sayings, frames::TIME, &row.time, |time| mark(&time.to_bits()));
        say(&mut sayings, frames::ORIGIN, &row.origin, mark);
        say(&mut sayings, frames::GENERATOR, &row.generator, mark);
        say(&mut sayings, frames::WIDTH, &row.width, mark);
        say(&mut sayings, frames::HEIGHT, &row.height, mark);
        if let Some(said) = named.said {
            say(&mut sayings, frames::KIND, &said.kind, mark);
            // They are written in more than one way: only whether there is one counts.
            say(&mut sayings, frames::PARENT, &said.parent, |_| 0);
            say(&mut sayings, frames::VIDEO, &said.video.as_ref().or(said.video_file.as_ref()), |_| 0);
        }
        if !sayings.iter().any(|(column, _)| *column == frames::VIDEO) && self.video_read_of(named).is_some() {
            sayings.push((frames::VIDEO, 0));
        }
        sayings
    }

    /// What is said of a picture whose row came with this import, with the rows that it refers to.
    fn said_of_new_frame(
        &mut self,
        named: &Named<'_>,
        news: &News,
        patient: Option<&str>,
        draft: &Draft,
        out: &mut Out<'_>,
    ) -> Result<FrameRow> {
        let case = patient.map(|patient| self.case(patient, draft, out)).transpose()?;
        let parent = match named.said.and_then(|said| said.parent.as_ref()) {
            Some(path) if news.more.contains(&frames::PARENT) => {
                self.other(Table::Frames, path, draft, &mut Vec::new(), out)?
            }
            _ => None,
        };
        Ok(FrameRow { case, parent, kind: "rgb".into(), ..self.said_of_frame(named) })
    }

    /// Holds a picture of before against what is said of it.
    fn hold_frame(
        &mut self,
        mut row: FrameRow,
        (named, news, is_more): (&Named<'_>, &News, bool),
        address: Address,
        (patient, draft): (Option<&str>, &Draft),
        out: &mut Out<'_>,
    ) -> Result<()> {
        let said = self.said_of_frame(named);
        let mut differing = Differing::default();
        differing.take(frames::INDEX, &mut row.index, &said.index);
        differing.take(frames::TIME, &mut row.time, &said.time);
        differing.take(frames::ORIGIN, &mut row.origin, &said.origin);
        differing.take(frames::GENERATOR, &mut row.generator, &said.generator);
        if row.blob.is_none() {
            differing.take(frames::WIDTH, &mut row.width, &said.width);
            differing.take(frames::HEIGHT, &mut row.height, &said.height);
        }
        if let Some(kind) = named.said.and_then(|said| said.kind.as_ref())
            && *kind != row.kind
        {
            row.kind.clone_from(kind);
            differing.note(frames::KIND, false);
        }
        if self.has_other_case(row.case, patient, draft, out)? {
            differing.note(frames::CASE, row.case.is_none());
        }
        if row.parent.is_none() && news.more.contains(&frames::PARENT) {
            differing.note(frames::PARENT, true);
        }
        let columns = self.columns_to_write((Table::Frames, &named.id), differing, (news, is_more), out);
        if let Some(patient) = patient.filter(|_| columns.contains(&frames::CASE)) {
            row.case = Some(self.case(patient, draft, out)?);
        }
        if columns.contains(&frames::PARENT) {
            row.parent = self.said_of_new_frame(named, news, patient, draft, out)?.parent;
        }
        self.changes.frame(address, &columns, &row)
    }

    /// What the record and the path say of a frame: of the path's, number and time alone.
    fn said_of_frame(&self, named: &Named<'_>) -> FrameRow {
        let mut row = FrameRow::default();
        if let Some(said) = named.said {
            describe(&mut row, said);
            (row.width, row.height) = said.size.unzip();
        }
        if let Some(names) = self.pattern_of(named).and_then(|pattern| named.read_by(pattern)) {
            row.index = names.index;
            row.time = self.time_of(names.index);
        }
        row
    }

    /// Tells what this import said otherwise of a row before.
    pub(super) fn tell_other(&self, table: Table, id: &str, news: &News, out: &mut Out<'_>) {
        self.tell_said_before(&names_of(table, &news.other), id, out);
    }

    pub(super) fn tell_said_before(&self, names: &[String], id: &str, out: &mut Out<'_>) {
        if !names.is_empty() && self.options.on_change != OnChange::Keep {
            let names = names.join(", ");
            let what = format!("this import said another {names} of {id:?} before, and that was kept");
            out.report.find(Kind::ChangedRow, out.at, what);
        }
    }

    /// Which columns of a row of before are to be written: those that say nothing yet, and the others where that is asked
    /// for; told where it is not.
    pub(super) fn columns_to_write(
        &self,
        (table, id): (Table, &str),
        differing: Differing,
        (news, is_more): (&News, bool),
        out: &mut Out<'_>,
    ) -> Vec<usize> {
        let Differing { mut empty, mut other } = differing;
        [&mut empty, &mut other].into_iter().for_each(|columns| columns.retain(|column| news.more.contains(column)));
        match self.options.on_change {
            OnChange::Keep => return Vec::new(),
            OnChange::Replace => empty.append(&mut other),
            OnChange::Report | OnChange::Add => tell_left(table, &names_of(table, &other), id, out),
        }
        count_row(is_more || !empty.is_empty(), out);
        empty
    }
}

/// Counts a row of before into which something is put.
pub(super) fn count_row(is_rewritten: bool, out: &mut Out<'_>) {
    out.report.media.rewritten += u64::from(is_rewritten);
}

/// Tells what stands in a row of before otherwise than it is said now.
pub(super) fn tell_left(table: Table, names: &[String], id: &str, out: &mut Out<'_>) {
    if !names.is_empty() {
        let (row, names) = (table.row_name(), names.join(", "));
        let what = format!("{id:?}: the dataset's {row} has another {names}; it was left as it was");
        out.report.find(Kind::ChangedRow, out.at, what);
    }
}

/// Columns by their names, to be told.
fn names_of(table: Table, columns: &[usize]) -> Vec<String> {
    columns.iter().filter_map(|at| Some(format!("`{}`", table.columns().get(*at)?.name))).collect()
}

/// What is said of a recording that its file would say too.
fn of_video(row: &VideoRow) -> Vec<Said> {
    let mut sayings = Vec::new();
    say(&mut sayings, videos::FPS, &row.fps, |fps| mark(&fps.to_bits()));
    say(&mut sayings, videos::DURATION, &row.duration, |duration| mark(&duration.to_bits()));
    say(&mut sayings, videos::FRAME_COUNT, &row.frame_count, mark);
    if row.width.is_some() && row.height.is_some() {
        say(&mut sayings, videos::WIDTH, &row.width, mark);
        say(&mut sayings, videos::HEIGHT, &row.height, mark);
    }
    sayings
}
