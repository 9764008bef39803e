//! Records that an export leaves out, since those who read its form could not take them, and others to look at.

use super::{EarlyClip, ExportReport};
use crate::dataset::Conversation;
use crate::error::Result;
use crate::format::Address;
use serde::Serialize;
use std::borrow::Cow;

/// How many records of each kind a report names.
const NAMED: usize = 100_000;

/// A record that is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Its id.
    pub id: String,
    /// Its source.
    pub source: String,
    /// Its address.
    pub address: String,
    /// Why.
    pub reason: Cow<'static, str>,
}

impl ExportReport {
    /// Notes that this row is left out.
    pub(super) fn leave_out(&mut self, why: impl Into<Cow<'static, str>>, id: &str, source: &str, address: Address) {
        let reason = why.into();
        *self.left_out.entry(reason.clone()).or_default() += 1;
        if self.left_out_records.len() < NAMED {
            let (id, source, address) = (id.to_owned(), source.to_owned(), address.to_string());
            self.left_out_records.push(LeftOut { id, source, address, reason });
        }
    }

    /// Notes that a record has other numbers of placeholders than of what it shows.
    pub(super) fn note_unmatched(&mut self, id: &str) {
        self.unmatched += 1;
        if self.unmatched_ids.len() < NAMED {
            self.unmatched_ids.push(id.to_owned());
        }
    }

    /// Notes that a record shows a part of a video from so many seconds before.
    pub(super) fn start_early(
        &mut self,
        row: &Conversation<'_>,
        path: &str,
        wanted: Option<f64>,
        added: f64,
    ) -> Result<()> {
        self.early += 1;
        if self.early_clips.len() < NAMED {
            let (id, source, address) = (row.id()?.to_owned(), row.source()?.to_owned(), row.address().to_string());
            self.early_clips.push(EarlyClip { id, source, address, path: path.to_owned(), wanted, added });
        }
        Ok(())
    }
}
