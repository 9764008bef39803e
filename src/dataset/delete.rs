//! Deleting rows: what others refer to stays, unless they go too.

use crate::dataset::Dataset;
use crate::dataset::change::Change;
use crate::dataset::claims::Claims;
use crate::dataset::files::new_file;
use crate::dataset::record::{Case, Record};
use crate::dataset::row::Row;
use crate::dataset::table::{DELETIONS_FILE_KIND, deletions_schema};
use crate::error::{Error, ErrorKind, Result};
use crate::format::Address;
use crate::format::constants::DELETIONS_DIR;
use crate::format::manifest::{DeletionFile, Manifest, Operation};
use crate::format::notation::ColumnType;
use crate::schema::references::{each_reference, targets};
use crate::schema::tables::Table;
use crate::write::WriteOptions;
use arrow_array::{Int64Array, RecordBatch};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How rows are deleted.
#[derive(Clone, Copy, Debug, Default)]
pub struct DeleteOptions {
    /// Whether rows that refer to the deleted ones are deleted with them, and those that refer to these, and so on.
    pub cascade: bool,
    /// Whether blobs are deleted with them that no row shows then, also those that none showed before, such as pictures that
    /// were replaced: else pictures and videos of deleted frames stay.
    pub unshown_blobs: bool,
}

impl Dataset {
    /// Deletes rows, in a new version. Their addresses stay theirs; their bytes stay in the files until a compaction
    /// or a purge empties them; their ids are free at once.
    ///
    /// # Errors
    /// `Referenced` when a live row refers to one of them, without [`DeleteOptions::cascade`]; `NotInVersion` or
    /// `Deleted` when one is no live row; `Conflict`, `Storage`, `Io`.
    pub fn delete(&self, addresses: impl IntoIterator<Item = Address>, options: DeleteOptions) -> Result<Dataset> {
        let mut deletes: BTreeSet<Address> = addresses.into_iter().collect();
        for address in &deletes {
            self.row(*address)?;
        }
        if options.cascade {
            while add_referrers(self, &mut deletes)? {}
        }
        if options.unshown_blobs {
            let unshown = unshown_blobs(self, &deletes)?;
            deletes.extend(unshown);
        }
        let mut operation = Operation::new("delete");
        for table in Table::ALL {
            let count = deletes.iter().filter(|address| self.table_of(**address).is_ok_and(|of| of == table)).count();
            if count > 0 {
                operation = operation.with(table.name(), count as u64);
            }
        }
        Change { deletes, ..Change::default() }.commit(self, Claims::new(self.path())?, operation)
    }
}

/// Pictures and videos of deleted rows that stay, since other rows show them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StillShown {
    /// How many files or bytes of deleted frames stay.
    pub pictures: u64,
    /// The same of deleted videos.
    pub videos: u64,
    /// How many rows show them.
    pub rows: u64,
    /// The first of these rows.
    pub first: Option<Address>,
}

impl Dataset {
    /// What was shown by frames and videos of this version that a later version no longer has, and is shown by other rows
    /// there.
    ///
    /// # Errors
    /// What reading of the rows returns.
    pub fn still_shown(&self, after: &Dataset) -> Result<StillShown> {
        let mut shown = BTreeMap::new();
        for table in [Table::Frames, Table::Videos] {
            for piece in self.scan(table).columns(["blob"])?.batches() {
                let piece = piece?;
                each_reference(&ColumnType::Ref, piece.batch.column(0).as_ref(), &mut |row, blob| {
                    if !after.is_live(piece.address(row)?)? {
                        shown.entry(blob).or_insert((table, false));
                    }
                    Ok(())
                })?;
            }
        }
        let mut still = StillShown::default();
        if shown.is_empty() {
            return Ok(still);
        }
        each_reference_to(after, &[Table::Blobs], &mut |row, blob| {
            if let Some((_, is_shown)) = shown.get_mut(&blob) {
                *is_shown = true;
                still.rows += 1;
                still.first.get_or_insert(row);
            }
            Ok(())
        })?;
        let count = |of: Table| shown.values().filter(|(table, is_shown)| *is_shown && *table == of).count() as u64;
        (still.pictures, still.videos) = (count(Table::Frames), count(Table::Videos));
        Ok(still)
    }
}

/// Cases that stay though a case of the same patient was deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SamePatient {
    /// How many cases.
    pub cases: u64,
    /// The first of them.
    pub first: Option<Address>,
}

impl Dataset {
    /// The cases of a later version whose patient had one in this version that the later one no longer has: as other
    /// sources have of the same person.
    ///
    /// # Errors
    /// What reading of the rows returns.
    pub fn same_patients(&self, after: &Dataset) -> Result<SamePatient> {
        let mut gone = BTreeSet::new();
        each_patient(self, &mut |case, patient| {
            if !after.is_live(case)? {
                gone.insert(patient.to_owned());
            }
            Ok(())
        })?;
        let mut same = SamePatient::default();
        if !gone.is_empty() {
            each_patient(after, &mut |case, patient| {
                if gone.contains(patient) {
                    same.cases += 1;
                    same.first.get_or_insert(case);
                }
                Ok(())
            })?;
        }
        Ok(same)
    }

    /// The rows of a table that were deleted and not yet emptied, by ascending address.
    ///
    /// # Errors
    /// `Corrupt` when the deletions cannot be read.
    pub(crate) fn deleted_rows(&self, table: Table) -> Result<Vec<Address>> {
        let state = self.state(table);
        if !self.has_deleted(table) {
            return Ok(Vec::new());
        }
        let live = state.live(self.opening())?;
        let rows = state
            .fragments
            .iter()
            .enumerate()
            .flat_map(|(at, fragment)| live.deleted(at).into_iter().flatten().map(|row| fragment.id.address(row)));
        Ok(rows.collect())
    }

    /// The record at an address, deleted or not: where it was, what is not yet emptied tells whether it comes again.
    ///
    /// # Errors
    /// `NotInVersion`, `Corrupt`, `Purged`.
    pub(crate) fn even_deleted(&self, address: Address) -> Result<Record<'_>> {
        let state = self.state(self.table_of(address)?);
        Ok(Record::new(Row::at(self, state, state.locate(address)?, address)?))
    }

    /// The patients who had cases in this dataset that were deleted and not yet emptied, and who have none any more:
    /// compaction and purge take a deleted case's patient out of the files.
    ///
    /// # Errors
    /// What reading of the rows returns.
    pub fn deleted_patients(&self) -> Result<BTreeSet<String>> {
        let (state, mut gone) = (self.state(Table::Cases), BTreeSet::new());
        if !self.has_deleted(Table::Cases) {
            return Ok(gone);
        }
        let live = state.live(self.opening())?;
        for (at, fragment) in state.fragments.iter().enumerate() {
            for row in live.deleted(at).into_iter().flatten() {
                let case = Case::new(Row::at(self, state, at, fragment.id.address(row))?);
                gone.extend(case.patient()?.map(str::to_owned));
            }
        }
        each_patient(self, &mut |_, patient| {
            gone.remove(patient);
            Ok(())
        })?;
        Ok(gone)
    }
}

/// Calls `found` with each case that names its patient.
fn each_patient(dataset: &Dataset, found: &mut dyn FnMut(Address, &str) -> Result<()>) -> Result<()> {
    for piece in dataset.scan(Table::Cases).columns(["patient"])?.batches() {
        let piece = piece?;
        for row in 0..piece.batch.num_rows() {
            let case = piece.address(row)?;
            if let Some(patient) = dataset.case(case)?.patient()? {
                found(case, patient)?;
            }
        }
    }
    Ok(())
}

/// Adds the rows that refer to those to be deleted; whether there were any.
fn add_referrers(dataset: &Dataset, deletes: &mut BTreeSet<Address>) -> Result<bool> {
    let mut more = Vec::new();
    each_referrer(dataset, deletes, &mut |referrer, _| {
        more.push(referrer);
        Ok(())
    })?;
    let found = !more.is_empty();
    deletes.extend(more);
    Ok(found)
}

/// The blobs that no live row shows once these are deleted: those of pictures that were replaced among them.
fn unshown_blobs(dataset: &Dataset, deletes: &BTreeSet<Address>) -> Result<BTreeSet<Address>> {
    let mut blobs = BTreeSet::new();
    for piece in dataset.scan(Table::Blobs).columns(["size"])?.batches() {
        let piece = piece?;
        for row in 0..piece.batch.num_rows() {
            blobs.insert(piece.address(row)?);
        }
    }
    each_reference_to(dataset, &[Table::Blobs], &mut |row, blob| {
        if !deletes.contains(&row) {
            blobs.remove(&blob);
        }
        Ok(())
    })?;
    Ok(blobs)
}

/// Refuses when a live row, not to be deleted itself, refers to a row that is.
pub fn refers_to(base: &Dataset, deletes: &BTreeSet<Address>) -> Result<()> {
    let mut examples = Vec::new();
    let mut count = 0u64;
    each_referrer(base, deletes, &mut |referrer, referred| {
        count += 1;
        if examples.len() < 5 {
            examples.push(format!("{} {referrer} to {referred}", base.table_of(referrer)?.row_name()));
        }
        Ok(())
    })?;
    if count == 0 {
        return Ok(());
    }
    let (who, too, leave) = match count {
        1 => ("1 live row refers".to_owned(), "it", "it refers"),
        _ => (format!("{count} live rows refer"), "them", "they refer"),
    };
    Err(Error::new(
        ErrorKind::Referenced,
        format!(
            "{who} to rows that would be deleted ({}{}): delete {too} too (--cascade), or leave what {leave} to",
            examples.join(", "),
            if count > 5 { ", …" } else { "" },
        ),
    ))
}

/// Calls `found` with each live row outside `rows` that refers to one of them, and with the one.
fn each_referrer(
    dataset: &Dataset,
    rows: &BTreeSet<Address>,
    found: &mut dyn FnMut(Address, Address) -> Result<()>,
) -> Result<()> {
    let mut tables: Vec<Table> = rows.iter().map(|address| dataset.table_of(*address)).collect::<Result<_>>()?;
    tables.sort_unstable();
    tables.dedup();
    each_reference_to(dataset, &tables, &mut |referrer, referred| match rows.contains(&referred)
        && !rows.contains(&referrer)
    {
        true => found(referrer, referred),
        false => Ok(()),
    })
}

/// Calls `found` with each live row and each address in it, in the columns that may refer to these tables.
fn each_reference_to(
    dataset: &Dataset,
    tables: &[Table],
    found: &mut dyn FnMut(Address, Address) -> Result<()>,
) -> Result<()> {
    for table in Table::ALL {
        for state in &dataset.state(table).columns {
            let column = &state.column;
            let may = targets(table, &column.name).iter().any(|target| tables.contains(target));
            if !may || !column.ty.holds_refs() {
                continue;
            }
            for piece in dataset.scan(table).columns([column.name.as_str()])?.batches() {
                let piece = piece?;
                each_reference(&column.ty, piece.batch.column(0).as_ref(), &mut |row, referred| {
                    found(piece.address(row)?, referred)
                })?;
            }
        }
    }
    Ok(())
}

/// Writes the deletions of each table that has new ones, and names them in the manifest.
pub fn write_deletions(
    base: &Dataset,
    claims: &mut Claims,
    deletes: &BTreeSet<Address>,
    next: &mut Manifest,
) -> Result<()> {
    for table in Table::ALL {
        let of_table = |address: &&Address| base.table_of(**address).is_ok_and(|of| of == table);
        let new: Vec<_> = deletes.iter().filter(of_table).copied().collect();
        if new.is_empty() {
            continue;
        }
        let mut all = base.state(table).deleted_addresses(base.opening())?;
        all.extend(new);
        all.sort_unstable();
        all.dedup();
        let (schema, options) = (deletions_schema(), WriteOptions::default());
        let mut file = new_file(base.path(), claims, DELETIONS_DIR, DELETIONS_FILE_KIND, schema.clone(), options)?;
        for part in all.chunks(1 << 16) {
            let values = Int64Array::from_iter_values(part.iter().map(|address| address.get()));
            file.writer.write(&RecordBatch::try_new(schema.clone(), vec![Arc::new(values)])?)?;
        }
        let (path, summary) = file.publish(claims, &[])?;
        next.deletions.retain(|entry| entry.table != table.name());
        next.deletions.push(DeletionFile {
            table: table.name().to_owned(),
            path,
            length: summary.length,
            crc32: summary.crc32,
            rows: summary.rows,
        });
    }
    Ok(())
}
