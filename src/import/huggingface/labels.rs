//! Tables of pictures and classes (`Image` and `ClassLabel`), as image classification has them: a statement a picture, with
//! the name of its class.

use super::cell::has_files;
use super::features::Features;
use super::row::{Text, is_answer};
use crate::error::{Error, Result};
use crate::import::draft::{Draft, DraftMedium, MediaKind};
use crate::import::forms;
use crate::import::inputs::Input;
use crate::import::raw::{ObjectText, RawRecord, as_text};
use crate::import::report::{At, Kind};
use crate::import::row::apply_defaults;
use crate::import::run::Run;
use crate::schema::rows::LabelRow;
use arrow_schema::Schema;
use serde_json::value::RawValue;

/// Columns that are called so name no axis.
const GENERIC: [&str; 8] = ["label", "labels", "class", "classes", "category", "categories", "target", "targets"];

/// The columns of such a table.
pub(super) struct Labelled {
    picture: String,
    classes: Vec<String>,
}

impl Labelled {
    /// The columns, where one alone has pictures and one or more have classes, and none has turns.
    pub(super) fn of(features: &Features, schema: &Schema) -> Option<Self> {
        let names = || schema.fields().iter().map(|field| field.name().as_str());
        if names().any(|name| forms::ROW_KEYS.contains(&name)) {
            return None;
        }
        let shows = |field: &arrow_schema::Field| {
            features.media(field.name(), has_files(field.data_type())).is_some() && !is_answer(field.name())
        };
        let shown: Vec<_> = schema.fields().iter().filter(|field| shows(field)).collect();
        let [picture] = shown[..] else { return None };
        let is_picture = features.media(picture.name(), true) == Some(MediaKind::Picture);
        let classes: Vec<String> = names().filter(|name| features.classes(name).is_some()).map(str::to_owned).collect();
        (is_picture && !classes.is_empty()).then(|| Self { picture: picture.name().clone(), classes })
    }

    /// Whether a row is a picture with classes, and nothing else that is known.
    pub(super) fn is(&self, row: &Text) -> bool {
        serde_json::from_str::<RawRecord<'_>>(&row.json).is_ok_and(|record| forms::row_form(&record).is_err())
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
        let record = serde_json::from_str::<RawRecord<'_>>(&row.json);
        let id = record.as_ref().ok().and_then(RawRecord::id);
        let id = id.unwrap_or_else(|| format!("{}#{}", input.name, at.record.unwrap_or_default()));
        at.id = Some(run.unique(id, at));
        run.take(at, |run, at| {
            let record = record.map_err(|error| Error::input(format!("its columns make no record: {error}")))?;
            let value = record.get(&self.picture);
            let item = value.map(forms::picture_in).transpose()?.flatten();
            let item = item.ok_or_else(|| Error::input(format!("its `{}` has no picture", self.picture)))?;
            let labels = self.labels(run, &record, at);
            let media = vec![DraftMedium::new(MediaKind::Picture, vec![item])];
            // A split alone is nothing to say of a picture that is not labelled.
            let extra = self.others(&record, split.filter(|_| !labels.is_empty()));
            let mut draft = Draft { media, extra, ..Draft::default() };
            apply_defaults(&mut draft, run.options, &row.json)?;
            let mut held = row.held;
            draft.settle_held(&mut held)?;
            run.labelled(&draft, labels, at)
        })
    }

    /// What a row has besides its picture and its classes.
    fn others(&self, record: &RawRecord<'_>, split: Option<&str>) -> Option<String> {
        let is_known = |key: &str| key == "id" || key == self.picture || self.classes.iter().any(|class| class == key);
        let mut others = ObjectText::default();
        for (key, value) in record.fields.iter().filter(|(key, _)| !is_known(key)) {
            others.raw(key, value.get());
        }
        if let Some(split) = split.filter(|_| record.get("split").is_none()) {
            others.text("split", split);
        }
        others.finish()
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
