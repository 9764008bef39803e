//! surgdb: a columnar dataset store and on-disk format for surgical multimodal training data.

#![deny(unsafe_code)]

pub mod dataset;
mod error;
pub mod format;
pub mod schema;
pub mod storage;

pub use error::{Error, ErrorKind, Result};
pub use format::address::{Address, FragmentId};
pub use schema::tables::Table;
