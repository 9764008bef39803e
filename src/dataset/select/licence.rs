//! The licence of a row: the strictest of those of its own source and of the sources of what it shows and was made from.

use super::expr::{Check, Field};
use super::leaf::{TextTest, unfit};
use super::node::{Leaf, Node};
use super::plan::{Planner, text_test};
use super::rows::{Piece, each_piece};
use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::format::Address;
use crate::format::notation::ColumnType;
use crate::schema::references::each_reference;
use crate::schema::tables::{Table, conversations};
use crate::schema::views::Cells;
use crate::vocab::{Permission, Terms, licence};
use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef};
use arrow_buffer::BooleanBuffer;
use std::collections::{BTreeSet, HashMap};

/// Where a conversation refers to what may have another licence: its media, its annotations, its evidence.
const REFERRING: [usize; 3] = [conversations::MEDIA, conversations::ANNOTATIONS, conversations::REASONING];

/// What may be done with a row.
#[derive(Clone, Debug, PartialEq)]
pub struct RowLicence {
    /// The strictest of the licences, as its source names it; `None` where one of the sources names none.
    pub strictest: Option<String>,
    /// What all of them allow together.
    pub terms: Terms,
    /// All of them, sorted; a source without a licence counts for nothing here.
    pub all: Vec<String>,
}

impl Dataset {
    /// What may be done with a row: the strictest of the licences of its own source and, for a conversation, of the
    /// sources of its frames, videos, annotations and evidence.
    ///
    /// # Errors
    /// `Invalid` for a blob, which has no source; `Deleted`, `NotInVersion`, `Corrupt`, `Purged`.
    pub fn licence_of(&self, address: Address) -> Result<RowLicence> {
        let row = self.row(address)?;
        let ranks = Ranks::new(self);
        let mut found = BTreeSet::from([ranks.of_row(self, address)?]);
        if row.table() == Table::Conversations {
            for column in REFERRING {
                let cell = row.cell(column)?;
                let one = cell.array.slice(cell.row, 1);
                each_reference(&Table::Conversations.columns()[column].ty, one.as_ref(), &mut |_, referred| {
                    found.insert(ranks.of_row(self, referred)?);
                    Ok(())
                })?;
            }
        }
        let strictest = found.last().and_then(|rank| ranks.licences.get(*rank as usize)).cloned();
        let all = found.iter().filter_map(|rank| ranks.licences.get(*rank as usize)?.name.clone());
        Ok(RowLicence {
            strictest: strictest.and_then(|licence| licence.name),
            terms: found.iter().map(|rank| ranks.terms(*rank)).fold(Terms::of(Some("CC0")), Terms::and),
            all: all.collect::<BTreeSet<_>>().into_iter().collect(),
        })
    }
}

/// A licence that a source of the dataset has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Licence {
    terms: Terms,
    /// As the source names it; `None` where it names none.
    name: Option<String>,
}

/// The licences of a dataset's sources, the strictest last.
struct Ranks {
    licences: Vec<Licence>,
    of_source: HashMap<String, u16>,
}

impl Ranks {
    fn new(dataset: &Dataset) -> Self {
        let sources = &dataset.manifest().sources;
        let of = |name: &Option<String>| Licence { terms: Terms::of(name.as_deref()), name: name.clone() };
        let mut licences: Vec<_> = sources.iter().map(|source| of(&source.licence)).collect();
        licences.push(of(&None));
        // No name at all is no stricter than a name that nobody knows, but comes last: nothing can be said of it.
        licences
            .sort_unstable_by(|a, b| (a.terms, a.name.is_none(), &a.name).cmp(&(b.terms, b.name.is_none(), &b.name)));
        licences.dedup();
        let rank = |licence: &Licence| licences.iter().position(|known| known == licence).unwrap_or(0) as u16;
        let of_source = sources.iter().map(|source| (source.id.clone(), rank(&of(&source.licence)))).collect();
        Self { licences, of_source }
    }

    fn terms(&self, rank: u16) -> Terms {
        self.licences.get(rank as usize).map_or(Terms::UNKNOWN, |licence| licence.terms)
    }

    fn rank(&self, source: &str) -> u16 {
        // A source that the manifest does not name has no licence that is known: the last.
        self.of_source.get(source).copied().unwrap_or(self.strictest())
    }

    fn strictest(&self) -> u16 {
        self.licences.len().saturating_sub(1) as u16
    }

    fn of_row(&self, dataset: &Dataset, address: Address) -> Result<u16> {
        let row = dataset.row(address)?;
        if !row.table().has_ids() {
            return Err(Error::invalid(format!("{address} is a {}, which has no source", row.table().row_name())));
        }
        let cell = row.named("source")?;
        let ranks = self.of_array(&cell.array.slice(cell.row, 1))?;
        ranks.first().copied().ok_or_else(unfit)
    }

    /// The rank of each row's own source.
    fn of_array(&self, sources: &ArrayRef) -> Result<Vec<u16>> {
        let keyed = sources.as_dictionary_opt::<Int32Type>().ok_or_else(unfit)?;
        let names = keyed.values().as_string_opt::<i32>().ok_or_else(unfit)?;
        let ranks: Vec<_> = (0..names.len()).map(|at| self.rank(names.value(at))).collect();
        let rank = |key: &i32| usize::try_from(*key).ok().and_then(|key| ranks.get(key).copied());
        keyed.keys().values().iter().map(|key| rank(key).ok_or_else(unfit)).collect()
    }

    /// Whether a check holds for each licence.
    fn holding(&self, field: &Field, check: &Check) -> Result<Vec<bool>> {
        let text = match check {
            Check::Exists | Check::Allows(_) => None,
            check => Some(text_test(field, check)?),
        };
        let holds = |own: &Licence| match (check, &own.name, &text) {
            (Check::Allows(permission), ..) => own.terms.allows(*permission),
            (_, Some(name), Some(test)) => {
                test.holds(name) || licence(name).is_some_and(|known| test.holds(known.name))
            }
            (_, name, None) => name.is_some(),
            (_, None, _) => false,
        };
        Ok(self.licences.iter().map(holds).collect())
    }
}

impl Planner<'_> {
    /// Rows whose licence passes a check.
    pub(super) fn licence(&mut self, field: &Field, check: &Check) -> Result<Node> {
        let ranks = Ranks::new(self.dataset);
        let holding = ranks.holding(field, check)?;
        let mut of_sources = ranks.of_source.values().map(|rank| holding.get(*rank as usize) == Some(&true));
        let first = of_sources.next();
        if first.is_some() && of_sources.all(|holds| Some(holds) == first) {
            // Whatever a row refers to, the answer is the same, and no column is read.
            return Ok(Node::All(first == Some(true)));
        }
        let source = self.table.column_index("source").ok_or_else(unfit)?;
        if self.table != Table::Conversations {
            let fit = |(_, rank): &(&String, &u16)| holding.get(**rank as usize) == Some(&true);
            let names = ranks.of_source.iter().filter(fit).map(|(source, _)| source.clone()).collect();
            return Ok(self.base(source, &[], Leaf::Text(TextTest::In(names), Default::default())));
        }
        let slot = self.slot(source);
        let referring = REFERRING.map(|column| self.slot(column));
        let rows = Rows::read(self.dataset, &ranks)?;
        let permission = match check {
            Check::Allows(permission) => Some(*permission),
            _ => None,
        };
        Ok(Node::Licence(Box::new(LicenceTest { ranks, holding, permission, slot, referring, rows })))
    }
}

/// A check of the licences of conversations.
pub struct LicenceTest {
    ranks: Ranks,
    /// Whether the check holds for each licence.
    holding: Vec<bool>,
    /// What all licences of a row must allow; else the strictest is what counts.
    permission: Option<Permission>,
    /// The column `source`.
    slot: usize,
    referring: [usize; 3],
    rows: Rows,
}

impl LicenceTest {
    pub fn mask(&self, piece: &Piece<'_>) -> Result<BooleanBuffer> {
        let mut strictest = self.ranks.of_array(&piece.column(self.slot)?)?;
        let holds = |rank: u16| self.holding.get(rank as usize) == Some(&true);
        let mut all: Vec<bool> = strictest.iter().map(|rank| holds(*rank)).collect();
        for (column, slot) in REFERRING.into_iter().zip(self.referring) {
            let ty: &ColumnType = &Table::Conversations.columns()[column].ty;
            each_reference(ty, piece.column(slot)?.as_ref(), &mut |row, address| {
                let rank = self.rows.rank(address);
                if let (Some(known), Some(all)) = (strictest.get_mut(row), all.get_mut(row)) {
                    *known = rank.max(*known);
                    *all &= holds(rank);
                }
                Ok(())
            })?;
        }
        // Being allowed by the strictest is not enough: another may forbid just what is asked for.
        let passes = |row: usize| if self.permission.is_some() { all[row] } else { holds(strictest[row]) };
        Ok(BooleanBuffer::collect_bool(strictest.len(), passes))
    }
}

/// The rank of the source of every row that a conversation may refer to, by fragment.
struct Rows {
    of_fragment: HashMap<u32, Vec<u16>>,
    /// The rank of what is not there: nothing can be said of its licence.
    strictest: u16,
}

impl Rows {
    fn read(dataset: &Dataset, ranks: &Ranks) -> Result<Self> {
        let mut rows: HashMap<u32, Vec<u16>> = HashMap::new();
        for table in [Table::Frames, Table::Videos, Table::Annotations] {
            let source = table.column_index("source").ok_or_else(unfit)?;
            each_piece(dataset, table, &[source], |piece| {
                let fragment = piece.address(0).fragment().get();
                rows.entry(fragment).or_default().extend(ranks.of_array(&piece.column(0)?)?);
                Ok(())
            })?;
        }
        Ok(Self { of_fragment: rows, strictest: ranks.strictest() })
    }

    fn rank(&self, address: Address) -> u16 {
        let rows = self.of_fragment.get(&address.fragment().get());
        rows.and_then(|rows| rows.get(address.row() as usize)).copied().unwrap_or(self.strictest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::manifest::{Operation, Source};

    #[test]
    fn what_is_not_there_has_the_strictest_licence() {
        let dir = tempfile::tempdir().unwrap();
        let mut appender = Dataset::create(dir.path().join("d.surgdb")).unwrap().append().unwrap();
        for licence in ["CC0", "CC BY-NC"] {
            appender.source(Source { id: licence.into(), licence: Some(licence.into()), ..Default::default() });
        }
        let frame =
            crate::rows::FrameRow { id: "f".into(), source: "CC0".into(), kind: "rgb".into(), ..Default::default() };
        let frame = appender.frame(&frame).unwrap();
        let dataset = appender.commit(Operation::new("append")).unwrap();
        let ranks = Ranks::new(&dataset);
        let rows = Rows::read(&dataset, &ranks).unwrap();
        assert_eq!(ranks.terms(rows.rank(frame)), Terms::of(Some("CC0")));
        for address in [frame.get() + 1, frame.get() + (1 << 32)] {
            let terms = ranks.terms(rows.rank(Address::new(address).unwrap()));
            assert_eq!(terms, Terms::of(None));
        }
    }
}
