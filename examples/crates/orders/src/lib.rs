//! Takes orders and bills them; who hears of an invoice is not this crate's business.

#![warn(
    missing_docs,
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used
)]

use std::time::Duration;

use anyhow::Context as _;
use signal_bus::{Topic, publisher, subscriber};

/// An order as the customer placed it.
#[derive(Clone, Debug)]
pub struct Order {
    /// Who pays.
    pub customer: String,
    /// How many pieces.
    pub pieces: u64,
    /// The price of one piece in cents.
    pub piece_cents: u64,
}

/// What a customer has to pay.
#[derive(Clone, Debug)]
pub struct Invoice {
    /// Who pays.
    pub customer: String,
    /// The sum in cents.
    pub cents: u64,
}

/// Carries every order that was placed.
pub static PLACED: Topic<Order> = Topic::new("orders.placed");

/// Carries the invoice of every order.
pub static BILLED: Topic<Invoice> = Topic::new("orders.billed");

/// Places the order in one line of text: `customer, pieces, cents for one`.
///
/// # Errors
///
/// A line that is no order is refused, and nobody hears of it.
///
/// # Cancel safety
///
/// Cancel safe: a future dropped before it completes placed no order.
#[publisher(PLACED)]
pub async fn place(line: &str) -> anyhow::Result<Order> {
    let fields: Vec<&str> = line.split(',').map(str::trim).collect();
    let [customer, pieces, cents] = fields[..] else {
        anyhow::bail!("expected three fields in `{line}`");
    };
    let pieces = pieces
        .parse()
        .with_context(|| format!("no number of pieces in `{line}`"))?;
    let piece_cents = cents
        .parse()
        .with_context(|| format!("no price in `{line}`"))?;
    Ok(Order {
        customer: customer.to_owned(),
        pieces,
        piece_cents,
    })
}

/// Bills an order, at its leisure: a queue forms in front of it.
#[subscriber(PLACED)]
#[publisher(BILLED)]
async fn bill(order: &Order) -> Invoice {
    tokio::time::sleep(Duration::from_millis(10)).await;
    Invoice {
        customer: order.customer.clone(),
        cents: order.pieces * order.piece_cents,
    }
}
