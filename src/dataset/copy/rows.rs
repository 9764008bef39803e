//! A row as it is in the target: with new addresses, and its source's name there.

use super::Copier;
use super::refs::{NewOf, Refer};
use super::there::Fill;
use crate::dataset::{Appender, Dataset, Record};
use crate::error::{Error, ErrorKind, Result};
use crate::format::Address;
use crate::format::constants::RECORD_LEN;
use crate::schema::record::{self, NameOf};
use crate::schema::rows::{AnnotationRow, CaseRow, ConversationRow, FrameRow, VideoRow};
use crate::schema::tables::Table;
use crate::schema::views::{Cells, read};

/// A row of a table with ids.
pub(super) trait CopyRow: Fill + PartialEq + Sized {
    const TABLE: Table;

    fn fetch(dataset: &Dataset, address: Address) -> Result<Self>;
    fn parts(&mut self) -> (&str, &mut String, &mut Option<[u8; RECORD_LEN]>);

    /// The patient whose case it is.
    fn patient(&self) -> Option<&str> {
        None
    }

    fn refer_to(&mut self, new: NewOf<'_>) -> Result<()>;
    fn digest(&self, name_of: &mut NameOf<'_>) -> Result<[u8; RECORD_LEN]>;
    fn append(&self, to: &mut Appender) -> Result<Address>;
}

macro_rules! copy_row {
    ($row:ident, $table:ident, $fetch:ident, $refer:expr, $digest:expr, $append:expr $(, $patient:item)?) => {
        impl CopyRow for $row {
            const TABLE: Table = Table::$table;

            $($patient)?

            fn fetch(dataset: &Dataset, address: Address) -> Result<Self> {
                dataset.$fetch(address)?.to_row()
            }

            fn parts(&mut self) -> (&str, &mut String, &mut Option<[u8; RECORD_LEN]>) {
                (&self.id, &mut self.source, &mut self.record)
            }

            fn refer_to(&mut self, new: NewOf<'_>) -> Result<()> {
                $refer(self, new)
            }

            fn digest(&self, name_of: &mut NameOf<'_>) -> Result<[u8; RECORD_LEN]> {
                $digest(self, name_of)
            }

            fn append(&self, to: &mut Appender) -> Result<Address> {
                $append(to, self)
            }
        }
    };
}

copy_row!(
    CaseRow,
    Cases,
    case,
    |_, _| Ok(()),
    |row, _| Ok(record::of_case(row)),
    Appender::case,
    fn patient(&self) -> Option<&str> {
        self.patient.as_deref()
    }
);
copy_row!(VideoRow, Videos, video, Refer::refer, record::of_video, Appender::video);
copy_row!(FrameRow, Frames, frame, Refer::refer, record::of_frame, Appender::frame);
copy_row!(AnnotationRow, Annotations, annotation, Refer::refer, record::of_annotation, |to: &mut Appender, row| {
    to.annotation(row).map(|(address, _)| address)
});
copy_row!(
    ConversationRow,
    Conversations,
    conversation_at,
    Refer::refer,
    record::of_conversation,
    |to: &mut Appender, row| to.conversation(row).map(|(address, _)| address)
);

impl Copier<'_> {
    /// Copies a row whose references were taken.
    pub(super) fn copy_row(&mut self, address: Address) -> Result<()> {
        let from: &Dataset = self.from;
        let copied = match from.get(address)? {
            Record::Blob(blob) => self.to.copied_blob(&blob).map(|info| match info.is_new {
                true => {
                    self.report.bytes += info.size;
                    self.added(Table::Blobs, address, info.address);
                }
                false => self.there(Table::Blobs, address, info.address),
            }),
            Record::Case(row) => row.to_row().and_then(|row: CaseRow| self.copy(address, row)),
            Record::Video(row) => row.to_row().and_then(|row: VideoRow| self.copy(address, row)),
            Record::Frame(row) => row.to_row().and_then(|row: FrameRow| self.copy(address, row)),
            Record::Annotation(row) => row.to_row().and_then(|row: AnnotationRow| self.copy(address, row)),
            Record::Conversation(row) => row.to_row().and_then(|row: ConversationRow| self.copy(address, row)),
        };
        copied.map_err(|error| {
            let table = from.table_of(address).map_or("row", Table::row_name);
            error.in_row(format!("{table} {address} of the dataset that is copied"))
        })
    }

    fn copy<R: CopyRow>(&mut self, address: Address, mut row: R) -> Result<()> {
        let source = row.parts().1.clone();
        let name = self.source(&source)?;
        if !self.options.sources.is_empty() && row.parts().2.is_some() {
            self.renew_digest(&mut row, &name)?;
        }
        *row.parts().1 = name.clone();
        let bytes = row.bytes();
        row.refer_to(&|address| self.new_of(address))?;
        let id = row.parts().0.to_owned();
        let Some(there) = self.to.lookup(R::TABLE, &name, &id)? else {
            let is_of_deleted = row.patient().is_some_and(|patient| self.deleted_patients.contains(patient));
            let is_again = is_of_deleted || self.to.dataset().was_deleted(R::TABLE, &name, &id)?;
            self.admit(is_again, R::TABLE, &name, &id)?;
            let new = row.append(&mut self.to)?;
            self.added(R::TABLE, address, new);
            return Ok(());
        };
        if let Some(other) = self.same(&mut row, bytes, there)? {
            self.there(R::TABLE, address, there);
            self.fill(row, &other, there);
            return Ok(());
        }
        if !self.options.keep_clashing {
            return Err(Error::new(
                ErrorKind::Exists,
                format!(
                    "the target has another {} with this id of the source {name:?}, at {there}: give the source another \
                     name on the way (--as {source}=NAME), or keep what is there (--keep)",
                    R::TABLE.row_name()
                ),
            )
            .with_id(&id));
        }
        self.keep(R::TABLE, address, there);
        Ok(())
    }

    /// Counts a new row that was deleted from the target before, or refuses it.
    fn admit(&mut self, is_again: bool, table: Table, source: &str, id: &str) -> Result<()> {
        if !is_again {
            return Ok(());
        }
        if self.options.refuse_deleted {
            let what = table.row_name();
            let message = format!(
                "the {what} {id:?} of the source {source:?} was deleted from the target, and would come in again: delete it \
                 here, too, or say which rows are to be copied; --on-deleted take takes it again"
            );
            return Err(Error::new(ErrorKind::Deleted, message));
        }
        self.report.rows.entry(table).or_default().again += 1;
        Ok(())
    }

    /// The target's row, if it is the same: as it was imported, or as it is, and of the same bytes.
    fn same<R: CopyRow>(&self, row: &mut R, bytes: Option<Address>, there: Address) -> Result<Option<R>> {
        if !self.to.dataset().is_live(there)? {
            // It is of this copy: two rows of sources that become one.
            return Ok(None);
        }
        let mut other = R::fetch(self.to.dataset(), there)?;
        let (ours, theirs) = (*row.parts().2, *other.parts().2);
        let is_same = ours.is_some() && ours == theirs || *row == other;
        let is_same = is_same && !self.has_other_bytes(bytes, other.bytes())?;
        Ok(is_same.then_some(other))
    }

    /// A row's digest covers the names of sources. Where the row is still what was imported, it gets the digest with the
    /// new names, so that importing it again under them finds it.
    pub(super) fn renew_digest<R: CopyRow>(&self, row: &mut R, name: &str) -> Result<()> {
        let known = *row.parts().2;
        if Some(row.digest(&mut |address, out| self.push_name(address, false, out))?) != known {
            return Ok(());
        }
        let old = std::mem::replace(row.parts().1, name.to_owned());
        let renewed = row.digest(&mut |address, out| self.push_name(address, true, out))?;
        *row.parts().1 = old;
        *row.parts().2 = Some(renewed);
        Ok(())
    }

    /// What a digest calls a row: source, a zero byte, id.
    fn push_name(&self, address: Address, is_renamed: bool, out: &mut Vec<u8>) -> Result<()> {
        let row = self.from.row(address)?;
        let column = |name: &str| {
            let at = row.table().column_index(name);
            at.ok_or_else(|| Error::corrupt(format!("a {} has no `{name}`", row.table().row_name())))
        };
        let source = read::dict(row.cell(column("source")?)?)?;
        out.extend_from_slice(if is_renamed { self.name_of(source) } else { source }.as_bytes());
        out.push(0);
        out.extend_from_slice(read::text(row.cell(column("id")?)?)?.as_bytes());
        Ok(())
    }

    pub(super) fn added(&mut self, table: Table, from: Address, to: Address) {
        self.taken.insert(from, to);
        self.new[table as usize].push(from);
        self.report.rows.entry(table).or_default().added += 1;
    }

    /// Notes another row of the target that is kept in place of this one.
    pub(super) fn keep(&mut self, table: Table, from: Address, to: Address) {
        self.taken.insert(from, to);
        self.report.rows.entry(table).or_default().kept += 1;
    }

    pub(super) fn there(&mut self, table: Table, from: Address, to: Address) {
        self.taken.insert(from, to);
        self.there[table as usize].push(from);
        self.report.rows.entry(table).or_default().there += 1;
    }
}
