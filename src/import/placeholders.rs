//! Brings `<image>` and `<video>` in the text together with the pictures and videos that a record names.
//!
//! Media go to placeholders in order, pictures to `<image>` and videos to `<video>`. Where there are as many media as
//! placeholders outside the assistant's turns, those inside are plain text; else they count, and what they stand for
//! is output. A medium that is left over belongs to the first user turn, without a place in its text. A placeholder
//! that is left over is plain text.

use crate::import::draft::{Draft, DraftMedium, MediaKind};
use crate::import::report::Kind;
use memchr::memmem;

/// Whether a text may have a placeholder: a look at each `<`, which most texts have none or few of.
fn may_have_mark(text: &str) -> bool {
    let bytes = text.as_bytes();
    memchr::memchr_iter(b'<', bytes).any(|at| matches!(bytes.get(at + 1), Some(b'i' | b'v')))
}

/// Where a placeholder stands.
#[derive(Clone, Copy, Debug)]
struct Spot {
    turn: usize,
    at: usize,
    by_assistant: bool,
}

/// Places a record's media and adds them to the draft; `outputs` are those that the model is to produce.
pub(super) fn place(draft: &mut Draft, inputs: Vec<DraftMedium>, outputs: Vec<DraftMedium>) {
    if !draft.turns.iter().any(|turn| may_have_mark(&turn.text)) && inputs.is_empty() && outputs.is_empty() {
        return;
    }
    for kind in [MediaKind::Picture, MediaKind::Video] {
        let of_kind = |media: &[DraftMedium]| media.iter().filter(|medium| medium.kind == kind).cloned().collect();
        place_kind(draft, kind, of_kind(&inputs), of_kind(&outputs));
    }
}

fn place_kind(draft: &mut Draft, kind: MediaKind, inputs: Vec<DraftMedium>, outputs: Vec<DraftMedium>) {
    let mark = mark(kind);
    let spots = spots(draft, mark);
    let asked = spots.iter().filter(|spot| !spot.by_assistant).count();
    let (first, rest): (Vec<Spot>, Vec<Spot>) =
        spots.into_iter().partition(|spot| !spot.by_assistant || inputs.len() != asked);
    let mut free = first.into_iter();
    let mut unplaced = 0;
    let user = draft.turns.iter().position(|turn| turn.role == "user").unwrap_or(0);
    for mut medium in inputs {
        match free.next() {
            Some(spot) => set(&mut medium, spot),
            None => {
                unplaced += u32::from(!medium.items.is_empty());
                medium.turn = user;
            }
        }
        keep(draft, medium);
    }
    let mut left: Vec<Spot> = free.chain(rest).collect();
    let last = draft.turns.iter().rposition(|turn| turn.role == "assistant");
    for mut medium in outputs {
        match left.iter().position(|spot| spot.by_assistant) {
            Some(at) => set(&mut medium, left.remove(at)),
            None => medium.turn = last.unwrap_or(draft.turns.len().saturating_sub(1)),
        }
        medium.output = true;
        keep(draft, medium);
    }
    if unplaced > 0 {
        draft.find(Kind::MediaWithoutPlaceholder, format!("{unplaced} without {mark}"));
    }
    if !left.is_empty() {
        draft.find(Kind::PlaceholderWithoutMedia, format!("{} {mark} without a file", left.len()));
    }
}

/// Adds a medium, unless its place in the list was empty: then it has had its placeholder, which stays text.
fn keep(draft: &mut Draft, medium: DraftMedium) {
    if !medium.items.is_empty() {
        draft.media.push(medium);
    }
}

fn set(medium: &mut DraftMedium, spot: Spot) {
    medium.turn = spot.turn;
    medium.at = Some(spot.at);
    medium.output = spot.by_assistant;
}

fn mark(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Picture => "<image>",
        MediaKind::Video => "<video>",
    }
}

fn spots(draft: &Draft, mark: &str) -> Vec<Spot> {
    let mut spots = Vec::new();
    let finder = memmem::Finder::new(mark);
    for (turn, row) in draft.turns.iter().enumerate() {
        let by_assistant = row.role == "assistant";
        let found = finder.find_iter(row.text.as_bytes());
        spots.extend(found.map(|at| Spot { turn, at, by_assistant }));
    }
    spots
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::draft::MediaItem;
    use crate::schema::rows::TurnRow;

    type Placed = (Vec<(usize, Option<usize>, bool)>, Vec<Kind>);

    fn placed(turns: &[(&str, &str)], inputs: usize, outputs: usize) -> Placed {
        let turns = turns.iter().map(|(role, text)| TurnRow {
            role: (*role).into(),
            text: (*text).into(),
            ..TurnRow::default()
        });
        let mut draft = Draft { turns: turns.collect(), ..Draft::default() };
        let media =
            |n| (0..n).map(|i| DraftMedium::new(MediaKind::Picture, vec![MediaItem::Path(format!("{i}"))])).collect();
        place(&mut draft, media(inputs), media(outputs));
        let kinds = draft.findings.iter().map(|(kind, _)| *kind).collect();
        (draft.media.iter().map(|medium| (medium.turn, medium.at, medium.output)).collect(), kinds)
    }

    #[test]
    fn media_go_to_placeholders_in_order() {
        let turns = [("system", ""), ("user", "<image>a<image>"), ("assistant", "x"), ("user", "é<image>")];
        assert_eq!(placed(&turns, 3, 0), (vec![(1, Some(0), false), (1, Some(8), false), (3, Some(2), false)], vec![]));
    }

    #[test]
    fn what_is_left_over_is_kept_and_told() {
        let turns = [("system", ""), ("user", "a<image>"), ("assistant", "x")];
        assert_eq!(placed(&turns, 0, 0), (vec![], vec![Kind::PlaceholderWithoutMedia]));
        assert_eq!(
            placed(&turns, 2, 0),
            (vec![(1, Some(1), false), (1, None, false)], vec![Kind::MediaWithoutPlaceholder])
        );
    }

    #[test]
    fn a_placeholder_in_an_answer_is_output_unless_the_questions_take_all() {
        let turns = [("user", "<image>"), ("assistant", "<image>")];
        assert_eq!(placed(&turns, 2, 0).0, [(0, Some(0), false), (1, Some(0), true)]);
        assert_eq!(placed(&turns, 1, 0), (vec![(0, Some(0), false)], vec![Kind::PlaceholderWithoutMedia]));
        assert_eq!(placed(&turns, 1, 1), (vec![(0, Some(0), false), (1, Some(0), true)], vec![]));
        assert_eq!(placed(&[("user", "q"), ("assistant", "")], 0, 1).0, [(1, None, true)]);
    }
}
