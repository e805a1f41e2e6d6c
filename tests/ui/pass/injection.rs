//! Injection by factory and by type, and a service.

use std::sync::Arc;

use signal_bus::{Bus, inject, periodic, provider, publisher, service, subscriber};

struct Config;

struct Pool;

trait Transport: Send + Sync {}

struct Local;

impl Transport for Local {}

struct Mailer(Arc<dyn Transport>);

async fn name() -> String {
    "Frank".to_owned()
}

#[subscriber("greeting")]
#[inject(name = name)]
async fn print_greeting(greeting: String, name: String) {
    println!("{greeting} from {name}");
}

#[subscriber("user.created")]
async fn welcome(user: &u32, #[inject] mailer: &Mailer, #[inject] pool: Option<Arc<Pool>>) {
    let _ = (user, &mailer.0, pool);
}

#[provider]
async fn pool(config: &Config) -> anyhow::Result<Pool> {
    let _ = config;
    Ok(Pool)
}

#[service]
impl Mailer {
    #[provider]
    async fn new(transport: Arc<dyn Transport>) -> anyhow::Result<Mailer> {
        Ok(Mailer(transport))
    }

    #[subscriber("user.created")]
    async fn on_user(&self, user: &u32) -> anyhow::Result<()> {
        self.send(&user.to_string()).await;
        Ok(())
    }

    #[publisher("mail.sent")]
    async fn send(&self, to: &str) -> String {
        to.to_owned()
    }

    #[periodic(60)]
    async fn sweep(&self) {}
}

#[inject]
async fn report(#[inject] mailer: &Mailer) -> usize {
    Arc::strong_count(&mailer.0)
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let transport: Arc<dyn Transport> = Arc::new(Local);
    Bus::new()
        .provide(Config)
        .provide_arc(transport)
        .replace(name, || "Bob".to_owned())
        .run(async {
            print_greeting("hi".into()).await;
            print_greeting::direct("hi".into(), "Ann".into()).await;
            report().await;
        })
        .await
}
