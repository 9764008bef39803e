//! Index runs as a commit writes them: the new entries become a run, joined with those runs that are not larger.

use crate::dataset::claims::Claims;
use crate::dataset::files::new_file;
use crate::dataset::index::{INDEX_FILE_KIND, IndexKind, RUN_BATCH_ROWS, Run, run_schema};
use crate::dataset::lazy::Opening;
use crate::error::Result;
use crate::format::Address;
use crate::format::constants::INDEX_DIR;
use crate::format::manifest::IndexRun;
use crate::write::WriteOptions;
use arrow_array::{ArrayRef, Int64Array, RecordBatch, UInt64Array};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The runs of an index after `entries` (sorted) were added to those in `runs`: a run that is at most twice as long as
/// what is to be written is joined with it, so that about log₂ of all entries are alive.
///
/// # Errors
/// `Corrupt` when a run that is to be joined cannot be read; `Io`, `Conflict`.
pub fn merged(
    opening: &Opening,
    claims: &mut Claims,
    kind: IndexKind,
    runs: &[IndexRun],
    entries: &[(u64, i64)],
) -> Result<Vec<IndexRun>> {
    let mut kept: Vec<_> = runs.iter().filter(|run| run.kind == kind.name()).cloned().collect();
    if entries.is_empty() {
        return Ok(kept);
    }
    kept.sort_by_key(|run| std::cmp::Reverse(run.rows));
    let mut total = entries.len() as u64;
    let mut joined = Vec::new();
    while let Some(run) = kept.pop_if(|run| run.rows <= total.saturating_mul(2)) {
        total += run.rows;
        joined.push(Run::new(&run));
    }
    let mut sources = vec![source(entries.iter().copied().map(Ok))];
    for run in &joined {
        sources.push(source(run.entries(opening)?));
    }
    kept.push(write_run(opening, claims, kind, &mut sources)?);
    Ok(kept)
}

/// The runs of an index joined to one, without the entries that lead to these rows.
///
/// # Errors
/// `Corrupt` when a run cannot be read; `Io`, `Conflict`.
pub fn without(
    opening: &Opening,
    claims: &mut Claims,
    kind: IndexKind,
    runs: &[IndexRun],
    rows: &BTreeSet<Address>,
) -> Result<Vec<IndexRun>> {
    let known: Vec<_> = runs.iter().filter(|run| run.kind == kind.name()).map(Run::new).collect();
    let stays = |entry: &Result<(u64, i64)>| match entry {
        Ok((_, address)) => !Address::new(*address).is_ok_and(|address| rows.contains(&address)),
        Err(_) => true,
    };
    let mut sources = Vec::new();
    for run in &known {
        sources.push(source(run.entries(opening)?.filter(stays)));
    }
    if sources.iter_mut().all(|source| source.peek().is_none()) {
        return Ok(Vec::new());
    }
    Ok(vec![write_run(opening, claims, kind, &mut sources)?])
}

type Source<'a> = std::iter::Peekable<Box<dyn Iterator<Item = Result<(u64, i64)>> + 'a>>;

fn source<'a>(entries: impl Iterator<Item = Result<(u64, i64)>> + 'a) -> Source<'a> {
    let entries: Box<dyn Iterator<Item = Result<(u64, i64)>> + 'a> = Box::new(entries);
    entries.peekable()
}

/// The least of all the entries that are next. There are so few runs that a heap would not help.
fn least(sources: &mut [Source<'_>]) -> Result<Option<(u64, i64)>> {
    if let [only] = sources {
        return only.next().transpose();
    }
    let mut best: Option<(usize, (u64, i64))> = None;
    for (at, source) in sources.iter_mut().enumerate() {
        match source.peek() {
            Some(Ok(entry)) if best.is_none_or(|best| *entry < best.1) => best = Some((at, *entry)),
            Some(Err(_)) => return source.next().transpose(),
            _ => {}
        }
    }
    best.map_or(Ok(None), |(at, _)| sources[at].next().transpose())
}

/// Writes a run as it is merged: what it takes in memory is one batch.
fn write_run(opening: &Opening, claims: &mut Claims, kind: IndexKind, sources: &mut [Source<'_>]) -> Result<IndexRun> {
    let options = WriteOptions::default();
    let mut file = new_file(&opening.root, claims, INDEX_DIR, INDEX_FILE_KIND, run_schema(), options)?;
    let (mut keys, mut addresses) = (Vec::new(), Vec::new());
    loop {
        let entry = least(sources)?;
        if let Some((key, address)) = entry {
            keys.push(key);
            addresses.push(address);
        }
        if keys.len() == RUN_BATCH_ROWS || entry.is_none() {
            let columns: [ArrayRef; 2] = [
                Arc::new(UInt64Array::from(std::mem::take(&mut keys))),
                Arc::new(Int64Array::from(std::mem::take(&mut addresses))),
            ];
            file.writer.write(&RecordBatch::try_new(run_schema(), columns.into())?)?;
        }
        if entry.is_none() {
            break;
        }
    }
    let (path, summary) = file.publish(claims, &[])?;
    Ok(IndexRun {
        kind: kind.name().to_owned(),
        path,
        length: summary.length,
        crc32: summary.crc32,
        rows: summary.rows,
    })
}
