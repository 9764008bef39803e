//! Action triplets as CholecT50 has them: a JSON file a video, `annotations` by frame number, rows of 15 numbers.
//!
//! A row is `[triplet, instrument, score, x, y, w, h, verb, target, score, x, y, w, h, phase]`; −1 is *absent*, which
//! `null_verb` and `null_target` are not: they are labels. Each row that says anything of an instrument, a verb or a
//! target becomes a statement about its frame, with the labels `instrument`, `verb`, `target`, `triplet` and the boxes,
//! and in `extra` the scores of what has no box; the phase, which each row of a frame
//! repeats, becomes one statement about the frame.

use super::{Fields, beside, fault_of, key_of, stem, without_place};
use crate::error::{Error, Result};
use crate::format::numbers::whole_number;
use crate::import::draft::{FileFields, MediaKind};
use crate::import::inputs::{DigestingReader, Input};
use crate::import::raw::ObjectText;
use crate::import::records::members::{Entry, MemberReader};
use crate::import::report::{At, Kind};
use crate::import::run::{Picture, Run, Target, statement};
use crate::schema::rows::{LabelRow, RegionRow, VideoRow};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;

/// The folders beside the labels that hold pictures.
const FOLDERS: &[&str] = &["videos", "data", "images", "frames"];
const OPENED: &[&str] = &["annotations"];
/// How many numbers a row has.
const WIDTH: usize = 15;

/// What a file says besides its rows.
#[derive(Default)]
struct Head {
    fps: Option<f64>,
    /// Names by axis, in the order of [`AXES`], and by number.
    names: [BTreeMap<i64, String>; AXES.len()],
    extra: Option<String>,
    /// Its categories as they are written.
    categories: Option<String>,
    /// What it calls its video.
    video: Option<String>,
}

const AXES: [&str; 5] = ["triplet", "instrument", "verb", "target", "phase"];
const PHASE: usize = 4;
/// The axes that a row says something on, by their places among [`AXES`], and where in the row.
const PLACES: [(usize, usize); 4] = [(1, 1), (2, 7), (3, 8), (0, 0)];

pub(super) fn read(run: &mut Run<'_>, input: &Input) -> Result<(String, u64)> {
    run.search_around(input, FOLDERS);
    let mut head = head(input)?;
    if let Some(categories) = head.categories.take() {
        run.says.raw("categories", &categories);
    }
    let mut at = At { file: input.name.clone(), ..At::default() };
    let video = stem(input).rsplit('/').next().unwrap_or_default().to_owned();
    let patient = run.patient_of_recording(&video, &beside(input, &path_of(&video, 0)));
    let row = VideoRow {
        id: video.clone(),
        source: run.options.source.id.clone(),
        fps: head.fps.or(run.options.source.fps),
        extra: head.extra.clone(),
        ..VideoRow::default()
    };
    if let Some(said) = head.video.as_ref().filter(|said| !may_be_called(&video, said)) {
        let what =
            format!("it says that it is of the video {said:?}, and is taken as one of {video:?}, as it is called");
        run.report.find(Kind::Doubtful, &at, what);
    }
    match run.recording(row, patient.as_deref(), &at) {
        // So is each of its statements, which are counted.
        Err(error) if run.is_skipped_as_deleted(&error) => {}
        recording => drop(recording?),
    }
    let mut file = Video { head, video, patient, id: stem(input).to_owned() };
    let before = run.progress.bytes;
    let mut reader = MemberReader::new(DigestingReader::open(&input.path)?, OPENED);
    while let Some(member) = reader.next_member() {
        let member = member?;
        if let ("annotations", Entry::Named(number)) = (member.key, member.entry) {
            (at.record, at.line) = (Some(member.value.number), Some(member.value.line));
            file.frame(run, input, number, member.value.text, &mut at)?;
        }
        let behind = before + reader.position();
        run.advance(behind)?;
    }
    reader.input().finish().map_err(|error| Error::io("cannot read on", error))
}

/// Reads everything but the rows.
fn head(input: &Input) -> Result<Head> {
    let file = File::open(&input.path).map_err(|error| Error::io("cannot read it", error))?;
    let mut reader = MemberReader::new(file, &[]).passing_over(OPENED);
    let mut head = Head::default();
    let mut extra = ObjectText::default();
    while let Some(member) = reader.next_member() {
        let member = member.map_err(|error| fault_of(input, OPENED).unwrap_or(error))?;
        match (member.key, member.entry) {
            ("annotations", _) => {
                return Err(Error::input("`annotations` is no object of frames").at_line(member.value.line));
            }
            ("categories", _) => {
                let placed = |error: Error| of_key("categories", &error).at_line(member.value.line);
                let fields = Fields::of(member.value.text).map_err(placed)?;
                head.categories = Some(member.value.text.to_owned());
                for (names, axis) in head.names.iter_mut().zip(AXES) {
                    let written = fields.parse::<BTreeMap<String, String>>(axis).map_err(placed)?.unwrap_or_default();
                    *names = written.into_iter().filter_map(|(key, name)| Some((whole_number(&key)?, name))).collect();
                }
            }
            ("fps", _) => {
                let number = serde_json::from_str(member.value.text);
                head.fps = number.map_err(|error| of_key("fps", &member.value.error(&error)))?;
            }
            (key, _) => {
                if key == "video" {
                    head.video =
                        serde_json::from_str::<&RawValue>(member.value.text).ok().and_then(key_of).map(Cow::into_owned);
                }
                extra.raw(key, member.value.text);
            }
        }
    }
    head.extra = extra.finish();
    if head.fps.is_some_and(|fps| !(fps.is_finite() && fps > 0.0)) {
        return Err(Error::input("`fps` must be above 0"));
    }
    Ok(head)
}

/// A fault, with the member that it is of.
fn of_key(key: &str, error: &Error) -> Error {
    let fault = Error::input(format!("`{key}`: {}", error.message()));
    error.line().into_iter().fold(fault, Error::at_line)
}

/// Whether a video's name and what a file calls its video may be one: `VID68` and 68, `video68`.
fn may_be_called(video: &str, said: &str) -> bool {
    let numbers = |text: &str| -> Vec<u64> {
        text.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect()
    };
    let (of_name, of_file) = (numbers(video), numbers(said));
    video.eq_ignore_ascii_case(said) || of_name.iter().any(|number| of_file.contains(number))
}

/// The path of a frame.
fn path_of(video: &str, index: i64) -> String {
    format!("{video}/{index:06}.png")
}

struct Video {
    head: Head,
    video: String,
    patient: Option<String>,
    /// What ids start with: the file's name, with its folder.
    id: String,
}

impl Video {
    /// Takes all that is said about a frame.
    fn frame(&mut self, run: &mut Run<'_>, input: &Input, number: &str, text: &str, at: &mut At) -> Result<()> {
        run.report.count_read("frames", 1);
        at.id = Some([&*self.id, "/", number].concat());
        let rows: Vec<Vec<f64>> = match serde_json::from_str(text) {
            Ok(rows) => rows,
            Err(error) => {
                let fault = Error::input(format!("the rows of frame {number:?}: {}", without_place(&error)));
                return run.take(at, |_, _| Err(fault));
            }
        };
        let Ok(index) = number.parse::<i64>() else {
            let fault = Error::input(format!("{number:?} is no frame number"));
            return run.take(at, |_, _| Err(fault));
        };
        let mut picture = self.picture(run, input, index);
        let mut phases: Vec<i64> = Vec::new();
        let mut is_stated = false;
        for (place, row) in rows.iter().enumerate() {
            run.report.count_read("rows", 1);
            if let Some(phase) = row.get(WIDTH - 1).and_then(|phase| whole(*phase)).filter(|phase| *phase >= 0)
                && row.len() == WIDTH
                && !phases.contains(&phase)
            {
                phases.push(phase);
            }
            let has_instrument = row.get(1).is_none_or(|instrument| *instrument >= 0.0) || row.len() != WIDTH;
            if !has_instrument && row.first().is_none_or(|triplet| *triplet < 0.0) {
                run.report.count_read("rows without an instrument", 1);
                // One that says anything all the same is a statement.
                if row.iter().take(WIDTH - 1).all(|number| *number < 0.0) {
                    continue;
                }
            }
            is_stated = true;
            at.id = Some([&*self.id, "/", number, "/", &place.to_string()].concat());
            run.take(at, |run, at| {
                self.check(row, number, place)?;
                let Some(target) = run.picture(MediaKind::Picture, &mut picture, at)? else { return Ok(()) };
                self.instance(run, row, &target, at)
            })?;
        }
        at.id = Some([&*self.id, "/", number, "/phase"].concat());
        if phases.len() > 1 {
            run.report.find(Kind::Doubtful, at, format!("frame {number} has {} phases", phases.len()));
        }
        if phases.is_empty() {
            // The picture is there all the same, and without any statement it is a record of its own.
            return match is_stated {
                true => Ok(()),
                false => run.lone(MediaKind::Picture, &picture, at),
            };
        }
        run.take(at, |run, at| {
            let Some(target) = run.picture(MediaKind::Picture, &mut picture, at)? else { return Ok(()) };
            let id = at.id.clone().unwrap_or_default();
            let mut row = statement(id, &run.options.source.id, &target);
            row.labels = phases.iter().map(|phase| self.label(run, PHASE, *phase, at)).collect();
            run.annotate(row, &[&target], at)
        })
    }

    fn picture(&self, run: &Run<'_>, input: &Input, index: i64) -> Picture {
        let path = path_of(&self.video, index);
        let fps = self.head.fps.or(run.options.source.fps);
        let first = run.options.source.index_base.unwrap_or(0);
        let fields = FileFields {
            id: Some(beside(input, &path)),
            video: Some(self.video.clone()),
            index: Some(index),
            time: fps.map(|fps| index.saturating_sub(first) as f64 / fps),
            fps,
            ..FileFields::default()
        };
        Picture { path, fields, patient: self.patient.clone(), ..Picture::default() }
    }

    fn check(&self, row: &[f64], number: &str, place: usize) -> Result<()> {
        if row.len() != WIDTH {
            let message = format!("row {place} of frame {number} has {} numbers, not {WIDTH}", row.len());
            return Err(Error::input(message));
        }
        let ids = [0, 1, 7, 8, 14].into_iter().filter_map(|at| row.get(at));
        match ids.into_iter().find(|id| whole(**id).is_none()) {
            Some(id) => Err(Error::input(format!("row {place} of frame {number}: {id} is no number of a category"))),
            None => Ok(()),
        }
    }

    /// The statement about one instrument.
    fn instance(&self, run: &mut Run<'_>, numbers: &[f64], target: &Target, at: &At) -> Result<()> {
        let id = at.id.clone().unwrap_or_default();
        let mut row = statement(id, &run.options.source.id, target);
        for (axis, place) in PLACES {
            if let Some(number) = numbers.get(place).and_then(|number| whole(*number)).filter(|number| *number >= 0) {
                row.labels.push(self.label(run, axis, number, at));
            }
        }
        let mut extra = ObjectText::default();
        for (role, score, first) in [("instrument", "instrument_score", 3), ("target", "target_score", 10)] {
            let Some(numbers) = numbers.get(first - 1..first + 4) else { continue };
            let region = region(role, numbers);
            // Without a box there is no region that the score could stand with.
            if let (None, Some(value)) = (&region, numbers.first().filter(|value| **value >= 0.0)) {
                extra.raw(score, &serde_json::to_string(value).unwrap_or_default());
            }
            row.regions.extend(region);
        }
        row.extra = extra.finish();
        run.annotate(row, &[target], at)
    }

    /// A label by its number; one that the file has no name for keeps the number.
    fn label(&self, run: &mut Run<'_>, axis: usize, number: i64, at: &At) -> LabelRow {
        let names = &self.head.names[axis];
        let raw = names.get(&number).cloned().unwrap_or_else(|| {
            if !names.is_empty() {
                run.report.find(Kind::Doubtful, at, format!("{} {number} is not among `categories`", AXES[axis]));
            }
            number.to_string()
        });
        LabelRow { axis: AXES[axis].to_owned(), raw, ..LabelRow::default() }
    }
}

/// A region of a score and a box; nothing where the box is absent.
fn region(role: &str, numbers: &[f64]) -> Option<RegionRow> {
    let [score, x, y, w, h] = *numbers else { return None };
    if x < 0.0 && y < 0.0 && w < 0.0 && h < 0.0 {
        return None;
    }
    let bbox = [x, y, x + w, y + h].map(|value| value as f32);
    let score = (score >= 0.0).then_some(score as f32);
    Some(RegionRow { role: Some(role.to_owned()), bbox: Some(bbox), score, ..RegionRow::default() })
}

fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() < 1e15).then_some(number as i64)
}
