//! Rows go into record batches and come back through views as they were.

use crate::common::samples::{self, Samples, samples};
use arrow_array::RecordBatch;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use surgdb::schema::build::*;
use surgdb::schema::rows::*;
use surgdb::schema::validate::*;
use surgdb::schema::views::*;
use surgdb::{Address, Table};

macro_rules! batch_of {
    ($builder:ident, $rows:expr) => {{
        let mut builder = $builder::new();
        for row in $rows {
            builder.push(row).unwrap();
        }
        assert_eq!(builder.len(), $rows.len());
        let batch = builder.finish().unwrap();
        assert!(builder.is_empty());
        assert_unsliced(&batch);
        batch
    }};
}

macro_rules! rows_of {
    ($view:ident, $batch:expr) => {{
        let batch = $batch;
        (0..batch.num_rows())
            .map(|row| $view::new(BatchRow::new(batch, row).unwrap()).to_row().unwrap())
            .collect::<Vec<_>>()
    }};
}

/// Every array starts at its buffers' start, and has a null buffer only where it has nulls.
fn assert_unsliced(batch: &RecordBatch) {
    fn check(data: &arrow_data::ArrayData) {
        assert_eq!(data.offset(), 0);
        assert!(data.nulls().is_none_or(|nulls| nulls.null_count() > 0 && nulls.offset() == 0));
        data.child_data().iter().for_each(check);
    }
    for column in batch.columns() {
        let data = column.to_data();
        data.validate_full().unwrap();
        check(&data);
    }
}

#[test]
fn all_samples_are_valid_and_come_back_as_they_were() {
    let Samples { cases, videos, frames, annotations, conversations, blobs } = samples();
    let findings = |found: Vec<Finding>| found.iter().map(|finding| finding.field.clone()).collect::<Vec<_>>();
    for row in &cases {
        assert_eq!(check_case(row).unwrap(), []);
    }
    for row in &videos {
        assert_eq!(check_video(row).unwrap(), []);
    }
    for row in &frames {
        assert_eq!(check_frame(row).unwrap(), []);
    }
    for row in &annotations {
        let expected: &[&str] = if row.id == "instance/1" { &["regions[0].polygons[1]"] } else { &[] };
        assert_eq!(findings(check_annotation(row).unwrap()), expected);
    }
    for row in &conversations {
        assert_eq!(check_conversation(row).unwrap(), [], "{}", row.id);
    }
    assert_eq!(rows_of!(Case, &batch_of!(CasesBuilder, &cases)), cases);
    assert_eq!(rows_of!(Video, &batch_of!(VideosBuilder, &videos)), videos);
    assert_eq!(rows_of!(Frame, &batch_of!(FramesBuilder, &frames)), frames);
    assert_eq!(rows_of!(Annotation, &batch_of!(AnnotationsBuilder, &annotations)), annotations);
    assert_eq!(rows_of!(Conversation, &batch_of!(ConversationsBuilder, &conversations)), conversations);
    let blobs: Vec<BlobRow<'_>> = blobs.iter().map(|(media_type, bytes)| blob(media_type, bytes)).collect();
    for row in &blobs {
        assert_eq!(check_blob(row).unwrap(), []);
    }
    let batch = batch_of!(BlobsBuilder, &blobs);
    for (i, row) in blobs.iter().enumerate() {
        assert_eq!(&Blob::new(BatchRow::new(&batch, i).unwrap()).to_row().unwrap(), row);
    }
}

fn blob<'a>(media_type: &str, bytes: &'a [u8]) -> BlobRow<'a> {
    BlobRow {
        digest: *blake3::hash(bytes).as_bytes(),
        crc32: crc32fast::hash(bytes),
        media_type: media_type.into(),
        size: bytes.len() as i64,
        uri: None,
        bytes: Some(bytes),
    }
}

#[test]
fn the_samples_hold_each_task_and_refer_only_backwards() {
    use samples::{Refer, TASKS, meant_by};
    let mut samples = samples();
    for (row, task) in samples.conversations.iter().zip(TASKS) {
        assert_eq!((row.id.as_str(), row.task.as_str()), (task, task));
    }
    let lengths = |table: Table| match table {
        Table::Blobs => 14,
        Table::Cases => 1,
        Table::Videos => 2,
        Table::Frames => 13,
        Table::Annotations => 4,
        Table::Conversations => 28,
    };
    assert_eq!(samples.conversations.len(), lengths(Table::Conversations));
    let mut seen = 0;
    let mut exists = |address: Address| {
        let (table, place) = meant_by(address);
        assert!(place < lengths(table), "{table} {place}");
        seen += 1;
        address
    };
    samples.videos.iter_mut().for_each(|row| row.refer(&mut exists));
    samples.frames.iter_mut().for_each(|row| row.refer(&mut exists));
    samples.annotations.iter_mut().for_each(|row| row.refer(&mut exists));
    samples.conversations.iter_mut().for_each(|row| row.refer(&mut exists));
    assert!(seen > 80);
}

#[test]
fn text_and_media_are_interleaved_at_the_placeholders() {
    let rows = samples().conversations;
    let batch = batch_of!(ConversationsBuilder, &rows);
    let pieces = |id: &str| {
        let row = rows.iter().position(|row| row.id == id).unwrap();
        let view = Conversation::new(BatchRow::new(&batch, row).unwrap());
        let parts = view.parts().unwrap();
        let piece = |(turn, part): (usize, Part<'_>)| match part {
            Part::Text(text) => format!("{turn} {text}"),
            Part::Medium(medium) => format!("{turn} [{}]", medium.number()),
        };
        parts.iter().map(piece).collect::<Vec<_>>()
    };
    assert_eq!(
        pieces("literal placeholder"),
        ["0 Écris <image> pour une image: ", "0 [0]", "0  是这样 <image>", "1 <image> est un mot."]
    );
    assert_eq!(pieces("instrument segmentation"), ["0 [0]", "0 \nSegment the instruments.", "1 [1]"]);
    assert_eq!(pieces("missing picture"), ["0 [0]", "0 Describe it.", "1 I cannot."]);
    assert_eq!(pieces("bare"), [] as [&str; 0]);
}

#[test]
fn media_out_of_order_come_in_the_order_of_their_places() {
    let address = samples::symbol(Table::Frames, 0);
    let medium = |turn, at| MediumRow { turn, at, refs: vec![address], ..Default::default() };
    let turn = |text: &str| TurnRow { role: "user".into(), text: text.into(), ..Default::default() };
    let row = ConversationRow {
        turns: vec![turn("a<image>b<video><image>"), turn("<video>")],
        media: vec![
            medium(1, Some(0)),
            medium(0, Some(16)),
            medium(0, None),
            medium(0, Some(1)),
            medium(0, Some(9)),
            medium(0, None),
        ],
        ..Default::default()
    };
    let batch = batch_of!(ConversationsBuilder, std::slice::from_ref(&row));
    let view = Conversation::new(BatchRow::new(&batch, 0).unwrap());
    let pieces: Vec<String> = view
        .parts()
        .unwrap()
        .iter()
        .map(|(_, part)| match part {
            Part::Text(text) => text.to_owned(),
            Part::Medium(medium) => medium.number().to_string(),
        })
        .collect();
    assert_eq!(pieces, ["2", "5", "a", "3", "b", "4", "1", "0"]);
}

#[test]
fn a_forest_is_walked_in_every_direction() {
    let rows = samples().conversations;
    let batch = batch_of!(ConversationsBuilder, &rows);
    let row = rows.iter().position(|row| row.task == "triplet recognition").unwrap();
    let view = Conversation::new(BatchRow::new(&batch, row).unwrap());
    let forest = view.reasoning().unwrap();
    let numbers = |nodes: &mut dyn Iterator<Item = Node<'_>>| nodes.map(|node| node.number()).collect::<Vec<_>>();
    assert_eq!(numbers(&mut forest.roots()), [0, 4]);
    assert_eq!(numbers(&mut forest.children(1)), [2, 3]);
    assert_eq!(numbers(&mut forest.children(4)), [] as [usize; 0]);
    assert_eq!(numbers(&mut forest.children(99)), [] as [usize; 0]);
    assert_eq!(numbers(&mut forest.path(3)), [3, 1, 0]);
    assert_eq!(numbers(&mut forest.path(usize::MAX)), [] as [usize; 0]);
    assert_eq!(numbers(&mut forest.level(1)), [2, 3, 4]);
    assert_eq!((forest.parent(3), forest.parent(0), forest.parent(9)), (Some(1), None, None));
    assert_eq!((forest.subtree(1), forest.subtree(9)), (1..4, 9..9));
    assert_eq!(
        forest.to_string(),
        "- [3] so that Calot's triangle opens\n  - [2] it retracts\n    - [1] a grasper\n    - [1] a gallbladder\n\
         - [1] check: nothing else moves\n"
    );
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["", "[a-c]{1,3}", "\\PC{0,8}", Just("é\0\u{10ffff} <image>".to_owned())]
}

fn address() -> impl Strategy<Value = Address> {
    (1u32..1 << 21, any::<u32>()).prop_map(|(fragment, row)| surgdb::FragmentId::new(fragment).unwrap().address(row))
}

fn float() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.0), Just(-0.0), -1e300..1e300]
}

fn bbox() -> impl Strategy<Value = BoxCoords> {
    [-2f32..2.0, -2f32..2.0, -2f32..2.0, -2f32..2.0]
}

fn turns() -> impl Strategy<Value = Vec<TurnRow>> {
    let turn = (text(), text(), option::of(text()), option::of(text()));
    vec(turn.prop_map(|(role, text, name, extra)| TurnRow { role, text, name, extra }), 0..4)
}

fn media() -> impl Strategy<Value = Vec<MediumRow>> {
    let times = (option::of(float()), option::of(float()), option::of(float()));
    let medium = (any::<i32>(), option::of(any::<i64>()), any::<bool>(), vec(address(), 0..4), times);
    let row = medium.prop_map(|(turn, at, output, refs, (start, end, fps))| MediumRow {
        turn,
        at,
        output,
        refs,
        start,
        end,
        fps,
    });
    vec(row, 0..4)
}

fn grounding() -> impl Strategy<Value = Vec<GroundingRow>> {
    let place = (any::<i32>(), any::<i64>(), any::<i64>(), text(), any::<i32>(), vec(-2f32..2.0, 0..5));
    let row = place.prop_map(|(turn, byte_start, byte_end, kind, media, values)| GroundingRow {
        turn,
        byte_start,
        byte_end,
        kind,
        media,
        values,
    });
    vec(row, 0..3)
}

/// A forest from the depths of its nodes.
fn reasoning() -> impl Strategy<Value = Vec<ReasoningRow>> {
    let times = (option::of(float()), option::of(float()), option::of(bbox()));
    let evidence =
        (address(), times).prop_map(|(address, (start, end, bbox))| EvidenceRow { address, start, end, bbox });
    let names = (option::of(text()), option::of(text()), text());
    let node = (0usize..4, any::<i32>(), option::of(any::<i8>()), names, vec(evidence, 0..3));
    vec(node, 0..7).prop_map(|nodes| {
        let mut rows: Vec<ReasoningRow> = Vec::new();
        let mut open: Vec<usize> = Vec::new();
        for (i, (depth, turn, level, (kind, origin, text), evidence)) in nodes.into_iter().enumerate() {
            open.truncate(depth);
            let parent = open.last().map(|parent| *parent as i32);
            rows.push(ReasoningRow { turn, parent, subtree_end: 0, level, kind, origin, text, evidence });
            open.push(i);
            for node in &open {
                rows[*node].subtree_end = i as i32 + 1;
            }
        }
        rows
    })
}

fn alternatives() -> impl Strategy<Value = Vec<AlternativeRow>> {
    let alternative = (text(), turns(), media(), grounding(), option::of(float()), option::of(text()));
    let row = alternative.prop_map(|(kind, turns, media, grounding, score, generator)| AlternativeRow {
        kind,
        turns,
        media,
        grounding,
        score,
        generator,
    });
    vec(row, 0..3)
}

fn record() -> impl Strategy<Value = Option<[u8; 8]>> {
    option::of(any::<[u8; 8]>())
}

fn conversation() -> impl Strategy<Value = ConversationRow> {
    let optional = [(); 5].map(|()| option::of(text()));
    let names = (text(), text(), text(), optional, option::of(address()));
    let lists = (turns(), media(), grounding(), reasoning(), alternatives(), vec(address(), 0..4));
    let rest = (option::of(any::<bool>()), option::of(text()), option::of(text()), option::of(text()), record());
    (names, lists, rest).prop_map(|(names, lists, rest)| {
        let (id, source, task, [specialty, procedure, language, origin, generator], case) = names;
        let (turns, media, grounding, reasoning, alternatives, annotations) = lists;
        let (preferred, solution, tools, extra, record) = rest;
        ConversationRow {
            id,
            source,
            task,
            specialty,
            procedure,
            language,
            origin,
            generator,
            case,
            turns,
            media,
            grounding,
            reasoning,
            alternatives,
            preferred,
            solution,
            annotations,
            tools,
            extra,
            record,
        }
    })
}

fn regions() -> impl Strategy<Value = Vec<RegionRow>> {
    let track = (text(), any::<i64>()).prop_map(|(scope, id)| TrackRow { scope, id });
    let polygons = option::of(vec(vec(-2f32..2.0, 0..6), 0..3));
    let region = (
        option::of(text()),
        option::of(bbox()),
        option::of(address()),
        polygons,
        option::of(-2f32..2.0),
        vec(track, 0..3),
    );
    let row = region.prop_map(|(role, bbox, mask, polygons, score, tracks)| RegionRow {
        role,
        bbox,
        mask,
        polygons,
        score,
        tracks,
    });
    vec(row, 0..3)
}

fn annotation() -> impl Strategy<Value = AnnotationRow> {
    let label = (text(), option::of(text()), text(), option::of(float()))
        .prop_map(|(axis, label, raw, value)| LabelRow { axis, label, raw, value });
    let names = (text(), text(), [(); 6].map(|()| option::of(text())));
    let places = (address(), option::of(float()), option::of(float()), option::of(address()));
    (names, places, vec(label, 0..4), regions(), record()).prop_map(|(names, places, labels, regions, record)| {
        let (id, source, [annotator, status, origin, generator, text, extra]) = names;
        let (target, start, end, parent) = places;
        AnnotationRow {
            id,
            source,
            annotator,
            status,
            origin,
            generator,
            target,
            start,
            end,
            parent,
            text,
            labels,
            regions,
            extra,
            record,
        }
    })
}

fn frame() -> impl Strategy<Value = FrameRow> {
    let names = (text(), text(), text(), [(); 4].map(|()| option::of(text())));
    let refs = [(); 4].map(|()| option::of(address()));
    let numbers = (option::of(any::<i64>()), option::of(float()), option::of(any::<i32>()), option::of(any::<i32>()));
    (names, refs, numbers, record()).prop_map(|(names, [case, video, parent, blob], numbers, record)| {
        let (id, source, kind, [path, origin, generator, extra]) = names;
        let (index, time, width, height) = numbers;
        FrameRow {
            id,
            source,
            case,
            video,
            index,
            time,
            kind,
            parent,
            path,
            blob,
            width,
            height,
            origin,
            generator,
            extra,
            record,
        }
    })
}

fn video() -> impl Strategy<Value = VideoRow> {
    let names = (text(), text(), option::of(text()), option::of(text()));
    let numbers = (option::of(float()), option::of(float()), option::of(any::<i64>()));
    let sizes = (option::of(any::<i32>()), option::of(any::<i32>()), option::of(address()), option::of(address()));
    let keyframe = (float(), any::<i64>()).prop_map(|(time, offset)| KeyframeRow { time, offset });
    (names, numbers, sizes, option::of(vec(keyframe, 0..4)), record()).prop_map(
        |((id, source, path, extra), (fps, duration, frame_count), (width, height, case, blob), keyframes, record)| {
            VideoRow {
                id,
                source,
                case,
                path,
                blob,
                fps,
                duration,
                frame_count,
                width,
                height,
                keyframes,
                extra,
                record,
            }
        },
    )
}

fn case() -> impl Strategy<Value = CaseRow> {
    (text(), text(), [(); 7].map(|()| option::of(text())), record()).prop_map(|(id, source, optional, record)| {
        let [patient, institution, specialty, procedure, device, consent, extra] = optional;
        CaseRow { id, source, patient, institution, specialty, procedure, device, consent, extra, record }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn conversations_come_back_as_they_were(rows in vec(conversation(), 0..6)) {
        prop_assert_eq!(rows_of!(Conversation, &batch_of!(ConversationsBuilder, &rows)), rows);
    }

    #[test]
    fn annotations_come_back_as_they_were(rows in vec(annotation(), 0..6)) {
        prop_assert_eq!(rows_of!(Annotation, &batch_of!(AnnotationsBuilder, &rows)), rows);
    }

    #[test]
    fn frames_come_back_as_they_were(rows in vec(frame(), 0..10)) {
        prop_assert_eq!(rows_of!(Frame, &batch_of!(FramesBuilder, &rows)), rows);
    }

    #[test]
    fn videos_come_back_as_they_were(rows in vec(video(), 0..10)) {
        prop_assert_eq!(rows_of!(Video, &batch_of!(VideosBuilder, &rows)), rows);
    }

    #[test]
    fn cases_come_back_as_they_were(rows in vec(case(), 0..10)) {
        prop_assert_eq!(rows_of!(Case, &batch_of!(CasesBuilder, &rows)), rows);
    }

    /// Rows straight from a generator mean nothing: views of them return errors or values, and never panic.
    #[test]
    fn views_of_rows_without_sense_do_not_panic(row in conversation(), parents in vec((option::of(-2i32..9), -2i32..9), 0..8)) {
        let mut row = row;
        let node = |(parent, subtree_end)| ReasoningRow { parent, subtree_end, ..Default::default() };
        row.reasoning = parents.into_iter().map(node).collect();
        let _ = check_conversation(&row);
        let batch = batch_of!(ConversationsBuilder, std::slice::from_ref(&row));
        let view = Conversation::new(BatchRow::new(&batch, 0).unwrap());
        if let Ok(parts) = view.parts() {
            parts.iter().for_each(drop);
        }
        if let Ok(forest) = view.reasoning() {
            let _ = forest.to_string();
            for i in 0..10 {
                forest.children(i).chain(forest.path(i)).for_each(drop);
                assert!(forest.subtree(i).len() <= forest.len());
            }
        }
    }
}

#[test]
fn rows_of_sliced_batches_are_the_rows() {
    let rows = samples().conversations;
    let batch = batch_of!(ConversationsBuilder, &rows);
    for start in 0..rows.len() {
        let slice = batch.slice(start, rows.len() - start);
        assert_eq!(rows_of!(Conversation, &slice), rows[start..]);
    }
    let annotations = samples().annotations;
    let batch = batch_of!(AnnotationsBuilder, &annotations);
    assert_eq!(rows_of!(Annotation, &batch.slice(3, 1)), annotations[3..]);
}

#[test]
fn an_error_names_the_column() {
    let mut builder = AnnotationsBuilder::new();
    builder.push_empty().unwrap();
    let batch = builder.finish().unwrap();
    let error = Annotation::new(BatchRow::new(&batch, 0).unwrap()).target().unwrap_err();
    assert_eq!(error.kind(), surgdb::ErrorKind::Corrupt);
    assert!(error.to_string().contains("annotations.target"), "{error}");
    assert!(BatchRow::new(&batch, 1).is_err());
    assert!(Conversation::new(BatchRow::new(&batch, 0).unwrap()).turns().is_err());
    assert!(Conversation::new(BatchRow::new(&batch, 0).unwrap()).record().is_err());
}
