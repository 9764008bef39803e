//! Splits: a side column of conversations that says which part each belongs to, by patient and never by row.

use crate::dataset::{CellUpdate, Dataset, ScanBatch};
use crate::error::{Error, Result};
use crate::format::Address;
use crate::format::notation::{Column, ColumnType};
use crate::schema::references::each_reference;
use crate::schema::tables::{Table, conversations};
use crate::schema::views::Cell;
use crate::schema::views::read;
use arrow_array::DictionaryArray;
use arrow_array::types::Int32Type;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

/// The column, added to conversations and annotations, in which importers put the split that a record belongs to.
pub const SPLIT: &str = "split";
/// The column, added to conversations, in which importers put the source of its own from which a collection has a record.
pub const SOURCE_DATASET: &str = "source_dataset";

/// What a split keeps together: the first of these that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SplitUnit {
    /// All of a patient.
    Patient,
    /// All of an operation whose patient is not known.
    Case,
    /// All of a video of which no case is known.
    Video,
    /// All that shows a picture of which nothing else is known.
    Picture,
    /// A conversation that shows nothing.
    Conversation,
}

/// How a split came out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SplitReport {
    /// Conversations in each part, in the order of the ratios.
    pub parts: Vec<(String, u64)>,
    /// Conversations by what kept them together.
    pub units: BTreeMap<SplitUnit, u64>,
    /// How many groups were dealt out.
    pub groups: u64,
    /// Groups of several units, which a conversation that shows more than one of them holds together.
    pub joined: u64,
}

impl Dataset {
    /// Says for each conversation which part of a split it belongs to, in the column `name`, in a new version.
    ///
    /// The part follows from the seed and the patient's key alone, so that it stays the same as data is added: shares
    /// are met as well as patients allow. Where the patient is not known, the operation, else the video, else the
    /// picture is kept together. A conversation that shows two patients keeps both in one part.
    ///
    /// # Errors
    /// `Invalid` when the ratios are none; `Conflict`, `Storage`, `Corrupt`, `Io`.
    pub fn assign_split(&self, name: &str, ratios: &[(&str, f64)], seed: u64) -> Result<(Dataset, SplitReport)> {
        let total: f64 = ratios.iter().map(|(_, ratio)| ratio).sum();
        let fit = |(part, ratio): &(&str, f64)| !part.is_empty() && *ratio >= 0.0;
        if !ratios.iter().all(fit) || !total.is_finite() || total <= 0.0 {
            return Err(Error::invalid("a split needs named parts with shares of 0 or more, not all of them 0"));
        }
        let mut groups = Groups::default();
        let rows = Units::read(self, &mut groups)?.rows(self, &mut groups)?;
        groups.settle();
        let mut report =
            SplitReport { parts: ratios.iter().map(|(part, _)| ((*part).into(), 0)).collect(), ..Default::default() };
        let mut parts = Vec::with_capacity(rows.len());
        for (_, unit) in &rows {
            let part = part_of(groups.key(*unit), seed, ratios, total);
            report.parts[part].1 += 1;
            *report.units.entry(groups.kinds[*unit]).or_default() += 1;
            parts.push(ratios[part].0);
        }
        (report.groups, report.joined) = groups.count();
        let addresses: Vec<Address> = rows.into_iter().map(|(address, _)| address).collect();
        let values: DictionaryArray<Int32Type> = parts.into_iter().collect();
        let column = Column::new(name, ColumnType::Dict, true);
        let update = CellUpdate::new(Table::Conversations, column, addresses, Arc::new(values));
        Ok((self.update_cells(update)?, report))
    }
}

/// Which part a group belongs to: a number from its key and the seed, laid along the shares.
fn part_of(key: &[u8; 32], seed: u64, ratios: &[(&str, f64)], total: f64) -> usize {
    let mut hasher = blake3::Hasher::new_derive_key("surgdb split");
    hasher.update(&seed.to_le_bytes()).update(key);
    let digest = hasher.finalize();
    let mut first = [0; 8];
    first.copy_from_slice(&digest.as_bytes()[..8]);
    let at = (u64::from_le_bytes(first) >> 11) as f64 / (1u64 << 53) as f64 * total;
    let mut end = 0.0;
    let found = ratios.iter().position(|(_, ratio)| {
        end += ratio;
        at < end
    });
    // Rounding may leave a number at the very end over: it is the last part's that has a share.
    found.or_else(|| ratios.iter().rposition(|(_, ratio)| *ratio > 0.0)).unwrap_or(0)
}

/// Units, and which of them must stay together.
#[derive(Default)]
struct Groups {
    known: HashMap<[u8; 32], usize>,
    keys: Vec<[u8; 32]>,
    kinds: Vec<SplitUnit>,
    /// Of each unit: another of its group, or itself.
    parents: Vec<usize>,
    /// Of each group's first unit: the least key of the group.
    least: HashMap<usize, [u8; 32]>,
}

impl Groups {
    fn unit(&mut self, kind: SplitUnit, parts: &[&[u8]]) -> usize {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&[kind as u8]);
        for part in parts {
            hasher.update(part).update(&[0]);
        }
        let key = *hasher.finalize().as_bytes();
        *self.known.entry(key).or_insert_with(|| {
            self.keys.push(key);
            self.kinds.push(kind);
            self.parents.push(self.parents.len());
            self.parents.len() - 1
        })
    }

    fn first(&mut self, mut unit: usize) -> usize {
        while self.parents[unit] != unit {
            self.parents[unit] = self.parents[self.parents[unit]];
            unit = self.parents[unit];
        }
        unit
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.first(a), self.first(b));
        self.parents[a.max(b)] = a.min(b);
    }

    /// Ends joining: each unit points at its group's first, and each group knows its least key.
    fn settle(&mut self) {
        for unit in 0..self.parents.len() {
            let first = self.first(unit);
            self.parents[unit] = first;
            let key = self.keys[unit];
            self.least.entry(first).and_modify(|least| *least = key.min(*least)).or_insert(key);
        }
    }

    fn key(&self, unit: usize) -> &[u8; 32] {
        self.least.get(&self.parents[unit]).unwrap_or(&self.keys[unit])
    }

    fn count(&self) -> (u64, u64) {
        let mut sizes: HashMap<usize, u64> = HashMap::new();
        self.parents.iter().for_each(|first| *sizes.entry(*first).or_default() += 1);
        (sizes.len() as u64, sizes.values().filter(|size| **size > 1).count() as u64)
    }
}

/// The unit of each case, video and frame.
#[derive(Default)]
struct Units(HashMap<i64, usize>);

impl Units {
    fn read(dataset: &Dataset, groups: &mut Groups) -> Result<Self> {
        let mut units = Self::default();
        each_row(dataset, Table::Cases, &["source", "id", "patient"], |row| {
            let unit = match read::text_opt(row.cell(2))? {
                Some(patient) => groups.unit(SplitUnit::Patient, &[patient.as_bytes()]),
                None => row.unit(groups, SplitUnit::Case)?,
            };
            units.0.insert(row.address.get(), unit);
            Ok(())
        })?;
        each_row(dataset, Table::Videos, &["source", "id", "case"], |row| {
            let unit = match units.of(read::address_opt(row.cell(2))?) {
                Some(unit) => unit,
                None => row.unit(groups, SplitUnit::Video)?,
            };
            units.0.insert(row.address.get(), unit);
            Ok(())
        })?;
        each_row(dataset, Table::Frames, &["source", "id", "case", "video", "parent", "blob"], |row| {
            let known = units.of(read::address_opt(row.cell(2))?);
            let known = known.or(units.of(read::address_opt(row.cell(3))?));
            // A mask belongs to the picture that it was made for.
            let unit = match known.or(units.of(read::address_opt(row.cell(4))?)) {
                Some(unit) => unit,
                None => match read::address_opt(row.cell(5))? {
                    // The same picture under two names is one.
                    Some(blob) => groups.unit(SplitUnit::Picture, &[&dataset.blob(blob)?.digest()?]),
                    None => row.unit(groups, SplitUnit::Picture)?,
                },
            };
            units.0.insert(row.address.get(), unit);
            Ok(())
        })?;
        Ok(units)
    }

    fn of(&self, address: Option<Address>) -> Option<usize> {
        self.0.get(&address?.get()).copied()
    }

    /// The conversations with a unit of each; all units of one are joined.
    fn rows(&self, dataset: &Dataset, groups: &mut Groups) -> Result<Vec<(Address, usize)>> {
        let types =
            [conversations::MEDIA, conversations::ALTERNATIVES].map(|at| &Table::Conversations.columns()[at].ty);
        let mut rows = Vec::new();
        each_row(dataset, Table::Conversations, &["source", "id", "case", "media", "alternatives"], |row| {
            let mut shown: Vec<usize> = self.of(read::address_opt(row.cell(2))?).into_iter().collect();
            for (column, ty) in (3..).zip(types) {
                each_reference(ty, row.cell(column).array.slice(row.row, 1).as_ref(), &mut |_, address| {
                    shown.extend(self.of(Some(address)));
                    Ok(())
                })?;
            }
            let unit = match shown.iter().min_by_key(|unit| groups.kinds[**unit]) {
                Some(unit) => *unit,
                None => row.unit(groups, SplitUnit::Conversation)?,
            };
            shown.iter().for_each(|other| groups.join(unit, *other));
            rows.push((row.address, unit));
            Ok(())
        })?;
        Ok(rows)
    }
}

/// A row of a scan whose first columns are `source` and `id`.
struct ScanRow<'a> {
    piece: &'a ScanBatch,
    row: usize,
    address: Address,
}

impl ScanRow<'_> {
    fn cell(&self, column: usize) -> Cell<'_> {
        Cell { array: self.piece.batch.column(column).as_ref(), row: self.row }
    }

    fn unit(&self, groups: &mut Groups, kind: SplitUnit) -> Result<usize> {
        let (source, id) = (read::dict(self.cell(0))?, read::text(self.cell(1))?);
        Ok(groups.unit(kind, &[source.as_bytes(), id.as_bytes()]))
    }
}

fn each_row(
    dataset: &Dataset,
    table: Table,
    columns: &[&str],
    mut each: impl FnMut(&ScanRow<'_>) -> Result<()>,
) -> Result<()> {
    for piece in dataset.scan(table).columns(columns.iter().copied())?.batches() {
        let piece = piece?;
        for row in 0..piece.batch.num_rows() {
            each(&ScanRow { piece: &piece, row, address: piece.address(row)? })?;
        }
    }
    Ok(())
}

impl fmt::Display for SplitUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Patient => "patient",
            Self::Case => "operation (its patient is not known)",
            Self::Video => "video (no patient is known)",
            Self::Picture => "picture (neither patient nor video is known)",
            Self::Conversation => "conversation (it shows nothing)",
        })
    }
}

impl fmt::Display for SplitReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<_> = self.parts.iter().map(|(part, rows)| format!("{part} {rows}")).collect();
        write!(f, "{}", parts.join(", "))?;
        for (unit, rows) in &self.units {
            write!(f, "; {rows} kept together by {unit}")?;
        }
        match self.joined {
            0 => Ok(()),
            joined => write!(f, "; {joined} groups hold several of these, since a conversation shows more than one"),
        }
    }
}
