//! The rows of a dataset as they can be held against those of another one.

use crate::common::samples::Refer;
use std::collections::HashMap;
use surgdb::rows::*;
use surgdb::{Address, Dataset, FragmentId, Table};

/// Gives rows of the same table and id the same address, whatever dataset they are in.
#[derive(Default)]
pub struct Symbols(HashMap<(Table, String), Address>);

impl Symbols {
    fn of(&mut self, dataset: &Dataset, address: Address) -> Address {
        let table = dataset.table_of(address).unwrap();
        let id = match table {
            Table::Cases => dataset.case(address).unwrap().id().unwrap().to_owned(),
            Table::Videos => dataset.video(address).unwrap().id().unwrap().to_owned(),
            Table::Frames => dataset.frame(address).unwrap().id().unwrap().to_owned(),
            Table::Blobs => format!("{:?}", dataset.blob(address).unwrap().digest().unwrap()),
            table => panic!("{table}"),
        };
        let next = FragmentId::new(9).unwrap().address(self.0.len() as u32);
        *self.0.entry((table, id)).or_insert(next)
    }
}

/// The rows of a dataset by their ids, without what the JSONL forms lose.
#[derive(Debug, Default, PartialEq)]
pub struct Rows {
    pub conversations: HashMap<String, ConversationRow>,
    pub frames: HashMap<String, FrameRow>,
    pub videos: HashMap<String, VideoRow>,
    pub cases: HashMap<String, CaseRow>,
}

impl Rows {
    pub fn of(dataset: &Dataset, symbols: &mut Symbols) -> Self {
        let mut rows = Self::default();
        let all = |table| (0..dataset.count(table).unwrap()).map(move |at| dataset.address(table, at).unwrap());
        for address in all(Table::Conversations) {
            let mut row = dataset.conversation_at(address).unwrap().to_row().unwrap();
            row.annotations.clear();
            for node in &mut row.reasoning {
                node.evidence.retain(|piece| row.media.iter().any(|medium| medium.refs.contains(&piece.address)));
            }
            row.record = None;
            row.refer(&mut |address| symbols.of(dataset, address));
            rows.conversations.insert(row.id.clone(), row);
        }
        for address in all(Table::Frames) {
            let mut row = dataset.frame(address).unwrap().to_row().unwrap();
            row.record = None;
            row.refer(&mut |address| symbols.of(dataset, address));
            rows.frames.insert(row.id.clone(), row);
        }
        for address in all(Table::Videos) {
            let mut row = dataset.video(address).unwrap().to_row().unwrap();
            // They are read from the file where there is one, and the samples' files are none that can be played.
            row.keyframes = row.keyframes.filter(|_| row.blob.is_none());
            row.record = None;
            row.refer(&mut |address| symbols.of(dataset, address));
            rows.videos.insert(row.id.clone(), row);
        }
        for address in all(Table::Cases) {
            let row = CaseRow { record: None, ..dataset.case(address).unwrap().to_row().unwrap() };
            rows.cases.insert(row.id.clone(), row);
        }
        rows
    }
}
