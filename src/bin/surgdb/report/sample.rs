//! One sample on the page: what it shows, what is said, how it is reasoned.

use super::html::{Html, shortened};
use super::marks::{Mark, Marks, Shape};
use super::picture::{Attempt, Drawn, Pictures};
use super::plots::{clock, colour};
use super::tree;
use crate::ui;
use std::ops::Range;
use surgdb::dataset::{Conversation, Frame, Record, Video};
use surgdb::schema::views::{Grounding, Media, Medium, Part};
use surgdb::{Address, Dataset, Result};

/// The longest side of a picture.
const LARGE: u32 = 520;
/// The longest side of a picture among others.
const SMALL: u32 = 150;
/// The kind of a frame that is a mask.
const MASK: &str = "mask";
/// Media of a sample that are shown.
const MEDIA_MAX: usize = 8;
/// Frames of a clip that are shown small, besides the first.
const STRIP: usize = 4;
/// The most characters of a turn that are shown at once; the rest is folded.
const TURN_MAX: usize = 900;
/// What the media of another ending belong to.
const OF_ENDING: &str = " of this ending";
/// What ends the reasoning in a turn's text.
const THOUGHT_END: &str = "</think>";
/// The most characters of a turn.
const TEXT_MAX: usize = 12_000;

/// Writes a sample.
pub fn sample(html: &mut Html, pictures: &mut Pictures<'_>, sample: &Conversation<'_>) -> Result<()> {
    html.within("article", &[("class", "sample")], |html| {
        html.leaf("h4", &[], sample.id()?);
        html.leaf("p", &[("class", "facts")], facts(pictures.dataset, sample)?);
        let (media, grounding) = (sample.media()?, sample.grounding()?);
        self::media(html, pictures, &media, &grounding, "")?;
        html.within("div", &[("class", "talk")], |html| {
            turns(html, sample, &grounding)?;
            tree::reasoning(html, &sample.reasoning()?);
            endings(html, pictures, sample)
        })
    })
}

/// Writes the media of a sample, or of another ending of it; `of` says behind their numbers what these belong to.
fn media(
    html: &mut Html,
    pictures: &mut Pictures<'_>,
    media: &Media<'_>,
    grounding: &Grounding<'_>,
    of: &str,
) -> Result<()> {
    if media.is_empty() {
        return Ok(());
    }
    html.within("div", &[("class", "media")], |html| {
        for medium in media.iter().take(MEDIA_MAX) {
            let marks = grounded(grounding, medium.number());
            self::medium(html, pictures, &medium, media, marks, of)?;
        }
        if let Some(more) = media.len().checked_sub(MEDIA_MAX).filter(|more| *more > 0) {
            html.leaf("p", &[("class", "faint")], format!("… and {} more media", ui::count(more as u64)));
        }
        Ok(())
    })
}

fn facts(dataset: &Dataset, sample: &Conversation<'_>) -> Result<String> {
    let patient = sample.case()?.map(|case| dataset.case(case)).transpose()?;
    let patient = patient.as_ref().map(|case| case.patient()).transpose()?.flatten();
    let said = [
        Some(sample.source()?),
        sample.procedure()?.or(sample.specialty()?),
        sample.language()?,
        sample.origin()?,
        sample.split()?,
    ];
    let mut facts: Vec<String> = said.into_iter().flatten().map(str::to_owned).collect();
    facts.extend(patient.map(|patient| format!("patient {patient}")));
    facts.extend(sample.preferred()?.map(|yes| if yes { "preferred".to_owned() } else { "not preferred".to_owned() }));
    Ok(facts.join(" · "))
}

fn medium(
    html: &mut Html,
    pictures: &mut Pictures<'_>,
    medium: &Medium<'_>,
    media: &Media<'_>,
    mut marks: Marks,
    of: &str,
) -> Result<()> {
    let dataset = pictures.dataset;
    let refs = medium.refs();
    let Some(first) = refs.get(0) else { return Ok(()) };
    let output = if medium.output() { ", to be produced" } else { "" };
    let number = medium.number() + 1;
    match dataset.get(first)? {
        Record::Frame(frame) => {
            marks.annotate(pictures, first, LARGE)?;
            masks_of(&mut marks, pictures, &frame, media)?;
            let clip =
                if refs.len() > 1 { format!(", first of a clip of {} frames", refs.len()) } else { String::new() };
            let caption = format!("{number}{of}: {}{clip}{output}", described(dataset, &frame)?);
            html.within("figure", &[], |html| {
                stage(html, pictures.frame(&frame, LARGE)?, &marks, &caption);
                strip(html, pictures, refs.iter().skip(1).collect())?;
                html.leaf("figcaption", &[], &caption);
                marks.list(html);
                Ok(())
            })
        }
        Record::Video(video) => {
            let start = medium.start().unwrap_or(0.0);
            let stretch = match (medium.start(), medium.end()) {
                (Some(start), Some(end)) => format!(", {} to {}", clock(start), clock(end)),
                _ => String::new(),
            };
            let caption = format!("{number}{of}: {}{stretch}{output}", video_described(&video)?);
            html.within("figure", &[], |html| self::video(html, pictures, &video, start, &caption))
        }
        _ => Ok(()),
    }
}

/// What a frame is, in a line.
pub fn described(dataset: &Dataset, frame: &Frame<'_>) -> Result<String> {
    let name = frame.path()?.unwrap_or(frame.id()?);
    let size = match frame.width()?.zip(frame.height()?) {
        Some((width, height)) => format!(", {width}×{height}"),
        None => String::new(),
    };
    let bytes = match frame.blob()? {
        Some(blob) => format!(", {}", ui::bytes(dataset.blob(blob)?.size()?.unsigned_abs())),
        None => String::new(),
    };
    Ok(format!("{} {name}{size}{bytes}", frame.kind()?))
}

fn video_described(video: &Video<'_>) -> Result<String> {
    let name = video.path()?.unwrap_or(video.id()?);
    let duration = video.duration()?.map(|seconds| format!(", {}", clock(seconds))).unwrap_or_default();
    Ok(format!("video {name}{duration}"))
}

/// Boxes and points of the text that are about this medium, in the colours that they have there.
fn grounded(grounding: &Grounding<'_>, medium: usize) -> Marks {
    let mut marks = Marks::default();
    for place in grounding.iter() {
        let number = marks.colour();
        if usize::try_from(place.media()) != Ok(medium) {
            continue;
        }
        let shape = match (place.kind(), place.values()) {
            ("box", [x0, y0, x1, y1]) => Shape::Box([*x0, *y0, *x1, *y1]),
            ("point", [x, y]) => Shape::Point([*x, *y]),
            ("polygon", points) => Shape::Outline(points.to_vec()),
            _ => continue,
        };
        marks.marks.push(Mark { colour: number, shape });
    }
    marks
}

/// Lays masks of the same sample over the picture that they belong to: the one that they name, or else the only one of
/// the sample that has their size.
fn masks_of(marks: &mut Marks, pictures: &mut Pictures<'_>, frame: &Frame<'_>, media: &Media<'_>) -> Result<()> {
    if frame.kind()? == MASK {
        return Ok(());
    }
    let (mut masks, mut others) = (Vec::new(), 0);
    for medium in media.iter().take(MEDIA_MAX) {
        let address = medium.refs().get(0).filter(|_| medium.refs().len() == 1);
        let Some(Record::Frame(other)) = address.map(|at| pictures.dataset.get(at)).transpose()? else { continue };
        let alike = (other.width()?, other.height()?) == (frame.width()?, frame.height()?);
        match (other.kind()? == MASK, alike) {
            (true, alike) => masks.push((medium.number() + 1, other, alike)),
            (false, true) => others += 1,
            (false, false) => {}
        }
    }
    for (number, mask, alike) in masks {
        if mask.parent()?.map_or(alike && others == 1, |parent| parent == frame.address()) {
            marks.mask(pictures, &mask, LARGE, format!("the mask {number}"))?;
        }
    }
    Ok(())
}

/// A picture with its marks, or why there is none.
pub fn stage(html: &mut Html, picture: Attempt<Drawn>, marks: &Marks, caption: &str) {
    match picture {
        Ok(drawn) => {
            html.within("div", &[("class", "stage")], |html| {
                let [width, height] = [drawn.width, drawn.height].map(|side| side.to_string());
                html.void("img", &[("src", &drawn.uri), ("width", &width), ("height", &height), ("alt", caption)]);
                marks.draw(html, drawn.width, drawn.height);
            });
            if !marks.marks.is_empty() {
                html.within("label", &[("class", "toggle")], |html| {
                    html.void("input", &[("type", "checkbox"), ("checked", "")]);
                    html.text(" show what is marked");
                });
            }
        }
        Err(reason) => html.leaf("div", &[("class", "stage gone")], reason),
    }
}

/// Some frames of a clip, evenly spaced, small.
fn strip(html: &mut Html, pictures: &mut Pictures<'_>, frames: Vec<Address>) -> Result<()> {
    if frames.is_empty() {
        return Ok(());
    }
    html.within("div", &[("class", "strip")], |html| {
        let shown = STRIP.min(frames.len());
        for number in (1..=shown).map(|part| part * frames.len() / shown - 1) {
            let Some(address) = frames.get(number) else { continue };
            let frame = pictures.dataset.frame(*address)?;
            if let Ok(drawn) = pictures.frame(&frame, SMALL)? {
                let alt = format!("frame {} of the clip", number + 2);
                let [width, height] = [drawn.width, drawn.height].map(|side| side.to_string());
                html.void("img", &[("src", &drawn.uri), ("width", &width), ("height", &height), ("alt", &alt)]);
            }
        }
        Ok(())
    })
}

/// The picture of a video that is shown at this second.
pub fn video(html: &mut Html, pictures: &mut Pictures<'_>, video: &Video<'_>, start: f64, caption: &str) -> Result<()> {
    match pictures.still(video, start)? {
        Ok((drawn, time)) => {
            let [width, height] = [drawn.width, drawn.height].map(|side| side.to_string());
            html.within("div", &[("class", "stage")], |html| {
                let size = [("width", width.as_str()), ("height", &height), ("aria-label", caption)];
                let plays = [
                    ("src", drawn.uri.as_str()),
                    ("preload", "auto"),
                    ("autoplay", ""),
                    ("muted", ""),
                    ("playsinline", ""),
                ];
                html.within("video", &[&plays[..], &size].concat(), |_| {});
            });
            html.leaf("figcaption", &[], format!("{caption} (its key frame at {})", clock(time)));
        }
        Err(reason) => {
            html.leaf("div", &[("class", "stage gone")], reason);
            html.leaf("figcaption", &[], caption);
        }
    }
    Ok(())
}

fn turns(html: &mut Html, sample: &Conversation<'_>, grounding: &Grounding<'_>) -> Result<()> {
    let parts = sample.parts()?;
    for (number, turn) in sample.turns()?.iter().enumerate() {
        let class = match turn.role() {
            role @ ("system" | "user" | "assistant" | "tool") => format!("turn {role}"),
            _ => "turn".to_owned(),
        };
        let places = places(grounding, number);
        html.within("div", &[("class", &class)], |html| {
            html.leaf("b", &[("class", "role")], turn.name().unwrap_or(turn.role()));
            let mut shown = 0;
            // What the tree below shows is folded.
            let is_reasoned = sample.reasoning()?.iter().any(|node| usize::try_from(node.turn()) == Ok(number));
            let thought = turn.text().find(THOUGHT_END).filter(|_| is_reasoned).map_or(0, |at| at + THOUGHT_END.len());
            html.open("div", &[("class", "said")]);
            for part in parts.turn(number).into_iter().flatten() {
                match part {
                    Part::Medium(medium) => {
                        html.leaf("span", &[("class", "chip")], format!("medium {}", medium.number() + 1));
                    }
                    Part::Text(piece) => {
                        let offset = piece.as_ptr() as usize - turn.text().as_ptr() as usize;
                        let thoughts = piece.get(..thought.saturating_sub(offset)).unwrap_or(piece);
                        if !thoughts.is_empty() {
                            rest(html, thoughts, offset, &places, "characters of reasoning, as text");
                        }
                        let said = piece[thoughts.len()..].trim_start_matches(|c| c == '\n' && !thoughts.is_empty());
                        let offset = offset + piece.len() - said.len();
                        let piece = said;
                        let (start, cut) = shortened(piece, TURN_MAX.saturating_sub(shown));
                        shown += start.chars().count();
                        marked(html, start, offset, &places);
                        if cut > 0 {
                            rest(html, &piece[start.len()..], offset + start.len(), &places, "more characters");
                        }
                    }
                }
            }
            html.close();
            Ok::<_, surgdb::Error>(())
        })?;
    }
    Ok(())
}

/// A part of a turn, folded.
fn rest(html: &mut Html, text: &str, offset: usize, places: &[(Range<usize>, usize)], what: &str) {
    html.within("details", &[("class", "rest")], |html| {
        html.leaf("summary", &[], format!("{} {what}", ui::count(text.chars().count() as u64)));
        let (start, cut) = shortened(text, TEXT_MAX);
        marked(html, start, offset, places);
        if cut > 0 {
            html.leaf("p", &[("class", "faint")], format!("… and {} more", ui::count(cut as u64)));
        }
    });
}

/// Where boxes, points and times stand in the text of a turn, with the numbers of their colours, in order.
fn places(grounding: &Grounding<'_>, turn: usize) -> Vec<(Range<usize>, usize)> {
    let of_turn = grounding.iter().enumerate().filter(|(_, place)| usize::try_from(place.turn()) == Ok(turn));
    let mut places: Vec<_> = of_turn
        .filter_map(|(number, place)| {
            let range = usize::try_from(place.byte_start()).ok()?..usize::try_from(place.byte_end()).ok()?;
            Some((range, number))
        })
        .collect();
    places.sort_by_key(|(range, _)| (range.start, range.end));
    places
}

/// Text that starts at this byte of its turn, with the places in it marked.
fn marked(html: &mut Html, text: &str, offset: usize, places: &[(Range<usize>, usize)]) {
    let mut at = 0;
    for (range, number) in places {
        let within = range.start.checked_sub(offset).zip(range.end.checked_sub(offset));
        let Some((start, end)) = within.filter(|(start, _)| *start >= at) else { continue };
        let (Some(before), Some(found)) = (text.get(at..start), text.get(start..end)) else { continue };
        html.text(before);
        html.leaf("mark", &[("style", &format!("--c:{}", colour(*number)))], found);
        at = end;
    }
    html.text(text.get(at..).unwrap_or_default());
}

/// Other endings, and what a reward checks against.
fn endings(html: &mut Html, pictures: &mut Pictures<'_>, sample: &Conversation<'_>) -> Result<()> {
    for alternative in sample.alternatives()?.iter().take(4) {
        html.within("details", &[("class", "ending")], |html| {
            let score = alternative.score().map(|score| format!(", score {score}")).unwrap_or_default();
            html.leaf("summary", &[], format!("Another ending: {}{score}", alternative.kind()));
            let grounding = alternative.grounding();
            media(html, pictures, &alternative.media(), &grounding, OF_ENDING)?;
            let parts = alternative.parts()?;
            for (number, turn) in alternative.turns().iter().enumerate() {
                html.open("div", &[("class", "said")]);
                let mut left = TURN_MAX;
                for part in parts.turn(number).into_iter().flatten() {
                    match part {
                        Part::Medium(medium) => {
                            let name = format!("medium {}{OF_ENDING}", medium.number() + 1);
                            html.leaf("span", &[("class", "chip")], name);
                        }
                        Part::Text(piece) => {
                            let offset = piece.as_ptr() as usize - turn.text().as_ptr() as usize;
                            let (start, cut) = shortened(piece, left);
                            left = left.saturating_sub(start.chars().count());
                            marked(html, start, offset, &places(&grounding, number));
                            if cut > 0 {
                                html.text(format!(" … {} more characters", ui::count(cut as u64)));
                            }
                        }
                    }
                }
                html.close();
            }
            Ok::<_, surgdb::Error>(())
        })?;
    }
    if let Some(solution) = sample.solution()? {
        html.within("details", &[("class", "ending")], |html| {
            html.leaf("summary", &[], "What the answer is checked against");
            html.leaf("div", &[("class", "said")], shortened(solution, TURN_MAX).0);
        });
    }
    Ok(())
}
