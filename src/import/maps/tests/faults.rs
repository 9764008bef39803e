//! What is wrong with maps and with the files that they read is told with its place, and leaves the dataset as it was.

use super::*;

const HEAD: &str = "name = \"m\"\n[[table]]\nform = \"csv\"\n[[table.rows]]\n";

fn fault(text: &str) -> String {
    TableMap::from_toml(text).unwrap_err().to_string()
}

#[test]
fn a_map_that_is_none_says_what_is_wrong_and_what_may_stand_there() {
    assert!(
        fault(&format!("{HEAD}become = \"videos\"\nvidio = \"v\"\n"))
            .starts_with("line 6: unknown field `vidio`, expected one of `become`")
    );
    assert!(
        fault("nam = \"x\"\n")
            .starts_with("line 1: unknown field `nam`, expected one of `name`, `about`, `table`, `masks`")
    );
    assert!(fault(&format!("{HEAD}become = \"movies\"\n")).contains("expected one of `videos`, `frames`"));
    for (rows, message) in [
        ("become = \"videos\"\n", "rows that become videos need `video`"),
        (
            "become = \"videos\"\nvideo = \"v\"\nquestion = \"q\"\n",
            "`question` means nothing of rows that become videos; what does is `become`, `at`, `video`",
        ),
        ("become = \"intervals\"\nvideo = \"v\"\nlabels = []\n", "need `labels` or `text`"),
        (
            "become = \"intervals\"\nvideo = \"v\"\ntext = \"t\"\nstart = \"s\"\n",
            "need `start`, and either `end` or `length`",
        ),
        ("become = \"intervals\"\nvideo = \"v\"\ntext = \"t\"\nruns = true\n", "since they are runs of moments"),
        ("become = \"labels\"\ntext = \"t\"\n", "need `path`, or `video` with `index` or `time`"),
        ("become = \"boxes\"\npath = \"p\"\n", "need `box`"),
        (
            "become = \"boxes\"\npath = \"p\"\nbox = { fields = [\"a\", \"b\"], form = \"xyxy\", measure = \"pixels\" }\n",
            "four numbers, or one list",
        ),
        ("become = \"conversations\"\n", "need `question`"),
        ("become = \"frames\"\npath = \"{file.x}\"\n", "\"*.csv\" has no field {x}"),
        ("become = \"frames\"\npath = \"{key}\"\n", "only rows of JSON have keys"),
        ("become = \"frames\"\npath = \"p\"\nat = \"x[]\"\n", "`at` leads to rows of JSON"),
        ("become = \"frames\"\npath = \"{a\"\n", "`{` is not closed"),
        ("become = \"labels\"\npath = \"p\"\nlabels = [{ axis = \"x\" }]\n", "a label needs either `raw`"),
    ] {
        let error = fault(&format!("{HEAD}{rows}"));
        assert!(error.contains(message), "{rows}: {error}");
    }
    for (table, message) in [
        ("form = \"json\"\ndelimiter = \";\"\n", "`delimiter` means nothing for JSON"),
        ("form = \"csv\"\ncolumns = [\"a\"]\n", "write `header = false` too"),
        ("form = \"csv\"\nclock = { unit = \"frames\", fps = 0 }\n", "fps must be above 0"),
        ("form = \"csv\"\nclock = { unit = \"s\", end = \"last\" }\n", "needs unit frames"),
        ("form = \"csv\"\nfiles = [\"{a}{b}\"]\n", "two fields touch"),
        ("form = \"csv\"\nrows = []\n", "at least one [[table.rows]]"),
    ] {
        let rows = if table.contains("rows") { "" } else { "[[table.rows]]\nbecome = \"videos\"\nvideo = \"v\"\n" };
        let error = fault(&format!("name = \"m\"\n[[table]]\n{table}{rows}"));
        assert!(error.contains(message), "{table}: {error}");
    }
    let json = "name = \"m\"\n[[table]]\nform = \"json\"\n[[table.rows]]\nbecome = \"videos\"\n";
    for (rows, message) in [
        ("at = \"a[]\"\nvideo = \"{key.2}\"\n", "there are 1 keys on the way"),
        ("at = \"a[]\"\nvideo = \"{parent.x}\"\n", "is `{top.NAME}`"),
        ("video = \"{top.x}\"\n", "the file is a list, and has no members"),
        (
            "at = \"a[]\"\nvideo = \"v\"\n[[table.rows]]\nbecome = \"videos\"\nvideo = \"v\"\n",
            "either all in its own list",
        ),
    ] {
        let error = fault(&format!("{json}{rows}"));
        assert!(error.contains(message), "{rows}: {error}");
    }
}

const PLAIN: &str = "name = \"m\"\n[[table]]\nform = \"csv\"\n[[table.rows]]\nbecome = \"intervals\"\nvideo = \"v\"\nstart = \"s\"\n\
                     end = \"e\"\nlabels = [{ axis = \"phase\", raw = \"p\" }]\n";

#[test]
fn a_bad_row_stops_with_its_line_or_is_skipped() {
    let place = Place::with_map(PLAIN);
    for (row, message) in [
        ("v,5,3,a", "it ends at 3 s, before it starts, at 5 s"),
        ("v,nan,3,a", "its start: NaN is no time"),
        ("v,1,inf,a", "its end: inf is no time"),
        ("v,x,3,a", "its start: \"x\" is no time in seconds"),
        ("v,,3,a", "it does not say its start"),
        (",1,3,a", "it names no video"),
        ("v,1,3", "the row has 3 values, and there are 4 columns"),
        ("v,1,3,a,b", "the row has 5 values"),
        ("v,1,\"3,a\n\n", "a quote is opened in this row, and not closed"),
        ("v,1,3,\"a\nv,2,3,b", "a quote is opened in this row, and not closed"),
        ("v,1,3,\"a\nv,2,3,\"\"", "a quote is opened in this row, and not closed"),
    ] {
        let file = place.write("x.csv", format!("v,s,e,p\nv,0,1,a\n{row}\n"));
        let error = place.import(&[&file]).unwrap_err().to_string();
        assert!(error.contains("x.csv") && error.contains("line 3") && error.contains(message), "{row}: {error}");
        assert_eq!((place.dataset().version(), place.count(Table::Annotations)), (1, 0));
    }
    let file = place.write("x.csv", "v,s,e,p\nv,0,1,\"a\n\"\"b\"\"\"\r\n");
    place.import(&[&file]).unwrap();
    assert_eq!(labels(&place.annotation("x#1")), [("phase", "a\n\"b\"")]);

    let mut place = Place::with_map(PLAIN);
    place.options.on_error = OnError::Skip;
    let bytes = [&b"v,s,e,p\nv,0,1,a\nv,5,3,a\nv,1,2,\xff\nv,2,3,b\n"[..]].concat();
    let file = place.write("x.csv", bytes);
    let report = place.import(&[&file]).unwrap();
    assert_eq!((report.records.read, report.records.added, report.records.skipped["bad record"]), (4, 2, 2));
    assert_eq!(report.skipped.iter().map(|row| row.line).collect::<Vec<_>>(), [Some(3), Some(4)]);
    assert!(report.skipped[1].reason.contains("not UTF-8"));
}

#[test]
fn a_file_that_is_not_what_the_map_says_is_refused_whole() {
    let mut place = Place::with_map(PLAIN);
    place.options.on_error = OnError::Skip;
    for (text, message) in [
        ("v,s,e\nv,1,2\n", "line 1: the map needs a column `p`, and the file has `v`, `s`, `e`"),
        ("v,s,e,p,p\n", "line 1: two columns are called \"p\""),
    ] {
        let error = place.import(&[&place.write("x.csv", text)]).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
    let long = format!("v,s,e,p\nv,1,2,\"{}", "x".repeat(40 << 20));
    let error = place.import(&[&place.write("x.csv", long)]).unwrap_err().to_string();
    assert!(error.contains("line 2") && error.contains("longer than 16 MB"), "{error}");
    let error = place.import(&[&place.write("x.tsv", "v\n")]).unwrap_err().to_string();
    assert!(error.contains("the map m does not read it: its `files` are *.csv"), "{error}");
    assert_eq!(place.dataset().version(), 1);
}

#[test]
fn faults_in_json_have_their_place() {
    let map = "name = \"m\"\n[[table]]\nform = \"json\"\n[[table.rows]]\nat = \"a.*.b[]\"\nbecome = \"videos\"\nvideo = \"v\"\n";
    for (text, message) in [
        ("{\"a\": {\"x\": {\"b\": [{\"v\": 1}]},\n \"y\": {\"b\": 5}}}", "line 2: there should be a list here"),
        ("{\"a\": {\"x\": {\"b\": [{\"w\": 1}]}}}", "it has no field `v`"),
        ("{\"a\": {\"x\": {\"b\": [{\"v\": []}]}}}", "field `v` is a list or an object"),
        ("{\"a\": {\"x\": {\"b\": [5]}}}", "it has no field `v`"),
        ("{\"a\": [1]}", "`a` is not what the map's `at` says"),
        ("{\"a\": {\"x\": {\"b\": [tru]}}}", "line 1"),
        ("{\"a\": {\"x\": ", "the file ends"),
        ("[]", "expected `{`"),
    ] {
        let place = Place::with_map(map);
        let error = place.import(&[&place.write("x.json", text)]).unwrap_err().to_string();
        assert!(error.contains("x.json") && error.contains(message), "{text}: {error}");
        assert_eq!(place.dataset().version(), 1);
    }
    let place = Place::with_map(map);
    let deep = format!("{{\"a\":{{\"x\":{}{}}}}}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    assert!(place.import(&[&place.write("x.json", deep)]).unwrap_err().to_string().contains("nested deeper than 128"));
    let report = place.import(&[&place.write("x.json", "{\"a\": {\"x\": {\"b\": null}, \"y\": {}}}")]).unwrap();
    assert_eq!((report.records.read, found(&report, Kind::EmptyInput)), (0, 1));
}

#[test]
fn runs_go_forwards_and_a_column_keeps_its_type() {
    let map = "name = \"m\"\n[[table]]\nform = \"text\"\nclock = { unit = \"frames\" }\n[[table.rows]]\nbecome = \"intervals\"\n\
               video = \"{file.stem}\"\nindex = \"f\"\nruns = true\nlabels = [{ axis = \"phase\", raw = \"p\" }]\n";
    let mut place = Place::with_map(map);
    let file = place.write("x.txt", "f p\n1 a\n1 a\n");
    let error = place.import(&[&file]).unwrap_err().to_string();
    assert!(error.contains("line 3") && error.contains("must go forwards, and 1 comes after 1"), "{error}");
    let file = place.write("x.txt", "f p\n1 a\n2 a\n");
    let error = place.import(&[&file]).unwrap_err().to_string();
    assert!(error.contains("nothing says how many a second has"), "{error}");
    place.options.source.fps = Some(2.0);
    place.options.source.index_base = Some(1);
    place.import(&[&file]).unwrap();
    let row = place.annotation("x#1");
    assert_eq!((row.start, row.end), (Some(0.0), Some(1.0)));

    let column = |ty: &str| {
        format!(
            "{HEAD}become = \"videos\"\nvideo = \"v\"\n[table.rows.columns]\nfold = {{ from = \"f\", type = \"{ty}\" }}\n"
        )
    };
    let mut place = Place::with_map(&column("int64"));
    let file = place.write("x.csv", "v,f\na,1\na,1\na,2\n");
    let report = place.import(&[&file]).unwrap();
    assert_eq!((report.records.added, report.records.unchanged, report.records.changed_kept), (1, 1, 1));
    place.options.map = Some(Arc::new(TableMap::from_toml(&column("text")).unwrap()));
    let error = place.import(&[&file]).unwrap_err().to_string();
    assert!(error.contains("the column `fold` of videos is there, and not of type text"), "{error}");
}

#[test]
fn runs_of_several_videos_may_come_in_turns() {
    let map = "name = \"m\"\n[[table]]\nform = \"csv\"\nclock = { unit = \"s\" }\n[[table.rows]]\nbecome = \"intervals\"\n\
               video = \"v\"\ntime = \"t\"\nruns = true\nlabels = [{ axis = \"phase\", raw = \"p\" }]\n";
    let place = Place::with_map(map);
    let file = place.write("x.csv", "v,t,p\nA,0,x\nB,0,x\nA,1,x\nB,1,x\nA,2,y\nB,2,x\n");
    let report = place.import(&[&file]).unwrap();
    assert_eq!(report.records.added, 3);
    let spans = ["x#1", "x#2", "x#5"].map(|id| {
        let row = place.annotation(id);
        (row.start, row.end)
    });
    assert_eq!(spans, [(0.0, 2.0), (0.0, 3.0), (2.0, 3.0)].map(|(start, end)| (Some(start), Some(end))));

    let file = place.write("y.csv", "v,t,p\nA,0,x\nB,0,x\nA,1,x\nB,1,x\nA,0,y\n");
    let error = place.import(&[&file]).unwrap_err().to_string();
    assert!(error.contains("line 6") && error.contains("must go forwards, and 0 comes after 1"), "{error}");

    // Of more videos at once than are held, a stretch may come out in parts; nothing is lost.
    let rows = |from: u32| (0..5000).map(move |video| format!("v{video},{from},x\n"));
    let file = place.write("many.csv", format!("v,t,p\n{}", rows(0).chain(rows(1)).collect::<String>()));
    let report = place.import(&[&file]).unwrap();
    assert_eq!((report.records.read, report.records.added), (10_000, 10_000));
}

/// The map that is proposed for a file, which says this, and what comes of reading the file by it.
fn imported_as_proposed(name: &str, text: &str, wanted: &str) -> (String, ImportReport) {
    let mut place = Place::new();
    let file = place.write(name, text);
    let proposal = TableMap::propose(&file).unwrap();
    assert!(proposal.contains(wanted), "{name}:\n{proposal}");
    let map = TableMap::from_toml(&proposal).unwrap_or_else(|error| panic!("{name}: {error}\n{proposal}"));
    place.options.map = Some(Arc::new(map));
    let report = place.import(&[&file]).unwrap_or_else(|error| panic!("{name}: {error}\n{proposal}"));
    (proposal, report)
}

#[test]
fn a_proposal_for_moments_keeps_every_row() {
    for (name, text, wanted, added) in [
        ("ph.tsv", "time\tphase\n0\tprep\n1\tprep\n2\tcut\n", "runs = true", 2),
        ("at.csv", "timestamp,step\n00:00:01,a\n00:00:02,a\n", "become = \"labels\"", 2),
        ("far.csv", "time,phase\n0,a\n5,a\n10,b\n", "step = 5", 2),
        ("bare.txt", "0 prep\n1 prep\n2 cut\n", "raw = \"2\"", 2),
        ("note.csv", "second,note\n0,a\n1,a\n2,b\n", "raw = \"note\"", 2),
        ("cap.csv", "image,caption\n1.jpg,A hook\n1.jpg,B\n1.jpg,C\n2.jpg,x\n", "text = \"caption\"", 4),
        (
            "deep.jsonl",
            "{\"vid\":\"v\",\"seg\":{\"from\":0,\"to\":5},\"label\":\"x\"}\n\
             {\"vid\":\"v\",\"seg\":{\"from\":5,\"to\":9},\"label\":\"y\"}\n",
            "start = \"seg.from\"",
            2,
        ),
    ] {
        let (proposal, report) = imported_as_proposed(name, text, wanted);
        assert_eq!((report.records.added, report.records.changed_kept), (added, 0), "{name}:\n{proposal}");
        assert_eq!(found(&report, Kind::Doubtful), 0, "{name}:\n{proposal}");
    }
    // Where nothing tells rows of one video apart, no proposal would keep them: the user chooses.
    let place = Place::new();
    for (name, text) in
        [("l.txt", "0:hook,cut,duct\n1:hook,cut,wall\n2:hook,grasp,wall\n"), ("v.csv", "video,n\na,1\na,2\n")]
    {
        let proposal = TableMap::propose(place.write(name, text)).unwrap();
        assert!(proposal.contains("become = \"CHOOSE\""), "{name}:\n{proposal}");
        let error = TableMap::from_toml(&proposal).unwrap_err().to_string();
        assert!(error.contains("CHOOSE") && error.contains("intervals"), "{error}");
    }
}

#[test]
fn a_proposal_is_a_map_that_reads_its_file() {
    for (name, text, wanted) in [
        ("a b.csv", "video_id,start_frame,end_frame,phase,grade\nv,0,25,x,1\n", "unit = \"frames\""),
        (
            "rates.csv",
            "video,fps,start_frame,end_frame,phase\nv,25,0,100,x\nw,50,0,100,x\n",
            "fps = \"fps\"\nstart = \"start_frame\"",
        ),
        ("v1.csv", "start;end;label\n00:01;00:02;x\n", "unit = \"h:m:s\""),
        ("v.tsv", "video\tbegin\tend\tstep\nv\t0\t13301\tx\nv\t13301\t25000\ty\n", "unit = \"ms\""),
        ("v3.txt", "Frame Phase\n0 a\n1 a\n2 b\n", "runs = true"),
        ("v4.txt", "Frame Hook Clipper\n0 1 0\n25 0 0\n", "columns = [\"Hook\", \"Clipper\"]"),
        ("b.csv", "image,x1,y1,x2,y2,class\na.png,0.1,0.1,0.5,0.5,hook\n", "measure = \"0-1\""),
        // A path is no frame's number, whatever its column is called.
        ("p.csv", "frame,x1,y1,x2,y2,class\nf/1.png,0.1,0.1,0.5,0.5,hook\n", "path = \"frame\"\n# A guess"),
        ("s.csv", "image,label,subset\na.png,hook,train\nb.png,clip,test\n", "split = \"{subset?}\""),
        ("f.csv", "file_name,width\na.png,5\n", "become = \"frames\""),
        (
            "q.json",
            "[{\"question\": \"q\", \"answer\": \"a\", \"image\": \"i.png\", \"split\": \"train\"}]",
            "split = \"{split?}\"",
        ),
        ("v.json", "{\"phases\": [{\"start\": 0, \"end\": 1, \"label_name\": \"x\"}], \"n\": 1}", "axis = \"phase\""),
        (
            "n.json",
            "{\"database\": {\"a\": {\"duration\": 5, \"annotations\": [{\"segment\": [0, 1], \"label\": \"x\"}]},\
             \"b\": {\"duration\": 6, \"annotations\": []}}}",
            "start = \"segment[0]\"",
        ),
        (
            "l.jsonl",
            "{\"video\": \"v\", \"id\": 7, \"n\": 2}\n{\"video\": \"w\", \"id\": 8, \"n\": 2}\n",
            "become = \"videos\"",
        ),
        ("comma.csv", "video;start;end;phase\nv;0,5;12,25;x\nv;12,25;80,0;y\n", "decimal = \",\""),
        ("bare.txt", "video01 0 25 x\nvideo01 25 50 y\n", "columns = [\"video\", \"start\", \"end\", \"4\"]"),
        ("de.csv", "Dateiname;Phase\nP07_1.png;x\n", "path = \"Dateiname\""),
        ("case.csv", "case,from,to,step\nP07,00:05,01:10,x\nP08,00:05,30:00,y\n", "video = \"case\""),
        ("mixed.csv", "frame,phase,grasper,hook\n1,0,1,0\n2,0,1,0\n", "columns = [\"grasper\", \"hook\"]"),
        ("list.json", "[{\"file\": \"a.png\", \"labels\": [\"x\", \"y\"]}]", "raw = \"labels\""),
        (
            "nested.json",
            "{\"videos\": [{\"video_id\": \"a\", \"cuts\": [{\"start\": 0, \"end\": 4, \"label\": \"x\"}]},\
             {\"video_id\": \"b\", \"cuts\": [{\"start\": 1, \"end\": 4, \"label\": \"y\"}]}]}",
            "video = \"{parent.video_id}\"",
        ),
        ("tf.csv", "filename,width,height,class,xmin,ymin,xmax,ymax\na.png,64,48,x,1,2,3,4\n", "height = \"height\""),
        (
            "each.json",
            "{\"P07\": [{\"t\": 0, \"phase\": \"x\"}, {\"t\": 1, \"phase\": \"y\"}], \"P08\": [{\"t\": 0, \"phase\": \"x\"}]}",
            "video = \"{key.1}\"",
        ),
    ] {
        let (proposal, report) = imported_as_proposed(name, text, wanted);
        assert!(report.records.added > 0, "{name}:\n{proposal}");
    }
    let place = Place::new();
    let shapes = r#"{"version":"5","shapes":[],"imagePath":"a.png","imageData":null,"imageWidth":7,"imageHeight":48}"#;
    let error = TableMap::propose(place.write("a.json", shapes)).unwrap_err().to_string();
    assert!(error.contains("reads it without a map, as labelme"), "{error}");
    let turns = r#"[{"id":"1","image":"a.png","conversations":[{"from":"human","value":"<image>?"}]}]"#;
    let proposal = TableMap::propose(place.write("t.json", turns)).unwrap();
    assert!(proposal.contains("reads this file without a map, as sharegpt"), "{proposal}");
    TableMap::from_toml(&proposal).unwrap();
    for (name, text) in [("e.csv", ""), ("e.json", "{}"), ("e.json", "[1, 2]")] {
        let error = TableMap::propose(place.write(name, text)).unwrap_err().to_string();
        assert!(error.contains("empty") || error.contains("no rows were found"), "{error}");
    }
}

#[test]
fn the_documentation_names_every_key_and_its_example_runs() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/maps.md")).unwrap();
    use super::super::text::{Kind as Becomes, RowsText};
    for kind in
        [Becomes::Videos, Becomes::Frames, Becomes::Labels, Becomes::Intervals, Becomes::Boxes, Becomes::Conversations]
    {
        for key in RowsText::keys(kind) {
            let row = text.lines().find(|line| line.starts_with(&format!("| `{key}`")));
            let row = row.unwrap_or_else(|| panic!("docs/maps.md does not describe `{key}`"));
            let kinds = row.split('|').nth(2).unwrap().trim();
            let is_named = kinds == "all" || kinds.split(", ").any(|name| name == kind.name());
            assert!(is_named, "docs/maps.md: `{key}` for {}", kind.name());
        }
    }
    let block = |fence: &str| {
        let (_, after) =
            text.split_once(&format!("```{fence}\n")).unwrap_or_else(|| panic!("no {fence} in docs/maps.md"));
        after.split_once("```").unwrap().0
    };
    let place = Place::with_map(block("toml"));
    place.write("site-a/P07.csv", block("csv"));
    let report = place.whole();
    assert_eq!((report.records.added, found(&report, Kind::Doubtful)), (3, 1));
    let row = place.annotation("site-a/P07/2");
    assert_eq!(
        (row.start, row.end, labels(&row)),
        (Some(12.0), Some(40.0), vec![("phase", "dissection"), ("grade", "B")])
    );
}

#[test]
fn numbers_have_commas_where_the_map_says_so() {
    let map = "name = \"m\"\n[[table]]\nform = \"csv\"\ndelimiter = \";\"\ndecimal = \",\"\n[[table.rows]]\nbecome = \"boxes\"\n\
        path = \"p\"\nscore = \"s\"\nbox = { fields = [\"a\", \"b\", \"c\", \"d\"], form = \"xyxy\", measure = \"0-1\" }\n\
        labels = [{ axis = \"tool\", columns = [\"hook\"] }]\n";
    let place = Place::with_map(map);
    let file = place.write("x.csv", "p;a;b;c;d;s;hook\n1.png;0,25;0.25;0,5;1;0,5;0,75\n");
    place.import(&[&file]).unwrap();
    let row = place.annotation("x#1");
    assert_eq!((row.regions[0].bbox, row.regions[0].score), (Some([0.25, 0.25, 0.5, 1.0]), Some(0.5)));
    assert_eq!(row.labels[0].value, Some(0.75));
    let file = place.write("y.csv", "p;a;b;c;d;s;hook\n1.png;1.000,25;0;1;1;1;1\n");
    assert!(place.import(&[&file]).unwrap_err().to_string().contains("1.000,25"));
    let map = map.replace("decimal = \",\"", "decimal = \"x\"");
    assert!(TableMap::from_toml(&map).unwrap_err().to_string().contains("`decimal` is what stands before"));
}

#[test]
fn a_value_that_goes_with_no_label_is_kept_and_told() {
    let map = "name = \"m\"\n[[table]]\nform = \"csv\"\n[[table.rows]]\nbecome = \"labels\"\npath = \"p\"\n\
        labels = [{ axis = \"tool\", raw = \"t\", value = \"n\", none = [\"none\"] }]\n";
    let place = Place::with_map(map);
    let report =
        place.import(&[&place.write("x.csv", "p,t,n\n1.png,hook,0.5\n2.png,none,0.93\n3.png,none,\n")]).unwrap();
    let extra = |id: &str| place.annotation(id).extra;
    assert_eq!(["x#1", "x#2", "x#3"].map(extra), [None, Some(r#"{"tool value":0.93}"#.to_owned()), None]);
    let told = &report.findings[&crate::import::Kind::Doubtful];
    assert_eq!(
        (told.count, told.examples[0].detail.as_str()),
        (1, "\"none\" stands for no tool: its value 0.93 is kept in `extra`")
    );
}
