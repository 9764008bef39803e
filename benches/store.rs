//! What the store does, each beside its floor in the same run: `cargo bench --bench store`.
//!
//! The floor of a get is a slice of one mapped file at an offset that is known; of a scan, a plain sequential read; of a
//! write, writing the same bytes to one file with one `fsync`.

mod data;

use arrow_array::Array;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use data::raw::{Raw, frame_of_conversation, touch};
use std::fs::File;
use std::hint::black_box;
use std::io::Write;
use surgdb::{Dataset, Table};

fn get(criterion: &mut Criterion) {
    let dataset = data::dataset(data::STANDARD);
    let raw = Raw::new(&dataset);
    let count = dataset.count(Table::Conversations).unwrap();
    let mut group = criterion.benchmark_group("get a conversation and touch its frame");
    let mut places = data::Places::default();
    group.bench_function("floor: mapped offsets", |bench| {
        bench.iter(|| {
            let number = places.next(count);
            black_box(touch(raw.text(number)) + touch(raw.frame(number)))
        })
    });
    let mut places = data::Places::default();
    group.bench_function("surgdb", |bench| {
        bench.iter(|| {
            let number = places.next(count);
            let conversation = dataset.conversation(number).unwrap();
            let text: u64 = conversation.turns().unwrap().iter().map(|turn| touch(turn.text().as_bytes())).sum();
            let frame = dataset.frame(frame_of_conversation(&conversation)).unwrap();
            black_box(text + touch(&frame.bytes().unwrap().unwrap()))
        })
    });
    group.finish();
    let mut group = criterion.benchmark_group("get the turns of a conversation");
    let mut places = data::Places::default();
    group.bench_function("floor: mapped offsets", |bench| {
        bench.iter(|| {
            let number = places.next(count);
            black_box(touch(raw.text(number)))
        })
    });
    group.bench_function("surgdb", |bench| {
        bench.iter(|| {
            let number = places.next(count);
            let conversation = dataset.conversation(number).unwrap();
            black_box(conversation.turns().unwrap().iter().map(|turn| touch(turn.text().as_bytes())).sum::<u64>())
        })
    });
    group.finish();
}

fn open_and_find(criterion: &mut Criterion) {
    let dataset = data::dataset(data::STANDARD);
    let count = dataset.count(Table::Conversations).unwrap();
    let mut group = criterion.benchmark_group("open and find");
    group.bench_function("floor: read the manifest's bytes", |bench| {
        let path = dataset.path().join("versions/0000000002.json");
        bench.iter(|| black_box(std::fs::read(&path).unwrap()))
    });
    group.bench_function("open", |bench| bench.iter(|| black_box(Dataset::open(dataset.path()).unwrap())));
    let ids: std::collections::HashMap<String, u64> = (0..count).map(|at| (format!("bench-{at:09}"), at)).collect();
    let mut places = data::Places::default();
    group.bench_function("floor: find in a hash map", |bench| {
        bench.iter(|| {
            let number = places.next(count);
            black_box(ids[&format!("bench-{number:09}")])
        })
    });
    group.bench_function("find", |bench| {
        bench.iter(|| {
            let number = places.next(count);
            black_box(dataset.find(Table::Conversations, &format!("bench-{number:09}")).unwrap().unwrap())
        })
    });
    group.finish();
}

fn many_rows(criterion: &mut Criterion) {
    let dataset = data::dataset(data::STANDARD);
    let addresses = dataset.live_addresses(Table::Conversations).unwrap();
    let chosen: Vec<_> = (0..64).map(|at| addresses[data::mix(at) as usize % addresses.len()]).collect();
    let mut group = criterion.benchmark_group("take 64 conversations");
    let columns = ["id", "task", "turns", "media"];
    group.bench_function("surgdb", |bench| {
        bench.iter(|| black_box(dataset.take(Table::Conversations, &chosen, &columns).unwrap()))
    });
    group.bench_function("floor: copy as many bytes", |bench| {
        let batch = dataset.take(Table::Conversations, &chosen, &columns).unwrap();
        let bytes = vec![1u8; batch.columns().iter().map(|column| column.get_buffer_memory_size()).sum()];
        bench.iter(|| black_box(bytes.clone()))
    });
    group.finish();
    let mut group = criterion.benchmark_group("scan `task` for one task");
    group.throughput(Throughput::Elements(addresses.len() as u64));
    group.bench_function("surgdb", |bench| {
        bench.iter(|| {
            let scan = dataset.scan(Table::Conversations).columns(["task"]).unwrap();
            black_box(scan.batches().map(|piece| count_task(&piece.unwrap().batch)).sum::<usize>())
        })
    });
    let keys: Vec<i32> = (0..addresses.len() as i32).map(|at| at % 6).collect();
    group.bench_function("floor: compare as many keys", |bench| {
        bench.iter(|| black_box(keys.iter().filter(|key| **key == 3).count()))
    });
    group.finish();
}

fn count_task(batch: &arrow_array::RecordBatch) -> usize {
    use arrow_array::cast::AsArray;
    let tasks = batch.column(0).as_dictionary::<arrow_array::types::Int32Type>();
    let names = tasks.values().as_string::<i32>();
    let wanted = (0..names.len()).find(|at| names.value(*at) == "triplet recognition").map(|at| at as i32);
    tasks.keys().values().iter().filter(|key| Some(**key) == wanted).count()
}

fn write_and_verify(criterion: &mut Criterion) {
    let size = data::Size { conversations: 20_000, frames: 1_000, frame_bytes: 65_000 };
    let folder = data::folder();
    let mut group = criterion.benchmark_group("write 20k conversations and 1k frames");
    group.sample_size(10);
    let bytes: u64 = {
        let path = folder.join("size.surgdb");
        let _ = std::fs::remove_dir_all(&path);
        let dataset = data::write(&path, size);
        dataset.manifest().files.values().flatten().map(|file| file.length).sum()
    };
    group.throughput(Throughput::Bytes(bytes));
    group.bench_function("floor: as many bytes to one file, with fsync", |bench| {
        let content = data::picture(1, bytes as usize);
        bench.iter(|| {
            let mut file = File::create(folder.join("floor.bin")).unwrap();
            content.chunks(1 << 20).for_each(|part| file.write_all(part).unwrap());
            file.sync_all().unwrap();
        })
    });
    group.bench_function("surgdb", |bench| {
        let path = folder.join("write.surgdb");
        let clean = || {
            let _ = std::fs::remove_dir_all(&path);
        };
        bench.iter_batched(clean, |()| data::write(&path, size), BatchSize::PerIteration)
    });
    group.finish();
}

criterion_group!(benches, get, open_and_find, many_rows, write_and_verify);
criterion_main!(benches);
