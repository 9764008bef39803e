//! Which row a path means: one path means other files in other folders, and one file may change.
//!
//! An id is the path from the home of the file that names it, where a record's path starts beside a file further in:
//! `v1/1.jpg` and `v2/1.jpg` are two, whether they are there or not. It is the path as it is written where the file lies in
//! its home, or pictures lie in media roots, for the first file that is met under it. Another file with other bytes gets an id
//! of its own, `path#` and the start of their digest, so that it is known again whatever is imported first; one that is
//! missing has the names of folders before its path. A file whose record showed a row before, and whose bytes are others
//! now, has changed: its row stays the one that it was.

use super::held::{Held, Whole};
use super::{CACHED, Store, place_of};
use crate::dataset::link;
use crate::error::{Error, Result};
use crate::format::address::Address;
use crate::import::draft::{Draft, MediaItem};
use crate::import::media::names::{Named, own_id};
use crate::import::media::resolve::Resolved;
use crate::import::media::wanted::Wanted;
use crate::import::sink::Sink;
use crate::schema::record::Identity;
use crate::schema::tables::Table;
use std::borrow::Cow;
use std::fs::File;
use std::path::{Path, PathBuf};

/// The rows that a record of the dataset shows, by their ids.
pub(crate) type ShownRows = Vec<(Table, String)>;

/// Where the bytes of a row come from that this import has met.
pub(super) struct Taken {
    place: Identity,
    /// None where the file is missing.
    digest: Option<Identity>,
}

/// A file that is there.
pub(super) struct OnDisk {
    pub(super) path: PathBuf,
    size: u64,
    place: Identity,
}

/// How a file goes with a row.
pub(super) enum Match {
    /// There is no such row.
    Free,
    /// The row has these bytes.
    Same,
    /// The row has no bytes, or a link that is broken.
    Bare,
    /// The row has other bytes.
    Other,
}

impl Store<'_> {
    /// The rows that a draft's media will refer to, medium by medium. `shown` are those that the dataset's record shows,
    /// where it has it.
    pub(crate) fn names<'d>(&mut self, draft: &'d Draft, shown: &ShownRows, sink: &dyn Sink) -> Result<Vec<Named<'d>>> {
        let mut names = self.written_names(draft);
        for named in &mut names {
            self.identify(named, shown, sink)?;
        }
        Ok(names)
    }

    /// Gives a path the id of the row that it means here, writing nothing.
    pub(crate) fn identify(&mut self, named: &mut Named<'_>, shown: &ShownRows, sink: &dyn Sink) -> Result<()> {
        if let MediaItem::Bytes { bytes, .. } = named.item {
            return self.identify_bytes(named, bytes, shown, sink);
        }
        let (MediaItem::Path(_), Some(wanted)) = (named.item, &named.wanted) else { return Ok(()) };
        if let Some(id) = self.settled(named.table, &named.id, named.path()) {
            named.rename(id.to_owned());
            return Ok(());
        }
        let from_home = named.free_path().and_then(|wanted| self.roots.path_from_home(wanted));
        let before = self.shown_before(named, from_home.as_deref(), shown, sink)?;
        let mut found = match &from_home {
            Some(row) => self.roots.readable(&wanted.clone().of_row(row)),
            None => self.roots.readable(wanted),
        };
        if let Resolved::File { path, by_name: true, .. } = &found {
            let place = place_of(path);
            let is_met = self.taken(named.table, &named.id).is_some_and(|taken| taken.place == place);
            if is_met && !self.by_name.contains_key(&place) {
                // The path of a record in another folder has led to it: it is that one's.
                found = Resolved::Missing("the only file of this name is another record's".to_owned());
            } else {
                // Another picture of this name may be missing: whose the file is then, nothing says.
                let owner = self.by_name.entry(place).or_insert_with(|| named.id.clone());
                if *owner != named.id {
                    let message = format!("the only file of this name was taken for {owner:?}, by that name alone");
                    found = Resolved::Missing(message);
                }
            }
        }
        named.found = Some(found.clone());
        let Resolved::File { path, size, .. } = found else {
            match before.or(from_home.filter(|_| self.may_be_beside || self.is_above)) {
                Some(id) => named.rename(id),
                None => self.part(named),
            }
            return Ok(());
        };
        if named.is_by_name()
            && let Some(row) = self.roots.file_from_home(&path)
            && sink.lookup(named.table, &self.options.source.id, &named.id)?.is_none()
            && sink.lookup(named.table, &self.options.source.id, &row)?.is_some()
        {
            // Others speak of this very file, by its path.
            named.rename(row);
        }
        let file = OnDisk { place: place_of(&path), path, size };
        self.files.iter_mut().for_each(|files| files.extend([file.place]));
        let is_led_out = named.is_by_name() || named.wanted().is_some_and(Wanted::climbs);
        let is_its_place = |row: &String| is_led_out || self.roots.is_beside(&file.path) || file.path.ends_with(row);
        // What lies in a folder for all is what it is called there; another home's rows are called so, and may have it.
        let is_of_all = !from_home.as_ref().is_some_and(is_its_place)
            && (!self.is_above || matches!(self.compare(named.table, &named.id, &file, false, sink)?, Match::Same))
            && !self.was_beside(named, from_home.as_deref(), &file, sink)?;
        self.identify_file(named, before, from_home.filter(|_| !is_of_all), &file, sink)?;
        self.meet(named, &file, sink)
    }

    /// Whether a file in a folder for all has a row already under its path from the home, and none under the path alone: as
    /// of a record that came when the file was missing, and nobody knew where it would be.
    fn was_beside(
        &mut self,
        named: &Named<'_>,
        from_home: Option<&str>,
        file: &OnDisk,
        sink: &dyn Sink,
    ) -> Result<bool> {
        let Some(row) = from_home.filter(|row| *row != named.id) else { return Ok(false) };
        Ok(matches!(self.compare(named.table, &named.id, file, false, sink)?, Match::Free)
            && matches!(self.compare(named.table, row, file, false, sink)?, Match::Same | Match::Bare))
    }

    /// Gives bytes that stand in a record the id of a row of their own, where the one that is written has others.
    fn identify_bytes(
        &mut self,
        named: &mut Named<'_>,
        bytes: &[u8],
        shown: &ShownRows,
        sink: &dyn Sink,
    ) -> Result<()> {
        let (table, id) = (named.table, &named.id);
        if named.said.is_none() || shown.iter().any(|(of, shown)| *of == table && shown == id) {
            return Ok(());
        }
        let digest = blake3::hash(bytes);
        let there = match self.taken(table, id) {
            Some(taken) => taken.digest,
            None => match sink.lookup(table, &self.options.source.id, id)? {
                Some(address) => match self.held(sink, table, address)? {
                    Held::Whole(Some(blob)) => Some(Identity::of_digest(&blob.digest)),
                    Held::Whole(None) | Held::Nothing | Held::Broken(..) => None,
                },
                None => None,
            },
        };
        if there.is_some_and(|there| there != Identity::of_digest(digest.as_bytes())) {
            let own = own_id(id, &digest);
            named.is_apart = sink.lookup(table, &self.options.source.id, &own)?.is_none();
            named.rename(own);
        }
        Ok(())
    }

    /// The row that the dataset's record shows for this path.
    fn shown_before(
        &self,
        named: &Named<'_>,
        from_home: Option<&str>,
        shown: &ShownRows,
        sink: &dyn Sink,
    ) -> Result<Option<String>> {
        let mut of_table = shown.iter().filter(|(table, _)| *table == named.table).map(|(_, id)| id);
        if let Some(id) = of_table.clone().find(|id| named.may_be(id, from_home)) {
            return Ok(Some(id.clone()));
        }
        for id in of_table.by_ref() {
            let address = sink.lookup(named.table, &self.options.source.id, id)?;
            let path = address.map(|address| path_of(sink, address)).transpose()?.flatten();
            if named.may_be_further_in(id, path.as_deref()) {
                return Ok(Some(id.clone()));
            }
        }
        Ok(None)
    }

    /// Gives a path whose file is missing an id of its own where another folder's file, or one that is missing in another
    /// folder, has the one that is written.
    fn part(&self, named: &mut Named<'_>) {
        let Some(wanted) = named.free_path() else { return };
        let place = self.place_of_missing(wanted);
        let is_others =
            |id: &str| self.taken(named.table, id).is_some_and(|taken| taken.digest.is_some() || taken.place != place);
        if !is_others(&named.id) {
            return;
        }
        let own = (1..).map_while(|count| self.roots.with_folders(wanted, count)).find(|id| !is_others(id));
        if let Some(own) = own {
            named.rename(own);
            named.is_parted = true;
        }
    }

    /// What tells a missing file apart: where it would lie, unless there is a folder for all.
    fn place_of_missing(&self, wanted: &Wanted) -> Identity {
        match self.may_be_beside {
            true => place_of(&self.roots.place_beside(wanted)),
            false => place_of(Path::new(&wanted.id)),
        }
    }

    fn identify_file(
        &mut self,
        named: &mut Named<'_>,
        before: Option<String>,
        from_home: Option<String>,
        file: &OnDisk,
        sink: &dyn Sink,
    ) -> Result<()> {
        let table = named.table;
        let mut changed = None;
        if let Some(id) = before {
            match self.compare(table, &id, file, true, sink)? {
                Match::Same => {
                    named.rename(id);
                    self.remember_name(named);
                    return Ok(());
                }
                Match::Bare => {
                    named.rename(id);
                    return Ok(());
                }
                // Another file of this import has that row: this one is not the one that it was made of.
                Match::Other if self.taken(table, &id).is_none() => changed = Some(id),
                Match::Other | Match::Free => {}
            }
        }
        if self.choose(named, from_home, file, sink)? {
            return Ok(());
        }
        let own = own_id(&named.id, &blake3::Hash::from_bytes(self.digest_of(&file.path)?));
        let is_there = sink.lookup(table, &self.options.source.id, &own)?.is_some();
        match changed {
            Some(id) if !is_there => {
                named.rename(id);
                named.is_changed = true;
            }
            _ => {
                named.rename(own);
                named.is_apart = !is_there;
            }
        }
        Ok(())
    }

    /// Gives a path the first of the ids that it may have here which goes with its file; whether one does.
    fn choose(
        &mut self,
        named: &mut Named<'_>,
        from_home: Option<String>,
        file: &OnDisk,
        sink: &dyn Sink,
    ) -> Result<bool> {
        let table = named.table;
        let Some(from_home) = from_home else {
            let parted = named.free_path().and_then(|wanted| self.roots.with_folders(wanted, 1));
            let matched = self.compare(table, &named.id, file, false, sink)?;
            // It was missing before, beside another one of this path.
            if let (Match::Other, Some(parted)) = (&matched, parted)
                && matches!(self.compare(table, &parted, file, false, sink)?, Match::Same | Match::Bare)
            {
                named.rename(parted);
                return Ok(true);
            }
            return Ok(!matches!(matched, Match::Other));
        };
        let matched = self.compare(table, &from_home, file, false, sink)?;
        // Its row may be of a time when its file was named itself.
        let is_of_before = matches!(matched, Match::Free)
            && self.taken(table, &named.id).is_none_or(|taken| taken.place == file.place)
            && matches!(self.compare(table, &named.id, file, false, sink)?, Match::Same);
        if !is_of_before {
            named.rename(from_home);
        }
        Ok(!matches!(matched, Match::Other))
    }

    /// How a file goes with the row of an id. One that is `trusted` is taken for what it was where it has its size and
    /// was not touched since.
    pub(super) fn compare(
        &mut self,
        table: Table,
        id: &str,
        file: &OnDisk,
        trusted: bool,
        sink: &dyn Sink,
    ) -> Result<Match> {
        if let Some(taken) = self.taken(table, id) {
            let (is_it, digest) = (taken.place == file.place, taken.digest);
            let is_same = is_it || digest == Some(Identity::of_digest(&self.digest_of(&file.path)?));
            return Ok(if is_same { Match::Same } else { Match::Other });
        }
        let Some(address) = sink.lookup(table, &self.options.source.id, id)? else { return Ok(Match::Free) };
        let blob = match self.held(sink, table, address)? {
            Held::Nothing | Held::Broken(..) => return Ok(Match::Bare),
            // It was appended here, of something else than a file.
            Held::Whole(None) => return Ok(Match::Same),
            Held::Whole(Some(blob)) => blob,
        };
        if !self.is_of(&blob, file, trusted)? {
            return Ok(Match::Other);
        }
        let digest = Some(Identity::of_digest(&blob.digest));
        let id = self.identity(table, id);
        self.taken.insert(id, Taken { place: file.place, digest });
        Ok(Match::Same)
    }

    /// Whether a file has the bytes of a blob.
    fn is_of(&mut self, blob: &Whole, file: &OnDisk, trusted: bool) -> Result<bool> {
        if blob.size != file.size {
            return Ok(false);
        }
        let is_link = blob.uri.as_deref().and_then(link::path_of).is_some_and(|linked| linked == file.path);
        if is_link || (trusted && !link::file_was_touched(&file.path, blob.written)) {
            return Ok(true);
        }
        Ok(self.digest_of(&file.path)? == blob.digest)
    }

    fn taken(&self, table: Table, id: &str) -> Option<&Taken> {
        self.taken.get(&self.identity(table, id))
    }

    /// Notes that a row is made of bytes that stood in a record.
    pub(super) fn take_bytes(&mut self, named: &Named<'_>, digest: Option<[u8; 32]>) {
        if named.said.is_some() {
            self.take(named, Path::new(""), digest);
        }
    }

    /// Notes that a row is made of a file.
    pub(super) fn take(&mut self, named: &Named<'_>, path: &Path, digest: Option<[u8; 32]>) {
        let taken = Taken { place: place_of(path), digest: digest.as_ref().map(Identity::of_digest) };
        let id = self.identity(named.table, &named.id);
        self.taken.insert(id, taken);
    }

    /// Notes that a row's file is missing.
    pub(super) fn take_missing(&mut self, named: &Named<'_>) {
        let place = named.wanted().map_or(place_of(Path::new("")), |wanted| self.place_of_missing(wanted));
        let id = self.identity(named.table, &named.id);
        self.taken.insert(id, Taken { place, digest: None });
    }

    /// Remembers what a path means as long as media are looked for where they are looked for now.
    pub(super) fn remember_name(&mut self, named: &Named<'_>) {
        let MediaItem::Path(_) = named.item else { return };
        let key = settled_key(named.written_id(), named.path());
        let settled = &mut self.settled[named.table as usize];
        if settled.get(&*key).is_some_and(|id| *id == named.id) {
            return;
        }
        if settled.len() >= CACHED {
            settled.clear();
        }
        settled.insert(key.into_owned(), named.id.clone());
    }

    /// The id of the row that a path means here under the id that is written for it, where that is known.
    pub(crate) fn settled(&self, table: Table, written: &str, path: Option<&str>) -> Option<&str> {
        self.settled[table as usize].get(&*settled_key(written, path)).map(String::as_str)
    }

    /// The digest of a file, which is read once.
    pub(super) fn digest_of(&mut self, path: &Path) -> Result<[u8; 32]> {
        if let Some(digest) = self.digests.get(path) {
            return Ok(*digest);
        }
        let digest = digest_of(path)?;
        if self.digests.len() >= CACHED {
            self.digests.clear();
        }
        self.digests.insert(path.to_path_buf(), digest);
        Ok(digest)
    }
}

/// What tells apart what was settled: two files may be written under one id.
fn settled_key<'a>(written: &'a str, path: Option<&str>) -> Cow<'a, str> {
    match path.filter(|path| *path != written) {
        Some(path) => Cow::Owned(format!("{written}\0{path}")),
        None => Cow::Borrowed(written),
    }
}

/// The digest of a file's bytes.
pub(crate) fn digest_of(path: &Path) -> Result<[u8; 32]> {
    let unreadable = |error| Error::io("cannot read it", error).in_file(path);
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(path).map_err(unreadable)?).map_err(unreadable)?;
    Ok(*hasher.finalize().as_bytes())
}

/// The path of a row, as its record wrote it.
fn path_of(sink: &dyn Sink, address: Address) -> Result<Option<String>> {
    let dataset = sink.dataset();
    let path = match dataset.row(address)?.table() {
        Table::Frames => dataset.frame(address)?.path()?.map(str::to_owned),
        Table::Videos => dataset.video(address)?.path()?.map(str::to_owned),
        _ => None,
    };
    Ok(path)
}

/// The id of a row, for what shows it.
pub(crate) fn shown_row(sink: &dyn Sink, address: Address) -> Result<Option<(Table, String)>> {
    let dataset = sink.dataset();
    let table = dataset.row(address)?.table();
    let id = match table {
        Table::Frames => dataset.frame(address)?.id()?.to_owned(),
        Table::Videos => dataset.video(address)?.id()?.to_owned(),
        _ => return Ok(None),
    };
    Ok(Some((table, id)))
}
