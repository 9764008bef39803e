//! Tags: names that users give to versions, so that a run's data is found again and stays.

use crate::dataset::claims::Claims;
use crate::dataset::{Dataset, commit, versions};
use crate::error::{Error, Result};
use crate::format::manifest::{Manifest, Operation};
use std::collections::BTreeMap;

/// How long the name of a tag may be, in bytes.
const NAME_MAX: usize = 100;

impl Dataset {
    /// Gives this version a name, in a new version; that one is opened. Nothing happens where it has the name already.
    ///
    /// A name is of letters, digits, `_`, `-`, `.` and `/`, does not begin with a mark other than `_`, and is no number.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let path = dir.path().join("a.surgdb");
    /// use surgdb::Dataset;
    /// let first = Dataset::create(&path)?;
    /// first.tag("paper")?;
    /// assert_eq!(Dataset::options().tag("paper").open(&path)?.version(), first.version());
    /// # Ok::<(), surgdb::Error>(())
    /// ```
    ///
    /// # Errors
    /// `Invalid` when it is no name for a tag; `Exists` when another version has it; `NotFound` when this version is no
    /// longer kept; `Conflict`, `Storage`, `Io`.
    pub fn tag(&self, name: &str) -> Result<Dataset> {
        self.set_tag(name, false)
    }

    /// Gives this version a name that another one may have until now.
    ///
    /// # Errors
    /// As [`Dataset::tag`], save for `Exists`.
    pub fn move_tag(&self, name: &str) -> Result<Dataset> {
        self.set_tag(name, true)
    }

    /// Takes a name away from the version that has it, in a new version; that one is opened.
    ///
    /// # Errors
    /// `NotFound` when no version has it; `Conflict`, `Storage`, `Io`.
    pub fn untag(&self, name: &str) -> Result<Dataset> {
        let operation = Operation::new("untag").with("tag", name);
        self.change_tags(operation, |tags| match tags.remove(name) {
            Some(_) => Ok(()),
            None => Err(Error::not_found(format!("no version has the tag {name:?}; {}", listed(tags)))),
        })
    }

    /// The tags of the dataset, as they are now, with the versions that have them.
    ///
    /// # Errors
    /// `Corrupt`, `Io` when the newest version cannot be read.
    pub fn tags(&self) -> Result<BTreeMap<String, u64>> {
        Ok(versions::newest(self.path())?.tags)
    }

    fn set_tag(&self, name: &str, moves: bool) -> Result<Dataset> {
        check_name(name)?;
        let version = self.version();
        let newest = versions::newest(self.path())?;
        if newest.tags.get(name) == Some(&version) {
            return self.reopened(newest);
        }
        let operation = Operation::new("tag").with("tag", name).with("version", version);
        self.change_tags(operation, |tags| {
            // Its manifest may have been dropped since it was opened.
            versions::read(self.path(), version)?;
            match tags.insert(name.to_owned(), version) {
                Some(other) if other != version && !moves => Err(Error::exists(format!(
                    "version {other} has the tag {name:?} already: move it, or take another name"
                ))),
                _ => Ok(()),
            }
        })
    }

    fn change_tags(
        &self,
        operation: Operation,
        change: impl Fn(&mut BTreeMap<String, u64>) -> Result<()>,
    ) -> Result<Dataset> {
        let build = |base: &Manifest, _: &mut Claims| {
            let mut next = Manifest { operation: operation.clone(), ..base.clone() };
            change(&mut next.tags)?;
            Ok(next)
        };
        let manifest = commit::commit(self.path(), &mut Claims::new(self.path())?, build)?;
        self.reopened(manifest)
    }
}

fn listed(tags: &BTreeMap<String, u64>) -> String {
    let names: Vec<&str> = tags.keys().map(String::as_str).collect();
    if names.is_empty() { "there are none".to_owned() } else { format!("they are {}", names.join(", ")) }
}

fn check_name(name: &str) -> Result<()> {
    let fits = |c: char| c.is_alphanumeric() || "_-./".contains(c);
    let begins = name.chars().next().is_some_and(|c| c.is_alphanumeric() || c == '_');
    let is_number = name.bytes().all(|byte| byte.is_ascii_digit());
    match begins && !is_number && name.len() <= NAME_MAX && name.chars().all(fits) {
        true => Ok(()),
        false => Err(Error::invalid(format!(
            "{name:?} is no name for a tag: use letters, digits, `_`, `-`, `.` and `/`, at most {NAME_MAX} bytes, not \
             digits alone, and begin with a letter, a digit or `_`"
        ))),
    }
}
