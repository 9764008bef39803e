//! Texts with their boxes written in another convention: all that counts bytes of a text moves along.

use super::ExportReport;
use super::json::{Fields, WrittenFields, push_raw};
use crate::dataset::{Conversation, Dataset};
use crate::error::Result;
use crate::schema::boxes::{self, Scale};
use crate::schema::build::ConversationsBuilder;
use crate::schema::rows::{ConversationRow, GroundingRow};
use arrow_array::RecordBatch;
use std::ops::Range;

/// A conversation whose boxes are written in this scale, as a batch of one row; nothing where that changes nothing.
///
/// # Errors
/// `Corrupt`.
pub(super) fn rewritten(
    dataset: &Dataset,
    row: &Conversation<'_>,
    scale: Scale,
    report: &mut ExportReport,
) -> Result<Option<RecordBatch>> {
    let others = row.alternatives()?;
    let texts = others.iter().flat_map(|ending| ending.turns().iter());
    let unread = texts.map(|turn| boxes::find(turn.text()).len() as u64).sum();
    report.lose("another convention of boxes in other endings: they are as they were", unread);
    let is_read = !row.grounding()?.is_empty();
    let has_boxes = |turn: &str| turn.contains(['[', '(', '<']) && !boxes::find(turn).is_empty();
    if !is_read && !row.turns()?.iter().any(|turn| has_boxes(turn.text())) {
        return Ok(None);
    }
    let mut row = row.to_row()?;
    report.lose("another convention of boxes that are no more than text: they are as they were", unread_boxes(&row));
    if !is_read {
        return Ok(None);
    }
    let mut edits: Vec<Vec<Edit>> = row.turns.iter().map(|_| Vec::new()).collect();
    for place in &row.grounding {
        match edit(dataset, &row, place, scale)? {
            Ok((turn, edit)) => edits.get_mut(turn).into_iter().for_each(|edits| edits.push(edit.clone())),
            Err(reason) => report.lose(reason, 1),
        }
    }
    edits.iter_mut().for_each(|edits| edits.sort_by_key(|edit| edit.range.start));
    let overlaps =
        |edits: &Vec<Edit>| edits.windows(2).any(|pair| matches!(pair, [a, b] if a.range.end > b.range.start));
    if edits.iter().any(overlaps) {
        report.lose("another convention of boxes that overlap: they are as they were", 1);
        return Ok(None);
    }
    report.boxes += edits.iter().map(|edits| edits.len() as u64).sum::<u64>();
    edits.iter_mut().for_each(|edits| edits.retain(|edit| !edit.is_same));
    if edits.iter().all(Vec::is_empty) {
        return Ok(None);
    }
    apply(&mut row, &edits, report);
    let mut builder = ConversationsBuilder::new();
    builder.push(&row)?;
    builder.finish().map(Some)
}

/// How many boxes stand in the texts of turns that the row does not have as boxes.
fn unread_boxes(row: &ConversationRow) -> u64 {
    let is_read = |turn: usize, range: &Range<usize>| {
        let of_turn = row.grounding.iter().filter(|place| usize::try_from(place.turn) == Ok(turn));
        of_turn.into_iter().any(|place| place.byte_start < range.end as i64 && range.start as i64 <= place.byte_end)
    };
    let turns = row.turns.iter().enumerate();
    let unread = turns.flat_map(|(turn, said)| {
        let found = boxes::find(&said.text).into_iter();
        found.filter(move |written| written.is_box()).filter(move |written| !is_read(turn, &written.range))
    });
    unread.count() as u64
}

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
    row: &ConversationRow,
    place: &GroundingRow,
    scale: Scale,
) -> Result<std::result::Result<(usize, Edit), &'static str>> {
    let range = usize::try_from(place.byte_start).ok().zip(usize::try_from(place.byte_end).ok());
    let turn = usize::try_from(place.turn).unwrap_or(usize::MAX);
    let Some((range, old)) =
        range.and_then(|(start, end)| Some((start..end, row.turns.get(turn)?.text.get(start..end)?)))
    else {
        return Ok(Err("another convention of boxes that stand in no text"));
    };
    if !matches!(place.kind.as_str(), "box" | "point") {
        return Ok(Err("another convention of what is neither box nor point: it is as it was"));
    }
    let numbers = boxes::numbers(old);
    if numbers.len() != place.values.len() || old.starts_with('x') {
        return Ok(Err("another convention of boxes that are written in another form: they are as they were"));
    }
    let medium = usize::try_from(place.media).ok().and_then(|medium| row.media.get(medium));
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

fn apply(row: &mut ConversationRow, edits: &[Vec<Edit>], report: &mut ExportReport) {
    let of = |turn: i32| usize::try_from(turn).ok().and_then(|turn| edits.get(turn)).map_or(&[][..], Vec::as_slice);
    for node in &mut row.reasoning {
        let whole = usize::try_from(node.turn).ok().and_then(|turn| row.turns.get(turn)).map_or("", |turn| &turn.text);
        if let Some(at) = whole.find(&node.text).filter(|_| !node.text.is_empty()) {
            node.text = stretch(whole, of(node.turn), at..at + node.text.len());
        }
    }
    for medium in &mut row.media {
        medium.at = medium.at.map(|at| moved(of(medium.turn), at, false));
    }
    for place in &mut row.grounding {
        let edits = of(place.turn);
        place.byte_end = moved(edits, place.byte_end, true);
        place.byte_start = moved(edits, place.byte_start, false);
    }
    for (turn, edits) in row.turns.iter_mut().zip(edits).filter(|(_, edits)| !edits.is_empty()) {
        turn.extra = turn.extra.take().and_then(|extra| without_borders(extra, report));
        turn.text = stretch(&turn.text, edits, 0..turn.text.len());
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
