//! Batches come in order whatever the workers do; memory is bounded; nothing hangs, and nothing is left behind.
#![cfg(target_os = "linux")]

mod ahead;
mod forks;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use std::alloc::{GlobalAlloc, Layout, System};
use std::path::Path;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use surgdb::dataset::{BlobSource, DeleteOptions};
use surgdb::load::internals::{Delivered, Pipeline, PlanIter};
use surgdb::load::{Assembler, BadSample, Batch, PipelineOptions, Plan, Projection, Slot, Stage};
use surgdb::rows::*;
use surgdb::{Access, Address, Dataset, Error, ErrorKind, Operation, Result, Table};

/// Counts the bytes that are alive, and the most that were.
struct Counting;

static LIVE: AtomicI64 = AtomicI64::new(0);
static PEAK: AtomicI64 = AtomicI64::new(0);

fn count(change: i64) {
    let live = LIVE.fetch_add(change, Ordering::Relaxed) + change;
    PEAK.fetch_max(live, Ordering::Relaxed);
}

// SAFETY: everything is handed to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as i64);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as i64));
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Threads and memory are the process's own, so one test runs at a time.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

const COUNT: usize = 240;
const PICTURE: usize = 20_000;

/// Conversations on a picture each; the first two are deleted.
fn dataset(path: &Path, access: Access) -> (Dataset, Vec<Address>) {
    let mut appender = Dataset::create(path).unwrap().append().unwrap();
    let mut rows = Vec::new();
    for number in 0..COUNT {
        let bytes: Vec<u8> = (0..PICTURE).map(|at| (at * (number + 3) / 7) as u8).collect();
        let blob = appender.blob(BlobSource::Bytes { media_type: "image/jpeg", bytes: &bytes }).unwrap().address;
        let frame = FrameRow {
            id: format!("{number}"),
            source: "s".into(),
            kind: "rgb".into(),
            blob: Some(blob),
            ..Default::default()
        };
        let frame = appender.frame(&frame).unwrap();
        let row = ConversationRow {
            id: format!("{number}"),
            source: "s".into(),
            task: "image captioning".into(),
            turns: vec![TurnRow { role: "user".into(), text: "?".into(), ..Default::default() }],
            media: vec![MediumRow { turn: 0, refs: vec![frame], ..Default::default() }],
            ..Default::default()
        };
        rows.push(appender.conversation(&row).unwrap().0);
    }
    let dataset = appender.commit(Operation::new("append")).unwrap();
    dataset.delete(rows[..2].to_vec(), DeleteOptions::default()).unwrap();
    (Dataset::options().access(access).open(path).unwrap(), rows)
}

/// Batches of different sizes, all over the rows that are live; those whose number is in `bad` begin with a deleted one.
fn plan(rows: &[Address], step: u64, size: usize, bad: &[u64]) -> Plan {
    let slot = |at: usize| {
        let row = match at == 0 && bad.contains(&step) {
            true => rows[0],
            false => rows[2 + (step as usize * 31 + at * 7) % (rows.len() - 2)],
        };
        Slot { position: at as u64, group: 0, address: row, valid: true, substituted: false }
    };
    let len = 1 + (step as usize * 5) % size;
    Plan { epoch: 0, step, slots: (0..len).map(slot).collect(), ..Plan::default() }
}

fn plans(
    rows: &[Address],
    steps: u64,
    size: usize,
    bad: &'static [u64],
) -> impl Fn(Delivered) -> PlanIter + Send + Sync + 'static {
    let rows: Arc<[Address]> = rows.into();
    move |delivered| {
        let rows = rows.clone();
        Box::new((delivered.batches..steps).map(move |step| Ok(plan(&rows, step, size, bad))))
    }
}

fn assembler(dataset: &Dataset) -> Assembler {
    Assembler::new(dataset, &Projection::default()).unwrap()
}

fn refuse(bad: BadSample<'_>) -> Result<Slot> {
    Err(bad.into_error())
}

fn same(batch: &Batch, expected: &Batch) -> bool {
    batch.plan == expected.plan && batch.conversations == expected.conversations && batch.media == expected.media
}

/// The threads of this process that belong to pipelines.
fn threads() -> Vec<String> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")).ok());
    names.map(|name| name.trim().to_owned()).filter(|name| name.starts_with("surgdb-")).collect()
}

/// Waits until something holds, not longer than on a machine that has much else to do.
fn until(holds: impl Fn() -> bool) -> bool {
    let start = Instant::now();
    while !holds() {
        if start.elapsed() > Duration::from_secs(20) {
            return false;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    true
}

#[test]
fn batches_come_in_the_order_of_their_plans_with_any_number_of_workers() {
    let _turn = alone();
    let dir = tempfile::tempdir().unwrap();
    let (dataset, rows) = dataset(&dir.path().join("a.surgdb"), Access::Mapped);
    let assembler = assembler(&dataset);
    let expected: Vec<_> = (0..60).map(|step| assembler.assemble(plan(&rows, step, 40, &[])).unwrap()).collect();
    for workers in [0, 1, 2, 5] {
        for (ahead, bytes) in [(1, 0), (3, 1 << 30), (100, 100_000)] {
            let options = PipelineOptions::default().workers(workers).batches_ahead(ahead).bytes_ahead(bytes);
            // A thread that has ended and was waited for may be listed for a moment yet.
            assert!(until(|| threads().is_empty()), "threads of the pipeline before are left");
            let mut pipeline = Pipeline::new(assembler.clone(), plans(&rows, 60, 40, &[]), refuse, options);
            assert!(threads().is_empty(), "threads start before a batch is asked for");
            for expected in &expected {
                assert!(same(&pipeline.next().unwrap().unwrap(), expected));
            }
            assert!(pipeline.next().is_none() && pipeline.next().is_none());
            assert_eq!(pipeline.stats().delivered, 60);
        }
    }
}

#[test]
fn all_threads_end_with_their_pipeline_wherever_it_is() {
    let _turn = alone();
    let dir = tempfile::tempdir().unwrap();
    let (dataset, rows) = dataset(&dir.path().join("a.surgdb"), Access::Mapped);
    for taken in [0, 1, 2, 7, 60] {
        for workers in [1, 4] {
            let options = PipelineOptions::default().workers(workers);
            let mut pipeline = Pipeline::new(assembler(&dataset), plans(&rows, 60, 40, &[]), refuse, options);
            pipeline.by_ref().take(taken).for_each(|batch| drop(batch.unwrap()));
            if taken == 2 {
                assert!(until(|| threads().len() == workers + 1), "{:?}", threads());
            }
            drop(pipeline);
            assert!(until(|| threads().is_empty()), "{:?}", threads());
        }
    }
}

#[test]
fn an_error_takes_the_place_of_its_batch_and_the_next_follow() {
    let _turn = alone();
    let dir = tempfile::tempdir().unwrap();
    let (dataset, rows) = dataset(&dir.path().join("a.surgdb"), Access::Mapped);
    for workers in [0, 1, 3] {
        let options = PipelineOptions::default().workers(workers);
        let pipeline = Pipeline::new(assembler(&dataset), plans(&rows, 20, 10, &[3, 4, 19]), refuse, options);
        let results: Vec<_> = pipeline.collect();
        assert_eq!(results.len(), 20);
        for (step, result) in results.into_iter().enumerate() {
            match ([3, 4, 19].contains(&step), result) {
                (true, Err(error)) => assert_eq!(error.kind(), ErrorKind::Deleted),
                (false, Ok(batch)) => assert_eq!(batch.plan.step, step as u64),
                (_, other) => panic!("step {step}: {other:?}"),
            }
        }
    }
}

#[test]
fn a_policy_can_put_other_samples_in() {
    let _turn = alone();
    let dir = tempfile::tempdir().unwrap();
    let (dataset, rows) = dataset(&dir.path().join("a.surgdb"), Access::Mapped);
    let other = rows[9];
    let policy = move |bad: BadSample<'_>| Ok(Slot { address: other, substituted: true, ..*bad.slot });
    let options = PipelineOptions::default().workers(2);
    let pipeline = Pipeline::new(assembler(&dataset), plans(&rows, 20, 10, &[3, 4]), policy, options);
    let batches: Vec<_> = pipeline.map(Result::unwrap).collect();
    let substituted = |batch: &Batch| batch.plan.slots.iter().filter(|slot| slot.substituted).count();
    assert_eq!(batches.iter().map(substituted).sum::<usize>(), 2);
    assert_eq!(batches[3].plan.slots[0].address, other);
}

#[test]
fn a_panic_becomes_an_error_in_its_place() {
    let _turn = alone();
    let dir = tempfile::tempdir().unwrap();
    let (dataset, rows) = dataset(&dir.path().join("a.surgdb"), Access::Mapped);
    for workers in [0, 1, 3] {
        let panics = |_: BadSample<'_>| -> Result<Slot> { panic!("no such policy") };
        let options = PipelineOptions::default().workers(workers);
        let pipeline = Pipeline::new(assembler(&dataset), plans(&rows, 20, 10, &[0, 7]), panics, options);
        for (step, result) in pipeline.enumerate() {
            match (step, result) {
                (0 | 7, Err(error)) => {
                    assert_eq!(error.kind(), ErrorKind::Panic);
                    assert!(error.message().contains("no such policy"), "{error}");
                }
                (_, result) => assert_eq!(result.unwrap().plan.step, step as u64),
            }
        }
    }
}

#[test]
fn an_error_or_a_panic_of_the_plans_is_the_last_item() {
    let _turn = alone();
    let dir = tempfile::tempdir().unwrap();
    let (dataset, rows) = dataset(&dir.path().join("a.surgdb"), Access::Mapped);
    for workers in [0, 1, 3] {
        for (panics, kind) in [(false, ErrorKind::Invalid), (true, ErrorKind::Panic)] {
            let rows: Arc<[Address]> = rows.clone().into();
            let plans = move |delivered: Delivered| {
                let rows = rows.clone();
                Box::new((delivered.batches..).map(move |step| match step {
                    5 if panics => panic!("at five"),
                    5 => Err(Error::invalid("at five")),
                    _ => Ok(plan(&rows, step, 10, &[])),
                })) as PlanIter
            };
            let options = PipelineOptions::default().workers(workers);
            let results: Vec<_> = Pipeline::new(assembler(&dataset), plans, refuse, options).collect();
            assert_eq!(results.len(), 6);
            assert!(results[..5].iter().all(Result::is_ok));
            let error = results[5].as_ref().unwrap_err();
            assert_eq!(error.kind(), kind);
            assert!(error.message().contains("at five"), "{error}");
        }
    }
}

#[test]
fn a_stall_is_reported_with_the_address_and_nothing_follows_from_it() {
    let _turn = alone();
    let dir = tempfile::tempdir().unwrap();
    let (dataset, rows) = dataset(&dir.path().join("a.surgdb"), Access::Mapped);
    let other = rows[9];
    let slow = move |bad: BadSample<'_>| {
        std::thread::sleep(Duration::from_millis(300));
        Ok(Slot { address: other, ..*bad.slot })
    };
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hears = heard.clone();
    let options = PipelineOptions::default().workers(2).stall_after(Duration::from_millis(80));
    let options = options.on_stall(move |stall| hears.lock().unwrap().push(stall.clone()));
    let mut pipeline = Pipeline::new(assembler(&dataset), plans(&rows, 8, 10, &[4]), slow, options);
    let steps: Vec<_> = pipeline.by_ref().map(|batch| batch.unwrap().plan.step).collect();
    assert_eq!(steps, (0..8).collect::<Vec<_>>());
    let heard = heard.lock().unwrap();
    let stall = heard.iter().find(|stall| stall.batch == 4).expect("the stall was not heard");
    assert_eq!((stall.stage, stall.address, stall.row), (Stage::Reading, Some(rows[0]), Some(rows[0])));
    assert!(stall.file.as_ref().unwrap().starts_with(dataset.path().join("conversations")), "{stall}");
    assert!(stall.waited >= Duration::from_millis(80));
    assert_eq!(pipeline.stats().stalls, heard.len() as u64);
    assert_eq!(pipeline.stats().last_stall, heard.last().cloned());
}

#[test]
fn a_stall_is_told_also_without_workers_and_while_a_plan_is_awaited() {
    let _turn = alone();
    let dir = tempfile::tempdir().unwrap();
    let (dataset, rows) = dataset(&dir.path().join("a.surgdb"), Access::Mapped);
    let nap = || std::thread::sleep(Duration::from_millis(300));
    for workers in [0, 1] {
        let (planned, other) = (rows.clone(), rows[9]);
        let plans = move |delivered: Delivered| {
            let rows = planned.clone();
            Box::new((delivered.batches..6).map(move |step| {
                (step == 3).then(nap);
                Ok(plan(&rows, step, 10, &[4]))
            })) as PlanIter
        };
        let slow = move |bad: BadSample<'_>| {
            nap();
            Ok(Slot { address: other, ..*bad.slot })
        };
        let heard = Arc::new(Mutex::new(Vec::new()));
        let hears = heard.clone();
        let options = PipelineOptions::default().workers(workers).stall_after(Duration::from_millis(80));
        let options = options.batches_ahead(1).on_stall(move |stall| hears.lock().unwrap().push(stall.clone()));
        let mut pipeline = Pipeline::new(assembler(&dataset), plans, slow, options);
        assert_eq!(pipeline.by_ref().map(|batch| batch.unwrap().plan.step).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5]);
        let heard = heard.lock().unwrap();
        let of = |batch: u64| heard.iter().find(|stall| stall.batch == batch).expect("the stall was not heard");
        assert_eq!((of(3).stage, of(3).address, of(3).file.as_ref()), (Stage::Planning, None, None));
        assert_eq!((of(4).stage, of(4).address), (Stage::Reading, Some(rows[0])));
        assert_eq!((pipeline.stats().stalls, pipeline.stats().last_stall), (heard.len() as u64, heard.last().cloned()));
        drop(pipeline);
        assert!(until(|| threads().is_empty()), "{:?}", threads());
    }
}

#[test]
fn a_function_that_panics_over_a_stall_hears_of_the_next_all_the_same() {
    let _turn = alone();
    let dir = tempfile::tempdir().unwrap();
    let (dataset, rows) = dataset(&dir.path().join("a.surgdb"), Access::Mapped);
    let heard = Arc::new(AtomicU64::new(0));
    let (hears, waits, other) = (heard.clone(), heard.clone(), rows[9]);
    // The batch takes until a second stall was told, or for good.
    let slow = move |bad: BadSample<'_>| {
        assert!(until(|| waits.load(Ordering::SeqCst) >= 2), "only {waits:?} stalls were told");
        Ok(Slot { address: other, ..*bad.slot })
    };
    let options = PipelineOptions::default().workers(0).stall_after(Duration::from_millis(20));
    let options = options.on_stall(move |_| {
        hears.fetch_add(1, Ordering::SeqCst);
        panic!("it is of no use");
    });
    let pipeline = Pipeline::new(assembler(&dataset), plans(&rows, 4, 10, &[2]), slow, options);
    assert_eq!(pipeline.map(|batch| batch.unwrap().plan.step).collect::<Vec<_>>(), [0, 1, 2, 3]);
}

#[test]
fn pictures_are_those_of_the_dataset_also_with_several_workers() {
    let _turn = alone();
    let dir = tempfile::tempdir().unwrap();
    let (dataset, rows) = dataset(&dir.path().join("a.surgdb"), Access::Mapped);
    let options = PipelineOptions::default().workers(4);
    for batch in Pipeline::new(assembler(&dataset), plans(&rows, 30, 40, &[]), refuse, options) {
        let batch = batch.unwrap();
        let bytes = batch.media.column_by_name("bytes").unwrap().as_binary_view();
        let addresses = batch.media.column_by_name("address").unwrap();
        let addresses = addresses.as_primitive::<arrow_array::types::Int64Type>();
        for row in 0..bytes.len() {
            let frame = dataset.frame(Address::new(addresses.value(row)).unwrap()).unwrap();
            assert_eq!(bytes.value(row), &*frame.bytes().unwrap().unwrap());
        }
    }
    assert_eq!(dataset.count(Table::Conversations).unwrap(), COUNT as u64 - 2);
}
