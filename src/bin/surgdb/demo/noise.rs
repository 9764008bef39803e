//! Noise that is the same on every machine and in every run.

/// A number from 0 to 1 for a point of the integer grid.
pub fn grid(x: i32, y: i32, seed: u32) -> f32 {
    let mut h = (x as u32).wrapping_mul(0x85eb_ca6b) ^ (y as u32).wrapping_mul(0xc2b2_ae35) ^ seed;
    h = (h ^ (h >> 15)).wrapping_mul(0x2c1b_3c6d);
    h = (h ^ (h >> 12)).wrapping_mul(0x297a_2d39);
    (h ^ (h >> 15)) as f32 * (1.0 / u32::MAX as f32)
}

/// Smooth noise from 0 to 1 that varies over a distance of 1.
pub fn smooth(x: f32, y: f32, seed: u32) -> f32 {
    let (fx, fy) = (x.floor(), y.floor());
    let (ix, iy) = (fx as i32, fy as i32);
    let (u, v) = (fade(x - fx), fade(y - fy));
    let top = lerp(grid(ix, iy, seed), grid(ix + 1, iy, seed), u);
    let bottom = lerp(grid(ix, iy + 1, seed), grid(ix + 1, iy + 1, seed), u);
    lerp(top, bottom, v)
}

/// Noise from 0 to 1 with detail at `octaves` scales.
pub fn cloud(x: f32, y: f32, octaves: u32, seed: u32) -> f32 {
    let (mut sum, mut weight, mut total, mut scale) = (0.0, 0.5, 0.0, 1.0);
    for octave in 0..octaves {
        sum += weight * smooth(x * scale, y * scale, seed.wrapping_add(octave.wrapping_mul(0x9e37_79b9)));
        total += weight;
        weight *= 0.5;
        // Not exactly 2, so that the grids of the octaves do not line up.
        scale *= 2.03;
    }
    sum / total
}

/// How far the nearest point of a scattering with one point a unit cell is, and the one after it.
pub fn cells(x: f32, y: f32, seed: u32) -> (f32, f32) {
    let (ix, iy) = (x.floor() as i32, y.floor() as i32);
    let (mut first, mut second) = (f32::MAX, f32::MAX);
    for cy in iy - 1..=iy + 1 {
        for cx in ix - 1..=ix + 1 {
            let px = cx as f32 + grid(cx, cy, seed);
            let py = cy as f32 + grid(cx, cy, seed ^ 0x5bd1_e995);
            let distance = ((px - x) * (px - x) + (py - y) * (py - y)).sqrt();
            if distance < first {
                (first, second) = (distance, first);
            } else if distance < second {
                second = distance;
            }
        }
    }
    (first, second)
}

/// From 0 at `low` to 1 at `high`, without a corner. `low` may be above `high`.
pub fn step(low: f32, high: f32, x: f32) -> f32 {
    let t = ((x - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// The point `t` of the way from `a` to `b`.
pub fn lerp(a: f32, b: f32, t: f32) -> f32 {
    a + (b - a) * t
}

/// A colour: red, green, blue, 0–1.
pub type Rgb = [f32; 3];

/// The colour `t` of the way from `a` to `b`.
pub fn blend(a: Rgb, b: Rgb, t: f32) -> Rgb {
    [lerp(a[0], b[0], t), lerp(a[1], b[1], t), lerp(a[2], b[2], t)]
}

fn fade(t: f32) -> f32 {
    t * t * t * (t * (t * 6.0 - 15.0) + 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_stays_between_0_and_1() {
        for i in 0..500 {
            let (x, y) = (i as f32 * 0.37 - 40.0, i as f32 * -0.21);
            assert!((0.0..=1.0).contains(&smooth(x, y, 3)));
            assert!((0.0..=1.0).contains(&cloud(x, y, 5, 3)));
        }
    }
}
