//! From a condition to a plan: names become columns, values become those of the columns' types, and conditions on what
//! rows refer to become the addresses of the rows that they hold for.

use super::expr::{Check, Expr, Field, Filter, wrong};
use super::leaf::{NumberTest, TextTest, is_text, truth, valid};
use super::node::{ColumnTest, LabelTest, Leaf, Node};
use super::rows::Plan;
use super::selection::{About, Builder, Selection};
use crate::dataset::{Dataset, ScanBatch};
use crate::error::{Error, Result};
use crate::format::notation::ColumnType;
use crate::schema::references::targets;
use crate::schema::tables::{Table, annotations, cases};
use arrow_array::BooleanArray;

impl Dataset {
    /// The live rows of a table that a condition holds for.
    ///
    /// It reads the columns that the condition names, and of those only what is not decided without them.
    ///
    /// # Errors
    /// `Invalid`, with the place, when the condition does not fit the table; `Corrupt`, `Purged`.
    pub fn select(&self, table: Table, filter: &Filter) -> Result<Selection> {
        let mut planner = Planner::new(self, table);
        let root = planner.node(&filter.0)?;
        planner.run(root, filter.to_string())
    }

    /// The live rows of a table that a program's own predicate holds for: it is given these columns, batch by batch,
    /// and says for each row whether it is meant. `condition` says in words what it asks, for those who read the
    /// selection later.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let dataset = surgdb::Dataset::create(dir.path().join("a.surgdb"))?;
    /// use arrow_array::cast::AsArray;
    /// use surgdb::Table;
    /// let wide = dataset.select_with(Table::Frames, &["width", "height"], "wider than high", |piece| {
    ///     let size = |column| piece.batch.column(column).as_primitive::<arrow_array::types::Int32Type>().iter();
    ///     Ok(size(0).zip(size(1)).map(|(width, height)| Some(width > height)).collect())
    /// })?;
    /// # Ok::<(), surgdb::Error>(())
    /// ```
    ///
    /// # Errors
    /// `NotFound` when there is no such column; `Invalid` when the answer is of another length; what the predicate
    /// returns; `Corrupt`, `Purged`.
    pub fn select_with(
        &self,
        table: Table,
        columns: &[&str],
        condition: &str,
        mut predicate: impl FnMut(&ScanBatch) -> Result<BooleanArray>,
    ) -> Result<Selection> {
        let mut builder = Builder::new(About::of(self, table, condition.to_owned()));
        for piece in self.scan(table).columns(columns.iter().copied())?.batches() {
            let piece = piece?;
            let mask = predicate(&piece)?;
            if mask.len() != piece.addresses.len() {
                let rows = piece.addresses.len();
                return Err(Error::invalid(format!("the predicate says {} things of {rows} rows", mask.len())));
            }
            for row in valid(&mask, mask.values().clone()).set_indices() {
                let address = piece.address(row)?;
                builder.push(address.fragment(), address.row(), 1);
            }
        }
        Ok(builder.finish())
    }
}

/// Makes the plan for one table.
pub struct Planner<'a> {
    pub(super) dataset: &'a Dataset,
    pub(super) table: Table,
    columns: Vec<usize>,
}

impl<'a> Planner<'a> {
    pub fn new(dataset: &'a Dataset, table: Table) -> Self {
        Self { dataset, table, columns: Vec::new() }
    }

    /// The live rows that a condition, resolved by this planner, holds for.
    ///
    /// # Errors
    /// `Corrupt`, `Purged`.
    pub fn run(self, root: Node, condition: String) -> Result<Selection> {
        Plan { table: self.table, columns: self.columns, root }.run(self.dataset, condition)
    }

    fn node(&mut self, expr: &Expr) -> Result<Node> {
        match expr {
            Expr::And(parts) if parts.is_empty() => Ok(Node::All(true)),
            Expr::Or(parts) if parts.is_empty() => Ok(Node::All(false)),
            Expr::And(parts) => self.nodes(parts).map(Node::And),
            Expr::Or(parts) => self.nodes(parts).map(Node::Or),
            Expr::Not(part) => Ok(Node::Not(Box::new(self.node(part)?))),
            Expr::Test(field, check) => self.path(&field.name, field, check),
        }
    }

    /// The parts of an `and` or `or`, those first that cost least.
    fn nodes(&mut self, parts: &[Expr]) -> Result<Vec<Node>> {
        let mut nodes = parts.iter().map(|part| self.node(part)).collect::<Result<Vec<_>>>()?;
        nodes.sort_by_key(|node| node.cost(&|slot| self.column_cost(slot)));
        Ok(nodes)
    }

    fn column_cost(&self, slot: usize) -> u32 {
        let column = self.columns.get(slot).and_then(|column| self.dataset.state(self.table).columns.get(*column));
        match column.map(|state| &state.column.ty) {
            Some(ColumnType::Text) => 10,
            Some(ColumnType::List(item)) if **item == ColumnType::Ref => 10,
            Some(ColumnType::List(_) | ColumnType::Struct(_)) => 50,
            _ => 1,
        }
    }

    /// The condition on what a path leads to from this table.
    fn path(&mut self, path: &str, field: &Field, check: &Check) -> Result<Node> {
        if field.axis.is_some() {
            return self.label(field, check);
        }
        if let Some((column, rest)) = self.column_of(path) {
            return self.column(column, rest, field, check);
        }
        match (path.split_once('.'), path) {
            (None, "label") => self.label(field, check),
            (None, "licence" | "license") if self.table.has_ids() => self.licence(field, check),
            (None, name) if self.takes_from_case(name) => {
                let cases = Self::below(self.dataset, Table::Cases, name, field, check)?;
                self.in_cases(&cases)
            }
            (Some(("frame", rest)), _) if self.table == Table::Conversations => {
                self.shown(Table::Frames, rest, field, check)
            }
            (Some(("video", rest)), _) if self.table == Table::Conversations => {
                self.shown(Table::Videos, rest, field, check)
            }
            (Some(("annotation", rest)), _) if self.may_have_annotations() => {
                let said = Self::below(self.dataset, Table::Annotations, rest, field, check)?;
                self.said(&said)
            }
            _ => Err(self.unknown(path, field)),
        }
    }

    /// The column that a path starts with, and the rest of the path.
    fn column_of<'p>(&self, path: &'p str) -> Option<(usize, &'p str)> {
        let state = self.dataset.state(self.table);
        let named = |name: &str| state.columns.iter().position(|state| state.column.name == name);
        let ends = std::iter::once(path.len()).chain(path.rmatch_indices('.').map(|(at, _)| at));
        ends.into_iter().find_map(|end| {
            let rest = path[end..].strip_prefix('.').unwrap_or_default();
            named(&path[..end]).map(|column| (column, rest))
        })
    }

    fn takes_from_case(&self, name: &str) -> bool {
        let own = [cases::ID, cases::SOURCE, cases::EXTRA, cases::RECORD];
        let column = Table::Cases.column_index(name);
        self.table.has_ids() && self.table != Table::Cases && column.is_some_and(|column| !own.contains(&column))
    }

    pub(super) fn may_have_annotations(&self) -> bool {
        matches!(self.table, Table::Conversations | Table::Frames | Table::Videos)
    }

    /// Whether a path can start from this table.
    fn knows(&self, path: &str) -> bool {
        let head = path.split_once('.').map_or(path, |(head, _)| head);
        self.column_of(path).is_some()
            || (head == path && (self.takes_from_case(path) || matches!(path, "licence" | "license")))
            || (matches!(head, "frame" | "video") && self.table == Table::Conversations)
            || (matches!(head, "annotation" | "label") && self.may_have_annotations())
    }

    fn unknown(&self, path: &str, field: &Field) -> Error {
        let names: Vec<_> =
            self.dataset.state(self.table).columns.iter().map(|state| state.column.name.as_str()).collect();
        let has = |table: &Table| self.dataset.state(*table).columns.iter().any(|state| state.column.name == path);
        let others: Vec<_> = Table::ALL.iter().filter(|table| has(table)).map(|table| table.name()).collect();
        let elsewhere = match others.as_slice() {
            [] => String::new(),
            others => format!(" ({} has one)", others.join(", and so ")),
        };
        let what = format!("{} has no column {path:?}{elsewhere}; it has {}", self.table, names.join(", "));
        wrong(field.at.as_ref(), what)
    }

    /// Which of the plan's columns this one is.
    pub(super) fn slot(&mut self, column: usize) -> usize {
        let known = self.columns.iter().position(|known| *known == column);
        known.unwrap_or_else(|| {
            self.columns.push(column);
            self.columns.len() - 1
        })
    }

    /// A test at the end of a path into a column of the table's own.
    pub(super) fn base(&mut self, column: usize, steps: &[usize], leaf: Leaf) -> Node {
        Node::Column(ColumnTest { slot: self.slot(column), steps: steps.to_vec(), leaf })
    }

    /// The rows of another table that the rest of a path leads to a true condition from.
    pub(super) fn below(
        dataset: &'a Dataset,
        table: Table,
        path: &str,
        field: &Field,
        check: &Check,
    ) -> Result<Selection> {
        let mut planner = Planner::new(dataset, table);
        let root = planner.path(path, &Field { axis: None, ..field.clone() }, check)?;
        planner.run(root, String::new())
    }

    /// Conversations that show such rows of this table.
    fn shown(&mut self, table: Table, rest: &str, field: &Field, check: &Check) -> Result<Node> {
        let shown = self.referred("media", rest, field, check, Some(table))?;
        Ok(self.shows(&shown))
    }

    /// A condition on a column, or on what a path leads to from it.
    fn column(&mut self, column: usize, path: &str, field: &Field, check: &Check) -> Result<Node> {
        let named = &self.dataset.state(self.table).columns[column].column;
        let (mut ty, mut rest, mut steps) = (&named.ty, path, Vec::new());
        loop {
            match ty {
                ColumnType::List(item) | ColumnType::FixedList(item, _) if !rest.is_empty() => ty = item,
                ColumnType::Struct(parts) if !rest.is_empty() => {
                    let (head, tail) = rest.split_once('.').unwrap_or((rest, ""));
                    let at = parts.iter().position(|part| part.name == head).ok_or_else(|| {
                        let names: Vec<_> = parts.iter().map(|part| part.name.as_str()).collect();
                        let what = format!("{:?} has no part {head:?}; it has {}", named.name, names.join(", "));
                        wrong(field.at.as_ref(), what)
                    })?;
                    steps.push(at);
                    (ty, rest) = (&parts[at].ty, tail);
                }
                ColumnType::Ref if !rest.is_empty() => {
                    let leaf = Leaf::Members(self.referred(&named.name, rest, field, check, None)?);
                    return Ok(self.base(column, &steps, leaf));
                }
                _ if rest.is_empty() => break,
                _ => return Err(wrong(field.at.as_ref(), format!("{:?} has no parts", named.name))),
            }
        }
        let leaf = leaf(ty, field, check)?;
        Ok(self.base(column, &steps, leaf))
    }

    /// The rows that a column of addresses may refer to, and that a condition holds for; `only` is the one table to follow
    /// them into.
    fn referred(
        &self,
        column: &str,
        path: &str,
        field: &Field,
        check: &Check,
        only: Option<Table>,
    ) -> Result<Vec<Selection>> {
        let tables: Vec<_> = targets(self.table, column)
            .iter()
            .copied()
            .filter(|table| only.is_none_or(|only| only == *table) && Planner::new(self.dataset, *table).knows(path))
            .collect();
        if tables.is_empty() {
            let what = format!("nothing that {column:?} refers to has a column {path:?}");
            return Err(wrong(field.at.as_ref(), what));
        }
        tables.into_iter().map(|table| Self::below(self.dataset, table, path, field, check)).collect()
    }

    fn label(&mut self, field: &Field, check: &Check) -> Result<Node> {
        let text = match check {
            Check::Exists => None,
            check => Some(text_test(field, check)?),
        };
        let test = LabelTest::new(field.axis.as_deref(), text);
        let column = annotations::LABELS;
        if self.table == Table::Annotations {
            return Ok(self.base(column, &[], Leaf::Label(Box::new(test))));
        }
        if !self.may_have_annotations() {
            return Err(wrong(field.at.as_ref(), format!("the rows of {} have no labels", self.table)));
        }
        let mut planner = Planner::new(self.dataset, Table::Annotations);
        let root = planner.base(column, &[], Leaf::Label(Box::new(test)));
        let said = planner.run(root, String::new())?;
        self.said(&said)
    }
}

/// The test that a condition makes of values of a type.
fn leaf(ty: &ColumnType, field: &Field, check: &Check) -> Result<Leaf> {
    if let Check::Exists = check {
        return Ok(Leaf::Exists);
    }
    match ty {
        ColumnType::List(_) if is_length(check) => Ok(Leaf::Length(NumberTest::new(check)?)),
        ColumnType::List(item) | ColumnType::FixedList(item, _) => leaf(item, field, check),
        ty if is_text(ty) => Ok(Leaf::Text(text_test(field, check)?, Default::default())),
        ColumnType::Int(_) | ColumnType::UInt(_) | ColumnType::Float(_) => {
            not_allows(field, check)?;
            Ok(Leaf::Number(NumberTest::new(check)?))
        }
        ColumnType::Ref => {
            not_allows(field, check)?;
            Ok(Leaf::Number(NumberTest::of_addresses(check)?))
        }
        ColumnType::Bool => truth(check).map(Leaf::Truth),
        _ => Err(wrong(
            field.at.as_ref(),
            format!("{:?} holds no single values: name a part of it (`turns.text`), or ask with `has`", field.name),
        )),
    }
}

/// Whether a list is compared with a number.
fn is_length(check: &Check) -> bool {
    let number = |value: &super::expr::Value| !value.quoted && value.text.parse::<f64>().is_ok();
    match check {
        Check::Compare(_, value) => number(value),
        Check::In(values) => values.iter().all(number),
        _ => false,
    }
}

pub(super) fn text_test(field: &Field, check: &Check) -> Result<TextTest> {
    not_allows(field, check)?;
    TextTest::new(check)
}

fn not_allows(field: &Field, check: &Check) -> Result<()> {
    match check {
        Check::Allows(_) => Err(wrong(field.at.as_ref(), "only `licence` can allow something")),
        _ => Ok(()),
    }
}
