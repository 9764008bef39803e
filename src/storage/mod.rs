//! Where bytes live: reading a file through a map or plainly, and publishing a new one.
//!
//! A file of a dataset appears under its final name only when it is complete and on the disk, and is never
//! changed afterwards; [`publish`] is the one place that makes files appear. It may use `error` and `format`;
//! writers and readers use it, and know of no other way to a disk.

mod device;
#[doc(hidden)]
pub mod fault;
mod file;
mod mmap;
pub mod publish;
mod writeback;

pub use device::Device;
pub use file::{Access, FileBytes, open_plain};
pub use mmap::fetch;
