//! The index: complete, exact, and each id there once.

use crate::dataset::Dataset;
use crate::dataset::append::digest_key;
use crate::dataset::index::{IndexKind, Run};
use crate::dataset::verify::found::Found;
use crate::dataset::verify::rows::at_row;
use crate::dataset::verify::walk::{Unread, Walk};
use crate::error::{Error, Result};
use crate::format::Address;
use crate::schema::record::id_key;
use crate::schema::tables::{Table, annotations, blobs, frames};
use crate::schema::views::{BatchRow, Cells, read};
use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, UInt64Type};

/// Checks the indexes of a table: every live row is found under its key, every entry leads to a row that has its key.
pub fn check(dataset: &Dataset, table: Table, emptied: &[Address], found: &mut Found<'_>) {
    for kind in IndexKind::ALL.into_iter().filter(|kind| kind.table() == table) {
        let (keys, unread) = Keys::gather(dataset, kind, emptied, found);
        let mut check = Check { dataset, kind, emptied, unread, seen: vec![0; keys.0.len().div_ceil(64)], keys };
        let mut whole = true;
        for run in dataset.runs().iter().filter(|run| run.kind == kind.name()) {
            // A run that cannot be read was found with its file; what is missing in it is no fault of its own.
            whole &= check.run(run, found).is_ok();
        }
        if whole {
            check.complete(found);
        }
        check.unique(found);
    }
}

/// Key and address of the rows of a table, sorted: 16 bytes a row.
struct Keys(Vec<(u64, i64)>);

impl Keys {
    fn gather(dataset: &Dataset, kind: IndexKind, emptied: &[Address], found: &mut Found<'_>) -> (Self, Unread) {
        let columns = match kind {
            IndexKind::Id(_) => vec![0, 1],
            IndexKind::Digest => vec![blobs::DIGEST],
            IndexKind::Target => vec![annotations::TARGET],
            IndexKind::Video => vec![frames::VIDEO],
        };
        let walk = Walk { dataset, table: kind.table(), columns, deleted: true };
        let mut keys = Vec::new();
        let unread = walk.run(found, &mut |piece, found| {
            for (row, address) in piece.addresses.values().iter().enumerate() {
                let is_emptied = |address: i64| emptied.binary_search_by_key(&address, |other| other.get()).is_ok();
                if is_emptied(*address) {
                    continue;
                }
                match BatchRow::new(&piece.batch, row).and_then(|cells| key_of(kind, &cells)) {
                    Ok(Some(key)) => keys.push((key, *address)),
                    Ok(None) => {}
                    Err(error) => {
                        let address = Address::new(*address).ok();
                        found.fault(at_row(dataset, kind.table(), address, error));
                    }
                }
            }
        });
        keys.sort_unstable();
        (Self(keys), unread)
    }
}

fn key_of(kind: IndexKind, cells: &BatchRow<'_>) -> Result<Option<u64>> {
    Ok(match kind {
        IndexKind::Id(_) => Some(id_key(read::dict(cells.cell(1)?)?, read::text(cells.cell(0)?)?)),
        IndexKind::Digest => Some(digest_key(&read::digest(cells.cell(0)?)?)),
        IndexKind::Target | IndexKind::Video => read::address_opt(cells.cell(0)?)?.map(|address| address.get() as u64),
    })
}

struct Check<'a> {
    dataset: &'a Dataset,
    kind: IndexKind,
    emptied: &'a [Address],
    unread: Unread,
    keys: Keys,
    /// A bit for each of the keys: whether an entry was met.
    seen: Vec<u64>,
}

impl Check<'_> {
    fn run(&mut self, run: &Run, found: &mut Found<'_>) -> Result<()> {
        let file = run.open_apart(self.dataset.opening())?;
        let mut last = None;
        for index in 0..file.batches() {
            let batch = file.batch(index)?;
            let keys = file.column(&batch, 0)?.as_primitive::<UInt64Type>();
            let addresses = file.column(&batch, 1)?.as_primitive::<Int64Type>();
            for entry in keys.values().iter().copied().zip(addresses.values().iter().copied()) {
                let fault = |error: Error| error.in_file(file.path());
                if last > Some(entry) {
                    found.fault(fault(self.wrong("its entries are not in order")));
                }
                last = Some(entry);
                if let Err(error) = self.entry(entry) {
                    found.fault(fault(error));
                }
            }
        }
        Ok(())
    }

    fn wrong(&self, what: &str) -> Error {
        Error::corrupt(format!("the index {}: {what}; it must be made anew from the rows", self.kind.name()))
    }

    fn entry(&mut self, (key, value): (u64, i64)) -> Result<()> {
        let address = Address::new(value).map_err(|error| self.wrong(error.message()))?;
        if self.dataset.state(self.kind.table()).locate(address).is_err() {
            return Err(self.wrong(&format!("it leads to {address}, which is no row of {}", self.kind.table())));
        }
        if self.emptied.binary_search(&address).is_ok() {
            return Err(self.wrong(&format!("it leads to {address}, which was emptied")));
        }
        match self.keys.0.binary_search(&(key, value)) {
            Ok(at) => {
                let bit = 1 << (at % 64);
                if self.seen[at / 64] & bit != 0 {
                    return Err(self.wrong(&format!("it leads to {address} twice")));
                }
                self.seen[at / 64] |= bit;
                Ok(())
            }
            Err(_) if self.unread.holds(address) => Ok(()),
            Err(_) => Err(self.wrong(&format!("under the key {key:#018x} stands {address}, which has another key"))),
        }
    }

    /// Every live row was met.
    fn complete(&self, found: &mut Found<'_>) {
        for (at, (_, address)) in self.keys.0.iter().enumerate() {
            let Ok(address) = Address::new(*address) else { continue };
            let met = self.seen[at / 64] >> (at % 64) & 1 == 1;
            if !met && self.dataset.is_live(address).unwrap_or(false) {
                let error = self.wrong("the row is not in it");
                found.fault(at_row(self.dataset, self.kind.table(), Some(address), error));
            }
        }
    }

    /// No two live rows have the same source and id; contents that are stored twice are counted.
    fn unique(&self, found: &mut Found<'_>) {
        let mut twice = 0u64;
        for group in self.keys.0.chunk_by(|a, b| a.0 == b.0).filter(|group| group.len() > 1) {
            if !matches!(self.kind, IndexKind::Id(_) | IndexKind::Digest) {
                return;
            }
            let live = group.iter().filter_map(|(_, address)| Address::new(*address).ok());
            let mut names: Vec<_> = live
                .filter(|address| self.dataset.is_live(*address).unwrap_or(false))
                .filter_map(|address| Some((self.identity(address).ok()?, address)))
                .collect();
            names.sort_unstable();
            for same in names.chunk_by(|a, b| a.0 == b.0).filter(|same| same.len() > 1) {
                if self.kind == IndexKind::Digest {
                    twice += same.len() as u64 - 1;
                    continue;
                }
                for (_, address) in &same[1..] {
                    let first = same[0].1;
                    let what = format!("it has the source and id of {first}: delete one of them");
                    found.fault(at_row(self.dataset, self.kind.table(), Some(*address), Error::corrupt(what)));
                }
            }
        }
        if twice > 0 {
            found.note(format!(
                "{twice} blobs are there again: of writers that worked at the same time, or of files that were linked anew"
            ));
        }
    }

    /// What makes a row of the table the same as another.
    fn identity(&self, address: Address) -> Result<Vec<u8>> {
        let row = self.dataset.row_of(self.kind.table(), address)?;
        if self.kind == IndexKind::Digest {
            return Ok(read::digest(row.cell(blobs::DIGEST)?)?.to_vec());
        }
        let (id, source) = (read::text(row.cell(0)?)?, read::dict(row.cell(1)?)?);
        Ok([source.as_bytes(), &[0], id.as_bytes()].concat())
    }
}
