//! Pictures and videos that nobody can read, parts of videos, and answers that are pictures.

use super::*;
use surgdb::ErrorKind;
use surgdb::import::MediaMode;

/// A dataset of these records, with files beside them.
fn with_files(dir: &Path, files: &[(&str, Vec<u8>)], records: &[Value]) -> Dataset {
    with_media(dir, files, records, MediaMode::Embed)
}

/// The same, with the files in the dataset or linked to.
fn with_media(dir: &Path, files: &[(&str, Vec<u8>)], records: &[Value], media: MediaMode) -> Dataset {
    for (name, bytes) in files {
        std::fs::write(dir.join(name), bytes).unwrap();
    }
    let lines: Vec<String> = records.iter().map(Value::to_string).collect();
    std::fs::write(dir.join("in.jsonl"), lines.join("\n")).unwrap();
    let dataset = Dataset::create(dir.join("d.surgdb")).unwrap();
    let options = ImportOptions { media, ..ImportOptions::new(SourceDescription::named("s")) };
    import(&dataset, &[dir.join("in.jsonl")], &options, &mut |_| {}).unwrap();
    Dataset::open(dataset.path()).unwrap()
}

fn boxed(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32 + 8).to_be_bytes()[..], name, body].concat()
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// A video of so many pictures, ten a second, of which the first alone is a key frame.
fn one_key_frame(pictures: u32) -> Vec<u8> {
    let ftyp = boxed(b"ftyp", b"isom\0\0\0\0");
    let start = (ftyp.len() + 8) as u32;
    let mdat = boxed(b"mdat", &vec![7; 4 * pictures as usize]);
    let mut entry = vec![0; 36];
    entry[3] = 36;
    entry[4..8].copy_from_slice(b"avc1");
    entry[32..36].copy_from_slice(&[0, 64, 0, 48]);
    let stbl = [
        boxed(b"stsd", &[words(&[0, 1]), entry].concat()),
        boxed(b"stts", &words(&[0, 1, pictures, 100])),
        boxed(b"stss", &words(&[0, 1, 1])),
        boxed(b"stsc", &words(&[0, 1, 1, pictures, 1])),
        boxed(b"stsz", &words(&[0, 4, pictures])),
        boxed(b"stco", &words(&[0, 1, start])),
    ]
    .concat();
    let mdia = [
        boxed(b"mdhd", &words(&[0, 0, 0, 1000, pictures * 100, 0])),
        boxed(b"hdlr", &[&[0; 8][..], b"vide", &[0; 13]].concat()),
        boxed(b"minf", &[boxed(b"vmhd", &[0; 12]), boxed(b"stbl", &stbl)].concat()),
    ]
    .concat();
    let trak = [boxed(b"tkhd", &[0; 84]), boxed(b"mdia", &mdia)].concat();
    let mvhd = words(&[&[0, 0, 0, 1000, pictures * 100][..], &[0; 20]].concat());
    let moov = [boxed(b"mvhd", &mvhd), boxed(b"trak", &trak)].concat();
    [ftyp, mdat, boxed(b"moov", &moov)].concat()
}

fn shows(id: &str, medium: Value) -> Value {
    let question = json!({"role": "user", "content": [medium, {"type": "text", "text": "Q"}]});
    json!({"id": id, "messages": [question, {"role": "assistant", "content": "x"}]})
}

#[test]
fn records_whose_pictures_nobody_can_read_are_left_out_or_told() {
    let dir = tempfile::tempdir().unwrap();
    let files = [
        ("good.png", grey_png(4, 3, 8, 1)),
        ("page.png", b"<!DOCTYPE html><html><head><title>404</title></head></html>".to_vec()),
        ("half.png", grey_png(4, 3, 8, 1)[..40].to_vec()),
        ("none.mp4", Vec::new()),
        ("cut.mp4", one_key_frame(5)[..40].to_vec()),
        ("good.mp4", one_key_frame(5)),
    ];
    let picture = |name: &str| json!({"type": "image", "image": name});
    let video = |name: &str| json!({"type": "video", "video": name});
    let records = [
        shows("good", picture("good.png")),
        shows("page", picture("page.png")),
        shows("half", picture("half.png")),
        shows("none", video("none.mp4")),
        shows("cut", video("cut.mp4")),
        shows("video", video("good.mp4")),
    ];
    let dataset = with_files(dir.path(), &files, &records);
    let why = "their pictures or videos cannot be read: their bytes are none, or damaged";
    let hurt = ["cut", "half", "none", "page"];
    // Tables hold all rows, and COCO what is annotated.
    let others = [ExportFormat::Coco, ExportFormat::Parquet];
    for format in ExportFormat::ALL.into_iter().filter(|format| !others.contains(format)) {
        let out = dir.path().join(format.name());
        let report = exported(&dataset, &out, &of(format));
        let skipped = ExportOptions { missing: OnMissing::Skip, ..of(format) };
        let skipped = exported(&dataset, &dir.path().join(format!("{} skipped", format.name())), &skipped);
        let left_out = |report: &ExportReport| {
            let records = report.left_out_records.iter().filter(|record| record.reason == why);
            let mut ids: Vec<String> = records.map(|record| record.id.clone()).collect();
            ids.sort();
            ids
        };
        match format {
            ExportFormat::LlamaFactory | ExportFormat::MsSwift | ExportFormat::QwenVl => {
                assert_eq!((left_out(&report), report.unreadable), (hurt.map(str::to_owned).into(), 0));
                assert_eq!(report.files["sft.jsonl"], 2, "{}", format.name());
            }
            _ => {
                assert_eq!(left_out(&report), [""; 0], "{}", format.name());
                let mut told: Vec<&str> = report.unreadable_media.iter().map(|medium| &*medium.path).collect();
                told.sort();
                assert_eq!(
                    (report.unreadable, told),
                    (4, vec!["cut.mp4", "half.png", "none.mp4", "page.png"]),
                    "{}",
                    format.name()
                );
                assert_eq!((left_out(&skipped), skipped.unreadable), (hurt.map(str::to_owned).into(), 0));
            }
        }
    }
    for format in ExportFormat::ALL {
        let error = stopped(&dataset, dir.path(), format);
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{}: {error}", format.name());
        let said = error.to_string();
        // COCO has no records but annotations, and the picture has none.
        let names_record = said.contains("the record \"page\" shows ") || format == ExportFormat::Coco;
        assert!(names_record && said.contains("\"page.png\": its bytes are no picture"), "{said}");
    }
}

/// What ends an export that is to stop at pictures that are missing or hurt; it leaves nothing behind.
fn stopped(dataset: &Dataset, dir: &Path, format: ExportFormat) -> surgdb::Error {
    let names = || {
        let names = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name());
        names.collect::<BTreeSet<_>>()
    };
    let before = names();
    let options = ExportOptions { missing: OnMissing::Stop, ..of(format) };
    let error = export(dataset, dir.join("stopped"), &options, &mut |_| Ok(())).unwrap_err();
    assert_eq!(names(), before, "{}", format.name());
    error
}

#[test]
fn records_whose_linked_files_changed_and_kept_their_size_are_left_out_or_told() {
    let dir = tempfile::tempdir().unwrap();
    let files = [
        ("good.png", grey_png(4, 3, 8, 1)),
        ("changed.png", grey_png(4, 3, 8, 2)),
        ("good.mp4", one_key_frame(5)),
        ("changed.mp4", one_key_frame(6)),
    ];
    let records = files.each_ref().map(|(name, _)| {
        let kind = if name.ends_with(".png") { "image" } else { "video" };
        shows(name, json!({"type": kind, kind: name}))
    });
    let dataset = with_media(dir.path(), &files, &records, MediaMode::Link);
    for name in ["changed.png", "changed.mp4"] {
        let mut bytes = std::fs::read(dir.path().join(name)).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        std::fs::write(dir.path().join(name), bytes).unwrap();
    }
    let why = "linked files of their pictures or videos are gone or changed";
    for format in ExportFormat::ALL {
        let error = stopped(&dataset, dir.path(), format);
        let said = error.to_string();
        let names_record = said.contains("the record \"changed.png\" shows ") || format == ExportFormat::Coco;
        assert!(names_record && said.contains("has changed since it was linked"), "{}: {said}", format.name());
        assert_eq!(error.kind(), ErrorKind::NotFound);
        for missing in [OnMissing::Keep, OnMissing::Skip] {
            let what = format!("{} {missing:?}", format.name());
            let options = ExportOptions { missing, ..of(format) };
            let leaves_out = match format {
                ExportFormat::LlamaFactory | ExportFormat::MsSwift | ExportFormat::QwenVl => true,
                // The one holds all rows, and the other has no place for what is not annotated.
                ExportFormat::Parquet | ExportFormat::Coco => continue,
                _ => missing == OnMissing::Skip,
            };
            let report = exported(&dataset, &dir.path().join(&what), &options);
            // What was left out did not go out by its name.
            let out_by_name = if leaves_out { 0 } else { 2 };
            assert_eq!((report.missing, report.without_bytes.len()), (out_by_name, out_by_name as usize), "{what}");
            assert_eq!((report.broken, report.rows["conversations"]), (2, 2 + out_by_name), "{what}");
            let mut ids: Vec<_> = report.left_out_records.iter().map(|record| (&*record.id, &*record.reason)).collect();
            ids.sort();
            let left_out = if leaves_out { &[("changed.mp4", why), ("changed.png", why)][..] } else { &[] };
            assert_eq!(ids, left_out, "{what}");
        }
    }
    let skipping = ExportOptions { missing: OnMissing::Skip, ..of(ExportFormat::Coco) };
    let report = exported(&dataset, &dir.path().join("coco"), &skipping);
    assert_eq!((report.media, report.missing), (1, 0));
}

#[test]
fn frames_that_are_to_stand_for_a_part_of_a_video_are_looked_at_too() {
    let dir = tempfile::tempdir().unwrap();
    let linked = dir.path().join("f.png");
    std::fs::write(&linked, grey_png(4, 3, 8, 1)).unwrap();
    let mut appender = Dataset::create(dir.path().join("d.surgdb")).unwrap().append().unwrap();
    let bytes = BlobSource::Bytes { media_type: "video/webm", bytes: b"some" };
    let blob = Some(appender.blob(bytes).unwrap().address);
    let source = String::from("s");
    let video = VideoRow { id: "v".into(), source: source.clone(), blob, ..Default::default() };
    let video = appender.video(&video).unwrap();
    let blob = Some(appender.blob(BlobSource::Linked { media_type: "image/png", path: &linked }).unwrap().address);
    let (width, height, time) = (Some(4), Some(3), Some(1.0));
    let (id, kind) = ("f".into(), "rgb".into());
    let frame = FrameRow { id, kind, width, height, time, blob, video: Some(video), ..Default::default() };
    appender.frame(&FrameRow { source: source.clone(), ..frame }).unwrap();
    let said = |role: &str, text: &str| TurnRow { role: role.into(), text: text.into(), ..Default::default() };
    let turns = vec![said("user", "<video> q"), said("assistant", "a")];
    let media =
        vec![MediumRow { at: Some(0), refs: vec![video], start: Some(0.0), end: Some(2.0), ..Default::default() }];
    let row = ConversationRow { id: "part".into(), source, task: "t".into(), turns, media, ..Default::default() };
    appender.conversation(&row).unwrap();
    let dataset = appender.commit(surgdb::Operation::new("append")).unwrap();
    let report = exported(&dataset, &dir.path().join("whole"), &of(ExportFormat::LlamaFactory));
    assert_eq!((report.rows["conversations"], report.media), (1, 1));
    std::fs::write(&linked, grey_png(4, 3, 8, 2)).unwrap();
    let report = exported(&dataset, &dir.path().join("changed"), &of(ExportFormat::LlamaFactory));
    assert_eq!((report.rows["conversations"], report.missing, report.broken), (0, 0, 1));
    let error = stopped(&dataset, dir.path(), ExportFormat::LlamaFactory);
    assert!(error.to_string().contains("\"part\""), "{error}");
}

#[test]
fn parts_of_videos_that_start_at_a_key_frame_long_before_are_named_and_empty_ones_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let part =
        |start: f64, end: f64| json!({"type": "video", "video": "v.mp4", "video_start": start, "video_end": end});
    let records = [
        shows("late", part(5.0, 7.0)),
        shows("late too", part(5.0, 7.0)),
        shows("first", part(0.0, 2.0)),
        shows("empty", part(5.0, 5.0)),
    ];
    let dataset = with_files(dir.path(), &[("v.mp4", one_key_frame(100))], &records);
    for format in [ExportFormat::LlamaFactory, ExportFormat::MsSwift, ExportFormat::QwenVl] {
        let report = exported(&dataset, &dir.path().join(format.name()), &of(format));
        let early: Vec<_> = report.early_clips.iter().map(|clip| (&*clip.id, clip.wanted, clip.added)).collect();
        assert_eq!(early, [("late", Some(2.0), 5.0), ("late too", Some(2.0), 5.0)], "{}", format.name());
        assert_eq!((report.early, &*report.early_clips[0].path), (2, "v~0.00-7.00.mp4"));
        let [left_out] = &report.left_out_records[..] else { panic!("{:?}", report.left_out_records) };
        assert_eq!(left_out.id, "empty");
        assert!(left_out.reason.contains("ends where it starts"), "{}", left_out.reason);
        assert_eq!(report.files["sft.jsonl"], 3);
    }
}

#[test]
fn answers_that_are_pictures_are_told_where_they_stand_in_a_list_of_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = sampled(dir.path());
    for format in [ExportFormat::Llava, ExportFormat::Messages] {
        let out = dir.path().join(format.name());
        let report = exported(&dataset, &out, &of(format));
        let all = records(&out.join("conversations.jsonl"));
        let lists = ["output_image", "output_images", "output_video", "output_videos"];
        let shown = all.iter().filter(|record| lists.iter().any(|list| !record[*list].is_null())).count();
        assert!(shown > 0);
        assert_eq!(report.shown_answers, shown as u64, "{}", format.name());
    }
}
