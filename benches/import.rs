//! What importing and verifying cost, each beside its floor in the same run: `cargo bench --bench import`.
//!
//! Of text, the floor is reading the file once; of annotations, checking that the file is JSON; of pictures, copying the
//! same files into one file with one `fsync`; of verifying, hashing the same bytes.

mod data;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use std::fmt::Write as _;
use std::fs::File;
use std::hint::black_box;
use std::io::Write;
use std::path::{Path, PathBuf};
use surgdb::Dataset;
use surgdb::import::{ImportOptions, SourceDescription, import};

/// Imports a file into a new dataset.
fn import_new(dataset: &Path, input: &Path, records: u64) {
    let dataset = Dataset::create(dataset).unwrap();
    let options = ImportOptions::new(SourceDescription::named("bench"));
    let report = import(&dataset, &[input.to_path_buf()], &options, &mut |_| {}).unwrap();
    assert_eq!(report.records.added, records);
}

fn clean(path: &Path) {
    let _ = std::fs::remove_dir_all(path);
}

/// ShareGPT records of about 1.5 kB, one a line.
fn jsonl(path: &Path, records: u64) -> u64 {
    let mut text = String::new();
    for number in 0..records {
        let row = data::conversation(number, None);
        let turns: Vec<_> = row
            .turns
            .iter()
            .map(|turn| {
                let from = if turn.role == "user" { "human" } else { "gpt" };
                let value = turn.text.replace("<image>\n", "").repeat(if from == "gpt" { 2 } else { 1 });
                serde_json::json!({"from": from, "value": value})
            })
            .collect();
        let record = serde_json::json!({"id": row.id, "task": row.task, "conversations": turns, "score": 0.5});
        writeln!(text, "{record}").unwrap();
    }
    std::fs::write(path, &text).unwrap();
    text.len() as u64
}

fn text(criterion: &mut Criterion) {
    std::fs::create_dir_all(data::folder()).unwrap();
    let (input, out) = (data::folder().join("text.jsonl"), data::folder().join("text.surgdb"));
    let records = 100_000;
    let bytes = jsonl(&input, records);
    let mut group = criterion.benchmark_group("import JSONL text");
    group.sample_size(10);
    group.throughput(Throughput::Bytes(bytes));
    group.bench_function("floor: read the file", |bench| bench.iter(|| black_box(std::fs::read(&input).unwrap())));
    group.bench_function("surgdb", |bench| {
        bench.iter_batched(|| clean(&out), |()| import_new(&out, &input, records), BatchSize::PerIteration)
    });
    group.finish();
}

/// Boxes of instruments as COCO has them, ten a picture; the pictures are missing.
fn coco(path: &Path, annotations: u64) -> u64 {
    let size = serde_json::json!({"width": 854, "height": 480});
    let image = |id: u64| {
        let name = format!("VID{:02}/{:06}.png", id / 1000, id % 1000);
        serde_json::json!({"id": id, "file_name": name, "width": size["width"], "height": size["height"]})
    };
    let category = |id: u64| serde_json::json!({"id": id, "name": format!("instrument {id}")});
    let annotation = |id: u64| {
        let (x, y, w, h) = (id * 7 % 700, id * 11 % 400, 1 + id % 150, 1 + id % 79);
        serde_json::json!({
            "id": id, "image_id": id / 10, "category_id": id % 7, "bbox": [x, y, w, h], "area": w * h, "iscrowd": 0
        })
    };
    let list = |count: u64, of: &dyn Fn(u64) -> serde_json::Value| {
        (0..count).map(|id| of(id).to_string()).collect::<Vec<_>>().join(", ")
    };
    let text = format!(
        r#"{{"images": [{}], "categories": [{}], "annotations": [{}]}}"#,
        list(annotations.div_ceil(10), &image),
        list(7, &category),
        list(annotations, &annotation)
    );
    std::fs::write(path, &text).unwrap();
    text.len() as u64
}

fn annotations(criterion: &mut Criterion) {
    std::fs::create_dir_all(data::folder()).unwrap();
    let (input, out) = (data::folder().join("coco.json"), data::folder().join("coco.surgdb"));
    let annotations = 200_000;
    let bytes = coco(&input, annotations);
    let mut group = criterion.benchmark_group("import COCO boxes");
    group.sample_size(10);
    group.throughput(Throughput::Bytes(bytes));
    group.bench_function("floor: read the file and check that it is JSON", |bench| {
        bench.iter(|| {
            let text = std::fs::read(&input).unwrap();
            black_box(serde_json::from_slice::<serde::de::IgnoredAny>(&text).unwrap());
        })
    });
    group.bench_function("surgdb", |bench| {
        bench.iter_batched(|| clean(&out), |()| import_new(&out, &input, annotations), BatchSize::PerIteration)
    });
    group.finish();
}

/// A folder of pictures (PNG headers, and bytes that do not compress) and the records that name them.
fn pictures(folder: &Path, count: u64) -> (Vec<PathBuf>, u64) {
    std::fs::create_dir_all(folder).unwrap();
    let (mut records, mut files, mut bytes) = (String::new(), Vec::new(), 0);
    for number in 0..count {
        let mut picture = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x03\x56\0\0\x01\xe0\x08\x02\0\0\0".to_vec();
        picture.extend(data::picture(number, 65_000));
        let path = folder.join(format!("{number:06}.png"));
        std::fs::write(&path, &picture).unwrap();
        bytes += picture.len() as u64;
        let turns = serde_json::json!([{"from": "human", "value": "<image>\nWhich phase?"}, {"from": "gpt", "value": "Dissection."}]);
        let record =
            serde_json::json!({"id": number.to_string(), "image": format!("{number:06}.png"), "conversations": turns});
        writeln!(records, "{record}").unwrap();
        files.push(path);
    }
    std::fs::write(folder.join("records.jsonl"), records).unwrap();
    (files, bytes)
}

fn media(criterion: &mut Criterion) {
    let (folder, out) = (data::folder().join("pictures"), data::folder().join("pictures.surgdb"));
    let count = 4000;
    let (files, bytes) = pictures(&folder, count);
    let mut group = criterion.benchmark_group("import pictures");
    group.sample_size(10);
    group.throughput(Throughput::Bytes(bytes));
    group.bench_function("floor: copy the files into one, with fsync", |bench| {
        bench.iter(|| {
            let mut one = File::create(data::folder().join("one.bin")).unwrap();
            files.iter().for_each(|file| one.write_all(&std::fs::read(file).unwrap()).unwrap());
            one.sync_all().unwrap();
        })
    });
    let input = folder.join("records.jsonl");
    group.bench_function("surgdb", |bench| {
        bench.iter_batched(|| clean(&out), |()| import_new(&out, &input, count), BatchSize::PerIteration)
    });
    group.finish();
}

fn verify(criterion: &mut Criterion) {
    let dataset = data::dataset(data::Size { conversations: 20_000, frames: 2_000, frame_bytes: 65_000 });
    let files: Vec<_> = dataset.manifest().paths().map(|path| dataset.path().join(path)).collect();
    let bytes: u64 = files.iter().map(|file| std::fs::metadata(file).unwrap().len()).sum();
    let mut group = criterion.benchmark_group("verify");
    group.sample_size(10);
    group.throughput(Throughput::Bytes(bytes));
    group.bench_function("floor: read the files and hash their bytes", |bench| {
        bench.iter(|| {
            files.iter().for_each(|file| {
                black_box(blake3::hash(&std::fs::read(file).unwrap()));
            })
        })
    });
    group.bench_function("surgdb", |bench| bench.iter(|| assert!(dataset.verify(&mut |_, _| {}).unwrap().is_sound())));
    group.finish();
}

criterion_group!(benches, text, annotations, media, verify);
criterion_main!(benches);
