//! What a record says of its pictures and videos: lists of paths, and where they stand.

use super::{Notes, Writer};
use crate::export::json::{Fields, Object, push_list};
use crate::export::placement::{self, Kind, Place, Shown};
use crate::export::{MessageStyle, notes, turns};
use crate::schema::placeholder;
use crate::schema::views::{Alternatives, Turns};
use std::collections::BTreeSet;

impl Writer<'_> {
    /// Lists of pictures and videos, and where they stand if the lists do not say it.
    pub(super) fn media_fields(
        &self,
        turns: Turns<'_>,
        endings: Alternatives<'_>,
        shown: &[Shown],
        mut order: Vec<usize>,
        object: &mut Object<'_>,
        notes: &mut Notes,
    ) {
        if shown.is_empty() {
            return;
        }
        let mut places: Option<Vec<Place>> = None;
        // What stands in no content part.
        let in_parts: BTreeSet<usize> = order.iter().copied().collect();
        let mut lists = placement::listed(shown, self.form.is_closed);
        lists.iter_mut().for_each(|list| list.retain(|number| !in_parts.contains(number)));
        let names = ["images", "output_images", "videos", "output_videos"];
        let mut absent = Fields::default();
        for (name, list) in names.into_iter().zip(&lists) {
            // A content part without a file takes the next of what the record shows.
            let is_picture = match name {
                "images" => Some(true),
                "videos" => Some(false),
                _ => None,
            };
            let of_parts = order.iter().filter_map(|number| shown.get(*number));
            let of_parts = of_parts.filter(|medium| medium.has_nulls() && Some(medium.kind.is_picture()) == is_picture);
            let list: Vec<&Shown> = of_parts.chain(list.iter().filter_map(|number| shown.get(*number))).collect();
            let written = self.media_list(name, &list, object);
            let nulls: Vec<&str> = list.iter().flat_map(|medium| medium.nulls()).collect();
            if !nulls.is_empty() && !self.form.is_closed {
                push_list(absent.key(written), nulls, notes::unnamed);
            }
        }
        if let Some(absent) = absent.finish() {
            notes.put("absent", |out| out.extend_from_slice(&absent));
        }
        if self.form.style == MessageStyle::Placeholders {
            let [pictures, made, videos, made_videos] = &lists;
            let mut expected = placement::expected(turns, true, pictures.len(), made.len());
            expected.extend(placement::expected(turns, false, videos.len(), made_videos.len()));
            places = Some(expected);
        }
        order.extend(lists.concat());
        // An importer deals what is listed out to the placeholders of endings too.
        let mut texts = endings.iter().flat_map(|ending| ending.turns().iter().map(|turn| turn.text()));
        let has_marks =
            texts.any(|text| [placeholder::IMAGE, placeholder::VIDEO].iter().any(|mark| text.contains(mark)));
        let is_clear = !has_marks
            && places.is_some_and(|places| {
                let in_order = order.iter().enumerate().all(|(place, number)| place == *number);
                in_order && shown.iter().map(|medium| medium.place).eq(places)
            });
        let is_part = |medium: &Shown| medium.start.or(medium.end).or(medium.fps).is_some();
        if !is_clear || shown.iter().any(is_part) {
            notes.put("media", |out| notes::media(out, shown, &order));
        } else if placement::has_front(turns, shown) {
            notes.repeat("media", |out| notes::media(out, shown, &order));
        }
    }

    /// Writes a list of media; returns the name of its field.
    fn media_list(&self, name: &'static str, list: &[&Shown], object: &mut Object<'_>) -> &'static str {
        let mut single = |name| {
            list.iter().for_each(|medium| turns::push_paths(object.key(name), medium));
            name
        };
        match list {
            [] => name,
            [Shown { kind: Kind::Picture, .. }] if self.form.has_singles && name == "images" => single("image"),
            [Shown { kind: Kind::Video, .. }] if self.form.has_singles && name == "videos" => single("video"),
            list => {
                object.list(name, list, |out, medium| turns::push_paths(out, medium));
                name
            }
        }
    }
}
