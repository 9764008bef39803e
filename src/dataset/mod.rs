//! A dataset: its versions, and how changes to it are made.

pub mod claims;
pub mod commit;
pub mod versions;
