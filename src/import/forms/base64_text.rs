//! Bytes that stand in a record as base64, in a `data:` address or by themselves.

use crate::error::{Error, Result};
use crate::import::draft::MediaItem;
use crate::import::media::picture::{self, UNKNOWN};
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use std::io::Cursor;

/// What the base64 of a JPEG, PNG, GIF, WebP and BMP starts with.
const STARTS: [&str; 5] = ["/9j/", "iVBOR", "R0lGOD", "UklGR", "Qk"];
/// Shorter texts are taken for paths, whatever they look like: no picture is so small.
const LEAST: usize = 200;
/// The longest path that a system takes.
const LONGEST_PATH: usize = 4096;
/// The lengths of the headers behind a BMP's first 14 bytes.
const BMP_HEADERS: [u8; 6] = [12, 40, 52, 56, 108, 124];

/// Some writers leave out the padding.
const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The bytes that a text is the base64 of.
pub(super) fn bytes_of(media_type: &str, text: &str, path: Option<String>) -> Result<MediaItem> {
    let bytes = ENGINE.decode(text.trim()).map_err(|error| Error::input(format!("bad base64: {error}")))?;
    Ok(MediaItem::Bytes { media_type: media_type.to_owned(), bytes, path })
}

/// The picture whose base64 stands where a path is expected; none where the text may be a path.
///
/// # Errors
/// `Input` where it is longer than any path.
pub(super) fn picture_of(text: &str) -> Result<Option<MediaItem>> {
    if text.len() <= LEAST || text.contains("://") {
        return Ok(None);
    }
    let starts_so = STARTS.iter().any(|start| text.trim_start().starts_with(start));
    if let Some(bytes) = starts_so.then(|| picture_bytes(text)).flatten() {
        return Ok(Some(MediaItem::Bytes { media_type: UNKNOWN.to_owned(), bytes, path: None }));
    }
    match text.len() > LONGEST_PATH {
        true => Err(Error::input(format!(
            "a text of {} characters stands where a path should be, and is longer than any: a picture's bytes are read where \
             they are whole base64",
            text.chars().count()
        ))),
        false => Ok(None),
    }
}

fn picture_bytes(text: &str) -> Option<Vec<u8>> {
    let is_broken = text.trim().contains(|c: char| c.is_ascii_whitespace());
    let bytes = match is_broken {
        true => ENGINE.decode(text.split_ascii_whitespace().collect::<String>()),
        false => ENGINE.decode(text.trim()),
    };
    let bytes = bytes.ok()?;
    let header = picture::read(Cursor::new(&bytes), "");
    // Two letters are little to know it by, and a size is found in any bytes.
    let is_bmp = || bytes.get(14).is_some_and(|length| BMP_HEADERS.contains(length));
    (header.size.is_ok() && (header.media_type != "image/bmp" || is_bmp())).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png() -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x07\0\0\0\x05\x08\x06\0\0\0".to_vec();
        bytes.resize(200, 0);
        bytes
    }

    fn taken(text: &str) -> Option<Vec<u8>> {
        match picture_of(text).unwrap() {
            Some(MediaItem::Bytes { bytes, .. }) => Some(bytes),
            _ => None,
        }
    }

    #[test]
    fn base64_of_a_picture_is_its_bytes() {
        let text = ENGINE.encode(png());
        assert_eq!(taken(&text), Some(png()));
        assert_eq!(taken(text.trim_end_matches('=')), Some(png()));
        let lines: Vec<&str> = text.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap()).collect();
        assert_eq!(taken(&lines.join("\n")), Some(png()));
        let mut bmp = b"BM\xc8\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x03\0\0\0\x02\0\0\0\x01\0\x18\0".to_vec();
        bmp.resize(200, 0);
        assert_eq!(taken(&ENGINE.encode(&bmp)), Some(bmp.clone()));
        // Of which the header has no length that one has.
        bmp[14] = 1;
        assert_eq!(taken(&ENGINE.encode(&bmp)), None);
    }

    #[test]
    fn what_may_be_a_path_is_one() {
        let deep = format!("/9j/{}", "folder/".repeat(40));
        for path in ["/9j/a.jpg", "Qk.png", "images/1.png", &deep, &"Qk".repeat(120), &ENGINE.encode(&png()[..100])] {
            assert_eq!(taken(path), None, "{path}");
        }
        let long = format!("https://a/{}", "x".repeat(5000));
        assert_eq!(taken(&long), None);
        let error = picture_of(&"x/".repeat(2500)).unwrap_err();
        assert!(error.message().contains("5000 characters") && error.message().len() < 200, "{error}");
    }
}
