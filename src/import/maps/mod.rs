//! Tables by map files: a TOML text says what the columns or fields of a file are, and what its rows become.
//!
//! `docs/maps.md` describes what a map may say. `text` has its keys, `model` checks them; `delimited` and `json` read
//! rows one by one, `row` and `value` look up what the map wants of them, and `taker` makes rows of a dataset of them:
//! recordings, pictures, statements or conversations. `shipped` are the maps of well-known sources, which are chosen for
//! a file where its name and its first rows leave no doubt. `propose` writes a first map for a file.

mod boxes;
mod clock;
mod conversation;
mod delimited;
mod json;
mod model;
mod propose;
mod read;
mod route;
mod row;
mod runs;
mod statement;
mod taker;
mod text;
mod value;

pub(super) use read::read;

use crate::error::{Error, Result};
use crate::import::source::{toml_fault, toml_text};
use model::Table;
use once_cell::race::OnceBox;
use std::path::Path;
use std::sync::Arc;

/// What inputs that a map reads are called where other inputs have a form.
pub(super) const FORM: &str = "map";

/// The maps that come with the crate.
const SHIPPED: [&str; 7] = [
    include_str!("shipped/activitynet.toml"),
    include_str!("shipped/ava.toml"),
    include_str!("shipped/cholec80.toml"),
    include_str!("shipped/cholec80-cvs.toml"),
    include_str!("shipped/kvasir-vqa.toml"),
    include_str!("shipped/multibypass140.toml"),
    include_str!("shipped/ophnet.toml"),
];

/// How the tables of a source are read: which files, what their rows are, and what they become.
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
}

/// The table of a map that a file is read by.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Chosen {
    pub(super) map: Arc<TableMap>,
    table: usize,
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
        let tables = model::tables(parsed)?;
        Ok(Self { name, about, text: plain.to_owned(), tables })
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

    /// Proposes a map for a file, by its name and its head: a start to correct and complete.
    ///
    /// # Errors
    /// `Io`, `NotFound` where the file cannot be read; `Input` where it has no rows.
    pub fn propose(path: impl AsRef<Path>) -> Result<String> {
        let path = path.as_ref();
        propose::propose(path).map_err(|error| error.in_file(path))
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
        self.tables.iter().flat_map(|table| &table.files).map(|pattern| pattern.as_str())
    }

    /// Whether it reads a file with this path, by its name.
    pub(super) fn reads(&self, path: &Path) -> bool {
        Table::position(&self.tables, path).is_some()
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
        match fitting.or_else(|| Table::position(&map.tables, path)) {
            Some(table) => Ok(Self { map: map.clone(), table }),
            None => {
                let patterns: Vec<&str> = map.files().collect();
                let patterns = patterns.join(", ");
                Err(Error::input(format!("the map {} does not read it: its `files` are {patterns}", map.name)))
            }
        }
    }
}

/// The shipped map that reads this file without doubt: the one, of all that its name fits, that finds in its first rows
/// what it needs.
pub(super) fn detect(path: &Path) -> Option<Chosen> {
    let maps = TableMap::shipped().iter();
    let mut fitting = maps.filter_map(|map| {
        let table = map.tables.iter().position(|table| read::fits(table, path))?;
        Some(Chosen { map: map.clone(), table })
    });
    let first = fitting.next()?;
    fitting.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests;
