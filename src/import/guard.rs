//! Reading with libraries that may panic at some bytes that are damaged.

use crate::error::{Error, Result};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static IS_ON: Cell<bool> = const { Cell::new(false) };
}

/// Calls what reads a file with such a library. Where it panics the file is damaged, which is an error like others.
///
/// # Errors
/// Those of `read`; `Input` where it panics.
pub fn guarded<T>(read: impl FnOnce() -> Result<T>) -> Result<T> {
    let was_on = IS_ON.replace(true);
    // What was being read is never touched again after an error.
    let done = catch_unwind(AssertUnwindSafe(read));
    IS_ON.set(was_on);
    done.unwrap_or_else(|_| Err(Error::input("it is damaged: its reader gave up on it")))
}

/// Whether a panic of this thread would be caught here, and told as an error: whoever prints panics can pass over it.
pub fn is_on() -> bool {
    IS_ON.get()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_panic_is_an_error_and_only_then() {
        assert!(guarded(|| Ok(is_on())).unwrap());
        let given_up = guarded(|| -> Result<()> { guarded(|| Ok(())).map(|()| panic!("byte 7, on: {}", is_on())) });
        assert_eq!(given_up.unwrap_err().kind(), ErrorKind::Input);
        assert!(!is_on());
        assert_eq!(guarded(|| -> Result<()> { Err(Error::invalid("no")) }).unwrap_err().kind(), ErrorKind::Invalid);
    }
}
