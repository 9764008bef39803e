use super::*;

const HEX: &str = "0123456789abcdef0123456789abcdef";

fn file(folder: &str, number: u32, fragments: &[(u32, u32)]) -> FileEntry {
    FileEntry {
        path: data_path(folder, number),
        length: 4096,
        crc32: number,
        fragments: fragments.iter().map(|part| FragmentRows::try_from(*part).unwrap()).collect(),
    }
}

/// A manifest that has something of everything.
fn full() -> Manifest {
    let mut manifest = Manifest::empty(HEX, HEX, "2031-05-06T07:08:09.123456789Z");
    let report = report_path(&HEX.repeat(2), "json");
    manifest.version = 7;
    manifest.next = 60;
    manifest.operation = Operation::new("import").with("conversations", 500);
    manifest.files.insert("conversations".into(), vec![file("conversations", 9, &[(3, 10), (4, 1000)])]);
    manifest.files.insert("frames".into(), vec![file("frames", 5, &[(5, 70)]), file("frames", 6, &[(6, u32::MAX)])]);
    manifest.columns = vec![SideColumn {
        table: "conversations".into(),
        name: "split.official".into(),
        ty: "dict".into(),
        replaces: false,
        files: vec![file("columns", 41, &[(3, 10)]), file("columns", 42, &[(4, 1000), (3, 10)])],
    }];
    manifest.index = vec![IndexRun {
        kind: "conversations.id".into(),
        path: data_path("index", 43),
        length: 4096,
        crc32: 1,
        rows: 1010,
    }];
    manifest.deletions = vec![DeletionFile {
        table: "frames".into(),
        path: data_path("deletions", 44),
        length: 4096,
        crc32: 1,
        rows: 2,
    }];
    manifest.sources = vec![Source {
        id: "lap".into(),
        title: Some("Laparoscopy \"of\" everything".into()),
        kind: Some(SourceKind::Clinical),
        imports: vec![Import {
            importer: "sharegpt".into(),
            inputs: vec![ImportInput { path: None, digest: HEX.repeat(2), bytes: u64::MAX }],
            counts_in: [("records".to_owned(), 500)].into(),
            report: Some(report.clone()),
            time: "2031-05-06T07:08:09Z".into(),
            ..Import::default()
        }],
        ..Source::default()
    }];
    manifest.vocabulary = Some(HEX.repeat(2));
    manifest.reports = vec![ReportEntry { name: "import of lap".into(), path: report, bytes: 3 }];
    manifest.tags = [("paper".to_owned(), 3)].into();
    manifest
}

/// Frames an inner object as a version file, checksum and all.
fn framed(inner: &str) -> Vec<u8> {
    format!("{{\"crc32\":{},\"manifest\":{inner}}}", crc32fast::hash(inner.as_bytes())).into_bytes()
}

fn text(manifest: &Manifest) -> String {
    serde_json::to_string(manifest).unwrap()
}

fn refused(change: impl FnOnce(&mut Manifest)) -> String {
    let mut manifest = full();
    change(&mut manifest);
    let error = Manifest::decode(&manifest.encode()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    error.to_string()
}

#[test]
fn names_of_added_columns_that_could_be_taken_for_something_else_are_refused() {
    for name in ["../x", "", "/etc/passwd", "-x", "a b", "a\n"] {
        let said = refused(|manifest| manifest.columns[0].name = name.into());
        assert!(said.contains(&format!("{name:?} of conversations is no name for an added column")), "{said}");
    }
    let mut later = full();
    later.columns[0].name = "surgdb.new".into();
    Manifest::decode(&later.encode()).unwrap();
}

#[test]
fn what_is_written_is_read_back() {
    for manifest in [full(), Manifest::empty(HEX, HEX, "2031-05-06T07:08:09Z")] {
        let bytes = manifest.encode();
        assert_eq!(Manifest::decode(&bytes).unwrap(), manifest);
        assert_eq!(framed(&text(&manifest)), bytes);
    }
}

#[test]
fn the_shape_is_the_specified_one() {
    let manifest = text(&full());
    for part in [
        r#""operation":{"kind":"import","summary":{"conversations":500}}"#,
        r#""files":{"conversations":[{"path":"conversations/000009.arrow","length":4096,"crc32":9,"fragments":[[3,10],[4,1000]]}]"#,
        r#"{"table":"conversations","name":"split.official","type":"dict","replaces":false,"files":["#,
        r#""tags":{"paper":3},"erasures":[]"#,
    ] {
        assert!(manifest.contains(part), "{part}\n{manifest}");
    }
}

#[test]
fn no_byte_can_change_unseen_and_no_cut_or_tail_passes() {
    let bytes = full().encode();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << bit;
            assert_eq!(Manifest::decode(&damaged).unwrap_err().kind(), ErrorKind::Corrupt, "byte {at}, bit {bit}");
        }
        assert!(Manifest::decode(&bytes[..at]).is_err());
    }
    for tail in ["\n", " ", "}", "{}", "\0"] {
        assert!(Manifest::decode(&[&bytes, tail.as_bytes()].concat()).is_err(), "{tail:?}");
    }
    let blank = String::from_utf8(bytes).unwrap().replacen(",\"manifest\"", ", \"manifest\"", 1);
    assert!(Manifest::decode(blank.as_bytes()).is_err());
}

#[test]
fn unknown_members_are_passed_over_and_those_left_out_are_empty() {
    let inner = text(&full());
    let more = inner.replacen('{', "{\"new\":{\"a\":[1,2]},", 1).replace("\"lap\",", "\"lap\",\"colour\":1,");
    assert_eq!(Manifest::decode(&framed(&more)).unwrap(), full());
    let least = format!(
        r#"{{"format":"{FORMAT_VERSION}","features":[],"dataset":"{HEX}","version":1,"commit":"{HEX}",
            "time":"2031-05-06T07:08:09Z","operation":{{"kind":"create"}},"next":1}}"#
    );
    assert_eq!(Manifest::decode(&framed(&least)).unwrap().files_of("frames"), []);
}

#[test]
fn members_that_stand_twice_are_refused() {
    let inner = text(&full());
    let twice = [
        inner.replacen('{', "{\"next\":60,", 1),
        inner.replacen("\"frames\":[", "\"conversations\":[],\"frames\":[", 1),
        inner.replacen("\"paper\":3", "\"paper\":3,\"paper\":4", 1),
        inner.replacen("\"length\":4096", "\"length\":4096,\"length\":4096", 1),
    ];
    for inner in twice {
        assert_eq!(Manifest::decode(&framed(&inner)).unwrap_err().kind(), ErrorKind::Corrupt);
    }
}

#[test]
fn another_format_and_an_unknown_feature_are_refused_by_name() {
    let decode = |change: &dyn Fn(&mut Manifest)| {
        let mut manifest = full();
        change(&mut manifest);
        Manifest::decode(&manifest.encode()).unwrap_err()
    };
    for format in ["1.0", "0.1", "1.1", "", "0", "0.2.1", "-0.2"] {
        let error = decode(&|manifest| manifest.format = format.into());
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.message().contains(&format!("{format:?}")) && error.message().contains(FORMAT_VERSION));
    }
    let error = decode(&|manifest| manifest.features = vec!["sharded".into()]);
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.message().contains("\"sharded\""));
}

#[test]
fn a_manifest_of_a_later_shape_is_unsupported_not_corrupt() {
    let error = Manifest::decode(&framed(r#"{"format":"2.0","tables":[]}"#)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let error = Manifest::decode(&framed(&format!(r#"{{"format":"{FORMAT_VERSION}","tables":[]}}"#))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
}

#[test]
fn paths_that_lead_elsewhere_are_refused() {
    for path in [
        "",
        "/",
        "frames",
        "frames/",
        "/frames/000005.arrow",
        "../frames/000005.arrow",
        "frames/../000005.arrow",
        "frames//000005.arrow",
        "frames/./000005.arrow",
        "frames/5.arrow",
        "frames/0000005.arrow",
        "frames/+00005.arrow",
        "frames/000005.arrows",
        "frames/000005",
        "frames/000000.arrow",
        "frames/2097152.arrow",
        "blobs/000005.arrow",
        "frames\\000005.arrow",
        "frames/000005.arrow\0",
        "framesx/000005.arrow",
        "frames/00000٥.arrow",
        "frames/000061.arrow",
    ] {
        let says = refused(|manifest| manifest.files.get_mut("frames").unwrap()[0].path = path.into());
        assert!(says.contains(&format!("{path:?}")), "{says}");
    }
    assert_eq!(data_number(&data_path("frames", 2_097_151)), Some(2_097_151));
    for path in ["reports/x.json", "reports/../a", &report_path(HEX, "json"), &report_path(&HEX.repeat(2), "a/b")] {
        refused(|manifest| manifest.reports[0].path = path.into());
        refused(|manifest| manifest.sources[0].imports[0].report = Some(path.into()));
    }
}

#[test]
fn what_contradicts_itself_is_refused() {
    let part = |fragment, rows| FragmentRows::try_from((fragment, rows)).unwrap();
    let frames = |manifest: &mut Manifest| manifest.files.remove("frames").unwrap();
    assert!(refused(|m| m.files.get_mut("frames").unwrap()[1].fragments[0] = part(5, 1)).contains("two files"));
    assert!(refused(|m| m.files.get_mut("frames").unwrap()[0].fragments[0] = part(3, 10)).contains("fragment 3"));
    assert!(refused(|m| m.files.get_mut("frames").unwrap()[0].fragments[0] = part(60, 1)).contains("not taken yet"));
    assert!(refused(|m| m.files.get_mut("frames").unwrap()[0].fragments.clear()).contains("no fragment"));
    assert!(refused(|m| m.files.get_mut("frames").unwrap()[0].length = 25).contains("25 bytes"));
    assert!(refused(|m| m.files.get_mut("frames").unwrap()[0].length = u64::MAX).contains("any disk"));
    assert!(refused(|m| m.index[0].path = data_path("index", 9)).contains("number 9"));
    assert!(refused(|m| m.next = 44).contains("000044"));
    assert!(refused(|m| m.next = crate::format::constants::FRAGMENT_MAX + 2).contains("next file number"));
    assert!(refused(|m| m.version = 0).contains("version 0"));
    assert!(refused(|m| m.version = 10_000_000_000).contains("version 10000000000"));
    assert!(refused(|m| m.version = u64::MAX).contains("version 18446744073709551615"));
    assert!(refused(|m| m.dataset = HEX.to_uppercase()).contains("hex"));
    assert!(refused(|m| m.time = "yesterday".into()).contains("yesterday"));
    assert!(refused(|m| m.tags = [("x".to_owned(), 8)].into()).contains("\"x\""));
    assert!(refused(|m| m.vocabulary = Some("..".into())).contains("vocabulary"));
    assert!(refused(|m| m.sources.push(m.sources[0].clone())).contains("\"lap\""));
    assert!(
        refused(|m| {
            let files = frames(m);
            m.files.insert("pictures".into(), files);
        })
        .contains("no table \"pictures\"")
    );
}

#[test]
fn side_columns_and_deletions_must_fit_their_table() {
    let part = |fragment, rows| FragmentRows::try_from((fragment, rows)).unwrap();
    assert!(refused(|m| m.columns[0].files[0].fragments[0] = part(3, 11)).contains("fragment 3 with 11 rows"));
    assert!(refused(|m| m.columns[0].files[0].fragments[0] = part(5, 70)).contains("fragment 5"));
    assert!(refused(|m| m.columns[0].files[0].fragments[0] = part(50, 1)).contains("fragment 50"));
    assert!(refused(|m| m.columns[0].files[1].fragments[0] = part(3, 10)).contains("twice"));
    assert!(refused(|m| m.columns[0].ty = "texts".into()).contains("no valid type"));
    assert!(refused(|m| m.columns[0].ty.insert(0, ' ')).contains("must be"));
    assert!(refused(|m| m.columns[0].name.clear()).contains("no name"));
    let without_files = |m: &mut Manifest| m.columns[0].files.clear();
    assert!(refused(|m| (m.columns[0].replaces = true, without_files(m)).1).contains("no file"));
    assert!(refused(|m| m.columns.push(m.columns[0].clone())).contains("twice"));
    assert!(refused(|m| m.columns[0].table = "turns".into()).contains("no table"));
    assert!(refused(|m| m.deletions[0].table = "turns".into()).contains("no table"));
    assert!(refused(|m| m.deletions[0].rows = 1 << 40).contains("deleted"));
    assert!(refused(|m| m.deletions.push(m.deletions[0].clone())).contains("two files"));
}

#[test]
fn values_that_do_not_fit_their_types_are_refused() {
    let inner = text(&full());
    for (from, to) in [
        ("[5,70]", "[5,4294967296]"),
        ("[5,70]", "[0,70]"),
        ("[5,70]", "[2097152,70]"),
        ("[5,70]", "[5,-1]"),
        ("[5,70]", "[5]"),
        ("[5,70]", "[5,70,1]"),
        ("[5,70]", "[5,7.5]"),
        ("\"next\":60", "\"next\":1e30"),
        ("\"next\":60", "\"next\":\"60\""),
        ("\"clinical\"", "7"),
        ("\"version\":7,", ""),
    ] {
        assert!(inner.contains(from), "{from}");
        let error = Manifest::decode(&framed(&inner.replacen(from, to, 1))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{to}: {error}");
    }
    let deep = format!(r#"{{"x":{}{}}}"#, "[".repeat(1_000_000), "]".repeat(1_000_000));
    assert!(Manifest::decode(&framed(&deep)).is_err());
}

#[test]
fn a_tombstone_is_told_from_a_manifest() {
    let bytes = Tombstone { version: 3 }.encode();
    assert!(bytes.ends_with(br#","tombstone":{"version":3}}"#));
    assert_eq!(VersionFile::decode(&bytes).unwrap(), VersionFile::Tombstone(Tombstone { version: 3 }));
    assert_eq!(Manifest::decode(&bytes).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn names_of_version_files_lead_both_ways() {
    for version in [1, 7, 9_999_999_999] {
        assert_eq!(version_of_name(&version_name(version)), Some(version));
    }
    for version in [0, 10_000_000_000, u64::MAX] {
        assert_eq!(version_of_name(&version_name(version)), None);
    }
    for name in ["0000000000.json", "7.json", "00000000007.json", "+000000007.json", "0000000007.json.tmp", ".json"] {
        assert_eq!(version_of_name(name), None, "{name}");
    }
    assert_eq!(version_path(7), "versions/0000000007.json");
    assert_eq!(claim_path(44), "claims/000044");
}

#[test]
fn the_accessors_find_what_is_there() {
    let manifest = full();
    assert_eq!(manifest.rows_of("frames"), 70 + u64::from(u32::MAX));
    assert_eq!(manifest.rows_of("cases"), 0);
    assert_eq!(manifest.fragments_of("conversations").map(|(id, _)| id.get()).collect::<Vec<_>>(), [3, 4]);
    assert!(manifest.column("conversations", "split.official").is_some() && manifest.column("frames", "x").is_none());
    assert_eq!(manifest.paths().count(), 8);
    assert_eq!(manifest.files_of("frames")[0].number(), Some(5));
}

/// How long a manifest as after 10,000 commits takes; run with `--release -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn decoding_is_fast() {
    let mut manifest = Manifest::empty(HEX, HEX, "2031-05-06T07:08:09Z");
    for (at, table) in ["conversations", "frames", "blobs"].into_iter().enumerate() {
        let files = (0..10_000).map(|i| 3 * i + 1 + at as u32).map(|n| file(table, n, &[(n, 600)])).collect();
        manifest.files.insert(table.into(), files);
    }
    manifest.next = 30_001;
    let bytes = manifest.encode();
    let mut times: Vec<_> = (0..20)
        .map(|_| {
            let start = std::time::Instant::now();
            Manifest::decode(&bytes).unwrap();
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    println!("{} bytes, 30,000 files: median {:?}, fastest {:?}", bytes.len(), times[10], times[0]);
}
