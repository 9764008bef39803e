//! The loader: order, mixtures, packing, batches, and what a run may trust.

#[path = "../common/mod.rs"]
mod common;

mod batches;
mod epochs;
mod lengths;
mod mixture;
mod order;
mod packed;
mod packing;
mod select;
mod shuffle;
mod tags;
