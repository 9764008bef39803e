//! Where a run stands: what is saved beside a model's checkpoint.

use super::fingerprint::Fingerprint;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// What the bytes of a state begin with: what they are, and the layout's number.
const MAGIC: [u8; 4] = *b"sdb\x01";
/// Bytes of a state: the magic, a checksum, and ten numbers.
const BYTES: usize = 4 + 4 + 10 * 8;

/// A place in a run: the next step to be delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The epoch, from 0.
    pub epoch: u64,
    /// The step in its epoch, from 0: as many were delivered.
    pub step: u64,
    /// The window of the order that the step begins in; without packing the step itself.
    pub window: u64,
    /// The bin of the window that the step begins with; without packing 0.
    pub item: u64,
    /// How the window is packed, as a checksum: 0 where it is not under way. A window that rows were erased from is packed
    /// in another way, and then the run goes on at the next one.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub packed: u32,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Mark {
    /// The beginning of an epoch.
    pub fn epoch(epoch: u64) -> Self {
        Self { epoch, ..Self::default() }
    }

    /// The place so many steps further on in the epoch, where samples are not packed.
    pub(super) fn after(self, steps: u64) -> Self {
        let step = self.step.saturating_add(steps);
        Self { step, window: step, ..self }
    }
}

/// Where a run stands: which version of the dataset it reads, what was selected and how it is ordered, and the next step.
///
/// It counts batches that were delivered, not those that workers have made ready. It is the same on every rank, and
/// holds for any world size and any number of workers. As JSON and as bytes it takes some dozens of bytes, however large the dataset is,
/// and has a checksum. JSON of an early release has none (`crc32` is left out) and is taken as it stands.
///
/// ```
/// # use surgdb::load::State;
/// # fn keep(state: State) -> surgdb::Result<()> {
/// let text = serde_json::to_string(&state).expect("a state is plain data");
/// assert_eq!(serde_json::from_str::<State>(&text).expect("as it was written"), state);
/// assert_eq!(State::from_bytes(&state.to_bytes())?, state);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Said", into = "Said")]
pub struct State {
    /// The version of the dataset that the run was started on.
    pub version: u64,
    /// What was selected, and how it is ordered.
    pub fingerprint: Fingerprint,
    /// The next step.
    pub mark: Mark,
}

/// A state as text says it: with the checksum of its bytes.
#[derive(Serialize, Deserialize)]
struct Said {
    version: u64,
    fingerprint: Fingerprint,
    #[serde(flatten)]
    mark: Mark,
    /// Releases before it was added wrote none, and their runs go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    crc32: Option<u32>,
}

impl From<State> for Said {
    fn from(state: State) -> Self {
        let State { version, fingerprint, mark } = state;
        Self { version, fingerprint, mark, crc32: Some(state.crc32()) }
    }
}

impl TryFrom<Said> for State {
    type Error = Error;

    fn try_from(said: Said) -> Result<Self> {
        let Said { version, fingerprint, mark, crc32 } = said;
        let state = Self { version, fingerprint, mark };
        match crc32.is_none_or(|crc32| crc32 == state.crc32()) {
            true => Ok(state),
            false => Err(damaged()),
        }
    }
}

fn damaged() -> Error {
    Error::invalid("the state is damaged, its checksum does not match: resume from an earlier one")
}

impl State {
    /// The state as 88 bytes.
    pub fn to_bytes(&self) -> [u8; BYTES] {
        let [samples, seed, groups, batch] = self.fingerprint.parts();
        let Mark { epoch, step, window, item, packed } = self.mark;
        let numbers = [self.version, samples, seed, groups, batch, epoch, step, window, item, packed.into()];
        let mut bytes = [0; BYTES];
        for (place, number) in bytes[8..].chunks_exact_mut(8).zip(numbers) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        bytes[..4].copy_from_slice(&MAGIC);
        let crc32 = crc32fast::hash(&bytes[8..]);
        bytes[4..8].copy_from_slice(&crc32.to_le_bytes());
        bytes
    }

    /// The checksum, which stands in its bytes and in its JSON.
    fn crc32(&self) -> u32 {
        crc32fast::hash(&self.to_bytes()[8..])
    }

    /// The state from its bytes.
    ///
    /// # Errors
    /// `Invalid` when they are no state, or damaged; `Unsupported` when a later release wrote them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        if bytes.get(..3) != Some(&MAGIC[..3]) {
            return Err(Error::invalid("these bytes are no loader's state"));
        }
        if bytes.get(3).is_some_and(|layout| *layout != MAGIC[3]) {
            return Err(Error::unsupported("the state was written by a later release: update surgdb to resume it"));
        }
        if bytes.len() != BYTES || crc32fast::hash(&bytes[8..]).to_le_bytes() != bytes[4..8] {
            return Err(damaged());
        }
        let numbers = bytes[8..].chunks_exact(8).map(|number| number.try_into().map(u64::from_le_bytes));
        let numbers: Vec<_> = numbers.collect::<Result<_, _>>().map_err(|_| damaged())?;
        let &[version, samples, seed, groups, batch, epoch, step, window, item, packed] = numbers.as_slice() else {
            return Err(damaged());
        };
        let packed = u32::try_from(packed).map_err(|_| damaged())?;
        let fingerprint = Fingerprint::new([samples, seed, groups, batch]);
        Ok(Self { version, fingerprint, mark: Mark { epoch, step, window, item, packed } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> State {
        let mark = Mark { epoch: 2, step: 10_000_000, window: 77, item: 5, packed: 9 };
        State { version: 7, fingerprint: Fingerprint::new([u64::MAX, 1, 0, 1 << 63]), mark }
    }

    #[test]
    fn a_state_comes_back_from_bytes_and_json() {
        assert_eq!(State::from_bytes(&state().to_bytes()).unwrap(), state());
        let text = serde_json::to_string(&state()).unwrap();
        assert_eq!(
            text,
            r#"{"version":7,"fingerprint":"ffffffffffffffff-0000000000000001-0000000000000000-8000000000000000","epoch":2,"step":10000000,"window":77,"item":5,"packed":9,"crc32":CRC}"#.replace("CRC", &state().crc32().to_string())
        );
        assert_eq!(serde_json::from_str::<State>(&text).unwrap(), state());
        // As it was written before there was a checksum.
        let (before, _) = text.split_once(",\"crc32\"").unwrap();
        assert_eq!(serde_json::from_str::<State>(&format!("{before}}}")).unwrap(), state());
    }

    #[test]
    fn text_with_any_other_digit_is_refused() {
        let text = serde_json::to_string(&state()).unwrap();
        let values = text.match_indices(|c: char| c.is_ascii_digit()).map(|(at, _)| at);
        // The digits in the names of `crc32` are none of a value.
        let values = values.filter(|at| !text[..*at].ends_with("crc") && !text[..*at].ends_with("crc3"));
        for at in values {
            let digit = if &text[at..=at] == "7" { "6" } else { "7" };
            let damaged = format!("{}{digit}{}", &text[..at], &text[at + 1..]);
            assert!(serde_json::from_str::<State>(&damaged).is_err(), "{damaged}");
        }
    }

    #[test]
    fn a_damaged_state_is_refused() {
        let bytes = state().to_bytes();
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut damaged = bytes;
                damaged[at] ^= 1 << bit;
                assert!(State::from_bytes(&damaged).is_err(), "byte {at}, bit {bit}");
            }
        }
        for len in 0..bytes.len() {
            assert!(State::from_bytes(&bytes[..len]).is_err(), "{len} bytes");
        }
        for text in ["", "1-2-3-4", "zfffffffffffffff-0000000000000001-0000000000000000-8000000000000000"] {
            assert!(serde_json::from_str::<Fingerprint>(&format!("{text:?}")).is_err());
        }
    }
}
