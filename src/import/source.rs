//! The description of a source: from a TOML file, or put together from options.

use crate::error::{Error, Result};
use crate::format::manifest::{Source, SourceKind};
use crate::import::pattern::Pattern;
use serde::Deserialize;
use std::path::Path;

/// How long a description may be.
const LENGTH_LIMIT: u64 = 1 << 20;

/// What an importer needs to know of a source.
///
/// ```
/// use surgdb::import::SourceDescription;
/// let source = SourceDescription::from_toml(
///     r#"
///     id = "cholec"
///     kind = "open"
///     licence = "CC BY-NC-SA 4.0"
///     frame-pattern = "VID{video}/{index}.png"
///     patient-from = "video"
///     fps = 1.0
///     [defaults]
///     task = "phase recognition"
///     "#,
/// )?;
/// assert_eq!(source.id, "cholec");
/// # Ok::<(), surgdb::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SourceDescription {
    /// Its short name: what stands in the `source` columns.
    pub id: String,
    /// Its full name.
    pub title: Option<String>,
    /// What kind of source it is.
    pub kind: Option<SourceKind>,
    /// Its licence.
    pub licence: Option<String>,
    /// How to cite it.
    pub citation: Option<String>,
    /// Where it can be had.
    pub url: Option<String>,
    /// What holds where a record does not say otherwise.
    pub defaults: Defaults,
    /// Where the patient's name is.
    pub patient_from: Option<PatientFrom>,
    /// What stands before each patient's name in the canonical key, so that keys of unlike sources stay apart.
    pub patient_prefix: Option<String>,
    /// How video and frame number are read from a picture's path.
    pub frame_pattern: Option<Pattern>,
    /// Frames a second of the frame numbers.
    pub fps: Option<f64>,
    /// The number of a video's first frame: 0 or 1.
    pub index_base: Option<i64>,
    /// How boxes in texts are measured: two corners, x before y; and those of objects in tables, whose corner and sides are
    /// in pixels where nothing is said.
    pub boxes: Option<BoxConvention>,
}

/// What holds where a record does not say otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Defaults {
    /// The task; else `unknown`.
    pub task: Option<String>,
    /// The surgical specialty.
    pub specialty: Option<String>,
    /// The kind of operation.
    pub procedure: Option<String>,
    /// Where it was recorded.
    pub institution: Option<String>,
    /// A BCP 47 tag.
    pub language: Option<String>,
    /// The split that all records belong to.
    pub split: Option<String>,
    /// What the labels of annotations name, where the form does not say it: `instrument`, `organ`, …; else `category`.
    pub axis: Option<String>,
}

/// Where the name of a record's patient is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PatientFrom {
    /// The video's name, as the frame pattern reads it, or the video file's name without its ending.
    Video,
    /// This field of the record.
    Field(String),
    /// The path of a picture or video, by this pattern with `{patient}`.
    Path(Pattern),
}

/// How the boxes in a source's texts are measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub enum BoxConvention {
    /// As all boxes of the source show without doubt; where they do not, boxes are left alone.
    #[default]
    #[serde(rename = "auto")]
    Auto,
    /// In pixels of the picture.
    #[serde(rename = "pixels")]
    Pixels,
    /// From 0 to 1.
    #[serde(rename = "0-1")]
    Unit,
    /// From 0 to 1000.
    #[serde(rename = "0-1000")]
    Thousand,
    /// They are not read.
    #[serde(rename = "none")]
    None,
}

impl BoxConvention {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Pixels => "pixels",
            Self::Unit => "0-1",
            Self::Thousand => "0-1000",
            Self::None => "none",
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    id: String,
    title: Option<String>,
    kind: Option<SourceKind>,
    licence: Option<String>,
    citation: Option<String>,
    url: Option<String>,
    #[serde(default)]
    defaults: Defaults,
    patient_from: Option<String>,
    patient_prefix: Option<String>,
    frame_pattern: Option<String>,
    fps: Option<f64>,
    index_base: Option<i64>,
    boxes: Option<BoxConvention>,
}

impl SourceDescription {
    /// A source of which nothing is known but its name.
    pub fn named(id: impl Into<String>) -> Self {
        Self { id: id.into(), ..Self::default() }
    }

    /// Reads a description file.
    ///
    /// # Errors
    /// `Io` or `NotFound` when it cannot be read; `Invalid` with its line when it is no description.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let text = toml_text(path, "source description")?;
        Self::from_toml(&text).map_err(|error| error.in_file(path))
    }

    /// Reads a description from TOML text.
    ///
    /// # Errors
    /// `Invalid` with the line of the fault; an unknown key is named.
    pub fn from_toml(text: &str) -> Result<Self> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let file: File = toml::from_str(text).map_err(|error| toml_fault(&error, text))?;
        let description = Self {
            id: file.id,
            title: file.title,
            kind: file.kind,
            licence: file.licence,
            citation: file.citation,
            url: file.url,
            defaults: file.defaults,
            patient_from: file.patient_from.as_deref().map(PatientFrom::parse).transpose()?,
            patient_prefix: file.patient_prefix,
            frame_pattern: file.frame_pattern.as_deref().map(Pattern::parse).transpose()?,
            fps: file.fps,
            index_base: file.index_base,
            boxes: file.boxes,
        };
        description.check()?;
        Ok(description)
    }

    /// Checks what types alone do not hold.
    ///
    /// # Errors
    /// `Invalid` when the id is empty or has characters that cannot stand in it, or a number makes no sense.
    pub fn check(&self) -> Result<()> {
        let is_plain = |c: char| c.is_alphanumeric() || "-_.".contains(c);
        if self.id.is_empty() || !self.id.chars().all(is_plain) {
            let message = format!("{:?} is no id of a source: use letters, digits, `-`, `_` and `.`", self.id);
            return Err(Error::invalid(message));
        }
        if let Some(SourceKind::Other(kind)) = &self.kind {
            return Err(Error::invalid(format!("{kind:?} is no kind of source: they are open, clinical and web")));
        }
        if self.fps.is_some_and(|fps| !(fps.is_finite() && fps > 0.0)) {
            return Err(Error::invalid("fps must be above 0"));
        }
        if self.index_base.is_some_and(|base| !(0..=1).contains(&base)) {
            return Err(Error::invalid("index-base must be 0 or 1"));
        }
        Ok(())
    }

    /// The entry in the manifest, without imports.
    pub fn entry(&self) -> Source {
        Source {
            id: self.id.clone(),
            title: self.title.clone(),
            kind: self.kind.clone(),
            licence: self.licence.clone(),
            citation: self.citation.clone(),
            url: self.url.clone(),
            imports: Vec::new(),
        }
    }

    /// The canonical key of a patient: the prefix and the name; of a name that is a number, leading zeros are no part.
    pub(super) fn patient_key(&self, name: &str) -> String {
        let is_number = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
        let short = name.trim_start_matches('0');
        let name = if !is_number {
            name
        } else if short.is_empty() {
            "0"
        } else {
            short
        };
        format!("{}{name}", self.patient_prefix.as_deref().unwrap_or_default())
    }
}

/// The text of a TOML file, which is `what`.
pub(super) fn toml_text(path: &Path, what: &str) -> Result<String> {
    let unreadable = |error| Error::io(format!("cannot read the {what}"), error).in_file(path);
    let length = std::fs::metadata(path).map_err(unreadable)?.len();
    if length > LENGTH_LIMIT {
        return Err(Error::invalid(format!("{length} bytes are too many for a {what}")).in_file(path));
    }
    std::fs::read_to_string(path).map_err(unreadable)
}

/// What is wrong with a TOML text, and in which line.
pub(super) fn toml_fault(error: &toml::de::Error, text: &str) -> Error {
    let wrong = Error::invalid(error.message().trim());
    match error.span() {
        Some(span) => {
            let before = text.as_bytes().get(..span.start).unwrap_or_default();
            wrong.at_line(1 + memchr::memchr_iter(b'\n', before).count() as u64)
        }
        None => wrong,
    }
}

impl PatientFrom {
    /// What [`PatientFrom::parse`] reads as this.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Video => "video".to_owned(),
            Self::Field(name) => format!("field:{name}"),
            Self::Path(pattern) => pattern.as_str().to_owned(),
        }
    }

    /// Reads `video`, `field:NAME`, or a pattern with `{patient}`.
    ///
    /// # Errors
    /// `Invalid` when it is none of them.
    pub fn parse(text: &str) -> Result<Self> {
        if text == "video" {
            return Ok(Self::Video);
        }
        if let Some(name) = text.strip_prefix("field:").filter(|name| !name.is_empty()) {
            return Ok(Self::Field(name.to_owned()));
        }
        if text.contains("{patient}") {
            return Ok(Self::Path(Pattern::parse(text)?));
        }
        let message =
            format!("patient-from {text:?} is not known: write `video`, `field:NAME`, or a pattern with {{patient}}");
        Err(Error::invalid(message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> String {
        SourceDescription::from_toml(text).unwrap_err().to_string()
    }

    #[test]
    fn faults_in_a_description_name_their_line() {
        assert_eq!(
            fault("id = \"a\"\n\nlicense = \"x\"\n").split(',').next().unwrap(),
            "line 3: unknown field `license`"
        );
        assert!(fault("id = \"a\"\nfps = \"x\"").starts_with("line 2: "));
        assert!(fault("id = \"a\"\n[defaults]\ntusk = \"x\"").starts_with("line 3: unknown field `tusk`"));
        assert!(fault("id = ").starts_with("line 1: "));
        assert!(fault("title = \"x\"").contains("missing field `id`"));
        assert!(fault("id = \"a b\"").contains("no id of a source"));
        assert!(fault("id = \"a\"\nfps = 0").contains("fps must be above 0"));
        assert!(fault("id = \"a\"\npatient-from = \"name\"").contains("patient-from \"name\" is not known"));
    }

    #[test]
    fn one_patient_has_one_key() {
        let source = SourceDescription { patient_prefix: Some("c80-".into()), ..SourceDescription::named("a") };
        assert_eq!(
            [source.patient_key("003"), source.patient_key("3"), source.patient_key("000")],
            ["c80-3", "c80-3", "c80-0"]
        );
        assert_eq!(source.patient_key("0x"), "c80-0x");
    }
}
