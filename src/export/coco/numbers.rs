//! Parts of a picture's sides as pixels: with as few decimals as give the same part again.

use crate::schema::rows::BoxCoords;

/// The most decimals that are tried before all are written.
const DECIMALS: u32 = 6;

/// A picture's size.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pixels {
    pub(super) width: i32,
    pub(super) height: i32,
}

impl Pixels {
    pub(super) fn new(width: i32, height: i32) -> Self {
        Self { width, height }
    }

    /// A coordinate: those with even numbers are along the width.
    pub(super) fn at(self, number: usize, part: f32) -> f64 {
        let side = f64::from(if number.is_multiple_of(2) { self.width } else { self.height });
        shortest(f64::from(part) * side, |value| (value / side) as f32 == part)
    }

    /// A box as x, y, width, height.
    pub(super) fn bbox(self, [x0, y0, x1, y1]: BoxCoords) -> [f64; 4] {
        let (x, y) = (self.at(0, x0), self.at(1, y0));
        let extent = |start: f64, number: usize, part: f32| {
            let side = f64::from(if number == 0 { self.width } else { self.height });
            shortest(f64::from(part) * side - start, |extent| ((start + extent) / side) as f32 == part)
        };
        [x, y, extent(x, 0, x1), extent(y, 1, y1)]
    }

    /// The box around outlines.
    pub(super) fn around(self, outlines: &[Vec<f32>]) -> Option<[f64; 4]> {
        let mut found: Option<BoxCoords> = None;
        for point in outlines.iter().flat_map(|outline| outline.chunks_exact(2)) {
            let [x, y] = *point else { continue };
            let [x0, y0, x1, y1] = found.unwrap_or([x, y, x, y]);
            found = Some([x0.min(x), y0.min(y), x1.max(x), y1.max(y)]);
        }
        found.map(|bbox| self.bbox(bbox))
    }

    /// The area within an outline.
    pub(super) fn area(self, outline: &[f32]) -> f64 {
        let points: Vec<(f64, f64)> = outline
            .chunks_exact(2)
            .filter_map(|point| match *point {
                [x, y] => Some((f64::from(x) * f64::from(self.width), f64::from(y) * f64::from(self.height))),
                _ => None,
            })
            .collect();
        let next = points.iter().cycle().skip(1);
        let twice: f64 = points.iter().zip(next).map(|((x0, y0), (x1, y1))| x0 * y1 - x1 * y0).sum();
        shortest((twice / 2.0).abs(), |_| true)
    }
}

/// A number with as few decimals as `is_same` lets it have.
fn shortest(value: f64, is_same: impl Fn(f64) -> bool) -> f64 {
    let rounded = (2..=DECIMALS).map(|decimals| {
        let scale = 10f64.powi(decimals as i32);
        (value * scale).round() / scale
    });
    rounded.into_iter().find(|rounded| is_same(*rounded)).unwrap_or(value)
}

/// A number as JSON: whole ones without a fraction.
pub(super) fn number(value: f64) -> String {
    match value.is_finite() {
        true if value.fract() == 0.0 && value.abs() < 1e15 => format!("{value:.0}"),
        true => format!("{value}"),
        false => "0".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pixels_give_the_same_parts_again(
            x in 0.0f64..1.0, y in 0.0f64..1.0, w in 0.0f64..1.0, h in 0.0f64..1.0, wide in 1..8000i32, high in 1..8000i32,
        ) {
            let (width, height) = (f64::from(wide), f64::from(high));
            let parts = [x, y, x + w, y + h].map(|part| part as f32);
            let [x, y, w, h] = Pixels::new(wide, high).bbox(parts);
            let again = [x / width, y / height, (x + w) / width, (y + h) / height].map(|part| part as f32);
            prop_assert_eq!(again, parts);
        }
    }

    #[test]
    fn numbers_are_short() {
        let size = Pixels::new(854, 480);
        let parts = [120.0 / 854.0, 60.5 / 480.0, 240.0 / 854.0, 480.0 / 480.0].map(|part: f64| part as f32);
        assert_eq!(size.bbox(parts).map(number), ["120", "60.5", "120", "419.5"]);
        assert_eq!(size.area(&[0.0, 0.0, 0.5, 0.0, 0.5, 1.0, 0.0, 1.0]), 427.0 * 480.0);
        assert_eq!(number(f64::NAN), "0");
    }
}
