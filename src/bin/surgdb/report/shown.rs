//! Pictures and videos by source, with what annotations say of them.

use super::choose::Chosen;
use super::html::Html;
use super::marks::{Marks, said};
use super::picture::Pictures;
use super::plots::{Stretch, clock, timeline};
use super::sample;
use crate::ui;
use std::collections::BTreeMap;
use surgdb::dataset::Video;
use surgdb::{Address, Result};

/// The longest side of a picture.
const LARGE: u32 = 520;
/// The most stretches of a video that are drawn.
const STRETCHES_MAX: usize = 2_000;
/// The most rows of a timeline.
const ROWS_MAX: usize = 12;

/// Writes the pictures and videos that were chosen, by source.
pub fn write(html: &mut Html, pictures: &mut Pictures<'_>, chosen: &Chosen) -> Result<()> {
    let mut sources: Vec<&String> = chosen.frames.keys().chain(chosen.videos.keys()).collect();
    sources.sort_unstable();
    sources.dedup();
    for source in sources {
        let frames = chosen.frames.get(source).map(Vec::as_slice).unwrap_or_default();
        let videos = chosen.videos.get(source).map(Vec::as_slice).unwrap_or_default();
        if frames.is_empty() && videos.is_empty() {
            continue;
        }
        html.leaf("h3", &[], source);
        if !frames.is_empty() {
            html.within("div", &[("class", "media")], |html| {
                frames.iter().try_for_each(|address| frame(html, pictures, *address))
            })?;
        }
        videos.iter().try_for_each(|address| video(html, pictures, *address))?;
    }
    Ok(())
}

fn frame(html: &mut Html, pictures: &mut Pictures<'_>, address: Address) -> Result<()> {
    let dataset = pictures.dataset;
    let frame = dataset.frame(address)?;
    let mut marks = Marks::default();
    marks.annotate(pictures, address, LARGE)?;
    let caption = sample::described(dataset, &frame)?;
    html.within("figure", &[], |html| {
        sample::stage(html, pictures.frame(&frame, LARGE)?, &marks, &caption);
        html.leaf("figcaption", &[], &caption);
        marks.list(html);
        Ok(())
    })
}

fn video(html: &mut Html, pictures: &mut Pictures<'_>, address: Address) -> Result<()> {
    let video = pictures.dataset.video(address)?;
    let (rows, stretches, more) = stretches(pictures, address)?;
    let last = stretches.iter().map(|stretch| stretch.end).fold(0.0, f64::max);
    let seconds = video.duration()?.filter(|seconds| seconds.is_finite() && *seconds > 0.0).unwrap_or(last).max(last);
    let name = video.path()?.unwrap_or(video.id()?);
    let count = ui::counted(stretches.len() as u64, "stretch").replace("stretchs", "stretches");
    html.within("figure", &[("class", "timeline")], |html| {
        html.within("figcaption", &[], |html| {
            html.leaf("b", &[], format!("video {name}"));
            let said = if stretches.is_empty() { String::new() } else { format!(", {count} with a label") };
            html.leaf("span", &[], format!("{}{said}", clock(seconds)));
        });
        if video.blob()?.is_some() {
            still(html, pictures, &video)?;
        }
        if !stretches.is_empty() {
            timeline(html, &format!("Timeline of video {name}: {count}"), &rows, seconds, &stretches);
        }
        if more > 0 {
            html.leaf("p", &[("class", "faint")], format!("… and {} more stretches", ui::count(more as u64)));
        }
        Ok(())
    })
}

fn still(html: &mut Html, pictures: &mut Pictures<'_>, video: &Video<'_>) -> Result<()> {
    html.within("div", &[("class", "still")], |html| {
        sample::video(html, pictures, video, 0.0, "the start of the video")
    })
}

/// The annotated stretches of a video: a row for each axis, and a colour for each label.
fn stretches(pictures: &Pictures<'_>, video: Address) -> Result<(Vec<String>, Vec<Stretch>, usize)> {
    let mut rows: Vec<String> = Vec::new();
    let mut colours: BTreeMap<String, usize> = BTreeMap::new();
    let (mut stretches, mut more) = (Vec::new(), 0);
    for address in pictures.dataset.annotations_of(video)? {
        let annotation = pictures.dataset.annotation(address)?;
        let Some(start) = annotation.start()?.filter(|start| start.is_finite()) else { continue };
        let end = annotation.end()?.filter(|end| end.is_finite()).unwrap_or(start).max(start);
        let labels = annotation.labels()?;
        let axis = labels.iter().next().map_or("text", |label| label.axis());
        let row = rows.iter().position(|row| row == axis).unwrap_or(rows.len());
        if stretches.len() >= STRETCHES_MAX || row >= ROWS_MAX {
            more += 1;
            continue;
        }
        if row == rows.len() {
            rows.push(axis.to_owned());
        }
        let said = said(&annotation)?;
        let next = colours.len();
        let colour = *colours.entry(said.clone()).or_insert(next);
        let text = format!("{said}: {} to {}", clock(start), clock(end));
        stretches.push(Stretch { start, end, row, colour, text });
    }
    Ok((rows, stretches, more))
}
