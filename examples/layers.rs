//! Layers around every handler: a tracing span for each signal, the time it takes, and a guard at the door.

use signal_bus::{Bus, Call, Failure, Handled, Headers, Next, publisher, subscriber};
use tokio::time::Instant;

#[publisher("orders.created")]
async fn create(id: u32) -> u32 {
    id
}

#[subscriber("orders.created")]
async fn store(id: u32) {
    println!("order {id} is stored");
}

async fn timing(call: Call, next: Next) -> Result<Handled, Failure> {
    let (began, name) = (Instant::now(), call.to_string());
    let handled = next.run(call).await;
    let ended = if handled.is_ok() { "done" } else { "failed" };
    println!("{name}: {ended} after {:?}", began.elapsed());
    handled
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let bus = Bus::new()
        .layer(signal_bus::trace) // what handlers log stands in a span, in whatever collects it
        .layer(timing)
        .layer(|call, next| async move {
            let tenant = call.signal().header("tenant").map(str::to_owned);
            match tenant.as_deref() {
                Some("acme") => anyhow::Ok(next.run(call).await?),
                Some(_) => Ok(next.skip(call)), // counted, and done
                None => anyhow::bail!("whose order is it?"), // a failure like the handler's own
            }
        })
        .on_error(|at, failure| println!("{at}: {failure}"));
    let run = bus.run_with(async |bus| {
        create(1).await;
        Headers::new().with("tenant", "acme").scope(create(2)).await;
        Headers::new().with("tenant", "none").scope(create(3)).await;
        bus.settled().await;
        println!("{}, {} skipped", bus.stats().total, bus.stats().skipped);
    });
    run.await
}
