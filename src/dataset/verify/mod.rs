//! Verifying a dataset: every byte against its checksum, every address against what it must lead to, every row
//! against what it must be.

mod blobs;
mod files;
mod found;
mod history;
mod index;
mod links;
mod rows;
mod versions;
mod walk;

pub use found::VerifyReport;
pub(super) use links::check_link;

use crate::dataset::{Annotation, Conversation, Dataset, Frame, ScanBatch};
use crate::error::{Error, Result};
use crate::format::Address;
use crate::read::VerifyLevel;
use crate::schema::tables::Table;
use crate::schema::validate::{check_annotation, check_conversation, check_frame};
use crate::schema::views::BatchRow;
use found::Found;

impl Dataset {
    /// The conversation at an address, held against what one must be when it is written: for what leaves the dataset.
    ///
    /// # Errors
    /// `Corrupt` when it is not; else as [`Dataset::conversation_at`].
    pub(crate) fn sound_conversation(&self, address: Address) -> Result<Conversation<'_>> {
        let row = self.conversation_at(address)?;
        let checked = row.to_row().and_then(|row| check_conversation(&row).map(drop));
        self.leaving(Table::Conversations, address, checked)?;
        Ok(row)
    }

    /// The same of an annotation.
    ///
    /// # Errors
    /// `Corrupt` when it is not; else as [`Dataset::annotation`].
    pub(crate) fn sound_annotation(&self, address: Address) -> Result<Annotation<'_>> {
        let row = self.annotation(address)?;
        let checked = row.to_row().and_then(|row| check_annotation(&row).map(drop));
        self.leaving(Table::Annotations, address, checked)?;
        Ok(row)
    }

    /// The same of a frame.
    ///
    /// # Errors
    /// `Corrupt` when it is not; else as [`Dataset::frame`].
    pub(crate) fn sound_frame(&self, address: Address) -> Result<Frame<'_>> {
        let row = self.frame(address)?;
        let checked = row.to_row().and_then(|row| check_frame(&row).map(drop));
        self.leaving(Table::Frames, address, checked)?;
        Ok(row)
    }

    /// The same of rows of a table with all of its columns.
    ///
    /// # Errors
    /// `Corrupt` when one of them is not what it must be.
    pub(crate) fn check_leaving(&self, table: Table, found: &ScanBatch) -> Result<()> {
        for row in 0..found.batch.num_rows() {
            let checked = BatchRow::new(&found.batch, row).and_then(|cells| rows::check_cells(table, cells));
            self.leaving(table, found.address(row)?, checked)?;
        }
        Ok(())
    }

    /// What is wrong with a row that is to leave the dataset, and what to do.
    fn leaving(&self, table: Table, address: Address, checked: Result<()>) -> Result<()> {
        checked.map_err(|error| {
            let remedy = "`surgdb verify` lists all such rows: delete it, or leave it out (--where)";
            let error = Error::new(error.kind(), format!("{}; {remedy}", error.message())).caused_by(error);
            rows::at_row(self, table, Some(address), error)
        })
    }

    /// Checks everything of this version and the files of all versions that are kept, and lists every fault, not just the
    /// first:
    ///
    /// * every file that it names: length, footer, tiling, each segment's checksum, padding, and that all values decode;
    ///   each blob against its checksum, digest and size, linked ones too; emptied rows are empty and deleted;
    /// * every address: it leads to a live row of a table that the column allows;
    /// * every id: unique in its table and source; every index run: sorted, complete and exact;
    /// * every live row: what is checked when it is written; its source is in the manifest; a frame's size is that in
    ///   the header of its picture;
    /// * the manifest, its reports and tags, and the manifests of all other versions that are kept: all say the same of
    ///   the dataset's id, of each file and of each fragment, and no file number is free again;
    /// * of the other versions every file that this one does not name, each by itself: so that what an older version needs
    ///   is known to be whole. Addresses and rows are followed in this version alone.
    ///
    /// `progress` is called now and then with the bytes done and the bytes in all. Memory is bounded: about 16 bytes a
    /// row of the largest table, plus one batch, plus some hundred bytes a file.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// let dataset = surgdb::Dataset::create(dir.path().join("demo.surgdb"))?;
    /// let report = dataset.verify(&mut |_done, _total| {})?;
    /// assert!(report.is_sound());
    /// # Ok::<(), surgdb::Error>(())
    /// ```
    ///
    /// # Errors
    /// Only what keeps the checks themselves from running; what is wrong with the dataset is in the report.
    pub fn verify(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<VerifyReport> {
        self.verify_files(true, progress)
    }

    /// The same without the files that only other versions name.
    ///
    /// # Errors
    /// As [`Dataset::verify`].
    pub fn verify_this_version(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<VerifyReport> {
        self.verify_files(false, progress)
    }

    fn verify_files(&self, of_all: bool, progress: &mut dyn FnMut(u64, u64)) -> Result<VerifyReport> {
        let mut found = Found::new(self, progress);
        let others = versions::check(self, of_all, &mut found);
        let emptied = files::check(self, &others, &mut found);
        for table in Table::ALL {
            // Opened anew for each table, so that what it has decoded does not stay.
            let dataset = self.reopened_at(VerifyLevel::Lazy)?;
            rows::check(&dataset, table, &mut found);
            if table == Table::Blobs {
                blobs::check(&dataset, &mut found);
            }
            index::check(&dataset, table, &emptied[table as usize], &mut found);
        }
        Ok(found.finish())
    }
}
