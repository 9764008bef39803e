//! The model: what each version holds, as maps.

use std::collections::{BTreeMap, BTreeSet};
use surgdb::rows::*;
use surgdb::{Address, Table};

/// A row of any table.
#[derive(Clone, Debug, PartialEq)]
pub enum Row {
    Case(CaseRow),
    Video(VideoRow),
    Frame(FrameRow),
    Blob { media_type: String, bytes: Vec<u8> },
    Annotation(AnnotationRow),
    Conversation(ConversationRow),
}

/// What a cell of a column holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Number(i64),
    Text(String),
    Refs(Vec<Address>),
}

/// A version.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// The live rows.
    pub rows: BTreeMap<Address, Row>,
    /// The deleted ones, and their tables.
    pub deleted: BTreeMap<Address, Table>,
    /// What rows have in the columns that were added, by table and column.
    pub added: BTreeMap<(Table, &'static str), BTreeMap<Address, Value>>,
}

impl Row {
    pub fn table(&self) -> Table {
        match self {
            Self::Case(_) => Table::Cases,
            Self::Video(_) => Table::Videos,
            Self::Frame(_) => Table::Frames,
            Self::Blob { .. } => Table::Blobs,
            Self::Annotation(_) => Table::Annotations,
            Self::Conversation(_) => Table::Conversations,
        }
    }

    /// Source and id.
    pub fn name(&self) -> Option<(&str, &str)> {
        match self {
            Self::Case(row) => Some((&row.source, &row.id)),
            Self::Video(row) => Some((&row.source, &row.id)),
            Self::Frame(row) => Some((&row.source, &row.id)),
            Self::Blob { .. } => None,
            Self::Annotation(row) => Some((&row.source, &row.id)),
            Self::Conversation(row) => Some((&row.source, &row.id)),
        }
    }

    /// All that it refers to.
    pub fn refs(&self) -> Vec<Address> {
        match self {
            Self::Case(_) | Self::Blob { .. } => Vec::new(),
            Self::Video(row) => [row.case, row.blob].into_iter().flatten().collect(),
            Self::Frame(row) => [row.case, row.video, row.parent, row.blob].into_iter().flatten().collect(),
            Self::Annotation(row) => {
                let masks = row.regions.iter().filter_map(|region| region.mask);
                [Some(row.target), row.parent].into_iter().flatten().chain(masks).collect()
            }
            Self::Conversation(row) => {
                let media = row.all_media().flat_map(|medium| medium.refs.clone());
                let evidence = row.reasoning.iter().flat_map(|node| node.evidence.iter().map(|item| item.address));
                row.case.into_iter().chain(media).chain(evidence).chain(row.annotations.clone()).collect()
            }
        }
    }
}

impl State {
    /// The live rows of a table, by ascending address.
    pub fn of(&self, table: Table) -> Vec<(Address, &Row)> {
        self.rows.iter().filter(|(_, row)| row.table() == table).map(|(address, row)| (*address, row)).collect()
    }

    pub fn addresses(&self, table: Table) -> Vec<Address> {
        self.of(table).into_iter().map(|(address, _)| address).collect()
    }

    pub fn find(&self, table: Table, source: &str, id: &str) -> Option<Address> {
        let mut rows = self.of(table).into_iter();
        rows.find(|(_, row)| row.name() == Some((source, id))).map(|(address, _)| address)
    }

    /// The live rows that hold exactly these bytes.
    pub fn blobs_with(&self, wanted: &[u8]) -> Vec<Address> {
        let same = |row: &Row| matches!(row, Row::Blob { bytes, .. } if bytes == wanted);
        self.of(Table::Blobs).into_iter().filter(|(_, row)| same(row)).map(|(address, _)| address).collect()
    }

    /// What a live row refers to, in any column.
    pub fn refs(&self, address: Address) -> Vec<Address> {
        let row = &self.rows[&address];
        let mut refs = row.refs();
        for ((table, _), values) in &self.added {
            if let (true, Some(Value::Refs(more))) = (*table == row.table(), values.get(&address)) {
                refs.extend(more);
            }
        }
        refs
    }

    /// The live rows that refer to one of these and are none of them.
    pub fn referrers(&self, of: &BTreeSet<Address>) -> BTreeSet<Address> {
        let outside = self.rows.keys().filter(|address| !of.contains(address));
        outside.filter(|address| self.refs(**address).iter().any(|to| of.contains(to))).copied().collect()
    }

    pub fn delete(&mut self, address: Address) {
        let row = self.rows.remove(&address).expect("only live rows are deleted");
        self.deleted.insert(address, row.table());
    }

    /// What a live row has in an added column.
    pub fn value(&self, table: Table, column: &'static str, address: Address) -> Value {
        self.added.get(&(table, column)).and_then(|values| values.get(&address)).cloned().unwrap_or(Value::Null)
    }
}
