//! `surgdb attach`.

use super::fixture::*;
use std::fs;

#[test]
fn attach_says_what_it_found_and_ends_with_1_while_something_is_missing() {
    let fixture = Fixture::new();
    let root = fixture.path("late");
    fs::create_dir(&root).unwrap();
    let root = root.display().to_string();
    let output = fixture.run("attach", &["--media-root", &root]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("nothing was attached: "), "{text}");
    assert!(text.contains("1 without bytes = 0 attached + 1 not found"), "{text}");
    assert!(text.contains("  VID01/000002.png (picture of mine): not found under "), "{text}");
    assert!(text.ends_with("1 PICTURE OR VIDEO IS STILL MISSING\n"), "{text}");

    fs::create_dir(fixture.path("late/Vid01")).unwrap();
    fs::write(fixture.path("late/Vid01/000002.png"), b"not quite one either").unwrap();
    let dry = fixture.json("attach", &["--media-root", &root, "--dry-run"]);
    assert_eq!((&dry["frames"]["attached"], dry.get("version")), (&1.into(), None));
    let text = stdout(&fixture.run("attach", &["--media-root", &root]));
    assert!(text.starts_with("attached 1 file to ") && text.contains("version 3"), "{text}");
    assert!(text.contains("bad-picture") && text.contains("path-spelling"), "{text}");
    let again = fixture.json("attach", &["--media-root", &root]);
    assert_eq!((&again["frames"]["without"], again.get("version")), (&0.into(), None));
}

#[test]
fn attach_names_what_is_wrong_with_its_arguments() {
    let fixture = Fixture::new();
    let root = fixture.dir.path().display().to_string();
    assert!(fails(&fixture.run("attach", &["--media-root", "/nowhere/at/all"])).contains("/nowhere/at/all"));
    let list = fixture.path("names.csv");
    fs::write(&list, "path,file\na.png,\n").unwrap();
    let list = list.display().to_string();
    let text = fails(&fixture.run("attach", &["--media-root", &root, "--names", &list]));
    assert!(text.contains("names.csv, line 2: an entry needs both a path and a file"), "{text}");
    fs::write(&list, "path,file\nVID02/1.png,x.png\n").unwrap();
    let output = fixture.run("attach", &["--media-root", &root, "--names", &list]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("names.csv: nothing that is without bytes is called \"VID02/1.png\""), "{text}");
}
