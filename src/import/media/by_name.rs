//! Files that are found by their names alone, and whether where one lies can be where a row says that it is.

use super::resolve::ends_with;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What the names of pictures end in.
const ENDINGS: [&str; 5] = ["png", "jpg", "jpeg", "bmp", "tif"];
/// How deep folders are searched by name.
const DEPTH_LIMIT: usize = 32;

/// What the names of folders have that hold drawings of pictures, under the pictures' own names, and not the pictures.
const DRAWN: [&str; 7] = ["mask", "semantic", "segment", "annot", "label", "depth", "groundtruth"];

/// What the names of folders have, or are, that say what they hold and not whose it is.
const HELD: [&str; 12] =
    ["ann", "coco", "json", "csv", "image", "img", "frame", "picture", "photo", "jpeg", "data", "video"];
const CALLED: [&str; 8] = ["raw", "gt", "xml", "txt", "png", "jpg", "rgb", "media"];

/// A folder whose files are found by their names, or the ends of their paths, alone; they are listed when the first is
/// looked for.
#[derive(Debug)]
pub(in crate::import) struct ByName {
    pub(in crate::import) folder: PathBuf,
    files: Option<HashMap<String, Vec<PathBuf>>>,
}

impl ByName {
    pub(in crate::import) fn new(folder: PathBuf) -> Self {
        Self { folder, files: None }
    }

    /// The files below the folder whose paths end so.
    pub(super) fn ending(&mut self, written: &str) -> Vec<&PathBuf> {
        let files = self.files.get_or_insert_with(|| files_below(&self.folder));
        let name = written.rsplit('/').next().unwrap_or_default();
        let named = files.get(name).into_iter().flatten();
        named.filter(|file| ends_with(&file.to_string_lossy(), written)).collect()
    }

    /// The pictures of this name, whatever their ending, below the nearest of these folders that has any.
    pub(in crate::import) fn nearest(&mut self, name: &str, folders: &[&Path]) -> Vec<PathBuf> {
        let files = self.files.get_or_insert_with(|| files_below(&self.folder));
        let endings = ENDINGS.iter().flat_map(|ending| [(*ending).to_owned(), ending.to_uppercase()]);
        let named: Vec<&PathBuf> =
            endings.filter_map(|ending| files.get(&format!("{name}.{ending}"))).flatten().collect();
        let below = |folder: &&Path| -> Vec<PathBuf> {
            named.iter().filter(|file| file.starts_with(folder)).map(|file| (*file).clone()).collect()
        };
        folders.iter().map(below).find(|found| !found.is_empty()).unwrap_or_default()
    }
}

/// The files below a folder by their names, save those in folders of masks and the like; links are not followed.
fn files_below(folder: &Path) -> HashMap<String, Vec<PathBuf>> {
    let mut files: HashMap<String, Vec<PathBuf>> = HashMap::new();
    let mut folders = vec![(folder.to_path_buf(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let (Ok(kind), Ok(name)) = (entry.file_type(), entry.file_name().into_string()) else { continue };
            if kind.is_dir() && depth < DEPTH_LIMIT && !is_drawn(&name) {
                folders.push((entry.path(), depth + 1));
            } else if kind.is_file() {
                files.entry(name).or_default().push(entry.path());
            }
        }
    }
    files
}

/// Whether a folder is called as one of masks and the like is. Pictures that have labels are no drawings.
pub(in crate::import) fn is_drawn(folder: &str) -> bool {
    let lower = folder.to_lowercase();
    let is_labelled = ["labeled", "labelled"].iter().any(|start| lower.starts_with(start));
    !is_labelled && DRAWN.iter().any(|word| lower.contains(word))
}

/// Whether a folder's name says what it holds, and not whose.
fn is_general(folder: &str) -> bool {
    let lower = folder.to_lowercase();
    let has_number = lower.contains(|c: char| c.is_ascii_digit());
    !has_number
        && (DRAWN.iter().chain(&HELD).any(|word| lower.contains(word)) || CALLED.iter().any(|word| lower == *word))
}

/// The folders of a path, outermost first.
fn folders(path: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    parts.pop();
    parts
}

/// Whether the folders of an id and those of a file are another recording's: below what they have in common, both have
/// folders that say whose it is, and none of the id's is among the file's. Both paths are from the same folder.
pub(super) fn is_elsewhere(id: &str, file: &str) -> bool {
    let (id, file) = (folders(id), folders(file));
    let common = id.iter().zip(&file).take_while(|(one, other)| one == other).count();
    let said = |folders: &[&str]| -> Vec<String> {
        let said = folders.iter().skip(common).filter(|folder| !is_general(folder));
        said.map(|folder| folder.to_lowercase()).collect()
    };
    let (id, file) = (said(&id), said(&file));
    !id.is_empty() && !file.is_empty() && !id.iter().any(|folder| file.contains(folder))
}

/// Whether the folders of an id that say whose it is are all among those of a file, in their order; there is at least one.
pub(crate) fn names_folders_of(id: &str, file: &Path) -> bool {
    let mut there = file.parent().into_iter().flat_map(Path::iter).map(|part| part.to_string_lossy().to_lowercase());
    let said: Vec<String> =
        folders(id).into_iter().filter(|folder| !is_general(folder)).map(str::to_lowercase).collect();
    !said.is_empty() && said.iter().all(|folder| there.any(|part| part == *folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_recordings_folder_is_told_from_one_that_says_what_it_holds() {
        for (id, file) in [
            ("video2/ann/1.png", "video1/img/1.png"),
            ("train/video2/1.png", "train/video1/img/1.png"),
            ("v2/1.jpg", "v1/1.jpg"),
        ] {
            assert!(is_elsewhere(id, file), "{id} {file}");
        }
        for (id, file) in [
            ("video1/ann/1.png", "video1/img/1.png"),
            ("coco/1.png", "VID03/img_dir/1.png"),
            ("annotations/1.png", "v1/1.png"),
            ("v1/1.png", "images/1.png"),
            ("1.png", "v1/1.png"),
            ("a/v1/1.png", "v1/b/1.png"),
        ] {
            assert!(!is_elsewhere(id, file), "{id} {file}");
        }
    }

    #[test]
    fn a_files_folders_hold_those_that_an_id_says() {
        let is_of = |id, file| names_folders_of(id, Path::new(file));
        assert!(is_of("v1/1.jpg", "/late/V1/1.jpg") && is_of("a/annotations/v1/1.jpg", "/a/b/v1/img/1.jpg"));
        assert!(!is_of("v1/1.jpg", "/late/v2/1.jpg") && !is_of("1.jpg", "/late/1.jpg"));
        assert!(!is_of("a/v1/1.jpg", "/v1/a/1.jpg") && !is_of("annotations/1.jpg", "/annotations/1.jpg"));
    }

    #[test]
    fn folders_of_drawings_are_not_searched_and_those_of_labelled_pictures_are() {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["masks", "labeled-images/polyps"] {
            fs::create_dir_all(dir.path().join(folder)).unwrap();
            fs::write(dir.path().join(folder).join("x.jpg"), b"x").unwrap();
        }
        let mut known = ByName::new(dir.path().to_path_buf());
        assert_eq!(known.ending("x.jpg"), [&dir.path().join("labeled-images/polyps/x.jpg")]);
    }
}
