//! Writes rows of pictures and videos that are new, gives those that are there what they lacked, and tells of what is not
//! as it was.

use super::{Located, Store};
use crate::error::Result;
use crate::format::address::Address;
use crate::import::draft::Draft;
use crate::import::media::bytes::{Out, Stored};
use crate::import::media::names::Named;
use crate::import::media::resolve::Resolved;
use crate::import::media::wanted::Wanted;
use crate::import::options::OnChange;
use crate::import::report::Kind;
use crate::schema::record::{Identity, id_identity};
use std::path::Path;

impl Store<'_> {
    /// The row of an item, written if it is new; bytes that are here now are noted for [`Store::attach`].
    pub(crate) fn ensure(
        &mut self,
        named: &Named<'_>,
        located: Located,
        draft: &Draft,
        out: &mut Out<'_>,
    ) -> Result<Address> {
        self.met.note(named);
        if named.is_parted {
            self.tell_parted(named, out);
        }
        self.tell_by_name(named, out);
        self.tell_twins(named, out);
        if let Some(address) = self.known(named.table, &named.id) {
            self.remember_name(named);
            self.hear(named, address, draft, out)?;
            return Ok(address);
        }
        let located = match (located, self.cached.get(named.table, &named.id)) {
            // The same record names it twice, so that it was new when it was looked for.
            (Located::New(path, size, _), Some(address)) => Located::FoundNow(address, path, size),
            (Located::Bytes, Some(address)) => Located::BytesNow(address),
            (Located::Missing(..), Some(address)) => {
                self.hear(named, address, draft, out)?;
                return Ok(address);
            }
            (located, _) => located,
        };
        if let Some(address) = located.row_of_before() {
            self.hear(named, address, draft, out)?;
        }
        let address = self.settle(named, located, draft, out)?;
        self.cached.insert(named.table, &named.id, address);
        self.remember_name(named);
        Ok(address)
    }

    /// Writes what was found out of an item: its row, or bytes that its row lacked.
    fn settle(&mut self, named: &Named<'_>, located: Located, draft: &Draft, out: &mut Out<'_>) -> Result<Address> {
        Ok(match located {
            Located::Known(address) | Located::There(address) => address,
            Located::Changed(address, path, size) => {
                self.replace_bytes(named, address, &path, size, out)?;
                address
            }
            Located::StillMissing(address, kind, reason) => {
                self.miss(named, kind, reason, out);
                self.take_missing(named);
                address
            }
            Located::Broken(address, reason) => {
                self.miss(named, Kind::BrokenLink, reason, out);
                address
            }
            Located::FoundNow(address, path, size) => {
                let stored = out.store_file(named, &path, size, self.options.media)?;
                self.take(named, &path, stored.digest);
                self.complete(named, address, stored, out)?;
                address
            }
            Located::BytesNow(address) => {
                let stored = out.store_bytes(named)?;
                self.take_bytes(named, stored.digest);
                self.complete(named, address, stored, out)?;
                address
            }
            Located::New(path, size, respelled) => self.add_file(named, (&path, size), respelled, draft, out)?,
            Located::Bytes => {
                tell_apart(named, out);
                let stored = out.store_bytes(named)?;
                self.take_bytes(named, stored.digest);
                self.add(named, stored, draft, out)?
            }
            Located::Missing(kind, reason) => {
                self.miss(named, kind, reason, out);
                let id = self.identity(named.table, &named.id);
                self.bare.insert(id, None);
                self.take_missing(named);
                self.add(named, Stored::default(), draft, out)?
            }
        })
    }

    /// Adds the row of a file that is there, and tells of another spelling and another file of its path.
    fn add_file(
        &mut self,
        named: &Named<'_>,
        (path, size): (&Path, u64),
        respelled: Option<String>,
        draft: &Draft,
        out: &mut Out<'_>,
    ) -> Result<Address> {
        if let Some(respelled) = respelled.filter(|_| !named.is_by_name()) {
            out.report.find(Kind::PathSpelling, out.at, format!("{:?} was found as {respelled:?}", named.id));
        }
        tell_apart(named, out);
        let stored = out.store_file(named, path, size, self.options.media)?;
        self.take(named, path, stored.digest);
        self.add(named, stored, draft, out)
    }

    /// Tells that a file has changed since its row was written, and gives the row what it has now where that is asked for.
    fn replace_bytes(
        &mut self,
        named: &Named<'_>,
        address: Address,
        path: &Path,
        size: u64,
        out: &mut Out<'_>,
    ) -> Result<()> {
        match self.options.on_change {
            OnChange::Keep => {}
            OnChange::Report | OnChange::Add => {
                let what = format!("{:?}: its file has changed; the dataset's bytes were kept", named.id);
                out.report.find(Kind::ChangedMedia, out.at, what);
            }
            OnChange::Replace => {
                let stored = out.store_file(named, path, size, self.options.media)?;
                self.take(named, path, stored.digest);
                out.report.media.replaced += 1;
                self.found.note(named.table, address, stored, None, out)?;
            }
        }
        Ok(())
    }

    fn tell_parted(&mut self, named: &Named<'_>, out: &mut Out<'_>) {
        if self.settled(named.table, named.written_id(), named.path()).is_none() {
            let what = format!(
                "{:?} is not there; what another folder's file calls so is another picture or video: this one is {:?}",
                named.written_id(),
                named.id
            );
            out.report.find(Kind::SamePath, out.at, what);
        }
    }

    /// Tells of a file for which several rows stand that imports before made, and which of them was taken.
    fn tell_twins(&self, named: &Named<'_>, out: &mut Out<'_>) {
        let Some(second) = named.twins.first() else { return };
        if self.settled(named.table, named.written_id(), named.path()).is_none() {
            let more = match named.twins.len() {
                1 => String::new(),
                count => format!(" and {} more", count - 1),
            };
            let what = format!(
                "{:?} is a file for which several rows stand, with its bytes and its name: {:?} was taken, and not {second:?}{more}",
                named.written(),
                named.id
            );
            out.report.find(Kind::SamePath, out.at, what);
        }
    }

    /// Tells of a file that is given to a row by its name alone, and is not the row's already.
    fn tell_by_name(&self, named: &Named<'_>, out: &mut Out<'_>) {
        if let Some(Resolved::File { respelled: Some(inside), by_name: true, .. }) = &named.found
            && self.settled(named.table, named.written_id(), named.path()).is_none()
        {
            let alike = if named.wanted().is_some_and(Wanted::is_absolute) { "with this end" } else { "of this name" };
            let what =
                format!("{:?} is not there; {inside:?}, the only file {alike}, was taken for it", named.written_id());
            out.report.find(Kind::FoundByName, out.at, what);
        }
    }

    /// The same of an item whose file is missing, with the bytes that the source holds of it.
    pub(crate) fn ensure_held(
        &mut self,
        named: &Named<'_>,
        bytes: &[u8],
        located: Located,
        draft: &Draft,
        out: &mut Out<'_>,
    ) -> Result<Address> {
        self.met.note(named);
        let address = match located {
            Located::Missing(..) => {
                let stored = out.store_held(named, "", bytes)?;
                self.add(named, stored, draft, out)?
            }
            Located::StillMissing(address, ..) => {
                let stored = out.store_held(named, "", bytes)?;
                self.complete(named, address, stored, out)?;
                address
            }
            located => return self.ensure(named, located, draft, out),
        };
        self.cached.insert(named.table, &named.id, address);
        Ok(address)
    }

    /// Notes the bytes of a row that had none.
    fn complete(&mut self, named: &Named<'_>, address: Address, stored: Stored, out: &mut Out<'_>) -> Result<()> {
        let id = self.identity(named.table, &named.id);
        match self.bare.remove(&id) {
            Some(fps) => {
                if let Some(kind) = self.missing.remove(&id) {
                    out.report.unmiss(kind, named.written(), &named.id);
                }
                let mut said = named.said.map(|said| said.recording.clone()).unwrap_or_default();
                said.fps = said.fps.or(fps);
                self.late.note(named.table, address, stored, Some(&said), out)
            }
            None => {
                out.report.media.found_now += 1;
                self.found.note(named.table, address, stored, None, out)
            }
        }
    }

    pub(crate) fn miss(&mut self, named: &Named<'_>, kind: Kind, reason: String, out: &mut Out<'_>) {
        let id = self.identity(named.table, &named.id);
        if self.missing.insert(id, kind).is_some() {
            return;
        }
        self.tell_missing_elsewhere(named, id, out);
        out.report.find_many(kind, out.at, || format!("{:?}: {reason}", named.id));
        out.report.miss(named.written(), reason, out.at);
    }

    /// The number of a file whose records name something that is missing.
    fn naming_file(&mut self, file: &str) -> u32 {
        if self.naming.last().is_none_or(|last| last != file) {
            self.naming.push(file.to_owned());
        }
        self.naming.len().saturating_sub(1) as u32
    }

    /// Tells that records in two folders name files by one path that are missing beside both: it may be one picture.
    fn tell_missing_elsewhere(&mut self, named: &Named<'_>, id: Identity, out: &mut Out<'_>) {
        let Some(wanted) = named.free_path() else { return };
        let path = id_identity(named.table.name(), &wanted.id);
        let naming = self.naming_file(&out.at.file);
        let (first, row) = *self.missing_paths.entry(path).or_insert((naming, id));
        if let Some(first) = self.naming.get(first as usize).filter(|_| row != id) {
            let what = format!(
                "{:?} is missing beside {first} and beside {}: two rows stand for it, this one is {:?}; where it is one \
                 picture in a folder for all, name that with --media-root",
                wanted.id, out.at.file, named.id
            );
            out.report.find(Kind::SamePath, out.at, what);
        }
    }
}

/// Tells of a file or bytes whose row has another id because the one that is written is another's.
fn tell_apart(named: &Named<'_>, out: &mut Out<'_>) {
    if named.is_apart {
        let what = format!(
            "{:?} is another picture or video, of another folder or source, or was one before: this one is {:?}",
            named.written_id(),
            named.id
        );
        out.report.find(Kind::SamePath, out.at, what);
    }
}
