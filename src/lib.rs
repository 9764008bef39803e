//! surgdb: a columnar dataset store and on-disk format for surgical multimodal training data.

#![deny(unsafe_code)]

pub mod dataset;
mod error;
pub mod format;
pub mod import;
pub mod read;
pub mod schema;
pub mod storage;
pub mod vocab;
pub mod write;

pub use dataset::{Appender, Dataset};
pub use error::{Error, ErrorKind, Result};
pub use format::address::{Address, FragmentId};
pub use format::manifest::Operation;
pub use format::notation::{Column, ColumnType};
pub use read::VerifyLevel;
pub use schema::rows;
pub use schema::tables::Table;
pub use storage::Access;
