//! Samples by what a column says of them.

use roaring::RoaringTreemap;
use std::collections::BTreeMap;

/// How often there is what.
pub type Counts = BTreeMap<String, u64>;

/// The most different values of a column that are told apart; those that come later are counted as [`OTHERS`].
const VALUES_MAX: usize = 10_000;
/// Where a value is counted that came when there were already too many.
pub const OTHERS: &str = "all others";
/// Where a row is counted whose column says nothing.
pub const NOT_SAID: &str = "not said";

/// What some samples have together.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Group {
    /// How many there are.
    pub samples: u64,
    /// Their turns.
    pub turns: u64,
    /// Bytes of their turns' texts.
    pub text_bytes: u64,
    /// Samples with reasoning.
    pub reasoned: u64,
    /// Nodes of their reasoning.
    pub reasoning_nodes: u64,
    /// Bytes of their nodes' texts.
    pub reasoning_bytes: u64,
    /// How many nodes the longest path from a root has.
    pub reasoning_depth: u64,
    /// Media that they show or ask for.
    pub media: u64,
    /// Frames and videos among those whose bytes are missing, each time that one is named.
    pub missing: u64,
    /// Bytes of the pictures and videos that they name, each content counted once.
    pub media_bytes: u64,
    pub(super) blobs: RoaringTreemap,
}

/// Changes the value's entry, or that of all others where there are too many.
pub(super) fn with<T: Default>(map: &mut BTreeMap<String, T>, value: &str, change: impl FnOnce(&mut T)) {
    match map.get_mut(value) {
        Some(entry) => change(entry),
        None => {
            let key = if map.len() < VALUES_MAX { value } else { OTHERS };
            change(map.entry(key.to_owned()).or_default());
        }
    }
}

/// Counts one more of this.
pub(super) fn count(counts: &mut Counts, value: Option<&str>) {
    with(counts, value.unwrap_or(NOT_SAID), |count| *count += 1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_beyond_the_limit_is_counted_together() {
        let mut counts = Counts::new();
        (0..VALUES_MAX + 5).for_each(|value| count(&mut counts, Some(&value.to_string())));
        count(&mut counts, Some("7"));
        assert_eq!((counts[OTHERS], counts["7"], counts.len()), (5, 2, VALUES_MAX + 1));
        assert_eq!(counts.values().sum::<u64>(), VALUES_MAX as u64 + 6);
    }
}
