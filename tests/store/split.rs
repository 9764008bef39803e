//! Splits keep a patient on one side, whatever the rows are called and whenever they came.

use std::collections::{BTreeMap, BTreeSet};
use surgdb::dataset::{BlobSource, Filter, SplitUnit};
use surgdb::rows::*;
use surgdb::{Address, Appender, Dataset, ErrorKind, Operation, Table};

const RATIOS: [(&str, f64); 3] = [("train", 0.7), ("validation", 0.1), ("test", 0.2)];

fn case(appender: &mut Appender, source: &str, id: &str, patient: Option<&str>) -> Address {
    let row = CaseRow { id: id.into(), source: source.into(), patient: patient.map(Into::into), ..Default::default() };
    appender.case(&row).unwrap()
}

fn frame(appender: &mut Appender, id: &str, case: Option<Address>, video: Option<Address>) -> Address {
    let source = "a".to_owned();
    let row = FrameRow { id: id.into(), source, case, video, kind: "rgb".into(), ..Default::default() };
    appender.frame(&row).unwrap()
}

fn conversation(appender: &mut Appender, id: &str, case: Option<Address>, shown: &[Address]) -> Address {
    let row = ConversationRow {
        id: id.into(),
        source: "a".into(),
        task: "desmoking".into(),
        case,
        turns: vec![TurnRow { role: "user".into(), text: "?".into(), ..Default::default() }],
        media: shown.iter().map(|frame| MediumRow { refs: vec![*frame], ..Default::default() }).collect(),
        ..Default::default()
    };
    appender.conversation(&row).unwrap().0
}

/// The part of each conversation.
fn parts(dataset: &Dataset, name: &str) -> BTreeMap<Address, String> {
    let mut parts = BTreeMap::new();
    for (part, _) in RATIOS {
        for address in dataset.select(Table::Conversations, &Filter::eq(name, part)).unwrap().iter() {
            assert!(parts.insert(address, part.to_owned()).is_none());
        }
    }
    parts
}

#[test]
fn a_patient_is_in_one_part_and_stays_there() {
    let dir = tempfile::tempdir().unwrap();
    let mut appender = Dataset::create(dir.path().join("a.surgdb")).unwrap().append().unwrap();
    let mut of_patient: BTreeMap<usize, BTreeSet<Address>> = BTreeMap::new();
    for patient in 0..300 {
        let key = format!("P{patient}");
        // The same patient under two names, in two sources: one conversation is told by its case, one by its picture.
        let first = case(&mut appender, "a", &format!("VID{patient}"), Some(&key));
        let second = case(&mut appender, "b", &format!("video{patient}"), Some(&key));
        let picture = frame(&mut appender, &format!("{patient}.png"), Some(second), None);
        let rows = of_patient.entry(patient).or_default();
        rows.insert(conversation(&mut appender, &format!("{patient}a"), Some(first), &[]));
        rows.insert(conversation(&mut appender, &format!("{patient}b"), None, &[picture]));
    }
    let dataset = appender.commit(Operation::new("append")).unwrap();
    let (dataset, report) = dataset.assign_split("split", &RATIOS, 7).unwrap();
    let before = parts(&dataset, "split");
    assert_eq!(before.len(), 600);
    for rows in of_patient.values() {
        assert_eq!(rows.iter().map(|row| &before[row]).collect::<BTreeSet<_>>().len(), 1);
    }
    assert_eq!(report.groups, 300);
    assert_eq!(report.units, BTreeMap::from([(SplitUnit::Patient, 600)]));
    for ((part, share), (name, rows)) in RATIOS.iter().zip(&report.parts) {
        assert_eq!(part, name);
        assert!((*rows as f64 / 600.0 - share).abs() < 0.08, "{report}");
    }

    let mut appender = dataset.append().unwrap();
    for patient in 300..400 {
        let case = case(&mut appender, "a", &format!("VID{patient}"), Some(&format!("P{patient}")));
        conversation(&mut appender, &format!("{patient}a"), Some(case), &[]);
    }
    let dataset = appender.commit(Operation::new("append")).unwrap();
    let (dataset, _) = dataset.assign_split("split", &RATIOS, 7).unwrap();
    let after = parts(&dataset, "split");
    assert_eq!(after.len(), 700);
    assert!(before.iter().all(|(row, part)| after[row] == *part));
    let (dataset, _) = dataset.assign_split("fold/2", &RATIOS, 8).unwrap();
    assert_ne!(parts(&dataset, "fold/2"), after);
    assert_eq!(parts(&dataset, "split"), after);
}

#[test]
fn without_a_patient_the_operation_the_video_or_the_picture_is_kept_together() {
    let dir = tempfile::tempdir().unwrap();
    let mut appender = Dataset::create(dir.path().join("a.surgdb")).unwrap().append().unwrap();
    let nameless = case(&mut appender, "a", "op", None);
    let video = VideoRow { id: "v".into(), source: "a".into(), ..Default::default() };
    let video = appender.video(&video).unwrap();
    let of_video = ["v1", "v2"].map(|id| frame(&mut appender, id, None, Some(video)));
    let blob = appender.blob(BlobSource::Bytes { media_type: "image/png", bytes: b"one picture" }).unwrap().address;
    let twice = ["p", "q"].map(|id| {
        let row =
            FrameRow { id: id.into(), source: id.into(), kind: "rgb".into(), blob: Some(blob), ..Default::default() };
        appender.frame(&row).unwrap()
    });
    let rows = [
        conversation(&mut appender, "op", Some(nameless), &[]),
        conversation(&mut appender, "v1", None, &of_video[..1]),
        conversation(&mut appender, "v2", None, &of_video[1..]),
        conversation(&mut appender, "p", None, &twice[..1]),
        conversation(&mut appender, "q", None, &twice[1..]),
        conversation(&mut appender, "nothing", None, &[]),
    ];
    let dataset = appender.commit(Operation::new("append")).unwrap();
    for seed in 0..20 {
        let (dataset, report) = dataset.assign_split(&format!("s{seed}"), &RATIOS, seed).unwrap();
        let parts = parts(&dataset, &format!("s{seed}"));
        assert_eq!((&parts[&rows[1]], &parts[&rows[3]]), (&parts[&rows[2]], &parts[&rows[4]]));
        let one = |unit| report.units[&unit];
        assert_eq!((one(SplitUnit::Case), one(SplitUnit::Video), one(SplitUnit::Picture)), (1, 2, 2));
        assert_eq!((one(SplitUnit::Conversation), report.groups, report.joined), (1, 4, 0));
        assert!(report.to_string().contains("2 kept together by video (no patient is known)"), "{report}");
    }
}

#[test]
fn a_conversation_that_shows_two_patients_holds_them_together() {
    let dir = tempfile::tempdir().unwrap();
    let mut appender = Dataset::create(dir.path().join("a.surgdb")).unwrap().append().unwrap();
    let cases: Vec<_> = (0..40).map(|at| case(&mut appender, "a", &at.to_string(), Some(&format!("P{at}")))).collect();
    let shown: Vec<_> =
        cases.iter().enumerate().map(|(at, case)| frame(&mut appender, &at.to_string(), Some(*case), None)).collect();
    let alone: Vec<_> = cases
        .iter()
        .enumerate()
        .map(|(at, case)| conversation(&mut appender, &at.to_string(), Some(*case), &[]))
        .collect();
    // A chain of all of them.
    for at in 1..40 {
        conversation(&mut appender, &format!("both {at}"), None, &shown[at - 1..=at]);
    }
    let dataset = appender.commit(Operation::new("append")).unwrap();
    let (dataset, report) = dataset.assign_split("split", &RATIOS, 1).unwrap();
    let parts = parts(&dataset, "split");
    assert_eq!(alone.iter().map(|row| &parts[row]).collect::<BTreeSet<_>>().len(), 1);
    assert_eq!((report.groups, report.joined), (1, 1));
    for ratios in [&[][..], &[("train", 0.0)], &[("train", -1.0), ("test", 2.0)], &[("", 1.0)], &[("a", f64::NAN)]] {
        assert_eq!(dataset.assign_split("x", ratios, 1).unwrap_err().kind(), ErrorKind::Invalid);
    }
}
