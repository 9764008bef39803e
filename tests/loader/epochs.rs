//! The loader as a run sees it: which samples come, on how many ranks, after how many interruptions, and what happens
//! when some cannot be had.

use crate::fixture::{ROWS, dataset, first, make, task, tokens};
use arrow_select::concat::concat_batches;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use surgdb::dataset::{DeleteOptions, Filter};
use surgdb::load::{
    Batches, Budget, EpochLength, Loader, LoaderBuilder, Mark, OnDamage, Overlong, Packing, PipelineOptions, Plan,
    Remainder, State, TokenSource,
};
use surgdb::{Address, Dataset, ErrorKind};

const WORLDS: [u64; 7] = [1, 2, 3, 4, 6, 8, 12];

fn plans(loader: &Loader, from: Mark) -> Vec<Plan> {
    let state = State { version: loader.dataset().version(), fingerprint: loader.fingerprint(), mark: from };
    loader.plans_from(&state).unwrap().collect::<Result<_, _>>().unwrap()
}

fn slots(plans: &[Plan]) -> Vec<Vec<(u64, Address, bool)>> {
    let of = |plan: &Plan| plan.slots.iter().map(|slot| (slot.position, slot.address, slot.valid)).collect();
    plans.iter().map(of).collect()
}

/// What a world's ranks read of an epoch from a mark on, step by step, the ranks' shares one after the other.
fn dealt(builder: &LoaderBuilder, world: u64, from: Mark) -> Vec<Vec<(u64, Address, bool)>> {
    let ranks = (0..world).map(|rank| plans(&builder.clone().shard(rank, world).uneven().build().unwrap(), from));
    let ranks: Vec<_> = ranks.collect();
    let steps = ranks[0].len();
    assert!(ranks.iter().all(|plans| plans.len() == steps), "a rank has fewer steps");
    let step = |step: usize| {
        let slots = ranks.iter().flat_map(|plans| &plans[step].slots);
        slots.map(|slot| (slot.position, slot.address, slot.valid)).collect()
    };
    (0..steps).map(step).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn every_sample_comes_once_an_epoch_whatever_the_world(
        rows in 1..ROWS, batch in 1u64..40, seed in any::<Option<u64>>(), epoch in 0u64..5, pad in any::<bool>()
    ) {
        let pad = pad || (rows as u64) < batch;
        let remainder = if pad { Remainder::Pad } else { Remainder::Drop };
        let selection = first(dataset(), rows);
        let mut builder = dataset().loader().selection(selection.clone()).batch(batch).remainder(remainder);
        if let Some(seed) = seed {
            builder = builder.shuffle(seed);
        }
        let alone = dealt(&builder, 1, Mark::epoch(epoch));
        prop_assert_eq!(alone.len() as u64, builder.clone().build().unwrap().steps(epoch).unwrap());
        prop_assert!(alone.iter().all(|step| step.len() as u64 == batch));
        let valid: Vec<_> = alone.iter().flatten().filter(|(_, _, valid)| *valid).map(|(_, address, _)| *address).collect();
        let distinct: BTreeSet<_> = valid.iter().copied().collect();
        prop_assert_eq!(distinct.len(), valid.len());
        prop_assert!(distinct.iter().all(|address| selection.contains(*address)));
        match pad {
            true => prop_assert_eq!(valid.len(), rows),
            false => prop_assert_eq!(valid.len() as u64, rows as u64 / batch * batch),
        }
        for world in WORLDS.into_iter().filter(|world| *world <= batch) {
            prop_assert_eq!(&dealt(&builder, world, Mark::epoch(epoch)), &alone);
        }
    }

    #[test]
    fn a_resumed_run_goes_on_as_if_it_had_not_stopped(
        batch in 12u64..40, seed in any::<u64>(), before in 0usize..7, after in 0usize..7, mixed in any::<bool>()
    ) {
        let mut builder = dataset().loader().shuffle(seed).batch(batch).uneven();
        if mixed {
            builder = builder.group("a", task(0), 3).group("b", task(1), 1).epoch_length(EpochLength::Samples(200));
        }
        let whole = dealt(&builder, 1, Mark::epoch(1));
        let (before, after) = (WORLDS[before], WORLDS[after]);
        let mut batches = builder.clone().shard(before - 1, before).build().unwrap().epoch(1);
        for step in 0..=whole.len() {
            let state = State::from_bytes(&batches.state().to_bytes()).unwrap();
            let resumed = builder.clone().resume(state).build().unwrap();
            let start = resumed.start();
            prop_assert_eq!(start.state(), state);
            match step == whole.len() {
                true => {
                    prop_assert_eq!(state.mark, Mark::epoch(2));
                    prop_assert!(batches.next().is_none());
                }
                false => {
                    prop_assert_eq!(&dealt(&builder, after, state.mark)[..], &whole[step..]);
                    prop_assert_eq!(resumed.resume(&state).unwrap().count(), whole.len() - step);
                    batches.next().unwrap().unwrap();
                }
            }
        }
    }

    #[test]
    fn packed_bins_keep_their_budget_and_deal_out_every_sample_once(
        rows in 60..ROWS, batch in 1u64..9, seed in any::<u64>(), epoch in 0u64..3, pad in any::<bool>(),
        by_length in any::<bool>(), world in 0usize..6, windows in 2u64..12
    ) {
        let budget = Budget { tokens: 40, pictures: None, overlong: Overlong::Error };
        let packing = if by_length { Packing::ByLength } else { Packing::Bins(budget) };
        let selection = first(dataset(), rows);
        let remainder = if pad { Remainder::Pad } else { Remainder::Drop };
        let builder = dataset().loader().selection(selection.clone()).shuffle(seed).batch(batch).remainder(remainder);
        let builder = builder.pack(packing, TokenSource::Column("tokens".into())).window(windows * batch).uneven();
        let loader = builder.clone().build().unwrap();
        let alone = plans(&loader, Mark::epoch(epoch));
        prop_assert_eq!(alone.len() as u64, loader.steps(epoch).unwrap());
        let mut seen = BTreeSet::new();
        for plan in &alone {
            let borders = plan.bins.as_ref().unwrap();
            prop_assert_eq!(borders.len() as u64, batch + 1);
            for bin in borders.windows(2) {
                let bin = &plan.slots[bin[0] as usize..bin[1] as usize];
                prop_assert!(!bin.is_empty());
                let tokens: u64 = bin.iter().map(|slot| u64::from(tokens(slot.address))).sum();
                prop_assert!(tokens <= 40 && (bin.len() == 1 || !by_length));
                prop_assert!(bin.iter().all(|slot| slot.valid == bin[0].valid));
                for slot in bin.iter().filter(|slot| slot.valid) {
                    prop_assert!(seen.insert(slot.address) && selection.contains(slot.address));
                }
            }
        }
        prop_assert!(seen.len() == rows || !pad);
        let world = WORLDS[world].min(batch);
        prop_assert_eq!(dealt(&builder, world, Mark::epoch(epoch)), slots(&alone));
        for (step, plan) in alone.iter().enumerate().step_by(3) {
            let state = State { version: loader.dataset().version(), fingerprint: loader.fingerprint(), mark: plan.next };
            let state = State::from_bytes(&state.to_bytes()).unwrap();
            let resumed = builder.clone().resume(state).build().unwrap();
            match plan.next.epoch == epoch {
                true => prop_assert_eq!(&plans(&resumed, resumed.start().state().mark)[..], &alone[step + 1..]),
                false => prop_assert_eq!(step + 1, alone.len()),
            }
        }
    }

    #[test]
    fn a_mixture_keeps_its_proportions_and_draws_each_sample_once_a_pass(
        weights in prop::collection::vec(1u64..20, 3), batch in 1u64..50, seed in any::<u64>()
    ) {
        let samples = 3000;
        let mut builder = dataset().loader().shuffle(seed).batch(batch).epoch_length(EpochLength::Samples(samples));
        for (group, weight) in weights.iter().enumerate() {
            builder = builder.group(group.to_string(), task(group), *weight);
        }
        let loader = builder.build().unwrap();
        let plans: Vec<_> = (0..2).flat_map(|epoch| plans(&loader, Mark::epoch(epoch))).collect();
        let slots: Vec<_> = plans.iter().flat_map(|plan| &plan.slots).collect();
        prop_assert_eq!(slots.len() as u64, 2 * samples.next_multiple_of(batch));
        prop_assert!(slots.iter().all(|slot| slot.valid));
        let total: u64 = weights.iter().sum();
        let block = (1024.max(total)).next_multiple_of(batch);
        for end in (1..).map(|blocks| blocks * block).take_while(|end| *end <= slots.len() as u64) {
            for (group, weight) in weights.iter().enumerate() {
                let drawn = slots[..end as usize].iter().filter(|slot| slot.group == group as u32).count() as f64;
                let due = end as f64 * *weight as f64 / total as f64;
                prop_assert!((drawn - due).abs() < 1.0, "{} of {} at {}", drawn, due, end);
            }
            // What was drawn once more than the rest belongs to the pass that is under way.
            for group in 0..weights.len() as u32 {
                let mut drawn = BTreeMap::new();
                for slot in slots[..end as usize].iter().filter(|slot| slot.group == group) {
                    *drawn.entry(slot.address).or_insert(0u64) += 1;
                }
                let passes = drawn.values().sum::<u64>() / (ROWS as u64 / 3);
                prop_assert!(drawn.values().all(|times| (passes..=passes + 1).contains(times)));
                prop_assert!(passes == 0 || drawn.len() == ROWS / 3);
            }
        }
    }
}

#[test]
fn groups_may_overlap_and_narrow_what_is_selected() {
    let loader = dataset().loader().shuffle(1).batch(10).select(Filter::parse("id like '1%'").unwrap());
    let loader = loader.group("all", Filter::all(), 1).group("third", task(0), 1).build().unwrap();
    let rows: BTreeMap<_, _> =
        loader.groups().iter().map(|group| (group.name.as_str(), group.selection.len())).collect();
    assert_eq!(rows, BTreeMap::from([("all", 111), ("third", 36)]));
    let any = loader.steps(0).unwrap() * 10;
    let all = dataset().loader().shuffle(1).batch(10).group("all", Filter::all(), 1).group("third", task(0), 1);
    assert!(all.epoch_length(EpochLength::UntilAll).build().unwrap().steps(0).unwrap() * 10 >= 2 * ROWS as u64);
    assert!((72..100).contains(&any), "{any}");
}

#[test]
fn what_is_selected_in_several_ways_is_what_all_of_them_leave() {
    let some = first(dataset(), 100);
    for builder in [
        dataset().loader().selection(some.clone()).select(task(0)),
        dataset().loader().select(task(0)).selection(some.clone()),
        dataset().loader().select(Filter::parse("id like '%'").unwrap()).select(task(0)).selection(some.clone()),
    ] {
        let loader = builder.batch(1).build().unwrap();
        assert_eq!(loader.groups()[0].selection.len(), 34);
        assert!(loader.groups()[0].selection.iter().all(|address| some.contains(address)));
    }
}

#[test]
fn what_is_gone_is_an_error_with_its_address_or_is_substituted_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = make(&dir.path().join("d.surgdb"));
    let whole = dataset.loader().shuffle(5).batch(30).group("a", task(0), 1).group("b", task(1), 2).build().unwrap();
    let saved = dir.path().join("run.groups");
    whole.save_groups(&saved).unwrap();
    assert_eq!(whole.save_groups(&saved).unwrap_err().kind(), ErrorKind::Exists);
    let gone: Vec<_> = whole.groups()[0].selection.iter().step_by(2).collect();
    let deleted = dataset.delete(gone.iter().copied(), DeleteOptions::default()).unwrap();

    let builder = deleted.loader().shuffle(5).batch(30).saved_groups(&saved).unwrap();
    let strict = builder.clone().build().unwrap();
    assert_eq!(strict.fingerprint(), whole.fingerprint());
    let mut batches = strict.start();
    let error = batches.find_map(Result::err).unwrap();
    assert_eq!(error.kind(), ErrorKind::Deleted);
    assert!(gone.iter().any(|address| error.message().contains(&address.to_string())), "{error}");
    let failed = batches.state();
    assert!(batches.next().is_none());

    let builder = builder.on_damage(OnDamage::Substitute);
    let lenient = builder.clone().build().unwrap();
    lenient.resume(&failed).unwrap().next().unwrap().unwrap();
    let run = |loader: &Loader| loader.epoch(0).map(|batch| batch.unwrap().plan).collect::<Vec<_>>();
    let (plans, before) = (run(&lenient), run(&whole));
    assert_eq!(plans.len(), before.len());
    let mut substituted = 0;
    for (slot, before) in plans.iter().zip(&before).flat_map(|(plan, before)| plan.slots.iter().zip(&before.slots)) {
        assert_eq!((slot.position, slot.group, slot.valid), (before.position, before.group, before.valid));
        assert_eq!(slot.substituted, gone.contains(&before.address));
        assert_eq!(slot.address != before.address, slot.substituted);
        assert!(whole.groups()[slot.group as usize].selection.contains(slot.address));
        assert!(!gone.contains(&slot.address));
        substituted += u64::from(slot.substituted);
    }
    assert!(substituted > 10);
    let delivered = lenient.substituted();
    assert!(delivered >= substituted, "{delivered} of {substituted}");
    for world in [2, 3] {
        let ranks: Vec<_> = (0..world).map(|rank| run(&builder.clone().shard(rank, world).build().unwrap())).collect();
        for (step, plan) in plans.iter().enumerate() {
            let slots: Vec<_> = ranks.iter().flat_map(|plans| &plans[step].slots).copied().collect();
            assert_eq!(slots, plan.slots);
        }
    }
}

#[test]
fn when_nothing_is_left_to_substitute_it_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = make(&dir.path().join("d.surgdb"));
    let selection = first(&dataset, 10);
    let deleted = dataset.delete(selection.iter(), DeleteOptions::default()).unwrap();
    let builder = deleted.loader().selection(selection).shuffle(1).batch(10).on_damage(OnDamage::Substitute);
    let error = builder.clone().build().unwrap().start().next().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deleted);
    // It is about the sample that the order has there, and not about the last one that was tried.
    let loader = builder.build().unwrap();
    let (place, said) = (loader.order().at(0, 0).unwrap(), error.message());
    let asked = loader.groups()[0].selection.get(place.index).unwrap();
    assert!(said.starts_with(&format!("the conversation {asked} at position 0 cannot be read: ")), "{error}");
    let place = loader.order().substitute(0, 0, 63).unwrap();
    let last = loader.groups()[0].selection.get(place.index).unwrap();
    assert!(said.contains(&format!("64 samples were tried in its place, the last of them {last}")), "{error}");
}

#[test]
fn what_cannot_be_built_says_what_to_change() {
    let other = tempfile::tempdir().unwrap();
    let other = make(&other.path().join("other.surgdb"));
    let empty = Filter::parse("task = 'none'").unwrap();
    let loader = || dataset().loader().shuffle(1);
    for (builder, says) in [
        (loader().select(empty.clone()), "no conversation is selected by \"task = \\\"none\\\"\""),
        (loader().selection(first(dataset(), 0)), "no conversation is selected: the selection that was given is empty"),
        (
            loader().selection(first(dataset(), 9)).select(empty.clone()),
            "by \"task = \\\"none\\\"\" in the selection that was given",
        ),
        (loader().group("g", task(0), 1).group("none", empty, 1), "\"none\""),
        (loader().group("g", task(0), 1).group("g", task(1), 1), "\"g\""),
        (loader().group("g", task(0), 0), "weight"),
        (loader().batch(0), "at least 1"),
        (loader().batch(301), "padded"),
        (loader().batch(10).shard(2, 2), "rank 2"),
        (loader().batch(10).shard(0, 4), "uneven"),
        (loader().batch(10).shard(0, 11).uneven(), "at least 11"),
        (loader().epoch_length(EpochLength::Samples(10)), "mixture"),
        (loader().pipeline(PipelineOptions::default().workers(usize::MAX)), "at most 1024"),
        (dataset().loader().group("g", task(0), 1), "seed"),
        (loader().selection(first(&other, 3)), "another"),
        (loader().select(Filter::parse("tusk = 'x'").unwrap()), "tusk"),
    ] {
        let error = builder.build().map(|loader| format!("{loader:?}")).expect_err(says);
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        assert!(error.message().contains(says) || says == "another", "{error}");
    }
}

#[test]
fn a_mixture_of_one_group_is_another_run_than_that_group_alone() {
    let dir = tempfile::tempdir().unwrap();
    let plain = dataset().loader().shuffle(1).batch(4);
    let mixture = plain.clone().group("all", Filter::all(), 1).build().unwrap();
    let plain = plain.build().unwrap();
    assert!(mixture.resume(&plain.start().state()).is_err());
    for (name, loader) in [("plain", &plain), ("mixture", &mixture)] {
        let saved = dir.path().join(name);
        loader.save_groups(&saved).unwrap();
        let again = dataset().loader().shuffle(1).batch(4).saved_groups(&saved).unwrap().build().unwrap();
        assert_eq!(again.fingerprint(), loader.fingerprint(), "{name}");
        assert_eq!(plans(&again, Mark::epoch(3)), plans(loader, Mark::epoch(3)), "{name}");
    }
}

#[test]
fn a_mark_that_is_none_of_the_run_is_refused() {
    let flat = dataset().loader().shuffle(1).batch(10);
    let tokens = TokenSource::Column("tokens".into());
    let budget = Budget { tokens: 40, pictures: None, overlong: Overlong::Error };
    let packed = flat.clone().pack(Packing::Bins(budget), tokens).window(100);
    let mark = |step, window, item, packed| Mark { epoch: 0, step, window, item, packed };
    let far = |epoch| Mark { epoch, ..Mark::default() };
    for (builder, marks) in [
        (flat, vec![mark(31, 31, 0, 0), mark(5, 7, 0, 0), mark(5, 5, 1, 0), mark(5, 5, 0, 9), far(u64::MAX)]),
        (
            packed,
            vec![mark(9, 0, 3, 0), mark(9, 4, 0, 0), mark(u64::MAX, 1, 0, 0), mark(9, 0, u64::MAX, 7), far(1 << 41)],
        ),
    ] {
        let loader = builder.clone().build().unwrap();
        for mark in marks {
            let state = State { mark, ..loader.start().state() };
            assert_eq!(loader.resume(&state).err().map(|error| error.kind()), Some(ErrorKind::Invalid), "{mark:?}");
            assert!(loader.plans_from(&state).is_err());
            assert!(builder.clone().resume(state).build().is_err());
        }
    }
}

#[test]
fn batches_are_the_same_with_any_number_of_workers_and_after_resuming_at_another() {
    let builder = dataset().loader().shuffle(9).batch(16);
    let workers = |workers| builder.clone().pipeline(PipelineOptions::default().workers(workers)).build().unwrap();
    let read = |batches: Batches| batches.map(|batch| batch.unwrap()).collect::<Vec<_>>();
    let whole = read(workers(0).epoch(0));
    assert_eq!(whole.len(), ROWS / 16);
    for before in [0, 1, 3] {
        let mut batches = workers(before).epoch(0);
        batches.by_ref().take(5).for_each(|batch| drop(batch.unwrap()));
        for after in [0, 2, 5] {
            let rest = read(workers(after).resume(&batches.state()).unwrap());
            assert_eq!(rest.len(), whole.len() - 5);
            for (batch, expected) in rest.iter().zip(&whole[5..]) {
                assert_eq!((&batch.plan, &batch.conversations), (&expected.plan, &expected.conversations));
            }
        }
        batches.next_epoch();
        assert_eq!(batches.state().mark, Mark::epoch(1));
        assert_eq!(batches.next().unwrap().unwrap().plan, workers(0).plans(1).next().unwrap().unwrap());
    }
}

#[test]
fn the_worlds_read_the_same_global_batches_with_and_without_workers() {
    let builder = dataset().loader().shuffle(4).batch(24).remainder(Remainder::Pad).on_notice(|_| {});
    let packing = Packing::Bins(Budget { tokens: 40, pictures: None, overlong: Overlong::Error });
    let packed = builder.clone().pack(packing, TokenSource::Column("tokens".into())).window(96);
    for builder in [builder, packed] {
        let read = |rank, world, workers| {
            let options = PipelineOptions::default().workers(workers);
            let loader = builder.clone().shard(rank, world).pipeline(options).build().unwrap();
            let batches: Vec<_> = loader.epoch(1).map(|batch| batch.unwrap()).collect();
            assert_eq!(batches.len() as u64, loader.steps(1).unwrap());
            batches
        };
        let alone = read(0, 1, 0);
        for (world, workers) in WORLDS.into_iter().flat_map(|world| [(world, 0), (world, 2)]) {
            let ranks: Vec<_> = (0..world).map(|rank| read(rank, world, workers)).collect();
            for (step, whole) in alone.iter().enumerate() {
                let parts = ranks.iter().map(|batches| &batches[step]);
                let slots: Vec<_> = parts.clone().flat_map(|batch| batch.plan.slots.clone()).collect();
                assert_eq!(slots, whole.plan.slots, "{world} ranks, {workers} workers, step {step}");
                let rows = concat_batches(whole.conversations.schema_ref(), parts.map(|batch| &batch.conversations));
                assert_eq!(rows.unwrap(), whole.conversations, "{world} ranks, {workers} workers, step {step}");
            }
        }
    }
}

#[test]
fn seeds_of_samples_are_those_of_their_positions_also_in_another_process() {
    let builder = dataset().loader().shuffle(77).batch(16);
    let loader = builder.clone().build().unwrap();
    for batch in loader.epoch(1).map(|batch| batch.unwrap()) {
        let expected: Vec<_> = batch.plan.slots.iter().map(|slot| loader.sample_seed(1, slot.position)).collect();
        assert_eq!(batch.sample_seeds().values(), &expected[..]);
        let again = builder.clone().shard(1, 2).build().unwrap().assemble(batch.plan.clone()).unwrap();
        assert_eq!(again.sample_seeds(), batch.sample_seeds());
    }
    let other = dataset().loader().shuffle(78).batch(16).build().unwrap();
    let seeds = |loader: &Loader| loader.epoch(1).next().unwrap().unwrap().sample_seeds();
    assert_ne!(seeds(&other), seeds(&loader));
}

#[test]
fn a_machine_that_cannot_read_is_an_error_also_where_samples_may_be_substituted() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("d.surgdb");
    make(&root);
    let dataset = Dataset::open(&root).unwrap();
    let loader = dataset.loader().shuffle(5).batch(30).on_damage(OnDamage::Substitute).build().unwrap();
    std::fs::rename(root.join("conversations"), root.join("elsewhere")).unwrap();
    let mut batches = loader.start();
    assert!(batches.next().unwrap().is_err());
    let state = batches.state();
    assert_eq!((state.mark, loader.substituted()), (Mark::default(), 0));
    std::fs::rename(root.join("elsewhere"), root.join("conversations")).unwrap();
    assert!(loader.resume(&state).unwrap().all(|batch| batch.is_ok()));
}
