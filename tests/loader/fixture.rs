//! The dataset of runs: texts alone, and how many tokens each has.

use arrow_array::UInt32Array;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use surgdb::dataset::{CellUpdate, Filter, Selection};
use surgdb::rows::{ConversationRow, TurnRow};
use surgdb::{Address, Column, Dataset, Operation, Table};

pub const ROWS: usize = 300;

/// Conversations in three fragments, and a column of their tokens, a file a fragment: `task` is their number modulo 3.
pub fn make(root: &Path) -> Dataset {
    let mut dataset = Dataset::create(root).unwrap();
    for fragment in 0..3 {
        let mut appender = dataset.append().unwrap();
        let mut rows = Vec::new();
        for at in fragment * ROWS / 3..(fragment + 1) * ROWS / 3 {
            let turn = TurnRow { role: "user".into(), text: format!("question {at}"), ..Default::default() };
            let (id, source, task) = (at.to_string(), "s".into(), format!("task {}", at % 3));
            let row = ConversationRow { id, source, task, turns: vec![turn], ..Default::default() };
            rows.push(appender.conversation(&row).unwrap().0);
        }
        let values: UInt32Array = rows.iter().map(|address| Some(tokens(*address))).collect();
        let column = Column::parse("tokens?: uint32").unwrap();
        appender.update(CellUpdate::new(Table::Conversations, column, rows, Arc::new(values))).unwrap();
        dataset = appender.commit(Operation::new("append")).unwrap();
    }
    dataset
}

/// One dataset for all tests that only read.
pub fn dataset() -> &'static Dataset {
    static DATASET: OnceLock<(tempfile::TempDir, Dataset)> = OnceLock::new();
    let (_, dataset) = DATASET.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let dataset = make(&dir.path().join("d.surgdb"));
        (dir, dataset)
    });
    dataset
}

/// What the `tokens` column says of a conversation.
pub fn tokens(address: Address) -> u32 {
    address.row() * 7 % 31 + 1
}

/// The first conversations of it.
pub fn first(dataset: &Dataset, rows: usize) -> Selection {
    let addresses = dataset.live_addresses(Table::Conversations).unwrap();
    Selection::of(dataset, Table::Conversations, addresses[..rows].iter().copied()).unwrap()
}

/// The conversations of one of the tasks.
pub fn task(number: usize) -> Filter {
    Filter::eq("task", format!("task {number}"))
}
