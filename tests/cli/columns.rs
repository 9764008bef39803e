//! `surgdb column`: nothing of a file is lost or guessed away.

use crate::fixture::{Fixture, fails, stderr, stdout};
use arrow_array::builder::{LargeListBuilder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, RecordBatch, StringViewArray};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use surgdb::Dataset;

#[test]
fn a_column_is_added_from_a_csv_file_and_replaced() {
    let fixture = Fixture::new();
    let file = fixture.path("scores.csv");
    std::fs::write(&file, "\u{feff}id,score,split\nq2,0.5,train\nq0,1,test\n").unwrap();
    let args = ["conversations", file.to_str().unwrap(), "--type", "split=dict"];
    let added = fixture.json("column add", &args);
    assert_eq!(added["columns"], serde_json::json!(["score", "split"]));
    assert_eq!(added["rows"], 2);
    let columns = fixture.json("column list", &["conversations"]);
    let score = columns.as_array().unwrap().iter().find(|column| column["name"] == "score").unwrap();
    assert_eq!((&score["type"], &score["added"]), (&"float64".into(), &true.into()));

    let dataset = Dataset::open(fixture.dataset()).unwrap();
    let cell = |number: u64| {
        let sample = dataset.conversation(number).unwrap();
        let cell = sample.row().named("score").unwrap();
        let values = arrow_array::cast::as_primitive_array::<arrow_array::types::Float64Type>(cell.array);
        values.iter().nth(cell.row).unwrap()
    };
    assert_eq!((cell(0), cell(1), cell(2)), (Some(1.0), None, Some(0.5)));

    assert!(fails(&fixture.run("column add", &args)).contains("--replace"));
    stdout(&fixture.run("column add", &[args.as_slice(), &["--replace"]].concat()));

    std::fs::write(&file, "id,score\nnobody,1.5\n").unwrap();
    assert!(fails(&fixture.run("column add", &[&args[..2], &["--replace"]].concat())).contains("nobody"));
}

#[test]
fn tokens_are_estimated_into_a_column() {
    let fixture = Fixture::new();
    let estimated = fixture.json("column estimate-tokens", &["--size", "28x56", "--fps", "1"]);
    assert_eq!((&estimated["rows"], &estimated["columns"]), (&3.into(), &serde_json::json!(["tokens"])));
    assert!(estimated["tokens"].as_u64().unwrap() > 0, "{estimated}");
    assert!(fails(&fixture.run("column estimate-tokens", &[])).contains("`tokens`"));
    let text = stdout(&fixture.run("column estimate-tokens", &["--replace", "--patch", "7"]));
    assert!(text.starts_with("version 4: tokens of 3 conversations"), "{text}");
    assert!(fails(&fixture.run("column estimate-tokens", &["--name", "other", "--merge", "0"])).contains("above 0"));
}

#[test]
fn a_column_is_added_from_an_arrow_file_to_another_table() {
    let fixture = Fixture::new();
    let file = fixture.path("blur.arrow");
    let write = |ids: &[Option<&str>]| {
        let count = ids.len();
        let ids: arrow_array::ArrayRef = Arc::new(arrow_array::StringArray::from(ids.to_vec()));
        let blur: arrow_array::ArrayRef = Arc::new(arrow_array::Float32Array::from(vec![0.25; count]));
        let note: arrow_array::ArrayRef = Arc::new(arrow_array::StringArray::from(vec![Some("dark"); count]));
        let batch = arrow_array::RecordBatch::try_from_iter([("frame", ids), ("blur", blur), ("note", note)]).unwrap();
        let mut writer =
            arrow_ipc::writer::FileWriter::try_new(std::fs::File::create(&file).unwrap(), &batch.schema()).unwrap();
        writer.write(&batch).unwrap();
        writer.finish().unwrap();
    };
    write(&[Some("VID01/000002.png"), None, None]);
    let refused = fails(&fixture.run("column add", &["frames", file.to_str().unwrap(), "--key", "frame"]));
    assert!(refused.contains("is null in row 2, as in 1 more") && !refused.contains("must be text"), "{refused}");
    write(&[Some("VID01/000002.png")]);

    let path = file.to_str().unwrap();
    assert!(fails(&fixture.run("column add", &["frames", path])).contains("frame"));
    let added = fixture.json("column add", &["frames", path, "--key", "frame"]);
    assert_eq!((&added["rows"], &added["columns"]), (&1.into(), &serde_json::json!(["blur", "note"])));
    let columns = fixture.json("column list", &["frames"]);
    let note = columns.as_array().unwrap().iter().find(|column| column["name"] == "note").unwrap();
    assert_eq!(note["type"], "text");
}

/// Writes `scores.csv` and gives its path.
fn csv(fixture: &Fixture, text: &str) -> PathBuf {
    let path = fixture.path("scores.csv");
    std::fs::write(&path, text).unwrap();
    path
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn what_a_number_would_lose_stays_text_unless_a_type_is_named() {
    let fixture = Fixture::new();
    let file = csv(&fixture, "id,code,big,share,flag\nq0,007,9223372036854775808,0.5,true\nq1,010,1,2,\n");
    let tried = fixture.json("column add", &["conversations", text(&file), "--dry-run"]);
    assert_eq!((&tried["version"], &tried["types"]["code"]), (&json!(null), &json!("text")));
    let added = fixture.json("column add", &["conversations", text(&file)]);
    let types = json!({ "code": "text", "big": "text", "share": "float64", "flag": "bool" });
    assert_eq!((&added["version"], &added["types"]), (&json!(3), &types));
    let shown = fixture.json("show", &["0"])["columns"].clone();
    assert_eq!(shown, json!({ "code": "007", "big": "9223372036854775808", "share": 0.5, "flag": true }));

    let file = csv(&fixture, "id,code_number,big_number\nq0,007,9223372036854775808\n");
    let args = ["conversations", text(&file), "--type", "code_number=int64", "--type", "big_number=uint64"];
    let said = stdout(&fixture.run("column add", &args));
    assert!(said.contains("code_number  added  int64") && said.contains("big_number   added  uint64"), "{said}");
    let printed = stdout(&fixture.run("show", &["0", "--json"]));
    assert!(printed.contains("\"code_number\": 7,") && printed.contains("\"big_number\": 9223372036854775808\n"));
}

#[test]
fn what_a_type_would_write_otherwise_stays_text_and_quotes_make_a_text_of_nothing() {
    let fixture = Fixture::new();
    let file = csv(&fixture, "id,grade,rate,seen,note,count\nq0,1.10,1e5,TRUE,\"\",\"\"\n\nq1,2.5,2e5,FALSE,,1\n");
    let added = fixture.json("column add", &["conversations", text(&file)]);
    let types = json!({ "grade": "text", "rate": "text", "seen": "text", "note": "text", "count": "int64" });
    assert_eq!(added["types"], types);
    let column = |number: &str, name: &str| fixture.json("show", &[number])["columns"][name].clone();
    assert_eq!((column("0", "grade"), column("0", "rate")), (json!("1.10"), json!("1e5")));
    assert_eq!((column("0", "note"), column("1", "note")), (json!(""), json!(null)));
    assert_eq!((column("0", "count"), column("1", "count")), (json!(null), json!(1)));
}

#[test]
fn only_columns_that_are_there_are_replaced() {
    let fixture = Fixture::new();
    let file = csv(&fixture, "id,tsak\nq0,x\n");
    let args = ["conversations", text(&file)];
    let refused = fails(&fixture.run("column add", &[&args[..], &["--replace"]].concat()));
    assert!(refused.contains("`tsak`") && refused.contains("`task`"), "{refused}");
    let said = stdout(&fixture.run("column add", &args));
    assert!(said.contains("tsak  added  text"), "{said}");
    let said = stdout(&fixture.run("column add", &[&args[..], &["--replace"]].concat()));
    assert!(said.contains("tsak  replaced  text"), "{said}");
    csv(&fixture, "id,nothing_like_it\nq0,x\n");
    let refused = fails(&fixture.run("column add", &[&args[..], &["--replace"]].concat()));
    assert!(!refused.contains("meant"), "{refused}");
}

#[test]
fn a_replaced_column_keeps_its_type() {
    let fixture = Fixture::new();
    let add = |text_of: &str, more: &[&str]| {
        let file = csv(&fixture, text_of);
        fixture.run("column add", &[&["conversations", text(&file)], more].concat())
    };
    stdout(&add("id,note\nq0,red\n", &[]));
    stdout(&add("id,note,specialty\nq0,7,8\n", &["--replace"]));
    let shown = fixture.json("show", &["0"]);
    assert_eq!((&shown["columns"]["note"], &shown["specialty"]), (&json!("7"), &json!("8")));
    let shown = |number: &str| {
        let sample = fixture.json("show", &[number]);
        (sample["media"][0]["refs"][0]["address"].as_str().unwrap().to_owned(), sample["columns"]["of"].clone())
    };
    let (first, second) = (shown("0").0, shown("1").0);
    stdout(&add(&format!("id,of\nq0,{first}\n"), &["--type", "of=ref"]));
    assert_eq!(shown("0").1, first);
    stdout(&add(&format!("id,of\nq0,{second}\n"), &["--replace"]));
    assert_eq!(shown("0").1, second);
}

#[test]
fn what_is_not_clear_in_a_csv_file_is_refused_with_the_place() {
    let fixture = Fixture::new();
    let refused = |content: &str, more: &[&str]| {
        let file = csv(&fixture, content);
        fails(&fixture.run("column add", &[&["conversations", text(&file)], more].concat()))
    };
    for (content, says) in [
        ("id,a\nq0,1\nq1,2\nq0,3\n", "line 2 and line 4"),
        ("id,a,b,a\nq0,1,2,3\n", "columns 2 and 4"),
        ("id,id,a\nq0,q0,1\n", "columns 1 and 2"),
        ("id,a\nq0,1\nq1,\"2\nq2,3\n", "line 3"),
        ("id,a\nq0,\"1\"2\n", "line 2"),
        ("id,a\nq0,1,2\n", "line: 2"),
        ("id,a\nq0,1\nnobody,2\n", "line 3"),
        ("id\nq0\n", "no columns"),
        ("name,a\nq0,1\n", "--key"),
        ("", "it is empty"),
        ("\n\n", "it is empty"),
    ] {
        let said = refused(content, &[]);
        assert!(said.contains(says) && said.contains("scores.csv"), "{content:?}: {said}");
    }
    let said = refused("id,a\nq0,1\nq1,x\n", &["--type", "a=int32"]);
    assert!(said.contains("line 3") && said.contains("\"x\" is no int32") && said.contains("column a"), "{said}");
    assert!(refused("id,a\nq0,1\n", &["--type", "b=int32"]).contains("\"b\""));
    assert!(refused("id,a\nq0,1\n", &["--type", "a=int32", "--type", "a=int64"]).contains("twice"));
    assert_eq!(Dataset::open(fixture.dataset()).unwrap().version(), 2);
}

#[test]
fn cells_may_be_set_apart_by_semicolons_tabs_and_bars() {
    for delimiter in [";", "\t", "|"] {
        let fixture = Fixture::new();
        let content =
            "id,note\nq0,\"a,b\"\nq1,\"\"\n".replace(',', delimiter).replace(&format!("a{delimiter}b"), "a,b");
        let file = csv(&fixture, &content);
        let said = stdout(&fixture.run("column add", &["conversations", text(&file)]));
        assert!(said.contains("2 rows"), "{said}");
        let dataset = Dataset::open(fixture.dataset()).unwrap();
        let row = dataset.conversation(0).unwrap();
        let cell = row.row().named("note").unwrap();
        assert_eq!(cell.array.as_string::<i64>().value(cell.row), "a,b", "{delimiter:?}");
    }
}

/// An Arrow file with these ids, and a column beside them.
fn write_arrow(file: &Path, ids: &[&str], name: &str, values: ArrayRef) {
    let key: ArrayRef = Arc::new(StringViewArray::from_iter_values(ids));
    let batch = RecordBatch::try_from_iter([("id", key), (name, values)]).unwrap();
    let out = std::fs::File::create(file).unwrap();
    let mut writer = arrow_ipc::writer::FileWriter::try_new(out, &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
}

#[test]
fn lists_are_taken_as_other_tools_write_them_unless_an_item_is_null() {
    let fixture = Fixture::new();
    let file = fixture.path("tags.arrow");
    let tags = |second: [Option<&str>; 2]| -> ArrayRef {
        let mut tags = LargeListBuilder::new(StringBuilder::new());
        tags.append_value([Some("smoke")]);
        tags.append_value(second);
        Arc::new(tags.finish())
    };
    write_arrow(&file, &["q0", "q1"], "tags", tags([Some("blood"), None]));
    let said = fails(&fixture.run("column add", &["conversations", text(&file)]));
    assert!(said.contains("items of row 2") && said.contains("tags.arrow"), "{said}");
    write_arrow(&file, &["q0", "q1"], "tags", tags([Some("blood"), Some("clip")]));
    let added = fixture.json("column add", &["conversations", text(&file)]);
    assert_eq!(added["types"]["tags"], "list<text>");
    assert_eq!(fixture.json("show", &["1"])["columns"]["tags"], json!(["blood", "clip"]));
    let days: ArrayRef = Arc::new(arrow_array::Date32Array::from(vec![1, 2]));
    write_arrow(&file, &["q0", "q1"], "day", days);
    let said = fails(&fixture.run("column add", &["conversations", text(&file)]));
    assert!(said.contains("cast them to text or int64"), "{said}");
}

#[test]
fn a_damaged_arrow_file_is_refused_and_never_ends_in_a_panic() {
    let fixture = Fixture::new();
    let file = fixture.path("scores.arrow");
    let scores: ArrayRef = Arc::new(arrow_array::Float64Array::from(vec![0.5, 1.0]));
    write_arrow(&file, &["q0", "q1"], "score", scores);
    let bytes = std::fs::read(&file).unwrap();
    for at in (0..bytes.len()).step_by(29) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x91;
        std::fs::write(&file, damaged).unwrap();
        let output = fixture.run("column add", &["conversations", text(&file), "--dry-run"]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(matches!(output.status.code(), Some(0 | 2)) && !said.contains("panicked"), "byte {at}: {said}");
    }
}

#[test]
fn a_pipe_is_refused_before_it_is_waited_for() {
    let fixture = Fixture::new();
    for name in ["f.arrow", "f.csv"] {
        let pipe = fixture.path(name);
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert!(fails(&fixture.run("column add", &["conversations", text(&pipe)])).contains("no plain file"));
    }
}

#[test]
fn an_arrow_file_with_views_is_read_and_what_is_given_twice_refused() {
    let fixture = Fixture::new();
    let file = fixture.path("views.arrow");
    let write = |ids: &[&str]| {
        let note: ArrayRef = Arc::new(StringViewArray::from_iter_values(ids));
        write_arrow(&file, ids, "note", note);
    };
    write(&["q0", "q1", "q0"]);
    assert!(fails(&fixture.run("column add", &["conversations", text(&file)])).contains("row 1 and row 3"));
    write(&["q0", "q1"]);
    let added = fixture.json("column add", &["conversations", text(&file)]);
    assert_eq!(added["types"]["note"], "text");
    assert_eq!(fixture.json("show", &["1"])["columns"]["note"], "q1");
    assert!(fails(&fixture.run("column add", &["conversations", text(&file), "--type", "note=dict"])).contains("cast"));
}

#[test]
fn added_columns_are_shown_with_samples_and_pictures() {
    let fixture = Fixture::new();
    stdout(&fixture.run("column add", &["conversations", text(&csv(&fixture, "id,fold\nq0,3\n"))]));
    stdout(&fixture.run("column add", &["frames", text(&csv(&fixture, "id,blur\nVID01/000001.png,0.25\n"))]));
    let printed = stdout(&fixture.run("show", &["0"]));
    assert!(printed.contains("fold  3") && printed.contains("blur=0.25"), "{printed}");
    let shown = fixture.json("show", &["0"]);
    assert_eq!(
        (&shown["columns"]["fold"], &shown["media"][0]["refs"][0]["columns"]["blur"]),
        (&json!(3), &json!(0.25))
    );
    assert!(!stdout(&fixture.run("show", &["1"])).contains("added columns"));
    assert_eq!(stderr(&fixture.run("show", &["1"])), "");
}

#[test]
fn an_added_column_is_dropped_and_older_versions_keep_it() {
    let fixture = Fixture::new();
    let file = csv(&fixture, "id,fold,note\nq0,3,x\n");
    let added = fixture.json("column add", &["conversations", text(&file)]);
    let dropped = fixture.json("column drop", &["conversations", "fold"]);
    assert_eq!(dropped["dropped"], json!(["fold"]));
    assert_eq!(dropped["version"], added["version"].as_u64().unwrap() + 1);
    assert_eq!(fixture.json("show", &["0"])["columns"], json!({ "note": "x" }));
    let before = fixture.json("show", &["0", "--version", &added["version"].to_string()]);
    assert_eq!(before["columns"], json!({ "fold": 3, "note": "x" }));
    // The name is free again, for another type too.
    let file = csv(&fixture, "id,fold\nq1,first\n");
    stdout(&fixture.run("column add", &["conversations", text(&file)]));
    assert_eq!(fixture.json("show", &["1"])["columns"]["fold"], "first");

    let said = fails(&fixture.run("column drop", &["conversations", "turns"]));
    assert!(said.contains("that conversations always has"), "{said}");
    assert!(fails(&fixture.run("column drop", &["conversations", "nothing"])).contains("no column \"nothing\""));
    assert!(fails(&fixture.run("column drop", &["conversations", "fold", "fold"])).contains("twice"));
    let said = stdout(&fixture.run("column drop", &["conversations", "fold", "note"]));
    assert!(said.contains("dropped 2 columns of conversations: fold, note; version"), "{said}");
}

#[test]
fn a_number_that_a_type_is_too_small_for_is_refused() {
    let fixture = Fixture::new();
    for (number, ty) in [("1e999", "float64"), ("1e39", "float32"), ("-1e999", "float64")] {
        let file = csv(&fixture, &format!("id,score\nq0,1\nq1,{number}\n"));
        let said = fails(&fixture.run("column add", &["conversations", text(&file), "--type", &format!("score={ty}")]));
        assert!(said.contains(number) && said.contains("line 3"), "{said}");
    }
    let file = csv(&fixture, "id,score\nq0,1e38\nq1,inf\nq2,nan\n");
    stdout(&fixture.run("column add", &["conversations", text(&file), "--type", "score=float32"]));
}
