//! A dataset: versions, commits, tables, side columns, the index, and everything that is asked of them.
//!
//! It may use all modules below it (`error`, `format`, `vocab`, `schema`, `storage`, `write`, `read`); the loader, the
//! importers, the exporters and the command line use it.

mod append;
mod around;
mod cells;
mod change;
mod circles;
pub mod claims;
mod columns;
pub mod commit;
mod compact;
mod copy;
mod delete;
mod diff;
mod fetch;
mod files;
mod find;
mod fragments;
mod gather;
mod index;
mod interleave;
mod lazy;
pub(crate) mod link;
mod live;
mod merge;
mod open;
pub(crate) mod pictures;
mod record;
mod reports;
mod row;
mod scan;
mod select;
mod split;
mod stats;
mod table;
mod tags;
mod vacuum;
mod verify;
pub mod versions;

pub use append::{Appender, BlobInfo, BlobSource, WriterOptions};
pub(crate) use append::{NewId, NewRows, Sought};
pub(crate) use around::dataset_around;
pub use columns::CellUpdate;
pub use copy::{CopiedRows, CopyOptions, CopyProgress, CopyReport};
pub use delete::{DeleteOptions, SamePatient, StillShown};
pub use diff::{NamesDiff, RowsDiff, VersionDiff};
pub(crate) use gather::{Gather, VIEW_BYTES_MAX, push_view};
pub use index::IndexKind;
pub use open::{Dataset, OpenOptions};
pub use record::{Annotation, Blob, Case, Conversation, Frame, Record, Video};
pub use row::Row;
pub(crate) use scan::ScanPart;
pub use scan::{Scan, ScanBatch};
pub use select::{Filter, Liveness, RowLicence, Selection};
pub use split::{SOURCE_DATASET, SPLIT, SplitReport, SplitUnit};
pub use stats::{
    AnnotationStats, Counts, Group, Held, Labels, MediaStats, NOT_SAID, OTHERS, SampleStats, Spread, Stats,
    StatsProgress,
};
pub use vacuum::{VacuumOptions, VacuumReport};
pub use verify::VerifyReport;
