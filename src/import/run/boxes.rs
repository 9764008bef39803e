//! What an import does about boxes in texts: finds out how they are measured, reads them, and reads them anew.

use super::{Run, TELL_EVERY};
use crate::dataset::Conversation;
use crate::error::Result;
use crate::format::Address;
use crate::import::boxes::{Evidence, Left, OnPicture, Shown, find, may_have_boxes, may_write_boxes, shown_picture};
use crate::import::draft::Draft;
use crate::import::format::Format;
use crate::import::forms;
use crate::import::huggingface;
use crate::import::inputs::Input;
use crate::import::media::found::replace;
use crate::import::media::store::ShownRows;
use crate::import::raw::RawRecord;
use crate::import::records::RecordReader;
use crate::import::report::{At, Kind};
use crate::import::sink::Sink;
use crate::schema::boxes::Scale;
use crate::schema::build::ConversationsBuilder;
use crate::schema::rows::{AlternativeRow, ConversationRow, GroundingRow};
use crate::schema::tables::{Table, conversations};
use std::fs::File;

impl Run<'_> {
    /// Reads the boxes of a draft's texts.
    pub(super) fn read_boxes(&mut self, draft: &mut Draft, shown: &ShownRows, at: &At) -> Result<()> {
        if !may_have_boxes(draft) {
            return Ok(());
        }
        let found = find(draft);
        if found.is_empty() {
            return Ok(());
        }
        let picture = match shown_picture(draft) {
            Ok(medium) => {
                if self.boxes.need_evidence(&found) {
                    self.look_at_boxes()?;
                }
                let size = if self.boxes.need_size(&found) { self.picture_size(draft, shown, medium)? } else { None };
                Ok(Shown { medium, size })
            }
            Err(reason) => Err(reason),
        };
        let (grounding, left) = self.boxes.read(&found, picture, draft);
        for (ending, mut place) in grounding {
            // An ending counts its own media first.
            let own = draft.media.iter().filter(|medium| medium.ending.is_some() && medium.ending == ending).count();
            place.media = place.media.saturating_add(i32::try_from(own).unwrap_or(i32::MAX));
            match ending.and_then(|ending| draft.alternatives.get_mut(ending)) {
                Some(ending) => ending.grounding.push(place),
                None => draft.grounding.push(place),
            }
        }
        for Left { written, reason, is_uncertain } in left {
            let kind = if is_uncertain { Kind::UncertainBox } else { Kind::BoxLeft };
            self.report.find(kind, at, format!("{written}: {reason}"));
        }
        Ok(())
    }

    /// Makes boxes that the record lists in this scale parts of their pictures' sides; those that cannot be are left as text.
    pub(super) fn settle_boxes(&mut self, scale: Scale, draft: &mut Draft, shown: &ShownRows, at: &At) -> Result<()> {
        for mut place in std::mem::take(&mut draft.grounding) {
            let size = match (scale, usize::try_from(place.media)) {
                (Scale::Pixels, Ok(medium)) => self.picture_size(draft, shown, medium)?,
                _ => None,
            };
            match self.boxes.settle(&mut place, scale, size) {
                Ok(()) => draft.grounding.push(place),
                Err(reason) => self.report.find(Kind::BoxLeft, at, format!("{:?}: {reason}", place.values)),
            }
        }
        Ok(())
    }

    /// Looks at the boxes of all inputs, to find out how they are measured. What is wrong with records is told when they
    /// are taken.
    fn look_at_boxes(&mut self) -> Result<()> {
        let mut evidence = Evidence::default();
        let roots = self.store.take_roots();
        // What a map reads is no conversation in JSON.
        let is_talk = |format: Format| format.is_conversation() || format == Format::HuggingFace;
        let is_talk = |input: &Input| input.map.is_none() && input.format.is_none_or(is_talk);
        let mut before = 0;
        for input in self.inputs.clone().iter() {
            if is_talk(input) {
                self.store.enter(input);
                match input.format {
                    Some(Format::HuggingFace) => self.look_at_table(input, before, &mut evidence)?,
                    _ => self.look_at_input(input, before, &mut evidence)?,
                }
            }
            before += input.bytes;
        }
        self.progress.looked_at = None;
        self.boxes.decide(&evidence);
        self.store.look_in(roots);
        Ok(())
    }

    /// Says how many bytes of all inputs were looked at.
    fn tell_looked_at(&mut self, bytes: u64, number: u64) -> Result<()> {
        self.check_interrupt()?;
        if number.is_multiple_of(TELL_EVERY) {
            self.progress.looked_at = Some(bytes);
            (self.tell)(&self.progress);
        }
        Ok(())
    }

    fn look_at_input(&mut self, input: &Input, before: u64, evidence: &mut Evidence) -> Result<()> {
        let Ok(file) = File::open(&input.path) else { return Ok(()) };
        let mut reader = RecordReader::new(file);
        while let Some(record) = reader.next_record() {
            let Ok(record) = record else { continue };
            self.tell_looked_at(before + record.offset, record.number)?;
            if !may_write_boxes(record.text) {
                continue;
            }
            let text = forms::unfolded(record.text);
            let Ok(raw) = serde_json::from_str::<RawRecord<'_>>(&text) else { continue };
            let place = || format!("{}, record {}, line {}", input.name, record.number, record.line);
            let Ok(draft) = forms::draft(raw, self.options.format) else { continue };
            if !draft.is_ours && draft.listed_boxes.is_none() {
                self.note_boxes(&draft, evidence, &place)?;
            }
        }
        Ok(())
    }

    fn look_at_table(&mut self, input: &Input, before: u64, evidence: &mut Evidence) -> Result<()> {
        huggingface::each_row(&input.path, &mut |number, position, mut row| {
            self.tell_looked_at(before + position.min(input.bytes), number)?;
            if !may_write_boxes(&row.json) {
                return Ok(());
            }
            let Ok(draft) = self.draft_of_row(&mut row) else { return Ok(()) };
            let place = || format!("{}, record {number}", input.name);
            if draft.is_ours || draft.listed_boxes.is_some() {
                Ok(())
            } else {
                self.note_boxes(&draft, evidence, &place)
            }
        })
    }

    fn note_boxes(&mut self, draft: &Draft, evidence: &mut Evidence, place: &dyn Fn() -> String) -> Result<()> {
        let (false, Ok(medium)) = (draft.media.is_empty(), shown_picture(draft)) else { return Ok(()) };
        let mut found = find(draft);
        found.retain(|found| found.is_evidence(draft));
        let needs_size = found.iter().any(|found| Evidence::needs_size(&found.written));
        let size = if needs_size { self.picture_size(draft, &ShownRows::new(), medium)? } else { None };
        let names = self.store.written_names(draft);
        let name = names.get(items_before(draft, medium)).map_or("", |named| &named.id);
        found.iter().for_each(|found| evidence.note(&found.written, OnPicture { name, size }, place));
        Ok(())
    }

    fn picture_size(&mut self, draft: &Draft, shown: &ShownRows, medium: usize) -> Result<Option<(i32, i32)>> {
        let mut names = self.store.written_names(draft);
        let Some(named) = names.get_mut(items_before(draft, medium)) else { return Ok(None) };
        self.store.identify(named, shown, &*self.sink)?;
        self.store.picture_size(named, &*self.sink)
    }
}

/// How many items the media before this one have.
fn items_before(draft: &Draft, medium: usize) -> usize {
    draft.media.iter().take(medium).map(|medium| medium.items.len()).sum()
}

/// How a cell that is no part of the record itself differs from what the record gives now.
pub(super) enum Difference {
    /// Not, or the record gives nothing.
    None,
    /// The dataset has nothing there.
    Absent,
    /// The dataset has something else: what to tell.
    Other(String),
}

impl Difference {
    /// How the boxes of the same record differ; nothing where it is not the same. `record_of` gives the digest of a row.
    ///
    /// Boxes are part of a record's digest, and yet a matter of how they are read: as the convention and the picture's
    /// size are known. So a record is the same also where its digest is that without boxes, or with those of the
    /// dataset.
    pub(super) fn of(
        there: &Conversation<'_>,
        planned: &ConversationRow,
        record_of: impl Fn(&ConversationRow) -> Result<[u8; 8]>,
    ) -> Result<Option<Self>> {
        let record = there.record()?;
        if record == planned.record {
            return Ok(Some(Self::None));
        }
        let held = there.to_row()?;
        let is_empty = |row: &ConversationRow| places(row).all(Vec::is_empty);
        let is_alike = places(&held).eq(places(planned));
        if is_alike && is_empty(planned) {
            return Ok(None);
        }
        let mut other = planned.clone();
        places_mut(&mut other).for_each(Vec::clear);
        let mut is_same = record == Some(record_of(&other)?);
        if !is_same && !is_empty(&held) {
            places_mut(&mut other).zip(places(&held)).for_each(|(other, held)| other.clone_from(held));
            is_same = record == Some(record_of(&other)?);
        }
        Ok(is_same.then(|| match (is_empty(&held), is_empty(planned)) {
            (_, true) => Self::None,
            _ if is_alike => Self::None,
            (true, _) => Self::Absent,
            _ => Self::Other("its boxes are read in another way; the dataset's were kept".into()),
        }))
    }

    /// What to tell of another cell.
    pub(super) fn other(self) -> Option<String> {
        match self {
            Self::Other(what) => Some(what),
            _ => None,
        }
    }
}

/// The boxes of a conversation, then those of each of its other endings.
fn places(row: &ConversationRow) -> impl Iterator<Item = &Vec<GroundingRow>> {
    std::iter::once(&row.grounding).chain(row.alternatives.iter().map(|ending| &ending.grounding))
}

fn places_mut(row: &mut ConversationRow) -> impl Iterator<Item = &mut Vec<GroundingRow>> {
    std::iter::once(&mut row.grounding).chain(row.alternatives.iter_mut().map(|ending| &mut ending.grounding))
}

/// How the split that a conversation is in differs from the record's.
pub(super) fn split_difference(there: Option<&str>, here: Option<&str>) -> Difference {
    match (there, here) {
        (Some(there), Some(here)) if there != here => {
            Difference::Other(format!("its split is {here:?} here and {there:?} in the dataset, which was kept"))
        }
        (None, Some(_)) => Difference::Absent,
        _ => Difference::None,
    }
}

/// Boxes of conversations that were there, read anew, on their way into the column.
#[derive(Default)]
pub(super) struct Reread {
    addresses: Vec<Address>,
    cells: Vec<Vec<GroundingRow>>,
    /// Those whose other endings have other boxes, and all that these endings say.
    with_endings: Vec<Address>,
    endings: Vec<Vec<AlternativeRow>>,
}

impl Reread {
    /// Notes that the conversation there gets the boxes of the row that is planned.
    ///
    /// # Errors
    /// `Corrupt`.
    pub(super) fn note(&mut self, there: &Conversation<'_>, planned: &ConversationRow) -> Result<()> {
        self.addresses.push(there.address());
        self.cells.push(planned.grounding.clone());
        // What they show has its addresses there.
        let mut endings = there.alternatives()?.to_rows();
        let mut is_other = false;
        for (ending, planned) in endings.iter_mut().zip(&planned.alternatives) {
            is_other |= ending.grounding != planned.grounding;
            ending.grounding.clone_from(&planned.grounding);
        }
        if is_other {
            self.with_endings.push(there.address());
            self.endings.push(endings);
        }
        Ok(())
    }

    /// Writes what was noted, as side columns.
    pub(super) fn write(&mut self, sink: &mut dyn Sink) -> Result<()> {
        let grounding = std::mem::take(&mut self.cells).into_iter();
        let cells = grounding.map(|grounding| ConversationRow { grounding, ..ConversationRow::default() });
        write_column(conversations::GROUNDING, &mut self.addresses, cells, sink)?;
        let endings = std::mem::take(&mut self.endings).into_iter();
        let cells = endings.map(|alternatives| ConversationRow { alternatives, ..ConversationRow::default() });
        write_column(conversations::ALTERNATIVES, &mut self.with_endings, cells, sink)
    }
}

/// Replaces the cells of a column of these conversations, where there are any.
fn write_column(
    column: usize,
    addresses: &mut Vec<Address>,
    mut cells: impl Iterator<Item = ConversationRow>,
    sink: &mut dyn Sink,
) -> Result<()> {
    if addresses.is_empty() {
        return Ok(());
    }
    let mut builder = ConversationsBuilder::new();
    cells.try_for_each(|row| builder.push(&row))?;
    replace(Table::Conversations, &[column], addresses, &builder.finish()?, sink)?;
    addresses.clear();
    Ok(())
}
