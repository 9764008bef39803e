//! The shuffled order is as good as one drawn at random: statistical tests over many keys, with fixed seeds.
//!
//! Each compares counts with what chance would give, and fails beyond 4.5 standard deviations.

use std::num::NonZeroU64;
use surgdb::load::internals::{Keys, Permutation};

fn permutation(seed: u64, epoch: u64, n: u64) -> Permutation {
    Permutation::new(Keys::new(seed).epoch(epoch), NonZeroU64::new(n).unwrap())
}

fn numbers(seed: u64, epoch: u64, n: u64) -> Vec<usize> {
    let order = permutation(seed, epoch, n);
    (0..n).map(|i| order.at(i) as usize).collect()
}

/// The chi-square of counts that are expected to be equal, in standard deviations from its mean; `freedom` is how many of
/// them could be anything.
fn deviation(counts: &[u64], freedom: f64) -> f64 {
    let expected = counts.iter().sum::<u64>() as f64 / counts.len() as f64;
    assert!(expected >= 5.0, "too few to tell: {expected} a cell");
    let square = counts.iter().map(|count| (*count as f64 - expected).powi(2) / expected).sum::<f64>();
    (square - freedom) / (2.0 * freedom).sqrt()
}

#[track_caller]
fn assert_even(what: &str, counts: &[u64], freedom: usize) {
    let deviation = deviation(counts, freedom as f64);
    println!("{what}: {deviation:+.2}");
    assert!(deviation.abs() < 4.5, "{what}: {deviation:+.2} standard deviations");
}

/// The place of an order among all orders of so many numbers.
fn rank(order: &[usize]) -> usize {
    (0..order.len()).fold(0, |rank, i| {
        let smaller = order[i + 1..].iter().filter(|later| **later < order[i]).count();
        rank * (order.len() - i) + smaller
    })
}

#[test]
fn all_orders_of_few_numbers_are_equally_frequent() {
    for (n, orders, keys) in [(2, 2, 20_000), (3, 6, 20_000), (4, 24, 20_000), (5, 120, 30_000), (6, 720, 30_000)] {
        let mut counts = vec![0; orders];
        for key in 0..keys {
            // Seeds and epochs both count up, as users choose them.
            counts[rank(&numbers(key % 100, key / 100, n))] += 1;
        }
        assert_even(&format!("orders of {n}"), &counts, orders - 1);
    }
}

#[test]
fn every_number_comes_everywhere_equally_often() {
    for (n, keys) in [(2, 10_000), (3, 10_000), (5, 10_000), (7, 10_000), (31, 10_000), (100, 4_000), (127, 3_000)] {
        let mut counts = vec![0; n * n];
        for seed in 0..keys {
            numbers(seed, 0, n as u64).into_iter().enumerate().for_each(|(i, value)| counts[i * n + value] += 1);
        }
        assert_even(&format!("number by position, n = {n}"), &counts, (n - 1) * (n - 1));
    }
}

/// In parts of the range, for n where a table of all pairs would be too large.
#[test]
fn every_part_comes_everywhere_equally_often() {
    for n in [1000, 1023, 1024, 1025, 4096, 5000] {
        let parts = 20;
        let mut counts = vec![0; parts * parts];
        for seed in 0..200 {
            for (i, value) in numbers(seed, 1, n).into_iter().enumerate() {
                counts[i * parts / n as usize * parts + value * parts / n as usize] += 1;
            }
        }
        // Parts differ in size by one where n is no multiple of them, which is far below what is looked for.
        let deviation = deviation(&counts, ((parts - 1) * (parts - 1)) as f64);
        assert!(deviation < 4.5, "n = {n}: {deviation:+.2} standard deviations");
    }
}

#[test]
fn neighbours_are_as_likely_as_any_other_pair() {
    for (n, keys) in [(3, 10_000), (5, 10_000), (7, 10_000), (31, 5_000), (100, 3_000)] {
        let mut counts = vec![0; n * n];
        for seed in 0..keys {
            numbers(seed, 2, n as u64).windows(2).for_each(|pair| counts[pair[0] * n + pair[1]] += 1);
        }
        // A number never follows itself.
        let pairs: Vec<_> = (0..n * n).filter(|pair| pair / n != pair % n).map(|pair| counts[pair]).collect();
        assert_even(&format!("adjacent pairs, n = {n}"), &pairs, pairs.len() - 1);
    }
}

#[test]
fn the_distance_between_neighbours_is_any() {
    for (n, keys) in [(5, 10_000), (100, 3_000), (1000, 400), (1024, 400), (1025, 400)] {
        for apart in [1, 2, 32] {
            let mut counts = vec![0; n - 1];
            for seed in 0..keys {
                let order = numbers(seed, 3, n as u64);
                for pair in order.windows(apart + 1) {
                    counts[(pair[apart] + n - pair[0]) % n - 1] += 1;
                }
            }
            if n > apart {
                assert_even(&format!("distance at {apart} apart, n = {n}"), &counts, n - 2);
            }
        }
    }
}

#[test]
fn the_bits_of_neighbours_differ_by_chance() {
    // Of positions that differ in one bit alone, each bit of the numbers differs half of the time.
    for n in [1u64 << 10, 1 << 15, 1 << 23, 1 << 40] {
        let bits = n.ilog2() as usize;
        let mut counts = vec![0u64; bits * bits];
        let keys = 400;
        for seed in 0..keys {
            let order = permutation(seed, 4, n);
            let at = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) % n;
            for position_bit in 0..bits {
                let differ = order.at(at) ^ order.at(at ^ (1 << position_bit));
                (0..bits).for_each(|bit| counts[position_bit * bits + bit] += differ >> bit & 1);
            }
        }
        // A number differs from another in n / 2 of n − 1 cases a bit.
        let chance = (n / 2) as f64 / (n - 1) as f64;
        let spread = (keys as f64 * chance * (1.0 - chance)).sqrt();
        let worst =
            counts.iter().map(|count| (*count as f64 - keys as f64 * chance).abs() / spread).fold(0.0, f64::max);
        assert!(worst < 5.5, "n = {n}: a bit is off by {worst:.2} standard deviations");
    }
}

#[test]
fn cycles_and_fixed_points_are_as_many_as_by_chance() {
    for n in [7, 100, 1023, 1024, 1025] {
        let keys = 1000;
        let (mut cycles, mut fixed) = (0, 0);
        for seed in 0..keys {
            let order = numbers(seed, 5, n as u64);
            fixed += order.iter().enumerate().filter(|(i, value)| i == *value).count();
            let mut seen = vec![false; n];
            for start in 0..n {
                let mut at = start;
                cycles += usize::from(!seen[start]);
                while !std::mem::replace(&mut seen[at], true) {
                    at = order[at];
                }
            }
        }
        let harmonic: f64 = (1..=n).map(|i| 1.0 / i as f64).sum();
        let variance = harmonic - (1..=n).map(|i| 1.0 / (i * i) as f64).sum::<f64>();
        let off = (cycles as f64 - keys as f64 * harmonic) / (keys as f64 * variance).sqrt();
        assert!(off.abs() < 4.5, "n = {n}: cycles are off by {off:+.2} standard deviations");
        let off = (fixed as f64 - keys as f64) / (keys as f64).sqrt();
        assert!(off.abs() < 4.5, "n = {n}: fixed points are off by {off:+.2} standard deviations");
    }
}

#[test]
fn epochs_and_seeds_that_follow_each_other_have_nothing_in_common() {
    let n = 16;
    let (mut epochs, mut seeds) = (vec![0; n * n], vec![0; n * n]);
    for seed in 0..400 {
        for epoch in 0..20 {
            let here = permutation(seed, epoch, n as u64).at(3) as usize;
            epochs[here * n + permutation(seed, epoch + 1, n as u64).at(3) as usize] += 1;
            seeds[here * n + permutation(seed + 1, epoch, n as u64).at(3) as usize] += 1;
        }
    }
    assert_even("an epoch and the next", &epochs, n * n - 1);
    assert_even("a seed and the next", &seeds, n * n - 1);
}

#[test]
fn a_large_epoch_is_spread_evenly_at_every_scale() {
    let n = 6_000_000u64;
    let order = permutation(1, 0, n);
    // What any stretch of positions touches is spread over the whole range.
    for (start, len) in [(0, 1000), (0, 64_000), (3_000_000, 64_000), (n - 1000, 1000)] {
        let mut counts = vec![0; 50];
        (start..start + len).for_each(|i| counts[(order.at(i) * 50 / n) as usize] += 1);
        assert_even(&format!("{len} positions from {start}"), &counts, 49);
    }
    let rising = (0..100_000).filter(|i| order.at(*i) < order.at(i + 1)).count() as f64;
    // The variance of the number of rises among m neighbours is about m / 12.
    let off = (rising - 50_000.0) / (100_000f64 / 12.0).sqrt();
    assert!(off.abs() < 4.5, "{off:+.2} standard deviations");
}
