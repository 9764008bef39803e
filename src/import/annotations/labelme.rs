//! LabelMe: a JSON file a picture, with shapes.
//!
//! Shapes of one label and one `group_id` are parts of one instance: one statement with an outline for each. A shape
//! without a group is an instance of its own. What is neither polygon nor rectangle is kept in `extra` with its points.

use super::{Fields, beside, key_of, others, stem, without_place};
use crate::error::{Error, Result};
use crate::import::draft::{FileFields, MediaKind};
use crate::import::inputs::Input;
use crate::import::raw::{ObjectText, push_json_text};
use crate::import::report::At;
use crate::import::run::{Picture, Run, Target, statement};
use crate::schema::rows::{LabelRow, RegionRow};
use base64::Engine;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// How long a file may be.
const LENGTH_LIMIT: u64 = 256 << 20;

pub(super) fn read(run: &mut Run<'_>, input: &Input) -> Result<(String, u64)> {
    run.search_around(input, &[]);
    if input.bytes > LENGTH_LIMIT {
        return Err(Error::input(format!("{} bytes are too many for the shapes of one picture", input.bytes)));
    }
    let bytes = std::fs::read(&input.path).map_err(|error| Error::io("cannot read it", error))?;
    let result = (blake3::hash(&bytes).to_hex().to_string(), bytes.len() as u64);
    let behind = run.progress.bytes + result.1;
    let mut at = At { file: input.name.clone(), record: Some(1), line: Some(1), id: Some(stem(input).to_owned()) };
    run.report.count_read("pictures", 1);
    let text = std::str::from_utf8(&bytes).map_err(|_| Error::input("it is not UTF-8: convert the file"));
    let parsed = text.and_then(|text| {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        check_depth(text)?;
        // The parser's own place is one in the file.
        serde_json::from_str::<&RawValue>(text)
            .map_err(|error| Error::input(without_place(&error)).at_line(error.line() as u64))?;
        Drawing::of(text)
    });
    match parsed {
        Err(fault) => run.take(&mut at, |_, _| Err(fault))?,
        Ok(drawing) => drawing.take(run, input, &mut at)?,
    }
    run.advance(behind)?;
    Ok(result)
}

/// Refuses what is nested so deep that a parser would have to.
fn check_depth(text: &str) -> Result<()> {
    use crate::import::records::members::MemberReader;
    let mut reader = MemberReader::new(text.as_bytes(), &[]);
    while let Some(member) = reader.next_member() {
        member?;
    }
    Ok(())
}

/// What a file says.
struct Drawing<'a> {
    fields: Fields<'a>,
    shapes: Vec<&'a RawValue>,
    size: Option<(f64, f64)>,
}

impl<'a> Drawing<'a> {
    fn of(text: &'a str) -> Result<Self> {
        let fields = Fields::of(text)?;
        let shapes = fields.parse("shapes")?.unwrap_or_default();
        let sides = (fields.parse::<f64>("imageWidth")?, fields.parse::<f64>("imageHeight")?);
        let size = sides.0.zip(sides.1).filter(|(width, height)| *width >= 1.0 && *height >= 1.0);
        Ok(Self { fields, shapes, size })
    }

    fn take(self, run: &mut Run<'_>, input: &Input, at: &mut At) -> Result<()> {
        let picture = match self.picture(input) {
            Ok(picture) => picture,
            Err(fault) => return run.take(at, |_, _| Err(fault)),
        };
        let size = match self.size {
            Some(size) => Some(size),
            None => run.size_of(&picture)?.map(|(width, height)| (f64::from(width), f64::from(height))),
        };
        run.report.count_read("shapes", self.shapes.len() as u64);
        let (instances, faults) = self.instances(size);
        for (place, fault) in faults {
            at.id = Some(format!("{}#{}", stem(input), place + 1));
            run.take(at, |_, _| Err(fault))?;
        }
        if instances.is_empty() {
            return run.lone(MediaKind::Picture, &picture, at);
        }
        for instance in instances {
            let id = run.unique(format!("{}#{}", stem(input), instance.name), at);
            at.id = Some(id);
            run.take(at, |run, at| {
                let Some(target) = run.picture(MediaKind::Picture, &picture, at)? else { return Ok(()) };
                instance.take(run, &target, at)
            })?;
        }
        Ok(())
    }

    fn picture(&self, input: &Input) -> Result<Picture> {
        let path: String = self.fields.need("imagePath")?;
        let known = ["shapes", "imagePath", "imageData", "imageWidth", "imageHeight"];
        let held: Option<&str> = self.fields.parse("imageData").unwrap_or_default();
        let bytes = held.and_then(|text| base64::engine::general_purpose::STANDARD.decode(text.trim()).ok());
        let fields = FileFields {
            id: Some(beside(input, &path)),
            extra: others(&self.fields.0, &known),
            by_pattern: true,
            ..FileFields::default()
        };
        Ok(Picture { path, fields: fields.sized(self.size), patient: None, bytes })
    }

    /// The shapes as instances, in the order of their first shapes; and the shapes that cannot be read.
    fn instances(&self, size: Option<(f64, f64)>) -> (Vec<Instance>, Vec<(usize, Error)>) {
        let mut instances: Vec<Instance> = Vec::new();
        let mut faults = Vec::new();
        for (place, shape) in self.shapes.iter().enumerate() {
            match Shape::of(shape.get()) {
                Err(fault) => faults.push((place, fault)),
                Ok(shape) => {
                    let known = instances.iter_mut().find(|instance| {
                        shape.group.is_some() && instance.group == shape.group && instance.label == shape.label
                    });
                    match known {
                        Some(instance) => instance.add(&shape, size),
                        None => {
                            let name = match &shape.group {
                                Some(group) => format!("{}/{group}", shape.label),
                                None => (place + 1).to_string(),
                            };
                            let (label, group) = (shape.label.clone(), shape.group.clone());
                            let mut instance =
                                Instance { name, label, group, region: RegionRow::default(), extras: Vec::new() };
                            instance.add(&shape, size);
                            instances.push(instance);
                        }
                    }
                }
            }
        }
        (instances, faults)
    }
}

struct Shape {
    label: String,
    group: Option<String>,
    kind: String,
    points: Vec<[f64; 2]>,
    extra: Option<String>,
}

impl Shape {
    fn of(text: &str) -> Result<Self> {
        let fields = Fields::of(text)?;
        let points: Vec<[f64; 2]> = fields.need("points")?;
        let kind = fields.parse("shape_type")?.unwrap_or_else(|| "polygon".to_owned());
        let known = ["label", "points", "group_id", "shape_type"];
        // An empty description and empty flags say nothing.
        let says: Vec<_> =
            fields.0.iter().filter(|(_, value)| !matches!(value.get(), "null" | "\"\"" | "{}")).cloned().collect();
        Ok(Self {
            label: fields.need("label")?,
            group: fields.get("group_id").and_then(key_of).map(Cow::into_owned),
            kind,
            points,
            extra: others(&says, &known),
        })
    }
}

/// An instance: one shape, or those of one label and group.
struct Instance {
    name: String,
    label: String,
    group: Option<String>,
    region: RegionRow,
    extras: Vec<String>,
}

impl Instance {
    fn add(&mut self, shape: &Shape, size: Option<(f64, f64)>) {
        let corners = (shape.points.first(), shape.points.get(1), shape.points.len());
        let drawn = match (size, shape.kind.as_str(), corners) {
            (Some((width, height)), "polygon", _) if !shape.points.is_empty() => {
                let outline = shape.points.iter().flat_map(|[x, y]| [(x / width) as f32, (y / height) as f32]);
                self.region.polygons.get_or_insert_default().push(outline.collect());
                true
            }
            (Some((width, height)), "rectangle", (Some([x0, y0]), Some([x1, y1]), 2)) if self.region.bbox.is_none() => {
                let sides = [x0.min(*x1) / width, y0.min(*y1) / height, x0.max(*x1) / width, y0.max(*y1) / height];
                self.region.bbox = Some(sides.map(|side| side as f32));
                true
            }
            _ => false,
        };
        if drawn {
            self.extras.extend(shape.extra.clone());
            return;
        }
        let mut kept = ObjectText::default();
        kept.text("shape_type", &shape.kind);
        kept.raw("points", &serde_json::to_string(&shape.points).unwrap_or_default());
        if let Some(extra) = &shape.extra {
            kept.raw("shape", extra);
        }
        self.extras.extend(kept.finish());
    }

    fn take(self, run: &mut Run<'_>, target: &Target, at: &At) -> Result<()> {
        let mut row = statement(at.id.clone().unwrap_or_default(), &run.options.source.id, target);
        let axis = run.axis();
        row.labels = vec![LabelRow { axis: axis.clone(), raw: self.label, ..LabelRow::default() }];
        if self.region != RegionRow::default() {
            row.regions = vec![RegionRow { role: Some(axis), ..self.region }];
        }
        let mut extra = ObjectText::default();
        if let Some(group) = &self.group {
            let mut text = String::new();
            push_json_text(&mut text, group);
            extra.raw("group_id", &text);
        }
        if !self.extras.is_empty() {
            extra.raw("shapes", &format!("[{}]", self.extras.join(",")));
        }
        row.extra = extra.finish();
        run.annotate(row, &[target], at)
    }
}
