//! The colours of a PNG, pixel by pixel.
//!
//! What is decoded is held whole: at most 2²⁶ pixels, 256 MiB of samples, and two bytes a pixel for the colours' numbers.

use super::colour::Colour;
use crate::error::{Error, Result};
use crate::schema::rows::BoxCoords;
use std::collections::HashMap;
use std::io::Cursor;

/// The most pixels that a mask may have.
const PIXEL_LIMIT: u64 = 1 << 26;
/// The most bytes of its samples.
const BYTE_LIMIT: usize = 256 << 20;
/// The most colours: a picture with more was not painted with a table of colours.
const COLOUR_LIMIT: usize = 4096;

/// A picture as numbers of colours.
pub(super) struct Pixels {
    pub(super) width: u32,
    pub(super) height: u32,
    /// The number of each pixel's colour, line by line.
    pub(super) numbers: Vec<u16>,
    /// The colours, in the order in which they are met.
    pub(super) colours: Vec<Counted>,
    /// Whether a reader of grey masks sees it as one: a grey picture, or one bit, without transparency.
    pub(super) is_grey: bool,
}

/// A colour of a picture.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Counted {
    pub(super) colour: Colour,
    /// How many pixels have it.
    pub(super) pixels: u64,
    /// The first of them: x and y from the top left.
    pub(super) first: (u32, u32),
}

/// What a sample of the picture is.
struct Samples<'p> {
    color: png::ColorType,
    /// Bits a sample.
    depth: usize,
    palette: Option<&'p [u8]>,
    transparent: Option<&'p [u8]>,
    /// Whether grey values and numbers of a palette's entries are asked for, rather than what they look like.
    by_value: bool,
}

impl Pixels {
    /// Decodes a PNG. `by_value` asks for grey values and numbers of palette entries; else all is red, green and blue.
    ///
    /// # Errors
    /// `Input` where it is none, is damaged, or is larger or has more colours than a mask may.
    pub(super) fn of_png(png: &[u8], by_value: bool) -> Result<Self> {
        let broken = |error: png::DecodingError| Error::input(format!("it is no PNG that can be read: {error}"));
        let limits = png::Limits { bytes: BYTE_LIMIT };
        let mut decoder = png::Decoder::new_with_limits(Cursor::new(png), limits);
        decoder.set_ignore_text_chunk(true);
        decoder.set_ignore_iccp_chunk(true);
        let header = decoder.read_header_info().map_err(broken)?;
        let (width, height) = (header.width, header.height);
        if u64::from(width) * u64::from(height) > PIXEL_LIMIT {
            let message = format!("{width} × {height} pixels are too many for a mask: the most are {PIXEL_LIMIT}");
            return Err(Error::input(message));
        }
        let mut reader = decoder.read_info().map_err(broken)?;
        let size = reader.output_buffer_size().filter(|size| *size <= BYTE_LIMIT);
        let size = size.ok_or_else(|| Error::input(format!("its samples are more than {BYTE_LIMIT} bytes")))?;
        let mut bytes = vec![0; size];
        let frame = reader.next_frame(&mut bytes).map_err(broken)?;
        let info = reader.info();
        let samples = Samples {
            color: frame.color_type,
            depth: frame.bit_depth as usize,
            palette: info.palette.as_deref(),
            transparent: info.trns.as_deref(),
            by_value,
        };
        let mut pixels = Self {
            width,
            height,
            numbers: Vec::with_capacity(width as usize * height as usize),
            colours: Vec::new(),
            is_grey: samples.color == png::ColorType::Grayscale && samples.transparent.is_none(),
        };
        pixels.fill(&bytes, frame.line_size, &samples)?;
        Ok(pixels)
    }

    fn fill(&mut self, bytes: &[u8], line_size: usize, samples: &Samples<'_>) -> Result<()> {
        let bits = samples.depth * samples.color.samples();
        let mut known: HashMap<Colour, u16> = HashMap::new();
        // Neighbours are mostly alike.
        let mut last: Option<([u8; 8], u16)> = None;
        for (y, line) in bytes.chunks_exact(line_size.max(1)).take(self.height as usize).enumerate() {
            for x in 0..self.width as usize {
                let sample = raw_sample(line, x, bits);
                let number = match last {
                    Some((before, number)) if before == sample => number,
                    _ => {
                        let colour = samples.colour(sample)?;
                        match known.get(&colour) {
                            Some(number) => *number,
                            None => self.meet(colour, (x as u32, y as u32), &mut known)?,
                        }
                    }
                };
                last = Some((sample, number));
                if let Some(counted) = self.colours.get_mut(usize::from(number)) {
                    counted.pixels += 1;
                }
                self.numbers.push(number);
            }
        }
        Ok(())
    }

    fn meet(&mut self, colour: Colour, first: (u32, u32), known: &mut HashMap<Colour, u16>) -> Result<u16> {
        if self.colours.len() >= COLOUR_LIMIT {
            let message = format!(
                "it has more than {COLOUR_LIMIT} colours: a photograph, or a mask that was smoothed or was a JPEG once"
            );
            return Err(Error::input(message));
        }
        let number = self.colours.len() as u16;
        self.colours.push(Counted { colour, pixels: 0, first });
        known.insert(colour, number);
        Ok(number)
    }
}

/// The bits of a pixel: whole bytes from the start, or the value of fewer bits in the first.
fn raw_sample(line: &[u8], x: usize, bits: usize) -> [u8; 8] {
    let mut sample = [0; 8];
    if bits < 8 {
        let at = x * bits;
        let byte = line.get(at / 8).copied().unwrap_or_default();
        sample[0] = (byte >> (8 - bits - at % 8)) & ((1 << bits) - 1);
        return sample;
    }
    let size = bits / 8;
    let from = line.get(x * size..(x + 1) * size).unwrap_or_default();
    sample.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
    sample
}

impl Samples<'_> {
    fn colour(&self, sample: [u8; 8]) -> Result<Colour> {
        // Each channel in 16 bits, as wide as it is in the file and as all viewers show it.
        let wide = |at: usize| match self.depth {
            16 => u16::from_be_bytes([sample[2 * at], sample[2 * at + 1]]),
            depth => u16::from(sample[at]) * (255 / ((1 << depth) - 1)) * 257,
        };
        Ok(match self.color {
            png::ColorType::Indexed if self.by_value => Colour::Value(u16::from(sample[0])),
            png::ColorType::Indexed => self.entry(sample[0])?,
            png::ColorType::Grayscale => {
                self.seen([wide(0); 3], u16::MAX, self.is_transparent(&[self.written(&sample, 0)]))
            }
            png::ColorType::GrayscaleAlpha => self.seen([wide(0); 3], wide(1), false),
            png::ColorType::Rgb => {
                let written = [0, 1, 2].map(|at| self.written(&sample, at));
                self.seen([wide(0), wide(1), wide(2)], u16::MAX, self.is_transparent(&written))
            }
            png::ColorType::Rgba => self.seen([wide(0), wide(1), wide(2)], wide(3), false),
        })
    }

    /// A channel as it stands in the file.
    fn written(&self, sample: &[u8; 8], at: usize) -> u16 {
        match self.depth {
            16 => u16::from_be_bytes([sample[2 * at], sample[2 * at + 1]]),
            _ => u16::from(sample[at]),
        }
    }

    /// Whether the file says of this colour that it cannot be seen.
    fn is_transparent(&self, written: &[u16]) -> bool {
        // The decoder gives the key in samples of the picture's own width.
        self.transparent.is_some_and(|key| match self.depth {
            16 => key.chunks(2).eq(written.iter().map(|channel| channel.to_be_bytes())),
            _ => key.iter().copied().map(u16::from).eq(written.iter().copied()),
        })
    }

    fn seen(&self, [red, green, blue]: [u16; 3], opacity: u16, is_transparent: bool) -> Colour {
        let opacity = if is_transparent { 0 } else { opacity };
        if self.by_value && red == green && green == blue && opacity == u16::MAX {
            // Of 16 bits the value itself, of fewer that of 8.
            return Colour::Value(if self.depth == 16 { red } else { red / 257 });
        }
        Colour::rgba([red, green, blue, opacity])
    }

    fn entry(&self, number: u8) -> Result<Colour> {
        let at = usize::from(number) * 3;
        let Some([red, green, blue]) = self.palette.and_then(|palette| palette.get(at..at + 3)) else {
            return Err(Error::input(format!("a pixel has entry {number} of a palette that has no such entry")));
        };
        let opacity = self.transparent.and_then(|opacities| opacities.get(usize::from(number))).copied();
        Ok(Colour::of_bytes([*red, *green, *blue, opacity.unwrap_or(255)]))
    }
}

/// Pixels of some colours.
pub(super) struct Part {
    /// 255 inside, 0 outside, line by line.
    pub(super) inside: Vec<u8>,
    /// How many are inside.
    pub(super) count: u64,
    /// The box around them, in parts of the picture's sides; none where there are none.
    pub(super) bbox: Option<BoxCoords>,
}

impl Pixels {
    /// The pixels of the colours with these numbers.
    pub(super) fn part(&self, numbers: &[u16]) -> Part {
        let (width, height) = (self.width as usize, self.height as usize);
        let (mut inside, mut count) = (vec![0; self.numbers.len()], 0);
        let mut sides: Option<[usize; 4]> = None;
        let lines = self.numbers.chunks_exact(width.max(1)).zip(inside.chunks_exact_mut(width.max(1)));
        for (y, (line, inside)) in lines.enumerate() {
            for (x, (number, inside)) in line.iter().zip(inside).enumerate() {
                if numbers.contains(number) {
                    *inside = 255;
                    count += 1;
                    let [x0, y0, x1, _] = sides.unwrap_or([x, y, x, y]);
                    sides = Some([x0.min(x), y0, x1.max(x), y]);
                }
            }
        }
        let of = |place: usize, side: usize| (place as f64 / side as f64) as f32;
        let bbox = sides.map(|[x0, y0, x1, y1]| [of(x0, width), of(y0, height), of(x1 + 1, width), of(y1 + 1, height)]);
        Part { inside, count, bbox }
    }

    /// Whether it is grey, with one value besides 0: what any reader takes for the mask of one thing.
    pub(super) fn is_plain(&self) -> bool {
        let black = |counted: &Counted| counted.colour == Colour::nothing(counted.colour.is_value());
        self.is_grey && self.colours.iter().filter(|counted| !black(counted)).count() <= 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use png::{BitDepth, ColorType};

    /// A PNG of one line.
    fn line(color: ColorType, depth: BitDepth, width: u32, samples: &[u8], palette: &[u8], trns: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut encoder = png::Encoder::new(&mut out, width, 1);
        encoder.set_color(color);
        encoder.set_depth(depth);
        if !palette.is_empty() {
            encoder.set_palette(palette.to_vec());
        }
        if !trns.is_empty() {
            encoder.set_trns(trns.to_vec());
        }
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(samples).unwrap();
        writer.finish().unwrap();
        out
    }

    /// The colours of a line, pixel by pixel, as values and as what they look like.
    fn shown(png: &[u8]) -> (Vec<String>, Vec<String>) {
        let of = |by_value| {
            let pixels = Pixels::of_png(png, by_value).unwrap();
            let colours = pixels.numbers.iter().map(|number| pixels.colours[usize::from(*number)].colour.to_string());
            colours.collect()
        };
        (of(true), of(false))
    }

    fn is(png: &[u8], values: &[&str], colours: &[&str]) {
        let (found, seen) = shown(png);
        assert_eq!(
            (found, seen),
            (values.iter().map(|v| v.to_string()).collect(), colours.iter().map(|c| c.to_string()).collect())
        );
    }

    #[test]
    fn all_depths_and_kinds_of_png_are_read() {
        use BitDepth::*;
        use ColorType::*;
        // Grey values of few bits are as wide as viewers show them; entries of a palette are their numbers.
        is(
            &line(Grayscale, One, 3, &[0b1010_0000], &[], &[]),
            &["255", "0", "255"],
            &["#ffffff", "#000000", "#ffffff"],
        );
        is(
            &line(Grayscale, Two, 3, &[0b0110_1100], &[], &[]),
            &["85", "170", "255"],
            &["#555555", "#aaaaaa", "#ffffff"],
        );
        is(&line(Grayscale, Four, 3, &[0x1f, 0x00], &[], &[]), &["17", "255", "0"], &["#111111", "#ffffff", "#000000"]);
        is(&line(Grayscale, Eight, 2, &[7, 255], &[], &[]), &["7", "255"], &["#070707", "#ffffff"]);
        is(&line(Grayscale, Sixteen, 2, &[1, 2, 255, 255], &[], &[]), &["258", "65535"], &["#010201020102", "#ffffff"]);
        is(&line(Grayscale, Eight, 2, &[7, 8], &[], &[0, 7]), &["transparent", "8"], &["transparent", "#080808"]);
        is(
            &line(GrayscaleAlpha, Eight, 3, &[7, 255, 7, 0, 7, 128], &[], &[]),
            &["7", "transparent", "#07070780"],
            &["#070707", "transparent", "#07070780"],
        );
        is(&line(Rgb, Eight, 2, &[1, 1, 1, 255, 0, 20], &[], &[]), &["1", "#ff0014"], &["#010101", "#ff0014"]);
        is(
            &line(Rgb, Eight, 2, &[1, 1, 1, 255, 0, 20], &[], &[0, 255, 0, 0, 0, 20]),
            &["1", "transparent"],
            &["#010101", "transparent"],
        );
        is(
            &line(Rgb, Sixteen, 2, &[255, 255, 0, 0, 20, 20, 0, 1, 0, 0, 0, 0], &[], &[]),
            &["#ff0014", "#000100000000"],
            &["#ff0014", "#000100000000"],
        );
        is(
            &line(Rgba, Eight, 2, &[255, 0, 0, 255, 9, 9, 9, 0], &[], &[]),
            &["#ff0000", "transparent"],
            &["#ff0000", "transparent"],
        );
        let palette = [0, 0, 0, 255, 0, 0, 0, 128, 0];
        for (depth, samples) in [(Two, &[0b0001_1001][..]), (Four, &[0x01, 0x21]), (Eight, &[0, 1, 2, 1])] {
            let png = line(Indexed, depth, 4, samples, &palette, &[]);
            is(&png, &["0", "1", "2", "1"], &["#000000", "#ff0000", "#008000", "#ff0000"]);
        }
        let png = line(Indexed, Eight, 3, &[0, 1, 2], &palette, &[0, 128]);
        is(&png, &["0", "1", "2"], &["transparent", "#ff000080", "#008000"]);
    }

    fn chunk(png: &mut Vec<u8>, kind: &[u8], data: &[u8]) {
        png.extend((data.len() as u32).to_be_bytes());
        let from = png.len();
        png.extend(kind);
        png.extend(data);
        let sum = crc32fast::hash(&png[from..]);
        png.extend(sum.to_be_bytes());
    }

    fn png_of(header: &[u32; 2], rest: [u8; 5], raw: &[u8]) -> Vec<u8> {
        let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
        let sides = header.iter().flat_map(|side| side.to_be_bytes());
        chunk(&mut png, b"IHDR", &sides.chain(rest).collect::<Vec<u8>>());
        let (mut a, mut b) = (1u32, 0u32);
        for byte in raw {
            a = (a + u32::from(*byte)) % 65_521;
            b = (b + a) % 65_521;
        }
        let length = raw.len() as u16;
        let stored =
            [&[0x78, 1, 1][..], &length.to_le_bytes(), &(!length).to_le_bytes(), raw, &((b << 16) | a).to_be_bytes()];
        chunk(&mut png, b"IDAT", &stored.concat());
        chunk(&mut png, b"IEND", &[]);
        png
    }

    #[test]
    fn interlaced_pictures_come_out_in_order() {
        // Of 2 × 2 pixels the first passes have the first of the first line, then the second, then the second line.
        let png = png_of(&[2, 2], [8, 0, 0, 0, 1], &[0, 10, 0, 20, 0, 30, 40]);
        assert_eq!(shown(&png).0, ["10", "20", "30", "40"]);
    }

    #[test]
    fn what_cannot_be_a_mask_is_refused_before_it_is_held() {
        let fault = |png: &[u8]| Pixels::of_png(png, true).err().map(|error| error.message().to_owned());
        let huge = png_of(&[i32::MAX as u32, i32::MAX as u32], [8, 0, 0, 0, 0], &[0]);
        assert!(fault(&huge).unwrap().contains("are too many for a mask"));
        let most = png_of(&[u32::MAX, u32::MAX], [16, 6, 0, 0, 0], &[0]);
        assert!(fault(&most).is_some());
        // 2²⁶ pixels of 8 bytes each are within the pixels and beyond the bytes.
        let wide = png_of(&[1 << 13, 1 << 13], [16, 6, 0, 0, 0], &[0]);
        assert!(fault(&wide).unwrap().contains("bytes"));
        let samples: Vec<u8> = (0..5000u32).flat_map(|number| number.to_be_bytes()[1..].to_vec()).collect();
        let photograph = line(ColorType::Rgb, BitDepth::Eight, 5000, &samples, &[], &[]);
        assert!(fault(&photograph).unwrap().contains("more than 4096 colours"));
        let png = line(ColorType::Indexed, BitDepth::Eight, 2, &[0, 1], &[1, 2, 3], &[]);
        assert!(Pixels::of_png(&png, false).err().unwrap().message().contains("entry 1 of a palette"));
    }

    #[test]
    fn every_cut_and_every_flipped_byte_is_survived() {
        let palette = [0, 0, 0, 255, 0, 0, 0, 128, 0];
        let whole = [
            line(ColorType::Indexed, BitDepth::Two, 4, &[0b0001_1001], &palette, &[0, 128]),
            line(
                ColorType::Rgb,
                BitDepth::Sixteen,
                2,
                &[255, 255, 0, 0, 20, 20, 0, 1, 0, 0, 0, 0],
                &[],
                &[0, 0, 0, 0, 0, 1],
            ),
            png_of(&[2, 2], [8, 0, 0, 0, 1], &[0, 10, 0, 20, 0, 30, 40]),
        ];
        for png in whole {
            for length in 0..png.len() {
                let _ = Pixels::of_png(&png[..length], true);
            }
            for at in 0..png.len() {
                for value in [0, 1, 0x7f, 0x80, 0xff] {
                    let mut damaged = png.clone();
                    damaged[at] = value;
                    let _ = Pixels::of_png(&damaged, at % 2 == 0);
                }
            }
        }
    }

    #[test]
    fn parts_have_their_box_and_their_pixels() {
        let pixels = Pixels::of_png(&png_of(&[4, 2], [8, 0, 0, 0, 0], &[0, 0, 5, 0, 0, 0, 0, 0, 0, 5]), true).unwrap();
        let part = pixels.part(&[1]);
        assert_eq!((part.inside, part.count), (vec![0, 255, 0, 0, 0, 0, 0, 255], 2));
        assert_eq!(part.bbox, Some([0.25, 0.0, 1.0, 1.0]));
        assert_eq!((pixels.part(&[9]).bbox, pixels.is_plain()), (None, true));
        assert_eq!(pixels.colours[1], Counted { colour: Colour::Value(5), pixels: 2, first: (1, 0) });
    }
}
