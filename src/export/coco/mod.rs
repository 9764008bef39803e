//! COCO: `images`, `annotations` and `categories` in one JSON file, with the pictures beside it.
//!
//! Each region of an annotation of a picture becomes an annotation there: its box, its outlines, or its mask as runs of
//! pixels. The category is the name on one axis of labels: the one that was asked for, else the region's own role, else
//! the first label's. A text without a region becomes a caption. Images, annotations and categories have the ids that
//! COCO files gave them where the dataset has kept them, else new numbers, which the report counts; see [`ids`].

mod ids;
mod mask;
mod numbers;
mod place;

use super::folder::{OutputFile, OutputFolder};
use super::json::{Object, WrittenFields, number_32, push_list, push_raw};
use super::media::{MediaFolder, MediaTo};
use super::missing::{BROKEN, OnMissing};
use super::{ExportOptions, ExportProgress, ExportReport, OnProgress, added, sources};
use crate::dataset::{Annotation, Dataset, Frame};
use crate::error::{Error, Result};
use crate::format::Address;
use crate::schema::rows::{AnnotationRow, LabelRow, RegionRow};
use crate::schema::tables::Table;
use ids::{Id, Ids};
use numbers::{Pixels, number};
use place::Place;
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Write;

/// The file that all is written to.
const FILE: &str = "annotations.json";
/// How many annotations are read between two reports of progress.
const PROGRESS_EVERY: u64 = 64;

/// Writes the file, the pictures, and what is known of the sources.
///
/// # Errors
/// See [`super::export`].
pub(super) fn write_all(
    dataset: &Dataset,
    folder: &OutputFolder,
    options: &ExportOptions<'_>,
    report: &mut ExportReport,
    progress: &mut OnProgress<'_>,
) -> Result<()> {
    let file = JsonFile { file: folder.file(FILE)?, is_first: true };
    let media =
        MediaFolder::new(dataset, MediaTo::Folder(folder, options.pictures), &[FILE]).on_missing(options.missing);
    let mut coco = Coco {
        dataset,
        axis: options.axis,
        on_missing: options.missing,
        media,
        file,
        images: HashMap::new(),
        omitted: HashMap::new(),
        categories: BTreeMap::new(),
        ids: AllIds::default(),
        sources: BTreeSet::new(),
        annotations: 0,
        report,
    };
    coco.file.text("{\"images\":[")?;
    let all = all_annotations(dataset, options.selection)?;
    coco.keep_ids(&all)?;
    coco.images(&all, options.selection.is_none())?;
    coco.file.text("\n],\"annotations\":[")?;
    let total = all.len() as u64;
    for (done, address) in (1u64..).zip(&all) {
        coco.annotation(&dataset.sound_annotation(*address)?)?;
        if done % PROGRESS_EVERY == 0 || done == total {
            progress(ExportProgress { rows: done, total, bytes: coco.report.media_bytes })?;
        }
    }
    let rows: Vec<Address> = all.iter().chain(coco.images.keys()).copied().collect();
    coco.finish(folder)?;
    added::lose_of(dataset, &rows, report)
}

/// The annotations that are meant, by ascending address.
fn all_annotations(dataset: &Dataset, selection: Option<&[Address]>) -> Result<Vec<Address>> {
    match selection {
        Some(selection) => {
            let mut all = selection.to_vec();
            all.sort_unstable();
            all.dedup();
            Ok(all)
        }
        None => (0..dataset.count(Table::Annotations)?).map(|at| dataset.address(Table::Annotations, at)).collect(),
    }
}

/// A JSON file, entry by entry.
struct JsonFile {
    file: OutputFile,
    is_first: bool,
}

impl JsonFile {
    fn text(&mut self, text: &str) -> Result<()> {
        self.is_first = true;
        self.file.write_all(text.as_bytes()).map_err(unwritten)
    }

    fn entry(&mut self, entry: &[u8]) -> Result<()> {
        let start: &[u8] = if std::mem::take(&mut self.is_first) { b"\n" } else { b",\n" };
        self.file.write_all(start).and_then(|()| self.file.write_all(entry)).map_err(unwritten)
    }
}

fn unwritten(error: std::io::Error) -> Error {
    Error::io("cannot write the annotations", error)
}

/// A picture of the file.
#[derive(Clone)]
struct Image {
    id: Id,
    size: Option<Pixels>,
}

/// A category of the file.
struct Category {
    id: Id,
    /// In which order it was met.
    number: usize,
}

/// The ids of each list.
#[derive(Default)]
struct AllIds {
    images: Ids,
    annotations: Ids,
    categories: Ids,
}

struct Coco<'a, 'r> {
    dataset: &'a Dataset,
    axis: Option<&'r str>,
    on_missing: OnMissing,
    media: MediaFolder<'a>,
    file: JsonFile,
    images: HashMap<Address, Image>,
    /// Pictures that are left out, and why.
    omitted: HashMap<Address, &'static str>,
    /// By axis and name.
    categories: BTreeMap<(String, String), Category>,
    ids: AllIds,
    sources: BTreeSet<String>,
    annotations: u64,
    report: &'r mut ExportReport,
}

impl Coco<'_, '_> {
    /// Notes the ids of annotations and categories that are kept, so that none of them is given to another.
    fn keep_ids(&mut self, annotations: &[Address]) -> Result<()> {
        for address in annotations {
            let row = self.dataset.annotation(*address)?;
            let (id, category) = kept_ids(row.id()?, row.extra()?, row.regions()?.is_empty());
            self.ids.annotations.keep(id.as_ref());
            self.ids.categories.keep(category.as_ref());
        }
        Ok(())
    }

    /// Writes the pictures that annotations are about, and where all are meant those that none is about.
    fn images(&mut self, annotations: &[Address], is_all: bool) -> Result<()> {
        let (mut frames, mut masks) = (BTreeSet::new(), BTreeSet::new());
        for address in annotations {
            let row = self.dataset.annotation(*address)?;
            let target = row.target()?;
            if self.dataset.table_of(target)? == Table::Frames {
                frames.insert(target);
            }
            masks.extend(row.regions()?.iter().filter_map(|region| region.mask()));
        }
        let (mut others, mut unused) = (0, 0);
        for at in 0..self.dataset.count(Table::Frames)? {
            let frame = self.dataset.address(Table::Frames, at)?;
            let row = self.dataset.frame(frame)?;
            if row.kind()? == "rgb" && row.parent()?.is_none() {
                match is_all {
                    true => drop(frames.insert(frame)),
                    false => others += u64::from(!frames.contains(&frame)),
                }
            } else if is_all && !frames.contains(&frame) {
                unused += u64::from(!masks.contains(&frame));
            }
        }
        self.report.lose("masks and other pictures of pictures that no annotation shows as its own", unused);
        // A condition is about annotations, so that it says nothing of pictures without any.
        self.report.lose("pictures that no chosen annotation is about: without a condition they are there too", others);
        for address in &frames {
            self.ids.images.keep(kept_id(self.dataset.frame(*address)?.extra()?, "id").as_ref());
        }
        frames.into_iter().try_for_each(|address| self.image(address))
    }

    fn image(&mut self, address: Address) -> Result<()> {
        if let Some(reason) = self.on_missing.omits(&mut self.media, address)? {
            self.omitted.insert(address, reason);
            return Ok(());
        }
        let frame = self.dataset.sound_frame(address)?;
        let path = self.media.path(address, self.report)?;
        let size = frame.width()?.zip(frame.height()?).map(|(width, height)| Pixels::new(width, height));
        let id = self.ids.images.give(kept_id(frame.extra()?, "id"));
        let mut entry = Vec::new();
        let mut object = Object::new(&mut entry);
        let ids = [("id", &id)];
        push_ids(&mut object, frame.extra()?, &ids);
        object.text("file_name", &path);
        if let Some(size) = size {
            object.raw("width", size.width);
            object.raw("height", size.height);
        }
        push_extra(&mut object, frame.extra()?, &ids, &["file_name", "width", "height"], self.report);
        object.end();
        self.file.entry(&entry)?;
        self.images.insert(address, Image { id, size });
        self.lose_of_frame(&frame)?;
        self.note_source(frame.source()?);
        Ok(())
    }

    fn lose_of_frame(&mut self, frame: &Frame<'_>) -> Result<()> {
        let said =
            [frame.case()?.is_some(), frame.video()?.is_some(), frame.index()?.is_some(), frame.time()?.is_some()];
        let said = said.into_iter().filter(|is_said| *is_said).count();
        self.report.lose("case, video, number and time of pictures", said as u64);
        Ok(())
    }

    fn note_source(&mut self, source: &str) {
        if !self.sources.contains(source) {
            self.sources.insert(source.to_owned());
        }
    }

    fn annotation(&mut self, row: &Annotation<'_>) -> Result<()> {
        let (target, address) = (row.target()?, row.address());
        let row = row.to_row()?;
        let Some(image) = self.images.get(&target).cloned() else {
            let omitted = self.omitted.get(&target).copied();
            self.report.broken += u64::from(omitted == Some(BROKEN));
            self.report.leave_out(omitted.unwrap_or("annotations of videos"), &row.id, &row.source, address);
            return Ok(());
        };
        if row.regions.is_empty() {
            return self.caption(&row, address, &image);
        }
        let (mut kept, category) = kept_ids(&row.id, row.extra.as_deref(), false);
        for region in &row.regions {
            self.region(&row, address, region, &image, &mut kept, category.as_ref())?;
        }
        self.lose_of_annotation(&row);
        Ok(())
    }

    /// A text about the whole of a picture.
    fn caption(&mut self, row: &AnnotationRow, address: Address, image: &Image) -> Result<()> {
        let Some(text) = &row.text else {
            self.report.leave_out(
                "annotations that say nothing about a place in the picture",
                &row.id,
                &row.source,
                address,
            );
            return Ok(());
        };
        let mut entry = Vec::new();
        let id = self.annotation_id(row, &mut kept_ids(&row.id, row.extra.as_deref(), true).0);
        let ids = [("id", &id)];
        let mut object = Object::new(&mut entry);
        push_ids(&mut object, row.extra.as_deref(), &ids);
        object.raw("image_id", &image.id);
        object.text("caption", text);
        push_extra(&mut object, row.extra.as_deref(), &ids, &["image_id", "category_id", "caption"], self.report);
        object.end();
        self.report.lose("labels of captions", row.labels.len() as u64);
        self.note_source(&row.source);
        self.lose_of_annotation(row);
        self.file.entry(&entry)
    }

    /// The id of an annotation: the one that its row has kept, where nothing else of the row has got it.
    fn annotation_id(&mut self, row: &AnnotationRow, kept: &mut Option<Id>) -> Id {
        self.annotations += 1;
        let was_new = self.ids.annotations.new;
        let id = self.ids.annotations.give(kept.take());
        if self.ids.annotations.new == was_new {
            let is_told = row.id == format!("{}/{}", FILE.trim_end_matches(".json"), id.text());
            self.report.lose("the file that the id of an annotation names before its number", u64::from(!is_told));
        }
        id
    }

    /// The id of a category: the one that the first of its annotations has kept, where no other category has it.
    fn category(&mut self, label: &LabelRow, kept: Option<&Id>) -> Id {
        let key = (label.axis.clone(), label.label.clone().unwrap_or_else(|| label.raw.clone()));
        let number = self.categories.len();
        let ids = &mut self.ids.categories;
        let category = self.categories.entry(key).or_insert_with(|| Category { id: ids.give(kept.cloned()), number });
        let is_other = kept.is_some_and(|kept| *kept != category.id);
        self.report.lose("other ids of a category: those of one name have one", u64::from(is_other));
        category.id.clone()
    }

    fn region(
        &mut self,
        row: &AnnotationRow,
        address: Address,
        region: &RegionRow,
        image: &Image,
        kept: &mut Option<Id>,
        category: Option<&Id>,
    ) -> Result<()> {
        let Place { label, size, runs } = match self.place(row, region, image)? {
            Ok(place) => place,
            Err(reason) => {
                self.report.leave_out(reason, &row.id, &row.source, address);
                return Ok(());
            }
        };
        let category = self.category(label, category);
        self.report.lose("labels beyond an annotation's category", row.labels.len().saturating_sub(1) as u64);
        let is_renamed = label.label.as_ref().is_some_and(|name| *name != label.raw);
        self.report.lose("what a source calls a category that has another name here", u64::from(is_renamed));
        self.report.lose("values of labels", u64::from(label.value.is_some()));
        let has_both = runs.is_some() && region.polygons.is_some();
        self.report.lose("outlines of what has a mask, too: the mask is written", u64::from(has_both));
        let outlines = region.polygons.iter().flatten().filter(|_| !has_both);
        let lines = outlines.filter(|outline| !is_area(outline)).count();
        self.report.lose("outlines of one or two points, which cover nothing: readers fail at them", lines as u64);
        self.report.lose(
            "that a region has no box: the one around its mask or outlines is written",
            u64::from(region.bbox.is_none()),
        );
        let mut entry = Vec::new();
        let id = self.annotation_id(row, kept);
        let ids = [("id", &id), ("category_id", &category)];
        let mut object = Object::new(&mut entry);
        push_ids(&mut object, row.extra.as_deref(), &ids);
        object.raw("image_id", &image.id);
        push_place(&mut object, region, runs.as_ref(), size);
        object.raw_opt("score", region.score.map(number_32));
        object.text_opt("caption", row.text.as_deref());
        let written = push_extra(&mut object, row.extra.as_deref(), &ids, TAKEN, self.report);
        let has = |key: &str| written.iter().any(|written| written == key);
        let lacks = [!has("area"), !has("iscrowd")];
        // What a COCO file said comes out as it said it.
        let is_of_coco = is_of_coco(row.extra.as_deref());
        if lacks[0] && !is_of_coco {
            object.raw("area", number(area(region, runs.as_ref(), size)));
        }
        if lacks[1] && !is_of_coco {
            object.raw("iscrowd", 0);
        }
        object.end();
        self.tell_added(lacks, is_of_coco);
        self.report.lose("tracks", region.tracks.len() as u64);
        self.note_source(&row.source);
        self.file.entry(&entry)
    }

    /// Counts the fields that an annotation lacked, and that were written or not.
    fn tell_added(&mut self, lacks: [bool; 2], is_of_coco: bool) {
        for (key, what) in
            [("area", AREA), ("iscrowd", ISCROWD)].into_iter().zip(lacks).filter_map(|(it, lacks)| lacks.then_some(it))
        {
            let counts = if is_of_coco { &mut self.report.lacking } else { &mut self.report.added };
            *counts.entry(if is_of_coco { key } else { what }).or_default() += 1;
        }
    }

    fn lose_of_annotation(&mut self, row: &AnnotationRow) {
        let said = [&row.annotator, &row.status, &row.origin, &row.generator].into_iter().flatten().count();
        let said = said + usize::from(row.start.or(row.end).is_some()) + usize::from(row.parent.is_some());
        self.report.lose("annotator, status, origin, time and parent of annotations", said as u64);
    }

    fn finish(mut self, folder: &OutputFolder) -> Result<()> {
        self.file.text("\n],\"categories\":[")?;
        let mut categories: Vec<_> = std::mem::take(&mut self.categories).into_iter().collect();
        categories.sort_by_key(|(_, category)| category.number);
        for ((axis, name), Category { id, .. }) in categories {
            let mut entry = Vec::new();
            let mut object = Object::new(&mut entry);
            object.raw("id", id);
            object.text("name", &name);
            object.text("supercategory", &axis);
            object.end();
            self.file.entry(&entry)?;
        }
        self.file.text("\n]}\n")?;
        let Self { dataset, file, images, sources, annotations, ids, report, .. } = self;
        report.bytes += file.file.finish()?;
        report.rows.insert(Table::Frames.name(), images.len() as u64);
        report.rows.insert(Table::Annotations.name(), annotations);
        for (what, ids) in [("pictures", ids.images), ("annotations", ids.annotations), ("categories", ids.categories)]
        {
            if ids.new > 0 {
                report.new_ids.insert(what, ids.new);
            }
        }
        report.lose(
            "sources beyond the first: ids and licences of several become one",
            sources.len().saturating_sub(1) as u64,
        );
        for source in sources.iter().filter_map(|id| dataset.manifest().source(id)) {
            sources::lose_says(dataset, source, report);
            sources::write(folder, source, report)?;
        }
        Ok(())
    }
}

/// The fields of an annotation that are not its further ones.
const TAKEN: &[&str] = &["image_id", "bbox", "segmentation", "score", "caption"];

/// What is written of annotations that no COCO file had.
const AREA: &str = "`area`, the pixels that the mask, the outlines or the box cover";
const ISCROWD: &str = "`iscrowd`, 0";

/// Whether an annotation came from a COCO file: it has kept the ids that only these give.
fn is_of_coco(extra: Option<&str>) -> bool {
    let fields = extra.and_then(WrittenFields::of);
    fields.is_some_and(|fields| fields.0.iter().any(|(name, _)| name == "category_id"))
}

/// What stands under this key in further fields, where it is an id.
fn kept_id(extra: Option<&str>, key: &str) -> Option<Id> {
    let fields = WrittenFields::of(extra?)?;
    fields.0.iter().find(|(name, _)| name == key).and_then(|(_, value)| Id::of(value))
}

/// The ids of an annotation and of its category that the row has kept. The number that the row's id ends with is the
/// annotation's where it came from a COCO file: a caption has nothing that would tell, and of all others only those have
/// the id of a category. Other forms count from 0, and what has that id is found by no reader that scores by pycocotools.
fn kept_ids(id: &str, extra: Option<&str>, is_caption: bool) -> (Option<Id>, Option<Id>) {
    let category = kept_id(extra, "category_id");
    let behind = || if is_caption || category.is_some() { Id::behind_name(id) } else { None };
    (kept_id(extra, "id").or_else(behind), category)
}

/// Writes box and outlines, in pixels.
fn push_place(object: &mut Object<'_>, region: &RegionRow, runs: Option<&mask::Runs>, size: Pixels) {
    let bbox = region.bbox.map(|bbox| size.bbox(bbox)).or_else(|| runs.and_then(mask::Runs::bbox));
    let bbox = bbox.or_else(|| region.polygons.as_deref().and_then(|outlines| size.around(outlines)));
    if let Some(bbox) = bbox {
        object.list("bbox", bbox, |out, value| push_raw(out, number(value)));
    }
    match (runs, &region.polygons) {
        (Some(runs), _) => runs.push(object.key("segmentation")),
        (None, Some(outlines)) => {
            object.list("segmentation", outlines.iter().filter(|outline| is_area(outline)), |out, outline| {
                push_list(out, outline.iter().enumerate(), |out, (at, value)| {
                    push_raw(out, number(size.at(at, *value)))
                });
            })
        }
        // See RATIONALE.md: readers ask for the key whether they draw or not.
        (None, None) => object.list("segmentation", [] as [f64; 0], push_raw),
    }
}

/// Whether an outline has three points: readers take four numbers for a box, and fail.
fn is_area(outline: &[f32]) -> bool {
    outline.len() >= 6
}

/// The pixels that a region covers.
fn area(region: &RegionRow, runs: Option<&mask::Runs>, size: Pixels) -> f64 {
    match (runs, &region.polygons, region.bbox) {
        (Some(runs), ..) => runs.area() as f64,
        (None, Some(outlines), _) => outlines.iter().map(|outline| size.area(outline)).sum(),
        (None, None, Some(bbox)) => size.bbox(bbox).iter().skip(2).product(),
        (None, None, None) => 0.0,
    }
}

/// Writes ids that have no place among further fields.
fn push_ids(object: &mut Object<'_>, extra: Option<&str>, ids: &[(&str, &Id)]) {
    let fields = extra.and_then(WrittenFields::of);
    let has = |key: &str| fields.as_ref().is_some_and(|fields| fields.0.iter().any(|(name, _)| name == key));
    ids.iter().filter(|(key, _)| !has(key)).for_each(|(key, id)| object.raw(key, id));
}

/// Writes further fields as they are, with these ids in their places; what has no place among the others is lost. Returns
/// the keys that are written.
fn push_extra(
    object: &mut Object<'_>,
    extra: Option<&str>,
    ids: &[(&str, &Id)],
    taken: &[&str],
    report: &mut ExportReport,
) -> Vec<String> {
    let Some(extra) = extra else { return Vec::new() };
    let Some(fields) = WrittenFields::of(extra) else {
        report.lose("further fields that cannot stand among the others", 1);
        return Vec::new();
    };
    let mut written = Vec::new();
    for (key, value) in fields.0 {
        let value: &RawValue = value;
        if let Some((_, id)) = ids.iter().find(|(name, _)| *name == key) {
            object.raw(&key, id);
            continue;
        }
        match taken.contains(&&*key) {
            true => report.lose("further fields that cannot stand among the others", 1),
            false => {
                object.raw(&key, value.get());
                written.push(key);
            }
        }
    }
    written
}
