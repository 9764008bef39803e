//! The forms that sources come in, and how they are told apart.

use crate::error::{Error, Result};
use crate::import::annotations::endovis;
use crate::import::forms::surgsigma;
use crate::import::huggingface;
use crate::import::raw::RawRecord;
use crate::import::records::members::{Entry, MemberReader};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::str::FromStr;

/// A form that a source comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// LLaVA and ShareGPT: `conversations` with `from` and `value`.
    ShareGpt,
    /// OpenAI, ms-swift and Qwen-VL: `messages` with `role` and `content`.
    Messages,
    /// TRL: `prompt`, with `chosen` and `rejected`, `completion` and `label`, or `solution`.
    Preference,
    /// Alpaca: `instruction`, `input`, `output`.
    Alpaca,
    /// SurgΣ-DB's own: `question` and `answer`, and keys with blanks.
    SurgSigma,
    /// Hugging Face: tables in Parquet and Arrow, whose rows have one of these forms.
    HuggingFace,
    /// Action triplets as CholecT50 has them: a JSON file a video.
    CholecT50,
    /// COCO: boxes, outlines and masks of many pictures in one JSON file.
    Coco,
    /// LabelMe: a JSON file a picture.
    LabelMe,
    /// EndoVis-18-VQA: a line of questions and answers a picture.
    EndoVisVqa,
    /// A folder of pictures and videos, without anything that is said of them.
    Media,
}

/// How much of a file is looked at.
const HEAD: u64 = 1 << 20;
/// How much of it is passed over, where it is an object, in search of members that tell its form.
const FURTHER: u64 = 1 << 28;
/// The members that tell it.
const TELLING: [&[u8]; 6] = [b"annotations", b"images", b"shapes", b"categories", b"imagePath", b"imageHeight"];
/// The members of JSON files of annotations that are looked into.
const OPENED: &[&str] = &["annotations", "images", "shapes"];

impl Format {
    /// All forms.
    pub const ALL: [Format; 11] = [
        Self::ShareGpt,
        Self::Messages,
        Self::Preference,
        Self::Alpaca,
        Self::SurgSigma,
        Self::HuggingFace,
        Self::CholecT50,
        Self::Coco,
        Self::LabelMe,
        Self::EndoVisVqa,
        Self::Media,
    ];

    /// Its name, as `--format` takes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::ShareGpt => "sharegpt",
            Self::Messages => "messages",
            Self::Preference => "preference",
            Self::Alpaca => "alpaca",
            Self::SurgSigma => "surgsigma",
            Self::HuggingFace => "huggingface",
            Self::CholecT50 => "cholect50",
            Self::Coco => "coco",
            Self::LabelMe => "labelme",
            Self::EndoVisVqa => "endovis-vqa",
            Self::Media => "media",
        }
    }

    /// Whether its records are conversations in JSON.
    pub fn is_conversation(self) -> bool {
        matches!(self, Self::ShareGpt | Self::Messages | Self::Preference | Self::Alpaca | Self::SurgSigma)
    }

    /// Whether a file with this name (in lower case) may be of this form.
    pub(super) fn takes(self, name: &str) -> bool {
        match self {
            Self::EndoVisVqa => name.ends_with(".txt"),
            Self::CholecT50 | Self::Coco | Self::LabelMe => name.ends_with(".json"),
            Self::HuggingFace => huggingface::is_table(name),
            Self::Media => false,
            _ => [".json", ".jsonl", ".ndjson"].iter().any(|ending| name.ends_with(ending)),
        }
    }

    /// The form of a record, by its keys.
    pub(super) fn of(record: &RawRecord<'_>) -> Option<Self> {
        let has = |name: &str| record.get(name).is_some();
        match &record.turns {
            _ if surgsigma::is_record(record) => Some(Self::SurgSigma),
            Some((key, _)) if key.starts_with("conversation") => Some(Self::ShareGpt),
            Some(_) => Some(Self::Messages),
            None if has("prompt") => Some(Self::Preference),
            None if has("chosen") && has("rejected") && !has("instruction") => Some(Self::Preference),
            None if has("problem") && (has("solution") || has("answer")) => Some(Self::Preference),
            None if has("instruction") || (has("query") && has("response")) => Some(Self::Alpaca),
            None => None,
        }
    }

    /// The form of a file of annotations, by what stands at its head; nothing where it is none.
    pub(super) fn of_annotations(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_string_lossy().to_ascii_lowercase();
        let head = File::open(path).ok()?.take(HEAD);
        if name.ends_with(".txt") {
            return of_text(head);
        }
        of_object(head).or_else(|| further(path).ok().flatten()).or_else(|| is_empty_coco(path).then_some(Self::Coco))
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            Error::invalid(format!("there is no format {name:?}; the formats are {names}"))
        })
    }
}

/// Whether a file is COCO's in which nothing was drawn, of no picture.
fn is_empty_coco(path: &Path) -> bool {
    #[derive(serde::Deserialize)]
    struct Lists {
        images: Vec<serde::de::IgnoredAny>,
        annotations: Vec<serde::de::IgnoredAny>,
    }
    let mut text = Vec::new();
    let head = File::open(path).and_then(|file| file.take(HEAD).read_to_end(&mut text));
    let lists = head.ok().and_then(|_| serde_json::from_slice::<Lists>(&text).ok());
    lists.is_some_and(|lists| lists.images.is_empty() && lists.annotations.is_empty())
}

/// Whether the first lines ask and answer as EndoVis-18-VQA does.
fn of_text(mut head: impl Read) -> Option<Format> {
    let mut bytes = Vec::new();
    head.read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    if endovis::is_of_lines(&text) {
        return Some(Format::EndoVisVqa);
    }
    let asks = |line: &str| line.starts_with("what ") && line.matches("? ").count() >= 2 && line.contains(" is ");
    text.lines().take(20).any(asks).then_some(Format::EndoVisVqa)
}

/// The form of a JSON object whose telling members stand behind its head: behind a long list of videos, say.
fn further(path: &Path) -> io::Result<Option<Format>> {
    let file = File::open(path)?;
    if file.metadata()?.len() <= HEAD {
        return Ok(None);
    }
    let mut names = Names::default();
    let mut input = BufReader::with_capacity(1 << 16, file.take(FURTHER));
    loop {
        let bytes = input.fill_buf()?;
        if bytes.is_empty() {
            return Ok(None);
        }
        let length = bytes.len();
        let found = names.pass(bytes);
        input.consume(length);
        for at in found {
            let mut from = File::open(path)?;
            from.seek(SeekFrom::Start(at))?;
            let found = of_object(b"{".chain(from.take(HEAD)));
            if found.is_some() {
                return Ok(found);
            }
        }
        if names.is_over {
            return Ok(None);
        }
    }
}

/// A walk over a JSON text that only knows its strings and how deep it is, for the names of an object's members.
#[derive(Default)]
struct Names {
    depth: u32,
    is_in_string: bool,
    is_escaped: bool,
    /// The object has ended, or there is none: lines that follow are records of their own.
    is_over: bool,
    behind: u64,
    /// Where the string began that may be a name, and its first bytes.
    start: u64,
    text: Vec<u8>,
}

impl Names {
    /// Goes on through these bytes; where the members that tell a form begin that end here.
    fn pass(&mut self, bytes: &[u8]) -> Vec<u64> {
        let mut found = Vec::new();
        let mut at = 0;
        while !self.is_over
            && let Some(&byte) = bytes.get(at)
        {
            if self.is_in_string {
                // Names are short, so a long string is passed over in strides.
                let rest = bytes.get(at..).unwrap_or_default();
                let stop = if self.is_escaped { 0 } else { memchr::memchr2(b'"', b'\\', rest).unwrap_or(rest.len()) };
                let room = 16usize.saturating_sub(self.text.len());
                self.text.extend(rest.iter().take(stop.min(room)));
                at += stop;
                match (bytes.get(at), self.is_escaped) {
                    (None, _) => break,
                    (_, true) => self.is_escaped = false,
                    (Some(b'\\'), _) => self.is_escaped = true,
                    _ => {
                        self.is_in_string = false;
                        if self.depth == 1 && TELLING.contains(&&self.text[..]) {
                            found.push(self.start);
                        }
                    }
                }
                at += 1;
                continue;
            }
            match byte {
                b'"' => {
                    self.is_in_string = true;
                    self.start = self.behind + at as u64;
                    self.text.clear();
                }
                b'{' => self.depth = self.depth.saturating_add(1),
                b'[' if self.depth == 0 => self.is_over = true,
                b'[' => self.depth = self.depth.saturating_add(1),
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    self.is_over = self.depth == 0;
                }
                _ => {}
            }
            at += 1;
        }
        self.behind += bytes.len() as u64;
        found
    }
}

/// The form of a JSON object, by its members.
fn of_object(head: impl Read) -> Option<Format> {
    let mut reader = MemberReader::new(head, OPENED);
    let mut seen: BTreeMap<String, bool> = BTreeMap::new();
    // Where the head ends in the middle of something, what came before it must do.
    while let Some(Ok(member)) = reader.next_member() {
        let keys = keys(member.value.text);
        let has = |name: &str| keys.contains_key(name);
        let found = match (member.key, member.entry) {
            ("annotations", Entry::Named(name)) => {
                let inside = member.value.text.strip_prefix('[').map(str::trim_start);
                name.parse::<u64>().is_ok() && inside.is_some_and(|inside| inside.starts_with('['))
            }
            ("annotations", Entry::Element) => has("image_id") && (has("category_id") || has("bbox") || has("caption")),
            ("images", Entry::Element) => has("file_name") && has("id"),
            ("shapes", Entry::Element) => has("points") && has("label"),
            ("categories", Entry::Whole) => has("triplet") || has("instrument"),
            ("imagePath" | "imageHeight", Entry::Whole) => true,
            _ => false,
        };
        let which = match (member.key, member.entry) {
            ("annotations", Entry::Named(_)) => "rows",
            (key, _) => key,
        };
        if found {
            seen.insert(which.to_owned(), true);
        }
        let has = |name: &str| seen.contains_key(name);
        if has("categories") && has("rows") {
            return Some(Format::CholecT50);
        }
        if has("shapes") && (has("imagePath") || has("imageHeight")) {
            return Some(Format::LabelMe);
        }
        if has("annotations") || has("images") {
            return Some(Format::Coco);
        }
    }
    if seen.contains_key("rows") {
        return Some(Format::CholecT50);
    }
    // A picture that nothing was drawn on has no shapes.
    (seen.contains_key("imagePath") && seen.contains_key("imageHeight")).then_some(Format::LabelMe)
}

/// The keys of an object; none of another value.
fn keys(text: &str) -> BTreeMap<String, &RawValue> {
    match text.starts_with('{') {
        true => serde_json::from_str(text).unwrap_or_default(),
        false => BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tells_a_form_is_sought_behind_a_files_head_but_not_in_records_that_follow() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.json");
        let form = |text: String| {
            std::fs::write(&path, text).unwrap();
            Format::of_annotations(&path)
        };
        let long = "x".repeat(HEAD as usize);
        let images = r#""images": [{"id": 1, "file_name": "a.png"}]"#;
        assert_eq!(form(format!(r#"{{"info": ["{long}"], {images}}}"#)), Some(Format::Coco));
        assert_eq!(form(format!("{{\"info\": [\"{long}\"]}}\n{{{images}}}\n")), None);
        assert_eq!(form(format!(r#"[{{"info": ["{long}"]}}, {{{images}}}]"#)), None);
    }
}
