//! Reading data files: footers, batches and columns are checked and decoded when they are first touched, and stay.
//!
//! Nothing is decoded before it is checked. What is lazy is published by compare-exchange, so no lock is held on the
//! read path and a process may fork at any moment. It may use `error`, `format`, `schema` and `storage`.

mod batch;
mod cache;
mod decode;
mod file;
mod hidden;
mod values;
mod verify;

pub use batch::{Batch, BatchRef};
pub use cache::BatchCache;
pub use file::{DataFile, Expected, VerifyLevel};

#[cfg(test)]
mod tests;
