//! What is marked in a picture: boxes, points, outlines and masks, drawn over it.

use super::html::Html;
use super::picture::{Drawn, Pictures};
use super::plots::colour;
use surgdb::dataset::{Annotation, Frame};
use surgdb::schema::views::Region;
use surgdb::{Address, Result};

/// The most regions of a picture that are drawn.
const REGIONS_MAX: usize = 60;
/// The most points of an outline that are drawn.
const POINTS_MAX: usize = 2_000;
/// The most statements that are listed below a picture.
const STATEMENTS_MAX: usize = 24;

/// Something marked in a picture.
pub struct Mark {
    /// The number of its colour.
    pub colour: usize,
    /// Where it is.
    pub shape: Shape,
}

/// Where a mark is, normalised 0–1.
pub enum Shape {
    /// x0, y0, x1, y1.
    Box([f32; 4]),
    /// x, y, x, y, ….
    Outline(Vec<f32>),
    /// x, y.
    Point([f32; 2]),
    /// A picture that can be seen through.
    Mask(Drawn),
}

/// What is said of a picture, and drawn in it.
#[derive(Default)]
pub struct Marks {
    /// What is drawn.
    pub marks: Vec<Mark>,
    /// What is said, with the number of the colour of what it is said of; none where it is said of the whole picture.
    pub statements: Vec<(Option<usize>, String)>,
    /// Statements that are not listed.
    pub more: usize,
    /// The next colour.
    next: usize,
}

impl Marks {
    /// Takes a colour of its own.
    pub fn colour(&mut self) -> usize {
        self.next += 1;
        self.next - 1
    }

    /// Adds what annotations say of a frame. Masks are as large as the picture that they lie over.
    pub fn annotate(&mut self, pictures: &mut Pictures<'_>, frame: Address, longest: u32) -> Result<()> {
        for address in pictures.dataset.annotations_of(frame)? {
            let annotation = pictures.dataset.annotation(address)?;
            let regions = annotation.regions()?;
            let colour = (!regions.is_empty()).then(|| self.colour());
            let said = said(&annotation)?;
            if self.statements.len() < STATEMENTS_MAX {
                self.statements.push((colour, said));
            } else {
                self.more += 1;
            }
            for region in regions.iter() {
                if self.marks.len() < REGIONS_MAX {
                    self.region(pictures, &region, colour.unwrap_or(0), longest)?;
                }
            }
        }
        Ok(())
    }

    fn region(&mut self, pictures: &mut Pictures<'_>, region: &Region<'_>, number: usize, longest: u32) -> Result<()> {
        let mut add = |shape| self.marks.push(Mark { colour: number, shape });
        if let Some(mask) = region.mask()
            && let Ok(mask) = pictures.tint(&pictures.dataset.frame(mask)?, colour(number), longest)?
        {
            add(Shape::Mask(mask));
        }
        for outline in region.polygons().into_iter().flat_map(|polygons| polygons.iter()) {
            add(Shape::Outline(outline.iter().copied().take(2 * POINTS_MAX).collect()));
        }
        if let Some(bbox) = region.bbox() {
            add(Shape::Box(bbox));
        }
        Ok(())
    }

    /// Lays a mask over the picture.
    pub fn mask(&mut self, pictures: &mut Pictures<'_>, mask: &Frame<'_>, longest: u32, said: String) -> Result<()> {
        let number = self.colour();
        if let Ok(mask) = pictures.tint(mask, colour(number), longest)? {
            self.marks.insert(0, Mark { colour: number, shape: Shape::Mask(mask) });
            self.statements.push((Some(number), said));
        }
        Ok(())
    }

    /// Draws the marks over a picture of this size.
    pub fn draw(&self, html: &mut Html, width: u32, height: u32) {
        let (across, down) = (f64::from(width), f64::from(height));
        let view = format!("0 0 {width} {height}");
        html.within("svg", &[("class", "marks"), ("viewBox", &view), ("aria-hidden", "true")], |html| {
            for mark in &self.marks {
                let style = format!("--c:{}", colour(mark.colour));
                match &mark.shape {
                    Shape::Mask(mask) => {
                        let [width, height] = [width, height].map(|side| side.to_string());
                        let place = [("href", mask.uri.as_str()), ("width", &width), ("height", &height)];
                        html.within("image", &[&place[..], &[("preserveAspectRatio", "none")]].concat(), |_| {});
                    }
                    Shape::Box(corners) => {
                        let [x0, y0, x1, y1] = corners.map(|part| f64::from(part).clamp(0.0, 1.0));
                        let numbers = [x0 * across, y0 * down, (x1 - x0).max(0.0) * across, (y1 - y0).max(0.0) * down];
                        let [x, y, width, height] = numbers.map(|number| format!("{number:.1}"));
                        let place = [("x", x.as_str()), ("y", &y), ("width", &width), ("height", &height)];
                        html.within("rect", &[&place[..], &[("style", &style)]].concat(), |_| {});
                    }
                    Shape::Outline(points) => {
                        let pairs = points.as_chunks::<2>().0.iter();
                        let pairs =
                            pairs.map(|[x, y]| format!("{:.1},{:.1}", f64::from(*x) * across, f64::from(*y) * down));
                        let points = pairs.collect::<Vec<_>>().join(" ");
                        html.within("polygon", &[("points", &points), ("style", &style)], |_| {});
                    }
                    Shape::Point([x, y]) => {
                        let [x, y] =
                            [f64::from(*x) * across, f64::from(*y) * down].map(|number| format!("{number:.1}"));
                        html.within("circle", &[("cx", &x), ("cy", &y), ("r", "5"), ("style", &style)], |_| {});
                    }
                }
            }
        });
    }

    /// Lists what is said.
    pub fn list(&self, html: &mut Html) {
        if self.statements.is_empty() {
            return;
        }
        html.within("ul", &[("class", "legend")], |html| {
            for (number, said) in &self.statements {
                html.within("li", &[], |html| {
                    if let Some(number) = number {
                        html.leaf("i", &[("style", &format!("--c:{}", colour(*number)))], "");
                    }
                    html.text(said);
                });
            }
            if self.more > 0 {
                html.leaf("li", &[], format!("… and {} more", crate::ui::count(self.more as u64)));
            }
        });
    }
}

/// What an annotation says, in a line.
pub fn said(annotation: &Annotation<'_>) -> Result<String> {
    let mut parts = Vec::new();
    for label in annotation.labels()?.iter().take(12) {
        let name = label.label().unwrap_or(label.raw());
        let value = label.value().map(|value| format!(" ({value})")).unwrap_or_default();
        parts.push(format!("{}: {name}{value}", label.axis()));
    }
    if let Some(text) = annotation.text()? {
        let (start, cut) = super::html::shortened(text, 200);
        parts.push(format!("“{start}{}”", if cut > 0 { "…" } else { "" }));
    }
    if parts.is_empty() {
        parts.push("marked, without a label".into());
    }
    Ok(parts.join(" · "))
}
