//! The smallest program that does something.

use signal_bus::{Bus, publisher, subscriber};

#[publisher("greeting")]
async fn greet(name: &str) -> String {
    format!("hello {name}")
}

#[subscriber("greeting")]
async fn print(text: String) {
    println!("{text}");
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    Bus::new()
        .run(async {
            greet("world").await;
        })
        .await
}
