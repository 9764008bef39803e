//! Late media: pictures and videos that were missing when they were imported get their bytes.

mod links;
mod names;
mod place;
mod report;

pub use names::FileNames;
pub use report::{AttachCounts, AttachReport, StillMissing};

use crate::dataset::Dataset;
use crate::error::{Error, ErrorKind, Result};
use crate::format::address::Address;
use crate::format::manifest::Operation;
use crate::import::draft::{Draft, MediaItem};
use crate::import::media::bytes::Out;
use crate::import::media::found::Found;
use crate::import::media::names::Named;
use crate::import::media::resolve::{Resolved, Roots};
use crate::import::media::wanted::Wanted;
use crate::import::options::MediaMode;
use crate::import::report::{At, ImportReport, Kind};
use crate::import::run::retried;
use crate::import::sink::{Sink, TrialRun};
use crate::schema::tables::{Table, frames, videos};
use crate::schema::views::{BatchRow, Cells, read};
use links::Lost;
use place::Names;
pub(super) use place::words_of;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// How to attach.
#[derive(Clone, Debug, Default)]
pub struct AttachOptions {
    /// Where the files are: what a row's path, or the list, says is looked for below these folders, and nowhere else.
    pub media_roots: Vec<PathBuf>,
    /// Which file a path, or an id, means.
    pub names: Option<FileNames>,
    /// Whether the bytes go into the dataset or stay where they are.
    pub media: MediaMode,
    /// Whether what the records of a source write alike is one picture or video, whatever folders they lie in.
    pub one_folder: bool,
    /// Look for all and write nothing.
    pub dry_run: bool,
    /// Set from outside to stop: the dataset is then as it was.
    pub interrupt: Option<Arc<AtomicBool>>,
}

/// Gives pictures and videos without bytes those that are found now, as one new version, or none where nothing is found.
///
/// Files are looked for as an import looks for them: by the path that the source wrote, whatever its slashes and letter
/// case; before that, where the row's id is a longer path, by the id. A path that is a name alone is also looked for in
/// all folders below the roots, where only one has it; of several rows whose pictures have that name, it is given only to
/// the one whose id has the folders that it lies in. A file so found is never given to two rows. Neither is one where the
/// paths of several rows of a source lead, unless all such are in one folder. What is replaced are the cells for bytes and
/// sizes (of a video its rate, length and key frames too), so addresses stay. A row whose linked file is gone gets a file with
/// the bytes that the link had, and no other. A row that has bytes is left alone: attaching again adds nothing. `progress` is told how many rows are behind, and of how many.
///
/// ```
/// # let dir = tempfile::tempdir().unwrap();
/// use surgdb::import::{AttachOptions, ImportOptions, SourceDescription, attach, import};
/// let file = dir.path().join("records.json");
/// std::fs::write(&file, r#"[{"image": "a.png", "conversations": [{"from": "human", "value": "<image>"}]}]"#).unwrap();
/// let dataset = surgdb::Dataset::create(dir.path().join("mine.surgdb"))?;
/// import(&dataset, &[file], &ImportOptions::new(SourceDescription::named("mine")), &mut |_| {})?;
/// let root = dir.path().join("late");
/// std::fs::create_dir(&root).unwrap();
/// std::fs::write(root.join("A.png"), b"\x89PNG\r\n\x1a\n").unwrap();
/// let dataset = surgdb::Dataset::open(dataset.path())?;
/// let report = attach(&dataset, &AttachOptions { media_roots: vec![root], ..Default::default() }, &mut |_, _| {})?;
/// assert_eq!((report.frames.without, report.frames.attached), (1, 1));
/// # Ok::<(), surgdb::Error>(())
/// ```
///
/// # Errors
/// `NotFound` where a media root is no folder; `Interrupted` when the caller asked to stop; else what the dataset's
/// appender returns. Whatever the error, the dataset is as it was.
pub fn attach(dataset: &Dataset, options: &AttachOptions, progress: &mut dyn FnMut(u64, u64)) -> Result<AttachReport> {
    for root in &options.media_roots {
        let meta = std::fs::metadata(root).map_err(|error| Error::io("cannot look into it", error).in_file(root))?;
        if !meta.is_dir() {
            return Err(Error::not_found("a media root is a folder, and this is none").in_file(root));
        }
    }
    if options.dry_run {
        let mut sink = TrialRun::new(dataset.clone());
        let mut run = Run::new(&mut sink, options);
        run.all(progress)?;
        return Ok(run.finish());
    }
    retried(dataset, |base, _| {
        let mut sink = base.append()?;
        let mut run = Run::new(&mut sink, options);
        run.all(progress)?;
        let mut report = run.finish();
        let (frames, videos) = (report.frames.attached, report.videos.attached);
        if frames + videos > 0 {
            let operation = Operation::new("attach").with("frames", frames).with("videos", videos);
            report.version = Some(sink.commit(operation)?.version());
        }
        Ok(report)
    })
}

/// Attaching on its way.
struct Run<'r> {
    sink: &'r mut dyn Sink,
    options: &'r AttachOptions,
    roots: Roots,
    /// How often names stand in the dataset, once that was asked for.
    repeated: Option<Names>,
    /// The blobs whose linked files are gone.
    lost: HashMap<Address, Lost>,
    /// The rows that files were given to by their names alone.
    given: HashMap<PathBuf, String>,
    found: Found,
    report: AttachReport,
    /// What storing counts and finds.
    told: ImportReport,
    /// Which entries of the list were some row's.
    used: Vec<bool>,
}

/// What a row says of itself.
struct Row {
    source: String,
    id: String,
    path: Option<String>,
}

impl<'r> Run<'r> {
    fn new(sink: &'r mut dyn Sink, options: &'r AttachOptions) -> Self {
        let mut roots = Roots::new(options.media_roots.iter().map(PathBuf::as_path));
        roots.search_roots_by_name();
        Self {
            sink,
            options,
            roots,
            repeated: None,
            lost: HashMap::new(),
            given: HashMap::new(),
            found: Found::default(),
            report: AttachReport { dry_run: options.dry_run, ..AttachReport::default() },
            told: ImportReport::default(),
            used: vec![false; options.names.as_ref().map_or(0, FileNames::len)],
        }
    }

    fn all(&mut self, progress: &mut dyn FnMut(u64, u64)) -> Result<()> {
        let dataset = self.sink.dataset().clone();
        let tables = [Table::Videos, Table::Frames];
        self.lost = links::lost(&dataset)?;
        let missing = tables.map(|table| without_bytes(&dataset, table, &self.lost));
        let missing = missing.into_iter().collect::<Result<Vec<_>>>()?;
        let total = missing.iter().map(|addresses| addresses.len() as u64).sum();
        let mut done = 0;
        for (table, addresses) in tables.into_iter().zip(missing) {
            self.counts(table).without = addresses.len() as u64;
            for (address, blob) in addresses {
                if self.options.interrupt.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed)) {
                    return Err(Error::new(ErrorKind::Interrupted, "it was interrupted; nothing was committed"));
                }
                self.one(&dataset, table, address, blob)?;
                done += 1;
                progress(done, total);
            }
        }
        std::mem::take(&mut self.found).write(self.sink)
    }

    /// Attaches the bytes of a row, if they are found; it may have a blob whose linked file is gone.
    fn one(&mut self, dataset: &Dataset, table: Table, address: Address, blob: Option<Address>) -> Result<()> {
        let row = row(dataset, table, address)?;
        let said = self.wanted(dataset, table, &row)?;
        let lost = blob.and_then(|blob| self.lost.get(&blob)).cloned();
        self.counts(table).lost += u64::from(lost.is_some());
        let found = match (&lost, &said) {
            (Some(lost), said) => {
                let said = said.as_ref().map(|(path, is_listed)| (path.as_str(), *is_listed));
                self.find_lost(lost, said, &row.id)?
            }
            (None, Some((wanted, true))) => self.roots.readable(&Wanted::new(wanted)),
            (None, Some((wanted, false))) => self.find(dataset, table, &row, wanted)?,
            (None, None) => {
                self.counts(table).unnamed += 1;
                let reason = "its row names no file: a list of names can, by its id".to_owned();
                let Row { source, id, path } = row;
                self.report.miss(StillMissing { table: table.name(), source, id, path, reason });
                return Ok(());
            }
        };
        let wanted = said.map_or_else(|| row.id.clone(), |(wanted, _)| wanted);
        let reason = match found {
            found @ Resolved::File { .. } => {
                self.counts(table).found_again += u64::from(lost.is_some());
                lost.iter().for_each(|lost| self.tell_found(lost, &found, &row.id));
                return self.store(table, address, row, &wanted, found);
            }
            Resolved::Missing(reason) | Resolved::Outside(reason) | Resolved::Remote(reason) => reason,
        };
        self.counts(table).not_found += 1;
        let Row { source, id, .. } = row;
        self.report.miss(StillMissing { table: table.name(), source, id, path: Some(wanted), reason });
        Ok(())
    }

    fn store(&mut self, table: Table, address: Address, row: Row, wanted: &str, found: Resolved) -> Result<()> {
        let Resolved::File { path, size, respelled, by_name } = found else { return Ok(()) };
        let at = At { file: path.display().to_string(), id: Some(row.id), ..At::default() };
        match respelled {
            Some(inside) if by_name => {
                let alike = if Wanted::new(wanted).is_absolute() { "with this end" } else { "of this name" };
                let what = format!("{wanted:?} is not there; {inside:?}, the only file {alike}, was taken for it");
                self.told.find(Kind::FoundByName, &at, what);
            }
            Some(inside) => self.told.find(Kind::PathSpelling, &at, format!("{wanted:?} was found as {inside:?}")),
            None => {}
        }
        let (item, draft) = (MediaItem::Path(wanted.to_owned()), Draft::default());
        let named = Named::of(table, &item, &draft);
        let mut out = Out { sink: &mut *self.sink, report: &mut self.told, at: &at };
        let stored = out.store_file(&named, &path, size, self.options.media)?;
        self.found.note(table, address, stored, None, &mut out)?;
        self.counts(table).attached += 1;
        Ok(())
    }

    /// The path of the file that a row's bytes are in: what the list says of its id or its path, else its path; and whether
    /// the list says it. A path that is another row's id means that one.
    fn wanted(&mut self, dataset: &Dataset, table: Table, row: &Row) -> Result<Option<(String, bool)>> {
        let names = self.options.names.as_ref();
        let mut entry = names.and_then(|names| names.find(&row.source, &row.id));
        if entry.is_none()
            && let Some((names, path)) = names.zip(row.path.as_ref())
        {
            entry = names.find(&row.source, path);
            if entry.is_some() && dataset.find_in(table, &row.source, path)?.is_some() {
                entry = None;
            } else if entry.is_some() {
                self.check_listed(dataset, table, row, path)?;
            }
        }
        if let Some((names, entry)) = names.zip(entry) {
            if let Some(used) = self.used.get_mut(entry) {
                *used = true;
            }
            return Ok(names.file(entry).map(|file| (file.to_owned(), true)));
        }
        Ok(row.path.clone().map(|path| (path, false)))
    }

    fn counts(&mut self, table: Table) -> &mut AttachCounts {
        match table {
            Table::Videos => &mut self.report.videos,
            _ => &mut self.report.frames,
        }
    }

    fn finish(self) -> AttachReport {
        let mut report = self.report;
        let media = &self.told.media;
        (report.embedded, report.linked, report.bytes) = (media.embedded, media.linked, media.bytes);
        report.findings = self.told.findings;
        if let Some(names) = &self.options.names {
            for (entry, _) in self.used.iter().enumerate().filter(|(_, used)| !**used) {
                report.unused(names.path(entry).unwrap_or_default());
            }
        }
        report
    }
}

/// The rows of a table that have no bytes, or only a link that leads nowhere: its blob.
fn without_bytes(
    dataset: &Dataset,
    table: Table,
    lost: &HashMap<Address, Lost>,
) -> Result<Vec<(Address, Option<Address>)>> {
    let column = match table {
        Table::Videos => videos::BLOB,
        _ => frames::BLOB,
    };
    let name = table.columns().get(column).map(|column| column.name.clone()).unwrap_or_default();
    let mut addresses = Vec::new();
    for piece in dataset.scan(table).columns([name.as_str()])?.batches() {
        let piece = piece?;
        for row in 0..piece.batch.num_rows() {
            let blob = BatchRow::new(&piece.batch, row).and_then(|cells| read::address_opt(cells.cell(0)?))?;
            if blob.is_none_or(|blob| lost.contains_key(&blob)) {
                addresses.push((piece.address(row)?, blob));
            }
        }
    }
    Ok(addresses)
}

fn row(dataset: &Dataset, table: Table, address: Address) -> Result<Row> {
    Ok(match table {
        Table::Videos => {
            let row = dataset.video(address)?.to_row()?;
            Row { source: row.source, id: row.id, path: row.path }
        }
        _ => {
            let row = dataset.frame(address)?.to_row()?;
            Row { source: row.source, id: row.id, path: row.path }
        }
    })
}
