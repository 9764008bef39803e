//! What a position of the order costs, with its row looked up in a selection: `cargo bench --bench order`.
//!
//! The goal is 150 ns a position at 6 million samples. The rows are made once, under `target/bench-data/`.

mod data;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use surgdb::dataset::Selection;
use surgdb::load::internals::Packer;
use surgdb::load::{Budget, Cursor, EpochLength, Group, Length, Lengths, Order, Overlong, Packing};
use surgdb::rows::CaseRow;
use surgdb::{Dataset, Operation, Table};

const SELECTED: u64 = 6_000_000;
/// One row in ten is not selected, so that the selection is a list.
const ROWS: u64 = SELECTED / 9 * 10 + 10;
const PIECE: u64 = 4096;

/// Rows with little in them: only their addresses are looked at.
fn rows() -> Dataset {
    let path = data::folder().join(format!("order-{ROWS}.surgdb"));
    match Dataset::open(&path) {
        Ok(dataset) if dataset.version() > 1 => return dataset,
        _ => drop(std::fs::remove_dir_all(&path)),
    }
    let mut dataset = Dataset::create(&path).unwrap();
    // In several fragments, as a dataset of this size has.
    for part in 0..10 {
        let mut appender = dataset.append().unwrap();
        for number in part * ROWS / 10..(part + 1) * ROWS / 10 {
            appender.case(&CaseRow { id: number.to_string(), source: "bench".into(), ..Default::default() }).unwrap();
        }
        dataset = appender.commit(Operation::new("bench")).unwrap();
    }
    dataset
}

fn selection(dataset: &Dataset) -> Selection {
    let mut number = 0;
    let mut addresses = Vec::new();
    for piece in dataset.scan(Table::Cases).columns([]).unwrap().batches() {
        let piece = piece.unwrap();
        for row in 0..piece.addresses.len() {
            number += 1;
            if data::mix(number) % 10 > 0 {
                addresses.push(piece.address(row).unwrap());
            }
        }
    }
    addresses.truncate(SELECTED as usize);
    Selection::of(dataset, Table::Cases, addresses).unwrap()
}

/// Looks up a piece of positions: those that follow each other from a random one on, or all at random.
fn piece(cursor: &mut Cursor, places: &mut data::Places, len: u64, random: bool, selection: &Selection) -> i64 {
    let start = places.next(len - PIECE);
    let mut sum = 0i64;
    for at in 0..PIECE {
        let position = if random { places.next(len) } else { start + at };
        let place = cursor.at(3, position).unwrap();
        sum = sum.wrapping_add(selection.get(place.index).unwrap().get());
    }
    sum
}

fn order(criterion: &mut Criterion) {
    let dataset = rows();
    let selection = selection(&dataset);
    let len = selection.len();
    let group = |(name, weight): (&str, u64)| Group { name: name.into(), weight, len: len - weight };
    let groups = [("phase", 5), ("step", 3), ("captions", 2), ("safety", 1)].map(group).to_vec();
    let orders = [
        ("sequential", Order::sequential(1, &[len]).unwrap()),
        ("shuffled", Order::shuffled(1, &[len]).unwrap()),
        ("mixture of 4", Order::mixture(1, groups, 256, EpochLength::UntilAny).unwrap()),
    ];
    let mut bench = criterion.benchmark_group(format!("order and selection, {len} samples"));
    bench.throughput(Throughput::Elements(PIECE));
    for (name, order) in &orders {
        for (how, random) in [("positions in a row", false), ("random positions", true)] {
            let (mut cursor, mut places) = (order.cursor(), data::Places::default());
            bench.bench_function(format!("{name}, {how}"), |bench| {
                bench.iter(|| black_box(piece(&mut cursor, &mut places, order.len(), random, &selection)))
            });
        }
    }
    let mut places = data::Places::default();
    bench.bench_function("floor: the selection alone, random rows", |bench| {
        bench.iter(|| (0..PIECE).map(|_| selection.get(places.next(len)).unwrap().get()).fold(0, i64::wrapping_add))
    });
    bench.finish();
}

/// A run's start and end: what does not come at every position.
fn keys(criterion: &mut Criterion) {
    let mut bench = criterion.benchmark_group("keys");
    let order = Order::shuffled(1, &[SELECTED]).unwrap();
    let mut epoch = 0;
    bench.bench_function("a cursor's first position of an epoch", |bench| {
        bench.iter(|| {
            epoch += 1;
            order.at(epoch, 17).unwrap()
        })
    });
    bench.bench_function("a sample's seed", |bench| {
        bench.iter(|| {
            epoch += 1;
            order.sample_seed(epoch, 17)
        })
    });
    bench.bench_function("an epoch's length until all groups are through", |bench| {
        let group = |(name, weight): (&str, u64)| Group { name: name.into(), weight, len: SELECTED };
        let groups = [("phase", 500), ("step", 3), ("captions", 2), ("safety", 1)].map(group).to_vec();
        bench.iter(|| Order::mixture(1, groups.clone(), 256, EpochLength::UntilAll).unwrap().len())
    });
    bench.finish();
}

/// What packing a window of 4,096 samples costs; an epoch's length takes one for each 4,096 samples.
fn packing(criterion: &mut Criterion) {
    const SAMPLES: u64 = 1 << 20;
    let mut bench = criterion.benchmark_group("a window of 4,096 samples");
    let length =
        |at| Length { tokens: 100 + (data::mix(at) % 2500) as u32, pictures: (data::mix(at) >> 40) as u32 % 4 };
    let lengths = Lengths::of(&[(0..SAMPLES).map(length).collect()]);
    let budget = |pictures| Packing::Bins(Budget { tokens: 8192, pictures, overlong: Overlong::Error });
    let packings = [
        ("packed", budget(None)),
        ("packed, with a budget of pictures", budget(Some(16))),
        ("packed, with a budget of pictures that is soon full", budget(Some(4))),
        ("by length", Packing::ByLength),
    ];
    for (name, packing) in packings {
        let order = Order::shuffled(1, &[SAMPLES]).unwrap();
        let packer = Packer::new(order, lengths.clone(), packing, 4096, 256).unwrap();
        let mut window = 0;
        bench.bench_function(name, |bench| {
            bench.iter(|| {
                window = (window + 1) % packer.windows();
                packer.bins(0, window).unwrap().len()
            })
        });
    }
    bench.finish();
}

criterion_group!(benches, order, keys, packing);
criterion_main!(benches);
