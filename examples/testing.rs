//! Testing a handler: on a bus that remembers what was published and what each handler did.

use signal_bus::testing::{Outcome, TestBus};
use signal_bus::{Bus, publisher, subscriber};

#[publisher("user.created")]
async fn sign_up(name: &str) -> String {
    name.to_owned()
}

#[subscriber("user.created")]
#[publisher("mail.sent")]
async fn welcome(name: String) -> anyhow::Result<String> {
    anyhow::ensure!(!name.is_empty(), "nobody to write to");
    Ok(format!("welcome {name}"))
}

#[subscriber("user.created")]
async fn bill(_name: String) {
    unreachable!("a test bus runs what it was given, nothing else");
}

async fn welcome_writes_to_whoever_has_a_name() -> anyhow::Result<()> {
    let bus = TestBus::start(Bus::empty().with::<welcome>()).await?;
    sign_up("Ann").await;
    sign_up("").await;
    bus.settled().await;

    let letters = bus.published::<String>("mail.sent");
    assert_eq!(letters.len(), 1);
    assert_eq!(*letters[0], "welcome Ann");

    let handled = bus.handled::<welcome>();
    assert_eq!(handled[0].outcome, Outcome::Done);
    assert_eq!(
        handled[1].outcome,
        Outcome::Failed("nobody to write to".to_owned())
    );
    println!("published: {letters:?}\nhandled: {handled:#?}");
    bus.close().await?;
    Ok(())
}

#[cfg(test)]
#[tokio::test]
async fn welcome_is_kept() -> anyhow::Result<()> {
    welcome_writes_to_whoever_has_a_name().await
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    welcome_writes_to_whoever_has_a_name().await
}
