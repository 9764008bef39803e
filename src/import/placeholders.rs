//! Brings `<image>` and `<video>` in the text together with the pictures and videos that a record names.
//!
//! Media go to placeholders in order, pictures to `<image>` and videos to `<video>`. Where there are as many media as
//! placeholders outside the assistant's turns, those inside are plain text; else they count, and what they stand for
//! is output. A medium that is left over belongs to the first user turn, without a place in its text. A placeholder
//! that is left over is plain text.

use crate::import::draft::{Draft, DraftMedium, MediaKind};
use crate::import::report::Kind;
use crate::schema::rows::TurnRow;
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
    place_apart(draft, inputs, outputs, None);
}

/// The same, where placeholders of other endings count too: their media come back. `placed` are those of endings that have
/// their places already.
pub(super) fn place_with_endings(
    draft: &mut Draft,
    inputs: Vec<DraftMedium>,
    outputs: Vec<DraftMedium>,
    placed: Vec<DraftMedium>,
) -> Vec<DraftMedium> {
    let mut of_endings = placed;
    place_apart(draft, inputs, outputs, Some(&mut of_endings));
    of_endings.sort_by_key(|medium| (medium.ending, medium.turn, medium.at));
    of_endings
}

fn place_apart(
    draft: &mut Draft,
    inputs: Vec<DraftMedium>,
    outputs: Vec<DraftMedium>,
    mut of_endings: Option<&mut Vec<DraftMedium>>,
) {
    let endings = draft.alternatives.iter().filter(|_| of_endings.is_some()).flat_map(|ending| &ending.turns);
    let may_have_marks = draft.turns.iter().chain(endings).any(|turn| may_have_mark(&turn.text));
    if !may_have_marks && inputs.is_empty() && outputs.is_empty() {
        return;
    }
    for kind in [MediaKind::Picture, MediaKind::Video] {
        let of_kind = |media: &[DraftMedium]| media.iter().filter(|medium| medium.kind == kind).cloned().collect();
        let mut endings = of_endings.as_deref_mut().map(|placed| Endings::of(draft, kind, placed));
        place_kind(draft, kind, of_kind(&inputs), of_kind(&outputs), endings.as_mut());
        if let Some(placed) = of_endings.as_deref_mut() {
            placed.extend(endings.into_iter().flat_map(|endings| endings.media));
        }
    }
}

fn place_kind(
    draft: &mut Draft,
    kind: MediaKind,
    mut inputs: Vec<DraftMedium>,
    mut outputs: Vec<DraftMedium>,
    mut endings: Option<&mut Endings>,
) {
    let mark = mark(kind);
    let spots = spots(&draft.turns, mark);
    let asked = spots.iter().filter(|spot| !spot.by_assistant).count();
    if let Some(endings) = &mut endings {
        endings.deal(&mut inputs, asked, spots.len() - asked);
    }
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
        keep(&mut draft.media, medium);
    }
    let mut left: Vec<Spot> = free.chain(rest).collect();
    if let Some(endings) = &mut endings {
        endings.deal(&mut outputs, 0, left.iter().filter(|spot| spot.by_assistant).count());
    }
    let last = draft.turns.iter().rposition(|turn| turn.role == "assistant");
    for mut medium in outputs {
        match left.iter().position(|spot| spot.by_assistant) {
            Some(at) => set(&mut medium, left.remove(at)),
            None => medium.turn = last.unwrap_or(draft.turns.len().saturating_sub(1)),
        }
        medium.output = true;
        keep(&mut draft.media, medium);
    }
    if unplaced > 0 {
        draft.find(Kind::MediaWithoutPlaceholder, format!("{unplaced} without {mark}"));
    }
    let left = left.len() + endings.map_or(0, |endings| endings.left());
    if left > 0 {
        draft.find(Kind::PlaceholderWithoutMedia, format!("{left} {mark} without a file"));
    }
}

/// The placeholders of other endings, and the media that stand there.
struct Endings {
    /// Those of each ending; none of one whose media have their places.
    spots: Vec<Vec<Spot>>,
    media: Vec<DraftMedium>,
}

impl Endings {
    fn of(draft: &Draft, kind: MediaKind, placed: &[DraftMedium]) -> Self {
        let spots = draft.alternatives.iter().enumerate().map(|(number, ending)| {
            let is_placed = placed.iter().any(|medium| medium.ending == Some(number) && medium.kind == kind);
            if is_placed { Vec::new() } else { spots(&ending.turns, mark(kind)) }
        });
        Self { spots: spots.collect(), media: Vec::new() }
    }

    /// Takes from a list of media what stands in endings, where the conversation itself asks with so many placeholders, and
    /// answers with so many.
    ///
    /// A record may list the media of all texts one after the other. Or, as LLaMA-Factory and ms-swift count, each ending
    /// with the question before it shows the whole list: then what is behind the question's media stands in each ending.
    /// Where the numbers fit neither, the list is that of the conversation alone.
    fn deal(&mut self, list: &mut Vec<DraftMedium>, asked: usize, answered: usize) {
        let (own, all) = (asked + answered, self.left());
        if all == 0 || list.len() <= asked {
            return;
        }
        let shown = list.len() - asked;
        if list.len() == own + all {
            let mut rest = list.split_off(own).into_iter();
            for (number, spots) in self.spots.iter_mut().enumerate() {
                let media = spots.drain(..).zip(&mut rest).map(|(spot, medium)| of_ending(number, spot, medium));
                media.for_each(|medium| keep(&mut self.media, medium));
            }
        } else if self.spots.iter().all(|spots| spots.is_empty() || spots.len() == shown) {
            for (number, spots) in self.spots.iter_mut().enumerate() {
                let rest = list.iter().skip(asked).cloned();
                let media = spots.drain(..).zip(rest).map(|(spot, medium)| of_ending(number, spot, medium));
                media.for_each(|medium| keep(&mut self.media, medium));
            }
            if answered != shown {
                list.truncate(asked);
            }
        }
    }

    /// How many placeholders nothing stands at.
    fn left(&self) -> usize {
        self.spots.iter().map(Vec::len).sum()
    }
}

fn of_ending(number: usize, spot: Spot, mut medium: DraftMedium) -> DraftMedium {
    medium.ending = Some(number);
    set(&mut medium, spot);
    medium
}

/// Gives these media of an ending the places of its placeholders of their kind, where there is one for each; they are all
/// that stand there, or stand behind those that the question shows, which are `asked`.
pub(super) fn place_in_ending(
    draft: &Draft,
    ending: usize,
    kind: MediaKind,
    media: Vec<DraftMedium>,
    asked: &[&DraftMedium],
) -> Option<Vec<DraftMedium>> {
    let spots = spots(&draft.alternatives.get(ending)?.turns, mark(kind));
    let before = media.len().checked_sub(spots.len())?;
    let is_asked = |(medium, asked): (&DraftMedium, &&DraftMedium)| medium.items == asked.items;
    let question = self::spots(&draft.turns, mark(kind)).iter().filter(|spot| !spot.by_assistant).count();
    let fits = before == 0
        || before == question && before <= asked.len() && media.iter().take(before).zip(asked).all(is_asked);
    // Where nothing stands in the ending, the question's own say nothing new.
    if !fits || spots.is_empty() && before != question {
        return None;
    }
    Some(
        spots
            .into_iter()
            .zip(media.into_iter().skip(before))
            .map(|(spot, medium)| of_ending(ending, spot, medium))
            .collect(),
    )
}

/// Keeps a medium, unless its place in the list was empty: then it has had its placeholder, which stays text.
fn keep(media: &mut Vec<DraftMedium>, medium: DraftMedium) {
    if !medium.items.is_empty() {
        media.push(medium);
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

fn spots(turns: &[TurnRow], mark: &str) -> Vec<Spot> {
    let mut spots = Vec::new();
    let finder = memmem::Finder::new(mark);
    for (turn, row) in turns.iter().enumerate() {
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
    use crate::schema::rows::AlternativeRow;

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

    /// Where the media of a list of so many stand, of a question and of each ending, each with its number in the list.
    fn dealt(
        question: &str,
        answer: Option<&str>,
        endings: &[&str],
        media: usize,
    ) -> (Vec<usize>, Vec<(usize, usize)>) {
        let turn = |role: &str, text: &str| TurnRow { role: role.into(), text: text.into(), ..TurnRow::default() };
        let answer = answer.map(|answer| turn("assistant", answer));
        let ending = |text: &&str| AlternativeRow { turns: vec![turn("assistant", text)], ..AlternativeRow::default() };
        let mut draft = Draft {
            turns: [turn("user", question)].into_iter().chain(answer).collect(),
            alternatives: endings.iter().map(ending).collect(),
            ..Draft::default()
        };
        let medium = |i| DraftMedium::new(MediaKind::Picture, vec![MediaItem::Path(format!("{i}"))]);
        let of_endings = place_with_endings(&mut draft, (0..media).map(medium).collect(), Vec::new(), Vec::new());
        let number = |medium: &DraftMedium| match &medium.items[..] {
            [MediaItem::Path(path)] => path.parse().unwrap(),
            other => panic!("{other:?}"),
        };
        assert!(of_endings.iter().all(|medium| medium.output && medium.at.is_some()));
        let of_endings = of_endings.iter().map(|medium| (medium.ending.unwrap(), number(medium))).collect();
        (draft.media.iter().map(number).collect(), of_endings)
    }

    #[test]
    fn placeholders_of_endings_take_what_is_behind_those_of_the_question() {
        // One after the other.
        assert_eq!(dealt("<image>", None, &["<image>", "<image><image>"], 4), (vec![0], vec![(0, 1), (1, 2), (1, 3)]));
        assert_eq!(dealt("<image>", Some("<image>"), &["<image>"], 3), (vec![0, 1], vec![(0, 2)]));
        assert_eq!(dealt("q", None, &["no", "<image>"], 1), (vec![], vec![(1, 0)]));
        // Each the whole list.
        assert_eq!(dealt("<image>", None, &["<image>", "<image>"], 2), (vec![0], vec![(0, 1), (1, 1)]));
        assert_eq!(dealt("<image>", Some("<image>"), &["<image>"], 2), (vec![0, 1], vec![(0, 1)]));
        // What the question takes, endings do not have; what fits nowhere is the question's.
        assert_eq!(dealt("<image>", None, &["<image>", "no"], 1), (vec![0], vec![]));
        assert_eq!(dealt("<image>", None, &["<image>", "<image><image>"], 3), (vec![0, 1, 2], vec![]));
    }
}
