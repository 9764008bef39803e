//! Cutting a stretch out of an MP4 file without decoding it: from the key frame at or before its start, sample by sample
//! as they are, with an index of their own.
//!
//! The pictures alone are taken; sound is left behind. Only plain files are cut: those in fragments, encrypted ones, and
//! those whose samples lie in other files are not.

mod boxes;
mod samples;

use crate::schema::mp4::{Boxes, be32, be64, child};
use boxes::push_box;
use samples::{Sample, Track};

/// The most bytes of a cut.
const CUT_MAX: u64 = 1 << 30;

/// A file of its own.
pub(super) struct Cut {
    pub(super) bytes: Vec<u8>,
    /// Where it starts and ends in the video, in seconds.
    pub(super) start: f64,
    pub(super) end: f64,
}

/// Cuts what lies between two times out, or says why that cannot be done.
pub(super) fn cut(file: &[u8], start: Option<f64>, end: Option<f64>) -> Result<Cut, &'static str> {
    const UNREAD: &str = "it is no MP4 file, or damaged";
    let is_part = |name: &[u8; 4]| Boxes(file).any(|(found, _)| &found == name);
    if is_part(b"moof") {
        return Err("it is in fragments");
    }
    let moov = child(file, &[b"moov"]).ok_or(UNREAD)?;
    let movie = movie_scale(child(moov, &[b"mvhd"]).ok_or(UNREAD)?).ok_or(UNREAD)?;
    let track = Track::of(pictures_of(moov).ok_or("it has no pictures")?)?;
    let samples = track.samples(file.len() as u64).ok_or(UNREAD)?;
    let (first, last) = stretch(&track, &samples, start.unwrap_or(0.0), end.unwrap_or(f64::INFINITY))?;
    let taken = samples.get(first..=last).ok_or(UNREAD)?;
    let total: u64 = taken.iter().map(|sample| u64::from(sample.size)).sum();
    if total > CUT_MAX {
        return Err("the stretch has more than 1 GiB");
    }
    let ftyp = child(file, &[b"ftyp"]).unwrap_or(b"isom\0\0\x02\0isomiso2avc1mp41");
    let mut bytes = Vec::new();
    push_box(&mut bytes, b"ftyp", |out| out.extend_from_slice(ftyp));
    let index_start = bytes.len();
    // The index says where the samples are, and its own length does not depend on what it says.
    push_index(&mut bytes, &track, moov, movie, taken, 0).ok_or(UNREAD)?;
    let data_start = u32::try_from(bytes.len() + 8).map_err(|_| UNREAD)?;
    bytes.truncate(index_start);
    push_index(&mut bytes, &track, moov, movie, taken, data_start).ok_or(UNREAD)?;
    bytes.reserve(total as usize + 8);
    bytes.extend_from_slice(&(total as u32 + 8).to_be_bytes());
    bytes.extend_from_slice(b"mdat");
    for sample in taken {
        let place = usize::try_from(sample.offset).map_err(|_| UNREAD)?;
        let data = place.checked_add(sample.size as usize).and_then(|end| file.get(place..end));
        bytes.extend_from_slice(data.ok_or(UNREAD)?);
    }
    let starts = taken.first().map_or(0.0, |sample| track.seconds(sample.shown));
    let ends = taken.iter().map(|sample| sample.shown + i64::from(sample.delta)).max().unwrap_or(0);
    Ok(Cut { bytes, start: starts, end: track.seconds(ends) })
}

/// Whether a file is an MP4 file with pictures.
pub(super) fn has_pictures(file: &[u8]) -> bool {
    child(file, &[b"moov"]).and_then(pictures_of).is_some()
}

/// The track of pictures in a movie's index.
fn pictures_of(moov: &[u8]) -> Option<&[u8]> {
    let mut tracks = Boxes(moov).filter(|(name, _)| name == b"trak").map(|(_, body)| body);
    tracks.find(|trak| child(trak, &[b"mdia", b"hdlr"]).and_then(|hdlr| hdlr.get(8..12)) == Some(b"vide"))
}

/// The first and the last sample, in the order of decoding, of a stretch.
fn stretch(track: &Track<'_>, samples: &[Sample], start: f64, end: f64) -> Result<(usize, usize), &'static str> {
    // Times are written with a few decimals: half a tick does not count.
    let tolerance = 0.5 / f64::from(track.timescale);
    let is_before = |sample: &Sample| track.seconds(sample.shown) <= start + tolerance;
    let keys = || samples.iter().enumerate().filter(|(_, sample)| sample.is_key);
    let first = keys().rfind(|(_, sample)| is_before(sample)).or_else(|| keys().next());
    let (first, _) = first.ok_or("it has no key frame")?;
    let is_within = |sample: &Sample| track.seconds(sample.shown) < end - tolerance;
    let last = samples.iter().rposition(is_within).filter(|last| *last >= first);
    let last = last.ok_or("nothing of it lies between the two times")?;
    let is_after = |sample: &Sample| track.seconds(sample.shown + i64::from(sample.delta)) > start;
    match samples.get(first..=last).is_some_and(|taken| taken.iter().any(is_after)) {
        true => Ok((first, last)),
        false => Err("nothing of it lies between the two times"),
    }
}

/// The ticks a second of the movie's header.
fn movie_scale(mvhd: &[u8]) -> Option<u32> {
    let at = if mvhd.first() == Some(&1) { 20 } else { 12 };
    be32(mvhd, at).filter(|scale| *scale > 0)
}

/// Writes `moov` for these samples, whose data starts there.
fn push_index(
    out: &mut Vec<u8>,
    track: &Track<'_>,
    moov: &[u8],
    movie: u32,
    samples: &[Sample],
    data_start: u32,
) -> Option<()> {
    let ticks: u64 = samples.iter().map(|sample| u64::from(sample.delta)).sum();
    let of_movie = u128::from(ticks) * u128::from(movie) / u128::from(track.timescale);
    let of_movie = u32::try_from(of_movie).ok()?;
    let first = samples.first()?;
    let mvhd = with_duration(child(moov, &[b"mvhd"])?, [16, 24], of_movie.into())?;
    let tkhd = with_duration(track.tkhd, [20, 28], of_movie.into())?;
    let mdhd = with_duration(track.mdhd, [16, 24], ticks)?;
    push_box(out, b"moov", |out| {
        push_box(out, b"mvhd", |out| out.extend_from_slice(&mvhd));
        push_box(out, b"trak", |out| {
            push_box(out, b"tkhd", |out| out.extend_from_slice(&tkhd));
            if first.offset_of_time > 0 {
                // The first picture is shown that much after it is decoded.
                push_box(out, b"edts", |out| {
                    push_words(out, b"elst", &[0, 1, of_movie, first.offset_of_time as u32, 0x0001_0000]);
                });
            }
            push_box(out, b"mdia", |out| {
                push_box(out, b"mdhd", |out| out.extend_from_slice(&mdhd));
                push_box(out, b"hdlr", |out| out.extend_from_slice(track.hdlr));
                push_box(out, b"minf", |out| {
                    push_box(out, b"vmhd", |out| out.extend_from_slice(track.vmhd));
                    push_box(out, b"dinf", |out| {
                        // Samples lie in this file.
                        push_box(out, b"dref", |out| {
                            out.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 1]);
                            push_words(out, b"url ", &[1]);
                        });
                    });
                    push_box(out, b"stbl", |out| push_tables(out, track, samples, data_start));
                });
            });
        });
    });
    Some(())
}

fn push_tables(out: &mut Vec<u8>, track: &Track<'_>, samples: &[Sample], data_start: u32) {
    let count = samples.len() as u32;
    push_box(out, b"stsd", |out| out.extend_from_slice(track.stsd));
    push_runs(out, b"stts", 0, samples.iter().map(|sample| sample.delta));
    if samples.iter().any(|sample| sample.offset_of_time != 0) {
        let is_signed = samples.iter().any(|sample| sample.offset_of_time < 0);
        push_runs(out, b"ctts", u32::from(is_signed) << 24, samples.iter().map(|sample| sample.offset_of_time as u32));
    }
    let keys = (1u32..).zip(samples).filter(|(_, sample)| sample.is_key).map(|(number, _)| number);
    let keys: Vec<u32> = keys.collect();
    push_words(out, b"stss", &[&[0, keys.len() as u32], &keys[..]].concat());
    push_words(out, b"stsc", &[0, 1, 1, count, 1]);
    let sizes: Vec<u32> = samples.iter().map(|sample| sample.size).collect();
    push_words(out, b"stsz", &[&[0, 0, count], &sizes[..]].concat());
    push_words(out, b"stco", &[0, 1, data_start]);
}

fn push_words(out: &mut Vec<u8>, name: &[u8; 4], words: &[u32]) {
    push_box(out, name, |out| words.iter().for_each(|word| out.extend_from_slice(&word.to_be_bytes())));
}

/// A table of runs of the same value.
fn push_runs(out: &mut Vec<u8>, name: &[u8; 4], flags: u32, values: impl Iterator<Item = u32>) {
    let mut runs: Vec<[u32; 2]> = Vec::new();
    for value in values {
        match runs.last_mut() {
            Some([count, last]) if *last == value => *count += 1,
            _ => runs.push([1, value]),
        }
    }
    push_words(out, name, &[&[flags, runs.len() as u32], runs.as_flattened()].concat());
}

/// A header with another duration, which stands at these places in its short and its long form.
fn with_duration(header: &[u8], [short, long]: [usize; 2], duration: u64) -> Option<Vec<u8>> {
    let mut header = header.to_vec();
    let (at, bytes) = match header.first()? {
        1 => (long, duration.to_be_bytes().to_vec()),
        _ => (short, u32::try_from(duration).ok()?.to_be_bytes().to_vec()),
    };
    header.get_mut(at..at + bytes.len())?.copy_from_slice(&bytes);
    // What is read back is what was meant.
    let read = if bytes.len() == 8 { be64(&header, at) } else { be32(&header, at).map(u64::from) };
    (read == Some(duration)).then_some(header)
}

#[cfg(test)]
mod tests;
