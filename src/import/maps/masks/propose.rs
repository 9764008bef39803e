//! Writes a first table of colours for masks, by the colours that they have.

use super::colour::Colour;
use super::pixels::Pixels;
use crate::error::{Error, Result};
use crate::import::inputs::{entries, is_medium};
use crate::import::maps::propose::quoted;
use std::collections::BTreeMap;
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
    let Some((first, _)) = masks.first() else { return Err(fault) };
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
    Ok(text(first, masks.len(), &colours, by_value))
}

/// The first pictures there are.
fn pictures_of(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let named = entries(path, "")?.into_iter();
    let pictures = named.filter(|(_, name, _)| is_medium(name) && name.to_ascii_lowercase().ends_with(".png"));
    Ok(pictures.map(|(entry, ..)| entry.path()).take(LOOKED_AT).collect())
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

fn text(first: &Path, looked_at: usize, colours: &BTreeMap<Colour, (u64, u64)>, by_value: bool) -> String {
    let folder = first.canonicalize().unwrap_or_else(|_| first.to_path_buf());
    let folder = folder.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy().into_owned();
    let (files, picture) = pair(first);
    let nothing = Colour::nothing(by_value);
    let mut lines = vec![
        format!("# A proposal, by the colours of {looked_at} of the masks: say what each colour is, and try it with"),
        "#   surgdb import DATASET SRC --map THIS-FILE --dry-run".into(),
        "# docs/maps.md says what may stand here.".into(),
        format!("name = {}", quoted(if folder.is_empty() { "masks" } else { &folder })),
        String::new(),
        "[[masks]]".into(),
        format!("files = [{}]", quoted(&format!("{folder}/{files}"))),
    ];
    match picture {
        Some(picture) => lines.push(format!("picture = {}", quoted(&picture))),
        None => {
            lines.push("# A guess: say where the picture of a mask lies, from the mask's folder.".into());
            lines.push("picture = \"../images/{file.frame}.png\"".into());
        }
    }
    lines.push("axis = \"instrument\"".into());
    if colours.contains_key(&nothing) {
        lines.push(format!("background = [{}]", written(nothing)));
    } else {
        lines.push("# None is black: move here what is nothing.".into());
        lines.push("background = []".into());
    }
    lines.push("colours = [".into());
    for (number, (colour, (pixels, masks))) in colours.iter().filter(|(colour, _)| **colour != nothing).enumerate() {
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

/// How a mask is called, and the picture that goes with it, where one is found: beside it, or in a folder beside its own.
fn pair(mask: &Path) -> (String, Option<String>) {
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let own = name(mask);
    let (stem, ending) = own.rsplit_once('.').unwrap_or((&own, "png"));
    let folder = mask.parent().unwrap_or(Path::new("")).to_path_buf();
    let beside = entries(&folder, "").unwrap_or_default();
    let pictures = beside.iter().filter(|(_, other, _)| is_medium(other) && *other != own);
    let longest = pictures
        .filter_map(|(_, other, _)| {
            let (start, ending) = other.rsplit_once('.')?;
            Some((stem.strip_prefix(start)?, ending)).filter(|(rest, _)| !rest.is_empty())
        })
        .min_by_key(|(rest, _)| rest.len());
    if let Some((rest, other)) = longest {
        return (format!("{{frame}}{rest}.{ending}"), Some(format!("{{file.frame}}.{other}")));
    }
    let files = format!("{{frame}}.{ending}");
    let above = folder.join("..");
    for (entry, other, _) in entries(&above, "").unwrap_or_default() {
        if !entry.path().is_dir() || entry.path().canonicalize().ok() == folder.canonicalize().ok() {
            continue;
        }
        let found =
            ["png", "jpg", "jpeg", "bmp"].into_iter().find(|end| entry.path().join(format!("{stem}.{end}")).is_file());
        if let Some(end) = found {
            return (files, Some(format!("../{other}/{{file.frame}}.{end}")));
        }
    }
    (files, None)
}
