//! Says something to everybody: one program, in as many terminals as you like.
//!
//! Start a server, `nats-server -js`, and then in two terminals:
//!
//! ```sh
//! cargo run -p signal-bus-nats --example two_terminals -- ann
//! cargo run -p signal-bus-nats --example two_terminals -- bob
//! ```

use std::{env, time::Duration};

use signal_bus::{Bus, Signal, periodic, publisher, subscriber};
use signal_bus_nats::{Nats, Streams};

fn name() -> String {
    env::args().nth(1).unwrap_or_else(|| "somebody".into())
}

#[publisher("said.{by}")]
async fn say(by: &str, words: String) -> String {
    words
}

#[subscriber("said.*")]
async fn hear(words: Signal<String>) {
    println!("{}: {}", words.topic().trim_start_matches("said."), *words);
}

#[periodic(1)]
async fn greet() {
    say(&name(), "is there".into()).await;
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let address = env::var("NATS_URL").unwrap_or_else(|_| "nats://127.0.0.1:4222".into());
    let nats = Nats::at(&address)?.create_streams(Streams::named("SAID"));
    let bus = Bus::new().connect_to(nats, ["said.*"]).start().await?;
    tokio::time::sleep(Duration::from_secs(20)).await;
    bus.close().await?;
    Ok(())
}
