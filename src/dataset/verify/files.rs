//! The files that a version names, each by itself.

use crate::dataset::Dataset;
use crate::dataset::index::{INDEX_FILE_KIND, run_schema};
use crate::dataset::lazy::{LazyFile, Opening};
use crate::dataset::table::{COLUMN_FILE_KIND, DELETIONS_FILE_KIND, column_schema, deletions_schema};
use crate::dataset::verify::found::Found;
use crate::error::Error;
use crate::format::Address;
use crate::format::footer::Footer;
use crate::format::manifest::FileEntry;
use crate::read::{BatchCache, VerifyLevel};
use crate::schema::tables::Table;
use arrow_schema::SchemaRef;
use std::sync::Arc;

/// The rows of each table that were emptied, ascending, in the order of `Table`'s variants.
pub type Emptied = [Vec<Address>; 6];

/// Checks each file by itself, and gives the rows that were emptied.
pub fn check(dataset: &Dataset, found: &mut Found<'_>) -> Emptied {
    let opening = Opening {
        level: VerifyLevel::Strict,
        // Nothing is read twice, so nothing is kept.
        cache: Arc::new(BatchCache::new(0)),
        ..dataset.opening().clone()
    };
    let mut emptied = Emptied::default();
    let manifest = dataset.manifest();
    for table in Table::ALL {
        for entry in manifest.files_of(table.name()) {
            let file = LazyFile::of_fragments(entry, table.name());
            let footer = check_file(&file, &opening, table.schema(), Some(entry), found);
            if let Some(footer) = footer {
                emptied[table as usize].extend(addresses(&footer));
            }
        }
        emptied[table as usize].sort_unstable();
        check_emptied(dataset, table, &emptied[table as usize], found);
    }
    for side in &manifest.columns {
        let column = Table::named(&side.table).and_then(|table| {
            let state = dataset.state(table);
            Ok(&state.columns[state.column_named(&side.name)?].column)
        });
        match column {
            Ok(column) => side.files.iter().for_each(|entry| {
                let file = LazyFile::of_fragments(entry, COLUMN_FILE_KIND);
                check_file(&file, &opening, &column_schema(column), Some(entry), found);
            }),
            Err(error) => found.fault(error),
        }
    }
    for run in &manifest.index {
        let file = LazyFile::new(&run.path, run.length, run.crc32, INDEX_FILE_KIND, run.rows);
        check_file(&file, &opening, &run_schema(), None, found);
    }
    for entry in &manifest.deletions {
        let file = LazyFile::new(&entry.path, entry.length, entry.crc32, DELETIONS_FILE_KIND, entry.rows);
        check_file(&file, &opening, &deletions_schema(), None, found);
    }
    emptied
}

fn check_file(
    file: &LazyFile,
    opening: &Opening,
    schema: &SchemaRef,
    entry: Option<&FileEntry>,
    found: &mut Found<'_>,
) -> Option<Footer> {
    found.report.files += 1;
    let footer = match file.open_apart(opening, schema, entry) {
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
