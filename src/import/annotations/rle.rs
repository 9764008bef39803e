//! Masks as runs of pixels, as COCO has them, and their way into a PNG.
//!
//! The runs go down the columns and alternate between outside and inside, outside first. They are a list of numbers, or
//! text of six bits a character, in which all but the first runs are written as differences.

use crate::error::{Error, Result};

/// The most pixels that a mask may have.
const PIXEL_LIMIT: u64 = 1 << 26;

/// A mask: a row of bytes 0 and 255 a line, from the top left.
pub(in crate::import) struct Mask {
    pub(super) width: u32,
    pub(super) height: u32,
    pixels: Vec<u8>,
}

/// The lengths of runs that text holds.
///
/// # Errors
/// `Input` where it is no such text.
pub(super) fn runs_of(text: &str) -> Result<Vec<u64>> {
    let wrong = || Error::input("the runs of a mask are no text that COCO writes");
    let mut runs: Vec<u64> = Vec::new();
    let mut bytes = text.bytes();
    while let Some(first) = bytes.next() {
        let (mut value, mut shift, mut byte) = (0i64, 0u32, first);
        loop {
            let bits = i64::from(byte).checked_sub(48).filter(|bits| (0..64).contains(bits)).ok_or_else(wrong)?;
            if shift > 50 {
                return Err(wrong());
            }
            value |= (bits & 0x1f) << shift;
            shift += 5;
            if bits & 0x20 == 0 {
                if bits & 0x10 != 0 {
                    value |= -1i64 << shift;
                }
                break;
            }
            byte = bytes.next().ok_or_else(wrong)?;
        }
        if runs.len() > 2 {
            let before = runs.len().checked_sub(2).and_then(|at| runs.get(at)).copied().unwrap_or(0);
            value = value.checked_add(i64::try_from(before).unwrap_or(i64::MAX)).ok_or_else(wrong)?;
        }
        runs.push(u64::try_from(value).map_err(|_| wrong())?);
    }
    Ok(runs)
}

impl Mask {
    /// Draws runs of a mask of this size.
    ///
    /// # Errors
    /// `Input` where the runs do not fill it, or it is larger than a picture can be.
    pub(super) fn of_runs(width: u64, height: u64, runs: &[u64]) -> Result<Self> {
        let pixels = width.checked_mul(height).filter(|pixels| (1..=PIXEL_LIMIT).contains(pixels));
        let pixels = pixels.ok_or_else(|| Error::input(format!("a mask of {width} × {height} pixels cannot be")))?;
        let total = runs.iter().try_fold(0u64, |sum, run| sum.checked_add(*run));
        if total != Some(pixels) {
            let total = total.map_or("too many".to_owned(), |total| total.to_string());
            return Err(Error::input(format!("the runs of a mask hold {total} pixels, and it has {pixels}")));
        }
        let mut mask = vec![0u8; pixels as usize];
        let mut at = 0u64;
        for (number, run) in runs.iter().enumerate() {
            if number % 2 == 1 {
                for pixel in at..at + run {
                    let place = (pixel % height) * width + pixel / height;
                    if let Some(pixel) = mask.get_mut(place as usize) {
                        *pixel = 255;
                    }
                }
            }
            at += run;
        }
        let side = |side: u64| u32::try_from(side).map_err(|_| Error::input("a side of a mask is too long"));
        Ok(Self { width: side(width)?, height: side(height)?, pixels: mask })
    }

    /// The mask of these pixels, line by line.
    ///
    /// # Errors
    /// `Input` where they do not fill it.
    pub(in crate::import) fn of_pixels(width: u32, height: u32, pixels: Vec<u8>) -> Result<Self> {
        if u64::from(width) * u64::from(height) != pixels.len() as u64 {
            return Err(Error::input(format!("{} pixels do not fill a mask of {width} × {height}", pixels.len())));
        }
        Ok(Self { width, height, pixels })
    }

    /// The mask as a PNG of 8 bits grey: 0 outside, 255 inside.
    ///
    /// # Errors
    /// `Input` where the encoder refuses it.
    pub(in crate::import) fn to_png(&self) -> Result<Vec<u8>> {
        let refused = |error: png::EncodingError| Error::input(format!("the mask cannot be stored: {error}"));
        let mut out = Vec::new();
        let mut encoder = png::Encoder::new(&mut out, self.width, self.height);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header().map_err(refused)?;
        writer.write_image_data(&self.pixels).map_err(refused)?;
        writer.finish().map_err(refused)?;
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `pycocotools` writes runs.
    fn text_of(runs: &[u64]) -> String {
        let mut text = String::new();
        for (at, run) in runs.iter().enumerate() {
            let mut value = *run as i64;
            if at > 2 {
                value -= runs[at - 2] as i64;
            }
            loop {
                let mut bits = value & 0x1f;
                value >>= 5;
                let goes_on = if bits & 0x10 != 0 { value != -1 } else { value != 0 };
                if goes_on {
                    bits |= 0x20;
                }
                text.push(char::from(bits as u8 + 48));
                if !goes_on {
                    break;
                }
            }
        }
        text
    }

    #[test]
    fn runs_come_back_from_their_text() {
        for runs in [vec![6, 1, 40, 4, 5, 4, 5, 4, 21], vec![0, 100], vec![100_000, 3, 1, 99_999, 7], vec![]] {
            assert_eq!(runs_of(&text_of(&runs)).unwrap(), runs);
        }
        // From the documentation of the format: [5 2 1] is `521`.
        assert_eq!(runs_of("521").unwrap(), [5, 2, 1]);
        for text in ["\u{1}", "P", "é", "oooooooooooooo", "0000000?"] {
            assert!(runs_of(text).is_err() || Mask::of_runs(2, 2, &runs_of(text).unwrap()).is_err(), "{text}");
        }
    }

    #[test]
    fn runs_go_down_the_columns() {
        let mask = Mask::of_runs(3, 2, &[1, 2, 3]).unwrap();
        assert_eq!(mask.pixels, [0, 255, 0, 255, 0, 0]);
        let png = mask.to_png().unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
        let mut pixels = vec![0; 6];
        reader.next_frame(&mut pixels).unwrap();
        assert_eq!(pixels, mask.pixels);
    }

    #[test]
    fn masks_that_cannot_be_are_refused() {
        for (width, height, runs) in [
            (2, 2, vec![3]),
            (2, 2, vec![5]),
            (0, 2, vec![]),
            (1 << 32, 1 << 32, vec![u64::MAX]),
            (1 << 14, 1 << 14, vec![1 << 28]),
            (2, 2, vec![u64::MAX, 5]),
        ] {
            assert!(Mask::of_runs(width, height, &runs).is_err(), "{width} {height} {runs:?}");
        }
    }
}
