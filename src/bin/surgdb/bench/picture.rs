//! Pictures of the benchmark: a JPEG's header, and bytes behind it that do not compress.

use super::scale::FRAME_BYTES;
use crate::random::Random;

/// Pixels.
pub const WIDTH: u16 = 854;
/// Pixels.
pub const HEIGHT: u16 = 480;

/// The `number`-th picture: between two thirds and four thirds of the mean.
pub fn jpeg(number: u64) -> Vec<u8> {
    let mut random = Random::new(number, 1);
    let len = FRAME_BYTES as usize * 2 / 3 + random.below(FRAME_BYTES as usize * 2 / 3);
    let mut bytes = Vec::with_capacity(len + 16);
    bytes.extend_from_slice(&header());
    while bytes.len() + 2 < len {
        // 0xFF begins a marker in a JPEG's data, so it does not occur here.
        let word = random.bits().to_le_bytes();
        bytes.extend(word.iter().map(|byte| byte.saturating_sub(u8::from(*byte == 0xff))));
    }
    bytes.extend_from_slice(&[0xff, 0xd9]);
    bytes
}

/// Start of image, JFIF, a baseline frame of one grey component, and the start of its scan.
fn header() -> Vec<u8> {
    let mut bytes = vec![0xff, 0xd8, 0xff, 0xe0, 0, 16];
    bytes.extend_from_slice(b"JFIF\0\x01\x02\x00\x00\x01\x00\x01\x00\x00");
    bytes.extend_from_slice(&[0xff, 0xc0, 0, 11, 8]);
    bytes.extend_from_slice(&HEIGHT.to_be_bytes());
    bytes.extend_from_slice(&WIDTH.to_be_bytes());
    bytes.extend_from_slice(&[1, 1, 0x11, 0]);
    bytes.extend_from_slice(&[0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0]);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_says_the_size_and_the_mean_is_as_stated() {
        let pictures: Vec<_> = (0..200).map(jpeg).collect();
        for bytes in &pictures {
            let reader = image::ImageReader::new(std::io::Cursor::new(bytes)).with_guessed_format().unwrap();
            assert_eq!(reader.format(), Some(image::ImageFormat::Jpeg));
            assert_eq!(reader.into_dimensions().unwrap(), (u32::from(WIDTH), u32::from(HEIGHT)));
        }
        let mean = pictures.iter().map(|bytes| bytes.len() as u64).sum::<u64>() / 200;
        assert!(mean.abs_diff(FRAME_BYTES) < FRAME_BYTES / 20, "{mean}");
    }
}
