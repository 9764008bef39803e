//! What all versions must agree on: each manifest is held against those of the versions before it.

use crate::error::{Error, Result};
use crate::format::manifest::Manifest;
use std::collections::HashMap;

/// What the versions so far say.
#[derive(Default)]
pub struct History {
    dataset: Option<String>,
    /// The free number that the last version named.
    next: u32,
    /// Length and checksum of each file, by its path.
    files: HashMap<String, (u64, u32)>,
    /// Table and number of rows of each fragment.
    fragments: HashMap<u32, (String, u32)>,
}

impl History {
    /// Holds a manifest against those before it, and notes what it says; by version, the oldest first.
    ///
    /// # Errors
    /// `Corrupt` where it says otherwise of the dataset's id, of a file or of a fragment, or its free number fell.
    pub fn check(&mut self, manifest: &Manifest) -> Result<()> {
        let version = manifest.version;
        let before = format!("than the versions before {version}");
        let dataset = self.dataset.get_or_insert_with(|| manifest.dataset.clone());
        if *dataset != manifest.dataset {
            let what =
                format!("it is of the dataset {}, and the versions before {version} of {dataset}", manifest.dataset);
            return Err(wrong(&what));
        }
        if manifest.next < self.next {
            let what =
                format!("its `next` is {}, and was {} before: numbers could be used twice", manifest.next, self.next);
            return Err(wrong(&what));
        }
        self.next = manifest.next;
        let data = manifest.files.values().flatten().chain(manifest.columns.iter().flat_map(|column| &column.files));
        let data = data.map(|file| (&file.path, file.length, file.crc32));
        let index = manifest.index.iter().map(|run| (&run.path, run.length, run.crc32));
        let deletions = manifest.deletions.iter().map(|file| (&file.path, file.length, file.crc32));
        for (path, length, crc32) in data.chain(index).chain(deletions) {
            let known = self.files.entry(path.clone()).or_insert((length, crc32));
            if *known != (length, crc32) {
                return Err(wrong(&format!("it names another length or checksum of {path} {before}")));
            }
        }
        for (table, part) in manifest
            .files
            .iter()
            .flat_map(|(table, files)| files.iter().flat_map(|file| &file.fragments).map(move |part| (table, part)))
        {
            let number = part.fragment.get();
            let known = self.fragments.entry(number).or_insert_with(|| (table.clone(), part.rows));
            if (known.0.as_str(), known.1) != (table, part.rows) {
                let (table_before, rows) = known;
                return Err(wrong(&format!(
                    "fragment {number} has {} rows of {table}, and had {rows} of {table_before} before",
                    part.rows
                )));
            }
        }
        Ok(())
    }
}

fn wrong(what: &str) -> Error {
    Error::corrupt(format!("{what}: restore the manifest from a copy of the dataset"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::FragmentId;
    use crate::format::manifest::{FileEntry, FragmentRows};

    fn manifest(version: u64) -> Manifest {
        let fragment = FragmentId::new(2).unwrap();
        let file = FileEntry {
            path: "cases/000002.arrow".into(),
            length: 100,
            crc32: 7,
            fragments: vec![FragmentRows { fragment, rows: 3 }],
        };
        let mut manifest = Manifest::empty("d".repeat(32), "c".repeat(32), "2026-01-01T00:00:00Z");
        (manifest.version, manifest.next) = (version, 5);
        manifest.files.insert("cases".into(), vec![file]);
        manifest
    }

    fn refused(change: impl Fn(&mut Manifest)) -> String {
        let mut history = History::default();
        history.check(&manifest(2)).unwrap();
        history.check(&manifest(3)).unwrap();
        let mut other = manifest(4);
        change(&mut other);
        history.check(&other).unwrap_err().to_string()
    }

    fn file(manifest: &mut Manifest) -> &mut FileEntry {
        &mut manifest.files.get_mut("cases").unwrap()[0]
    }

    #[test]
    fn versions_that_disagree_are_told() {
        assert!(refused(|m| m.dataset = "e".repeat(32)).contains("of the dataset eeee"));
        assert!(refused(|m| m.next = 4).contains("`next` is 4"));
        assert!(refused(|m| file(m).crc32 = 8).contains("checksum of cases/000002.arrow"));
        assert!(refused(|m| file(m).length = 8).contains("length"));
        let renamed = |m: &mut Manifest| file(m).path = "cases/000003.arrow".into();
        let rows = refused(|m| {
            renamed(m);
            file(m).fragments[0].rows = 4;
        });
        assert!(rows.contains("fragment 2 has 4 rows of cases, and had 3 of cases before"), "{rows}");
        let moved = refused(|m| {
            renamed(m);
            let files = m.files.remove("cases").unwrap();
            m.files.insert("videos".into(), files);
        });
        assert!(moved.contains("rows of videos"), "{moved}");
    }
}
