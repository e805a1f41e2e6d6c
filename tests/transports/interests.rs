//! What a connection is asked for while subscribers come and go.

use signal_bus::{Signal, transport::LoopbackNetwork};

use crate::{Noted, connected, until};

#[tokio::test(start_paused = true)]
async fn whoever_comes_later_takes_nothing_from_those_who_were_there() -> anyhow::Result<()> {
    for (first, later) in [
        ("orders.eu", "orders.>"),
        ("orders.>", "orders.eu"),
        ("orders.*", "*.eu"),
    ] {
        let network = LoopbackNetwork::new();
        let topics = &["orders.>"];
        let (here, there) = (
            connected(&network, topics).await,
            connected(&network, topics).await,
        );
        let (noted, noted_later) = (Noted::default(), Noted::default());
        let (begin, begun) = tokio::sync::watch::channel(false);
        let notes = noted.clone();
        let slow = there.subscription::<u32>(first).capacity(1);
        let slow = slow.listen(move |x: Signal<u32>| {
            let (notes, mut begun) = (notes.clone(), begun.clone());
            async move {
                begun.wait_for(|begun| *begun).await.unwrap();
                notes.note(*x);
            }
        })?;
        there.connected().await;
        for x in 0..20_u32 {
            here.publish("orders.eu", x).await?;
        }
        let notes = noted_later.clone();
        let quick = there.listen(later, move |x: Signal<u32>| {
            notes.note(*x);
            async {}
        })?;
        there.connected().await;
        here.publish("orders.eu", 20_u32).await?;
        begin.send_replace(true);
        until(|| noted.all().len() == 21 && noted_later.all().contains(&20)).await;
        until(|| network.outstanding() == 0).await;
        assert_eq!(noted.all(), (0..21).collect::<Vec<_>>(), "{first} {later}");
        // And the other way: who has come first leaves.
        drop(slow);
        there.connected().await;
        here.publish("orders.eu", 21_u32).await?;
        until(|| noted_later.all().last() == Some(&21)).await;
        drop(quick);
        here.close().await?;
        there.close().await?;
    }
    Ok(())
}
