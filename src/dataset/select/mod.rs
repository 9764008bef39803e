//! Selections: which rows are meant, from a condition to the addresses of the rows that it holds for.
//!
//! A [`Filter`] is read from text or put together; for a table it becomes a plan: names become columns, and conditions
//! on cases, frames, videos and annotations are resolved first, by selecting in those tables. The plan is evaluated over
//! whole columns, batch by batch, and reads no column that it does not name. The result is a [`Selection`]: addresses.

mod dense;
mod expr;
mod join;
mod leaf;
mod lex;
mod licence;
mod like;
mod node;
mod parse;
mod plan;
mod rows;
mod saved;
mod selection;
mod standing;

pub use expr::Filter;
pub use licence::RowLicence;
pub use selection::{Liveness, Selection};
