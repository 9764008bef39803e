//! Boxes and points that stand in the text, read as `grounding`: by the convention that the user names, or by one that
//! the source itself leaves no doubt about.
//!
//! A box is read where the record shows exactly one picture, so that it is clear what it is about, and its corners are
//! in order and in (or near) the picture. The text stays as it is; what is left alone is counted with the reason.
//!
//! Where nothing is said (`auto`), the boxes of the first records decide, each form by itself, by the first of these
//! rules that holds:
//!
//! 1. some have a fraction and all lie between 0 and 1: 0–1;
//! 2. some reach beyond 1050, and none beyond its picture: pixels;
//! 3. none is beyond 1050, and three or more (and one in twenty) reach beyond the picture in pixels: 0–1000;
//! 4. none of 20 or more on pictures with a side of at most 800 reaches beyond its picture: pixels;
//! 5. they stand between tags, as whole numbers up to 1000, as models with such tags write them: 0–1000.
//!
//! *Beyond the picture* is by more than a twentieth of its side. What was decided is kept with the import in the
//! manifest, and holds for later imports of the source.

use crate::format::manifest::Source;
use crate::import::draft::{Draft, DraftMedium, MediaKind};
use crate::import::report::BoxReport;
use crate::import::source::BoxConvention;
use crate::schema::boxes::{self, Form, Scale, Written};
use crate::schema::rows::GroundingRow;
use std::collections::BTreeMap;

/// The key of what was decided, among an import's options in the manifest.
pub(super) const OPTION: &str = "boxes";
/// How many boxes of the first records decide.
pub(super) const SAMPLE: u64 = 400;
/// The forms that say nothing of their convention by themselves.
const OPEN: [Form; 4] = [Form::List, Form::Corners, Form::Tagged, Form::Json];
/// How far, in sides, a box may leave its picture and still be one.
const SLACK: f64 = 0.05;
/// How far a box may leave its picture where the convention was named.
const FAR: f64 = 0.5;

/// What boxes are about: the picture's place among the media, and its sides where they are known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Shown {
    pub(super) medium: usize,
    pub(super) size: Option<(i32, i32)>,
}

/// The only picture that a record shows; or why boxes cannot be told to be about one.
pub(super) fn shown_picture(draft: &Draft) -> Result<usize, &'static str> {
    let shows = |medium: &DraftMedium| !medium.output;
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
    !draft.media.is_empty()
        && draft.turns.iter().any(|turn| memchr::memchr3(b'[', b'(', b'<', turn.text.as_bytes()).is_some())
}

/// How boxes are read, and what was read.
#[derive(Debug, Default)]
pub(super) struct Boxes {
    convention: BoxConvention,
    decided: BTreeMap<Form, Scale>,
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
            let said = imports.iter().rev().find_map(|import| import.options.get(OPTION)?.get(form.name())?.as_str());
            if let Some(scale) = said.and_then(|name| name.parse::<Scale>().ok()) {
                boxes.decided.insert(form, scale);
                boxes.report.taken.insert(form.name(), format!("{}: an earlier import found so", scale.name()));
            }
        }
        boxes
    }

    /// Whether boxes are read at all.
    pub(super) fn are_read(&self) -> bool {
        self.convention != BoxConvention::None
    }

    /// Whether there is something left to find out about this source.
    pub(super) fn is_open(&self) -> bool {
        self.convention == BoxConvention::Auto && self.decided.len() < OPEN.len()
    }

    /// Decides by what was seen.
    pub(super) fn decide(&mut self, seen: &Evidence) {
        for (form, seen) in &seen.0 {
            if self.decided.contains_key(form) || *form == Form::Percent {
                continue;
            }
            let what = match seen.verdict(*form) {
                Some((scale, why)) => {
                    self.decided.insert(*form, scale);
                    format!("{}: {why}", scale.name())
                }
                None => "not read: the first records do not say which convention it is; name it with --boxes".into(),
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
    pub(super) fn need_size(&self, found: &[(usize, Written)]) -> bool {
        found.iter().any(|(_, found)| self.scale(found) == Some(Scale::Pixels))
    }

    fn scale(&self, found: &Written) -> Option<Scale> {
        match self.convention {
            BoxConvention::Auto => self.decided.get(&found.form).copied(),
            BoxConvention::Pixels => Some(Scale::Pixels),
            BoxConvention::Unit => Some(Scale::Unit),
            BoxConvention::Thousand => Some(Scale::Thousand),
            BoxConvention::None => None,
        }
    }

    /// Reads these as grounding of the picture.
    pub(super) fn read(&mut self, found: &[(usize, Written)], shown: Result<Shown, &'static str>) -> Vec<GroundingRow> {
        let mut rows = Vec::new();
        for (turn, found) in found {
            match self.one(*turn, found, shown) {
                Ok(row) => {
                    *if found.is_box() { &mut self.report.boxes } else { &mut self.report.points } += 1;
                    rows.push(row);
                }
                Err(reason) => self.leave(reason),
            }
        }
        rows
    }

    fn leave(&mut self, reason: &'static str) {
        *self.report.left.entry(reason).or_default() += 1;
    }

    fn one(
        &self,
        turn: usize,
        found: &Written,
        shown: Result<Shown, &'static str>,
    ) -> Result<GroundingRow, &'static str> {
        let shown = shown?;
        let (width, height) = shown.size.map_or((None, None), |(width, height)| (Some(width), Some(height)));
        let sides = match (found.form, self.scale(found)) {
            (Form::Percent, _) => Some((100.0, 100.0)),
            (_, None) => return Err("the convention is not certain"),
            (_, Some(scale)) => scale.side(width).zip(scale.side(height)),
        };
        let (wide, high) = sides.ok_or("the picture's size is not known")?;
        let side = |at: usize| if at.is_multiple_of(2) { wide } else { high };
        let values: Vec<f64> = found.numbers.iter().enumerate().map(|(at, number)| number.value / side(at)).collect();
        if let [x0, y0, x1, y1] = values[..]
            && !(x0 < x1 && y0 < y1)
        {
            return Err("its corners are not in order");
        }
        let slack = if self.convention == BoxConvention::Auto { SLACK } else { FAR };
        if values.iter().any(|value| !(-slack..=1.0 + slack).contains(value)) {
            return Err("it does not lie in the picture");
        }
        let int = |value: usize| i32::try_from(value).map_err(|_| "it stands too far in the record");
        Ok(GroundingRow {
            turn: int(turn)?,
            byte_start: found.range.start as i64,
            byte_end: found.range.end as i64,
            kind: if found.is_box() { "box" } else { "point" }.to_owned(),
            media: int(shown.medium)?,
            values: values.into_iter().map(|value| value as f32).collect(),
        })
    }
}

/// All that a draft's turns write, with the turns.
pub(super) fn find(draft: &Draft) -> Vec<(usize, Written)> {
    let turns = draft.turns.iter().enumerate();
    turns.flat_map(|(turn, row)| boxes::find(&row.text).into_iter().map(move |found| (turn, found))).collect()
}

/// What the first records' boxes say, by form.
#[derive(Debug, Default)]
pub(super) struct Evidence(BTreeMap<Form, Seen>);

/// What boxes of a form were seen to be.
#[derive(Debug, Default)]
struct Seen {
    total: u64,
    fractions: u64,
    /// Not between 0 and 1.
    beyond_one: u64,
    /// Beyond 1050.
    beyond_thousand: u64,
    /// On pictures whose size is known.
    sized: u64,
    /// Of those, beyond the picture if they are pixels.
    beyond_picture: u64,
    /// On pictures with a side of at most 800, and not beyond.
    telling: u64,
}

impl Evidence {
    /// Notes what a record writes.
    pub(super) fn note(&mut self, found: &[(usize, Written)], size: Option<(i32, i32)>) {
        for (_, found) in found {
            if found.is_box() && !in_order(found) {
                continue;
            }
            let seen = self.0.entry(found.form).or_default();
            let (x, y) = found.far_corner();
            seen.total += 1;
            seen.fractions += u64::from(!found.is_whole());
            seen.beyond_one += u64::from(x.max(y) > 1.0 + SLACK);
            seen.beyond_thousand += u64::from(x.max(y) > 1000.0 * (1.0 + SLACK));
            let Some((width, height)) = size else { continue };
            let is_beyond = |far: f64, side: i32| far > f64::from(side) * (1.0 + SLACK);
            let beyond = is_beyond(x, width) || is_beyond(y, height);
            seen.sized += 1;
            seen.beyond_picture += u64::from(beyond);
            seen.telling += u64::from(!beyond && width.min(height) <= 800);
        }
    }

    /// How many boxes and points were noted.
    pub(super) fn total(&self) -> u64 {
        self.0.values().map(|seen| seen.total).sum()
    }
}

fn in_order(found: &Written) -> bool {
    match &found.numbers[..] {
        [x0, y0, x1, y1] => x0.value < x1.value && y0.value < y1.value,
        _ => true,
    }
}

impl Seen {
    fn verdict(&self, form: Form) -> Option<(Scale, String)> {
        let Self { total, sized, telling, beyond_picture: beyond, .. } = *self;
        if self.fractions > 0 && self.beyond_one == 0 {
            return Some((Scale::Unit, format!("all of {total} lie between 0 and 1")));
        }
        if self.beyond_thousand > 0 {
            let why = || format!("{} of {total} reach beyond 1000, none beyond its picture", self.beyond_thousand);
            return (beyond == 0 && sized > 0).then(|| (Scale::Pixels, why()));
        }
        if beyond >= 3 && beyond.saturating_mul(20) >= sized {
            return Some((Scale::Thousand, format!("{beyond} of {sized} would reach beyond their pictures as pixels")));
        }
        if beyond == 0 && telling >= 20 {
            return Some((Scale::Pixels, format!("none of {telling} reaches beyond its picture")));
        }
        let by_tag = form == Form::Tagged && self.fractions == 0;
        by_tag.then(|| (Scale::Thousand, format!("{total} stand between tags, whole and up to 1000")))
    }
}

#[cfg(test)]
mod tests;
