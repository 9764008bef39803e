//! What the boxes of a whole source say of how they are measured, and what follows from it.
//!
//! Each form that boxes are written in is judged by itself. What speaks against a convention is certain:
//!
//! | a box that | cannot be in |
//! | --- | --- |
//! | has a number beyond 1, or below 0 | 0–1 |
//! | has a number beyond 1000, or below 0, or a fraction and a number beyond 1 | 0–1000 |
//! | lies between 0 and 1 and has a fraction | pixels, 0–1000 |
//! | reaches beyond its picture | pixels |
//! | has its far corner first | any: more than one in a hundred, and they are no corners |
//!
//! What is left is taken only where something speaks for it, as a source in another convention, or in pixels of pictures
//! of another size, would not look like:
//!
//! - 0–1: some have a fraction;
//! - pixels: one in [`LARGE`] or more is beyond 1050 and in its picture, and not just thousandths that went astray; or, on pictures with sides of at most 900, boxes of
//!   [`PICTURES`] pictures end in the last tenth of the picture's width, and as many of its height, and none beyond;
//! - 0–1000: some reach beyond their picture in pixels, and boxes of [`PICTURES`] pictures end between 900 and 1000 along
//!   x, and as many along y, and none beyond.
//!
//! *Beyond* 1 and the picture, and *below* 0, is by more than a twentieth of the side: boxes that leave their picture a
//! little are met everywhere.

use super::SLACK;
use crate::schema::boxes::{Form, Scale, Written};
use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher, RandomState};

/// On how many pictures boxes must end near the edge that a convention has.
pub(super) const PICTURES: usize = 10;
/// Where the last tenth of a side begins.
const NEAR: f64 = 0.9;
/// On pictures with longer sides the last tenth of a side is no other stretch than that before 1000.
const TELLING_SIDE: i32 = 900;
/// One box in so many may have its far corner first.
const DISORDERED: u64 = 100;
/// One box in so many must be too large for thousandths, to be in pixels for that.
const LARGE: u64 = 50;

/// What boxes are on: the name of the picture, and its sides where they are known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OnPicture<'a> {
    pub(crate) name: &'a str,
    pub(crate) size: Option<(i32, i32)>,
}

/// What the boxes of a source say, by form.
#[derive(Debug, Default)]
pub(crate) struct Evidence {
    pub(super) forms: BTreeMap<Form, Seen>,
    hasher: RandomState,
}

impl Evidence {
    /// Whether a picture's size would say something about a box.
    pub(crate) fn needs_size(found: &Written) -> bool {
        found.form != Form::Percent && is_beyond_one(found)
    }

    /// Notes a box or point of this record.
    pub(crate) fn note(&mut self, found: &Written, on: OnPicture<'_>, place: &dyn Fn() -> String) {
        if found.form == Form::Percent {
            return;
        }
        let picture = self.hasher.hash_one(on.name);
        self.forms.entry(found.form).or_default().note(found, picture, on.size, place);
    }
}

/// How often something was met, and where first.
#[derive(Debug, Default)]
pub(super) struct Met {
    count: u64,
    first: String,
}

impl Met {
    fn note(&mut self, is_so: bool, place: &dyn Fn() -> String) {
        if is_so {
            if self.count == 0 {
                self.first = place();
            }
            self.count += 1;
        }
    }
}

/// Pictures, as many as are needed.
#[derive(Debug, Default)]
struct Pictures(HashSet<u64>);

impl Pictures {
    fn note(&mut self, is_so: bool, picture: u64) {
        if is_so && self.0.len() < PICTURES {
            self.0.insert(picture);
        }
    }

    fn are_enough(&self) -> bool {
        self.0.len() >= PICTURES
    }
}

/// What boxes of a form were seen to be.
#[derive(Debug, Default)]
pub(super) struct Seen {
    total: u64,
    /// Their far corner comes first.
    disordered: Met,
    /// Between 0 and 1, with a fraction.
    unit: Met,
    beyond_one: Met,
    /// Beyond 1, and with a fraction.
    parts: Met,
    beyond_thousand: Met,
    /// Beyond 1050, and in their picture.
    large_inside: u64,
    /// Beyond 1, on pictures whose size is known.
    sized: u64,
    beyond_picture: Met,
    /// On which pictures they end in the last tenth of width and height, and of 1000.
    near_sides: [Pictures; 2],
    near_thousand: [Pictures; 2],
}

impl Seen {
    fn note(&mut self, found: &Written, picture: u64, size: Option<(i32, i32)>, place: &dyn Fn() -> String) {
        self.total += 1;
        let (x, y) = found.far_corner();
        let (far, least) = (x.max(y), least(found));
        self.disordered.note(is_disordered(found), place);
        let beyond_one = is_beyond_one(found);
        self.unit.note(is_unit(found), place);
        self.beyond_one.note(beyond_one, place);
        self.parts.note(beyond_one && !found.is_whole(), place);
        self.beyond_thousand.note(far > 1000.0 || least < -SLACK * 1000.0, place);
        for (near, end) in self.near_thousand.iter_mut().zip([x, y]) {
            near.note((1000.0 * NEAR..=1000.0).contains(&end), picture);
        }
        let Some((width, height)) = size.filter(|_| beyond_one) else { return };
        let sides = [(x, width), (y, height)];
        let is_beyond = |(end, side): (f64, i32)| end.max(f64::from(side) - least) > f64::from(side) * (1.0 + SLACK);
        let is_beyond = sides.into_iter().any(is_beyond);
        self.sized += 1;
        self.beyond_picture.note(is_beyond, place);
        self.large_inside += u64::from(!is_beyond && far > 1000.0 * (1.0 + SLACK));
        for (near, (end, side)) in self.near_sides.iter_mut().zip(sides) {
            near.note(side <= TELLING_SIDE && end >= f64::from(side) * NEAR, picture);
        }
    }

    /// The only convention that these boxes can be in, and why; or why it is not certain.
    pub(super) fn verdict(&self) -> Result<(Scale, String), String> {
        self.order()?;
        let Self { total, unit, beyond_one, beyond_picture, .. } = self;
        if let Some(against) = self.against(Scale::Unit) {
            if unit.count > 0 {
                return Err(format!("{} of {total} lie between 0 and 1, and {against}", unit.count));
            }
        } else if unit.count > 0 {
            return Ok((Scale::Unit, format!("all of {total} lie between 0 and 1")));
        } else {
            return Err(format!("all of {total} have no other numbers than 0 and 1"));
        }
        match (self.against(Scale::Pixels), self.against(Scale::Thousand)) {
            (Some(pixels), Some(thousand)) => Err(format!("{pixels}, and {thousand}")),
            (None, _) if self.large_inside > 0 && self.large_inside.saturating_mul(LARGE) >= *total => {
                let why = format!("{} of {total} are beyond 1050, and none beyond its picture", self.large_inside);
                Ok((Scale::Pixels, why))
            }
            (None, _) if self.near_sides.iter().all(Pictures::are_enough) => Ok((
                Scale::Pixels,
                format!("of {} many end near the edges of their pictures, and none beyond", self.sized),
            )),
            (None, _) if self.sized == 0 => {
                Err(format!("{} are beyond 1, and no picture's size is known", beyond_one.count))
            }
            (None, None) => Err(format!("all of {total} may be pixels, and thousandths as well")),
            (None, Some(thousand)) => Err(format!("{thousand}, and too few end near the edges of their pictures")),
            (Some(_), None) if self.near_thousand.iter().all(Pictures::are_enough) => {
                let why = format!(
                    "{} of {} are beyond their picture, and none is beyond 1000",
                    beyond_picture.count, self.sized
                );
                Ok((Scale::Thousand, why))
            }
            (Some(pixels), None) => {
                Err(format!("{pixels}, and too few end near 1000: they may be pixels of pictures of another size"))
            }
        }
    }

    /// What speaks against a convention, if anything does.
    pub(super) fn contradiction(&self, scale: Scale) -> Option<String> {
        self.order().err().or_else(|| self.against(scale))
    }

    fn order(&self) -> Result<(), String> {
        match self.disordered.count.saturating_mul(DISORDERED) > self.total {
            true => Err(self.told(&self.disordered, "have their far corner first, or a width and height in its place")),
            false => Ok(()),
        }
    }

    fn against(&self, scale: Scale) -> Option<String> {
        let unit = (&self.unit, "lie between 0 and 1");
        let speaks: &[(&Met, &str)] = match scale {
            Scale::Unit => &[(&self.beyond_one, "are not between 0 and 1")],
            Scale::Pixels => &[unit, (&self.beyond_picture, "reach beyond their picture as pixels")],
            Scale::Thousand => &[
                unit,
                (&self.beyond_thousand, "are not between 0 and 1000"),
                (&self.parts, "are beyond 1 and have a fraction"),
            ],
        };
        speaks.iter().find(|(met, _)| met.count > 0).map(|(met, what)| self.told(met, what))
    }

    fn told(&self, met: &Met, what: &str) -> String {
        format!("{} of {} {what} (first {})", met.count, self.total, met.first)
    }
}

/// Whether all numbers lie between 0 and 1, and some have a fraction.
pub(super) fn is_unit(found: &Written) -> bool {
    !is_beyond_one(found) && !found.is_whole()
}

fn is_beyond_one(found: &Written) -> bool {
    let (x, y) = found.far_corner();
    x.max(y) > 1.0 + SLACK || least(found) < -SLACK
}

/// The least of the numbers.
fn least(found: &Written) -> f64 {
    found.numbers.iter().map(|number| number.value).fold(f64::INFINITY, f64::min)
}

/// Whether a box has its far corner first. One without width or height says nothing.
fn is_disordered(found: &Written) -> bool {
    match &found.numbers[..] {
        [x0, y0, x1, y1] => x0.value > x1.value || y0.value > y1.value,
        _ => false,
    }
}
