//! Brings pictures and videos, and the cases and recordings that their paths speak of, into the dataset.

use crate::dataset::{BlobSource, CellUpdate};
use crate::error::{Error, ErrorKind, Result};
use crate::format::address::Address;
use crate::import::draft::{Draft, DraftMedium, MediaItem, MediaKind};
use crate::import::media::mp4;
use crate::import::media::picture;
use crate::import::media::resolve::{Resolved, Roots, Wanted};
use crate::import::options::{ImportOptions, MediaMode};
use crate::import::report::{At, ImportReport, Kind};
use crate::import::sink::Sink;
use crate::import::source::PatientFrom;
use crate::schema::build::{FramesBuilder, VideosBuilder};
use crate::schema::record;
use crate::schema::rows::{CaseRow, FrameRow, VideoRow};
use crate::schema::tables::{Table, frames, videos};
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{BufReader, Cursor};
use std::path::{Path, PathBuf};

/// How many ids are held beside their addresses.
const CACHED: usize = 1 << 16;
/// A picture up to this size is read into memory once, for its header and its bytes.
const HELD_LIMIT: u64 = 32 << 20;

/// A medium's item by the name of its row.
#[derive(Clone, Debug)]
pub(crate) struct Named<'d> {
    pub(crate) table: Table,
    pub(crate) id: String,
    item: &'d MediaItem,
    wanted: Option<Wanted>,
    frame_kind: &'static str,
}

/// What is known of an item before anything is written.
#[derive(Clone, Debug)]
pub(crate) enum Located {
    /// Its row is there.
    Known(Address),
    /// Its row is there without bytes, and they are here now.
    FoundNow(Address, PathBuf, u64),
    /// Its row is there without bytes, and they are still missing.
    StillMissing(Address, Kind, String),
    /// It is new, and its bytes are here.
    New(PathBuf, u64, Option<String>),
    /// It is new, and its bytes stood in the record.
    Bytes,
    /// It is new, and its bytes are missing.
    Missing(Kind, String),
}

/// Bytes that were stored, and what they say of themselves.
#[derive(Default)]
struct Stored {
    blob: Option<Address>,
    size: Option<(i32, i32)>,
    video: mp4::Video,
}

/// Everything that an import knows of media.
pub(crate) struct Store<'o> {
    options: &'o ImportOptions,
    roots: Roots,
    cached: HashMap<(Table, String), Address>,
    missing: HashSet<u64>,
    frames_found: Vec<(Address, FrameRow)>,
    videos_found: Vec<(Address, VideoRow)>,
}

impl<'o> Store<'o> {
    pub(crate) fn new(options: &'o ImportOptions) -> Self {
        Self {
            options,
            roots: Roots::default(),
            cached: HashMap::new(),
            missing: HashSet::new(),
            frames_found: Vec::new(),
            videos_found: Vec::new(),
        }
    }

    /// Looks for media as the records of this file name them.
    pub(crate) fn enter(&mut self, file: &Path) {
        let roots = self.options.media_roots.iter().map(PathBuf::as_path);
        self.roots = Roots::new(roots.chain(file.parent()));
    }

    /// The rows that a draft's media will refer to, medium by medium.
    pub(crate) fn names<'d>(&self, draft: &'d Draft) -> Vec<Named<'d>> {
        let task = draft.task.as_deref().or(self.options.source.defaults.task.as_deref());
        let named = |medium: &'d DraftMedium| medium.items.iter().map(move |item| name(medium, item, task));
        draft.media.iter().flat_map(named).collect()
    }

    /// The key of the patient that an item's path, or its record, speaks of.
    pub(crate) fn patient_of(&self, named: &Named<'_>, of_record: Option<&str>) -> Option<String> {
        let source = &self.options.source;
        let by_path = match &source.patient_from {
            Some(PatientFrom::Video) if named.table == Table::Videos => stem(&named.id),
            Some(PatientFrom::Video) => source.frame_pattern.as_ref()?.names(&named.id).and_then(|names| names.video),
            Some(PatientFrom::Path(pattern)) => pattern.names(&named.id).and_then(|names| names.patient),
            _ => source.frame_pattern.as_ref().and_then(|pattern| pattern.names(&named.id)?.patient),
        };
        by_path.map(|name| source.patient_key(name)).or_else(|| of_record.map(str::to_owned))
    }

    /// Finds out what an item is, writing nothing.
    pub(crate) fn locate(&mut self, named: &Named<'_>, sink: &dyn Sink) -> Result<Located> {
        let key = (named.table, named.id.clone());
        if let Some(address) = self.cached.get(&key) {
            return Ok(Located::Known(*address));
        }
        let known = sink.lookup(named.table, &self.options.source.id, &named.id)?;
        if let Some(address) = known
            && has_bytes(sink, named.table, address)?
        {
            self.remember(key, address);
            return Ok(Located::Known(address));
        }
        let Some(wanted) = &named.wanted else {
            return Ok(known.map_or(Located::Bytes, Located::Known));
        };
        Ok(match (self.roots.resolve(wanted), known) {
            (Resolved::File { path, size, .. }, Some(address)) => Located::FoundNow(address, path, size),
            (Resolved::File { path, size, respelled }, None) => Located::New(path, size, respelled),
            (other, known) => {
                let (kind, reason) = match other {
                    Resolved::Outside(reason) => (Kind::OutsideRoot, reason),
                    Resolved::Remote(reason) => (Kind::RemoteMedia, reason),
                    Resolved::Missing(reason) => (Kind::MissingMedia, reason),
                    Resolved::File { .. } => (Kind::MissingMedia, String::new()),
                };
                match known {
                    Some(address) => Located::StillMissing(address, kind, reason),
                    None => Located::Missing(kind, reason),
                }
            }
        })
    }

    /// The row of an item, written if it is new; bytes that are here now are noted for [`Store::attach`].
    pub(crate) fn ensure(
        &mut self,
        named: &Named<'_>,
        located: Located,
        draft: &Draft,
        sink: &mut dyn Sink,
        report: &mut ImportReport,
        at: &At,
    ) -> Result<Address> {
        let key = (named.table, named.id.clone());
        if let Some(address) = self.cached.get(&key) {
            return Ok(*address);
        }
        let address = match located {
            Located::Known(address) => address,
            Located::StillMissing(address, kind, reason) => {
                self.miss(named, kind, reason, report, at);
                address
            }
            Located::FoundNow(address, path, size) => {
                report.media.found_now += 1;
                let stored = self.store_file(named, &path, size, sink, report, at)?;
                self.note_found(named.table, address, stored, sink)?;
                address
            }
            Located::New(path, size, respelled) => {
                if let Some(respelled) = respelled {
                    report.find(Kind::PathSpelling, at, format!("{:?} was found as {respelled:?}", named.id));
                }
                let stored = self.store_file(named, &path, size, sink, report, at)?;
                self.add(named, stored, draft, sink, report, at)?
            }
            Located::Bytes => {
                let stored = self.store_bytes(named, sink, report, at)?;
                self.add(named, stored, draft, sink, report, at)?
            }
            Located::Missing(kind, reason) => {
                self.miss(named, kind, reason, report, at);
                self.add(named, Stored::default(), draft, sink, report, at)?
            }
        };
        self.remember(key, address);
        Ok(address)
    }

    /// The case of a patient, written if it is new.
    pub(crate) fn case(
        &mut self,
        patient: &str,
        draft: &Draft,
        sink: &mut dyn Sink,
        report: &mut ImportReport,
    ) -> Result<Address> {
        let source = &self.options.source;
        let key = (Table::Cases, patient.to_owned());
        if let Some(address) = self.cached.get(&key) {
            return Ok(*address);
        }
        let address = match sink.lookup(Table::Cases, &source.id, patient)? {
            Some(address) => address,
            None => {
                let defaults = &source.defaults;
                let mut row = CaseRow {
                    id: patient.to_owned(),
                    source: source.id.clone(),
                    patient: Some(patient.to_owned()),
                    institution: draft.institution.clone().or_else(|| defaults.institution.clone()),
                    specialty: draft.specialty.clone().or_else(|| defaults.specialty.clone()),
                    procedure: draft.procedure.clone().or_else(|| defaults.procedure.clone()),
                    ..CaseRow::default()
                };
                row.record = Some(record::of_case(&row));
                report.row(Table::Cases.name());
                sink.case(&row)?
            }
        };
        self.remember(key, address);
        Ok(address)
    }

    /// Gives rows that had no bytes those that are here now.
    pub(crate) fn attach(&mut self, sink: &mut dyn Sink) -> Result<()> {
        if !self.frames_found.is_empty() {
            let mut builder = FramesBuilder::new();
            self.frames_found.iter().try_for_each(|(_, row)| builder.push(row))?;
            let addresses: Vec<Address> = self.frames_found.drain(..).map(|(address, _)| address).collect();
            let columns = [frames::BLOB, frames::WIDTH, frames::HEIGHT];
            replace(Table::Frames, &columns, &addresses, &builder.finish()?, sink)?;
        }
        if !self.videos_found.is_empty() {
            let mut builder = VideosBuilder::new();
            self.videos_found.iter().try_for_each(|(_, row)| builder.push(row))?;
            let addresses: Vec<Address> = self.videos_found.drain(..).map(|(address, _)| address).collect();
            let columns = [
                videos::BLOB,
                videos::FPS,
                videos::DURATION,
                videos::FRAME_COUNT,
                videos::WIDTH,
                videos::HEIGHT,
                videos::KEYFRAMES,
            ];
            replace(Table::Videos, &columns, &addresses, &builder.finish()?, sink)?;
        }
        Ok(())
    }

    fn remember(&mut self, key: (Table, String), address: Address) {
        if self.cached.len() >= CACHED {
            self.cached.clear();
        }
        self.cached.insert(key, address);
    }

    pub(crate) fn miss(&mut self, named: &Named<'_>, kind: Kind, reason: String, report: &mut ImportReport, at: &At) {
        if !self.missing.insert(record::id_key(named.table.name(), &named.id)) {
            return;
        }
        report.find(kind, at, format!("{:?}: {reason}", named.id));
        report.miss(written(named), reason, at);
    }

    fn note_found(&mut self, table: Table, address: Address, stored: Stored, sink: &dyn Sink) -> Result<()> {
        match table {
            Table::Videos => {
                let mut row = sink.dataset().video(address)?.to_row()?;
                fill_video(&mut row, stored);
                self.videos_found.push((address, row));
            }
            _ => {
                let mut row = sink.dataset().frame(address)?.to_row()?;
                row.blob = stored.blob;
                (row.width, row.height) = split(stored.size);
                self.frames_found.push((address, row));
            }
        }
        Ok(())
    }

    fn store_bytes(
        &self,
        named: &Named<'_>,
        sink: &mut dyn Sink,
        report: &mut ImportReport,
        at: &At,
    ) -> Result<Stored> {
        let MediaItem::Bytes { media_type, bytes } = named.item else { return Ok(Stored::default()) };
        if named.table == Table::Videos {
            let found = mp4::read(Cursor::new(bytes), bytes.len() as u64);
            let blob = put(BlobSource::Bytes { media_type, bytes }, sink, report)?;
            return Ok(Stored { blob: Some(blob), video: video_or_tell(found, named, report, at), size: None });
        }
        let header = picture::read(Cursor::new(bytes), "");
        let media_type = if header.size.is_ok() || media_type.is_empty() { header.media_type } else { media_type };
        let blob = put(BlobSource::Bytes { media_type, bytes }, sink, report)?;
        Ok(Stored {
            blob: Some(blob),
            size: size_or_tell(header.size, named, report, at),
            video: mp4::Video::default(),
        })
    }

    fn store_file(
        &self,
        named: &Named<'_>,
        path: &Path,
        size: u64,
        sink: &mut dyn Sink,
        report: &mut ImportReport,
        at: &At,
    ) -> Result<Stored> {
        let unreadable = |error| Error::io("cannot read it", error).in_file(path);
        let is_linked = self.options.media == MediaMode::Link;
        if named.table == Table::Videos {
            let file = File::open(path).map_err(unreadable)?;
            let media_type = picture::media_type_of_name(&named.id);
            let is_mp4 = !matches!(media_type, "video/x-msvideo" | "video/x-matroska" | "video/webm" | "video/mpeg");
            let found = if is_mp4 { mp4::read(BufReader::new(file), size) } else { Ok(mp4::Video::default()) };
            let blob = put(from_file(is_linked, media_type, path), sink, report)?;
            return Ok(Stored { blob: Some(blob), video: video_or_tell(found, named, report, at), size: None });
        }
        if is_linked || size > HELD_LIMIT {
            let header = picture::read(BufReader::new(File::open(path).map_err(unreadable)?), &named.id);
            let blob = put(from_file(is_linked, header.media_type, path), sink, report)?;
            let size = size_or_tell(header.size, named, report, at);
            return Ok(Stored { blob: Some(blob), size, video: mp4::Video::default() });
        }
        let bytes = std::fs::read(path).map_err(unreadable)?;
        let header = picture::read(Cursor::new(&bytes), &named.id);
        let blob = put(BlobSource::Bytes { media_type: header.media_type, bytes: &bytes }, sink, report)?;
        Ok(Stored {
            blob: Some(blob),
            size: size_or_tell(header.size, named, report, at),
            video: mp4::Video::default(),
        })
    }

    fn add(
        &mut self,
        named: &Named<'_>,
        stored: Stored,
        draft: &Draft,
        sink: &mut dyn Sink,
        report: &mut ImportReport,
        at: &At,
    ) -> Result<Address> {
        let patient = self.patient_of(named, draft.patient.as_deref());
        let case = patient.as_deref().map(|patient| self.case(patient, draft, sink, report)).transpose()?;
        let case_name = patient.map(|patient| name_of(&self.options.source.id, &patient));
        let path = matches!(named.item, MediaItem::Path(_)).then(|| written(named).to_owned());
        report.row(named.table.name());
        if named.table == Table::Videos {
            let mut row = VideoRow {
                id: named.id.clone(),
                source: self.options.source.id.clone(),
                case,
                path,
                ..VideoRow::default()
            };
            fill_video(&mut row, stored);
            row.record = Some(record::of_video(&row, &mut |_, name| {
                name.extend(case_name.as_deref().unwrap_or_default());
                Ok(())
            })?);
            return sink.video(&row);
        }
        let mut row = FrameRow {
            id: named.id.clone(),
            source: self.options.source.id.clone(),
            case,
            kind: named.frame_kind.to_owned(),
            path,
            blob: stored.blob,
            ..FrameRow::default()
        };
        (row.width, row.height) = split(stored.size);
        let video = self.read_pattern(&mut row, named, case_name.as_deref(), sink, report, at)?;
        row.record = Some(record::of_frame(&row, &mut |address, name| {
            let is_video = Some(address) == row.video;
            name.extend(if is_video { &video } else { &case_name }.as_deref().unwrap_or_default());
            Ok(())
        })?);
        sink.frame(&row)
    }

    /// Takes video, number and time from a frame's path; the name of the video's row.
    #[allow(clippy::too_many_arguments)]
    fn read_pattern(
        &mut self,
        row: &mut FrameRow,
        named: &Named<'_>,
        case_name: Option<&[u8]>,
        sink: &mut dyn Sink,
        report: &mut ImportReport,
        at: &At,
    ) -> Result<Option<Vec<u8>>> {
        let source = &self.options.source;
        let Some(pattern) = &source.frame_pattern else { return Ok(None) };
        let Some(names) = pattern.names(&named.id) else {
            report.find(Kind::PatternMismatch, at, format!("{:?} does not match {:?}", named.id, pattern.as_str()));
            return Ok(None);
        };
        row.index = names.index;
        let first = source.index_base.unwrap_or(0);
        row.time = names.index.zip(source.fps).map(|(index, fps)| (index.saturating_sub(first)) as f64 / fps);
        let Some(video) = names.video.map(str::to_owned) else { return Ok(None) };
        let key = (Table::Videos, video.clone());
        let known = match self.cached.get(&key) {
            Some(address) => Some(*address),
            None => sink.lookup(Table::Videos, &source.id, &video)?,
        };
        let address = match known {
            Some(address) => address,
            None => {
                let (id, fps) = (video.clone(), source.fps);
                let mut new = VideoRow { id, source: source.id.clone(), case: row.case, fps, ..VideoRow::default() };
                new.record = Some(record::of_video(&new, &mut |_, name| {
                    name.extend(case_name.unwrap_or_default());
                    Ok(())
                })?);
                report.row(Table::Videos.name());
                sink.video(&new)?
            }
        };
        let name = name_of(&source.id, &video);
        self.remember(key, address);
        row.video = Some(address);
        Ok(Some(name))
    }
}

/// A row's name in record digests: source, a zero byte, id.
pub(crate) fn name_of(source: &str, id: &str) -> Vec<u8> {
    [source.as_bytes(), &[0], id.as_bytes()].concat()
}

fn name<'d>(medium: &DraftMedium, item: &'d MediaItem, task: Option<&str>) -> Named<'d> {
    let is_video = medium.kind == MediaKind::Video && !medium.of_frames;
    let table = if is_video { Table::Videos } else { Table::Frames };
    let (id, wanted) = match item {
        MediaItem::Path(path) => {
            let wanted = Wanted::new(path);
            let id = if wanted.id.is_empty() { path.trim().to_owned() } else { wanted.id.clone() };
            (id, Some(wanted))
        }
        MediaItem::Bytes { bytes, .. } => {
            let digest = blake3::hash(bytes).to_hex();
            (format!("data:{}", digest.as_str().get(..32).unwrap_or_default()), None)
        }
    };
    Named { table, id, item, wanted, frame_kind: if medium.output { output_kind(task) } else { "rgb" } }
}

/// What kind of picture a task answers with.
fn output_kind(task: Option<&str>) -> &'static str {
    let task = task.unwrap_or_default().to_lowercase();
    if task.contains("segment") {
        "mask"
    } else if task.contains("depth") {
        "depth"
    } else if task.contains("desmok") || task.contains("smoke") {
        "desmoked"
    } else {
        "rgb"
    }
}

fn written<'n>(named: &'n Named<'_>) -> &'n str {
    match named.item {
        MediaItem::Path(path) => path,
        MediaItem::Bytes { .. } => &named.id,
    }
}

fn stem(path: &str) -> Option<&str> {
    let name = path.rsplit('/').next()?;
    Some(name.rsplit_once('.').map_or(name, |(stem, _)| stem))
}

fn from_file<'a>(is_linked: bool, media_type: &'a str, path: &'a Path) -> BlobSource<'a> {
    if is_linked { BlobSource::Linked { media_type, path } } else { BlobSource::File { media_type, path } }
}

fn put(source: BlobSource<'_>, sink: &mut dyn Sink, report: &mut ImportReport) -> Result<Address> {
    let is_linked = matches!(source, BlobSource::Linked { .. });
    let info = sink.blob(source)?;
    *if is_linked { &mut report.media.linked } else { &mut report.media.embedded } += 1;
    report.media.bytes += info.size;
    if info.is_new {
        report.row(Table::Blobs.name());
    }
    Ok(info.address)
}

fn size_or_tell(
    size: Result<(i32, i32), String>,
    named: &Named<'_>,
    report: &mut ImportReport,
    at: &At,
) -> Option<(i32, i32)> {
    size.map_err(|reason| report.find(Kind::BadPicture, at, format!("{:?}: {reason}", named.id))).ok()
}

fn video_or_tell(
    found: Result<mp4::Video, String>,
    named: &Named<'_>,
    report: &mut ImportReport,
    at: &At,
) -> mp4::Video {
    found.unwrap_or_else(|reason| {
        report.find(Kind::BadVideo, at, format!("{:?}: {reason}", named.id));
        mp4::Video::default()
    })
}

fn fill_video(row: &mut VideoRow, stored: Stored) {
    let video = stored.video;
    row.blob = stored.blob;
    row.fps = video.fps.or(row.fps);
    row.duration = video.duration;
    row.frame_count = video.frame_count;
    (row.width, row.height) = (video.width, video.height);
    row.keyframes = video.keyframes;
}

fn split(size: Option<(i32, i32)>) -> (Option<i32>, Option<i32>) {
    (size.map(|(width, _)| width), size.map(|(_, height)| height))
}

/// Whether a row has bytes; one that was appended here counts as complete.
fn has_bytes(sink: &dyn Sink, table: Table, address: Address) -> Result<bool> {
    let dataset = sink.dataset();
    let blob = match table {
        Table::Videos => dataset.video(address).and_then(|row| row.blob()),
        _ => dataset.frame(address).and_then(|row| row.blob()),
    };
    match blob {
        Ok(blob) => Ok(blob.is_some()),
        Err(error) if error.kind() == ErrorKind::NotInVersion => Ok(true),
        Err(error) => Err(error),
    }
}

fn replace(
    table: Table,
    columns: &[usize],
    addresses: &[Address],
    batch: &arrow_array::RecordBatch,
    sink: &mut dyn Sink,
) -> Result<()> {
    for &at in columns {
        if let Some(column) = table.columns().get(at) {
            let values = batch.column(at).clone();
            sink.update(CellUpdate::new(table, column.clone(), addresses.to_vec(), values))?;
        }
    }
    Ok(())
}
