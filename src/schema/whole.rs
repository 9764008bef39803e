//! Whether a picture's file goes on to its end: by its structure and the checksums of a PNG, without decoding.

use std::io::{BufRead, Read, Seek, SeekFrom};

/// What a PNG starts with.
const PNG_SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";
/// Length and type before a PNG chunk's data, and the checksum behind it.
const CHUNK_FRAME: u64 = 12;
/// The byte that JPEG markers start with.
const MARKER: u8 = 0xff;
const SCAN: u8 = 0xda;
const END: u8 = 0xd9;

/// What is missing of a picture of this type, of this many bytes, whose header can be read; nothing where it is whole, or of
/// a type of which nothing is known.
///
/// ```
/// let cut = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
/// let fault = surgdb::schema::whole::fault(std::io::Cursor::new(cut), "image/png", cut.len() as u64);
/// assert!(fault.unwrap().contains("it ends after 16 bytes"));
/// ```
pub fn fault<R: BufRead + Seek>(mut reader: R, media_type: &str, len: u64) -> Option<String> {
    let found = match media_type {
        "image/png" => png(&mut reader, len),
        "image/jpeg" => jpeg(&mut reader, len),
        "image/webp" => webp(&mut reader, len),
        _ => return None,
    };
    // What cannot be read was told where its bytes were to be stored.
    let what = found.ok().flatten()?;
    Some(format!(
        "its header is whole and the rest is not: {what}; no reader, or not every one, shows it: get the file anew"
    ))
}

/// The chunks of a PNG follow each other behind its signature, up to one that says that it is the last. Each has a checksum: there are
/// readers (Pillow) that refuse the file for that of a chunk that they could pass over.
fn png(reader: &mut (impl BufRead + Seek), len: u64) -> std::io::Result<Option<String>> {
    let (mut at, mut has_data) = (PNG_SIGNATURE.len() as u64, false);
    let mut signature = PNG_SIGNATURE;
    if len >= at {
        reader.rewind()?;
        reader.read_exact(&mut signature)?;
    }
    if signature != PNG_SIGNATURE {
        return Ok(Some("the signature before it is another than a PNG has".to_owned()));
    }
    loop {
        if at.saturating_add(CHUNK_FRAME) > len {
            return Ok(Some(format!("it ends after {len} bytes, before its last chunk")));
        }
        reader.seek(SeekFrom::Start(at))?;
        let mut head = [0; 8];
        reader.read_exact(&mut head)?;
        let [a, b, c, d, kind @ ..] = head;
        let size = u64::from(u32::from_be_bytes([a, b, c, d]));
        if !kind.iter().all(u8::is_ascii_alphabetic) {
            return Ok(Some(format!("what stands at byte {at} is no chunk of a PNG")));
        }
        has_data |= &kind == b"IDAT";
        let (from, name) = (at, || String::from_utf8_lossy(&kind).into_owned());
        at = at.saturating_add(CHUNK_FRAME).saturating_add(size);
        if at > len {
            return Ok(Some(format!("it ends after {len} bytes, and its chunk {} goes on to {at}", name())));
        }
        if !has_its_checksum(reader, kind, size)? {
            return Ok(Some(format!(
                "the checksum of its chunk {} at byte {from} is another than its bytes have",
                name()
            )));
        }
        if &kind == b"IEND" {
            return Ok((!has_data).then(|| "it has no pixels".to_owned()));
        }
    }
}

/// Whether the checksum behind a chunk's data, where the reader stands, is that of its type and data.
fn has_its_checksum(reader: &mut impl BufRead, kind: [u8; 4], mut size: u64) -> std::io::Result<bool> {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&kind);
    while size > 0 {
        let bytes = reader.fill_buf()?;
        let taken = usize::try_from(size).unwrap_or(usize::MAX).min(bytes.len());
        if taken == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        hasher.update(bytes.get(..taken).unwrap_or_default());
        reader.consume(taken);
        size -= taken as u64;
    }
    let mut said = [0; 4];
    reader.read_exact(&mut said)?;
    Ok(u32::from_be_bytes(said) == hasher.finalize())
}

/// The marker of a JPEG's end comes behind its scans; what follows it may be anything.
fn jpeg(reader: &mut (impl BufRead + Seek), len: u64) -> std::io::Result<Option<String>> {
    reader.seek(SeekFrom::Start(2))?;
    let cut = || Ok(Some(format!("it ends after {len} bytes, before its first pixels")));
    let mut at = 2u64;
    loop {
        let mut marker = [0; 4];
        if at.saturating_add(4) > len {
            return cut();
        }
        reader.seek(SeekFrom::Start(at))?;
        reader.read_exact(&mut marker)?;
        match marker {
            [MARKER, MARKER, ..] => at += 1,
            [MARKER, SCAN, ..] => break,
            // A standalone marker has no length.
            [MARKER, 0x01 | 0xd0..=0xd7, ..] => at += 2,
            [MARKER, END, ..] => return cut(),
            [MARKER, _, high, low] => at = at.saturating_add(2 + u64::from(u16::from_be_bytes([high, low]))),
            _ => return Ok(Some(format!("what stands at byte {at} is no marker of a JPEG"))),
        }
    }
    reader.seek(SeekFrom::Start(at))?;
    // Pixels never have the two bytes of a marker, so the first that are an end's are it.
    let mut is_after_marker = false;
    loop {
        let bytes = reader.fill_buf()?;
        let read = bytes.len();
        if read == 0 {
            return Ok(Some(format!("it has {len} bytes, and the mark of a JPEG's end is not among them")));
        }
        let ends =
            (is_after_marker && bytes.first() == Some(&END)) || memchr::memmem::find(bytes, &[MARKER, END]).is_some();
        if ends {
            return Ok(None);
        }
        is_after_marker = bytes.last() == Some(&MARKER);
        reader.consume(read);
    }
}

/// A WebP says how long it is.
fn webp(reader: &mut (impl Read + Seek), len: u64) -> std::io::Result<Option<String>> {
    let mut head = [0; 8];
    reader.rewind()?;
    reader.read_exact(&mut head)?;
    let [.., a, b, c, d] = head;
    let said = u64::from(u32::from_le_bytes([a, b, c, d])) + 8;
    Ok((said > len).then(|| format!("it ends after {len} bytes, and says that it has {said}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufReader, Cursor};

    fn png_file() -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, 9, 9);
        encoder.set_color(png::ColorType::Grayscale);
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(&[7; 81]).unwrap();
        writer.finish().unwrap();
        bytes
    }

    /// Markers with what a reader goes by: a thumbnail with an end of its own, two scans, a stuffed byte.
    fn jpeg_file() -> Vec<u8> {
        let mut bytes = vec![0xff, 0xd8, 0xff, 0xe1, 0, 8, 0xff, 0xd8, 1, 2, 0xff, 0xd9];
        bytes.extend([0xff, 0xc2, 0, 11, 8, 0, 2, 0, 3, 1, 1, 0x11, 0]);
        for _ in 0..2 {
            bytes.extend([0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0, 5, 0xff, 0, 0xff, 0xd0, 6]);
        }
        bytes.extend([0xff, 0xff, 0xd9]);
        bytes
    }

    fn of(bytes: &[u8], media_type: &str) -> Option<String> {
        // A small buffer, so that markers lie across its borders.
        let short = fault(BufReader::with_capacity(3, Cursor::new(bytes)), media_type, bytes.len() as u64);
        assert_eq!(short, fault(Cursor::new(bytes), media_type, bytes.len() as u64));
        short
    }

    #[test]
    fn whole_pictures_have_no_fault_whatever_follows_them() {
        for (bytes, media_type) in [(png_file(), "image/png"), (jpeg_file(), "image/jpeg")] {
            assert_eq!(of(&bytes, media_type), None);
            assert_eq!(of(&[bytes, vec![0; 5000]].concat(), media_type), None);
        }
        assert_eq!(of(b"anything", "image/tiff"), None);
        assert_eq!(of(b"RIFF\x04\0\0\0WEBP", "image/webp"), None);
    }

    #[test]
    fn every_cut_is_found() {
        for (bytes, media_type) in [(png_file(), "image/png"), (jpeg_file(), "image/jpeg")] {
            for len in 4..bytes.len() - 1 {
                assert!(of(&bytes[..len], media_type).is_some(), "{media_type} of {len} bytes");
                // As a copy that was broken off has it in a file that was made as long as it was to be.
                let filled = [&bytes[..len], &vec![0; bytes.len() - len]].concat();
                assert!(
                    filled == bytes || of(&filled, media_type).is_some() || len > bytes.len() - 13,
                    "{media_type}, {len}"
                );
            }
        }
        assert!(of(b"RIFF\x05\0\0\0WEBP", "image/webp").unwrap().contains("12 bytes, and says that it has 13"));
    }

    #[test]
    fn every_changed_byte_of_a_png_is_found() {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, 9, 9);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.add_text_chunk("Comment".into(), "passed over".into()).unwrap();
        encoder.write_header().unwrap().write_image_data(&[7; 81]).unwrap();
        assert!(memchr::memmem::find(&bytes, b"tEXt").is_some() && of(&bytes, "image/png").is_none());
        // Those of its signature and of what may be passed over too.
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x01;
            assert!(of(&damaged, "image/png").is_some(), "byte {at} of {}", bytes.len());
        }
    }

    #[test]
    fn every_flipped_byte_is_survived() {
        for (bytes, media_type) in [(png_file(), "image/png"), (jpeg_file(), "image/jpeg")] {
            for at in 0..bytes.len() {
                for value in [0, 1, 0x7f, 0x80, 0xff] {
                    let mut damaged = bytes.clone();
                    damaged[at] = value;
                    let _ = of(&damaged, media_type);
                }
            }
        }
    }
}
