//! ms-swift's `objects`: names and boxes apart from the texts, which have `<ref-object>` and `<bbox>` in their places.
//!
//! The texts get what the placeholders stand for: names as they are, and boxes as `[x0, y0, x1, y1]`, points as `[x, y]`,
//! with the numbers as the record has them. All placeholders of a record are filled, or, where the lists do not fit
//! them, none: then the texts and `objects` stay as they are, which is told.

use super::media::Inputs;
use crate::import::draft::{Draft, MediaKind};
use crate::import::raw::{Field, RawRecord, as_text, fields_of};
use crate::import::report::Kind;
use crate::schema::boxes::Scale;
use crate::schema::rows::GroundingRow;
use serde_json::value::RawValue;

const KEY: &str = "objects";
const NAME: &str = "<ref-object>";
const BOX: &str = "<bbox>";

/// A box or point, as the record lists it.
struct Listed<'a> {
    numbers: Vec<&'a RawValue>,
    values: Vec<f32>,
    picture: i32,
}

/// What the lists hold.
struct Objects<'a> {
    names: Vec<String>,
    boxes: Vec<Listed<'a>>,
    scale: Scale,
    /// Whether nothing else stands beside them.
    is_all: bool,
}

/// Fills the placeholders of a draft whose media have no places yet, and notes the boxes with their numbers as they are.
pub(super) fn fill(record: &mut RawRecord<'_>, draft: &mut Draft, inputs: &Inputs<'_>) {
    let Some(value) = record.get(KEY).filter(|value| value.get().starts_with('{')) else { return };
    let count = |mark: &str| draft.turns.iter().map(|turn| turn.text.matches(mark).count()).sum::<usize>();
    let (names, boxes) = (count(NAME), count(BOX));
    if names + boxes == 0 {
        return;
    }
    let found = Objects::read(value, inputs).and_then(|objects| {
        objects.check(names, boxes)?;
        check_turns(draft)?;
        Ok(objects)
    });
    match found {
        Ok(objects) => {
            if objects.is_all && names == objects.names.len() {
                record.take(KEY);
            }
            objects.put(draft);
        }
        Err(reason) => draft.find(Kind::BoxLeft, format!("`{KEY}` is kept as it is: {reason}")),
    }
}

/// Media in content parts are not told apart by their number, nor do the borders of parts move along with a text.
fn check_turns(draft: &Draft) -> Result<(), &'static str> {
    let has_parts = draft.turns.iter().any(|turn| {
        let is_filled = turn.text.contains(NAME) || turn.text.contains(BOX);
        is_filled && turn.extra.as_deref().is_some_and(|extra| extra.contains("\"~parts\""))
    });
    match has_parts || !draft.media.is_empty() {
        true => Err("the texts stand in content parts"),
        false => Ok(()),
    }
}

impl<'a> Objects<'a> {
    fn read(value: &'a RawValue, inputs: &Inputs<'_>) -> Result<Self, &'static str> {
        let fields = fields_of(value.get()).ok_or("it is no object with keys that differ")?;
        let get = |name: &str| field(&fields, name);
        let names: Vec<&RawValue> = list(get("ref")).ok_or("its `ref` is no list")?;
        let names = names.into_iter().map(|name| serde_json::from_str(name.get())).collect::<Result<_, _>>();
        let names: Vec<String> = names.map_err(|_| "its `ref` lists something else than text")?;
        let scale = match get("bbox_type").map(as_text) {
            None => Scale::Pixels,
            Some(Some(name)) if name == "real" => Scale::Pixels,
            Some(Some(name)) if name == "norm1" => Scale::Unit,
            Some(_) => return Err("its `bbox_type` is neither `real` nor `norm1`"),
        };
        let boxes: Vec<Vec<&'a RawValue>> = list(get("bbox")).ok_or("its `bbox` is no list of lists")?;
        let pictures: Vec<usize> = list(get("image_id")).ok_or("its `image_id` is no list of whole numbers")?;
        if !pictures.is_empty() && pictures.len() != boxes.len() {
            return Err("its `image_id` is not as long as its `bbox`");
        }
        let shown = inputs.count(MediaKind::Picture);
        let all = boxes.into_iter().enumerate().map(|(at, numbers)| {
            let picture = pictures.get(at).copied().unwrap_or(0);
            let picture = i32::try_from(picture).ok().filter(|_| picture < shown);
            let values: Option<Vec<f32>> = numbers.iter().map(|number| value_of(number)).collect();
            Ok(Listed {
                picture: picture.ok_or("it has a box on a picture that the record does not name")?,
                values: values
                    .filter(|values| matches!(values.len(), 2 | 4))
                    .ok_or("its `bbox` lists something else than four numbers of a box or two of a point")?,
                numbers,
            })
        });
        let boxes: Vec<Listed<'a>> = all.collect::<Result<_, &'static str>>()?;
        if !boxes.is_empty() && inputs.has_empty() {
            return Err("a picture of the record has no name, so that they cannot be counted");
        }
        let is_all = fields.iter().all(|(key, _)| matches!(&**key, "ref" | "bbox" | "bbox_type" | "image_id"));
        Ok(Self { names, boxes, scale, is_all })
    }

    /// Whether it has what so many placeholders stand for.
    fn check(&self, names: usize, boxes: usize) -> Result<(), &'static str> {
        if boxes != self.boxes.len() {
            return Err("it has not as many boxes as the texts have <bbox>");
        }
        // Names beside texts that have no place for them say what the boxes are.
        if names > 0 && names != self.names.len() {
            return Err("it has not as many names as the texts have <ref-object>");
        }
        match names > 0 && self.names.iter().any(|name| name.contains("<image>") || name.contains("<video>")) {
            true => Err("a name in it would be taken for a picture"),
            false => Ok(()),
        }
    }

    fn put(self, draft: &mut Draft) {
        let (mut names, mut boxes) = (self.names.into_iter(), self.boxes.into_iter());
        for (number, turn) in draft.turns.iter_mut().enumerate() {
            let Ok(number) = i32::try_from(number) else { return };
            let (mut text, mut rest) = (String::with_capacity(turn.text.len()), turn.text.as_str());
            while let Some((before, mark, behind)) = next_mark(rest) {
                text.push_str(before);
                rest = behind;
                if mark == NAME {
                    text.push_str(&names.next().unwrap_or_default());
                    continue;
                }
                let Some(listed) = boxes.next() else { continue };
                let start = text.len();
                text.push_str(&listed.written(self.scale));
                draft.grounding.push(GroundingRow {
                    turn: number,
                    byte_start: start as i64,
                    byte_end: text.len() as i64,
                    kind: if listed.values.len() == 4 { "box" } else { "point" }.to_owned(),
                    media: listed.picture,
                    values: listed.values,
                });
            }
            text.push_str(rest);
            turn.text = text;
        }
        draft.listed_boxes = Some(self.scale);
    }
}

impl Listed<'_> {
    /// Its text: whole pixels are written as such.
    fn written(&self, scale: Scale) -> String {
        let numbers = self.numbers.iter().map(|number| match scale {
            Scale::Pixels => number.get().strip_suffix(".0").unwrap_or(number.get()),
            _ => number.get(),
        });
        format!("[{}]", numbers.collect::<Vec<_>>().join(", "))
    }
}

/// The text before the next placeholder, this, and the text behind it.
fn next_mark(text: &str) -> Option<(&str, &'static str, &str)> {
    let mut from = 0;
    while let Some(at) = text.get(from..)?.find('<').map(|at| from + at) {
        let rest = text.get(at..)?;
        if let Some(mark) = [NAME, BOX].into_iter().find(|mark| rest.starts_with(mark)) {
            return Some((text.get(..at)?, mark, rest.get(mark.len()..)?));
        }
        from = at + 1;
    }
    None
}

fn field<'a>(fields: &[Field<'a>], name: &str) -> Option<&'a RawValue> {
    fields.iter().find(|(key, _)| key == name).map(|(_, value)| *value).filter(|value| value.get() != "null")
}

/// A list; an empty one where there is none.
fn list<'a, T: serde::Deserialize<'a>>(value: Option<&'a RawValue>) -> Option<Vec<T>> {
    value.map_or(Some(Vec::new()), |value| serde_json::from_str(value.get()).ok())
}

fn value_of(number: &RawValue) -> Option<f32> {
    serde_json::from_str::<f64>(number.get()).ok().map(|value| value as f32).filter(|value| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::forms;

    fn read(text: &str, answer: &str, objects: &str) -> Draft {
        let record = format!(
            r#"{{"messages":[{{"role":"user","content":"{text}"}},{{"role":"assistant","content":"{answer}"}}],
                "images":["a.png","b.png"],"objects":{objects}}}"#
        );
        forms::draft(serde_json::from_str(&record).unwrap(), None).unwrap()
    }

    #[test]
    fn placeholders_get_what_they_stand_for() {
        let draft = read(
            "<image><image>Where is the <ref-object>?",
            "é <bbox> and <bbox>, <b>",
            r#"{"ref":["grasper"],"bbox":[[10.0,20,150.5,90.0],[3,4]],"image_id":[1,0],"bbox_type":"real"}"#,
        );
        assert_eq!(draft.turns[0].text, "<image><image>Where is the grasper?");
        assert_eq!(draft.turns[1].text, "é [10, 20, 150.5, 90] and [3, 4], <b>");
        assert_eq!(draft.listed_boxes, Some(Scale::Pixels));
        let places: Vec<_> =
            draft.grounding.iter().map(|place| (&*place.kind, place.media, &place.values[..])).collect();
        assert_eq!(places, [("box", 1, &[10.0, 20.0, 150.5, 90.0][..]), ("point", 0, &[3.0, 4.0][..])]);
        let stretches = draft.grounding.iter().map(|place| place.byte_start as usize..place.byte_end as usize);
        let stretches: Vec<&str> = stretches.map(|stretch| &draft.turns[1].text[stretch]).collect();
        assert_eq!(stretches, ["[10, 20, 150.5, 90]", "[3, 4]"]);
        assert_eq!((draft.extra, draft.findings), (None, vec![]));
    }

    #[test]
    fn names_without_a_place_are_kept_beside_the_boxes() {
        let objects = r#"{"ref":["grasper"],"bbox":[[0.1,0.2,0.3,1.0]],"bbox_type":"norm1"}"#;
        let draft = read("<image><image>", "<bbox>", objects);
        assert_eq!(draft.turns[1].text, "[0.1, 0.2, 0.3, 1.0]");
        assert_eq!(draft.listed_boxes, Some(Scale::Unit));
        assert_eq!(draft.extra, Some(format!("{{\"objects\":{objects}}}")));
    }

    #[test]
    fn what_does_not_fit_stays_as_it_is_and_is_told() {
        for (objects, why) in [
            (r#"{"bbox":[]}"#, "not as many boxes"),
            (r#"{"bbox":[[1,2,3,4],[1,2,3,4]]}"#, "not as many boxes"),
            (r#"{"bbox":[[1,2,3]]}"#, "four numbers"),
            (r#"{"bbox":[["1",2,3,4]]}"#, "four numbers"),
            (r#"{"bbox":[1]}"#, "no list of lists"),
            (r#"{"bbox":[[1,2,3,4]],"bbox_type":"x"}"#, "neither"),
            (r#"{"bbox":[[1,2,3,4]],"image_id":[2]}"#, "does not name"),
            (r#"{"bbox":[[1,2,3,4]],"image_id":[0,1]}"#, "not as long"),
            (r#"{"bbox":[[1,2,3,4]],"ref":[1]}"#, "something else than text"),
            (r#"{"bbox":[[1,2,3,4]],"ref":["<image>"]}"#, "taken for a picture"),
            (r#"{"bbox":[[1,2,3,4]],"ref":["a","b"]}"#, "not as many names"),
        ] {
            let text = if objects.contains("ref") { "<image><image><ref-object>" } else { "<image><image>" };
            let draft = read(text, "<bbox>", objects);
            assert_eq!((&*draft.turns[0].text, &*draft.turns[1].text), (text, "<bbox>"), "{objects}");
            assert_eq!(draft.extra, Some(format!("{{\"objects\":{objects}}}")));
            let [(Kind::BoxLeft, told)] = &draft.findings[..] else { panic!("{objects}: {:?}", draft.findings) };
            assert!(told.contains(why), "{objects}: {told}");
            assert_eq!((draft.grounding.len(), draft.listed_boxes), (0, None));
        }
        let untouched = read("<image><image>", "a <box>", r#"{"bbox":[[1,2,3,4]]}"#);
        assert_eq!((&*untouched.turns[1].text, untouched.findings.len()), ("a <box>", 0));
    }
}
