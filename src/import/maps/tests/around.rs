//! What no row takes, and what rows say in vain.

use super::*;

#[test]
fn what_stands_around_rows_and_no_key_takes_is_kept_in_the_report() {
    let map = r#"
        name = "deep"
        [[table]]
        form = "json"
        [[table.rows]]
        at = "videos[].phases[]"
        become = "intervals"
        video = "{parent.name}"
        start = "from"
        end = "to"
        labels = [{ axis = "phase", raw = "is" }]
        [[table.rows]]
        at = "videos[].steps[]"
        become = "intervals"
        video = "{parent.name}"
        start = "from"
        end = "to"
        labels = [{ axis = "step", raw = "is" }]
    "#;
    let place = Place::with_map(map);
    let text = r#"{"videos":[{"name":"v1","surgeon":"A","phases":[{"from":0,"to":5,"is":"a","x":1}]},
        {"name":"v2","surgeon":"B","phases":[],"steps":null},
        {"name":"v3","phases":[{"from":0,"to":1,"is":"b"}],"steps":[{"from":0,"to":1,"is":"c"}]}]}"#;
    place.write("nest.json", text);
    let report = place.whole();
    let says = report.inputs[0].says.as_ref().unwrap().get();
    assert_eq!(says, r#"{"videos/0":{"surgeon":"A"},"videos/1":{"name":"v2","surgeon":"B"}}"#);
    let told = told(&report, Kind::AboutFile)[0];
    assert!(told.contains("`videos/0`") && told.contains("`videos/1`") && told.contains("under `says`"), "{told}");
    assert_eq!(
        place.annotation("nest/phases#1").extra.as_deref(),
        Some(r#"{"x":1}"#),
        "a row's own fields are its own"
    );

    let place = Place::with_map(map);
    place.write("nest.json", r#"{"videos":[{"name":"v1","phases":[{"from":0,"to":5,"is":"a"}]}]}"#);
    assert!(place.whole().inputs[0].says.is_none());
}

#[test]
fn lists_and_objects_beside_columns_of_labels_are_kept() {
    let map = "name = \"star\"\n[[table]]\nform = \"json\"\nclock = { unit = \"frames\", fps = 1 }\n[[table.rows]]\n\
               become = \"labels\"\nvideo = \"video\"\nindex = \"frame\"\n\
               labels = [{ axis = \"instrument\", columns = [\"*\"] }]\n";
    let place = Place::with_map(map);
    place.write("a.json", r#"[{"video":"v","frame":1,"hook":1,"clip":0,"meta":{"a":1},"tags":["x"],"note":null}]"#);
    place.whole();
    let row = place.annotation("a#1");
    assert_eq!(labels(&row), [("instrument", "hook")]);
    assert_eq!(row.extra.as_deref(), Some(r#"{"meta":{"a":1},"tags":["x"],"note":null}"#));
}

#[test]
fn a_row_without_a_label_and_a_time_that_no_video_has_are_told() {
    let map = "name = \"m\"\n[[table]]\nform = \"csv\"\n[[table.rows]]\nbecome = \"intervals\"\nvideo = \"video\"\n\
               start = \"start\"\nend = \"end\"\nlabels = [{ axis = \"phase\", raw = \"phase\", none = [\"-\"] }]\n";
    let place = Place::with_map(map);
    place.write("a.csv", "video,start,end,phase\nv,0,1,\nv,1,2,-\nv,2,3,a\nv,3,90000,b\n");
    let report = place.whole();
    let told = told(&report, Kind::Doubtful);
    assert_eq!((told.len(), report.records.added), (2, 4));
    assert!(told[0].contains("says nothing") && told[1].contains("25 hours into the video"), "{told:?}");
}

#[test]
fn the_size_that_boxes_are_measured_by_is_the_pictures() {
    let map = "name = \"b\"\n[[table]]\nform = \"jsonl\"\n[[table.rows]]\nbecome = \"boxes\"\npath = \"file\"\n\
               width = \"w\"\nheight = \"h\"\nbox = { fields = [\"bbox\"], form = \"xywh\", measure = \"pixels\" }\n";
    let place = Place::with_map(map);
    place.write("x.jsonl", "{\"file\":\"1.png\",\"bbox\":[1,2,3,4],\"w\":10,\"h\":20}\n");
    place.whole();
    let row = place.frame("1.png");
    assert_eq!((row.width, row.height, row.blob), (Some(10), Some(20), None));
}

#[test]
fn a_patient_of_two_institutions_is_told() {
    let map = "name = \"m\"\n[[table]]\nfiles = [\"{hospital}/{video}.csv\"]\nform = \"csv\"\n[[table.rows]]\n\
               become = \"intervals\"\nvideo = \"VIDEO\"\ninstitution = \"{file.hospital}\"\n\
               start = \"start\"\nend = \"end\"\nlabels = [{ axis = \"phase\", raw = \"phase\" }]\n";
    for (video, told_of) in [("{file.video}", 1), ("{file.hospital}/{file.video}", 0)] {
        let place = Place::with_map(&map.replace("VIDEO", video));
        for site in ["site-a", "site-b"] {
            place.write(&format!("{site}/P07.csv"), "start,end,phase\n0,1,a\n1,2,b\n");
        }
        let report = place.whole();
        let told = told(&report, Kind::Doubtful);
        assert_eq!(told.len(), told_of, "{told:?}");
        assert!(told.iter().all(|told| told.contains("site-a") && told.contains("site-b")), "{told:?}");
        assert_eq!(place.count(Table::Cases), 2 - told_of as u64);
    }
}

#[test]
fn moments_without_a_label_keep_what_else_they_say() {
    let place = Place::with_map(
        r#"
        name = "runs"
        [[table]]
        files = ["{video}.csv"]
        form = "csv"
        clock = { unit = "frames", fps = 1 }
        [[table.rows]]
        become = "intervals"
        video = "{file.video}"
        index = "Frame"
        runs = true
        labels = [{ axis = "phase", raw = "Phase", none = ["idle"] }]
        "#,
    );
    place.write("v.csv", "Frame,Phase,remark\n0,a,\n1,a,\n2,,camera out\n3,,camera out\n4,idle,note 7\n5,idle,\n6,,\n");
    let report = place.whole();
    let said = |id: &str| {
        let row = place.annotation(id);
        (row.labels.len(), row.start, row.end, row.extra)
    };
    assert_eq!(said("v#1"), (1, Some(0.0), Some(2.0), None));
    assert_eq!(said("v#3"), (0, Some(2.0), Some(4.0), Some(r#"{"remark":"camera out"}"#.to_owned())));
    assert_eq!(said("v#5"), (0, Some(4.0), Some(5.0), Some(r#"{"remark":"note 7"}"#.to_owned())));
    assert_eq!(report.records.added, 3, "rows that say nothing at all are none");
    let told = told(&report, Kind::Doubtful);
    assert!(matches!(told[..], [one] if one.contains("its label is empty")), "{told:?}");
}

#[test]
fn one_moment_is_one_frame_however_its_time_is_written() {
    let map = |unit: &str| {
        format!(
            r#"
            name = "moments"
            [[table]]
            form = "csv"
            clock = {{ unit = "{unit}" }}
            [[table.rows]]
            become = "labels"
            video = "v"
            time = "t"
            labels = [{{ axis = "phase", raw = "is" }}]
            "#
        )
    };
    for (unit, times, name) in
        [("s", ["0902", "902", "902.0"], "902"), ("h:m:s", ["0:15:02.5", "15:02.5", "15:02.50"], "902.5")]
    {
        let place = Place::with_map(&map(unit));
        let rows: Vec<String> = times.iter().map(|time| format!("a,{time},x\n")).collect();
        place.write("t.csv", format!("v,t,is\n{}", rows.concat()));
        place.whole();
        assert_eq!((place.count(Table::Frames), place.count(Table::Annotations)), (1, 3), "{unit}");
        assert_eq!(place.frame(&format!("a/{name}")).time, name.parse().ok());
    }
}
