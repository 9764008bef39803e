//! Which file a missing picture or video is, from a CSV.

use crate::error::{Error, Result};
use crate::import::list;
use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

/// How many rows a list may have.
const ROW_LIMIT: usize = 1 << 24;

/// Files by the paths, or ids, that a dataset's pictures and videos have.
///
/// ```
/// let names = surgdb::import::FileNames::read("path,file\nraw/vid92.mp4,videos/092.mp4\n".as_bytes())?;
/// assert_eq!(names.len(), 1);
/// # Ok::<(), surgdb::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FileNames {
    entries: Vec<Entry>,
    /// The entries of a name: at most one a source, and one for all.
    by_path: HashMap<String, Vec<usize>>,
}

#[derive(Clone, Debug, PartialEq)]
struct Entry {
    source: Option<String>,
    path: String,
    file: String,
}

impl FileNames {
    /// Reads a CSV file.
    ///
    /// # Errors
    /// `Io`, `NotFound` when it cannot be read; else as [`FileNames::read`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let unreadable = |error| Error::io("cannot read the list of files", error).in_file(path);
        Self::read(std::fs::File::open(path).map_err(unreadable)?).map_err(|error| error.in_file(path))
    }

    /// Reads CSV text with the columns `path` (what the dataset has: a path, or an id where it has none) and `file`, and
    /// perhaps `source`, where sources have the same paths; `,`, `;` or tabs stand between them.
    ///
    /// # Errors
    /// `Invalid` with the line where a column is not there or not known, a value is empty, or a path means two files.
    pub fn read(reader: impl Read) -> Result<Self> {
        // Blanks at the ends may be the file's own.
        let (mut reader, header) = list::open(reader, csv::Trim::None)?;
        let header: Vec<&str> = header.iter().map(String::as_str).collect();
        for needed in ["path", "file"] {
            if header.iter().filter(|name| **name == needed).count() != 1 {
                return Err(Error::invalid(format!("the list of files needs one column `{needed}`")).at_line(1));
            }
        }
        if let Some(other) = header.iter().find(|name| !["path", "file", "source"].contains(name)) {
            let message = format!("the list of files has the columns path, file and perhaps source, and no {other:?}");
            return Err(Error::invalid(message).at_line(1));
        }
        let mut names = Self::default();
        let mut row = csv::StringRecord::new();
        while let Some(line) = list::next(&mut reader, &mut row)? {
            let cell = |name: &str| header.iter().zip(&row).find(|(column, _)| **column == name).map(|(_, cell)| cell);
            let source = cell("source").map(str::trim).filter(|source| !source.is_empty());
            let (path, file) = (cell("path").unwrap_or_default(), cell("file").unwrap_or_default());
            names.add(source, path, file).map_err(|error| error.at_line(line))?;
        }
        Ok(names)
    }

    fn add(&mut self, source: Option<&str>, path: &str, file: &str) -> Result<()> {
        if path.trim().is_empty() || file.trim().is_empty() {
            return Err(Error::invalid("an entry needs both a path and a file"));
        }
        if self.entries.len() >= ROW_LIMIT {
            return Err(Error::invalid(format!("more than {ROW_LIMIT} files are too many for a list")));
        }
        let known = self.by_path.entry(path.to_owned()).or_default();
        let same = known.iter().find_map(|at| self.entries.get(*at).filter(|known| known.source.as_deref() == source));
        if let Some(same) = same {
            let message = format!("{path:?} means the files {:?} and {file:?}", same.file);
            return if same.file == file { Ok(()) } else { Err(Error::invalid(message)) };
        }
        known.push(self.entries.len());
        self.entries.push(Entry { source: source.map(str::to_owned), path: path.to_owned(), file: file.to_owned() });
        Ok(())
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entry for this path or id of a source: the source's own, else the one for all.
    pub(super) fn find(&self, source: &str, name: &str) -> Option<usize> {
        let entries = self.by_path.get(name)?;
        let of = |wanted: Option<&str>| {
            entries.iter().copied().find(|at| self.entries.get(*at).is_some_and(|e| e.source.as_deref() == wanted))
        };
        of(Some(source)).or_else(|| of(None))
    }

    /// The file of an entry.
    pub(super) fn file(&self, entry: usize) -> Option<&str> {
        self.entries.get(entry).map(|entry| entry.file.as_str())
    }

    /// The path of an entry.
    pub(super) fn path(&self, entry: usize) -> Option<&str> {
        self.entries.get(entry).map(|entry| entry.path.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_that_contradict_themselves_are_refused_with_the_line() {
        for (text, message) in [
            ("path\nx\n", "line 1: the list of files needs one column `file`"),
            ("path,file,folder\nx,y,z\n", "line 1: the list of files has the columns path, file and perhaps source"),
            ("path,file\nx,\n", "line 2: an entry needs both a path and a file"),
            ("path,file\nx,a\nx,b\n", "line 3: \"x\" means the files \"a\" and \"b\""),
            ("path,file\nx,1,2\n", "line 2: CSV error"),
            ("path;file\nx;a,b\nx;c\n", "line 3: \"x\" means the files \"a,b\" and \"c\""),
        ] {
            let error = FileNames::read(text.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with(message), "{error}");
        }
    }

    #[test]
    fn a_sources_own_entry_goes_before_the_one_for_all() {
        let names = FileNames::read("\u{feff}source,path,file\r\n,x,a\r\ns,x,b\r\n,x,a\r\n".as_bytes()).unwrap();
        assert_eq!(names.len(), 2);
        let file = |source, path| names.find(source, path).and_then(|entry| names.file(entry));
        assert_eq!([file("s", "x"), file("t", "x"), file("s", "y")], [Some("b"), Some("a"), None]);
    }
}
