//! The forms that conversations come in, each turned into a [`Draft`].
//!
//! What a form writes in its own way and the schema has no place for is kept in `extra`, under keys that start with
//! `~`, so that an exporter can write the record as it was:
//!
//! - in a turn: `~role`, the role as written where it is neither of its form's usual names (`function_call`,
//!   `observation`, `developer`, …); `~content`, null where the content was null and false where there was none;
//!   `~input`, the byte at which an Alpaca record's `input` starts; `~parts`, the borders of content parts.
//! - `~parts` is a list: a number is a text part of so many bytes of the turn's text, in order;
//!   `{"text": n, "part": {…}}` is one with further keys; `{"medium": k, "part": {…}}` is a picture or video, the k-th,
//!   from 0, of those in this turn's parts, with the part as written, save bytes that stood in it, of which null is left;
//!   `{"part": …}` is any other part, whole.
//! - in a conversation: `~image`, `~videos` and the like: a media field whose entries had further keys, as written;
//!   `~task`, the task as written where it is another name of one that is known.

mod base64_text;
mod endings;
pub(super) mod llama_factory;
mod media;
mod objects;
mod parts;
pub(super) mod surgsigma;
mod turns;
mod unfolded;

pub(super) use media::Absent;
pub(super) use unfolded::unfolded;

use crate::error::{Error, Result};
use crate::import::draft::{Draft, DraftMedium, MediaItem, MediaKind};
use crate::import::format::Format;
use crate::import::placeholders;
use crate::import::raw::{ObjectText, RawRecord, as_text};
use crate::import::reasoning;
use crate::import::report::Kind;
use crate::import::surgdb_fields::SurgdbFields;
use crate::schema::text_digest::TextDigest;
use crate::vocab;
use media::Inputs;
use serde_json::value::RawValue;

/// The columns of a table that hold turns.
pub(super) const ROW_KEYS: [&str; 9] = [
    "conversations",
    "conversation",
    "messages",
    "message",
    "prompt",
    "completion",
    "chosen",
    "rejected",
    "rejected_messages",
];

/// The fields that say from which of its own sources a collection has a record.
const SOURCE_DATASET_KEYS: [&str; 2] = ["source dataset", "source_dataset"];

/// Turns a record into a draft; `format` is the only form that is taken, where one is given.
///
/// # Errors
/// `Input` when the record has none of the forms, or a field of it is not what its form has there.
pub(super) fn draft(record: RawRecord<'_>, format: Option<Format>) -> Result<Draft> {
    let found = Format::of(&record).ok_or_else(|| no_conversation(&record))?;
    draft_of(record, found, format, &[])
}

/// The same for a row of a table, which may also have a question and an answer alone, and these fields of media besides
/// the usual ones.
///
/// # Errors
/// As [`draft`].
pub(super) fn draft_of_row(
    record: RawRecord<'_>,
    format: Option<Format>,
    media: &[(String, MediaKind)],
) -> Result<Draft> {
    let found = row_form(&record)?;
    draft_of(record, found, format, media)
}

/// The form of a table's row.
///
/// # Errors
/// `Input` where it is none that is known.
pub(super) fn row_form(record: &RawRecord<'_>) -> Result<Format> {
    let asks = surgsigma::asks(record).then_some(Format::SurgSigma);
    Format::of(record).or(asks).ok_or_else(|| no_conversation(record))
}

/// Gives the task its canonical name, where it has one; `written` is its field.
fn name_task<'a>(record: &mut RawRecord<'a>, draft: &mut Draft, written: Option<&'a RawValue>) {
    let Some(known) = draft.task.as_deref().and_then(vocab::task) else { return };
    if draft.task.as_deref() != Some(known.name) {
        record.fields.extend(written.map(|written| ("~task".into(), written)));
        draft.task = Some(known.name.to_owned());
    }
}

fn draft_of(
    mut record: RawRecord<'_>,
    found: Format,
    format: Option<Format>,
    media: &[(String, MediaKind)],
) -> Result<Draft> {
    if let Some(format) = format.filter(|format| *format != found) {
        let message = format!("this record has the form {:?}, not {:?}", found.name(), format.name());
        return Err(Error::input(message));
    }
    if found == Format::SurgSigma && surgsigma::is_about_file(&record) {
        return surgsigma::about_file(record);
    }
    let mut draft = Draft { id: take_id(&mut record), ..Draft::default() };
    let mut ours = SurgdbFields::take(&mut record)?;
    draft.said = ours.as_ref().map(|_| TextDigest::default());
    let written_task = record.get("task");
    take_labels(&mut record, &mut draft);
    let is_row = ours.as_ref().is_some_and(SurgdbFields::is_of_row);
    if is_row {
        // The source is that of the import.
        record.take("source");
    }
    let mut absent = ours.as_mut().map(SurgdbFields::take_absent).unwrap_or_default();
    let (shown, made) = media_fields(found, is_row, media);
    let mut inputs = Inputs::take(&mut record, &shown, &mut absent)?;
    let mut outputs = Inputs::take(&mut record, &made, &mut absent)?;
    name_task(&mut record, &mut draft, written_task);
    if let Some(system) = record.take_text("system") {
        draft.turns.push(turns::plain("system", &system));
    }
    match record.turns.take() {
        Some((_, list)) => turns::add(&mut draft, list, &mut inputs)?,
        None if found == Format::SurgSigma => surgsigma::read(&mut record, &mut draft, &mut inputs, &mut outputs)?,
        None if found == Format::Alpaca => endings::alpaca(&mut record, &mut draft)?,
        None => endings::prompt(&mut record, &mut draft, &mut inputs)?,
    }
    let exact = ours.as_ref().is_some_and(SurgdbFields::has_endings);
    let is_placed = ours.as_ref().is_some_and(SurgdbFields::has_places);
    endings::take(&mut record, &mut draft, &mut inputs, found, exact)?;
    // The question may be what both answers of a pair start with.
    if draft.turns.is_empty() {
        draft.find(Kind::Doubtful, "it has no turns: nothing is asked and nothing answered");
    }
    // Where the record says the place of each medium, they are counted as they were met.
    let of_endings = if is_placed { Vec::new() } else { endings::media(&mut record, &mut draft, &inputs)? };
    if ours.is_none() {
        objects::fill(&mut record, &mut draft, &inputs);
    }
    inputs.keep_raw(&mut record, &mut draft);
    outputs.keep_raw(&mut record, &mut draft);
    let of_endings = match is_placed {
        true => {
            placeholders::place(&mut draft, inputs.into_media(), outputs.into_media());
            of_endings
        }
        false => place(&mut draft, inputs, outputs, of_endings),
    };
    if found == Format::SurgSigma {
        surgsigma::settle(&mut draft);
    }
    draft.media.extend(of_endings);
    reasoning::add(&mut draft, &mut record);
    finish(draft, record, ours)
}

/// The fields that name what is shown, and what the model is to produce; `media` are further ones of what is shown.
fn media_fields(
    found: Format,
    is_row: bool,
    media: &[(String, MediaKind)],
) -> (Vec<media::Field<'_>>, Vec<media::Field<'_>>) {
    let (mut shown, mut made) = match found {
        Format::SurgSigma => surgsigma::media_fields(),
        _ => (media::INPUTS.to_vec(), media::OUTPUTS.to_vec()),
    };
    if is_row {
        // Others may mean something else by clips.
        shown.push(media::CLIPS);
        made.push(media::OUTPUT_CLIPS);
    }
    shown.extend(media.iter().map(|(name, kind)| (name.as_str(), *kind)));
    (shown, made)
}

/// Puts the record's media to their places in the texts; those of endings come back, with those that have their places.
fn place(draft: &mut Draft, inputs: Inputs<'_>, outputs: Inputs<'_>, of_endings: Vec<DraftMedium>) -> Vec<DraftMedium> {
    let outputs = outputs.into_media();
    if !outputs.is_empty() && draft.turns.is_empty() {
        draft.turns.push(turns::plain("assistant", ""));
    }
    let in_parts = draft.media.len();
    let of_endings = placeholders::place_with_endings(draft, inputs.into_media(), outputs, of_endings);
    // Those in parts were met first; all stand in the order in which the turns show them.
    if in_parts > 0 && draft.grounding.is_empty() {
        draft.media.sort_by_key(|medium| (medium.turn, medium.at));
    }
    of_endings
}

/// Keeps what is left of the record, and lets what this crate's exporter says take its place.
fn finish(mut draft: Draft, record: RawRecord<'_>, ours: Option<SurgdbFields>) -> Result<Draft> {
    if record.get("audio").is_some() || record.get("audios").is_some() {
        draft.find(Kind::OtherMedia, "audio is kept in `extra`");
    }
    // It stays in `extra` too, as it was written.
    let origin = SOURCE_DATASET_KEYS.iter().find_map(|name| as_text(record.get(name)?));
    draft.source_dataset = origin.map(|origin| origin.into_owned());
    let mut extra = ObjectText::default();
    extra.fields(&record.fields);
    draft.extra = extra.finish();
    draft.is_ours = ours.is_some();
    if let Some(ours) = ours {
        let is_row = ours.is_of_row();
        ours.apply(&mut draft)?;
        if is_row {
            draft.name_held();
        }
    }
    Ok(draft)
}

/// The picture that a field names; nothing where it is empty.
///
/// # Errors
/// `Input` where it is no picture.
pub(super) fn picture_in(value: &RawValue) -> Result<Option<MediaItem>> {
    let medium = media::medium(value, MediaKind::Picture, &mut media::Seen::default())?;
    Ok(medium.items.into_iter().next())
}

/// Whether a field of this name holds pictures or videos.
pub(super) fn is_media_key(name: &str) -> bool {
    let clips = [media::CLIPS, media::OUTPUT_CLIPS];
    media::INPUTS.iter().chain(&media::OUTPUTS).chain(&clips).any(|(known, _)| *known == name)
}

/// What is said of a key that is one of these but for a letter.
pub(super) const NEARLY: &str = "is nearly";

/// What the turns of conversations stand under.
const TURN_KEYS: [&str; 4] = ["conversations", "messages", "prompt", "instruction"];

/// Whether a word differs from another by a letter, or by two that stand in each other's place.
fn is_nearly(word: &str, known: &str) -> bool {
    let (word, known): (Vec<char>, Vec<char>) = (word.to_lowercase().chars().collect(), known.chars().collect());
    let before = word.iter().zip(&known).take_while(|(one, other)| one == other).count();
    let (word, known) = (word.get(before..).unwrap_or_default(), known.get(before..).unwrap_or_default());
    let after = word.iter().rev().zip(known.iter().rev()).take_while(|(one, other)| one == other).count();
    let rest = (word.len() - after, known.len() - after);
    match rest {
        (0..=1, 0..=1) => true,
        (2, 2) => word[0] == known[1] && word[1] == known[0],
        _ => false,
    }
}

/// The error for a record that is no conversation: it names what the record has.
pub(super) fn no_conversation(record: &RawRecord<'_>) -> Error {
    let keys: Vec<&str> = record.fields.iter().take(12).map(|(key, _)| &**key).collect();
    let mut message = match keys.as_slice() {
        [] => "this is no conversation: it is an empty object".to_owned(),
        keys => format!("this is no conversation: it has the keys {}", keys.join(", ")),
    };
    if keys.contains(&"question") && keys.contains(&"answer") {
        message.push_str(" (rows of questions and answers, which need a map file, or a `task` that is one of the 18)");
    }
    let nearly =
        keys.iter().find_map(|key| TURN_KEYS.iter().find(|known| is_nearly(key, known)).map(|known| (key, known)));
    if let Some((key, known)) = nearly {
        message
            .push_str(&format!("; {key:?} {NEARLY} `{known}`: is that what is meant? Write it so, and import again"));
    }
    message.push_str("; a conversation has `conversations`, `messages`, `prompt` or `instruction`");
    Error::input(message)
}

/// Takes the record's id.
fn take_id(record: &mut RawRecord<'_>) -> Option<String> {
    let id = record.id()?;
    record.take("id");
    Some(id)
}

/// Takes the fields that have columns of their own; the first name that is there counts, others stay in `extra`.
fn take_labels(record: &mut RawRecord<'_>, draft: &mut Draft) {
    let mut first = |names: &[&str]| names.iter().find_map(|name| record.take_text(name));
    draft.task = first(&["task", "task_type"]);
    draft.specialty = first(&["specialty", "clinical specialty", "clinical_specialty"]);
    draft.procedure = first(&["procedure", "surgical type", "surgical_type"]);
    draft.language = first(&["language", "lang"]);
    draft.patient = first(&["patient", "patient_id"]);
    draft.generator = first(&["generator"]);
    draft.split = first(&["split"]).map(|split| split.trim().to_owned()).filter(|split| !split.is_empty());
    if draft.patient.is_some() {
        draft.institution = first(&["institution"]);
    }
    let origins = ["human", "model", "synthetic", "derived"];
    if record.get("origin").and_then(as_text).is_some_and(|origin| origins.contains(&&*origin)) {
        draft.origin = record.take_text("origin");
    }
    for (name, instead, is_known) in [
        ("task", "the task is unknown", draft.task.is_some()),
        ("split", "the record is put into no split", draft.split.is_some()),
    ] {
        let wrong = record.get(name).filter(|value| !value.get().starts_with('"') && value.get() != "null");
        if let Some(value) = wrong
            && !is_known
        {
            let found = media::shortened(value.get());
            draft.find(Kind::WrongType, format!("`{name}` should be text and is {found}: {instead}"));
            draft.unread.push(name);
        }
    }
}

#[cfg(test)]
mod tests;
