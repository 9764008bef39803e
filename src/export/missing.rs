//! Pictures and videos whose bytes an export cannot have: what happens then, and what is told of them.

use super::ExportReport;
use crate::error::{Error, ErrorKind, Result};
use crate::format::Address;
use serde::Serialize;
use std::borrow::Cow;
use std::str::FromStr;

/// How many are named.
const NAMED: usize = 100_000;

/// What happens at a picture or video whose bytes cannot be had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnMissing {
    /// It is exported without them, counted and named.
    #[default]
    Keep,
    /// The export ends, and nothing is left behind.
    Stop,
}

impl FromStr for OnMissing {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "keep" => Ok(Self::Keep),
            "stop" => Ok(Self::Stop),
            _ => Err(Error::invalid(format!("{name:?} is no choice for missing: it is one of keep, stop"))),
        }
    }
}

/// A picture or video that is exported without its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// Its path as its source wrote it, or its id.
    pub path: String,
    /// Its address.
    pub address: String,
    /// Why.
    pub reason: String,
}

impl OnMissing {
    /// The bytes of a picture or video, if they are there. That they are not is noted in the report.
    ///
    /// # Errors
    /// What keeps the bytes from being read, save that a linked file is gone; `NotFound` where the export is to stop.
    pub(super) fn judge<'a>(
        self,
        bytes: Result<Option<Cow<'a, [u8]>>>,
        path: &str,
        address: Address,
        report: &mut ExportReport,
    ) -> Result<Option<Cow<'a, [u8]>>> {
        let (reason, is_broken) = match bytes {
            Ok(Some(bytes)) => return Ok(Some(bytes)),
            Ok(None) => ("its file was missing when it was imported".to_owned(), false),
            Err(error) if error.kind() == ErrorKind::LinkBroken => (error.to_string(), true),
            Err(error) => return Err(error),
        };
        if self == Self::Stop {
            let message = format!("{path:?}: {reason}; or export without it, with `--missing keep`");
            return Err(Error::not_found(message).in_row(address.to_string()));
        }
        report.missing += 1;
        report.broken += u64::from(is_broken);
        if report.without_bytes.len() < NAMED {
            report.without_bytes.push(Missing { path: path.to_owned(), address: address.to_string(), reason });
        }
        Ok(None)
    }
}
