//! A mask picture as runs of pixels, down the columns, outside first.

use super::numbers::Pixels;
use crate::dataset::Dataset;
use crate::error::{ErrorKind, Result};
use crate::export::json::{Object, push_raw};
use crate::export::media::bytes_of;
use crate::format::Address;
use std::io::Cursor;

/// The most pixels that a mask may have.
const PIXEL_LIMIT: u64 = 1 << 26;

/// Runs of pixels that are outside and inside in turn.
pub(super) struct Runs {
    width: usize,
    height: usize,
    lengths: Vec<u64>,
}

/// The runs of a mask of this size, or why there are none.
///
/// # Errors
/// `Corrupt`.
pub(super) fn runs(dataset: &Dataset, mask: Address, size: Pixels) -> Result<std::result::Result<Runs, &'static str>> {
    match bytes_of(dataset, mask) {
        Ok(Some(bytes)) => Ok(decoded(&bytes, size)),
        Err(error) if error.kind() != ErrorKind::LinkBroken => Err(error),
        _ => Ok(Err("masks whose bytes the dataset does not have")),
    }
}

fn decoded(png: &[u8], size: Pixels) -> std::result::Result<Runs, &'static str> {
    const UNREAD: &str = "masks that are no grey PNG";
    let mut decoder = png::Decoder::new(Cursor::new(png));
    decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::STRIP_16);
    let mut reader = decoder.read_info().map_err(|_| UNREAD)?;
    let (width, height) = (reader.info().width, reader.info().height);
    if (i64::from(width), i64::from(height)) != (size.width.into(), size.height.into()) {
        return Err("masks of another size than their pictures");
    }
    if u64::from(width) * u64::from(height) > PIXEL_LIMIT || reader.output_color_type().0 != png::ColorType::Grayscale {
        return Err(UNREAD);
    }
    let mut pixels = vec![0; reader.output_buffer_size().ok_or(UNREAD)?];
    reader.next_frame(&mut pixels).map_err(|_| UNREAD)?;
    let (width, height) = (width as usize, height as usize);
    let mut inside = pixels.iter().copied().filter(|pixel| *pixel != 0);
    if inside.next().is_some_and(|first| inside.any(|other| other != first)) {
        return Err("masks that tell several things apart");
    }
    let columns = (0..width).flat_map(|x| (0..height).map(move |y| y * width + x));
    let is_inside = |at: usize| pixels.get(at).is_some_and(|pixel| *pixel != 0);
    let (mut lengths, mut last) = (vec![0u64], false);
    for now in columns.map(is_inside) {
        if now != last {
            lengths.push(0);
            last = now;
        }
        if let Some(length) = lengths.last_mut() {
            *length += 1;
        }
    }
    Ok(Runs { width, height, lengths })
}

impl Runs {
    /// Writes them as COCO does: an object of `counts` and of `size`, height first.
    pub(super) fn push(&self, out: &mut Vec<u8>) {
        let mut object = Object::new(out);
        object.list("counts", &self.lengths, push_raw);
        object.list("size", [self.height, self.width], push_raw);
        object.end();
    }

    /// How many pixels are inside.
    pub(super) fn area(&self) -> u64 {
        self.lengths.iter().skip(1).step_by(2).sum()
    }

    /// The box around what is inside: x, y, width, height.
    pub(super) fn bbox(&self) -> Option<[f64; 4]> {
        let mut found: Option<[usize; 4]> = None;
        let mut at = 0usize;
        for (number, length) in self.lengths.iter().enumerate() {
            let (start, end) = (at, at + *length as usize);
            at = end;
            if number % 2 == 0 || start == end {
                continue;
            }
            let (first, last) = (start / self.height, (end - 1) / self.height);
            let (top, bottom) =
                if first == last { (start % self.height, (end - 1) % self.height) } else { (0, self.height - 1) };
            let [x0, y0, x1, y1] = found.unwrap_or([first, top, last, bottom]);
            found = Some([x0.min(first), y0.min(top), x1.max(last), y1.max(bottom)]);
        }
        found.map(|[x0, y0, x1, y1]| [x0, y0, x1 + 1 - x0, y1 + 1 - y0].map(|value| value as f64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32, pixels: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut encoder = png::Encoder::new(&mut out, width, height);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(pixels).unwrap();
        writer.finish().unwrap();
        out
    }

    #[test]
    fn runs_go_down_the_columns_and_say_their_box() {
        let runs = decoded(&png(3, 2, &[0, 255, 0, 255, 0, 0]), Pixels::new(3, 2)).unwrap();
        assert_eq!((&runs.lengths[..], runs.area()), (&[1, 2, 3][..], 2));
        assert_eq!(runs.bbox(), Some([0.0, 0.0, 2.0, 2.0]));
        let runs = decoded(&png(2, 2, &[9, 9, 9, 9]), Pixels::new(2, 2)).unwrap();
        assert_eq!((&runs.lengths[..], runs.bbox()), (&[0, 4][..], Some([0.0, 0.0, 2.0, 2.0])));
        let runs = decoded(&png(2, 2, &[0; 4]), Pixels::new(2, 2)).unwrap();
        assert_eq!((&runs.lengths[..], runs.bbox()), (&[4][..], None));
    }

    #[test]
    fn what_is_no_mask_of_the_picture_is_told() {
        let mask = png(2, 1, &[1, 2]);
        assert_eq!(decoded(&mask, Pixels::new(2, 1)).err(), Some("masks that tell several things apart"));
        assert_eq!(decoded(&mask, Pixels::new(1, 2)).err(), Some("masks of another size than their pictures"));
        assert_eq!(decoded(b"GIF89a", Pixels::new(1, 2)).err(), Some("masks that are no grey PNG"));
        assert_eq!(decoded(&mask[..40], Pixels::new(2, 1)).err(), Some("masks that are no grey PNG"));
    }
}
