//! Boxes and points that stand in the text, read as `grounding`: by the convention that the user names, or by one that
//! the source itself leaves no doubt about.
//!
//! A box is read where the record shows exactly one picture, so that it is clear what it is about, and its corners are
//! in order and in (or near) the picture. The text stays as it is; what is left alone is counted with the reason.
//!
//! Where nothing is said (`auto`), all boxes of the source are looked at before the first one is read ([`evidence`]), and
//! lists of four numbers count as boxes only where the text says so ([`marks`]). What was decided is kept with the import
//! in the manifest; it holds for later imports of the source as long as nothing in them speaks against it. Where it is
//! not certain, boxes are left as text, and the report asks for the convention.

mod evidence;
mod marks;

use crate::format::manifest::Source;
use crate::import::draft::{Draft, DraftMedium, MediaKind};
use crate::import::report::BoxReport;
use crate::import::source::BoxConvention;
use crate::schema::boxes::{self, Form, Scale, Written};
use crate::schema::rows::{GroundingRow, TurnRow};
use marks::Meaning;
use std::collections::{BTreeMap, BTreeSet};

pub(super) use evidence::{Evidence, OnPicture};
pub(super) use marks::may_write_boxes;

/// The key of what was decided, among an import's options in the manifest.
pub(super) const OPTION: &str = "boxes";
/// Why a box is left as text of which it is not certain how it is measured.
const UNCERTAIN: &str = "the convention is not certain";
/// Why a list is left as text that may be no box.
const UNSAID: &str = "nothing beside it says that it is a box";
/// The forms that say nothing of their convention by themselves.
const OPEN: [Form; 4] = [Form::List, Form::Corners, Form::Tagged, Form::Json];
/// How far, in sides, a box may leave its picture and still be one.
const SLACK: f64 = 0.05;
/// How far a box may leave its picture where the convention was named.
const FAR: f64 = 0.5;

/// A box or point, with its turn, and what the texts say of it.
pub(super) struct Found {
    /// Which of the other endings the turn is of; none for the conversation's own.
    pub(super) ending: Option<usize>,
    pub(super) turn: usize,
    pub(super) written: Written,
    meaning: Meaning,
}

/// A box that is left as text, and why; whether naming the convention would help.
pub(super) struct Left {
    pub(super) written: String,
    pub(super) reason: &'static str,
    pub(super) is_uncertain: bool,
}

/// What boxes are about: the picture's place among the media, and its sides where they are known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Shown {
    pub(super) medium: usize,
    pub(super) size: Option<(i32, i32)>,
}

/// The only picture that a record shows; or why boxes cannot be told to be about one.
pub(super) fn shown_picture(draft: &Draft) -> Result<usize, &'static str> {
    let shows = |medium: &DraftMedium| !medium.output && medium.ending.is_none();
    let mut shown = draft.media.iter().enumerate().filter(|(_, medium)| shows(medium));
    match (shown.next(), shown.next()) {
        (Some((at, medium)), None) if medium.kind == MediaKind::Picture => Ok(at),
        (Some(_), None) => Err("the record shows a video"),
        (Some(_), Some(_)) => Err("the record shows more than one picture"),
        (None, _) => Err("the record shows no picture"),
    }
}

/// Whether any text of a draft may have a box.
pub(super) fn may_have_boxes(draft: &Draft) -> bool {
    let endings = draft.alternatives.iter().flat_map(|ending| &ending.turns);
    let mut turns = draft.turns.iter().chain(endings);
    !draft.media.is_empty() && turns.any(|turn| memchr::memchr3(b'[', b'(', b'<', turn.text.as_bytes()).is_some())
}

/// How boxes are read, and what was read.
#[derive(Debug, Default)]
pub(super) struct Boxes {
    convention: BoxConvention,
    decided: BTreeMap<Form, Scale>,
    /// Whether the source's boxes were looked at, and which forms have them.
    is_decided: bool,
    seen: BTreeSet<Form>,
    pub(super) report: BoxReport,
}

impl Boxes {
    /// Reads boxes by this convention; what an earlier import of the source decided holds.
    pub(super) fn new(convention: BoxConvention, earlier: Option<&Source>) -> Self {
        let mut boxes = Self { convention, ..Self::default() };
        if convention != BoxConvention::Auto {
            return boxes;
        }
        let imports = earlier.map(|source| source.imports.as_slice()).unwrap_or_default();
        for form in OPEN {
            // One that was named holds for all forms.
            let said = imports.iter().rev().find_map(|import| {
                let said = import.options.get(OPTION)?;
                said.get(form.name()).unwrap_or(said).as_str()?.parse::<Scale>().ok()
            });
            boxes.decided.extend(said.map(|scale| (form, scale)));
        }
        boxes
    }

    /// Whether boxes are read at all.
    pub(super) fn are_read(&self) -> bool {
        self.convention != BoxConvention::None
    }

    /// Whether all boxes of the source are to be looked at before these are read.
    pub(super) fn need_evidence(&self, found: &[Found]) -> bool {
        let says_nothing = |found: &Found| found.written.form != Form::Percent && found.meaning == Meaning::Box;
        self.convention == BoxConvention::Auto && !self.is_decided && found.iter().any(says_nothing)
    }

    /// Decides by what was seen.
    pub(super) fn decide(&mut self, evidence: &Evidence) {
        self.is_decided = true;
        self.seen = evidence.forms.keys().copied().collect();
        for (form, seen) in &evidence.forms {
            let what = match self.decided.get(form) {
                Some(scale) => match seen.contradiction(*scale) {
                    None => format!("{}: as in an earlier import", scale.name()),
                    Some(against) => {
                        let earlier = scale.name();
                        self.decided.remove(form);
                        format!("not read: an earlier import took {earlier}, and here {against}; name it with --boxes")
                    }
                },
                None => match seen.verdict() {
                    Ok((scale, why)) => {
                        self.decided.insert(*form, scale);
                        format!("{}: {why}", scale.name())
                    }
                    Err(why) => format!("not read: {why}; name it with --boxes"),
                },
            };
            self.report.taken.insert(form.name(), what);
        }
    }

    /// What is to be kept with the import: by form, what was decided.
    pub(super) fn option(&self) -> Option<serde_json::Value> {
        match self.convention {
            BoxConvention::Auto if self.decided.is_empty() => None,
            BoxConvention::Auto => {
                let decided = self.decided.iter().map(|(form, scale)| (form.name().to_owned(), scale.name().into()));
                Some(serde_json::Value::Object(decided.collect()))
            }
            convention => Some(convention.name().into()),
        }
    }

    /// Whether a picture's size is needed for these.
    pub(super) fn need_size(&self, found: &[Found]) -> bool {
        found.iter().any(|found| self.scale(&found.written) == Some(Scale::Pixels))
    }

    fn scale(&self, found: &Written) -> Option<Scale> {
        match self.convention {
            // Not all inputs can be looked at beforehand; what lies between 0 and 1 is certain by itself.
            BoxConvention::Auto => {
                let by_itself =
                    || (!self.seen.contains(&found.form) && evidence::is_unit(found)).then_some(Scale::Unit);
                self.decided.get(&found.form).copied().or_else(by_itself)
            }
            BoxConvention::Pixels => Some(Scale::Pixels),
            BoxConvention::Unit => Some(Scale::Unit),
            BoxConvention::Thousand => Some(Scale::Thousand),
            BoxConvention::None => None,
        }
    }

    /// Reads these as grounding of the picture, each with the ending that it is of; and what is left as text, save lists
    /// that nothing says are boxes, which are counted alone.
    pub(super) fn read(
        &mut self,
        found: &[Found],
        shown: Result<Shown, &'static str>,
        draft: &Draft,
    ) -> (Vec<(Option<usize>, GroundingRow)>, Vec<Left>) {
        let (mut rows, mut all_left) = (Vec::new(), Vec::new());
        for found in found {
            match self.one(found, shown) {
                Ok(row) => {
                    *if found.written.is_box() { &mut self.report.boxes } else { &mut self.report.points } += 1;
                    rows.push((found.ending, row));
                }
                Err(reason) => {
                    *self.report.left.entry(reason).or_default() += 1;
                    let turn = turns_of(draft, found.ending).get(found.turn);
                    let text = turn.and_then(|turn| turn.text.get(found.written.range.clone()));
                    let written = text.unwrap_or_default().to_owned();
                    all_left.extend((reason != UNSAID).then(|| Left {
                        written,
                        reason,
                        is_uncertain: reason == UNCERTAIN,
                    }));
                }
            }
        }
        (rows, all_left)
    }

    /// Makes the numbers of a box that the record lists in this scale parts of the sides of its picture, of this size.
    pub(super) fn settle(
        &mut self,
        place: &mut GroundingRow,
        scale: Scale,
        size: Option<(i32, i32)>,
    ) -> Result<(), &'static str> {
        let sides = scale.side(size.map(|size| size.0)).zip(scale.side(size.map(|size| size.1)));
        let settled = sides.ok_or("the picture's size is not known").and_then(|(wide, high)| {
            let side = |at: usize| if at.is_multiple_of(2) { wide } else { high };
            let values = place.values.iter().enumerate().map(|(at, value)| f64::from(*value) / side(at));
            let values: Vec<f64> = values.collect();
            check_values(&values, FAR).map(|()| values)
        });
        match settled {
            Ok(values) => {
                *if values.len() == 4 { &mut self.report.boxes } else { &mut self.report.points } += 1;
                place.values = values.into_iter().map(|value| value as f32).collect();
                Ok(())
            }
            Err(reason) => {
                *self.report.left.entry(reason).or_default() += 1;
                Err(reason)
            }
        }
    }

    fn one(&self, found: &Found, shown: Result<Shown, &'static str>) -> Result<GroundingRow, &'static str> {
        let Found { turn, written: found, meaning, .. } = found;
        match meaning {
            Meaning::Unsaid if self.convention == BoxConvention::Auto => return Err(UNSAID),
            Meaning::OtherOrder => return Err("the text says that its numbers are not x0, y0, x1, y1"),
            _ => {}
        }
        let shown = shown?;
        let (width, height) = shown.size.map_or((None, None), |(width, height)| (Some(width), Some(height)));
        let sides = match (found.form, self.scale(found)) {
            (Form::Percent, _) => Some((100.0, 100.0)),
            (_, None) => return Err(UNCERTAIN),
            (_, Some(scale)) => scale.side(width).zip(scale.side(height)),
        };
        let (wide, high) = sides.ok_or("the picture's size is not known")?;
        let side = |at: usize| if at.is_multiple_of(2) { wide } else { high };
        let values: Vec<f64> = found.numbers.iter().enumerate().map(|(at, number)| number.value / side(at)).collect();
        check_values(&values, if self.convention == BoxConvention::Auto { SLACK } else { FAR })?;
        let int = |value: usize| i32::try_from(value).map_err(|_| "it stands too far in the record");
        Ok(GroundingRow {
            turn: int(*turn)?,
            byte_start: found.range.start as i64,
            byte_end: found.range.end as i64,
            kind: if found.is_box() { "box" } else { "point" }.to_owned(),
            media: int(shown.medium)?,
            values: values.into_iter().map(|value| value as f32).collect(),
        })
    }
}

/// Checks parts of a picture's sides that lie this far from it at most.
fn check_values(values: &[f64], slack: f64) -> Result<(), &'static str> {
    if let [x0, y0, x1, y1] = values[..]
        && !(x0 < x1 && y0 < y1)
    {
        return Err("its corners are not in order");
    }
    match values.iter().all(|value| (-slack..=1.0 + slack).contains(value)) {
        true => Ok(()),
        false => Err("it does not lie in the picture"),
    }
}

/// All that a draft's turns write, and those of its other endings.
pub(super) fn find(draft: &Draft) -> Vec<Found> {
    let mut all = Vec::new();
    for ending in std::iter::once(None).chain((0..draft.alternatives.len()).map(Some)) {
        for (turn, row) in turns_of(draft, ending).iter().enumerate() {
            let found = boxes::find(&row.text).into_iter();
            all.extend(found.map(|written| {
                let meaning = marks::meaning(draft, (ending, turn), &written);
                Found { ending, turn, meaning, written }
            }));
        }
    }
    all
}

/// The turns of an ending, or of the conversation itself.
fn turns_of(draft: &Draft, ending: Option<usize>) -> &[TurnRow] {
    match ending {
        None => &draft.turns,
        Some(ending) => draft.alternatives.get(ending).map_or(&[], |ending| &ending.turns),
    }
}

impl Found {
    /// Whether it says something of how the source's boxes are measured. Answers that are no good ones may say anything.
    pub(super) fn is_evidence(&self, draft: &Draft) -> bool {
        let ending = self.ending.and_then(|ending| draft.alternatives.get(ending));
        self.meaning == Meaning::Box && ending.is_none_or(|ending| ending.kind == "chosen")
    }
}

#[cfg(test)]
mod tests;
