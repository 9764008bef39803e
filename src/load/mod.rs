//! The training loader: which sample comes when, and how its bytes are there in time.
//!
//! The order is a pure function; see `spec/ORDER.md`. A [`Plan`] names the rows of one step on one rank, and a batch is
//! what was read for it.

mod plan;

pub use plan::{Plan, Slot};
