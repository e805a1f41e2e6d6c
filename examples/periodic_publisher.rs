//! A periodic task that publishes: what it needs is injected, what it returns reaches two subscribers.

use std::time::Duration;

use signal_bus::{Bus, inject, periodic, publisher, subscriber};
use tokio::time::sleep;

#[derive(Clone, Debug)]
struct Row {
    id: u32,
    value: String,
}

fn get_url() -> String {
    std::env::var("URL").unwrap_or_else(|_| "https://example.org/rows".to_owned())
}

async fn get_secret() -> anyhow::Result<String> {
    sleep(Duration::from_millis(10)).await;
    Ok("swordfish".to_owned())
}

#[periodic(1.0)]
#[publisher("new-data")]
#[inject(url = get_url)]
#[inject(secret = get_secret)]
async fn get_data(url: String, secret: String) -> Vec<Row> {
    println!("asking {url} with a secret of {} letters", secret.len());
    let row = |id, value: &str| Row {
        id,
        value: value.to_owned(),
    };
    vec![row(0, "cats"), row(1, "dogs")]
}

#[subscriber("new-data")]
async fn process_values(rows: Vec<Row>) {
    for row in rows {
        println!("value {}", row.value.to_uppercase());
    }
}

#[subscriber("new-data")]
async fn process_ids(rows: Vec<Row>) {
    for row in rows {
        println!("id {}", row.id + 1);
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    Bus::new().run(sleep(Duration::from_millis(2_500))).await
}
