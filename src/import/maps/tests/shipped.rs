//! Each shipped map on a file of its form, with what real ones have in them; and, where they are there, on real ones.

use super::*;
use crate::import::{MediaMode, OnMissing};

#[test]
fn shipped_maps_are_whole_and_found_by_their_names() {
    let names: Vec<&str> = TableMap::shipped().iter().map(|map| map.name()).collect();
    assert_eq!(
        names,
        [
            "activitynet",
            "ava",
            "cholec80",
            "cholec80-cvs",
            "cholecinstanceseg",
            "cholecseg8k",
            "endovis18",
            "imagefolder",
            "kvasir-vqa",
            "multibypass140",
            "ophnet",
        ]
    );
    for name in names {
        let map = TableMap::find(name).unwrap();
        assert_eq!(*TableMap::from_toml(map.text()).unwrap().text(), *map.text());
        assert!(map.about().is_some() && map.files().count() > 0);
    }
    assert!(TableMap::find("nothing").unwrap_err().to_string().contains("shipped are activitynet, ava,"));
}

#[test]
fn cholec80_phases_are_runs_and_tools_are_marks() {
    let place = Place::new();
    let mut text = "Frame\tPhase\r\n".to_owned();
    for frame in 0..100 {
        let phase = match frame {
            0..50 => "Preparation",
            50..75 => "CalotTriangleDissection",
            75..90 => "Preparation",
            _ => "Lunch",
        };
        text.push_str(&format!("{frame}\t{phase}\r\n"));
    }
    place.write("phase_annotations/video01-phase.txt", &text);
    let header = "Frame\tGrasper\tBipolar\tHook\tScissors\tClipper\tIrrigator\tSpecimenBag\n";
    place.write(
        "tool_annotations/video01-tool.txt",
        format!("{header}0\t1\t0\t0\t0\t0\t0\t0\n25\t1\t0\t1\t0\t0\t0\t0\n50\t0\t0\t0\t0\t0\t0\t0\n"),
    );
    let report = place.whole();
    assert_eq!(map_of(&report), Some("cholec80"));
    assert_eq!((report.listed["rows"], report.records.added), (103, 7));
    let row = place.annotation("video01/phase/50");
    assert_eq!((row.start, row.end, labels(&row)), (Some(2.0), Some(3.0), vec![("phase", "CalotTriangleDissection")]));
    assert_eq!(place.annotation("video01/phase/75").end, Some(3.6));
    assert_eq!(told(&report, Kind::Doubtful), vec!["\"Lunch\" is none of the labels that the map knows for phase"; 10]);
    let row = place.annotation("video01/tool/25");
    assert_eq!((row.start, row.end), (Some(1.0), Some(1.04)));
    assert_eq!(labels(&row), [("instrument", "Grasper"), ("instrument", "Hook")]);
    assert!(place.annotation("video01/tool/50").labels.is_empty());
    assert_eq!((place.count(Table::Videos), place.count(Table::Frames), place.count(Table::Cases)), (1, 0, 1));
}

#[test]
fn a_csv_of_stretches_like_ophnets() {
    let place = Place::new();
    let text = "\u{feff}video_id,surgery,start,end,phase,operation,remark\r\n\
                case_1,phaco,0,12.5,incision,\"cut, then widen\",\r\n\
                case_1,phaco,10,20,capsulorhexis,,\"so \"\"so\"\"\"\r\n\
                ,,,,,,\r\n\
                case_2,,3,4.25,incision,,\r\n";
    place.write("labels.csv", text);
    let report = place.whole();
    assert_eq!((map_of(&report), report.records.added, report.listed["empty rows"]), (Some("ophnet"), 3, 1));
    let row = place.annotation("labels#1");
    assert_eq!((row.start, row.end), (Some(0.0), Some(12.5)));
    assert_eq!(labels(&row), [("phase", "incision"), ("operation", "cut, then widen")]);
    assert_eq!(place.annotation("labels#2").extra.as_deref(), Some(r#"{"remark":"so \"so\""}"#));
    let dataset = place.dataset();
    let case = dataset.case(place.video("case_1").case.unwrap()).unwrap();
    assert_eq!(case.procedure().unwrap(), Some("phaco"));
}

#[test]
fn activitynets_videos_and_segments() {
    let place = Place::new();
    let text = r#"{"version": "1.3", "database": {
        "a": {"duration": 30.5, "subset": "training", "url": "u", "resolution": "320x240", "annotations": [
            {"segment": [0.5, 12], "label": "Cutting"}, {"segment": [10, 30.5], "label": "Sewing", "note": 1}]},
        "b": {"duration": 5, "subset": "validation", "url": "w", "resolution": "1x1", "annotations": []}},
        "taxonomy": []}"#;
    place.write("activity_net.v1-3.min.json", text);
    let report = place.whole();
    assert_eq!((map_of(&report), report.records.added), (Some("activitynet"), 4));
    assert_eq!((report.listed["database"], report.listed["annotations"]), (2, 2));
    assert!(told(&report, Kind::AboutFile)[0].contains("taxonomy"));
    let video = place.video("a");
    assert_eq!((video.duration, video.extra.as_deref()), (Some(30.5), Some(r#"{"url":"u","resolution":"320x240"}"#)));
    let row = place.annotation("a/1");
    assert_eq!((row.start, row.end, labels(&row)), (Some(10.0), Some(30.5), vec![("action", "Sewing")]));
    assert_eq!(row.extra.as_deref(), Some(r#"{"note":1}"#));
    let split = crate::dataset::Filter::parse("split = 'training'").unwrap();
    assert_eq!(place.dataset().select(Table::Videos, &split).unwrap().len(), 1);
}

#[test]
fn avas_boxes_have_no_header_and_rows_without_a_box() {
    let place = Place::new();
    place.write(
        "ava_train_v2.2.csv",
        "v-1,0902,0.1,0.25,0.5,0.75,80,1\r\nv-1,902.0,0.1,0.25,0.5,0.75,9,1\r\nv-1,0903,,,,,,\r\n",
    );
    let report = place.whole();
    assert_eq!((map_of(&report), report.records.added, report.media.missing), (Some("ava"), 3, 0));
    let row = place.annotation("ava_train_v2.2#2");
    assert_eq!((labels(&row), row.regions[0].bbox), (vec![("action", "9")], Some([0.1, 0.25, 0.5, 0.75])));
    assert_eq!((row.regions[0].role.as_deref(), row.regions[0].tracks[0].id), (Some("person"), 1));
    assert!(place.annotation("ava_train_v2.2#3").regions.is_empty());
    let dataset = place.dataset();
    let frame =
        dataset.frame(dataset.find_in(Table::Frames, "src", "v-1/902").unwrap().unwrap()).unwrap().to_row().unwrap();
    assert_eq!((frame.time, frame.path, place.count(Table::Frames)), (Some(902.0), None, 2));
}

#[test]
fn multibypass_overlays_are_told_apart_from_phases() {
    let place = Place::new();
    let text = r#"{"phases": [
        {"start": 0, "end": 2000, "label_name": "preparation", "label_id": 0},
        {"start": 500, "end": 700, "label_name": "out_of_body", "label_id": 12},
        {"start": 2000, "end": 13301, "label_name": "disassembling", "label_id": 10}],
        "steps": [{"start": 0, "end": 900, "label_name": "s8_vertical_stapling", "label_id": 8}]}"#;
    place.write("labels/bern/labels_by70/BBP01.mp4.json", text);
    place.write("labels/strasbourg/labels_by70/BBP01.mp4.json", text.replace("2000", "1999"));
    let report = place.whole();
    assert_eq!(map_of(&report), Some("multibypass140"));
    assert_eq!((report.listed["phases"], report.listed["steps"], report.records.added), (6, 2, 8));
    // The same video in two folders is one video; its statements are told apart.
    assert_eq!((place.count(Table::Videos), found(&report, Kind::RepeatedId)), (1, 4));
    let row = place.annotation("BBP01/phase/2");
    assert_eq!((row.start, row.end, labels(&row)), (Some(0.5), Some(0.7), vec![("out_of_body", "out_of_body")]));
    assert_eq!(row.extra.as_deref(), Some(r#"{"label_id":12}"#));
    assert_eq!(labels(&place.annotation("BBP01/step/1")), [("step", "s8_vertical_stapling")]);
    assert!(told(&report, Kind::Doubtful)[0].contains(r#"was of "bern" before, and is of "strasbourg" here"#));
    assert_eq!(found(&report, Kind::Doubtful), 1);
    let dataset = place.dataset();
    let case = dataset.case(place.video("BBP01").case.unwrap()).unwrap();
    assert_eq!(case.institution().unwrap(), Some("bern"));
}

#[test]
fn folds_and_last_frames_become_columns_of_videos() {
    let place = Place::new();
    place.write("folds.json", r#"{"folds": [["video03", "video34"], ["video04"]]}"#);
    place.write("videos_frames_index.csv", "video_name,final_frame\nvideo34,8274\nvideo04,x\nvideo05,11\n");
    let error = place.import(&[&place.folder()]).unwrap_err().to_string();
    assert!(
        error.contains("videos_frames_index.csv") && error.contains("line 3") && error.contains("\"x\" is no number"),
        "{error}"
    );
    assert_eq!((place.dataset().version(), place.count(Table::Videos)), (1, 0));
    place.write("videos_frames_index.csv", "video_name,final_frame\nvideo34,8274\nvideo04,\nvideo05,11\n");
    let report = place.whole();
    assert_eq!((map_of(&report), report.listed["folds"], report.listed["rows"]), (Some("cholec80-cvs"), 3, 3));
    assert_eq!((report.records.added, report.records.unchanged, place.count(Table::Videos)), (5, 1, 4));
    let select = |filter: &str| {
        let filter = crate::dataset::Filter::parse(filter).unwrap();
        place.dataset().select(Table::Videos, &filter).unwrap().len()
    };
    assert_eq!((select("cvs_fold = 0"), select("cvs_fold = 1"), select("cvs_last_frame = 8274")), (2, 1, 1));
    place.write("folds.json", r#"{"folds": [["video03"], ["video34", "video04"]]}"#);
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!((report.records.changed_kept, report.version), (1, None));
    assert_eq!(told(&report, Kind::ChangedRecord), ["its `cvs_fold` is 1 here and 0 in the dataset, which was kept"]);
}

#[test]
fn rows_of_kvasir_keep_repeats_and_take_their_split_from_the_file() {
    let mut place = Place::new();
    let row = |answer: &str, stage: u32| {
        format!(
            r#"{{"image_id":"x","image_filename":"x.jpg","question":"How many <b>?","answer":"{answer}","stage":{stage}}}"#
        )
    };
    place.write("s_stage1/val.json", format!("[{},\n{},{}]", row("none", 1), row("none", 1), row("0", 1)));
    place.write("raw/val.head500.jsonl", format!("{}\n", row("none", 2)));
    place.write("tiny_train.jsonl", row("yes", 3).replace("}", ",\"answer_candidates\":null}"));
    place.write("raw/split_metadata.json", "{\n \"split_method\": \"image_level\", \"total_images\": 6500}");
    let report = place.whole();
    assert_eq!((map_of(&report), report.records.added, report.media.missing), (Some("kvasir-vqa"), 5, 1));
    assert_eq!(report.splits, [("train".to_owned(), 1), ("val".to_owned(), 4)].into());
    assert_eq!(report.ignored.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(), ["raw/split_metadata.json"]);
    let dataset = place.dataset();
    let address = dataset.find_in(Table::Conversations, "src", "s_stage1/val.json#2").unwrap().unwrap();
    let conversation = dataset.conversation_at(address).unwrap().to_row().unwrap();
    assert_eq!(conversation.turns[1].text, "none");
    assert_eq!(conversation.extra.as_deref(), Some(r#"{"image_id":"x","stage":1}"#));
    assert_eq!((place.count(Table::Frames), found(&report, Kind::MediaWithoutPlaceholder)), (1, 0));
    place.options.missing = OnMissing::Stop;
    place.write("s_stage9/val.json", format!("[{}]", row("new", 1).replace("x.jpg", "y.jpg")));
    assert!(place.import(&[&place.folder().join("s_stage9")]).unwrap_err().to_string().contains("y.jpg"));
}

/// The folder of real data, if it is there.
fn real(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(name);
    let folder = if folder.is_dir() { folder } else { Path::new("/work/shared/data").join(name) };
    if !folder.is_dir() {
        eprintln!("skipped: {} is not there", folder.display());
        return None;
    }
    Some(folder)
}

#[test]
fn real_folders_go_into_one_dataset_with_the_counts_that_they_state() {
    let mut place = Place::new();
    for (name, map, read, listed) in [
        ("multibypass140", "multibypass140", 958, &[("phases", 305), ("steps", 653)][..]),
        ("cholec80_cvs", "cholec80-cvs", 160, &[("folds", 80), ("rows", 80)]),
        ("kvasir_vqa_staged", "kvasir-vqa", 18_393, &[("rows", 18_393)]),
    ] {
        let Some(folder) = real(name) else { continue };
        place.options.source = SourceDescription::named(name);
        let report = place.import(&[&folder]).unwrap();
        assert!(report.inputs.iter().all(|input| input.map.as_deref() == Some(map)), "{name}");
        assert_eq!((report.records.read, report.records.added), (read, read), "{name}");
        let counted: Vec<(&str, u64)> = report.listed.iter().map(|(what, count)| (what.as_str(), *count)).collect();
        assert_eq!(counted, listed, "{name}");
        // Answers out of the candidates, questions asked again and answered alike or otherwise, pictures of two splits.
        let faults = [Kind::Doubtful, Kind::RepeatedConversation, Kind::OtherAnswer, Kind::SplitLeak];
        let counts = if name == "kvasir_vqa_staged" { [8, 555, 68, 16] } else { [0; 4] };
        assert_eq!(faults.map(|kind| found(&report, kind)), counts, "{name}: {:?}", told(&report, Kind::Doubtful));
        let again = place.import(&[&folder]).unwrap();
        assert_eq!((again.records.unchanged, again.version), (read, None), "{name}");
    }
    assert!(place.dataset().verify(&mut |_, _| {}).unwrap().is_sound());
}

#[test]
fn a_recording_beside_its_labels_is_one_with_them() {
    for (late, folder) in [(false, "videos"), (true, "videos"), (false, "phase_annotations")] {
        let place = Place::new();
        place.write("phase_annotations/video01-phase.txt", "Frame\tPhase\n0\tPreparation\n1\tPreparation\n");
        let bring = || place.write(&format!("{folder}/video01.mp4"), crate::import::media::mp4::tests::mp4(5));
        if late {
            place.import(&[&place.folder()]).unwrap();
        }
        bring();
        let report = place.whole();
        assert_eq!((place.count(Table::Videos), place.count(Table::Cases)), (1, 1), "{late} {folder}");
        let video = place.video("video01");
        assert!(video.blob.is_some() && video.frame_count == Some(5), "{video:?}");
        assert_eq!(place.annotation("video01/phase/0").target, place.found(Table::Videos, "video01"));
        assert_eq!(report.media.found_now, u64::from(late));
        assert!(report.findings.is_empty() && report.ignored.is_empty(), "{:?} {:?}", report.findings, report.ignored);
    }
}

#[test]
fn a_recording_that_is_gone_or_runs_at_another_rate_is_told() {
    let mut place = Place::new();
    place.options.media = MediaMode::Link;
    let labels = "Frame\tPhase\n0\tPreparation\n1\tPreparation\n";
    place.write("phase_annotations/case.01-phase.txt", labels);
    let file = place.write("videos/case.01.mp4", crate::import::media::mp4::tests::mp4(5));
    place.options.map = Some(TableMap::find("cholec80").unwrap());
    place.options.source.fps = Some(7.0);
    let report = place.whole();
    assert_eq!((report.media.linked, report.media.missing), (1, 0));
    let fps = place.video("case.01").fps.unwrap();
    let doubts = told(&report, Kind::OtherRate);
    assert_eq!(doubts.is_empty(), (fps / 25.0).fract() == 0.0, "{fps} {doubts:?}");
    std::fs::remove_file(file).unwrap();
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!(found(&report, Kind::BrokenLink), 1, "{:?}", report.findings);
}

#[test]
fn pictures_with_a_table_beside_them_have_its_texts() {
    let rows = [r#"{"file_name":"a.png","text":"a gallbladder"}"#, r#"{"file_name":"b.png","text":"a liver"}"#];
    let place = Place::new();
    place.write("train/metadata.jsonl", rows.join("\n"));
    place.write("train/a.png", b"\x89PNG\r\n\x1a\n");
    let report = place.whole();
    assert_eq!((map_of(&report), report.records.added, report.media.missing), (Some("imagefolder"), 2, 1));
    let row = place.annotation("train/metadata#1");
    let of = (row.text.as_deref(), row.target);
    assert_eq!(of, (Some("a gallbladder"), place.found(Table::Frames, "train/a.png")));
    let place = Place::new();
    place.write("metadata.csv", "file_name,question,answer\na.png,What is it?,a liver\n");
    let report = place.whole();
    assert_eq!((map_of(&report), report.rows["conversations"]), (Some("imagefolder"), 1));
}

#[test]
fn segments_of_videos_need_no_length_and_files_of_others_are_no_stop() {
    let record = r#"[{"id":"a","conversations":[{"from":"human","value":"q"}]}]"#;
    let place = Place::new();
    place.write("qa.json", record);
    place.write("segments.json", r#"{"database":{"v1":{"annotations":[{"segment":[0,500],"label":"x"}]}}}"#);
    let report = place.whole();
    assert_eq!((report.records.added, report.rows["annotations"], report.rows["videos"]), (3, 1, 1));
    // Named as a shipped map's, and without what its rows need.
    let place = Place::new();
    place.write("qa.json", record);
    place.write("train.json", r#"[{"question":"q","answer":"a"}]"#);
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!((report.records.added, report.ignored.len()), (1, 1));
}

#[test]
fn tables_that_only_look_like_a_shipped_maps_are_not_taken() {
    for (name, text) in [
        ("phases.csv", "video_id,start,end,phase\nv1,0,1500,prep\n"),
        ("P01-phase.txt", "Frame\tPhase\n0\tPreparation\n1\tPreparation\n"),
        ("q.csv", "question,answer,img_id\nq,a,x.png\n"),
        ("a/b/v.mp4.json", r#"{"phases":[{"start":0,"end":10,"label_name":"a"}],"steps":[]}"#),
    ] {
        let place = Place::new();
        place.write(name, text);
        let message = place.import(&[&place.folder()]).unwrap_err().to_string();
        assert!(message.contains("no file of the folder can be imported"), "{name}: {message}");
    }
}
