//! The store: rows, columns, versions, selections, copies, and what verifying finds.

#[path = "../common/mod.rs"]
mod common;

mod appended_columns;
mod compact;
mod copy;
mod endings;
mod rows;
mod select;
mod split;
mod stats;
mod tags;
mod updated_cells;
mod vacuum;
mod verify;
