//! What a batch will hold, as addresses: this is what travels between processes, never the bytes.

use super::fingerprint::Fingerprint;
use super::state::Mark;
use crate::format::Address;
use serde::{Deserialize, Serialize};

/// The samples of one step on one rank, in order.
///
/// It holds for the run that it was made for: [`Loader::assemble`](super::Loader::assemble) refuses another's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The version of the dataset that it is to be read from.
    pub version: u64,
    /// The run that it belongs to.
    pub fingerprint: Fingerprint,
    /// The epoch, from 0.
    pub epoch: u64,
    /// The step in its epoch, from 0.
    pub step: u64,
    /// The samples.
    pub slots: Vec<Slot>,
    /// Where the bins of packed samples begin in `slots`, with the end of the last one: one number more than there are
    /// bins. `None` where samples are not packed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bins: Option<Vec<u32>>,
    /// Where the run stands once this step was delivered.
    pub next: Mark,
}

/// One sample's place in a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// The position in the epoch's order that it was drawn at.
    pub position: u64,
    /// Which group it was drawn from, by its place among the loader's groups; 0 where there is one.
    pub group: u32,
    /// The conversation.
    pub address: Address,
    /// False for a slot that only fills the batch up, so that all ranks have the same shape.
    pub valid: bool,
    /// Whether another sample stands here for one that could not be had.
    pub substituted: bool,
}
