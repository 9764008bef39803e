//! Announcing what batches will read, before they read it.
//!
//! One thread walks through the plans ahead of the workers, from each conversation to its frames and videos and on to where
//! their bytes lie, and asks the system for these ranges: with `madvise(WILLNEED)`, or `posix_fadvise` with plain reads. It
//! never waits for them. Where a network or another process serves the files, an announcement brings little, and threads
//! of a [pool](crate::load::reads) read the ranges into the page cache instead.
//!
//! While everything asked for is in memory, announcing is a waste, 1.5 to 2 µs a frame. Whether it is, the system knows:
//! it counts what a thread and a process caused to be read from devices. After [`QUIET_BYTES`] announced without any such
//! read it stops, and so do the workers with taking page faults; the first read from a device starts both again.

use crate::dataset::Row;
use crate::error::Result;
use crate::format::Address;
use crate::load::batch::Assembler;
use crate::load::memory::memory_left;
use crate::load::plan::Plan;
use crate::load::reads::ReadPool;
use crate::load::recent::Recent;
use crate::load::watch::{Announced, Limits, Watch, Window, lock};
use crate::schema::tables::{Table, frames, videos};
use crate::schema::views::{Cells, Conversation, read};
use crate::storage::{Device, FileBytes};
use std::collections::HashSet;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How many bytes are announced ahead of their use, at first and at most.
pub(super) const AHEAD: Range<u64> = 8 << 20..16 << 20;
/// After so many bytes of which none came from a device, announcing stops.
const QUIET_BYTES: u64 = 32 << 20;
/// For how long what memory is left counts as known.
const MEMORY_FOR: Duration = Duration::from_secs(1);
/// How many columns are remembered as announced.
const COLUMNS_MAX: usize = 1 << 16;
/// A video is announced as far as this: whoever decodes a clip reads a part of it.
const ANNOUNCE_MAX: u64 = 8 << 20;

/// What the threads of a pipeline share of announcing.
#[derive(Default)]
pub(super) struct Ahead {
    pub(super) window: Arc<Window>,
    /// Whether it is worth it now.
    pub(super) active: AtomicBool,
    /// How many bytes of media may be announced ahead now.
    limit: AtomicU64,
    /// How many bytes of all kinds may be ahead.
    bytes: u64,
    /// How far ahead it may be, by the memory that was left not long ago.
    most: Mutex<Most>,
    /// How many bytes were announced.
    pub(super) announced: AtomicU64,
    /// Blobs whose page faults were taken not long ago, by any of the threads.
    pub(super) faulted_in: Arc<Mutex<Recent>>,
}

impl Ahead {
    /// `bytes` is what the user allows to be ahead.
    pub(super) fn new(wanted: bool, bytes: u64) -> Self {
        let limit = AtomicU64::new(AHEAD.start.min(most_ahead()));
        Self { active: AtomicBool::new(wanted), limit, bytes, ..Self::default() }
    }

    fn limits(&self) -> Limits {
        Limits { media: self.limit.load(Ordering::Relaxed), all: self.bytes }
    }

    /// The reader had to wait although announcing is on: look further ahead.
    pub(super) fn starved(&self) {
        let limit = self.limit.load(Ordering::Relaxed);
        if limit < AHEAD.end && self.active.load(Ordering::Relaxed) {
            let most = lock(&self.most).at(Instant::now(), most_ahead);
            self.limit.store((limit + limit / 4).min(most), Ordering::Relaxed);
        }
    }
}

/// What was found when it was last asked for: asking the system takes as long as reading some samples.
#[derive(Default)]
struct Most(Option<(Instant, u64)>);

impl Most {
    fn at(&mut self, now: Instant, ask: impl FnOnce() -> u64) -> u64 {
        let known = self.0.filter(|(asked, _)| now.saturating_duration_since(*asked) < MEMORY_FOR);
        self.0.insert(known.unwrap_or_else(|| (now, ask()))).1
    }
}

/// How far ahead it may ever be: not beyond a quarter of the memory that is left.
fn most_ahead() -> u64 {
    memory_left().map_or(AHEAD.end, |left| (left / 4).clamp(1 << 20, AHEAD.end))
}

/// Announces plans, one after the other.
pub(super) struct Announcer {
    assembler: Assembler,
    ahead: Arc<Ahead>,
    device: Device,
    pool: Option<ReadPool>,
    gauge: Gauge,
    /// Columns of batches that were announced, by file and byte: many samples share one.
    columns: HashSet<(usize, u64)>,
    /// Blobs that were announced not long ago.
    recent: Recent,
    /// Bytes of the batch at hand that needed no announcing, because they were announced not long ago.
    passed: u64,
}

impl Announcer {
    /// # Errors
    /// `Io` when the threads of a pool cannot be started.
    pub(super) fn new(assembler: Assembler, ahead: Arc<Ahead>) -> Result<Self> {
        let device = Device::of(assembler.dataset().path());
        let pool = device.remote.then(|| ReadPool::start(ahead.window.clone())).transpose()?;
        let (gauge, columns, recent) = (Gauge::default(), HashSet::new(), Recent::default());
        let mut announcer = Self { assembler, ahead, device, pool, gauge, columns, recent, passed: 0 };
        announcer.forget();
        Ok(announcer)
    }

    /// No blob counts as met: what was in memory may have left it.
    fn forget(&mut self) {
        self.recent = Recent::new();
        *lock(&self.ahead.faulted_in) = self.recent.clone();
    }

    /// Announces what a batch will read; waits where too much is ahead. What cannot be read is left to the workers, who
    /// say of which sample it is.
    ///
    /// `publish` is called once, when a worker may begin: not before all is announced, or it would be read page by page with
    /// much around it; but before waiting, or nobody would use up what is ahead.
    pub(super) fn announce(&mut self, plan: &Plan, watch: &Arc<Watch>, publish: impl FnOnce()) {
        let mut publish = Some(publish);
        let mut publish = || publish.take().into_iter().for_each(|publish| publish());
        if self.ahead.active.load(Ordering::Relaxed) {
            let before = self.ahead.announced.load(Ordering::Relaxed);
            self.announce_all(plan, watch, &mut publish);
            let announced = self.ahead.announced.load(Ordering::Relaxed) - before;
            self.gauge.announced(announced + std::mem::take(&mut self.passed), self.pool.is_some());
        } else {
            self.gauge.idle();
            if self.gauge.active {
                // Something has left the memory: what, nobody says.
                self.forget();
            }
        }
        self.ahead.active.store(self.gauge.active, Ordering::Relaxed);
        publish();
    }

    fn announce_all(&mut self, plan: &Plan, watch: &Arc<Watch>, publish: &mut dyn FnMut()) {
        let mut known = HashSet::with_capacity(plan.slots.len());
        if self.columns.len() > COLUMNS_MAX {
            self.columns.clear();
        }
        for slot in &plan.slots {
            watch.announces(slot.address);
            let Ok(row) = self.assembler.dataset().row_of(Table::Conversations, slot.address) else { continue };
            for (file, range) in self.assembler.columns().filter_map(|column| row.untouched(column)) {
                let new = self.columns.insert((std::ptr::from_ref(file.path()).cast::<()>().addr(), range.start));
                if new && !self.ask(Announced::Columns, file, range, watch, publish) {
                    return;
                }
            }
            if !self.assembler.has_bytes(Table::Frames) && !self.assembler.has_bytes(Table::Videos) {
                continue;
            }
            for address in self.shown_by(&Conversation::new(&row)).unwrap_or_default() {
                watch.announces_row(address);
                if known.insert(address) && !self.announce_medium(address, watch, publish).unwrap_or(true) {
                    return;
                }
            }
        }
    }

    /// The frames and videos of a conversation that batches hold.
    fn shown_by(&self, conversation: &Conversation<&Row<'_>>) -> Result<Vec<Address>> {
        match self.assembler.has_ending_media() {
            true => Ok(conversation.all_media()?.flat_map(|medium| medium.refs().iter()).collect()),
            false => Ok(conversation.media()?.iter().flat_map(|medium| medium.refs().iter()).collect()),
        }
    }

    /// False when the rest of the batch needs no announcing any more.
    fn announce_medium(&mut self, address: Address, watch: &Arc<Watch>, publish: &mut dyn FnMut()) -> Result<bool> {
        let Some((blob, file, range)) = self.place(address, watch)? else { return Ok(true) };
        let len = range.end - range.start;
        if self.recent.contains(blob) {
            self.passed += len;
            return Ok(true);
        }
        let asked = self.ask(Announced::Media, file, range, watch, publish);
        if asked {
            self.recent.insert(blob, len);
        }
        Ok(asked)
    }

    /// The blob of a frame or video, and where those of its bytes lie that are worth announcing.
    fn place(&self, address: Address, watch: &Watch) -> Result<Option<(Address, &FileBytes, Range<u64>)>> {
        let dataset = self.assembler.dataset();
        let table = dataset.table_of(address)?;
        let column = if table == Table::Videos { videos::BLOB } else { frames::BLOB };
        if !self.assembler.has_bytes(table) {
            return Ok(None);
        }
        let row: Row<'_> = dataset.row_of(table, address)?;
        let Some(blob) = read::address_opt(row.cell(column)?)? else { return Ok(None) };
        watch.announces_row(blob);
        let row = dataset.row_of(Table::Blobs, blob)?;
        let Some((file, range)) = row.stored_place()? else { return Ok(None) };
        Ok(Some((blob, file, range.start..range.end.min(range.start + ANNOUNCE_MAX))))
    }

    /// Asks for a range, when there is room for it; false when the batch is made, or nobody wants it any more.
    fn ask(
        &self,
        what: Announced,
        file: &FileBytes,
        range: Range<u64>,
        watch: &Arc<Watch>,
        publish: &mut dyn FnMut(),
    ) -> bool {
        let limits = match what {
            Announced::Media => self.ahead.limits(),
            Announced::Columns => Limits { media: u64::MAX, ..self.ahead.limits() },
        };
        if self.ahead.window.is_full(limits) {
            publish();
            self.ahead.window.wait(limits);
        }
        let len = range.end - range.start;
        if self.ahead.window.is_closed() || !watch.announce(what, len) {
            return false;
        }
        self.ahead.announced.fetch_add(len, Ordering::Relaxed);
        match &self.pool {
            Some(pool) => pool.read(watch, file, range),
            None => pieces(range, self.device.read_ahead).for_each(|piece| {
                // Who reads the bytes will hear of what is wrong with them.
                let _ = file.announce(piece);
            }),
        }
        true
    }
}

/// A range in pieces of at most `len` bytes.
fn pieces(range: Range<u64>, len: u64) -> impl Iterator<Item = Range<u64>> {
    let step = usize::try_from(len.max(4096)).unwrap_or(usize::MAX);
    range.clone().step_by(step).map(move |start| start..range.end.min(start.saturating_add(step as u64)))
}

/// Whether announcing is worth it: by what comes from devices.
struct Gauge {
    active: bool,
    /// What was read from devices, by this thread or by the process, when it was last looked at.
    read: Option<u64>,
    quiet: u64,
}

impl Default for Gauge {
    fn default() -> Self {
        Self { active: true, read: None, quiet: 0 }
    }
}

impl Gauge {
    /// After so many bytes were announced. A pool reads in threads of its own, so the process counts as a whole.
    fn announced(&mut self, bytes: u64, pool: bool) {
        let Some(read) = read_from_devices(!pool) else { return };
        self.quiet = if self.read == Some(read) { self.quiet + bytes } else { 0 };
        self.read = Some(read);
        // What a network brings is not always counted as read from a device, so its silence says nothing.
        if self.quiet >= QUIET_BYTES && !pool {
            *self = Self { active: false, read: read_from_devices(false), quiet: 0 };
        }
    }

    /// After nothing was announced.
    fn idle(&mut self) {
        let read = read_from_devices(false);
        if read.is_none() || read != self.read {
            *self = Self::default();
        }
    }
}

/// How many bytes this thread, or the whole process, caused to be read from devices.
fn read_from_devices(thread: bool) -> Option<u64> {
    let path = if thread { "/proc/thread-self/io" } else { "/proc/self/io" };
    let text = std::fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("read_bytes:"))?;
    line.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_left_is_asked_for_once_in_a_while() {
        let (mut most, start) = (Most::default(), Instant::now());
        assert_eq!(most.at(start, || 1), 1);
        assert_eq!(most.at(start + MEMORY_FOR / 2, || panic!("it was asked for just now")), 1);
        assert_eq!(most.at(start + MEMORY_FOR, || 2), 2);
        assert_eq!(most.at(start + MEMORY_FOR * 3 / 2, || panic!("it was asked for just now")), 2);
    }
    use crate::dataset::{BlobSource, Dataset};
    use crate::format::manifest::Operation;
    use crate::load::plan::Slot;
    use crate::load::projection::Projection;
    use crate::load::stall::{Stage, Stall};
    use crate::schema::rows::{ConversationRow, FrameRow, MediumRow, TurnRow};

    /// A conversation on two pictures.
    fn dataset(path: &std::path::Path) -> (Dataset, Address) {
        let mut appender = Dataset::create(path).unwrap().append().unwrap();
        let mut refs = Vec::new();
        for picture in ["one", "two"] {
            let bytes = BlobSource::Bytes { media_type: "image/png", bytes: picture.as_bytes() };
            let blob = Some(appender.blob(bytes).unwrap().address);
            let (id, source, kind) = (picture.into(), "s".into(), "rgb".into());
            refs.push(appender.frame(&FrameRow { id, source, kind, blob, ..Default::default() }).unwrap());
        }
        let (id, source, task) = ("1".into(), "s".into(), "t".into());
        let media = vec![MediumRow { turn: 0, refs, ..Default::default() }];
        let turns = vec![TurnRow { role: "user".into(), text: "?".into(), ..Default::default() }];
        let row = ConversationRow { id, source, task, turns, media, ..Default::default() };
        let address = appender.conversation(&row).unwrap().0;
        (appender.commit(Operation::new("append")).unwrap(), address)
    }

    #[test]
    fn who_waits_for_a_batch_that_is_being_announced_hears_where_that_is() {
        let dir = tempfile::tempdir().unwrap();
        let (dataset, address) = dataset(&dir.path().join("a.surgdb"));
        let assembler = Assembler::new(&dataset, &Projection::default()).unwrap();
        // All that is allowed to be ahead is a byte, so the second picture has to wait for the first to be read.
        let ahead = Arc::new(Ahead::new(true, u64::MAX));
        ahead.limit.store(1, Ordering::Relaxed);
        let mut announcer = Announcer::new(assembler, ahead.clone()).unwrap();
        let slot = Slot { position: 0, group: 0, address, valid: true, substituted: false };
        let plan = Plan { slots: vec![slot], ..Plan::default() };
        let watch = Arc::new(Watch::new(None, Arc::default(), ahead.window.clone()));
        let look = || watch.stall(&dataset, 3, std::time::Duration::ZERO);
        assert_eq!(look().stage, Stage::Planning);
        let mut heard = None;
        announcer.announce(&plan, &watch, || {
            heard = Some(look());
            watch.finish();
        });
        let Stall { batch, stage, address: at, row, file, .. } = heard.unwrap();
        assert_eq!((batch, stage, at), (3, Stage::Announcing, Some(address)));
        assert_eq!(dataset.table_of(row.unwrap()).unwrap(), Table::Blobs);
        assert!(file.unwrap().starts_with(dataset.path().join("blobs")));
        watch.publish();
        assert_eq!(look().stage, Stage::Queued);
        watch.reads(address);
        let reading = look();
        assert_eq!((reading.stage, reading.row), (Stage::Reading, Some(address)));
        assert!(reading.file.as_ref().unwrap().starts_with(dataset.path().join("conversations")));
        let linked = watch.reads_linked(Some("file:///elsewhere/a%20b.png"), || look().file.unwrap());
        assert_eq!(linked, std::path::Path::new("/elsewhere/a b.png"));
        assert_eq!(look().file, reading.file);
    }

    #[test]
    fn all_that_is_announced_counts_and_each_column_once() {
        let dir = tempfile::tempdir().unwrap();
        let (dataset, address) = dataset(&dir.path().join("a.surgdb"));
        let assembler = Assembler::new(&dataset, &Projection::default().media(false)).unwrap();
        let ahead = Arc::new(Ahead::new(true, u64::MAX));
        let mut announcer = Announcer::new(assembler, ahead.clone()).unwrap();
        let slot = Slot { position: 0, group: 0, address, valid: true, substituted: false };
        let plan = Plan { slots: vec![slot; 9], ..Plan::default() };
        let mut announced = Vec::new();
        for _ in 0..2 {
            let watch = Arc::new(Watch::new(None, Arc::default(), ahead.window.clone()));
            announcer.announce(&plan, &watch, || ());
            announced.push(ahead.window.announced());
            watch.finish();
            assert_eq!(ahead.window.announced(), 0);
        }
        // Five short columns of one row.
        assert!((1..10_000).contains(&announced[0]) && announced[1] == 0, "{announced:?}");
        assert_eq!(ahead.announced.load(Ordering::Relaxed), announced[0]);
    }

    #[test]
    fn a_pool_reads_what_is_announced_where_another_machine_serves_the_files() {
        let dir = tempfile::tempdir().unwrap();
        let (dataset, address) = dataset(&dir.path().join("a.surgdb"));
        let assembler = Assembler::new(&dataset, &Projection::default()).unwrap();
        let ahead = Arc::new(Ahead::new(true, u64::MAX));
        let mut announcer = Announcer::new(assembler, ahead.clone()).unwrap();
        announcer.pool = Some(ReadPool::start(ahead.window.clone()).unwrap());
        let slot = Slot { position: 0, group: 0, address, valid: true, substituted: false };
        let plan = Plan { slots: vec![slot; 2], ..Plan::default() };
        let watch = Arc::new(Watch::new(None, Arc::default(), ahead.window.clone()));
        announcer.announce(&plan, &watch, || ());
        let announced = ahead.announced.load(Ordering::Relaxed);
        // Two pictures of three bytes, and the columns.
        assert!(announced > 6);
        assert_eq!(announcer.pool.take().unwrap().finish(), announced);
    }

    #[test]
    fn when_something_left_the_memory_no_blob_counts_as_met() {
        let dir = tempfile::tempdir().unwrap();
        let (dataset, address) = dataset(&dir.path().join("a.surgdb"));
        let assembler = Assembler::new(&dataset, &Projection::default()).unwrap();
        let ahead = Arc::new(Ahead::new(true, u64::MAX));
        let mut announcer = Announcer::new(assembler, ahead.clone()).unwrap();
        let met =
            |announcer: &Announcer| [announcer.recent.contains(address), lock(&ahead.faulted_in).contains(address)];
        announcer.recent.insert(address, 40);
        lock(&ahead.faulted_in).insert(address, 40);
        assert_eq!(met(&announcer), [true, true]);
        // Announcing had stopped, and something was read from a device since.
        ahead.active.store(false, Ordering::Relaxed);
        announcer.gauge = Gauge { active: false, read: read_from_devices(false).map(|read| read + 1), quiet: 0 };
        let watch = Arc::new(Watch::new(None, Arc::default(), ahead.window.clone()));
        announcer.announce(&Plan::default(), &watch, || ());
        assert!(ahead.active.load(Ordering::Relaxed));
        assert_eq!(met(&announcer), [false, false]);
    }

    #[test]
    fn a_range_is_cut_into_pieces_without_a_gap() {
        for (range, len) in [(5..5, 4096), (0..1, 4096), (100..20_000, 4096), (0..8192, 4096), (7..1 << 20, 128 << 10)]
        {
            let cut: Vec<_> = pieces(range.clone(), len).collect();
            assert!(cut.iter().all(|piece| piece.end - piece.start <= len));
            assert!(cut.windows(2).all(|pair| pair[0].end == pair[1].start));
            assert_eq!(cut.first().map_or(range.start, |piece| piece.start), range.start);
            assert_eq!(cut.last().map_or(range.end, |piece| piece.end), range.end);
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_the_system_says_of_reads_is_understood() {
        if std::path::Path::new("/proc/self/io").exists() {
            assert!(read_from_devices(false) >= read_from_devices(true));
        }
    }

    #[test]
    fn announcing_stops_when_nothing_comes_from_a_device_and_starts_again_when_something_does() {
        let Some(now) = read_from_devices(true) else { return };
        let mut gauge = Gauge { read: Some(now + 1), ..Gauge::default() };
        gauge.announced(QUIET_BYTES, false);
        assert!(gauge.active, "something was read just before");
        gauge.announced(QUIET_BYTES, false);
        assert!(!gauge.active || read_from_devices(true) != Some(now));
        let mut gauge = Gauge { active: false, read: read_from_devices(false).map(|read| read + 1), quiet: 0 };
        gauge.idle();
        assert!(gauge.active);
    }
}
