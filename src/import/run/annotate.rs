//! A statement on its way into the dataset: new, held against what is there, or left.

use super::boxes::{Difference, split_difference};
use super::masks::Redrawn;
use super::numbered_rows::said_of;
use super::{Run, Target};
use crate::dataset::Sought;
use crate::error::{Error, ErrorKind, Result};
use crate::format::Address;
use crate::format::constants::RECORD_LEN;
use crate::import::media::bytes::Out;
use crate::import::media::found::replace;
use crate::import::options::OnChange;
use crate::import::report::{At, Kind};
use crate::schema::build::AnnotationsBuilder;
use crate::schema::record;
use crate::schema::rows::{AnnotationRow, RegionRow};
use crate::schema::tables::{Table, annotations};

/// The record digest of a statement that refers to these rows.
fn record_of(row: &AnnotationRow, targets: &[&Target]) -> Result<[u8; RECORD_LEN]> {
    record::of_annotation(row, &mut |address, name| {
        let target = targets.iter().find(|target| target.address == address);
        name.extend_from_slice(target.map(|target| &target.name[..]).unwrap_or_default());
        Ok(())
    })
}

/// Whether a statement of the dataset is this one. What was replaced is another than the digest, which stays, says.
fn is_same(there: &AnnotationRow, row: &AnnotationRow) -> bool {
    there.record == row.record || AnnotationRow { record: row.record, ..there.clone() } == *row
}

/// What `extra` of a statement would be, had its picture's size not been known.
type Unplaced<'f> = dyn Fn() -> Result<Option<String>> + 'f;

/// Whether a statement says of a place what the one of the dataset could not, since the picture's size was not known then. That
/// one is what this would be without: what was corrected is a change.
fn is_placed_now(there: &AnnotationRow, row: &AnnotationRow, unplaced: Option<&Unplaced<'_>>) -> Result<bool> {
    let Some(unplaced) = unplaced.filter(|_| there.extra.is_some() && !has_place(there) && has_place(row)) else {
        return Ok(false);
    };
    let unplaced = AnnotationRow { record: there.record, ..without_size(row, unplaced)? };
    Ok(unplaced == AnnotationRow { regions: without_place(&there.regions), ..there.clone() })
}

/// What a statement would be, had its picture's size not been known.
fn without_size(row: &AnnotationRow, unplaced: &Unplaced<'_>) -> Result<AnnotationRow> {
    Ok(AnnotationRow { extra: unplaced()?, regions: without_place(&row.regions), ..row.clone() })
}

/// What regions say besides where they are.
fn without_place(regions: &[RegionRow]) -> Vec<RegionRow> {
    let bare = regions.iter().map(|region| RegionRow { bbox: None, polygons: None, ..region.clone() });
    bare.filter(|region| *region != RegionRow { role: region.role.clone(), ..RegionRow::default() }).collect()
}

fn has_place(row: &AnnotationRow) -> bool {
    row.regions.iter().any(|at| at.bbox.is_some() || at.polygons.is_some())
}

/// What became of a statement.
enum Taken {
    /// It was taken, or is there.
    Taken,
    /// The dataset has another of its id, which this one is not to be held for.
    Another(Box<AnnotationRow>),
}

impl Run<'_> {
    /// Takes a statement: it is added, or held against what the dataset has under its id. `targets` are the rows that it
    /// refers to.
    pub(crate) fn annotate(&mut self, row: AnnotationRow, targets: &[&Target], at: &At) -> Result<()> {
        self.annotate_placed(row, targets, None, at)
    }

    /// The same; `unplaced` says what its `extra` would be without its picture's size: the dataset's gives way where it is so,
    /// whatever becomes of changes.
    pub(crate) fn annotate_placed(
        &mut self,
        mut row: AnnotationRow,
        targets: &[&Target],
        unplaced: Option<&Unplaced<'_>>,
        at: &At,
    ) -> Result<()> {
        self.has_records = true;
        self.is_unclear = false;
        while let Taken::Another(other) = self.annotate_as(row, targets, unplaced, at)? {
            row = *other;
        }
        Ok(())
    }

    /// The same under the id that the row has.
    fn annotate_as(
        &mut self,
        mut row: AnnotationRow,
        targets: &[&Target],
        unplaced: Option<&Unplaced<'_>>,
        at: &At,
    ) -> Result<Taken> {
        row.record = Some(record_of(&row, targets)?);
        if row.start.or(row.end).is_some() {
            self.doubt_times("it", (row.start, row.end), Some(row.target), at)?;
        }
        let without_size =
            || unplaced.filter(|_| has_place(&row)).map(|unplaced| without_size(&row, unplaced)).transpose();
        if self.is_statement_tried(&row, &without_size)? {
            return Ok(Taken::Taken);
        }
        let identity = self.ids.identity(&row.source, &row.id);
        let address = match self.sink.seek(Table::Annotations, identity, &row.source, &row.id)? {
            Sought::There(address) => address,
            Sought::New(new) => {
                self.ids.note_row(identity, &*self.sink);
                self.note_own(&row.id, || said_of(&row, false), at);
                let (address, findings) = self.sink.new_annotation(&row, new)?;
                self.put_statement_into_split(address)?;
                for finding in findings {
                    self.report.find(Kind::Doubtful, at, finding.to_string());
                }
                self.report.records.added += 1;
                self.report.row(Table::Annotations.name());
                return Ok(Taken::Taken);
            }
        };
        let there = match self.sink.dataset().annotation(address) {
            Ok(there) => there.to_row()?,
            Err(error) if error.kind() == ErrorKind::NotInVersion => {
                return Err(Error::input("a statement of this id was met in this import already"));
            }
            Err(error) => return Err(error),
        };
        let is_equal = is_same(&there, &row);
        let redrawn = self.redrawn.take();
        // A mask that looks otherwise is a change, too.
        let is_placed = !is_equal && redrawn.is_none() && is_placed_now(&there, &row, unplaced)?;
        if is_equal && redrawn.is_none() {
            return self.leave_statement(address, at).map(|()| Taken::Taken);
        }
        if redrawn.is_none()
            && !is_placed
            && let Some(beside) = self.statement_beside(&row, targets, at)?
        {
            return Ok(Taken::Another(Box::new(AnnotationRow { id: beside, ..row })));
        }
        let is_wanted = self.takes_place();
        if (is_wanted || is_placed) && there.target == row.target {
            self.report.records.replaced += 1;
            self.of_input.placed_now += u64::from(!is_wanted);
            if let Some(Redrawn { address, id, png }) = redrawn {
                let mut out = Out { sink: &mut *self.sink, report: &mut self.report, at };
                self.store.redraw(address, &id, &png, &mut out)?;
            }
            if !is_equal {
                self.changed.push((address, row));
            }
            if !matches!(self.split_difference_of(address)?, Difference::None) {
                self.put_statement_into_split(address)?;
            }
            return Ok(Taken::Taken);
        }
        self.leave_id(&row.id);
        self.keep_changed(is_equal, at);
        Ok(Taken::Taken)
    }

    /// Counts and tells a statement that is another than the dataset's, which stays; `is_equal` where its mask alone is.
    fn keep_changed(&mut self, is_equal: bool, at: &At) {
        self.report.records.changed_kept += 1;
        self.of_input.clashes += u64::from(!is_equal);
        if self.takes_place() {
            self.report.find(Kind::ChangedRecord, at, "it is about something else now; the dataset's was kept");
        } else if self.options.on_change != OnChange::Keep {
            let what = if is_equal { "its mask" } else { "its content" };
            self.report.find(Kind::ChangedRecord, at, format!("{what} differs; {}", self.why_kept()));
        }
    }

    /// The id under which the dataset has a statement whose own id another has there, or gets it, as
    /// [`Run::free_beside`] says.
    fn statement_beside(&mut self, row: &AnnotationRow, targets: &[&Target], at: &At) -> Result<Option<String>> {
        let mut is_it = |run: &mut Self, there: Address, id: &str| {
            let mut row = AnnotationRow { id: id.to_owned(), ..row.clone() };
            row.record = Some(record_of(&row, targets)?);
            Ok(is_same(&run.sink.dataset().annotation(there)?.to_row()?, &row))
        };
        self.free_beside(Table::Annotations, &row.id, at, &mut is_it)
    }

    /// The split that the statement at hand belongs to, where one is said.
    fn split_of_statement(&self) -> Option<&str> {
        self.split_of_row.as_deref().or(self.options.source.defaults.split.as_deref())
    }

    fn put_statement_into_split(&mut self, address: Address) -> Result<()> {
        let Some(split) = self.split_of_statement().map(str::to_owned) else { return Ok(()) };
        self.report.count_split(&split);
        self.splits_of_statements.note(address, &split)
    }

    /// How the split of a statement that is there differs from the one that is said.
    fn split_difference_of(&self, address: Address) -> Result<Difference> {
        Ok(match self.split_of_statement() {
            None => Difference::None,
            split => split_difference(self.sink.dataset().annotation(address)?.split()?, split),
        })
    }

    /// Leaves a statement that is there as it is, save for the split that it has none of, or is to have another of.
    fn leave_statement(&mut self, address: Address, at: &At) -> Result<()> {
        let difference = self.split_difference_of(address)?;
        let on_change = self.options.on_change;
        let records = &mut self.report.records;
        match difference {
            Difference::None => records.unchanged += 1,
            Difference::Absent => {
                records.unchanged += 1;
                self.put_statement_into_split(address)?;
            }
            Difference::Other(_) if on_change == OnChange::Replace => {
                records.replaced += 1;
                self.put_statement_into_split(address)?;
            }
            Difference::Other(what) => {
                records.changed_kept += 1;
                if on_change != OnChange::Keep {
                    self.report.find(Kind::ChangedRecord, at, what);
                }
            }
        }
        Ok(())
    }

    /// Writes what replaces the cells of statements that are there.
    pub(super) fn write_changed(&mut self) -> Result<()> {
        if self.changed.is_empty() {
            return Ok(());
        }
        let mut builder = AnnotationsBuilder::new();
        self.changed.iter().try_for_each(|(_, row)| builder.push(row))?;
        let addresses: Vec<Address> = self.changed.drain(..).map(|(address, _)| address).collect();
        let columns = [
            annotations::ANNOTATOR,
            annotations::STATUS,
            annotations::ORIGIN,
            annotations::GENERATOR,
            annotations::START,
            annotations::END,
            annotations::PARENT,
            annotations::TEXT,
            annotations::LABELS,
            annotations::REGIONS,
            annotations::EXTRA,
        ];
        replace(Table::Annotations, &columns, &addresses, &builder.finish()?, self.sink)
    }
}
