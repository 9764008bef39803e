//! What other endings of conversations show counts wherever what conversations show does.

use surgdb::dataset::{CellUpdate, CopyOptions, DeleteOptions, Filter};
use surgdb::format::manifest::Source;
use surgdb::rows::*;
use surgdb::schema::build::ConversationsBuilder;
use surgdb::schema::tables::conversations;
use surgdb::{Address, Appender, Dataset, Operation, Table};

const SAID: &str = "no: <image>";

fn frame(appender: &mut Appender, id: &str, source: &str, patient: &str) -> Address {
    let (source, patient) = (source.to_owned(), Some(patient.into()));
    let case = CaseRow { id: format!("{id} case"), source: source.clone(), patient, ..Default::default() };
    let case = Some(appender.case(&case).unwrap());
    appender.frame(&FrameRow { id: id.into(), source, case, kind: "mask".into(), ..Default::default() }).unwrap()
}

fn sound(dataset: &Dataset) {
    let report = dataset.verify(&mut |_, _| {}).unwrap();
    assert!(report.is_sound(), "{:?}", report.faults);
}

/// A conversation that shows one picture, and whose rejected answer shows another.
fn conversation(shown: Address, of_ending: Address) -> ConversationRow {
    let turn = |role: &str, text: &str| TurnRow { role: role.into(), text: text.into(), ..Default::default() };
    let medium = |at, refs| MediumRow { at: Some(at), refs: vec![refs], ..Default::default() };
    ConversationRow {
        id: "pair".into(),
        source: "mine".into(),
        task: "desmoking".into(),
        turns: vec![turn("user", "<image>"), turn("assistant", "yes")],
        media: vec![medium(0, shown)],
        alternatives: vec![
            AlternativeRow { kind: "chosen".into(), turns: vec![turn("assistant", "yes")], ..Default::default() },
            AlternativeRow {
                kind: "rejected".into(),
                turns: vec![turn("assistant", SAID)],
                media: vec![MediumRow { output: true, ..medium(4, of_ending) }],
                ..Default::default()
            },
        ],
        ..Default::default()
    }
}

fn dataset(dir: &tempfile::TempDir) -> (Dataset, [Address; 3]) {
    let mut appender = Dataset::create(dir.path().join("a.surgdb")).unwrap().append().unwrap();
    for (id, licence) in [("mine", "CC-BY-4.0"), ("theirs", "CC-BY-NC-4.0")] {
        let licence = Some(licence.to_owned());
        appender.source(Source { id: id.into(), licence, ..Source::default() });
    }
    let good = frame(&mut appender, "good", "mine", "P1");
    let bad = frame(&mut appender, "bad", "theirs", "P2");
    let row = appender.conversation(&conversation(good, bad)).unwrap().0;
    (appender.commit(Operation::new("append")).unwrap(), [good, bad, row])
}

#[test]
fn a_row_comes_back_with_what_its_endings_show() {
    let dir = tempfile::tempdir().unwrap();
    let (dataset, [good, bad, row]) = dataset(&dir);
    let view = dataset.conversation_at(row).unwrap();
    assert_eq!(ConversationRow { record: None, ..view.to_row().unwrap() }, conversation(good, bad));
    let all: Vec<_> = view.all_media().unwrap().flat_map(|medium| medium.refs().iter()).collect();
    assert_eq!(all, [good, bad]);
    let rejected = view.alternatives().unwrap().get(1).unwrap();
    let parts: Vec<String> = rejected.parts().unwrap().iter().map(|(turn, part)| format!("{turn} {part:?}")).collect();
    assert!(
        parts.len() == 2 && parts[0].starts_with("0 Text(\"no: \")") && parts[1].starts_with("0 Medium"),
        "{parts:?}"
    );
    sound(&dataset);
}

#[test]
fn licences_conditions_and_splits_look_at_endings() {
    let dir = tempfile::tempdir().unwrap();
    let (dataset, [good, _, row]) = dataset(&dir);
    assert_eq!(dataset.licence_of(row).unwrap().strictest.as_deref(), Some("CC-BY-NC-4.0"));
    assert_eq!(dataset.licence_of(good).unwrap().strictest.as_deref(), Some("CC-BY-4.0"));
    for (condition, expected) in [
        ("licence allows commercial", 0),
        ("frame.id = bad", 1),
        ("frame.id = other", 0),
        ("alternatives.media.refs.id = bad", 1),
        ("patient = P2", 1),
        ("patient = P3", 0),
    ] {
        let found = dataset.select(Table::Conversations, &Filter::parse(condition).unwrap()).unwrap();
        assert_eq!(found.len(), expected, "{condition}");
    }
    let (_, report) = dataset.assign_split("part", &[("train", 1.0), ("test", 1.0)], 7).unwrap();
    assert_eq!((report.groups, report.joined), (1, 1), "two patients that one conversation shows are one group");
}

#[test]
fn what_an_ending_shows_is_not_deleted_below_it() {
    let dir = tempfile::tempdir().unwrap();
    let (dataset, [good, bad, row]) = dataset(&dir);
    let refused = dataset.delete([bad], DeleteOptions::default()).unwrap_err();
    assert!(refused.to_string().contains(&row.to_string()), "{refused}");
    let after = dataset.delete([bad], DeleteOptions { cascade: true, ..DeleteOptions::default() }).unwrap();
    assert!(!after.is_live(row).unwrap() && after.is_live(good).unwrap());
}

#[test]
fn a_copy_takes_along_what_endings_show() {
    let dir = tempfile::tempdir().unwrap();
    let (from, [_, bad, _]) = dataset(&dir);
    // One row more, so that addresses differ.
    let mut appender = Dataset::create(dir.path().join("b.surgdb")).unwrap().append().unwrap();
    frame(&mut appender, "other", "mine", "P9");
    let target = appender.commit(Operation::new("append")).unwrap();
    let (after, _) = from.copy_to(&target, &CopyOptions::default(), &mut |_| Ok(())).unwrap();
    let found = |table, source, id| after.find_in(table, source, id).unwrap().unwrap();
    let there = found(Table::Frames, "theirs", "bad");
    assert_ne!(there, bad);
    let row = after.conversation_at(found(Table::Conversations, "mine", "pair")).unwrap().to_row().unwrap();
    assert_eq!(row.alternatives[1].media[0].refs, [there]);
    sound(&after);
}

#[test]
fn an_ending_shows_no_row_that_is_not_there_and_no_place_that_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let (dataset, [good, bad, row]) = dataset(&dir);
    let refused = |medium: MediumRow| {
        let mut new = conversation(good, bad);
        new.id = "new".into();
        new.alternatives[1].media = vec![medium];
        dataset.append().unwrap().conversation(&new).unwrap_err().to_string()
    };
    let medium = |at, refs: &[Address]| MediumRow { at, refs: refs.to_vec(), ..Default::default() };
    let gone = Address::new(bad.get() + 99).unwrap();
    assert!(refused(medium(None, &[gone])).contains("`alternatives.media.refs` refers to"));
    assert!(refused(medium(None, &[row])).contains("not in frames or videos"));
    assert!(refused(medium(Some(99), &[bad])).contains("alternatives[1].media[0].at"));
    // What replaces the media is held against the turns of the ending.
    let cells = |row: &ConversationRow| {
        let mut builder = ConversationsBuilder::new();
        builder.push(row).unwrap();
        builder.finish().unwrap().column(conversations::ALTERNATIVES).clone()
    };
    let column = Table::Conversations.columns()[conversations::ALTERNATIVES].clone();
    let mut new = conversation(good, good);
    let update = |new: &ConversationRow| CellUpdate::new(Table::Conversations, column.clone(), vec![row], cells(new));
    let after = dataset.update_cells(update(&new)).unwrap();
    assert_eq!(after.conversation_at(row).unwrap().to_row().unwrap().alternatives, new.alternatives);
    new.alternatives[1].media[0].turn = 1;
    let error = after.update_cells(update(&new)).unwrap_err();
    assert!(error.to_string().contains("alternatives[1].media[0].turn"), "{error}");
    new.alternatives[1].media[0] = medium(None, &[gone]);
    assert!(after.update_cells(update(&new)).unwrap_err().to_string().contains("no live row"));
}
