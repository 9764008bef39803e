//! The lines of a proposal.

use super::names::{Role, axis_of, last_name};
use super::sample::FieldSample;
use super::{Proposal, UNKNOWN, quoted};

/// What is larger than this is hardly the seconds of a video.
const LONG: f64 = 20_000.0;

impl<'s> Proposal<'s> {
    /// The lines that say how time is counted.
    pub(super) fn clock(&self) -> Option<Vec<String>> {
        if !["intervals", "labels", "boxes"].contains(&self.become_what) {
            return None;
        }
        let moment = || self.find_moment().map(|(field, _)| field);
        let field = self.field(Role::Start).or_else(|| self.segment()).or_else(moment)?;
        let name = field.name.to_lowercase();
        let guess = |what: &str| format!("# A guess, by {what} of `{}`.", field.name);
        let is_of_frames = name.contains("frame") && !name.contains("time");
        Some(if is_of_frames && self.field(Role::Fps).is_some() {
            vec![
                "# Frame numbers: say whether the first is 0 or 1.".into(),
                "clock = { unit = \"frames\", base = 0 }".into(),
            ]
        } else if is_of_frames {
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

    /// Writes the rows' part of the map.
    pub(super) fn write(&self, line: &mut impl FnMut(String)) {
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
        if self.become_what != UNKNOWN {
            key("fps", named(Role::Fps));
        }
        match self.become_what {
            "conversations" => {
                key("question", named(Role::Question));
                key("answer", named(Role::Answer));
                key("image", named(Role::Image));
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
                if let Some([width, height]) = self.sides() {
                    key("width", Some(width));
                    key("height", Some(height));
                }
            }
        }
        let states = ["intervals", "labels", "boxes"].contains(&self.become_what);
        if states {
            key("text", named(Role::Caption));
        }
        if states || self.become_what == "conversations" {
            key("split", named(Role::Split).map(|name| format!("{{{name}?}}")).as_deref());
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
        let is_said = !self.labels.is_empty() || self.field(Role::Caption).is_some();
        if !is_said || self.marks.len() > 1 {
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
