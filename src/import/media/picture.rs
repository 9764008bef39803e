//! What the header of a picture says.

use super::disguised::{HEAD, what_it_is};
use imagesize::{Compression, ImageError, ImageSize, ImageType};
use std::io::{BufRead, Read, Seek};

/// A side longer than this is no picture that anybody trains on.
const SIDE_LIMIT: usize = 1 << 20;

/// The media type of what nothing is known of.
pub(crate) const UNKNOWN: &str = "application/octet-stream";

/// What a picture's header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Picture {
    pub(crate) media_type: &'static str,
    /// Width and height in pixels, or why they cannot be told.
    pub(crate) size: Result<(i32, i32), String>,
}

/// Reads the header of a picture; `path` gives the type where the bytes do not.
pub(crate) fn read<R: BufRead + Seek>(mut reader: R, path: &str) -> Picture {
    let by_name = media_type_of_name(path);
    let kind = match imagesize::reader_type(&mut reader) {
        Ok(kind) => kind,
        Err(_) => return Picture { media_type: by_name, size: Err(what_it_is(&head(&mut reader))) },
    };
    let Some(media_type) = media_type(kind) else {
        let what = match kind {
            // Videos start as such pictures do, but for what says of which kind.
            ImageType::Heif(Compression::Unknown) => what_it_is(&head(&mut reader)),
            kind => format!("pictures of type {kind:?} are not taken: make it a PNG or JPEG"),
        };
        return Picture { media_type: by_name, size: Err(what) };
    };
    let size = match reader.rewind().map_err(ImageError::from).and_then(|()| imagesize::reader_size(&mut reader)) {
        Ok(ImageSize { width, height }) => check(width, height),
        Err(error) => Err(format!("its header is damaged ({error})")),
    };
    Picture { media_type, size }
}

/// The first bytes, as far as they can be read.
fn head(reader: &mut (impl BufRead + Seek)) -> Vec<u8> {
    let mut head = Vec::with_capacity(HEAD);
    // What cannot be read was told where its bytes were to be stored.
    if reader.rewind().is_ok() {
        let _ = reader.take(HEAD as u64).read_to_end(&mut head);
    }
    head
}

fn check(width: usize, height: usize) -> Result<(i32, i32), String> {
    if width == 0 || height == 0 || width > SIDE_LIMIT || height > SIDE_LIMIT {
        return Err(format!("its header says {width} × {height} pixels, which cannot be"));
    }
    let side = |pixels| i32::try_from(pixels).map_err(|_| "a side is too long".to_owned());
    Ok((side(width)?, side(height)?))
}

fn media_type(kind: ImageType) -> Option<&'static str> {
    Some(match kind {
        ImageType::Png => "image/png",
        ImageType::Jpeg => "image/jpeg",
        ImageType::Gif => "image/gif",
        ImageType::Webp => "image/webp",
        ImageType::Bmp => "image/bmp",
        ImageType::Tiff => "image/tiff",
        _ => return None,
    })
}

/// The media type that a file's ending promises.
pub(crate) fn media_type_of_name(path: &str) -> &'static str {
    let ending = path.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    match ending.as_deref() {
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("gif") => "image/gif",
        Some("webp") => "image/webp",
        Some("bmp") => "image/bmp",
        Some("tif" | "tiff") => "image/tiff",
        Some("mp4" | "m4v") => "video/mp4",
        Some("mov") => "video/quicktime",
        Some("avi") => "video/x-msvideo",
        Some("mkv") => "video/x-matroska",
        Some("webm") => "video/webm",
        Some("mpg" | "mpeg") => "video/mpeg",
        _ => UNKNOWN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        bytes.extend(width.to_be_bytes());
        bytes.extend(height.to_be_bytes());
        bytes.extend([8, 6, 0, 0, 0]);
        bytes
    }

    #[test]
    fn headers_say_type_and_size_whatever_the_name() {
        let picture = read(Cursor::new(png(854, 480)), "x.jpg");
        assert_eq!(picture, Picture { media_type: "image/png", size: Ok((854, 480)) });
    }

    #[test]
    fn sizes_that_cannot_be_are_refused() {
        for (width, height) in [(u32::MAX, u32::MAX), (0, 5), (1 << 21, 1)] {
            assert!(read(Cursor::new(png(width, height)), "x.png").size.unwrap_err().contains("cannot be"));
        }
    }

    #[test]
    fn every_cut_and_every_flipped_byte_of_a_header_is_survived() {
        let mut jpeg = vec![0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xc0, 0, 11, 8, 0, 2, 0, 3, 1];
        jpeg.extend([1, 0x11, 0, 0xff, 0xd9]);
        let gif = b"GIF89a\x03\0\x02\0\0\0\0;".to_vec();
        let mut tiff = b"II*\0\x08\0\0\0\x02\0".to_vec();
        tiff.extend([0, 1, 3, 0, 1, 0, 0, 0, 3, 0, 0, 0, 1, 1, 3, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]);
        let mut webp = b"RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0\x2f".to_vec();
        webp.extend([2, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        let mut bmp = b"BM".to_vec();
        bmp.extend([0; 12]);
        bmp.extend([40, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 24, 0]);
        for bytes in [png(3, 2), jpeg, gif, tiff, webp, bmp] {
            assert_eq!(read(Cursor::new(&bytes), "x").size, Ok((3, 2)), "{bytes:?}");
            for length in 0..bytes.len() {
                read(Cursor::new(&bytes[..length]), "x");
            }
            for at in 0..bytes.len() {
                for value in [0, 1, 0x7f, 0x80, 0xff] {
                    let mut damaged = bytes.clone();
                    damaged[at] = value;
                    read(Cursor::new(&damaged), "x");
                }
            }
        }
    }
}
