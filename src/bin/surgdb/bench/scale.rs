//! How large the data of a benchmark is, and how much room on the disk it takes.

use std::str::FromStr;

/// How many frames the conversations share, whatever their number.
pub const FRAMES: u64 = 12_500;
/// Mean bytes of a frame.
pub const FRAME_BYTES: u64 = 72_000;

/// Bytes that a conversation takes on the disk at most, its entry in the index included.
const CONVERSATION_BYTES: u64 = 4_000;
/// Bytes of its turns at most, which the raw file has again.
const TEXT_BYTES: u64 = 1_800;
/// Bytes around the rows: footers, manifests, batches that are not full.
const AROUND_BYTES: u64 = 4 << 20;

/// A number of conversations, written as `50k`, `500k`, `6m` or in digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale(u64);

/// The most conversations that a benchmark makes.
const LARGEST: u64 = 1_000_000_000;

impl FromStr for Scale {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let lower = text.trim().to_ascii_lowercase();
        let (digits, unit) = match lower.strip_suffix(['k', 'm']) {
            Some(digits) if lower.ends_with('k') => (digits, 1_000),
            Some(digits) => (digits, 1_000_000),
            None => (lower.as_str(), 1),
        };
        let number: u64 = digits.parse().map_err(|_| "a number of conversations such as 50k, 500k or 6m".to_owned())?;
        match number.checked_mul(unit) {
            Some(0) => Err("there is nothing to measure on no conversations".into()),
            Some(conversations) if conversations <= LARGEST => Ok(Self(conversations)),
            _ => Err(format!("at most {LARGEST} conversations")),
        }
    }
}

impl Scale {
    /// How many conversations.
    pub fn conversations(self) -> u64 {
        self.0
    }

    /// A name for a file or folder: `50k`, `6m`, `200`.
    pub fn name(self) -> String {
        match self.0 {
            n if n % 1_000_000 == 0 => format!("{}m", n / 1_000_000),
            n if n % 1_000 == 0 => format!("{}k", n / 1_000),
            n => n.to_string(),
        }
    }

    /// Bytes that the disk must have: the dataset, and the raw file with the same frames and the texts of the samples.
    pub fn needed(self, frames: u64, samples: u64) -> u64 {
        let frames = frames * (FRAME_BYTES + FRAME_BYTES / 20) * 2;
        AROUND_BYTES + self.0 * CONVERSATION_BYTES + frames + self.0.min(samples) * TEXT_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_are_written_in_thousands_and_millions() {
        let read = |text: &str| text.parse::<Scale>().map(Scale::conversations);
        assert_eq!(read("50k"), Ok(50_000));
        assert_eq!(read("6M"), Ok(6_000_000));
        assert_eq!(read("200"), Ok(200));
        for wrong in ["0", "0k", "", "k", "-1", "1.5m", "2000m", "99999999999999999999", "20000000000000000k"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_read_as_they_are_written() {
        for text in ["50k", "6m", "200", "1001"] {
            assert_eq!(text.parse::<Scale>().unwrap().name(), text);
        }
    }
}
