//! What opening, finding and selecting cost at a large scale: `cargo bench --bench scale`.
//!
//! `SURGDB_BENCH_CONVERSATIONS` sets the scale; 6 million take about 9 GB under `target/bench-data/`, made once.

mod data;

use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use surgdb::{Dataset, Table};

fn conversations() -> u64 {
    let set = std::env::var("SURGDB_BENCH_CONVERSATIONS").ok().and_then(|text| text.parse().ok());
    set.unwrap_or(6_000_000)
}

fn scale(criterion: &mut Criterion) {
    let size = data::Size { conversations: conversations(), frames: 0, frame_bytes: 1 };
    let dataset = data::dataset(size);
    let path = dataset.path().to_path_buf();
    let count = dataset.count(Table::Conversations).unwrap();
    let mut group = criterion.benchmark_group(format!("{count} conversations"));
    group.sample_size(20);
    let before = resident();
    let opened = Dataset::open(&path).unwrap();
    println!("memory that opening takes: {} kB", resident().saturating_sub(before) / 1024);
    group.bench_function("open", |bench| bench.iter(|| black_box(Dataset::open(&path).unwrap())));
    group.bench_function("open and get", |bench| {
        bench.iter(|| {
            let dataset = Dataset::open(&path).unwrap();
            black_box(dataset.conversation(count / 2).unwrap().id().unwrap().len())
        })
    });
    let mut places = data::Places::default();
    group.bench_function("find", |bench| {
        bench.iter(|| {
            let number = places.next(count);
            let found = opened.find(Table::Conversations, &format!("bench-{number:09}")).unwrap();
            black_box(found.expect("every id is there"))
        })
    });
    group.bench_function("get", |bench| {
        bench.iter(|| {
            let number = places.next(count);
            black_box(opened.conversation(number).unwrap().turns().unwrap().len())
        })
    });
    group.finish();
    select(&path, count);
}

/// Reads the task column alone, and shows that nothing else was touched.
fn select(path: &std::path::Path, count: u64) {
    let dataset = Dataset::open(path).unwrap();
    let start = std::time::Instant::now();
    let mut rows = 0;
    for piece in dataset.scan(Table::Conversations).columns(["task"]).unwrap().batches() {
        rows += piece.unwrap().batch.num_rows() as u64;
    }
    assert_eq!(rows, count);
    let (batches, columns) = dataset.touched(Table::Conversations);
    println!("reading `task` of {rows} rows: {:?}; {batches} batches, {columns} columns touched", start.elapsed());
    assert_eq!(batches, columns);
}

/// Bytes of memory that the process has.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4096
}

criterion_group!(benches, scale);
criterion_main!(benches);
