//! A service, and methods of an ordinary `impl`.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use signal_bus::{BusHandle, inject, periodic, provider, publisher, service, subscriber};

use crate::{
    functions::{Order, pause},
    injection::Transport,
};

/// Sends mail.
#[expect(
    missing_debug_implementations,
    reason = "a transport need not be `Debug`"
)]
pub struct Mailer {
    transport: Arc<dyn Transport>,
    sent: AtomicUsize,
}

#[service]
impl Mailer {
    #[provider]
    async fn new(transport: Arc<dyn Transport>) -> anyhow::Result<Self> {
        let sent = AtomicUsize::new(0);
        std::future::ready(Ok(Self { transport, sent })).await
    }

    #[subscriber("strict.orders.*.created")]
    async fn on_order(&self, order: &Order) -> anyhow::Result<()> {
        anyhow::ensure!(order.id != 0, "no number");
        let mail = self.send("Ann").await;
        assert!(mail.starts_with("Ann"));
        Ok(())
    }

    /// Sends a letter.
    #[publisher("strict.mail.sent")]
    pub async fn send(&self, to: &str) -> String {
        std::future::ready(format!("{to} by {}", self.transport.capacity())).await
    }

    #[subscriber("strict.mail.sent")]
    #[publisher("strict.mail.counted")]
    async fn count(self: Arc<Self>, mail: &str) -> usize {
        std::future::ready(self.sent.fetch_add(mail.len(), Ordering::Relaxed)).await
    }

    #[periodic("1h")]
    async fn sweep(&self, #[inject] bus: &BusHandle) {
        pause().await;
        assert!(self.sent.load(Ordering::Relaxed) < usize::MAX - bus.stats().subscriptions.len());
    }

    /// Says how much was sent.
    #[must_use]
    pub fn sent(&self) -> usize {
        self.sent.load(Ordering::Relaxed)
    }
}

#[subscriber("strict.mail.counted")]
async fn hear_count(count: usize) {
    pause().await;
    assert!(count < 1000);
}

/// An ordinary type.
#[derive(Clone, Copy, Debug)]
pub struct Shop;

impl Shop {
    /// Sells by method.
    #[publisher("strict.sold")]
    pub async fn sell(&self, what: impl Into<String> + Send) -> String {
        std::future::ready(what.into()).await
    }

    /// Sells by associated function.
    #[publisher("strict.sold")]
    #[must_use]
    pub fn give_away() -> Option<String> {
        Some("a smile".to_owned())
    }
}

#[subscriber("strict.sold")]
async fn hear_sale(what: String) {
    pause().await;
    assert!(!what.is_empty());
}
