//! `surgdb copy`: a subset as a dataset of its own, one dataset into another.

use crate::fixture::{Fixture, fails, json, stderr, stdout, surgdb};
use serde_json::json as value;

#[test]
fn a_subset_becomes_a_dataset_of_its_own() {
    let fixture = Fixture::new();
    let into = fixture.path("part.surgdb");
    let into = into.to_str().unwrap();
    let said = stdout(&fixture.run("copy", &[into, "--where", "task = \"phase recognition\""]));
    assert!(said.starts_with("made ") && said.contains("source mine: CC0-1.0"), "{said}");
    let info = json(&surgdb(&["info", into, "--json"]));
    assert_eq!(info["tables"]["conversations"], 1);
    assert_eq!((&info["tables"]["frames"], &info["tables"]["blobs"]), (&value!(1), &value!(1)));
    assert_eq!(info["operation"]["kind"], "copy");
    assert!(stdout(&surgdb(&["verify", into])).contains("nothing wrong"));

    let rest = fixture.json("copy", &[into, "--existing"]);
    assert_eq!(rest["rows"]["conversations"], value!({ "added": 2, "again": 0, "there": 1, "filled": 0, "kept": 0 }));
    assert!(stdout(&fixture.run("copy", &[into])).starts_with("nothing new"));

    stdout(&surgdb(&["delete", into, "--where", "task = \"phase recognition\"", "--yes"]));
    let refused = fails(&fixture.run("copy", &[into, "--on-deleted", "stop"]));
    assert!(refused.contains("was deleted from the target"), "{refused}");
    let told = stdout(&fixture.run("copy", &[into]));
    assert!(told.contains("1 ROW COMES IN AGAIN THAT WAS DELETED (1 conversation)"), "{told}");
}

#[test]
fn a_copy_that_cannot_be_says_why_before_anything_is_made() {
    let fixture = Fixture::new();
    let into = fixture.path("new.surgdb");
    let path = into.to_str().unwrap();
    assert!(fails(&fixture.run("copy", &[path, "--where", "task = cooking"])).contains("cooking"));
    assert!(fails(&fixture.run("copy", &[path, "--as", "nobody=x"])).contains("there are mine"));
    assert!(fails(&fixture.run("copy", &[path, "--existing"])).contains("--existing"));
    assert!(!into.exists());
    assert!(fails(&fixture.run("copy", &[fixture.dataset().to_str().unwrap()])).contains("same dataset"));
    let wrong = fixture.run("copy", &[path, "--as", "mine"]);
    assert!(wrong.status.code() == Some(2) && stderr(&wrong).contains("SOURCE=NAME"));
}

#[test]
fn a_copy_that_fails_leaves_no_dataset_that_was_not_there() {
    let fixture = Fixture::new();
    let blobs = std::fs::read_dir(fixture.dataset().join("blobs")).unwrap().next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&blobs).unwrap();
    let picture = crate::fixture::picture();
    let at = bytes.windows(picture.len()).position(|window| window == picture).unwrap();
    bytes[at] ^= 1;
    std::fs::write(&blobs, bytes).unwrap();
    let into = fixture.path("new.surgdb");
    let output = fixture.run("copy", &[into.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("was removed again"), "{}", stderr(&output));
    assert!(!into.exists());
    // A folder that somebody made stays, empty as it was; a dataset that was there stays.
    std::fs::create_dir(&into).unwrap();
    assert_eq!(fixture.run("copy", &[into.to_str().unwrap()]).status.code(), Some(2));
    assert_eq!(std::fs::read_dir(&into).unwrap().count(), 0);
    stdout(&surgdb(&["create", into.to_str().unwrap()]));
    assert_eq!(fixture.run("copy", &[into.to_str().unwrap()]).status.code(), Some(2));
    assert_eq!(json(&surgdb(&["info", into.to_str().unwrap(), "--json"]))["version"], 1);
}
