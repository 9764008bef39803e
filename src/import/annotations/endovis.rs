//! EndoVis-18-VQA: a line a picture, all its questions and answers run together.
//!
//! `what is the state of suction? action done by suction is idle where is suction located? …`: a question starts with
//! `what` or `where` and ends with `?`; its answer ends where the next question starts. A line becomes a conversation
//! about a picture of which nothing is named: its id is the file's name and the line's number, since lines repeat.
//! Lines without a question (the file starts with filler) are counted, and no records.

use super::stem;
use crate::error::{Error, Result};
use crate::import::draft::{Draft, DraftMedium, FileFields, MediaItem, MediaKind};
use crate::import::inputs::{DigestingReader, Input};
use crate::import::report::{At, Kind};
use crate::import::row;
use crate::import::run::Run;
use crate::schema::rows::TurnRow;
use std::io::{BufRead, BufReader, Read};

/// How long a line may be.
const LINE_LIMIT: u64 = 1 << 20;
/// The words that questions start with.
const WORDS: [&str; 2] = ["what ", "where "];

pub(super) fn read(run: &mut Run<'_>, input: &Input) -> Result<(String, u64)> {
    let mut reader = BufReader::new(DigestingReader::open(&input.path)?);
    let mut at = At { file: input.name.clone(), ..At::default() };
    let (mut bytes, mut number, before) = (Vec::new(), 0u64, run.progress.bytes);
    let mut behind = before;
    loop {
        bytes.clear();
        let unreadable = |error| Error::io("cannot read on", error);
        let read = (&mut reader).take(LINE_LIMIT).read_until(b'\n', &mut bytes).map_err(unreadable)? as u64;
        if read == 0 {
            break;
        }
        number += 1;
        behind += read;
        (at.record, at.line) = (Some(number), Some(number));
        at.id = Some(format!("{}#{number}", stem(input)));
        let text = std::str::from_utf8(&bytes).map_err(|_| Error::input("the line is not UTF-8"));
        let fault = match text {
            _ if read == LINE_LIMIT => Some(Error::input("the line is longer than a megabyte")),
            Err(fault) => Some(fault),
            Ok(text) => line(run, text.trim_start_matches('\u{feff}'), number, &mut at)?,
        };
        if let Some(fault) = fault {
            run.take(&mut at, |_, _| Err(fault))?;
        }
        run.advance(behind)?;
    }
    reader.get_ref().finish().map_err(|error| Error::io("cannot read on", error))
}

/// Takes a line; what is wrong with it, if it is.
fn line(run: &mut Run<'_>, text: &str, number: u64, at: &mut At) -> Result<Option<Error>> {
    let text = text.trim_end_matches(['\r', '\n']);
    if text.trim().is_empty() {
        return Ok(None);
    }
    if !text.contains('?') {
        run.report.count_read("lines without a question", 1);
        run.report.find(Kind::Doubtful, at, format!("no question, and no record: {:?}", start(text.trim())));
        return Ok(None);
    }
    let pairs = match pairs(text) {
        Ok(pairs) => pairs,
        Err(fault) => return Ok(Some(Error::input(fault))),
    };
    run.report.count_read("pictures", 1);
    run.report.count_read("questions", pairs.len() as u64);
    run.take(at, |run, at| {
        let id = at.id.clone().unwrap_or_default();
        let mut draft = draft(&pairs, &id, number);
        row::apply_defaults(&mut draft, run.options, "{}")?;
        run.conversation(id, &mut draft, at)
    })?;
    Ok(None)
}

fn draft(pairs: &[(&str, &str)], id: &str, number: u64) -> Draft {
    let turn = |role: &str, text: &str| TurnRow { role: role.into(), text: text.into(), ..TurnRow::default() };
    let turns = pairs.iter().flat_map(|(question, answer)| [turn("user", question), turn("assistant", answer)]);
    let fields = FileFields { index: i64::try_from(number).ok(), no_path: true, ..FileFields::default() };
    Draft {
        id: Some(id.to_owned()),
        turns: turns.collect(),
        media: vec![DraftMedium::new(MediaKind::Picture, vec![MediaItem::Unnamed(id.to_owned())])],
        files: [(id.to_owned(), fields)].into(),
        ..Draft::default()
    }
}

/// The questions of a line with their answers.
fn pairs(text: &str) -> Result<Vec<(&str, &str)>, String> {
    let mut pairs = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        if !WORDS.iter().any(|word| rest.starts_with(word)) {
            return Err(format!("expected a question that starts with `what` or `where`, found {:?}", start(rest)));
        }
        let Some(mark) = rest.find('?') else { return Err(format!("the question {:?} has no `?`", start(rest))) };
        let (question, after) = rest.split_at(mark + 1);
        let answer = match next_question(after) {
            Some(end) => after.get(..end).unwrap_or_default(),
            None => after,
        };
        if answer.trim().is_empty() {
            return Err(format!("the question {question:?} has no answer"));
        }
        pairs.push((question, answer.trim()));
        rest = after.get(answer.len()..).unwrap_or_default();
    }
    Ok(pairs)
}

/// Where the next question starts: at a word that a `?` follows.
fn next_question(text: &str) -> Option<usize> {
    let end = text.find('?')?;
    let before = text.get(..end)?;
    let starts = WORDS.iter().filter_map(|word| {
        before
            .match_indices(word)
            .map(|(at, _)| at)
            .filter(|at| before.get(..*at).is_some_and(|text| text.ends_with(' ')))
            .last()
    });
    starts.max()
}

fn start(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_where_the_next_question_starts() {
        let text = "what tools are operating the organ? the tools operating are a , suction what is the state of suction? action done by suction is suction where is suction located? suction is located at left-top ";
        assert_eq!(
            pairs(text).unwrap(),
            [
                ("what tools are operating the organ?", "the tools operating are a , suction"),
                ("what is the state of suction?", "action done by suction is suction"),
                ("where is suction located?", "suction is located at left-top"),
            ]
        );
    }

    #[test]
    fn lines_that_cannot_be_read_say_why() {
        for (text, message) in [
            ("who is it? me", "expected a question that starts with"),
            ("what is it? where is it? here", "has no answer"),
            ("what is it?", "has no answer"),
        ] {
            assert!(pairs(text).unwrap_err().contains(message), "{text}");
        }
    }
}
