//! The training loader: which sample comes when, and how its bytes are there in time.
//!
//! The order is a pure function; see `spec/ORDER.md`. A [`Plan`] names the rows of one step on one rank, and a [`Batch`]
//! is what was read for it.

mod batch;
mod batches;
mod builder;
mod draft;
mod estimate;
mod fingerprint;
mod groups;
#[doc(hidden)]
pub mod internals;
mod kept;
mod keys;
mod lengths;
mod loader;
mod media;
mod memory;
mod mixture;
mod notice;
mod openings;
mod order;
mod packing;
mod permutation;
mod plan;
mod plans;
mod pool;
mod prefetch;
mod projection;
mod reads;
mod recent;
mod shard;
mod stall;
mod state;
mod watch;
mod window;
mod workers;

pub use batch::{Assembler, BadSample, Batch};
pub use batches::Batches;
pub use builder::{LoaderBuilder, OnDamage};
pub use estimate::{Estimate, write_token_estimate};
pub use fingerprint::Fingerprint;
pub use groups::GroupSelection;
pub use lengths::{Lengths, PictureSource, TokenSource};
pub use loader::Loader;
pub use mixture::{EpochLength, Group};
pub use notice::Notice;
pub use order::{Cursor, Order, Place, SUBSTITUTES_MAX};
pub use packing::{Budget, Length, Overlong, PICTURES_MAX, Packing, TOKENS_MAX, WINDOW_MAX};
pub use plan::{Plan, Slot};
pub use plans::Plans;
pub use projection::{ALTERNATIVE_MEDIA_ROWS, ANNOTATION_ROWS, MEDIA_ROWS, Projection};
pub use shard::{BATCH_MAX, Remainder};
pub use stall::{Stage, Stall};
pub use state::{Mark, State};
pub use workers::{PipelineOptions, PipelineStats};
