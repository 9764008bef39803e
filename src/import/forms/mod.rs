//! The forms that conversations come in, each turned into a [`Draft`].
//!
//! What a form writes in its own way and the schema has no place for is kept in `extra`, under keys that start with
//! `~`, so that an exporter can write the record as it was:
//!
//! - in a turn: `~role`, the role as written where it is neither of its form's usual names (`function_call`,
//!   `observation`, `developer`, …); `~content`, null where the content was null and false where there was none;
//!   `~input`, the byte at which an Alpaca record's `input` starts; `~parts`, the borders of content parts.
//! - `~parts` is a list: a number is a text part of so many bytes of the turn's text, in order;
//!   `{"text": n, "part": {…}}` is one with further keys; `{"medium": k, "part": {…}}` is a picture or video, the k-th
//!   of `media`, with the part as written, save bytes that stood in it, of which null is left;
//!   `{"part": …}` is any other part, whole.
//! - in a conversation: `~image`, `~videos` and the like: a media field whose entries had further keys, as written.

mod endings;
mod media;
mod parts;
mod turns;

use crate::error::{Error, Result};
use crate::import::draft::Draft;
use crate::import::format::Format;
use crate::import::placeholders;
use crate::import::raw::{ObjectText, RawRecord, as_text};
use crate::import::reasoning;
use crate::import::report::Kind;
use crate::import::surgdb_fields::SurgdbFields;
use media::Inputs;

/// Turns a record into a draft; `format` is the only form that is taken, where one is given.
///
/// # Errors
/// `Input` when the record has none of the forms, or a field of it is not what its form has there.
pub(super) fn draft(mut record: RawRecord<'_>, format: Option<Format>) -> Result<Draft> {
    let found = Format::of(&record).ok_or_else(|| no_conversation(&record))?;
    if let Some(format) = format.filter(|format| *format != found) {
        let message = format!("this record has the form {:?}, not {:?}", found.name(), format.name());
        return Err(Error::input(message));
    }
    let mut draft = Draft { id: take_id(&mut record), ..Draft::default() };
    let ours = SurgdbFields::take(&mut record)?;
    take_labels(&mut record, &mut draft);
    let mut inputs = Inputs::take(&mut record, &media::INPUTS)?;
    let mut outputs = Inputs::take(&mut record, &media::OUTPUTS)?;
    if let Some(system) = record.take_text("system") {
        draft.turns.push(turns::plain("system", &system));
    }
    match record.turns.take() {
        Some((_, list)) => turns::add(&mut draft, list, &mut inputs)?,
        None if found == Format::Alpaca => endings::alpaca(&mut record, &mut draft)?,
        None => endings::prompt(&mut record, &mut draft, &mut inputs)?,
    }
    let exact = ours.as_ref().is_some_and(SurgdbFields::has_endings);
    endings::take(&mut record, &mut draft, found, exact)?;
    inputs.keep_raw(&mut record, &mut draft);
    outputs.keep_raw(&mut record, &mut draft);
    let outputs = outputs.into_media();
    if !outputs.is_empty() && draft.turns.is_empty() {
        draft.turns.push(turns::plain("assistant", ""));
    }
    placeholders::place(&mut draft, inputs.into_media(), outputs);
    reasoning::add(&mut draft, &mut record);
    if record.get("audio").is_some() || record.get("audios").is_some() {
        draft.find(Kind::OtherMedia, "audio is kept in `extra`");
    }
    let mut extra = ObjectText::default();
    extra.fields(&record.fields);
    draft.extra = extra.finish();
    draft.is_ours = ours.is_some();
    if let Some(ours) = ours {
        ours.apply(&mut draft)?;
    }
    Ok(draft)
}

/// The error for a record that is no conversation: it names what the record has.
pub(super) fn no_conversation(record: &RawRecord<'_>) -> Error {
    let keys: Vec<&str> = record.fields.iter().take(12).map(|(key, _)| &**key).collect();
    let mut message = format!("this is no conversation: it has the keys {}", keys.join(", "));
    if keys.contains(&"question") && keys.contains(&"answer") {
        message.push_str(" (rows of questions and answers, which need a map file)");
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
