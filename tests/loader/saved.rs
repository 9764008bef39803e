//! What a run saves: where it stands, and what it draws from.

use crate::fixture::{dataset, make};
use std::sync::{Arc, Mutex};
use surgdb::dataset::Filter;
use surgdb::load::{Budget, Estimate, Notice, Overlong, Packing, Remainder, State, TokenSource};
use surgdb::{Dataset, ErrorKind, Result};

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

#[test]
fn a_state_of_another_dataset_is_refused_with_the_dataset_named() {
    let dir = tempfile::tempdir().unwrap();
    let other = make(&dir.path().join("other.surgdb"));
    let loader = |dataset: &Dataset| dataset.loader().shuffle(1).batch(10).on_notice(|_| {});
    let state = loader(&other).build().unwrap().start().state();
    let error = loader(dataset()).resume(state).build().unwrap_err();
    assert!(error.message().contains("the dataset that they are of"), "{error}");
}

#[test]
fn a_window_that_is_left_for_the_next_is_told_of_wherever_a_run_goes_on() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let hears = told.clone();
    let packing = Packing::Bins(Budget { tokens: 40, pictures: None, overlong: Overlong::Error });
    let builder = dataset().loader().shuffle(3).batch(4).window(64);
    let builder = builder.pack(packing, TokenSource::Column("tokens".into()));
    let builder = builder.on_notice(move |notice| {
        if let Notice::WindowLeft { .. } = notice {
            hears.lock().unwrap().push(notice.clone());
        }
    });
    let loader = builder.clone().build().unwrap();
    let mut batches = loader.epoch(1);
    let state = loop {
        batches.next().unwrap().unwrap();
        match batches.state() {
            state if state.mark.window == 2 && state.mark.item > 0 => break state,
            _ => {}
        }
    };
    loader.resume(&state).unwrap();
    builder.clone().resume(state).build().unwrap();
    assert_eq!(*told.lock().unwrap(), []);
    // As it stands where a row of the window was erased: the window is packed otherwise.
    let mut other = state;
    other.mark.packed ^= 1;
    let left = [Notice::WindowLeft { epoch: 1, window: 2, positions: 128..192 }];
    assert_eq!(loader.resume(&other).unwrap().state().mark.window, 3);
    assert_eq!(std::mem::take(&mut *told.lock().unwrap()), left);
    assert_eq!(loader.plans_from(&other).unwrap().mark().item, 0);
    assert_eq!(std::mem::take(&mut *told.lock().unwrap()), left);
    builder.resume(other).build().unwrap();
    assert_eq!(*told.lock().unwrap(), left);
    assert!(left[0].to_string().contains("window 2 of epoch 1 (positions 128 to 191)"), "{}", left[0]);
}

#[test]
fn there_is_no_epoch_that_no_state_could_stand_in() {
    let plain = dataset().loader().shuffle(3).batch(4).on_notice(|_| {});
    let packed = plain.clone().pack(Packing::ByLength, TokenSource::Column("tokens".into())).window(64);
    for builder in [plain, packed] {
        let loader = builder.clone().build().unwrap();
        let last = loader.epoch(1 << 40).nth(3).unwrap().unwrap();
        assert_eq!((last.plan.epoch, last.plan.step), (1 << 40, 3));
        for epoch in [(1 << 40) + 1, 1 << 63, u64::MAX] {
            let refused: [surgdb::Error; 3] = [
                loader.steps(epoch).unwrap_err(),
                loader.epoch(epoch).next().unwrap().unwrap_err(),
                loader.plans(epoch).collect::<Result<Vec<_>>>().unwrap_err(),
            ];
            for error in refused {
                assert_eq!(error.kind(), ErrorKind::Invalid);
                assert!(error.message().contains(&format!("there is no epoch {epoch}")), "{error}");
            }
            let mut state = loader.start().state();
            state.mark.epoch = epoch;
            assert!(builder.clone().resume(state).build().is_err());
        }
    }
}

#[test]
fn a_state_that_was_changed_by_hand_or_by_a_disk_is_refused_as_text_too() {
    let state = dataset().loader().shuffle(1).batch(10).on_notice(|_| {}).build().unwrap().epoch(3).state();
    let text = serde_json::to_string(&state).unwrap();
    let changed = text.replace("\"epoch\":3", "\"epoch\":2");
    assert_ne!(text, changed);
    let error = serde_json::from_str::<State>(&changed).unwrap_err().to_string();
    assert!(error.contains("checksum does not match"), "{error}");
}

/// What [`the_current_folder_is_not_replaced_by_saved_groups`] does in a process of its own, whose folder is an empty one.
const IN_AN_EMPTY_FOLDER: &str = "SURGDB_SAVES_HERE";

#[test]
fn the_current_folder_is_not_replaced_by_saved_groups() {
    if std::env::var_os(IN_AN_EMPTY_FOLDER).is_some() {
        let loader = dataset().loader().batch(30).build().unwrap();
        for here in [".", "./", &std::env::current_dir().unwrap().to_string_lossy()] {
            let error = loader.save_groups(here).unwrap_err();
            assert!(error.message().contains("name a new one"), "{error}");
        }
        return loader.save_groups("new").unwrap();
    }
    let dir = tempfile::tempdir().unwrap();
    let status = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "saved::the_current_folder_is_not_replaced_by_saved_groups"])
        .env(IN_AN_EMPTY_FOLDER, "1")
        .current_dir(dir.path())
        .output()
        .unwrap();
    assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stdout));
    assert!(dir.path().join("new/groups.json").exists());
}

/// What a release has saved is taken by all that follow, as long as the golden datasets stay.
#[test]
fn states_of_runs_on_the_golden_dataset_stay_what_they_are() {
    let dataset = Dataset::open(concat!(env!("CARGO_MANIFEST_DIR"), "/spec/vectors/train.surgdb")).unwrap();
    let tokens = || TokenSource::Estimate(Estimate::default());
    let bins = Packing::Bins(Budget { tokens: 4096, pictures: None, overlong: Overlong::Alone });
    let plain = dataset.loader().shuffle(7).batch(1);
    let runs = [
        plain.clone(),
        dataset.loader().unshuffled(7).batch(2).remainder(Remainder::Pad),
        plain.clone().group("all", Filter::all(), 2).group("again", Filter::all(), 1),
        plain.clone().window(64).pack(bins, tokens()),
        plain.window(64).pack(Packing::ByLength, tokens()),
    ];
    let states = runs.map(|run| {
        let mut batches = run.build().unwrap().epoch(3);
        batches.next().unwrap().unwrap();
        serde_json::to_string(&batches.state()).unwrap()
    });
    let expected = [
        (
            "0119a53e622f63ad-23004710e7fd3297-e08c71b4f6f13728-7d2f8efdf597fd6b",
            r#""window":1,"item":0,"crc32":3282538327"#,
        ),
        (
            "0119a53e622f63ad-941da1f0986f67a5-e08c71b4f6f13728-b0a766241f2eb09b",
            r#""window":1,"item":0,"crc32":3558721181"#,
        ),
        (
            "2cba45e8c19538de-23004710e7fd3297-8374efa31efb1b87-7d2f8efdf597fd6b",
            r#""window":1,"item":0,"crc32":1239987740"#,
        ),
        (
            "0119a53e622f63ad-23004710e7fd3297-e08c71b4f6f13728-e2a5aa0436236118",
            r#""window":0,"item":1,"packed":345977690,"crc32":3814376539"#,
        ),
        (
            "0119a53e622f63ad-23004710e7fd3297-e08c71b4f6f13728-4c2f004f6a5a6f0f",
            r#""window":0,"item":1,"packed":3779098917,"crc32":2212179951"#,
        ),
    ];
    let expected = expected.map(|(fingerprint, mark)| {
        format!(r#"{{"version":8,"fingerprint":"{fingerprint}","epoch":3,"step":1,{mark}}}"#)
    });
    assert_eq!(states, expected);
}
