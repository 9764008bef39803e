//! SurgΣ-DB's own records: `question` and `answer`, what is known of their origin under keys with blanks, and answers
//! that are pictures or clips.
//!
//! `clinical specialty` and `surgical type` are specialty and procedure, and `video path` and the like name media. `input`
//! and `output` list what is shown and what is to be produced (`image`, `video`, `mask`, `depth_map`, `text`); what they
//! list and no field names is a medium without a file. A video beside a picture is the one that it was taken from, unless
//! `input` lists a video or the question has its place; `mask path` names the picture that is to be produced, where the
//! task asks for one. `output` need not say so: an answer that is null is of the kind that its task asks for. An answer
//! that is a file's name is that file. A record without a question is one about its picture or video: what it says is
//! kept in the `extra` of that row.

use super::media::{Absent, Field, INPUTS, Inputs, OUTPUTS, shortened};
use super::turns;
use crate::error::{Error, Result};
use crate::import::draft::{Draft, DraftMedium, FileFields, MediaItem, MediaKind};
use crate::import::media::picture::media_type_of_name;
use crate::import::raw::{ObjectText, RawRecord, Text, as_text};
use crate::import::report::Kind;
use crate::vocab::{self, Medium};
use serde_json::value::RawValue;

/// The fields that a question may stand in.
const QUESTIONS: [&str; 2] = ["question", "problem"];
/// The keys that only SurgΣ-DB's records have.
const OWN: [&str; 4] = ["source dataset", "source url", "clinical specialty", "surgical type"];
/// The fields that name what is shown, and what the model is to produce.
const INPUT_PATHS: [(&str, MediaKind); 2] = [("image path", MediaKind::Picture), ("video path", MediaKind::Video)];
const OUTPUT_PATHS: [(&str, MediaKind); 2] =
    [("output image path", MediaKind::Picture), ("output video path", MediaKind::Video)];

/// What `input` and `output` may list: the word, what it is, and what kind of frame.
const WORDS: [(&str, Option<MediaKind>, Option<&str>); 11] = [
    ("text", None, None),
    ("image", Some(MediaKind::Picture), None),
    ("frame", Some(MediaKind::Picture), None),
    ("picture", Some(MediaKind::Picture), None),
    ("mask", Some(MediaKind::Picture), Some("mask")),
    ("segmentation", Some(MediaKind::Picture), Some("mask")),
    ("depth", Some(MediaKind::Picture), Some("depth")),
    ("depth_map", Some(MediaKind::Picture), Some("depth")),
    ("depth map", Some(MediaKind::Picture), Some("depth")),
    ("video", Some(MediaKind::Video), None),
    ("clip", Some(MediaKind::Video), None),
];

/// Whether it is one of these records. With turns it is only where it names its media as they do: else it is read as
/// others that have turns are.
pub(in crate::import) fn is_record(record: &RawRecord<'_>) -> bool {
    let has = |name: &str| record.get(name).is_some();
    let names_path = INPUT_PATHS.iter().chain(&OUTPUT_PATHS).any(|(name, _)| has(name));
    if record.turns.is_some() || ["prompt", "instruction", "query", "chosen"].iter().any(|name| has(name)) {
        return record.turns.is_some() && names_path;
    }
    if names_path {
        return true;
    }
    let lists = |name: &str| record.get(name).is_some_and(|value| words(value).is_some());
    let known_task = || record.get("task").and_then(as_text).is_some_and(|task| vocab::task(&task).is_some());
    match has("question") {
        true => OWN.iter().any(|name| has(name)) || lists("input") || lists("output") || known_task(),
        false => OWN.iter().any(|name| has(name)) && INPUTS.iter().any(|(name, _)| has(name)),
    }
}

/// The fields that name media: those shown, and those to be produced.
pub(super) fn media_fields<'n>() -> (Vec<Field<'n>>, Vec<Field<'n>>) {
    ([INPUT_PATHS.as_slice(), &INPUTS].concat(), [OUTPUT_PATHS.as_slice(), &OUTPUTS].concat())
}

/// Whether the record asks nothing, and so is about its media alone.
pub(super) fn is_about_file(record: &RawRecord<'_>) -> bool {
    let asks = ["question", "problem", "answer", "prompt", "instruction"];
    record.turns.is_none() && !asks.iter().any(|name| record.get(name).is_some())
}

/// Whether the record has a question.
pub(super) fn asks(record: &RawRecord<'_>) -> bool {
    QUESTIONS.iter().any(|name| record.get(name).is_some_and(|value| value.get().starts_with('"')))
}

/// Reads question and answer, and notes media that have no files.
///
/// # Errors
/// `Input` where question or answer is no text.
pub(super) fn read<'a>(
    record: &mut RawRecord<'a>,
    draft: &mut Draft,
    inputs: &mut Inputs<'a>,
    outputs: &mut Inputs<'a>,
) -> Result<()> {
    let name = QUESTIONS.into_iter().find(|name| record.get(name).is_some()).unwrap_or_default();
    let question = text(record, draft, name)?;
    let answer = text(record, draft, "answer")?;
    let asked = draft.task.as_deref().and_then(vocab::task).map(|task| task.output);
    let file = answer.as_deref().and_then(|answer| answered_file(answer, asked));
    draft.turns.push(turns::plain("user", question.as_deref().unwrap_or_default()));
    record.take(name);
    match &file {
        // It stays in `extra`, since it is no text of a turn.
        Some(kind) => outputs.add(DraftMedium::new(*kind, vec![MediaItem::Path(answer.clone().unwrap_or_default())])),
        None => drop(record.take("answer")),
    }
    let shows_video = question.as_deref().is_some_and(|question| question.contains("<video>"));
    if !shows_video && !lists(record, "input", MediaKind::Video) {
        recording(draft, inputs);
    }
    tell_stretch(record, draft);
    let is_asked = asked == Some(Medium::Image) || lists(record, "output", MediaKind::Picture);
    if is_asked && outputs.is_empty() {
        mask(record, draft, outputs);
    }
    absent(record, draft, inputs, "input");
    absent(record, draft, outputs, "output");
    let wanted = match asked {
        Some(Medium::Image) => Some(MediaKind::Picture),
        Some(Medium::Video) => Some(MediaKind::Video),
        _ => None,
    };
    if let Some(kind) = wanted.filter(|_| answer.is_none() && outputs.is_empty()) {
        outputs.add(DraftMedium::new(kind, vec![MediaItem::Absent("output".into())]));
    }
    let spoken = answer.filter(|_| file.is_none());
    if spoken.is_some() || !outputs.is_empty() {
        draft.turns.push(turns::plain("assistant", spoken.as_deref().unwrap_or_default()));
    } else {
        let several = if record.get("answers").is_some() { "; its `answers` are kept in `extra`" } else { "" };
        draft.find(Kind::Doubtful, format!("it has a question and no `answer`: nothing is answered{several}"));
    }
    Ok(())
}

/// What could say which part of a video is meant. No published record says so, and how such a one would is not known.
const STRETCHES: [&str; 9] =
    ["start", "end", "start time", "end time", "start_time", "end_time", "start frame", "end frame", "frame path"];

/// Tells of fields that could say which part of a video is meant, and are not read.
fn tell_stretch(record: &RawRecord<'_>, draft: &mut Draft) {
    let found: Vec<&str> = STRETCHES.into_iter().filter(|name| record.get(name).is_some()).collect();
    if !found.is_empty() {
        let what = format!("`{}` is kept in `extra`: of a video the whole is shown", found.join("`, `"));
        draft.find(Kind::Doubtful, what);
    }
}

/// Where questions have no placeholders, it is nothing to tell that their media have none.
pub(super) fn settle(draft: &mut Draft) {
    if draft.media.iter().all(|medium| medium.at.is_none()) {
        draft.findings.retain(|(kind, _)| *kind != Kind::MediaWithoutPlaceholder);
    }
}

/// The draft of a record that asks nothing: one medium, and all that is said of it.
///
/// # Errors
/// `Input` where it names several media: of which it speaks, nobody can say.
pub(super) fn about_file(mut record: RawRecord<'_>) -> Result<Draft> {
    let mut draft = Draft {
        is_about_file: true,
        patient: record.get("patient").and_then(as_text).map(|text| text.into_owned()),
        ..Draft::default()
    };
    let names = |name: &str| INPUT_PATHS.iter().chain(&INPUTS).any(|(known, _)| *known == name);
    let mut said = ObjectText::default();
    said.fields(&record.fields.iter().filter(|(name, _)| !names(name)).cloned().collect::<Vec<_>>());
    let extra = said.finish();
    let media = Inputs::take(&mut record, &media_fields().0, &mut Absent::new())?.into_media();
    let items: Vec<&MediaItem> = media.iter().flat_map(|medium| &medium.items).collect();
    let [MediaItem::Path(path)] = items.as_slice() else {
        let count = items.len();
        return Err(Error::input(format!(
            "the record has no `question`, and so is about the picture or video that it names; it names {count} of them"
        )));
    };
    draft.files.insert(path.clone(), FileFields { extra, ..FileFields::default() });
    draft.media = media;
    Ok(draft)
}

/// The text of a field; nothing where it is not there or null. An answer that is a number is the text that it is written
/// as, one that is an object its JSON, and one that is a list of texts their lines; they stay in `extra` too, as `~answer`.
fn text<'a>(record: &mut RawRecord<'a>, draft: &mut Draft, name: &str) -> Result<Option<String>> {
    let Some(value) = record.get(name).filter(|value| value.get() != "null") else { return Ok(None) };
    let written = value.get();
    if let Ok(Text(text)) = serde_json::from_str::<Text<'_>>(written) {
        return Ok(Some(text.into_owned()));
    }
    let text = match written.as_bytes().first() {
        None => None,
        _ if name != "answer" => None,
        Some(b'[') => serde_json::from_str::<Vec<String>>(written).ok().map(|lines| lines.join("\n")),
        Some(_) => Some(written.to_owned()),
    };
    let shown = shortened(written);
    let text = text.ok_or_else(|| Error::input(format!("the field `{name}` should be text and is {shown}")))?;
    draft.find(Kind::WrongType, format!("`{name}` should be text and is {shown}: it was taken as text"));
    record.fields.push((format!("~{name}").into(), value));
    Ok(Some(text))
}

/// Whether `input` or `output` lists a medium of this kind.
fn lists(record: &RawRecord<'_>, field: &str, kind: MediaKind) -> bool {
    let is_so =
        |word: &String| WORDS.iter().any(|(known, of_kind, _)| *known == word.to_lowercase() && *of_kind == Some(kind));
    record.get(field).and_then(words).is_some_and(|listed| listed.iter().any(is_so))
}

/// A video beside one picture or several is what these were taken from, and is not shown itself.
fn recording(draft: &mut Draft, inputs: &mut Inputs<'_>) {
    if inputs.count(MediaKind::Picture) == 0 || inputs.count(MediaKind::Video) != 1 {
        return;
    }
    let Some(video) = inputs.next(MediaKind::Video) else { return };
    let [MediaItem::Path(path)] = video.items.as_slice() else { return inputs.add(video) };
    for picture in inputs.paths() {
        let said = FileFields { video_file: Some(path.clone()), by_pattern: true, ..FileFields::default() };
        draft.files.entry(picture).or_insert(said);
    }
}

/// The picture that `mask path` names is what is to be produced, where no other is.
fn mask<'a>(record: &mut RawRecord<'a>, draft: &mut Draft, outputs: &mut Inputs<'a>) {
    let Some(path) = record.take_text("mask path") else { return };
    let said = FileFields { kind: Some("mask".into()), by_pattern: true, ..FileFields::default() };
    draft.files.entry(path.clone()).or_insert(said);
    outputs.add(DraftMedium::new(MediaKind::Picture, vec![MediaItem::Path(path)]));
}

/// The kind of the file that an answer names, where the task asks for one.
fn answered_file(answer: &str, asked: Option<Medium>) -> Option<MediaKind> {
    let kind = match (asked?, media_type_of_name(answer)) {
        (Medium::Image, name) if name.starts_with("image/") => MediaKind::Picture,
        (Medium::Video, name) if name.starts_with("video/") => MediaKind::Video,
        _ => return None,
    };
    (!answer.contains('\n')).then_some(kind)
}

/// Adds what `input` or `output` lists and no field names.
fn absent<'a>(record: &RawRecord<'a>, draft: &mut Draft, media: &mut Inputs<'a>, field: &str) {
    let Some(listed) = record.get(field).and_then(words) else { return };
    let mut named = [MediaKind::Picture, MediaKind::Video].map(|kind| (kind, media.count(kind)));
    for (number, word) in listed.iter().enumerate() {
        let known = WORDS.iter().find(|(known, ..)| *known == word.to_lowercase());
        let Some((_, kind, frame)) = known else {
            draft.find(Kind::Doubtful, format!("`{field}` lists {word:?}, which is no kind of medium"));
            continue;
        };
        let Some(kind) = *kind else { continue };
        if let Some((_, left)) = named.iter_mut().find(|(other, left)| *other == kind && *left > 0) {
            *left -= 1;
            continue;
        }
        let name = if listed.len() == 1 { field.to_owned() } else { format!("{field}/{}", number + 1) };
        if let Some(frame) = frame {
            let said = FileFields { kind: Some((*frame).to_owned()), ..FileFields::default() };
            draft.files.insert(name.clone(), said);
        }
        media.add(DraftMedium::new(kind, vec![MediaItem::Absent(name)]));
    }
}

/// The words that a field lists; nothing where it is something else.
fn words(value: &RawValue) -> Option<Vec<String>> {
    let listed: Vec<String> = serde_json::from_str(value.get()).ok()?;
    let is_known = |word: &String| WORDS.iter().any(|(known, ..)| *known == word.to_lowercase());
    listed.iter().any(is_known).then_some(listed)
}
