//! A reply goes to another task.

use std::rc::Rc;

use signal_bus::subscriber;

struct Quote(Rc<u64>);

#[subscriber("quotes.price", reply)]
async fn price(item: String) -> Quote {
    Quote(Rc::new(item.len() as u64))
}

fn main() {}
