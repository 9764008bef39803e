//! Blobs that are linked, and the sizes of pictures.

use crate::dataset::verify::found::Found;
use crate::dataset::verify::links::check_link;
use crate::dataset::verify::rows::at_row;
use crate::dataset::verify::walk::Walk;
use crate::dataset::{Dataset, pictures};
use crate::error::{Error, ErrorKind, Result};
use crate::format::Address;
use crate::schema::tables::{Table, blobs, frames, videos};
use crate::schema::validate::check_pixels;
use crate::schema::views::{self, BatchRow, Cells, read};
use std::collections::{BTreeMap, BTreeSet};

/// Checks that live blobs have bytes, stored or linked, and that frames say the sizes that their pictures have.
pub fn check(dataset: &Dataset, found: &mut Found<'_>) {
    let mut broken = BTreeMap::new();
    let columns = vec![blobs::URI];
    let walk = Walk { dataset, table: Table::Blobs, columns, deleted: false };
    walk.run(found, &mut |piece, found| {
        for row in 0..piece.batch.num_rows() {
            let Ok(address) = piece.address(row) else { continue };
            let uri = BatchRow::new(&piece.batch, row).and_then(|cells| Ok(read::text_opt(cells.cell(0)?)?.is_some()));
            let checked = uri.and_then(|linked| match linked {
                true => check_link(&views::Blob::new(dataset.row_of(Table::Blobs, address)?)),
                false => has_bytes(dataset, address),
            });
            match checked {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::LinkBroken => drop(broken.insert(address, error)),
                Err(error) => found.fault(at_row(dataset, Table::Blobs, Some(address), error)),
            }
        }
    });
    check_pictures(dataset, &broken, found);
    tell_broken(dataset, broken, found);
}

/// A broken link is a fault where a picture or video shows it. One that none shows any more, since other bytes took its
/// place, takes nothing from anybody.
fn tell_broken(dataset: &Dataset, broken: BTreeMap<Address, Error>, found: &mut Found<'_>) {
    let mut shown = BTreeSet::new();
    for (table, column) in [(Table::Frames, frames::BLOB), (Table::Videos, videos::BLOB)] {
        if broken.is_empty() {
            return;
        }
        let walk = Walk { dataset, table, columns: vec![column], deleted: false };
        walk.run(found, &mut |piece, _| {
            for row in 0..piece.batch.num_rows() {
                let blob = BatchRow::new(&piece.batch, row).and_then(|cells| read::address_opt(cells.cell(0)?));
                shown.extend(blob.ok().flatten().filter(|blob| broken.contains_key(blob)));
            }
        });
    }
    for (address, error) in broken {
        // Its file is the linked one.
        let error = error.in_row(format!("{} {address}", Table::Blobs.row_name()));
        match shown.contains(&address) {
            true => found.fault(error),
            false => found.note(format!(
                "{error}; no picture and no video shows it any more, so nothing is lost: `surgdb delete DATASET {address}` \
                 takes it out"
            )),
        }
    }
}

fn has_bytes(dataset: &Dataset, address: Address) -> Result<()> {
    let row = dataset.row_of(Table::Blobs, address)?;
    let (file, batch, at) = row.base();
    match file.has_value(batch, at) {
        Ok(false) => Err(Error::corrupt("the blob has neither bytes nor a place where they are")),
        // That the batch cannot be read is a fault of the file.
        _ => Ok(()),
    }
}

fn check_pictures(dataset: &Dataset, broken: &BTreeMap<Address, Error>, found: &mut Found<'_>) {
    let columns = vec![frames::BLOB, frames::WIDTH, frames::HEIGHT];
    let walk = Walk { dataset, table: Table::Frames, columns, deleted: false };
    let mut unknown = 0u64;
    walk.run(found, &mut |piece, found| {
        for row in 0..piece.batch.num_rows() {
            let size = BatchRow::new(&piece.batch, row).and_then(|cells| {
                let pixels = (read::i32_opt(cells.cell(1)?)?, read::i32_opt(cells.cell(2)?)?);
                Ok((read::address_opt(cells.cell(0)?)?, pixels))
            });
            let Ok((Some(blob), pixels)) = size else { continue };
            if pixels == (None, None) || broken.contains_key(&blob) {
                continue;
            }
            match pictures::size_of_blob(dataset, blob) {
                None => unknown += 1,
                Some(is) => {
                    if let Err(error) = check_pixels(pixels, is) {
                        found.fault(at_row(dataset, Table::Frames, piece.address(row).ok(), error));
                    }
                }
            }
        }
    });
    if unknown > 0 {
        found.note(format!("of {unknown} frames the size was not compared: the picture's header could not be read"));
    }
}
