//! Sizes of tests: what is enough for each time, unless a variable of the environment says another one for a run by hand.

use std::ffi::{OsStr, OsString};

/// The number that the variable `name` says, if there is such a variable.
pub(crate) fn said(name: &str) -> Option<u64> {
    std::env::var_os(name).map(|said| read(name, &said))
}

/// The number that the variable `name` says, or else `usual`.
pub(crate) fn size(name: &str, usual: u64) -> u64 {
    said(name).unwrap_or(usual)
}

fn read(name: &str, said: &OsStr) -> u64 {
    let number = said.to_str().and_then(|said| said.parse().ok());
    number.unwrap_or_else(|| panic!("{name} has to be a whole number, and is {said:?}"))
}

#[test]
fn a_variable_says_a_number() {
    assert_eq!(read("SIZE", OsStr::new("10000000")), 10_000_000);
    assert_eq!(size("SIGNAL_BUS_TEST_SIZE_THAT_NOBODY_SAYS", 7), 7);
}

/// Otherwise a slip of the pen would make a run of a million cases one of the usual few.
#[test]
fn what_is_no_number_is_refused_by_name() {
    for said in ["", "1e7", "10_000_000", "-1", " 7", "0x10"] {
        let said = OsString::from(said);
        let refused = std::panic::catch_unwind(|| read("SIZE", &said)).unwrap_err();
        let text = refused.downcast::<String>().unwrap();
        assert!(
            text.starts_with("SIZE has to be a whole number, and is \""),
            "{text}"
        );
    }
}
