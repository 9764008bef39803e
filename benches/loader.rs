//! What batches cost, beside the floor in the same run: `cargo bench --bench loader`.
//!
//! The floor is the same texts and frames in one mapped file whose offsets are known. Every byte of a text and every cache
//! line of a frame is touched, as whoever decodes them will.

mod data;

use arrow_array::cast::AsArray;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use data::raw::{Raw, touch};
use std::hint::black_box;
use surgdb::load::{Assembler, Batch, Plan, Projection, Slot};
use surgdb::{Address, Table};

const BATCH: u64 = 64;

fn plan(rows: &[Address], places: &mut data::Places) -> Plan {
    let slots = (0..BATCH).map(|at| {
        let position = places.next(rows.len() as u64);
        Slot { position: at, group: 0, address: rows[position as usize], valid: true, substituted: false }
    });
    Plan { slots: slots.collect(), ..Default::default() }
}

fn touch_all(batch: &Batch) -> u64 {
    let turns = batch.conversations.column_by_name("turns").unwrap().as_list::<i32>().values().as_struct();
    let texts = turns.column_by_name("text").unwrap().as_string::<i64>();
    let bytes = batch.media.column_by_name("bytes").unwrap().as_binary_view();
    touch(texts.value_data()) + bytes.iter().flatten().map(touch).sum::<u64>()
}

fn epoch(criterion: &mut Criterion) {
    let dataset = data::dataset(data::STANDARD);
    let raw = Raw::new(&dataset);
    let rows = dataset.live_addresses(Table::Conversations).unwrap();
    let assembler = Assembler::new(&dataset, &Projection::default()).unwrap();
    for number in rows.chunks(BATCH as usize) {
        let slot =
            |address: &Address| Slot { position: 0, group: 0, address: *address, valid: true, substituted: false };
        let plan = Plan { slots: number.iter().map(slot).collect(), ..Default::default() };
        black_box(touch_all(&assembler.assemble(plan).unwrap()));
    }
    let mut group = criterion.benchmark_group("a shuffled batch of 64, touched");
    group.throughput(Throughput::Elements(BATCH));
    let mut places = data::Places::default();
    group.bench_function("floor: mapped offsets", |bench| {
        bench.iter(|| {
            let one = |_| {
                let number = places.next(rows.len() as u64);
                touch(raw.text(number)) + touch(raw.frame(number))
            };
            black_box((0..BATCH).map(one).sum::<u64>())
        })
    });
    let mut places = data::Places::default();
    group.bench_function("surgdb", |bench| {
        bench.iter(|| black_box(touch_all(&assembler.assemble(plan(&rows, &mut places)).unwrap())))
    });
    group.finish();
    let mut group = criterion.benchmark_group("a shuffled batch of 64, assembled");
    group.throughput(Throughput::Elements(BATCH));
    let mut bench = |name: &str, projection: Projection| {
        let assembler = Assembler::new(&dataset, &projection).unwrap();
        let mut places = data::Places::default();
        group.bench_function(name, |bench| {
            bench.iter(|| black_box(assembler.assemble(plan(&rows, &mut places)).unwrap()))
        });
    };
    bench("as it comes", Projection::default());
    bench("without media", Projection::default().media(false));
    bench("`id` alone", Projection::default().media(false).columns(["id"]));
    bench("`turns` alone", Projection::default().media(false).columns(["turns"]));
    bench("`media` alone", Projection::default().media(false).columns(["media"]));
    bench("with reasoning", Projection::default().columns(["id", "source", "task", "turns", "media", "reasoning"]));
    group.finish();
}

criterion_group!(benches, epoch);
criterion_main!(benches);
