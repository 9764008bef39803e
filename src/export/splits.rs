//! The parts of the split, under names that are files' names anywhere, and that Hugging Face's `datasets` takes for parts.

use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::export::addresses_of;
use crate::format::Address;
use std::collections::{BTreeMap, BTreeSet};

/// How many parts may be written side by side.
const PARTS_MAX: usize = 32;

/// What each part of the split is called in the export.
pub(super) struct Splits {
    /// By the name in the dataset.
    names: BTreeMap<Option<String>, String>,
}

impl Splits {
    /// The parts that these conversations are in; what is in none is called `unassigned`, or `all` where none is in any.
    ///
    /// # Errors
    /// `Invalid` when there are too many; `Corrupt`, `Deleted`, `NotInVersion`.
    pub(super) fn of(dataset: &Dataset, selection: Option<&[Address]>, all: &str) -> Result<Self> {
        let mut parts: BTreeSet<Option<String>> = BTreeSet::new();
        for address in addresses_of(dataset, selection)?.1 {
            let row = dataset.conversation_at(address?)?;
            let part = row.split()?.filter(|part| !part.is_empty());
            if !parts.iter().any(|known| known.as_deref() == part) {
                parts.insert(part.map(str::to_owned));
            }
            if parts.len() > PARTS_MAX {
                let message = format!("the split has more than {PARTS_MAX} parts: export some of them, with --split");
                return Err(Error::invalid(message));
            }
        }
        let is_split = parts.iter().any(Option::is_some);
        parts.extend((parts.is_empty()).then_some(None));
        let mut taken = BTreeSet::new();
        let mut name = |part: &Option<String>| {
            let wanted = match part {
                Some(part) => clean(part),
                None if is_split => "unassigned".to_owned(),
                None => all.to_owned(),
            };
            let mut tries = std::iter::once(wanted.clone()).chain((2..).map(|number| format!("{wanted}_{number}")));
            // Some file systems do not tell case apart.
            tries.find(|name| taken.insert(name.to_lowercase())).unwrap_or_default()
        };
        let names = parts.into_iter().map(|part| (name(&part), part)).map(|(name, part)| (part, name)).collect();
        Ok(Self { names })
    }

    /// The names in the export.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.values().map(String::as_str)
    }

    /// The name in the export of a part.
    pub(super) fn name_of(&self, part: Option<&str>) -> &str {
        let found = self.names.iter().find(|(known, _)| known.as_deref() == part);
        found.map_or("", |(_, name)| name)
    }
}

/// A name that `datasets` takes for a part: letters, digits and underscores.
fn clean(part: &str) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let name: String = part.chars().take(64).map(|c| if is_word(c) { c } else { '_' }).collect();
    // It stands for all parts together there.
    if name == "all" { "all_".into() } else { name }
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn parts_have_names_that_are_files_and_words() {
        for (part, name) in [("train", "train"), ("fold 1", "fold_1"), ("../x", "___x"), ("all", "all_"), ("é", "_")] {
            assert_eq!(clean(part), name);
        }
    }
}
