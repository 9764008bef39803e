//! Side columns: a column added to a table, or cells of one replaced, without the bulk being rewritten.

use crate::dataset::cells::linked;
use crate::dataset::change::Change;
use crate::dataset::claims::Claims;
use crate::dataset::files::new_file;
use crate::dataset::fragments::Fragment;
use crate::dataset::table::{COLUMN_FILE_KIND, TableState, column_schema, made_rows};
use crate::dataset::{Appender, Dataset};
use crate::error::{Error, Result};
use crate::format::Address;
use crate::format::constants::{COLUMN_RESERVED, COLUMNS_DIR};
use crate::format::manifest::{Operation, SideColumn};
use crate::format::notation::{COLUMN_NAME_RULE, Column, ColumnType, is_column_name};
use crate::schema::references::each_reference;
use crate::schema::tables::{Table, annotations, blobs, frames};
use crate::write::WriteOptions;
use arrow_array::{Array, ArrayRef, RecordBatch, UInt64Array, new_null_array};
use arrow_select::concat::concat;
use arrow_select::interleave::interleave;
use arrow_select::take::take;

/// Rows of a side file's batch at the most.
const BATCH_ROWS: u32 = 1 << 16;

/// New values for cells of a column: a base column that may be replaced, one that was added, or a new one.
///
/// ```
/// # let dir = tempfile::tempdir().unwrap();
/// # let dataset = surgdb::Dataset::create(dir.path().join("a.surgdb"))?;
/// use surgdb::dataset::CellUpdate;
/// use surgdb::{Column, Table};
/// let score = Column::parse("score?: float32")?;
/// let values = arrow_array::Float32Array::from(Vec::<f32>::new());
/// let update = CellUpdate::new(Table::Frames, score, Vec::new(), std::sync::Arc::new(values));
/// # Ok::<(), surgdb::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct CellUpdate {
    table: Table,
    column: Column,
    addresses: Vec<Address>,
    values: ArrayRef,
}

impl CellUpdate {
    /// Gives the rows at these addresses these values, one each; of an address that comes twice the last one counts.
    pub fn new(table: Table, column: Column, addresses: Vec<Address>, values: ArrayRef) -> Self {
        Self { table, column, addresses, values }
    }

    /// Gives the rows at these addresses the cells that a batch of the table's own columns has in some of them.
    pub(crate) fn of_batch<'c>(
        table: Table,
        columns: &'c [usize],
        addresses: &'c [Address],
        batch: &'c RecordBatch,
    ) -> impl Iterator<Item = Self> + 'c {
        let known = columns.iter().filter_map(move |at| Some((*at, table.columns().get(*at)?)));
        known.map(move |(at, column)| Self::new(table, column.clone(), addresses.to_vec(), batch.column(at).clone()))
    }

    /// Whether the change can be made to this version, with the rows that `appended` knows besides.
    pub(super) fn check(&self, dataset: &Dataset, appended: impl Fn(Address) -> Option<Table>) -> Result<()> {
        let Column { name, ty, .. } = &self.column;
        let wrong = |what: String| Err(Error::invalid(format!("the column `{name}` of {}: {what}", self.table)));
        ty.check().or_else(|error| wrong(error.message().to_owned()))?;
        if self.values.data_type() != &ty.to_arrow() {
            return wrong(format!("its values are of type {}, not {ty}", self.values.data_type()));
        }
        if self.values.len() != self.addresses.len() {
            return wrong(format!("{} values for {} rows", self.values.len(), self.addresses.len()));
        }
        let state = dataset.state(self.table);
        match state.columns.iter().position(|state| state.column.name == *name) {
            None => check_name(name)?,
            Some(at) => {
                let known = &state.columns[at].column;
                if known.ty != *ty {
                    return wrong(format!("it is of type {}, not {ty}", known.ty));
                }
                if state.is_base(at) && !may_be_replaced(self.table, at) {
                    return wrong("it cannot be replaced: rows are found by it, or checked with it".into());
                }
                if !known.nullable && self.values.null_count() > 0 {
                    return wrong("it cannot be null".into());
                }
            }
        }
        let base = self.table.column_index(name).is_some();
        for address in self.addresses.iter().filter(|address| state.locate(**address).is_err()) {
            match appended(*address) {
                Some(table) if table == self.table && !base => {}
                Some(table) if table == self.table => {
                    return wrong(format!("{address} is new: its row says what it holds"));
                }
                _ => return wrong(format!("{address} is no row of this version")),
            }
        }
        Ok(())
    }

    /// Calls `found` with each address that the new values hold.
    pub(super) fn each_reference(&self, found: &mut dyn FnMut(Address) -> Result<()>) -> Result<()> {
        each_reference(&self.column.ty, self.values.as_ref(), &mut |_, address| found(address))
    }

    /// Adds what a later update says of the same column.
    pub(super) fn join(&mut self, later: Self) -> Result<()> {
        if self.column.ty != later.column.ty {
            let (name, ty) = (&self.column.name, &self.column.ty);
            return Err(Error::invalid(format!("the column `{name}` is of type {ty}, not {}", later.column.ty)));
        }
        self.values = concat(&[self.values.as_ref(), later.values.as_ref()])?;
        self.addresses.extend(later.addresses);
        Ok(())
    }

    pub(super) fn place(&self) -> (Table, &str) {
        (self.table, &self.column.name)
    }

    pub(super) fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    pub(super) fn values(&self) -> &ArrayRef {
        &self.values
    }
}

fn check_name(name: &str) -> Result<()> {
    if !is_column_name(name) {
        return Err(Error::invalid(format!("{name:?} is no name for a column: {COLUMN_NAME_RULE}")));
    }
    if name.starts_with(COLUMN_RESERVED) {
        return Err(Error::invalid(format!(
            "{name:?} is no name for a column: those that begin with `{COLUMN_RESERVED}` are kept for the format itself"
        )));
    }
    Ok(())
}

/// What the index is built on, what identifies a record, and what checks a blob's bytes stays as it was written.
pub(super) fn may_be_replaced(table: Table, column: usize) -> bool {
    match table {
        Table::Blobs => column == blobs::MEDIA_TYPE,
        Table::Annotations if column == annotations::TARGET => false,
        Table::Frames if column == frames::VIDEO => false,
        _ => !matches!(table.columns()[column].name.as_str(), "id" | "source" | "record"),
    }
}

impl Dataset {
    /// What the columns on top of a table's own say of rows, as updates that say it of other rows of the table.
    pub(crate) fn added_cells(&self, table: Table, rows: &[(Address, Address)]) -> Result<Vec<CellUpdate>> {
        let mut updates = Vec::new();
        for side in self.manifest().columns.iter().filter(|side| !side.replaces && side.table == table.name()) {
            let from: Vec<Address> = rows.iter().map(|(from, _)| *from).collect();
            let (filled, values) = self.filled_cells(table, &from, &side.name)?;
            if filled.is_empty() {
                continue;
            }
            let to = filled.iter().filter_map(|row| rows.get(*row)).map(|(_, to)| *to).collect();
            let column = Column::new(&side.name, ColumnType::parse(&side.ty)?, true);
            updates.push(CellUpdate::new(table, column, to, values));
        }
        Ok(updates)
    }

    /// Which of these rows have a value in a column, by their numbers, and those values.
    pub(super) fn filled_cells(&self, table: Table, rows: &[Address], column: &str) -> Result<(Vec<usize>, ArrayRef)> {
        let batch = self.take(table, rows, &[column])?;
        let values = batch.column(0);
        let filled: Vec<usize> = (0..values.len()).filter(|row| values.is_valid(*row)).collect();
        let numbers: UInt64Array = filled.iter().map(|row| *row as u64).collect::<Vec<_>>().into();
        let values = take(values, &numbers, None)?;
        Ok((filled, values))
    }

    /// Adds a column to a table, in a new version: `values` has one entry for each live row, by ascending address.
    ///
    /// # Errors
    /// `Exists` when the table has a column of this name; `Invalid` when the values do not fit; `Conflict`, `Storage`,
    /// `Io`.
    pub fn add_column(&self, table: Table, column: Column, values: ArrayRef) -> Result<Dataset> {
        if self.state(table).column_named(&column.name).is_ok() {
            return Err(Error::exists(format!("{table} has a column `{}` already", column.name)));
        }
        self.replace_column(table, column, values)
    }

    /// Replaces a column of a table, in a new version: `values` has one entry for each live row, by ascending address.
    /// Of a base column, deleted rows keep what they had.
    ///
    /// # Errors
    /// `Invalid` when the column cannot be replaced or the values do not fit; `Conflict`, `Storage`, `Io`.
    pub fn replace_column(&self, table: Table, column: Column, values: ArrayRef) -> Result<Dataset> {
        let addresses = self.live_addresses(table)?;
        self.update_cells(CellUpdate::new(table, column, addresses, values))
    }

    /// Changes cells of a column, in a new version; rows that are not named keep what they had.
    ///
    /// # Errors
    /// `Invalid` when the column cannot be replaced or the values do not fit; `Conflict`, `Storage`, `Io`.
    pub fn update_cells(&self, update: CellUpdate) -> Result<Dataset> {
        let operation = Operation::new("column")
            .with("table", update.table.name())
            .with("column", update.column.name.as_str())
            .with("rows", update.addresses.len() as u64);
        let mut appender: Appender = self.append()?;
        appender.update(update)?;
        appender.commit(operation)
    }

    /// Takes an added column away again, in a new version. Older versions keep it, and its bytes stay on the disk as long as
    /// they do.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let dataset = surgdb::Dataset::create(dir.path().join("a.surgdb"))?;
    /// use surgdb::{Column, Table};
    /// let none = std::sync::Arc::new(arrow_array::Float32Array::from(Vec::<f32>::new()));
    /// let with = dataset.add_column(Table::Frames, Column::parse("score?: float32")?, none)?;
    /// let without = with.drop_columns(Table::Frames, &["score"])?;
    /// assert!(without.manifest().columns.is_empty());
    /// # Ok::<(), surgdb::Error>(())
    /// ```
    ///
    /// # Errors
    /// `NotFound` when there is no such column; `Invalid` when it is one of the table's own, or is named twice; `Conflict`
    /// when another writer changed it meanwhile; `Storage`, `Io`.
    pub fn drop_columns(&self, table: Table, names: &[&str]) -> Result<Dataset> {
        let mut change = Change::default();
        for name in names {
            let at = self.state(table).column_named(name)?;
            if self.state(table).is_base(at) {
                let what = format!("`{name}` is one of the columns that {table} always has: only added ones can go");
                return Err(Error::invalid(what));
            }
            if change.drops.iter().any(|dropped| dropped.name == *name) {
                return Err(Error::invalid(format!("the column `{name}` is named twice")));
            }
            change.drops.extend(self.manifest().column(table.name(), name).cloned());
        }
        let operation = Operation::new("drop column").with("table", table.name()).with("columns", names.join(","));
        change.commit(self, Claims::new(self.path())?, operation)
    }

    /// The addresses of a table's live rows, ascending.
    ///
    /// # Errors
    /// `Corrupt` when the deletions cannot be read.
    pub fn live_addresses(&self, table: Table) -> Result<Vec<Address>> {
        let state = self.state(table);
        let live = state.live(self.opening())?;
        state.check_rows(self.opening())?;
        let rows = state.fragments.iter().enumerate().flat_map(|(at, fragment)| {
            let rows = (0..fragment.rows).filter(move |row| !live.is_deleted(at, *row));
            rows.map(|row| fragment.id.address(row))
        });
        Ok(rows.collect())
    }
}

/// Writes the side file of an update: each fragment that it touches, whole, with the rest of its cells as they are.
pub fn write_update(dataset: &Dataset, claims: &mut Claims, update: &CellUpdate, change: &mut Change) -> Result<()> {
    let state = dataset.state(update.table);
    let column = match state.columns.iter().find(|state| state.column.name == update.column.name) {
        Some(state) => state.column.clone(),
        None => Column { nullable: true, ..update.column.clone() },
    };
    let replaces = update.table.column_index(&column.name).is_some();
    if update.addresses.is_empty() && state.column_named(&column.name).is_ok() {
        return Ok(());
    }
    let mut cells: Vec<_> = update.addresses.iter().copied().zip(0..).collect();
    cells.sort_by_key(|(address, _)| *address);
    let mut side = SideColumn {
        table: update.table.name().to_owned(),
        name: column.name.clone(),
        ty: column.ty.to_string(),
        replaces,
        files: Vec::new(),
    };
    if !cells.is_empty() {
        let schema = column_schema(&column);
        let options = WriteOptions::default();
        let mut file = new_file(dataset.path(), claims, COLUMNS_DIR, COLUMN_FILE_KIND, schema.clone(), options)?;
        let mut covered = Vec::new();
        for cells in cells.chunk_by(|a, b| a.0.fragment() == b.0.fragment()) {
            let index = state.column_named(&column.name).ok();
            let (at, fragment) = match state.locate(cells[0].0) {
                Ok(at) => (Some(at), state.fragments[at]),
                Err(error) => (None, change.new_fragment(update.table, cells[0].0.fragment()).ok_or(error)?),
            };
            if let Some(at) = at {
                let path = state.cells_path(at, index).to_owned();
                change.overlays.push((update.table, column.name.clone(), fragment.id, path));
                // The new values were held against these columns too.
                let is_linked = index.is_some_and(|index| linked(update.table).contains(&index));
                let others = linked(update.table).iter().filter(|other| is_linked && Some(**other) != index);
                change.overlays.extend(others.map(|other| {
                    let path = state.cells_path(at, Some(*other)).to_owned();
                    (update.table, state.columns[*other].column.name.clone(), fragment.id, path)
                }));
            }
            let known = at.zip(index);
            let patch = Patch { dataset, state, fragment, known, ty: &column, values: &update.values, cells };
            let step = u32::try_from(made_rows(&column.ty)).unwrap_or(u32::MAX).min(BATCH_ROWS);
            for first in (0..fragment.rows).step_by(step as usize) {
                let values = patch.rows(first, step.min(fragment.rows - first))?;
                file.writer.write(&RecordBatch::try_new(schema.clone(), vec![values])?)?;
            }
            covered.push((fragment.id, fragment.rows));
        }
        side.files.push(file.publish_entry(claims, &covered)?);
    }
    change.columns.push(side);
    Ok(())
}

/// New cells over what a fragment has.
struct Patch<'a> {
    dataset: &'a Dataset,
    state: &'a TableState,
    fragment: Fragment,
    /// The fragment's place in the table and the column's, where this version has both.
    known: Option<(usize, usize)>,
    ty: &'a Column,
    values: &'a ArrayRef,
    /// Address and place in `values`, by ascending address; the last one of an address counts.
    cells: &'a [(Address, usize)],
}

impl Patch<'_> {
    fn rows(&self, first: u32, len: u32) -> Result<ArrayRef> {
        let mut sources: Vec<ArrayRef> = vec![self.values.clone()];
        let mut places = Vec::with_capacity(len as usize);
        let mut row = first;
        let mut cells = self.cells[self.cells.partition_point(|cell| cell.0.row() < first)..].iter().peekable();
        let mut current: Option<(usize, u32, u32)> = None;
        let mut nulls = None;
        while row < first + len {
            let mut new = None;
            while let Some((_, place)) = cells.next_if(|cell| cell.0.row() == row) {
                new = Some(*place);
            }
            if let Some(place) = new {
                places.push((0, place));
            } else {
                let here = current.filter(|(_, start, end)| (*start..*end).contains(&row));
                let (source, start, _) = match here {
                    Some(here) => here,
                    None => {
                        let left = match self.current(row)? {
                            Some((array, offset, left)) => {
                                sources.push(array.slice(offset, left as usize));
                                left
                            }
                            // One null stands for all rows.
                            None => {
                                nulls = Some(sources.len());
                                sources.push(new_null_array(&self.ty.ty.to_arrow(), 1));
                                self.fragment.rows - row
                            }
                        };
                        let here = (sources.len() - 1, row, row + left);
                        *current.insert(here)
                    }
                };
                places.push((source, if Some(source) == nulls { 0 } else { (row - start) as usize }));
            }
            row += 1;
        }
        let sources: Vec<&dyn Array> = sources.iter().map(|source| source.as_ref()).collect();
        Ok(interleave(&sources, &places)?)
    }

    /// The array that holds what a row has now, the row's place in it, and how many rows follow there;
    /// `None` where no file covers the fragment.
    fn current(&self, row: u32) -> Result<Option<(ArrayRef, usize, u32)>> {
        let Some((at, column)) = self.known else { return Ok(None) };
        let values = self.state.values(self.dataset.opening(), at, column, row)?;
        Ok(values.map(|(array, at)| {
            let left = ((array.len() - at) as u32).min(self.fragment.rows - row);
            (array, at, left)
        }))
    }
}
