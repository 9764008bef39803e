//! What several tests share. Each test crate uses some of it.

#![allow(dead_code)]

pub mod dump;
pub mod fixture;
pub mod pictures;
pub mod samples;
