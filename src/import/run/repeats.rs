//! Conversations about pictures that say again what others of the same import said, that answer the same question
//! otherwise, or that take a picture of one split into another.

use super::numbered_rows::number_in;
use super::{OfInput, Run};
use crate::dataset::Dataset;
use crate::error::Result;
use crate::format::Address;
use crate::import::report::{At, Kind};
use crate::schema::record::{Identity, Keyed};
use crate::schema::rows::{ConversationRow, TurnRow};
use crate::schema::tables::Table;
use std::collections::HashMap;

/// How many questions, further answers and pictures of splits are remembered: 26 MB of each at most. What others say that come
/// behind is not held against anything.
const REMEMBERED: usize = 7 << 17;
/// How many splits are told apart.
const SPLITS: usize = 256;

/// What was asked about which pictures, and in which split they are.
#[derive(Default)]
pub(super) struct Repeats {
    asked: HashMap<u64, Asked, Keyed>,
    /// The same of further answers to a question, by both.
    answered: HashMap<u64, Asked, Keyed>,
    /// The number of the split that a picture or video was in first.
    of: HashMap<Address, u32>,
    splits: Vec<String>,
    files: Vec<String>,
    /// The source's conversations that the dataset has, by both, once that was asked for.
    known: Option<HashMap<u64, Address, Keyed>>,
}

/// Where something was asked first, and how it was answered.
#[derive(Clone, Copy)]
struct Asked {
    answer: u64,
    file: u32,
    record: u32,
}

impl Run<'_> {
    /// Tells what a new conversation has to do with others of the import.
    ///
    /// # Errors
    /// `Corrupt` where the dataset's own cannot be read.
    pub(super) fn tell_repeats(&mut self, row: &ConversationRow, split: Option<&str>, at: &At) -> Result<()> {
        self.tell_other_answer(row, at);
        // Texts about nothing that is shown are alike by right: a greeting, a system's word.
        if row.media.is_empty() {
            if let Some(there) = self.known_of_dataset(row, at)? {
                self.of_input.numbers.note_elsewhere(&there);
            }
            return Ok(());
        }
        if let Some((kind, first)) = self.repeats.held_against(row, at) {
            let what = match kind {
                Kind::RepeatedConversation => "asks the same of the same pictures, and is answered alike",
                _ => "asks the same of the same pictures, and is answered otherwise",
            };
            self.report.find(kind, at, format!("{first} {what}"));
        } else if let Some(there) = self.known_of_dataset(row, at)? {
            let what = format!(
                "{there:?} of the dataset asks the same of the same pictures, and is answered alike: where this file is one of \
                 before under another name, or had ids that it has no more, what it said is in the dataset twice: give it the \
                 name and the ids that it had, and import it so"
            );
            self.report.find(Kind::RepeatedConversation, at, what);
        }
        let Some(split) = split else { return Ok(()) };
        let shown = row.all_media().flat_map(|medium| &medium.refs);
        let others: Vec<String> = shown.filter_map(|of| self.repeats.other_split(*of, split)).collect();
        if let Some(other) = others.first() {
            let what = format!("it is in the split {split:?}, and what it shows is in {other:?} too");
            self.report.find(Kind::SplitLeak, at, what);
        }
        Ok(())
    }

    /// The id of a conversation of the source in the dataset that says the same, where the file's own name tells its records
    /// apart: it may be one of before under a new name, with records more.
    fn known_of_dataset(&mut self, row: &ConversationRow, at: &At) -> Result<Option<String>> {
        let OfInput { are_ids_numbers, is_name_new, numbers, .. } = &self.of_input;
        if !are_ids_numbers || !(*is_name_new || numbers.are_known()) {
            return Ok(None);
        }
        if self.repeats.known.is_none() {
            self.repeats.known = Some(known(self.sink.dataset(), &self.options.source.id)?);
        }
        let is_name_new = *is_name_new;
        let known = self.repeats.known.as_ref().and_then(|known| known.get(&both(digests(row))));
        let Some(there) = known else { return Ok(None) };
        let id = self.sink.dataset().conversation_at(*there)?.id()?.to_owned();
        // Those that the file had under numbers were held against all of its records.
        Ok(Some(id).filter(|id| is_name_new || number_in(id, &at.file).is_none()))
    }

    /// Tells of an answer that is none of those that its record says there are to choose from.
    fn tell_other_answer(&mut self, row: &ConversationRow, at: &At) {
        const CANDIDATES: &str = "answer_candidates";
        let Some(extra) = row.extra.as_deref().filter(|extra| extra.contains(CANDIDATES)) else { return };
        let Ok(extra) = serde_json::from_str::<HashMap<String, serde_json::Value>>(extra) else { return };
        let Some(candidates) = extra.get(CANDIDATES).and_then(serde_json::Value::as_array) else { return };
        let Some(answer) = row.turns.iter().rfind(|turn| is_answer(turn)) else { return };
        if !candidates.is_empty() && !candidates.iter().any(|candidate| candidate.as_str() == Some(&answer.text)) {
            let what = format!("its answer {:?} is none of its `{CANDIDATES}`", answer.text);
            self.report.find(Kind::Doubtful, at, what);
        }
    }
}

impl Repeats {
    /// What a conversation is to one that asked the same before, and where that one stands: one that is answered alike, else
    /// the first.
    fn held_against(&mut self, row: &ConversationRow, at: &At) -> Option<(Kind, String)> {
        let (question, answer) = digests(row);
        let both = both((question, answer));
        let Some(first) = self.asked.get(&question).copied() else {
            if self.asked.len() < REMEMBERED {
                let asked = self.here(answer, at);
                self.asked.insert(question, asked);
            }
            return None;
        };
        let alike = if first.answer == answer { Some(first) } else { self.answered.get(&both).copied() };
        if alike.is_none() && self.answered.len() < REMEMBERED {
            let asked = self.here(answer, at);
            self.answered.insert(both, asked);
        }
        // One that is marked as good or bad is one of several by right.
        let kind = match alike {
            Some(_) => Kind::RepeatedConversation,
            None if row.preferred.is_some() => return None,
            None => Kind::OtherAnswer,
        };
        let other = alike.unwrap_or(first);
        let file = self.files.get(other.file as usize).filter(|file| **file != at.file);
        let file = file.map_or(String::new(), |file| format!(" of {file}"));
        Some((kind, format!("record {}{file}", other.record)))
    }

    /// A record that is read now.
    fn here(&mut self, answer: u64, at: &At) -> Asked {
        if self.files.last() != Some(&at.file) {
            self.files.push(at.file.clone());
        }
        let file = self.files.len().saturating_sub(1) as u32;
        Asked { answer, file, record: at.record.unwrap_or_default().try_into().unwrap_or(u32::MAX) }
    }

    /// The split of what is shown, where it is in another.
    fn other_split(&mut self, of: Address, split: &str) -> Option<String> {
        let number = match self.splits.iter().position(|known| known == split) {
            Some(number) => number as u32,
            None if self.splits.len() == SPLITS => return None,
            None => {
                self.splits.push(split.to_owned());
                self.splits.len() as u32 - 1
            }
        };
        match self.of.get(&of) {
            Some(first) if *first != number => self.splits.get(*first as usize).cloned(),
            Some(_) => None,
            None => {
                if self.of.len() < REMEMBERED {
                    self.of.insert(of, number);
                }
                None
            }
        }
    }
}

/// What the conversations of a source in the dataset ask and answer about what they show.
fn known(dataset: &Dataset, source: &str) -> Result<HashMap<u64, Address, Keyed>> {
    let mut known = HashMap::default();
    for address in dataset.live_addresses(Table::Conversations)? {
        let row = dataset.conversation_at(address)?;
        if known.len() >= REMEMBERED {
            break;
        }
        if row.source()? == source {
            let row = row.to_row()?;
            let key = both(digests(&row));
            match row.id.contains('#') {
                // One that has an id of its own is named before others.
                true => drop(known.entry(key).or_insert(address)),
                false => drop(known.insert(key, address)),
            }
        }
    }
    Ok(known)
}

/// What tells question and answer apart from others.
fn both((question, answer): (u64, u64)) -> u64 {
    question.rotate_left(1) ^ answer
}

fn is_answer(turn: &TurnRow) -> bool {
    turn.role == "assistant"
}

/// What tells a question apart, its pictures included, and what tells its answers apart.
fn digests(row: &ConversationRow) -> (u64, u64) {
    let (mut question, mut answer) = (blake3::Hasher::new(), blake3::Hasher::new());
    for medium in &row.media {
        question.update(&medium.turn.to_le_bytes());
        for time in [medium.start, medium.end] {
            question.update(&time.map_or([0; 8], f64::to_le_bytes));
        }
        for of in &medium.refs {
            question.update(&of.get().to_le_bytes());
        }
    }
    for turn in &row.turns {
        let digest = if is_answer(turn) { &mut answer } else { &mut question };
        say(digest, turn);
    }
    for ending in &row.alternatives {
        answer.update(ending.kind.as_bytes());
        ending.turns.iter().for_each(|turn| say(&mut answer, turn));
        for of in ending.media.iter().flat_map(|medium| &medium.refs) {
            answer.update(&of.get().to_le_bytes());
        }
    }
    answer.update(row.solution.as_deref().unwrap_or_default().as_bytes());
    answer.update(&[row.preferred.map_or(2, u8::from)]);
    (key(&question), key(&answer))
}

fn say(digest: &mut blake3::Hasher, turn: &TurnRow) {
    digest.update(&(turn.text.len() as u64).to_le_bytes()).update(turn.text.as_bytes());
}

fn key(digest: &blake3::Hasher) -> u64 {
    Identity::of_digest(digest.finalize().as_bytes()).key()
}
