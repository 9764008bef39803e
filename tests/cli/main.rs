//! The `surgdb` command: what it prints where, and how it ends.

mod attach;
mod columns;
mod copying;
mod erased;
mod exporting;
mod fixture;
mod maps;
mod report;
mod subset;
mod terminal;
mod versions;

use fixture::{Fixture, fails, json, stderr, stdout, surgdb};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use surgdb::rows::FrameRow;
use surgdb::{Dataset, Operation, Table};

#[test]
fn info_has_the_counts_under_tables() {
    let fixture = Fixture::new();
    let info = fixture.json("info", &[]);
    assert_eq!(info["tables"]["conversations"], 3);
    assert_eq!(info["tables"]["frames"], 2);
    assert_eq!(info["tables"]["blobs"], 1);
    assert_eq!(info["version"], 2);
    assert_eq!(info["sources"][0]["licence"], "CC0-1.0");
    assert_eq!(info["operation"]["kind"], "append");
    assert!(info["bytes"]["disk"].as_u64().unwrap() >= info["bytes"]["version"].as_u64().unwrap());

    let text = stdout(&fixture.run("info", &[]));
    assert!(text.contains("conversations  3"), "{text}");
    assert!(!text.contains('\x1b'), "colours belong on a terminal: {text:?}");
}

#[test]
fn an_older_version_is_shown_as_it_was() {
    let fixture = Fixture::new();
    assert_eq!(fixture.json("info", &["--version", "1"])["tables"]["conversations"], 0);
    let text = fails(&fixture.run("info", &["--version", "9"]));
    assert!(text.contains('9'), "{text}");
}

#[test]
fn stats_counts_what_is_there_and_what_is_missing() {
    let stats = Fixture::new().json("stats", &[]);
    assert_eq!(stats["conversations"]["task"]["image captioning"], 2);
    assert_eq!(stats["conversations"]["source"]["mine"], 3);
    assert_eq!(stats["turns"]["total"], 6);
    assert_eq!(stats["reasoning_nodes"]["total"], 6);
    assert_eq!(stats["reasoning_depth"]["most"], 2);
    assert_eq!(stats["frames"]["kinds"]["rgb"], 2);
    assert_eq!(stats["frames"]["missing"], 1);
    assert_eq!(stats["with_alternatives"], 3);
}

#[test]
fn show_prints_turns_media_tree_and_endings() {
    let fixture = Fixture::new();
    let text = stdout(&fixture.run("show", &["0"]));
    for part in ["q0", "user", "Which phase?", "VID01/000001.png 854x480 410", "It holds the fundus.", "rejected"] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    assert!(!text.contains("<image>"), "{text}");
    assert!(stdout(&fixture.run("show", &["1"])).contains("MISSING"));
}

#[test]
fn show_prints_calls_of_tools() {
    let fixture = Fixture::new();
    let call = r#"{"id":"call","messages":[{"role":"user","content":"Q"},{"role":"assistant","content":null,"tool_calls":[{"id":"7","function":{"name":"measure"}}]},{"role":"tool","tool_call_id":"7","content":"3 mm"}]}"#;
    let file = fixture.path("call.jsonl");
    std::fs::write(&file, call).unwrap();
    stdout(&fixture.run("import", &[file.to_str().unwrap(), "--source", "tools"]));
    let text = stdout(&fixture.run("show", &["--id", "call"]));
    assert!(text.contains("measure") && text.contains("tool_call_id \"7\"") && !text.contains('~'), "{text}");
}

#[test]
fn show_finds_a_sample_by_number_id_and_address() {
    let fixture = Fixture::new();
    let by_id = fixture.json("show", &["--id", "q2"]);
    assert_eq!(by_id["id"], "q2");
    assert_eq!(by_id["turns"][1]["text"], "Preparation.");
    assert_eq!(by_id["reasoning"][1]["parent"], 0);
    assert_eq!(by_id["media"][0]["refs"][0]["bytes"], fixture::picture().len());
    assert_eq!(fixture.json("show", &["2"]), by_id);
    assert_eq!(fixture.json("show", &[by_id["address"].as_str().unwrap()]), by_id);
    assert_eq!(fixture.json("show", &["--random", "2", "--seed", "7"]).as_array().unwrap().len(), 2);
    assert!(fails(&fixture.run("show", &["--id", "nobody"])).contains("nobody"));
    assert!(fails(&fixture.run("show", &["3"])).contains("3 rows"));
    assert!(fails(&fixture.run("show", &["q2"])).contains("--id"));
}

#[test]
fn show_writes_pictures_out_and_overwrites_none() {
    let fixture = Fixture::new();
    let picture = fixture.path("picture.png");
    let args = ["0", "--frame", picture.to_str().unwrap()];
    stdout(&fixture.run("show", &args));
    assert_eq!(std::fs::read(&picture).unwrap(), fixture::picture());
    let again = fixture.run("show", &args);
    assert_eq!(again.status.code(), Some(2));
    assert!(stderr(&again).contains("picture.png"));
}

#[test]
fn versions_lists_the_history() {
    let fixture = Fixture::new();
    let versions = fixture.json("versions", &[]);
    assert_eq!(versions["newest"], 2);
    assert_eq!(versions["versions"][0]["operation"]["kind"], "create");
    assert_eq!(versions["versions"][1]["rows"]["conversations"], 3);
    assert_eq!(stdout(&fixture.run("versions", &[])).lines().count(), 2);
}

#[test]
fn delete_asks_and_then_deletes_in_a_new_version() {
    let fixture = Fixture::new();
    assert!(fails(&fixture.run("delete", &["q1"])).contains("--yes"));
    let deleted = fixture.json("delete", &["q1", "--yes"]);
    assert_eq!(deleted["deleted"]["conversations"], 1);
    assert_eq!(fixture.json("info", &[])["tables"]["conversations"], 2);
    assert_eq!(fixture.json("info", &["--version", "2"])["tables"]["conversations"], 3);

    let frame = "VID01/000001.png";
    let text = fails(&fixture.run("delete", &[frame, "--table", "frames", "--yes"]));
    assert!(text.contains("refer"), "{text}");
    let deleted = fixture.json("delete", &[frame, "--table", "frames", "--yes", "--cascade"]);
    assert_eq!(deleted["deleted"], serde_json::json!({ "blobs": 1, "conversations": 2, "frames": 1 }));
    assert_eq!(deleted["still_shown"]["pictures"], 0);
}

#[test]
fn delete_tells_what_other_rows_still_show() {
    let fixture = Fixture::new();
    let dataset = Dataset::open(fixture.dataset()).unwrap();
    let frame = dataset.find(Table::Frames, "VID01/000001.png").unwrap().unwrap();
    let row = dataset.frame(frame).unwrap().to_row().unwrap();
    let mut appender = dataset.append().unwrap();
    appender.frame(&FrameRow { id: "web/pic.png".into(), source: "web".into(), record: None, ..row }).unwrap();
    appender.commit(Operation::new("append")).unwrap();
    let said = stdout(&fixture.run("delete", &["VID01/000001.png", "--table", "frames", "--cascade", "--yes"]));
    assert!(said.ends_with("\n1 picture stays, since another row shows it: web/pic.png (source web)\n"), "{said}");
}

#[test]
fn compact_joins_files_and_empties_what_was_deleted() {
    let fixture = Fixture::new();
    let nothing = fixture.json("compact", &[]);
    assert_eq!((&nothing["version"], &nothing["emptied"]), (&Value::Null, &0.into()));
    assert!(stdout(&fixture.run("compact", &[])).starts_with("nothing to do"));
    stdout(&fixture.run("delete", &["q1", "--yes"]));
    let compacted = fixture.json("compact", &[]);
    let files = serde_json::json!({ "before": 1, "after": 1 });
    assert_eq!((&compacted["version"], &compacted["files"], &compacted["emptied"]), (&4.into(), &files, &1.into()));
    stdout(&fixture.run("delete", &["q2", "--yes"]));
    let said = stdout(&fixture.run("compact", &[]));
    assert_eq!(said, "version 6: 1 file in place of 1; emptied 1 deleted row\n");
    assert_eq!(fixture.json("info", &[])["tables"]["conversations"], 1);
}

#[test]
fn vacuum_says_what_a_killed_writer_left() {
    let fixture = Fixture::new();
    assert_eq!(stdout(&fixture.run("vacuum", &[])), "nothing was left behind\n");
    std::fs::write(fixture.dataset().join("claims/000077"), "0".repeat(32)).unwrap();
    std::fs::write(fixture.dataset().join("frames/000077.arrow"), "cut off").unwrap();
    let said = stdout(&fixture.run("vacuum", &[]));
    assert!(said.starts_with("nothing was removed\na writer may be at work (1 claim)"), "{said}");
    let now = ["--older-than", "1m"];
    let silent = std::fs::File::options().append(true).open(fixture.dataset().join("claims/000077")).unwrap();
    silent.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(120)).unwrap();
    let said = stdout(&fixture.run("vacuum", &[&now[..], &["--dry-run"]].concat()));
    assert_eq!(said, "  frames/000077.arrow  7 B\nwould remove 1 file (7 B) and 1 claim\n");
    let gone = fixture.json("vacuum", &now);
    assert_eq!(
        (&gone["files"], &gone["claims"]),
        (&serde_json::json!({ "frames/000077.arrow": 7 }), &serde_json::json!([77]))
    );
    assert!(!fixture.dataset().join("frames/000077.arrow").exists());
    assert!(stderr(&fixture.run("vacuum", &["--older-than", "59s"])).contains("at least 60s"));
    for wrong in ["10", "1w", "h", "1.5h", ""] {
        assert!(stderr(&fixture.run("vacuum", &["--older-than", wrong])).contains("as in 10m"), "{wrong}");
    }
}

#[test]
fn what_grows_beyond_the_limit_of_files_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let (records, dataset) = (dir.path().join("r.jsonl"), dir.path().join("new.surgdb"));
    let turns = serde_json::json!([{ "from": "human", "value": "x".repeat(1 << 20) }]);
    let record = serde_json::json!({ "id": "a", "conversations": turns }).to_string();
    std::fs::write(&records, record).unwrap();
    let surgdb = env!("CARGO_BIN_EXE_surgdb");
    let command =
        format!("ulimit -f 100; exec {surgdb} import {} {} --source mine", dataset.display(), records.display());
    let output = Command::new("sh").args(["-c", &command]).stdin(Stdio::null()).output().unwrap();
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("cannot write") && said.contains("new.surgdb"), "{said}");
    assert!(!dataset.exists(), "what was made for it is removed again");
}

#[test]
fn delete_refuses_what_is_one_rows_id_and_anothers_address() {
    let fixture = Fixture::new();
    let first = fixture.json("show", &["0"])["address"].as_str().unwrap().to_owned();
    let dataset = Dataset::open(fixture.dataset()).unwrap();
    let frame = dataset.find(Table::Frames, "VID01/000001.png").unwrap().unwrap();
    let mut row = fixture::conversation(3, frame);
    row.id = first.clone();
    let mut appender = dataset.append().unwrap();
    let (named, _) = appender.conversation(&row).unwrap();
    appender.commit(Operation::new("append")).unwrap();

    let said = fails(&fixture.run("delete", &[&first, "--yes"]));
    assert!(said.contains(&named.to_string()) && said.contains(&format!("--id {first}")), "{said}");
    let deleted = fixture.json("delete", &["--id", &first, "--yes"]);
    assert_eq!(deleted["deleted"], serde_json::json!({ "conversations": 1 }));
    assert_eq!(fixture.json("show", &["0"])["id"], "q0");
    assert!(fails(&fixture.run("delete", &["--id", &first, "--yes"])).contains("has the id"));
    stdout(&fixture.run("delete", &[&first, "--yes"]));
    assert_eq!(fixture.json("show", &["0"])["id"], "q1");
}

#[test]
fn create_makes_an_empty_dataset_once() {
    let fixture = Fixture::new();
    let path = fixture.path("new.surgdb");
    let path = path.to_str().unwrap();
    assert_eq!(json(&surgdb(&["create", path, "--json"]))["version"], 1);
    fails(&surgdb(&["create", path]));
}

#[test]
fn what_is_no_dataset_is_said_so() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("nothing");
    for command in ["info", "stats", "show", "versions"] {
        let text = fails(&surgdb(&[command, path.to_str().unwrap()]));
        assert!(text.contains("nothing"), "{text}");
    }
}

#[test]
fn wrong_arguments_end_with_2_and_help_with_0() {
    assert_eq!(surgdb(&["frobnicate"]).status.code(), Some(2));
    assert_eq!(surgdb::<&str>(&[]).status.code(), Some(2));
    let help = stdout(&surgdb(&["show", "--help"]));
    assert!(help.contains("Examples:"), "{help}");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let fixture = Fixture::new();
    let mut child = Command::new(env!("CARGO_BIN_EXE_surgdb"))
        .args(["show", fixture.dataset().to_str().unwrap(), "--random", "3"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()));
}

#[test]
fn the_demos_folder_is_not_taken_from_anybody() {
    let dir = tempfile::tempdir().unwrap();
    let other = dir.path().join("mine");
    std::fs::create_dir(&other).unwrap();
    std::fs::write(other.join("thesis.tex"), "").unwrap();
    assert!(fails_with_exists(&other, &[]));
    assert!(fails_with_exists(&other, &["--force"]));
    assert!(Path::new(&other).join("thesis.tex").exists());
}

fn fails_with_exists(folder: &Path, more: &[&str]) -> bool {
    let args: Vec<&str> = ["demo", folder.to_str().unwrap()].into_iter().chain(more.iter().copied()).collect();
    fails(&surgdb(&args)).contains("not empty")
}

/// Writes a source of three records, of which the second names a picture that is not there.
fn source(folder: &Path) -> PathBuf {
    let png = [137, 80, 78, 71, 13, 10, 26, 10, 0, 0, 0, 13, 73, 72, 68, 82, 0, 0, 0, 2, 0, 0, 0, 3, 8, 0, 0, 0, 0];
    std::fs::create_dir_all(folder.join("VID01")).unwrap();
    std::fs::write(folder.join("VID01/000001.png"), png).unwrap();
    let record = |id: &str, picture: &str| {
        serde_json::json!({ "id": id, "images": [picture], "conversations": [
            { "from": "human", "value": "<image>\nWhich phase?" },
            { "from": "gpt", "value": "<think>\nLevel 1: A hook.\n  - On the right.\n</think>\n<answer>Dissection.</answer>" },
        ] })
    };
    let records = [record("a", "VID01/000001.png"), record("b", "VID01/000002.png"), record("c", "VID01/000001.png")];
    let path = folder.join("records.jsonl");
    let lines: Vec<String> = records.iter().map(Value::to_string).collect();
    std::fs::write(&path, lines.join("\n")).unwrap();
    path
}

#[test]
fn import_makes_a_dataset_says_so_first_and_says_last_what_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let (records, dataset) = (source(dir.path()), dir.path().join("new.surgdb"));
    let args = ["import", dataset.to_str().unwrap(), records.to_str().unwrap(), "--source", "mine"];

    let refused = surgdb(&[&args[..], &["--existing"]].concat());
    assert!(fails(&refused).contains("--existing"));
    let dry = json(&surgdb(&[&args[..], &["--dry-run", "--json"]].concat()));
    assert_eq!((&dry["records"]["added"], &dry["version"]), (&3.into(), &Value::Null));
    assert!(!dataset.exists(), "a dry run writes nothing");

    let text = stdout(&surgdb(&args));
    assert!(text.lines().next().unwrap().starts_with("made "), "{text}");
    assert!(text.lines().last().unwrap().contains("MISSING"), "{text}");

    let again = json(&surgdb(&[&args[..], &["--json"]].concat()));
    assert_eq!((&again["records"]["unchanged"], &again["version"]), (&3.into(), &Value::Null));
    let info = json(&surgdb(&["info", dataset.to_str().unwrap(), "--json"]));
    assert_eq!((&info["tables"]["conversations"], &info["version"]), (&3.into(), &2.into()));
}

#[test]
fn import_stops_at_a_bad_record_and_adds_nothing_or_skips_it_and_ends_with_1() {
    let dir = tempfile::tempdir().unwrap();
    let (records, dataset) = (source(dir.path()), dir.path().join("new.surgdb"));
    let bad = std::fs::read_to_string(&records).unwrap() + "\n{\"id\": \"d\", \"conversations\": 7}\n";
    std::fs::write(&records, bad).unwrap();
    let args = ["import", dataset.to_str().unwrap(), records.to_str().unwrap(), "--source", "mine"];
    let stopped = surgdb(&args);
    assert_eq!(stopped.status.code(), Some(2));
    assert!(stderr(&stopped).contains("record 4"), "{}", stderr(&stopped));
    assert!(stderr(&stopped).contains("new.surgdb was removed again"), "{}", stderr(&stopped));
    assert!(!dataset.exists());
    // A folder that was there stays, and so does a dataset.
    std::fs::create_dir(&dataset).unwrap();
    assert!(stderr(&surgdb(&args)).contains("was removed again"));
    assert_eq!(std::fs::read_dir(&dataset).unwrap().count(), 0);
    Dataset::create(&dataset).unwrap();
    assert!(!stderr(&surgdb(&args)).contains("removed"));
    assert_eq!(Dataset::open(&dataset).unwrap().version(), 1);

    let skipped = surgdb(&[&args[..], &["--on-error", "skip", "--json"]].concat());
    assert_eq!(skipped.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&skipped.stdout).unwrap();
    assert_eq!((&report["records"]["read"], &report["records"]["added"]), (&4.into(), &3.into()));
}

#[test]
fn import_tells_what_it_skips_and_what_changes_and_makes_no_dataset_of_a_wrong_name() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = dir.path().join("new.surgdb");
    let place = dataset.to_str().unwrap();
    let nothing = surgdb(&["import", place, dir.path().join("nothere.json").to_str().unwrap(), "--source", "mine"]);
    assert!(fails(&nothing).contains("nothere.json"));
    assert!(!dataset.exists());

    let file = dir.path().join("x.jsonl");
    let bad = "{\"id\": \"d\", \"conversations\": 7}\n";
    std::fs::write(&file, format!("{{\"id\":1,\"prompt\":\"q\",\"solution\":42}}\n{bad}")).unwrap();
    let args = ["import", place, file.to_str().unwrap(), "--source", "mine", "--on-error", "skip", "--licence"];
    let first = surgdb(&[&args[..], &["CC-BY-NC-4.0"]].concat());
    let text = String::from_utf8(first.stdout).unwrap();
    assert!(
        text.contains("skipped: x.jsonl, record 2, id \"d\", line 2: ") && text.contains("1 conversation\n"),
        "{text}"
    );
    let report = text.lines().find_map(|line| line.strip_prefix("the report is ")).unwrap();
    assert!(std::fs::read_to_string(report).unwrap().contains("\"id\": \"d\""));

    let again = surgdb(&[&args[..], &["CC-BY-NC-4.0"]].concat());
    assert!(stderr(&again).contains("skipped: x.jsonl, record 2, id \"d\", line 2: "), "{}", stderr(&again));
    let refused = fails(&surgdb(&[&args[..], &["CC-BY-4.0"]].concat()));
    assert!(refused.contains("--relicense") && refused.contains("CC-BY-NC-4.0"), "{refused}");
    let changed = surgdb(&[&args[..], &["CC-BY-4.0", "--relicense"]].concat());
    let text = String::from_utf8(changed.stdout).unwrap();
    assert!(text.contains("licence: CC-BY-NC-4.0 → CC-BY-4.0"), "{text}");

    let out = dir.path().join("out");
    stdout(&surgdb(&["export", place, out.to_str().unwrap(), "--format", "messages"]));
    let written: String = std::fs::read_dir(&out)
        .map(|files| files.flatten().filter_map(|file| std::fs::read_to_string(file.path()).ok()).collect())
        .unwrap_or_else(|_| std::fs::read_to_string(&out).unwrap());
    assert!(written.contains("\"solution\":42") && !written.contains("\"42\""), "{written}");
}

#[test]
fn a_source_is_described_by_options_and_by_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let (records, dataset) = (source(dir.path()), dir.path().join("new.surgdb"));
    let toml = dir.path().join("source.toml");
    std::fs::write(&toml, "id = \"theirs\"\nlicence = \"CC0-1.0\"\n[defaults]\ntask = \"step recognition\"\n").unwrap();
    let place = dataset.to_str().unwrap();
    stdout(&surgdb(&[
        "import",
        place,
        records.to_str().unwrap(),
        "--source-file",
        toml.to_str().unwrap(),
        "--frame-pattern",
        "VID{video}/{index}.png",
        "--patient-from",
        "video",
        "--procedure",
        "cholecystectomy",
    ]));
    let info = json(&surgdb(&["info", place, "--json"]));
    assert_eq!((&info["sources"][0]["id"], &info["sources"][0]["licence"]), (&"theirs".into(), &"CC0-1.0".into()));
    let sample = json(&surgdb(&["show", place, "0", "--json"]));
    assert_eq!((&sample["task"], &sample["procedure"]), (&"step recognition".into(), &"cholecystectomy".into()));
    assert!(sample["patient"].is_string(), "{sample}");
    assert_eq!(sample["reasoning"][1]["level"], 1);

    let wrong = surgdb(&["import", place, records.to_str().unwrap(), "--source", "x", "--boxes", "polar"]);
    assert!(fails(&wrong).contains("polar") && stderr(&wrong).contains("--boxes"));
    let wrong = surgdb(&["import", place, records.to_str().unwrap(), "--source", "x", "--kind", "closed"]);
    assert!(fails(&wrong).contains("closed") && stderr(&wrong).contains("--kind"));
}

#[test]
fn verify_ends_with_1_and_lists_each_fault_where_something_is_wrong() {
    let fixture = Fixture::new();
    let sound = fixture.json("verify", &[]);
    // The fixture's picture is no picture, so only faults of that kind may be there.
    let before = sound_faults(&sound);
    let folder = fixture.dataset().join("conversations");
    let file = std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    std::fs::write(&file, bytes).unwrap();

    let damaged = fixture.run("verify", &["--json"]);
    assert_eq!(damaged.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&damaged.stdout).unwrap();
    assert_eq!(report["sound"], false);
    assert!(sound_faults(&report) > before);
    let text = fixture.run("verify", &[]);
    assert_eq!(text.status.code(), Some(1));
    assert!(String::from_utf8(text.stdout).unwrap().contains("fault:"));
}

#[test]
fn a_damaged_newest_manifest_keeps_verify_from_nothing_else() {
    let fixture = Fixture::new();
    stdout(&fixture.run("delete", &["q1", "--yes"]));
    let newest = Dataset::open(fixture.dataset()).unwrap().version();
    let before = sound_faults(&fixture.json("verify", &["--version", &(newest - 1).to_string()]));
    std::fs::write(fixture.dataset().join(format!("versions/{newest:010}.json")), "junk").unwrap();
    let folder = fixture.dataset().join("blobs");
    std::fs::remove_file(std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path()).unwrap();
    let damaged = fixture.run("verify", &["--json"]);
    assert_eq!(damaged.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&damaged.stdout).unwrap();
    let faults = report["faults"].to_string();
    assert!(sound_faults(&report) > before + 1, "{report}");
    assert!(faults.contains(&format!("{newest:010}.json")) && faults.contains("blobs/"), "{report}");
    assert!(report["notes"].to_string().contains(&format!("version {} is the newest", newest - 1)), "{report}");
    assert_eq!(fixture.run("verify", &["--version", &newest.to_string()]).status.code(), Some(2));
}

fn sound_faults(report: &Value) -> usize {
    report["faults"].as_array().unwrap().len()
}

#[test]
fn the_demo_goes_the_whole_way_and_can_be_repeated() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("demo");
    let args = ["demo", folder.to_str().unwrap(), "--samples", "60"];
    let demo = surgdb(&args);
    let text = stdout(&demo);
    for part in ["60 read = 60 added", "nothing wrong", "Level 3", "samples/s"] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    assert!(stderr(&demo).contains("$ surgdb import"));
    assert!(fails(&surgdb(&args)).contains("--force"));
    stdout(&surgdb(&[&args[..], &["--force"]].concat()));

    let stats = json(&surgdb(&["stats", folder.join("demo.surgdb").to_str().unwrap(), "--json"]));
    assert_eq!(stats["frames"]["missing"], 0);
    assert!(stats["outputs"].as_u64().unwrap() > 0);
    for kind in ["rgb", "mask", "depth"] {
        assert!(stats["frames"]["kinds"][kind].as_u64().unwrap() > 0, "{kind}: {stats}");
    }
}

#[test]
fn what_is_exported_can_be_imported_again() {
    let fixture = Fixture::new();
    for form in ["jsonl-llava", "jsonl-messages"] {
        let (out, again) = (fixture.path(form), fixture.path(&format!("{form}.surgdb")));
        let report = fixture.json("export", &[out.to_str().unwrap(), "--format", form]);
        assert_eq!((&report["rows"]["conversations"], &report["missing"]), (&3.into(), &1.into()), "{report}");
        stdout(&surgdb(&["import", again.to_str().unwrap(), out.to_str().unwrap(), "--source", "mine"]));
        let show = |dataset: &Path| json(&surgdb(&["show", dataset.to_str().unwrap(), "--id", "q0", "--json"]));
        let (before, after) = (show(&fixture.dataset()), show(&again));
        for part in ["task", "turns"] {
            assert_eq!(before[part], after[part], "{form}: {part}");
        }
        assert!(fails(&fixture.run("export", &[out.to_str().unwrap()])).contains(form), "the folder is not empty");
        let said = stdout(&fixture.run("export", &[out.to_str().unwrap(), "--format", form, "--overwrite"]));
        let line =
            said.lines().last().unwrap().strip_prefix("import it again with: surgdb import NEW.surgdb ").unwrap();
        let once_more = fixture.path(&format!("{form}-2.surgdb"));
        let words = ["import", once_more.to_str().unwrap()].into_iter().chain(line.split(' '));
        stdout(&surgdb(&words.collect::<Vec<_>>()));
        assert_eq!(show(&once_more)["turns"], before["turns"]);
    }
}

#[test]
fn export_takes_a_choice_of_samples_and_writes_parquet() {
    let fixture = Fixture::new();
    let out = fixture.path("parquet");
    let args = [out.to_str().unwrap(), "--format", "parquet", "--task", "phase recognition"];
    let report = fixture.json("export", &args);
    assert_eq!(report["rows"]["conversations"], 1, "{report}");
    assert!(walk(&out).iter().any(|path| path.extension().is_some_and(|ending| ending == "parquet")));
    let none = fixture.run("export", &[fixture.path("none").to_str().unwrap(), "--task", "cooking"]);
    assert!(fails(&none).contains(r#"`task in ("cooking")` holds for none"#));
    assert_eq!(fixture.run("export", &["x", "--format", "papyrus"]).status.code(), Some(2));
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}
