//! Builders: rows in, record batches out, each with exactly the columns of its table.
//!
//! One builder a table. A builder appends each row to flat buffers, so a push allocates nothing besides their
//! growth; `finish` turns the buffers into a batch and leaves the builder empty for the next one. `dict` columns
//! become dictionaries of that batch alone: the writer of a file joins them.
//!
//! Lists have 32-bit offsets. A builder that would pass them refuses the row with an error of kind `Invalid` before it
//! takes any part of it; batches are cut long before (see `bytes`).

mod alternatives;
mod annotations;
mod blobs;
mod cases;
mod conversations;
mod frames;
mod leaf;
mod list;
mod load;
mod media;
mod reasoning;
mod regions;
mod turns;
mod videos;

pub use annotations::AnnotationsBuilder;
pub use blobs::BlobsBuilder;
pub use cases::CasesBuilder;
pub use conversations::ConversationsBuilder;
pub use frames::FramesBuilder;
pub use videos::VideosBuilder;

/// Gives a table's builder the methods that all builders share. The builder has a field `load` and a method
/// `columns(&mut self) -> Result<Vec<ArrayRef>>` that ends its columns in the schema's order.
macro_rules! shared_methods {
    ($builder:ident, $table:expr) => {
        impl $builder {
            /// An empty builder.
            pub fn new() -> Self {
                Self::default()
            }

            /// How many rows it holds.
            pub fn len(&self) -> usize {
                self.load.rows()
            }

            /// Whether it holds no row.
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// About how many bytes the rows that it holds take, never much too few.
            pub fn bytes(&self) -> usize {
                self.load.bytes($table.columns().len())
            }

            /// The rows as a record batch of the table's schema; the builder is empty afterwards.
            pub fn finish(&mut self) -> crate::error::Result<arrow_array::RecordBatch> {
                let columns = self.columns()?;
                self.load = Default::default();
                Ok(arrow_array::RecordBatch::try_new($table.schema().clone(), columns)?)
            }
        }
    };
}
use shared_methods;

#[cfg(test)]
mod tests;
