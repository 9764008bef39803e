//! Which of a folder's pictures are masks that a shipped map reads.

use super::Masks;
use super::pixels::Pixels;
use std::fs;
use std::path::Path;

/// How many pictures of a kind are looked at for one that shows what the kind is.
const LOOKED_AT: usize = 20;
/// A mask with a larger part of its pixels in colours that a map does not know is none of the map's.
const STRANGE: f64 = 0.05;
/// A larger file is not looked at.
const LENGTH_LIMIT: u64 = 64 << 20;

/// Whether these pictures, whose names fit, are masks of this kind without doubt: the first of them that shows anything
/// shows it in the kind's colours.
pub(in crate::import::maps) fn fitting<'p>(masks: &Masks, paths: impl Iterator<Item = &'p Path>) -> bool {
    paths.take(LOOKED_AT).find_map(|path| shows(masks, path)).unwrap_or(false)
}

/// Whether a picture shows something of what the masks show, and hardly anything else; nothing where it is empty or cannot
/// be read.
fn shows(masks: &Masks, path: &Path) -> Option<bool> {
    if fs::metadata(path).ok()?.len() > LENGTH_LIMIT {
        return None;
    }
    let pixels = Pixels::of_png(&fs::read(path).ok()?, masks.is_by_value()).ok()?;
    let (mut shown, mut strange) = (0, 0);
    for counted in &pixels.colours {
        if masks.by_colour.contains_key(&counted.colour) {
            shown += counted.pixels;
        } else if !masks.background.contains(&counted.colour) {
            strange += counted.pixels;
        }
    }
    let limit = STRANGE * pixels.numbers.len() as f64;
    (shown + strange > 0).then_some(shown > 0 && strange as f64 <= limit)
}
