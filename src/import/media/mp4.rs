//! What an MP4 file says of itself: size, rate, length, and where decoding can start.
//!
//! Only the boxes that this takes are read, each within its parent's bounds, so that a damaged or hostile file costs a
//! message and no more.

use crate::error::{Error, Result};
use crate::schema::mp4::{Boxes, Runs, be16, be32, be64, child, media_start};
use crate::schema::rows::KeyframeRow;
use std::io::{Read, Seek, SeekFrom};

/// The longest index of a file that is read.
const MOOV_LIMIT: u64 = 256 << 20;
/// The most samples of a track that are walked.
const SAMPLE_LIMIT: u64 = 1 << 24;

/// What a video file says of itself; what it does not say is none.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Video {
    pub(crate) fps: Option<f64>,
    pub(crate) duration: Option<f64>,
    pub(crate) frame_count: Option<i64>,
    pub(crate) width: Option<i32>,
    pub(crate) height: Option<i32>,
    pub(crate) keyframes: Option<Vec<KeyframeRow>>,
}

impl Video {
    /// What a file that could be read does not say of itself.
    pub(crate) fn lacks(&self) -> Option<&'static str> {
        if self.frame_count.is_none() || self.fps.is_none() {
            return Some(
                "its index does not say how many frames it has and when, as that of a fragmented file does not: its rate and \
                 key frames are not known (`ffmpeg -i IN -c copy OUT.mp4` writes it anew)",
            );
        }
        self.keyframes.is_none().then_some(
            "its tables of frames do not go together, or lead out of the file: where its key frames are is not known, and \
             no clip can be cut from it",
        )
    }
}

/// Reads the index of an MP4 file of this length.
pub(crate) fn read<R: Read + Seek>(mut reader: R, length: u64) -> std::result::Result<Video, String> {
    let moov = find_moov(&mut reader, length)?;
    let (mut tracks, mut kinds) = (Vec::new(), 0);
    for (name, body) in Boxes(&moov) {
        if &name == b"trak" {
            kinds += 1;
            tracks.extend(video_track(body));
        }
    }
    match tracks.first() {
        Some(track) => track.describe(length),
        None if kinds == 0 => Err("it has no track at all".into()),
        None => Err(format!("none of its {kinds} tracks is a video")),
    }
}

fn find_moov<R: Read + Seek>(reader: &mut R, length: u64) -> std::result::Result<Vec<u8>, String> {
    let damaged = |error: std::io::Error| format!("it cannot be read ({error})");
    let mut at = 0u64;
    while at + 8 <= length {
        reader.seek(SeekFrom::Start(at)).map_err(damaged)?;
        let mut head = [0u8; 16];
        let wanted = if at + 16 <= length { 16 } else { 8 };
        reader.read_exact(head.get_mut(..wanted).unwrap_or_default()).map_err(damaged)?;
        let (header, size) = match be32(&head, 0) {
            Some(1) if wanted == 16 => (16, be64(&head, 8).unwrap_or(0)),
            Some(0) => (8, length - at),
            size => (8, u64::from(size.unwrap_or(0))),
        };
        if size < header || size > length - at {
            return Err(format!("a box at byte {at} goes beyond the file: it is cut off or damaged"));
        }
        if at == 0 && !matches!(head.get(4..8), Some(b"ftyp" | b"moov" | b"mdat" | b"free" | b"skip" | b"wide")) {
            return Err("it does not start as an MP4 file does".into());
        }
        if head.get(4..8) == Some(b"moov") {
            if size > MOOV_LIMIT {
                return Err(format!("its index has {size} bytes, which is too many"));
            }
            reader.seek(SeekFrom::Start(at + header)).map_err(damaged)?;
            let mut body = Vec::new();
            reader.take(size - header).read_to_end(&mut body).map_err(damaged)?;
            return Ok(body);
        }
        at += size;
    }
    Err("it has no index (`moov`): it is cut off or was never finished".into())
}

/// The tables of a video track.
#[derive(Debug, Default)]
struct Track<'a> {
    timescale: u32,
    duration: u64,
    width: u32,
    height: u32,
    shift: i64,
    stts: &'a [u8],
    ctts: &'a [u8],
    stss: Option<&'a [u8]>,
    stsc: &'a [u8],
    stsz: &'a [u8],
    chunks: &'a [u8],
    wide: bool,
}

fn video_track(trak: &[u8]) -> Option<Track<'_>> {
    let mdia = child(trak, &[b"mdia"])?;
    if child(mdia, &[b"hdlr"])?.get(8..12)? != b"vide" {
        return None;
    }
    let mdhd = child(mdia, &[b"mdhd"])?;
    let is_long = mdhd.first() == Some(&1);
    let (timescale, duration) =
        if is_long { (be32(mdhd, 20)?, be64(mdhd, 24)?) } else { (be32(mdhd, 12)?, u64::from(be32(mdhd, 16)?)) };
    let stbl = child(mdia, &[b"minf", b"stbl"])?;
    let entry = child(stbl, &[b"stsd"]).and_then(|stsd| stsd.get(8..)).unwrap_or_default();
    let mut size = (u32::from(be16(entry, 32).unwrap_or(0)), u32::from(be16(entry, 34).unwrap_or(0)));
    if size.0 == 0 || size.1 == 0 {
        let tkhd = child(trak, &[b"tkhd"])?;
        let end = tkhd.len().checked_sub(8)?;
        size = (be32(tkhd, end)? >> 16, be32(tkhd, end + 4)? >> 16);
    }
    let table = |name| child(stbl, &[name]).unwrap_or_default();
    let wide = child(stbl, &[b"co64"]).is_some();
    Some(Track {
        timescale,
        duration,
        width: size.0,
        height: size.1,
        shift: child(trak, &[b"edts", b"elst"]).and_then(media_start).unwrap_or(0),
        stts: table(b"stts"),
        ctts: table(b"ctts"),
        stss: child(stbl, &[b"stss"]),
        stsc: table(b"stsc"),
        stsz: table(b"stsz"),
        chunks: if wide { table(b"co64") } else { table(b"stco") },
        wide,
    })
}

impl Track<'_> {
    fn describe(&self, length: u64) -> std::result::Result<Video, String> {
        if self.timescale == 0 {
            return Err("its time scale is 0".into());
        }
        let seconds = |ticks: f64| ticks / f64::from(self.timescale);
        let is_known = self.duration != 0 && self.duration < u64::from(u32::MAX);
        let side = |pixels: u32| i32::try_from(pixels).ok().filter(|side| *side > 0);
        let mut video = Video {
            duration: is_known.then(|| seconds(self.duration as f64)),
            width: side(self.width),
            height: side(self.height),
            ..Video::default()
        };
        let count = u64::from(be32(self.stsz, 8).unwrap_or(0));
        if count == 0 {
            return Ok(video);
        }
        let same = u64::from(be32(self.stsz, 4).unwrap_or(0));
        let listed = (self.stsz.len().saturating_sub(12) / 4) as u64;
        if count > SAMPLE_LIMIT || (same == 0 && count > listed) || same.saturating_mul(count) > length {
            return Err(format!("its index promises {count} frames, which cannot be"));
        }
        video.frame_count = i64::try_from(count).ok();
        video.keyframes = self.keyframes(count, length);
        video.fps = match self.ticks() {
            Some(ticks) if ticks > 0 => Some(count as f64 / seconds(ticks as f64)),
            _ => None,
        };
        Ok(video)
    }

    /// How long all frames last together.
    fn ticks(&self) -> Option<u64> {
        pairs(self.stts).try_fold(0u64, |sum, (count, delta)| sum.checked_add(u64::from(count) * u64::from(delta)))
    }

    /// Where decoding can start; nothing when the tables do not go together.
    fn keyframes(&self, count: u64, length: u64) -> Option<Vec<KeyframeRow>> {
        let mut keys = Vec::new();
        self.each_key(count, &mut |key| {
            let offset = i64::try_from(key.offset).ok().filter(|_| key.offset < length)?;
            keys.push(KeyframeRow { time: key.time, offset });
            Some(())
        })?;
        Some(keys)
    }

    /// Calls `visit` with each key frame, in order; nothing when the tables do not go together, or `visit` says so.
    fn each_key(&self, count: u64, visit: &mut dyn FnMut(Key) -> Option<()>) -> Option<()> {
        let same = be32(self.stsz, 4)?;
        let mut deltas = Runs::new(self.stts);
        let mut offsets = Runs::new(self.ctts);
        let mut next_key = 0usize;
        let (mut sample, mut time) = (0u64, 0u64);
        let chunks = be32(self.chunks, 4)?;
        let mut run = 0usize;
        for chunk in 0..chunks {
            if sample == count {
                break;
            }
            while be32(self.stsc, 8 + (run + 1) * 12).is_some_and(|first| first <= chunk + 1)
                && run + 1 < be32(self.stsc, 4)? as usize
            {
                run += 1;
            }
            let in_chunk = be32(self.stsc, 8 + run * 12 + 4)?;
            let at = chunk as usize;
            let mut offset =
                if self.wide { be64(self.chunks, 8 + at * 8)? } else { u64::from(be32(self.chunks, 8 + at * 4)?) };
            for _ in 0..in_chunk {
                if sample == count {
                    break;
                }
                let size = if same == 0 { be32(self.stsz, 12 + sample as usize * 4)? } else { same };
                let is_key = match self.stss {
                    None => true,
                    Some(stss) => be32(stss, 8 + next_key * 4).is_some_and(|number| u64::from(number) == sample + 1),
                };
                let shown = i64::from(offsets.next().unwrap_or(0) as i32);
                if is_key {
                    next_key += 1;
                    let ticks = i64::try_from(time).ok()?.checked_add(shown)?.checked_sub(self.shift)?;
                    visit(Key { time: (ticks as f64 / f64::from(self.timescale)).max(0.0), offset, size })?;
                }
                offset = offset.checked_add(u64::from(size))?;
                time = time.checked_add(u64::from(deltas.next()?))?;
                sample += 1;
            }
        }
        (sample == count).then_some(())
    }
}

/// A sample that decoding can start at.
#[derive(Clone, Copy)]
struct Key {
    /// Seconds.
    time: f64,
    offset: u64,
    size: u32,
}

/// A key frame of a video, coded as it is there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KeyFrame<'a> {
    /// When it is shown: seconds from the start of the video.
    pub time: f64,
    /// Width and height in pixels.
    pub size: (u32, u32),
    /// What a decoder must know: the whole `stsd` box of its track.
    pub description: &'a [u8],
    /// The coded picture: an MP4 sample.
    pub sample: &'a [u8],
}

impl<'a> KeyFrame<'a> {
    /// The last key frame of an MP4 file that is shown at this second or before, or else the first.
    ///
    /// # Errors
    /// `Corrupt` when the file has no video track, or its index does not fit its bytes.
    pub fn find(video: &'a [u8], seconds: f64) -> Result<Self> {
        let moov = child(video, &[b"moov"]).ok_or_else(|| Error::corrupt("the video has no index (`moov`)"))?;
        let traks = Boxes(moov).filter(|(name, _)| name == b"trak");
        let (trak, track) = traks
            .filter_map(|(_, trak)| Some((trak, video_track(trak)?)))
            .next()
            .ok_or_else(|| Error::corrupt("none of the file's tracks is a video"))?;
        let unfit = || Error::corrupt("the video's index does not fit its bytes");
        let count = u64::from(be32(track.stsz, 8).unwrap_or(0));
        let mut found: Option<Key> = None;
        if track.timescale > 0 && count <= SAMPLE_LIMIT {
            // Damage behind the frame that is wanted does not matter.
            let _ = track.each_key(count, &mut |key| {
                let is_wanted = found.is_none() || key.time <= seconds;
                found = if is_wanted { Some(key) } else { found };
                is_wanted.then_some(())
            });
        }
        let key = found.ok_or_else(unfit)?;
        let start = usize::try_from(key.offset).map_err(|_| unfit())?;
        let sample = start.checked_add(key.size as usize).and_then(|end| video.get(start..end)).ok_or_else(unfit)?;
        let stbl = child(trak, &[b"mdia", b"minf", b"stbl"]).ok_or_else(unfit)?;
        let description = whole(stbl, b"stsd").ok_or_else(unfit)?;
        Ok(Self { time: key.time, size: (track.width, track.height), description, sample })
    }
}

/// The first box of this name among those of a box, its head included.
fn whole<'a>(body: &'a [u8], name: &[u8; 4]) -> Option<&'a [u8]> {
    let mut boxes = Boxes(body);
    loop {
        let rest = boxes.0;
        let (found, _) = boxes.next()?;
        if found == *name {
            return rest.get(..rest.len() - boxes.0.len());
        }
    }
}

/// The `(count, value)` entries of a table.
fn pairs(table: &[u8]) -> impl Iterator<Item = (u32, u32)> + '_ {
    let count = be32(table, 4).unwrap_or(0) as usize;
    let entries = table.get(8..).unwrap_or_default().chunks_exact(8).take(count);
    entries.filter_map(|entry| Some((be32(entry, 0)?, be32(entry, 4)?)))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::io::Cursor;

    fn boxed(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
        let mut out = (body.len() as u32 + 8).to_be_bytes().to_vec();
        out.extend(name);
        out.extend(body);
        out
    }

    fn table(head: &[u32], words: &[u32]) -> Vec<u8> {
        [&[0], head, words].concat().into_iter().flat_map(u32::to_be_bytes).collect()
    }

    /// A file with `frames` frames of 10 bytes, two a chunk, 25 a second, key frames at the 1st and 4th.
    pub(crate) fn mp4(frames: u32) -> Vec<u8> {
        let ftyp = boxed(b"ftyp", b"isom\0\0\0\0");
        let mdat = boxed(b"mdat", &vec![7; frames as usize * 10]);
        let start = (ftyp.len() + 8) as u32;
        let mut entry = vec![0; 36];
        entry[3] = 36;
        entry[4..8].copy_from_slice(b"avc1");
        entry[32..36].copy_from_slice(&[3, 0x56, 1, 0xe0]);
        let chunks: Vec<u32> = (0..frames.div_ceil(2)).map(|chunk| start + chunk * 20).collect();
        let stbl = [
            boxed(b"stsd", &[table(&[1], &[]), entry].concat()),
            boxed(b"stts", &table(&[1], &[frames, 512])),
            boxed(b"stss", &table(&[2], &[1, 4])),
            boxed(b"stsc", &table(&[1], &[1, 2, 1])),
            boxed(b"stsz", &table(&[0, frames], &vec![10; frames as usize])),
            boxed(b"stco", &table(&[chunks.len() as u32], &chunks)),
        ]
        .concat();
        let mdia = [
            boxed(b"mdhd", &table(&[0, 0, 12800, frames * 512], &[])),
            boxed(b"hdlr", &[&[0; 8][..], b"vide", &[0; 12]].concat()),
            boxed(b"minf", &boxed(b"stbl", &stbl)),
        ]
        .concat();
        let trak = [boxed(b"tkhd", &[0; 84]), boxed(b"mdia", &mdia)].concat();
        let moov = boxed(b"moov", &boxed(b"trak", &trak));
        [ftyp, mdat, moov].concat()
    }

    fn parse(bytes: &[u8]) -> std::result::Result<Video, String> {
        read(Cursor::new(bytes), bytes.len() as u64)
    }

    #[test]
    fn a_file_says_what_it_holds() {
        let video = parse(&mp4(5)).unwrap();
        assert_eq!((video.fps, video.duration, video.frame_count), (Some(25.0), Some(0.2), Some(5)));
        assert_eq!((video.width, video.height), (Some(854), Some(480)));
        let keys = video.keyframes.unwrap();
        assert_eq!(keys, [KeyframeRow { time: 0.0, offset: 24 }, KeyframeRow { time: 0.12, offset: 54 }]);
    }

    #[test]
    fn a_file_without_a_video_track_says_so() {
        let empty = [boxed(b"ftyp", b"isom"), boxed(b"mdat", b""), boxed(b"moov", &boxed(b"mvhd", &[0; 100]))].concat();
        assert_eq!(parse(&empty).unwrap_err(), "it has no track at all");
        assert!(parse(b"hello there").is_err());
        assert!(parse(b"").unwrap_err().contains("no index"));
    }

    #[test]
    fn a_key_frame_comes_with_what_its_decoder_needs() {
        let whole = mp4(5);
        let at = |seconds: f64| KeyFrame::find(&whole, seconds).unwrap();
        assert_eq!((at(0.0).time, at(0.11).time, at(0.12).time, at(9.0).time), (0.0, 0.0, 0.12, 0.12));
        let last = at(9.0);
        assert_eq!((last.size, last.sample), ((854, 480), &whole[54..64]));
        assert_eq!((&last.description[4..8], last.description.len()), (&b"stsd"[..], 52));
        for length in 0..whole.len() {
            assert!(KeyFrame::find(&whole[..length], 0.0).is_err(), "{length}");
        }
        assert!(KeyFrame::find(b"", 0.0).is_err());
    }

    #[test]
    fn every_cut_and_every_damaged_byte_is_survived() {
        let whole = mp4(5);
        for length in 0..whole.len() {
            assert!(parse(&whole[..length]).is_err(), "{length}");
        }
        for at in 0..whole.len() {
            for value in [0, 1, 2, 0x7f, 0x80, 0xff] {
                let mut damaged = whole.clone();
                damaged[at] = value;
                let _ = (parse(&damaged), KeyFrame::find(&damaged, 0.1));
            }
        }
    }
}
