use super::*;
use crate::schema::rows::{BlobRow, ConversationRow, TurnRow};
use crate::schema::tables::{Table, conversations};
use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, RecordBatch};

fn empties() -> Vec<(Table, RecordBatch)> {
    macro_rules! empty {
        ($table:ident, $builder:ident) => {{
            let mut builder = $builder::new();
            builder.push_empty().unwrap();
            assert_eq!(builder.len(), 1);
            (Table::$table, builder.finish().unwrap())
        }};
    }
    vec![
        empty!(Blobs, BlobsBuilder),
        empty!(Cases, CasesBuilder),
        empty!(Videos, VideosBuilder),
        empty!(Frames, FramesBuilder),
        empty!(Annotations, AnnotationsBuilder),
        empty!(Conversations, ConversationsBuilder),
    ]
}

#[test]
fn an_empty_row_is_null_wherever_it_may_be() {
    for (table, batch) in empties() {
        assert_eq!(&batch.schema(), table.schema());
        assert_eq!(batch.num_rows(), 1);
        for (column, array) in table.columns().iter().zip(batch.columns()) {
            assert_eq!(array.is_null(0), column.nullable, "{table}.{}", column.name);
            assert_eq!(array.nulls().is_some(), column.nullable, "{table}.{}", column.name);
        }
    }
}

#[test]
fn a_batch_without_rows_has_the_schema() {
    assert_eq!(ConversationsBuilder::new().finish().unwrap().schema(), *Table::Conversations.schema());
    assert_eq!(AnnotationsBuilder::new().finish().unwrap().num_rows(), 0);
}

#[test]
fn a_dictionary_holds_each_value_once_in_order_of_appearance() {
    let mut builder = ConversationsBuilder::new();
    let tasks = ["phase", "step", "a", "b", "c", "d", "phase", "d", "c"];
    for task in tasks {
        let turns = vec![TurnRow { role: "user".into(), ..Default::default() }; 2];
        builder.push(&ConversationRow { task: task.into(), turns, ..Default::default() }).unwrap();
    }
    let batch = builder.finish().unwrap();
    assert!(builder.is_empty() && builder.bytes() == 0);
    let task = batch.column(conversations::TASK).as_dictionary::<Int32Type>();
    assert_eq!(task.keys().values(), &[0, 1, 2, 3, 4, 5, 0, 5, 4]);
    assert_eq!(task.values().len(), 6);
    assert!(task.nulls().is_none());
    let turns = batch.column(conversations::TURNS).as_list::<i32>();
    assert_eq!(turns.value_offsets()[9], 18);
    let roles = turns.values().as_struct().column(0).as_dictionary::<Int32Type>();
    assert_eq!((roles.len(), roles.values().len()), (18, 1));
}

#[test]
fn bytes_follow_what_is_held() {
    let mut builder = BlobsBuilder::new();
    let bytes = vec![7; 1 << 20];
    builder.push(&BlobRow { bytes: Some(&bytes), size: 1 << 20, ..Default::default() }).unwrap();
    assert!((1 << 20..(1 << 20) + 1000).contains(&builder.bytes()));
}
