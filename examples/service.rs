//! A service: injection builds an object once, and the object's methods subscribe and publish.

use std::sync::Arc;

use signal_bus::{Bus, provider, publisher, service, subscriber};

trait Transport: Send + Sync {
    fn send(&self, letter: &str) -> anyhow::Result<()>;
}

struct Console;

impl Transport for Console {
    fn send(&self, letter: &str) -> anyhow::Result<()> {
        println!("sending: {letter}");
        Ok(())
    }
}

#[provider]
fn transport() -> Arc<dyn Transport> {
    Arc::new(Console)
}

struct Mailer {
    transport: Arc<dyn Transport>,
}

#[service]
impl Mailer {
    #[provider]
    async fn new(transport: Arc<dyn Transport>) -> anyhow::Result<Self> {
        Ok(Self { transport })
    }

    #[subscriber("user.created")]
    #[publisher("mail.sent")]
    async fn welcome(&self, user: String) -> anyhow::Result<String> {
        self.transport.send(&format!("welcome {user}"))?;
        Ok(user)
    }
}

#[publisher("user.created")]
async fn sign_up(name: &str) -> String {
    name.to_owned()
}

#[subscriber("mail.sent")]
async fn note(user: &str) {
    println!("{user} has mail");
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    Bus::new().run(sign_up("Ann")).await?;
    Ok(())
}
