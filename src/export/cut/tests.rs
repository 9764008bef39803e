use super::*;

fn boxed(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    push_box(&mut out, name, |out| out.extend_from_slice(body));
    out
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// A file of ten pictures, ten a second, in chunks of three with other bytes between them; key frames at the 1st, 5th and
/// 9th, each of which is shown one picture after it is decoded. A sample's bytes are its number.
fn file() -> Vec<u8> {
    let ftyp = boxed(b"ftyp", b"isom\0\0\0\0");
    let start = (ftyp.len() + 8) as u32;
    let sizes: Vec<u32> = (0..10).map(|number| 4 + number).collect();
    let (mut data, mut chunks) = (Vec::new(), Vec::new());
    for (chunk, sizes) in sizes.chunks(3).enumerate() {
        data.extend_from_slice(b"sound");
        chunks.push(start + data.len() as u32);
        for (at, size) in sizes.iter().enumerate() {
            data.extend(std::iter::repeat_n((chunk * 3 + at) as u8, *size as usize));
        }
    }
    let mdat = boxed(b"mdat", &data);
    let mut entry = vec![0; 36];
    entry[3] = 36;
    entry[4..8].copy_from_slice(b"avc1");
    let stbl = [
        boxed(b"stsd", &[words(&[0, 1]), entry].concat()),
        boxed(b"stts", &words(&[0, 1, 10, 100])),
        boxed(b"ctts", &words(&[0, 1, 10, 100])),
        boxed(b"stss", &words(&[0, 3, 1, 5, 9])),
        boxed(b"stsc", &words(&[0, 2, 1, 3, 1, 4, 1, 1])),
        boxed(b"stsz", &words(&[&[0, 0, 10], &sizes[..]].concat())),
        boxed(b"stco", &words(&[&[0, 4], &chunks[..]].concat())),
    ]
    .concat();
    let mdia = [
        boxed(b"mdhd", &words(&[0, 0, 0, 1000, 1000, 0])),
        boxed(b"hdlr", &[&[0; 8][..], b"vide", &[0; 13]].concat()),
        boxed(b"minf", &boxed(b"stbl", &stbl)),
    ]
    .concat();
    let edts = boxed(b"edts", &boxed(b"elst", &words(&[0, 1, 600, 100, 0x0001_0000])));
    let trak = [boxed(b"tkhd", &[0; 84]), edts, boxed(b"mdia", &mdia)].concat();
    let mvhd = words(&[&[0, 0, 0, 600, 600][..], &[0; 20]].concat());
    let moov = [boxed(b"mvhd", &mvhd), boxed(b"trak", &trak)].concat();
    [ftyp, mdat, boxed(b"moov", &moov)].concat()
}

/// The samples of a file with their first bytes.
fn held(file: &[u8]) -> Vec<(u8, u32, bool)> {
    let trak = child(file, &[b"moov", b"trak"]).unwrap();
    let samples = Track::of(trak).unwrap().samples(file.len() as u64).unwrap();
    samples.iter().map(|sample| (file[sample.offset as usize], sample.size, sample.is_key)).collect()
}

#[test]
fn a_cut_starts_at_a_key_frame_and_holds_the_samples_as_they_are() {
    let file = file();
    let found = cut(&file, Some(0.5), Some(0.85)).unwrap();
    assert_eq!((found.start, found.end), (0.4, 0.9));
    assert_eq!(held(&found.bytes), [(4, 8, true), (5, 9, false), (6, 10, false), (7, 11, false), (8, 12, true)]);
    let again = cut(&found.bytes, None, None).unwrap();
    assert_eq!((again.start, again.end), (0.0, 0.5), "its times begin anew");
    assert_eq!(again.bytes, found.bytes);
    let names: Vec<_> = Boxes(&found.bytes).map(|(name, _)| name).collect();
    assert_eq!(names, [*b"ftyp", *b"moov", *b"mdat"]);
    let durations = [(&[b"moov", b"mvhd"][..], 16, 300), (&[b"moov", b"trak", b"tkhd"], 20, 300)];
    for (path, at, ticks) in durations {
        assert_eq!(be32(child(&found.bytes, path).unwrap(), at), Some(ticks));
    }
}

#[test]
fn a_cut_at_a_key_frame_takes_nothing_before_it() {
    let file = file();
    assert_eq!(held(&cut(&file, Some(0.4), Some(0.8)).unwrap().bytes).len(), 4);
    assert_eq!(held(&cut(&file, None, Some(0.1)).unwrap().bytes).len(), 1);
    assert_eq!(held(&cut(&file, Some(0.8), None).unwrap().bytes).len(), 2);
    assert_eq!(held(&cut(&file, None, None).unwrap().bytes).len(), 10);
}

#[test]
fn what_cannot_be_cut_says_why() {
    let whole = file();
    let why = |file: &[u8], start, end| cut(file, start, end).err().unwrap();
    assert_eq!(why(&whole, Some(5.0), Some(6.0)), "nothing of it lies between the two times");
    assert_eq!(why(&whole, Some(0.3), Some(0.0)), "nothing of it lies between the two times");
    assert_eq!(why(b"no video", None, None), "it is no MP4 file, or damaged");
    assert_eq!(why(&[boxed(b"moof", b""), whole.clone()].concat(), None, None), "it is in fragments");
    let at = whole.windows(4).position(|name| name == b"avc1").unwrap();
    let mut encrypted = whole.clone();
    encrypted[at..at + 4].copy_from_slice(b"encv");
    assert_eq!(why(&encrypted, None, None), "it is encrypted");
}

#[test]
fn every_damaged_byte_is_survived() {
    let whole = file();
    for at in 0..whole.len() {
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            let mut damaged = whole.clone();
            damaged[at] = value;
            let _ = cut(&damaged, Some(0.5), Some(0.85));
        }
        let _ = cut(&whole[..at], None, None);
    }
}
