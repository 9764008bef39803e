//! Labels of moments that follow each other become stretches; and stretches that overlap are told.

use super::row::Row;
use super::statement::{RowLabels, fill, rest, says_nothing};
use super::taker::{Subject, Taker, split, text};
use crate::error::{Error, Result};
use crate::format::Address;
use crate::import::raw::joined_objects;
use crate::import::report::{At, Kind};
use crate::import::run::{Run, Target, statement};
use crate::schema::rows::{AnnotationRow, LabelRow};
use std::collections::HashMap;

/// A stretch that may go on with the next row.
pub(super) struct OpenRun {
    subject: Subject,
    /// What all its rows say.
    said: AnnotationRow,
    split: Option<String>,
    first: f64,
    last: f64,
    /// None where there is nothing to state.
    id: Option<String>,
    at: At,
    /// The first of its rows.
    number: u64,
    last_row: u64,
}

/// What a row of a run says.
struct RunRow {
    subject: Subject,
    said: AnnotationRow,
    split: Option<String>,
    /// In the clock's unit.
    moment: f64,
    doubts: Vec<String>,
}

/// How many videos of a file may have an open stretch at once: rows of several may come in turns.
const OPEN_LIMIT: usize = 4096;

impl Taker<'_> {
    /// Takes a row that is a moment of a stretch: it goes on with the open one of its video, or ends that and begins
    /// another.
    pub(super) fn moment(&mut self, run: &mut Run<'_>, number: usize, row: &Row<'_>, at: &mut At) -> Result<()> {
        let RunRow { subject, said, split, moment, doubts } = match self.read_moment(run, number, row) {
            Ok(read) => read,
            Err(error) => return run.take(at, |_, _| Err(error)),
        };
        doubts.into_iter().for_each(|doubt| run.report.find(Kind::Doubtful, at, doubt));
        let Some(set) = self.table.sets.get(number) else { return Ok(()) };
        let open = self.sets.get_mut(number).and_then(|state| state.open.get_mut(&subject.video));
        if let Some(open) = open {
            let last = open.last;
            if moment <= last {
                let message = format!("the moments of a video must go forwards, and {moment} comes after {last}");
                return run.take(at, |_, _| Err(Error::input(message)));
            }
            let follows = moment - last <= set.step * 1.5;
            if !follows {
                let what = format!("there is no row between {last} and {moment}, and `step` is {}", set.step);
                run.report.find(Kind::Doubtful, at, what);
            }
            if follows && open.said == said && open.split == split {
                (open.last, open.last_row) = (moment, row.number);
                return Ok(());
            }
        }
        self.make_room(run, number, &subject.video)?;
        if said.extra.is_some() && says_nothing(&said, set, row) {
            let what =
                "its label is empty, and it has no text: its other fields are kept, in a statement that names nothing";
            run.report.find(Kind::Doubtful, at, what);
        }
        // A stretch of which nothing is said becomes no statement; it is open so that what comes next goes forwards.
        let id = match said.labels.is_empty() && said.text.is_none() && said.extra.is_none() {
            true => None,
            false => match self.id(run, set, row, at) {
                Ok(id) => Some(id),
                Err(error) => return run.take(at, |_, _| Err(error)),
            },
        };
        let at = At { id: id.clone(), ..at.clone() };
        let (video, row) = (subject.video.clone(), row.number);
        let open = OpenRun { subject, said, split, first: moment, last: moment, id, at, number: row, last_row: row };
        if let Some(state) = self.sets.get_mut(number) {
            state.open.insert(video, open);
        }
        Ok(())
    }

    /// Ends the open stretch of a video, so that another may begin; and where too many videos have one, that of the
    /// video which was spoken of longest ago.
    fn make_room(&mut self, run: &mut Run<'_>, number: usize, video: &Option<String>) -> Result<()> {
        let Some(state) = self.sets.get_mut(number) else { return Ok(()) };
        let mut ended = state.open.remove(video);
        if ended.is_none() && state.open.len() >= OPEN_LIMIT {
            let oldest = state.open.iter().min_by_key(|(_, open)| open.last_row);
            let oldest = oldest.map(|(video, _)| video.clone());
            ended = oldest.and_then(|video| state.open.remove(&video));
        }
        ended.map_or(Ok(()), |open| self.close(run, number, open))
    }

    /// Ends the open stretches of a set, in the order of their rows.
    pub(super) fn close_all(&mut self, run: &mut Run<'_>, number: usize) -> Result<()> {
        let Some(state) = self.sets.get_mut(number) else { return Ok(()) };
        let mut open: Vec<OpenRun> = std::mem::take(&mut state.open).into_values().collect();
        open.sort_unstable_by_key(|open| open.number);
        open.into_iter().try_for_each(|open| self.close(run, number, open))
    }

    fn read_moment(&self, run: &Run<'_>, number: usize, row: &Row<'_>) -> Result<RunRow> {
        let set = self.table.sets.get(number).ok_or_else(|| Error::invalid("there are no such rows"))?;
        let subject = self.subject(run, set, row)?;
        let RowLabels { labels, doubts, values } = RowLabels::of(set, row)?;
        let nothing = Target { address: Address::new(1 << 32)?, name: [].into() };
        let mut said = statement(String::new(), &run.options.source.id, &nothing);
        said.labels = labels;
        said.text = text(row, &set.text)?;
        said.extra = joined_objects(rest(set, row), values);
        fill(&mut said, set, row)?;
        let moment = match &set.index {
            Some(index) => row.number(index)?,
            None => set.time.as_ref().map(|time| row.number(time)).transpose()?.flatten(),
        };
        match moment {
            Some(moment) if moment.is_finite() => Ok(RunRow { subject, said, split: split(row, set)?, moment, doubts }),
            Some(moment) => Err(Error::input(format!("{moment} is no moment"))),
            None => Err(Error::input("it does not say which moment it is about")),
        }
    }

    /// Takes a stretch that has ended as a statement.
    fn close(&mut self, run: &mut Run<'_>, number: usize, open: OpenRun) -> Result<()> {
        let OpenRun { subject, mut said, split, first, last, id, mut at, number: row, .. } = open;
        let (Some(set), Some(id)) = (self.table.sets.get(number), id) else { return Ok(()) };
        run.take(&mut at, |run, at| {
            self.tell_video(run, &subject, at)?;
            let each = self.table.clock.seconds_each(subject.fps)?;
            let base = subject.base as f64 * if self.table.clock.counts_frames() { 1.0 } else { 0.0 };
            let (start, end) = ((first - base) * each, (last + set.step - base) * each);
            let Some(target) = self.target_video(run, &subject, at)? else { return Ok(()) };
            (said.id, said.target, said.start, said.end) = (id, target.address, Some(start), Some(end));
            if let Some(state) = self.sets.get_mut(number) {
                if set.apart {
                    state.spans.note(subject.video.as_deref().unwrap_or_default(), &said.labels, start, end, row);
                }
                state.restated.note(target.address, &said.source, &said.id, (start, end));
            }
            run.split_of_row = split;
            run.annotate(said, &[&target], at)
        })
    }
}

/// The stretches of a file by video and axis, for telling those that overlap; 24 bytes each.
#[derive(Default)]
pub(super) struct Spans(HashMap<(String, String), Vec<Span>>);

struct Span {
    start: f64,
    end: f64,
    row: u64,
}

/// How much two stretches may overlap without being told, in seconds.
pub(super) const SLACK: f64 = 1e-6;

impl Spans {
    pub(super) fn note(&mut self, video: &str, labels: &[LabelRow], start: f64, end: f64, row: u64) {
        let mut axes: Vec<&str> = labels.iter().map(|label| label.axis.as_str()).collect();
        axes.sort_unstable();
        axes.dedup();
        for axis in axes {
            let spans = self.0.entry((video.to_owned(), axis.to_owned())).or_default();
            spans.push(Span { start, end, row });
        }
    }

    /// Tells which overlap.
    pub(super) fn tell(&mut self, run: &mut Run<'_>, at: &At) {
        let mut all: Vec<((String, String), Vec<Span>)> = self.0.drain().collect();
        all.sort_by(|one, other| one.0.cmp(&other.0));
        for ((video, axis), mut spans) in all {
            spans.sort_by(|one, other| one.start.total_cmp(&other.start));
            let mut longest: Option<&Span> = None;
            for span in &spans {
                if let Some(before) = longest.filter(|before| span.start < before.end - SLACK) {
                    let what = format!(
                        "rows {} and {} of {video:?} overlap on the axis {axis}: {} to {} s, and from {} s",
                        before.row, span.row, before.start, before.end, span.start
                    );
                    run.report.find(Kind::Doubtful, at, what);
                }
                if longest.is_none_or(|before| span.end > before.end) {
                    longest = Some(span);
                }
            }
        }
    }
}
