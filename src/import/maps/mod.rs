//! Tables and masks by map files: a TOML text says what the columns or fields of a file are, and what its rows become; or
//! what the colours of a mask are.
//!
//! `docs/maps.md` describes what a map may say. `text` has its keys, `model` checks them; `delimited` and `json` read
//! rows one by one, `row` and `value` look up what the map wants of them, and `taker` makes rows of a dataset of them:
//! recordings, pictures, statements or conversations. `masks` reads pictures by a table of colours. `shipped` are the maps
//! of well-known sources, which are chosen for a file where its name and its first rows, or its colours, leave no doubt.
//! `propose` writes a first map for a file.

mod around;
mod boxes;
mod clock;
mod conversation;
mod delimited;
mod json;
mod literal;
mod masks;
mod model;
mod propose;
mod read;
mod restated;
mod route;
mod row;
mod runs;
mod statement;
mod taker;
mod text;
mod value;

use crate::error::{Error, ErrorKind, Result};
use crate::import::inputs::Input;
use crate::import::run::Run;
use crate::import::source::{toml_fault, toml_text};
use masks::Masks;
pub(super) use masks::PaintedFolders;
use model::{Table, slashed};
use once_cell::race::OnceBox;
use std::path::Path;
use std::sync::Arc;

/// What inputs that a map reads are called where other inputs have a form.
pub(super) const FORM: &str = "map";

/// The maps that come with the crate.
const SHIPPED: [&str; 11] = [
    include_str!("shipped/activitynet.toml"),
    include_str!("shipped/ava.toml"),
    include_str!("shipped/cholec80.toml"),
    include_str!("shipped/cholec80-cvs.toml"),
    include_str!("shipped/cholecinstanceseg.toml"),
    include_str!("shipped/cholecseg8k.toml"),
    include_str!("shipped/endovis18.toml"),
    include_str!("shipped/imagefolder.toml"),
    include_str!("shipped/kvasir-vqa.toml"),
    include_str!("shipped/multibypass140.toml"),
    include_str!("shipped/ophnet.toml"),
];

/// How the tables and masks of a source are read: which files, what their rows or colours are, and what they become.
///
/// ```
/// use surgdb::import::TableMap;
/// let map = TableMap::from_toml(
///     r#"
///     name = "phases"
///     [[table]]
///     files = ["{video}.csv"]
///     form = "csv"
///     [[table.rows]]
///     become = "intervals"
///     video = "{file.video}"
///     start = "begin"
///     end = "end"
///     labels = [{ axis = "phase", raw = "phase" }]
///     "#,
/// )?;
/// assert_eq!(map.name(), "phases");
/// # Ok::<(), surgdb::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct TableMap {
    name: String,
    about: Option<String>,
    text: String,
    tables: Vec<Table>,
    masks: Vec<Masks>,
}

/// The table of a map, or its table of colours, that a file is read by.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Chosen {
    pub(super) map: Arc<TableMap>,
    part: Part,
}

impl Chosen {
    /// Whether both are one table of one map.
    pub(super) fn is_same_table(&self, other: &Self) -> bool {
        self.part == other.part && self.map.name() == other.map.name()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Part {
    Table(usize),
    Masks(usize),
}

impl TableMap {
    /// Reads a map.
    ///
    /// # Errors
    /// `Invalid`, with the line where one is at fault; an unknown key is named, with those that there are.
    pub fn from_toml(text: &str) -> Result<Self> {
        let plain = text.strip_prefix('\u{feff}').unwrap_or(text);
        let parsed: text::MapText = toml::from_str(plain).map_err(|error| toml_fault(&error, plain))?;
        let (name, about) = (parsed.name.clone(), parsed.about.clone());
        if name.is_empty() {
            return Err(Error::invalid("a map needs a name"));
        }
        if parsed.table.is_empty() && parsed.masks.is_empty() {
            return Err(Error::invalid("a map needs at least one [[table]], or [[masks]]"));
        }
        let tables = parsed.table.into_iter().map(Table::of).collect::<Result<_>>()?;
        let masks = parsed.masks.into_iter().map(Masks::of).collect::<Result<_>>()?;
        Ok(Self { name, about, text: plain.to_owned(), tables, masks })
    }

    /// Reads a map file.
    ///
    /// # Errors
    /// `Io` or `NotFound` when it cannot be read; else as [`TableMap::from_toml`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let text = toml_text(path, "map")?;
        Self::from_toml(&text).map_err(|error| error.in_file(path))
    }

    /// The maps that come with the crate.
    pub fn shipped() -> &'static [Arc<TableMap>] {
        static MAPS: OnceBox<Vec<Arc<TableMap>>> = OnceBox::new();
        MAPS.get_or_init(|| {
            let read =
                |text: &str| Arc::new(Self::from_toml(text).expect("the shipped maps are whole: a test reads them"));
            Box::new(SHIPPED.map(read).to_vec())
        })
    }

    /// The shipped map with this name, or else the map in the file with this path.
    ///
    /// # Errors
    /// `NotFound` where there is neither, naming the shipped ones; else as [`TableMap::open`].
    pub fn find(name: &str) -> Result<Arc<Self>> {
        if let Some(map) = Self::shipped().iter().find(|map| map.name == name) {
            return Ok(map.clone());
        }
        let path = Path::new(name);
        if !path.exists() {
            let names: Vec<&str> = Self::shipped().iter().map(|map| map.name()).collect();
            let names = names.join(", ");
            return Err(Error::not_found(format!(
                "there is no map {name:?}, as a file or shipped; shipped are {names}"
            )));
        }
        Self::open(path).map(Arc::new)
    }

    /// Proposes a map for a table, by its name and its head, or for a mask or a folder of masks, by their colours: a start
    /// to correct and complete.
    ///
    /// # Errors
    /// `Io`, `NotFound` where the file cannot be read; `Input` where it has no rows, or what a folder has is no mask.
    pub fn propose(path: impl AsRef<Path>) -> Result<String> {
        let path = path.as_ref();
        let proposal = if masks::is_mask(path) { masks::propose(path) } else { propose::propose(path) };
        let known = crate::import::inputs::read_by(path);
        match (proposal, known) {
            (Ok(text), Some(known)) => Ok(format!(
                "# `surgdb import` reads this file without a map, {known}. A map would read it otherwise.\n{text}"
            )),
            (Err(error), Some(known)) if error.kind() == ErrorKind::Input => {
                let message =
                    format!("`surgdb import` reads it without a map, {known}; as a table: {}", error.message());
                Err(Error::input(message).in_file(path))
            }
            (proposal, _) => proposal.map_err(|error| error.in_file(path)),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it reads, in a line.
    pub fn about(&self) -> Option<&str> {
        self.about.as_deref()
    }

    /// The text that it was read from.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The patterns of the names of its files.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        let masks = self.masks.iter().flat_map(|masks| &masks.files);
        self.tables.iter().flat_map(|table| &table.files).chain(masks).map(|pattern| pattern.as_str())
    }

    /// Whether it reads a file with this path, by its name.
    pub(super) fn reads(&self, path: &Path) -> bool {
        Table::position(&self.tables, path).is_some() || self.masks_of(&slashed(path)).is_some()
    }

    /// The number of the masks that a file with this path, with slashes, is one of, by its name.
    fn masks_of(&self, path: &str) -> Option<usize> {
        self.masks.iter().position(|masks| masks.captures(path).is_some())
    }
}

impl Chosen {
    /// The table of this map that reads a file with this path.
    ///
    /// # Errors
    /// `Input` where the file's name fits none.
    pub(super) fn of(map: &Arc<TableMap>, path: &Path) -> Result<Self> {
        // Where the names of two tables' files are alike, the first rows tell which one it is.
        let fitting = map.tables.iter().position(|table| read::fits(table, path));
        let table = fitting.or_else(|| Table::position(&map.tables, path)).map(Part::Table);
        match table.or_else(|| map.masks_of(&slashed(path)).map(Part::Masks)) {
            Some(part) => Ok(Self { map: map.clone(), part }),
            None => {
                let patterns: Vec<&str> = map.files().collect();
                let patterns = patterns.join(", ");
                Err(Error::input(format!("the map {} does not read it: its `files` are {patterns}", map.name)))
            }
        }
    }

    /// Whether it reads masks.
    pub(super) fn is_of_masks(&self) -> bool {
        matches!(self.part, Part::Masks(_))
    }

    /// Whether its rows become these, or some of them do.
    fn becomes(&self, kinds: &[text::Kind]) -> bool {
        let Part::Table(at) = self.part else { return false };
        self.map.tables.get(at).is_some_and(|table| table.sets.iter().any(|set| kinds.contains(&set.kind)))
    }

    /// What the sets of rows of its table are called.
    pub(super) fn set_names(&self) -> impl Iterator<Item = &str> {
        let table = if let Part::Table(at) = self.part { self.map.tables.get(at) } else { None };
        table.into_iter().flat_map(|table| &table.sets).map(|set| set.name.as_str())
    }

    /// Whether it is a list of pictures or recordings.
    pub(super) fn is_of_media(&self) -> bool {
        self.becomes(&[text::Kind::Videos, text::Kind::Frames])
    }

    /// Whether its rows become conversations.
    pub(super) fn is_of_conversations(&self) -> bool {
        self.becomes(&[text::Kind::Conversations])
    }
}

/// Imports a file by what was chosen for it; its digest and length.
pub(super) fn read(run: &mut Run<'_>, input: &Input, chosen: &Chosen) -> Result<(String, u64)> {
    let gone = || Error::invalid("the map has no such part");
    match chosen.part {
        Part::Table(table) => read::read(run, input, chosen.map.tables.get(table).ok_or_else(gone)?),
        Part::Masks(masks) => masks::read(run, input, chosen.map.masks.get(masks).ok_or_else(gone)?),
    }
}

/// The shipped map that reads this file without doubt: the one, of all that its name fits, that finds in its first rows
/// what it needs.
pub(super) fn detect(path: &Path) -> Option<Chosen> {
    let maps = TableMap::shipped().iter();
    let mut fitting = maps.filter_map(|map| {
        let table = map.tables.iter().position(|table| read::fits(table, path))?;
        Some(Chosen { map: map.clone(), part: Part::Table(table) })
    });
    let first = fitting.next()?;
    fitting.next().is_none().then_some(first)
}

/// Whether a file is called as a mask is that a shipped map reads.
pub(super) fn is_called_mask(path: &Path) -> bool {
    let path = slashed(path);
    TableMap::shipped().iter().any(|map| map.masks_of(&path).is_some())
}

/// The shipped maps that read these files, which are called as masks, without doubt: those whose colours the masks of a
/// kind have, and with them the pictures of the map that are kept and not read.
pub(super) fn detect_masks(paths: &[&Path]) -> Vec<Option<Chosen>> {
    let mut chosen = vec![None; paths.len()];
    let whole: Vec<String> = paths.iter().map(|path| slashed(path)).collect();
    for map in TableMap::shipped() {
        let kinds: Vec<Option<usize>> = whole.iter().map(|path| map.masks_of(path)).collect();
        let is_there = |kind: usize, masks: &Masks| {
            let of_kind = paths.iter().zip(&kinds).filter(|(_, of)| **of == Some(kind)).map(|(path, _)| *path);
            masks.has_colours() && masks::fitting(masks, of_kind)
        };
        let found: Vec<bool> = map.masks.iter().enumerate().map(|(kind, masks)| is_there(kind, masks)).collect();
        for (chosen, kind) in chosen.iter_mut().zip(&kinds) {
            let Some(kind) = *kind else { continue };
            let is_kept = map.masks.get(kind).is_some_and(|masks| !masks.has_colours()) && found.contains(&true);
            if chosen.is_none() && (is_kept || found.get(kind) == Some(&true)) {
                *chosen = Some(Chosen { map: map.clone(), part: Part::Masks(kind) });
            }
        }
    }
    chosen
}

#[cfg(test)]
mod tests;
