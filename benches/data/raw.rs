//! The floor of reading: the same texts and frames in one mapped file, with their offsets in memory.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use surgdb::{Address, Dataset, Table};

/// Reads a byte of each cache line, as whoever decodes a picture will.
pub fn touch(bytes: &[u8]) -> u64 {
    bytes.iter().step_by(64).map(|byte| u64::from(*byte)).sum()
}

/// The same conversations and frames in one file, with their offsets in memory.
pub struct Raw {
    map: memmap2::Mmap,
    texts: Vec<(usize, usize)>,
    frames: Vec<(usize, usize)>,
    frame_of: Vec<usize>,
}

impl Raw {
    /// Writes the file and maps it.
    pub fn new(dataset: &Dataset) -> Self {
        let path = super::folder().join("raw.bin");
        let mut file = std::io::BufWriter::new(File::create(&path).unwrap());
        let (mut at, mut frames, mut places) = (0, Vec::new(), std::collections::HashMap::new());
        for address in dataset.live_addresses(Table::Frames).unwrap() {
            let bytes = dataset.frame(address).unwrap().bytes().unwrap().unwrap();
            file.write_all(&bytes).unwrap();
            places.insert(address, frames.len());
            frames.push((at, at + bytes.len()));
            at += bytes.len();
        }
        let (mut texts, mut frame_of) = (Vec::new(), Vec::new());
        for index in 0..dataset.count(Table::Conversations).unwrap() {
            let conversation = dataset.conversation(index).unwrap();
            let start = at;
            for turn in conversation.turns().unwrap().iter() {
                file.write_all(turn.text().as_bytes()).unwrap();
                at += turn.text().len();
            }
            texts.push((start, at));
            frame_of.push(places[&frame_of_conversation(&conversation)]);
        }
        file.into_inner().unwrap().sync_all().unwrap();
        Self { map: map_file(&path), texts, frames, frame_of }
    }

    /// The text of a conversation.
    pub fn text(&self, number: u64) -> &[u8] {
        let (start, end) = self.texts[number as usize];
        &self.map[start..end]
    }

    /// The frame of a conversation.
    pub fn frame(&self, number: u64) -> &[u8] {
        let (start, end) = self.frames[self.frame_of[number as usize]];
        &self.map[start..end]
    }
}

#[allow(unsafe_code)]
fn map_file(path: &Path) -> memmap2::Mmap {
    // SAFETY: the file is the bench's own, written before, and nobody changes it while the bench runs.
    unsafe { memmap2::Mmap::map(&File::open(path).unwrap()).unwrap() }
}

/// The frame that a conversation shows.
pub fn frame_of_conversation(conversation: &surgdb::dataset::Conversation<'_>) -> Address {
    let media = conversation.media().unwrap();
    media.iter().next().unwrap().refs().iter().next().unwrap()
}
