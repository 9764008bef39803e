//! How a number is spread: count, sum, greatest, and a histogram of bounded size.

use std::ops::RangeInclusive;

/// Numbers below this have a bin each; above, each doubling has [`STEPS`] bins.
const EXACT: u64 = 16;
/// Bins a doubling: a number is known to an eighth.
const STEPS: u64 = 8;

/// How a number is spread over those that have it: a zero counts as having none.
///
/// It takes 4 kB at most, however many numbers and whatever they are.
///
/// ```
/// let mut spread = surgdb::dataset::Spread::default();
/// for number in [0, 3, 5, 1000] {
///     spread.add(number);
/// }
/// assert_eq!((spread.count, spread.total, spread.most), (3, 1008, 1000));
/// assert_eq!(spread.quantile(0.5), Some(5));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Spread {
    /// How many numbers above 0.
    pub count: u64,
    /// Their sum.
    pub total: u64,
    /// The greatest.
    pub most: u64,
    bins: Vec<u64>,
}

impl Spread {
    /// Counts one more number.
    pub fn add(&mut self, number: u64) {
        if number == 0 {
            return;
        }
        self.count += 1;
        self.total = self.total.saturating_add(number);
        self.most = self.most.max(number);
        let bin = bin_of(number);
        if self.bins.len() <= bin {
            self.bins.resize(bin + 1, 0);
        }
        if let Some(count) = self.bins.get_mut(bin) {
            *count += 1;
        }
    }

    /// The mean of those above 0; 0 where there is none.
    pub fn mean(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.total as f64 / self.count as f64 }
    }

    /// The number that this part of those above 0 does not exceed: 0.5 is the median. Exact below 16, and the lower
    /// end of an eighth of a doubling above.
    pub fn quantile(&self, part: f64) -> Option<u64> {
        let wanted = ((self.count as f64 * part.clamp(0.0, 1.0)).ceil() as u64).clamp(1, self.count.max(1));
        let mut seen = 0;
        self.bins().find_map(|(range, count)| {
            seen += count;
            (seen >= wanted).then_some(*range.start())
        })
    }

    /// The bins from the first that is not empty to the last, ascending: from which number to which, and how many.
    pub fn bins(&self) -> impl Iterator<Item = (RangeInclusive<u64>, u64)> + '_ {
        let first = self.bins.iter().position(|count| *count > 0).unwrap_or(0);
        let from_first = self.bins.iter().enumerate().skip(first);
        from_first.map(|(bin, count)| (lowest(bin)..=lowest(bin + 1).saturating_sub(1), *count))
    }
}

fn bin_of(number: u64) -> usize {
    if number < EXACT {
        return number as usize;
    }
    let doubling = u64::from(number.ilog2()) - 4;
    let step = (number >> (doubling + 1)) % STEPS;
    (EXACT + doubling * STEPS + step) as usize
}

/// The least number of a bin.
fn lowest(bin: usize) -> u64 {
    let bin = bin as u64;
    match bin.checked_sub(EXACT) {
        None => bin,
        Some(above) => {
            let lowest = u128::from(STEPS + above % STEPS) << (above / STEPS + 1);
            u64::try_from(lowest).unwrap_or(u64::MAX)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_number_lies_in_its_bin_and_bins_are_narrow(number in 0u64.., shift in 0u32..64) {
            let number = number >> shift;
            let bin = bin_of(number);
            prop_assert!(lowest(bin) <= number);
            prop_assert!(number < lowest(bin + 1) || number == u64::MAX);
            prop_assert!(lowest(bin + 1) - lowest(bin) <= 1 + number / 8);
        }
    }

    #[test]
    fn quantiles_are_those_of_the_sorted_numbers() {
        let mut spread = Spread::default();
        (0..=100).for_each(|number| spread.add(number * 1000));
        assert_eq!(spread.quantile(0.0), Some(960));
        let median = spread.quantile(0.5).unwrap();
        assert!((43_750..=50_000).contains(&median), "{median}");
        assert_eq!((spread.count, spread.most, spread.mean()), (100, 100_000, 50_500.0));
        assert_eq!(Spread::default().quantile(0.5), None);
        assert_eq!(spread.bins().map(|(_, count)| count).sum::<u64>(), 100);
    }
}
