//! Bringing what is written of a long file to the disk while more of it is made.
//!
//! Without it nearly all of a file waits in memory for the one fsync before it gets its name, and whoever writes it waits
//! for the disk then, idle. What durability rests on is that fsync all the same: this only leaves it less to do.

use std::fs::File;
use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};

/// A thread that brings a file's bytes to the disk whenever it is asked to.
#[derive(Debug)]
pub(super) struct Writeback {
    asked: SyncSender<()>,
    thread: JoinHandle<io::Result<()>>,
}

impl Writeback {
    /// Starts it for a file; nothing where the system has no thread or no handle left, which it can do without.
    pub(super) fn start(file: &File) -> Option<Self> {
        let file = file.try_clone().ok()?;
        let (asked, asks) = sync_channel(1);
        let thread = Builder::new().name("surgdb-writeback".to_owned()).spawn(move || run(&file, &asks)).ok()?;
        Some(Self { asked, thread })
    }

    /// Asks for what is written by now. Where it was asked already and has not come to it, that will do.
    pub(super) fn ask(&self) {
        let _ = self.asked.try_send(());
    }

    /// Waits until it has done what it was asked for. A fault that it met has to be told now: the system reports each once,
    /// and the next fsync would know nothing of it.
    pub(super) fn finish(self) -> io::Result<()> {
        drop(self.asked);
        self.thread.join().unwrap_or_else(|_| Err(io::Error::other("the thread that wrote it to the disk panicked")))
    }
}

fn run(file: &File, asks: &Receiver<()>) -> io::Result<()> {
    while asks.recv().is_ok() {
        file.sync_data()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_is_asked_for_is_done_and_its_fault_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let file = File::create(dir.path().join("a")).unwrap();
        let writeback = Writeback::start(&file).unwrap();
        (0..3).for_each(|_| writeback.ask());
        writeback.finish().unwrap();
        // A device that cannot be synced.
        let writeback = Writeback::start(&File::open("/dev/null").unwrap()).unwrap();
        writeback.ask();
        writeback.finish().unwrap_err();
    }
}
