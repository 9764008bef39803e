//! What "touched" means: the same function for all that is measured.

/// What is done with bytes, in words.
pub const WORDS: &str = "one byte of each 64 bytes of a sample's texts and of its pictures is added up";

/// Adds up one byte of each 64, beginning with the first.
// Not inlined, so that each way of reading runs the same instructions.
#[inline(never)]
pub fn touch(bytes: &[u8]) -> u64 {
    bytes.iter().step_by(64).map(|byte| u64::from(*byte)).sum()
}
