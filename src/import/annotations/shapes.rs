//! The shapes that LabelMe and its kin draw, and the instances that they are parts of.
//!
//! A polygon is an outline, and so is a rectangle that is turned; an upright rectangle is a box, given by two corners or
//! by four, and a circle the box around it; a mask is a picture in a box. What is no area (a point, a line) is no region,
//! and told. Whatever the region does not say as it was drawn is kept in `extra`, with its points.

use super::rle::Mask;
use super::{Fields, key_of, others};
use crate::error::{Error, Result};
use crate::import::raw::{ObjectText, push_json_text};
use crate::import::report::{At, Kind};
use crate::import::run::{Run, Target, statement};
use crate::schema::rows::{LabelRow, RegionRow};
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use std::borrow::Cow;
use std::io::Cursor;

/// The most pixels that a mask may have, and the picture that it is drawn on.
const PIXEL_LIMIT: u64 = 1 << 26;
/// Width and height of a picture.
type Size = (f64, f64);

/// The bytes that base64 text holds, which may be broken into lines, lack its padding, or be a `data:` address.
///
/// # Errors
/// `Input` where it is no such text.
pub(super) fn from_base64(text: &str) -> Result<Vec<u8>> {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let text = match text.strip_prefix("data:") {
        Some(address) => address.split_once(',').map_or(address, |(_, data)| data),
        None => text,
    };
    let text: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let bytes = GeneralPurpose::new(&STANDARD, config).decode(text);
    bytes.map_err(|error| Error::input(format!("it is no base64: {error}")))
}

/// A shape as it is written.
pub(super) struct Shape {
    pub(super) label: String,
    pub(super) group: Option<String>,
    kind: String,
    points: Vec<[f64; 2]>,
    /// A picture of what it covers, in base64.
    mask: Option<String>,
    extra: Option<String>,
}

impl Shape {
    pub(super) fn of(text: &str) -> Result<Self> {
        let fields = Fields::of(text)?;
        let points: Vec<[f64; 2]> = fields.need("points")?;
        let kind = fields.parse("shape_type")?.unwrap_or_else(|| "polygon".to_owned());
        let mask: Option<String> = fields.parse("mask").ok().flatten().filter(|mask: &String| !mask.is_empty());
        let mut known = vec!["label", "points", "group_id", "shape_type"];
        if mask.is_some() {
            known.push("mask");
        }
        // An empty description and empty flags say nothing.
        let says: Vec<_> =
            fields.0.iter().filter(|(_, value)| !matches!(value.get(), "null" | "\"\"" | "{}")).cloned().collect();
        Ok(Self {
            label: fields.need("label")?,
            group: fields.get("group_id").and_then(key_of).map(Cow::into_owned),
            kind,
            points,
            mask,
            extra: others(&says, &known),
        })
    }

    /// The box around its points.
    fn bounds(&self) -> Option<[f64; 4]> {
        let (first, rest) = self.points.split_first()?;
        let start = [first[0], first[1], first[0], first[1]];
        Some(rest.iter().fold(start, |[x0, y0, x1, y1], [x, y]| [x0.min(*x), y0.min(*y), x1.max(*x), y1.max(*y)]))
    }

    /// Whether its points are the corners of a box.
    fn is_upright(&self) -> bool {
        let Some([x0, y0, x1, y1]) = self.bounds() else { return false };
        let corners = [[x0, y0], [x1, y0], [x1, y1], [x0, y1]];
        self.points.len() == 4 && corners.iter().all(|corner| self.points.contains(corner))
    }

    /// Its kind, points and all else, as the text of an object.
    fn whole(&self, with_mask: bool) -> Option<String> {
        let mut kept = ObjectText::default();
        kept.text("shape_type", &self.kind);
        kept.raw("points", &serde_json::to_string(&self.points).unwrap_or_default());
        if let Some(mask) = self.mask.as_ref().filter(|_| with_mask) {
            kept.text("mask", mask);
        }
        if let Some(extra) = &self.extra {
            kept.raw("shape", extra);
        }
        kept.finish()
    }
}

/// An instance: one shape, or those of one label and group.
pub(super) struct Instance {
    pub(super) name: String,
    place: u64,
    label: String,
    group: Option<String>,
    region: RegionRow,
    /// The shape that is a mask.
    mask: Option<Shape>,
    extras: Vec<String>,
    /// What is worth telling.
    findings: Vec<String>,
}

impl Instance {
    /// The instance that a shape begins, by its number in the file.
    pub(super) fn new(name: String, place: usize, shape: &Shape) -> Self {
        Self {
            name,
            place: place as u64,
            label: shape.label.clone(),
            group: shape.group.clone(),
            region: RegionRow::default(),
            mask: None,
            extras: Vec::new(),
            findings: Vec::new(),
        }
    }

    /// Its number, where it is called by it: one that is in no group.
    pub(super) fn place(&self) -> Option<u64> {
        self.group.is_none().then_some(self.place)
    }

    /// Adds a shape, by its number in the file.
    pub(super) fn add(&mut self, number: usize, shape: Shape, size: Option<Size>) {
        let Some(size) = size else {
            self.keep(number, &shape, "is drawn on a picture whose size is not known");
            return;
        };
        let is_free = self.region.bbox.is_none();
        match (shape.kind.as_str(), shape.points.len()) {
            ("polygon", 1..) => self.outline(&shape, size),
            ("rectangle", 2) if is_free => self.region.bbox = shape.bounds().map(|bounds| normal(bounds, size)),
            ("rectangle", 4) if is_free && shape.is_upright() => {
                self.region.bbox = shape.bounds().map(|bounds| normal(bounds, size));
                self.extras.extend(shape.whole(true));
                return;
            }
            ("rectangle" | "rotation", 4) => {
                self.outline(&shape, size);
                self.extras.extend(shape.whole(true));
                return;
            }
            ("circle", 2) if is_free => {
                if let [[x, y], [to_x, to_y]] = shape.points[..] {
                    let radius = (to_x - x).hypot(to_y - y);
                    self.region.bbox = Some(normal([x - radius, y - radius, x + radius, y + radius], size));
                }
                self.extras.extend(shape.whole(true));
                return;
            }
            ("mask", 1..) if is_free && self.mask.is_none() && shape.mask.is_some() => {
                self.mask = Some(shape);
                return;
            }
            ("rectangle" | "circle" | "mask", _) if !is_free || self.mask.is_some() => {
                self.keep(number, &shape, "is a further box or mask of its instance, which can have one");
                return;
            }
            (_, 0) => return self.keep(number, &shape, "has no points"),
            _ => return self.keep(number, &shape, "is no area"),
        }
        self.extras.extend(shape.extra.clone());
    }

    fn outline(&mut self, shape: &Shape, (width, height): Size) {
        let outline = shape.points.iter().flat_map(|[x, y]| [(x / width) as f32, (y / height) as f32]);
        self.region.polygons.get_or_insert_default().push(outline.collect());
    }

    /// Keeps a shape that is no region.
    fn keep(&mut self, number: usize, shape: &Shape, why: &str) {
        self.findings.push(format!("shape {number} ({:?}) {why}: its points are kept in `extra` alone", shape.kind));
        self.extras.extend(shape.whole(true));
    }

    /// Takes it as a statement about a picture of this size; `unplaced` is what its `extra` would be if that were not known.
    pub(super) fn take(
        mut self,
        run: &mut Run<'_>,
        size: Option<Size>,
        target: &Target,
        unplaced: &dyn Fn() -> Result<Option<String>>,
        at: &At,
    ) -> Result<()> {
        let id = at.id.clone().unwrap_or_default();
        let mut drawn = None;
        if let Some(shape) = self.mask.take() {
            match size
                .ok_or_else(|| Error::input("the picture's size is not known"))
                .and_then(|size| draw(&shape, size))
            {
                Ok((mask, bounds)) => {
                    let sides = (mask.width as i32, mask.height as i32);
                    let mask = run.mask(&format!("{id}/mask"), &mask.to_png()?, sides, target)?;
                    self.region.bbox = size.map(|size| normal(bounds, size));
                    self.region.mask = Some(mask.address);
                    drawn = Some(mask);
                    self.extras.extend(shape.whole(false));
                }
                Err(error) => {
                    self.findings.push(format!("its mask is kept in `extra` alone: {}", error.message()));
                    self.extras.extend(shape.whole(true));
                }
            }
        }
        let extra = self.extra();
        for finding in self.findings {
            run.report.find(Kind::Doubtful, at, finding);
        }
        let mut row = statement(id, &run.options.source.id, target);
        let axis = run.axis();
        row.labels = vec![LabelRow { axis: axis.clone(), raw: self.label, ..LabelRow::default() }];
        if self.region != RegionRow::default() {
            row.regions = vec![RegionRow { role: Some(axis), ..self.region }];
        }
        row.extra = extra;
        let targets: Vec<&Target> = std::iter::once(target).chain(&drawn).collect();
        run.annotate_placed(row, &targets, Some(unplaced), at)
    }

    /// What has no column.
    pub(super) fn extra(&self) -> Option<String> {
        let mut extra = ObjectText::default();
        if let Some(group) = &self.group {
            let mut text = String::new();
            push_json_text(&mut text, group);
            extra.raw("group_id", &text);
        }
        if !self.extras.is_empty() {
            extra.raw("shapes", &format!("[{}]", self.extras.join(",")));
        }
        extra.finish()
    }
}

fn normal([x0, y0, x1, y1]: [f64; 4], (width, height): Size) -> [f32; 4] {
    [x0 / width, y0 / height, x1 / width, y1 / height].map(|side| side as f32)
}

/// A mask that is drawn in its box, on the whole picture; and the box, in pixels.
fn draw(shape: &Shape, (width, height): Size) -> Result<(Mask, [f64; 4])> {
    let is_side = |side: f64| side.fract() == 0.0 && side >= 1.0;
    if !is_side(width) || !is_side(height) || width * height > PIXEL_LIMIT as f64 {
        return Err(Error::input(format!(
            "a picture of {width} × {height} pixels is none that a mask can be drawn on"
        )));
    }
    let (wide, high) = (width as u32, height as u32);
    let corner = shape.bounds().unwrap_or_default();
    let within = |at: f64, side: f64| (0.0..side).contains(&at).then_some(at as u32);
    let corner = within(corner[0].round(), width).zip(within(corner[1].round(), height));
    let (left, top) = corner.ok_or_else(|| Error::input("its box begins outside of the picture"))?;
    let (sides, pixels) = covered(&from_base64(shape.mask.as_deref().unwrap_or_default())?)?;
    let (right, bottom) = (left.saturating_add(sides.0), top.saturating_add(sides.1));
    if right > wide || bottom > high {
        let message = format!("its {} × {} pixels leave the picture of {wide} × {high}", sides.0, sides.1);
        return Err(Error::input(message));
    }
    let mut whole = vec![0u8; wide as usize * high as usize];
    for (y, line) in pixels.chunks_exact(sides.0.max(1) as usize).enumerate() {
        let start = (top as usize + y) * wide as usize + left as usize;
        if let Some(place) = whole.get_mut(start..start + line.len()) {
            place.copy_from_slice(line);
        }
    }
    Ok((Mask::of_pixels(wide, high, whole)?, [left, top, right, bottom].map(f64::from)))
}

/// The sides of a PNG, and 255 for each of its pixels that is not black, else 0.
fn covered(png: &[u8]) -> Result<((u32, u32), Vec<u8>)> {
    let broken = |error: png::DecodingError| Error::input(format!("it is no PNG that can be read: {error}"));
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(png), png::Limits { bytes: PIXEL_LIMIT as usize * 4 });
    // Numbers of a palette's entries and bits become bytes, of which the first says whether there is anything.
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let header = decoder.read_header_info().map_err(broken)?;
    if u64::from(header.width) * u64::from(header.height) > PIXEL_LIMIT {
        return Err(Error::input(format!("{} × {} pixels are too many for a mask", header.width, header.height)));
    }
    let mut reader = decoder.read_info().map_err(broken)?;
    let size = reader.output_buffer_size().filter(|size| *size as u64 <= PIXEL_LIMIT * 4);
    let mut bytes = vec![0; size.ok_or_else(|| Error::input("its samples are too many for a mask"))?];
    let frame = reader.next_frame(&mut bytes).map_err(broken)?;
    let (samples, opaque) = match frame.color_type {
        png::ColorType::Grayscale => (1, 1),
        png::ColorType::GrayscaleAlpha => (2, 1),
        png::ColorType::Rgba => (4, 3),
        _ => (3, 3),
    };
    let lines = bytes.chunks_exact(frame.line_size.max(1)).take(frame.height as usize);
    let pixel = |pixel: &[u8]| if pixel.iter().take(opaque).any(|sample| *sample > 0) { 255 } else { 0 };
    let pixels = lines.flat_map(|line| line.chunks_exact(samples).take(frame.width as usize).map(pixel)).collect();
    Ok(((frame.width, frame.height), pixels))
}
