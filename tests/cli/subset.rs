//! `--where`, `--split`, `--licence` and saved selections, wherever a subset is meant.

use crate::fixture::{Fixture, conversation, fails, json, stderr, stdout, surgdb};
use serde_json::json as value;
use surgdb::format::manifest::Source;
use surgdb::{Dataset, Operation, Table};

/// The fixture with one more sample, of a source that may not be used commercially, and with a split.
fn fixture() -> Fixture {
    let fixture = Fixture::new();
    let dataset = Dataset::open(fixture.dataset()).unwrap();
    let frame = dataset.find(Table::Frames, "VID01/000001.png").unwrap().unwrap();
    let mut appender = dataset.append().unwrap();
    appender.source(Source { id: "web".into(), licence: Some("CC BY-NC 4.0".into()), ..Source::default() });
    let mut more = conversation(3, frame);
    more.source = "web".into();
    appender.conversation(&more).unwrap();
    appender.commit(Operation::new("append")).unwrap();
    let file = fixture.path("split.csv");
    std::fs::write(&file, "id,split,fold\nq0,train,1\nq1,test,1\nq2,train,2\nq3,train,2\n").unwrap();
    stdout(&fixture.run("column add", &["conversations", file.to_str().unwrap(), "--type", "split=dict"]));
    fixture
}

#[test]
fn select_counts_saves_and_checks_what_was_saved() {
    let fixture = fixture();
    let file = fixture.path("train.arrow");
    let file = file.to_str().unwrap();
    let args = ["--split", "train", "--licence", "commercial-ok", "--save", file];
    let selected = fixture.json("select", &args);
    assert_eq!((&selected["rows"], &selected["of"]), (&value!(2), &value!(4)));
    assert_eq!(selected["source"], value!({ "mine": 2 }));
    assert_eq!(selected["task"], value!({ "phase recognition": 1, "image captioning": 1 }));
    assert!(fails(&fixture.run("select", &args)).contains("train.arrow"), "a file is not overwritten");

    let checked = fixture.json("select", &["--load", file]);
    assert_eq!((&checked["live"], &checked["gone"]), (&value!(2), &value!([])));
    stdout(&fixture.run("delete", &["q2", "--yes"]));
    let output = fixture.run("select", &["--load", file]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("live       1 in version 5") && text.contains("gone       1: "), "{text}");

    let again = fixture.run("select", &["--selection", file, "--where", "fold = 1", "--json"]);
    assert!(stderr(&again).contains("1 row of"), "{}", stderr(&again));
    assert_eq!(json(&again)["rows"], 1);
    assert!(fails(&fixture.run("select", &["--selection", file, "--table", "frames"])).contains("conversations"));
}

#[test]
fn a_selection_of_another_dataset_is_refused() {
    let (one, other) = (fixture(), Fixture::new());
    let file = one.path("all.arrow");
    stdout(&one.run("select", &["--save", file.to_str().unwrap()]));
    for option in ["--load", "--selection"] {
        assert!(
            fails(&other.run("select", &[option, file.to_str().unwrap()])).contains("another dataset")
                || fails(&other.run("select", &[option, file.to_str().unwrap()])).contains("was made from the dataset")
        );
    }
}

#[test]
fn other_tables_are_selected_from_too() {
    let selected = fixture().json("select", &["--table", "frames", "--where", "has blob"]);
    assert_eq!((&selected["rows"], &selected["of"], &selected["task"]), (&value!(1), &value!(2), &value!(null)));
}

#[test]
fn show_takes_its_samples_from_a_subset() {
    let fixture = fixture();
    let ids = |args: &[&str]| -> Vec<String> {
        let shown = fixture.json("show", args);
        shown.as_array().unwrap().iter().map(|sample| sample["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(&["--first", "2"]), ["q0", "q1"]);
    assert_eq!(ids(&["--first", "2", "--split", "train"]), ["q0", "q2"]);
    assert_eq!(ids(&["--first", "9", "--where", "fold = 2"]), ["q2", "q3"]);
    assert_eq!(ids(&["--random", "9", "--licence", "commercial-ok"]), ["q0", "q1", "q2"]);
    assert_eq!(fixture.json("show", &["1", "--split", "train"])["id"], "q2");
    assert_eq!(fixture.json("show", &["--split", "fold=2"])["id"], "q2");
    assert_eq!(stderr(&fixture.run("show", &["--split", "train"])), "3 samples match: this is the first\n");
    assert_eq!(stderr(&fixture.run("show", &["0", "--split", "train"])), "");
    assert!(fails(&fixture.run("show", &["3", "--split", "train"])).contains("3 samples"));
    assert!(fails(&fixture.run("show", &["--id", "q1", "--split", "train"])).contains("does not match"));
}

#[test]
fn stats_counts_a_subset_and_what_it_shows() {
    let fixture = fixture();
    let stats = fixture.json("stats", &["--split", "test"]);
    assert_eq!((&stats["turns"]["total"], &stats["frames"]["missing"]), (&value!(2), &value!(1)));
    assert_eq!(stats["frames"]["kinds"]["rgb"], 1);
    assert_eq!(fixture.json("stats", &[])["frames"]["kinds"]["rgb"], 2);
}

#[test]
fn export_takes_a_subset_and_carries_its_licences_alone() {
    let fixture = fixture();
    let out = fixture.path("out");
    let report = fixture.json("export", &[out.to_str().unwrap(), "--split", "train", "--licence", "commercial-ok"]);
    assert_eq!(report["rows"]["conversations"], 2);
    let lost = &report["lost"];
    assert!(lost.get("the added column `split` of conversations").is_none(), "{lost}");
    let written = std::fs::read_to_string(out.join("conversations.jsonl")).unwrap();
    assert_eq!(written.matches(r#""split":"train""#).count(), 2, "{written}");
    assert_eq!(lost["the added column `fold` of conversations"], 2, "{lost}");
    assert_eq!(report["sources"], value!([{ "id": "mine", "licence": "CC0-1.0", "file": "sources/mine.toml" }]));
    let sources: Vec<_> = std::fs::read_dir(out.join("sources")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(sources.len(), 1);
    assert!(std::fs::read_to_string(&sources[0]).unwrap().contains("CC0-1.0"));
    let none = fixture.run("export", &[fixture.path("none").to_str().unwrap(), "--where", "task = cooking"]);
    assert!(fails(&none).contains("cooking"));
}

#[test]
fn export_says_what_left_nothing() {
    let fixture = fixture();
    let out = fixture.path("none");
    let said = |args: &[&str]| fails(&fixture.run("export", &[&[out.to_str().unwrap()], args].concat()));
    let refused = said(&["--licence", "commercial-ok", "--source", "web"]);
    for part in ["allows commercial-ok` holds for 3", r#"`source in ("web")` holds for 1"#, "web is under CC BY-NC 4.0"]
    {
        assert!(refused.contains(part), "{part:?} is not in {refused}");
    }
    let refused = said(&["--split", "val"]);
    assert!(refused.contains(r#"`split = "val"` holds for none"#) && !refused.contains("licence"), "{refused}");
    let saved = fixture.path("empty.arrow");
    stdout(&fixture.run("select", &["--split", "val", "--save", saved.to_str().unwrap()]));
    assert!(said(&["--selection", saved.to_str().unwrap()]).contains("empty.arrow has 0 rows"));
    assert!(!out.exists());
}

#[test]
fn delete_takes_a_subset() {
    let fixture = fixture();
    let deleted = fixture.json("delete", &["--where", "fold = 2", "--yes"]);
    assert_eq!(deleted["deleted"], value!({ "conversations": 2 }));
    assert!(fails(&fixture.run("delete", &["--where", "fold = 2", "--yes"])).contains("nothing was deleted"));
    assert!(fails(&fixture.run("delete", &["q0", "--where", "fold = 7", "--yes"])).contains("nothing was deleted"));
    assert_eq!(fixture.run("delete", &["--yes"]).status.code(), Some(2), "all rows are never meant by saying nothing");
}

#[test]
fn a_condition_that_is_none_is_refused_with_the_place() {
    let fixture = Fixture::new();
    for args in [&["--where", "task = "][..], &["--licence", "free"], &["--split", "=x"]] {
        let output = fixture.run("select", args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(!stderr(&output).is_empty());
    }
    assert!(stderr(&fixture.run("select", &["--where", "task = "])).contains("at its end"));
    assert!(fails(&fixture.run("select", &["--where", "colour = red"])).contains("colour"));
    assert_eq!(surgdb(&["select"]).status.code(), Some(2));
}

#[test]
fn stats_counts_by_split_and_by_what_else_was_added() {
    let fixture = fixture();
    let file = fixture.path("kinds.csv");
    std::fs::write(&file, "id,difficulty\nq0,hard\nq1,easy\nq2,hard\nq3,hard\n").unwrap();
    stdout(&fixture.run("column add", &["conversations", file.to_str().unwrap(), "--type", "difficulty=dict"]));
    let stats = fixture.json("stats", &[]);
    assert_eq!(stats["conversations"]["split"], value!({ "train": 3, "test": 1 }));
    assert_eq!(stats["groups"]["difficulty"]["hard"]["turns"], 6);
    assert_eq!(stats["groups"]["split"]["test"]["missing"], 1);
    let text = stdout(&fixture.run("stats", &[]));
    assert!(text.contains("split") && text.contains("difficulty") && text.contains("bytes of this version"), "{text}");
    assert!(!text.contains("specialty"), "nothing is said of it: {text}");
}

#[test]
fn an_empty_condition_is_refused_and_does_not_mean_all_rows() {
    let fixture = fixture();
    let out = fixture.path("out");
    let commands: [(&str, &[&str]); 4] = [
        ("delete", &["--yes"]),
        ("select", &[]),
        ("export", &[out.to_str().unwrap(), "--format", "llava"]),
        ("copy", &[out.to_str().unwrap()]),
    ];
    for (command, more) in commands {
        for empty in ["", "  ", "\t\n"] {
            let refused = fixture.run(command, &[more, &["--where", empty]].concat());
            assert_eq!(refused.status.code(), Some(2), "{command}: {}", stderr(&refused));
            assert!(stderr(&refused).contains("the condition is empty"), "{command}: {}", stderr(&refused));
        }
    }
    assert!(!out.exists());
    assert_eq!(fixture.json("select", &["--where", "all"])["rows"], 4);
}

#[test]
fn deletes_at_once_say_each_what_it_deleted() {
    let fixture = Fixture::new();
    let dataset = Dataset::open(fixture.dataset()).unwrap();
    let frame = dataset.find(Table::Frames, "VID01/000001.png").unwrap().unwrap();
    let mut appender = dataset.append().unwrap();
    for number in 3..15 {
        appender.conversation(&conversation(number, frame)).unwrap();
    }
    appender.commit(Operation::new("append")).unwrap();
    std::thread::scope(|scope| {
        for number in 0..15 {
            let fixture = &fixture;
            scope.spawn(move || {
                let deleted = fixture.json("delete", &[&format!("q{number}"), "--yes"]);
                assert_eq!(deleted["deleted"], value!({ "conversations": 1 }));
            });
        }
    });
    assert_eq!(fixture.json("info", &[])["tables"]["conversations"], 0);
}
