//! A conversation as trainers take it: turns in whose texts a placeholder stands for each picture and video, and lists
//! of those in the order of the placeholders.

use super::Rules;
use super::said::{self, Fields, Role, Said, said};
use crate::dataset::Dataset;
use crate::error::Result;
use crate::export::media::MediaFolder;
use crate::format::Address;
use crate::schema::placeholder;
use crate::schema::rows::{AlternativeRow, ConversationRow, GroundingRow, MediumRow, TurnRow};
use crate::schema::tables::Table;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

/// At which rate frames of a clip are to be taken.
const RATES: &str = "frames a second at which clips were sampled";
/// Placeholders without a medium.
const SURPLUS: &str = "placeholders that no picture, video or sound stands at: they are left out of the text";
/// What stands in a text for a box that is told apart.
const BOX: &str = "<bbox>";
/// What stands in a text for a name that is told apart.
const NAME: &str = "<ref-object>";
/// Placeholders of boxes and names for which there is nothing.
const STRANGE: &str = "texts with <bbox> or <ref-object> that stand for nothing: a trainer would take them for boxes";
/// What stands before the first question.
const SYSTEM: &str = "system prompts";
/// Why a record is left out that asks about what is not there.
const OTHER_PARTS: &str =
    "their turns have parts that the form cannot hold, such as audio, or a picture that names no file";
/// How boxes were written.
const NOTATION: &str = "how boxes are written in the texts: <bbox> stands there";

/// Why a record is left out whose answers are a pair that trainers cannot be given.
const NO_PAIR: &str = "their answers are no pair of one turn each";

/// Why a record is left out in which there is nothing to learn.
pub(super) const NO_ANSWER: &str = "they have no answer";

/// Why a conversation is no sample.
pub(in crate::export) type Reason = &'static str;

/// A sample.
pub(in crate::export) struct Sample {
    pub(super) id: String,
    pub(super) task: String,
    pub(super) turns: Vec<Said>,
    /// The better and the worse answer.
    pub(super) pair: Option<[Said; 2]>,
    /// The answer's own mark.
    pub(super) mark: Option<bool>,
    pub(super) tools: Option<String>,
    pub(super) solution: Option<String>,
    /// Those of the question and the answer; of a pair, those of the better one.
    pub(super) pictures: Vec<Address>,
    /// Those of the question and the worse answer, where either of a pair shows any.
    pub(super) rejected_pictures: Option<Vec<Address>>,
    pub(super) videos: Vec<Clip>,
    pub(super) boxes: Vec<Boxed>,
    /// What it does not hold, and how often.
    pub(super) lost: Vec<(&'static str, u64)>,
}

/// A video, a stretch of one, or frames.
pub(super) struct Clip {
    pub(super) refs: Vec<Address>,
    /// Whether it is a video's file.
    pub(super) is_file: bool,
    pub(super) start: Option<f64>,
    pub(super) end: Option<f64>,
}

impl Clip {
    /// How long it is, in seconds, where its end is known.
    pub(super) fn length(&self) -> Option<f64> {
        self.end.map(|end| end - self.start.unwrap_or(0.0))
    }
}

/// A box or point that a placeholder stands for.
pub(super) struct Boxed {
    /// The picture that it is on, as a place in the list.
    pub(super) picture: usize,
    /// The picture's width and height in pixels, where it says them.
    pub(super) size: Option<(f64, f64)>,
    /// Parts of the picture's sides, x before y.
    pub(super) values: Vec<f32>,
}

/// What a sample is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Purpose {
    /// To learn the answers.
    Sft,
    /// To prefer one of two answers.
    Dpo,
    /// To learn from an answer's mark.
    Kto,
    /// To answer, and be rewarded.
    Grpo,
}

impl Purpose {
    pub(super) const ALL: [Self; 4] = [Self::Sft, Self::Dpo, Self::Kto, Self::Grpo];
}

impl Sample {
    pub(super) fn purpose(&self) -> Purpose {
        match (&self.pair, self.mark, self.ends_with_answer()) {
            (Some(_), ..) => Purpose::Dpo,
            (None, Some(_), true) => Purpose::Kto,
            (None, _, true) => Purpose::Sft,
            (None, _, false) => Purpose::Grpo,
        }
    }

    fn ends_with_answer(&self) -> bool {
        self.turns.last().is_some_and(|said| said.role == Role::Assistant)
    }

    /// Whether anything is answered in it.
    pub(super) fn has_answers(&self) -> bool {
        self.turns.iter().any(|said| matches!(said.role, Role::Assistant | Role::Call))
    }

    /// The sample that a conversation is, or why it is none.
    ///
    /// # Errors
    /// `Corrupt`.
    pub(super) fn of(
        media: &mut MediaFolder<'_>,
        row: ConversationRow,
        rules: &Rules,
    ) -> Result<std::result::Result<Self, Reason>> {
        if let Some(reason) = unshowable(media, &row.turns, &row.media, rules)? {
            return Ok(Err(reason));
        }
        let mut draft = Draft::new(media.dataset(), &row, rules);
        let (mut turns, mut lost) = (Vec::new(), Vec::new());
        let boxes_apart = draft.boxes_apart;
        let rejected = row.alternatives.iter().find(|ending| ending.kind == "rejected");
        for (number, turn) in row.turns.iter().enumerate() {
            // The answers of a pair are written in one way, and boxes can be told apart for one of them alone.
            let rejected = rejected.filter(|_| number + 1 == row.turns.len() && turn.role == "assistant");
            let has_marks = turn.text.contains(BOX);
            if boxes_apart && has_marks && rejected.is_some_and(|ending| !ending.grounding.is_empty()) {
                return Ok(Err("the boxes of their pair are written in two ways"));
            }
            draft.boxes_apart = boxes_apart && (rejected.is_none() || has_marks);
            let text = draft.text(number, turn)?;
            turns.push(said(turn, text, rules, &mut lost));
        }
        let prompts = turns.iter().filter(|said| said.role == Role::System && !rules.takes_system).count();
        lost.push((SYSTEM, prompts as u64));
        draft.boxes_apart = boxes_apart;
        let boxes = draft.boxes()?;
        lost.push((STRANGE, u64::from(rules.boxes_apart && !draft.boxes_apart)));
        lost.push((NOTATION, boxes.len() as u64));
        let Draft { surplus, pictures, videos, .. } = draft;
        lost.push((SURPLUS, surplus));
        lost.push((RATES, row.media.iter().filter(|medium| medium.fps.is_some()).count() as u64));
        let last = row.turns.len().checked_sub(1);
        let of_last =
            |number: usize| row.media.get(number).is_some_and(|medium| usize::try_from(medium.turn).ok() == last);
        let of_last = pictures.iter().filter(|(number, _)| of_last(*number)).count();
        let mut pictures: Vec<Address> = pictures.into_iter().map(|(_, address)| address).collect();
        let pair = match Pair::of(media, &row, rules, &turns, &mut lost)? {
            Ok(pair) => pair,
            Err(reason) => return Ok(Err(reason)),
        };
        let (mut said, mut rejected_pictures) = (None, None);
        if let Some(Pair { chosen, rejected }) = pair {
            let (chosen, of_chosen) = match chosen {
                Some(Answer { said, pictures }) => (Some(said), pictures),
                // The conversation's own last turn, with what it shows.
                None => (turns.pop(), pictures.split_off(pictures.len() - of_last)),
            };
            if !of_chosen.is_empty() || !rejected.pictures.is_empty() {
                rejected_pictures = Some([&pictures[..], &rejected.pictures].concat());
            }
            pictures.extend(of_chosen);
            said = chosen.map(|chosen| [chosen, rejected.said]);
        }
        if turns.iter().chain(said.iter().flatten()).any(Said::is_empty_answer) {
            return Ok(Err(NO_ANSWER));
        }
        let ConversationRow { id, task, preferred: mark, tools, solution, .. } = row;
        let pair = said;
        Ok(Ok(Self { id, task, turns, pair, mark, tools, solution, pictures, rejected_pictures, videos, boxes, lost }))
    }
}

/// Why turns with these media are no sample, if they are none.
fn unshowable(
    files: &mut MediaFolder<'_>,
    turns: &[TurnRow],
    media: &[MediumRow],
    rules: &Rules,
) -> Result<Option<Reason>> {
    if turns.iter().any(|turn| Fields::of(turn).has_other_parts()) {
        return Ok(Some(OTHER_PARTS));
    }
    for medium in media {
        let role = usize::try_from(medium.turn).ok().and_then(|turn| turns.get(turn)).map(|turn| &*turn.role);
        let is_picture = match medium.refs[..] {
            [only] => files.dataset().table_of(only)? != Table::Videos,
            _ => false,
        };
        match role {
            Some("user" | "tool") if !medium.output => {}
            Some("assistant") if rules.shows_answers && is_picture => {}
            Some("user" | "tool" | "assistant") => return Ok(Some("their answers show pictures or videos")),
            _ => return Ok(Some("pictures or videos stand in what is neither question nor answer")),
        }
        for address in medium.refs.iter().copied() {
            if let Some(reason) = files.lacks_bytes(address)? {
                return Ok(Some(reason));
            }
        }
    }
    Ok(None)
}

/// A sample's texts and media on their way.
struct Draft<'a> {
    dataset: &'a Dataset,
    row: &'a ConversationRow,
    surplus: u64,
    /// The pictures, each with its number among the conversation's media.
    pictures: Vec<(usize, Address)>,
    videos: Vec<Clip>,
    boxes: Vec<&'a GroundingRow>,
    /// The conversation's media by their turns.
    media: HashMap<usize, Vec<(usize, &'a MediumRow)>>,
    /// Its boxes by their turns.
    places: HashMap<usize, Vec<&'a GroundingRow>>,
    /// Whether its boxes are told apart.
    boxes_apart: bool,
    placeholders: &'static [&'static str],
}

/// A stretch of a text, and what stands there instead.
struct Edit<'a> {
    range: Range<usize>,
    what: What<'a>,
}

enum What<'a> {
    Medium(usize, &'a MediumRow),
    Box(&'a GroundingRow),
    Nothing,
}

impl<'a> Draft<'a> {
    fn new(dataset: &'a Dataset, row: &'a ConversationRow, rules: &Rules) -> Self {
        let mut media: HashMap<usize, Vec<(usize, &MediumRow)>> = HashMap::new();
        for (number, medium) in row.media.iter().enumerate() {
            usize::try_from(medium.turn)
                .into_iter()
                .for_each(|turn| media.entry(turn).or_default().push((number, medium)));
        }
        let mut places: HashMap<usize, Vec<&GroundingRow>> = HashMap::new();
        for place in &row.grounding {
            usize::try_from(place.turn).into_iter().for_each(|turn| places.entry(turn).or_default().push(place));
        }
        let boxes_apart = rules.boxes_apart && !has_strange_placeholders(row, &places);
        let (pictures, videos, boxes) = Default::default();
        let placeholders = rules.placeholders;
        Self { dataset, row, surplus: 0, pictures, videos, boxes, media, places, boxes_apart, placeholders }
    }

    /// The text of a turn with a placeholder for each of its media, in their order.
    fn text(&mut self, number: usize, turn: &TurnRow) -> Result<String> {
        let mut text = String::with_capacity(turn.text.len());
        let (mut edits, mut taken): (Vec<Edit<'a>>, HashSet<usize>) = Default::default();
        for (at, medium) in self.media.remove(&number).unwrap_or_default() {
            match medium.at.and_then(|at| usize::try_from(at).ok()) {
                Some(start) => {
                    let mark = placeholder::at(&turn.text, start as i64).map_or(0, str::len);
                    taken.insert(start);
                    edits.push(Edit { range: start..start + mark, what: What::Medium(at, medium) });
                }
                // What has no place in the text stands behind the one before it, so that their order stays.
                None => match edits.last().map(|before| before.range.end) {
                    Some(end) => edits.push(Edit { range: end..end, what: What::Medium(at, medium) }),
                    None => {
                        text.push_str(self.add(at, medium)?);
                        text.push('\n');
                    }
                },
            }
        }
        for mark in self.placeholders {
            let free = turn.text.match_indices(mark).filter(|(at, _)| !taken.contains(at));
            edits.extend(free.map(|(at, _)| Edit { range: at..at + mark.len(), what: What::Nothing }));
        }
        edits.sort_by_key(|edit| edit.range.start);
        if self.boxes_apart {
            let mut apart = self.boxes_of(number, &turn.text)?;
            // Placeholders do not overlap, so that the last before a box's end is the one that may reach into it.
            apart.retain(|edit| {
                let before = edits.partition_point(|other| other.range.start < edit.range.end);
                let last = before.checked_sub(1).and_then(|last| edits.get(last));
                last.is_none_or(|last| last.range.end <= edit.range.start)
            });
            edits.append(&mut apart);
        }
        edits.sort_by_key(|edit| edit.range.start);
        let mut done = 0;
        for edit in edits {
            text.push_str(turn.text.get(done..edit.range.start).unwrap_or_default());
            done = edit.range.end;
            match edit.what {
                What::Medium(at, medium) => text.push_str(self.add(at, medium)?),
                What::Box(place) => {
                    self.boxes.push(place);
                    text.push_str(BOX);
                }
                What::Nothing => self.surplus += 1,
            }
        }
        text.push_str(turn.text.get(done..).unwrap_or_default());
        Ok(text)
    }

    /// Adds a medium to its list; the placeholder that stands for it.
    fn add(&mut self, number: usize, medium: &MediumRow) -> Result<&'static str> {
        if let Some(picture) = self.picture(medium)? {
            self.pictures.push((number, picture));
            return Ok(placeholder::IMAGE);
        }
        let mut clip = Clip { refs: medium.refs.clone(), is_file: false, start: medium.start, end: medium.end };
        if let Some(first) = medium.refs.first()
            && self.dataset.table_of(*first)? == Table::Videos
        {
            clip.is_file = true;
            clip.refs.truncate(1);
        }
        self.videos.push(clip);
        Ok(placeholder::VIDEO)
    }

    /// The picture that a medium is, where it is one.
    fn picture(&self, medium: &MediumRow) -> Result<Option<Address>> {
        let [only] = &medium.refs[..] else { return Ok(None) };
        let turn = usize::try_from(medium.turn).ok().and_then(|turn| self.row.turns.get(turn));
        let mark = turn.zip(medium.at).and_then(|(turn, at)| placeholder::at(&turn.text, at));
        let is_picture = mark != Some(placeholder::VIDEO) && self.dataset.table_of(*only)? != Table::Videos;
        Ok(is_picture.then_some(*only))
    }

    /// The boxes and points of a turn that are on pictures, from the first of those that overlap.
    fn boxes_of(&self, number: usize, text: &str) -> Result<Vec<Edit<'a>>> {
        let row = self.row;
        let mut edits: Vec<Edit<'a>> = Vec::new();
        for place in self.places.get(&number).into_iter().flatten().copied() {
            let range = usize::try_from(place.byte_start).unwrap_or(usize::MAX)
                ..usize::try_from(place.byte_end).unwrap_or(usize::MAX);
            let is_drawn = matches!((&*place.kind, place.values.len()), ("box", 4) | ("point", 2));
            let medium = usize::try_from(place.media).ok().and_then(|medium| row.media.get(medium));
            let picture = medium.map(|medium| self.picture(medium)).transpose()?.flatten();
            let is_free = edits.last().is_none_or(|last| last.range.end <= range.start);
            if is_drawn && is_free && picture.is_some() && text.get(range.clone()).is_some_and(|text| !text.is_empty())
            {
                edits.push(Edit { range, what: What::Box(place) });
            }
        }
        Ok(edits)
    }

    /// The boxes with the places of their pictures in the list.
    fn boxes(&self) -> Result<Vec<Boxed>> {
        let mut boxes = Vec::with_capacity(self.boxes.len());
        let pictures = self.pictures.iter().enumerate();
        let pictures: HashMap<usize, usize> = pictures.map(|(place, (number, _))| (*number, place)).collect();
        for place in &self.boxes {
            let number = usize::try_from(place.media).ok();
            let picture = number.and_then(|number| pictures.get(&number)).copied().unwrap_or_default();
            let size = match self.pictures.get(picture) {
                Some((_, address)) => {
                    let frame = self.dataset.frame(*address)?;
                    frame.width()?.zip(frame.height()?).map(|(width, height)| (width.into(), height.into()))
                }
                None => None,
            };
            boxes.push(Boxed { picture, size, values: place.values.clone() });
        }
        Ok(boxes)
    }
}

/// Whether a text has what a trainer would take for a placeholder of a box or of a name, and is none.
fn has_strange_placeholders(row: &ConversationRow, places: &HashMap<usize, Vec<&GroundingRow>>) -> bool {
    row.turns.iter().enumerate().any(|(number, turn)| {
        let mut marks = turn.text.match_indices(BOX).map(|(at, _)| at as i64).peekable();
        if marks.peek().is_none() {
            return turn.text.contains(NAME);
        }
        let mut ranges: Vec<(i64, i64)> =
            places.get(&number).into_iter().flatten().map(|place| (place.byte_start, place.byte_end)).collect();
        ranges.sort_unstable();
        let (mut ranges, mut end) = (ranges.into_iter().peekable(), 0);
        let is_strange = marks.any(|at| {
            while let Some((_, its_end)) = ranges.next_if(|(start, _)| *start <= at) {
                end = end.max(its_end);
            }
            end <= at
        });
        is_strange || turn.text.contains(NAME)
    })
}

/// An answer of a pair, and what it shows.
struct Answer {
    said: Said,
    pictures: Vec<Address>,
}

/// The pair that a conversation's endings make.
struct Pair {
    /// None where the better answer is the conversation's own last turn.
    chosen: Option<Answer>,
    rejected: Answer,
}

impl Pair {
    /// The pair, if the endings make one; or why the conversation is no sample. `turns` are what the conversation says.
    fn of(
        media: &mut MediaFolder<'_>,
        row: &ConversationRow,
        rules: &Rules,
        turns: &[Said],
        lost: &mut Vec<(&'static str, u64)>,
    ) -> Result<std::result::Result<Option<Self>, Reason>> {
        let endings = &row.alternatives;
        let single = |kind: &str| {
            let ending = endings.iter().find(|ending| ending.kind == kind)?;
            matches!(&ending.turns[..], [turn] if turn.role == "assistant").then_some(ending)
        };
        let is_answered = turns.last().is_some_and(|said| said.role == Role::Assistant);
        let used = match (single("chosen"), single("rejected"), is_answered) {
            (Some(chosen), Some(rejected), false) => vec![chosen, rejected],
            (None, Some(rejected), true) => vec![rejected],
            // They ask for no answer: they have some, in another way than a pair is given.
            (_, _, false) if endings.iter().any(|ending| matches!(&*ending.kind, "chosen" | "rejected")) => {
                return Ok(Err(NO_PAIR));
            }
            _ => Vec::new(),
        };
        let mut answers = Vec::with_capacity(used.len());
        for ending in &used {
            if let Some(reason) = unshowable(media, &ending.turns, &ending.media, rules)? {
                return Ok(Err(reason));
            }
            if ending.turns.iter().any(|turn| turn.text.contains(BOX) || turn.text.contains(NAME)) {
                return Ok(Err("their pair has <bbox> or <ref-object> for which there is no box or name"));
            }
            answers.push(Answer::of(media.dataset(), ending, rules, lost)?);
        }
        let scores = endings.iter().filter(|ending| ending.score.is_some()).count();
        lost.push(("scores of other endings", scores as u64));
        let generators = endings.iter().filter(|ending| ending.generator.is_some()).count();
        lost.push(("what made other endings", generators as u64));
        lost.push(("other endings that are no pair of one answer each", (endings.len() - used.len()) as u64));
        let shown = |ending: &AlternativeRow| ending.media.len();
        let unused = endings.iter().map(shown).sum::<usize>() - used.iter().map(|ending| shown(ending)).sum::<usize>();
        lost.push(("pictures and videos of other endings", unused as u64));
        let rejected = answers.pop();
        Ok(Ok(rejected.map(|rejected| Self { chosen: answers.pop(), rejected })))
    }
}

impl Answer {
    /// The answer that an ending of one turn is.
    fn of(
        dataset: &Dataset,
        ending: &AlternativeRow,
        rules: &Rules,
        lost: &mut Vec<(&'static str, u64)>,
    ) -> Result<Self> {
        let row = ConversationRow { media: ending.media.clone(), turns: ending.turns.clone(), ..Default::default() };
        let mut draft = Draft::new(dataset, &row, &Rules { boxes_apart: false, ..*rules });
        let turn = row.turns.first().cloned().unwrap_or_default();
        let text = draft.text(0, &turn)?;
        lost.push((SURPLUS, draft.surplus));
        let pictures = draft.pictures.into_iter().map(|(_, address)| address).collect();
        let mut said = said(&turn, text, rules, lost);
        // A pair is learned as one.
        lost.push((said::LOSS, u64::from(said.loss.take() == Some(false))));
        Ok(Self { said, pictures })
    }
}
