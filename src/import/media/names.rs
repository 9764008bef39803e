//! What the rows of pictures and videos are called.

use crate::import::draft::{Draft, DraftMedium, FileFields, MediaItem, MediaKind};
use crate::import::media::resolve::Resolved;
use crate::import::media::wanted::Wanted;
use crate::import::pattern::{Names, Pattern};
use crate::schema::tables::Table;

/// A medium's item by the name of its row.
#[derive(Clone, Debug)]
pub(crate) struct Named<'d> {
    pub(crate) table: Table,
    pub(crate) id: String,
    pub(super) item: &'d MediaItem,
    pub(super) wanted: Option<Wanted>,
    /// Its path with slashes, where its id is another.
    place: Option<String>,
    pub(super) frame_kind: &'static str,
    /// What the record says of it.
    pub(super) said: Option<&'d FileFields>,
    /// The id as the record writes it, where its row has another.
    base: Option<String>,
    /// Whether its row has another id because the one that is written is another file's.
    pub(super) is_apart: bool,
    /// Whether its row has another id because its file is missing, and another folder's has the one that is written.
    pub(super) is_parted: bool,
    /// Whether its path alone says what it is called: no id stands beside it.
    is_free: bool,
    /// Whether its row has other bytes of before than its file has now.
    pub(super) is_changed: bool,
    /// Further rows that stand for its file, besides the one that was taken.
    pub(super) twins: Vec<String>,
    /// What became of its path, where it was looked for.
    pub(super) found: Option<Resolved>,
}

impl<'d> Named<'d> {
    /// The name of an item of a medium; `task` says what kind of picture an answer is.
    pub(super) fn new(medium: &DraftMedium, item: &'d MediaItem, draft: &'d Draft, task: Option<&str>) -> Self {
        let is_video = medium.kind == MediaKind::Video && !medium.of_frames;
        let table = if is_video { Table::Videos } else { Table::Frames };
        Self { frame_kind: if medium.output { output_kind(task) } else { "rgb" }, ..Self::of(table, item, draft) }
    }

    /// The name of an item that is a row of this table.
    pub(crate) fn of(table: Table, item: &'d MediaItem, draft: &'d Draft) -> Self {
        let said = match item {
            MediaItem::Path(key) | MediaItem::Bytes { path: Some(key), .. } => draft.files.get(key),
            MediaItem::Unnamed(key) | MediaItem::Absent(key) | MediaItem::Nameless(key) => draft.files.get(key),
            MediaItem::Bytes { path: None, .. } | MediaItem::Held { .. } => None,
        };
        let named = Self::said(table, item, said);
        // What this crate wrote says which ids are no paths.
        Self { is_free: named.is_free && !draft.is_ours, ..named }
    }

    /// The same of one of which this is said.
    pub(crate) fn said(table: Table, item: &'d MediaItem, said: Option<&'d FileFields>) -> Self {
        let mut place = None;
        let (id, wanted) = match item {
            MediaItem::Path(path) => {
                let wanted = Wanted::new(path);
                let id = match said.and_then(|said| said.id.as_ref()) {
                    Some(id) => id.clone(),
                    None if wanted.id.is_empty() => path.trim().to_owned(),
                    None => wanted.id.clone(),
                };
                let wanted = wanted.of_row(&id);
                (id, Some(wanted))
            }
            MediaItem::Bytes { bytes, path, .. } => {
                let digest = blake3::hash(bytes);
                place = path.as_ref().map(|path| Wanted::new(path).id).filter(|id| !id.is_empty());
                let id = match (said.and_then(|said| said.id.clone()), &place) {
                    (Some(id), _) => id,
                    // Names come again, in every video's folder: what tells them apart are their bytes.
                    (None, Some(place)) => own_id(place, &digest),
                    (None, None) => format!("data:{}", digest.to_hex().as_str().get(..32).unwrap_or_default()),
                };
                (id, None)
            }
            // None is left where rows are named.
            MediaItem::Held { mark, .. } => (mark.clone(), None),
            MediaItem::Unnamed(id) | MediaItem::Absent(id) => (id.clone(), None),
            MediaItem::Nameless(name) => (said.and_then(|said| said.id.as_ref()).unwrap_or(name).clone(), None),
        };
        Named {
            table,
            id,
            item,
            wanted,
            place,
            frame_kind: "rgb",
            said,
            base: None,
            is_apart: false,
            is_parted: false,
            is_free: matches!(item, MediaItem::Path(_)) && said.is_none_or(|said| said.id.is_none()),
            is_changed: false,
            twins: Vec::new(),
            found: None,
        }
    }

    /// Gives it the id of the row that it means.
    pub(super) fn rename(&mut self, id: String) {
        if self.id != id {
            let written = std::mem::replace(&mut self.id, id);
            if self.place.is_none() {
                self.place = Some(written.clone());
            }
            self.base.get_or_insert(written);
        }
    }

    /// The id as the record writes it.
    pub(crate) fn written_id(&self) -> &str {
        self.base.as_ref().unwrap_or(&self.id)
    }

    /// Whether a row of this id may be the one that is meant, whose path from the home is this: it is the
    /// one of that or the written id, or one beside it.
    pub(super) fn may_be(&self, id: &str, from_home: Option<&str>) -> bool {
        let mut written = [Some(self.written_id()), from_home].into_iter().flatten();
        written.any(|written| id.strip_prefix(written).is_some_and(|rest| rest.is_empty() || rest.starts_with('#')))
    }

    /// Whether a row of this id, whose path is this, may be the one that is meant: its id is the path with folders before
    /// it, as they are seen from another folder that was named.
    pub(super) fn may_be_further_in(&self, id: &str, path: Option<&str>) -> bool {
        let id = id.rsplit_once('#').map_or(id, |(id, _)| id);
        let is_so = |wanted: &Wanted| id.strip_suffix(&wanted.id).is_some_and(|folders| folders.ends_with('/'));
        self.is_free && path.is_some() && path == self.path() && self.wanted.as_ref().is_some_and(is_so)
    }

    /// Its path, where that starts beside the record and is all that says what it is called.
    pub(super) fn free_path(&self) -> Option<&Wanted> {
        self.wanted.as_ref().filter(|wanted| self.is_free && !wanted.is_absolute() && !wanted.id.is_empty())
    }

    /// Its path, where it has one.
    pub(super) fn wanted(&self) -> Option<&Wanted> {
        self.wanted.as_ref()
    }

    /// Whether its file was found by its name alone.
    pub(super) fn is_by_name(&self) -> bool {
        matches!(self.found, Some(Resolved::File { by_name: true, .. }))
    }

    /// The path as the record wrote it, or what it is called there where there is none.
    pub(crate) fn written(&self) -> &str {
        match self.item {
            MediaItem::Nameless(name) => name,
            _ => self.path().unwrap_or(&self.id),
        }
    }

    /// The path as the record wrote it.
    pub(super) fn path(&self) -> Option<&'d str> {
        match self.item {
            MediaItem::Path(path) | MediaItem::Bytes { path: Some(path), .. } => Some(path),
            _ => None,
        }
    }

    /// The path that speaks of its video, its patient and its number.
    pub(super) fn place(&self) -> &str {
        self.place.as_ref().unwrap_or(&self.id)
    }

    /// The same as it starts in the home of the file that names it, where that is known.
    pub(super) fn place_from_home(&self) -> &str {
        self.id.rsplit_once('#').map_or(&*self.id, |(path, _)| path)
    }

    /// What a pattern reads from its path; from the folders that its record lies in too, where it does not match otherwise.
    pub(super) fn read_by(&self, pattern: &Pattern) -> Option<Names<'_>> {
        pattern.names(self.place()).or_else(|| pattern.names(self.place_from_home()))
    }

    /// The name of the file without its ending.
    pub(super) fn stem(&self) -> &str {
        let name = self.place().rsplit('/').next().unwrap_or_default();
        name.rsplit_once('.').map_or(name, |(stem, _)| stem)
    }
}

/// The id of a file or bytes that a path alone does not tell apart.
pub(super) fn own_id(path: &str, digest: &blake3::Hash) -> String {
    format!("{path}#{}", digest.to_hex().as_str().get(..16).unwrap_or_default())
}

/// A row's name in record digests: source, a zero byte, id.
pub(crate) fn name_of(source: &str, id: &str) -> Vec<u8> {
    [source.as_bytes(), &[0], id.as_bytes()].concat()
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
