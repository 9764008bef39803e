//! Text and media of a conversation's turns, interleaved.

use super::media::{Media, Medium};
use super::turns::Turns;
use crate::error::{Error, Result};
use crate::schema::placeholder;

/// A piece of a turn.
#[derive(Clone, Copy, Debug)]
pub enum Part<'a> {
    /// A stretch of text without a medium in it; never empty. Placeholders that no medium has are in it as they are.
    Text(&'a str),
    /// A medium: where it stands in the turn's text, in place of its placeholder if it has one; before the text where it
    /// has no place there.
    Medium(Medium<'a>),
}

/// The turns of a conversation as text and media.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a> {
    turns: Turns<'a>,
    media: Media<'a>,
    /// Whether the media stand in the order of their turns and places, so that the next is found without a search.
    ordered: bool,
}

impl<'a> Parts<'a> {
    /// # Errors
    /// `Corrupt` when a medium belongs to no turn, or its place in the text is within a character or past the end.
    pub(super) fn new(turns: Turns<'a>, media: Media<'a>) -> Result<Self> {
        for medium in media.iter() {
            check_place(turns, medium)?;
        }
        let ordered = media.iter().is_sorted_by_key(|medium| (medium.turn(), medium.at()));
        Ok(Self { turns, media, ordered })
    }

    /// How many turns there are.
    pub fn len(&self) -> usize {
        self.turns.len()
    }

    /// Whether there is no turn.
    pub fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    /// The pieces of one turn.
    pub fn turn(&self, turn: usize) -> Option<TurnParts<'a>> {
        let text = self.turns.get(turn)?.text();
        let number = i32::try_from(turn).ok()?;
        let next = if self.ordered { self.first_of(number) } else { 0 };
        Some(TurnParts { media: self.media, ordered: self.ordered, turn: number, text, cursor: 0, next, last: None })
    }

    /// The pieces of all turns, with the turn's number.
    pub fn iter(&self) -> impl Iterator<Item = (usize, Part<'a>)> + Clone + use<'a> {
        let parts = *self;
        (0..parts.len()).flat_map(move |turn| parts.turn(turn).into_iter().flatten().map(move |part| (turn, part)))
    }

    /// The first medium that belongs to this turn or a later one, in a list that is ordered.
    fn first_of(&self, turn: i32) -> usize {
        let (mut low, mut high) = (0, self.media.len());
        while low < high {
            let middle = low + (high - low) / 2;
            match self.media.get(middle) {
                Some(medium) if medium.turn() < turn => low = middle + 1,
                _ => high = middle,
            }
        }
        low
    }
}

fn check_place(turns: Turns<'_>, medium: Medium<'_>) -> Result<()> {
    let turn = usize::try_from(medium.turn()).ok().and_then(|turn| turns.get(turn));
    let Some(turn) = turn else {
        let (number, turn, turns) = (medium.number(), medium.turn(), turns.len());
        return Err(Error::corrupt(format!("medium {number} belongs to turn {turn}, and there are {turns}")));
    };
    match medium.at() {
        Some(at) if !placeholder::is_place(turn.text(), at) => {
            let number = medium.number();
            let text = turn.text().len();
            Err(Error::corrupt(format!(
                "medium {number} stands at byte {at} of its turn, whose text has {text} bytes, or within a character"
            )))
        }
        _ => Ok(()),
    }
}

/// The pieces of one turn, in order.
#[derive(Clone, Copy, Debug)]
pub struct TurnParts<'a> {
    media: Media<'a>,
    ordered: bool,
    turn: i32,
    text: &'a str,
    /// Where the text that is not yet handed out starts.
    cursor: usize,
    /// The first medium to look at, where the media are ordered.
    next: usize,
    /// Place and number of the medium that was handed out last.
    last: Option<Place>,
}

/// Where a medium stands in its turn: its byte, then its number; none stands before all bytes.
type Place = (Option<i64>, usize);

impl<'a> TurnParts<'a> {
    fn next_medium(&self) -> Option<(Place, Medium<'a>)> {
        if self.ordered {
            let medium = self.media.get(self.next).filter(|medium| medium.turn() == self.turn)?;
            return Some(((medium.at(), self.next), medium));
        }
        let mine = self.media.iter().filter(|medium| medium.turn() == self.turn);
        let placed = mine.map(|medium| ((medium.at(), medium.number()), medium));
        placed.filter(|(place, _)| self.last.is_none_or(|last| *place > last)).min_by_key(|(place, _)| *place)
    }
}

impl<'a> Iterator for TurnParts<'a> {
    type Item = Part<'a>;

    fn next(&mut self) -> Option<Part<'a>> {
        let Some((place, medium)) = self.next_medium() else {
            let rest = self.text.get(self.cursor..).unwrap_or_default();
            self.cursor = self.text.len();
            return (!rest.is_empty()).then_some(Part::Text(rest));
        };
        if let Some(at) = place.0 {
            let at = usize::try_from(at).unwrap_or(self.cursor);
            let before = self.text.get(self.cursor..at).unwrap_or_default();
            if !before.is_empty() {
                self.cursor = at;
                return Some(Part::Text(before));
            }
            let placeholder = placeholder::at(self.text, at as i64).unwrap_or_default();
            self.cursor = self.cursor.max(at + placeholder.len());
        }
        self.next += 1;
        self.last = Some(place);
        Some(Part::Medium(medium))
    }
}
