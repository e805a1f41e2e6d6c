//! Injected parameters in all forms, factories and providers.

use std::sync::Arc;

use signal_bus::{BusHandle, inject, periodic, provider, publisher, subscriber};

use crate::functions::{Order, pause};

/// What is configured.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Who signs.
    pub name: String,
}

/// Connections.
#[derive(Clone, Copy, Debug)]
pub struct Pool(pub usize);

/// Ways to send.
pub trait Transport: Send + Sync {
    /// How many letters it can carry.
    fn capacity(&self) -> usize;
}

struct Pigeon;

impl Transport for Pigeon {
    fn capacity(&self) -> usize {
        1
    }
}

#[provider]
async fn pool(config: &Config) -> anyhow::Result<Pool> {
    anyhow::ensure!(config.name.is_empty(), "the default has no name");
    std::future::ready(Ok(Pool(2))).await
}

#[provider]
fn transport(pool: Pool) -> Arc<dyn Transport> {
    assert!(0 < pool.0);
    Arc::new(Pigeon)
}

async fn name() -> String {
    std::future::ready("Frank".to_owned()).await
}

fn number() -> Result<u32, std::num::ParseIntError> {
    "7".parse()
}

/// Makes a title, with a parameter of its own.
#[inject(name = name)]
pub async fn title(name: String) -> String {
    std::future::ready(format!("Dr. {name}")).await
}

/// Greets, with everything that can be injected.
#[subscriber("strict.orders.eu.created")]
#[inject(title = title, once)]
#[inject(number = number, name = name)]
pub async fn greet(
    order: &Order,
    title: String,
    name: &str,
    number: u32,
    #[inject] pool: &Pool,
    #[inject] transport: Arc<dyn Transport>,
    #[inject] config: Config,
    #[inject] missing: Option<Arc<u128>>,
    #[inject] nothing: Option<&u64>,
    #[inject] bus: &BusHandle,
) {
    let sum = order.id as usize + title.len() + name.len() + number as usize + pool.0;
    let more = transport.capacity() + config.name.len() + bus.stats().subscriptions.len();
    let absent = missing.is_none() && nothing.is_none();
    pause().await;
    assert!(absent && 0 < sum + more);
}

/// Counts, outside of any handler.
#[inject]
pub async fn count_letters(#[inject] transport: &dyn Transport) -> usize {
    std::future::ready(transport.capacity()).await
}

/// A plain function with an injected parameter.
#[inject]
#[must_use]
pub fn count_connections(#[inject] pool: Pool) -> usize {
    pool.0
}

#[periodic("1h")]
#[publisher("strict.names")]
#[inject(name = name)]
async fn fetch(name: String) -> Vec<String> {
    std::future::ready(vec![name]).await
}

#[subscriber("strict.names")]
async fn hear(names: &[String]) {
    pause().await;
    assert!(!names.is_empty());
}
