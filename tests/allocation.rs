//! What reading and appending take in memory, counted by the allocator.
//!
//! The counters are the process's own, so everything runs in one test, part after part.

use arrow_array::cast::AsArray;
use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use surgdb::dataset::{BlobSource, WriterOptions};
use surgdb::import::{ImportOptions, SourceDescription, import};
use surgdb::rows::*;
use surgdb::{Access, Address, Dataset, Operation, Table};

/// Counts allocations, the bytes that are alive, and the most that were.
struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
static LIVE: AtomicI64 = AtomicI64::new(0);
static PEAK: AtomicI64 = AtomicI64::new(0);

fn count(change: i64) {
    let live = LIVE.fetch_add(change, Relaxed) + change;
    PEAK.fetch_max(live, Relaxed);
}

// SAFETY: everything is handed to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Relaxed);
        count(layout.size() as i64);
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Relaxed);
        count(layout.size() as i64);
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as i64));
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Relaxed);
        // A block that cannot grow in place is there twice while it is copied.
        count(size as i64);
        let moved = unsafe { System.realloc(pointer, layout, size) };
        count(-(layout.size() as i64));
        moved
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Runs `work` and gives how often it allocated.
fn allocations(work: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.load(Relaxed);
    work();
    ALLOCATIONS.load(Relaxed) - before
}

/// Runs `work` and gives by how many bytes the most that were alive passed what was alive before.
fn peak<T>(work: impl FnOnce() -> T) -> (T, i64) {
    let before = LIVE.load(Relaxed);
    PEAK.store(before, Relaxed);
    let value = work();
    (value, PEAK.load(Relaxed) - before)
}

const MIB: i64 = 1 << 20;

fn conversation(number: usize, frame: Option<Address>) -> ConversationRow {
    let turn = |role: &str, text: String| TurnRow { role: role.into(), text, ..Default::default() };
    ConversationRow {
        id: format!("sample/{number}"),
        source: "mine".into(),
        task: "phase recognition".into(),
        turns: vec![
            turn("user", format!("<image>{}", "Which phase of the operation is this? ".repeat(12))),
            turn("assistant", "Calot triangle dissection. ".repeat(20)),
        ],
        media: frame
            .map(|frame| MediumRow { turn: 0, at: Some(0), refs: vec![frame], ..Default::default() })
            .into_iter()
            .collect(),
        reasoning: vec![ReasoningRow { turn: 1, subtree_end: 1, text: "A grasper.".into(), ..Default::default() }],
        ..Default::default()
    }
}

fn frame(number: usize, blob: Option<Address>) -> FrameRow {
    FrameRow { id: format!("frame/{number}"), source: "mine".into(), kind: "rgb".into(), blob, ..Default::default() }
}

/// A dataset with this many frames, and a conversation about each; one of them is deleted.
fn dataset(path: &Path, count: usize) -> Dataset {
    let options = WriterOptions { batch_rows: 64, ..WriterOptions::default() };
    let mut appender = Dataset::create(path).unwrap().append_with(options).unwrap();
    for number in 0..count {
        let bytes = format!("picture {number} ").repeat(200);
        let blob = BlobSource::Bytes { media_type: "image/png", bytes: bytes.as_bytes() };
        let blob = appender.blob(blob).unwrap().address;
        let frame = appender.frame(&frame(number, Some(blob))).unwrap();
        appender.conversation(&conversation(number, Some(frame))).unwrap();
    }
    let dataset = appender.commit(Operation::new("append")).unwrap();
    let gone = dataset.conversation(5).unwrap().address();
    dataset.delete([gone], Default::default()).unwrap()
}

/// Reads a conversation with its tree and its pictures, as a loader does.
fn read(dataset: &Dataset, index: u64) -> usize {
    let conversation = dataset.conversation(index).unwrap();
    let mut read = conversation.id().unwrap().len() + conversation.task().unwrap().len();
    read += conversation.turns().unwrap().iter().map(|turn| turn.role().len() + turn.text().len()).sum::<usize>();
    read += conversation.reasoning().unwrap().iter().map(|node| node.text().len()).sum::<usize>();
    for medium in conversation.media().unwrap().iter() {
        for address in medium.refs().iter() {
            let frame = dataset.frame(address).unwrap();
            let bytes = frame.bytes().unwrap().unwrap();
            assert!(matches!(bytes, std::borrow::Cow::Borrowed(_)));
            read += bytes.len();
        }
    }
    read
}

fn reading_allocates_nothing_after_the_first_touch(path: &Path) {
    let dataset = Dataset::open(path).unwrap();
    let count = dataset.count(Table::Conversations).unwrap();
    let all = || (0..count).map(|index| read(&dataset, index)).sum::<usize>();
    assert!(all() > 1000 * count as usize);
    assert_eq!(
        allocations(|| {
            black_box(all());
        }),
        0
    );
    let ids: Vec<_> = (0..count as usize + 1).map(|number| format!("sample/{number}")).collect();
    let find = || {
        let found = ids.iter().map(|id| dataset.find(Table::Conversations, id).unwrap());
        found.flatten().map(|address| dataset.conversation_at(address).unwrap().turns().unwrap().len()).sum::<usize>()
    };
    assert_eq!(find(), 2 * count as usize);
    assert_eq!(
        allocations(|| {
            black_box(find());
        }),
        0
    );
    // A clone costs nothing either; plain reads cost the bytes of the picture.
    assert_eq!(allocations(|| drop(dataset.clone())), 0);
    let plain = Dataset::options().access(Access::Plain).open(path).unwrap();
    let address = dataset.conversation(0).unwrap().media().unwrap().get(0).unwrap().refs().iter().next().unwrap();
    let bytes = || plain.frame(address).unwrap().bytes().unwrap().unwrap().len();
    let (len, first) = (
        bytes(),
        allocations(|| {
            black_box(bytes());
        }),
    );
    assert!(len > 0 && first <= 3, "{first} allocations");
}

fn a_first_touch_allocates_by_the_batch_not_by_the_row(path: &Path) {
    let dataset = Dataset::open(path).unwrap();
    let count = dataset.count(Table::Conversations).unwrap();
    let first = allocations(|| {
        black_box((0..count).map(|index| read(&dataset, index)).sum::<usize>());
    });
    let (batches, columns) = dataset.touched(Table::Conversations);
    assert!(batches > 10 && columns < 6 * batches, "{batches} batches, {columns} columns");
    assert!(first < 1000 * batches as u64, "{first} allocations for {batches} batches");
}

/// Where this file is mapped in this process.
fn maps(file: &Path) -> Vec<std::ops::Range<usize>> {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let of_file = maps.lines().filter(|line| line.ends_with(file.to_str().unwrap()));
    let range = |line: &str| {
        let (start, end) = line.split_once(' ').unwrap().0.split_once('-').unwrap();
        usize::from_str_radix(start, 16).unwrap()..usize::from_str_radix(end, 16).unwrap()
    };
    of_file.map(range).collect()
}

fn what_is_read_lies_in_the_map(path: &Path) {
    let dataset = Dataset::open(path).unwrap();
    let file = |table: &str| path.canonicalize().unwrap().join(&dataset.manifest().files_of(table)[0].path);
    let lies_in = |bytes: &[u8], table: &str| {
        let (start, end) = (bytes.as_ptr() as usize, bytes.as_ptr() as usize + bytes.len());
        let maps = maps(&file(table));
        assert!(maps.iter().any(|map| map.start <= start && end <= map.end), "{table}: {start:x} in {maps:x?}");
    };
    for index in [0, 4, 70] {
        let conversation = dataset.conversation(index).unwrap();
        for turn in conversation.turns().unwrap().iter() {
            lies_in(turn.text().as_bytes(), "conversations");
        }
        lies_in(conversation.id().unwrap().as_bytes(), "conversations");
        let address = conversation.media().unwrap().get(0).unwrap().refs().iter().next().unwrap();
        lies_in(&dataset.frame(address).unwrap().bytes().unwrap().unwrap(), "blobs");
    }
    for piece in dataset.scan(Table::Frames).columns(["id", "blob"]).unwrap().batches() {
        let batch = piece.unwrap().batch;
        lies_in(batch.column(0).as_string::<i64>().values(), "frames");
        lies_in(batch.column(1).to_data().buffers()[0].as_slice(), "frames");
    }
    for piece in dataset.scan(Table::Blobs).columns(["bytes"]).unwrap().batches() {
        lies_in(piece.unwrap().batch.column(0).as_binary::<i64>().values(), "blobs");
    }
    let some = dataset.live_addresses(Table::Blobs).unwrap();
    let taken = dataset.take(Table::Blobs, &[some[3], some[70], some[3]], &["bytes"]).unwrap();
    let views = taken.column(0).as_binary_view();
    views.iter().for_each(|view| lies_in(view.unwrap(), "blobs"));
}

/// Appends, and gives the most bytes that were alive meanwhile.
fn appended(path: &Path, options: WriterOptions, ids: usize, pictures: usize) -> i64 {
    let empty = Dataset::create(path).unwrap();
    let mut frames: Vec<Address> = Vec::with_capacity(pictures);
    let (dataset, used) = peak(|| {
        let mut appender = empty.append_with(options).unwrap();
        for number in 0..pictures {
            let bytes = number.to_le_bytes().repeat(500);
            let blob = appender.blob(BlobSource::Bytes { media_type: "image/png", bytes: &bytes }).unwrap();
            frames.push(appender.frame(&frame(number, Some(blob.address))).unwrap());
        }
        for number in 0..ids {
            appender.conversation(&conversation(number, Some(frames[number % pictures]))).unwrap();
        }
        appender.commit(Operation::new("append")).unwrap()
    });
    assert_eq!(dataset.count(Table::Conversations).unwrap(), ids as u64);
    used
}

fn appending_takes_what_it_states(dir: &Path) {
    let (ids, pictures) = (200_000, 10_000);
    // With small batches what counts is what is kept of each id and picture, beside the buffers of files …
    let small = WriterOptions { batch_rows: 256, ..WriterOptions::default() };
    let used = appended(&dir.join("ids.surgdb"), small, ids, pictures);
    let kept = |ids: usize| (45 * (ids + pictures) + 70 * pictures) as i64 + 5 * MIB;
    eprintln!("{ids} conversations of {pictures} pictures in small batches: {used} bytes, {} stated", kept(ids));
    assert!(used < kept(ids));
    // … and with large ones, cut by their bytes alone, what waits for a batch.
    let large = WriterOptions { batch_rows: usize::MAX, ..WriterOptions::default() };
    let used = appended(&dir.join("batches.surgdb"), large, 30_000, pictures);
    let stated = 3 * (2 * large.batch_bytes + large.blob_batch_bytes) as i64 + kept(30_000);
    eprintln!("30000 conversations of {pictures} pictures in large batches: {used} bytes, {stated} stated");
    assert!(used < stated);
}

fn a_large_file_is_never_held(dir: &Path) {
    let large = dir.join("large.mp4");
    let mut file = std::fs::File::create(&large).unwrap();
    file.write_all(b"start").unwrap();
    file.seek(SeekFrom::Start(300 << 20)).unwrap();
    file.write_all(b"end").unwrap();
    let empty = Dataset::create(dir.join("large.surgdb")).unwrap();
    let ((dataset, blob), used) = peak(|| {
        let mut appender = empty.append().unwrap();
        let blob = appender.blob(BlobSource::File { media_type: "video/mp4", path: &large }).unwrap();
        (appender.commit(Operation::new("append")).unwrap(), blob.address)
    });
    assert!(used < 8 * MIB, "{used} bytes at the most");
    let (len, used) = peak(|| dataset.blob(blob).unwrap().bytes().unwrap().len());
    assert_eq!(len, (300 << 20) + 3);
    assert!(used < MIB, "{used} bytes to read it");
}

/// Imports a JSON array of so many records of 4 kB that stands in one line; how much that took, and how long the file is.
fn imported(dir: &Path, records: usize) -> (i64, i64) {
    let file = dir.join("x.json");
    let mut out = std::io::BufWriter::new(std::fs::File::create(&file).unwrap());
    let text = "a grasper holds the gallbladder; ".repeat(120);
    for number in 0..records {
        let comma = if number == 0 { '[' } else { ',' };
        let turns = format!(r#"[{{"from":"human","value":"What is done?"}},{{"from":"gpt","value":"{text}"}}]"#);
        write!(out, r#"{comma}{{"id":"{number}","conversations":{turns}}}"#).unwrap();
    }
    out.write_all(b"]").unwrap();
    drop(out);
    let empty = Dataset::create(dir.join(format!("imported {records}.surgdb"))).unwrap();
    let options = ImportOptions::new(SourceDescription::named("x"));
    let (report, used) = peak(|| import(&empty, std::slice::from_ref(&file), &options, &mut |_| {}).unwrap());
    assert_eq!(report.records.added, records as u64);
    (used, std::fs::metadata(&file).unwrap().len() as i64)
}

fn an_import_holds_no_file(dir: &Path) {
    let (records, more) = (12_000, 36_000);
    let ((used, len), (used_more, len_more)) = (imported(dir, records), imported(dir, more));
    eprintln!("importing {len} bytes of JSON in one line: {used} bytes, {len_more} bytes: {used_more}");
    assert!(len_more - len > 90 * MIB && used_more - used < (more - records) as i64 * 100 + 4 * MIB);
}

#[test]
fn memory_is_what_is_promised() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.surgdb");
    dataset(&path, 1000);
    reading_allocates_nothing_after_the_first_touch(&path);
    a_first_touch_allocates_by_the_batch_not_by_the_row(&path);
    what_is_read_lies_in_the_map(&path);
    appending_takes_what_it_states(dir.path());
    a_large_file_is_never_held(dir.path());
    an_import_holds_no_file(dir.path());
}
