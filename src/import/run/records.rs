//! Records on their way in: of a file of conversations, or rows of a table; their ids, and what becomes of their faults.

use super::Run;
use crate::dataset::Dataset;
use crate::error::{Error, ErrorKind, Result};
use crate::import::draft::Draft;
use crate::import::format::Format;
use crate::import::forms;
use crate::import::huggingface::{Held, Text};
use crate::import::inputs::{DigestingReader, Input};
use crate::import::options::OnError;
use crate::import::raw::{self, RawRecord};
use crate::import::records::{Record, RecordReader};
use crate::import::report::{At, Kind};
use crate::import::row;
use crate::import::sink::Sink;
use crate::schema::record::{Identity, Keyed, id_identity};
use crate::schema::tables::Table;
use std::collections::{HashMap, HashSet};

/// What records are counted under that are skipped since they were deleted before.
pub(super) const DELETED: &str = "deleted before";

/// The ids that an import has met. Those of its new rows are known to where these go, and are not held twice.
#[derive(Default)]
pub(super) struct Ids {
    /// Those that no new row has; all of them, once there are new rows whose ids were not asked for.
    met: HashSet<Identity, Keyed>,
    /// Whether there are such rows.
    has_others: bool,
    pub(super) repeats: HashMap<String, u32>,
    /// The pictures that were listed with an id, by both: the how manieth of those with this id each is.
    pictures: HashMap<Identity, u32, Keyed>,
    /// The last one that was new: what is written next has it.
    last: (String, Option<Identity>),
}

impl Ids {
    /// Whether an id is new.
    pub(super) fn insert(&mut self, source: &str, id: &str, sink: &dyn Sink) -> bool {
        self.settle(sink);
        let identity = id_identity(source, id);
        let is_new = !self.met.contains(&identity) && (self.has_others || !sink.has_new(identity));
        if is_new {
            id.clone_into(&mut self.last.0);
            self.last.1 = Some(identity);
        }
        is_new
    }

    /// Holds the last id, unless a new row has it.
    fn settle(&mut self, sink: &dyn Sink) {
        let last = self.last.1.take();
        self.met.extend(last.filter(|last| self.has_others || !sink.has_new(*last)));
    }

    /// Whether an id was met.
    pub(super) fn is_met(&self, source: &str, id: &str, sink: &dyn Sink) -> bool {
        let identity = id_identity(source, id);
        self.last.1 == Some(identity) || self.met.contains(&identity) || (!self.has_others && sink.has_new(identity))
    }

    /// Repeats of this id are looked for from this number on.
    pub(super) fn look_from(&mut self, id: &str, count: u32) {
        if let Some(last) = self.repeats.get_mut(id) {
            *last = count.min(*last);
        }
    }

    /// Takes back that an id was met: what it was met for has another now.
    pub(super) fn release(&mut self, identity: Identity) {
        match self.last.1 {
            Some(last) if last == identity => self.last.1 = None,
            _ => drop(self.met.remove(&identity)),
        }
    }

    /// What tells an id of the source apart.
    pub(super) fn identity(&self, source: &str, id: &str) -> Identity {
        match &self.last {
            (last, Some(identity)) if last == id => *identity,
            _ => id_identity(source, id),
        }
    }

    /// Notes that a row is to be new that has this id: also one that was not asked for.
    pub(super) fn note_row(&mut self, identity: Identity, sink: &dyn Sink) {
        if self.has_others || self.last.1 == Some(identity) {
            return;
        }
        self.met.extend(sink.new_ids());
        self.has_others = true;
    }
}

/// An error about a record, with the record's place. What is wrong with another file (the dataset's, a picture) keeps its
/// own place, in the message.
pub(in crate::import) fn placed(error: Error, at: &At) -> Error {
    let error = match error.file() {
        Some(_) => Error::new(error.kind(), format!("while this record was taken: {error}")),
        None => error,
    };
    let error = at.record.into_iter().fold(error, Error::in_record);
    let error = at.line.into_iter().fold(error, Error::at_line);
    at.id.iter().fold(error, |error, id| error.with_id(id.as_str()))
}

impl Run<'_> {
    /// The version that the import builds on.
    pub(in crate::import) fn dataset(&self) -> &Dataset {
        self.sink.dataset()
    }

    /// Whether this import has met a record with this id.
    pub(in crate::import) fn is_met(&self, id: &str) -> bool {
        self.ids.is_met(&self.options.source.id, id, &*self.sink)
    }

    /// The records of conversations of a file; its digest and length.
    pub(super) fn conversations(&mut self, input: &Input) -> Result<(String, u64)> {
        let before = self.progress.bytes;
        let mut reader = RecordReader::new(DigestingReader::open(&input.path)?);
        let mut at = At { file: input.name.clone(), ..At::default() };
        while let Some(record) = reader.next_record() {
            self.report.records.read += 1;
            let end = record.as_ref().ok().map(|record| record.offset + record.text.len() as u64);
            self.one(record, input, &mut at)?;
            reader.check_rest().map_err(|error| error.in_file(&input.path))?;
            self.advance(end.map_or(self.progress.bytes, |end| before + end))?;
        }
        reader.input().finish().map_err(|error| Error::io("cannot read on", error))
    }

    /// Takes one record, or skips it where its faults are to be skipped.
    fn one(&mut self, record: Result<Record<'_>>, input: &Input, at: &mut At) -> Result<()> {
        at.id = None;
        let result = match record {
            Ok(record) => {
                (at.record, at.line) = (Some(record.number), Some(record.line));
                self.record(&record, input, at).map_err(|error| placed(error, at))
            }
            Err(error) => {
                (at.record, at.line) = (error.record(), error.line());
                Err(error)
            }
        };
        self.judge(result, at)
    }

    /// Ends the import at a record's fault, or counts the record as skipped where that is asked for.
    pub(super) fn judge(&mut self, result: Result<()>, at: &mut At) -> Result<()> {
        self.check_foreign(at)?;
        let Err(error) = result else { return Ok(()) };
        self.note_skipped(at);
        if self.is_skipped_as_deleted(&error) {
            self.report.skip(DELETED, at, error.message().to_owned());
            return Ok(());
        }
        at.line = error.line().or(at.line);
        self.leave_out("", error, at)
    }

    /// Leaves out what has this fault, and tells it behind this, where that is asked for.
    ///
    /// # Errors
    /// The fault, where it ends the import.
    pub(in crate::import) fn leave_out(&mut self, what: &str, fault: Error, at: &At) -> Result<()> {
        let is_records_own = matches!(fault.kind(), ErrorKind::Input | ErrorKind::Invalid);
        if self.options.on_error == OnError::Stop || !is_records_own {
            return Err(fault);
        }
        let told = format!("{what}{}", fault.message());
        self.report.find(Kind::BadRecord, at, told.clone());
        self.report.skip("bad record", at, told);
        Ok(())
    }

    fn record(&mut self, record: &Record<'_>, input: &Input, at: &mut At) -> Result<()> {
        let text = forms::unfolded(record.text);
        let raw: RawRecord<'_> = serde_json::from_str(&text).map_err(|error| {
            at.id = raw::id_of(record.text);
            record.error(&error)
        })?;
        at.id = raw.id();
        let mut draft = forms::draft(raw, self.options.format)?;
        // Nothing stands beside it: a mark is somebody's text.
        draft.settle_held(&mut Held::default())?;
        self.drafted(draft, record.text, record.number, input, at)
    }

    /// The draft of a table's row.
    pub(in crate::import) fn draft_of_row(&self, row: &mut Text) -> Result<Draft> {
        let text = forms::unfolded(&row.json);
        let raw: RawRecord<'_> = serde_json::from_str(&text)
            .map_err(|error| Error::input(format!("its columns make no record: {error}")))?;
        let format = self.options.format.filter(|format| *format != Format::HuggingFace);
        let mut draft = forms::draft_of_row(raw, format, &row.media)?;
        draft.settle_held(&mut row.held)?;
        for column in &row.left {
            let message = format!(
                "the column `{column}` has files that are drawn or answered, as its name says, and is no picture that is \
                 shown: their bytes are kept in `extra`, as text"
            );
            draft.find(Kind::OtherMedia, message);
        }
        Ok(draft)
    }

    /// Takes a row of a table, or skips it where its faults are to be skipped. It belongs to this split, if it does not
    /// say another.
    pub(in crate::import) fn table_row(
        &mut self,
        row: Result<Text>,
        split: Option<&str>,
        input: &Input,
        at: &mut At,
    ) -> Result<()> {
        self.report.records.read += 1;
        at.id = None;
        let result = row.and_then(|mut row| {
            let draft = self.draft_of_row(&mut row);
            let mut draft = draft.inspect_err(|_| at.id = raw::id_of(&row.json))?;
            // What this crate wrote says of each row whether it has a split.
            if draft.split.is_none() && !draft.is_ours && !draft.unread.contains(&"split") {
                draft.split = split.map(str::to_owned);
            }
            self.drafted(draft, &row.json, at.record.unwrap_or_default(), input, at)
        });
        let result = result.map_err(|error| placed(error, at));
        self.judge(result, at)
    }

    fn drafted(&mut self, mut draft: Draft, text: &str, number: u64, input: &Input, at: &mut At) -> Result<()> {
        if draft.is_about_file {
            return self.about_file(&draft, at);
        }
        row::apply_defaults(&mut draft, self.options, text)?;
        let id = match draft.id.take() {
            Some(id) => id,
            None => self.number_id(Table::Conversations, &input.name, number)?,
        };
        let id = self.record_id(Table::Conversations, id, at)?;
        let id = self.id_beside(id, &draft, at)?;
        at.id = Some(id.clone());
        draft.name_absent(&id);
        for (kind, detail) in std::mem::take(&mut draft.findings) {
            self.report.find(kind, at, detail);
        }
        self.conversation(id, &mut draft, at)
    }

    /// The id, with `~2`, `~3`, … where it was met before.
    pub(in crate::import) fn unique(&mut self, id: String, at: &At) -> String {
        self.said_id = None;
        let source = self.options.source.id.as_str();
        if self.ids.insert(source, &id, &*self.sink) {
            return id;
        }
        self.report.find(Kind::RepeatedId, at, format!("{id:?} again"));
        let mut count = self.ids.repeats.get(&id).copied().unwrap_or(1);
        loop {
            count = count.saturating_add(1);
            let candidate = format!("{id}~{count}");
            if self.ids.insert(source, &candidate, &*self.sink) {
                self.ids.repeats.insert(id, count);
                return candidate;
            }
        }
    }

    /// The same for a picture that is listed; `called` says which it is whatever its id. Listed again it is the one of before.
    pub(in crate::import) fn unique_picture(&mut self, id: String, called: &str, at: &At) -> String {
        let picture = id_identity(&id, called);
        match self.ids.pictures.get(&picture) {
            Some(1) => return id,
            Some(count) => return format!("{id}~{count}"),
            None => {}
        }
        let unique = self.unique(id.clone(), at);
        let count = if unique == id { 1 } else { self.ids.repeats.get(&id).copied().unwrap_or(1) };
        self.ids.pictures.insert(picture, count);
        unique
    }
}
