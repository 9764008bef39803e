//! What a run saves: where it stands, and what it draws from.

use crate::fixture::dataset;
use surgdb::ErrorKind;

#[test]
fn groups_are_saved_to_a_folder_that_has_nothing_else_in_it() {
    let dir = tempfile::tempdir().unwrap();
    let loader = dataset().loader().shuffle(5).batch(30).build().unwrap();
    let [new, empty, foreign, file] = ["new", "empty", "foreign", "file"].map(|name| dir.path().join(name));
    std::fs::create_dir(&empty).unwrap();
    std::fs::create_dir(&foreign).unwrap();
    std::fs::write(foreign.join("0000.arrow"), "somebody's").unwrap();
    std::fs::write(&file, "somebody's").unwrap();
    for taken in [&foreign, &file, &foreign] {
        assert_eq!(loader.save_groups(taken).unwrap_err().kind(), ErrorKind::Exists, "{taken:?}");
    }
    assert_eq!(std::fs::read(foreign.join("0000.arrow")).unwrap(), b"somebody's");
    assert_eq!(std::fs::read_dir(&foreign).unwrap().count(), 1);
    std::os::unix::fs::symlink(&empty, dir.path().join("link")).unwrap();
    for free in [&new, &dir.path().join("link")] {
        loader.save_groups(free).unwrap();
        let again = dataset().loader().shuffle(5).batch(30).saved_groups(free).unwrap().build().unwrap();
        assert_eq!(again.fingerprint(), loader.fingerprint());
    }
    assert!(empty.join("groups.json").exists());
    // Nothing else was left.
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 5);
    assert!(loader.save_groups(dir.path().join("no/folder")).is_err());
}

#[test]
fn saved_groups_that_are_not_those_of_a_loader_are_damaged() {
    let dir = tempfile::tempdir().unwrap();
    let saved = dir.path().join("saved");
    dataset().loader().shuffle(5).batch(30).build().unwrap().save_groups(&saved).unwrap();
    let list = std::fs::read_to_string(saved.join("groups.json")).unwrap();
    let entry = &list[list.find("[").unwrap() + 1..list.rfind("]").unwrap()];
    let none = r#"{"mixture":false,"groups":[]}"#.to_owned();
    let no_mixture = none.replace("false", "true");
    let two = none.replace("[]", &format!("[{entry},{entry}]"));
    for text in [none, no_mixture, two, "{}".to_owned()] {
        std::fs::write(saved.join("groups.json"), &text).unwrap();
        let error = dataset().loader().saved_groups(&saved).unwrap_err();
        assert_eq!((error.kind(), error.file()), (ErrorKind::Corrupt, Some(&*saved.join("groups.json"))), "{text}");
    }
}
