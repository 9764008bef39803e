//! The six tables: their columns, rows as plain values, builders that turn rows into Arrow, and borrowed views; and
//! how the pictures and videos that they tell of are made up.
//!
//! It may use `error` and `format`; it reads and writes no file.

pub mod boxes;
pub mod build;
pub mod forest;
pub mod mp4;
pub mod placeholder;
pub mod record;
pub mod references;
pub(crate) mod roles;
pub mod rows;
pub mod tables;
pub mod text_digest;
pub mod validate;
pub mod views;
pub mod whole;
