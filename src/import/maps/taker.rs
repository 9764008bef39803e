//! What rows become: recordings, pictures, statements, conversations.

use super::literal;
use super::model::{AddedColumn, RowSet, Table};
use super::restated::Restated;
use super::row::Row;
use super::runs::{OpenRun, Spans};
use super::text::{CellType, Kind};
use super::value::{FieldPath, Value};
use crate::error::{Error, Result};
use crate::import::annotations::{beside, size_of, stem};
use crate::import::draft::{Draft, FileFields};
use crate::import::inputs::Input;
use crate::import::report::At;
use crate::import::run::{CellValue, Picture, Run, Target};
use crate::import::source::PatientFrom;
use crate::schema::rows::VideoRow;
use crate::schema::tables;
use std::borrow::Cow;
use std::collections::HashMap;

/// How many videos of a file are held.
const MET_LIMIT: usize = 4096;

/// Takes the rows of a file.
pub(super) struct Taker<'m> {
    pub(super) table: &'m Table,
    pub(super) input: &'m Input,
    pub(super) sets: Vec<SetState>,
    /// The videos that rows were about, with their patients.
    met: HashMap<(String, Option<String>), Target>,
    /// The video of the last row.
    last: Option<String>,
}

/// What is held between the rows of a set.
#[derive(Default)]
pub(super) struct SetState {
    /// Whether a row of it was met.
    is_met: bool,
    /// Stretches that may go on with the next row, by their videos.
    pub(super) open: HashMap<Option<String>, OpenRun>,
    pub(super) spans: Spans,
    pub(super) restated: Restated,
}

/// What a row says of the video and the patient that it is about.
pub(super) struct Subject {
    pub(super) video: Option<String>,
    /// The patient, by the canonical key, and what is known of the case.
    pub(super) draft: Draft,
    pub(super) fps: Option<f64>,
    pub(super) base: i64,
}

impl<'m> Taker<'m> {
    pub(super) fn new(table: &'m Table, input: &'m Input) -> Self {
        let sets = table.sets.iter().map(|_| SetState::default()).collect();
        Self { table, input, sets, met: HashMap::new(), last: None }
    }

    /// Takes a row of the set with this number.
    pub(super) fn row(&mut self, run: &mut Run<'_>, number: usize, row: &Row<'_>, at: &mut At) -> Result<()> {
        let Some(set) = self.table.sets.get(number) else { return Ok(()) };
        if number == 0 || self.table.form.is_json() {
            run.report.count_listed(if row.is_empty() { "empty rows" } else { &set.name });
        }
        if row.is_empty() {
            return Ok(());
        }
        if let Some(state) = self.sets.get_mut(number).filter(|state| !state.is_met) {
            state.is_met = true;
            literal::tell(run, set, row, at);
        }
        if set.institution.is_some()
            && let Ok(subject) = self.subject(run, set, row)
        {
            run.tell_institution(&subject.draft, at);
        }
        match set.kind {
            Kind::Videos => run.take(at, |run, at| self.video(run, set, row, at)),
            Kind::Frames => run.take(at, |run, at| self.frame(run, set, row, at)),
            Kind::Intervals if set.runs => self.moment(run, number, row, at),
            Kind::Labels | Kind::Intervals | Kind::Boxes => {
                let id = self.id(run, set, row, at);
                at.id = id.as_ref().ok().cloned();
                run.take(at, |run, at| id.and_then(|id| self.statement(run, number, row, id, at)))
            }
            Kind::Conversations => {
                let id = self.id(run, set, row, at);
                at.id = id.as_ref().ok().cloned();
                run.take(at, |run, at| id.and_then(|id| self.conversation(run, set, row, id, at)))
            }
        }
    }

    /// Takes what is left at a file's end, and tells what rows have to do with each other.
    pub(super) fn finish(&mut self, run: &mut Run<'_>, at: &mut At) -> Result<()> {
        for number in 0..self.sets.len() {
            self.close_all(run, number)?;
            if let Some(state) = self.sets.get_mut(number) {
                state.spans.tell(run, at);
                state.restated.tell(run, at)?;
            }
        }
        Ok(())
    }

    /// The row's id: what the map says, else the file's name and the row's number.
    pub(super) fn id(&self, run: &mut Run<'_>, set: &RowSet, row: &Row<'_>, at: &At) -> Result<String> {
        let said = set.id.as_ref().map(|id| need(row, id, "id")).transpose()?;
        let is_asked = set.kind == Kind::Conversations;
        let table = if is_asked { tables::Table::Conversations } else { tables::Table::Annotations };
        let id = match said {
            Some(id) => id,
            None => {
                let name = if is_asked { &self.input.name } else { stem(self.input) };
                let beginning = match self.table.sets.len() {
                    1 => Cow::Borrowed(name),
                    _ => Cow::Owned(format!("{name}/{}", set.name)),
                };
                run.number_id(table, &beginning, row.number)?
            }
        };
        run.record_id(table, id, at)
    }

    /// What a row says of the video and the patient.
    pub(super) fn subject(&self, run: &Run<'_>, set: &RowSet, row: &Row<'_>) -> Result<Subject> {
        let source = &run.options.source;
        let mut subject = Subject {
            video: text(row, &set.video)?,
            draft: Draft {
                institution: text(row, &set.institution)?,
                specialty: text(row, &set.specialty)?,
                procedure: text(row, &set.procedure)?,
                ..Draft::default()
            },
            fps: set.fps.as_ref().map(|fps| row.number(fps)).transpose()?.flatten(),
            base: self.table.clock.base.or(source.index_base).unwrap_or(0),
        };
        subject.fps = subject.fps.or(self.table.clock.fps).or(source.fps);
        subject.draft.patient = patient_name(run, set, row, &subject)?.map(|name| run.options.patient_key(&name));
        Ok(subject)
    }

    fn video(&mut self, run: &mut Run<'_>, set: &RowSet, row: &Row<'_>, at: &At) -> Result<()> {
        let subject = self.subject(run, set, row)?;
        let duration = text(row, &set.duration)?.filter(|text| !text.trim().is_empty());
        let clock = &self.table.clock;
        let duration = duration.map(|text| clock.seconds(&text, subject.fps, 0, false)).transpose()?;
        let side = |value: &Option<Value>| -> Result<Option<i32>> {
            let whole = value.as_ref().map(|value| row.whole(value)).transpose()?.flatten();
            whole
                .map(|side| i32::try_from(side).map_err(|_| Error::input(format!("{side} pixels are no side"))))
                .transpose()
        };
        let video = VideoRow {
            id: subject.video.clone().ok_or_else(|| Error::input("it names no video"))?,
            source: run.options.source.id.clone(),
            fps: subject.fps,
            duration,
            frame_count: set.frame_count.as_ref().map(|count| row.whole(count)).transpose()?.flatten(),
            width: side(&set.width)?,
            height: side(&set.height)?,
            extra: row.extra(&set.used, &set.inner),
            ..VideoRow::default()
        };
        let at = At { id: Some(video.id.clone()), ..at.clone() };
        run.listed_video(video, &subject.draft, cells(row, &set.columns)?, &at)
    }

    fn frame(&mut self, run: &mut Run<'_>, set: &RowSet, row: &Row<'_>, at: &At) -> Result<()> {
        let subject = self.subject(run, set, row)?;
        let mut picture = self.picture(set, row, &subject)?;
        if let Some(id) = text(row, &set.id)? {
            let called = picture.fields.id.take().unwrap_or_default();
            picture.fields.id = Some(run.unique_picture(id, &called, at));
        }
        picture.fields.kind = text(row, &set.frame_kind)?;
        picture.fields.origin = text(row, &set.origin)?;
        picture.fields.generator = text(row, &set.generator)?;
        picture.fields.extra = row.extra(&set.used, &set.inner);
        let at = At { id: picture.fields.id.clone(), ..at.clone() };
        run.listed_frame(&picture, &subject.draft, cells(row, &set.columns)?, &at)
    }

    /// The picture that a row is about: by its path, else by its video and the moment.
    pub(super) fn picture(&self, set: &RowSet, row: &Row<'_>, subject: &Subject) -> Result<Picture> {
        let path = text(row, &set.path)?;
        let moment = self.moment_of(set, row, subject)?;
        let id = match (&path, &subject.video, &moment) {
            (Some(path), ..) => beside(self.input, path),
            (None, Some(video), Moment { name: Some(name), .. }) => format!("{video}/{name}"),
            _ => return Err(Error::input("it names neither a picture, nor a video and the moment")),
        };
        let fields = FileFields {
            id: Some(id),
            by_pattern: path.is_some() && subject.video.is_none(),
            video: subject.video.clone(),
            index: moment.index,
            time: moment.time,
            fps: subject.fps,
            ..FileFields::default()
        };
        let side = |value: &Option<Value>| -> Result<Option<f64>> {
            Ok(value.as_ref().map(|value| row.number(value)).transpose()?.flatten())
        };
        let fields = fields.sized(size_of((side(&set.width)?, side(&set.height)?))?);
        Ok(Picture { path: path.unwrap_or_default(), fields, ..Picture::default() })
    }

    /// The moment of a row, by its frame's number or its time.
    pub(super) fn moment_of(&self, set: &RowSet, row: &Row<'_>, subject: &Subject) -> Result<Moment> {
        let index = set.index.as_ref().map(|index| row.whole(index)).transpose()?.flatten();
        let time = text(row, &set.time)?;
        let seconds = match (&time, index) {
            (Some(time), _) => Some(self.table.clock.seconds(time, subject.fps, subject.base, false)?),
            (None, Some(index)) => subject.fps.map(|fps| index.saturating_sub(subject.base) as f64 / fps),
            (None, None) => None,
        };
        let time = time.map(|time| self.table.clock.canonical(&time)).transpose()?;
        Ok(Moment { index, time: seconds, name: index.map(|index| index.to_string()).or(time) })
    }

    /// Tells where another folder's table spoke of the video that a row is about.
    pub(super) fn tell_video(&mut self, run: &mut Run<'_>, subject: &Subject, at: &At) -> Result<()> {
        let Some(video) = subject.video.as_ref().filter(|video| self.last.as_ref() != Some(video)) else {
            return Ok(());
        };
        self.last = Some(video.clone());
        run.tell_same_recording(self.input, video, at)
    }

    /// The row of the video that a row is about; none where the row's statement is left as it is.
    pub(super) fn target_video(&mut self, run: &mut Run<'_>, subject: &Subject, at: &At) -> Result<Option<Target>> {
        let id = subject.video.as_ref().ok_or_else(|| Error::input("it names no video"))?;
        let key = (id.clone(), subject.draft.patient.clone());
        if let Some(target) = self.met.get(&key) {
            return Ok(Some(target.clone()));
        }
        let row =
            VideoRow { id: id.clone(), source: run.options.source.id.clone(), fps: subject.fps, ..VideoRow::default() };
        if run.is_moved_to(id, at)? {
            return Ok(None);
        }
        let target = match run.find_recording(id, subject.fps, &subject.draft, at)? {
            Some(own) => own,
            None => run.recording_of(row, &subject.draft, at)?,
        };
        if self.met.len() >= MET_LIMIT {
            self.met.clear();
        }
        self.met.insert(key, target.clone());
        Ok(Some(target))
    }
}

/// When something is.
pub(super) struct Moment {
    pub(super) index: Option<i64>,
    /// Seconds from the video's start.
    pub(super) time: Option<f64>,
    /// What it is called within the video.
    pub(super) name: Option<String>,
}

/// The name of the patient whom a row is about.
pub(super) fn patient_name(run: &Run<'_>, set: &RowSet, row: &Row<'_>, subject: &Subject) -> Result<Option<String>> {
    if let Some(patient) = &set.patient {
        return text(row, &Some(patient.clone()));
    }
    match &run.options.source.patient_from {
        None | Some(PatientFrom::Video) => Ok(subject.video.clone()),
        Some(PatientFrom::Field(name)) => {
            let value = Value::of_field(name)?;
            match row.has(&value.fields().map(|(path, _)| path.clone()).collect::<Vec<FieldPath>>()) {
                true => text(row, &Some(value)),
                false => Ok(None),
            }
        }
        Some(PatientFrom::Path(_)) => Ok(None),
    }
}

/// The text of a value; nothing where there is none or it is empty.
pub(super) fn text(row: &Row<'_>, value: &Option<Value>) -> Result<Option<String>> {
    let Some(value) = value else { return Ok(None) };
    Ok(row.text(value)?.filter(|text| !text.is_empty()).map(|text| text.into_owned()))
}

/// The split that a row says, without blanks around it.
pub(super) fn split(row: &Row<'_>, set: &RowSet) -> Result<Option<String>> {
    let split = text(row, &set.split)?.map(|split| split.trim().to_owned());
    Ok(split.filter(|split| !split.is_empty()))
}

/// The text of a value that must say something.
pub(super) fn need(row: &Row<'_>, value: &Value, what: &str) -> Result<String> {
    let text = row.text(value)?.filter(|text| !text.trim().is_empty());
    text.map(|text| text.into_owned()).ok_or_else(|| Error::input(format!("its {what} (`{}`) is empty", value.text)))
}

/// The cells of added columns; an empty one is none.
fn cells(row: &Row<'_>, columns: &[AddedColumn]) -> Result<Vec<(String, CellValue)>> {
    let mut cells = Vec::with_capacity(columns.len());
    for AddedColumn { name, from, ty } in columns {
        let Some(text) = row.text(from)?.filter(|text| !text.is_empty()) else { continue };
        let value = match ty {
            CellType::Text => CellValue::Text(text.into_owned()),
            CellType::Dict => CellValue::Dict(text.into_owned()),
            CellType::Bool => CellValue::Bool(truth(&text)?),
            CellType::Int64 => match row.whole(from)? {
                Some(number) => CellValue::Int(number),
                None => continue,
            },
            CellType::Float64 => match row.number(from)? {
                Some(number) => CellValue::Float(number),
                None => continue,
            },
        };
        cells.push((name.clone(), value));
    }
    Ok(cells)
}

/// Yes or no.
pub(super) fn truth(text: &str) -> Result<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "1" => Ok(true),
        "false" | "no" | "0" => Ok(false),
        _ => Err(Error::input(format!("{text:?} is neither true nor false"))),
    }
}
