//! Whatever happens while a writer works, the last committed version stays readable and whole.
//!
//! The tests run their writers as child processes (this test binary again, told by its environment what to do),
//! and stop them, or let the system fail them, at every step that changes the file system, one after the other.

#[path = "common/child.rs"]
mod child;
#[path = "common/skip.rs"]
mod skip;

use child::{last_committed, not_durable};
use skip::skipped;
use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use surgdb::dataset::claims::Claims;
use surgdb::dataset::commit::{commit, create};
use surgdb::dataset::versions;
use surgdb::format::address::FragmentId;
use surgdb::format::manifest::{FileEntry, FragmentRows, Manifest, Operation, data_number, data_path};
use surgdb::storage::fault::{Fault, arm};
use surgdb::storage::publish::NewFile;
use surgdb::{Dataset, Error, ErrorKind, Result};

const EPERM: i32 = 1;
const EIO: i32 = 5;
const ENOSPC: i32 = 28;

/// Two tables, so that a commit has files in more than one folder.
const FOLDERS: [&str; 2] = ["frames", "blobs"];

/// What the file with this number must hold. The largest are written past the buffer.
fn content(number: u32) -> Vec<u8> {
    let len = if number.is_multiple_of(3) { (1 << 20) + 777 } else { 5000 };
    (0..len).map(|i| (i as u32 ^ number) as u8).collect()
}

/// Publishes a file in each folder and commits a version that names them.
fn append(root: &Path) -> Result<Manifest> {
    let mut claims = Claims::new(root)?;
    let mut entries = Vec::new();
    for folder in FOLDERS {
        let number = claims.take()?;
        let path = data_path(folder, number);
        let bytes = content(number);
        let mut file = NewFile::create(&root.join(folder), path.rsplit('/').next().unwrap())?;
        for piece in bytes.chunks(3000) {
            file.write_all(piece).map_err(|error| Error::io("cannot write", error))?;
        }
        assert_eq!(file.written(), bytes.len() as u64);
        claims.publish(number, file)?;
        let fragments = vec![FragmentRows { fragment: FragmentId::new(number)?, rows: 1 }];
        let (length, crc32) = (bytes.len() as u64, crc32fast::hash(&bytes));
        entries.push((folder, FileEntry { path, length, crc32, fragments }));
    }
    commit(root, &mut claims, |base, _| {
        let mut next = base.clone();
        next.operation = Operation::new("append");
        for (folder, entry) in &entries {
            next.files.entry((*folder).to_owned()).or_default().push(entry.clone());
        }
        Ok(next)
    })
}

/// Makes the dataset if it is not there, and tells the parent which versions it has made.
fn create_and_append(root: &Path, times: usize) -> Result<()> {
    match create(root) {
        Ok(manifest) => eprintln!("committed {}", manifest.version),
        Err(error) if error.kind() == ErrorKind::Exists => {}
        Err(error) => return Err(error),
    }
    for _ in 0..times {
        eprintln!("committed {}", append(root)?.version);
    }
    Ok(())
}

/// What a child process does; in the ordinary run of the tests it does nothing.
#[test]
fn child() {
    let Ok(work) = std::env::var("SURGDB_CRASH_CHILD") else { return };
    let work: Vec<&str> = work.split('|').collect();
    let [root, times, mode, at, code] = work[..] else { panic!("{work:?}") };
    let (at, code) = (at.parse().unwrap(), code.parse().unwrap());
    let armed = || match mode {
        "abort" => arm(at, Fault::Abort),
        "fail" => arm(at, Fault::Fail(code)),
        "once" => arm(at, Fault::FailOnce(code)),
        "tell" => arm(at, Fault::Tell),
        _ => {}
    };
    let root = Path::new(root);
    let done = match times {
        "tag" => create_and_append(root, 1).and_then(|()| {
            armed();
            let tagged = Dataset::open(root)?.tag("paper")?;
            eprintln!("committed {}", tagged.version());
            Ok(())
        }),
        "report" => create(root).and_then(|_| {
            armed();
            let mut appender = Dataset::open(root)?.append()?;
            appender.report("import", b"{}")?;
            appender.commit(Operation::new("report")).map(drop)
        }),
        times => {
            armed();
            create_and_append(root, times.parse().unwrap())
        }
    };
    if let Err(error) = done {
        eprintln!("failed: {error}");
    }
    eprintln!("reached: {}", surgdb::storage::fault::reached());
}

fn start(root: &Path, work: &str, mode: &str, at: u64, code: i32) -> Child {
    child::start("SURGDB_CRASH_CHILD", &format!("{}|{work}|{mode}|{at}|{code}", root.display()))
}

fn run(root: &Path, mode: &str, at: u64, code: i32) -> (Output, String) {
    run_work(root, "2", mode, at, code)
}

fn run_work(root: &Path, work: &str, mode: &str, at: u64, code: i32) -> (Output, String) {
    let output = start(root, work, mode, at, code).wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output, said)
}

/// Checks that all versions are whole, and all files under final names; gives the newest version's number.
fn check_whole(root: &Path) -> u64 {
    let numbers = match versions::list(root) {
        Ok(numbers) => numbers,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
            return 0;
        }
    };
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
    let mut next = 1;
    for number in &numbers {
        let manifest = versions::read(root, *number).unwrap();
        assert!(manifest.next >= next, "`next` fell");
        next = manifest.next;
        for entry in manifest.files.values().flatten() {
            let bytes = std::fs::read(root.join(&entry.path)).unwrap();
            assert_eq!((bytes.len() as u64, crc32fast::hash(&bytes)), (entry.length, entry.crc32), "{}", entry.path);
        }
    }
    for path in published(root) {
        let bytes = std::fs::read(root.join(&path)).unwrap();
        assert!(bytes == content(data_number(&path).unwrap()), "{path} is not whole");
    }
    numbers.len() as u64
}

/// The data files that have their final names.
fn published(root: &Path) -> Vec<String> {
    names(root, &FOLDERS).into_iter().filter(|path| !path.contains("/.")).collect()
}

fn names(root: &Path, folders: &[&str]) -> Vec<String> {
    let mut names = Vec::new();
    for folder in folders {
        let Ok(entries) = std::fs::read_dir(root.join(folder)) else { continue };
        names.extend(entries.map(|entry| format!("{folder}/{}", entry.unwrap().file_name().into_string().unwrap())));
    }
    names
}

/// What a writer that ended in good order must not leave: claims, temporary files, files that no version names.
fn check_tidy(root: &Path, context: &str) {
    assert!(names(root, &["claims"]).is_empty(), "{context}: claims left");
    let hidden: Vec<_> = names(root, &[&FOLDERS[..], &["versions"]].concat());
    assert!(!hidden.iter().any(|path| path.contains("/.")), "{context}: {hidden:?}");
    let named: BTreeSet<String> = match versions::newest(root) {
        Ok(manifest) => manifest.paths().map(str::to_owned).collect(),
        Err(_) => BTreeSet::new(),
    };
    assert_eq!(published(root).into_iter().collect::<BTreeSet<_>>(), named, "{context}");
}

/// After what happened, a writer must be able to create, or go on from the version that is there.
fn check_goes_on(root: &Path, version: u64) {
    if version == 0 {
        create(root).unwrap();
    }
    assert_eq!(append(root).unwrap().version, version.max(1) + 1);
    check_whole(root);
}

#[test]
fn a_writer_killed_at_any_step_leaves_the_last_version_whole_and_the_next_writer_goes_on() {
    let mut versions_seen = BTreeSet::new();
    for at in 1..1000 {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("d.surgdb");
        let (output, said) = run(&root, "abort", at, 0);
        let version = check_whole(&root);
        let committed = last_committed(&said);
        assert!(version == committed || version == committed + 1, "step {at}: {said}");
        versions_seen.insert(version);
        check_goes_on(&root, version);
        if output.status.success() {
            assert!(said.contains("reached: false"), "{said}");
            assert!(at > 50, "only {at} steps were seen");
            assert_eq!(versions_seen, BTreeSet::from([0, 1, 2, 3]));
            return;
        }
    }
    panic!("the child never ran through");
}

#[test]
fn a_writer_that_is_killed_while_it_tags_leaves_the_tag_set_or_not() {
    let mut seen = BTreeSet::new();
    for at in 1..100 {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("d.surgdb");
        let (output, said) = run_work(&root, "tag", "abort", at, 0);
        let version = check_whole(&root);
        let tags = versions::newest(&root).unwrap().tags;
        assert_eq!(tags.get("paper"), (version == 3).then_some(&2), "step {at}: {said}");
        seen.insert(version);
        check_goes_on(&root, version);
        assert_eq!(versions::newest(&root).unwrap().tags, tags, "a version keeps the tags of the one before it");
        if output.status.success() {
            assert_eq!(seen, BTreeSet::from([2, 3]));
            return;
        }
    }
    panic!("the child never ran through");
}

/// The steps that a child told, writes in a row as one.
fn steps(work: &str) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let (output, said) = run_work(&dir.path().join("d.surgdb"), work, "tell", 1, 0);
    assert!(output.status.success() && !said.contains("failed"), "{said}");
    let told = said.lines().filter_map(|line| Some(line.strip_prefix("step ")?.split_once(": ")?.1.to_owned()));
    let mut told: Vec<String> = told.collect();
    told.dedup_by(|next, last| next == "write" && last == "write");
    told
}

const PUBLISH: [&str; 6] = ["create temporary", "write", "fsync file", "hard link", "unlink temporary", "fsync folder"];

#[test]
fn nothing_is_named_before_its_bytes_are_on_the_disk_nor_done_before_its_name_is() {
    let mut expected = Vec::new();
    // The dataset's own folder, and those in it.
    (0..13).for_each(|_| expected.extend(["create folder", "fsync folder"]));
    expected.extend(PUBLISH);
    for _ in FOLDERS {
        expected.extend(["create claim", "write claim"]);
        expected.extend(PUBLISH);
    }
    expected.extend(PUBLISH);
    expected.extend(["unlink", "unlink"]);
    assert_eq!(steps("1"), expected);
}

#[test]
fn a_report_is_written_under_a_claim_that_goes_when_the_version_is_there() {
    let claim = ["create claim", "write claim"];
    let expected: Vec<&str> = claim.into_iter().chain(PUBLISH).chain(PUBLISH).chain(["unlink"]).collect();
    assert_eq!(steps("report"), expected);
}

/// Lets every step fail in turn and gives all that the children said.
fn fail_at_every_step(mode: &str, code: i32, after: impl Fn(&Path, &str)) -> String {
    let mut all = String::new();
    for at in 1..1000 {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("d.surgdb");
        let (output, said) = run(&root, mode, at, code);
        assert!(output.status.success(), "step {at}: {said}");
        let version = check_whole(&root);
        assert_eq!(version, not_durable(&said).unwrap_or(last_committed(&said)), "step {at}: {said}");
        after(&root, &format!("step {at}: {said}"));
        check_goes_on(&root, version);
        all.push_str(&said);
        if said.contains("reached: false") {
            return all;
        }
    }
    panic!("the child never ran through");
}

#[test]
fn a_disk_that_fails_for_good_at_any_step_leaves_what_was_reported() {
    let said = fail_at_every_step("fail", EIO, |_, _| ());
    assert!(said.contains("Input/output error"), "{said}");
    let unsure: Vec<_> = said.lines().filter_map(not_durable).collect();
    assert!((1..=3).all(|version| unsure.contains(&version)), "{unsure:?}");
}

#[test]
fn an_error_at_any_one_step_leaves_what_was_reported() {
    let said = fail_at_every_step("once", EIO, |_, _| ());
    assert_eq!(not_durable(&said), None, "a folder that can be synced the second time is synced");
}

#[test]
fn a_disk_that_is_full_from_any_step_on_leaves_what_was_reported_and_nothing_else() {
    let said = fail_at_every_step("fail", ENOSPC, |root, said| {
        // Whether a version will last is not known then, and the claims of its files stay.
        if not_durable(said).is_none() {
            check_tidy(root, said);
        }
    });
    assert!(said.contains("No space left"), "{said}");
}

#[test]
fn where_there_are_no_hard_links_writing_is_refused_and_the_error_says_so() {
    let said = fail_at_every_step("once", EPERM, |_, _| ());
    assert!(said.contains("has no hard links"), "{said}");
}

fn writers_at_once(writers: usize, times: usize) {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("d.surgdb");
    create(&root).unwrap();
    let children: Vec<_> = (0..writers).map(|_| start(&root, &times.to_string(), "none", 0, 0)).collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && !said.contains("failed"), "{said}");
        assert_eq!(said.matches("committed").count(), times, "{said}");
    }
    assert_eq!(check_whole(&root), (writers * times) as u64 + 1);
    check_tidy(&root, "after all writers");
    let manifest = versions::newest(&root).unwrap();
    let numbers: BTreeSet<_> = manifest.files.values().flatten().map(|entry| entry.number().unwrap()).collect();
    assert_eq!(numbers.len(), writers * times * FOLDERS.len(), "a number was used twice");
}

#[test]
fn two_processes_that_commit_at_once_all_land() {
    writers_at_once(2, 10);
}

#[test]
fn eight_processes_that_commit_at_once_all_land() {
    writers_at_once(8, 4);
}

/// A small file system of our own, while it is held.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        mount(&["-t", "tmpfs", "-o", "size=4m", "tmpfs"], dir.path()).then_some(Self(dir))
    }

    fn grow(&self) -> bool {
        mount(&["-o", "remount,size=16m"], self.0.path())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

fn mount(options: &[&str], dir: &Path) -> bool {
    let mount = Command::new("mount").args(options).arg(dir).stderr(Stdio::null()).status();
    mount.is_ok_and(|status| status.success())
}

#[test]
fn a_disk_that_is_really_full_leaves_the_last_version_whole() {
    let Some(disk) = SmallDisk::mount() else {
        skipped("a small tmpfs could not be mounted (that takes root), so no disk was really filled");
        return;
    };
    let root = disk.0.path().join("d.surgdb");
    create(&root).unwrap();
    let mut version = 1;
    let error = loop {
        match append(&root) {
            Ok(manifest) => version = manifest.version,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.to_string().contains("No space left"), "{error}");
    assert!(version > 1);
    assert_eq!(check_whole(&root), version);
    check_tidy(&root, "a full disk");
    assert!(disk.grow());
    check_goes_on(&root, version);
}
