//! Selected rows: the addresses of some rows of a table, indexable fast.

use super::dense::Dense;
use crate::dataset::{Conversation, Dataset};
use crate::error::{Error, Result};
use crate::format::{Address, FragmentId};
use crate::schema::tables::Table;

/// One position in so many has a hint at the part that it lies in.
const HINT_STEP: u64 = 1024;

/// Some rows of one table, by ascending address: what a run is trained on.
///
/// It takes 4 bytes a row, and less where rows follow each other or lie close; `get` and `contains` read no data.
///
/// ```
/// # let dir = tempfile::tempdir().unwrap();
/// # let dataset = surgdb::Dataset::create(dir.path().join("a.surgdb"))?;
/// use surgdb::Table;
/// use surgdb::dataset::Filter;
/// let selection = dataset.select(Table::Conversations, &Filter::parse(r#"task = "phase recognition""#)?)?;
/// assert_eq!(selection.len(), dataset.count(Table::Conversations)?);
/// # Ok::<(), surgdb::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Selection {
    pub(super) about: About,
    parts: Vec<Part>,
    /// Rows of the parts that are lists, one after the other.
    rows: Vec<u32>,
    dense: Vec<Dense>,
    len: u64,
    /// The part that holds position 0, 1024, 2048, ….
    hints: Vec<u32>,
}

/// What was selected from, and how.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct About {
    /// The dataset's own id.
    pub dataset: String,
    pub version: u64,
    pub table: Table,
    /// The condition, as text.
    pub condition: String,
}

/// The selected rows of one fragment.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Part {
    fragment: FragmentId,
    /// Selected rows before it.
    start: u64,
    len: u32,
    rows: Rows,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Rows {
    /// From this row on, without a gap.
    Run(u32),
    /// From this place of the list on.
    List(usize),
    /// Those that this one of the bit sets holds.
    Dense(usize),
}

impl Selection {
    /// The selection of these rows of a table: sorted, each once.
    ///
    /// # Errors
    /// `Invalid` when an address is no row of this table and version.
    pub fn of(dataset: &Dataset, table: Table, addresses: impl IntoIterator<Item = Address>) -> Result<Self> {
        let mut addresses: Vec<_> = addresses.into_iter().collect();
        addresses.sort_unstable();
        addresses.dedup();
        let mut builder = Builder::new(About::of(dataset, table, "addresses".into()));
        for address in addresses {
            dataset.state(table).locate(address).map_err(|error| Error::invalid(error.message()))?;
            builder.push(address.fragment(), address.row(), 1);
        }
        Ok(builder.finish())
    }

    /// Which table's rows they are.
    pub fn table(&self) -> Table {
        self.about.table
    }

    /// The version that was selected from.
    pub fn version(&self) -> u64 {
        self.about.version
    }

    /// The id of the dataset that was selected from.
    pub fn dataset_id(&self) -> &str {
        &self.about.dataset
    }

    /// The condition, as text.
    pub fn condition(&self) -> &str {
        &self.about.condition
    }

    /// How many rows.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The `index`-th address, or `None` where there are not so many.
    pub fn get(&self, index: u64) -> Option<Address> {
        if index >= self.len {
            return None;
        }
        let block = (index / HINT_STEP) as usize;
        let first = *self.hints.get(block)? as usize;
        let last = self.hints.get(block + 1).map_or(self.parts.len(), |last| *last as usize + 1);
        let candidates = self.parts.get(first..last)?;
        let part = candidates.get(candidates.partition_point(|part| part.start <= index).checked_sub(1)?)?;
        let within = (index - part.start) as u32;
        Some(part.fragment.address(self.row(part, within)?))
    }

    /// A selected row of a part.
    fn row(&self, part: &Part, within: u32) -> Option<u32> {
        match part.rows {
            Rows::Run(row) => Some(row + within),
            Rows::List(at) => self.rows.get(at + within as usize).copied(),
            Rows::Dense(at) => self.dense.get(at)?.get(within),
        }
    }

    /// Whether a row was selected.
    pub fn contains(&self, address: Address) -> bool {
        let found = self.parts.binary_search_by_key(&address.fragment(), |part| part.fragment);
        let Some(part) = found.ok().and_then(|at| self.parts.get(at)) else { return false };
        match part.rows {
            Rows::Run(first) => address.row().checked_sub(first).is_some_and(|within| within < part.len),
            Rows::List(at) => self.rows[at..at + part.len as usize].binary_search(&address.row()).is_ok(),
            Rows::Dense(at) => self.dense[at].contains(address.row()),
        }
    }

    /// The addresses, ascending.
    pub fn iter(&self) -> impl Iterator<Item = Address> + '_ {
        self.parts.iter().flat_map(|part| self.rows_of(part).map(|row| part.fragment.address(row)))
    }

    fn rows_of(&self, part: &Part) -> impl Iterator<Item = u32> + '_ {
        let (run, list, dense) = match part.rows {
            Rows::Run(first) => (first..first + part.len, &[][..], None),
            Rows::List(at) => (0..0, &self.rows[at..at + part.len as usize], None),
            Rows::Dense(at) => (0..0, &[][..], self.dense.get(at)),
        };
        run.chain(list.iter().copied()).chain(dense.into_iter().flat_map(Dense::iter))
    }

    /// The conversations, by ascending address.
    ///
    /// Each is `Deleted` or `NotInVersion` where `dataset` does not hold the row.
    pub fn conversations<'a>(&'a self, dataset: &'a Dataset) -> impl Iterator<Item = Result<Conversation<'a>>> + 'a {
        self.iter().map(|address| dataset.conversation_at(address))
    }

    /// The rows that both selections have, of the same table.
    ///
    /// # Errors
    /// `Invalid` when they are of two tables.
    pub fn and(&self, other: &Self) -> Result<Self> {
        self.same_table(other)?;
        let condition = format!("({}) and ({})", self.about.condition, other.about.condition);
        Ok(self.keep(condition, |address| other.contains(address)))
    }

    /// The rows of this selection that the other does not have.
    ///
    /// # Errors
    /// `Invalid` when they are of two tables.
    pub fn without(&self, other: &Self) -> Result<Self> {
        self.same_table(other)?;
        let condition = format!("({}) and not ({})", self.about.condition, other.about.condition);
        Ok(self.keep(condition, |address| !other.contains(address)))
    }

    /// Which of its rows a version of the dataset still holds, and which were deleted since.
    ///
    /// # Errors
    /// `Invalid` when the selection was made from another dataset; `Corrupt` when the deletions cannot be read.
    pub fn check(&self, dataset: &Dataset) -> Result<Liveness> {
        if self.about.dataset != dataset.manifest().dataset {
            return Err(Error::invalid(format!(
                "the selection was made from the dataset {}, and this one is {}",
                self.about.dataset,
                dataset.manifest().dataset
            )));
        }
        let mut live = Builder::new(About { version: dataset.version(), ..self.about.clone() });
        let mut gone = Vec::new();
        for address in self.iter() {
            let here = dataset.table_of(address).is_ok_and(|table| table == self.about.table);
            match here && dataset.is_live(address)? {
                true => live.push(address.fragment(), address.row(), 1),
                false => gone.push(address),
            }
        }
        Ok(Liveness { live: live.finish(), gone })
    }

    fn same_table(&self, other: &Self) -> Result<()> {
        match self.about.table == other.about.table {
            true => Ok(()),
            false => Err(Error::invalid(format!(
                "one selection is of {}, the other of {}",
                self.about.table, other.about.table
            ))),
        }
    }

    fn keep(&self, condition: String, keeps: impl Fn(Address) -> bool) -> Self {
        let mut builder = Builder::new(About { condition, ..self.about.clone() });
        for address in self.iter().filter(|address| keeps(*address)) {
            builder.push(address.fragment(), address.row(), 1);
        }
        builder.finish()
    }
}

/// What became of the rows of a selection: see [`Selection::check`].
#[derive(Clone, Debug, PartialEq)]
pub struct Liveness {
    /// The rows that are live.
    pub live: Selection,
    /// The addresses of those that were deleted, or that this version does not have, ascending.
    pub gone: Vec<Address>,
}

impl About {
    pub fn of(dataset: &Dataset, table: Table, condition: String) -> Self {
        Self { dataset: dataset.manifest().dataset.clone(), version: dataset.version(), table, condition }
    }
}

/// Gathers rows by ascending address.
pub(super) struct Builder {
    about: About,
    parts: Vec<Part>,
    rows: Vec<u32>,
    dense: Vec<Dense>,
    len: u64,
}

impl Builder {
    pub fn new(about: About) -> Self {
        Self { about, parts: Vec::new(), rows: Vec::new(), dense: Vec::new(), len: 0 }
    }

    /// Adds rows of a fragment that follow each other; they must lie above all that were added.
    pub fn push(&mut self, fragment: FragmentId, first: u32, len: u32) {
        if len == 0 {
            return;
        }
        self.len += u64::from(len);
        let start = self.len - u64::from(len);
        match self.parts.last_mut() {
            Some(part) if part.fragment == fragment => {
                match part.rows {
                    Rows::Run(run) if run + part.len == first => {}
                    Rows::Run(run) => {
                        part.rows = Rows::List(self.rows.len());
                        self.rows.extend(run..run + part.len);
                        self.rows.extend((0..len).map(|row| first + row));
                    }
                    _ => self.rows.extend((0..len).map(|row| first + row)),
                }
                part.len += len;
            }
            _ => {
                self.end_part();
                self.parts.push(Part { fragment, start, len, rows: Rows::Run(first) });
            }
        }
    }

    /// The last part gets no more rows: where they lie close, bits take the list's place.
    fn end_part(&mut self) {
        let Some(part) = self.parts.last_mut() else { return };
        if let Rows::List(at) = part.rows
            && let Some(dense) = Dense::new(&self.rows[at..])
        {
            self.rows.truncate(at);
            part.rows = Rows::Dense(self.dense.len());
            self.dense.push(dense);
        }
    }

    pub fn finish(mut self) -> Selection {
        self.end_part();
        self.rows.shrink_to_fit();
        let mut hints = Vec::with_capacity((self.len / HINT_STEP) as usize + 1);
        for (index, part) in self.parts.iter().enumerate() {
            while (hints.len() as u64) * HINT_STEP < part.start + u64::from(part.len) {
                hints.push(index as u32);
            }
        }
        Selection { about: self.about, parts: self.parts, rows: self.rows, dense: self.dense, len: self.len, hints }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn about() -> About {
        About { dataset: String::new(), version: 1, table: Table::Frames, condition: String::new() }
    }

    proptest! {
        #[test]
        fn a_selection_is_a_sorted_list_of_addresses(
            runs in prop::collection::vec((1u32..40, 0u32..5000, 1u32..300), 0..60),
        ) {
            let rows = runs.iter().flat_map(|(part, first, len)| (*first..first + len).map(|row| (*part, row)));
            let model: BTreeSet<_> = rows.map(|(part, row)| FragmentId::new(part).unwrap().address(row)).collect();
            let mut builder = Builder::new(about());
            model.iter().for_each(|address| builder.push(address.fragment(), address.row(), 1));
            let selection = builder.finish();
            prop_assert_eq!(selection.len(), model.len() as u64);
            prop_assert!(selection.iter().eq(model.iter().copied()));
            for (index, address) in model.iter().enumerate() {
                prop_assert_eq!(selection.get(index as u64), Some(*address));
                prop_assert!(selection.contains(*address));
                let next = address.fragment().address(address.row() + 1);
                prop_assert_eq!(selection.contains(next), model.contains(&next));
            }
            prop_assert_eq!(selection.get(model.len() as u64), None);
            prop_assert_eq!(selection.get(u64::MAX), None);
        }
    }
}
