//! Everything random about a run follows from its seed: keys and numbers by BLAKE3, each for one purpose.

use blake3::Hasher;

/// The context of BLAKE3's `derive_key` mode, with which a seed becomes a key. It changes when the order changes, and so
/// never does.
const CONTEXT: &str = "surgdb training order 1";

/// The round keys of a [`Permutation`](super::permutation::Permutation).
pub type RoundKeys = [u64; 8];

/// The key of a run, from which all others are derived.
///
/// `spec/ORDER.md` has the messages byte by byte: the purpose's name, then numbers and names; a number is a `u64`,
/// little-endian, and a name has its length in front.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keys([u8; 32]);

impl Keys {
    /// The key of the run with this seed.
    pub fn new(seed: u64) -> Self {
        Self(blake3::derive_key(CONTEXT, &seed.to_le_bytes()))
    }

    /// The order of an epoch.
    pub fn epoch(&self, epoch: u64) -> RoundKeys {
        self.message("epoch").number(epoch).round_keys()
    }

    /// The order of the slots of a mixture's block.
    pub fn slots(&self, block: u64) -> RoundKeys {
        self.message("slot").number(block).round_keys()
    }

    /// The order of a group's pass.
    pub fn pass(&self, group: &str, pass: u64) -> RoundKeys {
        self.message("pass").name(group).number(pass).round_keys()
    }

    /// The order of a window's bins.
    pub fn window(&self, epoch: u64, window: u64) -> RoundKeys {
        self.message("window").number(epoch).number(window).round_keys()
    }

    /// Which sample stands in for the one at a position; to be taken modulo the group's length.
    pub fn substitute(&self, epoch: u64, position: u64, attempt: u64) -> u64 {
        self.message("substitute").number(epoch).number(position).number(attempt).first()
    }

    /// A seed for whatever is random about one sample: the same whichever rank or worker makes it, and after a resume.
    pub fn sample_seed(&self, epoch: u64, position: u64) -> u64 {
        self.message("sample").number(epoch).number(position).first()
    }

    fn message(&self, purpose: &str) -> Message {
        Message(Hasher::new_keyed(&self.0)).name(purpose)
    }
}

/// The seed of the sample at a position; see [`Keys::sample_seed`].
pub fn sample_seed(seed: u64, epoch: u64, position: u64) -> u64 {
    Keys::new(seed).sample_seed(epoch, position)
}

/// A message that is being hashed under the run's key.
struct Message(Hasher);

impl Message {
    fn number(mut self, number: u64) -> Self {
        self.0.update(&number.to_le_bytes());
        self
    }

    fn name(mut self, name: &str) -> Self {
        self.0.update(&(name.len() as u64).to_le_bytes()).update(name.as_bytes());
        self
    }

    fn round_keys(self) -> RoundKeys {
        // All at once: each call compresses the block anew.
        let mut output = [0; 64];
        self.0.finalize_xof().fill(&mut output);
        let (words, _) = output.as_chunks::<8>();
        std::array::from_fn(|word| u64::from_le_bytes(words[word]))
    }

    fn first(self) -> u64 {
        let mut bytes = [0; 8];
        self.0.finalize_xof().fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn keys_of_different_purposes_and_numbers_differ() {
        let mut seen = HashSet::new();
        for keys in [0, 1, u64::MAX].map(Keys::new) {
            for number in 0..4 {
                seen.insert(keys.epoch(number));
                seen.insert(keys.slots(number));
                seen.insert(keys.pass("a", number));
                seen.insert(keys.pass("", number));
                seen.insert(keys.window(0, number));
                seen.insert(keys.window(number + 1, 0));
            }
        }
        assert_eq!(seen.len(), 3 * 4 * 6);
    }

    #[test]
    fn a_name_cannot_run_into_what_follows() {
        let keys = Keys::new(7);
        assert_ne!(keys.pass("a\0", 0), keys.pass("a", 0));
        assert_ne!(keys.sample_seed(1, 0), keys.sample_seed(0, 1));
        assert_eq!(keys.sample_seed(3, 5), sample_seed(7, 3, 5));
    }
}
