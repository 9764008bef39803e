//! The examples, run as a user would run them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// The dataset of `surgdb demo`.
fn demo() -> &'static Path {
    static DEMO: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, dataset) = DEMO.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("demo");
        let made = Command::new(env!("CARGO_BIN_EXE_surgdb")).arg("demo").arg(&out).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        (dir, out.join("demo.surgdb"))
    });
    dataset
}

fn example(name: &str, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(["run", "--quiet", "--example", name, "--"]);
    command.arg(demo()).args(args).output().unwrap()
}

/// The lines that an example prints.
fn lines(output: &Output) -> Vec<String> {
    String::from_utf8(output.stdout.clone()).unwrap().lines().map(str::to_owned).collect()
}

fn succeeded(name: &str, args: &[&str]) -> Vec<String> {
    let output = example(name, args);
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    lines(&output)
}

#[test]
fn a_killed_training_loop_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let [whole, killed] = ["whole", "killed"].map(|name| dir.path().join(name).to_str().unwrap().to_owned());
    let expected = succeeded("train", &[&whole]);
    assert!(expected.len() > 100);
    let mut seen = Vec::new();
    for steps in ["1", "7", "160"] {
        let output = example("train", &[&killed, steps]);
        assert!(!output.status.success());
        seen.extend(lines(&output));
    }
    assert!(seen.len() < expected.len());
    seen.extend(succeeded("train", &[&killed]));
    assert_eq!(seen, expected);
    assert!(succeeded("train", &[&killed]).is_empty());
}

#[test]
fn a_run_goes_on_with_another_world() {
    let lines = succeeded("elastic", &[]);
    assert!(lines.iter().any(|line| line.contains("going on with 3 processes instead of 4")));
    assert!(lines.last().unwrap().contains("3 processes saw the same 12 samples as one"));
}

#[test]
fn a_mixture_draws_by_weight() {
    let lines = succeeded("mixture", &[]);
    let drawn = |line: &str| line.split_once(" of 6, ")?.1.split_once(" samples")?.0.parse().ok();
    let drawn: Vec<u64> = lines.iter().filter_map(|line| drawn(line)).collect();
    assert_eq!(drawn.iter().sum::<u64>(), 6000);
    for (drawn, due) in drawn.iter().zip([3000, 2000, 1000]) {
        assert!(drawn.abs_diff(due) < 512, "{lines:?}");
    }
}

#[test]
fn packed_samples_take_fewer_steps() {
    let lines = succeeded("packing", &[]);
    let numbers: Vec<u64> = lines[0].split(' ').filter_map(|word| word.parse().ok()).collect();
    let [packed, 4, plain, 4] = numbers[..] else { panic!("{lines:?}") };
    assert!(packed > 0 && packed < plain, "{lines:?}");
    assert!(lines[1].contains("% of their tokens are used"), "{lines:?}");
}

#[test]
fn every_example_is_short() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "rs") {
            let lines = std::fs::read_to_string(&path).unwrap().lines().count();
            assert!(lines <= 60, "{}: {lines} lines", path.display());
        }
    }
}
