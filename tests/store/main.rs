//! The store: rows, columns, copies, and what verifying finds.

#[path = "../common/mod.rs"]
mod common;

mod appended_columns;
mod compact;
mod copy;
mod rows;
mod split;
mod stats;
mod updated_cells;
mod verify;
