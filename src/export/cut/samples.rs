//! The samples of a video track: where each lies, when it is decoded and shown, and whether decoding can start at it.

use crate::schema::mp4::{Boxes, Runs, be32, be64, child, media_start};

/// The most samples of a track that are walked.
const SAMPLE_LIMIT: u32 = 1 << 24;

/// A coded picture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) offset: u64,
    pub(super) size: u32,
    /// Ticks until the next one is decoded.
    pub(super) delta: u32,
    /// Ticks between its decoding and its being shown.
    pub(super) offset_of_time: i32,
    /// When it is shown, in ticks from the start of the video.
    pub(super) shown: i64,
    pub(super) is_key: bool,
}

/// A video track.
pub(super) struct Track<'a> {
    pub(super) tkhd: &'a [u8],
    pub(super) mdhd: &'a [u8],
    pub(super) hdlr: &'a [u8],
    pub(super) vmhd: &'a [u8],
    pub(super) stsd: &'a [u8],
    pub(super) timescale: u32,
    stbl: &'a [u8],
    /// Where in the media the video starts.
    shift: i64,
}

impl<'a> Track<'a> {
    pub(super) fn of(trak: &'a [u8]) -> Result<Self, &'static str> {
        const UNREAD: &str = "its index is damaged";
        let part = |path: &[&[u8; 4]]| child(trak, path).ok_or(UNREAD);
        let mdhd = part(&[b"mdia", b"mdhd"])?;
        let minf = part(&[b"mdia", b"minf"])?;
        let stbl = child(minf, &[b"stbl"]).ok_or(UNREAD)?;
        let stsd = child(stbl, &[b"stsd"]).ok_or(UNREAD)?;
        if matches!(stsd.get(12..16), Some(b"encv" | b"encu")) {
            return Err("it is encrypted");
        }
        if let Some(dref) = child(minf, &[b"dinf", b"dref"]) {
            let entries = Boxes(dref.get(8..).unwrap_or_default());
            let is_elsewhere = |(_, body): ([u8; 4], &[u8])| body.get(3).is_none_or(|flags| flags & 1 == 0);
            if entries.into_iter().any(is_elsewhere) {
                return Err("its samples lie in another file");
            }
        }
        let at = if mdhd.first() == Some(&1) { 20 } else { 12 };
        let timescale = be32(mdhd, at).filter(|scale| *scale > 0).ok_or(UNREAD)?;
        Ok(Self {
            tkhd: part(&[b"tkhd"])?,
            mdhd,
            hdlr: part(&[b"mdia", b"hdlr"])?,
            vmhd: child(minf, &[b"vmhd"]).unwrap_or(&[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]),
            stsd,
            timescale,
            stbl,
            shift: child(trak, &[b"edts", b"elst"]).and_then(media_start).unwrap_or(0),
        })
    }

    pub(super) fn seconds(&self, ticks: i64) -> f64 {
        ticks as f64 / f64::from(self.timescale)
    }

    fn table(&self, name: &[u8; 4]) -> &'a [u8] {
        child(self.stbl, &[name]).unwrap_or_default()
    }

    /// The samples in the order of decoding; nothing where the tables do not go together, or lead out of a file of this
    /// length.
    pub(super) fn samples(&self, length: u64) -> Option<Vec<Sample>> {
        let stsz = self.table(b"stsz");
        let (same, count) = (be32(stsz, 4)?, be32(stsz, 8)?);
        let listed = (stsz.len().saturating_sub(12) / 4) as u64;
        let is_held = if same == 0 { u64::from(count) <= listed } else { u64::from(count) * u64::from(same) <= length };
        if count == 0 || count > SAMPLE_LIMIT || !is_held {
            return None;
        }
        let mut places = Places::of(self)?;
        let (mut deltas, mut offsets) = (Runs::new(self.table(b"stts")), Runs::new(self.table(b"ctts")));
        let has_offsets = !self.table(b"ctts").is_empty();
        let mut keys = child(self.stbl, &[b"stss"]).map(|stss| stss.get(8..).unwrap_or_default());
        let mut samples = Vec::new();
        let mut decoded = 0i64;
        for number in 0..count {
            let size = if same == 0 { be32(stsz, 12 + number as usize * 4)? } else { same };
            let offset = places.next(size)?;
            if offset.checked_add(u64::from(size))? > length {
                return None;
            }
            let is_key = match &mut keys {
                None => true,
                Some(keys) => {
                    let is_key = be32(keys, 0) == Some(number + 1);
                    if is_key {
                        *keys = keys.get(4..)?;
                    }
                    is_key
                }
            };
            let delta = deltas.next()?;
            let offset_of_time = if has_offsets { offsets.next()? as i32 } else { 0 };
            let shown = decoded.checked_add(i64::from(offset_of_time))?.checked_sub(self.shift)?;
            samples.push(Sample { offset, size, delta, offset_of_time, shown, is_key });
            decoded = decoded.checked_add(i64::from(delta))?;
        }
        Some(samples)
    }
}

/// Places of samples, chunk by chunk.
struct Places<'a> {
    chunks: &'a [u8],
    is_wide: bool,
    /// Which chunks have how many samples.
    runs: &'a [u8],
    run: usize,
    /// The next chunk, and what is left of the one at hand.
    chunk: usize,
    left: u32,
    at: u64,
}

impl<'a> Places<'a> {
    fn of(track: &Track<'a>) -> Option<Self> {
        let wide = track.table(b"co64");
        let is_wide = !wide.is_empty();
        let chunks = if is_wide { wide } else { track.table(b"stco") };
        let runs = track.table(b"stsc");
        (be32(runs, 4)? > 0).then_some(Self { chunks, is_wide, runs, run: 0, chunk: 0, left: 0, at: 0 })
    }

    /// The place of the next sample, which has so many bytes.
    fn next(&mut self, size: u32) -> Option<u64> {
        while self.left == 0 {
            if self.chunk >= be32(self.chunks, 4)? as usize {
                return None;
            }
            let runs = be32(self.runs, 4)? as usize;
            let begins =
                |run: usize| be32(self.runs, 8 + run * 12).is_some_and(|first| first as usize <= self.chunk + 1);
            while self.run + 1 < runs && begins(self.run + 1) {
                self.run += 1;
            }
            self.left = be32(self.runs, 8 + self.run * 12 + 4)?;
            self.at = match self.is_wide {
                true => be64(self.chunks, 8 + self.chunk * 8)?,
                false => be32(self.chunks, 8 + self.chunk * 4)?.into(),
            };
            self.chunk += 1;
        }
        self.left -= 1;
        let place = self.at;
        self.at = self.at.checked_add(u64::from(size))?;
        Some(place)
    }
}
