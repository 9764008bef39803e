//! Objects with boxes, as tables for object detection have them: `objects: {bbox, category}`, a list a field, or a list of
//! objects; or the lists as columns of their own.
//!
//! A box is `[x, y, width, height]` in pixels from the top left, as COCO measures it, or as the user says.

use super::features::Features;
use crate::error::{Error, Result};
use crate::import::annotations::box_of_pixels;
use crate::import::raw::{Field, ObjectText, RawPart, RawRecord, as_text, id_text};
use crate::import::report::{At, Kind};
use crate::import::run::{Run, Target, statement};
use crate::import::source::BoxConvention;
use crate::schema::rows::{LabelRow, RegionRow};
use arrow_schema::{DataType, Schema};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// What lists of boxes are called.
const BOXES: [&str; 4] = ["bbox", "bboxes", "box", "boxes"];
/// What their classes are called, the best name first: what is text goes before numbers.
const CLASSES: [&str; 11] = [
    "category",
    "categories",
    "label",
    "labels",
    "class",
    "classes",
    "class_name",
    "name",
    "category_id",
    "category_ids",
    "class_id",
];
/// What tells objects apart.
const IDS: [&str; 3] = ["id", "ids", "bbox_id"];

/// Where a table's objects stand.
pub(super) struct Objects {
    /// The column that they are in; none where each of their fields is a column.
    column: Option<String>,
    boxes: String,
    class: Option<String>,
    /// The names of the classes, where these are numbers that have some.
    names: Option<Vec<String>>,
}

/// An object of a row.
pub(super) struct Object<'a> {
    /// What tells it apart in its row.
    pub(super) name: String,
    bbox: Option<[f64; 4]>,
    class: Option<&'a RawValue>,
    others: Vec<Field<'a>>,
}

impl Objects {
    /// Where they stand, if there are any.
    pub(super) fn of(features: &Features, schema: &Schema) -> Option<Self> {
        let inside = schema.fields().iter().find_map(|field| {
            let fields = fields_of(field.data_type())?;
            let names: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
            let boxes = first(&BOXES, &names)?;
            let class = first(&CLASSES, &names);
            let names = class.as_ref().and_then(|class| features.classes_inside(field.name(), class));
            let names = names.map(<[String]>::to_vec);
            Some(Self { column: Some(field.name().clone()), boxes, class, names })
        });
        inside.or_else(|| {
            let lists = schema.fields().iter().filter(|field| item_of(field.data_type()).is_some());
            let names: Vec<&str> = lists.map(|field| field.name().as_str()).collect();
            let boxes = first(&BOXES, &names)?;
            let is_of_lists = schema.field_with_name(&boxes).ok().and_then(|field| item_of(field.data_type()));
            is_of_lists.and_then(item_of)?;
            let class = first(&CLASSES, &names);
            let names = class.as_ref().and_then(|class| features.classes(class)).map(<[String]>::to_vec);
            Some(Self { column: None, boxes, class, names })
        })
    }

    /// Whether a column of the table is theirs.
    pub(super) fn has_column(&self, name: &str) -> bool {
        match &self.column {
            Some(column) => name == column,
            None => name == self.boxes || self.class.as_deref() == Some(name),
        }
    }

    /// The objects of a row.
    ///
    /// # Errors
    /// `Input` where lists that go together have other lengths, or a box is none.
    pub(super) fn read<'a>(&self, record: &RawRecord<'a>) -> Result<Vec<Object<'a>>> {
        let Some(column) = &self.column else {
            let own = record.fields.iter().filter(|(key, _)| self.has_column(key)).cloned().collect();
            return self.transposed(own);
        };
        let Some(value) = record.get(column).filter(|value| value.get() != "null") else { return Ok(Vec::new()) };
        let wrong = |error: serde_json::Error| Error::input(format!("its `{column}` cannot be read: {error}"));
        if value.get().starts_with('[') {
            let list: Vec<RawPart<'a>> = serde_json::from_str(value.get()).map_err(wrong)?;
            let objects = list.into_iter().enumerate().map(|(at, part)| match part {
                RawPart::Object(fields) => self.object(at, fields),
                RawPart::Text(_) => Err(Error::input(format!("its `{column}` has a text where an object should be"))),
            });
            return objects.collect();
        }
        match serde_json::from_str(value.get()).map_err(wrong)? {
            RawPart::Object(fields) => self.transposed(fields),
            RawPart::Text(_) => Err(Error::input(format!("its `{column}` is a text, and should be objects"))),
        }
    }

    /// Objects whose fields stand as a list each.
    fn transposed<'a>(&self, fields: Vec<Field<'a>>) -> Result<Vec<Object<'a>>> {
        let mut lists: Vec<(Cow<'a, str>, Vec<&'a RawValue>)> = Vec::with_capacity(fields.len());
        for (name, value) in fields.into_iter().filter(|(_, value)| value.get() != "null") {
            let list = serde_json::from_str(value.get())
                .map_err(|_| Error::input(format!("`{name}` of its objects is no list, and its boxes are one")))?;
            lists.push((name, list));
        }
        let Some(count) = lists.iter().find(|(name, _)| *name == self.boxes).map(|(_, list)| list.len()) else {
            return Ok(Vec::new());
        };
        if let Some((name, list)) = lists.iter().find(|(_, list)| list.len() != count) {
            let message = format!("it has {count} boxes, and `{name}` has {} entries", list.len());
            return Err(Error::input(message));
        }
        let object = |at: usize| {
            let fields = lists.iter().filter_map(|(name, list)| Some((name.clone(), *list.get(at)?)));
            self.object(at, fields.filter(|(_, value)| value.get() != "null").collect())
        };
        (0..count).map(object).collect()
    }

    fn object<'a>(&self, at: usize, mut fields: Vec<Field<'a>>) -> Result<Object<'a>> {
        let mut take = |name: &str| {
            let at = fields.iter().position(|(key, _)| key == name)?;
            Some(fields.remove(at).1)
        };
        let class = self.class.as_deref().and_then(&mut take);
        let bbox = match take(&self.boxes).map(|value| (value, serde_json::from_str::<Vec<f64>>(value.get()))) {
            None => None,
            Some((_, Ok(numbers))) if numbers.is_empty() => None,
            Some((value, numbers)) => {
                let numbers = numbers.ok().and_then(|numbers| <[f64; 4]>::try_from(numbers).ok());
                let wrong = || Error::input(format!("the box {} of object {at} is not four numbers", value.get()));
                Some(numbers.ok_or_else(wrong)?)
            }
        };
        let own = IDS.iter().find_map(|name| fields.iter().find(|(key, _)| key == name));
        let name = own.and_then(|(_, value)| id_text(value)).map(Cow::into_owned);
        Ok(Object { name: name.unwrap_or_else(|| format!("#{}", at + 1)), bbox, class, others: fields })
    }
}

impl Object<'_> {
    /// Makes the statement about the picture, which has this size.
    pub(super) fn take(
        self,
        run: &mut Run<'_>,
        objects: &Objects,
        size: Option<(f64, f64)>,
        target: &Target,
        at: &At,
    ) -> Result<()> {
        let mut row = statement(at.id.clone().unwrap_or_default(), &run.options.source.id, target);
        let axis = run.axis();
        let raw = self.class.and_then(|class| objects.class_name(class));
        row.labels.extend(raw.map(|raw| LabelRow { axis: axis.clone(), raw, ..LabelRow::default() }));
        let convention = run.options.source.boxes.unwrap_or_default();
        let sides = match convention {
            BoxConvention::Unit => Some((1.0, 1.0)),
            BoxConvention::Thousand => Some((1000.0, 1000.0)),
            BoxConvention::Auto | BoxConvention::Pixels | BoxConvention::None => size,
        };
        match (self.bbox, sides) {
            (None, _) => {}
            (Some(bbox), Some(size)) => {
                let is_said =
                    matches!(convention, BoxConvention::Unit | BoxConvention::Thousand | BoxConvention::Pixels);
                if !is_said && bbox.iter().all(|number| number.abs() <= 1.0) {
                    let what = format!(
                        "its box {bbox:?} was read as pixels, as COCO has it, and looks as parts of the sides: where it is, \
                         import with --boxes 0-1"
                    );
                    run.report.find(Kind::Doubtful, at, what);
                }
                let bbox = Some(box_of_pixels(bbox, size));
                row.regions = vec![RegionRow { role: Some(axis), bbox, ..RegionRow::default() }];
            }
            (Some(_), None) => {
                run.report.find(Kind::Doubtful, at, "the picture's size is not known: its box is kept in `extra`");
            }
        }
        let extra = |is_placed: bool| {
            let mut extra = ObjectText::default();
            self.others.iter().for_each(|(key, value)| extra.raw(key, value.get()));
            if let Some(bbox) = self.bbox.filter(|_| !is_placed) {
                extra.raw(&objects.boxes, &serde_json::to_string(&bbox).unwrap_or_default());
            }
            extra.finish()
        };
        row.extra = extra(sides.is_some());
        run.annotate_placed(row, &[target], Some(&|| Ok(extra(false))), at)
    }
}

impl Objects {
    /// The name of a class, or its number where it has none; −1 says that there is none.
    fn class_name(&self, value: &RawValue) -> Option<String> {
        if matches!(value.get(), "-1" | "null") {
            return None;
        }
        let number = value.get().parse::<usize>().ok();
        let name = number.and_then(|number| self.names.as_ref()?.get(number).cloned());
        name.or_else(|| as_text(value).map(Cow::into_owned)).or_else(|| Some(value.get().to_owned()))
    }
}

/// The first of these names that is among the fields.
fn first(known: &[&str], names: &[&str]) -> Option<String> {
    known
        .iter()
        .find_map(|known| names.iter().find(|name| name.eq_ignore_ascii_case(known)))
        .map(|name| (*name).to_owned())
}

/// What a list's entries are.
fn item_of(ty: &DataType) -> Option<&DataType> {
    match ty {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => Some(item.data_type()),
        _ => None,
    }
}

/// The fields of objects, of a list a field or of a list of them.
fn fields_of(ty: &DataType) -> Option<&arrow_schema::Fields> {
    match ty {
        DataType::Struct(fields) => Some(fields),
        ty => match item_of(ty)? {
            DataType::Struct(fields) => Some(fields),
            _ => None,
        },
    }
}
