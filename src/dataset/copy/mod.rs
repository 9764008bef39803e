//! Copying rows from one dataset into another: a subset as a dataset of its own, or one dataset merged into another.
//!
//! What a row refers to goes with it, and what that refers to. Rows are told apart by their source and id, as everywhere:
//! one that the target has already is not added again, and references lead to it.

mod columns;
mod refs;
mod rows;
mod shared;
mod sources;
mod there;

use crate::dataset::{Appender, Dataset, Selection};
use crate::error::{Error, Result};
use crate::format::Address;
use crate::format::manifest::{JsonObject, Operation};
use crate::schema::references::each_reference;
use crate::schema::tables::Table;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Range;

/// Tables by what refers to what: a row of one refers to rows of those before it, or of its own, or to blobs. A blob is
/// there for what shows it: one that nothing shows, as what is left of a row that was deleted, is not copied.
const ROOTS: [Table; 5] = [Table::Cases, Table::Videos, Table::Frames, Table::Annotations, Table::Conversations];
/// Rows between two reports of progress.
const PROGRESS_EVERY: u64 = 256;

/// What is copied, and how.
#[derive(Clone, Debug, Default)]
pub struct CopyOptions {
    /// Only these rows and what they refer to; all live rows of all tables where none are named.
    pub selection: Option<Selection>,
    /// Also what annotations say of the frames and videos that are copied; theirs may be other sources and licences.
    pub annotations: bool,
    /// New names for sources, so that ids that clash are told apart.
    pub sources: BTreeMap<String, String>,
    /// Where the target has another row with the same source and id, keep that one, and let references lead to it;
    /// else this is an error.
    pub keep_clashing: bool,
    /// Whether ids mean the same in sources of one name that were imported from other folders; else that is an error.
    pub same_names: bool,
    /// Whether a row that was deleted from the target, and would come in again, is an error; else it is counted.
    pub refuse_deleted: bool,
}

/// How far a copy is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CopyProgress {
    /// Rows done, of those that are asked for; what they refer to is not counted.
    pub rows: u64,
    /// How many are asked for.
    pub total: u64,
    /// Bytes of media that were written.
    pub bytes: u64,
}

/// What was copied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CopyReport {
    /// The target's version with the copied rows; none where nothing was new.
    pub version: Option<u64>,
    /// Rows by table.
    pub rows: BTreeMap<Table, CopiedRows>,
    /// Bytes of new blobs.
    pub bytes: u64,
    /// How many of them are in files that both datasets share, so that they were not copied.
    pub shared: u64,
    /// Values by added column, as `table.name`.
    pub columns: BTreeMap<String, u64>,
    /// Values of added columns that rows of the target have otherwise, and that were kept so, as `table.name`.
    pub columns_kept: BTreeMap<String, u64>,
    /// Blobs that no row shows: they were left out.
    pub unshown: u64,
    /// Reports of imports that were left out: they name records that were not copied, or their files are gone.
    pub reports_left: u64,
    /// Sources of the rows, as the target calls them, and their licences.
    pub sources: BTreeMap<String, Option<String>>,
}

/// What became of the rows of a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CopiedRows {
    /// New in the target.
    pub added: u64,
    /// Of these, rows that had been deleted there, as far as it still has their ids.
    pub again: u64,
    /// There already, as they were imported; of blobs, the same content.
    pub there: u64,
    /// Of these, pictures and videos that had no bytes, and have them now.
    pub filled: u64,
    /// In the target with other content, and kept so.
    pub kept: u64,
}

impl Dataset {
    /// Copies live rows of this version into another dataset, in one new version of it.
    ///
    /// Addresses are new, and references follow. Replaced values are copied as base values, added columns with the rows
    /// that have them; blobs are stored once by their content, and linked ones stay linked; blobs that no row shows stay
    /// behind. Sources go with their licences, and with the reports of their imports where all rows are copied and none
    /// was ever deleted: a report names records. Memory: what an appender takes, and about 80 bytes a copied row.
    ///
    /// A row that the target has as it was imported stays as it is there, save that it gets what it lacks: the bytes of a
    /// picture or video, and values of added columns.
    ///
    /// A file of blobs all of whose rows are copied, none of them deleted, into a dataset that has used no file number up
    /// to its own, is shared where the file system can (a reflink, else a hard link): it is read, and not written.
    ///
    /// # Errors
    /// `Exists` when the target has another row with the same source and id; `Deleted` when a row was deleted there, where
    /// that is to be an error; `Invalid` when both are one dataset, or a source has another licence there; `Conflict`,
    /// `Corrupt`, `Storage`, `Io`; what `progress` returns. Whatever the error, the target stays as it was.
    pub fn copy_to(
        &self,
        target: &Dataset,
        options: &CopyOptions,
        progress: &mut dyn FnMut(CopyProgress) -> Result<()>,
    ) -> Result<(Dataset, CopyReport)> {
        let here = |dataset: &Dataset| dataset.path().canonicalize().ok();
        if here(self) == here(target) {
            return Err(Error::invalid("source and target of the copy are the same dataset"));
        }
        let from = self.checking()?;
        let mut copier = Copier::new(&from, target.append()?, options)?;
        copier.take_all(progress)?;
        copier.carry_columns()?;
        copier.carry_filled()?;
        copier.carry_sources()?;
        copier.finish(target)
    }
}

/// A copy under way.
struct Copier<'a> {
    from: &'a Dataset,
    to: Appender,
    options: &'a CopyOptions,
    /// The address in the target of each row that was taken.
    taken: HashMap<Address, Address>,
    /// Rows that are new in the target, by table.
    new: [Vec<Address>; 6],
    /// Rows that added columns refer to: they are taken, but need not be there first.
    later: Vec<Address>,
    /// Rows that the target has already, by table.
    there: [Vec<Address>; 6],
    filled: there::Filled,
    /// Which tables of the target have rows.
    has_rows: [bool; 6],
    /// The patients whose cases were deleted from the target.
    deleted_patients: BTreeSet<String>,
    /// Sources of the rows, by their ids here.
    sources: BTreeSet<String>,
    report: CopyReport,
}

impl<'a> Copier<'a> {
    fn new(from: &'a Dataset, to: Appender, options: &'a CopyOptions) -> Result<Self> {
        let has_rows = there::with_rows(to.dataset())?;
        let deleted_patients = to.dataset().deleted_patients()?;
        Ok(Self {
            from,
            to,
            options,
            taken: HashMap::new(),
            new: Default::default(),
            later: Vec::new(),
            there: Default::default(),
            filled: there::Filled::default(),
            has_rows,
            deleted_patients,
            sources: BTreeSet::new(),
            report: CopyReport::default(),
        })
    }

    fn take_all(&mut self, progress: &mut dyn FnMut(CopyProgress) -> Result<()>) -> Result<()> {
        let (from, options) = (self.from, self.options);
        let total = match &options.selection {
            Some(selection) => selection.len(),
            None => ROOTS.into_iter().map(|table| from.count(table)).sum::<Result<u64>>()?,
        };
        let mut done = CopyProgress { total, ..CopyProgress::default() };
        let shown = options.selection.is_none().then(|| self.shown_blobs()).transpose()?;
        if let Some(shown) = &shown {
            self.report.unshown = from.count(Table::Blobs)?.saturating_sub(shown.len() as u64);
        }
        self.share_blobs(shown)?;
        let mut take = |copier: &mut Self, address: Address| {
            if done.rows.is_multiple_of(PROGRESS_EVERY) {
                progress(CopyProgress { bytes: copier.report.bytes, ..done })?;
            }
            done.rows += 1;
            copier.take(address)
        };
        match &options.selection {
            Some(selection) => selection.iter().try_for_each(|address| take(self, address))?,
            None => {
                for table in ROOTS {
                    (0..from.count(table)?).try_for_each(|row| take(self, from.address(table, row)?))?;
                }
            }
        }
        match options.annotations {
            true => self.take_annotations(),
            false => Ok(()),
        }
    }

    /// Takes what was said of the frames and videos that are taken, until nothing more is.
    fn take_annotations(&mut self) -> Result<()> {
        let mut asked: HashSet<Address> = HashSet::new();
        loop {
            let new: Vec<Address> = self.taken.keys().filter(|address| !asked.contains(address)).copied().collect();
            if new.is_empty() {
                return Ok(());
            }
            let mut said = BTreeSet::new();
            for address in &new {
                if matches!(self.from.table_of(*address)?, Table::Frames | Table::Videos) {
                    said.extend(self.from.annotations_of(*address)?);
                }
            }
            asked.extend(new);
            said.into_iter().try_for_each(|address| self.take(address))?;
        }
    }

    /// Takes a row, and all that it leads to.
    fn take(&mut self, address: Address) -> Result<()> {
        self.take_first(address)?;
        while let Some(next) = self.later.pop() {
            self.take_first(next)?;
        }
        Ok(())
    }

    /// Takes a row after the rows that it refers to.
    fn take_first(&mut self, address: Address) -> Result<()> {
        let mut open: HashSet<Address> = HashSet::new();
        let mut stack = vec![(address, false)];
        while let Some((address, is_ready)) = stack.pop() {
            if self.taken.contains_key(&address) {
                continue;
            }
            if is_ready {
                self.copy_row(address)?;
                continue;
            }
            if self.is_there(address)? {
                // What added columns refer to is needed for the values that the target lacks.
                self.added_references(address)?;
                continue;
            }
            if !open.insert(address) {
                return Err(Error::corrupt(format!("the row {address} leads back to itself: it cannot be copied")));
            }
            stack.push((address, true));
            let waiting = self.references(address)?.into_iter().filter(|other| !self.taken.contains_key(other));
            stack.extend(waiting.map(|other| (other, false)));
        }
        Ok(())
    }

    /// What a row refers to in the columns of its table; what it refers to in added ones is noted for later.
    fn references(&mut self, address: Address) -> Result<Vec<Address>> {
        self.added_references(address)?;
        let table = self.from.table_of(address)?;
        self.references_in(address, 0..table.columns().len())
    }

    /// Notes for later what a row refers to in added columns.
    fn added_references(&mut self, address: Address) -> Result<()> {
        let table = self.from.table_of(address)?;
        let found = self.references_in(address, table.columns().len()..self.from.state(table).columns.len())?;
        self.later.extend(found);
        Ok(())
    }

    /// What a row refers to in these columns; those that can hold no address are not looked at.
    fn references_in(&self, address: Address, columns: Range<usize>) -> Result<Vec<Address>> {
        let state = self.from.state(self.from.table_of(address)?);
        let mut found = Vec::new();
        for at in columns.filter(|at| state.columns[*at].column.ty.holds_refs()) {
            let row = self.from.row(address)?;
            let cell = crate::schema::views::Cells::cell(&row, at)?;
            let one = cell.array.slice(cell.row, 1);
            each_reference(&state.columns[at].column.ty, one.as_ref(), &mut |_, address| {
                found.push(address);
                Ok(())
            })?;
        }
        Ok(found)
    }

    /// Where a row that was taken is in the target.
    fn new_of(&self, address: Address) -> Result<Address> {
        let new = self.taken.get(&address).copied();
        new.ok_or_else(|| Error::corrupt(format!("{address} is referred to, and is no live row of the dataset")))
    }

    fn finish(self, target: &Dataset) -> Result<(Dataset, CopyReport)> {
        let Self { from, to, mut report, .. } = self;
        let mut summary = JsonObject::new();
        for (table, rows) in report.rows.iter().filter(|(_, rows)| rows.added > 0) {
            summary.insert(table.name().into(), rows.added.into());
        }
        let operation = Operation { summary, ..Operation::new("copy") };
        let operation = operation.with("from", from.manifest().dataset.as_str()).with("from_version", from.version());
        let after = to.commit(operation)?;
        report.version = (after.version() != target.version()).then(|| after.version());
        Ok((after, report))
    }
}
