//! Index runs as a commit writes them: the new entries become a run, joined with those runs that are not larger.

use crate::dataset::claims::Claims;
use crate::dataset::files::new_file;
use crate::dataset::index::{INDEX_FILE_KIND, IndexKind, RUN_BATCH_ROWS, Run, run_schema};
use crate::dataset::lazy::Opening;
use crate::error::Result;
use crate::format::constants::INDEX_DIR;
use crate::format::manifest::IndexRun;
use crate::write::WriteOptions;
use arrow_array::{Int64Array, RecordBatch, UInt64Array};
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
        joined.push(Run::new(&run).entries(opening)?);
    }
    let whole = joined.into_iter().fold(entries.to_vec(), |all, more| join(&all, &more));
    kept.push(write_run(opening, claims, kind, &whole)?);
    Ok(kept)
}

fn join(a: &[(u64, i64)], b: &[(u64, i64)]) -> Vec<(u64, i64)> {
    let mut all = Vec::with_capacity(a.len() + b.len());
    let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
    loop {
        let from_a = match (a.peek(), b.peek()) {
            (Some(x), Some(y)) => x <= y,
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (None, None) => return all,
        };
        all.extend(if from_a { a.next() } else { b.next() });
    }
}

fn write_run(opening: &Opening, claims: &mut Claims, kind: IndexKind, entries: &[(u64, i64)]) -> Result<IndexRun> {
    let options = WriteOptions::default();
    let mut file = new_file(&opening.root, claims, INDEX_DIR, INDEX_FILE_KIND, run_schema(), options)?;
    for part in entries.chunks(RUN_BATCH_ROWS) {
        let keys = UInt64Array::from_iter_values(part.iter().map(|entry| entry.0));
        let addresses = Int64Array::from_iter_values(part.iter().map(|entry| entry.1));
        file.writer.write(&RecordBatch::try_new(run_schema(), vec![Arc::new(keys), Arc::new(addresses)])?)?;
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
