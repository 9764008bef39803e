//! The guide says what happens: its commands are run as they stand there, and what it shows is compared with what they print.

#[path = "common/skip.rs"]
mod skip;

use skip::skipped;
use std::path::{Path, PathBuf};
use std::process::Command;

const GUIDE: &str = include_str!("../docs/guide.md");
const TRAINING: &str = include_str!("../docs/training.md");
/// What stands for whatever a command printed there.
const ANYTHING: char = '…';

/// A command of the guide, and the lines that it shows of what was printed.
struct Step {
    command: &'static str,
    shown: Vec<&'static str>,
}

/// The commands of the guide, in order.
fn steps() -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut within = false;
    for line in GUIDE.lines() {
        match (within, line) {
            (false, "```console") => within = true,
            (true, "```") => within = false,
            (true, line) => match line.strip_prefix("$ ") {
                Some(command) => steps.push(Step { command, shown: Vec::new() }),
                None => steps.last_mut().expect("a command comes first").shown.push(line),
            },
            (false, _) => {}
        }
    }
    assert!(!within && steps.len() > 10, "the guide has {} commands", steps.len());
    steps
}

/// Whether a line is as the guide shows it: blanks count as one, and `…` is anything.
fn is_shown(shown: &str, line: &str) -> bool {
    let blanks = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (shown, line) = (blanks(shown), blanks(line));
    let mut parts = shown.split(ANYTHING).map(str::trim);
    let Some(mut rest) = line.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut open = false;
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
        open = part.is_empty();
    }
    open || rest.is_empty()
}

/// Fails where the lines that the guide shows are not all printed, in their order.
fn compare(step: &Step, printed: &str) {
    let mut lines = printed.lines();
    for shown in step.shown.iter().filter(|shown| !shown.trim_matches([ANYTHING, ' ']).is_empty()) {
        let found = lines.any(|line| is_shown(shown, line));
        assert!(found, "the guide shows {shown:?} of `{}`, which printed\n{printed}", step.command);
    }
}

/// The pictures that a record of LLaVA's form names.
fn pictures_of(line: &str) -> Vec<String> {
    let record: serde_json::Value = serde_json::from_str(line).expect("a record a line");
    let several = record["images"].as_array().into_iter().flatten();
    several.chain([&record["image"]]).filter_map(|name| name.as_str().map(str::to_owned)).collect()
}

/// Real data, where it lies beside the project.
fn data() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    folder.is_dir().then(|| folder.canonicalize().expect("the folder has a path"))
}

#[test]
fn the_guide_does_what_it_says() {
    let steps = steps();
    let Some(data) = data() else {
        skipped("there is no ../shared/data, whose folders the guide's commands read");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(data, dir.path().join("data")).unwrap();
    let bin = Path::new(env!("CARGO_BIN_EXE_surgdb")).parent().unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
    for step in &steps {
        if let Some(name) = step.command.strip_prefix("cat ") {
            // What the reader writes into a file of this name.
            std::fs::write(dir.path().join(name), step.shown.join("\n") + "\n").unwrap();
            continue;
        }
        assert!(step.command.starts_with("surgdb "), "{}", step.command);
        let run = format!("{} 2>&1", step.command);
        let output = Command::new("sh").args(["-c", &run]).current_dir(dir.path()).env("PATH", &path).output().unwrap();
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{}: {printed}", step.command);
        compare(step, &printed);
    }
    assert!(dir.path().join("set.html").is_file());
    // What the guide ends in can be trained on: each picture that a record names is there.
    let records = std::fs::read_to_string(dir.path().join("train/conversations.jsonl")).unwrap();
    let named: Vec<String> = records.lines().flat_map(pictures_of).collect();
    assert_eq!(named.len(), 11);
    for name in named {
        assert!(dir.path().join("train").join(&name).is_file(), "{name}");
    }
}

#[test]
fn what_is_left_out_may_be_anything_and_the_rest_may_not() {
    for (shown, line) in [("a …", "a b c"), ("a … c", "a  b   c"), ("  a   b", "a b"), ("…: b", "x y: b"), ("a", "a")]
    {
        assert!(is_shown(shown, line), "{shown} {line}");
    }
    for (shown, line) in [("a …", "b a"), ("a … c", "a b c d"), ("a", "a b"), ("a b", "ab"), ("…: b", "x: c")] {
        assert!(!is_shown(shown, line), "{shown} {line}");
    }
    let step = Step { command: "x", shown: vec!["one", "…", "three"] };
    compare(&step, "one\ntwo\nthree\n");
    assert!(std::panic::catch_unwind(|| compare(&step, "three\none\n")).is_err());
}

#[test]
fn the_commands_that_the_page_on_training_names_can_be_typed_so() {
    let spans = TRAINING.split('`').skip(1).step_by(2).filter(|span| span.starts_with("surgdb "));
    let typed = TRAINING.lines().filter_map(|line| line.strip_prefix("$ "));
    let commands: Vec<_> = spans.chain(typed).collect();
    assert!(commands.len() > 3, "{commands:?}");
    let dir = tempfile::tempdir().unwrap();
    for command in commands {
        let words: Vec<_> = command.split_whitespace().skip(1).collect();
        // What is only named needs its arguments; what stands there whole ends over the dataset, which is not there.
        let help = (words.len() == 1).then_some("--help");
        let said =
            Command::new(env!("CARGO_BIN_EXE_surgdb")).args(&words).args(help).current_dir(&dir).output().unwrap();
        let error = String::from_utf8_lossy(&said.stderr);
        assert!(said.status.success() || error.contains("there is no such folder"), "{command}: {error}");
    }
}
