//! WebDataset: tar archives of samples, each a JSON record and the pictures and videos that it shows, under one key.
//!
//! The key is the sample's running number, so that nothing in an id can be taken for an ending or a folder; the record
//! has the id. One picture stands as `KEY.jpg`, several as `KEY.0.jpg`, `KEY.1.jpg`, …, by their media type; the record
//! has their names in its lists. A picture that several samples show stands in each. An archive holds one part of the
//! split, in the order of the export, and ends at a number of samples or of bytes.

use super::files::shown_videos;
use super::folder::{OutputFile, OutputFolder};
use super::media::{MediaFolder, MediaTo};
use super::placement::Shown;
use super::record::Writer;
use super::splits::Splits;
use super::{
    ExportOptions, ExportProgress, ExportReport, OnProgress, Shards, added, addresses_of, boxes, jsonl_messages,
    unshown,
};
use crate::dataset::{Conversation, Dataset, SOURCE_DATASET, SPLIT};
use crate::error::{Error, Result};
use crate::format::Address;
use crate::schema::tables::Table;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// How many samples are written between two reports of progress.
const PROGRESS_EVERY: u64 = 64;
/// What an archive adds to each of its files at most: a header, and the filling of a block.
const BLOCK: u64 = 512;

/// Writes the archives, and what is known of the sources.
///
/// # Errors
/// See [`super::export`].
pub(super) fn write_all(
    dataset: &Dataset,
    folder: &OutputFolder,
    options: &ExportOptions<'_>,
    report: &mut ExportReport,
    progress: &mut OnProgress<'_>,
) -> Result<()> {
    let splits = Splits::of(dataset, options.selection, "samples")?;
    let media = MediaFolder::new(dataset, MediaTo::Records, &[""; 0]).on_missing(options.missing);
    // A video that frames were taken from is in none of their samples: it is known by its id.
    let mut writer = Writer::new(dataset, jsonl_messages::form(options.style), options, media, HashSet::new());
    writer.videos_elsewhere = shown_videos(dataset, options.selection)?;
    let mut parts: BTreeMap<&str, Part<'_>> = BTreeMap::new();
    for name in splits.names() {
        parts.insert(name, Part::new(folder, name)?);
    }
    let (total, addresses) = addresses_of(dataset, options.selection)?;
    let (mut number, mut done) = (0u64, 0u64);
    for address in addresses {
        let row = dataset.sound_conversation(address?)?;
        let is_left_out = options.missing.leaves_out(&mut writer.media, &row, report)?
            || boxes::leaves_out(dataset, &row, options.boxes, report)?;
        if !is_left_out {
            let key = format!("{number:09}");
            number += 1;
            writer.media.start_sample(key.clone(), shows_several(&row)?);
            let mut record = Vec::new();
            let shown = writer.record(&row, &mut record, report)?;
            let members = members(&writer.media, &shown)?;
            let part = row.split()?.filter(|split| !split.is_empty());
            if let Some(part) = parts.get_mut(splits.name_of(part)) {
                part.sample(&mut writer.media, &key, &record, &members, options.shards, report)?;
            }
        }
        done += 1;
        if done.is_multiple_of(PROGRESS_EVERY) || done == total {
            progress(ExportProgress { rows: done, total, bytes: report.media_bytes })?;
        }
    }
    for part in parts.into_values() {
        part.finish(report)?;
    }
    // What is not of the media themselves.
    report.bytes = report.bytes.saturating_sub(report.media_bytes);
    report.rows.insert(Table::Conversations.name(), number);
    added::lose_all(dataset, options.selection, &[SPLIT, SOURCE_DATASET], report)?;
    unshown::lose_all(dataset, options.selection, report)?;
    report.lose(
        "sources beyond the first: ids and licences of several become one",
        writer.sources.len().saturating_sub(1) as u64,
    );
    writer.describe_sources(folder, report)
}

/// Whether a conversation shows more than one picture or video.
fn shows_several(row: &Conversation<'_>) -> Result<bool> {
    let all: BTreeSet<i64> = row.all_media()?.flat_map(|medium| medium.refs().values().to_vec()).collect();
    Ok(all.len() > 1)
}

/// A picture or video of a sample, and its name in the archive.
struct Member<'a> {
    name: &'a str,
    address: Address,
    size: u64,
}

/// What a sample shows, each once, without what is missing.
fn members<'s>(media: &MediaFolder<'_>, shown: &'s [Shown]) -> Result<Vec<Member<'s>>> {
    let mut members: Vec<Member<'s>> = Vec::new();
    for medium in shown {
        for (address, name) in medium.refs.iter().zip(&medium.paths) {
            if media.is_gone(*address) || members.iter().any(|member| member.address == *address) {
                continue;
            }
            members.push(Member { name, address: *address, size: media.size(*address)? });
        }
    }
    Ok(members)
}

/// The archives of one part of the split.
struct Part<'a> {
    folder: &'a OutputFolder,
    name: &'a str,
    number: u32,
    archive: tar::Builder<OutputFile>,
    samples: u64,
    bytes: u64,
}

impl<'a> Part<'a> {
    fn new(folder: &'a OutputFolder, name: &'a str) -> Result<Self> {
        let archive = archive(folder, name, 0)?;
        Ok(Self { folder, name, number: 0, archive, samples: 0, bytes: 0 })
    }

    fn sample(
        &mut self,
        media: &mut MediaFolder<'_>,
        key: &str,
        record: &[u8],
        members: &[Member<'_>],
        limits: Shards,
        report: &mut ExportReport,
    ) -> Result<()> {
        let of_media: u64 = members.iter().map(|member| member.size + 2 * BLOCK).sum();
        let bytes = record.len() as u64 + 2 * BLOCK + of_media;
        if self.samples > 0 && (self.samples >= limits.samples || self.bytes + bytes > limits.bytes) {
            self.number += 1;
            let next = archive(self.folder, self.name, self.number)?;
            end(std::mem::replace(&mut self.archive, next), report)?;
            (self.samples, self.bytes) = (0, 0);
        }
        self.append(&format!("{key}.json"), record)?;
        for member in members {
            if let Some(bytes) = media.bytes(member.address, report)? {
                self.append(member.name, &bytes)?;
                report.media += 1;
                report.media_bytes += bytes.len() as u64;
            }
        }
        self.samples += 1;
        self.bytes += bytes;
        Ok(())
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> Result<()> {
        // The same export gives the same archives: they say nothing of when and by whom they were made.
        let mut header = tar::Header::new_ustar();
        header.set_mode(0o644);
        header.set_size(bytes.len() as u64);
        header.set_mtime(0);
        self.archive.append_data(&mut header, name, bytes).map_err(unwritten)
    }

    fn finish(self, report: &mut ExportReport) -> Result<()> {
        end(self.archive, report)
    }
}

fn archive(folder: &OutputFolder, part: &str, number: u32) -> Result<tar::Builder<OutputFile>> {
    Ok(tar::Builder::new(folder.file(&format!("{part}-{number:06}.tar"))?))
}

fn end(archive: tar::Builder<OutputFile>, report: &mut ExportReport) -> Result<()> {
    report.bytes += archive.into_inner().map_err(unwritten)?.finish()?;
    Ok(())
}

fn unwritten(error: std::io::Error) -> Error {
    Error::io("cannot write the archive", error)
}
