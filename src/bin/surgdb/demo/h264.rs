//! A very small H.264 encoder: enough for a real, lossless clip of a scene that hardly moves.
//!
//! Baseline profile. A key frame codes every macroblock as raw samples (`I_PCM`); the frames between code only
//! the macroblocks that changed and skip the others. References are to ITU-T H.264 (08/2021).

use crate::mp4::Unit;
use image::RgbImage;
use std::ops::Range;

/// The side of a macroblock in pixels.
const BLOCK: usize = 16;
/// By how much a sample may differ before its macroblock is coded anew.
const TOLERANCE: u8 = 2;
/// `profile_idc`, the constraint flags 0 and 1, and `level_idc` (3.1).
pub const PROFILE: [u8; 3] = [66, 0xc0, 31];

/// Turns pictures into H.264 access units.
pub struct Encoder {
    blocks: (usize, usize),
    /// What a decoder shows now.
    shown: Option<Planes>,
    frame_number: u32,
    key_frames: u32,
}

impl Encoder {
    /// An encoder for pictures of this size; both sides must be multiples of 16.
    pub fn new(width: u32, height: u32) -> Self {
        debug_assert!(width.is_multiple_of(16) && height.is_multiple_of(16));
        let blocks = (width as usize / BLOCK, height as usize / BLOCK);
        Self { blocks, shown: None, frame_number: 0, key_frames: 0 }
    }

    /// The sequence parameter set (7.3.2.1), as a NAL unit.
    pub fn sequence_parameters(&self) -> Vec<u8> {
        let mut bits = Bits::default();
        PROFILE.into_iter().for_each(|byte| bits.put(8, byte.into()));
        bits.unsigned(0); // seq_parameter_set_id
        bits.unsigned(4); // frame_num takes 8 bits
        bits.unsigned(2); // pictures come out in the order they are coded in
        bits.unsigned(1); // one reference frame
        bits.put(1, 0); // no gaps in frame_num
        bits.unsigned(self.blocks.0 as u32 - 1);
        bits.unsigned(self.blocks.1 as u32 - 1);
        bits.put(1, 1); // frames only, no fields
        bits.put(1, 1); // direct_8x8_inference_flag
        bits.put(2, 0); // no cropping, no further information
        nal(0x67, bits)
    }

    /// The picture parameter set (7.3.2.2), as a NAL unit.
    pub fn picture_parameters(&self) -> Vec<u8> {
        let mut bits = Bits::default();
        bits.unsigned(0); // pic_parameter_set_id
        bits.unsigned(0); // seq_parameter_set_id
        bits.put(2, 0); // CAVLC, no field order
        (0..3).for_each(|_| bits.unsigned(0)); // one slice group, one reference in each list
        bits.put(3, 0); // no weighted prediction
        (0..3).for_each(|_| bits.unsigned(0)); // quantisers as they are
        bits.put(3, 0b100); // the slices say that there is no deblocking
        nal(0x68, bits)
    }

    /// Codes the next picture.
    pub fn encode(&mut self, picture: &RgbImage, key: bool) -> Unit {
        let planes = Planes::new(picture);
        let shown = self.shown.take().filter(|_| !key);
        let key = shown.is_none();
        let (unit, shown) = match shown {
            Some(shown) => self.between(&planes, shown),
            None => (self.key(&planes), planes),
        };
        self.shown = Some(shown);
        let mut bytes = (unit.len() as u32).to_be_bytes().to_vec();
        bytes.extend(unit);
        Unit { bytes, key }
    }

    fn key(&mut self, planes: &Planes) -> Vec<u8> {
        self.frame_number = 0;
        let mut bits = Bits::default();
        bits.unsigned(0); // first_mb_in_slice
        bits.unsigned(7); // an I slice, as all of the picture
        bits.unsigned(0);
        bits.put(8, 0); // frame_num
        bits.unsigned(self.key_frames % 2); // idr_pic_id: differs from its neighbours
        bits.put(2, 0); // dec_ref_pic_marking
        end_of_header(&mut bits);
        self.key_frames += 1;
        for (bx, by) in self.positions() {
            bits.unsigned(25); // mb_type I_PCM (table 7-11)
            planes.put(bx, by, &mut bits);
        }
        nal(0x65, bits)
    }

    /// Codes what differs from what is shown, and says what is shown then: skipped blocks stay as they were, so that
    /// small differences do not add up.
    fn between(&mut self, planes: &Planes, mut shown: Planes) -> (Vec<u8>, Planes) {
        self.frame_number = (self.frame_number + 1) % 256;
        let mut bits = Bits::default();
        bits.unsigned(0);
        bits.unsigned(5); // a P slice, as all of the picture
        bits.unsigned(0);
        bits.put(8, self.frame_number);
        bits.put(3, 0); // no override, no reordering, sliding window
        end_of_header(&mut bits);
        let mut skipped = 0;
        for (bx, by) in self.positions() {
            if planes.same(&shown, bx, by) {
                skipped += 1;
                continue;
            }
            bits.unsigned(skipped);
            skipped = 0;
            bits.unsigned(5 + 25); // mb_type I_PCM in a P slice
            planes.put(bx, by, &mut bits);
            shown.take(planes, bx, by);
        }
        if skipped > 0 {
            bits.unsigned(skipped);
        }
        (nal(0x41, bits), shown)
    }

    fn positions(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let (columns, rows) = self.blocks;
        (0..rows).flat_map(move |by| (0..columns).map(move |bx| (bx, by)))
    }
}

fn end_of_header(bits: &mut Bits) {
    bits.unsigned(0); // slice_qp_delta
    bits.unsigned(1); // disable_deblocking_filter_idc
}

/// A picture as luma and two chroma planes of half the size, BT.601 in studio range.
struct Planes {
    width: usize,
    planes: [Vec<u8>; 3],
}

impl Planes {
    fn new(picture: &RgbImage) -> Self {
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let rgb = |x: usize, y: usize| picture.get_pixel(x as u32, y as u32).0.map(f32::from);
        let luma = |[r, g, b]: [f32; 3]| (16.5 + 0.2568 * r + 0.5041 * g + 0.0979 * b) as u8;
        let luma = (0..width * height).map(|at| luma(rgb(at % width, at / width))).collect();
        let [blue, red] = [[-0.1482, -0.2910, 0.4392], [0.4392, -0.3678, -0.0714]].map(|weights| {
            let sample = |at: usize| {
                let (x, y) = (at % (width / 2) * 2, at / (width / 2) * 2);
                let sum: f32 = [(x, y), (x + 1, y), (x, y + 1), (x + 1, y + 1)]
                    .map(|(x, y)| rgb(x, y).iter().zip(weights).map(|(part, weight)| part * weight).sum::<f32>())
                    .iter()
                    .sum();
                (128.5 + sum / 4.0) as u8
            };
            (0..width * height / 4).map(sample).collect()
        });
        Self { width, planes: [luma, blue, red] }
    }

    /// Where the rows of a macroblock are: plane and range; 16 of luma, then 8 and 8 of chroma.
    fn rows(&self, bx: usize, by: usize) -> impl Iterator<Item = (usize, Range<usize>)> + use<> {
        let width = self.width;
        (0..3).flat_map(move |plane| {
            let (width, side) = if plane == 0 { (width, BLOCK) } else { (width / 2, BLOCK / 2) };
            (0..side).map(move |row| {
                let start = (by * side + row) * width + bx * side;
                (plane, start..start + side)
            })
        })
    }

    fn take(&mut self, from: &Self, bx: usize, by: usize) {
        for (plane, row) in self.rows(bx, by) {
            self.planes[plane][row.clone()].copy_from_slice(&from.planes[plane][row]);
        }
    }

    fn same(&self, other: &Self, bx: usize, by: usize) -> bool {
        let close = |(a, b): (&u8, &u8)| a.abs_diff(*b) <= TOLERANCE;
        self.rows(bx, by)
            .all(|(plane, row)| self.planes[plane][row.clone()].iter().zip(&other.planes[plane][row]).all(close))
    }

    fn put(&self, bx: usize, by: usize, bits: &mut Bits) {
        bits.align();
        self.rows(bx, by).for_each(|(plane, row)| bits.bytes.extend_from_slice(&self.planes[plane][row]));
    }
}

/// Bits, the most significant first.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    open: u32,
    count: u32,
}

impl Bits {
    fn put(&mut self, count: u32, value: u32) {
        for at in (0..count).rev() {
            self.open = self.open << 1 | (value >> at & 1);
            self.count += 1;
            if self.count == 8 {
                self.bytes.push(self.open as u8);
                (self.open, self.count) = (0, 0);
            }
        }
    }

    /// An unsigned Exp-Golomb code (9.1).
    fn unsigned(&mut self, value: u32) {
        let length = 32 - (value + 1).leading_zeros();
        self.put(length - 1, 0);
        self.put(length, value + 1);
    }

    fn align(&mut self) {
        while self.count > 0 {
            self.put(1, 0);
        }
    }
}

/// A NAL unit: the payload with its end mark, and with an escape wherever it would look like a start code (7.4.1).
fn nal(header: u8, mut bits: Bits) -> Vec<u8> {
    bits.put(1, 1);
    bits.align();
    let mut bytes = vec![header];
    let mut zeros = 0;
    for byte in bits.bytes {
        if zeros >= 2 && byte <= 3 {
            bytes.push(3);
            zeros = 0;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        bytes.push(byte);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_coded_as_the_standards_table_has_them() {
        let mut bits = Bits::default();
        (0..4).for_each(|value| bits.unsigned(value)); // 1 010 011 00100
        bits.align();
        assert_eq!(bits.bytes, [0b1010_0110, 0b0100_0000]);
    }

    #[test]
    fn a_picture_that_did_not_change_is_skipped_whole() {
        let picture = RgbImage::from_pixel(64, 32, image::Rgb([120, 60, 60]));
        let mut encoder = Encoder::new(64, 32);
        let first = encoder.encode(&picture, false);
        assert!(first.key && first.bytes.len() > 64 * 32 * 3 / 2);
        let second = encoder.encode(&picture, false);
        assert!(!second.key && second.bytes.len() < 20);
    }

    #[test]
    fn nothing_looks_like_a_start_code() {
        let mut bits = Bits::default();
        bits.put(32, 0);
        bits.put(8, 1);
        let unit = nal(0x65, bits);
        assert!(unit.windows(3).all(|three| !matches!(three, [0, 0, 0..=2])), "{unit:?}");
    }
}
