//! Tables of pictures and what is said of each: classes (`Image` and `ClassLabel`), objects with boxes, captions, masks.
//!
//! A row becomes a statement about its picture, with the names of its classes and its caption; one for each object, and for
//! each further caption; and a mask becomes a frame that belongs to the picture.

use super::cell::has_files;
use super::features::Features;
use super::objects::Objects;
use super::row::{Text, is_answer};
use crate::error::{Error, Result};
use crate::import::draft::{Draft, DraftMedium, MediaItem, MediaKind};
use crate::import::forms;
use crate::import::inputs::Input;
use crate::import::media::found::other_size;
use crate::import::media::picture;
use crate::import::raw::{ObjectText, RawRecord, as_text};
use crate::import::report::{At, Kind};
use crate::import::row::apply_defaults;
use crate::import::run::{Picture, Run, Said};
use crate::schema::rows::LabelRow;
use crate::schema::tables::Table;
use arrow_schema::{DataType, Schema};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::io::Cursor;

/// Columns that are called so name no axis.
const GENERIC: [&str; 8] = ["label", "labels", "class", "classes", "category", "categories", "target", "targets"];
/// What columns of captions are called.
const CAPTIONS: [&str; 6] = ["caption", "captions", "text", "sentence", "sentences", "description"];

/// What rows of pictures are read by, for messages.
pub(super) const UNDERSTOOD: &str = "one column of pictures with columns of `ClassLabel`, `objects` with `bbox` (and \
    `category`), a `caption` or `text`, or pictures that are named as masks";

/// The columns of such a table.
pub(super) struct Labelled {
    picture: String,
    classes: Vec<String>,
    objects: Option<Objects>,
    captions: Vec<String>,
    masks: Vec<String>,
}

impl Labelled {
    /// The columns, where one alone has pictures and others say something of them, and none has turns.
    pub(super) fn of(features: &Features, schema: &Schema) -> Option<Self> {
        let fields = || schema.fields().iter();
        if fields().any(|field| forms::ROW_KEYS.contains(&field.name().as_str())) {
            return None;
        }
        let kind = |field: &arrow_schema::Field| features.media(field.name(), has_files(field.data_type()));
        let shown: Vec<_> = fields().filter(|field| kind(field).is_some() && !is_answer(field.name())).collect();
        let [picture] = shown[..] else { return None };
        let named = |is: &dyn Fn(&arrow_schema::Field) -> bool| -> Vec<String> {
            fields().filter(|field| is(field)).map(|field| field.name().clone()).collect()
        };
        let mut table = Self {
            picture: picture.name().clone(),
            classes: named(&|field| features.classes(field.name()).is_some()),
            objects: Objects::of(features, schema),
            captions: named(&|field| CAPTIONS.contains(&field.name().as_str()) && is_text(field.data_type())),
            masks: named(&|field| kind(field) == Some(MediaKind::Picture) && is_answer(field.name())),
        };
        let objects = table.objects.as_ref();
        table.classes.retain(|class| !objects.is_some_and(|objects| objects.has_column(class)));
        let says_nothing = [&table.classes, &table.captions, &table.masks].iter().all(|columns| columns.is_empty());
        let is_picture = kind(picture) == Some(MediaKind::Picture);
        (is_picture && (!says_nothing || table.objects.is_some())).then_some(table)
    }

    /// Whether a row is a picture with what is said of it, and nothing else that is known.
    pub(super) fn is(&self, row: &Text) -> bool {
        serde_json::from_str::<RawRecord<'_>>(&forms::unfolded(&row.json))
            .is_ok_and(|record| forms::row_form(&record).is_err())
    }

    /// Takes a row; it belongs to this split, if it does not say another.
    pub(super) fn take(
        &self,
        run: &mut Run<'_>,
        row: Text,
        split: Option<&str>,
        input: &Input,
        at: &mut At,
    ) -> Result<()> {
        run.report.count_read("pictures", 1);
        let Text { json, mut held, .. } = row;
        let record = serde_json::from_str::<RawRecord<'_>>(&json);
        let id = record.as_ref().ok().and_then(RawRecord::id);
        let id = match id {
            Some(id) => id,
            None => run.number_id(Table::Annotations, &input.name, at.record.unwrap_or_default())?,
        };
        let said = id.clone();
        let id = run.record_id(Table::Annotations, id, at)?;
        // What the row says besides goes by the row's id.
        let id_of = |run: &mut Run<'_>, name: &str, at: &At| {
            run.record_id_of(Table::Annotations, &format!("{said}/{name}"), format!("{id}/{name}"), at)
        };
        at.id = Some(id.clone());
        let own = record.as_ref().ok().and_then(|record| record.get("split")).and_then(as_text);
        run.split_of_row = own.map(Cow::into_owned).or_else(|| split.map(str::to_owned));
        let mut taken = None;
        run.take(at, |run, at| {
            let record = record.map_err(|error| Error::input(format!("its columns make no record: {error}")))?;
            let objects = self.objects.as_ref().map(|objects| objects.read(&record)).transpose()?.unwrap_or_default();
            let masks = self.masks(&record)?;
            let mut captions = self.captions(&record).into_iter();
            let labels = self.labels(run, &record, at);
            let said = Said { labels, text: captions.next() };
            let draft = self.draft(run, &record, split, &json, &mut held)?;
            let size = size_of(run, &record, &draft, at)?;
            let target = run.labelled(&draft, said, at)?;
            taken = target.map(|target| (target, size, captions, objects, masks));
            Ok(())
        })?;
        let Some((target, size, captions, objects, masks)) = taken else { return Ok(()) };
        for (number, text) in captions.enumerate() {
            at.id = Some(id_of(run, &format!("caption {}", number + 2), at)?);
            run.take(at, |run, at| run.say(Said { text: Some(text), ..Said::default() }, None, &target, at))?;
        }
        for object in objects {
            at.id = Some(id_of(run, &object.name, at)?);
            let Some(columns) = &self.objects else { continue };
            run.take(at, |run, at| object.take(run, columns, size, &target, at))?;
        }
        for (name, bytes) in masks {
            at.id = Some(id_of(run, &name, at)?);
            run.take(at, |run, at| run.drawn(&bytes, &target, at))?;
        }
        at.id = Some(id);
        Ok(())
    }

    /// The picture of a row, with what the row says besides.
    fn draft(
        &self,
        run: &Run<'_>,
        record: &RawRecord<'_>,
        split: Option<&str>,
        json: &str,
        held: &mut super::Held,
    ) -> Result<Draft> {
        let item = record.get(&self.picture).map(forms::picture_in).transpose()?.flatten();
        let item = item.ok_or_else(|| Error::input(format!("its `{}` has no picture", self.picture)))?;
        let media = vec![DraftMedium::new(MediaKind::Picture, vec![item])];
        let extra = self.others(record, split);
        let mut draft = Draft { media, extra, ..Draft::default() };
        apply_defaults(&mut draft, run.options, json)?;
        draft.settle_held(held)?;
        Ok(draft)
    }

    /// Whether a column is one that is read.
    fn has_column(&self, name: &str) -> bool {
        let lists = [&self.classes, &self.captions, &self.masks];
        name == self.picture
            || lists.iter().any(|columns| columns.iter().any(|column| column == name))
            || self.objects.as_ref().is_some_and(|objects| objects.has_column(name))
    }

    /// What a row has besides.
    fn others(&self, record: &RawRecord<'_>, split: Option<&str>) -> Option<String> {
        let mut others = ObjectText::default();
        for (key, value) in record.fields.iter().filter(|(key, _)| key != "id" && !self.has_column(key)) {
            others.raw(key, value.get());
        }
        if let Some(split) = split.filter(|_| record.get("split").is_none()) {
            others.text("split", split);
        }
        others.finish()
    }

    /// The texts of a row that speak of its picture.
    fn captions(&self, record: &RawRecord<'_>) -> Vec<String> {
        let values = self.captions.iter().filter_map(|column| record.get(column));
        let lists = values.map(|value| serde_json::from_str(value.get()).unwrap_or_else(|_| vec![value]));
        let texts = lists.flat_map(|list: Vec<&RawValue>| list.into_iter().filter_map(as_text).collect::<Vec<_>>());
        texts.filter(|text| !text.trim().is_empty()).map(|text| text.into_owned()).collect()
    }

    /// The masks of a row: what each is called in it, and its bytes.
    fn masks(&self, record: &RawRecord<'_>) -> Result<Vec<(String, Vec<u8>)>> {
        let mut masks = Vec::new();
        for column in &self.masks {
            let Some(value) = record.get(column) else { continue };
            let list: Vec<&RawValue> = match value.get().starts_with('[') {
                true => serde_json::from_str(value.get()).map_err(|error| Error::input(error.to_string()))?,
                false => vec![value],
            };
            for (at, value) in list.into_iter().enumerate() {
                let name = if at == 0 { column.clone() } else { format!("{column} {}", at + 1) };
                match forms::picture_in(value)? {
                    Some(MediaItem::Bytes { bytes, .. }) => masks.push((name, bytes)),
                    Some(_) => return Err(Error::input(format!("its `{column}` has a path, and no bytes"))),
                    None => {}
                }
            }
        }
        Ok(masks)
    }

    /// The names of the classes; −1 says in such tables that there is none.
    fn labels(&self, run: &mut Run<'_>, record: &RawRecord<'_>, at: &At) -> Vec<LabelRow> {
        let mut labels = Vec::new();
        for column in &self.classes {
            let Some(value) = record.get(column) else { continue };
            let axis = match GENERIC.contains(&column.to_lowercase().as_str()) {
                true => run.axis(),
                false => column.clone(),
            };
            let list = serde_json::from_str::<Vec<&RawValue>>(value.get()).unwrap_or_else(|_| vec![value]);
            for value in list {
                match as_text(value) {
                    Some(name) => {
                        labels.push(LabelRow { axis: axis.clone(), raw: name.into_owned(), ..LabelRow::default() })
                    }
                    None if matches!(value.get(), "-1" | "null") => {}
                    None => {
                        let what = format!("its `{column}` is {}, which is no class's number: no label", value.get());
                        run.report.find(Kind::Doubtful, at, what);
                    }
                }
            }
        }
        labels
    }
}

/// Whether a column holds texts, or lists of them.
fn is_text(ty: &DataType) -> bool {
    match ty {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            !matches!(item.data_type(), DataType::List(_) | DataType::LargeList(_)) && is_text(item.data_type())
        }
        _ => false,
    }
}

/// The size of a draft's picture: as its bytes or its file have it, else as the row says. Where these differ, that is told.
fn size_of(run: &mut Run<'_>, record: &RawRecord<'_>, draft: &Draft, at: &At) -> Result<Option<(f64, f64)>> {
    let known = match draft.media.first().and_then(|medium| medium.items.first()) {
        Some(MediaItem::Bytes { bytes, .. }) => picture::read(Cursor::new(bytes), "").size.ok(),
        Some(MediaItem::Path(path)) => run.size_of(&Picture { path: path.clone(), ..Picture::default() })?,
        _ => None,
    };
    let side = |name: &str| record.get(name).and_then(|value| value.get().parse::<f64>().ok());
    let said = side("width").zip(side("height")).filter(|(width, height)| *width >= 1.0 && *height >= 1.0);
    let Some(is) = known else { return Ok(said) };
    let pixels = said.map(|(width, height)| (width as i32, height as i32));
    if let Some(said) = pixels.filter(|said| *said != is) {
        run.report.find(Kind::OtherSize, at, other_size(said, is));
    }
    Ok(Some((f64::from(is.0), f64::from(is.1))))
}
