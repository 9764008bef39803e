//! Numbers as text: whole ones, and lists of them for the footer's metadata, as little-endian bytes in base64.

use crate::error::{Error, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::str::FromStr;

/// A whole number, where it is written as whole numbers are: text that looks like one and is not is told from it.
///
/// ```
/// use surgdb::format::numbers::whole_number;
/// assert_eq!(["7", "0", "-12"].map(whole_number), [Some(7), Some(0), Some(-12)]);
/// assert_eq!(["07", "-0", "+7", "7.0", "", "300"].map(whole_number::<u8>), [None; 6]);
/// ```
pub fn whole_number<N: FromStr>(text: &str) -> Option<N> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_plain = text == "0" || digits.as_bytes().first().is_some_and(|first| matches!(first, b'1'..=b'9'));
    is_plain.then(|| text.parse().ok())?
}

/// `u32` values as base64 of their little-endian bytes.
pub fn encode_u32(values: &[u32]) -> String {
    STANDARD.encode(values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>())
}

/// `u64` values as base64 of their little-endian bytes.
pub fn encode_u64(values: &[u64]) -> String {
    STANDARD.encode(values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>())
}

/// Reads what [`encode_u32`] wrote.
///
/// # Errors
/// `Corrupt` when it is no base64 or no whole number of values; `name` is the metadata's key.
pub fn decode_u32(name: &str, text: &str) -> Result<Vec<u32>> {
    let bytes = decode(name, text)?;
    let (values, rest) = bytes.as_chunks::<4>();
    whole(name, rest)?;
    Ok(values.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect())
}

/// Reads what [`encode_u64`] wrote.
///
/// # Errors
/// `Corrupt` when it is no base64 or no whole number of values; `name` is the metadata's key.
pub fn decode_u64(name: &str, text: &str) -> Result<Vec<u64>> {
    let bytes = decode(name, text)?;
    let (values, rest) = bytes.as_chunks::<8>();
    whole(name, rest)?;
    Ok(values.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect())
}

fn decode(name: &str, text: &str) -> Result<Vec<u8>> {
    STANDARD.decode(text).map_err(|error| Error::corrupt(format!("the footer's `{name}` is no base64: {error}")))
}

fn whole(name: &str, rest: &[u8]) -> Result<()> {
    if rest.is_empty() {
        return Ok(());
    }
    Err(Error::corrupt(format!("the footer's `{name}` ends in the middle of a number")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back() {
        assert_eq!(decode_u32("a", &encode_u32(&[1, u32::MAX])).unwrap(), [1, u32::MAX]);
        assert_eq!(decode_u64("a", &encode_u64(&[0, u64::MAX])).unwrap(), [0, u64::MAX]);
        assert!(decode_u64("a", &encode_u32(&[1])).is_err());
        assert!(decode_u32("a", "!").is_err());
    }
}
