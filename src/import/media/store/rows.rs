//! Rows that are new: of cases, and of pictures and videos with what their records and paths say of them.

use super::{DEPTH_LIMIT, ShownRows, Store};
use crate::error::Result;
use crate::format::address::Address;
use crate::import::draft::{Draft, FileFields};
use crate::import::media::bytes::{Out, Stored};
use crate::import::media::found::{tell_other_rate, tell_other_size};
use crate::import::media::names::{Named, name_of};
use crate::import::pattern::Pattern;
use crate::import::report::Kind;
use crate::import::sink::Sink;
use crate::schema::record::{self, id_identity};
use crate::schema::rows::{CaseRow, FrameRow, VideoRow};
use crate::schema::tables::Table;

impl Store<'_> {
    /// The case of a patient, written if it is new.
    pub(crate) fn case(&mut self, patient: &str, draft: &Draft, out: &mut Out<'_>) -> Result<Address> {
        let source = &self.options.source;
        let id = draft.case_id(patient);
        if let Some(address) = self.known(Table::Cases, id) {
            self.hear_case(patient, address, draft, out)?;
            return Ok(address);
        }
        let address = match out.sink.lookup(Table::Cases, &source.id, id)? {
            Some(address) => {
                self.hear_case(patient, address, draft, out)?;
                address
            }
            None => {
                self.tell_spelling(patient, out);
                let said = self.said_of_case(patient, draft);
                let is_written = draft.case_of(patient).is_some();
                let or_default = |said: Option<String>, default: &Option<String>| {
                    said.or_else(|| default.clone().filter(|_| !is_written))
                };
                let mut row = CaseRow {
                    id: id.to_owned(),
                    source: source.id.clone(),
                    patient: Some(patient.to_owned()),
                    institution: said.institution.or_else(|| source.defaults.institution.clone()),
                    specialty: or_default(said.specialty, &source.defaults.specialty),
                    procedure: or_default(said.procedure, &source.defaults.procedure),
                    ..said
                };
                row.record = Some(record::of_case(&row));
                let address = out.sink.case(&row)?;
                out.report.row(Table::Cases.name());
                self.heard_case(patient, draft, address)?;
                address
            }
        };
        self.cached.insert(Table::Cases, id, address);
        Ok(address)
    }

    pub(super) fn add(
        &mut self,
        named: &Named<'_>,
        stored: Stored,
        draft: &Draft,
        out: &mut Out<'_>,
    ) -> Result<Address> {
        let source = self.options.source.id.clone();
        let has_case = named.said.is_none_or(|said| !said.no_case);
        let patient = self.patient_of(named, draft.patient.as_deref()).filter(|_| has_case);
        if patient.is_none() && has_case {
            self.tell_no_patient(named, out);
        }
        let case = patient.as_deref().map(|patient| self.case(patient, draft, out)).transpose()?;
        let case_name = patient.map(|patient| name_of(&source, draft.case_id(&patient)));
        let mut path = named.path().map(str::to_owned);
        if let Some(said) = named.said {
            path = said.path.clone().or(path.filter(|_| !said.no_path));
        }
        if named.table == Table::Videos {
            let extra = named.said.and_then(|said| said.extra.clone());
            let mut row = VideoRow { id: named.id.clone(), source, case, path, extra, ..VideoRow::default() };
            if let Some(said) = named.said {
                said.recording.fill(&mut row);
            }
            // What the file says goes before what is said of it.
            stored.fill_video(&mut row);
            tell_other_rate(out, named.said.and_then(|said| said.fps), row.fps);
            row.record = Some(record::of_video(&row, &mut |_, name| {
                name.extend(case_name.as_deref().unwrap_or_default());
                Ok(())
            })?);
            let address = out.sink.video(&row)?;
            out.report.row(named.table.name());
            self.durations.extend(row.duration.map(|duration| (address, duration)));
            if self.options.source.frame_pattern.is_some() && named.stem() != named.id {
                let is_new = self.filmed.insert(named.stem().to_owned(), named.id.clone()).is_none();
                if is_new {
                    self.tell_apart(named.stem(), out);
                }
            }
            self.heard_video(&row, case_name.as_deref(), address)?;
            return Ok(address);
        }
        let kind = named.frame_kind.to_owned();
        let mut row =
            FrameRow { id: named.id.clone(), source, case, kind, path, blob: stored.blob, ..FrameRow::default() };
        (row.width, row.height) = stored.sides();
        if row.blob.is_none()
            && let Some((width, height)) = named.said.and_then(|said| said.size)
        {
            (row.width, row.height) = (Some(width), Some(height));
        }
        if row.blob.is_some() {
            let said = named.said.and_then(|said| said.size).unzip();
            tell_other_size(out, said, (row.width, row.height));
        }
        let mut names = vec![(case, case_name)];
        self.say_of_frame(&mut row, named, draft, &mut names, out)?;
        row.record = Some(record::of_frame(&row, &mut |address, name| {
            let known = names.iter().find(|(other, _)| *other == Some(address));
            name.extend(known.and_then(|(_, name)| name.as_deref()).unwrap_or_default());
            Ok(())
        })?);
        let address = out.sink.frame(&row)?;
        out.report.row(named.table.name());
        let case_name = names.first().and_then(|(_, name)| name.as_deref());
        self.heard_frame(named, &row, case_name, address)?;
        Ok(address)
    }

    /// Puts into a frame's row what its record and its path say of it; adds the names of what it refers to. The first of
    /// these is its case's.
    pub(super) fn say_of_frame(
        &mut self,
        row: &mut FrameRow,
        named: &Named<'_>,
        draft: &Draft,
        names: &mut Vec<(Option<Address>, Option<Vec<u8>>)>,
        out: &mut Out<'_>,
    ) -> Result<()> {
        if let Some(said) = named.said {
            self.apply_said(row, said, draft, names, out)?;
        }
        if self.pattern_of(named).is_some() {
            let case_name = names.first().and_then(|(_, name)| name.clone());
            let video = self.read_pattern(row, named, case_name.as_deref(), out)?;
            names.push((row.video, video));
        }
        Ok(())
    }

    /// The video that the source's pattern reads in a frame's path.
    pub(super) fn video_read_of<'n>(&'n self, named: &'n Named<'_>) -> Option<&'n str> {
        let pattern = self.pattern_of(named).filter(|_| named.table == Table::Frames)?;
        named.read_by(pattern)?.video
    }

    /// The video that a frame is of, as its record or the source's pattern says.
    pub(crate) fn video_meant_by<'n>(&'n self, named: &'n Named<'_>) -> Option<&'n str> {
        named.said.and_then(|said| said.video.as_deref()).or_else(|| self.video_read_of(named))
    }

    /// The source's pattern, where it says what a frame's path means.
    pub(super) fn pattern_of(&self, named: &Named<'_>) -> Option<&Pattern> {
        self.options.source.frame_pattern.as_ref().filter(|_| named.said.is_none_or(|said| said.by_pattern))
    }

    /// Puts into a frame's row what the record says of it; adds the names of what it refers to.
    fn apply_said(
        &mut self,
        row: &mut FrameRow,
        said: &FileFields,
        draft: &Draft,
        names: &mut Vec<(Option<Address>, Option<Vec<u8>>)>,
        out: &mut Out<'_>,
    ) -> Result<()> {
        if let Some(kind) = &said.kind {
            row.kind.clone_from(kind);
        }
        describe(row, said);
        if let Some(path) = &said.video_file {
            row.video = self.other(Table::Videos, path, draft, names, out)?;
        } else if let Some(id) = &said.video {
            let mut video = self.bare_video(id, said.fps);
            let mut case_name = None;
            let known = draft.videos.get(id);
            if known.is_none_or(|known| !known.no_case) {
                video.case = row.case;
                case_name = names.first().and_then(|(_, name)| name.clone());
            }
            if let Some(known) = known {
                known.fill(&mut video);
                video.path.clone_from(&known.path);
                video.extra.clone_from(&known.extra);
            }
            let address = self.video(video, case_name.as_deref(), out)?;
            names.push((Some(address), Some(name_of(&self.options.source.id, id))));
            row.video = Some(address);
        }
        if let Some(path) = &said.parent {
            row.parent = self.other(Table::Frames, path, draft, names, out)?;
        }
        Ok(())
    }

    /// The row of another file that a frame's row refers to; nothing where such references do not end.
    pub(super) fn other(
        &mut self,
        table: Table,
        path: &str,
        draft: &Draft,
        names: &mut Vec<(Option<Address>, Option<Vec<u8>>)>,
        out: &mut Out<'_>,
    ) -> Result<Option<Address>> {
        if self.depth >= DEPTH_LIMIT {
            return Ok(None);
        }
        let item = draft.item_called(path);
        let mut named = Named::of(table, &item, draft);
        self.identify(&mut named, &ShownRows::new(), out.sink)?;
        let located = self.locate(&named, out.sink)?;
        self.depth += 1;
        let found = self.ensure(&named, located, draft, out);
        self.depth -= 1;
        let address = found?;
        names.push((Some(address), Some(name_of(&self.options.source.id, &named.id))));
        Ok(Some(address))
    }

    /// A video of which nothing is known but its id, and how fast its frames come.
    fn bare_video(&self, id: &str, fps: Option<f64>) -> VideoRow {
        VideoRow { id: id.to_owned(), source: self.options.source.id.clone(), fps, ..VideoRow::default() }
    }

    /// The address of a video without a file, written if it is new.
    fn video(&mut self, row: VideoRow, case_name: Option<&[u8]>, out: &mut Out<'_>) -> Result<Address> {
        match self.known_video(&row.id, out.sink)? {
            Some(address) => Ok(address),
            None => self.new_video(row, case_name, out),
        }
    }

    /// The address of a video, if it is there; it was met then.
    pub(crate) fn known_video(&mut self, id: &str, sink: &dyn Sink) -> Result<Option<Address>> {
        if let Some(address) = self.cached.get(Table::Videos, id) {
            return Ok(Some(address));
        }
        let known = sink.lookup(Table::Videos, &self.options.source.id, id)?;
        if let Some(address) = known {
            self.cached.insert(Table::Videos, id, address);
        }
        Ok(known)
    }

    /// Writes a video without a file that is new.
    pub(crate) fn new_video(
        &mut self,
        mut row: VideoRow,
        case_name: Option<&[u8]>,
        out: &mut Out<'_>,
    ) -> Result<Address> {
        row.record = Some(record::of_video(&row, &mut |_, name| {
            name.extend(case_name.unwrap_or_default());
            Ok(())
        })?);
        let address = out.sink.video(&row)?;
        out.report.row(Table::Videos.name());
        self.bare.insert(id_identity(Table::Videos.name(), &row.id), row.fps);
        self.durations.extend(row.duration.map(|duration| (address, duration)));
        self.heard_video(&row, case_name, address)?;
        self.cached.insert(Table::Videos, &row.id, address);
        Ok(address)
    }

    /// How long a video is, in seconds, where that is known; a frame has no length.
    pub(crate) fn duration(&self, address: Address, sink: &dyn Sink) -> Result<Option<f64>> {
        if let Some(duration) = self.durations.get(&address) {
            return Ok(Some(*duration));
        }
        let dataset = sink.dataset();
        // What this import adds is in no table yet.
        match dataset.table_of(address) {
            Ok(Table::Videos) => dataset.video(address)?.duration(),
            _ => Ok(None),
        }
    }

    /// When a frame of this number was taken, in seconds, where the source says how fast its frames come.
    pub(super) fn time_of(&self, index: Option<i64>) -> Option<f64> {
        let source = &self.options.source;
        let first = source.index_base.unwrap_or(0);
        index.zip(source.fps).map(|(index, fps)| (index.saturating_sub(first)) as f64 / fps)
    }

    /// Tells, once both were met, that a video which frames are of by their pattern and a video's file of its name are two.
    fn tell_apart(&self, name: &str, out: &mut Out<'_>) {
        let Some(filmed) = self.filmed.get(name).filter(|_| self.patterned.contains(name)) else { return };
        let message = format!(
            "the frame pattern says that frames are of a video {name:?}, and {filmed:?} is a video of its own: the two are not \
             linked"
        );
        out.report.find(Kind::Doubtful, out.at, message);
    }

    /// Takes video, number and time from a frame's path; the name of the video's row.
    fn read_pattern(
        &mut self,
        row: &mut FrameRow,
        named: &Named<'_>,
        case_name: Option<&[u8]>,
        out: &mut Out<'_>,
    ) -> Result<Option<Vec<u8>>> {
        let source = &self.options.source;
        let Some(pattern) = &source.frame_pattern else { return Ok(None) };
        let Some(names) = named.read_by(pattern) else {
            let above = self.read_from_above(pattern, named.place_from_home()).unwrap_or_default();
            let what = format!("{:?} does not match {:?}{above}", named.place(), pattern.as_str());
            out.report.find(Kind::PatternMismatch, out.at, what);
            return Ok(None);
        };
        row.index = names.index;
        row.time = self.time_of(names.index);
        let Some(video) = names.video.map(str::to_owned) else { return Ok(None) };
        if !self.patterned.contains(&video) {
            self.patterned.insert(video.clone());
            self.tell_apart(&video, out);
        }
        let name = name_of(&source.id, &video);
        let new = VideoRow { case: row.case, ..self.bare_video(&video, source.fps) };
        row.video = Some(self.video(new, case_name, out)?);
        Ok(Some(name))
    }
}

/// Puts into a frame's row what is said of it that refers to no other row.
pub(super) fn describe(row: &mut FrameRow, said: &FileFields) {
    row.origin.clone_from(&said.origin);
    row.generator.clone_from(&said.generator);
    row.extra.clone_from(&said.extra);
    row.index = said.index;
    row.time = said.time;
}
