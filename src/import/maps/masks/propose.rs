//! Writes a first table of colours for masks, by the colours that they have.

use super::colour::Colour;
use super::pair::Pairing;
use super::pixels::Pixels;
use crate::error::{Error, Result};
use crate::import::inputs::{entries, is_medium};
use crate::import::maps::propose::quoted;
use crate::import::media::by_name::is_drawn;
use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

/// How many masks of a folder are looked at.
const LOOKED_AT: usize = 50;
/// More colours than a table for people has: the picture was not painted with one.
const MANY: usize = 256;

/// Whether a map for masks is to be proposed for this path: a folder, or a PNG.
pub(in crate::import::maps) fn is_mask(path: &Path) -> bool {
    path.is_dir() || path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("png"))
}

/// A map for this mask, or for the masks of this folder; photographs among them are passed over.
pub(in crate::import::maps) fn propose(path: &Path) -> Result<String> {
    let mut masks = Vec::new();
    let mut fault = Error::input("the folder has no PNG: name the folder that the masks are in");
    for picture in pictures_of(path)? {
        match pixels_of(&picture, true) {
            Ok(pixels) => masks.push((picture, pixels)),
            Err(error) => fault = error,
        }
    }
    if masks.is_empty() {
        return Err(fault);
    }
    leave_pictures_beside(&mut masks);
    let is_value = |pixels: &Pixels| pixels.colours.iter().all(|counted| counted.colour.is_value());
    let by_value = masks.iter().all(|(_, pixels)| is_value(pixels));
    let mut colours: BTreeMap<Colour, (u64, u64)> = BTreeMap::new();
    for (mask, pixels) in &masks {
        let as_colours = if by_value { None } else { Some(Pixels::of_png(&bytes_of(mask)?, false)?) };
        for counted in &as_colours.as_ref().unwrap_or(pixels).colours {
            let (pixels, masks) = colours.entry(counted.colour).or_default();
            *pixels += counted.pixels;
            *masks += 1;
        }
    }
    let masks: Vec<PathBuf> = masks.into_iter().map(|(mask, _)| mask).collect();
    Ok(text(&masks, &colours, by_value))
}

/// The first pictures there are in a folder, or in the first of those in it that has any.
fn pictures_of(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let in_folder = |folder: &Path| -> Result<Vec<PathBuf>> {
        let named = entries(folder, "")?.into_iter();
        let pictures = named.filter(|(_, name, _)| is_medium(name) && name.to_ascii_lowercase().ends_with(".png"));
        Ok(pictures.map(|(entry, ..)| entry.path()).take(LOOKED_AT).collect())
    };
    let own = in_folder(path)?;
    if !own.is_empty() {
        return Ok(own);
    }
    // Each patient's may lie in a folder of its own: the first speaks for all.
    for (entry, ..) in entries(path, "")?.into_iter().filter(|(entry, ..)| entry.path().is_dir()) {
        let inside = in_folder(&entry.path())?;
        if !inside.is_empty() {
            return Ok(inside);
        }
    }
    Ok(own)
}

/// Leaves those alone that are called as masks (`1_mask.png`), where the pictures of the other names lie beside them (`1.png`).
fn leave_pictures_beside(masks: &mut Vec<(PathBuf, Pixels)>) {
    let stem = |mask: &Path| mask.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let (drawn, others): (Vec<_>, Vec<_>) = masks.iter().map(|(mask, _)| stem(mask)).partition(|stem| is_drawn(stem));
    let others: HashSet<String> = others.into_iter().collect();
    // A mask's name starts as its picture's does.
    let is_of_other = |drawn: &String| {
        drawn.char_indices().any(|(at, _)| drawn.get(..at).is_some_and(|start| others.contains(start)))
    };
    if drawn.iter().any(is_of_other) {
        masks.retain(|(mask, _)| is_drawn(&stem(mask)));
    }
}

fn bytes_of(mask: &Path) -> Result<Vec<u8>> {
    fs::read(mask).map_err(|error| Error::io("cannot read it", error).in_file(mask))
}

fn pixels_of(mask: &Path, by_value: bool) -> Result<Pixels> {
    let pixels = Pixels::of_png(&bytes_of(mask)?, by_value).map_err(|error| error.in_file(mask))?;
    if pixels.colours.len() > MANY {
        let message = format!("it has more than {MANY} colours: a photograph, or a mask that was smoothed");
        return Err(Error::input(message).in_file(mask));
    }
    Ok(pixels)
}

fn text(masks: &[PathBuf], colours: &BTreeMap<Colour, (u64, u64)>, by_value: bool) -> String {
    let (first, looked_at) = (masks.first().map_or(Path::new(""), PathBuf::as_path), masks.len());
    let folder = first.canonicalize().unwrap_or_else(|_| first.to_path_buf());
    let folder = folder.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy().into_owned();
    let Pairing { files, picture, doubts } = Pairing::of(masks);
    // What cannot be seen was not drawn.
    let of_nothing = [Colour::nothing(by_value), Colour::rgba([0; 4])];
    let mut lines = vec![
        format!("# A proposal, by the colours of {looked_at} of the masks: say what each colour is, and try it with"),
        "#   surgdb import DATASET SRC --map THIS-FILE --dry-run".into(),
        "# docs/maps.md says what may stand here.".into(),
        format!("name = {}", quoted(if folder.is_empty() { "masks" } else { &folder })),
        String::new(),
        "[[masks]]".into(),
    ];
    lines.extend(doubts.iter().map(|doubt| format!("# {doubt}")));
    if picture.starts_with("..") {
        let advice = "import the folder above both, or say where they are by --media-root";
        lines.push(format!("# The pictures lie beside this folder: {advice}."));
    }
    lines.extend([format!("files = [{}]", quoted(&files)), format!("picture = {}", quoted(&picture))]);
    lines.push("axis = \"instrument\"".into());
    let background: Vec<String> =
        of_nothing.iter().filter(|colour| colours.contains_key(colour)).map(|colour| written(*colour)).collect();
    if background.is_empty() {
        lines.push("# None is black: move here what is nothing.".into());
    }
    lines.push(format!("background = [{}]", background.join(", ")));
    lines.push("colours = [".into());
    for (number, (colour, (pixels, masks))) in
        colours.iter().filter(|(colour, _)| !of_nothing.contains(colour)).enumerate()
    {
        let (label, colour) = (quoted(&format!("class {}", number + 1)), written(*colour));
        let plural = |count: u64| if count == 1 { "" } else { "s" };
        let (s, of) = (plural(*pixels), plural(*masks));
        lines.push(format!("    {{ colour = {colour}, label = {label} }}, # {pixels} pixel{s} in {masks} mask{of}"));
    }
    lines.push("]\n".into());
    lines.join("\n")
}

fn written(colour: Colour) -> String {
    if colour.is_value() { colour.to_string() } else { quoted(&colour.to_string()) }
}
