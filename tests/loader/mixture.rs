//! The order against models that are too simple to be wrong: formulas written out, samples counted one by one.

use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;
use surgdb::ErrorKind;
use surgdb::load::internals::{Keys, Permutation, RoundKeys};
use surgdb::load::{EpochLength, Group, Order, Place};

fn groups(sizes: &[(u64, u64)]) -> Vec<Group> {
    let named = sizes.iter().enumerate();
    named.map(|(i, (weight, len))| Group { name: format!("group {i}"), weight: *weight, len: *len }).collect()
}

fn permuted(keys: RoundKeys, n: u64, i: u64) -> u64 {
    Permutation::new(keys, NonZeroU64::new(n).unwrap()).at(i)
}

/// The formulas as they are written, and no shorter.
struct Model {
    keys: Keys,
    groups: Vec<Group>,
    block: u64,
}

impl Model {
    fn new(seed: u64, groups: &[Group], batch: u64) -> Self {
        let total: u64 = groups.iter().map(|group| group.weight).sum();
        let lightest = groups.iter().map(|group| group.weight).min().unwrap();
        let mut block = batch;
        while block < 1024 || u128::from(block) * u128::from(lightest) < u128::from(total) {
            block += batch;
        }
        Self { keys: Keys::new(seed), groups: groups.to_vec(), block }
    }

    /// A_g(x).
    fn border(&self, group: usize, x: u64) -> u64 {
        let total: u128 = self.groups.iter().map(|group| u128::from(group.weight)).sum();
        let before: u128 = self.groups[..group].iter().map(|group| u128::from(group.weight)).sum();
        (u128::from(x) * before / total) as u64
    }

    /// The group at a position since the run's start, and how many it has given before.
    fn draw(&self, q: u64) -> (usize, u64) {
        let (block, place) = (q / self.block, q % self.block);
        let slot = permuted(self.keys.slots(block), self.block, place);
        let (start, end) = (block * self.block, (block + 1) * self.block);
        let first = |group| self.border(group, end) - self.border(group, start);
        let group = (0..self.groups.len()).rev().find(|group| first(*group) <= slot).unwrap();
        (group, self.border(group + 1, start) - self.border(group, start) + slot - first(group))
    }

    fn place(&self, q: u64) -> Place {
        let (group, count) = self.draw(q);
        let Group { name, len, .. } = &self.groups[group];
        let index = permuted(self.keys.pass(name, count / len), *len, count % len);
        Place { group: group as u32, index }
    }

    /// The epoch's length: counted, one position at a time.
    fn until(&self, batch: u64, wanted: usize) -> u64 {
        let mut left: Vec<_> = self.groups.iter().map(|group| group.len).collect();
        for q in 0.. {
            if q % batch == 0 && left.iter().filter(|left| **left == 0).count() >= wanted {
                return q;
            }
            let group = self.draw(q).0;
            left[group] = left[group].saturating_sub(1);
        }
        unreachable!()
    }
}

fn mixtures() -> impl Strategy<Value = (u64, Vec<Group>, u64)> {
    let weight = prop_oneof![1u64..4, 1u64..100, 1u64..3000];
    let len = prop_oneof![1u64..6, 1u64..200, 1u64..3000];
    let batch = prop_oneof![1u64..9, 1u64..200, 1u64..1500];
    (any::<u64>(), prop::collection::vec((weight, len), 1..9), batch).prop_map(|(s, sizes, b)| (s, groups(&sizes), b))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn a_mixture_is_what_its_formulas_say((seed, groups, batch) in mixtures(), epoch in 0u64..1000, length in 1u64..9000) {
        let order = Order::mixture(seed, groups.clone(), batch, EpochLength::Samples(length)).unwrap();
        let model = Model::new(seed, &groups, batch);
        prop_assert_eq!(order.len(), length.div_ceil(batch) * batch);
        let mut cursor = order.cursor();
        for position in (0..order.len()).step_by(1 + order.len() as usize / 50) {
            let place = cursor.at(epoch, position).unwrap();
            prop_assert_eq!(place, model.place(epoch * order.len() + position));
            prop_assert_eq!(place, order.at(epoch, position).unwrap());
        }
    }

    #[test]
    fn proportions_are_off_by_less_than_a_sample_at_every_blocks_end((seed, groups, batch) in mixtures()) {
        let block = Model::new(seed, &groups, batch).block;
        let order = Order::mixture(seed, groups.clone(), batch, EpochLength::Samples(4 * block)).unwrap();
        let total: u64 = groups.iter().map(|group| group.weight).sum();
        let mut given = vec![0u64; groups.len()];
        let mut cursor = order.cursor();
        for position in 0..4 * block {
            given[cursor.at(0, position).unwrap().group as usize] += 1;
            if (position + 1) % block == 0 {
                for (given, group) in given.iter().zip(&groups) {
                    let due = (position + 1) as f64 * group.weight as f64 / total as f64;
                    prop_assert!((*given as f64 - due).abs() < 1.0, "{} for {}", given, due);
                }
            }
        }
    }

    #[test]
    fn nothing_comes_twice_in_a_groups_pass((seed, groups, batch) in mixtures()) {
        let order = Order::mixture(seed, groups.clone(), batch, EpochLength::Samples(3000)).unwrap();
        // All that each group gave, in order of when it was due, over three epochs.
        let model = Model::new(seed, &groups, batch);
        let mut given = vec![BTreeMap::new(); groups.len()];
        for epoch in 0..3 {
            for position in 0..order.len() {
                let place = order.at(epoch, position).unwrap();
                let (group, count) = model.draw(epoch * order.len() + position);
                prop_assert_eq!(given[group].insert(count, place.index), None);
            }
        }
        for (given, group) in given.iter().zip(&groups) {
            let mut passes = BTreeMap::<u64, BTreeSet<u64>>::new();
            for (count, index) in given {
                prop_assert!(*index < group.len);
                prop_assert!(passes.entry(count / group.len).or_default().insert(*index));
            }
        }
    }

    #[test]
    fn an_epoch_ends_where_groups_are_through((seed, groups, batch) in mixtures()) {
        let model = Model::new(seed, &groups, batch);
        let any = Order::mixture(seed, groups.clone(), batch, EpochLength::UntilAny).unwrap();
        prop_assert_eq!(any.len(), model.until(batch, 1));
        // Counting one by one takes long where a light group is large.
        let total: u64 = groups.iter().map(|group| group.weight).sum();
        if groups.iter().all(|group| group.len * total / group.weight < 100_000) {
            let all = Order::mixture(seed, groups.clone(), batch, EpochLength::UntilAll).unwrap();
            prop_assert_eq!(all.len(), model.until(batch, groups.len()));
        }
    }

    #[test]
    fn without_weights_every_sample_comes_once_an_epoch(
        seed: u64, lens in prop::collection::vec(0u64..400, 1..6), epoch: u64,
    ) {
        prop_assume!(lens.iter().sum::<u64>() > 0);
        let all: Vec<_> = (0..lens.len())
            .flat_map(|group| (0..lens[group]).map(move |index| Place { group: group as u32, index }))
            .collect();
        let sequential = Order::sequential(seed, &lens).unwrap();
        let shuffled = Order::shuffled(seed, &lens).unwrap();
        let places = |order: &Order| (0..order.len()).map(|p| order.at(epoch, p).unwrap()).collect::<Vec<_>>();
        prop_assert_eq!(&places(&sequential), &all);
        let mut sorted = places(&shuffled);
        sorted.sort_unstable();
        prop_assert_eq!(sorted, all);
        prop_assert!(shuffled.at(epoch, shuffled.len()).is_err());
    }

    #[test]
    fn a_substitute_is_of_the_same_group((seed, groups, batch) in mixtures(), epoch in 0u64..9, attempt in 0u64..64) {
        let order = Order::mixture(seed, groups.clone(), batch, EpochLength::Samples(500)).unwrap();
        for position in 0..order.len().min(100) {
            let (place, other) = (order.at(epoch, position).unwrap(), order.substitute(epoch, position, attempt).unwrap());
            prop_assert_eq!(place.group, other.group);
            prop_assert!(other.index < groups[place.group as usize].len);
        }
        prop_assert!(order.substitute(epoch, 0, 64).is_err());
    }
}

/// Numbers far above what a 64-bit product holds.
#[test]
fn large_weights_and_late_epochs_do_not_overflow() {
    let weights = [u64::MAX / 4, u64::MAX / 4 - 12_345, u64::MAX / 3];
    let groups = groups(&weights.map(|weight| (weight, 1 << 40)));
    let order = Order::mixture(9, groups.clone(), 96, EpochLength::Samples(1 << 40)).unwrap();
    let model = Model::new(9, &groups, 96);
    let last = (1u64 << 63) / order.len() - 1;
    for (epoch, position) in [(0, 0), (last, 0), (last, order.len() - 1), (last / 2, 12_345)] {
        assert_eq!(order.at(epoch, position).unwrap(), model.place(epoch * order.len() + position));
    }
    assert_eq!(order.at(u64::MAX, 0).unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(order.at(last + 2, 0).unwrap_err().kind(), ErrorKind::Invalid);
}

#[test]
fn the_light_group_has_a_slot_in_every_block() {
    let groups = groups(&[(1, 10), (5_000, 10), (20_000, 10)]);
    let order = Order::mixture(3, groups, 64, EpochLength::UntilAll).unwrap();
    // A block is 25,024 positions: the smallest multiple of 64 with room for one of 25,001.
    assert!((9 * 25_024..=10 * 25_024).contains(&order.len()), "{}", order.len());
}

#[test]
fn a_mixture_that_cannot_be_is_refused_with_what_to_change() {
    let refused = |groups: Vec<Group>, batch, length, says: &str| {
        let error = Order::mixture(0, groups, batch, length).unwrap_err();
        assert!(error.kind() == ErrorKind::Invalid && error.message().contains(says), "{error}");
    };
    let hundred = EpochLength::Samples(100);
    refused(vec![], 8, hundred, "at least one group");
    refused(groups(&[(1, 0), (1, 5)]), 8, hundred, "\"group 0\" is empty");
    refused(groups(&[(1, 5), (0, 5)]), 8, hundred, "\"group 1\" has the weight 0");
    refused(groups(&[(1, 5), (1 << 40, 5)]), 8, hundred, "bring the weights closer");
    refused(groups(&[(u64::MAX, 5), (1, 5)]), 8, hundred, "weights are too large");
    refused(groups(&[(1, 5)]), 0, hundred, "at least 1");
    refused(groups(&[(1, 5)]), u64::MAX, hundred, "smaller");
    refused(groups(&[(1, 5)]), 8, EpochLength::Samples(0), "at least one sample");
    refused(groups(&[(1, 5)]), 8, EpochLength::Samples(u64::MAX), "too long");
    refused(groups(&[(1, u64::MAX - 5)]), 8, EpochLength::UntilAny, "too large");
    let twice = vec![groups(&[(1, 5)]).remove(0); 2];
    refused(twice, 8, hundred, "two groups are called \"group 0\"");
    assert!(Order::shuffled(0, &[0, 0]).unwrap_err().message().contains("no sample is selected"));
    assert!(Order::sequential(0, &[]).is_err());
    assert!(Order::sequential(0, &[u64::MAX, 2]).is_err());
}

#[test]
fn an_order_is_shared_between_threads() {
    fn shared<T: Send + Sync + Clone + 'static>(_: &T) {}
    let order = Order::mixture(1, groups(&[(1, 9), (2, 9)]), 8, EpochLength::UntilAny).unwrap();
    shared(&order);
    shared(&order.cursor());
}
