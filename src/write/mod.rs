//! Writing data files: record batches in, one standard Arrow file out, with every segment's checksum.
//!
//! It may use `error`, `format`, `schema` and `storage`; the dataset, its importers and the command line use it.

mod dictionary;
mod encode;
mod file;
mod shown;

pub use file::{FileSummary, FileWriter, StreamedValues, WriteOptions};
