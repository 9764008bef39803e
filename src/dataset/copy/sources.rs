//! What is known of sources goes with their rows: licences above all, and how they were imported.

use super::Copier;
use crate::error::{Error, Result};
use crate::format::manifest::Source;
use crate::vocab::licence;
use std::collections::BTreeSet;

impl Copier<'_> {
    /// The name that a source has in the target. At its first row its licence is held against the target's.
    pub(super) fn source(&mut self, id: &str) -> Result<String> {
        let name = self.options.sources.get(id).map_or(id, String::as_str).to_owned();
        if !self.sources.contains(id) {
            let here = self.from.manifest().source(id);
            let there = self.to.dataset().manifest().source(&name);
            if let (Some(here), Some(there)) = (here, there) {
                same_licence(here, there)?;
                if !self.options.same_names {
                    same_folders(here, there)?;
                }
            }
            let others = self.sources.iter().filter(|other| self.name_of(other) == name);
            for other in others.filter_map(|other| self.from.manifest().source(other)) {
                here.map_or(Ok(()), |here| same_licence(here, other))?;
            }
            self.sources.insert(id.to_owned());
        }
        Ok(name)
    }

    pub(super) fn name_of<'s>(&'s self, id: &'s str) -> &'s str {
        self.options.sources.get(id).map_or(id, String::as_str)
    }

    /// Puts what is known of the sources of new rows into the target, with the reports of their imports.
    pub(super) fn carry_sources(&mut self) -> Result<()> {
        let ids: Vec<String> = self.sources.iter().cloned().collect();
        for id in ids {
            let name = self.name_of(&id).to_owned();
            let known = self.to.dataset().manifest().source(&name).cloned().unwrap_or_default();
            let Some(mut source) = self.from.manifest().source(&id).cloned() else { continue };
            for import in &mut source.imports {
                if import.report.as_deref().is_some_and(|path| !self.carry_report(path)) {
                    import.report = None;
                    self.report.reports_left += 1;
                }
            }
            self.report.sources.insert(name.clone(), source.licence.clone().or_else(|| known.licence.clone()));
            // What the target says of a source already stays.
            let unless = |known: &Option<String>, new: Option<String>| if known.is_some() { None } else { new };
            self.to.join_source(Source {
                id: name,
                title: unless(&known.title, source.title),
                kind: if known.kind.is_some() { None } else { source.kind },
                licence: unless(&known.licence, source.licence),
                citation: unless(&known.citation, source.citation),
                url: unless(&known.url, source.url),
                imports: source.imports,
            });
        }
        Ok(())
    }

    /// Takes a report along, unless it may name records that are not copied, or is gone.
    fn carry_report(&mut self, path: &str) -> bool {
        let manifest = self.from.manifest();
        let is_whole =
            self.options.selection.is_none() && manifest.deletions.is_empty() && manifest.erasures.is_empty();
        let Some(entry) = manifest.reports.iter().find(|entry| entry.path == path).filter(|_| is_whole) else {
            return false;
        };
        let file = self.from.file_path(&entry.path);
        if std::fs::symlink_metadata(&file).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
            return false;
        }
        self.to.copied_report(entry, &file);
        true
    }
}

/// Two sources that become one must be of the same folders, where these are known: `1.png` of another is another picture.
fn same_folders(here: &Source, there: &Source) -> Result<()> {
    let folders = |source: &Source| -> BTreeSet<String> {
        source.imports.iter().flat_map(|import| &import.homes).map(|home| home.folder.clone()).collect()
    };
    let (ours, theirs) = (folders(here), folders(there));
    if ours.is_empty() || theirs.is_empty() || !ours.is_disjoint(&theirs) {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "the source {:?} and {:?} of the target were imported from other folders, so that what is called alike may be two \
         things: give it a name of its own (--as {}=NAME), or say that ids mean the same in both (--same-names)",
        here.id, there.id, here.id
    )))
}

/// Two sources that become one must have one licence: else rows would be under another one than theirs.
fn same_licence(here: &Source, there: &Source) -> Result<()> {
    let (Some(a), Some(b)) = (&here.licence, &there.licence) else { return Ok(()) };
    let is_same = a == b || licence(a).zip(licence(b)).is_some_and(|(a, b)| a.name == b.name);
    match is_same {
        true => Ok(()),
        false => Err(Error::invalid(format!(
            "the source {:?} has the licence {a:?}, and {:?} of the target has {b:?}: give it a name of its own \
             (--as {}=NAME)",
            here.id, there.id, here.id
        ))),
    }
}
