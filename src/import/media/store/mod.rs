//! Brings pictures and videos, and the cases and recordings that their paths speak of, into the dataset.

mod held;

use crate::dataset::CellUpdate;
use crate::error::Result;
use crate::format::address::Address;
use crate::import::draft::{Draft, DraftMedium, FileFields, MediaItem};
use crate::import::media::bytes::{Out, Stored};
use crate::import::media::names::{Named, name_of};
use crate::import::media::resolve::{Resolved, Roots, Wanted};
use crate::import::options::ImportOptions;
use crate::import::report::Kind;
use crate::import::sink::Sink;
use crate::import::source::PatientFrom;
use crate::schema::build::{FramesBuilder, VideosBuilder};
use crate::schema::record::{self, Identity, id_identity};
use crate::schema::rows::{CaseRow, FrameRow, VideoRow};
use crate::schema::tables::{Table, frames, videos};
use held::{Held, held};
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// How many ids are held beside their addresses.
const CACHED: usize = 1 << 16;
/// How far a row's references to other files are followed.
const DEPTH_LIMIT: u32 = 8;

/// What is known of an item before anything is written.
#[derive(Clone, Debug)]
pub(crate) enum Located {
    /// Its row is there.
    Known(Address),
    /// Its row is there without bytes, and they are here now.
    FoundNow(Address, PathBuf, u64),
    /// Its row is there, linked to a file that is gone or no longer what it was: what is wrong, and what to do.
    Broken(Address, String),
    /// Its row is there without bytes, and they are still missing.
    StillMissing(Address, Kind, String),
    /// It is new, and its bytes are here.
    New(PathBuf, u64, Option<String>),
    /// It is new, and its bytes stood in the record.
    Bytes,
    /// It is new, and its bytes are missing.
    Missing(Kind, String),
}

impl Located {
    /// Whether its bytes are nowhere.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, Self::Missing(..) | Self::StillMissing(..))
    }
}

/// Everything that an import knows of media.
pub(crate) struct Store<'o> {
    options: &'o ImportOptions,
    roots: Roots,
    cached: HashMap<(Table, String), Address>,
    missing: HashSet<Identity>,
    sizes: HashMap<String, Option<(i32, i32)>>,
    frames_found: Vec<(Address, FrameRow)>,
    videos_found: Vec<(Address, VideoRow)>,
    depth: u32,
}

impl<'o> Store<'o> {
    pub(crate) fn new(options: &'o ImportOptions) -> Self {
        Self {
            options,
            roots: Roots::default(),
            cached: HashMap::new(),
            missing: HashSet::new(),
            sizes: HashMap::new(),
            frames_found: Vec::new(),
            videos_found: Vec::new(),
            depth: 0,
        }
    }

    /// Looks for media in these folders, after those that were named.
    pub(crate) fn search(&mut self, folders: &[PathBuf]) {
        self.roots = Roots::new(self.options.media_roots.iter().chain(folders).map(PathBuf::as_path));
    }

    /// Looks below this folder, by its name alone, for a file that is not found otherwise.
    pub(crate) fn search_by_name(&mut self, folder: &Path) {
        self.roots.search_by_name(folder);
    }

    /// Looks for media as the records of this file name them.
    pub(crate) fn enter(&mut self, file: &Path) {
        let roots = self.options.media_roots.iter().map(PathBuf::as_path);
        self.roots = Roots::new(roots.chain(file.parent()));
    }

    /// The rows that a draft's media will refer to, medium by medium.
    pub(crate) fn names<'d>(&self, draft: &'d Draft) -> Vec<Named<'d>> {
        let task = draft.task.as_deref().or(self.options.source.defaults.task.as_deref());
        let named =
            |medium: &'d DraftMedium| medium.items.iter().map(move |item| Named::new(medium, item, draft, task));
        draft.media.iter().flat_map(named).collect()
    }

    /// The key of the patient that an item's path, or its record, speaks of.
    pub(crate) fn patient_of(&self, named: &Named<'_>, of_record: Option<&str>) -> Option<String> {
        let source = &self.options.source;
        let by_path = match &source.patient_from {
            Some(PatientFrom::Video) if named.table == Table::Videos => Some(named.stem()),
            Some(PatientFrom::Video) => {
                source.frame_pattern.as_ref().and_then(|pattern| pattern.names(&named.id)?.video)
            }
            Some(PatientFrom::Path(pattern)) => pattern.names(&named.id).and_then(|names| names.patient),
            _ => source.frame_pattern.as_ref().and_then(|pattern| pattern.names(&named.id)?.patient),
        };
        by_path.map(|name| self.options.patient_key(name)).or_else(|| of_record.map(str::to_owned))
    }

    /// Finds out what an item is, writing nothing.
    pub(crate) fn locate(&mut self, named: &Named<'_>, sink: &dyn Sink) -> Result<Located> {
        let key = (named.table, named.id.clone());
        if let Some(address) = self.cached.get(&key) {
            return Ok(Located::Known(*address));
        }
        let known = sink.lookup(named.table, &self.options.source.id, &named.id)?;
        let held = known.map(|address| held(sink, named.table, address)).transpose()?;
        match (known, held) {
            (Some(address), Some(Held::Whole)) => {
                self.remember(key, address);
                return Ok(Located::Known(address));
            }
            (Some(address), Some(Held::Broken(blob, error))) => {
                return self.broken(named, address, &blob, &error);
            }
            _ => {}
        }
        let Some(wanted) = &named.wanted else {
            return Ok(known.map_or(Located::Bytes, Located::Known));
        };
        Ok(match (self.resolve(wanted), known) {
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

    /// Finds the file, which must be readable.
    fn resolve(&mut self, wanted: &Wanted) -> Resolved {
        let found = self.roots.resolve(wanted);
        let Resolved::File { path, .. } = &found else { return found };
        let readable = File::open(path).and_then(|mut file| file.read(&mut [0]));
        match readable {
            Ok(_) => found,
            Err(error) => Resolved::Missing(format!("it is there, and cannot be read: {error}")),
        }
    }

    /// The row of an item, written if it is new; bytes that are here now are noted for [`Store::attach`].
    pub(crate) fn ensure(
        &mut self,
        named: &Named<'_>,
        located: Located,
        draft: &Draft,
        out: &mut Out<'_>,
    ) -> Result<Address> {
        let key = (named.table, named.id.clone());
        if let Some(address) = self.cached.get(&key) {
            return Ok(*address);
        }
        let address = match located {
            Located::Known(address) => address,
            Located::StillMissing(address, kind, reason) => {
                self.miss(named, kind, reason, out);
                address
            }
            Located::Broken(address, reason) => {
                self.miss(named, Kind::BrokenLink, reason, out);
                address
            }
            Located::FoundNow(address, path, size) => {
                out.report.media.found_now += 1;
                let stored = out.store_file(named, &path, size, self.options.media)?;
                self.note_found(named.table, address, stored, out.sink)?;
                address
            }
            Located::New(path, size, respelled) => {
                if let Some(respelled) = respelled {
                    out.report.find(Kind::PathSpelling, out.at, format!("{:?} was found as {respelled:?}", named.id));
                }
                let stored = out.store_file(named, &path, size, self.options.media)?;
                self.add(named, stored, draft, out)?
            }
            Located::Bytes => {
                let stored = out.store_bytes(named)?;
                self.add(named, stored, draft, out)?
            }
            Located::Missing(kind, reason) => {
                self.miss(named, kind, reason, out);
                self.add(named, Stored::default(), draft, out)?
            }
        };
        self.remember(key, address);
        Ok(address)
    }

    /// The same of an item whose file is missing, with the bytes that the source holds of it.
    pub(crate) fn ensure_held(
        &mut self,
        named: &Named<'_>,
        bytes: &[u8],
        located: Located,
        draft: &Draft,
        out: &mut Out<'_>,
    ) -> Result<Address> {
        let address = match located {
            Located::Missing(..) => {
                let stored = out.store_held(named, "", bytes)?;
                self.add(named, stored, draft, out)?
            }
            Located::StillMissing(address, ..) => {
                out.report.media.found_now += 1;
                let stored = out.store_held(named, "", bytes)?;
                self.note_found(named.table, address, stored, out.sink)?;
                address
            }
            located => return self.ensure(named, located, draft, out),
        };
        self.remember((named.table, named.id.clone()), address);
        Ok(address)
    }

    /// The case of a patient, written if it is new.
    pub(crate) fn case(&mut self, patient: &str, draft: &Draft, out: &mut Out<'_>) -> Result<Address> {
        let source = &self.options.source;
        let id = draft.case_id(patient);
        let key = (Table::Cases, id.to_owned());
        if let Some(address) = self.cached.get(&key) {
            return Ok(*address);
        }
        let address = match out.sink.lookup(Table::Cases, &source.id, id)? {
            Some(address) => address,
            None => {
                let defaults = &source.defaults;
                let mut row = CaseRow {
                    id: id.to_owned(),
                    source: source.id.clone(),
                    patient: Some(patient.to_owned()),
                    institution: draft.institution.clone().or_else(|| defaults.institution.clone()),
                    specialty: draft.specialty.clone().or_else(|| defaults.specialty.clone()),
                    procedure: draft.procedure.clone().or_else(|| defaults.procedure.clone()),
                    ..CaseRow::default()
                };
                if let Some(listed) = self.options.cases.as_ref().and_then(|cases| cases.of_patient(patient)) {
                    listed.fill(&mut row);
                }
                if let Some(said) = draft.case_of(patient) {
                    row.specialty.clone_from(&said.specialty);
                    row.procedure.clone_from(&said.procedure);
                    row.device.clone_from(&said.device);
                    row.consent.clone_from(&said.consent);
                    row.extra.clone_from(&said.extra);
                }
                row.record = Some(record::of_case(&row));
                out.report.row(Table::Cases.name());
                out.sink.case(&row)?
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

    pub(crate) fn miss(&mut self, named: &Named<'_>, kind: Kind, reason: String, out: &mut Out<'_>) {
        if !self.missing.insert(id_identity(named.table.name(), &named.id)) {
            return;
        }
        out.report.find(kind, out.at, format!("{:?}: {reason}", named.id));
        out.report.miss(named.written(), reason, out.at);
    }

    fn note_found(&mut self, table: Table, address: Address, stored: Stored, sink: &dyn Sink) -> Result<()> {
        match table {
            Table::Videos => {
                let mut row = sink.dataset().video(address)?.to_row()?;
                stored.fill_video(&mut row);
                self.videos_found.push((address, row));
            }
            _ => {
                let mut row = sink.dataset().frame(address)?.to_row()?;
                row.blob = stored.blob;
                (row.width, row.height) = stored.sides();
                self.frames_found.push((address, row));
            }
        }
        Ok(())
    }

    fn add(&mut self, named: &Named<'_>, stored: Stored, draft: &Draft, out: &mut Out<'_>) -> Result<Address> {
        let source = self.options.source.id.clone();
        let has_case = named.said.is_none_or(|said| !said.no_case);
        let patient = self.patient_of(named, draft.patient.as_deref()).filter(|_| has_case);
        let case = patient.as_deref().map(|patient| self.case(patient, draft, out)).transpose()?;
        let case_name = patient.map(|patient| name_of(&source, draft.case_id(&patient)));
        let mut path = matches!(named.item, MediaItem::Path(_)).then(|| named.written().to_owned());
        if let Some(said) = named.said {
            path = said.path.clone().or(path.filter(|_| !said.no_path));
        }
        out.report.row(named.table.name());
        if named.table == Table::Videos {
            let extra = named.said.and_then(|said| said.extra.clone());
            let mut row = VideoRow { id: named.id.clone(), source, case, path, extra, ..VideoRow::default() };
            stored.fill_video(&mut row);
            row.record = Some(record::of_video(&row, &mut |_, name| {
                name.extend(case_name.as_deref().unwrap_or_default());
                Ok(())
            })?);
            return out.sink.video(&row);
        }
        let kind = named.frame_kind.to_owned();
        let mut row =
            FrameRow { id: named.id.clone(), source, case, kind, path, blob: stored.blob, ..FrameRow::default() };
        (row.width, row.height) = stored.sides();
        let mut names = vec![(case, case_name)];
        match named.said {
            Some(said) if !said.by_pattern => self.apply_said(&mut row, said, draft, &mut names, out)?,
            said => {
                if let Some(said) = said {
                    self.apply_said(&mut row, said, draft, &mut names, out)?;
                }
                let case_name = names.first().and_then(|(_, name)| name.clone());
                let video = self.read_pattern(&mut row, named, case_name.as_deref(), out)?;
                names.push((row.video, video));
            }
        }
        row.record = Some(record::of_frame(&row, &mut |address, name| {
            let known = names.iter().find(|(other, _)| *other == Some(address));
            name.extend(known.and_then(|(_, name)| name.as_deref()).unwrap_or_default());
            Ok(())
        })?);
        out.sink.frame(&row)
    }

    /// Puts into a frame's row what the record says of it; adds the names of what it refers to.
    fn apply_said(
        &mut self,
        row: &mut FrameRow,
        said: &FileFields,
        draft: &Draft,
        names: &mut Vec<(Option<Address>, Option<Vec<u8>>)>,
        out: &mut Out<'_>,
    ) -> Result<()> {
        if let Some(kind) = &said.kind {
            row.kind.clone_from(kind);
        }
        row.origin.clone_from(&said.origin);
        row.generator.clone_from(&said.generator);
        row.extra.clone_from(&said.extra);
        row.index = said.index;
        row.time = said.time;
        if let Some(path) = &said.video_file {
            row.video = self.other(Table::Videos, path, draft, names, out)?;
        } else if let Some(id) = &said.video {
            let case_name = names.first().and_then(|(_, name)| name.clone());
            let video = VideoRow { case: row.case, ..self.bare_video(id, said.fps) };
            let address = self.video(video, case_name.as_deref(), out)?;
            names.push((Some(address), Some(name_of(&self.options.source.id, id))));
            row.video = Some(address);
        }
        if let Some(path) = &said.parent {
            row.parent = self.other(Table::Frames, path, draft, names, out)?;
        }
        Ok(())
    }

    /// The row of another file that a frame's row refers to; nothing where such references do not end.
    fn other(
        &mut self,
        table: Table,
        path: &str,
        draft: &Draft,
        names: &mut Vec<(Option<Address>, Option<Vec<u8>>)>,
        out: &mut Out<'_>,
    ) -> Result<Option<Address>> {
        if self.depth >= DEPTH_LIMIT {
            return Ok(None);
        }
        let item = MediaItem::Path(path.to_owned());
        let named = Named::of(table, &item, draft);
        let located = self.locate(&named, out.sink)?;
        self.depth += 1;
        let found = self.ensure(&named, located, draft, out);
        self.depth -= 1;
        let address = found?;
        names.push((Some(address), Some(name_of(&self.options.source.id, &named.id))));
        Ok(Some(address))
    }

    /// A video of which nothing is known but its id, and how fast its frames come.
    fn bare_video(&self, id: &str, fps: Option<f64>) -> VideoRow {
        VideoRow { id: id.to_owned(), source: self.options.source.id.clone(), fps, ..VideoRow::default() }
    }

    /// The address of a video without a file, written if it is new.
    pub(crate) fn video(&mut self, mut row: VideoRow, case_name: Option<&[u8]>, out: &mut Out<'_>) -> Result<Address> {
        let key = (Table::Videos, row.id.clone());
        let known = match self.cached.get(&key) {
            Some(address) => Some(*address),
            None => out.sink.lookup(Table::Videos, &row.source, &row.id)?,
        };
        let address = match known {
            Some(address) => address,
            None => {
                row.record = Some(record::of_video(&row, &mut |_, name| {
                    name.extend(case_name.unwrap_or_default());
                    Ok(())
                })?);
                out.report.row(Table::Videos.name());
                out.sink.video(&row)?
            }
        };
        self.remember(key, address);
        Ok(address)
    }

    /// Takes video, number and time from a frame's path; the name of the video's row.
    fn read_pattern(
        &mut self,
        row: &mut FrameRow,
        named: &Named<'_>,
        case_name: Option<&[u8]>,
        out: &mut Out<'_>,
    ) -> Result<Option<Vec<u8>>> {
        let source = &self.options.source;
        let Some(pattern) = &source.frame_pattern else { return Ok(None) };
        let Some(names) = pattern.names(&named.id) else {
            out.report.find(
                Kind::PatternMismatch,
                out.at,
                format!("{:?} does not match {:?}", named.id, pattern.as_str()),
            );
            return Ok(None);
        };
        row.index = names.index;
        let first = source.index_base.unwrap_or(0);
        row.time = names.index.zip(source.fps).map(|(index, fps)| (index.saturating_sub(first)) as f64 / fps);
        let Some(video) = names.video.map(str::to_owned) else { return Ok(None) };
        let name = name_of(&source.id, &video);
        let new = VideoRow { case: row.case, ..self.bare_video(&video, source.fps) };
        row.video = Some(self.video(new, case_name, out)?);
        Ok(Some(name))
    }
}

/// Replaces cells of these columns, for rows at these addresses, with those of a batch of the table.
pub(crate) fn replace(
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
