//! All that was measured, as `--json` has it.

use super::epochs::Epochs;
use super::memory::Memory;
use super::order::Order;
use super::resume::Resume;
use super::setting::Setting;
use super::single::{Find, Get, Open};
use serde::{Deserialize, Serialize};

/// A run of the benchmark.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// Where it was measured.
    pub setting: Setting,
    /// What is done with the bytes of a sample.
    pub touched: &'static str,
    /// How often each pass was measured; figures are medians.
    pub rounds: usize,
    /// One for each dataset.
    pub datasets: Vec<DatasetFigures>,
}

/// What was measured on a dataset.
#[derive(Clone, Debug, Serialize)]
pub struct DatasetFigures {
    /// What it is called: its scale, or its folder.
    pub name: String,
    /// Its size.
    pub size: Size,
    /// The rows that were asked for.
    pub rows: Rows,
}

/// How large a dataset is.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Size {
    /// Conversations.
    pub conversations: u64,
    /// Frames.
    pub frames: u64,
    /// Bytes of its files.
    pub bytes: u64,
    /// How long making it took, where it was made for this.
    pub made_in_seconds: Option<f64>,
}

/// What was measured; what was not asked for is not there.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Rows {
    /// Getting samples at random.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub get: Option<Get>,
    /// Opening.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open: Option<Open>,
    /// Finding by id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub find: Option<Find>,
    /// Knowing which sample comes at a position.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<Order>,
    /// Going on where a run stood.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resume: Option<Resume>,
    /// Shuffled epochs whose bytes are in memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warm: Option<Epochs>,
    /// Shuffled epochs whose bytes are on the disk alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cold: Option<Outcome<Epochs>>,
    /// Shuffled epochs of data four times larger than the memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beyond: Option<Outcome<Epochs>>,
    /// How much memory epochs take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Outcome<Memory>>,
}

/// What was measured, or why it was not.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Outcome<T> {
    /// It was measured.
    Measured(T),
    /// It was not.
    Skipped {
        /// Why.
        skipped: String,
    },
}
