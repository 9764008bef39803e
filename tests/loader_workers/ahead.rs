//! How much is made, announced and drawn ahead, and what it takes of memory.

use crate::*;

#[test]
fn what_is_announced_counts_as_ahead() {
    let _turn = alone();
    let dir = tempfile::tempdir().unwrap();
    let (dataset, rows) = dataset(&dir.path().join("a.surgdb"), Access::Mapped);
    // The worker stays at the second batch until it is let go, and what comes behind can only be announced.
    let (go, gate) = std::sync::mpsc::channel::<()>();
    let (gate, other) = (Mutex::new(gate), rows[9]);
    let waits = move |bad: BadSample<'_>| {
        gate.lock().unwrap().recv().unwrap();
        Ok(Slot { address: other, ..*bad.slot })
    };
    let bytes = 500_000;
    let options = PipelineOptions::default().workers(1).batches_ahead(1000).bytes_ahead(bytes);
    let mut pipeline = Pipeline::new(assembler(&dataset), plans(&rows, 300, 2, &[1]), waits, options);
    pipeline.next().unwrap().unwrap();
    assert!(until(|| pipeline.stats().ahead >= bytes), "{:?}", pipeline.stats());
    std::thread::sleep(Duration::from_millis(30));
    // One announcement is made where there was room.
    let ahead = pipeline.stats().ahead;
    assert!(ahead < bytes + 200_000, "{ahead} bytes are ahead, and {bytes} are allowed");
    go.send(()).unwrap();
    assert_eq!(
        pipeline.by_ref().map(|batch| batch.unwrap().plan.step).collect::<Vec<_>>(),
        (1..300).collect::<Vec<_>>()
    );
    assert_eq!(pipeline.stats().ahead, 0);
}

#[test]
fn plans_are_drawn_only_as_far_as_there_is_room() {
    let _turn = alone();
    let dir = tempfile::tempdir().unwrap();
    let (dataset, rows) = dataset(&dir.path().join("a.surgdb"), Access::Mapped);
    let rows: Arc<[Address]> = rows.into();
    // What is announced is drawn further ahead than what is made.
    for (prefetch, room) in [(false, 5), (true, 32)] {
        let drawn = Arc::new(AtomicU64::new(0));
        let (counter, rows) = (drawn.clone(), rows.clone());
        let plans = move |delivered: Delivered| {
            let (counter, rows) = (counter.clone(), rows.clone());
            Box::new((delivered.batches..).map(move |step| {
                counter.fetch_add(1, Ordering::SeqCst);
                Ok(plan(&rows, step, 10, &[]))
            })) as PlanIter
        };
        let options = PipelineOptions::default().workers(2).batches_ahead(5).prefetch(prefetch);
        let mut pipeline = Pipeline::new(assembler(&dataset), plans, refuse, options);
        for taken in 1..30 {
            pipeline.next().unwrap().unwrap();
            if taken % 10 == 0 {
                std::thread::sleep(Duration::from_millis(30));
                assert!(drawn.load(Ordering::SeqCst) <= taken + room);
            }
        }
    }
}

#[test]
fn memory_keeps_its_bound_and_is_flat_over_epochs() {
    let _turn = alone();
    let dir = tempfile::tempdir().unwrap();
    // Plain reads: all bytes are in memory of our own. The cache of columns has a bound of its own.
    let (dataset, rows) = dataset(&dir.path().join("a.surgdb"), Access::Plain);
    let (workers, size, bytes) = (2, 40, 3 << 20);
    let batch = (size * (PICTURE + 2000)) as i64;
    let options = PipelineOptions::default().workers(workers).batches_ahead(1000).bytes_ahead(bytes);
    // What is read for the first time stays: columns, in a cache.
    let here = PipelineOptions::default().workers(0);
    Pipeline::new(assembler(&dataset), plans(&rows, 80, size, &[]), refuse, here)
        .for_each(|batch| drop(batch.unwrap()));
    let (mut peaks, mut left) = (Vec::new(), Vec::new());
    for _ in 0..2 {
        let before = LIVE.load(Ordering::Relaxed);
        PEAK.store(before, Ordering::Relaxed);
        let mut pipeline = Pipeline::new(assembler(&dataset), plans(&rows, 80, size, &[]), refuse, options.clone());
        for taken in 0..80 {
            drop(pipeline.next().unwrap().unwrap());
            if taken % 10 == 0 && taken < 60 {
                assert!(until(|| pipeline.stats().ahead >= bytes), "{:?}", pipeline.stats());
            }
        }
        peaks.push(PEAK.load(Ordering::Relaxed) - before);
        drop(pipeline);
        left.push(LIVE.load(Ordering::Relaxed));
    }
    // What is ahead, one batch a worker, one in the hands of the reader; each copy is there twice while it is made.
    let bound = bytes as i64 + 2 * (workers as i64 + 1) * batch;
    assert!(peaks.iter().all(|peak| *peak <= bound), "{peaks:?} bytes at most, and {bound} are the bound");
    assert!(peaks[0] > bytes as i64 / 2, "{peaks:?}: the bound was never reached");
    assert!(left[1] - left[0] < 100_000, "{left:?} bytes are left after one epoch and two");
}

#[test]
fn announcing_stops_while_everything_is_in_memory() {
    let _turn = alone();
    let dir = tempfile::tempdir().unwrap();
    let (dataset, rows) = dataset(&dir.path().join("a.surgdb"), Access::Mapped);
    let run = |prefetch| {
        let options = PipelineOptions::default().workers(2).prefetch(prefetch);
        let mut pipeline = Pipeline::new(assembler(&dataset), plans(&rows, 400, 40, &[]), refuse, options);
        pipeline.by_ref().for_each(|batch| drop(batch.unwrap()));
        pipeline.stats()
    };
    let stats = run(true);
    assert!(stats.announced > 0 && stats.ahead == 0, "{stats:?}");
    if std::fs::read_to_string("/proc/thread-self/io").is_ok() {
        // 400 batches of 20 pictures are 160 MB.
        assert!(stats.announced < 100 << 20, "{stats:?}");
    }
    assert_eq!(run(false).announced, 0);
}
