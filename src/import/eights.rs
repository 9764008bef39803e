//! Eight bytes at once: JSON is looked through for a few bytes that count, and most do not.

/// A 1 in each byte.
pub(super) const EACH: u64 = u64::from_le_bytes([1; 8]);

/// The first eight bytes of a text, the first lowest, and how many of them it has; those that it has not are 0.
pub(super) fn eight_of(text: &[u8]) -> (u64, usize) {
    match text.first_chunk::<8>() {
        Some(eight) => (u64::from_le_bytes(*eight), 8),
        None => {
            let mut eight = [0; 8];
            eight[..text.len()].copy_from_slice(text);
            (u64::from_le_bytes(eight), text.len())
        }
    }
}

/// Marks the bytes that are this one, by their highest bits.
pub(super) fn marks(eight: u64, byte: u8) -> u64 {
    let (other, low) = (eight ^ (EACH * u64::from(byte)), EACH * 0x7f);
    !(((other & low) + low) | other | low)
}

/// Where the lowest byte stands that is marked.
pub(super) fn first_of(marks: u64) -> usize {
    marks.trailing_zeros() as usize / 8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_that_are_sought_are_marked_and_no_others() {
        for (text, byte) in
            [(&b"a\"b\"\"c\x80\xa2"[..], b'"'), (b"\"\"\"\"\"\"\"\"", b'"'), (b"#\"!", b'"'), (b"\0\x01\0", 0)]
        {
            let (eight, length) = eight_of(text);
            let marks = marks(eight, byte);
            for at in 0..length {
                assert_eq!(marks >> (8 * at) & 0xff, if text[at] == byte { 0x80 } else { 0 }, "{text:?} at {at}");
            }
            assert_eq!(first_of(marks), text.iter().position(|other| *other == byte).unwrap());
        }
        assert_eq!(eight_of(b"").1, 0);
    }
}
