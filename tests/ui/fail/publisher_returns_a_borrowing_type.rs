//! A signal outlives the call, and what it borrows does not.

use signal_bus::publisher;

#[derive(Clone)]
struct Line<'a>(&'a str);

#[publisher("orders.created")]
fn create(order: &str) -> Line<'_> {
    Line(order)
}

fn main() {}
