//! What statements are about: pictures and videos on their way in.

use super::{Run, placed};
use crate::error::{ErrorKind, Result};
use crate::format::Address;
use crate::import::draft::{Draft, FileFields, MediaItem, MediaKind};
use crate::import::homes::Spot;
use crate::import::inputs::Input;
use crate::import::media::bytes::Out;
use crate::import::media::names::{Named, name_of};
use crate::import::media::store::{Located, ShownRows, covers, shown_row};
use crate::import::options::OnChange;
use crate::import::report::{At, Kind};
use crate::import::source::PatientFrom;
use crate::schema::rows::{AnnotationRow, VideoRow};
use crate::schema::tables::Table;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// A picture or video file that something is said about.
#[derive(Clone, Debug, Default)]
pub(crate) struct Picture {
    /// Its path, as the source wrote it.
    pub(crate) path: String,
    /// What is known of it.
    pub(crate) fields: FileFields,
    /// The key of the patient that it shows.
    pub(crate) patient: Option<String>,
    /// Its bytes, where they stood in the source; they are taken where there is no file.
    pub(crate) bytes: Option<Vec<u8>>,
    /// Its row, once it was looked for: not again for each statement about it.
    pub(crate) row: Option<Target>,
}

impl Picture {
    /// Whether its source names a file, and not its id alone.
    fn is_named(&self) -> bool {
        !self.path.is_empty() || self.fields.id.is_none()
    }

    /// Whether more is known of it than where it lies.
    fn says_more(&self) -> bool {
        let FileFields { kind, origin, generator, video, video_file, parent, index, time, size, extra, .. } =
            &self.fields;
        let texts = [kind, origin, generator, video, video_file, parent, extra];
        self.patient.is_some()
            || texts.iter().any(|text| text.is_some())
            || index.is_some()
            || time.is_some()
            || size.is_some()
    }

    /// The path of its file, where its source names one.
    fn path(&self) -> Option<&str> {
        self.is_named().then_some(self.path.as_str())
    }
}

/// What shows a picture in the dataset already, where it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// The statement of the id that is at hand.
    ByStatement,
    /// Itself: its row is the record.
    Itself,
}

/// A row that statements refer to.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) address: Address,
    /// Its name in record digests.
    pub(crate) name: Rc<[u8]>,
}

/// A statement of this id, about this row, that says nothing yet.
pub(crate) fn statement(id: String, source: &str, target: &Target) -> AnnotationRow {
    AnnotationRow {
        id,
        source: source.to_owned(),
        annotator: None,
        status: None,
        origin: None,
        generator: None,
        target: target.address,
        start: None,
        end: None,
        parent: None,
        text: None,
        labels: Vec::new(),
        regions: Vec::new(),
        extra: None,
        record: None,
    }
}

impl Run<'_> {
    /// Counts a record and takes it, or skips it as its faults are to be skipped. `take` says whether it was taken: what
    /// shows a missing picture may be left out.
    pub(crate) fn take(&mut self, at: &mut At, take: impl FnOnce(&mut Self, &At) -> Result<()>) -> Result<()> {
        self.report.records.read += 1;
        let result = take(self, at).map_err(|error| placed(error, at));
        self.judge(result, at)
    }

    /// The row of a picture (or of a video's file), written if it is new; nothing where it is missing and what shows it
    /// is to be left out.
    pub(crate) fn picture(&mut self, kind: MediaKind, picture: &mut Picture, at: &At) -> Result<Option<Target>> {
        if let Some(target) = &picture.row {
            self.report.media.named += u64::from(picture.is_named());
            return Ok(Some(target.clone()));
        }
        let draft = Draft { patient: picture.patient.clone(), ..Draft::default() };
        picture.row = self.picture_of(kind, picture, &draft, at)?;
        Ok(picture.row.clone())
    }

    /// The same; `draft` says whose picture it is, what is known of the case, and of files that it refers to. One without a
    /// path has no file.
    pub(crate) fn picture_of(
        &mut self,
        kind: MediaKind,
        picture: &Picture,
        draft: &Draft,
        at: &At,
    ) -> Result<Option<Target>> {
        self.picture_shown(kind, picture, draft, Shown::ByStatement, at)
    }

    /// The same of a picture that the dataset may have; `shown` says what shows it there.
    pub(super) fn picture_shown(
        &mut self,
        kind: MediaKind,
        picture: &Picture,
        draft: &Draft,
        shown: Shown,
        at: &At,
    ) -> Result<Option<Target>> {
        let is_named = picture.is_named();
        self.report.media.named += u64::from(is_named);
        let table = if kind == MediaKind::Video { Table::Videos } else { Table::Frames };
        let settled = picture.fields.id.as_ref().and_then(|id| self.store.settled(table, id, picture.path()));
        let met = settled.and_then(|id| {
            let name = || name_of(&self.options.source.id, id);
            self.store.known(table, id).map(|address| Target { address, name: name().into() })
        });
        if met.is_some() && !picture.says_more() {
            return Ok(met);
        }
        let item = match &picture.fields.id {
            Some(id) if !is_named => MediaItem::Unnamed(id.clone()),
            _ => MediaItem::Path(picture.path.clone()),
        };
        let mut named = Named::said(table, &item, Some(&picture.fields));
        if let Some(target) = met {
            let mut out = Out { sink: &mut *self.sink, report: &mut self.report, at };
            self.store.hear(&named, target.address, draft, &mut out)?;
            return Ok(Some(target));
        }
        let rows = match shown {
            _ if self.store.settled(table, &named.id, picture.path()).is_some() => ShownRows::new(),
            Shown::ByStatement => self.shown_by_statement(at)?,
            Shown::Itself => vec![(table, named.id.clone())],
        };
        self.store.identify(&mut named, &rows, &*self.sink)?;
        let located = [self.store.locate(&named, &*self.sink)?];
        if shown == Shown::ByStatement
            && picture.fields.kind.is_none()
            && located.iter().all(Located::is_new)
            && let Some((_, before)) = rows.first()
        {
            self.leave_moved(before, &named.id, at);
            return Ok(None);
        }
        let held = picture.bytes.as_ref().filter(|_| located.iter().any(|located| located.is_missing()));
        self.check_deleted(std::slice::from_ref(&named), &located, draft, None)?;
        if held.is_none() && self.is_left_out(std::slice::from_ref(&named), &located, at)? {
            return Ok(None);
        }
        let mut out = Out { sink: &mut *self.sink, report: &mut self.report, at };
        let [located] = located;
        if let Some(bytes) = picture.bytes.as_ref().filter(|_| held.is_none()) {
            self.store.hold_bytes(&named, bytes, &located, &mut out)?;
        }
        let address = match held {
            Some(bytes) => self.store.ensure_held(&named, bytes, located, draft, &mut out)?,
            None => self.store.ensure(&named, located, draft, &mut out)?,
        };
        Ok(Some(Target { address, name: name_of(&self.options.source.id, &named.id).into() }))
    }

    /// Leaves a statement of the dataset as it is that is about a picture or video now whose row would be new: what is not
    /// taken brings no rows.
    pub(super) fn leave_moved(&mut self, before: &str, now: &str, at: &At) {
        self.report.records.changed_kept += 1;
        self.of_input.clashes += 1;
        if self.options.on_change != OnChange::Keep {
            let what = format!("it is about {now:?} now, and was about {before:?}; the dataset's was kept");
            self.report.find(Kind::ChangedRecord, at, what);
        }
    }

    /// The picture or video that the dataset's statement of this id is about.
    pub(super) fn shown_by_statement(&self, at: &At) -> Result<ShownRows> {
        // What may be another of this id is about what it says, and about nothing else; so is what has no id yet.
        let is_known = self.options.on_change != OnChange::Add && self.trial.is_none();
        let Some(id) = at.id.as_ref().filter(|_| is_known) else {
            return Ok(ShownRows::new());
        };
        let Some(address) = self.sink.lookup(Table::Annotations, &self.options.source.id, id)? else {
            return Ok(ShownRows::new());
        };
        match self.sink.dataset().annotation(address) {
            Ok(there) => Ok(shown_row(&*self.sink, there.target()?)?.into_iter().collect()),
            Err(error) if error.kind() == ErrorKind::NotInVersion => Ok(ShownRows::new()),
            Err(error) => Err(error),
        }
    }

    /// How many rows of a table are new.
    pub(in crate::import) fn new_rows(&self, table: Table) -> u64 {
        self.report.rows.get(table.name()).copied().unwrap_or(0)
    }

    /// A picture or video that nothing is said about: a record of its own.
    pub(crate) fn lone(&mut self, kind: MediaKind, picture: &Picture, at: &mut At) -> Result<()> {
        let draft = Draft { patient: picture.patient.clone(), ..Draft::default() };
        self.lone_of(kind, picture, &draft, at)
    }

    /// The same; `draft` says whose picture it is, and what is known of others that it refers to.
    pub(crate) fn lone_of(&mut self, kind: MediaKind, picture: &Picture, draft: &Draft, at: &mut At) -> Result<()> {
        let table = if kind == MediaKind::Video { Table::Videos } else { Table::Frames };
        self.take(at, |run, at| {
            let before = run.standing(table);
            if run.picture_shown(kind, picture, draft, Shown::Itself, at)?.is_some() {
                run.count_change(run.change_since(table, before));
            }
            Ok(())
        })
    }

    /// A record that asks nothing: what it says of the medium that it names goes into that one's row.
    pub(super) fn about_file(&mut self, draft: &Draft, at: &At) -> Result<()> {
        let Some(medium) = draft.media.first() else { return Ok(()) };
        let Some(MediaItem::Path(path)) = medium.items.first() else { return Ok(()) };
        let fields = draft.files.get(path).cloned().unwrap_or_default();
        let patient = draft.patient.as_deref().map(|name| self.options.patient_key(name));
        let picture = Picture { path: path.clone(), fields, patient, ..Picture::default() };
        let table = if medium.kind == MediaKind::Video { Table::Videos } else { Table::Frames };
        let (before, rewritten) = (self.new_rows(table), self.report.media.rewritten);
        let of = Draft { patient: picture.patient.clone(), ..Draft::default() };
        let target = self.picture_shown(medium.kind, &picture, &of, Shown::Itself, at)?;
        let Some(target) = target else { return Ok(()) };
        if self.new_rows(table) != before {
            self.report.records.added += 1;
            return Ok(());
        }
        if self.report.media.rewritten != rewritten {
            self.report.records.replaced += 1;
            return Ok(());
        }
        let extra = match table {
            Table::Videos => self.sink.dataset().video(target.address).and_then(|row| Ok(row.to_row()?.extra)),
            _ => self.sink.dataset().frame(target.address).and_then(|row| Ok(row.to_row()?.extra)),
        };
        match extra {
            Ok(extra) if covers(extra.as_deref(), picture.fields.extra.as_deref()) => {
                self.report.records.unchanged += 1;
            }
            // What is more than was said of it, or otherwise, is taken or told where it is heard.
            Err(error) if error.kind() == ErrorKind::NotInVersion => self.report.records.unchanged += 1,
            Err(error) => return Err(error),
            Ok(_) => {
                self.report.records.changed_kept += 1;
                self.report.find(
                    Kind::ChangedRow,
                    at,
                    format!("{path:?} was there already; what is said of it here is not kept"),
                );
            }
        }
        Ok(())
    }

    /// Goes on in a folder that may lie in another home: its pictures are looked for where their names start.
    pub(crate) fn enter(&mut self, spot: &Spot) {
        if self.store.home() != spot.home {
            self.search(&spot.start);
            self.store.set_home(&spot.home, self.homes.is_foreign(&spot.home));
        }
    }

    /// Looks for pictures in this folder.
    pub(crate) fn search(&mut self, folder: &Path) {
        self.store.search(&[folder.to_path_buf()]);
    }

    /// The row of a recording of which no file is named, written if it is new.
    pub(crate) fn recording(&mut self, row: VideoRow, patient: Option<&str>, at: &At) -> Result<Target> {
        let draft = Draft { patient: patient.map(str::to_owned), ..Draft::default() };
        self.recording_of(row, &draft, at)
    }

    /// Looks for pictures in the folders around a file of annotations, and below the folder that was named by their names.
    pub(crate) fn search_around(&mut self, input: &Input, below: &[&str]) {
        self.search_from(None, input, below);
    }

    /// The same, first where its name starts.
    pub(crate) fn search_around_mask(&mut self, input: &Input) {
        self.search_from(Some(input.spot.start.clone()), input, &[]);
    }

    fn search_from(&mut self, first: Option<PathBuf>, input: &Input, below: &[&str]) {
        let beside = input.path.parent().map(PathBuf::from).unwrap_or_default();
        let above = beside.canonicalize().ok().and_then(|real| input.above(&real));
        let mut folders: Vec<PathBuf> = first.into_iter().chain([beside]).collect();
        folders.extend(above);
        let inside: Vec<PathBuf> =
            folders.iter().flat_map(|folder| below.iter().map(|name| folder.join(name))).collect();
        folders.extend(inside);
        self.store.search(&folders);
        if let Some(folder) = &input.folder {
            self.store.search_by_name(folder);
        }
    }

    /// The path and the id of the only picture of this import, as others than masks speak of it, whose path ends so; the
    /// path has a folder.
    pub(crate) fn met_frame(&self, ending: &str) -> Option<(String, String)> {
        self.store.met_frame(ending)
    }

    /// The sides of a picture whose row is there or that can be looked at.
    pub(crate) fn size_of(&mut self, picture: &Picture) -> Result<Option<(i32, i32)>> {
        let item = MediaItem::Path(picture.path.clone());
        let mut named = Named::said(Table::Frames, &item, Some(&picture.fields));
        self.store.identify(&mut named, &ShownRows::new(), &*self.sink)?;
        self.store.picture_size(&named, &*self.sink)
    }

    /// Tells of a patient who is of two institutions: it may be two patients under one name.
    pub(crate) fn tell_institution(&mut self, draft: &Draft, at: &At) {
        let Some((patient, institution)) = draft.patient.as_ref().zip(draft.institution.as_ref()) else { return };
        if let Some(before) = self.store.other_institution(patient, institution) {
            let what = format!(
                "the patient {patient:?} was of {before:?} before, and is of {institution:?} here: where these are two \
                 patients, name them apart, as by `video = \"{{file.hospital}}/{{file.video}}\"` in a map"
            );
            self.report.find(Kind::Doubtful, at, what);
        }
    }

    /// What labels name whose form does not say it.
    pub(crate) fn axis(&self) -> String {
        self.options.source.defaults.axis.clone().unwrap_or_else(|| "category".to_owned())
    }

    /// The key of the patient whose recording has this name, and of which a frame has this path: as the source's patterns
    /// read the path, else the recording's name, unless the source says that patients are found otherwise.
    pub(crate) fn patient_of_recording(&self, video: &str, frame: &str) -> Option<String> {
        let item = MediaItem::Path(frame.to_owned());
        let draft = Draft::default();
        let by_path = self.store.patient_of(&Named::of(Table::Frames, &item, &draft), None);
        by_path.or_else(|| self.patient_of_video(video))
    }

    fn patient_of_video(&self, video: &str) -> Option<String> {
        let source = &self.options.source;
        matches!(source.patient_from, None | Some(PatientFrom::Video)).then(|| self.options.patient_key(video))
    }
}
