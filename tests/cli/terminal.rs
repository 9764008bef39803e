//! What data says never steers a terminal.

use crate::fixture::{stderr, surgdb};
use serde_json::Value;
use surgdb::format::manifest::Source;
use surgdb::rows::{ConversationRow, FrameRow, MediumRow, TurnRow};
use surgdb::{Dataset, Operation};

/// Clears the screen, goes to its start, rings, overwrites the line, and starts a line of its own.
const HOSTILE: &str = "x\x1b[2J\x1b[1;1H\u{9b}31m\x07\rerror: all is lost\nfault: none\u{202e}";

fn dataset(path: &std::path::Path) {
    let mut appender = Dataset::create(path).unwrap().append().unwrap();
    let said = || Some(HOSTILE.to_owned());
    appender.source(Source { id: HOSTILE.into(), title: said(), licence: said(), ..Source::default() });
    let frame = FrameRow {
        id: HOSTILE.into(),
        source: HOSTILE.into(),
        kind: HOSTILE.into(),
        path: said(),
        ..FrameRow::default()
    };
    let frame = appender.frame(&frame).unwrap();
    let turn = TurnRow { role: "user".into(), text: HOSTILE.into(), name: said(), extra: None };
    let conversation = ConversationRow {
        id: HOSTILE.into(),
        source: HOSTILE.into(),
        task: HOSTILE.into(),
        specialty: said(),
        turns: vec![turn],
        media: vec![MediumRow { turn: 0, refs: vec![frame], ..MediumRow::default() }],
        solution: said(),
        ..ConversationRow::default()
    };
    appender.conversation(&conversation).unwrap();
    appender.commit(Operation::new(HOSTILE).with("note", HOSTILE)).unwrap();
}

#[test]
fn no_output_of_any_command_holds_what_steers_a_terminal() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hostile.surgdb");
    dataset(&path);
    let (path, gone) = (path.to_str().unwrap(), HOSTILE);
    let commands: [&[&str]; 13] = [
        &["info", path],
        &["stats", path],
        &["show", path],
        &["report", path, "{out}"],
        &["select", path],
        &["versions", path],
        &["verify", path],
        &["column", "list", path],
        &["export", path, "{out}"],
        &["show", path, "--id", gone],
        &["show", path, "--id", "none\x1b[2J"],
        &["info", "none\x1b[2J"],
        &["delete", path, gone, "--table", "frames", "--yes"],
    ];
    for (number, command) in commands.iter().enumerate() {
        let out = dir.path().join(format!("out{number}"));
        let args: Vec<&str> =
            command.iter().map(|arg| if *arg == "{out}" { out.to_str().unwrap() } else { *arg }).collect();
        let output = surgdb(&args);
        let text = format!("{}{}", String::from_utf8(output.stdout.clone()).unwrap(), stderr(&output));
        let steers = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!text.contains(steers), "{command:?}: {text:?}");
        assert!(!text.lines().any(|line| line.starts_with("fault")), "{command:?}: {text:?}");
        assert!(!text.is_empty(), "{command:?}");
    }
}

#[test]
fn json_is_still_what_the_data_says() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hostile.surgdb");
    dataset(&path);
    let output = surgdb(&["show", path.to_str().unwrap(), "--json"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains(|c: char| (c.is_control() && c != '\n') || c == '\u{202e}'), "{text:?}");
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["id"], HOSTILE);
}
