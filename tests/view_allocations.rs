//! Views allocate nothing.

mod common;

use common::samples::samples;
use std::alloc::System;
use std::cell::Cell as Counter;
use std::hint::black_box;
use surgdb::schema::build::{AnnotationsBuilder, ConversationsBuilder};
use surgdb::schema::views::{Annotation, BatchRow, Conversation, Part};

mod counting {
    #![allow(unsafe_code)]
    use super::{Counter, System};
    use std::alloc::{GlobalAlloc, Layout};

    thread_local! {
        pub static ALLOCATIONS: Counter<u64> = const { Counter::new(0) };
    }

    pub struct Counting;

    // SAFETY: all calls go to the system's allocator as they are; the counter is no allocation of its own.
    unsafe impl GlobalAlloc for Counting {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            ALLOCATIONS.with(|count| count.set(count.get() + 1));
            unsafe { System.alloc(layout) }
        }

        unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
            unsafe { System.dealloc(pointer, layout) }
        }
    }
}

#[global_allocator]
static ALLOCATOR: counting::Counting = counting::Counting;

/// Uses a value, so that reading it is not left out.
fn touch<T>(value: T) {
    black_box(value);
}

fn allocations(work: impl FnOnce()) -> u64 {
    let before = counting::ALLOCATIONS.with(Counter::get);
    work();
    counting::ALLOCATIONS.with(Counter::get) - before
}

#[test]
fn reading_a_conversation_in_full_allocates_nothing() {
    let mut builder = ConversationsBuilder::new();
    for row in &samples().conversations {
        builder.push(row).unwrap();
    }
    let batch = builder.finish().unwrap();
    let read = || {
        for row in 0..batch.num_rows() {
            read_conversation(BatchRow::new(&batch, row).unwrap()).unwrap();
        }
    };
    assert!(allocations(|| drop(black_box(Box::new(1)))) == 1, "the counter counts");
    read();
    assert_eq!(allocations(read), 0);
}

fn read_conversation(row: BatchRow<'_>) -> surgdb::Result<()> {
    let view = Conversation::new(row);
    black_box((view.id()?, view.source()?, view.task()?, view.specialty()?, view.procedure()?, view.language()?));
    black_box((view.origin()?, view.generator()?, view.case()?, view.preferred()?, view.solution()?));
    black_box((view.tools()?, view.extra()?, view.record()?));
    for turn in view.turns()?.iter() {
        black_box((turn.role(), turn.text(), turn.name(), turn.extra()));
    }
    for medium in view.media()?.iter() {
        black_box((medium.turn(), medium.at(), medium.output(), medium.start(), medium.end(), medium.fps()));
        medium.refs().iter().for_each(touch);
    }
    for (turn, part) in view.parts()?.iter() {
        match part {
            Part::Text(text) => drop(black_box((turn, text))),
            Part::Medium(medium) => drop(black_box(medium)),
        }
    }
    for place in view.grounding()?.iter() {
        black_box((place.turn(), place.byte_start(), place.kind(), place.media(), place.values()));
    }
    let forest = view.reasoning()?;
    for root in forest.roots() {
        for node in forest.children(root.number()).chain(forest.path(root.number())).chain(forest.level(1)) {
            black_box((node.text(), node.kind(), node.origin(), node.level(), node.turn(), node.parent()));
            for evidence in node.evidence().iter() {
                black_box((evidence.address(), evidence.start(), evidence.end(), evidence.bbox()));
            }
        }
    }
    for alternative in view.alternatives()?.iter() {
        black_box((alternative.kind(), alternative.score(), alternative.generator()));
        alternative.turns().iter().for_each(|turn| touch(turn.text()));
        alternative.media().iter().for_each(|medium| touch((medium.turn(), medium.at(), medium.refs().values())));
        alternative.parts()?.iter().for_each(touch);
        alternative.grounding().iter().for_each(|place| touch((place.turn(), place.media(), place.values())));
    }
    view.annotations()?.iter().for_each(touch);
    Ok(())
}

#[test]
fn reading_an_annotation_in_full_allocates_nothing() {
    let mut builder = AnnotationsBuilder::new();
    for row in &samples().annotations {
        builder.push(row).unwrap();
    }
    let batch = builder.finish().unwrap();
    let read = || {
        for row in 0..batch.num_rows() {
            let view = Annotation::new(BatchRow::new(&batch, row).unwrap());
            black_box((view.id().unwrap(), view.target().unwrap(), view.text().unwrap(), view.status().unwrap()));
            for label in view.labels().unwrap().iter() {
                black_box((label.axis(), label.label(), label.raw(), label.value()));
            }
            for region in view.regions().unwrap().iter() {
                black_box((region.role(), region.bbox(), region.mask(), region.score()));
                region.polygons().iter().flat_map(|polygons| polygons.iter()).for_each(touch);
                region.tracks().iter().for_each(|track| touch((track.scope(), track.id())));
            }
        }
    };
    read();
    assert_eq!(allocations(read), 0);
}
