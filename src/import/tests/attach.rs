//! Pictures and videos that come late.

use super::*;
use crate::error::Result;
use crate::format::address::Address;

impl Place {
    fn attach(&self, set: impl FnOnce(&mut AttachOptions)) -> Result<AttachReport> {
        let mut options = AttachOptions { media_roots: vec![self.late("")], ..AttachOptions::default() };
        set(&mut options);
        attach(&self.dataset(), &options, &mut |_, _| {})
    }

    fn late(&self, name: &str) -> PathBuf {
        self.dir.path().join("late").join(name)
    }

    /// A file where nothing was looked for at first.
    fn bring(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.late(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// A dataset that names these files and has none of them.
    fn lacking(names: &[&str]) -> Self {
        let place = Self::new();
        fs::create_dir(place.late("")).unwrap();
        let line = |name: &&str| {
            let field = if name.ends_with(".mp4") || name.ends_with(".mkv") { "video" } else { "image" };
            let name = serde_json::to_string(name).unwrap();
            format!(r#"{{"{field}":{name},"messages":[{{"role":"user","content":"x"}}]}}"#)
        };
        let file = place.write("x.jsonl", names.iter().map(line).collect::<Vec<_>>().join("\n"));
        assert_eq!(place.import(&[&file]).unwrap().media.missing, names.len() as u64);
        place
    }

    fn width(&self, address: Address) -> Option<i32> {
        self.dataset().frame(address).unwrap().width().unwrap()
    }
}

fn counts(of: &AttachCounts) -> [u64; 4] {
    [of.without, of.attached, of.not_found, of.unnamed]
}

#[test]
fn what_was_missing_is_attached_by_its_path_and_addresses_stay() {
    let place = Place::lacking(&["p\\1.png", "deep/2.PNG", "alone.png", "gone.png", "v/x.mp4"]);
    let before = ["p/1.png", "deep/2.PNG", "alone.png", "gone.png"].map(|id| place.found(Table::Frames, id));
    let video = place.found(Table::Videos, "v/x.mp4");
    place.bring("p/1.png", png(1));
    place.bring("Deep/2.png", png(2));
    place.bring("somewhere/else/alone.png", png(3));
    place.bring("v/x.mp4", media::mp4::tests::mp4(5));

    let trial = place.attach(|options| options.dry_run = true).unwrap();
    assert_eq!((trial.version, place.dataset().version()), (None, 2));
    let report = place.attach(|_| {}).unwrap();
    assert_eq!((counts(&report.frames), counts(&report.videos)), ([4, 3, 1, 0], [1, 1, 0, 0]));
    assert_eq!((report.version, report.embedded, report.not_found()), (Some(3), 4, 1));
    assert_eq!((trial.frames, trial.videos, trial.bytes), (report.frames, report.videos, report.bytes));
    let told = [Kind::PathSpelling, Kind::FoundByName].map(|kind| report.findings[&kind].count);
    assert_eq!(told, [1, 1]);
    let [missing] = report.missing.as_slice() else { panic!("{:?}", report.missing) };
    assert_eq!((missing.id.as_str(), missing.path.as_deref()), ("gone.png", Some("gone.png")));
    assert!(missing.reason.contains("not found under") && missing.reason.contains("late"), "{missing:?}");

    let after = ["p/1.png", "deep/2.PNG", "alone.png", "gone.png"].map(|id| place.found(Table::Frames, id));
    assert_eq!(before, after);
    assert_eq!(after.map(|address| place.width(address)), [Some(1), Some(2), Some(3), None]);
    let dataset = place.dataset();
    assert_eq!(dataset.frame(after[1]).unwrap().bytes().unwrap().unwrap(), png(2));
    let row = dataset.video(video).unwrap().to_row().unwrap();
    assert_eq!((row.frame_count, row.width.is_some(), row.keyframes.is_some()), (Some(5), true, true));
    assert!(dataset.verify(&mut |_, _| {}).unwrap().is_sound());

    let again = place.attach(|_| {}).unwrap();
    assert_eq!((again.version, counts(&again.frames), counts(&again.videos)), (None, [1, 0, 1, 0], [0; 4]));
    let file = place.dir.path().join("in/x.jsonl");
    assert_eq!(place.import(&[&file]).unwrap().records.unchanged, 5, "what is attached is no change of a record");
}

#[test]
fn a_list_says_which_file_a_path_or_an_id_means() {
    let place = Place::lacking(&["raw/vid92.png", "raw/vid96.png"]);
    let other = place.write("y.jsonl", r#"{"task":"desmoking","question":"q","output":["image"],"answer":null}"#);
    place.import(&[&other]).unwrap();
    place.bring("frames/092.png", png(92));
    place.bring("clean.png", png(7));
    let names = "path,file\nraw/vid92.png,frames/092.png\ny.jsonl#1/output,clean.png\nraw/vid1.png,x.png\n";
    let names = FileNames::read(names.as_bytes()).unwrap();
    let without = place.attach(|options| options.dry_run = true).unwrap();
    assert_eq!(counts(&without.frames), [3, 0, 2, 1], "a row without a path names no file");
    let report = place.attach(|options| options.names = Some(names.clone())).unwrap();
    assert_eq!((counts(&report.frames), report.unused_names), ([3, 2, 1, 0], vec!["raw/vid1.png".to_owned()]));
    assert_eq!(place.width(place.found(Table::Frames, "raw/vid92.png")), Some(92));
    let answer = place.dataset().frame(place.found(Table::Frames, "y.jsonl#1/output")).unwrap().to_row().unwrap();
    assert_eq!((answer.width, answer.path, answer.kind.as_str()), (Some(7), None, "desmoked"));
    assert_eq!(place.import(&[&other]).unwrap().version, None);
}

#[test]
fn nothing_outside_the_roots_is_attached() {
    let place = Place::lacking(&["../secret.png", "out.png", "abs.png", "fine.png"]);
    fs::write(place.dir.path().join("secret.png"), png(1)).unwrap();
    place.bring("in/real.png", png(2));
    std::os::unix::fs::symlink(place.dir.path().join("secret.png"), place.late("out.png")).unwrap();
    std::os::unix::fs::symlink(place.late("in/real.png"), place.late("fine.png")).unwrap();
    let secret = place.dir.path().join("secret.png");
    let names = FileNames::read(format!("path,file\nabs.png,{}\n", secret.display()).as_bytes()).unwrap();
    let report = place.attach(|options| options.names = Some(names)).unwrap();
    assert_eq!(counts(&report.frames), [4, 1, 3, 0]);
    let reasons: Vec<_> = report.missing.iter().map(|missing| missing.reason.as_str()).collect();
    assert!(reasons[0].contains("`..` leave"), "{reasons:?}");
    assert!(reasons[1].contains("symbolic link leads out"), "{reasons:?}");
    assert!(reasons[2].contains("absolute path outside"), "{reasons:?}");
    assert_eq!(place.width(place.found(Table::Frames, "fine.png")), Some(2));
}

#[test]
fn files_can_be_linked_and_a_broken_picture_is_told() {
    let place = Place::lacking(&["a.png", "b.png"]);
    place.bring("a.png", png(4));
    place.bring("b.png", b"no picture");
    let report = place.attach(|options| options.media = MediaMode::Link).unwrap();
    assert_eq!((report.linked, report.embedded, report.findings[&Kind::BadPicture].count), (2, 0, 1));
    let read = |id| {
        let dataset = place.dataset();
        dataset.frame(place.found(Table::Frames, id)).unwrap().bytes().unwrap().unwrap().into_owned()
    };
    assert_eq!((read("a.png"), read("b.png")), (png(4), b"no picture".to_vec()));
}

#[test]
fn a_picture_of_another_size_than_declared_is_told() {
    let place = Place::new();
    let coco = r#"{"images":[{"id":1,"file_name":"a.png","width":854,"height":480},
        {"id":2,"file_name":"b.png","width":6,"height":48}],
        "annotations":[],"categories":[]}"#;
    let file = place.write("coco.json", coco);
    place.import(&[&file]).unwrap();
    place.bring("a.png", png(5));
    place.bring("b.png", png(6));
    let report = place.attach(|_| {}).unwrap();
    assert_eq!(counts(&report.frames), [2, 2, 0, 0]);
    let told = &report.findings[&Kind::OtherSize];
    assert_eq!((told.count, told.examples[0].id.as_deref()), (1, Some("a.png")));
    assert!(told.examples[0].detail.contains("said to have 854×480 pixels and has 5×48"), "{told:?}");
    assert_eq!(place.width(place.found(Table::Frames, "a.png")), Some(5));
    assert!(place.dataset().verify(&mut |_, _| {}).unwrap().is_sound());
}

#[test]
fn a_root_that_is_no_folder_and_a_stop_change_nothing() {
    let place = Place::lacking(&["a.png"]);
    place.bring("a.png", png(4));
    for root in [place.late("nowhere"), place.late("a.png")] {
        let error = place.attach(|options| options.media_roots = vec![root]).unwrap_err();
        assert!(error.to_string().contains("late/"), "{error}");
    }
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let error = place.attach(|options| options.interrupt = Some(stop)).unwrap_err();
    assert_eq!((error.kind(), place.dataset().version()), (crate::ErrorKind::Interrupted, 2));
}

/// A record in each of two folders, about a picture that both write alike and that is missing.
fn alike() -> Place {
    let place = Place::new();
    for folder in ["a", "b"] {
        let record = format!(
            r#"{{"id":"{folder}","image":"img/1.png","conversations":[{{"from":"human","value":"<image>?"}}]}}"#
        );
        place.write(&format!("{folder}/qa.json"), record);
    }
    place.import(&[&place.folder()]).unwrap();
    place
}

#[test]
fn a_file_where_the_paths_of_two_rows_lead_is_that_of_the_folder_that_it_lies_in() {
    let place = alike();
    place.write("late/b/img/1.png", png(9));
    let options = AttachOptions { media_roots: vec![place.folder().join("late/b")], ..AttachOptions::default() };
    let report = attach(&place.dataset(), &options, &mut |_, _| {}).unwrap();
    assert_eq!((report.frames.attached, report.frames.not_found), (1, 1));
    assert_eq!((place.frame("a/img/1.png").width, place.frame("b/img/1.png").width), (None, Some(9)));

    let place = alike();
    place.write("pool/img/1.png", png(7));
    let mut options = AttachOptions { media_roots: vec![place.folder().join("pool")], ..AttachOptions::default() };
    let report = attach(&place.dataset(), &options, &mut |_, _| {}).unwrap();
    assert_eq!((report.frames.attached, report.frames.not_found), (0, 2));
    assert!(report.missing[0].reason.contains("--one-folder"), "{:?}", report.missing);
    options.one_folder = true;
    assert_eq!(attach(&place.dataset(), &options, &mut |_, _| {}).unwrap().frames.attached, 2);
}

#[test]
fn a_list_tells_rows_that_are_written_alike_by_their_ids() {
    let place = alike();
    place.write("late/x.png", png(9));
    let with = |list: &str| AttachOptions {
        media_roots: vec![place.folder().join("late")],
        names: Some(FileNames::read(list.as_bytes()).unwrap()),
        ..AttachOptions::default()
    };
    let error = attach(&place.dataset(), &with("path,file\nimg/1.png,x.png\n"), &mut |_, _| {}).unwrap_err();
    assert!(error.to_string().contains("the path of 2 pictures or videos of src: list their ids"), "{error}");
    let report = attach(&place.dataset(), &with("path;file\nb/img/1.png;x.png\n"), &mut |_, _| {}).unwrap();
    assert_eq!((report.frames.attached, report.unused_names.len()), (1, 0));
    assert_eq!((place.frame("a/img/1.png").width, place.frame("b/img/1.png").width), (None, Some(9)));
}

#[test]
fn a_video_of_which_the_bytes_alone_are_taken_is_told() {
    let place = Place::lacking(&["a.avi.mp4", "b.mkv"]);
    place.bring("a.avi.mp4", crate::import::media::mp4::tests::mp4(5));
    place.bring("b.mkv", b"\x1aE\xdf\xa3");
    let report = place.attach(|_| {}).unwrap();
    let told = &report.findings[&Kind::BadVideo];
    assert_eq!((told.count, told.examples[0].detail.contains("the bytes alone are taken")), (1, true), "{told:?}");
}

#[test]
fn a_file_that_another_rows_id_names_is_not_taken_by_its_name() {
    let place = Place::new();
    let record = |id: &str, image: &str| {
        format!(r#"{{"id":"{id}","image":"{image}","conversations":[{{"from":"human","value":"<image>?"}}]}}"#)
    };
    place.write("v1/qa.json", record("a", "1.png") + &record("b", "img/1.png"));
    place.import(&[&place.folder()]).unwrap();
    place.bring("v1/img/1.png", png(9));
    let report = place.attach(|_| {}).unwrap();
    assert_eq!(counts(&report.frames), [2, 1, 1, 0]);
    assert_eq!((place.frame("v1/1.png").width, place.frame("v1/img/1.png").width), (None, Some(9)));
    assert_eq!(counts(&place.attach(|_| {}).unwrap().frames), [1, 0, 1, 0]);
}

/// A picture and a recording that are linked, and whose folder was moved.
fn moved() -> Place {
    let mut place = Place::new();
    place.options.media = MediaMode::Link;
    place.write("v1/a.png", png(4));
    place.write("v1/P1.mp4", media::mp4::tests::mp4(5));
    let record =
        r#"{"image":"v1/a.png","video":"v1/P1.mp4","conversations":[{"from":"human","value":"<image><video>?"}]}"#;
    place.write("qa.jsonl", record);
    assert_eq!(place.import(&[&place.folder()]).unwrap().media.linked, 2);
    fs::create_dir(place.late("")).unwrap();
    fs::rename(place.folder().join("v1"), place.late("new")).unwrap();
    place
}

#[test]
fn a_linked_file_that_was_moved_is_linked_anew_by_its_bytes_and_no_other_is_taken() {
    for media in [MediaMode::Link, MediaMode::Embed] {
        let place = moved();
        fs::rename(place.late("new/a.png"), place.late("a.png")).unwrap();
        place.bring("new/a.png", png(5));
        let frame = place.found(Table::Frames, "v1/a.png");
        let old = place.dataset().frame(frame).unwrap().blob().unwrap();
        let report = place.attach(|options| options.media = media).unwrap();
        assert_eq!((counts(&report.frames), counts(&report.videos)), ([1, 1, 0, 0], [1, 1, 0, 0]));
        assert_eq!([report.frames.lost, report.frames.found_again, report.videos.found_again], [1, 1, 1]);
        let told = &report.findings[&Kind::FoundByBytes];
        assert!(told.count == 2 && told.examples[1].detail.contains("in/v1/a.png, which is gone"), "{told:?}");
        assert_eq!((report.linked, report.embedded), if media == MediaMode::Link { (2, 0) } else { (0, 2) });
        let dataset = place.dataset();
        let row = dataset.frame(frame).unwrap();
        assert_eq!((row.bytes().unwrap().unwrap().into_owned(), row.blob().unwrap() == old), (png(4), false));
        let video = place.video("v1/P1.mp4");
        assert_eq!((video.frame_count, video.keyframes.is_some()), (Some(5), true));
        assert!(dataset.verify(&mut |_, _| {}).unwrap().is_sound());
        assert_eq!(place.attach(|options| options.media = media).unwrap().version, None);
    }
    // One of its name has other bytes: it is refused, and named.
    let place = moved();
    place.bring("new/a.png", png(9));
    let report = place.attach(|options| options.media = MediaMode::Link).unwrap();
    assert_eq!((counts(&report.frames), report.frames.found_again), ([1, 0, 1, 0], 0));
    let reason = &report.missing[0].reason;
    assert!(
        reason.contains("new/a.png has other bytes than the linked file") && reason.contains("in/v1/a.png"),
        "{reason}"
    );
}

#[test]
fn an_import_links_anew_what_it_finds_where_its_records_say() {
    let mut place = moved();
    fs::create_dir(place.folder().join("v1")).unwrap();
    fs::create_dir(place.late("v1")).unwrap();
    for name in ["a.png", "P1.mp4"] {
        fs::rename(place.late("new").join(name), place.late("v1").join(name)).unwrap();
    }
    place.options.media_roots = vec![place.late("")];
    let report = place.import(&[&place.folder()]).unwrap();
    assert_eq!((report.media.linked, report.media.found_now, count(&report, Kind::BrokenLink)), (2, 2, 0));
    let dataset = place.dataset();
    let row = dataset.frame(place.found(Table::Frames, "v1/a.png")).unwrap();
    assert_eq!(row.bytes().unwrap().unwrap().into_owned(), png(4));
    assert_eq!(place.import(&[&place.folder()]).unwrap().version, None);
}
