//! Packed windows against plain models, and the stream of bins that ranks share.

use proptest::prelude::*;
use std::num::NonZeroU64;
use surgdb::ErrorKind;
use surgdb::load::internals::{Bin, BinPlace, Bins, Keys, Packer, Permutation, RoundKeys, Shard, Steps, sample_seed};
use surgdb::load::{Budget, Length, Lengths, Mark, Order, Overlong, Packing, Remainder};

fn keys() -> RoundKeys {
    Keys::new(5).window(0, 0)
}

fn bins_of(bins: &Bins) -> Vec<Vec<u64>> {
    (0..bins.len()).map(|bin| bins.positions(bin).collect()).collect()
}

fn pack(lengths: &[Length], packing: &Packing, batch: u64) -> surgdb::Result<Vec<Vec<u64>>> {
    Bins::pack(0, lengths, packing, NonZeroU64::new(batch).unwrap(), keys()).map(|bins| bins_of(&bins))
}

fn permuted<T: Clone>(items: &[T]) -> Vec<T> {
    let Some(n) = NonZeroU64::new(items.len() as u64) else { return Vec::new() };
    let order = Permutation::new(keys(), n);
    (0..n.get()).map(|place| items[order.at(place) as usize].clone()).collect()
}

/// Looks at every bin for every sample.
fn best_fit(lengths: &[Length], budget: &Budget) -> Option<Vec<Vec<u64>>> {
    let most = budget.pictures.unwrap_or(u32::MAX);
    let counted = |place: &u64| {
        let Length { tokens, pictures } = lengths[*place as usize];
        (tokens.min(budget.tokens), if budget.pictures.is_some() { pictures.min(most) } else { 0 })
    };
    let mut order: Vec<u64> = (0..lengths.len() as u64).collect();
    order.sort_by_key(|place| (std::cmp::Reverse(counted(place).0), *place));
    let mut bins: Vec<(bool, u32, u32, Vec<u64>)> = Vec::new();
    for place in order {
        let (tokens, pictures) = counted(&place);
        let over = !budget.fits(lengths[place as usize]);
        if over && budget.overlong == Overlong::Error {
            return None;
        }
        let alone = over && budget.overlong == Overlong::Alone;
        let fitting =
            bins.iter_mut().enumerate().filter(|(_, bin)| !alone && bin.0 && bin.1 >= tokens && bin.2 >= pictures);
        match fitting.min_by_key(|(number, bin)| (bin.1, bin.2, *number)) {
            Some((_, bin)) => {
                bin.1 -= tokens;
                bin.2 -= pictures;
                bin.3.push(place);
            }
            None if alone => bins.push((false, 0, 0, vec![place])),
            None => bins.push((true, budget.tokens - tokens, most - pictures, vec![place])),
        }
    }
    let mut bins: Vec<_> = bins.into_iter().map(|bin| bin.3).collect();
    bins.iter_mut().for_each(|bin| bin.sort());
    Some(permuted(&bins))
}

fn lengths(tokens: u32, pictures: u32, most: usize) -> impl Strategy<Value = Vec<Length>> {
    let length = (0..=tokens, 0..=pictures).prop_map(|(tokens, pictures)| Length { tokens, pictures });
    prop::collection::vec(length, 0..most)
}

fn overlong() -> impl Strategy<Value = Overlong> {
    prop_oneof![Just(Overlong::Error), Just(Overlong::Truncate), Just(Overlong::Alone)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn bins_are_those_of_looking_at_every_bin(
        lengths in lengths(120, 9, 300), tokens in 1u32..200, pictures in prop::option::of(1u32..12), overlong in overlong(),
    ) {
        let budget = Budget { tokens, pictures, overlong };
        match best_fit(&lengths, &budget) {
            Some(expected) => prop_assert_eq!(pack(&lengths, &Packing::Bins(budget), 1).unwrap(), expected),
            None => prop_assert_eq!(pack(&lengths, &Packing::Bins(budget), 1).unwrap_err().kind(), ErrorKind::Invalid),
        }
    }

    #[test]
    fn no_bin_is_over_its_budget_and_no_sample_is_lost(
        lengths in lengths(1 << 14, 40, 3000), tokens in 1u32..1 << 15, pictures in prop::option::of(1u32..64),
    ) {
        let budget = Budget { tokens, pictures, overlong: Overlong::Alone };
        let bins = pack(&lengths, &Packing::Bins(budget), 1).unwrap();
        for bin in &bins {
            let sum = |of: fn(&Length) -> u32| bin.iter().map(|place| of(&lengths[*place as usize])).sum::<u32>();
            let fits = budget.fits(Length { tokens: sum(|l| l.tokens), pictures: sum(|l| l.pictures) });
            prop_assert!(fits || bin.len() == 1);
        }
        let mut all = bins.concat();
        all.sort();
        prop_assert!(all.into_iter().eq(0..lengths.len() as u64));
    }

    #[test]
    fn batches_by_length_are_sorted_cut_and_shuffled(lengths in lengths(50, 0, 200), batch in 1usize..40) {
        let found = pack(&lengths, &Packing::ByLength, batch as u64).unwrap().concat();
        let whole = lengths.len() / batch * batch;
        let mut sorted: Vec<u64> = (0..whole as u64).collect();
        sorted.sort_by_key(|place| lengths[*place as usize].tokens);
        let cuts: Vec<Vec<u64>> = sorted.chunks(batch).map(|cut| {
            let mut cut = cut.to_vec();
            cut.sort();
            cut
        }).collect();
        let mut expected = permuted(&cuts).concat();
        expected.extend(whole as u64..lengths.len() as u64);
        prop_assert_eq!(found, expected);
    }
}

/// Numbers between 0 and 1, the same each time.
fn uniform(seed: u64) -> impl Iterator<Item = f64> {
    (0..).map(move |at| sample_seed(seed, 0, at) as f64 / u64::MAX as f64)
}

/// How full the bins of a window are, in per cent, where samples are a sixth of the budget at the most on average.
fn fill(seed: u64, name: &str, draw: fn(f64, f64) -> f64) -> f64 {
    const W: usize = 4096;
    let budget = Budget { tokens: 8192, pictures: None, overlong: Overlong::Truncate };
    let mut numbers = uniform(seed);
    let drawn: Vec<f64> = (0..W).map(|_| draw(numbers.next().unwrap(), numbers.next().unwrap()).max(0.0)).collect();
    let scale = f64::from(budget.tokens) / 6.0 / (drawn.iter().sum::<f64>() / W as f64);
    let tokens = drawn.iter().map(|length| ((length * scale) as u32).clamp(1, budget.tokens));
    let lengths: Vec<Length> = tokens.map(|tokens| Length { tokens, pictures: 1 }).collect();
    let bins = pack(&lengths, &Packing::Bins(budget), 64).unwrap();
    let sum: u64 = lengths.iter().map(|length| u64::from(length.tokens)).sum();
    let fill = 100.0 * sum as f64 / (bins.len() as f64 * f64::from(budget.tokens));
    println!("{name}: {} bins, {fill:.2} % full", bins.len());
    fill
}

/// A number from the standard normal distribution.
fn normal(u: f64, v: f64) -> f64 {
    (-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

#[test]
fn bins_are_full_where_samples_are_a_sixth_of_the_budget() {
    // Lengths that differ much, as those of conversations do: short samples fill what long ones leave.
    assert!(fill(1, "uniform from 0", |u, _| u) >= 99.0);
    assert!(fill(2, "exponential", |u, _| -(1.0 - u).ln()) >= 99.0);
    assert!(fill(3, "log-normal", |u, v| (0.8 * normal(u, v)).exp()) >= 99.0);
    assert!(fill(4, "a wide bell", |u, v| 1.0 + 0.35 * normal(u, v)) >= 99.0);
    assert!(fill(5, "a long tail", |u, _| (1.0 - u).max(1e-6).powf(-0.6) - 0.95) >= 99.0);
    // Where none is short, no sample fits into what is left at a bin's end.
    assert!(fill(6, "none below half of the mean", |u, _| 0.5 + u) >= 97.0);
    assert!(fill(7, "a picture and a text", |u, _| 0.55 - 0.45 * (1.0 - u).ln()) >= 97.0);
    assert!(fill(8, "a narrow bell", |u, v| 1.0 + 0.1 * normal(u, v)) >= 95.0);
}

#[test]
fn what_cannot_be_packed_is_refused_with_what_to_change() {
    let budget = |tokens, pictures| Budget { tokens, pictures, overlong: Overlong::Error };
    for wrong in [budget(0, None), budget(1 << 24, None), budget(9, Some(0)), budget(9, Some(1 << 20))] {
        assert_eq!(pack(&[], &Packing::Bins(wrong), 1).unwrap_err().kind(), ErrorKind::Invalid, "{wrong:?}");
    }
    let largest = Budget { overlong: Overlong::Truncate, ..budget((1 << 24) - 1, Some((1 << 20) - 1)) };
    let lengths =
        [Length { tokens: u32::MAX, pictures: u32::MAX }, Length::default(), Length { tokens: 1, pictures: 0 }];
    let mut bins = pack(&lengths, &Packing::Bins(largest), 1).unwrap();
    bins.sort();
    assert_eq!(bins, [vec![0, 1], vec![2]]);
    let order = Order::shuffled(1, &[3]).unwrap();
    let packer = |window, batch| {
        Packer::new(order.clone(), Lengths::of(&[lengths.to_vec()]), Packing::Bins(largest), window, batch)
    };
    assert!(packer(100, 64).unwrap_err().message().contains("take 64"));
    assert!(packer(10, 64).unwrap_err().message().contains("take 64"));
    assert!(packer(u64::MAX, 64).unwrap_err().message().contains("take 1048576"));
    assert!(packer(0, 0).is_err());
    assert!(packer(1 << 21, 1 << 21).unwrap_err().message().contains("one of 2097152 is too large"));
    let few = Lengths::of(&[lengths[1..].to_vec()]);
    assert!(Packer::new(order.clone(), few, Packing::ByLength, 64, 64).unwrap_err().message().contains("each sample"));
    let strict = Packer::new(order, Lengths::of(&[lengths.to_vec()]), Packing::Bins(budget(9, None)), 64, 64).unwrap();
    let error = strict.count(2, 1).unwrap_err();
    assert!(error.to_string().contains("epoch 2, positions 0 to 2: a sample of 4294967295 tokens"), "{error}");
    assert_eq!(strict.bins(2, 1).unwrap_err().kind(), ErrorKind::Invalid);
}

/// A run whose last window is short, and whose windows end within steps.
fn packer(packing: Packing, len: u64) -> Packer {
    let lengths =
        (0..len).map(|at| Length { tokens: 1 + (at * 7919 % 100) as u32, pictures: (at % 3) as u32 }).collect();
    let order = Order::shuffled(11, &[len]).unwrap();
    Packer::new(order, Lengths::of(&[lengths]), packing, 96, 12).unwrap()
}

fn packings() -> [Packing; 2] {
    [Packing::Bins(Budget { tokens: 250, pictures: Some(6), overlong: Overlong::Error }), Packing::ByLength]
}

/// All steps of an epoch on one rank, with where each begins.
fn steps(packer: &Packer, shard: Shard, remainder: Remainder) -> Vec<(BinPlace, Vec<Bin>)> {
    let (mut reader, mut at, mut all) = (packer.reader(), BinPlace::default(), Vec::new());
    while let Some(step) = reader.step(3, at, shard, remainder).unwrap() {
        all.push((at, step.bins));
        at = step.next;
    }
    all
}

#[test]
fn the_ranks_together_have_the_stream_of_bins_and_equally_many_steps() {
    for packing in packings() {
        for len in [5, 96, 1000, 1201] {
            let packer = packer(packing, len);
            let stream: Vec<Vec<u64>> =
                (0..packer.windows()).flat_map(|w| bins_of(&packer.bins(3, w).unwrap())).collect();
            let count = packer.count(3, 1).unwrap();
            assert_eq!([count, packer.count(3, 5).unwrap()], [stream.len() as u64; 2]);
            for remainder in [Remainder::Drop, Remainder::Pad] {
                let alone = steps(&packer, Shard::default(), remainder);
                let expected = Steps::new(count, 12, remainder).map_or(0, |steps| steps.len());
                assert_eq!(alone.len() as u64, expected, "{packing:?} {len} {remainder:?}");
                for (step, (_, bins)) in alone.iter().enumerate() {
                    for (place, bin) in bins.iter().enumerate() {
                        let item = 12 * step + place;
                        assert_eq!(bin.positions, stream[item % stream.len()]);
                        assert_eq!(bin.valid, item < stream.len());
                    }
                }
                for world in [2, 3, 5, 12] {
                    let ranks: Vec<_> =
                        (0..world).map(|rank| steps(&packer, Shard::new(rank, world).unwrap(), remainder)).collect();
                    for (step, (at, bins)) in alone.iter().enumerate() {
                        let dealt: Vec<_> = ranks.iter().flat_map(|rank| rank[step].1.clone()).collect();
                        assert_eq!(&dealt, bins);
                        assert!(ranks.iter().all(|rank| rank.len() == alone.len() && rank[step].0 == *at));
                    }
                }
            }
        }
    }
}

#[test]
fn every_position_lies_in_one_bin_and_batches_by_length_are_of_one_window() {
    for packing in packings() {
        let packer = packer(packing, 1201);
        let mut all: Vec<u64> = steps(&packer, Shard::default(), Remainder::Pad)
            .into_iter()
            .flat_map(|(_, bins)| bins.into_iter().filter(|bin| bin.valid).flat_map(|bin| bin.positions))
            .collect();
        all.sort();
        assert!(all.into_iter().eq(0..1201), "{packing:?}");
    }
    let packer = packer(Packing::ByLength, 1201);
    for (_, bins) in steps(&packer, Shard::default(), Remainder::Drop) {
        let positions: Vec<u64> = bins.iter().map(|bin| bin.positions[0]).collect();
        assert!(positions.is_sorted() && positions[0] / 96 == positions[11] / 96, "{positions:?}");
    }
}

#[test]
fn a_place_that_is_not_there_is_refused() {
    let packer = packer(packings()[0], 300);
    let (mut reader, shard) = (packer.reader(), Shard::default());
    let mut refused = |window, item| {
        let error = reader.step(0, BinPlace { window, item }, shard, Remainder::Pad).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
    };
    refused(0, 96);
    refused(packer.windows() + 1, 0);
    refused(u64::MAX, u64::MAX);
    let end = BinPlace { window: packer.windows(), item: 0 };
    assert_eq!(reader.step(0, end, shard, Remainder::Pad).unwrap(), None);
}

#[test]
fn a_window_that_is_packed_anew_is_left_for_the_next() {
    let tokens = |change: u32| (0..64).map(|at| Length { tokens: 1 + (at * 7 + change) % 9, pictures: 0 }).collect();
    let budget = Budget { tokens: 10, pictures: None, overlong: Overlong::Error };
    let packer = |change: u32| {
        let order = Order::shuffled(3, &[64]).unwrap();
        Packer::new(order, Lengths::of(&[tokens(change)]), Packing::Bins(budget), 16, 2).unwrap()
    };
    let (before, after) = (packer(0), packer(5));
    let mut reader = before.reader();
    for (window, item) in [(0, 0), (0, 2), (2, 4), (3, 1)] {
        let packed = if item == 0 { 0 } else { reader.crc32(1, window).unwrap() };
        let mark = Mark { epoch: 1, step: 9, window, item, packed };
        assert_eq!(before.resumed(mark).unwrap(), mark);
        let next = if item == 0 { mark } else { Mark { window: window + 1, item: 0, packed: 0, ..mark } };
        assert_eq!(after.resumed(mark).unwrap(), next);
    }
    let lost = Mark { epoch: 1, step: 9, window: 4, item: 1, packed: 0 };
    assert_eq!(before.resumed(lost).unwrap_err().kind(), ErrorKind::Invalid);
}
