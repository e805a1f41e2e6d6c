//! Writes a letter for every invoice; nobody calls this crate, the bus does.

#![warn(
    missing_docs,
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used
)]

use std::sync::{Mutex, PoisonError};

use orders::{BILLED, Invoice};
use signal_bus::{inject, subscriber};

/// The letters that were written.
#[derive(Debug, Default)]
pub struct Outbox {
    letters: Mutex<Vec<String>>,
}

impl Outbox {
    /// Returns the letters written so far, in order.
    #[must_use]
    pub fn letters(&self) -> Vec<String> {
        self.letters
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn put(&self, letter: String) {
        self.letters
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(letter);
    }
}

/// Writes to the customer what is to be paid.
#[subscriber(BILLED)]
async fn write(invoice: &Invoice, #[inject] outbox: &Outbox) {
    let (units, cents) = (invoice.cents / 100, invoice.cents % 100);
    outbox.put(format!(
        "dear {}, please pay {units}.{cents:02}",
        invoice.customer
    ));
}
