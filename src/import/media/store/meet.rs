//! Files that have a row under another id, since what was imported before called them otherwise: a folder of pictures whose
//! labels came first, a recording beside tables, a folder that lies in another one.

use super::Store;
use super::identity::{Match, OnDisk};
use crate::error::Result;
use crate::format::address::Address;
use crate::import::attach::words_of;
use crate::import::homes::Homes;
use crate::import::media::names::Named;
use crate::import::media::resolve::ends_with;
use crate::import::media::wanted::Wanted;
use crate::import::sink::Sink;
use crate::schema::record::id_identity;
use crate::schema::tables::Table;
use arrow_array::Array;
use arrow_array::cast::AsArray;

/// How many rows of one end are looked at.
const ALIKE: usize = 256;

/// The rows of the source that have bytes, with what tells the ends of their paths apart; in that order.
pub(super) type Known = Vec<(u64, Address)>;

/// What tells the end of a path apart: of a picture its folder and its name, since names come again in every folder; of a
/// recording its name. Nothing where there is no folder.
fn end_of(table: Table, path: &str) -> Option<u64> {
    let mut starts = path.match_indices('/').map(|(at, _)| at + 1).rev();
    let last = starts.next();
    let start = match table {
        Table::Videos => last.unwrap_or(0),
        _ => last.map(|_| starts.next().unwrap_or(0))?,
    };
    Some(id_identity(table.name(), path.get(start..)?).key())
}

impl Store<'_> {
    /// Tells folders apart by these from now on.
    pub(crate) fn know_homes(&mut self, homes: &Homes) {
        self.homes = homes.clone();
    }

    /// Gives a file whose row would be new the id of the row that this very file has already.
    pub(super) fn meet(&mut self, named: &mut Named<'_>, file: &OnDisk, sink: &dyn Sink) -> Result<()> {
        let (table, source) = (named.table, &self.options.source.id);
        if sink.lookup(table, source, &named.id)?.is_some() {
            return Ok(());
        }
        let Some(spot) = file.path.parent().and_then(|folder| self.homes.spot_of(folder)) else { return Ok(()) };
        let Some(name) = file.path.file_name().and_then(|name| name.to_str()) else { return Ok(()) };
        let inside = spot.name(name);
        let mut ids = Vec::new();
        if sink.lookup(table, source, &inside)?.is_some() {
            ids.push(inside.clone());
        }
        // Pictures of two folders may have the same bytes, as black ones have; recordings have not.
        if table == Table::Videos || !spot.is_above {
            for (id, path) in self.ending_alike(table, &inside, sink)? {
                if ends_with(&inside, &path) && !spot.start.join(&id).is_file() {
                    ids.push(id);
                }
            }
        }
        let mut same = Vec::new();
        for id in ids {
            if !same.contains(&id) && matches!(self.compare(table, &id, file, false, sink)?, Match::Same) {
                same.push(id);
            }
        }
        let mut same = same.into_iter();
        if let Some(first) = same.next() {
            named.rename(first);
            named.is_apart = false;
            named.twins = same.collect();
        }
        Ok(())
    }

    /// The ids and paths of rows of the dataset whose paths end as this one, as it seems.
    fn ending_alike(&mut self, table: Table, path: &str, sink: &dyn Sink) -> Result<Vec<(String, String)>> {
        let Some(end) = end_of(table, path) else { return Ok(Vec::new()) };
        if self.known_files.is_none() {
            self.known_files = Some(self.find_known(sink)?);
        }
        let known = self.known_files.as_deref().unwrap_or_default();
        let known = known.get(known.partition_point(|(key, _)| *key < end)..).unwrap_or_default();
        let addresses = known.iter().take_while(|(key, _)| *key == end).map(|(_, address)| address);
        let dataset = sink.dataset();
        let mut rows = Vec::new();
        for address in addresses.take(ALIKE) {
            let (id, path) = match table {
                Table::Videos => {
                    let row = dataset.video(*address)?;
                    (row.id()?.to_owned(), row.path()?.map(str::to_owned))
                }
                _ => {
                    let row = dataset.frame(*address)?;
                    (row.id()?.to_owned(), row.path()?.map(str::to_owned))
                }
            };
            rows.extend(path.map(|path| (id, Wanted::new(&path).id)));
        }
        Ok(rows)
    }

    fn find_known(&self, sink: &dyn Sink) -> Result<Known> {
        let mut known = Known::default();
        for table in [Table::Videos, Table::Frames] {
            for piece in sink.dataset().scan(table).columns(["source", "path", "blob"])?.batches() {
                let piece = piece?;
                let column = |name: &str| piece.batch.column_by_name(name);
                let texts = |name: &str| column(name).and_then(|texts| texts.as_string_opt::<i64>());
                let (Some(paths), Some(blobs)) = (texts("path"), column("blob")) else {
                    continue;
                };
                let sources = column("source").map(|words| words_of(words.as_ref())).unwrap_or_default();
                for row in 0..piece.batch.num_rows() {
                    let is_own = sources.get(row).is_some_and(|source| *source == self.options.source.id);
                    if !is_own || paths.is_null(row) || blobs.is_null(row) {
                        continue;
                    }
                    if let Some(end) = end_of(table, &Wanted::new(paths.value(row)).id) {
                        known.push((end, piece.address(row)?));
                    }
                }
            }
        }
        known.sort_unstable();
        Ok(known)
    }
}
