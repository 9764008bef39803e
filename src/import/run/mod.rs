//! The way of an import: inputs, records, rows, report, commit.

mod align;
mod annotate;
mod beside;
mod boxes;
mod cells;
mod conversations;
mod deleted;
mod differing;
mod foreign;
mod known;
mod labels;
mod left_over;
mod masks;
mod numbered_rows;
mod numbers;
mod places;
mod provenance;
mod records;
mod repeats;
mod statements;
mod tables;
mod times;

pub(super) use cells::{CellChange, CellValue};
pub(super) use labels::Said;
pub(super) use records::placed;
pub(super) use statements::{Picture, Target, statement};

use crate::dataset::Dataset;
use crate::error::{Error, ErrorKind, Result};
use crate::format::address::Address;
use crate::format::manifest::Operation;
use crate::import::again::Watched;
use crate::import::annotations;
use crate::import::boxes::Boxes;
use crate::import::format::Format;
use crate::import::forms;
use crate::import::homes::Homes;
use crate::import::huggingface;
use crate::import::inputs::{self, Input, Wanted};
use crate::import::maps;
use crate::import::media::by_name::ByName;
use crate::import::media::store::{Late, Store};
use crate::import::options::{ImportOptions, Progress};
use crate::import::raw::ObjectText;
use crate::import::report::{At, Ignored, ImportReport, InputReport, Kind};
use crate::import::sink::{Sink, TrialRun};
use crate::import::split::Labels;
use crate::import::written::Written;
use crate::schema::rows::AnnotationRow;
use crate::schema::tables::Table;
use crate::storage::publish::random_token;
use boxes::Reread;
use numbered_rows::NumberedRows;
use numbers::{Numbers, Trial};
use provenance::{changes, provenance};
use records::Ids;
use repeats::Repeats;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// How often an import begins again after another writer came first.
const RERUNS: u32 = 16;
/// After how many records progress is told at the latest.
const TELL_EVERY: u64 = 64;

/// Imports conversations or annotations into a dataset, as one new version, or none where there is nothing to commit. Bytes
/// that come after the rows of their pictures, and what is said of rows after these, are put into them by a second version.
///
/// Where another writer has meanwhile added rows that this import adds too (the same pictures, say), it begins again
/// on top of what is there now, finds those, and adds the rest: of imports at once each time at least one lands.
///
/// `inputs` are files or folders; of a folder, every file below it that is of a known form is read: lists of pictures and
/// recordings first, then what is said about them, conversations, and masks, each by name; where there is none, its pictures
/// and videos are taken as they are. Memory is bounded by the largest record, plus about 16 bytes the id of one that adds
/// no row, 12 where it says its split, 16 a picture or video where a folder was named, 60 one of which something is
/// said, 16 one of the source that the dataset has where others are new, 80 a record without an id of its own of a file of before, and 200 a picture of a COCO file, beside what the appender needs and 52 MB at most for what was asked of
/// which picture before.
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
/// dataset is as it was; or it has all records, where bytes that came after the rows of their pictures could not be
/// committed, which the message says and another import mends.
pub fn import(
    dataset: &Dataset,
    inputs: &[PathBuf],
    options: &ImportOptions,
    progress: &mut dyn FnMut(&Progress),
) -> Result<ImportReport> {
    options.source.check()?;
    if options.dry_run {
        let mut sink = TrialRun::new(dataset.clone());
        let mut sink = Watched::new(&mut sink, options.on_deleted);
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
    let mut homes = Homes::of(None, options)?;
    inputs::list(inputs, Wanted::of(options), (&mut homes, &|_| Ok(false)), &mut Vec::new()).map(drop)
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
    let mut watched = Watched::new(&mut sink, options.on_deleted);
    let mut run = Run::new(&mut watched, options, progress);
    run.report.reruns = reruns;
    run.inputs(inputs)?;
    let late = run.store.take_late();
    let mut report = run.finish()?;
    if report.has_changes() {
        let operation = Operation::new("import")
            .with("source", options.source.id.as_str())
            .with("records", report.records.read)
            .with("added", report.records.added)
            .with("replaced", report.records.replaced);
        let mut committed = sink.commit(operation)?;
        if !late.is_empty() {
            committed = completed(&committed, late, options).map_err(|error| {
                let what = "has all records, but not what came after the rows of their pictures: import again";
                Error::new(error.kind(), format!("version {} {what}", committed.version())).caused_by(error)
            })?;
        }
        report.version = Some(committed.version());
    }
    Ok(report)
}

/// Gives rows that an import wrote what it met after them: cells replace those of committed rows only.
fn completed(dataset: &Dataset, late: Late, options: &ImportOptions) -> Result<Dataset> {
    let mut sink = dataset.append()?;
    let [frames, videos] = late.counts();
    let (has_bytes, cells) = (frames + videos > 0, late.cells());
    late.write(&mut sink)?;
    let mut operation =
        Operation::new(if has_bytes { "attach" } else { "import" }).with("source", options.source.id.as_str());
    if has_bytes {
        operation = operation.with("frames", frames).with("videos", videos);
    }
    if cells > 0 {
        operation = operation.with("cells", cells);
    }
    sink.commit(operation)
}

/// An import on its way.
pub(super) struct Run<'r> {
    sink: &'r mut dyn Sink,
    pub(super) options: &'r ImportOptions,
    tell: &'r mut dyn FnMut(&Progress),
    inputs: Rc<[Input]>,
    store: Store<'r>,
    splits: Labels,
    splits_of_statements: Labels,
    /// The split of the row that statements come of, where it says one: it goes before that of the source.
    pub(in crate::import) split_of_row: Option<String>,
    repeats: Repeats,
    source_datasets: Labels,
    cells: cells::AddedCells,
    boxes: Boxes,
    reread: Reread,
    changed: Vec<(Address, AnnotationRow)>,
    /// The mask of the statement at hand, where it looks otherwise than the dataset's.
    redrawn: Option<masks::Redrawn>,
    /// Whether a conversation or a statement was met.
    has_records: bool,
    /// Conversations that were replaced, and where they are now.
    replaced: Vec<(Address, Address)>,
    pub(super) report: ImportReport,
    /// What the input that is read says of itself as a whole.
    pub(super) says: ObjectText,
    pub(super) progress: Progress,
    /// For telling repeats.
    ids: Ids,
    known: known::KnownFiles,
    pub(in crate::import) homes: Homes,
    /// The pictures of folders by their names, once they were asked for.
    pictures: Vec<ByName>,
    /// What the file says the id of the record at hand is, where that is asked for.
    said_id: Option<String>,
    /// Whether the dataset has conversations.
    has_conversations: bool,
    /// Whether the source may have records whose ids have their files' names before them.
    has_ids_of_files: bool,
    /// Whether the dataset has several records of the id at hand, of which none is this one.
    is_unclear: bool,
    /// Where the source's numbered records are, once that was asked for.
    numbered_rows: Option<NumberedRows>,
    /// What the file says, where it is read on a trial.
    trial: Option<Trial>,
    pub(super) of_input: OfInput,
}

/// What is known of the input that is read.
#[derive(Default)]
pub(super) struct OfInput {
    /// Whether it has records whose ids are made of their numbers.
    pub(super) are_ids_numbers: bool,
    pub(super) numbers: Numbers,
    /// Whether the source has files of before, and none of its name.
    is_name_new: bool,
    /// How many records had changed when it began.
    changed_before: u64,
    /// How many of its records are called as others of the dataset are, and say something else.
    clashes: u64,
    /// How many of its statements got the place that they had not before, since their picture was not there.
    placed_now: u64,
}

impl<'r> Run<'r> {
    fn new(sink: &'r mut dyn Sink, options: &'r ImportOptions, tell: &'r mut dyn FnMut(&Progress)) -> Self {
        let source = options.source.id.clone();
        let known_source = sink.dataset().manifest().source(&source);
        let boxes = Boxes::new(options.source.boxes.unwrap_or_default(), known_source);
        let files = sink.dataset().manifest().files.get(Table::Conversations.name());
        let has_conversations = files.is_some_and(|files| !files.is_empty());
        let has_ids_of_files = beside::may_have_ids_of_files(known_source, options.on_change);
        Self {
            sink,
            options,
            tell,
            inputs: Rc::new([]),
            store: Store::new(options),
            splits: Labels::splits(Table::Conversations),
            splits_of_statements: Labels::splits(Table::Annotations),
            split_of_row: None,
            repeats: Repeats::default(),
            source_datasets: Labels::source_datasets(),
            cells: cells::AddedCells::default(),
            boxes,
            reread: Reread::default(),
            changed: Vec::new(),
            redrawn: None,
            has_records: false,
            replaced: Vec::new(),
            report: ImportReport { source, dry_run: options.dry_run, ..ImportReport::default() },
            says: ObjectText::default(),
            progress: Progress::default(),
            ids: Ids::default(),
            known: known::KnownFiles::default(),
            homes: Homes::default(),
            pictures: Vec::new(),
            said_id: None,
            has_conversations,
            has_ids_of_files,
            is_unclear: false,
            numbered_rows: None,
            trial: None,
            of_input: OfInput::default(),
        }
    }

    fn inputs(&mut self, paths: &[PathBuf]) -> Result<()> {
        let (new, manifest) = (self.options.source.entry(), self.sink.dataset().manifest());
        if let Some(known) = manifest.source(&new.id) {
            self.report.about = changes(&new, known, self.options.relicense)?;
        }
        self.homes = Homes::of(manifest.source(&new.id), self.options)?;
        let (dataset, source) = (self.sink.dataset().clone(), new.id.clone());
        let is_used = |names: &str| places::starts_an_id(&dataset, &source, names);
        let mut ignored: Vec<Ignored> = Vec::new();
        let inputs = inputs::list(paths, Wanted::of(self.options), (&mut self.homes, &is_used), &mut ignored)?;
        self.store.know_homes(&self.homes);
        self.check_moved(&inputs)?;
        for passed in &ignored {
            let at = At { file: passed.path.clone(), ..At::default() };
            if passed.reason.contains(forms::NEARLY) {
                self.report.misspelt += 1;
                self.report.find(Kind::Doubtful, &at, format!("the file was passed over: {}", passed.reason));
            } else if passed.reason.starts_with(forms::llama_factory::RENAMES) {
                self.report.find(Kind::Doubtful, &at, passed.reason.clone());
            }
        }
        self.report.ignored = ignored;
        self.progress.total_bytes = inputs.iter().map(|input| input.bytes).sum();
        self.inputs = inputs.into();
        let folders = self.folders_with_records();
        if !folders.is_empty() {
            self.store.note_files();
        }
        let is_mask = |input: &Input| input.map.as_ref().is_some_and(maps::Chosen::is_of_masks);
        self.store.note_frames(self.inputs.iter().any(is_mask));
        for (number, input) in self.inputs.clone().iter().enumerate() {
            if is_mask(input) {
                // Masks come last, and what they name themselves is found by its path alone.
                self.store.note_frames(false);
            }
            self.input(number, input).map_err(|error| error.in_file(&input.path))?;
        }
        self.write_changed()?;
        self.store.attach(self.sink)?;
        self.carry_added_cells()?;
        self.splits.write(self.sink)?;
        self.splits_of_statements.write(self.sink)?;
        self.source_datasets.write(self.sink)?;
        self.cells.write(self.sink)?;
        self.reread.write(self.sink)?;
        self.report.boxes = std::mem::take(&mut self.boxes.report);
        self.tell_again();
        self.tell_unsaid();
        self.tell_unused_split();
        self.tell_unmet_cases()?;
        self.tell_unnamed(&folders)
    }

    /// The pictures below a folder, by their names.
    pub(in crate::import) fn pictures_below(&mut self, folder: &Path) -> &mut ByName {
        let at = self.pictures.iter().position(|known| known.folder == folder).unwrap_or(self.pictures.len());
        if at == self.pictures.len() {
            self.pictures.push(ByName::new(folder.to_path_buf()));
        }
        &mut self.pictures[at]
    }

    fn input(&mut self, number: usize, input: &Input) -> Result<()> {
        if self.is_left_as_known(input)? {
            return Ok(());
        }
        let (before, counts) = (self.progress.bytes, self.report.records.clone());
        let blobs = self.new_rows(Table::Blobs);
        let (digest, bytes) = self.read(number, input)?;
        self.progress.bytes = before + bytes;
        let records = self.report.records.read - counts.read;
        if records == 0 {
            self.report.find(Kind::EmptyInput, &At { file: input.name.clone(), ..At::default() }, "it has no record");
        }
        self.check_moved_media(input, &counts, blobs)?;
        self.check_numbers(input, &counts)?;
        self.check_known(input, &digest, &counts)?;
        let map = input.map.as_ref().map(|chosen| chosen.map.name().to_owned());
        let format = if map.is_some() { Some(maps::FORM) } else { input.format.map(Format::name) };
        let path = input.path.display().to_string();
        let says = std::mem::take(&mut self.says).finish().map(Written::new);
        let (name, home) = (input.name.clone(), input.spot.home.clone());
        self.report.inputs.push(InputReport { path, name, home, bytes, digest, records, format, map, says });
        (self.tell)(&self.progress);
        Ok(())
    }

    /// Reads an input, of this number; its digest and length.
    fn read(&mut self, number: usize, input: &Input) -> Result<(String, u64)> {
        self.store.enter(input);
        self.store.set_home(&input.spot.home, self.homes.is_foreign(&input.spot.home));
        let known_source = self.sink.dataset().manifest().source(&self.options.source.id);
        let has_before = known_source.is_some_and(|source| !source.imports.is_empty());
        let is_name_new = self.is_new_name(input);
        self.of_input = OfInput {
            numbers: Numbers::new(has_before && !is_name_new, number),
            is_name_new,
            changed_before: self.changed(),
            ..OfInput::default()
        };
        self.is_unclear = false;
        self.split_of_row = None;
        self.progress.file.clone_from(&input.name);
        match (&input.map, input.format.filter(|format| !format.is_conversation())) {
            (Some(chosen), _) => maps::read(self, input, chosen),
            (None, None) => self.conversations(input),
            (None, Some(Format::HuggingFace)) => huggingface::read(self, input),
            (None, Some(format)) => annotations::read(self, input, format),
        }
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

    /// Writes report and source; what is left is to commit.
    fn finish(mut self) -> Result<ImportReport> {
        let mut report = self.report;
        report.is_moved = self.homes.has_moved();
        if !report.has_changes() {
            return Ok(report);
        }
        report.id = random_token()?;
        let id = &self.options.source.id;
        let path = self.sink.report(&format!("import of {id}"), report.to_json().as_bytes())?;
        // What is not said now stays as it is, also where another writer says it meanwhile.
        let mut source = self.options.source.entry();
        let homes = self.homes.take_new();
        source.imports.push(provenance(self.options, &report, self.boxes.option(), path.clone(), homes));
        report.report = Some(path);
        self.sink.source(source);
        Ok(report)
    }
}
