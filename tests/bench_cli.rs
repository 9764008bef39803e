//! `surgdb bench`: what it prints, what it leaves behind, and what it refuses. No test looks at how long anything took.

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use surgdb::dataset::BlobSource;
use surgdb::rows::{ConversationRow, FrameRow, MediumRow, TurnRow};
use surgdb::{Dataset, Operation};

fn bench(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_surgdb"));
    command.arg("bench").arg("--dir").arg(dir).args(args);
    command.stdin(Stdio::null()).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn stdout(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", stderr(output));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_str(&stdout(output)).unwrap()
}

/// Asserts that it could not run, and gives what it said.
fn fails(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(2), "{}", stderr(output));
    assert!(output.stdout.is_empty());
    stderr(output)
}

fn entries(dir: &Path) -> Vec<String> {
    let names = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    names.collect()
}

/// A folder on the disk that the project lies on: what is in memory alone has no device to read from.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

#[test]
fn a_small_run_measures_every_row_and_cleans_up() {
    let dir = folder();
    let output = bench(dir.path(), &["--scale", "200", "--frames", "50", "--rounds", "1", "--json"]);
    let found = json(&output);
    assert!(stderr(&output).contains(&dir.path().display().to_string()), "it names its folder: {}", stderr(&output));
    assert_eq!(entries(dir.path()), Vec::<String>::new());

    let setting = &found["setting"];
    assert!(setting["processors"].as_u64().unwrap() >= 1);
    for fact in ["kernel", "file_system", "read_ahead", "memory", "load_after", "debug_build"] {
        assert!(setting.get(fact).is_some(), "{fact}");
    }
    assert!(found["touched"].as_str().unwrap().contains("64 bytes"));

    let dataset = &found["datasets"][0];
    assert_eq!(dataset["name"], "200");
    assert_eq!(dataset["size"]["conversations"], 200);
    assert_eq!(dataset["size"]["frames"], 50);
    assert!(dataset["size"]["bytes"].as_u64().unwrap() > 50 * 48_000);
    let rows = &dataset["rows"];
    for (row, figure) in
        [("get", "surgdb"), ("get", "raw"), ("open", "surgdb"), ("open", "read_manifest"), ("find", "surgdb")]
    {
        assert!(rows[row][figure]["mean_ns"].as_f64().unwrap() > 0.0, "{row} {figure}");
        assert!(rows[row][figure]["p50_ns"].as_f64().unwrap() > 0.0, "{row} {figure}");
    }
    for figure in ["order_ns", "all_ns", "some_ns"] {
        assert!(rows["order"][figure].as_f64().unwrap() > 0.0, "{figure}");
    }
    for figure in ["build_ns", "resume_ns", "first_batch_ns", "fresh_batch_ns", "of_fresh"] {
        assert!(rows["resume"][figure].as_f64().unwrap() > 0.0, "{figure}");
    }
    for (row, ways) in [("warm", 7), ("cold", 10)] {
        let epochs = &rows[row];
        assert_eq!(epochs["samples"], 200, "{row}");
        assert!(epochs["pages"].as_u64().unwrap() >= 50 * 12, "{row}");
        let found = epochs["ways"].as_array().unwrap();
        assert_eq!(found.len(), ways, "{row}");
        for way in found {
            let measured = way["samples_per_second"].as_f64().unwrap() > 0.0 && way["rounds"][0]["seconds"].is_f64();
            assert!(measured || way["skipped"].is_string(), "{row}: {way}");
        }
    }
    assert!(rows["beyond"]["skipped"].as_str().unwrap().contains("it takes data of"), "{rows}");
    assert!(rows["memory"]["second_epoch_bytes"].as_u64().unwrap() > 0, "{rows}");
    assert!(rows["memory"]["batches"].as_u64().unwrap() >= 3, "{rows}");
}

#[test]
fn the_table_names_what_was_measured_and_where() {
    let dir = folder();
    let args = ["--scale", "30,40", "--frames", "10", "--rounds", "1", "--only", "get,warm"];
    let text = stdout(&bench(dir.path(), &args));
    for words in
        ["30 conversations", "40 conversations", "raw mapped offsets", "pread, 8 threads", "kernel", "read-ahead"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(!text.contains("find by id") && !text.contains("cold"), "it was not asked for: {text}");
    assert!(!text.contains('\x1b'), "colours belong on a terminal: {text:?}");
}

#[test]
fn the_data_stays_where_it_is_to_be_kept_and_is_whole() {
    let dir = folder();
    let args = ["--scale", "30", "--frames", "10", "--rounds", "1", "--only", "open", "--keep"];
    stdout(&bench(dir.path(), &args));
    let kept = dir.path().join(&entries(dir.path())[0]).join("30.surgdb");
    let dataset = Dataset::open(&kept).unwrap();
    assert_eq!(dataset.conversation(29).unwrap().id().unwrap(), "bench-000000029");
    assert!(dataset.verify(&mut |_, _| {}).unwrap().is_sound());
}

#[test]
fn a_dataset_of_ones_own_is_only_read() {
    let dir = folder();
    let path = dir.path().join("mine.surgdb");
    let mut appender = Dataset::create(&path).unwrap().append().unwrap();
    let blob = appender.blob(BlobSource::Bytes { media_type: "image/png", bytes: &[7; 10_000] }).unwrap();
    let frame = FrameRow { id: "a".into(), source: "mine".into(), kind: "rgb".into(), ..FrameRow::default() };
    let shown = appender.frame(&FrameRow { blob: Some(blob.address), ..frame.clone() }).unwrap();
    let missing = appender.frame(&FrameRow { id: "b".into(), ..frame }).unwrap();
    for number in 0..20 {
        let row = ConversationRow {
            id: number.to_string(),
            source: "mine".into(),
            task: "image captioning".into(),
            turns: vec![TurnRow { role: "user".into(), text: "<image> <image>?".into(), ..TurnRow::default() }],
            media: [(0, shown), (8, missing)]
                .into_iter()
                .map(|(at, frame)| MediumRow { turn: 0, at: Some(at), refs: vec![frame], ..MediumRow::default() })
                .collect(),
            ..ConversationRow::default()
        };
        appender.conversation(&row).unwrap();
    }
    appender.commit(Operation::new("append")).unwrap();

    let found = json(&bench(dir.path(), &["--dataset", path.to_str().unwrap(), "--rounds", "1", "--json"]));
    let mine = &found["datasets"][0];
    assert_eq!(mine["name"], "mine");
    assert!(mine["size"]["made_in_seconds"].is_null());
    assert_eq!(mine["rows"]["warm"]["samples"], 20);
    assert_eq!(entries(dir.path()), ["mine.surgdb"]);
    let dataset = Dataset::open(&path).unwrap();
    assert_eq!(dataset.version(), 2);
    assert!(dataset.verify(&mut |_, _| {}).unwrap().is_sound());
}

#[test]
fn a_scale_of_nothing_is_refused_with_a_reason() {
    let dir = folder();
    for scale in ["0", "0k", "many", "-5"] {
        let text = fails(&bench(dir.path(), &["--scale", scale]));
        assert!(text.contains("conversations") || text.contains("unexpected argument"), "{text}");
    }
    assert_eq!(entries(dir.path()), Vec::<String>::new());
}

#[test]
fn a_place_that_cannot_hold_a_folder_is_refused_by_name() {
    let dir = folder();
    let file = dir.path().join("a file");
    std::fs::write(&file, "x").unwrap();
    for place in [file.clone(), dir.path().join("not there")] {
        let text = fails(&bench(&place, &["--scale", "10"]));
        assert!(text.contains(&place.display().to_string()) && text.contains("--dir"), "{text}");
    }
}

#[test]
fn a_disk_without_enough_room_is_refused_before_anything_is_made() {
    let dir = folder();
    let text = fails(&bench(dir.path(), &["--scale", "999m", "--json"]));
    assert!(text.contains("TB here") && text.contains("free"), "{text}");
    assert_eq!(entries(dir.path()), Vec::<String>::new());
}

#[test]
fn a_dataset_without_conversations_has_nothing_to_measure() {
    let dir = folder();
    let path = dir.path().join("empty.surgdb");
    Dataset::create(&path).unwrap();
    let text = fails(&bench(dir.path(), &["--dataset", path.to_str().unwrap()]));
    assert!(text.contains("no conversations"), "{text}");
    assert_eq!(entries(dir.path()), ["empty.surgdb"]);
}

/// Whether Ctrl-C in the middle leaves the folder that it works in.
#[test]
fn ctrl_c_removes_the_folder() {
    let dir = folder();
    let mut command = Command::new(env!("CARGO_BIN_EXE_surgdb"));
    command.args(["bench", "--scale", "300k", "--frames", "10", "--dir"]).arg(dir.path());
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // The folder is there once it has begun.
    while entries(dir.path()).is_empty() {
        std::thread::sleep(std::time::Duration::from_millis(5));
        assert!(child.try_wait().unwrap().is_none(), "it ended before it began");
    }
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    assert_eq!(entries(dir.path()), Vec::<String>::new());
}
