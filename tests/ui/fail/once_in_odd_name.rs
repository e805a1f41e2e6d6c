//! The name of a cluster can stand in keys of any server.

use signal_bus::periodic;

#[periodic("5m", once_in = "my cluster")]
async fn report() {}

#[periodic("5m", once_in = cluster)]
async fn sweep() {}

#[periodic("5m", once = "cluster")]
async fn poll() {}

fn main() {}
