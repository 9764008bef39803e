//! What a run draws from: named selections of conversations with weights, and their form on disk.

use crate::dataset::{Dataset, Filter, Selection};
use crate::error::{Error, Result};
use crate::schema::tables::Table;
use crate::storage::publish::{create_dir_synced, publish_bytes};
use serde::{Deserialize, Serialize};
use std::path::Path;

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

/// Writes groups to a new folder: a selection's file for each, and last the list of them, without which the folder is none.
pub(super) fn save(groups: &[GroupSelection], mixture: bool, dir: &Path) -> Result<()> {
    if dir.join(LIST).exists() {
        return Err(Error::exists("groups are saved there already: name a new folder").in_file(dir));
    }
    if !dir.exists() {
        create_dir_synced(dir)?;
    }
    let mut list = Vec::new();
    for (at, group) in groups.iter().enumerate() {
        let file = format!("{at:04}.arrow");
        // What an attempt left that did not come to its end.
        match std::fs::remove_file(dir.join(&file)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::io("cannot write over it", error).in_file(dir.join(&file)));
            }
            _ => group.selection.save(dir.join(&file))?,
        }
        list.push(Saved { name: group.name.clone(), weight: group.weight, file });
    }
    let text = serde_json::to_vec_pretty(&List { mixture, groups: list })
        .map_err(|error| Error::invalid(error.to_string()))?;
    publish_bytes(dir, LIST, &text)
}

/// Reads groups that were saved, and whether they are a mixture.
pub(super) fn load(dir: &Path) -> Result<(Vec<GroupSelection>, bool)> {
    let path = dir.join(LIST);
    let text = std::fs::read(&path).map_err(|error| Error::io("cannot read the saved groups", error).in_file(&path))?;
    let list: List = serde_json::from_slice(&text)
        .map_err(|error| Error::corrupt(format!("it does not list saved groups: {error}")).in_file(&path))?;
    let group = |saved: Saved| {
        if Path::new(&saved.file).components().count() != 1 || saved.file.starts_with('.') {
            return Err(Error::corrupt(format!("{:?} is no file of this folder", saved.file)).in_file(&path));
        }
        let selection = Selection::load(dir.join(&saved.file))?;
        Ok(GroupSelection { name: saved.name, weight: saved.weight, selection })
    };
    Ok((list.groups.into_iter().map(group).collect::<Result<_>>()?, list.mixture))
}
