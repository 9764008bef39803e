//! What is on the disk under a path: as it is written, or as the disk spells it; and nothing outside a root.

use super::{Resolved, Root, Roots};
use crate::import::media::wanted::{is_inside, percent_decoded};
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use unicode_normalization::UnicodeNormalization;

/// How many folders' listings are held for finding other spellings.
const LISTINGS: usize = 16;

impl Roots {
    /// The file in this root: as it is written, with its percent signs read, or in other letter case.
    pub(super) fn find_in(&mut self, root: &Root, relative: &Path) -> Option<Resolved> {
        if let Some(found) = self.check(root, &root.real.join(relative), None) {
            return Some(found);
        }
        let text = relative.to_str()?;
        let decoded = percent_decoded(text).filter(|decoded| is_inside(decoded));
        if let Some(decoded) = &decoded
            && let Some(found) = self.check(root, &root.real.join(decoded), Some(decoded.clone()))
        {
            return Some(found);
        }
        let spelled = self.respelled(&root.real, text).or_else(|| self.respelled(&root.real, &decoded?))?;
        self.check(root, &root.real.join(&spelled), Some(spelled))
    }

    /// Whether this file is there and inside the root.
    pub(super) fn check(&mut self, root: &Root, path: &Path, respelled: Option<String>) -> Option<Resolved> {
        let link = fs::symlink_metadata(path).ok()?;
        let outside = || Some(Resolved::Outside("a symbolic link leads out of the media root".into()));
        let (meta, real) = if link.is_symlink() {
            let Ok(real) = path.canonicalize() else {
                return Some(Resolved::Missing("the symbolic link leads nowhere".into()));
            };
            (fs::metadata(&real).ok()?, real)
        } else {
            let parent = self.real_parent(path.parent()?)?;
            (link, parent.join(path.file_name()?))
        };
        if !real.starts_with(&root.real) {
            return outside();
        }
        if !meta.is_file() {
            return Some(Resolved::Missing("it is a folder or a device, not a file".into()));
        }
        Some(Resolved::File { path: real, size: meta.len(), respelled, by_name: false })
    }

    /// Where a folder really is; folders come again and again.
    fn real_parent(&mut self, folder: &Path) -> Option<PathBuf> {
        if let Some(real) = self.real.get(folder) {
            return real.clone();
        }
        if self.real.len() >= 4096 {
            self.real.clear();
        }
        let real = folder.canonicalize().ok();
        self.real.insert(folder.to_path_buf(), real.clone());
        real
    }

    /// The path as the disk spells it, where it differs alone in letter case, or in how accents are written, and only one file
    /// does.
    fn respelled(&mut self, root: &Path, relative: &str) -> Option<String> {
        let mut folder = root.to_path_buf();
        let mut spelled = Vec::new();
        for part in relative.split('/') {
            let name = if fs::symlink_metadata(folder.join(part)).is_ok() {
                part.to_owned()
            } else {
                match self.listing(&folder)?.get(&spelling(part))?.as_slice() {
                    [only] => only.clone(),
                    _ => return None,
                }
            };
            folder.push(&name);
            spelled.push(name);
        }
        Some(spelled.join("/"))
    }

    fn listing(&mut self, folder: &Path) -> Option<&HashMap<String, Vec<String>>> {
        if !self.listings.contains_key(folder) {
            if self.listings.len() >= LISTINGS {
                self.listings.clear();
            }
            let mut names: HashMap<String, Vec<String>> = HashMap::new();
            for entry in fs::read_dir(folder).ok()?.flatten() {
                if let Ok(name) = entry.file_name().into_string()
                    && !name.starts_with("._")
                {
                    names.entry(spelling(&name)).or_default().push(name);
                }
            }
            self.listings.insert(folder.to_path_buf(), names);
        }
        self.listings.get(folder)
    }
}

/// A name whatever its letter case, and whether its accents are letters' own or stand behind them, as macOS writes them.
fn spelling(name: &str) -> String {
    name.to_lowercase().nfc().collect()
}
