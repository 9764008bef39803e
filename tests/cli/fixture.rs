//! A small dataset, and the command run on it.

#[path = "../common/pictures.rs"]
#[allow(dead_code)]
mod pictures;

use serde_json::Value;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use surgdb::dataset::BlobSource;
use surgdb::format::manifest::Source;
use surgdb::rows::{AlternativeRow, ConversationRow, FrameRow, MediumRow, ReasoningRow, TurnRow};
use surgdb::{Dataset, Operation};
use tempfile::TempDir;

/// The picture that the small dataset has.
pub fn picture() -> Vec<u8> {
    pictures::grey_png(854, 480, 8, 1)
}

/// A folder with a small dataset in it.
pub struct Fixture {
    pub dir: TempDir,
}

impl Fixture {
    pub fn new() -> Self {
        Self::showing(&picture())
    }

    /// The same with these bytes for its picture.
    pub fn showing(picture: &[u8]) -> Self {
        let fixture = Self { dir: tempfile::tempdir().unwrap() };
        let mut appender = Dataset::create(fixture.dataset()).unwrap().append().unwrap();
        appender.source(Source { id: "mine".into(), licence: Some("CC0-1.0".into()), ..Source::default() });
        let blob = appender.blob(BlobSource::Bytes { media_type: "image/png", bytes: picture }).unwrap();
        let frame = |id: &str, blob| FrameRow {
            id: id.into(),
            source: "mine".into(),
            kind: "rgb".into(),
            path: Some(id.into()),
            blob,
            width: Some(854),
            height: Some(480),
            ..FrameRow::default()
        };
        let here = appender.frame(&frame("VID01/000001.png", Some(blob.address))).unwrap();
        let missing = appender.frame(&frame("VID01/000002.png", None)).unwrap();
        for (number, shown) in [here, missing, here].into_iter().enumerate() {
            appender.conversation(&conversation(number, shown)).unwrap();
        }
        appender.commit(Operation::new("append").with("conversations", 3)).unwrap();
        fixture
    }

    pub fn dataset(&self) -> PathBuf {
        self.dir.path().join("a.surgdb")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Runs `surgdb COMMAND DATASET ARGS…`.
    pub fn run(&self, command: &str, args: &[&str]) -> Output {
        let mut words: Vec<String> = command.split(' ').map(str::to_owned).collect();
        words.push(self.dataset().display().to_string());
        words.extend(args.iter().map(|arg| (*arg).to_owned()));
        surgdb(&words)
    }

    pub fn json(&self, command: &str, args: &[&str]) -> Value {
        let args: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
        json(&self.run(command, &args))
    }
}

pub fn conversation(number: usize, shown: surgdb::Address) -> ConversationRow {
    let turn = |role: &str, text: &str| TurnRow { role: role.into(), text: text.into(), ..TurnRow::default() };
    let node = |parent, subtree_end, level, text: &str| ReasoningRow {
        turn: 1,
        parent,
        subtree_end,
        level: Some(level),
        text: text.into(),
        ..ReasoningRow::default()
    };
    ConversationRow {
        id: format!("q{number}"),
        source: "mine".into(),
        task: if number == 0 { "phase recognition" } else { "image captioning" }.into(),
        turns: vec![turn("user", "<image>\nWhich phase?"), turn("assistant", "Preparation.")],
        media: vec![MediumRow { turn: 0, at: Some(0), refs: vec![shown], ..MediumRow::default() }],
        reasoning: vec![node(None, 2, 1, "A grasper is in view."), node(Some(0), 2, 2, "It holds the fundus.")],
        alternatives: vec![AlternativeRow {
            kind: "rejected".into(),
            turns: vec![turn("assistant", "Packaging.")],
            ..AlternativeRow::default()
        }],
        ..ConversationRow::default()
    }
}

pub fn surgdb<S: AsRef<std::ffi::OsStr>>(args: &[S]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_surgdb")).args(args).stdin(Stdio::null()).output().unwrap()
}

pub fn stdout(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", stderr(output));
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

pub fn json(output: &Output) -> Value {
    serde_json::from_str(&stdout(output)).unwrap()
}

/// Asserts that a command could not run, says so on stderr in one `error:` line first, and prints nothing.
pub fn fails(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(2), "{}", stderr(output));
    assert!(output.stdout.is_empty());
    let text = stderr(output);
    assert!(text.starts_with("error: "), "{text}");
    text
}
