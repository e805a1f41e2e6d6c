//! Services: methods wired by injection of what they belong to.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use signal_bus::{
    Bus, BusHandle, Topic, inject, periodic, provider, publisher, service, subscriber,
};

#[derive(Clone, Debug)]
struct User {
    name: String,
}

#[derive(Clone, Debug, PartialEq)]
struct Mail {
    to: String,
}

static MAIL_SENT: Topic<Mail> = Topic::new("services.mail.sent");

trait Transport: Send + Sync {
    fn send(&self, mail: &Mail) -> anyhow::Result<()>;
}

#[derive(Default)]
struct Outbox(Mutex<Vec<String>>);

impl Transport for Outbox {
    fn send(&self, mail: &Mail) -> anyhow::Result<()> {
        anyhow::ensure!(mail.to != "nobody", "nobody has no address");
        self.0.lock().unwrap().push(format!("to {}", mail.to));
        Ok(())
    }
}

struct Mailer {
    transport: Arc<dyn Transport>,
    sent: Mutex<Vec<String>>,
}

#[service]
impl Mailer {
    #[provider]
    async fn new(transport: Arc<dyn Transport>) -> anyhow::Result<Self> {
        let sent = Mutex::default();
        Ok(Self { transport, sent })
    }

    #[subscriber("services.user.created")]
    async fn on_user(&self, user: &User) -> anyhow::Result<()> {
        self.send(&user.name).await.map(drop)
    }

    #[publisher(MAIL_SENT)]
    async fn send(&self, to: &str) -> anyhow::Result<Mail> {
        let mail = Mail { to: to.to_owned() };
        self.transport.send(&mail)?;
        Ok(mail)
    }

    #[subscriber(MAIL_SENT)]
    async fn count(self: Arc<Self>, mail: Arc<Mail>) {
        self.sent.lock().unwrap().push(mail.to.clone());
    }

    #[subscriber("services.user.created")]
    #[publisher("services.user.named")]
    async fn name(&self, user: &User) -> Option<String> {
        (user.name != "ann").then(|| user.name.to_uppercase())
    }

    #[periodic(60)]
    async fn sweep(&self, #[inject] bus: &BusHandle, #[inject] swept: &Mutex<u64>) {
        *swept.lock().unwrap() = bus.stats().periodic_runs;
    }

    /// A method without any attribute stays what it is.
    fn sent(&self) -> Vec<String> {
        self.sent.lock().unwrap().clone()
    }
}

#[publisher("services.user.created")]
async fn sign_up(name: &str) -> User {
    User { name: name.into() }
}

#[subscriber("services.user.named")]
async fn hear_name(name: &str, #[inject] names: &Mutex<Vec<String>>) {
    names.lock().unwrap().push(name.to_owned());
}

#[inject]
async fn report(#[inject] mailer: &Mailer) -> Vec<String> {
    mailer.sent()
}

#[tokio::test(start_paused = true)]
async fn a_service_is_built_once_and_its_methods_are_wired() -> anyhow::Result<()> {
    let (outbox, names) = (
        Arc::<Outbox>::default(),
        Arc::<Mutex<Vec<String>>>::default(),
    );
    let swept = Arc::<Mutex<u64>>::default();
    let bus = Bus::empty()
        .with::<Mailer>()
        .with::<hear_name>()
        .with::<report>()
        .provide_arc::<dyn Transport>(Arc::clone(&outbox) as _)
        .provide_arc(Arc::clone(&names))
        .provide_arc(Arc::clone(&swept))
        .on_error(|_, _| {});
    let bus = bus.start().await?;
    for name in ["ann", "bob", "nobody"] {
        sign_up(name).await;
    }
    bus.settled().await;
    assert_eq!(report().await, ["ann", "bob"]);
    tokio::time::sleep(Duration::from_secs(61)).await;
    let closed = bus.close().await?;
    assert_eq!(*outbox.0.lock().unwrap(), ["to ann", "to bob"]);
    assert_eq!(*names.lock().unwrap(), ["BOB", "NOBODY"]);
    assert_eq!(*swept.lock().unwrap(), 2);
    assert_eq!(closed.stats.total.dead, 1);
    assert_eq!(closed.failures[0].site.function, "Mailer::on_user");
    Ok(())
}

#[tokio::test]
async fn a_service_without_its_needs_is_refused_at_start() {
    let error = Bus::empty()
        .with::<Mailer>()
        .start()
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("nothing provides `dyn behaviour::services::Transport`"),
        "{error}"
    );
    assert!(
        error.contains("Mailer::new (tests/behaviour/services.rs:"),
        "{error}"
    );
    assert!(error.contains("needs it for parameter `swept`"), "{error}");
}
