//! Which numbered record of a file is which of before, by what they say.
//!
//! Records without ids of their own are called by their numbers, and a file is edited: some are put in front, others are taken
//! out, corrected or moved. What says what one of before says is that one, wherever it stands now. Of the rest, one that says
//! something else about the same is that one, corrected, where there is no doubt which, or it stands where that one stood. All
//! others are new, and what nothing is left for is gone.

use crate::error::Result;
use roaring::RoaringTreemap;
use std::collections::{BTreeMap, HashMap, VecDeque};

/// What a record says, as digests; 0 is nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Saying {
    /// All of it, what it shows included.
    pub(super) all: u64,
    /// What it shows, or what it is about.
    pub(super) shown: u32,
    pub(super) asked: u32,
    pub(super) answered: u32,
}

impl Saying {
    /// What both say, as one record.
    pub(super) fn with(self, other: Self) -> Self {
        match self.is_nothing() {
            true => other,
            false => Self { all: self.all.wrapping_add(other.all), ..self },
        }
    }

    fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Whether one may be the other, corrected: it is about the same.
    fn may_be(&self, other: &Self) -> bool {
        self.shown == other.shown && (self.shown != 0 || (self.asked != 0 && self.asked == other.asked))
    }

    /// Whether one may be the other that stood in its place, corrected: of much that is about one picture, it shares more.
    fn may_have_been(&self, other: &Self) -> bool {
        let shares = |here: u32, there: u32| here != 0 && here == there;
        self.may_be(other) && (shares(self.asked, other.asked) || shares(self.answered, other.answered))
    }

    /// Whether one may be the other of the same number, corrected: also another picture, or a path that was mended.
    fn may_be_here(&self, other: &Self) -> bool {
        let says_the_same = self.asked != 0 && self.answered != 0;
        let says_the_same = says_the_same && (self.asked, self.answered) == (other.asked, other.answered);
        self.may_be(other) || says_the_same
    }
}

/// A record of the file.
#[derive(Clone, Debug)]
struct Position {
    number: u64,
    said: Saying,
    /// All that it would say, did nobody know how large its pictures are.
    unplaced: u64,
    /// The number that it has in the dataset, or gets; 0 where that is not known yet.
    there: u64,
}

/// A list of numbered records: as the file has them now, and those of before that say something else at their number.
#[derive(Debug, Default)]
pub(super) struct List {
    /// By their numbers, ascending.
    positions: Vec<Position>,
    /// What is not found in the file yet, by numbers.
    left: BTreeMap<u64, Saying>,
    /// The numbers of all that were before.
    before: RoaringTreemap,
    /// What was deleted, by what it said: its numbers.
    deleted: HashMap<u64, VecDeque<u64>>,
    /// The numbers of records that are corrected, and what these say in the dataset.
    corrected: Vec<(u64, Saying)>,
}

/// What becomes of records that are corrected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Corrections {
    /// The dataset goes on saying what it said.
    Kept,
    /// They take the place of what it said.
    Taken,
    /// They come in beside that, as new ones.
    Beside,
}

/// What became of a list.
#[derive(Debug, Default)]
pub(super) struct Aligned {
    /// The numbers that records have in the dataset, where these are others than in the file.
    pub(super) others: HashMap<u64, u64>,
    /// How many of those say what they said.
    pub(super) moved: u64,
    /// The first of these: its number in the file, and in the dataset.
    pub(super) first: Option<(u64, u64)>,
    /// Numbers of before that no record has now.
    pub(super) gone: Vec<u64>,
}

impl List {
    /// Notes a record of the file.
    pub(super) fn meet(&mut self, number: u64) {
        let at = self.positions.partition_point(|position| position.number < number);
        if self.positions.get(at).is_none_or(|position| position.number != number) {
            self.positions.insert(at, Position { number, said: Saying::default(), unplaced: 0, there: 0 });
        }
    }

    /// Notes what a record of the file says, and all that it would say, did nobody know how large its pictures are; one that
    /// says several things says all of them.
    pub(super) fn says(&mut self, number: u64, said: Saying, unplaced: u64) {
        if let Ok(at) = self.positions.binary_search_by_key(&number, |position| position.number)
            && let Some(position) = self.positions.get_mut(at)
        {
            position.said = position.said.with(said);
            position.unplaced = position.unplaced.wrapping_add(unplaced);
        }
    }

    /// Notes a record of before.
    pub(super) fn was(&mut self, number: u64, said: Saying) {
        self.before.insert(number);
        let at = self.positions.binary_search_by_key(&number, |position| position.number);
        match at.ok().and_then(|at| self.positions.get_mut(at)) {
            Some(position) if position.said == said || position.unplaced == said.all => position.there = number,
            _ => drop(self.left.insert(number, said)),
        }
    }

    /// Notes a record of before that was deleted, or parts of one that was not, once all that were not are known.
    pub(super) fn was_deleted(&mut self, number: u64, said: Saying) {
        if !self.before.contains(number) {
            self.deleted.entry(said.all).or_default().push_back(number);
            return;
        }
        let whole = self.left.get(&number).map(|left| left.with(said).all);
        let at = self.positions.binary_search_by_key(&number, |position| position.number);
        let position = at.ok().and_then(|at| self.positions.get_mut(at));
        if let Some(position) = position.filter(|position| whole == Some(position.said.all)) {
            position.there = number;
            self.left.remove(&number);
        }
    }

    /// Finds out which is which; numbers of records that were deleted are given to no others. Where the dataset
    /// keeps what it said, a correction is one only where the next reading finds it again.
    ///
    /// # Errors
    /// What `was_deleted` returns.
    pub(super) fn align(
        mut self,
        corrections: Corrections,
        was_deleted: &mut dyn FnMut(u64) -> Result<bool>,
    ) -> Result<Aligned> {
        self.find_moved();
        self.find_deleted();
        let is_moved = |position: &&Position| ![0, position.number].contains(&position.there);
        let moved: Vec<(u64, u64)> =
            self.positions.iter().filter(is_moved).map(|position| (position.number, position.there)).collect();
        let before = (corrections == Corrections::Kept).then(|| (self.positions.clone(), self.left.clone()));
        if corrections != Corrections::Beside {
            self.find_corrected();
        }
        self.find_in_place(corrections);
        self.number_new(was_deleted)?;
        if let Some(before) = before.filter(|_| !self.is_settled()) {
            // Then they are new, rather than new at the next reading.
            (self.positions, self.left) = before;
            self.find_in_place(Corrections::Beside);
            self.number_new(was_deleted)?;
        }
        let others = self.positions.iter().filter(|at| at.there != at.number).map(|at| (at.number, at.there));
        Ok(Aligned {
            others: others.collect(),
            moved: moved.len() as u64,
            first: moved.first().copied(),
            gone: self.left.keys().copied().collect(),
        })
    }

    /// Whether the file says nothing new when it is read again, and what was corrected stays as it was.
    fn is_settled(&self) -> bool {
        let corrected: HashMap<u64, Saying> = self.corrected.iter().copied().collect();
        let is_new = |position: &Position| !self.before.contains(position.there);
        if corrected.is_empty() || !self.positions.iter().any(is_new) {
            return true;
        }
        let positions = self.positions.iter().map(|position| Position { there: 0, ..position.clone() });
        let mut again = Self { positions: positions.collect(), ..Self::default() };
        self.left.iter().for_each(|(number, said)| again.was(*number, *said));
        for Position { there, said, .. } in &self.positions {
            again.was(*there, corrected.get(there).copied().unwrap_or(*said));
        }
        again.find_moved();
        again.find_corrected();
        again.find_in_place(Corrections::Kept);
        again.positions.iter().all(|position| position.there != 0)
    }

    /// Those that say what one of before says that stood elsewhere.
    fn find_moved(&mut self) {
        let mut by_saying: HashMap<u64, VecDeque<u64>> = HashMap::new();
        self.left.iter().for_each(|(number, said)| by_saying.entry(said.all).or_default().push_back(*number));
        for say in [|position: &Position| position.said.all, |position: &Position| position.unplaced] {
            for position in self.positions.iter_mut().filter(|position| position.there == 0) {
                if let Some(there) = by_saying.get_mut(&say(position)).and_then(VecDeque::pop_front) {
                    position.there = there;
                    self.left.remove(&there);
                }
            }
        }
    }

    /// Those that ask what one of before asks about the same, and no others do.
    fn find_corrected(&mut self) {
        type Count = (u32, u64);
        let mut about: HashMap<(u32, u32), (Count, Count)> = HashMap::new();
        let lone = |count: &mut Count, number: u64| *count = (count.0.saturating_add(1), number);
        for (number, said) in &self.left {
            lone(&mut about.entry((said.shown, said.asked)).or_default().0, *number);
        }
        let open = |position: &&mut Position| position.there == 0 && !position.said.is_nothing();
        for position in self.positions.iter_mut().filter(open) {
            if let Some((_, here)) = about.get_mut(&(position.said.shown, position.said.asked)) {
                lone(here, position.number);
            }
        }
        for position in self.positions.iter_mut().filter(open) {
            let of = about.get(&(position.said.shown, position.said.asked));
            let Some(((1, there), (1, _))) = of else { continue };
            if self.left.get(there).is_some_and(|said| said.may_be(&position.said)) {
                position.there = *there;
                self.corrected.extend(self.left.remove_entry(there));
            }
        }
    }

    /// Those that say what one says that was deleted.
    fn find_deleted(&mut self) {
        for position in self.positions.iter_mut().filter(|position| position.there == 0) {
            if let Some(there) = self.deleted.get_mut(&position.said.all).and_then(VecDeque::pop_front) {
                position.there = there;
            }
        }
    }

    /// The rest: where one stands where one of before stood, by its number or behind the one in front of it, it may be that one.
    /// What could not be read is so whatever it says. Those that were put between have larger numbers than where they stand.
    fn find_in_place(&mut self, corrections: Corrections) {
        let mut behind = 0;
        for position in &mut self.positions {
            if position.there == 0 {
                let is_it = |number: &u64| match self.left.get(number) {
                    Some(said) if position.said.is_nothing() => !said.is_nothing(),
                    Some(_) if corrections == Corrections::Beside => false,
                    Some(said) if *number == position.number => said.may_be_here(&position.said),
                    Some(said) => said.may_have_been(&position.said),
                    None => false,
                };
                if let Some(number) = [position.number, behind + 1].into_iter().find(is_it) {
                    position.there = number;
                    self.corrected.extend(self.left.remove_entry(&number));
                }
            }
            behind = if (1..=position.number).contains(&position.there) { position.there } else { behind };
        }
    }

    /// Gives the rest numbers: their own, where nothing had these.
    fn number_new(&mut self, was_deleted: &mut dyn FnMut(u64) -> Result<bool>) -> Result<()> {
        let mut used: RoaringTreemap = self.positions.iter().map(|position| position.there).collect();
        let last = self.positions.last().map_or(0, |position| position.number);
        let mut next = self.before.max().unwrap_or(0).max(used.max().unwrap_or(0)).max(last);
        for position in self.positions.iter_mut().filter(|position| position.there == 0) {
            let own = position.number;
            position.there = own;
            if self.before.contains(own) || used.contains(own) || was_deleted(own)? {
                next += 1;
                while was_deleted(next)? {
                    next += 1;
                }
                position.there = next;
            }
            used.insert(position.there);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A record that shows a picture, asks one thing about it, and answers this.
    fn saying(text: &str) -> Saying {
        let mut parts = text.split(' ').map(|part| part.bytes().fold(7, |sum: u32, byte| sum * 31 + u32::from(byte)));
        let (shown, answered) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        Saying { all: u64::from(shown) << 32 | u64::from(answered), shown, asked: 1, answered }
    }

    fn list(before: &[(u64, &str)], now: &[&str]) -> List {
        let mut list = List::default();
        for (text, number) in now.iter().zip(1..) {
            list.meet(number);
            if !text.is_empty() {
                list.says(number, saying(text), saying(text).all);
            }
        }
        before.iter().for_each(|(number, text)| list.was(*number, saying(text)));
        list
    }

    /// The numbers that the file's records have, and those that are gone.
    fn aligned(before: &[(u64, &str)], now: &[&str], deleted: &[(u64, &str)]) -> (Vec<u64>, Vec<u64>) {
        let mut list = list(before, now);
        deleted.iter().for_each(|(number, text)| list.was_deleted(*number, saying(text)));
        let is_deleted = &mut |number| Ok(deleted.iter().any(|(deleted, _)| *deleted == number));
        let aligned = list.align(Corrections::Kept, is_deleted).unwrap();
        let numbers = (1..=now.len() as u64).map(|number| *aligned.others.get(&number).unwrap_or(&number));
        (numbers.collect(), aligned.gone)
    }

    #[test]
    fn what_says_the_same_is_the_same_wherever_it_stands() {
        let before = [(1, "a 1"), (2, "b 1"), (3, "c 1"), (4, "d 1")];
        for (now, numbers, gone) in [
            (&["a 1", "b 1", "c 1", "d 1", "e 1"][..], &[1, 2, 3, 4, 5][..], &[][..]),
            (&["new 1", "a 1", "b 1", "c 1", "d 1"], &[6, 1, 2, 3, 4], &[]),
            (&["a 1", "b 1", "c 1", "new 1", "d 1"], &[1, 2, 3, 6, 4], &[]),
            (&["b 1", "a 1", "d 1", "c 1"], &[2, 1, 4, 3], &[]),
            (&["b 1", "c 1", "d 1"], &[2, 3, 4], &[1]),
            (&["a 1", "c 1", "d 1", "e 1"], &[1, 3, 4, 5], &[2]),
            // Corrected, alone and beside one that was put in front.
            (&["a 1", "b 2", "c 1", "d 1"], &[1, 2, 3, 4], &[]),
            (&["new 1", "a 1", "b 2", "c 1", "d 1"], &[6, 1, 2, 3, 4], &[]),
            (&["d 1", "b 2", "new 2"], &[4, 2, 5], &[1, 3]),
            // Of another picture, but for its text.
            (&["a 1", "B 1", "c 1", "d 1"], &[1, 2, 3, 4], &[]),
            (&["a 1", "x 2", "c 1", "d 1"], &[1, 5, 3, 4], &[2]),
            // One that could not be read stands where one stood.
            (&["a 1", "", "c 1", "d 1"], &[1, 2, 3, 4], &[]),
            (&["new 1", "a 1", "", "c 1", "d 1"], &[6, 1, 2, 3, 4], &[]),
        ] {
            assert_eq!(aligned(&before, now, &[]), (numbers.to_vec(), gone.to_vec()), "{now:?}");
        }
    }

    #[test]
    fn what_was_deleted_is_known_by_what_it_said() {
        let before = [(1, "a 1"), (2, "b 1"), (4, "d 1")];
        for (now, numbers) in [
            (&["a 1", "b 1", "c 1", "d 1"][..], &[1, 2, 3, 4][..]),
            (&["new 1", "a 1", "b 1", "c 1", "d 1"], &[6, 1, 2, 3, 4]),
            (&["a 1", "b 1", "new 1", "d 1"], &[1, 2, 5, 4]),
            (&["a 1", "b 1", "new 1", "c 1", "d 1"], &[1, 2, 6, 3, 4]),
            (&["a 1", "b 1", "d 1"], &[1, 2, 4]),
        ] {
            assert_eq!(aligned(&before, now, &[(3, "c 1")]).0, numbers, "{now:?}");
        }
        // A number that was deleted is given to none that is new.
        assert_eq!(aligned(&[(1, "a 1")], &["new 2", "a 1"], &[(3, "c 1")]).0, [4, 1]);
    }

    #[test]
    fn a_record_of_which_parts_were_deleted_is_that_one() {
        let parts = [saying("a 1"), saying("a 2")];
        let mut list = List::default();
        list.meet(1);
        parts.iter().for_each(|said| list.says(1, *said, said.all));
        list.was(1, parts[0]);
        list.was_deleted(1, parts[1]);
        let aligned = list.align(Corrections::Beside, &mut |_| Ok(false)).unwrap();
        assert!(aligned.others.is_empty() && aligned.gone.is_empty(), "{aligned:?}");
    }

    #[test]
    fn what_is_to_come_in_beside_is_new() {
        let before = [(1, "a 1"), (2, "b 1")];
        let aligned = list(&before, &["a 2", "", "b 1"]).align(Corrections::Beside, &mut |_| Ok(false)).unwrap();
        assert_eq!((aligned.others.get(&1), aligned.others.get(&3), &aligned.gone[..]), (Some(&4), Some(&2), &[][..]));
    }

    #[test]
    fn the_same_said_often_is_as_often_there() {
        let before: Vec<(u64, &str)> = (1..=30).map(|at| (at, if at % 2 == 0 { "p 1" } else { "p 2" })).collect();
        let mut now: Vec<&str> = before.iter().map(|(_, text)| *text).collect();
        now.insert(11, "q 1");
        now.extend(["p 1", "p 2"]);
        let (numbers, gone) = aligned(&before, &now, &[]);
        assert_eq!((numbers.iter().filter(|number| **number > 30).count(), gone.len()), (3, 0));
        assert!(numbers[11] > 30);
    }

    proptest! {
        /// Whatever was done to a file, the dataset has afterwards what it had and what the file says, none of it more often
        /// than the file or the dataset says it, and each record has a number of its own.
        #[test]
        fn nothing_is_lost_or_doubled(before in prop::collection::vec(0u8..12, 0..20), now in prop::collection::vec(0u8..12, 0..20)) {
            let text = |code: &u8| format!("{} {}", code % 4, code / 4);
            let (before, now): (Vec<String>, Vec<String>) = (before.iter().map(text).collect(), now.iter().map(text).collect());
            let numbered: Vec<(u64, &str)> = (1..).zip(before.iter().map(String::as_str)).collect();
            let now: Vec<&str> = now.iter().map(String::as_str).collect();
            let (numbers, gone) = aligned(&numbered, &now, &[]);
            let mut apart = numbers.clone();
            apart.sort_unstable();
            apart.dedup();
            prop_assert_eq!(apart.len(), numbers.len());
            // The file's words, and those of before that no record has a number of.
            let mut there: BTreeMap<u64, &str> = numbered.into_iter().collect();
            for (number, text) in numbers.iter().zip(&now) {
                there.insert(*number, text);
            }
            for text in before.iter().map(String::as_str).chain(now.iter().copied()) {
                let count = |texts: &mut dyn Iterator<Item = &str>| texts.filter(|other| *other == text).count();
                let here = count(&mut there.values().copied());
                let most = count(&mut before.iter().map(String::as_str)).max(count(&mut now.iter().copied()));
                prop_assert!(here >= count(&mut now.iter().copied()) && here <= most);
            }
            prop_assert!(gone.iter().all(|number| !numbers.contains(number)));
            // Again, nothing is new: what was corrected is as it was.
            let mut there: BTreeMap<u64, &str> = (1..).zip(before.iter().map(String::as_str)).collect();
            for (number, text) in numbers.iter().zip(&now) {
                there.entry(*number).or_insert(text);
            }
            let rows: Vec<(u64, &str)> = there.into_iter().collect();
            let (again, _) = aligned(&rows, &now, &[]);
            prop_assert!(again.iter().all(|number| rows.iter().any(|(row, _)| row == number)), "{rows:?} {again:?}");
        }
    }
}
