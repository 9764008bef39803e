//! A conversation on its way into the dataset: new, held against what is there, or left out; and its media.

use super::Run;
use super::boxes::{Difference, split_difference};
use super::numbered_rows::said_by;
use super::numbers::shown as shown_ids;
use crate::dataset::Sought;
use crate::error::{Error, ErrorKind, Result};
use crate::format::address::Address;
use crate::import::draft::{Draft, MediaKind};
use crate::import::media::bytes::{Out, unreadable};
use crate::import::media::names::Named;
use crate::import::media::store::{Located, ShownRows, shown_row};
use crate::import::options::{OnChange, OnMissing};
use crate::import::report::{At, Kind};
use crate::import::row;
use crate::schema::rows::ConversationRow;
use crate::schema::tables::Table;

/// Rows whose cells are carried at once.
const CARRIED: usize = 1 << 15;

/// What a record makes a conversation of.
pub(super) struct Plan<'d> {
    pub(super) draft: &'d Draft,
    /// What the dataset's conversation of its id shows.
    shown: ShownRows,
    pub(super) names: Vec<Named<'d>>,
    pub(super) patient: Option<String>,
    /// Its row; references are numbers of `names`.
    pub(super) planned: row::Planned,
}

impl Run<'_> {
    /// What a draft makes a conversation of; `there` is the dataset's of this id.
    pub(super) fn plan<'d>(
        &mut self,
        id: String,
        there: Option<Address>,
        draft: &'d mut Draft,
        at: &At,
    ) -> Result<Plan<'d>> {
        let shown = match there {
            Some(address) if !draft.media.is_empty() => self.shown_by(address)?,
            _ => ShownRows::new(),
        };
        match draft.listed_boxes.take() {
            Some(scale) => self.settle_boxes(scale, draft, &shown, at)?,
            None if self.boxes.are_read() && !draft.is_ours => self.read_boxes(draft, &shown, at)?,
            None => {}
        }
        let body = row::Body::take(draft);
        let draft = &*draft;
        let names = self.store.names(draft, &shown, &*self.sink)?;
        let patient = self.patient(draft, &names);
        let source = self.options.source.id.as_str();
        let planned = row::plan(id, source, body, draft, &names, patient.as_deref(), &mut self.report, at)?;
        Ok(Plan { draft, shown, names, patient, planned })
    }

    pub(in crate::import) fn conversation(&mut self, id: String, draft: &mut Draft, at: &At) -> Result<()> {
        self.has_records = true;
        let source = self.options.source.id.as_str();
        let identity = self.ids.identity(source, &id);
        let sought = self.sink.seek(Table::Conversations, identity, source, &id)?;
        let there = match sought {
            Sought::There(address) if self.trial.is_none() => Some(address),
            _ => None,
        };
        let Plan { draft, shown, names, patient, mut planned } = self.plan(id, there, draft, at)?;
        if self.is_tried(&planned.row, &names)? {
            return Ok(());
        }
        self.report.media.named += names.len() as u64;
        if let Sought::There(address) = sought {
            let record_of = |row: &_| row::record_of(row, draft, &names, patient.as_deref());
            let boxes = Difference::of(&self.sink.dataset().conversation_at(address)?, &planned.row, record_of)?;
            if boxes.is_some() || !self.takes_place() {
                let there = self.sink.dataset().conversation_at(address)?;
                let split = split_difference(there.split()?, draft.split.as_deref());
                let boxes = match boxes {
                    Some(boxes) => Ok(boxes),
                    None => {
                        let media = (&names[..], &shown);
                        Err(self.differing(&there.to_row()?, &planned.row, draft, media, patient.as_deref())?)
                    }
                };
                self.leave(address, boxes, split, &planned.row, draft, at)?;
                return self.attach(&names, draft, at);
            }
        }
        let mut located = Vec::with_capacity(names.len());
        for named in &names {
            located.push(self.store.locate(named, self.sink)?);
        }
        if let Sought::New(_) = sought {
            self.check_row_deleted(Table::Conversations, &planned.row.id)?;
        }
        self.check_deleted(&names, &located, draft, patient.as_deref())?;
        if self.is_left_out(&names, &located, at)? {
            return Ok(());
        }
        if let Sought::New(_) = sought {
            self.note_own(&planned.row.id, || said_by(&planned.row, shown_ids(&planned.row, &names)), at);
        }
        let mut out = Out { sink: &mut *self.sink, report: &mut self.report, at };
        let mut addresses: Vec<Address> = Vec::with_capacity(names.len() + 1);
        for (named, located) in names.iter().zip(located) {
            addresses.push(self.store.ensure(named, located, draft, &mut out)?);
        }
        if let Some(patient) = &patient {
            addresses.push(self.store.case(patient, draft, &mut out)?);
        }
        planned.settle(&addresses);
        let are_videos: Vec<bool> =
            draft.media.iter().map(|medium| medium.kind == MediaKind::Video && !medium.of_frames).collect();
        self.doubt_clips(&planned.row, &are_videos, at)?;
        self.tell_repeats(&planned.row, draft.split.as_deref(), at)?;
        self.ids.note_row(identity, &*self.sink);
        let address = match sought {
            Sought::There(there) => {
                self.sink.delete(there)?;
                self.report.records.replaced += 1;
                let address = self.sink.conversation(&planned.row)?;
                self.replaced.push((there, address));
                address
            }
            Sought::New(id) => {
                self.report.records.added += 1;
                if patient.is_none() && names.is_empty() {
                    self.store.tell_nameless(&planned.row.id, &planned.row.id, at, &mut self.report);
                }
                self.sink.new_conversation(&planned.row, id)?
            }
        };
        self.put_into_split(address, draft)?;
        if let Some(origin) = &draft.source_dataset {
            self.source_datasets.note(address, origin)?;
        }
        self.report.row(Table::Conversations.name());
        Ok(())
    }

    /// The pictures and videos that a conversation of the dataset shows.
    pub(super) fn shown_by(&self, address: Address) -> Result<ShownRows> {
        let there = self.sink.dataset().conversation_at(address)?;
        let mut shown = ShownRows::new();
        for address in there.to_row()?.all_media().flat_map(|medium| &medium.refs) {
            shown.extend(shown_row(&*self.sink, *address)?);
        }
        Ok(shown)
    }

    /// Leaves a conversation that is there as it is, save what it has no split or boxes of, or may be given others of.
    /// Instead of a difference of `boxes` there are the columns that differ where it is another record.
    fn leave(
        &mut self,
        address: Address,
        boxes: Result<Difference, Vec<&str>>,
        split: Difference,
        planned: &ConversationRow,
        draft: &Draft,
        at: &At,
    ) -> Result<()> {
        let is_replaced = self.takes_place();
        let mut others = Vec::new();
        let is_other = boxes.is_err();
        match boxes {
            Ok(boxes) => {
                match boxes {
                    Difference::None => {}
                    Difference::Other(what) if !is_replaced => others.push(what),
                    boxes => {
                        others.extend(boxes.other());
                        self.boxes.report.reread += 1;
                        self.reread.note(&self.sink.dataset().conversation_at(address)?, planned)?;
                    }
                }
                match split {
                    Difference::None => {}
                    Difference::Other(what) if !is_replaced => others.push(what),
                    split => {
                        others.extend(split.other());
                        self.put_into_split(address, draft)?;
                    }
                }
            }
            Err(columns) => {
                let columns = if columns.is_empty() { String::new() } else { format!(" ({})", columns.join(", ")) };
                let why_none = match self.options.on_change {
                    OnChange::Add => {
                        ", and none was added beside it, since its id has its file's name before it already"
                    }
                    _ => "",
                };
                others.push(format!("its content differs{columns}; {}{why_none}", self.why_kept()));
                self.of_input.clashes += 1;
            }
        }
        if is_other && !is_replaced {
            self.leave_id(&planned.id);
        }
        let records = &mut self.report.records;
        match (others.is_empty(), is_replaced) {
            (true, _) => records.unchanged += 1,
            (false, true) => records.replaced += 1,
            (false, false) => records.changed_kept += 1,
        }
        if !others.is_empty() && !is_replaced && self.options.on_change != OnChange::Keep {
            self.report.find(Kind::ChangedRecord, at, others.join("; "));
        }
        Ok(())
    }

    /// Gives conversations that were replaced what added columns said of them; what the records say comes on top.
    pub(super) fn carry_added_cells(&mut self) -> Result<()> {
        let rows = std::mem::take(&mut self.replaced);
        for rows in rows.chunks(CARRIED) {
            let updates = self.sink.dataset().added_cells(Table::Conversations, rows)?;
            updates.into_iter().try_for_each(|update| self.sink.update(update))?;
        }
        Ok(())
    }

    fn put_into_split(&mut self, address: Address, draft: &Draft) -> Result<()> {
        let Some(split) = &draft.split else { return Ok(()) };
        self.report.count_split(split);
        self.splits.note(address, split)
    }

    /// Attaches bytes of a conversation's media that were missing and are here now.
    fn attach(&mut self, names: &[Named<'_>], draft: &Draft, at: &At) -> Result<()> {
        for named in names {
            let located = self.store.locate(named, self.sink)?;
            // What is new is shown by the record that is not taken alone.
            let is_of_row = matches!(
                located,
                Located::There(..)
                    | Located::FoundNow(..)
                    | Located::Changed(..)
                    | Located::StillMissing(..)
                    | Located::Broken(..)
                    | Located::BytesNow(..)
            );
            if is_of_row {
                let mut out = Out { sink: &mut *self.sink, report: &mut self.report, at };
                self.store.ensure(named, located, draft, &mut out)?;
            }
        }
        Ok(())
    }

    /// Whether a record is skipped because media are missing, or what is new of them cannot be read.
    pub(super) fn is_left_out(&mut self, names: &[Named<'_>], located: &[Located], at: &At) -> Result<bool> {
        if self.options.missing == OnMissing::Keep {
            return Ok(false);
        }
        let mut missing: Vec<String> = Vec::new();
        for (named, located) in names.iter().zip(located) {
            let (kind, reason) = match located {
                Located::Missing(kind, reason) | Located::StillMissing(_, kind, reason) => (*kind, reason),
                Located::Broken(_, reason) => (Kind::BrokenLink, reason),
                _ => {
                    let Some((kind, reason)) = unreadable(named, located) else { continue };
                    if self.options.missing == OnMissing::Stop {
                        let what = format!("{:?}: {reason}; `--missing keep` takes it as it is", named.id);
                        return Err(Error::new(ErrorKind::Corrupt, what));
                    }
                    let what = format!("{:?}: {reason}", named.written());
                    self.report.find(kind, at, what.clone());
                    missing.push(what);
                    continue;
                }
            };
            if self.options.missing == OnMissing::Stop {
                let message =
                    format!("{:?} is missing: {reason}; `--missing keep` takes the record without it", named.id);
                return Err(Error::new(ErrorKind::NotFound, message));
            }
            let mut out = Out { sink: &mut *self.sink, report: &mut self.report, at };
            self.store.miss(named, kind, reason.clone(), &mut out);
            missing.push(format!("{:?}: {reason}", named.id));
        }
        if !missing.is_empty() {
            self.report.skip("missing media", at, missing.join("; "));
        }
        Ok(!missing.is_empty())
    }

    /// The patient of a conversation: its own, or the one that all its media speak of.
    fn patient(&self, draft: &Draft, names: &[Named<'_>]) -> Option<String> {
        if draft.patient.is_some() {
            return draft.patient.clone();
        }
        let mut patients = names.iter().map(|named| self.store.patient_of(named, None));
        let first = patients.next()??;
        patients.all(|other| other.as_ref() == Some(&first)).then_some(first)
    }
}
