//! Which rows are meant: the same options wherever a command takes a part of a dataset.

use crate::ui;
use std::path::PathBuf;
use surgdb::dataset::{Filter, Selection};
use surgdb::vocab::{Permission, Terms};
use surgdb::{Dataset, Error, Result, Table};

/// Conditions that must all hold.
#[derive(clap::Args)]
#[command(next_help_heading = "Which rows")]
pub struct Subset {
    /// Only rows that this holds for, such as 'task = "phase recognition" and has media'
    #[arg(long = "where", value_name = "EXPR", value_parser = Filter::parse)]
    condition: Option<Filter>,
    /// Only rows of this part of a split: what the column `split` says, or another COLUMN
    #[arg(long, value_name = "[COLUMN=]PART", value_parser = part)]
    split: Option<Part>,
    /// Only rows that may be used so, by all licences involved: commercial-ok, derivatives-ok or other-terms-ok
    #[arg(long, value_name = "USE", value_parser = Permission::named)]
    licence: Option<Permission>,
    /// Only rows of a selection that was saved with `surgdb select --save`
    #[arg(long, value_name = "FILE")]
    selection: Option<PathBuf>,
}

/// A part of a split.
#[derive(Clone)]
struct Part {
    column: String,
    filter: Filter,
}

fn part(text: &str) -> std::result::Result<Part, String> {
    let (column, part) = text.split_once('=').unwrap_or(("split", text));
    match column.is_empty() || part.is_empty() {
        true => Err("write PART, or COLUMN=PART, as in fold=3".into()),
        false => Ok(Part { column: column.to_owned(), filter: Filter::eq(column, part) }),
    }
}

impl Subset {
    /// Whether all rows are meant.
    pub fn is_all(&self) -> bool {
        self.filter().is_none() && self.selection.is_none()
    }

    /// The condition of the options, where they make one.
    fn filter(&self) -> Option<Filter> {
        self.conditions().into_iter().reduce(Filter::and)
    }

    fn conditions(&self) -> Vec<Filter> {
        let licence = self.licence.map(Filter::allows);
        let split = self.split.as_ref().map(|part| part.filter.clone());
        [self.condition.clone(), split, licence].into_iter().flatten().collect()
    }

    /// Takes the condition on the split out, where this table has no such column: it is then about conversations.
    ///
    /// # Errors
    /// `Invalid` where these have none either.
    pub fn take_split_of_conversations(&mut self, dataset: &Dataset, table: Table) -> Result<Option<Filter>> {
        let has = |table: Table, column: &str| dataset.schema(table).column_with_name(column).is_some();
        let Some(Part { column, filter }) = self.split.take_if(|part| !has(table, &part.column)) else {
            return Ok(None);
        };
        if !has(Table::Conversations, &column) {
            return Err(Error::invalid(format!(
                "neither {table} nor conversations have a column {column:?}: surgdb import --split fills `split`, and surgdb \
                 column add gives them others"
            )));
        }
        Ok(Some(filter))
    }

    /// The rows that are meant, with a further condition.
    ///
    /// # Errors
    /// `Invalid` when a condition does not fit the table, or the selection is of another table or dataset; else as
    /// [`Dataset::select`] and [`Selection::load`].
    pub fn select_with(&self, dataset: &Dataset, table: Table, more: Option<Filter>) -> Result<Selection> {
        let filter = [self.filter(), more].into_iter().flatten().reduce(Filter::and);
        let Some(file) = &self.selection else { return dataset.select(table, &filter.unwrap_or_else(Filter::all)) };
        let saved = Selection::load(file)?;
        if saved.table() != table {
            return Err(Error::invalid(format!("it is a selection of {}, not of {table}", saved.table())).in_file(file));
        }
        let found = saved.check(dataset).map_err(|error| error.in_file(file))?;
        if !found.gone.is_empty() {
            let gone = ui::counted(found.gone.len() as u64, "row");
            ui::note(format_args!("{} of {} are not in this version: left out", gone, file.display()));
        }
        match filter {
            None => Ok(found.live),
            Some(filter) => found.live.and(&dataset.select(table, &filter)?),
        }
    }

    /// The rows that are meant.
    ///
    /// # Errors
    /// As [`Subset::select_with`].
    pub fn select(&self, dataset: &Dataset, table: Table) -> Result<Selection> {
        self.select_with(dataset, table, None)
    }

    /// The rows that are meant; `None` where that is all of them.
    ///
    /// # Errors
    /// As [`Subset::select_with`].
    pub fn chosen(&self, dataset: &Dataset, table: Table) -> Result<Option<Selection>> {
        match self.is_all() {
            true => Ok(None),
            false => self.select(dataset, table).map(Some),
        }
    }

    /// Why no row is left, in words: what each condition leaves alone, and the licences that refuse the use asked for.
    ///
    /// # Errors
    /// As [`Subset::select_with`].
    pub fn why_none(&self, dataset: &Dataset, table: Table, more: Vec<Filter>) -> Result<String> {
        let mut reasons = Vec::new();
        if let Some(file) = &self.selection {
            let count = Selection::load(file)?.check(dataset)?.live.len();
            reasons.push(format!("the selection {} has {}", file.display(), ui::counted(count, "row")));
        }
        for filter in self.conditions().into_iter().chain(more) {
            let count = dataset.select(table, &filter)?.len();
            reasons.push(format!("`{filter}` holds for {}", if count == 0 { "none".into() } else { ui::count(count) }));
        }
        if let Some(permission) = self.licence {
            reasons.extend(refusing(dataset, permission));
        }
        Ok(reasons.join("; "))
    }
}

/// The sources whose licences refuse a use, or that name none.
fn refusing(dataset: &Dataset, permission: Permission) -> Option<String> {
    let sources = dataset.manifest().sources.iter();
    let refused = sources.filter(|source| !Terms::of(source.licence.as_deref()).allows(permission));
    let named = refused.map(|source| match &source.licence {
        Some(licence) if Terms::of(Some(licence)).is_known() => format!("{} is under {licence}", source.id),
        Some(licence) => format!("{} is under {licence}, whose terms are not known", source.id),
        None => format!("{} names no licence", source.id),
    });
    let named: Vec<String> = named.collect();
    (!named.is_empty()).then(|| format!("refused by licence: {}", named.join(", ")))
}
