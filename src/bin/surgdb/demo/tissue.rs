//! What an operation is seen against: liver, gallbladder, fat and peritoneum, lit from the camera.
//!
//! Lengths are in picture heights: a picture is 1 high and about 1.78 wide, the origin at its top left.

use super::noise::{Rgb, blend, cells, cloud, lerp, step};
use crate::random::Random;

/// How far the drawn tissue goes beyond the picture, so that the camera can move.
const MARGIN: f32 = 0.07;

/// The tissue of one operation, drawn once and then looked at by every frame.
pub struct Tissue {
    width: usize,
    height: usize,
    scale: f32,
    pixels: Vec<Pixel>,
}

/// A point of the tissue as the camera sees it.
#[derive(Clone, Copy, Default)]
pub struct Pixel {
    /// Lit colour.
    pub colour: Rgb,
    /// How far it stands out, in picture heights.
    pub height: f32,
}

/// What makes one operation look different from another.
struct Look {
    seed: u32,
    organ: bool,
    liver_edge: f32,
    liver_slope: f32,
    fundus: (f32, f32),
    neck: (f32, f32),
    liver: Rgb,
    bladder: Rgb,
    fat: Rgb,
    blood: f32,
}

struct Material {
    colour: Rgb,
    height: f32,
    gloss: f32,
}

impl Tissue {
    /// The tissue of an operation of this seed, at `lines` pixels a picture height; `organ` says whether a
    /// liver and a gallbladder are in it.
    pub fn new(seed: u64, organ: bool, lines: u32, aspect: f32) -> Self {
        let look = Look::new(seed, organ);
        let scale = lines as f32;
        let width = ((aspect + 2.0 * MARGIN) * scale) as usize + 2;
        let height = ((1.0 + 2.0 * MARGIN) * scale) as usize + 2;
        let materials: Vec<Material> = (0..width * height)
            .map(|at| look.at((at % width) as f32 / scale - MARGIN, (at / width) as f32 / scale - MARGIN))
            .collect();
        let pixels = (0..width * height).map(|at| lit(&materials, width, height, at, scale, aspect)).collect();
        Self { width, height, scale, pixels }
    }

    /// The tissue at a point, between the drawn pixels.
    pub fn at(&self, x: f32, y: f32) -> Pixel {
        let fx = ((x + MARGIN) * self.scale).clamp(0.0, (self.width - 2) as f32);
        let fy = ((y + MARGIN) * self.scale).clamp(0.0, (self.height - 2) as f32);
        let (ix, iy) = (fx as usize, fy as usize);
        let (u, v) = (fx - ix as f32, fy - iy as f32);
        let row = iy * self.width + ix;
        let [a, b] = [self.pixels[row], self.pixels[row + 1]];
        let [c, d] = [self.pixels[row + self.width], self.pixels[row + self.width + 1]];
        Pixel {
            colour: blend(blend(a.colour, b.colour, u), blend(c.colour, d.colour, u), v),
            height: lerp(lerp(a.height, b.height, u), lerp(c.height, d.height, u), v),
        }
    }
}

impl Look {
    fn new(seed: u64, organ: bool) -> Self {
        let mut random = Random::new(seed, 0x7155);
        let warm = random.between(-0.04, 0.05);
        let fundus = (random.between(0.75, 1.25), random.between(0.22, 0.36));
        let neck = (fundus.0 + random.between(-0.42, -0.18), random.between(0.66, 0.8));
        Self {
            seed: random.bits() as u32,
            organ,
            liver_edge: random.between(0.24, 0.4),
            liver_slope: random.between(-0.22, 0.22),
            fundus,
            neck,
            liver: [0.46 + warm, 0.16, 0.13],
            bladder: if random.chance(0.5) { [0.66, 0.62, 0.46] } else { [0.74, 0.56 + warm, 0.47] },
            fat: [0.88, 0.62 + warm, 0.33 + warm],
            blood: random.between(0.56, 0.72),
        }
    }

    fn at(&self, x: f32, y: f32) -> Material {
        let seed = self.seed;
        let wx = x + 0.14 * (cloud(x * 2.1, y * 2.1, 3, seed ^ 1) - 0.5);
        let wy = y + 0.14 * (cloud(x * 2.1, y * 2.1, 3, seed ^ 2) - 0.5);
        let mut here = self.ground(x, y, wx, wy);
        if self.organ {
            here = over(here, self.liver(x, y, wx, wy));
            let below = here.height;
            here = over(here, self.duct(wx, wy, below));
            let below = here.height;
            here = over(here, self.gallbladder(x, y, wx, wy, below));
        }
        let stain = step(self.blood, self.blood + 0.09, cloud(x * 2.6 + 9.0, y * 2.6, 4, seed ^ 3)) * step(0.2, 0.6, y);
        here.colour = blend(here.colour, [0.34, 0.02, 0.02], 0.8 * stain);
        here.gloss += 0.4 * stain;
        here.height += 0.004 * cloud(x * 26.0, y * 26.0, 2, seed ^ 4);
        here
    }

    /// Peritoneum and fat: everything that is no organ.
    fn ground(&self, x: f32, y: f32, wx: f32, wy: f32) -> Material {
        let seed = self.seed;
        let mottled = cloud(wx * 5.0, wy * 5.0, 4, seed ^ 6);
        let (near, far) = cells(wx * 10.0 + 0.5 * mottled, wy * 10.0, seed ^ 5);
        let lobule = (1.0 - near * near).clamp(0.0, 1.0);
        let seam = step(-0.1, 0.4, far - near);
        let fat = blend([0.74, 0.34, 0.2], self.fat, 0.35 + 0.65 * lobule * seam);
        let pink = blend([0.70, 0.30, 0.27], [0.88, 0.55, 0.48], mottled);
        let fatty = step(0.42, 0.58, cloud(x * 1.5 + 3.0, y * 1.5, 3, seed ^ 7) + 0.12 * (y - 0.5));
        let relief = 0.1 * cloud(x * 2.4, y * 2.4, 4, seed ^ 8);
        let colour = vessels(blend(pink, fat, fatty), wx, wy, 3.1, 0.024, seed ^ 9);
        Material { colour, height: relief + fatty * 0.03 * lobule, gloss: 0.35 + 0.2 * fatty }
    }

    fn liver(&self, x: f32, y: f32, wx: f32, wy: f32) -> (Material, f32) {
        let edge = self.liver_edge + self.liver_slope * (x - 0.9) + 0.05 * (x * 3.0 + self.liver_slope * 20.0).sin();
        let inside = edge - lerp(y, wy, 0.3);
        let mottled = cloud(wx * 9.0, wy * 9.0, 4, self.seed ^ 10);
        let colour = blend(self.liver, [0.62, 0.27, 0.2], 0.55 * mottled);
        let height = 0.1 + 0.16 * step(-0.08, 0.34, inside) + 0.05 * cloud(x * 2.0, y * 2.0, 2, self.seed ^ 11);
        (Material { colour, height, gloss: 0.8 }, step(-0.008, 0.016, inside))
    }

    fn gallbladder(&self, x: f32, y: f32, wx: f32, wy: f32, below: f32) -> (Material, f32) {
        let (distance, along) = to_segment((lerp(x, wx, 0.5), lerp(y, wy, 0.5)), self.fundus, self.neck);
        let across = distance / lerp(0.19, 0.055, along.powf(1.3));
        let mottled = cloud(wx * 6.0, wy * 6.0, 4, self.seed ^ 12);
        let wall = blend(self.bladder, [0.82, 0.48, 0.40], 0.65 * mottled);
        let colour = vessels(wall, wx, wy, 6.5, 0.02, self.seed ^ 13);
        // It hides what it lies on: the edge of the liver must not show through.
        let base = lerp(0.21, below, step(0.45, 1.0, across));
        let height = base + 0.16 * (1.0 - across * across).max(0.0).powf(0.72);
        (Material { colour, height, gloss: 0.95 }, step(1.04, 0.96, across))
    }

    /// The cystic duct: the tube that goes on from the gallbladder's neck.
    fn duct(&self, wx: f32, wy: f32, below: f32) -> (Material, f32) {
        let end = (self.neck.0 - 0.2, self.neck.1 + 0.34);
        let (distance, _) = to_segment((wx, wy), self.neck, end);
        let across = distance / 0.034;
        let colour = vessels([0.84, 0.64, 0.5], wx, wy, 8.0, 0.02, self.seed ^ 14);
        let height = below + 0.035 * (1.0 - across * across).max(0.0).powf(0.72);
        (Material { colour, height, gloss: 0.8 }, step(1.15, 0.85, across))
    }
}

fn over(below: Material, (above, cover): (Material, f32)) -> Material {
    Material {
        colour: blend(below.colour, above.colour, cover),
        height: lerp(below.height, above.height, cover),
        gloss: lerp(below.gloss, above.gloss, cover),
    }
}

/// Blood vessels: where a smooth noise crosses its middle there is a branching line.
fn vessels(colour: Rgb, x: f32, y: f32, scale: f32, width: f32, seed: u32) -> Rgb {
    let ridge = (cloud(x * scale, y * scale, 3, seed) - 0.5).abs();
    let present = step(0.42, 0.62, cloud(x * scale * 0.4 + 5.0, y * scale * 0.4, 2, seed ^ 77));
    blend(colour, [0.52, 0.07, 0.08], 0.75 * present * step(width, width * 0.25, ridge))
}

/// The distance to the line from `a` to `b`, and where along it (0–1) the nearest point is.
pub fn to_segment(p: (f32, f32), a: (f32, f32), b: (f32, f32)) -> (f32, f32) {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let length = (dx * dx + dy * dy).max(1e-9);
    let t = (((p.0 - a.0) * dx + (p.1 - a.1) * dy) / length).clamp(0.0, 1.0);
    let (x, y) = (p.0 - a.0 - t * dx, p.1 - a.1 - t * dy);
    ((x * x + y * y).sqrt(), t)
}

/// A material under the endoscope's light, which sits beside its lens.
fn lit(materials: &[Material], width: usize, height: usize, at: usize, scale: f32, aspect: f32) -> Pixel {
    let (ix, iy) = (at % width, at / width);
    let here = &materials[at];
    let slope = |from: usize, to: usize| (materials[to].height - materials[from].height) * scale * 0.5;
    let dx = slope(iy * width + ix.saturating_sub(1), iy * width + (ix + 1).min(width - 1));
    let dy = slope(iy.saturating_sub(1) * width + ix, (iy + 1).min(height - 1) * width + ix);
    let long = (dx * dx + dy * dy + 1.0).sqrt();
    let (x, y) = (ix as f32 / scale - MARGIN - 0.5 * aspect, iy as f32 / scale - MARGIN - 0.5);
    let (lx, ly, lz) = (-x + 0.12, -y - 0.15, 1.15);
    let far = (lx * lx + ly * ly + lz * lz).sqrt();
    let facing = ((-dx * lx - dy * ly + lz) / (long * far)).max(0.0);
    // The light is so near the lens that a surface mirrors it where it faces the camera.
    let mirror = facing.powi(90) * here.gloss;
    let falloff = 1.25 / (1.0 + 0.9 * (x * x + y * y)) * (0.85 + 0.5 * here.height);
    let shade = falloff * (0.34 + 0.7 * facing * facing);
    let colour = here.colour.map(|part| part * shade + 0.8 * mirror * falloff);
    Pixel { colour, height: here.height }
}
