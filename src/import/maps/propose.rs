//! Writes a first map for a file, by the names of its fields and the look of their values.

mod names;
mod sample;
mod write;

use crate::error::Result;
use names::{BOXES, NAMES, PICTURES, Role, SIDES, VIDEOS, axis_of, last_name};
use sample::{FieldSample, Sample, SampledRows};
use std::collections::HashSet;
use std::path::Path;

/// What stands where a row could become nothing that keeps all of them: no map has it.
const UNKNOWN: &str = "CHOOSE";

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
        let has_caption = proposal.field(Role::Caption).is_some();
        if ["intervals", "labels"].contains(&proposal.become_what) && !proposal.has_labels() && !has_caption {
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
            if self.has_labels() || has(Role::Caption) { "labels" } else { "frames" }
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
        // A column of marks may begin with 0 and 1.
        let is_free = |field: &&FieldSample| self.role_of(field).is_none() && !field.is_mark();
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
        // A field of pictures or of names is no frame's number, whatever it is called.
        let is_number = |field: &FieldSample| field.values.is_empty() || field.numbers().is_some();
        let may_be = |field: &&FieldSample| role != Role::Frame || (!field.is_of_files(&PICTURES) && is_number(field));
        let named = |name: &str, of: fn(&str) -> &str| {
            self.rows.fields.iter().filter(may_be).find(|field| of(&field.name.to_lowercase()) == name)
        };
        let whole = names.iter().find_map(|name| named(name, |whole| whole));
        whole.or_else(|| names.iter().find_map(|name| named(name, last_name)))
    }

    /// The fields that say how large the picture is in which a box lies, where they are not the box's own.
    fn sides(&self) -> Option<[&'s str; 2]> {
        let is_of_box = |name: &str| self.corners.as_ref().is_some_and(|(names, _)| names.contains(&name));
        let field = |name: &str| self.rows.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name));
        let numbers = |name| field(name).filter(|field| field.numbers().is_some() && !is_of_box(&field.name));
        SIDES.into_iter().find_map(|[width, height]| Some([&*numbers(width)?.name, &*numbers(height)?.name]))
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
}
