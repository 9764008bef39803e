//! The tables of FORMAT.md and the code say the same: each name, number, column and field, in both directions.

use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use surgdb::dataset::IndexKind;
use surgdb::format::constants::*;
use surgdb::format::manifest::*;
use surgdb::format::notation::TYPE_DEPTH_MAX;
use surgdb::{Column, ColumnType, FragmentId, Table};

const FORMAT: &str = include_str!("../spec/FORMAT.md");
const CONSTANTS: &str = include_str!("../src/format/constants.rs");

/// The rows of the first table behind `start`, without its head: the cells of each, without blanks and back ticks.
fn table(start: &str) -> Vec<Vec<String>> {
    tables(start).into_iter().next().unwrap_or_else(|| panic!("FORMAT.md has no table behind {start:?}"))
}

/// All tables from `start` to the next heading.
fn tables(start: &str) -> Vec<Vec<Vec<String>>> {
    let at = FORMAT.find(start).unwrap_or_else(|| panic!("FORMAT.md does not say {start:?}"));
    let section = &FORMAT[at + start.len()..];
    let section = &section[..section.find("\n#").unwrap_or(section.len())];
    let mut tables = Vec::new();
    let mut lines = section.lines().peekable();
    while let Some(line) = lines.next() {
        if !line.starts_with('|') {
            continue;
        }
        let mut rows = Vec::new();
        while let Some(row) = lines.next_if(|line| line.starts_with('|')) {
            let cells = row.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`').to_owned());
            rows.push(cells.collect::<Vec<_>>());
        }
        // The first of them is the line under the head.
        tables.push(rows.split_off(1));
    }
    tables
}

/// The first two cells of each row.
fn pairs(rows: &[Vec<String>]) -> BTreeMap<String, String> {
    let pairs: BTreeMap<_, _> = rows.iter().map(|row| (row[0].clone(), row[1].clone())).collect();
    assert_eq!(pairs.len(), rows.len(), "a name stands twice");
    pairs
}

/// A constant as FORMAT.md writes it.
trait Show {
    fn show(&self) -> String;
}

impl Show for &str {
    fn show(&self) -> String {
        (*self).to_owned()
    }
}

impl Show for &[&str] {
    fn show(&self) -> String {
        if self.is_empty() { "none".to_owned() } else { self.join(", ") }
    }
}

impl<const N: usize> Show for [&str; N] {
    fn show(&self) -> String {
        self.join(", ")
    }
}

impl<const N: usize> Show for [u8; N] {
    fn show(&self) -> String {
        format!("0x{}", self.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
    }
}

impl<const N: usize> Show for &[u8; N] {
    fn show(&self) -> String {
        (**self).show()
    }
}

macro_rules! show_numbers {
    ($($ty:ty),*) => { $(impl Show for $ty { fn show(&self) -> String { self.to_string() } })* };
}

show_numbers!(u32, u64, usize);

macro_rules! constants {
    ($($name:ident),* $(,)?) => { BTreeMap::from([$((stringify!($name).to_owned(), $name.show())),*]) };
}

#[test]
fn every_constant_stands_in_the_table_with_its_value() {
    let known = constants![
        FORMAT_VERSION,
        KNOWN_FEATURES,
        DATASET_ENDING,
        TABLES,
        VERSIONS_DIR,
        CLAIMS_DIR,
        COLUMNS_DIR,
        INDEX_DIR,
        DELETIONS_DIR,
        REPORTS_DIR,
        VERSION_DIGITS,
        VERSION_MAX,
        MANIFEST_BYTES_MAX,
        FILE_DIGITS,
        DATA_ENDING,
        ROW_BITS,
        FRAGMENT_MAX,
        ARROW_MAGIC,
        HEAD_LEN,
        END_MARK,
        TAIL_LEN,
        ALIGNMENT,
        META_FORMAT,
        META_KIND,
        META_ROW_STARTS,
        META_SEGMENTS,
        META_FRAGMENTS,
        META_EMPTIED,
        KIND_COLUMN,
        KIND_INDEX,
        KIND_DELETIONS,
        KIND_SELECTION,
        META_SELECTION,
        INFLATE_MAX,
        INFLATE_SLACK,
        VALUE_BYTES_MAX,
        COLUMN_RESERVED,
        KEY_LEN,
        RECORD_LEN,
        DIGEST_LEN,
    ];
    let mut in_code: Vec<_> = CONSTANTS.lines().filter_map(|line| line.strip_prefix("pub const ")).collect();
    in_code.iter_mut().for_each(|line| *line = line.split(':').next().unwrap_or_default());
    in_code.sort_unstable();
    assert_eq!(known.keys().map(String::as_str).collect::<Vec<_>>(), in_code, "this test does not list all constants");
    assert_eq!(pairs(&table("## 5. Data files")), known);
}

#[test]
fn the_footer_keys_are_those_of_the_table() {
    let mut keys = [META_FORMAT, META_KIND, META_ROW_STARTS, META_SEGMENTS, META_FRAGMENTS, META_EMPTIED];
    keys.sort_unstable();
    assert_eq!(pairs(&table("### 5.2 Footer metadata")).keys().collect::<Vec<_>>(), keys);
}

#[test]
fn the_title_and_the_prose_name_the_same_limits() {
    assert!(FORMAT.starts_with(&format!("# The surgdb format, version {FORMAT_VERSION}\n")));
    assert!(FORMAT.contains(&format!("Types nest at most {TYPE_DEPTH_MAX}")));
    let shortest = HEAD_LEN + END_MARK.len() as u64 + TAIL_LEN;
    assert!(FORMAT.contains(&format!("`length` is at least {shortest}")));
    assert!(FORMAT.contains(&format!("({INFLATE_MAX} + {INFLATE_SLACK} ÷ {ALIGNMENT})")));
}

#[test]
fn every_table_has_its_columns_with_type_and_nullability() {
    for of in Table::ALL {
        let rows = &tables(&format!("\n### {of}\n"))[0];
        let stated: Vec<_> = rows
            .iter()
            .map(|row| {
                Column::parse(&format!("{}: {}", row[0], row[1])).unwrap_or_else(|error| panic!("{of}: {error}"))
            })
            .collect();
        assert_eq!(stated, of.columns(), "{of}");
    }
}

#[test]
fn every_part_of_a_nested_column_is_explained() {
    for of in Table::ALL {
        let mut parts = Vec::new();
        for column in of.columns() {
            collect_parts(&column.name, &column.ty, &mut parts);
        }
        let stated = tables(&format!("\n### {of}\n")).into_iter().nth(1).unwrap_or_default();
        assert_eq!(stated.iter().map(|row| row[0].as_str()).collect::<Vec<_>>(), parts, "{of}");
        assert!(stated.iter().all(|row| !row[1].is_empty()), "{of}");
    }
}

fn collect_parts(path: &str, ty: &ColumnType, out: &mut Vec<String>) {
    match ty {
        ColumnType::List(item) | ColumnType::FixedList(item, _) => collect_parts(path, item, out),
        ColumnType::Struct(parts) => {
            for part in parts {
                let path = format!("{path}.{}", part.name);
                out.push(path.clone());
                collect_parts(&path, &part.ty, out);
            }
        }
        _ => {}
    }
}

#[test]
fn the_tables_are_those_of_the_schema() {
    let (_, section) = FORMAT.split_once("## 10. The tables").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let mut stated: Vec<_> = section.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    stated.sort_unstable();
    let mut known = Table::ALL.map(Table::name);
    known.sort_unstable();
    assert_eq!(stated, known);
}

#[test]
fn the_index_kinds_are_those_of_the_table() {
    let known = IndexKind::ALL.map(|kind| (kind.name().to_owned(), kind.table().name().to_owned()));
    assert_eq!(pairs(&table("## 9. Index runs")), BTreeMap::from(known));
}

#[test]
fn the_tasks_are_those_of_the_vocabulary() {
    let known: Vec<_> = surgdb::vocab::tasks().iter().map(|task| task.name).collect();
    assert_eq!(table("## 12. The 18 tasks").iter().map(|row| row[0].as_str()).collect::<Vec<_>>(), known);
}

#[test]
fn the_rationale_says_why_each_dependency_is_there() {
    let manifest: toml::Table = include_str!("../Cargo.toml").parse().unwrap();
    let of = |section: &str| manifest[section].as_table().unwrap().keys().cloned().collect::<Vec<_>>();
    let mut known = [of("dependencies"), of("dev-dependencies")].concat();
    known.sort_unstable();
    known.dedup();
    let (_, section) = include_str!("../spec/RATIONALE.md").split_once("## Dependencies").unwrap();
    let cells = section.lines().filter_map(|line| line.strip_prefix("| `")?.split(" | ").next());
    let mut stated: Vec<_> = cells.flat_map(|names| names.split(", ")).map(|name| name.trim_matches('`')).collect();
    stated.sort_unstable();
    assert_eq!(stated, known);
}

/// A manifest in which every field says something; written without `..`, so that no new field is forgotten.
fn full_manifest() -> Manifest {
    let object = || Map::from_iter([("a".to_owned(), Value::from(1))]);
    let digest = "a".repeat(64);
    let report = format!("reports/{digest}.json");
    let file = |path: &str| FileEntry {
        path: path.into(),
        length: 640,
        crc32: 1,
        fragments: vec![FragmentRows { fragment: FragmentId::new(1).unwrap(), rows: 2 }],
    };
    let import = Import {
        importer: "sharegpt".into(),
        options: object(),
        inputs: vec![ImportInput { path: Some("a.json".into()), digest: digest.clone(), bytes: 1 }],
        homes: vec![Home { folder: "d".repeat(32), above: 1, names: "e".repeat(32) }],
        counts_in: BTreeMap::from([("records".into(), 1)]),
        counts_out: BTreeMap::from([("conversations".into(), 1)]),
        report: Some(report.clone()),
        time: "2026-01-01T00:00:00Z".into(),
    };
    Manifest {
        format: FORMAT_VERSION.into(),
        features: Vec::new(),
        dataset: "b".repeat(32),
        version: 2,
        commit: "c".repeat(32),
        time: "2026-01-01T00:00:00Z".into(),
        operation: Operation { kind: "import".into(), summary: object() },
        next: 9,
        files: BTreeMap::from([("frames".into(), vec![file("frames/000001.arrow")])]),
        columns: vec![SideColumn {
            table: "frames".into(),
            name: "split".into(),
            ty: "dict".into(),
            replaces: false,
            files: vec![file("columns/000002.arrow")],
        }],
        index: vec![IndexRun {
            kind: "frames.id".into(),
            path: "index/000003.arrow".into(),
            length: 640,
            crc32: 1,
            rows: 2,
        }],
        deletions: vec![DeletionFile {
            table: "frames".into(),
            path: "deletions/000004.arrow".into(),
            length: 640,
            crc32: 1,
            rows: 1,
        }],
        sources: vec![Source {
            id: "s".into(),
            title: Some("t".into()),
            kind: Some(SourceKind::Open),
            licence: Some("l".into()),
            citation: Some("c".into()),
            url: Some("u".into()),
            imports: vec![import],
        }],
        vocabulary: Some(digest.clone()),
        reports: vec![ReportEntry { name: "r".into(), path: report, bytes: 1 }],
        tags: BTreeMap::from([("paper".into(), 1)]),
        erasures: vec![object()],
    }
}

/// The objects of a manifest: the name of their table in FORMAT.md, and where they stand in a full manifest.
const OBJECTS: [(&str, &str); 9] = [
    ("manifest", ""),
    ("operation", "/operation"),
    ("file", "/files/frames/0"),
    ("side column", "/columns/0"),
    ("index run", "/index/0"),
    ("deletions", "/deletions/0"),
    ("report", "/reports/0"),
    ("source", "/sources/0"),
    ("import", "/sources/0/imports/0"),
];

fn keys(value: &Value, pointer: &str) -> Vec<String> {
    let object = value.pointer(pointer).and_then(Value::as_object);
    let mut keys: Vec<_> = object.unwrap_or_else(|| panic!("no object at {pointer}")).keys().cloned().collect();
    keys.sort();
    keys
}

#[test]
fn every_field_of_a_manifest_stands_in_its_table() {
    let full = serde_json::to_value(full_manifest()).unwrap();
    for (name, pointer) in OBJECTS.into_iter().chain([("input", "/sources/0/imports/0/inputs/0")]) {
        let stated = pairs(&table(&format!("\n**{name}**")));
        assert_eq!(stated.into_keys().collect::<Vec<_>>(), keys(&full, pointer), "{name}");
    }
    assert_eq!(pairs(&table("\n**tombstone**")).into_keys().collect::<Vec<_>>(), ["version"]);
    assert_eq!(serde_json::to_value(Tombstone { version: 3 }).unwrap(), json!({"version": 3}));
}

#[test]
fn a_field_is_required_where_its_table_says_so() {
    let full = serde_json::to_value(full_manifest()).unwrap();
    for (name, pointer) in OBJECTS.into_iter().chain([("input", "/sources/0/imports/0/inputs/0")]) {
        for row in table(&format!("\n**{name}**")) {
            let mut without = full.clone();
            without.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(&row[0]);
            let read = serde_json::from_value::<Manifest>(without);
            assert_eq!(read.is_err(), row[2] == "required", "{name}.{}", row[0]);
        }
    }
}

#[test]
fn the_example_is_a_valid_manifest_with_every_field() {
    let (_, example) = FORMAT.split_once("```json\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let example: Value = serde_json::from_str(example).unwrap();
    let manifest: Manifest = serde_json::from_value(example.clone()).unwrap();
    manifest.check().unwrap();
    assert_eq!(serde_json::to_value(&manifest).unwrap(), example);
    let full = serde_json::to_value(full_manifest()).unwrap();
    for (name, pointer) in OBJECTS {
        assert_eq!(keys(&example, pointer), keys(&full, pointer), "{name}");
    }
    let framed = String::from_utf8(manifest.encode()).unwrap();
    assert!(framed.starts_with("{\"crc32\":") && framed.contains(",\"manifest\":{"));
}
