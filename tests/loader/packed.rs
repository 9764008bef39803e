//! Runs of packed samples: mixtures, substitutes, damaged lengths, and what building and resuming them takes.

use crate::fixture::{ROWS, dataset, make, tokens};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use surgdb::dataset::{DeleteOptions, Filter};
use surgdb::load::{
    Batch, Budget, EpochLength, Estimate, Loader, LoaderBuilder, Notice, OnDamage, Overlong, Packing, Place, Plan,
    Projection, Remainder, TokenSource,
};
use surgdb::rows::{ConversationRow, FrameRow, MediumRow, TurnRow};
use surgdb::{Address, Dataset, ErrorKind, Operation, Table};

const BUDGET: u32 = 40;

/// Each so-many-th row is deleted, in each dataset of [`without`].
const EVERY: [usize; 3] = [2, 4, 5];

/// Datasets before and after each so-many-th row of them was deleted.
fn without(which: usize) -> (&'static Dataset, &'static Dataset, BTreeSet<Address>) {
    static DATASETS: OnceLock<Vec<(tempfile::TempDir, Dataset, Dataset)>> = OnceLock::new();
    let every = |dataset: &Dataset, which: usize| {
        let rows = dataset.live_addresses(Table::Conversations).unwrap();
        rows.into_iter().step_by(EVERY[which]).collect::<BTreeSet<_>>()
    };
    let datasets = DATASETS.get_or_init(|| {
        let deleted = |which| {
            let dir = tempfile::tempdir().unwrap();
            let whole = make(&dir.path().join("d.surgdb"));
            let deleted = whole.delete(every(&whole, which), DeleteOptions::default()).unwrap();
            (dir, whole, deleted)
        };
        (0..EVERY.len()).map(deleted).collect()
    });
    let (_, whole, deleted) = &datasets[which];
    (whole, deleted, every(whole, which))
}

fn bins(overlong: Overlong) -> Packing {
    Packing::Bins(Budget { tokens: BUDGET, pictures: None, overlong })
}

fn packed(builder: LoaderBuilder) -> LoaderBuilder {
    builder.pack(bins(Overlong::Error), TokenSource::Column("tokens".into())).on_notice(|_| {})
}

fn mixture(builder: LoaderBuilder, weights: &[u64]) -> LoaderBuilder {
    let group = |number: usize| Filter::eq("task", format!("task {number}"));
    (0..weights.len())
        .fold(builder, |builder, number| builder.group(number.to_string(), group(number), weights[number]))
}

fn read(loader: &Loader, epoch: u64) -> Vec<Batch> {
    loader.epoch(epoch).map(|batch| batch.unwrap()).collect()
}

/// The slots of each bin.
fn bins_of(plan: &Plan) -> impl Iterator<Item = &[surgdb::load::Slot]> {
    let borders = plan.bins.as_ref().unwrap();
    borders.windows(2).map(|border| &plan.slots[border[0] as usize..border[1] as usize])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// The positions of a packed mixture are those of the mixture: only how they are dealt out differs.
    #[test]
    fn a_packed_mixture_deals_out_the_positions_of_the_mixture_once(
        weights in prop::collection::vec(1u64..20, 3), batch in 1u64..6, seed in any::<u64>(), epoch in 0u64..3,
        world in 1u64..6, samples in 500u64..1500, by_length in any::<bool>()
    ) {
        let builder = dataset().loader().shuffle(seed).batch(batch).remainder(Remainder::Pad).uneven();
        let builder = mixture(builder, &weights).epoch_length(EpochLength::Samples(samples));
        let plain = builder.clone().on_notice(|_| {}).build().unwrap();
        let packing = if by_length { Packing::ByLength } else { bins(Overlong::Error) };
        let builder = builder.pack(packing, TokenSource::Column("tokens".into())).window(16 * batch).on_notice(|_| {});
        let loader = builder.clone().build().unwrap();
        let plans: Vec<_> = loader.plans(epoch).map(|plan| plan.unwrap()).collect();
        prop_assert_eq!(plans.len() as u64, loader.steps(epoch).unwrap());
        let mut dealt = BTreeMap::new();
        for plan in &plans {
            for bin in bins_of(plan) {
                prop_assert!(bin.iter().map(|slot| tokens(slot.address)).sum::<u32>() <= BUDGET);
                for slot in bin.iter().filter(|slot| slot.valid) {
                    prop_assert!(dealt.insert(slot.position, (slot.group, slot.address)).is_none());
                }
            }
        }
        let expected = plain.plans(epoch).flat_map(|plan| plan.unwrap().slots);
        prop_assert_eq!(dealt, expected.map(|slot| (slot.position, (slot.group, slot.address))).collect());
        let world = world.min(batch);
        let ranks: Vec<Vec<_>> = (0..world)
            .map(|rank| builder.clone().shard(rank, world).build().unwrap().plans(epoch).map(|plan| plan.unwrap()).collect())
            .collect();
        for (step, plan) in plans.iter().enumerate() {
            let slots: Vec<_> = ranks.iter().flat_map(|plans| plans[step].slots.clone()).collect();
            prop_assert_eq!(&slots, &plan.slots);
        }
    }

    /// Which substitute comes is what the specification says, and no bin grows by it.
    #[test]
    fn a_substitute_in_a_bin_is_the_first_that_fits_and_can_be_had(
        seed in any::<u64>(), weights in prop::collection::vec(1u64..5, 3), which in 0..EVERY.len(), mixed in any::<bool>()
    ) {
        let (whole, deleted, gone) = without(which);
        let builder = packed(whole.loader().shuffle(seed).batch(4)).window(64);
        let builder = match mixed {
            true => mixture(builder, &weights).epoch_length(EpochLength::Samples(400)),
            false => builder,
        };
        let saved = tempfile::tempdir().unwrap();
        let whole = builder.clone().build().unwrap();
        whole.save_groups(saved.path().join("groups")).unwrap();
        let builder = packed(deleted.loader().shuffle(seed).batch(4)).window(64).on_damage(OnDamage::Substitute);
        let builder = if mixed { builder.epoch_length(EpochLength::Samples(400)) } else { builder };
        let builder = builder.saved_groups(saved.path().join("groups")).unwrap();
        let loader = builder.clone().build().unwrap();
        let (order, lengths) = (loader.order(), loader.lengths().unwrap());
        let address = |place: Place| loader.groups()[place.group as usize].selection.get(place.index).unwrap();
        let batches = read(&loader, 1);
        prop_assert_eq!(batches.len() as u64, loader.steps(1).unwrap());
        let mut substituted = 0;
        for Batch { plan, .. } in &batches {
            for bin in bins_of(plan) {
                let counts = bin.iter().filter(|slot| slot.valid);
                prop_assert!(counts.map(|slot| tokens(slot.address)).sum::<u32>() <= BUDGET);
                for slot in bin {
                    let place = order.at(1, slot.position).unwrap();
                    prop_assert_eq!(slot.substituted, gone.contains(&address(place)));
                    if !slot.substituted {
                        prop_assert_eq!(slot.address, address(place));
                        continue;
                    }
                    substituted += 1;
                    let tried: Vec<_> = (0..64).map(|a| order.substitute(1, slot.position, a).unwrap()).collect();
                    let fits = |place: &Place| lengths.get(*place).tokens <= lengths.get(order.at(1, slot.position).unwrap()).tokens;
                    let (fitting, others): (Vec<Place>, Vec<Place>) = tried.into_iter().partition(fits);
                    let first = fitting.iter().chain(&others).find(|place| !gone.contains(&address(**place))).unwrap();
                    prop_assert_eq!(slot.address, address(*first));
                    prop_assert_eq!(slot.group, place.group);
                    prop_assert_eq!(slot.valid, fits(first));
                }
            }
        }
        prop_assert!(substituted > 0);
        prop_assert_eq!(loader.substituted(), substituted);
    }
}

/// The side files of the `tokens` column, by fragment.
fn token_files(dataset: &Dataset) -> Vec<PathBuf> {
    let column = dataset.manifest().columns.iter().find(|column| column.name == "tokens").unwrap();
    column.files.iter().map(|file| dataset.path().join(&file.path)).collect()
}

/// Damages the values of a side file: what stands in front of its footer's magic is left alone.
fn damage(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let needle: Vec<u8> = (0..8u32).flat_map(|row| (row * 7 % 31 + 1).to_le_bytes()).collect();
    let at = bytes.windows(needle.len()).position(|window| window == needle).expect("the file holds the tokens");
    bytes[at] ^= 0x40;
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn samples_whose_length_is_damaged_are_substituted_counted_and_told_of() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("d.surgdb");
    let files = token_files(&make(&root));
    assert_eq!(files.len(), 3);
    damage(&files[1]);
    let dataset = Dataset::open(&root).unwrap();
    let builder = packed(dataset.loader().shuffle(3).batch(4)).window(64);
    let error = builder.clone().build().map(|loader| format!("{loader:?}")).unwrap_err();
    assert_eq!((error.kind(), error.file()), (ErrorKind::Corrupt, Some(files[1].as_path())));

    let told = Arc::new(Mutex::new(Vec::new()));
    let hears = told.clone();
    let builder = builder.on_damage(OnDamage::Substitute);
    let builder = builder.on_notice(move |notice| hears.lock().unwrap().push(notice.clone()));
    let loader = builder.clone().build().unwrap();
    let notices = std::mem::take(&mut *told.lock().unwrap());
    let unmeasured = notices.iter().find_map(|notice| match notice {
        Notice::Unmeasured { samples, error } => Some((*samples, error.clone())),
        _ => None,
    });
    let (samples, error) = unmeasured.expect("nobody was told of the damage");
    assert_eq!(samples, ROWS as u64 / 3);
    assert!(error.contains(files[1].to_str().unwrap()), "{error}");

    // All that the second fragment has cannot be measured, although all of it can be read.
    let lost = dataset.address(Table::Conversations, ROWS as u64 / 2).unwrap().fragment();
    let batches = read(&loader, 0);
    let slots: Vec<_> = batches.iter().flat_map(|batch| &batch.plan.slots).collect();
    let place = |position| loader.order().at(0, position).unwrap();
    let due = |position| loader.groups()[0].selection.get(place(position).index).unwrap();
    assert!(slots.iter().all(|slot| slot.address.fragment() != lost));
    assert!(slots.iter().all(|slot| slot.substituted == (due(slot.position).fragment() == lost)));
    let substituted = slots.iter().filter(|slot| slot.substituted).count() as u64;
    assert!(substituted > 50);
    assert_eq!(loader.substituted(), substituted);
    // They count as the mean of the others.
    let others: Vec<u64> = (0..ROWS as u64 / 3).map(|row| row * 7 % 31 + 1).collect();
    let mean = others.iter().sum::<u64>().div_ceil(others.len() as u64);
    let unread = slots.iter().find(|slot| slot.substituted).unwrap();
    assert_eq!(u64::from(loader.lengths().unwrap().get(place(unread.position)).tokens), mean);
    // Nor do ranks disagree, or a run that is resumed.
    let ranks: Vec<_> = (0..2).map(|rank| read(&builder.clone().shard(rank, 2).build().unwrap(), 0)).collect();
    for (step, batch) in batches.iter().enumerate() {
        let dealt: Vec<_> = ranks.iter().flat_map(|rank| rank[step].plan.slots.clone()).collect();
        assert_eq!(dealt, batch.plan.slots);
    }
    let mut first = loader.epoch(0);
    first.next().unwrap().unwrap();
    let rest: Vec<_> =
        builder.resume(first.state()).build().unwrap().start().map(|batch| batch.unwrap().plan).collect();
    assert_eq!(rest, batches[1..].iter().map(|batch| batch.plan.clone()).collect::<Vec<_>>());
}

/// Conversations on a large picture each, in two fragments of frames.
fn pictures(root: &Path) -> (Dataset, PathBuf) {
    let mut dataset = Dataset::create(root).unwrap();
    let mut file = None;
    for fragment in 0..2 {
        let mut appender = dataset.append().unwrap();
        for number in 0..30 {
            let (id, source) = (format!("{fragment}/{number}"), "s".to_owned());
            let frame = FrameRow {
                id: id.clone(),
                source: source.clone(),
                kind: "rgb".into(),
                width: Some(10_007),
                height: Some(100),
                ..Default::default()
            };
            let media = vec![MediumRow { turn: 0, refs: vec![appender.frame(&frame).unwrap()], ..Default::default() }];
            let turns = vec![TurnRow { role: "user".into(), text: "?".into(), ..Default::default() }];
            let row = ConversationRow { id, source, task: "t".into(), turns, media, ..Default::default() };
            appender.conversation(&row).unwrap();
        }
        dataset = appender.commit(Operation::new("append")).unwrap();
        let files = &dataset.manifest().files["frames"];
        file.get_or_insert_with(|| root.join(&files.last().unwrap().path));
    }
    (dataset, file.unwrap())
}

#[test]
fn samples_whose_pictures_have_damaged_sizes_have_no_length_either() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("d.surgdb");
    let (dataset, file) = pictures(&root);
    // The smallest change that no size would tell of.
    let mut bytes = std::fs::read(&file).unwrap();
    let needle: Vec<u8> = std::iter::repeat_n(10_007u32.to_le_bytes(), 8).flatten().collect();
    let at = bytes.windows(needle.len()).position(|window| window == needle).expect("the file holds the widths");
    bytes[at] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let lost = dataset.address(Table::Conversations, 0).unwrap().fragment();
    let dataset = Dataset::open(&root).unwrap();
    let budget = Budget { tokens: 8192, pictures: None, overlong: Overlong::Error };
    let builder = dataset.loader().shuffle(3).batch(2).window(8).projection(Projection::default().media(false));
    let told = Arc::new(Mutex::new(Vec::new()));
    let hears = told.clone();
    let builder = builder.on_notice(move |notice| hears.lock().unwrap().push(notice.clone()));
    let builder = builder.pack(Packing::Bins(budget), TokenSource::Estimate(Estimate::default()));
    let error = builder.clone().build().map(|loader| format!("{loader:?}")).unwrap_err();
    assert_eq!((error.kind(), error.file()), (ErrorKind::Corrupt, Some(file.as_path())));

    let loader = builder.on_damage(OnDamage::Substitute).build().unwrap();
    let unmeasured = |notice: &Notice| match notice {
        Notice::Unmeasured { samples, error } => Some((*samples, error.contains(file.to_str().unwrap()))),
        _ => None,
    };
    assert_eq!(told.lock().unwrap().iter().find_map(unmeasured), Some((30, true)));
    // Each counts as the mean of those that could be measured, which are all alike.
    let tokens = 358 * 4 + 1;
    assert!((0..60).all(|index| loader.lengths().unwrap().get(Place { group: 0, index }).tokens == tokens));
    let batches = read(&loader, 0);
    let slots: Vec<_> = batches.iter().flat_map(|batch| &batch.plan.slots).collect();
    assert!(slots.len() > 50 && slots.iter().all(|slot| slot.address.fragment() != lost));
    assert!(slots.iter().filter(|slot| slot.substituted).count() > 20);
}

#[test]
fn a_column_that_no_file_can_be_opened_of_takes_its_whole_fragment() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("d.surgdb");
    let files = token_files(&make(&root));
    let len = std::fs::metadata(&files[0]).unwrap().len();
    std::fs::File::options().write(true).open(&files[0]).unwrap().set_len(len - 1).unwrap();
    let builder = packed(Dataset::open(&root).unwrap().loader().shuffle(3).batch(4)).window(64);
    assert_eq!(builder.clone().build().err().map(|error| error.kind()), Some(ErrorKind::Corrupt));
    let loader = builder.clone().on_damage(OnDamage::Substitute).build().unwrap();
    read(&loader, 0);
    assert!(loader.substituted() > 50);
    // A file that is not there is no damage of a sample: another machine may have it.
    std::fs::remove_file(&files[0]).unwrap();
    let error = builder.on_damage(OnDamage::Substitute).build().map(|loader| format!("{loader:?}")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Purged);
}

#[test]
fn an_epoch_without_a_whole_batch_of_bins_is_refused_unless_it_is_padded() {
    // 300 samples of 16 tokens on average, two or three to a bin.
    let build = |batch, remainder| packed(dataset().loader().shuffle(1).batch(batch)).remainder(remainder).build();
    let bins = build(1, Remainder::Drop).unwrap().steps(0).unwrap();
    assert!(build(bins + 20, Remainder::Pad).is_ok_and(|loader| loader.steps(0).unwrap() == 1));
    let error = build(bins + 20, Remainder::Drop).map(|loader| format!("{loader:?}")).unwrap_err();
    assert!(error.message().contains("no whole batch") && error.message().contains("padded"), "{error}");
}

#[test]
fn an_epoch_without_a_step_for_damage_is_refused_with_the_damage() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("d.surgdb");
    let files = token_files(&make(&root));
    files.iter().for_each(|file| damage(file));
    let builder = packed(Dataset::open(&root).unwrap().loader().shuffle(3).batch(12)).window(120);
    let error = builder.on_damage(OnDamage::Substitute).build().map(|loader| format!("{loader:?}")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    let named = files.iter().any(|file| error.message().contains(file.to_str().unwrap()));
    assert!(named && error.message().contains(&format!("the lengths of {ROWS} of them")), "{error}");
}

#[test]
fn samples_have_lengths_where_they_are_packed() {
    let loader = packed(dataset().loader().shuffle(1).batch(4)).build().unwrap();
    let lengths = loader.lengths().unwrap();
    for plan in loader.plans(2).map(|plan| plan.unwrap()) {
        for slot in &plan.slots {
            let place = loader.order().at(plan.epoch, slot.position).unwrap();
            assert_eq!(lengths.get(place).tokens, tokens(slot.address));
        }
    }
    assert!(dataset().loader().batch(4).on_notice(|_| {}).build().unwrap().lengths().is_none());
}
