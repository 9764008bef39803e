//! Cells that replace others: a row must be, with them, what every row must be.

use crate::dataset::Dataset;
use crate::dataset::circles::{Circles, parent};
use crate::dataset::columns::CellUpdate;
use crate::dataset::pictures::{NewSizes, size_of_blob};
use crate::dataset::row::Row;
use crate::error::{Error, Result};
use crate::format::Address;
use crate::schema::build::{AnnotationsBuilder, CasesBuilder, ConversationsBuilder, FramesBuilder, VideosBuilder};
use crate::schema::rows::{AnnotationRow, CaseRow, ConversationRow, FrameRow, VideoRow};
use crate::schema::tables::{Table, annotations, blobs, conversations, frames};
use crate::schema::validate::{
    check_annotation, check_case, check_conversation, check_frame, check_media_type, check_pixels, check_video,
};
use crate::schema::views::{self, Cell, Cells, read};
use arrow_array::RecordBatch;
use std::collections::BTreeMap;

/// Columns of a table that are checked against each other: where one is replaced, the others are read too.
pub fn linked(table: Table) -> &'static [usize] {
    match table {
        Table::Conversations => {
            use conversations as c;
            &[c::TURNS, c::MEDIA, c::GROUNDING, c::REASONING, c::ALTERNATIVES]
        }
        Table::Annotations => &[annotations::START, annotations::END],
        Table::Frames => &[frames::BLOB, frames::WIDTH, frames::HEIGHT],
        _ => &[],
    }
}

/// Checks the rows of base columns that updates change, all updates of a commit together: what replaces the turns and
/// what replaces the media are held against each other. `sizes` are those of pictures that come with the commit.
///
/// # Errors
/// `Invalid`, with the row and the field; `Corrupt` where what is there cannot be read.
pub fn check_updates(dataset: &Dataset, updates: &[CellUpdate], sizes: &NewSizes) -> Result<()> {
    let size = |blob| sizes.get(blob).or_else(|| size_of_blob(dataset, blob));
    for table in Table::ALL {
        let mut new: Vec<(usize, &CellUpdate)> = Vec::new();
        for update in updates.iter().filter(|update| update.place().0 == table) {
            new.extend(table.column_index(update.place().1).map(|column| (column, update)));
        }
        if !new.is_empty() {
            check_table(dataset, table, &new, &size)?;
            check_parents(dataset, table, &new)?;
        }
    }
    Ok(())
}

/// Rows whose parents change must not lead back to themselves, whatever else changes with them.
fn check_parents(dataset: &Dataset, table: Table, new: &[(usize, &CellUpdate)]) -> Result<()> {
    let Some((_, update)) = new.iter().find(|(column, _)| table.column_index("parent") == Some(*column)) else {
        return Ok(());
    };
    let mut parents: BTreeMap<Address, Option<Address>> = BTreeMap::new();
    for (row, address) in update.addresses().iter().enumerate() {
        parents.insert(*address, read::address_opt(Cell { array: update.values().as_ref(), row })?);
    }
    let mut circles = Circles::default();
    for address in parents.keys() {
        let parent = |address| match parents.get(&address) {
            Some(parent) => Ok(*parent),
            // It came with this commit, and refers to what was there before.
            None if !dataset.is_live(address)? => Ok(None),
            None => parent(dataset, table, address),
        };
        if circles.lead_from(*address, parent)? {
            let name = table.row_name();
            return Err(Error::invalid("parent: it leads back to itself").in_row(format!("{name} {address}")));
        }
    }
    Ok(())
}

/// Width and height of a picture, where they are known.
type SizeOf<'a> = &'a dyn Fn(Address) -> Option<(usize, usize)>;

fn check_table(dataset: &Dataset, table: Table, new: &[(usize, &CellUpdate)], size: SizeOf<'_>) -> Result<()> {
    // Of an address that comes twice the last one counts.
    let mut cells: BTreeMap<Address, Vec<(usize, Cell<'_>)>> = BTreeMap::new();
    for (column, update) in new {
        let mut last: BTreeMap<Address, usize> = BTreeMap::new();
        last.extend(update.addresses().iter().copied().zip(0..));
        for (address, row) in last {
            cells.entry(address).or_default().push((*column, Cell { array: update.values().as_ref(), row }));
        }
    }
    let blank = blank(table)?;
    let is_linked = new.iter().any(|(column, _)| linked(table).contains(column));
    for (address, new) in cells {
        // What a deleted row holds is shown nowhere.
        if !dataset.is_live(address)? {
            continue;
        }
        let row = if is_linked { Some(dataset.row_of(table, address)?) } else { None };
        let patched = Patched { table, row, blank: blank.as_ref(), new };
        patched.check(size).map_err(|error| error.in_row(format!("{} {address}", table.row_name())))?;
    }
    Ok(())
}

/// A row as it will be, as far as it is checked: new cells, those of the committed row that are checked with them, and
/// for the rest those of a row that says nothing.
struct Patched<'a> {
    table: Table,
    row: Option<Row<'a>>,
    blank: Option<&'a RecordBatch>,
    new: Vec<(usize, Cell<'a>)>,
}

impl Cells for Patched<'_> {
    fn cell(&self, column: usize) -> Result<Cell<'_>> {
        if let Some((_, cell)) = self.new.iter().find(|(new, _)| *new == column) {
            return Ok(*cell);
        }
        match (&self.row, self.blank) {
            (Some(row), _) if linked(self.table).contains(&column) => row.cell(column),
            (_, Some(blank)) => blank
                .columns()
                .get(column)
                .map(|array| Cell { array: array.as_ref(), row: 0 })
                .ok_or_else(|| Error::not_found(format!("there is no column number {column}"))),
            _ => Err(Error::not_found(format!("there is no column number {column}"))),
        }
    }

    fn address(&self) -> Option<Address> {
        None
    }
}

impl Patched<'_> {
    fn check(&self, size: SizeOf<'_>) -> Result<()> {
        match self.table {
            Table::Conversations => check_conversation(&views::Conversation::new(self).to_row()?).map(drop),
            Table::Annotations => check_annotation(&views::Annotation::new(self).to_row()?).map(drop),
            Table::Cases => check_case(&views::Case::new(self).to_row()?).map(drop),
            Table::Videos => check_video(&views::Video::new(self).to_row()?).map(drop),
            Table::Frames => {
                let frame = views::Frame::new(self).to_row()?;
                check_frame(&frame)?;
                let says = (frame.width, frame.height);
                let is = frame.blob.filter(|_| says != (None, None)).and_then(size);
                is.map_or(Ok(()), |is| check_pixels(says, is))
            }
            Table::Blobs => match self.new.iter().find(|(column, _)| *column == blobs::MEDIA_TYPE) {
                Some((_, cell)) => check_media_type(read::dict(*cell)?),
                None => Ok(()),
            },
        }
    }
}

/// One row of a table that says nothing but what it must.
fn blank(table: Table) -> Result<Option<RecordBatch>> {
    let said = || "-".to_owned();
    macro_rules! of {
        ($builder:ident, $row:expr) => {{
            let mut builder = $builder::new();
            builder.push(&$row)?;
            builder.finish().map(Some)
        }};
    }
    match table {
        Table::Conversations => of!(
            ConversationsBuilder,
            ConversationRow { id: said(), source: said(), task: said(), ..ConversationRow::default() }
        ),
        Table::Cases => of!(CasesBuilder, CaseRow { id: said(), source: said(), ..CaseRow::default() }),
        Table::Videos => of!(VideosBuilder, VideoRow { id: said(), source: said(), ..VideoRow::default() }),
        Table::Frames => {
            of!(FramesBuilder, FrameRow { id: said(), source: said(), kind: said(), ..FrameRow::default() })
        }
        Table::Annotations => of!(
            AnnotationsBuilder,
            AnnotationRow {
                id: said(),
                source: said(),
                annotator: None,
                status: None,
                origin: None,
                generator: None,
                target: Address::new(1 << 32)?,
                start: None,
                end: None,
                parent: None,
                text: None,
                labels: Vec::new(),
                regions: Vec::new(),
                extra: None,
                record: None,
            }
        ),
        Table::Blobs => Ok(None),
    }
}
