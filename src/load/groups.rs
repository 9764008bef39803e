//! What a run draws from: named selections of conversations with weights, and their form on disk.

use crate::dataset::{Dataset, Filter, Selection};
use crate::error::{Error, Result};
use crate::schema::tables::Table;
use crate::storage::publish::{create_dir_synced, publish_bytes, sync_dir, temporary_name};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::{fs, io};

/// The file that names the groups of a saved folder.
const LIST: &str = "groups.json";
/// The name of the group of a loader that was not given any.
pub(super) const ALL: &str = "all";

/// Some conversations that a run draws from, under a name and with a weight.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupSelection {
    /// Its name: what its order is keyed with, besides the seed.
    pub name: String,
    /// Its share: samples of it come `weight` times as often as those of a group of weight 1.
    pub weight: u64,
    /// Its conversations.
    pub selection: Selection,
}

/// What a group is drawn from, before the dataset is asked.
#[derive(Clone, Debug)]
pub(super) enum Samples {
    Filter(Filter),
    Selection(Selection),
}

impl Samples {
    /// The conversations that are meant, of those that `within` leaves.
    pub(super) fn resolve(&self, dataset: &Dataset, within: Option<&Selection>) -> Result<Selection> {
        let selection = match self {
            Self::Filter(filter) => dataset.select(Table::Conversations, filter)?,
            Self::Selection(selection) => fitting(dataset, selection)?.clone(),
        };
        match within {
            Some(within) => selection.and(within),
            None => Ok(selection),
        }
    }
}

fn fitting<'s>(dataset: &Dataset, selection: &'s Selection) -> Result<&'s Selection> {
    if selection.table() != Table::Conversations {
        return Err(Error::invalid(format!(
            "a loader reads conversations, and the selection is of {}",
            selection.table()
        )));
    }
    if selection.dataset_id() != dataset.manifest().dataset {
        return Err(Error::invalid(format!(
            "the selection was made from the dataset {}, and this one is {}",
            selection.dataset_id(),
            dataset.manifest().dataset
        )));
    }
    Ok(selection)
}

/// What the list says.
#[derive(Serialize, Deserialize)]
struct List {
    /// Whether they are drawn from by weight.
    mixture: bool,
    groups: Vec<Saved>,
}

#[derive(Serialize, Deserialize)]
struct Saved {
    name: String,
    weight: u64,
    file: String,
}

/// Writes groups to a new folder, or one that is empty: a selection's file for each, and the list of them. It has its name
/// once all of it is there.
pub(super) fn save(groups: &[GroupSelection], mixture: bool, dir: &Path) -> Result<()> {
    let taken = || Error::exists("there is something in the folder: name a new one for the groups").in_file(dir);
    match fs::read_dir(dir).map(|mut entries| entries.next().is_none()) {
        Ok(true) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) if error.kind() != io::ErrorKind::NotADirectory => {
            return Err(Error::io("cannot be the folder of the groups", error).in_file(dir));
        }
        _ => return Err(taken()),
    }
    // What a link leads to is renamed, not the link.
    let place = dir.canonicalize().unwrap_or_else(|_| dir.to_path_buf());
    // Another folder would take its place, and the process would stand in one that is deleted.
    if std::env::current_dir().and_then(fs::canonicalize).is_ok_and(|current| current == place) {
        return Err(Error::invalid("it is the current folder: name a new one for the groups").in_file(dir));
    }
    let Some(name) = place.file_name() else {
        return Err(Error::invalid("the folder of the groups needs a name").in_file(dir));
    };
    let temporary = place.with_file_name(temporary_name(&name.to_string_lossy())?);
    let written = write(groups, mixture, &temporary).and_then(|()| match fs::rename(&temporary, &place) {
        Ok(()) => place.parent().map_or(Ok(()), sync_named),
        Err(error) if matches!(error.kind(), io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists) => {
            Err(taken())
        }
        Err(error) => Err(Error::io("cannot give the folder its name", error).in_file(&place)),
    });
    if written.is_err() {
        let _ = fs::remove_dir_all(&temporary);
    }
    written
}

/// Brings a folder's names to the disk; the empty path is the current folder.
fn sync_named(dir: &Path) -> Result<()> {
    sync_dir(if dir.as_os_str().is_empty() { Path::new(".") } else { dir })
}

fn write(groups: &[GroupSelection], mixture: bool, dir: &Path) -> Result<()> {
    create_dir_synced(dir)?;
    let mut list = Vec::new();
    for (at, group) in groups.iter().enumerate() {
        let file = format!("{at:04}.arrow");
        group.selection.save(dir.join(&file))?;
        list.push(Saved { name: group.name.clone(), weight: group.weight, file });
    }
    let text = serde_json::to_vec_pretty(&List { mixture, groups: list })
        .map_err(|error| Error::invalid(error.to_string()))?;
    publish_bytes(dir, LIST, &text)
}

/// Reads groups that were saved, and whether they are a mixture.
pub(super) fn load(dir: &Path) -> Result<(Vec<GroupSelection>, bool)> {
    let path = dir.join(LIST);
    let text = fs::read(&path).map_err(|error| Error::io("cannot read the saved groups", error).in_file(&path))?;
    let list: List = serde_json::from_slice(&text)
        .map_err(|error| Error::corrupt(format!("it does not list saved groups: {error}")).in_file(&path))?;
    // Without weights all is drawn from one.
    if list.groups.is_empty() || !list.mixture && list.groups.len() > 1 {
        let count = list.groups.len();
        return Err(Error::corrupt(format!(
            "it lists {count} groups, and the loader that saved them had {}: save them anew, or name another folder",
            if list.mixture { "at least one" } else { "one" }
        ))
        .in_file(&path));
    }
    let group = |saved: Saved| {
        if Path::new(&saved.file).components().count() != 1 || saved.file.starts_with('.') {
            return Err(Error::corrupt(format!("{:?} is no file of this folder", saved.file)).in_file(&path));
        }
        let selection = Selection::load(dir.join(&saved.file))?;
        Ok(GroupSelection { name: saved.name, weight: saved.weight, selection })
    };
    Ok((list.groups.into_iter().map(group).collect::<Result<_>>()?, list.mixture))
}
