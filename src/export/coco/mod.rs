//! COCO: `images`, `annotations` and `categories` in one JSON file, with the pictures beside it.
//!
//! Each region of an annotation of a picture becomes an annotation there: its box, its outlines, or its mask as runs of
//! pixels. The category is the name on one axis of labels: the one that was asked for, else the region's own role, else
//! the first label's. A text without a region becomes a caption. Images and annotations are numbered in the order of
//! their addresses.

mod mask;
mod numbers;

use super::folder::{OutputFile, OutputFolder};
use super::json::{Object, WrittenFields, number_32, push_list, push_raw};
use super::media::{MediaFolder, MediaTo};
use super::{ExportOptions, ExportProgress, ExportReport, OnProgress, added, sources};
use crate::dataset::{Annotation, Dataset, Frame};
use crate::error::{Error, Result};
use crate::format::Address;
use crate::schema::rows::{AnnotationRow, LabelRow, RegionRow};
use crate::schema::tables::Table;
use numbers::{Pixels, number};
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
        media,
        file,
        images: HashMap::new(),
        categories: BTreeMap::new(),
        sources: BTreeSet::new(),
        annotations: 0,
        report,
    };
    coco.file.text("{\"images\":[")?;
    let all = all_annotations(dataset, options.selection)?;
    coco.images(&all, options.selection.is_none())?;
    coco.file.text("\n],\"annotations\":[")?;
    let total = all.len() as u64;
    for (done, address) in (1u64..).zip(&all) {
        coco.annotation(&dataset.annotation(*address)?)?;
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
#[derive(Clone, Copy)]
struct Image {
    id: u64,
    size: Option<Pixels>,
}

struct Coco<'a, 'r> {
    dataset: &'a Dataset,
    axis: Option<&'r str>,
    media: MediaFolder<'a>,
    file: JsonFile,
    images: HashMap<Address, Image>,
    /// The ids of categories, by axis and name.
    categories: BTreeMap<(String, String), u64>,
    sources: BTreeSet<String>,
    annotations: u64,
    report: &'r mut ExportReport,
}

impl Coco<'_, '_> {
    /// Writes the pictures that annotations are about, and where all are meant those that none is about.
    fn images(&mut self, annotations: &[Address], is_all: bool) -> Result<()> {
        let mut frames = BTreeSet::new();
        for address in annotations {
            let target = self.dataset.annotation(*address)?.target()?;
            if self.dataset.table_of(target)? == Table::Frames {
                frames.insert(target);
            }
        }
        let mut others = 0;
        for at in 0..self.dataset.count(Table::Frames)? {
            let frame = self.dataset.address(Table::Frames, at)?;
            let row = self.dataset.frame(frame)?;
            if row.kind()? == "rgb" && row.parent()?.is_none() {
                match is_all {
                    true => drop(frames.insert(frame)),
                    false => others += u64::from(!frames.contains(&frame)),
                }
            }
        }
        // A condition is about annotations, so that it says nothing of pictures without any.
        self.report.lose("pictures that no chosen annotation is about: without a condition they are there too", others);
        for address in frames {
            self.image(address)?;
        }
        Ok(())
    }

    fn image(&mut self, address: Address) -> Result<()> {
        let frame = self.dataset.frame(address)?;
        let path = self.media.path(address, self.report)?;
        let size = frame.width()?.zip(frame.height()?).map(|(width, height)| Pixels::new(width, height));
        let id = self.images.len() as u64 + 1;
        let mut entry = Vec::new();
        let mut object = Object::new(&mut entry);
        object.raw("id", id);
        object.text("file_name", &path);
        if let Some(size) = size {
            object.raw("width", size.width);
            object.raw("height", size.height);
        }
        push_extra(&mut object, frame.extra()?, &["id", "file_name", "width", "height"], self.report);
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
        let Some(image) = self.images.get(&target).copied() else {
            self.report.leave_out("annotations of videos", &row.id, &row.source, address);
            return Ok(());
        };
        if row.regions.is_empty() {
            return self.caption(&row, address, image);
        }
        for region in &row.regions {
            self.region(&row, address, region, image)?;
        }
        self.lose_of_annotation(&row);
        Ok(())
    }

    /// A text about the whole of a picture.
    fn caption(&mut self, row: &AnnotationRow, address: Address, image: Image) -> Result<()> {
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
        let mut object = self.start(&mut entry, image);
        object.text("caption", text);
        push_extra(&mut object, row.extra.as_deref(), &["id", "image_id", "caption"], self.report);
        object.end();
        self.report.lose("labels of captions", row.labels.len() as u64);
        self.note_source(&row.source);
        self.lose_of_annotation(row);
        self.file.entry(&entry)
    }

    fn start<'o>(&mut self, entry: &'o mut Vec<u8>, image: Image) -> Object<'o> {
        self.annotations += 1;
        let mut object = Object::new(entry);
        object.raw("id", self.annotations);
        object.raw("image_id", image.id);
        object
    }

    fn region(&mut self, row: &AnnotationRow, address: Address, region: &RegionRow, image: Image) -> Result<()> {
        let Some(label) = self.label(row, region) else {
            self.report.leave_out(
                "annotations without a label on the axis that was asked for",
                &row.id,
                &row.source,
                address,
            );
            return Ok(());
        };
        let Some(size) = image.size else {
            self.report.leave_out("annotations of pictures whose size is not known", &row.id, &row.source, address);
            return Ok(());
        };
        let runs = match region.mask {
            Some(mask) => match mask::runs(self.dataset, mask, size)? {
                Ok(runs) => Some(runs),
                Err(reason) => {
                    self.report.lose(reason, 1);
                    None
                }
            },
            None => None,
        };
        if region.bbox.is_none() && region.polygons.is_none() && runs.is_none() {
            self.report.leave_out(
                "annotations that say nothing about a place in the picture",
                &row.id,
                &row.source,
                address,
            );
            return Ok(());
        }
        let key = (label.axis.clone(), label.label.clone().unwrap_or_else(|| label.raw.clone()));
        let next = self.categories.len() as u64 + 1;
        let category = *self.categories.entry(key).or_insert(next);
        self.report.lose("labels beyond an annotation's category", row.labels.len().saturating_sub(1) as u64);
        let mut entry = Vec::new();
        let mut object = self.start(&mut entry, image);
        object.raw("category_id", category);
        push_place(&mut object, region, runs.as_ref(), size);
        object.raw_opt("score", region.score.map(number_32));
        object.text_opt("caption", row.text.as_deref());
        let written = push_extra(&mut object, row.extra.as_deref(), TAKEN, self.report);
        if !written.iter().any(|key| key == "area") {
            object.raw("area", number(area(region, runs.as_ref(), size)));
        }
        if !written.iter().any(|key| key == "iscrowd") {
            object.raw("iscrowd", 0);
        }
        object.end();
        self.report.lose("tracks", region.tracks.len() as u64);
        self.note_source(&row.source);
        self.file.entry(&entry)
    }

    /// The label that names the category.
    fn label<'l>(&self, row: &'l AnnotationRow, region: &RegionRow) -> Option<&'l LabelRow> {
        let on = |axis: &str| row.labels.iter().find(|label| label.axis == axis);
        match self.axis {
            Some(axis) => on(axis),
            None => region.role.as_deref().and_then(on).or_else(|| row.labels.first()),
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
        categories.sort_by_key(|(_, id)| *id);
        for ((axis, name), id) in categories {
            let mut entry = Vec::new();
            let mut object = Object::new(&mut entry);
            object.raw("id", id);
            object.text("name", &name);
            object.text("supercategory", &axis);
            object.end();
            self.file.entry(&entry)?;
        }
        self.file.text("\n]}\n")?;
        let Self { dataset, file, images, sources, annotations, report, .. } = self;
        report.bytes += file.file.finish()?;
        report.rows.insert(Table::Frames.name(), images.len() as u64);
        report.rows.insert(Table::Annotations.name(), annotations);
        report.lose("ids of annotations: they are numbered", annotations);
        report.lose("ids of pictures: they are numbered, and their paths say which they are", images.len() as u64);
        report.lose(
            "sources beyond the first: ids and licences of several become one",
            sources.len().saturating_sub(1) as u64,
        );
        for source in sources.iter().filter_map(|id| dataset.manifest().source(id)) {
            sources::write(folder, source, report)?;
        }
        Ok(())
    }
}

/// The fields of an annotation that are not its further ones.
const TAKEN: &[&str] = &["id", "image_id", "category_id", "bbox", "segmentation", "score", "caption"];

/// Writes box and outlines, in pixels.
fn push_place(object: &mut Object<'_>, region: &RegionRow, runs: Option<&mask::Runs>, size: Pixels) {
    let bbox = region.bbox.map(|bbox| size.bbox(bbox)).or_else(|| runs.and_then(mask::Runs::bbox));
    let bbox = bbox.or_else(|| region.polygons.as_deref().and_then(|outlines| size.around(outlines)));
    if let Some(bbox) = bbox {
        object.list("bbox", bbox, |out, value| push_raw(out, number(value)));
    }
    match (runs, &region.polygons) {
        (Some(runs), _) => runs.push(object.key("segmentation")),
        (None, Some(outlines)) => object.list("segmentation", outlines, |out, outline| {
            push_list(out, outline.iter().enumerate(), |out, (at, value)| push_raw(out, number(size.at(at, *value))));
        }),
        (None, None) => object.list("segmentation", [] as [f64; 0], push_raw),
    }
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

/// Writes further fields as they are; what has no place among the others is lost. Returns the keys that are written.
fn push_extra(object: &mut Object<'_>, extra: Option<&str>, taken: &[&str], report: &mut ExportReport) -> Vec<String> {
    let Some(extra) = extra else { return Vec::new() };
    let Some(fields) = WrittenFields::of(extra) else {
        report.lose("further fields that cannot stand among the others", 1);
        return Vec::new();
    };
    let mut written = Vec::new();
    for (key, value) in fields.0 {
        let value: &RawValue = value;
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
