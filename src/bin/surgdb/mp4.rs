//! An MP4 file around coded pictures (ISO/IEC 14496-12 and -15): one video track, its index in front of its data.

/// Ticks a second; a frame of 25 a second takes 1000.
const TIMESCALE: u32 = 25_000;

/// What a video track is.
pub struct Track<'a> {
    /// Width and height in pixels.
    pub size: (u32, u32),
    /// Frames a second; must divide 25,000.
    pub fps: u32,
    /// What a decoder must know: the `stsd` box.
    pub description: &'a [u8],
    /// The coded pictures, of which the first is a key frame.
    pub units: &'a [Unit],
}

/// A coded picture, as an MP4 sample.
pub struct Unit {
    /// The sample's bytes.
    pub bytes: Vec<u8>,
    /// Whether decoding can start here.
    pub key: bool,
}

impl Track<'_> {
    /// The bytes of the file.
    pub fn to_file(&self) -> Vec<u8> {
        let brand = [b"isom".as_slice(), &512u32.to_be_bytes(), b"isomiso2avc1mp41"].concat();
        let mut file = atom(b"ftyp", &[&brand]);
        // The index says where the data is, and its own length does not depend on what it says.
        let data_start = file.len() + self.index(0).len() + 8;
        file.extend(self.index(data_start as u32));
        let data: Vec<&[u8]> = self.units.iter().map(|unit| unit.bytes.as_slice()).collect();
        file.extend(atom(b"mdat", &data));
        file
    }

    fn index(&self, data_start: u32) -> Vec<u8> {
        let media = atom(b"mdia", &[&self.media_header(), &handler(), &self.media_information(data_start)]);
        let track = atom(b"trak", &[&self.track_header(), &media]);
        atom(b"moov", &[&self.movie_header(), &track])
    }

    fn duration(&self) -> u32 {
        self.units.len() as u32 * self.frame_duration()
    }

    fn frame_duration(&self) -> u32 {
        TIMESCALE / self.fps
    }

    fn movie_header(&self) -> Vec<u8> {
        let mut words = vec![0, 0, TIMESCALE, self.duration(), 0x0001_0000, 0x0100_0000, 0, 0];
        words.extend(MATRIX);
        words.extend([0, 0, 0, 0, 0, 0, 2]);
        full_atom(b"mvhd", 0, &words)
    }

    fn track_header(&self) -> Vec<u8> {
        let mut words = vec![0, 0, 1, 0, self.duration(), 0, 0, 0, 0];
        words.extend(MATRIX);
        words.extend([self.size.0 << 16, self.size.1 << 16]);
        full_atom(b"tkhd", 3, &words)
    }

    fn media_header(&self) -> Vec<u8> {
        let undetermined = 0x55c4_0000; // the language `und`
        full_atom(b"mdhd", 0, &[0, 0, TIMESCALE, self.duration(), undetermined])
    }

    fn media_information(&self, data_start: u32) -> Vec<u8> {
        let here = full_atom(b"url ", 1, &[]);
        let reference = atom(b"dref", &[&[0; 4], &1u32.to_be_bytes(), &here]);
        let table = atom(
            b"stbl",
            &[
                self.description,
                &full_atom(b"stts", 0, &[1, self.units.len() as u32, self.frame_duration()]),
                &self.key_frames(),
                &self.chunks(),
                &self.sizes(),
                &self.offsets(data_start),
            ],
        );
        atom(b"minf", &[&full_atom(b"vmhd", 1, &[0, 0]), &atom(b"dinf", &[&reference]), &table])
    }

    fn key_frames(&self) -> Vec<u8> {
        let keys: Vec<u32> = (1u32..).zip(self.units).filter(|(_, unit)| unit.key).map(|(number, _)| number).collect();
        counted(b"stss", &[], keys)
    }

    /// A chunk begins at each key frame.
    fn groups(&self) -> Vec<&[Unit]> {
        self.units.chunk_by(|_, next| !next.key).collect()
    }

    fn chunks(&self) -> Vec<u8> {
        let groups = self.groups();
        let mut words = vec![groups.len() as u32];
        (1u32..).zip(&groups).for_each(|(number, group)| words.extend([number, group.len() as u32, 1]));
        full_atom(b"stsc", 0, &words)
    }

    fn sizes(&self) -> Vec<u8> {
        counted(b"stsz", &[0], self.units.iter().map(|unit| unit.bytes.len() as u32).collect())
    }

    fn offsets(&self, data_start: u32) -> Vec<u8> {
        let mut at = data_start;
        let mut offsets = Vec::new();
        for group in self.groups() {
            offsets.push(at);
            at += group.iter().map(|unit| unit.bytes.len() as u32).sum::<u32>();
        }
        counted(b"stco", &[], offsets)
    }
}

/// The `stsd` box of an H.264 track: its picture's size, profile and level, and its sequence and picture parameter sets.
pub fn h264_description(size: (u32, u32), profile: [u8; 3], parameters: [&[u8]; 2]) -> Vec<u8> {
    let [sequence, picture] = parameters;
    let mut configuration = vec![1];
    configuration.extend(profile);
    configuration.extend([0xff, 0xe1]); // lengths of four bytes; one sequence parameter set
    configuration.extend((sequence.len() as u16).to_be_bytes());
    configuration.extend(sequence);
    configuration.push(1);
    configuration.extend((picture.len() as u16).to_be_bytes());
    configuration.extend(picture);
    let mut entry = vec![0; 6];
    entry.extend([0, 1]); // the first data reference
    entry.extend([0; 16]);
    entry.extend((size.0 as u16).to_be_bytes());
    entry.extend((size.1 as u16).to_be_bytes());
    entry.extend([0, 0x48, 0, 0, 0, 0x48, 0, 0, 0, 0, 0, 0, 0, 1]); // 72 dpi, one frame a sample
    entry.extend([0; 32]); // no name of the compressor
    entry.extend([0, 0x18, 0xff, 0xff]); // 24 bits, no colour table
    let entry = atom(b"avc1", &[&entry, &atom(b"avcC", &[&configuration])]);
    atom(b"stsd", &[&[0; 4], &1u32.to_be_bytes(), &entry])
}

/// The picture as it is: neither moved nor turned.
const MATRIX: [u32; 9] = [0x0001_0000, 0, 0, 0, 0x0001_0000, 0, 0, 0, 0x4000_0000];

fn handler() -> Vec<u8> {
    atom(b"hdlr", &[&[0; 8], b"vide", &[0; 12], b"video\0"])
}

fn atom(name: &[u8; 4], parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = 8 + parts.iter().map(|part| part.len()).sum::<usize>();
    let mut bytes = Vec::with_capacity(length);
    bytes.extend((length as u32).to_be_bytes());
    bytes.extend(name);
    parts.iter().for_each(|part| bytes.extend_from_slice(part));
    bytes
}

/// A box with a version (0) and flags, then 32-bit words.
fn full_atom(name: &[u8; 4], flags: u32, words: &[u32]) -> Vec<u8> {
    let words: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
    atom(name, &[&flags.to_be_bytes(), &words])
}

fn counted(name: &[u8; 4], before: &[u32], entries: Vec<u32>) -> Vec<u8> {
    let words: Vec<u32> = before.iter().copied().chain([entries.len() as u32]).chain(entries).collect();
    full_atom(name, 0, &words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::h264::{Encoder, PROFILE};

    #[test]
    fn a_reader_of_mp4_files_finds_the_frames_and_the_key_frames() {
        let mut encoder = Encoder::new(64, 32);
        let picture = |n: u8| image::RgbImage::from_pixel(64, 32, image::Rgb([90 + n, 60, 60]));
        let units: Vec<Unit> = (0..10).map(|n| encoder.encode(&picture(n * 8), n % 4 == 0)).collect();
        let parameters = [encoder.sequence_parameters(), encoder.picture_parameters()];
        let description = h264_description((64, 32), PROFILE, [&parameters[0], &parameters[1]]);
        let track = Track { size: (64, 32), fps: 25, description: &description, units: &units };
        let file = track.to_file();

        let mp4 = re_mp4::Mp4::read_bytes(&file).unwrap();
        let track = mp4.tracks().values().next().unwrap();
        assert_eq!(track.kind, Some(re_mp4::TrackKind::Video));
        assert_eq!((track.width, track.height, track.samples.len()), (64, 32, 10));
        assert_eq!(track.duration as f64 / track.timescale as f64, 0.4);
        for (sample, unit) in track.samples.iter().zip(&units) {
            assert_eq!(&file[sample.byte_range()], unit.bytes);
            assert_eq!(sample.is_sync, unit.key);
        }
    }
}
