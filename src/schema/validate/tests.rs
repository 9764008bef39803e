use super::*;
use crate::error::ErrorKind;
use crate::format::address::Address;
use crate::schema::rows::*;

fn address() -> Address {
    Address::new(1 << 32).unwrap()
}

/// A conversation with everything in it that can be wrong.
fn sample() -> ConversationRow {
    let turn = |role: &str, text: &str| TurnRow { role: role.into(), text: text.into(), ..Default::default() };
    let node = |parent, subtree_end| ReasoningRow { parent, subtree_end, turn: 1, ..Default::default() };
    ConversationRow {
        id: "1".into(),
        source: "s".into(),
        task: "t".into(),
        turns: vec![turn("user", "é <image> and <image>?"), turn("assistant", "at [0.1, 0.2, 0.3, 0.4]")],
        media: vec![
            MediumRow { at: Some(3), refs: vec![address()], ..Default::default() },
            MediumRow { at: Some(15), refs: vec![address()], ..Default::default() },
        ],
        grounding: vec![GroundingRow {
            turn: 1,
            byte_start: 3,
            byte_end: 23,
            kind: "box".into(),
            media: 0,
            values: vec![0.1, 0.2, 0.3, 0.4],
        }],
        reasoning: vec![node(None, 2), node(Some(0), 2)],
        alternatives: vec![AlternativeRow {
            kind: "rejected".into(),
            turns: vec![turn("assistant", "no: <image> (1, 2)")],
            media: vec![MediumRow { at: Some(4), output: true, refs: vec![address()], ..Default::default() }],
            grounding: vec![GroundingRow {
                turn: 0,
                byte_start: 12,
                byte_end: 18,
                kind: "point".into(),
                media: 2,
                values: vec![0.5, 0.25],
            }],
            ..Default::default()
        }],
        ..Default::default()
    }
}

fn refused(change: impl Fn(&mut ConversationRow), field: &str) {
    let mut row = sample();
    change(&mut row);
    let error = check_conversation(&row).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.message().starts_with(field), "{error} does not start with {field}");
}

fn found(change: impl Fn(&mut ConversationRow), field: &str) {
    let mut row = sample();
    change(&mut row);
    let findings = check_conversation(&row).unwrap();
    assert!(!findings.is_empty() && findings.iter().all(|finding| finding.field == field), "{findings:?}");
}

#[test]
fn a_good_conversation_has_no_findings() {
    assert_eq!(check_conversation(&sample()).unwrap(), []);
}

#[test]
fn names_that_must_be_given_are_asked_for() {
    refused(|row| row.id.clear(), "id:");
    refused(|row| row.source.clear(), "source:");
    refused(|row| row.task.clear(), "task:");
    refused(|row| row.origin = Some("alien".into()), "origin:");
    refused(|row| row.turns[1].role = "gpt".into(), "turns[1].role:");
    refused(|row| row.alternatives[0].kind.clear(), "alternatives[0].kind:");
    refused(|row| row.alternatives[0].turns[0].role.clear(), "alternatives[0].turns[0].role:");
}

#[test]
fn a_medium_stands_at_a_place_of_the_text_and_alone_at_a_placeholder() {
    for at in [-1, 1, 1000, i64::MAX, i64::MIN] {
        refused(|row| row.media[0].at = Some(at), "media[0].at:");
    }
    refused(|row| row.media[1].at = Some(3), "media[1].at:");
    refused(
        |row| {
            row.media.swap(0, 1);
            let first = row.media[0].clone();
            row.media.push(first);
        },
        "media[2].at:",
    );
    refused(|row| row.media[1].turn = 2, "media[1].turn:");
    refused(|row| row.media[1].turn = -1, "media[1].turn:");
    refused(|row| row.media[1].refs.clear(), "media[1].refs:");
    let mut row = sample();
    row.media.swap(0, 1);
    row.media[0].at = None;
    assert_eq!(check_conversation(&row).unwrap(), []);
    // Between characters without a placeholder several may stand.
    row.turns[0].text = "é: and?".into();
    row.grounding.clear();
    for medium in &mut row.media {
        (medium.turn, medium.at) = (0, Some(2));
    }
    assert_eq!(check_conversation(&row).unwrap(), []);
}

#[test]
fn grounding_is_a_stretch_of_whole_characters() {
    for range in [(-1, 2), (0, 1000), (5, 4), (5, 5), (i64::MIN, i64::MAX)] {
        refused(|row| (row.grounding[0].byte_start, row.grounding[0].byte_end) = range, "grounding[0]:");
    }
    refused(
        |row| {
            row.grounding[0].turn = 0;
            row.grounding[0].byte_start = 1;
            row.grounding[0].byte_end = 4;
        },
        "grounding[0]:",
    );
    refused(|row| row.grounding[0].media = 2, "grounding[0].media:");
    refused(|row| row.grounding[0].turn = 5, "grounding[0].turn:");
    refused(|row| row.grounding[0].kind.clear(), "grounding[0].kind:");
    refused(|row| row.grounding[0].values[1] = f32::NAN, "grounding[0].values:");
    refused(|row| row.grounding[0].values.truncate(3), "grounding[0].values:");
    found(|row| row.grounding[0].values[3] = 1.25, "grounding[0].values");
    found(|row| row.grounding[0].values.swap(0, 2), "grounding[0].values");
}

#[test]
fn what_another_ending_shows_is_held_to_the_same_within_it() {
    fn ending(row: &mut ConversationRow) -> &mut AlternativeRow {
        &mut row.alternatives[0]
    }
    refused(|row| ending(row).media[0].at = Some(19), "alternatives[0].media[0].at:");
    refused(|row| ending(row).media[0].turn = 1, "alternatives[0].media[0].turn:");
    refused(|row| ending(row).media[0].refs.clear(), "alternatives[0].media[0].refs:");
    refused(|row| ending(row).media[0].fps = Some(f64::NAN), "alternatives[0].media[0].fps:");
    refused(|row| ending(row).media = vec![ending(&mut sample()).media[0].clone(); 2], "alternatives[0].media[1].at:");
    refused(|row| ending(row).grounding[0].byte_end = 19, "alternatives[0].grounding[0]:");
    refused(|row| ending(row).grounding[0].turn = 1, "alternatives[0].grounding[0].turn:");
    refused(|row| ending(row).grounding[0].media = 3, "alternatives[0].grounding[0].media:");
    refused(|row| ending(row).media.clear(), "alternatives[0].grounding[0].media:");
    refused(|row| ending(row).grounding[0].values.truncate(1), "alternatives[0].grounding[0].values:");
    found(|row| ending(row).grounding[0].values[0] = 1.5, "alternatives[0].grounding[0].values");
    // A turn that shows something says something.
    let mut row = sample();
    ending(&mut row).grounding.clear();
    ending(&mut row).turns[0].text.clear();
    ending(&mut row).media[0].at = None;
    assert_eq!(check_conversation(&row).unwrap(), []);
    ending(&mut row).media.clear();
    assert_eq!(check_conversation(&row).unwrap()[0].field, "alternatives[0].turns[0].text");
}

#[test]
fn reasoning_is_a_forest() {
    refused(|row| row.reasoning[1].parent = Some(1), "reasoning:");
    refused(|row| row.reasoning[0].subtree_end = 3, "reasoning:");
    refused(|row| row.reasoning[1].turn = 2, "reasoning[1].turn:");
    refused(|row| row.reasoning[1].origin = Some(String::new()), "reasoning[1].origin:");
    found(|row| row.reasoning[1].level = Some(4), "reasoning[1].level");
    let evidence = |start, end, bbox| EvidenceRow { address: address(), start, end, bbox };
    refused(
        |row| row.reasoning[0].evidence = vec![evidence(Some(2.0), Some(1.0), None)],
        "reasoning[0].evidence[0].start:",
    );
    found(
        |row| row.reasoning[0].evidence = vec![evidence(None, None, Some([0.0, 0.0, 2.0, 1.0]))],
        "reasoning[0].evidence[0].box",
    );
}

#[test]
fn numbers_are_finite_and_times_in_order() {
    refused(|row| row.media[0].start = Some(f64::NAN), "media[0].start:");
    refused(|row| row.media[0].end = Some(f64::INFINITY), "media[0].end:");
    refused(|row| (row.media[0].start, row.media[0].end) = (Some(2.0), Some(1.0)), "media[0].start:");
    refused(|row| row.media[0].fps = Some(-1.0), "media[0].fps:");
    refused(|row| row.alternatives[0].score = Some(f64::NEG_INFINITY), "alternatives[0].score:");
}

#[test]
fn what_is_to_be_json_is_json() {
    refused(|row| row.extra = Some("{".into()), "extra:");
    refused(|row| row.extra = Some("[1]".into()), "extra:");
    refused(|row| row.extra = Some(r#"{"a": 1} x"#.into()), "extra:");
    refused(|row| row.tools = Some("[".into()), "tools:");
    refused(|row| row.turns[0].extra = Some("null".into()), "turns[0].extra:");
    let mut row = sample();
    row.tools = Some("[{}]".into());
    row.extra = Some(format!(" {{\"deep\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000)));
    check_conversation(&row).unwrap();
}

#[test]
fn a_turn_that_says_nothing_is_found_unless_it_shows_something() {
    found(|row| row.turns.push(TurnRow { role: "user".into(), ..Default::default() }), "turns[2].text");
    let mut row = sample();
    row.turns.push(TurnRow { role: "assistant".into(), ..Default::default() });
    row.media.push(MediumRow { turn: 2, output: true, refs: vec![address()], ..Default::default() });
    assert_eq!(check_conversation(&row).unwrap(), []);
}

fn annotation() -> AnnotationRow {
    AnnotationRow {
        id: "1".into(),
        source: "s".into(),
        annotator: None,
        status: Some("single".into()),
        origin: None,
        generator: None,
        target: address(),
        start: Some(1.0),
        end: Some(1.0),
        parent: None,
        text: None,
        labels: vec![LabelRow { axis: "phase".into(), ..Default::default() }],
        regions: vec![RegionRow {
            bbox: Some([0.0, 0.0, 1.0, 1.0]),
            polygons: Some(vec![vec![0.0, 0.0, 1.0, 0.0, 1.0, 1.0]]),
            score: Some(0.5),
            ..Default::default()
        }],
        extra: None,
        record: None,
    }
}

#[test]
fn annotations_are_checked_in_every_part() {
    assert_eq!(check_annotation(&annotation()).unwrap(), []);
    let refused = |change: fn(&mut AnnotationRow), field: &str| {
        let mut row = annotation();
        change(&mut row);
        let error = check_annotation(&row).unwrap_err();
        assert!(error.kind() == ErrorKind::Invalid && error.message().starts_with(field), "{error}");
    };
    refused(|row| row.status = Some("final".into()), "status:");
    refused(|row| row.start = Some(2.0), "start:");
    refused(|row| row.labels[0].axis.clear(), "labels[0].axis:");
    refused(|row| row.labels[0].value = Some(f64::NAN), "labels[0].value:");
    refused(|row| row.regions[0].bbox = Some([f32::NAN; 4]), "regions[0].box:");
    refused(|row| row.regions[0].polygons = Some(vec![vec![0.0; 7]]), "regions[0].polygons[0]:");
    refused(|row| row.regions[0].score = Some(f32::INFINITY), "regions[0].score:");
    refused(|row| row.regions[0].tracks = vec![TrackRow::default()], "regions[0].tracks[0].scope:");
    let mut row = annotation();
    row.regions[0].bbox = Some([0.5, 0.0, 0.25, 1.5]);
    row.regions[0].polygons = Some(vec![vec![-0.1, 0.0, 1.0, 0.0, 1.0, 1.0]]);
    let fields: Vec<String> = check_annotation(&row).unwrap().into_iter().map(|finding| finding.field).collect();
    assert_eq!(fields, ["regions[0].box", "regions[0].box", "regions[0].polygons[0]"]);
}

#[test]
fn sizes_are_not_negative() {
    let video = VideoRow { id: "1".into(), source: "s".into(), ..Default::default() };
    check_video(&video).unwrap();
    assert!(check_video(&VideoRow { width: Some(-1), ..video.clone() }).is_err());
    assert!(check_video(&VideoRow { frame_count: Some(-1), ..video.clone() }).is_err());
    assert!(check_video(&VideoRow { duration: Some(f64::NAN), ..video.clone() }).is_err());
    let frame = FrameRow { id: "1".into(), source: "s".into(), kind: "rgb".into(), ..Default::default() };
    check_frame(&frame).unwrap();
    assert!(check_frame(&FrameRow { height: Some(-1), ..frame.clone() }).is_err());
    assert!(check_frame(&FrameRow { kind: String::new(), ..frame.clone() }).is_err());
    let case = CaseRow { id: "1".into(), source: "s".into(), ..Default::default() };
    check_case(&case).unwrap();
    assert!(check_case(&CaseRow { extra: Some("3".into()), ..case }).is_err());
    let blob = BlobRow { media_type: "image/png".into(), size: 1, bytes: Some(&[1]), ..Default::default() };
    check_blob(&blob).unwrap();
    assert!(check_blob(&BlobRow { size: -1, bytes: None, uri: Some("x".into()), ..blob.clone() }).is_err());
    assert!(check_blob(&BlobRow { size: 2, ..blob.clone() }).is_err());
    assert!(check_blob(&BlobRow { bytes: None, ..blob }).is_err());
}
