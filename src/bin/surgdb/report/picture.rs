//! Pictures of the dataset, made small enough for a page: decoded, scaled down, and coded again, so that nothing that was
//! hidden in a file comes along.

use crate::mp4::{Track, Unit};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::imageops::FilterType;
use image::{DynamicImage, ImageEncoder as _, ImageReader, Limits, Rgba, RgbaImage};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;
use surgdb::dataset::{Frame, Video};
use surgdb::import::KeyFrame;
use surgdb::{Dataset, Error, ErrorKind, Result};

use super::plots::COLOURS;

/// The longest side of a picture that is decoded.
const SIDE_MAX: u32 = 16_384;
/// The memory that decoding a picture may take.
const DECODED_MAX: u64 = 512 << 20;
/// The largest linked video that is read for one picture of it.
const LINKED_MAX: i64 = 256 << 20;
/// How good a photograph is kept, of 100.
const QUALITY: u8 = 80;
/// Different values of a mask that are told apart; with more, it is a mask that was blurred.
const MASK_VALUES: usize = 64;

/// Why there is no picture where none is wanted.
const NOT_WANTED: &str = "pictures are left out of this page";
/// Why there is no picture where there was no more room.
const NO_ROOM: &str = "left out, so that the page stays small";

/// A picture that is ready for the page.
pub struct Drawn {
    /// A `data:` address with its bytes.
    pub uri: String,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

/// A picture, or why there is none, in words.
pub type Attempt<T> = std::result::Result<T, String>;

/// Makes pictures for the page, until there are too many bytes of them.
pub struct Pictures<'a> {
    /// Where they come from.
    pub dataset: &'a Dataset,
    /// Whether any are wanted.
    wanted: bool,
    /// Bytes that may still be taken.
    left: usize,
    /// How many pictures and clips were taken.
    pub taken: u64,
    /// How many were left out for want of room.
    pub left_out: u64,
    /// How many could not be read or drawn.
    pub failed: u64,
}

impl<'a> Pictures<'a> {
    /// Pictures of this dataset, of so many bytes together; none where there is no room at all.
    pub fn new(dataset: &'a Dataset, room: usize) -> Self {
        Self { dataset, wanted: room > 0, left: room, taken: 0, left_out: 0, failed: 0 }
    }

    /// A frame, with no side longer than this.
    ///
    /// # Errors
    /// When the dataset cannot be read; a picture that is damaged or gone is an [`Attempt`] that failed.
    pub fn frame(&mut self, frame: &Frame<'_>, longest: u32) -> Result<Attempt<Drawn>> {
        let kind = frame.kind()?.to_owned();
        self.drawn(frame, |decoded| match kind.as_str() {
            "mask" | "segmentation" => mask_picture(&decoded, longest),
            "depth" => depth_picture(&decoded, longest),
            _ => photograph(&decoded, longest),
        })
    }

    /// A mask in one colour that can be seen through, to lie over the picture that it belongs to.
    ///
    /// # Errors
    /// As [`Pictures::frame`].
    pub fn tint(&mut self, frame: &Frame<'_>, colour: &str, longest: u32) -> Result<Attempt<Drawn>> {
        let [red, green, blue] = rgb(colour);
        self.drawn(frame, |decoded| {
            let values = Values::of(&scaled(&decoded, longest, FilterType::Nearest));
            let paint = |value: u32| if value == 0 { Rgba([0; 4]) } else { Rgba([red, green, blue, 120]) };
            png(&values.painted(paint))
        })
    }

    fn drawn(
        &mut self,
        frame: &Frame<'_>,
        draw: impl FnOnce(DynamicImage) -> image::ImageResult<Drawn>,
    ) -> Result<Attempt<Drawn>> {
        if !self.wanted {
            return Ok(Err(NOT_WANTED.into()));
        }
        let bytes = match frame.bytes() {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Ok(Err("its file is missing".into())),
            Err(error) => return self.unreadable(error),
        };
        match decoded(&bytes).and_then(draw) {
            Ok(drawn) => Ok(self.take(drawn)),
            Err(error) => {
                self.failed += 1;
                Ok(Err(format!("it cannot be drawn: {error}")))
            }
        }
    }

    /// The picture of a video that is shown at this second, or the nearest before that a decoder can start at: a video of
    /// one frame, coded as it was.
    ///
    /// # Errors
    /// As [`Pictures::frame`].
    pub fn still(&mut self, video: &Video<'_>, seconds: f64) -> Result<Attempt<(Drawn, f64)>> {
        if !self.wanted {
            return Ok(Err(NOT_WANTED.into()));
        }
        let Some(blob) = video.blob()? else { return Ok(Err("its file is missing".into())) };
        let blob = self.dataset.blob(blob)?;
        if blob.uri()?.is_some() && blob.size()? > LINKED_MAX {
            return Ok(Err("its file is linked, and too large to be read for a picture".into()));
        }
        let bytes = match blob.bytes() {
            Ok(bytes) => bytes,
            Err(error) => return self.unreadable(error),
        };
        let key = match KeyFrame::find(&bytes, seconds) {
            Ok(key) => key,
            Err(error) => return self.unreadable(error),
        };
        if key.sample.len() > self.left {
            self.left_out += 1;
            return Ok(Err(NO_ROOM.into()));
        }
        let unit = Unit { bytes: key.sample.to_vec(), key: true };
        let track = Track { size: key.size, fps: 25, description: key.description, units: &[unit] };
        let drawn = Drawn { uri: data("video/mp4", &track.to_file()), width: key.size.0, height: key.size.1 };
        Ok(self.take(drawn).map(|drawn| (drawn, key.time)))
    }

    fn take(&mut self, drawn: Drawn) -> Attempt<Drawn> {
        if drawn.uri.len() > self.left {
            self.left_out += 1;
            return Err(NO_ROOM.into());
        }
        self.left -= drawn.uri.len();
        self.taken += 1;
        Ok(drawn)
    }

    fn unreadable<T>(&mut self, error: Error) -> Result<Attempt<T>> {
        match error.kind() {
            ErrorKind::Corrupt | ErrorKind::LinkBroken | ErrorKind::Io => {
                self.failed += 1;
                Ok(Err(error.message().to_owned()))
            }
            _ => Err(error),
        }
    }
}

fn decoded(bytes: &[u8]) -> image::ImageResult<DynamicImage> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format()?;
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(SIDE_MAX), Some(SIDE_MAX));
    limits.max_alloc = Some(DECODED_MAX);
    reader.limits(limits);
    reader.decode()
}

/// The picture with no side longer than this; never larger than it was.
fn scaled(picture: &DynamicImage, longest: u32, filter: FilterType) -> DynamicImage {
    match picture.width().max(picture.height()) > longest {
        true => picture.resize(longest, longest, filter),
        false => picture.clone(),
    }
}

fn photograph(picture: &DynamicImage, longest: u32) -> image::ImageResult<Drawn> {
    let picture = scaled(picture, longest, FilterType::Triangle).to_rgb8();
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, QUALITY).encode_image(&picture)?;
    Ok(Drawn { uri: data("image/jpeg", &bytes), width: picture.width(), height: picture.height() })
}

/// A depth map from its least value, black, to its greatest, white.
fn depth_picture(picture: &DynamicImage, longest: u32) -> image::ImageResult<Drawn> {
    let depths = scaled(picture, longest, FilterType::Triangle).to_luma16();
    let (least, most) = depths.iter().fold((u16::MAX, 0), |(least, most), depth| (least.min(*depth), most.max(*depth)));
    let range = f32::from(most.saturating_sub(least)).max(1.0);
    let shade = |depth: u16| (f32::from(depth.saturating_sub(least)) / range * 255.0) as u8;
    let shaded =
        image::GrayImage::from_fn(depths.width(), depths.height(), |x, y| image::Luma([shade(depths[(x, y)].0[0])]));
    photograph(&shaded.into(), longest)
}

/// A mask: in its own colours where it has some, else each of its values in another one.
fn mask_picture(picture: &DynamicImage, longest: u32) -> image::ImageResult<Drawn> {
    let small = scaled(picture, longest, FilterType::Nearest);
    let coloured = small.color().has_color() && small.to_rgb8().pixels().any(|p| p.0[0] != p.0[1] || p.0[1] != p.0[2]);
    if coloured {
        return png(&small.to_rgba8());
    }
    let values = Values::of(&small);
    let different: BTreeSet<u32> = values.values.iter().copied().filter(|value| *value > 0).collect();
    let numbers: BTreeMap<u32, usize> = different.into_iter().zip(0..).collect();
    png(&values.painted(|value| match numbers.get(&value) {
        None => Rgba([24, 26, 32, 255]),
        Some(number) => {
            let [red, green, blue] = rgb(COLOURS[number % COLOURS.len()]);
            Rgba([red, green, blue, 255])
        }
    }))
}

/// The values of a mask's pixels: 0 is the background.
struct Values {
    width: u32,
    height: u32,
    values: Vec<u32>,
}

impl Values {
    fn of(picture: &DynamicImage) -> Self {
        let mut values: Vec<u32> = match picture {
            DynamicImage::ImageLuma16(grey) => grey.iter().map(|value| u32::from(*value)).collect(),
            other => {
                let value = |pixel: &Rgba<u8>| match pixel.0 {
                    [.., 0] => 0,
                    [red, green, blue, _] => u32::from_be_bytes([0, red, green, blue]),
                };
                other.to_rgba8().pixels().map(value).collect()
            }
        };
        let different: BTreeSet<u32> = values.iter().copied().take(1 << 20).collect();
        if different.len() > MASK_VALUES {
            let middle = different.last().copied().unwrap_or(0) / 2;
            values.iter_mut().for_each(|value| *value = u32::from(*value > middle));
        }
        Self { width: picture.width(), height: picture.height(), values }
    }

    fn painted(&self, paint: impl Fn(u32) -> Rgba<u8>) -> RgbaImage {
        let at = |x: u32, y: u32| y as usize * self.width as usize + x as usize;
        let value = |x, y| self.values.get(at(x, y)).copied().unwrap_or(0);
        RgbaImage::from_fn(self.width, self.height, |x, y| paint(value(x, y)))
    }
}

fn png(picture: &RgbaImage) -> image::ImageResult<Drawn> {
    let (width, height) = picture.dimensions();
    let mut bytes = Vec::new();
    PngEncoder::new(&mut bytes).write_image(picture, width, height, image::ExtendedColorType::Rgba8)?;
    Ok(Drawn { uri: data("image/png", &bytes), width, height })
}

fn data(media_type: &str, bytes: &[u8]) -> String {
    format!("data:{media_type};base64,{}", BASE64_STANDARD.encode(bytes))
}

/// The parts of a colour such as `#4c8bf5`.
fn rgb(colour: &str) -> [u8; 3] {
    let part = |at: usize| colour.get(at..at + 2).and_then(|hex| u8::from_str_radix(hex, 16).ok()).unwrap_or(128);
    [part(1), part(3), part(5)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{GrayImage, ImageBuffer, Luma};

    fn encoded(picture: &DynamicImage) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    fn back(drawn: &Drawn) -> DynamicImage {
        let bytes = BASE64_STANDARD.decode(drawn.uri.split(',').nth(1).unwrap()).unwrap();
        image::load_from_memory(&bytes).unwrap()
    }

    #[test]
    fn pictures_are_made_smaller_and_never_larger() {
        for (width, height, wanted) in [(400, 200, (100, 50)), (50, 100, (50, 100))] {
            let picture = decoded(&encoded(&DynamicImage::new_rgb8(width, height))).unwrap();
            let drawn = photograph(&picture, 100).unwrap();
            assert_eq!((drawn.width, drawn.height), wanted);
            assert_eq!((back(&drawn).width(), back(&drawn).height()), wanted);
        }
        assert!(decoded(b"no picture").is_err());
    }

    #[test]
    fn the_classes_of_a_mask_can_be_told_apart_even_where_their_values_hardly_differ() {
        let mask = GrayImage::from_fn(4, 1, |x, _| Luma([x as u8]));
        let wide: ImageBuffer<Luma<u16>, Vec<u16>> = ImageBuffer::from_fn(4, 1, |x, _| Luma([x as u16]));
        for mask in [DynamicImage::from(mask), wide.into()] {
            let shown = back(&mask_picture(&decoded(&encoded(&mask)).unwrap(), 100).unwrap()).to_rgb8();
            let colours: BTreeSet<_> = shown.pixels().map(|pixel| pixel.0).collect();
            assert_eq!(colours.len(), 4);
        }
    }

    #[test]
    fn a_blurred_mask_is_one_mask() {
        let blurred = GrayImage::from_fn(256, 1, |x, _| Luma([x as u8]));
        let values = Values::of(&blurred.into());
        assert_eq!(values.values.iter().filter(|value| **value == 1).count(), 128);
    }
}
