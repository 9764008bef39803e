//! Pictures and videos that nobody can read, parts of videos, and answers that are pictures.

use super::*;

/// A dataset of these records, with files beside them.
fn with_files(dir: &Path, files: &[(&str, Vec<u8>)], records: &[Value]) -> Dataset {
    for (name, bytes) in files {
        std::fs::write(dir.join(name), bytes).unwrap();
    }
    let lines: Vec<String> = records.iter().map(Value::to_string).collect();
    std::fs::write(dir.join("in.jsonl"), lines.join("\n")).unwrap();
    let dataset = Dataset::create(dir.join("d.surgdb")).unwrap();
    let options = ImportOptions::new(SourceDescription::named("s"));
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
