//! Where a row's file is: its id says more than its path where the path is a name alone.

use super::{Row, Run};
use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::import::media::by_name::names_folders_of;
use crate::import::media::resolve::{Resolved, ends_with};
use crate::import::media::wanted::Wanted;
use crate::schema::record::{Identity, Keyed, id_identity};
use crate::schema::tables::Table;
use arrow_array::cast::AsArray;
use arrow_array::{Array, LargeStringArray};
use std::collections::HashMap;

/// How many pictures, and how many videos, of a dataset have a file name, and how many of a source a path.
#[derive(Debug, Default)]
pub(super) struct Names {
    names: HashMap<Identity, u32, Keyed>,
    paths: HashMap<Identity, u32, Keyed>,
}

impl Names {
    /// Counts the names of both tables; masks, which have their pictures' names, do not count.
    fn of(dataset: &Dataset) -> Result<Self> {
        let mut names = Self::default();
        for table in [Table::Videos, Table::Frames] {
            let columns: &[&str] =
                if table == Table::Frames { &["id", "source", "path", "kind"] } else { &["id", "source", "path"] };
            for piece in dataset.scan(table).columns(columns.iter().copied())?.batches() {
                let batch = piece?.batch;
                let texts = |column: &str| -> Option<&LargeStringArray> {
                    batch.column_by_name(column)?.as_string_opt::<i64>()
                };
                let words = |column: &str| batch.column_by_name(column).map(|words| words_of(words.as_ref()));
                let (kinds, sources) = (words("kind"), words("source").unwrap_or_default());
                let (Some(ids), Some(paths)) = (texts("id"), texts("path")) else { continue };
                for (row, id) in ids.iter().enumerate() {
                    if kinds.as_ref().is_some_and(|kinds| kinds.get(row).is_some_and(|kind| *kind == "mask")) {
                        continue;
                    }
                    let path = if paths.is_null(row) { id } else { Some(paths.value(row)) }.unwrap_or_default();
                    *names.names.entry(name_in(table, path)).or_default() += 1;
                    let source = sources.get(row).copied().unwrap_or_default();
                    *names.paths.entry(path_in(table, source, path)).or_default() += 1;
                }
            }
        }
        Ok(names)
    }

    /// How many have the name of this path.
    fn count(&self, table: Table, path: &str) -> u32 {
        self.names.get(&name_in(table, path)).copied().unwrap_or(0)
    }

    /// How many of a source were written so.
    fn count_of_path(&self, table: Table, source: &str, path: &str) -> u32 {
        self.paths.get(&path_in(table, source, path)).copied().unwrap_or(0)
    }
}

/// The words of a dictionary's rows.
pub(in crate::import) fn words_of(words: &dyn Array) -> Vec<&str> {
    let Some(words) = words.as_any_dictionary_opt() else { return Vec::new() };
    let keys = words.normalized_keys();
    let Some(values) = words.values().as_string_opt::<i32>() else { return Vec::new() };
    keys.into_iter().map(|key| if key < values.len() { values.value(key) } else { "" }).collect()
}

/// What tells the path of a source apart.
fn path_in(table: Table, source: &str, path: &str) -> Identity {
    id_identity(table.name(), &format!("{source}\0{path}"))
}

/// What tells the file name of a path apart.
fn name_in(table: Table, path: &str) -> Identity {
    id_identity(table.name(), path.rsplit(['/', '\\']).next().unwrap_or_default())
}

/// How often names stand in the dataset.
fn names_of<'n>(known: &'n mut Option<Names>, dataset: &Dataset) -> Result<&'n Names> {
    Ok(match known {
        Some(names) => names,
        none => none.insert(Names::of(dataset)?),
    })
}

impl Run<'_> {
    /// Holds a path that the list has against the rows that were written so.
    ///
    /// # Errors
    /// `Invalid` where they are several.
    pub(super) fn check_listed(&mut self, dataset: &Dataset, table: Table, row: &Row, path: &str) -> Result<()> {
        if self.options.one_folder {
            return Ok(());
        }
        let alike = names_of(&mut self.repeated, dataset)?.count_of_path(table, &row.source, path);
        match alike {
            0 | 1 => Ok(()),
            _ => Err(Error::invalid(format!(
                "{path:?} in the list of files is the path of {alike} pictures or videos of {}: list their ids, such as \
                 {:?}; or --one-folder says that they are one",
                row.source, row.id
            ))),
        }
    }

    /// Finds the file of a row by its id, where that is a longer path than the one that the source wrote, else by that
    /// path.
    pub(super) fn find(&mut self, dataset: &Dataset, table: Table, row: &Row, path: &str) -> Result<Resolved> {
        let id = row.id.as_str();
        let wanted = Wanted::new(path);
        let is_longer = id != wanted.id && (wanted.climbs() || ends_with(id, &wanted.id));
        if is_longer {
            let found = self.roots.led_to(&Wanted::new(id));
            if let Resolved::File { .. } = found {
                return Ok(found);
            }
        }
        let found = self.roots.readable(&wanted.of_row(id));
        let Resolved::File { path: file, by_name, .. } = &found else { return Ok(found) };
        let is_name = !path.contains(['/', '\\']);
        if let Resolved::File { respelled: Some(inside), by_name: true, .. } = &found
            && inside != id
            && dataset.find_in(table, &row.source, inside)?.is_some()
        {
            let message = format!("the only file of this name is that of {inside:?}, as its path says");
            return Ok(Resolved::Missing(message));
        }
        let may_be_others = !by_name && !self.options.one_folder && !names_folders_of(id, file);
        let is_named = *by_name || is_longer && is_name;
        if !may_be_others && !is_named {
            return Ok(found);
        }
        let names = names_of(&mut self.repeated, dataset)?;
        let alike = names.count_of_path(table, &row.source, path);
        if may_be_others && alike > 1 {
            let message = format!(
                "{} lies where the paths of {alike} pictures or videos of {} lead, which are written alike: --names says \
                 which one's it is, by its id; --one-folder says that it is all of theirs",
                file.display(),
                row.source
            );
            return Ok(Resolved::Missing(message));
        }
        if !is_named {
            return Ok(found);
        }
        let count = names.count(table, path);
        if count > 1 && !names_folders_of(id, file) {
            let message = format!(
                "{} is of this name, as {count} rows are, and its folders are not those that the id says: --names says \
                 which row's it is",
                file.display()
            );
            return Ok(Resolved::Missing(message));
        }
        let owner = self.given.entry(file.clone()).or_insert_with(|| id.to_owned());
        if owner != id {
            let message =
                format!("{} was given to {owner:?}, by its name alone: --names says whose it is", file.display());
            return Ok(Resolved::Missing(message));
        }
        Ok(found)
    }
}
