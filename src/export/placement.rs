//! Media of a conversation as a record lists them, and where an importer puts them that reads nothing else.

use super::ExportReport;
use super::media::MediaFolder;
use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::format::Address;
use crate::schema::placeholder;
use crate::schema::tables::Table;
use crate::schema::views::{Media, Turns};
use std::rc::Rc;

/// What a medium is to those who read the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A picture.
    Picture,
    /// A video's file.
    Video,
    /// Pictures that stand for a clip.
    Clip,
}

impl Kind {
    pub(super) fn is_picture(self) -> bool {
        self == Self::Picture
    }

    /// What stands for it in a text.
    pub(super) fn placeholder(self) -> &'static str {
        if self.is_picture() { placeholder::IMAGE } else { placeholder::VIDEO }
    }
}

/// Where a medium stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// In which of the other endings; none for the conversation itself.
    pub(super) ending: Option<usize>,
    pub(super) turn: usize,
    pub(super) at: Option<usize>,
    pub(super) output: bool,
}

/// What is lost where a form holds no times of a part of a video.
pub(super) const WHOLE_CLIP: &str = "where a clip starts and ends: the whole video is shown";

/// A medium with the paths that its files are written to.
pub(super) struct Shown {
    pub(super) kind: Kind,
    pub(super) refs: Vec<Address>,
    pub(super) paths: Vec<Rc<str>>,
    /// Of each, whether it has no bytes and no file of it was ever named: null stands for its path, which is what the
    /// record calls it elsewhere.
    pub(super) nameless: Vec<bool>,
    pub(super) place: Place,
    pub(super) start: Option<f64>,
    pub(super) end: Option<f64>,
    pub(super) fps: Option<f64>,
}

impl Shown {
    /// Its paths, in order; none where null stands.
    pub(super) fn named(&self) -> impl Iterator<Item = Option<&Rc<str>>> {
        self.paths.iter().zip(&self.nameless).map(|(path, is_nameless)| (!is_nameless).then_some(path))
    }

    /// What the record calls those for which null stands.
    pub(super) fn nulls(&self) -> impl Iterator<Item = &str> {
        self.paths.iter().zip(&self.nameless).filter(|(_, is_nameless)| **is_nameless).map(|(path, _)| &**path)
    }

    /// Whether it is a part of a video's file.
    pub(super) fn is_part_of_video(&self) -> bool {
        self.kind == Kind::Video && self.start.or(self.end).is_some()
    }

    /// Whether null stands for one of its files.
    pub(super) fn has_nulls(&self) -> bool {
        self.nameless.contains(&true)
    }
}

/// The media of a conversation, or of another ending of it, in their order; their files are written.
///
/// # Errors
/// `Corrupt`, `Io`; `NotFound` where bytes cannot be had and the export is to stop.
pub(super) fn shown(
    dataset: &Dataset,
    media: Media<'_>,
    turns: Turns<'_>,
    ending: Option<usize>,
    folder: &mut MediaFolder<'_>,
    report: &mut ExportReport,
) -> Result<Vec<Shown>> {
    let mut list = Vec::with_capacity(media.len());
    for medium in media.iter() {
        let turn = usize::try_from(medium.turn()).ok().filter(|turn| *turn < turns.len());
        let turn = turn.ok_or_else(|| Error::corrupt("a medium belongs to no turn"))?;
        let text = turns.get(turn).map(|turn| turn.text()).unwrap_or_default();
        let mark = medium.at().and_then(|at| placeholder::at(text, at));
        let mut of_videos = 0;
        let mut paths = Vec::with_capacity(medium.refs().len());
        for address in medium.refs().iter() {
            of_videos += usize::from(dataset.table_of(address)? == Table::Videos);
            paths.push(folder.path(address, report)?);
        }
        let mut refs: Vec<Address> = medium.refs().iter().collect();
        let kind = match (of_videos, paths.len()) {
            (0, 1) if mark != Some(placeholder::VIDEO) => Kind::Picture,
            (0, _) => Kind::Clip,
            (_, 1) => Kind::Video,
            _ => {
                report.lose("videos beyond the first of a medium", paths.len() as u64 - 1);
                paths.truncate(1);
                refs.truncate(1);
                Kind::Video
            }
        };
        let nameless = refs.iter().map(|address| folder.is_nameless(*address)).collect();
        let at = medium.at().and_then(|at| usize::try_from(at).ok());
        let place = Place { ending, turn, at, output: medium.output() };
        let (start, end, fps) = (medium.start(), medium.end(), medium.fps());
        list.push(Shown { kind, refs, paths, nameless, place, start, end, fps });
    }
    Ok(list)
}

/// Numbers of media in the order in which the fields of a record list them: pictures, those to be produced, videos,
/// those to be produced. Where clips that are frames have a field of their own they come behind the other videos.
pub(super) fn listed(media: &[Shown], has_clips: bool) -> [Vec<usize>; 4] {
    let of = |picture: bool, output: bool| {
        let fits = move |medium: &Shown| medium.kind.is_picture() == picture && medium.place.output == output;
        let mut fitting: Vec<(usize, &Shown)> = media.iter().enumerate().filter(|(_, medium)| fits(medium)).collect();
        fitting.sort_by_key(|(_, medium)| has_clips && medium.kind == Kind::Clip);
        fitting.into_iter().map(|(number, _)| number).collect()
    };
    [of(true, false), of(true, true), of(false, false), of(false, true)]
}

/// Whether placeholders may be written where media stand without one, as between content parts, and for what has no place in its
/// turn, behind the one before it or in front: readers take the first picture that a record lists for the first placeholder, so
/// that they must stand in the order in which they are listed, and no text may have a placeholder that stands for nothing.
pub(super) fn may_be_marked(turns: Turns<'_>, shown: &[Shown]) -> bool {
    let own = || shown.iter().filter(|medium| medium.place.ending.is_none() && !medium.place.output);
    [true, false].into_iter().all(|picture| {
        let mut places: Vec<(usize, usize)> = Vec::new();
        let mut marks = 0;
        for medium in own().filter(|medium| medium.kind.is_picture() == picture) {
            let Place { turn, at, .. } = medium.place;
            let row = turns.get(turn);
            if at.is_none() && row.is_none_or(|row| row.role() == "assistant") {
                return false;
            }
            let text = row.map(|row| row.text()).unwrap_or_default();
            let mark = at.and_then(|at| placeholder::at(text, at as i64));
            marks += usize::from(mark == Some(medium.kind.placeholder()));
            let before = places.last().filter(|(before, _)| *before == turn).map(|(_, at)| *at);
            places.push((turn, at.or(before).unwrap_or(0)));
        }
        places.is_sorted() && marks == asked(turns, picture)
    })
}

/// How many placeholders the turns have that ask.
fn asked(turns: Turns<'_>, picture: bool) -> usize {
    let mark = if picture { placeholder::IMAGE } else { placeholder::VIDEO };
    let asking = turns.iter().filter(|turn| turn.role() != "assistant");
    asking.map(|turn| memchr::memmem::find_iter(turn.text().as_bytes(), mark).count()).sum()
}

/// Whether the turns have as many placeholders as they show pictures and videos, or get them.
pub(super) fn is_matched(turns: Turns<'_>, shown: &[Shown]) -> bool {
    let own = |picture: bool| {
        let of_kind = |medium: &&Shown| {
            medium.kind.is_picture() == picture && medium.place.ending.is_none() && !medium.place.output
        };
        shown.iter().filter(of_kind).count()
    };
    // Most have as many, which takes one look at the texts.
    [true, false].into_iter().all(|picture| asked(turns, picture) == own(picture)) || may_be_marked(turns, shown)
}

/// Media of one turn, which are in their order, by where they stand: what has no place in the text stands behind the one before
/// it.
pub(super) fn by_place<'s>(media: impl Iterator<Item = (usize, &'s Shown)>) -> Vec<(usize, &'s Shown)> {
    let mut last = None;
    let placed = media.map(|(number, medium)| {
        last = medium.place.at.or(last);
        (last, (number, medium))
    });
    let mut placed: Vec<_> = placed.collect();
    placed.sort_by_key(|(place, _)| *place);
    placed.into_iter().map(|(_, medium)| medium).collect()
}

/// Whether a placeholder is written at the front of a turn for something that the record shows.
pub(super) fn has_front(turns: Turns<'_>, shown: &[Shown]) -> bool {
    let mut own = shown.iter().map(|medium| &medium.place).filter(|place| place.ending.is_none() && !place.output);
    own.any(|place| place.at.is_none()) && may_be_marked(turns, shown)
}

/// Where an importer puts so many pictures (or videos) shown and so many to be produced, in this order.
pub(super) fn expected(turns: Turns<'_>, picture: bool, inputs: usize, outputs: usize) -> Vec<Place> {
    let mark = if picture { placeholder::IMAGE } else { placeholder::VIDEO };
    let mut spots = Vec::new();
    for (turn, row) in turns.iter().enumerate() {
        let output = row.role() == "assistant";
        let found = memchr::memmem::find_iter(row.text().as_bytes(), mark);
        spots.extend(found.map(|at| Place { ending: None, turn, at: Some(at), output }));
    }
    let asked = spots.iter().filter(|spot| !spot.output).count();
    let (first, rest): (Vec<Place>, Vec<Place>) = spots.into_iter().partition(|spot| !spot.output || inputs != asked);
    let user = turns.iter().position(|turn| turn.role() == "user").unwrap_or(0);
    let last = turns.iter().rposition(|turn| turn.role() == "assistant").unwrap_or(turns.len().saturating_sub(1));
    let mut free = first.into_iter();
    let mut places: Vec<Place> = Vec::with_capacity(inputs + outputs);
    places.extend(
        (0..inputs).map(|_| free.next().unwrap_or(Place { ending: None, turn: user, at: None, output: false })),
    );
    let mut left = free.chain(rest).filter(|spot| spot.output);
    places.extend(
        (0..outputs).map(|_| left.next().unwrap_or(Place { ending: None, turn: last, at: None, output: true })),
    );
    places
}
