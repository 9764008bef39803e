//! Maps on small files that are made on the spot.

mod around;
mod faults;
mod masks;
mod shipped;

use super::TableMap;
use crate::import::report::Kind;
use crate::import::tests::place::Place;
use crate::import::{ImportReport, OnChange, OnError, SourceDescription};
use crate::schema::rows::AnnotationRow;
use crate::schema::tables::Table;
use std::path::{Path, PathBuf};
use std::sync::Arc;
fn labels(row: &AnnotationRow) -> Vec<(&str, &str)> {
    row.labels.iter().map(|label| (label.axis.as_str(), label.raw.as_str())).collect()
}

fn found(report: &ImportReport, kind: Kind) -> u64 {
    report.findings.get(&kind).map_or(0, |findings| findings.count)
}

/// What is told, of a kind.
fn told(report: &ImportReport, kind: Kind) -> Vec<&str> {
    let findings = report.findings.get(&kind).map(|findings| &findings.examples[..]).unwrap_or_default();
    findings.iter().map(|example| example.detail.as_str()).collect()
}

fn map_of(report: &ImportReport) -> Option<&str> {
    report.inputs[0].map.as_deref()
}

#[test]
fn a_line_that_cannot_be_read_keeps_its_number() {
    let map = "name = \"m\"\n[[table]]\nfiles = [\"*.jsonl\"]\nform = \"jsonl\"\n[[table.rows]]\nbecome = \"conversations\"\n\
        question = \"q\"\nanswer = \"a\"\n";
    let mut place = Place::with_map(map);
    place.options.on_error = OnError::Skip;
    let line = |number: u32| format!(r#"{{"q":"q{number}","a":"a"}}"#);
    for broken in [r#"{"q":"#, r#"{"q":"q2","a":}"#] {
        place.write("x.jsonl", [line(1), broken.into(), line(3)].join("\n"));
        let report = place.import(&[&place.folder()]).unwrap();
        assert_eq!((report.records.read, report.records.skipped_total()), (3, 1), "{broken}");
        let dataset = place.dataset();
        let row = dataset.conversation_at(place.found(Table::Conversations, "x.jsonl#3")).unwrap().to_row().unwrap();
        assert_eq!(row.turns[0].text, "q3", "{broken}");
    }
}

const INTERVALS: &str = r#"
name = "mine"
[[table]]
files = ["{centre}/{video}.csv", "{video}.csv"]
form = "csv"
clock = { unit = "frames", fps = 25, base = 1, end = "last" }
[[table.rows]]
become = "intervals"
video = "{file.video}"
start = "from"
end = "to"
apart = true
annotator = "{who?}"
text = "note?"
labels = [{ axis = "step", raw = "step", known = ["cut", "clip, then cut"], none = ["-"] }]
"#;

#[test]
fn intervals_of_frames_come_out_half_open_in_seconds() {
    let text = "\u{feff}from,to,step,note,who,grade\r\n1,25,cut,\"said \"\"so\"\"\",ann,3\r\n\r\n,,,,,\r\n26,50,\"clip, then cut\",,,\r\n";
    let place = Place::with_map(&INTERVALS.replace("\"{centre}/{video}.csv\", ", ""));
    place.write("v 1.csv", text);
    let report = place.whole();
    assert_eq!((report.records.read, report.records.added), (2, 2));
    assert_eq!(report.listed, [("empty rows".to_owned(), 1), ("rows".to_owned(), 2)].into());
    let row = place.annotation("v 1#1");
    assert_eq!((row.start, row.end, labels(&row)), (Some(0.0), Some(1.0), vec![("step", "cut")]));
    assert_eq!((row.text.as_deref(), row.annotator.as_deref()), (Some("said \"so\""), Some("ann")));
    assert_eq!(row.extra.as_deref(), Some(r#"{"grade":"3"}"#));
    let row = place.annotation("v 1#3");
    assert_eq!((row.start, row.end, labels(&row)), (Some(1.0), Some(2.0), vec![("step", "clip, then cut")]));
    assert_eq!((row.extra, place.video("v 1").fps), (None, Some(25.0)));
    assert_eq!(place.count(Table::Cases), 1);
}

#[test]
fn what_is_doubtful_is_told_and_kept() {
    let place = Place::with_map(&INTERVALS.replace("\"{centre}/{video}.csv\", ", ""));
    place.write("v.csv", "from,to,step\n1,25,cut\n11,30,sew\n0,5,-\n60,59,-\n");
    let report = place.whole();
    let told = told(&report, Kind::Doubtful).join("\n");
    assert_eq!(found(&report, Kind::Doubtful), 4, "{told}");
    for what in [
        "\"sew\" is none of the labels",
        "starts 0.04 s before the video",
        "it is empty",
        "rows 1 and 2 of \"v\" overlap",
    ] {
        assert!(told.contains(what), "{what}: {told}");
    }
    assert_eq!(labels(&place.annotation("v#2")), [("step", "sew")]);
    assert_eq!(labels(&place.annotation("v#3")), []);
}

#[test]
fn runs_of_rows_become_one_statement() {
    let map = r#"
        name = "runs"
        [[table]]
        files = ["*.tsv"]
        form = "tsv"
        clock = { unit = "s" }
        [[table.rows]]
        become = "intervals"
        video = "video"
        time = "t"
        runs = true
        step = 0.5
        labels = [{ axis = "phase", raw = "phase", none = ["none"] }]
    "#;
    let place = Place::with_map(map);
    let rows = ["a\t0\tx", "a\t0.5\tx", "a\t1\ty", "a\t1.5\tnone", "a\t2\tx", "a\t5\tx", "b\t0\tx", "b\t0.5\tx"];
    place.write("x.tsv", format!("video\tt\tphase\n{}\n", rows.join("\n")));
    let report = place.whole();
    assert_eq!((report.records.read, report.listed["rows"]), (5, 8));
    let times = |id| {
        let row = place.annotation(id);
        (row.start.unwrap(), row.end.unwrap(), row.labels[0].raw.clone())
    };
    assert_eq!(times("x#1"), (0.0, 1.0, "x".into()));
    assert_eq!(times("x#3"), (1.0, 1.5, "y".into()));
    assert_eq!(times("x#5"), (2.0, 2.5, "x".into()));
    assert_eq!(times("x#6"), (5.0, 5.5, "x".into()));
    assert_eq!(times("x#7"), (0.0, 1.0, "x".into()));
    assert_eq!(told(&report, Kind::Doubtful), ["there is no row between 2 and 5, and `step` is 0.5"]);
}

#[test]
fn statements_go_into_the_split_that_their_rows_say() {
    let map = r#"
        name = "runs"
        [[table]]
        files = ["*.tsv"]
        form = "tsv"
        clock = { unit = "s" }
        [[table.rows]]
        become = "intervals"
        video = "video"
        time = "t"
        runs = true
        split = "{set}"
        labels = [{ axis = "phase", raw = "phase" }]
        [[table]]
        files = ["*.csv"]
        form = "csv"
        [[table.rows]]
        become = "labels"
        path = "file"
        split = "{set?}"
        labels = [{ axis = "phase", raw = "phase" }]
    "#;
    let mut place = Place::with_map(map);
    place.write("x.tsv", "video\tt\tphase\tset\na\t0\tx\ttrain\na\t1\tx\ttrain\na\t2\tx\t val \n");
    place.write("y.csv", "file,phase,set\n1.png,x,val\n2.png,x,\n");
    let report = place.whole();
    assert_eq!(report.splits, [("train".to_owned(), 1), ("val".to_owned(), 2)].into());
    let split = |place: &Place, id: &str| {
        let dataset = place.dataset();
        let address = dataset.find(Table::Annotations, id).unwrap().unwrap();
        dataset.annotation(address).unwrap().split().unwrap().map(str::to_owned)
    };
    assert_eq!(
        ["x#1", "x#3", "y#1", "y#2"].map(|id| split(&place, id)),
        ["train", "val", "val", ""].map(|split| { (!split.is_empty()).then(|| split.to_owned()) })
    );
    assert!(place.annotation("y#1").extra.is_none());
    // What is replaced goes into the split that is said with it.
    place.options.on_change = OnChange::Replace;
    place.write("y.csv", "file,phase,set\n1.png,y,test\n2.png,x,\n");
    let report = place.whole();
    assert_eq!((report.records.replaced, report.splits["test"]), (1, 1));
    assert_eq!(split(&place, "y#1").as_deref(), Some("test"));
}

#[test]
fn a_text_that_is_the_name_of_a_field_is_told_once_a_file() {
    let map = "name = \"r\"\n[[table]]\nform = \"csv\"\n[[table.rows]]\nbecome = \"labels\"\npath = \"file\"\n\
               split = \"set\"\nannotator = \"{who}\"\nstatus = \"single\"\nlabels = [{ axis = \"phase\", raw = \"phase\" }]\n";
    let place = Place::with_map(map);
    place.write("x.csv", "file,phase,set,who\n1.png,x,val,A\n2.png,x,train,B\n");
    let report = place.whole();
    let told = told(&report, Kind::Doubtful);
    let expected = "`split` is the text \"set\" in the map, for all rows: for the field of that name write \"{set}\"";
    assert_eq!((told.as_slice(), &report.splits["set"]), (&[expected][..], &2));
}

#[test]
fn stretches_that_a_file_says_otherwise_now_are_told() {
    let map = "name = \"r\"\n[[table]]\nform = \"tsv\"\nclock = { unit = \"s\" }\n[[table.rows]]\nbecome = \"intervals\"\n\
               video = \"video\"\ntime = \"t\"\nruns = true\nlabels = [{ axis = \"phase\", raw = \"phase\" }]\n";
    let place = Place::with_map(map);
    let write = |rows: &str| place.write("x.tsv", format!("video\tt\tphase\n{}", rows.replace(' ', "\t")));
    write("a 0 x\na 1 x\na 2 y\na 3 y\nb 0 x\n");
    assert_eq!(told(&place.whole(), Kind::Doubtful), [""; 0]);
    assert_eq!(told(&place.whole(), Kind::Doubtful), [""; 0], "what is said again is no news");
    // The second phase starts earlier now, and its statement is called by another row.
    write("a 0 x\na 1 y\na 2 y\na 3 y\nb 0 x\n");
    let report = place.import(&[&place.folder()]).unwrap();
    let records = &report.records;
    assert_eq!((records.added, records.changed_kept, records.unchanged), (1, 1, 1));
    let said = told(&report, Kind::Doubtful);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("2 to 4 s: it was said before") && said[0].contains("delete … x#3"), "{said:?}");
    assert_eq!(report.findings[&Kind::Doubtful].examples[0].id.as_deref(), Some("x#3"));
}

#[test]
fn boxes_come_out_as_corners_in_any_convention() {
    for (form, measure, numbers) in [
        ("xyxy", "pixels", "10,12,50,36"),
        ("xywh", "pixels", "10,12,40,24"),
        ("cxcywh", "0-1", "0.3,0.5,0.4,0.5"),
        ("xyxy", "0-1000", "100,250,500,750"),
    ] {
        let map = format!(
            "name = \"boxes\"\n[[table]]\nform = \"csv\"\n[[table.rows]]\nbecome = \"boxes\"\npath = \"file\"\nrole = \"tool\"\n\
             score = \"p\"\ntrack = \"k\"\nscope = \"visibility\"\nwidth = \"W\"\nheight = \"H\"\n\
             labels = [{{ axis = \"instrument\", raw = \"name\" }}]\n\
             box = {{ fields = [\"a\", \"b\", \"c\", \"d\"], form = \"{form}\", measure = \"{measure}\" }}\n"
        );
        let place = Place::with_map(&map);
        let text = format!("file,a,b,c,d,W,H,name,p,k\np/1.png,{numbers},100,48,hook,0.5,7\np/1.png,,,,,100,48,,,\n");
        place.write("x.csv", text);
        let report = place.whole();
        assert_eq!((report.records.added, report.media.missing), (2, 1));
        let row = place.annotation("x#1");
        let region = &row.regions[0];
        assert_eq!(region.bbox, Some([0.1, 0.25, 0.5, 0.75]), "{form} {measure}");
        assert_eq!((region.score, region.tracks[0].id, region.tracks[0].scope.as_str()), (Some(0.5), 7, "visibility"));
        assert!(place.annotation("x#2").regions.is_empty());
    }
}

#[test]
fn a_box_in_pixels_of_a_picture_of_unknown_size_is_kept_apart() {
    let map = "name = \"b\"\n[[table]]\nform = \"jsonl\"\n[[table.rows]]\nbecome = \"boxes\"\npath = \"file\"\n\
               box = { fields = [\"bbox\"], form = \"xywh\", measure = \"pixels\" }\n";
    let place = Place::with_map(map);
    place.write("x.jsonl", "{\"file\":\"1.png\",\"bbox\":[1,2,3,4],\"z\":{}}\n");
    let report = place.whole();
    assert_eq!(found(&report, Kind::Doubtful), 1);
    assert_eq!(place.annotation("x#1").extra.as_deref(), Some(r#"{"z":{},"box":[1,2,3,4]}"#));
}

#[test]
fn rows_of_frames_and_of_members_with_facts_above_them() {
    let map = r#"
        name = "deep"
        [[table]]
        form = "json"
        clock = { unit = "frames" }
        [[table.rows]]
        at = "frames[]"
        become = "frames"
        id = "{top.video.name}/{n:06}"
        path = "{top.video.name}/{n:06}.png"
        video = "{top.video.name}"
        fps = "{top.video.fps}"
        index = "n"
        kind = "rgb"
        [table.rows.columns]
        quality = { from = "q?", type = "float64" }
        usable = { from = "ok", type = "bool" }
        [[table.rows]]
        at = "parts.*.events[]"
        become = "intervals"
        video = "{top.video.name}"
        fps = "{top.video.fps}"
        start = "s"
        length = "n"
        labels = [{ axis = "{key.1}", raw = "names" }]
        annotator = "{parent.by}"
    "#;
    let place = Place::with_map(map);
    let text = r#"{"version": 2, "frames": [{"n": 5, "q": 0.5, "ok": true}, {"n": 6, "q": null, "ok": false, "blur": 1}],
        "parts": {"event": {"by": "ann", "events": [{"s": 25, "n": 50, "names": ["a", "b"]}]}, "other": {"by": "x"}},
        "video": {"name": "v1", "fps": 25}}"#;
    place.write("x.json", text);
    let report = place.whole();
    assert_eq!((report.records.read, report.listed["frames"], report.listed["events"]), (3, 2, 1));
    assert!(told(&report, Kind::AboutFile)[0].starts_with("`version` (2), `parts/other` ("));
    assert_eq!(report.inputs[0].says.as_ref().unwrap().get(), r#"{"version":2,"parts/other":{"by":"x"}}"#);
    let row = place.annotation("x/events#1");
    assert_eq!((row.start, row.end, row.annotator.as_deref()), (Some(1.0), Some(3.0), Some("ann")));
    assert_eq!(labels(&row), [("event", "a"), ("event", "b")]);
    let dataset = place.dataset();
    let frame = |id: &str| dataset.frame(dataset.find_in(Table::Frames, "src", id).unwrap().unwrap()).unwrap();
    let row = frame("v1/000006").to_row().unwrap();
    assert_eq!((row.index, row.time, row.path.as_deref()), (Some(6), Some(0.24), Some("v1/000006.png")));
    assert_eq!(row.extra.as_deref(), Some(r#"{"blur":1}"#));
    let cell = |id: &str, name: &str| {
        let frame = frame(id);
        let cell = frame.row().named(name).unwrap();
        (cell.array.is_null(cell.row), cell.array.data_type().to_string())
    };
    assert_eq!(cell("v1/000005", "quality"), (false, "Float64".into()));
    assert!(cell("v1/000006", "quality").0);
    assert_eq!(cell("v1/000006", "usable"), (false, "Boolean".into()));
}

#[test]
fn conversations_with_several_pictures_or_a_clip() {
    let map = r#"
        name = "talk"
        [[table]]
        form = "jsonl"
        [[table.rows]]
        become = "conversations"
        id = "id"
        system = "rule?"
        question = "q"
        answer = "a?"
        images = "imgs?"
        clip = "clip?"
        start = "from?"
        end = "to?"
        task = "image captioning"
        split = "{set?}"
        patient = "who?"
    "#;
    let place = Place::with_map(map);
    let rows = [
        r#"{"id": 1, "q": "<image> and <image>?", "a": "", "imgs": ["1.png", "2.png"], "rule": "be brief", "set": "train"}"#,
        r#"{"id": 1, "q": "What now?", "clip": "c.mp4", "from": 1.5, "to": 3, "who": "007", "more": [1]}"#,
    ];
    place.write("x.jsonl", rows.join("\n"));
    let report = place.whole();
    assert_eq!((report.records.added, report.media.missing, found(&report, Kind::RepeatedId)), (2, 3, 1));
    assert_eq!(report.splits, [("train".to_owned(), 1)].into());
    let dataset = place.dataset();
    let row = |id: &str| {
        let address = dataset.find_in(Table::Conversations, "src", id).unwrap().unwrap();
        dataset.conversation_at(address).unwrap().to_row().unwrap()
    };
    let first = row("1");
    assert_eq!(
        first.turns.iter().map(|turn| &turn.text[..]).collect::<Vec<_>>(),
        ["be brief", "<image> and <image>?", ""]
    );
    assert_eq!(
        first.media.iter().map(|medium| (medium.turn, medium.at)).collect::<Vec<_>>(),
        [(1, Some(0)), (1, Some(12))]
    );
    let second = row("1~2");
    assert_eq!((second.media[0].start, second.media[0].end, second.turns.len()), (Some(1.5), Some(3.0), 1));
    assert_eq!((second.task.as_str(), second.extra.as_deref()), ("image captioning", Some(r#"{"more":[1]}"#)));
    assert_eq!(dataset.case(second.case.unwrap()).unwrap().patient().unwrap(), Some("7"));
}

#[test]
fn a_picture_of_another_folder_is_never_found_by_its_name_untold() {
    let map = r#"
        name = "talk"
        [[table]]
        form = "csv"
        [[table.rows]]
        become = "conversations"
        question = "q"
        answer = "a"
        image = "img"
    "#;
    let place = Place::with_map(map);
    place.write("a/t.csv", "img,q,a\n1.jpg,What?,A\n");
    place.write("b/t.csv", "img,q,a\n1.jpg,What?,B\n");
    place.write("a/1.jpg", b"\x89PNG\r\n\x1a\n");
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!((report.media.missing, place.count(Table::Frames)), (1, 2));
    assert_eq!((place.frame("a/1.jpg").blob.is_some(), place.frame("b/1.jpg").blob), (true, None));
    // A folder of pictures that all tables share is none of another record.
    let place = Place::with_map(map);
    place.write("a/t.csv", "img,q,a\n1.jpg,What?,A\n");
    place.write("b/t.csv", "img,q,a\n1.jpg,What?,B\n");
    place.write("images/1.jpg", b"\x89PNG\r\n\x1a\n");
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!((found(&report, Kind::SamePath), report.media.missing, place.count(Table::Frames)), (0, 0, 1));
}
