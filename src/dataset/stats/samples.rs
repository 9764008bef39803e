//! The pass over conversations.

use super::groups::{Counts, Group, NOT_SAID, count, with};
use super::spread::Spread;
use crate::dataset::{Conversation, Dataset, Record, SPLIT};
use crate::error::Result;
use crate::format::Address;
use crate::schema::tables::Table;
use crate::schema::views::{Reasoning, read};
use roaring::RoaringTreemap;
use std::collections::{BTreeMap, HashMap};

/// What samples are grouped by, besides `case` and the added columns of names.
const BASE: [&str; 7] = ["task", "source", "specialty", "procedure", "language", "origin", "generator"];
/// Names of cases that are kept at hand.
const CASES_KEPT: usize = 10_000;

/// What conversations are like.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct SampleStats {
    /// All of them together.
    pub all: Group,
    /// The same by what a column says: `task`, `source`, `specialty`, `procedure`, `language`, `origin`, `generator`,
    /// then added columns of names such as `split`, then `case` (as `SOURCE/ID`; of samples without one, that of the
    /// first picture or video that has one).
    pub by: Vec<(String, BTreeMap<String, Group>)>,
    /// Turns of a conversation.
    pub turns: Spread,
    /// Bytes of a conversation's text.
    pub text_bytes: Spread,
    /// Nodes of a conversation's reasoning.
    pub reasoning_nodes: Spread,
    /// How many nodes the longest path of a conversation's reasoning has.
    pub reasoning_depth: Spread,
    /// Bytes of the texts of a conversation's reasoning.
    pub reasoning_bytes: Spread,
    /// Nodes of reasoning by level; those without are [`NOT_SAID`].
    pub reasoning_levels: Counts,
    /// Nodes of reasoning by origin.
    pub reasoning_origins: Counts,
    /// Media of a conversation, those of its other endings included.
    pub media: Spread,
    /// Media that the model is to produce.
    pub outputs: u64,
    /// Conversations with other endings.
    pub alternatives: u64,
    /// Conversations with boxes, points or times in the text, or in that of another ending.
    pub grounded: u64,
    /// Boxes, points and times in texts, by kind.
    pub grounding: Counts,
}

/// What the media of a sample lead to.
#[derive(Default)]
struct Shown {
    blobs: Vec<Address>,
    missing: u64,
    case: Option<Address>,
}

/// The pass under way.
pub(super) struct Samples<'a> {
    dataset: &'a Dataset,
    added: Vec<&'a str>,
    case_names: HashMap<Address, String>,
    /// The frames, videos and annotations that the samples name.
    pub named: RoaringTreemap,
    pub stats: SampleStats,
}

impl<'a> Samples<'a> {
    pub fn new(dataset: &'a Dataset) -> Self {
        let columns = dataset.manifest().columns.iter();
        let names = columns.filter(|side| !side.replaces && side.table == Table::Conversations.name());
        let names = names.filter(|side| side.ty == "dict" || side.name == SPLIT && side.ty == "text");
        let mut added: Vec<&str> = names.map(|side| side.name.as_str()).collect();
        added.sort_by_key(|name| (*name != SPLIT, *name));
        let columns = BASE.into_iter().chain(added.iter().copied()).chain(["case"]);
        let by = columns.map(|name| (name.to_owned(), BTreeMap::new())).collect();
        let stats = SampleStats { by, ..SampleStats::default() };
        Self { dataset, added, case_names: HashMap::new(), named: RoaringTreemap::new(), stats }
    }

    pub fn add(&mut self, sample: &Conversation<'_>) -> Result<()> {
        let shown = self.shown(sample)?;
        let group = self.count(sample, &shown)?;
        let mut values = vec![
            Some(sample.task()?),
            Some(sample.source()?),
            sample.specialty()?,
            sample.procedure()?,
            sample.language()?,
            sample.origin()?,
            sample.generator()?,
        ];
        for name in &self.added {
            values.push(if *name == SPLIT { sample.split()? } else { read::dict_opt(sample.row().named(name)?)? });
        }
        let case = sample.case()?.or(shown.case).map(|case| self.case_name(case)).transpose()?;
        values.push(case.as_deref());
        for ((_, groups), value) in self.stats.by.iter_mut().zip(values) {
            with(groups, value.unwrap_or(NOT_SAID), |into| into.add(&group, &shown.blobs));
        }
        self.stats.all.add(&group, &shown.blobs);
        Ok(())
    }

    /// What this sample adds to each of its groups.
    fn count(&mut self, sample: &Conversation<'_>, shown: &Shown) -> Result<Group> {
        let stats = &mut self.stats;
        let (turns, reasoning, endings) = (sample.turns()?, sample.reasoning()?, sample.alternatives()?);
        let group = Group {
            samples: 1,
            turns: turns.len() as u64,
            text_bytes: turns.iter().map(|turn| turn.text().len() as u64).sum(),
            reasoned: u64::from(!reasoning.is_empty()),
            reasoning_nodes: reasoning.len() as u64,
            reasoning_bytes: reasoning.iter().map(|node| node.text().len() as u64).sum(),
            reasoning_depth: depth(&reasoning),
            media: sample.all_media()?.count() as u64,
            missing: shown.missing,
            ..Group::default()
        };
        stats.turns.add(group.turns);
        stats.text_bytes.add(group.text_bytes);
        stats.reasoning_nodes.add(group.reasoning_nodes);
        stats.reasoning_depth.add(group.reasoning_depth);
        stats.reasoning_bytes.add(group.reasoning_bytes);
        stats.media.add(group.media);
        for node in reasoning.iter() {
            count(&mut stats.reasoning_levels, node.level().map(|level| level.to_string()).as_deref());
            count(&mut stats.reasoning_origins, node.origin());
        }
        stats.outputs += sample.all_media()?.filter(|medium| medium.output()).count() as u64;
        stats.alternatives += u64::from(!endings.is_empty());
        let own = sample.grounding()?;
        let mut places = own.iter().chain(endings.iter().flat_map(|ending| ending.grounding().iter())).peekable();
        stats.grounded += u64::from(places.peek().is_some());
        places.for_each(|place| count(&mut stats.grounding, Some(place.kind())));
        Ok(group)
    }

    fn shown(&mut self, sample: &Conversation<'_>) -> Result<Shown> {
        let mut shown = Shown::default();
        for address in sample.all_media()?.flat_map(|medium| medium.refs().iter()) {
            self.named.insert(address.get() as u64);
            let (blob, path, case) = match self.dataset.get(address)? {
                Record::Frame(frame) => {
                    let of_video = || match (shown.case, frame.video()?) {
                        (None, Some(video)) => self.dataset.video(video)?.case(),
                        _ => Ok(None),
                    };
                    let case = frame.case()?.map_or_else(of_video, |case| Ok(Some(case)))?;
                    (frame.blob()?, frame.path()?.is_some(), case)
                }
                Record::Video(video) => (video.blob()?, video.path()?.is_some(), video.case()?),
                _ => continue,
            };
            shown.blobs.extend(blob);
            shown.missing += u64::from(blob.is_none() && path);
            shown.case = shown.case.or(case);
        }
        self.named.extend(sample.annotations()?.iter().map(|address| address.get() as u64));
        Ok(shown)
    }

    fn case_name(&mut self, address: Address) -> Result<String> {
        if let Some(name) = self.case_names.get(&address) {
            return Ok(name.clone());
        }
        let case = self.dataset.case(address)?;
        let name = format!("{}/{}", case.source()?, case.id()?);
        if self.case_names.len() < CASES_KEPT {
            self.case_names.insert(address, name.clone());
        }
        Ok(name)
    }
}

impl Group {
    fn add(&mut self, sample: &Group, blobs: &[Address]) {
        self.samples += sample.samples;
        self.turns += sample.turns;
        self.text_bytes += sample.text_bytes;
        self.reasoned += sample.reasoned;
        self.reasoning_nodes += sample.reasoning_nodes;
        self.reasoning_bytes += sample.reasoning_bytes;
        self.reasoning_depth = self.reasoning_depth.max(sample.reasoning_depth);
        self.media += sample.media;
        self.missing += sample.missing;
        self.blobs.extend(blobs.iter().map(|blob| blob.get() as u64));
    }
}

/// How many nodes the longest path of a forest has.
fn depth(reasoning: &Reasoning<'_>) -> u64 {
    let mut depths: Vec<u64> = Vec::with_capacity(reasoning.len());
    for node in reasoning.iter() {
        let above = node.parent().and_then(|parent| depths.get(parent)).copied().unwrap_or(0);
        depths.push(above + 1);
    }
    depths.into_iter().max().unwrap_or(0)
}
