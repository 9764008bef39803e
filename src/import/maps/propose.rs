//! Writes a first map for a file, by the names of its fields and the look of their values.

mod sample;

use crate::error::Result;
use sample::{FieldSample, Sample, SampledRows};
use std::path::Path;

/// What fields are usually called, by what they are.
const NAMES: [(Role, &[&str]); 12] = [
    (Role::Video, &["video", "video_id", "video_name", "videoid", "videoname", "vid"]),
    (Role::Patient, &["patient", "patient_id", "patientid", "case_id"]),
    (Role::Frame, &["frame", "frame_id", "frame_number", "frame_index", "frame_idx", "frame_no", "frameid"]),
    (
        Role::Start,
        &["start", "start_time", "starttime", "begin", "t_start", "start_frame", "start_ms", "start_s", "onset"],
    ),
    (Role::End, &["end", "end_time", "endtime", "stop", "t_end", "end_frame", "end_ms", "end_s", "offset"]),
    (Role::Length, &["length", "duration"]),
    (Role::Question, &["question", "query"]),
    (Role::Answer, &["answer", "response"]),
    (Role::Image, &["image", "image_path", "image_filename", "image_name", "img", "img_path", "file_name", "filename"]),
    (Role::Split, &["split", "subset", "partition"]),
    (Role::Id, &["id", "uid", "annotation_id"]),
    (Role::Box, &["bbox", "box"]),
];
/// Fields that hold labels, by the axis that they name.
const AXES: [&str; 12] = [
    "phase",
    "step",
    "action",
    "verb",
    "instrument",
    "tool",
    "target",
    "triplet",
    "operation",
    "activity",
    "class",
    "category",
];
/// The names of four numbers of a box, and what they are.
const BOXES: [([&str; 4], &str); 5] = [
    (["x1", "y1", "x2", "y2"], "xyxy"),
    (["x0", "y0", "x1", "y1"], "xyxy"),
    (["xmin", "ymin", "xmax", "ymax"], "xyxy"),
    (["x", "y", "w", "h"], "xywh"),
    (["x", "y", "width", "height"], "xywh"),
];

/// What is larger than this is hardly the seconds of a video.
const LONG: f64 = 20_000.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Video,
    Patient,
    Frame,
    Start,
    End,
    Length,
    Question,
    Answer,
    Image,
    Split,
    Id,
    Box,
}

/// A map for this file.
pub(super) fn propose(path: &Path) -> Result<String> {
    let sample = Sample::of(path)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (stem, ending) = name.rsplit_once('.').unwrap_or((&name, sample.form));
    let parts: Vec<Proposal<'_>> = sample.rows.iter().map(Proposal::of).collect();
    let is_a_file_a_video = parts.iter().any(Proposal::needs_video);
    let files = if is_a_file_a_video { format!("{{video}}.{ending}") } else { name.clone() };
    let mut text = String::new();
    let mut line = |line: String| {
        text.push_str(&line);
        text.push('\n');
    };
    line(format!("# A proposal, by the first rows of {name}: look at every line, correct it, and try it with"));
    line("#   surgdb import DATASET SRC --map THIS-FILE --dry-run".into());
    line("# Fields that no line names are kept in `extra`. docs/maps.md says what may stand here.".into());
    line(format!("name = {}", quoted(stem)));
    line(String::new());
    line("[[table]]".into());
    if is_a_file_a_video {
        line("# No field names the video: the file's name is taken for it.".into());
    }
    line(format!("files = [{}]", quoted(&files)));
    line(format!("form = {}", quoted(sample.form)));
    if let Some(delimiter) = sample.delimiter {
        line(format!("delimiter = {}", quoted(&delimiter.to_string())));
    }
    if sample.has_no_header {
        let names: Vec<String> =
            parts.iter().flat_map(|part| part.rows.fields.iter().map(|f| quoted(&f.name))).collect();
        line("# The first line is no header, as it seems: the columns are called by their places.".into());
        line("header = false".into());
        line(format!("columns = [{}]", names.join(", ")));
    }
    parts.iter().find_map(Proposal::clock).into_iter().flatten().for_each(&mut line);
    for part in &parts {
        part.write(&mut line);
    }
    Ok(text)
}

pub(super) fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// What rows of one kind could become.
struct Proposal<'s> {
    rows: &'s SampledRows,
    become_what: &'static str,
    labels: Vec<&'s FieldSample>,
    marks: Vec<&'s FieldSample>,
    corners: Option<(Vec<&'s str>, &'static str)>,
}

impl<'s> Proposal<'s> {
    fn of(rows: &'s SampledRows) -> Self {
        let lower = |field: &FieldSample| field.name.to_lowercase();
        let labels = rows.fields.iter().filter(|field| axis_of(&lower(field)).is_some()).collect();
        let marks: Vec<&FieldSample> = rows.fields.iter().filter(|field| field.is_mark()).collect();
        let corners = BOXES.iter().find_map(|(names, form)| {
            let found: Option<Vec<&str>> = names
                .iter()
                .map(|name| rows.fields.iter().find(|field| lower(field) == *name).map(|field| field.name.as_str()))
                .collect();
            found.map(|found| (found, *form))
        });
        let mut proposal = Self { rows, become_what: "videos", labels, marks, corners };
        let has = |role| proposal.field(role).is_some();
        proposal.become_what = if has(Role::Question) {
            "conversations"
        } else if has(Role::Box) || proposal.corners.is_some() {
            "boxes"
        } else if (has(Role::Start) && (has(Role::End) || has(Role::Length))) || proposal.segment().is_some() {
            "intervals"
        } else if has(Role::Frame) && proposal.has_labels() {
            if proposal.labels.is_empty() { "labels" } else { "intervals" }
        } else if has(Role::Image) {
            if proposal.has_labels() { "labels" } else { "frames" }
        } else {
            "videos"
        };
        proposal
    }

    fn has_labels(&self) -> bool {
        !self.labels.is_empty() || self.marks.len() > 1
    }

    fn field(&self, role: Role) -> Option<&'s FieldSample> {
        let (_, names) = NAMES.iter().find(|(known, _)| *known == role)?;
        names.iter().find_map(|name| self.rows.fields.iter().find(|field| field.name.to_lowercase() == *name))
    }

    /// A list of two numbers that is a stretch.
    fn segment(&self) -> Option<&'s FieldSample> {
        let names = ["segment", "interval", "timestamps", "timestamp"];
        self.rows.fields.iter().find(|field| names.contains(&field.name.to_lowercase().as_str()) && field.is_pair())
    }

    /// Whether the rows have to be about a video, and none is named in them.
    fn needs_video(&self) -> bool {
        let is_shown = self.field(Role::Image).is_some();
        match self.become_what {
            "conversations" | "frames" => false,
            "boxes" | "labels" if is_shown => false,
            _ => self.field(Role::Video).is_none() && !self.rows.is_keyed,
        }
    }

    /// The lines that say how time is counted.
    fn clock(&self) -> Option<Vec<String>> {
        if !["intervals", "labels", "boxes"].contains(&self.become_what) {
            return None;
        }
        let field = self.field(Role::Start).or_else(|| self.segment()).or_else(|| self.field(Role::Frame))?;
        let name = field.name.to_lowercase();
        let guess = |what: &str| format!("# A guess, by {what} of `{}`.", field.name);
        Some(if name.contains("frame") {
            let how = "# Frame numbers: say how many frames a second has, and whether the first is 0 or 1.".to_owned();
            vec![how, "clock = { unit = \"frames\", fps = 25, base = 0 }".into()]
        } else if field.values.iter().any(|value| value.contains(':')) {
            vec!["clock = { unit = \"h:m:s\" }".into()]
        } else if name.contains("ms")
            || field.largest().max(self.field(Role::End).map_or(0.0, FieldSample::largest)) >= LONG
        {
            vec![guess("the size"), "clock = { unit = \"ms\" }".into()]
        } else {
            vec![guess("the look"), "clock = { unit = \"s\" }".into()]
        })
    }

    fn write(&self, line: &mut impl FnMut(String)) {
        line(String::new());
        line("[[table.rows]]".into());
        if let Some(at) = &self.rows.at {
            line(format!("at = {}", quoted(at)));
        }
        line(format!("become = {}", quoted(self.become_what)));
        let mut key = |key: &str, value: Option<&str>| {
            if let Some(value) = value {
                line(format!("{key} = {}", quoted(value)));
            }
        };
        let named = |role| self.field(role).map(|field| field.name.as_str());
        if self.become_what != "videos" {
            key("id", named(Role::Id));
        }
        let video = match named(Role::Video) {
            None if self.needs_video() => Some("{file.video}"),
            None if self.rows.is_keyed && self.become_what != "conversations" => Some("{key.1}"),
            video => video,
        };
        key("video", video);
        key("patient", named(Role::Patient));
        match self.become_what {
            "conversations" => {
                key("question", named(Role::Question));
                key("answer", named(Role::Answer));
                key("image", named(Role::Image));
                key("split", named(Role::Split).map(|name| format!("{{{name}}}")).as_deref());
            }
            "intervals" => self.write_times(&mut key, &named),
            "videos" => key("duration", named(Role::Length)),
            _ => {
                key("path", named(Role::Image));
                key("index", named(Role::Frame));
            }
        }
        if self.become_what == "intervals" && self.is_of_moments() {
            line("# Rows with the same labels that follow each other are one statement.".into());
            line("runs = true".into());
        }
        self.write_box(line);
        self.write_labels(line);
    }

    /// Whether stretches are given moment by moment.
    fn is_of_moments(&self) -> bool {
        self.segment().is_none() && self.field(Role::Start).is_none()
    }

    fn write_times(&self, key: &mut impl FnMut(&str, Option<&str>), named: &impl Fn(Role) -> Option<&'s str>) {
        if let Some(segment) = self.segment() {
            key("start", Some(&format!("{}[0]", segment.name)));
            key("end", Some(&format!("{}[1]", segment.name)));
        } else if self.is_of_moments() {
            key("index", named(Role::Frame));
        } else {
            key("start", named(Role::Start));
            key("end", named(Role::End));
            if named(Role::End).is_none() {
                key("length", named(Role::Length));
            }
        }
    }

    fn write_box(&self, line: &mut impl FnMut(String)) {
        if self.become_what != "boxes" {
            return;
        }
        let list = self.field(Role::Box);
        let (fields, form) = match (&self.corners, list) {
            (Some((names, form)), _) => (names.clone(), *form),
            (None, Some(list)) => (vec![list.name.as_str()], "xywh"),
            (None, None) => return,
        };
        let is_unit = fields.iter().all(|name| {
            let field = self.rows.fields.iter().find(|field| field.name == *name);
            field.is_some_and(|field| field.largest() <= 1.0)
        });
        let measure = if is_unit { "0-1" } else { "pixels" };
        let fields: Vec<String> = fields.into_iter().map(quoted).collect();
        line("# A guess: `form` is xyxy, xywh or cxcywh, `measure` is pixels, 0-1 or 0-1000.".into());
        let (form, measure) = (quoted(form), quoted(measure));
        line(format!("box = {{ fields = [{}], form = {form}, measure = {measure} }}", fields.join(", ")));
    }

    fn write_labels(&self, line: &mut impl FnMut(String)) {
        if !["intervals", "labels", "boxes"].contains(&self.become_what) {
            return;
        }
        for field in &self.labels {
            let axis = axis_of(&field.name.to_lowercase()).unwrap_or("category");
            line(String::new());
            line("[[table.rows.labels]]".into());
            line(format!("axis = {}", quoted(axis)));
            line(format!("raw = {}", quoted(&field.name)));
        }
        if self.labels.is_empty() {
            line(String::new());
            line("[[table.rows.labels]]".into());
            line("# Say what the labels name: phase, instrument, ….".into());
            line("axis = \"category\"".into());
            if self.marks.is_empty() {
                line("raw = \"label\"".into());
            } else {
                let columns: Vec<String> = self.marks.iter().map(|field| quoted(&field.name)).collect();
                line(format!("columns = [{}]", columns.join(", ")));
            }
        }
    }
}

/// The axis that a field's name speaks of.
fn axis_of(name: &str) -> Option<&'static str> {
    match name {
        "label" | "label_name" | "labelname" | "name" => Some("category"),
        _ => {
            let bare = name.strip_suffix("_name").or_else(|| name.strip_suffix("_label")).unwrap_or(name);
            AXES.into_iter().find(|axis| *axis == bare).map(|axis| match axis {
                "tool" => "instrument",
                "class" => "category",
                axis => axis,
            })
        }
    }
}
