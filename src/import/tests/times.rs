//! Times of clips and of statements about videos, and files that are not what they are named as.

use super::*;
use crate::import::media::mp4::tests::mp4;

/// What was found of a kind, with the records.
fn told(report: &ImportReport, kind: Kind) -> Vec<(Option<u64>, &str)> {
    let found = report.findings.get(&kind);
    let examples = found.into_iter().flat_map(|found| &found.examples);
    examples.map(|example| (example.record, &*example.detail)).collect()
}

#[test]
fn clips_outside_of_their_video_are_told_and_numbers_in_text_are_read() {
    let place = Place::new();
    // Two seconds.
    place.write("v.mp4", mp4(50));
    let line = |times: &str| {
        format!(
            r#"{{"messages":[{{"role":"user","content":[{{"type":"video","video":"v.mp4",{times}}},{{"type":"text","text":"?"}}]}},{{"role":"assistant","content":"a"}}]}}"#
        )
    };
    let times = [
        r#""start":0.5,"end":"1.5""#,
        r#""start":-1,"end":1"#,
        r#""start":1,"end":30.5"#,
        r#""start":"soon","end":null,"fps":" 2 ""#,
        r#""start":1,"end":1"#,
        r#""start":5"#,
        r#""start":0,"end":2.9"#,
    ];
    let file = place.write("x.jsonl", times.map(line).join("\n"));
    let report = place.import(&[&file]).unwrap();
    assert_eq!(
        told(&report, Kind::Doubtful),
        [
            (Some(2), "the clip that is its medium 1 starts 1 s before the video does"),
            (Some(3), "the clip that is its medium 1 ends at 30.5 s, and the video ends at 2 s"),
            (Some(4), "the `start` of a content part is no number: \"soon\"; none was taken"),
            (Some(5), "the clip that is its medium 1 is empty: it starts and ends at 1 s"),
            (Some(6), "the clip that is its medium 1 starts at 5 s, and the video ends at 2 s"),
        ]
    );
    let dataset = place.dataset();
    let clip = |at| dataset.conversation(at).unwrap().to_row().unwrap().media.remove(0);
    assert_eq!((clip(0).start, clip(0).end), (Some(0.5), Some(1.5)));
    assert_eq!((clip(3).start, clip(3).end, clip(3).fps), (None, None, Some(2.0)));
    // The video is there already now.
    let other = place.write("y.jsonl", line(r#""start":1,"end":31"#));
    let report = place.import(&[&other]).unwrap();
    assert!(told(&report, Kind::Doubtful)[0].1.contains("ends at 31 s"), "{:?}", report.findings);
}

#[test]
fn statements_outside_of_their_video_are_told() {
    let place = Place::new();
    let text = r#"{"version": "1.3", "database": {"a": {"duration": 5, "subset": "training", "url": "u", "resolution": "1x1", "annotations": [
        {"segment": [1, 5.5], "label": "Cutting"}, {"segment": [-2, 3], "label": "Sewing"}, {"segment": [1, 9], "label": "Cutting"}]}}}"#;
    place.write("activity_net.v1-3.min.json", text);
    let report = place.whole();
    let doubts = told(&report, Kind::Doubtful).into_iter().map(|(_, doubt)| doubt);
    let doubts: Vec<&str> = doubts.filter(|doubt| doubt.contains("the video")).collect();
    assert_eq!(doubts, ["it starts 2 s before the video does", "it ends at 9 s, and the video ends at 5 s"]);
}

#[test]
fn what_is_named_as_a_picture_and_is_none_is_called_what_it_is() {
    let place = Place::new();
    place.write("p/clip.png", mp4(5));
    place.write("p/page.png", "<!DOCTYPE html><title>Sign in</title>");
    let line = |name: &str| {
        format!(
            r#"{{"image":"p/{name}","messages":[{{"role":"user","content":"<image>"}},{{"role":"assistant","content":"a"}}]}}"#
        )
    };
    let file = place.write("x.jsonl", ["clip.png", "page.png"].map(line).join("\n"));
    let report = place.import(&[&file]).unwrap();
    let found = told(&report, Kind::BadPicture);
    assert_eq!(
        found[0],
        (
            Some(1),
            "\"p/clip.png\": it is no picture but a video (MP4 or QuickTime): name it as a video (`video`, `videos`), or \
             take single pictures out of it"
        )
    );
    assert!(found[1].1.starts_with("\"p/page.png\": it is no picture but a web page"), "{found:?}");
}
