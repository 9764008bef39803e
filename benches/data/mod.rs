//! Data for the benches: made once, kept under `target/bench-data/`, deterministic.

// Each bench uses a part of it.
#![allow(dead_code)]

pub mod raw;

use std::path::{Path, PathBuf};
use surgdb::dataset::BlobSource;
use surgdb::rows::{CaseRow, ConversationRow, FrameRow, MediumRow, ReasoningRow, TurnRow};
use surgdb::{Dataset, Operation};

/// How large a bench's dataset is.
#[derive(Clone, Copy)]
pub struct Size {
    pub conversations: u64,
    pub frames: u64,
    pub frame_bytes: usize,
}

/// The size that the goals of the design speak of: 50 thousand conversations on 12.5 thousand frames of about 65 kB.
pub const STANDARD: Size = Size { conversations: 50_000, frames: 12_500, frame_bytes: 65_000 };

/// Where the data of the benches is kept.
pub fn folder() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    target.join("bench-data")
}

/// A mixing function: the same bytes on every machine.
pub fn mix(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// Places all over a table: a counter that is mixed, since mixing the last place again would soon go round in a circle.
#[derive(Default)]
pub struct Places(u64);

impl Places {
    /// The next place below `count`.
    pub fn next(&mut self, count: u64) -> u64 {
        self.0 += 1;
        mix(self.0) % count
    }
}

/// Bytes that do not compress, as pictures do not: between half and one and a half times `size`.
pub fn picture(number: u64, size: usize) -> Vec<u8> {
    let len = size / 2 + (mix(number) as usize) % size.max(1);
    let mut bytes = Vec::with_capacity(len + 8);
    let mut state = mix(number ^ 0xabcd);
    while bytes.len() < len {
        state = mix(state);
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

const TASKS: [&str; 6] = [
    "phase recognition",
    "step recognition",
    "instrument recognition",
    "triplet recognition",
    "safety assessment",
    "image captioning",
];

/// A conversation of about 1 kB, with a small reasoning tree.
pub fn conversation(number: u64, frame: Option<surgdb::Address>) -> ConversationRow {
    let thought = |part: u64| {
        format!(
            "Level {part}: the grasper holds the gallbladder at {} while the hook works near the cystic duct, \
             so that the triangle opens and the view of frame {} becomes clear.",
            mix(number + part) % 100,
            mix(number ^ part) % 100_000
        )
    };
    let nodes: Vec<String> = (1..=3).map(thought).collect();
    let answer = format!("<think>{}</think><answer>carlot-triangle-dissection</answer>", nodes.join("\n"));
    let node = |(at, text): (usize, &String)| ReasoningRow {
        turn: 1,
        parent: (at > 0).then_some(0),
        subtree_end: if at == 0 { 3 } else { at as i32 + 1 },
        level: Some(at as i8 + 1),
        text: text.clone(),
        ..Default::default()
    };
    ConversationRow {
        id: format!("bench-{number:09}"),
        source: "bench".into(),
        task: TASKS[(mix(number) % 6) as usize].into(),
        specialty: Some("general surgery".into()),
        turns: vec![
            TurnRow {
                role: "user".into(),
                text: format!("<image>\nWhat happens here ({number})?"),
                ..Default::default()
            },
            TurnRow { role: "assistant".into(), text: answer, ..Default::default() },
        ],
        media: frame
            .map(|frame| MediumRow { turn: 0, at: Some(0), refs: vec![frame], ..Default::default() })
            .into_iter()
            .collect(),
        reasoning: nodes.iter().enumerate().map(node).collect(),
        ..Default::default()
    }
}

/// The dataset of this size, made if it is not there.
pub fn dataset(size: Size) -> Dataset {
    let name = format!("{}-{}-{}.surgdb", size.conversations, size.frames, size.frame_bytes);
    let path = folder().join(name);
    match Dataset::open(&path) {
        Ok(dataset) if dataset.version() > 1 => dataset,
        _ => {
            let _ = std::fs::remove_dir_all(&path);
            write(&path, size)
        }
    }
}

/// Writes a dataset of this size.
pub fn write(path: &Path, size: Size) -> Dataset {
    let mut appender = Dataset::create(path).unwrap().append().unwrap();
    let case = CaseRow { id: "case".into(), source: "bench".into(), patient: Some("P1".into()), ..Default::default() };
    let case = appender.case(&case).unwrap();
    let mut frames = Vec::new();
    for number in 0..size.frames {
        let bytes = picture(number, size.frame_bytes);
        let blob = appender.blob(BlobSource::Bytes { media_type: "image/jpeg", bytes: &bytes }).unwrap();
        let row = FrameRow {
            id: format!("VID01/{number:06}.jpg"),
            source: "bench".into(),
            case: Some(case),
            index: Some(number as i64),
            kind: "rgb".into(),
            blob: Some(blob.address),
            ..Default::default()
        };
        frames.push(appender.frame(&row).unwrap());
    }
    for number in 0..size.conversations {
        let frame = frames.get((mix(number) % size.frames.max(1)) as usize).copied();
        appender.conversation(&conversation(number, frame)).unwrap();
    }
    appender.commit(Operation::new("bench")).unwrap()
}
