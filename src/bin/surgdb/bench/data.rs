//! The data of the benchmark: made through the same calls as anybody's, the same on every machine.

use super::picture;
use super::scale::Scale;
use crate::random::Random;
use crate::ui::{self, Progress};
use std::path::Path;
use surgdb::dataset::BlobSource;
use surgdb::format::manifest::Source;
use surgdb::rows::{CaseRow, ConversationRow, EvidenceRow, FrameRow, MediumRow, ReasoningRow, TurnRow};
use surgdb::{Address, Appender, Dataset, Operation, Result};

const SOURCE: &str = "bench";
const TASKS: [&str; 6] = [
    "phase recognition",
    "step recognition",
    "instrument recognition",
    "triplet recognition",
    "safety assessment",
    "image captioning",
];
const INSTRUMENTS: [&str; 5] = ["grasper", "hook", "scissors", "clipper", "irrigator"];
const TARGETS: [&str; 5] = ["gallbladder", "cystic duct", "cystic artery", "omentum", "liver bed"];

/// The id of the `number`-th conversation.
pub fn id(number: u64) -> String {
    format!("bench-{number:09}")
}

/// Makes a dataset of this scale.
///
/// # Errors
/// Those of the appender; `Interrupted` after Ctrl-C.
pub fn make(path: &Path, scale: Scale, frames: u64) -> Result<Dataset> {
    let count = scale.conversations();
    let mut appender = Dataset::create(path)?.append()?;
    appender.source(Source { id: SOURCE.into(), licence: Some("CC0-1.0".into()), ..Source::default() });
    let progress = Progress::things(format!("making {}", scale.name()), Some(frames + count));
    let frames = make_frames(&mut appender, frames, &progress)?;
    for number in 0..count {
        if number % 256 == 0 {
            progress.at(frames.len() as u64 + number, || ui::counted(number, "conversation"))?;
        }
        let mut random = Random::new(number, 2);
        let frame = frames.get(random.below(frames.len())).copied();
        appender.conversation(&conversation(number, frame, &mut random))?;
    }
    progress.at(frames.len() as u64 + count, || "bringing it to the disk".into())?;
    appender.commit(Operation::new("bench").with("conversations", count))
}

fn make_frames(appender: &mut Appender, count: u64, progress: &Progress) -> Result<Vec<Address>> {
    let case = appender.case(&CaseRow {
        id: "case".into(),
        source: SOURCE.into(),
        patient: Some("P1".into()),
        ..CaseRow::default()
    })?;
    let mut frames = Vec::new();
    for number in 0..count {
        progress.at(number, || ui::counted(number, "frame"))?;
        let bytes = picture::jpeg(number);
        let blob = appender.blob(BlobSource::Bytes { media_type: "image/jpeg", bytes: &bytes })?;
        frames.push(appender.frame(&FrameRow {
            id: format!("VID01/{number:06}.jpg"),
            source: SOURCE.into(),
            case: Some(case),
            index: i64::try_from(number).ok(),
            kind: "rgb".into(),
            blob: Some(blob.address),
            width: Some(picture::WIDTH.into()),
            height: Some(picture::HEIGHT.into()),
            ..FrameRow::default()
        })?);
    }
    Ok(frames)
}

/// A conversation of 1 to 3 kB: a question, an answer that thinks first, and the thoughts as a tree.
fn conversation(number: u64, frame: Option<Address>, random: &mut Random) -> ConversationRow {
    let thoughts: Vec<String> = (0..3 + random.below(4)).map(|at| thought(at, random)).collect();
    let answer = format!(
        "<think>{}</think><answer>The {} works at the {}.</answer>",
        thoughts.join("\n"),
        INSTRUMENTS[random.below(INSTRUMENTS.len())],
        TARGETS[random.below(TARGETS.len())]
    );
    let placeholder = if frame.is_some() { "<image>\n" } else { "" };
    let question = format!("{placeholder}What happens in picture {number}, and which structure is at risk?");
    let turn = |role: &str, text| TurnRow { role: role.into(), text, ..TurnRow::default() };
    let end = thoughts.len() as i32;
    let node = |(at, text): (usize, String)| ReasoningRow {
        turn: 1,
        parent: (at > 0).then_some(0),
        subtree_end: if at == 0 { end } else { at as i32 + 1 },
        level: Some(1 + (at as i8).min(2)),
        evidence: frame
            .filter(|_| at == 0)
            .map(|address| EvidenceRow { address, start: None, end: None, bbox: Some([0.25, 0.25, 0.75, 0.75]) })
            .into_iter()
            .collect(),
        text,
        ..ReasoningRow::default()
    };
    ConversationRow {
        id: id(number),
        source: SOURCE.into(),
        task: TASKS[random.below(TASKS.len())].into(),
        specialty: Some("general surgery".into()),
        turns: vec![turn("user", question), turn("assistant", answer)],
        media: frame
            .map(|frame| MediumRow { turn: 0, at: Some(0), refs: vec![frame], ..MediumRow::default() })
            .into_iter()
            .collect(),
        reasoning: thoughts.into_iter().enumerate().map(node).collect(),
        ..ConversationRow::default()
    }
}

fn thought(at: usize, random: &mut Random) -> String {
    format!(
        "Level {}: the {} holds the {} at {} degrees while the {} works near the {}, so that the triangle opens and \
         the view of region {} becomes clear enough to go on.",
        1 + at.min(2),
        INSTRUMENTS[random.below(INSTRUMENTS.len())],
        TARGETS[random.below(TARGETS.len())],
        random.below(180),
        INSTRUMENTS[random.below(INSTRUMENTS.len())],
        TARGETS[random.below(TARGETS.len())],
        random.below(1_000_000),
    )
}
