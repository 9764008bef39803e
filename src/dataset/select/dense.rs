//! The rows of a fragment as bits, where most of them are selected: small enough to stay in a processor's cache, where a
//! list of millions of rows is not.

/// Words of a block: the selected rows before each block are counted.
const BLOCK_WORDS: usize = 8;
/// One selected row in so many has a hint at its block.
const HINT_STEP: u32 = 512;

/// Rows that lie close to each other.
#[derive(Clone, Debug, PartialEq)]
pub struct Dense {
    /// The row of the first bit, which is set.
    first: u32,
    words: Vec<u64>,
    /// How many rows are selected before each block.
    before: Vec<u32>,
    /// The block of row 0, 512, 1024, … of those that are selected.
    hints: Vec<u32>,
}

impl Dense {
    /// These rows, which ascend; `None` where a list is smaller or not much larger.
    pub fn new(rows: &[u32]) -> Option<Self> {
        let (first, last) = (*rows.first()?, *rows.last()?);
        // A bit for each row in between against 32 for each that is selected; below a quarter of that it is worth it.
        let span = u64::from(last - first) + 1;
        if span > rows.len() as u64 * 8 {
            return None;
        }
        let mut words = vec![0; (span as usize).div_ceil(64)];
        for row in rows {
            let bit = (row - first) as usize;
            words[bit / 64] |= 1 << (bit % 64);
        }
        let (mut before, mut hints, mut count) = (Vec::new(), Vec::new(), 0u32);
        for (block, words) in words.chunks(BLOCK_WORDS).enumerate() {
            before.push(count);
            count += words.iter().map(|word: &u64| word.count_ones()).sum::<u32>();
            while (hints.len() as u32) * HINT_STEP < count {
                hints.push(block as u32);
            }
        }
        Some(Self { first, words, before, hints })
    }

    /// The `index`-th row, or `None` where there are not so many.
    pub fn get(&self, index: u32) -> Option<u32> {
        let from = *self.hints.get((index / HINT_STEP) as usize)? as usize;
        let to = self.hints.get((index / HINT_STEP) as usize + 1).map_or(self.before.len(), |to| *to as usize + 1);
        let block = from + self.before.get(from..to)?.partition_point(|before| *before <= index).checked_sub(1)?;
        let mut left = index - self.before[block];
        for at in block * BLOCK_WORDS..self.words.len().min((block + 1) * BLOCK_WORDS) {
            let word = self.words[at];
            if left < word.count_ones() {
                return Some(self.first + at as u32 * 64 + nth_one(word, left));
            }
            left -= word.count_ones();
        }
        None
    }

    /// The rows, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.words.iter().zip(0u32..).flat_map(move |(word, at)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                let bit = (left != 0).then(|| left.trailing_zeros())?;
                left &= left - 1;
                Some(self.first + at * 64 + bit)
            })
        })
    }

    /// Whether a row is selected.
    pub fn contains(&self, row: u32) -> bool {
        let bit = row.checked_sub(self.first).map(|bit| bit as usize);
        bit.and_then(|bit| Some(self.words.get(bit / 64)? >> (bit % 64) & 1 == 1)).unwrap_or(false)
    }
}

/// The place of the `n`-th bit that is set, of those counted from 0; there are more than `n`.
fn nth_one(word: u64, mut n: u32) -> u32 {
    let (mut word, mut at) = (word, 0);
    for width in [32, 16, 8, 4, 2, 1] {
        let ones = (word & ((1 << width) - 1)).count_ones();
        if n >= ones {
            n -= ones;
            word >>= width;
            at += width;
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_holds_what_a_list_holds(first: u16, gaps in prop::collection::vec(1u32..9, 0..6000)) {
            let rows: Vec<u32> = gaps.iter().scan(u32::from(first), |at, gap| { *at += gap; Some(*at) }).collect();
            let Some(dense) = Dense::new(&rows) else {
                prop_assert!(rows.is_empty() || u64::from(rows[rows.len() - 1] - rows[0]) + 1 > rows.len() as u64 * 8);
                return Ok(());
            };
            for (index, row) in rows.iter().enumerate() {
                prop_assert_eq!(dense.get(index as u32), Some(*row));
                prop_assert!(dense.contains(*row));
                prop_assert_eq!(dense.contains(row + 1), rows.get(index + 1) == Some(&(row + 1)));
            }
            prop_assert!(dense.iter().eq(rows.iter().copied()));
            prop_assert_eq!(dense.get(rows.len() as u32), None);
            prop_assert!(!dense.contains(0) || first == 0);
        }
    }

    #[test]
    fn the_last_row_of_all_is_found() {
        let rows: Vec<u32> = (u32::MAX - 1000..=u32::MAX).collect();
        let dense = Dense::new(&rows).unwrap();
        assert_eq!((dense.get(1000), dense.get(1001), dense.contains(u32::MAX)), (Some(u32::MAX), None, true));
    }
}
