//! A map that was read and checked.

use super::clock::{Clock, Unit};
use super::route::{Route, Stop};
use super::text::{
    About, BoxText, CellType, ColumnText, Corners, Form, Kind, LabelText, Measure, RowsText, SurelyText, TableText,
};
use super::value::{FieldPath, Origin, Value};
use crate::error::{Error, Result};
use crate::import::pattern::Pattern;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The files of a kind, and what their rows become.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Table {
    pub(super) files: Vec<Pattern>,
    pub(super) form: Form,
    pub(super) delimiter: u8,
    /// Whether `0,5` is a number.
    pub(super) has_commas: bool,
    pub(super) quotes: bool,
    pub(super) header: bool,
    pub(super) columns: Vec<String>,
    pub(super) clock: Clock,
    pub(super) sets: Vec<RowSet>,
    /// Members of the file's object that rows refer to.
    pub(super) top: Vec<String>,
    pub(super) surely: Surely,
}

/// What a file has besides what is needed, where it is taken without the map being named.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Surely {
    /// It is called so; none where that says nothing.
    pub(super) files: Vec<Pattern>,
    pub(super) fields: Vec<FieldPath>,
}

impl Surely {
    fn of(text: &SurelyText) -> Result<Self> {
        Ok(Self {
            files: text.files.iter().map(|pattern| Pattern::parse_any(pattern)).collect::<Result<_>>()?,
            fields: text.fields.iter().map(|name| FieldPath::parse(name)).collect::<Result<_>>()?,
        })
    }

    /// Whether a file with this path is called so.
    pub(super) fn is_called(&self, path: &str) -> bool {
        self.files.is_empty() || self.files.iter().any(|pattern| pattern.captures(path).is_some())
    }
}

/// Rows of one kind.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RowSet {
    pub(super) route: Route,
    /// What they are called in the report.
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) id: Option<Value>,
    pub(super) video: Option<Value>,
    pub(super) patient: Option<Value>,
    pub(super) institution: Option<Value>,
    pub(super) specialty: Option<Value>,
    pub(super) procedure: Option<Value>,
    pub(super) fps: Option<Value>,
    pub(super) path: Option<Value>,
    pub(super) index: Option<Value>,
    pub(super) time: Option<Value>,
    pub(super) frame_kind: Option<Value>,
    pub(super) duration: Option<Value>,
    pub(super) frame_count: Option<Value>,
    pub(super) width: Option<Value>,
    pub(super) height: Option<Value>,
    pub(super) columns: Vec<AddedColumn>,
    pub(super) about: About,
    pub(super) labels: Vec<Label>,
    pub(super) text: Option<Value>,
    pub(super) start: Option<Value>,
    pub(super) end: Option<Value>,
    pub(super) length: Option<Value>,
    /// Whether following rows with the same labels are one statement.
    pub(super) runs: bool,
    /// How far the next row of a run is, in the clock's unit.
    pub(super) step: f64,
    /// Whether those of one axis that overlap are told.
    pub(super) apart: bool,
    pub(super) bbox: Option<BoxMap>,
    pub(super) role: Option<Value>,
    pub(super) score: Option<Value>,
    pub(super) track: Option<Value>,
    pub(super) scope: Option<Value>,
    pub(super) annotator: Option<Value>,
    pub(super) status: Option<Value>,
    pub(super) origin: Option<Value>,
    pub(super) generator: Option<Value>,
    pub(super) system: Option<Value>,
    pub(super) question: Option<Value>,
    pub(super) answer: Option<Value>,
    pub(super) image: Option<Value>,
    pub(super) images: Option<Value>,
    /// Whether a path is one picture in whatever folder its table lies.
    pub(super) one_folder: bool,
    pub(super) clip: Option<Value>,
    pub(super) task: Option<Value>,
    pub(super) language: Option<Value>,
    pub(super) split: Option<Value>,
    /// The fields that something is made of, and which of them must be there.
    pub(super) used: Vec<FieldPath>,
    pub(super) needed: Vec<FieldPath>,
    /// Whether some labels are all columns that nothing else is made of.
    pub(super) takes_all: bool,
    /// Fields of the object around a row that something is made of.
    pub(super) parents: Vec<String>,
    /// Fields that other rows are made of.
    pub(super) inner: Vec<String>,
}

/// A label of rows.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Label {
    pub(super) axis: Value,
    pub(super) from: LabelFrom,
    pub(super) value: Option<Value>,
    /// The axes of labels that name something else.
    pub(super) axes: BTreeMap<String, String>,
    pub(super) known: BTreeSet<String>,
    pub(super) none: BTreeSet<String>,
}

/// Where labels stand.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum LabelFrom {
    /// In a field.
    Raw(Value),
    /// In the names of these columns, where they hold a number other than 0.
    Columns(Vec<FieldPath>),
    /// In the names of all columns that nothing else is made of.
    AllColumns,
}

/// A box of rows.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct BoxMap {
    /// Four numbers, or one list of four.
    pub(super) fields: Vec<Value>,
    pub(super) form: Corners,
    pub(super) measure: Measure,
}

/// A column that is added to what rows become.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct AddedColumn {
    pub(super) name: String,
    pub(super) from: Value,
    pub(super) ty: CellType,
}

impl AddedColumn {
    fn of((name, column): (String, ColumnText)) -> Result<Self> {
        Ok(Self { name, from: Value::of_field(&column.from)?, ty: column.ty })
    }
}

/// What a file's name gives besides its pattern's fields.
pub(super) const OF_ANY_FILE: [&str; 3] = ["name", "stem", "folder"];

impl Table {
    /// Whether a file with this path is one of its files; what the pattern found in its name.
    pub(super) fn captures<'t>(&'t self, path: &'t str) -> Option<Vec<(&'t str, &'t str)>> {
        self.files.iter().find_map(|pattern| pattern.captures(path))
    }

    /// Checks a map's table.
    pub(super) fn of(text: TableText) -> Result<Self> {
        let default = vec![text.form.pattern().to_owned()];
        let files = text.files.unwrap_or(default);
        let files = files.iter().map(|pattern| Pattern::parse_any(pattern)).collect::<Result<Vec<_>>>()?;
        if files.is_empty() {
            return Err(Error::invalid("`files` names no file: leave it out to take all of the form"));
        }
        let for_json = [
            ("delimiter", text.delimiter.is_some()),
            ("decimal", text.decimal.is_some()),
            ("quotes", text.quotes.is_some()),
            ("header", text.header.is_some()),
            ("columns", text.columns.is_some()),
        ];
        if let Some((key, _)) = for_json.iter().find(|(_, given)| *given && text.form.is_json()) {
            return Err(Error::invalid(format!("`{key}` means nothing for JSON")));
        }
        let delimiter = match text.delimiter.as_deref().map(str::as_bytes) {
            None if text.form == Form::Tsv => b'\t',
            None => b',',
            Some([one]) if text.form == Form::Csv => *one,
            Some(_) => return Err(Error::invalid("`delimiter` is one character of a CSV file")),
        };
        let has_commas = match text.decimal.as_deref() {
            None | Some(".") => false,
            Some(",") => true,
            Some(_) => return Err(Error::invalid("`decimal` is what stands before a fraction: \".\" or \",\"")),
        };
        let clock = Clock { has_commas, ..text.clock };
        clock.check()?;
        let sets = text.rows.into_iter().map(|rows| RowSet::of(rows, text.form, &clock)).collect::<Result<_>>()?;
        let (quotes, header) = (text.quotes.unwrap_or(true), text.header.unwrap_or(true));
        let columns = text.columns.unwrap_or_default();
        if header && !columns.is_empty() {
            let message = "`columns` names the columns of a file without a header: write `header = false` too";
            return Err(Error::invalid(message));
        }
        let (form, top, surely) = (text.form, Vec::new(), Surely::of(&text.surely)?);
        let mut table = Self { files, form, delimiter, has_commas, quotes, header, columns, clock, sets, top, surely };
        table.connect()?;
        Ok(table)
    }

    /// Checks what the sets of rows have to do with each other and with the file.
    fn connect(&mut self) -> Result<()> {
        if self.sets.is_empty() {
            return Err(Error::invalid("a table needs at least one [[table.rows]]"));
        }
        if self.form.is_json() && self.sets.iter().any(|set| set.route.is_of_list() != self.sets[0].route.is_of_list())
        {
            let message = "the rows of one file are either all in its own list, `[]`, or all in members of its object";
            return Err(Error::invalid(message));
        }
        let routes: Vec<Route> = self.sets.iter().map(|set| set.route.clone()).collect();
        for set in &mut self.sets {
            let inner = routes.iter().filter_map(|longer| set.route.name_below(longer)).map(str::to_owned);
            set.inner = inner.collect();
            for top in set.used_top() {
                if !self.top.contains(&top) {
                    self.top.push(top);
                }
            }
        }
        for set in &self.sets {
            for value in set.values() {
                self.check_references(set, value)?;
            }
        }
        Ok(())
    }

    /// Checks that what a value refers to can be there.
    fn check_references(&self, set: &RowSet, value: &Value) -> Result<()> {
        let wrong = |what: &str| Err(Error::invalid(format!("the value {:?}: {what}", value.text)));
        for from in value.references() {
            match &from.origin {
                Origin::File(name) if !OF_ANY_FILE.contains(&name.as_str()) => {
                    if let Some(pattern) =
                        self.files.iter().find(|pattern| !pattern.fields().any(|field| field == name))
                    {
                        return wrong(&format!("{:?} has no field {{{name}}}", pattern.as_str()));
                    }
                }
                Origin::Key(_) | Origin::Whole | Origin::Parent(_) | Origin::Top(_) if !self.form.is_json() => {
                    return wrong("only rows of JSON have keys, values, parents and members around them");
                }
                Origin::Parent(_) if !set.route.has_parent() => {
                    return wrong("there is no object around these rows; a member of the file's is `{top.NAME}`");
                }
                Origin::Top(_) if set.route.is_of_list() => return wrong("the file is a list, and has no members"),
                Origin::Key(Some(number)) => {
                    let keys = set.route.0.iter().filter(|stop| !matches!(stop, Stop::Name(_))).count();
                    if *number > keys {
                        return wrong(&format!("there are {keys} keys on the way to these rows"));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The table's number in a list of a map's that reads a file with this path.
    pub(super) fn position(tables: &[Table], path: &Path) -> Option<usize> {
        let path = slashed(path);
        tables.iter().position(|table| table.captures(&path).is_some())
    }
}

/// A path with slashes between its parts, whole.
pub(super) fn slashed(path: &Path) -> String {
    let whole = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    whole.to_string_lossy().replace('\\', "/")
}

impl RowSet {
    fn of(text: RowsText, form: Form, clock: &Clock) -> Result<Self> {
        let route = Self::route(&text, form)?;
        let field = |text: &Option<String>| text.as_deref().map(Value::of_field).transpose();
        let words = |text: &Option<String>| text.as_deref().map(Value::of_text).transpose();
        let labels = text.labels.unwrap_or_default().into_iter().map(Label::of).collect::<Result<Vec<_>>>()?;
        let mut set = Self {
            name: route.name().unwrap_or("rows").to_owned(),
            route,
            kind: text.kind,
            id: field(&text.id)?,
            video: field(&text.video)?,
            patient: field(&text.patient)?,
            institution: words(&text.institution)?,
            specialty: words(&text.specialty)?,
            procedure: words(&text.procedure)?,
            fps: field(&text.fps)?,
            path: field(&text.path)?,
            index: field(&text.index)?,
            time: field(&text.time)?,
            frame_kind: words(&text.frame_kind)?,
            duration: field(&text.duration)?,
            frame_count: field(&text.frame_count)?,
            width: field(&text.width)?,
            height: field(&text.height)?,
            columns: text.columns.into_iter().flatten().map(AddedColumn::of).collect::<Result<_>>()?,
            about: text.about.unwrap_or_default(),
            takes_all: labels.iter().any(|label| label.from == LabelFrom::AllColumns),
            labels,
            text: field(&text.text)?,
            start: field(&text.start)?,
            end: field(&text.end)?,
            length: field(&text.length)?,
            runs: text.runs.unwrap_or_default(),
            step: text.step.unwrap_or(1.0),
            apart: text.apart.unwrap_or_default(),
            bbox: text.bbox.map(BoxMap::of).transpose()?,
            role: words(&text.role)?,
            score: field(&text.score)?,
            track: field(&text.track)?,
            scope: words(&text.scope)?,
            annotator: words(&text.annotator)?,
            status: words(&text.status)?,
            origin: words(&text.origin)?,
            generator: words(&text.generator)?,
            system: field(&text.system)?,
            question: field(&text.question)?,
            answer: field(&text.answer)?,
            image: field(&text.image)?,
            images: field(&text.images)?,
            one_folder: text.one_folder.unwrap_or_default(),
            clip: field(&text.clip)?,
            task: words(&text.task)?,
            language: words(&text.language)?,
            split: words(&text.split)?,
            used: Vec::new(),
            needed: Vec::new(),
            parents: Vec::new(),
            inner: Vec::new(),
        };
        set.check(clock)?;
        set.note_used();
        Ok(set)
    }

    /// The way to such rows, where all that is said of them means something.
    fn route(text: &RowsText, form: Form) -> Result<Route> {
        if let Some(key) = text.misplaced() {
            let (kind, keys) = (text.kind.name(), RowsText::keys(text.kind).join("`, `"));
            let message = format!("`{key}` means nothing of rows that become {kind}; what does is `{keys}`");
            return Err(Error::invalid(message));
        }
        match &text.at {
            Some(_) if !form.is_json() => {
                Err(Error::invalid("`at` leads to rows of JSON; a table has its rows line by line"))
            }
            Some(at) => Route::parse(at),
            None => Ok(Route(vec![Stop::Items])),
        }
    }

    /// Checks that what such rows need is there.
    fn check(&self, clock: &Clock) -> Result<()> {
        let has_moment = self.index.is_some() || self.time.is_some();
        let is_shown = self.path.is_some() || (self.video.is_some() && has_moment);
        let missing = match self.kind {
            Kind::Videos if self.video.is_none() => "`video`",
            Kind::Frames if !is_shown => "`path`, or `video` with `index` or `time`",
            Kind::Labels | Kind::Boxes if !is_shown => "`path`, or `video` with `index` or `time`",
            Kind::Labels if self.about == About::Video && (self.video.is_none() || !has_moment) => {
                "`video` with `index` or `time`, to be about a moment of a video"
            }
            Kind::Labels | Kind::Intervals if self.labels.is_empty() && self.text.is_none() => "`labels` or `text`",
            Kind::Boxes if self.bbox.is_none() => "`box`",
            Kind::Intervals if self.video.is_none() => "`video`",
            Kind::Intervals if self.runs && !has_moment => "`index` or `time`, since they are runs of moments",
            Kind::Intervals if !self.runs && (self.start.is_none() || self.end.is_some() == self.length.is_some()) => {
                "`start`, and either `end` or `length`; or `runs = true` with `index` or `time`"
            }
            Kind::Conversations if self.question.is_none() => "`question`",
            _ => {
                if !(self.step.is_finite() && self.step > 0.0) {
                    return Err(Error::invalid("`step` must be above 0"));
                }
                if self.runs && clock.unit == Unit::Clock {
                    return Err(Error::invalid(
                        "runs are of moments that are plain numbers: the clock may not be h:m:s",
                    ));
                }
                return Ok(());
            }
        };
        Err(Error::invalid(format!("rows that become {} need {missing}", self.kind.name())))
    }

    fn note_used(&mut self) {
        let (mut used, mut needed) = (Vec::new(), Vec::new());
        for value in self.values() {
            for (path, optional) in value.fields() {
                used.push(path.clone());
                if !optional {
                    needed.push(path.clone());
                }
            }
        }
        for label in &self.labels {
            if let LabelFrom::Columns(columns) = &label.from {
                used.extend(columns.iter().cloned());
                needed.extend(columns.iter().cloned());
            }
        }
        let of_parent = |value: &&Value| -> Vec<String> {
            let named = value.references().filter_map(|from| match &from.origin {
                Origin::Parent(path) => Some(path.first.clone()),
                _ => None,
            });
            named.collect()
        };
        self.parents = self.values().iter().flat_map(of_parent).collect();
        (self.used, self.needed) = (used, needed);
    }

    /// All values.
    fn values(&self) -> Vec<&Value> {
        let own = [
            &self.id,
            &self.video,
            &self.patient,
            &self.institution,
            &self.specialty,
            &self.procedure,
            &self.fps,
            &self.path,
            &self.index,
            &self.time,
            &self.frame_kind,
            &self.duration,
            &self.frame_count,
            &self.width,
            &self.height,
            &self.text,
            &self.start,
            &self.end,
            &self.length,
            &self.role,
            &self.score,
            &self.track,
            &self.scope,
            &self.annotator,
            &self.status,
            &self.origin,
            &self.generator,
            &self.system,
            &self.question,
            &self.answer,
            &self.image,
            &self.images,
            &self.clip,
            &self.task,
            &self.language,
            &self.split,
        ];
        let mut values: Vec<&Value> = own.into_iter().flatten().collect();
        values.extend(self.columns.iter().map(|column| &column.from));
        values.extend(self.bbox.iter().flat_map(|bbox| &bbox.fields));
        for label in &self.labels {
            values.push(&label.axis);
            values.extend(&label.value);
            if let LabelFrom::Raw(raw) = &label.from {
                values.push(raw);
            }
        }
        values
    }

    fn used_top(&self) -> Vec<String> {
        let of = |value: &Value| -> Vec<String> {
            let top = value.references().filter_map(|from| match &from.origin {
                Origin::Top(path) => Some(path.first.clone()),
                _ => None,
            });
            top.collect()
        };
        self.values().into_iter().flat_map(of).collect()
    }
}

impl Label {
    fn of(text: LabelText) -> Result<Self> {
        let from = match (text.raw, text.columns) {
            (Some(raw), None) => LabelFrom::Raw(Value::of_field(&raw)?),
            (None, Some(columns)) if columns == ["*"] => LabelFrom::AllColumns,
            (None, Some(columns)) => {
                LabelFrom::Columns(columns.iter().map(|name| FieldPath::parse(name)).collect::<Result<_>>()?)
            }
            _ => {
                let message = "a label needs either `raw`, the field that it stands in, or `columns`, whose names are the \
                               labels";
                return Err(Error::invalid(message));
            }
        };
        Ok(Self {
            axis: Value::of_text(&text.axis)?,
            from,
            value: text.value.as_deref().map(Value::of_field).transpose()?,
            axes: text.axes,
            known: text.known.into_iter().collect(),
            none: text.none.into_iter().collect(),
        })
    }
}

impl BoxMap {
    fn of(text: BoxText) -> Result<Self> {
        if text.fields.len() != 4 && text.fields.len() != 1 {
            return Err(Error::invalid("the `fields` of a box are four numbers, or one list of four"));
        }
        let fields = text.fields.iter().map(|field| Value::of_field(field)).collect::<Result<_>>()?;
        Ok(Self { fields, form: text.form, measure: text.measure })
    }
}
