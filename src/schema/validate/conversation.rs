//! Conversations.

use super::{
    Finding, Findings, ORIGINS, ROLES, all_finite, even, finite, id_and_source, index, invalid, json, json_object,
    not_empty, not_negative, one_of, one_of_opt, stretch,
};
use crate::error::{Error, Result};
use crate::schema::rows::{
    AlternativeRow, ConversationRow, EvidenceRow, GroundingRow, MediumRow, ReasoningRow, TurnRow,
};
use crate::schema::{forest, placeholder};
use std::collections::HashSet;
use std::fmt::{Arguments, Display};

/// Checks a conversation.
///
/// # Errors
/// `Invalid`, naming the field.
pub fn check_conversation(row: &ConversationRow) -> Result<Vec<Finding>> {
    let mut findings = Findings::default();
    id_and_source(&row.id, &row.source)?;
    not_empty("task", &row.task)?;
    one_of_opt("origin", &row.origin, &ORIGINS)?;
    let row_itself = Said { turns: &row.turns, media: &row.media, grounding: &row.grounding, other_media: 0 };
    row_itself.check(format_args!(""), &mut findings)?;
    check_reasoning(row, &mut findings)?;
    for (i, alternative) in row.alternatives.iter().enumerate() {
        not_empty(format_args!("alternatives[{i}].kind"), &alternative.kind)?;
        finite(format_args!("alternatives[{i}].score"), alternative.score)?;
        let AlternativeRow { turns, media, grounding, .. } = alternative;
        let ending = Said { turns, media, grounding, other_media: row.media.len() };
        ending.check(format_args!("alternatives[{i}]."), &mut findings)?;
    }
    json("tools", &row.tools)?;
    json_object("extra", &row.extra)?;
    Ok(findings.0)
}

/// What a conversation, or another ending of it, says and shows.
struct Said<'a> {
    turns: &'a [TurnRow],
    media: &'a [MediumRow],
    grounding: &'a [GroundingRow],
    /// How many media `grounding` counts after these.
    other_media: usize,
}

impl Said<'_> {
    /// `of` is what the fields belong to, with a dot, or nothing.
    fn check(&self, of: Arguments<'_>, findings: &mut Findings) -> Result<()> {
        self.check_turns(of)?;
        self.check_media(of)?;
        for (i, place) in self.grounding.iter().enumerate() {
            self.check_grounding(format_args!("{of}grounding[{i}]"), place, findings)?;
        }
        self.find_silent(of, findings);
        Ok(())
    }

    fn check_turns(&self, of: Arguments<'_>) -> Result<()> {
        for (i, turn) in self.turns.iter().enumerate() {
            one_of(format_args!("{of}turns[{i}].role"), &turn.role, &ROLES)?;
            json_object(format_args!("{of}turns[{i}].extra"), &turn.extra)?;
        }
        Ok(())
    }

    /// A turn with no text says nothing, unless it has a medium, or a tool call in its `extra`.
    fn find_silent(&self, of: Arguments<'_>, findings: &mut Findings) {
        for (i, turn) in self.turns.iter().enumerate() {
            let shows = || self.media.iter().any(|medium| usize::try_from(medium.turn) == Ok(i));
            if turn.text.is_empty() && turn.extra.is_none() && !shows() {
                findings.add(format_args!("{of}turns[{i}].text"), "it is empty");
            }
        }
    }

    fn check_media(&self, of: Arguments<'_>) -> Result<()> {
        for (i, medium) in self.media.iter().enumerate() {
            let turn = index(format_args!("{of}media[{i}].turn"), medium.turn, self.turns.len(), "turn")?;
            if let Some(at) = medium.at.filter(|at| !placeholder::is_place(&self.turns[turn].text, *at)) {
                let what = format_args!("byte {at} of turn {turn} is past its text, or within a character");
                return Err(invalid(format_args!("{of}media[{i}].at"), what));
            }
            if medium.refs.is_empty() {
                let what = "a medium needs at least one frame or video";
                return Err(invalid(format_args!("{of}media[{i}].refs"), what));
            }
            stretch(format_args!("{of}media[{i}]."), medium.start, medium.end)?;
            finite(format_args!("{of}media[{i}].fps"), medium.fps)?;
            not_negative(format_args!("{of}media[{i}].fps"), medium.fps)?;
        }
        self.check_places(of)
    }

    /// No two media have the same placeholder.
    fn check_places(&self, of: Arguments<'_>) -> Result<()> {
        let mut last = None;
        let mut in_order = true;
        for place in self.media.iter().filter_map(place_of) {
            in_order &= last.is_none_or(|last| last < place);
            last = Some(place);
        }
        if in_order {
            return Ok(());
        }
        let mut taken = HashSet::new();
        let has_mark = |(turn, at): &(i32, i64)| {
            let turn = usize::try_from(*turn).ok().and_then(|turn| self.turns.get(turn));
            turn.is_some_and(|turn| placeholder::at(&turn.text, *at).is_some())
        };
        for (i, medium) in self.media.iter().enumerate() {
            if let Some((turn, at)) = place_of(medium).filter(|place| has_mark(place) && !taken.insert(*place)) {
                let what = format_args!("another medium stands at byte {at} of turn {turn} already");
                return Err(invalid(format_args!("{of}media[{i}].at"), what));
            }
        }
        Ok(())
    }

    fn check_grounding(&self, field: Arguments<'_>, place: &GroundingRow, findings: &mut Findings) -> Result<()> {
        let turn = index(format_args!("{field}.turn"), place.turn, self.turns.len(), "turn")?;
        let range = usize::try_from(place.byte_start).ok().zip(usize::try_from(place.byte_end).ok());
        let text = range.and_then(|(start, end)| self.turns[turn].text.get(start..end));
        if text.is_none_or(str::is_empty) {
            let (start, end) = (place.byte_start, place.byte_end);
            let what = format_args!("bytes {start}..{end} are no stretch of whole characters of turn {turn}'s text");
            return Err(invalid(field, what));
        }
        index(format_args!("{field}.media"), place.media, self.media.len() + self.other_media, "medium")?;
        not_empty(format_args!("{field}.kind"), &place.kind)?;
        all_finite(format_args!("{field}.values"), &place.values)?;
        check_values(format_args!("{field}.values"), place, findings)
    }
}

fn place_of(medium: &MediumRow) -> Option<(i32, i64)> {
    medium.at.map(|at| (medium.turn, at))
}

fn check_values(field: Arguments<'_>, place: &GroundingRow, findings: &mut Findings) -> Result<()> {
    let values = &place.values;
    let wanted = match place.kind.as_str() {
        "box" => Some(4),
        "point" | "interval" => Some(2),
        "time" => Some(1),
        _ => None,
    };
    if let Some(wanted) = wanted.filter(|wanted| *wanted != values.len()) {
        let what = format_args!("kind `{}` has {wanted} values, and there are {}", place.kind, values.len());
        return Err(invalid(field, what));
    }
    match place.kind.as_str() {
        "box" => findings.box_coords(field, values),
        "point" => findings.inside(field, values),
        "polygon" => {
            even(field, values)?;
            findings.outline(field, values);
        }
        "interval" if values.first() > values.last() => {
            findings.add(field, format_args!("the interval {values:?} ends before it starts"));
        }
        _ => {}
    }
    Ok(())
}

fn check_reasoning(row: &ConversationRow, findings: &mut Findings) -> Result<()> {
    let nodes = &row.reasoning;
    forest::check(nodes.len(), |i| (nodes[i].parent, nodes[i].subtree_end))
        .map_err(|error| Error::invalid(format!("reasoning: {}", error.message())))?;
    for (i, node) in nodes.iter().enumerate() {
        index(format_args!("reasoning[{i}].turn"), node.turn, row.turns.len(), "turn")?;
        one_of_opt(format_args!("reasoning[{i}].origin"), &node.origin, &ORIGINS)?;
        check_level(i, node, findings);
        for (j, evidence) in node.evidence.iter().enumerate() {
            check_evidence(format_args!("reasoning[{i}].evidence[{j}]."), evidence, findings)?;
        }
    }
    Ok(())
}

fn check_level(i: usize, node: &ReasoningRow, findings: &mut Findings) {
    if let Some(level) = node.level.filter(|level| !(1..=3).contains(level)) {
        findings.add(format_args!("reasoning[{i}].level"), format_args!("{level} is none of the levels 1, 2 and 3"));
    }
}

fn check_evidence(field: impl Display, evidence: &EvidenceRow, findings: &mut Findings) -> Result<()> {
    stretch(&field, evidence.start, evidence.end)?;
    if let Some(bbox) = &evidence.bbox {
        all_finite(format_args!("{field}box"), bbox)?;
        findings.box_coords(format_args!("{field}box"), bbox);
    }
    Ok(())
}
