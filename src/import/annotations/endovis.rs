//! EndoVis-18-VQA: a line a picture, all its questions and answers run together.
//!
//! `what is the state of suction? action done by suction is idle where is suction located? …`: a question starts with
//! `what` or `where` and ends with `?`; its answer ends where the next question starts. A line becomes a conversation
//! about a picture of which nothing is named: its id is the file's name and the line's number, since lines repeat.
//! Lines without a question (the file starts with filler) are told, and no records.
//!
//! In the set's own files, one a frame, a line is `what organ is being operated?|kidney`: such a file becomes one
//! conversation about its frame, `seq_1/frame000` for `seq_1/vqa/Sentence/frame000_QA.txt`, whose number the name says. Its
//! picture is the one that is called so in the nearest folder around the file, `seq_1/left_frames/frame000.png`.

use super::stem;
use crate::error::{Error, Result};
use crate::import::draft::{Draft, DraftMedium, FileFields, MediaItem, MediaKind};
use crate::import::inputs::{DigestingReader, Input};
use crate::import::media::wanted::folded;
use crate::import::report::{At, Kind};
use crate::import::row;
use crate::import::run::Run;
use crate::schema::rows::TurnRow;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// How long a line may be.
const LINE_LIMIT: u64 = 1 << 20;
/// The words that questions start with.
const WORDS: [&str; 2] = ["what ", "where "];

/// How long a file of a frame may be.
const SHEET_LIMIT: u64 = 1 << 20;

/// Whether text has a question and an answer a line, with `|` between them: more than half of its first lines,
/// so that one that is wrong is a fault of this form and not another.
pub(in crate::import) fn is_of_lines(head: &str) -> bool {
    let is_pair = |line: &str| line.split_once("?|").is_some_and(|(_, answer)| !answer.trim().is_empty());
    let lines = head.lines().filter(|line| !line.trim().is_empty()).take(20);
    let (pairs, others): (Vec<_>, Vec<_>) = lines.partition(|line| is_pair(line));
    pairs.len() > others.len()
}

/// The questions and answers of a frame, where the file has them line by line.
fn sheet(input: &Input) -> Result<Option<String>> {
    if input.bytes > SHEET_LIMIT {
        return Ok(None);
    }
    let bytes = std::fs::read(&input.path).map_err(|error| Error::io("cannot read it", error))?;
    let text = String::from_utf8(bytes).ok();
    Ok(text.map(|text| text.trim_start_matches('\u{feff}').to_owned()).filter(|text| is_of_lines(text)))
}

/// What the name of a frame's file says: the frame's id, its video, and its number.
fn frame_of(name: &str) -> (String, Option<String>, Option<i64>) {
    let parts: Vec<&str> = name.split('/').collect();
    let (file, folders) = parts.split_last().map_or((name, &[][..]), |(file, folders)| (*file, folders));
    let file = file.rsplit_once('.').map_or(file, |(file, _)| file);
    let frame = file.strip_suffix("_QA").or_else(|| file.strip_suffix("_qa")).unwrap_or(file);
    // The folders of the sentences and of the single words are no videos.
    let of_video = folders.iter().position(|folder| folder.eq_ignore_ascii_case("vqa")).unwrap_or(folders.len());
    let video = folders.get(..of_video).map(|folders| folders.join("/")).filter(|video| !video.is_empty());
    let digits = frame.trim_start_matches(|c: char| !c.is_ascii_digit());
    let id = video.as_ref().map_or(frame.to_owned(), |video| format!("{video}/{frame}"));
    (id, video, digits.parse().ok())
}

/// The picture of a frame: its path from the file that speaks of it, or from the top, and from where ids start.
struct Picture {
    path: String,
    inside: String,
}

/// The only picture that is called as a frame is, in the nearest folder around the file, else in its video's folder below a
/// media root. Of several it is the left camera's, whose pictures the set's questions are about.
fn picture_of(run: &mut Run<'_>, input: &Input, frame: &str, video: Option<&str>, at: &At) -> Option<Picture> {
    let name = frame.rsplit('/').next().unwrap_or_default();
    let folder = input.path.parent()?.canonicalize().ok()?;
    let limit = input.spot.limit.canonicalize().ok()?;
    // Beyond its video's folder are those of others, with pictures of the same names.
    let inside = input.name.matches('/').count().saturating_sub(video.map_or(0, |video| video.split('/').count()));
    let around = folder.ancestors().take(inside + 1).take_while(|folder| folder.starts_with(&limit));
    let around: Vec<&Path> = around.collect();
    let mut found = run.pictures_below(&limit).nearest(name, &around);
    let mut root = None;
    for other in run.options.media_roots.iter().filter_map(|root| root.canonicalize().ok()) {
        if found.is_empty() {
            let folder = video.map_or(other.clone(), |video| other.join(video));
            found = run.pictures_below(&other).nearest(name, &[&folder]);
            root = Some(other);
        }
    }
    if found.len() > 1 {
        let is_left = |file: &PathBuf| file.parent().is_some_and(|folder| folder.ends_with("left_frames"));
        let left: Vec<PathBuf> = found.iter().filter(|file| is_left(file)).cloned().collect();
        if left.len() != 1 {
            let what = format!("{} pictures are called {name:?}, and none of them is taken", found.len());
            run.report.find(Kind::Doubtful, at, what);
            return None;
        }
        found = left;
    }
    let file = found.pop()?;
    if let Some(root) = root {
        let inside = file.strip_prefix(&root).ok()?.to_str()?.to_owned();
        return Some(Picture { path: file.to_str()?.to_owned(), inside });
    }
    let shared = around.into_iter().find(|folder| file.starts_with(folder))?;
    let up = folder.strip_prefix(shared).ok()?.iter().count();
    let path = format!("{}{}", "../".repeat(up), file.strip_prefix(shared).ok()?.to_str()?);
    let inside = folded(input.name.rsplit_once('/').map_or("", |(folder, _)| folder), &path);
    Some(Picture { path, inside })
}

/// Takes the conversation of a frame.
fn take_sheet(run: &mut Run<'_>, input: &Input, text: &str) -> Result<()> {
    let mut at = At { file: input.name.clone(), record: Some(1), line: Some(1), id: Some(stem(input).to_owned()) };
    let mut pairs: Vec<(String, &str)> = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let Some((question, answer)) = line.split_once("?|") else {
            let message = "expected a question, `?|` and its answer";
            return run.take(&mut at, |_, _| Err(Error::input(message).at_line(number as u64 + 1)));
        };
        pairs.push((format!("{}?", question.trim()), answer.trim()));
    }
    let pairs: Vec<(&str, &str)> = pairs.iter().map(|(question, answer)| (question.as_str(), *answer)).collect();
    run.report.count_read("pictures", 1);
    run.report.count_read("questions", pairs.len() as u64);
    run.take(&mut at, |run, at| {
        let (frame, video, index) = frame_of(&input.name);
        let picture = picture_of(run, input, &frame, video.as_deref(), at);
        let id = picture.is_some().then(|| frame.clone());
        let path = picture.as_ref().map(|picture| picture.inside.clone());
        let fields = FileFields { id, index, video, no_path: path.is_none(), path, ..FileFields::default() };
        let item = match &picture {
            Some(picture) => MediaItem::Path(picture.path.clone()),
            None => MediaItem::Unnamed(frame.clone()),
        };
        let mut draft = draft(&pairs, at.id.as_deref().unwrap_or_default(), item, fields);
        row::apply_defaults(&mut draft, run.options, "{}")?;
        let before = run.report.media.embedded + run.report.media.linked + run.report.media.found_now;
        run.conversation(at.id.clone().unwrap_or_default(), &mut draft, at)?;
        let is_new = run.report.media.embedded + run.report.media.linked + run.report.media.found_now > before;
        if let Some(picture) = picture.filter(|_| is_new) {
            let what = format!("no picture is named; {:?}, the nearest of this name, was taken", picture.inside);
            run.report.find(Kind::FoundByName, at, what);
        }
        Ok(())
    })
}

pub(super) fn read(run: &mut Run<'_>, input: &Input) -> Result<(String, u64)> {
    if let Some(text) = sheet(input)? {
        take_sheet(run, input, &text)?;
        run.advance(run.progress.bytes + input.bytes)?;
        return DigestingReader::open(&input.path)?.finish().map_err(|error| Error::io("cannot read on", error));
    }
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
            Ok(text) => line(run, text.trim_start_matches('\u{feff}'), &mut at)?,
        };
        if let Some(fault) = fault {
            run.take(&mut at, |_, _| Err(fault))?;
        }
        run.advance(behind)?;
    }
    reader.get_ref().finish().map_err(|error| Error::io("cannot read on", error))
}

/// Takes a line; what is wrong with it, if it is.
fn line(run: &mut Run<'_>, text: &str, at: &mut At) -> Result<Option<Error>> {
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
        let fields = FileFields { no_path: true, ..FileFields::default() };
        let mut draft = draft(&pairs, &id, MediaItem::Unnamed(id.clone()), fields);
        row::apply_defaults(&mut draft, run.options, "{}")?;
        run.conversation(id, &mut draft, at)
    })?;
    Ok(None)
}

fn draft(pairs: &[(&str, &str)], id: &str, frame: MediaItem, fields: FileFields) -> Draft {
    let key = match &frame {
        MediaItem::Path(key) | MediaItem::Unnamed(key) => key.clone(),
        _ => String::new(),
    };
    let turn = |role: &str, text: &str| TurnRow { role: role.into(), text: text.into(), ..TurnRow::default() };
    let turns = pairs.iter().flat_map(|(question, answer)| [turn("user", question), turn("assistant", answer)]);
    Draft {
        id: Some(id.to_owned()),
        turns: turns.collect(),
        media: vec![DraftMedium::new(MediaKind::Picture, vec![frame])],
        files: [(key, fields)].into(),
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
    fn the_name_of_a_frames_file_says_which_frame_it_is() {
        let of = |name: &str| frame_of(name);
        let first = ("seq_1/frame000".to_owned(), Some("seq_1".to_owned()), Some(0));
        assert_eq!(of("seq_1/vqa/Sentence/frame000_QA.txt"), first);
        assert_eq!(of("seq_1/vqa/Classification/frame000_QA.txt"), first);
        assert_eq!(of("frame012_QA.txt"), ("frame012".to_owned(), None, Some(12)));
        assert!(
            is_of_lines("what is it?|a\n\nwhere is it?|b\n") && !is_of_lines("what is it? a|b\n") && !is_of_lines("")
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
