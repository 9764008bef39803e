//! The specification in code: names, numbers, addresses, types and the shapes of what stands in files.
//!
//! Nothing here reads or writes a file: bytes come in, checked values go out. It may use `error` alone;
//! everything else may use it.

pub mod address;
pub mod constants;
pub mod footer;
pub mod manifest;
pub mod message;
pub mod notation;
pub mod numbers;

pub use address::{Address, FragmentId};
