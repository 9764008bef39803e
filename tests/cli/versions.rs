//! `surgdb versions`: names for versions, and what changed between two.

use crate::fixture::{Fixture, fails, stdout};
use serde_json::json;

#[test]
fn a_version_gets_a_name_and_is_opened_by_it() {
    let fixture = Fixture::new();
    let tagged = fixture.json("versions", &["tag", "paper"]);
    assert_eq!(tagged, json!({ "tag": "paper", "tagged": 2, "version": 3 }));
    stdout(&fixture.run("versions", &["tag", "first", "--version", "1"]));
    assert_eq!(fixture.json("info", &["--tag", "first"])["tables"]["conversations"], 0);
    assert_eq!(fixture.json("info", &["--tag", "paper"])["version"], 2);
    let listed = stdout(&fixture.run("versions", &[]));
    assert!(listed.lines().any(|line| line.trim_start().starts_with("2 ") && line.contains("paper")), "{listed}");

    let taken = fails(&fixture.run("versions", &["tag", "paper", "--version", "1"]));
    assert!(taken.contains("version 2") && taken.contains("--move"), "{taken}");
    assert!(fails(&fixture.run("versions", &["tag", "7"])).contains("no name for a tag"));
    stdout(&fixture.run("versions", &["tag", "paper", "--version", "1", "--move"]));
    assert_eq!(fixture.json("info", &["--tag", "paper"])["version"], 1);
    stdout(&fixture.run("versions", &["untag", "paper"]));
    assert!(fails(&fixture.run("info", &["--tag", "paper"])).contains("they are first"));
    assert!(fails(&fixture.run("versions", &["untag", "paper"])).contains("they are first"));
}

#[test]
fn what_changed_between_two_versions_is_told() {
    let fixture = Fixture::new();
    stdout(&fixture.run("versions", &["tag", "paper"]));
    stdout(&fixture.run("delete", &["q1", "--yes"]));
    let file = fixture.path("fold.csv");
    std::fs::write(&file, "id,fold\nq0,1\n").unwrap();
    stdout(&fixture.run("column add", &["conversations", file.to_str().unwrap()]));
    let diff = fixture.json("versions", &["diff", "paper"]);
    assert_eq!(diff["versions"], json!([2, 5]));
    assert_eq!(diff["rows"], json!({ "conversations": { "added": 0, "gone": 1 } }));
    assert_eq!(diff["columns"]["added"], json!(["conversations.fold"]));
    let back = fixture.json("versions", &["diff", "5", "1"]);
    assert_eq!(back["rows"]["frames"], json!({ "added": 0, "gone": 2 }));
    assert_eq!(back["sources"]["gone"], json!(["mine"]));
    let text = stdout(&fixture.run("versions", &["diff", "paper", "5"]));
    assert!(
        text.contains("conversations  +0  -1") && text.contains("added column conversations.fold: added"),
        "{text}"
    );
    assert!(stdout(&fixture.run("versions", &["diff", "2", "3"])).contains("the same rows"));
    std::fs::write(&file, "id,task\nq0,another\n").unwrap();
    stdout(&fixture.run("column add", &["conversations", file.to_str().unwrap(), "--replace"]));
    let text = stdout(&fixture.run("versions", &["diff", "5"]));
    assert!(text.contains("column conversations.task: some rows may have other values"), "{text}");
    assert!(!text.contains("added column"), "{text}");
    assert_eq!(fixture.json("versions", &["diff", "5"])["replaced"]["added"], json!(["conversations.task"]));
    stdout(&fixture.run("compact", &[]));
    let text = stdout(&fixture.run("versions", &["diff", "6"]));
    assert!(text.contains("column conversations.task: values that were replaced"), "{text}");
}

#[test]
fn a_damaged_manifest_takes_no_other_version_from_the_list() {
    let fixture = Fixture::new();
    stdout(&fixture.run("versions", &["tag", "paper"]));
    let damaged = fixture.dataset().join("versions/0000000002.json");
    let mut bytes = std::fs::read(&damaged).unwrap();
    bytes[60] ^= 1;
    std::fs::write(&damaged, bytes).unwrap();
    let output = fixture.run("versions", &[]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines.len() == 3 && lines[0].starts_with('1') && lines[1].starts_with('3'), "{text}");
    assert!(lines[2].starts_with("fault: ") && lines[2].contains(damaged.to_str().unwrap()), "{text}");
    let listed: serde_json::Value = serde_json::from_slice(&fixture.run("versions", &["--json"]).stdout).unwrap();
    assert_eq!((listed["versions"].as_array().unwrap().len(), &listed["newest"]), (2, &json!(3)));
    assert_eq!((&listed["damaged"][0]["version"], &listed["damaged"][0]["file"]), (&json!(2), &json!(damaged)));
}
