//! What several tests need: small datasets with everything in them, and a way to read all of one.

#![allow(dead_code)]

pub mod contents;
pub mod damage;
pub mod dump;
pub mod fixture;
pub mod pictures;
pub mod python;
pub mod samples;
pub mod skip;
pub mod small;
pub mod stored;
