//! Writes a first map for a file, by the names of its fields and the look of their values.

mod sample;

use crate::error::Result;
use sample::{FieldSample, Sample, SampledRows};
use std::collections::HashSet;
use std::path::Path;

/// What fields are usually called, by what they are.
const NAMES: [(Role, &[&str]); 13] = [
    (Role::Video, &["video", "video_id", "video_name", "videoid", "videoname", "vid"]),
    (Role::Patient, &["patient", "patient_id", "patientid", "case_id", "case", "caseid", "case_no", "case_number"]),
    (Role::Frame, &["frame", "frame_id", "frame_number", "frame_index", "frame_idx", "frame_no", "frameid"]),
    (
        Role::Start,
        &[
            "start",
            "start_time",
            "starttime",
            "begin",
            "t_start",
            "start_frame",
            "start_ms",
            "start_s",
            "onset",
            "from",
        ],
    ),
    (Role::End, &["end", "end_time", "endtime", "stop", "t_end", "end_frame", "end_ms", "end_s", "offset", "to"]),
    (
        Role::Time,
        &[
            "time",
            "timestamp",
            "timecode",
            "time_s",
            "time_sec",
            "time_ms",
            "frame_time",
            "second",
            "seconds",
            "sec",
            "ms",
            "t",
        ],
    ),
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

/// What stands where a row could become nothing that keeps all of them: no map has it.
const UNKNOWN: &str = "CHOOSE";

/// How names of pictures and of videos end.
const PICTURES: [&str; 6] = [".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"];
const VIDEOS: [&str; 5] = [".mp4", ".avi", ".mov", ".mkv", ".webm"];

/// What is larger than this is hardly the seconds of a video.
const LONG: f64 = 20_000.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Video,
    Patient,
    Frame,
    Start,
    End,
    Time,
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
    let mut parts: Vec<Proposal<'_>> = sample.rows.iter().map(Proposal::of).collect();
    // What only stands around rows is kept with the import's report.
    let is_around = |part: &Proposal<'_>| {
        let at = part.rows.at.as_deref().unwrap_or_default();
        sample.rows.iter().any(|rows| {
            rows.at.as_deref().and_then(|inner| inner.strip_prefix(at)).is_some_and(|rest| rest.starts_with('.'))
        })
    };
    // Nor do lists in rows need to become rows of their own, which else are kept in these.
    let is_known = |part: &&Proposal<'_>| part.become_what != UNKNOWN;
    let are_inner_known = parts.iter().filter(is_known).any(|part| !part.rows.parent.is_empty());
    let are_outer_known = parts.iter().filter(is_known).any(|part| part.rows.parent.is_empty());
    parts.retain(|part| {
        let is_inner = !part.rows.parent.is_empty();
        let is_needed = if is_inner { !are_outer_known } else { !(are_inner_known && is_around(part)) };
        is_needed || part.become_what != UNKNOWN
    });
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
    if sample.has_commas {
        line("decimal = \",\"".into());
    }
    if sample.has_no_header {
        let names: Vec<String> =
            parts.iter().flat_map(|part| part.rows.fields.iter().map(|f| quoted(&f.name))).collect();
        line("# The first line is no header, as it seems: its columns are called so here.".into());
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
    /// The field that says which moment a row is about, where rows are moments, and whether it is a frame's number.
    moment: Option<(&'s FieldSample, bool)>,
    labels: Vec<&'s FieldSample>,
    marks: Vec<&'s FieldSample>,
    corners: Option<(Vec<&'s str>, &'static str)>,
}

impl<'s> Proposal<'s> {
    fn of(rows: &'s SampledRows) -> Self {
        let lower = |field: &FieldSample| field.name.to_lowercase();
        let labels = rows.fields.iter().filter(|field| axis_of(last_name(&lower(field))).is_some()).collect();
        let is_label = |field: &FieldSample| axis_of(last_name(&lower(field))).is_some();
        let marks: Vec<&FieldSample> = rows.fields.iter().filter(|field| field.is_mark() && !is_label(field)).collect();
        let corners = BOXES.iter().find_map(|(names, form)| {
            let found: Option<Vec<&str>> = names
                .iter()
                .map(|name| rows.fields.iter().find(|field| lower(field) == *name).map(|field| field.name.as_str()))
                .collect();
            found.map(|found| (found, *form))
        });
        let mut proposal = Self { rows, become_what: UNKNOWN, moment: None, labels, marks, corners };
        proposal.become_what = proposal.choose();
        let is_stretch = proposal.field(Role::Start).is_some() || proposal.segment().is_some();
        if proposal.become_what == "intervals" && !is_stretch {
            proposal.moment = proposal.find_moment();
            // Only numbers follow each other.
            if proposal.moment.is_some_and(|(field, _)| field.numbers().is_none()) {
                proposal.become_what = "labels";
            }
        }
        if ["intervals", "labels"].contains(&proposal.become_what) && !proposal.has_labels() {
            proposal.labels = proposal.guessed_labels();
        }
        proposal
    }

    fn choose(&self) -> &'static str {
        let has = |role| self.field(role).is_some();
        if has(Role::Question) {
            "conversations"
        } else if has(Role::Box) || self.corners.is_some() {
            "boxes"
        } else if (has(Role::Start) && (has(Role::End) || has(Role::Length))) || self.segment().is_some() {
            "intervals"
        } else if has(Role::Frame) && self.has_labels() {
            if self.labels.is_empty() { "labels" } else { "intervals" }
        } else if has(Role::Image) {
            if self.has_labels() { "labels" } else { "frames" }
        } else if self.find_moment().is_some() && (self.has_labels() || !self.guessed_labels().is_empty()) {
            "intervals"
        } else if self.is_a_row_a_video() {
            "videos"
        } else {
            UNKNOWN
        }
    }

    /// Whether no two rows are about the same video, as far as they were looked at.
    fn is_a_row_a_video(&self) -> bool {
        let mut met = HashSet::new();
        match self.field(Role::Video) {
            Some(field) => field.values.iter().all(|value| met.insert(value)),
            None if self.rows.is_keyed => self.rows.at.as_deref().is_none_or(|at| !at.ends_with("[]")),
            None => self.rows.count <= 1,
        }
    }

    /// The field that says which moment a row is about, and whether it is a frame's number; without a name that says it,
    /// the first whose numbers only grow.
    fn find_moment(&self) -> Option<(&'s FieldSample, bool)> {
        if let Some(field) = self.field(Role::Frame) {
            return Some((field, true));
        }
        if let Some(field) = self.field(Role::Time) {
            return Some((field, false));
        }
        if self.field(Role::Image).is_some() {
            return None;
        }
        let grows = |field: &&FieldSample| {
            let numbers = field.numbers().filter(|numbers| numbers.len() == self.rows.count && numbers.len() > 1);
            numbers.is_some_and(|numbers| numbers.windows(2).all(|pair| pair[0] < pair[1]))
        };
        let is_free = |field: &&FieldSample| self.role_of(field).is_none();
        self.rows.fields.iter().filter(is_free).find(grows).map(|field| (field, false))
    }

    /// Fields whose values look like labels, though their names do not say so.
    fn guessed_labels(&self) -> Vec<&'s FieldSample> {
        let moment = self.find_moment().map(|(field, _)| field.name.as_str());
        let is_free = |field: &&FieldSample| self.role_of(field).is_none() && Some(field.name.as_str()) != moment;
        self.rows.fields.iter().filter(is_free).filter(|field| field.is_of_words()).collect()
    }

    /// What a field is by its name.
    fn role_of(&self, field: &FieldSample) -> Option<Role> {
        let name = field.name.to_lowercase();
        NAMES.iter().find(|(_, names)| names.contains(&last_name(&name))).map(|(role, _)| *role)
    }

    fn has_labels(&self) -> bool {
        !self.labels.is_empty() || self.marks.len() > 1
    }

    fn field(&self, role: Role) -> Option<&'s FieldSample> {
        self.named_field(role).or_else(|| match role {
            Role::Image => self.rows.fields.iter().find(|field| field.is_of_files(&PICTURES)),
            Role::Video => self.rows.fields.iter().find(|field| field.is_of_files(&VIDEOS)),
            _ => None,
        })
    }

    fn named_field(&self, role: Role) -> Option<&'s FieldSample> {
        let (_, names) = NAMES.iter().find(|(known, _)| *known == role)?;
        let named = |name: &str, of: fn(&str) -> &str| {
            self.rows.fields.iter().find(|field| of(&field.name.to_lowercase()) == name)
        };
        let whole = names.iter().find_map(|name| named(name, |whole| whole));
        whole.or_else(|| names.iter().find_map(|name| named(name, last_name)))
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
            _ => self.video().is_none() && !self.rows.is_keyed,
        }
    }

    /// What names the video: a field, one of the object around the rows, or the patient's name where nothing else does.
    fn video(&self) -> Option<String> {
        if let Some(field) = self.field(Role::Video) {
            return Some(field.name.clone());
        }
        let (_, names) = NAMES.iter().find(|(known, _)| *known == Role::Video)?;
        let is_video = |field: &&FieldSample| names.contains(&field.name.to_lowercase().as_str());
        if let Some(parent) = self.rows.parent.iter().find(is_video) {
            return Some(format!("{{parent.{}}}", parent.name));
        }
        let is_shown = ["conversations", "frames", "videos"].contains(&self.become_what);
        self.field(Role::Patient).filter(|_| !is_shown && !self.rows.is_keyed).map(|field| field.name.clone())
    }

    /// The lines that say how time is counted.
    fn clock(&self) -> Option<Vec<String>> {
        if !["intervals", "labels", "boxes"].contains(&self.become_what) {
            return None;
        }
        let moment = || self.find_moment().map(|(field, _)| field);
        let field = self.field(Role::Start).or_else(|| self.segment()).or_else(moment)?;
        let name = field.name.to_lowercase();
        let guess = |what: &str| format!("# A guess, by {what} of `{}`.", field.name);
        Some(if name.contains("frame") && !name.contains("time") {
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
        if self.become_what == UNKNOWN {
            line("# Nothing here says what sets the rows of one video apart, and each video has one row in a dataset. So".into());
            line(
                "# say what a row becomes: `intervals` (`start` and `end`, or `index` or `time` with `runs`), `labels`"
                    .into(),
            );
            line("# (`index`, `time` or `path`), `boxes`, `frames` or `conversations`. It may also be no table of labels.".into());
        }
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
        if !["videos", UNKNOWN].contains(&self.become_what) {
            key("id", named(Role::Id));
        }
        let own = self.video();
        let video = match own.as_deref() {
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
            UNKNOWN => {}
            _ => {
                key("path", named(Role::Image));
                key("index", named(Role::Frame));
                if named(Role::Image).or(named(Role::Frame)).is_none() {
                    key("time", named(Role::Time));
                }
            }
        }
        if self.become_what == "intervals" && self.is_of_moments() {
            self.write_runs(line);
        }
        self.write_box(line);
        self.write_labels(line);
    }

    /// Whether stretches are given moment by moment.
    fn is_of_moments(&self) -> bool {
        self.moment.is_some()
    }

    /// That moments that follow each other are one statement, and how far apart these are.
    fn write_runs(&self, line: &mut impl FnMut(String)) {
        line("# Rows with the same labels that follow each other are one statement.".into());
        line("runs = true".into());
        let numbers = self.moment.and_then(|(field, _)| field.numbers()).unwrap_or_default();
        let gaps = numbers.windows(2).map(|pair| pair[1] - pair[0]).filter(|gap| *gap > 0.0);
        let least = gaps.fold(f64::INFINITY, f64::min);
        if least.is_finite() && (least - 1.0).abs() > 1e-9 {
            line("# How far apart they are, by the first rows.".into());
            // Without the noise of a difference.
            line(format!("step = {}", (least * 1e6).round() / 1e6));
        }
    }

    fn write_times(&self, key: &mut impl FnMut(&str, Option<&str>), named: &impl Fn(Role) -> Option<&'s str>) {
        if let Some(segment) = self.segment() {
            key("start", Some(&format!("{}[0]", segment.name)));
            key("end", Some(&format!("{}[1]", segment.name)));
        } else if self.is_of_moments() {
            let moment = self.moment.map(|(field, is_frame)| (field.name.as_str(), is_frame));
            key("index", moment.filter(|(_, is_frame)| *is_frame).map(|(name, _)| name));
            key("time", moment.filter(|(_, is_frame)| !*is_frame).map(|(name, _)| name));
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

    /// The axis that the name of the list speaks of in which rows stand: `phases[]`.
    fn axis_of_list(&self) -> Option<&'static str> {
        let at = self.rows.at.as_deref()?.to_lowercase();
        axis_of(last_name(at.strip_suffix("[]")?)).filter(|axis| *axis != "category")
    }

    fn write_labels(&self, line: &mut impl FnMut(String)) {
        if !["intervals", "labels", "boxes"].contains(&self.become_what) {
            return;
        }
        for field in &self.labels {
            let known = axis_of(last_name(&field.name.to_lowercase()));
            let axis = known.filter(|axis| *axis != "category").or(self.axis_of_list()).or(known).unwrap_or("category");
            line(String::new());
            line("[[table.rows.labels]]".into());
            if known.is_none() {
                line("# A guess, by the look of the values: say what the labels name: phase, instrument, ….".into());
            }
            line(format!("axis = {}", quoted(axis)));
            line(format!("raw = {}", quoted(&field.name)));
        }
        if self.labels.is_empty() || self.marks.len() > 1 {
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

/// The name of a field that stands in an object, without the way to it.
fn last_name(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// The axis that a field's name speaks of.
fn axis_of(name: &str) -> Option<&'static str> {
    match name {
        "label" | "labels" | "label_name" | "labelname" | "name" => Some("category"),
        _ => {
            let bare = name.strip_suffix("_name").or_else(|| name.strip_suffix("_label")).unwrap_or(name);
            let bare = if bare == "class" { bare } else { bare.strip_suffix('s').unwrap_or(bare) };
            AXES.into_iter().find(|axis| *axis == bare).map(|axis| match axis {
                "tool" => "instrument",
                "class" => "category",
                axis => axis,
            })
        }
    }
}
