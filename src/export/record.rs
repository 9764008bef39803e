//! Records of the JSONL forms: what both have in common.

mod form;
mod media;

pub(super) use form::{Form, Roles};

use super::files::shown_videos;
use super::folder::OutputFolder;
use super::json::{Fields, Object, WrittenFields, number, push_json, push_list, push_raw, push_text};
use super::media::{MediaFolder, MediaTo};
use super::own_ids::OwnIds;
use super::placement::{self, Shown, WHOLE_CLIP};
use super::turns;
use super::{
    ExportOptions, ExportProgress, ExportReport, MessageStyle, OnProgress, added, addresses_of, boxes, notes, sources,
    unshown,
};
use crate::dataset::{Conversation, Dataset, SOURCE_DATASET, SPLIT};
use crate::error::{Error, Result};
use crate::format::Address;
use crate::schema::boxes::Scale;
use crate::schema::tables::Table;
use crate::schema::text_digest::TextDigest;
use crate::schema::views::{self, Alternatives, BatchRow, Grounding, Media, Reasoning, Turn, Turns};
use serde_json::value::RawValue;
use std::collections::{BTreeSet, HashSet};
use std::io::Write;
use std::rc::Rc;

/// The file that the records are written to.
pub(super) const FILE: &str = "conversations.jsonl";
/// How many records are written between two reports of progress.
const PROGRESS_EVERY: u64 = 64;

/// Writes all records, their media and what is known of their sources.
///
/// # Errors
/// See [`super::export`].
pub(super) fn write_all(
    dataset: &Dataset,
    folder: &OutputFolder,
    form: Form,
    options: &ExportOptions<'_>,
    report: &mut ExportReport,
    progress: &mut OnProgress<'_>,
) -> Result<()> {
    let media = MediaFolder::new(dataset, MediaTo::Folder(folder, options.pictures), &[FILE]);
    let media = media.on_missing(options.missing);
    let shown_videos = shown_videos(dataset, options.selection)?;
    let mut writer = Writer::new(dataset, form, options, media, shown_videos);
    let (total, addresses) = addresses_of(dataset, options.selection)?;
    let mut file = folder.file(FILE)?;
    let (mut line, mut rows, mut done) = (Vec::new(), 0u64, 0u64);
    for address in addresses {
        let row = dataset.sound_conversation(address?)?;
        let is_left_out = options.missing.leaves_out(&mut writer.media, &row, report)?
            || boxes::leaves_out(dataset, &row, options.boxes, report)?;
        if !is_left_out {
            line.clear();
            let shown = writer.record(&row, &mut line, report)?;
            report.shown_answers += u64::from(shown.iter().any(|medium| medium.place.output));
            line.push(b'\n');
            file.write_all(&line).map_err(|error| Error::io("cannot write the records", error))?;
            rows += 1;
        }
        done += 1;
        if done.is_multiple_of(PROGRESS_EVERY) || done == total {
            progress(ExportProgress { rows: done, total, bytes: report.media_bytes })?;
        }
    }
    report.bytes += file.finish()?;
    report.rows.insert(Table::Conversations.name(), rows);
    added::lose_all(dataset, options.selection, &[SPLIT, SOURCE_DATASET], report)?;
    unshown::lose_all(dataset, options.selection, report)?;
    report.lose(
        "sources beyond the first: ids and licences of several become one",
        writer.sources.len().saturating_sub(1) as u64,
    );
    writer.describe_sources(folder, report)
}

/// Writes records, one after the other.
pub(super) struct Writer<'a> {
    pub(super) dataset: &'a Dataset,
    form: Form,
    plain: bool,
    boxes: Option<Scale>,
    pub(super) media: MediaFolder<'a>,
    pub(super) ids: OwnIds,
    pub(super) sources: BTreeSet<String>,
    /// Videos that the conversations show; frames of others know their video by its id.
    pub(super) shown_videos: HashSet<Address>,
    pub(super) bare_videos: HashSet<Address>,
    /// Videos that other records show: frames of them know their video by its id, and it is not lost.
    pub(super) videos_elsewhere: HashSet<Address>,
}

/// The path of a picture or video that a conversation shows.
pub(super) fn path_of(shown: &[Shown], address: Address) -> Option<Rc<str>> {
    let mut all = shown.iter().flat_map(|medium| medium.refs.iter().zip(&medium.paths));
    all.find(|(other, _)| **other == address).map(|(_, path)| Rc::clone(path))
}

/// What goes into a record's `surgdb` object, unless that is left out.
#[derive(Default)]
pub(super) struct Notes {
    plain: bool,
    fields: Fields,
    /// Whether a field stands for the texts, or says of places in them.
    is_of_texts: bool,
    /// What the turns say as they are written.
    said: TextDigest,
    report_lost: Vec<&'static str>,
}

impl Notes {
    /// Writes a field with `write`; left out, it counts as lost.
    pub(super) fn put(&mut self, key: &'static str, write: impl FnOnce(&mut Vec<u8>)) {
        match self.plain {
            true => self.report_lost.push(key),
            false => write(self.key(key)),
        }
    }

    /// Writes a field that says in the very bytes what the record says elsewhere.
    pub(super) fn repeat(&mut self, key: &'static str, write: impl FnOnce(&mut Vec<u8>)) {
        if !self.plain {
            write(self.key(key));
        }
    }

    fn key(&mut self, key: &'static str) -> &mut Vec<u8> {
        let of_texts = ["texts", "turn_extras", "media", "alternatives", "grounding", "reasoning"];
        self.is_of_texts |= of_texts.contains(&key);
        self.fields.key(key)
    }

    /// The object, where it has fields; those that go by the texts say which these are.
    fn finish(mut self) -> Option<Vec<u8>> {
        if self.is_of_texts {
            push_raw(self.fields.key("text_digest"), self.said.get());
        }
        self.fields.finish()
    }
}

/// The media of a turn with their numbers, in the order in which content parts show them.
fn of_turn(shown: &[Shown], ending: Option<usize>, turn: usize) -> Vec<(usize, &Shown)> {
    let is_of_turn = |(_, medium): &(usize, &Shown)| (medium.place.ending, medium.place.turn) == (ending, turn);
    placement::by_place(shown.iter().enumerate().filter(is_of_turn))
}

impl<'a> Writer<'a> {
    pub(super) fn new(
        dataset: &'a Dataset,
        form: Form,
        options: &ExportOptions<'_>,
        media: MediaFolder<'a>,
        shown_videos: HashSet<Address>,
    ) -> Self {
        let (plain, boxes) = (options.plain, options.boxes);
        let (sources, bare_videos, videos_elsewhere) = (BTreeSet::new(), HashSet::new(), HashSet::new());
        let ids = OwnIds::of(dataset);
        Self { dataset, form, plain, boxes, media, ids, sources, shown_videos, bare_videos, videos_elsewhere }
    }

    /// Describes the sources of what was written.
    ///
    /// # Errors
    /// `Io`.
    pub(super) fn describe_sources(&self, folder: &OutputFolder, report: &mut ExportReport) -> Result<()> {
        let sources = self.sources.iter().filter_map(|id| self.dataset.manifest().source(id));
        sources.into_iter().try_for_each(|source| sources::write(folder, source, report))
    }
}

impl Writer<'_> {
    /// Writes the record of a conversation; returns the media that it shows.
    ///
    /// # Errors
    /// `Corrupt`, `LinkBroken`, `Io`.
    pub(super) fn record(
        &mut self,
        row: &Conversation<'_>,
        out: &mut Vec<u8>,
        report: &mut ExportReport,
    ) -> Result<Vec<Shown>> {
        self.note_source(row.source()?);
        let mut notes = Notes { plain: self.plain, ..Notes::default() };
        let rewritten =
            self.boxes.map(|scale| boxes::rewritten(self.dataset, row, scale, report)).transpose()?.flatten();
        let rewritten =
            rewritten.as_ref().map(|batch| BatchRow::new(batch, 0)).transpose()?.map(views::Conversation::new);
        let (turns, media, grounding, reasoning) = match &rewritten {
            Some(row) => (row.turns()?, row.media()?, row.grounding()?, row.reasoning()?),
            None => (row.turns()?, row.media()?, row.grounding()?, row.reasoning()?),
        };
        let endings = match &rewritten {
            Some(row) => row.alternatives()?,
            None => row.alternatives()?,
        };
        let shown = self
            .shown(media, turns, endings, report)
            .map_err(|error| error.in_row(format!("conversation {}", row.address())))?;
        let mut object = Object::new(out);
        let taken = self.columns(row, &mut object, &mut notes, report)?;
        let mut order = self.turns(turns, &shown, &mut object, &mut notes);
        order.extend(self.endings(endings, &shown, &mut object, &mut notes));
        self.media_fields(turns, endings, &shown, order, &mut object, &mut notes);
        object.raw_opt(self.form.mark, row.preferred()?);
        let solution = row.solution()?;
        // A solution that was no text stands in `extra` as it was.
        let is_solution = |(key, value): &(String, &RawValue)| {
            key == "solution" && !value.get().starts_with('"') && solution == Some(value.get())
        };
        let is_open = !self.form.is_closed;
        let is_free = |field: &(String, &RawValue)| is_open && (is_solution(field) || !self.is_taken(field, &taken));
        let extra = row.extra()?.map(|extra| (extra, WrittenFields::of(extra)));
        let extra = extra.map(|(extra, fields)| (extra, fields.filter(|fields| fields.0.iter().all(is_free))));
        let written = extra.as_ref().and_then(|(_, fields)| fields.as_ref());
        if !written.is_some_and(|fields| fields.0.iter().any(is_solution)) {
            object.text_opt("solution", solution);
        }
        object.text_opt("tools", row.tools()?);
        if let Some((extra, fields)) = extra {
            match fields {
                Some(fields) => {
                    fields.0.iter().for_each(|(key, value)| object.raw(key, value.get()));
                    if !fields.are(extra) {
                        notes.repeat("extra", |out| push_json(out, extra));
                    }
                }
                None => notes.put("extra", |out| push_json(out, extra)),
            }
        }
        self.structure(grounding, reasoning, turns, &shown, &mut notes, report);
        self.files(row, &shown, &mut notes, report)?;
        notes.report_lost.drain(..).for_each(|lost| report.lose(lost, 1));
        if let Some(notes) = notes.finish() {
            object.key("surgdb").extend_from_slice(&notes);
        }
        object.end();
        report.lose("annotations", row.annotations()?.len() as u64);
        if self.form.style == MessageStyle::Placeholders && !placement::is_matched(turns, &shown) {
            report.note_unmatched(row.id()?);
        }
        if !self.form.style.holds_times() {
            let clips = shown.iter().filter(|medium| medium.is_part_of_video()).count() as u64;
            match self.plain {
                true => report.lose(WHOLE_CLIP, clips),
                false => report.whole_clips += clips,
            }
        }
        Ok(shown)
    }

    /// What a conversation shows: its own media, then those of its other endings.
    fn shown(
        &mut self,
        media: Media<'_>,
        turns: Turns<'_>,
        endings: Alternatives<'_>,
        report: &mut ExportReport,
    ) -> Result<Vec<Shown>> {
        let mut shown = placement::shown(self.dataset, media, turns, None, &mut self.media, report)?;
        for ending in endings.iter() {
            let (media, turns, number) = (ending.media(), ending.turns(), Some(ending.number()));
            shown.extend(placement::shown(self.dataset, media, turns, number, &mut self.media, report)?);
        }
        Ok(shown)
    }

    /// Plain columns; returns the names under which an importer looks for one that is not there.
    fn columns(
        &self,
        row: &Conversation<'_>,
        object: &mut Object<'_>,
        notes: &mut Notes,
        report: &mut ExportReport,
    ) -> Result<Vec<&'static str>> {
        object.text("id", row.id()?);
        let (patient, institution) = self.case(row.case()?, row, notes, report)?;
        let columns: [(&[&str], Option<&str>); 9] = [
            (&["task", "task_type"], Some(row.task()?)),
            (&["specialty", "clinical specialty", "clinical_specialty"], row.specialty()?),
            (&["procedure", "surgical type", "surgical_type"], row.procedure()?),
            (&["language", "lang"], row.language()?),
            (&["origin"], row.origin()?),
            (&["generator"], row.generator()?),
            (&["split"], row.split()?.filter(|split| !split.is_empty())),
            (&["patient", "patient_id"], patient.as_deref()),
            (&["institution"], institution.as_deref()),
        ];
        let mut taken = Vec::new();
        let mut empty = Vec::new();
        for (names, value) in columns {
            let Some(name) = names.first() else { continue };
            match value {
                Some("") => empty.push(*name),
                Some(value) => object.text(name, value),
                None => {}
            }
            taken.extend_from_slice(if value.is_some_and(|value| !value.is_empty()) { &names[..1] } else { names });
        }
        if row.solution()? == Some("") {
            empty.push("solution");
        }
        if !empty.is_empty() {
            notes.put("empty", |out| push_list(out, empty, push_text));
        }
        Ok(taken)
    }

    /// Patient and institution of the case; what else it says goes into the notes.
    fn case(
        &self,
        case: Option<Address>,
        row: &Conversation<'_>,
        notes: &mut Notes,
        report: &mut ExportReport,
    ) -> Result<(Option<String>, Option<String>)> {
        let Some(address) = case else { return Ok((None, None)) };
        let case = self.dataset.case(address)?;
        let Some(patient) = case.patient()?.filter(|patient| !patient.is_empty()) else {
            report.lose("cases without a patient", 1);
            return Ok((None, None));
        };
        let has_more = case.id()? != patient
            || case.specialty()? != row.specialty()?
            || case.procedure()? != row.procedure()?
            || case.device()?.or(case.consent()?).or(case.extra()?).is_some();
        if has_more {
            let said = notes::case(&case)?;
            notes.put("case", |out| out.extend_from_slice(&said));
        }
        Ok((Some(patient.to_owned()), case.institution()?.map(str::to_owned)))
    }

    /// The turns; returns the order in which an importer meets the media.
    fn turns(&self, turns: Turns<'_>, shown: &[Shown], object: &mut Object<'_>, notes: &mut Notes) -> Vec<usize> {
        let mut order = Vec::with_capacity(shown.len());
        let (mut texts, mut extras) = (Fields::default(), Fields::default());
        let mut apart = 0u64;
        let has_parts = self.form.style != MessageStyle::Placeholders;
        let has_marks = !has_parts && placement::may_be_marked(turns, shown);
        object.list(self.form.turns, turns.iter().enumerate(), |out, (number, turn)| {
            let media = of_turn(shown, None, number);
            let marked = if has_marks { turns::marked(turn.text(), &media) } else { None };
            let media = if has_parts { media } else { Vec::new() };
            let extra = self.form.extra_of(&turn, !media.is_empty() || marked.is_some());
            apart += u64::from(extra.is_apart);
            if extra.is_apart || !extra.is_exact {
                push_json(extras.key(&number.to_string()), turn.extra().unwrap_or_default());
            }
            if media.is_empty() && marked.is_none() {
                turns::say(&mut notes.said, turn.text(), &[]);
                return turns::write(out, &self.form, &turn, &extra, |out| push_text(out, turn.text()));
            }
            push_text(texts.key(&number.to_string()), turn.text());
            if let Some(marked) = marked {
                turns::say(&mut notes.said, &marked, &[]);
                return turns::write(out, &self.form, &turn, &extra, |out| push_text(out, &marked));
            }
            order.extend(media.iter().map(|(number, _)| *number));
            turns::say(&mut notes.said, turn.text(), &media);
            turns::write(out, &self.form, &turn, &extra, |out| turns::parts(out, self.form.style, turn.text(), &media));
        });
        if let Some(texts) = texts.finish() {
            notes.repeat("texts", |out| out.extend_from_slice(&texts));
        }
        if let Some(extras) = extras.finish() {
            match apart {
                0 => notes.repeat("turn_extras", |out| out.extend_from_slice(&extras)),
                _ => notes.put("turn_extras", |out| out.extend_from_slice(&extras)),
            }
        }
        order
    }

    /// A pair as the form has it; what is no plain pair stands in the notes too. Returns which media stand in its content
    /// parts, in the order in which an importer meets them.
    fn endings(
        &self,
        alternatives: Alternatives<'_>,
        shown: &[Shown],
        object: &mut Object<'_>,
        notes: &mut Notes,
    ) -> Vec<usize> {
        let has_parts = self.form.style != MessageStyle::Placeholders;
        let mut order = Vec::new();
        let kinds: Vec<&str> = alternatives.iter().map(|ending| ending.kind()).collect();
        let mut is_plain = matches!(kinds[..], [] | ["chosen"] | ["rejected"] | ["chosen", "rejected"]);
        for (kind, score) in [("chosen", "score_chosen"), ("rejected", "score_rejected")] {
            let Some(ending) = alternatives.iter().find(|ending| ending.kind() == kind) else { continue };
            let turns = ending.turns();
            is_plain &= turns.len() == 1 && ending.generator().is_none();
            is_plain &= ending.media().is_empty() && ending.grounding().is_empty();
            let mut write = |out: &mut Vec<u8>, (number, turn): (usize, Turn<'_>)| {
                let media = if has_parts { of_turn(shown, Some(ending.number()), number) } else { Vec::new() };
                let extra = self.form.extra_of(&turn, !media.is_empty());
                is_plain &= !extra.is_apart && extra.is_exact;
                order.extend(media.iter().map(|(number, _)| *number));
                turns::say(&mut notes.said, turn.text(), &media);
                turns::write(out, &self.form, &turn, &extra, |out| match media.is_empty() {
                    true => push_text(out, turn.text()),
                    false => turns::parts(out, self.form.style, turn.text(), &media),
                });
            };
            match turns.get(0).filter(|_| turns.len() == 1 && !self.form.endings_are_lists) {
                Some(only) => write(object.key(kind), (0, only)),
                None => object.list(kind, turns.iter().enumerate(), write),
            }
            object.raw_opt(score, ending.score().map(number));
        }
        if !is_plain {
            notes.put("alternatives", |out| notes::alternatives(out, alternatives));
        }
        order
    }

    /// Grounding and reasoning.
    fn structure(
        &self,
        grounding: Grounding<'_>,
        reasoning: Reasoning<'_>,
        turns: Turns<'_>,
        shown: &[Shown],
        notes: &mut Notes,
        report: &mut ExportReport,
    ) {
        if !grounding.is_empty() {
            notes.put("grounding", |out| notes::grounding(out, grounding));
        }
        let thinks = || turns.iter().any(|turn| turn.text().contains("<think>"));
        if !reasoning.is_empty() || thinks() {
            let path_of = |address: Address| path_of(shown, address);
            let write = |out: &mut Vec<u8>| notes::reasoning(out, reasoning, turns, &path_of, self.dataset, report);
            // No tree where a text looks like one is no loss to those who read no `surgdb`.
            if reasoning.is_empty() { notes.repeat("reasoning", write) } else { notes.put("reasoning", write) }
        }
    }

    /// Notes that a row of this source is exported.
    pub(super) fn note_source(&mut self, source: &str) {
        if !self.sources.contains(source) {
            self.sources.insert(source.to_owned());
        }
    }

    /// Whether an importer takes this field for something else than what it is here.
    fn is_taken(&self, (key, value): &(String, &RawValue), taken: &[&str]) -> bool {
        let value = value.get();
        match key.as_str() {
            "id" | "surgdb" | "system" | "chosen" | "rejected" | "rejected_response" | "rejected_messages"
            | "score_chosen" | "chosen_score" | "score_rejected" | "rejected_score" | "solution" | "tools" => true,
            "image" | "images" | "video" | "videos" | "output_image" | "output_images" | "output_video"
            | "output_videos" => true,
            "reasoning" | "reasoning_tree" | "reasoning_chain" => value.starts_with(['{', '[']),
            "kto_tag" | "label" => key == self.form.mark || matches!(value, "true" | "false"),
            key => key == self.form.turns || taken.contains(&key),
        }
    }
}
