//! A dataset can be used after a `fork`, at whatever moment it happens.
#![cfg(target_os = "linux")]

use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use surgdb::dataset::{BlobSource, WriterOptions};
use surgdb::rows::*;
use surgdb::{Access, Dataset, Operation, Table, VerifyLevel};

const COUNT: usize = 250;
/// What a child may take. A child that hangs is one that waits for a lock which no thread of it will ever let go.
const DEADLINE: Duration = Duration::from_secs(20);

/// A dataset of many small batches, so that there is much to touch for the first time.
fn dataset(path: &Path, compression: Option<i32>) {
    let options = WriterOptions { batch_rows: 1, compression, ..WriterOptions::default() };
    let mut appender = Dataset::create(path).unwrap().append_with(options).unwrap();
    for number in 0..COUNT {
        let bytes = format!("picture {number} ").repeat(50);
        let blob = appender.blob(BlobSource::Bytes { media_type: "image/png", bytes: bytes.as_bytes() }).unwrap();
        let (id, source) = (format!("frame/{number}"), "mine".to_owned());
        let frame = FrameRow { id, source, kind: "rgb".into(), blob: Some(blob.address), ..Default::default() };
        let frame = appender.frame(&frame).unwrap();
        let turn = TurnRow { role: "user".into(), text: format!("<image> {number}"), ..Default::default() };
        let row = ConversationRow {
            id: format!("sample/{number}"),
            source: "mine".into(),
            task: "phase recognition".into(),
            turns: vec![turn],
            media: vec![MediumRow { refs: vec![frame], at: Some(0), ..Default::default() }],
            ..Default::default()
        };
        appender.conversation(&row).unwrap();
    }
    let dataset = appender.commit(Operation::new("append")).unwrap();
    let first = dataset.conversation(0).unwrap().address();
    dataset.delete([first], Default::default()).unwrap();
}

/// Reads everything, and counts how far it has come; whether it is what was written.
fn reads_all(dataset: &Dataset, read: &AtomicU32) -> bool {
    read.fetch_add(1, Ordering::SeqCst);
    let mut good = dataset.count(Table::Conversations).unwrap_or(0) == COUNT as u64 - 1;
    for index in 0..COUNT - 1 {
        let one = || -> surgdb::Result<bool> {
            let conversation = dataset.conversation(index as u64)?;
            let number = index + 1;
            let mut good = conversation.id()? == format!("sample/{number}");
            good &= conversation.turns()?.iter().all(|turn| turn.text() == format!("<image> {number}"));
            for address in conversation.media()?.iter().flat_map(|medium| medium.refs().iter().collect::<Vec<_>>()) {
                let bytes = dataset.frame(address)?.bytes()?;
                good &= bytes.is_some_and(|bytes| *bytes == *format!("picture {number} ").repeat(50).as_bytes());
            }
            let found = dataset.find(Table::Conversations, &format!("sample/{number}"))?;
            Ok(good && found == Some(conversation.address()))
        };
        good &= one().unwrap_or(false);
        read.fetch_add(1, Ordering::SeqCst);
    }
    good
}

/// Forks; the child reads everything and ends without any cleaning up. The child's id.
fn fork_and_read(dataset: &Dataset) -> libc::pid_t {
    // SAFETY: the child only reads memory that was there before and what it allocates itself (glibc's allocator may be
    // used after a fork), and ends by `_exit`.
    unsafe {
        let child = libc::fork();
        assert!(child >= 0, "cannot fork");
        if child == 0 {
            let good =
                std::panic::catch_unwind(AssertUnwindSafe(|| reads_all(dataset, &AtomicU32::new(0)))).unwrap_or(false);
            libc::_exit(if good { 0 } else { 1 });
        }
        child
    }
}

/// Waits for a child, not longer than the deadline.
fn wait(child: libc::pid_t) {
    let start = Instant::now();
    let mut status = 0;
    // SAFETY: `child` is a child of this process that nobody else waits for.
    while unsafe { libc::waitpid(child, &mut status, libc::WNOHANG) } == 0 {
        if start.elapsed() > DEADLINE {
            // SAFETY: as above; it is still there.
            unsafe { libc::kill(child, libc::SIGKILL) };
            panic!("the child hangs");
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0, "the child ended with {status:x}");
}

/// Opens the dataset anew, lets a thread touch everything for the first time, and forks meanwhile: each time when it
/// has come a little further.
fn forks_during_first_touches(path: &Path, access: Access, rounds: u32) {
    let mut in_the_middle = 0;
    for round in 0..rounds {
        let options = Dataset::options().access(access).verify(VerifyLevel::Lazy).cache(10_000);
        let dataset = options.open(path).unwrap();
        let read = AtomicU32::new(0);
        std::thread::scope(|scope| {
            let toucher = scope.spawn(|| reads_all(&dataset, &read));
            while read.load(Ordering::SeqCst) <= round * 7 % (COUNT as u32 / 2) {
                std::hint::spin_loop();
            }
            in_the_middle += u32::from(read.load(Ordering::SeqCst) < COUNT as u32);
            wait(fork_and_read(&dataset));
            assert!(toucher.join().unwrap());
            assert!(reads_all(&dataset, &read));
        });
    }
    eprintln!("{in_the_middle} of {rounds} forks fell into a first touch");
    assert!(in_the_middle > rounds / 10, "only {in_the_middle} of {rounds} forks fell into a first touch");
}

#[test]
fn a_fork_in_the_middle_of_a_first_touch_leaves_a_child_that_reads_everything() {
    let dir = tempfile::tempdir().unwrap();
    let (train, packed) = (dir.path().join("train.surgdb"), dir.path().join("packed.surgdb"));
    dataset(&train, None);
    dataset(&packed, Some(1));
    forks_during_first_touches(&train, Access::Mapped, 80);
    forks_during_first_touches(&train, Access::Plain, 40);
    forks_during_first_touches(&packed, Access::Mapped, 40);
}

#[test]
fn a_child_can_append_too_and_its_parent_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.surgdb");
    dataset(&path, None);
    let mut appender = Dataset::open(&path).unwrap().append().unwrap();
    let case = |id: &str| CaseRow { id: id.into(), source: "mine".into(), ..Default::default() };
    appender.case(&case("before")).unwrap();
    // SAFETY: as in `fork_and_read`.
    let child = unsafe {
        let child = libc::fork();
        if child == 0 {
            let work = || -> surgdb::Result<()> {
                // What the child has of its parent's appender is not its own: dropping it must not take it apart.
                drop(appender);
                let mut own = Dataset::open(&path)?.append()?;
                own.case(&case("child"))?;
                own.commit(Operation::new("append")).map(|_| ())
            };
            libc::_exit(if work().is_ok() { 0 } else { 1 });
        }
        child
    };
    wait(child);
    appender.case(&case("after")).unwrap();
    let dataset = appender.commit(Operation::new("append")).unwrap();
    for id in ["before", "child", "after"] {
        assert!(dataset.find(Table::Cases, id).unwrap().is_some(), "{id}");
    }
}
