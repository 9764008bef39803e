//! The training loader: which sample comes when, and how its bytes are there in time.
//!
//! The order is a pure function; see `spec/ORDER.md`. A [`Plan`] names the rows of one step on one rank, and a [`Batch`]
//! is what was read for it.

mod batch;
mod draft;
mod media;
mod plan;
mod projection;

pub use batch::{Assembler, BadSample, Batch};
pub use plan::{Plan, Slot};
pub use projection::{ANNOTATION_ROWS, MEDIA_ROWS, Projection};
