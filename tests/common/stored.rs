//! Samples as a dataset.

use super::samples::{Refer, Samples, meant_by};
use std::collections::HashMap;
use std::path::Path;
use surgdb::dataset::BlobSource;
use surgdb::rows::AnnotationRow;
use surgdb::{Address, Dataset, Operation, Table};

/// A new dataset of these rows.
pub fn stored(path: &Path, mut samples: Samples) -> Dataset {
    let mut appender = Dataset::create(path).unwrap().append().unwrap();
    let mut real: HashMap<(Table, usize), Address> = HashMap::new();
    for (place, (media_type, bytes)) in samples.blobs.iter().enumerate() {
        let blob = appender.blob(BlobSource::Bytes { media_type, bytes }).unwrap();
        real.insert((Table::Blobs, place), blob.address);
    }
    for (place, row) in samples.cases.iter().enumerate() {
        real.insert((Table::Cases, place), appender.case(row).unwrap());
    }
    for (place, row) in samples.videos.iter_mut().enumerate() {
        row.refer(&mut |symbol| real[&meant_by(symbol)]);
        real.insert((Table::Videos, place), appender.video(row).unwrap());
    }
    for (place, row) in samples.frames.iter_mut().enumerate() {
        row.refer(&mut |symbol| real[&meant_by(symbol)]);
        real.insert((Table::Frames, place), appender.frame(row).unwrap());
    }
    for (place, row) in samples.annotations.iter_mut().enumerate() {
        row.refer(&mut |symbol| real[&meant_by(symbol)]);
        real.insert((Table::Annotations, place), appender.annotation(row).unwrap().0);
    }
    for row in &mut samples.conversations {
        row.refer(&mut |symbol| real[&meant_by(symbol)]);
        appender.conversation(row).unwrap();
    }
    appender.commit(Operation::new("append")).unwrap()
}

/// An annotation of a row that says nothing yet.
pub fn about(target: Address) -> AnnotationRow {
    AnnotationRow {
        id: "a".into(),
        source: "s".into(),
        annotator: None,
        status: None,
        origin: None,
        generator: None,
        target,
        start: None,
        end: None,
        parent: None,
        text: None,
        labels: Vec::new(),
        regions: Vec::new(),
        extra: None,
        record: None,
    }
}
