//! Texts with their boxes written in another convention: all that counts bytes of a text moves along.

use super::ExportReport;
use super::json::{Fields, WrittenFields, push_raw};
use crate::dataset::{Conversation, Dataset};
use crate::error::Result;
use crate::schema::boxes::{self, Scale};
use crate::schema::build::ConversationsBuilder;
use crate::schema::rows::{ConversationRow, GroundingRow, MediumRow, TurnRow};
use arrow_array::RecordBatch;
use std::ops::Range;

/// Why a record is left out of which some answers would be in another scale than others.
const MIXED: &str = "the boxes of their answers cannot all be written in the measure that is asked for";

/// Leaves a record out whose other endings would come to be in another scale than the answer or than each other: what is
/// preferred would then be a scale. Whether it does.
///
/// # Errors
/// `Corrupt`.
pub(super) fn leaves_out(
    dataset: &Dataset,
    row: &Conversation<'_>,
    scale: Option<Scale>,
    report: &mut ExportReport,
) -> Result<bool> {
    let Some(scale) = scale.filter(|_| row.alternatives().is_ok_and(|endings| !endings.is_empty())) else {
        return Ok(false);
    };
    if !has_boxes(row)? {
        return Ok(false);
    }
    let said = row.to_row()?;
    let plans = plans(dataset, &said, scale)?;
    let (own, endings) = plans.split_at(1);
    let (own_changes, changes) = (own.iter().any(Plan::changes), endings.iter().any(Plan::changes));
    let (own_stays, stays) = (own.iter().any(Plan::has_more), endings.iter().any(Plan::has_more));
    let is_mixed = (stays && (changes || own_changes)) || (own_stays && changes);
    if is_mixed {
        report.leave_out(MIXED, row.id()?, row.source()?, row.address());
    }
    Ok(is_mixed)
}

/// Whether the row, or another ending of it, has boxes, and not only texts that may be some.
fn has_boxes(row: &Conversation<'_>) -> Result<bool> {
    Ok(!row.grounding()?.is_empty() || row.alternatives()?.iter().any(|ending| !ending.grounding().is_empty()))
}

/// A conversation whose boxes are written in this scale, those of its other endings too, as a batch of one row; nothing
/// where that changes nothing.
///
/// # Errors
/// `Corrupt`.
pub(super) fn rewritten(
    dataset: &Dataset,
    row: &Conversation<'_>,
    scale: Scale,
    report: &mut ExportReport,
) -> Result<Option<RecordBatch>> {
    let is_like_one = |turn: &str| turn.contains(['[', '(', '<']) && !boxes::find(turn).is_empty();
    let endings = row.alternatives()?;
    let others = || endings.iter().flat_map(|ending| ending.turns().iter());
    if !has_boxes(row)? && !row.turns()?.iter().chain(others()).any(|turn| is_like_one(turn.text())) {
        return Ok(None);
    }
    let mut row = row.to_row()?;
    let mut plans = plans(dataset, &row, scale)?;
    for (number, plan) in plans.iter().enumerate() {
        plan.stuck.iter().for_each(|reason| report.lose(*reason, 1));
        let unread = match number {
            0 => "another convention of boxes that are no more than text: they are as they were",
            _ => "another convention of boxes in other endings: they are as they were",
        };
        report.lose(unread, plan.unread);
        report.boxes += plan.edits.iter().map(|edits| edits.len() as u64).sum::<u64>();
    }
    if !plans.iter().any(Plan::changes) {
        return Ok(None);
    }
    for plan in &mut plans {
        plan.edits.iter_mut().for_each(|edits| edits.retain(|edit| !edit.is_same));
    }
    apply(&mut row, &plans, report);
    let mut builder = ConversationsBuilder::new();
    builder.push(&row)?;
    builder.finish().map(Some)
}

/// Turns, and the boxes in their texts, with the media that these count over.
struct Spoken<'a> {
    turns: &'a [TurnRow],
    grounding: &'a [GroundingRow],
    media: Vec<&'a MediumRow>,
}

/// What becomes of the boxes of some turns.
struct Plan {
    /// By the turn, in the order of the text.
    edits: Vec<Vec<Edit>>,
    /// Why others stay as they are.
    stuck: Vec<&'static str>,
    /// How many boxes stand in the texts that are no more than text.
    unread: u64,
}

impl Plan {
    /// Whether it changes a text.
    fn changes(&self) -> bool {
        self.edits.iter().flatten().any(|edit| !edit.is_same)
    }

    /// Whether there are boxes that it leaves as they are.
    fn has_more(&self) -> bool {
        self.unread > 0 || self.stuck.iter().any(|reason| *reason != NO_PLACE)
    }
}

/// Of the conversation itself, and then of each other ending.
fn plans(dataset: &Dataset, row: &ConversationRow, scale: Scale) -> Result<Vec<Plan>> {
    let own = Spoken { turns: &row.turns, grounding: &row.grounding, media: row.media.iter().collect() };
    let endings = row.alternatives.iter().map(|ending| {
        // It counts its own media first.
        let media = ending.media.iter().chain(&row.media).collect();
        Spoken { turns: &ending.turns, grounding: &ending.grounding, media }
    });
    [own].into_iter().chain(endings).map(|spoken| plan(dataset, &spoken, scale)).collect()
}

fn plan(dataset: &Dataset, spoken: &Spoken<'_>, scale: Scale) -> Result<Plan> {
    let mut edits: Vec<Vec<Edit>> = spoken.turns.iter().map(|_| Vec::new()).collect();
    let mut stuck = Vec::new();
    for place in spoken.grounding {
        match edit(dataset, spoken, place, scale)? {
            Ok((turn, edit)) => edits.get_mut(turn).into_iter().for_each(|edits| edits.push(edit.clone())),
            Err(reason) => stuck.push(reason),
        }
    }
    edits.iter_mut().for_each(|edits| edits.sort_by_key(|edit| edit.range.start));
    let overlaps =
        |edits: &Vec<Edit>| edits.windows(2).any(|pair| matches!(pair, [a, b] if a.range.end > b.range.start));
    if edits.iter().any(overlaps) {
        stuck.push("another convention of boxes that overlap: they are as they were");
        edits.iter_mut().for_each(Vec::clear);
    }
    Ok(Plan { edits, stuck, unread: unread_boxes(spoken) })
}

/// How many boxes stand in texts that are not known as boxes.
fn unread_boxes(spoken: &Spoken<'_>) -> u64 {
    let is_read = |turn: usize, range: &Range<usize>| {
        let of_turn = spoken.grounding.iter().filter(|place| usize::try_from(place.turn) == Ok(turn));
        of_turn.into_iter().any(|place| place.byte_start < range.end as i64 && range.start as i64 <= place.byte_end)
    };
    let turns = spoken.turns.iter().enumerate();
    let unread = turns.flat_map(|(turn, said)| {
        let found = boxes::find(&said.text).into_iter();
        found.filter(move |written| written.is_box()).filter(move |written| !is_read(turn, &written.range))
    });
    unread.count() as u64
}

/// Why a time stays as it is.
const NO_PLACE: &str = "another convention of what is neither box nor point: it is as it was";

/// A stretch of a text that is written anew.
#[derive(Clone)]
struct Edit {
    range: Range<usize>,
    text: String,
    /// Whether it is what it was.
    is_same: bool,
}

/// What becomes of a box, and of which turn; or why it stays.
fn edit(
    dataset: &Dataset,
    spoken: &Spoken<'_>,
    place: &GroundingRow,
    scale: Scale,
) -> Result<std::result::Result<(usize, Edit), &'static str>> {
    let range = usize::try_from(place.byte_start).ok().zip(usize::try_from(place.byte_end).ok());
    let turn = usize::try_from(place.turn).unwrap_or(usize::MAX);
    let Some((range, old)) =
        range.and_then(|(start, end)| Some((start..end, spoken.turns.get(turn)?.text.get(start..end)?)))
    else {
        return Ok(Err("another convention of boxes that stand in no text"));
    };
    if !matches!(place.kind.as_str(), "box" | "point") {
        return Ok(Err(NO_PLACE));
    }
    let numbers = boxes::numbers(old);
    if numbers.len() != place.values.len() || old.starts_with('x') {
        return Ok(Err("another convention of boxes that are written in another form: they are as they were"));
    }
    let medium = usize::try_from(place.media).ok().and_then(|medium| spoken.media.get(medium));
    let frame = medium.and_then(|medium| medium.refs.first()).map(|address| dataset.frame(*address));
    let (width, height) = match frame {
        Some(Ok(frame)) => (frame.width()?, frame.height()?),
        _ => (None, None),
    };
    let Some((wide, high)) = scale.side(width).zip(scale.side(height)) else {
        return Ok(Err("pixels of boxes on pictures whose size is not known: they are as they were"));
    };
    let (mut text, mut done, mut is_same) = (String::new(), 0, true);
    for (at, (number, value)) in numbers.iter().zip(&place.values).enumerate() {
        let side = if at.is_multiple_of(2) { wide } else { high };
        text.push_str(old.get(done..number.range.start).unwrap_or_default());
        // A number that says the same in this scale stays as it was written.
        match ((number.value / side) as f32 - value).abs() <= f32::EPSILON {
            true => text.push_str(old.get(number.range.clone()).unwrap_or_default()),
            false => {
                text.push_str(&boxes::write_number(*value, side, scale));
                is_same = false;
            }
        }
        done = number.range.end;
    }
    text.push_str(old.get(done..).unwrap_or_default());
    Ok(Ok((turn, Edit { range, text, is_same })))
}

fn apply(row: &mut ConversationRow, plans: &[Plan], report: &mut ExportReport) {
    let Some((own, of_endings)) = plans.split_first() else { return };
    for node in &mut row.reasoning {
        let whole = usize::try_from(node.turn).ok().and_then(|turn| row.turns.get(turn)).map_or("", |turn| &turn.text);
        if let Some(at) = whole.find(&node.text).filter(|_| !node.text.is_empty()) {
            node.text = stretch(whole, own.of(node.turn), at..at + node.text.len());
        }
    }
    own.apply(&mut row.turns, &mut row.media, &mut row.grounding, report);
    for (ending, plan) in row.alternatives.iter_mut().zip(of_endings) {
        plan.apply(&mut ending.turns, &mut ending.media, &mut ending.grounding, report);
    }
}

impl Plan {
    /// The stretches of a turn.
    fn of(&self, turn: i32) -> &[Edit] {
        usize::try_from(turn).ok().and_then(|turn| self.edits.get(turn)).map_or(&[][..], Vec::as_slice)
    }

    fn apply(
        &self,
        turns: &mut [TurnRow],
        media: &mut [MediumRow],
        grounding: &mut [GroundingRow],
        report: &mut ExportReport,
    ) {
        for medium in media {
            medium.at = medium.at.map(|at| moved(self.of(medium.turn), at, false));
        }
        for place in grounding {
            let edits = self.of(place.turn);
            place.byte_end = moved(edits, place.byte_end, true);
            place.byte_start = moved(edits, place.byte_start, false);
        }
        for (turn, edits) in turns.iter_mut().zip(&self.edits).filter(|(_, edits)| !edits.is_empty()) {
            turn.extra = turn.extra.take().and_then(|extra| without_borders(extra, report));
            turn.text = stretch(&turn.text, edits, 0..turn.text.len());
        }
    }
}

/// Where a byte of the text is in the new one: one within a stretch that is written anew goes to its start or end.
fn moved(edits: &[Edit], byte: i64, to_end: bool) -> i64 {
    let mut shift = 0;
    for edit in edits {
        let (start, end, len) = (edit.range.start as i64, edit.range.end as i64, edit.text.len() as i64);
        if byte >= end {
            shift += len - (end - start);
        } else if byte > start {
            return start + shift + if to_end { len } else { 0 };
        }
    }
    byte + shift
}

/// A stretch of the text as it is in the new one; stretches that are written anew and reach out of it come whole.
fn stretch(text: &str, edits: &[Edit], range: Range<usize>) -> String {
    let (mut out, mut done) = (String::new(), range.start);
    for edit in edits.iter().filter(|edit| edit.range.start < range.end && edit.range.end > range.start) {
        out.push_str(text.get(done..edit.range.start.max(done)).unwrap_or_default());
        out.push_str(&edit.text);
        done = edit.range.end;
    }
    out.push_str(text.get(done..range.end.max(done)).unwrap_or_default());
    out
}

/// A turn's further fields without the borders in its text, which are no longer where they were.
fn without_borders(extra: String, report: &mut ExportReport) -> Option<String> {
    let Some(fields) = WrittenFields::of(&extra) else { return Some(extra) };
    let is_border = |key: &str| matches!(key, "~parts" | "~input");
    if !fields.0.iter().any(|(key, _)| is_border(key)) {
        return Some(extra);
    }
    report.lose("borders of content parts, in texts whose boxes are written anew", 1);
    let mut kept = Fields::default();
    for (key, value) in fields.0.iter().filter(|(key, _)| !is_border(key)) {
        push_raw(kept.key(key), value.get());
    }
    kept.finish().and_then(|kept| String::from_utf8(kept).ok())
}
