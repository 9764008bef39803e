//! LabelMe: a JSON file a picture, with shapes.
//!
//! Shapes of one label and one `group_id` are parts of one instance: one statement with an outline for each. A shape
//! without a group is an instance of its own.

use super::shapes::{Instance, Shape, from_base64};
use super::{Fields, beside, others, size_of, stem, without_place};
use crate::error::{Error, Result};
use crate::import::draft::{FileFields, MediaKind};
use crate::import::inputs::Input;
use crate::import::media::wanted::folded;
use crate::import::report::{At, Kind};
use crate::import::run::{Picture, Run};
use crate::schema::tables::Table;
use serde_json::value::RawValue;
use std::collections::HashMap;

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

/// The id of a picture: its path from the home, whether its file is there or not. Drawings lie in a folder
/// of their own, and most paths start in the one above.
fn id_of(run: &Run<'_>, input: &Input, path: &str) -> Result<String> {
    let own = beside(input, path);
    Ok(match run.folder_of(input, path) {
        Some(folder) if !run.has_frame(&own)? => folded(&folder, path),
        _ => own,
    })
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
        let size = size_of((fields.parse("imageWidth")?, fields.parse("imageHeight")?))?;
        Ok(Self { fields, shapes, size })
    }

    fn take(self, run: &mut Run<'_>, input: &Input, at: &mut At) -> Result<()> {
        let mut picture = match self.picture(run, input, at) {
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
            let id = match instance.place() {
                Some(place) => run.number_id(Table::Annotations, stem(input), place)?,
                None => format!("{}#{}", stem(input), instance.name),
            };
            let id = run.unique(id, at);
            at.id = Some(id);
            let name = instance.name.clone();
            let unplaced =
                || Ok(self.instances(None).0.iter().find(|other| other.name == name).and_then(Instance::extra));
            run.take(at, |run, at| {
                let Some(target) = run.picture(MediaKind::Picture, &mut picture, at)? else { return Ok(()) };
                instance.take(run, size, &target, &unplaced, at)
            })?;
        }
        Ok(())
    }

    fn picture(&self, run: &mut Run<'_>, input: &Input, at: &At) -> Result<Picture> {
        let path: String = self.fields.need("imagePath")?;
        let mut known = vec!["shapes", "imagePath", "imageWidth", "imageHeight", "imageData"];
        let held = self.fields.parse::<String>("imageData").and_then(|text| match text {
            Some(text) if !text.trim().is_empty() => from_base64(&text).map(Some),
            _ => Ok(None),
        });
        let bytes = held.unwrap_or_else(|error| {
            let message = format!("`imageData` is kept in `extra` and is no picture: {}", error.message());
            run.report.find(Kind::BadPicture, at, message);
            known.pop();
            None
        });
        let fields = FileFields {
            id: Some(id_of(run, input, &path)?),
            extra: others(&self.fields.0, &known),
            by_pattern: true,
            ..FileFields::default()
        };
        Ok(Picture { path, fields: fields.sized(self.size), bytes, ..Picture::default() })
    }

    /// The shapes as instances, in the order of their first shapes; and the shapes that cannot be read.
    fn instances(&self, size: Option<(f64, f64)>) -> (Vec<Instance>, Vec<(usize, Error)>) {
        let mut instances: Vec<Instance> = Vec::new();
        let mut known: HashMap<(String, String), usize> = HashMap::new();
        let mut faults = Vec::new();
        for (place, shape) in self.shapes.iter().enumerate() {
            let shape = match Shape::of(shape.get()) {
                Ok(shape) => shape,
                Err(fault) => {
                    faults.push((place, fault));
                    continue;
                }
            };
            let next = instances.len();
            let (at, name) = match &shape.group {
                Some(group) => {
                    let at = *known.entry((shape.label.clone(), group.clone())).or_insert(next);
                    (at, format!("{}/{group}", shape.label))
                }
                None => (next, (place + 1).to_string()),
            };
            if at == next {
                instances.push(Instance::new(name, place + 1, &shape));
            }
            if let Some(instance) = instances.get_mut(at) {
                instance.add(place + 1, shape, size);
            }
        }
        (instances, faults)
    }
}
