//! Brings pictures and videos, and the cases and recordings that their paths speak of, into the dataset.

mod cases;
mod changes;
mod ensure;
mod extras;
mod heard;
mod held;
mod identity;
mod late;
mod meet;
mod met;
mod patients;
mod rows;
mod said;

use crate::error::Result;
use crate::format::address::{Address, FragmentId};
use crate::import::draft::{Draft, DraftMedium, MediaItem};
use crate::import::homes::Homes;
use crate::import::inputs::Input;
use crate::import::media::found::Found;
use crate::import::media::names::Named;
use crate::import::media::resolve::{Resolved, Roots};
use crate::import::media::wanted::Wanted;
use crate::import::options::ImportOptions;
use crate::import::report::Kind;
use crate::import::sink::Sink;
use crate::schema::record::{Identity, Keyed, id_identity};
use crate::schema::tables::Table;
use changes::Changes;
pub(crate) use extras::covers;
use extras::{Extras, HeardFields};
use heard::Heard;
use held::Held;
use identity::Taken;
pub(crate) use identity::{ShownRows, digest_of, shown_row};
pub(crate) use late::Late;
use meet::Known;
use met::Met;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// How many ids are held beside their addresses.
const CACHED: usize = 1 << 16;
/// How far a row's references to other files are followed.
const DEPTH_LIMIT: u32 = 8;

/// What is known of an item before anything is written.
#[derive(Clone, Debug)]
pub(crate) enum Located {
    /// Its row was met.
    Known(Address),
    /// Its row is there, and was not met yet.
    There(Address),
    /// Its row is there without bytes, and they are here now.
    FoundNow(Address, PathBuf, u64),
    /// Its row is there, linked to a file that is gone or no longer what it was: what is wrong, and what to do.
    Broken(Address, String),
    /// Its row is there, with bytes of the file that are no longer what it has.
    Changed(Address, PathBuf, u64),
    /// Its row is there without bytes, and they are still missing.
    StillMissing(Address, Kind, String),
    /// It is new, and its bytes are here.
    New(PathBuf, u64, Option<String>),
    /// It is new, and its bytes stood in the record.
    Bytes,
    /// Its row is there without bytes, and they stood in the record.
    BytesNow(Address),
    /// It is new, and its bytes are missing.
    Missing(Kind, String),
}

impl Located {
    /// The row that may have been there before this import, and that was not met yet.
    fn row_of_before(&self) -> Option<Address> {
        match self {
            Self::There(address)
            | Self::FoundNow(address, ..)
            | Self::Broken(address, _)
            | Self::Changed(address, ..)
            | Self::StillMissing(address, ..)
            | Self::BytesNow(address) => Some(*address),
            Self::Known(_) | Self::New(..) | Self::Bytes | Self::Missing(..) => None,
        }
    }

    /// Whether it has no row yet.
    pub(crate) fn is_new(&self) -> bool {
        matches!(self, Self::New(..) | Self::Bytes | Self::Missing(..))
    }

    /// Whether its bytes are nowhere.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, Self::Missing(..) | Self::StillMissing(..))
    }
}

/// The addresses of ids that were met lately, by table.
#[derive(Default)]
struct Cached {
    tables: [HashMap<String, Address>; 6],
    count: usize,
}

impl Cached {
    fn get(&self, table: Table, id: &str) -> Option<Address> {
        self.tables[table as usize].get(id).copied()
    }

    fn insert(&mut self, table: Table, id: &str, address: Address) {
        if self.count >= CACHED {
            *self = Self::default();
        }
        self.count += usize::from(self.tables[table as usize].insert(id.to_owned(), address).is_none());
    }
}

/// What tells a file's path apart.
fn place_of(path: &Path) -> Identity {
    Identity::of_digest(blake3::hash(path.as_os_str().as_bytes()).as_bytes())
}

/// Everything that an import knows of media.
pub(crate) struct Store<'o> {
    options: &'o ImportOptions,
    roots: Roots,
    cached: Cached,
    missing: HashMap<Identity, Kind, Keyed>,
    /// The files whose records name something that is missing.
    naming: Vec<String>,
    /// By the paths that are missing: in which of those files one was first, and the row that it has.
    missing_paths: HashMap<Identity, (u32, Identity), Keyed>,
    /// The rows of this import that have no bytes yet, with the frames a second that a video was said to have.
    bare: HashMap<Identity, Option<f64>, Keyed>,
    sizes: HashMap<String, Option<(i32, i32)>>,
    /// The rows that paths mean, as they are looked for now.
    settled: [HashMap<String, String>; 6],
    /// The rows of this import that are made of files.
    taken: HashMap<Identity, Taken, Keyed>,
    digests: HashMap<PathBuf, [u8; 32]>,
    /// The ids that files were taken for which were found by their names alone, by the files' places.
    by_name: HashMap<Identity, String, Keyed>,
    /// The files that this import met by their paths, where they are asked for later.
    files: Option<HashSet<Identity, Keyed>>,
    /// When the rows of a fragment were written already, as far as that is known.
    written: HashMap<FragmentId, Option<SystemTime>>,
    found: Found,
    /// The same of rows of this import.
    late: Found,
    /// What is said of rows of before that they do not say.
    changes: Changes,
    /// The same of rows of this import.
    late_changes: Changes,
    heard: Heard,
    /// Further fields that rows of before lack.
    extras: Extras,
    /// The same of rows of this import.
    late_extras: Extras,
    heard_fields: HeardFields,
    met: Met,
    /// The videos that frames are of as the source's pattern says, and the files of videos by their names without an ending,
    /// with the ids that these have.
    patterned: HashSet<String>,
    filmed: HashMap<String, String>,
    /// How long the videos of this import are, in seconds, where their files say it.
    durations: HashMap<Address, f64>,
    /// The institutions of patients, as this import met them first.
    institutions: HashMap<String, String>,
    /// The patients whose cases were written, by their names without what does not show.
    patients: HashMap<String, String>,
    /// The row whose id was asked for last, and what tells it apart.
    last_id: RefCell<Option<(Table, String, Identity)>>,
    depth: u32,
    /// The folders that ids start in.
    homes: Homes,
    /// The rows of the source that have bytes by the ends of their paths, once that was asked for.
    known_files: Option<Known>,
    /// The home of what is read, and whether it is new beside others.
    home: String,
    is_foreign: bool,
    /// Whether names of the file at hand start above its home: what is called by a path alone is another home's.
    is_above: bool,
    /// What is called as another folder's is, and may be that one.
    clash: Option<String>,
    /// Whether paths may start beside the file at hand, and not in folders for all.
    may_be_beside: bool,
}

impl<'o> Store<'o> {
    pub(crate) fn new(options: &'o ImportOptions) -> Self {
        Self {
            options,
            roots: Roots::default(),
            cached: Cached::default(),
            missing: HashMap::default(),
            naming: Vec::new(),
            missing_paths: HashMap::default(),
            bare: HashMap::default(),
            patterned: HashSet::new(),
            filmed: HashMap::new(),
            sizes: HashMap::new(),
            settled: Default::default(),
            taken: HashMap::default(),
            digests: HashMap::new(),
            by_name: HashMap::default(),
            files: None,
            written: HashMap::new(),
            found: Found::default(),
            late: Found::default(),
            changes: Changes::default(),
            late_changes: Changes::default(),
            heard: Heard::default(),
            extras: Extras::default(),
            late_extras: Extras::default(),
            heard_fields: HeardFields::default(),
            met: Met::default(),
            durations: HashMap::new(),
            institutions: HashMap::new(),
            patients: HashMap::new(),
            last_id: RefCell::default(),
            depth: 0,
            homes: Homes::default(),
            known_files: None,
            home: String::new(),
            is_above: false,
            is_foreign: false,
            clash: None,
            may_be_beside: true,
        }
    }

    /// Looks for media in these folders, after those that were named.
    pub(crate) fn search(&mut self, folders: &[PathBuf]) {
        self.roots.enter(self.options.media_roots.iter().chain(folders).map(PathBuf::as_path));
        self.forget_places();
    }

    /// Looks below this folder, by its name alone, for a file that is not found otherwise.
    pub(crate) fn search_by_name(&mut self, folder: &Path) {
        self.roots.search_by_name(folder);
    }

    /// The home of what comes now, and whether names of other folders may be met that mean something else.
    pub(crate) fn set_home(&mut self, home: &str, is_foreign: bool) {
        home.clone_into(&mut self.home);
        self.is_foreign = is_foreign;
    }

    /// The home of what is read.
    pub(crate) fn home(&self) -> &str {
        &self.home
    }

    /// Whether names of other folders may be met that mean something else.
    pub(crate) fn is_foreign(&self) -> bool {
        self.is_foreign
    }

    /// The first picture or video that was called as another folder's is, and may be another.
    pub(crate) fn take_clash(&mut self) -> Option<String> {
        self.clash.take()
    }

    /// Looks for media as the records of this file name them.
    pub(crate) fn enter(&mut self, input: &Input) {
        let roots = self.options.media_roots.iter().map(PathBuf::as_path);
        self.roots.enter(roots.chain(input.path.parent()));
        self.roots.name_pools(&self.options.media_roots);
        self.roots.beside(&input.path, &input.name, &input.spot.start, &input.spot.limit);
        self.is_above = input.spot.is_above;
        self.may_be_beside = self.roots.may_start_beside(&self.options.media_roots);
        self.forget_places();
    }

    /// Where media are looked for now, to be given back to [`Store::look_in`].
    pub(crate) fn take_roots(&mut self) -> Roots {
        std::mem::take(&mut self.roots)
    }

    /// Looks for media there.
    pub(crate) fn look_in(&mut self, roots: Roots) {
        self.roots = roots;
        self.forget_places();
    }

    /// A path may mean another file where media are looked for now.
    fn forget_places(&mut self) {
        self.settled.iter_mut().for_each(HashMap::clear);
        self.sizes.clear();
    }

    /// Notes from now on which files are met: 16 bytes each.
    pub(crate) fn note_files(&mut self) {
        self.files.get_or_insert_default();
    }

    /// Whether a file was met under this path, where that is noted.
    pub(crate) fn has_met(&self, path: &Path) -> bool {
        self.files.as_ref().is_none_or(|files| files.contains(&place_of(path)))
    }

    /// The institution that a patient was said to be of before, in this import, where it is another; it is told once.
    pub(crate) fn other_institution(&mut self, patient: &str, institution: &str) -> Option<String> {
        match self.institutions.get(patient) {
            Some(before) if before != institution => {
                let before = before.clone();
                self.institutions.insert(patient.to_owned(), institution.to_owned());
                Some(before)
            }
            Some(_) => None,
            None => {
                if self.institutions.len() >= CACHED {
                    self.institutions.clear();
                }
                self.institutions.insert(patient.to_owned(), institution.to_owned());
                None
            }
        }
    }

    /// Whether the pictures that come now are to be found by the ends of their paths later.
    pub(crate) fn note_frames(&mut self, is_noted: bool) {
        self.met.is_open = is_noted;
    }

    /// The path and the id of the only picture that was noted whose path ends so; the path has a folder.
    pub(crate) fn met_frame(&self, ending: &str) -> Option<(String, String)> {
        self.met.ending(ending)
    }

    /// What a draft's media are called as they are written, medium by medium.
    pub(crate) fn written_names<'d>(&self, draft: &'d Draft) -> Vec<Named<'d>> {
        let task = draft.task.as_deref().or(self.options.source.defaults.task.as_deref());
        let named =
            |medium: &'d DraftMedium| medium.items.iter().map(move |item| Named::new(medium, item, draft, task));
        draft.media.iter().flat_map(named).collect()
    }

    /// The address of a row that was met lately, and that nothing is to be done about.
    pub(crate) fn known(&self, table: Table, id: &str) -> Option<Address> {
        self.cached.get(table, id).filter(|_| !self.is_bare(table, id))
    }

    /// Whether the row of this id was met lately.
    pub(crate) fn is_met(&self, table: Table, id: &str) -> bool {
        self.cached.get(table, id).is_some()
    }

    /// Whether the row of this id was written by this import without bytes.
    fn is_bare(&self, table: Table, id: &str) -> bool {
        !self.bare.is_empty() && self.bare.contains_key(&self.identity(table, id))
    }

    /// What tells a row's id apart: of one row it is asked for again and again.
    fn identity(&self, table: Table, id: &str) -> Identity {
        let mut last = self.last_id.borrow_mut();
        match &mut *last {
            Some((of, known, identity)) if *of == table => {
                if known != id {
                    id.clone_into(known);
                    *identity = id_identity(table.name(), id);
                }
                *identity
            }
            last => last.insert((table, id.to_owned(), id_identity(table.name(), id))).2,
        }
    }

    /// Finds out what an item is, writing nothing.
    pub(crate) fn locate(&mut self, named: &Named<'_>, sink: &dyn Sink) -> Result<Located> {
        if let Some(address) = self.known(named.table, &named.id) {
            return Ok(Located::Known(address));
        }
        let known = sink.lookup(named.table, &self.options.source.id, &named.id)?;
        let held = match known {
            Some(_) if self.is_bare(named.table, &named.id) => Some(Held::Nothing),
            Some(address) => Some(self.held(sink, named.table, address)?),
            None => None,
        };
        if let Some(held) = held.as_ref().filter(|_| self.is_foreign) {
            self.note_clash(named, matches!(held, Held::Whole(_)));
        }
        match (known, held) {
            (Some(address), Some(Held::Whole(_))) => {
                return Ok(match &named.found {
                    Some(Resolved::File { path, size, .. }) if named.is_changed => {
                        Located::Changed(address, path.clone(), *size)
                    }
                    _ => Located::There(address),
                });
            }
            (Some(address), Some(Held::Broken(blob, error))) => {
                return self.broken(named, address, &blob, &error);
            }
            _ => {}
        }
        if let MediaItem::Absent(_) | MediaItem::Nameless(_) = named.item {
            let (kind, reason) = (Kind::MissingMedia, "its record names no file".to_owned());
            return Ok(match known {
                Some(address) => Located::StillMissing(address, kind, reason),
                None => Located::Missing(kind, reason),
            });
        }
        let Some(found) = self.file_of(named) else {
            return Ok(match (known, named.item) {
                (Some(address), MediaItem::Bytes { .. }) => Located::BytesNow(address),
                (Some(address), _) => Located::There(address),
                (None, _) => Located::Bytes,
            });
        };
        Ok(match (found, known) {
            (Resolved::File { path, size, .. }, Some(address)) => Located::FoundNow(address, path, size),
            (Resolved::File { path, size, respelled, .. }, None) => Located::New(path, size, respelled),
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

    /// Notes a picture or video that is called as one of another folder is, by no path of its own, and need not be that
    /// one: its file is another, or the row has no bytes that could tell.
    fn note_clash(&mut self, named: &Named<'_>, is_whole: bool) {
        let is_file = matches!(named.found, Some(Resolved::File { .. }));
        let may_be_another = if is_whole { named.is_changed } else { is_file && named.free_path().is_none() };
        if may_be_another && !self.is_bare(named.table, &named.id) {
            self.clash.get_or_insert_with(|| named.id.clone());
        }
    }

    /// What becomes of an item's path where media are looked for now; none where it has no path.
    fn file_of(&mut self, named: &Named<'_>) -> Option<Resolved> {
        let wanted = named.wanted.as_ref()?;
        Some(named.found.clone().unwrap_or_else(|| self.roots.readable(wanted)))
    }

    /// The file that a path means where media are looked for now.
    pub(crate) fn resolve(&mut self, path: &str) -> Resolved {
        self.roots.resolve(&Wanted::new(path))
    }

    /// The same, for the row of this id.
    pub(crate) fn resolve_of_row(&mut self, path: &str, id: &str) -> Resolved {
        self.roots.resolve(&Wanted::new(path).of_row(id))
    }

    /// Gives rows of before the bytes and all else that they lacked and that is here now.
    pub(crate) fn attach(&mut self, sink: &mut dyn Sink) -> Result<()> {
        let found = std::mem::take(&mut self.found);
        let (changes, extras) = (std::mem::take(&mut self.changes), std::mem::take(&mut self.extras));
        Late { found, changes, extras }.write(sink)
    }

    /// What came after its row in this import, to be put into the row once that is committed.
    pub(crate) fn take_late(&mut self) -> Late {
        let found = std::mem::take(&mut self.late);
        let (changes, extras) = (std::mem::take(&mut self.late_changes), std::mem::take(&mut self.late_extras));
        Late { found, changes, extras }
    }
}
