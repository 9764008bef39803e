//! The page that `report` writes: what it holds, that it is well-formed, and that data stays text in it.

use crate::fixture::{Fixture, conversation, fails, json, stdout, surgdb};
use image::{ImageFormat, RgbImage};
use std::io::Cursor;
use std::path::{Path, PathBuf};
use surgdb::dataset::BlobSource;
use surgdb::format::manifest::Source;
use surgdb::rows::{
    AnnotationRow, ConversationRow, FrameRow, GroundingRow, LabelRow, MediumRow, RegionRow, TurnRow, VideoRow,
};
use surgdb::{Address, Appender, Dataset, Operation};
use tempfile::TempDir;

/// The elements that a page may have: none that runs or loads anything.
const ELEMENTS: [&str; 62] = [
    "html",
    "head",
    "meta",
    "title",
    "style",
    "body",
    "a",
    "header",
    "main",
    "section",
    "footer",
    "nav",
    "h1",
    "h2",
    "h3",
    "h4",
    "p",
    "ul",
    "li",
    "b",
    "i",
    "em",
    "span",
    "small",
    "code",
    "div",
    "table",
    "caption",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "figure",
    "figcaption",
    "img",
    "video",
    "svg",
    "rect",
    "line",
    "text",
    "circle",
    "polygon",
    "image",
    "label",
    "input",
    "details",
    "summary",
    "mark",
    "article",
    "!doctype",
    "ol",
    "dl",
    "dt",
    "dd",
    "pre",
    "hr",
    "br",
    "g",
    "path",
    "polyline",
    "ellipse",
];
const VOID: [&str; 4] = ["meta", "img", "input", "!doctype"];

/// Goes through a page and fails where it is not well-formed, or has what it must not have; its texts without markup.
fn checked(page: &str) -> String {
    let steers = |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}');
    assert!(!page.contains(steers), "the page holds control characters");
    let (mut open, mut text, mut rest) = (Vec::new(), String::new(), page);
    while let Some(at) = rest.find('<') {
        text.push_str(&rest[..at]);
        assert!(!rest[..at].contains('>'), "a stray > in {:?}", &rest[..at]);
        let end = at + rest[at..].find('>').expect("a tag ends");
        let tag = &rest[at + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name.to_owned()), "a closing tag");
            continue;
        }
        let name = tag.split(' ').next().unwrap();
        assert!(ELEMENTS.contains(&name), "an element {name:?}");
        attributes(name, tag[name.len()..].trim_start());
        if name == "style" {
            let css = rest.find("</style>").expect("the style ends");
            assert!(!rest[..css].contains("url(") && !rest[..css].contains("@import"));
            rest = &rest[css..];
        }
        if !VOID.contains(&name) {
            open.push(name.to_owned());
        }
    }
    assert_eq!(open, Vec::<String>::new(), "elements that are not closed");
    for entity in text.split('&').skip(1) {
        assert!(["amp;", "lt;", "gt;", "quot;", "#39;"].iter().any(|known| entity.starts_with(known)), "&{entity:.9}");
    }
    for (entity, c) in [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")] {
        text = text.replace(entity, c);
    }
    text
}

fn attributes(element: &str, text: &str) {
    if element == "!doctype" {
        return;
    }
    let mut rest = text;
    while !rest.is_empty() {
        let (name, value) = rest.split_once("=\"").unwrap_or_else(|| panic!("attributes {rest:?}"));
        let (value, more) = value.split_once('"').expect("an attribute ends");
        assert!(!name.starts_with("on") && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'), "{name:?}");
        match name {
            "src" => assert!(value.starts_with("data:image/") || value.starts_with("data:video/mp4;"), "{value:.40}"),
            "href" => assert!(value.starts_with('#') || value.starts_with("data:image/png;"), "{value:.40}"),
            _ => {}
        }
        rest = more.trim_start();
    }
}

/// A folder with a dataset in it, filled by a test.
struct Made {
    dir: TempDir,
}

impl Made {
    fn new(fill: impl FnOnce(&mut Appender)) -> Self {
        let made = Self { dir: tempfile::tempdir().unwrap() };
        let mut appender = Dataset::create(made.dataset()).unwrap().append().unwrap();
        appender.source(Source { id: "mine".into(), licence: Some("CC0-1.0".into()), ..Source::default() });
        fill(&mut appender);
        appender.commit(Operation::new("append")).unwrap();
        made
    }

    fn dataset(&self) -> PathBuf {
        self.dir.path().join("a.surgdb")
    }

    fn report(&self, name: &str, args: &[&str]) -> (String, serde_json::Value) {
        report(&self.dataset(), &self.dir.path().join(name), args)
    }
}

fn report(dataset: &Path, out: &Path, args: &[&str]) -> (String, serde_json::Value) {
    let words = ["report", dataset.to_str().unwrap(), out.to_str().unwrap(), "--json"];
    let said = json(&surgdb(&[&words[..], args].concat()));
    let page = std::fs::read_to_string(out).unwrap();
    assert_eq!(said["bytes"], page.len());
    (page, said)
}

fn picture(width: u32, height: u32, seed: u32) -> Vec<u8> {
    let noise = |x: u32, y: u32| ((x * 7 + y * 13 + seed).wrapping_mul(2_654_435_761) >> 24) as u8;
    let picture = RgbImage::from_fn(width, height, |x, y| image::Rgb([noise(x, y), noise(y, x), 90]));
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

fn frame(appender: &mut Appender, id: &str, kind: &str, parent: Option<Address>, size: (u32, u32)) -> Address {
    let bytes = picture(size.0, size.1, id.bytes().map(u32::from).sum());
    let blob = appender.blob(BlobSource::Bytes { media_type: "image/png", bytes: &bytes }).unwrap();
    let row = FrameRow {
        id: id.into(),
        source: "mine".into(),
        kind: kind.into(),
        parent,
        path: Some(format!("pictures/{id}.png")),
        blob: Some(blob.address),
        width: Some(size.0 as i32),
        height: Some(size.1 as i32),
        ..FrameRow::default()
    };
    appender.frame(&row).unwrap()
}

/// A sample with a box in its answer, a picture with annotations, and a mask that it asks for.
fn marked(appender: &mut Appender) {
    let shown = frame(appender, "f1", "rgb", None, (640, 360));
    let mask = frame(appender, "f1-mask", "mask", Some(shown), (640, 360));
    let answer = "At [10, 20, 300, 200].";
    appender
        .conversation(&ConversationRow {
            id: "boxed".into(),
            source: "mine".into(),
            task: "instrument localisation".into(),
            turns: vec![
                TurnRow { role: "user".into(), text: "<image>\nWhere is it?".into(), ..TurnRow::default() },
                TurnRow { role: "assistant".into(), text: answer.into(), ..TurnRow::default() },
            ],
            media: vec![
                MediumRow { turn: 0, at: Some(0), refs: vec![shown], ..MediumRow::default() },
                MediumRow { turn: 1, refs: vec![mask], output: true, ..MediumRow::default() },
            ],
            grounding: vec![GroundingRow {
                turn: 1,
                byte_start: 3,
                byte_end: 21,
                kind: "box".into(),
                media: 0,
                values: vec![0.1, 0.2, 0.5, 0.6],
            }],
            ..ConversationRow::default()
        })
        .unwrap();
    let statement = |id: &str, target, labels: &[(&str, &str)], regions| AnnotationRow {
        id: id.into(),
        source: "mine".into(),
        annotator: None,
        status: None,
        origin: None,
        generator: None,
        target,
        start: None,
        end: None,
        parent: None,
        text: None,
        labels: labels
            .iter()
            .map(|(axis, raw)| LabelRow { axis: (*axis).into(), label: None, raw: (*raw).into(), value: None })
            .collect(),
        regions,
        extra: None,
        record: None,
    };
    let region = RegionRow {
        bbox: Some([0.25, 0.25, 0.75, 0.75]),
        mask: Some(mask),
        polygons: Some(vec![vec![0.1, 0.1, 0.4, 0.1, 0.4, 0.3]]),
        ..RegionRow::default()
    };
    appender.annotation(&statement("a1", shown, &[("instrument", "grasper")], vec![region])).unwrap();
    let video = VideoRow { id: "v1".into(), source: "mine".into(), duration: Some(100.0), ..VideoRow::default() };
    let video = appender.video(&video).unwrap();
    for (id, start, end, phase) in [("p1", 0.0, 40.0, "preparation"), ("p2", 40.0, 90.0, "dissection")] {
        let stretch = statement(id, video, &[("phase", phase)], Vec::new());
        appender.annotation(&AnnotationRow { start: Some(start), end: Some(end), ..stretch }).unwrap();
    }
}

#[test]
fn the_page_says_what_the_dataset_holds() {
    let fixture = Fixture::showing(b"not quite a PNG");
    let (page, said) = report(&fixture.dataset(), &fixture.path("a.html"), &[]);
    let text = checked(&page);
    for part in [
        "a.surgdb",
        "CC0-1.0",
        "By task",
        "image captioning",
        "phase recognition",
        "66.7 %",
        "Which phase?",
        "It holds the fundus.",
        "Another ending: rejected",
        "Packaging.",
        "its file is missing",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    assert_eq!((&said["tasks"], &said["samples"], &said["version"]), (&2.into(), &3.into(), &2.into()));
    assert!(said["failed"].as_u64().unwrap() > 0, "the fixture's picture is none: {said}");
}

#[test]
fn boxes_outlines_masks_and_stretches_are_drawn() {
    let made = Made::new(marked);
    let (page, said) = made.report("a.html", &[]);
    let text = checked(&page);
    for part in ["sources", "composition", "lengths", "pictures", "labels", "samples", "shown"] {
        assert!(page.contains(&format!("<a href=\"#{part}\"")) && page.contains(&format!("<section id=\"{part}\"")));
    }
    let (sample, annotated) = page.split_once("id=\"shown\"").unwrap();
    let (_, sample) = sample.split_once("<article").unwrap();
    for (part, count) in [("<image href=\"data:image/png", 2), ("<polygon", 1), ("<rect", 2), ("<mark", 1)] {
        assert_eq!(sample.matches(part).count(), count, "{part}");
    }
    assert!(
        sample.contains("x=\"52.0\" y=\"58.6\" width=\"208.0\" height=\"117.2\""),
        "the box, in pixels of the page"
    );
    for part in ["instrument: grasper", "the mask 2", "phase: preparation: 0.0 s to 40.0 s", "1:40"] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    assert_eq!(annotated.matches("<rect").count(), 1 + 2, "a box and two stretches");
    assert_eq!((&said["left_out"], &said["failed"]), (&0.into(), &0.into()));
}

#[test]
fn the_same_version_gives_the_same_page() {
    let made = Made::new(marked);
    assert_eq!(made.report("one.html", &["--title", "t"]).0, made.report("two.html", &["--title", "t"]).0);
}

/// Ends whatever it may stand in, and runs, wherever it is not text.
const HOSTILE: &str =
    "</title></style></p>\"'><script>alert(1)</script><img src=x onerror=alert(1)>&lt;\x1b[2J\r\0\u{202e}";

#[test]
fn data_stays_text() {
    let made = Made::new(|appender| {
        let said = || Some(HOSTILE.to_owned());
        let source = Source {
            id: HOSTILE.into(),
            title: said(),
            licence: said(),
            url: said(),
            citation: said(),
            ..Source::default()
        };
        appender.source(source);
        let frame = FrameRow {
            id: HOSTILE.into(),
            source: HOSTILE.into(),
            kind: HOSTILE.into(),
            path: said(),
            ..FrameRow::default()
        };
        let frame = appender.frame(&frame).unwrap();
        let mut sample = conversation(0, frame);
        (sample.id, sample.source, sample.task) = (HOSTILE.into(), HOSTILE.into(), HOSTILE.into());
        (sample.specialty, sample.solution, sample.language) = (said(), said(), said());
        sample.turns[0] = TurnRow { role: "user".into(), text: format!("<image>{HOSTILE}"), name: said(), extra: None };
        sample.reasoning[0].text = HOSTILE.into();
        sample.reasoning[0].kind = said();
        sample.alternatives[0].turns[0].text = HOSTILE.into();
        appender.conversation(&sample).unwrap();
        let labels = vec![LabelRow { axis: HOSTILE.into(), label: None, raw: HOSTILE.into(), value: None }];
        let video = VideoRow { id: HOSTILE.into(), source: HOSTILE.into(), path: said(), ..VideoRow::default() };
        let video = appender.video(&video).unwrap();
        for (id, target, start) in [("a", frame, None), ("b", video, Some(f64::MAX))] {
            let annotation = AnnotationRow {
                id: id.into(),
                source: HOSTILE.into(),
                annotator: said(),
                status: None,
                origin: None,
                generator: None,
                target,
                start,
                end: start,
                parent: None,
                text: said(),
                labels: labels.clone(),
                regions: Vec::new(),
                extra: None,
                record: None,
            };
            appender.annotation(&annotation).unwrap();
        }
    });
    let (page, _) = made.report("a.html", &["--title", &HOSTILE.replace('\0', "")]);
    let text = checked(&page);
    assert!(text.matches("<script>alert(1)</script>").count() > 10, "it is there, as text");
}

#[test]
fn what_pictures_take_is_bounded_and_the_page_says_what_is_left_out() {
    let made = Made::new(|appender| {
        for number in 0..12usize {
            let shown = frame(appender, &format!("f{number}"), "rgb", None, (800, 600));
            let mut sample = conversation(number, shown);
            sample.task = format!("task {number}");
            appender.conversation(&sample).unwrap();
        }
    });
    let (page, said) = made.report("a.html", &["--room", "1"]);
    let text = checked(&page);
    assert!(page.len() < 1_150_000, "{} bytes", page.len());
    let (taken, left_out) = (said["pictures"].as_u64().unwrap(), said["left_out"].as_u64().unwrap());
    assert!(taken > 0 && left_out > 0 && taken + left_out == 12, "{said}");
    assert_eq!(text.matches("left out, so that the page stays small").count() as u64, left_out);
    let (none, said) = made.report("none.html", &["--no-pictures"]);
    assert_eq!((said["pictures"].as_u64(), none.contains("data:")), (Some(0), none.contains("img-src data:")));
    assert!(!none.contains("base64") && checked(&none).contains("task 11"));
}

#[test]
fn a_part_is_reported_alone() {
    let fixture = Fixture::new();
    let (page, said) = report(&fixture.dataset(), &fixture.path("a.html"), &["--where", "task = 'phase recognition'"]);
    let text = checked(&page);
    assert!(text.contains("q0") && !text.contains("q1") && !text.contains("image captioning"), "{text}");
    assert!(text.contains("Only the samples where task = \"phase recognition\""), "{text}");
    assert_eq!(said["samples"], 1);
    let out = fixture.path("none.html");
    let none = fixture.run("report", &[out.to_str().unwrap(), "--where", "task = 'cooking'"]);
    assert!(fails(&none).contains("holds for none"));
    assert!(!out.exists());
}

#[test]
fn a_page_that_is_there_stays_unless_told() {
    let fixture = Fixture::new();
    let out = fixture.path("a.html");
    std::fs::write(&out, "mine").unwrap();
    let out = out.to_str().unwrap();
    assert!(fails(&fixture.run("report", &[out])).contains("--overwrite"));
    assert_eq!(std::fs::read_to_string(out).unwrap(), "mine");
    let said = stdout(&fixture.run("report", &[out, "--overwrite"]));
    assert!(said.starts_with("wrote ") && said.contains("3 samples of 2 tasks"), "{said}");
    checked(&std::fs::read_to_string(out).unwrap());
    assert!(!fixture.path("a.html.part").exists());
}

#[test]
fn an_empty_dataset_has_a_page_too() {
    let dir = tempfile::tempdir().unwrap();
    Dataset::create(dir.path().join("a.surgdb")).unwrap();
    let (page, said) = report(&dir.path().join("a.surgdb"), &dir.path().join("a.html"), &[]);
    assert!(checked(&page).contains("conversations"));
    assert_eq!(said["samples"], 0);
    assert!(!page.contains("<section"), "there is nothing to say in any of them");
}

#[test]
fn the_demo_has_everything_to_look_at() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("demo");
    stdout(&surgdb(&["demo", folder.to_str().unwrap(), "--samples", "100"]));
    let (page, said) = report(&folder.join("demo.surgdb"), &dir.path().join("a.html"), &[]);
    let text = checked(&page);
    assert_eq!(said["failed"], 0, "{said}");
    for part in ["<video src=\"data:video/mp4;base64,", "<image href=", "<mark ", "class=\"tree\"", "class=\"strip\""] {
        assert!(page.contains(part), "{part}");
    }
    for part in ["instrument segmentation", "depth estimation", "Histogram", "Reasoning: "] {
        assert!(text.contains(part) || page.contains(part), "{part:?}");
    }
}

#[test]
fn other_endings_show_their_media_and_boxes_as_their_own() {
    let made = Made::new(|appender| {
        let frame = |id: &str| FrameRow {
            id: id.into(),
            source: "mine".into(),
            kind: "rgb".into(),
            path: Some(format!("{id}.png")),
            ..FrameRow::default()
        };
        let (shown, own) = (appender.frame(&frame("shown")).unwrap(), appender.frame(&frame("own")).unwrap());
        let mut sample = conversation(0, shown);
        let ending = &mut sample.alternatives[0];
        ending.turns[0].text = "<image> at [0.1, 0.2, 0.3, 0.4], not [0, 0, 1, 1]".into();
        ending.media = vec![MediumRow { at: Some(0), refs: vec![own], ..MediumRow::default() }];
        let boxed = |start: i64, end: i64, media: i32, values: [f32; 4]| GroundingRow {
            turn: 0,
            byte_start: start,
            byte_end: end,
            kind: "box".into(),
            media,
            values: values.to_vec(),
        };
        // One on its own picture, and one on the conversation's.
        ending.grounding = vec![boxed(11, 31, 0, [0.1, 0.2, 0.3, 0.4]), boxed(37, 49, 1, [0.0, 0.0, 1.0, 1.0])];
        appender.conversation(&sample).unwrap();
    });
    let (page, _) = made.report("a.html", &[]);
    let (_, ending) = page.split_once("Another ending").unwrap();
    for part in [">medium 1 of this ending</span>", "1 of this ending: rgb own.png", ">[0.1, 0.2, 0.3, 0.4]</mark>"] {
        assert!(ending.contains(part), "{part:?} is not in\n{ending}");
    }
    assert!(!ending.contains("&lt;image&gt;"), "{ending}");
    let said = stdout(&surgdb(&[Path::new("show"), &made.dataset(), Path::new("0")]));
    let lines: Vec<&str> = said.lines().filter(|line| line.trim_start().starts_with("box ")).collect();
    assert!(
        lines[0].contains("] in rgb ") && lines[0].contains("own") && lines[0].ends_with("[0.1, 0.2, 0.3, 0.4]"),
        "{said}"
    );
    assert!(lines[1].contains("shown") && lines[1].ends_with("[0, 0, 1, 1]"), "{said}");
}
