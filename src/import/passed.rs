//! Files in named folders that no form reads, told by their endings.

use crate::import::report::Ignored;
use std::collections::BTreeMap;

/// How many files of an ending are named.
const NAMED: usize = 3;
/// How many endings are told apart.
const ENDINGS: usize = 64;
/// A longer ending is none: a name with a dot in it.
const LONGEST: usize = 16;

/// Counts of files by their endings; what it holds does not grow with how many there are.
#[derive(Debug, Default)]
pub(super) struct PassedOver(BTreeMap<String, Counted>);

#[derive(Debug, Default)]
struct Counted {
    files: u64,
    /// The first of them.
    names: Vec<String>,
}

impl PassedOver {
    /// Counts a file by its name, relative to the folder that was named.
    pub(super) fn note(&mut self, name: &str) {
        let file_name = name.rsplit('/').next().unwrap_or(name);
        let ending = file_name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
        let ending = ending.filter(|ending| !ending.is_empty() && ending.len() <= LONGEST);
        let mut pattern = ending.map_or_else(|| "files without an ending".to_owned(), |ending| format!("*.{ending}"));
        if self.0.len() >= ENDINGS && !self.0.contains_key(&pattern) {
            "files of further endings".clone_into(&mut pattern);
        }
        let counted = self.0.entry(pattern).or_default();
        counted.files += 1;
        if counted.names.len() < NAMED {
            counted.names.push(name.to_owned());
        }
    }

    /// What is told: an entry an ending, for this reason.
    pub(super) fn tell(self, reason: &str, ignored: &mut Vec<Ignored>) {
        for (pattern, Counted { files, names }) in self.0 {
            let is_all = names.len() as u64 == files;
            ignored.push(match names.as_slice() {
                [only] if is_all => Ignored { path: only.clone(), files, reason: reason.to_owned() },
                names => {
                    let such = if is_all { "" } else { "such as " };
                    Ignored {
                        path: pattern,
                        files,
                        reason: format!("{files} files, {reason}: {such}{}", names.join(", ")),
                    }
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_files_are_told_in_few_lines() {
        let mut passed = PassedOver::default();
        (0..40_000).for_each(|number| passed.note(&format!("a/{number:05}.xml")));
        (0..1000).for_each(|number| passed.note(&format!("x.e{number}")));
        ["notes.md", "LICENSE", "v1.a long name"].iter().for_each(|name| passed.note(name));
        let mut ignored = Vec::new();
        passed.tell("not read", &mut ignored);
        assert!(ignored.len() <= ENDINGS + 1, "{}", ignored.len());
        assert_eq!(ignored.iter().map(|file| file.files).sum::<u64>(), 41_003);
        let xml = ignored.iter().find(|file| file.path == "*.xml").unwrap();
        assert_eq!(
            (xml.files, xml.reason.as_str()),
            (40_000, "40000 files, not read: such as a/00000.xml, a/00001.xml, a/00002.xml")
        );
    }

    #[test]
    fn a_single_file_is_told_by_its_name() {
        let mut passed = PassedOver::default();
        ["a/notes.md", "LICENSE", "COPYING"].iter().for_each(|name| passed.note(name));
        let mut ignored = Vec::new();
        passed.tell("not read", &mut ignored);
        let told: Vec<(&str, &str)> = ignored.iter().map(|file| (file.path.as_str(), file.reason.as_str())).collect();
        let both = ("files without an ending", "2 files, not read: LICENSE, COPYING");
        assert_eq!(told, [("a/notes.md", "not read"), both]);
    }
}
