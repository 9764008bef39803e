//! What was deleted: imported again, and exported over what was exported before. And imports of which nothing was taken.

use crate::fixture::{fails, stdout, surgdb};
use std::path::{Path, PathBuf};

/// Two patients' records in a folder, and a dataset that they were imported into.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        let line = |id: &str, patient: &str| {
            format!(
                r#"{{"id":"{id}","patient":"{patient}","image":"{id}.png","messages":[{{"role":"user","content":"<image>"}}]}}"#
            )
        };
        std::fs::write(place.at("a.jsonl"), [line("a", "P1"), line("b", "P2")].join("\n")).unwrap();
        ["a", "b"].iter().for_each(|id| std::fs::write(place.at(&format!("{id}.png")), id).unwrap());
        stdout(&place.import(&[]));
        place
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, command: &str, args: &[&str]) -> std::process::Output {
        let dataset = self.at("d.surgdb").display().to_string();
        surgdb(&[&[command, dataset.as_str()], args].concat())
    }

    fn import(&self, more: &[&str]) -> std::process::Output {
        let file = self.at("a.jsonl").display().to_string();
        self.run("import", &[&[file.as_str(), "--source", "s"], more].concat())
    }

    fn erase(&self) {
        stdout(&self.run("delete", &["P1", "--table", "cases", "--cascade", "--yes"]));
    }
}

#[test]
fn rows_that_were_deleted_come_in_again_loudly_or_not_at_all() {
    let place = Place::new();
    place.erase();
    assert!(fails(&place.import(&["--on-deleted", "stop"])).contains("was deleted, and would come in again"));
    let said = stdout(&place.import(&["--on-deleted", "skip"]));
    assert!(said.contains("1 skipped (deleted before)") && !said.contains("IN AGAIN"), "{said}");
    let said = stdout(&place.import(&[]));
    let line = "3 ROWS COME IN AGAIN THAT WERE DELETED (1 case, 1 conversation, 1 frame)";
    assert!(said.contains(line) && said.contains("--on-deleted skip"), "{said}");
}

#[test]
fn an_export_over_an_earlier_one_has_no_picture_of_who_was_erased_since() {
    let place = Place::new();
    let out = place.at("out");
    let shown = out.display().to_string();
    let has = |name: &str| Path::new(&out).join(name).exists();
    stdout(&place.run("export", &[&shown]));
    assert!(has("a.png") && has("b.png"));
    place.erase();
    std::fs::write(out.join("notes.txt"), "mine").unwrap();
    let said = stdout(&place.run("export", &[&shown, "--overwrite"]));
    assert!(said.contains("removed 1 file of an export before"), "{said}");
    assert!(said.contains("1 OTHER FILE STAYS IN THE FOLDER (notes.txt)"), "{said}");
    assert!(!has("a.png") && has("b.png") && has("notes.txt"));
}

#[test]
fn an_import_that_takes_nothing_ends_with_one_and_says_why() {
    let place = Place::new();
    let text = std::fs::read_to_string(place.at("a.jsonl")).unwrap();
    let folder = place.at("more");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("b.jsonl"), text.replace("messages", "mesages")).unwrap();
    std::fs::write(folder.join("c.png"), "c").unwrap();
    let ends = |args: &[&str]| {
        let output = place.run("import", args);
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, said) = ends(&[folder.to_str().unwrap(), "--source", "t"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("1 FILE OF CONVERSATIONS WAS PASSED OVER: the key of their turns is misspelt"), "{said}");
    let file = folder.join("d.jsonl");
    std::fs::write(&file, text.replace(".png", ".gone.png")).unwrap();
    let (code, said) = ends(&[file.to_str().unwrap(), "--source", "u", "--missing", "skip"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("NOTHING WAS TAKEN: all 2 records were skipped (missing media)"), "{said}");
}

#[test]
fn a_folder_that_holds_linked_files_is_no_place_for_an_export() {
    let place = Place::new();
    let (folder, file, linked) = (place.0.path(), place.at("a.jsonl"), place.at("l.surgdb"));
    let [folder_text, file, linked] = [folder, &file, &linked].map(|path| path.display().to_string());
    stdout(&surgdb(&["import", &linked, &file, "--source", "s", "--media", "link"]));
    std::os::unix::fs::symlink(folder, place.at("alias")).unwrap();
    for out in [folder_text, place.at("alias").display().to_string()] {
        let said = fails(&surgdb(&["export", &linked, &out, "--overwrite"]));
        assert!(said.contains("it holds files that the dataset links to") && said.contains(".png"), "{said}");
    }
    assert!(!place.at("conversations.jsonl").exists() && !place.at(".surgdb-export").exists());
    assert_eq!(std::fs::read(place.at("a.png")).unwrap(), b"a");
    // One inside of it that holds none of them is one.
    let out = place.at("out");
    std::fs::create_dir(&out).unwrap();
    std::fs::write(out.join("notes.txt"), "mine").unwrap();
    stdout(&surgdb(&["export", &linked, out.to_str().unwrap(), "--overwrite"]));
    assert_eq!(std::fs::read(out.join("a.png")).unwrap(), b"a");
}

#[test]
fn a_case_of_the_same_patient_that_another_source_has_is_told() {
    let place = Place::new();
    let text = std::fs::read_to_string(place.at("a.jsonl")).unwrap();
    let file = place.at("t.jsonl");
    std::fs::write(&file, text.replace("\"a\"", "\"c\"").replace("\"b\"", "\"d\"")).unwrap();
    stdout(&place.run("import", &[file.to_str().unwrap(), "--source", "t", "--on-known", "take"]));
    let said = stdout(&place.run("delete", &["P1", "--table", "cases", "--source", "s", "--cascade", "--yes"]));
    assert!(said.contains("1 case of the same patient stays: P1 (source t)"), "{said}");
    let said =
        stdout(&place.run("delete", &["P1", "--table", "cases", "--source", "t", "--cascade", "--yes", "--json"]));
    assert!(said.contains("\"same_patient\"") && !said.contains("(source t)"), "{said}");
}
