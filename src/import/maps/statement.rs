//! Rows that become statements: about a picture or a moment, a stretch of video, or a place in a picture.

use super::clock::number;
use super::model::{Label, LabelFrom, RowSet};
use super::row::{Fields, Found, Row, items, scalar};
use super::taker::{Subject, Taker, split, text, truth};
use super::text::{About, Kind};
use super::value::{Origin, Piece, Reference};
use crate::error::{Error, Result};
use crate::import::draft::MediaKind;
use crate::import::raw::{ObjectText, joined_objects};
use crate::import::report::{At, Kind as Finding};
use crate::import::run::{Picture, Run, statement};
use crate::schema::rows::{AnnotationRow, LabelRow, RegionRow, TrackRow};

impl Taker<'_> {
    /// Takes a row that is a statement of its own.
    pub(super) fn statement(
        &mut self,
        run: &mut Run<'_>,
        number: usize,
        row: &Row<'_>,
        id: String,
        at: &At,
    ) -> Result<()> {
        let Some(set) = self.table.sets.get(number) else { return Ok(()) };
        let subject = self.subject(run, set, row)?;
        self.tell_video(run, &subject, at)?;
        let RowLabels { labels, doubts, values } = RowLabels::of(set, row)?;
        doubts.into_iter().for_each(|doubt| run.report.find(Finding::Doubtful, at, doubt));
        let (start, end) = match set.kind {
            Kind::Intervals => self.stretch(set, row, &subject)?,
            Kind::Labels if set.about == About::Video => self.one_frame(set, row, &subject)?,
            _ => (None, None),
        };
        let is_of_video = start.is_some();
        let (region, kept, size_of) = self.region(run, set, row, &subject, at)?;
        let target = match (is_of_video, size_of) {
            (true, _) => self.target_video(run, &subject, at)?,
            (false, picture) => {
                let picture = picture.map_or_else(|| self.picture(set, row, &subject), Ok)?;
                run.picture_of(MediaKind::Picture, &picture, &subject.draft, at)?
            }
        };
        let Some(target) = target else { return Ok(()) };
        let mut new = statement(id, &run.options.source.id, &target);
        (new.start, new.end, new.labels) = (start, end, labels);
        new.regions.extend(region);
        new.text = text(row, &set.text)?;
        if kept.is_none() && says_nothing(&new, set, row) {
            run.report.find(
                Finding::Doubtful,
                at,
                "its label is empty, and it has no box and no text: it says nothing",
            );
        }
        let rest = || joined_objects(rest(set, row), values.clone());
        new.extra = joined_objects(rest(), kept);
        fill(&mut new, set, row)?;
        if let (Some(start), Some(end)) = (start, end)
            && set.apart
            && let Some(state) = self.sets.get_mut(number)
        {
            state.spans.note(subject.video.as_deref().unwrap_or_default(), &new.labels, start, end, row.number);
        }
        run.split_of_row = split(row, set)?;
        let unplaced = || {
            let numbers = set.bbox.as_ref().map(|map| map.numbers(row)).transpose()?.flatten();
            Ok(joined_objects(rest(), numbers.and_then(kept_box)))
        };
        run.annotate_placed(new, &[&target], Some(&unplaced), at)
    }

    /// Where a stretch of video starts and ends, in seconds.
    fn stretch(&self, set: &RowSet, row: &Row<'_>, subject: &Subject) -> Result<(Option<f64>, Option<f64>)> {
        let clock = &self.table.clock;
        let need = |value: &Option<_>, what: &str| -> Result<String> {
            text(row, value)?.ok_or_else(|| Error::input(format!("it does not say its {what}")))
        };
        let start = need(&set.start, "start")?;
        let start = clock.seconds(&start, subject.fps, subject.base, false).map_err(|error| of("start", &error))?;
        let end = match (&set.end, &set.length) {
            (Some(_), _) => {
                let end = need(&set.end, "end")?;
                clock.seconds(&end, subject.fps, subject.base, true).map_err(|error| of("end", &error))?
            }
            _ => {
                let length = need(&set.length, "length")?;
                start + clock.seconds(&length, subject.fps, 0, false).map_err(|error| of("length", &error))?
            }
        };
        if end < start {
            return Err(Error::input(format!("it ends at {end} s, before it starts, at {start} s")));
        }
        Ok((Some(start), Some(end)))
    }

    /// The stretch of the video that one frame lasts.
    fn one_frame(&self, set: &RowSet, row: &Row<'_>, subject: &Subject) -> Result<(Option<f64>, Option<f64>)> {
        let moment = self.moment_of(set, row, subject)?;
        let fps = subject.fps.filter(|fps| *fps > 0.0 && fps.is_finite());
        let (Some(time), Some(fps)) = (moment.time, fps) else {
            let message = "how long a frame lasts is not known: give `fps` in the map's clock, or --fps";
            return Err(Error::input(message));
        };
        Ok((Some(time), Some(time + 1.0 / fps)))
    }

    /// The region that a row marks, what of its box could not be used, and the picture that was looked at for its size.
    fn region(
        &self,
        run: &mut Run<'_>,
        set: &RowSet,
        row: &Row<'_>,
        subject: &Subject,
        at: &At,
    ) -> Result<(Option<RegionRow>, Option<String>, Option<Picture>)> {
        let Some(map) = &set.bbox else { return Ok((None, None, None)) };
        let Some(numbers) = map.numbers(row)? else { return Ok((None, None, None)) };
        let picture = self.picture(set, row, subject)?;
        let size = if map.is_in_pixels() { self.size(run, set, row, &picture)? } else { Some((1.0, 1.0)) };
        let mut region = RegionRow { role: text(row, &set.role)?, ..RegionRow::default() };
        region.score =
            set.score.as_ref().map(|score| row.number(score)).transpose()?.flatten().map(|score| score as f32);
        if let Some(id) = set.track.as_ref().map(|track| row.whole(track)).transpose()?.flatten() {
            let scope = text(row, &set.scope)?.unwrap_or_else(|| "video".to_owned());
            region.tracks.push(TrackRow { scope, id });
        }
        let mut kept = None;
        match size {
            Some(size) => region.bbox = Some(map.corners(numbers, size)),
            None => {
                run.report.find(Finding::Doubtful, at, "the picture's size is not known: its box is kept in `extra`");
                kept = kept_box(numbers);
            }
        }
        let region = (region != RegionRow::default()).then_some(region);
        Ok((region, kept, Some(picture)))
    }

    /// The size of a picture, as the row says it, or the picture itself.
    fn size(&self, run: &mut Run<'_>, set: &RowSet, row: &Row<'_>, picture: &Picture) -> Result<Option<(f64, f64)>> {
        let side = |value: &Option<_>| -> Result<Option<f64>> {
            Ok(value.as_ref().map(|value| row.number(value)).transpose()?.flatten())
        };
        if let Some((width, height)) = side(&set.width)?.zip(side(&set.height)?) {
            if !(width >= 1.0 && height >= 1.0) {
                return Err(Error::input(format!("a picture of {width} × {height} pixels is none")));
            }
            return Ok(Some((width, height)));
        }
        if picture.path.is_empty() {
            return Ok(None);
        }
        Ok(run.size_of(picture)?.map(|(width, height)| (f64::from(width), f64::from(height))))
    }
}

/// A box that could not be used, for `extra`.
fn kept_box(numbers: [f64; 4]) -> Option<String> {
    let mut text = ObjectText::default();
    text.raw("box", &format!("[{}]", numbers.map(|number| number.to_string()).join(",")));
    text.finish()
}

/// Whether a statement has no content, and the row does not say that there is none. Columns of marks may all be 0.
pub(super) fn says_nothing(new: &AnnotationRow, set: &RowSet, row: &Row<'_>) -> bool {
    let is_empty = |label: &Label| match &label.from {
        LabelFrom::Raw(from) => row.text(from).is_ok_and(|text| text.is_none_or(|text| text.trim().is_empty())),
        LabelFrom::Columns(_) | LabelFrom::AllColumns => false,
    };
    let has_content = !(new.labels.is_empty() && new.regions.is_empty() && new.text.is_none());
    !has_content && set.labels.iter().all(is_empty)
}

/// The fields of a row that no key takes.
pub(super) fn rest(set: &RowSet, row: &Row<'_>) -> Option<String> {
    match set.takes_all {
        true => row.extra_of_many(&set.used, &set.inner),
        false => row.extra(&set.used, &set.inner),
    }
}

/// Puts into a statement who made it, and how.
pub(super) fn fill(new: &mut AnnotationRow, set: &RowSet, row: &Row<'_>) -> Result<()> {
    new.annotator = text(row, &set.annotator)?;
    new.status = text(row, &set.status)?;
    new.origin = text(row, &set.origin)?;
    new.generator = text(row, &set.generator)?;
    Ok(())
}

/// The labels of a row.
#[derive(Default)]
pub(super) struct RowLabels {
    pub(super) labels: Vec<LabelRow>,
    /// What is doubtful about them.
    pub(super) doubts: Vec<String>,
    /// The values that go with none of them, as the text of an object.
    pub(super) values: Option<String>,
}

impl RowLabels {
    /// # Errors
    /// `Input` where a cell is no label, or a value no number.
    pub(super) fn of(set: &RowSet, row: &Row<'_>) -> Result<Self> {
        let mut labels = Self::default();
        labels.read(set, row)?;
        Ok(labels)
    }

    fn read(&mut self, set: &RowSet, row: &Row<'_>) -> Result<()> {
        for label in &set.labels {
            let axis = text(row, &Some(label.axis.clone()))?.ok_or_else(|| Error::input("a label's axis is empty"))?;
            let value = label.value.as_ref().map(|value| row.number(value)).transpose()?.flatten();
            match &label.from {
                LabelFrom::Raw(from) => {
                    let texts = match &from.pieces[..] {
                        [Piece::From(one)] => several(row, one)?,
                        _ => row.text(from)?.map(|text| text.into_owned()).into_iter().collect(),
                    };
                    for raw in texts {
                        self.add(label, &axis, raw, value);
                    }
                }
                LabelFrom::Columns(columns) => {
                    for path in columns {
                        let from = Reference { origin: Origin::Field(path.clone()), optional: false, digits: 0 };
                        let cell = match row.find(&from)? {
                            Found::Absent | Found::Empty => continue,
                            Found::Text(text) => text,
                            Found::Json(raw) => scalar(raw).ok_or_else(|| not_a_mark(&path.text, raw.get()))?,
                        };
                        if let Some(value) = mark(&path.text, &cell, row.file.has_commas)? {
                            self.add(label, &axis, path.text.clone(), value);
                        }
                    }
                }
                LabelFrom::AllColumns => {
                    for (name, cell) in all(row) {
                        let is_used = set.used.iter().any(|path| path.text == name || path.first == name);
                        if !is_used && let Some(value) = mark(&name, &cell, row.file.has_commas)? {
                            self.add(label, &axis, name, value);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Adds a label, unless it says that there is none.
    fn add(&mut self, label: &Label, axis: &str, raw: String, value: Option<f64>) {
        if raw.trim().is_empty() || label.none.contains(&raw) {
            if let Some(value) = value {
                let mut kept = ObjectText::default();
                kept.raw(&format!("{axis} value"), &value.to_string());
                self.values = joined_objects(self.values.take(), kept.finish());
                self.doubts.push(format!("{raw:?} stands for no {axis}: its value {value} is kept in `extra`"));
            }
            return;
        }
        if !label.known.is_empty() && !label.known.contains(&raw) && !label.axes.contains_key(&raw) {
            self.doubts.push(format!("{raw:?} is none of the labels that the map knows for {axis}"));
        }
        let axis = label.axes.get(&raw).map_or(axis, String::as_str).to_owned();
        self.labels.push(LabelRow { axis, raw, value, ..LabelRow::default() });
    }
}

/// The text of a field, or the texts of a list.
fn several(row: &Row<'_>, from: &Reference) -> Result<Vec<String>> {
    let no_text = || Error::input("a label is a list or an object, not text");
    let list = match row.find(from)? {
        Found::Absent | Found::Empty => return Ok(Vec::new()),
        Found::Text(text) => return Ok(vec![text.into_owned()]),
        Found::Json(raw) => match items(raw) {
            Some(items) => items,
            None => vec![raw],
        },
    };
    list.into_iter().map(|raw| scalar(raw).map(|text| text.into_owned()).ok_or_else(no_text)).collect()
}

/// What a column's cell says of the label that the column is: nothing where it is absent, else the value that goes with
/// it, if that is another than 1.
fn mark(name: &str, cell: &str, has_commas: bool) -> Result<Option<Option<f64>>> {
    if cell.trim().is_empty() {
        return Ok(None);
    }
    match number(cell, has_commas) {
        Some(0.0) => Ok(None),
        Some(1.0) => Ok(Some(None)),
        Some(number) if number.is_finite() => Ok(Some(Some(number))),
        Some(_) => Err(not_a_mark(name, cell)),
        None => Ok(truth(cell).map_err(|_| not_a_mark(name, cell))?.then_some(None)),
    }
}

fn not_a_mark(name: &str, cell: &str) -> Error {
    Error::input(format!("{cell:?} in `{name}` says neither that the label is there nor that it is not"))
}

/// The names and texts of all fields of a row that are single values.
fn all(row: &Row<'_>) -> Vec<(String, String)> {
    match &row.fields {
        Fields::Cells(names, cells) => {
            names.iter().zip(*cells).map(|(name, cell)| (name.clone(), (*cell).to_owned())).collect()
        }
        Fields::Object(fields) => {
            let text = |raw| scalar(raw).filter(|text| text != "null");
            fields.iter().filter_map(|(name, raw)| Some((name.to_string(), text(raw)?.into_owned()))).collect()
        }
        Fields::Whole(_) => Vec::new(),
    }
}

/// A time's fault, with what it is the time of.
fn of(what: &str, error: &Error) -> Error {
    Error::input(format!("its {what}: {}", error.message()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_numbers_or_words() {
        assert_eq!(mark("a", "0", false).unwrap(), None);
        assert_eq!(mark("a", " ", false).unwrap(), None);
        assert_eq!(mark("a", "1", false).unwrap(), Some(None));
        assert_eq!(mark("a", "0.5", false).unwrap(), Some(Some(0.5)));
        assert_eq!(mark("a", "True", false).unwrap(), Some(None));
        assert_eq!(mark("a", "no", false).unwrap(), None);
        assert!(mark("a", "x", false).is_err() && mark("a", "nan", false).is_err());
    }
}
