//! In which folder the pictures of a split lie, where file names repeat from split to split: `train2017/000001.png` and
//! `val2017/000001.png`, which `instances_train2017.json` and `instances_val2017.json` both call `000001.png`.
//!
//! A file whose name says its split has its pictures in the folders of that split and never in another's. One that says
//! none may mean any of them: then the address that a picture came from says which, or its size; where neither does, none
//! is taken.

use super::beside;
use crate::error::Result;
use crate::import::inputs::Input;
use crate::import::media::picture;
use crate::import::run::Run;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// The folders that the folders of splits may lie in.
const BETWEEN: [&str; 5] = ["", "images", "img_dir", "data", "frames"];
/// What the names of folders have that hold drawings of pictures, and not the pictures.
const DRAWN: [&str; 7] = ["mask", "semantic", "segment", "annot", "label", "depth", "ann_dir"];
/// How many entries of a folder are looked at.
const LISTED: usize = 100_000;

/// What a name says of a split.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Split {
    word: &'static str,
    /// The digits behind the word: `2017`.
    number: String,
    /// The two as they were written.
    written: String,
}

impl Split {
    /// The only split that a name speaks of.
    fn of(name: &str) -> Option<Self> {
        let mut found: Option<Self> = None;
        for part in name.split(|c: char| !c.is_ascii_alphanumeric()) {
            let word = part.trim_end_matches(|c: char| c.is_ascii_digit());
            let number = part.get(word.len()..).unwrap_or_default();
            let word = match word.to_ascii_lowercase().as_str() {
                "train" | "training" => "train",
                "val" | "valid" | "validation" => "val",
                "test" | "testing" => "test",
                _ => continue,
            };
            if found.as_ref().is_some_and(|found| found.word != word) {
                return None;
            }
            found.get_or_insert(Self { word, number: number.to_owned(), written: part.to_owned() });
        }
        found
    }

    fn fits(&self, other: &Self) -> bool {
        self.word == other.word && (self.number == other.number || self.number.is_empty() || other.number.is_empty())
    }
}

/// A folder of a split's pictures.
struct Folder {
    split: Split,
    /// Its path from the folder that pictures are looked for in.
    path: String,
}

/// Where a picture is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Where {
    /// Where its path alone leads, if anywhere.
    AsWritten,
    /// In the folder of a split, by its place among them.
    Split(usize),
    /// It should be in a folder of the file's split, and is in none.
    Nowhere,
    /// Folders of several splits have one of this name.
    Unclear,
}

/// The folders of splits around a file of annotations.
pub(super) struct Folders {
    /// The split that the file's name says.
    split: Option<Split>,
    folders: Vec<Folder>,
    /// Really: the file's own folder.
    own: Option<PathBuf>,
    /// Really: the folders that pictures are looked for in. What these are called says nothing of a picture.
    bases: Vec<PathBuf>,
}

impl Folders {
    /// Looks for them.
    pub(super) fn around(run: &Run<'_>, input: &Input) -> Self {
        let name = input.name.rsplit('/').next().unwrap_or_default();
        let own = input.path.canonicalize().ok().and_then(|path| path.parent().map(PathBuf::from));
        let around = run.folders_around(input);
        let bases = around.iter().filter_map(|base| base.canonicalize().ok()).collect();
        let mut found = Self { split: Split::of(name), folders: Vec::new(), own, bases };
        for base in around {
            for between in BETWEEN {
                found.list(&base, between);
            }
        }
        found
    }

    fn list(&mut self, base: &Path, between: &str) {
        let entries = std::fs::read_dir(base.join(between)).into_iter().flatten().flatten().take(LISTED);
        let mut names: Vec<String> = entries
            .filter(|entry| entry.file_type().is_ok_and(|kind| !kind.is_file()) && entry.path().is_dir())
            .filter(|entry| self.own.is_none() || entry.path().canonicalize().ok() != self.own)
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        names.sort_unstable();
        for name in names {
            let lower = name.to_ascii_lowercase();
            let Some(split) = Split::of(&name).filter(|_| !DRAWN.iter().any(|word| lower.contains(word))) else {
                continue;
            };
            let path = if between.is_empty() { name } else { format!("{between}/{name}") };
            if !self.folders.iter().any(|folder| folder.path == path) {
                self.folders.push(Folder { split, path });
            }
        }
    }

    /// Whether no picture can be in a folder of a split.
    pub(super) fn are_none(&self) -> bool {
        self.folders.is_empty() && self.split.is_none()
    }

    /// Where the picture of this path is. `url` is where it came from, and `size` what it is said to have.
    pub(super) fn find(
        &self,
        run: &mut Run<'_>,
        input: &Input,
        path: &str,
        url: Option<&str>,
        size: Option<(f64, f64)>,
    ) -> Result<Where> {
        if path.starts_with('/') || path.contains("://") {
            return Ok(Where::AsWritten);
        }
        let is_own = |folder: &Folder| self.split.as_ref().is_none_or(|split| split.fits(&folder.split));
        let mut hits: Vec<(usize, PathBuf)> = Vec::new();
        for (at, folder) in self.folders.iter().enumerate().filter(|(_, folder)| is_own(folder)) {
            if let Some(file) = run.place_of(&inside(&folder.path, path))
                && !hits.iter().any(|(_, other)| *other == file)
            {
                hits.push((at, file));
            }
        }
        if self.split.is_some() && !hits.is_empty() {
            return Ok(self.one_of(&hits, path, url, size));
        }
        let plain = run.place_of(path);
        let Some(split) = &self.split else {
            return Ok(match (plain, hits.as_slice()) {
                (_, []) => Where::AsWritten,
                // What lies where its path leads is meant.
                (Some(plain), hits) if !hits.iter().any(|(_, file)| *file == plain) => Where::AsWritten,
                (Some(_), [_]) => Where::AsWritten,
                (_, hits) => self.one_of(hits, path, url, size),
            });
        };
        let is_of_other = |file: &Path| {
            let folder = file.parent().unwrap_or(Path::new(""));
            let below = self.bases.iter().filter_map(|base| folder.strip_prefix(base).ok());
            let below = below.max_by_key(|below| below.components().count()).unwrap_or(folder);
            let names = below.iter().rev().filter_map(|name| Split::of(name.to_str()?));
            Some(folder) != self.own.as_deref() && names.take(1).any(|other| !split.fits(&other))
        };
        Ok(match plain {
            // It was nowhere when it was imported before, and has that id.
            Some(_) if run.has_frame(&self.id(input, path, Where::Nowhere))? => Where::Nowhere,
            Some(file) if !is_of_other(&file) => Where::AsWritten,
            None if path.contains(['/', '\\']) => Where::AsWritten,
            _ => Where::Nowhere,
        })
    }

    /// Which of the files it is.
    fn one_of(&self, hits: &[(usize, PathBuf)], path: &str, url: Option<&str>, size: Option<(f64, f64)>) -> Where {
        if let [(only, _)] = hits {
            return Where::Split(*only);
        }
        let from = |at: &usize| {
            let folder = self.folders.get(*at).and_then(|folder| folder.path.rsplit('/').next()).unwrap_or_default();
            url.is_some_and(|url| url.ends_with(&format!("/{}", inside(folder, path))))
        };
        let has_size = |file: &PathBuf| {
            let sides = File::open(file).ok().and_then(|file| picture::read(BufReader::new(file), "").size.ok());
            let sides = sides.map(|(width, height)| (f64::from(width), f64::from(height)));
            size.is_some() && sides == size
        };
        let only = |fitting: Vec<usize>| match fitting.as_slice() {
            [only] => Some(Where::Split(*only)),
            _ => None,
        };
        let by_url = hits.iter().map(|(at, _)| *at).filter(from).collect();
        let by_size = || hits.iter().filter(|(_, file)| has_size(file)).map(|(at, _)| *at).collect();
        // `train/` is nearer to `instances_train.json` than `lm_train/` is.
        let is_called_so = |at: &usize| {
            let name = self.folders.get(*at).and_then(|folder| folder.path.rsplit('/').next()).unwrap_or_default();
            self.split.as_ref().is_some_and(|split| split.written.eq_ignore_ascii_case(name))
        };
        let by_name = || hits.iter().map(|(at, _)| *at).filter(is_called_so).collect();
        only(by_url).or_else(|| only(by_size())).or_else(|| only(by_name())).unwrap_or(Where::Unclear)
    }

    /// The path of a picture, with the folder that it is in where it is in that of a split.
    pub(super) fn path(&self, path: &str, place: Where) -> Option<String> {
        match place {
            Where::Split(at) => self.folders.get(at).map(|folder| inside(&folder.path, path)),
            Where::Nowhere => self.split.as_ref().map(|split| inside(&split.written, path)),
            Where::AsWritten | Where::Unclear => None,
        }
    }

    /// The id of a picture: with the name of the split as the file says it, else with that of the folder, so that it is
    /// the same whether its file is there or not.
    pub(super) fn id(&self, input: &Input, path: &str, place: Where) -> String {
        let folder = match (place, &self.split) {
            (Where::AsWritten | Where::Unclear, _) => return beside(input, path),
            (_, Some(split)) => split.written.as_str(),
            (Where::Split(at), None) => self.folders.get(at).map_or("", |folder| &folder.path),
            (Where::Nowhere, None) => "",
        };
        let own = input.name.rsplit('/').nth(1).unwrap_or_default().to_ascii_lowercase();
        // The pictures are no annotations: they lie beside the folder of these.
        let out = if own.starts_with("annotation") || own == "labels" { "../" } else { "" };
        beside(input, &format!("{out}{}", inside(folder, path)))
    }

    /// The folders, for a message.
    pub(super) fn names(&self) -> String {
        let names: Vec<&str> = self.folders.iter().map(|folder| folder.path.as_str()).collect();
        names.join(", ")
    }
}

fn inside(folder: &str, path: &str) -> String {
    format!("{folder}/{}", path.trim().replace('\\', "/").trim_start_matches("./"))
}
