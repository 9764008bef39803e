//! Reads a mask: a statement for each thing that it shows.

use super::pixels::{Counted, Pixels};
use super::{Masks, said};
use crate::error::{Error, Result};
use crate::import::annotations::rle::Mask;
use crate::import::annotations::{beside, stem};
use crate::import::draft::{Draft, FileFields, MediaKind};
use crate::import::inputs::Input;
use crate::import::maps::model::slashed;
use crate::import::maps::read::facts_of_name;
use crate::import::maps::row::FileFacts;
use crate::import::media::picture;
use crate::import::media::resolve::ends_with;
use crate::import::raw::ObjectText;
use crate::import::report::{At, Kind};
use crate::import::run::{Picture, Run, Target, statement};
use crate::schema::rows::{LabelRow, RegionRow};
use std::io::Cursor;

/// How long the file of a mask may be.
const LENGTH_LIMIT: u64 = 256 << 20;
/// How many colours that no map knows a row names.
const NAMED: usize = 64;
/// As many are of edges that were smoothed, most likely.
const MANY: usize = 8;

/// Imports a mask by the masks that were chosen for it; its digest and length.
pub(in crate::import::maps) fn read(run: &mut Run<'_>, input: &Input, masks: &Masks) -> Result<(String, u64)> {
    if input.bytes > LENGTH_LIMIT {
        return Err(Error::input(format!("{} bytes are too many for a mask", input.bytes)));
    }
    let bytes = std::fs::read(&input.path).map_err(|error| Error::io("cannot read it", error))?;
    let result = (blake3::hash(&bytes).to_hex().to_string(), bytes.len() as u64);
    let behind = run.progress.bytes + result.1;
    run.search_around_mask(input);
    run.report.count_read("masks", 1);
    let whole = slashed(&input.path);
    let facts = FileFacts { names: facts_of_name(masks.captures(&whole), &input.name), ..FileFacts::default() };
    let mut at = At { file: input.name.clone(), ..At::default() };
    match Drawing::of(run, input, masks, &facts, &bytes) {
        Err(fault) => run.take(&mut at, |_, _| Err(fault))?,
        Ok(drawing) => drawing.take(run, input, &mut at)?,
    }
    run.advance(behind)?;
    Ok(result)
}

/// What a mask shows, and of which picture.
struct Drawing {
    of: Picture,
    pixels: Option<Pixels>,
    things: Vec<Thing>,
    /// The colours that the map does not know.
    unknown: Vec<Counted>,
}

/// Something of one label: all its pixels, or those of one instance.
struct Thing {
    axis: Option<String>,
    label: String,
    instance: Option<String>,
    /// The numbers of its colours in the picture.
    numbers: Vec<u16>,
}

impl Drawing {
    fn of(run: &Run<'_>, input: &Input, masks: &Masks, facts: &FileFacts, bytes: &[u8]) -> Result<Self> {
        let path = said(&masks.picture, facts)?;
        let of = run.masked(input, &path)?;
        if of.fields.id.as_deref() == Some(&input.name) {
            return Err(Error::input(format!("its `picture`, {path:?}, is the mask itself")));
        }
        if masks.entries.is_empty() {
            return Ok(Self { of, pixels: None, things: Vec::new(), unknown: Vec::new() });
        }
        let media_type = picture::read(Cursor::new(bytes), &input.name).media_type;
        if media_type != "image/png" {
            let message = format!(
                "it is {media_type}, in which colours are not kept exactly: masks are read from PNG (a map's `masks` \
                 without `colours` keep such a picture without reading it)"
            );
            return Err(Error::input(message));
        }
        let pixels = Pixels::of_png(bytes, masks.is_by_value())?;
        let (mut things, mut unknown): (Vec<Thing>, Vec<Counted>) = (Vec::new(), Vec::new());
        for (number, counted) in pixels.colours.iter().enumerate() {
            let Some(entry) = masks.by_colour.get(&counted.colour).and_then(|number| masks.entries.get(*number)) else {
                if !masks.background.contains(&counted.colour) {
                    unknown.push(counted.clone());
                }
                continue;
            };
            let (label, number) = (said(&entry.label, facts)?, number as u16);
            let axis = entry.axis.as_ref().or(masks.axis.as_ref());
            let is_same = |thing: &&mut Thing| {
                thing.label == label && thing.instance == entry.instance && thing.axis.as_ref() == axis
            };
            match things.iter_mut().find(is_same) {
                Some(thing) => thing.numbers.push(number),
                None => {
                    let (axis, instance) = (axis.cloned(), entry.instance.clone());
                    things.push(Thing { axis, label, instance, numbers: vec![number] });
                }
            }
        }
        Ok(Self { of, pixels: Some(pixels), things, unknown })
    }

    fn take(mut self, run: &mut Run<'_>, input: &Input, at: &mut At) -> Result<()> {
        self.tell(run, at)?;
        // The mask's row names the picture's as what it belongs to.
        let mut draft = Draft::default();
        draft.files.insert(self.of.path.clone(), self.of.fields.clone());
        let fields = FileFields {
            id: Some(input.name.clone()),
            kind: Some("mask".to_owned()),
            parent: Some(self.of.path.clone()),
            extra: self.unknown_text(),
            ..FileFields::default()
        };
        let mask = Picture { path: input.name.clone(), fields, ..Picture::default() };
        let Some(pixels) = self.pixels.as_ref().filter(|_| !self.things.is_empty()) else {
            at.id = Some(input.name.clone());
            return run.lone_of(MediaKind::Picture, &mask, &draft, at);
        };
        let is_whole = self.things.len() == 1 && self.unknown.is_empty() && pixels.is_plain();
        for thing in &self.things {
            let id = run.unique(format!("{}#{}", stem(input), thing.name()), at);
            at.id = Some(id);
            run.take(at, |run, at| {
                let Some(target) = run.picture(MediaKind::Picture, &mut self.of, at)? else { return Ok(()) };
                let Some(mask) = run.picture_of(MediaKind::Picture, &mask, &draft, at)? else { return Ok(()) };
                thing.take(run, pixels, &target, is_whole.then_some(&mask), at)
            })?;
        }
        Ok(())
    }

    /// Tells of colours that are not known, and of another size than the picture's.
    fn tell(&self, run: &mut Run<'_>, at: &At) -> Result<()> {
        let Some(pixels) = &self.pixels else { return Ok(()) };
        if !self.unknown.is_empty() {
            let named = self.unknown.iter().take(MANY).map(|counted| {
                let Counted { colour, pixels, first: (x, y) } = counted;
                let plural = if *pixels == 1 { "" } else { "s" };
                format!("{colour} ({pixels} pixel{plural}, the first at {x}, {y})")
            });
            let mut text = named.collect::<Vec<_>>().join(", ");
            if let Some(more) = self.unknown.get(MANY..).filter(|more| !more.is_empty()) {
                let count: u64 = more.iter().map(|counted| counted.pixels).sum();
                text += &format!(", and {} more ({count} pixels), as edges that were smoothed have", more.len());
            }
            run.report.find(Kind::UnknownColour, at, format!("the map does not know {text}"));
        }
        let sides = (pixels.width as i32, pixels.height as i32);
        if let Some((width, height)) = run.size_of(&self.of)?.filter(|size| *size != sides) {
            let detail = format!(
                "it has {} × {} pixels, and its picture {width} × {height}: what it shows is off unless it was only scaled",
                sides.0, sides.1
            );
            run.report.find(Kind::Doubtful, at, detail);
        }
        Ok(())
    }

    /// The colours that are not known, for the mask's row.
    fn unknown_text(&self) -> Option<String> {
        let entry = |counted: &Counted| {
            let (x, y) = counted.first;
            format!(r#"{{"colour":"{}","pixels":{},"first":[{x},{y}]}}"#, counted.colour, counted.pixels)
        };
        let entries: Vec<String> = self.unknown.iter().take(NAMED).map(entry).collect();
        let mut extra = ObjectText::default();
        if !entries.is_empty() {
            extra.raw("unknown_colours", &format!("[{}]", entries.join(",")));
        }
        if let Some(more) = self.unknown.get(NAMED..).filter(|more| !more.is_empty()) {
            extra.raw("more_unknown_colours", &more.len().to_string());
        }
        extra.finish()
    }
}

impl Thing {
    /// What it is called in its mask.
    fn name(&self) -> String {
        match &self.instance {
            Some(instance) => format!("{}/{instance}", self.label),
            None => self.label.clone(),
        }
    }

    /// Makes the statement; `whole` is the mask's own row, where it shows this thing and nothing else.
    fn take(&self, run: &mut Run<'_>, pixels: &Pixels, target: &Target, whole: Option<&Target>, at: &At) -> Result<()> {
        let id = at.id.clone().unwrap_or_default();
        let mut row = statement(id.clone(), &run.options.source.id, target);
        let axis = self.axis.clone().unwrap_or_else(|| run.axis());
        let part = pixels.part(&self.numbers);
        let mask = match whole {
            Some(mask) => mask.clone(),
            None => {
                let drawn = Mask::of_pixels(pixels.width, pixels.height, part.inside)?;
                run.mask(&format!("{id}/mask"), &drawn.to_png()?, (pixels.width as i32, pixels.height as i32), target)?
            }
        };
        row.labels = vec![LabelRow { axis: axis.clone(), raw: self.label.clone(), ..LabelRow::default() }];
        let region = RegionRow { role: Some(axis), bbox: part.bbox, mask: Some(mask.address), ..RegionRow::default() };
        row.regions = vec![region];
        let mut extra = ObjectText::default();
        let colours = self.numbers.iter().filter_map(|number| pixels.colours.get(usize::from(*number)));
        let colours: Vec<String> = colours.map(|counted| format!("\"{}\"", counted.colour)).collect();
        extra.raw("colours", &format!("[{}]", colours.join(",")));
        if let Some(instance) = &self.instance {
            extra.text("instance", instance);
        }
        extra.raw("pixels", &part.count.to_string());
        row.extra = extra.finish();
        run.annotate(row, &[target, &mask], at)
    }
}

impl Run<'_> {
    /// The picture that a mask belongs to: that beside it which the path names, or, of a path with a folder, the only one
    /// of this import whose path ends so.
    ///
    /// A mask that the dataset has stays that of the picture which it has for it, whatever is named now.
    fn masked(&self, input: &Input, path: &str) -> Result<Picture> {
        let id = beside(input, path);
        let known = self.parent_of_mask(&input.name)?.filter(|known| *known == id || ends_with(known, path));
        let (path, id) = match (known, self.met_frame(path)) {
            (Some(known), Some((path, met))) if known == met => (path, known),
            // Where it is met by another id, its file is that one's.
            (Some(known), Some((_, met))) => (met, known),
            (Some(known), None) => (path.to_owned(), known),
            (None, Some((path, met))) => (path, met),
            // What climbs out of the mask's folder is looked for from the home.
            (None, None) if path.contains("..") => (id.clone(), id),
            (None, None) => (path.to_owned(), id),
        };
        let fields = FileFields { id: Some(id), by_pattern: true, ..FileFields::default() };
        Ok(Picture { path, fields, ..Picture::default() })
    }
}
