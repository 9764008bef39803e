//! A frame: tissue, instruments, light, smoke and the camera, put together.

use super::instrument::{Instrument, Pose, SHADOW_REACH};
use super::noise::{Rgb, blend, cloud, grid, lerp, step};
use super::tissue::{Pixel, Tissue};
use image::{GrayImage, ImageBuffer, Luma, Rgb as RgbPixel, RgbImage};

/// A depth map: one unit is a hundredth of a millimetre from the lens.
pub type DepthImage = ImageBuffer<Luma<u16>, Vec<u16>>;

/// How a frame is taken.
pub struct Camera {
    /// Width and height in pixels.
    pub size: (u32, u32),
    /// Seconds from the start of the video: the camera drifts and the tissue breathes.
    pub time: f32,
    /// The radius of the round picture of an older endoscope, in picture heights; none where it fills the frame.
    pub circle: Option<f32>,
    /// A seed for the sensor's noise; none for a clean picture.
    pub grain: Option<u32>,
}

impl Camera {
    fn off_centre(&self, p: (f32, f32)) -> f32 {
        let aspect = self.size.0 as f32 / self.size.1 as f32;
        let (x, y) = (p.0 - 0.5 * aspect, p.1 - 0.5);
        (x * x + y * y).sqrt()
    }

    /// 1 in the picture, 0 in the black around a round one.
    fn inside(&self, off_centre: f32) -> f32 {
        self.circle.map_or(1.0, |radius| step(radius, radius - 0.012, off_centre))
    }
}

/// A frame and what is known about it.
pub struct Shot {
    /// The picture.
    pub picture: RgbImage,
    /// White where an instrument is.
    pub mask: GrayImage,
    /// How far away everything is; 0 where there is no picture.
    pub depth: DepthImage,
    /// Around each instrument, in the order of the poses: x0, y0, x1, y1, 0–1. None where it is out of sight.
    pub boxes: Vec<Option<[f32; 4]>>,
}

/// The side of the squares in which it is found out which instruments are near.
const TILE: u32 = 16;
/// From where to where a shadow falls, in picture heights.
const SHADOW: (f32, f32) = (0.035, 0.05);

/// Takes a frame.
pub fn shoot(tissue: &Tissue, poses: &[Pose], camera: &Camera) -> Shot {
    let (width, height) = camera.size;
    let instruments: Vec<Instrument> = poses.iter().copied().map(Instrument::new).collect();
    let mut shot = Shot {
        picture: RgbImage::new(width, height),
        mask: GrayImage::new(width, height),
        depth: DepthImage::new(width, height),
        boxes: vec![None; poses.len()],
    };
    let drift = Drift::new(camera);
    for top in (0..height).step_by(TILE as usize) {
        for left in (0..width).step_by(TILE as usize) {
            let tile = Tile::new(&instruments, left, top, height as f32);
            for y in top..(top + TILE).min(height) {
                for x in left..(left + TILE).min(width) {
                    let ground = drift.look(tissue, x, y);
                    pixel(&mut shot, camera, &tile, ground, (x, y));
                }
            }
        }
    }
    shot
}

/// The instruments that may be seen in a square of the picture, and those whose shadow may be.
struct Tile<'a> {
    seen: Vec<(usize, &'a Instrument)>,
    shading: Vec<&'a Instrument>,
}

impl<'a> Tile<'a> {
    fn new(instruments: &'a [Instrument], left: u32, top: u32, scale: f32) -> Self {
        let half = TILE as f32 / 2.0;
        let (x, y) = ((left as f32 + half) / scale, (top as f32 + half) / scale);
        let reach = half * std::f32::consts::SQRT_2 / scale + 2.0 / scale;
        let seen = instruments.iter().enumerate().filter(|(_, instrument)| instrument.distance((x, y)) < reach);
        let shaded = (x - SHADOW.0, y - SHADOW.1);
        let shading = instruments.iter().filter(|instrument| instrument.distance(shaded) < reach + SHADOW_REACH);
        Self { seen: seen.collect(), shading: shading.collect() }
    }
}

fn pixel(shot: &mut Shot, camera: &Camera, tile: &Tile<'_>, ground: Pixel, (x, y): (u32, u32)) {
    let (width, scale) = (camera.size.0 as f32, camera.size.1 as f32);
    let p = ((x as f32 + 0.5) / scale, (y as f32 + 0.5) / scale);
    let off_centre = camera.off_centre(p);
    let inside = camera.inside(off_centre);
    let shaded = (p.0 - SHADOW.0, p.1 - SHADOW.1);
    let shadow = tile.shading.iter().map(|instrument| instrument.shadow(shaded)).fold(0.0, f32::max);
    let mut colour = ground.colour.map(|part| part * (1.0 - 0.62 * shadow));
    let mut depth = 95.0 - 90.0 * ground.height;
    for (number, instrument) in &tile.seen {
        let Some(touch) = instrument.at(p, 1.0 / scale) else { continue };
        colour = blend(colour, touch.colour.map(|part| part * (1.0 + 0.15 * touch.along)), touch.cover);
        if touch.cover > 0.5 && inside > 0.5 {
            depth = depth.min(lerp(62.0, 34.0, touch.along));
            shot.mask.put_pixel(x, y, Luma([255]));
            grow(&mut shot.boxes[*number], x as f32 / width, y as f32 / scale, 1.0 / width, 1.0 / scale);
        }
    }
    let light = (1.0 - 0.22 * step(0.35, 1.05, off_centre)) * inside;
    shot.picture.put_pixel(x, y, developed(colour, light, (x, y), camera));
    depth *= inside.round();
    shot.depth.put_pixel(x, y, Luma([(depth * 100.0).clamp(0.0, 65_535.0) as u16]));
}

/// The same picture through the smoke of a coagulation.
pub fn smoky(clear: &RgbImage, camera: &Camera, seed: u32) -> RgbImage {
    let scale = clear.height() as f32;
    let time = camera.time;
    let mut picture = clear.clone();
    for (x, y, pixel) in picture.enumerate_pixels_mut() {
        let (px, py) = (x as f32 / scale, y as f32 / scale);
        let warp = cloud(px * 1.7, py * 1.7 + time, 3, seed ^ 21);
        let wisps = cloud(px * 1.6 + 1.3 * warp, py * 1.9 + time + warp, 5, seed ^ 22);
        let thick = (0.1 + 1.25 * step(0.22, 0.78, wisps) * 0.62).min(0.82);
        let light = 214.0 / (1.0 + 0.35 * ((px - 0.89).powi(2) + (py - 0.5).powi(2)));
        let haze = [light, light * 0.985, light * 0.985];
        let inside = camera.inside(camera.off_centre((px, py)));
        for (part, haze) in pixel.0.iter_mut().zip(haze) {
            *part = lerp(f32::from(*part), haze, thick * inside) as u8;
        }
    }
    picture
}

/// Where the moving camera sees the tissue: what each row is moved by sideways, and each column up and down.
struct Drift {
    rows: Vec<f32>,
    columns: Vec<f32>,
    scale: f32,
}

impl Drift {
    fn new(camera: &Camera) -> Self {
        let (time, scale) = (camera.time, camera.size.1 as f32);
        let breath = 0.008 * (time * 1.6).sin();
        let across = 0.03 * (time * 0.31).sin();
        let down = 0.022 * (time * 0.23 + 1.0).cos();
        let at = |pixel: u32| (pixel as f32 + 0.5) / scale;
        Self {
            rows: (0..camera.size.1).map(|y| across + breath * (at(y) * 3.0).sin()).collect(),
            columns: (0..camera.size.0).map(|x| down + breath * (at(x) * 2.0).cos()).collect(),
            scale,
        }
    }

    fn look(&self, tissue: &Tissue, x: u32, y: u32) -> Pixel {
        let (across, down) = (self.rows[y as usize], self.columns[x as usize]);
        tissue.at((x as f32 + 0.5) / self.scale + across, (y as f32 + 0.5) / self.scale + down)
    }
}

/// The colour as the sensor gives it: noise, and highlights that burn out softly.
fn developed(colour: Rgb, light: f32, at: (u32, u32), camera: &Camera) -> RgbPixel<u8> {
    let noise = camera.grain.map_or(0.0, |seed| (grid(at.0 as i32, at.1 as i32, seed) - 0.5) * 0.024);
    RgbPixel(colour.map(|part| {
        let exposed = part * light * 1.06;
        let soft = if exposed > 0.8 { 0.8 + 0.2 * (1.0 - (-(exposed - 0.8) * 4.0).exp()) } else { exposed };
        ((soft + noise * light.min(1.0)) * 255.0).clamp(0.0, 255.0) as u8
    }))
}

fn grow(bounds: &mut Option<[f32; 4]>, x: f32, y: f32, dx: f32, dy: f32) {
    let [x0, y0, x1, y1] = bounds.unwrap_or([x, y, x, y]);
    *bounds = Some([x0.min(x), y0.min(y), x1.max(x + dx).min(1.0), y1.max(y + dy).min(1.0)]);
}
