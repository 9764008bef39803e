//! Row addresses: where a row is, for ever.

use crate::error::{Error, Result};
use crate::format::constants::{FRAGMENT_MAX, ROW_BITS};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The number of a fragment: the rows that one writer put into one table.
///
/// From 1 to 2²¹−1, unique in the dataset, never used again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FragmentId(u32);

impl FragmentId {
    /// The fragment with this number.
    ///
    /// # Errors
    /// `Invalid` when the number is 0 or above 2²¹−1.
    pub fn new(number: u32) -> Result<Self> {
        if number == 0 || number > FRAGMENT_MAX {
            return Err(Error::invalid(format!("{number} is no fragment's number: they go from 1 to {FRAGMENT_MAX}")));
        }
        Ok(Self(number))
    }

    /// The number.
    pub fn get(self) -> u32 {
        self.0
    }

    /// The address of the `row`-th row of this fragment, counted from 0.
    pub fn address(self, row: u32) -> Address {
        Address((i64::from(self.0) << ROW_BITS) | i64::from(row))
    }
}

impl fmt::Debug for FragmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "fragment {}", self.0)
    }
}

impl fmt::Display for FragmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Where a row is: its fragment's number shifted left by 32, plus the row in the fragment.
///
/// An address never changes: not by appending, deleting, compacting, re-labelling or purging. On disk it is
/// an `int64`, exact also where a reader turns integers into doubles (it stays below 2⁵³).
///
/// ```
/// use surgdb::{Address, FragmentId};
/// let address = FragmentId::new(3)?.address(17);
/// assert_eq!(address.get(), (3 << 32) + 17);
/// assert_eq!(address.to_string(), "3:17");
/// assert_eq!("3:17".parse::<Address>()?, address);
/// # Ok::<(), surgdb::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Address(i64);

impl Address {
    /// The address with this value, as it stands in a file.
    ///
    /// # Errors
    /// `Invalid` when the value is no address: its fragment's number is not from 1 to 2²¹−1.
    pub fn new(value: i64) -> Result<Self> {
        let fragment = value >> ROW_BITS;
        if fragment < 1 || fragment > i64::from(FRAGMENT_MAX) {
            return Err(Error::invalid(format!("{value} is no address: its fragment would be {fragment}")));
        }
        Ok(Self(value))
    }

    /// The value, as it stands in a file.
    pub fn get(self) -> i64 {
        self.0
    }

    /// The fragment that the row is in.
    pub fn fragment(self) -> FragmentId {
        FragmentId((self.0 >> ROW_BITS) as u32)
    }

    /// The row in its fragment, counted from 0.
    pub fn row(self) -> u32 {
        self.0 as u32
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.fragment().get(), self.row())
    }
}

impl TryFrom<i64> for Address {
    type Error = Error;

    fn try_from(value: i64) -> Result<Self> {
        Self::new(value)
    }
}

impl From<Address> for i64 {
    fn from(address: Address) -> Self {
        address.0
    }
}

impl std::str::FromStr for Address {
    type Err = Error;

    /// Reads `fragment:row`, or the plain integer.
    fn from_str(text: &str) -> Result<Self> {
        let wrong = || Error::invalid(format!("{text:?} is no address: write fragment:row, as in 3:17"));
        match text.split_once(':') {
            Some((fragment, row)) => {
                let fragment = FragmentId::new(fragment.parse().map_err(|_| wrong())?)?;
                Ok(fragment.address(row.parse().map_err(|_| wrong())?))
            }
            None => Self::new(text.parse().map_err(|_| wrong())?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_exact_as_a_double() {
        let last = FragmentId::new(FRAGMENT_MAX).unwrap().address(u32::MAX);
        assert_eq!(last.get() as f64 as i64, last.get());
        assert!(last.get() < 1 << 53);
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for value in [0, -1, i64::MIN, i64::MAX, 5, (1i64 << 53)] {
            assert!(Address::new(value).is_err(), "{value}");
        }
    }
}
