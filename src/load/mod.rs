//! The training loader: which sample comes when, and how its bytes are there in time.
//!
//! The order is a pure function; see `spec/ORDER.md`. A [`Plan`] names the rows of one step on one rank, and a [`Batch`]
//! is what was read for it.

mod batch;
mod builder;
mod draft;
mod fingerprint;
mod groups;
mod keys;
mod loader;
mod media;
mod mixture;
mod order;
mod permutation;
mod plan;
mod pool;
mod prefetch;
mod projection;
mod reads;
mod shard;
mod state;
mod watch;
mod workers;

pub use batch::{Assembler, BadSample, Batch};
pub use builder::{LoaderBuilder, OnDamage};
pub use fingerprint::Fingerprint;
pub use groups::GroupSelection;
pub use keys::{Keys, RoundKeys, sample_seed};
pub use loader::{Batches, Loader, Plans};
pub use mixture::{EpochLength, Group};
pub use order::{Cursor, Order, Place, SUBSTITUTES_MAX};
pub use permutation::Permutation;
pub use plan::{Plan, Slot};
pub use projection::{ANNOTATION_ROWS, MEDIA_ROWS, Projection};
pub use shard::{Item, Remainder, Shard, Steps};
pub use state::{Mark, State};
pub use watch::Stall;
pub use workers::{Pipeline, PipelineOptions, PipelineStats, PlanIter};
