//! Colours as masks have them and as maps write them.

use crate::error::{Error, Result};
use serde::Deserialize;
use std::fmt;

/// What a pixel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Colour {
    /// A grey value, or the number of a palette's entry.
    Value(u16),
    /// Red, green, blue and opacity, 16 bits each; all that cannot be seen is one colour.
    Rgba([u16; 4]),
}

/// A colour as a map writes it: `"#ff0000"`, `[255, 0, 0]`, `7`, `"transparent"`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub(super) enum ColourText {
    Value(i64),
    Channels(Vec<i64>),
    Text(String),
}

impl Colour {
    /// A colour of 16 bits a channel.
    pub(super) fn rgba(channels: [u16; 4]) -> Self {
        Self::Rgba(if channels[3] == 0 { [0; 4] } else { channels })
    }

    /// A colour of 8 bits a channel.
    pub(super) fn of_bytes(channels: [u8; 4]) -> Self {
        Self::rgba(channels.map(|channel| u16::from(channel) * 257))
    }

    /// The colour that a map wrote.
    ///
    /// # Errors
    /// `Invalid` where it is none.
    pub(super) fn of(text: &ColourText) -> Result<Self> {
        let wrong = |shown: String| {
            let how = "write \"#ff0000\", [255, 0, 0], or the number of a grey value or a palette's entry";
            Error::invalid(format!("{shown} is no colour: {how}"))
        };
        match text {
            ColourText::Value(value) => u16::try_from(*value).map(Self::Value).map_err(|_| wrong(value.to_string())),
            ColourText::Channels(channels) => {
                let bytes: Option<Vec<u8>> = channels.iter().map(|channel| u8::try_from(*channel).ok()).collect();
                match bytes.as_deref() {
                    Some([red, green, blue]) => Ok(Self::of_bytes([*red, *green, *blue, 255])),
                    Some([red, green, blue, opacity]) => Ok(Self::of_bytes([*red, *green, *blue, *opacity])),
                    _ => Err(wrong(format!("{channels:?}"))),
                }
            }
            ColourText::Text(text) if text == "transparent" => Ok(Self::Rgba([0; 4])),
            ColourText::Text(text) => Self::of_hex(text).ok_or_else(|| wrong(format!("{text:?}"))),
        }
    }

    fn of_hex(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        let width = match digits.len() {
            6 | 8 => 2,
            12 | 16 => 4,
            _ => return None,
        };
        let mut channels = [0, 0, 0, u16::MAX];
        for (channel, at) in channels.iter_mut().zip((0..digits.len()).step_by(width)) {
            let value = u16::from_str_radix(digits.get(at..at + width)?, 16).ok()?;
            *channel = if width == 2 { value * 257 } else { value };
        }
        Some(Self::rgba(channels))
    }

    /// What is nothing where a map does not say it: black, or the value 0.
    pub(super) fn nothing(is_value: bool) -> Self {
        if is_value { Self::Value(0) } else { Self::of_bytes([0, 0, 0, 255]) }
    }

    pub(super) fn is_value(self) -> bool {
        matches!(self, Self::Value(_))
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let channels = match self {
            Self::Value(value) => return write!(out, "{value}"),
            Self::Rgba([.., 0]) => return write!(out, "transparent"),
            Self::Rgba(channels) => channels,
        };
        let shown = if channels[3] == u16::MAX { channels.get(..3).unwrap_or_default() } else { channels };
        let is_short = channels.iter().all(|channel| channel % 257 == 0);
        write!(out, "#")?;
        shown.iter().try_for_each(|channel| match is_short {
            true => write!(out, "{:02x}", channel / 257),
            false => write!(out, "{channel:04x}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_read_as_they_are_written() {
        let text = |text: &str| Colour::of(&ColourText::Text(text.into()));
        assert_eq!(text("#ff0014").unwrap(), Colour::of(&ColourText::Channels(vec![255, 0, 20])).unwrap());
        assert_eq!(text("#0000").unwrap_err().kind(), crate::error::ErrorKind::Invalid);
        for written in ["#ff0014", "#ff001480", "#0001ffff0203", "#0001ffff02030405", "transparent"] {
            assert_eq!(text(written).unwrap().to_string(), written);
        }
        assert_eq!(text("#12345600").unwrap().to_string(), "transparent");
        assert_eq!(Colour::of(&ColourText::Value(7)).unwrap().to_string(), "7");
        for wrong in ["ff0000", "#ggg000", "#ff00", "", "#é0000", "red"] {
            assert!(text(wrong).unwrap_err().to_string().contains("is no colour"), "{wrong}");
        }
        for wrong in [vec![1, 2], vec![1, 2, 256], vec![-1, 0, 0]] {
            assert!(Colour::of(&ColourText::Channels(wrong)).is_err());
        }
        assert!(Colour::of(&ColourText::Value(-1)).is_err() && Colour::of(&ColourText::Value(65_536)).is_err());
    }
}
