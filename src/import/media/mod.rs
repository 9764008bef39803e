//! Pictures and videos that records name: where they are, what they are, and their way into the dataset.

pub(super) mod by_name;
pub(super) mod bytes;
mod disguised;
pub(super) mod found;
pub(super) mod mp4;
pub(super) mod names;
pub(super) mod picture;
pub(super) mod resolve;
pub(super) mod store;
pub(super) mod wanted;
