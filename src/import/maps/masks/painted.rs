//! Pictures that look like masks, and that no map reads.

use super::pixels::Pixels;
use crate::error::in_shell;
use crate::import::media::by_name::is_drawn;
use crate::import::report::{At, ImportReport, Kind};
use std::fs;
use std::path::{Path, PathBuf};

/// How many pictures of a folder are looked at for some that show anything.
const LOOKED_AT: u32 = 20;
/// So many that show something, and all in few colours, are enough.
const ENOUGH: u32 = 4;
/// More colours than a mask has, of a few hundred classes and instances at most.
const MANY: usize = 64;
/// A larger file is not looked at.
const LENGTH_LIMIT: u64 = 64 << 20;
/// Words of names that say the same as those of folders of drawings.
const WORDS: [&str; 4] = ["seg", "segs", "gt", "gts"];

/// Whether a file or a folder is called as masks are.
fn is_called(name: &str) -> bool {
    let lower = name.to_lowercase();
    is_drawn(name) || lower.split(|c: char| !c.is_alphanumeric()).any(|word| WORDS.contains(&word))
}

/// Pictures that are met folder by folder; it holds one folder's.
#[derive(Debug)]
pub(in crate::import) struct PaintedFolders {
    /// What became of them.
    fate: &'static str,
    folder: PathBuf,
    painted: Painted,
}

impl PaintedFolders {
    pub(in crate::import) fn new(fate: &'static str) -> Self {
        Self { fate, folder: PathBuf::new(), painted: Painted::default() }
    }

    /// Meets a picture of this name: its path from the folder that was named.
    pub(in crate::import) fn meet(&mut self, path: &Path, name: &str, report: &mut ImportReport) {
        let folder = path.parent().unwrap_or(Path::new(""));
        if folder != self.folder {
            self.finish(report);
            self.folder = folder.to_path_buf();
            let depth = name.matches('/').count() + 1;
            let real = folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
            let mut names = real.iter().rev().take(depth).map(|name| name.to_string_lossy());
            let called = names.find(|name| is_called(name)).map(|name| name.into_owned());
            self.painted = Painted { called, ..Painted::default() };
        }
        self.painted.meet(path, name.rsplit('/').next().unwrap_or(name));
    }

    /// Tells of the last folder's.
    pub(in crate::import) fn finish(&mut self, report: &mut ImportReport) {
        std::mem::take(&mut self.painted).tell(&self.folder, self.fate, report);
    }
}

/// The pictures of one folder that are called as masks are, and whether they are painted in few colours.
#[derive(Debug, Default)]
struct Painted {
    /// The folder, or that around it, that is called so.
    called: Option<String>,
    pictures: u64,
    first: String,
    looked_at: u32,
    /// How many of these show something.
    shown: u32,
    /// The most colours that one has.
    colours: usize,
}

impl Painted {
    fn meet(&mut self, path: &Path, name: &str) {
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        if !name.to_ascii_lowercase().ends_with(".png") || !(self.called.is_some() || is_called(stem)) {
            return;
        }
        self.pictures += 1;
        if self.pictures == 1 {
            name.clone_into(&mut self.first);
        }
        if self.colours > MANY || self.shown >= ENOUGH || self.looked_at >= LOOKED_AT {
            return;
        }
        self.looked_at += 1;
        // A photograph has more than can be counted.
        let colours = colours(path).unwrap_or(usize::MAX);
        self.shown += u32::from(colours > 1);
        self.colours = self.colours.max(colours);
    }

    /// Tells of them where they look like masks; `fate` is what became of them.
    fn tell(&self, folder: &Path, fate: &str, report: &mut ImportReport) {
        if self.shown == 0 || self.colours > MANY {
            return;
        }
        let called = match &self.called {
            Some(folder) => format!("they lie in a folder called {folder:?}"),
            None => format!("they are called so ({:?})", self.first),
        };
        let (pictures, what) = match self.pictures {
            1 => ("1 picture looks like a mask".to_owned(), "it has"),
            many => (format!("{many} pictures look like masks"), "those that were looked at have"),
        };
        let detail = format!(
            "{pictures}, and {fate}: {called}, and {what} {} colours at most. `surgdb map init {}` proposes a map that \
             says what each colour is: import with it (--map FILE; with --on-change replace where they are in the dataset \
             as pictures)",
            self.colours,
            in_shell(folder)
        );
        report.find(Kind::LooksLikeMasks, &At { file: folder.display().to_string(), ..At::default() }, detail);
    }
}

/// How many colours a PNG has; nothing where it cannot be read, or has too many to be painted.
fn colours(path: &Path) -> Option<usize> {
    if fs::metadata(path).ok()?.len() > LENGTH_LIMIT {
        return None;
    }
    Some(Pixels::of_png(&fs::read(path).ok()?, true).ok()?.colours.len())
}
