//! The boxes of rows: four numbers in one of the usual forms become corners from 0 to 1.

use super::clock::number;
use super::model::BoxMap;
use super::row::{Found, Row, items, scalar};
use super::text::{Corners, Measure};
use super::value::Piece;
use crate::error::{Error, Result};
use crate::schema::rows::BoxCoords;

impl BoxMap {
    /// The four numbers of a row's box; nothing where it has none.
    ///
    /// # Errors
    /// `Input` where there are not four, or one is none.
    pub(super) fn numbers(&self, row: &Row<'_>) -> Result<Option<[f64; 4]>> {
        let mut texts: Vec<Option<String>> = Vec::with_capacity(4);
        let has_commas = row.file.has_commas;
        match &self.fields[..] {
            [list] => {
                let [Piece::From(from)] = &list.pieces[..] else { return Err(not_four(&list.text)) };
                match row.find(from)? {
                    Found::Absent | Found::Empty => return Ok(None),
                    Found::Json(raw) => {
                        let items = items(raw).ok_or_else(|| not_four(&list.text))?;
                        if items.is_empty() {
                            return Ok(None);
                        }
                        texts.extend(items.into_iter().map(|item| scalar(item).map(|text| text.into_owned())));
                    }
                    Found::Text(text) => {
                        let parts = text.trim_matches(|c: char| "[]() ".contains(c));
                        let stands_between = |c: char| c.is_whitespace() || c == if has_commas { ';' } else { ',' };
                        let parts = parts.split(stands_between).filter(|part| !part.is_empty());
                        texts.extend(parts.map(|part| Some(part.to_owned())));
                    }
                }
            }
            fields => {
                for field in fields {
                    texts.push(row.text(field)?.map(|text| text.into_owned()).filter(|text| !text.trim().is_empty()));
                }
            }
        }
        if texts.iter().all(Option::is_none) {
            return Ok(None);
        }
        let mut numbers = [0.0; 4];
        if texts.len() != 4 {
            return Err(Error::input(format!("its box has {} numbers, not 4", texts.len())));
        }
        for (found, text) in numbers.iter_mut().zip(&texts) {
            let text = text.as_deref().unwrap_or_default().trim();
            let value = number(text, has_commas).filter(|value| value.is_finite());
            *found = value.ok_or_else(|| Error::input(format!("{text:?} in its box is no number")))?;
        }
        Ok(Some(numbers))
    }

    /// Whether the picture's size is needed.
    pub(super) fn is_in_pixels(&self) -> bool {
        self.measure == Measure::Pixels
    }

    /// The corners, from 0 to 1, in a picture of this size.
    pub(super) fn corners(&self, numbers: [f64; 4], size: (f64, f64)) -> BoxCoords {
        let [a, b, c, d] = numbers;
        let corners = match self.form {
            Corners::Xyxy => [a, b, c, d],
            Corners::Xywh => [a, b, a + c, b + d],
            Corners::Cxcywh => [a - c / 2.0, b - d / 2.0, a + c / 2.0, b + d / 2.0],
        };
        let (width, height) = match self.measure {
            Measure::Pixels => size,
            Measure::Unit => (1.0, 1.0),
            Measure::Thousand => (1000.0, 1000.0),
        };
        let [x0, y0, x1, y1] = corners;
        [x0 / width, y0 / height, x1 / width, y1 / height].map(|value| value as f32)
    }
}

fn not_four(field: &str) -> Error {
    Error::input(format!("`{field}` is no list of four numbers"))
}
