//! Damage and malice: a file whose bytes are wrong gives an error or the same data, never a panic, and never more memory
//! than the file could hold.
//!
//! What is small enough is enumerated; the rest is sampled, with a seed that is printed and can be given again in
//! `SURGDB_SEED`.

mod common;

use arrow_array::ArrayRef;
use common::contents::{Contents, read_all};
use common::damage::{Dice, Pristine, WORDS_4, WORDS_8, data_files, framed, manifest_path, resealed_manifest};
use common::small::{Profile, build};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::HashSet;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use surgdb::dataset::Filter;
use surgdb::format::manifest::SideColumn;
use surgdb::read::{BatchCache, DataFile, Expected};
use surgdb::rows::{BlobRow, CaseRow};
use surgdb::schema::build::BlobsBuilder;
use surgdb::write::{FileWriter, WriteOptions};
use surgdb::{Access, Dataset, ErrorKind, FragmentId, Operation, Result, Table, VerifyLevel};

/// What reading may hold at a time, for each byte that the files have: a compressed buffer may become 512 times as
/// large, and be held twice while it is converted.
const HELD_PER_BYTE: usize = 1100;
/// What it may hold besides, for arrays, schemas and errors.
const HELD_BESIDES: usize = 16 << 20;

/// Counts what each thread holds.
struct Counting;

thread_local! {
    static HELD: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
}

fn count(freed: usize, taken: usize) {
    // A thread that ends frees what was counted elsewhere: nothing is counted then.
    let _ = HELD.try_with(|held| {
        let now = held.get().saturating_sub(freed).saturating_add(taken);
        held.set(now);
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(now)));
    });
}

// SAFETY: every call goes to the system's allocator as it came; only sizes are counted besides.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(0, layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(0, layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        count(layout.size(), 0);
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count(layout.size(), new_size);
        unsafe { System.realloc(ptr, layout, new_size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Runs `work`, which must not panic, and holds it to what it may hold for files of so many bytes.
fn bounded<T>(bytes: usize, what: &dyn Fn() -> String, work: impl FnOnce() -> T) -> T {
    let before = HELD.get();
    PEAK.set(before);
    let done = catch_unwind(AssertUnwindSafe(work)).ok();
    let held = PEAK.get().saturating_sub(before);
    assert!(held <= HELD_PER_BYTE * bytes + HELD_BESIDES, "{}: {held} bytes were held for {bytes}", what());
    done.unwrap_or_else(|| panic!("{}: panicked", what()))
}

/// A folder that is in memory where the system has such: what is written here a hundred thousand times wears out no disk.
fn in_memory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

const BOTH: [Access; 2] = [Access::Mapped, Access::Plain];

struct Small {
    _dir: tempfile::TempDir,
    dataset: Dataset,
    contents: Contents,
    files: Vec<Pristine>,
    /// Bytes of all files of the version.
    bytes: usize,
}

impl Small {
    fn new(profile: Profile) -> Self {
        let dir = in_memory();
        let dataset = build(&dir.path().join("d.surgdb"), profile).unwrap();
        let contents = read_all(&dataset).unwrap();
        let files = data_files(&dataset);
        let manifest = std::fs::metadata(manifest_path(&dataset)).unwrap().len() as usize;
        let bytes = files.iter().map(|file| file.bytes.len()).sum::<usize>() + manifest;
        Self { _dir: dir, dataset, contents, files, bytes }
    }

    fn read(&self, access: Access) -> Result<Contents> {
        read_all(&Dataset::options().access(access).open(self.dataset.path())?)
    }

    /// Verifies the version as it is on the disk now: the number of faults.
    fn faults(&self) -> u64 {
        let opened = Dataset::options().version(self.dataset.version()).open(self.dataset.path());
        let Ok(dataset) = opened else { return 1 };
        dataset.verify_this_version(&mut |_, _| {}).map_or(1, |report| report.fault_count)
    }

    /// Everything, read from the disk as it is now, is the same or a clear error.
    fn is_same_or_an_error(&self, access: Access, what: &dyn Fn() -> String) {
        match bounded(self.bytes, what, || self.read(access)) {
            Ok(contents) => assert!(contents == self.contents, "{}, {access:?}: the data differ", what()),
            Err(error) => is_clear(&error, what),
        }
    }

    /// Everything, read from the disk as it is now, is something or an error.
    fn is_anything_or_an_error(&self, access: Access, what: &dyn Fn() -> String) {
        let _ = bounded(self.bytes, what, || self.read(access).map(drop));
        bounded(self.bytes, what, || self.faults());
    }
}

fn is_clear(error: &surgdb::Error, what: &dyn Fn() -> String) {
    assert!(!error.message().is_empty(), "{}: an error without a message", what());
}

/// The columns of a batch, and its blobs.
type ReadBatch = (Vec<ArrayRef>, Vec<Option<Vec<u8>>>);

/// All columns of a file, and the bytes of its blobs.
fn read_file(path: &Path, expected: &Expected, access: Access) -> Result<Vec<ReadBatch>> {
    let cache = Arc::new(BatchCache::new(1 << 20));
    let file = DataFile::open(path, expected, access, VerifyLevel::Lazy, cache, false)?;
    let read = |index| {
        let batch = file.batch(index)?;
        let columns = 0..file.footer().schema.fields().len();
        let mut values = Vec::new();
        if file.footer().kind == "blobs" {
            for row in 0..batch.rows() {
                values.push(file.value(&batch, row)?.map(|bytes| bytes.into_owned()));
            }
        }
        Ok((columns.map(|column| file.column(&batch, column).cloned()).collect::<Result<_>>()?, values))
    };
    (0..file.batches()).map(read).collect()
}

/// How many faults a file has.
fn faults_of(path: &Path, expected: &Expected) -> usize {
    let cache = Arc::new(BatchCache::new(0));
    let mut faults = 0;
    match DataFile::open(path, expected, Access::Mapped, VerifyLevel::Strict, cache, false) {
        Ok(file) => file.verify(&mut |_| faults += 1),
        Err(_) => faults += 1,
    }
    faults
}

/// A byte that is wrong, in a file of its own while it lasts.
fn flipped<T>(file: &File, bytes: &[u8], at: usize, mask: u8, work: impl FnOnce() -> T) -> T {
    file.write_all_at(&[bytes[at] ^ mask], at as u64).unwrap();
    let done = work();
    file.write_all_at(&[bytes[at]], at as u64).unwrap();
    done
}

fn mask_of(at: usize) -> u8 {
    if at.is_multiple_of(3) { 0xff } else { 1 << (at % 8) }
}

/// Flips each byte of a file in turn.
fn flip_each_byte(pristine: &Pristine, profile: Profile) {
    let expected = pristine.expected(&pristine.bytes);
    let data = read_file(&pristine.path, &expected, Access::Mapped).unwrap();
    assert_eq!(faults_of(&pristine.path, &expected), 0);
    let file = File::options().write(true).open(&pristine.path).unwrap();
    for at in 0..pristine.bytes.len() {
        let access = BOTH[at % 2];
        let what = || format!("{profile:?} {} byte {at}", pristine.name);
        let (faults, read) = flipped(&file, &pristine.bytes, at, mask_of(at), || {
            bounded(pristine.bytes.len(), &what, || {
                (faults_of(&pristine.path, &expected), read_file(&pristine.path, &expected, access))
            })
        });
        assert!(faults > 0, "{}: not seen", what());
        match read {
            Ok(read) => assert!(read == data, "{}: the data differ", what()),
            Err(error) => {
                assert!(error.file() == Some(&pristine.path), "{error:?}");
                is_clear(&error, &what);
            }
        }
    }
}

#[test]
fn a_flipped_byte_of_a_data_file_is_seen_and_never_gives_other_data() {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    for profile in Profile::ALL {
        let small = Small::new(profile);
        let mut seen = HashSet::new();
        let mut files: Vec<&Pristine> = small.files.iter().collect();
        // Of the packed profile one of each kind: the others are written alike, and all of the train profile's are damaged.
        files.retain(|file| seen.insert(file.footer.schema.clone()) || profile != Profile::Packed);
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            let work = || {
                while let Some(pristine) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    flip_each_byte(pristine, profile);
                }
            };
            (0..threads).for_each(|_| drop(scope.spawn(work)));
        });
    }
}

#[test]
fn a_flipped_byte_anywhere_is_seen_in_the_dataset_and_never_gives_other_data() {
    let mut dice = Dice::new("flips");
    for profile in Profile::ALL {
        let small = Small::new(profile);
        let current = manifest_path(&small.dataset);
        for path in all_files(small.dataset.path()) {
            let bytes = std::fs::read(&path).unwrap();
            let file = File::options().write(true).open(&path).unwrap();
            let named = path == current || small.files.iter().any(|file| file.path == path);
            let other = !named && path.extension().is_none_or(|ending| ending != "json");
            if other {
                // A file that only older versions name.
                continue;
            }
            let sides = if path == current { 4 } else { 150 };
            for at in 0..bytes.len() {
                if !dice.one_in(sides) {
                    continue;
                }
                let what = || format!("{profile:?} {} byte {at}", path.display());
                flipped(&file, &bytes, at, mask_of(dice.next() as usize), || {
                    small.is_same_or_an_error(BOTH[at % 2], &what);
                    assert!(bounded(small.bytes, &what, || small.faults()) > 0, "{}: not seen", what());
                });
            }
        }
        assert_eq!(small.faults(), 0);
    }
}

#[test]
fn a_file_cut_at_any_length_is_seen() {
    let mut dice = Dice::new("cuts");
    for profile in Profile::ALL {
        let small = Small::new(profile);
        for pristine in &small.files {
            let expected = pristine.expected(&pristine.bytes);
            let file = File::options().write(true).open(&pristine.path).unwrap();
            for len in (0..pristine.bytes.len()).rev() {
                file.set_len(len as u64).unwrap();
                let read = read_file(&pristine.path, &expected, BOTH[len % 2]);
                assert!(read.is_err());
                // A reader that was told this length, and a checksum that fits it.
                let told = pristine.expected(&pristine.bytes[..len]);
                let what = || format!("{profile:?} {} cut at {len}", pristine.name);
                let read = bounded(len, &what, || read_file(&pristine.path, &told, BOTH[len % 2]));
                assert!(read.is_err(), "{}", what());
                if dice.one_in(400) {
                    small.is_same_or_an_error(BOTH[len % 2], &what);
                    assert!(small.faults() > 0, "{}", what());
                }
            }
            std::fs::write(&pristine.path, &pristine.bytes).unwrap();
        }
        cut_manifest(&small);
        assert_eq!(small.faults(), 0);
    }
}

fn cut_manifest(small: &Small) {
    let path = manifest_path(&small.dataset);
    let bytes = std::fs::read(&path).unwrap();
    for len in 0..bytes.len() {
        std::fs::write(&path, &bytes[..len]).unwrap();
        assert!(small.read(Access::Mapped).is_err(), "manifest cut at {len}");
        if len % 50 == 0 {
            assert!(small.dataset.verify(&mut |_, _| {}).unwrap().fault_count > 0);
        }
    }
    std::fs::write(&path, &bytes).unwrap();
}

fn all_files(root: &Path) -> Vec<std::path::PathBuf> {
    let folders = std::fs::read_dir(root).unwrap();
    let files = folders.flat_map(|folder| std::fs::read_dir(folder.unwrap().path()).unwrap());
    files.map(|file| file.unwrap().path()).collect()
}

/// Replaces a file for as long as `work` lasts.
fn replaced<T>(path: &Path, old: &[u8], new: &[u8], work: impl FnOnce() -> T) -> T {
    std::fs::write(path, new).unwrap();
    let done = work();
    std::fs::write(path, old).unwrap();
    done
}

/// Reads and verifies a file whose checksums are right and whose bytes are not.
fn survives(pristine: &Pristine, bytes: &[u8], access: Access, what: &dyn Fn() -> String) {
    let expected = pristine.expected(bytes);
    std::fs::write(&pristine.path, bytes).unwrap();
    bounded(bytes.len(), what, || {
        let _ = read_file(&pristine.path, &expected, access);
        faults_of(&pristine.path, &expected)
    });
}

#[test]
fn metadata_that_lies_with_right_checksums_does_no_harm() {
    let mut dice = Dice::new("metadata");
    for profile in Profile::ALL {
        let small = Small::new(profile);
        let mut seen = HashSet::new();
        // One file of each kind: the others have the same messages.
        for pristine in small.files.iter().filter(|file| seen.insert(file.footer.schema.clone())) {
            let footer = pristine.footer_start as u64..pristine.bytes.len() as u64;
            let parts = pristine.metadata.iter().cloned().chain([footer]);
            let large = pristine.bytes.len() > 8 << 10;
            for at in parts.flat_map(|part| part.start as usize..part.end as usize) {
                let access = BOTH[at % 2];
                let what = |how: &str| format!("{profile:?} {} byte {at}: {how}", pristine.name);
                if !large || dice.one_in(12) {
                    let byte = pristine.bytes[at] ^ mask_of(dice.next() as usize);
                    survives(pristine, &pristine.with(at, &[byte]), access, &|| what("flipped"));
                }
                if at % 4 != 0 || !dice.one_in(if large { 24 } else { 4 }) {
                    continue;
                }
                for value in WORDS_4.iter().filter(|_| at + 4 <= pristine.bytes.len()) {
                    let bytes = pristine.with(at, &value.to_le_bytes());
                    survives(pristine, &bytes, access, &|| what(&format!("i32 {value}")));
                }
                for value in WORDS_8.iter().filter(|_| at + 8 <= pristine.bytes.len()) {
                    // A number may go over the footer's start: then the two parts are written one after the other.
                    if at < pristine.footer_start && at + 8 > pristine.footer_start {
                        continue;
                    }
                    let bytes = pristine.with(at, &value.to_le_bytes());
                    survives(pristine, &bytes, access, &|| what(&format!("i64 {value}")));
                }
            }
            std::fs::write(&pristine.path, &pristine.bytes).unwrap();
        }
    }
}

#[test]
fn buffers_that_lie_with_right_checksums_do_no_harm() {
    let mut dice = Dice::new("buffers");
    for profile in Profile::ALL {
        let small = Small::new(profile);
        let manifest = manifest_path(&small.dataset);
        let manifest_bytes = std::fs::read(&manifest).unwrap();
        let mut seen = HashSet::new();
        for pristine in small.files.iter().filter(|file| seen.insert(file.footer.schema.clone())) {
            let words = pristine.buffers.iter().flat_map(|buffer| (buffer.start..buffer.end).step_by(4));
            for at in words.map(|at| at as usize) {
                let value = WORDS_8[dice.next() as usize % WORDS_8.len()].to_le_bytes();
                let word = WORDS_4[dice.next() as usize % WORDS_4.len()].to_le_bytes();
                let byte = [pristine.bytes[at] ^ mask_of(dice.next() as usize)];
                let mut lies: Vec<&[u8]> = vec![&word, &byte];
                if at % 8 == 0 && at + 8 <= pristine.footer_start {
                    lies.push(&value);
                }
                for lie in lies {
                    let bytes = pristine.with(at, lie);
                    let what = || format!("{profile:?} {} byte {at}: {lie:?}", pristine.name);
                    survives(pristine, &bytes, BOTH[at / 4 % 2], &what);
                    if dice.one_in(3) {
                        let lying = resealed_manifest(small.dataset.manifest(), &pristine.name, &bytes);
                        replaced(&manifest, &manifest_bytes, &lying, || {
                            small.is_anything_or_an_error(BOTH[at / 4 % 2], &what);
                        });
                    }
                }
            }
            std::fs::write(&pristine.path, &pristine.bytes).unwrap();
        }
        assert_eq!(small.faults(), 0);
    }
}

#[test]
fn a_manifest_that_lies_with_a_right_checksum_does_no_harm() {
    let small = Small::new(Profile::Train);
    let path = manifest_path(&small.dataset);
    let bytes = std::fs::read(&path).unwrap();
    let text = String::from_utf8(bytes.clone()).unwrap();
    let inner = &text[text.find("{\"format\"").unwrap()..text.len() - 1];
    let numbers = ["0", "1", "-1", "2147483647", "4294967295", "9223372036854775807", "18446744073709551615", "1e300"];
    let texts = ["", "../../../etc/passwd", "conversations/000001.arrow", "ref", "fixed_size_list<int64, 2147483647>"];
    for (range, is_number) in scalars(inner) {
        let lies: &[&str] = if is_number { &numbers } else { &texts };
        for (count, lie) in lies.iter().enumerate() {
            let lie = if is_number { (*lie).to_owned() } else { format!("{lie:?}") };
            let lying = format!("{}{lie}{}", &inner[..range.start], &inner[range.end..]);
            let what = || format!("{} becomes {lie}", &inner[range.start.saturating_sub(40)..range.end]);
            replaced(&path, &bytes, &framed(&lying), || {
                small.is_anything_or_an_error(BOTH[count % 2], &what);
            });
        }
    }
    assert_eq!(small.faults(), 0);
}

/// Where the numbers and texts of a JSON object stand, and which of the two they are; names are left out.
fn scalars(json: &str) -> Vec<(std::ops::Range<usize>, bool)> {
    let bytes = json.as_bytes();
    let (mut found, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let start = at;
        match bytes[at] {
            b'"' => {
                at += 1;
                while bytes[at] != b'"' {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
                at += 1;
                if bytes.get(at) != Some(&b':') {
                    found.push((start..at, false));
                }
            }
            b'0'..=b'9' | b'-' => {
                while bytes.get(at).is_some_and(|byte| byte.is_ascii_digit() || b"-+.eE".contains(byte)) {
                    at += 1;
                }
                found.push((start..at, true));
            }
            _ => at += 1,
        }
    }
    found
}

#[test]
fn rows_that_a_manifest_and_a_footer_agree_to_make_up_take_no_memory() {
    for profile in [Profile::Train, Profile::Packed] {
        let small = Small::new(profile);
        let path = manifest_path(&small.dataset);
        let manifest_bytes = std::fs::read(&path).unwrap();
        for pristine in small.files.iter().filter(|file| !file.footer.fragments.is_empty()) {
            for rows in [0, 3, 1000, 1 << 20, i32::MAX as u32, u32::MAX] {
                let mut footer = pristine.footer.clone();
                footer.fragments[0].1 = rows;
                let all = footer.fragments.iter().map(|part| u64::from(part.1)).sum();
                *footer.row_starts.last_mut().unwrap() = all;
                if !footer.row_starts.is_sorted() {
                    continue;
                }
                let mut bytes = pristine.bytes[..pristine.footer_start].to_vec();
                bytes.extend(footer.encode());
                let mut manifest = small.dataset.manifest().clone();
                let fragment = footer.fragments[0].0;
                let base = manifest.files.values_mut().flatten();
                for file in base.chain(manifest.columns.iter_mut().flat_map(|column| &mut column.files)) {
                    file.fragments
                        .iter_mut()
                        .filter(|part| part.fragment == fragment)
                        .for_each(|part| part.rows = rows);
                }
                let lying = resealed_manifest(&manifest, &pristine.name, &bytes);
                std::fs::write(&pristine.path, &bytes).unwrap();
                replaced(&path, &manifest_bytes, &lying, || {
                    let what = || format!("{profile:?} {} with {rows} rows", pristine.name);
                    small.is_anything_or_an_error(Access::Mapped, &what);
                    bounded(small.bytes, &what, || scan_added(&small));
                });
                std::fs::write(&pristine.path, &pristine.bytes).unwrap();
            }
        }
    }
}

#[test]
fn a_wide_column_that_no_file_covers_takes_little_memory() {
    let dir = tempfile::tempdir().unwrap();
    let mut appender = Dataset::create(dir.path().join("d.surgdb")).unwrap().append().unwrap();
    for number in 0..1 << 16 {
        let row = CaseRow { id: format!("{number}"), source: "one".into(), ..Default::default() };
        appender.case(&row).unwrap();
    }
    let dataset = appender.commit(Operation::new("append")).unwrap();
    let mut manifest = dataset.manifest().clone();
    let side = |name: &str| SideColumn {
        table: "cases".into(),
        name: name.into(),
        ty: "fixed_size_binary(65536)".into(),
        replaces: false,
        files: Vec::new(),
    };
    manifest.columns.extend([side("wide"), side("wider")]);
    std::fs::write(manifest_path(&dataset), manifest.encode()).unwrap();
    let dataset = Dataset::open(dataset.path()).unwrap();
    let what = || "nulls".to_owned();
    let filter = Filter::parse("wide is null and wider is null").unwrap();
    // The nulls follow from no file: none of its bytes pay for them.
    let found = bounded(0, &what, || dataset.select(Table::Cases, &filter)).unwrap();
    assert!(found.len() >= 1 << 16);
}

/// Scans added columns alone: of fragments that none of their files covers there is nothing but the manifest's word.
fn scan_added(small: &Small) {
    let Ok(dataset) = Dataset::open(small.dataset.path()) else { return };
    for column in &dataset.manifest().columns {
        let Ok(table) = Table::named(&column.table) else { continue };
        let scan = dataset.scan(table).columns([column.name.as_str()]).unwrap();
        let rows: usize = scan.batches().map_while(Result::ok).map(|piece| piece.batch.num_rows()).sum();
        assert!(rows < 1 << 16, "{rows} rows were made up");
    }
}

#[test]
fn a_file_of_blobs_that_is_compressed_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut rows = BlobsBuilder::new();
    for number in 0..20u8 {
        let bytes = [number; 40];
        let row = BlobRow { media_type: "image/png".into(), size: 40, bytes: Some(&bytes), ..Default::default() };
        rows.push(&row).unwrap();
    }
    let schema = Table::Blobs.schema().clone();
    let options = WriteOptions { compression: Some(3) };
    let mut writer = FileWriter::create(dir.path(), "000001.arrow", "column", schema, options).unwrap();
    writer.write(&rows.finish().unwrap()).unwrap();
    writer.finish(&[(FragmentId::new(1).unwrap(), 20)], &[]).unwrap().1.publish().unwrap();
    let mut pristine = Pristine::read(dir.path(), "000001.arrow");
    pristine.footer.kind = "blobs".into();
    let mut bytes = pristine.bytes[..pristine.footer_start].to_vec();
    bytes.extend(pristine.footer.encode());
    std::fs::write(&pristine.path, &bytes).unwrap();
    // As blobs, its last segment ends before the values.
    let pristine = Pristine::read(dir.path(), "000001.arrow");
    let bytes = pristine.resealed(bytes, 0..pristine.footer_start as u64);
    std::fs::write(&pristine.path, &bytes).unwrap();
    let expected = pristine.expected(&bytes);
    for access in BOTH {
        let read = bounded(bytes.len(), &|| "compressed blobs".into(), || read_file(&pristine.path, &expected, access));
        assert_eq!(read.unwrap_err().kind(), ErrorKind::Corrupt);
    }
    assert!(faults_of(&pristine.path, &expected) > 0);
}
