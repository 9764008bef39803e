//! Second copies of files, as downloads and file managers make them: `VID01 (1).json` beside `VID01.json`.

use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::Path;

/// The name of the file beside this one that it is a copy of, as its name and its bytes say.
pub(super) fn copied(path: &Path, name: &str) -> Option<String> {
    let first = original(name)?;
    let beside = path.with_file_name(&first);
    let length = |path: &Path| fs::metadata(path).ok().filter(fs::Metadata::is_file).map(|meta| meta.len());
    let is_copy = length(path)? == length(&beside)? && are_equal(path, &beside)?;
    is_copy.then_some(first)
}

/// What a file was called before it was copied, where its name says that it is a copy.
fn original(name: &str) -> Option<String> {
    let (stem, ending) = name.split_once('.').map_or((name, String::new()), |(stem, rest)| (stem, format!(".{rest}")));
    let number = |text: &str| text.strip_prefix('(')?.strip_suffix(')')?.parse::<u32>().ok();
    let numbered = stem.rsplit_once(' ').filter(|(_, last)| number(last).is_some()).map(|(stem, _)| stem);
    let bare = numbered.unwrap_or(stem);
    let copy = [" - Copy", " copy"].iter().find_map(|word| bare.strip_suffix(word));
    let stem = copy.or(numbered).filter(|stem| !stem.is_empty())?;
    Some(format!("{stem}{ending}"))
}

/// Whether two files have the same bytes; nothing where one cannot be read.
fn are_equal(one: &Path, other: &Path) -> Option<bool> {
    let mut one = BufReader::with_capacity(1 << 16, File::open(one).ok()?).bytes();
    let mut other = BufReader::with_capacity(1 << 16, File::open(other).ok()?).bytes();
    loop {
        match (one.next().transpose().ok()?, other.next().transpose().ok()?) {
            (None, None) => return Some(true),
            (first, second) if first != second => return Some(false),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_known_by_their_names() {
        for (name, first) in [
            ("VID01 (1).json", "VID01.json"),
            ("a b (12).json.gz", "a b.json.gz"),
            ("labels - Copy.csv", "labels.csv"),
            ("labels - Copy (2).csv", "labels.csv"),
            ("labels copy.csv", "labels.csv"),
        ] {
            assert_eq!(original(name).as_deref(), Some(first), "{name}");
        }
        for name in ["VID01.json", "VID01(1).json", "VID01 (a).json", " (1).json", "copy.csv", "photocopy.csv"] {
            assert_eq!(original(name), None, "{name}");
        }
    }
}
