//! Rows whose linked file is gone: the file is found where it lies now, and known by its bytes.

use super::Run;
use crate::dataset::{Dataset, link};
use crate::error::{ErrorKind, Result};
use crate::format::address::Address;
use crate::import::media::resolve::Resolved;
use crate::import::media::store::digest_of;
use crate::import::media::wanted::Wanted;
use crate::import::report::{At, Kind};
use crate::schema::tables::Table;
use arrow_array::Array;
use std::collections::HashMap;
use std::path::PathBuf;

/// A linked file that is gone, or has another length.
#[derive(Clone, Debug)]
pub(super) struct Lost {
    /// Where it was; nothing where that was on no machine like this.
    place: Option<PathBuf>,
    digest: [u8; 32],
    size: u64,
}

/// The blobs whose linked files are gone.
pub(super) fn lost(dataset: &Dataset) -> Result<HashMap<Address, Lost>> {
    let mut lost = HashMap::new();
    for piece in dataset.scan(Table::Blobs).columns(["uri"])?.batches() {
        let piece = piece?;
        let uris = piece.batch.column(0);
        for row in (0..piece.batch.num_rows()).filter(|row| uris.is_valid(*row)) {
            let address = piece.address(row)?;
            let blob = dataset.blob(address)?;
            match blob.check_link() {
                Err(error) if error.kind() == ErrorKind::LinkBroken => {
                    let place = blob.uri()?.and_then(link::path_of);
                    let size = u64::try_from(blob.size()?).unwrap_or_default();
                    lost.insert(address, Lost { place, digest: blob.digest()?, size });
                }
                checked => checked?,
            }
        }
    }
    Ok(lost)
}

impl Lost {
    /// The paths below a media root at which the file may lie: as much as there is of where it was, most first.
    fn places(&self) -> Vec<String> {
        let parts: Vec<String> = self
            .place
            .iter()
            .flat_map(|place| place.iter().skip(1))
            .map(|part| part.to_string_lossy().into_owned())
            .collect();
        (0..parts.len()).filter_map(|from| Some(parts.get(from..)?.join("/"))).collect()
    }
}

impl Run<'_> {
    /// The file that has the bytes of one that is gone: as the list says, or at the row's id or path, or at the end of the
    /// path that it had, or the only one of its name.
    pub(super) fn find_lost(&mut self, lost: &Lost, said: Option<(&str, bool)>, id: &str) -> Result<Resolved> {
        let mut wanted: Vec<Wanted> = Vec::new();
        match said {
            Some((listed, true)) => wanted.push(Wanted::new(listed)),
            said => {
                wanted.push(Wanted::new(id));
                wanted.extend(said.map(|(path, _)| Wanted::new(path).of_row(id)));
                wanted.extend(lost.places().iter().map(|place| Wanted::new(place)));
            }
        }
        let mut other = None;
        for wanted in &wanted {
            let found = self.roots.led_to(wanted);
            if let Some(found) = self.if_lost(lost, found, &mut other)? {
                return Ok(found);
            }
        }
        // By its name alone.
        if let Some(last) = wanted.last() {
            let found = self.roots.readable(last);
            if let Some(found) = self.if_lost(lost, found, &mut other)? {
                return Ok(found);
            }
        }
        let was = lost.place.as_ref().map_or(String::new(), |place| format!(" ({})", place.display()));
        Ok(Resolved::Missing(match other {
            Some(other) => format!("{} has other bytes than the linked file had that is gone{was}", other.display()),
            None => format!("the linked file is gone{was}, and not found under the media roots"),
        }))
    }

    /// A file, if it has the bytes of the one that is gone, whatever it is called; `other` is one that has not.
    fn if_lost(&self, lost: &Lost, found: Resolved, other: &mut Option<PathBuf>) -> Result<Option<Resolved>> {
        let Resolved::File { path, size, .. } = found else { return Ok(None) };
        if size == lost.size && digest_of(&path)? == lost.digest {
            return Ok(Some(Resolved::File { path, size, respelled: None, by_name: false }));
        }
        other.get_or_insert(path);
        Ok(None)
    }

    /// Tells where a file is now that was linked elsewhere.
    pub(super) fn tell_found(&mut self, lost: &Lost, found: &Resolved, id: &str) {
        let Resolved::File { path, .. } = found else { return };
        let at = At { file: path.display().to_string(), id: Some(id.to_owned()), ..At::default() };
        let was = lost.place.as_ref().map_or(String::new(), |place| format!(" {}", place.display()));
        self.told.find(Kind::FoundByBytes, &at, format!("it has the bytes of the linked file{was}, which is gone"));
    }
}
