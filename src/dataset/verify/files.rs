//! The files that versions name, each by itself.

use crate::dataset::Dataset;
use crate::dataset::index::{INDEX_FILE_KIND, run_schema};
use crate::dataset::lazy::{LazyFile, Opening};
use crate::dataset::table::{COLUMN_FILE_KIND, DELETIONS_FILE_KIND, column_schema, deletions_schema};
use crate::dataset::verify::found::Found;
use crate::error::{Error, Result};
use crate::format::Address;
use crate::format::footer::Footer;
use crate::format::manifest::{FileEntry, Manifest, SideColumn};
use crate::format::notation::{Column, ColumnType};
use crate::read::{BatchCache, VerifyLevel};
use crate::schema::tables::Table;
use arrow_schema::SchemaRef;
use std::sync::Arc;

/// The rows of each table that were emptied, ascending, in the order of `Table`'s variants.
pub type Emptied = [Vec<Address>; 6];

/// A file that a version names, with all that it must be.
pub struct Named {
    file: LazyFile,
    schema: SchemaRef,
    /// Of a file that holds fragments.
    entry: Option<FileEntry>,
    /// The table whose rows it holds, base columns or another.
    table: Option<Table>,
    /// Whether it holds base columns.
    base: bool,
}

impl Named {
    pub fn length(&self) -> u64 {
        self.file.length()
    }
}

/// The files of this manifest, save reports, whose path `wanted` wants.
///
/// # Errors
/// `Corrupt` where the manifest names a table or a type that there is not.
pub fn named(manifest: &Manifest, wanted: impl Fn(&str) -> bool) -> Result<Vec<Named>> {
    let mut all = Vec::new();
    for table in Table::ALL {
        for entry in manifest.files_of(table.name()).iter().filter(|entry| wanted(&entry.path)) {
            let (file, schema) = (LazyFile::of_fragments(entry, table.name()), table.schema().clone());
            all.push(Named { file, schema, entry: Some(entry.clone()), table: Some(table), base: true });
        }
    }
    for side in &manifest.columns {
        let mut files = side.files.iter().filter(|entry| wanted(&entry.path)).peekable();
        if files.peek().is_none() {
            continue;
        }
        let (schema, table) = (column_schema(&column_of(side)?), Some(Table::named(&side.table)?));
        all.extend(files.map(|entry| {
            let file = LazyFile::of_fragments(entry, COLUMN_FILE_KIND);
            Named { file, schema: schema.clone(), entry: Some(entry.clone()), table, base: false }
        }));
    }
    let sorted = |file, schema| Named { file, schema, entry: None, table: None, base: false };
    for run in manifest.index.iter().filter(|run| wanted(&run.path)) {
        let file = LazyFile::new(&run.path, run.length, run.crc32, INDEX_FILE_KIND, run.rows);
        all.push(sorted(file, run_schema()));
    }
    for entry in manifest.deletions.iter().filter(|entry| wanted(&entry.path)) {
        let file = LazyFile::new(&entry.path, entry.length, entry.crc32, DELETIONS_FILE_KIND, entry.rows);
        all.push(sorted(file, deletions_schema()));
    }
    Ok(all)
}

fn column_of(side: &SideColumn) -> Result<Column> {
    let table = Table::named(&side.table)?;
    match table.columns().iter().find(|column| side.replaces && column.name == side.name) {
        Some(base) => Ok(base.clone()),
        None => Ok(Column::new(&side.name, ColumnType::parse(&side.ty)?, true)),
    }
}

/// Checks each file of this version by itself, then the files that only other versions name, and gives the rows that
/// were emptied in this version.
pub fn check(dataset: &Dataset, others: &[Named], found: &mut Found<'_>) -> Emptied {
    let opening = Opening {
        level: VerifyLevel::Strict,
        // Nothing is read twice, so nothing is kept.
        cache: Arc::new(BatchCache::new(0)),
        ..dataset.opening().clone()
    };
    let (mut emptied, mut in_columns) = (Emptied::default(), Emptied::default());
    match named(dataset.manifest(), |_| true) {
        Ok(all) => {
            for one in &all {
                if let (Some(footer), Some(table)) = (check_file(one, &opening, found), one.table) {
                    let all = if one.base { &mut emptied } else { &mut in_columns };
                    all[table as usize].extend(addresses(&footer));
                }
            }
        }
        Err(error) => found.fault(error),
    }
    for table in Table::ALL {
        emptied[table as usize].sort_unstable();
        let all = &mut in_columns[table as usize];
        all.extend(&emptied[table as usize]);
        all.sort_unstable();
        all.dedup();
        check_emptied(dataset, table, all, found);
    }
    for one in others {
        check_file(one, &opening, found);
    }
    emptied
}

fn check_file(named: &Named, opening: &Opening, found: &mut Found<'_>) -> Option<Footer> {
    let file = &named.file;
    found.report.files += 1;
    let footer = match file.open_apart(opening, &named.schema, named.entry.as_ref()) {
        Ok(file) => {
            file.verify(&mut |error| found.fault(error));
            Some(file.footer().clone())
        }
        Err(error) => {
            found.fault(error);
            None
        }
    };
    found.report.bytes += file.length();
    found.advance(file.length());
    footer
}

/// The addresses of the rows that a file says were emptied.
fn addresses(footer: &Footer) -> Vec<Address> {
    let (mut start, mut fragments, mut all) = (0, footer.fragments.iter(), Vec::new());
    let mut current = fragments.next();
    for row in footer.emptied.iter().cloned().flatten() {
        while let Some((fragment, rows)) = current {
            if row < start + u64::from(*rows) {
                all.push(fragment.address((row - start) as u32));
                break;
            }
            start += u64::from(*rows);
            current = fragments.next();
        }
    }
    all
}

fn check_emptied(dataset: &Dataset, table: Table, emptied: &[Address], found: &mut Found<'_>) {
    for address in emptied {
        match dataset.is_live(*address) {
            Ok(false) => {}
            Ok(true) => found.fault(
                Error::corrupt("the row was emptied, and is not deleted: what it held is gone; delete it")
                    .in_row(format!("{} {address}", table.row_name())),
            ),
            Err(error) => return found.fault(error),
        }
    }
}
