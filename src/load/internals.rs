//! What the loader is made of, for this project's own tests and its benchmarks (`surgdb bench` too): no user has a need for it, and it changes as it
//! pleases.

pub use super::keys::{Keys, RoundKeys, sample_seed};
pub use super::memory::memory_limit;
pub use super::packing::Bins;
pub use super::permutation::Permutation;
pub use super::shard::{Item, Shard, Steps};
pub use super::window::{Bin, BinPlace, BinReader, Packer, StepBins};
pub use super::workers::{Delivered, Pipeline, PlanIter};
