//! An annotation as it is written, and the statement that it becomes.

use super::Category;
use super::segmentation::{Runs, polygons_of, runs_in};
use crate::error::{Error, Result};
use crate::format::numbers::whole_number;
use crate::import::annotations::{Fields, box_of_pixels, others, parsed};
use crate::import::plain;
use crate::import::raw::{self, ObjectText, id_of_json};
use crate::import::report::{At, Kind};
use crate::import::run::{Run, Target, statement};
use crate::schema::rows::{LabelRow, RegionRow};
use std::borrow::Cow;

/// An annotation as it is written.
pub(super) struct Drawn<'a> {
    text: &'a str,
    /// The id of the image that it is about.
    pub(super) image: Cow<'a, str>,
    said: Said<'a>,
}

/// What an annotation says.
#[derive(Default)]
struct Said<'a> {
    image: Option<&'a str>,
    bbox: Option<[f64; 4]>,
    polygons: Vec<Vec<f64>>,
    runs: Option<Runs<'a>>,
    caption: Option<&'a str>,
    score: Option<&'a str>,
    /// All other fields as they are written, `id` and `category_id` among them.
    others: Vec<(Cow<'a, str>, &'a str)>,
}

impl<'a> Drawn<'a> {
    pub(super) fn of(text: &'a str) -> Result<Self> {
        let said = match Said::of_plain(text) {
            Some(said) => said,
            None => Said::of(Fields::of(text)?)?,
        };
        let image = said.image.and_then(key_of).ok_or_else(|| Error::input("it has no `image_id`"))?;
        Ok(Self { text, image, said })
    }

    pub(super) fn id(&self) -> Option<Cow<'a, str>> {
        self.other("id").and_then(key_of)
    }

    pub(super) fn category(&self) -> Option<Cow<'a, str>> {
        self.other("category_id").and_then(key_of)
    }

    fn other(&self, key: &str) -> Option<&'a str> {
        self.said.others.iter().find(|(name, _)| name == key).map(|(_, value)| *value)
    }

    /// Takes it as a statement about a picture of this size; the category is what it says, and what that is.
    pub(super) fn take(
        self,
        run: &mut Run<'_>,
        category: Option<(&str, Option<&Category>)>,
        size: Option<(f64, f64)>,
        target: &Target,
        at: &At,
    ) -> Result<()> {
        let mut row = statement(at.id.clone().unwrap_or_default(), &run.options.source.id, target);
        if let Some((id, None)) = category {
            run.report.find(Kind::Doubtful, at, format!("category {id} is not among `categories`"));
        }
        let known = category.and_then(|(_, category)| category);
        let axis = known.and_then(|category| category.axis.clone()).unwrap_or_else(|| run.axis());
        if let Some((id, category)) = category {
            let raw = category.map_or(id, |category| &category.name).to_owned();
            row.labels.push(LabelRow { axis: axis.clone(), raw, ..LabelRow::default() });
        }
        if self.other("segments_info").is_some() {
            let what = "its `segments_info` (panoptic COCO) is kept in `extra`, and no class, box or mask is made of it: masks \
                        in PNG are read by a map of their colours";
            run.report.find(Kind::Doubtful, at, what);
        }
        row.text = parsed("caption", self.said.caption)?;
        self.tell_unsaid(run, category.is_some(), row.text.is_some(), at);
        let mut region = RegionRow { score: parsed("score", self.said.score)?, ..RegionRow::default() };
        match size {
            Some(size) => self.place(&mut region, size),
            None if self.said.bbox.is_some() || !self.said.polygons.is_empty() => {
                run.report.find(Kind::Doubtful, at, "the picture's size is not known: its box is kept in `extra`");
            }
            None => {}
        }
        let mut mask = None;
        if let Some(runs) = &self.said.runs {
            let drawn = runs.draw(size)?;
            let sides = (drawn.width as i32, drawn.height as i32);
            let drawn = run.mask(&format!("{}/mask", row.id), &drawn.to_png()?, sides, target)?;
            region.mask = Some(drawn.address);
            mask = Some(drawn);
        }
        if region != RegionRow::default() {
            row.regions = vec![RegionRow { role: Some(axis), ..region }];
        }
        row.extra = self.extra(size.is_some())?;
        let unplaced = || self.extra(false);
        match &mask {
            Some(mask) => run.annotate_placed(row, &[target, mask], Some(&unplaced), at),
            None => run.annotate_placed(row, &[target], Some(&unplaced), at),
        }
    }

    /// Tells where it does not say what it shows, or where that is.
    fn tell_unsaid(&self, run: &mut Run<'_>, has_category: bool, is_caption: bool, at: &At) {
        if is_caption || self.other("segments_info").is_some() {
            return;
        }
        if !has_category {
            run.report.find(Kind::Doubtful, at, "it has no `category_id`: what it shows is not said");
        }
        if self.said.bbox.is_none() && self.said.polygons.is_empty() && self.said.runs.is_none() {
            run.report.find(Kind::Doubtful, at, "neither `bbox` nor `segmentation` says where it is");
        }
    }

    /// Gives a region its box and its outlines, of a picture of this size.
    fn place(&self, region: &mut RegionRow, (width, height): (f64, f64)) {
        region.bbox = self.said.bbox.map(|bbox| box_of_pixels(bbox, (width, height)));
        let side = |at: usize| if at.is_multiple_of(2) { width } else { height };
        let outline =
            |outline: &Vec<f64>| outline.iter().enumerate().map(|(at, value)| (value / side(at)) as f32).collect();
        let polygons = &self.said.polygons;
        region.polygons = (!polygons.is_empty()).then(|| polygons.iter().map(outline).collect());
    }

    /// What has no column: its box and outlines too, where these could not be placed.
    fn extra(&self, is_placed: bool) -> Result<Option<String>> {
        let has_whole_id = self.other("id").and_then(whole_number::<u64>).is_some();
        if is_placed {
            let mut extra = ObjectText::default();
            let others = self.said.others.iter().filter(|(key, _)| !has_whole_id || key != "id");
            others.for_each(|(key, value)| match key {
                // It stood in quotes as it is.
                Cow::Borrowed(key) => extra.unescaped(key, value),
                Cow::Owned(key) => extra.raw(key, value),
            });
            return Ok(extra.finish());
        }
        let mut known = vec!["image_id", "caption", "score"];
        known.extend(has_whole_id.then_some("id"));
        known.extend(self.said.runs.as_ref().map(|_| "segmentation"));
        Ok(others(&Fields::of(self.text)?.0, &known))
    }
}

/// So many fields are held against each other where an annotation is read as plain.
const PLAIN_FIELDS: usize = 16;

impl<'a> Said<'a> {
    /// Reads an annotation that is as plain as nearly all are.
    fn of_plain(text: &'a str) -> Option<Self> {
        let mut said = Self { others: Vec::with_capacity(8), ..Self::default() };
        let (mut keys, mut count) = ([""; PLAIN_FIELDS], 0);
        plain::each_field(text, |key, value| {
            let is_new = !keys.get(..count)?.contains(&key);
            *keys.get_mut(count)? = key;
            count += 1;
            said.take(Cow::Borrowed(key), value).ok().filter(|()| is_new)
        })?;
        Some(said)
    }

    fn of(fields: Fields<'a>) -> Result<Self> {
        let mut said = Self::default();
        fields.0.into_iter().try_for_each(|(key, value)| said.take(key, value.get()))?;
        Ok(said)
    }

    fn take(&mut self, key: Cow<'a, str>, value: &'a str) -> Result<()> {
        match &*key {
            "image_id" => self.image = Some(value),
            "bbox" => self.bbox = bbox_of(value)?,
            "segmentation" if value.starts_with('{') => self.runs = runs_in(value)?,
            "segmentation" => self.polygons = polygons_of(value)?,
            "caption" => self.caption = Some(value),
            "score" => self.score = Some(value),
            _ => self.others.push((key, value)),
        }
        Ok(())
    }
}

/// A box as x, y, width and height; none where the list is empty.
fn bbox_of(value: &str) -> Result<Option<[f64; 4]>> {
    if let Some(numbers) = plain::four_numbers(value) {
        return Ok(Some(numbers));
    }
    let numbers: Vec<f64> = parsed("bbox", Some(value))?.unwrap_or_default();
    match numbers[..] {
        [] => Ok(None),
        [x, y, w, h] => Ok(Some([x, y, w, h])),
        _ => Err(Error::input(format!("its `bbox` has {} numbers, not 4", numbers.len()))),
    }
}

/// The id of an annotation that cannot be read.
pub(super) fn id_in(text: &str) -> Option<String> {
    match Fields::of(text) {
        Ok(fields) => fields.get("id").and_then(|id| key_of(id.get())).map(Cow::into_owned),
        Err(_) => raw::id_of(text),
    }
}

/// An id, or what refers to one, of its JSON. Whole numbers that are written as others are (`1.0`, as tables with gaps write
/// them) are the same.
pub(super) fn key_of(json: &str) -> Option<Cow<'_, str>> {
    let key = id_of_json(json)?;
    let whole =
        key.strip_suffix(".0").filter(|_| !json.starts_with('"')).filter(|whole| whole_number::<u64>(whole).is_some());
    Some(match whole {
        Some(whole) => Cow::Owned(whole.to_owned()),
        None => key,
    })
}
