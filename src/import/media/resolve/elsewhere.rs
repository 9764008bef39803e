//! Where a file may be that does not lie where its path leads in a root: in folders of the same names, above its record,
//! at the end of a path of another machine, or wherever one of its name is.

use super::{Resolved, Root, Roots};
use crate::import::media::by_name::is_elsewhere;
use crate::import::media::resolve::ends_with;
use crate::import::media::wanted::{Wanted, is_inside};
use std::fs;
use std::path::{Path, PathBuf};

impl Roots {
    /// The only file of the media roots that the end of an absolute path leads to, the longest that leads to any: such a path
    /// may be another machine's. A name alone says too little, save in a folder that is called as the path's.
    pub(super) fn by_end(&mut self, wanted: &Wanted) -> Resolved {
        let outside = "it is an absolute path outside the media roots";
        if fs::symlink_metadata(&wanted.id).is_ok() {
            return Resolved::Outside(format!("{outside}: --media-root FOLDER lets it in, where FOLDER holds it"));
        }
        let parts: Vec<&str> = wanted.id.split('/').filter(|part| !part.is_empty() && !part.ends_with(':')).collect();
        for from in 0..parts.len() {
            let end = parts.get(from..).unwrap_or_default().join("/");
            let folder = from.checked_sub(1).and_then(|at| parts.get(at));
            let mut found: Vec<(PathBuf, u64)> = Vec::new();
            for root in self.roots.clone().iter() {
                let may_be = end.contains('/') || folder.is_some_and(|folder| root.real.ends_with(folder));
                if may_be
                    && is_inside(&end)
                    && let Some(Resolved::File { path, size, .. }) = self.check(root, &root.real.join(&end), None)
                    && !found.iter().any(|(known, _)| *known == path)
                {
                    found.push((path, size));
                }
            }
            match found.pop() {
                None => {}
                Some((path, size)) if found.is_empty() => {
                    return Resolved::File { path, size, respelled: Some(end), by_name: true };
                }
                Some(_) => {
                    let count = found.len() + 1;
                    return Resolved::Missing(format!("{outside}, and {count} files in them have the end {end:?}"));
                }
            }
        }
        let end = parts.get(parts.len().saturating_sub(2)..).unwrap_or_default().join("/");
        Resolved::Outside(format!(
            "{outside}, and none of these has the end of it: --media-root FOLDER finds it, where FOLDER holds {end:?} or a \
             longer end, or attach --names"
        ))
    }

    /// The file in a media root that has folders as those in which the records lie: it says more than the path alone. Where
    /// a root has such a folder, a name alone is looked for there only.
    pub(super) fn mirrored(&mut self, wanted: &Wanted) -> Option<Resolved> {
        let (roots, own) = (self.roots.clone(), self.file.real.clone());
        let mut others = roots.iter().filter(|root| root.real != own);
        if let Some(row) = wanted.row.as_deref() {
            let has_folders = row.strip_suffix(&*wanted.id).is_some_and(|folders| folders.ends_with('/'));
            if !has_folders || !is_inside(row) {
                return None;
            }
            let found = others.find_map(|root| self.check(root, &root.real.join(row), None));
            if let Some(found @ Resolved::File { .. }) = found {
                return Some(found);
            }
        }
        // A row further out than the records lie says nothing of their folders.
        let inside = self.file.inside.clone().filter(|inside| !inside.is_empty() && !wanted.is_absolute)?;
        let is_name = !wanted.id.contains('/');
        let folders: Vec<&str> = inside.split('/').collect();
        let pools: Vec<Root> = roots.iter().filter(|root| self.pools.contains(&root.real)).cloned().collect();
        let mut mirror = None;
        for from in 0..folders.len() {
            let folder = folders.get(from..).unwrap_or_default().join("/");
            for root in &pools {
                let place = root.real.join(&folder);
                // The records' own folder is looked into anyhow.
                if place == own || !place.is_dir() {
                    continue;
                }
                if let Some(found @ Resolved::File { .. }) = self.check(root, &place.join(&wanted.id), None) {
                    return Some(found);
                }
                mirror.get_or_insert_with(|| root.path.join(&folder));
            }
        }
        let is_beside = || fs::symlink_metadata(own.join(&wanted.id)).is_ok();
        let mirror = mirror.filter(|_| is_name && !is_beside())?;
        Some(Resolved::Missing(format!(
            "not found in {}, which is called as the folder of its records",
            mirror.display()
        )))
    }

    /// The file where a path leads whose `..` leave the folder of the file at hand, within what was named or a media root;
    /// where no file is at hand, it is looked for in each root without them.
    pub(super) fn climbed(&mut self, wanted: &Wanted) -> Option<Resolved> {
        let place = self.place_beside(wanted);
        let below = wanted.id.trim_start_matches("../");
        let has_file = !self.file.real.as_os_str().is_empty();
        let roots: Vec<Root> = self.limit.iter().chain(self.roots.iter()).cloned().collect();
        roots.iter().find_map(|root| {
            let relative = if has_file { place.strip_prefix(&root.real).ok()? } else { Path::new(below) };
            is_inside(relative.to_str()?).then(|| self.find_in(root, relative)).flatten()
        })
    }

    /// The file where a row's id leads, whose path starts beside a record and leaves that folder, in a media root.
    pub(super) fn of_row(&mut self, wanted: &Wanted) -> Option<Resolved> {
        let row = wanted.row.as_ref().filter(|row| is_inside(row))?;
        let named = self
            .by_name
            .iter()
            .filter_map(|known| Some(Root { path: known.folder.clone(), real: known.folder.canonicalize().ok()? }));
        // Its own folder is where the path does not lead.
        let roots: Vec<Root> =
            self.roots.iter().cloned().chain(named).filter(|root| root.real != self.file.real).collect();
        roots.iter().find_map(|root| self.find_in(root, Path::new(row)))
    }

    /// The only file of this name, or whose path ends so, below the folders that are searched so: the one whose path ends
    /// with the row's id, else the only one that does not lie in the folders of another recording than the id says.
    pub(super) fn by_name(&mut self, wanted: &Wanted) -> Option<Resolved> {
        let mut found: Vec<(PathBuf, String)> = Vec::new();
        for known in &mut self.by_name {
            let folder = known.folder.clone();
            let inside = |file: &PathBuf| file.strip_prefix(&folder).unwrap_or(file).to_string_lossy().into_owned();
            found.extend(known.ending(&wanted.id).into_iter().map(|file| (file.clone(), inside(file))));
        }
        let (all, id) = (found.len(), wanted.row.as_deref().unwrap_or_default());
        let of_id = found.iter().filter(|(_, inside)| ends_with(inside, id)).count();
        if !id.is_empty() && of_id > 0 {
            found.retain(|(_, inside)| ends_with(inside, id));
        } else {
            found.retain(|(_, inside)| !is_elsewhere(id, inside));
        }
        match found.as_slice() {
            [] if all == 0 => None,
            [] => {
                let (are, others) = if all == 1 { ("a file", "is another's") } else { ("files", "are others'") };
                let message = format!("{are} of this name {others} as the folders say: {id:?} is in another one");
                Some(Resolved::Missing(message))
            }
            [(only, inside)] => {
                let (size, respelled) = (fs::metadata(only).ok()?.len(), Some(inside.clone()));
                Some(Resolved::File { path: only.clone(), size, respelled, by_name: true })
            }
            several => Some(Resolved::Missing(format!("{} files have this name", several.len()))),
        }
    }
}
