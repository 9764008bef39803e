//! COCO: `images`, `categories` and `annotations` of many pictures in one JSON file, in any order.
//!
//! The file is read twice: first images and categories, of which about 200 bytes each are held, then the annotations one
//! by one. Ids may be numbers or text, and `1` is `"1"`. A box becomes a region; an outline its polygons; runs of pixels
//! (RLE) a mask picture, a frame of its own below the picture's. Boxes and outlines are normalised by the size that the
//! file states, else the picture's own. `area`, `iscrowd` and all else are kept in `extra`; so are the `id` of an image,
//! the `category_id` of an annotation, and its `id` where that is no whole number, which the row's own id ends with: an
//! export gives them back. An image that stands twice is one; where two images have one id, what is said of it can be left out.
//! What the file says as a whole, its categories among it, is kept in the import's report.

mod drawn;
mod segmentation;

use super::folders::{Folders, Where};
use super::{Fields, beside, fault_of, others, size_of, stem};
use crate::error::{Error, Result};
use crate::import::draft::{FileFields, MediaKind};
use crate::import::inputs::{DigestingReader, Input};
use crate::import::options::OnError;
use crate::import::raw::{ObjectText, joined_objects};
use crate::import::records::members::{Entry, Member, MemberReader};
use crate::import::report::{At, Kind};
use crate::import::run::{Picture, Run};
use crate::schema::tables::Table;
use drawn::{Drawn, id_in, key_of};
use std::collections::HashMap;
use std::fs::File;

/// The folders beside the file that hold pictures, whatever their split.
const FOLDERS: &[&str] = &["images", "img_dir"];
const OPENED: &[&str] = &["images", "categories", "annotations"];

/// A picture as the file describes it.
struct Image {
    /// Its `file_name`.
    path: Box<str>,
    size: Option<(f64, f64)>,
    /// What it says besides.
    extra: Option<Box<str>>,
    /// Where it stands.
    place: (u64, u64),
    /// Whether a statement about it was met.
    is_met: bool,
    /// Where its file is, once that was looked for.
    found: Option<Where>,
}

/// The picture of an image, by the image's id and place.
struct Last {
    image: Box<str>,
    place: u32,
    picture: Picture,
}

#[derive(Clone, PartialEq)]
struct Category {
    name: String,
    /// What it names, where its supercategory says so.
    axis: Option<String>,
}

/// What the first reading gives.
struct Tables {
    /// In the file's order.
    images: Vec<Image>,
    /// Their places there, by their ids.
    places: HashMap<Box<str>, u32>,
    /// Further pictures of ids that others have already: which one a statement is about is not clear.
    twins: HashMap<Box<str>, Vec<u32>>,
    categories: HashMap<String, Category>,
    /// The picture that the last statement was about.
    last: Option<Last>,
    /// What the ids of statements start with.
    stem: String,
    folders: Folders,
    /// The folder in which pictures are that are called by their names alone, once that was asked for.
    only_folder: Option<Option<Box<str>>>,
    /// What the file says of pictures whose rows others made, as the start of a list.
    shared: String,
}

pub(super) fn read(run: &mut Run<'_>, input: &Input) -> Result<(String, u64)> {
    run.search_around(input, FOLDERS);
    let mut at = At { file: input.name.clone(), ..At::default() };
    let mut tables = Tables::read(run, input, &mut at)?;
    let before = run.progress.bytes;
    let file = DigestingReader::open(&input.path)?;
    let mut reader = MemberReader::new(file, OPENED).passing_over(&["images", "categories"]);
    let mut annotations = 0;
    while let Some(member) = reader.next_member() {
        let member = member?;
        match (member.key, member.entry) {
            ("annotations", Entry::Element) => {
                annotations += 1;
                (at.record, at.line) = (Some(member.value.number), Some(member.value.line));
                at.id = None;
                tables.annotation(run, input, member.value.text, &mut at)?;
            }
            ("annotations", _) => return Err(no_list(&member)),
            _ => {}
        }
        let behind = before + reader.position();
        run.advance(behind)?;
    }
    if annotations > 0 {
        run.report.count_read("annotations", annotations);
    }
    for (id, place) in tables.not_met() {
        let Some(image) = tables.images.get_mut(place as usize) else { continue };
        (at.record, at.line) = (Some(image.place.0), Some(image.place.1));
        at.id = Some(format!("{}/image {id}", stem(input)));
        let is_first = image.found.is_none();
        let picture = image.picture(run, input, &tables.folders, &at)?;
        let picture = tables.placed(run, input, picture, is_first)?;
        run.lone(MediaKind::Picture, &picture, &mut at)?;
    }
    if !tables.shared.is_empty() {
        run.says.raw("images", &format!("{}]", tables.shared));
        let at = At { file: input.name.clone(), ..At::default() };
        let message = "`images`: of those that are others' rows already, kept in this import's report, under `says`";
        run.report.find(Kind::AboutFile, &at, message);
    }
    reader.input().finish().map_err(|error| Error::io("cannot read on", error))
}

impl Tables {
    /// Reads images and categories. A fault in them is one of the file: what refers to them could not be taken.
    fn read(run: &mut Run<'_>, input: &Input, at: &mut At) -> Result<Self> {
        let file = File::open(&input.path).map_err(|error| Error::io("cannot read it", error))?;
        let mut reader = MemberReader::new(file, OPENED).passing_over(&["annotations"]);
        let mut tables = Self {
            images: Vec::new(),
            places: HashMap::new(),
            twins: HashMap::new(),
            categories: HashMap::new(),
            last: None,
            stem: format!("{}/", stem(input)),
            folders: Folders::around(run, input),
            only_folder: None,
            shared: String::new(),
        };
        let mut names: Vec<String> = Vec::new();
        let mut categories = String::new();
        while let Some(member) = reader.next_member() {
            let member = member.map_err(|error| fault_of(input, OPENED).unwrap_or(error))?;
            let place = |error: Error| error.at_line(member.value.line).at_byte(member.value.offset);
            (at.record, at.line, at.id) = (Some(member.value.number), Some(member.value.line), None);
            match (member.key, member.entry) {
                ("images", Entry::Element) => {
                    run.report.count_read("images", 1);
                    if let Err(fault) = tables.image(run, member.value.text, at) {
                        // What is said of it is skipped as well: it is about no image.
                        run.leave_out("the image was left out: ", fault, at).map_err(place)?;
                        run.report.records.read += 1;
                    }
                }
                ("categories", Entry::Element) => {
                    run.report.count_read("categories", 1);
                    tables.category(member.value.text).map_err(place)?;
                    categories.push(if categories.is_empty() { '[' } else { ',' });
                    categories.push_str(member.value.text);
                }
                ("images" | "categories" | "annotations", _) => return Err(no_list(&member)),
                (key, _) => {
                    names.push(format!("`{key}`"));
                    run.says.raw(key, member.value.text);
                }
            }
        }
        if !categories.is_empty() {
            run.says.raw("categories", &format!("{categories}]"));
        }
        if !names.is_empty() {
            let at = At { file: input.name.clone(), ..At::default() };
            let message = format!("{}: kept whole in this import's report, under `says`", shortened(&names.join(", ")));
            run.report.find(Kind::AboutFile, &at, message);
        }
        Ok(tables)
    }

    fn image(&mut self, run: &mut Run<'_>, text: &str, at: &At) -> Result<()> {
        let fields = Fields::of(text)?;
        let id = fields.get("id").and_then(|id| key_of(id.get())).ok_or_else(|| Error::input("an image has no id"))?;
        let path: String = fields.need("file_name")?;
        if path.trim().is_empty() {
            return Err(Error::input(format!("image {id} has an empty `file_name`")));
        }
        let size = size_of((fields.parse("width")?, fields.parse("height")?))
            .map_err(|error| Error::input(format!("image {id}: {}", error.message())))?;
        let extra = others(&fields.0, &["file_name", "width", "height"]).map(String::into_boxed_str);
        let place = (at.record.unwrap_or_default(), at.line.unwrap_or_default());
        let number = u32::try_from(self.images.len()).map_err(|_| Error::input("it has too many images"))?;
        let image = Image { path: path.into_boxed_str(), size, extra, place, is_met: false, found: None };
        match self.places.get(&*id).map(|place| self.images.get(*place as usize)) {
            None => drop(self.places.insert(id.as_ref().into(), number)),
            // Files that were put together say the same twice.
            Some(Some(before)) if before.says_the_same(&image) => return Ok(()),
            Some(_) if run.options.on_error == OnError::Skip => {
                self.twins.entry(id.as_ref().into()).or_default().push(number);
            }
            Some(_) => {
                return Err(Error::input(format!(
                    "two images have the id {id}: which one a statement is about is not clear; give one of them another \
                     id, or leave out what is said of both with --on-error skip"
                )));
            }
        }
        self.images.push(image);
        if size.is_none() {
            run.report.find(Kind::Doubtful, at, format!("image {id} does not say its size"));
        }
        Ok(())
    }

    fn category(&mut self, text: &str) -> Result<()> {
        let fields = Fields::of(text)?;
        let id =
            fields.get("id").and_then(|id| key_of(id.get())).ok_or_else(|| Error::input("a category has no id"))?;
        let name: String = fields.need("name")?;
        let above: Option<String> = fields.parse("supercategory")?;
        let axis = match above.as_deref().map(|above| above.trim().to_lowercase()).as_deref() {
            Some("instrument" | "instruments" | "tool" | "tools" | "surgical instrument") => {
                Some("instrument".to_owned())
            }
            Some("" | "none" | "root" | "object") | None => None,
            Some(other) => Some(other.to_owned()),
        };
        let category = Category { name, axis };
        match self.categories.insert(id.clone().into_owned(), category.clone()) {
            Some(before) if before != category => Err(Error::input(format!("two categories have the id {id}"))),
            _ => Ok(()),
        }
    }

    /// A picture that is missing as the row that others speak of, where there is one: in the folder in which pictures are that
    /// the file calls by their names alone. `is_first` where it is met first.
    fn placed(&mut self, run: &mut Run<'_>, input: &Input, picture: Picture, is_first: bool) -> Result<Picture> {
        let Picture { path, fields, .. } = &picture;
        let Some(own) = fields.id.as_deref().filter(|_| is_bare(path)) else {
            return Ok(picture);
        };
        if run.has_frame(own)? {
            return Ok(picture);
        }
        let found = run.found_by_name(input, path, own);
        let is_missing = found.is_none() && run.place_of(path).is_none();
        let inside = match (found, is_missing) {
            (None, true) => self.only_folder(run, input).map(|only_folder| format!("{only_folder}/{}", path.trim())),
            (found, _) => found,
        };
        let Some(inside) = inside else { return Ok(picture) };
        if !run.has_frame(&inside)? {
            return Ok(picture);
        }
        let path = path.clone();
        let path_missing = is_missing.then(|| run.path_around(input, &inside));
        let mut picture = picture;
        let mut more = ObjectText::default();
        more.text("file_name", &path);
        picture.fields.extra = joined_objects(more.finish(), picture.fields.extra);
        let said = picture.fields.extra.as_deref();
        if is_first && !run.keeps_extra(&inside, said)? {
            self.shared.push(if self.shared.is_empty() { '[' } else { ',' });
            self.shared.push_str(said.unwrap_or("{}"));
        }
        if let Some(path) = path_missing {
            picture.fields.id = Some(inside);
            picture.path = path;
        }
        Ok(picture)
    }

    /// The only folder in which pictures are that the file calls by their names alone.
    fn only_folder(&mut self, run: &mut Run<'_>, input: &Input) -> Option<&str> {
        if self.only_folder.is_none() {
            let mut only_folder: Option<Box<str>> = None;
            let mut is_one = true;
            for image in self.images.iter().filter(|image| is_bare(&image.path)) {
                let own = beside(input, &image.path);
                let Some(inside) = run.found_by_name(input, &image.path, &own) else { continue };
                let folder = inside.rsplit_once('/').map_or("", |(folder, _)| folder);
                is_one &= !folder.is_empty() && only_folder.get_or_insert_with(|| folder.into()).as_ref() == folder;
            }
            self.only_folder = Some(only_folder.filter(|_| is_one));
        }
        self.only_folder.as_ref()?.as_deref()
    }

    /// The images that nothing is said about, by their ids and places, in the file's order.
    fn not_met(&self) -> Vec<(Box<str>, u32)> {
        let is_met = |place: u32| self.images.get(place as usize).is_none_or(|image| image.is_met);
        let all = self.places.iter().map(|(id, place)| (id, *place));
        let twins = self.twins.iter().flat_map(|(id, places)| places.iter().map(move |place| (id, *place)));
        let all = all.chain(twins);
        let mut lone: Vec<_> =
            all.filter(|(_, place)| !is_met(*place)).map(|(id, place)| (id.clone(), place)).collect();
        lone.sort_unstable_by_key(|(_, place)| *place);
        lone
    }

    fn annotation(&mut self, run: &mut Run<'_>, input: &Input, text: &str, at: &mut At) -> Result<()> {
        let drawn = match Drawn::of(text) {
            Ok(drawn) => drawn,
            Err(fault) => {
                at.id = id_in(text).map(|id| [&self.stem, &*id].concat());
                return run.take(at, |_, _| Err(fault));
            }
        };
        let id = match drawn.id() {
            Some(id) => [&self.stem, &*id].concat(),
            None => run.number_id(Table::Annotations, &self.stem, at.record.unwrap_or_default())?,
        };
        at.id = Some(run.unique(id, at));
        if self.twins.contains_key(&*drawn.image) {
            let fault = Error::input(format!("it is about image {}, and two images have that id", drawn.image));
            return run.take(at, |_, _| Err(fault));
        }
        let place = match &self.last {
            Some(last) if *last.image == *drawn.image => Some(last.place),
            _ => self.places.get(&*drawn.image).copied(),
        };
        let image = place.and_then(|place| Some((place, self.images.get_mut(place as usize)?)));
        let Some((place, image)) = image else {
            let fault = Error::input(format!("it is about image {}, which is not among `images`", drawn.image));
            return run.take(at, |_, _| Err(fault));
        };
        image.is_met = true;
        if self.last.as_ref().is_none_or(|last| last.place != place) {
            let is_first = image.found.is_none();
            let picture = image.picture(run, input, &self.folders, at)?;
            let picture = self.placed(run, input, picture, is_first)?;
            self.last = Some(Last { image: drawn.image.as_ref().into(), place, picture });
        }
        let Some(image) = self.images.get_mut(place as usize) else { return Ok(()) };
        let Some(Last { picture, .. }) = &mut self.last else { return Ok(()) };
        if image.size.is_none() {
            let sides = run.size_of(picture)?;
            image.size = sides.map(|(width, height)| (f64::from(width), f64::from(height)));
        }
        let size = image.size;
        let category = drawn.category();
        let category = category.as_ref().map(|id| (&**id, self.categories.get(&**id)));
        run.take(at, |run, at| {
            let Some(target) = run.picture(MediaKind::Picture, picture, at)? else { return Ok(()) };
            drawn.take(run, category, size, &target, at)
        })
    }
}

fn no_list(member: &Member<'_>) -> Error {
    let fault = Error::input(format!("`{}` is no list", member.key));
    fault.at_line(member.value.line).at_byte(member.value.offset)
}

impl Image {
    /// Whether another entry says nothing else.
    fn says_the_same(&self, other: &Self) -> bool {
        (&self.path, self.size, &self.extra) == (&other.path, other.size, &other.extra)
    }

    fn picture(&mut self, run: &mut Run<'_>, input: &Input, folders: &Folders, at: &At) -> Result<Picture> {
        let found = match self.found {
            Some(found) => found,
            None => self.find(run, input, folders, at)?,
        };
        self.found = Some(found);
        let path = folders.path(&self.path, found);
        let mut extra = self.extra.as_deref().map(str::to_owned);
        if path.is_some() {
            let mut more = ObjectText::default();
            more.text("file_name", &self.path);
            extra = joined_objects(more.finish(), extra);
        }
        let fields = FileFields {
            id: Some(folders.id(input, &self.path, found)),
            extra,
            by_pattern: true,
            ..FileFields::default()
        };
        let path = path.unwrap_or_else(|| self.path.to_string());
        Ok(Picture { path, fields: fields.sized(self.size), ..Picture::default() })
    }

    /// Looks for its file.
    fn find(&self, run: &mut Run<'_>, input: &Input, folders: &Folders, at: &At) -> Result<Where> {
        if folders.are_none() {
            return Ok(Where::AsWritten);
        }
        let fields = self.extra.as_deref().map(Fields::of).transpose()?;
        let url: Option<String> = fields.and_then(|fields| fields.parse("coco_url").ok().flatten());
        let found = folders.find(run, input, &self.path, url.as_deref(), self.size)?;
        if found == Where::Unclear {
            let names = folders.names();
            let message = format!(
                "{:?} is in several of {names}: which one is meant, neither the name of this file nor a `coco_url` nor \
                 the size says, and none was taken",
                self.path
            );
            run.report.find(Kind::Doubtful, at, message);
        }
        Ok(found)
    }
}

/// Whether a path is a name alone.
fn is_bare(path: &str) -> bool {
    !path.contains(['/', '\\'])
}

/// The start of a text, for a message.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(200) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}
