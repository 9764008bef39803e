//! Where a row's file is: its id says more than its path where the path is a name alone.

use super::Run;
use crate::dataset::Dataset;
use crate::error::Result;
use crate::import::media::by_name::names_folders_of;
use crate::import::media::resolve::{Resolved, ends_with};
use crate::import::media::wanted::Wanted;
use crate::schema::record::{Identity, Keyed, id_identity};
use crate::schema::tables::Table;
use arrow_array::cast::AsArray;
use arrow_array::{Array, LargeStringArray};
use std::collections::HashMap;

/// How many pictures, and how many videos, of a dataset have a file name.
#[derive(Debug, Default)]
pub(super) struct Names(HashMap<Identity, u32, Keyed>);

impl Names {
    /// Counts the names of both tables; masks, which have their pictures' names, do not count.
    fn of(dataset: &Dataset) -> Result<Self> {
        let mut names = Self::default();
        for table in [Table::Videos, Table::Frames] {
            let columns: &[&str] = if table == Table::Frames { &["id", "path", "kind"] } else { &["id", "path"] };
            for piece in dataset.scan(table).columns(columns.iter().copied())?.batches() {
                let batch = piece?.batch;
                let texts = |column: &str| -> Option<&LargeStringArray> {
                    batch.column_by_name(column)?.as_string_opt::<i64>()
                };
                let kinds = batch.column_by_name("kind").map(|kinds| kinds_of(kinds.as_ref()));
                let (Some(ids), Some(paths)) = (texts("id"), texts("path")) else { continue };
                for (row, id) in ids.iter().enumerate() {
                    if kinds.as_ref().is_some_and(|kinds| kinds.get(row).is_some_and(|is_mask| *is_mask)) {
                        continue;
                    }
                    let path = if paths.is_null(row) { id } else { Some(paths.value(row)) };
                    *names.0.entry(name_in(table, path.unwrap_or_default())).or_default() += 1;
                }
            }
        }
        Ok(names)
    }

    /// How many have the name of this path.
    fn count(&self, table: Table, path: &str) -> u32 {
        self.0.get(&name_in(table, path)).copied().unwrap_or(0)
    }
}

/// Which rows are masks.
fn kinds_of(kinds: &dyn Array) -> Vec<bool> {
    let Some(kinds) = kinds.as_any_dictionary_opt() else { return Vec::new() };
    let keys = kinds.normalized_keys();
    let Some(values) = kinds.values().as_string_opt::<i32>() else { return Vec::new() };
    keys.into_iter().map(|key| key < values.len() && values.value(key) == "mask").collect()
}

/// What tells the file name of a path apart.
fn name_in(table: Table, path: &str) -> Identity {
    id_identity(table.name(), path.rsplit(['/', '\\']).next().unwrap_or_default())
}

impl Run<'_> {
    /// Finds the file of a row by its id, where that is a longer path than the one that the source wrote, else by that
    /// path.
    pub(super) fn find(&mut self, dataset: &Dataset, table: Table, id: &str, path: &str) -> Result<Resolved> {
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
        if !(*by_name || is_longer && is_name) {
            return Ok(found);
        }
        let names = match &mut self.repeated {
            Some(names) => names,
            none => none.insert(Names::of(dataset)?),
        };
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
