//! Plots, as SVG within the page, and tables whose cells have bars.

use super::html::Html;
use crate::ui;
use std::fmt::Write as _;
use surgdb::dataset::Spread;

/// The colours of values that are told apart: they can be seen on white and on black.
pub const COLOURS: [&str; 10] =
    ["#4c8bf5", "#f28e2b", "#3fae5a", "#e45756", "#b07aa1", "#17a2b8", "#d4a817", "#ff7fae", "#9c755f", "#8a8f98"];
/// The most columns of a histogram.
const COLUMNS: usize = 26;
/// Width of a plot, in its own units.
const WIDTH: f64 = 400.0;
/// Height of a plot.
const HEIGHT: f64 = 170.0;
/// Room for the labels of the axes: left, and below.
const MARGIN: (f64, f64) = (44.0, 26.0);

/// A colour for the value with this number.
pub fn colour(number: usize) -> &'static str {
    COLOURS[number % COLOURS.len()]
}

/// A part of a whole, in percent.
pub fn share(part: u64, total: u64) -> String {
    format!("{:.1} %", part as f64 * 100.0 / total.max(1) as f64)
}

/// A cell with a bar that is this part of the longest, and its text.
pub fn bar_cell(html: &mut Html, part: u64, most: u64, text: &str) {
    let width = format!("--w:{:.1}%", part as f64 * 100.0 / most.max(1) as f64);
    html.within("td", &[("class", "bar")], |html| {
        html.leaf("span", &[("style", &width)], text);
    });
}

/// How a number is spread over conversations.
pub fn histogram(html: &mut Html, title: &str, unit: &str, spread: &Spread) {
    let bins: Vec<_> = spread.bins().collect();
    if bins.is_empty() {
        return;
    }
    let columns: Vec<(u64, u64, u64)> = bins
        .chunks(bins.len().div_ceil(COLUMNS))
        .map(|part| {
            let ends = part.first().zip(part.last()).map_or((0, 0), |(first, last)| (*first.0.start(), *last.0.end()));
            (ends.0, ends.1, part.iter().map(|(_, count)| count).sum())
        })
        .collect();
    let most = columns.iter().map(|column| column.2).max().unwrap_or(1).max(1);
    let quantile = |part| ui::count(spread.quantile(part).unwrap_or(0));
    let said = format!(
        "median {}, mean {:.1}, 95 % up to {}, most {}",
        quantile(0.5),
        spread.mean(),
        quantile(0.95),
        ui::count(spread.most)
    );
    html.within("figure", &[("class", "plot")], |html| {
        html.within("figcaption", &[], |html| {
            html.leaf("b", &[], title);
            html.leaf("span", &[], &said);
        });
        open_plot(html, &format!("Histogram: {title}. {said}."));
        level(html, 0.0, "0");
        level(html, 1.0, &ui::count(most));
        let step = (WIDTH - MARGIN.0) / columns.len() as f64;
        // So many columns apart that their labels do not touch.
        let apart = (52.0 / step).ceil() as usize;
        for (number, (first, last, count)) in columns.iter().enumerate() {
            let (x, height) =
                (MARGIN.0 + number as f64 * step, *count as f64 / most as f64 * (HEIGHT - MARGIN.1 - 10.0));
            let width = (step - 1.0).clamp(1.0, 60.0);
            rect(html, (x, HEIGHT - MARGIN.1 - height, width, height), |html| {
                let range = if first == last {
                    ui::count(*first)
                } else {
                    format!("{} to {}", ui::count(*first), ui::count(*last))
                };
                html.leaf("title", &[], format!("{range} {unit}: {}", ui::counted(*count, "conversation")));
            });
            if number % apart == 0 {
                label(html, (x + width / 2.0, HEIGHT - 10.0), "middle", &ui::count(*first));
            }
        }
        html.close();
    });
}

/// Points with a weight: the larger the circle, the more there are.
pub fn scatter(html: &mut Html, title: &str, points: &[((f64, f64), u64)]) {
    let side = |of: fn(&(f64, f64)) -> f64| points.iter().map(|point| of(&point.0)).fold(1.0, f64::max);
    let (right, top) = (side(|point| point.0), side(|point| point.1));
    let most = points.iter().map(|point| point.1).max().unwrap_or(1).max(1);
    let height = 220.0;
    html.within("figure", &[("class", "plot")], |html| {
        html.within("figcaption", &[], |html| {
            html.leaf("b", &[], title);
            html.leaf("span", &[], "width across, height up, in pixels; the larger the circle, the more there are");
        });
        open_sized(html, height, &format!("Scatter plot: {title}"));
        for part in [0.0, 0.5, 1.0] {
            let (x, y) =
                (MARGIN.0 + part * (WIDTH - MARGIN.0 - 24.0), height - MARGIN.1 - part * (height - MARGIN.1 - 24.0));
            line(html, (MARGIN.0, y), (WIDTH, y));
            label(html, (MARGIN.0 - 6.0, y + 4.0), "end", &ui::count((top * part) as u64));
            label(html, (x, height - 8.0), "middle", &ui::count((right * part) as u64));
        }
        for ((width, height_of), count) in points {
            let x = MARGIN.0 + width / right * (WIDTH - MARGIN.0 - 24.0);
            let y = height - MARGIN.1 - height_of / top * (height - MARGIN.1 - 24.0);
            let radius = 3.0 + 13.0 * (*count as f64 / most as f64).sqrt();
            let [x, y, radius] = [x, y, radius].map(|number| format!("{number:.1}"));
            html.within("circle", &[("cx", &x), ("cy", &y), ("r", &radius)], |html| {
                html.leaf("title", &[], format!("{width}×{height_of}: {}", ui::count(*count)));
            });
        }
        html.close();
    });
}

/// A stretch of time that a timeline shows.
pub struct Stretch {
    /// Seconds.
    pub start: f64,
    /// Seconds.
    pub end: f64,
    /// The row that it stands in.
    pub row: usize,
    /// The number of its colour.
    pub colour: usize,
    /// What it says.
    pub text: String,
}

/// Stretches of a video, in rows.
pub fn timeline(html: &mut Html, title: &str, rows: &[String], seconds: f64, stretches: &[Stretch]) {
    let height = rows.len() as f64 * 30.0 + MARGIN.1;
    let across = |time: f64| (time / seconds.max(1e-9)).clamp(0.0, 1.0) * WIDTH;
    open_sized(html, height, title);
    for (number, row) in rows.iter().enumerate() {
        label(html, (0.0, number as f64 * 30.0 + 10.0), "start", row);
    }
    for stretch in stretches {
        let (x, end) = (across(stretch.start), across(stretch.end));
        let style = format!("fill:{}", colour(stretch.colour));
        let [x, y, width] =
            [x, stretch.row as f64 * 30.0 + 14.0, (end - x).max(0.6)].map(|number| format!("{number:.2}"));
        html.within("rect", &[("x", &x), ("y", &y), ("width", &width), ("height", "12"), ("style", &style)], |html| {
            html.leaf("title", &[], &stretch.text);
        });
    }
    for (part, anchor) in [(0.0, "start"), (0.5, "middle"), (1.0, "end")] {
        label(html, (part * WIDTH, height - 8.0), anchor, &clock(seconds * part));
    }
    html.close();
}

/// Seconds as a clock shows them.
pub fn clock(seconds: f64) -> String {
    let whole = seconds.max(0.0) as u64;
    match whole / 3600 {
        0 if whole < 60 => format!("{seconds:.1} s"),
        0 => format!("{}:{:02}", whole / 60, whole % 60),
        hours => format!("{hours}:{:02}:{:02}", whole / 60 % 60, whole % 60),
    }
}

fn open_plot(html: &mut Html, title: &str) {
    open_sized(html, HEIGHT, title);
}

fn open_sized(html: &mut Html, height: f64, title: &str) {
    let view = format!("0 0 {WIDTH} {height}");
    html.open("svg", &[("viewBox", &view), ("role", "img"), ("aria-label", title)]);
}

/// A line across at this part of the height, with its number.
fn level(html: &mut Html, part: f64, text: &str) {
    let y = HEIGHT - MARGIN.1 - part * (HEIGHT - MARGIN.1 - 10.0);
    line(html, (MARGIN.0, y), (WIDTH, y));
    label(html, (MARGIN.0 - 6.0, y + 4.0), "end", text);
}

fn line(html: &mut Html, from: (f64, f64), to: (f64, f64)) {
    let [x1, y1, x2, y2] = [from.0, from.1, to.0, to.1].map(|number| format!("{number:.1}"));
    html.within("line", &[("x1", &x1), ("y1", &y1), ("x2", &x2), ("y2", &y2)], |_| {});
}

fn label(html: &mut Html, at: (f64, f64), anchor: &str, text: &str) {
    let [x, y] = [at.0, at.1].map(|number| format!("{number:.1}"));
    html.leaf("text", &[("x", &x), ("y", &y), ("text-anchor", anchor)], text);
}

fn rect(html: &mut Html, (x, y, width, height): (f64, f64, f64, f64), inside: impl FnOnce(&mut Html)) {
    let mut numbers: [String; 4] = Default::default();
    for (text, number) in numbers.iter_mut().zip([x, y, width, height]) {
        let _ = write!(text, "{number:.1}");
    }
    let [x, y, width, height] = &numbers;
    html.within("rect", &[("x", x), ("y", y), ("width", width), ("height", height)], inside);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_has_every_conversation_in_one_column() {
        let mut spread = Spread::default();
        (1..=1000).for_each(|number| spread.add(number));
        let mut html = Html::default();
        histogram(&mut html, "turns", "turns", &spread);
        let text = html.finish();
        let counts = text.split("turns: ").skip(1).filter_map(|rest| rest.split(' ').next()?.parse::<u64>().ok());
        assert_eq!(counts.sum::<u64>(), 1000, "{text}");
        assert!(text.matches("<rect ").count() <= COLUMNS);
    }

    #[test]
    fn times_read_as_on_a_clock() {
        assert_eq!([clock(9.25), clock(75.0), clock(3725.0), clock(f64::NAN)], ["9.2 s", "1:15", "1:02:05", "NaN s"]);
    }
}
