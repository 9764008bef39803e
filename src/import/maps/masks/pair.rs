//! Which picture a mask belongs to, by the names of both: found in the mask's folder, in one beside it, or in a folder of the
//! same name beside the one that the mask's folder lies in (`masks/P1` and `images/P1`).

use crate::import::inputs::{entries, is_medium};
use crate::import::media::by_name::is_drawn;
use std::cmp::Reverse;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Of so many masks the names are held against all that a folder has, for how they may differ.
const TRIED: usize = 3;
/// So many of the names that are most like a mask's are tried.
const LIKELY: usize = 4;
/// Where less than one mask in so many has a picture, their names are alike by chance.
const RARE: usize = 10;
/// How many other places are named.
const NAMED: usize = 3;
/// How unlikely a folder is that is called as one of drawings, and one among others of masks.
const DRAWN: u8 = 2;
const OTHERS: u8 = 3;
/// What folders of pictures are called.
const PICTURES: [&str; 6] = ["image", "img", "frame", "picture", "photo", "rgb"];

/// How masks are called, where their pictures lie, and what is not certain of it.
#[derive(Debug)]
pub(super) struct Pairing {
    /// The pattern of the masks' paths.
    pub(super) files: String,
    /// The path of a mask's picture, from the mask's folder.
    pub(super) picture: String,
    /// What a reader of the map should know of that, in lines.
    pub(super) doubts: Vec<String>,
}

impl Pairing {
    /// Of these masks of one folder.
    pub(super) fn of(masks: &[PathBuf]) -> Self {
        let names: Vec<String> = masks.iter().map(|mask| name_of(mask)).collect();
        let folder = masks.first().and_then(|mask| mask.parent()).unwrap_or(Path::new(""));
        let own = name_of(&folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf()));
        let mut ways: Vec<Way> = Vec::new();
        for place in Place::around(folder, &own) {
            ways.extend(place.best(&names));
        }
        ways.sort_by_key(|way| (Reverse(way.hits), way.is_unlikely, way.affix.length()));
        let ending = names.first().map_or("png", |name| parted(name).1);
        let Some(best) = ways.first() else {
            return Self {
                files: format!("{own}/{{frame}}.{ending}"),
                picture: "../images/{file.frame}.png".into(),
                doubts: vec![
                    "A guess, since nothing beside the masks is called as they are: say where the picture of a mask"
                        .into(),
                    "lies, from the mask's folder.".into(),
                ],
            };
        };
        let mut doubts = Vec::new();
        if best.hits < names.len() {
            doubts.push(format!(
                "Not certain: {} of {} masks have a picture of this name. Check it.",
                best.hits,
                names.len()
            ));
        }
        // Beside one patient's masks lie others', under the same names.
        let is_as_good = |way: &&Way| way.hits == best.hits && (way.is_unlikely < OTHERS || best.is_unlikely == OTHERS);
        let others: Vec<String> = ways.iter().skip(1).filter(is_as_good).map(Way::picture).collect();
        if !others.is_empty() {
            let more = others.len().saturating_sub(NAMED);
            let more = if more > 0 { format!(", and {more} more") } else { String::new() };
            let others = others.get(..NAMED).unwrap_or(&others).join(", ");
            doubts
                .push(format!("Not certain: as many masks have a file at {others}{more}. Say which are the pictures."));
        }
        let (before, after) = &best.affix.mask;
        let files = format!("{}/{before}{{frame}}{after}.{ending}", best.masks_in);
        Self { files, picture: best.picture(), doubts }
    }
}

/// A folder that pictures may lie in.
struct Place {
    /// Its path from the masks' folder, with a slash behind it.
    path: String,
    /// Whether its name says that it holds something else than pictures: [`DRAWN`] where it does, 0 where it says that it has
    /// these; [`OTHERS`] where it lies among folders of masks.
    is_unlikely: u8,
    /// The pattern of the folder that the masks lie in, which the path refers to.
    masks_in: String,
    /// The pictures that it has, as stems and endings.
    pictures: Vec<(String, String)>,
}

/// A way from masks to pictures.
struct Way {
    path: String,
    is_unlikely: u8,
    masks_in: String,
    affix: Affix,
    ending: String,
    /// How many masks have a picture by it.
    hits: usize,
}

impl Way {
    fn picture(&self) -> String {
        let Self { path, ending, affix: Affix { picture: (before, after), .. }, .. } = self;
        format!("{path}{before}{{file.frame}}{after}.{ending}")
    }
}

/// What stands before and after that which the names of a mask and its picture share.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Affix {
    mask: (String, String),
    picture: (String, String),
}

impl Affix {
    /// How two names differ that begin alike, and how they do that end alike; no number and no word is torn.
    fn between(mask: &str, picture: &str) -> [Option<Self>; 2] {
        let shared = mask.chars().zip(picture.chars()).take_while(|(one, other)| one == other);
        let mut start: usize = shared.map(|(one, _)| one.len_utf8()).sum();
        let next = |text: &str, at: usize| text.get(at..).and_then(|rest| rest.chars().next());
        let before = |text: &str, at: usize| text.get(..at).and_then(|rest| rest.chars().next_back());
        while let Some(last) = before(mask, start).filter(|last| tears(*last, next(mask, start), next(picture, start)))
        {
            start -= last.len_utf8();
        }
        let shared = mask.chars().rev().zip(picture.chars().rev()).take_while(|(one, other)| one == other);
        let mut end: usize = shared.map(|(one, _)| one.len_utf8()).sum();
        let outside = |text: &str, end: usize| before(text, text.len() - end);
        while let Some(first) =
            next(mask, mask.len() - end).filter(|first| tears(*first, outside(mask, end), outside(picture, end)))
        {
            end -= first.len_utf8();
        }
        let none = String::new;
        let begin = (start > 0).then(|| Self {
            mask: (none(), mask.get(start..).unwrap_or_default().to_owned()),
            picture: (none(), picture.get(start..).unwrap_or_default().to_owned()),
        });
        let head = |text: &str| text.get(..text.len() - end).unwrap_or_default().to_owned();
        let ends = (end > 0).then(|| Self { mask: (head(mask), none()), picture: (head(picture), none()) });
        // A number tells one picture from another, and not a mask from its picture.
        [begin, ends]
            .map(|affix| affix.filter(|affix| !affix.parts().any(|part| part.contains(|c: char| c.is_ascii_digit()))))
    }

    /// The stem of the picture of a mask with this stem.
    fn picture_of(&self, mask: &str) -> Option<String> {
        let shared = mask.strip_prefix(self.mask.0.as_str())?.strip_suffix(self.mask.1.as_str())?;
        (!shared.is_empty()).then(|| format!("{}{shared}{}", self.picture.0, self.picture.1))
    }

    /// How much of the names is not shared.
    fn length(&self) -> usize {
        self.parts().map(str::len).sum()
    }

    fn parts(&self) -> impl Iterator<Item = &str> {
        [&self.mask.0, &self.mask.1, &self.picture.0, &self.picture.1].into_iter().map(String::as_str)
    }
}

impl Place {
    /// The masks' folder, those beside it, and those of its name in folders beside the one that it lies in.
    fn around(folder: &Path, own: &str) -> Vec<Self> {
        let is_own = |other: &Path| other.canonicalize().ok() == folder.canonicalize().ok();
        let above = folder.canonicalize().ok().and_then(|real| real.parent().map(name_of)).unwrap_or_default();
        let lies_among_masks = is_drawn(&above) && !is_drawn(own);
        let mut places = vec![Self::of(folder, String::new(), (own.to_owned(), 1))];
        for (entry, name, _) in entries(&folder.join(".."), "").unwrap_or_default() {
            if entry.path().is_dir() && !is_own(&entry.path()) {
                let is_unlikely = if lies_among_masks { OTHERS } else { unlikely(&name) };
                places.push(Self::of(&entry.path(), format!("../{name}/"), (own.to_owned(), is_unlikely)));
            }
        }
        for (entry, name, _) in entries(&folder.join("../.."), "").unwrap_or_default() {
            let inside = entry.path().join(own);
            if name != above && inside.is_dir() && !is_own(&inside) {
                let masks_in = format!("{above}/{{clip}}");
                places.push(Self::of(&inside, format!("../../{name}/{{file.clip}}/"), (masks_in, unlikely(&name))));
            }
        }
        places
    }

    fn of(folder: &Path, path: String, (masks_in, is_unlikely): (String, u8)) -> Self {
        let names = entries(folder, "").unwrap_or_default().into_iter().map(|(_, name, _)| name);
        let pictures = names.filter(|name| is_medium(name)).map(|name| {
            let (stem, ending) = parted(&name);
            (stem.to_owned(), ending.to_owned())
        });
        Self { path, is_unlikely, masks_in, pictures: pictures.collect() }
    }

    /// The way by which most masks have a picture here; none where none has.
    fn best(self, masks: &[String]) -> Option<Way> {
        let stems: Vec<&str> = masks.iter().map(|name| parted(name).0).collect();
        let own: HashSet<&str> = if self.path.is_empty() { stems.iter().copied().collect() } else { HashSet::new() };
        let pictures: HashSet<(&str, &str)> =
            self.pictures.iter().map(|(stem, ending)| (stem.as_str(), ending.as_str())).collect();
        let mut tried: HashSet<(Affix, &str)> = HashSet::new();
        for mask in
            [0, stems.len() / 2, stems.len().saturating_sub(1)].into_iter().take(TRIED).filter_map(|at| stems.get(at))
        {
            for (affix, ending) in self.likely(mask, &own) {
                tried.insert((affix, ending));
            }
        }
        let hits = |affix: &Affix, ending: &str| {
            let has = |mask: &&&str| {
                let picture = affix.picture_of(mask);
                picture.is_some_and(|stem| !own.contains(stem.as_str()) && pictures.contains(&(stem.as_str(), ending)))
            };
            stems.iter().filter(has).count()
        };
        let counted = tried.into_iter().map(|(affix, ending)| (hits(&affix, ending), affix, ending));
        let best = counted.max_by_key(|(hits, affix, ending)| {
            (*hits, Reverse(affix.length()), Reverse(affix.picture.clone()), Reverse(*ending))
        });
        let (hits, affix, ending) = best.filter(|(hits, ..)| *hits > 0 && hits * RARE >= stems.len())?;
        let ending = ending.to_owned();
        let Self { path, is_unlikely, masks_in, .. } = self;
        Some(Way { path, is_unlikely, masks_in, affix, ending, hits })
    }

    /// How the names that are most like a mask's differ from it; that of the mask itself is none of them.
    fn likely(&self, mask: &str, own: &HashSet<&str>) -> Vec<(Affix, &str)> {
        let mut ways: [Vec<(Affix, &str)>; 2] = Default::default();
        for (stem, ending) in self.pictures.iter().filter(|(stem, _)| !own.contains(stem.as_str())) {
            for (ways, affix) in ways.iter_mut().zip(Affix::between(mask, stem)) {
                ways.extend(affix.map(|affix| (affix, ending.as_str())));
            }
        }
        for ways in &mut ways {
            ways.sort_by(|(one, _), (other, _)| {
                one.length().cmp(&other.length()).then_with(|| one.picture.cmp(&other.picture))
            });
            ways.truncate(LIKELY);
        }
        ways.concat()
    }
}

/// Whether a number goes on behind this character in one of two names, or a word in both.
fn tears(edge: char, mask: Option<char>, picture: Option<char>) -> bool {
    let go_on = |is: fn(&char) -> bool| [mask, picture].map(|next| next.as_ref().is_some_and(is));
    (edge.is_ascii_digit() && go_on(char::is_ascii_digit).contains(&true))
        || (edge.is_alphabetic() && go_on(|next| next.is_alphabetic()) == [true; 2])
}

/// Whether a folder's name says that it holds something else than pictures.
fn unlikely(folder: &str) -> u8 {
    let lower = folder.to_lowercase();
    let is_of_pictures = PICTURES.iter().any(|word| lower.contains(word));
    if is_drawn(folder) { DRAWN } else { u8::from(!is_of_pictures) }
}

/// The last name of a path.
fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// A file's name without its ending, and that.
fn parted(name: &str) -> (&str, &str) {
    name.rsplit_once('.').unwrap_or((name, "png"))
}
