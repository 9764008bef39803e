//! Processes that were forked from one that loads.

use crate::*;
use surgdb::load::OnDamage;

/// Forks; the child runs `work` and ends without any cleaning up. Whether it said true within its time.
fn in_a_child(work: impl FnOnce() -> bool) -> bool {
    // SAFETY: the child only uses memory that was there before, threads of its own and what it allocates (glibc's
    // allocator may be used after a fork), and ends by `_exit`.
    let child = unsafe {
        let child = libc::fork();
        assert!(child >= 0, "cannot fork");
        if child == 0 {
            let good = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or(false);
            libc::_exit(if good { 0 } else { 1 });
        }
        child
    };
    let start = Instant::now();
    let mut status = 0;
    // SAFETY: `child` is a child of this process that nobody else waits for.
    while unsafe { libc::waitpid(child, &mut status, libc::WNOHANG) } == 0 {
        if start.elapsed() > Duration::from_secs(20) {
            // SAFETY: as above; it is still there.
            unsafe { libc::kill(child, libc::SIGKILL) };
            return false;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0
}

#[test]
fn a_forked_process_goes_on_with_threads_of_its_own_and_so_does_its_parent() {
    let _turn = alone();
    let dir = tempfile::tempdir().unwrap();
    let (dataset, rows) = dataset(&dir.path().join("a.surgdb"), Access::Mapped);
    for (taken, workers) in [(0, 2), (1, 2), (5, 2), (29, 2), (0, 0), (7, 0)] {
        let options = PipelineOptions::default().workers(workers);
        let all = plans(&rows, 30, 40, &[]);
        let from = move |delivered: Delivered| {
            // Whoever goes on knows where the last batch left the run.
            assert_eq!(delivered.reached.map_or(0, |(batches, _)| batches), delivered.batches);
            all(delivered)
        };
        let mut pipeline = Pipeline::new(assembler(&dataset), from, refuse, options);
        let mut steps: Vec<_> = pipeline.by_ref().take(taken).map(|batch| batch.unwrap().plan.step).collect();
        let good = in_a_child(|| {
            let rest: Vec<_> = pipeline.by_ref().map(|batch| batch.unwrap().plan.step).collect();
            rest == (taken as u64..30).collect::<Vec<_>>()
        });
        assert!(good, "the child of a pipeline that had given {taken} batches does not go on");
        // A child that only drops it does not hang either.
        assert!(in_a_child(|| {
            drop(std::mem::replace(
                &mut pipeline,
                Pipeline::new(
                    assembler(&dataset),
                    |_| Box::new(std::iter::empty()),
                    refuse,
                    PipelineOptions::default(),
                ),
            ));
            true
        }));
        steps.extend(pipeline.map(|batch| batch.unwrap().plan.step));
        assert_eq!(steps, (0..30).collect::<Vec<_>>());
    }
}

#[test]
fn files_that_the_machine_cannot_open_are_an_error_and_not_substituted() {
    let _turn = alone();
    let dir = tempfile::tempdir().unwrap();
    let dataset = linked(dir.path());
    let loader = |workers| {
        let options = PipelineOptions::default().workers(workers);
        let builder = dataset.loader().shuffle(5).batch(8).pipeline(options).on_damage(OnDamage::Substitute);
        builder.on_notice(|_| {}).build().unwrap()
    };
    for workers in [0, 2] {
        let loader = loader(workers);
        // What the first batch opens of the dataset is open then: after it there are no more files to be had.
        loader.epoch(0).for_each(|batch| drop(batch.unwrap()));
        let mut batches = loader.epoch(1);
        batches.next().unwrap().unwrap();
        assert!(in_a_child(|| {
            let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
            // SAFETY: it reads the limits given and changes those of the child alone.
            assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &none) }, 0);
            let error = batches.next().unwrap().unwrap_err();
            let at_a_link = error.file().is_some_and(|file| file.starts_with(dir.path().join("linked")));
            error.kind() == ErrorKind::Io && at_a_link && batches.state().mark.step == 1 && loader.substituted() == 0
        }));
        assert!(batches.all(|batch| batch.is_ok()));
        assert_eq!(loader.substituted(), 0);
    }
    // What is gone, or has another size, is a matter of the sample.
    let files = dir.path().join("linked");
    std::fs::remove_file(files.join("3.jpg")).unwrap();
    std::fs::write(files.join("4.jpg"), b"shorter").unwrap();
    let loader = loader(0);
    assert!(loader.epoch(0).all(|batch| batch.is_ok()));
    assert_eq!(loader.substituted(), 2);
}

/// Conversations on a linked picture each, which all lie in the folder `linked`.
fn linked(dir: &Path) -> Dataset {
    std::fs::create_dir(dir.join("linked")).unwrap();
    let mut appender = Dataset::create(dir.join("a.surgdb")).unwrap().append().unwrap();
    for number in 0..32 {
        let path = dir.join(format!("linked/{number}.jpg"));
        std::fs::write(&path, format!("picture number {number}")).unwrap();
        let source = BlobSource::Linked { media_type: "image/jpeg", path: &path };
        let blob = Some(appender.blob(source).unwrap().address);
        let (id, source) = (number.to_string(), "s".to_owned());
        let row = FrameRow { id: id.clone(), source: source.clone(), kind: "rgb".into(), blob, ..Default::default() };
        let refs = vec![appender.frame(&row).unwrap()];
        let media = vec![MediumRow { turn: 0, refs, ..Default::default() }];
        let turns = vec![TurnRow { role: "user".into(), text: "?".into(), ..Default::default() }];
        let row = ConversationRow { id, source, task: "image captioning".into(), turns, media, ..Default::default() };
        appender.conversation(&row).unwrap();
    }
    appender.commit(Operation::new("append")).unwrap()
}
