//! `surgdb export`: what it says of each form, and which rows it takes.

use crate::fixture::{Fixture, fails, json, stdout, surgdb};
use surgdb::export::ExportFormat;
use surgdb::rows::{AnnotationRow, LabelRow, RegionRow};
use surgdb::{Dataset, Operation, Table};

/// The fixture with a box on each of its two pictures, and its first conversation in the part `test` of the split.
fn drawn() -> Fixture {
    let fixture = Fixture::new();
    let dataset = Dataset::open(fixture.dataset()).unwrap();
    let mut appender = dataset.append().unwrap();
    for (number, name) in [(0, "grasper"), (1, "hook")] {
        let label = LabelRow { axis: "instrument".into(), label: None, raw: name.into(), value: None };
        let region = RegionRow { bbox: Some([0.25, 0.5, 0.5, 1.0]), ..RegionRow::default() };
        let row = AnnotationRow {
            // No COCO file gave this number.
            id: format!("VID01/{number}"),
            source: "mine".into(),
            target: dataset.address(Table::Frames, number).unwrap(),
            labels: vec![label],
            regions: vec![region],
            annotator: None,
            status: None,
            origin: None,
            generator: None,
            start: None,
            end: None,
            parent: None,
            text: None,
            extra: None,
            record: None,
        };
        appender.annotation(&row).unwrap();
    }
    appender.commit(Operation::new("append")).unwrap();
    std::fs::write(fixture.path("splits.csv"), "id,split\nq0,test\nq1,train\n").unwrap();
    stdout(&fixture.run("column add", &["conversations", fixture.path("splits.csv").to_str().unwrap()]));
    fixture
}

#[test]
fn help_names_every_form() {
    let help = stdout(&surgdb(&["export", "--help"]));
    for format in ExportFormat::ALL {
        assert!(help.contains(&format!("\n  {} ", format.name())), "{}: {help}", format.name());
    }
}

#[test]
fn every_form_is_written_and_says_what_to_do_next() {
    let fixture = drawn();
    let next = [
        ("llava", "import it again with"),
        ("hf", "datasets.load_dataset("),
        ("llama-factory", "dataset=dpo"),
        ("ms-swift", "ROOT_IMAGE_DIR="),
        ("coco", "import it again with"),
        ("webdataset", "tar -xf "),
    ];
    for (format, step) in next {
        let out = fixture.path(format);
        let said = stdout(&fixture.run("export", &[out.to_str().unwrap(), "--format", format]));
        assert!(said.contains(&format!("as {format}\n")) && said.contains(step), "{said}");
        assert!(said.contains("source mine: CC0-1.0") && out.join("sources/mine.toml").is_file(), "{said}");
    }
    let said = stdout(&fixture.run("export", &[fixture.path("x").to_str().unwrap(), "--format", "llama-factory"]));
    assert!(said.contains("dpo.jsonl: 2 records"), "{said}");
    assert!(said.contains("left out 1 record: the dataset does not have the bytes"), "{said}");
    let output = fixture.run("export", &[fixture.path("y").to_str().unwrap(), "--format", "qwen-vl"]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.code() == Some(1) && said.contains("NOTHING WAS WRITTEN"), "{said}");
    assert!(said.contains("left out 2 records: they are pairs of answers") && !said.contains("train with"), "{said}");
}

#[test]
fn coco_takes_conditions_on_annotations_and_parts_of_a_split_of_conversations() {
    let fixture = drawn();
    let report = |name: &str, args: &[&str]| {
        let out = fixture.path(name);
        fixture.json("export", &[&[out.to_str().unwrap(), "--format", "coco"], args].concat())
    };
    assert_eq!(report("all", &[])["rows"]["annotations"], 2);
    let all: serde_json::Value =
        serde_json::from_slice(&std::fs::read(fixture.path("all/annotations.json")).unwrap()).unwrap();
    assert_eq!((&all["annotations"][0]["id"], &all["annotations"][1]["id"]), (&1.into(), &2.into()));
    assert_eq!(report("hooks", &["--where", "label = hook"])["rows"]["annotations"], 1);
    assert_eq!(report("test", &["--split", "test"])["rows"]["annotations"], 1);
    let file: serde_json::Value =
        serde_json::from_slice(&std::fs::read(fixture.path("test/annotations.json")).unwrap()).unwrap();
    assert_eq!(file["categories"][0]["name"], "grasper");
    assert_eq!(file["annotations"][0]["bbox"], serde_json::json!([213.5, 240, 213.5, 240]));
    let out = fixture.path("none");
    let out = out.to_str().unwrap();
    let both = ["--format", "coco", "--split", "test", "--where", "label = hook"];
    assert!(fails(&fixture.run("export", &[&[out], &both[..]].concat())).contains("shows no picture"));
    let other = ["--format", "coco", "--split", "fold=3"];
    let told = fails(&fixture.run("export", &[&[out], &other[..]].concat()));
    assert!(told.contains("neither annotations nor conversations have a column \"fold\""), "{told}");
    let none = ["--format", "coco", "--where", "label = spoon"];
    assert!(fails(&fixture.run("export", &[&[out], &none[..]].concat())).contains("no annotation is left to export"));
}

#[test]
fn options_that_a_form_cannot_follow_are_refused() {
    let fixture = Fixture::new();
    let out = fixture.path("out");
    let refused = |args: &[&str]| fails(&fixture.run("export", &[&[out.to_str().unwrap()], args].concat()));
    assert!(refused(&["--format", "coco", "--boxes", "pixels"]).contains("leave out --boxes"));
    assert!(refused(&["--format", "ms-swift", "--boxes", "0-1000"]).contains("pixels or as 0-1"));
    assert!(refused(&["--format", "qwen-vl", "--clips", "frames"]).contains("--clips cut or whole"));
    for option in ["--shard-samples", "--shard-size"] {
        assert!(refused(&["--format", "webdataset", option, "0"]).contains(option));
    }
    assert!(!out.exists());
    let report = json(&fixture.run("export", &[out.to_str().unwrap(), "--format", "webdataset", "--json"]));
    assert_eq!((&report["format"], &report["rows"]["conversations"]), (&"webdataset".into(), &3.into()));
}
