//! A permutation that is computed, not stored: an order of any number of samples in a hundred bytes.

use super::keys::RoundKeys;
use std::num::NonZeroU64;

/// The fewest bits of the domain: a Feistel network over fewer shows patterns.
const BITS_MIN: u32 = 10;

/// A permutation of 0, 1, …, n − 1, chosen by its keys.
///
/// A Feistel network of 8 rounds over the smallest domain of 2ᵇ ≥ n numbers, at least 2¹⁰; what falls outside is sent
/// through it again until it falls inside. That takes less than two turns on average for n above 512, and 2¹⁰ / n below.
/// n may be any number up to 2⁶⁴ − 1.
///
/// ```
/// use surgdb::load::internals::{Keys, Permutation};
/// let n = std::num::NonZeroU64::new(5).unwrap();
/// let order = Permutation::new(Keys::new(42).epoch(0), n);
/// let mut rows: Vec<_> = (0..5).map(|position| order.at(position)).collect();
/// rows.sort();
/// assert_eq!(rows, [0, 1, 2, 3, 4]);
/// ```
#[derive(Clone, Debug)]
pub struct Permutation {
    keys: RoundKeys,
    n: NonZeroU64,
    /// How many bits are the low half.
    low_bits: u32,
    low_mask: u64,
    high_mask: u64,
}

impl Permutation {
    /// The permutation of `n` numbers that belongs to these keys.
    pub fn new(keys: RoundKeys, n: NonZeroU64) -> Self {
        // ⌈log2 n⌉ is how many bits n − 1 takes.
        let bits = (u64::BITS - (n.get() - 1).leading_zeros()).max(BITS_MIN);
        let low_bits = bits / 2;
        let high_bits = bits - low_bits;
        Self { keys, n, low_bits, low_mask: (1 << low_bits) - 1, high_mask: (1 << high_bits) - 1 }
    }

    /// How many numbers it is over.
    pub fn len(&self) -> NonZeroU64 {
        self.n
    }

    /// Where position `i` leads. A position from n on is taken modulo n.
    #[inline]
    pub fn at(&self, i: u64) -> u64 {
        let n = self.n.get();
        // Only from inside does the walk come back inside.
        let mut value = if i < n { i } else { i % n };
        loop {
            value = self.turn(value);
            if value < n {
                return value;
            }
        }
    }

    /// Which position leads to a number below n: the way back.
    pub(super) fn position(&self, number: u64) -> u64 {
        let mut value = number;
        loop {
            value = self.turn_back(value);
            if value < self.n.get() {
                return value;
            }
        }
    }

    fn turn_back(&self, value: u64) -> u64 {
        let (mut low, mut high) = (value & self.low_mask, value >> self.low_bits);
        for [even, odd] in self.keys.as_chunks::<2>().0.iter().rev() {
            high ^= mix(low ^ odd) & self.high_mask;
            low ^= mix(high ^ even) & self.low_mask;
        }
        high << self.low_bits | low
    }

    /// Once through the network.
    #[inline]
    fn turn(&self, value: u64) -> u64 {
        let (mut low, mut high) = (value & self.low_mask, value >> self.low_bits);
        for [even, odd] in self.keys.as_chunks::<2>().0 {
            low ^= mix(high ^ even) & self.low_mask;
            high ^= mix(low ^ odd) & self.high_mask;
        }
        high << self.low_bits | low
    }
}

/// The finaliser of splitmix64: each bit of what comes out depends on every bit of what goes in.
#[inline]
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::keys::Keys;
    use proptest::prelude::*;

    fn permutation(seed: u64, n: u64) -> Permutation {
        Permutation::new(Keys::new(seed).epoch(0), NonZeroU64::new(n).unwrap())
    }

    #[test]
    fn it_is_a_bijection_for_every_small_n_and_around_powers_of_two() {
        let around = (10..17).flat_map(|bits| [(1 << bits) - 1, 1 << bits, (1 << bits) + 1]);
        for n in (1..300).chain(around) {
            let order = permutation(n, n);
            let mut seen = vec![false; n as usize];
            for i in 0..n {
                let at = order.at(i) as usize;
                assert!(!std::mem::replace(&mut seen[at], true), "n {n}: {at} comes twice");
            }
        }
    }

    proptest! {
        #[test]
        fn positions_that_differ_lead_to_numbers_that_differ(seed: u64, n in 1u64.., at in prop::collection::vec(any::<u64>(), 40)) {
            let order = permutation(seed, n);
            let mut seen = std::collections::BTreeMap::new();
            for position in at.iter().map(|position| position % n) {
                let value = order.at(position);
                prop_assert!(value < n);
                prop_assert_eq!(*seen.entry(value).or_insert(position), position);
            }
        }

        #[test]
        fn the_way_back_leads_to_the_position(seed: u64, n in 1u64.., small in 1u64..5000, i: u64) {
            for n in [n, small] {
                let order = permutation(seed, n);
                prop_assert_eq!(order.position(order.at(i % n)), i % n);
            }
        }

        #[test]
        fn positions_past_the_end_go_round(seed: u64, n in 1u64..5000, i: u64) {
            let order = permutation(seed, n);
            prop_assert_eq!(order.at(i), order.at(i % n));
        }
    }

    #[test]
    fn the_largest_n_works() {
        let order = permutation(1, u64::MAX);
        assert_ne!(order.at(u64::MAX), u64::MAX);
        assert_eq!(order.at(u64::MAX), order.at(0));
        assert!(order.at(u64::MAX - 1) < u64::MAX);
        assert_eq!(permutation(1, 1).at(0), 0);
    }
}
