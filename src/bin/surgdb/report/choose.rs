//! Which samples, pictures and videos are shown: the same ones of the same version, whoever asks.

use crate::ui::Progress;
use roaring::RoaringTreemap;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use surgdb::dataset::{Conversation, Record, Selection, Stats};
use surgdb::{Address, Dataset, Result, Table};

/// Tasks whose samples are shown.
const TASKS_MAX: usize = 30;
/// Pairs of task and source among whose samples is chosen.
const PAIRS_MAX: usize = 2_000;
/// Sources whose annotated pictures and videos are shown.
const SOURCES_MAX: usize = 12;
/// Videos of a source among whose pictures is chosen.
const VIDEOS_MAX: usize = 500;

/// What is shown.
#[derive(Default)]
pub struct Chosen {
    /// Samples by task, the most frequent task first.
    pub samples: Vec<(String, Vec<Address>)>,
    /// Tasks of which no sample is shown.
    pub other_tasks: usize,
    /// Annotated pictures by source; any, of sources that have neither samples nor annotations.
    pub frames: BTreeMap<String, Vec<Address>>,
    /// Videos with annotated stretches by source; any, of sources that have neither samples nor annotations.
    pub videos: BTreeMap<String, Vec<Address>>,
}

/// How much a row has to show, then a number that depends on its address alone; the greatest is chosen.
type Rank = (u32, u64, Reverse<Address>);

/// Chooses at most so many of each.
pub fn choose(dataset: &Dataset, selection: Option<&Selection>, stats: &Stats, most: usize) -> Result<Chosen> {
    let (best, named) = samples(dataset, selection, most)?;
    let mut chosen = Chosen::default();
    let by_task = stats.samples.by.iter().find(|(column, _)| column == "task");
    let mut tasks: Vec<_> = by_task.into_iter().flat_map(|(_, groups)| groups).collect();
    tasks.sort_by_key(|(task, group)| (Reverse(group.samples), *task));
    for (task, _) in tasks {
        let of_task: Vec<&Vec<Rank>> = best.iter().filter(|((of, _), _)| of == task).map(|(_, ranks)| ranks).collect();
        if of_task.is_empty() || chosen.samples.len() >= TASKS_MAX {
            chosen.other_tasks += 1;
            continue;
        }
        // One of each source in turn.
        let turns = (0..most).flat_map(|turn| of_task.iter().filter_map(move |ranks| ranks.get(turn)));
        let addresses = turns.take(most).map(|rank| rank.2.0).collect();
        chosen.samples.push((task.clone(), addresses));
    }
    annotated(dataset, selection.map(|_| &named), most, &mut chosen)?;
    if selection.is_none() {
        let with_samples = best.into_keys().map(|(_, source)| source).collect();
        bare(dataset, &with_samples, most, &mut chosen)?;
    }
    Ok(chosen)
}

/// Adds pictures and videos of sources of which nothing else is shown.
fn bare(dataset: &Dataset, with_samples: &BTreeSet<String>, most: usize, chosen: &mut Chosen) -> Result<()> {
    let seen: BTreeSet<String> =
        chosen.frames.keys().chain(chosen.videos.keys()).chain(with_samples).cloned().collect();
    let missing = dataset.manifest().sources.iter().any(|source| !seen.contains(&source.id));
    for table in [Table::Videos, Table::Frames] {
        let count = if missing { dataset.count(table)? } else { 0 };
        let progress = Progress::things(format!("choosing {table}"), Some(count));
        let mut ranks: BTreeMap<String, Vec<Rank>> = BTreeMap::new();
        for number in 0..count {
            if number % 1024 == 0 {
                progress.at(number, || crate::ui::counted(number, table.row_name()))?;
            }
            let address = dataset.address(table, number)?;
            let (source, blob) = match dataset.get(address)? {
                Record::Frame(frame) => (frame.source()?.to_owned(), frame.blob()?),
                Record::Video(video) => (
                    video.source()?.to_owned(),
                    video.blob()?.filter(|_| video.width().is_ok_and(|width| width.is_some())),
                ),
                _ => continue,
            };
            if blob.is_some() && !seen.contains(&source) {
                let rank = (0, scattered(address), Reverse(address));
                of(&mut ranks, &source).into_iter().for_each(|ranks| keep(ranks, rank, most));
            }
        }
        let into = if table == Table::Videos { &mut chosen.videos } else { &mut chosen.frames };
        for (source, ranks) in ranks {
            into.insert(source, ranks.into_iter().map(|rank| rank.2.0).collect());
        }
    }
    Ok(())
}

type Best = BTreeMap<(String, String), Vec<Rank>>;

/// The best samples of each task and source, and all that any sample shows.
fn samples(dataset: &Dataset, selection: Option<&Selection>, most: usize) -> Result<(Best, RoaringTreemap)> {
    let count = selection.map_or_else(|| dataset.count(Table::Conversations), |selection| Ok(selection.len()))?;
    let progress = Progress::things("choosing samples", Some(count));
    let addresses: Box<dyn Iterator<Item = Result<Address>>> = match selection {
        Some(selection) => Box::new(selection.iter().map(Ok)),
        None => Box::new((0..count).map(|number| dataset.address(Table::Conversations, number))),
    };
    let (mut best, mut named) = (Best::new(), RoaringTreemap::new());
    for (number, address) in (0..).zip(addresses) {
        if number % 1024 == 0 {
            progress.at(number, || crate::ui::counted(number, "conversation"))?;
        }
        let address = address?;
        let sample = dataset.conversation_at(address)?;
        if selection.is_some() {
            named.extend(sample.all_media()?.flat_map(|medium| medium.refs().iter()).map(|at| at.get() as u64));
        }
        let key = (sample.task()?.to_owned(), sample.source()?.to_owned());
        if best.len() >= PAIRS_MAX && !best.contains_key(&key) {
            continue;
        }
        let rank = (worth(dataset, &sample)?, scattered(address), Reverse(address));
        keep(best.entry(key).or_default(), rank, most);
    }
    Ok((best, named))
}

/// How much there is to see in a sample.
fn worth(dataset: &Dataset, sample: &Conversation<'_>) -> Result<u32> {
    let mut worth = 0;
    if let Some(first) = sample.media()?.iter().find_map(|medium| medium.refs().iter().next()) {
        let is_there = match dataset.get(first)? {
            Record::Frame(frame) => frame.blob()?.is_some(),
            Record::Video(video) => video.blob()?.is_some(),
            _ => false,
        };
        worth += if is_there { 8 } else { 0 };
    }
    worth += if sample.reasoning()?.is_empty() { 0 } else { 4 };
    worth += if sample.grounding()?.is_empty() { 0 } else { 2 };
    worth += u32::from(sample.turns()?.iter().map(|turn| turn.text().len()).sum::<usize>() < 4_000);
    Ok(worth)
}

/// Finds the pictures and videos of each source that have most to show.
fn annotated(dataset: &Dataset, named: Option<&RoaringTreemap>, most: usize, chosen: &mut Chosen) -> Result<()> {
    let count = dataset.count(Table::Annotations)?;
    let progress = Progress::things("choosing pictures", Some(count));
    // By source, then by video, so that not all pictures are of one; a picture of no video stands for itself.
    let mut frames: BTreeMap<String, BTreeMap<Address, Rank>> = BTreeMap::new();
    let mut videos: BTreeMap<String, BTreeMap<Address, u32>> = BTreeMap::new();
    let mut last: Option<(Address, u32)> = None;
    for number in 0..count {
        if number % 1024 == 0 {
            progress.at(number, || crate::ui::counted(number, "annotation"))?;
        }
        let annotation = dataset.annotation(dataset.address(Table::Annotations, number)?)?;
        let (target, source) = (annotation.target()?, annotation.source()?);
        if named.is_some_and(|named| !named.contains(target.get() as u64)) {
            continue;
        }
        if dataset.table_of(target)? == Table::Videos {
            let of_source = of(&mut videos, source);
            if annotation.start()?.is_some()
                && of_source.as_ref().is_some_and(|videos| videos.len() < VIDEOS_MAX || videos.contains_key(&target))
            {
                of_source.into_iter().for_each(|videos| *videos.entry(target).or_default() += 1);
            }
            continue;
        }
        // Statements about one picture mostly follow each other: each makes it worth more, up to a crowd.
        let regions = annotation.regions()?.len().min(8) as u32;
        let before = last.filter(|(of, _)| *of == target).map_or(0, |(_, worth)| worth);
        let worth = (before + 1 + 4 * regions).min(32);
        last = Some((target, worth));
        let frame = dataset.frame(target)?;
        if frame.blob()?.is_none() {
            continue;
        }
        let (video, Some(of_source)) = (frame.video()?.unwrap_or(target), of(&mut frames, source)) else { continue };
        let rank = (worth, scattered(target), Reverse(target));
        if of_source.len() < VIDEOS_MAX || of_source.contains_key(&video) {
            let best = of_source.entry(video).or_insert(rank);
            *best = rank.max(*best);
        }
    }
    for (source, of_videos) in frames {
        let mut ranks: Vec<Rank> = of_videos.into_values().collect();
        ranks.sort_by_key(|rank| Reverse(*rank));
        chosen.frames.insert(source, ranks.into_iter().take(most).map(|rank| rank.2.0).collect());
    }
    for (source, counts) in videos.into_iter().filter(|(_, counts)| !counts.is_empty()) {
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by_key(|(address, count)| (Reverse(*count), *address));
        chosen.videos.insert(source, counts.into_iter().take(most).map(|(address, _)| address).collect());
    }
    Ok(())
}

/// What there is of a source; none where there are too many sources.
fn of<'m, T: Default>(map: &'m mut BTreeMap<String, T>, source: &str) -> Option<&'m mut T> {
    if !map.contains_key(source) {
        if map.len() >= SOURCES_MAX {
            return None;
        }
        map.insert(source.to_owned(), T::default());
    }
    map.get_mut(source)
}

/// Keeps the greatest, in descending order.
fn keep(ranks: &mut Vec<Rank>, rank: Rank, most: usize) {
    let at = ranks.partition_point(|other| *other > rank);
    if at < most {
        ranks.insert(at, rank);
        ranks.truncate(most);
    }
}

/// A number that has nothing to do with where a row stands.
fn scattered(address: Address) -> u64 {
    let mixed = (address.get() as u64 ^ 0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed ^ mixed >> 31).wrapping_mul(0x94d0_49bb_1331_11eb)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_are_kept_in_order() {
        let address = |number: i64| Reverse(Address::new(number << 32).unwrap());
        let mut ranks = Vec::new();
        for (worth, number) in [(1, 1), (9, 2), (3, 3), (9, 4), (0, 5)] {
            keep(&mut ranks, (worth, 0, address(number)), 3);
        }
        let kept: Vec<_> = ranks.iter().map(|rank| (rank.0, rank.2.0.get() >> 32)).collect();
        assert_eq!(kept, [(9, 2), (9, 4), (3, 3)]);
    }
}
