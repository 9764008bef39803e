//! Files that were read before under another name, and other files under a name that was: records would be there twice,
//! or taken for others that have changed.

use super::Run;
use crate::error::{Error, Result};
use crate::import::format::Format;
use crate::import::inputs::Input;
use crate::import::maps;
use crate::import::options::OnChange;
use crate::import::report::{At, Kind, RecordCounts};
use serde::Deserialize;
use std::collections::{HashMap, HashSet};
use std::fs;

/// What this reads of an import's report.
#[derive(Deserialize)]
struct Told {
    inputs: Vec<ToldInput>,
}

#[derive(Deserialize)]
struct ToldInput {
    path: String,
    digest: String,
}

/// The files that were read, by their digests.
#[derive(Default)]
pub(super) struct KnownFiles {
    /// Those of this import, with their names.
    now: HashMap<String, String>,
    /// Those of imports before.
    before: Option<HashSet<String>>,
}

impl Run<'_> {
    /// Holds a file that was read against those of this import and of imports before; `before` are the counts without it.
    ///
    /// # Errors
    /// `Invalid` where its records would be there twice under other ids, or are called as those of another file, unless
    /// that was asked for.
    pub(super) fn check_known(&mut self, input: &Input, digest: &str, before: &RecordCounts) -> Result<()> {
        if is_of_one_picture(input) {
            return Ok(());
        }
        let now = &self.report.records;
        let (added, unchanged) = (now.added - before.added, now.unchanged - before.unchanged);
        let changed = now.changed_kept + now.replaced - before.changed_kept - before.replaced;
        let is_known = self.is_known(digest);
        if is_known && added > 0 && unchanged + changed == 0 && !self.options.again {
            let name = self.known_name(digest);
            if let Some(name) = name.as_deref().filter(|name| last_part(name) != last_part(&input.name)) {
                // Two recordings may be labelled alike, and files be called by their recordings.
                self.tell_same(input, format!("it has the bytes of {name}, which was imported before"));
                return Ok(());
            }
            let name = name.map_or_else(String::new, |name| format!(", as {name}"));
            return Err(Error::invalid(format!(
                "these bytes were imported into this source before{name}, and all of its records ({added}) would be added \
                 once more, under other ids. Ids start with a file's path from the folder that is named: name what was named \
                 then. Where its records were deleted since, or are meant to be there twice, --again takes them"
            )));
        }
        let is_judged = self.are_ids_numbers && self.options.on_change == OnChange::Report;
        if !is_known && is_judged && changed > unchanged {
            return Err(Error::invalid(format!(
                "of its records {} are there already, and {changed} of these with other content. They have no ids of their \
                 own, so that they are called by the file's name and their numbers: this is another file of that name, or \
                 records were put between those of before. Give another file another --source, or name the folder above \
                 them all at once; --on-change replace takes what it says in place of what is there, and --on-change keep \
                 leaves that",
                changed + unchanged
            )));
        }
        match self.known.now.get(digest).cloned() {
            Some(first) if added > 0 => {
                self.tell_same(input, format!("it has the bytes of {first}, which was read too"))
            }
            Some(_) => {}
            None => drop(self.known.now.insert(digest.to_owned(), input.name.clone())),
        }
        Ok(())
    }

    fn tell_same(&mut self, input: &Input, what: String) {
        let at = At { file: input.name.clone(), ..At::default() };
        self.report.find(
            Kind::SameFile,
            &at,
            format!("{what}: where both are of one recording, its records are there twice"),
        );
    }

    /// Whether an import into the source read these bytes.
    fn is_known(&mut self, digest: &str) -> bool {
        let source = self.sink.dataset().manifest().source(&self.options.source.id);
        let inputs = || source.into_iter().flat_map(|source| &source.imports).flat_map(|import| &import.inputs);
        let digests = self.known.before.get_or_insert_with(|| inputs().map(|input| input.digest.clone()).collect());
        digests.contains(digest)
    }

    /// What these bytes were called then, where that import's report is still there.
    fn known_name(&self, digest: &str) -> Option<String> {
        let dataset = self.sink.dataset();
        let imports = &dataset.manifest().source(&self.options.source.id)?.imports;
        let of = imports.iter().rev().find(|import| import.inputs.iter().any(|input| input.digest == digest))?;
        let report = fs::read(dataset.path().join(of.report.as_ref()?)).ok()?;
        let told: Told = serde_json::from_slice(&report).ok()?;
        told.inputs.into_iter().find(|input| input.digest == digest).map(|input| input.path)
    }
}

/// A file's name without its folders.
fn last_part(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Whether files of its form are about a picture each, so that two may say the same.
fn is_of_one_picture(input: &Input) -> bool {
    input.map.as_ref().is_some_and(maps::Chosen::is_of_masks)
        || matches!(input.format, Some(Format::LabelMe | Format::EndoVisVqa | Format::Media))
}
