//! Which run it is: on what version it stands, what makes it another one, and what it tells of itself.

use crate::fixture::{ROWS, dataset, first, make, task};
use arrow_array::UInt32Array;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use surgdb::dataset::{DeleteOptions, Filter};
use surgdb::load::{
    Budget, Loader, LoaderBuilder, Notice, OnDamage, Overlong, Packing, PictureSource, PipelineOptions, Plan,
    Remainder, Stage, TokenSource,
};
use surgdb::{Column, Dataset, ErrorKind, Table};

#[test]
fn a_state_of_another_run_is_refused_with_what_differs() {
    let builder = || dataset().loader().shuffle(1).batch(40);
    let state = builder().build().unwrap().start().state();
    for (other, differs) in [
        (builder().select(task(1)), "the selected samples"),
        (builder().shuffle(2), "the seed"),
        (builder().unshuffled(1), "the seed"),
        (builder().batch(20), "the batches"),
        (builder().remainder(Remainder::Pad), "the batches"),
        (builder().group("all", Filter::all(), 2), "the groups"),
    ] {
        let error = other.clone().resume(state).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.message().contains(differs), "{error}");
        assert_eq!(error.message().contains("saved_groups"), differs.contains("samples"), "{error}");
        assert!(other.build().unwrap().resume(&state).is_err());
    }
    assert!(builder().shard(3, 5).on_damage(OnDamage::Substitute).resume(state).build().is_ok());
}

#[test]
fn what_changes_no_position_makes_no_other_run() {
    let print = |builder: LoaderBuilder| builder.on_notice(|_| {}).build().unwrap().fingerprint();
    let builder = || dataset().loader().shuffle(1).batch(40);
    let mixture = || builder().group("a", task(0), 1).group("b", task(1), 1);
    let budget = |pictures| Packing::Bins(Budget { tokens: 40, pictures, overlong: Overlong::Error });
    let packed =
        |builder: LoaderBuilder, packing| builder.pack(packing, TokenSource::Column("tokens".into())).window(80);
    // No rest is left of a mixture, nor where batches divide the samples.
    for (one, same) in [
        (mixture(), mixture().remainder(Remainder::Pad)),
        (builder().batch(30), builder().batch(30).remainder(Remainder::Pad)),
        (packed(mixture(), Packing::ByLength), packed(mixture(), Packing::ByLength).remainder(Remainder::Pad)),
        (packed(builder(), budget(None)), packed(builder(), budget(None)).pictures(PictureSource::Media)),
    ] {
        assert_eq!(print(one), print(same));
    }
    for (one, other) in [
        (builder(), builder().remainder(Remainder::Pad)),
        (packed(mixture(), budget(None)), packed(mixture(), budget(None)).remainder(Remainder::Pad)),
        (packed(builder(), budget(Some(9))), packed(builder(), budget(Some(9))).pictures(PictureSource::None)),
    ] {
        assert_ne!(print(one), print(other));
    }
}

#[test]
fn a_run_that_does_not_shuffle_may_have_a_seed_for_what_is_random_all_the_same() {
    let build = |builder: LoaderBuilder| builder.batch(16).build().unwrap();
    let plain = build(dataset().loader());
    let (zero, seven) = (build(dataset().loader().unshuffled(0)), build(dataset().loader().unshuffled(7)));
    assert_eq!(plain.fingerprint(), zero.fingerprint());
    assert_ne!(plain.fingerprint(), seven.fingerprint());
    let shuffled = build(dataset().loader().shuffle(7));
    let first = |loader: &Loader| loader.epoch(2).next().unwrap().unwrap();
    assert_eq!(first(&seven).plan.slots, first(&plain).plan.slots);
    assert_eq!(first(&seven).sample_seeds(), first(&shuffled).sample_seeds());
    assert_ne!(first(&seven).sample_seeds(), first(&plain).sample_seeds());
    assert!(dataset().loader().group("a", task(0), 1).unshuffled(7).build().is_err());
}

#[test]
fn a_run_goes_on_with_the_version_that_it_was_started_on() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = make(&dir.path().join("d.surgdb"));
    let builder = dataset.loader().shuffle(5).batch(16);
    let mut batches = builder.build().unwrap().start();
    batches.next().unwrap().unwrap();
    let state = batches.state();
    let deleted =
        dataset.delete([dataset.address(Table::Conversations, 7).unwrap()], DeleteOptions::default()).unwrap();
    let resumed = deleted.loader().shuffle(5).batch(16).resume(state).build().unwrap();
    assert_eq!(resumed.dataset().version(), dataset.version());
    let rest: Vec<_> = resumed.start().map(|batch| batch.unwrap().plan).collect();
    assert_eq!(rest, batches.map(|batch| batch.unwrap().plan).collect::<Vec<_>>());
    let newer = deleted.loader().selection(first(&dataset, ROWS)).shuffle(5).batch(16).build().unwrap();
    let error = newer.resume(&state).err().unwrap();
    assert!(error.message().contains(&format!("version {}", state.version)), "{error}");
}

#[test]
fn a_saved_plan_is_read_on_any_rank_of_its_run_and_refused_by_any_other() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = make(&dir.path().join("d.surgdb"));
    let builder = dataset.loader().shuffle(1).batch(10);
    let plan = builder.clone().build().unwrap().plans(0).nth(3).unwrap().unwrap();
    let plan: Plan = serde_json::from_str(&serde_json::to_string(&plan).unwrap()).unwrap();
    let read = builder.clone().shard(3, 5).build().unwrap().assemble(plan.clone()).unwrap();
    assert_eq!(read.plan, plan);
    let error = builder.clone().shuffle(2).build().unwrap().assemble(plan.clone()).unwrap_err();
    assert!(error.message().contains("the plan is another run's") && error.message().contains("the seed"), "{error}");
    // A version that differs in tags alone is the same.
    let tagged = dataset.tag("later").unwrap();
    let again = tagged.loader().shuffle(1).batch(10).build().unwrap().assemble(plan.clone()).unwrap();
    assert_eq!(again.conversations, read.conversations);
    let column = Column::parse("more?: uint32").unwrap();
    let after = dataset.add_column(Table::Conversations, column, Arc::new(UInt32Array::from(vec![1; ROWS]))).unwrap();
    let error = after.loader().shuffle(1).batch(10).build().unwrap().assemble(plan.clone()).unwrap_err();
    assert!(error.message().contains(&format!("version {}", plan.version)), "{error}");
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

/// What a loader that is built so tells.
fn told(builder: LoaderBuilder, also: impl FnOnce(&Loader)) -> Vec<Notice> {
    let told = Arc::new(Mutex::new(Vec::new()));
    let hears = told.clone();
    let loader = builder.on_notice(move |notice| hears.lock().unwrap().push(notice.clone())).build().unwrap();
    also(&loader);
    std::mem::take(&mut *told.lock().unwrap())
}

#[test]
fn a_version_without_a_tag_is_told_of_by_the_first_rank() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = make(&dir.path().join("d.surgdb"));
    let builder = dataset.loader().shuffle(1).batch(10);
    let untagged = Notice::Untagged { dataset: dataset.path().to_path_buf(), version: dataset.version() };
    assert_eq!(told(builder.clone(), |_| {}), std::slice::from_ref(&untagged));
    let text = untagged.to_string();
    assert!(text.contains(&format!("d.surgdb tag NAME --version {}", dataset.version())), "{text}");
    assert_eq!(told(builder.clone().shard(1, 2), |_| {}), []);
    // The tag may be given after the dataset was opened.
    dataset.tag("run").unwrap();
    let tagged = told(builder, |loader| assert_eq!(loader.tags().unwrap(), ["run"]));
    assert_eq!(tagged, []);
}

#[test]
fn a_run_that_is_started_after_its_tag_was_given_stands_on_the_version_that_has_it() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = make(&dir.path().join("d.surgdb"));
    let open = || Dataset::open(dataset.path()).unwrap();
    let version = dataset.version();
    for tags in [&["run"][..], &["another", "run"]] {
        dataset.tag(tags[0]).unwrap();
        assert!(open().version() > version);
        let notices = told(open().loader().shuffle(1).batch(10), |loader| {
            assert_eq!(
                (loader.dataset().version(), loader.tags().unwrap()),
                (version, tags.iter().map(|t| t.to_string()).collect())
            );
            assert_eq!(loader.start().state().version, version);
        });
        assert_eq!(notices, []);
    }
    let by_tag = Dataset::options().tag("run").open(dataset.path()).unwrap();
    assert_eq!(told(by_tag.loader().shuffle(1).batch(10), |_| {}), []);
    // What was imported, deleted or added since has no tag.
    let newer = open().delete([dataset.address(Table::Conversations, 7).unwrap()], DeleteOptions::default()).unwrap();
    let untagged = Notice::Untagged { dataset: dataset.path().to_path_buf(), version: newer.version() };
    assert_eq!(told(open().loader().shuffle(1).batch(10), |_| {}), [untagged]);
}

#[test]
fn a_stall_that_nobody_asked_for_is_told_of_once_an_epoch() {
    // No time is too short to be a stall, but a machine may have the batches of an epoch ready before they are asked for.
    let run = |options: PipelineOptions| {
        let options = options.stall_after(Duration::ZERO).batches_ahead(1);
        let builder = dataset().loader().shuffle(1).batch(10).shard(1, 2).pipeline(options);
        told(builder, |loader| {
            let stalls = |epoch| {
                let mut batches = loader.epoch(epoch);
                batches.by_ref().for_each(|batch| drop(batch.unwrap()));
                batches.stats().stalls > 0
            };
            assert_eq!((0..1000).filter(|epoch| stalls(*epoch)).take(2).count(), 2);
        })
    };
    let notices = run(PipelineOptions::default().workers(1));
    let stalls: Vec<_> = notices.iter().filter(|notice| matches!(notice, Notice::Stalled(_))).collect();
    assert_eq!(stalls.len(), 2, "{notices:?}");
    let Notice::Stalled(stall) = stalls[0] else { unreachable!() };
    assert!(matches!(stall.stage, Stage::Planning | Stage::Announcing | Stage::Queued | Stage::Reading));
    // Whoever asked for them hears of them alone.
    let counted = Arc::new(Mutex::new(0));
    let counts = counted.clone();
    let asked = PipelineOptions::default().workers(1).on_stall(move |_| *counts.lock().unwrap() += 1);
    assert_eq!(run(asked), []);
    assert!(*counted.lock().unwrap() > 0);
}
