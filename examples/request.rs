//! Request and reply: ask whoever answers on a topic, and hear at once if nobody does or it fails.

use std::time::Duration;

use signal_bus::{Bus, RequestError, Signal, subscriber};

struct Ask {
    item: &'static str,
}

#[derive(Debug)]
struct Quote {
    cents: u32,
}

#[subscriber("quotes.price", reply)]
async fn price(ask: &Ask) -> anyhow::Result<Quote> {
    match ask.item {
        "tea" => Ok(Quote { cents: 350 }),
        other => anyhow::bail!("there is no {other}"),
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let bus = Bus::new().on_error(|_, _| {}).start().await?;
    let limit = Duration::from_secs(1);
    for item in ["tea", "gold"] {
        match bus
            .request::<Ask, Quote>("quotes.price", Ask { item }, limit)
            .await
        {
            Ok(quote) => println!("{item}: {} cents", quote.cents),
            Err(error) => println!("{item}: {error}"),
        }
    }

    match bus.request::<u32, u32>("numbers.double", 21, limit).await {
        Err(RequestError::NoResponders { request, .. }) => println!("nobody doubles {request} yet"),
        other => println!("{other:?}"),
    }
    let doubles = bus.respond("numbers.*", async |number: Signal<u32>| {
        anyhow::Ok(*number * 2)
    })?;
    println!(
        "21 twice is {}",
        bus.request::<u32, u32>("numbers.double", 21, limit).await?
    );

    drop(doubles);
    bus.close().await?;
    Ok(())
}
