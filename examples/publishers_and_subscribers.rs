//! Ten inputs at once, two subscribers: tasks that tokio spawns find the bus of their runtime.

use std::time::Duration;

use signal_bus::{Bus, publisher, subscriber};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

#[derive(Clone, Debug)]
struct Foo {
    message: String,
}

#[publisher("foo")]
async fn foo_publisher(message: String) -> Foo {
    println!("publishing {message}");
    sleep(Duration::from_millis(200)).await;
    Foo { message }
}

#[subscriber("foo")]
async fn foo_subscriber_0(signal: &Foo) {
    println!("foo subscriber 0 received {}", signal.message);
}

#[subscriber("foo")]
async fn foo_subscriber_1(signal: Foo) {
    println!("foo subscriber 1 received {signal:?}");
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let start = Instant::now();
    Bus::new()
        .run(async {
            let inputs = (0..10).map(|number| format!("message:{number}"));
            let publishers: JoinSet<Foo> = inputs.map(foo_publisher).collect();
            publishers.join_all().await;
        })
        .await?;
    println!(
        "10 inputs of 200 ms each took {} ms",
        start.elapsed().as_millis()
    );
    Ok(())
}
