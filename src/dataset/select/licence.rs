//! The licence of a row: the strictest of those of its own source and of the sources of what it shows, was made from, and
//! takes along with that.

use super::expr::{Check, Field};
use super::leaf::{TextTest, unfit};
use super::node::{Leaf, Node};
use super::plan::{Planner, text_test};
use super::rows::Piece;
use super::standing::{Standing, Standings, has_added, referring, referring_base};
use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::format::Address;
use crate::format::notation::ColumnType;
use crate::schema::references::each_reference;
use crate::schema::tables::Table;
use crate::schema::views::Cells;
use crate::vocab::{Terms, licence};
use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef};
use arrow_buffer::BooleanBuffer;
use std::collections::{BTreeSet, HashMap, HashSet};

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
    /// What may be done with a row: the strictest of the licences of its own source and of the sources of all that a copy
    /// of it takes along: of a conversation its frames, videos, annotations and evidence, of a frame its video and what it
    /// is part of, of an annotation what it is about, its masks and what it is part of; and of each what its added columns refer to.
    ///
    /// # Errors
    /// `Invalid` for a blob, which has no source; `Deleted`, `NotInVersion`, `Corrupt`, `Purged`.
    pub fn licence_of(&self, address: Address) -> Result<RowLicence> {
        let row = self.row(address)?;
        let ranks = Ranks::new(self);
        let mut found = BTreeSet::new();
        let (mut seen, mut waiting) = (HashSet::from([address]), vec![row.address()]);
        while let Some(address) = waiting.pop() {
            found.insert(ranks.of_row(self, address)?);
            let row = self.row(address)?;
            for column in referring(self, row.table()) {
                let cell = row.cell(column)?;
                let one = cell.array.slice(cell.row, 1);
                let ty = &self.state(row.table()).columns.get(column).ok_or_else(unfit)?.column.ty;
                each_reference(ty, one.as_ref(), &mut |_, referred| {
                    if self.table_of(referred)?.has_ids() && seen.insert(referred) {
                        waiting.push(referred);
                    }
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
pub(super) struct Ranks {
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

    pub(super) fn strictest(&self) -> u16 {
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
    pub(super) fn of_array(&self, sources: &ArrayRef) -> Result<Vec<u16>> {
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
        if referring(self.dataset, self.table).is_empty() {
            let fit = |(_, rank): &(&String, &u16)| holding.get(**rank as usize) == Some(&true);
            let names = ranks.of_source.iter().filter(fit).map(|(source, _)| source.clone()).collect();
            return Ok(self.base(source, &[], Leaf::Text(TextTest::In(names), Default::default())));
        }
        let table = self.table;
        let slot = self.slot(source);
        // What frames and annotations take along stands in their own standing.
        // So does that of conversations where others, or they themselves, refer to more in added columns.
        let is_standing = table != Table::Conversations || has_added(self.dataset);
        let columns = if is_standing { &[] } else { referring_base(table) };
        let referring = columns.iter().map(|column| (*column, self.slot(*column))).collect();
        let standings = Standings::read(self.dataset, &ranks, &holding)?;
        let for_each = matches!(check, Check::Allows(_));
        Ok(Node::Licence(Box::new(LicenceTest {
            table,
            is_standing,
            ranks,
            holding,
            for_each,
            slot,
            referring,
            standings,
        })))
    }
}

/// A check of the licences of rows and of what goes along with them.
pub struct LicenceTest {
    table: Table,
    /// Whether the standing of a row is known, and not only that of what it refers to.
    is_standing: bool,
    ranks: Ranks,
    /// Whether the check holds for each licence.
    holding: Vec<bool>,
    /// Whether it must hold for all licences of a row; else the strictest is what counts.
    for_each: bool,
    /// The column `source`.
    slot: usize,
    /// Columns that refer to rows, and their slots.
    referring: Vec<(usize, usize)>,
    standings: Standings,
}

impl LicenceTest {
    pub fn mask(&self, piece: &Piece<'_>) -> Result<BooleanBuffer> {
        let holds = |rank: u16| self.holding.get(rank as usize) == Some(&true);
        let mut rows: Vec<Standing> = match self.is_standing {
            false => {
                let own = self.ranks.of_array(&piece.column(self.slot)?)?;
                own.into_iter().map(|rank| Standing { strictest: rank, holds: holds(rank) }).collect()
            }
            true => (0..piece.len()).map(|row| self.standings.get(piece.address(row))).collect(),
        };
        for (column, slot) in &self.referring {
            let ty: &ColumnType = &self.table.columns().get(*column).ok_or_else(unfit)?.ty;
            each_reference(ty, piece.column(*slot)?.as_ref(), &mut |row, address| {
                if let Some(known) = rows.get_mut(row) {
                    *known = known.and(self.standings.get(address));
                }
                Ok(())
            })?;
        }
        // Being allowed by the strictest is not enough: another may forbid just what is asked for.
        let passes = |row: &Standing| if self.for_each { row.holds } else { holds(row.strictest) };
        Ok(rows.iter().map(passes).collect())
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
        let standings = Standings::read(&dataset, &ranks, &[true, true]).unwrap();
        assert_eq!(ranks.terms(standings.get(frame).strictest), Terms::of(Some("CC0")));
        for address in [frame.get() + 1, frame.get() + (1 << 32)] {
            let terms = ranks.terms(standings.get(Address::new(address).unwrap()).strictest);
            assert_eq!(terms, Terms::of(None));
        }
    }

    fn finding(source: &str, target: Address) -> crate::rows::AnnotationRow {
        crate::rows::AnnotationRow {
            id: "said".into(),
            source: source.into(),
            annotator: None,
            status: None,
            origin: None,
            generator: None,
            target,
            start: None,
            end: None,
            parent: None,
            text: Some("a finding".into()),
            labels: Vec::new(),
            regions: Vec::new(),
            extra: None,
            record: None,
        }
    }

    #[test]
    fn what_goes_along_with_a_row_counts() {
        use crate::rows::*;
        let dir = tempfile::tempdir().unwrap();
        let mut appender = Dataset::create(dir.path().join("d.surgdb")).unwrap().append().unwrap();
        for licence in ["CC0-1.0", "CC-BY-NC-4.0"] {
            appender.source(Source { id: licence.into(), licence: Some(licence.into()), ..Default::default() });
        }
        let frame = |id: &str, source: &str, parent: Option<Address>, video: Option<Address>| FrameRow {
            id: id.into(),
            source: source.into(),
            kind: "rgb".into(),
            parent,
            video,
            ..Default::default()
        };
        let (free, closed) = ("CC0-1.0", "CC-BY-NC-4.0");
        let video = VideoRow { id: "v".into(), source: closed.into(), ..Default::default() };
        let video = appender.video(&video).unwrap();
        let own = appender.frame(&frame("own", free, None, None)).unwrap();
        let of_video = appender.frame(&frame("of video", free, None, Some(video))).unwrap();
        let part = appender.frame(&frame("part", free, Some(of_video), None)).unwrap();
        let said = appender.annotation(&finding(free, part)).unwrap().0;
        let mut expected = Vec::new();
        for (id, frames, annotations) in
            [("own", vec![own], vec![]), ("part", vec![part], vec![]), ("said", vec![own], vec![said])]
        {
            let media = frames.iter().map(|frame| MediumRow { refs: vec![*frame], ..Default::default() }).collect();
            let turns = vec![TurnRow { role: "user".into(), text: "?".into(), ..Default::default() }];
            let row = ConversationRow {
                id: id.into(),
                source: free.into(),
                task: "t".into(),
                turns,
                media,
                annotations,
                ..Default::default()
            };
            expected.push(appender.conversation(&row).unwrap().0);
        }
        let dataset = appender.commit(Operation::new("append")).unwrap();
        let allowed = |table: Table| {
            let filter = crate::dataset::Filter::parse("licence allows commercial").unwrap();
            dataset.select(table, &filter).unwrap().iter().collect::<Vec<_>>()
        };
        assert_eq!(allowed(Table::Conversations), [expected[0]]);
        assert_eq!(allowed(Table::Frames), [own]);
        assert_eq!(allowed(Table::Annotations), []);
        // What added columns refer to goes along too, also of what a row refers to.
        let columns = [(expected[0], part, Table::Conversations), (own, of_video, Table::Frames)];
        for (row, referred, table) in columns {
            let column = crate::format::notation::Column::new("more", ColumnType::Ref, true);
            let values = std::sync::Arc::new(arrow_array::Int64Array::from(vec![referred.get()]));
            let update = crate::dataset::CellUpdate::new(table, column, vec![row], values);
            let dataset = Dataset::open(dir.path().join("d.surgdb")).unwrap().update_cells(update).unwrap();
            let filter = crate::dataset::Filter::parse("licence allows commercial").unwrap();
            assert_eq!(dataset.select(table, &filter).unwrap().iter().count(), 0, "{table}");
            assert_eq!(dataset.licence_of(row).unwrap().strictest.as_deref(), Some(closed), "{table}");
        }
        for (row, strictest) in [(expected[0], free), (expected[1], closed), (expected[2], closed), (part, closed)] {
            assert_eq!(dataset.licence_of(row).unwrap().strictest.as_deref(), Some(strictest));
        }
    }
}
