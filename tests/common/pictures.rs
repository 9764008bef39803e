//! Small valid picture and video files, made from nothing.

/// A grey PNG of one value a pixel, 8 or 16 bits deep.
pub fn grey_png(width: u32, height: u32, bits: u8, value: u16) -> Vec<u8> {
    let row: Vec<u8> = match bits {
        16 => (0..width).flat_map(|_| value.to_be_bytes()).collect(),
        _ => vec![value as u8; width as usize],
    };
    let mut raw = Vec::new();
    for _ in 0..height {
        raw.push(0);
        raw.extend(&row);
    }
    let mut header = Vec::new();
    header.extend(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    header.extend([bits, 0, 0, 0, 0]);
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    chunk(&mut png, b"IHDR", &header);
    chunk(&mut png, b"IDAT", &stored(&raw));
    chunk(&mut png, b"IEND", &[]);
    png
}

fn chunk(png: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) {
    png.extend((data.len() as u32).to_be_bytes());
    let start = png.len();
    png.extend(kind);
    png.extend(data);
    let crc = crc32fast::hash(&png[start..]);
    png.extend(crc.to_be_bytes());
}

/// The bytes as a zlib stream of stored blocks.
fn stored(raw: &[u8]) -> Vec<u8> {
    let mut zlib = vec![0x78, 0x01];
    let mut blocks = raw.chunks(usize::from(u16::MAX)).peekable();
    while let Some(block) = blocks.next() {
        let len = block.len() as u16;
        zlib.push(u8::from(blocks.peek().is_none()));
        zlib.extend(len.to_le_bytes());
        zlib.extend((!len).to_le_bytes());
        zlib.extend(block);
    }
    let (mut a, mut b) = (1u32, 0u32);
    for byte in raw {
        a = (a + u32::from(*byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    zlib.extend(((b << 16) | a).to_be_bytes());
    zlib
}

/// The start of an MP4 file, with so many bytes that tell it from others.
pub fn stub_mp4(content: &[u8]) -> Vec<u8> {
    let mut mp4 = Vec::new();
    mp4.extend(20u32.to_be_bytes());
    mp4.extend(b"ftypisom\0\0\x02\0isom");
    mp4.extend((8 + content.len() as u32).to_be_bytes());
    mp4.extend(b"mdat");
    mp4.extend(content);
    mp4
}
