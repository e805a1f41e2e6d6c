//! Nobody knows which of its types a generic service has.

use signal_bus::{service, subscriber};

struct Store<T>(T);

#[service]
impl<T> Store<T> {
    #[subscriber("orders.created")]
    async fn store(&self, order: String) {
        drop(order);
    }
}

fn main() {}
