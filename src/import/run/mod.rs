//! The way of an import: inputs, records, rows, report, commit.

mod boxes;
mod cells;
mod provenance;
mod statements;
mod tables;

pub(super) use cells::{CellChange, CellValue};
pub(super) use statements::{Picture, Target, statement};

use crate::dataset::Dataset;
use crate::error::{Error, ErrorKind, Result};
use crate::format::address::Address;
use crate::format::manifest::Operation;
use crate::import::annotations;
use crate::import::boxes::Boxes;
use crate::import::draft::Draft;
use crate::import::format::Format;
use crate::import::forms;
use crate::import::huggingface::{self, Held, Text};
use crate::import::inputs::{self, DigestingReader, Input, Wanted};
use crate::import::maps;
use crate::import::media::bytes::Out;
use crate::import::media::names::Named;
use crate::import::media::store::{Located, Store};
use crate::import::options::{ImportOptions, OnChange, OnError, OnMissing, Progress};
use crate::import::raw::{self, RawRecord};
use crate::import::records::{Record, RecordReader};
use crate::import::report::{At, Ignored, ImportReport, InputReport, Kind};
use crate::import::row;
use crate::import::sink::{Sink, TrialRun};
use crate::import::split::Labels;
use crate::schema::record::{Identity, id_identity};
use crate::schema::rows::{AnnotationRow, GroundingRow};
use crate::schema::tables::Table;
use crate::storage::publish::random_token;
use boxes::{Difference, Reread, split_difference};
use provenance::{changes, provenance};
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::rc::Rc;

/// How often an import begins again after another writer came first.
const RERUNS: u32 = 16;
/// After how many records progress is told at the latest.
const TELL_EVERY: u64 = 64;

/// Imports conversations or annotations into a dataset, as one new version, or none where there is nothing to commit.
///
/// Where another writer has meanwhile added rows that this import adds too (the same pictures, say), it begins again
/// on top of what is there now, finds those, and adds the rest: of imports at once each time at least one lands.
///
/// `inputs` are files or folders; of a folder, every file below it that is of a known form is read, by name; where there
/// is none, its pictures and videos are taken as they are. Memory is bounded by the largest record, plus about 16 bytes a
/// record's id, 12 where it says its split, and 200 a picture of a COCO file, beside what the appender needs.
///
/// ```
/// # let dir = tempfile::tempdir().unwrap();
/// use surgdb::import::{ImportOptions, SourceDescription, import};
/// let file = dir.path().join("records.json");
/// std::fs::write(&file, r#"[{"id": 1, "conversations": [{"from": "human", "value": "Which phase?"},
///                                                       {"from": "gpt", "value": "Dissection."}]}]"#).unwrap();
/// let dataset = surgdb::Dataset::create(dir.path().join("mine.surgdb"))?;
/// let options = ImportOptions::new(SourceDescription::named("mine"));
/// let report = import(&dataset, &[file], &options, &mut |_| {})?;
/// assert_eq!((report.records.read, report.records.added), (1, 1));
/// # Ok::<(), surgdb::Error>(())
/// ```
///
/// # Errors
/// `Invalid` where the source's licence differs from the dataset's and may not be changed;
/// `Input` or `Invalid` with file, record, line and id at a record that cannot be taken, unless those are skipped;
/// `Interrupted` when the caller asked to stop; else what the dataset's appender returns. Whatever the error, the
/// dataset is as it was.
pub fn import(
    dataset: &Dataset,
    inputs: &[PathBuf],
    options: &ImportOptions,
    progress: &mut dyn FnMut(&Progress),
) -> Result<ImportReport> {
    options.source.check()?;
    if options.dry_run {
        let mut sink = TrialRun::new(dataset.clone());
        let mut run = Run::new(&mut sink, options, progress);
        run.inputs(inputs)?;
        return Ok(run.report);
    }
    retried(dataset, |base, reruns| attempt(base, inputs, options, progress, reruns))
}

/// Attempts something on top of a version, and again on top of the newest where another writer came first; the attempt is
/// told how often it began again.
pub(super) fn retried<T>(dataset: &Dataset, mut attempt: impl FnMut(&Dataset, u32) -> Result<T>) -> Result<T> {
    let mut base = dataset.clone();
    let mut reruns = 0;
    loop {
        match attempt(&base, reruns) {
            Err(error) if error.kind() == ErrorKind::Conflict && reruns < RERUNS => {
                base = Dataset::open(base.path())?;
                reruns += 1;
            }
            other => return other,
        }
    }
}

/// Whether there is something to import, as far as a look at the files tells: before a dataset is made for it.
///
/// # Errors
/// `Invalid` where something cannot be said of a source; `NotFound`, `Io` where an input cannot be read; `Input` where
/// it is of no form that is known.
pub fn check_inputs(inputs: &[PathBuf], options: &ImportOptions) -> Result<()> {
    options.source.check()?;
    inputs::list(inputs, Wanted::of(options), &mut Vec::new()).map(drop)
}

/// One attempt at an import, on top of this version.
fn attempt(
    dataset: &Dataset,
    inputs: &[PathBuf],
    options: &ImportOptions,
    progress: &mut dyn FnMut(&Progress),
    reruns: u32,
) -> Result<ImportReport> {
    let mut sink = dataset.append()?;
    let mut run = Run::new(&mut sink, options, progress);
    run.report.reruns = reruns;
    run.inputs(inputs)?;
    let mut report = run.finish()?;
    if report.has_changes() {
        let operation = Operation::new("import")
            .with("source", options.source.id.as_str())
            .with("records", report.records.read)
            .with("added", report.records.added)
            .with("replaced", report.records.replaced);
        report.version = Some(sink.commit(operation)?.version());
    }
    Ok(report)
}

/// An error about a record, with the record's place. What is wrong with another file (the dataset's, a picture) keeps its
/// own place, in the message.
pub(super) fn placed(error: Error, at: &At) -> Error {
    let error = match error.file() {
        Some(_) => Error::new(error.kind(), format!("while this record was taken: {error}")),
        None => error,
    };
    let error = at.record.into_iter().fold(error, Error::in_record);
    let error = at.line.into_iter().fold(error, Error::at_line);
    at.id.iter().fold(error, |error, id| error.with_id(id.as_str()))
}

/// An import on its way.
pub(super) struct Run<'r> {
    sink: &'r mut dyn Sink,
    pub(super) options: &'r ImportOptions,
    tell: &'r mut dyn FnMut(&Progress),
    inputs: Rc<[Input]>,
    store: Store<'r>,
    splits: Labels,
    source_datasets: Labels,
    cells: cells::AddedCells,
    boxes: Boxes,
    reread: Reread,
    changed: Vec<(Address, AnnotationRow)>,
    pub(super) report: ImportReport,
    pub(super) progress: Progress,
    /// Keys of the ids that this import has met, for telling repeats.
    met: HashSet<Identity>,
    repeats: HashMap<String, u32>,
}

impl<'r> Run<'r> {
    fn new(sink: &'r mut dyn Sink, options: &'r ImportOptions, tell: &'r mut dyn FnMut(&Progress)) -> Self {
        let source = options.source.id.clone();
        let boxes = Boxes::new(options.source.boxes.unwrap_or_default(), sink.dataset().manifest().source(&source));
        Self {
            sink,
            options,
            tell,
            inputs: Rc::new([]),
            store: Store::new(options),
            splits: Labels::splits(),
            source_datasets: Labels::source_datasets(),
            cells: cells::AddedCells::default(),
            boxes,
            reread: Reread::default(),
            changed: Vec::new(),
            report: ImportReport { source, dry_run: options.dry_run, ..ImportReport::default() },
            progress: Progress::default(),
            met: HashSet::new(),
            repeats: HashMap::new(),
        }
    }

    fn inputs(&mut self, paths: &[PathBuf]) -> Result<()> {
        let (new, manifest) = (self.options.source.entry(), self.sink.dataset().manifest());
        if let Some(known) = manifest.source(&new.id) {
            self.report.about = changes(&new, known, self.options.relicense)?;
        }
        let mut ignored: Vec<Ignored> = Vec::new();
        let inputs = inputs::list(paths, Wanted::of(self.options), &mut ignored)?;
        self.report.ignored = ignored;
        self.progress.total_bytes = inputs.iter().map(|input| input.bytes).sum();
        self.inputs = inputs.into();
        for input in self.inputs.clone().iter() {
            self.input(input).map_err(|error| error.in_file(&input.path))?;
        }
        self.write_changed()?;
        self.store.attach(self.sink)?;
        self.splits.write(self.sink)?;
        self.source_datasets.write(self.sink)?;
        self.cells.write(self.sink)?;
        self.reread.write(self.sink)?;
        self.report.boxes = std::mem::take(&mut self.boxes.report);
        Ok(())
    }

    fn input(&mut self, input: &Input) -> Result<()> {
        self.store.enter(&input.path);
        self.progress.file.clone_from(&input.name);
        let before = (self.progress.bytes, self.report.records.read);
        let (digest, bytes) = match (&input.map, input.format.filter(|format| !format.is_conversation())) {
            (Some(chosen), _) => maps::read(self, input, chosen)?,
            (None, None) => self.conversations(input)?,
            (None, Some(Format::HuggingFace)) => huggingface::read(self, input)?,
            (None, Some(format)) => annotations::read(self, input, format)?,
        };
        self.progress.bytes = before.0 + bytes;
        let records = self.report.records.read - before.1;
        if records == 0 {
            self.report.find(Kind::EmptyInput, &At { file: input.name.clone(), ..At::default() }, "it has no record");
        }
        let map = input.map.as_ref().map(|chosen| chosen.map.name().to_owned());
        let format = if map.is_some() { Some(maps::FORM) } else { input.format.map(Format::name) };
        let path = input.path.display().to_string();
        self.report.inputs.push(InputReport { path, bytes, digest, records, format, map });
        (self.tell)(&self.progress);
        Ok(())
    }

    /// The records of conversations of a file; its digest and length.
    fn conversations(&mut self, input: &Input) -> Result<(String, u64)> {
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

    /// Says how many bytes of all inputs are behind, and ends where the caller asks for that.
    pub(super) fn advance(&mut self, bytes: u64) -> Result<()> {
        self.check_interrupt()?;
        self.progress.bytes = bytes;
        self.progress.records = self.report.records.read;
        let media = self.report.media.bytes;
        if self.progress.records.is_multiple_of(TELL_EVERY) || media > self.progress.media_bytes {
            self.progress.media_bytes = media;
            (self.tell)(&self.progress);
        }
        Ok(())
    }

    fn check_interrupt(&self) -> Result<()> {
        match self.options.is_interrupted() {
            true => Err(Error::new(ErrorKind::Interrupted, "the import was interrupted; nothing was committed")),
            false => Ok(()),
        }
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
    fn judge(&mut self, result: Result<()>, at: &mut At) -> Result<()> {
        let Err(error) = result else { return Ok(()) };
        let is_records_own = matches!(error.kind(), ErrorKind::Input | ErrorKind::Invalid);
        if self.options.on_error == OnError::Stop || !is_records_own {
            return Err(error);
        }
        at.line = error.line().or(at.line);
        self.report.find(Kind::BadRecord, at, error.message());
        self.report.skip("bad record", at, error.message().to_owned());
        Ok(())
    }

    fn record(&mut self, record: &Record<'_>, input: &Input, at: &mut At) -> Result<()> {
        let raw: RawRecord<'_> = serde_json::from_str(record.text).map_err(|error| {
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
    pub(super) fn draft_of_row(&self, json: &str, held: &mut Held) -> Result<Draft> {
        let raw: RawRecord<'_> =
            serde_json::from_str(json).map_err(|error| Error::input(format!("its columns make no record: {error}")))?;
        let format = self.options.format.filter(|format| *format != Format::HuggingFace);
        let mut draft = forms::draft_of_row(raw, format)?;
        draft.settle_held(held)?;
        Ok(draft)
    }

    /// Takes a row of a table, or skips it where its faults are to be skipped. It belongs to this split, if it does not
    /// say another.
    pub(super) fn table_row(
        &mut self,
        row: Result<Text>,
        split: Option<&str>,
        input: &Input,
        at: &mut At,
    ) -> Result<()> {
        self.report.records.read += 1;
        at.id = None;
        let result = row.and_then(|mut row| {
            at.id = raw::id_of(&row.json);
            let mut draft = self.draft_of_row(&row.json, &mut row.held)?;
            if draft.split.is_none() && !draft.unread.contains(&"split") {
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
        let id = draft.id.take().unwrap_or_else(|| format!("{}#{number}", input.name));
        let id = self.unique(id, at);
        at.id = Some(id.clone());
        draft.name_absent(&id);
        for (kind, detail) in std::mem::take(&mut draft.findings) {
            self.report.find(kind, at, detail);
        }
        self.conversation(id, &mut draft, at)
    }

    /// The id, with `~2`, `~3`, … where it was met before.
    pub(super) fn unique(&mut self, id: String, at: &At) -> String {
        let source = self.options.source.id.as_str();
        if self.met.insert(id_identity(source, &id)) {
            return id;
        }
        self.report.find(Kind::RepeatedId, at, format!("{id:?} again"));
        let count = self.repeats.entry(id.clone()).or_insert(1);
        loop {
            *count = count.saturating_add(1);
            let candidate = format!("{id}~{count}");
            if self.met.insert(id_identity(source, &candidate)) {
                return candidate;
            }
        }
    }

    pub(super) fn conversation(&mut self, id: String, draft: &mut Draft, at: &At) -> Result<()> {
        match draft.listed_boxes.take() {
            Some(scale) => self.settle_boxes(scale, draft, at)?,
            None if self.boxes.are_read() && !draft.is_ours => self.read_boxes(draft, at)?,
            None => {}
        }
        let body = row::Body::take(draft);
        let draft = &*draft;
        let source = self.options.source.id.as_str();
        let names = self.store.names(draft);
        let patient = self.patient(draft, &names);
        let mut planned = row::plan(id, source, body, draft, &names, patient.as_deref(), &mut self.report, at)?;
        self.report.media.named += names.len() as u64;
        let known = self.sink.lookup(Table::Conversations, source, &planned.row.id)?;
        if let Some(address) = known {
            let there = self.sink.dataset().conversation_at(address)?;
            let boxes =
                Difference::of(&there, &planned.row, |row| row::record_of(row, draft, &names, patient.as_deref()))?;
            if boxes.is_some() || self.options.on_change != OnChange::Replace {
                let split = split_difference(&there, draft)?;
                self.leave(address, boxes, split, planned.row.grounding, draft, at)?;
                return self.attach(&names, draft, at);
            }
        }
        let mut located = Vec::with_capacity(names.len());
        for named in &names {
            located.push(self.store.locate(named, self.sink)?);
        }
        if self.is_left_out(&names, &located, at)? {
            return Ok(());
        }
        let mut out = Out { sink: &mut *self.sink, report: &mut self.report, at };
        let mut addresses: Vec<Address> = Vec::with_capacity(names.len() + 1);
        for (named, located) in names.iter().zip(located) {
            addresses.push(self.store.ensure(named, located, draft, &mut out)?);
        }
        if let Some(patient) = &patient {
            addresses.push(self.store.case(patient, draft, &mut out)?);
        }
        planned.settle(&addresses);
        match known {
            Some(address) => {
                self.sink.delete(address)?;
                self.report.records.replaced += 1;
            }
            None => self.report.records.added += 1,
        }
        let address = self.sink.conversation(&planned.row)?;
        self.put_into_split(address, draft)?;
        if let Some(origin) = &draft.source_dataset {
            self.source_datasets.note(address, origin)?;
        }
        self.report.row(Table::Conversations.name());
        Ok(())
    }

    /// Leaves a conversation that is there as it is, save what it has no split or boxes of, or may be given others of.
    /// There is no difference of `boxes` where it is another record.
    fn leave(
        &mut self,
        address: Address,
        boxes: Option<Difference>,
        split: Difference,
        grounding: Vec<GroundingRow>,
        draft: &Draft,
        at: &At,
    ) -> Result<()> {
        let is_replaced = self.options.on_change == OnChange::Replace;
        let mut others = Vec::new();
        if let Some(boxes) = boxes {
            match boxes {
                Difference::None => {}
                Difference::Other(what) if !is_replaced => others.push(what),
                boxes => {
                    others.extend(boxes.other());
                    self.boxes.report.reread += 1;
                    self.reread.note(address, grounding);
                }
            }
            match split {
                Difference::None => {}
                Difference::Other(what) if !is_replaced => others.push(what),
                split => {
                    others.extend(split.other());
                    self.put_into_split(address, draft)?;
                }
            }
        } else {
            others.push("its content differs; the dataset's was kept".to_owned());
        }
        let records = &mut self.report.records;
        match (others.is_empty(), is_replaced) {
            (true, _) => records.unchanged += 1,
            (false, true) => records.replaced += 1,
            (false, false) => records.changed_kept += 1,
        }
        if !others.is_empty() && self.options.on_change == OnChange::Report {
            self.report.find(Kind::ChangedRecord, at, others.join("; "));
        }
        Ok(())
    }

    fn put_into_split(&mut self, address: Address, draft: &Draft) -> Result<()> {
        let Some(split) = &draft.split else { return Ok(()) };
        match self.report.splits.get_mut(split) {
            Some(count) => *count += 1,
            None => drop(self.report.splits.insert(split.clone(), 1)),
        }
        self.splits.note(address, split)
    }

    /// Attaches bytes of a conversation's media that were missing and are here now.
    fn attach(&mut self, names: &[Named<'_>], draft: &Draft, at: &At) -> Result<()> {
        for named in names {
            let located = self.store.locate(named, self.sink)?;
            // What is new is shown by the record that is not taken alone.
            if let Located::FoundNow(..) | Located::StillMissing(..) | Located::Broken(..) = located {
                let mut out = Out { sink: &mut *self.sink, report: &mut self.report, at };
                self.store.ensure(named, located, draft, &mut out)?;
            }
        }
        Ok(())
    }

    /// Whether a record is skipped because media are missing.
    fn is_left_out(&mut self, names: &[Named<'_>], located: &[Located], at: &At) -> Result<bool> {
        if self.options.missing == OnMissing::Keep {
            return Ok(false);
        }
        let mut missing: Vec<String> = Vec::new();
        for (named, located) in names.iter().zip(located) {
            let (kind, reason) = match located {
                Located::Missing(kind, reason) | Located::StillMissing(_, kind, reason) => (*kind, reason),
                Located::Broken(_, reason) => (Kind::BrokenLink, reason),
                _ => continue,
            };
            if self.options.missing == OnMissing::Stop {
                let message =
                    format!("{:?} is missing: {reason}; `--missing keep` takes the record without it", named.id);
                return Err(Error::new(ErrorKind::NotFound, message));
            }
            let mut out = Out { sink: &mut *self.sink, report: &mut self.report, at };
            self.store.miss(named, kind, reason.clone(), &mut out);
            missing.push(format!("{:?}: {reason}", named.id));
        }
        if !missing.is_empty() {
            self.report.skip("missing media", at, missing.join("; "));
        }
        Ok(!missing.is_empty())
    }

    /// The patient of a conversation: its own, or the one that all its media speak of.
    fn patient(&self, draft: &Draft, names: &[Named<'_>]) -> Option<String> {
        if draft.patient.is_some() {
            return draft.patient.clone();
        }
        let mut patients = names.iter().map(|named| self.store.patient_of(named, None));
        let first = patients.next()??;
        patients.all(|other| other.as_ref() == Some(&first)).then_some(first)
    }

    /// Writes report and source; what is left is to commit.
    fn finish(self) -> Result<ImportReport> {
        let mut report = self.report;
        if !report.has_changes() {
            return Ok(report);
        }
        report.id = random_token()?;
        let id = &self.options.source.id;
        let path = self.sink.report(&format!("import of {id}"), report.to_json().as_bytes())?;
        // What is not said now stays as it is, also where another writer says it meanwhile.
        let mut source = self.options.source.entry();
        source.imports.push(provenance(self.options, &report, self.boxes.option(), path.clone()));
        report.report = Some(path);
        self.sink.source(source);
        Ok(report)
    }
}
