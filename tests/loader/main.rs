//! The loader: order, mixtures, packing, batches, and what a run may trust.
//!
//! What looks at the threads of its process (`tests/loader_workers/`) or counts its allocations is a binary of its own.

#[path = "../common/mod.rs"]
mod common;
mod fixture;

mod batches;
mod epochs;
mod lengths;
mod mixture;
mod order;
mod packed;
mod packing;
mod runs;
mod saved;
mod shuffle;
