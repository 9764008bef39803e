//! surgdb is a store for the data that surgical foundation models are trained on: conversations with their reasoning
//! trees, frames, videos, annotations and cases, in standard Arrow files that any Arrow reader opens.
//!
//! A dataset is a folder. Rows go in through an [`Appender`], become visible all at once as a new version, and are read
//! back from a memory map without being copied:
//!
//! ```
//! # let dir = tempfile::tempdir().unwrap();
//! # let path = dir.path().join("mine.surgdb");
//! use surgdb::rows::{ConversationRow, TurnRow};
//! use surgdb::{Dataset, Operation, Table};
//!
//! let mut appender = Dataset::create(&path)?.append()?;
//! appender.conversation(&ConversationRow {
//!     id: "1".into(),
//!     source: "mine".into(),
//!     task: "phase recognition".into(),
//!     turns: vec![
//!         TurnRow { role: "user".into(), text: "Which phase is this?".into(), ..Default::default() },
//!         TurnRow { role: "assistant".into(), text: "Calot's triangle dissection.".into(), ..Default::default() },
//!     ],
//!     ..Default::default()
//! })?;
//! appender.commit(Operation::new("append"))?;
//!
//! let dataset = Dataset::open(&path)?;
//! let conversation = dataset.conversation(0)?;
//! for turn in conversation.turns()?.iter() {
//!     println!("{}: {}", turn.role(), turn.text());
//! }
//! let address = dataset.find(Table::Conversations, "1")?.expect("it was appended");
//! assert_eq!(dataset.conversation_at(address)?.task()?, "phase recognition");
//! # Ok::<(), surgdb::Error>(())
//! ```
//!
//! # What is where
//!
//! | module | what it is |
//! | --- | --- |
//! | [`dataset`] | versions, commits, the appender, side columns, selections, verification |
//! | [`schema`] | the six tables: columns, [`rows`] as plain values, borrowed [views](schema::views) |
//! | [`vocab`] | the 18 tasks, licences |
//! | [`load`] | the training loader: order, mixtures, packing, ranks, states that resume, batches |
//! | [`import`], [`export`] | what people have, in and out: one file a format |
//! | [`format`](mod@format) | the specification in code; the specification itself is `spec/FORMAT.md` |
//! | [`read`], [`write`](mod@write), [`storage`] | single files: read lazily and checked, written, published |
//!
//! # What is guaranteed
//!
//! - **Stock readers open it.** Every data file is a standard Arrow IPC file.
//! - **Random access is arithmetic.** A row's [`Address`] gives its file and place; opening a dataset reads its manifest
//!   and nothing else.
//! - **Addresses are for ever.** Appending, deleting, compacting and relabelling never change them.
//! - **Nothing is decoded before it is checked.** Damage gives an [`Error`] with file and place, never a panic, and never
//!   other data (see [`VerifyLevel`]).
//! - **A version is all or nothing.** Killed at any moment, a writer leaves the last version whole; readers never see a
//!   version change under them; concurrent writers never overwrite each other.
//! - **The order of training is a pure function** of version, selection, options, seed, epoch and position: the same at any
//!   world size, resumable at any step. `docs/training.md` says what may be relied on.
//!
//! # Limits
//!
//! - It runs on Unix, on file systems with hard links; big-endian machines are not supported.
//! - A dataset has at most 2²¹−1 files in its life, and a fragment at most 2³² rows.
//! - A file that somebody changes under a memory map is beyond what a reader can notice in time: use
//!   [`Access::Plain`] where that may happen.

#![deny(unsafe_code)]

pub mod dataset;
mod error;
pub mod export;
pub mod format;
pub mod import;
pub mod load;
pub mod read;
pub mod schema;
pub mod storage;
pub mod vocab;
pub mod write;

pub use dataset::{Appender, Dataset};
pub use error::{Error, ErrorKind, Result, in_shell};
pub use format::address::{Address, FragmentId};
pub use format::manifest::Operation;
pub use format::notation::{Column, ColumnType};
pub use read::VerifyLevel;
pub use schema::rows;
pub use schema::tables::Table;
pub use storage::Access;

/// The README's Rust, held to what is there.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
